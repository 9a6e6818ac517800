"""Where in the report a verdict is explained."""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from harness.gates import GATES, Verdict


def figure_id(case: str, chart: str) -> str:
    """Return the id of a chart's figure in the report: `#` and it are a link to the figure."""
    return f"chart-{quote(case, safe='')}-{chart}"


def result_cells(cells: Sequence[str], test_id: str, verdicts: Iterable[tuple[str, Verdict]]) -> list[str]:
    """Return a row of pytest-html's table, with the test's id as text and a link to each chart of its verdicts.

    The cells are HTML. pytest-html takes an id for HTML too, and ids hold categories from the data. Each verdict comes
    after the name of its case.
    """
    shown = ((case, GATES[verdict.gate].chart_of(verdict.subject)) for case, verdict in verdicts)
    links = " ".join(
        f'<a href="#{escape(figure_id(case, chart))}">Chart: {escape(chart.replace("_", " "))}</a>'
        for case, chart in dict.fromkeys(shown)
        if chart
    )

    def changed(cell: str) -> str:
        if 'class="col-testId"' in cell:
            return f'<td class="col-testId">{escape(test_id)}</td>'
        return cell.removesuffix("</td>") + links + "</td>" if 'class="col-links"' in cell else cell

    return list(map(changed, cells))
