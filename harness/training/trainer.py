"""Recipe -> trained model, by the SentenceTransformerTrainer, in a process of its own."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.recipe import GRADED_LOSSES, LOSSES, Recipe
from harness.data.pairs import PairSet
from harness.data.sides import NO_SIDES, Sides
from harness.errors import CheckpointError
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.metrics.cosine import pair_scores
from harness.metrics.spearman import spearman
from harness.metrics.types import Number
from harness.models.checkpoint import Checkpoint
from harness.models.encoding import declare, embed_pairs
from harness.models.loading import open_checkpoint
from harness.models.sources import ResolvedBase
from harness.training.packing import in_one_forward, packed
from harness.training.record import fp32, record_training
from harness.training.rows import occurring_rows

if TYPE_CHECKING:
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainingArguments
    from transformers import TrainerCallback

LIBRARIES = ("torch", "transformers", "sentence-transformers", "peft", "tokenizers", "accelerate")
"""The libraries whose version can change a trained model."""

_TOKENIZED = 1024  # texts at once


@dataclass(frozen=True)
class ParameterCounts:
    """Number of parameters of a model as it is trained: all of them, and those that the training changes."""

    total: int
    trainable: int


@dataclass(frozen=True)
class EpochPoint:
    """A point of the training curve.

    Attributes:
        epoch: From 1.
        loss: Mean training loss of the epoch.
        spearman: Of the dev pairs, after the epoch; NaN without any.
    """

    epoch: int
    loss: Number
    spearman: Number


@dataclass(frozen=True)
class TrainingFacts:
    """Facts of a training.

    Attributes:
        parameters: Number of parameters.
        precision: `fp32` or `bf16`.
        packed: Whether it computed without padding.
        threads: Number of threads that it computed with on the CPU.
        device: `cpu`, or the name of the GPU.
        steps: Number of optimizer steps.
        seconds: Wall time of the steps, without opening and saving the model.
        curve: A point an epoch.
    """

    parameters: ParameterCounts
    precision: str
    packed: bool
    threads: int
    device: str
    steps: int
    seconds: float
    curve: tuple[EpochPoint, ...]


def train(
    *,
    recipe: Recipe,
    base: ResolvedBase,
    train_pairs: PairSet,
    dev_pairs: PairSet | None,
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    fast: bool = True,
    out: Path,
    progress: Progress,
) -> TrainingFacts:
    """Train one model, and save it in the sentence-transformers format (an adapter: the PEFT files) with its record.

    Each text has the prompt of its side in front, which the saved model then declares for whoever serves it. The dev
    pairs, if any, are measured after each epoch for the training curve. They pick no checkpoint and change no weight.
    Without `fast` each batch is padded and every row of the token embeddings is updated, as in a script of one's own:
    what the speed is measured against.

    Raises:
        CheckpointError: The base is not complete, or cannot be trained by this recipe.
    """
    import torch
    from sentence_transformers import SentenceTransformerTrainer
    from transformers import set_seed

    set_seed(recipe.seed)  # the adapter's first weights are drawn before the trainer sets its seed
    model = STRATEGIES[recipe.strategy](open_checkpoint(Checkpoint.of_base(base), device), recipe)
    declare(model, sides)
    parameters = parameter_counts(model)
    precision = _precision(recipe, model.device)
    correlations: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="harness-trainer-") as scratch,
        packed(model) if fast else nullcontext(enter_result=False) as is_packed,
        occurring_rows(model, _tokens(model, train_pairs, sides)) if fast else nullcontext(),
    ):
        trainer = SentenceTransformerTrainer(
            model=model,
            args=_arguments(recipe, sides, precision, model.device, scratch),
            train_dataset=_dataset(train_pairs, graded=recipe.loss in GRADED_LOSSES),
            loss=_loss(recipe, model, one_forward=is_packed),
            callbacks=[_observer(recipe, model, dev_pairs, sides, correlations, progress)],
        )
        started = time.perf_counter()
        outcome = trainer.train()
        seconds = time.perf_counter() - started
    model.save_pretrained(str(out), create_model_card=False)
    record_training(model, out, base, train_pairs, recipe.model_dump(mode="json"))
    epoch_losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return TrainingFacts(
        parameters=parameters,
        precision=precision,
        packed=is_packed,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name() if model.device.type == "cuda" else model.device.type,
        steps=outcome.global_step,
        seconds=seconds,
        curve=tuple(
            EpochPoint(epoch, loss, correlation)
            for epoch, (loss, correlation) in enumerate(zip(epoch_losses, correlations, strict=True), start=1)
        ),
    )


TRAIN = Step("model", run=train, result=TrainingFacts, resource=MODEL, files=True, revision=4, libraries=LIBRARIES)


def _lora_adapter(model: SentenceTransformer, recipe: Recipe) -> SentenceTransformer:
    from peft import LoraConfig

    assert recipe.lora is not None  # noqa: S101 - Recipe does not validate otherwise
    config = LoraConfig(
        r=recipe.lora.rank,
        lora_alpha=recipe.lora.alpha,
        lora_dropout=recipe.lora.dropout,
        target_modules=recipe.lora.target_modules,
        use_rslora=recipe.lora.use_rslora,
    )
    # PEFT saves the transformer's adapter alone, and whoever opens it puts it on the base: with the base's head.
    model.requires_grad_(requires_grad=False)
    try:
        model.add_adapter(config)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"lora.target_modules: the base takes no such adapter: {error}") from None
    return model


STRATEGIES: Mapping[str, Callable[[SentenceTransformer, Recipe], SentenceTransformer]] = {
    "full": lambda model, _: model,  # every weight
    "lora": _lora_adapter,
}
"""Strategy -> function that prepares the opened base for training. How it is opened later: `models.loading.SAVED`."""


def parameter_counts(model: SentenceTransformer) -> ParameterCounts:
    """Count the parameters of a live model."""
    return ParameterCounts(
        total=sum(parameter.numel() for parameter in model.parameters()),
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    )


def _loss(recipe: Recipe, model: SentenceTransformer, *, one_forward: bool) -> torch.nn.Module:
    from sentence_transformers.sentence_transformer import losses

    loss: torch.nn.Module = getattr(losses, LOSSES[recipe.loss])(model)
    if one_forward:
        loss = in_one_forward(loss)
    if recipe.matryoshka is None:
        return loss
    widest, full = recipe.matryoshka[0], model.get_embedding_dimension()
    if full is not None and widest > full:
        raise CheckpointError(f"matryoshka: got {widest}, expected at most the {full} dimensions of the base")
    return losses.MatryoshkaLoss(model, loss, recipe.matryoshka)


def _arguments(
    recipe: Recipe, sides: Sides, precision: str, device: torch.device, scratch: str
) -> SentenceTransformerTrainingArguments:
    from sentence_transformers import SentenceTransformerTrainingArguments

    return SentenceTransformerTrainingArguments(
        output_dir=scratch,
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_steps,
        seed=recipe.seed,
        prompts={column: side.prompt for column, side in vars(sides).items() if side.prompt} or None,
        bf16=precision == "bf16",
        optim=recipe.optimizer,
        use_cpu=device.type == "cpu",
        save_strategy="no",
        logging_strategy="epoch",
        disable_tqdm=True,
        report_to=[],
    )


def _dataset(pairs: PairSet, *, graded: bool) -> Dataset:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "text_1": [pair.text_1 for pair in pairs],
            "text_2": [pair.text_2 for pair in pairs],
            "label": pairs.targets.tolist() if graded else [float(pair.label) for pair in pairs],
        }
    )


def _tokens(model: SentenceTransformer, pairs: PairSet, sides: Sides) -> Iterator[int]:
    """Yield the tokens of the pairs, each once and more often, as the trainer will find them."""
    for side, texts in zip(sides.distinct, sides.texts(pairs), strict=True):
        for start in range(0, len(texts), _TOKENIZED):
            batch = model.preprocess(list(texts[start : start + _TOKENIZED]), prompt=side.prompt or None)
            yield from batch["input_ids"].unique().tolist()


def _precision(recipe: Recipe, device: torch.device) -> str:
    """Resolve `auto` for a device: bf16 only where the hardware multiplies it, since emulation is slower than fp32."""
    import torch

    if recipe.precision != "auto":
        return recipe.precision
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bf16" if native else "fp32"


def _observer(
    recipe: Recipe,
    model: SentenceTransformer,
    dev_pairs: PairSet | None,
    sides: Sides,
    correlations: list[float],
    progress: Progress,
) -> TrainerCallback:
    """Return a callback that reports each step and measures the dev pairs after each epoch."""
    from transformers import TrainerCallback

    class Observer(TrainerCallback):  # its methods' parameters are the trainer's to name
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            epoch = min(int(state.epoch) + 1, recipe.epochs)
            progress(
                state.global_step / state.max_steps,
                f"epoch {epoch}/{recipe.epochs}, step {state.global_step}/{state.max_steps}",
            )

        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            if dev_pairs is None:
                correlations.append(math.nan)
                return
            with fp32(model):
                scores = pair_scores(embed_pairs(model, dev_pairs, sides), sides.rows(dev_pairs))
            correlations.append(spearman(scores, dev_pairs.targets).value)

    return Observer()
