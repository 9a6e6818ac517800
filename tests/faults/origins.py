"""Artefacts of another base, of other data or of another training than they should be, and what is recorded of it."""

from collections.abc import Mapping

from harness.models import embed, files_digest
from harness.models.record import ARRAYS, RECORD
from harness.training import record_training

from .tools import (
    ANOTHER_MODEL,
    RECORD_IT,
    Fault,
    change_tensors,
    config,
    copied,
    json_file,
    set_json,
    taken_away,
    tensors,
    unrecorded,
    unsure,
    with_adapter,
)

_OTHER_BASE = "trained on other with digest .*, but the"
_EVALUATED = "trained on 84 of the 84 pairs"


def _record_another_base(directory, shop):
    set_json(directory / RECORD, base_name="other", base_digest=files_digest(shop.other_base)[0])


def _name_another_base(directory, shop):
    config(base_model_name_or_path=str(shop.other_base))(directory, shop)


def _record_while_disabled(directory, shop):
    model = with_adapter(shop)
    model.disable_adapters()
    assert embed(model, ["a text"]).shape == (1, 32)
    record_training(model, directory, shop.inputs.base, shop.inputs.train, {})


def _record_evaluation_pairs(directory, shop):
    import torch

    both = sorted({*map(int, shop.inputs.train.fingerprints), *map(int, shop.inputs.eval.fingerprints)})
    pairs = {"pairs": torch.tensor(both, dtype=torch.uint64)}
    change_tensors(directory / ARRAYS, lambda found: found | pairs)
    set_json(directory / RECORD, pairs_digest="1" * 64)


def _record_other_pairs(directory, _):
    change_tensors(directory / ARRAYS, lambda found: found | {"pairs": found["pairs"][:-10]})
    set_json(directory / RECORD, pairs_digest="2" * 64)


def _as_it_is(_directory, _shop):
    pass


def _named(name):
    return config(base_model_name_or_path=name)


ORIGINS: Mapping[str, Fault] = {
    # Of the same shape: everything fits, and nothing is right. PEFT compares no weights of the base, whose name it only
    # uses to find it.
    "base: another, as recorded": Fault(_record_another_base, "base", _OTHER_BASE),
    "base: another, as recorded (whole model)": Fault(_record_another_base, "base", _OTHER_BASE, good="whole"),
    # Another model of the hub, which the configuration names.
    "base: another, as its name says": unrecorded(
        _named("sentence-transformers/all-MiniLM-L12-v2"), "base", "names the base .*all-MiniLM-L12-v2, but"
    ),
    # As the oldest models of the hub have it.
    "base: another, as its name without owner says": unrecorded(
        _named("bert-base-uncased"), "base", "names the base bert-base-uncased, but"
    ),
    # It lies on this machine: its digest is another.
    "base: another, at hand": unrecorded(_name_another_base, "base", r"names \S+ with digest \S+, but"),
    "base: another, of another width": unrecorded(
        tensors(lambda name, v: v.repeat(*((1, 2) if "lora_A" in name else (2, 1)))), "base", "shapes: .* on a weight"
    ),
    # As from `inject_adapter_in_model` without a name.
    # Seen with `add_adapter`: https://github.com/huggingface/transformers/pull/25738.
    "base: not named": unrecorded(_named(None), "base", "names no base"),
    "base: named by nonsense": unrecorded(_named(["a", "list"]), "files", "name_or_path is .*; expected a name"),
    # Of the same shape, under a path that is not here: only a record could tell.
    "base: another, of which nothing tells": unsure(
        _named("/home/somebody/models/other"), "base", "record one with .*record_training"
    ),
    # `*.safetensors` was copied by name, and only the adapter's.
    "record: without its arrays": Fault(taken_away(ARRAYS), "record", r"training\.safetensors: no probe emb"),
    # The other half: the JSON did not come along.
    "record: without its text": Fault(taken_away(RECORD), "record", r"training\.json: cannot be read"),
    "record: of another training": Fault(
        copied(lambda shop: shop.other_adapter, RECORD, ARRAYS), "record", ANOTHER_MODEL
    ),
    # When its training was recorded and evaluated: what was seen is the base. `disable_adapters` changes nothing of
    # what is saved, so what ships is the adapter, which nobody has seen.
    "record: taken while the adapter was disabled": Fault(_record_while_disabled, "record", ANOTHER_MODEL),
    # By a version of the harness that knew others: the recorded embeddings say nothing about these.
    "record: of older probe texts": Fault(
        json_file(RECORD, probe_texts_digest="0" * 64), "record", RECORD_IT, outcome="inconclusive"
    ),
    # On all the data there was. The pairs of a first system of this kind overlapped so by 14.6 %.
    "data: trained on evaluation pairs": Fault(_record_evaluation_pairs, "training_data", _EVALUATED),
    "data: trained on evaluation pairs (whole model)": Fault(
        _record_evaluation_pairs, "training_data", _EVALUATED, good="whole"
    ),
    # Other than the case's, and none that it is evaluated on: more data, or older data.
    "data: trained on other pairs": Fault(
        _record_other_pairs, "training_data", "trained on other pairs than the case's", outcome="inconclusive"
    ),
    # No file can tell.
    "data: trained on evaluation pairs, nothing recorded": unsure(
        _as_it_is, "training_data", "what it was trained on is not known; record it"
    ),
}
