"""Titles and units of measures; those of a host's scorer models are called what the host called them."""

from __future__ import annotations

from studio.words import has, t

SCORER = "scorer_"  # how names of such measures begin (studio.records.SCORER; words know no records)


def title(measure: str, *, lang: str | None = None) -> str:
    """The title of a measure in the current language; an unknown one by its name."""
    if measure.startswith(SCORER):
        return measure.removeprefix(SCORER)
    key = f"measure.{measure}.title"
    return t(key, lang=lang) if has(key) else measure


def unit_key(measure: str) -> str:
    """The words key of a measure's unit."""
    return "measure.scorer.unit" if measure.startswith(SCORER) else f"measure.{measure}.unit"
