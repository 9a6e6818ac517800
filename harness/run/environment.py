"""Where a run happens: machine, library versions, and the commit of the repository that it belongs to."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.training import TRAIN


def machine() -> str:
    """Name processor and system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    processor = f"{len(names)} x {names[0]}" if names else platform.processor()
    return f"{processor}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def libraries() -> dict[str, str]:
    """Return the version of each installed library that can change a trained model."""
    found = {}
    for name in TRAIN.libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an installation that only reads and compares
            continue
    return found


def commit(directory: Path) -> str:
    """Return the git commit of a directory, `-dirty` where a tracked file differs; empty outside of a repository."""
    return _git(directory, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def changed_at(path: Path) -> datetime | None:
    """Return when a file was last committed, or written where no commit has it; None in a clone without that commit."""
    seconds, _, names = _git(path.parent, "log", "-1", "--format=%ct %D", "--", path.name).partition(" ")
    if "grafted" in names:  # the first commit of a shallow clone, which seems to add every file
        return None
    return datetime.fromtimestamp(float(seconds or path.stat().st_mtime), UTC)


def _git(directory: Path, *arguments: str) -> str:
    """Return what git says about a directory; empty outside of a repository."""
    command = ["git", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 (fixed)
    except (OSError, subprocess.TimeoutExpired):  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
