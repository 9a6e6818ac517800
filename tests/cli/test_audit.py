"""`embedding-harness audit`: what it prints, and its exit status; no model is trained or opened."""

import csv

import pytest

from harness.cli import main


@pytest.fixture
def case_of(tmp_path, to_toml, tiny_base_path, monkeypatch):
    """Writes a case with columns of its own, without categories, and goes to its directory."""

    def write(train, evaluation, **audit):
        for name, rows in (("train", train), ("eval", evaluation)):
            with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([["frage", "antwort", "passt"], *rows])
        content = {
            "base": {"path": str(tiny_base_path)},
            "data": {
                "train": "train.csv",
                "eval": "eval.csv",
                "columns": {"text_1": "frage", "text_2": "antwort", "label": "passt"},
            },
            "models": {
                "m": {"strategy": "full", "epochs": 1, "learning_rate": 1e-3, "batch_size": 1, "warmup_steps": 1}
            },
            "audit": {"length_alone": 1, "one_word": 0.5, "label_balance": 1, **audit},
        }
        (tmp_path / "case.toml").write_text(to_toml(content), encoding="utf-8")
        monkeypatch.chdir(tmp_path)

    return write


SOUND = [["tea?", "more mint", 1], ["jazz?", "no boats", 0], ["rain?", "dogs", 1]], [["snow?", "cats", 1]]
TWICE = [*SOUND[0], ["no boats", "Jazz?", 1]], SOUND[1]


def test_a_contradiction_fails_before_anything_is_trained_and_is_told_once(case_of, capsys, tmp_path):
    case_of(*TWICE)
    assert 1 == main(["audit", "--case", "case.toml"])
    lines = capsys.readouterr().out.splitlines()
    [failed] = [line for line in lines if line.startswith("fail")]
    found = "1 of 4 different pairs have two labels): train.csv:5 says 1, train.csv:3 says 0: "
    assert f'fail  Pairs with two labels: 1, limit 0: above ({found}"jazz?" and "no boats"' == failed
    assert not [line for line in lines if "ategor" in line]
    assert (tmp_path.name, "10 pass, 1 fail.") == (lines[0], lines[-2])
    assert not (tmp_path / ".harness" / "store" / "model").exists()


def test_what_only_warns_leaves_the_status_0(case_of, capsys):
    case_of(*TWICE, warn=["contradictions"])
    assert 0 == main(["audit", "--case", "case.toml", "--format", "markdown"])
    shown = capsys.readouterr().out
    assert "10 pass, 1 warn." in shown
    assert "| warn | Pairs with two labels: 1, limit 0: above " in shown
    case_of(*SOUND)
    assert 0 == main(["audit", "--case", "case.toml"])


def test_what_cannot_be_read_is_status_2(case_of, capsys):
    case_of([["tea?", "mint", "yes"]], SOUND[1])
    assert 2 == main(["audit", "--case", "case.toml"])
    assert 'train.csv:2: passt is "yes", expected 0 or 1' in capsys.readouterr().err
