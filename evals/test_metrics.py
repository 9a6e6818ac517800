"""No metric of any model is worse than its baseline by more than its tolerance; the base's are what they were."""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_metric(case_run, model, metric, judge):
    """A metric over all pairs holds."""
    judge(promises.metric_holds(case_run, model, metric))


def test_category(case_run, model, category, judge):
    """A metric over the pairs of one category holds, where the category has enough pairs of both labels."""
    judge(promises.category_holds(case_run, model, *category))
