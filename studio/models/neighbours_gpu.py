"""The exact k-NN graph by torch, on a GPU where the run has one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from studio.records import Array, Knn

TIE = 1e-6  # as studio.mapping.neighbours has it: similarities closer than this are equal
CELLS = 64_000_000  # similarities at once: with integer keys and their copies about 2 GB of the card


def nearest_on_device(
    vectors: Array,
    k: int,
    *,
    device: str,
    cells: int = CELLS,
    on_progress: Callable[[int], None] | None = None,
    check_stop: Callable[[], None] | None = None,
) -> Knn:
    """The k nearest other rows of every row by cosine distance, exactly: the order of `nearest_neighbours`.

    Each similarity becomes one integer, its step of 1e-6 times n less the position, so that the largest keys are the
    nearest rows with ties by position. Products are made in full float32 (no TF32).

    Args:
        vectors: (n, d) float32 unit rows.
        k: neighbours wanted; cut to n - 1.
        device: a torch device, such as cuda or cpu.
        cells: similarities held at once.
        on_progress: called with the number of rows done.
        check_stop: called before each block; raises to stop.
    """
    import torch  # heavy: only workers need it

    n = len(vectors)
    k = min(k, n - 1)
    indices, distances = np.empty((n, max(k, 0)), dtype=np.int32), np.empty((n, max(k, 0)), dtype=np.float32)
    if k < 1:
        return Knn(indices, distances)
    torch.backends.cuda.matmul.allow_tf32 = False
    base = torch.from_numpy(np.array(vectors, dtype=np.float32)).to(device)
    position = torch.arange(n, dtype=torch.int64, device=device)
    height = max(1, min(n, cells // n))
    for start in range(0, n, height):
        if check_stop is not None:
            check_stop()
        stop = min(start + height, n)
        step = torch.round((base[start:stop] @ base.T).double() / TIE).to(torch.int64)  # (rows, n)
        step[torch.arange(stop - start, device=device), position[start:stop]] = -(2**40)
        best = torch.topk(step * n + (n - 1 - position), k, dim=1, sorted=True).values
        places = n - 1 - torch.remainder(best, n)
        steps = torch.div(best, n, rounding_mode="floor")
        indices[start:stop] = places.to(torch.int32).cpu().numpy()
        distances[start:stop] = np.clip(1 - steps.cpu().numpy() * TIE, 0, 2)
        if on_progress is not None:
            on_progress(stop)
    return Knn(indices, distances)
