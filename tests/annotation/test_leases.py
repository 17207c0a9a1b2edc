"""Leases by hand and by a random walk: no example on two desks, none lost, none handed out after its label."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from studio.annotation.leases import LEASE_S, Holder, Leases

ANN, BEN = Holder("s1", "ann"), Holder("s2", "ben")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def claim(leases: Leases, holder: Holder, waiting, **more):
    return leases.claim("q", waiting, holder, mark=leases.mark(), **more)


def test_two_desks_get_two_examples_and_each_keeps_its_own():
    leases = Leases(Clock())
    assert [claim(leases, who, [1, 2, 3]) for who in (ANN, BEN, ANN, BEN)] == [1, 2, 1, 2]
    assert leases.held_by_others("q", ANN) == {2: BEN}
    assert leases.held_by_others("other queue", ANN) == {}
    leases.finish("q", 1)
    assert claim(leases, ANN, [2, 3]) == 3
    leases.finish("q", 3)
    assert claim(leases, ANN, [2]) is None, "the last one is on the other desk"


def test_one_person_in_two_tabs_is_two_desks():
    leases = Leases(Clock())
    assert [claim(leases, Holder(tab, "ann"), [1, 2]) for tab in ("s1", "s9")] == [1, 2]


def test_ten_minutes_without_a_key_free_an_example_and_a_key_renews_it():
    clock = Clock()
    leases = Leases(clock)
    assert claim(leases, ANN, [1]) == 1
    clock.now = LEASE_S - 1
    assert claim(leases, BEN, [1]) is None
    assert claim(leases, ANN, [1]) == 1
    clock.now = 2 * LEASE_S - 2
    assert claim(leases, BEN, [1]) is None, "renewed a second before it ended"
    clock.now = 2 * LEASE_S - 1
    assert claim(leases, BEN, [1]) == 1
    assert claim(leases, ANN, [1]) is None
    assert claim(leases, ANN, [1, 2]) == 2


def test_a_closed_tab_and_a_left_desk_give_back_at_once():
    leases = Leases(Clock())
    assert claim(leases, ANN, [1, 2]) == 1
    assert claim(leases, BEN, [1, 2], is_here=lambda session: session != "s1") == 1
    leases.release(BEN)
    assert claim(leases, ANN, [1, 2]) == 1


def test_a_reading_older_than_a_label_does_not_hand_the_example_out_again():
    leases = Leases(Clock())
    old = leases.mark()
    assert claim(leases, ANN, [1, 2]) == 1
    leases.finish("q", 1)
    assert leases.claim("q", [1, 2], BEN, mark=old) == 2
    assert claim(leases, ANN, [1, 2]) == 1, "open again after an undo: the reading is newer"


def test_an_undone_example_goes_back_to_its_desk_and_an_asked_one_comes_first():
    leases = Leases(Clock())
    assert claim(leases, ANN, [1, 2, 3]) == 1
    leases.finish("q", 1)
    assert claim(leases, ANN, [2, 3]) == 2
    assert leases.take("q", 1, ANN)
    assert claim(leases, ANN, [1, 2, 3]) == 1
    assert not leases.take("q", 1, BEN)
    assert claim(leases, BEN, [1, 2, 3], first=3) == 3
    assert claim(leases, BEN, [1, 2, 3], first=1) == 3, "asked for, but on another desk: the own one stays"


def test_a_late_label_and_its_undo_leave_the_example_with_the_desk_that_took_it_over():
    clock = Clock()
    leases = Leases(clock)
    assert claim(leases, ANN, [1, 2]) == 1
    clock.now += LEASE_S
    assert claim(leases, BEN, [1, 2]) == 1
    leases.finish("q", 1)  # by Ann, whose screen still showed it
    assert not leases.take("q", 1, ANN)
    assert claim(leases, BEN, [1, 2]) == 1


class Desks(RuleBasedStateMachine):
    """Random acts of four desks against a set of examples and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.leases = Leases(self.clock)
        self.waiting = list(range(6))
        self.desks = [Holder(f"s{n}") for n in range(4)]
        self.on: dict[Holder, int | None] = {}
        self.seen_at: dict[Holder, float] = {}

    @rule(desk=st.integers(0, 3))
    def look(self, desk):
        who = self.desks[desk]
        self.on[who] = claim(self.leases, who, self.waiting)
        self.seen_at[who] = self.clock.now

    @rule(desk=st.integers(0, 3))
    def label(self, desk):
        example = self.on.get(self.desks[desk])
        if example in self.waiting:
            self.waiting.remove(example)
            self.leases.finish("q", example)
        self.on.pop(self.desks[desk], None)

    @rule(example=st.integers(0, 5), desk=st.integers(0, 3))
    def undo(self, example, desk):
        if example not in self.waiting:
            self.waiting = sorted([*self.waiting, example])
            if self.leases.take("q", example, self.desks[desk]):
                self.on[self.desks[desk]] = example
                self.seen_at[self.desks[desk]] = self.clock.now

    @rule(seconds=st.sampled_from([1.0, LEASE_S / 2, LEASE_S]))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def no_example_is_on_two_fresh_desks(self):
        fresh = [
            example
            for who, example in self.on.items()
            if example is not None and example in self.waiting and self.clock.now - self.seen_at[who] < LEASE_S
        ]
        assert len(fresh) == len(set(fresh))

    @invariant()
    def an_idle_desk_always_gets_what_nobody_has(self):
        new = Holder("newcomer")
        held = self.leases.held_by_others("q", new)
        got = claim(self.leases, new, self.waiting)
        assert (got is None) == (set(self.waiting) <= set(held))
        self.leases.release(new)


TestDesks = Desks.TestCase
TestDesks.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.lists(st.integers(0, 30), unique=True, max_size=20), st.integers(1, 8))
def test_desks_share_a_queue_in_order(waiting, n_desks):
    leases = Leases(Clock())
    got = [claim(leases, Holder(str(n)), waiting) for n in range(n_desks)]
    assert got == [*waiting, *[None] * n_desks][:n_desks]
