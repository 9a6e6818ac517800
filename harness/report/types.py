"""What a report is made of: what is known about a case, and its charts as files."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from harness.audit import Audit
    from harness.baselines import Baseline, StoredValue
    from harness.candidates import Candidate
    from harness.case import Case
    from harness.evaluation import Evaluation
    from harness.gates import Verdict
    from harness.operating import OperatingPoint
    from harness.pairs import PairSet
    from harness.pipeline import ModelRun
    from harness.power import ModelPower
    from harness.statistics import Interval, Share
    from harness.uncertainty import Uncertainty

_COLOURS = ("#5f6368", "#0072b2", "#e69f00", "#cc79a7", "#56b4e9", "#000000", "#8f6f00", "#7a4fa3")
"""One for each model, the base first: Okabe and Ito's, without the two that charts use for the labels."""


@dataclass(frozen=True)
class FurtherPairs:
    """What the models reach on further pairs, beside those that they are judged by.

    Attributes:
        pairs: The pairs.
        in_train: How many of the distinct pairs are in the training data, in any order, case and spacing.
        measured: Model -> its metrics on them, and how sure those are.
    """

    pairs: PairSet
    in_train: int
    measured: Mapping[str, tuple[Evaluation, Uncertainty]]

    def interval(self, model: str, metric: str) -> Interval | None:
        """The 95 % interval of a metric on these pairs; None where there is none."""
        return _known_interval(self.measured[model][1], metric)


@dataclass(frozen=True)
class CaseReport:
    """What is known about one case at the end of a run.

    Attributes:
        case: The case.
        models: The models of the run, the base first.
        pairs: The evaluation pairs.
        runs: Model -> what was measured. A model whose training failed is missing.
        verdicts: The answers of the gates that ran.
        baseline: What is stored for the case; None where nothing is.
        planes: Model -> UMAP plane of the pairs, shape `(n_pairs, 2)`. May be empty.
        failures: Model -> why it was not measured, as far as it is known.
        error: Why the case could not be run at all, such as a refused update; else empty.
        expected: How many verdicts a whole run has; 0 where that is not known.
        uncertainty: Model -> how sure its values are; empty where that is not known.
        candidate: The model that comes from elsewhere, where the run is about one.
        audit: What is known about the pairs; None where they were not audited.
        leak_free: Model -> its metrics without the pairs that are in train; empty where none is.
        strict: Whether an inconclusive verdict fails its test, as with --strict-verdicts.
        rates: Learning rate, ascending -> the checked model trained at it; empty where no rate is checked.
        operating: Model -> what it achieves at a threshold that was chosen on the training pairs.
        more: Name -> what the models reach on further pairs; empty where the case has none.
        power: Trained model -> what the gate sees of it; empty where nothing comparable is stored.
        shares: Model and the one that it is held against -> metric -> what it reaches of it.
    """

    case: Case
    models: tuple[str, ...]
    pairs: PairSet
    runs: Mapping[str, ModelRun]
    verdicts: tuple[Verdict, ...]
    baseline: Baseline | None
    planes: Mapping[str, NDArray[np.float32]]
    failures: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    expected: int = 0
    uncertainty: Mapping[str, Uncertainty] = field(default_factory=dict)
    candidate: Candidate | None = None
    audit: Audit | None = None
    leak_free: Mapping[str, Evaluation] = field(default_factory=dict)
    strict: bool = False
    rates: Mapping[float, ModelRun] = field(default_factory=dict)
    operating: Mapping[str, OperatingPoint] = field(default_factory=dict)
    more: Mapping[str, FurtherPairs] = field(default_factory=dict)
    power: Mapping[str, ModelPower] = field(default_factory=dict)
    shares: Mapping[tuple[str, str], Mapping[str, Share]] = field(default_factory=dict)

    @property
    def measured(self) -> dict[str, ModelRun]:
        """The models that were measured, in the order of the case."""
        return {name: self.runs[name] for name in self.models if name in self.runs}

    @property
    def missing(self) -> list[str]:
        """The models that were not."""
        return [name for name in self.models if name not in self.runs]

    @property
    def partial(self) -> bool:
        """Whether some gates did not run, and no error says why: someone chose among them, or stopped the run."""
        return not self.error and not self.failures and len(self.verdicts) < self.expected

    @property
    def colours(self) -> dict[str, str]:
        """One colour for each model of the case, the same in every table and chart, whichever models are missing."""
        return {name: _COLOURS[index % len(_COLOURS)] for index, name in enumerate(self.case.model_names)}

    def stored(self, model: str, metric: str) -> StoredValue | None:
        """What the baseline holds of a metric; None where it holds nothing."""
        models = self.baseline.models if self.baseline else {}
        return models[model].metrics.get(metric) if model in models else None

    def interval(self, model: str, metric: str) -> Interval | None:
        """The 95 % interval of a metric; None where there is none."""
        return _known_interval(self.uncertainty.get(model), metric)

    def verdict(self, model: str, metric: str) -> Verdict | None:
        """The answer of the gate that holds a metric against its baseline; None where it did not run."""
        asked = ("baseline", model, metric)
        return next((v for v in self.verdicts if (v.name, v.model, v.metric) == asked), None)


@dataclass(frozen=True)
class DataTable:
    """What a chart shows, as numbers in words.

    Attributes:
        headers: One for each column; the first column names its row.
        rows: The cells.
        note: What the table leaves out, or how to read it.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class RenderedChart:
    """A chart as an image file.

    Attributes:
        name: Its key in the table of charts.
        title: Its subject.
        question: What it answers.
        alt: What it shows, with the numbers, for who cannot see it; why there is no picture where `content` is empty.
        content: The file.
        mime: Its type.
        wide: Whether it needs the whole width of a page.
        table: The same as a table.
        points: What each point of the picture stands for, as JSON values for the page's script; None where it has no
            points to read.
    """

    name: str
    title: str
    question: str
    alt: str
    content: bytes
    mime: str
    wide: bool = False
    table: DataTable | None = None
    points: Mapping[str, Any] | None = None

    @property
    def data_uri(self) -> str:
        """The file as a URI: the report asks nothing of any server."""
        return f"data:{self.mime};base64,{base64.b64encode(self.content).decode('ascii')}"


def _known_interval(uncertainty: Uncertainty | None, metric: str) -> Interval | None:
    interval = uncertainty.intervals.get(metric) if uncertainty else None
    return None if interval is None or math.isnan(interval.low) else interval
