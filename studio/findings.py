"""Findings and audit results as JSON text and back: what the store keeps and what a worker leaves in its result."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from studio.records import AuditResult, Condition, Finding

TABLE_ROWS = 5_000  # rows of a table that are kept; the findings are made from all of them


def to_json(result: AuditResult) -> str:
    """The result as text; undefined numbers become null."""
    table = result.table.head(TABLE_ROWS)
    return json.dumps(
        {
            "audit": result.audit,
            "notes": list(result.notes),
            "findings": [finding_to_json(finding) for finding in result.findings],
            "table": {
                "columns": [str(name) for name in table.columns],
                "data": [[_plain(cell) for cell in row] for row in table.itertuples(index=False, name=None)],
            },
        },
        ensure_ascii=False,
    )


def from_json(text: str) -> AuditResult:
    """The inverse of `to_json`; list-valued cells stay lists, undefined numbers are NaN again."""
    given = json.loads(text)
    table = pd.DataFrame(given["table"]["data"], columns=given["table"]["columns"])
    return AuditResult(
        audit=given["audit"],
        findings=tuple(_finding(item) for item in given["findings"]),
        table=table,
        notes=tuple(given["notes"]),
    )


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON values."""
    return {
        "audit": finding.audit,
        "key": finding.key,
        "values": {name: _plain(value) for name, value in finding.values.items()},
        "n": finding.n,
        "estimate": _plain(finding.estimate),
        "low": _plain(finding.low),
        "high": _plain(finding.high),
        "unit": finding.unit,
        "p": _plain(finding.p),
        "q": _plain(finding.q),
        "threshold": _plain(finding.threshold),
        "smallest_effect": _plain(finding.smallest_effect),
        "alarm": bool(finding.alarm),
        "examples": [[clause.column, clause.op, clause.value] for clause in finding.examples],
        "example_ids": [int(example_id) for example_id in finding.example_ids],
    }


def _plain(value: Any) -> Any:
    if isinstance(value, str | bool | type(None)):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _finding(item: Mapping[str, Any]) -> Finding:
    given = dict(item)
    given["examples"] = tuple(Condition(column, op, value) for column, op, value in given["examples"])
    given["example_ids"] = tuple(given["example_ids"])
    return Finding(**given)
