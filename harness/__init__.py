"""Regression gates for fine-tuned sentence-embedding models, as pytest assertions against stored baselines."""

__version__ = "0.1.0"
