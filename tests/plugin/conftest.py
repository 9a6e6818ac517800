"""A project of its own, in which pytest runs the suite on the tiny case."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest

OPTIONS = ("-p", "no:cacheprovider", "--import-mode=importlib", "--strict-markers")


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch):
    for name in ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def reference(tiny_run, tmp_path_factory):
    """The tiny case's baseline, and its trained models as candidates: `lora` and `standard`."""
    from harness.run import update_baseline

    root = tmp_path_factory.mktemp("reference")
    update_baseline(tiny_run, root / "baselines" / "tiny" / "baseline.json", None)
    for name in ("standard", "lora"):
        found = tiny_run.training(name)
        shutil.copytree(found.path, root / name)
        for own in ("manifest.json", "result.json"):
            (root / name / own).unlink()
    return root


@pytest.fixture(scope="session")
def projected(tiny_run):
    """The projection is in the store as well: UMAP takes seconds to import."""
    from harness.run import collect

    return collect(tiny_run, [], kinds=frozenset({"full"}))


@pytest.fixture(scope="session")
def verified(reference, write_case, tiny_content, tmp_path_factory):
    """A store in which the reference's `lora` was verified and measured: a process that opens models costs seconds."""
    from harness.run import CandidateOptions, Settings, collect, open_session

    root = tmp_path_factory.mktemp("verified")
    shutil.copytree(reference / "baselines", root / "baselines")
    write_case(root / "fixtures" / "tiny", tiny_content())
    settings = Settings.below(root)
    run = open_session(settings, lambda *_: None, CandidateOptions(reference / "lora", "lora")).run("tiny")
    run.verification("lora").require_opened()
    for model in ("base", "lora"):
        run.uncertainty(model)
    collect(run, [], kinds=frozenset({"gate"}))
    return settings.store / "store"


@pytest.fixture
def project(pytester, repository, write_case, tiny_content, tiny_run):
    """A project with the suite, the tiny case and its trained models, without a baseline."""
    shutil.copytree(repository / "evals", pytester.path / "evals")
    shutil.copytree(tiny_run.ctx.store.root, pytester.path / ".harness" / "store")
    write_case(pytester.path / "fixtures" / "tiny", tiny_content())
    pytester.makeini("[pytest]")
    return Project(pytester)


@pytest.fixture
def gated(pytester, repository, write_case, tiny_content, reference, verified):
    """A project with the suite, the tiny case, its baseline, and two candidates: `lora` and `standard`.

    `known` is a directory as `lora`, of which the store holds all that the gate finds out.
    """
    shutil.copytree(repository / "evals", pytester.path / "evals")
    shutil.copytree(reference, pytester.path, dirs_exist_ok=True)
    write_case(pytester.path / "fixtures" / "tiny", tiny_content())
    shutil.copytree(verified, pytester.path / ".harness" / "store")
    pytester.makeini("[pytest]")
    return Project(pytester, "gate", known=reference / "lora")


class Project(SimpleNamespace):
    """Runs the suite in its directory, and reads what the run left."""

    def __init__(self, pytester, kind="full", known=None):
        super().__init__(pytester=pytester, path=pytester.path, kind=kind, known=known)
        self.reports = self.path / "reports" / ("" if kind == "full" else kind)
        self.baseline = self.path / "baselines" / "tiny" / "baseline.json"

    def run(self, *arguments, kind=None):
        return self.pytester.runpytest_subprocess("evals", *OPTIONS, "-m", kind or self.kind, *arguments)

    @property
    def results(self):
        return json.loads((self.reports / "results.json").read_text(encoding="utf-8"))["cases"]["tiny"]

    @property
    def headline(self):
        html = (self.reports / "report.html").read_text(encoding="utf-8")
        return " ".join(re.findall(r'<p class="(?:case__headline|answer__detail)">(.*?)</p>', html))

    @property
    def verdicts(self):
        """(gate, subject without empty fields) -> outcome."""
        return {(v["gate"], *filter(None, v["subject"].values())): v["outcome"] for v in self.results["verdicts"]}

    def gates(self, outcome):
        return {gate for (gate, *_), found in self.verdicts.items() if found == outcome}

    @property
    def skipped(self):
        return {skipped["gate"]: skipped["cause"] for skipped in self.results["skipped"]}


@pytest.fixture(scope="session")
def outcomes():
    def count(result):
        known = ("passed", "failed", "errors", "skipped")
        return {name: number for name, number in result.parseoutcomes().items() if name in known}

    return count
