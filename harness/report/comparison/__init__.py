"""Two `results.json`: what got better and what got worse from A to B, for a terminal and for a pull request."""

from harness.report.comparison.changes import Comparison, compare
from harness.report.comparison.rendering import COMMENT_BYTES, as_markdown, as_text

__all__ = ["COMMENT_BYTES", "Comparison", "as_markdown", "as_text", "compare"]
