"""Runs without disk, without permission, at another time: one clear error, or the same verdicts."""

import os
import shutil
import subprocess
import time

import pytest

from .crashes import end, wait_for

pytestmark = pytest.mark.campaign

_IN_NAMESPACE = ("unshare", "-rm", "sh", "-c")
UNPRIVILEGED = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override") if os.getuid() == 0 else ()
"""Root may write everywhere; without this capability it may not."""

FULL = """
cp -r {0} kept && mount -t tmpfs -o size=$(du -sk kept | cut -f1)k,nr_inodes=0 tmpfs {0} && cp -r kept/. {0}
exec "$@"
"""
READ_ONLY = 'mount --bind {0} {0} && mount -o remount,ro,bind {0} && exec "$@"'


def mounted(script, directory):
    """Return the front of a command that runs with another mount, which goes when it ends."""
    front = (*_IN_NAMESPACE, script.format(directory), "sh")
    tried = subprocess.run([*_IN_NAMESPACE, "mount -t tmpfs tmpfs /mnt"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("no mount namespace here")
    return front


def judged(trial, whole, table, kind, status, said):
    """Note what a starved run did: it must fail, in words; what it left must be whole and the next run the same."""
    wrong = [*trial.faults(), *([] if status not in (0, None) else [f"status {status}"])]
    again, later = trial.run()
    wrong += [] if again == 0 and trial.verdicts() == whole.verdicts else [f"the next run: {again}: {later[-2000:]}"]
    wrong += [*trial.faults(), *trial.leftovers()]
    clear = "Traceback" not in said and "INTERNALERROR" not in said and said.count("\n") < 200
    table.add(kind, not wrong, clear)
    assert not wrong, said[-3000:]
    assert clear, said[-6000:]


def test_a_disk_that_is_full(whole, trial, table):
    trial.forget("model", "embeddings")
    status, said = trial.run(before=mounted(FULL, ".harness"))
    assert "No space left on device" in said, said[-3000:]
    judged(trial, whole, table, "a full disk below the store", status, said)


@pytest.mark.parametrize("directory", [".harness", "reports"])
def test_a_directory_that_is_only_read(whole, trial, table, directory):
    (trial.path / directory).mkdir(exist_ok=True)
    trial.forget("embeddings")
    status, said = trial.run(before=mounted(READ_ONLY, directory))
    assert f"{directory}: cannot be written to (Read-only file system)" in said, said[-3000:]
    judged(trial, whole, table, f"a read-only {directory}", status, said)


def test_permission_that_is_lost_in_the_middle(whole, trial, table):
    trial.forget("model", "embeddings")
    process = trial.start(before=UNPRIVILEGED)
    assert wait_for(lambda: "train tiny-" in process.log.read_text(errors="replace"), process)
    directories = [path for path in (trial.path / ".harness").rglob("*") if path.is_dir()]
    for path in directories:
        path.chmod(0o555)
    status = process.wait(240)
    for path in directories:
        if path.exists():
            path.chmod(0o755)
    judged(trial, whole, table, "permission lost in the middle", status, process.log.read_text(errors="replace"))


@pytest.mark.parametrize("seconds", [-20 * 365 * 86_400, 86_400], ids=["past", "future"])
def test_a_clock_that_jumped(whole, trial, table, seconds):
    """Also the locks of a run that was killed are of that time."""
    trial.forget("model", "embeddings")
    process = trial.start()
    assert wait_for(lambda: "train tiny-" in process.log.read_text(errors="replace"), process)
    end(process)
    for path in (trial.path / ".harness").rglob("*"):
        os.utime(path, (time.time() + seconds,) * 2)
    status, said = trial.run()
    same = status == 0 and trial.verdicts() == whole.verdicts
    wrong = [*trial.faults(), *trial.leftovers()]
    table.add("a clock that jumped, and a dead holder's locks", same and not wrong, "Traceback" not in said)
    assert same, said[-3000:]
    assert not wrong


def test_a_store_of_another_version(whole, trial, table):
    """Its keys are others: nothing of it is found, and nothing of it is touched."""
    shutil.copytree(trial.store, trial.path / "other")
    with (trial.path / "conftest.py").open("a") as conftest:
        conftest.write("\nimport harness.execution.context as context\n\ncontext.STORE_FORMAT += 1\n")
    status, said = trial.run("-k", "metric")
    same = all(found == whole.verdicts[key] for key, found in trial.verdicts().items())
    kept = list((trial.path / "other").rglob("result.json"))
    untouched = all(
        (trial.store / path.relative_to(trial.path / "other")).read_bytes() == path.read_bytes() for path in kept
    )
    wrong = trial.faults()
    table.add("a store of another version", status == 0 and same and untouched and not wrong, "Traceback" not in said)
    assert (status, same, untouched, wrong) == (0, True, True, []), said[-3000:]
    assert any(build.startswith("model ") for build in trial.builds())
