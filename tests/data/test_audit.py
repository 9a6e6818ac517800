import itertools
import math
import re
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analyses.audit import audit_pairs
from harness.config import read_case
from harness.data import Pair, PairSet, read_pairs
from harness.data.audit import CHECKS, AuditData, PairFile, audit, types
from harness.models import max_length, read_word_pieces, resolve_base

from .rows import FIXTURES, bare

SPEAKERS = ("boy: ", "girl: ")
DATING = tuple(read_pairs(FIXTURES / "dating" / f"{name}.jsonl").pairs for name in ("train", "eval"))


def pair(text_1, text_2, label=1, category="c"):
    return Pair(text_1, text_2, label, category, "s", "t")


def data_of(train, evaluation, prefixes=(), **more):
    files = (
        PairFile(f"{name}.jsonl", PairSet(Path(name), "0" * 64, tuple(pairs)), tuple(prefixes))
        for name, pairs in (("train", train), ("eval", evaluation))
    )
    return AuditData(*files, **{"word_pieces": {}, "max_length": None, "uncounted": "not counted", **more})


def found(check, train, evaluation, **more):
    return CHECKS[check].function(data_of(train, evaluation, **more))


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*/case.toml")), ids=lambda path: path.parent.name)
def test_the_shipped_data_are_within_their_limits(path):
    case = read_case(path)
    base = resolve_base(case.base, case.path.parent)
    train, evaluation = case.read_pairs("train"), case.read_pairs("eval")
    texts = (*train.texts, *evaluation.texts)
    pieces = {text: found.pieces for text, found in zip(texts, read_word_pieces(base, texts), strict=True)}
    known = {"word_pieces": pieces, "max_length": max_length(base), "uncounted": ""}
    result = audit(data_of(train.pairs, evaluation.pairs, case.data.prefixes, **known))
    values = {check: finding.value for check, finding in result.findings.items()}
    assert {} == {check: value for check, value in values.items() if not value <= case.audit[check]}
    assert () == result.leaked


WORDS = ("tea", "Tea", "jazz", "no", "no,", "I  love")
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join)
PAIRS = st.builds(pair, TEXTS, TEXTS, st.sampled_from((0, 1)), st.sampled_from("cd"))
FILES = st.lists(PAIRS, min_size=1, max_size=12)


def same(one, other):
    texts = [(bare(p.text_1), bare(p.text_2)) for p in (one, other)]
    return texts[0] in (texts[1], texts[1][::-1])


@given(FILES, FILES)
def test_shared_repeated_and_frequent_are_those_that_a_search_finds(train, evaluation):
    shared = [row for row, p in enumerate(evaluation) if any(same(p, known) for known in train)]
    assert shared == sorted(data_of(train, evaluation).shared)
    assert len(shared) / len(evaluation) == found("shared_pairs", train, evaluation).value
    texts, known = ({bare(text) for p in pairs for text in (p.text_1, p.text_2)} for pairs in (evaluation, train))
    leaked = {*shared, *data_of(train, evaluation).near_shared}
    new = {bare(text) for row, p in enumerate(evaluation) if row not in leaked for text in (p.text_1, p.text_2)}
    assert len(new & known) / len(texts) == found("shared_texts", train, evaluation).value
    shares = [
        sum(any(same(p, q) and p.label == q.label for q in pairs[:row]) for row, p in enumerate(pairs)) / len(pairs)
        for pairs in (train, evaluation)
    ]
    assert max(shares) == found("duplicates", train, evaluation).value
    for check, key in (("label_balance", "label"), ("category_balance", "category")):
        shares = [max(Counter(getattr(p, key) for p in pairs).values()) / len(pairs) for pairs in (train, evaluation)]
        assert max(shares) == found(check, train, evaluation).value
    contradicted = [
        {frozenset((bare(p.text_1), bare(p.text_2))) for p, q in both if same(p, q) and p.label != q.label}
        for both in (itertools.combinations(pairs, 2) for pairs in (train, evaluation))
    ]
    assert sum(map(len, contradicted)) == found("contradictions", train, evaluation).value


@given(FILES, FILES)
def test_the_best_word_is_that_which_a_search_finds(train, evaluation):
    def words(p):
        return set(re.findall(r"[a-z]+", f"{p.text_1} {p.text_2}".lower()))

    def accuracy(pairs, word, says):
        return sum((says if word in words(p) else 1 - says) == p.label for p in pairs) / len(pairs)

    vocabulary = sorted(set().union(*map(words, train)))
    rules = [(word, says) for word in vocabulary for says in (1, 0)]
    best = max(accuracy(train, *rule) for rule in rules)
    word, says = next(rule for rule in rules if accuracy(train, *rule) == best)
    frequent = max(Counter(p.label for p in evaluation).values()) / len(evaluation)
    assert pytest.approx(accuracy(evaluation, word, says) - frequent) == found("one_word", train, evaluation).value


@given(FILES, FILES)
def test_the_best_length_is_that_which_a_search_finds(train, evaluation):
    def auc(pairs, length):
        values = [(length(len(bare(p.text_1)), len(bare(p.text_2))), p.label) for p in pairs]
        couples = [(a, b) for (a, x), (b, y) in itertools.product(values, repeat=2) if x > y]
        return sum((a > b) + 0.5 * (a == b) for a, b in couples) / len(couples) if couples else math.nan

    lengths = [lambda a, _: a, lambda _, b: b, lambda a, b: a + b, lambda a, b: a / b]
    lengths.append(lambda a, b: round(min(a, b) / max(a, b), 12))
    value = found("length_alone", train, evaluation).value
    known = [auc(train, length) for length in lengths]
    if math.isnan(known[0]) or math.isnan(auc(evaluation, lengths[0])):
        assert 0.5 == value  # one label: its balance says so
        return
    best = max(abs(k - 0.5) for k in known)
    expected = [
        auc(evaluation, length) if k >= 0.5 else 1 - auc(evaluation, length)
        for length, k in zip(lengths, known, strict=True)
        if math.isclose(abs(k - 0.5), best)
    ]
    assert any(value == pytest.approx(one) for one in expected)


@given(FILES, FILES, st.randoms(use_true_random=False))
def test_no_value_depends_on_the_order_of_the_files(train, evaluation, rng):
    shuffled = [rng.sample(pairs, len(pairs)) for pairs in (train, evaluation)]
    values = [
        {name: finding.value for name, finding in audit(data_of(*files)).findings.items()}
        for files in ((train, evaluation), shuffled)
    ]
    assert values[0] == pytest.approx(values[1], nan_ok=True)


def test_of_very_many_candidates_a_random_sample_is_searched_and_said_to_be_one(monkeypatch):
    train = [pair(f"i never drink {word} tea {n}", f"more {word} for me") for word in WORDS for n in range(10)]
    evaluation = [replace(p, text_1=p.text_1 + "!") for p in train]
    whole, sample = data_of(train, evaluation), data_of(train, evaluation)
    assert 60 == len(whole.searched)
    monkeypatch.setattr(types, "MOST_CANDIDATES", 300)
    assert 1 <= len(sample.searched) < 20
    assert list(sample.searched) == sorted(data_of(train, evaluation).searched)  # seeded
    assert sample.near_shared.items() <= whole.near_shared.items()
    finding = CHECKS["near_shared_pairs"].function(sample)
    words = rf"\d+ of {len(sample.searched)} eval pairs are nearly in train, a random sample of 60"
    assert re.fullmatch(words, finding.words), finding.words
    assert "sample" not in CHECKS["near_shared_pairs"].function(whole).words


def test_a_nearly_shared_pair_has_the_same_label_there():
    tea = "i love to drink {} tea in the rose garden".format
    train = [pair(tea("green"), "jazz every night"), pair(tea("black"), "no jazz", 0)]
    evaluation = [pair("jazz every night!", "I love to drink green tee in the rose garden")]
    evaluation += [pair(tea("blach"), "no jazz", 1), pair(tea("black"), "jazz every night")]
    result = audit(data_of(train, evaluation))
    near = result.findings["near_shared_pairs"]
    assert (0, 1 / 3, (0,)) == (result.findings["shared_pairs"].value, near.value, result.leaked)
    texts = '"jazz every night!" and "I love to drink green tee in the rose garden"'
    assert (f"eval.jsonl:1 = train.jsonl:1: {texts}",) == near.examples
    assert 1 / 6 == result.findings["near_shared_texts"].value  # not those of the pair that is told already


DISGUISES = (
    lambda p: p,
    lambda p: replace(p, text_1=p.text_2, text_2=p.text_1),
    lambda p: replace(p, text_1=f" {p.text_1.upper()}  ", text_2=p.text_2.replace(" ", "\t ")),
    lambda p: replace(p, text_1="girl: " + p.text_1.split(": ")[1], text_2="boy: " + p.text_2.split(": ")[1]),
    lambda p: replace(p, category="elsewhere", pair_type="new"),
)


def test_leakage_is_found_with_its_size_and_its_places_in_any_disguise():
    """14.6 % of the eval pairs, as the first system of this kind had."""
    train, evaluation = DATING
    known = [DISGUISES[row % len(DISGUISES)](p) for row, p in enumerate(train[100:143])]
    leaky = (*evaluation[:7], *known, *evaluation[50:])
    result = audit(data_of(train, leaky, SPEAKERS))
    finding = result.findings["shared_pairs"]
    assert (43 / 295, "43 of 295 eval pairs are in train") == (finding.value, finding.words)
    assert tuple(range(7, 50)) == result.leaked
    places = [f"eval.jsonl:{8 + row} = train.jsonl:{101 + row}" for row in range(3)]
    assert places == [example.split(": ")[0] for example in finding.examples]
    assert 0 == result.findings["near_shared_pairs"].value
    # Without the prefixes another speaker says another text.
    assert 0 == found("shared_pairs", [pair("boy: tea", "girl: jazz")], [pair("girl: tea", "boy: jazz")]).value


def test_a_contradiction_in_a_file_is_one_and_between_files_a_shared_pair():
    train = [pair("tea", "jazz", 1), pair("Jazz", "tea ", 0), pair("rain", "snow", 1), pair("dogs", "cats", 0)]
    train.append(train[0])  # the first place is named
    finding = found("contradictions", train, [pair("snow", "RAIN", 0), pair("dogs", "cats", 0)])
    assert (1, "1 of 5 different pairs have two labels") == (finding.value, finding.words)
    assert ('train.jsonl:1 says 1, train.jsonl:2 says 0: "tea" and "jazz"',) == finding.examples
    shared = found("shared_pairs", train, [pair("snow", "RAIN", 0)])
    assert ('eval.jsonl:1 = train.jsonl:3, with label 1 instead of 0: "snow" and "RAIN"',) == shared.examples
    assert ('eval.jsonl:1 = train.jsonl:3: "snow"',) == found("shared_texts", train, [pair("snow", "new")]).examples


SOUND = [[pair(f"{name} {row} tea", f"{name} {row} jazz", row % 2) for row in range(12)] for name in ("train", "eval")]


@pytest.mark.parametrize(
    ("above", "file", "fault"),
    [
        ("shared_pairs", 1, lambda pairs: [replace(SOUND[0][0], label=1), *pairs[1:]]),
        ("near_shared_pairs", 1, lambda pairs: [replace(SOUND[0][1], text_1="train 1  tea!"), *pairs[1:]]),
        ("contradictions", 0, lambda pairs: [replace(pairs[1], label=0), *pairs[1:]]),
        ("label_balance", 0, lambda pairs: [replace(p, label=1) for p in pairs]),
        ("label_balance", 1, lambda pairs: [replace(p, label=0) for p in pairs]),
    ],
)
def test_one_cause_is_above_one_limit(above, file, fault):
    files = [fault(pairs) if number == file else pairs for number, pairs in enumerate(SOUND)]
    result = audit(data_of(*files, max_length=None, uncounted="", word_pieces=defaultdict(int)))
    small = {"one_word": 1, "category_balance": 1}  # of twelve pairs
    limits = {name: check.limit for name, check in CHECKS.items()} | small
    assert [above] == [name for name, finding in result.findings.items() if not finding.value <= limits[name]]


def test_without_categories_nothing_is_said_about_them_and_a_place_has_line_and_id():
    known = [Pair("tea", "jazz", 1, id="q7"), Pair("rain", "snow", 0)]
    files = (
        PairFile(name, PairSet(Path(name), "0" * 64, tuple(known), lines=(2, 5))) for name in ("train.csv", "eval.csv")
    )
    result = audit(AuditData(*files, {}, None, "not counted"))
    assert set(CHECKS) - set(result.findings) == {"category_balance", "category_alone"}
    assert [
        'eval.csv:2 (q7) = train.csv:2 (q7): "tea" and "jazz"',
        'eval.csv:5 = train.csv:5: "rain" and "snow"',
    ] == list(result.findings["shared_pairs"].examples)


def test_a_word_a_length_and_a_category_that_give_the_label_away_are_found():
    marked = [[replace(p, text_2=f"{p.text_2}, sadly") if p.label == 0 else p for p in pairs] for pairs in DATING]
    finding = found("one_word", *marked, prefixes=SPEAKERS)
    assert 131 / 295 == pytest.approx(finding.value)
    assert finding.words.startswith('"sadly" says 0, right for 100.0% of train.jsonl; 100.0% of eval.jsonl, ')
    assert all(", label 0: " in example for example in finding.examples)
    for longer in (0, 1):
        pairs = [pair("x" * (5 + n % 3), "y" * (20 if n % 2 == longer else 5), n % 2, "eo"[n % 2]) for n in range(40)]
        misleading = [replace(p, label=1 - p.label, category="new") for p in pairs]
        for check, value in (("length_alone", 1), ("category_alone", 0.5)):
            assert (value, 0) == (found(check, pairs, pairs).value, found(check, pairs, misleading).value)


def test_empty_texts_are_found():
    train = [pair("boy: ", "girl: tea"), pair("boy: ...", "girl: \u200b"), pair("girl: 7", "boy: \U0001f600")]
    finding = found("empty_texts", train, [pair("tea", "jazz")], prefixes=SPEAKERS)
    assert (3 / 6, "3 of 6 texts of train.jsonl say nothing") == (finding.value, finding.words)
    assert ["train.jsonl:1", "train.jsonl:2", "train.jsonl:2"] == [e.split(": ")[0] for e in finding.examples]


def test_truncated_texts_are_found_in_the_worse_file():
    train, evaluation = [pair("a", "b"), pair("c", "d")], [pair("a", "e")]
    pieces = {"a": 3, "b": 10, "c": 10, "d": 10, "e": 11}
    known = {"word_pieces": pieces, "uncounted": ""}
    limited, unlimited = (found("truncated_texts", train, evaluation, max_length=n, **known) for n in (10, None))
    assert (1 / 2, "1 of 2 texts of eval.jsonl are truncated", 0) == (limited.value, limited.words, unlimited.value)
    assert ('eval.jsonl:1: 11 word pieces, 10 are read: "e"',) == limited.examples
    uncounted = found("truncated_texts", train, evaluation)
    assert (True, "not counted") == (math.isnan(uncounted.value), uncounted.reason)


def test_an_example_is_one_short_line_that_a_terminal_can_show():
    text = "a\nb \x1b[2J\u202e" + "c" * 100
    [example] = found("shared_pairs", [pair(text, "d")], [pair(text, "d")]).examples
    assert example.isprintable()
    assert len(example) < 120


def test_texts_that_the_model_cannot_tell_apart_are_the_same_text(tiny_inputs):
    """A soft hyphen, a zero-width space or a byte order mark: nothing of them is in the word pieces."""
    pairs = tiny_inputs.train.pairs[:30]
    for change in (
        lambda text: text[:2] + "\u00ad" + text[2:],
        lambda text: text[:3] + "\u200b" + text[3:],
        lambda text: "\ufeff" + text,
        lambda text: text.upper(),
        lambda text: "".join(chr(ord(letter) + 0xFEE0) if letter.isalpha() else letter for letter in text),  # wide
        lambda text: text.replace("e", "e\u0301"),  # an accent, which this tokenizer takes away
    ):
        copied = tuple(replace(one, text_1=change(one.text_1), text_2=change(one.text_2)) for one in pairs)
        evaluation = replace(tiny_inputs.eval, pairs=copied)
        found = audit_pairs(
            train=tiny_inputs.train, evaluation=evaluation, names=("t", "e"), prefixes=(), base=tiny_inputs.base
        )
        assert 1.0 == found.findings["shared_pairs"].value
        assert 30 == len(found.leaked)
