"""Import closure of a function within the package: the source that can change what the function returns.

Read from the syntax, not from `sys.modules`, which depends on what ran before.
"""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.execution.digests import digest_of, file_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKAGE = Path(__file__).parents[1]


def source_digest(function: Callable[..., Any]) -> str:
    """Return the sha256 over the source of a function's module and of all that it imports from the package."""
    return digest_of(module_digests(function.__module__))


@cache
def module_digests(module: str, package: Path = _PACKAGE) -> dict[str, str]:
    """Return the sha256 of each source file in the import closure of a module: module -> digest.

    Read once a process: a file that is edited while a run goes on is not the code that runs.
    """
    return {name: file_digest(file) for name, file in sorted(import_closure(module, package).items())}


def import_closure(module: str, package: Path = _PACKAGE) -> dict[str, Path]:
    """Return the source files that a module reaches by imports within the package: module -> file.

    Imports inside functions count, those for type checkers only do not. A package's `__init__` counts where a name is
    imported from the package itself. `harness` itself and `harness.execution` are left out: they decide no value.

    Args:
        module: The module to start from; it may be outside of the package.
        package: The package's directory.
    """
    found: dict[str, Path] = {}
    left = [module]
    while left:
        name = left.pop()
        file = _file(name, package)
        if file is None and name == module:
            file = Path(str(sys.modules[name].__file__))
        if file is None or name in found:
            continue
        found[name] = file
        home = name if file.name == "__init__.py" else name.rpartition(".")[0]
        for source, imported in _imports(file.read_text(encoding="utf-8"), home):
            inner = f"{source}.{imported}"
            left.append(inner if imported and _file(inner, package) else source)
    return found


@cache
def _file(module: str, package: Path) -> Path | None:
    """Return the source file of a module of the package; None for any other, and for what decides no value."""
    root, *parts = module.split(".")
    if root != package.name or not parts or parts[0] == "execution":
        return None
    path = package.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _imports(source: str, home: str) -> tuple[tuple[str, str], ...]:
    """Return each import of a source in the package `home`: module and name; no name where it is the module itself."""
    found: list[tuple[str, str]] = []
    for node in _nodes(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = home.split(".")[: home.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found += [(base, alias.name) for alias in node.names]
    return tuple(found)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a tree, without those for type checkers only."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        typing_only = isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        left += node.orelse if isinstance(node, ast.If) and typing_only else ast.iter_child_nodes(node)
