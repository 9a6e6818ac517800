"""A model to open: which, from which base, and the digest by which what is computed from it is kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from harness.errors import CheckpointError
from harness.execution.digests import digest_of, directory_digests
from harness.execution.store import Artefact
from harness.models.record import TrainingRecord, read_record
from harness.models.sources import ResolvedBase


@dataclass(frozen=True)
class Checkpoint:
    """A model to open: the base itself, or one that was trained from it.

    Attributes:
        strategy: A key of `harness.models.loading.SAVED`.
        base: The base.
        path: Directory of the trained weights; the base's own for the base.
        weights: Digest of the trained weights; empty for the base.
        external: Whether the directory lies outside the store, where it may change while it is read. `weights` is then
            `directory_digest(path)`.
        claims_base: Whether it must be made from the base.
    """

    strategy: str
    base: ResolvedBase
    path: Path
    weights: str
    external: bool = False
    claims_base: bool = True

    @classmethod
    def of_base(cls, base: ResolvedBase) -> Self:
        """Return the checkpoint of the base itself."""
        return cls("base", base, base.path, "")

    @classmethod
    def of_trained(cls, strategy: str, base: ResolvedBase, trained: Artefact[Any]) -> Self:
        """Return the checkpoint of a model that was trained here; a StoreError where one of its files was changed."""
        return cls(strategy, base, trained.verified, trained.digest)

    @property
    def digest(self) -> str:
        """sha256 of everything that its output depends on; not of where it lies."""
        return digest_of([self.strategy, self.base.digest, self.weights])

    def read_record(self) -> TrainingRecord | None:
        """Read the record of its training as `read_record` does; None for the base."""
        return None if self.strategy == "base" else read_record(self.path)

    def require_unchanged(self) -> None:
        """Raise a CheckpointError if an external directory's files are no longer those of `weights`."""
        now = directory_digest(self.path) if self.external else self.weights
        if now != self.weights:
            raise CheckpointError(
                f"{self.path}: changed while it was gated: its files had sha256 {self.weights[:12]}, now {now[:12]}; "
                f"nothing was stored. Wait until it is complete, and run again"
            )


def directory_digest(path: Path) -> str:
    """sha256 over the names and digests of all files below a directory."""
    return digest_of(directory_digests(path))
