"""Recipes -> trained artefacts, on the SentenceTransformerTrainer. Runs in a stage."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.case import LOSSES
from harness.checkpoints import (
    PROBE_TEXTS,
    Checkpoint,
    ResolvedBase,
    open_checkpoint,
    parameter_counts,
    write_record,
)
from harness.encoding import embed, pair_scores
from harness.errors import CaseError, CheckpointError, DataError, HarnessError
from harness.metrics.ranking import spearman
from harness.pairs import PairSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import TrainerCallback

    from harness.case import Recipe
    from harness.stages import Progress

SCHEMA = 2
"""Raised when this module changes in a way that changes what it trains: it enters every trained artefact's key."""

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "tokenizers", "accelerate")
"""The libraries whose version can change a trained model."""


def train(
    recipe: Recipe, base: ResolvedBase, train_pairs: PairSet, eval_pairs: PairSet, out: Path, progress: Progress
) -> dict[str, Any]:
    """Trains one model and saves it with the probe embeddings it had in this very process.

    Args:
        recipe: How.
        base: What to start from.
        train_pairs: Texts and labels.
        eval_pairs: Measured after each epoch for the training curve. Never used to pick a checkpoint.
        out: Empty directory; filled in the sentence-transformers format (for an adapter: the PEFT files).
        progress: Receives the share of all steps done.

    Returns:
        Facts as JSON values: `parameters`, `precision`, `device`, `steps`, `train_seconds`, and the `curve` with epoch,
        loss and spearman.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from transformers import set_seed

    set_seed(recipe.seed)  # the adapter's first weights are drawn before the trainer sets its seed
    model = _STRATEGIES[recipe.strategy](open_checkpoint(Checkpoint("base", base, base.path)), recipe)
    parameters = parameter_counts(model)
    precision = _precision(recipe, model.device)
    curve: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="harness-trainer-") as scratch:
        trainer = SentenceTransformerTrainer(
            model=model,
            args=SentenceTransformerTrainingArguments(
                output_dir=scratch,
                num_train_epochs=recipe.epochs,
                per_device_train_batch_size=recipe.batch_size,
                learning_rate=recipe.learning_rate,
                warmup_steps=recipe.warmup_steps,
                seed=recipe.seed,
                bf16=precision == "bf16",
                optim=recipe.optimizer,
                use_cpu=model.device.type == "cpu",
                save_strategy="no",
                logging_strategy="epoch",
                disable_tqdm=True,
                report_to=[],
            ),
            train_dataset=Dataset.from_dict(
                {
                    "text_1": [pair.text_1 for pair in train_pairs],
                    "text_2": [pair.text_2 for pair in train_pairs],
                    "label": [float(pair.label) for pair in train_pairs],
                }
            ),
            loss=getattr(losses, LOSSES[recipe.loss])(model),
            callbacks=[_observer(recipe, model, eval_pairs, curve, progress)],
        )
        started = time.perf_counter()
        outcome = trainer.train()
        seconds = time.perf_counter() - started
    model.save_pretrained(str(out), create_model_card=False)
    record_training(model, out, base, train_pairs, recipe.model_dump(mode="json"))
    losses_by_epoch = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {
        "parameters": parameters,
        "precision": precision,
        "device": torch.cuda.get_device_name() if model.device.type == "cuda" else model.device.type,
        "steps": outcome.global_step,
        "train_seconds": seconds,
        "curve": [{**point, "loss": loss} for point, loss in zip(curve, losses_by_epoch, strict=True)],
    }


def record_training(
    model: SentenceTransformer, directory: Path, base: ResolvedBase, pairs: PairSet, recipe: Mapping[str, Any]
) -> None:
    """Records beside a saved model what it was trained on, and the probe embeddings that it has in this very process.

    For trainings elsewhere: call it at their end, and the gate can tell that what arrives is what was trained.

    Args:
        model: The trained model, as it is in memory; with an adapter, the whole that encodes with it.
        directory: Where it was saved.
        base: The base of the case that it will be gated by.
        pairs: The pairs that it was trained on.
        recipe: How it was trained, as JSON values; for people.

    Raises:
        CheckpointError: The model, its directory or its base is not what it should be.
        DataError: The pairs are not.
        CaseError: The recipe is not.
    """
    _require_recordable(model=model, directory=directory, base=base, pairs=pairs, recipe=recipe)
    with _fp32(model):
        write_record(directory, base, pairs, embed(model, PROBE_TEXTS), recipe)


def _require_recordable(**given: Any) -> None:
    """Raises where something cannot be recorded, before anything is embedded and half of a record is written."""
    from sentence_transformers import SentenceTransformer

    expected: dict[str, tuple[type, type[HarnessError], str]] = {
        "model": (
            SentenceTransformer,
            CheckpointError,
            "the whole that encodes; around a PeftModel it is the one whose `model[0].model` that is",
        ),
        "directory": (Path, CheckpointError, "where the model was saved"),
        "base": (ResolvedBase, CheckpointError, "a case's, such as `prepare(read_case(PATH)).base`"),
        "pairs": (PairSet, DataError, "a case's, such as `prepare(read_case(PATH)).train`, or `read_pairs(PATH)`"),
        "recipe": (Mapping, CaseError, "JSON values by name, such as {'learning_rate': 0.001}"),
    }
    for name, (kind, error, hint) in expected.items():
        if not isinstance(given[name], kind):
            came = type(given[name]).__name__
            raise error(f"record_training: {name}: got {came}, expected {kind.__name__}: {hint}")
    if not given["directory"].is_dir():
        raise CheckpointError(
            f"record_training: directory: {given['directory']}: no such directory; save the model first"
        )
    try:
        json.dumps(dict(given["recipe"]), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise CaseError(f"record_training: recipe: not JSON values: {error}") from None


def _every_weight(model: SentenceTransformer, _recipe: Recipe) -> SentenceTransformer:
    return model


def _adapter(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer:
    from peft import LoraConfig

    assert recipe.lora is not None  # noqa: S101 - Recipe does not validate otherwise
    model.add_adapter(
        LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules=recipe.lora.target_modules,
            use_rslora=recipe.lora.use_rslora,
        )
    )
    return model


_STRATEGIES = {"full": _every_weight, "lora": _adapter}


def _precision(recipe: Recipe, device: torch.device) -> str:
    """`auto` for this device: bf16 only where the hardware multiplies it, since emulation is slower than fp32."""
    import torch

    if recipe.precision != "auto":
        return recipe.precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bf16" if native else "fp32"


@contextmanager
def _fp32(model: SentenceTransformer) -> Iterator[None]:
    """Evaluation mode, and without the autocast in which accelerate wraps `forward` for as long as the model lives."""
    wrapped = model.__dict__.pop("forward", None)
    model.eval()
    try:
        yield
    finally:
        model.train()
        if wrapped is not None:
            model.__dict__["forward"] = wrapped


def _observer(
    recipe: Recipe, model: SentenceTransformer, eval_pairs: PairSet, curve: list[dict[str, float]], progress: Progress
) -> TrainerCallback:
    """A callback that reports each step and measures the eval pairs after each epoch."""
    from transformers import TrainerCallback

    class Observer(TrainerCallback):  # its methods' parameters are the trainer's to name
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            epoch = min(int(state.epoch) + 1, recipe.epochs)
            progress(
                state.global_step / state.max_steps,
                f"epoch {epoch}/{recipe.epochs}, step {state.global_step}/{state.max_steps}",
            )

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            with _fp32(model):
                scores = pair_scores(embed(model, eval_pairs.texts), eval_pairs.text_rows)
            curve.append({"epoch": round(state.epoch), "spearman": spearman(scores, eval_pairs.labels).value})

    return Observer()
