"""Run audits one after the other: one that cannot be computed says why, the others stand."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from studio.audits.context import Context, missing_needs, nothing
from studio.errors import StudioError
from studio.records import Audit, AuditResult

log = logging.getLogger(__name__)
NOT_COMPUTED = "audit.note.not_computed"  # the table then has one row: what, got, fix


def run(audit: Audit, frame: pd.DataFrame, context: Context) -> AuditResult:
    """The audit's findings, or none with a note that names what the corpus lacks."""
    if not len(frame):
        return nothing(audit.name, "audit.note.no_examples")
    absent = missing_needs(audit.needs, frame, context)
    if absent:
        return nothing(audit.name, f"audit.note.needs_{absent[0]}")
    return audit.compute(frame, context)


def run_each(
    audits: Iterable[Audit], frame: pd.DataFrame, context: Context, before: Callable[[Audit], None] | None = None
) -> Iterator[AuditResult]:
    """The result of every audit in turn; a StudioError of one becomes its note, a fault in the code is raised.

    Args:
        audits: which, in order.
        frame: the examples.
        context: what else they may look at.
        before: called with each audit before it is computed (progress, stop).
    """
    for audit in audits:
        if before is not None:
            before(audit)
        log.info("audit=%s n=%d", audit.name, len(frame))
        try:
            yield run(audit, frame, context)
        except StudioError as error:
            log.warning("audit=%s not computed: %s", audit.name, error.line())
            yield not_computed(audit.name, error)


def not_computed(name: str, error: StudioError) -> AuditResult:
    """The result of an audit that could not be computed, with the three parts of the reason in its table."""
    row = {"what": error.what, "got": error.got_text(), "fix": error.fix}
    return AuditResult(name, (), pd.DataFrame([row]), (NOT_COMPUTED,))


def reason(result: AuditResult) -> StudioError | None:
    """Why an audit could not be computed; None where it was."""
    if NOT_COMPUTED not in result.notes:
        return None
    row = result.table.iloc[0]
    return StudioError(row["what"], got=row["got"] or None, fix=row["fix"])
