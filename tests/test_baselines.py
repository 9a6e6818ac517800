"""What is stored can be read back, reads well in a diff, and never holds what is undefined."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import gates
from harness.baselines import (
    CATEGORY_METRICS,
    Baseline,
    Origin,
    StoredModel,
    StoredValue,
    baseline_path,
    build_model,
    build_scores,
    changes,
    read_baseline,
    tolerance,
    write_baseline,
)
from harness.case import Case, read_case
from harness.errors import BaselineError
from harness.evaluation import Evaluation
from harness.metrics import METRICS, GroupResult, MetricResult
from harness.statistics import retraining_tolerance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGIN = Origin(eval_sha256="e" * 64, eval_pairs=2, base_name="MiniLM", base_digest="b" * 64)


def model(value: float = 0.8, tolerance: float = 0.02, **provenance: Any) -> StoredModel:
    stored = StoredValue(value=value, tolerance=tolerance, direction="higher", seeds={"42": value, "43": 0.79})
    return StoredModel(
        metrics={"spearman": stored, "margin": stored},
        categories={"values": {"auc_roc": stored}},
        provenance=provenance,
    )


def baseline(**changed: Any) -> Baseline:
    content = {
        "version": 1,
        "origin": ORIGIN,
        "models": {"base": model(-0.2), "lora": model(machine="Größe 2")},
        "scores": [{"base": 0.5, "lora": -0.25}, {"base": 0.125, "lora": 0.75}],
    }
    return Baseline(**{**content, **changed})


def group(positives: int = 10, negatives: int = 10, **values: float) -> GroupResult:
    numbers = {"mean_positive": 0.7, "mean_negative": 0.2, "margin": 0.5, "cohens_d": 2.0, "auc_roc": 0.9, **values}
    return GroupResult(positives + negatives, positives, negatives, reason="", **numbers)


def evaluation(value: float = 0.5, groups: dict[str, GroupResult] | None = None, **metrics: float) -> Evaluation:
    values = {name: metrics.get(name, value) for name in METRICS}
    categories = {"values": group()} if groups is None else groups
    return Evaluation({name: MetricResult(v) for name, v in values.items()}, categories, {}, (0.1, 0.2))


@pytest.fixture(scope="module")
def case(dating_case_path: Path) -> Case:
    return read_case(dating_case_path)


@pytest.fixture(scope="module")
def with_tolerance(case: Case) -> Callable[..., Case]:
    def changed(**values: Any) -> Case:
        return case.model_copy(update={"tolerance": case.tolerance.model_copy(update=values)})

    return changed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dating" / "baseline.json"


def test_each_case_has_a_file_of_its_own(tmp_path: Path, case: Case) -> None:
    assert tmp_path / "dating" / "baseline.json" == baseline_path(tmp_path, case)


def test_what_is_written_reads_the_same(path: Path) -> None:
    write_baseline(path, baseline())
    assert baseline() == read_baseline(path)


def test_a_second_write_is_byte_identical(path: Path) -> None:
    write_baseline(path, baseline())
    first = path.read_bytes()
    stored = read_baseline(path)
    assert stored is not None
    write_baseline(path, stored)
    assert first == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_the_order_in_which_values_came_does_not_matter(path: Path) -> None:
    write_baseline(path, baseline())
    first = path.read_bytes()
    turned = baseline(
        models=dict(reversed(baseline().models.items())),
        scores=[dict(reversed(row.items())) for row in baseline().scores],
    )
    write_baseline(path, turned)
    assert first == path.read_bytes()


def test_the_file_reads_well_in_a_diff(path: Path) -> None:
    write_baseline(path, baseline())
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "Größe 2" in text
    lines = text.splitlines()
    assert '    {"base": 0.5, "lora": -0.25},' in lines  # a line a pair
    assert '    {"base": 0.125, "lora": 0.75}' in lines
    assert 6 == sum(line.strip().startswith('"value": ') for line in lines)  # a line a number
    assert max(map(len, lines)) < 100

    def keys_in_order(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert sorted(pairs) == pairs or "scores" in dict(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=lambda pairs: keys_in_order([(key, 0) for key, _ in pairs]))


def test_where_nothing_is_stored_nothing_is_read(path: Path) -> None:
    assert read_baseline(path) is None


def test_reading_writes_nothing(path: Path, tmp_path: Path) -> None:
    read_baseline(path)
    assert [] == list(tmp_path.iterdir())


GOOD = baseline().model_dump(mode="json")
GARBAGE = {
    "empty": b"",
    "no-json": b"<<<<<<< HEAD",
    "not-utf-8": b"\xff\xfe",
    "list": b"[]",
    "null": b"null",
    "other-version": json.dumps({**GOOD, "version": 2}).encode(),
    "unknown-key": json.dumps({**GOOD, "more": 1}).encode(),
    "missing-key": json.dumps({key: value for key, value in GOOD.items() if key != "origin"}).encode(),
    "text-for-number": json.dumps(GOOD).replace('"value": 0.8', '"value": "0.8"').encode(),
    "nan": json.dumps(GOOD).replace('"value": 0.8', '"value": NaN').encode(),
    "null-value": json.dumps(GOOD).replace('"value": 0.8', '"value": null').encode(),
    "bad-direction": json.dumps(GOOD).replace('"higher"', '"up"').encode(),
    "truncated": json.dumps(GOOD).encode()[:-50],
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE)
def test_a_file_that_is_no_baseline_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BaselineError) as caught:
        read_baseline(path)
    [line] = str(caught.value).splitlines()
    assert line.startswith((f"{path}: not a baseline: ", f"{path}: cannot be read: "))


def test_a_directory_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(BaselineError, match="cannot be read"):
        read_baseline(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.82, 0.82, 0.82], 0.01),  # the floor
        ([0.80, 0.82, 0.84], 4.302653 * math.sqrt(2) * 0.02),  # Student's 97.5 % with two degrees of freedom
        ([0.8199, 0.82, 0.8201], 0.01),
        ([-1.0, 1.0, 0.0, 0.0], 3.182446 * math.sqrt(2) * math.sqrt(2 / 3)),  # with three
    ],
)
def test_a_trained_models_tolerance_is_from_its_spread_but_at_least_the_floor(
    case: Case, values: list[float], expected: float
) -> None:
    assert 0.95 == case.tolerance.confidence
    # Two comparisons share the 5 %.
    assert expected == pytest.approx(tolerance(case, "lora", "spearman", values, 2), abs=1e-5)


def test_the_bases_tolerance_is_the_cases(case: Case) -> None:
    assert {name: case.tolerance.base[name] for name in METRICS} == {
        name: tolerance(case, "base", name, [], 9) for name in METRICS
    }


def test_a_trained_model_is_stored_with_its_seeds_and_directions(case: Case) -> None:
    values = {42: 0.8, 44: 0.84, 43: 0.82}
    retrained = {seed: evaluation(value) for seed, value in values.items()}
    built = build_model(
        case, "lora", evaluation(0.8000000001), retrained, ("values",), {"pooling": "mean"}, {"made": "here"}
    )
    assert list(METRICS) == list(built.metrics)
    assert {name: metric.direction for name, metric in METRICS.items()} == {
        name: value.direction for name, value in built.metrics.items()
    }
    spearman = built.metrics["spearman"]
    assert (0.8, {"42": 0.8, "43": 0.82, "44": 0.84}) == (spearman.value, spearman.seeds)
    comparisons = len(METRICS) + len(CATEGORY_METRICS)
    expected = retraining_tolerance([0.8, 0.82, 0.84], comparisons=comparisons, confidence=0.95)
    assert expected == pytest.approx(spearman.tolerance, abs=1e-6)
    assert {"made": "here"} == built.provenance
    assert {"values": {"auc_roc", "margin"}} == {name: set(group) for name, group in built.categories.items()}
    assert 0.9 == built.categories["values"]["auc_roc"].value


def test_the_base_is_stored_without_seeds(case: Case) -> None:
    built = build_model(case, "base", evaluation(-0.2), {}, ("values",), {}, {})
    assert ({}, 0.001) == (built.metrics["spearman"].seeds, built.metrics["spearman"].tolerance)


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (evaluation(margin=math.nan), evaluation(), "dating: lora metric margin is undefined and cannot be stored"),
        (evaluation(), evaluation(margin=math.nan), "dating: lora metric margin is undefined and cannot be stored"),
        (
            evaluation(groups={"values": group(auc_roc=math.nan)}),
            evaluation(),
            "dating: lora values auc_roc is undefined and cannot be stored",
        ),
    ],
    ids=["own", "of-another-seed", "in-a-category"],
)
def test_an_undefined_value_is_never_stored(case: Case, own: Evaluation, other: Evaluation, said: str) -> None:
    with pytest.raises(BaselineError) as caught:
        build_model(case, "lora", own, {42: own, 43: other, 44: evaluation()}, ("values",), {}, {})
    assert said == str(caught.value)


def test_only_the_given_categories_are_stored(case: Case) -> None:
    measured = evaluation(groups={"values": group(), "few": group(1, 90, auc_roc=math.nan), "other": group()})
    assert ["other", "values"] == list(build_model(case, "base", measured, {}, ("other", "values"), {}, {}).categories)


@given(value=st.floats(-1, 1))
@pytest.mark.parametrize("name", ["base", "lora"])
def test_a_value_is_no_worse_than_itself_even_without_any_tolerance(
    with_tolerance: Callable[..., Case], name: str, value: float
) -> None:
    nothing = dict.fromkeys(METRICS, 0.0)
    measured = evaluation(value, groups={})
    retrained = {} if name == "base" else dict.fromkeys(range(3), measured)
    built = build_model(with_tolerance(floor=nothing, base=nothing), name, measured, retrained, (), {}, {})
    stored = baseline(models={name: built})
    verdicts = [gates.no_worse_than_stored(name, m, measured.metrics[m], stored, ORIGIN) for m in METRICS]
    assert [] == [verdict.message for verdict in verdicts if verdict.verdict != "pass"]


def test_scores_are_a_row_a_pair() -> None:
    columns = {"base": evaluation(), "lora": evaluation()}
    assert [{"base": 0.1, "lora": 0.1}, {"base": 0.2, "lora": 0.2}] == build_scores(columns)


def test_where_nothing_changed_nothing_is_listed() -> None:
    assert [] == changes(baseline(), baseline())


def test_a_first_baseline_is_listed_as_new() -> None:
    assert ["new: 2 models, 2 pairs"] == changes(None, baseline())


CHANGED = {
    "value": (
        {"models": {"base": model(-0.2), "lora": model(0.7, machine="Größe 2")}},
        [
            "models.lora.categories.values.auc_roc.seeds.42: 0.8 -> 0.7",
            "models.lora.categories.values.auc_roc.value: 0.8 -> 0.7",
            "models.lora.metrics.margin.seeds.42: 0.8 -> 0.7",
            "models.lora.metrics.margin.value: 0.8 -> 0.7",
            "models.lora.metrics.spearman.seeds.42: 0.8 -> 0.7",
            "models.lora.metrics.spearman.value: 0.8 -> 0.7",
        ],
    ),
    "provenance": (
        {"models": {"base": model(-0.2), "lora": model(machine="other")}},
        ["models.lora.provenance.machine: Größe 2 -> other"],
    ),
    "origin": (
        {"origin": ORIGIN.model_copy(update={"eval_pairs": 3})},
        ["origin.eval_pairs: 2 -> 3"],
    ),
    "score": (
        {"scores": [{"base": 0.5, "lora": -0.25}, {"base": 0.125, "lora": 0.5}]},
        ["scores of 1 of 2 pairs"],
    ),
    "more-scores": (
        {"scores": [*baseline().scores, {"base": 0.0, "lora": 0.0}]},
        ["scores of 1 of 3 pairs"],
    ),
}


@pytest.mark.parametrize(("changed", "lines"), CHANGED.values(), ids=CHANGED)
def test_each_change_is_a_line(changed: dict[str, Any], lines: list[str]) -> None:
    assert lines == changes(baseline(), baseline(**changed))


def test_a_model_that_comes_or_goes_is_listed_by_its_values() -> None:
    fewer = baseline(models={"base": model(-0.2)})
    gone, new = changes(baseline(), fewer), changes(fewer, baseline())
    assert "models.lora.metrics.spearman.value: 0.8 -> gone" in gone
    assert "models.lora.metrics.spearman.value: not stored -> 0.8" in new
    assert len(gone) == len(new)
    assert all(line.startswith("models.lora.") for line in gone + new)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["scores"].pop(), "scores: "),
        (lambda c: first_value(c).update(direction="lower"), "direction lower, expected higher"),
        (lambda c: first_value(c).update(tolerance=-1.0), "greater than or equal to 0"),
    ],
    ids=["scores", "direction", "tolerance"],
)
def test_an_edit_that_would_disarm_a_gate_is_refused(
    repository: Path, tmp_path: Path, change: Callable[[Any], Any], said: str
) -> None:
    content = json.loads((repository / "baselines" / "dating" / "baseline.json").read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BaselineError, match=said):
        read_baseline(path)


def first_value(content: Any) -> Any:
    return content["models"]["lora"]["metrics"]["spearman"]
