"""A split somebody asked to look at before it is decided: kept until it is put in force or left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui.words import t

_STAGED, _DONE = "split.staged", "split.done"


def stage(request: Mapping[str, Any]) -> None:
    """Remember a plan (`plan`) or an earlier decision (`restore`) and draw the page again."""
    st.session_state[_STAGED] = dict(request)
    st.rerun()


def staged(snapshot_id: str) -> dict[str, Any] | None:
    """What is to be looked at for this snapshot; what was asked for another one is forgotten."""
    found = st.session_state.get(_STAGED)
    if not found:
        return None
    if found.setdefault("snapshot", snapshot_id) != snapshot_id:
        st.session_state.pop(_STAGED)
        return None
    return found


def leave(*, done: bool = False) -> None:
    """Forget it, with a confirmation where it was put in force, and draw the page again."""
    st.session_state.pop(_STAGED, None)
    st.session_state[_DONE] = done
    st.rerun()


def said() -> None:
    """The confirmation of what was just put in force, once."""
    if st.session_state.pop(_DONE, False):
        st.success(t("split.put_done"), icon=":material/check:")
