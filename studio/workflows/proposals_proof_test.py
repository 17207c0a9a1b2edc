"""A look at the test split by a check "Does it help?", in sentences for its page, a proposal, its file, a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studio.selection import proxy
from studio.store.openings import Opening
from studio.words import t
from studio.workflows import openings
from studio.workflows.proposals_proof import gap, number
from studio.workflows.select_proof import worded
from studio.workflows.select_proof_inputs import LM
from studio.workflows.select_proof_test import BEST, OWN, WITHIN
from studio.workflows.studio import Studio


def primary(shown: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row of the one comparison that counts: the best size; where all its draws are the same, the person's own."""
    compared = [row for row in shown["rows"] if "verdict" in row]
    wanted = ({BEST}, {OWN}, {WITHIN})
    return next((row for marks in wanted for row in compared if marks & set(row["marks"])), None)


def values(shown: Mapping[str, Any], row: Mapping[str, Any], *, lang: str | None = None) -> dict[str, Any]:
    """One size's figures as they are read; `mark` says what the size is."""
    kind = str(shown["kind"])
    low, high = _ends(kind, row["value_low"], row["value_high"])
    told = {"size": f"{row['size']:,}", "n": f"{shown['n']:,}", "value": number(kind, row["value"]), "low": low,
            "high": high, "mark": _mark(row, lang),
            "before": "–" if row["before"] is None else number(kind, row["before"])}  # fmt: skip
    if "verdict" not in row:
        return told
    return told | {
        "mean": number(kind, row["draws_mean"]), "difference": gap(kind, row["difference"]),
        "gap_low": gap(kind, row["low"]), "gap_high": gap(kind, row["high"]), "k": row["n_lower"],
        "draws": row["n_draws"],
    }  # fmt: skip


def _mark(row: Mapping[str, Any], lang: str | None) -> str:
    found = t("measure.context.and", lang=lang).join(t(f"proved.mark.{mark}", lang=lang) for mark in row["marks"])
    return found[:1].upper() + found[1:]


def _ends(kind: str, low: float, high: float) -> tuple[str, str]:
    """Bits per character are read from the better end up, so the ends change places."""
    ends = (high, low) if kind == LM else (low, high)
    return number(kind, ends[0]), number(kind, ends[1])


def winner(shown: Mapping[str, Any], *, lang: str | None = None) -> str:
    """What stands first: the best size beside random draws of that size, and the person's own size."""
    row = shown["rows"][0]
    key = worded("proved.winner", str(shown["kind"]), f".{row.get('verdict', 'all')}")
    said = t(key, lang=lang, **values(shown, row))
    own = [one for one in shown["rows"][1:] if OWN in one["marks"]]
    return t("proved.joined", lang=lang, first=said, second=_other(shown, own[0], lang)) if own else said


def _other(shown: Mapping[str, Any], row: Mapping[str, Any], lang: str | None) -> str:
    return t(f"proved.other.{row.get('verdict', 'all')}", lang=lang, **values(shown, row, lang=lang))


def about(shown: Mapping[str, Any], *, lang: str | None = None) -> str:
    """How the figures were made, and which comparison counts."""
    row, left = primary(shown), shown["n_test"] - shown["n_leaks"]
    sampled = t("proved.sampled", lang=lang, all=f"{left:,}") if left > shown["n"] else ""
    leaks = t("proved.leaks", lang=lang, n=f"{shown['n_leaks']:,}") if shown["n_leaks"] else ""
    return t("proved.about", lang=lang, primary=_lower(_mark(row or shown["rows"][0], lang)), n=f"{shown['n']:,}",
             sampled=sampled, leaks=leaks, resamples=f"{shown['resamples']:,}", seed=shown["seed"])  # fmt: skip


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def lines(studio: Studio, one: Opening, *, stale: Sequence[str] = (), lang: str | None = None) -> list[str]:
    """All a look showed, a sentence each: the winner, the other sizes, how, under what, and what changed since."""
    shown = one.shown or {"rows": ()}
    if not shown["rows"]:
        return [openings.tell(studio, one, lang=lang)]
    others = [_other(shown, row, lang) for row in shown["rows"][1:] if OWN not in row["marks"]]
    small = [t("proved.small", lang=lang, n=f"{shown['n']:,}")] if shown["n"] < proxy.SMALL_HELD else []
    return [winner(shown, lang=lang), *others, *small, about(shown, lang=lang), openings.tell(studio, one, lang=lang),
            *(t(f"proved.stale.{changed}", lang=lang) for changed in stale)]  # fmt: skip


def facts(studio: Studio, one: Opening, *, stale: Sequence[str] = (), lang: str | None = "en") -> dict[str, Any]:
    """A look as JSON: what it showed, under which approval or reason, its sentences, and what changed since."""
    return {**openings.facts(studio, one, lang=lang), "study_key": one.study_key, "stale": list(stale),
            "shown": dict(one.shown or {}), "said": lines(studio, one, stale=stale, lang=lang)}  # fmt: skip
