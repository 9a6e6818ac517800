"""Arguments and progress that the trainers of models and of teachers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.config.recipe import Recipe
from harness.config.teacher import Teacher
from harness.execution.step import Progress

if TYPE_CHECKING:
    import torch
    from transformers import TrainerCallback


def shared_arguments(recipe: Recipe | Teacher, precision: str, device: torch.device, scratch: str) -> dict[str, Any]:
    """Return the arguments that any trainer of sentence-transformers takes, by name.

    Args:
        recipe: Epochs, batch size, schedule and seed.
        precision: `fp32` or `bf16`.
        device: Where the model is.
        scratch: A directory that goes with the training: nothing that the trainer writes is kept.
    """
    return {
        "output_dir": scratch,
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": recipe.batch_size,
        "learning_rate": recipe.learning_rate,
        "warmup_steps": recipe.warmup_steps,
        "seed": recipe.seed,
        "bf16": precision == "bf16",
        "use_cpu": device.type == "cpu",
        "save_strategy": "no",
        "disable_tqdm": True,
        "report_to": [],
    }


def progress_callback(epochs: int, progress: Progress) -> TrainerCallback:
    """Return a callback that reports each step."""
    from transformers import TrainerCallback

    class Reporter(TrainerCallback):  # its methods' parameters are the trainer's to name
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            epoch, step = min(int(state.epoch) + 1, epochs), f"step {state.global_step}/{state.max_steps}"
            progress(state.global_step / state.max_steps, f"epoch {epoch}/{epochs}, {step}")

    return Reporter()
