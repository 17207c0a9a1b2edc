"""Run kind `tune` where a trial is a real round: weights choose, the trainer of a plan trains, held-out labels judge.

params besides those of `tune`: plan, trials. inputs besides: plan_vectors (vectors.npy of the plan's base) where they
are stored, and in `given` pool.npy (rows a model from scratch may read). Each training has the seed of the plan plus
its number and looks at the reward part where a round looks at validation; the choice part decides between the settings
with the highest rewards, the report part is read once, of the best of them, equal weights and random draws.
checkpoints/: study.log of the search, trainings.jsonl of every one that is over, .fit of the one at work.
metrics.jsonl: a line per trial, read while it runs. result/: tune.json.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from studio import findings
from studio.errors import SelectionError
from studio.jobs.task import Task
from studio.models import choose_device
from studio.records import Array, AuditResult
from studio.selection import tuning
from studio.tasks import proof_rows, tune_search
from studio.tasks.tune_rows import CHOICE, EQUAL, OWN, REPORT, REWARD, SEARCH, Chooser, setting_row
from studio.training.fit import answers, fit
from studio.training.plan import check_allowed, from_json
from studio.training.trainer import Labelled

log = logging.getLogger(__name__)
AUDIT = "tune_rounds"
# Rows of what a training says of every held-out example. Where the right label stands in the model's order is what
# rewards are made of: its probability says more of how many labels a model knows than of how well it tells them apart.
RIGHT, PLACE = range(2)
_LARGEST_SEED = 2**31 - 1
_FIT, _OVER = ".fit", "trainings.jsonl"


def run(task: Task) -> dict[str, Any]:
    """Search weights by real rounds and compare what is found.

    Raises:
        SelectionError: too few labels, or fewer than two views with scores.
        PlanError: the plan cannot be trained.
        StopRequested: someone asked the run to end; trainings that are over stay, and checkpoints of the one at work.
    """
    started = time.monotonic()
    study = _Rounds(task)
    task.barrier("tune_trials")
    tried = study.search()
    facts = study.compare(tried)
    facts |= {"seconds": round(time.monotonic() - started, 1), "seed": task.spec.seed} | dict(task.spec.params["facts"])
    table = pd.DataFrame(study.rows)
    text = findings.to_json(AuditResult(AUDIT, (), table, (json.dumps(facts, ensure_ascii=False),)))
    (task.result_dir / "tune.json").write_text(text, encoding="utf-8")
    log.info("tune rounds rows=%d trainings=%d", study.n, len(study.known))
    return {"n": study.n, "trainings": len(study.known), "seconds": facts["seconds"]}


def standing(probs: Array, known: Sequence[str], right: Sequence[str]) -> tuple[Array, Array]:
    """Whether the right label has the highest probability, and 1 / its place in the order of probabilities.

    place = 1 + number of labels above it + half of those level with it; a label the model does not know counts 0.

    Args:
        probs: (m, c).
        known: names of the c labels.
        right: m names.

    Returns:
        two (m,) float64.

    Paper: voorhees-1999 (the mean of the second is the mean reciprocal rank)

    Example:
        >>> [part.tolist() for part in standing(np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]]), "abc", "cd")]
        [[0.0, 0.0], [0.5, 0.0]]
    """
    column = {label: number for number, label in enumerate(known)}
    at = np.array([column.get(label, -1) for label in right])
    own = probs[np.arange(len(at)), at][:, None]
    places = 1 + (probs > own).sum(axis=1) + 0.5 * ((probs == own).sum(axis=1) - 1)
    return (probs.argmax(axis=1) == at).astype(np.float64), np.where(at >= 0, 1 / places, 0.0)


class _Inside:
    """What a single training may say of itself within the study: how far it is, and whether to stop."""

    def __init__(self, task: Task, done: int, total: int) -> None:
        self._task, self._done, self._total, self._share = task, done, total, 0.0

    def progress(self, step: int, total: int, message: str = "") -> None:
        self._share = max(self._share, 0.95 * step / total if total else 0.0)
        self._task.progress(self._done + self._share, self._total, "learn.run.training")

    def metric(self, step: int, **values: Any) -> None:
        """The lines of the run are its trials."""

    def event(self, name: str, /, **values: Any) -> None:
        """Nothing of one training among dozens is worth a line."""

    def checkpoint(self, name: str) -> None:
        """Its checkpoint goes with it."""

    def stop_requested(self) -> str | None:
        return self._task.stop_requested()

    def check_stop(self) -> None:
        self._task.check_stop()

    def barrier(self, name: str) -> None:
        self._task.barrier(name)


class _Rounds(Chooser):
    """The trainings of one study: remembered by who was chosen and their number, so that none is made twice."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        params = task.spec.params
        if self.material.kind != proof_rows.HEAD:
            raise SelectionError("Rounds can only be trained on examples that have labels", got=self.material.kind,
                                 fix="Learn the weights with the small stand-in model.")  # fmt: skip
        self.plan = from_json(params["plan"])
        check_allowed(self.plan, task.settings.model_allow_list)
        self.device = choose_device(task.settings.device)
        self.trials = int(params["trials"])
        frame = pd.read_parquet(task.input_path("given") / proof_rows.ROWS)
        train, held = frame[frame["part"] == "train"], frame[frame["part"] == "held"]
        self.places, self.held_places = train["row"].to_numpy(), held["row"].to_numpy()
        self.labels, self.held_labels = train["label"].tolist(), held["label"].tolist()
        self.held_texts = proof_rows.texts_of(task, self.held_places)
        pool = task.input_path("given") / "pool.npy"
        self.corpus = proof_rows.texts_of(task, np.load(pool, allow_pickle=False)) if pool.exists() else []
        self.vectors = None
        if "plan_vectors" in task.spec.inputs:
            self.vectors = np.load(task.input_path("plan_vectors"), mmap_mode="r", allow_pickle=False)
        self.equal = tuning.as_weights(np.ones(len(self.views)), self.views)
        own = np.array([params["weights"][view] for view in self.views], dtype=np.float64)
        self.own = tuning.as_weights(own / own.sum(), self.views) if own.sum() > 0 else self.equal
        self.total = tuning.n_trainings(self.trials, with_own=self.own != self.equal)
        self.rows: list[dict[str, Any]] = []
        self.known = self._read_known()

    # --- trainings ----------------------------------------------------------------------------------------------------
    def _read_known(self) -> dict[str, Array]:
        path = self.task.checkpoints_dir / _OVER
        tune_search.mend(path)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else ()
        return {key: np.array(values) for key, values in map(json.loads, lines)}

    def outcome(self, rows: Array, repeat: int) -> Array:
        """(2, m) of every held-out example whether its label was found, and 1 / its place, by a model of these rows.

        The same rows with the same number are trained once.
        """
        key = hashlib.sha256(f"{repeat} {rows.tolist()}".encode()).hexdigest()[:24]
        self.task.check_stop()
        self.task.progress(len(self.known), self.total, "learn.run.training")
        if key not in self.known:
            self.task.barrier(f"tune_training_{len(self.known)}")
            found = self._train(rows, repeat, key)
            with (self.task.checkpoints_dir / _OVER).open("a", encoding="utf-8") as handle:
                handle.write(json.dumps([key, found.tolist()]) + "\n")
            self.known[key] = found
            shutil.rmtree(self.task.checkpoints_dir / _FIT, ignore_errors=True)
        return self.known[key]

    def _train(self, rows: Array, repeat: int, key: str) -> Array:
        labels = [self.labels[row] for row in rows]
        if len(set(labels)) < 2:  # no trainer takes it; a model that knows one label gives that label
            constant = np.array([label == labels[0] for label in self.held_labels], dtype=np.float64)
            return np.stack([constant, constant])
        reward = self.part[REWARD]
        fitted = fit(
            replace(self.plan, seed=(self.plan.seed + repeat) % _LARGEST_SEED),
            Labelled([self.given.texts[row] for row in rows], labels, vectors=self._vectors(self.places[rows])),
            Labelled([self.held_texts[i] for i in reward], [self.held_labels[i] for i in reward]),
            corpus=self.corpus, checkpoints_dir=self._folder(key),
            reporter=_Inside(self.task, len(self.known), self.total), device=self.device,
            allow_list=self.task.settings.model_allow_list,
        )  # fmt: skip
        probs = answers(fitted, self.held_texts, vectors=self.vectors, rows=self.held_places,
                        on_batch=lambda done, total: self.task.check_stop())  # fmt: skip
        return np.stack(standing(probs, fitted.classifier.labels, self.held_labels))

    def _folder(self, key: str) -> Any:
        """Where the checkpoints of this training lie; those of another one, left by a kill, are removed."""
        root = self.task.checkpoints_dir / _FIT
        for other in root.iterdir() if root.is_dir() else ():
            if other.name != key:
                shutil.rmtree(other, ignore_errors=True)
        folder = root / key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _vectors(self, places: Array) -> Array | None:
        return None if self.vectors is None else np.asarray(self.vectors[places], dtype=np.float32)

    # --- searching ----------------------------------------------------------------------------------------------------
    def reward(self, number: int, shares: Array) -> float:
        """What one trial is worth; said in a line of metrics at once."""
        weights = tuning.as_weights(shares, self.views)
        found = self.outcome(self.chosen(weights, 0), 0)
        value = float(found[PLACE][self.part[REWARD]].mean())
        self.task.metric(number, reward=value, **weights)
        return value

    def search(self) -> list[tune_search.Tried]:
        """Equal weights, the person's own, then where earlier trials did well."""
        first = [np.array([one[view] for view in self.views], dtype=np.float64) for one in self._known_settings()]
        by_chance = max(4, self.trials // 3)  # ours: of a dozen trials Optuna's ten would leave the search two
        tried = tune_search.search(self.task.checkpoints_dir / "study.log", self.views, self.trials, self.reward,
                                   seed=self.task.spec.seed, first=first, by_chance=by_chance)  # fmt: skip
        for one in tried:
            self.rows.append({"kind": "trial", "way": SEARCH, "step": one.number, "reward": one.reward,
                              **tuning.as_weights(one.shares, self.views)})  # fmt: skip
        return tried

    def _known_settings(self) -> list[dict[str, int]]:
        return [self.equal] if self.own == self.equal else [self.equal, self.own]

    def finalists(self, tried: list[tune_search.Tried]) -> list[tuple[dict[str, int], float]]:
        """The settings with the highest rewards that were learned, no two with the same choice; ties to the earlier."""
        barred = {tuple(self.chosen(one, 0)) for one in self._known_settings()}
        found: list[tuple[dict[str, int], float]] = []
        for one in sorted(tried, key=lambda one: (-one.reward, one.number)):
            weights = tuning.as_weights(one.shares, self.views)
            rows = tuple(self.chosen(weights, 0))
            if rows not in barred and len(found) < tuning.FINALISTS:
                barred.add(rows)
                found.append((weights, one.reward))
        return found

    # --- comparing ----------------------------------------------------------------------------------------------------
    def _arms(self, weights: Mapping[str, int], repeats: int) -> Array:
        """(repeats, 2, m) outcomes of a setting, each from other 80 % of the rows."""
        return np.stack([self.outcome(self.chosen(weights, number), number) for number in range(repeats)])

    def _choice(self, weights: Mapping[str, int]) -> float:
        found = self._arms(weights, tuning.CHOICE_REPEATS)
        return float(found[:, PLACE][:, self.part[CHOICE]].mean())

    def compare(self, tried: list[tune_search.Tried]) -> dict[str, Any]:
        """The best few on the choice part; the best of them, equal weights and random draws on the report part."""
        judged = [(weights, reward, self._choice(weights)) for weights, reward in self.finalists(tried)]
        best = max(range(len(judged)), key=lambda place: judged[place][2], default=None)
        for place, (weights, reward, choice) in enumerate(judged):
            self.rows.append({"kind": "finalist", "way": SEARCH, "step": place, "reward": reward, "choice": choice,
                              "chosen": place == best, **weights})  # fmt: skip
        settings = {EQUAL: self.equal} | ({} if self.own == self.equal else {OWN: self.own})
        if best is not None:
            settings = {SEARCH: judged[best][0], **settings}
        report, repeats = self.part[REPORT], tuning.REPORT_REPEATS
        right = {name: self._arms(weights, repeats)[:, RIGHT][:, report] for name, weights in settings.items()}
        chance = np.stack([self.outcome(self._drawn(number), number)[RIGHT][report] for number in range(repeats)])
        for name, weights in settings.items():
            self.rows.append(setting_row(name, weights, self._choice(weights), right[name], right[EQUAL], chance,
                                         self.task.spec.seed, paired=True))  # fmt: skip
        return self._facts(settings, chance, tried)

    def _drawn(self, number: int) -> Array:
        """Rows drawn by chance from the 80 % the settings of that number chose from, without those filtered out."""
        inside, barred = self.inside(number), self.given.matrix.barred
        return np.sort((inside if barred is None else inside[barred[inside] == 0])[: self.size])

    def _facts(self, settings: Mapping[str, Any], chance: Array, tried: list[tune_search.Tried]) -> dict[str, Any]:
        params = self.task.spec.params
        learned = {SEARCH: settings[SEARCH]} if SEARCH in settings else {}
        return {
            "kind": self.material.kind, "trial": "round", "plan": self.plan.to_json(), "views": self.views,
            "n_rows": self.n, "size": self.size, "n_trials": self.trials, "fits": len(self.known),
            "n_reward": len(self.part[REWARD]), "n_choice": len(self.part[CHOICE]),
            "n_report": len(self.part[REPORT]), "n_held": len(self.material.held), "learned": learned,
            "chosen": SEARCH if learned else "", "random": float(chance.mean()), "device": self.device,
            "label_quality": bool(params.get("label_quality")), "again": sorted(params.get("again", {})),
            "n_settings": len(settings), "n_classes": self.material.n_classes, **self._surface(tried),
        }  # fmt: skip

    def _surface(self, tried: list[tune_search.Tried]) -> dict[str, Any]:
        """A surface through the trials, where there are more of them than it has terms."""
        k = len(self.views)
        if len(tried) <= k * (k + 1) // 2:
            return {}
        made = tuning.fit_surrogate(np.array([one.shares for one in tried]), np.array([one.reward for one in tried]))
        best = tuning.best_weights(made, k, np.random.default_rng([self.task.spec.seed, 10]))
        return {"surface": {"coefficients": made.coefficients.tolist(), "ridge": made.ridge, "error": made.error,
                            "spread": made.spread, "explained": made.explained, "best": best.tolist()}}  # fmt: skip
