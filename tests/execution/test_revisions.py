"""The source of an expensive step does not change unnoticed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from harness.execution import Step, revisions
from harness.execution.revisions import STORED, current, differences, revision_of

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def train() -> int:
    return 1


STEP = Step("train", run=train, result=int, revision=3)


def test_the_source_of_every_revision_is_as_it_was_stored() -> None:
    """If this fails: raise the step's revision if a result can differ, then `python -m harness.execution.revisions`."""
    assert {} == differences(current(), json.loads(STORED.read_text(encoding="utf-8")))


def test_a_changed_source_under_the_same_number_is_named() -> None:
    now = {"train": revision_of(STEP)}
    assert {__name__} == set(now["train"]["modules"])
    assert {} == differences(now, now)
    edited = {"train": {"revision": 3, "modules": {__name__: "0" * 12, "harness.gone": "1" * 12}}}
    found = differences(now, edited)["train"]
    assert f"still revision 3, though its source changed (harness.gone, {__name__})" in found
    raised = {"train": {**now["train"], "revision": 4}}
    for before in (edited, {}):
        assert "revision 4 is new" in differences(raised, before)["train"]


def test_the_command_stores_the_source_and_says_what_that_means(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now: dict[str, Any] = {"train": {"revision": 3, "modules": {"a": "1", "b": "2"}}}
    path = tmp_path / "revisions.json"
    path.write_text(json.dumps({"train": {"revision": 3, "modules": {"a": "1", "b": "3"}}}), encoding="utf-8")
    monkeypatch.setattr(revisions, "STORED", path)
    monkeypatch.setattr(revisions, "current", lambda: now)
    revisions.main()
    assert capsys.readouterr().out.startswith("train: still revision 3, though its source changed (b): ")
    assert now == json.loads(path.read_text(encoding="utf-8"))
    revisions.main()
    assert "" == capsys.readouterr().out
