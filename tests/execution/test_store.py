"""An artefact is built once, whole or not at all, and what was changed since is refused."""

import hashlib
import json
import math
import os
import re
import signal
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from harness.errors import StoreError
from harness.execution import Cost, Step, Store, store, write_whole
from harness.metrics import Number

INPUTS = {"step": "model", "arguments": {"recipe": {"seed": 1}, "base": "abc"}}
COST = Cost(1.5, 20.0)


@dataclass(frozen=True)
class Facts:
    x: int = 1


STEP = Step("model", run=Facts, result=Facts, files=True)
MADE = {"inner/weights.bin", "result.json", "value.txt"}


def build_files(out):
    (out / "inner").mkdir()
    (out / "value.txt").write_text("value", encoding="utf-8")
    (out / "inner" / "weights.bin").write_bytes(b"weights")
    return Facts(), COST


def files_below(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def kept(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def artefact(kept):
    return kept.make(STEP, INPUTS, build_files)


def test_an_artefact_lies_at_its_key_and_is_built_once(kept):
    assert kept.find(STEP, "0" * 64) is None
    assert not kept.root.exists()
    made = kept.make(STEP, INPUTS, build_files)
    assert kept.root / "model" / made.key == made.path == made.verified
    assert (INPUTS, Facts(), COST, MADE) == (made.inputs, made.value, made.cost, set(made.files))
    assert hashlib.sha256(b"weights").hexdigest() == made.files["inner/weights.bin"]
    assert b"weights" == made.file("inner/weights.bin").read_bytes()
    assert made == kept.find(STEP, made.key)
    assert made == Store(kept.root).make(STEP, dict(reversed(INPUTS.items())), pytest.fail)
    assert {f"model/{made.key}/{name}" for name in (*MADE, "manifest.json")} == files_below(kept.root)
    assert made.key != kept.make(STEP, {**INPUTS, "more": None}, build_files).key


def test_the_digest_of_files_does_not_depend_on_what_the_build_measured(tmp_path):
    def digest(root, seconds, weights):
        def build(out):
            if weights is not None:
                (out / "weights.bin").write_bytes(weights)
            return Facts(seconds), Cost(float(seconds))

        return Store(tmp_path / root).make(STEP, INPUTS, build).digest

    assert digest("first", 1, b"w") == digest("slower", 2, b"w") != digest("other", 1, b"v")
    assert digest("bare", 1, None) != digest("other bare", 2, None)


@pytest.mark.parametrize("error", [StoreError, KeyboardInterrupt, None])
def test_a_build_that_fails_leaves_nothing(kept, error):
    def fail(out):
        (out / "half.bin").write_bytes(b"half")
        if error is not None:
            raise error
        return {"x": 1}, COST

    with pytest.raises(error or Exception, match=None if error else "Expected"):
        kept.make(STEP, INPUTS, fail)
    assert set() == files_below(kept.root)
    assert set(kept.make(STEP, INPUTS, build_files).files) == MADE


def test_a_damaged_file_is_refused_with_what_to_do(artefact):
    path = artefact.path / "inner" / "weights.bin"
    kept = f"stored was {hashlib.sha256(b'weights').hexdigest()}; delete {artefact.path} and run again"
    for change, found in ((lambda: path.write_bytes(b"W"), hashlib.sha256(b"W").hexdigest()), (path.unlink, "no file")):
        change()
        for read in (lambda: artefact.file("inner/weights.bin"), lambda: artefact.verified):
            with pytest.raises(StoreError) as caught:
                read()
            assert f"damaged artefact: {path} has sha256 {found}, {kept}" == str(caught.value)
    assert artefact.file("value.txt").is_file()
    with pytest.raises(StoreError, match=r"other\.txt has sha256 no file, stored was no such file; delete "):
        artefact.file("other.txt")


def test_a_bad_manifest_and_a_changed_or_unreadable_result_are_refused(kept, artefact):
    manifest = artefact.path / "manifest.json"
    good = manifest.read_bytes()
    message = rf"^damaged artefact: {re.escape(str(manifest))} \(.+\); delete {re.escape(str(artefact.path))} and run"
    for content in (b"{", b'{"inputs": {}, "cost": {"seconds": 1}}', b"\xff", None):
        manifest.unlink() if content is None else manifest.write_bytes(content)
        with pytest.raises(StoreError, match=message):
            kept.make(STEP, INPUTS, pytest.fail)
    manifest.write_bytes(good.replace(b'"peak_rss_mb": 20.0', b'"peak_rss_mb": 10.0'))  # one flipped bit
    with pytest.raises(StoreError, match=r"manifest\.json was changed: .*; delete .* and run again"):
        kept.find(STEP, artefact.key)
    manifest.write_bytes(good)
    with pytest.raises(StoreError, match=r"damaged artefact: .*result\.json \(.*\); delete .* and run again"):
        kept.find(Step("model", run=int, result=int, files=True), artefact.key)
    (artefact.path / "result.json").write_text('{"x": 2}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"damaged artefact: .*result\.json has sha256 .* and run again"):
        kept.find(STEP, artefact.key)


@dataclass(frozen=True)
class Inner:
    value: Number
    row: tuple[int, Number] = (0, 0.0)


class Result(BaseModel):
    numbers: tuple[Number, ...]
    inner: dict[str, Inner] = {}
    text: str = ""
    maybe: Inner | None = None


FLOATS = st.floats(allow_infinity=False)
INNER = st.builds(Inner, FLOATS, st.tuples(st.integers(), FLOATS))


@given(st.lists(FLOATS, max_size=4), st.dictionaries(st.text(), INNER, max_size=3), st.text(), st.none() | INNER)
def test_a_result_comes_back_as_it_was(numbers, inner, text, maybe):
    codec = Step("any", run=Result, result=Result).codec
    result = Result(numbers=tuple(numbers), inner=inner, text=text, maybe=maybe)
    written = codec.dump_json(result, warnings="error")
    json.loads(written, parse_constant=pytest.fail)  # NaN is no JSON
    assert repr(result) == repr(codec.validate_json(written))
    assert codec.dump_json(Result(numbers=(math.inf, -math.inf))) == codec.dump_json(Result(numbers=(math.nan,) * 2))


IN_A_PROCESS = """
import os, sys
from pathlib import Path
from harness.execution import Cost, Step, Store, store

store.LEASE_SECONDS = float(sys.argv[2])
step = Step("model", run=print, result=int)

def build(out):
    (out / "half.bin").write_bytes(b"half")
    print("building", flush=True)
    sys.stdin.readline()
    return os.getpid(), Cost(0.0)

print("ready", flush=True)
sys.stdin.readline()
told = lambda holder: print(holder, flush=True)
print(Store(Path(sys.argv[1])).make(step, {"a": 1}, build, on_wait=told).value)
"""
ALONE = Step("model", run=int, result=int), {"a": 1}, lambda _: (os.getpid(), COST)


@pytest.fixture
def start(start_script, kept):
    """Starts processes that all build the same artefact; the first line of each that runs on is not read yet."""

    def started(count=1, *, lease=30.0):
        processes = [start_script(IN_A_PROCESS, kept.root, lease) for _ in range(count)]
        for process in processes:
            assert "ready\n" == process.stdout.readline()
        for process in processes:
            process.stdin.write("\n")
            process.stdin.flush()
        return processes

    return started


def test_one_process_builds_and_those_that_wait_are_told_which_and_since_when(kept, start):
    processes = start(3)
    said = {process: process.stdout.readline() for process in processes}
    [builder] = [process for process in processes if said[process] == "building\n"]
    waiting = rf"run {builder.pid}@\S+, since {time.strftime('%Y-%m-')}\d\d \d\d:\d\d:\d\d\n"
    assert 2 == sum(bool(re.fullmatch(waiting, line)) for line in said.values())
    builder.stdin.write("\n")
    builder.stdin.flush()
    assert [(f"{builder.pid}\n", "")] * 3 == [process.communicate(timeout=10) for process in processes]
    assert builder.pid == kept.make(*ALONE).value


def test_a_killed_builder_leaves_no_artefact_and_blocks_nobody(kept, start):
    [process] = start()
    assert "building\n" == process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == process.wait(10)
    assert any(name.endswith("half.bin") for name in files_below(kept.root))
    started = time.monotonic()
    made = kept.make(*ALONE, on_wait=pytest.fail)
    assert time.monotonic() - started < 1
    assert (os.getpid(), {"result.json"}) == (made.value, set(made.files))
    assert {f"model/{made.key}/{name}" for name in ("result.json", "manifest.json")} == files_below(kept.root)


def test_a_suspended_builder_takes_the_result_of_another(kept, start, monkeypatch):
    monkeypatch.setattr(store, "LEASE_SECONDS", 1.0)
    [process] = start(lease=1.0)
    assert "building\n" == process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    made = kept.make(*ALONE)
    process.send_signal(signal.SIGCONT)
    assert (f"{os.getpid()}\n", "") == process.communicate("\n", timeout=10)
    assert os.getpid() == made.value
    assert {f"model/{made.key}/{name}" for name in ("result.json", "manifest.json")} == files_below(kept.root)


def test_write_whole_makes_directories_and_leaves_no_other_file(tmp_path):
    path = tmp_path / "a" / "b" / "file.json"
    for text in ("first", "zweiter Wörtertext"):
        write_whole(path, text)
        assert text == path.read_text(encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert "zweiter Wörtertext" == path.read_text(encoding="utf-8")
    assert [path] == list(path.parent.iterdir())
