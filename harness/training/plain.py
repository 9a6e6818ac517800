"""The same training as a script of one's own would do it: what the harness's speed is measured against."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.recipe import GRADED_LOSSES, LOSSES, Recipe
from harness.data.pairs import PairSet
from harness.data.sides import NO_SIDES, Sides
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.models.checkpoint import Checkpoint
from harness.models.loading import open_checkpoint
from harness.models.sources import ResolvedBase
from harness.training.record import record_training
from harness.training.trainer import LIBRARIES, STRATEGIES, dataset_of

if TYPE_CHECKING:
    from transformers import TrainerCallback


def train_plainly(
    *,
    recipe: Recipe,
    base: ResolvedBase,
    train_pairs: PairSet,
    sides: Sides = NO_SIDES,
    device: Device = AUTO,
    out: Path,
    progress: Progress,
) -> float:
    """Train by the SentenceTransformerTrainer with its defaults: fp32, AdamW that is not fused, padded batches.

    Returns:
        Wall time of the steps, in seconds.
    """
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.sentence_transformer import losses
    from transformers import set_seed

    set_seed(recipe.seed)
    model = STRATEGIES[recipe.strategy](open_checkpoint(Checkpoint.of_base(base), device), recipe)
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
                prompts={column: side.prompt for column, side in vars(sides).items() if side.prompt} or None,
                optim="adamw_torch",
                use_cpu=model.device.type == "cpu",
                save_strategy="no",
                disable_tqdm=True,
                report_to=[],
            ),
            train_dataset=dataset_of(train_pairs, graded=recipe.loss in GRADED_LOSSES),
            loss=getattr(losses, LOSSES[recipe.loss])(model),
            callbacks=[_teller(progress)],
        )
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    model.save_pretrained(str(out), create_model_card=False)
    record_training(model, out, base, train_pairs, recipe.model_dump(mode="json"))
    return seconds


TRAIN_PLAINLY = Step(
    "plain_model", run=train_plainly, result=float, resource=MODEL, files=True, revision=1, libraries=LIBRARIES
)


def _teller(progress: Progress) -> TrainerCallback:
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # its methods' parameters are the trainer's to name
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            progress(state.global_step / state.max_steps, f"step {state.global_step}/{state.max_steps}")

    return Teller()
