"""A training elsewhere is recorded, and its model recognised; what cannot be recorded is refused by its name."""

import json

import pytest
from safetensors.numpy import load_file

from harness.errors import CaseError, CheckpointError, DataError
from harness.metrics import row_cosines
from harness.models import PROBE_TEXTS, Checkpoint, embed, open_checkpoint
from harness.models.record import ARRAYS, RECORD
from harness.training import record, record_training


@pytest.fixture(scope="module")
def trained_elsewhere(tiny_inputs, tmp_path_factory):
    """The arguments of `record_training` after a training by PEFT alone."""
    from peft import LoraConfig, get_peft_model
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny_inputs.base.path), device="cpu", local_files_only=True)
    adapted = get_peft_model(model[0].model, LoraConfig(r=4, target_modules=["query"], init_lora_weights=False))
    model[0].model = adapted
    directory = tmp_path_factory.mktemp("elsewhere")
    adapted.save_pretrained(directory)
    whole = {"model": model, "directory": directory, "base": tiny_inputs.base, "pairs": tiny_inputs.train}
    return {**whole, "recipe": {"learning_rate": 1e-3}}


def test_a_training_by_peft_is_recorded_and_recognised(trained_elsewhere):
    record_training(**trained_elsewhere)
    directory, base = trained_elsewhere["directory"], trained_elsewhere["base"]
    opened = open_checkpoint(Checkpoint("lora", base, directory, "elsewhere"))
    recorded = load_file(directory / ARRAYS)["probes"]
    assert row_cosines(recorded, embed(opened, PROBE_TEXTS)).min() >= 0.999999
    assert {"learning_rate": 1e-3} == json.loads((directory / RECORD).read_text(encoding="utf-8"))["recipe"]


NOT_RECORDABLE = {
    "model": (lambda good: good["model"][0].model, CheckpointError, "got PeftModel, expected SentenceTransformer: "),
    "directory": (lambda good: good["directory"] / "gone", CheckpointError, "gone: no such directory; "),
    "pairs": (lambda good: list(good["pairs"]), DataError, "got list, expected PairSet: "),
    "recipe": (lambda good: {"base": good["base"]}, CaseError, "not JSON values: Object of type ResolvedBase is not"),
}


@pytest.mark.parametrize("name", NOT_RECORDABLE)
def test_what_cannot_be_recorded_is_refused_before_anything_is_done(trained_elsewhere, monkeypatch, name):
    bad, kind, said = NOT_RECORDABLE[name]
    monkeypatch.setattr(record, "embed", lambda *_: pytest.fail("embedded"))
    monkeypatch.setattr(record, "write_record", lambda *_: pytest.fail("written"))
    with pytest.raises(kind) as caught:
        record_training(**{**trained_elsewhere, name: bad(trained_elsewhere)})
    assert str(caught.value).startswith(f"record_training: {name}: ")
    assert said in str(caught.value)
