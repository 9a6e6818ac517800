"""What is stored can be compared with what is measured."""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_baseline_is_comparable(case_run, judge):
    """The baseline was made from these pairs, this base, these models and these metrics."""
    judge(promises.baseline_is_comparable(case_run))
