"""In someone else's repository: the plugin acts on its own suite alone, and paths hang on the right directory."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

FOREIGN = """
def pytest_addoption(parser):
    group = parser.getgroup("theirs")
    group.addoption("--case", action="store", dest="their_case")
    group.addoption("--adapter", action="store_true", dest="their_adapter")
"""
THEIRS = """
import pytest

@pytest.mark.full
def test_full(request):
    assert request.config.getoption("their_case") == "x"

@pytest.mark.gate
def test_gate():
    pass
"""


@pytest.mark.parametrize("kind", ["full", "gate", "full or gate"])
def test_a_project_with_marks_and_options_of_the_same_names_is_left_alone(pytester, kind):
    pytester.makeini("[pytest]\nmarkers =\n    full: theirs\n    gate: theirs")
    (pytester.path / "their_plugin.py").write_text(FOREIGN, encoding="utf-8")
    pytester.makepyfile(test_theirs=THEIRS)
    found = pytester.runpytest_subprocess(
        "-p", "their_plugin", "-m", kind, "--case", "x", "--adapter", "--strict-markers"
    )
    found.assert_outcomes(passed=len(kind.split(" or ")), deselected=2 - len(kind.split(" or ")))
    assert not (pytester.path / "reports").exists()
    assert not (pytester.path / ".harness").exists()


def test_another_plugins_short_option_is_left_to_it_and_the_long_one_is_ours(gated):
    (gated.path / "their_plugin.py").write_text(FOREIGN, encoding="utf-8")
    short = gated.run("-p", "their_plugin", "--adapter", "-k", "files")
    short.stderr.fnmatch_lines(["*-m gate: got nothing to gate, expected one model that wants to ship*"])
    long = gated.run(
        "-p", "their_plugin", "--harness-adapter", gated.known, "--harness-case", "fixtures/tiny", "-k", "files"
    )
    long.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "got"),
    [((), "-m is missing"), (("-m", "ful"), "-m: got 'ful'"), (("-m", "not full"), "got 'not full'")],
)
def test_a_run_of_the_suite_without_a_known_kind_says_what_there_is(gated, arguments, got):
    found = gated.pytester.runpytest_subprocess("evals", "-p", "no:cacheprovider", *arguments)
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines(
        [f"*{got}; expected one of", "  pytest evals -m full *", "  pytest evals -m gate --adapter DIR *"]
    )
    assert not gated.reports.exists()


def test_a_candidate_outside_moves_neither_reports_nor_baselines_nor_the_store(gated, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere") / "models" / "läuft da"
    shutil.move(gated.path / "lora", outside)
    (gated.path / "tox.ini").unlink()
    (outside / "conftest.py").write_text("raise SystemExit('code of a candidate was run')", encoding="utf-8")
    found = gated.run("--adapter", outside, "--case", "fixtures/tiny", "-k", "metric and spearman or baseline")
    assert "code of a candidate" not in found.stdout.str() + found.stderr.str()
    assert {"lora", "base"} == set(gated.results["models"])
    assert (gated.path / ".harness" / "store" / "embeddings").is_dir()
    assert not {"reports", "baselines", ".harness"} & {path.name for path in outside.parents[1].rglob("*")}


def test_settings_hang_on_the_ini_file_wherever_pytest_is_started(gated):
    gated.pytester.makeini(
        "[pytest]\nharness_cases = cases/*/case.toml\nharness_baselines = stored\n"
        "harness_reports = out/reports\nharness_store = ../../kept"
    )
    gated.path.joinpath("kept").mkdir()
    shutil.move(gated.path / "fixtures", gated.path / "cases")
    shutil.move(gated.path / "baselines", gated.path / "stored")
    gated.pytester.makeini(
        f"[pytest]\nharness_cases = cases/*/case.toml\nharness_baselines = stored\n"
        f"harness_reports = out/reports\nharness_store = {gated.path / 'kept'}"
    )
    below = gated.path / "evals" / "deep"
    below.mkdir()
    os.chdir(below)
    found = gated.pytester.runpytest_subprocess(
        gated.path / "evals", "-p", "no:cacheprovider", "-m", "gate", "--adapter", gated.path / "lora", "-k", "baseline"
    )
    found.assert_outcomes(passed=1)
    assert (gated.path / "out" / "reports" / "gate" / "report.html").is_file()
    assert "*\n" == (gated.path / "kept" / ".gitignore").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "choice", "options"),
    [
        ("reports", "--html, or harness_reports in the ini file", ()),
        (".harness", "harness_store in the ini file", ()),
        ("baselines", "harness_baselines in the ini file", ("--update-baselines",)),
    ],
)
def test_a_directory_that_cannot_be_written_to_is_said_before_any_work(project, name, choice, options):
    if (project.path / name).exists():
        shutil.rmtree(project.path / name)
    (project.path / name).touch()  # root may write into any directory
    found = project.run(*options)
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines([f"*{name}*: cannot be written to (*); expected a directory that can be; *by {choice}"])
    assert "INTERNALERROR" not in found.stdout.str()


def test_a_missing_library_is_named_with_the_line_that_installs_it(gated):
    gated.pytester.makeconftest("""
        import harness.errors

        found = harness.errors.find_spec
        harness.errors.find_spec = lambda name: None if name == "torch" else found(name)
    """)
    found = gated.run("--adapter", "lora")
    assert pytest.ExitCode.USAGE_ERROR == found.ret
    found.stderr.fnmatch_lines(['*torch is missing: pip install "pytest-embedding-harness[[]train[]]"'])


def test_a_folder_named_as_the_package_does_the_commands_no_harm(tmp_path):
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness" / "__init__.py").write_text("raise SystemExit('theirs')", encoding="utf-8")
    (tmp_path / "pytest.py").write_text("raise SystemExit('theirs')", encoding="utf-8")
    script = Path(sys.executable).with_name("embedding-harness")
    for arguments in (["--help"], ["run", "--collect-only", "-q"], ["audit"]):
        found = subprocess.run([script, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "theirs" not in found.stdout + found.stderr
        if arguments != ["--help"]:
            assert "no case: expected fixtures/*/case.toml" in found.stdout + found.stderr


def test_the_wheel_holds_the_suite(repository, tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    suite = {f"harness/evals/{path.name}" for path in (repository / "evals").glob("*.py")}
    assert suite < names
    assert {"harness/evals/test_gates.py", "harness/report/templates/page.html.j2"} < names
    assert not [name for name in names if name.startswith(("tests/", "fixtures/", "evals/"))]


EXTRAS = "torch transformers sentence_transformers peft datasets hdbscan sklearn umap matplotlib pyarrow pytest_html"
WITHOUT = f"""
from importlib.machinery import PathFinder

found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *rest: None if name.partition(".")[0] in "{EXTRAS}".split() else found(name, *rest)
"""


def test_without_the_extras_scores_are_compared_pairs_audited_and_pytest_starts(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(WITHOUT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    scores = tmp_path / "scores.csv"
    rows = [(0.5 + 0.01 * row, 1) for row in range(30)] + [(0.4 - 0.01 * row, 0) for row in range(30)]
    scores.write_text("score,label\n" + "".join(f"{s},{y}\n" for s, y in rows), encoding="utf-8")

    def run(*arguments):
        command = [sys.executable, "-P", "-m", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert 0 == run("harness", "compare", str(scores), str(scores)).returncode
    assert (0, "") == ((made := run("harness", "init")).returncode, made.stderr)
    audited = run("harness", "audit")
    assert (0, True) == (audited.returncode, "11 pass" in audited.stdout), audited
    refused = run("pytest", "-p", "embedding_harness", "--pyargs", "harness.evals", "-m", "full")
    assert 'pip install "pytest-embedding-harness[train]"' in refused.stdout + refused.stderr
