"""`-m gate`, as people and CI call it: options, the outcome for a good and a bad candidate, and what it leaves."""

import shutil

import pytest

USAGE = [
    "*-m gate: got *, expected one model that wants to ship:",
    "  pytest --pyargs harness.evals -m gate --adapter DIR      a PEFT adapter, on the case's base",
    "  pytest --pyargs harness.evals -m gate --full-model DIR   a whole sentence-transformers model",
    "and where they are needed: --case PATH, --as MODEL (what it is compared with), --base-model DIR",
]
CHECKS = ("files", "base", "complete", "exact_merge", "load_paths", "settings", "record", "training_data")
VERIFY = " or ".join(f"tiny-{check}-lora" for check in CHECKS)
# Printed when pytest is done, however it ended.
TELLS_IMPORTS = """
    import sys

    def pytest_unconfigure(config):
        heavy = "torch transformers sentence_transformers peft".split()
        print("heavy imports:", [name for name in heavy if name in sys.modules])
"""


def refused(result, *lines):
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(list(lines))
    result.stdout.no_fnmatch_line("*test_gate*")


def built(project):
    """Every artefact in the store, with the time at which it was made."""
    store = project.path / ".harness" / "store"
    return {path.relative_to(store).as_posix(): path.stat().st_mtime_ns for path in store.glob("*/*") if path.is_dir()}


def change_tensors(path, change):
    from safetensors.numpy import load_file, save_file

    tensors = {name: change(name, tensor) for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "got"),
    [
        ([], "nothing to gate"),
        (["--as", "lora"], "--as"),
        (["--base-model", "base"], "--base-model"),
        (["--adapter", "lora", "--full-model", "standard"], "--adapter and --full-model"),
    ],
)
def test_without_one_model_to_gate_it_says_how_to_use_it(pytester, arguments, got):
    result = pytester.runpytest_subprocess("--pyargs", "harness.evals", "-m", "gate", *arguments)
    refused(result, USAGE[0].replace("got *", f"got {got}"), *USAGE[1:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "bench", "--adapter", "lora"], "*--adapter only goes with -m gate"),
        (["-m", "full", "--full-model", "x", "--as", "y"], "*--full-model, --as only goes with -m gate"),
        (["-m", "gate or full", "--adapter", "lora"], "*-m gate and -m full are two runs: *"),
        (
            ["-m", "gate", "--adapter", "lora", "--update-baselines"],
            "*--update-baselines goes with -m full: what was trained elsewhere is no reference",
        ),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(pytester, arguments, message):
    refused(pytester.runpytest_subprocess("--pyargs", "harness.evals", *arguments), message)


@pytest.mark.parametrize(
    ("option", "path", "said"),
    [
        ("--adapter", "no/such", "nothing there; expected the directory of a PEFT adapter; of a model on the hub *"),
        ("--full-model", "tox.ini", "a file; expected the directory of a sentence-transformers model"),
    ],
)
def test_a_path_without_a_directory_is_refused_at_once_and_leaves_the_last_report(gated, option, path, said):
    gated.reports.mkdir(parents=True)
    (gated.reports / "report.html").write_text("of the last run", encoding="utf-8")
    gated.pytester.makeconftest(TELLS_IMPORTS)
    result = gated.run(option, path)
    refused(result, f"*{option} {path}: {said}")
    result.stdout.fnmatch_lines(["heavy imports: []"])
    assert [file.name for file in gated.reports.iterdir()] == ["report.html"]
    assert (gated.reports / "report.html").read_text(encoding="utf-8") == "of the last run"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lora", "*lora: names training pairs ????????????, and there are *other/case.toml, *tiny/case.toml; *"),
        ("unrecorded", "*unrecorded: names no training pairs, and there are *other/case.toml, *tiny/case.toml; *"),
        ("no/such", "*no/such: no directory; expected the model that wants to ship"),
    ],
)
def test_of_several_cases_that_it_may_be_of_one_is_asked_for(gated, write_case, tiny_content, path, said):
    other = write_case(gated.path / "fixtures" / "other", tiny_content())
    shutil.copytree(gated.path / "lora", gated.path / "unrecorded", ignore=shutil.ignore_patterns("training.*"))
    refused(gated.run("--adapter", path), said)
    chosen = gated.run("--adapter", "lora", "--case", str(other), "--collect-only", "-q")
    chosen.stdout.fnmatch_lines(["*test_gate[[]other-files*]"])
    chosen.stdout.no_fnmatch_line("*[[]tiny-*")


# --- the base ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def digests(gated, write_case, tiny_content, tiny_base_path):
    """The tiny case as one that cannot find its base itself, and says which digests it must have."""
    from harness.execution import file_digest

    content = tiny_content()
    sha256 = {name: file_digest(tiny_base_path / name) for name in ("model.safetensors", "tokenizer.json")}
    content["base"] = {"name": "tiny", "path": "nowhere", "sha256": sha256}
    return write_case(gated.path / "fixtures" / "tiny", content)


def test_a_base_elsewhere_is_verified_the_same(gated, digests, tiny_base_path, build_tiny_base):
    shutil.copytree(tiny_base_path, gated.path / "copy")
    result = gated.run("--adapter", gated.known, "--base-model", "copy", "-k", f"{VERIFY} or baseline")
    assert result.ret == pytest.ExitCode.OK
    refused(gated.run("--adapter", "lora"), "*no directory *nowhere*")
    said = "*--base-model gone: nothing there; expected the directory of tiny*"
    refused(gated.run("--adapter", "lora", "--base-model", "gone"), said)
    other = build_tiny_base(gated.path / "other", seed=5)
    said = f"*{other / 'model.safetensors'}: sha256 *, the case expects *: not the model that the case names. *"
    refused(gated.run("--adapter", "lora", "--base-model", "other"), said)


# --- good candidates --------------------------------------------------------------------------------------------------


def test_a_good_adapter_passes_again_and_again(gated, outcomes):
    gated.pytester.makeconftest(TELLS_IMPORTS)
    other_report = gated.path / "reports" / "report.html"
    other_report.parent.mkdir()
    other_report.write_text("of a full run", encoding="utf-8")
    result = gated.run("--adapter", "lora", "-n", "2")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["heavy imports: []"])
    assert set(gated.verdicts.values()) == {"pass"}
    assert set(CHECKS) <= gated.gates("pass")
    assert outcomes(result) == {"passed": len(gated.verdicts)}
    assert len(gated.verdicts) == gated.results["expected"]
    assert set(gated.results["models"]) == {"base", "lora"}
    assert -1 <= gated.results["models"]["lora"]["analyses"]["operating_point"]["threshold"] <= 1
    assert other_report.read_text(encoding="utf-8") == "of a full run"
    assert not (gated.path / ".harness" / "store" / "model").exists(), "nothing is trained"

    first, before = gated.verdicts, built(gated)
    warm = gated.run(
        "--adapter", str(gated.path / "lora")
    )  # the same directory under its absolute name, in one process
    assert warm.ret == pytest.ExitCode.OK
    assert outcomes(result) == outcomes(warm)
    assert (first, before) == (gated.verdicts, built(gated))
    for stage in ("verify tiny", "encode tiny", "train tiny", "project tiny"):
        assert stage not in warm.stdout.str()


def test_without_a_record_it_passes_with_warnings(gated, outcomes):
    for name in ("training.json", "training.safetensors"):
        (gated.path / "lora" / name).unlink()
    result = gated.run("--adapter", "lora", "-k", VERIFY)
    assert result.ret == pytest.ExitCode.OK
    # The base that it names is at hand here, and so known by its digest.
    assert gated.gates("inconclusive") == {"record", "training_data"}
    result.stdout.fnmatch_lines(["*lora record: no probe embeddings of the trained model; record it *"])
    assert f" Only {len(CHECKS)} of " in gated.headline

    strict = gated.run("--adapter", "lora", "-k", VERIFY, "--strict-verdicts")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(strict)["failed"] == 2
    assert " Under --strict-verdicts, what is inconclusive counts as a failure." in gated.headline


# --- bad candidates ---------------------------------------------------------------------------------------------------


def test_half_a_record_is_one_failure_and_what_needs_it_points_there(gated, outcomes):
    (gated.path / "lora" / "training.safetensors").unlink()
    result = gated.run("--adapter", "lora", "-k", VERIFY)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(result)["failed"] == 1
    assert gated.gates("fail") == {"record"}
    assert set(gated.skipped.values()) == {"record"}
    result.stdout.fnmatch_lines(["*lora record: *training.safetensors: *; the record is two files, *"])


def test_a_candidate_that_holds_code_is_never_opened(gated, outcomes):
    (gated.path / "lora" / "old.pt").write_bytes(b"never opened")
    result = gated.run("--adapter", "lora")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(result)["failed"] == 1, "one cause is one failure"
    result.stdout.fnmatch_lines(["*old.pt: a pickle can run any code when it is opened; only safetensors ship*"])
    assert gated.gates("fail") == {"files"}
    assert {"load_paths", "metric", "memory"} <= {gate for gate, cause in gated.skipped.items() if cause == "files"}
    assert "verify tiny" not in result.stdout.str()


def test_what_another_test_would_report_fails_where_that_test_was_not_chosen(gated, outcomes):
    """Deselecting the gate that fails makes nothing pass in silence."""
    (gated.path / "lora" / "old.pt").write_bytes(b"never opened")
    result = gated.run("--adapter", "lora", "-k", "tiny-metric-lora")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(result)["failed"] == 1


def test_without_a_baseline_it_is_one_failure(gated, outcomes):
    shutil.rmtree(gated.path / "baselines")
    result = gated.run("--adapter", gated.known)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*no baseline yet at *: look at the report, then run with --update-baselines*"])
    assert outcomes(result)["failed"] == 1
    assert gated.gates("fail") == {"baseline"}
    assert {"settings", "metric", "category", "relative_performance"} <= set(gated.skipped)
