"""A case being run: from its inputs to verdicts, results and baselines."""

from harness.run.audit import audit_of_cases
from harness.run.case_run import CaseRun
from harness.run.collect import collect
from harness.run.environment import commit, libraries, machine
from harness.run.index_audit import SAMPLE, IndexAudit, audit_index
from harness.run.index_models import IndexModel, find_model
from harness.run.inputs import Inputs, prepare
from harness.run.judging import NotJudged, judge, judge_all
from harness.run.latency import served
from harness.run.plan import begin_ahead, trainings_ahead
from harness.run.power import CasePower, power_of_cases
from harness.run.session import CandidateOptions, Session, open_session
from harness.run.settings import Settings, make_store, require_writable, settings_here, settings_of
from harness.run.update import update_baseline
