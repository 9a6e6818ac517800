"""Damaged files: the project's own errors come out, each on a screen, and nothing hangs. `make campaign` tries more."""

import os
import shutil

import pytest

from harness.baselines import write_baseline
from harness.results import write_results

from ..baselines.conftest import stored_model
from ..synthetic import make_report, results_of
from .fuzz import fuzz, targets

NAMES = (
    *("case", "rows, JSON Lines", "rows, CSV", "adapter configuration", "safetensors header", "candidate's tensors"),
    *("results.json", "pair table", "baseline.json"),
)
COUNT = int(os.environ.get("CAMPAIGN_FUZZ", "200")) // len(NAMES)
"""Files that `make test` damages, of all kinds together."""


@pytest.fixture
def target(tmp_path, request, tiny_content, write_case, to_toml, tiny_trained):
    from harness.baselines import Baseline, Origin
    from harness.verification.candidate import Candidate

    report, results = make_report("dating", count=12), tmp_path / "results.json"
    write_results(results, results_of(report), {"dating": report.pairs})
    origin = Origin(eval_sha256="e" * 64, eval_pairs=2, base_name="MiniLM", base_digest="b" * 64)
    scores = [{"base": 0.5, "lora": -0.25}, {"base": 0.125, "lora": 0.75}]
    models = {"base": stored_model(-0.2), "lora": stored_model()}
    write_baseline(tmp_path / "baseline.json", Baseline(version=1, origin=origin, models=models, scores=scores))
    shutil.copytree(tiny_trained["lora"], tmp_path / "lora")
    return targets(
        case=write_case(tmp_path / "case", tiny_content()),
        content=tiny_content(),
        to_toml=to_toml,
        candidate=Candidate("lora", "lora", tmp_path / "lora", ""),
        results=results,
        baseline=tmp_path / "baseline.json",
    )[request.param]


@pytest.mark.parametrize("target", NAMES, indirect=True)
def test_a_damaged_file_is_refused_in_words(target):
    _, faults = fuzz(target, COUNT, seed=0)
    assert not faults, "\n".join(faults[:10])
