"""The models of a case: trained here by a recipe, or made elsewhere and only measured. One key says which."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from harness.config.fields import Frozen, Problem, refuse, shown
from harness.config.recipe import Recipe

_ENCODER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*|[\w.-]+")


class DirectorySpec(Frozen):
    """A model that was trained elsewhere, in a directory."""

    path: str = Field(pattern=r"\S")
    """Directory of a whole model, or of a PEFT adapter on the case's base, relative to the case file."""


class EncoderSpec(Frozen):
    """An encoder of the user's, opened by a function of theirs."""

    encoder: str
    """`module:function`, which returns an `Encoder`; or a name that a plugin's hook `pytest_harness_encoder` knows."""
    revision: str = ""
    """A name of what the function opens, such as a version: change it, and the texts are encoded again."""

    @field_validator("encoder")
    @classmethod
    def _function_or_name(cls, encoder: str) -> str:
        if not _ENCODER.fullmatch(encoder):
            refuse([((), f"expected module:function, or the name of a plugin's encoder; got {shown(encoder)}")])
        return encoder


class EndpointSpec(Frozen):
    """An OpenAI-style endpoint for embeddings."""

    url: str
    """The address to post to, such as `http://localhost:8000/v1/embeddings`; no password in it."""
    model: str = Field(pattern=r"\S")
    """The model to ask for."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    """The environment variable that holds the key; without it none is sent."""
    dimensions: int | None = Field(default=None, ge=1)
    """Width to ask for, where the model has several; else the width that comes."""
    batch_size: int = Field(default=64, ge=1)
    """Texts in a request."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Seconds that one request may take."""
    retries: int = Field(default=4, ge=0)
    """Further tries of a request after status 429 or 5xx, a time-out or a lost connection."""
    total_s: float = Field(default=3600.0, gt=0)
    """Seconds that all requests of a run may take together."""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound or not url.isprintable() or " " in url:
            refuse([((), "not an address; expected one such as https://HOST/v1/embeddings")])
        if parts.username is not None or parts.password is not None:
            refuse([((), "a user or password in the address; name the variable that holds the key: key_env")])
        return url


class RemoteSpec(Frozen):
    """A model behind an endpoint."""

    endpoint: EndpointSpec
    """An OpenAI-style endpoint that gives the embeddings."""


AnyModel = Recipe | DirectorySpec | EncoderSpec | RemoteSpec

KINDS: dict[str, type[AnyModel]] = {
    "strategy": Recipe,
    "path": DirectorySpec,
    "encoder": EncoderSpec,
    "endpoint": RemoteSpec,
}
"""Key that says what kind of model it is -> the keys that it may have."""


def _of_its_kind(content: Any, info: ValidationInfo) -> AnyModel:
    if isinstance(content, AnyModel):
        return content
    if not isinstance(content, dict):
        refuse([((), f"expected a table; got {shown(content)}")])
    kinds = [key for key in KINDS if key in content]
    if len(kinds) != 1:
        came = " and ".join(kinds) or ", ".join(map(str, content)) or "nothing"
        refuse([((), f"got {came}; expected one of {', '.join(KINDS)}, which says what kind of model it is")])
    [kind] = kinds
    foreign: list[Problem] = [
        ((key,), f"a key of a model with {other}; this one has {kind}")
        for key in content
        for other, spec in KINDS.items()
        if key in spec.model_fields and key not in KINDS[kind].model_fields
    ]
    refuse(foreign)
    return KINDS[kind].model_validate(content, context=info.context)


ModelSpec = Annotated[AnyModel, PlainValidator(_of_its_kind, json_schema_input_type=AnyModel)]
"""One model of a case, in whichever way it comes to be."""
