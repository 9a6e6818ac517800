"""A checkpoint's digest is that of its content, wherever it lies."""

import dataclasses
from pathlib import Path

from harness.models import Checkpoint, ResolvedBase

BASE = ResolvedBase("tiny", None, Path("base"), "0" * 64)
TRAINED = Checkpoint("full", BASE, Path("trained"), "1" * 64)


def test_other_content_is_another_digest_and_another_place_is_not():
    others = ({"strategy": "lora"}, {"base": dataclasses.replace(BASE, digest="2" * 64)}, {"weights": "2" * 64})
    digests = {dataclasses.replace(TRAINED, **changes).digest for changes in others}
    assert 5 == len({TRAINED.digest, Checkpoint.of_base(BASE).digest, *digests})
    moved = dataclasses.replace(TRAINED, path=Path("moved"), base=dataclasses.replace(BASE, path=Path("moved")))
    assert TRAINED.digest == moved.digest
