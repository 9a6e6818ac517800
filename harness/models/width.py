"""The width of a model's embeddings, from its files alone. Opens no model."""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.errors import CheckpointError
from harness.execution.reading import read_json
from harness.models.files import MODULES, read_object, weight_shapes


def declared_width(path: Path) -> int | None:
    """Return the width of the embeddings of a model in a directory; None where its files do not tell.

    Raises:
        CheckpointError: A file that tells it cannot be read.
    """
    try:
        modules = [(str(one["type"]), path / str(one["path"])) for one in read_json(path / MODULES, CheckpointError)]
    except (LookupError, TypeError) as error:
        raise CheckpointError(f"{path / MODULES}: cannot be read ({error!r}); expected a list of modules") from None
    found = (_WIDTHS[kind](place) for name, place in modules if (kind := name.rpartition(".")[2]) in _WIDTHS)
    return next((width for width in reversed([*found]) if width is not None), None)


def _of_static(place: Path) -> int | None:
    return max((shape[-1] for shape in weight_shapes(place).values() if len(shape) == 2), default=None)


def _of_pooling(place: Path) -> int | None:
    """Several poolings are put side by side."""
    config = read_object(place / "config.json")
    width = config.get("embedding_dimension", config.get("word_embedding_dimension"))
    modes = config.get("pooling_mode") or [key for key, on in config.items() if key.startswith("pooling_mode_") and on]
    return width * (len(modes) if isinstance(modes, list | tuple) else 1) if isinstance(width, int) else None


def _of_dense(place: Path) -> int | None:
    width = read_object(place / "config.json").get("out_features")
    return width if isinstance(width, int) else None


_WIDTHS: Mapping[str, Callable[[Path], int | None]] = {
    "StaticEmbedding": _of_static,
    "Pooling": _of_pooling,
    "Dense": _of_dense,
}
"""Class of a module that decides the width -> function that reads it."""
