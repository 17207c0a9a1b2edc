"""Run kind `proof`: does a recipe choose better than chance, shown on examples that have labels already.

params: recipe, weights (in force), kind (head, sets, tags or lm), budget, n_pool, columns, again (view -> measures put
together anew out of fold), needs, language, judged (held or report), key, facts. inputs: given (see proof_rows),
examples, vectors.
result/: study.json, a table of arms and sizes with the facts of the study as its note.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from studio import findings
from studio.jobs.task import Task
from studio.records import Array, AuditResult
from studio.selection import proof, proxy, proxy_arms
from studio.selection.recipe import Recipe, recipe_from_json
from studio.tasks import proof_rows
from studio.tasks.proof_rows import Material

log = logging.getLogger(__name__)
AUDIT = "proof"


def run(task: Task) -> dict[str, Any]:
    """Choose with the recipe, its baselines and chance at every size, fit a proxy for each, and compare.

    Raises:
        SelectionError: too few labelled or held-out examples, or a recipe none of them can be chosen by.
    """
    started = time.monotonic()
    task.progress(0, 0, "proof.run.reading")
    recipe = recipe_from_json(task.spec.params["recipe"])
    material = proof_rows.read(task, recipe)
    task.barrier("proof_arms")
    with threadpool_limits(1, user_api="blas"):  # small products: on a busy machine more threads wait, not work
        table, facts = _Study(task, recipe, material).all()
    facts |= {"seconds": round(time.monotonic() - started, 1), "seed": task.spec.seed} | dict(task.spec.params["facts"])
    text = findings.to_json(AuditResult(AUDIT, (), table, (json.dumps(facts, ensure_ascii=False),)))
    (task.result_dir / "study.json").write_text(text, encoding="utf-8")
    log.info("proof rows=%d held=%d fits=%d", len(material.given), len(material.held), facts["n_fits"])
    return {"n": len(material.given), "held": len(material.held), "fits": facts["n_fits"], "seconds": facts["seconds"]}


class _Study:
    """The fits of one study; `done` counts rows fitted, which is what the time goes into."""

    def __init__(self, task: Task, recipe: Recipe, material: Material) -> None:
        self.task, self.recipe, self.material = task, recipe, material
        self.given, self.n = material.given, len(material.given)
        params = task.spec.params
        self.allowed = self.given.allowed
        proxy_arms.check_allowed(len(self.allowed))
        self.own, self.is_share = proof.own_size(
            int(params["budget"]), int(params["n_pool"]), self.n, len(self.allowed)
        )
        self.chosen = proxy_arms.choose(self.given, recipe, self.own)
        proxy_arms.check_usable(self.chosen)
        self.asked = {len(self.chosen): self.own}  # size reached -> size asked for: limits scale with the second
        self.own = len(self.chosen)
        self.tried = proof.sizes(len(self.allowed), self.own)
        is_report = params["judged"] == proxy.PARTS[-1]
        self.judged = np.flatnonzero(material.held == 2) if is_report else np.arange(len(material.held))
        self.fits, self.done = 0, 0
        self.full: Array = np.empty(0)  # outcomes of all rows, those a filter or a missing score keeps out with them
        self.total = sum(self.tried) * (1 + proof.OTHER_DRAWS) + self.own * (proof.DRAWS + 24)

    def outcomes(self, rows: Array) -> Array:
        """Outcomes of a proxy fitted on these rows: (m,), or (m, c) codes where examples carry several labels."""
        self.task.check_stop()
        self.fits += 1
        found = self.material.judge(np.sort(rows))
        self.done += len(rows)
        self.task.progress(min(self.done, self.total - 1), self.total, "proof.run.fitting")
        return found

    def _many(self, times: int, rows_of: Callable[[int], Array]) -> Array:
        return np.stack([self.outcomes(rows_of(number)) for number in range(times)])

    def all(self) -> tuple[pd.DataFrame, dict[str, Any]]:
        """The table of arms (kind own) and sizes (kind curve), and the facts."""
        seed = self.task.spec.seed
        selection = self.outcomes(self.chosen)
        draws = self._many(proof.DRAWS, lambda number: self._drawn(self.own, number))
        rows = [self._arm(proxy_arms.SELECTION, self.chosen, selection[None], draws)]
        rows.append(self._arm(proxy_arms.RANDOM, None, draws, draws))
        if proxy_arms.stratified(self.given, 2, np.random.default_rng(0)) is not None:
            found = self._many(proof.OTHER_DRAWS, lambda number: self._stratum(seed, number))
            rows.append(self._arm(proxy_arms.STRATIFIED, None, found, draws))
        for name, taken in proxy_arms.baselines(self.given, self.recipe, self.own).items():
            found = self.outcomes(taken)
            self.full = found if name == proxy_arms.FULL else self.full
            rows.append(self._arm(name, taken, found[None], draws))
        curve, facts = self._curve(selection, draws)
        return pd.DataFrame(rows + curve), facts

    def _drawn(self, size: int, number: int) -> Array:
        """Rows of a random draw of those no filter or threshold keeps out."""
        return self.allowed[proxy_arms.draw(len(self.allowed), size, self.task.spec.seed, number)]

    def _stratum(self, seed: int, number: int) -> Array:
        found = proxy_arms.stratified(self.given, self.own, np.random.default_rng([seed, 1, number]))
        return found if found is not None else np.empty(0, dtype=np.int64)

    def _arm(self, name: str, taken: Array | None, outcomes: Array, draws: Array) -> dict[str, Any]:
        rng = np.random.default_rng([self.task.spec.seed, 2])
        found = proof.against_draws(outcomes[:, self.judged], draws[:, self.judged], rng)
        lengths = self.material.lengths
        mean = float(lengths.mean()) if lengths is not None else float("nan")
        n_rows = len(taken) if taken is not None else self.own
        own = float(lengths[taken].mean()) if taken is not None and lengths is not None else mean
        listed = proof.values(draws[:, self.judged]).tolist() if name == proxy_arms.SELECTION else []
        verdict = found.verdict if name != proxy_arms.RANDOM else "same"
        by_label = [proof.macro_f1(one[self.judged]) for one in outcomes if one.ndim > 1]
        macro = float(np.mean(by_label)) if by_label else float("nan")
        return {"kind": "own", "arm": name, "size": n_rows, "n_runs": len(outcomes), "characters": own, "macro": macro,
                **asdict(found), "verdict": verdict, "draws": listed}  # fmt: skip

    # --- threshold enumeration ----------------------------------------------------------------------------------------
    def _curve(self, own: Array, draws: Array) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        rows, tried, kept = [], [], []
        for size in self.tried:
            taken = self.chosen if size == self.own else proxy_arms.choose(self.given, self.recipe, size)
            if len(taken) < 2 or (tried and len(taken) <= tried[-1]):
                continue  # missing scores or limits leave no more rows than the size before
            is_own = size == self.own
            last = own if is_own else self.outcomes(taken)
            chance = draws if is_own else self._chance(len(taken))
            tried.append(len(taken))
            self.asked.setdefault(len(taken), size)
            kept.append(last)
            rows.append(self._point(len(taken), last, chance))
        outcomes = np.stack(kept)
        choice = self.material.held != 2
        best, within = proof.best_sizes(tried, outcomes[:, choice])
        return rows, self._facts(best, within, tried, outcomes, choice)

    def _chance(self, size: int) -> Array:
        times = 1 if size == len(self.allowed) else proof.OTHER_DRAWS
        return self._many(times, lambda number: self._drawn(size, number))

    def _point(self, size: int, outcomes: Array, chance: Array) -> dict[str, Any]:
        rng = np.random.default_rng([self.task.spec.seed, 3])
        low, high = proof.mean_interval(outcomes[self.judged], rng)
        each = proof.values(chance[:, self.judged])
        band = each[: proof.OTHER_DRAWS]  # as many at every size, or the own one would look wider than it is
        return {"kind": "curve", "arm": proxy_arms.SELECTION, "size": size, "n_runs": 1, "n_draws": len(each),
                "value": _value(outcomes[self.judged]), "low": low, "high": high, "n_band": len(band),
                "draws_mean": float(each.mean()), "draws_low": float(band.min()),
                "draws_high": float(band.max())}  # fmt: skip

    def _facts(self, best: int, within: int, tried: list[int], outcomes: Array, choice: Array) -> dict[str, Any]:
        params = self.task.spec.params
        report = ~choice
        winner: Mapping[str, float] = {}
        if report.any():
            found = outcomes[tried.index(within)][report]
            low, high = proof.mean_interval(found, np.random.default_rng([self.task.spec.seed, 4]))
            winner = {"value": _value(found), "low": low, "high": high,
                      "before": _value(outcomes[tried.index(within)][choice]),
                      "full": _value(self.full[report])}  # fmt: skip
        return {
            "kind": self.material.kind, "n_rows": self.n, "n_allowed": len(self.allowed),
            "has_limits": _has_limits(self.recipe), "is_predicted": proxy_arms.asks_predicted(self.recipe),
            "n_names": self.material.n_names, "n_held": len(self.material.held),
            "n_judged": len(self.judged), "n_choice": int(choice.sum()), "n_report": int(report.sum()),
            "own": self.own, "is_share": self.is_share, "budget": int(params["budget"]),
            "n_pool": int(params["n_pool"]),
            "asked": {str(size): self.asked[size] for size in tried}, "best": best, "within": within, "winner": winner,
            "n_fits": self.fits, "n_classes": self.material.n_classes,
            "judged": params["judged"], "recipe": dict(params["recipe"]), "weights": dict(params["weights"]),
            "again": sorted(params.get("again", {})), "n_leaks": int(params.get("n_leaks", 0)),
        }  # fmt: skip


def _value(outcomes: Array) -> float:
    return float(proof.values(outcomes[None])[0])


def _has_limits(recipe: Recipe) -> bool:
    return bool(recipe.caps or recipe.quotas or recipe.targets) or recipe.alpha is not None or recipe.tau is not None
