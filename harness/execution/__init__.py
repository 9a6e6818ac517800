"""Content-addressed steps: computed once, kept in a store, run in a process of their own where they need a model."""

from harness.execution.context import Context, StepProgress
from harness.execution.digests import digest_of, directory_digests, file_digest, source_digest
from harness.execution.executor import Executor, InlineExecutor, LocalExecutor
from harness.execution.machine import cores
from harness.execution.progress import TerminalProgress
from harness.execution.step import AUTO, INLINE, MODEL, PROCESS, Cost, Device, Progress, Resource, ResultsOf, Step
from harness.execution.store import Artefact, Kept, Store, write_whole
