"""Functions that another process can import, since those of a test module cannot be."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = """
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from harness.errors import CheckpointError


def add(first, second):
    time.sleep(0.05)
    return {"sum": first + second, "pid": os.getpid(), "offline": os.environ.get("HF_HUB_OFFLINE")}


def report(count, progress):
    for number in range(count):
        progress((number + 1) / count, f"step {number + 1}/{count}")
    return count


def refuse():
    raise CheckpointError("model.bin: not the model")


def fail(name):
    print("said before", flush=True)
    print("warned before", file=sys.stderr, flush=True)
    raise {"ZeroDivisionError": ZeroDivisionError, "EOFError": EOFError, "KeyError": KeyError}[name]("at heart")


def speak_and_die(lines):
    for number in range(lines):
        print("line", number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


def leave(status):
    os._exit(status)


def die_while_answering(progress):
    progress(0.0, str(os.getpid()))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return b"x" * 50_000_000


def return_a_lock():
    return threading.Lock()


def allocate(megabytes):
    return float(np.ones(megabytes * 1_000_000, dtype=np.uint8)[-1])


def wait_forever(progress):
    progress(0.0, str(os.getpid()))
    time.sleep(600)


def take_a_while(log, out, progress):
    with Path(log).open("a") as file:
        file.write("start\\n")
        file.flush()
        time.sleep(0.3)
        file.write("end\\n")
    (out / "weights.bin").write_bytes(b"weights")
    progress(1.0, "done")
    return os.getpid()


def doubling(first):
    request = yield None
    while True:
        request = yield (os.getpid(), first * request)


def dividing():
    request = yield None
    while True:
        request = yield 1 / request


def refusing_to_start():
    raise CheckpointError("model.bin: not the model")
    yield None


def dying():
    request = yield None
    os.kill(os.getpid(), signal.SIGKILL)
    yield None
"""


@pytest.fixture(scope="session")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("importable")
    (directory / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
    sys.path.insert(0, str(directory))
    yield importlib.import_module("functions")
    sys.path.remove(str(directory))
    del sys.modules["functions"]
