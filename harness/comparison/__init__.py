"""Two `results.json`: what got better and what got worse from A to B, for a terminal and for a pull request."""

from harness.comparison.changes import Comparison, compare
from harness.comparison.reading import Results, read_results
from harness.comparison.rendering import COMMENT_BYTES, as_markdown, as_text

__all__ = ["COMMENT_BYTES", "Comparison", "Results", "as_markdown", "as_text", "compare", "read_results"]
