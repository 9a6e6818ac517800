"""The record of a training: its base and its data, and the probe embeddings that the model has in that process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.pairs import PairSet
from harness.errors import CaseError, CheckpointError, DataError, HarnessError
from harness.models.encoding import embed
from harness.models.record import PROBE_TEXTS, write_record
from harness.models.sources import ResolvedBase

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def record_training(
    model: SentenceTransformer, directory: Path, base: ResolvedBase, pairs: PairSet, recipe: Mapping[str, Any]
) -> None:
    """Record beside a saved model what it was trained on, and the probe embeddings that it has in this very process.

    For trainings elsewhere: call it at their end, and the gate can tell that a candidate is the model that was trained.

    Args:
        model: The trained model, as it is in memory; with an adapter, the whole that encodes with it.
        directory: Where it was saved.
        base: The base of the case that it will be gated by.
        pairs: The pairs that it was trained on.
        recipe: Its hyperparameters as JSON values; for people.

    Raises:
        CheckpointError: The model, its directory or its base is not what it should be.
        DataError: The pairs are not.
        CaseError: The recipe is not.
    """
    _require_recordable(model=model, directory=directory, base=base, pairs=pairs, recipe=recipe)
    with fp32(model):
        write_record(directory, base, pairs, embed(model, PROBE_TEXTS), recipe)


@contextmanager
def fp32(model: SentenceTransformer) -> Iterator[None]:
    """Evaluation mode, without the autocast in which accelerate wraps `forward` for as long as the model lives."""
    wrapped = model.__dict__.pop("forward", None)
    model.eval()
    try:
        yield
    finally:
        model.train()
        if wrapped is not None:
            model.__dict__["forward"] = wrapped


def _require_recordable(**given: Any) -> None:
    """Raise if something cannot be recorded, before anything is embedded and half of a record is written."""
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
            raise error(f"record_training: {name}: got {type(given[name]).__name__}, expected {kind.__name__}: {hint}")
    if not (path := given["directory"]).is_dir():
        raise CheckpointError(f"record_training: directory: {path}: no such directory; save the model first")
    try:
        json.dumps(dict(given["recipe"]), sort_keys=True)
    except (TypeError, ValueError) as error:
        raise CaseError(f"record_training: recipe: not JSON values: {error}") from None
