"""The import closure holds exactly what a function's module reaches: held against what Python itself imports."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.execution import source_digest
from harness.execution.closure import import_closure, module_digests

PACKAGE = Path(harness.__file__).parent

SMALL = {
    "__init__": "from pack.unrelated import VALUE",
    "execution/__init__": "",
    "execution/store": "from pack import unrelated",
    "tools/__init__": "from pack.tools.table import TABLE\nfrom pack.tools import hidden",
    "tools/table": "TABLE = {}",
    "tools/hidden": "",
    "tools/one": "import typing\nif typing.TYPE_CHECKING:\n    import pack.unrelated\nelse:\n    import pack.tools.two",
    "tools/two": "from . import three\nfrom ..other import *\nfrom .table import TABLE as table",
    "tools/three": "",
    "other/__init__": "OTHER = 1",
    "other/unused": "",
    "unrelated": "VALUE = 1",
    "loop_a": "def later():\n    from pack.loop_b import late",
    "loop_b": "import pack.loop_a as again\nimport json, numpy",
}


def small_closure(directory: Path, source: str) -> set[str]:
    for name, content in {**SMALL, "start": source}.items():
        path = directory / "pack" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return {name.removeprefix("pack.") for name in import_closure("pack.start", directory / "pack")} - {"start"}


@pytest.mark.parametrize(
    ("source", "reached"),
    [
        ("import json", set()),
        ("import pack.unrelated", {"unrelated"}),
        ("from pack import unrelated, VALUE", {"unrelated"}),
        ("from pack.execution import Step\nfrom pack.execution.store import Store", set()),
        ("from pack.loop_a import later", {"loop_a", "loop_b"}),
        ("from pack.tools.hidden import x", {"tools.hidden"}),
        ("from pack.tools import hidden", {"tools.hidden"}),
        ("from pack.tools import TABLE", {"tools", "tools.table", "tools.hidden"}),
        ("import pack.tools", {"tools", "tools.table", "tools.hidden"}),
        ("from pack.tools.one import x", {"tools.one", "tools.two", "tools.three", "tools.table", "other"}),
        ("class A:\n  def f(self):\n    try:\n      from .unrelated import VALUE\n    finally: ...", {"unrelated"}),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pack import unrelated", set()),
    ],
)  # fmt: skip
def test_imports_are_followed_by_their_kind(tmp_path: Path, source: str, reached: set[str]) -> None:
    assert reached == small_closure(tmp_path, source)


def test_a_function_outside_of_the_package_has_its_own_module_and_what_that_imports() -> None:
    assert {__name__} == set(module_digests(__name__))
    assert source_digest(small_closure) == source_digest(test_imports_are_followed_by_their_kind)


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
print(json.dumps({"direct": {name: sorted(targets) for name, targets in direct.items()}, "steps": steps}))
"""


@pytest.fixture
def reference(start_script: Any) -> dict[str, Any]:
    out, err = start_script(REFERENCE).communicate(timeout=120)
    assert out, err
    return json.loads(out)  # type: ignore[no-any-return]


def reachable(direct: dict[str, list[str]], module: str) -> set[str]:
    found, left = set(), [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += direct[name]
    return found


def test_an_edit_of_any_module_changes_the_keys_of_exactly_the_steps_that_reach_it(
    reference: dict[str, Any], tmp_path: Path
) -> None:
    direct = reference["direct"]
    assert {name: reachable(direct, name) for name in direct} == {name: set(import_closure(name)) for name in direct}

    copy = shutil.copytree(PACKAGE, tmp_path / "harness")
    steps = {name: module for name, (module, _) in reference["steps"].items()}
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
        expected = {name for name, start in steps.items() if module in direct and module in reachable(direct, start)}
        assert expected == changed, module


def test_every_step_with_a_revision_has_its_source_stored(reference: dict[str, Any]) -> None:
    from harness.execution.revisions import current

    assert {name for name, (_, revision) in reference["steps"].items() if revision is not None} == set(current())
