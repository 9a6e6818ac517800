"""`embedding-harness compare`: what it prints, and its exit status."""

import subprocess
import sys

from harness.cli import main


def test_exit_status(written, capsys):
    a, worse = (str(written(name, **changes)) for name, changes in (("a", {}), ("b", {"value": 0.1})))
    assert main(["compare", a, a]) == 0
    assert capsys.readouterr().out.endswith("No regression: 0 worse, 0 better, 21 same; 0 gates fail that did not.\n")
    assert main(["compare", a, worse, "--format", "markdown"]) == 1
    assert capsys.readouterr().out.startswith("### Embedding results, B against A\n\n**Regression: 1 worse")


def test_what_cannot_be_compared_is_status_2(written, tmp_path, capsys):
    other = tmp_path / "old.json"
    other.write_text('{"schema": 1}', encoding="utf-8")
    assert main(["compare", str(written("a")), str(other)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{other}: schema: got 1, of an older version of the harness, expected 2: run again")
    command = [sys.executable, "-m", "harness", "compare", "one.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the following arguments are required: B" in done.stderr


def test_help_loads_nothing_and_comparing_nothing_heavy(written):
    path = str(written("a"))
    heavy = "{'torch', 'matplotlib', 'sklearn', 'scipy', 'jinja2', 'transformers', 'pytest'}"
    source = (
        "import sys\nfrom harness.cli import main\n"
        "try:\n    main(['compare', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'numpy' not in sys.modules\n"
        f"main(['compare', {path!r}, {path!r}])\nprint({heavy} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("set()\n")
