"""A sweep as a page, and for a terminal. The templates only arrange."""

import math
from collections.abc import Sequence

from harness.report.cells import ends
from harness.report.cells import value as cell
from harness.report.charts import render_all
from harness.report.charts.sweep import SWEEP_CHARTS, words
from harness.report.page import environment
from harness.results.sweep import Sweep, Trial
from harness.text import aligned, count, number, one_line, signed

CHOSEN = ("Recipe", "Dev Spearman", "Evaluation Spearman", "95 % interval", "Optimism (dev - evaluation)")
"""Titles of the table of the current recipe and the winner."""


def sweep_html(sweep: Sweep) -> str:
    """Return the page of a sweep."""
    charts = render_all(SWEEP_CHARTS, sweep)
    template = environment().get_template("sweep.html.j2")
    return template.render(
        sweep=sweep,
        answer=answer(sweep),
        figures=[{"id": f"chart-{chart.name}", "chart": chart} for chart in charts],
        chosen_titles=CHOSEN,
        chosen=[
            (one.name, cell(one.dev), cell(one.evaluation), ends(one.interval), cell(one.optimism))
            for one in sweep.chosen
        ],
        titles=("Trial", *sweep.keys, "Dev Spearman", "MB", "Seconds", "Remark"),
        trials=[_cells(sweep, trial) for trial in _ranked(sweep)],
    )


def as_text(sweep: Sweep) -> str:
    """Return a sweep for a terminal: its trials, the chosen recipe beside the current one, and it as TOML."""
    titles = ("trial", *sweep.keys, "dev", "MB", "seconds", "remark")
    numbers = range(len(titles) - 1)
    trials = aligned(titles, [_cells(sweep, trial) for trial in _ranked(sweep)], right=numbers)
    rows = [
        (one.name, number(one.dev), number(one.evaluation), ends(one.interval), signed(one.optimism))
        for one in sweep.chosen
    ]
    chosen = aligned([title.lower() for title in CHOSEN], rows, right=(1, 2, 4))
    return "\n\n".join(["\n".join(trials), "\n".join(chosen), answer(sweep), sweep.toml]) + "\n"


def answer(sweep: Sweep) -> str:
    """Return the result in words."""
    current, winner = sweep.chosen
    change = winner.evaluation - current.evaluation
    held = (
        "undefined on the evaluation pairs"
        if math.isnan(change)
        else f"{signed(change)} on the evaluation pairs, which chose nothing"
    )
    found = f"Of {count(len(sweep.trials), 'trial')} trial {sweep.winner} is the best on the dev pairs"
    found = found if sweep.is_better else f"Keep the current recipe. {found}"
    return f"{found}: {signed(winner.dev - current.dev)} against the current recipe, and {held}."


def _ranked(sweep: Sweep) -> Sequence[Trial]:
    """Return the trials, the best first and those that failed last."""
    return sorted(sweep.trials, key=lambda trial: (bool(trial.reason), -trial.quality if not trial.reason else 0))


def _cells(sweep: Sweep, trial: Trial) -> list[str]:
    values = [str(trial.number), *(words(trial.values.get(key, "")) for key in sweep.keys)]
    if trial.reason:
        return [*values, "none", "none", "none", f"failed: {one_line(trial.reason, 120)}"]
    remarks = [
        *(["winner"] if trial.number == sweep.winner else []),
        *(["on the front"] if trial in sweep.front else []),
        *(["stalls"] if sweep.stalls(trial) else []),
    ]
    return [*values, cell(trial.quality), number(trial.size_mb), f"{trial.seconds:.1f}", ", ".join(remarks)]
