"""Encode latency of every model. That a merged adapter is as fast as the base is a gate."""

import pytest

from harness.run.latency import served

pytestmark = pytest.mark.bench


def test_encode_latency(case_run, model, batch, benchmark):
    """Seconds to encode a call of texts, with the way to the model's process and back (about 0.1 ms)."""
    texts = int(batch)
    with served(case_run, model) as encode:
        benchmark.extra_info["texts"] = texts
        benchmark(encode, texts)
