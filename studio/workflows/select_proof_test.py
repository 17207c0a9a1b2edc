"""The winner of a check "Does it help?" on the test split: once per approved selection, or for a written reason.

The gate is that of rounds (`openings`), and so is the order: a run lets the small models say what they make of the test
examples without seeing a label; when its result is taken over, the answers are held against the labels and the opening
is written down with what it showed, in one transaction. A run that was ended before that has shown nobody anything and
counts for nothing.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio.errors import AccessError, PlanError, SelectionError, StudioError
from studio.jobs import rundir
from studio.records import Actor, Array, RunSpec, Snapshot
from studio.selection import proof, proxy_sets
from studio.selection.recipe import Recipe, recipe_from_json
from studio.store import examples, selections, snapshots, splits
from studio.store import openings as rows
from studio.store.openings import APPROVED, FURTHER, Opening
from studio.store.selections import FrozenSelection
from studio.training.gate import normal
from studio.workflows import (
    openings,
    proposals_content,
    runs,
    select_proof,
    select_proof_inputs,
    select_scores,
    starting,
)
from studio.workflows.acts import act
from studio.workflows.audits_state import digest
from studio.workflows.openings import Permission
from studio.workflows.runs import RunView
from studio.workflows.select_proof import Prospect, Study
from studio.workflows.select_proof_inputs import HEAD, LM, Part
from studio.workflows.select_scores import ScoreState
from studio.workflows.studio import Studio
from studio.workflows.train_rounds import truth_of

log = logging.getLogger(__name__)
KIND = "proof_test"
BEST, WITHIN, OWN = "best", "within", "own"  # the sizes that are looked at, the winner first
MOST_TEST, MOST_LM_TEST = 5_000, 400  # a seeded sample of larger test splits; said beside the result
FACTS, ARRAYS = "said.json", "said.npz"
TEST = "test"  # what changed since: labels of the test split


# --- whether it may be opened -----------------------------------------------------------------------------------------
def basis(studio: Studio, snapshot: Snapshot, found: Prospect, now: ScoreState) -> FrozenSelection | None:
    """The frozen selection a check is about: the newest that was made by its recipe, an approved one first."""
    wanted = found.rests_on.get("recipe")
    same = [one for one in selections.list_all(studio.store, snapshot.snapshot_id)
            if "control_of" not in one.recipe and _judged_as(snapshot, one, now) == wanted]  # fmt: skip
    approved = (one for one in same if _is_approved(studio, one))
    return next(approved, same[0] if same else None)


def _is_approved(studio: Studio, frozen: FrozenSelection) -> bool:
    given = openings.permission_of(studio, frozen.corpus_id, frozen.selection_id, frozen.arm)
    return given.state in ("approved", openings.SPENT)


def _judged_as(snapshot: Snapshot, frozen: FrozenSelection, now: ScoreState) -> str | None:
    """The mark of a frozen recipe as a check would judge it now; None where it cannot be read or judged."""
    try:
        recipe = recipe_from_json(frozen.recipe)
        kind = select_proof_inputs.KINDS.get(snapshot.task, LM)
        used = select_proof_inputs.usable(now, recipe, kind)
        return digest(select_proof_inputs.recipe_in_force(now, recipe, used).to_json())
    except StudioError:
        return None


def permission(studio: Studio, snapshot: Snapshot, found: Prospect, now: ScoreState) -> Permission:
    """Whether the test split may be opened for a check under an approval of its recipe's selection.

    The same check a second time is a further opening, whatever stands behind it.
    """
    frozen = basis(studio, snapshot, found, now)
    named = (frozen.selection_id, frozen.arm) if frozen else (None, "selection")
    return _permission(studio, snapshot.corpus_id, *named, str(found.key))


def _permission(studio: Studio, corpus_id: str, selection_id: str | None, arm: str, key: str) -> Permission:
    given = openings.permission_of(studio, corpus_id, selection_id, arm)
    before = next((one for one in rows.of_corpus(studio.store, corpus_id) if one.study_key == key), None)
    if given.kind != APPROVED or before is None:
        return given
    return replace(given, kind=FURTHER, state=openings.SPENT, spent_by=None, spent_at=before.created_at)


@act("select.open_test", "analyst")
def start(
    studio: Studio, actor: Actor, *, snapshot_id: str, recipe: Recipe, state: ScoreState, why: str = "",
    seed: int = select_proof.SEED, run_id: str | None = None,
) -> str:  # fmt: skip
    """Queue the run that reads the test examples for the winner of a check; returns its id.

    Args:
        studio: the open workspace.
        actor: who opens it.
        snapshot_id: whose test split.
        recipe: the recipe of a check that is up to date.
        state: which scores are in use.
        why: needed where no approval stands behind it, or the opening that goes with one was used.
        seed: of the check.
        run_id: made by the client, and the id of the opening: the same one twice (a double click) is one opening.

    Raises:
        SelectionError: no check of this recipe, labels and scores.
        PlanError: no approval and no reason, or the snapshot has no labelled test example.
        AccessError: a reason by nobody.
        JobError: the run cannot be written.
    """
    if run_id is not None and rows.get_or_none(studio.store, run_id) is not None:
        return run_id
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = select_proof.prospect(studio, snapshot, recipe, state, seed)
    study = select_proof.kept(studio, snapshot, found)
    if found.key is None or found.part is None or study is None or study.stale:
        raise SelectionError("The test split is opened for a check that is up to date", got=snapshot.name,
                             fix="Check the recipe again, then open the test split.")  # fmt: skip
    key, part, frozen, said = found.key, found.part, basis(studio, snapshot, found, state), openings.written(why)
    openings.require(permission(studio, snapshot, found, state), actor, said, is_proof=True)

    def submit() -> str:
        chosen = run_id or str(uuid.uuid4())
        select_proof_inputs.sweep(studio, KIND)
        folder = select_proof_inputs.folder_of(studio, KIND, chosen)
        params, inputs = select_proof_inputs.freeze(studio, snapshot, part, state, found.recipe, found.used, folder)
        params |= _asked(study) | _test_rows(studio, snapshot, part, folder, seed) | {
            "key": key, "rests_on": dict(found.rests_on), "encoder": state.around.encoder_key,
            "study_at": study.computed_at.isoformat(), "selection_id": frozen.selection_id if frozen else None,
            "arm": frozen.arm if frozen else "selection",
            "opening": {"why": said, "role": actor.role, "verified": actor.verified},
        }  # fmt: skip
        return runs.submit(studio, actor, kind=KIND, title=snapshot.name, params=params, inputs=inputs,
                           snapshot_id=snapshot_id, corpus_id=snapshot.corpus_id, seed=seed, run_id=chosen)  # fmt: skip

    return starting.once(studio, kind=KIND, snapshot_id=f"{snapshot_id}:{key}", start=submit,
                         live=lambda: live(studio, snapshot_id=snapshot_id, key=key))  # fmt: skip


def _asked(study: Study) -> dict[str, Any]:
    """The sizes that are looked at, each once: size -> what was asked for, what it is, its value on validation."""
    facts, asked, before = study.facts, study.facts.get("asked", {}), study.curve.set_index("size")["value"]
    named = {BEST: int(facts["best"]), WITHIN: int(facts["within"]), OWN: int(facts["own"])}
    wanted = list(dict.fromkeys(named.values()))
    return {"draws": proof.DRAWS, "sizes": {str(size): int(asked.get(str(size), size)) for size in wanted},
            "marks": {str(size): [mark for mark, own in named.items() if own == size] for size in wanted},
            "before": {str(size): float(before[size]) if size in before else None for size in wanted},
            "n_judged": int(facts["n_judged"])}  # fmt: skip


def _test_rows(studio: Studio, snapshot: Snapshot, part: Part, folder: Path, seed: int) -> dict[str, Any]:
    """Add the test examples to the rows of a run, without labels and without texts one can learn from."""
    every = _truth(studio, snapshot, part.kind)
    known = pd.read_parquet(folder / select_proof_inputs.ROWS)
    learnt = known.loc[known["part"] == "train", "example_id"]
    texts, asked = (examples.by_ids(studio.store, snapshot.snapshot_id, ids, ["example_id", "text"])
                    for ids in (learnt, every["example_id"]))  # fmt: skip
    seen = {normal(text or "") for text in texts["text"]}
    leaked = {int(i) for i, text in zip(asked["example_id"], asked["text"], strict=True) if normal(text or "") in seen}
    left = every[~every["example_id"].isin(leaked)]
    if left.empty:
        raise _nobody(len(every))
    test = select_proof_inputs.sample(left, MOST_LM_TEST if part.kind == LM else MOST_TEST, seed).assign(label=None)
    test = test.assign(part="test", row=select_proof_inputs.rows_of(studio, snapshot, test))
    pd.concat([known, test], ignore_index=True).to_parquet(folder / select_proof_inputs.ROWS, index=False)
    return {"n_test": len(every), "n_test_leaks": len(leaked)}


def _truth(studio: Studio, snapshot: Snapshot, kind: str) -> pd.DataFrame:
    """example_id and label of the labelled test examples; None where the target is a text."""
    if kind == HEAD:
        found = truth_of(studio, snapshot.snapshot_id, "test")
        return pd.DataFrame({"example_id": found.index.to_numpy(np.int64), "label": found.to_numpy()})
    if kind != LM:
        return select_proof_inputs.sets_of(studio, snapshot, kind, "test")
    every = splits.frame(studio.store, snapshot.snapshot_id)
    return every.loc[every["split"] == "test", ["example_id"]].assign(label=None)


def _nobody(n: int) -> PlanError:
    return PlanError("This snapshot has no labelled test example", got=n,
                     fix="Decide splits with a test share on the Upload page.")  # fmt: skip


# --- opening ----------------------------------------------------------------------------------------------------------
def finish(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Hold the answers of a done run against the test labels, once; left closed where that may not be (any more)."""
    rundir.check_result(run_dir, FACTS, ARRAYS)
    if rows.get_or_none(studio.store, spec.run_id) is None:
        try:
            _open(studio, run_dir / "result", spec)
        except (PlanError, AccessError) as error:
            log.warning("proof_test run=%s test split left closed: %s", spec.run_id, error.line())
    shutil.rmtree(select_proof_inputs.folder_of(studio, KIND, spec.run_id), ignore_errors=True)


def _open(studio: Studio, result: Path, spec: RunSpec) -> None:
    params, given = spec.params, spec.params["opening"]
    by = Actor(spec.created_by, str(given.get("role", "analyst")), bool(given.get("verified")))
    snapshot = snapshots.require(studio.store, str(spec.snapshot_id))
    named = (snapshot.corpus_id, params["selection_id"], params["arm"], params["key"])
    openings.require(_permission(studio, *named), by, given["why"], is_proof=True)
    shown = _judge(_truth(studio, snapshot, str(params["kind"])), result, spec)
    with studio.store.write():
        if rows.get_or_none(studio.store, spec.run_id) is not None:
            return
        now = _permission(studio, *named)  # of two at once the second is a further one
        openings.require(now, by, given["why"], is_proof=True)
        best = shown["rows"][0]["value"] if params["kind"] == HEAD else None
        rows.add_proof(
            studio.store, opening_id=spec.run_id, corpus_id=snapshot.corpus_id, snapshot_id=snapshot.snapshot_id,
            kind=now.kind, why=given["why"] if now.needs_reason else "", selection_id=params["selection_id"],
            arm=params["arm"], proposal_id=now.proposal.proposal_id if now.proposal else None,
            study_key=params["key"], n=shown["n"], accuracy=best, shown=shown, by=by,
        )  # fmt: skip


def _judge(truth: pd.DataFrame, result: Path, spec: RunSpec) -> dict[str, Any]:
    """What the answers are worth: every size beside its random draws, examples and draws resampled together."""
    params, said = spec.params, json.loads((result / FACTS).read_text(encoding="utf-8"))
    with np.load(result / ARRAYS, allow_pickle=False) as arrays:
        answers = {int(row["size"]): arrays[f"said_{row['size']}"] for row in said["sizes"]}
        ids = arrays["ids"]
    there = np.isin(ids, truth["example_id"].to_numpy(np.int64))
    if not there.any():
        raise _nobody(0)
    labels = truth.set_index("example_id")["label"].loc[ids[there]].tolist()
    found = []
    for row in said["sizes"]:
        size = int(row["size"])
        outcomes = _outcomes(said, answers[size], labels, there, int(row["n_draws"]))
        found.append(_row(outcomes, spec.seed) | {"size": size, "n_draws": int(row["n_draws"]),
                     "marks": params["marks"][str(size)], "before": params["before"][str(size)]})  # fmt: skip
    found.sort(key=lambda row: (BEST, WITHIN, OWN).index(row["marks"][0]))  # the winner first
    return {"kind": said["kind"], "rows": found, "n": len(labels), "n_test": params["n_test"],
            "n_leaks": params["n_test_leaks"], "n_before": params["n_judged"], "draws": said["draws"],
            "resamples": proof.RESAMPLES, "seed": spec.seed, "fits": said["fits"], "seconds": said["seconds"],
            "encoder": params["encoder"], "study_at": params["study_at"], "rests_on": params["rests_on"],
            "labels": _mark(truth)}  # fmt: skip


def _outcomes(said: Mapping[str, Any], answers: Array, labels: list[Any], there: Array, n_draws: int) -> Array:
    """(1 + k, m) numbers or (1 + k, m, c) codes of the examples that are `there`: the recipe's first, then the draws'.

    A label the models do not know is one they miss; of more than 200 the rest is not judged, as on validation.
    """
    if said["kind"] == LM:
        return answers[:, there]
    names = {name: code for code, name in enumerate(said["names"])}
    if said["kind"] == HEAD:
        given = np.array([names.get(label, -1) for label in labels])
        return (answers[:, there] == given).astype(np.float64)
    sets = proxy_sets.read_sets(labels)
    shape = (1 + n_draws, len(there), len(names))
    told = np.unpackbits(answers, count=math.prod(shape)).reshape(shape).astype(bool)[:, there]
    more = sorted({name for own in sets for name in own} - set(names)) if said["n_names"] == len(names) else []
    given = proxy_sets.indicators(sets, [*names, *more])
    told = np.concatenate([told, np.zeros((*told.shape[:2], len(more)), dtype=bool)], axis=2)
    return np.stack([proxy_sets.code(given, one) for one in told])


def _row(outcomes: Array, seed: int) -> dict[str, Any]:
    low, high = proof.mean_interval(outcomes[0], np.random.default_rng([seed, 6]))
    found = {"value": float(proof.values(outcomes[:1])[0]), "value_low": low, "value_high": high}
    if len(outcomes) == 2:  # every draw of that size is the same
        return found
    against = proof.against_draws(outcomes[:1], outcomes[1:], np.random.default_rng([seed, 5]))
    return asdict(against) | found | {"verdict": against.verdict}


def _mark(truth: pd.DataFrame) -> str:
    return digest(truth.sort_values("example_id").to_numpy().tolist())


# --- reading ----------------------------------------------------------------------------------------------------------
def key_of(study: Study) -> str:
    """The key a kept check stands under, whatever has changed since."""
    return digest([dict(study.facts["rests_on"]), study.facts["seed"], select_proof.KIND,
                   select_proof.version_of(select_proof.KIND), {}])  # fmt: skip


def of_study(studio: Studio, snapshot: Snapshot, study: Study) -> list[Opening]:
    """The openings for one kept check, oldest first; the last one is what is shown."""
    key = key_of(study)
    return [one for one in rows.of_corpus(studio.store, snapshot.corpus_id) if one.study_key == key]


def of_selection(studio: Studio, selection_id: str) -> list[Opening]:
    """The openings for checks of a frozen selection's recipe, oldest first."""
    frozen = selections.get_or_none(studio.store, selection_id)
    every = rows.of_corpus(studio.store, frozen.corpus_id) if frozen else []
    return [one for one in every if one.is_proof and one.selection_id == selection_id]


def prospect_of(studio: Studio, frozen: FrozenSelection) -> tuple[Snapshot, Recipe, ScoreState, Prospect]:
    """A frozen selection's recipe under the scores it names: what a check of it rests on now."""
    snapshot, recipe = snapshots.require(studio.store, frozen.snapshot_id), recipe_from_json(frozen.recipe)
    now = proposals_content.scores_then(studio, frozen) or select_scores.state(studio, frozen.snapshot_id)
    return snapshot, recipe, now, select_proof.prospect(studio, snapshot, recipe, now)


def changed_since(studio: Studio, one: Opening) -> tuple[str, ...]:
    """What has changed since an opening: recipe, labels, scores, vectors, map, test (its labels), data (it is gone)."""
    snapshot, shown = snapshots.get(studio.store, one.snapshot_id), one.shown or {}
    frozen = selections.get_or_none(studio.store, one.selection_id) if one.selection_id else None
    if snapshot is None or not shown:
        return ("data",)
    found: tuple[str, ...] = ()
    if frozen is not None:
        try:
            now, then = prospect_of(studio, frozen)[3].rests_on, shown["rests_on"]
            found = tuple(name for name in ("recipe", "labels", "scores", "vectors", "map")
                          if now.get(name) != then.get(name))  # fmt: skip
        except StudioError:
            return ("data",)
    return (*found, TEST) if _mark(_truth(studio, snapshot, shown["kind"])) != shown["labels"] else found


def is_test_changed(studio: Studio, snapshot: Snapshot, one: Opening) -> bool:
    """True where labels of the test split have changed since an opening."""
    shown = one.shown or {}
    return _mark(_truth(studio, snapshot, str(shown.get("kind", HEAD)))) != shown.get("labels")


def live(studio: Studio, *, snapshot_id: str, key: str | None = None) -> RunView | None:
    """The run that reads the test examples now, or None."""
    return select_proof.live(studio, snapshot_id=snapshot_id, key=key, kind=KIND)


def last_try(studio: Studio, *, snapshot_id: str, key: str) -> str:
    """How the newest run for a check went wrong: left_closed (its opening was used meanwhile), failed, or empty."""
    views = runs.overview(studio, limit=1, kinds=(KIND,), snapshot_id=snapshot_id)
    newest = next((one for one in views if one.spec.params.get("key") == key and not one.is_live), None)
    if newest is None or rows.get_or_none(studio.store, newest.run_id) is not None:
        return ""
    return "left_closed" if newest.status.state == "done" and not newest.trouble else "failed"


def n_test(studio: Studio, snapshot: Snapshot, kind: str) -> int:
    """How many examples of the test split can be looked at."""
    return len(_truth(studio, snapshot, kind))
