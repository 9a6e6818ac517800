"""Intervals. Pure: arrays in, numbers out. Importing this package loads numpy only."""

from __future__ import annotations

from harness.statistics.ratios import Ratio, ratio_interval

__all__ = ["Ratio", "ratio_interval"]
