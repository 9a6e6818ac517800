"""The headline says first what blocks, and what it is worth."""

import math

import pytest

from harness.metrics import METRICS
from harness.report import headline
from harness.results import CandidateEntry

from ..synthetic import verdict, with_case, with_metric, with_model

CANDIDATE = CandidateEntry(model="lora", strategy="lora", path="a", sha256="0" * 64)


def told(report, **changes):
    return headline(with_case(report, **changes).case)


def test_a_good_run_names_the_relative_performance(report):
    ratio = next(entry.value.ratio for entry in report.case.relative_performance if entry.outcome)
    words = f"Nothing is worse than stored; Spearman correlation of lora is {ratio:.0%} of that of standard."
    assert ("pass", words) == headline(report.case)


@pytest.mark.parametrize(("count", "are"), [(1, "value is"), (3, "values are")])
def test_what_is_better_could_be_stored(report, count, are):
    improved = [verdict("metric", metric=name, model="lora", improved=True) for name in list(METRICS)[:count]]
    changes = {"verdicts": tuple(improved), "relative_performance": (), "expected": count}
    words = f"othing is worse than stored; {count} {are} better than stored by more than "
    assert words in told(report, **changes).sentence
    assert told(report, **changes).sentence.endswith("tolerance: consider --update-baselines.")
    gated = told(report, candidate=CANDIDATE, **changes).sentence
    assert gated.startswith("May ship in the place of lora: nothing")
    assert gated.endswith("tolerance."), "the values of a candidate cannot be stored"


def test_a_part_of_a_run_is_no_green_answer(report):
    passed, failed = verdict("load_paths", model="lora"), verdict("base", "fail", "lora base: another")
    unsure = verdict("record", "inconclusive", "lora: not recorded")
    for verdicts, outcome, words in (
        ((passed,), "inconclusive", "Only 1 of 130 gates ran, and none of them fails."),
        ((failed, passed), "fail", "Only 2 of 130 gates ran. Blocked: lora base: another."),
        (
            (passed, unsure),
            "inconclusive",
            "Only 2 of 130 gates ran. Nothing fails, but not all is certain: lora: not recorded.",
        ),
    ):
        assert (outcome, words) == told(report, models={}, verdicts=verdicts, expected=130)
    assert ("inconclusive", "No gate ran.") == told(report, verdicts=(), expected=0)
    refused = told(report, error="not updated, hard gates failed:\n  lora 40%")
    assert ("fail", "Blocked: not updated, hard gates failed: lora 40%.") == refused


def test_the_cause_comes_first_and_the_rest_is_named_or_counted(report):
    first = verdict("diverges", "fail", "lora on eval: was the adapter applied?", model="lora", texts="eval")
    metrics = [verdict("metric", "fail", model="lora", metric=name) for name in METRICS]
    memory = verdict("memory", "fail", model="lora", stage="train")
    words = "Blocked: lora on eval: was the adapter applied?; also lora spearman, lora margin and lora memory train."
    assert words == told(report, verdicts=(first, *metrics[:2], memory), expected=4).sentence
    words = told(report, verdicts=(first, *metrics), expected=8).sentence
    assert words.endswith("; also lora spearman, lora margin, lora cohens_d, lora auc_roc and 3 more.")
    with_examples = verdict(
        "metric", "fail", "worse by 0.1", model="lora", metric="margin", examples=("a and b",), more=3
    )
    assert told(report, verdicts=(with_examples,), expected=1).sentence == "Blocked: worse by 0.1."


def test_a_missing_model_is_named_with_its_reason_once(report, without_standard):
    assert ("fail", "Blocked: standard not measured: out of memory.") == headline(without_standard.case)
    digest = told(report, models={}, missing={"standard": f"store/{'ab' * 32}: gone"})
    assert digest.sentence == "Blocked: standard not measured: store/abababababab…: gone."
    every = told(report, models={}, missing=dict.fromkeys(report.case.model_names, "no disk"))
    assert every.sentence == "Blocked: base, standard and lora not measured: no disk."
    failed = verdict("files", "fail", "a pickle", model="lora")
    words = told(report, candidate=CANDIDATE, missing={"lora": "refused"}, verdicts=(failed,), expected=1).sentence
    assert words == "Blocked: a pickle.", "a refused candidate is not missing too"


def test_strict_verdicts_count_what_is_uncertain_as_a_failure(report):
    unsure = verdict("record", "inconclusive", "lora: not recorded", model="lora")
    failed = verdict("metric", "fail", "lora margin: worse", model="lora", metric="margin")
    strictly = " Under --strict-verdicts, what is inconclusive counts as a failure."
    assert told(report, verdicts=(unsure,), expected=1).outcome == "inconclusive"
    strict = told(report, verdicts=(unsure,), expected=1, strict=True)
    assert ("fail", f"Blocked: lora: not recorded.{strictly}") == strict
    both = told(report, verdicts=(unsure, failed), expected=2, strict=True).sentence
    assert both == f"Blocked: lora margin: worse; also lora record.{strictly}"
    assert told(report, verdicts=(failed,), expected=1, strict=True).sentence == "Blocked: lora margin: worse."


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
    outcome, words = headline(leak(lora=whole - 0.2).case)
    assert outcome == "pass", "a case may allow a leak"
    assert words.startswith(
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
