"""The stored study of whether a recipe beats random draws, as a proposal keeps it: its numbers and its sentences."""

from __future__ import annotations

import math
from typing import Any

from studio.records import Snapshot
from studio.reports.said import part
from studio.workflows import select_proof
from studio.workflows.select import Choice
from studio.workflows.select_proof import Study, worded
from studio.workflows.select_proof_inputs import HEAD, LM
from studio.workflows.studio import Studio

_ABOUT = ("draws_mean", "difference", "low", "high", "percentile", "p")


def stored(studio: Studio, snapshot: Snapshot, choice: Choice) -> dict[str, Any] | None:
    """The study of exactly this recipe, or None; one whose labels or scores have changed since says so."""
    found = select_proof.prospect(studio, snapshot, choice.recipe, choice.state)
    study = select_proof.kept(studio, snapshot, found)
    if study is None or not found.rests_on or "recipe" in study.stale:
        return None
    own, kind = study.selection, study.facts["kind"]
    return {
        "said": _said(study),
        "verdict": str(own["verdict"]),
        "kind": kind,
        "value": float(own["value"]),
        "size": int(own["size"]),
        "draws": int(own["n_draws"]),
        "held": int(study.facts["n_judged"]),
        "computed_at": study.computed_at.isoformat(),
        "stale": list(study.stale),
    } | {name: float(own[name]) for name in _ABOUT if name in own and math.isfinite(float(own[name]))}


def _said(study: Study) -> list[dict[str, Any]]:
    own, kind, facts = study.selection, study.facts["kind"], study.facts
    told = [
        part(worded("proof.verdict", kind, f".{own['verdict']}"), value=number(kind, own["value"]),
             mean=number(kind, own["draws_mean"]), size=f"{int(own['size']):,}", k=int(own["n_lower"]),
             n=int(own["n_draws"])),
        part(worded("proof.note.interval", kind), difference=gap(kind, own["difference"]), low=gap(kind, own["low"]),
             high=gap(kind, own["high"]), n=f"{int(facts['n_judged']):,}",
             half=gap(kind, study.half_width, signed=False)),
        part(worded("proof.note.limits", kind)),
    ]  # fmt: skip
    return told + [part(f"proof.stale.{changed}") for changed in study.stale]


def number(kind: str, value: float) -> str:
    """An outcome as it is read: percent right, bits per character, or F1."""
    if kind == HEAD:
        return f"{value:.1%}"
    return f"{-value / math.log(2) if kind == LM else value:.3f}"


def unit(kind: str) -> str:
    """What `gap` counts: points, bits or f1."""
    return "points" if kind == HEAD else "bits" if kind == LM else "f1"


def gap(kind: str, value: float, *, signed: bool = True) -> str:
    """A difference of outcomes: points, bits gained per character, or of F1."""
    shown = value / math.log(2) if kind == LM else 100 * value if kind == HEAD else value
    digits = 1 if kind == HEAD else 3
    return f"{shown:{'+' if signed else ''}.{digits}f}"
