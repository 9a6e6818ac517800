"""What a run found -> `results.json` for tools, and the summary on top of pytest-html's report for people.

Computes no metric: it arranges values that are there. Texts and names come from data; the templates escape all of them.
"""

from __future__ import annotations

from harness.report.errors import errors_csv, errors_file
from harness.report.judgement import Judgement, judge_pairs, why_not_comparable
from harness.report.links import chart_for, figure_id, result_cells
from harness.report.power import POWER_TITLES, power_rows, power_sentences
from harness.report.results import results_json
from harness.report.summary import headline, summary_html
from harness.report.types import CaseReport, DataTable, FurtherPairs, RenderedChart
from harness.report.words import cut, in_html

__all__ = [
    "POWER_TITLES",
    "CaseReport",
    "DataTable",
    "FurtherPairs",
    "Judgement",
    "RenderedChart",
    "chart_for",
    "cut",
    "errors_csv",
    "errors_file",
    "figure_id",
    "headline",
    "in_html",
    "judge_pairs",
    "power_rows",
    "power_sentences",
    "result_cells",
    "results_json",
    "summary_html",
    "why_not_comparable",
]
