"""The input of a report, and the parts that it is made of."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.execution import Step
from harness.results import CaseResults, ModelEntry, PairTable, Results

T = TypeVar("T")

_COLOURS = ("#5f6368", "#0072b2", "#e69f00", "#cc79a7", "#56b4e9", "#000000", "#8f6f00", "#7a4fa3")
"""One for each model, the base first: Okabe and Ito's, without the two that charts use for the labels."""


@dataclass(frozen=True)
class DataTable:
    """The numbers of a chart in words: the first column names its row; the note is how to read it."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class RenderedChart:
    """A chart as an SVG file.

    Attributes:
        name: Its key in `CHARTS`.
        alt: The same in words, with the numbers; why there is no picture where `content`, the file, is empty.
        points: What each point of the picture stands for, as JSON values for the page's script; None where it has none.
    """

    name: str
    title: str
    question: str
    alt: str
    content: bytes
    table: DataTable
    wide: bool = False
    points: Mapping[str, Any] | None = None

    @property
    def data_uri(self) -> str:
        """The file as a URI: the report asks nothing of any server."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.content).decode('ascii')}"


@dataclass(frozen=True)
class Report:
    """One case as it is shown.

    Attributes:
        name: Its name.
        case: Its results.
        pairs: Its evaluation pairs.
        made_by: What made the results -> its version or name: the harness, libraries, commit, machine.
        charts: Its charts, once they are drawn.
    """

    name: str
    case: CaseResults
    pairs: PairTable
    made_by: Mapping[str, str] = field(default_factory=dict)
    charts: tuple[RenderedChart, ...] = ()

    @property
    def models(self) -> Mapping[str, ModelEntry]:
        """The measured models, in the order of the case."""
        return self.case.models

    def analyses(self, step: Step[T]) -> dict[str, T]:
        """Return an analysis of each measured model that has it."""
        return {name: found for name, model in self.models.items() if (found := model.analysis(step)) is not None}

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """Model of the case -> its colour in every table and chart, whichever models are missing."""
        return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(self.case.model_names)}

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """Label of each pair, shape `(n_pairs,)`."""
        return np.array(self.pairs.label, dtype=np.int64)

    @cached_property
    def scores(self) -> Mapping[str, NDArray[np.float64]]:
        """Measured model -> score of each pair, shape `(n_pairs,)`."""
        return {name: np.array(self.pairs.scores[name], dtype=np.float64) for name in self.models}

    def values(self, metric: str) -> dict[str, float]:
        """Return a metric of each measured model."""
        return {name: model.metrics[metric].value for name, model in self.models.items()}

    def details(self, metric: str) -> dict[str, Mapping[str, Any]]:
        """Return what belongs to a metric's value, of each measured model."""
        return {name: model.metrics[metric].details for name, model in self.models.items()}

    def numbers(self, metric: str, *details: str) -> dict[str, list[float]]:
        """Return a metric of each measured model, and after it these details; NaN for one that it lacks."""
        found, values = self.details(metric), self.values(metric)
        return {name: [value, *(found[name].get(key, math.nan) for key in details)] for name, value in values.items()}

    def shared_detail(self, metric: str, detail: str) -> float:
        """Return a detail that is the same for every model, since it depends on the labels alone; NaN without one."""
        return next((float(found[detail]) for found in self.details(metric).values() if detail in found), math.nan)


def reports(results: Results, pair_tables: Mapping[str, PairTable]) -> list[Report]:
    """Return each case of a run as it is shown, with its pair table."""
    made_by = {"commit": results.commit, "harness": results.harness, **results.libraries, "machine": results.machine}
    known = {name: words for name, words in made_by.items() if words}
    return [Report(name, case, pair_tables[name], known) for name, case in results.cases.items()]
