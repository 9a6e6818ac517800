"""The precision of a training on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def resolve_precision(stated: str, device: torch.device) -> str:
    """Resolve `auto` for a device: bf16 only where the hardware multiplies it, since emulation is slower than fp32."""
    import torch

    if stated != "auto":
        return stated
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bf16" if native else "fp32"
