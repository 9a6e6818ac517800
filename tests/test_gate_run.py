"""`-m gate`, as people and CI call it: the way in, the answer to a good and a bad candidate, and what it leaves."""

from __future__ import annotations

import json
import shutil

import pytest

OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib", "--strict-markers")
USAGE = [
    "*-m gate: got *, expected one model that wants to ship:",
    "  pytest evals/ -m gate --adapter DIR      a PEFT adapter, on the case's base",
    "  pytest evals/ -m gate --full-model DIR   a whole sentence-transformers model",
    "and where they are needed: --case PATH, --as MODEL (what it is held against), --base-model DIR",
]
PROOFS = ("files", "base", "whole", "weights", "ways", "settings", "trained", "data")
# Printed when pytest is done, however it ended.
TELLS_IMPORTS = """
    import sys

    def pytest_unconfigure(config):
        heavy = "torch transformers sentence_transformers peft".split()
        print("heavy imports:", [name for name in heavy if name in sys.modules])
"""


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch):
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def reference(tiny_run, tmp_path_factory):
    """The tiny case's baseline and its trained models."""
    from harness.pipeline import train_model
    from harness.promises import update_baseline

    root = tmp_path_factory.mktemp("reference")
    update_baseline(tiny_run, root / "baselines", None)
    for name in ("standard", "lora"):
        trained = train_model(tiny_run.work, tiny_run.inputs, name)
        shutil.copytree(trained.path, root / name, ignore=shutil.ignore_patterns("manifest.json"))
    return root


@pytest.fixture
def project(pytester, repository, write_case, tiny_content, tiny_run, reference):
    """A project with the suite, the tiny case, its baseline, and two candidates: `lora` and `standard`."""
    shutil.copytree(repository / "evals", pytester.path / "evals")
    shutil.copytree(reference, pytester.path, dirs_exist_ok=True)
    write_case(pytester.path / "fixtures" / "tiny", tiny_content())
    for kind in ("embeddings", "evaluation"):  # of the base
        shutil.copytree(tiny_run.work.store.root / kind, pytester.path / ".harness" / "store" / kind)
    pytester.makeini("[pytest]")
    return pytester


def run(project, *arguments):
    return project.runpytest_subprocess("evals", *OPTIONS, *arguments)


def gate(project, *arguments):
    return run(project, "-m", "gate", *arguments)


def refused(result, *lines):
    result.stderr.fnmatch_lines(list(lines))
    result.stdout.no_fnmatch_line("*test_candidate*")
    return result.ret


def outcomes(result):
    return {name: count for name, count in result.parseoutcomes().items() if name in ("passed", "failed", "errors")}


def results(project):
    return json.loads((project.path / "reports" / "gate" / "results.json").read_text(encoding="utf-8"))["cases"]["tiny"]


def headline(project):
    """What the report says first."""
    html = (project.path / "reports" / "gate" / "report.html").read_text(encoding="utf-8")
    return html.split('class="case__headline">')[1].split("</p>")[0]


def verdicts(project):
    """(gate, model, metric) -> verdict."""
    return {(g["name"], g["model"], g["metric"]): g["verdict"] for g in results(project)["gates"]}


def broken(project):
    return {name for (name, _, _), verdict in verdicts(project).items() if verdict == "fail"}


def built(project):
    """Every artefact in the store, with the time at which it was made."""
    store = project.path / ".harness" / "store"
    return {path.relative_to(store).as_posix(): path.stat().st_mtime_ns for path in store.glob("*/*")}


def change_tensors(path, change):
    from safetensors.numpy import load_file, save_file

    tensors = dict(load_file(path))
    for name in tensors:
        tensors[name] = change(name, tensors[name])
    save_file(tensors, path, metadata={"format": "pt"})


# --- the way in -------------------------------------------------------------------------------------------------------


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
    result = pytester.runpytest_subprocess("-m", "gate", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([USAGE[0].replace("got *", f"got {got}"), *USAGE[1:]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--adapter", "lora"], "*--adapter only goes with -m gate"),
        (["-m", "full", "--adapter", "lora"], "*--adapter only goes with -m gate"),
        (["-m", "not gate", "--adapter", "lora"], "*--adapter only goes with -m gate"),
        (["-m", "full", "--full-model", "x", "--as", "y"], "*--full-model, --as only goes with -m gate"),
        (["--base-model", "base"], "*--base-model only goes with -m gate"),
        (["-m", "gate or full", "--adapter", "lora"], "*-m gate and -m full are two runs: *"),
        (["-m", "full or gate"], "*-m gate and -m full are two runs: *"),
        (
            ["-m", "gate", "--adapter", "lora", "--update-baselines"],
            "*--update-baselines goes with -m full: what comes from elsewhere is no reference",
        ),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(pytester, arguments, message):
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


@pytest.mark.parametrize(
    ("option", "path", "said"),
    [
        ("--adapter", "no/such", "nothing there; expected the directory of a PEFT adapter"),
        ("--adapter", "lora/adapter_config.json", "a file; expected the directory of a PEFT adapter"),
        ("--full-model", "no/such", "nothing there; expected the directory of a sentence-transformers model"),
        ("--full-model", "tox.ini", "a file; expected the directory of a sentence-transformers model"),
    ],
)
def test_a_path_without_a_directory_is_answered_at_once(project, option, path, said):
    project.makeconftest(TELLS_IMPORTS)
    result = gate(project, option, path)
    assert refused(result, f"*{option} {path}: {said}") == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["heavy imports: []"])
    assert not (project.path / ".harness" / "store" / "examination").exists()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one-process", "workers"])
def test_a_refused_run_leaves_no_older_answer_and_says_why(project, workers):
    reports = project.path / "reports" / "gate"
    assert gate(project, "--adapter", "lora", "-k", "says-files or comparable").ret == pytest.ExitCode.OK
    assert {"results.json", "report.html", "errors-tiny.csv"} == {path.name for path in reports.iterdir()}
    for name in ("errors-other.csv", "notes.txt"):
        (reports / name).write_text("of someone else", encoding="utf-8")

    said = "*--adapter no/such: nothing there; expected the directory of a PEFT adapter"
    assert refused(gate(project, "--adapter", "no/such", *workers), said) == pytest.ExitCode.USAGE_ERROR
    assert {"report.html", "errors-other.csv", "notes.txt"} == {path.name for path in reports.iterdir()}
    assert headline(project).startswith("Refused: --adapter no/such: nothing there; expected the directory of a PEFT ")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"cases": 3}', '{"cases": ["../x"]}'])
def test_results_that_no_run_wrote_are_replaced_all_the_same(project, content):
    results = project.path / "reports" / "gate" / "results.json"
    results.parent.mkdir(parents=True)
    results.write_text(content, encoding="utf-8")
    assert gate(project, "--adapter", "no/such").ret == pytest.ExitCode.USAGE_ERROR
    assert not results.exists()


def test_a_model_that_the_case_does_not_have_is_refused(project):
    result = gate(project, "--adapter", "lora", "--as", "big")
    said = "*--as big: not a model of *case.toml; expected one of standard, lora"
    assert refused(result, said) == pytest.ExitCode.USAGE_ERROR


def test_of_several_cases_the_one_that_it_was_trained_on_is_taken(project, write_case, tiny_content):
    other = write_case(project.path / "fixtures" / "other", tiny_content())
    pairs = other.parent / "train.jsonl"
    pairs.write_text(pairs.read_text(encoding="utf-8").replace("tea", "coffee"), encoding="utf-8")
    found = gate(project, "--adapter", "lora", "--collect-only", "-q")
    assert found.ret == pytest.ExitCode.OK
    found.stdout.fnmatch_lines(["*test_candidate_is_what_it_says[[]tiny-files]"])
    found.stdout.no_fnmatch_line("*[[]other-*")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("lora", "*lora: names training pairs ????????????, and there are *other/case.toml, *tiny/case.toml; *"),
        ("unrecorded", "*unrecorded: names no training pairs, and there are *other/case.toml, *tiny/case.toml; *"),
        ("no/such", "*no/such: no directory; expected the model that wants to ship"),
    ],
)
def test_of_several_cases_that_it_may_be_of_one_is_asked_for(project, write_case, tiny_content, path, said):
    other = write_case(project.path / "fixtures" / "other", tiny_content())
    shutil.copytree(project.path / "lora", project.path / "unrecorded", ignore=shutil.ignore_patterns("training.*"))
    result = gate(project, "--adapter", path)
    assert refused(result, said) == pytest.ExitCode.USAGE_ERROR
    chosen = gate(project, "--adapter", "lora", "--case", str(other), "--collect-only", "-q")
    assert chosen.ret == pytest.ExitCode.OK
    chosen.stdout.fnmatch_lines(["*test_candidate_is_what_it_says[[]other-files]"])
    chosen.stdout.no_fnmatch_line("*[[]tiny-*")


def test_of_several_models_one_is_asked_for(project, write_case, tiny_content):
    content = tiny_content()
    content["models"]["second"] = content["models"]["lora"]
    content["gates"]["memory_mb"]["train"]["second"] = 4000
    write_case(project.path / "fixtures" / "tiny", content)
    said = "*--adapter lora: *case.toml has 2 models with strategy 'lora': lora, second; say which one it stands for: *"
    assert refused(gate(project, "--adapter", "lora"), said) == pytest.ExitCode.USAGE_ERROR


def test_collecting_names_every_proof_and_trains_nothing(project):
    result = gate(project, "--adapter", "lora", "--collect-only", "-q")
    assert result.ret == pytest.ExitCode.OK
    found = [line.partition("::")[2] for line in result.stdout.lines if "::" in line]
    assert [f"test_candidate_is_what_it_says[tiny-{proof}]" for proof in PROOFS] == [n for n in found if "cand" in n]
    assert [] == [name for name in found if "train]" in name or "[tiny-standard-" in name]
    whole = gate(project, "--full-model", "standard", "--collect-only", "-q").stdout.str()
    assert ["whole"] == [proof for proof in ("whole", "weights") if f"says[tiny-{proof}]" in whole]
    assert "tiny-standard-spearman" in whole
    assert not (project.path / "reports").exists()


# --- the base ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def case_with_digests(project, write_case, tiny_content, tiny_base_path):
    """The tiny case as one that cannot find its base itself, and says which digests it must have."""
    from harness.store import file_digest

    content = tiny_content()
    digests = {name: file_digest(tiny_base_path / name) for name in ("model.safetensors", "tokenizer.json")}
    content["base"] = {"name": "tiny", "path": "nowhere", "sha256": digests}
    return write_case(project.path / "fixtures" / "tiny", content)


def test_a_copy_of_the_base_is_accepted(project, case_with_digests, tiny_base_path):
    shutil.copytree(tiny_base_path, project.path / "copy")
    result = gate(project, "--adapter", "lora", "--base-model", "copy", "-k", "says or comparable")
    assert result.ret == pytest.ExitCode.OK
    assert set() == broken(project)


def test_another_base_is_refused_before_any_work(project, case_with_digests, build_tiny_base):
    other = build_tiny_base(project.path / "other", seed=5)
    result = gate(project, "--adapter", "lora", "--base-model", "other")
    said = f"*{other / 'model.safetensors'}: sha256 *, the case expects *: not the model that the case names. *"
    assert refused(result, said) == pytest.ExitCode.USAGE_ERROR


def test_a_base_that_is_not_there_is_refused_before_any_work(project, case_with_digests):
    for arguments, said in (
        ([], "*no directory *nowhere*"),
        (["--base-model", "gone"], "*--base-model gone: nothing there; expected the directory of tiny*"),
    ):
        result = gate(project, "--adapter", "lora", *arguments)
        assert refused(result, said) == pytest.ExitCode.USAGE_ERROR


def test_another_base_without_digests_in_the_case_fails_its_proof(project, build_tiny_base):
    build_tiny_base(project.path / "other", seed=5)
    result = gate(project, "--adapter", "lora", "--base-model", "other", "-k", "says or comparable")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["*lora base: trained on tiny with digest *, but the case's base is tiny with digest *"]
    )
    result.stdout.fnmatch_lines(["*not comparable: the base is another: stored tiny with digest *"])
    assert {"base", "comparable"} <= broken(project)


# --- good candidates --------------------------------------------------------------------------------------------------


def test_a_good_adapter_passes_again_and_again(project):
    project.makeconftest(TELLS_IMPORTS)
    other_report = project.path / "reports" / "report.html"
    other_report.parent.mkdir()
    other_report.write_text("of a full run", encoding="utf-8")
    result = gate(project, "--adapter", "lora")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["heavy imports: []"])
    assert {"pass"} == set(verdicts(project).values())
    assert set(PROOFS) <= {name for name, _, _ in verdicts(project)}
    assert outcomes(result)["passed"] == len(verdicts(project))
    assert {"base", "lora"} == set(results(project)["models"])
    assert {"lora"} == set(results(project)["power"])
    assert "of a full run" == other_report.read_text(encoding="utf-8")
    assert [other_report] == [path for path in other_report.parent.glob("*") if path.is_file()]
    assert (project.path / "reports" / "gate" / "report.html").stat().st_size > 10_000
    assert not (project.path / ".harness" / "store" / "model").exists(), "nothing is trained"

    first, before = verdicts(project), built(project)
    warm = gate(project, "--adapter", str(project.path / "lora"))  # the same directory under its absolute name
    assert warm.ret == pytest.ExitCode.OK
    assert (first, before) == (verdicts(project), built(project))
    for stage in ("examine tiny", "encode tiny", "train tiny", "project tiny"):
        assert stage not in warm.stdout.str()

    shutil.rmtree(project.path / ".harness" / "store" / "examination")
    spread = gate(project, "--adapter", "lora", "-n", "2")
    assert spread.ret == pytest.ExitCode.OK
    assert outcomes(result) == outcomes(spread)
    assert (first, set(before)) == (verdicts(project), set(built(project)))


def test_a_good_model_passes(project):
    result = gate(project, "--full-model", "standard")
    assert result.ret == pytest.ExitCode.OK
    assert {"pass"} == set(verdicts(project).values())
    assert {"base", "standard"} == set(results(project)["models"])
    assert {*PROOFS} - {"weights"} == {*PROOFS} & {name for name, _, _ in verdicts(project)}


def test_without_a_record_it_passes_with_warnings(project):
    for name in ("training.json", "training.safetensors"):
        (project.path / "lora" / name).unlink()
    result = gate(project, "--adapter", "lora", "-k", "says")
    assert result.ret == pytest.ExitCode.OK
    unsure = {name for (name, _, _), verdict in verdicts(project).items() if verdict == "inconclusive"}
    # The base that it names is at hand here, and so known by its digest.
    assert {"trained", "data"} == unsure
    result.stdout.fnmatch_lines(["*lora trained: no probe embeddings of the trained model; record it *"])
    part = f"Only {len(PROOFS)} of "
    assert headline(project).startswith(part)

    strict = gate(project, "--adapter", "lora", "-k", "says", "--strict-verdicts")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(strict)["failed"] == 2
    assert headline(project).startswith(part)
    assert " gates ran. Blocked: lora trained: " in headline(project)
    assert headline(project).endswith("Under --strict-verdicts, what is inconclusive counts as a failure.")


# --- bad candidates ---------------------------------------------------------------------------------------------------


def test_an_untrained_adapter_fails_by_name(project):
    change_tensors(
        project.path / "lora" / "adapter_model.safetensors", lambda name, t: 0 * t if "lora_B" in name else t
    )
    result = gate(project, "--adapter", "lora", "-k", "says")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*lora weights: *the adapter changes no weight: every B x A is zero. *"])
    result.stdout.fnmatch_lines(["FAILED *test_candidate_is_what_it_says[[]tiny-weights]*"])
    assert {"weights", "trained"} <= broken(project)
    assert {"files", "base", "whole", "ways", "settings", "data"}.isdisjoint(broken(project))


def test_an_adapter_of_another_training_fails_by_name(project):
    change_tensors(project.path / "lora" / "adapter_model.safetensors", lambda _, t: 1.5 * t)
    result = gate(project, "--adapter", "lora", "-k", "says")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {"trained"} == broken(project)
    result.stdout.fnmatch_lines(["*lora trained: least cosine *: not the model that was trained"])


@pytest.mark.parametrize("gone", ["training.json", "training.safetensors"])
def test_half_a_record_fails_one_proof_and_the_others_point_to_it(project, gone):
    (project.path / "lora" / gone).unlink()
    result = gate(project, "--adapter", "lora", "-k", "says")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert {"trained"} == broken(project)
    unsure = {gate["name"]: gate["message"] for gate in results(project)["gates"] if gate["verdict"] == "inconclusive"}
    pointer = "not judged: the record of its training cannot be read (see the proof `trained`)"
    assert {name: f"lora {name}: {pointer}" for name in ("base", "whole", "weights", "data")} == unsure
    result.stdout.fnmatch_lines([f"lora trained: *{gone}: *; the record is two files, *"])


def test_a_candidate_that_holds_code_is_never_opened(project):
    (project.path / "lora" / "old.pt").write_bytes(b"never opened")
    result = gate(project, "--adapter", "lora", "-k", "says or lora-spearman")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*old.pt: a pickle can run any code when it is opened; only safetensors ship"])
    assert set(PROOFS) == broken(project)
    assert not (project.path / ".harness" / "store" / "examination").exists()
    result.stdout.fnmatch_lines(["lora ways: not judged: its files are refused (see the proof `files`)"])


def test_a_whole_model_is_not_taken_for_an_adapter(project):
    result = gate(project, "--adapter", "standard", "-k", "says")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*model.safetensors: a whole model, not an adapter alone; gate it with --full-model*"])


def test_without_a_baseline_nothing_passes_for_known(project):
    shutil.rmtree(project.path / "baselines")
    result = gate(project, "--adapter", "lora", "-k", "says or comparable or share or spearman")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*lora settings: not comparable: no baseline is stored; *"])
    assert {"comparable", "baseline", "settings", "share"} == broken(project)


def test_the_threshold_from_the_training_pairs_is_reported_and_further_pairs_are_not_measured(
    project, write_case, tiny_content
):
    content = tiny_content()
    content["data"]["more"] = {"extra": "extra.jsonl"}
    case = write_case(project.path / "fixtures" / "tiny", content)
    shutil.copy(case.with_name("train.jsonl"), case.with_name("extra.jsonl"))
    assert pytest.ExitCode.OK == gate(project, "--adapter", "lora").ret
    assert "more" not in results(project)
    assert -1 <= results(project)["models"]["lora"]["operating_point"]["threshold"] <= 1
