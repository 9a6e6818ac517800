"""`-m full` through the whole life of a baseline: missing, written, pass, changed, fail, updated."""

import json
import math
import os
import signal
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from harness import compute_metrics
from harness.gates import GATES, subjects


def edit(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def make_lora_better(content, pairs):
    """Store what a lora would have that scores positive pairs higher: scores, and the values that follow from them."""
    scores = [round(row["lora"] + 0.3 * label, 6) for row, label in zip(content["scores"], pairs.labels, strict=True)]
    for row, score in zip(content["scores"], scores, strict=True):
        row["lora"] = min(1.0, score)
    found = compute_metrics(
        [row["lora"] for row in content["scores"]],
        pairs.labels,
        categories=pairs.categories,
        pair_types=pairs.pair_types,
    )
    stored = content["models"]["lora"]
    values = [(stored["metrics"][name], result.value) for name, result in found.metrics.items()]
    for category, metrics in stored["categories"].items():
        values += [(metrics[name], found.categories[category].metrics[name]) for name in metrics]
    for one, value in values:
        if not math.isnan(value):  # cluster purity is no function of the scores
            one["value"] = one["seeds"]["1"] = round(value, 6)
            one["tolerance"] = min(one["tolerance"], 0.005)


def test_pytest_collects_the_table(project, tiny_inputs):
    """Every gate with every subject, once, under the markers of its row."""
    expected_ids = {
        "-".join(filter(None, ("tiny", gate.name, str(subject)))): gate.runs
        for gate in GATES.values()
        for subject in subjects(gate, tiny_inputs)
    }
    for kind in ("full", "bench"):
        lines = project.run("--collect-only", "-q", kind=kind).stdout.lines
        found = [line.partition("test_gate[")[2].removesuffix("]") for line in lines if "test_gate[" in line]
        assert sorted(found) == sorted(name for name, runs in expected_ids.items() if kind in runs)
        audits = [name.startswith("tiny-audit-") for name in found]
        assert audits == sorted(audits, reverse=True), "the audit comes before any training"
    assert len(expected_ids) > 60


def test_whole_life_of_a_baseline(projected, project, tiny_inputs, outcomes, monkeypatch):
    missing = project.run()
    assert missing.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(missing)["failed"] == 1, "one cause is one failure"
    missing.stdout.fnmatch_lines(
        [f"*no baseline yet at {project.baseline}: look at the report, then run with --update-baselines*"]
    )
    assert project.gates("fail") == {"baseline"}
    assert project.skipped == dict.fromkeys(("stability", "metric", "category"), "baseline")
    assert not project.baseline.exists()
    assert "power" not in project.results["models"]["lora"]["analyses"]

    written = project.run("--update-baselines")
    assert written.ret == pytest.ExitCode.OK
    written.stdout.fnmatch_lines(["*baselines/tiny/baseline.json: updated*", "new: 3 models, *"])
    first = project.baseline.read_bytes()
    assert project.results["updated"], "its values are held against themselves"
    written.stdout.fnmatch_lines(["tiny: may ship: yes. Baseline stored now: *"])
    assert project.results["models"]["lora"]["recipe"]["strategy"] == "lora"

    passing = project.run("--junitxml=junit.xml")
    assert passing.ret == pytest.ExitCode.OK
    assert outcomes(passing) == outcomes(written) == {"passed": project.results["expected"]}
    assert "train tiny" not in passing.stdout.str()
    junit = ET.parse(project.path / "junit.xml")  # noqa: S314 - written by this very run
    testcase = junit.find(".//testcase[@name='test_gate[tiny-metric-lora-spearman]']")
    properties = {node.get("name"): node.get("value") for node in testcase.iter("property")}
    assert {
        "case": "tiny",
        "gate": "metric",
        "subject": "lora-spearman",
        "outcome": "pass",
    }.items() <= properties.items()
    assert float(properties["observed"]) == pytest.approx(float(properties["reference"]), abs=1e-6)
    assert (project.reports / "report.html").stat().st_size > 10_000
    assert "power" in project.results["models"]["lora"]["analyses"]

    def edited(content):
        content["models"]["lora"]["metrics"]["spearman"]["value"] += 0.1

    edit(project.baseline, edited)
    project.run().stdout.fnmatch_lines(["*not comparable: lora spearman: the stored value is *, its stored scores *"])
    edit(project.baseline, lambda content: make_lora_better(content, tiny_inputs.eval))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    failing = project.run()
    assert failing.ret == pytest.ExitCode.TESTS_FAILED
    failing.stdout.fnmatch_lines(["*lora spearman *, stored *, tolerance *: worse by *"])
    failing.stdout.fnmatch_lines(["::error title=*::lora spearman * worse by *"])
    assert "worse by " in (project.path / "summary.md").read_text(encoding="utf-8")
    failed = [key for key, outcome in project.verdicts.items() if outcome == "fail"]
    assert ("metric", "lora", "spearman") in failed
    assert {("metric", "lora"), ("category", "lora")} >= {key[:2] for key in failed}
    assert len(failed) == outcomes(failing)["failed"]

    repaired = project.run("--update-baselines")
    assert repaired.ret == pytest.ExitCode.OK
    repaired.stdout.fnmatch_lines(["models.lora.metrics.spearman.value: * -> *"])
    assert project.baseline.read_bytes() == first
    project.run("--update-baselines").stdout.fnmatch_lines(["*baseline.json: unchanged*"])
    assert not project.results["updated"], "nothing was stored"


def test_update_refuses_when_a_hard_gate_fails(projected, project, write_case, tiny_content, outcomes):
    content = tiny_content()
    content["gates"]["memory_mb"]["encode"] = 1
    write_case(project.path / "fixtures" / "tiny", content)
    result = project.run("--update-baselines")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*not updated, hard gates of case tiny failed:*", "*encode base: peak * MB, ceiling 1 MB*"]
    )
    assert set(outcomes(result)) == {"errors", "skipped"}
    assert outcomes(result)["errors"] == 1, "one cause is one failure"
    assert not project.baseline.exists()
    assert " not updated, hard gates of case tiny failed: " in project.headline


def test_a_leaky_case_fails_for_this_reason_and_the_report_says_it_first(project):
    case = project.path / "fixtures" / "tiny"
    train, evaluation = (
        (case / name).read_text(encoding="utf-8").splitlines() for name in ("train.jsonl", "eval.jsonl")
    )
    known = [json.loads(line) for line in train[:30]]
    turned = [json.dumps({**row, "text_1": row["text_2"].upper(), "text_2": row["text_1"]}) for row in known]
    (case / "eval.jsonl").write_text("\n".join([*turned, *evaluation[30:]]) + "\n", encoding="utf-8")

    result = project.run("-k", "audit or beats_base")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "above (30 of 84 eval pairs are in train): eval.jsonl:1 = train.jsonl:1: *"
    result.stdout.fnmatch_lines([f"*Eval pairs in train: 35.71%, limit 0.00%: {said}"])
    assert [key for key, outcome in project.verdicts.items() if outcome == "fail"] == [("audit", "shared_pairs")]
    assert project.results["audit"]["leaked"] == 30
    assert set(project.results["models"]["lora"]["without_leakage"]) > {"spearman"}
    assert project.headline.startswith("The evaluation set leaks: 30 of 84 pairs are in the training data")
    assert " instead of " in project.headline


def test_a_checked_learning_rate_has_a_run_of_its_own(projected, project, write_case, tiny_content, outcomes):
    check = {"model": "lora", "reference": "standard", "metric": "spearman"}
    limits = {"stalls_at_most": 0.3, "learns_at_least": 0.5}
    write_case(project.path / "fixtures" / "tiny", {**tiny_content(), "learning_rate": check | limits})
    assert "stalls" not in project.run("--collect-only", "-q").stdout.str()
    result = project.run(kind="learning_rate")
    assert outcomes(result) == {"passed": 2}
    assert "(learning_rate 0.03)" not in result.stdout.str()  # its own: trained before
    project.reports = project.path / "reports" / "learning_rate"
    assert [gate for gate, *_ in project.verdicts] == ["stalls", "learns"]
    points = project.results["learning_rate"]["points"]
    assert [point["learning_rate"] for point in points] == [3e-3, 3e-2]
    assert points[1]["value"] == project.results["models"]["lora"]["metrics"]["spearman"]["value"]
    assert 'id="chart-tiny-learning_rate"' in (project.reports / "report.html").read_text(encoding="utf-8")


def test_same_verdicts_with_workers(projected, project, outcomes):
    alone, first = project.run(), project.results
    spread, second = project.run("-n", "2"), project.results
    assert outcomes(alone) == outcomes(spread), "one cause is one failure, whichever worker meets it"
    assert outcomes(alone)["failed"] == 1
    assert first["verdicts"] == second["verdicts"]
    assert first["models"] == second["models"]


def test_a_failed_training_is_one_failure_and_costs_no_other_models_report(
    projected, project, write_case, tiny_content, outcomes
):
    """A loss that falls apart: the weights come out as NaN."""
    content = tiny_content()
    content["models"]["lora"]["learning_rate"] = 1e30
    write_case(project.path / "fixtures" / "tiny", content)
    result = project.run("-k", "lora or base")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    failed = [line for line in result.stdout.lines if line.startswith("FAILED")]
    assert sum("lora" in line and "baseline" not in line for line in failed) == 1, failed
    assert set(project.results["missing"]) == {"lora"}
    assert set(project.results["models"]) == {"base", "standard"}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda project: edit_case(project, "\nspeed = 1\n"), "*case.toml: speed: unknown key; expected one of *"),
        (
            lambda project: write(project.baseline, "garbage"),
            "*baseline.json: not JSON: *Restore it from version*",
        ),
    ],
    ids=["case", "baseline"],
)
def test_a_refused_run_stops_before_any_work_and_leaves_the_last_report(project, spoil, said):
    project.run("-k", "audit")
    before = {path.name: path.read_bytes() for path in project.reports.iterdir()}
    spoil(project)
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
    assert {path.name: path.read_bytes() for path in project.reports.iterdir()} == before
    missing = project.run("--case", "no/such/case.toml")
    assert missing.ret == pytest.ExitCode.USAGE_ERROR
    missing.stderr.fnmatch_lines(["*no/such/case.toml: cannot be read: No such file or directory*"])
    assert {path.name: path.read_bytes() for path in project.reports.iterdir()} == before


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def edit_case(project, text):
    case = project.path / "fixtures" / "tiny" / "case.toml"
    case.write_text(case.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["--seeds", "5"], {}, "*--seeds and --force-update only go with --update-baselines"),
        (["--ray-address", "auto"], {}, "*--ray-address only goes with --executor ray"),
        (["-n", "2", "--dist", "each"], {}, "*--dist each would judge each gate in every worker; expected another*"),
        (["--executor", "ray", "-m", "speed"], {}, "*--executor ray: -m speed measures this machine"),
        (["--executor", "ray", "-n", "2"], {}, "*--executor ray: run it in one process, without -n*"),
        (["--force-update"], {}, "*--seeds and --force-update only go with --update-baselines"),
        (["--update-baselines", "--seeds", "2"], {}, "*--seeds: got 2, expected at least 3*"),
        (["--update-baselines"], {"CI": "true"}, "*CI is set, and baselines are a person's decision*"),
        (["--update-baselines", "-n", "2"], {}, "*run it in one process, without -n"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(pytester, monkeypatch, arguments, environment, message):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = pytester.runpytest_subprocess("--pyargs", "harness.evals", "-m", "full", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_collecting_imports_no_torch_and_leaves_no_report(project):
    project.pytester.makeconftest("""
        import sys

        def pytest_collection_finish():
            heavy = "torch transformers sentence_transformers peft umap hdbscan matplotlib sklearn ray".split()
            print("heavy imports:", [name for name in heavy if name in sys.modules])
    """)
    result = project.run("--collect-only", "-q", "-s")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*test_gate[[]tiny-metric-lora-spearman]*", "heavy imports: []*"])
    assert not project.reports.exists()


def test_loading_the_plugin_imports_nothing_but_itself(pytester):
    pytester.makepyfile("""
        import sys

        def test_nothing():
            assert "harness.plugin" in sys.modules
            others = [name for name in sys.modules if name.startswith("harness.") and "harness.plugin" not in name]
            assert not others
            assert not {"numpy", "pydantic", "torch"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=str)
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
    command = [sys.executable, "-c", hears, "evals", "-p", "no:cacheprovider", "-m", "full"]
    process = subprocess.Popen(
        [*command, "--import-mode=importlib", "-k", "memory-base or standard-train"],
        cwd=project.path,
        start_new_session=True,
        stdout=subprocess.PIPE,
        text=True,
    )
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
    if sent != signal.SIGKILL:
        assert "base" in project.results["models"], "what is known is reported"
    assert {path.name for path in models.iterdir()} == before, "those that were trained before, and no other"
