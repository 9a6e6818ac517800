"""Size, type, colours of labels and numbers in words of all charts, and a figure as a file."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.report.types import DataTable
from harness.text import MINUS, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
else:
    Axes = Figure = Any  # what charts annotate; importing a chart loads no matplotlib

WIDTH = 5.2
"""Of a figure, in inches: at this width its type is legible on a phone, and large enough in a column of a page."""

LABELS = {1: "positive", 0: "negative"}
"""Label -> its name in charts."""

LABEL_COLOURS = {1: "#009e73", 0: "#d55e00"}
"""Label -> colour: two of Okabe and Ito's that no model has."""

PANEL = 3.5
"""Width of a panel of a wide figure, in inches."""

PANELS = 4
"""Panels of a wide figure beside each other."""

PLATE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.9, "pad": 1}
"""Behind a text that a line may cross."""

INK, QUIET, LINE = "#1f2328", "#57606a", "#d0d7de"

_LONGEST = 26

_STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": QUIET,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "harness",
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a category is a dollar sign
    "xtick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.color": QUIET,
    "ytick.labelcolor": INK,
}


R = TypeVar("R")


@dataclass(frozen=True)
class Chart(Generic[R]):
    """A row of a table of charts, such as `CHARTS`, that show one kind of report.

    Attributes:
        title: Its subject.
        question: What it answers.
        draw: The figure; None where there is nothing to draw.
        table: The same as a table.
        summary: The same in a few words with the numbers, for a table with too many; else the table is said.
        wide: Whether it needs the whole width of a page.
        empty: Why there is nothing to draw, for a chart whose absence has to be explained; empty where it has not.
        points: What each point of the drawn figure stands for, as JSON values for the page's script.
    """

    title: str
    question: str
    draw: Callable[[R], Figure | None]
    table: Callable[[R], DataTable]
    summary: Callable[[R], str] | None = None
    wide: bool = False
    empty: Callable[[R], str] = lambda _: ""
    points: Callable[[R, Figure], Mapping[str, Any]] | None = None

    def alt(self, report: R) -> str:
        """Return the figure in words, with the numbers."""
        if self.summary:
            return self.summary(report)
        table = self.table(report)
        cells = (zip(table.headers[1:], row[1:], strict=True) for row in table.rows)
        rows = [", ".join(f"{header} {cell}" for header, cell in row) for row in cells]
        words = "; ".join(f"{row[0]}: {values}" for row, values in zip(table.rows, rows, strict=True))
        return " ".join(filter(None, (words and sentence(words), table.note)))


def draw_file(chart: Chart[R], report: R) -> tuple[bytes, Mapping[str, Any] | None]:
    """Return the chart as an SVG file, empty where there is nothing to draw, and what its points stand for."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the tables beside the chart show it.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        figure = chart.draw(report)
        if figure is None:
            return b"", None
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        return file.getvalue(), chart.points(report, figure) if chart.points else None


def panel_grid(rows: int, columns: int, width: float, height: float, **shared: Any) -> tuple[Figure, NDArray[Any]]:
    """Return a figure of `width` times `height` inches with a grid of axes, shape `(rows, columns)`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def model_grid(
    models: int, width: float, height: float, *, columns: int, labels: tuple[str, str], more: float
) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel a model, all on one scale, in rows of at most `columns`.

    Each panel is `width` times `height` inches large, and the figure `more` inches higher than they are together. The
    `labels`, of x and y, stand at the lowest and at the left panels.
    """
    across = min(models, columns)
    down = -(-models // across)
    figure, grid = panel_grid(down, across, width * across, height * down + more, sharex=True, sharey=True)
    panels = list(grid.flat[:models])
    for empty in grid.flat[models:]:
        empty.set_axis_off()
    for panel in panels[-across:]:
        panel.set_xlabel(labels[0])
        panel.tick_params(labelbottom=True)
    for panel in panels[::across]:
        panel.set_ylabel(labels[1])
    return figure, panels


def panels(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one panel."""
    figure, grid = panel_grid(1, 1, width, height)
    return figure, grid[0, 0]


def label_marks(size: float, alpha: float, words: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Return for each label how `Axes.scatter` marks its pairs; `words` holds `{}` for the label's name."""
    for label, name in LABELS.items():
        mark = {"marker": "o", "linewidths": 0} if label else {"marker": "x", "linewidths": 0.9}
        style = {"s": size, "alpha": alpha, "color": LABEL_COLOURS[label], "label": words.format(name)}
        yield label, style | mark


def legend_below(figure: Figure, columns: int = 4) -> None:
    """Draw one legend for all axes of the figure, below it: never on the data."""
    found = (axes.get_legend_handles_labels() for axes in figure.axes)
    by_name = {name: handle for handles, names in found for handle, name in zip(handles, names, strict=True)}
    figure.legend(list(by_name.values()), list(by_name), loc="outside lower left", ncols=columns)


def shown(name: str) -> str:
    """Return a name from the data as a label: one line, without control characters, not too long."""
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+", " ", name).strip()
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def short(value: float, unit: str = "") -> str:
    """Format a value with two decimals, as a label in a chart; pairs as whole numbers."""
    return f"{value:,.0f}" if unit == "pairs" else f"{value:.2f}".replace("-", MINUS)


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` of `count` rows, evenly chosen, the first and the last among them."""
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)
