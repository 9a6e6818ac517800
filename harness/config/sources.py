"""The tables of a case that say where its model and its pairs come from."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from harness.config.fields import Frozen, Problem, refuse

BASE = "base"
"""The name of the untouched pre-trained model among a case's models."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BaseSpec(Frozen):
    """The pre-trained model: in a Python package, in a directory, or on the hub at a pinned revision.

    Attributes:
        name: Hub id. With a package or a path any name, by default that of the package or directory.
        revision: Commit of the hub repository: 40 digits, since a branch moves.
        package: Import name of an installed package with `get_model_path()`.
        path: Directory of a sentence-transformers model, relative to the case file.
        sha256: File name -> expected digest. Every file named here is verified before it is opened.
    """

    name: str = ""
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    package: str | None = None
    path: str | None = None
    sha256: dict[str, Sha256] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _named(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("name"):
            return content
        source = content.get("package") or content.get("path")
        return {**content, "name": PurePath(source).name} if isinstance(source, str) else content

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.package and self.path:
            raise ValueError("both package and path are given; expected one of them")
        if not self.name:
            raise ValueError("no model is named; expected package, path, or name and revision of a hub model")
        if not self.package and not self.path and not self.revision:
            raise ValueError("a hub model needs a revision (the full 40-digit commit); or give package or path")
        return self


class DataSpec(Frozen):
    """Pair files, relative to the case file.

    Attributes:
        train: The pairs to train on.
        eval: The pairs to judge by.
        extra: Name -> extra evaluation set, measured beside `eval`: shown with intervals, and not gated.
        prefixes: What stands in front of texts and says nothing, such as "boy: ": the audit takes it away.
    """

    train: str
    eval: str
    extra: dict[str, str] = Field(default_factory=dict)
    prefixes: list[Annotated[str, Field(pattern=r"\S")]] = Field(default_factory=list)

    @field_validator("extra")
    @classmethod
    def _names(cls, extra: dict[str, str]) -> dict[str, str]:
        refuse(
            Problem((name,), "not a name; expected an identifier other than train and eval")
            for name in extra
            if not name.isidentifier() or name in ("train", "eval")
        )
        return extra
