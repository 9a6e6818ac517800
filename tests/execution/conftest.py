"""Functions that another process can import, since those of a test module cannot be."""

import importlib
import sys

import pytest

FUNCTIONS = """
import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

from harness.errors import CheckpointError, EncoderError

def train(log, out, progress):
    with Path(log).open("a") as file:
        file.write("start\\n")
        file.flush()
        time.sleep(0.3)
        file.write("end\\n")
    (out / "weights.bin").write_bytes(b"weights")
    progress(1.0, "done")
    return [os.getpid(), os.environ.get("HF_HUB_OFFLINE")]

def report(count, progress):
    for number in range(count):
        progress((number + 1) / count, f"step {number + 1}/{count}")
    return count

def refuse(progress=None):
    raise CheckpointError("model.bin: not the model")

def refuse_with_a_log(progress):
    print("said before")
    print("warned before", file=sys.stderr)
    raise EncoderError("ours.py:3: not today")

def fail(progress):
    print("said before")
    print("warned before", file=sys.stderr)
    raise EOFError("at heart")

def fill_the_disk(error, progress):
    raise {"os": OSError(28, "No space left on device"), "rust": RuntimeError("I/O error (os error 28)")}[error]

def speak_and_die(lines, progress):
    for number in range(lines):
        print("line", number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

def leave(status, progress):
    os._exit(status)

def die_while_answering(progress):
    progress(0.0, str(os.getpid()))
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGKILL)).start()
    return b"x" * 50_000_000

def return_a_lock(progress):
    return threading.Lock()

def allocate(megabytes, progress):
    return float(np.ones(megabytes * 1_000_000, dtype=np.uint8)[-1])

def wait_forever(progress, seconds=600):
    progress(0.0, str(os.getpid()))
    time.sleep(seconds)

def kill_the_worker(progress):
    forkserver = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    os.kill(int(forkserver[1]), signal.SIGKILL)
    time.sleep(60)

def count(number, log, progress):
    with Path(log).open("a") as file:
        file.write(f"{number}\\n")
    return number

def meet(own, directory, progress):
    Path(directory, own).touch()
    for _ in range(5000):  # until another one is there as well: who works in turn waits for all of it
        time.sleep(0.05)
        met = sorted(path.name for path in Path(directory).glob("?") if path.name != own)
        if met:
            import torch

            return [met[0], torch.get_num_threads(), os.getpid()]
    return ["nobody", 0, os.getpid()]

def doubling(factor):
    request = yield None
    while True:
        request = yield (os.getpid(), factor / (1 / request))

def sum_of_ones(size, progress):
    import torch

    return float(torch.ones(size).sum())
"""


@pytest.fixture(scope="session")
def functions(tmp_path_factory):
    directory = tmp_path_factory.mktemp("importable")
    (directory / "functions.py").write_text(FUNCTIONS, encoding="utf-8")
    sys.path.insert(0, str(directory))
    yield importlib.import_module("functions")
    sys.path.remove(str(directory))
    del sys.modules["functions"]
