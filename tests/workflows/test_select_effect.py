"""Groups of a choice beside random draws under limits: enough draws to call a group shut out, nothing kept too long."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from studio.selection.live import LiveMatrix, rank
from studio.selection.recipe import Recipe
from studio.selection.verdict import alarms
from studio.workflows import select_effect
from studio.workflows.select_matrix import LivePool

WEIGHTS = {"relevance": 0, "diversity": 0, "difficulty": 100, "quality": 0}


def choice_of(groups, scores, recipe, *, rule=None):
    """A choice over an invented pool of one group column."""
    n = len(groups)
    unit = np.full((n, 4), np.nan, dtype=np.float32, order="F")
    unit[:, 2] = scores
    keys = tuple(f"g{code}" for code in range(int(groups.max()) + 1))
    matrix = LiveMatrix(np.arange(n), unit, {"group_a": groups.astype(np.int32)}, {"group_a": keys})
    pool = LivePool(matrix, np.arange(n), n, "same", {}, ())
    ranking = rank(matrix, WEIGHTS, recipe.budget, rule or recipe.rule)
    state = SimpleNamespace(around="same")
    return SimpleNamespace(pool=pool, recipe=recipe, ranking=ranking, rows=ranking.rows, ids=ranking.ids, state=state)


def test_a_group_that_is_shut_out_is_an_alarm_among_many_groups_under_limits():
    rng = np.random.default_rng(0)
    groups = np.arange(3_000) % 30
    scores = rng.random(3_000) / 2 + 0.5
    scores[groups == 3] /= 4  # nobody of it gets in; a random draw would take about 10
    choice = choice_of(groups, scores, Recipe(budget=300, caps={"group_a": 60}))
    found = select_effect.group_effect(choice)
    shut_out = next(g for g in found.groups["group_a"] if g.key == "g3")
    assert shut_out.band.picked == 0 and shut_out.band.expected == pytest.approx(10, abs=0.5)
    assert found.draws == 1_200  # 30 groups: 2 * 30 / 0.05
    assert shut_out.band.verdict == "fewer" and shut_out in found.alarms


def test_too_few_draws_say_so_instead_of_calling_a_group_fine(monkeypatch):
    """199 draws among 30 groups: p = 0.01 times 30 is 0.3, so nobody could be an alarm, and the page said "fine"."""
    monkeypatch.setattr(select_effect, "_MOST_WALKED", 1.0)
    rng = np.random.default_rng(0)
    groups = np.arange(3_000) % 30
    scores = rng.random(3_000) / 2 + 0.5
    scores[groups == 3] /= 4
    found = select_effect.group_effect(choice_of(groups, scores, Recipe(budget=301, caps={"group_a": 60})))
    assert found.draws == 199 and found.alarms == ()
    assert [g.key for g in found.undecided] == ["g3"]
    assert found.undecided[0].band.q == pytest.approx(0.01 * 30)


def test_one_quota_needs_no_draws_and_they_agree_with_its_exact_bands(monkeypatch):
    """Spread over clusters is on by default: 1,999 draws among 60 groups said "cannot be told" of 23 instead of 6."""
    rng = np.random.default_rng(2)
    clusters, groups = rng.integers(0, 8, 4_000), rng.integers(0, 60, 4_000)
    scores = rng.random(4_000)
    scores[groups == 7] += 0.5
    unit = np.full((4_000, 4), np.nan, dtype=np.float32, order="F")
    unit[:, 2] = scores / 2
    matrix = LiveMatrix(np.arange(4_000), unit,
                        {"group_a": groups.astype(np.int32), "cluster": clusters.astype(np.int32)},
                        {"group_a": tuple(f"g{g}" for g in range(60)), "cluster": tuple("abcdefgh")})  # fmt: skip
    recipe = Recipe(budget=200, alpha=0.5)
    ranking = rank(matrix, WEIGHTS, 200, recipe.rule)
    pool = LivePool(matrix, np.arange(4_000), 4_000, "same", {}, ())
    choice = SimpleNamespace(pool=pool, recipe=recipe, ranking=ranking, rows=ranking.rows, ids=ranking.ids,
                             state=SimpleNamespace(around="same"))  # fmt: skip
    found = select_effect.group_effect(choice)
    assert (found.draws, found.is_limited) == (0, True)
    assert [g.key for g in found.alarms] == ["g7"] and found.undecided == ()
    assert all(g.band.low == g.band.high == g.band.picked for g in found.groups["cluster"])
    monkeypatch.setattr(select_effect, "_MOST_CONVOLVED", 0)
    select_effect._kept.clear()
    drawn = select_effect.group_effect(choice, draws=1_999)
    assert drawn.draws >= 1_999
    for exact, simulated in zip(found.groups["group_a"], drawn.groups["group_a"], strict=True):
        assert exact.band.expected == pytest.approx(simulated.band.expected, abs=0.25)
        assert abs(exact.band.low - simulated.band.low) <= 1 and abs(exact.band.high - simulated.band.high) <= 1


def test_a_choice_by_chance_needs_no_more_draws():
    rng = np.random.default_rng(1)
    choice = choice_of(np.arange(3_000) % 30, rng.random(3_000), Recipe(budget=300, caps={"group_a": 60}))
    found = select_effect.group_effect(choice)
    assert found.draws == 199 and found.alarms == ()


def test_the_same_ids_with_other_groups_are_looked_at_again():
    scores = np.linspace(1, 0, 400)
    first = select_effect.group_effect(choice_of(np.arange(400) % 2, scores, Recipe(budget=40)))
    second = select_effect.group_effect(choice_of(np.arange(400) // 200, scores, Recipe(budget=40)))
    assert [g.band.picked for g in first.groups["group_a"]] == [20, 20]
    assert [g.band.picked for g in second.groups["group_a"]] == [40, 0]


def test_draws_are_made_once_while_a_slider_moves_and_anew_under_another_limit():
    rng = np.random.default_rng(2)
    groups = np.arange(900) % 3
    first, moved = (choice_of(groups, rng.random(900), Recipe(budget=40, caps={"group_a": 20})) for _ in range(2))
    wider = choice_of(groups, rng.random(900), Recipe(budget=40, caps={"group_a": 21}))
    assert first.ids.tolist() != moved.ids.tolist()
    drawn = select_effect.draws_of(first, 50)
    assert select_effect.draws_of(moved, 50) is drawn and select_effect.draws_of(wider, 50) is not drawn
    assert [rows.tolist() for rows in select_effect._drawn(moved, 50)] == [rows.tolist() for rows in drawn]


def test_the_page_and_the_sentence_name_the_same_group_as_the_farthest():
    """Fewer of a large group (176, not 224) is more examples than more of a small one (36, not 15), but less of it."""
    groups = np.array([0] * 900 + [1] * 60 + [2] * 1_040)
    scores = np.zeros(2_000)
    scores[:70], scores[900:940], scores[960:1_150] = 1.0, 1.0, 1.0  # 70 of 900, 40 of 60, 190 of 1,040
    found = select_effect.group_effect(choice_of(groups, scores, Recipe(budget=300)))
    by_verdict = alarms([{"column": g.column, "key": g.key, "picked": g.band.picked, "expected": g.band.expected,
                          "verdict": g.band.verdict, "is_small": g.band.is_small}
                         for g in found.groups["group_a"]])  # fmt: skip
    assert [g.key for g in found.alarms] == [g["key"] for g in by_verdict] and found.alarms[0].key == "g1"
    assert abs(found.alarms[0].band.gap) < max(abs(g.band.gap) for g in found.alarms)
