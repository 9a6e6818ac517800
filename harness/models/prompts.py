"""The prompts of a model, and which of them a case puts in front of each text. Imports no torch."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.config import NO_SIDE, Case
from harness.data.sides import DOCUMENT, QUERY, Side, Sides
from harness.errors import CaseError
from harness.models.files import MODULES, read_object
from harness.models.sources import ResolvedBase

SETTINGS = "config_sentence_transformers.json"
"""File of a model's prompts."""

_OF_DOCUMENTS = ("passage", "corpus")  # other names of the document's prompt


@dataclass(frozen=True)
class DeclaredPrompts:
    """The prompts that a model's own files name.

    Attributes:
        texts: Name -> text, those that are empty left out.
        default: Name of the one that `encode` puts in front of every text; empty for none.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    default: str = ""


def declared_prompts(base: ResolvedBase) -> DeclaredPrompts:
    """Read the prompts of a base as sentence-transformers does: only where it is a model of its own format."""
    if not (base.path / MODULES).is_file() or not (base.path / SETTINGS).is_file():
        return DeclaredPrompts()
    content = read_object(base.path / SETTINGS)
    texts = {str(name): str(text) for name, text in (content.get("prompts") or {}).items() if text}
    return DeclaredPrompts(texts, str(content.get("default_prompt_name") or ""))


def resolve_sides(case: Case, declared: DeclaredPrompts, model: str) -> Sides:
    """Return the sides of a case with their prompts: the case's, else those that its base, called `model`, declares.

    Without sides in the case every text gets the model's default prompt, if it has one.

    Raises:
        CaseError: A side has no prompt of that name, or the model declares prompts and the case uses none.
    """
    names = case.data.sides
    if names is None:
        if declared.texts and not declared.default:
            raise CaseError(_unused(case, declared, model))
        default = Side("", declared.texts.get(declared.default, ""))
        return Sides(default, default)
    known = {**declared.texts, **case.prompts}
    return Sides(*(_side(case, column, getattr(names, column), known, model) for column in ("text_1", "text_2")))


def side_named(name: str, known: Mapping[str, str], model: str, *, place: str, write: Callable[[str], str]) -> Side:
    """Return the side of a name, with its prompt.

    Args:
        name: `query`, `document`, `none`, or the name of a prompt.
        known: The prompts by their names.
        model: Whose prompts they are, in words.
        place: Where the name stands, in words.
        write: Returns what to write there, in words, to choose another name.

    Raises:
        CaseError: There is no prompt of that name.
    """
    if name == NO_SIDE:
        return Side()
    if name in known:
        return Side(name, known[name])
    if name not in (QUERY, DOCUMENT):
        names = ", ".join(dict.fromkeys((QUERY, DOCUMENT, NO_SIDE, *known)))
        raise CaseError(f"{place}: {model} has no prompt of this name, expected one of {names}; got {json.dumps(name)}")
    other = next((other for other in _OF_DOCUMENTS if name == DOCUMENT and known.get(other)), "")
    if other:
        raise CaseError(
            f"{place}: {model} calls its prompt for documents {other!r} ({json.dumps(known[other])}), which "
            f"encode_document does not take; write {write(other)}"
        )
    return Side(name)


def _side(case: Case, column: str, name: str, known: Mapping[str, str], model: str) -> Side:
    def write(other: str) -> str:
        return f'{column} = "{other}", or name one in [prompts]: document = "..."'

    return side_named(name, known, model, place=f"{case.path}: data.sides.{column}", write=write)


def _unused(case: Case, declared: DeclaredPrompts, model: str) -> str:
    """Say which prompts would silently be left out, and the lines that use them."""
    texts = declared.texts
    first = QUERY if QUERY in texts else next(iter(texts))
    second = next((name for name in (DOCUMENT, *_OF_DOCUMENTS) if name in texts), DOCUMENT if first == QUERY else first)
    return (
        f"{case.path}: {model} declares prompts, and the case uses none of them: "
        f"{', '.join(f'{name} = {json.dumps(text, ensure_ascii=False)}' for name, text in texts.items())}. "
        f'Say which text is which:\n  [data.sides]\n  text_1 = "{first}"\n  text_2 = "{second}"\n'
        f'or, where it is meant to be used without: text_1 = "{NO_SIDE}", text_2 = "{NO_SIDE}"'
    )
