"""The models that an index may come from: found, verified and ready to encode. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.config import NO_SIDE
from harness.data import Side, Sides
from harness.errors import CaseError, CheckpointError
from harness.models import (
    ENCODE,
    MODULES,
    PROBE_TEXTS,
    Checkpoint,
    Embeddings,
    Fingerprint,
    ResolvedBase,
    declared_prompts,
    declared_width,
    files_digest,
    side_named,
)
from harness.verification import candidate_in, check_files

if TYPE_CHECKING:
    from harness.execution import Context


@dataclass(frozen=True)
class IndexModel:
    """A model that may have made the vectors of an index.

    Attributes:
        name: For people.
        checkpoint: The model.
        sides: Each way in which it may encode a text, by its own prompts; the first is the one that it should.
        width: Of its embeddings as they are stored; None where only encoding tells.
        truncate_dim: The number of dimensions that are stored, of a model whose embeddings are cut; None for all.
    """

    name: str
    checkpoint: Checkpoint
    sides: tuple[Side, ...]
    width: int | None
    truncate_dim: int | None = None

    def encode(self, ctx: Context, texts: list[str]) -> tuple[dict[str, NDArray[np.float32]], Fingerprint]:
        """Encode texts in a process of its own: name of each of its ways -> embeddings; and its fingerprint.

        Raises:
            CheckpointError: It does not open.
        """
        found: dict[str, NDArray[np.float32]] = {}
        fingerprints = []
        for start in range(0, len(self.sides), 2):  # a step takes one side or two
            pair = self.sides[start : start + 2]
            sides = Sides(pair[0], pair[-1])
            encoded = ctx.artefact(
                ENCODE,
                title=f"encode {self.name}",
                source=self.checkpoint,
                texts={"index": [texts] * len(sides.distinct)},
                sides=sides,
                device=ctx.device,
            )
            arrays = Embeddings(encoded).arrays
            parts = np.split(arrays["index"][:, : self.truncate_dim], len(sides.distinct))
            found |= dict(zip(map(self._words, sides.distinct), parts, strict=True))
            probes = arrays["probes"][: len(PROBE_TEXTS)]  # what is below has a prompt
            settings = encoded.value.settings
            fingerprints.append(Fingerprint.of(self.name, self.checkpoint.digest, settings, probes))
        return found, fingerprints[0]

    def _words(self, side: Side) -> str:
        if side == self.sides[0]:
            return self.name
        return f"{self.name}, prompt {side.name!r}" if side.prompt else f"{self.name}, no prompt"


def find_model(
    name: str,
    path: Path,
    *,
    option: str,
    side: str = NO_SIDE,
    base_model: Path | None = None,
    truncate_dim: int | None = None,
) -> IndexModel:
    """Find a whole model, or an adapter on its base, in a directory.

    Args:
        name: For people.
        path: The directory.
        option: What named it, for errors.
        side: The side of the texts of the index, by name; `none` for no prompt. Every other prompt is tried as well.
        base_model: Directory of the base of an adapter.
        truncate_dim: The number of dimensions that are stored, where the embeddings are cut.

    Raises:
        HarnessError: There is no such model, it is not safe to open, or it has no prompt for the side or no such width.
    """
    where = f"{option} {path}"
    candidate = candidate_in(path, name, where=where)
    files = check_files(candidate)
    if files.outcome == "fail":
        raise CheckpointError(f"{option}: {files.message}")
    whole = path if candidate.strategy == "full" else base_model
    if whole is None or not whole.is_dir():
        raise CaseError(f"{where}: an adapter alone; expected the directory of its base as well: --base-model DIR")
    digest, _ = files_digest(whole)
    base = ResolvedBase(whole.name, None, whole.absolute(), digest)
    # An adapter's directory may declare prompts of its own, as a model of sentence-transformers.
    own = declared_prompts(ResolvedBase(name, None, path, ""))
    declared = own if own.texts else declared_prompts(base)
    first = side_named(
        side,
        declared.texts,
        name,
        place=f"--side {side}",
        write=lambda other: f"--side {other}",
    )
    ways = {each.prompt: each for each in (first, Side())}  # by their prompts: what has the same one is the same way
    for prompt, text in declared.texts.items():
        ways.setdefault(text, Side(prompt, text))
    ways[first.prompt] = first
    width = declared_width(whole) if (whole / MODULES).is_file() else None
    if truncate_dim is not None and width is not None and truncate_dim > width:
        raise CaseError(
            f"--truncate-dim {truncate_dim}: {name} makes embeddings of width {width}; expected at most that"
        )
    return IndexModel(name, candidate.checkpoint(base), tuple(ways.values()), truncate_dim or width, truncate_dim)
