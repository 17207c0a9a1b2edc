"""Near-duplicates of 100,000 short texts, exact diversity of 1,000,000 vectors, all audits of 100,000 examples.

Ratios compare with the plain library call in the same run: datasketch MinHash + MinHashLSH on a tenth of the texts
(times ten), and `vendi_score.score_dual` on the same vectors.

`python -m benchmarks.bench_audits --n 1000000` runs all audits on so many examples of about 170 characters, and no
more; the peak counts the run alone, in a process of its own, with what each audit adds to it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from studio import audits, demo, lexicons
from studio.audits import material
from studio.jobs.task import Task
from studio.records import RunSpec
from studio.settings import Settings, Workspace
from studio.tasks import audit as audit_run

GOALS = {"near-duplicates": 20.0, "diversity": 10.0, "audits": 60.0}


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


def _written(folder: Path, n: int) -> RunSpec:
    """A snapshot of n messages and everything a run of all audits reads, as files; 20 labels' worth of everything."""
    rng = np.random.default_rng(3)
    made = demo.make("en", seed=3, n=6_000).frame
    first, second = (rng.integers(0, len(made), n) for _ in range(2))
    words = [text.split() for text in made["text"]]
    texts = [" ".join(words[a][: len(words[a]) // 2] + words[b][len(words[b]) // 2 :])
             for a, b in zip(first, second, strict=True)]  # fmt: skip
    frame = pd.DataFrame({"example_id": np.arange(n), "text": texts})
    for name in ("source", "time"):
        frame[name] = made[name].to_numpy()[second]
    frame["language"] = "en"
    groups = ("gender", "age_band", "region", "channel")
    for name in groups:
        frame[f"group_{name}"] = made[name].to_numpy()[rng.integers(0, len(made), n)]
    frame.to_parquet(folder / "examples.parquet", index=False)
    given = pd.DataFrame({"example_id": np.arange(n), "label": made["label"].to_numpy()[first],
                          "cluster": rng.integers(-1, 80, n), "fluency": rng.normal(size=n),
                          "rule_quality": rng.random(n)})  # fmt: skip
    reference = {name: dict(made[name].value_counts(normalize=True)) for name in groups}
    names = {code: f"topic {code}" for code in range(80)}
    facts = material.Facts("en", groups, reference, names, lexicons.builtin("en"), 0, audits.N_FAMILIES)
    material.write(folder / "given", given, facts)
    (folder / "knn").mkdir()
    np.save(folder / "knn" / "idx.npy", rng.integers(0, n, (n, 15)).astype(np.int32))
    np.save(folder / "knn" / "dist.npy", np.sort(rng.random((n, 15)).astype(np.float32), axis=1))
    params = {"names": [audit.name for audit in audits.AUDITS], "version": audits.VERSION}
    return RunSpec("bench", "audit", "bench", "", "bench", params=params,
                   inputs={"examples": "examples.parquet", "given": "given", "knn": "knn"})  # fmt: skip


class _Measured(Task):
    """A task that notes the peak of memory whenever an audit begins."""

    peaks: dict[str, float]

    def barrier(self, name: str) -> None:
        """The peak so far, under the name of the point the run has come to."""
        self.peaks = getattr(self, "peaks", {}) | {name: _peak()}
        super().barrier(name)


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)


def _run_all(root: Path, spec: RunSpec) -> None:
    run_dir = root / "runs" / "bench"
    run_dir.mkdir(parents=True)
    task = _Measured(run_dir, spec, Settings(workspace=Workspace(root)))
    started, cpu = time.perf_counter(), time.process_time()
    result = audit_run.run(task)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    own = sum(result["seconds"].values())
    slowest = dict(sorted(result["seconds"].items(), key=lambda item: -item[1])[:5])
    peaks = list((task.peaks | {"end": _peak()}).items())
    grew = {name: round(later - peak, 2) for (name, peak), (_, later) in zip(peaks, peaks[1:], strict=False)}
    _report(f"all audits, {result['n']:,} examples, one run", seconds, cpu_s=round(cpu, 1),
            goal_s=GOALS["audits"] if result["n"] == 100_000 else None, audits=len(result["seconds"]),
            copies_s=round(seconds - own, 1), slowest=slowest, not_computed=result["not_computed"],
            begins_gib=peaks[0][1], grew_gib={k: grown for k, grown in grew.items() if grown >= 0.05})  # fmt: skip


def all_audits(n: int = 100_000) -> None:
    """Every audit of the catalogue as one run, copies looked for first; the slowest and the hungriest ones by name."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        context = multiprocessing.get_context("spawn")
        with context.Pool(1, maxtasksperchild=1) as pool:  # what writing the corpus takes is no part of the run
            spec = pool.apply(_written, (root, n))
        with context.Pool(1, maxtasksperchild=1) as pool:
            pool.apply(_run_all, (root, spec))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, help="all audits alone, on so many examples")
    asked = parser.parse_args().n
    if asked:
        all_audits(asked)
    else:
        near_duplicates()
        all_audits()
        diversity()
