"""A case with everything that it names read and verified: what its gates are judged for."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.baselines import Origin
from harness.config import BASE, Case
from harness.data import NO_SIDES, PairSet, RetrievalSet, Sides
from harness.models import Endpoint, ResolvedBase, UserEncoder
from harness.verification import Candidate

Source = Candidate | UserEncoder | Endpoint
"""Origin of a model that a case does not train."""


@dataclass(frozen=True)
class Inputs:
    """A case with everything that it names read and verified.

    Attributes:
        case: The case.
        base: Its base.
        train: Its training pairs; None where it trains no model and names none: then nothing is audited either.
        eval: Its evaluation pairs.
        dev: Its pairs for training curves and thresholds, if it has any.
        replay: Its general pairs, which recipes with `replay` learn from as well, if it has any.
        extra: Its extra evaluation sets by name; none where a candidate is gated, which has no time for them.
        sides: The sides of the texts with the prompts of the base.
        candidate: A model that was trained elsewhere: it takes the place of one of the case's, and nothing is trained.
        sources: Where the case's own models come from that it does not train; none where a candidate is gated.
        own_sides: The sides of the texts with the prompts of a model of its own, where it is not made from the base.
        retrieval: Its retrieval set, if it names one.
    """

    case: Case
    base: ResolvedBase
    train: PairSet | None
    eval: PairSet
    dev: PairSet | None = None
    replay: PairSet | None = None
    extra: Mapping[str, PairSet] = field(default_factory=dict)
    candidate: Candidate | None = None
    sides: Sides = NO_SIDES
    sources: Mapping[str, Source] = field(default_factory=dict)
    own_sides: Mapping[str, Sides] = field(default_factory=dict)
    retrieval: RetrievalSet | None = None

    def sides_of(self, model: str) -> Sides:
        """Return the sides of the texts with the prompts of one model."""
        return self.own_sides.get(model, self.sides)

    @property
    def trained(self) -> dict[str, str]:
        """The models of this run that are not the base: name -> strategy, or `encoder` or `endpoint`."""
        if self.candidate is not None:
            return {self.candidate.model: self.candidate.strategy}
        models = {**self.case.recipes, **self.sources}
        return {name: models[name].strategy for name in self.case.models}

    @property
    def candidates(self) -> dict[str, Candidate]:
        """The models of this run that were trained elsewhere and lie in a directory: what has to be verified."""
        if self.candidate is not None:
            return {self.candidate.model: self.candidate}
        return {name: source for name, source in self.sources.items() if isinstance(source, Candidate)}

    @property
    def models(self) -> tuple[str, ...]:
        """The models of this run, the base first."""
        return (BASE, *self.trained)

    @property
    def adapters(self) -> tuple[str, ...]:
        """The models of this run that are an adapter on the base."""
        return tuple(name for name, strategy in self.trained.items() if strategy == "lora")

    @property
    def reranked(self) -> tuple[str, ...]:
        """The models that the case puts its second stage behind; none where a candidate is gated."""
        spec = self.case.rerank
        return () if spec is None or self.candidate else tuple(spec.models or self.trained)

    @property
    def pair_sets(self) -> dict[str, PairSet]:
        """Every set of pairs that is scored, by name: for thresholds, `eval`, and the extra ones."""
        return {**self.threshold_pairs, "eval": self.eval, **self.extra}

    @property
    def threshold_pairs(self) -> dict[str, PairSet]:
        """The pairs that choose thresholds, by their name: `dev`, which no model was trained on, else `train`."""
        named: dict[str, PairSet | None] = {"dev": self.dev, "train": self.train}
        return next(({name: pairs} for name, pairs in named.items() if pairs is not None), {})

    @property
    def file_names(self) -> tuple[str, str]:
        """The names of the files of train and eval pairs; with their directories where they are the same."""
        train, evaluated = (self.train or self.eval).path, self.eval.path
        if train.name != evaluated.name:
            return train.name, evaluated.name
        return f"{train.parent.name}/{train.name}", f"{evaluated.parent.name}/{evaluated.name}"

    @property
    def has_categories(self) -> bool:
        """True if both training and evaluation pairs have categories: else the audit says nothing about them."""
        return self.eval.has_categories and (self.train is None or self.train.has_categories)

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be compared with a baseline, sorted."""
        return large_categories(self.eval, self.case.gates.category_pairs)

    @property
    def origin(self) -> Origin:
        """The origin that a baseline must share to be compared with."""
        return Origin(
            eval_sha256=self.eval.digest,
            eval_pairs=len(self.eval),
            base_name=self.base.name,
            base_digest=self.base.digest,
        )


def large_categories(pairs: PairSet, least: int) -> tuple[str, ...]:
    """Return the categories with at least as many pairs of each label, sorted."""
    counts = Counter((pair.category, pair.label) for pair in pairs if pair.category)
    return tuple(sorted({name for name, _ in counts if min(counts[name, 0], counts[name, 1]) >= least}))
