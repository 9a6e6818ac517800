"""Scores alone, from lists or arrays: every metric, and the verdict on a change, as the gates have them."""

import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from harness import compare_scores, compute_metrics
from harness.errors import DataError
from harness.metrics import METRICS

from ..arrays import two_models

COUNT = 120
WORSE, STORED, LABELS = two_models(1, COUNT, gain=-2.0)
TEXTS = [(f"left {row}", f"right {row}") for row in range(COUNT)]
CATEGORIES = ["small" if row < 10 else "large" for row in range(COUNT)]


def test_every_metric_has_its_value_and_interval_from_lists_as_from_arrays():
    found = compute_metrics(STORED.tolist(), LABELS.tolist())
    assert repr(found.metrics) == repr(compute_metrics(STORED, LABELS.astype(bool)).metrics)
    assert [*found.metrics] == [*METRICS]
    auc = found["auc_roc"]
    assert auc.value == pytest.approx(roc_auc_score(LABELS, STORED))
    assert auc.low < auc.value < auc.high
    purity = found["cluster_purity"]
    assert (math.isnan(purity.value), purity.reason) == (
        True,
        "cluster_purity needs embeddings: there are only scores",
    )
    means = np.random.default_rng(0).normal(size=(COUNT, 4))
    assert 0 < compute_metrics(STORED, LABELS, pair_means=means)["cluster_purity"].value <= 1


def test_it_is_shown_as_a_table_without_curves():
    lines = repr(compute_metrics(STORED, LABELS)).splitlines()
    assert lines[0] == f"{COUNT} pairs, {np.count_nonzero(LABELS == 0)} of them negative"
    assert [line.split()[0] for line in lines[1:]] == ["metric", *METRICS]
    assert max(map(len, lines)) < 120


def test_groups_are_measured_where_they_are_named():
    found = compute_metrics(STORED, LABELS, categories=CATEGORIES)
    assert ({name: group.count for name, group in found.categories.items()}, found.pair_types) == (
        {"large": COUNT - 10, "small": 10},
        {},
    )


def test_pairs_with_a_common_text_widen_the_interval():
    shared = [(f"query {row // 10}", f"passage {row}") for row in range(COUNT)]
    alone, together = (compute_metrics(STORED, LABELS, texts=texts)["margin"] for texts in (TEXTS, shared))
    assert alone == compute_metrics(STORED, LABELS)["margin"]
    assert alone.value == together.value
    assert (alone.low, alone.high) != (together.low, together.high)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.1, 0.2], [1, 2]), "labels: got 2.0, expected 0 or 1"),
        (([0.1, 0.2], [1, 0, 1]), "scores: came with 2 values for 3 labels"),
        ((["a", "b"], [1, 0]), "scores: not numbers (could not convert string to float"),
        (([[0.1], [0.2]], [1, 0]), "scores: came with shape (2, 1), expected one number for each pair"),
    ],
)
def test_what_is_no_score_or_label_is_one_sentence(arguments, words):
    with pytest.raises(DataError) as refused:
        compute_metrics(*arguments)
    assert str(refused.value).startswith(words)


def test_a_worse_model_fails_and_the_same_one_passes():
    same = compare_scores(STORED, STORED, LABELS, texts=TEXTS)
    assert (same.outcome, same.regressed, same.fixed) == ("pass", (), ())
    worse = compare_scores(STORED, WORSE, LABELS, texts=TEXTS, categories=CATEGORIES)
    outcomes = {(v.subject.category, v.subject.metric): v.outcome for v in worse.verdicts}
    assert worse.outcome == outcomes["", "margin"] == outcomes["large", "margin"] == "fail"
    assert {category for category, _ in outcomes} == {"", "large"}, "a handful of pairs is no category"
    assert ("", "cluster_purity") not in outcomes
    change = worse.changes[""]["margin"]
    assert change.low < change.change == worse.after["margin"].value - worse.before["margin"].value < change.high < 0
    first = worse.regressed[0]
    assert repr(worse).splitlines()[-1].startswith(f"Regressed, worst first: row {first.row}, ")
    assert f'now wrong: "left {first.row}" and "right {first.row}" (label' in worse.verdicts[0].text
    back = compare_scores(WORSE, STORED, LABELS)
    assert (back.outcome, back.fixed) == ("pass", tuple(pair.row for pair in worse.regressed))


def test_what_the_pairs_leave_open_is_inconclusive_and_the_tolerance_decides_what_is_noise():
    few = slice(0, 24)
    arguments = STORED[few], (STORED - 0.05 * LABELS * (np.arange(COUNT) % 7 == 0))[few], LABELS[few]
    assert compare_scores(*arguments, tolerance={"margin": 0}).outcome == "inconclusive"
    assert compare_scores(*arguments, tolerance=dict.fromkeys(METRICS, 10)).outcome == "pass"


@pytest.mark.parametrize("tolerance", [{"margn": 0.1}, {"margin": -1}, {"margin": math.nan}])
def test_a_wrong_tolerance_is_refused(tolerance):
    [name] = tolerance
    with pytest.raises(DataError, match=f"tolerance: got {name} = .*, expected a number from 0 for one of spearman"):
        compare_scores(STORED, STORED, LABELS, tolerance=tolerance)


def test_undefined_scores_fail_and_nothing_to_compare_with_is_refused():
    broken = STORED.copy()
    broken[3] = math.nan
    assert {v.outcome for v in compare_scores(STORED, broken, LABELS).verdicts} == {"fail"}
    with pytest.raises(DataError, match=r"^before: nothing to compare with: 1 of 120 scores are not finite$"):
        compare_scores(broken, STORED, LABELS)


def test_neither_import_nor_scores_load_anything_heavy():
    source = (
        "import sys\nimport harness\nassert 'numpy' not in sys.modules and 'pydantic' not in sys.modules\n"
        "from harness import compare_scores\n"
        "print(compare_scores([.9, .1, .8, .2], [.9, .1, .8, .2], [1, 0, 1, 0]).sentence)\n"
        "print({'torch', 'transformers', 'matplotlib', 'sklearn', 'pytest'} & sys.modules.keys())"
    )
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout
    assert shown == "No worse: 0 fail, 0 inconclusive, 6 pass; 0 pairs regressed, 0 fixed.\nset()\n"
