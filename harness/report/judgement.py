"""Each pair under each model: right or wrong at its best-F1 threshold, and whether that is so since the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.report.types import CaseReport


@dataclass(frozen=True)
class Judgement:
    """One model's scores held against its best-F1 threshold. Arrays have an entry a pair, in the order of the file.

    Attributes:
        threshold: A pair counts as positive when its score reaches it; NaN where undefined.
        degenerate: Whether calling every pair positive is as good.
        scores: Scores now.
        before: Stored scores; all NaN where nothing comparable is stored.
        wrong: Whether the threshold is on the wrong side of the score; never where either is undefined.
        lost: Wrong now, and right under the stored model at the threshold of its own; as in `Uncertainty`.
        gained: Right now, and wrong under the stored model at the threshold of its own.
    """

    threshold: float
    degenerate: bool
    scores: NDArray[np.float64]
    before: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    lost: NDArray[np.bool_]
    gained: NDArray[np.bool_]

    @property
    def comparable(self) -> bool:
        """Whether any score is stored."""
        return bool(np.isfinite(self.before).any())


def judge_pairs(report: CaseReport) -> dict[str, Judgement]:
    """Model -> its judgement, for every measured model."""
    return {model: _judge(report, model) for model in report.measured}


def why_not_comparable(report: CaseReport) -> str:
    """Why the scores of this run cannot be held against stored ones; empty where they can."""
    if report.baseline is None:
        return "No baseline is stored, so there is nothing to compare the scores with."
    if report.baseline.origin.eval_sha256 != report.pairs.digest:
        return (
            "The stored baseline was made from other evaluation pairs, so the scores cannot be compared pair by pair."
        )
    if len(report.baseline.scores) != len(report.pairs):
        return "The stored baseline does not hold a score for each pair."
    if report.uncertainty and not any(sure.changes for sure in report.uncertainty.values()):
        return "The stored baseline was made from another base, or holds no scores of these models."
    return ""


def _judge(report: CaseReport, model: str) -> Judgement:
    evaluation = report.runs[model].evaluation
    details = evaluation.metrics["best_f1"].details
    threshold = float(details.get("threshold", math.nan))
    scores = np.asarray(evaluation.scores, dtype=np.float64)
    before = np.full(len(scores), math.nan)
    if report.baseline is not None and not why_not_comparable(report):
        before = np.array([row.get(model, math.nan) for row in report.baseline.scores], dtype=np.float64)
    positive = report.pairs.labels == 1
    known = np.isfinite(scores) & math.isfinite(threshold)
    wrong = known & ((scores >= threshold) != positive)
    lost, gained = np.zeros((2, len(scores)), dtype=np.bool_)
    if model in report.uncertainty:
        lost[[flip.row for flip in report.uncertainty[model].lost]] = True
        gained[list(report.uncertainty[model].gained)] = True
    return Judgement(
        threshold=threshold,
        degenerate=bool(details.get("degenerate")),
        scores=scores,
        before=before,
        wrong=wrong,
        lost=lost,
        gained=gained,
    )
