"""A candidate passes where every load path gives what was trained; each fault is named by its own cause."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.gates import NotJudgedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.gates import Verdict

BASE, TRAINED, OTHER = 1, 3, 5  # seeds of probe embeddings
RECORD_IT = "record it where the model is trained, with harness.training.record_training"


@pytest.fixture(scope="session")
def paths_verdict(make_run: Any, make_rows: Any, verdict_of: Any) -> Callable[..., Verdict]:
    """The verdict on load paths: path -> seed of its embeddings, of both processes, or their arrays."""

    def made(found: Any) -> Any:
        return make_rows(found) if isinstance(found, int) else found

    def judge(errors: dict[str, str] | None = None, **paths: Any) -> Verdict:
        pairs = {path: found if isinstance(found, tuple) else (found, found) for path, found in paths.items()}
        embeddings = {path: (made(first), made(second)) for path, (first, second) in pairs.items()}
        return verdict_of(
            make_run("lora").verify(embeddings=embeddings, errors=errors or {}), "load_paths", model="lora"
        )

    return judge


def turned(embeddings: Any, cosine: float) -> Any:
    """The embeddings, one of them turned until it has this cosine to what it was."""
    unit = embeddings[0] / np.linalg.norm(embeddings[0])
    aside = np.roll(unit, 1) - (np.roll(unit, 1) @ unit) * unit
    one = cosine * unit + math.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside)
    return np.vstack([one[None], embeddings[1:]]).astype(np.float32)


def test_load_paths_that_agree_pass(paths_verdict: Any, make_rows: Any) -> None:
    trained = make_rows(TRAINED)
    verdict = paths_verdict(peft=trained, merged=trained * np.float32(1.0001), saved=turned(trained, 0.99995))
    assert ("pass", "lora load paths: 3 load paths, twice each, give the same embeddings") == (
        verdict.outcome,
        verdict.message,
    )
    assert pytest.approx(0.99995, abs=1e-6) == verdict.observed


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (
            {"peft": TRAINED, "ignored": BASE, "merged": TRAINED},
            ["ignored gives other embeddings than peft (least cosine -0.", "base's: the adapter is not applied"],
        ),
        (
            {"peft": TRAINED, "random": (OTHER, 7), "merged": TRAINED},
            [
                "random gives other embeddings at each load (least cosine -0.",
                "file does not hold are made up at random",
            ],
        ),
        (
            {"peft": TRAINED, "saved": OTHER, "merged": TRAINED},
            ["saved gives other embeddings than peft", "other weights or settings there (pooling, tokenizer, length)"],
        ),
        ({"a": BASE, "b": BASE, "c": TRAINED}, ["a gives other embeddings than c", "b gives other embeddings than c"]),
    ],
    ids=["ignored", "random", "other", "most-give-the-base"],
)
def test_a_load_path_that_gives_another_model_is_named_with_the_cause(
    paths_verdict: Any, paths: dict[str, Any], said: list[str]
) -> None:
    verdict = paths_verdict(**paths)
    assert "fail" == verdict.outcome
    assert [] == [part for part in said if part not in verdict.message], verdict.message


def test_every_fault_is_listed_and_no_load_path_at_all_fails(paths_verdict: Any, make_rows: Any) -> None:
    narrow = make_rows(TRAINED)[:, :4]
    verdict = paths_verdict({"e": "KeyError: 1"}, a=TRAINED, b=BASE, c=TRAINED, d=(OTHER, 7), f=narrow)
    problems = verdict.message.removeprefix("lora load paths: ").split("; ")
    begins = ("e fails: KeyError: 1", "b gives other", "d gives other", "f gives other")
    assert [True] * 4 == [problem.startswith(begin) for problem, begin in zip(problems, begins, strict=True)]
    assert "fail" == paths_verdict().outcome


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_load_paths_pass_where_and_only_where_every_one_gives_the_same_both_times(
    paths_verdict: Any, paths: list[tuple[int, bool]]
) -> None:
    found = {f"path {index}": (seed, seed if steady else 9) for index, (seed, steady) in enumerate(paths)}
    expected = "pass" if len({seed for seed, _ in paths}) == 1 and all(steady for _, steady in paths) else "fail"
    assert expected == paths_verdict(**found).outcome


# --- record -----------------------------------------------------------------------------------------------------------


def test_the_model_that_was_trained_passes(make_run: Any, verdict_of: Any) -> None:
    verdict = verdict_of(make_run("lora"), "record", model="lora")
    assert ("pass", pytest.approx(1.0), 0.9999) == (verdict.outcome, verdict.observed, verdict.reference)
    assert (
        "lora record: least cosine 1.0000 to the embeddings recorded in training, expected at least 0.9999"
    ) == verdict.message


@pytest.mark.parametrize("kept", ["nothing", "other-texts"])
def test_without_recorded_probes_nobody_can_tell(make_run: Any, verdict_of: Any, kept: str) -> None:
    run = make_run("lora")
    run.verify(record=None if kept == "nothing" else replace(run.verified.record, probes=None))
    verdict = verdict_of(run, "record", model="lora")
    assert ("inconclusive", f"lora record: no probe embeddings of the trained model; {RECORD_IT}") == (
        verdict.outcome,
        verdict.message,
    )
    assert math.isnan(verdict.observed)
    closed = verdict_of(run.verify(embeddings={}), "record", model="lora")
    assert ("fail", "lora record: it could not be opened") == (closed.outcome, closed.message)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "stored", "said"),
    [
        ([{}, {"length": 16}, {"length": 16}], {}, "length 16, the baseline was made with 48 (path 1, path 2). After"),
        ([{"length": 16}, {"length": 8}], {}, "length 16, the baseline was made with 48 (path 0); length 8, the"),
        ([{"dtype": "fp16"}], {}, "dtype 'fp16', the baseline was made with None (path 0)"),
        ([{}], {"dtype": "fp32"}, "dtype None, the baseline was made with 'fp32' (path 0)"),
        ([], {}, "lora settings: it could not be opened"),
    ],
    ids=["paths", "values", "new", "gone", "closed"],
)
def test_a_setting_that_differs_is_named_with_both_values_and_the_load_paths(
    make_run: Any, verdict_of: Any, found: list[dict[str, Any]], stored: dict[str, Any], said: str
) -> None:
    run = make_run("lora")
    run.baseline.models["lora"].settings.update(stored)
    run.verify(settings={f"path {index}": {"length": 48, **change} for index, change in enumerate(found)})
    verdict = verdict_of(run, "settings", model="lora")
    assert ("fail", True) == (verdict.outcome, said in verdict.message), verdict.message


def test_where_no_settings_are_stored_they_fail_and_where_no_model_is_the_baseline_does(
    make_run: Any, verdict_of: Any
) -> None:
    run = make_run("lora")
    run.baseline.models["lora"].settings.clear()
    verdict = verdict_of(run, "settings", model="lora")
    assert "fail" == verdict.outcome
    assert "no settings are stored for model lora; store them with pytest evals/ -m full" in verdict.message
    run.baseline.models.pop("lora")
    with pytest.raises(NotJudgedError) as caught:
        verdict_of(run, "settings", model="lora")
    assert "baseline" == caught.value.cause


# --- training data ----------------------------------------------------------------------------------------------------


def test_pairs_that_nobody_knows_or_others_than_the_cases_are_inconclusive(make_run: Any, verdict_of: Any) -> None:
    run = make_run("lora")
    run.verify(record=replace(run.verified.record, pairs_digest="f" * 64))
    verdict = verdict_of(run, "training_data", model="lora")
    assert ("inconclusive", 0) == (verdict.outcome, verdict.observed)
    assert verdict.message.endswith(
        "sha256 ffffffffffff, the case has aaaaaaaaaaaa); none of them is an evaluation pair"
    )
    verdict = verdict_of(run.verify(record=None), "training_data", model="lora")
    assert ("inconclusive", f"lora training data: what it was trained on is not known; {RECORD_IT}") == (
        verdict.outcome,
        verdict.message,
    )
    assert math.isnan(verdict.observed)


@settings(max_examples=30)
@given(*[st.sets(st.integers(0, 2**64 - 1)) for _ in range(3)])
def test_pairs_in_common_are_counted_whatever_their_numbers(
    make_run: Any, verdict_of: Any, both: set[int], train: set[int], evaluated: set[int]
) -> None:
    run = make_run("lora")
    run.inputs.eval.fingerprints = np.array(sorted(both | evaluated), np.uint64)
    run.verify(record=replace(run.verified.record, pairs=np.array(sorted(both | train), np.uint64)))
    verdict = verdict_of(run, "training_data", model="lora")
    assert len((both | train) & (both | evaluated)) == verdict.observed
    assert ("fail" if verdict.observed else "pass") == verdict.outcome
