"""The source of an expensive step does not change unnoticed."""

import json

from harness.execution import Step, revisions

STEP = Step("train", run=lambda: 1, result=int, revision=3)


def test_the_source_of_every_revision_is_as_it_was_stored():
    """If this fails: raise the step's revision if a result can differ, then `python -m harness.execution.revisions`."""
    assert {} == revisions.differences(revisions.current(), json.loads(revisions.STORED.read_text(encoding="utf-8")))


def test_the_command_stores_the_source_and_says_what_changed(tmp_path, monkeypatch, capsys):
    path = tmp_path / "revisions.json"
    monkeypatch.setattr(revisions, "STORED", path)
    monkeypatch.setattr(revisions, "STEPS", [(__name__, "STEP")])
    now = revisions.current()
    assert (3, [__name__]) == (now["train"]["revision"], list(now["train"]["modules"]))
    edited = {"revision": 3, "modules": {__name__: "0" * 12, "harness.gone": "1" * 12}}
    changed = f"train: still revision 3, though its source changed (harness.gone, {__name__}): "
    new = "train: revision 3 is new: "
    for before, said in (
        (now, ""),
        ({"train": edited}, changed),
        ({"train": {**edited, "revision": 2}}, new),
        ({}, new),
    ):
        path.write_text(json.dumps(before), encoding="utf-8")
        revisions.main()
        told = capsys.readouterr().out
        assert (told.startswith(said), bool(told)) == (True, bool(said))
        assert now == json.loads(path.read_text(encoding="utf-8"))
