"""Gates on a model that comes from elsewhere: is it what it says, whichever way it is opened?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.encoding import SAME_MODEL, row_cosines
from harness.gates.stored import UPDATE
from harness.gates.verdict import Outcome, Verdict, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from harness.checkpoints import TrainingRecord

PROOFS = ("files", "base", "whole", "weights", "ways", "settings", "trained", "data")
"""The proofs on a model from elsewhere, in the order in which they lean on each other."""

UNREAD = "not judged: the record of its training cannot be read (see the proof `trained`)"
"""What the other proofs that need the record say, so that one proof alone fails for it."""

_BOTH = "the record is two files, training.json and training.safetensors: take both from where it was trained"
_RECORD = "record it where the model is trained, with harness.training.record_training"


def proven(proof: str, model: str, outcome: Outcome, message: str) -> Verdict:
    """What a proof on the candidate's files found, as the answer of a gate."""
    return Verdict(proof, model, "", outcome, math.nan, math.nan, f"{model} {proof}: {message}")


def ways_agree(
    model: str,
    embeddings: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]],
    errors: Mapping[str, str],
    base: NDArray[np.float32],
) -> Verdict:
    """Every way to open a model gives the same one, each time.

    Args:
        model: The model.
        embeddings: Way -> the probe texts' embeddings in one process and in another, shape `(n_probes, dimension)`.
        errors: Way -> why it leads nowhere.
        base: The base's embeddings of the same texts.
    """
    problems = [f"{way} fails: {error}" for way, error in errors.items()]
    # Most ways are right: the one that agrees with most of the others is what the rest is held against. Those that give
    # the base's embeddings are not, however many they are.
    moved = {way: first for way, (first, _) in embeddings.items() if not _agree(first, base)}
    known = moved or {way: first for way, (first, _) in embeddings.items()}
    norm = max(known, key=lambda way: sum(_agree(known[way], other) for other in known.values()), default="")
    least = 1.0
    for way, (first, second) in embeddings.items():
        again, other = _least_cosine(first, second), _least_cosine(first, known[norm])
        least = float(np.min([least, again, other]))
        if not np.isfinite(first).all():
            problems.append(f"{way} gives embeddings that are not numbers")
        elif not again >= SAME_MODEL:
            problems.append(
                f"{way} gives other embeddings at each load (least cosine {again:.4f}): "
                f"weights that its file does not hold are made up at random"
            )
        elif not other >= SAME_MODEL:
            cause = (
                "they are the base's: the adapter is not applied"
                if _agree(first, base)
                else "it has other weights or settings there (pooling, tokenizer, length)"
            )
            problems.append(f"{way} gives other embeddings than {norm} (least cosine {other:.4f}): {cause}")
    passed = bool(embeddings) and not problems
    end = "; ".join(problems) or f"{len(embeddings)} ways, twice each, give the same embeddings"
    return Verdict("ways", model, "", outcome_of(passed), least, SAME_MODEL, f"{model} ways: {end}")


def reproduces(model: str, record: TrainingRecord | str | None, probes: NDArray[np.float32] | None) -> Verdict:
    """A model gives the probe embeddings that its training recorded.

    Args:
        model: The model.
        record: What its training recorded, or why that cannot be read.
        probes: The probe texts' embeddings now; None where it could not be opened.
    """
    outcome: Outcome
    if isinstance(record, str):
        return proven("trained", model, "fail", f"{record}; {_BOTH}")
    recorded = None if record is None else record.probes
    if probes is None:
        end, outcome, least = "it could not be opened", "fail", math.nan
    elif recorded is None:
        end, outcome, least = f"no probe embeddings of the trained model; {_RECORD}", "inconclusive", math.nan
    else:
        least = _least_cosine(recorded, probes)
        outcome = outcome_of(least >= SAME_MODEL)
        end = f"least cosine {least:.4f} to the embeddings recorded while training, expected at least {SAME_MODEL}"
        end += "" if outcome == "pass" else ": not the model that was trained"
    return Verdict("trained", model, "", outcome, least, SAME_MODEL, f"{model} trained: {end}")


def same_settings(model: str, settings: Mapping[str, Mapping[str, Any]], stored: Mapping[str, Any] | str) -> Verdict:
    """Whichever way it is opened, a model treats texts as the baseline's did: tokenizer, length, pooling, prompts.

    Args:
        model: The model.
        settings: Way -> name -> setting.
        stored: The baseline's, or why there is nothing to compare with.
    """
    if isinstance(stored, str):
        return Verdict(
            "settings", model, "", "fail", math.nan, 0, f"{model} settings: not comparable: {stored}"
        )  # fmt: skip
    by_difference: dict[str, list[str]] = {}
    for way, now in settings.items():
        for name in sorted(now.keys() | stored.keys()):
            if now.get(name) != stored.get(name):
                difference = f"{name} {now.get(name)!r}, the baseline was made with {stored.get(name)!r}"
                by_difference.setdefault(difference, []).append(way)
    problems = [f"{difference} ({', '.join(ways)})" for difference, ways in by_difference.items()]
    passed = bool(settings) and not problems
    hint = f". After an intended change: {UPDATE}" if problems else ""
    end = "; ".join(problems) + hint or ("as the baseline's" if settings else "it could not be opened")
    return Verdict("settings", model, "", outcome_of(passed), len(problems), 0, f"{model} settings: {end}")


def knows_data(
    model: str, record: TrainingRecord | str | None, train_digest: str, eval_pairs: NDArray[np.uint64]
) -> Verdict:
    """A model was not trained on the pairs that it is judged by.

    Args:
        model: The model.
        record: What its training recorded, or why that cannot be read.
        train_digest: sha256 of the case's training pairs.
        eval_pairs: Fingerprints of the evaluation pairs.
    """
    outcome: Outcome
    if isinstance(record, str):
        return proven("data", model, "inconclusive", UNREAD)
    seen = math.nan if record is None else int(np.isin(eval_pairs, record.pairs).sum())
    if record is None:
        outcome, end = "inconclusive", f"what it was trained on is not known; {_RECORD}"
    elif seen:
        outcome, end = "fail", f"trained on {seen} of the {len(eval_pairs)} pairs that it is judged by"
    elif record.pairs_digest != train_digest:
        outcome, end = (
            "inconclusive",
            (
                f"trained on other pairs than the case's (sha256 {record.pairs_digest[:12]}, the case has "
                f"{train_digest[:12]}); none of them is an evaluation pair"
            ),
        )
    else:
        outcome, end = "pass", "trained on the case's training pairs"
    return Verdict("data", model, "", outcome, seen, 0, f"{model} data: {end}")


def _agree(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    return _least_cosine(first, second) >= SAME_MODEL


def _least_cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """NaN where an embedding has no direction, or the shapes differ."""
    return float(row_cosines(first, second).min()) if first.shape == second.shape else math.nan
