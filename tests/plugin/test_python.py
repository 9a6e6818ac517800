"""A case run from Python has the results of the same run by pytest."""

import json

import pytest

from harness import load_case, read_results, run_case
from harness.errors import CaseError, HarnessError


def test_run_case_gates_as_pytest_does(gated):
    assert gated.run("--adapter", gated.known).ret == 0
    path = str(gated.path / "fixtures" / "tiny" / "case.toml")
    assert repr(load_case(path)) == "Case(name='tiny', base='tiny', models=['standard', 'lora'])"
    told = []
    found = run_case(
        path,
        adapter=str(gated.known),
        root=str(gated.path),
        reports=str(gated.path / "python"),
        progress=lambda *words: told.append(words),
    )
    by_pytest = read_results(gated.reports / "results.json").cases["tiny"]
    for part in ("models", "verdicts", "skipped", "origin", "expected", "missing", "audit", "relative_performance"):
        ours, theirs = (json.loads(results.model_dump_json(include={part})) for results in (found, by_pytest))
        assert ours == theirs
    written = read_results(gated.path / "python" / "results.json").cases["tiny"]
    assert written.model_dump_json() == found.model_dump_json()
    shown = repr(found).splitlines()
    assert shown[0].startswith(f"{found.pairs} pairs; {found.expected} gates: ")
    assert [line.split()[0] for line in shown[1:4]] == ["model", "base", "lora"]
    assert max(map(len, shown)) < 400


def test_what_does_not_fit_together_is_refused_before_any_work(tmp_path, tiny_content, write_case):
    path = write_case(tmp_path / "tiny", tiny_content())
    with pytest.raises(CaseError, match="expected one model to gate"):
        run_case(path, adapter="a", full_model="b")
    with pytest.raises(CaseError, match="without a model to gate"):
        run_case(path, stands_for="lora")
    with pytest.raises(HarnessError, match="nowhere"):
        run_case(path, adapter=tmp_path / "nowhere", root=tmp_path)
