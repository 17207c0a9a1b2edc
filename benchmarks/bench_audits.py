"""Near-duplicates of 100,000 short texts, exact diversity of 1,000,000 vectors, count audits of 100,000 examples.

Ratios compare with the plain library call in the same run: datasketch MinHash + MinHashLSH on a tenth of the texts
(times ten), and `vendi_score.score_dual` on the same vectors.
"""

from __future__ import annotations

import json
import resource
import time

import numpy as np
import pandas as pd

GOALS = {"near-duplicates": 20.0, "diversity": 10.0}


def _report(name: str, seconds: float, **more: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    line = {"benchmark": name, "seconds": round(seconds, 2), "peak_gib": round(peak, 2)} | more
    print(json.dumps(line), flush=True)


def _texts(n: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Texts of 6 to 17 words of a Zipf vocabulary, 4 % of them a copy with one word changed; and which are."""
    words = np.array([f"word{i}" for i in range(20_000)], dtype=object)
    weights = 1 / np.arange(1, len(words) + 1)
    lengths = rng.integers(8, 18, n)
    drawn = rng.choice(words, int(lengths.sum()), p=weights / weights.sum())
    texts = [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]
    planted = np.zeros(n, dtype=bool)
    for source in rng.choice(n // 2, n // 25, replace=False):
        tokens = texts[source].split()
        tokens[rng.integers(len(tokens))] = "changed"
        texts[n // 2 + source] = " ".join(tokens)
        planted[[source, n // 2 + source]] = True
    return texts, planted


def near_duplicates(n: int = 100_000) -> None:
    """Ours on all texts; datasketch on a tenth of them."""
    from datasketch import MinHash, MinHashLSH
    from sklearn.metrics import f1_score

    from studio.corpus.dedup import find_duplicates, shingles

    texts, planted = _texts(n, np.random.default_rng(1))
    started = time.perf_counter()
    found = find_duplicates(texts, np.random.default_rng(0))
    seconds = time.perf_counter() - started
    macro_f1 = f1_score(planted, np.bincount(found.families, minlength=n)[found.families] > 1, average="macro")
    started = time.perf_counter()
    index = MinHashLSH(threshold=0.7, num_perm=128)
    for i, text in enumerate(texts[: n // 10]):
        one = MinHash(num_perm=128, seed=1)
        one.update_batch([" ".join(part).encode() for part in shingles(text)])
        index.query(one)
        index.insert(i, one)
    plain = 10 * (time.perf_counter() - started)
    _report("near-duplicates, 100k short texts", seconds, goal_s=GOALS["near-duplicates"], macro_f1=round(macro_f1, 4),
            rate=round(found.rate, 4), datasketch_s=round(plain, 1), ratio=round(plain / seconds, 1))  # fmt: skip


def diversity(n: int = 1_000_000, d: int = 384) -> None:
    """Vendi score (four orders) and mean distance of float32 unit rows."""
    from vendi_score import vendi

    from studio.diversity.vendi import mean_distance, spread, vendi_scores

    rng = np.random.default_rng(2)
    rows = rng.standard_normal((n, d), dtype=np.float32) * np.linspace(2, 0.1, d, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    started = time.perf_counter()
    of = spread(rows)
    scores, distance = vendi_scores(of), mean_distance(of)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    oracle = vendi.score_dual(rows, normalize=False)
    plain = time.perf_counter() - started
    _report("vendi and mean cosine, 1M x 384", seconds, goal_s=GOALS["diversity"], vendi=round(scores[1.0], 4),
            distance=round(distance, 6), library_s=round(plain, 1), ratio=round(plain / seconds, 2),
            relative_difference=float(abs(scores[1.0] - oracle) / oracle))  # fmt: skip


def count_audits(n: int = 100_000) -> None:
    """Representation, association, balance, lengths and give-away words of a corpus with 77 labels."""
    from studio import audits

    rng = np.random.default_rng(3)
    texts, _ = _texts(n, rng)
    frame = pd.DataFrame({"example_id": np.arange(n), "text": texts, "label": rng.integers(0, 77, n).astype(str)})
    for group in ("g", "h", "k"):
        frame[f"group_{group}"] = rng.choice(list("abcdef"), n)
    context = audits.Context(groups=("g", "h", "k"))
    for audit in audits.AUDITS:
        if audit.name in ("representation", "association", "balance", "lengths", "shortcuts"):
            started = time.perf_counter()
            audits.run(audit, frame, context)
            _report(f"audit {audit.name}, 100k examples, 77 labels", time.perf_counter() - started)


if __name__ == "__main__":
    near_duplicates()
    count_audits()
    diversity()
