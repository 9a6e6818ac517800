"""The methods of PEFT whose adapters are opened. All of them change layers of the base, and can be merged into it."""

from collections.abc import Mapping

METHODS: Mapping[str, tuple[str, ...]] = {
    "LORA": ("r", "lora_alpha", "target_modules"),
    "ADALORA": ("target_modules",),
    "IA3": ("target_modules", "feedforward_modules"),
    "LOHA": ("r", "alpha", "target_modules"),
    "LOKR": ("r", "alpha", "target_modules"),
    "OFT": ("target_modules",),
    "TRAINABLE_TOKENS": ("token_indices", "target_modules"),
    "VERA": ("r", "target_modules"),
}
"""`peft_type` -> the keys that its configuration must have."""

COMPUTED = "LORA"
"""The method whose merged weights are computed a second time here, without PEFT."""

BY_PEFT_ALONE = frozenset({"ADALORA", "VERA"})
"""Methods whose adapters transformers refuses to load (5.23), and says so: those of AdaLoRA have given up ranks, which
it takes for tensors of a wrong shape, and those of VeRA share matrices that only a `PeftModel` keeps."""


def is_opened(method: object) -> bool:
    """Return whether adapters by a method, of which a configuration may say anything, are opened."""
    return isinstance(method, str) and method in METHODS


def not_opened(method: object) -> str:
    """Say that a method's adapters are not opened: prompts, prefixes and the like, which cannot be merged."""
    return f"peft_type is {method!r}; expected one of {', '.join(METHODS)}"
