"""A candidate is verified once, in processes of their own; unsafe files stop everything."""

import numpy as np
import pytest

from harness.errors import CheckpointError, NotBuiltError
from harness.execution import Context, InlineExecutor, Store
from harness.metrics import row_cosines
from harness.verification import LOAD_PATHS, VERIFY_OPENED, Verification, verify


def test_a_verification_is_made_once_and_comes_back_as_it_was(make_candidate, tiny_inputs, tmp_path, context_at):
    candidate = make_candidate("lora")
    first = verify(context_at(tmp_path / "store"), candidate, tiny_inputs.base, title="verify lora")
    said: list[str] = []
    ctx = Context(Store(tmp_path / "store"), InlineExecutor(), lambda title, *_: said.append(title))
    again = verify(ctx, candidate, tiny_inputs.base, title="verify lora")
    assert [] == said
    assert (first.checks, first.settings, first.errors) == (again.checks, again.settings, again.errors)
    assert ["files", "base", "complete", "exact_merge"] == list(first.checks)
    assert {"pass"} == {result.outcome for result in first.checks.values()}
    assert set(LOAD_PATHS["lora"]) == set(first.embeddings)
    for path, pair in first.embeddings.items():
        np.testing.assert_array_equal(pair, again.embeddings[path])
        assert row_cosines(*pair).min() > 0.999999
    first.require_opened()


def test_two_processes_do_not_draw_the_same_weights(with_holes, tiny_inputs, tmp_path, context_at):
    """A forkserver's children inherit one state of the generator: without a seed each, they would agree by chance."""
    found = verify(context_at(tmp_path / "store"), with_holes, tiny_inputs.base, title="verify standard")
    assert set(LOAD_PATHS["full"]) == set(found.embeddings)
    for pair in found.embeddings.values():
        assert row_cosines(*pair).min() < 0.999
    assert "fail" == found.checks["complete"].outcome
    with pytest.raises(CheckpointError, match="check 'complete' failed: "):
        found.require_opened()


def test_files_that_are_refused_are_not_opened(make_candidate, tiny_inputs, tmp_path):
    candidate = make_candidate("lora")
    (candidate.path / "old.bin").touch()
    ctx = Context(Store(tmp_path / "store"), InlineExecutor(), lambda *_: pytest.fail("a step was started"))
    found = verify(ctx, candidate, tiny_inputs.base, title="verify")
    assert Verification({"files": found.checks["files"]}) == found
    assert not (tmp_path / "store").exists()
    with pytest.raises(CheckpointError, match=r"check 'files' failed: .*old\.bin: a pickle"):
        found.require_opened()


def test_a_candidate_that_changes_while_it_is_verified_is_refused_and_forgotten(make_candidate, tiny_inputs, tmp_path):
    candidate = make_candidate("full")
    (candidate.path / "notes.txt").touch()  # as a copy that still runs
    ctx = Context(Store(tmp_path / "store"), InlineExecutor())
    with pytest.raises(CheckpointError, match=r"changed while it was gated: .* Wait until it is complete"):
        verify(ctx, candidate, tiny_inputs.base, title="verify")
    with pytest.raises(NotBuiltError):
        Context(ctx.store, ctx.executor).lookup_only().run(VERIFY_OPENED, candidate=candidate, base=tiny_inputs.base)
