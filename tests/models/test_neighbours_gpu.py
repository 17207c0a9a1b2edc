"""The torch search names the same neighbours as the exact one: on the CPU here, on a GPU where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from studio.mapping.neighbours import nearest_neighbours
from studio.models.devices import inspect
from studio.models.neighbours_gpu import nearest_on_device


def rows(n: int = 500, d: int = 24) -> np.ndarray:
    rng = np.random.default_rng(0)
    found = rng.normal(size=(n, d))
    found[: n // 10] = found[n // 10 : n // 5]  # copies: ties go by position
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    found[-3:] = 0
    return found.astype(np.float32)


def same(found, exact) -> None:
    assert found.indices.dtype == np.int32 and found.distances.dtype == np.float32
    assert np.abs(found.distances - exact.distances).max() < 2e-6
    assert (found.indices == exact.indices).mean() > 0.99  # a tie may fall on the other side of a step
    assert (found.indices != np.arange(len(found.indices))[:, None]).all()


@pytest.mark.parametrize("cells", [10_000, 10**9])
def test_on_the_cpu_it_equals_the_exact_search(cells):
    vectors = rows()
    same(nearest_on_device(vectors, 10, device="cpu", cells=cells), nearest_neighbours(vectors, 10, exact=True))


def test_tiny_corpora_and_a_stop():
    assert nearest_on_device(rows(1), 5, device="cpu").indices.shape == (1, 0)
    assert nearest_on_device(rows(4), 5, device="cpu").indices.shape == (4, 3)

    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        nearest_on_device(rows(), 5, device="cpu", check_stop=stop)


@pytest.mark.gpu
@pytest.mark.skipif(inspect().device != "cuda", reason="no GPU, or a torch that cannot use it")
def test_on_a_gpu_it_equals_the_exact_search():
    vectors = rows(5_000, 384)
    same(nearest_on_device(vectors, 30, device="cuda"), nearest_neighbours(vectors, 30, exact=True))
