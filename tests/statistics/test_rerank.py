"""The uncertain band and its second scorer, against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.metrics.operating_point import separating_threshold
from harness.statistics.rerank import choose_band, rerank

SHARES = (0.05, 0.2, 0.5, 1.0)


def drawn(seed, count=200, signal=1.0):
    """Scores, a better second scorer's, labels, and texts that no two pairs share."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 2).astype(np.int8)
    scores = np.tanh(rng.normal(size=count) * 0.4 + (labels - 0.5) * 0.4)
    second = 1 / (1 + np.exp(-(rng.normal(size=count) + signal * 6 * (labels - 0.5))))
    return scores, second, labels, np.arange(2 * count).reshape(count, 2)


def measured(dev, evaluated, share=0.2, types=None):
    scores, second, labels, texts = evaluated
    band = choose_band(*dev[:3], share)
    return rerank(band, scores, second, labels, texts, types or ("",) * len(scores))


def plain_f1(accepted, labels):
    tp = sum(a and y == 1 for a, y in zip(accepted, labels, strict=True))
    wrong = sum(a != (y == 1) for a, y in zip(accepted, labels, strict=True))
    return 2 * tp / (2 * tp + wrong)


@pytest.mark.parametrize("share", SHARES)
def test_the_band_is_that_of_plain_loops_and_no_other_second_threshold_is_better(share):
    scores, second, labels, _ = drawn(1)
    band = choose_band(scores, second, labels, share)
    threshold = separating_threshold(scores, labels).value
    nearest = sorted(range(200), key=lambda row: abs(scores[row] - threshold))[: math.ceil(share * 200)]
    assert threshold == band.threshold
    assert {row for row in range(200) if band.low <= scores[row] <= band.high} == set(nearest)

    def both(at):
        return [second[row] >= at if row in nearest else scores[row] >= threshold for row in range(200)]

    best = max(plain_f1(both(at), labels) for at in [*second, 2.0])
    assert plain_f1(both(band.second_threshold), labels) == pytest.approx(best)


def test_counts_and_flips_are_those_of_plain_loops():
    scores, second, labels, texts = drawn(2)
    types = tuple("subtle" if row % 5 == 0 else "plain" for row in range(200))
    found = measured(drawn(1), (scores, second, labels, texts), types=types)
    band, counts, flips = found.band, {}, {"fixed": [], "regressed": []}
    for row in range(200):
        inside = band.low <= scores[row] <= band.high
        was = scores[row] >= band.threshold
        now = second[row] >= band.second_threshold if inside else was
        for stage, accepted in (("before", was), ("after", now)):
            kind = ("tn", "fn", "fp", "tp")[2 * accepted + labels[row]]
            for name in ("", types[row]):
                counts[stage, name, kind] = counts.get((stage, name, kind), 0) + 1
        if was != now:
            flips["fixed" if now == labels[row] else "regressed"].append(row)
    for name, pair in {"": (found.before, found.after), **found.pair_types}.items():
        for stage, confusion in zip(("before", "after"), pair, strict=True):
            for kind in ("tp", "fp", "fn", "tn"):
                assert counts.get((stage, name, kind), 0) == getattr(confusion, kind)
    assert (tuple(flips["fixed"]), tuple(flips["regressed"])) == (found.fixed, found.regressed)
    gained = len(flips["fixed"]) - len(flips["regressed"])
    assert found.accuracy.change == pytest.approx(gained / 200)
    assert found.rescored == sum(band.low <= score <= band.high for score in scores)
    assert found.f1.after == pytest.approx(plain_f1(band.decided(scores, second), labels))


def test_the_interval_of_the_accuracy_is_that_of_a_bootstrap_of_differences():
    evaluated = drawn(2, count=400)
    found = measured(drawn(1), evaluated, 0.5)
    differences = np.zeros(400)
    differences[list(found.fixed)], differences[list(found.regressed)] = 1, -1
    rng = np.random.default_rng(7)
    means = differences[rng.integers(400, size=(4000, 400))].mean(axis=1)
    expected = np.quantile(means, (0.025, 0.975))
    assert (found.accuracy.interval.low, found.accuracy.interval.high) == pytest.approx(tuple(expected), abs=0.01)
    assert found.accuracy.interval.low < found.accuracy.change < found.accuracy.interval.high


def test_a_good_second_scorer_is_better_and_a_reversed_one_worse():
    dev, (scores, second, labels, texts) = drawn(1), drawn(2)
    assert measured(dev, (scores, second, labels, texts)).accuracy.interval.low > 0
    assert measured(dev, (scores, 1 - second, labels, texts)).accuracy.interval.high < 0


GRID = st.integers(-32, 32).map(lambda step: step / 32)


@st.composite
def pair_sets(draw):
    """Scores on a grid, second scores, and labels of both kinds."""
    size = draw(st.integers(2, 30))
    columns = [draw(st.lists(GRID, min_size=size, max_size=size)) for _ in range(2)]
    labels = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size).filter(lambda found: len(set(found)) == 2))
    return *map(np.array, columns), np.array(labels, dtype=np.int8)


@given(dev=pair_sets(), evaluated=pair_sets(), share=st.sampled_from(SHARES))
def test_pairs_outside_the_band_keep_their_decision(dev, evaluated, share):
    band = choose_band(*dev, share)
    scores, second, _ = evaluated
    outside = ~band.inside(scores)
    assert band.low <= band.threshold <= band.high
    assert ((scores >= band.threshold) == band.decided(scores, second))[outside].all()
    assert band.inside(dev[0]).sum() >= math.ceil(share * len(dev[0]))


@given(dev=pair_sets(), evaluated=pair_sets(), share=st.sampled_from(SHARES))
def test_a_second_scorer_that_is_the_first_changes_nothing(dev, evaluated, share):
    (scores, _, labels), (others, _, judged) = dev, evaluated
    band = choose_band(scores, scores, labels, share)
    assert (band.decided(others, others) == (others >= band.threshold)).all()
    texts = np.arange(2 * len(others)).reshape(-1, 2)
    found = rerank(band, others, others, judged, texts, ("",) * len(others))
    assert ((), (), 0) == (found.fixed, found.regressed, found.accuracy.change)


@pytest.mark.parametrize("where", ["dev", "dev second", "eval", "eval second", "labels"])
def test_what_is_undefined_has_its_reason_and_no_number(where):
    dev, evaluated = [*drawn(1)], [*drawn(2)]
    side = dev if where.startswith("dev") else evaluated
    if where == "labels":
        evaluated[2] = np.ones_like(evaluated[2])
    else:
        side[where.endswith("second")][3] = math.nan
    found = measured(dev, evaluated)
    reason = "both labels" if where == "labels" else "are not finite"
    assert reason in found.accuracy.interval.reason
    assert all(math.isnan(value) for value in (found.rescored, found.after.fp, found.accuracy.change, found.f1.after))


def test_what_does_not_fit_is_refused():
    scores, second, labels, texts = drawn(1)
    with pytest.raises(ValueError, match="second must have one value per pair"):
        choose_band(scores, second[1:], labels, 0.2)
    with pytest.raises(ValueError, match="pair_types must have one value per pair"):
        rerank(choose_band(scores, second, labels, 0.2), scores, second, labels, texts, ())
