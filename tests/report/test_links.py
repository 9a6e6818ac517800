"""Each verdict leads to the chart that shows it."""

from harness.report import figure_id, result_cells

from ..synthetic import verdict

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
