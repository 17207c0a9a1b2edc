"""Arms of the selection benchmark: what the page would choose, end to end on small demo pools, resumable, by seed."""

import json
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest

from benchmarks import selection as bench
from benchmarks import selection_arms as arms
from benchmarks import selection_page as page
from benchmarks import selection_pools as pools
from studio.models.lexical import LexicalEncoder
from studio.records import VIEWS
from studio.selection.live import rank
from studio.selection.recipe import Recipe

BUDGETS = (32, 64, 128)


@cache
def small(name):
    """480 demo messages of a language and 120 of the test; strangers are those of the other language."""
    return lexical(pools.read_corpus(name, n_demo=600, n_copies=300, n_off=150))


def lexical(corpus):
    """Both languages by character n-grams, so that no weights are loaded."""
    parts = [corpus.own, corpus.copies, corpus.off, corpus.test, pools.Part((pools.GOALS[corpus.name],), np.zeros(1))]
    texts = [text for part in parts for text in part.texts]
    own, copies, off, test, goal = np.split(
        LexicalEncoder.fit(texts, seed=0).encode(texts), np.cumsum([len(part) for part in parts])[:-1]
    )
    return replace(corpus, own=replace(corpus.own, x=own), copies=replace(corpus.copies, x=copies),
                   off=replace(corpus.off, x=off), test=replace(corpus.test, x=test), goal=goal)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def demo_strangers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pools.OTHER, "demo_en", "demo_zh")
        patch.setitem(pools.OTHER, "demo_zh", "demo_en")
        yield


@pytest.fixture(scope="module")
def pool():
    return pools.prepare(small("demo_zh"), "dirty", 3, base=200)


@pytest.mark.parametrize("one", arms.ARMS, ids=lambda one: one.name)
def test_every_arm_buys_that_many_different_rows_of_the_pool(pool, one):
    for budget, rows in zip(BUDGETS, arms.bought(pool, one, (32, 64, 128)), strict=False):
        if one.name == "full":
            budget = len(pool)
        assert len(rows) == len(set(rows.tolist()))
        assert len(rows) == budget or (one.name == "apart" and budget * 0.9 < len(rows) < budget)
        assert 0 <= min(rows) <= max(rows) < len(pool)


def test_the_default_is_the_ranking_under_even_weights_of_what_is_known_with_quotas(pool):
    """The fourth view has no scores before the first labels; its share goes to the others, the odd percent first."""
    matrix = arms.live(pool, arms.arm("default"), np.arange(len(pool)))
    weights = {"relevance": 34, "diversity": 33, "difficulty": 0, "quality": 33}
    expected = rank(matrix, weights, 64, Recipe(alpha=0.5).rule).rows
    assert np.array_equal(arms.bought(pool, arms.arm("default"), (64,))[0], expected)


def test_one_measure_of_a_view_is_its_mid_rank(pool):
    unit = arms.unit_matrix(pool.raw, len(pool), arms.INNER["goal"])
    raw = pool.raw["three_nearest_targets"]
    by_hand = [((raw < value).sum() + (raw == value).sum() / 2) / len(raw) for value in raw]
    assert unit[:, VIEWS.index("relevance")] == pytest.approx(by_hand, abs=1e-6)
    assert np.isnan(unit[:, VIEWS.index("difficulty")]).all()


def test_arms_after_labels_begin_with_the_first_of_the_random_draw(pool):
    first = arms.bought(pool, arms.arm("random"), (64,))[0]
    for name in ("default_after_labels", "uncertainty_after_labels"):
        at_once, later = arms.bought(pool, arms.arm(name), (64, 128))
        assert np.array_equal(at_once, first)
        assert np.array_equal(later[:64], first)


def test_judging_by_hand():
    """Two separate clouds: all right; the wrong way round: all wrong; no label: one in two; one class: its share."""
    x = np.array([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]], dtype=np.float32)
    y, held = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 1])
    held_x = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert arms.judge(x, y, held_x, held, 2) == (1.0, 1.0)
    assert arms.judge(x, 1 - y, held_x, held, 2) == (0.0, 0.0)
    assert arms.judge(x, np.full(4, pools.SKIPPED), held_x, held, 2) == (0.5, 0.5)
    assert arms.judge(x, np.array([0, 0, -1, -1]), held_x, held, 2) == (0.75, 0.5)


def cells_of(path, seeds=(0, 1), corpora=("demo_zh", "demo_en"), names=("default", "random")):
    plan = ((corpus, state, seed, arms.arm(name))
            for seed, corpus, state, name in product(seeds, corpora, pools.STATES, names))  # fmt: skip
    skipped = bench.run(
        plan, path, base=200, cache=None, budgets=BUDGETS, read=small, make_vectors=lambda corpus, cache: corpus
    )
    return skipped, bench.read_cells(path)


def test_two_seeds_end_to_end_go_on_where_they_stopped_and_give_the_same_numbers(tmp_path):
    skipped, cells = cells_of(tmp_path / "cells.jsonl")
    assert skipped == {}
    assert len(cells) == 2 * 2 * 2 * 2
    found = page.summary(cells, skipped)
    assert [(row["corpus"], row["state"], row["n"]) for row in found["primary"]] == [
        ("demo_zh", "clean", 2), ("demo_zh", "dirty", 2), ("demo_en", "clean", 2), ("demo_en", "dirty", 2)]  # fmt: skip
    clean = [cell for cell in cells if cell["state"] == "clean"]
    assert all(sum(cell["off_topic"]) == sum(cell["copies"]) == sum(cell["wrong"]) == 0 for cell in clean)
    text = (tmp_path / "cells.jsonl").read_text()
    (tmp_path / "again.jsonl").write_text("\n".join(text.splitlines()[:5]) + '\n{"corpus": "demo')  # cut off in a line
    again = cells_of(tmp_path / "again.jsonl")[1]  # the five that were whole stay, the others are made again

    def without_time(lines):
        return sorted(json.dumps({k: v for k, v in line.items() if k != "cpu_s"}, sort_keys=True) for line in lines)

    assert without_time(again) == without_time(cells)


def test_a_corpus_that_is_not_there_is_skipped_with_its_reason(tmp_path):
    def absent(name):
        raise FileNotFoundError(f"{name} is not on this machine")

    cells = iter([("banking77", "clean", 0, arms.arm("default")), ("banking77", "clean", 1, arms.arm("default"))])
    assert bench.run(cells, tmp_path / "c.jsonl", cache=None, read=absent) == {
        "banking77": "banking77 is not on this machine"
    }


def test_the_plan_has_twenty_paired_seeds_of_ten_pools_and_primary_arms_first():
    plan = list(bench.plan())
    first = plan[: 20 * 10 * 2]
    assert {one.name for *_, one in first} == {"default", "random"}
    assert len({(name, state, seed, one.name) for name, state, seed, one in plan}) == len(plan)
    assert {seed for _, _, seed, _ in first} == set(range(20))
