import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from harness.statistics import resampling
from harness.statistics.resampling import (
    draw_blocks,
    independent_groups,
    many_short_products,
    pair_weights,
    resampling_units,
)

ROWS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=40).map(np.array)


def draws_of(rows, resamples, *, seed=0):
    """Weights of the pairs in all resamples."""
    units = resampling_units(np.array(rows))
    order = np.arange(len(rows))
    return np.concatenate([pair_weights(units, draws, order) for draws in draw_blocks(units, resamples, seed)])


def units_of(rows):
    """The units of each pair."""
    units = resampling_units(np.array(rows))
    both = zip(units.first.tolist(), units.second.tolist(), strict=True)
    return [{unit for unit in found if unit < units.count} for found in both], units.count


@pytest.mark.parametrize(
    ("rows", "expected", "count"),
    [
        pytest.param([(0, 1), (2, 0), (0, 3), (4, 5)], [{0}, {0}, {0}, {1}], 2, id="star: its centre"),
        pytest.param([(0, 1), (1, 2), (2, 3)], [{0}, {0, 1}, {1}], 2, id="chain: the texts between"),
        pytest.param([(0, 1), (1, 0), (1, 2)], [{0}, {0}, {0}], 1, id="the same pair twice in a star"),
        pytest.param([(0, 0), (0, 1), (2, 3)], [{0}, {0}, {1}], 2, id="a text with itself"),
        pytest.param([(0, 2), (0, 3), (1, 2), (1, 3)], [{0, 2}, {0, 3}, {1, 2}, {1, 3}], 4, id="crossed: both texts"),
    ],
)
def test_units_by_hand(rows, expected, count):
    assert (expected, count) == units_of(rows)


@given(ROWS)
def test_different_pairs_share_as_many_units_as_texts_and_equal_ones_all(rows):
    found, _ = units_of(rows)
    texts = [set(row) for row in rows.tolist()]
    for first, second in itertools.combinations(range(len(rows)), 2):
        if texts[first] == texts[second]:
            assert found[first] == found[second]
        else:
            assert len(texts[first] & texts[second]) == len(found[first] & found[second])


@given(ROWS, st.integers(0, 99))
def test_names_of_texts_and_their_sides_do_not_matter(rows, seed):
    expected = draws_of(rows, 3, seed=seed)
    np.testing.assert_array_equal(expected, draws_of(7 * rows[:, ::-1] - 40, 3, seed=seed))


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param(100, [[1, 1, 0, 0], [1, 3, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]], id="a large group: its texts"),
        pytest.param(147, [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]], id="a fiftieth: as a whole"),
    ],
)
def test_covariances_are_those_of_the_docstring(others, expected):
    rows = [(0, 1), (1, 2), (2, 3), *((text, text + 1) for text in range(10, 10 + 2 * others, 2))]
    np.testing.assert_allclose(expected, np.cov(draws_of(rows, 20_000)[:, :4].T), atol=0.15)


def test_draws_do_not_depend_on_the_size_of_blocks(monkeypatch):
    rows = np.random.default_rng(0).integers(0, 30, size=(70, 2))
    expected = draws_of(rows, 50)
    for elements in (1, 333, 10_000):
        monkeypatch.setattr(resampling, "_BLOCK_ELEMENTS", elements)
        np.testing.assert_array_equal(expected, draws_of(rows, 50))


def test_groups_by_hand():
    assert [0, 1, 1, 1] == independent_groups(np.array([(5, 1), (2, 3), (3, 9), (9, 4)])).tolist()
    assert [0, 0, 1] == independent_groups(np.array([(0, 1), (1, 0), (7, 7)])).tolist()


@pytest.mark.parametrize("function", [resampling_units, independent_groups])
def test_what_are_no_texts_of_pairs_is_an_error(function):
    for rows in (np.zeros(4, dtype=int), np.zeros((4, 3), dtype=int), np.zeros((4, 2))):
        with pytest.raises(ValueError, match=r"text_rows must be integers of shape \(n_pairs, 2\), came as"):
            function(rows)


def test_products_of_a_comparison_take_one_thread_and_give_the_others_back():
    def threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2, user_api="blas"):
        with many_short_products():
            assert {1} == set(threads())
        assert {2} == set(threads())
