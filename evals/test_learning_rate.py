"""At the learning rate of full fine-tuning an adapter stalls; at ten times that rate it learns.

At both it is trained as the case says, but for the rate. What is judged is the share of full fine-tuning's gain over
the base that it recovers, which keeps its meaning where the base is negative.
"""

import pytest

from harness import promises

pytestmark = pytest.mark.full


def test_adapter_stalls_at_the_rate_of_full_fine_tuning(case_run, rate_check, judge):
    """At the learning rate of full fine-tuning, the adapter stays near the base."""
    judge(promises.stalls(case_run, rate_check))


def test_adapter_learns_at_ten_times_that_rate(case_run, rate_check, judge):
    """At ten times that rate, with all else the same, it learns."""
    judge(promises.learns(case_run, rate_check))
