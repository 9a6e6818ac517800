"""The pairs that a model learns from: the training pairs, or made of them with negatives, a teacher or replay pairs."""

from harness.config import Recipe
from harness.data import PairSet, read_pairs
from harness.execution import Artefact, Context
from harness.gates import Inputs
from harness.training import MINE, MINED, SCORE, TEACH, Taught, TeacherScores


def learned_pairs(ctx: Context, inputs: Inputs, model: str, recipe: Recipe) -> PairSet | None:
    """Return the pairs that a recipe learns from; None for the training pairs as they are."""
    pairs = inputs.train
    if recipe.hard_negatives is not None:
        mined = ctx.artefact(
            MINE,
            title=f"mine {inputs.case.name}-{model}",
            rule=recipe.hard_negatives,
            number=recipe.negatives,
            base=inputs.base,
            train_pairs=inputs.train,
            sides=inputs.sides,
            device=ctx.device,
        )
        pairs = read_pairs(mined.file(MINED))
    if recipe.teacher is not None and pairs is not None:
        pairs = pairs.graded_by(teacher_scores(ctx, inputs, recipe.teacher, pairs).scores)
    if recipe.replay and pairs is not None and inputs.replay is not None:
        pairs = pairs.with_replay(inputs.replay)
    return None if pairs is inputs.train else pairs


def teacher_scores(ctx: Context, inputs: Inputs, name: str, pairs: PairSet) -> TeacherScores:
    """Score pairs with a teacher of the case, which is trained where it was not yet."""
    title, teacher = f"score {inputs.case.name}-{name}", _teacher(ctx, inputs, name)
    return ctx.artefact(SCORE, title=title, teacher=teacher, pairs=pairs, device=ctx.device).value


def _teacher(ctx: Context, inputs: Inputs, name: str) -> Artefact[Taught]:
    return ctx.artefact(
        TEACH,
        title=f"teach {inputs.case.name}-{name}",
        recipe=inputs.case.teachers[name],
        base=inputs.base,
        train_pairs=inputs.train,
        device=ctx.device,
    )
