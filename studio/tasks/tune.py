"""Run kind `tune`: learn the slider weights on examples that have labels, in three ways, and hold them against chance.

params and inputs as of `proof`, trial (head; round: see tune_rounds), and label_quality (quality is the out-of-fold
confidence in a label). Rewards come from the reward part of the held-out labels, the choice between ways from the
choice part, the numbers from the report part.
checkpoints/: fits.jsonl, every fit made, and study.log of the search; a later attempt goes on from them.
result/: tune.json, a table of trials, settings and paths with the facts as its note.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from studio import findings
from studio.jobs.task import Task
from studio.records import VIEWS, Array, AuditResult
from studio.selection import policy, proxy, proxy_arms, tuning
from studio.tasks import proof_rows, tune_search
from studio.tasks.tune_rows import CHOICE, EQUAL, OWN, REPORT, REWARD, SEARCH, Chooser, setting_row

log = logging.getLogger(__name__)
AUDIT = "tune"
SURROGATE, POLICY = "surrogate", "policy"
DOUBTFUL = 20
HEAD, ROUND = "head", "round"  # what a trial is: the small head of the check, or the trainer of a plan


def run(task: Task) -> dict[str, Any]:
    """Learn weights and compare them.

    Raises:
        SelectionError: too few labels, or fewer than two views with scores.
    """
    started = time.monotonic()
    task.progress(0, 0, "proof.run.reading")
    if task.spec.params.get("trial") == ROUND:
        from studio.tasks import tune_rounds  # it loads torch, which fits of the small head do without

        return tune_rounds.run(task)
    study = _Tuning(task)
    task.barrier("tune_trials")
    study.draws()
    study.search()
    study.policy()
    facts = study.compare()
    facts |= {"seconds": round(time.monotonic() - started, 1), "seed": task.spec.seed} | dict(task.spec.params["facts"])
    table = pd.DataFrame(study.rows)
    text = findings.to_json(AuditResult(AUDIT, (), table, (json.dumps(facts, ensure_ascii=False),)))
    (task.result_dir / "tune.json").write_text(text, encoding="utf-8")
    log.info("tune rows=%d fits=%d", study.n, study.fits)
    return {"n": study.n, "fits": study.fits, "seconds": facts["seconds"]}


class _Tuning(Chooser):
    """The fits of one study: remembered by weights and seed, so that a later attempt goes on where this one ended."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.is_head = self.material.kind == proof_rows.HEAD
        self.soft = self.material.judge
        if self.is_head:
            m = self.material
            self.soft = proxy.soft_judge(m.x, m.y, m.held_x, m.held_y, m.n_classes)  # type: ignore[arg-type]
        self.rows: list[dict[str, Any]] = []
        self.settings: dict[str, dict[str, int]] = {EQUAL: tuning.as_weights(np.ones(len(self.views)), self.views)}
        self.facts: dict[str, Any] = {}
        self.fits, self.done = 0, 0
        k, one = len(self.views), policy.STEPS * policy.BATCH * policy.CHAINS if self.is_head else 0
        self.total = (tuning.DRAWS + k + 1 + tuning.TRIALS) * tuning.SEEDS + one + 5 * tuning.VERIFY_SEEDS + 20
        self.known = self._read_known()

    # --- fits ---------------------------------------------------------------------------------------------------------
    def _read_known(self) -> dict[tuple[Any, ...], Array]:
        path = self.task.checkpoints_dir / "fits.jsonl"
        known: dict[tuple[Any, ...], Array] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                weights, seed, values = json.loads(line)
            except ValueError:
                continue  # the line a kill cut off
            known[(*weights, seed)] = np.array(values)
        return known

    def _tick(self) -> None:
        self.task.check_stop()
        self.done += 1
        self.task.progress(min(self.done, self.total - 1), self.total, "learn.run.fitting")

    def outcome(self, weights: Mapping[str, int], seed: int) -> Array:
        """(2,) mean soft outcome on the reward and the choice part."""
        key = (*(int(weights[view]) for view in VIEWS), seed)
        self._tick()
        if key not in self.known:
            found = self.soft(self.chosen(weights, seed))
            self.fits += 1
            self.known[key] = np.array([found[self.part[REWARD]].mean(), found[self.part[CHOICE]].mean()])
            with (self.task.checkpoints_dir / "fits.jsonl").open("a", encoding="utf-8") as handle:
                handle.write(json.dumps([list(key[:-1]), seed, self.known[key].tolist()]) + "\n")
        return self.known[key]

    def trial(self, way: str, step: int, shares: Array) -> float:
        """The reward of some weights, over the seeds; kept as a row."""
        weights = tuning.as_weights(shares, self.views)
        reward = float(np.mean([self.outcome(weights, seed)[REWARD] for seed in range(tuning.SEEDS)]))
        self.rows.append({"kind": "trial", "way": way, "step": step, "reward": reward, **weights})
        return reward

    # --- three ways ---------------------------------------------------------------------------------------------------
    def draws(self) -> None:
        """Dirichlet draws, corners and centre; a quadratic surface through their rewards; where that is highest."""
        k, rng = len(self.views), np.random.default_rng([self.task.spec.seed, 10])
        tried = tuning.candidates(k, rng)
        rewards = np.array([self.trial(SURROGATE, step, shares) for step, shares in enumerate(tried)])
        surface = tuning.fit_surrogate(tried, rewards)
        best = tuning.best_weights(surface, k, rng)
        self.settings[SURROGATE] = tuning.as_weights(best, self.views)
        self.facts["surface"] = {"coefficients": surface.coefficients.tolist(), "ridge": surface.ridge,
                                 "error": surface.error, "spread": surface.spread,
                                 "explained": surface.explained, "best": best.tolist()}  # fmt: skip

    def search(self) -> None:
        """TPE over the simplex, stored after every trial, so that a later attempt goes on."""
        trials = tune_search.search(
            self.task.checkpoints_dir / "study.log", self.views, tuning.TRIALS,
            lambda number, shares: self.trial(SEARCH, number, shares), seed=self.task.spec.seed,
        )  # fmt: skip
        best = max(trials, key=lambda one: one.reward).shares
        self.settings[SEARCH] = tuning.as_weights(best, self.views)

    def policy(self) -> None:
        """REINFORCE on the view scores; for labels only, a language model is too slow to be fitted so often."""
        if not self.is_head:
            return
        columns = [VIEWS.index(view) for view in self.views]
        barred = self.given.matrix.barred
        open_ = np.arange(self.n) if barred is None else np.flatnonzero(barred == 0)
        u = self.given.matrix.unit[np.ix_(open_, columns)]

        def reward(rows: Array) -> float:
            self._tick()
            self.fits += 1
            return float(self.soft(open_[rows])[self.part[REWARD]].mean())

        rate = float(np.clip(self.size / (tuning.SUBSAMPLE * max(len(open_), 1)), 0.1, policy.RATE))
        found = policy.learn(u, reward, np.random.default_rng([self.task.spec.seed, 11]), rate=rate)
        for chain, path in enumerate(found.paths):
            for step, values in enumerate(path):
                thetas = {view: float(value) for view, value in zip(self.views, values, strict=False)}
                self.rows.append({"kind": "path", "way": POLICY, "chain": chain, "step": step,
                                  "reward": float(values[-1]), **thetas})  # fmt: skip
        names = dict(zip(self.views, found.theta.tolist(), strict=True))
        kept = dict(zip(self.views, found.policy.tolist(), strict=True))
        self.facts["policy"] = {"theta": names, "error": dict(zip(self.views, found.error.tolist(), strict=True)),
                                "policy": kept, "negative": [self.views[i] for i in found.negative],
                                "n_draws": found.n_draws, "rate": rate}  # fmt: skip
        if found.shares is not None:
            self.settings[POLICY] = tuning.as_weights(found.shares, self.views)
        scores = np.nan_to_num(u.astype(np.float64), nan=0.5) @ found.policy
        doubtful = np.argsort(scores, kind="stable")[:DOUBTFUL]
        self.facts["doubtful"] = self.given.matrix.ids[open_[doubtful]].tolist() if np.any(found.policy) else []

    # --- comparing ----------------------------------------------------------------------------------------------------
    def compare(self) -> dict[str, Any]:
        """Every setting on the choice part, the best learned one, and all of them on the report part."""
        own = {view: int(self.task.spec.params["weights"][view]) for view in VIEWS}
        settings = tuning.distinct(self.settings | {OWN: own})
        seed, seeds = self.task.spec.seed, range(tuning.VERIFY_SEEDS)
        report, hard = self.part[REPORT], {}
        for name, weights in settings.items():
            hard[name] = np.stack([self.material.judge(self.chosen(weights, number))[report] for number in seeds])
            self.fits += len(seeds)
        allowed = self.given.allowed
        drawn = [np.sort(allowed[proxy_arms.draw(len(allowed), self.size, seed, 1_000 + i)])
                 for i in range(tuning.RANDOM_DRAWS)]  # fmt: skip
        chance = np.stack([self.material.judge(rows)[report] for rows in drawn])
        choice = {name: float(np.mean([self.outcome(weights, number)[CHOICE] for number in seeds]))
                  for name, weights in settings.items()}  # fmt: skip
        for name, weights in settings.items():
            self.rows.append(setting_row(name, weights, choice[name], hard[name], hard[EQUAL], chance, seed))
        learned = {name: settings[name] for name in (SURROGATE, SEARCH, POLICY) if name in settings}
        best = max(learned, key=lambda name: choice[name]) if learned else ""
        params = self.task.spec.params
        return self.facts | {
            "kind": self.material.kind, "views": self.views, "n_rows": self.n, "size": self.size, "fits": self.fits,
            "n_reward": len(self.part[REWARD]), "n_choice": len(self.part[CHOICE]), "n_report": len(report),
            "n_held": len(self.material.held), "learned": learned, "chosen": best, "random": float(chance.mean()),
            "label_quality": bool(params.get("label_quality")), "again": sorted(params.get("again", {})),
            "n_settings": len(settings), "n_classes": self.material.n_classes,
        }  # fmt: skip
