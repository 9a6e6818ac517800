"""A base is found where the case says, and verified byte by byte."""

import shutil

import pytest

from harness.config import BaseSpec, read_case
from harness.errors import CheckpointError
from harness.execution import file_digest
from harness.models import resolve_base

WEIGHTS = "model.safetensors"


def error_of(spec, directory):
    with pytest.raises(CheckpointError) as caught:
        resolve_base(spec, directory)
    return str(caught.value)


def flip_one_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def digest_of(path):
    return resolve_base(BaseSpec(name="tiny", path=str(path)), path).digest


def test_the_digest_of_a_base_is_that_of_the_files_that_its_output_depends_on(tiny_base_path, tmp_path):
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    (copy / "README.md").write_text("other words", encoding="utf-8")
    digests = {digest_of(tiny_base_path), digest_of(copy)}
    assert 1 == len(digests)
    for name in ("config.json", "1_Pooling/config.json", "tokenizer.json", WEIGHTS):
        flip_one_byte(copy / name)
        digests.add(digest_of(copy))
    assert 5 == len(digests)


def test_every_file_that_the_case_gives_a_digest_for_is_verified(tiny_base_path, tmp_path):
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    (copy / "LICENSE").write_text("free", encoding="utf-8")
    expected = {name: file_digest(copy / name) for name in (WEIGHTS, "1_Pooling/config.json", "LICENSE")}
    spec = BaseSpec(name="tiny", path=str(copy), sha256=expected)
    assert copy == resolve_base(spec, tmp_path).path
    flip_one_byte(copy / "LICENSE")
    said = f"LICENSE: sha256 {file_digest(copy / 'LICENSE')}, the case expects {expected['LICENSE']}: not the model"
    assert said in error_of(spec, tmp_path)
    (copy / "LICENSE").unlink()
    assert f"LICENSE: sha256 of no file, the case expects {expected['LICENSE']}" in error_of(spec, tmp_path)


def test_the_packaged_model_is_verified_by_the_shipped_digests(dating_case_path, tmp_path):
    shipped = read_case(dating_case_path).base
    real = resolve_base(shipped, tmp_path)
    assert (shipped.name, shipped.revision) == (real.name, real.revision)
    other = shipped.model_copy(update={"sha256": {**shipped.sha256, WEIGHTS: "0" * 64}})
    expected = f"{WEIGHTS}: sha256 {shipped.sha256[WEIGHTS]}, the case expects {'0' * 64}"
    assert expected in error_of(other, tmp_path)


def test_a_base_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    for spec, said in (
        ({"name": "x", "path": "nowhere"}, "base.path: no directory "),
        (
            {"name": "x", "path": "empty"},
            "no model.safetensors in it, and no model.safetensors.index.json (found: nothing)",
        ),
        ({"name": "x", "package": "no_such_package_here"}, "base.package: 'no_such_package_here' cannot b"),
        ({"name": "x", "package": "json"}, "base.package: 'json' cannot be used"),
        ({"name": "no/model", "revision": "0" * 40}, f"base no/model@{'0' * 40}: cannot be had from the hub: "),
    ):
        assert said in error_of(BaseSpec(**spec), tmp_path)


def test_a_base_is_found_beside_its_case(tiny_base_path):
    resolved = resolve_base(BaseSpec(name="tiny", path="base"), tiny_base_path.parent)
    assert ("tiny", None, tiny_base_path.resolve()) == (resolved.name, resolved.revision, resolved.path)


def test_a_model_whose_input_is_no_text_module_is_refused(tiny_base_path, tmp_path):
    copy = shutil.copytree(tiny_base_path, tmp_path / "copy")
    modules = (copy / "modules.json").read_text(encoding="utf-8")
    (copy / "modules.json").write_text(modules.replace("Transformer", "Router"), encoding="utf-8")
    said = "the first module is a Router; expected one of Transformer, StaticEmbedding"
    assert said in error_of(BaseSpec(name="tiny", path=str(copy)), tmp_path)
