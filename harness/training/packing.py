"""Training without padding: a batch runs through the transformer as one row of its real tokens.

Every layer that works token by token then computes real tokens only (about 60 % of a padded batch of short texts).
Attention alone needs the texts apart: queries, keys and values are padded again there, for torch's own kernel.

Equal to the padded way: embeddings and gradients, up to the order of sums. Other than there: which random numbers
dropout draws for which token. Only time and memory depend on the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.metrics.cosine import row_cosines
from harness.models.encoding import embed
from harness.models.record import PROBE_TEXTS

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

SAME_EMBEDDING = 0.99999
"""Least cosine of a probe's embedding, packed and padded: below it, the architecture is trained the padded way."""

_ATTENTION = "harness_packed"
_ROUND = 64  # tokens; oneDNN builds and keeps kernels for each shape that it meets


@contextmanager
def packed(model: SentenceTransformer) -> Iterator[bool]:
    """Let a model compute without padding inside; yield whether it does.

    It does on a CPU, where its architecture takes its attention from transformers' `AttentionInterface` and the probe
    texts have the same embeddings so. On a GPU padding costs little at these sizes, and the model stays as it is.
    """
    transformer: Any = model.transformers_model
    supported = (
        model.device.type == "cpu"
        and getattr(transformer, "_supports_attention_backend", False)
        and transformer.config._attn_implementation == "sdpa"
    )
    if not supported:
        yield False
        return
    texts = [*PROBE_TEXTS, " ".join(PROBE_TEXTS * 8)]  # one longer than any window of attention in the probes
    expected = embed(model, texts)
    with ExitStack() as stack:
        stack.enter_context(_packing(transformer, _first_position(transformer)))
        try:
            same = bool(row_cosines(expected, embed(model, texts)).min() >= SAME_EMBEDDING)
        except (TypeError, ValueError, RuntimeError, LookupError, AttributeError):
            same = False  # it takes no positions, needs the batch's shape, or returns a tuple
        if not same:
            stack.close()
        yield same


def in_one_forward(loss: Any) -> torch.nn.Module:
    """Return a loss that embeds all columns of a batch in one forward: without padding a short one costs nothing."""
    import torch
    from sentence_transformers.base.losses.merged_forward import embed_columns

    class InOneForward(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss = loss

        def forward(self, features: Iterable[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
            inner: Any = self.loss  # in which the trainer may have put another model
            embeddings = embed_columns(inner.model, features, separate_first=False)
            value: torch.Tensor = inner.compute_loss_from_embeddings(embeddings, labels)
            return value

    return InOneForward()


@contextmanager
def _packing(transformer: Any, first_position: int) -> Iterator[None]:
    from transformers import AttentionInterface

    AttentionInterface.register(_ATTENTION, _attend)
    implementation, forward = transformer.config._attn_implementation, transformer.forward

    def without_padding(*, attention_mask: torch.Tensor, **given: Any) -> Any:
        layout = _Layout.of(attention_mask)
        for name in ("input_ids", "token_type_ids"):
            if name in given:
                given[name] = layout.flatten(given[name])
        output = forward(**given, position_ids=layout.positions + first_position, packing=layout)
        # Nothing else of the output would be right: what pools inside reads the first token of the row.
        return type(output)(last_hidden_state=layout.spread(output.last_hidden_state))

    transformer.config._attn_implementation = _ATTENTION
    transformer.forward = without_padding  # a hook would not do: sentence-transformers calls `forward` itself
    try:
        yield
    finally:
        transformer.config._attn_implementation = implementation
        del transformer.forward


@dataclass(frozen=True)
class _Layout:
    """Places of the tokens of a padded batch, there and in a row without padding.

    Attributes:
        shape: Texts and tokens of the padded batch.
        real: Indices of the real tokens in the flattened batch, int64 of shape `(t,)`.
        taken: The same, filled up by the first: int64 of shape `(n,)`, where n is t rounded up.
        positions: Position of each token in its text, int64 of shape `(1, n)`.
        lined_up: Indices of the real tokens in the flattened batch that is padded on the right, int64 of shape `(t,)`.
        mask: Real tokens of the batch that is padded on the right, bool of shape `(texts, 1, 1, longest)`.
    """

    shape: tuple[int, int]
    real: torch.Tensor
    taken: torch.Tensor
    positions: torch.Tensor
    lined_up: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def of(cls, attention_mask: torch.Tensor) -> _Layout:
        """Read the layout of a batch from its attention mask of shape `(texts, tokens)`."""
        import torch

        texts, tokens = attention_mask.shape
        real = attention_mask.flatten().nonzero().squeeze(1)
        lengths = attention_mask.sum(1)
        longest = int(lengths.max())
        within = torch.arange(longest)
        mask = within < lengths[:, None]
        lined_up = mask.flatten().nonzero().squeeze(1)
        positions = within.expand(texts, longest).flatten()[lined_up]
        rest = -len(real) % _ROUND
        taken = torch.cat([real, real[:1].expand(rest)])
        filled = torch.nn.functional.pad(positions, (0, rest))
        return cls((texts, tokens), real, taken, filled[None], lined_up, mask[:, None, None])

    def flatten(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take numbers of shape `(texts, tokens)` to shape `(1, n)`."""
        return tokens.flatten()[self.taken][None]

    def spread(self, hidden: torch.Tensor) -> torch.Tensor:
        """Take vectors of shape `(1, n, width)` back to `(texts, tokens, width)`, with 0 for padding."""
        texts, tokens = self.shape
        empty = hidden.new_zeros(texts * tokens, hidden.shape[-1])
        return empty.index_copy(0, self.real, hidden[0, : len(self.real)]).view(texts, tokens, -1)

    def line_up(self, heads: torch.Tensor) -> torch.Tensor:
        """Take vectors of shape `(1, heads, n, width)` to `(texts, heads, longest, width)`, padded on the right."""
        texts, longest = self.mask.shape[0], self.mask.shape[-1]
        by_token = heads[0].transpose(0, 1)[: len(self.real)]
        empty = heads.new_zeros(texts * longest, *by_token.shape[1:])
        return empty.index_copy(0, self.lined_up, by_token).view(texts, longest, *by_token.shape[1:]).transpose(1, 2)

    def flatten_heads(self, heads: torch.Tensor) -> torch.Tensor:
        """Take vectors of shape `(texts, longest, heads, width)`, padded on the right, to `(1, n, heads, width)`."""
        import torch

        tokens = heads.flatten(0, 1).index_select(0, self.lined_up)
        rest = len(self.taken) - len(tokens)
        return torch.nn.functional.pad(tokens, (0, 0, 0, 0, 0, rest))[None]


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packing: _Layout,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each text, as transformers' own function for torch's kernel does on a padded batch."""
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    del attention_mask  # none was made: the layout knows
    attend: Any = sdpa_attention_forward
    mask, causal, window = packing.mask, getattr(module, "is_causal", False), rest.get("sliding_window")
    if causal or window is not None:
        within = torch.arange(mask.shape[-1])
        distance = within[:, None] - within
        if causal:
            mask = mask & (distance >= 0)
        if window is not None:
            mask = mask & (distance.abs() < window)
    padded = (packing.line_up(heads) for heads in (query, key, value))
    attended, _ = attend(module, *padded, mask, **{**rest, "is_causal": False})
    return packing.flatten_heads(attended), None


def _first_position(transformer: Any) -> int:
    """Return the position of a text's first token: RoBERTa and its kin count from the one after the padding's."""
    import torch

    for module in transformer.modules():
        padding = getattr(module, "padding_idx", None)
        if isinstance(padding, int) and isinstance(getattr(module, "position_embeddings", None), torch.nn.Embedding):
            return padding + 1
    return 0
