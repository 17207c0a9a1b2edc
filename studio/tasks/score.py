"""Run kind `score`: one number per text from a scorer model of the host's choice.

params: scorer (its name in STUDIO_SCORER), output (the class that counts), before_model (hash of the model that made
the given scores). inputs: examples (the snapshot's Parquet); where the corpus was scored before, before (the Parquet of
that snapshot) and before_scores (Parquet: example_id, raw): texts that occur there are not asked again by the same
model.
checkpoints/: chunk-<model>-<start>.npy (value, how it ended); a later attempt goes on from them.
result/: scores.parquet (example_id, value).
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from studio.errors import MeasureError
from studio.jobs.task import Task
from studio.models import scorer as scorers
from studio.records import Array
from studio.tasks.embed import read_texts

log = logging.getLogger(__name__)
CHUNK_ROWS = 2_048


def run(task: Task) -> dict[str, Any]:
    """Score every text once; equal texts get the same score, empty ones none.

    Raises:
        CorpusError: the snapshot has no examples.
        ModelError: the scorer is not configured any more, or cannot be loaded.
        MeasureError: no text could be scored, or another class counts now.
        StopRequested: someone asked the run to end; finished chunks stay.
    """
    scorer = scorers.by_name(task.settings.scorers, str(task.spec.params["scorer"]))
    if scorer.output != task.spec.params["output"]:
        raise MeasureError("The scorer's class was changed since this was started",
                           got=f"{task.spec.params['output']} and {scorer.output}", fix="Start it again.")  # fmt: skip
    ids, texts = read_texts(task)
    task.progress(0, len(texts), "scorer.run_reading")
    stamp, content = scorers.stamp(scorer), scorers.content_hash(scorer)
    unique = list(dict.fromkeys(texts))
    known = _known(task, content)
    asked = [text for text in unique if text not in known]
    task.progress(0, max(len(asked), 1), "scorer.run_loading")
    model = scorers.Model(scorer, task.device)
    apart = model.settle(asked)
    values, ends = _score(task, model, asked, content)
    found = known | dict(zip(asked, values.tolist(), strict=True))
    column = np.array([found[text] for text in texts], np.float64)
    if not np.isfinite(column).any():
        raise MeasureError("The scorer gave no number for any text", got=f"{len(texts)} texts",
                           fix="Look at the model and at the texts.")  # fmt: skip
    pq.write_table(pa.table({"example_id": ids, "value": column}), task.result_dir / "scores.parquet")
    failed = {text for text, end in zip(asked, ends.tolist(), strict=True) if end == scorers.FAILED}
    cut = {text for text, end in zip(asked, ends.tolist(), strict=True) if end == scorers.CUT}
    counts = {
        "n": len(texts),
        "n_empty": sum(not text.strip() for text in texts),
        "n_failed": sum(text in failed for text in texts),
        "n_cut": sum(text in cut for text in texts),
        "n_known": len(unique) - len(asked),
        "n_asked": len(asked),
    }
    log.info("scorer=%s precision=%s %s", scorer.name, model.precision, counts)
    facts = {"model": content, "stamp": stamp, "kind": scorer.kind, "longest": model.longest, "device": model.device}
    return counts | facts | {"precision": model.precision, "precision_difference": apart}


def _known(task: Task, content: str) -> dict[str, float]:
    """Text -> score by the same model in an earlier snapshot of the corpus; texts without a score are asked again."""
    if "before" not in task.spec.inputs or task.spec.params.get("before_model") != content:
        return {}
    texts = pq.read_table(task.input_path("before"), columns=["example_id", "text"]).to_pandas()
    given = pq.read_table(task.input_path("before_scores")).to_pandas()
    both = texts.merge(given, on="example_id")
    both = both[both["raw"].notna() & both["text"].notna()]
    return dict(zip(both["text"], both["raw"].astype(float), strict=True))


def _score(task: Task, model: scorers.Model, texts: list[str], content: str) -> tuple[Array, Array]:
    """Values (n,) and ends (n,) in the order of the texts; whole chunks are kept."""
    values, ends = np.full(len(texts), np.nan), np.zeros(len(texts), np.int8)
    for start in range(0, len(texts), CHUNK_ROWS):
        task.check_stop()
        part = texts[start : start + CHUNK_ROWS]
        kept = task.checkpoints_dir / f"chunk-{content[:12]}-{start:09d}.npy"
        rows = _read(kept, len(part))
        if rows is None:
            own, how = model.score(
                part,
                on_progress=lambda done, base=start: task.progress(base + done, len(texts), "scorer.run_scoring"),
                check_stop=task.check_stop,
            )
            rows = np.column_stack([own, how.astype(np.float64)])
            building = task.checkpoints_dir / f".chunk-{start}.npy"
            np.save(building, rows, allow_pickle=False)
            os.replace(building, kept)
            task.checkpoint(kept.name)
        values[start : start + len(part)], ends[start : start + len(part)] = rows[:, 0], rows[:, 1].astype(np.int8)
        task.progress(start + len(part), len(texts), "scorer.run_scoring")
        task.barrier("scoring_texts")
    return values, ends


def _read(path: Path, n: int) -> Array | None:
    """A whole chunk of an earlier attempt, or None."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows if rows.shape == (n, 2) and rows.dtype == np.float64 else None
