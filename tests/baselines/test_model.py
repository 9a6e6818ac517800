"""What is stored reads back the same, reads well in a diff, and is refused where it would disarm a gate."""

import json

import pytest

from harness.baselines import CATEGORY_METRICS, baseline_path, changes, read_baseline, write_baseline
from harness.config import read_case
from harness.errors import BaselineError


@pytest.fixture
def path(tmp_path, dating_case_path):
    return baseline_path(tmp_path, read_case(dating_case_path))


@pytest.mark.parametrize("case", ["dating", "tickets"])
def test_what_the_repository_stores_is_written_as_it_was_read(repository, path, case):
    stored = repository / "baselines" / case / "baseline.json"
    baseline = read_baseline(stored)
    write_baseline(path, baseline)
    assert stored.read_bytes() == path.read_bytes()
    assert [path] == list(path.parent.iterdir())
    assert ("dating", "baseline.json") == path.parts[-2:]


def test_the_file_reads_well_in_a_diff_and_does_not_depend_on_the_order(path, make_baseline):
    baseline = make_baseline()
    write_baseline(path, baseline)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert (True, True) == (text.endswith("}\n"), "Größe 2" in text)
    assert '    {"base": 0.5, "lora": -0.25},' in lines  # a line a pair
    assert 8 == sum(line.strip().startswith('"value": ') for line in lines)  # a line a number
    assert max(map(len, lines)) < 100
    models, scores = dict(reversed(baseline.models.items())), [dict(reversed(row.items())) for row in baseline.scores]
    write_baseline(path, make_baseline(models=models, scores=scores))
    assert text == path.read_text(encoding="utf-8")
    assert baseline == read_baseline(path)


def test_where_nothing_is_stored_nothing_is_read_or_written_and_what_is_no_baseline_is_refused_in_one_line(path):
    assert read_baseline(path) is None
    assert not path.parent.exists()
    path.mkdir(parents=True)
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(path)
    path.rmdir()
    for content in (b"<<<<<<< HEAD", b"\xff\xfe", b"null"):
        path.write_bytes(content)
        with pytest.raises(
            BaselineError, match=rf"^{path}: not (a baseline|JSON|UTF-8)\b.*\. Restore it from version control$"
        ):
            read_baseline(path)


def spearman(content):
    return content["models"]["lora"]["metrics"]["spearman"]


def test_an_edit_that_would_disarm_a_gate_is_refused(path, make_baseline):
    path.parent.mkdir()
    for edit, said in (
        (lambda content: content.update(version=2), "version"),
        (lambda content: content.update(more=1), "more: Extra inputs"),
        (lambda content: spearman(content).update(value="0.8"), "valid number"),
        (lambda content: spearman(content).update(value=float("nan")), "finite number"),
        (
            lambda content: content.update(undefined={"spearman": "no"}),
            'undefined: "spearman", expected a metric of clusters',
        ),
        (lambda content: spearman(content).update(direction="lower"), "direction lower, expected higher"),
        (lambda content: spearman(content).update(tolerance=-1.0), "greater than or equal to 0"),
        (lambda content: content["scores"][0].update(lora=1.5), "scores: row 1 holds .*, expected cosines, -1 to 1"),
        (lambda content: spearman(content).update(value=-99.0), "lora spearman: the value is -99, expected -1 to 1"),
        (lambda content: spearman(content)["seeds"].update({"43": 9.0}), "the value is 9, expected -1 to 1"),
        (lambda content: content["scores"].pop(), "scores: 1 rows for 2 pairs"),
        (lambda content: content["scores"][1].pop("lora"), "scores: row 2 has too much or lacks lora"),
    ):
        content = make_baseline().model_dump(mode="json")
        edit(content)
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(BaselineError, match=said):
            read_baseline(path)


def test_what_is_compared_of_a_model_is_in_the_order_of_reports(make_baseline):
    expected = [("", "spearman"), ("", "margin"), *(("values", metric) for metric in CATEGORY_METRICS)]
    assert expected == [(category, metric) for category, metric, _ in make_baseline().models["lora"].compared]


def test_each_change_is_a_line_a_value_that_comes_or_goes_too_and_a_first_baseline_is_new(make_baseline):
    old = make_baseline()
    assert [] == changes(old, make_baseline())
    assert ["new: 2 models, 2 pairs"] == changes(None, old)
    assert [
        f"models.lora.{where}.{which}: 0.8 -> 0.7"
        for where in ("categories.values.auc_roc", "categories.values.margin", "metrics.margin", "metrics.spearman")
        for which in ("seeds.42", "value")
    ] == changes(old, make_baseline(0.7))
    assert ["scores of 1 of 2 pairs"] == changes(old, make_baseline(scores=[old.scores[0], {"base": 0.0, "lora": 0.5}]))
    assert ["scores of 1 of 3 pairs"] == changes(old, make_baseline(scores=[*old.scores, {"base": 0.0, "lora": 0.0}]))
    fewer = make_baseline(models={"base": old.models["base"]})
    assert "models.lora.metrics.spearman.value: 0.8 -> gone" in changes(old, fewer)
    assert "models.lora.metrics.spearman.value: not stored -> 0.8" in changes(fewer, old)
