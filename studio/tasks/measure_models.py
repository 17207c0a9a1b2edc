"""Asking the configured language models: every text once, what is known already not again, chunk by chunk."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from studio.errors import MeasureError, ModelError, StudioError
from studio.jobs.task import Task
from studio.models import language
from studio.records import Array, Batch, Measure

log = logging.getLogger(__name__)
CHUNK_ROWS = 1_024
KINDS: Mapping[str, str] = {"lm_losses": "causal", "answer_losses": "causal", "masked_losses": "masked"}
_WIDTH = {"lm_losses": 1, "answer_losses": 2, "masked_losses": 1}
_ROLES = ("text", "prompt", "context", "completion")


@dataclass
class Asked:
    """The batch with what the models said, what was known before, what could not be asked, and how many were."""

    batch: Batch
    known: dict[str, Array] = field(default_factory=dict)
    skipped: dict[str, Mapping[str, str]] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def completed(self, measure: str, values: Array) -> Array:
        """The values, with those known before in place of the ones that were not asked for again."""
        before = self.known.get(measure)
        return values if before is None else np.where(np.isfinite(before), before, values)


def ask(task: Task, measures: Sequence[Measure], batch: Batch) -> Asked:
    """Fill the fields that come from language models; other measures are left alone.

    A measure whose model cannot be used is skipped with the reason. Rows of an earlier version of the corpus with the
    same texts and a value by the same model keep it.

    Raises:
        StopRequested: someone asked the run to end; finished chunks stay.
    """
    made = Asked(batch)
    by_field: dict[str, list[Measure]] = {}
    for measure in measures:
        for need in KINDS.keys() & set(measure.needs):
            by_field.setdefault(need, []).append(measure)
    if not by_field:
        return made
    rows = _rows(task.input_path("examples"))
    made.known = _known(task, rows, [one.name for own in by_field.values() for one in own])
    loaded: dict[str, language.LanguageModel] = {}
    for need, own in sorted(by_field.items()):
        missing = np.zeros(len(batch.ids), dtype=bool)
        for measure in own:
            missing |= ~np.isfinite(made.known.get(measure.name, np.full(len(batch.ids), np.nan)))
        try:
            values, n_asked = _field(task, need, own[0], rows, np.flatnonzero(missing), loaded)
        except (ModelError, MeasureError) as error:
            made.skipped |= {one.name: _reason(error) for one in own}
            log.warning("field=%s skipped: %s", need, error.line())
            continue
        made.batch = replace(made.batch, **{need: values if _WIDTH[need] > 1 else values[:, 0]})
        made.counts[need] = {"n_known": int((~missing).sum()), "n_asked": n_asked,
                             "n_failed": int(np.isnan(values[missing]).any(axis=1).sum())}  # fmt: skip
    return made


def _reason(error: StudioError) -> dict[str, str]:
    return {"what": error.what, "got": error.got_text(), "fix": error.fix}


def _rows(path: Path) -> list[tuple[str, str, str, str]]:
    """Text, prompt, context and completion of every example."""
    table = pq.read_table(path, columns=list(_ROLES))
    return list(zip(*([value or "" for value in table[name].to_pylist()] for name in _ROLES), strict=True))


def _known(task: Task, rows: Sequence[tuple[str, ...]], names: Sequence[str]) -> dict[str, Array]:
    """Measure -> (n,) values of examples that were scored before with the same texts, NaN for all others."""
    if "before" not in task.spec.inputs:
        return {}
    frame = pq.read_table(task.input_path("before_scores")).to_pandas().set_index("example_id")
    ids = pq.read_table(task.input_path("before"), columns=["example_id"])["example_id"].to_pylist()
    told = dict(zip(_rows(task.input_path("before")), ids, strict=True))
    at = [told.get(row) for row in rows]
    found = {}
    for name in names:
        if name in frame:
            values = frame[name].to_dict()
            found[name] = np.array([np.nan if i is None else values.get(i, np.nan) for i in at], dtype=np.float64)
    return found


def _field(
    task: Task, need: str, measure: Measure, rows: Sequence[tuple[str, ...]], missing: Array,
    loaded: dict[str, language.LanguageModel],
) -> tuple[Array, int]:  # fmt: skip
    """(n, w) what the model says of the missing rows, NaN elsewhere, and how many different texts it was asked."""
    values = np.full((len(rows), _WIDTH[need]), np.nan)
    keys = [_key(need, rows[i]) for i in missing]
    unique = list(dict.fromkeys(key for key in keys if all(part.strip() for part in key)))
    if not unique:
        return values, 0
    kind = KINDS[need]
    if kind not in loaded:
        chosen = language.configured(task.settings.language_models).get(kind)
        if chosen is None or chosen.content != task.spec.params["contexts"][measure.name]["model"]:
            raise MeasureError("The language model was changed since this was started",
                               got=chosen.name if chosen else "none is configured", fix="Start it again.")  # fmt: skip
        task.progress(0, 0, "measure.run.model")
        loaded[kind] = language.LanguageModel(chosen, task.device)
    found = dict(zip(unique, _chunks(task, need, measure, unique, loaded[kind]), strict=True))
    for i, key in zip(missing, keys, strict=True):
        values[i] = found.get(key, np.nan)
    return values, len(unique)


def _key(need: str, row: tuple[str, ...]) -> tuple[str, ...]:
    text, prompt, context, completion = row
    if need != "answer_losses":
        return (text,)
    return ("\n".join(part for part in (prompt, context) if part.strip()), completion)


def _chunks(task: Task, need: str, measure: Measure, unique: Sequence[tuple[str, ...]],
            model: language.LanguageModel) -> Array:  # fmt: skip
    """(m, w) in the order of the texts; whole chunks are kept for a later attempt."""
    values = np.full((len(unique), _WIDTH[need]), np.nan)
    for start in range(0, len(unique), CHUNK_ROWS):
        task.check_stop()
        part = unique[start : start + CHUNK_ROWS]
        kept = task.checkpoints_dir / f"{need}-{model.chosen.content[:12]}-{start:09d}.npy"
        own = _read(kept, (len(part), _WIDTH[need]))
        if own is None:

            def on_progress(done: int, base: int = start) -> None:
                task.check_stop()
                task.progress(base + done, len(unique), measure.title)

            own = _losses(need, model, part, on_progress)
            building = task.checkpoints_dir / f".{kept.name}"
            np.save(building, own, allow_pickle=False)
            os.replace(building, kept)
            task.checkpoint(kept.name)
        values[start : start + len(part)] = own
        task.progress(start + len(part), len(unique), measure.title)
        task.barrier("asking_model")
    return values


def _losses(need: str, model: language.LanguageModel, part: Sequence[tuple[str, ...]],
            on_progress: Callable[[int], None]) -> Array:  # fmt: skip
    if need == "answer_losses":
        return model.answer_losses([key[0] for key in part], [key[1] for key in part], on_progress)
    losses = model.text_losses if need == "lm_losses" else model.masked_losses
    return losses([key[0] for key in part], on_progress).reshape(-1, 1)


def _read(path: Path, shape: tuple[int, int]) -> Array | None:
    """A whole chunk of an earlier attempt, or None."""
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows if rows.shape == shape and rows.dtype == np.float64 else None
