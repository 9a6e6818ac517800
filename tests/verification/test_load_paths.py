"""Every load path is tried as a user would take it; weights that are drawn at random show as such."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.metrics import row_cosines
from harness.models import EMBEDDINGS, read_arrays, read_record
from harness.verification import LOAD_PATHS, Candidate, find_candidate
from harness.verification.load_paths import LoadPathFacts, try_load_paths

Opened = tuple[LoadPathFacts, dict[str, NDArray[np.float32]]]


@pytest.fixture
def try_all(tiny_inputs: Any, tmp_path: Path) -> Callable[..., Opened]:
    """The facts of a candidate's load paths, and load path -> embeddings."""

    def tried(candidate: Candidate, *, seed: int = 1) -> Opened:
        found = find_candidate(tiny_inputs.case, candidate.strategy, candidate.path)  # the test may have changed it
        facts = try_load_paths(
            candidate=found, base=tiny_inputs.base, seed=seed, out=tmp_path, progress=lambda *_: None
        )
        return facts, read_arrays(tmp_path / EMBEDDINGS)

    return tried


@pytest.mark.parametrize("strategy", ["lora", "full"])
def test_every_load_path_leads_to_the_model_that_was_trained_and_leaves_it_as_it_was(
    make_candidate: Callable[..., Candidate], try_all: Callable[..., Opened], tiny_inputs: Any, strategy: str
) -> None:
    candidate = make_candidate(strategy)
    facts, embeddings = try_all(candidate)
    assert {} == facts.errors
    assert set(LOAD_PATHS[strategy]) == set(embeddings) == set(facts.settings)
    record = read_record(candidate.path)
    assert record is not None
    for path, found in embeddings.items():
        np.testing.assert_allclose(record.probes, found, atol=1e-5, err_msg=path)
    assert 1 == len({json.dumps(settings, sort_keys=True) for settings in facts.settings.values()})
    candidate.checkpoint(tiny_inputs.base).require_unchanged()


def refusing(_candidate: Candidate, _base: Any, _scratch: Path) -> Any:
    raise ValueError("not today")


def test_a_load_path_that_fails_is_told_and_the_others_are_still_tried(
    make_candidate: Callable[..., Candidate], try_all: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOAD_PATHS["lora"], "PeftModel.merge_and_unload", refusing)  # type: ignore[arg-type]
    facts, embeddings = try_all(make_candidate("lora"))
    assert {"PeftModel.merge_and_unload": "ValueError: not today"} == facts.errors
    assert set(LOAD_PATHS["lora"]) - {"PeftModel.merge_and_unload"} == set(embeddings) == set(facts.settings)


def test_weights_that_are_drawn_at_random_depend_on_the_seed_alone(
    with_holes: Candidate, try_all: Callable[..., Opened]
) -> None:
    first, again, second = (try_all(with_holes, seed=seed)[1] for seed in (1, 1, 2))
    for path in LOAD_PATHS["full"]:
        np.testing.assert_array_equal(first[path], again[path])
        assert row_cosines(first[path], second[path]).min() < 0.99
