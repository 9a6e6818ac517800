"""The suite: `pytest --pyargs harness.evals`, in this repository also `pytest evals/`."""
