"""The table `[rerank]` of a case: a teacher that rescores a model's uncertain pairs."""

from collections.abc import Collection

from pydantic import Field

from harness.config.fields import Frozen, Problem, shown


class RerankSpec(Frozen):
    """A second stage behind a model: a teacher rescores the pairs whose score lies near the model's threshold."""

    teacher: str
    """A key of [teachers]: the cross-encoder that rescores."""
    models: list[str] = Field(default_factory=list)
    """The models that it is put behind; by default every one but the base."""
    band: float = Field(default=0.2, gt=0, le=1)
    """Share of the dev pairs, those nearest to the threshold, that is uncertain."""

    def problems(self, models: Collection[str], teachers: Collection[str], *, has_dev: bool) -> list[Problem]:
        """Return what the rest of the case has not."""
        found: list[Problem] = []
        if self.teacher not in teachers:
            known = ", ".join(teachers) or "the case has none"
            wrong = f"no such teacher; expected a key of [teachers]: {known}; got {shown(self.teacher)}"
            found.append((("teacher",), wrong))
        if unknown := [name for name in self.models if name not in models]:
            found.append((("models",), f"no such model; expected some of {', '.join(models)}; got {shown(unknown)}"))
        if not has_dev:
            wrong = "expected pairs to choose the band by in data.dev: a teacher knows the training pairs"
            found.append(((), f"{wrong}, and evaluation pairs choose nothing"))
        return found
