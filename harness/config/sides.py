"""The sides of a case's pairs."""

from typing import Annotated

from pydantic import Field

from harness.config.fields import Frozen

NO_SIDE = "none"
"""Of a text that gets no prompt, not even the model's default one."""

SideName = Annotated[str, Field(pattern=r"\S")]


class SideNames(Frozen):
    """The side of each text of a pair: `query`, `document`, the name of another prompt of the model, or `none`."""

    text_1: SideName = NO_SIDE
    """The first text. `query` is encoded as by `encode_query`, `document` as by `encode_document`."""
    text_2: SideName = NO_SIDE
    """The second text."""
