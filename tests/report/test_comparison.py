"""Two results: what got better and worse, and what cannot be compared."""

import math

import pytest

from harness.errors import HarnessError
from harness.report.comparison import COMMENT_BYTES, as_markdown, as_text, compare
from harness.results import CandidateEntry, Results

from ..synthetic import make_report, verdict, with_case, with_metric
from .pages import Markdown


@pytest.fixture(scope="module")
def report():
    """Two models with two metrics."""
    made = make_report("dating")
    models = {}
    for name, value, false_positives in (("base", -0.2, None), ("lora", 0.8, 5.0)):
        entries = made.models[name].metrics
        metrics = {
            "spearman": entries["spearman"].model_copy(update={"value": value, "stored": value, "tolerance": 0.01})
        }
        if false_positives is not None:
            changed = {"value": false_positives, "stored": 5.0, "tolerance": 1.0}
            metrics["false_positives"] = entries["false_positives"].model_copy(update=changed)
        models[name] = made.models[name].model_copy(update={"metrics": metrics})
    return with_case(made, models=models, verdicts=(verdict("metric", model="lora", metric="spearman"),))


def results(report, name="dating", **cases):
    return Results(harness="0", machine="m", cases={name: report.case, **cases})


def compared(a, b):
    return compare(results(a), results(b))


def row(comparison, metric="spearman"):
    (found,) = (r for r in comparison.metrics if (r.model, r.metric) == ("lora", metric))
    return found


def test_the_same_is_no_regression(report):
    same = compared(report, report)
    assert [(r.model, r.metric, r.outcome) for r in same.metrics] == [
        ("base", "spearman", "same"),
        ("lora", "spearman", "same"),
        ("lora", "false_positives", "same"),
    ]
    assert (same.gates, same.gone, same.new, same.regressed) == ((), (), (), False)
    assert same.sentence == "No regression: 0 worse, 0 better, 3 same; 0 gates fail that did not."


@pytest.mark.parametrize(
    ("metric", "changes", "change", "outcome"),
    [
        ("spearman", {"value": 0.7}, -0.1, "worse"),
        ("spearman", {"value": 0.9}, 0.1, "better"),
        ("spearman", {"value": 0.795}, -0.005, "same"),
        ("spearman", {"value": 0.7, "tolerance": 0.2}, -0.1, "same"),
        ("spearman", {"value": 0.78, "stored": None, "tolerance": 0.5}, -0.02, "worse"),  # by the tolerance of A
        ("false_positives", {"value": 7.0}, -2.0, "worse"),
        ("false_positives", {"value": 6.0}, -1.0, "same"),
        ("false_positives", {"value": 3.0}, 2.0, "better"),
        ("spearman", {"value": math.nan}, math.nan, "worse"),
    ],
)
def test_the_outcome_is_by_direction_and_tolerance(metric, changes, change, outcome, report):
    result = compared(report, with_metric(report, "lora", metric, **changes))
    assert row(result, metric).outcome == outcome
    assert row(result, metric).change == pytest.approx(change, nan_ok=True)
    assert result.regressed == (outcome == "worse")


def test_without_any_tolerance_only_rounding_is_noise(report):
    bare = with_metric(report, "lora", "spearman", stored=None, tolerance=0.0)
    for less, outcome in ((1e-9, "same"), (1e-5, "worse")):
        after = with_metric(bare, "lora", "spearman", value=0.8 - less)
        assert row(compared(bare, after)).outcome == outcome


def test_undefined_before(report):
    undefined = with_metric(report, "lora", "spearman", value=math.nan)
    assert row(compared(undefined, report)).outcome == "better"
    assert row(compared(undefined, undefined)).outcome == "same"


def test_gone_is_a_regression_and_new_is_not(report):
    less = with_case(report, models={"base": report.models["base"]})
    gone, new = compared(report, less), compared(less, report)
    assert [r.outcome for r in gone.metrics] == ["same", "gone", "gone"]
    assert [r.outcome for r in new.metrics] == ["same", "new", "new"]
    assert (gone.regressed, new.regressed) == (True, False)
    both = results(report, other=report.case)
    gone, new = compare(both, results(report)), compare(results(report), both)
    assert (gone.gone, gone.new, gone.regressed) == (("other",), (), True)
    assert (new.gone, new.new, new.regressed) == ((), ("other",), False)
    assert "Cases of A that B does not have: other." in as_text(gone)


def gate_run(report, **changes):
    """A run with `-m gate` of the same case: the base, and a candidate in the place of lora."""
    checked = verdict("files", model="lora")
    about = CandidateEntry(model="lora", strategy="lora", path="adapter", sha256="0" * 64)
    return with_case(report, **{"candidate": about, "verdicts": (*report.case.verdicts, checked), **changes})


@pytest.fixture
def full(report):
    """The full run, with a second trained model and the verdict on a training."""
    verdicts = (*report.case.verdicts, verdict("memory", model="lora", stage="train"), failing("", model="standard"))
    return with_case(report, models={**report.models, "standard": report.models["lora"]}, verdicts=verdicts)


def test_of_a_full_and_a_gate_run_what_both_can_have_is_compared(report, full):
    more = results(full, other=report.case)
    for comparison in (compare(more, results(gate_run(report))), compare(results(gate_run(report)), more)):
        assert [(r.model, r.metric) for r in comparison.metrics] == [
            ("base", "spearman"),
            ("lora", "spearman"),
            ("lora", "false_positives"),
        ]
        assert (comparison.regressed, comparison.gates, comparison.gone, comparison.new) == (False, (), (), ())
        (remark,) = (line for line in as_text(comparison).splitlines() if line.startswith("Not compared"))
        for name in ("model standard", "gate memory of train", "gate files", "case other"):
            assert remark.count(name) == 1


def test_a_run_in_which_no_gate_was_judged_is_not_comparable(report):
    blocked = with_case(report, verdicts=(), error="no such base")
    with pytest.raises(HarnessError, match="not comparable: dating: no gate was judged in B: no such base"):
        compared(report, blocked)


def test_what_a_gate_run_could_have_and_lacks_is_a_regression(report, full):
    less = gate_run(report, models={"base": report.models["base"]})
    assert [r.outcome for r in compared(full, less).metrics] == ["same", "gone", "gone"]
    assert compared(full, less).regressed
    refused = gate_run(report, verdicts=(*report.case.verdicts, verdict("files", "fail", model="lora")))
    assert [(g.gate, g.after) for g in compared(full, refused).gates] == [("files", "fail")]
    assert compared(full, refused).regressed
    # Two gate runs are of one kind.
    assert compared(gate_run(report), less).regressed


@pytest.mark.parametrize(
    ("a", "b", "regressed"),
    [
        ("pass", "fail", True),
        ("inconclusive", "fail", True),
        (None, "fail", True),
        ("fail", "pass", False),
        ("pass", "inconclusive", False),
        ("pass", None, False),
        ("fail", "fail", False),
    ],
)
def test_gates_with_another_verdict(a, b, regressed, report):
    before, after = (
        with_case(
            report,
            verdicts=(
                verdict("baseline"),
                *((verdict("memory", word, model="lora", stage="train"),) if word else ()),
            ),
        )
        for word in (a, b)
    )
    result = compared(before, after)
    assert [(g.before, g.after) for g in result.gates] == ([] if a == b else [(a, b)])
    assert result.regressed == regressed


def failing(message, **about):
    return verdict("metric", "fail", message, **{"model": "lora", "metric": "spearman", **about})


def test_text_holds_no_terminal_codes(report):
    text = as_text(compared(report, with_case(report, verdicts=(failing("\x1b[2J\x07 two\nlines \u202e"),))))
    assert "<U+001B>[2J<U+0007> two lines <U+202E>" in text
    assert set(text) - set("\n") == {c for c in text if c.isprintable()}


def test_markdown_shows_the_changes_and_folds_the_rest(report):
    text = as_markdown(compared(report, with_metric(report, "lora", "spearman", value=0.7)))
    head, _, folded = text.partition("<details>")
    assert "**Regression: 1 worse, 0 better, 2 same; 0 gates fail that did not.**" in head
    assert Markdown(head).rows[1:] == [["dating", "lora", "spearman", "0.800", "0.700", "-0.100", "0.010", "worse"]]
    rows = Markdown("<details>" + folded).rows[1:]
    assert [cells[1:3] for cells in rows] == [["base", "spearman"], ["lora", "false_positives"]]
    assert folded.startswith("<summary>2 the same</summary>\n\n|")
    assert folded.rstrip().endswith("\n\n</details>")


@pytest.mark.parametrize("evil", ["a | b \\| c", "</details><script>x</script>", "`a` *b* [c](d)", "&lt;"])
def test_markdown_shows_data_as_text(evil, report):
    tame, wild = (
        Markdown(as_markdown(compared(report, with_case(report, verdicts=(failing(words, category=words),)))))
        for words in ("tame", evil)
    )
    assert tame.tags == wild.tags
    assert [cells[-1] for cells in wild.rows if cells[4:5] == ["fail"]] == [evil]


def test_markdown_fits_a_comment(report):
    many = tuple(failing("m" * 500, category=f"category{index}") for index in range(300))
    text = as_markdown(compared(report, with_case(report, verdicts=many)))
    assert len(text.encode()) <= COMMENT_BYTES
    assert "lines are left out" in text
    assert "<details>" not in text
