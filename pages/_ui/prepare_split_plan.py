"""Another way to split: the plan, what it would change, and putting it in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import frame, prepare_split_leaks
from pages._ui.prepare_split_staged import leave, stage, staged
from pages._ui.prepare_split_words import column_name, notes
from pages._ui.words import literal, t
from studio.corpus.split_methods import NEAR
from studio.corpus.splits import DEFAULT_SHARES
from studio.records import SPLITS, Snapshot
from studio.statistics import SMALL_GROUP
from studio.workflows import audits_copies, splits
from studio.workflows.splits import Preview
from studio.workflows.studio import Studio

METHODS = ("random", "stratified", "grouped", "time", "imported")
_NEEDS = {"stratified": "strata", "grouped": "together", "time": "time", "imported": "imported"}


@st.cache_resource(max_entries=16, show_spinner=False)
def _columns(_opened: Studio, snapshot_id: str) -> dict[str, list[str]]:
    """Snapshots never change, so neither does what they can be split by."""
    return splits.columns_to_split_by(_opened, snapshot_id)


def show(opened: Studio, snapshot: Snapshot, history: list[dict[str, Any]]) -> None:
    """The controls, and below them the consequences of what was asked for."""
    st.subheader(t("split.change"), anchor=False)
    with frame.show_errors():
        plan = _plan(opened, snapshot, history)
        if plan is not None and st.button(t("split.see"), icon=":material/visibility:", type="primary"):
            stage({"plan": plan})
    asked = staged(snapshot.snapshot_id)
    if asked is not None:
        with st.container(border=True), frame.show_errors():
            _consequences(opened, snapshot, asked)


# --- the plan ---------------------------------------------------------------------------------------------------------
def _plan(opened: Studio, snapshot: Snapshot, history: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What the controls say; None while they say nothing that can be done."""
    names = {name: t(f"split.method.{name}") for name in METHODS}
    method = frame.url_select(st, t("split.method_label"), list(METHODS), "how", format_func=names.__getitem__,
                              widget="segmented_control", required=True, label_visibility="collapsed")  # fmt: skip
    st.caption(t(f"split.about.{method}"))
    able = _columns(opened, snapshot.snapshot_id)
    need = _NEEDS.get(method)
    if need and not able[need] and method != "grouped":
        st.info(t("split.unusable", why=t(f"split.why_{need}")), icon=":material/block:")
        return None
    plan: dict[str, Any] = {"method": method}
    if method == "stratified":
        plan["strata"] = _pick(t("split.strata"), able["strata"], "strata", t("split.strata_help"), first=True)
    if method == "grouped":
        plan |= _together(able)
    if method == "time":
        plan |= _cuts()
    if method == "imported":
        plan["train_as"] = _train_as()
    if not plan.get("cuts"):
        shares = _shares(history)
        if shares is None:
            return None
        plan["shares"] = shares
    if method not in ("time",):
        plan["seed"] = int(st.number_input(t("split.seed"), 0, 2**31 - 1, history[0]["seed"] if history else 0,
                                           key="split.seed_box", help=t("split.seed_help"), width=180))  # fmt: skip
    return plan


def _pick(label: str, options: list[str], key: str, help_text: str, *, first: bool = False) -> list[str]:
    names = {name: literal(column_name(name), 60) for name in options}
    asked = [name for name in st.query_params.get(key, "").split(",") if name in options]  # a link may name them
    start = asked or (options[:1] if first else [])
    return st.multiselect(label, options, start, key=f"split.{key}", help=help_text, width=640,
                          placeholder=t("split.choose"),
                          format_func=names.__getitem__)  # fmt: skip


def _together(able: Mapping[str, list[str]]) -> dict[str, Any]:
    names = {NEAR: t("split.near"), **{name: literal(column_name(name), 60) for name in able["together"]}}
    asked = [name for name in st.query_params.get("together", "").split(",") if name in names]  # a link may name them
    chosen = st.multiselect(t("split.together"), list(names), asked or [NEAR], key="split.together", width=640,
                            help=t("split.together_help"), placeholder=t("split.choose"),
                            format_func=names.__getitem__)  # fmt: skip
    options = [name for name in able["strata"] if name != "labels"]
    return {"together": chosen, "strata": _pick(t("split.balance"), options, "balance", t("split.strata_help"))}


def _train_as() -> str:
    names = {name: t(f"split.train_as_{name}") for name in ("pool", "train")}
    return st.radio(t("split.train_as"), list(names), format_func=names.__getitem__, horizontal=True,
                    key="split.train_as")  # fmt: skip


def _cuts() -> dict[str, Any]:
    names = {"shares": t("split.by_shares"), "cuts": t("split.by_cuts")}
    chosen = st.radio(t("split.time_how"), list(names), format_func=names.__getitem__, horizontal=True,
                      key="split.time_how")  # fmt: skip
    if chosen == "shares":
        return {}
    places = st.columns(2)
    cuts = {
        split: places[i].text_input(t(f"split.cut_{split}"), key=f"split.cut.{split}", max_chars=40,
                                    placeholder=t("split.cut_hint"))
        for i, split in enumerate(("validation", "test"))
    }  # fmt: skip
    return {
        "cuts": {split: text.strip() for split, text in cuts.items() if text.strip()} or {"": ""},
        "train_as": _train_as(),
    }


def _shares(history: list[dict[str, Any]]) -> dict[str, float] | None:
    """Whole percents that add up to 100; None while they do not."""
    known = (history[0]["shares"] if history else {}) or {}
    start = {name: known.get(name, DEFAULT_SHARES[name]) for name in SPLITS}
    if not isinstance(start["pool"], int | float) or abs(sum(start.values()) - 1) > 0.01:
        start = dict(DEFAULT_SHARES)
    percents = {}
    for place, name in zip(st.columns(len(SPLITS)), SPLITS, strict=True):
        label = t("split.percent", name=t(f"split.name_{name}"))
        percents[name] = place.number_input(label, 0, 100, round(100 * start[name]), key=f"split.share.{name}")
    if sum(percents.values()) != 100:
        st.warning(t("split.sum_wrong", sum=sum(percents.values())), icon=":material/percent:")
        return None
    return {name: value / 100 for name, value in percents.items()}


# --- what it would do -------------------------------------------------------------------------------------------------
def _consequences(opened: Studio, snapshot: Snapshot, asked: dict[str, Any]) -> None:
    st.markdown(f"**{t('split.would')}**")
    plan = asked.get("plan")
    together = (plan or {}).get("together") or ()
    if NEAR in together and audits_copies.ready(opened, snapshot.snapshot_id) is None:
        prepare_split_leaks.search(opened, snapshot, key="plan")
        return
    found = (
        splits.preview(opened, snapshot.snapshot_id, plan)
        if plan is not None
        else splits.preview_restore(opened, snapshot.snapshot_id, asked["restore"])
    )
    _table(found)
    for line in notes([note for note in found.found.notes if note[0] != "mended"]):
        st.caption(f":material/info: {line}")
    _warnings(found)
    if found.n_moved:
        _spread(opened, snapshot, found)
    accepted = not found.needs_consent or st.checkbox(t("split.would_accept"), key="split.accept")
    place = st.container(horizontal=True)
    if place.button(t("split.put"), type="primary", icon=":material/check:", disabled=not (accepted and found.n_moved)):
        if plan is not None:
            splits.decide(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, plan=plan,
                          accept_test_leaves=accepted)  # fmt: skip
        else:
            splits.restore(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id,
                           decision_id=asked["restore"], accept_test_leaves=accepted)  # fmt: skip
        leave(done=True)
    if place.button(t("split.drop_plan")):
        leave()


def _table(found: Preview) -> None:
    total = max(sum(found.after.values()), 1)
    line = t("split.would_move", n=found.n_moved, all=total) if found.n_moved else t("split.would_nothing")
    st.text(line)
    by_shares = not found.plan.get("cuts") and found.plan["method"] != "imported"
    shown = [split for split in SPLITS if found.before[split] or found.after[split] or found.plan["shares"].get(split)]
    rows = {
        t("split.would_table_split"): [t(f"split.name_{split}") for split in shown],
        t("split.would_table_now"): [f"{found.before[split]:,} ({found.before[split] / total:.1%})" for split in shown],
        t("split.would_table_then"): [f"{found.after[split]:,} ({found.after[split] / total:.1%})" for split in shown],
    }
    if by_shares:
        rows[t("split.would_table_asked")] = [f"{found.plan['shares'].get(split, 0):.1%}" for split in shown]
    st.dataframe(rows, hide_index=True, width="stretch")


def _warnings(found: Preview) -> None:
    lines = []
    if found.labelled:
        moves = ", ".join(t("split.one_move", n=n, before=t(f"split.name_{a}"), after=t(f"split.name_{b}"))
                          for (a, b), n in found.labelled.items())  # fmt: skip
        lines.append(t("split.would_labelled", n=sum(found.labelled.values()), moves=moves))
    if found.hidden:
        lines.append(t("split.would_hidden", n=found.hidden))
    if found.shown:
        lines.append(t("split.would_shown", n=found.shown))
    if found.n_rounds and found.n_moved:
        lines.append(t("split.would_rounds", n=found.n_rounds))
    if lines:
        st.warning("  \n".join(lines), icon=":material/warning:")
    if found.needs_consent:
        st.error(t("split.would_test", openings=found.openings, n=found.out_of_test), icon=":material/lock_open:")


def _spread(opened: Studio, snapshot: Snapshot, found: Preview) -> None:
    """The shares of a label or group in each split, so that one sees whether the splits are alike."""
    options = [name for name in _columns(opened, snapshot.snapshot_id)["strata"] if name != "labels"]
    if not options:
        return
    with st.expander(t("split.spread"), icon=":material/bar_chart:"):
        names = {name: literal(column_name(name), 60) for name in options}
        column = st.selectbox(t("split.spread_by"), options, format_func=names.__getitem__, key="split.spread")
        table = splits.shares_by_split(opened, snapshot.snapshot_id, found.found.names, column)
        shown = pd.DataFrame({"value": table["value"], "split": table["split"],
                              "cell": [f"{s:.1%} ({lo:.1%}–{hi:.1%})" for s, lo, hi in
                                       zip(table["share"], table["low"], table["high"], strict=True)]})  # fmt: skip
        order = table.groupby("value")["n"].sum().sort_values(ascending=False).index
        wide = shown.pivot(index="value", columns="split", values="cell").reindex(order)
        small = table.pivot(index="value", columns="split", values="is_small").reindex(order)
        present = [split for split in SPLITS if split in wide.columns]
        wide, small = wide[present], small[present].fillna(True).astype(bool)
        wide.columns = small.columns = [t(f"split.name_{split}") for split in present]
        wide.index.name = small.index.name = names[column]
        styled = wide.style.apply(lambda _: small.map(lambda is_small: "opacity: 0.45" if is_small else ""), axis=None)
        st.dataframe(styled, width="stretch", height=min(420, 38 + 35 * len(wide)))
        st.caption(t("split.spread_small", most=SMALL_GROUP))
