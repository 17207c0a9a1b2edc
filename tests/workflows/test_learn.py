"""Learning the weights by a real run: three ways, compared, kept, resumed; what it refuses."""

from __future__ import annotations

import pytest

from studio.errors import AccessError, SelectionError
from studio.records import VIEWS, Actor
from studio.selection import proxy
from studio.workflows import runs, select_learn, select_proof
from tests.workflows.test_proof import ACTOR, RECIPE, labelled, state_of, studio

__all__ = ["studio"]


def learn(studio, snapshot, **more):
    state = state_of(studio, snapshot)
    run_id = select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state, **more)
    status = runs.wait(studio, run_id, 400)
    assert status.state == "done", (status.reason, status.message)
    return select_learn.kept(studio, snapshot, select_learn.prospect(studio, snapshot, RECIPE, state, **more))


@pytest.mark.slow
def test_three_ways_are_compared_and_kept(studio):
    snapshot = labelled(studio, n_train=100)
    made = learn(studio, snapshot)
    facts = made.facts
    assert not made.stale and facts["views"] == ["relevance", "diversity", "quality"]
    parts = [facts[name] for name in ("n_reward", "n_choice", "n_report")]
    assert sum(parts) == 120 and min(parts) >= 20
    ways = made.trials["way"].value_counts()
    assert ways["surrogate"] == 96 + 3 + 1 and ways["search"] == 40
    settings = made.settings.set_index("way")
    assert "equal" in settings.index and abs(settings.loc["equal", "equal_difference"]) < 1e-12
    assert not settings.loc["equal", "beats_equal"]
    for way in settings.index:
        assert sum(select_learn.weights_of(settings.loc[way]).values()) == 100
        assert settings.loc[way, "difficulty"] == 0  # a view without scores is not learned
        found = settings.loc[way, "equal_low"], settings.loc[way, "equal_difference"], settings.loc[way, "equal_high"]
        assert found[0] - 1e-9 <= found[1] <= found[2] + 1e-9
    if facts["chosen"]:
        best = max(facts["learned"], key=lambda way: settings.loc[way, "choice"])
        assert facts["chosen"] == best and made.chosen["way"] == best
        assert made.is_shown == bool(settings.loc[best, "equal_low"] > 0)
    assert len(made.path) == 4 * 60 and made.is_small == (facts["n_held"] < proxy.SMALL_HELD)
    axis, values = select_learn.surface(made, ("relevance", "quality"))
    assert axis[0] == 0 and axis[-1] == 100 and values[0][0] is not None and values[-1][-1] is None
    # its weights in the sliders: the check counts only the part that learning never saw
    weights = select_learn.weights_of(settings.loc[facts["chosen"]]) if facts["chosen"] else None
    if weights:
        chosen = select_proof.prospect(studio, snapshot, type(RECIPE)(budget=30, weights=weights),
                                       state_of(studio, snapshot))  # fmt: skip
        assert select_proof.learned_here(studio, snapshot, chosen.recipe)
    assert len(select_learn.doubtful(studio, snapshot, made)) in (0, 20)


def test_what_cannot_be_learned_says_why(studio):
    snapshot = labelled(studio, n_train=20)
    state = state_of(studio, snapshot)
    with pytest.raises(SelectionError, match="too few labelled"):
        select_learn.start(studio, ACTOR, snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)
    with pytest.raises(AccessError):
        select_learn.start(studio, Actor("vi", "viewer"), snapshot_id=snapshot.snapshot_id, recipe=RECIPE, state=state)
    assert select_learn.prospect(studio, snapshot, RECIPE, state).lacking == "proof.lacking.head"


def test_the_key_does_not_hang_on_the_sliders(studio):
    """Using the learned weights must not make what was learned look old."""
    snapshot = labelled(studio, n_train=60)
    state = state_of(studio, snapshot)
    other = type(RECIPE)(budget=30, weights=dict(zip(VIEWS, (10, 20, 0, 70), strict=True)))
    keys = {select_learn.prospect(studio, snapshot, recipe, state).key for recipe in (RECIPE, other)}
    assert len(keys) == 1
    assert select_learn.prospect(studio, snapshot, RECIPE, state, label_quality=True).key not in keys
    assert select_learn.prospect(studio, snapshot, type(RECIPE)(budget=40), state).key not in keys
