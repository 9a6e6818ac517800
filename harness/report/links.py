"""Where in the report a verdict is explained."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.gates import Verdict

_BY_METRIC = {
    "spearman": "training_curves",
    "margin": "score_distributions",
    "cohens_d": "cohens_d",
    "auc_roc": "roc",
    "best_f1": "classification",
    "cluster_purity": "cluster_purity",
    "false_positives": "false_positives",
}
"""Metric -> the chart that shows it."""

_BY_GATE = {
    "diverges": "score_distributions",
    "comparable": "change",
    "stalls": "learning_rate",
    "learns": "learning_rate",
}
"""Gate -> the chart that shows what it is about, whatever it measured."""


def chart_for(verdict: Verdict) -> str | None:
    """The key of the chart that shows what a verdict is about; None where no chart does, as for memory and latency."""
    if verdict.name == "baseline" and "/" in verdict.metric:  # a category and a metric
        return "category_heatmap"
    return _BY_GATE.get(verdict.name) or _BY_METRIC.get(verdict.metric)


def figure_id(case: str, chart: str) -> str:
    """The id of a chart's figure in the report: `#` and it are a link to the figure."""
    return f"chart-{quote(case, safe='')}-{chart}"


def result_cells(cells: Sequence[str], test_id: str, verdicts: Iterable[tuple[str, Verdict]]) -> list[str]:
    """A row of pytest-html's table, with the test's id as text and a link to each chart that shows its verdicts.

    Args:
        cells: The row as pytest-html made it: HTML. It takes an id for HTML too, and ids hold categories from the data.
        test_id: The test.
        verdicts: Each verdict of the test, after the name of its case.
    """
    charts = dict.fromkeys((case, chart) for case, verdict in verdicts if (chart := chart_for(verdict)))
    links = " ".join(
        f'<a href="#{escape(figure_id(case, chart))}">Chart: {escape(chart.replace("_", " "))}</a>'
        for case, chart in charts
    )
    changed = []
    for cell in cells:
        if 'class="col-testId"' in cell:
            changed.append(f'<td class="col-testId">{escape(test_id)}</td>')
        elif 'class="col-links"' in cell:
            changed.append(cell.removesuffix("</td>") + links + "</td>")
        else:
            changed.append(cell)
    return changed
