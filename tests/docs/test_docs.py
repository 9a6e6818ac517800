"""The documentation names commands, options and imports that exist; its generated parts are as the code says."""

import ast
import importlib
import re
import runpy
import tomllib
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import harness
from harness.cli import COMMANDS, main
from harness.config import read_case
from harness.data.audit import CHECKS
from harness.metrics import METRICS
from harness.plugin.options import OPTIONS, RUNS

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def blocks(path, language):
    """The fenced blocks of one language."""
    tokens = MarkdownIt().parse(path.read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def commands(start):
    """Every command that begins so, in a block or in backquotes, without its comment."""
    return sorted({command for path in PAGES for command in _commands(path) if command.startswith(start)})


def _commands(path):
    for token in MarkdownIt().enable("table").parse(path.read_text(encoding="utf-8")):
        if token.type == "fence":
            yield from (line.removeprefix("- run: ").partition("  #")[0].strip() for line in token.content.splitlines())
        elif token.type == "inline":
            yield from (child.content for child in token.children or () if child.type == "code_inline")


def test_readme_is_short():
    lines = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    assert (len(lines) <= 120, [line for line in lines if len(line) > 140]) == (True, [])


def test_generated_parts_are_as_the_code_says():
    generate = runpy.run_path(str(REPOSITORY / "docs" / "generate.py"))
    for page in generate["PAGES"]:
        written = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
        assert generate["page_text"](page) == written, f"docs/{page}: run `make docs`"


def test_every_notebook_runs_and_shows_what_is_stored():
    generate = runpy.run_path(str(REPOSITORY / "docs" / "generate.py"))
    assert {path.name for path in (REPOSITORY / "docs").glob("*.ipynb")} == {*generate["NOTEBOOKS"]}
    for notebook in generate["NOTEBOOKS"]:
        written = (REPOSITORY / "docs" / notebook).read_text(encoding="utf-8")
        assert generate["notebook_text"](notebook) == written, f"docs/{notebook}: run `make docs`"


def test_pytest_options_and_markers_exist():
    found = commands("pytest evals/")
    options = {"--html", "--junitxml", *(f"--{name}" for name in OPTIONS)}  # the first of pytest-html and pytest
    used = {option for command in found for option in re.findall(r"--[a-z][\w-]*", command)}
    chosen = {name for command in found for name in re.findall(r" -m (\w+)", command)}
    assert (set(), set()) == (used - options, chosen - set(RUNS))
    assert {"--adapter", "--case", "--update-baselines", "bench", "full", "gate", "learning_rate"} <= used | chosen


def test_commands_of_the_harness_exist(capsys):
    found = commands("embedding-harness ")
    assert set(COMMANDS) == {command.split()[1] for command in found}
    for command in found:
        with pytest.raises(SystemExit, match="0"):
            main([command.split()[1], "--help"])
        known = capsys.readouterr().out
        assert [] == [option for option in re.findall(r"--\w+", command) if option not in known]


def test_targets_of_make_exist():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    workflows = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / ".github/workflows").glob("*.yml"))
    script = (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    called = {command.split()[1] for command in commands("make ")}
    called |= set(re.findall(r"(?:run: |^)make ([\w-]+)", workflows + script, re.MULTILINE))
    assert set() == called - set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    assert {"evals", "evals-all", "gate", "test"} <= called


def test_the_public_api_is_listed():
    table = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8").partition("\n## ")[0]
    listed = [name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)", row)]
    assert sorted(listed) == sorted(set(harness.__all__) - {"__version__"})
    assert [] == [name for name in listed if not hasattr(harness, name)]


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{path.name}-{number}")
        for path in PAGES
        for number, block in enumerate(blocks(path, "python"))
    ],
)
def test_python_imports_exist(block):
    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(str(node.module))
            assert [] == [alias.name for alias in node.names if not hasattr(module, alias.name)]


def test_the_case_of_the_readme_can_be_run(tmp_path):
    [case] = blocks(REPOSITORY / "README.md", "toml")
    assert len([line for line in case.splitlines() if line]) <= 15
    for name in tomllib.loads(case)["data"].values():
        (tmp_path / name).write_bytes((REPOSITORY / "fixtures" / "dating" / name).read_bytes())
    (tmp_path / "case.toml").write_text(case, encoding="utf-8")
    assert ("base", "standard", "lora") == tuple(read_case(tmp_path / "case.toml").model_names)


def test_every_key_of_a_case_is_explained_with_its_type_and_default():
    page = (REPOSITORY / "docs" / "cases.md").read_text(encoding="utf-8").partition("## Every key")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| `")]
    assert [] == [row for row in rows if len(row) != 4 or not row[3]]
    for key, _, default, _ in rows:
        tomllib.loads(f"{key[1:-1]} = {default[1:-1]}" if default.startswith("`") else "")
    for row in (
        ["`learning_rate`", "number, above 0", "**required**"],
        ["`rank`", "integer, at least 1", "`8`"],
        ["`strategy`", 'one of "full", "lora", "head"', "**required**"],
        ["`sha256`", "table of text", ""],
        ["`relative_performance`", "list of tables", ""],
        ["`train`", "text or table", ""],
    ):
        assert row in [known[:3] for known in rows]
    assert {*CHECKS, *METRICS} <= {row[0].strip("`") for row in rows}
