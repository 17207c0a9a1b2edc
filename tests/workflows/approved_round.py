"""Round `r1` of tests.workflows.model_round that learnt from a frozen selection, which may be put up and approved."""

from __future__ import annotations

from studio.records import Actor
from studio.store import proposals, rounds, selections
from studio.workflows.studio import Studio
from tests.workflows import model_round

ANN, BEN = Actor("Ann", "analyst"), Actor("Ben", "reviewer")


def make(studio: Studio, *, n: int = 60) -> str:
    """The corpus and its round `r1`, made from one label of the selection `sel`; returns the snapshot id."""
    snapshot_id = model_round.make(studio, n=n)
    learn(studio, snapshot_id, "sel")
    return snapshot_id


def learn(studio: Studio, snapshot_id: str, selection_id: str, *, example_id: int = 1) -> None:
    """Freeze a selection of one example and label it, long before any round was started."""
    selections.add(studio.store, selection_id=selection_id, corpus_id="c1", snapshot_id=snapshot_id, name=selection_id,
                   strategy="weighted_sum", arm="selection", budget=1, seed=0, recipe={}, ids=[example_id],
                   reasons=["over"], by="Ann")  # fmt: skip
    label(studio, snapshot_id, selection_id, example_id=example_id)


def label(studio: Studio, snapshot_id: str, selection_id: str, *, example_id: int = 1) -> None:
    """One label given in the queue of a selection, in 2020."""
    studio.store.rows(
        """INSERT INTO annotation (event_id, seq, corpus_id, snapshot_id, example_id, row_hash, event, payload,
           selection_id, simulated, actor, role, created_at)
           VALUES ($key, 1, 'c1', $s, $id, '', 'label', '{}', $sel, false, 'Ann', 'analyst', '2020-01-01')""",
        {"key": f"e-{selection_id}", "s": snapshot_id, "id": example_id, "sel": selection_id},
    )


def another(studio: Studio, round_id: str, arm: str = "selection") -> None:
    """A round with the predictions of `r1` under another id."""
    first = rounds.require(studio.store, "r1")
    rounds.add(studio.store, {
        "round_id": round_id, "corpus_id": "c1", "snapshot_id": first.snapshot_id, "name": round_id, "arm": arm,
        "run_id": round_id, "loop_id": None, "plan": dict(first.plan), "n_train": 30, "n_validation": 1,
        "accuracy": 0.5, "macro_f1": 0.5, "path": first.path, "test_openings": 0, "created_by": "t",
        "report": {key: value for key, value in first.report.items() if key != "test"},
    })  # fmt: skip


def propose(studio: Studio, snapshot_id: str, selection_id: str = "sel", *, approve: bool = True) -> str:
    """Put a selection up for review; returns the proposal id."""
    proposal_id = f"p-{selection_id}"
    proposals.add(studio.store, proposal_id=proposal_id, corpus_id="c1", snapshot_id=snapshot_id, name="first batch",
                  selection_id=selection_id, purpose="to learn", known_limits="", content={}, by=ANN)  # fmt: skip
    if approve:
        decide(studio, proposal_id, "approve")
    return proposal_id


def decide(studio: Studio, proposal_id: str, kind: str) -> None:
    """What Ben decides."""
    proposals.decide(studio.store, proposal_id, decision_id=f"d-{proposal_id}-{kind}", kind=kind, note="", by=BEN)
