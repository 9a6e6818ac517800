"""A small project for the crash campaign, and the table of what the campaign found."""

import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from harness.execution import write_whole
from harness.report.github import table

from .crashes import Project, verdicts

HEAD = """\
# Crash campaign

Runs of a small case are killed at random moments, interrupted, run side by side, and given a disk that is full or only read. Every
time the next run must give the same verdicts to the last bit, with nothing half-written in the store, no process left, nothing left in
the temporary directory, and the stored baseline as it was. `make campaign` does all of it, and writes this file; `make test` a few.

"""


@pytest.fixture(scope="session")
def campaign_table():
    """Collects what was tried, and writes it to the file that the variable `CAMPAIGN_TABLE` names."""
    rows: dict[str, list[bool]] = defaultdict(list)
    yield lambda kind, right: rows[kind].append(right)
    if os.environ.get("CAMPAIGN_TABLE"):
        lines = table(("what", "tried", "right"), ((kind, str(len(r)), str(sum(r))) for kind, r in rows.items()))
        write_whole(Path(os.environ["CAMPAIGN_TABLE"]), HEAD + "\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, write_case, tiny_content, tiny_run):
    """A project with a baseline and a full store, and the verdicts of a run that nothing disturbed."""
    from harness.run import update_baseline

    path = tmp_path_factory.mktemp("campaign") / "project"
    case = write_case(path / "fixtures" / "tiny", tiny_content())
    update_baseline(tiny_run, path / "baselines" / "tiny" / "baseline.json", None)
    project = Project(path, ("--case", str(case), "--jobs", "2", "-p", "no:cacheprovider"))
    status, output = project.run()
    assert status == 0, output
    shutil.copytree(
        tiny_run.training("lora").path, path / "lora", ignore=shutil.ignore_patterns("manifest*", "result*")
    )
    yield project, verdicts(project)
    project.stop()


@pytest.fixture
def project(undisturbed, tmp_path):
    """A copy of the project with an empty store, and its expected verdicts."""
    origin, expected = undisturbed
    path = tmp_path / "project"
    shutil.copytree(origin.path, path, ignore=shutil.ignore_patterns(".harness", "reports", "output-*"))
    case = str(path / "fixtures" / "tiny" / "case.toml")
    found = Project(path, ("--case", case, *origin.arguments[2:]))
    yield found, expected
    found.stop()
