"""The audit finds what was planted, where it was planted, and agrees with a search through everything."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from harness.config import read_case
from harness.data import Pair, PairSet, read_pairs
from harness.data.audit import CHECKS, Audit, AuditData, PairFile, audit
from harness.models import count_word_pieces, max_length, resolve_base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.data.audit import Finding

REPOSITORY = Path(__file__).resolve().parents[2]
SPEAKERS = ("boy: ", "girl: ")


def pair(text_1: str, text_2: str, label: int = 1, category: str = "c") -> Pair:
    return Pair(text_1, text_2, label, category, "s", "t")


def data_of(train: Sequence[Pair], evaluation: Sequence[Pair], prefixes: Sequence[str] = (), **more: Any) -> AuditData:
    files = (
        PairFile(f"{name}.jsonl", PairSet(Path(name), "0" * 64, tuple(pairs)), tuple(prefixes))
        for name, pairs in (("train", train), ("eval", evaluation))
    )
    return AuditData(*files, **{"word_pieces": {}, "max_length": None, "uncounted": "not counted", **more})


def found(check: str, train: Sequence[Pair], evaluation: Sequence[Pair], **more: Any) -> Finding:
    return CHECKS[check].function(data_of(train, evaluation, **more))


@pytest.mark.parametrize("path", sorted(REPOSITORY.glob("fixtures/*/case.toml")), ids=lambda path: path.parent.name)
def test_the_shipped_data_are_within_their_limits(path: Path) -> None:
    case = read_case(path)
    base = resolve_base(case.base, case.path.parent)
    train, evaluation = read_pairs(case.train_path), read_pairs(case.eval_path)
    texts = (*train.texts, *evaluation.texts)
    pieces = dict(zip(texts, count_word_pieces(base, texts), strict=True))
    known = {"word_pieces": pieces, "max_length": max_length(base), "uncounted": ""}
    result = audit(data_of(train.pairs, evaluation.pairs, case.data.prefixes, **known))
    values = {check: finding.value for check, finding in result.findings.items()}
    assert {} == {check: value for check, value in values.items() if not value <= case.audit[check]}
    assert () == result.leaked


def test_an_audit_is_the_same_after_json() -> None:
    result = audit(data_of([pair("a", "b"), pair("b", "a")], [pair("A", "b", 0)]))
    assert math.isnan(result.findings["truncated_texts"].value)
    codec = TypeAdapter(Audit)
    assert repr(result) == repr(codec.validate_json(codec.dump_json(result)))  # NaN is not equal to itself


# --- against a search through everything ------------------------------------------------------------------------------

WORDS = ("tea", "Tea", "jazz", "no", "no,", "I  love")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
PAIRS = st.builds(pair, TEXTS, TEXTS, st.sampled_from((0, 1)), st.sampled_from("cd"))
FILES = st.lists(PAIRS, min_size=1, max_size=12)


def bare(text: str) -> str:
    """Without case and spacing. Written apart from the harness's own: one must not excuse the other."""
    return re.sub(r"\s+", " ", text).strip().lower()


def same(one: Pair, other: Pair) -> bool:
    texts = [(bare(p.text_1), bare(p.text_2)) for p in (one, other)]
    return texts[0] in (texts[1], texts[1][::-1])


@given(FILES, FILES)
def test_shared_repeated_and_frequent_are_those_that_a_search_finds(train: list[Pair], evaluation: list[Pair]) -> None:
    shared = [row for row, p in enumerate(evaluation) if any(same(p, known) for known in train)]
    assert shared == sorted(data_of(train, evaluation).shared)
    assert len(shared) / len(evaluation) == found("shared_pairs", train, evaluation).value
    texts, known = ({bare(text) for p in pairs for text in (p.text_1, p.text_2)} for pairs in (evaluation, train))
    assert len(texts & known) / len(texts) == found("shared_texts", train, evaluation).value
    shares = [
        sum(any(same(p, q) and p.label == q.label for q in pairs[:row]) for row, p in enumerate(pairs)) / len(pairs)
        for pairs in (train, evaluation)
    ]
    assert max(shares) == found("duplicates", train, evaluation).value
    for check, key in (("label_balance", "label"), ("category_balance", "category")):
        shares = [max(Counter(getattr(p, key) for p in pairs).values()) / len(pairs) for pairs in (train, evaluation)]
        assert max(shares) == found(check, train, evaluation).value
    everything = [*train, *evaluation]
    contradicted = {
        frozenset((bare(p.text_1), bare(p.text_2)))
        for p, q in itertools.combinations(everything, 2)
        if same(p, q) and p.label != q.label
    }
    assert len(contradicted) == found("contradictions", train, evaluation).value


@given(FILES, FILES)
def test_the_best_word_is_that_which_a_search_finds(train: list[Pair], evaluation: list[Pair]) -> None:
    def words(p: Pair) -> set[str]:
        return set(re.findall(r"[a-z]+", f"{p.text_1} {p.text_2}".lower()))

    def accuracy(pairs: list[Pair], word: str, says: int) -> float:
        return sum((says if word in words(p) else 1 - says) == p.label for p in pairs) / len(pairs)

    vocabulary = sorted(set().union(*map(words, train)))
    rules = [(word, says) for word in vocabulary for says in (1, 0)]
    best = max(accuracy(train, *rule) for rule in rules)
    word, says = next(rule for rule in rules if accuracy(train, *rule) == best)
    frequent = max(Counter(p.label for p in evaluation).values()) / len(evaluation)
    assert pytest.approx(accuracy(evaluation, word, says) - frequent) == found("one_word", train, evaluation).value


@given(FILES, FILES)
def test_the_best_length_is_that_which_a_search_finds(train: list[Pair], evaluation: list[Pair]) -> None:
    def auc(pairs: list[Pair], length: Any) -> float:
        values = [(length(len(bare(p.text_1)), len(bare(p.text_2))), p.label) for p in pairs]
        couples = [(a, b) for (a, x), (b, y) in itertools.product(values, repeat=2) if x > y]
        return sum((a > b) + 0.5 * (a == b) for a, b in couples) / len(couples) if couples else math.nan

    lengths = [lambda a, _: a, lambda _, b: b, lambda a, b: a + b, lambda a, b: a / b]
    lengths.append(lambda a, b: round(min(a, b) / max(a, b), 12))
    value = found("length_alone", train, evaluation).value
    known = [auc(train, length) for length in lengths]
    if math.isnan(known[0]) or math.isnan(auc(evaluation, lengths[0])):
        assert math.isnan(value)
        return
    best = max(abs(k - 0.5) for k in known)
    expected = [
        auc(evaluation, length) if k >= 0.5 else 1 - auc(evaluation, length)
        for length, k in zip(lengths, known, strict=True)
        if math.isclose(abs(k - 0.5), best)
    ]
    assert any(value == pytest.approx(one) for one in expected)


@given(FILES, FILES, st.randoms(use_true_random=False))
def test_no_value_depends_on_the_order_of_the_files(train: list[Pair], evaluation: list[Pair], rng: Any) -> None:
    shuffled = [rng.sample(pairs, len(pairs)) for pairs in (train, evaluation)]
    values = [
        {name: finding.value for name, finding in audit(data_of(*files)).findings.items()}
        for files in ((train, evaluation), shuffled)
    ]
    assert values[0] == pytest.approx(values[1], nan_ok=True)


# --- planted faults ---------------------------------------------------------------------------------------------------


def test_a_nearly_shared_pair_has_the_same_label_there() -> None:
    train = [
        pair("i love to drink green tea in the rose garden", "jazz every night"),
        pair("i love to drink black tea in the rose garden", "no jazz", 0),
    ]
    evaluation = [
        pair("jazz every night!", "I love to drink green tee in the rose garden"),
        pair("I love to drink blach tea in the rose garden", "no jazz", 1),
        pair("i love to drink black tea in the rose garden", "jazz every night"),
    ]
    result = audit(data_of(train, evaluation))
    near = result.findings["near_shared_pairs"]
    assert (0, 1 / 3, (0,)) == (result.findings["shared_pairs"].value, near.value, result.leaked)
    texts = '"jazz every night!" and "I love to drink green tee in the rose garden"'
    assert (f"eval.jsonl:1 = train.jsonl:1: {texts}",) == near.examples
    assert 3 / 6 == result.findings["near_shared_texts"].value


DISGUISES = (
    lambda p: p,
    lambda p: replace(p, text_1=p.text_2, text_2=p.text_1),
    lambda p: replace(p, text_1=f" {p.text_1.upper()}  ", text_2=p.text_2.replace(" ", "\t ")),
    lambda p: replace(p, text_1="girl: " + p.text_1.split(": ")[1], text_2="boy: " + p.text_2.split(": ")[1]),
    lambda p: replace(p, category="elsewhere", pair_type="new"),
)


def test_leakage_is_found_with_its_size_and_its_places_in_any_disguise(dating: Any) -> None:
    """14.6 % of the eval pairs, as the first system of this kind had."""
    train, evaluation = dating
    known = [DISGUISES[row % len(DISGUISES)](p) for row, p in enumerate(train[100:143])]
    leaky = (*evaluation[:7], *known, *evaluation[50:])
    result = audit(data_of(train, leaky, SPEAKERS))
    finding = result.findings["shared_pairs"]
    assert (43 / 295, "43 of 295 eval pairs are in train") == (finding.value, finding.words)
    assert tuple(range(7, 50)) == result.leaked
    assert ["eval.jsonl:8 = train.jsonl:101", "eval.jsonl:9 = train.jsonl:102", "eval.jsonl:10 = train.jsonl:103"] == [
        example.split(": ")[0] for example in finding.examples
    ]
    assert 0 == result.findings["near_shared_pairs"].value


def test_leakage_with_typing_errors_is_found(dating: Any, typed_badly: Any) -> None:
    train, evaluation = dating
    rng = random.Random(2)
    known = [p for p in train if len(p.text_1) > 55][:20]
    wrong = [replace(p, text_1=p.text_1[:10] + typed_badly(p.text_1[10:], rng, errors=1)) for p in known]
    leaky = [*wrong, *evaluation]
    result = audit(data_of(train, leaky, SPEAKERS))
    assert set(range(20)) >= set(result.leaked)
    assert 18 <= len(result.leaked)
    assert result.findings["near_shared_pairs"].value * len(leaky) == pytest.approx(len(result.leaked))


def test_without_the_prefixes_another_speaker_says_another_text() -> None:
    train, evaluation = [pair("boy: tea", "girl: jazz")], [pair("girl: tea", "boy: jazz")]
    assert 0 == found("shared_pairs", train, evaluation).value
    assert 1 == found("shared_pairs", train, evaluation, prefixes=SPEAKERS).value


def test_contradictions_are_found_in_a_file_and_between_them() -> None:
    train = [pair("tea", "jazz", 1), pair("Jazz", "tea ", 0), pair("rain", "snow", 1), pair("dogs", "cats", 0)]
    train.append(train[2])  # the first place is named
    finding = found("contradictions", train, [pair("snow", "RAIN", 0), pair("dogs", "cats", 0)])
    assert (2, "2 of 3 different pairs have two labels") == (finding.value, finding.words)
    assert (
        'train.jsonl:1 says 1, train.jsonl:2 says 0: "tea" and "jazz"',
        'train.jsonl:3 says 1, eval.jsonl:1 says 0: "rain" and "snow"',
    ) == finding.examples
    shared = found("shared_pairs", train, [pair("snow", "RAIN", 0)])
    assert ('eval.jsonl:1 = train.jsonl:3, with label 1 instead of 0: "snow" and "RAIN"',) == shared.examples
    assert ('eval.jsonl:1 = train.jsonl:3: "snow"',) == found("shared_texts", train, [pair("snow", "new")]).examples


def test_a_word_that_gives_the_label_away_is_found(dating: Any) -> None:
    marked = [[replace(p, text_2=f"{p.text_2}, sadly") if p.label == 0 else p for p in pairs] for pairs in dating]
    finding = found("one_word", *marked, prefixes=SPEAKERS)
    assert 131 / 295 == pytest.approx(finding.value)
    assert finding.words.startswith('"sadly" says 0, right for 100.0% of train.jsonl; 100.0% of eval.jsonl, ')
    assert all(", label 0: " in example for example in finding.examples)


@pytest.mark.parametrize("longer", [0, 1])
def test_a_length_that_gives_the_label_away_is_found_whichever_way_round(longer: int) -> None:
    pairs = [pair("x" * (5 + n % 3), "y" * (20 if n % 2 == longer else 5), n % 2) for n in range(40)]
    finding = found("length_alone", pairs, pairs)
    assert 1 == finding.value
    assert "AUC 1.000" in finding.words
    misleading = [replace(p, label=1 - p.label) for p in pairs]
    assert 0 == found("length_alone", pairs, misleading).value


def test_a_category_that_gives_the_label_away_is_found() -> None:
    train = [pair(f"a{n}", f"b{n}", n % 2, "odd" if n % 2 else "even") for n in range(20)]
    evaluation = [pair(f"c{n}", f"d{n}", n % 2, "odd" if n % 2 else "even") for n in range(10)]
    assert 0.5 == found("category_alone", train, evaluation).value
    unknown = [replace(p, category="new") for p in evaluation]
    assert 0 == found("category_alone", train, unknown).value


def test_empty_texts_are_found() -> None:
    train = [pair("boy: ", "girl: tea"), pair("boy: ...", "girl: \u200b"), pair("girl: 7", "boy: \U0001f600")]
    finding = found("empty_texts", train, [pair("tea", "jazz")], prefixes=SPEAKERS)
    assert (3 / 6, "3 of 6 texts of train.jsonl say nothing") == (finding.value, finding.words)
    assert ["train.jsonl:1", "train.jsonl:2", "train.jsonl:2"] == [e.split(": ")[0] for e in finding.examples]


def test_truncated_texts_are_found_in_the_worse_file() -> None:
    train, evaluation = [pair("a", "b"), pair("c", "d")], [pair("a", "e")]
    pieces = {"a": 3, "b": 10, "c": 10, "d": 10, "e": 11}
    finding = found("truncated_texts", train, evaluation, word_pieces=pieces, max_length=10, uncounted="")
    assert (1 / 2, "1 of 2 texts of eval.jsonl are truncated") == (finding.value, finding.words)
    assert ('eval.jsonl:1: 11 word pieces, 10 are read: "e"',) == finding.examples
    unlimited = found("truncated_texts", train, evaluation, word_pieces=pieces, max_length=None, uncounted="")
    assert 0 == unlimited.value
    uncounted = found("truncated_texts", train, evaluation)
    assert (True, "not counted") == (math.isnan(uncounted.value), uncounted.reason)


def test_an_example_is_one_short_line_that_a_terminal_can_show() -> None:
    text = "a\nb \x1b[2J\u202e" + "c" * 100
    [example] = found("shared_pairs", [pair(text, "d")], [pair(text, "d")]).examples
    assert example.isprintable()
    assert len(example) < 120
