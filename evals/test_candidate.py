"""A model that comes from elsewhere is what it says, before anything about it is measured.

`files`: the format is right, and nothing in it can run code. `base`: it was made from the case's base. `whole`: every
tensor arrives, and nothing is made up. `weights`: merged, an adapter is the base plus scaling x B x A, computed in
float64 from the files. `ways`: every way to open it gives the same model, in two processes. `settings`: tokenizer,
length, pooling, normalisation and prompts are the baseline's. `trained`: it is the model that its training recorded.
`data`: it was trained on the case's pairs, and on none that it is judged by.
"""

import pytest

from harness import promises

pytestmark = pytest.mark.gate


def test_candidate_is_what_it_says(case_run, proof, judge):
    """One proof on the candidate holds."""
    judge(promises.proof_holds(case_run, proof))
