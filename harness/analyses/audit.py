"""The checks of a case's pairs."""

from itertools import chain

from harness.data import NO_SIDES, PairSet, Sides, fold
from harness.data.audit import Audit, AuditData, PairFile, audit
from harness.errors import CheckpointError
from harness.execution import Step
from harness.models.sources import ResolvedBase
from harness.models.tokens import max_length, read_word_pieces


def audit_pairs(
    *,
    train: PairSet,
    evaluation: PairSet,
    names: tuple[str, str],
    prefixes: tuple[str, ...],
    base: ResolvedBase,
    sides: Sides = NO_SIDES,
) -> Audit:
    """Run every check. In what is found, the files of both sets have these names; the base counts the word pieces.

    They are read with the prompt of the text's side; of a text on both sides the longer count counts. What has the same
    ones is the same text.
    """
    pieces: dict[str, int] = {}
    folds: dict[str, str] = {}
    by_fold, by_pieces = dict[str, str](), dict[bytes, str]()
    longest, uncounted = None, ""
    try:
        longest = max_length(base)
        for side, *columns in zip(sides.distinct, sides.texts(train), sides.texts(evaluation), strict=True):
            texts = list(dict.fromkeys(chain.from_iterable(columns)))
            for text, (count, digest) in zip(texts, read_word_pieces(base, texts, side.prompt), strict=True):
                pieces[text] = max(count, pieces.get(text, 0))
                folded = fold(text, prefixes)
                folds[text] = by_fold.setdefault(folded, by_pieces.setdefault(digest, by_fold.get(folded, folded)))
    except CheckpointError as error:  # all other checks can do without
        uncounted = str(error)
    first, second = (
        PairFile(name, pairs, prefixes, folds) for name, pairs in zip(names, (train, evaluation), strict=True)
    )
    return audit(AuditData(first, second, pieces, longest, uncounted))


AUDIT = Step("audit", run=audit_pairs, result=Audit, libraries=("tokenizers",))
