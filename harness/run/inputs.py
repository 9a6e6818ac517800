"""A case with everything that it names read and verified: what a run starts from. Imports no torch."""

from harness.config import Case
from harness.data import read_pairs
from harness.errors import CaseError
from harness.gates import Inputs
from harness.models import module_names, resolve_base
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
