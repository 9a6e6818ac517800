"""The options and settings of the plugin: their table, their short spellings, and which of them go together."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

RUNS = {
    "full": "trains, evaluates and gates every model of every case",
    "gate": "verifies and gates a model that was trained elsewhere, without training",
    "learning_rate": "trains the adapter at the learning rate of full fine-tuning and at ten times it",
    "strategies": "trains every model of a case that compares strategies, and its adapter at each rank",
    "bench": "measures encode latency",
    "speed": "measures a case from nothing to its values, beside a plain script",
}
"""Marker -> meaning. `-m` chooses one: a run."""

REPORTED = frozenset({"full", "gate", "learning_rate", "strategies"})
"""The runs that write a report."""

_MOST_JOBS = 1024

LIBRARIES = {
    "train": (frozenset(RUNS), ("torch", "sentence_transformers", "peft", "datasets", "hdbscan", "sklearn")),
    "report": (REPORTED, ("pytest_html", "matplotlib", "umap")),
    "bench": (frozenset({"bench"}), ("pytest_benchmark",)),
}
"""Extra -> the runs that need it, and the modules that they import of it."""


class Option(NamedTuple):
    """A row of `OPTIONS`.

    `metavar` is empty for a switch, the first of `choices` the default; `candidate` marks what goes with `-m gate`.
    """

    help: str
    metavar: str = ""
    kind: Callable[[str], Any] = str
    repeated: bool = False
    choices: tuple[str, ...] = ()
    candidate: bool = False


def _directory(value: str) -> Path:
    """Return a path that someone gave: an unset variable would otherwise mean the working directory."""
    if not value.strip():
        raise argparse.ArgumentTypeError("got nothing, expected a directory")
    return Path(value)


def _jobs(value: str) -> int | None:
    """Return a number of jobs, None for auto."""
    if value == "auto":
        return None
    if not value.isdecimal() or not 1 <= int(value) <= _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"got {value!r}, expected auto, or a number from 1 to {_MOST_JOBS}")
    return int(value)


OPTIONS = {
    "case": Option(
        "case file to run, or its directory (repeatable); by default as the setting harness_cases says",
        "PATH",
        Path,
        repeated=True,
    ),
    "update-baselines": Option(
        "store what this run measures as the new baselines, unless a hard gate fails; prints changes"
    ),
    "strict-verdicts": Option("an inconclusive verdict fails its test; without it, it is a warning"),
    "force-update": Option("lets --update-baselines write although CI is set"),
    "seeds": Option(
        "with --update-baselines: trainings for the tolerances, at least 3 (by default as the case says)", "N", int
    ),
    "adapter": Option("with -m gate: the PEFT adapter that wants to ship", "DIR", _directory, candidate=True),
    "full-model": Option("with -m gate: the whole model that wants to ship", "DIR", _directory, candidate=True),
    "device": Option(
        "where models are trained and encode: auto is the best that the machine has",
        "DEVICE",
        choices=("auto", "cpu", "cuda", "mps"),
    ),
    "jobs": Option(
        "models in memory at a time: a number, or auto: as many as the cores and half of the free memory hold",
        "N",
        _jobs,
    ),
    "executor": Option(
        "where models are trained and encode: on this machine, or as tasks on a Ray cluster that shares the store",
        "NAME",
        choices=("local", "ray"),
    ),
    "ray-address": Option(
        "with --executor ray: auto (the default) is the cluster of this machine, or one that is started here; else "
        "ray://HOST:PORT or HOST:PORT",
        "ADDRESS",
    ),
    "as": Option(
        "with -m gate: the case's model to compare with (by default the only one of its kind)", "MODEL", candidate=True
    ),
    "base-model": Option(
        "with -m gate: where the case's base lies, found otherwise; verified the same",
        "DIR",
        _directory,
        candidate=True,
    ),
}
"""Name -> option: `--harness-NAME`, and `--NAME` where no other plugin has that one."""

SETTINGS = {
    "harness_cases": ("case files, one pattern a line (fixtures/*/case.toml)", "linelist"),
    "harness_baselines": ("directory of the stored baselines (baselines)", "string"),
    "harness_reports": ("directory of the reports (reports)", "string"),
    "harness_store": ("directory of what was computed (.harness)", "string"),
}
"""Name -> words for help with the default, and type. Relative to the ini file (see `harness.run.settings_of`)."""


def add_options(parser: pytest.Parser) -> None:
    """Add every option under its long name, and the settings."""
    group = parser.getgroup("embedding-harness", "regression gates for fine-tuned embedding models")
    for name, option in OPTIONS.items():
        words = f"{option.help}. Short: --{name}, where no other plugin has it"
        dest = f"harness_{name.replace('-', '_')}"
        if not option.metavar:
            group.addoption(f"--harness-{name}", action="store_true", dest=dest, help=words)
            continue
        how: dict[str, Any] = {"action": "append", "default": []} if option.repeated else {}
        if option.choices:
            how |= {"choices": option.choices, "default": option.choices[0]}
        group.addoption(f"--harness-{name}", type=option.kind, metavar=option.metavar, dest=dest, help=words, **how)
    for setting, (words, kind) in SETTINGS.items():
        parser.addini(setting, words, type=kind)  # type: ignore[arg-type]


def spelled_out(arguments: list[str], parser: pytest.Parser) -> list[str]:
    """Return the arguments with each short spelling of ours, unless it is another plugin's, as the long one."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [_spelled_out(argument, parser) for argument in arguments[:end]] + arguments[end:]


def _spelled_out(argument: str, parser: pytest.Parser) -> str:
    name, equals, value = argument.partition("=")
    ours = name.startswith("--") and name[2:] in OPTIONS and not _has(parser, name)
    return f"--harness-{name[2:]}{equals}{value}" if ours else argument


def _has(parser: pytest.Parser, option: str) -> bool:
    try:
        _, unknown = parser.parse_known_and_unknown_args([option])
    except pytest.UsageError:  # it is known, and wants a value
        return True
    return option not in unknown


def chosen_runs(config: pytest.Config) -> frozenset[str]:
    """Return the runs that `-m` chooses."""
    return frozenset(name for name in RUNS if re.search(rf"(?<!not )\b{name}\b", config.option.markexpr))


def check_options(config: pytest.Config, chosen: frozenset[str]) -> None:
    """Refuse a run that is not chosen, and options that do not go together, with a UsageError."""
    if not chosen:
        raise pytest.UsageError(_choose(config))
    if getattr(config.option, "dist", "no") == "each":
        raise pytest.UsageError("--dist each would judge each gate in every worker; expected another --dist, or none")
    _check_executor(config, chosen)
    _check_update(config)
    _check_candidate(config, chosen)


def check_libraries(chosen: frozenset[str], executor: str) -> None:
    """Refuse a run, or an executor, whose libraries are not installed, with the line that installs them."""
    from harness.errors import require

    for extra, (runs, modules) in LIBRARIES.items():
        if runs & chosen:
            require(extra, *modules)
    if executor == "ray":
        require("ray", "ray")


def _command(config: pytest.Config) -> str:
    return " ".join(["pytest", *(["--pyargs"] if config.option.pyargs else []), *config.args])


def _choose(config: pytest.Config) -> str:
    suite = _command(config)
    got = f"-m: got {config.option.markexpr!r}" if config.option.markexpr else "-m is missing"
    runs = {**RUNS, "gate --adapter DIR": RUNS["gate"]}
    del runs["gate"]
    width = max(map(len, runs))
    lines = [f"  {suite} -m {run:<{width}}  {meaning}" for run, meaning in runs.items()]
    return "\n".join([f"{got}; expected one of", *lines])


def _check_executor(config: pytest.Config, chosen: frozenset[str]) -> None:
    given = config.option
    if given.harness_executor == "local":
        if given.harness_ray_address is not None:
            raise pytest.UsageError("--ray-address only goes with --executor ray")
    elif getattr(given, "numprocesses", None):
        raise pytest.UsageError("--executor ray: run it in one process, without -n: Ray spreads the work")
    elif "speed" in chosen:
        raise pytest.UsageError("--executor ray: -m speed measures this machine")


def _check_update(config: pytest.Config) -> None:
    update, seeds = config.option.harness_update_baselines, config.option.harness_seeds
    if not update and (seeds is not None or config.option.harness_force_update):
        raise pytest.UsageError("--seeds and --force-update only go with --update-baselines")
    if seeds is not None and seeds < 3:
        raise pytest.UsageError(f"--seeds: got {seeds}, expected at least 3: fewer say nothing about the spread")
    if update and os.environ.get("CI") and not config.option.harness_force_update:
        raise pytest.UsageError("--update-baselines: CI is set, and baselines are a person's decision (--force-update)")
    if update and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError("--update-baselines: run it in one process, without -n")


def _check_candidate(config: pytest.Config, chosen: frozenset[str]) -> None:
    given = [
        f"--{name}"
        for name, option in OPTIONS.items()
        if option.candidate and getattr(config.option, f"harness_{name.replace('-', '_')}") is not None
    ]
    if given and "gate" not in chosen:
        raise pytest.UsageError(f"{', '.join(given)} only goes with -m gate")
    if "gate" not in chosen:
        return
    if "full" in chosen:
        raise pytest.UsageError("-m gate and -m full are two runs: the one judges what the other would train")
    if config.option.harness_update_baselines:
        raise pytest.UsageError("--update-baselines goes with -m full: what was trained elsewhere is no reference")
    command = _command(config)
    if not hasattr(config, "workerinput") and len({"--adapter", "--full-model"} & set(given)) != 1:
        raise pytest.UsageError(
            f"-m gate: got {' and '.join(given) or 'nothing to gate'}, expected one model that wants to ship:\n"
            f"  {command} -m gate --adapter DIR      a PEFT adapter, on the case's base\n"
            f"  {command} -m gate --full-model DIR   a whole sentence-transformers model\n"
            "and where they are needed: --case PATH, --as MODEL (what it is compared with), --base-model DIR"
        )
