"""The models learned, and the cheap one learned nearly as much."""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_trained_model_beats_base(case_run, trained, gain, judge):
    """Training made the model better."""
    judge(promises.beats_base(case_run, trained, gain))


def test_lora_reaches_share_of_standard(case_run, share, judge):
    """The adapter reaches the case's share of full fine-tuning."""
    judge(promises.reaches_share(case_run, share))
