"""Adapters by every method of PEFT that is opened, trained on the tiny case in a few steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.training import record_training

from .tools import open_plainly, small_lora

if TYPE_CHECKING:
    from pathlib import Path

    from harness.run import Inputs

_STEPS = 40
_LAYERS = ["query", "value", "output.dense"]
_TOKENS = list(range(5, 40))  # words of the tiny texts


def _of_peft(kind: str, **settings: Any) -> Callable[[], Any]:
    def configuration() -> Any:
        import peft

        return getattr(peft, kind)(**{"target_modules": _LAYERS, **settings})

    return configuration


METHODS: Mapping[str, Callable[[], Any]] = {
    # LoRA, with what is computed a second time.
    "LoRA on embeddings": lambda: small_lora(target_modules=[*_LAYERS, "word_embeddings"]),
    "LoRA and trained tokens": lambda: small_lora(trainable_token_indices={"word_embeddings": _TOKENS}),
    "LoRA with biases of B": lambda: small_lora(lora_bias=True),
    # Methods whose formula only PEFT knows.
    "AdaLoRA": _of_peft("AdaLoraConfig", init_r=6, target_r=4, lora_alpha=32, tinit=5, tfinal=20, total_step=_STEPS),
    "IA3": _of_peft("IA3Config", feedforward_modules=["output.dense"]),
    "LoHa": _of_peft("LoHaConfig", r=4, alpha=16),
    "LoKr": _of_peft("LoKrConfig", r=4, alpha=16),
    "OFT": _of_peft("OFTConfig", oft_block_size=8),
    "trained tokens": _of_peft("TrainableTokensConfig", target_modules=["word_embeddings"], token_indices=_TOKENS),
    "VeRA": _of_peft("VeraConfig", r=64, d_initial=1.0),
}
"""Method -> function that returns a configuration of it."""

_RATES = {"IA3": 0.1, "VeRA": 0.1, "OFT": 0.02, "trained tokens": 0.05}


def train(method: str, inputs: Inputs, out: Path) -> Path:
    """Train an adapter by a method on the case's pairs, as someone would elsewhere, and record its training."""
    import torch
    from peft import get_peft_model
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    assert inputs.train is not None
    pairs = inputs.train.pairs
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no errors: what PEFT says about its own methods
        torch.manual_seed(0)
        model = open_plainly(inputs.base.path)
        adapted: Any = get_peft_model(model[0].model, METHODS[method]())
        model[0].model = adapted
        parameters = [value for value in adapted.parameters() if value.requires_grad]
        optimizer, loss = torch.optim.Adam(parameters, lr=_RATES.get(method, 0.02)), CosineSimilarityLoss(model)
        columns = [[getattr(pair, name) for pair in pairs] for name in ("text_1", "text_2")]
        features, labels = [model.preprocess(texts) for texts in columns], torch.tensor([float(p.label) for p in pairs])
        for step in range(_STEPS):
            optimizer.zero_grad()
            loss(features, labels).backward()
            optimizer.step()
            if method == "AdaLoRA":  # which gives up ranks while it trains
                adapted.base_model.update_and_allocate(step)
        adapted.save_pretrained(str(out))
        record_training(model, out, inputs.base, inputs.train, {"method": method})
    return out
