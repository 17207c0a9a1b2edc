"""Texts per second of the built-in encoders, beside SentenceTransformer.encode with its defaults, in the same process.

`python benchmarks/bench_embed.py [--data DIR]` prints one JSON object. Runs alternate and the best of three counts, so
that other work on the machine hurts both sides alike.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from studio.models.lexical import LexicalEncoder
from studio.models.minilm import MiniLM, model_folder
from studio.models.static import StaticEncoder

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
N_SHORT, N_LONG, ROUNDS = 1_000, 160, 3


def short_texts(data: Path) -> list[str]:
    """Bank customer queries, about 12 words each; made-up ones where the corpus is absent."""
    file = data / "banking77" / "train.csv"
    if file.is_file():
        with file.open(newline="", encoding="utf-8") as handle:
            return [row["text"] for row in csv.DictReader(handle)][: 20 * N_SHORT]
    return [f"Why was my card payment number {i} declined at the shop today?" for i in range(10_000)]


def long_texts(short: Sequence[str]) -> list[str]:
    """Texts of about 250 tokens, made of consecutive short ones."""
    return [" ".join(short[20 * i : 20 * i + 20]) for i in range(N_LONG)]


def best(acts: dict[str, Callable[[], Any]], n: int) -> dict[str, float]:
    """Texts per second of each act: alternating rounds, the best of each."""
    seconds: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(ROUNDS):
        for name, act in acts.items():
            start = time.perf_counter()
            act()
            seconds[name].append(time.perf_counter() - start)
    return {name: round(n / min(took), 1) for name, took in seconds.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--static", action="store_true", help="distil the fast encoder too (about 30 s)")
    arguments = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    everything = short_texts(arguments.data)
    short, long = everything[::10][:N_SHORT], long_texts(everything)
    ours, exact = MiniLM("cpu"), MiniLM("cpu", precision="float32")
    theirs = SentenceTransformer(str(model_folder()), device="cpu", local_files_only=True)
    result: dict[str, Any] = {"benchmark": "embed", "precision": ours.precision}
    for name, texts in (("short", short), ("long", long)):
        speeds = best(
            {"winnow": lambda t=texts: ours.encode(t), "library": lambda t=texts: theirs.encode(t)}, len(texts)
        )
        cosine = (ours.encode(texts) * exact.encode(texts)).sum(axis=1)
        result[f"minilm_{name}"] = speeds | {
            "ratio": round(speeds["winnow"] / speeds["library"], 2),
            "min_cosine_to_float32": round(float(np.min(cosine)), 5),
        }
    start = time.perf_counter()
    lexical = LexicalEncoder.fit(everything)
    result["lexical"] = {"fit_s": round(time.perf_counter() - start, 2)}
    result["lexical"] |= best({"texts_per_s": lambda: lexical.encode(everything)}, len(everything))
    if arguments.static:
        start = time.perf_counter()
        static = StaticEncoder.distil(ours)
        result["static"] = {"distil_s": round(time.perf_counter() - start, 1)}
        result["static"] |= best({"texts_per_s": lambda: static.encode(everything)}, len(everything))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
