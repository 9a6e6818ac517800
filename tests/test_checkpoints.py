"""A model is opened whole, and as the one it claims to be, or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from harness import encoding
from harness.case import BaseSpec, read_case
from harness.checkpoints import (
    PROBE_TEXTS,
    PROBES,
    RECORD,
    Checkpoint,
    ResolvedBase,
    merge,
    open_checkpoint,
    open_unmerged,
    parameter_counts,
    recorded_probes,
    resolve_base,
)
from harness.errors import CheckpointError
from harness.store import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable

WEIGHTS = "model.safetensors"
ADAPTER = "adapter_model.safetensors"
QUERY = "encoder.layer.0.attention.self.query.weight"


@pytest.fixture(scope="module")
def originals(tiny_inputs: Any, tiny_trained: dict[str, Path]) -> dict[str, Checkpoint]:
    base = tiny_inputs.base
    return {
        "base": Checkpoint("base", base, base.path),
        "full": Checkpoint("full", base, tiny_trained["standard"]),
        "lora": Checkpoint("lora", base, tiny_trained["lora"]),
    }


@pytest.fixture
def copied(originals: dict[str, Checkpoint], tmp_path: Path) -> Callable[[str], Checkpoint]:
    """A copy of a checkpoint, to damage."""

    def copy(strategy: str) -> Checkpoint:
        original, path = originals[strategy], tmp_path / "copy"
        shutil.copytree(original.path, path)
        base = original.base
        if strategy == "base":
            base = ResolvedBase(base.name, base.revision, path, base.digest)
        return Checkpoint(strategy, base, path)

    return copy


def error_of(function: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        function(*arguments)
    return str(caught.value)


def change_tensors(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    tensors = dict(load_file(path))
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


def flip_one_byte(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(os.path.getsize(path) // 2)  # noqa: PTH202
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


# --- the base: found, and verified byte by byte -----------------------------------------------------------------------


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


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["base", "full", "lora"])
def test_a_whole_model_opens_in_evaluation_mode_and_fp32(originals: dict[str, Checkpoint], strategy: str) -> None:
    import torch

    model = open_checkpoint(originals[strategy])
    assert not model.training
    assert {torch.float32} == {parameter.dtype for parameter in model.parameters()}
    assert 23744 == parameter_counts(model)["total"]
    assert not [name for name, _ in model.named_parameters() if "lora" in name]


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_reopened_model_reproduces_its_recorded_probes(originals: dict[str, Checkpoint], strategy: str) -> None:
    recorded = recorded_probes(originals[strategy])
    reproduced = encoding.embed(open_checkpoint(originals[strategy]), PROBE_TEXTS)
    assert encoding.row_cosines(recorded, reproduced).min() >= 0.999999


def test_the_base_has_no_recorded_probes(originals: dict[str, Checkpoint]) -> None:
    assert recorded_probes(originals["base"]) is None


def test_a_model_opens_the_same_twice(originals: dict[str, Checkpoint]) -> None:
    first, second = (encoding.embed(open_checkpoint(originals["lora"]), PROBE_TEXTS) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_an_adapter_is_open_unmerged_until_it_is_merged(originals: dict[str, Checkpoint]) -> None:
    model = open_unmerged(originals["lora"])
    assert [name for name, _ in model.named_parameters() if "lora_A" in name]
    merged = merge(model)
    assert not [name for name, _ in merged.named_parameters() if "lora" in name]
    assert 23744 == parameter_counts(merged)["total"]


def test_merging_adds_the_scaled_product_to_the_base(originals: dict[str, Checkpoint]) -> None:
    base, adapter = load_file(originals["base"].path / WEIGHTS), load_file(originals["lora"].path / ADAPTER)
    first, second = (next(t for n, t in sorted(adapter.items()) if part in n) for part in ("lora_A", "lora_B"))
    merged = dict(open_checkpoint(originals["lora"]).transformers_model.named_parameters())
    expected = base[QUERY] + 8 / 4 * second @ first
    np.testing.assert_allclose(expected, merged[QUERY].detach().numpy(), atol=1e-5)


# --- refusing ---------------------------------------------------------------------------------------------------------


def nan(tensors: dict[str, Any]) -> None:
    tensors[QUERY][3, 5] = np.nan


def infinite(tensors: dict[str, Any]) -> None:
    tensors[QUERY][3, 5] = -np.inf


BROKEN_WEIGHTS: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "missing": (lambda t: t.pop(QUERY), [f"missing {QUERY} (they would be random); unexpected nothing"]),
    "extra": (
        lambda t: t.update(extra=np.ones(3, np.float32)),
        ["missing nothing", "unexpected extra. Was it saved while wrapped by PEFT"],
    ),
    "renamed": (
        lambda t: t.update({"renamed": t.pop(QUERY)}),
        [f"missing {QUERY} (they would be random); unexpected renamed"],
    ),
    "wrong-shape": (lambda t: t.update({QUERY: t[QUERY][:16].copy()}), [QUERY]),
    "nan": (nan, [f"NaN or infinite values in {QUERY}"]),
    "infinite": (infinite, [f"NaN or infinite values in {QUERY}"]),
    "many-missing": (
        lambda t: [t.pop(name) for name in list(t) if "layer.1" in name],
        ["missing encoder.layer.1.attention", " and 13 more (they would be random)"],
    ),
}


@pytest.mark.parametrize("strategy", ["base", "full"])
@pytest.mark.parametrize(("change", "said"), BROKEN_WEIGHTS.values(), ids=BROKEN_WEIGHTS)
def test_weights_that_are_not_whole_are_refused(
    copied: Callable[[str], Checkpoint], strategy: str, change: Callable[[dict[str, Any]], Any], said: list[str]
) -> None:
    checkpoint = copied(strategy)
    change_tensors(checkpoint.path / WEIGHTS, change)
    message = error_of(open_checkpoint, checkpoint)
    assert str(checkpoint.path) in message
    assert [] == [part for part in said if part not in message], message


def test_weights_in_half_precision_are_opened_with_their_values(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("base")
    change_tensors(
        checkpoint.path / WEIGHTS, lambda t: t.update({name: tensor.astype(np.float16) for name, tensor in t.items()})
    )
    half = load_file(checkpoint.path / WEIGHTS)[QUERY]
    opened = dict(open_checkpoint(checkpoint).transformers_model.named_parameters())[QUERY].detach().numpy()
    np.testing.assert_array_equal(half.astype(np.float32), opened)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 100)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(b"\x80\x02}q\x00." * 100)


@pytest.mark.parametrize(("strategy", "name"), [("base", WEIGHTS), ("full", WEIGHTS), ("lora", ADAPTER)])
@pytest.mark.parametrize("damage", [truncate, empty, garbage])
def test_a_file_that_is_no_safetensors_is_refused(
    copied: Callable[[str], Checkpoint], strategy: str, name: str, damage: Callable[[Path], None]
) -> None:
    checkpoint = copied(strategy)
    damage(checkpoint.path / name)
    message = error_of(open_checkpoint, checkpoint)
    assert message.startswith(f"{checkpoint.path / name}: cannot be read as safetensors: ")


@pytest.mark.parametrize(
    ("strategy", "name", "pickle"),
    [("full", WEIGHTS, "pytorch_model.bin"), ("lora", ADAPTER, "adapter_model.bin")],
)
def test_pickles_are_never_opened(
    copied: Callable[[str], Checkpoint], monkeypatch: pytest.MonkeyPatch, strategy: str, name: str, pickle: str
) -> None:
    import torch

    checkpoint = copied(strategy)
    (checkpoint.path / name).rename(checkpoint.path / pickle)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("opened"))
    message = error_of(open_checkpoint, checkpoint)
    assert f"{checkpoint.path}: no {name} in it" in message
    assert pickle in message
    assert "only safetensors are opened" in message


def test_a_pickle_beside_the_weights_changes_nothing(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("full")
    (checkpoint.path / "pytorch_model.bin").write_bytes(b"never opened")
    open_checkpoint(checkpoint)


# --- adapters ---------------------------------------------------------------------------------------------------------


def zero_b(tensors: dict[str, Any]) -> None:
    for name, tensor in tensors.items():
        if "lora_B" in name:
            tensor[:] = 0


def first_of(tensors: dict[str, Any], part: str) -> str:
    return next(name for name in sorted(tensors) if part in name)


BROKEN_ADAPTERS: dict[str, tuple[Callable[[dict[str, Any]], Any], list[str]]] = {
    "all-zero": (zero_b, ["every lora_B is zero: an untrained adapter, it does nothing"]),
    "nan": (lambda t: t[first_of(t, "lora_A")].fill(np.nan), ["NaN or infinite values in base_model.model."]),
    "infinite": (lambda t: t[first_of(t, "lora_B")].fill(np.inf), ["NaN or infinite values in base_model.model."]),
    "no-matrices": (lambda t: [t.pop(name) for name in list(t) if "lora_B" in name], ["no LoRA matrices in it"]),
    "missing": (
        lambda t: t.pop(first_of(t, "lora_A")),
        ["the weights do not fit the model: missing base_"],
    ),
    "extra": (lambda t: t.update(extra=np.ones(3, np.float32)), ["unexpected extra"]),
    "wrong-shape": (
        lambda t: t.update({(name := first_of(t, "lora_B")): t[name][:, :2].copy()}),
        ["lora_B"],
    ),
}


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
@pytest.mark.parametrize(("change", "said"), BROKEN_ADAPTERS.values(), ids=BROKEN_ADAPTERS)
def test_an_adapter_that_is_not_whole_is_refused(
    copied: Callable[[str], Checkpoint], change: Callable[[dict[str, Any]], Any], said: list[str]
) -> None:
    checkpoint = copied("lora")
    change_tensors(checkpoint.path / ADAPTER, change)
    for opens in (open_checkpoint, open_unmerged):
        message = error_of(opens, checkpoint)
        assert str(checkpoint.path) in message
        assert [] == [part for part in said if part not in message], message


def test_one_zero_matrix_is_no_untrained_adapter(copied: Callable[[str], Checkpoint]) -> None:
    checkpoint = copied("lora")
    change_tensors(checkpoint.path / ADAPTER, lambda t: t[first_of(t, "lora_B")].fill(0))
    open_checkpoint(checkpoint)


@pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
@pytest.mark.parametrize("content", [None, "{", "{}"], ids=["missing", "no-json", "empty"])
def test_an_adapter_without_its_config_is_refused(copied: Callable[[str], Checkpoint], content: str | None) -> None:
    checkpoint = copied("lora")
    path = checkpoint.path / "adapter_config.json"
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert "adapter_config.json" in error_of(open_checkpoint, checkpoint)


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_a_model_that_was_trained_on_another_base_is_refused(
    originals: dict[str, Checkpoint], build_tiny_base: Callable[..., Path], tmp_path: Path, strategy: str
) -> None:
    other = resolve_base(spec_of(build_tiny_base(tmp_path / "other", seed=5)), tmp_path)
    trained = originals[strategy]
    message = error_of(open_checkpoint, Checkpoint(strategy, other, trained.path))
    assert (
        f"{trained.path}: trained on tiny with digest {trained.base.digest}, "
        f"but the case's base is tiny with digest {other.digest}"
    ) == message


@pytest.mark.parametrize("strategy", ["full", "lora"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"{}", b"[]", b"null", b'{"base_name": "tiny"}', b"\xff"],
    ids=["missing", "empty", "half", "no-keys", "list", "null", "no-digest", "not-utf-8"],
)
def test_a_model_without_its_record_is_refused(
    copied: Callable[[str], Checkpoint], strategy: str, content: bytes | None
) -> None:
    checkpoint = copied(strategy)
    path = checkpoint.path / RECORD
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    message = error_of(open_checkpoint, checkpoint)
    assert message.startswith((f"{path}: cannot be read (", f"{path}: expected base_name and base_digest, got "))


# --- the two known ways to evaluate the wrong weights -----------------------------------------------------------------


@pytest.mark.parametrize("strip", ["", "base_model.model."], ids=["whole-names", "prefix-removed"])
def test_a_full_checkpoint_that_was_saved_while_wrapped_by_peft_is_refused(
    copied: Callable[[str], Checkpoint], originals: dict[str, Checkpoint], strip: str
) -> None:
    from peft import LoraConfig, get_peft_model

    live = open_checkpoint(originals["base"]).transformers_model
    wrapped = get_peft_model(live, LoraConfig(r=4, target_modules=["query", "value"]))
    state = {name.removeprefix(strip): tensor.contiguous().numpy() for name, tensor in wrapped.state_dict().items()}
    assert [name for name in state if "base_layer" in name]
    checkpoint = copied("full")
    save_file(state, checkpoint.path / WEIGHTS, metadata={"format": "pt"})
    message = error_of(open_checkpoint, checkpoint)
    assert "(they would be random)" in message
    assert "Was it saved while wrapped by PEFT" in message


@pytest.mark.parametrize("strategy", ["full", "lora"])
def test_the_weights_of_another_training_are_not_the_trained_model(
    copied: Callable[[str], Checkpoint], tmp_path: Path, strategy: str
) -> None:
    checkpoint = copied(strategy)
    name = WEIGHTS if strategy == "full" else ADAPTER
    change_tensors(checkpoint.path / name, lambda t: t.update({key: 1.5 * value for key, value in t.items()}))
    open_checkpoint(checkpoint)  # whole, and yet another model
    message = error_of(encoding.encode, checkpoint, ("a text",), tmp_path, lambda *_: None)
    assert message.startswith(f"{checkpoint.path}: the saved model is not the trained model: ")
    assert message.endswith("expected at least 0.9999")


def test_an_adapter_that_is_not_applied_is_not_the_trained_model(
    copied: Callable[[str], Checkpoint], tmp_path: Path
) -> None:
    checkpoint = copied("full")
    shutil.copy(checkpoint.base.path / WEIGHTS, checkpoint.path / WEIGHTS)
    message = error_of(encoding.encode, checkpoint, ("a text",), tmp_path, lambda *_: None)
    assert "the saved model is not the trained model" in message


def test_the_record_names_the_base_and_the_recipe(originals: dict[str, Checkpoint]) -> None:
    record = json.loads((originals["lora"].path / RECORD).read_text(encoding="utf-8"))
    assert ("tiny", originals["lora"].base.digest) == (record["base_name"], record["base_digest"])
    assert ("lora", 4) == (record["recipe"]["strategy"], record["recipe"]["lora"]["rank"])
    assert (originals["lora"].path / PROBES).is_file()


@pytest.fixture
def with_dense(tiny_base_path: Path, tmp_path: Path) -> Path:
    """The tiny model with a Dense layer behind its pooling."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(str(tiny_base_path), device="cpu")
    model.insert(2, modules.Dense(32, 16))
    model.save_pretrained(str(tmp_path / "dense"), create_model_card=False)
    return tmp_path / "dense"


def dense_checkpoint(path: Path) -> Checkpoint:
    return Checkpoint("base", resolve_base(BaseSpec(name="dense", path=str(path)), path), path)


def test_a_layer_behind_the_transformer_is_compared_too(with_dense: Path) -> None:
    open_checkpoint(dense_checkpoint(with_dense))
    weights = with_dense / "2_Dense" / "model.safetensors"
    change_tensors(weights, lambda tensors: tensors["linear.bias"].fill(float("nan")))
    assert "NaN or infinite values in linear.bias" in error_of(open_checkpoint, dense_checkpoint(with_dense))


def test_a_pickle_behind_the_transformer_is_refused_unopened(with_dense: Path) -> None:
    weights = with_dense / "2_Dense" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    assert "a pickle, which can run any code" in error_of(open_checkpoint, dense_checkpoint(with_dense))
