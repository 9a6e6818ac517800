"""Digests differ exactly where the content does."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from pydantic import BaseModel

from harness.execution import digest_of, directory_digests
from harness.execution.digests import argument_identity

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert digest_of(value) == digest_of({key: value[key] for key in keys})


@given(VALUES, VALUES)
def test_digests_and_identities_differ_exactly_where_the_json_does(first: Any, second: Any) -> None:
    same = canonical(first) == canonical(second)
    assert same == (digest_of(first) == digest_of(second))
    assert same == (canonical(argument_identity(first)) == canonical(argument_identity(second)))


@given(st.lists(st.floats() | st.text(), max_size=3), st.integers(0, 3000))
def test_a_long_value_is_its_digest_and_still_differs_where_the_content_does(items: list[Any], length: int) -> None:
    value = [*items, "x" * length]
    identity = argument_identity(value)
    assert canonical(identity) == canonical(argument_identity(tuple(value)))
    assert len(canonical(identity)) < 3000
    assert canonical(identity) != canonical(argument_identity([*items, "x" * (length + 1)]))


class Kind(StrEnum):
    FULL = "full"


class Recipe(BaseModel):
    rate: float
    epochs: int = 1
    kind: Kind = Kind.FULL


@dataclass(frozen=True)
class Point:
    x: float
    inner: tuple[int, ...] = ()
    cache: dict[str, int] = field(default_factory=dict, compare=False)


class Digested:
    digest = "abc"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Recipe(rate=2e-5), {"class": "Recipe", "rate": 2e-5, "epochs": 1, "kind": "full"}),
        (Point(1.0, (1, 2), {"a": 1}), {"class": "Point", "x": 1.0, "inner": [1, 2]}),
        (Digested(), {"digest": "abc"}),
        (np.float64(0.5), 0.5),
        ({"b": [Digested()], "a": Kind.FULL}, {"a": "full", "b": [{"digest": "abc"}]}),
    ],
)
def test_the_identity_of_an_object_shows_what_counts(value: Any, expected: Any) -> None:
    assert expected == argument_identity(value)


ARRAYS = st_numpy.arrays(
    st.sampled_from([np.float32, np.int32, np.bool_]), st_numpy.array_shapes(min_dims=0, max_dims=2, max_side=3)
)


@given(ARRAYS, ARRAYS)
def test_arrays_differ_by_type_shape_and_bytes(first: Any, second: Any) -> None:
    same = (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    assert same == (argument_identity(first) == argument_identity(second))
    assert argument_identity(first.T) == argument_identity(first.T.copy(order="C"))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Path("pairs.jsonl"), "Path"),
        ({"a": {1, 2}}, "set"),
        ([b"bytes"], "bytes"),
        (len, "builtin_function_or_method"),
        ({1: "a"}, "keys that are no strings"),
        (np.array([object()]), "ndarray"),
        (Recipe, "ModelMetaclass"),
    ],
)
def test_what_has_no_digest_is_refused(value: Any, reason: str) -> None:
    with pytest.raises(TypeError, match=reason):
        argument_identity(value)


def test_the_digests_of_a_directory_are_those_of_its_files_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "inner" / "empty").mkdir(parents=True)
    for name in (".hidden", "b.txt", "inner/a.json"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    expected = {name: hashlib.sha256(name.encode()).hexdigest() for name in (".hidden", "b.txt", "inner/a.json")}
    assert list(expected.items()) == list(directory_digests(tmp_path).items())
    counting = directory_digests(tmp_path, counts=lambda name: name.endswith("a.json"))
    assert {"inner/a.json": expected["inner/a.json"]} == counting
