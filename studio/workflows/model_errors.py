"""Errors by group of a finished round: its held-out predictions against the labels in force, read and compared."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import numpy as np
import pandas as pd

from studio.audits.context import coded, looks_like_author, texts_of
from studio.audits.model_errors import Errors, Held, Subgroup, errors_of
from studio.audits.reading import read
from studio.errors import PlanError
from studio.records import Array, Lexicon, Snapshot
from studio.store import examples, findings, rounds, snapshots
from studio.store.rounds import Round
from studio.workflows import audits_state
from studio.workflows.studio import Studio
from studio.workflows.train_rounds import truth_of

_KEPT = 16  # results held in memory: of one round, split and state of the labels each
_kept: OrderedDict[tuple, Errors] = OrderedDict()
_lock = Lock()


def parts(found: Round) -> tuple[str, ...]:
    """The splits that may be looked at: validation, and test once this round has opened it."""
    return ("validation", "test") if found.report.get("test") else ("validation",)


def of_round(studio: Studio, round_id: str, part: str = "validation") -> Errors:
    """Rates by group and areas by identity group and term on one split, remembered while labels and terms stay.

    The truth is the label in force today; examples without one, or without a prediction, are left out.

    Raises:
        StoreError: an unknown round, or its predictions are gone.
        PlanError: the split may not be looked at yet.
    """
    found = rounds.require(studio.store, round_id)
    if part not in parts(found):
        raise PlanError("The test split of this round is closed", got=part, fix="Open it on the Train page first.")
    snapshot = snapshots.require(studio.store, found.snapshot_id)
    lexicon = audits_state.lexicon_of(studio, snapshot)
    state = findings.label_state(studio.store, found.snapshot_id)
    key = (str(studio.workspace.root), round_id, part, state, audits_state.lexicon_mark(lexicon))
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = errors_of(held(studio, found, snapshot, lexicon, part), seed=int(found.plan.get("seed", 0)))
    with _lock:
        _kept[key] = made
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
    return made


def held(studio: Studio, found: Round, snapshot: Snapshot, lexicon: Lexicon | None, part: str) -> Held:
    """The held-out examples of one split: labels in force, probabilities, groups, and whom the texts speak of."""
    truth = truth_of(studio, found.snapshot_id, part)
    said = rounds.predictions(studio.store, found.round_id, truth.index.to_numpy(np.int64))
    said = said[said["part"] == part]
    ids = said["example_id"].to_numpy(np.int64)
    probs = np.stack(said["probs"].to_list()).astype(np.float64) if len(said) else np.zeros((0, len(found.labels)))
    columns = [f"group_{name}" for name in snapshot.groups]
    frame = examples.by_ids(studio.store, found.snapshot_id, ids, ["example_id", "text", *columns])
    frame = frame.set_index("example_id", drop=False).loc[ids].reset_index(drop=True)
    attributes, subgroups = _attributes(frame, snapshot.groups)
    if lexicon is not None and len(ids):
        subgroups |= _mentions(frame, lexicon, ids)
    return Held(truth.loc[ids].tolist(), found.labels, probs, attributes, subgroups)


def _attributes(
    frame: pd.DataFrame, names: tuple[str, ...]
) -> tuple[dict[str, tuple[Array, list[str]]], dict[Subgroup, Array]]:
    """Codes of every attribute that is no author's name, and a mask per value."""
    attributes: dict[str, tuple[Array, list[str]]] = {}
    subgroups: dict[Subgroup, Array] = {}
    for name in names:
        codes, values = coded(texts_of(frame, f"group_{name}"))
        if looks_like_author(codes) or not values:
            continue
        attributes[name] = (codes, values)
        subgroups |= {("value", name, value): codes == code for code, value in enumerate(values)}
    return attributes, subgroups


def _mentions(frame: pd.DataFrame, lexicon: Lexicon, ids: Array) -> dict[Subgroup, Array]:
    """A mask per identity group and per term that some text names; ambiguous terms count for nobody."""
    reading = read(list(texts_of(frame, "text")), lexicon, ids)
    found: dict[Subgroup, Array] = {
        ("group", axis, group): reading.rows_with(mask) for (axis, group), mask in reading.groups().items()
    }
    rows, numbers = reading.mentions
    for number in np.unique(numbers).tolist():
        term = lexicon.terms[number]
        if not term.is_ambiguous:
            mask = np.zeros(reading.n, dtype=bool)
            mask[rows[numbers == number]] = True
            found["term", term.axis, term.term] = mask
    return found
