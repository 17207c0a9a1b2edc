"""Several people on one queue: an example opened by link, what others hold, and leaving the desk."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.annotation.leases import Holder
from studio.records import Snapshot
from studio.workflows.annotate_desk import Desk
from studio.workflows.studio import Studio

LINK_KEY = "example"
AT_DESK = "desk.display"
UNNAMED = "local"  # the name of a browser that declared none
MOST_NAMES = 5


def asked() -> int | None:
    """The example the URL asks for; None when it names none."""
    value = st.query_params.get(LINK_KEY, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 17 else None


def answered() -> None:
    """Something was done on the desk: the link has served its turn."""
    st.query_params.pop(LINK_KEY, None)


def say(desk: Desk, example_id: int | None) -> None:
    """Why an example opened by link is not the one on the desk."""
    if example_id is None or (desk.waiting and desk.waiting[0].example_id == example_id):
        return
    if example_id in desk.held:
        who = desk.held[example_id]
        st.info(f"{_held_by(who)} {t('annotate.held_next')}", icon=":material/group:")
    else:
        st.info(t("annotate.link_closed", id=example_id), icon=":material/info:")


def all_held(desk: Desk, touch: Callable[[], None]) -> None:
    """Nothing is left for this desk while others work on the last examples."""
    names = sorted({_name(who) for who in desk.held.values()})
    shown = t("annotate.held_and").join(names[:MOST_NAMES]) + ("…" if len(names) > MOST_NAMES else "")
    st.info(t("annotate.all_held", n=f"{len(desk.held):,}", names=shown), icon=":material/group:")
    st.button(t("annotate.look_again"), icon=":material/refresh:", type="primary", on_click=touch)


def link(snapshot: Snapshot, selection_id: str, example_id: int) -> None:
    """The address that opens this example, to hand to a colleague."""
    st.caption(t("annotate.link"))
    base = (st.context.url or "").split("?")[0]
    st.code(f"{base}?s={snapshot.snapshot_id}&sel={selection_id}&{LINK_KEY}={example_id}", language=None)


def leave(opened: Studio) -> None:
    """Another page is open now: the example that was on this desk is free for others."""
    if st.session_state.pop(AT_DESK, None) is not None:
        opened.leases.release(Holder(frame.session_id()))


def _held_by(who: Holder) -> str:
    if who.name == frame.current_user().name:
        return t("annotate.held_by_you")
    return t("annotate.held_by", name=_name(who))


def _name(who: Holder) -> str:
    return t("annotate.held_unnamed") if who.name == UNNAMED else plain(who.name, 60)
