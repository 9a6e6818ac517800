"""A sweep in pictures: which key matters, quality by value, what it costs, and rank against learning rate."""

import math
from typing import Any

from harness.report.cells import value as cell
from harness.report.charts.style import PANEL, WIDTH, Chart, Figure, panel_grid, panels, short, shown
from harness.report.types import DataTable
from harness.results.sweep import Sweep, Trial
from harness.text import number, percent, scientific

_BLUE, _ORANGE, _GREY = "#0072b2", "#d55e00", "#8c959f"
_RATE, _RANK = "learning_rate", "lora.rank"
_STEPS = 3  # cells of a decade of learning rates


def words(value: Any) -> str:
    """Format a value of a space."""
    if isinstance(value, float):
        return scientific(value) if 0 < value < 0.01 else f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _importance(sweep: Sweep) -> Figure | None:
    if not sweep.importance:
        return None
    figure, axes = panels(WIDTH, 0.8 + 0.4 * len(sweep.importance))
    for row, part in enumerate(sweep.importance.values()):
        axes.barh(row, part, color=_BLUE)
        axes.annotate(percent(part), (part, row), xytext=(5, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(sweep.importance)), list(sweep.importance))
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.15), xlabel="part of dev Spearman's variation")
    axes.grid(visible=False, axis="y")
    return figure


def _importance_table(sweep: Sweep) -> DataTable:
    rows = tuple((key, percent(part)) for key, part in sweep.importance.items())
    return DataTable(("Key", "Importance"), rows, note=f"PED-ANOVA over {len(sweep.complete)} trials.")


def _slices(sweep: Sweep) -> Figure:
    across = min(3, len(sweep.keys))
    down = -(-len(sweep.keys) // across)
    figure, grid = panel_grid(down, across, PANEL * across, 2.6 * down, sharey=True)
    for empty in grid.flat[len(sweep.keys) :]:
        empty.set_axis_off()
    for key, axes in zip(sweep.keys, grid.flat, strict=False):
        values = [trial.values[key] for trial in sweep.complete]
        is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        names = list(dict.fromkeys(map(words, values)))
        places = values if is_number else [names.index(words(value)) for value in values]
        axes.scatter(places, [trial.quality for trial in sweep.complete], color=_BLUE, s=22, alpha=0.7)
        chosen = places[sweep.complete.index(sweep.best)]
        axes.scatter([chosen], [sweep.best.quality], marker="*", s=130, color=_ORANGE)
        axes.axhline(sweep.base, color=_GREY, linestyle="--", linewidth=1)
        if not is_number:
            axes.set_xticks(range(len(names)), [shown(name) for name in names])
        elif min(values) > 0 and max(values) >= 10 * min(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: scientific(value))
            axes.tick_params(axis="x", labelsize=8)
        axes.set_xlabel(key)
    for axes in grid[:, 0]:
        axes.set_ylabel("dev Spearman")
    return figure


def _slices_table(sweep: Sweep) -> DataTable:
    rows = tuple(
        (str(trial.number), *(words(value) for value in trial.values.values()), cell(trial.quality))
        for trial in sweep.trials
    )
    return DataTable(("Trial", *sweep.keys, "Dev Spearman"), rows, note="The star is the winner, the line the base.")


def _front(sweep: Sweep) -> Figure:
    figure, axes = panels(WIDTH, 3.2)
    front, longest = sweep.front, max(trial.seconds for trial in sweep.complete)
    others = [trial for trial in sweep.complete if trial not in front]
    for label, found, colour in (("beaten in all three", others, _GREY), ("on the front", front, _ORANGE)):
        axes.scatter(
            [trial.size_mb for trial in found],
            [trial.quality for trial in found],
            s=[18 + 90 * trial.seconds / longest for trial in found],
            color=colour,
            alpha=0.75,
            label=label,
        )
    if max(t.size_mb for t in sweep.complete) >= 10 * min(t.size_mb for t in sweep.complete):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: scientific(value))
    axes.set(xlabel="MB that ship (a larger mark: a longer training)", ylabel="dev Spearman")
    figure.legend(loc="outside lower left", ncols=2)
    return figure


def _front_table(sweep: Sweep) -> DataTable:
    rows = tuple(
        (str(trial.number), cell(trial.quality), number(trial.size_mb), f"{trial.seconds:.1f}") for trial in sweep.front
    )
    note = "No other trial is at least as good in quality, size and seconds at once."
    return DataTable(("Trial", "Dev Spearman", "MB that ship", "Seconds of training"), rows, note=note)


def _cells(sweep: Sweep) -> dict[tuple[int, int], Trial]:
    """Return cell, by rank and step of the learning rate, -> its best trial; empty unless both are varied."""
    if not {_RATE, _RANK} <= set(sweep.keys):
        return {}
    found: dict[tuple[int, int], Trial] = {}
    for trial in sorted(sweep.complete, key=lambda trial: trial.quality):
        found[trial.values[_RANK], math.floor(_STEPS * math.log10(trial.values[_RATE]) + 0.5)] = trial
    return found


def _heat_map(sweep: Sweep) -> Figure | None:
    cells = _cells(sweep)
    if not cells:
        return None
    ranks = sorted({rank for rank, _ in cells})
    steps = range(min(step for _, step in cells), max(step for _, step in cells) + 1)
    values = [[cells[rank, step].quality if (rank, step) in cells else math.nan for step in steps] for rank in ranks]
    figure, axes = panels(WIDTH, 1.6 + 0.42 * len(ranks))
    image = axes.imshow(values, aspect="auto", origin="lower", cmap="cividis")
    qualities = [trial.quality for trial in cells.values()]
    middle = (min(qualities) + max(qualities)) / 2
    for (rank, step), trial in cells.items():
        place = steps.index(step), ranks.index(rank)
        stalls = sweep.stalls(trial)
        colour = "black" if trial.quality > middle else "white"
        label = short(trial.quality) + ("\nstalls" if stalls else "")
        axes.annotate(label, place, ha="center", va="center", color=colour, fontsize=8)
        if stalls:
            corner = place[0] - 0.5, place[1] - 0.5
            axes.add_patch(_hatched(corner))
    axes.set_xticks(range(len(steps)), [scientific(float(f"{10 ** (step / _STEPS):.1g}")) for step in steps])
    axes.tick_params(axis="x", labelsize=8)
    axes.set_yticks(range(len(ranks)), list(map(str, ranks)))
    axes.set(xlabel="learning rate (nearest)", ylabel="rank")
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label="dev Spearman")
    return figure


def _hatched(corner: tuple[float, float]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, 1, 1, fill=False, hatch="///", edgecolor=_ORANGE, linewidth=1.2)


def _heat_map_table(sweep: Sweep) -> DataTable:
    rows = tuple(
        (
            f"rank {rank}",
            words(trial.values[_RATE]),
            cell(trial.quality),
            "stalls" if sweep.stalls(trial) else "learns",
        )
        for (rank, _), trial in sorted(_cells(sweep).items())
    )
    stalls = f"Stalls: goes at most {percent(sweep.stalls_at_most)} of the way from the base to the best trial."
    return DataTable(("Rank", "Learning rate", "Dev Spearman", "Region"), rows, note=stalls)


def _no_heat_map(sweep: Sweep) -> str:
    return "" if _cells(sweep) else f"The space does not vary both {_RATE} and {_RANK}."


SWEEP_CHARTS: dict[str, Chart[Sweep]] = {
    "importance": Chart(
        "Importance",
        "Which key of the recipe matters most for the quality?",
        _importance,
        _importance_table,
        empty=lambda sweep: "" if sweep.importance else "Too few trials, or too much alike, to tell the keys apart.",
    ),
    "front": Chart("Pareto front", "What does quality cost in size and time?", _front, _front_table),
    "heat_map": Chart(
        "Learning rate and rank",
        "Is it capacity or the rate? Hatched: the training stalls.",
        _heat_map,
        _heat_map_table,
        empty=_no_heat_map,
    ),
    "slices": Chart(
        "Slices",
        "How good is each value of a key, whatever the others are?",
        _slices,
        _slices_table,
        wide=True,
    ),
}
"""Every chart of a sweep by its key, in the order of its report."""
