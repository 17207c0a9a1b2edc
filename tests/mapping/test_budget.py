"""What a map needs grows with the corpus, and the measured sizes fit into what is said of them."""

from __future__ import annotations

import pytest

from studio.mapping.budget import embed_need, map_need

GIB = 1024**3


def embed(n: int, cores: int = 2):
    return embed_need(n, 384, 30, characters=60, encode_s=0.0, cores=cores)


def test_a_million_rows_fit_into_sixteen_gigabytes():
    assert map_need(1_000_000, 384, 30).peak_bytes < 16 * GIB
    assert embed(1_000_000).peak_bytes < 16 * GIB


def test_need_grows_with_rows_and_falls_with_cores():
    sizes = (1_000, 10_000, 100_000, 1_000_000)  # 50,000 searched exactly take longer than 100,000 through cells
    for need in (map_need(n, 384, 30) for n in sizes), (embed(n) for n in sizes):
        listed = list(need)
        assert all(a.peak_bytes < b.peak_bytes for a, b in zip(listed, listed[1:], strict=False))
        assert all(a.seconds < b.seconds for a, b in zip(listed, listed[1:], strict=False))
    assert embed(100_000, cores=8).seconds < embed(100_000).seconds
    assert map_need(10_000, 384, 30, characters=50_000).peak_bytes > map_need(10_000, 384, 30).peak_bytes


def test_twice_the_rows_cost_four_times_the_exact_search():
    # without the constant 5 seconds: 20,000 and 40,000 rows are both searched exactly
    assert (embed(40_000).seconds - 5) / (embed(20_000).seconds - 5) == pytest.approx(4.0)
