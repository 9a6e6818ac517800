"""Teachers: a cross-encoder, trained on the pairs and from the base of a case, and the scores that it gives pairs."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.config.teacher import Teacher
from harness.data.pairs import PairSet
from harness.errors import CheckpointError
from harness.execution.step import AUTO, MODEL, Device, Progress, Step
from harness.execution.store import Artefact
from harness.models.loading import place
from harness.models.record import PROBE_TEXTS
from harness.models.sources import ResolvedBase
from harness.training.arguments import progress_callback, shared_arguments
from harness.training.precision import resolve_precision

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

_LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "accelerate")
_SAME = 1e-3  # of a score in [0, 1]
_PROBES = list(pairwise(PROBE_TEXTS))


@dataclass(frozen=True)
class Taught:
    """A trained cross-encoder: what it says of pairs of probe texts, in the process that trained it."""

    probe_scores: tuple[float, ...]


@dataclass(frozen=True)
class TeacherScores:
    """Scores in [0, 1] of pairs, in their order, and the seconds that they took."""

    scores: tuple[float, ...]
    seconds: float


def teach(
    *, recipe: Teacher, base: ResolvedBase, train_pairs: PairSet, device: Device = AUTO, out: Path, progress: Progress
) -> Taught:
    """Train a cross-encoder towards the pairs' grades or labels, and save it below `out`.

    Raises:
        CheckpointError: The base cannot be opened as one.
    """
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import set_seed

    set_seed(recipe.seed)  # the head's first weights are drawn before the trainer sets its seed
    model = _open(base.path, device)
    data = {
        "text_1": [pair.text_1 for pair in train_pairs],
        "text_2": [pair.text_2 for pair in train_pairs],
        "label": train_pairs.targets.tolist(),
    }
    with tempfile.TemporaryDirectory(prefix="harness-trainer-") as scratch:
        arguments = CrossEncoderTrainingArguments(
            **shared_arguments(recipe, resolve_precision("auto", model.device), model.device, scratch)
        )
        CrossEncoderTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_dict(data),
            loss=BinaryCrossEntropyLoss(model),
            callbacks=[progress_callback(recipe.epochs, progress)],
        ).train()
    model.eval()
    model.__dict__.pop("forward", None)  # the autocast in which accelerate wrapped it
    model.save_pretrained(str(out))
    return Taught(tuple(_scores(model, _PROBES)))


def score(*, teacher: Artefact[Taught], pairs: PairSet, device: Device = AUTO, progress: Progress) -> TeacherScores:
    """Score pairs with a trained cross-encoder.

    Raises:
        CheckpointError: It no longer gives its probe pairs the scores that it gave them when it was trained: something
            that was trained, such as its head, was not saved or not restored.
    """
    progress(0, f"{len(pairs):,} pairs")
    model = _open(teacher.verified, device)
    now = np.array(_scores(model, _PROBES))
    if not np.allclose(now, teacher.value.probe_scores, atol=_SAME):
        furthest = float(np.abs(now - teacher.value.probe_scores).max())
        raise CheckpointError(
            f"{teacher.path}: opened again, the cross-encoder scores a pair {furthest:.3f} apart from what it scored "
            "when it was trained; expected the same: its head was not saved, or not restored"
        )
    started = time.perf_counter()
    scores = _scores(model, [(pair.text_1, pair.text_2) for pair in pairs])
    return TeacherScores(tuple(scores), time.perf_counter() - started)


TEACH = Step("teacher", run=teach, result=Taught, resource=MODEL, files=True, libraries=_LIBRARIES, revision=1)
SCORE = Step("teacher_scores", run=score, result=TeacherScores, resource=MODEL, libraries=_LIBRARIES, revision=1)


def _open(path: Path, device: Device) -> CrossEncoder:
    import torch
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(
            str(path),
            num_labels=1,
            device=place(device),
            local_files_only=True,
            trust_remote_code=False,
            activation_fn=torch.nn.Sigmoid(),
            model_kwargs={"use_safetensors": True, "dtype": torch.float32},
        )
        return model
    except (RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be opened as a cross-encoder: {error}") from None


def _scores(model: CrossEncoder, texts: list[tuple[str, str]]) -> list[float]:
    found = model.predict(texts, batch_size=64, show_progress_bar=False)
    return [float(value) for value in found]
