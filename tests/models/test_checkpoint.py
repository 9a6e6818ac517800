"""A checkpoint's digest is that of its content, wherever it lies; what lies outside the store must stay as it is."""

import dataclasses
from pathlib import Path

import pytest

from harness.errors import CheckpointError
from harness.models import Checkpoint, ResolvedBase
from harness.models.checkpoint import directory_digest

BASE = ResolvedBase("tiny", None, Path("base"), "0" * 64)
TRAINED = Checkpoint("full", BASE, Path("trained"), "1" * 64)


def test_other_content_is_another_digest_and_another_place_is_not():
    others = ({"strategy": "lora"}, {"base": dataclasses.replace(BASE, digest="2" * 64)}, {"weights": "2" * 64})
    digests = {dataclasses.replace(TRAINED, **changes).digest for changes in others}
    assert 5 == len({TRAINED.digest, Checkpoint.of_base(BASE).digest, *digests})
    moved = dataclasses.replace(TRAINED, path=Path("moved"), base=dataclasses.replace(BASE, path=Path("moved")))
    assert TRAINED.digest == moved.digest


def test_a_directory_outside_the_store_must_stay_as_it_is(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    external = Checkpoint("full", BASE, tmp_path, directory_digest(tmp_path), external=True)
    external.require_unchanged()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CheckpointError, match=r"changed while it was gated: .* Wait until it is complete"):
        external.require_unchanged()
    dataclasses.replace(external, external=False).require_unchanged()  # the store's own is verified by the store
