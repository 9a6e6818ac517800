"""A run's name stands in two places, since loading the plugin must not load the reader of cases: they agree."""

from typing import get_args

from harness.config import Run
from harness.plugin.options import RUNS


def test_a_case_can_name_every_run_and_no_other():
    assert [*RUNS] == [*get_args(Run)]
