"""The wrong pairs: which, in which order, and as a spreadsheet that cannot compute."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import time

import numpy as np
import pytest

from harness.metrics.threshold import best_f1
from harness.report import errors_csv, errors_file, judge_pairs, why_not_comparable
from harness.report.errors import errors_view, wrong_pairs


def with_scores(report, model, scores):
    evaluation = report.runs[model].evaluation
    f1 = best_f1(np.array(scores), report.pairs.labels)
    evaluation = dataclasses.replace(evaluation, scores=tuple(scores), metrics={**evaluation.metrics, "best_f1": f1})
    run = dataclasses.replace(report.runs[model], evaluation=evaluation)
    return dataclasses.replace(report, runs={**report.runs, model: run})


@pytest.fixture(scope="session")
def judged(report, stored_as):
    """Three models with a best-F1 threshold of 0.5 and chosen scores: all right but for a few."""
    right = [(0.1, 0.5, 0.9)[row % 3] for row in range(len(report.pairs))]
    for model, wrong in {"base": {0: 0.6, 1: 0.08, 3: 0.7}, "standard": {0: 0.51}, "lora": {0: 0.55, 6: 0.95}}.items():
        report = with_scores(report, model, [wrong.get(row, score) for row, score in enumerate(right)])
    stored = {(0, "lora"): 0.8, (2, "standard"): 0.05}
    return stored_as(report, lambda row, model, _: stored.get((row, model), right[row]))


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_most_models_come_first_then_the_largest_distance(judged):
    assert [0, 6, 1, 3] == wrong_pairs(judged)


def test_every_wrong_pair_is_found(report):
    expected = {
        row
        for run in report.runs.values()
        for row, (pair, score) in enumerate(zip(report.pairs, run.evaluation.scores, strict=True))
        if (score >= run.evaluation.metrics["best_f1"].details["threshold"]) != bool(pair.label)
    }
    assert expected == set(wrong_pairs(report))


def test_equal_pairs_do_not_depend_on_the_order_of_the_file(judged):
    scores = [0.5] * len(judged.pairs)
    tied = with_scores(with_scores(judged, "base", scores), "standard", scores)
    tied = with_scores(tied, "lora", scores)
    turned = dataclasses.replace(
        tied,
        pairs=dataclasses.replace(tied.pairs, pairs=tied.pairs.pairs[::-1]),
        baseline=None,
    )
    texts = [[r.pairs.pairs[row].text_1 for row in wrong_pairs(r)] for r in (tied, turned)]
    assert texts[0] == texts[1]
    assert 30 == len(texts[0])


def test_flips_are_those_of_the_uncertainty(judged):
    assert {0.5} == {judgement.threshold for judgement in judge_pairs(judged).values()}
    judgements = judge_pairs(judged)
    assert [0, 1, 3] == np.flatnonzero(judgements["base"].lost).tolist()
    assert [6] == np.flatnonzero(judgements["lora"].lost).tolist()  # pair 0 was wrong then as well
    assert [2] == np.flatnonzero(judgements["standard"].gained).tolist()
    assert not (judgements["lora"].gained | judgements["base"].gained).any()


def test_a_stored_score_that_was_only_rounded_is_no_flip(report):
    assert 0 == count_of_flips(report)


def test_a_shift_of_all_scores_flips_nothing(judged, stored_as):
    same = {name: run.evaluation.scores for name, run in judged.runs.items()}
    assert 0 == count_of_flips(stored_as(judged, lambda row, model, _: same[model][row] - 0.5))


def count_of_flips(report):
    return sum(int(np.count_nonzero(j.lost | j.gained)) for j in judge_pairs(report).values())


def test_without_an_uncertainty_nothing_is_lost_or_gained(judged):
    unknown = dataclasses.replace(judged, uncertainty={})
    assert 0 == count_of_flips(unknown)
    assert all(judgement.comparable for judgement in judge_pairs(unknown).values())


def test_nothing_is_wrong_where_nothing_is_known(undefined_report):
    assert [] == wrong_pairs(undefined_report)
    assert 1 == len(errors_csv(undefined_report).splitlines())


def nothing_compared(report):
    return {
        name: dataclasses.replace(sure, changes={}, lost=(), gained=()) for name, sure in report.uncertainty.items()
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: {"baseline": None}, "No baseline is stored"),
        (lambda report: {"pairs": dataclasses.replace(report.pairs, digest="f" * 64)}, "other evaluation pairs"),
        (lambda report: {"baseline": report.baseline.model_copy(update={"scores": []})}, "a score for each pair"),
        (lambda report: {"uncertainty": nothing_compared(report)}, "another base"),
    ],
)
def test_why_nothing_is_comparable(judged, change, reason):
    changed = dataclasses.replace(judged, **change(judged))
    assert reason in why_not_comparable(changed)
    assert not any(judgement.comparable for judgement in judge_pairs(changed).values())
    assert {"not comparable"} == {row["since"] for row in errors_view(changed)["rows"]}
    assert "" == why_not_comparable(judged)


def test_view_says_kind_score_and_flip(judged):
    view = errors_view(judged)
    first = view["rows"][0]
    assert ["0.600", "0.510", "0.550"] == [cell["score"] for cell in first["cells"]]
    assert ["false positive"] * 3 == [cell["kind"] for cell in first["cells"]]
    assert "newly wrong: base, standard" == first["since"]
    assert ["lora"] == view["rows"][1]["wrong"]
    assert ["false negative", "", ""] == [cell["kind"] for cell in view["rows"][2]["cells"]]
    assert [False] * 3 == [model["degenerate"] for model in view["models"]]
    assert errors_view(with_scores(judged, "base", [0.5] * len(judged.pairs)))["models"][0]["degenerate"]
    assert ("4", "90", "") == (view["count"], view["pairs"], view["more"])


def test_csv_holds_every_wrong_pair(judged):
    rows = rows_of(errors_csv(judged))
    assert ["boy: left 0", "boy: left 6", "boy: left 1", "boy: left 3"] == [row["text_1"] for row in rows]
    assert ("0.550000", "false positive", "0.800000", "as stored") == tuple(
        rows[0][f"lora_{name}"] for name in ("score", "error", "stored_score", "since_baseline")
    )
    assert ("0.950000", "newly wrong") == (rows[1]["lora_score"], rows[1]["lora_since_baseline"])
    assert "errors-synthetic.csv" == errors_file(judged.case.name)


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", '=HYPERLINK("//evil")'])
def test_csv_texts_are_no_formulas(judged, rewritten, evil):
    pairs = tuple(dataclasses.replace(pair, text_1=evil, category=evil) for pair in judged.pairs)
    report = dataclasses.replace(judged, pairs=dataclasses.replace(judged.pairs, pairs=pairs))
    for row in rows_of(errors_csv(report)):
        assert ("'" + evil).replace("\r", "\n") == row["text_1"].replace("\r", "\n")
        assert row["category"].startswith("'")


def test_csv_holds_any_text(judged):
    evil = 'a\x00b\ud800c, "quoted"\nnext \u05e9\u05dc\u05d5\u05dd \U0001f600' + "x" * 10_000
    pairs = tuple(dataclasses.replace(pair, text_2=evil) for pair in judged.pairs)
    text = errors_csv(dataclasses.replace(judged, pairs=dataclasses.replace(judged.pairs, pairs=pairs)))
    text.encode("utf-8")
    assert evil.replace("\x00", "\u2400").replace("\ud800", "\ufffd") == rows_of(text)[0]["text_2"]


def test_a_negative_score_stays_a_number(report):
    low = with_scores(report, "lora", [-0.25] * len(report.pairs))
    assert -0.25 == float(rows_of(errors_csv(low))[0]["lora_score"])


def test_a_hundred_thousand_pairs_show_the_worst_and_count_the_rest(report):
    times = 1112
    report = dataclasses.replace(
        report,
        pairs=dataclasses.replace(report.pairs, pairs=report.pairs.pairs * times),
        baseline=report.baseline.model_copy(update={"scores": report.baseline.scores * times}),
    )
    for model, run in report.runs.items():  # the wrong way round: every pair is called positive
        reversed_ = np.array(run.evaluation.scores * times) - 4 * report.pairs.labels
        report = with_scores(report, model, reversed_.tolist())
    started = time.perf_counter()
    view, text = errors_view(report), errors_csv(report)
    assert time.perf_counter() - started < 20
    negatives = 30 * times
    assert (200, f"{negatives:,}", f"{negatives - 200:,}") == (len(view["rows"]), view["count"], view["more"])
    assert negatives + 1 == text.count("\n")


def test_one_undefined_score_has_no_mark(judged):
    scores = (math.nan, *judged.runs["lora"].evaluation.scores[1:])
    first = errors_view(with_scores(judged, "lora", scores))["rows"][0]
    assert ("undefined", "", "") == tuple(first["cells"][2][key] for key in ("score", "value", "kind"))
