"""What makes a directory a suite of the harness: its fixtures, and the hooks that make tests of the gates."""

from harness.plugin.fixtures import case_run, judge, note
from harness.plugin.suite import pytest_collection_modifyitems, pytest_configure, pytest_generate_tests

__all__ = ["case_run", "judge", "note", "pytest_collection_modifyitems", "pytest_configure", "pytest_generate_tests"]
