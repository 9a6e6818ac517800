"""What a gate may ask of a run. Gates train, open and store nothing: `CaseRun` answers, and in tests a fake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from harness.baselines import ComparableBaseline, Origin
    from harness.config import Case
    from harness.data import PairSet
    from harness.data.audit import Audit
    from harness.execution import Cost
    from harness.metrics import Evaluation
    from harness.statistics import Change, RegressedPair, RelativePerformance
    from harness.verification import Candidate, Verification


class Scope(Protocol):
    """A case as it is run: which models, and on which pairs."""

    @property
    def case(self) -> Case:
        """The case."""
        ...

    @property
    def train(self) -> PairSet:
        """Its training pairs."""
        ...

    @property
    def eval(self) -> PairSet:
        """Its evaluation pairs."""
        ...

    @property
    def candidate(self) -> Candidate | None:
        """The model that was trained elsewhere, in a run of `-m gate`."""
        ...

    @property
    def models(self) -> tuple[str, ...]:
        """The models of this run, the base first."""
        ...

    @property
    def trained(self) -> Mapping[str, str]:
        """The models of this run that are not the base: name -> strategy."""
        ...

    @property
    def adapters(self) -> tuple[str, ...]:
        """The models of this run that are an adapter on the base."""
        ...

    @property
    def compared_categories(self) -> tuple[str, ...]:
        """The categories with enough pairs of each label to be compared with a baseline, sorted."""
        ...

    @property
    def origin(self) -> Origin:
        """What a baseline must have been made from to be compared with."""
        ...


class Evidence(Protocol):
    """A run, each value of it computed when it is first asked for."""

    @property
    def inputs(self) -> Scope:
        """What is run."""
        ...

    @property
    def stored(self) -> ComparableBaseline:
        """What the baseline holds, as far as it can be compared with this run."""
        ...

    def evaluation(self, model: str, **changes: Any) -> Evaluation:
        """Every metric of a model; `changes` are fields of its recipe, such as `learning_rate=2e-5`."""
        ...

    def change(self, model: str, metric: str, category: str = "") -> Change | None:
        """The change of a metric since the stored scores; None where they cannot be compared."""
        ...

    def regressed(self, model: str, category: str = "") -> Sequence[RegressedPair]:
        """The pairs that the stored model had right and this one has wrong, worst first."""
        ...

    def relative_performance(self, model: str, reference: str, metric: str, **changes: Any) -> RelativePerformance:
        """A model's value against another one's; against the stored one's, where this run does not measure it."""
        ...

    def embeddings(self, model: str) -> Mapping[str, NDArray[np.float32]]:
        """The embeddings by name of the texts: `eval`, `probes`, and `unmerged_probes` of an adapter."""
        ...

    def cost(self, model: str, stage: str) -> Cost:
        """Seconds and peak memory of a stage, `train` or `encode`."""
        ...

    def audit(self) -> Audit:
        """The checks of the pairs."""
        ...

    def verification(self) -> Verification:
        """The checks on the candidate."""
        ...

    def latency(self, model: str) -> Mapping[int, tuple[Sequence[float], Sequence[float]]]:
        """Batch size -> seconds a call of a model and of the base, measured in turns."""
        ...
