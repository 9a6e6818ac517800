"""Each text is encoded once a side, and every pair finds both of its embeddings."""

import numpy as np

from harness.data import NO_SIDES, Side, Sides

QUERY, DOCUMENT = Side("query", "query: "), Side("document", "passage: ")


def test_texts_of_one_side_are_those_of_the_pairs(tiny_inputs):
    pairs = tiny_inputs.eval
    for sides in (NO_SIDES, Sides(QUERY, QUERY)):
        assert (pairs.texts,) == sides.texts(pairs)
        assert sides.rows(pairs) is pairs.text_rows


def test_texts_of_two_sides_stand_one_below_the_other(tiny_inputs):
    pairs, sides = tiny_inputs.eval, Sides(QUERY, DOCUMENT)
    first, second = sides.texts(pairs)
    assert (len(set(first)), len(set(second))) == (len(first), len(second))
    both = set(first) & set(second)
    assert both  # encoded on either side
    inputs = [*((QUERY, text) for text in first), *((DOCUMENT, text) for text in second)]
    rows = sides.rows(pairs)
    assert ((len(pairs), 2), np.dtype(np.int64)) == (rows.shape, rows.dtype)
    expected = [((QUERY, pair.text_1), (DOCUMENT, pair.text_2)) for pair in pairs]
    assert expected == [(inputs[a], inputs[b]) for a, b in rows.tolist()]
