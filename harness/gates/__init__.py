"""Values + limits -> verdicts. Pure: no file, no model. Each gate says in words what it saw and what it expected."""

from harness.gates.arrival import PROOFS, UNREAD, knows_data, proven, reproduces, same_settings, ways_agree
from harness.gates.data import within_limit
from harness.gates.limits import beats_base, diverges, fits_memory, merge_agrees, no_slower, reaches_share
from harness.gates.rates import learns, stalls
from harness.gates.stored import (
    NOW_WRONG,
    RAISE,
    UPDATE,
    comparable,
    no_worse_than_stored,
    stored_model,
    stored_settings,
    stored_value,
    trusted,
)
from harness.gates.verdict import FAILURE, PROPERTY, Verdict, from_json, number, scientific, to_json

__all__ = [
    "FAILURE",
    "NOW_WRONG",
    "PROOFS",
    "PROPERTY",
    "RAISE",
    "UNREAD",
    "UPDATE",
    "Verdict",
    "beats_base",
    "comparable",
    "diverges",
    "fits_memory",
    "from_json",
    "knows_data",
    "learns",
    "merge_agrees",
    "no_slower",
    "no_worse_than_stored",
    "number",
    "proven",
    "reaches_share",
    "reproduces",
    "same_settings",
    "scientific",
    "stalls",
    "stored_model",
    "stored_settings",
    "stored_value",
    "to_json",
    "trusted",
    "ways_agree",
    "within_limit",
]
