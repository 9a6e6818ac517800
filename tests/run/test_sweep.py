"""A sweep on the tiny model: what it asks, how it goes on, and that evaluation pairs decide nothing of it."""

import json
import tomllib

import pytest

from harness.baselines import comparable
from harness.config import Recipe, read_case
from harness.config.sweep import recipe_toml
from harness.errors import CaseError, StoreError
from harness.report.sweep import as_text, sweep_html
from harness.run import CaseRun, prepare
from harness.run.sweep import sweep

from ..report.pages import Page

SPACE = {"learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}, "lora": {"rank": [2, 4]}}


@pytest.fixture(scope="module")
def context(tmp_path_factory, context_at):
    """One store for all sweeps: the same recipe is trained once."""
    return context_at(tmp_path_factory.mktemp("sweeps") / "store")


@pytest.fixture
def run_of(tmp_path, write_case, tiny_content, context, pair_lines):
    """A run of the tiny case with a sweep; `evaluation` changes its evaluation rows."""

    def make(name="tiny", evaluation=None, **table):
        content = tiny_content()
        content["data"]["dev"] = 0.3
        content["models"]["lora"]["epochs"] = 1
        content["sweep"] = {"model": "lora", "space": SPACE, **table}
        path = write_case(tmp_path / name, content)
        if evaluation:
            file = path.parent / "eval.jsonl"
            rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
            file.write_text(pair_lines(evaluation(rows)), encoding="utf-8")
        inputs = prepare(read_case(path))
        return CaseRun(context, inputs, comparable(None, inputs.origin))

    return make


def trials_of(found):
    return [(trial.number, trial.values, trial.quality, trial.reason) for trial in found.trials]


def test_a_sweep_finds_a_rate_that_learns_and_states_it_as_toml(run_of, tmp_path):
    run = run_of()
    found = sweep(run, trials=5, directory=tmp_path / "study")
    assert [trial.number for trial in found.trials] == [0, 1, 2, 3, 4]
    assert found.best.quality == max(trial.quality for trial in found.trials)
    current, winner = found.chosen
    assert (current.recipe, winner.dev) == (run.inputs.case.recipes["lora"], found.best.quality)
    assert winner.optimism == winner.dev - winner.evaluation
    read = tomllib.loads(found.toml)["models"]["lora"]
    assert Recipe.validated(read, where="recipe") == winner.recipe
    text = as_text(found)
    assert found.toml in text
    assert text.count("Keep the current recipe") == (winner.dev <= current.dev)
    assert "winner" in text
    html = sweep_html(found)
    page = Page(html[html.index("<section") : html.index("</section>")] + "</section>")
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("figure")) == 4
    assert found.chosen[1].recipe.lora.rank == found.best.values["lora.rank"]


def test_a_study_that_goes_on_is_one_that_was_never_stopped(run_of, tmp_path, monkeypatch):
    whole = sweep(run_of(), trials=4, directory=tmp_path / "whole")

    def killed(*_):
        raise KeyboardInterrupt

    sweep(run_of(), trials=2, directory=tmp_path / "parts")
    with monkeypatch.context() as patch:
        patch.setattr("harness.run.sweep.tell", killed)  # asked and trained, and nobody was told
        with pytest.raises(KeyboardInterrupt):
            sweep(run_of(), trials=3, directory=tmp_path / "parts")
    assert trials_of(sweep(run_of(), trials=4, directory=tmp_path / "parts")) == trials_of(whole)


def test_evaluation_pairs_decide_nothing(run_of, tmp_path):
    first = sweep(run_of(), trials=4, directory=tmp_path / "first")
    other = sweep(
        run_of(evaluation=lambda rows: [{**row, "label": 1 - row["label"]} for row in rows[::2]]),
        trials=4,
        directory=tmp_path / "other",
    )
    assert (trials_of(first), first.winner, first.toml) == (trials_of(other), other.winner, other.toml)
    assert first.chosen[1].evaluation != other.chosen[1].evaluation


def test_another_seed_asks_for_other_trials(run_of, tmp_path):
    found = [sweep(run_of(seed=seed), trials=2, directory=tmp_path / str(seed)) for seed in (0, 1)]
    assert trials_of(found[0]) != trials_of(found[1])


def test_a_study_of_another_space_or_other_data_is_refused_in_one_line(run_of, tmp_path):
    sweep(run_of(), trials=1, directory=tmp_path)
    with pytest.raises(CaseError, match="tiny-lora was made of another space; expected") as caught:
        sweep(run_of(space={"lora": {"rank": [1, 8]}}), trials=1, directory=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_grid_tries_each_combination_once_also_in_a_database(run_of, tmp_path):
    space = {"learning_rate": [1e-5, 3e-2], "lora": {"rank": [2, 4]}}
    run = run_of(space=space, sampler="grid", objectives=["quality", "size"])
    found = sweep(run, trials=9, directory=tmp_path, storage=f"sqlite:///{tmp_path / 'study.db'}")
    asked = {(trial.values["learning_rate"], trial.values["lora.rank"]) for trial in found.trials}
    assert (len(found.trials), len(asked)) == (4, 4)
    assert [trial.values["learning_rate"] for trial in found.complete if found.stalls(trial)] == [1e-5, 1e-5]
    assert not (tmp_path / "tiny-lora.journal").exists()


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"lora": {"rank": [0, -1]}}, "sweep.space: contains no valid recipe: recipe: lora.rank: "),
        ({"warmup_steps": [5, 9999]}, r"sweep.space.warmup_steps: no valid recipe has 9999: .*expected fewer than"),
        ({"lora": {"target_modules": [["query"], ["nothing"]]}}, "sweep.space.lora.target_modules: no valid recipe"),
        ({"loss": ["triplet_of_nobody"]}, "contains no valid recipe: recipe: loss: "),
    ],
)
def test_a_space_without_a_valid_recipe_is_refused_before_any_training(run_of, tmp_path, space, expected):
    run = run_of(space=space)
    with pytest.raises(CaseError, match=expected):
        sweep(run, trials=1, directory=tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"model": "nobody"}, "sweep.model: expected a model that is trained here: standard, lora; got"),
        ({"space": {"seed": [1, 2]}}, "sweep.space.seed: no key that a sweep varies"),
        ({"space": {"epochs": []}}, "sweep.space.epochs: expected a list of different values"),
        ({"space": {"epochs": {"low": 3, "high": 1}}}, "low is 3 and high 1"),
        ({"sampler": "grid"}, "a grid takes a list of choices"),
    ],
)
def test_what_a_table_cannot_say_is_refused_when_it_is_read(run_of, table, expected):
    with pytest.raises(CaseError, match=expected):
        run_of(**table)


def test_a_journal_that_is_none_and_a_database_that_is_none_are_said_in_one_line(run_of, tmp_path):
    (tmp_path / "tiny-lora.journal").write_text("no journal\nat all\n", encoding="utf-8")
    with pytest.raises(StoreError, match="the study cannot be "):
        sweep(run_of(), trials=1, directory=tmp_path)
    with pytest.raises(StoreError, match="the study cannot be used"):
        sweep(run_of(), trials=1, directory=tmp_path, storage="nothing://")


def test_a_recipe_with_its_tables_is_read_from_its_toml():
    recipe = Recipe.validated(
        {
            "strategy": "lora",
            "epochs": 3,
            "learning_rate": 0.000123456789,
            "loss": "multiple_negatives_ranking",
            "negatives": 2,
            "hard_negatives": {"range_max": 9},
            "matryoshka": [32, 8],
            "lora": {"rank": 3, "target_modules": ["query", 'a"b'], "use_dora": True},
        },
        where="recipe",
    )
    assert Recipe.validated(tomllib.loads(recipe_toml("lora", recipe))["models"]["lora"], where="") == recipe
