"""Every proof on a candidate, from its files to what it computes, as an artefact in the store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness import candidates, checkpoints, encoding
from harness.candidates import Finding, enter, prove_base, prove_files, prove_opened, require_unchanged
from harness.checkpoints import PROBE_TEXTS
from harness.errors import CheckpointError
from harness.store import digest_of
from harness.workplace import source_digest, versions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from harness.candidates import Candidate
    from harness.checkpoints import ResolvedBase
    from harness.workplace import Workplace


@dataclass(frozen=True)
class Examination:
    """What the proofs on a candidate found.

    Attributes:
        findings: Proof -> finding.
        settings: Way in -> the opened model's settings.
        errors: Way in -> why it leads nowhere.
        embeddings: Way in -> the probe texts' embeddings in one process and in another.
    """

    findings: Mapping[str, Finding]
    settings: Mapping[str, Mapping[str, Any]]
    errors: Mapping[str, str]
    embeddings: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]

    def require_opened(self) -> None:
        """Raises where nothing about the candidate can be measured.

        Raises:
            CheckpointError: Its files, its base, or what they open to is not what it should be.
        """
        for proof in ("files", "base", "whole"):
            found = self.findings.get(proof)
            if found is not None and found.outcome == "fail":
                raise CheckpointError(f"proof {proof!r} failed: {found.message}")


def examine(work: Workplace, title: str, candidate: Candidate, base: ResolvedBase) -> Examination:
    """Runs every proof on a candidate: on its files, and only if they are safe on what they open to.

    Args:
        work: Store and progress.
        title: Names the stages.
        candidate: The candidate.
        base: The case's base.

    Raises:
        HarnessError: A stage failed.
    """
    files = prove_files(candidate)
    if files.outcome == "fail":
        return Examination({"files": files}, {}, {}, {})
    decides = {
        "source": source_digest(candidates, checkpoints, encoding),
        "candidate": [candidate.strategy, str(candidate.path), candidate.digest],
        "base": base.digest,
        "probes": digest_of(PROBE_TEXTS),
        "libraries": versions(encoding.LIBRARIES),
    }

    def build(out: Path) -> dict[str, Any]:
        proved = work.stage(title, prove_opened, candidate, base)
        turns = [
            work.stage(f"{title}, opening {turn}", enter, candidate, base, turn, out / f"{turn}.safetensors")
            for turn in (1, 2)
        ]
        require_unchanged(candidate)  # or the store would remember of one model what another one did
        content = {
            "findings": {name: proved[name] for name in ("whole", "weights") if name in proved},
            "settings": turns[0]["settings"],
            "errors": turns[0]["errors"] | turns[1]["errors"],
        }
        (out / "examination.json").write_text(json.dumps(content), encoding="utf-8")
        return {"seconds": sum(stage["seconds"] for stage in (proved, *turns))}

    made = work.store.make("examination", decides, build)
    content = made.read_json("examination.json")
    first, second = (encoding.read_arrays(made.file(f"{turn}.safetensors")) for turn in (1, 2))
    return Examination(
        findings={
            "files": files,
            "base": prove_base(candidate, base),
            **{name: Finding(*finding) for name, finding in content["findings"].items()},
        },
        settings=content["settings"],
        errors=content["errors"],
        embeddings={way: (first[way], second[way]) for way in first if way in second},
    )
