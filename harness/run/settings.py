"""Where a run finds its cases and keeps what it makes, as pytest's ini file says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.config import CASE_FILE
from harness.errors import CaseError, StoreError
from harness.execution import write_whole

if TYPE_CHECKING:
    import pytest

_CASES = ("fixtures/*/case.toml",)


@dataclass(frozen=True)
class Settings:
    """The directories of a run. What they are relative to is `root`: never pytest's guess of its rootdir.

    Attributes:
        root: The ini file's directory; without one that of the project which the first case lies in.
        cases: The case files, at least one.
        baselines: Directory of the stored baselines.
        reports: Directory of the reports.
        store: Directory of what was computed.
    """

    root: Path
    cases: tuple[Path, ...]
    baselines: Path
    reports: Path
    store: Path

    @classmethod
    def below(cls, root: Path, cases: Sequence[Path] = ()) -> Self:
        """Return the default directories below a root, with these cases or else every `fixtures/*/case.toml`.

        Raises:
            CaseError: There is no case.
        """
        found = tuple(cases) or find_cases(root)
        return cls(root, found, root / "baselines", root / "reports", root / ".harness")


def settings_here(cases: Sequence[Path]) -> Settings:
    """Return the settings of a command that is run in the working directory; arguments and errors as `settings_of`."""
    import pytest  # reads the ini file

    # By its name: it may not be loaded by itself, and our settings would be unknown.
    return settings_of(pytest.Config.fromdictargs({}, ["-p", "embedding_harness"]), cases)


def settings_of(config: pytest.Config, cases: Sequence[Path]) -> Settings:
    """Return the settings of a run.

    Args:
        config: What pytest read.
        cases: Case files or their directories, as someone named them; by default those of the setting.

    Raises:
        CaseError: There is no case.
    """
    here: Path = config.invocation_params.dir
    project = _project_of(here / cases[0]) if cases else here
    own = [here, *(here / argument for argument in config.args), *(here / path for path in cases)]
    root = _ini_directory(config, own) or project
    return Settings(
        root=root,
        cases=tuple(cases) or find_cases(root, config.getini("harness_cases") or _CASES),
        baselines=root / (config.getini("harness_baselines") or "baselines"),
        reports=root / (config.getini("harness_reports") or "reports"),
        store=root / (config.getini("harness_store") or ".harness"),
    )


def find_cases(root: Path, patterns: Sequence[str] = _CASES) -> tuple[Path, ...]:
    """Return the case files that match patterns below a directory, sorted.

    Raises:
        CaseError: There are none.
    """
    found = {path for pattern in patterns for path in _matches(root, pattern)}
    if not found:
        wanted = f"expected {', '.join(patterns)} in {root}"
        raise CaseError(f"no case: {wanted}; name one with --case PATH")
    return tuple(sorted(found))


def _matches(root: Path, pattern: str) -> Iterator[Path]:
    anchor = Path(pattern).anchor
    return (Path(anchor) if anchor else root).glob(pattern.removeprefix(anchor))


def require_writable(directory: Path, choice: str) -> None:
    """Make a directory of a run; `choice` is what chooses another one.

    Raises:
        StoreError: It cannot be made, or written to.
    """
    probe = directory / f".writable-{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        wanted = f"expected a directory that can be; another one is chosen by {choice}"
        raise StoreError(f"{directory}: cannot be written to ({error.strerror}); {wanted}") from None


def make_store(directory: Path) -> Path:
    """Make the directory of what was computed, which version control ignores; return that of its artefacts.

    Raises:
        StoreError: It cannot be made, or written to.
    """
    require_writable(directory, "harness_store in the ini file")
    ignored = directory / ".gitignore"
    if not ignored.exists():
        write_whole(ignored, "*\n")
    return directory / "store"


def _ini_directory(config: pytest.Config, own: Sequence[Path]) -> Path | None:
    """Return the directory of the ini file; None without one, or where it belongs to another project.

    pytest also finds one above the value of an option that it does not know yet, such as a candidate's directory.
    """
    if config.inipath is None:
        return None
    directory = config.inipath.parent.resolve()
    named = config.option.inifilename is not None
    return directory if named or any(path.resolve().is_relative_to(directory) for path in own) else None


def _project_of(case: Path) -> Path:
    """Return the directory of a case; of a case in `fixtures/NAME/`, the one that holds `fixtures/`."""
    file = case / CASE_FILE if case.is_dir() else case
    directory = file.parent
    return directory.parents[1] if directory.parent.name == "fixtures" else directory
