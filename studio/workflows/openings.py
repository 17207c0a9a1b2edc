"""The test split: whether an approval lets it be opened, opening it for a round, and how an opening is told.

A check whether a choice helps opens it under the same rules: `select_proof_test`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from studio.access import signoff
from studio.errors import AccessError, PlanError, StudioError
from studio.records import Actor, Array, RunSpec
from studio.reports.proposal import person
from studio.reports.said import moment
from studio.store import examples, openings, proposals, rounds, selections
from studio.store.openings import APPROVED, FURTHER, UNAPPROVED, Opening
from studio.store.proposals import Decision, Proposal
from studio.store.selections import FrozenSelection
from studio.training.evaluate import evaluate
from studio.words import t
from studio.workflows.acts import act
from studio.workflows.studio import Studio
from studio.workflows.train_rounds import truth_of

log = logging.getLogger(__name__)
MOST_WHY = 1_000  # characters; ours: a reason is read beside every figure
NO_SELECTION, NO_PROPOSAL, SPENT = "no_selection", "no_proposal", "spent"


@dataclass(frozen=True)
class Permission:
    """What an opening would be now: `kind`, and `state`, which says why.

    `state` is approved, spent (the opening of this selection and arm was used), no_selection (nothing could be
    approved), no_proposal, or where the newest proposal stands: waiting, changes, rejected, withdrawn. `spent_by` is
    the number of the round that used it (None where a check of the choice did), `spent_at` the moment (None from before
    moments were kept).
    """

    kind: str
    state: str
    arm: str
    selection: FrozenSelection | None = None
    proposal: Proposal | None = None
    decided: Decision | None = None
    spent_by: int | None = None
    spent_at: str | None = None

    @property
    def needs_reason(self) -> bool:
        """True where an opening must be accounted for in writing."""
        return self.kind != APPROVED


def permission(studio: Studio, round_id: str) -> Permission:
    """Whether the test split of a finished round may be opened under an approval.

    The round belongs to the newest frozen selection of which a label stood when it was started. One opening goes with
    each approved selection and arm (its own rounds; random draws beside it), whichever round uses it.

    Raises:
        StoreError: an unknown round.
    """
    found = rounds.require(studio.store, round_id)
    base = openings.bases(studio.store, found.corpus_id).get(round_id)
    return permission_of(studio, found.corpus_id, base, found.arm)


def permission_now(studio: Studio, corpus_id: str, arm: str) -> Permission:
    """The same for a round that would be started now."""
    return permission_of(studio, corpus_id, openings.basis_now(studio.store, corpus_id), arm)


def permission_of(studio: Studio, corpus_id: str, selection_id: str | None, arm: str) -> Permission:
    """The same for whatever rests on one frozen selection, or on none; rounds and checks share the one opening."""
    frozen = selections.get_or_none(studio.store, selection_id) if selection_id else None
    if frozen is None:
        return Permission(UNAPPROVED, NO_SELECTION, arm)
    listed = proposals.of_selection(studio.store, frozen.selection_id)
    found = next((one for one in listed if one.state == "approved"), listed[0] if listed else None)
    if found is None:
        return Permission(UNAPPROVED, NO_PROPOSAL, arm, frozen)
    taken = proposals.decisions(studio.store, found.proposal_id)
    decided = taken[-1] if taken else None
    if found.state != "approved":
        return Permission(UNAPPROVED, found.state, arm, frozen, found, decided)
    spent = _spent(studio, corpus_id, frozen.selection_id, arm)
    if spent is None:
        return Permission(APPROVED, "approved", arm, frozen, found, decided)
    return Permission(FURTHER, SPENT, arm, frozen, found, decided, *spent)


def _spent(studio: Studio, corpus_id: str, selection_id: str, arm: str) -> tuple[int | None, str | None] | None:
    """The round that looked first at the test split for this selection and arm (None: a check did), and when."""
    before = [one for one in openings.before_rows(studio.store, corpus_id) if one[2] == arm]
    bases = openings.bases(studio.store, corpus_id) if before else {}
    for round_id, number, _ in before:
        if bases.get(round_id) == selection_id:
            return number, None
    return next(((one.round_number, one.created_at) for one in openings.of_corpus(studio.store, corpus_id)
                 if one.selection_id == selection_id and one.arm == arm), None)  # fmt: skip


# --- opening ----------------------------------------------------------------------------------------------------------
@act("train.open_test", "analyst")
def open_test(
    studio: Studio, actor: Actor, *, round_id: str, why: str = "", opening_id: str | None = None
) -> dict[str, Any]:
    """Hold a round's test predictions against the test labels; every opening is counted and shown.

    Args:
        studio: the open workspace.
        actor: who opens it.
        round_id: whose predictions.
        why: needed where no approval stands behind it, or the opening that goes with one was used.
        opening_id: made by the client; the same one twice (a double click) is one opening.

    Returns:
        The evaluation on the test split.

    Raises:
        PlanError: no approval and no reason, or the snapshot has no labelled test example.
        AccessError: an opening for a reason by nobody.
    """
    return _open(studio, actor, round_id, why, opening_id or uuid.uuid4().hex)


def check_launch(studio: Studio, *, by: Actor, corpus_id: str, arm: str, why: str) -> None:
    """Refuse a launch that could not open the test split at its end.

    Raises:
        PlanError, AccessError: as for `open_test`.
    """
    require(permission_now(studio, corpus_id, arm), by, written(why))


def open_launched(studio: Studio, spec: RunSpec) -> None:
    """The opening a launch asked for; once however often the result is taken over, left closed if it may not be."""
    asked, round_id = spec.params.get("open_test"), spec.params["round_id"]
    if not asked or rounds.require(studio.store, round_id).test_openings:
        return
    given = asked if isinstance(asked, Mapping) else {}
    by = Actor(spec.created_by, given.get("role", "analyst"), bool(given.get("verified")))
    try:
        _open(studio, by, round_id, given.get("why", ""), f"{round_id}-launch")
    except StudioError as error:
        log.warning("round=%s test split left closed: %s", round_id, error.line())


def _open(studio: Studio, actor: Actor, round_id: str, why: str, opening_id: str) -> dict[str, Any]:
    found, said = rounds.require(studio.store, round_id), written(why)
    if openings.get_or_none(studio.store, opening_id) is not None:
        return dict(found.report["test"])
    require(permission(studio, round_id), actor, said)
    result = _evaluate(studio, found)
    with studio.store.write():
        if openings.get_or_none(studio.store, opening_id) is not None:
            return result
        now = permission(studio, round_id)  # of two at once the second is a further one
        require(now, actor, said)
        openings.add(
            studio.store, round_id, opening_id=opening_id, kind=now.kind, why=said if now.needs_reason else "",
            selection_id=now.selection.selection_id if now.selection else None,
            proposal_id=now.proposal.proposal_id if now.proposal else None,
            report={**rounds.require(studio.store, round_id).report, "test": result}, by=actor,
        )  # fmt: skip
    return result


def written(why: str) -> str:
    """A reason as it is kept: one line of characters that print."""
    return " ".join("".join(char if char.isprintable() else " " for char in why).split())[:MOST_WHY]


def require(found: Permission, actor: Actor, why: str, *, is_proof: bool = False) -> None:
    """Refuse an opening that nobody approved and nobody accounts for; `is_proof` where a check of a choice asks.

    Raises:
        PlanError: no approval and no reason.
        AccessError: a reason by nobody.
    """
    if not found.needs_reason:
        return
    if not why and found.state == SPENT:
        when = f"{found.spent_at[:16].replace('T', ' ')} UTC" if found.spent_at else "?"
        by = "a check of the choice" if found.spent_by is None else f"round {found.spent_by}"
        raise PlanError(
            "The test split has been opened for this selection already",
            got=f"{by}, {when}",
            fix="Compare on validation, or say in writing why it is opened once more.",
        )
    if not why and found.selection is None and is_proof:
        raise PlanError(
            "No frozen selection was made by this recipe, so nobody could approve it",
            got="no reason",
            fix="Freeze it and put it up for review, or say in writing why the test split is opened.",
        )
    if not why and found.selection is None:
        raise PlanError(
            "This round learnt from no frozen selection, so nobody could approve it",
            got="no reason",
            fix="Say in writing why the test split is opened.",
        )
    if not why and found.selection is not None:
        raise PlanError(
            "The test split is opened once a selection is approved, and this one is not",
            got=found.selection.name,
            fix="Put it up for review, or say in writing why it is opened without an approval.",
        )
    if not signoff.is_named(actor):
        raise AccessError(
            "Opening the test split for a reason carries a name, and none has been given",
            got=actor.name,
            fix="Type your name in the field below the menu, then do it again.",
        )


def _evaluate(studio: Studio, found: rounds.Round) -> dict[str, Any]:
    predicted = rounds.predicted_part(studio.store, found.round_id, "test").set_index("example_id")["predicted"]
    truth = truth_of(studio, found.snapshot_id, "test")
    shared = truth.index.intersection(predicted.index)
    if shared.empty:
        raise PlanError(
            "This snapshot has no labelled test example",
            got=f"{len(predicted)} predictions",
            fix="Decide splits with a test share on the Upload page.",
        )
    return evaluate(
        truth[shared].tolist(),
        predicted[shared].tolist(),
        labels=found.labels,
        groups=_groups(studio, found.snapshot_id, shared.to_numpy()),
        rng=np.random.default_rng(int(found.plan.get("seed", 0))),
    )


def _groups(studio: Studio, snapshot_id: str, ids: Array) -> dict[str, list[str | None]]:
    known = [name for name in examples.columns(studio.store, snapshot_id) if name.startswith("group_")]
    if not known:
        return {}
    frame = examples.by_ids(studio.store, snapshot_id, ids, ["example_id", *known]).set_index("example_id").loc[ids]
    return {name.removeprefix("group_"): [None if pd.isna(v) else str(v) for v in frame[name]] for name in known}


# --- telling ----------------------------------------------------------------------------------------------------------
def told(studio: Studio, round_id: str, *, lang: str | None = None) -> str:
    """Under which approval, or for which reason, a round's test figures were looked at; empty while they are closed."""
    found = rounds.require(studio.store, round_id)
    if not found.test_openings:
        return ""
    listed = openings.of_round(studio.store, round_id)
    return tell(studio, listed[-1], lang=lang) if listed else t("opening.told_before", lang=lang)


def tell(studio: Studio, one: Opening, *, lang: str | None = None) -> str:
    """One opening as a sentence."""
    values: dict[str, Any] = {"by": person(one.created_by, one.verified, lang=lang), "why": one.why,
                              "when": moment(one.created_at, lang=lang)}  # fmt: skip
    if one.kind == UNAPPROVED:
        return t("opening.told_unapproved", lang=lang, **values)
    if one.kind == FURTHER:
        same = [other for other in openings.of_corpus(studio.store, one.corpus_id)
                if (other.selection_id, other.arm) == (one.selection_id, one.arm)]  # fmt: skip
        n = next((i for i, other in enumerate(same, 1) if other.opening_id == one.opening_id), len(same) + 1)
        return t("opening.told_further", lang=lang, n=max(n, 2), **values)
    found = proposals.get_or_none(studio.store, one.proposal_id or "")
    name = found.name if found else "–"
    return t("opening.told_approved", lang=lang, proposal=name, approved=approved_by(studio, one, lang=lang), **values)


def figure(test: Mapping[str, Any], *, lang: str | None = None) -> str:
    """A round's test figures as a sentence: accuracy with its interval, macro-F1, and on how many examples."""
    accuracy = {name: f"{100 * test['accuracy'][name]:.1f} %" for name in ("value", "low", "high")}
    return t("opening.figure", lang=lang, macro=f"{test['macro_f1']['value']:.3f}", n=f"{test['n']:,}", **accuracy)


def approved_by(studio: Studio, one: Opening, *, lang: str | None = None) -> str:
    """Who approved the proposal an opening rests on, marked where no login stood behind the name."""
    taken: list[Decision] = proposals.decisions(studio.store, one.proposal_id or "")
    return person(taken[-1].created_by, taken[-1].verified, lang=lang) if taken else "–"


def facts(studio: Studio, one: Opening, *, lang: str | None = "en") -> Mapping[str, Any]:
    """An opening as JSON: kind, who, when, why, what it showed, and the sentence."""
    return {"kind": one.kind, "by": one.created_by, "verified": one.verified, "at": one.created_at, "why": one.why,
            "selection_id": one.selection_id, "proposal_id": one.proposal_id, "n_test": one.n,
            "test_accuracy": one.accuracy, "test_macro_f1": one.macro_f1,
            "told": tell(studio, one, lang=lang)}  # fmt: skip
