"""A cleaning list done to a table: step after step, with counts, reasons, effects on groups and examples of each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from studio.corpus.cleaning.effects import Effect, Groups, judged
from studio.corpus.cleaning.recipe import Plan
from studio.corpus.cleaning.records import EMPTIED, Batch, Editor, Outcome
from studio.corpus.cleaning.table import Table
from studio.errors import CorpusError
from studio.records import Array, Knn
from studio.words import t

MOST_SAMPLES = 24  # examples kept of each step for a person to look at
SAMPLE_CHARACTERS = 2_000
_CHECK_EVERY = 2_048
Progress = Callable[[int, int, str], None]


@dataclass
class StepReport:
    """What one line of the list did. `samples` hold example_id, before, after, reason, detail, other (a kept copy)."""

    name: str
    place: int
    action: str
    n_before: int
    n_changed: int = 0
    n_dropped: int = 0
    n_flagged: int = 0
    n_left_alone: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    effects: list[Effect] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Cleaned:
    """A table after a list. Positions are those of the table.

    stays (n,) bool, the examples still in, brought-back ones among them; dropped: position -> (place of the step in
    the list, reason, detail), brought-back ones left out; changed: position -> names of the steps that edited it;
    flagged: (position, place, reason, detail); total: the effect of the whole list; n_kept_back: how many a step
    would have left out but a person brought back.
    """

    table: Table
    stays: Array
    dropped: dict[int, tuple[int, str, str]]
    changed: dict[int, list[str]]
    flagged: list[tuple[int, int, str, str]]
    steps: list[StepReport]
    total: list[Effect]
    n_kept_back: int


@dataclass
class _State:
    table: Table
    alive: Array
    kept: Array  # brought back by a person: never left out, and no step decides about others by them once dropped
    dropped: dict[int, tuple[int, str, str]] = field(default_factory=dict)
    changed: dict[int, list[str]] = field(default_factory=dict)
    flagged: list[tuple[int, int, str, str]] = field(default_factory=list)


def clean(
    table: Table,
    plans: Sequence[Plan],
    *,
    seed: int = 0,
    knn: Knn | None = None,
    keep_ids: Sequence[int] = (),
    on_progress: Progress | None = None,
    check_stop: Callable[[], None] = lambda: None,
) -> Cleaned:
    """Do the active lines of a list in order; the table's texts and fields are changed in place.

    An example a person brought back (`keep_ids`) takes part in nothing a step decides after the step that would have
    left it out, so that bringing it back changes no other decision; edits still reach it.

    Args:
        table: from `read_table`.
        plans: the lines; those switched off are passed over.
        seed: of near-copies and of the examples shown.
        knn: the stored k-NN graph of the whole snapshot, where a step needs it.
        keep_ids: examples that stay whatever a step says; unknown ids are ignored.
        on_progress: called with (lines done, lines, name of the line at work).
        check_stop: raises when the work should end.

    Raises:
        CorpusError: a step that would leave nothing, or that needs vectors where there are none.
    """
    n = len(table)
    state = _State(table, np.ones(n, dtype=bool), np.isin(table.ids, np.asarray(keep_ids, dtype=np.int64)))
    groups = Groups(table.groups)
    rng = np.random.default_rng(seed)
    reports = []
    active = [(place, one) for place, one in enumerate(plans) if one.on]
    for done, (place, one) in enumerate(active):
        if on_progress:
            on_progress(done, len(active), one.name)
        reports.append(_one(state, place, one, groups=groups, rng=rng, seed=seed, knn=knn, check_stop=check_stop))
        if n and not state.alive.any():
            raise CorpusError(
                f"The step {t(one.step.title, lang='en')} (number {place + 1}) leaves no example",
                got=f"{reports[-1].n_dropped:,} of {reports[-1].n_before:,} left out",
                fix="Loosen its settings, make it flag instead of drop, or switch it off.",
            )
    brought = [i for i in state.dropped if state.kept[i]]
    stays = state.alive.copy()
    stays[brought] = True
    everyone = np.ones(n, dtype=bool)
    total = groups.effects(everyone, ~stays, leaves=True)
    effects = judged([*(report.effects for report in reports), total])
    for report, own in zip(reports, effects, strict=False):
        report.effects = own
    dropped = {i: why for i, why in sorted(state.dropped.items()) if not state.kept[i]}
    changed = {i: names for i, names in sorted(state.changed.items()) if stays[i]}
    flagged = [row for row in state.flagged if stays[row[0]]]
    return Cleaned(table, stays, dropped, changed, flagged, reports, effects[-1], len(brought))


def _one(
    state: _State,
    place: int,
    one: Plan,
    *,
    groups: Groups,
    rng: np.random.Generator,
    seed: int,
    knn: Knn | None,
    check_stop: Callable[[], None],
) -> StepReport:
    """One line of the list."""
    started = time.perf_counter()
    step, table = one.step, state.table
    if "knn" in step.needs and knn is None:
        raise CorpusError("A step of the list needs the map of the corpus", got=t(step.title, lang="en"),
                          fix="Make the map on the Explore page first, or switch the step off.")  # fmt: skip
    before = state.alive.copy()
    rows = np.flatnonzero(before)
    batch = Batch(table.ids[rows], [table.texts[i] for i in rows.tolist()], [table.labels[i] for i in rows.tolist()],
                  rows, seed, knn, check_stop)  # fmt: skip
    outcome = step.apply(batch, one.values)
    report = StepReport(step.name, place, step.action(one.values), len(rows), notes=outcome.notes)
    touched = np.zeros(len(table), dtype=bool)
    if outcome.editor is not None:
        _edit(state, report, outcome.editor, touched, rng, check_stop)
    _find(state, report, outcome, rows, touched, rng)
    report.effects = groups.effects(before, touched, leaves=report.n_dropped > 0 and report.n_changed == 0)
    report.seconds = time.perf_counter() - started
    return report


def _edit(
    state: _State,
    report: StepReport,
    editor: Editor,
    touched: Array,
    rng: np.random.Generator,
    check_stop: Callable[[], None],
) -> None:
    """Edit every example that is in or was brought back; one whose offsets would break is left alone and counted."""
    table = state.table
    looked = state.alive | state.kept
    befores: list[tuple[int, str]] = []
    emptied: list[tuple[int, str]] = []
    for count, i in enumerate(np.flatnonzero(looked).tolist()):
        if count % _CHECK_EVERY == 0:
            check_stop()
        edited = table.edit(i, editor)
        if edited is None:
            continue
        new, fields = edited
        counts = bool(state.alive[i])
        if table.fixed[i]:
            report.n_left_alone += counts
            continue
        if not new.strip():
            if counts:
                emptied.append((i, table.texts[i]))
            continue  # of a text that is brought back the last words stay
        befores.append((i, table.texts[i]))
        table.put(i, new, fields)
        state.changed.setdefault(i, []).append(report.name)
        report.n_changed += counts
        touched[i] = counts
    for i, _ in emptied:
        _leave_out(state, i, report, EMPTIED, "")
        touched[i] = True
    shown = [(i, before) for i, before in befores if touched[i]]
    for i, before in _some(shown, rng):
        report.samples.append(_sample(table, i, before=before, after=table.texts[i]))
    report.samples += [_sample(table, i, before=before, reason=EMPTIED) for i, before in _some(emptied, rng)[:4]]


def _find(
    state: _State, report: StepReport, outcome: Outcome, rows: Array, touched: Array, rng: np.random.Generator
) -> None:
    """Leave out or flag what a step found."""
    table, reasons = state.table, Counter(report.reasons)
    place_of = {int(table.ids[i]): i for i in rows.tolist()} if outcome.found else {}
    for position, (reason, detail) in outcome.found.items():
        i = int(rows[position])
        touched[i] = True
        if outcome.action == "drop":
            _leave_out(state, i, report, reason, detail)
        else:
            state.flagged.append((i, report.place, reason, detail))
            report.n_flagged += 1
            reasons[reason] += 1
    report.reasons = dict(sorted((Counter(report.reasons) | reasons).items(), key=lambda item: (-item[1], item[0])))
    for position, (reason, detail) in _some(list(outcome.found.items()), rng):
        i = int(rows[position])
        other = place_of.get(int(detail)) if reason in ("copy", "near_copy", "same_meaning") else None
        report.samples.append(_sample(table, i, before=table.texts[i], reason=reason, detail=detail,
                                      other=None if other is None else table.texts[other]))  # fmt: skip


def _leave_out(state: _State, i: int, report: StepReport, reason: str, detail: str) -> None:
    state.alive[i] = False
    state.dropped[i] = (report.place, reason, detail)
    report.n_dropped += 1
    report.reasons[reason] = report.reasons.get(reason, 0) + 1


def _some(found: Sequence[Any], rng: np.random.Generator) -> list[Any]:
    """At most MOST_SAMPLES of them, drawn evenly, in their order."""
    if len(found) <= MOST_SAMPLES:
        return list(found)
    return [found[i] for i in sorted(rng.choice(len(found), MOST_SAMPLES, replace=False).tolist())]


def _sample(table: Table, i: int, *, before: str, after: str | None = None, **more: Any) -> dict[str, Any]:
    """One example to look at, long texts cut to the stretch around the first difference."""
    start = 0
    if after is not None:
        limit = min(len(before), len(after))
        first = next((k for k in range(limit) if before[k] != after[k]), limit)
        start = max(0, first - 200)
    cut = slice(start, start + SAMPLE_CHARACTERS)
    entry: Mapping[str, Any] = {"example_id": int(table.ids[i]), "before": before[cut], "is_cut": start > 0,
                                "label": table.labels[i]}  # fmt: skip
    if after is not None:
        entry = {**entry, "after": after[cut]}
    if more.get("other") is not None:
        more["other"] = more["other"][:SAMPLE_CHARACTERS]
    return {**entry, **{name: value for name, value in more.items() if value}}
