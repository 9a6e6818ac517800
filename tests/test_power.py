"""What the gate of the stored dating baseline sees, how it is kept, and the command that says it."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from harness import gates, pipeline, power
from harness.__main__ import main
from harness.baselines import Baseline, read_baseline, write_baseline
from harness.case import read_case
from harness.errors import BaselineError
from harness.inputs import prepare
from harness.metrics import METRICS, MetricResult
from harness.pipeline import measure_power
from harness.store import Store
from harness.uncertainty import changes_since
from harness.workplace import Workplace

if TYPE_CHECKING:
    from pathlib import Path

    from harness.inputs import Inputs
    from harness.power import ModelPower


@pytest.fixture(scope="module")
def inputs(dating_case_path: Path) -> Inputs:
    return prepare(read_case(dating_case_path))


@pytest.fixture(scope="module")
def baseline(repository: Path) -> Baseline:
    found = read_baseline(repository / "baselines" / "dating" / "baseline.json")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def powers(inputs: Inputs, baseline: Baseline) -> dict[str, ModelPower]:
    return {model: measured(inputs, baseline, model) for model in inputs.trained}


def measured(inputs: Inputs, baseline: Baseline, model: str) -> ModelPower:
    scores, forgot = (np.array([row[name] for row in baseline.scores]) for name in (model, "base"))
    return power.measure(baseline.models[model], scores, forgot, inputs.eval)


def changed(baseline: Baseline, metric: str, **changes: Any) -> Baseline:
    """The baseline with another stored value of one metric of lora."""
    lora = baseline.models["lora"]
    value = lora.metrics[metric].model_copy(update=changes)
    model = lora.model_copy(update={"metrics": {**lora.metrics, metric: value}})
    return baseline.model_copy(update={"models": {**baseline.models, "lora": model}})


def work_in(directory: Path) -> Workplace:
    return Workplace(Store(directory / "store"), lambda *_: None)


# --- the simulation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_drops_are_no_smaller_than_tolerance_and_students_quantile_say(
    model: str, powers: dict[str, ModelPower], baseline: Baseline
) -> None:
    """Where the interval proves what the tolerance allows, as it does where there is none, the two are the same."""
    stored = baseline.models[model].compared
    assert stored.keys() == powers[model].drops.keys()
    assert [*METRICS] == [*stored][: len(METRICS)]
    for name, value in stored.items():
        lost = np.array([value.lost(seen) for seen in value.seeds.values()])
        student = stats.t(len(lost) - 1, lost.mean(), lost.std(ddof=1) * math.sqrt(1 + 1 / len(lost)))
        least = value.allowed - student.ppf(0.05)
        assert powers[model].drops[name] >= 0.97 * least
        if name in ("margin", "cluster_purity", "spearman"):
            assert_allclose(powers[model].drops[name], least, rtol=0.03)


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_an_equally_good_training_fails_as_seldom_as_the_case_asks(
    model: str, powers: dict[str, ModelPower], inputs: Inputs
) -> None:
    found = powers[model]
    assert 0 < found.fails < 1 - inputs.case.tolerance.confidence
    assert 0 <= found.inconclusive < 0.01


@pytest.mark.parametrize("model", ["standard", "lora"])
def test_the_gate_itself_fails_the_forgetting_that_is_said_to_be_caught(
    model: str, powers: dict[str, ModelPower], inputs: Inputs, baseline: Baseline
) -> None:
    """The stored model is one training: when it has forgotten twice what all comparisons together see, it fails."""
    scores, forgot = (np.array([row[name] for row in baseline.scores]) for name in (model, "base"))
    values, categories = baseline.models[model].compared, inputs.compared_categories
    whole = changes_since(forgot, scores, inputs.eval, categories, permutations=1)["margin"].change
    share = -2 * powers[model].together["margin"] / whole  # the margin is linear in what is forgotten

    def outcomes(share: float) -> set[str]:
        now = changes_since((1 - share) * scores + share * forgot, scores, inputs.eval, categories, permutations=1)
        verdicts = {
            gates.no_worse_than_stored(
                *(model, metric, MetricResult(values[name].value + now[name].change), baseline, inputs.origin),
                category=category,
                change=now[name],
            ).verdict
            for name in values
            if name != "cluster_purity"  # its clusters are not stored
            for category, _, metric in [name.rpartition("/")]
        }
        return set(verdicts)

    assert {"pass"} == outcomes(share / 20)
    assert "fail" in outcomes(share)


def test_a_larger_tolerance_sees_less(inputs: Inputs, baseline: Baseline, powers: dict[str, ModelPower]) -> None:
    lax = measured(inputs, changed(baseline, "spearman", tolerance=0.1), "lora")
    assert lax.drops["spearman"] > powers["lora"].drops["spearman"] + 0.04
    assert {name: lax.drops[name] for name in ("margin", "auc_roc")} == {
        name: powers["lora"].drops[name] for name in ("margin", "auc_roc")
    }


def test_an_edited_value_is_judged_by_its_tolerance_alone(inputs: Inputs, baseline: Baseline) -> None:
    """As by the gate: the interval of false positives counts no more, and a smaller rise is seen."""
    value = baseline.models["standard"].metrics["false_positives"]
    standard = baseline.models["standard"]
    seeds = {seed: seen + 20 for seed, seen in value.seeds.items()}
    edited = value.model_copy(update={"value": value.value + 20, "seeds": seeds})
    model = standard.model_copy(update={"metrics": {**standard.metrics, "false_positives": edited}})
    unproven = measured(inputs, baseline.model_copy(update={"models": {"standard": model}}), "standard")
    assert unproven.drops["false_positives"] < measured(inputs, baseline, "standard").drops["false_positives"]


@pytest.mark.parametrize("seeds", [{}, {"42": 0.6}, {"42": 0.6, "43": 0.7}])
def test_values_of_other_trainings_are_refused(inputs: Inputs, baseline: Baseline, seeds: dict[str, float]) -> None:
    with pytest.raises(BaselineError, match="expected the same two or more for each value"):
        measured(inputs, changed(baseline, "spearman", seeds=seeds), "lora")


def test_it_comes_back_from_json_as_it_was(powers: dict[str, ModelPower]) -> None:
    content = json.loads(json.dumps(power.to_json(powers["lora"]), allow_nan=False))
    assert content == power.to_json(power.from_json(content))
    assert powers["lora"].drops == power.from_json(content).drops
    assert math.isnan(power.from_json(content).together["cluster_purity"])


# --- in a run ---------------------------------------------------------------------------------------------------------


def test_it_is_simulated_once(
    inputs: Inputs, baseline: Baseline, powers: dict[str, ModelPower], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(*arguments: Any) -> ModelPower:
        asked.append(arguments)
        return powers["lora"]

    monkeypatch.setattr(pipeline.power, "measure", answer)
    work = work_in(tmp_path)
    first = measure_power(work, inputs, baseline)
    assert ["standard", "lora"] == list(first)
    again = measure_power(work, inputs, baseline.model_copy(update={"models": dict(reversed(baseline.models.items()))}))
    assert 2 == len(asked)
    assert first["lora"].drops == again["lora"].drops
    measure_power(work, inputs, changed(baseline, "spearman", tolerance=0.1))
    assert 3 == len(asked)  # only of the model that was changed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eval_sha256": "f" * 64}, "dating: not comparable: the evaluation pairs are others"),
        ({"base_digest": "f" * 64}, "dating: not comparable: the base is another"),
    ],
)
def test_what_was_made_from_something_else_is_refused(
    change: dict[str, str], reason: str, inputs: Inputs, baseline: Baseline, tmp_path: Path
) -> None:
    other = baseline.model_copy(update={"origin": baseline.origin.model_copy(update=change)})
    with pytest.raises(BaselineError, match=reason):
        measure_power(work_in(tmp_path), inputs, other)


def test_a_model_or_a_base_that_is_not_stored_is_named(inputs: Inputs, baseline: Baseline, tmp_path: Path) -> None:
    def without(model: str) -> Baseline:
        kept = {name: stored for name, stored in baseline.models.items() if name != model}
        return baseline.model_copy(update={"models": kept})

    with pytest.raises(BaselineError, match="nothing is stored for model lora"):
        measure_power(work_in(tmp_path), inputs, without("lora"))
    with pytest.raises(BaselineError, match="the scores of the base are not stored"):
        measure_power(work_in(tmp_path), inputs, without("base"))


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory like the repository's root."""
    for name in ("baselines", "fixtures"):
        shutil.copytree(repository / name / "dating", tmp_path / name / "dating")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_says_what_each_comparison_sees(
    here: Path, powers: dict[str, ModelPower], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline.power, "measure", lambda *_: powers["lora"])
    assert 0 == main(["power"])
    lines = capsys.readouterr().out.splitlines()
    assert ["dating", ""] == lines[:2]
    titles, *rows = (line.split() for line in lines[2:33])
    assert ["model", "metric", "stored", "tolerance", "drop", "seen", "alone", "drop", "seen", "together"] == titles
    assert ["lora", "spearman", "0.662", "0.055", f"{powers['lora'].drops['spearman']:.3f}"] == rows[15][:5]
    assert ["lora", "cluster_purity", "unknown"] == [*rows[20][:2], rows[20][-1]]
    assert "This gate sees a drop of lora's Spearman correlation of 0.06" in lines[-1]
    assert 0 == main(["power", "--case", "fixtures/dating/case.toml", "--format", "markdown"])
    shown = capsys.readouterr().out
    assert shown.startswith("### What the gate of dating sees\n\n- This gate sees a drop of standard's")
    assert "\n| lora | values/margin | 0.473 | 0.176 | " in shown


def test_a_baseline_of_other_pairs_is_status_2(
    here: Path, baseline: Baseline, capsys: pytest.CaptureFixture[str]
) -> None:
    origin = baseline.origin.model_copy(update={"eval_sha256": "f" * 64})
    write_baseline(here / "baselines" / "dating" / "baseline.json", baseline.model_copy(update={"origin": origin}))
    assert 2 == main(["power"])
    shown = capsys.readouterr()
    assert "" == shown.out
    assert shown.err.startswith("dating: not comparable: the evaluation pairs are others: stored 295 pairs")


def test_without_baseline_or_case_it_is_status_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(here / "baselines")
    assert 2 == main(["power"])
    said = "dating: not comparable: no baseline is stored; store one with pytest evals/ -m full --update-baselines\n"
    assert said == capsys.readouterr().err
    shutil.rmtree(here / "fixtures")
    assert 2 == main(["power"])
    assert f"no case: expected {here}/fixtures/*/case.toml, or --case PATH\n" == capsys.readouterr().err
    assert 2 == main(["power", "--case", "nowhere.toml"])
    assert "nowhere.toml" in capsys.readouterr().err


def test_help_loads_nothing_and_the_command_no_torch(here: Path) -> None:
    heavy = "{'torch', 'matplotlib', 'sklearn', 'transformers', 'sentence_transformers', 'pytest'}"
    source = (
        "import sys\nfrom harness.__main__ import main\n"
        "try:\n    main(['power', '--help'])\nexcept SystemExit:\n    pass\n"
        "assert 'numpy' not in sys.modules\n"
        f"main(['power', '--case', 'fixtures/dating/case.toml'])\nprint({heavy} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("usage: python -m harness power")
    assert done.stdout.endswith("set()\n")
