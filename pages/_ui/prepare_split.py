"""How the examples are split: the split in force, leaks, another plan, and the decisions before it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import prepare_split_leaks, prepare_split_plan, prepare_split_staged
from pages._ui.prepare_split_words import how, notes
from pages._ui.words import t
from studio import words
from studio.records import SPLITS, Snapshot
from studio.store import rounds
from studio.workflows import splits
from studio.workflows.studio import Studio


def show(opened: Studio, snapshot: Snapshot) -> None:
    """Draw this part of the page."""
    history = splits.history(opened, snapshot.snapshot_id)
    prepare_split_staged.said()
    _in_force(opened, snapshot, history)
    prepare_split_leaks.show(opened, snapshot, history)
    prepare_split_plan.show(opened, snapshot, history)
    if history:
        _earlier(opened, snapshot, history)


def _in_force(opened: Studio, snapshot: Snapshot, history: list[dict[str, Any]]) -> None:
    st.subheader(t("split.now"), anchor=False)
    if not history:
        st.info(t("split.now_none"), icon=":material/call_split:")
        return
    counts = history[0]["counts"]
    total = max(sum(counts.values()), 1)
    shown = [split for split in SPLITS if counts.get(split) or split != "train"]
    row = st.container(horizontal=True)
    for split in shown:
        n = counts.get(split, 0)
        row.metric(t(f"split.name_{split}"), f"{n:,}", t("split.share", share=n / total), delta_color="off",
                   delta_arrow="off", help=t(f"split.{split}_help"), border=True, width=165)  # fmt: skip
    lines = [how(history[0]), *notes(history[0]["notes"])]
    if openings := rounds.test_openings(opened.store, snapshot.snapshot_id):
        lines.append(t("split.opened", n=openings))
    st.caption("  \n".join(lines))


def _earlier(opened: Studio, snapshot: Snapshot, history: list[dict[str, Any]]) -> None:
    with st.expander(t("split.history"), icon=":material/history:"):
        rows = {
            t("split.history_when"): [one["created_at"].strftime("%Y-%m-%d %H:%M") for one in history],
            t("split.history_who"): [one["created_by"] for one in history],
            t("split.history_how"): [_plain_method(one) for one in history],
            t("split.seed"): [one["seed"] for one in history],
        }
        rows |= {t(f"split.name_{name}"): [one["counts"].get(name) for one in history] for name in SPLITS}
        st.dataframe(rows, hide_index=True, width="stretch")
        able = {one["decision_id"]: one for one in history[1:] if one["is_kept"]}
        if len(history) == 1:
            st.caption(t("split.history_one"))
        if any(not one["is_kept"] for one in history[1:]):
            st.caption(t("split.not_kept"))
        if not able:
            return
        names = {key: f"{one['created_at']:%Y-%m-%d %H:%M} · {_plain_method(one)}" for key, one in able.items()}
        place = st.columns([3, 2], vertical_alignment="bottom")
        chosen = place[0].selectbox(t("split.history_pick"), list(able), format_func=names.__getitem__)
        if place[1].button(t("split.restore"), icon=":material/undo:", width="stretch"):
            prepare_split_staged.stage({"restore": chosen})


def _plain_method(one: dict[str, Any]) -> str:
    name = t(f"split.method.{one['method']}") if words.has(f"split.method.{one['method']}") else one["method"]
    back = bool((one["plan"] or {}).get("restored_from"))
    return f"{name} ({t('split.note.restored')})" if back else str(name)
