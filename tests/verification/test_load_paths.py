"""Every load path is tried as a user would take it; weights that are drawn at random show as such."""

import json

import numpy as np
import pytest

from harness.metrics import row_cosines
from harness.models import EMBEDDINGS, read_arrays, read_record
from harness.verification import LOAD_PATHS, find_candidate
from harness.verification.load_paths import try_load_paths


@pytest.fixture
def try_all(tiny_inputs, tmp_path):
    """The facts of a candidate's load paths, and load path -> embeddings."""

    def tried(candidate, *, seed=1):
        found = find_candidate(tiny_inputs.case, candidate.strategy, candidate.path)  # the test may have changed it
        arguments = {"candidate": found, "base": tiny_inputs.base, "seed": seed, "progress": lambda *_: None}
        return try_load_paths(**arguments, out=tmp_path), read_arrays(tmp_path / EMBEDDINGS)

    return tried


@pytest.mark.parametrize("strategy", ["lora", "full"])
def test_every_load_path_leads_to_the_model_that_was_trained_and_leaves_it_as_it_was(
    make_candidate, try_all, tiny_inputs, strategy
):
    candidate = make_candidate(strategy)
    facts, embeddings = try_all(candidate)
    assert {} == facts.errors
    assert set(LOAD_PATHS[strategy]) == set(embeddings) == set(facts.settings)
    record = read_record(candidate.path)
    for path, found in embeddings.items():
        np.testing.assert_allclose(record.probes, found, atol=1e-5, err_msg=path)
    assert 1 == len({json.dumps(settings, sort_keys=True) for settings in facts.settings.values()})
    candidate.checkpoint(tiny_inputs.base).require_unchanged()


def test_a_load_path_that_fails_is_told_and_the_others_are_still_tried(make_candidate, try_all, monkeypatch):
    monkeypatch.setitem(LOAD_PATHS["lora"], "PeftModel.merge_and_unload", lambda *_: 1 / 0)
    facts, embeddings = try_all(make_candidate("lora"))
    assert {"PeftModel.merge_and_unload": "ZeroDivisionError: division by zero"} == facts.errors
    assert set(LOAD_PATHS["lora"]) - {"PeftModel.merge_and_unload"} == set(embeddings) == set(facts.settings)


def test_weights_that_are_drawn_at_random_depend_on_the_seed_alone(with_holes, try_all):
    first, again, second = (try_all(with_holes, seed=seed)[1] for seed in (1, 1, 2))
    for path in LOAD_PATHS["full"]:
        np.testing.assert_array_equal(first[path], again[path])
        assert row_cosines(first[path], second[path]).min() < 0.99
