"""A fingerprint recognises a model elsewhere, and names what is not the same."""

import dataclasses

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import CheckpointError
from harness.models import PROBE_TEXTS, Fingerprint, read_fingerprint, write_fingerprint

PROBES = np.random.default_rng(0).normal(size=(len(PROBE_TEXTS), 8)).astype(np.float32)
SETTINGS = {"prompts": {"query": "q: "}, "default prompt": None}
MODEL = Fingerprint.of("tiny", "abc", SETTINGS, PROBES)


@pytest.fixture
def path(tmp_path):
    write_fingerprint(tmp_path / "fingerprint.json", MODEL)
    return tmp_path / "fingerprint.json"


def test_it_is_read_back_as_it_was_written(path):
    found = read_fingerprint(path)
    assert ("tiny", "abc", {"query": "q: "}, "", 8) == (*dataclasses.astuple(found)[:4], found.width)
    assert np.linalg.norm(PROBES, axis=1).mean() == pytest.approx(found.mean_norm)
    np.testing.assert_array_equal(PROBES, found.probes)


OTHERS = {
    "another digest": ({"digest": "other"}, []),
    "rounding": ({"probes": PROBES + np.float32(1e-4)}, []),
    "another model": ({"probes": PROBES[::-1]}, ["probe embeddings"]),
    "another width": ({"probes": PROBES[:, :4]}, ["width: 4, expected 8"]),
    "prompts": ({"prompts": {}, "default_prompt": "query"}, ["prompts: {}", "default prompt: 'query', expected ''"]),
    "normalised": ({"mean_norm": 1.0}, ["mean norm: 1.000, expected "]),
    "broken": ({"probes": PROBES * np.nan}, ["probe embeddings: a cosine of nan"]),
}


@pytest.mark.parametrize(("changes", "words"), OTHERS.values(), ids=OTHERS)
def test_whatever_is_not_the_same_is_named(changes, words):
    found = MODEL.differences(dataclasses.replace(MODEL, **changes))
    assert [True] * len(words) == [one.startswith(word) for one, word in zip(found, words, strict=True)]


def test_what_is_no_fingerprint_is_refused(path, edit_json):
    arrays = path.with_suffix(".safetensors")
    save_file({"probes": PROBES[:3]}, arrays)
    with pytest.raises(CheckpointError, match=r"no fingerprint, or not the one of fingerprint\.safetensors"):
        read_fingerprint(path)
    arrays.write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="no probe embeddings can be read"):
        read_fingerprint(path)
    arrays.unlink()
    with pytest.raises(CheckpointError, match="no regular file"):
        read_fingerprint(path)
    edit_json(path, probe_texts_digest="other")
    with pytest.raises(CheckpointError, match="of other probe texts; write it again"):
        read_fingerprint(path)
