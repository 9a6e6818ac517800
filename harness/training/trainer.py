"""Recipe -> trained model, by the SentenceTransformerTrainer, in a process of its own."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.losses import LOSSES
from harness.config.recipe import Recipe
from harness.data.examples import EXAMPLES, Examples
from harness.data.pairs import PairSet
from harness.data.sides import NO_SIDES, Side, Sides
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.metrics.cosine import pair_scores
from harness.metrics.spearman import spearman
from harness.metrics.types import Number
from harness.models.checkpoint import Checkpoint
from harness.models.encoding import declare, embed_pairs
from harness.models.loading import open_checkpoint
from harness.models.sources import ResolvedBase
from harness.training.arguments import progress_callback, shared_arguments
from harness.training.losses import training_loss
from harness.training.packing import packed
from harness.training.precision import resolve_precision
from harness.training.record import fp32, record_training
from harness.training.rows import occurring_rows
from harness.training.strategies import STRATEGIES

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
    learned_pairs: PairSet | None = None,
    dev_pairs: PairSet | None,
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    fast: bool = True,
    out: Path,
    progress: Progress,
) -> TrainingFacts:
    """Train one model, and save it in the sentence-transformers format (an adapter: the PEFT files) with its record.

    `learned_pairs` are what it learns from, where they are not the case's `train_pairs` but made of them: with mined
    negatives, or with a teacher's grades. The record is of the case's.

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
    precision = resolve_precision(recipe.precision, model.device)
    examples = EXAMPLES[LOSSES[recipe.loss].examples](learned_pairs or train_pairs, recipe.negatives)
    correlations: list[float] = []
    with (
        tempfile.TemporaryDirectory(prefix="harness-trainer-") as scratch,
        packed(model) if fast else nullcontext(enter_result=False) as is_packed,
        # Weight decay changes every row in every step.
        occurring_rows(model, _tokens(model, examples, sides)) if fast and not recipe.weight_decay else nullcontext(),
    ):
        trainer = SentenceTransformerTrainer(
            model=model,
            args=_arguments(recipe, examples, sides, precision, model.device, scratch),
            train_dataset=_dataset(examples),
            loss=training_loss(recipe, model, one_forward=is_packed),
            callbacks=[
                progress_callback(recipe.epochs, progress),
                _observer(model, dev_pairs, sides, correlations),
            ],
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


def parameter_counts(model: SentenceTransformer) -> ParameterCounts:
    """Count the parameters of a live model."""
    return ParameterCounts(
        total=sum(parameter.numel() for parameter in model.parameters()),
        trainable=sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    )


def _arguments(
    recipe: Recipe, examples: Examples, sides: Sides, precision: str, device: torch.device, scratch: str
) -> SentenceTransformerTrainingArguments:
    from sentence_transformers import SentenceTransformerTrainingArguments
    from sentence_transformers.base.sampler import BatchSamplers

    return SentenceTransformerTrainingArguments(
        **shared_arguments(recipe, precision, device, scratch),
        weight_decay=recipe.weight_decay,
        prompts={column: side.prompt for column, side in _sides(examples, sides) if side.prompt} or None,
        batch_sampler=BatchSamplers.NO_DUPLICATES if examples.distinct else BatchSamplers.BATCH_SAMPLER,
        optim=recipe.optimizer,
        logging_strategy="epoch",
    )


def _dataset(examples: Examples) -> Dataset:
    from datasets import Dataset

    labels = {} if examples.labels is None else {"label": examples.labels}
    return Dataset.from_dict({**examples.columns, **labels})


def _sides(examples: Examples, sides: Sides) -> Iterator[tuple[str, Side]]:
    """Yield each column with its side: the first holds first texts, all others second ones."""
    for place, column in enumerate(examples.columns):
        yield column, sides.text_2 if place else sides.text_1


def _tokens(model: SentenceTransformer, examples: Examples, sides: Sides) -> Iterator[int]:
    """Yield the tokens of the examples, each once and more often, as the trainer will find them."""
    texts: dict[Side, dict[str, None]] = {}
    for column, side in _sides(examples, sides):
        texts.setdefault(side, {}).update(dict.fromkeys(examples.columns[column]))
    for side, found in texts.items():
        distinct = list(found)
        for start in range(0, len(distinct), _TOKENIZED):
            batch = model.preprocess(distinct[start : start + _TOKENIZED], prompt=side.prompt or None)
            yield from batch["input_ids"].unique().tolist()


def _observer(
    model: SentenceTransformer, dev_pairs: PairSet | None, sides: Sides, correlations: list[float]
) -> TrainerCallback:
    """Return a callback that measures the dev pairs after each epoch."""
    from transformers import TrainerCallback

    class Observer(TrainerCallback):  # its methods' parameters are the trainer's to name
        def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            if dev_pairs is None:
                correlations.append(math.nan)
                return
            with fp32(model):
                scores = pair_scores(embed_pairs(model, dev_pairs, sides), sides.rows(dev_pairs))
            correlations.append(spearman(scores, dev_pairs.targets).value)

    return Observer()
