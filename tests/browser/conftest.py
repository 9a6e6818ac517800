"""A report with hostile texts, made by a real pytest run, opened in a real Chromium."""

import os
import shutil
import subprocess
import sys

import pytest

from harness.report import summary_html, write_errors

from ..synthetic import make_report, plain

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style></div></section><img src=x onerror=alert(1)>",
    "\u202eright-to-left \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "emoji \U0001f600\U0001f469\u200d\U0001f4bb",
    "long " + "word" * 2500,
    "a NUL \x00, a line separator \u2028, a surrogate \ud800",
    "{{ 7 * 7 }} ${alert(1)} &lt;b&gt;",
)
EVIL_TYPE = '"><img src=x onerror=alert(1)>'
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)

CONFTEST = """
from pathlib import Path

import pytest

from harness.gates import Subject, Verdict
from harness.report import result_cells


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_summary(prefix):
    prefix.append(Path(__file__).with_name("summary.html").read_text(encoding="utf-8"))


@pytest.hookimpl(optionalhook=True)
def pytest_html_results_table_row(report, cells):
    subject = Subject(model="lora", metric="auc_roc")
    verdict = Verdict(gate="metric", subject=subject, outcome="fail", observed=0.0, reference=1.0, message="worse")
    cells[:] = result_cells(cells, report.nodeid, [("hostile", verdict)])
"""

TESTS = """
import pytest


@pytest.mark.parametrize("category", ["<img src=x onerror=alert(1)>", "</script>"])
def test_category(category):
    pytest.fail(f"{category} is worse", pytrace=False)


def test_that_passes():
    pass
"""


def hostile(row):
    return plain(row) | {
        "text_1": f"{HOSTILE[row % len(HOSTILE)]} left {row}",
        "text_2": f"{HOSTILE[(row + 3) % len(HOSTILE)]} right {row}",
        "category": EVIL_TYPE if row % 2 else "plain",
        "pair_type": EVIL_TYPE if row % 4 == 0 else f"kind {row % 4}",
    }


@pytest.fixture(scope="session")
def hostile_report():
    """Three models, and a stored baseline of other trainings, so that pairs regress."""
    return make_report("hostile", count=66, pair=hostile, moved=range(0, 66, 3))


@pytest.fixture(scope="session")
def report_path(tmp_path_factory, hostile_report):
    """The report as pytest-html writes it, with the list of wrong pairs beside it."""
    project = tmp_path_factory.mktemp("project")
    summary = summary_html([hostile_report])
    contents = {"summary.html": summary, "conftest.py": CONFTEST, "test_it.py": TESTS, "pytest.ini": "[pytest]"}
    for name, content in contents.items():
        (project / name).write_text(content, encoding="utf-8")
    options = ("-p", "no:cacheprovider", "-p", "no:benchmark", "-q", "--html=report.html", "--self-contained-html")
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert pytest.ExitCode.TESTS_FAILED == done.returncode, done.stdout + done.stderr
    write_errors(project, [hostile_report])
    return project / "report.html"


@pytest.fixture(scope="session")
def browser():
    """Chromium. A laptop may lack it; CI must not."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        executable = None
    if executable is None:
        reason = "needs chromium (apt-get install chromium) and playwright (pip install -e '.[dev]')"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        # Playwright gives each launch a profile directory of its own, and removes it.
        chromium = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield chromium
        chromium.close()


class Opened:
    """A page, and everything that it did besides showing itself."""

    def __init__(self, page):
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", lambda dialog: (self.errors.append(dialog.message), dialog.dismiss()))


@pytest.fixture
def open_report(browser, report_path):
    """Opens the report in a fresh context, with the part `at` unfolded."""
    contexts = []

    def open_it(*, width=1440, at="", **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(5000)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.goto(f"{report_path.as_uri()}{at and f'#{at}'}")
        return opened

    yield open_it
    for context in contexts:
        context.close()
