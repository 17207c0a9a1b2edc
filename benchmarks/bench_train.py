"""Cost of our callbacks per training step: the same Trainer, model, rows and settings with and without them.

Ours writes progress, metric lines and sealed checkpoints through a real Task; plain is `transformers.Trainer` alone.
The two run in turns and the quickest of each counts, since other work on the machine only ever adds time.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

GOAL = 0.05
TURNS, ROWS = 4, 320
_WORDS = "card account refund password order delivery payment invoice late please help today again still closed".split()


def _data(n: int) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(0)
    labels = [f"queue {i % 12}" for i in range(n)]
    return [" ".join(rng.choice(_WORDS, 16)) for _ in range(n)], labels


def _task(root: Path) -> Any:
    from studio.jobs import rundir
    from studio.jobs.task import Task
    from studio.records import RunSpec
    from studio.settings import Settings, Workspace

    workspace = Workspace(root).make()
    spec = RunSpec("bench", "train", "bench", rundir.utc_now(), "bench")
    return Task(rundir.create(workspace.runs, spec), spec, Settings(workspace))


def _once(folder: Path, *, ours: bool) -> float:
    """Seconds of one fit; building the model and tokenising are not counted."""
    from transformers import PrinterCallback, Trainer, set_seed

    from studio.models import bases, classifier
    from studio.training.plan import TrainPlan
    from studio.training.trainer import Labelled, build_trainer

    texts, labels = _data(ROWS)
    plan = TrainPlan(method="lora", epochs=1, lr=1e-3, patience=0, max_length=64)
    set_seed(0)
    place = bases.folder("minilm")
    names = sorted(set(labels))
    model = classifier.add_lora(classifier.build(place, names), rank=8, alpha=16, targets=("query", "value"))
    tokenizer = bases.tokenizer(place)
    steps = folder / "checkpoints" / ".steps"
    steps.mkdir(parents=True)
    trainer = build_trainer(plan, model, tokenizer, Labelled(texts, labels), Labelled([], []), names, steps,
                            _task(folder / "ws"), "cpu")  # fmt: skip
    if not ours:
        trainer = Trainer(model=model, args=trainer.args, train_dataset=trainer.train_dataset,
                          data_collator=trainer.data_collator)  # fmt: skip
        trainer.remove_callback(PrinterCallback)  # stdout is for the one JSON line
    started = time.perf_counter()
    trainer.train()
    return time.perf_counter() - started


def main() -> None:
    """Print one JSON line."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(TURNS):
        for ours in (turn % 2 == 0, turn % 2 == 1):
            with tempfile.TemporaryDirectory() as folder:
                times[ours].append(_once(Path(folder), ours=ours))
    best, plain = min(times[True]), min(times[False])
    steps = -(-ROWS // 16)
    print(json.dumps({
        "benchmark": "train_step", "steps": steps, "ms_per_step": round(1000 * best / steps, 1),
        "plain_ms_per_step": round(1000 * plain / steps, 1), "overhead": round(best / plain - 1, 4), "goal": GOAL,
        "met": best / plain - 1 <= GOAL, "turns": TURNS,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
