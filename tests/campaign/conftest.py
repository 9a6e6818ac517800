"""The project that runs are killed in, and the table of what was tried."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.execution import write_whole
from harness.report.github import table as markdown_table

from ..tables import written
from .crashes import LOGS_BUILDS, Trial

HEAD = """\
# Runs that are killed, disturbed and starved

Full runs and gate runs of a tiny case, killed or interrupted at moments drawn from a seed, run side by side on one
store, or left without disk, permission or time. The outcome is right where the next undisturbed run has the same
verdicts (outcome, observed and reference value) as one that was never disturbed, every artefact in the store is whole,
the stored baselines are byte-identical, and no process and no temporary file is left; the reason is right where
the disturbed run itself says what happened, without a traceback. `make campaign` tries it again and writes this page.

"""


class Table:
    """How often what was tried came out right."""

    def __init__(self):
        self._rows: dict[str, list[tuple[bool, bool]]] = {}

    def add(self, kind, outcome, reason):
        """Add one try."""
        self._rows.setdefault(kind, []).append((outcome, reason))

    def write(self, path):
        """Write the page."""
        rows = [
            (kind, str(len(tried)), str(sum(outcome for outcome, _ in tried)), str(sum(reason for _, reason in tried)))
            for kind, tried in self._rows.items()
        ]
        lines = markdown_table(("disturbance", "tried", "right outcome", "right reason"), rows)
        write_whole(path, HEAD + "\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def table():
    """The rows, written to the file that the variable `CAMPAIGN_TABLE` names."""
    rows = Table()
    yield from written("CAMPAIGN_TABLE", rows, rows.write)


@pytest.fixture
def temporary():
    """A temporary directory with a short path: below a long one the harness makes none."""
    path = Path(tempfile.mkdtemp(prefix="camp", dir="/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory, repository, tiny_run, write_case, tiny_content):
    """A project with baseline, candidate and store, the verdicts of an undisturbed run, and the seconds that one takes.

    That one trains nothing, but makes every analysis. The store of the project then holds all of it.
    """
    from harness.run import update_baseline

    path = tmp_path_factory.mktemp("whole") / "project"
    update_baseline(tiny_run, path / "baselines" / "tiny" / "baseline.json", None)
    shutil.copytree(repository / "evals", path / "evals")
    shutil.copytree(tiny_run.ctx.store.root, path / ".harness" / "store")
    shutil.copytree(tiny_run.training("lora").path, path / "candidate")
    for own in ("manifest.json", "result.json"):
        (path / "candidate" / own).unlink()
    write_case(path / "fixtures" / "tiny", tiny_content())
    (path / "pytest.ini").write_text("[pytest]\n")
    (path / "conftest.py").write_text(LOGS_BUILDS)
    temporary = Path(tempfile.mkdtemp(prefix="camp", dir="/tmp"))
    undisturbed = Trial(path, path.with_name("undisturbed"), temporary)
    started = time.monotonic()
    status, said = undisturbed.run()
    seconds = time.monotonic() - started
    assert status == 0, said
    shutil.copytree(undisturbed.store, path / ".harness" / "store", dirs_exist_ok=True)
    shutil.rmtree(temporary)
    return SimpleNamespace(path=path, verdicts=undisturbed.verdicts(), seconds=seconds, lines=said.count("\n"))


@pytest.fixture
def trial(whole, tmp_path, temporary):
    """A copy of the project; whatever still runs in the end is killed."""
    made = Trial(whole.path, tmp_path / "project", temporary)
    yield made
    for pid in made.processes():
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
