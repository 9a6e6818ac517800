"""The model that a gate run is about, and the outcome of a check on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.errors import CaseError
from harness.execution.digests import digest_of
from harness.models.checkpoint import Checkpoint, directory_digest
from harness.models.sources import ResolvedBase

if TYPE_CHECKING:
    from harness.config import Case

_OPTIONS = {"lora": "--adapter", "full": "--full-model"}
KINDS = {"lora": "a PEFT adapter", "full": "a sentence-transformers model"}
"""Strategy -> what a candidate of it is, in words."""


@dataclass(frozen=True)
class Candidate:
    """A model that is to be released.

    Attributes:
        model: The case's model whose place it takes, and with whose baseline it is compared.
        strategy: `lora` for an adapter, `full` for a whole model.
        sha256: Over the names and digests of all its files.
    """

    model: str
    strategy: Literal["lora", "full"]
    path: Path
    sha256: str

    @property
    def digest(self) -> str:
        """Identifies what is found out about it: of its files and of where they lie, since messages name that."""
        return digest_of([self.strategy, str(self.path), self.sha256])

    @property
    def words(self) -> str:
        """The candidate for people."""
        return f"{_OPTIONS[self.strategy]} {self.path} (sha256 {self.sha256[:12]}), in the place of {self.model}"

    def checkpoint(self, base: ResolvedBase) -> Checkpoint:
        """Return the candidate as a model to open."""
        return Checkpoint(self.strategy, base, self.path, self.sha256, external=True)


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        outcome: `inconclusive` where more would have to be recorded beside the model.
    """

    outcome: Literal["pass", "fail", "inconclusive"]
    message: str


def find_candidate(case: Case, strategy: Literal["lora", "full"], path: Path, model: str | None = None) -> Candidate:
    """Find a candidate in a directory, and the model of the case that it stands for.

    That is `model`, or else the only one of its strategy in the case.

    Raises:
        CaseError: No such directory, or no such model, or more than one.
    """
    option = _OPTIONS[strategy]
    if not path.is_dir():
        came = "a file" if path.exists() else "nothing there"
        raise CaseError(f"{option} {path}: {came}; expected the directory of {KINDS[strategy]}")
    known = [name for name, recipe in case.models.items() if recipe.strategy == strategy]
    if model is None and len(known) != 1:
        raise CaseError(
            f"{option} {path}: {case.path} has {len(known)} models with strategy {strategy!r}"
            f"{': ' + ', '.join(known) if known else ''}; say which one it stands for: --as MODEL"
        )
    if model is not None and model not in case.models:
        raise CaseError(f"--as {model}: not a model of {case.path}; expected one of {', '.join(case.models)}")
    return Candidate(model or known[0], strategy, path.absolute(), directory_digest(path))
