"""Two results files: what got better and worse, what cannot be compared, and the exit status."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from harness.__main__ import main
from harness.comparison import COMMENT_BYTES, as_markdown, as_text, compare, read_results
from harness.errors import HarnessError
from harness.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGIN = {"eval_sha256": "e" * 64, "eval_pairs": 10, "base_name": "m", "base_digest": "b" * 64}


def metric(value: float | None, tolerance: float | None = 0.01) -> dict[str, Any]:
    return {"value": value, "stored": value, "tolerance": tolerance, "verdict": "pass"}


def gate(name: str, verdict: str, of: str = "spearman", message: str = "because") -> dict[str, Any]:
    numbers = {"observed": 0.5, "reference": 0.5}
    return {"name": name, "model": "lora", "metric": of, "verdict": verdict, "message": message, **numbers}


def model(**metrics: Any) -> dict[str, Any]:
    group = {"count": 10, "positives": 6, "negatives": 4, "margin": None, "reason": ""}
    return {
        "metrics": metrics,
        "categories": {"values": group},
        "pair_types": {},
        "parameters": {"total": 100, "trainable": 0},
        "peak_rss_mb": {"encode": 1.0},
        "train_seconds": None,
    }


@pytest.fixture
def content() -> dict[str, Any]:
    models = {
        "lora": model(false_positives=metric(5.0, 1.0), spearman=metric(0.8)),
        "base": model(spearman=metric(-0.2)),
    }
    gates = [gate("baseline", "pass"), gate("diverges", "pass", "eval")]
    return {
        "schema": 1,
        "cases": {"dating": {"models": models, "gates": gates}},
        "provenance": {"machine": "m", "origin": {"dating": ORIGIN}},
    }


@pytest.fixture
def changed(content) -> Callable[..., dict[str, Any]]:
    """The content, with the last of `path` put where the rest leads to."""

    def change(*path: Any) -> dict[str, Any]:
        result = copy.deepcopy(content)
        *way, key, value = path
        inner = result
        for step in way:
            inner = inner[step]
        inner[key] = value
        return result

    return change


@pytest.fixture
def written(tmp_path) -> Callable[[Any], Path]:
    def write(content: Any) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def compared(written) -> Callable[..., Any]:
    return lambda a, b: compare(read_results(written(a)), read_results(written(b)))


LORA = ("cases", "dating", "models", "lora", "metrics")
SPEARMAN, FALSE_POSITIVES = (*LORA, "spearman"), (*LORA, "false_positives")


def row(comparison, model="lora", metric="spearman"):
    (found,) = (r for r in comparison.metrics if (r.model, r.metric) == (model, metric))
    return found


def test_the_same_is_no_regression(content, compared):
    same = compared(content, content)
    assert ["same"] * 3 == [r.outcome for r in same.metrics]
    assert [("base", "spearman"), ("lora", "spearman"), ("lora", "false_positives")] == [
        (r.model, r.metric) for r in same.metrics
    ]
    assert ((), (), (), ()) == (same.gates, same.gone, same.new, same.notes)
    assert not same.regressed
    assert "No regression: 0 worse, 0 better, 3 same; 0 gates fail that did not." == same.sentence


@pytest.mark.parametrize(
    ("path", "value", "change", "outcome", "regressed"),
    [
        (SPEARMAN, metric(0.7), -0.1, "worse", True),
        (SPEARMAN, metric(0.9), 0.1, "better", False),
        (SPEARMAN, metric(0.795), -0.005, "same", False),
        (SPEARMAN, metric(0.805), 0.005, "same", False),
        (SPEARMAN, metric(0.7, 0.2), -0.1, "same", False),
        (SPEARMAN, metric(0.795, None), -0.005, "same", False),  # by the tolerance of A
        (SPEARMAN, metric(0.78, None), -0.02, "worse", True),
        (FALSE_POSITIVES, metric(7.0, 1.0), -2.0, "worse", True),
        (FALSE_POSITIVES, metric(6.0, 1.0), -1.0, "same", False),
        (FALSE_POSITIVES, metric(3.0, 1.0), 2.0, "better", False),
        (SPEARMAN, metric(None), math.nan, "worse", True),
    ],
)
def test_outcome_is_by_direction_and_tolerance(path, value, change, outcome, regressed, content, changed, compared):
    result = compared(content, changed(*path, value))
    found = row(result, metric=path[-1])
    assert outcome == found.outcome
    assert change == pytest.approx(found.change, nan_ok=True)
    assert regressed == result.regressed


def test_without_any_tolerance_only_rounding_is_noise(changed, compared):
    before = changed(*SPEARMAN, metric(0.8, None))
    assert "same" == row(compared(before, changed(*SPEARMAN, metric(0.8 - 1e-9, None)))).outcome
    assert "worse" == row(compared(before, changed(*SPEARMAN, metric(0.8 - 1e-5, None)))).outcome


def test_undefined_before(changed, content, compared):
    undefined = changed(*SPEARMAN, metric(None, None))
    assert ("better", False) == (row(compared(undefined, content)).outcome, compared(undefined, content).regressed)
    assert ("same", False) == (row(compared(undefined, undefined)).outcome, compared(undefined, undefined).regressed)


def test_gone_is_a_regression_and_new_is_not(changed, content, compared):
    less = changed("cases", "dating", "models", {"base": content["cases"]["dating"]["models"]["base"]})
    gone, new = compared(content, less), compared(less, content)
    assert ["same", "gone", "gone"] == [r.outcome for r in gone.metrics]
    assert ["same", "new", "new"] == [r.outcome for r in new.metrics]
    assert (True, False) == (gone.regressed, new.regressed)


def test_a_case_that_is_gone_is_a_regression(changed, content, compared):
    both = changed("cases", "other", content["cases"]["dating"])
    gone, new = compared(both, content), compared(content, both)
    assert (("other",), (), True) == (gone.gone, gone.new, gone.regressed)
    assert ((), ("other",), False) == (new.gone, new.new, new.regressed)
    assert "Cases of A that B does not have: other." in as_text(gone)


@pytest.mark.parametrize(
    ("a", "b", "shown", "regressed"),
    [
        (["pass"], ["fail"], ("pass", "fail"), True),
        (["inconclusive"], ["fail"], ("inconclusive", "fail"), True),
        ([], ["fail"], (None, "fail"), True),
        (["fail"], ["pass"], ("fail", "pass"), False),
        (["pass"], ["inconclusive"], ("pass", "inconclusive"), False),
        (["pass"], [], ("pass", None), False),
        (["fail"], ["fail"], None, False),
        (["pass", "pass"], ["fail", "pass"], ("pass", "fail"), True),  # two shares of one model
        (["fail", "pass"], ["pass", "fail"], None, False),
    ],
)
def test_gates_whose_verdict_changed(a, b, shown, regressed, changed, compared):
    before, after = (changed("cases", "dating", "gates", [gate("share", word) for word in words]) for words in (a, b))
    result = compared(before, after)
    assert ([shown] if shown else []) == [(g.before, g.after) for g in result.gates]
    assert regressed == result.regressed


# --- not comparable -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\x00", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ("[]", "got [], expected a results.json: an object with the key schema"),
        ('{"models": {}}', "expected a results.json: an object with the key schema"),
        ('{"schema": 2}', "schema: got 2, expected 1"),
        ('{"schema": true}', "schema: got true, expected 1"),
        ('{"schema": "1"}', 'schema: got "1", expected 1'),
        ('{"schema": 1}', "cases: Field required; got"),
        ('{"schema": 1, "cases": [], "provenance": {}}', "cases: Input should be a valid dictionary; got []"),
        (
            '{"schema": 1, "cases": {"a\\n\\ud800": 1}, "provenance": {}}',
            "cases.a \ufffd\ufffd\ufffd: Input should be a valid dictionary; got 1",
        ),
    ],
)
def test_what_is_no_results_file_is_said_in_one_line(text, message, written):
    path = written(text)
    with pytest.raises(HarnessError) as caught:
        read_results(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["0.8", True, [], math.nan, math.inf])
def test_a_value_of_another_type_is_named(value, changed, written):
    path = written(changed(*SPEARMAN, "value", value))
    with pytest.raises(HarnessError, match=r"cases.dating.models.lora.metrics.spearman.value: Input should be a "):
        read_results(path)


def test_missing_file_and_directory(tmp_path):
    for path in (tmp_path / "no.json", tmp_path):
        with pytest.raises(HarnessError, match=r"cannot be read: .*; expected a results.json"):
            read_results(path)


def test_no_common_case(changed, content, compared):
    with pytest.raises(HarnessError, match=r"^not comparable: no common case: A has dating, B has other$"):
        compared(content, changed("cases", {"other": content["cases"]["dating"]}))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("eval_sha256", "dating: made from other evaluation pairs: A sha256 eeeeeeeeeeee, B sha256 cccccccccccc"),
        ("base_digest", "dating: made from another base: A digest bbbbbbbbbbbb, B digest cccccccccccc"),
    ],
)
def test_other_origin_is_not_comparable(key, message, content, changed, compared):
    with pytest.raises(HarnessError) as caught:
        compared(content, changed("provenance", "origin", "dating", {**ORIGIN, key: "c" * 64}))
    assert f"not comparable: {message}" == str(caught.value)


def test_without_an_origin_the_numbers_of_pairs_tell(content, changed, compared):
    unsaid = changed("provenance", {"machine": "m"})
    assert ("dating: not both files say from which pairs and base; their numbers of pairs agree.",) == (
        compared(content, unsaid).notes
    )
    other = copy.deepcopy(unsaid)
    for results in other["cases"]["dating"]["models"].values():
        results["categories"]["values"]["negatives"] = 5
    with pytest.raises(HarnessError, match="A 6 positive and 4 negative in 1 categories, B 6 positive and 5 negative"):
        compared(unsaid, other)
    larger = copy.deepcopy(unsaid)
    larger["cases"]["dating"]["models"]["base"]["parameters"]["total"] = 1000
    with pytest.raises(HarnessError, match="another base: A 100 parameters, B 1,000 parameters"):
        compared(unsaid, larger)


def test_a_metric_of_another_version_has_no_direction(content, changed, compared):
    with pytest.raises(HarnessError, match=f"dating: lora: metric recall: expected one of {', '.join(METRICS)}"):
        compared(content, changed(*LORA, "recall", metric(0.5)))


# --- shown ----------------------------------------------------------------------------------------------------------


def test_text_is_aligned(content, changed, compared):
    after = changed(*FALSE_POSITIVES, metric(7.0, 1.0))
    after["cases"]["dating"]["gates"][0] = gate("baseline", "fail", message="worse by 2")
    assert """\
case    model  metric                A       B  change (+ is better)  tolerance  outcome
dating  base   spearman         -0.200  -0.200                 0.000      0.010  same
dating  lora   spearman          0.800   0.800                 0.000      0.010  same
dating  lora   false_positives       5       7                    -2          1  worse

gates whose verdict changed:
case    gate      model  metric    A     B     message of B
dating  baseline  lora   spearman  pass  fail  worse by 2

Regression: 1 worse, 0 better, 2 same; 1 gates fail that did not.
""" == as_text(compared(content, after))


def test_text_holds_no_terminal_codes(content, changed, compared):
    evil = changed("cases", "dating", "gates", [gate("baseline", "fail", message="\x1b[2J\x07 two\nlines \u202e")])
    text = as_text(compared(content, evil))
    assert "<U+001B>[2J<U+0007> two lines <U+202E>" in text
    assert text.isprintable() or set(text) - set("\n") == {c for c in text if c.isprintable()}


class Shown(HTMLParser):
    """The tags of a page, and the cells of its tables."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))
        self.close()

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - HTMLParser's
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.tags[-1] in ("td", "th"):
            self.rows[-1][-1] += data.strip("\n").replace("\u200b", "")


def test_markdown_shows_what_changed_and_folds_the_rest(content, changed, compared):
    text = as_markdown(compared(content, changed(*SPEARMAN, metric(0.7))))
    head, _, folded = text.partition("<details>")
    assert "**Regression: 1 worse, 0 better, 2 same; 0 gates fail that did not.**" in head
    assert [["dating", "lora", "spearman", "0.800", "0.700", "-0.100", "0.010", "worse"]] == Shown(head).rows[1:]
    rows = Shown("<details>" + folded).rows[1:]
    assert [["base", "spearman"], ["lora", "false_positives"]] == [cells[1:3] for cells in rows]
    assert folded.startswith("<summary>2 the same</summary>\n\n|")
    assert folded.rstrip().endswith("\n\n</details>")


@pytest.mark.parametrize("evil", ["a | b \\| c", "</details><script>x</script>", "`a` *b* [c](d)", "&lt;"])
def test_markdown_shows_data_as_text(evil, changed, content, compared):
    tame, wild = (
        Shown(as_markdown(compared(content, changed("cases", "dating", "gates", [gate("baseline", "fail", of, of)]))))
        for of in ("tame", evil)
    )
    assert tame.tags == wild.tags
    assert [evil] == [cells[-1] for cells in wild.rows if cells[5:6] == ["fail"]]


def test_markdown_fits_a_comment(changed, content, compared):
    many = [gate("baseline", "fail", f"category{index}/margin", "m" * 500) for index in range(300)]
    text = as_markdown(compared(content, changed("cases", "dating", "gates", many)))
    assert len(text.encode()) <= COMMENT_BYTES
    assert "lines are left out" in text
    assert "<details>" not in text


# --- the command ----------------------------------------------------------------------------------------------------


def test_exit_status(content, changed, written, capsys):
    a, worse, other = (str(written(one)) for one in (content, changed(*SPEARMAN, metric(0.1)), changed("schema", 2)))
    assert 0 == main(["compare", a, a])
    assert capsys.readouterr().out.endswith("No regression: 0 worse, 0 better, 3 same; 0 gates fail that did not.\n")
    assert 1 == main(["compare", a, worse, "--format", "markdown"])
    assert capsys.readouterr().out.startswith("### Embedding results")
    assert 2 == main(["compare", a, other])
    shown = capsys.readouterr()
    assert ("", f"{other}: schema: got 2, expected 1\n") == (shown.out, shown.err)


def test_wrong_usage_is_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["compare", "one.json"])
    assert 2 == caught.value.code
    assert "B/results.json" in capsys.readouterr().err


def test_python_m_harness(content, written):
    path = str(written(content))
    command = [sys.executable, "-m", "harness", "compare", path, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.startswith("case ")


def test_comparing_loads_nothing_heavy():
    heavy = "{'torch', 'matplotlib', 'sklearn', 'scipy', 'jinja2', 'transformers', 'pytest'}"
    source = f"import sys, harness.__main__, harness.comparison; print({heavy} & sys.modules.keys())"
    shown = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "set()\n" == shown.stdout
