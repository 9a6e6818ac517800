"""The Python API: lists, arrays and paths in, objects with a readable `repr` out. Nothing here imports torch."""
