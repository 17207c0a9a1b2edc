"""The Home page's parts: demos, the corpora of the workspace, and where one is in the main job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, upload_run
from pages._ui.words import plain, t
from studio import words
from studio.records import Snapshot
from studio.store import corpora as corpus_rows
from studio.store import snapshots
from studio.workflows import corpora
from studio.workflows.studio import Studio

_DEMO_PARAM = "demo"
STEPS: Mapping[str, str] = {
    "upload": ":material/upload_file:",
    "explore": ":material/scatter_plot:",
    "select": ":material/tune:",
    "annotate": ":material/edit_note:",
    "train": ":material/model_training:",
    "loop": ":material/autorenew:",
}
MOST_SHOWN = 12


def current(opened: Studio) -> Snapshot | None:
    """The snapshot in the URL, or None."""
    return snapshots.get(opened.store, st.query_params.get(frame.SNAPSHOT_KEY, ""))


def follow_demo(opened: Studio) -> None:
    """While a demo is being made its progress is the page; when it is ready, Explore opens on it."""
    run_id = st.query_params.get(_DEMO_PARAM)
    if not run_id:
        return
    view = upload_run.wait_for(opened, run_id, t("home.demo_running"))
    if view is not None and view.status.state == "done" and view.trouble is None:
        with frame.show_errors():
            snapshot = corpora.outcome(opened, run_id).snapshot
            if snapshot is not None:
                frame.go("explore", s=snapshot.snapshot_id)
    if view is not None:
        st.warning(t("home.demo_failed"), icon=":material/warning:")
        if st.button(t("home.open_runs"), icon=":material/pending_actions:"):
            frame.go("runs")
    st.query_params.pop(_DEMO_PARAM, None)


def starts(opened: Studio) -> None:
    """The two ways to begin: a demo in either language, or one's own files."""
    left, right = st.columns(2)
    with left.container(border=True, height="stretch"):
        st.subheader(t("home.demo_title"), anchor=False)
        st.caption(t("home.demo_text"))
        buttons = st.container(horizontal=True)
        for language in corpora.DEMO_NAMES:
            if buttons.button(
                t(f"home.demo_{language}"),
                key=f"demo_{language}",
                icon=":material/play_circle:",
                type="primary" if language == words.language() else "secondary",
            ):
                _open_demo(opened, language)  # fmt: skip
    with right.container(border=True, height="stretch"):
        st.subheader(t("home.upload_title"), anchor=False)
        st.caption(t("home.upload_text"))
        if st.button(t("home.upload"), key="to_upload", icon=":material/upload_file:"):
            frame.go("upload")


def _open_demo(opened: Studio, language: str) -> None:
    with frame.show_errors():
        st.query_params[_DEMO_PARAM] = corpora.open_demo(opened, frame.current_user(), language=language)
        st.rerun()


def job(opened: Studio, snapshot: Snapshot) -> None:
    """The steps of the main job with what was done of each; the first one left is marked as next."""
    done = corpus_rows.progress(opened.store, snapshot.snapshot_id) | {"upload": snapshot.n_examples}
    following = next((step for step in STEPS if not done[step]), None)
    st.subheader(t("home.where", name=plain(snapshot.name)), anchor=False)
    for place, step in zip(st.columns(len(STEPS)), STEPS, strict=True):
        with place.container(border=True, height="stretch"):
            mark = ":material/check_circle:" if done[step] else STEPS[step]
            if st.button(
                t(f"frame.nav.{step}"),
                key=f"step_{step}",
                icon=mark,
                width="stretch",
                type="primary" if step == following else "secondary",
            ):
                frame.go(step, s=snapshot.snapshot_id)  # fmt: skip
            st.caption(t(f"home.done.{step}", n=done[step]) if done[step] else t(f"home.todo.{step}"))


def listing(opened: Studio, current: str | None) -> None:
    """The corpora of the workspace, newest first, each with its counts and a way in."""
    known = corpus_rows.list_all(opened.store)
    if known.empty:
        st.info(t("home.none"), icon=":material/database:")
        return
    st.subheader(t("home.corpora"), anchor=False)
    for row in known.head(MOST_SHOWN).to_dict(orient="records"):
        _card(row, current)
    if len(known) > MOST_SHOWN:
        st.caption(t("home.more", n=len(known) - MOST_SHOWN))


def _card(row: dict[str, Any], current: str | None) -> None:
    facts = [t("home.counts", n=row["n_examples"], labels=len(row["label_names"]), groups=len(row["groups"]))]
    if row["n_rejects"]:
        facts.append(t("home.rejects", n=row["n_rejects"]))
    if row["n_snapshots"] > 1:
        facts.append(t("home.versions", n=row["n_snapshots"]))
    with st.container(border=True, horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(gap=None):
            st.text(row["name"])
            st.caption(" · ".join([t(f"corpus.language.{row['language']}"), *facts]))
        if st.button(
            t("home.open"),
            key=f"open_{row['snapshot_id']}",
            icon=":material/arrow_forward:",
            disabled=row["snapshot_id"] == current,
        ):
            frame.go("home", s=row["snapshot_id"])  # fmt: skip
