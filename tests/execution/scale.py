"""A simulation of many trainings on a large cluster, with the overheads that were measured on a small one.

`python tests/execution/scale.py` prints the table of `docs/scale.md`.
"""

import heapq
import itertools
import random
import sys
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setup:
    """What is planned, on what, and the measured overheads.

    Attributes:
        trainings: Models to train, each of which is then encoded with.
        nodes, places: Nodes, and steps that one holds at a time.
        train, encode: Median seconds of a step on one core. They vary by a factor of about `spread`.
        megabytes: Of a trained model.
        first: Seconds until a node's place has begun its first step: a worker starts, and imports torch.
        start: Seconds of an empty step, later on.
        driver: Seconds of one core of the run for a step: key, lock, request, reply, manifest, rename.
        digest: MB/s at which the run reads a model from the storage and computes its sha256, which it does twice.
        store: MB/s of the shared storage, all nodes together.
        ahead: Steps in flight for each place.
    """

    trainings: int = 1000
    nodes: int = 100
    places: int = 4
    train: float = 130.0
    encode: float = 27.0
    spread: float = 1.3
    megabytes: float = 90.0
    first: float = 13.0
    start: float = 0.37
    driver: float = 0.014
    digest: float = 1000.0
    store: float = 1000.0
    ahead: int = 2


@dataclass
class Line:
    """Something that does one thing at a time, in the order of asking: the run's own core, or the storage."""

    free: float = 0.0
    busy: float = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Return when work of so many seconds that is asked for now is done."""
        self.free = max(now, self.free) + seconds
        self.busy += seconds
        return self.free


@dataclass
class Outcome:
    """How a plan went: seconds in all, and of what."""

    seconds: float = 0.0
    computing: float = 0.0
    driver: Line = field(default_factory=Line)
    store: Line = field(default_factory=Line)


def simulate(setup: Setup) -> Outcome:
    """Run the plan: each call in flight trains, then encodes; the cluster gives free places to who waits longest."""
    rng, outcome, order = random.Random(0), Outcome(), itertools.count()
    free, cold = setup.nodes * setup.places, setup.nodes * setup.places
    begun, waiting, events = 0, [], []

    def submit(now, stage):
        heapq.heappush(events, (outcome.driver.serve(now, setup.driver / 2), next(order), "waits", stage))

    def begin(now):
        nonlocal begun
        if begun < setup.trainings:
            begun += 1
            submit(now, "train")

    for _ in range(setup.ahead * free):
        begin(0.0)
    while events:
        now, _, event, stage = heapq.heappop(events)
        size = setup.megabytes if stage == "train" else 0.0
        if event == "waits":
            waiting.append(stage)
        elif event == "computed":  # the node writes, and then is free
            heapq.heappush(events, (outcome.store.serve(now, size / setup.store), next(order), "written", stage))
        elif event == "written":
            free += 1
            done = outcome.driver.serve(now, setup.driver / 2 + 2 * size / setup.digest)
            heapq.heappush(events, (done, next(order), "taken", stage))
        elif stage == "train":
            submit(now, "encode")
        else:
            begin(now)
        while waiting and free:
            stage, free = waiting.pop(0), free - 1
            seconds = rng.lognormvariate(0.0, setup.spread - 1) * (setup.train if stage == "train" else setup.encode)
            outcome.computing += seconds
            overhead, cold = (setup.first, cold - 1) if cold else (setup.start, 0)
            heapq.heappush(events, (now + overhead + seconds, next(order), "computed", stage))
        outcome.seconds = now
    return outcome


ROWS = {
    "1,000 adapters (0.3 MB)": Setup(megabytes=0.3),
    "1,000 whole models (90 MB)": Setup(),
    "the same, on 25 nodes": Setup(nodes=25),
    "the same on 100, storage at 200 MB/s": Setup(store=200.0),
    "1,000 models of 1.3 GB": Setup(megabytes=1300.0),
    "1,000 adapters, trained in 10 s": Setup(megabytes=0.3, train=10.0, encode=5.0),
    "the same, none waiting on the cluster": Setup(megabytes=0.3, train=10.0, encode=5.0, ahead=1),
}


def table(rows: dict[str, Setup] = ROWS) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [
        "| plan | seconds | computing, by places | places busy | run's core busy | storage busy | written |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, setup in rows.items():
        found, places = simulate(setup), setup.nodes * setup.places
        ideal = found.computing / places
        written = setup.trainings * setup.megabytes / 1000
        lines.append(
            f"| {name} | {found.seconds:.0f} | {ideal:.0f} | {ideal / found.seconds:.0%} "
            f"| {found.driver.busy / found.seconds:.0%} | {found.store.busy / found.seconds:.0%} | {written:,.1f} GB |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
