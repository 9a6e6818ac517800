"""`init` writes a case that can be run, says what comes next, and overwrites nothing."""

import csv
import tomllib
from pathlib import Path

import pytest

from harness.cli import main
from harness.config import read_case


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    place = tmp_path / "a new répository"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def write_rows(path, header, rows):
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def test_without_a_file_it_writes_an_example_whose_pairs_pass_the_audit(here, capsys):
    assert 0 == main(["init"])
    assert "  embedding-harness audit  " in capsys.readouterr().out
    case = read_case(here / "fixtures" / "pairs")
    assert {"full", "lora"} == {recipe.strategy for recipe in case.recipes.values()}
    assert len(case.path.read_text(encoding="utf-8").splitlines()) <= 21
    assert "*\n" == (here / ".harness" / ".gitignore").read_text(encoding="utf-8")
    assert "embedding-harness run" in (here / ".github/workflows/embeddings.yml").read_text(encoding="utf-8")
    assert 0 == main(["audit"])
    assert "11 pass." in capsys.readouterr().out


def test_nothing_is_overwritten_without_force(here, capsys):
    assert 0 == main(["init"])
    train = here / "fixtures" / "pairs" / "train.jsonl"
    train.write_text("mine", encoding="utf-8")
    (here / "fixtures" / "pairs" / "eval.jsonl").unlink()
    assert 2 == main(["init"])
    assert f"{train.relative_to(here)}: there already; --force overwrites" in capsys.readouterr().err
    assert not (here / "fixtures" / "pairs" / "eval.jsonl").exists()
    assert "mine" == train.read_text(encoding="utf-8")
    assert (0, False) == (main(["init", "--force"]), "mine" == train.read_text(encoding="utf-8"))


def test_pairs_of_any_columns_are_split_by_text(here, capsys):
    rows = [(f"question {row // 2} é", f"answer {row}", row % 2) for row in range(120)]
    write_rows("my data.csv", ("frage", "antwort", "hilft"), rows)
    data = ["init", "--data", "my data.csv", "--name", "support"]
    assert 2 == main(data)
    said = capsys.readouterr().err
    assert "the columns are 'frage', 'antwort', 'hilft'" in said
    assert "--column text_1=COLUMN" in said
    assert not (here / "fixtures").exists()
    columns = ["--column", "text_1=frage", "--column", "text_2=antwort", "--column", "label=hilft"]
    assert 0 == main([*data, *columns])
    case = read_case(here / "fixtures" / "support")
    train, evaluation = case.read_pairs("train"), case.read_pairs("eval")
    assert (96, 24) == (len(train), len(evaluation))
    assert set(train.texts).isdisjoint(evaluation.texts)
    assert sorted(rows) == sorted((p.text_1, p.text_2, p.label) for part in (train, evaluation) for p in part)


def test_graded_pairs_need_a_threshold(here, capsys):
    write_rows("sts.csv", ("sentence1", "sentence2", "score"), [(f"a {n}", f"b {n}", n % 6 / 1.2) for n in range(90)])
    assert 2 == main(["init", "--data", "sts.csv"])
    assert "--threshold GRADE" in capsys.readouterr().err
    assert 0 == main(["init", "--data", "sts.csv", "--threshold", "3"])
    case = read_case(here / "fixtures" / "pairs")
    assert (3.0, 5 / 1.2) == (case.data.threshold, max(case.read_pairs("train").grades))
    assert "threshold" in tomllib.loads(case.path.read_text(encoding="utf-8"))["data"]


def test_what_is_no_data_is_one_sentence(here, capsys):
    write_rows("few.csv", ("text_1", "text_2", "label"), [(f"a {n}", f"b {n}", n % 2) for n in range(9)])
    for arguments, said in (
        (["--data", "none.csv"], "none.csv: cannot be read: No such file or directory"),
        (["--data", "few.csv"], "few.csv: 9 pairs; expected at least 40"),
        (["--data", "few.csv", "--column", "text_1"], "--column text_1: expected FIELD=COLUMN"),
    ):
        assert 2 == main(["init", *arguments])
        assert capsys.readouterr().err.startswith(said)
    assert not (here / "fixtures").exists()
