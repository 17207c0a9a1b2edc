"""What takes space, item by item, and deleting what may go."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.upload_files import size_text
from pages._ui.words import spoken, t
from studio.workflows import storage
from studio.workflows.storage import Item, Usage
from studio.workflows.studio import Studio

_DONE, _TURN = "admin.deleted", "admin.turn"
_MB = 1024**2
_ORDER = ("kind", "title", "size", "detail", "files", "at", "again", "by", "corpus")
_MOST_ROWS = 2_000  # of the table; the rest is smaller than what is shown


def show(opened: Studio) -> None:
    """Draw this part of the page."""
    found = storage.usage(opened)
    _totals(found)
    if (freed := st.session_state.pop(_DONE, None)) is not None:
        st.success(t("admin.deleted", size=size_text(freed)), icon=":material/check:")
    if not found.corpora and found.n_bytes < 64 * _MB and not any(item.is_deletable for item in found.items):
        st.info(t("admin.empty"), icon=":material/database:")
        if st.button(t("admin.to_upload"), icon=":material/upload_file:"):
            frame.go("upload")
        return
    items = _filtered(found)
    if not items:
        st.caption(t("admin.nothing_here"))
        return
    _delete(opened, _table(found, items))


def _totals(found: Usage) -> None:
    again = sum(item.n_bytes for item in found.items if item.remakeable)
    places = st.columns(3)
    places[0].metric(t("admin.total"), size_text(found.n_bytes), border=True)
    places[1].metric(t("admin.again"), size_text(again), border=True)
    places[2].metric(t("admin.free"), size_text(found.free_bytes), border=True)
    if found.is_low:
        st.warning(t("admin.low", free=size_text(found.free_bytes), total=size_text(found.total_bytes)),
                   icon=":material/hard_drive:")  # fmt: skip


def _filtered(found: Usage) -> list[Item]:
    kinds = found.by_kind()
    aged = {item.key for name in kinds for item in storage.old(found, name)}
    names = {"": t("admin.all")}
    if any(item.remakeable for item in found.items):
        names["again"] = t("admin.remakeable")
    if aged:
        names["old"] = t("admin.old", days=storage.OLD_DAYS)
    names |= {kind: f"{t(f'admin.kind.{kind}')} · {size_text(size)}" for kind, (size, _) in kinds.items()}
    kind = frame.url_select(st, t("admin.filter"), list(names), "kind", format_func=names.__getitem__, widget="pills",
                            required=True, label_visibility="collapsed")  # fmt: skip
    corpora = {"": t("admin.all_corpora"), **found.corpora}
    corpus = ""
    if len(found.corpora) > 1:
        corpus = frame.url_select(st, t("admin.mine"), list(corpora), "of", format_func=corpora.__getitem__)
    return [
        item
        for item in found.items
        if (kind in ("", item.kind) or (kind == "again" and item.remakeable) or (kind == "old" and item.key in aged))
        and corpus in ("", item.corpus_id)
    ][:_MOST_ROWS]


def _table(found: Usage, items: list[Item]) -> list[Item]:
    """The items as a table; returns the ticked ones."""
    st.caption(t("admin.select_hint"))
    rows = pd.DataFrame(
        {
            "kind": [t(f"admin.kind.{item.kind}") for item in items],
            "title": [item.title for item in items],
            "corpus": [found.corpora.get(item.corpus_id, "") for item in items],
            "size": [item.n_bytes / _MB for item in items],
            "files": [item.n_files for item in items],
            "at": [datetime.fromtimestamp(item.at, UTC) for item in items],
            "by": [item.by for item in items],
            "again": [t("admin.yes") if item.remakeable else t("admin.no") for item in items],
            "detail": [_detail(item) for item in items],
        }
    )
    if rows["corpus"].eq("").all():
        rows = rows.drop(columns="corpus")
    order = [name for name in _ORDER if name in rows]
    config = {name: st.column_config.Column(t(f"admin.column.{name}")) for name in rows.columns}
    config["size"] = st.column_config.NumberColumn(t("admin.column.size"), format="%.2f", width="small")
    config["at"] = st.column_config.DatetimeColumn(t("admin.column.at"), format="YYYY-MM-DD HH:mm")
    config["title"] = st.column_config.TextColumn(t("admin.column.title"), width="medium")
    event = st.dataframe(rows, hide_index=True, column_config=config, column_order=order, on_select="rerun",
                         selection_mode="multi-row",
                         key=f"items_{st.session_state.get(_TURN, 0)}_{len(items)}",
                         height=min(460, 38 + 35 * len(items)))  # fmt: skip
    ticked = ((event or {}).get("selection") or {}).get("rows") or []  # type: ignore[attr-defined]
    return [items[row] for row in ticked if row < len(items)]


def _detail(item: Item) -> str:
    """What a row is, in words: kind and state of a run, examples of a snapshot, the encoder of vectors."""
    if item.kind == "run":
        kind, _, state = item.detail.partition(":")
        return f"{spoken(f'runs.kind.{kind}')}, {spoken(f'runs.state.{state}')}"
    return t("admin.examples", n=item.detail) if item.kind == "snapshot" and item.detail else item.detail


def _delete(opened: Studio, ticked: list[Item]) -> None:
    kept = [item for item in ticked if not item.is_deletable]
    chosen = [item for item in ticked if item.is_deletable]
    if kept:
        why = "; ".join(dict.fromkeys(t(item.why_kept) for item in kept))
        st.info(t("admin.chosen_kept", n=len(kept), why=why), icon=":material/lock:")
    if not chosen:
        return
    with st.container(border=True):
        st.markdown(t("admin.chosen", n=len(chosen), size=size_text(sum(item.n_bytes for item in chosen))))
        places = st.columns([3, 1], vertical_alignment="bottom")
        typed = places[0].text_input(t("admin.confirm", n=len(chosen)), key=f"confirm_{len(chosen)}")
        ready = typed.strip() == str(len(chosen))
        if places[1].button(t("admin.delete"), icon=":material/delete:", disabled=not ready, width="stretch",
                            key="delete_items"):  # fmt: skip
            with frame.show_errors():
                freed = storage.delete(opened, frame.current_user(), keys=[item.key for item in chosen], confirm=typed)
                st.session_state[_DONE] = freed
                st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
                st.rerun()
