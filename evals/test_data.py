"""The pairs can be trusted to say how good a model is.

`shared_*`, `near_shared_*`: what a model was trained on, exactly or nearly, says nothing about new texts. `duplicates`,
`contradictions`: a pair counts once, and has one label. `*_balance`, `*_alone`, `one_word`: saying always the same, or
looking at the category, the lengths or one word, is no way to the label. `empty_texts`, `truncated_texts`: the model
reads something of each text, and all of it.
"""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_data(case_run, check, judge):
    """One check of the training and evaluation pairs is within the case's limit."""
    judge(promises.data_is_sound(case_run, check))
