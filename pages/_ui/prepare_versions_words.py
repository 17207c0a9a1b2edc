"""Versions in words: how one was made, one step of it, why a row was left out."""

from __future__ import annotations

from typing import Any

from pages._ui.words import t
from studio import words
from studio.workflows import versions


def method_name(method: str) -> str:
    """How a version was made, in words; a method this version does not know by its own name."""
    key = f"versions.method.{method}"
    return t(key) if words.has(key) else method


def step_line(step: Any) -> str:
    """One step in the page's language."""
    t("versions.part")  # chooses the language of this thread
    return versions.step_text(step)


def reason_name(reason: str) -> str:
    """Why a row is not in the newer version, in words."""
    for key in (f"versions.reason.{reason}", f"clean.reason.{reason}", f"corpus.reason.{reason}"):
        if words.has(key) and "{" not in words.t(key):
            return t(key)
    return reason.replace("_", " ")
