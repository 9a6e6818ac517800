"""Every stage stays below its memory ceiling."""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_peak_memory(case_run, stage, judge):
    """The peak resident memory of the stage's own process is below the case's ceiling."""
    judge(promises.fits_memory(case_run, *stage))
