from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.checks import split_scores, why_undefined


def labels(*values):
    return np.array(values, dtype=np.int8)


@pytest.mark.parametrize(
    ("scores", "given", "expected"),
    [
        ([0.1, 0.2], labels(0, 1), ""),
        ([], labels(), "it needs pairs: there are none"),
        ([0.1, 0.2, 0.3], labels(1, 1, 1), "it needs both labels: 3 positive, 0 negative pairs"),
        ([0.1, np.nan, np.inf], labels(0, 1, 1), "2 of 3 scores are not finite"),
    ],
)
def test_reasons_are_in_words(scores, given, expected):
    assert expected == why_undefined("it", np.array(scores), given)


@pytest.mark.parametrize(
    ("scores", "given", "message"),
    [
        (np.zeros((2, 2)), labels(0, 1), r"scores must have 1 dimension\(s\), came with shape \(2, 2\)"),
        (np.zeros(2), labels(0, 1, 1), "labels must have one value per pair: came 3, expected 2"),
        (np.zeros(2), labels(0, 2), "labels must be a vector of 0 and 1.*values 2"),
        (np.zeros(2), labels(0, 1).reshape(2, 1), r"labels must be a vector of 0 and 1, came with shape \(2, 1\)"),
    ],
)
def test_wrong_shapes_are_errors(scores, given, message):
    with pytest.raises(ValueError, match=message):
        why_undefined("it", scores, given)


def test_scores_are_split_by_label_and_sorted():
    positive, negative = split_scores(np.array([0.3, 0.9, 0.1, 0.5], dtype=np.float32), labels(0, 1, 0, 1))
    assert np.float64 == positive.dtype
    np.testing.assert_allclose([0.5, 0.9], positive, rtol=1e-7)
    np.testing.assert_allclose([0.1, 0.3], negative, rtol=1e-7)
