"""Removing examples, a person or a corpus: choose, look at what would go, type to confirm, follow, keep the report."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import annotate_desk, explore_contrast, frame, prepare_split_leaks, prepare_versions_diff
from pages._ui.upload_files import size_text
from pages._ui.words import plain, t
from studio.store import corpora, examples, purge_find, snapshots
from studio.workflows import purge, purge_pending, runs
from studio.workflows.purge import Options, Plan, Target
from studio.workflows.studio import Studio

_LOOKED, _RUN, _SEEN = "purge.target", "purge.run_id", "purge.report"
_POLL_S = 1.0
_SHOWN_VALUES = 8
_SHOWN_TEXTS = 5


def show(opened: Studio) -> None:
    """Draw this part of the page."""
    if purge_pending.pending(opened.workspace) is not None:
        _under_way(opened)
        return
    if report := _fresh_report(opened):
        _report(report)
        return
    listed = corpora.list_all(opened.store)
    if listed.empty:
        st.info(t("admin.purge.none"), icon=":material/database:")
    else:
        st.caption(t("admin.purge.intro"))
        target = _target(opened, dict(zip(listed["corpus_id"], listed["name"], strict=True)))
        looked: Target | None = st.session_state.get(_LOOKED)
        if st.button(t("admin.purge.look"), icon=":material/search:", key="purge_look", disabled=target is None):
            st.session_state[_LOOKED] = looked = target
        if looked is not None and looked == target:
            _plan(opened, looked)
    _earlier(opened)


# --- choosing ---------------------------------------------------------------------------------------------------------
def _target(opened: Studio, names: Mapping[str, str]) -> Target | None:
    kinds = {kind: t(f"admin.purge.{kind}") for kind in purge.KINDS}
    kind = st.radio(
        t("admin.purge.what"), list(kinds), format_func=kinds.__getitem__, horizontal=True, key="purge.kind"
    )
    shown = dict(names)  # a select box shows its options letter by letter
    options = ["", *names] if kind == "value" else list(names)
    shown[""] = t("admin.all_corpora")
    corpus_id = st.selectbox(t("admin.purge.in"), options, format_func=shown.__getitem__, key=f"purge.in.{kind}")
    if kind == "corpus":
        copies = st.checkbox(t("admin.purge.copies"), value=True, key="purge.copies.corpus")
        return Target("corpus", corpus_id, copies=copies)
    if kind == "example":
        typed = st.text_input(t("admin.purge.numbers"), placeholder=t("admin.purge.numbers_hint"),
                              help=t("admin.purge.numbers_help"), key="purge.numbers")  # fmt: skip
        copies = st.checkbox(t("admin.purge.copies"), value=True, key="purge.copies.example")
        numbers = tuple(int(word) for word in typed.replace("，", " ").replace(",", " ").split()
                        if word.isascii() and word.isdigit() and len(word) < 17)  # fmt: skip
        return Target("example", corpus_id, tuple(sorted(set(numbers))), copies=copies) if numbers else None
    return _by_value(opened, corpus_id)


def _by_value(opened: Studio, corpus_id: str) -> Target | None:
    seen = snapshots.list_all(opened.store)
    some = [s for s in seen if corpus_id in ("", s.corpus_id)]
    columns = list(dict.fromkeys(name for s in some for name in purge_find.columns(opened.store, s.snapshot_id)))
    places = st.columns(2)
    column = places[0].selectbox(t("admin.purge.column"), columns, key=f"purge.column.{corpus_id}")
    value = places[1].text_input(t("admin.purge.is"), placeholder=t("admin.purge.is_hint"), key="purge.is")
    if column and some:
        newest = next((s for s in some if column in purge_find.columns(opened.store, s.snapshot_id)), some[0])
        frequent = purge_find.values(opened.store, newest.snapshot_id, column, _SHOWN_VALUES)
        shown = " · ".join(f"{plain(name, 40)} ({n:,})" for name, n in frequent)
        st.caption(t("admin.purge.values", values=shown) if shown else "")
    copies = st.checkbox(t("admin.purge.copies"), value=True, key="purge.copies.value")
    return Target("value", corpus_id, column=str(column), value=value, copies=copies) if column and value else None


# --- looking, confirming ----------------------------------------------------------------------------------------------
def _plan(opened: Studio, target: Target) -> None:
    with st.container(border=True), frame.show_errors():
        options = Options(
            st.session_state.get("purge.backups", True), st.session_state.get("purge.inbox", True),
            tuple(st.session_state.get("purge.models", ())),
        )  # fmt: skip
        made = purge.plan(opened, target, options)
        st.markdown(t("admin.purge.would", n=made.n_examples))
        if made.n_examples != made.n_matched:
            st.caption(t("admin.purge.would_parts", matched=made.n_matched, children=made.n_children,
                         copies=made.n_copies, elsewhere=made.n_elsewhere))  # fmt: skip
        lines = [t("admin.purge.corpus_line", name=plain(name), n=n, all=n_all) for name, n, n_all in made.by_corpus]
        st.caption(" · ".join(lines[:20]))
        if made.is_everything:
            st.warning(t("admin.purge.everything"), icon=":material/warning:")
        _texts(opened, made)
        _places(made)
        _options(made)
        if made.n_not_looked_at:
            st.caption(t("admin.purge.not_looked", n=made.n_not_looked_at))
        st.caption(t("admin.purge.disk_note"))
        if made.live:
            st.error(t("admin.purge.live", runs=", ".join(plain(title) for title in made.live[:5])),
                     icon=":material/pending_actions:")  # fmt: skip
            return
        _confirm(opened, made, options)


def _texts(opened: Studio, made: Plan) -> None:
    """The first of the examples, so that nobody removes the wrong ones."""
    rows: list[pd.DataFrame] = []
    for snapshot_id in made.snapshots:
        found = snapshots.require(opened.store, snapshot_id)
        some = made.ids[found.corpus_id]
        if some is not None and sum(map(len, rows)) < _SHOWN_TEXTS:
            part = examples.by_ids(opened.store, snapshot_id, sorted(some)[:_SHOWN_TEXTS], ("example_id", "text"))
            rows.append(part.assign(corpus=found.name))
    if not rows:
        return
    table = pd.concat(rows).drop_duplicates(["corpus", "example_id"])[:_SHOWN_TEXTS]
    config = {name: st.column_config.Column(t(f"admin.preview.{name}")) for name in table.columns}
    config["text"] = st.column_config.TextColumn(t("admin.preview.text"), width="large")
    config["example_id"] = st.column_config.NumberColumn(t("admin.preview.example_id"), format="%d", width="small")
    st.dataframe(table, hide_index=True, column_config=config, column_order=["example_id", "text", "corpus"],
                 key="purge_texts", height=38 + 35 * len(table))  # fmt: skip


def _places(made: Plan) -> None:
    rows = pd.DataFrame(
        {
            "place": [t(f"admin.place.{place.place}") for place in made.places],
            "n": [place.n for place in made.places],
            "size": [size_text(place.n_bytes) if place.n_bytes else "" for place in made.places],
            "action": [t(f"admin.action.{place.action}") for place in made.places],
            "names": [", ".join(place.names) for place in made.places],
        }
    )
    config = {name: st.column_config.Column(t(f"admin.places.{name}")) for name in rows.columns}
    config["n"] = st.column_config.NumberColumn(t("admin.places.n"), format="localized", width="small")
    st.dataframe(rows, hide_index=True, column_config=config, height=38 + 35 * len(rows), key="purge_places")


def _options(made: Plan) -> None:
    present = {place.place for place in made.places}
    if "backups" in present:
        st.checkbox(t("admin.purge.backups"), value=True, key="purge.backups")
    if "inbox" in present:
        st.checkbox(t("admin.purge.inbox"), value=True, key="purge.inbox")
    if made.models:
        names = {str(m["round_id"]): f"#{m['number']} {m['name']}".strip() for m in made.models}
        chosen = st.multiselect(t("admin.purge.models"), list(names), format_func=names.__getitem__, key="purge.models",
                                placeholder=t("admin.purge.models_hint"))  # fmt: skip
        if kept := [name for key, name in names.items() if key not in chosen]:
            st.warning(t("admin.purge.trained", names=", ".join(map(plain, kept[:10]))),
                       icon=":material/model_training:")  # fmt: skip


def _confirm(opened: Studio, made: Plan, options: Options) -> None:
    key = "type_name" if made.target.kind == "corpus" else "type_number"
    places = st.columns([3, 1], vertical_alignment="bottom")
    typed = places[0].text_input(t(f"admin.purge.{key}", confirm=plain(made.confirm), n=made.n_examples),
                                 key="purge.confirm")  # fmt: skip
    ready = " ".join(typed.split()) == " ".join(made.confirm.split())
    if places[1].button(t("admin.purge.go"), type="primary", icon=":material/delete_forever:", disabled=not ready,
                        key="purge_go", width="stretch"):  # fmt: skip
        run_id = st.session_state.setdefault(_RUN, str(uuid.uuid4()))
        purge.start(opened, frame.current_user(), target=made.target, confirm=typed, options=options, run_id=run_id)
        st.session_state[_SEEN] = run_id
        for name in (_RUN, _LOOKED, "purge.confirm"):
            st.session_state.pop(name, None)
        st.rerun()


# --- following --------------------------------------------------------------------------------------------------------
def _under_way(opened: Studio) -> None:
    record = purge_pending.pending(opened.workspace) or {}
    st.session_state[_SEEN] = record.get("run_id")
    with st.container(border=True):
        st.subheader(t("admin.purge.running"), anchor=False)
        st.caption(t("admin.purge.running_help"))
        _poll(opened)


@st.fragment(run_every=_POLL_S)
def _poll(opened: Studio) -> None:
    record = purge_pending.pending(opened.workspace)
    if record is None:
        st.cache_data.clear()  # texts of what is gone
        for kept in (explore_contrast, annotate_desk, prepare_versions_diff, prepare_split_leaks):
            kept.forget()
        st.rerun(scope="app")
    view = None
    with frame.show_errors():
        view = runs.view(opened, record["run_id"])
    if view is not None and view.is_live:
        st.progress(view.share, text=t(view.status.message) if view.status.message.startswith("admin.") else " ")
        return
    begun = bool(record["steps"])
    st.warning(t("admin.purge.stopped_begun" if begun else "admin.purge.stopped"), icon=":material/pause_circle:")
    places = st.container(horizontal=True)
    if places.button(t("admin.purge.go_on"), type="primary", icon=":material/play_arrow:", key="purge_go_on"):
        with frame.show_errors():
            purge.go_on(opened, frame.current_user())
            st.rerun(scope="app")
    if not begun and places.button(t("admin.purge.give_up"), icon=":material/undo:", key="purge_give_up"):
        with frame.show_errors():
            purge.give_up(opened, frame.current_user())
            st.rerun(scope="app")


# --- after ------------------------------------------------------------------------------------------------------------
def _fresh_report(opened: Studio) -> dict[str, Any] | None:
    """The report of the removal this browser followed, until it is closed."""
    seen = st.session_state.get(_SEEN)
    return next((report for report in purge.reports(opened) if report.get("run_id") == seen), None) if seen else None


def _report(report: Mapping[str, Any]) -> None:
    holding = report.get("still_holding") or []
    if holding:
        names = ", ".join(plain(name, 60) for name in holding[:10])
        st.warning(t("admin.purge.done_holding", n=report["n_examples"], names=names), icon=":material/warning:")
    else:
        st.success(t("admin.purge.done", n=report["n_examples"]), icon=":material/check_circle:")
    if trained := report.get("trained_on"):
        names = ", ".join(plain(f"#{m['number']} {m['name']}") for m in trained[:10])
        st.warning(t("admin.purge.trained", names=names), icon=":material/model_training:")
    places = st.container(horizontal=True)
    places.download_button(t("admin.purge.report"), purge.report_bytes(report), f"removal-{report['purge_id']}.json",
                           "application/json", icon=":material/download:", key="purge_report")  # fmt: skip
    places.button(t("admin.purge.dismiss"), icon=":material/close:", key="purge_close",
                  on_click=lambda: st.session_state.pop(_SEEN, None))  # fmt: skip


def _earlier(opened: Studio) -> None:
    found = purge.reports(opened)
    if not found:
        return
    with st.expander(t("admin.purge.earlier", n=len(found)), key="purge_earlier"):
        for number, report in enumerate(found[:50]):
            line = t("admin.purge.earlier_line", date=report["finished_at"][:16].replace("T", " "),
                     by=plain(report["by"]), n=report["n_examples"])  # fmt: skip
            places = st.columns([4, 1], vertical_alignment="center")
            places[0].caption(line)
            places[1].download_button(t("admin.purge.report"), purge.report_bytes(report),
                                      f"removal-{report['purge_id']}.json", "application/json",
                                      key=f"report_{number}")  # fmt: skip
