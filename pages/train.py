"""Train: launch a round on the labels in force, watch it, read what it reached, choose what to annotate next."""

import streamlit as st

from pages._ui import frame, train_live, train_next, train_report, train_setup
from pages._ui.words import t
from studio.store import annotations, rounds
from studio.workflows import train

opened = frame.studio()
snapshot = frame.current_snapshot()
place = st.columns([5, 1], vertical_alignment="center")
place[0].header(t("train.title"), anchor=False)
frame.require_task(snapshot, "train")

asked = st.query_params.get(train_setup.ROUND_KEY, "")
if asked:
    with place[1]:
        train_next.back()
found = rounds.get(opened.store, asked) if asked else None
if found is not None and found.snapshot_id == snapshot.snapshot_id:
    train_report.headline(found)
    train_next.batch(opened, snapshot, found)
    train_report.details(opened, snapshot, found)
    train_next.listing(opened, snapshot, asked)
    st.stop()
if asked and found is None:
    view = train_live.find(opened, asked)
    if view is None:
        st.warning(t("train.live.gone"), icon=":material/help:")
    elif view.is_live:
        train_live.follow(opened, asked)
    else:
        train_live.ended(opened, view)
    if view is not None:
        train_next.listing(opened, snapshot, asked)
        st.stop()

st.caption(t("train.intro"))
counted = train.label_counts(opened, snapshot.snapshot_id)
if not counted["train"] or not counted["validation"]:
    st.info(t("train.no_labels", **counted), icon=":material/label_off:")
    places = st.container(horizontal=True)
    has_queue = bool(annotations.queues(opened.store, snapshot.snapshot_id))
    if has_queue and places.button(t("train.go_annotate"), type="primary", icon=":material/edit_note:"):
        frame.go("annotate")
    if places.button(t("train.go_select"), type="secondary" if has_queue else "primary", icon=":material/tune:"):
        frame.go("select")
else:
    train_setup.show(opened, snapshot)
train_next.listing(opened, snapshot, "")
