"""The embeddings of a model, with the facts about it, for what is computed from them. Imports no library of models."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file as read_arrays

from harness.execution.store import Artefact

EMBEDDINGS = "embeddings.safetensors"
"""File of embeddings: an array a set of texts, `probes` and, for an adapter, `unmerged_probes`."""


@dataclass(frozen=True)
class EncodingFacts:
    """Facts about a model, found when it encoded.

    Attributes:
        parameters: Number of parameters, an adapter merged; null where it is not opened here.
        weights_mb: Size of the file that would be shipped, in MB (10^6 bytes); null likewise.
        seconds: Wall time of encoding the texts, without opening the model.
        texts: Number of distinct texts.
        device: Such as `cpu`; `encoder` or `endpoint` where that is their affair.
        settings: As `harness.models.encoding.settings_of` returns them.
    """

    parameters: int | None
    weights_mb: float | None
    seconds: float
    texts: int
    device: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Embeddings:
    """The embeddings of a model; nothing is read before `arrays` is asked for.

    Attributes:
        artefact: Of `harness.models.encoding.ENCODE`.
    """

    artefact: Artefact[Any]

    @property
    def digest(self) -> str:
        """Identifies the embeddings."""
        return self.artefact.digest

    @cached_property
    def arrays(self) -> Mapping[str, NDArray[np.float32]]:
        """Name of a set of texts -> float32 of shape `(n_texts, dimension)`; read and verified once, at first use.

        A StoreError where the file is missing or was changed.
        """
        return read_arrays(self.artefact.file(EMBEDDINGS))
