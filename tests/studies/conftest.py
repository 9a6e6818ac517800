"""The dating case with other models, trained two side by side in the repository's own store."""

from functools import partial

import pytest

from harness.baselines import comparable
from harness.config import Gates, read_case
from harness.execution import Context, LocalExecutor, Store, TerminalProgress
from harness.run import CaseRun, prepare


@pytest.fixture(scope="session")
def study(pytestconfig, repository):
    """Returns a run of the dating case with these models and sets of pairs; all of it is begun."""
    store = Store(repository / ".harness" / "store")
    ctx = Context(store, LocalExecutor(store.root, jobs=2), TerminalProgress(pytestconfig))
    case = read_case(repository / "fixtures" / "dating" / "case.toml")

    def run(models, extra, replay=None):
        data = case.data.model_copy(update={"extra": extra, "replay": replay})
        changed = {"models": models, "data": data, "gates": Gates(), "learning_rate": None}
        inputs = prepare(case.model_copy(update=changed))
        found = CaseRun(ctx, inputs, comparable(None, inputs.origin))
        ctx.ahead(partial(found.encoding, model) for model in inputs.models)
        return found

    yield run
    ctx.close()
