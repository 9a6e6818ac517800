"""The plugin through its whole life, on the tiny case: missing, written, pass, changed, fail, updated."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib", "--strict-markers")


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def project(pytester, repository, write_case, tiny_content, tiny_run):
    """A project with the suite, the tiny case and its trained models."""
    shutil.copytree(repository / "evals", pytester.path / "evals")
    shutil.copytree(tiny_run.work.store.root, pytester.path / ".harness" / "store")
    write_case(pytester.path / "fixtures" / "tiny", tiny_content())
    pytester.makeini("[pytest]")
    return pytester


@pytest.fixture(scope="session")
def planes(tiny_run):
    """The projection is in the store as well: UMAP takes seconds to import."""
    from harness.pipeline import project

    return project(tiny_run.work, tiny_run.inputs, {name: tiny_run.model(name) for name in tiny_run.case.model_names})


def run(project, *arguments):
    return project.runpytest_subprocess("evals", *OPTIONS, *arguments)


def outcomes(result):
    return {name: count for name, count in result.parseoutcomes().items() if name in ("passed", "failed", "errors")}


def edit(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_whole_life_of_a_baseline(planes, project, monkeypatch):
    baseline = project.path / "baselines" / "tiny" / "baseline.json"
    results = project.path / "reports" / "results.json"

    missing = run(project, "-m", "full")
    assert missing.ret == pytest.ExitCode.TESTS_FAILED
    missing.stdout.fnmatch_lines(["*not comparable: no baseline is stored; store one with pytest evals/ -m full --up*"])
    assert not baseline.exists()
    cases = json.loads(results.read_text(encoding="utf-8"))["cases"]
    assert set(cases) == {"tiny"}
    assert "power" not in cases["tiny"]

    written = run(project, "-m", "full", "--update-baselines")
    assert written.ret == pytest.ExitCode.OK
    written.stdout.fnmatch_lines(["*baselines/tiny/baseline.json: updated*", "new: 3 models, *"])
    first = baseline.read_bytes()

    passing = run(project, "-m", "full", "--junitxml=junit.xml")
    assert passing.ret == pytest.ExitCode.OK
    junit = ET.parse(project.path / "junit.xml")  # noqa: S314 - written by this very run
    testcase = junit.find(".//testcase[@name='test_metric[tiny-lora-spearman]']")
    properties = {node.get("name"): node.get("value") for node in testcase.iter("property")}
    assert {"case": "tiny", "model": "lora", "metric": "spearman", "verdict": "pass"}.items() <= properties.items()
    assert float(properties["observed"]) == pytest.approx(float(properties["reference"]), abs=1e-6)
    assert outcomes(passing) == outcomes(written)
    assert "train tiny" not in passing.stdout.str()
    assert (project.path / "reports" / "report.html").stat().st_size > 10_000
    assert set(json.loads(results.read_text(encoding="utf-8"))["cases"]["tiny"]["power"]) == {"standard", "lora"}

    def raise_stored(content):
        content["models"]["lora"]["metrics"]["spearman"]["value"] += 0.1
        content["models"]["lora"]["metrics"]["spearman"]["tolerance"] = 0.05

    edit(baseline, raise_stored)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    failing = run(project, "-m", "full")
    failing.stdout.fnmatch_lines(["::error title=*::lora spearman * worse by 0.100*"])
    assert "worse by 0.100" in (project.path / "summary.md").read_text(encoding="utf-8")
    assert failing.ret == pytest.ExitCode.TESTS_FAILED
    failing.stdout.fnmatch_lines(["*lora spearman *, stored *, tolerance 0.050: worse by 0.100*"])
    failing.stdout.fnmatch_lines(["FAILED evals/test_metrics.py::test_metric[[]tiny-lora-spearman]*"])
    assert outcomes(failing)["failed"] == 1
    gates = json.loads(results.read_text(encoding="utf-8"))["cases"]["tiny"]["gates"]
    failed = [(gate["name"], gate["model"], gate["metric"]) for gate in gates if gate["verdict"] == "fail"]
    assert failed == [("baseline", "lora", "spearman")]

    repaired = run(project, "-m", "full", "--update-baselines")
    assert repaired.ret == pytest.ExitCode.OK
    repaired.stdout.fnmatch_lines(["models.lora.metrics.spearman.value: * -> *"])
    assert baseline.read_bytes() == first

    again = run(project, "-m", "full", "--update-baselines")
    again.stdout.fnmatch_lines(["*baseline.json: unchanged*"])
    assert baseline.read_bytes() == first


def test_update_refuses_when_a_hard_gate_fails(planes, project, write_case, tiny_content):
    content = tiny_content()
    content["gates"]["memory_mb"]["encode"] = 1
    write_case(project.path / "fixtures" / "tiny", content)
    result = run(project, "-m", "full", "--update-baselines", "-k", "test_baseline")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*not updated, hard gates of case tiny failed:*", "*encode base: peak * MB, ceiling 1 MB*"]
    )
    assert not (project.path / "baselines").exists()
    assert "Blocked: " in (project.path / "reports" / "report.html").read_text(encoding="utf-8")


def test_a_leaky_case_fails_for_this_reason_and_the_report_says_it_first(project):
    case = project.path / "fixtures" / "tiny"
    train, evaluation = (
        (case / name).read_text(encoding="utf-8").splitlines() for name in ("train.jsonl", "eval.jsonl")
    )
    known = [json.loads(line) for line in train[:30]]
    turned = [json.dumps({**row, "text_1": row["text_2"].upper(), "text_2": row["text_1"]}) for row in known]
    (case / "eval.jsonl").write_text("\n".join([*turned, *evaluation[30:]]) + "\n", encoding="utf-8")

    result = run(project, "-m", "full", "-k", "test_data or test_trained")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "above (30 of 84 eval pairs are in train): eval.jsonl:1 = train.jsonl:1: *"
    result.stdout.fnmatch_lines([f"*Eval pairs in train: 35.71%, limit 0.00%: {said}"])
    result.stdout.fnmatch_lines(["FAILED evals/test_data.py::test_data[[]tiny-shared_pairs]*"])
    results = json.loads((project.path / "reports" / "results.json").read_text(encoding="utf-8"))["cases"]["tiny"]
    failed = [gate["metric"] for gate in results["gates"] if gate["name"] == "audit" and gate["verdict"] == "fail"]
    assert failed == ["shared_pairs"]
    assert results["audit"]["leaked_pairs"] == 30
    assert set(results["audit"]["leak_free"]) == {"base", "standard", "lora"}
    report = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    headline = report.split('class="case__headline">')[1].split("</p>")[0]
    assert headline.startswith("The evaluation set leaks: 30 of 84 pairs are in the training data")
    assert " instead of " in headline


def test_further_pairs_are_measured_and_those_that_were_trained_on_are_counted(project, write_case, tiny_content):
    """The further pairs are the training pairs here."""
    content = tiny_content()
    content["data"]["more"] = {"extra": "extra.jsonl"}
    case = write_case(project.path / "fixtures" / "tiny", content)
    (case.parent / "extra.jsonl").write_bytes((case.parent / "train.jsonl").read_bytes())
    run(project, "-m", "full", "-k", "test_trained")
    results = json.loads((project.path / "reports" / "results.json").read_text(encoding="utf-8"))["cases"]["tiny"]
    further = results["more"]["extra"]
    assert further["pairs"] == further["in_train"]
    assert further["models"].keys() == {"base", "standard", "lora"}
    for values in further["models"].values():
        assert values["spearman"]["interval"][0] < values["spearman"]["value"] < values["spearman"]["interval"][1]
    report = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    assert f"{further['pairs']} of its pairs are in the training data, and say nothing about new ones." in report


RATES = {"model": "lora", "of": "standard", "metric": "spearman", "stalls_at_most": 0.3, "learns_at_least": 0.5}


def test_a_checked_learning_rate_is_trained_judged_and_shown(planes, project, write_case, tiny_content):
    without = run(project, "-m", "full", "--collect-only", "-q")
    write_case(project.path / "fixtures" / "tiny", {**tiny_content(), "learning_rate": RATES})
    collected = run(project, "-m", "full", "--collect-only", "-q").stdout.str()
    assert "test_learning_rate.py::test_adapter_stalls_at_the_rate_of_full_fine_tuning[tiny-lora-spearman]" in collected
    assert "tiny-lora-spearman" not in without.stdout.str().split("test_learning_rate.py")[1].split("test_memory.py")[0]

    result = run(project, "-m", "full", "-k", "test_learning_rate")
    assert outcomes(result) == {"passed": 2}
    assert "(learning_rate 0.03)" not in result.stdout.str()  # its own: trained before
    case = json.loads((project.path / "reports" / "results.json").read_text(encoding="utf-8"))["cases"]["tiny"]
    assert [gate["name"] for gate in case["gates"]] == ["learns", "stalls"]
    assert [point["learning_rate"] for point in case["learning_rate"]["points"]] == [3e-3, 3e-2]
    own = case["models"]["lora"]["metrics"]["spearman"]["value"]
    assert case["learning_rate"]["points"][1]["value"] == own
    report = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    assert '<a href="#chart-tiny-learning_rate">' in report
    assert 'id="chart-tiny-learning_rate"' in report


def test_same_verdicts_with_workers(planes, project):
    alone = run(project, "-m", "full")
    results = project.path / "reports" / "results.json"
    expected = json.loads(results.read_text(encoding="utf-8"))
    spread = run(project, "-m", "full", "-n", "2")
    actual = json.loads(results.read_text(encoding="utf-8"))

    def sorted_gates(content):
        return sorted(content["cases"]["tiny"]["gates"], key=str)

    assert outcomes(alone) == outcomes(spread)
    assert sorted_gates(expected) == sorted_gates(actual)
    assert expected["cases"]["tiny"]["models"] == actual["cases"]["tiny"]["models"]


def test_bad_case_stops_the_run_before_any_work(project):
    case = project.path / "fixtures" / "tiny" / "case.toml"
    case.write_text(case.read_text(encoding="utf-8") + "\nspeed = 1\n", encoding="utf-8")
    result = run(project, "-m", "full")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*case.toml: speed: unknown key; expected one of *"])


def test_bad_baseline_stops_the_run_before_any_work(project):
    baseline = project.path / "baselines" / "tiny" / "baseline.json"
    baseline.parent.mkdir(parents=True)
    baseline.write_text("garbage", encoding="utf-8")
    result = run(project, "-m", "full")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*baseline.json: not a baseline: *Restore it from version control"])


def test_missing_case_file_is_named(project):
    result = run(project, "-m", "full", "--case", "no/such/case.toml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no/such/case.toml: cannot be read: No such file or directory*"])


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--seeds", "5"], {}, "*--seeds and --force-update only go with --update-baselines"),
        (["--force-update"], {}, "*--seeds and --force-update only go with --update-baselines"),
        (["--update-baselines", "--seeds", "2"], {}, "*--seeds: got 2, expected at least 3*"),
        (["--update-baselines"], {"CI": "true"}, "*CI is set, and baselines are a person's decision*"),
        (["--update-baselines", "-n", "2"], {}, "*run it in one process, without -n"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(pytester, monkeypatch, arguments, environment, message):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_collecting_imports_no_torch_and_leaves_no_report(project):
    project.makeconftest("""
        import sys

        def pytest_collection_finish():
            heavy = "torch transformers sentence_transformers peft umap hdbscan matplotlib sklearn".split()
            print("heavy imports:", [name for name in heavy if name in sys.modules])
    """)
    result = run(project, "-m", "full", "--collect-only", "-q", "-s")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*test_metric[[]tiny-lora-spearman]*", "heavy imports: []*"])
    assert not (project.path / "reports").exists()


def test_loading_the_plugin_imports_nothing_of_ours(pytester):
    pytester.makepyfile("""
        import sys

        def test_nothing():
            assert "harness.plugin" in sys.modules
            ours = {name for name in sys.modules if name.startswith("harness.")} - {"harness.plugin"}
            assert not ours | ({"numpy", "pydantic", "torch"} & set(sys.modules))
    """)
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest")
    assert outcomes(result) == {"passed": 1}


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_stopped_run_leaves_no_process_and_no_half_artefact(project, tiny_content, write_case, gone, sent):
    content = tiny_content()
    content["models"]["standard"]["epochs"] = 2000
    models = project.path / ".harness" / "store" / "model"
    before = {path.name for path in models.iterdir()}
    write_case(project.path / "fixtures" / "tiny", content)
    # A shell's background job, as CI may be, starts its processes deaf to Ctrl-C.
    hears = (
        "import signal, sys, pytest; signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(pytest.main())"
    )
    command = [sys.executable, "-c", hears, "evals", *OPTIONS, "-m", "full", "-k", "standard-train"]
    process = subprocess.Popen(command, cwd=project.path, start_new_session=True, stdout=subprocess.PIPE, text=True)
    try:
        assert any("epoch" in line for line in process.stdout)
        children = [
            int(pid)
            for pid in subprocess.check_output(["/bin/ps", "-o", "pid=", "-g", str(process.pid)], text=True).split()
            if int(pid) != process.pid
        ]
        assert children
        os.kill(process.pid, sent)
        process.communicate(timeout=20)
        assert all(gone(pid) for pid in children)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    if sent == signal.SIGINT:
        results = json.loads((project.path / "reports" / "results.json").read_text(encoding="utf-8"))
        assert "base" in results["cases"]["tiny"]["models"], "what is known is reported"
    assert {path.name for path in models.iterdir()} == before, "those that were trained before, and no other"
