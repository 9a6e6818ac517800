"""An artefact is built once, whole or not at all, and what was changed since is refused."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator

from harness.errors import StoreError
from harness.execution import Artefact, Cost, Step, Store, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INPUTS = {"step": "model", "arguments": {"recipe": {"seed": 1}, "base": "abc"}}
COST = Cost(1.5, 20.0)


@dataclass(frozen=True)
class Facts:
    x: int = 1


def unused(**_: Any) -> Facts:
    raise NotImplementedError


STEP = Step("model", run=unused, result=Facts, files=True)
MADE = {"inner/weights.bin", "result.json", "value.txt"}


def build_files(out: Path) -> tuple[Facts, Cost]:
    (out / "inner").mkdir()
    (out / "value.txt").write_text("value", encoding="utf-8")
    (out / "inner" / "weights.bin").write_bytes(b"weights")
    return Facts(), COST


def must_not_build(_out: Path) -> tuple[Facts, Cost]:
    pytest.fail("built again")


def files_below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def artefact(store: Store) -> Artefact[Facts]:
    return store.make(STEP, INPUTS, build_files)


def test_an_artefact_lies_at_its_key_and_is_built_once(store: Store) -> None:
    assert store.find(STEP, "0" * 64) is None
    assert not store.root.exists()
    made = store.make(STEP, INPUTS, build_files)
    assert store.root / "model" / made.key == made.path
    assert (INPUTS, Facts(), COST) == (made.inputs, made.value, made.cost)
    assert set(made.files) == MADE
    assert hashlib.sha256(b"weights").hexdigest() == made.files["inner/weights.bin"]
    assert b"weights" == made.file("inner/weights.bin").read_bytes()
    assert made.path == made.verified()
    assert made == store.find(STEP, made.key)
    assert made == Store(store.root).make(STEP, dict(reversed(INPUTS.items())), must_not_build)
    assert {f"model/{made.key}/{name}" for name in (*MADE, "manifest.json")} == files_below(store.root)
    assert made.key != store.make(STEP, {**INPUTS, "more": None}, build_files).key


def test_the_digest_of_files_does_not_depend_on_what_the_build_measured(tmp_path: Path) -> None:
    def make(root: str, *, seconds: int, weights: bytes) -> Artefact[Facts]:
        def build(out: Path) -> tuple[Facts, Cost]:
            (out / "weights.bin").write_bytes(weights)
            return Facts(seconds), Cost(float(seconds))

        return Store(tmp_path / root).make(STEP, INPUTS, build)

    first, slower, other = (
        make("1", seconds=1, weights=b"w"),
        make("2", seconds=2, weights=b"w"),
        make("3", seconds=1, weights=b"v"),
    )
    assert first.digest == slower.digest != other.digest
    bare = [Store(tmp_path / f"bare{x}").make(STEP, INPUTS, lambda _, x=x: (Facts(x), COST)) for x in (1, 2)]
    assert bare[0].digest != bare[1].digest


@pytest.mark.parametrize("error", [ZeroDivisionError, StoreError, OSError, KeyboardInterrupt])
def test_a_build_that_fails_leaves_nothing_and_the_next_one_starts_afresh(
    store: Store, error: type[BaseException]
) -> None:
    def fail(out: Path) -> tuple[Facts, Cost]:
        (out / "half.bin").write_bytes(b"half")
        raise error

    with pytest.raises(error):
        store.make(STEP, INPUTS, fail)
    assert set() == files_below(store.root)
    assert set(store.make(STEP, INPUTS, build_files).files) == MADE


def test_a_result_of_another_type_leaves_no_artefact(store: Store) -> None:
    for value in (Facts("one"), {"x": 1}):  # type: ignore[arg-type]
        with pytest.raises(Exception, match="Expected"):
            store.make(STEP, INPUTS, lambda _, value=value: (value, COST))
    assert set() == files_below(store.root)


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (lambda path: path.write_bytes(b"Weights"), hashlib.sha256(b"Weights").hexdigest()),
        (lambda path: os.truncate(path, 3), hashlib.sha256(b"wei").hexdigest()),
        (lambda path: path.unlink(), "no file"),
        (lambda path: (path.unlink(), path.mkdir()), "no file"),
    ],
    ids=["changed", "truncated", "missing", "a-directory"],
)
def test_a_damaged_file_is_refused_with_what_to_do(
    artefact: Artefact[Facts], damage: Callable[[Path], Any], found: str
) -> None:
    path = artefact.path / "inner" / "weights.bin"
    damage(path)
    expected = (
        f"damaged artefact: {path} has sha256 {found}, stored was {hashlib.sha256(b'weights').hexdigest()}; "
        f"delete {artefact.path} and run again"
    )
    for read in (lambda: artefact.file("inner/weights.bin"), artefact.verified):
        with pytest.raises(StoreError) as caught:
            read()
        assert expected == str(caught.value)
    assert artefact.file("value.txt").is_file()
    with pytest.raises(StoreError, match=r"other\.txt has sha256 no file, stored was no such file; delete "):
        artefact.file("other.txt")


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"inputs": {}, "cost": {"seconds": 1}}', b"\xff"])
def test_a_bad_manifest_is_refused_with_what_to_do(
    store: Store, artefact: Artefact[Facts], content: bytes | None
) -> None:
    manifest = artefact.path / "manifest.json"
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    message = rf"^damaged artefact: {re.escape(str(manifest))} \(.+\); delete {re.escape(str(artefact.path))} and run"
    with pytest.raises(StoreError, match=message):
        store.make(STEP, INPUTS, must_not_build)


def test_a_changed_result_is_refused(store: Store, artefact: Artefact[Facts]) -> None:
    (artefact.path / "result.json").write_text('{"x": 2}', encoding="utf-8")
    with pytest.raises(StoreError, match=r"damaged artefact: .*result\.json has sha256 .* and run again"):
        store.find(STEP, artefact.key)


def test_a_result_that_the_code_no_longer_reads_is_refused(store: Store, artefact: Artefact[Facts]) -> None:
    with pytest.raises(StoreError, match=r"damaged artefact: .*result\.json \(.*\); delete .* and run again"):
        store.find(Step("model", run=unused, result=int, files=True), artefact.key)


# --- the codec --------------------------------------------------------------------------------------------------------

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


@dataclass(frozen=True)
class Inner:
    value: Number
    row: tuple[int, Number] = (0, 0.0)


class Result(BaseModel):
    numbers: tuple[Number, ...]
    inner: dict[str, Inner] = {}
    text: str = ""
    maybe: Inner | None = None


FLOATS = st.floats()
INNER = st.builds(Inner, FLOATS, st.tuples(st.integers(), FLOATS))
FIELDS = {
    "numbers": st.lists(FLOATS, max_size=4).map(tuple),
    "inner": st.dictionaries(st.text(), INNER, max_size=3),
    "text": st.text(),
    "maybe": st.none() | INNER,
}


def nan_for_infinite(value: Any) -> Any:
    if isinstance(value, Inner):
        return Inner(*nan_for_infinite((value.value, value.row)))
    if isinstance(value, tuple):
        return tuple(map(nan_for_infinite, value))
    if isinstance(value, dict):
        return {key: nan_for_infinite(item) for key, item in value.items()}
    return math.nan if isinstance(value, float) and math.isinf(value) else value


@given(st.fixed_dictionaries(FIELDS))
def test_a_result_comes_back_as_it_was_with_nan_for_what_is_not_finite(fields: dict[str, Any]) -> None:
    codec = Step("any", run=unused, result=Result).codec
    written = codec.dump_json(Result(**fields), warnings="error")
    json.loads(written, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    again = codec.validate_json(written)
    assert repr(Result(**nan_for_infinite(fields))) == repr(again)
    assert written == codec.dump_json(again)


# --- several processes ------------------------------------------------------------------------------------------------

IN_A_PROCESS = """
import os, sys, time
from pathlib import Path
from harness.execution import Cost, Step, Store, locks

step = Step("model", run=print, result=int)
store = Store(Path(sys.argv[1]))

def build(out):
    (out / "half.bin").write_bytes(b"half")
    with Path(sys.argv[2]).open("a") as log:
        log.write(f"{os.getpid()}\\n")
    print("building", flush=True)
    sys.stdin.readline()
    (out / "whole.bin").write_bytes(b"whole")
    return os.getpid(), Cost(0.0)

def make():
    return store.make(step, {"a": 1}, build, on_wait=lambda holder: print(holder, flush=True))
"""
NUMBER = Step("model", run=unused, result=int)


def number_of(store: Store, *, on_wait: Callable[[str], None] = lambda _: None) -> Artefact[int]:
    return store.make(NUMBER, {"a": 1}, lambda _: (os.getpid(), COST), on_wait=on_wait)


def test_processes_that_want_the_same_artefact_build_it_once(store: Store, tmp_path: Path, start_script: Any) -> None:
    source = IN_A_PROCESS + 'print("ready", flush=True); sys.stdin.readline(); print(make().value)'
    processes = [start_script(source, store.root, tmp_path / "log") for _ in range(3)]
    for process in processes:
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        process.stdin.write("\n\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=20) for process in processes]
    builder = (tmp_path / "log").read_text(encoding="utf-8")
    assert 1 == len(builder.splitlines())
    assert [""] * 3 == [error for _, error in answers]
    assert {builder} == {said.splitlines(keepends=True)[-1] for said, _ in answers}


def test_a_run_that_waits_is_told_for_whom_and_since_when(store: Store, tmp_path: Path, start_script: Any) -> None:
    source = IN_A_PROCESS + "make()"
    first = start_script(source, store.root, tmp_path / "log")
    assert "building\n" == first.stdout.readline()
    second = start_script(source, store.root, tmp_path / "log")
    said = second.stdout.readline()
    assert re.fullmatch(rf"run {first.pid}@\S+, since {time.strftime('%Y-%m-')}\d\d \d\d:\d\d:\d\d\n", said)
    first.communicate("\n", timeout=10)
    assert ("", "") == second.communicate(timeout=10)
    assert first.pid == number_of(store).value


def test_a_killed_builder_leaves_no_artefact_and_blocks_nobody(store: Store, tmp_path: Path, start_script: Any) -> None:
    process = start_script(IN_A_PROCESS + "make()", store.root, tmp_path / "log")
    assert "building\n" == process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == process.wait(10)
    assert any(name.endswith("half.bin") for name in files_below(store.root))
    started, waited = time.monotonic(), []
    made = number_of(store, on_wait=waited.append)
    assert time.monotonic() - started < 1
    assert [] == waited
    assert (os.getpid(), {"result.json"}) == (made.value, set(made.files))
    assert {f"model/{made.key}/{name}" for name in ("result.json", "manifest.json")} == files_below(store.root)


def test_a_suspended_builder_is_taken_over_and_takes_the_result_of_the_other(
    store: Store, tmp_path: Path, start_script: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.execution.locks.LEASE_SECONDS", 1.0)
    source = IN_A_PROCESS + "locks.LEASE_SECONDS = 1.0; print(make().value)"
    process = start_script(source, store.root, tmp_path / "log")
    assert "building\n" == process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    made = number_of(store)
    process.send_signal(signal.SIGCONT)
    assert (f"{os.getpid()}\n", "") == process.communicate("\n", timeout=10)
    assert os.getpid() == made.value
    assert {f"model/{made.key}/{name}" for name in ("result.json", "manifest.json")} == files_below(store.root)


# --- write_whole ------------------------------------------------------------------------------------------------------


def test_write_whole_makes_directories_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    for text in ("first", "zweiter Wörtertext"):
        write_whole(path, text)
        assert text == path.read_text(encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert "zweiter Wörtertext" == path.read_text(encoding="utf-8")
    assert [path] == list(path.parent.iterdir())
