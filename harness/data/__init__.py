"""Pairs of texts: read from what people have, validated, split, and audited (`harness.data.audit`)."""

from harness.data.examples import EXAMPLES, Examples
from harness.data.judged import JUDGED, JudgedSet
from harness.data.pairs import Pair, PairSet, fold
from harness.data.readers import READERS, HubDataset, PairSource
from harness.data.reading import read_pairs
from harness.data.retrieval import RetrievalSet, read_retrieval
from harness.data.sides import NO_SIDES, Side, Sides
from harness.data.splits import split_off
