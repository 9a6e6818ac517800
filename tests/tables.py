"""Tables of the documentation, which tests that take long write where they are asked to."""

import os
from pathlib import Path


def written(variable, table, write):
    """Yield what collects a table, as a fixture does; then write it to the file that an environment variable names."""
    yield table
    if path := os.environ.get(variable):
        write(Path(path))
