"""What a run found -> `results.json` for tools, and the summary on top of pytest-html's report for people.

Computes no metric: it arranges values that are there. Texts and names come from data; the templates escape all of them.
"""

from __future__ import annotations

from harness.report.results import results_json
from harness.report.summary import headline, summary_html, worst_pairs
from harness.report.types import CaseReport, RenderedChart

__all__ = ["CaseReport", "RenderedChart", "headline", "results_json", "summary_html", "worst_pairs"]
