"""The pair table of a case, beside its results."""

from collections.abc import Mapping, Sequence

from harness.analyses import PLANES, PROJECT, pair_means
from harness.models import read_arrays
from harness.results import PairTable
from harness.run.case_run import CaseRun

Planes = Mapping[str, tuple[tuple[float, float], ...]]
"""Model -> place of each pair in the plane of its projection."""


def pair_table(run: CaseRun, measured: Sequence[str], planes: Planes) -> PairTable:
    """Return every evaluation pair with the scores of the models that were measured."""
    pairs = run.inputs.eval.pairs
    stored = {model: scores for model in measured if (scores := run.stored.scores(model)) is not None}
    return PairTable(
        text_1=tuple(pair.text_1 for pair in pairs),
        text_2=tuple(pair.text_2 for pair in pairs),
        label=tuple(pair.label for pair in pairs),
        category=tuple(pair.category for pair in pairs),
        subcategory=tuple(pair.subcategory for pair in pairs),
        pair_type=tuple(pair.pair_type for pair in pairs),
        scores={model: run.evaluation(model).scores for model in measured},
        stored_scores={model: tuple(scores) for model, scores in stored.items()},
        projections=dict(planes),
    )


def projections(run: CaseRun, measured: Sequence[str]) -> Planes:
    """Project the pairs of each model onto a plane."""
    points = {}
    for model in measured:
        rows = run.inputs.sides_of(model).rows(run.inputs.eval)
        points[model] = pair_means(run.embeddings(model)["eval"], rows)
    planes = run.ctx.artefact(PROJECT, title=f"project {run.inputs.case.name}", points=points)
    arrays = read_arrays(planes.file(PLANES))
    return {model: tuple((float(x), float(y)) for x, y in plane) for model, plane in arrays.items()}
