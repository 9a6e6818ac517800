"""The merge gate catches every fault of the collection by the check that is meant to, and lets what is good through."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from harness.candidates import prove_files
from harness.encoding import SAME_MODEL
from harness.promises import expected_gates

from .collection import FAULTS, ROWS
from .goods import GOODS
from .tools import change_config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.gates import Verdict
    from harness.pipeline import CaseRun

    from .conftest import FaultsTable
    from .tools import Fault, Shop

    Gate = Callable[..., Iterator[Verdict]]

UNRECORDED = {"base", "trained", "data"}
"""The proofs that are inconclusive where a training recorded nothing."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_its_check(
    name: str, gate: Gate, make_good: Callable[[str], Path], shop: Shop, faults_table: FaultsTable
) -> None:
    fault = FAULTS[name]
    directory = make_good(fault.good)
    fault.break_it(directory, shop)
    ways = fault.caught_by not in ("files", "base", "whole", "weights")
    caught, unsure = _first(gate(fault.good, directory, ways=ways), fault)
    assert (fault.caught_by, fault.outcome) == (caught.name, caught.verdict), caught.message
    assert re.search(fault.says, caught.message, re.DOTALL), caught.message
    assert unsure <= (UNRECORDED if "without record" in fault.good else fault.unjudged)
    faults_table.add(name, caught.name, caught.message)


@pytest.mark.parametrize("good", GOODS)
def test_a_good_artefact_passes_the_whole_gate(
    good: str, gate: Gate, make_good: Callable[[str], Path], run_of: Callable[..., CaseRun]
) -> None:
    directory = make_good(good)
    verdicts = list(gate(good, directory))
    assert [] == [verdict.message for verdict in verdicts if verdict.verdict == "fail"]
    unsure = {verdict.name for verdict in verdicts if verdict.verdict == "inconclusive"}
    assert unsure <= (UNRECORDED if good.endswith("without record") else set())
    assert {"trained", "data"} <= unsure or not good.endswith("without record")
    assert expected_gates(run_of(good, directory).inputs) == len(verdicts)


@pytest.mark.parametrize(
    "config",
    [
        {"init_lora_weights": "eva", "eva_config": {"rho": 2.0, "tau": 0.99}},
        {"init_lora_weights": "orthogonal"},
        {"init_lora_weights": "gaussian", "inference_mode": True, "task_type": "FEATURE_EXTRACTION"},
        {"auto_mapping": {"base_model_class": "BertModel", "parent_library": "transformers.models.bert.modeling_bert"}},
        {"a_switch_of_tomorrow": None, "another": False},
    ],
    ids=["eva", "orthogonal", "inference", "mapping", "unknown-but-off"],
)
def test_a_setting_that_changes_nothing_is_no_fault(
    config: dict[str, Any], make_good: Callable[[str], Path], run_of: Callable[..., CaseRun]
) -> None:
    directory = make_good("adapter")
    change_config(directory, **config)
    candidate = run_of("adapter", directory).inputs.candidate
    assert candidate is not None
    assert "pass" == prove_files(candidate).outcome


def test_that_the_weights_are_random_shows_in_how_it_opens(
    gate: Gate, make_good: Callable[[str], Path], shop: Shop
) -> None:
    directory = make_good("whole")
    FAULTS["model: saved while PEFT's layers were in it"].break_it(directory, shop)
    [ways] = [verdict for verdict in gate("whole", directory) if verdict.name == "ways"]
    assert "fail" == ways.verdict
    assert ways.observed < SAME_MODEL
    assert re.search(r"SentenceTransformer\(DIR\) gives other embeddings at each load", ways.message)


# --- the collection and its table -------------------------------------------------------------------------------------


def test_every_fault_says_how_it_comes_about() -> None:
    assert [] == [name for name, fault in FAULTS.items() if len(fault.break_it.__doc__ or "") < 20]


def test_every_good_artefact_says_what_it_is() -> None:
    assert [] == [name for name, make in GOODS.items() if len(make.__doc__ or "") < 20]


@pytest.mark.skipif("FAULTS_TABLE" in os.environ, reason="the table is being written")
def test_the_table_has_a_row_for_every_fault(repository: Path) -> None:
    lines = (repository / "docs" / "faults.md").read_text(encoding="utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines if line.startswith("| ")][1:]
    assert [] == [fault for fault, times in Counter(fault for fault, _ in rows).items() if times > 1]
    assert {_shown(fault): check for fault, check in ROWS.items()} == dict(rows)


def test_the_table_is_the_same_each_time(tmp_path: Path, faults_table: Any) -> None:
    table = type(faults_table)()
    first, second = list(FAULTS)[:2]
    table.add(second, "whole", "/a/pytest-of-me/pytest-3/test_x0/candidate/a.json: digest " + "ab" * 32)
    table.add(first, "files", "a | b\n*c* @d /a/pytest-of-me/pytest-3/other/config.json: e")
    table.write(tmp_path / "table.md")
    rows = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[-2:]
    assert rows[0].startswith(f"| {_shown(first)} | files | a &#124; b \\*c\\* @&#8203;d TMP: e |")
    assert rows[1].startswith(f"| {_shown(second)} | whole | DIR/a.json: digest … |")


def _first(verdicts: Iterator[Verdict], fault: Fault) -> tuple[Verdict, set[str]]:
    """The verdict that a fault is about, and what was inconclusive before it."""
    unsure: set[str] = set()
    for verdict in verdicts:
        waited_for = verdict.verdict == "inconclusive" and verdict.name == fault.caught_by
        if verdict.verdict == "fail" or (fault.outcome == "inconclusive" and waited_for):
            return verdict, unsure
        if verdict.verdict == "inconclusive":
            unsure.add(verdict.name)
    raise AssertionError("every verdict passes")


def _shown(fault: str) -> str:
    from harness.github import markdown_text

    return markdown_text(fault)
