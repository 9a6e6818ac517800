"""The checks that every metric shares: wrong shapes are errors, undefined input is a reason in words."""

from collections.abc import Sized
from typing import Any

import numpy as np

from harness.metrics.types import Labels, MetricResult, Values


def undefined(reason: str, details: dict[str, Any] | None = None) -> MetricResult:
    """Return a result without a value: NaN, with the reason."""
    return MetricResult(float("nan"), reason, details or {})


def why_undefined(metric: str, scores: Values, labels: Labels) -> str:
    """Say why a metric of binary labels has no value for these pairs.

    Args:
        metric: The subject of the reason: a name of whatever needs the pairs.
        scores: Shape `(n_pairs,)`.
        labels: 0 or 1, shape `(n_pairs,)`.

    Returns:
        The reason in words; empty if there are pairs of both labels and every score is finite.

    Raises:
        ValueError: If the shapes do not fit, or a label is neither 0 nor 1.
    """
    reason = why_not_numbers(metric, scores, "scores")
    require_length("labels", labels, len(scores))
    return why_not_two_classes(metric, labels) or reason


def why_not_numbers(metric: str, values: Values, name: str, *, ndim: int = 1) -> str:
    """Say why values of `ndim` dimensions, else a ValueError, are not all finite. A row of a matrix counts once."""
    if values.ndim != ndim:
        raise ValueError(f"{name} must have {ndim} dimension(s), came with shape {values.shape}")
    if len(values) == 0:
        return f"{metric} needs pairs: there are none"
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return "" if finite.all() else f"{np.count_nonzero(~finite)} of {len(values)} {name} are not finite"


def why_not_two_classes(metric: str, labels: Labels) -> str:
    """Say why labels are not of two classes; a ValueError if they are no vector of 0 and 1."""
    strange = np.setdiff1d(labels, [0, 1])
    if labels.ndim != 1 or strange.size:
        shown = ", ".join(map(str, strange[:5])) or "0, 1"
        raise ValueError(f"labels must be a vector of 0 and 1, came with shape {labels.shape} and values {shown}")
    if len(labels) == 0:
        return f"{metric} needs pairs: there are none"
    positives = np.count_nonzero(labels == 1)
    if positives in (0, len(labels)):
        return f"{metric} needs both labels: {positives} positive, {len(labels) - positives} negative pairs"
    return ""


def require_length(name: str, values: Sized, expected: int) -> None:
    """Raise a ValueError unless there is one value per pair."""
    if len(values) != expected:
        raise ValueError(f"{name} must have one value per pair: came {len(values)}, expected {expected}")


def split_scores(scores: Values, labels: Labels) -> tuple[Values, Values]:
    """Split scores into those of the positive and those of the negative pairs, each ascending.

    A floating-point sum depends on the order of its terms; sorted, it does not depend on the order of the pairs.
    """
    scores = scores.astype(np.float64)
    return np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
