"""The proxy a selection is judged by: a small model fitted on the chosen rows alone, held against rows it never saw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.errors import SelectionError
from studio.records import Array

C = 10.0  # as the probe: unit rows need a weaker penalty than 1.0 for probabilities that are not all alike
PARTS: tuple[str, ...] = ("reward", "choice", "report")
FEWEST_ROWS, FEWEST_HELD = 40, 30  # ours: below these no difference of a usual size can be told from chance
FEWEST_OF_PART = 4  # ours: of 30 examples hashed into three parts 98 in 100 have as many in each
SMALL_HELD = 200  # reference: at 200 rows an accuracy of 0.8 has a standard error of 2.8 points
REWARD_STEPS = 12  # ours: a reward has to order choices, not to converge; at 8 one seed in 8 ranked wrong labels worse
_STEPS, _GRADIENT, _GAIN = 150, 3e-4, 1e-9  # probabilities within 0.01 of the exact optimum
_ABSENT = -30.0  # log odds of a class no row has

# rows of the labelled part -> (m,) one number per held-out example, high = good, or (m, c) codes (selection.proof)
Judge = Callable[[Array], Array]
# rows of the labelled part -> what a proxy of them says of examples whose labels it is not given: (m,) codes of
# classes, (m, c) bool of labels; where the target is a text, (m,) its log-probability per character
Teller = Callable[[Array], Array]


def turned(x: Array, *others: Array) -> tuple[Array, ...]:
    """All of them in the basis of the principal axes of x, where heads are found in a third of the steps.

    A rotation: lengths, angles and so the optimum of every head below are the same. It looks at no label.
    """
    middle = np.asarray(x, dtype=np.float64) - np.mean(x, axis=0, dtype=np.float64)
    axes = np.linalg.eigh(middle.T @ middle)[1].astype(np.float32)
    return tuple(np.asarray(own, dtype=np.float32) @ axes for own in (x, *others))


def minimise(
    x: Array, share: Array, prior: Array, slopes: Callable[[Array], tuple[float, Array]], steps: int = _STEPS
) -> Array:
    """(d + 1, c) float32 weights and, last, biases that minimise a mean loss of x W + b with ||W||² / (2 C s).

    The rows are centred, which the free biases take up, and every weight is measured in the unit in which the curvature
    at the start is 1: the optimum is that of the plain problem, reached in fewer steps of L-BFGS.

    Args:
        x: (n, d) rows.
        share: (n,) what each counts, s = their sum.
        prior: (c,) start of the biases as shares in (0, 1) of the rows.
        slopes: logits without the prior's (n, c) -> mean loss and its gradient (n, c).
        steps: most steps.
    """
    from scipy.optimize import minimize  # heavy package, only a worker comes here

    (d, c), total = (x.shape[1], len(prior)), float(share.sum(dtype=np.float64))
    ridge = 1.0 / (C * total)
    weights = (share / total).astype(np.float32)
    middle = weights @ x
    x = x - middle
    bend = prior * (1 - prior)
    scale = np.empty((d + 1, c), dtype=np.float32)
    scale[:d] = 1 / np.sqrt(np.outer(weights @ np.square(x), bend) + ridge)
    scale[d] = 1 / np.sqrt(bend)

    def loss(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(d + 1, c).astype(np.float32) * scale
        value, down = slopes(x @ w[:d] + w[d])
        slope = np.empty((d + 1, c))
        slope[:d] = x.T @ down
        slope[:d] += ridge * w[:d]
        slope[d] = down.sum(axis=0)
        slope *= scale
        return value + 0.5 * ridge * float(np.square(w[:d], dtype=np.float64).sum()), slope.ravel()

    options = {"maxiter": steps, "gtol": _GRADIENT, "ftol": _GAIN}
    found = minimize(loss, np.zeros((d + 1) * c), jac=True, method="L-BFGS-B", options=options)
    head = found.x.reshape(d + 1, c) * scale
    head[d] -= middle @ head[:d]
    return head.astype(np.float32)


def fit_head(x: Array, y: Array, n_classes: int, *, weights: Array | None = None, steps: int = _STEPS) -> Array:
    """A multinomial logistic head: minimise the mean log loss with a ridge penalty, always from the same start.

    loss = (1 / s) sum_i a_i (-ln softmax(x_i W + b)_{y_i}) + ||W||² / (2 C s), s = sum_i a_i; the biases b are free.

    It starts from W = 0 and the shares of the classes, not from a head fitted on more rows: stopped early, that would
    carry over what those taught.

    Args:
        x: (n, d) float32 rows, n >= 1; see `turned`.
        y: (n,) int class codes below n_classes.
        n_classes: c; a class without rows is held impossible.
        weights: (n,) a_i >= 0, all 1 when left out.
        steps: most steps of the solver (L-BFGS).

    Returns:
        (d + 1, c) float32, the last row b.

    Raises:
        SelectionError: no rows, or weights that sum to 0.
    """
    if weights is not None:
        kept = np.flatnonzero(weights > 0)
        x, y, weights = x[kept], y[kept], np.asarray(weights, dtype=np.float32)[kept]
    if not len(x):
        raise SelectionError("There is nothing to learn from", got=0, fix="Choose at least one labelled example.")
    x = np.ascontiguousarray(x, dtype=np.float32)
    share = np.ones(len(x), dtype=np.float32) if weights is None else weights
    there, codes = np.unique(y, return_inverse=True)
    head = np.zeros((x.shape[1] + 1, n_classes), dtype=np.float32)
    head[-1] = _ABSENT
    if len(there) == 1:
        head[-1, there] = 0.0
        return head
    total = float(share.sum(dtype=np.float64))
    prior = np.bincount(codes, weights=share) / total
    start, rows = np.log(prior).astype(np.float32), np.arange(len(x))
    part = (share / total).astype(np.float32)[:, None]

    def slopes(z: Array) -> tuple[float, Array]:
        z += start
        z -= z.max(axis=1, keepdims=True)
        right = z[rows, codes]
        np.exp(z, out=z)
        sums = z.sum(axis=1, keepdims=True)
        value = float(((np.log(sums[:, 0]) - right) * part[:, 0]).sum(dtype=np.float64))
        z /= sums
        z[rows, codes] -= 1
        z *= part
        return value, z

    found = minimise(x, share, prior, slopes, steps)
    found[-1] += start
    head[:, there] = found
    return head


def log_likelihoods(head: Array, x: Array) -> Array:
    """(m, c) float64 ln of the class probabilities of rows under a head."""
    z = (np.asarray(x, dtype=np.float32) @ head[:-1] + head[-1]).astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def head_teller(x: Array, y: Array, asked_x: Array, n_classes: int) -> Teller:
    """The likeliest class of every example asked about, by a head fitted on the rows it is given."""

    def tell(rows: Array) -> Array:
        head = fit_head(x[rows], y[rows], n_classes)
        return (asked_x @ head[:-1] + head[-1]).argmax(axis=1)

    return tell


def head_judge(x: Array, y: Array, held_x: Array, held_y: Array, n_classes: int) -> Judge:
    """Right (1) or wrong (0) on every held-out example, by a head fitted on the rows it is given."""
    tell = head_teller(x, y, held_x, n_classes)
    return lambda rows: (tell(rows) == held_y).astype(np.float64)


def soft_judge(x: Array, y: Array, held_x: Array, held_y: Array, n_classes: int) -> Judge:
    """Probability of the right label on every held-out example, by a head fitted on the rows it is given.

    What a reward is made of: on a few dozen examples right or wrong moves in steps of points, this with every row.
    """
    at = np.arange(len(held_y))

    def judge(rows: Array) -> Array:
        head = fit_head(x[rows], y[rows], n_classes, steps=REWARD_STEPS)
        return np.exp(log_likelihoods(head, held_x)[at, held_y])

    return judge


def out_of_fold(x: Array, y: Array, n_classes: int, folds: Array) -> Array:
    """(n, c) float64 class probabilities of every row by a head that never saw its fold.

    Paper: confident-learning-2021 (its out-of-fold rule only).
    """
    probs = np.empty((len(x), n_classes))
    for fold in np.unique(folds):
        held = folds == fold
        probs[held] = np.exp(log_likelihoods(fit_head(x[~held], y[~held], n_classes), x[held]))
    return probs


def deal(y: Array, parts: int, rng: np.random.Generator) -> Array:
    """Part of every row: each class is shuffled, then dealt in turn, carrying on where the last class stopped.

    Returns:
        (n,) int64 in 0..parts-1; part sizes differ by at most one, class counts per part by at most one.
    """
    part = np.empty(len(y), dtype=np.int64)
    dealt = 0
    for code in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == code))
        part[rows] = (dealt + np.arange(len(rows))) % parts
        dealt += len(rows)
    return part


def held_parts(ids: Array) -> Array:
    """(m,) int64 which of PARTS each held-out example belongs to, by a hash of its id alone.

    What learns weights looks at reward and choice only, so that report stays unseen by any automatic choice. An example
    stays in its part when others are labelled; dealing them anew would show old report examples to the learning.
    The hash is the finalizer of splitmix64.

    Raises:
        SelectionError: a part has fewer than 4 examples.
    """
    x = np.asarray(ids).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    part = ((x ^ (x >> np.uint64(31))) % np.uint64(len(PARTS))).astype(np.int64)
    sizes = np.bincount(part, minlength=len(PARTS))
    if sizes.min() < FEWEST_OF_PART:
        raise SelectionError("There are too few validation labels to compare choices", got=int(sizes.min()),
                             fix=f"Label at least {FEWEST_HELD} validation examples.")  # fmt: skip
    return part


def check_enough(n_rows: int, n_held: int, n_classes: int | None) -> None:
    """Refuse a study that could not tell anything.

    Args:
        n_rows: examples one can choose from.
        n_held: held-out examples.
        n_classes: kinds of labels among the rows; None where the targets are texts.

    Raises:
        SelectionError: naming what is missing.
    """
    if n_rows < FEWEST_ROWS:
        raise SelectionError("There are too few labelled examples to compare choices", got=n_rows,
                             fix=f"Label at least {FEWEST_ROWS} for training.")  # fmt: skip
    if n_classes is not None and n_classes < 2:
        raise SelectionError("All labelled examples have the same label", got=n_classes,
                             fix="Label examples of at least two kinds.")  # fmt: skip
    if n_held < FEWEST_HELD:
        raise SelectionError("There are too few validation labels to compare choices", got=n_held,
                             fix=f"Label at least {FEWEST_HELD} validation examples.")  # fmt: skip
