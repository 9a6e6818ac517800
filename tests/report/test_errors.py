"""Right or wrong at the stored threshold, worst first; in the table as in the spreadsheet."""

import csv
import dataclasses
import io
import re
import time

import numpy as np
import pytest

from harness.report import errors_csv, errors_file
from harness.report.errors import pair_outcomes, wrong_pairs
from harness.report.sections.errors import errors
from harness.statistics import RegressedPair

from ..synthetic import make_report, plain, with_metric, with_model


def with_scores(report, scores, *, stored=None, threshold=0.5):
    """The report with other scores, each model at the same threshold; without stored ones, nothing is comparable."""
    pairs = report.pairs.model_copy(update={"scores": scores, "stored_scores": stored or {}})
    report = dataclasses.replace(report, pairs=pairs)
    for model in report.models:
        report = with_metric(report, model, "best_f1", details={"threshold": threshold, "degenerate": model == "base"})
    return report


@pytest.fixture(scope="module")
def judged(report):
    """Hand-chosen scores: all right but for a few."""
    right = [(0.1, 0.5, 0.9)[row % 3] for row in range(90)]
    wrong = {"base": {0: 0.6, 1: 0.08, 3: 0.7}, "standard": {0: 0.51}, "lora": {0: 0.55, 6: 0.95}}
    scores = {model: tuple(few.get(row, score) for row, score in enumerate(right)) for model, few in wrong.items()}
    report = with_scores(report, scores, stored=dict.fromkeys(scores, tuple(right)))
    for model, rows in {"base": (0, 1, 3), "standard": (0,), "lora": (6,)}.items():
        lost = [RegressedPair(row, 0, scores[model][row], right[row], 0.5, "t", "c") for row in rows]
        report = with_model(report, model, regressed=tuple(lost), fixed=(2,) if model == "standard" else ())
    return report


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_worst_are_wrong_under_most_models_then_farthest_beyond(judged):
    assert wrong_pairs(judged, pair_outcomes(judged)) == [0, 6, 1, 3]


def test_every_wrong_pair_is_found(report):
    expected = {
        row
        for model, entry in report.models.items()
        for row, (label, score) in enumerate(zip(report.pairs.label, report.pairs.scores[model], strict=True))
        if (score >= entry.metrics["best_f1"].details["threshold"]) != bool(label)
    }
    assert expected == set(wrong_pairs(report, pair_outcomes(report)))


def test_equal_pairs_do_not_depend_on_the_order_of_the_file(report):
    tied = with_scores(report, dict.fromkeys(report.models, (0.5,) * 90))
    columns = {name: tuple(reversed(getattr(tied.pairs, name))) for name in ("text_1", "text_2", "label")}
    turned = dataclasses.replace(tied, pairs=tied.pairs.model_copy(update=columns))
    texts = [[r.pairs.text_1[row] for row in wrong_pairs(r, pair_outcomes(r))] for r in (tied, turned)]
    assert texts[0] == texts[1]
    assert len(texts[0]) == 30


def test_nothing_is_wrong_where_nothing_is_known(undefined):
    assert wrong_pairs(undefined, pair_outcomes(undefined)) == []
    assert len(errors_csv(undefined).splitlines()) == 1


def test_the_table_says_kind_score_and_what_became_of_a_pair(judged):
    view = errors(judged)
    first = view["rows"][0]
    assert [cell["score"] for cell in first["cells"]] == ["0.600", "0.510", "0.550"]
    assert [cell["kind"] for cell in first["cells"]] == ["false positive"] * 3
    assert first["since"] == "regressed: base, standard"
    assert [cell["kind"] for cell in view["rows"][2]["cells"]] == ["false negative", "", ""]
    assert [model["degenerate"] for model in view["models"]] == [True, False, False]
    assert [(model["regressed"], model["fixed"]) for model in view["models"]] == [("3", "0"), ("1", "1"), ("1", "0")]
    assert ("4", "90", "") == (view["count"], view["pairs"], view["more"])
    unstored = with_scores(judged, judged.pairs.scores)
    assert {row["since"] for row in errors(unstored)["rows"]} == {"not comparable"}


def test_the_csv_holds_every_wrong_pair(judged):
    rows = rows_of(errors_csv(judged))
    assert [row["text_1"][10:] for row in rows] == ["0", "6", "1", "3", "2"], "the worst first, then the fixed"
    assert (rows[-1]["standard_error"], rows[-1]["standard_since_baseline"]) == ("", "fixed")
    cells = [rows[0][f"lora_{name}"] for name in ("score", "error", "stored_score", "since_baseline")]
    assert cells == ["0.550000", "false positive", "0.100000", "as stored"]
    assert (rows[1]["lora_score"], rows[1]["lora_since_baseline"]) == ("0.950000", "regressed")
    assert errors_file(judged.name) == "errors-synthetic.csv"


FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", '=HYPERLINK("//evil")'),
    *("a;=1+1;b", "a; =1+1", "a|=1|b", "a\t@x\tb", "a\n=1\nb", "a\n\n-1;b"),
]


@pytest.mark.parametrize("evil", FORMULAS)
def test_texts_are_no_formulas_of_a_spreadsheet(evil):
    report = make_report(pair=lambda row: plain(row) | {"text_1": evil, "category": evil})
    for row in rows_of(errors_csv(report)):
        assert re.sub(r"\s", " ", row["text_1"].replace("'", "")) == re.sub(r"\s", " ", evil)
    for separator in ",;|\t":
        for cells in csv.reader(io.StringIO(errors_csv(report), newline=""), delimiter=separator):
            assert not [cell for cell in cells[:5] if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_the_csv_holds_any_text():
    evil = 'a\x00b\ud800c, "quoted"\nnext \u05e9\u05dc\u05d5\u05dd \U0001f600' + "x" * 10_000
    text = errors_csv(make_report(pair=lambda row: plain(row) | {"text_2": evil}))
    text.encode("utf-8")
    assert rows_of(text)[0]["text_2"] == evil.replace("\x00", "\u2400").replace("\ud800", "\ufffd")


def test_a_negative_score_stays_a_number_and_an_undefined_one_has_no_mark(judged):
    scores = judged.pairs.scores
    low = with_scores(judged, {**scores, "lora": (float("nan"), *(-0.25,) * 89)})
    rows = rows_of(errors_csv(low))
    assert {float(row["lora_score"]) for row in rows if row["lora_score"]} == {-0.25}
    cells = next(row for row in errors(low)["rows"] if row["texts"][0][0] == "boy: left 0")["cells"]
    assert ("undefined", "", "") == tuple(cells[2][key] for key in ("score", "value", "kind"))


def test_a_hundred_thousand_pairs_show_the_worst_and_count_the_rest(many):
    wrong_way_round = np.linspace(0.6, 0.9, len(many.pairs))
    many = with_scores(many, dict.fromkeys(many.models, tuple(wrong_way_round.tolist())))
    started = time.perf_counter()
    view, text = errors(many), errors_csv(many)
    assert time.perf_counter() - started < 40
    negatives = many.pairs.label.count(0)
    assert (200, f"{negatives:,}", f"{negatives - 200:,}") == (len(view["rows"]), view["count"], view["more"])
    assert text.count("\n") == negatives + 1
