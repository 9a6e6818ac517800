"""A checkpoint's digest is that of its content, wherever it lies; what lies outside the store must stay as it is."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import CheckpointError
from harness.models import Checkpoint, ResolvedBase, directory_digest

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = ResolvedBase("tiny", None, Path("base"), "0" * 64)
TRAINED = Checkpoint("full", BASE, Path("trained"), "1" * 64)

OTHER_CONTENT: dict[str, Callable[[], Any]] = {
    "strategy": lambda: dataclasses.replace(TRAINED, strategy="lora"),
    "base": lambda: dataclasses.replace(TRAINED, base=dataclasses.replace(BASE, digest="2" * 64)),
    "weights": lambda: dataclasses.replace(TRAINED, weights="2" * 64),
    "base-itself": lambda: Checkpoint.of_base(BASE),
}


@pytest.mark.parametrize("other", OTHER_CONTENT.values(), ids=OTHER_CONTENT)
def test_other_content_is_another_digest(other: Callable[[], Checkpoint]) -> None:
    assert TRAINED.digest != other().digest


def test_another_place_is_no_other_digest() -> None:
    moved = dataclasses.replace(TRAINED, path=Path("moved"), base=dataclasses.replace(BASE, path=Path("moved")))
    assert TRAINED.digest == moved.digest


def test_a_directory_outside_the_store_must_stay_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    external = Checkpoint("full", BASE, tmp_path, directory_digest(tmp_path), external=True)
    external.require_unchanged()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(CheckpointError, match=r"changed while it was gated: .* Wait until it is complete"):
        external.require_unchanged()
    dataclasses.replace(external, external=False).require_unchanged()  # the store's own is verified by the store
