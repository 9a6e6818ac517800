"""UMAP planes of the pairs: pictures, never gates, since they move with seed, machine and version."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.execution import PROCESS, Progress, Step

PLANES = "planes.safetensors"
"""The file of a projection artefact: model -> plane, float32 of shape `(n_pairs, 2)`."""

_SEED = 42
_NEIGHBOURS = 15


@dataclass(frozen=True)
class Projection:
    """The method behind the planes, in words."""

    method: str


def pair_means(embeddings: NDArray[np.float32], text_rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Mean of both texts' embeddings of each pair, shape `(n_pairs, dimension)`."""
    return (embeddings[text_rows[:, 0]] + embeddings[text_rows[:, 1]]) / np.float32(2)


def project(*, points: Mapping[str, NDArray[np.float32]], out: Path, progress: Progress) -> Projection:
    """Lay out each model's points, shape `(n_pairs, dimension)`, in a plane of its own, with the same settings."""
    from safetensors.numpy import save_file
    from umap import UMAP

    _keep_compiled()
    planes = {}
    for done, (name, array) in enumerate(points.items(), start=1):
        if len(array) <= _NEIGHBOURS:  # too few for a neighbourhood: the two widest directions serve
            planes[name] = np.ascontiguousarray((array - array.mean(axis=0)) @ np.linalg.svd(array)[2][:2].T)
        else:
            umap = UMAP(n_neighbors=_NEIGHBOURS, metric="cosine", random_state=_SEED, n_jobs=1)
            planes[name] = umap.fit_transform(array).astype(np.float32)
        progress(done / len(points), f"model {done}/{len(points)}")
    save_file(planes, out / PLANES)
    return Projection(f"UMAP, {_NEIGHBOURS} neighbours, cosine, seed {_SEED}")


def _keep_compiled() -> None:
    """Let numba keep what umap compiles beside its source, as umap does for others: 9 of a first plane's 10 seconds."""
    from umap import layouts, umap_, utils

    compiled = (
        (utils, "fast_knn_indices"),
        (umap_, "smooth_knn_dist"),
        (umap_, "compute_membership_strengths"),
        (layouts, "rdist"),
        (layouts, "clip"),
        (layouts, "_nb_optimize_layout_euclidean_single_epoch"),
    )
    for module, name in compiled:
        if (function := getattr(module, name, None)) is not None:  # another version of umap: it is slower, no more
            function.enable_caching()


PROJECT = Step(
    "projection",
    run=project,
    result=Projection,
    resource=PROCESS,
    files=True,
    libraries=("umap-learn", "numba", "pynndescent", "scikit-learn", "numpy"),
    revision=1,
)
