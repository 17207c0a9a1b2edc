"""What every page starts with: the open studio, who acts, which snapshot, and how errors are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import streamlit as st

from pages._ui.words import plain, t
from studio import settings as studio_settings
from studio.errors import StudioError
from studio.records import Actor, Snapshot
from studio.store import snapshots
from studio.workflows.studio import Studio, open_studio

NAME_KEY = "who"
SNAPSHOT_KEY = "s"


@st.cache_resource(show_spinner=False, on_release=lambda opened: opened.close())
def _open(home: str) -> Studio:
    return open_studio(studio_settings.from_environment(workspace=home))


def studio() -> Studio:
    """The studio of this server process; the page stops with a clear text when it cannot be opened."""
    with show_errors():
        settings = studio_settings.from_environment()
        return _open(str(settings.workspace.root))
    st.stop()


def current_user() -> Actor:
    """Who acts: in local mode one admin under the name the browser declared, marked unverified."""
    name = (st.session_state.get(NAME_KEY) or "").strip()[:60]
    return Actor(name=name or "local", role="admin", verified=False)


def current_snapshot() -> Snapshot:
    """The snapshot in the URL; a page without one says where to get one and stops."""
    chosen = st.session_state.get(SNAPSHOT_KEY) or st.query_params.get(SNAPSHOT_KEY)
    found = snapshots.get(studio().store, str(chosen)) if chosen else None
    if found is None:
        st.info(t("frame.no_corpus"), icon=":material/database:")
        if st.button(t("frame.go_home"), type="primary", icon=":material/home:"):
            st.switch_page("pages/home.py")
        st.stop()
    return found


def go(page: str, **params: str) -> NoReturn:
    """Open another page of the same corpus with further URL parameters (empty ones are left out)."""
    keep = {key: st.query_params[key] for key in (SNAPSHOT_KEY, "lang") if key in st.query_params}
    st.switch_page(f"pages/{page}.py", query_params=keep | {key: value for key, value in params.items() if value})


@contextmanager
def show_errors() -> Iterator[None]:
    """Show what happened, what was got and what to do; anything that is not a StudioError is a bug and is raised."""
    try:
        yield
    except StudioError as error:
        show_error(error)


def show_error(error: StudioError) -> None:
    """One error in three parts, with corpus text as literal characters."""
    got = f"  \n{t('frame.got')} {plain(error.got_text(), 200)}" if error.got is not None else ""
    fix = f"  \n**{plain(error.fix, 300)}**" if error.fix else ""
    st.error(f"{plain(error.what, 200)}.{got}{fix}", icon=":material/error:")


def sidebar(opened: Studio) -> None:
    """Corpus picker, language and name: the same on every page, kept in the URL where others should see them."""
    listed = {snapshot.snapshot_id: snapshot for snapshot in snapshots.list_all(opened.store)}
    with st.sidebar:
        if listed:
            if not st.session_state.get(SNAPSHOT_KEY) and st.query_params.get(SNAPSHOT_KEY) not in listed:
                st.session_state[SNAPSHOT_KEY] = next(iter(listed))
            st.selectbox(
                t("frame.corpus"),
                list(listed),
                index=None,
                key=SNAPSHOT_KEY,
                bind="query-params",
                format_func=lambda key: f"{listed[key].name} · {listed[key].n_examples:,}",
                placeholder=t("frame.pick_corpus"),
            )
        columns = st.columns(2, vertical_alignment="bottom")
        columns[0].text_input(
            t("frame.name"),
            key=NAME_KEY,
            max_chars=60,
            persist_state="session",
            placeholder=t("frame.name_hint"),
            help=t("frame.name_help"),
        )
        _language_picker(columns[1])


def _language_picker(place: st.delta_generator.DeltaGenerator) -> None:
    names = {"": t("frame.language_auto"), "en": "English", "zh": "中文"}
    place.selectbox(t("frame.language"), list(names), key="lang", bind="query-params", format_func=names.__getitem__)


def show_notices(opened: Studio) -> None:
    """What the start-up had to mend (a damaged log set aside, labels restored), shown until it is dismissed."""
    for number, (key, values) in enumerate(list(opened.notices)):
        place = st.columns([6, 1], vertical_alignment="center")
        place[0].warning(t(key, **values), icon=":material/healing:")
        if place[1].button(t("frame.dismiss"), key=f"notice_{number}"):
            opened.notices.remove((key, values))
            st.rerun()
