"""The parts of a case's page, in its order.

To add one: a file with a view function, a row in `SECTIONS`, and the template `templates/sections/KEY.html.j2`. A view
holds the words that the template shows; where it is empty and no chart of the section is drawn, the page has no such
part, and no link to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.report.sections.data import data
from harness.report.sections.errors import errors, regressed
from harness.report.sections.extra_sets import extra_sets
from harness.report.sections.made_by import made_by
from harness.report.sections.metrics import metrics, relative_performance
from harness.report.sections.models import models
from harness.report.sections.operating_point import operating_point
from harness.report.sections.power import power
from harness.report.sections.rerank import rerank
from harness.report.sections.strategies import strategies
from harness.report.sections.verdicts import missing, not_passed, passed, skipped
from harness.report.types import Report


def _nothing(_: Report) -> Any:
    return {}


@dataclass(frozen=True)
class Section:
    """A row of the `SECTIONS` table.

    Attributes:
        view: What the template shows, if anything.
        link: The words that link to it, if any do.
        charts: Keys of the charts that stand beside it.
    """

    view: Callable[[Report], Any] = _nothing
    link: str = ""
    charts: tuple[str, ...] = ()


SECTIONS: dict[str, Section] = {
    "missing": Section(missing),
    "metrics": Section(metrics),
    "relative_performance": Section(relative_performance, charts=("score_distributions", "roc", "cohens_d")),
    "not_passed": Section(not_passed, link="Not passed"),
    "regressed": Section(regressed, link="Since the baseline", charts=("change",)),
    "errors": Section(errors, link="Wrong pairs", charts=("classification", "false_positives", "category_heatmap")),
    "strategies": Section(strategies, link="Strategies", charts=("retrieval", "rank")),
    "operating_point": Section(operating_point),
    "rerank": Section(rerank, link="Second stage"),
    "power": Section(power),
    "extra_sets": Section(extra_sets),
    "data": Section(data, link="Data audit"),
    "embeddings": Section(link="Embeddings", charts=("cluster_purity", "umap")),
    "models": Section(models, link="Training", charts=("training_curves", "learning_rate")),
    "skipped": Section(skipped),
    "passed": Section(passed),
    "made_by": Section(made_by),
}
"""Every part by its key, in the order of the page; every chart stands in one of them."""
