"""What each recipe forgets of what the base knows, by judgements of people that no one here wrote.

13 trainings on the dating case: only `-m study` runs it, and `make studies` writes docs/forgetting.md. The recipes, the
weights of each remedy and the claims were set before the first training.
"""

import pytest

from harness.config import read_case
from harness.config.data import GradedSpec
from harness.data import JUDGED
from harness.execution import write_whole
from harness.report.github import table
from harness.text import percent

from ..tables import written

pytestmark = pytest.mark.study

THRESHOLDS = {"wordsim353": 5.0, "simlex999": 5.0, "lee": 0.5}  # for the labels; Spearman is that of the judgements
RATES = (2e-5, 2e-4, 1e-3)
RANKS = (4, 32)
REMEDIES = {"l2_to_base": 0.1, "weight_decay": 0.1, "replay": True}
RATE = 2e-4
"""At which full fine-tuning is tried with each remedy."""
METRIC = "spearman"

HEAD = """\
# What is forgotten

The dating case, trained by each recipe for its four epochs, and then asked for similarities that people judged and no
training pair is about: WordSim-353, SimLex-999 and the Lee documents, as the package gensim carries them. *Kept* is
Spearman's correlation with the judgements relative to the base's, with its 95 % interval. `replay` mixes in the 144
general pairs of `fixtures/general`. One training each; `make studies` measures it again and writes this page.
"""


@pytest.fixture(scope="module")
def page():
    lines = [HEAD]
    yield from written("FORGETTING", lines, lambda path: write_whole(path, "\n".join(lines) + "\n"))


@pytest.fixture(scope="module")
def run(study, repository, dating_case_path):
    models = read_case(dating_case_path).models
    full, lora = models["standard"], models["lora"]
    recipes = {named("full", rate): full.changed(learning_rate=rate) for rate in RATES}
    for rank in RANKS:
        shape = {"rank": rank, "alpha": 2 * rank}
        recipes |= {named(f"lora_{rank}", rate): lora.changed(learning_rate=rate, lora=shape) for rate in RATES}
    recipes |= {named(key, RATE): full.changed(learning_rate=RATE, **{key: to}) for key, to in REMEDIES.items()}
    recipes["lora_32_replay"] = recipes[named("lora_32", 1e-3)].changed(replay=True)
    judged = {name: GradedSpec(gensim=name, threshold=THRESHOLDS[name]) for name in JUDGED}
    general = str(repository / "fixtures" / "general" / "pairs.jsonl")
    return study(recipes, judged, replay=GradedSpec(path=general, threshold=1.5))


def test_a_rate_far_too_high_forgets_and_replay_does_so_less(run, page):
    kept = {model: {name: run.kept(model, name, METRIC) for name in JUDGED} for model in run.inputs.models}
    rows = []
    for model, found in kept.items():
        learned = run.evaluation(model)
        shown = (
            f"{percent(part.ratio)} ({percent(part.interval.low)} to {percent(part.interval.high)})"
            for part in found.values()
        )
        rows.append((model, f"{learned.metrics[METRIC].value:.3f}", f"{learned.metrics['cohens_d'].value:.2f}", *shown))
    page += ["", *table(("recipe", "Spearman on dating", "Cohen's d", *(f"{name} kept" for name in JUDGED)), rows)]
    mean = {model: sum(part.ratio for part in found.values()) / len(found) for model, found in kept.items()}
    assert mean[named("full", RATES[-1])] < mean[named("full", RATES[0])]
    assert mean[named("replay", RATE)] > mean[named("full", RATE)]


def named(kind, rate):
    """Return the name of a recipe at a rate."""
    return f"{kind}_at_{rate:.0e}".replace("-", "_")
