"""Encoding is as fast as it was, and a merged adapter costs nothing."""

import pytest

from harness import promises
from harness.latency import served

pytestmark = pytest.mark.bench


def test_encode_latency(case_run, model, batch, benchmark):
    """Seconds to encode a call of texts, with the way to the model's process and back (about 0.1 ms)."""
    with served(case_run, model) as encode:
        benchmark.extra_info["texts"] = batch
        benchmark(encode, batch)


def test_merged_adapter_is_as_fast_as_base(case_run, adapter, judge, note):
    """The ratio of encode times, measured in turns in one run; noise alone cannot fail it."""
    verdicts = promises.encodes_as_fast(case_run, adapter)
    note("merged adapter / base", [verdict.message for verdict in verdicts.values()])
    for verdict in verdicts.values():
        judge(verdict)
