"""What an import left: counts, splits, rejects with their reasons, and the way on."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.store import splits
from studio.workflows.corpora import ImportOutcome
from studio.workflows.studio import Studio

_FOLLOWED = "upload.followed"


def follow(result: ImportOutcome, run: str) -> None:
    """Make the new corpus the one the menu leads to, once: whoever picks another one afterwards keeps that."""
    if result.snapshot is None or st.session_state.get(_FOLLOWED) == run:
        return
    st.session_state[_FOLLOWED] = run
    if st.query_params.get(frame.SNAPSHOT_KEY) != result.snapshot.snapshot_id:
        st.query_params[frame.SNAPSHOT_KEY] = result.snapshot.snapshot_id
        st.rerun()


def show(opened: Studio, result: ImportOutcome) -> None:
    """The result of a finished import."""
    snapshot = result.snapshot
    if snapshot is None:
        st.info(t("upload.none"), icon=":material/info:")
        return
    key = "upload.done" if result.is_new else "upload.known"
    st.success(t(key, name=plain(snapshot.name)), icon=":material/check_circle:")
    numbers = st.columns(4)
    numbers[0].metric(t("upload.n_examples"), f"{result.n_examples:,}")
    numbers[1].metric(t("upload.n_rejects"), f"{result.n_rejects:,}")
    if snapshot.label_names or snapshot.task.startswith("classification"):
        numbers[2].metric(t("upload.n_labels"), f"{len(snapshot.label_names):,}")
    else:
        numbers[2].metric(t("shape.n_answered"), f"{int(snapshot.manifest.get('n_labelled', 0)):,}")
    numbers[3].metric(t("upload.language"), t(f"corpus.language.{snapshot.language}"))
    st.caption(t("shape.read_as", task=t(f"shape.task.{snapshot.task}")))
    st.caption(t("upload.records", records=result.n_records, examples=result.n_examples, rejects=result.n_rejects))
    counts = splits.counts(opened.store, snapshot.snapshot_id)
    listed = " · ".join(f"{t(f'corpus.split.{name}')} {n:,}" for name, n in sorted(counts.items()))
    st.caption(f"{t('upload.splits')}: {listed} · {t('upload.snapshot', id=snapshot.snapshot_id)}")
    for warning in result.warnings:
        st.warning(t(f"corpus.warning.{warning}"), icon=":material/warning:")


def rejects(result: ImportOutcome) -> None:
    """What was left out: counts by reason, the first records, all of them as a download."""
    if not result.n_rejects:
        return
    st.subheader(t("upload.rejects"), anchor=False)
    reasons = sorted(result.rejects.items(), key=lambda item: -item[1])
    st.dataframe(
        [{t("upload.reason"): t(f"corpus.reason.{code}"), t("upload.count"): n} for code, n in reasons],
        hide_index=True,
        width="content",
    )
    st.caption(t("upload.first_rejects", n=len(result.first_rejects), total=result.n_rejects))
    st.dataframe(
        [
            {
                t("upload.file"): reject["file"],
                t("upload.line"): reject["line"],
                t("upload.reason"): t(f"corpus.reason.{reject['reason']}"),
                t("upload.raw"): reject["raw"],
            }
            for reject in result.first_rejects
        ],
        hide_index=True,
        height=240,
    )
    st.download_button(t("upload.download"), data=result.rejects_path.read_bytes, file_name="rejects.jsonl",
                       mime="application/x-ndjson", icon=":material/download:", on_click="ignore")  # fmt: skip


def next_steps(result: ImportOutcome) -> bool:
    """The ways on; True when another import is asked for."""
    places = st.container(horizontal=True)
    if result.snapshot and places.button(t("upload.next"), type="primary", icon=":material/scatter_plot:", key="next"):
        frame.go("explore", s=result.snapshot.snapshot_id)
    if result.snapshot and places.button(t("upload.prepare"), icon=":material/cleaning_services:", key="prepare"):
        frame.go("prepare", s=result.snapshot.snapshot_id)
    return places.button(t("upload.another"), icon=":material/upload_file:", key="another")
