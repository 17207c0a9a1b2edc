"""Proposals: put a frozen selection up for review, say something about it, decide on it, see where it stands."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from studio.access import signoff
from studio.errors import SelectionError
from studio.records import Actor
from studio.store import annotations, comments, proposals, rounds, selections
from studio.store.comments import Comment
from studio.store.openings import Opening
from studio.store.proposals import APPROVE, VERDICTS, WITHDRAW, Decision, Proposal
from studio.store.selections import FrozenSelection
from studio.workflows import proposals_checks, proposals_content, proposals_stale, select_proof_test, typed
from studio.workflows.acts import act
from studio.workflows.studio import Studio


@dataclass(frozen=True)
class HangsOn:
    """A round that learnt from labels of a proposal's selection: `n_labels` of them were there when it was started.

    `test` is what its test split showed (as `evaluate` gives it), None while it is closed.
    """

    round_id: str
    number: int
    name: str
    arm: str
    accuracy: float
    n_train: int
    n_labels: int
    test_openings: int
    test: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Seen:
    """A proposal with everything that hangs on it. `stale` holds sentences; `selection` is None when it is gone.

    `looks` are the openings of the test split for the check of its recipe, each with what has changed since.
    `n_labelled` of the `n` examples of its queue have a label; `control_id` is the random control frozen beside it.
    """

    proposal: Proposal
    decisions: tuple[Decision, ...]
    comments: tuple[Comment, ...]
    stale: tuple[Mapping[str, Any], ...]
    selection: FrozenSelection | None
    n_labelled: int
    rounds: tuple[HangsOn, ...]
    control_id: str | None
    previous: Proposal | None
    looks: tuple[tuple[Opening, tuple[str, ...]], ...] = ()

    @property
    def decided(self) -> Decision | None:
        """The decision in force."""
        return self.decisions[-1] if self.decisions else None


@dataclass(frozen=True)
class Listed:
    """One line of the list: a proposal, how many comments it has, and whether what it rests on has changed."""

    proposal: Proposal
    n_comments: int
    is_stale: bool


# --- acts -------------------------------------------------------------------------------------------------------------
@act("review.propose", "analyst")
def propose(
    studio: Studio,
    actor: Actor,
    *,
    selection_id: str,
    name: str,
    purpose: str,
    known_limits: str = "",
    previous_id: str | None = None,
    proposal_id: str | None = None,
    on_step: proposals_content.OnStep | None = None,
) -> str:
    """Put a frozen selection up for review; the same proposal_id twice (a double click) is one proposal.

    Args:
        studio: the open workspace.
        actor: who proposes; must have a name.
        selection_id: a frozen selection.
        name: shown everywhere.
        purpose: what the examples are for.
        known_limits: what the proposer knows to be wrong with it.
        previous_id: the proposal this one takes the place of.
        proposal_id: made by the client.
        on_step: hears what is being worked out (`proposals_content.STEPS`); a large pool under limits takes seconds.

    Returns:
        The proposal_id.

    Raises:
        AccessError: nobody has said who they are.
        SelectionError: no name or purpose, an unknown selection, or one that is already up for review or approved.
        StoreError: an unknown predecessor.
    """
    signoff.require_name(actor)
    title, why, limits = typed.line(name), typed.words(purpose), typed.words(known_limits)
    if not title:
        raise SelectionError("A proposal needs a name", fix="Type one, such as “first batch”.")
    if not why:
        raise SelectionError("A proposal needs a purpose", fix="Say what the examples are for.")
    proposal_id = proposal_id or uuid.uuid4().hex
    if proposals.get_or_none(studio.store, proposal_id) is not None:
        return proposal_id
    frozen = selections.get(studio.store, selection_id)
    _may_follow(studio, frozen, previous_id)
    content = proposals_content.build(studio, frozen, on_step)  # seconds: not inside the write
    content["checks"] = proposals_checks.stored(studio, frozen)
    with studio.store.write():
        if proposals.get_or_none(studio.store, proposal_id) is None:
            _may_follow(studio, frozen, previous_id)
        proposals.add(
            studio.store, proposal_id=proposal_id, corpus_id=frozen.corpus_id, snapshot_id=frozen.snapshot_id,
            selection_id=selection_id, previous_id=previous_id, name=title, purpose=why, known_limits=limits,
            content=content, by=actor,
        )  # fmt: skip
    return proposal_id


def _may_follow(studio: Studio, frozen: FrozenSelection, previous_id: str | None) -> None:
    """Refuse a second proposal of the same selection while one stands, and a second successor of a proposal.

    Raises:
        SelectionError: naming the one in the way.
    """
    if previous_id:
        previous = proposals.get(studio.store, previous_id)
        if previous.corpus_id != frozen.corpus_id:
            raise SelectionError("A new version stays with its corpus", got=previous.name, fix="Choose another one.")
        if previous.next_id is not None:
            raise SelectionError("This proposal has a newer version already", got=previous.name, fix="Open that one.")
        if previous.state == proposals.WAITING:
            raise SelectionError("The proposal before this one still waits for a decision", got=previous.name,
                                 fix="Withdraw it first, or wait for the decision.")  # fmt: skip
    for other in proposals.of_selection(studio.store, frozen.selection_id):
        if other.state == proposals.WAITING:
            raise SelectionError("This selection is up for review already", got=other.name,
                                 fix="Open it on the Review page.")  # fmt: skip
        if other.state == "approved" and other.proposal_id != previous_id:
            raise SelectionError("This selection has been approved already", got=other.name,
                                 fix="Open it on the Review page.")  # fmt: skip


@act("review.comment", "annotator")
def comment(
    studio: Studio,
    actor: Actor,
    *,
    proposal_id: str,
    body: str,
    example_id: int | None = None,
    comment_id: str | None = None,
) -> str:
    """Say something about a proposal or one of the examples it shows; returns the comment_id.

    Raises:
        SelectionError: nothing was said, or the example is not one of the proposal's.
        StoreError: an unknown proposal.
    """
    found = proposals.get(studio.store, proposal_id)
    said = typed.words(body)
    if not said:
        raise SelectionError("A comment needs some words", fix="Type what you want to say.")
    if example_id is not None and int(example_id) not in shown_ids(found):
        raise SelectionError("This example is not one that the proposal shows", got=example_id,
                             fix="Comment on one of its examples, or on the whole.")  # fmt: skip
    comment_id = comment_id or uuid.uuid4().hex
    comments.add(studio.store, proposal_id, comment_id=comment_id, body=said, example_id=example_id, by=actor)
    return comment_id


@act("review.decide", "reviewer")
def decide(
    studio: Studio,
    actor: Actor,
    *,
    proposal_id: str,
    verdict: str,
    note: str = "",
    known_as: Collection[str] = (),
    decision_id: str | None = None,
) -> str:
    """Approve a proposal, ask for changes, or reject it; the first decision stands.

    Args:
        studio: the open workspace.
        actor: who decides; never the proposer, whatever the role.
        proposal_id: which one.
        verdict: approve, changes or reject.
        note: why; needed for everything but an approval.
        known_as: other names this browser tab has proposed under.
        decision_id: made by the client; the same one twice (a double click) is one decision.

    Returns:
        The decision_id.

    Raises:
        AccessError: no name, or the proposer's own.
        SelectionError: it was decided already, what it rests on has changed (approval only), or no note.
        StoreError: an unknown proposal.
    """
    signoff.require_name(actor)
    if verdict not in VERDICTS:
        raise SelectionError("There is no such decision", got=verdict, fix="Approve, ask for changes, or reject.")
    why = typed.words(note)
    if not why and verdict != APPROVE:
        raise SelectionError("A decision against a proposal needs a reason",
                             fix="Say what should change.")  # fmt: skip
    decision_id = decision_id or uuid.uuid4().hex
    changed = proposals_stale.reasons(studio, proposals.get(studio.store, proposal_id))
    with studio.store.write():
        found = proposals.get(studio.store, proposal_id)
        signoff.refuse_own(actor, found.created_by, known_as)
        before = proposals.decisions(studio.store, proposal_id)
        if any(one.decision_id == decision_id for one in before):
            return decision_id
        if found.state != proposals.WAITING:
            raise _taken(found, before[-1])
        if verdict == APPROVE and changed:
            raise SelectionError("What this proposal rests on has changed since it was made", got=len(changed),
                                 fix="Ask for changes, so that a new version is made.")  # fmt: skip
        proposals.decide(studio.store, proposal_id, decision_id=decision_id, kind=verdict, note=why, stale=changed,
                         by=actor)  # fmt: skip
    return decision_id


@act("review.withdraw", "analyst")
def withdraw(
    studio: Studio,
    actor: Actor,
    *,
    proposal_id: str,
    note: str = "",
    known_as: Collection[str] = (),
    decision_id: str | None = None,
) -> str:
    """Take one's own proposal back while it waits or changes were asked for; it stays on record.

    Raises:
        SelectionError: somebody else's proposal, or one that was approved, rejected or withdrawn.
        StoreError: an unknown proposal.
    """
    decision_id = decision_id or uuid.uuid4().hex
    why = typed.words(note)
    with studio.store.write():
        found = proposals.get(studio.store, proposal_id)
        if not signoff.is_own(actor, found.created_by, known_as):
            raise SelectionError("Only the person who made a proposal withdraws it", got=found.created_by,
                                 fix="Ask for changes or reject it instead.")  # fmt: skip
        before = proposals.decisions(studio.store, proposal_id)
        if any(one.decision_id == decision_id for one in before):
            return decision_id
        if found.state not in (proposals.WAITING, "changes"):
            raise _taken(found, before[-1])
        proposals.decide(studio.store, proposal_id, decision_id=decision_id, kind=WITHDRAW, note=why, by=actor)
    return decision_id


def _taken(found: Proposal, last: Decision) -> SelectionError:
    return SelectionError("This proposal has been decided already",
                          got=f"{found.state}, {last.created_by}, {last.created_at[:16].replace('T', ' ')} UTC",
                          fix="Read the decision; a new version can be proposed.")  # fmt: skip


# --- reading ----------------------------------------------------------------------------------------------------------
@act("review.read", "viewer", log=False)
def read(studio: Studio, actor: Actor, *, proposal_id: str) -> Seen:
    """One proposal with its decisions, comments, what has changed since, its queue and the rounds that followed.

    Raises:
        StoreError: an unknown proposal.
    """
    found = proposals.get(studio.store, proposal_id)
    frozen = selections.get_or_none(studio.store, found.selection_id)
    labelled = 0
    if frozen is not None:
        queue = annotations.queue(studio.store, found.corpus_id, found.selection_id)
        labelled = int((queue["state"] == "label").sum())
    after = proposals.rounds_after(
        studio.store, corpus_id=found.corpus_id, snapshot_id=found.snapshot_id, selection_id=found.selection_id
    )
    control = f"{found.selection_id}-control"
    return Seen(
        found,
        tuple(proposals.decisions(studio.store, proposal_id)),
        tuple(comments.of_proposal(studio.store, proposal_id)),
        tuple(proposals_stale.reasons(studio, found)),
        frozen,
        labelled,
        tuple(_hangs(studio, row) for row in after.itertuples()),
        control if selections.get_or_none(studio.store, control) is not None else None,
        proposals.get_or_none(studio.store, found.previous_id) if found.previous_id else None,
        tuple((one, select_proof_test.changed_since(studio, one))
              for one in select_proof_test.of_selection(studio, found.selection_id)),
    )  # fmt: skip


def _hangs(studio: Studio, row: Any) -> HangsOn:
    test = rounds.require(studio.store, row.round_id).report.get("test") if row.test_openings else None
    return HangsOn(row.round_id, int(row.number), row.name, row.arm, float(row.accuracy), int(row.n_train),
                   int(row.n_labels), int(row.test_openings), test)  # fmt: skip


@act("review.list", "viewer", log=False)
def listing(studio: Studio, actor: Actor, *, corpus_id: str) -> list[Listed]:
    """The proposals of a corpus, newest first."""
    counted = comments.counts(studio.store, corpus_id)
    return [
        Listed(found, counted.get(found.proposal_id, 0), bool(proposals_stale.reasons(studio, found)))
        for found in proposals.of_corpus(studio.store, corpus_id)
    ]


def shown_ids(proposal: Proposal) -> list[int]:
    """The examples a proposal shows, those in first."""
    shown = proposal.content["examples"]
    return [int(one["id"]) for kind in ("in", "near") for one in shown[kind]]
