"""Training the rows of the token embeddings whose tokens occur, and no others.

A row without a gradient never changes under Adam without weight decay: its moments stay 0. So nothing changes but time
and memory, and of a vocabulary of 30,000 a data set of short texts uses a thousand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer


@contextmanager
def occurring_rows(model: SentenceTransformer, tokens: Iterable[int]) -> Iterator[None]:
    """Make only the rows of these tokens trainable inside; then write them back.

    A model whose token embeddings are frozen, or used elsewhere as well, stays as it is. A text with another token can
    be encoded inside, but not be trained on: that is a ValueError.
    """
    transformer: Any = model.transformers_model
    whole = transformer.get_input_embeddings() if transformer is not None else None
    if whole is None or not whole.weight.requires_grad or _uses(model, whole.weight) > 1:
        yield
        return
    some = _some_rows(whole, sorted(set(tokens)))
    transformer.set_input_embeddings(some)
    try:
        yield
    finally:
        some.write_back()
        transformer.set_input_embeddings(whole)


def _uses(model: torch.nn.Module, weight: torch.Tensor) -> int:
    return sum(parameter is weight for _, parameter in model.named_parameters(remove_duplicate=False))


def _some_rows(whole: torch.nn.Embedding, tokens: list[int]) -> Any:
    import torch

    chosen = torch.tensor(tokens, device=whole.weight.device)
    number = torch.full((whole.num_embeddings,), -1, device=whole.weight.device)
    number[chosen] = torch.arange(len(tokens), device=whole.weight.device)

    class SomeRows(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(whole.weight.detach()[chosen])

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            rows = number[ids]
            known = rows >= 0
            if known.all():
                return torch.nn.functional.embedding(rows, self.weight)
            if torch.is_grad_enabled():
                raise ValueError("a token that is trained on is not among those that were counted before")
            with torch.no_grad():
                others = whole.weight[ids]
            return torch.where(known[..., None], torch.nn.functional.embedding(rows.clamp(min=0), self.weight), others)

        def write_back(self) -> None:
            with torch.no_grad():
                whole.weight[chosen] = self.weight

    return SomeRows()
