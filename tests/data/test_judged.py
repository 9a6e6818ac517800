"""Sets that people judged, as the package carries them."""

import pytest

from harness.data import JUDGED, JudgedSet, read_pairs
from harness.errors import DataError

SIZES = {"wordsim353": 353, "simlex999": 999, "lee": 50 * 49 // 2}


@pytest.mark.parametrize("name", JUDGED)
def test_every_set_is_read_with_its_judgements(name):
    pairs = read_pairs(JudgedSet(name), threshold=5 if name != "lee" else 0.5)
    assert SIZES[name] == len(pairs)
    assert pairs.grades.min() >= 0
    assert pairs.grades.max() <= (10 if name != "lee" else 1)
    assert {0, 1} == set(pairs.labels)


def test_a_known_pair_has_its_judgement():
    grades = {(pair.text_1, pair.text_2): pair.grade for pair in read_pairs(JudgedSet("wordsim353"), threshold=5)}
    assert 7.35 == grades["tiger", "cat"]


def test_without_the_package_the_message_names_the_extra(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(Exception, match=r"probes"):
        read_pairs(JudgedSet("lee"), threshold=0.5)


def test_files_of_another_form_are_named(monkeypatch, tmp_path):
    from importlib.machinery import ModuleSpec

    monkeypatch.setattr("importlib.util.find_spec", lambda _: ModuleSpec("gensim", None, origin=str(tmp_path / "x.py")))
    monkeypatch.setattr("harness.data.judged.require", lambda *_: None)
    with pytest.raises(DataError, match=r"gensim:lee: not as gensim 4 carries it"):
        read_pairs(JudgedSet("lee"), threshold=0.5)
