"""Pairs of texts: files of them read and validated, and audited (`harness.data.audit`)."""

from harness.data.pairs import Pair, PairSet, fold, read_pairs
from harness.data.sides import NO_SIDES, Side, Sides
