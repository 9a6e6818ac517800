"""False alarms over many calibrations: a model is calibrated once and retrained many times, so luck must not decide.

A small model is trained with many seeds, and each calibration draws those that its tolerances come from: the others are
good trainings that no tolerance knows. Some trainings make hundreds of calibrations.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from harness.baselines import build_model, comparable, undefined_metrics
from harness.config import BaseSpec, read_case
from harness.execution import Context, LocalExecutor, Store, TerminalProgress
from harness.run import CaseRun, prepare

from .failing import failing

pytestmark = pytest.mark.retraining

SEEDS = range(100, 124)
CALIBRATIONS = 200
LAYERS = 2  # of the six of the shipped base
SHORT = {"epochs": 1, "warmup_steps": 10}


@pytest.fixture(scope="module")
def shortened(repository):
    """The dating case with the first layers of its base, its recipes shortened."""
    from sentence_transformers import SentenceTransformer

    case = read_case(repository / "fixtures" / "dating" / "case.toml")
    path = repository / ".harness" / f"first-{LAYERS}-layers"
    if not path.exists():
        model = SentenceTransformer(str(prepare(case).base.path), device="cpu")
        encoder = model[0].auto_model
        encoder.encoder.layer = encoder.encoder.layer[:LAYERS]
        encoder.config.num_hidden_layers = LAYERS
        model.save_pretrained(str(path), create_model_card=False)
    return case.model_copy(update={"base": BaseSpec(name="first layers", path=str(path))})


@pytest.fixture(scope="module")
def trainings(shortened, repository, pytestconfig):
    """Model -> the evaluation of each of its trainings; and the inputs of one."""
    store = Store(repository / ".harness" / "store")
    ctx = Context(store, LocalExecutor(store.root, jobs=2), TerminalProgress(pytestconfig))

    def run(seed):
        models = {name: recipe.changed(seed=seed, **SHORT) for name, recipe in shortened.models.items()}
        inputs = replace(prepare(shortened.model_copy(update={"models": models})), extra={})
        return CaseRun(ctx, inputs, comparable(None, inputs.origin))

    runs = [run(seed) for seed in SEEDS]
    with ThreadPoolExecutor(2) as pool:
        found = {name: list(pool.map(lambda one, name=name: one.evaluation(name), runs)) for name in shortened.models}
    return found, runs[0].inputs


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_a_calibration_seldom_stops_one_good_training_after_the_other(trainings, model, verdicts_table):
    found, inputs = trainings[0][model], trainings[1]
    case, pairs, rng = inputs.case, inputs.eval, np.random.default_rng(0)
    undefined = undefined_metrics(found)
    shares = []
    for _ in range(CALIBRATIONS):
        order = rng.permutation(len(found))
        known, new = order[: case.tolerance.seeds], order[case.tolerance.seeds :]
        seeds = {int(one): found[one] for one in known}
        stored = build_model(
            case, model, found[known[0]], seeds, inputs.compared_categories, {}, {}, undefined=undefined
        )
        shares.append(np.mean([bool(failing(stored, found[known[0]].scores, found[one], pairs)) for one in new]))
    verdicts_table.calibrated(model, len(found), shares)
    allowed = 1 - case.tolerance.confidence
    assert binomtest(round(np.mean(shares) * len(found)), len(found), allowed, alternative="greater").pvalue > 0.01
