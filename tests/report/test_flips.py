"""The flips on the page: counted by kind, all listed, the same as in the message, and shown as text."""

from __future__ import annotations

import dataclasses
import html
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from harness import promises
from harness.gates import NOW_WRONG
from harness.report import judge_pairs, summary_html
from harness.report.flips import flips_view

TITLE = "Pairs that changed sides since the baseline"


def text_of(report):
    return " ".join(summary_html([report], {}).split())


def message(report, model):
    """What the gate says of a model whose stored Spearman correlation is out of reach."""
    stored = report.baseline.models[model]
    better = stored.metrics["spearman"].model_copy(update={"value": 2.0})
    stored = stored.model_copy(update={"metrics": {**stored.metrics, "spearman": better}})
    run = SimpleNamespace(
        model=report.runs.get,
        uncertainty=report.uncertainty.get,
        baseline=report.baseline.model_copy(update={"models": {**report.baseline.models, model: stored}}),
        inputs=SimpleNamespace(eval=report.pairs, origin=report.baseline.origin),
    )
    said = promises.metric_holds(run, model, "spearman").message
    assert ": worse by " in said
    return said


@pytest.fixture(scope="module")
def flipped(report, stored_as):
    """The stored lora had every pair right, but for pair 2; the stored standard model was as today's."""
    right = [0.9 if pair.label else 0.1 for pair in report.pairs]
    right[2] = -0.5
    standard = report.runs["standard"].evaluation.scores
    return stored_as(
        report, lambda row, model, score: {"lora": right[row], "standard": standard[row]}.get(model, score)
    )


def test_nothing_is_shown_where_nothing_flipped(report):
    assert [] == flips_view(report)
    assert TITLE not in text_of(report)
    assert "#flips-" not in text_of(report)


def test_a_shift_of_all_scores_flips_nothing_on_the_page_and_in_the_message(report, stored_as):
    shifted = stored_as(report, lambda _, __, score: score - 0.5)
    assert {0.5} == {round(float(np.ptp([j.scores[0], j.before[0]])), 4) for j in judge_pairs(shifted).values()}
    assert [] == flips_view(shifted)
    assert TITLE not in text_of(shifted)
    assert "newly wrong" not in text_of(shifted).replace("0 newly wrong and 0 newly right", "")
    assert all(NOW_WRONG not in message(shifted, model) for model in shifted.runs)


def test_page_and_message_name_the_same_pairs_worst_first(flipped):
    (lora,) = flips_view(flipped)
    named = message(flipped, "lora").partition(NOW_WRONG)[2]
    assert "lora" == lora["name"]
    wrong = np.flatnonzero(judge_pairs(flipped)["lora"].wrong).tolist()
    assert sorted(wrong) == sorted(flip.row for flip in flipped.uncertainty["lora"].lost)
    assert len(wrong) == len(lora["lost"]) > 0
    at = [named.index(repr(pair["texts"][0][0])) for pair in lora["lost"][:3]]
    assert sorted(at) == at
    for pair, flip in zip(lora["lost"], flipped.uncertainty["lora"].lost, strict=True):
        assert flipped.pairs.pairs[flip.row].text_2 == pair["texts"][1][0]
        assert f"{flip.now:.3f}".replace("-", "\N{MINUS SIGN}") == pair["now"]


def test_flips_are_counted_by_pair_type_and_category_most_lost_first(flipped):
    (lora,) = flips_view(flipped)
    pairs = flipped.pairs.pairs
    lost = Counter(
        (pairs[row].pair_type, pairs[row].category) for row in np.flatnonzero(judge_pairs(flipped)["lora"].wrong)
    )
    counts = {(group["pair_type"], group["category"]): int(group["lost"]) for group in lora["groups"]}
    assert lost == Counter(counts)
    assert sorted(counts.values(), reverse=True) == list(counts.values())
    gained = [(group["pair_type"], group["category"]) for group in lora["groups"] if group["gained"] != "0"]
    assert [(pairs[2].pair_type, pairs[2].category)] == gained


def test_the_page_shows_each_lost_pair_and_both_scores(flipped):
    shown = text_of(flipped)
    (lora,) = flips_view(flipped)
    count = len(lora["lost"])
    verbs = ("pair was", "is") if count == 1 else ("pairs were", "are")
    sentence = f"{count} {verbs[0]} right when the baseline was stored and {verbs[1]} wrong now, 1 the reverse."
    assert f"lora</span>: {sentence}" in shown
    assert 'href="#flips-synthetic"' in shown
    assert 'id="flips-synthetic"' in shown
    for pair in lora["lost"]:
        assert f'<td class="number">{pair["stored"]} → {pair["now"]}</td>' in shown


@pytest.mark.parametrize("evil", ["<img src=x onerror=alert(1)>", "</div></details><script>alert(1)</script>"])
def test_texts_are_shown_as_text_and_cut(flipped, evil):
    pairs = tuple(
        dataclasses.replace(pair, text_1=evil * 100, text_2=evil, category=evil, pair_type=evil)
        for pair in flipped.pairs
    )
    hostile = dataclasses.replace(flipped, pairs=dataclasses.replace(flipped.pairs, pairs=pairs))
    block = text_of(hostile).partition(TITLE)[2].partition('<h3 id="errors-')[0]
    assert evil not in block
    assert html.escape(evil) in block
    assert f"{len(evil) * 100:,} characters, the first 1,000 shown" in block
