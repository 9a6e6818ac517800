"""The merge gate catches every fault of the collection by the gate that is meant to, and lets what is good through."""

import os
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.gates import GATES, Skipped, Verdict, expected
from harness.models import SAME_MODEL
from harness.report.github import markdown_text
from harness.run import CaseRun
from harness.verification import check_files

from .collection import FAULTS, ROWS
from .gating import verdicts_of, with_outcome
from .goods import GOODS
from .table import FaultsTable, read_rows
from .tools import set_json

MakeGood = Callable[[str], Path]
RunOf = Callable[..., CaseRun]

UNSURE = {"base", "record", "training_data"}
"""The gates that are inconclusive where a training recorded nothing."""

NOT_COMPUTED = {"exact_merge"}
"""The gate that is so as well where only PEFT knows an adapter's formula."""

BEFORE_LOAD_PATHS = frozenset(list(GATES)[: list(GATES).index("load_paths")])

ON_VALUES = {name for name, gate in GATES.items() if gate.needs == GATES["metric"].needs}
"""The gates on what a candidate's values are: one whose values are bad fails several of them."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_caught_by_its_gate(name, run_of, make_good, shop, faults_table):
    fault = FAULTS[name]
    directory = make_good(fault.good)
    fault.change(directory, shop)
    unsure: set[str] = set()
    for found in verdicts_of(run_of(fault.good, directory, load_paths=fault.caught_by not in BEFORE_LOAD_PATHS)):
        if isinstance(found, Skipped):
            assert found.cause == fault.caught_by
        elif (found.gate, found.outcome) == (fault.caught_by, fault.outcome):
            break
        elif found.outcome == "fail":
            assert {found.gate, fault.caught_by} <= ON_VALUES, found.text
        elif found.outcome == "inconclusive":
            unsure.add(found.gate)
    assert isinstance(found, Verdict)
    assert (fault.caught_by, fault.outcome) == (found.gate, found.outcome), found.text
    assert re.search(fault.says, found.text, re.DOTALL), found.text
    assert unsure <= (UNSURE if "without record" in fault.good else set())
    faults_table.add(name, found.gate, found.text)


@pytest.mark.parametrize("good", GOODS)
def test_a_good_artefact_passes_the_whole_gate(good, make_good, run_of):
    run = run_of(good, make_good(good))
    verdicts = list(verdicts_of(run))
    assert [] == [verdict.text for verdict in with_outcome(verdicts, "fail")]
    unsure = {verdict.gate for verdict in with_outcome(verdicts, "inconclusive")}
    assert (unsure & NOT_COMPUTED == NOT_COMPUTED) == (good == "adapter by LoHa, without record")
    assert unsure <= (UNSURE | NOT_COMPUTED if good.endswith("without record") else set())
    assert {"record", "training_data"} <= unsure or not good.endswith("without record")
    assert expected(run.inputs, {"gate"}) == sum(isinstance(verdict, Verdict) for verdict in verdicts)


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
def test_a_setting_that_changes_nothing_is_no_fault(config, make_good, run_of):
    directory = make_good("adapter")
    set_json(directory / "adapter_config.json", **config)
    candidate = run_of("adapter", directory).inputs.candidate
    assert candidate is not None
    assert "pass" == check_files(candidate).outcome


def test_that_the_weights_are_random_shows_in_how_it_opens(make_good, run_of, shop):
    directory = make_good("whole")
    FAULTS["model: saved while PEFT's layers were in it"].change(directory, shop)
    failed = with_outcome(list(verdicts_of(run_of("whole", directory))), "fail")
    [found] = [verdict for verdict in failed if verdict.gate == "load_paths"]
    assert found.observed < SAME_MODEL
    assert re.search(r"SentenceTransformer\(DIR\) gives other embeddings at each load", found.message)


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif("FAULTS_TABLE" in os.environ, reason="the table is being written")
def test_the_table_has_a_row_for_every_fault(repository):
    rows = read_rows(repository / "docs" / "faults.md")
    assert [] == [fault for fault, times in Counter(fault for fault, _ in rows).items() if times > 1]
    assert {markdown_text(fault): gate for fault, gate in ROWS.items()} == dict(rows)


def test_the_table_is_the_same_each_time(tmp_path):
    table, (first, second) = FaultsTable(), list(FAULTS)[:2]
    table.add(second, "complete", "/a/pytest-of-me/pytest-3/test_x0/candidate/a.json: digest " + "ab" * 32)
    table.add(first, "files", "a | b\n*c* @d /a/pytest-of-me/pytest-3/other/config.json: e")
    table.write(tmp_path / "table.md")
    rows = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[-2:]
    assert rows[0].startswith(f"| {markdown_text(first)} | files | a &#124; b \\*c\\* @&#8203;d TMP: e |")
    assert rows[1].startswith(f"| {markdown_text(second)} | complete | DIR/a.json: digest … |")
