"""Whatever an index lies in, the same rows come out; whatever is wrong with it is told in one line."""

import os
import pickle

import faiss
import lancedb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.data.index import Columns, open_index, read_texts
from harness.errors import DataError, MissingLibraryError

VECTORS = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
TEXTS = [f"text {number}" for number in range(50)]
ROWS = np.array([0, 7, 8, 31, 49])


def table(vectors=VECTORS, **columns):
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return pa.table({"id": list(range(len(vectors))), "vector": lists, "text": TEXTS[: len(vectors)], **columns})


def numpy_index(directory):
    np.save(directory / "index.npy", VECTORS)
    return directory / "index.npy"


def parquet_index(directory):
    pq.write_table(table(), directory / "index.parquet", row_group_size=8)
    return directory / "index.parquet"


def lance_index(directory):
    """A table in two fragments, from which a row was deleted."""
    whole = table()
    made = lancedb.connect(str(directory)).create_table(
        "docs", pa.concat_tables([whole.slice(0, 1), whole.slice(0, 20)])
    )
    made.add(whole.slice(20))
    made.delete("id = 0 and text = 'text 0'")
    made.add(whole.slice(0, 1))
    return directory / "docs.lance"


def faiss_index(directory, index=None):
    index = index or faiss.IndexFlatIP(16)
    index.train(VECTORS)
    index.add(VECTORS)
    faiss.write_index(index, str(directory / "index.faiss"))
    return directory / "index.faiss"


@pytest.mark.parametrize("make", [numpy_index, parquet_index, faiss_index])
def test_every_format_gives_the_vectors_of_the_rows_asked_for(tmp_path, make):
    opened = open_index(make(tmp_path), Columns())
    assert 50 == len(opened.vectors)
    np.testing.assert_array_equal(VECTORS[ROWS], opened.vectors.sample(ROWS))
    assert ([TEXTS[row] for row in ROWS] if opened.texts else None) == (opened.texts and opened.texts(ROWS))
    assert (make is parquet_index) == (opened.texts is not None)


def test_a_lance_table_gives_vectors_and_texts_in_its_own_order(tmp_path):
    opened = open_index(lance_index(tmp_path), Columns())
    assert 50 == len(opened.vectors)  # rows 1 to 49, and then 0 again
    np.testing.assert_array_equal(VECTORS[[1, 8, 9, 32, 0]], opened.vectors.sample(ROWS))
    assert ["text 1", "text 8", "text 9", "text 32", "text 0"] == opened.texts(ROWS)


def test_faiss_gives_what_its_kinds_of_index_keep(tmp_path):
    for kind in ("IVF2,Flat", "HNSW8", "SQfp16", "IDMap,Flat"):
        found = open_index(faiss_index(tmp_path, _built(kind)), Columns()).vectors.sample(ROWS)
        np.testing.assert_allclose(VECTORS[ROWS], found, atol=2e-3)
    for kind in ("SQ8", "HNSW8_SQ8"):
        found = open_index(faiss_index(tmp_path, _built(kind)), Columns()).vectors.sample(ROWS)
        assert (np.uint8, (5, 16)) == (found.dtype, found.shape)
        assert np.corrcoef(found[:, 3], VECTORS[ROWS, 3])[0, 1] > 0.999
    binary = faiss.IndexBinaryFlat(16)
    binary.add(np.packbits(VECTORS > 0, axis=1))
    faiss.write_index_binary(binary, str(tmp_path / "bits.faiss"))
    found = open_index(tmp_path / "bits.faiss", Columns()).vectors.sample(ROWS)
    np.testing.assert_array_equal(np.packbits(VECTORS[ROWS] > 0, axis=1), found)
    for kind, name in (("PQ4x2", "IndexPQ"), ("SQ4", "IndexScalarQuantizer"), ("IVF2,SQ8", "IndexIVFScalarQuantizer")):
        with pytest.raises(DataError, match=f"{name} keeps too little of a vector"):
            open_index(faiss_index(tmp_path, faiss.index_factory(16, kind)), Columns())


def _built(kind):
    index = faiss.index_factory(16, kind)
    if kind.startswith("IDMap"):
        index.train(VECTORS)
        index.add_with_ids(VECTORS, np.arange(1000, 1050))
        index.add = lambda _: None
    return index


def a_pickle(directory):
    with (directory / "index.npy").open("wb") as file:
        pickle.dump(VECTORS, file)


def objects(directory):
    np.save(directory / "index.npy", np.array([["a", None]], dtype=object), allow_pickle=True)


def shortened(directory):
    path = numpy_index(directory)
    path.write_bytes(path.read_bytes()[:-9])


def ragged(directory):
    pq.write_table(pa.table({"vector": [[1.0, 2.0], [1.0]]}), directory / "index.parquet")


WRONG = {
    "nothing": ("index.npy", lambda _: None, "nothing there"),
    "suffix": ("index.pkl", lambda _: None, "no format with this name; expected .npy, .parquet"),
    "pipe": ("index.npy", lambda d: os.mkfifo(d / "index.npy"), "no regular file"),
    "pickle": ("index.npy", a_pickle, "this is a Python pickle, which is never opened; expected a numpy array"),
    "objects": ("index.npy", objects, "cannot be read as a numpy array: .*Python objects"),
    "shortened": ("index.npy", shortened, "cannot be read as a numpy array"),
    "one axis": ("index.npy", lambda d: np.save(d / "index.npy", VECTORS[0]), r"got shape \(16,\) of float32"),
    "none": ("index.npy", lambda d: np.save(d / "index.npy", VECTORS[:0]), "no vectors in it"),
    "ragged": ("index.parquet", ragged, r"vectors of several widths \(1, 2\)"),
    "no vectors": (
        "index.parquet",
        lambda d: pq.write_table(pa.table({"text": TEXTS}), d / "index.parquet"),
        "expected one column of vectors .*; found none",
    ),
    "two columns": (
        "index.parquet",
        lambda d: pq.write_table(table(old=table()["vector"]), d / "index.parquet"),
        "found vector and old; name it with --vector-column",
    ),
    "null": (
        "index.parquet",
        lambda d: pq.write_table(pa.table({"vector": [[1.0], None]}), d / "index.parquet"),
        "a vector is null",
    ),
    "not lance": ("docs.lance", lambda d: (d / "docs.lance").mkdir(), "cannot be read as a LanceDB table"),
    "not faiss": ("i.faiss", lambda d: (d / "i.faiss").write_bytes(b"IxFI" + bytes(40)), "as a FAISS index"),
}


@pytest.mark.parametrize(("name", "make", "words"), WRONG.values(), ids=WRONG)
def test_what_is_no_index_is_refused_in_one_line(tmp_path, name, make, words):
    make(tmp_path)
    with pytest.raises(DataError, match=words) as caught:
        open_index(tmp_path / name, Columns()).vectors.sample(np.arange(2))
    assert 1 == len(str(caught.value).splitlines())


def test_of_several_columns_of_texts_one_is_named(tmp_path):
    pq.write_table(table(title=TEXTS[::-1]), tmp_path / "index.parquet")
    assert ["text 7"] == open_index(tmp_path / "index.parquet", Columns()).texts(ROWS[1:2])
    assert ["text 42"] == open_index(tmp_path / "index.parquet", Columns(text="title")).texts(ROWS[1:2])
    pq.write_table(table(title=TEXTS).drop_columns(["text"]), tmp_path / "other.parquet")
    with pytest.raises(DataError, match="--text-column text: no column of texts of this name; found title"):
        open_index(tmp_path / "other.parquet", Columns(text="text")).texts(ROWS)


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    path = lance_index(tmp_path)
    monkeypatch.setattr("harness.errors.find_spec", lambda _: None)
    with pytest.raises(MissingLibraryError, match=r"pytest-embedding-harness\[lancedb\]"):
        open_index(path, Columns())


def test_texts_come_from_lines_and_tables_and_there_is_one_for_each_vector(tmp_path):
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    (tmp_path / "texts.csv").write_text("id,body\n" + "".join(f"1,{text}\n" for text in TEXTS), encoding="utf-8")
    for name, column in (("texts.txt", None), ("texts.csv", "body")):
        assert [TEXTS[row] for row in ROWS] == read_texts(tmp_path / name, 50, ROWS, column)
        with pytest.raises(DataError, match="50 texts, but the index has 51 vectors; expected a text for each vector"):
            read_texts(tmp_path / name, 51, ROWS, column)
    with pytest.raises(DataError, match=r"texts.csv:2: no column 'text'; found id and body \(--text-column NAME\)"):
        read_texts(tmp_path / "texts.csv", 50, ROWS)
