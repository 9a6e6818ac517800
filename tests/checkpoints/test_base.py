"""A base is found where the case says, and verified byte by byte."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.case import BaseSpec, read_case
from harness.checkpoints import module_names, resolve_base
from harness.errors import CheckpointError
from harness.store import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable

WEIGHTS = "model.safetensors"


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def flip_one_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(os.path.getsize(path) // 2)  # noqa: PTH202
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def spec_of(path: Path, **digests: str) -> BaseSpec:
    return BaseSpec(name="tiny", path=str(path), sha256={name.replace("__", "."): d for name, d in digests.items()})


def test_a_base_is_found_beside_its_case(tiny_base_path: Path) -> None:
    resolved = resolve_base(BaseSpec(name="tiny", path="base"), tiny_base_path.parent)
    assert ("tiny", None, tiny_base_path.resolve()) == (resolved.name, resolved.revision, resolved.path)


def test_a_base_with_the_expected_digests_is_accepted(tiny_base_path: Path) -> None:
    names = (WEIGHTS, "tokenizer.json", "1_Pooling/config.json")
    spec = BaseSpec(
        name="tiny", path=str(tiny_base_path), sha256={name: file_digest(tiny_base_path / name) for name in names}
    )
    assert tiny_base_path == resolve_base(spec, Path("unused")).path


@pytest.mark.parametrize("name", ["config.json", "1_Pooling/config.json", "tokenizer.json", WEIGHTS])
def test_the_digest_of_a_base_changes_with_every_deciding_file(tiny_base_path: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    original = resolve_base(spec_of(tiny_base_path), tmp_path).digest
    assert original == resolve_base(spec_of(copy), tmp_path).digest
    flip_one_byte(copy / name)
    assert original != resolve_base(spec_of(copy), tmp_path).digest


def test_what_does_not_decide_the_output_does_not_change_the_digest(tiny_base_path: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    (copy / "README.md").write_text("other words", encoding="utf-8")
    assert resolve_base(spec_of(tiny_base_path), tmp_path).digest == resolve_base(spec_of(copy), tmp_path).digest


@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_one_flipped_byte_is_refused(tiny_base_path: Path, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    expected = file_digest(copy / name)
    flip_one_byte(copy / name)
    message = error_of(resolve_base, BaseSpec(name="tiny", path=str(copy), sha256={name: expected}), tmp_path)
    assert message.startswith(f"{copy / name}: sha256 {file_digest(copy / name)}, the case expects {expected}: ")
    assert "Install it again, or correct base.sha256" in message


@pytest.fixture(scope="module")
def shipped_base(dating_case_path: Path) -> BaseSpec:
    return read_case(dating_case_path).base


def test_the_packaged_model_is_the_one_that_the_shipped_case_names(shipped_base: BaseSpec) -> None:
    resolved = resolve_base(shipped_base, Path("unused"))
    assert "sentence-transformers/all-MiniLM-L6-v2" == resolved.name
    assert "1110a243fdf4706b3f48f1d95db1a4f5529b4d41" == resolved.revision


@pytest.mark.parametrize("name", [WEIGHTS, "tokenizer.json"])
def test_one_flipped_byte_in_the_real_model_is_refused_by_the_shipped_digests(
    shipped_base: BaseSpec, tmp_path: Path, name: str
) -> None:
    real = resolve_base(shipped_base, tmp_path).path
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (WEIGHTS, "tokenizer.json"):
        if file == name:
            shutil.copy(real / file, copy)
        else:
            (copy / file).symlink_to(real / file)
    spec = shipped_base.model_copy(update={"package": None, "path": str(copy)})
    assert copy == resolve_base(spec, tmp_path).path
    flip_one_byte(copy / name)
    message = error_of(resolve_base, spec, tmp_path)
    assert f"{copy / name}: sha256 " in message
    assert f"the case expects {shipped_base.sha256[name]}" in message


def test_a_file_that_the_case_gives_a_digest_for_must_be_there(tiny_base_path: Path, tmp_path: Path) -> None:
    spec = BaseSpec(name="tiny", path=str(tiny_base_path), sha256={"vocab.txt": "0" * 64})
    assert "vocab.txt: sha256 of no file, the case expects 000" in error_of(resolve_base, spec, tmp_path)


def test_every_file_that_the_case_gives_a_digest_for_is_verified(tiny_base_path: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    (copy / "LICENSE").write_text("free", encoding="utf-8")
    spec = BaseSpec(name="tiny", path=str(copy), sha256={"LICENSE": file_digest(copy / "LICENSE")})
    assert copy == resolve_base(spec, tmp_path).path


NOT_THERE = {
    "no-directory": (BaseSpec(name="x", path="nowhere"), "base.path: no directory "),
    "no-model": (BaseSpec(name="x", path="empty"), "no model.safetensors; expected a sentence-transformers directory"),
    "pickle-only": (BaseSpec(name="x", path="pickle"), "no model.safetensors; expected a sentence-transformers direc"),
    "no-package": (
        BaseSpec(name="x", package="no_such_package_here"),
        "base.package: 'no_such_package_here' cannot be",
    ),
    "other-package": (BaseSpec(name="x", package="json"), "base.package: 'json' cannot be used"),
}


@pytest.mark.parametrize(("spec", "said"), NOT_THERE.values(), ids=NOT_THERE)
def test_a_base_that_is_not_there_is_refused(tmp_path: Path, spec: BaseSpec, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "pickle").mkdir()
    (tmp_path / "pickle" / "pytorch_model.bin").write_bytes(b"never opened")
    assert said in error_of(resolve_base, spec, tmp_path)


def test_a_hub_model_that_is_not_at_hand_is_refused_without_the_network(tmp_path: Path) -> None:
    spec = BaseSpec(name="nobody/no-such-model", revision="0" * 40)
    message = error_of(resolve_base, spec, tmp_path)
    assert message.startswith(f"base nobody/no-such-model@{'0' * 40}: cannot be had from the hub: ")


def test_the_modules_that_an_adapter_can_target_are_the_ones_with_weights(tiny_base_path: Path) -> None:
    base = resolve_base(spec_of(tiny_base_path), tiny_base_path)
    assert {"query", "key", "value", "dense", "LayerNorm", "word_embeddings"} <= module_names(base)
    assert set() == {"weight", "encoder", "self", "0"} & module_names(base)
