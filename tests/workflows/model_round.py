"""A finished round with known predictions: texts of women that are not toxic get too high a probability of it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studio.corpus.schema import write_snapshot
from studio.store import corpora, rounds, snapshots, splits
from studio.training.evaluate import evaluate
from studio.workflows.studio import Studio
from studio.workflows.train import default_plan

LABELS = ("fine", "toxic")


def make(studio: Studio, *, n: int = 400, shift: float = 0.3, test: bool = False, seed: int = 0) -> str:
    """Write corpus, splits (half validation, half test) and round `r1`; returns the snapshot id."""
    rng = np.random.default_rng(seed)
    is_she, is_toxic = rng.random(n) < 0.5, rng.random(n) < 0.4
    rows = [{"example_id": i + 1, "text": f"{'she' if is_she[i] else 'he'} wrote letter {i}",
             "label": LABELS[int(is_toxic[i])], "group_side": "wm"[int(not is_she[i])]} for i in range(n)]  # fmt: skip
    manifest = write_snapshot(rows, studio.workspace.snapshots, groups=("side",), language="en")
    snapshot_id = str(manifest["snapshot_id"])
    corpora.add(studio.store, corpus_id="c1", name="Letters", language="en", task="classification", by="t")
    snapshots.add(studio.store, manifest, corpus_id="c1", name="Letters", by="t")
    ids, parts = np.arange(1, n + 1), np.where(np.arange(n) % 2, "test", "validation")
    splits.decide(studio.store, snapshot_id, ids=ids, names=parts, method="random", seed=0, shares={}, by="t")
    score = np.clip(0.25 + 0.4 * is_toxic + 0.1 * rng.normal(size=n) + shift * (is_she & ~is_toxic), 0.01, 0.99)
    said = [LABELS[int(value > 0.5)] for value in score]
    folder = studio.workspace.model_dir("r1")
    folder.mkdir()
    pd.DataFrame({"example_id": ids, "part": parts, "predicted": said, "margin": 0.5, "entropy": 0.5,
                  "least_confidence": 0.5, "probs": [[1 - value, value] for value in score]}).to_parquet(
        folder / "predictions.parquet")  # fmt: skip
    held = parts == "validation"
    truth = [LABELS[int(y)] for y in is_toxic[held]]
    result = evaluate(
        truth,
        [label for label, own in zip(said, held, strict=True) if own],
        labels=LABELS,
        rng=np.random.default_rng(0),
        groups={"side": [row["group_side"] for row in rows[::2]]},
    )
    plan = default_plan("ngrams", "linear_probe")
    report = {"labels": list(LABELS), "validation": result, "device": "cpu", "fit": {"seconds": 2.0, "steps": 0},
              "n_train": 30, "n_simulated": 0, "gate": [], "plan": plan.to_json()}  # fmt: skip
    rounds.add(studio.store, {
        "round_id": "r1", "corpus_id": "c1", "snapshot_id": snapshot_id, "name": "first", "arm": "selection",
        "run_id": "r1", "loop_id": None, "plan": plan.to_json(), "n_train": 30, "n_validation": len(truth),
        "accuracy": result["accuracy"]["value"], "macro_f1": result["macro_f1"]["value"],
        "report": report | ({"test": result} if test else {}), "path": "models/r1", "test_openings": int(test),
        "created_by": "t",
    })  # fmt: skip
    return snapshot_id
