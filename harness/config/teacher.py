"""Teachers: cross-encoders whose scores a model can learn."""

from pydantic import Field

from harness.config.fields import Frozen


class Teacher(Frozen):
    """A cross-encoder that is started from the case's base and trained on its training pairs."""

    epochs: int = Field(default=1, ge=1)
    """Passes over the training pairs."""
    batch_size: int = Field(default=16, ge=1)
    """Pairs in a step."""
    learning_rate: float = Field(default=5e-5, gt=0)
    """Peak of the linear schedule."""
    warmup_steps: int = Field(default=20, ge=0)
    """Steps up to the peak."""
    seed: int = Field(default=42, ge=0, lt=2**32)
    """The first weights of its head, and the order of the data."""
