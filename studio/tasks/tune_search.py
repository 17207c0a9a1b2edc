"""A search over weights by Optuna, stored at every step: a later attempt goes on at the trial the last one was in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.records import Array
from studio.selection import tuning

STUDY, STREAM = "weights", 13
FIRST_BY_CHANCE = 10  # Optuna's own default


@dataclass(frozen=True)
class Tried:
    """One trial: its number, the weights (k,) and the reward they got."""

    number: int
    shares: Array
    reward: float


def search(
    path: Path, views: Sequence[str], n_trials: int, reward: Callable[[int, Array], float], *, seed: int,
    first: Sequence[Array] = (), by_chance: int = FIRST_BY_CHANCE,
) -> list[Tried]:  # fmt: skip
    """Trials in order, those of earlier attempts among them.

    Every trial has a sampler with a seed of its own, so what is tried hangs on the trials before it and on nothing that
    a killed worker takes with it: an interrupted search tries the same weights as an unbroken one.

    Args:
        path: the study's journal.
        views: k names.
        n_trials: how many in all.
        reward: (number, (k,) weights) -> what they are worth, high = good; may raise to stop.
        seed: of what is tried.
        first: weights that are tried before any others.
        by_chance: how many trials are placed by chance before the search learns from them.

    Paper: optuna-2019
    """
    import optuna  # heavy package, only this run comes here
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import Trial, TrialState

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mend(path)
    study = optuna.create_study(study_name=STUDY, storage=JournalStorage(JournalFileBackend(str(path))),
                                direction="maximize", load_if_exists=True)  # fmt: skip
    names = [f"u_{view}" for view in views]
    for shares in first:
        given = dict(zip(names, tuning.to_uniform(shares), strict=True))
        study.enqueue_trial(given, skip_if_exists=True)
    while True:
        known = study.get_trials(deepcopy=False)
        over = [one for one in known if one.state == TrialState.COMPLETE]
        if len(over) >= n_trials:
            break
        begun = [one for one in known if one.state == TrialState.RUNNING]
        number = begun[0].number if begun else sum(one.state != TrialState.WAITING for one in known)
        own_seed = int(np.random.default_rng([seed, STREAM, number]).integers(2**31))
        study.sampler = optuna.samplers.TPESampler(seed=own_seed, n_startup_trials=by_chance)
        trial = Trial(study, begun[0]._trial_id) if begun else study.ask()
        u = [trial.suggest_float(name, 0.0, 1.0) for name in names]
        study.tell(trial, reward(trial.number, tuning.from_uniform(u)))
    ordered = sorted(over, key=lambda one: one.number)
    return [Tried(one.number, tuning.from_uniform([one.params[name] for name in names]), float(one.value))
            for one in ordered]  # fmt: skip


def mend(path: Path) -> None:
    """Take back what a kill left: a line cut off in the middle, and the lock of a writer that is gone.

    One worker at a time has the run (its own lock says so), so nobody else writes here.
    """
    lock = path.with_name(path.name + ".lock")
    if lock.is_symlink() or lock.exists():
        lock.unlink()
    if not path.exists():
        return
    whole = path.read_bytes()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        with path.open("r+b") as handle:
            handle.truncate(end)
