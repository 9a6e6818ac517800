"""The hooks that another plugin, or a `conftest.py`, may implement."""

from __future__ import annotations

import pytest


@pytest.hookspec(firstresult=True)
def pytest_harness_encoder(name: str) -> str | None:
    """Return the encoder that a case names with `encoder = "NAME"`: its `module:function`; None for another's name."""
