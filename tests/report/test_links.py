"""Each verdict leads to the chart that shows it."""

from __future__ import annotations

import pytest

from harness.charts import CHARTS
from harness.gates import Verdict
from harness.metrics import METRICS
from harness.report import chart_for, figure_id, result_cells


def verdict(name, metric):
    return Verdict(name, "lora", metric, "fail", 0.0, 1.0, "message")


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("gate", ["baseline", "share", "beats_base"])
def test_every_metric_has_a_chart(gate, metric):
    assert chart_for(verdict(gate, metric)) in CHARTS


@pytest.mark.parametrize(
    ("gate", "metric", "chart"),
    [
        ("baseline", "auc_roc", "roc"),
        ("baseline", "values/auc_roc", "category_heatmap"),
        ("share", "spearman", "training_curves"),
        ("stalls", "spearman", "learning_rate"),
        ("learns", "spearman", "learning_rate"),
        ("diverges", "eval", "score_distributions"),
        ("diverges", "probes", "score_distributions"),
        ("comparable", "", "change"),
        ("memory", "train", None),
        ("latency", "encode 32", None),
        ("merge_agrees", "probes", None),
    ],
)
def test_chart_of_a_gate(gate, metric, chart):
    assert chart == chart_for(verdict(gate, metric))
    assert chart is None or chart in CHARTS


ROW = [
    '<td class="col-result">Failed</td>',
    '<td class="col-testId"><img src=x onerror=alert(1)></td>',
    '<td class="col-duration">0 ms</td>',
    '<td class="col-links"></td>',
]


def test_row_has_its_id_as_text_and_a_link_to_each_chart():
    verdicts = [("my case", verdict("baseline", "auc_roc")), ("my case", verdict("memory", "train"))]
    assert [
        ROW[0],
        '<td class="col-testId">&lt;img src=x onerror=alert(1)&gt;</td>',
        ROW[2],
        '<td class="col-links"><a href="#chart-my%20case-roc">Chart: roc</a></td>',
    ] == result_cells(ROW, "<img src=x onerror=alert(1)>", verdicts)
    assert "chart-my%20case-roc" == figure_id("my case", "roc")


def test_row_without_verdicts_has_no_link():
    assert ROW[3] == result_cells(ROW, "a", [])[3]
