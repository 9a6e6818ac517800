"""An encoder of the user's: found without being imported, opened in one line, and each of its answers verified."""

import sys

import numpy as np
import pytest

from harness.data.sides import Side
from harness.errors import CaseError, EncoderError
from harness.models import CheckedEncoder, UserEncoder

MODULE = """
import numpy as np

class Lengths:
    def encode(self, texts, *, side):
        if "boom" in texts:
            raise LookupError("no such\\nword")
        return np.array([[len(text), len(side.name)] for text in texts], dtype=np.float32)

def build():
    return Lengths()

def nothing():
    return None

def early():
    return build(1, 2)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a module into a directory that is not on `sys.path`; it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def to_file(content=MODULE, name="our_encoder.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    yield to_file
    for name in set(sys.modules) - before:
        if name.startswith("our_"):
            del sys.modules[name]


def test_it_encodes_and_is_imported_only_when_it_is_opened(write, tmp_path):
    write()
    found = UserEncoder.find("our_encoder:build", "", tmp_path)
    assert "our_encoder" not in sys.modules
    embeddings = found.open().encode(["one", "three"], side=Side("query"))
    assert ([[3, 5], [5, 5]], np.float32) == (embeddings.tolist(), embeddings.dtype)


def test_its_source_and_its_revision_decide_its_digest(write, tmp_path):
    write("raise SystemExit\ndef build(): ...", "our_package/inner.py")
    write("raise SystemExit", "our_package/__init__.py")

    def digest(function="build", revision=""):
        return UserEncoder.find(f"our_package.inner:{function}", revision, tmp_path).digest

    first = digest()
    assert first == digest()
    write("from elsewhere import build", "our_package/inner.py")
    assert 3 == len({first, digest(), digest(revision="2")})


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("our_nothing:build", "no module our_nothing; expected a Python file in "),
        ("our_encoder.inner:build", "no module our_encoder.inner; expected"),
        ("numpy.nowhere:build", "no module numpy.nowhere; expected"),
        ("sys:exit", "no module sys; expected a Python file"),
        ("our_encoder:other", "our_encoder.py: no other in it; expected a function that returns an Encoder"),
        ("our_broken:build", "our_broken.py: cannot be read as Python: "),
    ],
)
def test_what_is_not_there_is_said_before_anything_is_imported(write, tmp_path, function, expected):
    write()
    write("def build(:", "our_broken.py")
    with pytest.raises(CaseError) as caught:
        UserEncoder.find(function, "", tmp_path)
    assert expected in str(caught.value)


def test_an_error_of_the_users_code_is_one_line_with_its_place_and_the_traceback_is_in_the_log(write, tmp_path, capfd):
    path = write()

    def error_of(function, *texts):
        with pytest.raises(EncoderError) as caught:
            UserEncoder.find(f"our_encoder:{function}", "", tmp_path).open().encode(texts, side=Side())
        return str(caught.value)

    line = MODULE.splitlines().index('            raise LookupError("no such\\nword")') + 1
    assert f"encoder our_encoder:build: {path}:{line}: LookupError: no such word" == error_of("build", "boom")
    assert "Traceback (most recent call last)" in capfd.readouterr().err
    assert error_of("early").startswith(f"encoder our_encoder:early: {path}:17: TypeError: build() takes 0 positional")
    assert (
        "encoder our_encoder:nothing: returned a NoneType; expected an object with encode(texts, *, side)"
        == error_of("nothing")
    )


class Answers:
    """An encoder that gives what it is told to give."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def encode(self, texts, *, side):
        del texts, side
        return self.answers.pop(0)


@pytest.mark.parametrize("answer", [[[1.0, 2.0]], np.array([[1, 2]], np.float64), np.array([[1, 2]], np.float16)])
def test_numbers_of_another_precision_are_made_float32(answer):
    found = CheckedEncoder(Answers(answer), "e").encode(["a"], side=Side())
    assert ([[1, 2]], np.float32) == (found.tolist(), found.dtype)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, "e: gave a NoneType of dtype object; expected float32"),
        ([[1, 2], [3, 4]], "e: gave a list of dtype int64; expected float32"),
        ([[1.0], [1.0, 2.0]], "e: gave a list, which is no array: "),
        (np.ones(2, np.float32), "e: gave shape (2,) for 2 texts; expected (2, dimension)"),
        (np.ones((3, 2), np.float32), "e: gave shape (3, 2) for 2 texts; expected (2, dimension)"),
        (np.ones((2, 0), np.float32), "e: gave shape (2, 0) for 2 texts; expected (2, dimension)"),
        (np.array([[1, 2], [np.nan, 1]]), "e: gave NaN or infinite values, the first in row 1 of 2; expected finite"),
        (np.array([[1e300, 2], [1, 1]]), "e: gave NaN or infinite values, the first in row 0 of 2; expected finite"),
        (np.ones((2, 3), np.float32), "e: gave width 3, and before that 2; expected one width for all texts"),
    ],
)
def test_an_answer_that_is_no_embeddings_of_the_texts_is_refused(answer, expected):
    encoder = CheckedEncoder(Answers(np.ones((1, 2), np.float32), answer), "e")
    encoder.encode(["first"], side=Side())
    with pytest.raises(EncoderError) as caught:
        encoder.encode(["a", "b"], side=Side())
    assert str(caught.value).startswith(expected)
