"""An artefact is built once, whole or not at all, and what was changed since is refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import StoreError
from harness.store import Store, digest_of, directory_digests, file_digest, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.store import Artefact

INPUTS = {"recipe": {"seed": 1}, "base": "abc"}


def build_two_files(out: Path) -> dict[str, Any]:
    (out / "inner").mkdir()
    (out / "value.json").write_text('{"x": 1}', encoding="utf-8")
    (out / "inner" / "weights.bin").write_bytes(b"weights")
    return {"seconds": 1.5}


def must_not_build(_out: Path) -> dict[str, Any]:
    pytest.fail("built again")


def everything_below(root: Path) -> list[str]:
    found = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return sorted(name for name in found if name != "lock")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def artefact(store: Store) -> Artefact:
    return store.make("model", INPUTS, build_two_files)


def test_nothing_is_found_before_it_is_built(store: Store) -> None:
    assert store.find("model", INPUTS) is None
    assert not store.root.exists()


def test_an_artefact_lies_at_its_key_with_inputs_and_facts_and_digests(store: Store, artefact: Artefact) -> None:
    assert store.root / "model" / artefact.key == artefact.path
    assert (INPUTS, {"seconds": 1.5}) == (artefact.inputs, artefact.facts)
    assert {
        "value.json": hashlib.sha256(b'{"x": 1}').hexdigest(),
        "inner/weights.bin": hashlib.sha256(b"weights").hexdigest(),
    } == artefact.files
    assert {"x": 1} == artefact.read_json("value.json")
    assert b"weights" == artefact.file("inner/weights.bin").read_bytes()
    assert artefact.path == artefact.verified()
    assert artefact == store.find("model", INPUTS)


def test_the_second_call_builds_nothing(store: Store, artefact: Artefact) -> None:
    assert artefact == store.make("model", INPUTS, must_not_build)
    assert artefact == Store(store.root).make("model", dict(reversed(INPUTS.items())), must_not_build)


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [("model", {**INPUTS, "base": "abd"}), ("model", {**INPUTS, "more": None}), ("embeddings", INPUTS)],
    ids=["other-value", "more-inputs", "other-kind"],
)
def test_other_inputs_are_another_artefact(store: Store, artefact: Artefact, kind: str, inputs: dict[str, Any]) -> None:
    assert store.find(kind, inputs) is None
    assert artefact.key != store.make(kind, inputs, build_two_files).key


def test_a_build_that_fails_leaves_nothing(store: Store) -> None:
    def fail(out: Path) -> dict[str, Any]:
        build_two_files(out)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.make("model", INPUTS, fail)
    assert store.find("model", INPUTS) is None
    assert [] == everything_below(store.root)


def test_a_build_whose_facts_are_no_json_leaves_no_artefact(store: Store) -> None:
    with pytest.raises(TypeError, match="JSON"):
        store.make("model", INPUTS, lambda _: {"bad": object()})
    assert store.find("model", INPUTS) is None


def test_after_a_failed_build_the_next_one_starts_from_an_empty_directory(store: Store) -> None:
    def fail(out: Path) -> dict[str, Any]:
        (out / "half.bin").write_bytes(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.make("model", INPUTS, fail)
    made = store.make("model", INPUTS, build_two_files)
    assert {"value.json", "inner/weights.bin"} == set(made.files)
    assert [] == [name for name in everything_below(store.root) if not name.startswith("model")]


BUILD_AND_HANG = """
import sys, time
from pathlib import Path
from harness.store import Store

def build(out):
    (out / "half.bin").write_bytes(b"half")
    print("building", flush=True)
    time.sleep(60)

Store(Path(sys.argv[1])).make("model", {"recipe": {"seed": 1}, "base": "abc"}, build)
"""


def test_a_build_that_is_killed_leaves_no_artefact_and_the_next_run_builds(
    store: Store, start_script: Callable[..., Any]
) -> None:
    process = start_script(BUILD_AND_HANG, store.root)
    assert "building\n" == process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    assert -signal.SIGKILL == process.wait(10)
    assert store.find("model", INPUTS) is None
    made = store.make("model", INPUTS, build_two_files)
    assert {"value.json", "inner/weights.bin"} == set(made.files)
    assert sorted(["model", f"model/{made.key}", *(f"model/{made.key}/{name}" for name in MADE)]) == (
        everything_below(store.root)
    )


MADE = ("inner", "inner/weights.bin", "manifest.json", "value.json")

BUILD_AND_COUNT = """
import os, sys, time
from pathlib import Path
from harness.store import Store

root, log = map(Path, sys.argv[1:3])

def build(out):
    with log.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    (out / "file").write_text("content")
    time.sleep(0.3)
    return {}

print("ready", flush=True)
sys.stdin.readline()
print(Store(root).make("model", {}, build).key)
"""


def test_processes_that_want_the_same_artefact_build_it_once(
    store: Store, tmp_path: Path, start_script: Callable[..., Any]
) -> None:
    processes = [start_script(BUILD_AND_COUNT, store.root, tmp_path / "log") for _ in range(3)]
    for process in processes:
        assert "ready\n" == process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=20) for process in processes]
    found = store.find("model", {})
    assert found is not None
    assert [(f"{found.key}\n", "")] * 3 == answers
    assert 1 == len((tmp_path / "log").read_text(encoding="utf-8").splitlines())


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
    artefact: Artefact, damage: Callable[[Path], Any], found: str
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
    assert {"x": 1} == artefact.read_json("value.json")


def test_a_file_that_was_never_stored_is_damage_too(artefact: Artefact) -> None:
    with pytest.raises(StoreError, match=r"other\.json has sha256 no file, stored was no such file; delete "):
        artefact.file("other.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"inputs": {}, "facts": {}}', b"\xff"],
    ids=["empty", "half", "list", "null", "number", "no-keys", "no-files", "not-utf-8"],
)
def test_a_bad_manifest_is_refused_with_what_to_do(store: Store, artefact: Artefact, content: bytes) -> None:
    (artefact.path / "manifest.json").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        store.make("model", INPUTS, must_not_build)
    assert str(caught.value).startswith(f"damaged artefact: {artefact.path / 'manifest.json'} (")
    assert str(caught.value).endswith(f"); delete {artefact.path} and run again")


def test_a_missing_manifest_is_refused(store: Store, artefact: Artefact) -> None:
    (artefact.path / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"damaged artefact: .*manifest\.json .*delete .* and run again"):
        store.find("model", INPUTS)


def test_the_lock_can_be_taken_again_by_its_holder(store: Store) -> None:
    with store.locked():
        assert {"value.json", "inner/weights.bin"} == set(store.make("model", INPUTS, build_two_files).files)


def test_a_read_only_store_finds_but_never_builds(store: Store, artefact: Artefact) -> None:
    read_only = Store(store.root, read_only=True)
    assert artefact == read_only.make("model", INPUTS, must_not_build)
    with pytest.raises(StoreError, match="no such model was built"):
        read_only.make("model", {}, must_not_build)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_keys(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert digest_of(value) == digest_of({key: value[key] for key in keys})


@given(json_values, json_values)
def test_digests_differ_exactly_where_the_json_does(first: Any, second: Any) -> None:
    same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
    assert same == (digest_of(first) == digest_of(second))


def test_a_file_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00" * 100_000)
    assert hashlib.sha256(b"\x00" * 100_000).hexdigest() == file_digest(tmp_path / "file")


def test_the_digests_of_a_directory_are_those_of_its_files_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "inner" / "empty").mkdir(parents=True)
    for name in (".hidden", "b.txt", "inner/a.json"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    expected = {name: hashlib.sha256(name.encode()).hexdigest() for name in (".hidden", "b.txt", "inner/a.json")}
    assert list(expected.items()) == list(directory_digests(tmp_path).items())
    counting = directory_digests(tmp_path, counts=lambda name: name.endswith("a.json"))
    assert {"inner/a.json": expected["inner/a.json"]} == counting


def test_write_whole_makes_directories_and_leaves_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    for text in ("first", "zweiter Wörtertext"):
        write_whole(path, text)
        assert text == path.read_text(encoding="utf-8")
    assert [path] == list(path.parent.iterdir())


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "new \ud800")
    assert "old" == path.read_text(encoding="utf-8")
    assert [path] == list(tmp_path.iterdir())
