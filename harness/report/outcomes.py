"""Each pair under each model: right or wrong at its best-F1 threshold, and regressed or fixed since the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from harness.report.types import Report


@dataclass(frozen=True)
class PairOutcomes:
    """One model's scores at its best-F1 threshold. Arrays have an entry a pair, in the order of the file.

    Attributes:
        threshold: A pair counts as positive when its score reaches it; NaN where undefined.
        degenerate: Whether calling every pair positive is as good.
        scores: Scores now.
        stored: Stored scores; all NaN where none is comparable.
        wrong: Whether the threshold is on the wrong side of the score; never where either is undefined.
        regressed: Wrong now, and right under the stored model at the threshold of its own.
        fixed: Right now, and wrong under the stored model at the threshold of its own.
    """

    threshold: float
    degenerate: bool
    scores: NDArray[np.float64]
    stored: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    regressed: NDArray[np.bool_]
    fixed: NDArray[np.bool_]

    @property
    def comparable(self) -> bool:
        """Whether any score is stored."""
        return bool(np.isfinite(self.stored).any())

    def since(self, row: int) -> str:
        """Return what became of a pair since the baseline was stored, in words."""
        if math.isnan(self.stored[row]):
            return "not comparable"
        return "regressed" if self.regressed[row] else "fixed" if self.fixed[row] else "as stored"


def pair_outcomes(report: Report) -> dict[str, PairOutcomes]:
    """Return the outcomes under each measured model."""
    return {model: _outcomes(report, model) for model in report.models}


def _outcomes(report: Report, model: str) -> PairOutcomes:
    entry, scores = report.models[model], report.scores[model]
    details = entry.metrics["best_f1"].details
    threshold = float(details.get("threshold", math.nan))
    stored = report.pairs.stored_scores.get(model)
    known = np.isfinite(scores) & math.isfinite(threshold)
    regressed, fixed = np.zeros((2, len(scores)), dtype=np.bool_)
    regressed[[pair.row for pair in entry.regressed]] = True
    fixed[list(entry.fixed)] = True
    return PairOutcomes(
        threshold=threshold,
        degenerate=bool(details.get("degenerate")),
        scores=scores,
        stored=np.full(len(scores), math.nan) if stored is None else np.array(stored, dtype=np.float64),
        wrong=known & ((scores >= threshold) != (report.labels == 1)),
        regressed=regressed,
        fixed=fixed,
    )
