"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

import warnings

from harness.config import Case
from harness.data import read_pairs
from harness.errors import CaseError
from harness.gates import Inputs
from harness.models import MODULES, declared_prompts, resolve_base, resolve_sides, target_problem
from harness.verification import Candidate


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
    if not (base.path / MODULES).is_file():
        words = (
            f"base {base.name}: no {MODULES} in {base.path}: a plain transformers model, which sentence-transformers"
        )
        warnings.warn(f"{words} pools by itself: by the mean, or the last token of a causal one", stacklevel=2)
    sides = resolve_sides(case, declared_prompts(base), f"base {base.name}")
    for name, recipe in case.models.items():
        if recipe.lora and (problem := target_problem(base, recipe.lora.target_modules)):
            raise CaseError(f"{case.path}: models.{name}.lora.target_modules: {problem}")
    extra = {} if candidate else {name: read_pairs(path) for name, path in case.extra_paths.items()}
    return Inputs(case, base, train, read_pairs(case.eval_path), extra, candidate, sides)
