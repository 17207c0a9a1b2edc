"""The labelled rows a study of weights chooses from, and whom given weights take, whatever is trained on them then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.records import VIEWS, Array
from studio.selection import proof, proxy, proxy_arms, tuning
from studio.selection.recipe import recipe_from_json
from studio.tasks import proof_rows

REWARD, CHOICE, REPORT = range(len(proxy.PARTS))
EQUAL, OWN, SEARCH = "equal", "own", "search"


class Chooser:
    """Who is chosen: the recipe's limits with any weights, from the 80 % of the rows that belong to a seed.

    Raises:
        SelectionError: too few labels, or fewer than two views with scores.
    """

    def __init__(self, task: Task) -> None:
        self.task, params = task, task.spec.params
        self.recipe = replace(recipe_from_json(params["recipe"]), strategy="weighted_sum")
        self.material = proof_rows.read(task, self.recipe)
        self.given, self.n = self.material.given, len(self.material.given)
        self.views = [str(view) for view in np.array(VIEWS)[self.given.scored]]
        if len(self.views) < 2:
            raise SelectionError("Weights can only be learned between two views or more", got=len(self.views),
                                 fix="Prepare the scores of another view.")  # fmt: skip
        own = proof.own_size(int(params["budget"]), int(params["n_pool"]), self.n)[0]
        self.size = tuning.size_of(own)
        self.part = [np.flatnonzero(self.material.held == part) for part in range(len(proxy.PARTS))]

    def inside(self, seed: int) -> Array:
        """Rows of the 80 % that belong to a seed."""
        return proxy_arms.draw(self.n, max(2, int(self.n * tuning.SUBSAMPLE)), self.task.spec.seed, seed)

    def chosen(self, weights: Mapping[str, int], seed: int) -> Array:
        """Rows the weights take from the 80 % of the rows that belong to a seed, ascending."""
        barred = np.ones(self.n, dtype=np.int16)
        barred[self.inside(seed)] = 0
        if self.given.matrix.barred is not None:
            barred |= (self.given.matrix.barred != 0).astype(np.int16)
        matrix = replace(self.given.matrix, barred=barred, barred_codes=("", "threshold"))
        rows = proxy_arms.choose(replace(self.given, matrix=matrix, weights=weights), self.recipe, self.size)
        proxy_arms.check_usable(rows)
        return np.sort(rows)


def setting_row(
    way: str, weights: Mapping[str, int], choice: float, arm: Array, equal: Array, chance: Array, seed: int, *,
    paired: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """A setting against equal weights and against random draws on the report part.

    Row i of `arm` and of `equal` had the same examples to choose from, and where `paired` row i of `chance` too.
    """
    rng = np.random.default_rng([seed, 12])
    beside = proof.against_draws(arm, equal, rng, paired=True)
    random = proof.against_draws(arm, chance, rng, paired=paired)
    return {"kind": "setting", "way": way, "choice": choice, "value": random.value, **weights,
            **{f"equal_{part}": value for part, value in asdict(beside).items()},
            **{f"random_{part}": value for part, value in asdict(random).items()},
            "beats_equal": bool(beside.low > 0), "beats_random": bool(random.low > 0)}  # fmt: skip
