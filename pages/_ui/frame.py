"""What every page starts with: the open studio, who acts, which snapshot, and how errors are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._ui import look
from pages._ui.words import plain, spoken, t
from studio import settings as studio_settings
from studio.errors import StudioError
from studio.records import TASK_TYPES, Actor, Snapshot
from studio.store import snapshots
from studio.workflows.studio import Studio, open_studio

# A file of our own: Streamlit fetches a `:material/...:` page icon from a font server on the internet.
ICON = str(Path(__file__).with_name("icon.png"))
NAME_KEY = "who"
SNAPSHOT_KEY = "s"
_ROUTED = "frame.routed"
# The pages in the order of the work, by section of the menu.
SECTIONS = {
    "": (("home", ":material/home:"),),
    "data": (
        ("upload", ":material/upload_file:"),
        ("prepare", ":material/cleaning_services:"),
        ("explore", ":material/scatter_plot:"),
    ),
    "choose": (("select", ":material/tune:"), ("annotate", ":material/edit_note:")),
    "learn": (
        ("train", ":material/model_training:"),
        ("loop", ":material/autorenew:"),
        ("review", ":material/rate_review:"),
    ),
    "work": (("runs", ":material/pending_actions:"), ("admin", ":material/storage:")),
}
SWITCH_S = 0.0005  # how long a thread that answers a press waits for one that computes; Python's 5 ms add up (0215)


@st.cache_resource(show_spinner=False, on_release=lambda opened: opened.close())
def _open(home: str) -> Studio:
    sys.setswitchinterval(SWITCH_S)
    return open_studio(studio_settings.from_environment(workspace=home))


def navigation() -> st.Page:
    """Name the pages and return the one to run; called by app.py before anything else.

    The menu itself is drawn by `sidebar`: the icon of a `st.Page` would become the browser tab's icon, and Streamlit
    fetches that from a font server on the internet.
    """
    page = st.navigation(
        [
            st.Page(f"pages/{name}.py", title=t(f"frame.nav.{name}"), url_path=name, default=name == "home")
            for entries in SECTIONS.values()
            for name, _ in entries
        ],
        position="hidden",
    )
    st.session_state[_ROUTED] = page.title
    return page


def _menu() -> None:
    """The pages by section; a link keeps corpus and language."""
    keep = {key: st.query_params[key] for key in (SNAPSHOT_KEY, "lang") if key in st.query_params}
    for section, entries in SECTIONS.items():
        if section:
            st.caption(t(f"frame.nav.{section}"))
        for name, icon in entries:
            st.page_link(f"pages/{name}.py", label=t(f"frame.nav.{name}"), icon=icon, query_params=keep)
    st.divider()


def _through_the_router() -> None:
    """Send a page that Streamlit opened by itself through app.py.

    Until some session has called `st.navigation`, a server takes every file of `pages/` for a page of its own: the
    first deep link after a start would show a page without its frame. The call turns that off for the whole server.
    """
    if _ROUTED not in st.session_state:
        navigation()
        st.rerun()


def studio() -> Studio:
    """The studio of this server process; the page stops with a clear text when it cannot be opened."""
    _through_the_router()
    with show_errors():
        settings = studio_settings.from_environment()
        return _open(str(settings.workspace.root))
    st.stop()


def current_user() -> Actor:
    """Who acts: in local mode one admin under the name the browser declared, marked unverified."""
    name = (st.session_state.get(NAME_KEY) or "").strip()[:60]
    return Actor(name=name or "local", role="admin", verified=False)


def session_id() -> str:
    """The browser session (tab) this page is drawn for; empty outside a server."""
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""


def is_here(session: str) -> bool:
    """True while the tab of a browser session is open; a tab that was closed or reloaded is gone."""
    return not runtime.exists() or runtime.get_instance().is_active_session(session)


def current_snapshot() -> Snapshot:
    """The snapshot in the URL; a page without one says where to get one and stops."""
    opened = studio()
    chosen = st.query_params.get(SNAPSHOT_KEY) or st.session_state.get(_kept(SNAPSHOT_KEY))
    found = snapshots.resolve(opened.store, str(chosen)) if chosen else None
    if found is None:
        st.header(st.session_state.get(_ROUTED) or t("frame.app"), anchor=False)
        st.info(t("frame.no_corpus"), icon=":material/database:")
        if st.button(t("frame.go_home"), type="primary", icon=":material/home:"):
            st.switch_page("pages/home.py")
        st.stop()
    return found


def require_task(snapshot: Snapshot, page: str) -> None:
    """Stop a page that can only do some tasks, saying in one sentence what works with this corpus and where.

    Which tasks go the whole way is `TaskType.built`; Explore, Select and Prepare work on the text of every task.
    """
    if any(task.name == snapshot.task and task.built for task in TASK_TYPES):
        return
    st.info(f"{t(f'shape.require.{page}', task=t(f'shape.task.{snapshot.task}'))} {t('shape.require.still')}",
            icon=":material/info:")  # fmt: skip
    places = st.container(horizontal=True)
    if places.button(t("shape.require.explore"), type="primary", icon=":material/scatter_plot:", key="require_explore"):
        go("explore")
    has_turns = any(task.name == snapshot.task and {"prompt", "messages"} & set(task.roles) for task in TASK_TYPES)
    if has_turns and places.button(t("shape.require.template"), icon=":material/forum:", key="require_template"):
        go("prepare", part="export", format="messages")
    st.stop()


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
    """One error in three parts in the page's language, with corpus text as literal characters."""
    what = t("frame.sentence", text=plain(spoken(error.what), 200))
    got = f"  \n{t('frame.got')} {plain(error.got_text(), 200)}" if error.got is not None else ""
    fix = f"  \n**{plain(spoken(error.fix), 300)}**" if error.fix else ""
    st.error(f"{what}{got}{fix}", icon=":material/error:")


def sidebar(opened: Studio) -> None:
    """Corpus picker, language and name: the same on every page, kept in the URL where others should see them."""
    listed = {snapshot.snapshot_id: snapshot for snapshot in snapshots.list_all(opened.store)}
    asked = st.query_params.get(SNAPSHOT_KEY, "")
    if asked and asked not in listed and (heir := snapshots.resolve(opened.store, asked)):
        asked = st.query_params[SNAPSHOT_KEY] = heir.snapshot_id  # a removal renamed it; the link still leads there
    with st.sidebar:
        if listed:
            url_select(
                st,
                t("frame.corpus"),
                list(listed),
                SNAPSHOT_KEY,
                format_func=lambda key: f"{listed[key].name} · {listed[key].n_examples:,}",
            )
        _menu()
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
    look.apply()
    if listed and asked and asked not in listed:
        shown = listed[st.query_params[SNAPSHOT_KEY]]
        st.warning(t("frame.unknown_corpus", name=plain(shown.name)), icon=":material/link_off:")


def _language_picker(place: st.delta_generator.DeltaGenerator) -> None:
    names = {"": t("frame.language_auto"), "en": "English", "zh": "中文"}
    url_select(place, t("frame.language"), list(names), "lang", format_func=names.__getitem__)


def _kept(key: str) -> str:
    return f"url.{key}"


def url_chosen(options: Sequence[str], key: str) -> str:
    """What a `url_select` drawn further down the page stands on: the URL, else the last choice, else the first."""
    asked, kept = st.query_params.get(key), st.session_state.get(_kept(key))
    return asked if asked in options else kept if kept in options else options[0]


def url_select(
    place: Any,
    label: str,
    options: Sequence[str],
    key: str,
    *,
    format_func: Callable[[str], str],
    widget: str = "selectbox",
    **more: Any,
) -> str:
    """A select box or pills whose chosen option (not its shown name) is a URL parameter; it survives a change of page.

    `bind="query-params"` puts the formatted name into the URL, which changes with the language and with every rename.

    Args:
        place: where to draw, `st` or a container.
        label: its label, already in the page's language.
        options: what may be chosen; the first one when the URL holds nothing valid and nothing was chosen before.
        key: name of the URL parameter; "" as a value is not written.
        format_func: how an option is shown.
        widget: selectbox, pills, segmented_control or radio.
        more: further arguments of that widget; pills and segmented controls need required=True.
    """
    chosen = url_chosen(options, key)
    _keep(key, chosen)
    st.session_state[f"{key}.box"] = chosen
    draw = getattr(place, widget)
    draw(label, options, key=f"{key}.box", format_func=format_func, on_change=_chosen, args=(key,), **more)
    return chosen


def _chosen(key: str) -> None:
    _keep(key, st.session_state[f"{key}.box"])


def _keep(key: str, value: str) -> None:
    st.session_state[_kept(key)] = value
    if value:
        if st.query_params.get(key) != value:  # a browser draws the whole page again for every word about its address
            st.query_params[key] = value
    elif key in st.query_params:
        del st.query_params[key]


def show_notices(opened: Studio) -> None:
    """What the start-up had to mend (a damaged log set aside, labels restored), shown until it is dismissed."""
    for number, (key, values) in enumerate(list(opened.notices)):
        place = st.columns([6, 1], vertical_alignment="center")
        place[0].warning(t(key, **values), icon=":material/healing:")
        if place[1].button(t("frame.dismiss"), key=f"notice_{number}"):
            opened.notices.remove((key, values))
            st.rerun()
