"""The exit status of a command says one thing, whatever becomes of its words: 1 is a regression and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

from harness.cli import COMMANDS, main

SCORES = [(0.5 + 0.005 * row, 1) for row in range(40)] + [(0.4 - 0.003 * row, 0) for row in range(40)]


def compare(*paths, stdout, **environment):
    command = [sys.executable, "-m", "harness", "compare", *map(str, paths)]
    found = subprocess.run(
        command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, env={**os.environ, **environment}
    )
    return found.returncode, found.stderr


def test_a_closed_pipe_a_full_disk_and_a_narrow_terminal_change_no_status(tmp_path):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("score,label\n" + "".join(f"{score},{label}\n" for score, label in SCORES), encoding="utf-8")
    bad.write_text("score,label\n" + "".join(f"{-score},{label}\n" for score, label in SCORES), encoding="utf-8")
    for second, status in ((good, 0), (bad, 1)):
        read, write = os.pipe()
        os.close(read)
        assert (status, "") == compare(good, second, stdout=write)
        os.close(write)
        with Path(os.devnull).open("w", encoding="utf-8") as stdout:
            assert (status, "") == compare(good, second, stdout=stdout, PYTHONIOENCODING="ascii")
        with Path("/dev/full").open("w", encoding="utf-8") as full:
            assert (status or 2, "cannot write: No space left on device\n") == compare(good, second, stdout=full)


def test_a_bug_is_no_regression(monkeypatch, capsys):
    def broken(_):
        raise ZeroDivisionError("as if")

    monkeypatch.setitem(COMMANDS, "compare", COMMANDS["compare"]._replace(run=broken))
    assert 2 == main(["compare", "a", "b"])
    assert "ZeroDivisionError: as if" in capsys.readouterr().err
