"""A model that was trained elsewhere, and the outcome of a check on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import CaseError
from harness.execution.digests import digest_of
from harness.models.checkpoint import Checkpoint, directory_digest
from harness.models.files import ADAPTER_CONFIG, MODULES, WEIGHTS
from harness.models.record import ARRAYS, RECORD
from harness.models.sources import ResolvedBase
from harness.text import some

if TYPE_CHECKING:
    from harness.config import Case, DirectorySpec

_OPTIONS = {"lora": "--adapter", "full": "--full-model"}
_CONFIG = "config.json"
"""In a directory of a transformer alone."""

KINDS = {"lora": "a PEFT adapter", "full": "a sentence-transformers model"}
"""Strategy -> what a candidate of it is, in words."""


@dataclass(frozen=True)
class Candidate:
    """A model that is to be released, or that a case names by its directory.

    Attributes:
        model: The case's model that it is, or whose place it takes; with its baseline it is compared.
        strategy: `lora` for an adapter, `full` for a whole model.
        sha256: Over the names and digests of all its files.
        named: Whether the case names it, and answers for what its files do not tell.
        recorded: Whether the record of its training is expected beside it.
    """

    model: str
    strategy: Literal["lora", "full"]
    path: Path
    sha256: str
    named: bool = False
    recorded: bool = True

    @property
    def of_base(self) -> bool:
        """Whether it must be made from the case's base. A whole model that the case names may be any model."""
        return self.strategy == "lora" or not self.named

    @property
    def digest(self) -> str:
        """Identifies what is found out about it: of its files and of where they lie, since messages name that."""
        return digest_of([self.strategy, str(self.path), self.sha256])

    @property
    def origin(self) -> dict[str, Any]:
        """What it is, for the provenance of its values."""
        return {"path": self.path.name, "sha256": self.sha256}

    @property
    def words(self) -> str:
        """The candidate for people."""
        return f"{_OPTIONS[self.strategy]} {self.path} (sha256 {self.sha256[:12]}), in the place of {self.model}"

    def checkpoint(self, base: ResolvedBase) -> Checkpoint:
        """Return the candidate as a model to open."""
        return Checkpoint(self.strategy, base, self.path, self.sha256, external=True, claims_base=self.of_base)


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
        hub = "" if path.exists() else "; of a model on the hub give the directory that `hf download ID` prints"
        raise CaseError(f"{option} {path}: {came}; expected the directory of {KINDS[strategy]}{hub}")
    known = [name for name in case.models if _strategy_of(case, name) == strategy]
    if model is None and len(known) != 1:
        raise CaseError(
            f"{option} {path}: {case.path} has {len(known)} models with strategy {strategy!r}"
            f"{': ' + ', '.join(known) if known else ''}; say which one it stands for: --as MODEL"
        )
    if model is not None and model not in case.models:
        raise CaseError(f"--as {model}: not a model of {case.path}; expected one of {', '.join(case.models)}")
    return Candidate(model or known[0], strategy, path.absolute(), directory_digest(path))


def named_candidate(case: Case, model: str, spec: DirectorySpec) -> Candidate:
    """Find the model that a case names by its directory: an adapter on its base, or a whole model of whatever base.

    Raises:
        CaseError: No such directory, or no model in it.
    """
    path = (case.path.parent / spec.path).resolve()
    return candidate_in(path, model, where=f"{case.path}: models.{model}.path: {path}")


def candidate_in(path: Path, model: str, *, where: str) -> Candidate:
    """Find the model in a directory that someone named, an adapter or a whole model; `where` says in which words.

    Raises:
        CaseError: No such directory, or no model in it.
    """
    if not path.is_dir():
        came = "a file" if path.exists() else "nothing there"
        raise CaseError(f"{where}: {came}; expected the directory of {' or of '.join(KINDS.values())}")
    strategy = _strategy_in(path)
    if strategy is None:
        found = some(sorted(file.name for file in path.glob("*")))
        raise CaseError(f"{where}: no model in it (found: {found}); expected {' or '.join(KINDS.values())}")
    recorded = (path / RECORD).exists() or (path / ARRAYS).exists()
    return Candidate(model, strategy, path, directory_digest(path), named=True, recorded=recorded)


def _strategy_of(case: Case, model: str) -> str | None:
    """Return the strategy of a case's model; None where it has none, or its directory is not here to tell."""
    spec = case.models[model]
    path = getattr(spec, "path", None)
    if path is not None:
        return _strategy_in(case.path.parent / path)
    strategy = getattr(spec, "strategy", None)
    return "full" if strategy == "head" else strategy  # which leaves a whole model as well


def _strategy_in(path: Path) -> Literal["lora", "full"] | None:
    if (path / ADAPTER_CONFIG).is_file():
        return "lora"
    return "full" if any((path / name).is_file() for name in (MODULES, WEIGHTS, _CONFIG)) else None
