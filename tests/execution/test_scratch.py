"""Temporary files go with their run, or where it was killed with the next one; their paths are short."""

import signal
from pathlib import Path

import pytest

from harness.execution import scratch

SOURCE = """
import os, sys
from harness.execution import scratch

made = scratch.scratch()
(made / "left").touch()
print(made, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def start(start_script, tmp_path, monkeypatch):
    directory = tmp_path / "t"
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    monkeypatch.setattr("harness.execution.scratch._LONGEST", 1000)
    return directory, lambda: start_script(SOURCE.replace("made =", "scratch._LONGEST = 1000; made ="))


def test_a_killed_runs_temporary_files_go_with_the_next_run_and_those_of_a_living_one_stay(start):
    directory, run = start
    others = {"harness-elsewhere-1-x", "other"}  # the first is another machine's, on a shared directory
    for name in others:
        (directory / name).mkdir()

    def made(process):
        return Path(process.stdout.readline().strip()).name

    def names():
        return {path.name for path in directory.iterdir()} - others

    living, killed = run(), run()
    first, left = made(living), made(killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    assert {first, left} == names()
    third = run()
    assert {first, made(third)} == names()
    for process in (living, third):
        assert ("", "") == process.communicate(timeout=10)
    assert set() == names()
    assert all((directory / name).is_dir() for name in others)


def test_what_a_killed_run_left_goes_also_where_no_directory_is_needed(start, monkeypatch):
    directory, run = start
    killed = run()
    left = Path(killed.stdout.readline().strip())
    killed.send_signal(signal.SIGKILL)
    killed.wait(10)
    monkeypatch.setattr("tempfile.tempdir", str(directory))
    assert left.is_dir()
    scratch.remove_left()
    assert not left.exists()


def test_a_long_temporary_directory_is_no_obstacle(tmp_path, start_script, monkeypatch):
    """Sockets have short paths only."""
    directory = tmp_path / ("x" * 100)
    directory.mkdir()
    monkeypatch.setenv("TMPDIR", str(directory))
    process = start_script(SOURCE)
    made = process.stdout.readline().strip()
    assert len(made) < 60
    process.communicate(timeout=10)
    assert not Path(made).exists()
