"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

import warnings

from harness.config import LOSSES, Case, Recipe
from harness.data import EXAMPLES, PairSet, split_off
from harness.errors import CaseError, DataError
from harness.gates import Inputs
from harness.models import MODULES, ResolvedBase, declared_prompts, resolve_base, resolve_sides, target_problem
from harness.run.sources import NamedEncoders, find_sources, own_sides
from harness.verification import Candidate


def prepare(case: Case, candidate: Candidate | None = None, named_encoders: NamedEncoders = lambda _: None) -> Inputs:
    """Read the pairs, verify the base, and find the models that are not trained here.

    Raises:
        HarnessError: Something that the case names is not what it should be.
    """
    sources = {} if candidate else find_sources(case, named_encoders)
    train, dev = training_pairs(case)
    replay = None if case.data.replay is None else case.read_pairs("replay")
    for name, recipe in case.recipes.items():
        require_steps(case, name, recipe, train, replay)
    base = resolve_base(case.base, case.path.parent)
    if not (base.path / MODULES).is_file():
        words = (
            f"base {base.name}: no {MODULES} in {base.path}: a plain transformers model, which sentence-transformers"
        )
        warnings.warn(f"{words} pools by itself: by the mean, or the last token of a causal one", stacklevel=2)
    sides = resolve_sides(case, declared_prompts(base), f"base {base.name}")
    for name, recipe in case.recipes.items():
        require_targets(case, name, recipe, base)
    evaluation = case.read_pairs("eval")
    least, most = case.gates.category_pairs, len(evaluation) // 2
    if "category_pairs" in case.gates.model_fields_set and least > most:
        raise CaseError(
            f"{case.path}: gates.category_pairs: got {least}, expected at most {most}: of {len(evaluation)} pairs no "
            "category has more of each label, and none would be compared"
        )
    extra = {} if candidate else {name: case.read_pairs(name) for name in case.data.extra}
    probe = extra.get(case.gates.forgetting.pairs) if case.gates.forgetting else None
    for learned, judging, words in (
        (dev, evaluation, "dev pairs are evaluation pairs"),
        (replay, evaluation, "replay pairs are evaluation pairs"),
        (replay, probe, "replay pairs are those of gates.forgetting"),
    ):
        if learned is not None and judging is not None and (shared := learned.shared_with(judging)):
            raise DataError(f"{learned.path}: {shared} of the {words}; expected pairs that judge nothing")
    own = own_sides(case, sources)
    return Inputs(
        case,
        base,
        train,
        evaluation,
        dev,
        replay,
        extra,
        candidate,
        sides,
        sources,
        own,
        retrieval=case.read_retrieval(),
    )


def require_steps(case: Case, name: str, recipe: Recipe, train: PairSet | None, replay: PairSet | None) -> None:
    """Raise a CaseError where the pairs give a recipe no examples, or too few steps for its warm-up."""
    examples = _examples(case, name, recipe, train) + (_examples(case, name, recipe, replay) if recipe.replay else 0)
    steps = recipe.epochs * -(-examples // recipe.batch_size)
    if recipe.warmup_steps >= steps:
        raise CaseError(
            f"{case.path}: models.{name}.warmup_steps: got {recipe.warmup_steps}, expected fewer than the "
            f"{steps} steps of the training: the learning rate would never reach its peak"
        )


def require_targets(case: Case, name: str, recipe: Recipe, base: ResolvedBase) -> None:
    """Raise a CaseError where the base has no module that a recipe's adapter targets."""
    if recipe.lora and (problem := target_problem(base, recipe.lora.target_modules)):
        raise CaseError(f"{case.path}: models.{name}.lora.target_modules: {problem}")


def _examples(case: Case, name: str, recipe: Recipe, train: PairSet | None) -> int:
    """Return how many examples a recipe learns from, at most; a CaseError where the pairs cannot give its loss any."""
    if train is None:
        return 0
    kind = LOSSES[recipe.loss].examples
    try:
        if recipe.hard_negatives is not None:  # only the positives are the pairs' to give
            return len(EXAMPLES["ranking"](train, 0)) * (1 if kind == "ranking" else recipe.negatives)
        graded = train if recipe.teacher is None else train.graded_by(train.targets.tolist())
        return len(EXAMPLES[kind](graded, recipe.negatives))
    except DataError as error:
        raise CaseError(f"{case.path}: models.{name}.loss: {recipe.loss}: {error}") from None


def training_pairs(case: Case) -> tuple[PairSet | None, PairSet | None]:
    """Read the pairs to train on, and the dev pairs: a file of their own, a part that is set aside, or none.

    Raises:
        DataError: They are not what they should be.
    """
    if case.data.train is None:
        return None, None
    train, dev = case.read_pairs("train"), case.data.dev
    if isinstance(dev, float):
        return split_off(train, dev, case.data.prefixes)
    return train, None if dev is None else case.read_pairs("dev")
