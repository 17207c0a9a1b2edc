"""What lies in two splits at once: numbers with intervals, the pairs side by side, and one press that mends it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.prepare_split_staged import stage
from pages._ui.words import plain, t
from studio.corpus.leakage import SIMILAR, Leak
from studio.records import Snapshot
from studio.store import rounds, scores, vectors
from studio.workflows import audits_copies, runs, split_leaks
from studio.workflows.split_leaks import PAGE, Report
from studio.workflows.studio import Studio

_POLL_S = 2.0
_LEXICAL = "lexical"
_CUT = 600  # characters of a text shown beside another


@st.cache_resource(max_entries=8, show_spinner=False)
def _report(_opened: Studio, snapshot_id: str, threshold: float, state: tuple[Any, ...]) -> Report | None:
    """`state` is what the report depends on besides the snapshot: split decision, labels, vectors."""
    return split_leaks.report(_opened, snapshot_id, threshold=threshold)


def forget() -> None:
    """Let go of what is kept: what a removal took must not stay in memory."""
    _report.clear()


def show(opened: Studio, snapshot: Snapshot, history: list[dict[str, Any]]) -> None:
    """The whole section."""
    st.subheader(t("split.leaks"), anchor=False)
    st.caption(t("split.leaks_about"))
    if len(history) == 0:
        st.info(t("split.now_none"), icon=":material/call_split:")
        return
    if audits_copies.ready(opened, snapshot.snapshot_id) is None:
        search(opened, snapshot, key="leaks")
        return
    known = vectors.newest(opened.store, snapshot.snapshot_id)
    state = (*scores.pool_state(opened.store, snapshot.snapshot_id), known.content_hash if known else "",
             str(opened.workspace.root))  # fmt: skip
    with frame.show_errors():
        found = _report(opened, snapshot.snapshot_id, _threshold(known is not None), state)
        if found is not None:
            _found(opened, snapshot, found)


def search(opened: Studio, snapshot: Snapshot, *, key: str) -> None:
    """Start or await the run that looks for copies."""
    live = runs.live(opened, kind="dedup", snapshot_id=snapshot.snapshot_id)
    if live is not None:
        st.info(t("split.leaks_running"), icon=":material/hourglass_top:")
        st.fragment(_await, run_every=_POLL_S)(opened, snapshot)
        return
    st.info(t("split.leaks_run_needed"), icon=":material/search:")
    if st.button(t("split.leaks_run"), icon=":material/search:", key=f"split.search.{key}"):
        with frame.show_errors():
            audits_copies.find_copies(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id)
            st.rerun()


def _await(opened: Studio, snapshot: Snapshot) -> None:
    if runs.live(opened, kind="dedup", snapshot_id=snapshot.snapshot_id) is None:
        st.rerun(scope="app")


def _threshold(has_vectors: bool) -> float:
    if not has_vectors:
        return SIMILAR
    return float(st.session_state.get("split.threshold", SIMILAR))


def _found(opened: Studio, snapshot: Snapshot, found: Report) -> None:
    copies = [leak for kind in ("exact", "near", "conflict") for leak in found.of(kind)]
    n = found.n_mendable
    if n:
        _mend(opened, snapshot, n)
    else:
        st.success(t("split.leaks_none"), icon=":material/verified:")
    listed = [*copies, *found.of("semantic")]
    if listed:
        _table(found, listed)
    if found.encoder is None:
        st.caption(t("split.leaks_no_vectors"))
    else:
        key = "split.leaks_semantic_lexical" if found.encoder == _LEXICAL else "split.leaks_semantic"
        st.caption(t(key, threshold=found.threshold, encoder=plain(found.encoder, 40), k=found.k))
    if listed:
        with st.expander(t("split.look"), icon=":material/compare:"):
            _pairs(opened, snapshot, found, listed)


def _mend(opened: Studio, snapshot: Snapshot, n: int) -> None:
    with st.container(border=True):
        place = st.columns([5, 1], vertical_alignment="center")
        place[0].markdown(f":material/warning: **{t('split.leaks_some', n=n)}**")
        guarded = rounds.test_openings(opened.store, snapshot.snapshot_id) > 0
        place[0].caption(f"{t('split.mend_about')} {t('split.mend_guard') if guarded else ''}")
        if place[1].button(t("split.mend"), icon=":material/healing:", width="stretch"):
            stage({"plan": split_leaks.mending_plan(opened, snapshot.snapshot_id)})


def _kind(leak: Leak, found: Report) -> str:
    by_characters = leak.kind == "semantic" and found.encoder == _LEXICAL
    return t("split.kind.wording" if by_characters else f"split.kind.{leak.kind}")


def _between(leak: Leak) -> str:
    return t("split.pair_of_splits", first=t(f"split.name_{leak.first}"), second=t(f"split.name_{leak.second}"))


def _table(found: Report, listed: list[Leak]) -> None:
    rows = {
        t("split.leak_kind"): [_kind(leak, found) for leak in listed],
        t("split.leak_between"): [_between(leak) for leak in listed],
        t("split.leak_pairs"): [leak.n_pairs for leak in listed],
        t("split.leak_touched"): [
            t("split.leak_touched_of", n=leak.n_second, size=leak.size_second, split=t(f"split.name_{leak.second}"))
            for leak in listed
        ],
        t("split.leak_rate"): [f"{leak.rate:.1%}" for leak in listed],
        t("split.leak_interval"): [f"{leak.low:.1%} – {leak.high:.1%}" for leak in listed],
    }
    st.dataframe(rows, hide_index=True, width="stretch")


def _pairs(opened: Studio, snapshot: Snapshot, found: Report, listed: list[Leak]) -> None:
    place = st.columns([3, 2], gap="large", vertical_alignment="bottom")
    if found.encoder is not None:
        place[1].slider(t("split.threshold"), 0.8, 0.99, SIMILAR, 0.01, key="split.threshold")
    by_key = {f"{leak.kind}.{leak.first}.{leak.second}": leak for leak in listed}
    names = {key: f"{_kind(leak, found)} · {_between(leak)} · {leak.n_second:,}" for key, leak in by_key.items()}
    chosen = frame.url_select(place[0], t("split.look"), list(by_key), "leak", format_func=names.__getitem__,
                              label_visibility="collapsed")  # fmt: skip
    leak = by_key[chosen]
    pages = (leak.n_second - 1) // PAGE + 1
    number = int(st.session_state.get("split.page", 0)) if st.session_state.get("split.page_of") == chosen else 0
    number = min(max(number, 0), pages - 1)
    rows, n = split_leaks.side_by_side(opened, snapshot.snapshot_id, found, leak.kind, leak.first, leak.second,
                                       offset=number * PAGE)  # fmt: skip
    for row in rows.itertuples():
        with st.container(border=True):
            for place, side in zip(st.columns(2), ("second", "first"), strict=True):
                label = getattr(row, f"{side}_label")
                said = (
                    t("split.label_is", label=plain(label, 60)) if isinstance(label, str) else t("split.label_hidden")
                )
                split = t(f"split.name_{getattr(leak, side)}")
                alike = f" · {t('split.likeness', value=row.likeness)}" if side == "first" else ""
                number_of = getattr(row, f"{side}_id")
                place.caption(f"{t(f'split.side_{side}', split=split)} · #{number_of} · {said}{alike}")
                text = str(getattr(row, f"{side}_text"))
                place.text(text if len(text) <= _CUT else text[:_CUT] + "…")
    _pager(chosen, number, pages, n)


def _pager(chosen: str, number: int, pages: int, n: int) -> None:
    place = st.container(horizontal=True, vertical_alignment="center")
    place.caption(t("split.page_of", first=number * PAGE + 1, last=min((number + 1) * PAGE, n), n=n), width="content")
    for step, key in ((-1, "before_page"), (1, "next_page")):
        if place.button(t(f"split.{key}"), key=f"split.{key}", disabled=not 0 <= number + step < pages):
            st.session_state["split.page"], st.session_state["split.page_of"] = number + step, chosen
            st.rerun()
