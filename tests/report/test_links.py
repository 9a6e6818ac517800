"""Each verdict leads to the chart that shows it."""

from __future__ import annotations

import pytest

from harness.gates import GATES
from harness.metrics import METRICS
from harness.report import chart_of, figure_id, result_cells
from harness.report.charts import CHARTS

from ..synthetic import verdict  # noqa: TID252


def test_charts_of_gates_and_metrics_exist():
    assert {row.chart for row in (*GATES.values(), *METRICS.values()) if row.chart} <= set(CHARTS)


@pytest.mark.parametrize(
    ("gate", "about", "chart"),
    [
        ("metric", {"metric": "auc_roc"}, "roc"),
        ("category", {"category": "values", "metric": "auc_roc"}, "category_heatmap"),
        ("relative_performance", {"metric": "spearman"}, "training_curves"),
        ("stalls", {"metric": "spearman"}, "learning_rate"),
        ("diverges", {"texts": "eval"}, "score_distributions"),
        ("baseline", {}, "change"),
        ("memory", {"stage": "train"}, ""),
    ],
)
def test_the_chart_is_the_gates_or_else_the_metrics(gate, about, chart):
    assert chart_of(verdict(gate, model="lora", **about)) == chart


ROW = [
    '<td class="col-result">Failed</td>',
    '<td class="col-testId"><img src=x onerror=alert(1)></td>',
    '<td class="col-duration">0 ms</td>',
    '<td class="col-links"></td>',
]


def test_a_row_has_its_id_as_text_and_a_link_to_each_chart():
    verdicts = [("my case", verdict("metric", metric="auc_roc")), ("my case", verdict("memory", stage="train"))]
    assert result_cells(ROW, "<img src=x onerror=alert(1)>", verdicts) == [
        ROW[0],
        '<td class="col-testId">&lt;img src=x onerror=alert(1)&gt;</td>',
        ROW[2],
        '<td class="col-links"><a href="#chart-my%20case-roc">Chart: roc</a></td>',
    ]
    assert figure_id("my case", "roc") == "chart-my%20case-roc"
    assert result_cells(ROW, "a", [])[3] == ROW[3]
