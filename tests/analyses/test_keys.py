"""The source that decides an analysis's key."""

from harness.analyses import EVALUATE, PROJECT, UNCERTAINTY
from harness.execution.digests import module_digests, source_modules


def test_the_classes_of_the_arguments_count():
    """Their methods decide what the function sees, though only their names are imported, for the type checker."""
    for step in (EVALUATE, UNCERTAINTY):
        assert "harness.data.pairs" in source_modules(step.run)
        assert "harness.data.pairs" not in module_digests(step.run.__module__)
    assert "harness.models.embeddings" in source_modules(EVALUATE.run)
    assert "harness.models.loading" not in source_modules(EVALUATE.run)
    assert set(source_modules(PROJECT.run)) == {"harness.analyses.projection"}
