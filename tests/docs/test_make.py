"""What CI calls reaches pytest: `make gate` with each input of the workflow, whatever characters it holds."""

import os
import re
import shutil
import subprocess

import pytest


@pytest.fixture
def make_gate(repository, tmp_path):
    """`make gate` where pytest only tells its arguments."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(repository / name, tmp_path)
    said = tmp_path / ".venv" / "bin" / "pytest"
    said.parent.mkdir(parents=True)
    said.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    said.chmod(0o755)
    (tmp_path / ".venv" / ".installed").touch()

    def run(**environment):
        environment = {"PATH": os.environ["PATH"], **environment}
        command = [shutil.which("make") or "make", "--silent", "gate"]
        return subprocess.check_output(command, cwd=tmp_path, env=environment, text=True).splitlines()

    return run


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, []),
        ({"CASE": "", "BASE": "", "STRICT": ""}, []),
        ({"STRICT": "yes"}, ["--strict-verdicts"]),
        ({"CASE": "a case.toml", "BASE": "$b;c"}, ["--case", "a case.toml", "--base-model", "$b;c"]),
    ],
)
def test_make_gate_hands_on_what_the_environment_says(make_gate, environment, options):
    expected = ["evals/", "-m", "gate", "--adapter", "an 'adapter'", *options]
    assert expected == make_gate(ADAPTER="an 'adapter'", **environment)


def test_the_workflow_sets_every_variable_that_make_gate_reads(repository):
    rule = (repository / "Makefile").read_text(encoding="utf-8").partition("\ngate:")[2].partition("\n\n")[0]
    workflow = (repository / ".github" / "workflows" / "adapter-gate.yml").read_text(encoding="utf-8")
    step = workflow.partition("- name: Gate the adapter\n")[2].partition("run: make gate")[0]
    assert {"ADAPTER", "CASE", "BASE", "STRICT"} == set(re.findall(r"\$\$\{?([A-Z]+)", rule))
    assert ["ADAPTER", "CASE", "BASE", "STRICT"] == re.findall(r"^ +([A-Z]+): ", step, re.MULTILINE)
