"""Artefacts of another base, of other data or of another training than they should be, and what is recorded of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from harness.checkpoints import ADAPTER, files_digest

from .tools import Fault, Shop, change_config, change_json, change_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORD, ARRAYS = "training.json", "training.safetensors"
LEAN_ON_RECORD = frozenset({"base", "whole", "weights"})


def other_base_recorded(directory: Path, shop: Shop) -> None:
    """Trained on another base of the same shape, as its record says: everything fits, and nothing is right.

    PEFT compares no weights of the base, whose name it only uses to find it.
    """
    change_json(directory / RECORD, base_name="other", base_digest=files_digest(shop.other_base)[0])


def other_base_named(directory: Path, _: Shop) -> None:
    """Trained on another model of the hub, which the configuration names."""
    change_config(directory, base_model_name_or_path="sentence-transformers/all-MiniLM-L12-v2")


def other_base_named_without_owner(directory: Path, _: Shop) -> None:
    """The same by a name without owner, as the oldest models of the hub have it."""
    change_config(directory, base_model_name_or_path="bert-base-uncased")


def other_base_at_hand(directory: Path, shop: Shop) -> None:
    """Trained on a base that lies on this machine: its digest is another."""
    change_config(directory, base_model_name_or_path=str(shop.other_base))


def no_base_named(directory: Path, _: Shop) -> None:
    """The configuration names no base, as from `inject_adapter_in_model` without a name.

    Seen with `add_adapter`: https://github.com/huggingface/transformers/pull/25738.
    """
    change_config(directory, base_model_name_or_path=None)


def other_base_of_which_nothing_tells(directory: Path, _: Shop) -> None:
    """Trained on another base of the same shape, under a path that is not here: only a record could tell."""
    change_config(directory, base_model_name_or_path="/home/somebody/models/other")


def other_width(directory: Path, _: Shop) -> None:
    """Trained on a base of another width."""

    def widen(tensors: dict[str, Any]) -> dict[str, Any]:
        return {n: v.repeat(1, 2) if "lora_A" in n else v.repeat(2, 1) for n, v in tensors.items()}

    change_tensors(directory / ADAPTER, widen)


def record_without_arrays(directory: Path, _: Shop) -> None:
    """Half a record: `*.safetensors` was copied by name, and only the adapter's."""
    (directory / ARRAYS).unlink()


def record_without_text(directory: Path, _: Shop) -> None:
    """The other half: the JSON did not come along."""
    (directory / RECORD).unlink()


def record_of_another(directory: Path, shop: Shop) -> None:
    """The record of another training beside these weights."""
    for name in (RECORD, ARRAYS):
        shutil.copy(shop.other_adapter / name, directory)


def recorded_while_disabled(directory: Path, shop: Shop) -> None:
    """The adapter was disabled when its training was recorded and evaluated: what was seen is the base.

    `disable_adapters` changes nothing of what is saved, so what ships is the adapter, which nobody has seen.
    """
    from harness.encoding import embed
    from harness.training import record_training

    from .tools import open_plainly

    model = open_plainly(shop.inputs.base.path)
    model.load_adapter(str(shop.adapter))
    model.disable_adapters()
    assert embed(model, ["a text"]).shape == (1, 32)
    record_training(model, directory, shop.inputs.base, shop.inputs.train, {})


def record_of_older_probes(directory: Path, _: Shop) -> None:
    """Recorded by a version of the harness that knew other probe texts: its embeddings say nothing about these."""
    change_json(directory / RECORD, probe_texts_digest="0" * 64)


def trained_on_evaluation_pairs(directory: Path, shop: Shop) -> None:
    """Trained on all the data there was, with the pairs that it is judged by.

    The pairs of a first system of this kind overlapped so by 14.6 %.
    """
    import torch

    both = sorted({*map(int, shop.inputs.train.fingerprints), *map(int, shop.inputs.eval.fingerprints)})
    change_tensors(directory / ARRAYS, lambda t: t | {"pairs": torch.tensor(both, dtype=torch.uint64)})
    change_json(directory / RECORD, pairs_digest="1" * 64)


def trained_on_other_pairs(directory: Path, _: Shop) -> None:
    """Trained on other pairs than the case's, and on none that it is judged by: more data, or older data."""
    change_tensors(directory / ARRAYS, lambda t: t | {"pairs": t["pairs"][:-10]})
    change_json(directory / RECORD, pairs_digest="2" * 64)


def as_it_is(_directory: Path, _shop: Shop) -> None:
    """Trained on the pairs that it is judged by, and nobody recorded it: no file can tell."""


def nonsense_base(directory: Path, _: Shop) -> None:
    """A base's name that is none."""
    change_config(directory, base_model_name_or_path=["a", "list"])


ORIGINS: Mapping[str, Fault] = {
    "base: another, as recorded": Fault(
        "adapter", other_base_recorded, "base", "trained on other with digest .*, but the"
    ),
    "base: another, as recorded (whole model)": Fault(
        "whole", other_base_recorded, "base", "trained on other with digest"
    ),
    "base: another, as its name says": Fault(
        "adapter without record",
        other_base_named,
        "base",
        "names the base sentence-transformers/all-MiniLM-L12-v2, but",
    ),
    "base: another, as its name without owner says": Fault(
        "adapter without record", other_base_named_without_owner, "base", "names the base bert-base-uncased, but"
    ),
    "base: another, at hand": Fault(
        "adapter without record", other_base_at_hand, "base", r"names \S+ with digest \S+, but"
    ),
    "base: another, of another width": Fault(
        "adapter without record", other_width, "base", "other shapes: .* on a weight"
    ),
    "base: not named": Fault("adapter without record", no_base_named, "base", "names no base"),
    "base: named by nonsense": Fault(
        "adapter without record", nonsense_base, "files", "base_model_name_or_path is .*; expected a name"
    ),
    "base: another, of which nothing tells": Fault(
        "adapter without record",
        other_base_of_which_nothing_tells,
        "base",
        "record one with .*record_training",
        "inconclusive",
    ),
    "record: without its arrays": Fault(
        "adapter", record_without_arrays, "trained", r"training\.safetensors: no probe emb", unjudged=LEAN_ON_RECORD
    ),
    "record: without its text": Fault(
        "adapter", record_without_text, "trained", r"training\.json: cannot be read", unjudged=LEAN_ON_RECORD
    ),
    "record: of another training": Fault("adapter", record_of_another, "trained", "not the model that was trained"),
    "record: taken while the adapter was disabled": Fault(
        "adapter", recorded_while_disabled, "trained", "not the model that was trained"
    ),
    "record: of older probe texts": Fault(
        "adapter", record_of_older_probes, "trained", "record it .*record_training", "inconclusive"
    ),
    "data: trained on evaluation pairs": Fault(
        "adapter", trained_on_evaluation_pairs, "data", r"trained on 84 of the 84 pairs"
    ),
    "data: trained on evaluation pairs (whole model)": Fault(
        "whole", trained_on_evaluation_pairs, "data", "trained on 84 of the 84 pairs"
    ),
    "data: trained on other pairs": Fault(
        "adapter", trained_on_other_pairs, "data", "trained on other pairs than the case's", "inconclusive"
    ),
    "data: trained on evaluation pairs, nothing recorded": Fault(
        "adapter without record", as_it_is, "data", "what it was trained on is not known; record it", "inconclusive"
    ),
}
