"""Run kind `choice_audit`: every audit of a choice, alone and beside random draws of the same size.

params: first (draws every number is compared with), version (of the rules), key and facts of the result.
inputs: given (folder with what studio.audits.material wrote, and draws.npz: chosen, pool, drawn, ends), examples, and
vectors and knn where there are any. Rows are those of the snapshot.
result/: choice.json; families.npy and exact.npy where copies had to be looked for.
Every audit's numbers and findings are checkpoints of their own, so an attempt after a stop or a kill goes on there.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from studio import audits, findings
from studio.audits import engine, headlines, material
from studio.audits.context import Context, part_of
from studio.audits.headlines.record import Headline, named
from studio.jobs.task import Task
from studio.records import Array, Audit, AuditResult
from studio.selection.placed import Placed, place
from studio.tasks import versions
from studio.tasks.audit import with_copies

log = logging.getLogger(__name__)
DRAWS, NAME = "draws.npz", "choice_audit"
VERSION = audits.VERSION * 1_000 + headlines.VERSION
MOST_SAID = 5  # findings of the choice alone that are kept of each audit
FEW_DRAWS = "audit_draws.reason.draws"


@dataclass
class Counted:
    """The numbers of one audit: of the choice, of the pool, of every draw so far (m, draws); or why there are none."""

    reason: str
    own: list[float]
    pool: list[float]
    drawn: list[list[float]]


class _Draws:
    """Rows of the choice, of the pool, and of each draw, ascending."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as given:
            self.chosen, self.pool = np.sort(given["chosen"]), np.sort(given["pool"])
            parts = np.split(given["drawn"], given["ends"][:-1]) if len(given["ends"]) else []
        self.drawn = [np.sort(rows) for rows in parts]


def run(task: Task) -> dict[str, Any]:
    """Count every audit on the choice, on the pool and on the draws; audit the choice alone; place and correct.

    Raises:
        MeasureError: an input belongs to another snapshot, or the run was queued under other rules.
    """
    versions.require(task, VERSION)
    task.progress(0, 1, "audit.run_reading")
    places = {name: task.input_path(name) for name in ("vectors", "knn") if name in task.spec.inputs}
    frame, context = material.read(task.input_path("examples"), task.input_path("given"), **places)
    context = with_copies(task, frame, context, 1)
    draws = _Draws(task.input_path("given") / DRAWS)
    pairs = list(zip(audits.AUDITS, headlines.HEADLINES, strict=True))
    first = min(int(task.spec.params["first"]), len(draws.drawn))
    work = _Work(task, frame, context, draws, len(pairs))
    counted = {audit.name: work.count(audit, headline, first) for audit, headline in pairs}
    placed = _place(pairs, counted)
    for audit, headline in pairs:
        if any(one.verdict == "open" for one in placed[audit.name]) and len(draws.drawn) > first:
            counted[audit.name] = work.count(audit, headline, len(draws.drawn))
    placed = _place(pairs, counted)
    alone = work.alone()
    table = pd.DataFrame(
        [
            row
            for audit, headline in pairs
            for row in _rows(headline, counted[audit.name], placed[audit.name], alone[audit.name])
        ]
    )
    said = tuple(finding for result in alone.values() for finding in _alarms(result)[:MOST_SAID])
    facts = dict(task.spec.params["facts"]) | {
        "n": len(draws.chosen),
        "n_pool": len(draws.pool),
        "first": first,
        "draws": len(draws.drawn),
        "said": MOST_SAID,
    }
    result = AuditResult(NAME, said, table, (json.dumps(facts, ensure_ascii=False),))
    (task.result_dir / "choice.json").write_text(findings.to_json(result), encoding="utf-8")
    return {"n": len(draws.chosen), "draws": len(draws.drawn), "audits": len(pairs)}


class _Work:
    """Numbers and findings audit by audit, each kept as soon as it is there."""

    def __init__(self, task: Task, frame: pd.DataFrame, context: Context, draws: _Draws, n_audits: int) -> None:
        self._task, self._frame, self._context, self._draws = task, frame, context, draws
        self._ready: dict[str, headlines.Of | str] = {}
        self._done, self._total = 0, n_audits * 2

    def count(self, audit: Audit, headline: Headline, n_draws: int) -> Counted:
        """The numbers of an audit of so many draws; what was counted before is read."""
        path = self._task.checkpoints_dir / f"{audit.name}_{n_draws}.json"
        self._done += 1
        if path.exists():
            return Counted(**_floats(json.loads(path.read_text(encoding="utf-8"))))
        self._task.barrier(f"choice_{audit.name}")
        self._say(audit)
        of = self._of(audit, headline)
        if isinstance(of, str):
            found = Counted(of, [], [], [])
        else:
            numbers = headline.numbers
            own, pool = (named(numbers, of(rows)) for rows in (self._draws.chosen, self._draws.pool))
            is_defined = bool(np.isfinite(own).any())
            drawn = [self._one(numbers, of, rows, audit) for rows in self._draws.drawn[: n_draws if is_defined else 0]]
            found = Counted("", own, pool, np.array(drawn).reshape(-1, len(numbers)).T.tolist())
        _write(path, json.dumps(_nulls(vars(found))))
        self._task.checkpoint(audit.name)
        return found

    def alone(self) -> dict[str, AuditResult]:
        """Every audit of the choice as if it were a corpus."""
        done = {audit.name: self._task.checkpoints_dir / f"{audit.name}_alone.json" for audit in audits.AUDITS}
        missing = [audit for audit in audits.AUDITS if not done[audit.name].exists()]
        if missing:
            frame, context = part_of(self._frame, self._context, self._draws.chosen)
            for result in engine.run_each(missing, frame, context, self._before):
                short = AuditResult(result.audit, tuple(_alarms(result)), pd.DataFrame(), result.notes)
                _write(done[result.audit], findings.to_json(short))
        return {name: findings.from_json(path.read_text(encoding="utf-8")) for name, path in done.items()}

    def _before(self, audit: Audit) -> None:
        self._done += 1
        self._say(audit)
        self._task.barrier(f"choice_alone_{audit.name}")

    def _of(self, audit: Audit, headline: Headline) -> headlines.Of | str:
        if audit.name not in self._ready:
            self._ready[audit.name] = headlines.prepare(headline, audit, self._frame, self._context)
        return self._ready[audit.name]

    def _one(self, numbers: tuple[headlines.Number, ...], of: Callable[[Array], dict[str, float]], rows: Array,
             audit: Audit) -> list[float]:  # fmt: skip
        self._say(audit)
        return named(numbers, of(rows))

    def _say(self, audit: Audit) -> None:
        self._task.check_stop()
        self._task.progress(min(self._done, self._total), self._total, audit.title)


def _place(pairs: Sequence[tuple[Audit, Headline]], counted: dict[str, Counted]) -> dict[str, list[Placed]]:
    """All numbers of all audits corrected together."""
    values: list[float] = []
    drawn: list[Array] = []
    relative: list[bool] = []
    for audit, headline in pairs:
        one = counted[audit.name]
        for at, number in enumerate(headline.numbers):
            values.append(one.own[at] if one.own else float("nan"))
            drawn.append(np.array(one.drawn[at] if one.own and one.drawn else [], dtype=np.float64))
            relative.append(number.is_relative)
    found = iter(place(values, drawn, relative))
    return {audit.name: [next(found) for _ in headline.numbers] for audit, headline in pairs}


def _rows(headline: Headline, one: Counted, placed: Sequence[Placed], alone: AuditResult) -> list[dict[str, Any]]:
    rows = []
    for at, (number, own) in enumerate(zip(headline.numbers, placed, strict=True)):
        reason = ""
        if own.verdict == "silent":
            reason = one.reason or (FEW_DRAWS if np.isfinite(own.value) else f"audit_draws.reason.{headline.audit}")
        rows.append(
            {"audit": headline.audit, "number": number.name, "unit": number.unit, **vars(own),
             "pool": one.pool[at] if one.pool else float("nan"), "reason": reason, "alarms": len(alone.findings)}
        )  # fmt: skip
    return rows


def _alarms(result: AuditResult) -> list[Any]:
    return [finding for finding in result.findings if finding.alarm]


def _nulls(found: dict[str, Any]) -> dict[str, Any]:
    """NaN as null: there is none in JSON."""
    return {name: _mapped(value, lambda x: None if not np.isfinite(x) else x) for name, value in found.items()}


def _floats(found: dict[str, Any]) -> dict[str, Any]:
    return {name: _mapped(value, lambda x: float("nan") if x is None else x) for name, value in found.items()}


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [_mapped(one, change) for one in value]
    return value if isinstance(value, str) else change(value)


def _write(path: Path, text: str) -> None:
    making = path.with_name(f".{path.name}")
    making.write_text(text, encoding="utf-8")
    os.replace(making, path)
