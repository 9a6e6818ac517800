from __future__ import annotations

import numpy as np
import pytest

from harness.metrics.checks import why_undefined


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        (np.zeros((2, 2)), [0, 1], r"scores must have 1 dimension\(s\), came with shape \(2, 2\)"),
        (np.zeros(2), [0, 2], "labels must be a vector of 0 and 1.*values 2"),
        (np.zeros(2), [[0], [1]], r"labels must be a vector of 0 and 1, came with shape \(2, 1\)"),
    ],
)
def test_wrong_shapes_are_errors(scores, labels, message):
    with pytest.raises(ValueError, match=message):
        why_undefined("it", scores, np.array(labels, dtype=np.int8))
