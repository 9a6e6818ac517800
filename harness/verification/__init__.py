"""A model that comes from elsewhere, and the checks that it is what it says before anything about it is measured."""

from harness.verification.attribution import Attribution, attribute, fits
from harness.verification.base import check_base
from harness.verification.candidate import Candidate, CheckResult, candidate_in, find_candidate, named_candidate
from harness.verification.files import check_files
from harness.verification.load_paths import LOAD_PATHS, VERIFY_LOAD_PATHS
from harness.verification.opened import VERIFY_OPENED
from harness.verification.verify import Verification, verify
