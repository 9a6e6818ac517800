"""A project that runs are killed in: its start, what became of store, baselines, processes and temporary files."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from harness.errors import HarnessError
from harness.execution import Artefact
from harness.execution.store import _manifest

SECONDS = 240
"""Of a run, on a busy machine: one that takes longer hangs."""

OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib", "-v")
MARK = "HARNESS_CAMPAIGN"
"""Environment variable that every process of a run inherits."""

# A shell's background job, as CI may be, starts its processes deaf to Ctrl-C.
PYTEST = "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(pytest.main())"

LOGS_BUILDS = """
import os
from pathlib import Path

from harness.execution.store import Store

build = Store._build


def logged(self, step, key, *rest):
    build(self, step, key, *rest)
    with Path(__file__).with_name("builds.log").open("a") as log:
        log.write(f"{step.name} {key}\\n")


Store._build = logged
"""
"""The project's conftest.py: it logs what was built, in every process that does."""

MEASURED_ANEW = {"memory"}
"""Gates whose value is another one whenever the stage runs again."""


class Trial:
    """A copy of a project with its store and its baseline, and the runs in it, each with a log of its own."""

    def __init__(self, template, path, temporary):
        self.path = Path(shutil.copytree(template, path))
        self.temporary = temporary
        self.mark = uuid.uuid4().hex
        self.store = self.path / ".harness" / "store"
        self.baselines = self._baselines()
        self.logs: list[Path] = []

    def start(self, *arguments, kind="full", before=(), **environment):
        """Start a run in a session of its own; `before` is put in front of its command."""
        log = self.path / f"run-{len(self.logs)}.log"
        self.logs.append(log)
        ours = {key: value for key, value in os.environ.items() if key not in ("CI", "GITHUB_ACTIONS")}
        ours |= {MARK: self.mark, "TMPDIR": str(self.temporary), "PYTHONUNBUFFERED": "1", **environment}
        command = [*before, sys.executable, "-c", PYTEST, "evals", *OPTIONS, "-m", kind, *map(str, arguments)]
        with log.open("w") as output:
            process = subprocess.Popen(
                command, cwd=self.path, env=ours, stdout=output, stderr=output, start_new_session=True
            )
        process.log = log
        return process

    def run(self, *arguments, **options):
        """Run to the end; return exit status and output."""
        process = self.start(*arguments, **options)
        status = process.wait(SECONDS)
        return status, process.log.read_text(errors="replace")

    def forget(self, *steps):
        """Remove what steps stored, so that the next run does them again."""
        for step in steps:
            shutil.rmtree(self.store / step)

    def verdicts(self, kind="full"):
        """Return (gate, subject) -> outcome, observed and reference value of the last run of a kind."""
        path = self.path / "reports" / ("" if kind == "full" else kind) / "results.json"
        found = json.loads(path.read_text(encoding="utf-8"))["cases"]["tiny"]["verdicts"]
        return {
            (v["gate"], *filter(None, v["subject"].values())): (
                v["outcome"],
                None if v["gate"] in MEASURED_ANEW else v["observed"],
                v["reference"],
            )
            for v in found
        }

    def builds(self):
        """Return what was built, an entry for each time."""
        log = self.path / "builds.log"
        return log.read_text().splitlines() if log.exists() else []

    def processes(self):
        """Return process id -> command of all that runs of this project have started and that still run."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (process / "environ").read_bytes():
                    found[int(process.name)] = (process / "cmdline").read_bytes().decode(errors="replace")
            except OSError:  # it has ended
                continue
        return found

    def faults(self):
        """Return what an ended run must not have left: a sentence each."""
        deadline = time.monotonic() + 15
        while (orphans := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        faults = [f"orphan: {pid} {command[:200]}" for pid, command in orphans.items()]
        faults += [] if self._baselines() == self.baselines else ["baselines changed"]
        for path in self.store.glob("*/*"):
            if path.parent.name != "building":
                faults += _fault_of(path)
        return faults

    def leftovers(self):
        """Return what is left of a run in the temporary directory, and half-built in the store."""
        building = [path for path in (self.store / "building").glob("*") if path.is_dir()]
        ours = [path for path in self.temporary.iterdir() if not path.name.startswith("pytest-of-")]  # xdist's workers'
        return [path.name for path in (*ours, *building)]

    def _baselines(self):
        return {path.name: path.read_bytes() for path in (self.path / "baselines").rglob("*") if path.is_file()}


def _fault_of(path):
    """Return what is wrong with an artefact, by the store's own digests."""
    try:
        manifest = _manifest(path)
        artefact = Artefact(manifest.inputs, manifest.cost, manifest.files, path=path, key=path.name, value=None)
        artefact.verified  # noqa: B018 - it reads every file
    except HarnessError as error:
        return [str(error)]
    return []


def wait_for(condition, process, seconds=SECONDS):
    """Return whether something became true while a run went on."""
    deadline = time.monotonic() + seconds
    while not (found := condition()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(found)


def victim(trial, process, who):
    """Return the process to kill: of the run itself, of one of its stages, or of the forkserver; None without one."""
    if who == "run":
        return process.pid
    commands = trial.processes()
    servers = [pid for pid, command in commands.items() if "forkserver" in command]
    parents = {pid: _parent(pid) for pid in servers}
    chosen = [pid for pid in servers if (parents[pid] in servers) == (who == "stage")]
    return chosen[0] if chosen else None


def _parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def end(process, *, group=signal.SIGKILL):
    """End a run and what it started, whatever became of it."""
    for sent in (signal.SIGCONT, group):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            return
    process.wait(30)
