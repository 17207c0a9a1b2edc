"""Where a new label goes: train, or validation when the corpus brought no validation labels of its own."""

from __future__ import annotations

VALIDATION_EVERY = 5


def destination(
    n_train: int, n_validation: int, *, has_corpus_validation: bool, earlier: str | None = None, eligible: bool = True
) -> str:
    """Train or validation for the label that is about to be stored.

    Without corpus labels every 5th label goes to validation: the next one does when
    floor((n_train + n_validation + 1) / 5) > n_validation. An example that was labelled before keeps its side, so no
    example can be learnt from and judged by.

    Args:
        n_train: annotated examples that go to train so far.
        n_validation: annotated examples that go to validation so far.
        has_corpus_validation: the validation split already holds labels of the corpus.
        earlier: where an earlier label of the same example went.
        eligible: False for an example a model picked while the queue also holds random picks: validation filled with
            hard examples would understate every round.

    Example:
        >>> [destination(n, 0, has_corpus_validation=False) for n in (3, 4)]
        ['train', 'validation']
    """
    if earlier in ("train", "validation"):
        return earlier
    if has_corpus_validation or not eligible:
        return "train"
    return "validation" if (n_train + n_validation + 1) // VALIDATION_EVERY > n_validation else "train"
