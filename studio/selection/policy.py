"""A policy that chooses rows by their view scores, learned by trial: REINFORCE, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from studio.errors import SelectionError
from studio.records import Array
from studio.selection.weights import TOTAL, largest_remainder

STEPS, BATCH = 60, 8  # ours: 480 small fits a chain
RATE = 0.5  # ours: share of the rows a draw takes; what is learned is the order, not how many
STEP_SIZE, MEMORY = 0.6, 0.9  # ours
CHAINS = 4  # ours: independent starts, whose spread says which parts of theta are chance
SURE = 3.18  # Student's t of 95 % with CHAINS - 1 = 3 degrees of freedom: standard errors that chance alone reaches
LARGEST = 12.0  # ours: beyond it more theta changes nobody's place

# (rows,) row numbers -> reward, high = good
Reward = Callable[[Array], float]


@dataclass(frozen=True, eq=False)
class Learned:
    """What was learned: theta (k,) with its standard error, the path (steps, k + 1) of theta and mean reward per chain.

    `policy` is theta shrunk by how sure its parts are, those not told from chance being 0; `negative` names the columns
    clipped for a slider setting, because a slider cannot ask for less of a view.
    """

    theta: Array
    error: Array
    policy: Array
    paths: Array
    n_draws: int

    @property
    def negative(self) -> tuple[int, ...]:
        """Columns of views the policy avoids."""
        return tuple(int(column) for column in np.flatnonzero(self.policy < 0))

    @property
    def shares(self) -> Array | None:
        """(k,) the policy as shares that sum to 1, negative parts as 0; None where nothing positive is left."""
        kept = np.maximum(self.policy, 0.0)
        return kept / kept.sum() if kept.sum() > 0 else None

    @property
    def weights(self) -> list[int] | None:
        """The policy as whole slider weights summing to 100, or None where it prefers no view."""
        return None if self.shares is None else largest_remainder(self.shares.tolist(), TOTAL)


def chances(theta: Array, u: Array, rate: float) -> Array:
    """(n,) pi_i = sigmoid(theta . u_i + b), with b such that the mean of pi is `rate`.

    Holding the mean fixed leaves theta the one question a slider can answer: who before whom.
    """
    scores = u @ theta
    low, high = -scores.max() - 40.0, -scores.min() + 40.0
    for _ in range(80):
        middle = (low + high) / 2
        if _sigmoid(scores + middle).mean() < rate:
            low = middle
        else:
            high = middle
    return _sigmoid(scores + (low + high) / 2)


def _sigmoid(x: Array) -> Array:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def log_chance(theta: Array, u: Array, taken: Array, rate: float) -> float:
    """Natural log of the probability that the policy takes exactly these rows."""
    p = chances(theta, u, rate)
    return float(np.log(np.where(taken, p, 1 - p)).sum())


def slope(theta: Array, u: Array, taken: Array, rate: float) -> Array:
    """(k,) gradient of `log_chance` by theta: sum_i (a_i - pi_i) (u_i - ū), ū the mean of u weighted by pi (1 - pi).

    The second term is what b gives way when theta moves.
    """
    p = chances(theta, u, rate)
    spread = p * (1 - p)
    mean = (spread[:, None] * u).sum(axis=0) / spread.sum()
    return (taken - p) @ (u - mean)


def learn(
    u: Array,
    reward: Reward,
    rng: np.random.Generator,
    *,
    steps: int = STEPS,
    batch: int = BATCH,
    rate: float = RATE,
    chains: int = CHAINS,
) -> Learned:
    """REINFORCE with a moving-average baseline: take rows by chance, fit, and make what went well likelier.

    theta <- theta + eta g / sqrt(mean of the squares of all parts of all g so far), with g the mean over the batch of
    (reward - baseline) * slope; baseline <- 0.9 baseline + 0.1 mean reward. One scale for all parts: their proportion
    is what a slider is asked for. Each chain's answer is the mean theta of its second half; the policy is their mean,
    every part shrunk by 1 - (3.18 se / theta)^2 and 0 below 3.18 standard errors: what may be chance counts less.

    Args:
        u: (n, k) unit scores, NaN counts as 0.5.
        reward: of a set of rows.
        rng: draws; every chain has its own stream.
        steps: of each chain.
        batch: draws a step.
        rate: share of the rows a draw takes.
        chains: independent starts, at least 2.

    Raises:
        SelectionError: no rows, no view, or fewer than two chains.

    Paper: reinforce-1992
    Paper: dvrl-2020 (rows valued by a policy whose reward is held-out performance; here linear in four scores)
    """
    u = np.nan_to_num(np.asarray(u, dtype=np.float64), nan=0.5) - 0.5
    if u.ndim != 2 or not u.size or chains < 2:
        raise SelectionError("There is nothing a policy could learn from", got=u.shape, fix="Prepare the scores first.")
    found = [_chain(u, reward, stream, steps, batch, rate) for stream in rng.spawn(chains)]
    each = np.stack([path[steps // 2 :, :-1].mean(axis=0) for path in found])
    theta = each.mean(axis=0)
    error = each.std(axis=0, ddof=1) / np.sqrt(chains)
    policy = theta * np.maximum(0.0, 1 - np.square(SURE * error / np.maximum(np.abs(theta), 1e-12)))
    return Learned(theta, error, policy, np.stack(found), steps * batch * chains)


def _chain(u: Array, reward: Reward, rng: np.random.Generator, steps: int, batch: int, rate: float) -> Array:
    n, k = u.shape
    theta, squares = np.zeros(k), 0.0
    baseline: float | None = None
    path = np.empty((steps, k + 1))
    for step in range(steps):
        p = chances(theta, u, rate)
        taken = rng.random((batch, n)) < p
        rewards = np.array([reward(np.flatnonzero(own)) if own.any() else 0.0 for own in taken])
        baseline = float(rewards.mean()) if baseline is None else baseline
        gains = rewards - baseline
        slopes = np.stack([slope(theta, u, own, rate) for own in taken])
        move = (gains[:, None] * slopes).mean(axis=0)
        squares += float(np.square(move).mean())
        theta = np.clip(theta + STEP_SIZE * move / np.sqrt(max(squares / (step + 1), 1e-12)), -LARGEST, LARGEST)
        baseline = MEMORY * baseline + (1 - MEMORY) * float(rewards.mean())
        path[step] = [*theta, rewards.mean()]
    return path


def ranking_quality(scores: Array, is_good: Sequence[bool] | Array) -> float:
    """Area under the ROC curve: how often a good row scores above a bad one, ties counted half; NaN without both.

    auc = (R - g (g + 1) / 2) / (g b), R the sum of the mid-ranks of the g good rows among g + b
    """
    good = np.asarray(is_good, dtype=bool)
    g, b = int(good.sum()), int((~good).sum())
    if not g or not b:
        return float("nan")
    _, inverse, counts = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[inverse][good].sum() - g * (g + 1) / 2) / (g * b))
