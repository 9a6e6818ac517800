"""A model that comes from elsewhere, and the checks that it is what it says before anything about it is measured."""

from harness.verification.base import check_base
from harness.verification.candidate import Candidate, find_candidate
from harness.verification.files import check_files
from harness.verification.load_paths import LOAD_PATHS, VERIFY_LOAD_PATHS, LoadPathFacts, try_load_paths
from harness.verification.opened import VERIFY_OPENED, OpenedChecks, check_opened
from harness.verification.result import CheckResult, Verification
from harness.verification.verify import verify

__all__ = [
    "LOAD_PATHS",
    "VERIFY_LOAD_PATHS",
    "VERIFY_OPENED",
    "Candidate",
    "CheckResult",
    "LoadPathFacts",
    "OpenedChecks",
    "Verification",
    "check_base",
    "check_files",
    "check_opened",
    "find_candidate",
    "try_load_paths",
    "verify",
]
