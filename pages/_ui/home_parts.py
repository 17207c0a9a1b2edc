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
from studio.store import labels, rounds, snapshots
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


def starts(opened: Studio, current: str | None) -> None:
    """The two ways to begin: a demo in either language, or one's own files; quiet once a corpus is open."""
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
                type="primary" if language == words.language() and not current else "secondary",
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
    """Where the project stands: figures, then the steps of the main job; the first one left is marked as next."""
    done = corpus_rows.progress(opened.store, snapshot.snapshot_id) | {"upload": snapshot.n_examples}
    following = next((step for step in STEPS if not done[step]), None)
    st.subheader(t("home.where", name=plain(snapshot.name)), anchor=False)
    with frame.show_errors():
        _figures(opened, snapshot)
    with st.container(key="pairs_steps"):
        for place, step in zip(st.columns(len(STEPS), gap="small"), STEPS, strict=True):
            with place.container(border=True, height="stretch", gap="xsmall"):
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


def _figures(opened: Studio, snapshot: Snapshot) -> None:
    """Four figures a reader without the tool can quote, each with what it is counted on."""
    counted = labels.counts(opened.store, snapshot.snapshot_id)
    given = counted[counted["origin"] == "annotation"]
    n_given, n_simulated = int(given["n"].sum()), int(given.loc[given["simulated"].astype(bool), "n"].sum())
    n_left = len(labels.pool_left(opened.store, snapshot.snapshot_id))
    last = rounds.latest(opened.store, snapshot.snapshot_id)
    with st.container(key="pairs_figures"):
        places = st.columns(4, gap="small")
        _figure(places[0], "examples", f"{snapshot.n_examples:,}",
                t("home.fact.examples_of", labels=len(snapshot.label_names), groups=len(snapshot.groups)))  # fmt: skip
        said = t("home.fact.simulated", n=n_simulated) if n_simulated else t("home.fact.by_people")
        _figure(places[1], "labelled", f"{n_given:,}", said if n_given else t("home.fact.nobody"))
        _figure(places[2], "left", f"{n_left:,}", t("home.fact.left_of"))
        if last is None:
            _figure(places[3], "accuracy", "–", t("home.fact.no_round"))
        else:
            found = last.report["validation"]["accuracy"]
            low, high = f"{100 * found['low']:.1f}", f"{100 * found['high']:.1f}"
            said = t("home.fact.round", number=last.number, low=low, high=high, n=last.n_validation)
            _figure(places[3], "accuracy", f"{100 * last.accuracy:.1f} %", said)


def _figure(place: st.delta_generator.DeltaGenerator, name: str, value: str, said: str) -> None:
    with place.container(border=True, height="stretch", gap=None):
        st.metric(t(f"home.fact.{name}"), value, help=t(f"home.fact.{name}_help"))
        st.caption(said)


def listing(opened: Studio, current: str | None) -> None:
    """The corpora of the workspace, newest first, each with its counts and a way in; none when the open one is all."""
    known = corpus_rows.list_all(opened.store)
    if known.empty:
        st.info(t("home.none"), icon=":material/database:")
        return
    if len(known) == 1 and known["snapshot_id"].iloc[0] == current:
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
