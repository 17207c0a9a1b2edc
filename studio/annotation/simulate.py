"""The simulated annotator: reveals the corpus's own labels, now and then a wrong one on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from studio.errors import AnnotationError

SIMULATED_ACTOR = "simulated annotator"


def reveal(
    truth: Mapping[int, str],
    example_ids: Sequence[int],
    label_names: Sequence[str],
    *,
    rng: np.random.Generator,
    error_rate: float = 0.0,
) -> list[tuple[int, str]]:
    """The labels a person who agrees with the corpus would give, in the order of the queue.

    Each label is replaced with probability `error_rate` by one of the other labels, all equally likely. Examples the
    corpus has no label for are left out.

    Args:
        truth: example id -> the corpus's own label.
        example_ids: the queue.
        label_names: what a wrong label is drawn from.
        rng: decides which labels are wrong; two draws per example, so one more example changes none before it.
        error_rate: share of wrong labels in [0, 1].

    Raises:
        AnnotationError: a rate outside [0, 1], or errors are asked for with fewer than two labels.
    """
    names = list(dict.fromkeys(label_names))
    if not 0 <= error_rate <= 1:
        raise AnnotationError(
            "The share of wrong labels must lie between 0 and 1", got=error_rate, fix="Use 0.03 for 3 %."
        )
    if error_rate > 0 and len(names) < 2:
        raise AnnotationError("Wrong labels need at least two labels", got=names, fix="Set the share of errors to 0.")
    given: list[tuple[int, str]] = []
    for example_id in example_ids:
        fate, which = rng.random(), rng.random()
        label = truth.get(int(example_id))
        if label is None:
            continue
        if fate < error_rate:
            others = [name for name in names if name != label]
            label = others[int(which * len(others))]
        given.append((int(example_id), label))
    return given
