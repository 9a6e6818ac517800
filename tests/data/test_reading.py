"""Whatever people's data stand in, the same pairs come out; whatever is wrong is told once, before anything slow."""

import bz2
import csv
import gzip
import hashlib
import io
import json
import lzma
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from harness.data import HubDataset, Pair, read_pairs, readers
from harness.errors import DataError, MissingLibraryError

FIELDS = "text_1, text_2, label, category, subcategory, pair_type"
VALUES = ("boy: I love lazy Sundays", "girl: I'm all about new people", 0, "lifestyle", "weekend", "incompatible")
ROW = dict(zip(FIELDS.split(", "), VALUES, strict=True))


def line(**changes):
    return json.dumps({**ROW, **changes}, ensure_ascii=False).encode()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pairs.jsonl"


@pytest.fixture
def read(tmp_path):
    """Reads the pairs of a file with some content."""

    def from_file(name, content, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_pairs(path, **options)

    return from_file


@pytest.fixture
def error_of(read, tmp_path):
    """Reads a file with some content, which fails; returns the lines of the error, without the directory."""

    def from_file(*arguments, **options):
        with pytest.raises(DataError) as caught:
            read(*arguments, **options)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return from_file


def test_a_valid_file_is_read_in_its_order(path):
    path.write_bytes(line() + b"\r\n" + line(label=1, text_1="é", pair_type="compatible") + b"\n")
    pairs = read_pairs(path)
    assert (Pair(**ROW), Pair(**{**ROW, "label": 1, "text_1": "é", "pair_type": "compatible"})) == pairs.pairs
    assert [0, 1] == pairs.labels.tolist()
    assert ("incompatible", "compatible") == pairs.pair_types
    assert ("lifestyle", "lifestyle") == pairs.categories
    assert (2, list(pairs.pairs)) == (len(pairs), list(pairs))
    assert (path, hashlib.sha256(path.read_bytes()).hexdigest()) == (pairs.path, pairs.digest)


# --- formats --------------------------------------------------------------------------------------------------------


def as_csv(rows, separator=","):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def as_json(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet(rows):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out, row_group_size=2)
    return out.getvalue()


def as_arrow(rows):
    table, out = pa.Table.from_pylist(rows), io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


FORMATS = {
    "p.jsonl": as_json,
    "p.json": as_json,
    "p.csv": as_csv,
    "excel.csv": lambda rows: as_csv(rows, ";"),
    "p.tsv": lambda rows: as_csv(rows, "\t"),
    "p.parquet": as_parquet,
    "p.arrow": as_arrow,
    "p.jsonl.gz": lambda rows: gzip.compress(as_json(rows)),
    "p.csv.bz2": lambda rows: bz2.compress(as_csv(rows)),
    "p.tsv.xz": lambda rows: lzma.compress(as_csv(rows, "\t")),
    "bom.csv": lambda rows: b"\xef\xbb\xbf" + as_csv(rows) + b",,,\r\n\r\n",
    "bom.jsonl": lambda rows: b"\xef\xbb\xbf" + as_json(rows).replace(b"\n", b"\r\n") + b"\r\n\n",
}
# What spreadsheets and terminals find hard: quotation marks, separators and line ends inside a text.
TEXT = st.text(st.sampled_from("ab é\"',;\t\n\r\u2028😀"), min_size=1, max_size=6).filter(str.strip)
NAME = st.sampled_from(["", "values", "lifestyle, other"])
PAIRS = st.lists(
    st.builds(Pair, TEXT, TEXT, st.sampled_from((0, 1)), NAME, NAME, NAME, st.none(), st.sampled_from(["", "q 7"])),
    min_size=1,
    max_size=9,
)


@given(PAIRS)
def test_the_same_pairs_are_read_from_every_format(tmp_path_factory, pairs):
    directory = tmp_path_factory.mktemp("formats")
    rows = [{name: getattr(pair, name) for name in (*ROW, "id")} for pair in pairs]
    found = {}
    for name, write in FORMATS.items():
        (directory / name).write_bytes(write(rows))
        found[name] = read_pairs(directory / name)
    assert dict.fromkeys(FORMATS, tuple(pairs)) == {name: read.pairs for name, read in found.items()}
    assert 1 == len({read.digest for name, read in found.items() if not name.endswith(".jsonl")})


def test_a_directory_of_datasets_is_read_and_its_splits_are_named(tmp_path, error_of):
    rows = [{**ROW, "text_1": f"text {number}", "label": number % 2} for number in range(7)]
    dataset = Dataset.from_list(rows)
    DatasetDict(train=dataset, test=dataset).save_to_disk(tmp_path / "all", num_shards={"train": 2, "test": 1})
    for split in ("train", "test"):
        assert tuple(Pair(**row) for row in rows) == read_pairs(tmp_path / "all" / split).pairs
    with pytest.raises(DataError, match=r"all: several splits; name one: .*/all/test, .*/all/train"):
        read_pairs(tmp_path / "all")
    with pytest.raises(DataError, match=r"a directory, but none that `Dataset.save_to_disk` wrote"):
        read_pairs(tmp_path)


HUB = HubDataset("org/name", "a" * 40, "train", "pairs")


def test_a_hub_dataset_is_loaded_at_its_revision(monkeypatch):
    import datasets

    asked = []

    def load(*arguments, **options):
        asked.append((arguments, options))
        return Dataset.from_list([ROW])

    monkeypatch.setattr(datasets, "load_dataset", load)
    found = read_pairs(HUB)
    assert [(("org/name", "pairs"), {"split": "train", "revision": "a" * 40})] == asked
    assert ((Pair(**ROW),), "org/name/pairs/train") == (found.pairs, str(found.path))


def test_a_hub_dataset_without_a_network_is_one_sentence():
    with pytest.raises(DataError) as caught:
        read_pairs(HUB)
    [message] = str(caught.value).splitlines()
    assert message.startswith("org/name/pairs/train at aaaaaaaaaaaa: cannot be loaded: ")
    assert message.endswith("save it once with `Dataset.save_to_disk` and name that directory")


def test_a_missing_library_names_the_line_that_installs_it(read, monkeypatch):
    content = as_parquet([ROW])
    monkeypatch.setattr("harness.errors.find_spec", lambda _: None)
    with pytest.raises(
        MissingLibraryError, match=r'pyarrow is missing: pip install "pytest-embedding-harness\[parquet\]"'
    ):
        read("p.parquet", content)


# --- layouts and labels ---------------------------------------------------------------------------------------------

TEA, JAZZ, NO = Pair("tea?", "yes", 1), Pair("tea?", "jazz", 0), Pair("tea?", "no", 0)
LAYOUTS = {
    "sentences": ({"sentence1": "tea?", "sentence2": "yes", "score": 1}, {}, [TEA]),
    "question": ({"question": "tea?", "answer": "jazz", "label": "0"}, {}, [JAZZ]),
    "triplet": ({"anchor": "tea?", "positive": "yes", "negative": "jazz"}, {}, [TEA, JAZZ]),
    "negatives": (
        {"query": "tea?", "positive": "yes", "negative": "jazz", "negative_1": "no", "negative_2": ""},
        {},
        [TEA, JAZZ, NO],
    ),
    "lists": (
        {"query": "tea?", "positive": ["yes"], "negative": ["jazz", "no"]},
        {},
        [TEA, JAZZ, NO],
    ),
    "passages": ({"query": "tea?", "passages": ["yes", "jazz"], "labels": [True, False]}, {}, [TEA, JAZZ]),
    "mapped": ({"q": "tea?", "a": "yes", "good": 1.0}, {"text_1": "q", "text_2": "a", "label": "good"}, [TEA]),
    "label-mapped": ({"question": "tea?", "answer": "yes", "gold": "1.0"}, {"label": "gold"}, [TEA]),
    "mapped-triplet": (
        {"q": "tea?", "good": "yes", "bad": "jazz", "bad_1": "no"},
        {"text_1": "q", "positive": "good", "negative": "bad"},
        [TEA, JAZZ, NO],
    ),
    "own-first": ({"text_1": "tea?", "text_2": "yes", "label": "true", "score": 0, "sentence1": ""}, {}, [TEA]),
    "named": (
        {"text_1": "tea?", "text_2": "yes", "label": 1, "topic": 7, "pair_type": None},
        {"category": "topic"},
        [Pair("tea?", "yes", 1, "7")],
    ),
}


@pytest.mark.parametrize(("row", "columns", "expected"), LAYOUTS.values(), ids=LAYOUTS)
def test_the_usual_layouts_are_known_and_others_are_mapped(read, row, columns, expected):
    assert expected == list(read("p.jsonl", as_json([row]), columns=columns))


def test_a_pair_that_several_triplets_repeat_is_read_once(read):
    rows = [{"anchor": "tea?", "positive": "yes", "negative": text} for text in ("jazz", "no")]
    found = read("p.csv", as_csv(rows))
    assert [TEA, JAZZ, NO] == list(found)
    assert [2, 2, 3] == list(found.lines)


UNUSABLE = {
    "no-layout": (
        {"a": "x", "b": "y"},
        {},
        "no columns of a pair and its label; expected text_1, text_2 and label, or another usual layout; the columns",
    ),
    "two-labels": (
        {"sentence1": "x", "sentence2": "y", "label": 1, "score": 4},
        {},
        "more than one way to read a pair: sentence1 + sentence2 + label or sentence1 + sentence2 + score; the columns",
    ),
    "two-layouts": (
        {"question": "x", "answer": "y", "query": "q", "passage": "p", "label": 1},
        {},
        "more than one way to read a pair: question + answer + label or query + passage + label; the columns are ",
    ),
    "mapped-to-nothing": (ROW, {"label": "gold"}, "no column 'gold' (label); the columns are 'text_1', "),
    "lists-of-other-lengths": (
        {"query": "x", "passages": ["y", "z"], "labels": [1]},
        {},
        "passages is a list of 2; expected as many in labels",
    ),
}


@pytest.mark.parametrize(("row", "columns", "reason"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_layout_that_is_not_clear_is_one_sentence_with_the_columns(error_of, row, columns, reason):
    assert [f"p.jsonl:1: {reason}"] == [
        m[: len(reason) + 11] for m in error_of("p.jsonl", as_json([row]), columns=columns)
    ]
    [message] = error_of("p.jsonl", as_json([row] * 100), columns=columns)
    assert message.startswith(f"p.jsonl: none of its first 20 rows is a pair; line 1: {reason}")


def test_unknown_columns_are_ignored_unless_strict(read, error_of):
    content = as_csv([{"": 0, **ROW, "annotator": "x"}])
    assert [Pair(**ROW)] == list(read("p.csv", content))
    [message] = error_of("p.csv", content, strict=True)
    assert message.startswith("p.csv:2: unknown columns '', 'annotator'; the columns are ")


def test_grades_give_labels_by_the_threshold(read, error_of):
    rows = [{"sentence1": "tea", "sentence2": f"jazz {grade}", "score": grade} for grade in ("0", "2.9", "3", "4.5")]
    found = read("p.csv", as_csv(rows), threshold=3.0)
    assert ([0, 2.9, 3, 4.5], [0, 0, 1, 1]) == (found.grades.tolist(), found.labels.tolist())
    other = read("p.csv", as_csv(rows), threshold=2.0)
    assert found.digest != other.digest
    assert 'p.csv:3: score is "2.9", expected 0 or 1 (for graded scores state [data] threshold)' in error_of(
        "p.csv", as_csv(rows)
    )
    nan = as_csv([*rows, {**rows[0], "score": "nan"}])
    assert ['p.csv:6: score is "nan", expected a number: a threshold is stated'] == error_of(
        "p.csv", nan, threshold=3.0
    )
    triplet = as_json([{"anchor": "a", "positive": "b", "negative": "c"}])
    [message] = error_of("p.jsonl", triplet, threshold=3.0)
    assert "positive and negative texts have no grades" in message


# --- bad rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x1c"])
def test_only_line_feeds_end_a_line(path, separator):
    text = f"one{separator}two"
    raw = json.dumps({**ROW, "text_1": "TEXT"}).replace("TEXT", text if separator != "\x1c" else "one\\u001ctwo")
    path.write_bytes(raw.encode() + b"\n" + line() + b"\n")
    assert (text, 2) == (read_pairs(path).pairs[0].text_1, len(read_pairs(path)))


BAD = {
    "no-json": (b"{", "not JSON (", "expected one object a line"),
    "key-twice": (b'{"label": 0, "label": 1}', "not JSON (the key 'label' stands in it twice)", ""),
    "too-deep": (b"[" * 100_000, "not JSON", ""),
    "not-utf-8": (b'{"text_1": "\xff"}', "not UTF-8 (byte 13 of the line: 0xff)", ""),
    "half-a-surrogate": (line(text_1="?").replace(b"?", b"\\ud800"), "text_1 holds half a surrogate pair", ""),
    "list": (b"[1]", "got a list, expected an object", ""),
    "no-label": (line().replace(b'"label": 0, ', b""), "no columns of a pair and its label; ", "'pair_type'"),
    "white-text": (line(text_2=" \t\u00a0"), "text_2 is empty", ""),
    "number": (line(text_2=7), "text_2 is a number, expected a text", ""),
    "label-nan": (line(label=float("nan")), "label is NaN, expected 0 or 1", ""),
    "label-list": (line(label=[1]), "label is [1], expected 0 or 1", ""),
    "category": (line(category=["a"]), "category is a list, expected a text", ""),
    "two-reasons": (line(label=2, text_1=""), "text_1 is empty; label is 2, expected 0 or 1", ""),
}


@pytest.mark.parametrize(("bad", "reason", "also"), BAD.values(), ids=BAD)
def test_a_bad_row_is_named_by_file_and_line_with_its_reason(error_of, bad, reason, also):
    content = b"\n".join([line(), line(label=1), bad, line()]) + b"\n"
    [message] = error_of("p.jsonl", content)
    assert message.startswith(f"p.jsonl:3: {reason}")
    assert also in message


def test_the_first_twenty_bad_rows_are_listed_and_the_rest_counted(error_of):
    reason = "label is 7, expected 0 or 1 (for graded scores state [data] threshold)"
    expected = [f"p.jsonl:{number}: {reason}" for number in range(2, 22)]
    for bad_rows, last in ((20, []), (50, ["... and 30 more bad rows"])):
        assert [*expected, *last] == error_of("p.jsonl", line() + b"\n" + (line(label=7) + b"\n") * bad_rows)


def test_a_row_of_another_width_is_named_by_its_first_line(error_of):
    content = 'text_1,text_2,label\r\n"one\r\ntwo",b,1\r\nc,d\r\n'
    assert ["p.csv:4: 2 cells, but the header has 3"] == error_of("p.csv", content)


# --- files of another kind ------------------------------------------------------------------------------------------

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
TABLE = as_csv([ROW])
OTHER = {
    "pdf": ("p.jsonl", b"%PDF-1.7\n%\xe2\xe3" + b"\n1 0 obj" * 50, "p.jsonl: this is a PDF; expected JSON Lines"),
    "image": ("p.csv", b"\x89PNG\r\n\x1a\n\0\0", "p.csv: this is a PNG image; expected comma-separated values"),
    "array": ("p.jsonl", json.dumps([ROW] * 30, indent=1), "p.jsonl: this is a JSON array; put one object a line; "),
    "html": ("p.tsv", "\n<!DOCTYPE html>\n<html>", "p.tsv: this is an HTML page; expected tab-separated values"),
    "pointer": ("p.jsonl", POINTER, "p.jsonl: this is a Git LFS pointer and not the data itself: run `git lfs pull`; "),
    "packed-pointer": (
        "p.csv.gz",
        POINTER,
        "p.csv.gz: this is a Git LFS pointer and not the data itself: run ",
    ),
    "excel": ("p.csv", b"PK\x03\x04", "p.csv: this is a zip archive or an Excel workbook; expected comma-separated"),
    "utf-16": ("p.csv", TABLE.decode().encode("utf-16"), "p.csv: this is UTF-16; save it as UTF-8; expected"),
    "packed": ("p.csv", gzip.compress(TABLE), "p.csv: this is compressed by gzip; expected comma-separated values"),
    "not-packed": ("p.csv.gz", TABLE, "p.csv.gz: this is text; expected comma-separated values compressed by gzip"),
    "cut-off": ("p.csv.gz", gzip.compress(TABLE)[:-9], "p.csv.gz: cannot be read: Compressed file ended before"),
    "no-parquet": ("p.parquet", TABLE, "p.parquet: this is text; expected Parquet"),
    "broken-parquet": ("p.parquet", b"PAR1 and no more", "p.parquet: cannot be read: Parquet magic bytes not found"),
    "binary": ("p.jsonl", bytes(range(256)), "p.jsonl: this is binary; expected JSON Lines"),
    "prose": (
        "p.jsonl",
        "Some notes.\n" * 99,
        "p.jsonl: none of its first 20 rows is a pair; line 1: not JSON (",
    ),
    "latin-1": (
        "p.csv",
        "text_1,text_2,label\nCafé,b,1\n".encode("latin-1"),
        "p.csv: not UTF-8 (byte 0xe9); save it",
    ),
    "quote": (
        "p.csv",
        'text_1,text_2,label\n"a,b,1\nc,d,0\n',
        "p.csv:3: unexpected end of data; a text with a",
    ),
    "header-twice": ("p.csv", "text_1,text_1,label\na,b,1\n", "p.csv: the column 'text_1' stands in its header twice"),
    "name": (
        "p.txt",
        TABLE,
        "p.txt: no format with this name; expected .jsonl, .ndjson, .json, .csv, .tsv, ",
    ),
    "packed-table": ("p.parquet.gz", b"", "p.parquet.gz: no format with this name; expected "),
    "empty": ("p.jsonl", b"", "p.jsonl: no pairs in it"),
    "header-alone": ("p.csv", "text_1,text_2,label\r\n", "p.csv: no pairs in it"),
}


@pytest.mark.parametrize(("name", "content", "expected"), OTHER.values(), ids=OTHER)
def test_a_file_of_another_kind_is_one_sentence(error_of, name, content, expected):
    [message] = error_of(name, content)
    assert message.startswith(expected)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none.jsonl: cannot be read: No such file or directory$"):
        read_pairs(tmp_path / "none.jsonl")


def test_every_reader_is_of_some_format_that_is_tried():
    assert {"." + name.split(".")[1] for name in FORMATS} | {".ndjson"} == set(readers.READERS)


@pytest.mark.parametrize("name", ["pipe.jsonl", "pipe.csv", "endless.jsonl", "endless.csv"])
def test_what_never_ends_is_not_read(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path) if name.startswith("pipe") else path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="cannot be read: no regular file"):
        read_pairs(path)


@pytest.mark.parametrize("name", ["bomb.jsonl.gz", "bomb.csv.gz"])
def test_a_line_that_fills_the_memory_is_not_unpacked(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"text_1,text_2,label\n" + b"a" * 20_000_000))
    with pytest.raises(DataError, match="a line of more than 16,777,216 characters"):
        read_pairs(path)


@pytest.mark.parametrize("name", ["a\0b.jsonl", "a" * 300 + ".jsonl"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=r"no file can have such a name|File name too long"):
        read_pairs(tmp_path / name)
