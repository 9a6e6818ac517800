"""The adapter was really loaded, and merging it changes nothing.

That a reopened model is the one that was trained needs no test of its own: encoding compares the embeddings of the
probe texts with those recorded while it was trained, and every test of a model that does not reproduce them fails.
"""

import pytest

from harness import promises

pytestmark = [pytest.mark.full, pytest.mark.gate]


def test_adapter_diverges_from_base(case_run, adapter, texts, judge):
    """The adapter moves the embeddings of the evaluation pairs and of the probe texts."""
    judge(promises.diverges(case_run, adapter, texts))


def test_merged_adapter_agrees_with_unmerged(case_run, adapter, judge):
    """Merged into the base, the adapter computes what it computes beside it."""
    judge(promises.merge_agrees(case_run, adapter))
