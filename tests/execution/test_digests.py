"""Digests differ exactly where the content does; that of a source holds exactly what a function's module reaches."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from http import HTTPMethod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from pydantic import BaseModel

import harness
from harness.execution import digest_of, directory_digests
from harness.execution.digests import argument_identity, module_digests
from harness.execution.revisions import current

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(
    SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3), max_leaves=8
)


def canonical(value):
    return json.dumps(value, sort_keys=True)


@given(VALUES, VALUES, st.dictionaries(st.text(), VALUES, max_size=4))
def test_digests_and_identities_differ_exactly_where_the_json_does(first, second, items):
    same = canonical(first) == canonical(second)
    assert same == (digest_of(first) == digest_of(second))
    assert same == (canonical(argument_identity(first)) == canonical(argument_identity(second)))
    assert digest_of(items) == digest_of(dict(reversed(items.items())))


@given(st.lists(st.floats() | st.text(), max_size=3), st.integers(0, 3000))
def test_a_long_value_is_its_digest_and_still_differs_where_the_content_does(items, length):
    identity = canonical(argument_identity([*items, "x" * length]))
    assert identity == canonical(argument_identity((*items, "x" * length)))
    assert len(identity) < 3000
    assert identity != canonical(argument_identity([*items, "x" * (length + 1)]))


class Recipe(BaseModel):
    rate: float
    epochs: int = 1
    method: HTTPMethod = HTTPMethod.PUT  # an enumeration of texts


@dataclass(frozen=True)
class Point:
    x: float
    inner: tuple[int, ...] = ()
    cache: dict[str, int] = field(default_factory=dict, compare=False)


class Digested:
    digest = "abc"


def test_the_identity_of_an_object_shows_what_counts():
    for value, expected in (
        (Recipe(rate=2e-5), {"class": "Recipe", "rate": 2e-5, "epochs": 1, "method": "PUT"}),
        (Point(1.0, (1, 2), {"a": 1}), {"class": "Point", "x": 1.0, "inner": [1, 2]}),
        (np.float64(0.5), 0.5),
        ({"b": [Digested()], "a": HTTPMethod.PUT}, {"a": "PUT", "b": [{"digest": "abc"}]}),
    ):
        assert expected == argument_identity(value)


ARRAYS = st_numpy.arrays(
    st.sampled_from([np.float32, np.int32, np.bool_]), st_numpy.array_shapes(min_dims=0, max_dims=2, max_side=3)
)


@given(ARRAYS, ARRAYS)
def test_arrays_differ_by_type_shape_and_bytes(first, second):
    same = (first.dtype, first.shape, first.tobytes()) == (second.dtype, second.shape, second.tobytes())
    assert same == (argument_identity(first) == argument_identity(second))
    assert argument_identity(first.T) == argument_identity(first.T.copy(order="C"))


def test_what_has_no_digest_is_refused():
    refused = {"Path": Path("a"), "set": {"a": {1, 2}}, "keys that are no strings": {1: "a"}, "ModelMetaclass": Recipe}
    for reason, value in {**refused, "ndarray": np.array([object()])}.items():
        with pytest.raises(TypeError, match=reason):
            argument_identity(value)


def test_the_digests_of_a_directory_are_those_of_its_files_at_any_depth(tmp_path):
    (tmp_path / "inner" / "empty").mkdir(parents=True)
    for name in (".hidden", "b.txt", "inner/a.json"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    expected = {name: hashlib.sha256(name.encode()).hexdigest() for name in (".hidden", "b.txt", "inner/a.json")}
    assert list(expected.items()) == list(directory_digests(tmp_path).items())


PACKAGE = Path(harness.__file__).parent

SMALL = {
    **dict.fromkeys(("tools/hidden", "tools/table", "tools/three", "other/unused", "unrelated"), "TABLE = VALUE = {}"),
    "__init__": "from pack.unrelated import VALUE",
    "tools/__init__": "from pack.tools.table import TABLE\nfrom pack.tools import hidden",
    "tools/one": "import typing\nif typing.TYPE_CHECKING:\n    import pack.unrelated\nelse:\n    import pack.tools.two",
    "tools/two": "from . import three\nfrom ..other import *\nfrom .table import TABLE as table",
    "other/__init__": "OTHER = 1",
    "loop_a": "def later():\n    from pack.loop_b import late",
    "loop_b": "import pack.loop_a as again\nimport json, numpy",
}
REACHED = {
    "from pack import unrelated, VALUE": {"unrelated"},
    "from pack.loop_a import later": {"loop_a", "loop_b"},
    "from pack.tools import hidden": {"tools.hidden"},
    "import pack.tools": {"tools", "tools.table", "tools.hidden"},
    "from pack.tools.one import x": {"tools.one", "tools.two", "tools.three", "tools.table", "other"},
    "class A:\n  def f(self):\n    try:\n      from .unrelated import VALUE\n    finally: ...": {"unrelated"},
}


@pytest.mark.parametrize("source", REACHED)
def test_imports_are_followed_by_their_kind(tmp_path, source):
    for name, content in {**SMALL, "start": source}.items():
        path = tmp_path / "pack" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    found = module_digests("pack.start", tmp_path / "pack")
    assert {"start", *REACHED[source]} == {name.removeprefix("pack.") for name in found}


# Every module of the package is imported; `__import__` sees what is asked for at that time, and the bytecode of the
# functions what is asked for later. A name counts as a module if that is what the importing module really gets.
REFERENCE = """
import builtins, dis, importlib, json, pkgutil, sys
from types import CodeType, ModuleType
asked, original = {}, builtins.__import__

def watching(name, globals=None, locals=None, fromlist=(), level=0):
    asked.setdefault((globals or {}).get("__name__"), set()).add((name, tuple(fromlist or ()), level))
    return original(name, globals, locals, fromlist, level)
def later(code):
    for inner in (constant for constant in code.co_consts if isinstance(constant, CodeType)):
        loaded = []
        for line in dis.get_instructions(inner):
            if line.opname == "IMPORT_NAME":
                yield line.argval, tuple(loaded[-1] or ()), loaded[-2]
            if line.opname == "LOAD_CONST":
                loaded.append(line.argval)
        yield from later(inner)
builtins.__import__ = watching
import harness
from harness.execution import Step
names = [found.name for found in pkgutil.walk_packages(harness.__path__, "harness.") if "__main__" not in found.name]
modules = {name: importlib.import_module(name) for name in names}
builtins.__import__ = original
def counts(name):
    return name in modules and name.split(".")[1] != "execution"

def reached(name):
    for source, fromlist, level in asked.get(name, set()) | set(later(modules[name].__spec__.loader.get_code(name))):
        assert level == 0, name
        for item in fromlist or ("",):
            is_module = isinstance(getattr(sys.modules.get(source), item or "-", None), ModuleType)
            yield f"{source}.{item}" if is_module else source

direct = {name: set(filter(counts, reached(name))) for name in names if counts(name)}
steps = {
    value.name: [value.run.__module__, value.revision]
    for module in modules.values() for value in vars(module).values() if isinstance(value, Step)
}
reachable = {name: {name} for name in direct}
for _ in direct:
    reachable = {name: found.union(*map(direct.get, found)) for name, found in reachable.items()}
print(json.dumps({"reachable": {name: sorted(found) for name, found in reachable.items()}, "steps": steps}))
"""


def test_an_edit_changes_the_keys_of_exactly_the_steps_that_reach_it(start_script, tmp_path):
    out, err = start_script(REFERENCE).communicate(timeout=120)
    assert out, err
    assert {__name__} == set(module_digests(__name__))  # outside of the package
    reference = json.loads(out)
    reachable = reference["reachable"]
    assert reachable == {name: sorted(module_digests(name)) for name in reachable}

    copy = shutil.copytree(PACKAGE, tmp_path / "harness")
    steps = {name: module for name, (module, _) in reference["steps"].items()}
    assert {name for name, (_, revision) in reference["steps"].items() if revision is not None} == set(current())
    read = module_digests.__wrapped__
    before = {name: read(module, copy) for name, module in steps.items()}
    assert {name: read(module) for name, module in steps.items()} == before
    for file in sorted(copy.rglob("*.py")):
        parts = file.relative_to(tmp_path).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        source = file.read_text(encoding="utf-8")
        file.write_text(source + "\n# edited\n", encoding="utf-8")
        changed = {name for name, start in steps.items() if read(start, copy) != before[name]}
        file.write_text(source, encoding="utf-8")
        assert {name for name, start in steps.items() if module in reachable[start]} == changed, module
