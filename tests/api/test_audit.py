"""Pairs are audited from files and from lists, without a model."""

import math

from harness import audit_pairs


def test_files_and_rows_are_audited_alike(tmp_path, pair_lines, repository):
    directory = repository / "fixtures" / "dating"
    found = audit_pairs(str(directory / "train.jsonl"), directory / "eval.jsonl", prefixes=["boy: ", "girl: "])
    assert found.findings["shared_pairs"].value == 0
    assert math.isnan(found.findings["truncated_texts"].value)
    train = [("boy: tea is great", "girl: i love tea", 1), ("boy: no rain", "girl: more rain", 0)]
    leaked = audit_pairs(train, [("Boy: Tea is great", "girl: i love tea", 1), ("a", "b", 0)], prefixes=["boy: "])
    assert leaked.leaked == (0,)
    shown = next(line for line in repr(leaked).splitlines() if line.startswith("Eval pairs in train"))
    assert "50.00%" in shown
    assert "1 of 2 eval pairs are in train: " in shown
    assert "eval:1" in shown
