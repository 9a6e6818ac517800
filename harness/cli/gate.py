"""`embedding-harness gate DIR`: may this model ship? Nothing is trained."""

import argparse
from pathlib import Path

from harness.cli.command import Command
from harness.cli.suite import FURTHER, run_suite
from harness.errors import CheckpointError


def _run(given: argparse.Namespace) -> int:
    from harness.models.files import ADAPTER_CONFIG  # not for --help

    directory: Path = given.directory
    if not directory.is_dir():
        raise CheckpointError(
            f"{directory}: no directory; expected a PEFT adapter, or a sentence-transformers model; "
            "of one on the hub the directory that `hf download ID` prints"
        )
    option = "adapter" if (directory / ADAPTER_CONFIG).is_file() else "full-model"
    # In one word: pytest would look for its ini file above a directory that stands alone.
    run_suite("gate", [f"--harness-{option}={directory}", *given.further])


COMMAND = Command(
    help="say whether a model that was trained elsewhere may ship; nothing is trained",
    description="Verifies and gates a PEFT adapter or a whole sentence-transformers model against the stored baseline: "
    "pytest --pyargs harness.evals -m gate. Nothing is trained. "
    f"{FURTHER} They stand after DIR. Exit status: that of pytest.",
    arguments={"directory": {"type": Path, "metavar": "DIR", "help": "the adapter, or the whole model"}},
    run=_run,
    takes_further=True,
)
