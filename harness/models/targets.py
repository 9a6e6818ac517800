"""LoRA targets held against a base before anything is trained, by the rules of PEFT. Imports no torch and no PEFT."""

import ast
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.config.recipe import ALL_LINEAR
from harness.models.files import first_module, read_object, weight_shapes
from harness.models.sources import ResolvedBase
from harness.text import some

_DEFAULTS = "TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING"


def target_problem(base: ResolvedBase, targets: Sequence[str] | str | None) -> str:
    """Say what is wrong with the target modules of an adapter on a base; empty where they fit.

    Args:
        base: The base.
        targets: Ends of dotted names, each of which must find a module; or a regular expression of a whole name; or
            `all-linear`; None for PEFT's default of the architecture.
    """
    directory, kind = first_module(base.path)
    if kind != "Transformer":
        return f'{base.name} is a {kind}, which takes no adapter; train it with strategy = "full"'
    if targets is None:
        architecture = read_object(directory / "config.json").get("model_type")
        defaults = _peft_defaults()
        if not defaults or architecture in defaults:
            return ""
        return f"PEFT has no default for a {architecture}; expected {_choice(base)}"
    if isinstance(targets, str):
        return "" if targets.lower() == ALL_LINEAR else _pattern_problem(base, targets)
    names = [f".{name}" for name in _modules(base)]
    unknown = sorted(target for target in targets if not any(name.endswith(f".{target}") for name in names))
    return f"got {', '.join(unknown)}, expected {_choice(base)}" if unknown else ""


def _pattern_problem(base: ResolvedBase, pattern: str) -> str:
    try:
        matches = re.compile(pattern).fullmatch
    except re.error as error:
        return f"{pattern!r} is no regular expression: {error}"
    # Saved with a head, the names in the file begin with a part that those of the opened transformer lack.
    if any(matches(name) or matches(name.partition(".")[2]) for name in _modules(base)):
        return ""
    return f"no module has a name that is {pattern!r} as a whole; expected one for names such as {_modules(base)[-1]}"


def _modules(base: ResolvedBase) -> list[str]:
    """Return the dotted names of the modules with a matrix."""
    return [name.removesuffix(".weight") for name, shape in weight_shapes(base.path).items() if len(shape) == 2]


def _choice(base: ResolvedBase) -> str:
    ends = sorted({name.rpartition(".")[2] for name in _modules(base)})
    return f"{ALL_LINEAR!r}, or modules of the base: {some(ends, most=20)}"


def _peft_defaults() -> dict[str, Any]:
    """Read PEFT's table from its source, since importing PEFT imports torch; empty where it is not there."""
    spec = find_spec("peft")
    path = Path(spec.origin).parent / "utils" / "constants.py" if spec and spec.origin else Path()
    if not path.is_file():
        return {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == _DEFAULTS
            and isinstance(node.value, ast.Dict)
        ):
            found: dict[str, Any] = ast.literal_eval(node.value)
            return found
    return {}
