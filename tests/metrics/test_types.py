from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.metrics import METRICS, Evaluation, GroupResult, MetricResult

VALUES = st.just(math.nan) | st.floats(-1, 1)
KEYED = st.dictionaries(st.sampled_from(list(METRICS)), VALUES)
DETAILS = st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.lists(st.floats(-1, 1), max_size=3))
RESULTS = st.builds(MetricResult, VALUES, st.text(max_size=4), DETAILS)
GROUPS = st.builds(GroupResult, *[st.integers(0, 99)] * 3, VALUES, VALUES, KEYED, st.text(max_size=4))
EVALUATIONS = st.builds(
    Evaluation,
    st.dictionaries(st.sampled_from(list(METRICS)), RESULTS),
    st.dictionaries(st.text(max_size=3), GROUPS, max_size=3),
    st.dictionaries(st.text(max_size=3), GROUPS, max_size=3),
    st.lists(VALUES, max_size=4).map(tuple),
)


@given(EVALUATIONS)
def test_an_evaluation_comes_back_from_strict_json_as_it_was(evaluation):
    adapter = TypeAdapter(Evaluation)
    content = adapter.dump_json(evaluation)
    json.loads(content, parse_constant=lambda name: (_ for _ in ()).throw(AssertionError(name)))
    assert repr(evaluation) == repr(adapter.validate_json(content))  # NaN reads the same, and does not compare the same
