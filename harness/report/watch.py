"""The history of a watched model as a page, and its newest check for a terminal. The templates only arrange."""

from harness.metrics import METRICS
from harness.report.cells import ends
from harness.report.cells import value as cell
from harness.report.charts import render_all
from harness.report.charts.watch import MOST_CHECKS, WATCH_CHARTS
from harness.report.page import environment
from harness.results.watch import History, WatchCheck, WatchValue
from harness.statistics import Interval
from harness.text import aligned

_TITLES = ("Value", "Now", "95 % interval", "Stored", "Tolerance", "p", "Remark")
_NAMES = {
    **{name: metric.title for name, metric in METRICS.items()},
    "drift_auc": "Drift: classifier AUC",
    "drift_mmd": "Drift: MMD²",
    "age_days": "Age of the baseline in days",
}
_OUTCOMES = {"fine": "pass", "look": "inconclusive", "retrain": "fail"}


def watch_html(history: History) -> str:
    """Return the page of a history."""
    shown = History(history.case, history.checks[-MOST_CHECKS:])
    return (
        environment()
        .get_template("watch.html.j2")
        .render(
            history=history,
            last=history.last,
            outcome=_OUTCOMES[history.last.answer],
            figures=[{"id": f"chart-{chart.name}", "chart": chart} for chart in render_all(WATCH_CHARTS, shown)],
            titles=_TITLES,
            values=[_cells(value) for value in history.last.values],
            checks=shown.checks[::-1],
        )
    )


def as_text(check: WatchCheck) -> str:
    """Return a check for a terminal."""
    lines = aligned([title.lower() for title in _TITLES], [_cells(value) for value in check.values], right=range(1, 6))
    return "\n".join([*lines, "", f"{check.answer}: {check.why}", ""])


def _cells(value: WatchValue) -> tuple[str, ...]:
    def known(amount: float) -> str:
        return cell(amount) if amount == amount else ""

    interval = Interval(value.low, value.high)
    return (
        _NAMES.get(value.name, value.name),
        cell(value.value),
        ends(interval) if value.low == value.low else "",
        known(value.stored),
        known(value.limit),
        known(value.p_value),
        value.reason,
    )
