"""Cleaning 100,000 short texts: every step that needs no vectors, one by one, English and Chinese.

Ratios compare with the plain library in the same run: py3langid on every text for the language step.
"""

from __future__ import annotations

import json
import resource
import time

import numpy as np

from studio import demo
from studio.corpus import cleaning
from studio.corpus.cleaning.recipe import Recipe, plan
from studio.corpus.cleaning.run import clean
from studio.corpus.cleaning.table import Table

N = 100_000
GOAL_NEAR_S, GOAL_ALL_S = 20.0, 120.0


def _report(name: str, seconds: float, **more: object) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(json.dumps({"benchmark": name, "seconds": round(seconds, 2), "peak_gib": round(peak, 2)} | more), flush=True)


def _table(language: str) -> Table:
    """The built-in corpus made large: 6,400 texts a seed, each told apart by its own last words."""
    texts: list[str] = []
    rows: list[dict[str, str]] = []
    seed = 1
    while len(texts) < N:
        frame = demo.make(language, seed=seed).frame
        rows += frame.to_dict("records")
        texts += frame["text"].tolist()
        seed += 1
    texts, rows = texts[:N], rows[:N]
    groups = {f"group_{name}": [row[name] for row in rows] for name in ("gender", "region", "channel")}
    return Table(np.arange(N), texts, {}, [row["label"] for row in rows], np.zeros(N, bool), groups)


def main() -> None:
    """Every step once over the same texts, then the suggested list at a stretch."""
    names = [step.name for step in cleaning.STEPS if "knn" not in step.needs]
    for language in ("en", "zh"):
        table = _table(language)
        total = 0.0
        for name in names:
            values = {"segment": True} if name == "words" else {"action": "flag"} if name in ("length", "near") else {}
            texts = list(table.texts)
            started = time.perf_counter()
            found = clean(table, (plan(name, values),))
            seconds = time.perf_counter() - started
            total += seconds
            table.texts[:] = texts
            goal = {"goal_s": GOAL_NEAR_S} if name == "near" else {}
            _report(f"clean {name}, 100k {language}", seconds, touched=found.steps[0].n_changed
                    + found.steps[0].n_dropped + found.steps[0].n_flagged, **goal)  # fmt: skip
        _report(f"clean, all {len(names)} steps without vectors, 100k {language}", total, goal_s=GOAL_ALL_S)
    _plain_identifier()


def _plain_identifier() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    table = _table("en")
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    started = time.perf_counter()
    for text in table.texts:
        identifier.classify(text)
    plain = time.perf_counter() - started
    started = time.perf_counter()
    clean(table, Recipe((plan("language"),)).plans)
    ours = time.perf_counter() - started
    _report(
        "language step beside py3langid alone, 100k en", ours, library_s=round(plain, 2), ratio=round(plain / ours, 2)
    )


if __name__ == "__main__":
    main()
