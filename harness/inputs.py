"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.baselines import Origin
from harness.case import BASE
from harness.checkpoints import module_names, resolve_base
from harness.errors import CaseError
from harness.pairs import read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.candidates import Candidate
    from harness.case import Case
    from harness.checkpoints import ResolvedBase
    from harness.pairs import PairSet


@dataclass(frozen=True)
class Inputs:
    """A case with everything that it names read and verified.

    Attributes:
        case: The case.
        base: Its base.
        train: Its training pairs.
        eval: Its evaluation pairs.
        more: Its further evaluation pairs by name; none where a candidate is gated, which has no time for them.
        candidate: A model that comes from elsewhere: it takes the place of one of the case's, and nothing is trained.
    """

    case: Case
    base: ResolvedBase
    train: PairSet
    eval: PairSet
    more: Mapping[str, PairSet] = field(default_factory=dict)
    candidate: Candidate | None = None

    @property
    def trained(self) -> dict[str, str]:
        """The models of this run that were trained, here or elsewhere: name -> strategy."""
        if self.candidate is not None:
            return {self.candidate.model: self.candidate.strategy}
        return {name: recipe.strategy for name, recipe in self.case.models.items()}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of this run, the base first."""
        return (BASE, *self.trained)

    @property
    def adapters(self) -> tuple[str, ...]:
        """The models of this run that are an adapter on the base."""
        return tuple(name for name, strategy in self.trained.items() if strategy == "lora")

    @property
    def pair_sets(self) -> dict[str, PairSet]:
        """Every set of pairs by name: `train`, `eval`, and the further ones. Their texts are what a model encodes."""
        return {"train": self.train, "eval": self.eval, **self.more}

    def arrived(self, model: str) -> Candidate | None:
        """The candidate, where it is what stands in a model's place; None for a model of this house, and the base."""
        return self.candidate if model != BASE else None

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be held against a baseline, sorted."""
        counts = Counter((pair.category, pair.label) for pair in self.eval)
        enough = self.case.gates.category_pairs
        return tuple(sorted({name for name, _ in counts if min(counts[name, 0], counts[name, 1]) >= enough}))

    @property
    def origin(self) -> Origin:
        """What a baseline must have been made from to be compared with."""
        return Origin(
            eval_sha256=self.eval.digest,
            eval_pairs=len(self.eval),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )


def prepare(case: Case, candidate: Candidate | None = None) -> Inputs:
    """Reads the pairs and verifies the base.

    Raises:
        HarnessError: Something that the case names is not what it should be.
    """
    train = read_pairs(case.train_path)
    for name, recipe in case.models.items():
        steps = recipe.epochs * -(-len(train) // recipe.batch_size)
        if recipe.warmup_steps >= steps:
            raise CaseError(
                f"{case.path}: models.{name}.warmup_steps: got {recipe.warmup_steps}, expected fewer than the "
                f"{steps} steps of the training: the learning rate would never reach its peak"
            )
    base = resolve_base(case.base, case.path.parent)
    known = module_names(base)
    for name, recipe in case.models.items():
        unknown = sorted(set(recipe.lora.target_modules) - known) if recipe.lora else []
        if unknown:
            raise CaseError(
                f"{case.path}: models.{name}.lora.target_modules: got {', '.join(unknown)}, expected modules of the "
                f"base: {', '.join(sorted(known))}"
            )
    more = {} if candidate else {name: read_pairs(path) for name, path in case.more_paths.items()}
    return Inputs(case, base, train, read_pairs(case.eval_path), more, candidate)
