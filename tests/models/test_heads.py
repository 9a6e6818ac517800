"""What was trained beside the layers of a transformer, and is not restored, is noticed in every architecture."""

import json
import re
import shutil

import pytest

from harness.config import BaseSpec
from harness.errors import CheckpointError
from harness.models import ADAPTER, ADAPTER_CONFIG, ENCODE, MODULES, WEIGHTS, Checkpoint, open_checkpoint, resolve_base
from harness.training import record_training
from harness.verification import Candidate, check_files

from .zoo import WIDTH, ZOO

SAVED_WHOLE = {"BERT": "pooler", "RoBERTa": "pooler", "MPNet": "pooler", "ModernBERT": "final_norm", "Qwen3": "norm"}
"""Architecture -> a module of it that an adapter can keep whole."""

CLASSIFIERS = {"Qwen3": "score"}
"""Architecture -> the name of a classifier's last layer, where it is another than `classifier`."""

TARGETS = {"BERT": "query", "RoBERTa": "query", "MPNet": "attn.q", "ModernBERT": "Wqkv", "Qwen3": "q_proj"}

pytestmark = pytest.mark.filterwarnings("ignore:Found missing adapter keys:UserWarning")
architectures = pytest.mark.parametrize("name", SAVED_WHOLE)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    root = tmp_path_factory.mktemp("bases")
    for name in SAVED_WHOLE:
        ZOO[name](root / name)
    return {name: resolve_base(BaseSpec(name=name, path=name), root) for name in SAVED_WHOLE}


@pytest.fixture
def with_dense(bases, tiny_inputs, tmp_path):
    """Writes a model with a Dense layer after the pooling, with a record of its training; an adapter where asked so."""

    def write(name, *, adapter=False):
        from peft import LoraConfig
        from sentence_transformers.sentence_transformer import modules

        model = open_checkpoint(Checkpoint.of_base(bases[name]), "cpu")
        model.insert(2, modules.Dense(WIDTH, 16))
        if adapter:
            model.save_pretrained(str(tmp_path / "base"), create_model_card=False)
            model.add_adapter(LoraConfig(r=2, target_modules=[TARGETS[name]]))
            model[2].linear.weight.data.add_(0.1)
        base = resolve_base(BaseSpec(name=name, path="base"), tmp_path) if adapter else bases[name]
        model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
        record_training(model, tmp_path / "model", base, tiny_inputs.train, {})
        return Checkpoint("lora" if adapter else "full", base, tmp_path / "model", "")

    return write


def error_of(checkpoint):
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(checkpoint, "cpu")
    return str(caught.value)


def classifier(base):
    import torch
    from transformers import AutoModelForSequenceClassification

    with torch.random.fork_rng():
        return AutoModelForSequenceClassification.from_pretrained(base.path, local_files_only=True, num_labels=2)


@architectures
def test_a_module_that_an_adapter_keeps_whole(bases, tmp_path, edit_json, edit_tensors, name):
    from peft import LoraConfig, get_peft_model

    whole = SAVED_WHOLE[name]
    model = open_checkpoint(Checkpoint.of_base(bases[name]), "cpu")
    config = LoraConfig(r=2, target_modules=[TARGETS[name]], modules_to_save=[whole])
    get_peft_model(model.transformers_model, config).save_pretrained(str(tmp_path))
    checkpoint = Checkpoint("lora", bases[name], tmp_path, "")
    open_checkpoint(checkpoint, "cpu")
    edit_json(tmp_path / ADAPTER_CONFIG, modules_to_save=None)
    assert re.search(rf"unexpected base_model\.model\.\S*{whole}\.", error_of(checkpoint))
    edit_json(tmp_path / ADAPTER_CONFIG, modules_to_save=[whole])
    edit_tensors(tmp_path / ADAPTER, lambda t: [t.pop(key) for key in list(t) if whole in key])
    assert "does not fit its base: no tensor" in error_of(checkpoint)


@architectures
def test_the_head_of_a_classifier(bases, tmp_path, name):
    from peft import LoraConfig, get_peft_model

    base, head = bases[name], CLASSIFIERS.get(name, "classifier")
    model = classifier(base)
    whole = shutil.copytree(base.path, tmp_path / "whole")
    model.save_pretrained(whole)
    said = error_of(Checkpoint("full", base, whole, ""))
    assert f": {head}." in said.partition(": of a head that is not restored")[0]
    get_peft_model(model, LoraConfig(r=2, target_modules=[TARGETS[name]], task_type="SEQ_CLS")).save_pretrained(
        str(tmp_path / "adapter")
    )
    said = error_of(Checkpoint("lora", base, tmp_path / "adapter", ""))
    assert f": {head}." in said.partition(": of a head that is not restored")[0]


@architectures
def test_a_dense_layer_of_a_whole_model(with_dense, tmp_path, edit_tensors, name):
    checkpoint = with_dense(name)
    path = checkpoint.path
    weights = path / "2_Dense" / WEIGHTS

    def encoded():
        ENCODE.run(source=checkpoint, texts={"eval": [("tea",)]}, out=tmp_path, progress=lambda *_: None)

    encoded()
    before = weights.read_bytes()
    edit_tensors(weights, lambda tensors: tensors["linear.weight"].fill(0.1))
    with pytest.raises(CheckpointError, match="not the trained model"):
        encoded()
    weights.unlink()
    files = check_files(Candidate("model", "full", path, ""))
    assert ("fail", True) == (files.outcome, f"2_Dense, which has no {WEIGHTS}" in files.message)
    weights.write_bytes(before)
    modules = json.loads((path / MODULES).read_text(encoding="utf-8"))
    (path / MODULES).write_text(json.dumps([modules[0], modules[1], modules[3]]), encoding="utf-8")
    with pytest.raises(CheckpointError, match="not the trained model"):
        encoded()


@architectures
def test_a_dense_layer_beside_an_adapter(with_dense, bases, name):
    checkpoint = with_dense(name, adapter=True)
    assert "2_Dense: the opened model does not hold the stored values of linear.weight" in error_of(checkpoint)
    shutil.rmtree(checkpoint.base.path)
    shutil.copytree(bases[name].path, checkpoint.base.path)
    assert "2_Dense: the weights do not fit the model: unexpected linear." in error_of(checkpoint)
