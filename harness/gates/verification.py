"""Gates on a candidate: is it what it claims to be, whichever way it is opened?"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from harness.baselines import UPDATE
from harness.gates.types import Evidence, NotJudgedError, Outcome, Subject, Verdict, outcome_of
from harness.metrics import row_cosines
from harness.models import PROBE_TEXTS, SAME_MODEL, TrainingRecord

_RANDOM = "weights that its file does not hold are made up at random"
_IGNORED = "they are the base's: the adapter is not applied"
_OTHER = "it has other weights or settings there (pooling, tokenizer, length)"
_BOTH = "the record is two files, training.json and training.safetensors: take both from where it was trained"
_RECORD = "record it where the model is trained, with harness.training.record_training"


def check_passes(check: str) -> Callable[[Evidence, Subject], Verdict]:
    """Return the gate that a check on the candidate's files is."""

    def judge(run: Evidence, subject: Subject) -> Verdict:
        if check != "files":
            _record(run, subject)
        result = run.verification(subject.model).checks[check]
        return _verdict(subject, check.replace("_", " "), result.outcome, result.message, math.nan, math.nan)

    return judge


def load_paths_agree(run: Evidence, subject: Subject) -> Verdict:
    """Judge that every load path gives the same model, each time."""
    found = run.verification(subject.model)
    base = run.embeddings("base")["probes"]
    problems = [f"{path} fails: {error}" for path, error in found.errors.items()]
    firsts = {path: first for path, (first, _) in found.embeddings.items()}
    # Most load paths are right: the one that agrees with most of the others is what the rest is compared with. Those
    # that give the base's embeddings are not, however many they are.
    moved = {path: first for path, first in firsts.items() if not _agree(first, base)} or firsts
    norm = max(moved, key=lambda path: sum(_agree(moved[path], other) for other in moved.values()), default="")
    least = 1.0
    for path, (first, second) in found.embeddings.items():
        again, other = _least_cosine(first, second), _least_cosine(first, moved[norm])
        least = float(np.min([least, again, other]))
        if not np.isfinite(first).all():
            problems.append(f"{path} gives embeddings that are not numbers")
        elif first.shape != moved[norm].shape:
            problems.append(f"{path} gives embeddings of {first.shape[1]} numbers, {norm} of {moved[norm].shape[1]}")
        elif not again >= SAME_MODEL:
            problems.append(f"{path} gives other embeddings at each load (least cosine {again:.4f}): {_RANDOM}")
        elif not other >= SAME_MODEL:
            cause = _IGNORED if _agree(first, base) else _OTHER
            problems.append(f"{path} gives other embeddings than {norm} (least cosine {other:.4f}): {cause}")
    end = "; ".join(problems) or f"{len(firsts)} load paths, twice each, give the same embeddings"
    passed = bool(firsts) and not problems
    return _verdict(subject, "load paths", outcome_of(passed), end, least, SAME_MODEL)


def settings_are_stored_ones(run: Evidence, subject: Subject) -> Verdict:
    """Judge that every load path treats texts as the baseline's model did: tokenizer, length, pooling, prompts."""
    baseline = run.stored.model(subject.model)
    if baseline is None:
        raise NotJudgedError("baseline", f"nothing comparable is stored of {subject.model}")
    stored, found = baseline.settings, run.verification(subject.model).settings
    by_difference: dict[str, list[str]] = {}
    for path, now in found.items():
        for name in sorted(now.keys() | stored.keys()):
            if now.get(name) != stored.get(name):
                difference = f"{name} {now.get(name)!r}, the baseline was made with {stored.get(name)!r}"
                by_difference.setdefault(difference, []).append(path)
    if not stored:
        end = f"no settings are stored for model {subject.model}; store them with {UPDATE}"
    elif not found:
        end = "it could not be opened"
    elif by_difference:
        differences = "; ".join(f"{difference} ({', '.join(paths)})" for difference, paths in by_difference.items())
        end = f"{differences}. After an intended change: {UPDATE}"
    else:
        end = "as the baseline's"
    passed = bool(found and stored) and not by_difference
    return _verdict(subject, "settings", outcome_of(passed), end, len(by_difference) if stored else math.nan, 0)


def record_is_reproduced(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the model gives the probe embeddings that its training recorded."""
    found = run.verification(subject.model)
    if found.record_error:
        return _verdict(subject, "record", "fail", f"{found.record_error}; {_BOTH}", math.nan, math.nan)
    probes = next((first for first, _ in found.embeddings.values()), None)
    recorded = None if found.record is None else found.record.probes
    if probes is None:
        return _verdict(subject, "record", "fail", "it could not be opened", math.nan, SAME_MODEL)
    if recorded is None:
        end = f"no probe embeddings of the trained model; {_RECORD}"
        return _verdict(subject, "record", "inconclusive", end, math.nan, SAME_MODEL)
    least = _least_cosine(recorded, probes[: len(PROBE_TEXTS)])
    passed = least >= SAME_MODEL
    end = f"least cosine {least:.4f} to the embeddings recorded in training, expected at least {SAME_MODEL}"
    if recorded.shape[1] != probes.shape[1]:
        end = f"embeddings of {probes.shape[1]} numbers, recorded in training were {recorded.shape[1]}"
    end += "" if passed else ": not the model that was trained"
    return _verdict(subject, "record", outcome_of(passed), end, least, SAME_MODEL)


def training_data_is_apart(run: Evidence, subject: Subject) -> Verdict:
    """Judge that the model was trained on the case's pairs, and on none that it is evaluated on."""
    record = _record(run, subject)
    evaluated, train = run.inputs.eval.fingerprints, run.inputs.train
    seen = math.nan if record is None else int(np.isin(evaluated, record.pairs).sum())
    outcome: Outcome = "inconclusive"
    if record is None:
        end = f"what it was trained on is not known; {_RECORD}"
    elif seen:
        outcome, end = "fail", f"trained on {seen} of the {len(evaluated)} pairs that it is evaluated on"
    elif train is None or record.pairs_digest != train.digest:
        has = "names none" if train is None else f"has {train.digest[:12]}"
        end = (
            f"trained on other pairs than the case's (sha256 {record.pairs_digest[:12]}, the case {has}); "
            "none of them is an evaluation pair"
        )
    else:
        outcome, end = "pass", "trained on the case's training pairs"
    return _verdict(subject, "training data", outcome, end, seen, 0)


def _record(run: Evidence, subject: Subject) -> TrainingRecord | None:
    """Return what the candidate's training recorded: other gates compare with it, and one alone fails for it."""
    found = run.verification(subject.model)
    if found.record_error:
        raise NotJudgedError("record", "the record of its training cannot be read")
    return found.record


def _verdict(subject: Subject, words: str, outcome: Outcome, end: str, observed: float, reference: float) -> Verdict:
    return Verdict(outcome=outcome, observed=observed, reference=reference, message=f"{subject.model} {words}: {end}")


def _agree(first: NDArray[np.float32], second: NDArray[np.float32]) -> bool:
    return _least_cosine(first, second) >= SAME_MODEL


def _least_cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Return the least cosine of a text; NaN where an embedding has no direction, or the shapes differ."""
    return float(row_cosines(first, second).min()) if first.shape == second.shape else math.nan
