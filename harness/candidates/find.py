"""The model that a gate is about: where it lies, and which of the case's models it wants to take the place of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.errors import CaseError, CheckpointError
from harness.store import digest_of, directory_digests

if TYPE_CHECKING:
    from pathlib import Path

    from harness.case import Case

_OPTIONS = {"lora": "--adapter", "full": "--full-model"}


@dataclass(frozen=True)
class Candidate:
    """A model that wants to ship.

    Attributes:
        model: The case's model whose place it takes, and whose baseline it is held against.
        strategy: `lora` for an adapter, `full` for a whole model.
        path: Its directory.
        digest: sha256 over the names and digests of all its files.
    """

    model: str
    strategy: Literal["lora", "full"]
    path: Path
    digest: str

    @property
    def words(self) -> str:
        """The candidate for people."""
        return f"{_OPTIONS[self.strategy]} {self.path} (sha256 {self.digest[:12]}), in the place of {self.model}"


def find_candidate(case: Case, strategy: Literal["lora", "full"], path: Path, model: str | None = None) -> Candidate:
    """Finds a candidate and the model of the case that it stands for.

    Args:
        case: The case that it is gated by.
        strategy: What it is.
        path: Its directory.
        model: The model that it stands for; by default the only one of its strategy in the case.

    Raises:
        CaseError: No such directory, or no such model, or more than one.
    """
    option = _OPTIONS[strategy]
    if not path.is_dir():
        came = "a file" if path.exists() else "nothing there"
        raise CaseError(f"{option} {path}: {came}; expected the directory of {_KINDS[strategy]}")
    known = [name for name, recipe in case.models.items() if recipe.strategy == strategy]
    if model is None and len(known) != 1:
        raise CaseError(
            f"{option} {path}: {case.path} has {len(known)} models with strategy {strategy!r}"
            f"{': ' + ', '.join(known) if known else ''}; say which one it stands for: --as MODEL"
        )
    if model is not None and model not in case.models:
        raise CaseError(f"--as {model}: not a model of {case.path}; expected one of {', '.join(case.models)}")
    return Candidate(model or known[0], strategy, path.absolute(), digest_of(directory_digests(path)))


def require_unchanged(candidate: Candidate) -> None:
    """Raises where a candidate is no longer what was found: what was just measured may be of neither.

    Raises:
        CheckpointError: A file in its directory was added, removed or changed.
    """
    now = digest_of(directory_digests(candidate.path))
    if now != candidate.digest:
        raise CheckpointError(
            f"{candidate.path}: changed while it was gated: its files had sha256 {candidate.digest[:12]}, now "
            f"{now[:12]}; nothing was stored. Wait until it is complete, and run again"
        )


_KINDS = {"lora": "a PEFT adapter", "full": "a sentence-transformers model"}
