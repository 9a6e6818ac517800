"""`-m full` on a case that trains nothing: a plugin's encoder and an adapter from elsewhere, stored and then gated."""

import shutil

import pytest

MODULE = """
import numpy as np

class Opinions:
    def encode(self, texts, *, side):
        against = ("hate", "awful", "no ", "never")
        rows = [[-1.0 if any(word in text for word in against) else 1.0, len(text) / 100] for text in texts]
        return np.array(rows, dtype=np.float32)

def build():
    return Opinions()
"""
CONFTEST = """
def pytest_harness_encoder(name):
    return "our_opinions:build" if name == "opinions" else None
"""


@pytest.fixture
def elsewhere(pytester, project, write_case, tiny_content, tiny_trained):
    """The project, with a case whose models all come from elsewhere."""
    (pytester.path / "our_opinions.py").write_text("raise ImportError('another one')", encoding="utf-8")
    (pytester.path / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    ignored = shutil.ignore_patterns("training.*")
    shutil.copytree(tiny_trained["lora"], pytester.path / "modèles à nous" / "lora", ignore=ignored)
    content = tiny_content()
    content["models"] = {"production": {"path": "../../modèles à nous/lora"}, "ours": {"encoder": "opinions"}}
    content["gates"] |= {"relative_performance": [], "memory_mb": {"train": {}, "encode": 4000}}
    content["gates"]["beats_base"] = ["spearman"]
    content["data"] = {"eval": "eval.jsonl", "extra": {"again": "again.jsonl"}}
    path = write_case(pytester.path / "fixtures" / "tiny", content)
    path.with_name("our_opinions.py").write_text(MODULE, encoding="utf-8")
    shutil.copy(path.with_name("eval.jsonl"), path.with_name("again.jsonl"))
    return project


def test_models_from_elsewhere_are_stored_and_then_gated(elsewhere):
    written = elsewhere.run("--update-baselines")
    assert written.ret == pytest.ExitCode.OK
    written.stdout.fnmatch_lines(["*baseline.json: updated*", "new: 3 models, *"])
    assert {"pass"} == set(elsewhere.verdicts.values())
    assert ("files", "production") in elsewhere.verdicts
    assert not [gate for gate, *_ in elsewhere.verdicts if gate == "audit"]
    assert (None, None) == (elsewhere.results["audit"], elsewhere.results["extra_sets"]["again"]["in_train"])
    models = elsewhere.results["models"]
    sources = {name: (model["strategy"], model["tolerance_from"]) for name, model in models.items()}
    expected = {"base": ("base", "case"), "production": ("lora", "bootstrap"), "ours": ("encoder", "bootstrap")}
    assert expected == sources
    assert {None} == {model["training"] for model in models.values()}
    assert "from the bootstrap" in (elsewhere.reports / "report.html").read_text(encoding="utf-8")
    assert {} == models["production"]["analyses"]  # no threshold without training pairs, no power without trainings

    module = elsewhere.path / "fixtures" / "tiny" / "our_opinions.py"
    module.write_text(MODULE.replace("-1.0 if", "texts[0][99] if"), encoding="utf-8")
    failing = elsewhere.run()
    assert failing.ret == pytest.ExitCode.TESTS_FAILED
    failing.stdout.fnmatch_lines([f"*encoder our_opinions:build: {module}:7: IndexError: string index out of range"])
    assert "Traceback" not in failing.stdout.str().partition("--- its last output ---")[0]
    assert elsewhere.results["missing"].keys() == {"ours"}
