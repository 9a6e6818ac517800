"""Digests of values, files, directories, and the source that decides what a function returns."""

import ast
import dataclasses
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

_PACKAGE = Path(__file__).parents[1]
_SCALARS = (str, int, float, bool, type(None))
_LONGEST_SHOWN = 2000  # characters: enough for a recipe; a manifest stays readable


def digest_of(value: Any) -> str:
    """Return the sha256 of a JSON value in its canonical form."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_digests(path: Path, *, counts: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """Return name (POSIX, relative) -> sha256 of each file below a directory that counts by its name; read no other."""
    names = {file.relative_to(path).as_posix(): file for file in sorted(path.rglob("*")) if file.is_file()}
    return {name: file_digest(file) for name, file in names.items() if counts(name)}


@cache
def source_digest(function: Callable[..., Any]) -> str:
    """Return the sha256 over the source that decides what a function returns (see `source_modules`)."""
    return digest_of(source_modules(function))


def source_modules(function: Callable[..., Any]) -> dict[str, str]:
    """Return module -> sha256 of its source: a function's own, those of its arguments' classes, and all they import.

    A class counts though only its name is imported, for the type checker: its methods decide what the function sees.
    """
    found: dict[str, str] = {}
    for module in [function.__module__, *_argument_modules(function)]:
        found |= module_digests(module)
    return found


def _argument_modules(function: Callable[..., Any]) -> list[str]:
    """Return the modules of the package from which the names in a function's annotations are imported."""
    named = set(re.findall(r"\w+", " ".join(map(str, function.__annotations__.values()))))
    source = Path(str(sys.modules[function.__module__].__file__)).read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    return [
        str(node.module)
        for node in imports
        for alias in node.names
        if alias.name in named and _file(str(node.module), _PACKAGE)
    ]


@cache
def module_digests(module: str, package: Path = _PACKAGE) -> dict[str, str]:
    """Return module -> sha256 of its source, for a module and all that it imports within a package's directory.

    Read once a process, since a file that is edited meanwhile is not the code that runs; and from the syntax, since
    `sys.modules` depends on what ran before. Imports inside functions count, those for type checkers only do not. A
    package's `__init__` counts where a name is imported from the package itself. `harness` itself and
    `harness.execution` are left out: they decide no value.
    """
    found: dict[str, str] = {}
    left = [module]
    while left:
        name = left.pop()
        file = _file(name, package)
        if file is None and name == module:
            file = Path(str(sys.modules[name].__file__))
        if file is None or name in found:
            continue
        found[name] = file_digest(file)
        home = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for source, imported in _imports(file.read_text(encoding="utf-8"), home):
            inner = f"{source}.{imported}"
            left.append(inner if imported and _file(inner, package) else source)
    return found


def argument_identity(value: Any) -> Any:
    """Return what stands for an argument in a step's key and in the manifest: JSON, the same exactly for same content.

    An object with a `digest` is that digest. Of pydantic models and dataclasses the class's name and the fields count
    (but none with `compare=False`), of mappings, sequences, arrays and scalars the content. What is long is its sha256.

    Raises:
        TypeError: No digest is known of such a value. A path is refused: it says nothing about what is in the file.
    """
    identity = _identity(value)
    return identity if len(json.dumps(identity)) <= _LONGEST_SHOWN else {"sha256": digest_of(identity)}


def _identity(value: Any) -> Any:
    if type(value) in _SCALARS:
        return value
    if isinstance(value, Enum):
        return _identity(value.value)
    if isinstance(digest := getattr(value, "digest", None), str):
        return {"digest": digest}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"a step's argument has a mapping with keys that are no strings: {list(value)[:3]}")
        return {key: _identity(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return list(value) if set(map(type, value)) <= set(_SCALARS) else [_identity(item) for item in value]
    if isinstance(value, BaseModel):
        return _of_fields(value, type(value).model_fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _of_fields(value, [field.name for field in dataclasses.fields(value) if field.compare])
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        content = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, list(value.shape), content]}
    if isinstance(value, np.generic):
        return _identity(value.item())
    raise TypeError(f"a step's argument has a {type(value).__name__}, of which no digest is known: {value!r:.100}")


def _of_fields(value: Any, names: Iterable[str]) -> dict[str, Any]:
    return {"class": type(value).__name__, **{name: _identity(getattr(value, name)) for name in names}}


@cache
def _file(module: str, package: Path) -> Path | None:
    """Return the source file of a module of the package; None for any other, and for what decides no value."""
    root, *parts = module.split(".")
    if root != package.name or not parts or parts[0] == "execution":
        return None
    path = package.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(source: str, home: str) -> list[tuple[str, str]]:
    """Return each import of a source in the package `home`: module and name; no name where it is the module itself."""
    found: list[tuple[str, str]] = []
    for node in _nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = home.split(".")[: home.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found += [(base, alias.name) for alias in node.names]
    return found


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and those below it, without those for type checkers only."""
    yield node
    typing_only = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
    for inner in node.orelse if isinstance(node, ast.If) and typing_only else ast.iter_child_nodes(node):
        yield from _nodes(inner)
