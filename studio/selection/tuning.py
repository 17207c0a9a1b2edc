"""Learning the four weights: draws from the simplex, a surrogate of how good they are, and what it thinks best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studio.errors import SelectionError
from studio.records import VIEWS, Array
from studio.selection.proof import FEWEST
from studio.selection.weights import TOTAL, largest_remainder

DRAWS = 96  # reference, section 3.5: Dirichlet draws beside the corners and the centre
WEAKEST, STRONGEST = 0.1, 5.0  # reference: strength of the Dirichlet, log-uniform
SEEDS, VERIFY_SEEDS, RANDOM_DRAWS = 3, 5, 20
SIMULATED, KEPT = 10_000, 0.01  # reference: the best 1 % of so many simulated weights are averaged
TRIALS = 40  # of the search by trial and error (TPE); ours, under the surrogate's own number of fits
# When a trial is a real round. All ours: a training takes seconds to minutes, so few trials and fewer repeats.
ROUND_TRIALS, FEWEST_TRIALS, MOST_TRIALS = 12, 6, 60
FINALISTS = 3  # settings with the highest rewards, which the choice part decides between
CHOICE_REPEATS, REPORT_REPEATS = 3, 5  # trainings a setting is judged by, each with a seed and 80 % of the rows its own
SUBSAMPLE = 0.8  # ours: every seed looks at 80 % of the rows, the same for all weights
RIDGES: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def candidates(k: int, rng: np.random.Generator, draws: int = DRAWS) -> Array:
    """(draws + k + 1, k) weights that sum to 1: Dirichlet draws, then the k corners, then the centre.

    w ~ Dirichlet(s, ..., s), s log-uniform in 0.1 .. 5

    Paper: regmix-2024 (strengths)
    Paper: meta-rater-2025 (weights of scores instead of shares of domains)
    """
    strengths = np.exp(rng.uniform(np.log(WEAKEST), np.log(STRONGEST), size=draws))
    drawn = [_whole(rng.dirichlet(np.full(k, strength))) for strength in strengths]
    return np.array([*drawn, *np.eye(k), _whole(np.full(k, 1 / k))])


def _whole(shares: Array) -> Array:
    """The shares a slider can show: whole percent."""
    safe = np.nan_to_num(np.asarray(shares, dtype=np.float64))
    return np.array(largest_remainder(safe.tolist(), TOTAL)) / TOTAL


def from_uniform(u: Sequence[float]) -> Array:
    """(k,) weights from k numbers in (0, 1): x_i = -ln u_i, divided by their sum; uniform u give uniform weights.

    Paper: optuna-2019 (how its guide searches a simplex)
    """
    x = -np.log(np.clip(np.asarray(u, dtype=np.float64), 1e-12, 1 - 1e-12))
    return x / x.sum()


def to_uniform(shares: Array) -> list[float]:
    """K numbers in (0, 1) that `from_uniform` takes back to these weights: u_i = exp(-k w_i)."""
    w = np.asarray(shares, dtype=np.float64)
    return np.clip(np.exp(-len(w) * w / w.sum()), 1e-12, 1 - 1e-12).tolist()


def size_of(own: int) -> int:
    """How many rows a trial takes: the same share of the 80 % of a seed as the own size is of all."""
    return max(FEWEST, int(SUBSAMPLE * own))


def n_trainings(trials: int, *, with_own: bool) -> int:
    """Most trainings of a study whose trials are real rounds; choices that come out alike are trained once.

    trials + finalists judged on the choice part + the best of them, equal weights, the person's own weights where they
    differ from equal ones, and random draws on the report part.

    Example:
        >>> n_trainings(12, with_own=True)
        33
    """
    known = 2 if with_own else 1  # trials themselves, so their first training is counted already
    judged = FINALISTS * (CHOICE_REPEATS - 1) + (REPORT_REPEATS - CHOICE_REPEATS)
    return trials + judged + known * (REPORT_REPEATS - 1) + REPORT_REPEATS


def as_weights(shares: Array, views: Sequence[str]) -> dict[str, int]:
    """The four slider weights of shares of some views; views without scores weigh 0."""
    whole = largest_remainder(np.maximum(shares, 0.0).tolist(), TOTAL)
    return dict.fromkeys(VIEWS, 0) | dict(zip(views, whole, strict=True))


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A quadratic of the weights: f(w) = sum_i b_i w_i + sum_{i<j} c_ij w_i w_j; weights that sum to 1 need no more.

    error is the leave-one-out root mean squared error, in the reward's unit; spread the rewards' standard deviation.
    """

    coefficients: Array
    ridge: float
    error: float
    spread: float

    def __call__(self, w: Array) -> Array:
        """(m,) what it expects of weights (m, k)."""
        return _terms(np.atleast_2d(w)) @ self.coefficients

    @property
    def explained(self) -> float:
        """Share of the rewards' variance it explains for weights it did not see; may be below 0."""
        return 1 - (self.error / self.spread) ** 2 if self.spread > 0 else 0.0


def _terms(w: Array) -> Array:
    k = w.shape[1]
    pairs = [w[:, a] * w[:, b] for a in range(k) for b in range(a + 1, k)]
    return np.stack([*w.T, *pairs], axis=1)


def fit_surrogate(w: Array, rewards: Array) -> Surrogate:
    """Ridge regression on the quadratic terms; the penalty with the smallest leave-one-out error is taken.

    loo_i = (y_i - f(w_i)) / (1 - h_ii), h the hat matrix of the ridge; the mean of y is taken out first and is put back
    into every b_i, since the weights sum to 1.

    Args:
        w: (n, k) weights that sum to 1.
        rewards: (n,) high = good.

    Raises:
        SelectionError: fewer trials than terms.

    Paper: scheffe-1958 (polynomials on a simplex)
    """
    x, y = _terms(np.asarray(w, dtype=np.float64)), np.asarray(rewards, dtype=np.float64)
    if len(x) <= x.shape[1]:
        raise SelectionError("There are too few trials to fit a surface", got=len(x),
                             fix=f"Run at least {x.shape[1] + 1}.")  # fmt: skip
    mean = y.mean()
    best: Surrogate | None = None
    for ridge in RIDGES:
        inverse = np.linalg.inv(x.T @ x + ridge * len(x) * np.eye(x.shape[1]))
        b = inverse @ (x.T @ (y - mean))
        leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
        error = float(np.sqrt(np.mean(((y - mean - x @ b) / np.maximum(1 - leverage, 1e-9)) ** 2)))
        if best is None or error < best.error:
            b[: w.shape[1]] += mean
            best = Surrogate(b, ridge, error, float(y.std()))
    return best  # type: ignore[return-value]


def best_weights(surrogate: Surrogate, k: int, rng: np.random.Generator) -> Array:
    """(k,) mean of the best 1 % of 10,000 weights drawn evenly from the simplex, by the surrogate.

    Paper: meta-rater-2025
    """
    drawn = rng.dirichlet(np.ones(k), size=SIMULATED)
    order = np.argsort(-surrogate(drawn), kind="stable")[: int(SIMULATED * KEPT)]
    return drawn[order].mean(axis=0)


def heat(surrogate: Surrogate, k: int, pair: tuple[int, int], at: Array, steps: int = 21) -> tuple[Array, Array]:
    """The surrogate over two weights, the others sharing what is left as they do at `at`.

    Returns:
        axis (steps,) shares from 0 to 1, and (steps, steps) values, [row of the second, column of the first], NaN where
        the two sum to more than 1.
    """
    a, b = pair
    axis = np.linspace(0, 1, steps)
    others = np.array([0.0 if column in pair else max(float(at[column]), 0.0) for column in range(k)])
    if k > 2 and others.sum() <= 0:
        others = np.array([0.0 if column in pair else 1.0 for column in range(k)])
    values = np.full((steps, steps), np.nan)
    for row, second in enumerate(axis):
        for column, first in enumerate(axis):
            rest = 1 - first - second
            if rest < -1e-9 or (k == 2 and abs(rest) > 1e-9):
                continue
            w = others / others.sum() * max(rest, 0.0) if k > 2 else np.zeros(k)
            w[a], w[b] = first, second
            values[row, column] = surrogate(w[None])[0]
    return axis, values


def distinct(settings: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The settings without those that repeat an earlier one, in order."""
    found: dict[str, dict[str, int]] = {}
    for name, weights in settings.items():
        if dict(weights) not in found.values():
            found[name] = dict(weights)
    return found
