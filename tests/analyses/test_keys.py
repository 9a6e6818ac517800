"""The source that decides an analysis's key."""

from importlib import import_module

from harness.analyses import EVALUATE, PROJECT, UNCERTAINTY
from harness.execution.digests import module_digests, source_modules

TYPED_ONLY = """
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from harness.data.pairs import PairSet

def analyse(*, pairs: PairSet) -> None:
    ...
"""


def test_the_classes_of_the_arguments_count(tmp_path, monkeypatch):
    """Their methods decide what the function sees, though only their names are imported, for the type checker."""
    (tmp_path / "typed_only.py").write_text(TYPED_ONLY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    assert "harness.data.pairs" in source_modules(import_module("typed_only").analyse)
    assert "harness.data.pairs" not in module_digests("typed_only")
    for step in (EVALUATE, UNCERTAINTY):
        assert "harness.data.pairs" in source_modules(step.run)
    assert "harness.models.embeddings" in source_modules(EVALUATE.run)
    assert "harness.models.loading" not in source_modules(EVALUATE.run)
    assert set(source_modules(PROJECT.run)) == {"harness.analyses.projection"}
