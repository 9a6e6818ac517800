"""A candidate passes where every load path gives what was trained; each fault is named by its own cause."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gates import NotJudgedError

BASE, TRAINED, OTHER = 1, 3, 5  # seeds of probe embeddings


@pytest.fixture(scope="session")
def paths_verdict(make_run, verdict_of):
    """The verdict on load paths: path -> seed of its embeddings, of both processes, or their arrays."""

    def judge(errors=None, **paths):
        pairs = {path: found if isinstance(found, tuple) else (found, found) for path, found in paths.items()}
        made = {p: tuple(make_run.rows(x) if isinstance(x, int) else x for x in pair) for p, pair in pairs.items()}
        return verdict_of(make_run("lora").verify(embeddings=made, errors=errors or {}), "load_paths")

    return judge


def test_load_paths_that_agree_pass(make_run, paths_verdict):
    trained = make_run.rows(TRAINED)
    verdict = paths_verdict(peft=trained, merged=trained * np.float32(1.0001), saved=trained + np.float32(0.004))
    assert ("pass", True) == (verdict.outcome, "3 load paths, twice each, give the same embeddings" in verdict.message)
    assert 0.9999 < verdict.observed < 0.99999


def test_a_load_path_that_gives_another_model_is_named_with_the_cause(paths_verdict):
    for paths, said in (
        ({"b": BASE}, ["b gives other embeddings than a (least cosine -0.", "base's: the adapter is not applied"]),
        ({"b": (OTHER, 7)}, ["b gives other embeddings at each load (least cosine -0.", "are made up at random"]),
        ({"b": OTHER}, ["b gives other embeddings than a", "weights or settings there (pooling, tokenizer, length)"]),
        ({"a": BASE, "b": BASE}, ["a gives other embeddings than c", "; b gives other embeddings than c"]),
    ):
        verdict = paths_verdict(**{"a": TRAINED, "c": TRAINED, **paths})
        assert ("fail", []) == (verdict.outcome, [part for part in said if part not in verdict.message])


def test_every_fault_is_listed_and_no_load_path_at_all_fails(make_run, paths_verdict):
    narrow = make_run.rows(TRAINED)[:, :4]
    verdict = paths_verdict({"e": "KeyError: 1"}, a=TRAINED, b=BASE, c=TRAINED, d=(OTHER, 7), f=narrow)
    problems = verdict.message.removeprefix("lora load paths: ").split("; ")
    begins = ("e fails: KeyError: 1", "b gives other", "d gives other", "f gives embeddings of 4 numbers, a of 8")
    assert [True] * 4 == [problem.startswith(begin) for problem, begin in zip(problems, begins, strict=True)]
    assert "fail" == paths_verdict().outcome


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_load_paths_pass_where_and_only_where_every_one_gives_the_same_both_times(paths_verdict, paths):
    found = {f"path {index}": (seed, seed if steady else 9) for index, (seed, steady) in enumerate(paths)}
    expected = "pass" if len({seed for seed, _ in paths}) == 1 and all(steady for _, steady in paths) else "fail"
    assert expected == paths_verdict(**found).outcome


def test_where_nothing_was_recorded_nobody_can_tell(make_run, verdict_of):
    run = make_run("lora")
    record = run.verified.record
    for gate, kept, value, said in (
        ("record", replace(record, probes=None), math.nan, "no probe embeddings of the trained model; record it where"),
        ("record", None, math.nan, "no probe embeddings of the trained model; record it where"),
        ("training_data", replace(record, pairs_digest="f" * 64), 0, "ffffffffffff, the case has aaaaaaaaaaaa); none"),
        ("training_data", None, math.nan, "what it was trained on is not known; record it where"),
    ):
        verdict = verdict_of(run.verify(record=kept), gate)
        assert ("inconclusive", pytest.approx(value, nan_ok=True)) == (verdict.outcome, verdict.observed)
        assert said in verdict.message
    closed = verdict_of(run.verify(embeddings={}), "record")
    assert ("fail", "lora record: it could not be opened") == (closed.outcome, closed.message)


def test_a_setting_that_differs_is_named_with_both_values_and_the_load_paths(make_run, verdict_of):
    for found, stored, said in (
        ([{}, {"length": 16}, {"length": 16}], {}, "length 16, the baseline was made with 48 (path 1, path 2). After"),
        ([{"length": 16}, {"length": 8}], {}, "length 16, the baseline was made with 48 (path 0); length 8, the"),
        ([{}], {"dtype": "fp32"}, "dtype None, the baseline was made with 'fp32' (path 0)"),
        ([], {}, "lora settings: it could not be opened"),
    ):
        run = make_run("lora")
        run.baseline.models["lora"].settings.update(stored)
        run.verify(settings={f"path {index}": {"length": 48, **change} for index, change in enumerate(found)})
        verdict = verdict_of(run, "settings")
        assert ("fail", True) == (verdict.outcome, said in verdict.message), verdict.message
    run.baseline.models["lora"].settings.clear()
    assert (
        "no settings are stored for model lora; store them with embedding-harness run"
        in verdict_of(run, "settings").message
    )
    run.baseline.models.pop("lora")
    with pytest.raises(NotJudgedError) as caught:
        verdict_of(run, "settings")
    assert "baseline" == caught.value.cause


@settings(max_examples=30)
@given(*[st.sets(st.integers(0, 2**64 - 1)) for _ in range(3)])
def test_pairs_in_common_are_counted_whatever_their_numbers(make_run, verdict_of, both, train, evaluated):
    run = make_run("lora")
    run.inputs.eval.fingerprints = np.array(sorted(both | evaluated), np.uint64)
    run.verify(record=replace(run.verified.record, pairs=np.array(sorted(both | train), np.uint64)))
    verdict = verdict_of(run, "training_data")
    assert len((both | train) & (both | evaluated)) == verdict.observed
    assert ("fail" if verdict.observed else "pass") == verdict.outcome
