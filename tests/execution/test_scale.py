"""The simulation behaves as arithmetic says where that is easy, and the page shows what it gives."""

from dataclasses import replace

import pytest

from . import scale
from .scale import Setup, simulate

BARE = Setup(spread=1.0, megabytes=0.0, first=0.0, start=0.0, driver=0.0)


@pytest.mark.parametrize(("trainings", "places", "rounds"), [(0, 4, 0), (1, 4, 1), (4, 4, 1), (48, 4, 12), (50, 50, 1)])
def test_without_overheads_the_places_are_all_that_counts(trainings, places, rounds):
    found = simulate(replace(BARE, trainings=trainings, nodes=1, places=places, train=10.0, encode=10.0))
    assert found.computing == pytest.approx(20.0 * trainings)
    assert found.seconds == pytest.approx(20.0 * rounds)


def test_what_one_core_or_the_storage_does_alone_bounds_the_whole():
    plan = replace(BARE, nodes=100, train=1.0, encode=1.0, megabytes=1000.0)
    for slow, line in (
        (replace(plan, digest=100.0, store=1e9), "driver"),
        (replace(plan, store=100.0, digest=1e9), "store"),
    ):
        found = simulate(slow)
        busy = getattr(found, line).busy
        assert busy == pytest.approx(20_000 if line == "driver" else 10_000)
        assert busy <= found.seconds <= busy + 15
    assert simulate(plan).seconds == simulate(plan).seconds


def test_the_page_shows_the_table(repository):
    assert scale.table() in (repository / "docs" / "scale.md").read_text(encoding="utf-8")
