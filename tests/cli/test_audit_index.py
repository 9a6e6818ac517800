"""`embedding-harness audit-index`: exit status, what is printed, and the files that are written."""

import csv
import shutil

import lancedb
import numpy as np
import pyarrow as pa
import pytest

from harness.cli import main
from harness.execution import Context, InlineExecutor, Store
from harness.run import find_model

TEXTS = [f"i love {number} cats" for number in range(40)]


@pytest.fixture(scope="module")
def models(tmp_path_factory, tiny_base_path, build_tiny_base):
    """The model, another one, and what each makes of the texts."""
    paths = (tiny_base_path, build_tiny_base(tmp_path_factory.mktemp("other") / "old", seed=1))
    ctx = Context(Store(tmp_path_factory.mktemp("store")), InlineExecutor())
    found = (find_model("any", path, option="--model", side="none").encode(ctx, TEXTS)[0]["any"] for path in paths)
    return dict(zip(paths, found, strict=True))


@pytest.fixture
def index(models, tmp_path):
    """Writes an index of the model as a LanceDB table, with the first rows of the other one."""

    def write(others):
        right, other = models.values()
        vectors = np.concatenate([other[:others], right[others:]])
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 32)
        lancedb.connect(str(tmp_path)).create_table("docs", pa.table({"vector": lists, "text": TEXTS}))
        return tmp_path / "docs.lance"

    return write


@pytest.fixture
def inline(monkeypatch):
    """Runs the models in this process."""
    monkeypatch.setattr("harness.execution.LocalExecutor", lambda _: InlineExecutor())


def run(*arguments):
    return main(["audit-index", *map(str, arguments)])


def test_an_index_of_the_model_passes_in_a_process_of_its_own(models, index, capsys, tmp_path):
    path, _ = models
    assert 0 == run(index(0), "--model", path)
    shown = capsys.readouterr().out.splitlines()
    assert f"{tmp_path / 'docs.lance'}: 40 vectors stored as floats, all read" == shown[0]
    assert ["base", "40", "100.0%", "100.0%", "to", "100.0%"] == shown[3].split()
    assert "every vector that was looked at was made by base" == shown[-1]


def test_a_mixed_index_fails_and_names_the_rows_of_each(models, index, capsys, tmp_path, inline):
    path, old = models
    rows = tmp_path / "rows.csv"
    assert 1 == run(index(3), "--model", path, "--known", f"old={old}", "--rows", rows)
    shown = capsys.readouterr().out
    assert "mixed: 3 vectors not made by base, in rows 0, 1, 2\n" in shown
    assert ["old", "3", "7.5%"] == shown.splitlines()[4].split()[:3]
    written = list(csv.DictReader(rows.read_text(encoding="utf-8").splitlines()))
    assert ["old"] * 3 + ["base"] * 37 == [row["made_by"] for row in written]
    assert 1 == run(tmp_path / "docs.lance", "--model", old)
    assert "mixed: 37 vectors not made by old" in capsys.readouterr().out


def test_an_index_of_another_model_fails(models, tmp_path, capsys, inline):
    (path, _), (_, theirs) = models, models.values()
    np.save(tmp_path / "index.npy", theirs)
    (tmp_path / "texts.txt").write_text("".join(f"{text}\n" for text in TEXTS), encoding="utf-8")
    assert 1 == run(tmp_path / "index.npy", "--texts", tmp_path / "texts.txt", "--model", path, "--sample", 15)
    shown = capsys.readouterr().out
    assert "40 vectors stored as floats, 15 sampled" in shown
    assert "another model's: 15 vectors not made by base" in shown


def test_a_fingerprint_is_written_and_asked_for(models, index, tmp_path, capsys, inline):
    path, old = models
    fingerprint = tmp_path / "base.json"
    assert 0 == run("--model", path, "--write-fingerprint", fingerprint)
    assert f"{fingerprint}\n{tmp_path / 'base.safetensors'}\n" == capsys.readouterr().out
    assert 0 == run(index(0), "--model", path, "--fingerprint", fingerprint)
    assert 2 == run(tmp_path / "docs.lance", "--model", old, "--fingerprint", fingerprint)
    assert "old is not the model of the fingerprint: probe embeddings" in capsys.readouterr().err


def test_bad_input_is_told_in_one_line_before_any_encoding(models, index, tmp_path, capsys, monkeypatch):
    path, old = models
    monkeypatch.setattr("harness.run.index_models.IndexModel.encode", None)
    np.save(tmp_path / "index.npy", np.zeros((40, 8), dtype=np.float32))
    (tmp_path / "texts.txt").write_text("one\n", encoding="utf-8")
    copy = shutil.copytree(path, tmp_path / "copy")
    lance, array, texts = index(0), tmp_path / "index.npy", tmp_path / "texts.txt"
    for arguments, words in (
        ([], "no index: expected INDEX, or --write-fingerprint FILE"),
        ([array], "holds no texts; expected --texts FILE"),
        ([array, "--texts", texts], "vectors of width 8 (float32), base makes embeddings of width 32"),
        ([lance, "--texts", texts], "texts.txt: 1 text, but the index has 40 vectors"),
        ([lance, "--known", f"base={old}"], "the name of another model"),
        ([lance, "--known", f"same={copy}"], "the same model as base"),
        (["--write-fingerprint", tmp_path / "f.txt"], "expected a name that ends in .json"),
    ):
        assert 2 == run(*arguments, "--model", path)
        found = capsys.readouterr().err
        assert (1, True) == (len(found.splitlines()), words in found), found
    for option in (["--known", "old"], ["--sample", "0"]):
        with pytest.raises(SystemExit, match="2"):
            run(lance, "--model", path, *option)
