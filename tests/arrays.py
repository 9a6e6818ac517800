"""Scored pairs for the tests of metrics and of statistics."""

import numpy as np
from hypothesis import strategies as st

from harness.metrics import METRICS, ScoredPairs

SEEDS = st.integers(0, 2**32 - 1)
OF_SCORES = [name for name in METRICS if name != "cluster_purity"]
"""The metrics that need no embeddings."""


@st.composite
def labelled_scores(draw):
    """Scores with many ties, labels of both kinds, and how often each pair is drawn: of each label at least once."""
    row = st.tuples(st.integers(-9, 9), st.booleans(), st.integers(0, 3))
    rows = draw(st.lists(row, max_size=40)) + [(draw(st.integers(-9, 9)), label, 1) for label in (False, True)]
    scores, labels, weights = zip(*rows, strict=True)
    return np.array(scores) / 9, np.array(labels, dtype=np.int8), np.array(weights, dtype=np.float64)


def two_models(seed, count, *, decimals=15, gain=0.0):
    """Scores of two models, alike in part, and labels: at least two of each."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < 0.5).astype(np.int8)
    labels[:4] = 0, 1, 0, 1
    shared = rng.normal(size=count) + labels
    now, stored = (0.2 * (shared + 0.7 * rng.normal(size=count) + more * labels) for more in (gain, 0.0))
    return now.round(decimals), stored.round(decimals), labels


def measure(name, scores, labels):
    """Value of a metric that needs no embeddings."""
    names = ("",) * len(scores)
    return METRICS[name].function(ScoredPairs(scores, labels, np.empty((len(scores), 0)), names, names)).value


def lone(count):
    """Texts of pairs that have none in common."""
    return np.arange(2 * count).reshape(count, 2)
