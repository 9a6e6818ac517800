"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.baselines import Origin
from harness.config import BASE, Case
from harness.data import PairSet, read_pairs
from harness.errors import CaseError
from harness.models import ResolvedBase, module_names, resolve_base
from harness.verification import Candidate


@dataclass(frozen=True)
class Inputs:
    """A case with everything that it names read and verified.

    Attributes:
        case: The case.
        base: Its base.
        train: Its training pairs.
        eval: Its evaluation pairs.
        extra: Its extra evaluation sets by name; none where a candidate is gated, which has no time for them.
        candidate: A model that was trained elsewhere: it takes the place of one of the case's, and nothing is trained.
    """

    case: Case
    base: ResolvedBase
    train: PairSet
    eval: PairSet
    extra: Mapping[str, PairSet] = field(default_factory=dict)
    candidate: Candidate | None = None

    @property
    def trained(self) -> dict[str, str]:
        """The models of this run that are not the base: name -> strategy."""
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
        """Every set of pairs by name: `train`, `eval`, and the extra ones. Their texts are what a model encodes."""
        return {"train": self.train, "eval": self.eval, **self.extra}

    @property
    def file_names(self) -> tuple[str, str]:
        """The names of the files of train and eval pairs; with their directories where they are the same."""
        train, evaluated = self.train.path, self.eval.path
        if train.name != evaluated.name:
            return train.name, evaluated.name
        return f"{train.parent.name}/{train.name}", f"{evaluated.parent.name}/{evaluated.name}"

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be compared with a baseline, sorted."""
        counts = Counter((pair.category, pair.label) for pair in self.eval)
        enough = self.case.gates.category_pairs
        return tuple(sorted({name for name, _ in counts if min(counts[name, 0], counts[name, 1]) >= enough}))

    @property
    def origin(self) -> Origin:
        """The origin that a baseline must share to be compared with."""
        return Origin(
            eval_sha256=self.eval.digest,
            eval_pairs=len(self.eval),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )


def prepare(case: Case, candidate: Candidate | None = None) -> Inputs:
    """Read the pairs and verify the base.

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
    extra = {} if candidate else {name: read_pairs(path) for name, path in case.extra_paths.items()}
    return Inputs(case, base, train, read_pairs(case.eval_path), extra, candidate)
