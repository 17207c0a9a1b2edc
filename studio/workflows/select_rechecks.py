"""Every corpus audit of a choice or a saved selection, beside random draws of the same size: one run, kept by state."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio import audits
from studio.audits import headlines
from studio.corpus import dedup
from studio.errors import MeasureError
from studio.jobs import rundir
from studio.records import Actor, Array, Finding, RunSpec, Snapshot
from studio.selection.bands import DRAWS, PREFIX, random_draws
from studio.selection.draw_test import draws_needed
from studio.store import examples, findings, labels, scores, selections, snapshots
from studio.store.selections import FrozenSelection
from studio.workflows import (
    audits_copies,
    audits_inputs,
    audits_state,
    proposals_content,
    runs,
    select_apply,
    select_effect,
    starting,
)
from studio.workflows.acts import act
from studio.workflows.audits import FREE_UP_TO, LABEL_MODES, NAMES
from studio.workflows.runs import RunView
from studio.workflows.select import Choice
from studio.workflows.studio import Studio

KIND = AUDIT = ROOM = "choice_audit"
VERSION = audits.VERSION * 1_000 + headlines.VERSION
FILE = "draws.npz"
N_NUMBERS = sum(len(headline.numbers) for headline in headlines.HEADLINES)
_MOST_ROWS = 5e7  # rows shuffled or kept for all draws, some seconds; fixed, so the number of draws is repeatable
_LOOKED_AT = 30  # kept results, the newest, among which an older one of the same choice is looked for


@dataclass(frozen=True)
class Subject:
    """What is audited: `mark` names the choice whatever the state of labels, `key` with everything it rests on.

    Either `choice` or `frozen` is there.
    """

    snapshot_id: str
    label_mode: str
    mark: str
    key: str
    choice: Choice | None = None
    frozen: FrozenSelection | None = None


@dataclass(frozen=True)
class Rechecked:
    """A kept result. table: one row per number (see tasks.choice_audit); alarms: of the choice as if it were a corpus.

    facts: n, n_pool, draws (most a number is compared with), first (draws every number is compared with), seed, limits
    (same, none or lost) and label_mode. `is_older`: labels, scores or the pool have changed since.
    """

    table: pd.DataFrame
    alarms: tuple[Finding, ...]
    facts: Mapping[str, Any]
    computed_at: datetime
    is_older: bool = False

    def of(self, *verdicts: str) -> pd.DataFrame:
        """The rows of some verdicts."""
        return self.table[self.table["verdict"].isin(verdicts)]


def subject_of_choice(studio: Studio, snapshot: Snapshot, choice: Choice, label_mode: str = "visible") -> Subject:
    """The choice now, frozen or not."""
    own = select_apply.key_of(studio, snapshot.snapshot_id, choice.state, choice.pool, choice.recipe)
    return _subject(studio, snapshot, label_mode, f"choice {own}", own, choice=choice)


def subject_of_frozen(studio: Studio, frozen: FrozenSelection, label_mode: str = "visible") -> Subject:
    """A saved selection, among who is unlabelled now and itself.

    Raises:
        CorpusError: the snapshot is gone.
    """
    snapshot = snapshots.require(studio.store, frozen.snapshot_id)
    pool = selections.hash_ids(np.asarray(labels.pool_left(studio.store, frozen.snapshot_id), dtype=np.int64))
    return _subject(studio, snapshot, label_mode, f"selection {frozen.selection_id}", pool, frozen=frozen)


def _subject(
    studio: Studio, snapshot: Snapshot, label_mode: str, mark: str, rests_on: str, **of: Choice | FrozenSelection
) -> Subject:
    if label_mode not in LABEL_MODES:
        raise MeasureError("There is no such choice of labels", got=label_mode,
                           fix=f"Use {' or '.join(LABEL_MODES)}.")  # fmt: skip
    mark = f"{mark} {label_mode}"
    state = audits_state.current(studio, snapshot, label_mode)
    key = audits_state.digest({"state": state, "mark": mark, "rests_on": rests_on,
                               "copies": [dedup.VERSION, dedup.JACCARD]})  # fmt: skip
    return Subject(snapshot.snapshot_id, label_mode, mark, key, **of)


def kept(studio: Studio, subject: Subject) -> Rechecked | None:
    """The result of exactly this state, else the newest of the same choice, or None."""
    found = findings.get(studio.store, subject.snapshot_id, AUDIT, VERSION, subject.key)
    is_older = found is None
    if found is None:
        found = _newest(studio, subject.snapshot_id, lambda facts: facts.get("mark") == subject.mark)
    return None if found is None else _read(*found, is_older)


def _newest(
    studio: Studio, snapshot_id: str, is_meant: Callable[[Mapping[str, Any]], bool]
) -> tuple[Any, datetime] | None:
    listed = findings.states(studio.store, snapshot_id, AUDIT, VERSION, _LOOKED_AT)
    every = findings.get_many(studio.store, snapshot_id, VERSION, [(AUDIT, key) for key in listed])
    own = [one for one in every.values() if is_meant(json.loads(one[0].notes[0]))]
    return max(own, key=lambda one: one[1], default=None)


def _state(studio: Studio, snapshot: Snapshot, label_mode: str) -> str:
    return audits_state.digest(audits_state.current(studio, snapshot, label_mode))


def _read(result: Any, moment: datetime, is_older: bool) -> Rechecked:
    table = result.table.copy()
    for name in ("value", "median", "low", "high", "p", "q", "pool"):
        table[name] = pd.to_numeric(table[name], errors="coerce").astype(np.float64)
    order = {name: at for at, name in enumerate(("more", "less", "open", "slight", "within", "silent"))}
    table = table.sort_values("verdict", key=lambda own: own.map(order), kind="stable", ignore_index=True)
    return Rechecked(table, result.findings, json.loads(result.notes[0]), moment, is_older)


def kept_of_frozen(studio: Studio, frozen: FrozenSelection, label_mode: str) -> Rechecked | None:
    """The result of a saved selection, else the newest of a choice of the same examples, such as it was frozen from.

    Raises:
        CorpusError: the snapshot is gone.
    """
    of_frozen = kept(studio, subject_of_frozen(studio, frozen, label_mode))
    if of_frozen is not None:
        return of_frozen
    same = {"ids": frozen.ids_hash, "label_mode": label_mode}
    found = _newest(studio, frozen.snapshot_id, lambda facts: all(facts.get(name) == same[name] for name in same))
    if found is None:
        return None
    then = json.loads(found[0].notes[0]).get("state")
    return _read(*found, then != _state(studio, snapshots.require(studio.store, frozen.snapshot_id), label_mode))


@act("select.recheck", "analyst")
def start(studio: Studio, actor: Actor, *, subject: Subject, run_id: str | None = None) -> str:
    """Queue every audit of a choice and of random draws; returns the run's id (that of the same one at work, if any).

    Args:
        studio: the open workspace.
        actor: who asks.
        subject: the choice; its draws are made now, under the limits the page draws under.
        run_id: a UUID made by the client.

    Raises:
        CorpusError: the snapshot is gone.
        MeasureError: nobody is chosen.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, subject.snapshot_id)

    def submit() -> str:
        chosen, root = run_id or str(uuid.uuid4()), studio.workspace.root
        with starting.inputs(studio, ROOM, chosen) as place:
            audits_inputs.write(studio, snapshot, subject.label_mode, NAMES, place)
            facts = _write_draws(studio, subject, place / FILE)
            inputs = {
                "examples": str(studio.workspace.examples_file(snapshot.snapshot_id).relative_to(root)),
                "given": str(place.relative_to(root)),
                **audits_state.vectors_in_use(scores.surroundings(studio.store, snapshot.snapshot_id), NAMES),
            }
            facts |= {"mark": subject.mark, "label_mode": subject.label_mode,
                      "state": _state(studio, snapshot, subject.label_mode)}  # fmt: skip
            params = {"first": DRAWS, "version": VERSION, "key": subject.key, "facts": facts}
            return runs.submit(studio, actor, kind=KIND, title=snapshot.name, params=params, inputs=inputs,
                               snapshot_id=snapshot.snapshot_id, corpus_id=snapshot.corpus_id, seed=facts["seed"],
                               slot="free" if snapshot.n_examples <= FREE_UP_TO else None,
                               run_id=chosen)  # fmt: skip

    return starting.once(studio, kind=KIND, snapshot_id=f"{subject.snapshot_id}:{subject.key}", start=submit,
                         live=lambda: live(studio, subject))  # fmt: skip


def live(studio: Studio, subject: Subject) -> RunView | None:
    """The run at work on this very choice and state, or None."""
    views = runs.overview(studio, limit=0, kinds=(KIND,), snapshot_id=subject.snapshot_id)
    return next((view for view in views if view.is_live and view.spec.params.get("key") == subject.key), None)


def last_ended(studio: Studio, subject: Subject) -> RunView | None:
    """The newest run on this very choice and state where it did not end well, or None."""
    views = runs.overview(studio, limit=20, kinds=(KIND,), snapshot_id=subject.snapshot_id)
    newest = next((view for view in views if view.spec.params.get("key") == subject.key), None)
    ended_well = newest is None or newest.is_live or (newest.status.state == "done" and not newest.trouble)
    return None if ended_well else newest


def finish(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the numbers of a done run over; may be called again."""
    result = rundir.check_result(run_dir, "choice.json")
    audits_copies.take_over(studio, str(spec.snapshot_id), result, spec)
    found = findings.from_json((result / "choice.json").read_text(encoding="utf-8"))
    version = int(spec.params.get("version", 0))
    findings.put(studio.store, str(spec.snapshot_id), version, str(spec.params["key"]), found,
                 keep=findings.KEPT_COMPARISONS if version == VERSION else None)  # fmt: skip
    starting.drop(studio, ROOM, spec.run_id)


# --- the draws --------------------------------------------------------------------------------------------------------
def n_draws(size: int, n_pool: int, is_limited: bool) -> int:
    """Enough draws for one number alone to stand out among all of them, less where that takes long; at least 199."""
    walked = max(min(n_pool, PREFIX * size + 64) if is_limited else size, 1)
    return int(min(draws_needed(N_NUMBERS), max(DRAWS, _MOST_ROWS / walked)))


def _write_draws(studio: Studio, subject: Subject, path: Path) -> dict[str, Any]:
    """Rows of the choice, the pool and the draws, as rows of the snapshot; returns the seed and which limits hold."""
    choice, frozen = subject.choice, subject.frozen
    if frozen is not None:
        choice = proposals_content.choice_of(studio, frozen)
    if choice is not None:
        is_limited = select_effect.is_limited(choice)
        drawn = select_effect.draws_of(choice, n_draws(len(choice.rows), choice.n_pool, is_limited))
        pool, chosen, seed = choice.pool.rows, choice.rows, choice.recipe.seed
        limits = "same" if is_limited else "none"
    elif frozen is not None:
        pool, chosen = _rows_of_frozen(studio, frozen)
        seed, limits = frozen.seed, "lost"
        drawn = random_draws(np.arange(len(pool)), len(chosen), len(pool), np.random.default_rng([seed, 2]),
                             draws=n_draws(len(chosen), len(pool), False))  # fmt: skip
    if choice is None and frozen is None or not len(chosen):
        raise MeasureError("Nobody is chosen, so there is nothing to check", got=0, fix="Choose some examples first.")
    _save(path, pool, pool[chosen], [pool[rows] for rows in drawn])
    ids = choice.ids if choice is not None else selections.ids(studio.store, frozen.selection_id)  # frozen is there
    return {"seed": int(seed), "limits": limits, "ids": selections.hash_ids(np.asarray(ids, dtype=np.int64))}


def _rows_of_frozen(studio: Studio, frozen: FrozenSelection) -> tuple[Array, Array]:
    """Rows of the snapshot that are unlabelled now or chosen, and which of these are chosen."""
    ids = np.asarray(selections.ids(studio.store, frozen.selection_id), dtype=np.int64)
    everyone = examples.ids(studio.store, frozen.snapshot_id)
    left = np.asarray(labels.pool_left(studio.store, frozen.snapshot_id), dtype=np.int64)
    pool = np.flatnonzero(np.isin(everyone, np.union1d(left, ids)))
    return pool, np.flatnonzero(np.isin(everyone[pool], ids))


def _save(path: Path, pool: Array, chosen: Array, drawn: Sequence[Array]) -> None:
    flat = np.concatenate([np.zeros(0, np.int32), *(rows.astype(np.int32) for rows in drawn)])
    ends = np.cumsum([len(rows) for rows in drawn], dtype=np.int64)
    with path.open("wb") as handle:
        np.savez(handle, chosen=chosen, pool=pool, drawn=flat, ends=ends)
