"""`embedding-harness watch`: the answer and exit status for each kind of new data, the history, and bad input."""

import json
import os
import sqlite3
from importlib.metadata import version

import numpy as np
import pytest

from harness.baselines import Baseline, build_model, build_scores, undefined_metrics, write_baseline
from harness.cli import main
from harness.execution import InlineExecutor
from harness.metrics import ScoredPairs, evaluate
from harness.results.watch import read_history
from harness.run import open_session, settings_here


@pytest.fixture
def case(tmp_path, write_case, tiny_content, monkeypatch):
    """A case in a directory of its own; models run in this process, with few permutations."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.run.session.LocalExecutor", lambda *_: InlineExecutor())
    monkeypatch.setattr("harness.statistics.drift._PERMUTATIONS", {"classifier": 19, "mmd": 199})
    monkeypatch.setattr("harness.statistics.drift._FOLDS", 2)
    monkeypatch.setattr("harness.statistics.drift.DRIFT_LEVEL", 0.1)
    return write_case(tmp_path / "fixtures" / "tiny", tiny_content())


@pytest.fixture
def baseline(case, tmp_path):
    """Writes a baseline of one model: as it is, or as if it had been far better."""

    def write(*, name="base", better=False, **libraries):
        session = open_session(settings_here([case]), lambda *_: None, jobs=1)
        run = session.run("tiny")
        found, pairs = run.evaluation(name), run.inputs.eval
        if better:
            scores = pairs.labels * 0.8 + np.linspace(0, 0.1, len(pairs))
            found = evaluate(
                ScoredPairs(scores, pairs.labels, np.zeros((len(pairs), 2)), pairs.categories, pairs.pair_types)
            )
        drawn = None if name == "base" else {"": run.intervals(found)}
        missing = undefined_metrics([found])
        provenance = {"encode": {"libraries": {"torch": version("torch"), **libraries}}}
        model = build_model(run.inputs.case, name, found, {}, (), {}, provenance, drawn, missing)
        stored = Baseline(
            version=1,
            origin=run.inputs.origin,
            models={name: model},
            undefined=missing,
            scores=build_scores({name: found}),
        )
        path = session.baseline_path("tiny")
        write_baseline(path, stored)
        session.ctx.close()
        return path

    return write


def run(case, *arguments):
    return main(["watch", "--case", str(case), *map(str, arguments)])


def history(case):
    return case.parents[2] / "reports" / "watch" / "tiny.sqlite"


def said(capsys):
    return next(line for line in capsys.readouterr().out.splitlines() if line.startswith(("fine", "look", "retrain")))


def test_the_same_pairs_are_fine_and_each_check_is_kept(case, baseline, capsys):
    baseline()
    assert 0 == run(case, "--pairs", case.with_name("eval.jsonl"))
    words = said(capsys)
    assert words.startswith("fine: base margin ")
    assert "; no drift in 81 new texts (AUC " in words
    assert words.endswith("the baseline is 0 days old")
    assert 0 == run(case, "--pairs", case.with_name("eval.jsonl"), "--model", "base")
    first, second = read_history(history(case))
    assert (first.values[:5], "fine", "base") == (second.values[:5], second.answer, second.model)
    assert ["margin", "cohens_d", "auc_roc", "drift_auc", "drift_mmd", "age_days"] == [one.name for one in first.values]
    page = history(case).with_suffix(".html").read_text(encoding="utf-8")
    assert "Checks, the last first (2 of 2)" in page


def test_the_first_trained_model_is_watched_by_default(case, baseline, capsys):
    baseline(name="lora")
    assert 0 == run(case, "--pairs", case.with_name("eval.jsonl"))
    assert said(capsys).startswith("fine: lora margin ")


def test_a_metric_that_is_certainly_worse_says_retrain(case, baseline, capsys):
    baseline(better=True)
    assert 1 == run(case, "--pairs", case.with_name("eval.jsonl"))
    words = said(capsys)
    assert words.startswith("retrain: worse: base ")
    assert "auc_roc" in words
    [check] = read_history(history(case))
    auc = check.value("auc_roc")
    assert auc.stored == 1
    assert auc.value < auc.high < 1


def test_too_few_labels_are_no_verdict(case, baseline, capsys, pair_lines, tmp_path):
    baseline(better=True)
    rows = [json.loads(line) for line in case.with_name("eval.jsonl").read_text(encoding="utf-8").splitlines()]
    few = [row for label in (0, 1) for row in [row for row in rows if row["label"] == label][: 3 + label]]
    (tmp_path / "few.jsonl").write_text(pair_lines(few), encoding="utf-8")
    assert 3 == run(case, "--pairs", tmp_path / "few.jsonl")
    assert said(capsys).startswith("look: too few labels to tell: 3 pairs of a label, expected at least 4")


def test_pairs_that_were_trained_on_are_told(case, baseline, capsys):
    baseline()
    assert 3 == run(case, "--pairs", case.with_name("train.jsonl"))
    assert "of the new pairs are training pairs" in said(capsys)


def test_texts_of_another_kind_are_drift_however_often_they_repeat(case, baseline, capsys, tmp_path):
    baseline()
    other = [f"order {number} was never {word}" for number in range(20) for word in ("sent", "paid")]
    (tmp_path / "new.txt").write_text("".join(f"{text}\n\n  {text.upper()}\n" for text in other * 9), encoding="utf-8")
    assert 3 == run(case, "--texts", tmp_path / "new.txt")
    assert said(capsys).startswith("look: drift in 40 new texts (AUC ")
    (tmp_path / "same.txt").write_text("i love dogs\n" * 500, encoding="utf-8")
    assert 3 == run(case, "--texts", tmp_path / "same.txt")
    assert said(capsys).startswith("look: drift cannot be told: too few texts: 1 new and 81 old, expected at least 20")


def test_texts_with_sides_are_held_against_first_texts(case, baseline, capsys, tmp_path, write_case, tiny_content):
    content = tiny_content()
    content["data"]["sides"] = {"text_1": "query", "text_2": "none"}
    write_case(case.parent, {**content, "prompts": {"query": "tell me: "}})
    baseline()
    rows = [json.loads(line) for line in case.with_name("eval.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = dict.fromkeys(row["text_1"] for row in rows)
    (tmp_path / "new.txt").write_text("\n".join(texts), encoding="utf-8")
    for arguments in (("--texts", tmp_path / "new.txt"), ("--pairs", case.with_name("eval.jsonl"))):
        assert 0 == run(case, *arguments)
        assert f"no drift in {len(texts)} new texts (AUC " in said(capsys)


def test_a_stale_baseline_is_looked_at(case, baseline, capsys, edit_json):
    path = baseline(torch="1.0", missing="0")
    os.utime(path, (0, 0))
    assert 3 == run(case, "--pairs", case.with_name("eval.jsonl"), "--max-age", 365)
    words = said(capsys)
    assert (
        " days old, expected at most 365; stored with other versions: missing is not installed, stored 0, torch "
        in words
    )
    assert words.endswith(", stored 1.0")
    origin = json.loads(path.read_text(encoding="utf-8"))["origin"]
    edit_json(baseline(), origin={**origin, "base_digest": "0" * 64})
    assert 3 == run(case, "--pairs", case.with_name("eval.jsonl"))
    assert "nothing is compared: the base is another" in said(capsys)


def test_bad_input_is_told_in_one_line_before_any_encoding(case, baseline, capsys, monkeypatch, tmp_path, pair_lines):
    def check(words, *arguments):
        assert 2 == run(case, *arguments)
        found = capsys.readouterr().err
        assert (1, True) == (len(found.splitlines()), words in found), found

    pairs = case.with_name("eval.jsonl")
    check("no baseline yet at ", "--pairs", pairs)
    baseline()
    capsys.readouterr()
    monkeypatch.setattr("harness.run.case_run.CaseRun.encode", None)
    rows = [json.loads(line) for line in pairs.read_text(encoding="utf-8").splitlines()]
    one = tmp_path / "one.jsonl"
    one.write_text(pair_lines([row for row in rows if row["label"]]), encoding="utf-8")
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "blank.txt").write_text("\n \n", encoding="utf-8")
    check("no new data: expected --pairs FILE, --texts FILE, or both")
    check("--max-age: got 0, expected a positive number of days", "--pairs", pairs, "--max-age", 0)
    check("empty.jsonl", "--pairs", tmp_path / "empty.jsonl")
    check("blank.txt: no text in it", "--texts", tmp_path / "blank.txt")
    check("none.txt: cannot be read", "--texts", tmp_path / "none.txt")
    check("have label 1; expected pairs of both labels", "--pairs", one)
    check("--model lora: expected a model of the case and its baseline: base", "--pairs", pairs, "--model", "lora")
    (tmp_path / "reports").write_text("", encoding="utf-8")
    check("cannot be written to", "--pairs", pairs)


@pytest.mark.parametrize("content", [b"no database, but longer than a hundred bytes" * 9, "foreign"])
def test_a_damaged_history_is_one_line_and_stays(case, baseline, capsys, monkeypatch, content):
    baseline()
    capsys.readouterr()
    path = history(case)
    path.parent.mkdir(parents=True)
    if content == "foreign":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE theirs (x)")
        other.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    monkeypatch.setattr("harness.run.case_run.CaseRun.encode", None)
    assert 2 == run(case, "--pairs", case.with_name("eval.jsonl"))
    found = capsys.readouterr().err
    assert (1, True) == (len(found.splitlines()), "cannot be used as the history" in found), found
    assert before == path.read_bytes()
