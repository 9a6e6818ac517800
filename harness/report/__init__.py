"""Results -> the summary on top of pytest-html's report, for GitHub, and two results held against each other.

Computes no metric: it arranges values of `CaseResults` and `PairTable`. Texts and names come from data; the templates
escape all of them.
"""

from harness.report.errors import errors_csv, errors_file, write_errors
from harness.report.headline import Headline, headline
from harness.report.links import figure_id, result_cells
from harness.report.page import page_html, summary_html
from harness.report.types import Report, reports
