"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

from harness.config import Case
from harness.data import read_pairs
from harness.errors import CaseError
from harness.gates import Inputs
from harness.models import declared_prompts, resolve_base, resolve_sides, target_problem
from harness.run.sources import NamedEncoders, find_sources, own_sides
from harness.verification import Candidate


def prepare(case: Case, candidate: Candidate | None = None, named_encoders: NamedEncoders = lambda _: None) -> Inputs:
    """Read the pairs, verify the base, and find the models that are not trained here.

    Raises:
        HarnessError: Something that the case names is not what it should be.
    """
    sources = {} if candidate else find_sources(case, named_encoders)
    train = read_pairs(case.train_path) if case.train_path else None
    for name, recipe in case.recipes.items():
        steps = recipe.epochs * -(-len(train or ()) // recipe.batch_size)
        if recipe.warmup_steps >= steps:
            raise CaseError(
                f"{case.path}: models.{name}.warmup_steps: got {recipe.warmup_steps}, expected fewer than the "
                f"{steps} steps of the training: the learning rate would never reach its peak"
            )
    base = resolve_base(case.base, case.path.parent)
    sides = resolve_sides(case, declared_prompts(base), f"base {base.name}")
    for name, recipe in case.recipes.items():
        if recipe.lora and (problem := target_problem(base, recipe.lora.target_modules)):
            raise CaseError(f"{case.path}: models.{name}.lora.target_modules: {problem}")
    extra = {} if candidate else {name: read_pairs(path) for name, path in case.extra_paths.items()}
    own = own_sides(case, sources)
    return Inputs(case, base, train, read_pairs(case.eval_path), extra, candidate, sides, sources, own)
