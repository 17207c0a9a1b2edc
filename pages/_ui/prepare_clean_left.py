"""What cleaning left out of a version and why, and the way to bring any of it back."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import frame, prepare_clean_run
from pages._ui.prepare_clean_words import detail_text, reason_name, step_name
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.store import examples, snapshots
from studio.workflows import clean, runs, slices
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_SHOWN = 500
_RUN = "run"


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw the left-out examples of a cleaned version."""
    lineage = snapshot.manifest["lineage"]
    parent = snapshots.get(opened.store, str(lineage["parent"]))
    counts = lineage["counts"]
    st.subheader(t("clean.left.title", name=plain(parent.name if parent else lineage["parent"])), anchor=False)
    said = t("clean.left.counts", before=f"{counts['n_before']:,}", after=f"{counts['n_after']:,}",
             changed=f"{counts['n_changed']:,}", flagged=f"{counts['n_flagged']:,}")  # fmt: skip
    if counts["n_brought_back"]:
        said = f"{said} {t('clean.left.back', n=counts['n_brought_back'])}"
    st.caption(said)
    _at_work(opened)
    gone, marked = clean.dropped(opened, snapshot.snapshot_id), clean.flagged(opened, snapshot.snapshot_id)
    if parent is None:
        st.warning(t("clean.left.gone_parent"), icon=":material/link_off:")
    elif gone.empty:
        st.info(t("clean.left.none"), icon=":material/info:")
    else:
        _dropped(opened, snapshot, parent, gone)
    if not marked.empty:
        with st.expander(f"{t('clean.left.flagged')} · {len(marked):,}", icon=":material/flag:", key="clean_flagged"):
            _flagged(opened, snapshot, marked)


def _at_work(opened: Studio) -> None:
    """The run that brings examples back, named in the URL."""
    view = _view(opened)
    if view is None:
        return
    if view.is_live:
        prepare_clean_run.progress(opened, view.run_id)
    elif view.status.state != "done" or view.trouble:
        prepare_clean_run.show_end(opened, view)
    else:
        found = clean.outcome(opened, view.run_id).snapshot
        if found is not None:
            prepare_clean_run.version_ready(opened, found.name, found.snapshot_id, found.n_examples,
                                            key="clean_open_back", text="clean.left.done")  # fmt: skip


def _view(opened: Studio) -> RunView | None:
    run_id = st.query_params.get(_RUN, "")
    try:
        view = runs.view(opened, run_id) if run_id else None
    except StudioError:
        return None  # a link from another workspace
    return view if view is not None and view.spec.kind == clean.KIND else None


def _dropped(opened: Studio, snapshot: Snapshot, parent: Snapshot, gone: pd.DataFrame) -> None:
    allowed = may(frame.current_user().role, "analyst")
    counts = gone.groupby(["place", "step", "reason"], sort=True).size().reset_index(name="n")
    keys = {f"{row.step}:{row.reason}": (row.step, row.reason, int(row.n)) for row in counts.itertuples()}
    names = {"": f"{t('clean.left.all_reasons')} {len(gone):,}"}
    names |= {key: f"{step_name(step)}: {reason_name(reason)} {n:,}" for key, (step, reason, n) in keys.items()}
    chosen = frame.url_select(st, t("clean.left.by_reason"), list(names), "why", format_func=names.__getitem__,
                              widget="pills", required=True)  # fmt: skip
    if chosen:
        step, reason, _ = keys[chosen]
        gone = gone[(gone["step"] == step) & (gone["reason"] == reason)]
    shown = gone.head(_SHOWN)
    rows = examples.by_ids(opened.store, parent.snapshot_id, shown["example_id"].to_numpy(), ("example_id", "text"))
    rows = rows.merge(shown, on="example_id", how="left")
    table = pd.DataFrame(
        {
            "reason": [reason_name(code) for code in rows["reason"]],
            "text": rows["text"],
            "detail": [detail_text(code, text) for code, text in zip(rows["reason"], rows["detail"], strict=True)],
            "step": [step_name(name) for name in rows["step"]],
            "id": rows["example_id"],
        }
    )
    key = f"clean_left_{snapshot.snapshot_id}_{chosen}"  # rows chosen in one version mean others in the next
    event = st.dataframe(table, hide_index=True, column_config=_config(), key=key, height=420, on_select="rerun",
                         selection_mode="multi-row")  # fmt: skip
    if len(gone) > len(shown):
        st.caption(t("clean.left.first", n=f"{len(shown):,}"))
    if allowed:
        picked = [int(rows["example_id"].iloc[i]) for i in event["selection"]["rows"] if i < len(rows)]
        _bring(opened, snapshot, picked, chosen, len(gone))


def _config() -> dict[str, object]:
    config: dict[str, object] = {name: st.column_config.TextColumn(t(f"clean.col.{name}"))
                                 for name in ("reason", "detail", "step")}  # fmt: skip
    config["reason"] = st.column_config.TextColumn(t("clean.col.reason"), width=130)
    config["text"] = st.column_config.TextColumn(t("clean.col.text"), width="large")
    config["id"] = st.column_config.NumberColumn(t("clean.col.id"), format="%d", width="small")
    return config


def _bring(opened: Studio, snapshot: Snapshot, picked: list[int], chosen: str, n: int) -> None:
    with st.container(horizontal=True):
        label = t("clean.left.bring_chosen", n=f"{len(picked):,}") if picked else t("clean.left.bring_none")
        one_by_one = st.button(label, key="clean_bring", type="primary", disabled=not picked,
                               icon=":material/settings_backup_restore:")  # fmt: skip
        by_reason = bool(chosen) and st.button(t("clean.left.bring_reason", n=f"{n:,}"), key="clean_bring_reason",
                                               icon=":material/settings_backup_restore:")  # fmt: skip
    st.caption(t("clean.left.why"))
    if not (one_by_one or by_reason):
        return
    step, _, reason = chosen.partition(":")
    with frame.show_errors():
        run_id = clean.bring_back(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id,
                                  example_ids=picked if one_by_one else (), step="" if one_by_one else step,
                                  reason="" if one_by_one else reason)  # fmt: skip
        st.query_params[_RUN] = run_id
        st.rerun()


def _flagged(opened: Studio, snapshot: Snapshot, marked: pd.DataFrame) -> None:
    marked = _of_reason(marked)
    shown = marked.head(_SHOWN)
    rows = examples.by_ids(opened.store, snapshot.snapshot_id, shown["example_id"].to_numpy(), ("text",))
    table = pd.DataFrame(
        {
            "reason": [reason_name(code) for code in shown["reason"]],
            "text": rows["text"].to_numpy(),
            "detail": shown["detail"].to_numpy(),
            "step": [step_name(name) for name in shown["step"]],
            "id": shown["example_id"].to_numpy(),
        }
    )
    st.dataframe(table, hide_index=True, column_config=_config(), key="clean_flagged", height=320)
    if len(marked) > len(shown):
        st.caption(t("clean.left.first", n=f"{len(shown):,}"))
    if may(frame.current_user().role, "annotator"):
        _save_slice(opened, snapshot, marked)


def _of_reason(marked: pd.DataFrame) -> pd.DataFrame:
    """The flags of the reason a person chose; all of them where there is one reason only."""
    counts = marked.groupby("reason", sort=False)["example_id"].nunique().sort_values(ascending=False)
    if len(counts) < 2:
        return marked
    names = {"": f"{t('clean.left.all_reasons')} {marked['example_id'].nunique():,}"}
    names |= {code: f"{reason_name(code)} {n:,}" for code, n in counts.items()}
    chosen = frame.url_select(st, t("clean.left.by_reason"), list(names), "flag", format_func=names.__getitem__,
                              widget="pills", required=True)  # fmt: skip
    return marked[marked["reason"] == chosen] if chosen else marked


def _save_slice(opened: Studio, snapshot: Snapshot, marked: pd.DataFrame) -> None:
    """Keep the flagged examples under a name, or go on to rank by likeness to them."""
    ids = sorted({int(one) for one in marked["example_id"]})
    reasons = list(dict.fromkeys(marked["reason"]))
    usual = reason_name(reasons[0]) if len(reasons) == 1 else t("clean.left.flagged")
    with st.form("clean_slice", border=True, enter_to_submit=False):
        name = st.text_input(t("map.slice_name"), usual, max_chars=120, key=f"clean_slice_name_{usual}")
        places = st.container(horizontal=True)
        save = places.form_submit_button(t("clean.left.save_slice", n=f"{len(ids):,}"), icon=":material/bookmark:")
        target = places.form_submit_button(t("map.as_target"), icon=":material/target:", help=t("map.as_target_help"))
    if not (save or target):
        return
    with frame.show_errors():
        slice_id = slices.save(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, name=name,
                                      example_ids=ids)  # fmt: skip
        if target:
            frame.go("select", slice=slice_id)
        st.success(t("map.saved", name=plain(name), n=f"{len(ids):,}"), icon=":material/bookmark_added:")
