"""A proposal as a file: everything it says and everything that was said of it, as one HTML document."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from studio.records import Actor
from studio.reports.proposal import ProposalReport, person, to_html
from studio.reports.said import moment as moment
from studio.store import examples, snapshots
from studio.store.proposals import Proposal
from studio.workflows import openings, proposals, proposals_proof_test
from studio.workflows.acts import act
from studio.workflows.proposals import HangsOn, Seen
from studio.workflows.studio import Studio


@act("review.export", "viewer")
def write(studio: Studio, actor: Actor, *, proposal_id: str, lang: str = "en") -> str:
    """The proposal as one HTML document; the audit log says who took it.

    Raises:
        StoreError: an unknown proposal.
    """
    seen = proposals.read(studio, actor, proposal_id=proposal_id)
    return to_html(compose(studio, seen, actor=actor, lang=lang), lang=lang)


def compose(studio: Studio, seen: Seen, *, actor: Actor, lang: str | None = None) -> ProposalReport:
    """Everything the file says, names marked where no login stood behind them."""
    found = seen.proposal
    snapshot = snapshots.get(studio.store, found.snapshot_id)
    return ProposalReport(
        name=found.name,
        purpose=found.purpose,
        known_limits=found.known_limits,
        corpus=snapshot.name if snapshot else "–",
        snapshot_id=found.snapshot_id,
        selection_id=found.selection_id,
        content_hash=found.content_hash,
        content=found.content,
        state=found.state,
        by=person(found.created_by, found.verified, lang=lang),
        at=moment(found.created_at, lang=lang),
        stale=seen.stale,
        decisions=[
            {"kind": one.kind, "note": one.note, "stale": one.stale, "when": moment(one.created_at, lang=lang),
             "is_checked": one.verified, "by": person(one.created_by, one.verified, lang=lang)}
            for one in seen.decisions
        ],
        comments=[
            {"example_id": one.example_id, "body": one.body, "by": person(one.created_by, one.verified, lang=lang),
             "when": moment(one.created_at, lang=lang)} for one in seen.comments
        ],
        rounds=[
            {"number": one.number, "name": one.name, "labels": one.n_labels, "accuracy": one.accuracy,
             "openings": one.test_openings, "test": _test(studio, one, lang)} for one in seen.rounds
        ],
        looks=[proposals_proof_test.lines(studio, one, stale=changed, lang=lang) for one, changed in seen.looks],
        n_labelled=seen.n_labelled,
        texts=texts(studio, found),
        previous=seen.previous.name if seen.previous else None,
        has_next=found.next_id is not None,
        made_at=moment(datetime.now(UTC).isoformat(), lang=lang),
        made_by=person(actor.name, actor.verified, lang=lang),
    )  # fmt: skip


def _test(studio: Studio, one: HangsOn, lang: str | None) -> str:
    """Figures of the test split and under what it was opened; empty while it is closed."""
    told = openings.told(studio, one.round_id, lang=lang)
    return f"{openings.figure(one.test, lang=lang)} {told}" if one.test else told


def texts(studio: Studio, proposal: Proposal) -> dict[int, str]:
    """Example id -> text of the examples a proposal shows; those taken out of the corpus since are missing."""
    if snapshots.get(studio.store, proposal.snapshot_id) is None:
        return {}
    wanted = proposals.shown_ids(proposal)
    rows = examples.by_ids(studio.store, proposal.snapshot_id, wanted, ["example_id", "text"])
    return {int(row.example_id): str(row.text or "") for row in rows.itertuples()}


def file_name(proposal: Proposal) -> str:
    """A name for the file that every system can keep: letters and digits of the proposal's name, then its id."""
    name = re.sub(r"[^\w]+", "-", proposal.name, flags=re.UNICODE).strip("-")[:60] or "proposal"
    return f"winnow-proposal-{name}-{proposal.proposal_id[:8]}.html"
