"""`embedding-harness power`: what it prints, and its exit status."""

import shutil

from harness.analyses import ModelPower
from harness.baselines import read_baseline
from harness.cli import main

DROPS = {"": {"spearman": 0.0621, "false_positives": 25.28}, "values": {"margin": 0.15}}
POWER = ModelPower(0.0174, 0.0009, DROPS, {"": {"spearman": 0.0249}})
BLIND = ModelPower(0.0, 1.0, {}, {})


def test_each_comparison_is_a_row(repository, monkeypatch, capsys):
    from harness.run import CasePower

    stored = read_baseline(repository / "baselines" / "dating" / "baseline.json").models
    stored["elsewhere"] = stored["lora"].model_copy(update={"tolerance_from": "bootstrap"})
    found = CasePower("dating", {"standard": BLIND, "lora": POWER, "elsewhere": None}, stored)
    monkeypatch.setattr("harness.run.power_of_cases", lambda *_: iter([found]))
    assert main(["power"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["dating", ""]
    titles = ["model", "category", "metric", "stored", "tolerance", "detected", "alone", "detected", "together"]
    assert lines[2].split() == titles
    rows = [line.split() for line in lines]
    value = stored["lora"].metrics["spearman"]
    numbers = [f"{value.value:.3f}", f"{value.tolerance:.3f}"]
    assert ["lora", "all", "spearman", *numbers, "0.062", "0.025"] in rows
    assert [row[-2:] for row in rows if row[:3] == ["lora", "values", "margin"]] == [["0.150", "unknown"]]
    assert [row[-2:] for row in rows if row[:3] == ["standard", "all", "margin"]] == [["none", "unknown"]]
    assert ["not", "known"] * 2 in [row[-4:] for row in rows if row[:3] == ["elsewhere", "all", "spearman"]]
    assert lines[-1].startswith("The smallest drop of elsewhere that this gate detects is not known: it is not trained")
    assert lines[-3] == (
        "This gate is sure to detect no drop of standard's Spearman correlation by that comparison alone. "
        "A retraining that is as good fails in 0.0% of cases, and is inconclusive in 100.0%."
    )
    assert main(["power", "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("### Smallest detectable drops of dating\n\n- This gate is sure to detect no drop")
    assert "\n| lora | all | spearman | " in shown


def test_without_baseline_or_case_it_is_status_2(tmp_path, repository, monkeypatch, capsys):
    shutil.copytree(repository / "fixtures" / "dating", tmp_path / "fixtures" / "dating")
    monkeypatch.chdir(tmp_path)
    assert main(["power"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    said = "no baseline yet at {}: look at the report, then run with --update-baselines"
    assert said.format(tmp_path / "baselines" / "dating" / "baseline.json") in shown.err
    shutil.rmtree(tmp_path / "fixtures")
    assert main(["power"]) == 2
    assert f"no case: expected fixtures/*/case.toml in {tmp_path}; name one with --case PATH" in capsys.readouterr().err
    assert main(["power", "--case", "nowhere.toml"]) == 2
    assert "nowhere.toml" in capsys.readouterr().err
