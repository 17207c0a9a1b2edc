"""Run kind `tune`: learn the slider weights on examples that have labels, in three ways, and hold them against chance.

params and inputs as of `proof`, and label_quality (quality is the out-of-fold confidence in a label). Rewards come from
the reward part of the held-out labels, the choice between ways from the choice part, the numbers from the report part.
checkpoints/: fits.jsonl, every fit made, and study.log of the search; a later attempt goes on from them.
result/: tune.json, a table of trials, settings and paths with the facts as its note.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from studio import findings
from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.records import VIEWS, Array, AuditResult
from studio.selection import policy, proof, proxy, proxy_arms, tuning
from studio.selection.recipe import recipe_from_json
from studio.tasks import proof_rows

log = logging.getLogger(__name__)
AUDIT = "tune"
EQUAL, OWN, RANDOM = "equal", "own", "random"
SURROGATE, SEARCH, POLICY = "surrogate", "search", "policy"
REWARD, CHOICE, REPORT = range(3)
DOUBTFUL = 20


def run(task: Task) -> dict[str, Any]:
    """Learn weights and compare them.

    Raises:
        SelectionError: too few labels, or fewer than two views with scores.
    """
    started = time.monotonic()
    task.progress(0, 0, "proof.run.reading")
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


class _Tuning:
    """The fits of one study: remembered by weights and seed, so that a later attempt goes on where this one ended."""

    def __init__(self, task: Task) -> None:
        self.task, params = task, task.spec.params
        self.recipe = replace(recipe_from_json(params["recipe"]), strategy="weighted_sum")
        self.material = proof_rows.read(task, self.recipe)
        self.given, self.n = self.material.given, len(self.material.given)
        self.views = [str(view) for view in np.array(VIEWS)[self.given.scored]]
        if len(self.views) < 2:
            raise SelectionError("Weights can only be learned between two views or more", got=len(self.views),
                                 fix="Prepare the scores of another view.")  # fmt: skip
        self.size = max(proof.FEWEST, int(
            tuning.SUBSAMPLE * proof.own_size(int(params["budget"]), int(params["n_pool"]), self.n)[0]
        ))  # fmt: skip
        self.part = [np.flatnonzero(self.material.held == part) for part in range(3)]
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

    def chosen(self, weights: Mapping[str, int], seed: int) -> Array:
        """Rows the weights take from the 80 % of the rows that belong to a seed."""
        barred = np.ones(self.n, dtype=np.int16)
        inside = proxy_arms.draw(self.n, max(2, int(self.n * tuning.SUBSAMPLE)), self.task.spec.seed, seed)
        barred[inside] = 0
        if self.given.matrix.barred is not None:
            barred |= (self.given.matrix.barred != 0).astype(np.int16)
        matrix = replace(self.given.matrix, barred=barred, barred_codes=("", "threshold"))
        rows = proxy_arms.choose(replace(self.given, matrix=matrix, weights=weights), self.recipe, self.size)
        proxy_arms.check_usable(rows)
        return np.sort(rows)

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
        import optuna  # heavy package, only this run comes here
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = JournalStorage(JournalFileBackend(str(self.task.checkpoints_dir / "study.log")))
        names = [f"u_{view}" for view in self.views]
        study = optuna.create_study(
            study_name="weights", storage=storage, direction="maximize", load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=self.task.spec.seed),
        )  # fmt: skip
        while len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))) < tuning.TRIALS:
            trial = study.ask()
            shares = tuning.from_uniform([trial.suggest_float(name, 0.0, 1.0) for name in names])
            study.tell(trial, self.trial(SEARCH, trial.number, shares))
        best = tuning.from_uniform([study.best_params[name] for name in names])
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
        drawn = [np.sort(proxy_arms.draw(self.n, self.size, seed, 1_000 + i)) for i in range(tuning.RANDOM_DRAWS)]
        chance = np.stack([self.material.judge(rows)[report] for rows in drawn])
        choice = {name: float(np.mean([self.outcome(weights, number)[CHOICE] for number in seeds]))
                  for name, weights in settings.items()}  # fmt: skip
        for name, weights in settings.items():
            rng = np.random.default_rng([seed, 12])
            equal = proof.against_draws(hard[name], hard[EQUAL], rng, paired=True)
            random = proof.against_draws(hard[name], chance, rng)
            self.rows.append({"kind": "setting", "way": name, "choice": choice[name], "value": random.value, **weights,
                              **{f"equal_{part}": value for part, value in asdict(equal).items()},
                              **{f"random_{part}": value for part, value in asdict(random).items()},
                              "beats_equal": bool(equal.low > 0), "beats_random": bool(random.low > 0)})  # fmt: skip
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
