"""A model from elsewhere passes where every way in gives what was trained; each fault is named by its own cause."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.checkpoints import TrainingRecord
from harness.encoding import SAME_MODEL
from harness.gates import UPDATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.gates import Verdict

NAN = math.nan
EVAL = np.array([3, 5, 7], np.uint64)
RECORD_IT = "record it where the model is trained, with harness.training.record_training"


def rows(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(12, 8)).astype(np.float32)


BASE, TRAINED, OTHER = rows(0), rows(1), rows(2)


def with_nan(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """One text without a direction."""
    return np.where(np.arange(len(embeddings))[:, None] == 3, np.float32(NAN), embeddings)


def turned(embeddings: NDArray[np.float32], cosine: float) -> NDArray[np.float32]:
    """The embeddings, one of them turned until it has this cosine to what it was."""
    unit = embeddings[0] / np.linalg.norm(embeddings[0])
    aside = np.roll(unit, 1) - (np.roll(unit, 1) @ unit) * unit
    one = cosine * unit + math.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside)
    return np.vstack([one[None], embeddings[1:]]).astype(np.float32)


# --- ways -------------------------------------------------------------------------------------------------------------


def ways_agree(errors: dict[str, str] | None = None, **ways: Any) -> Verdict:
    """Way -> embeddings, the same in both processes, or a pair."""
    pairs = {way: found if isinstance(found, tuple) else (found, found) for way, found in ways.items()}
    return gates.ways_agree("lora", pairs, errors or {}, BASE)


def test_ways_that_agree_pass() -> None:
    verdict = ways_agree(peft=TRAINED, merged=TRAINED * np.float32(1.0001), saved=turned(TRAINED, 0.99995))
    assert ("ways", "lora", "") == (verdict.name, verdict.model, verdict.metric)
    assert ("pass", "lora ways: 3 ways, twice each, give the same embeddings") == (verdict.verdict, verdict.message)
    assert (pytest.approx(0.99995, abs=1e-6), SAME_MODEL) == (verdict.observed, verdict.reference)


def test_a_way_that_ignores_the_adapter_is_named_with_the_cause() -> None:
    verdict = ways_agree(peft=TRAINED, load_adapter=BASE, merged=TRAINED)
    least = min(np.sum(TRAINED * BASE, 1) / np.linalg.norm(TRAINED, axis=1) / np.linalg.norm(BASE, axis=1))
    assert "fail" == verdict.verdict
    assert (
        f"lora ways: load_adapter gives other embeddings than peft (least cosine {least:.4f}): they are the base's: "
        "the adapter is not applied"
    ) == verdict.message
    assert pytest.approx(least, abs=1e-6) == verdict.observed


def test_a_way_with_random_weights_is_named_with_the_cause() -> None:
    verdict = ways_agree(peft=TRAINED, directory=(OTHER, rows(3)), merged=TRAINED)
    assert "fail" == verdict.verdict
    assert verdict.message.startswith("lora ways: directory gives other embeddings at each load (least cosine -")
    assert verdict.message.endswith("): weights that its file does not hold are made up at random")


def test_a_way_with_another_model_is_named_with_the_cause() -> None:
    verdict = ways_agree(peft=TRAINED, saved=OTHER, merged=TRAINED)
    assert "fail" == verdict.verdict
    assert "saved gives other embeddings than peft" in verdict.message
    assert verdict.message.endswith(": it has other weights or settings there (pooling, tokenizer, length)")


def test_a_way_that_fails_is_named_with_its_error() -> None:
    verdict = ways_agree({"saved": "ValueError: no pooling"}, peft=TRAINED, merged=TRAINED)
    assert ("fail", "lora ways: saved fails: ValueError: no pooling") == (verdict.verdict, verdict.message)


def test_every_fault_is_listed() -> None:
    verdict = ways_agree({"e": "KeyError: 1"}, a=TRAINED, b=BASE, c=TRAINED, d=(OTHER, rows(3)))
    problems = verdict.message.removeprefix("lora ways: ").split("; ")
    for said, problem in zip(("e fails: KeyError: 1", "b gives other", "d gives other"), problems, strict=True):
        assert problem.startswith(said)


def test_ways_that_give_the_base_are_to_blame_however_many_they_are() -> None:
    verdict = ways_agree(a=BASE, b=BASE, c=TRAINED)
    assert "fail" == verdict.verdict
    problems = verdict.message.removeprefix("lora ways: ").split("; ")
    expected = [f"{way} gives other embeddings than c" for way in "ab"]
    assert expected == [problem.partition(" (")[0] for problem in problems]


def test_what_is_no_number_is_called_so() -> None:
    verdict = ways_agree(a=TRAINED, b=with_nan(TRAINED), c=TRAINED)
    assert "lora ways: b gives embeddings that are not numbers" == verdict.message
    assert math.isnan(verdict.observed)


def test_no_way_at_all_fails() -> None:
    assert "fail" == ways_agree().verdict
    assert "fail" == ways_agree({"peft": "OSError: gone"}).verdict


def test_embeddings_of_another_size_are_another_model() -> None:
    verdict = ways_agree(peft=TRAINED, merged=TRAINED, saved=TRAINED[:, :4])
    assert "fail" == verdict.verdict
    assert "saved gives other embeddings than peft" in verdict.message


@pytest.mark.parametrize("where", range(3))
def test_most_ways_are_the_reference_wherever_the_wrong_one_stands(where: int) -> None:
    ways: dict[str, Any] = {"one": TRAINED, "two": TRAINED, "three": TRAINED}
    wrong = list(ways)[where]
    verdict = ways_agree(**{**ways, wrong: OTHER})
    assert verdict.message.startswith(f"lora ways: {wrong} gives other embeddings than ")
    assert 1 == verdict.message.count("gives other embeddings")


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=5))
def test_ways_pass_where_and_only_where_every_one_gives_the_same_both_times(ways: list[tuple[int, bool]]) -> None:
    found = {f"way {index}": (rows(of), rows(of if steady else 9)) for index, (of, steady) in enumerate(ways)}
    expected = "pass" if len({of for of, _ in ways}) == 1 and all(steady for _, steady in ways) else "fail"
    assert expected == gates.ways_agree("lora", found, {}, BASE).verdict


@given(st.permutations([("a", TRAINED), ("b", TRAINED), ("c", TRAINED), ("d", OTHER), ("e", BASE)]))
def test_the_order_of_the_ways_changes_no_blame(order: list[tuple[str, NDArray[np.float32]]]) -> None:
    problems = ways_agree(**dict(order)).message.removeprefix("lora ways: ").split("; ")
    assert {"d": "it has other weights or settings", "e": "they are the base's"} == {
        problem[0]: problem.partition("): ")[2].partition(" there")[0].partition(": the adapter")[0]
        for problem in problems
    }


@given(st.floats(0.99, 1), st.floats(0.99, 1))
def test_ways_that_are_closer_never_have_a_worse_verdict(first: float, second: float) -> None:
    worse, better = (
        ways_agree(peft=TRAINED, merged=turned(TRAINED, cosine)).verdict for cosine in sorted([first, second])
    )
    assert ("pass", "fail") != (worse, better)


# --- trained ----------------------------------------------------------------------------------------------------------


def record(
    probes: NDArray[np.float32] | None = TRAINED, pairs: tuple[int, ...] = (1, 2), digest: str = "a" * 64
) -> TrainingRecord:
    return TrainingRecord("tiny", "b" * 64, digest, np.array(pairs, np.uint64), probes)


def test_the_model_that_was_trained_passes() -> None:
    verdict = gates.reproduces("lora", record(), TRAINED)
    assert ("trained", "pass", pytest.approx(1.0), SAME_MODEL) == (
        verdict.name, verdict.verdict, verdict.observed, verdict.reference,
    )  # fmt: skip
    assert (
        "lora trained: least cosine 1.0000 to the embeddings recorded while training, expected at least 0.9999"
    ) == verdict.message


@pytest.mark.parametrize(
    "probes", [OTHER, BASE, turned(TRAINED, 0.999), TRAINED[:, :4], TRAINED[:5]], ids=["other", "base", "one", "w", "n"]
)
def test_another_model_than_the_trained_one_fails(probes: NDArray[np.float32]) -> None:
    verdict = gates.reproduces("lora", record(), probes)
    assert "fail" == verdict.verdict
    assert verdict.message.endswith(": not the model that was trained")


@pytest.mark.parametrize("kept", [None, record(probes=None)], ids=["no-record", "other-texts"])
def test_without_a_record_nobody_can_tell(kept: TrainingRecord | None) -> None:
    verdict = gates.reproduces("lora", kept, TRAINED)
    assert "inconclusive" == verdict.verdict
    assert math.isnan(verdict.observed)
    assert f"lora trained: no probe embeddings of the trained model; {RECORD_IT}" == verdict.message


@pytest.mark.parametrize("kept", [None, record(), record(probes=None)])
def test_a_model_that_does_not_open_is_not_the_trained_one(kept: TrainingRecord | None) -> None:
    verdict = gates.reproduces("lora", kept, None)
    assert ("fail", "lora trained: it could not be opened") == (verdict.verdict, verdict.message)


UNREADABLE = "DIR/training.safetensors: no probe embeddings can be read from it: gone"


@pytest.mark.parametrize("probes", [TRAINED, None], ids=["opened", "not-opened"])
def test_half_a_record_fails_here_and_only_here(probes: NDArray[np.float32] | None) -> None:
    verdict = gates.reproduces("lora", UNREADABLE, probes)
    assert ("trained", "fail") == (verdict.name, verdict.verdict)
    assert (
        f"lora trained: {UNREADABLE}; the record is two files, training.json and training.safetensors: take both from "
        "where it was trained"
    ) == verdict.message
    data = gates.knows_data("lora", UNREADABLE, "a" * 64, EVAL)
    assert ("data", "inconclusive") == (data.name, data.verdict)
    assert (
        "lora data: not judged: the record of its training cannot be read (see the proof `trained`)"
    ) == data.message


# --- settings ---------------------------------------------------------------------------------------------------------

SETTINGS = {"maximum length": 48, "normalised": True, "prompts": {}}


def same_settings(*changes: dict[str, Any], stored: Any = SETTINGS) -> Verdict:
    ways = {f"way {index}": {**SETTINGS, **change} for index, change in enumerate(changes)}
    return gates.same_settings("lora", ways, stored)


def test_the_baselines_settings_pass_however_json_wrote_them() -> None:
    verdict = same_settings({}, {}, stored=json.loads(json.dumps(SETTINGS)))
    assert ("settings", "pass", "lora settings: as the baseline's") == (
        verdict.name, verdict.verdict, verdict.message,
    )  # fmt: skip


def test_a_setting_that_differs_is_named_with_both_values_and_the_ways() -> None:
    verdict = same_settings({}, {"maximum length": 16}, {"maximum length": 16})
    assert ("fail", 1) == (verdict.verdict, verdict.observed)
    assert (
        "lora settings: maximum length 16, the baseline was made with 48 (way 1, way 2). "
        f"After an intended change: {UPDATE}"
    ) == verdict.message


def test_the_same_setting_in_two_other_values_is_told_twice() -> None:
    verdict = same_settings({"maximum length": 16}, {"maximum length": 8, "normalised": False})
    assert ("fail", 3) == (verdict.verdict, verdict.observed)
    for part in ("length 16, the", "(way 0)", "length 8, the", "normalised False, the", "(way 1)"):
        assert part in verdict.message


@pytest.mark.parametrize(
    ("change", "stored", "said"),
    [
        ({"dtype": "fp16"}, SETTINGS, "dtype 'fp16', the baseline was made with None"),
        ({}, {**SETTINGS, "dtype": "fp32"}, "dtype None, the baseline was made with 'fp32'"),
    ],
    ids=["new", "gone"],
)
def test_a_setting_that_only_one_side_knows_fails(change: Any, stored: Any, said: str) -> None:
    verdict = same_settings(change, stored=stored)
    assert "fail" == verdict.verdict
    assert said in verdict.message


def test_settings_of_no_way_fail() -> None:
    verdict = same_settings()
    assert "fail" == verdict.verdict
    assert "lora settings: it could not be opened" == verdict.message


def test_settings_without_a_baseline_are_not_comparable() -> None:
    verdict = same_settings({}, stored="no baseline is stored")
    assert ("fail", "lora settings: not comparable: no baseline is stored") == (verdict.verdict, verdict.message)


# --- data -------------------------------------------------------------------------------------------------------------


def test_a_model_of_the_cases_own_pairs_passes() -> None:
    verdict = gates.knows_data("lora", record(), "a" * 64, EVAL)
    assert ("data", "pass", 0) == (verdict.name, verdict.verdict, verdict.observed)
    assert "lora data: trained on the case's training pairs" == verdict.message


def test_pairs_that_nobody_knows_are_inconclusive() -> None:
    verdict = gates.knows_data("lora", None, "a" * 64, EVAL)
    assert "inconclusive" == verdict.verdict
    assert math.isnan(verdict.observed)
    assert f"lora data: what it was trained on is not known; {RECORD_IT}" == verdict.message


def test_other_pairs_are_inconclusive() -> None:
    verdict = gates.knows_data("lora", record(digest="f" * 64), "a" * 64, EVAL)
    assert ("inconclusive", 0) == (verdict.verdict, verdict.observed)
    assert (
        "lora data: trained on other pairs than the case's (sha256 ffffffffffff, the case has aaaaaaaaaaaa); "
        "none of them is an evaluation pair"
    ) == verdict.message


@pytest.mark.parametrize("digest", ["a" * 64, "f" * 64], ids=["own-pairs", "other-pairs"])
def test_a_model_that_saw_what_it_is_judged_by_fails(digest: str) -> None:
    verdict = gates.knows_data("lora", record(pairs=(1, 5, 7, 9), digest=digest), "a" * 64, EVAL)
    assert ("fail", 2) == (verdict.verdict, verdict.observed)
    assert "lora data: trained on 2 of the 3 pairs that it is judged by" == verdict.message


@given(st.sets(st.integers(0, 2**64 - 1)), st.sets(st.integers(0, 2**64 - 1)), st.sets(st.integers(0, 2**64 - 1)))
def test_pairs_in_common_are_counted_whatever_their_numbers(both: set[int], train: set[int], judged: set[int]) -> None:
    seen, by = sorted(both | train), np.array(sorted(both | judged), np.uint64)
    verdict = gates.knows_data("lora", record(pairs=tuple(seen)), "a" * 64, by)
    assert len(set(seen) & set(by.tolist())) == verdict.observed


# --- whatever a proof found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_what_a_proof_found_is_the_verdict(outcome: Any) -> None:
    verdict = gates.proven("files", "lora", outcome, "some words")
    assert ("files", "lora", "", outcome, "lora files: some words") == (
        verdict.name, verdict.model, verdict.metric, verdict.verdict, verdict.message,
    )  # fmt: skip
    assert math.isnan(verdict.observed)


UNDEFINED = {
    "way": ways_agree(peft=TRAINED, merged=with_nan(TRAINED), saved=TRAINED),
    "every-way": ways_agree(peft=with_nan(TRAINED), merged=with_nan(TRAINED)),
    "one-way": ways_agree(peft=with_nan(TRAINED)),
    "second-time": ways_agree(peft=(TRAINED, with_nan(TRAINED)), merged=TRAINED),
    "zero": ways_agree(peft=TRAINED * 0, merged=TRAINED * 0),
    "base": gates.ways_agree("lora", {"peft": (with_nan(BASE),) * 2, "merged": (BASE, BASE)}, {}, with_nan(BASE)),
    "recorded": gates.reproduces("lora", record(with_nan(TRAINED)), TRAINED),
    "reproduced": gates.reproduces("lora", record(), with_nan(TRAINED)),
    "both": gates.reproduces("lora", record(with_nan(TRAINED)), with_nan(TRAINED)),
}


@pytest.mark.parametrize("verdict", UNDEFINED.values(), ids=UNDEFINED)
def test_nan_never_passes(verdict: Verdict) -> None:
    assert "fail" == verdict.verdict


@pytest.mark.parametrize(
    "verdict",
    [
        *UNDEFINED.values(),
        *(gates.knows_data("lora", kept, "a" * 64, EVAL) for kept in (None, record())),
        *itertools.starmap(same_settings, [(), ({},)]),
    ],
)
def test_a_verdict_goes_through_strict_json(verdict: Verdict) -> None:
    assert repr(verdict) == repr(gates.from_json(json.loads(json.dumps(gates.to_json(verdict), allow_nan=False))))
