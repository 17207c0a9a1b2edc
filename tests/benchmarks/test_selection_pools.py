"""Pools of the selection benchmark hold what they say: shares of dirt, wrong labels, a long tail, by seed."""

import numpy as np
import pytest

from benchmarks import selection_pools as pools

Y = np.repeat(np.arange(5), 100)
COPY_OF = np.arange(0, 500, 2)


def dirty(seed, base=100):
    return pools.draw_dirty(Y, COPY_OF, 80, base, np.random.default_rng(seed))


def test_a_dirty_pool_has_thirty_per_cent_off_topic_rows_and_twenty_per_cent_copies_on_top():
    drawn = dirty(0)
    assert np.bincount(drawn.kind).tolist() == [100, 30, 20]
    assert (drawn.label[drawn.kind == 1] == pools.SKIPPED).all()
    for kind in (0, 1, 2):
        places = drawn.place[drawn.kind == kind]
        assert len(set(places)) == len(places)


def test_a_fifth_of_the_own_labels_is_wrong_and_copies_repeat_the_label_of_their_original():
    for seed in range(5):
        drawn = dirty(seed)
        own = drawn.kind == 0
        assert (drawn.label[own] != Y[drawn.place[own]]).sum() == 20
        assert set(drawn.label[own]) <= set(range(5))
        bought = dict(zip(drawn.place[own].tolist(), drawn.label[own].tolist(), strict=True))
        for place, label in zip(drawn.place[drawn.kind == 2], drawn.label[drawn.kind == 2], strict=True):
            assert bought[int(COPY_OF[place])] == label


def test_the_commonest_class_of_the_tail_is_ten_times_the_rarest():
    """Few rows of many: drawing without replacement hardly bends the weights 1, 10^-1/4, ..., 0.1."""
    y = np.repeat(np.arange(5), 20_000)
    drawn = pools.draw_dirty(y, np.arange(len(y)), 600, 2_000, np.random.default_rng(3))
    counts = np.sort(np.bincount(y[drawn.place[drawn.kind == 0]], minlength=5))[::-1]
    weights = 0.1 ** (np.arange(5) / 4)
    assert counts / 2_000 == pytest.approx(weights / weights.sum(), abs=0.03)


def test_kinds_are_shuffled_so_that_ties_by_id_say_nothing():
    kind = dirty(1).kind
    assert 0.3 < (kind[:75] == 0).mean() < 0.95


def test_the_same_seed_draws_the_same_pool_and_another_seed_another():
    one, same, other = dirty(4), dirty(4), dirty(5)
    for field in ("kind", "place", "label"):
        assert np.array_equal(getattr(one, field), getattr(same, field))
    assert not np.array_equal(one.place, other.place)


def test_too_few_copies_or_strangers_are_refused():
    with pytest.raises(ValueError, match="copies"):
        pools.draw_dirty(Y, COPY_OF[:5], 80, 100, np.random.default_rng(0))
    with pytest.raises(ValueError, match="off-topic"):
        pools.draw_dirty(Y, COPY_OF, 29, 100, np.random.default_rng(0))


def test_a_clean_pool_has_true_labels_only():
    drawn = pools.draw_clean(Y, 50, np.random.default_rng(0))
    assert len(set(drawn.place)) == 50
    assert np.array_equal(drawn.label, Y[drawn.place])


COPIED = [
    ("a b c d", "en"),
    ("one", "en"),
    ("我要退货", "zh"),
    ("a a a a a", "en"),
    ("好好好好好", "zh"),
    ("🙂", "en"),
    ("", "en"),
]


@pytest.mark.parametrize(("text", "language"), COPIED)
def test_a_copy_is_another_text_of_nearly_the_same_units(text, language):
    for seed in range(30):
        made = pools.near_copy(text, language, np.random.default_rng(seed))
        assert made != text
        units = (lambda t: list(t)) if language == "zh" else str.split
        assert abs(len(units(made)) - len(units(text))) <= 1


def test_goemotions_keeps_the_first_label_and_tests_on_rows_it_does_not_draw_from(shared_data):
    rows, held = pools.read_rows("goemotions", 0)
    assert len(rows) + len(held) == 5_426 + 5_427
    assert len(held) == pools.TEST
    assert dict(rows)["You know the answer man, you are programmed to capture those codes they send you, "
                      "don’t avoid them!"] == "approval"  # labels 4 and 27  # fmt: skip


def test_a_corpus_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(pools, "DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match="banking77 is not on this machine"):
        pools.read_rows("banking77", 0)
