"""The checks of a case's pairs."""

from harness.data import PairSet
from harness.data.audit import LIBRARIES, Audit, AuditData, PairFile, audit
from harness.errors import CheckpointError
from harness.execution import Step
from harness.models.sources import ResolvedBase
from harness.models.tokens import count_word_pieces, max_length


def audit_pairs(
    *, train: PairSet, evaluation: PairSet, names: tuple[str, str], prefixes: tuple[str, ...], base: ResolvedBase
) -> Audit:
    """Run every check. In what is found, the files of both sets have these names; the base counts the word pieces."""
    texts = tuple(dict.fromkeys((*train.texts, *evaluation.texts)))
    pieces: dict[str, int] = {}
    longest, uncounted = None, ""
    try:
        longest = max_length(base)
        pieces = dict(zip(texts, count_word_pieces(base, texts), strict=True))
    except CheckpointError as error:  # all other checks can do without
        uncounted = str(error)
    first, second = (PairFile(name, pairs, prefixes) for name, pairs in zip(names, (train, evaluation), strict=True))
    return audit(AuditData(first, second, pieces, longest, uncounted))


AUDIT = Step("audit", run=audit_pairs, result=Audit, libraries=(*LIBRARIES, "tokenizers"))
