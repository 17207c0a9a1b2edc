"""Diversity of a snapshot, and of two sets side by side: measured once per state, kept, large ones by a run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio import diversity
from studio.corpus import dedup
from studio.diversity import material
from studio.diversity.comparison import LEAST_DRAWS, whole
from studio.errors import MeasureError
from studio.jobs import rundir
from studio.records import Actor, AuditResult, RunSpec, Snapshot
from studio.store import findings, scores, snapshots, vectors
from studio.words import t
from studio.workflows import audits_copies, audits_state, diversity_sides, runs, starting
from studio.workflows.acts import act
from studio.workflows.diversity_sides import Side
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

AT_ONCE_UP_TO = 10_000  # examples measured while one waits, about two seconds; above it a run does the work
FREE_UP_TO = 200_000  # examples whose run does not queue behind other work on the processor
DRAWS: tuple[int, ...] = (LEAST_DRAWS, 199, 999)
WHOLE, COMPARE = "diversity", "diversity_compare"
NUMBERS: tuple[str, ...] = ("a", "b", "low", "middle", "high", "p", "q", "value")
SEED = 0
ROOM = "diversity"  # the folder below cache/


@dataclass(frozen=True)
class Compared:
    """A kept comparison.

    table: see studio.diversity.comparison; judged: a or b; size_*: examples of each side and of the pool of the draws.
    """

    table: pd.DataFrame
    judged: str
    size_a: int
    size_b: int
    size_pool: int
    draws: int
    seed: int
    computed_at: datetime

    @property
    def size(self) -> int:
        """Examples of the judged side."""
        return self.size_b if self.judged == "b" else self.size_a


# --- a whole snapshot -------------------------------------------------------------------------------------------------
def kept(studio: Studio, *, snapshot_id: str) -> pd.DataFrame | None:
    """The numbers of a snapshot as it is now: columns name, value (NaN = none), reason, values; None if not measured.

    Raises:
        CorpusError: an unknown snapshot.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)
    found = findings.get(studio.store, snapshot_id, WHOLE, diversity.VERSION, _whole_key(studio, snapshot))
    return _numbers(found[0].table) if found else None


def is_small(snapshot: Snapshot) -> bool:
    """True when the measures are worked out while one waits."""
    return snapshot.n_examples <= AT_ONCE_UP_TO


@act("audit.diversity", "viewer", log=False)
def measure(studio: Studio, actor: Actor, *, snapshot_id: str) -> pd.DataFrame:
    """Every diversity measure of a whole snapshot, now; what is kept is read. Columns as in `kept`.

    Raises:
        CorpusError: an unknown snapshot.
        MeasureError: stored vectors or neighbours do not belong to it.
    """
    found = kept(studio, snapshot_id=snapshot_id)
    if found is not None:
        return found
    snapshot = snapshots.require(studio.store, snapshot_id)
    audits_copies.ready(studio, snapshot_id)
    given, inputs = diversity_sides.whole_inputs(studio, snapshot_id)
    root = studio.workspace.root
    source = material.Source(**{name: root / path for name, path in inputs.items()})
    table = whole(material.read([source], given, seed=SEED))
    findings.put(studio.store, snapshot_id, diversity.VERSION, _whole_key(studio, snapshot),
                 AuditResult(WHOLE, (), table), keep=findings.KEPT_STATES)  # fmt: skip
    return _numbers(table)


@act("diversity.start", "analyst")
def start(studio: Studio, actor: Actor, *, snapshot_id: str, title: str = "", run_id: str | None = None) -> str:
    """Queue the measures of a large snapshot; returns the run's id (that of a live one, if any).

    Raises:
        CorpusError: an unknown snapshot.
        JobError: the run cannot be written.
    """
    snapshot = snapshots.require(studio.store, snapshot_id)

    def begin() -> str:
        given, inputs = diversity_sides.whole_inputs(studio, snapshot_id)
        params = {"what": "whole", "audit": WHOLE, "key": _whole_key(studio, snapshot)}
        return _submit(studio, actor, snapshot, given, inputs, params, SEED, title or snapshot.name, run_id)

    return starting.once(studio, kind="diversity", snapshot_id=snapshot_id, start=begin,
                         live=lambda: live(studio, snapshot_id=snapshot_id, what="whole"))  # fmt: skip


def _whole_key(studio: Studio, snapshot: Snapshot) -> str:
    around = scores.surroundings(studio.store, snapshot.snapshot_id)
    made = vectors.newest(studio.store, snapshot.snapshot_id)
    content = f"{made.encoder_key} {made.content_hash} {made.k}" if made else None
    return audits_state.digest({"vectors": content, "map": around.map_mark, "copies": [dedup.VERSION, dedup.JACCARD]})


# --- two sets side by side --------------------------------------------------------------------------------------------
def compared(studio: Studio, *, a: str, b: str, draws: int = LEAST_DRAWS, seed: int = SEED) -> Compared | None:
    """The kept comparison of two sets as they and their vectors are now, or None.

    Raises:
        CorpusError: a key that names no set.
    """
    first, second = (diversity_sides.require(studio, key) for key in (a, b))
    found = findings.get(studio.store, first.snapshot_id, COMPARE, diversity.VERSION,
                         _pair_key(studio, first, second, draws, seed))  # fmt: skip
    if found is None:
        return None
    table = _numbers(found[0].table)
    facts = table.iloc[0]
    return Compared(table, str(facts["judged"]), int(facts["size_a"]), int(facts["size_b"]), int(facts["size_pool"]),
                    draws, seed, found[1])  # fmt: skip


@act("diversity.compare", "analyst")
def compare(
    studio: Studio,
    actor: Actor,
    *,
    a: str,
    b: str,
    draws: int = LEAST_DRAWS,
    seed: int = SEED,
    title: str = "",
    run_id: str | None = None,
) -> str:
    """Queue a comparison of two sets with random draws; returns the run's id (that of the same one at work, if any).

    Args:
        studio: the open workspace.
        actor: who asks.
        a: what is compared with, as `snapshot:<id>`, `selection:<id>` or `slice:<id>`.
        b: what is judged.
        draws: random draws, at least 99.
        seed: of draws and samples; stored with the result.
        title: shown in the list of runs.
        run_id: a UUID made by the client.

    Raises:
        CorpusError: a key that names no set.
        MeasureError: both sides are the same examples, one is empty, or too few draws.
        JobError: the run cannot be written.
    """
    first, second = (diversity_sides.require(studio, key) for key in (a, b))
    if not LEAST_DRAWS <= draws <= 9_999:
        raise MeasureError("The number of random draws is out of range", got=draws, fix="Ask for 99 to 9,999.")
    key = _pair_key(studio, first, second, draws, seed)

    def begin() -> str:
        found = diversity_sides.pair(studio, first, second, seed)
        facts = {"judged": found.judged, "size_a": first.n, "size_b": second.n, "size_pool": found.n_pool}
        params = {"what": "compare", "audit": COMPARE, "key": key, "draws": draws, "facts": facts, "a": a, "b": b,
                  "absent": dict(found.absent)}  # fmt: skip
        snapshot = snapshots.require(studio.store, first.snapshot_id)
        named = title or f"{first.name} / {second.name}"
        return _submit(studio, actor, snapshot, found.given, found.inputs, params, seed, named, run_id)

    return starting.once(studio, kind="diversity", snapshot_id=first.snapshot_id, start=begin,
                         live=lambda: live(studio, snapshot_id=first.snapshot_id, what="compare", key=key))  # fmt: skip


def _pair_key(studio: Studio, a: Side, b: Side, draws: int, seed: int) -> str:
    state = diversity_sides.state_of(studio, a, b)
    return audits_state.digest(state | {"a": a.key, "b": b.key, "draws": draws, "seed": seed,
                                        "copies": [dedup.VERSION, dedup.JACCARD]})  # fmt: skip


# --- runs -------------------------------------------------------------------------------------------------------------
def live(studio: Studio, *, snapshot_id: str, what: str, key: str | None = None) -> RunView | None:
    """The run at work on a snapshot (whole, or compare of one key), or None."""
    views = runs.overview(studio, limit=0, kinds=("diversity",), snapshot_id=snapshot_id)
    return next((view for view in views if view.is_live and _is(view, what, key)), None)


def at_work(studio: Studio, *, a: str, b: str, draws: int, seed: int) -> RunView | None:
    """The comparison of these very sets, draws and seed that is queued or at work, or None."""
    first, second = (diversity_sides.require(studio, key) for key in (a, b))
    key = _pair_key(studio, first, second, draws, seed)
    return live(studio, snapshot_id=first.snapshot_id, what="compare", key=key)


def last_ended(studio: Studio, *, snapshot_id: str, what: str) -> RunView | None:
    """The newest run of its kind where it did not end well; None where it did or there is none."""
    views = runs.overview(studio, limit=20, kinds=("diversity",), snapshot_id=snapshot_id)
    newest = next((view for view in views if _is(view, what, None)), None)
    ended_well = newest is None or newest.is_live or (newest.status.state == "done" and not newest.trouble)
    return None if ended_well else newest


def _is(view: RunView, what: str, key: str | None) -> bool:
    params = view.spec.params
    return params.get("what") == what and (key is None or params.get("key") == key)


def _submit(
    studio: Studio,
    actor: Actor,
    snapshot: Snapshot,
    given: pd.DataFrame,
    inputs: Any,
    params: dict[str, Any],
    seed: int,
    title: str,
    run_id: str | None,
) -> str:
    chosen = run_id or str(uuid.uuid4())
    with starting.inputs(studio, ROOM, chosen) as place:
        given.to_parquet(place / material.GIVEN, index=False)
        listed = dict(inputs) | {"given": str(place.relative_to(studio.workspace.root))}
        slot = "free" if len(given) <= FREE_UP_TO else None
        return runs.submit(studio, actor, kind="diversity", title=title, params=params | {"version": diversity.VERSION},
                           inputs=listed, snapshot_id=snapshot.snapshot_id, corpus_id=snapshot.corpus_id, seed=seed,
                           slot=slot, run_id=chosen)  # fmt: skip


def finish_diversity(studio: Studio, run_dir: Path, spec: RunSpec) -> None:
    """Take the numbers of a done run over, under the version of the measures it worked by; may be called again."""
    result = rundir.check_result(run_dir, "table.json")
    is_whole = spec.params["what"] == "whole"
    if is_whole:
        audits_copies.take_over(studio, str(spec.snapshot_id), result, spec)
    found = findings.from_json((result / "table.json").read_text(encoding="utf-8"))
    version = int(spec.params.get("version", 0))
    keep = findings.KEPT_STATES if is_whole else findings.KEPT_COMPARISONS
    findings.put(studio.store, str(spec.snapshot_id), version, str(spec.params["key"]), found,
                 keep=keep if version == diversity.VERSION else None)  # fmt: skip
    starting.drop(studio, ROOM, spec.run_id)


def _numbers(table: pd.DataFrame) -> pd.DataFrame:
    """The table with undefined numbers as NaN: JSON keeps them as null, and a column of nulls as objects."""
    found = table.copy()
    for name in NUMBERS:
        if name in found:
            found[name] = pd.to_numeric(found[name], errors="coerce").astype(np.float64)
    return found


# --- in words ---------------------------------------------------------------------------------------------------------
def number(name: str, value: float) -> str:
    """A value as it is read in its unit: shares in percent, everything else to three digits; a dash for none."""
    if value is None or np.isnan(value):
        return "–"
    if diversity.by_name(name).unit == "share":
        return f"{value:.1%}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


def sentence(row: Mapping[str, Any], judged: str, lang: str | None = None) -> str:
    """How the judged side lies among the random draws, in one sentence; empty where there is no number."""
    n = int(row["n_draws"])
    if not n or not np.isfinite(row[judged]):
        return ""
    lower, higher, side = int(row["lower"]), int(row["higher"]), judged.upper()
    other = "A" if side == "B" else "B"
    if not lower and not higher:
        return t("diversity.sentence.same", lang=lang, side=side)
    direction = diversity.by_name(str(row["name"])).direction
    end, k = ("more", lower) if lower >= higher else ("less", higher)
    return t(f"diversity.sentence.{direction}_{end}", lang=lang, side=side, other=other, k=k, n=n)


def is_outside(row: Mapping[str, Any], judged: str) -> bool:
    """True where the judged side lies outside the band of 95 % of the draws."""
    value = row[judged]
    return bool(np.isfinite(value) and np.isfinite(row["low"]) and not row["low"] <= value <= row["high"])
