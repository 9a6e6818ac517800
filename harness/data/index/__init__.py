"""Vectors of an index and their texts: whatever the format, a sample of rows; never a pickle."""

from harness.data.index.readers import READERS, open_index
from harness.data.index.texts import read_texts, texts_in
from harness.data.index.types import Columns, Index, OpenedIndex, Rows
