"""Two sides beside random draws: ranks by hand, narrow and wide sets, samples, bad input."""

from dataclasses import replace

import numpy as np
import pytest

from studio.diversity import DIVERSITY, Rows, by_name, measure
from studio.diversity import comparison as c
from studio.diversity.prepare import prepare
from studio.errors import MeasureError
from studio.statistics import corrected_q
from tests.diversity.rows_by_hand import unit


@pytest.fixture(scope="module")
def pool():
    """400 examples of ten kinds in vectors and words, forty each."""
    rng = np.random.default_rng(3)
    vectors = unit(np.repeat(np.eye(10, 32), 40, axis=0) + rng.normal(scale=0.05, size=(400, 32)))
    texts = [f"kind{i // 40} word{rng.integers(6)} word{rng.integers(6)} of kind{i // 40}" for i in range(400)]
    return replace(prepare(texts), vectors=vectors, clusters=np.arange(400) // 40)


def row(found, name):
    return found.table.set_index("name").loc[name]


def test_a_clustered_subset_is_below_the_random_draws_and_an_even_one_above(pool):
    narrow = c.compare(pool, np.arange(400), np.arange(40), seed=0)
    even = c.compare(pool, np.arange(400), np.arange(0, 400, 10), seed=0)
    assert narrow.judged == even.judged == "b" and narrow.n_pool == 400
    for name in ("vendi", "distance", "topics", "distinct_1"):
        assert row(narrow, name).higher == 99 and row(narrow, name).lower == 0
        assert row(narrow, name).p == pytest.approx(2 / 100)
    assert row(narrow, "coverage").b < row(narrow, "coverage").low
    assert row(narrow, "topics").b == pytest.approx(1) and row(narrow, "topics_reached").b == pytest.approx(0.1)
    assert row(even, "topics").b == pytest.approx(10) and row(even, "topics").lower >= 95
    assert row(even, "topics_reached").b == 0.0  # four of each topic: below the five that count
    assert row(even, "topics_apart").b == pytest.approx(0)


def test_ranks_band_p_and_q_by_hand():
    one = replace(by_name("length"), compute=lambda rows: c.Number(float(rows.lengths.mean())))
    lengths = Rows(100, lengths=np.arange(100.0))
    found = c.compare(lengths, np.arange(100), np.arange(90, 100), seed=5, draws=199, measures=[one])
    got = found.table.iloc[0]
    means = [np.random.default_rng([5, 1 + i]).choice(100, 10, replace=False).mean() for i in range(199)]
    assert got.a == 49.5 and got.b == 94.5
    assert got.draws == pytest.approx(means)
    assert (got.lower, got.higher, got.n_draws) == (199, 0, 199)
    assert got.p == pytest.approx(2 * 1 / 200)
    assert (got.low, got.middle, got.high) == pytest.approx(
        tuple(np.quantile(means, (0.025, 0.5, 0.975), method="weibull"))
    )
    middle = c.compare(lengths, np.arange(100), np.argsort(np.abs(np.arange(100) - 49.5))[:10], seed=5, measures=[one])
    got = middle.table.iloc[0]
    below = sum(np.mean(draw) < 49.5 for draw in (np.array(got.draws)[:, None]))
    assert got.lower == below and got.p > 0.5


def test_q_is_corrected_over_the_measures(pool):
    found = c.compare(pool, np.arange(400), np.arange(40), seed=0).table
    np.testing.assert_allclose(found.q, corrected_q(found.p.to_numpy()), equal_nan=True)
    assert (found.q.dropna() >= found.p.dropna()).all()


def test_where_b_is_everything_a_is_judged(pool):
    found = c.compare(pool, np.arange(40), np.arange(400), seed=0)
    assert found.judged == "a"
    assert row(found, "topics").a == pytest.approx(1) and row(found, "topics").higher == 99
    assert row(found, "coverage").reason_b == "is_reference"


def test_a_draw_is_a_draw_from_everyone():
    """A random part is inside the 95 % band of a measure in about 95 of 100 cases; with 60 parts at least in 50."""
    rng = np.random.default_rng(8)
    pool = Rows(300, vectors=unit(rng.normal(size=(300, 8))))
    inside = 0
    for seed in range(60):
        part = rng.choice(300, 60, replace=False)
        got = c.compare(pool, np.arange(300), part, seed=seed, measures=[by_name("vendi")]).table.iloc[0]
        inside += got.low <= got.b <= got.high
    assert inside >= 50


def test_more_examples_than_a_measure_takes_are_sampled_on_both_sides_and_in_every_draw(pool, monkeypatch):
    monkeypatch.setattr(c, "MOST", 100)
    monkeypatch.setattr(c, "MOST_PAIRS", 50)
    measures = [
        replace(one, most=50 if one.name == "nearest" else 100) for one in (by_name("nearest"), by_name("vendi"))
    ]
    found = c.compare(pool, np.arange(400), np.arange(200), seed=1, measures=measures).table
    assert found.n_a.tolist() == found.n_b.tolist() == found.n_draw.tolist() == [50, 100]
    again = c.compare(pool, np.arange(400), np.arange(200), seed=1, measures=measures).table
    assert again.to_json() == found.to_json()


def test_whole_leaves_out_what_needs_a_reference(pool):
    table = c.whole(pool)
    assert set(table.name) == {one.name for one in DIVERSITY if "reference" not in one.needs}
    for got in table.itertuples():
        assert got.value == pytest.approx(measure(by_name(got.name), pool).value, nan_ok=True)


def test_bad_input_is_refused(pool):
    with pytest.raises(MeasureError, match="nothing to compare"):
        c.compare(pool, np.arange(4), np.array([], int), seed=0)
    with pytest.raises(MeasureError, match="same examples"):
        c.compare(pool, np.arange(400), np.arange(400), seed=0)
    with pytest.raises(MeasureError, match="Too few"):
        c.compare(pool, np.arange(400), np.arange(40), seed=0, draws=20)


def test_progress_is_told_and_may_stop(pool):
    told = []

    def stop(done, of):
        told.append((done, of))
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        c.compare(pool, np.arange(400), np.arange(40), seed=0, on_progress=stop)
    assert told == [(0, 99), (1, 99), (2, 99), (3, 99)]


def test_the_band_holds_95_of_100_further_draws():
    """Of 39 draws 1, 2 ... 39 the band ends at the 1st and the 39th: a 40th draw is outside in 2 of 40 cases."""
    one = by_name("length")
    drawn = np.arange(1.0, 40.0)[:, None]
    table = c._table([one], {"a": [c.Number(1.0)], "b": [c.Number(39.5)]}, {"a": 5, "b": 5}, 5)
    got = c._with_draws(table, drawn, np.array([39.5])).iloc[0]
    assert (got.low, got.middle, got.high) == pytest.approx((1.0, 20.0, 39.0))
    assert (got.lower, got.higher) == (39, 0) and got.p == pytest.approx(2 / 40)
