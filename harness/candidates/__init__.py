"""A model that comes from elsewhere, and the proofs that it is what it says before anything about it is measured."""

from harness.candidates.base import prove_base
from harness.candidates.files import prove_files
from harness.candidates.find import Candidate, find_candidate, require_unchanged
from harness.candidates.finding import Finding
from harness.candidates.opened import prove_opened
from harness.candidates.ways import WAYS, enter

__all__ = [
    "WAYS",
    "Candidate",
    "Finding",
    "enter",
    "find_candidate",
    "prove_base",
    "prove_files",
    "prove_opened",
    "require_unchanged",
]
