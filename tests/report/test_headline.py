"""The headline says first what blocks, and what it is worth."""

import dataclasses
import math

import pytest

from harness.gates import Skipped, Subject
from harness.metrics import METRICS
from harness.report.headline import counts_words, headline
from harness.results import CandidateEntry

from ..synthetic import verdict, with_case, with_metric, with_model

CANDIDATE = CandidateEntry(model="lora", strategy="lora", path="a", sha256="0" * 64)


def told(report, **changes):
    found = headline(with_case(report, **changes).case)
    return found.outcome, found.sentence


def test_a_good_run_may_ship_and_names_the_relative_performance(report):
    ratio = next(entry.value.ratio for entry in report.case.relative_performance if entry.outcome)
    found = headline(report.case)
    assert (found.answer, found.cause) == ("may ship: yes", "Nothing is worse than stored.")
    assert found.detail == f"Spearman correlation of lora is {ratio:.0%} of that of standard."


def test_a_run_that_stored_its_baseline_claims_no_comparison(report):
    found = headline(with_case(report, updated=True).case)
    assert found.cause.startswith("Baseline stored now: ")
    assert "worse than stored" not in found.sentence


def test_a_comparison_that_no_model_fails_is_said_at_the_top(report):
    (outcome, words), names = told(report, cannot_fail=tuple("abcde")), "a, b, c, d and 1 more"
    assert "pass" == outcome
    assert words.endswith(
        f"5 comparisons that no model can fail (the tolerance is too wide, or no value could be stored): {names}."
    )


@pytest.mark.parametrize(("count", "are"), [(1, "value is"), (3, "values are")])
def test_what_is_better_could_be_stored(report, count, are):
    improved = [verdict("metric", metric=name, model="lora", improved=True) for name in list(METRICS)[:count]]
    changes = {"verdicts": tuple(improved), "relative_performance": (), "expected": count}
    words = f"Nothing is worse than stored. {count} {are} better than stored by more than "
    sentence = told(report, **changes)[1]
    assert sentence.startswith(words)
    assert sentence.endswith("tolerance: consider --update-baselines.")
    gated = told(report, candidate=CANDIDATE, **changes)[1]
    assert gated.endswith("tolerance."), "the values of a candidate cannot be stored"


def test_a_part_of_a_run_is_no_green_answer(report):
    passed, failed = verdict("load_paths", model="lora"), verdict("base", "fail", "lora base: another")
    unsure = verdict("record", "inconclusive", "lora: not recorded")
    for verdicts, outcome, words in (
        ((passed,), "inconclusive", "Only 1 of 130 gates ran, and none of them fails."),
        ((failed, passed), "fail", "lora base: another. Only 2 of 130 gates ran."),
        (
            (passed, unsure),
            "inconclusive",
            "Nothing fails, but not all is certain: lora: not recorded. Only 2 of 130 gates ran.",
        ),
    ):
        assert (outcome, words) == told(report, models={}, verdicts=verdicts, expected=130)
    assert ("inconclusive", "No gate ran.") == told(report, verdicts=(), expected=0)
    refused = told(report, error="not updated, hard gates failed:\n  lora 40%")
    assert ("fail", "not updated, hard gates failed: lora 40%.") == refused
    assert headline(with_case(report, verdicts=(passed,)).case).answer == "may ship: not proven"


def test_the_cause_comes_first_and_the_rest_is_named_or_counted(report):
    first = verdict("diverges", "fail", "lora on eval: was the adapter applied?", model="lora", texts="eval")
    metrics = [verdict("metric", "fail", model="lora", metric=name) for name in METRICS]
    memory = verdict("memory", "fail", model="lora", stage="train")
    words = "lora on eval: was the adapter applied? Also lora spearman, lora margin and lora memory train."
    assert words == told(report, verdicts=(first, *metrics[:2], memory), expected=4)[1]
    words = told(report, verdicts=(first, *metrics), expected=8)[1]
    assert words.endswith(" Also lora spearman, lora margin, lora cohens_d, lora auc_roc and 3 more.")
    with_examples = verdict("record", "fail", "differs", model="lora", examples=("a and b",), more=3)
    assert told(report, verdicts=(with_examples,), expected=1)[1] == "differs."


def test_a_cause_is_said_in_plain_words(report):
    about = {"model": "lora", "metric": "spearman"}
    below = dataclasses.replace(
        verdict("relative_performance", "fail", "-39.3%", **about, reference="standard"), observed=0.571, reference=0.9
    )
    stored = dataclasses.replace(verdict("metric", "fail", "worse", **about), observed=0.362, reference=0.662)
    on = dataclasses.replace(verdict("category", "inconclusive", "worse", category="values", **about), observed=0.4)
    words = "lora reaches 57% of the Spearman correlation of standard, expected at least 90%."
    unsure = (
        "Nothing fails, but not all is certain: lora may be worse than its baseline on values: Spearman correlation "
    )
    for failed, expected in (
        (below, words),
        (dataclasses.replace(below, observed=0.8999), words.replace("57%", "90.0%")),
        (dataclasses.replace(below, observed=math.nan), "-39.3%."),
        (verdict("beats_base", "fail", "equal", **about), "equal."),
        (stored, "lora is worse than its baseline: Spearman correlation 0.362, stored 0.662."),
        (dataclasses.replace(stored, observed=math.nan), "worse."),
        (verdict("metric", "fail", "moved", model="base", metric="margin"), "moved."),
        (on, f"{unsure}0.400, stored 0.500."),
    ):
        assert told(report, verdicts=(failed,), expected=1)[1] == expected

    wrong_way_round = with_metric(report, "lora", "spearman", value=-0.9)
    base = value_of(report, "base")
    for failed in (below, verdict("beats_base", "fail", "not better", **about)):
        assert told(wrong_way_round, verdicts=(failed,), expected=1)[1] == (
            f"lora is worse than the untrained base: Spearman correlation -0.900, base {base:.3f}."
        )


def test_gates_are_counted_by_what_became_of_them(report):
    failed, passed = verdict("record", "fail", model="lora"), verdict("files", model="lora")
    skipped = (Skipped(gate="metric", subject=Subject(), cause="record"),)
    case = with_case(report, verdicts=(failed, passed), skipped=skipped, expected=76).case
    assert counts_words(case) == "76 gates: 1 pass, 1 fail, 1 not judged, 73 did not run"
    assert counts_words(with_case(report, verdicts=(), expected=76).case) == "none of 76 gates ran"
    assert counts_words(with_case(report, verdicts=(passed,), expected=1).case) == "1 gate, all pass"


def test_a_missing_model_is_named_with_its_reason_once(report, without_standard):
    assert "standard not measured: out of memory." == headline(without_standard.case).cause
    digest = told(report, models={}, missing={"standard": f"store/{'ab' * 32}: gone"})
    assert digest == ("fail", "standard not measured: store/abababababab…: gone.")
    every = told(report, models={}, missing=dict.fromkeys(report.case.model_names, "no disk"))
    assert every[1] == "base, standard and lora not measured: no disk."
    failed = verdict("files", "fail", "a pickle", model="lora")
    words = told(report, candidate=CANDIDATE, missing={"lora": "refused"}, verdicts=(failed,), expected=1)[1]
    assert words == "a pickle.", "a refused candidate is not missing too"


def test_strict_verdicts_count_what_is_uncertain_as_a_failure(report):
    unsure = verdict("record", "inconclusive", "lora: not recorded", model="lora")
    failed = verdict("memory", "fail", "lora: too much", model="lora", stage="train")
    strictly = " Under --strict-verdicts, what is inconclusive counts as a failure."
    assert told(report, verdicts=(unsure,), expected=1)[0] == "inconclusive"
    strict = told(report, verdicts=(unsure,), expected=1, strict=True)
    assert ("fail", f"lora: not recorded.{strictly}") == strict
    both = told(report, verdicts=(unsure, failed), expected=2, strict=True)[1]
    assert both == f"lora: too much. Also lora record.{strictly}"
    assert told(report, verdicts=(failed,), expected=1, strict=True)[1] == "lora: too much."


@pytest.fixture
def leak(report):
    def make(**spearman):
        changed = report
        for model, value in spearman.items():
            values = {name: entry.value for name, entry in report.models[model].metrics.items()}
            changed = with_model(changed, model, without_leakage=values | {"spearman": value})
        return with_case(changed, audit=report.case.audit.model_copy(update={"leaked": 30}))

    return make


def value_of(report, model):
    return report.models[model].metrics["spearman"].value


def test_a_leak_is_said_first_and_the_value_that_moves_most_is_named(leak, report):
    whole = value_of(report, "lora")
    found = headline(leak(lora=whole - 0.2).case)
    assert found.outcome == "pass", "a case may allow a leak"
    assert found.sentence.startswith(
        "The evaluation set leaks: 30 of 90 pairs are in the training data, exactly or nearly; without them lora "
        f"spearman is {whole - 0.2:.3f} instead of {whole:.3f}. Nothing is worse than stored"
    )
    moved = {"standard": value_of(report, "standard") + 0.08, "lora": value_of(report, "lora") - 0.12}
    assert "without them lora spearman" in headline(leak(**moved).case).sentence
    undefined = headline(leak(**moved | {"standard": math.nan}).case).sentence
    assert f"standard spearman is undefined instead of {value_of(report, 'standard'):.3f}." in undefined


def test_a_leak_within_noise_or_of_the_untrained_base_is_no_news(leak, report):
    tolerance = report.models["lora"].metrics["spearman"].tolerance
    assert "leaks" not in headline(leak(lora=value_of(report, "lora") + 0.9 * tolerance).case).sentence
    assert "leaks" not in headline(leak(base=0.9).case).sentence
    fewer = leak(lora=value_of(report, "lora"))
    fewer = with_metric(fewer, "lora", "false_positives", value=100.0)
    assert "leaks" not in headline(fewer.case).sentence, "fewer errors on fewer pairs"
