"""Reading what was damaged: a HarnessError of at most a screen comes out, or nothing is wrong with it."""

import random
import signal
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness.baselines import read_baseline
from harness.config import read_case
from harness.data import read_pairs
from harness.errors import HarnessError
from harness.models.files import tensor_shapes
from harness.results import read_pair_tables, read_results
from harness.verification import check_files

from .mutation import mutated_bytes, mutated_json, mutated_lines, mutated_tensors, mutated_value

SCREEN = 4_000
"""Characters of a message."""

SECONDS = 10
"""Of one reading."""


class Target(NamedTuple):
    """A file with its reader, which returns what it says about it, and a way to damage it."""

    path: Path
    read: Callable[[], object]
    mutate: Callable[[random.Random, bytes], bytes]


class Endless(BaseException):
    """A reading takes longer than anyone waits: no `except Exception` stops it."""


def targets(*, case, content, to_toml, candidate, results, baseline):
    """Return name -> target, each with a whole file."""

    def mutated_case(rng, text):
        if rng.random() < 0.3:
            return mutated_bytes(rng, text)
        try:
            return to_toml(mutated_value(rng, content)).encode()
        except (UnicodeEncodeError, TypeError, AttributeError):  # no TOML can say it
            return mutated_bytes(rng, text)

    config, tensors = candidate.path / "adapter_config.json", candidate.path / "adapter_model.safetensors"
    comma = case.with_name("pairs.csv")
    comma.write_text("text_1,text_2,label,category\n" + 'a,"b, c",1,x\nd,e,0,y\n' * 5, encoding="utf-8")
    beside = results.with_name("pairs-dating.json")
    return {
        "case": Target(case, lambda: read_case(case), mutated_case),
        "rows, JSON Lines": Target(eval_file(case), lambda: read_pairs(eval_file(case)), mutated_lines),
        "rows, CSV": Target(comma, lambda: read_pairs(comma), mutated_bytes),
        "adapter configuration": Target(config, lambda: check_files(candidate).message, mutated_json),
        "safetensors header": Target(tensors, lambda: tensor_shapes(tensors), mutated_tensors),
        "candidate's tensors": Target(tensors, lambda: check_files(candidate).message, mutated_tensors),
        "results.json": Target(results, lambda: read_results(results), mutated_json),
        "pair table": Target(beside, lambda: read_pair_tables(results, read_results(results)), mutated_json),
        "baseline.json": Target(baseline, lambda: read_baseline(baseline), mutated_json),
    }


def eval_file(case):
    """Return the evaluation pairs beside a case file."""
    return case.with_name("eval.jsonl")


def fuzz(target, count, seed):
    """Damage a target's file again and again; return how many were refused, and what went wrong, with its number."""
    whole, refused, faults = target.path.read_bytes(), 0, []
    for number in range(count):
        rng = random.Random(f"{target.path.name}-{seed}-{number}")
        target.path.write_bytes(target.mutate(rng, whole))
        try:
            with _limited():
                said = target.read()
        except HarnessError as error:
            refused, said = refused + 1, str(error)
        except (Exception, Endless) as error:  # noqa: BLE001 - whatever it is, it is a fault
            faults.append(f"{number}: {type(error).__name__}: {str(error)[:300]}")
            continue
        if isinstance(said, str) and len(said) > SCREEN:
            faults.append(f"{number}: a message of {len(said):,} characters: {said[:100]}")
    target.path.write_bytes(whole)
    return refused, faults


@contextmanager
def _limited():
    def stop(*_):
        raise Endless(f"longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
