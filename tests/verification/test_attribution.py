"""Each row of an index is told to be one model's, another's or nobody's, however its values are stored."""

from collections import Counter

import numpy as np
import pytest

from harness.verification import attribute, fits
from harness.verification.attribution import FORMS, form_of

WIDTH, ROWS = 128, 300


def unit(matrix):
    return (matrix / np.linalg.norm(matrix, axis=1, keepdims=True)).astype(np.float32)


RNG = np.random.default_rng(0)
RIGHT = unit(RNG.normal(size=(ROWS, WIDTH)) * RNG.uniform(0.5, 2, size=WIDTH) + RNG.normal(size=WIDTH) / 3)
RELATED = unit(RIGHT + 0.2 * unit(RNG.normal(size=(ROWS, WIDTH))))  # a cosine of 0.98
OTHER = unit(RNG.normal(size=(ROWS, WIDTH)))


def by_vector(made):
    return np.round(127 * made / np.abs(made).max(axis=1, keepdims=True)).astype(np.int8)


def by_dimension(made):
    """As sentence-transformers does, with the ranges of few vectors: the values of others are cut off."""
    low, high = RIGHT[:50].min(axis=0), RIGHT[:50].max(axis=0)
    return np.clip(np.floor((made - low) / (high - low) * 255), 0, 255).astype(np.uint8)


STORED = {
    "float32": lambda made: made,
    "float16": lambda made: made.astype(np.float16),
    "not normalised": lambda made: 7 * made,
    "int8, scaled by vector": by_vector,
    "int8, scaled by dimension": lambda made: (by_dimension(made).astype(np.int16) - 128).astype(np.int8),
    "uint8, scaled by dimension": by_dimension,
    "packed bits": lambda made: np.packbits(made > 0, axis=1),
    "packed bits less 128": lambda made: (np.packbits(made > 0, axis=1).astype(np.int16) - 128).astype(np.int8),
    "bits": lambda made: made > 0,
    "signs": lambda made: np.sign(made),
}


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
def test_an_index_of_the_model_is_all_the_models_and_of_another_none(store):
    assert {"right"} == {*attribute(store(RIGHT), {"right": RIGHT}).makers}
    assert {"right"} == {*attribute(store(RIGHT), {"related": RELATED, "other": OTHER, "right": RIGHT}).makers}
    for made in (RELATED, OTHER):
        assert {None} == {*attribute(store(made), {"right": RIGHT}).makers}


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("second", [RELATED, OTHER], ids=["related", "other"])
def test_of_two_models_each_row_is_told_apart(store, share, second):
    is_right = np.arange(ROWS) < share * ROWS
    stored = store(np.where(is_right[:, None], RIGHT, second))
    expected = np.where(is_right, "right", "second")
    assert [*expected] == [*attribute(stored, {"right": RIGHT, "second": second}).makers]
    alone = Counter(attribute(stored, {"right": RIGHT}).makers)
    assert {"right": is_right.sum(), None: (~is_right).sum()} == alone


def test_few_integers_are_compared_as_they_are():
    few = slice(0, 20)
    assert {"right"} == {*attribute(by_vector(RIGHT[few]), {"right": RIGHT[few]}).makers}
    assert {None} == {*attribute(by_dimension(RIGHT[few]), {"right": RIGHT[few]}).makers}


def test_a_vector_of_zeros_and_constant_vectors_are_nobodys():
    stored = RIGHT.copy()
    stored[3] = 0
    assert [3] == [row for row, maker in enumerate(attribute(stored, {"right": RIGHT}).makers) if maker is None]
    for value in (0, 7):
        constant = np.full((ROWS, WIDTH), value, dtype=np.int8)
        assert {None} == {*attribute(constant, {"right": RIGHT}).makers}


def test_forms_are_told_by_type_width_and_values():
    found = [form_of(store(RIGHT), WIDTH) for store in STORED.values()]
    assert ["floats"] * 3 + ["integers"] * 3 + ["sign bits"] * 4 == found
    assert {*FORMS} == {*found}
    assert (True, True, False, False) == (
        fits(128, np.dtype(np.float32), 128),
        fits(16, np.dtype(np.uint8), 128),
        fits(16, np.dtype(np.float32), 128),
        fits(64, np.dtype(np.uint8), 128),
    )
