"""Data as it often is, two texts and a grade, goes the whole way: no category, no pair type, no id."""

import csv

import pytest
from scipy.stats import spearmanr

from harness.baselines import comparable
from harness.config import read_case
from harness.gates import GATES, NotJudgedError, judge, subjects
from harness.report import page_html, reports
from harness.results import Results
from harness.run import CaseRun, collect, prepare

from ..conftest import tiny_rows


@pytest.fixture(scope="module")
def run(tmp_path_factory, tiny_content, to_toml, context_at):
    directory = tmp_path_factory.mktemp("plain") / "größe 1"  # with a space, and not ASCII
    directory.mkdir()
    for name in ("train", "eval"):
        with (directory / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            rows = tiny_rows(train=name == "train")
            graded = ((row["text_1"], row["text_2"], 4 * row["label"] + number % 2) for number, row in enumerate(rows))
            csv.writer(file).writerows([("sentence1", "sentence2", "score"), *graded])
    content = tiny_content()
    content["data"] = {"train": "train.csv", "eval": "eval.csv", "dev": 0.2, "threshold": 3.0}
    content["models"] = {"standard": content["models"]["standard"]}
    content["gates"] = {"memory_mb": {"encode": 4000, "train": {"standard": 4000}}}
    (directory / "case.toml").write_text(to_toml(content), encoding="utf-8")
    inputs = prepare(read_case(directory / "case.toml"))
    return CaseRun(context_at(directory / "store"), inputs, comparable(None, inputs.origin))


def test_the_rank_correlation_is_that_with_the_grades(run):
    evaluation, pairs = run.evaluation("standard"), run.inputs.eval
    found = evaluation.metrics["spearman"]
    assert spearmanr(evaluation.scores, pairs.grades).statistic == pytest.approx(found.value)
    assert 0.3 < found.value < found.details["pearson"] < 1
    interval = run.uncertainty("standard").intervals["spearman"]
    assert interval.low < found.value < interval.high
    assert ({}, {}) == (evaluation.categories, evaluation.pair_types)


def test_the_curve_is_that_of_the_dev_pairs_which_are_not_trained_on(run):
    dev, curve = run.inputs.dev, run.training("standard").value.curve
    assert not set(dev.texts) & set(run.inputs.train.texts)
    assert 0 < len(dev) <= 0.2 * (len(dev) + len(run.inputs.train))
    assert all(point.spearman == point.spearman for point in curve)


def test_nothing_is_judged_or_shown_of_categories(run):
    verdicts, causes = [], set()
    for gate in GATES.values():
        for subject in subjects(gate, run.inputs) if "full" in gate.runs else ():
            try:
                verdicts.append(judge(run, gate, subject))
            except NotJudgedError as error:
                causes.add(error.cause)
    assert ({"baseline"}, {"baseline"}) == (causes, {found.gate for found in verdicts if found.outcome == "fail"})
    assert not [found for found in verdicts if found.subject.category or "category" in found.subject.check]
    case, pairs = collect(run, verdicts, kinds=frozenset({"full"}))
    results = Results(harness="0", machine="m", cases={"plain": case})
    page = page_html(reports(Results.model_validate_json(results.model_dump_json()), {"plain": pairs}))
    assert "AUC-ROC by category" not in page
    assert "Training curves" in page
