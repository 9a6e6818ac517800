"""`embedding-harness store`: sizes by step, and the removal of what no run used for long."""

import os
import time

import pytest

from harness.cli import main
from harness.execution import MODEL, Context, InlineExecutor, Step, Store


def made(out, size, progress):
    del progress
    (out / "weights.bin").write_bytes(b"x" * size)
    return size


TRAIN = Step("train", run=made, result=int, resource=MODEL, files=True, revision=1)


@pytest.fixture
def ctx(tmp_path, write_case, tiny_content, monkeypatch):
    write_case(tmp_path / "fixtures" / "tiny", tiny_content())
    monkeypatch.chdir(tmp_path)
    return Context(Store(tmp_path / ".harness" / "store"), InlineExecutor())


def test_what_was_not_used_for_long_is_removed_and_made_again_where_it_is_needed(ctx, capsys):
    old, used = (ctx.artefact(TRAIN, size=size).path for size in (2_000_000, 3_000_000))
    for path in (old, used):
        os.utime(path / "manifest.json", (time.time() - 40 * 86_400,) * 2)
    assert 3_000_000 == Context(ctx.store, ctx.executor).run(TRAIN, size=3_000_000)  # another run uses it
    assert 0 == main(["store"])
    assert "2 results, 5.0 MB in " in capsys.readouterr().out
    assert 0 == main(["store", "prune"])
    shown = capsys.readouterr().out.splitlines()
    assert "removed: 1 result, 2.0 MB that no run used for 30 days" == shown[0]
    assert ["train", "1", "3.0"] == shown[2].split()[:3]
    assert (False, True) == (old.exists(), used.exists())
    assert 0 == main(["store", "prune", "--days", "0"])
    assert capsys.readouterr().out.endswith(f"0 results, 0.0 MB in {ctx.store.root}\n")
    assert 2_000_000 == Context(ctx.store, ctx.executor).run(TRAIN, size=2_000_000)


@pytest.mark.parametrize("days", ["-1", "nan", "many"])
def test_a_number_of_days_that_is_none_is_a_usage_error(ctx, capsys, days):
    with pytest.raises(SystemExit, match="2"):
        main(["store", "prune", "--days", days])
    assert f"--days: got '{days}', expected a number of days" in capsys.readouterr().err
