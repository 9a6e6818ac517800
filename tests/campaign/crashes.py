"""A project whose runs are killed, interrupted, crowded and starved; and what must be the same afterwards."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from harness.execution import Store
from harness.execution.digests import file_digest

SECONDS = 180.0
"""Within which every run ends, also on a busy machine."""

_SECONDS_TO_END = 15.0
_OURS = "HARNESS_CAMPAIGN"  # in the environment of every process of a project
_MEASURED = {"memory", "latency"}  # gates whose value is another each time
_HEARS_CTRL_C = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
_RUN = "from harness.cli import main; sys.exit(main())"


@dataclass
class Project:
    """A directory with a case, its store, reports and baselines, and a temporary directory of its own.

    Attributes:
        path: The directory.
        arguments: Of `embedding-harness run`.
    """

    path: Path
    arguments: tuple[str, ...]
    started: list[subprocess.Popen] = field(default_factory=list)

    @cached_property
    def temporary(self):
        found = self.path.with_name(f"{self.path.name}-tmp")
        found.mkdir()
        return found

    @property
    def store(self):
        return self.path / ".harness" / "store"

    @property
    def baseline(self):
        return self.path / "baselines" / "tiny" / "baseline.json"

    def start(self, *arguments, command="run", prefix=()):
        """Start a run in a process group of its own, with its output in a file."""
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_ACTIONS")}
        environment |= {"TMPDIR": str(self.temporary), _OURS: str(self.path), "COLUMNS": "200"}
        log = self.path / f"output-{len(self.started)}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-c", _HEARS_CTRL_C + _RUN, command, *self.arguments, *arguments],
                cwd=self.path,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.log = log
        self.started.append(process)
        return process

    def run(self, *arguments, **options):
        """Run to the end; return the exit status and the output."""
        return ended(self.start(*arguments, **options))

    def processes(self):
        """Return the processes that run in the project: number -> command line."""
        found = {}
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if f"{_OURS}={self.path}".encode() in (directory / "environ").read_bytes().split(b"\0"):
                    words = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    state = (directory / "stat").read_text().rpartition(")")[2].split()
                    if state[0] not in "ZX":
                        found[int(directory.name)] = (int(state[1]), words)
        return found

    def targets(self, kind, run):
        """Return the processes of a kind: `run`, `forkserver`, or `stage`, a child of the forkserver."""
        if kind == "run":
            return [run.pid]
        found = self.processes()
        servers = [number for number, (parent, words) in found.items() if parent == run.pid and "forkserver" in words]
        return servers if kind == "forkserver" else [n for n, (parent, _) in found.items() if parent in servers]

    def stop(self):
        """End everything that is left."""
        for number in self.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for process in self.started:
            process.wait()


def ended(process, seconds=SECONDS):
    """Wait for a run; return its exit status and output."""
    status = process.wait(seconds)
    return status, process.log.read_text(encoding="utf-8", errors="replace")


def verdicts(project, kind=""):
    """Return every verdict of the last run: gate and subject -> outcome, value and reference, to the last bit."""
    results = json.loads((project.path / "reports" / kind / "results.json").read_text(encoding="utf-8"))
    return {
        (case, verdict["gate"], *filter(None, verdict["subject"].values())): (verdict["outcome"],)
        if verdict["gate"] in _MEASURED
        else (verdict["outcome"], verdict["observed"], verdict["reference"])
        for case, found in results["cases"].items()
        for verdict in found["verdicts"]
    }


def built(output):
    """Return how often each step that holds a model was done in some outputs, by its title."""
    return Counter(re.findall(r"^((?:train|encode|verify|teach|mine) \S.*?): done in", output, re.MULTILINE))


def faults(project, expected, *, baseline):
    """Return what is wrong after an undisturbed run: verdicts, half-written artefacts, leftovers, the baseline."""
    found = []
    if (now := verdicts(project)) != expected:
        other = [key for key in now.keys() | expected.keys() if now.get(key) != expected.get(key)]
        found.append(
            f"{len(other)} other verdicts, such as {other[0]}: {now.get(other[0])} for {expected.get(other[0])}"
        )
    found += [f"half-written: {path}" for path in half_written(project.store)]
    if left := [path.name for path in project.temporary.iterdir()]:
        found.append(f"left in the temporary directory: {', '.join(left)}")
    if project.baseline.read_bytes() != baseline:
        found.append("the baseline was changed")
    if left := list(project.baseline.parent.glob(".*")):
        found.append(f"left beside the baseline: {left}")
    return found


def half_written(store):
    """Yield what in a store is no whole artefact: a directory without its manifest, a file with another content."""
    for directory in (path for path in store.glob("*/*") if path.is_dir()):
        manifest = directory / "manifest.json"
        if directory.parent.name == "building" or not manifest.is_file():
            yield directory
            continue
        files = json.loads(manifest.read_text(encoding="utf-8"))["files"]
        yield from (directory / name for name, sha256 in files.items() if file_digest(directory / name) != sha256)


def orphans(project):
    """Return the processes that outlive their run by more than some seconds."""
    deadline = time.monotonic() + _SECONDS_TO_END
    while (left := project.processes()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return [f"{number} {words}" for number, (_, words) in left.items()]


def forget(project):
    """Empty the store, so that the next run makes everything again."""
    shutil.rmtree(project.path / ".harness", ignore_errors=True)


def artefacts(project):
    """Return how many artefacts the store has."""
    return sum(1 for _ in Store(project.store).kept())
