"""Files of scores are compared without a model: CSV, JSON, what mteb writes, and what is none of these."""

import csv
import json

import pytest

from harness import compare_predictions
from harness.cli import main
from harness.errors import DataError

from ..arrays import two_models

COUNT = 60
WORSE, STORED, LABELS = two_models(1, COUNT, gain=-2.0)


def rows(scores):
    return [
        {"sentence1": f"left {row}", "sentence2": f"right {row}", "score": float(score), "label": int(label)}
        for row, (score, label) in enumerate(zip(scores, LABELS, strict=True))
    ]


def write_csv(path, scores):
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["sentence1", "sentence2", "score", "label"])
        writer.writeheader()
        writer.writerows(rows(scores))


def write_lines(path, scores):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(scores)), encoding="utf-8")


def write_list(path, scores):
    path.write_text(json.dumps(rows(scores), indent=1), encoding="utf-8")


def write_columns(path, scores):
    path.write_text(json.dumps({"scores": scores.tolist(), "labels": LABELS.tolist()}), encoding="utf-8")


def write_mteb(path, scores):
    """`<task>_predictions.json` of mteb 2: scores and distances of each pair, without labels."""
    kinds = {"cosine_scores": scores.tolist(), "manhattan_distances": (1 - scores).tolist()}
    content = {"mteb_model_meta": {"model_name": "m", "revision": "r"}, "default": {"test": kinds}}
    path.write_text(json.dumps(content), encoding="utf-8")


FORMATS = {".csv": write_csv, ".jsonl": write_lines, ".json": write_list, "columns.json": write_columns}


@pytest.mark.parametrize("ending", FORMATS)
def test_each_format_is_found_out_and_gated(ending, tmp_path, capsys):
    for name, scores in (("main", STORED), ("branch", WORSE)):
        FORMATS[ending](tmp_path / f"{name}{ending}", scores)
    before, after = (str(tmp_path / f"{name}{ending}") for name in ("main", "branch"))
    assert compare_predictions(before, after).outcome == "fail"
    assert (main(["compare", before, after]), main(["compare", before, before])) == (1, 0)
    assert "No worse: 0 fail, 0 inconclusive, 6 pass; 0 pairs regressed, 0 fixed." in capsys.readouterr().out


def test_scores_without_labels_take_them_from_the_pairs(tmp_path, pair_lines, capsys):
    pairs = tmp_path / "eval.jsonl"
    about = {"category": "c", "subcategory": "s", "pair_type": "t"}
    named = [
        {"text_1": f"a {row}", "text_2": f"b {row}", "label": int(label), **about} for row, label in enumerate(LABELS)
    ]
    pairs.write_text(pair_lines(named), encoding="utf-8")
    before, after = tmp_path / "main_predictions.json", tmp_path / "branch_predictions.json"
    write_mteb(before, STORED)
    write_mteb(after, WORSE)
    arguments = ["compare", str(before), str(after)]
    assert main(arguments) == 2
    assert "main_predictions.json: no column of labels; expected" in capsys.readouterr().err
    assert main([*arguments, "--pairs", str(pairs), "--format", "markdown"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("### Scores, before and after\n\n**Worse: ")
    assert 'now wrong: "a ' in shown
    column = "default.test.manhattan_distances"
    assert compare_predictions(before, before, pairs=pairs, score=column).before["auc_roc"].value < 0.5
    pairs.write_text(pair_lines(named[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match="60 scores for the 59 pairs of"):
        compare_predictions(before, after, pairs=pairs)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # As `BinaryClassificationEvaluator` and `EmbeddingSimilarityEvaluator` write it.
        (
            "epoch,steps,cosine_ap\n-1,-1,0.8\n",
            "this is what an evaluator writes: a value an evaluation, but none a pair",
        ),
        ("similarity_score,label\n0.1,1\n", "no column of scores; expected cosine_scores or"),
        ("score,label\n0.1,1\nhigh,0\n", 'row 2: score is "high", expected a number'),
        ("score,label\n0.1,3.8\n", 'row 1: the label is "3.8", expected 0 or 1'),
        ("score,label\n0.1\n", "row 1: 1 cells, but the header has 2"),
        ("", "no column of scores"),
    ],
)
def test_what_holds_no_score_a_pair_is_one_sentence(content, words, tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError) as refused:
        compare_predictions(path, path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)


def test_other_pairs_are_not_compared(tmp_path):
    before, after = tmp_path / "main.csv", tmp_path / "branch.csv"
    write_csv(before, STORED)
    write_csv(after, STORED)
    swapped = after.read_text(encoding="utf-8").replace("left 7,", "left 8,", 1)
    after.write_text(swapped, encoding="utf-8")
    with pytest.raises(DataError, match="another text_1 in row 8: not the same pairs in order"):
        compare_predictions(before, after)
    after.write_text("\n".join(swapped.splitlines()[:-1]), encoding="utf-8")
    with pytest.raises(DataError, match="60 and 59 scores; expected the same pairs in the same order"):
        compare_predictions(before, after)
