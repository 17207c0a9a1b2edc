"""What changed between two versions: numbers, groups against chance, and the rows behind each number."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.prepare_versions_words import method_name, reason_name
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.reports.changes import CUT, GONE, NEW, marked, visible
from studio.statistics import SMALL_GROUP
from studio.store.diffs import KINDS
from studio.store.lineage import Version
from studio.store.scores import pool_state
from studio.workflows import version_diff
from studio.workflows.studio import Studio
from studio.workflows.version_diff import PAGE, Diff, GroupShift

_MOST_ALARMS = 5
_CUT_AT = 1_500  # characters of a text shown whole


@st.cache_resource(max_entries=8, show_spinner=False)
def _diff(_opened: Studio, before: str, after: str, state: tuple[object, ...]) -> Diff:
    """Snapshots never change; `state` is the split decisions of both and the workspace."""
    return version_diff.diff(_opened, before, after)


def forget() -> None:
    """Let go of what is kept: what a removal took must not stay in memory."""
    _diff.clear()


def show(opened: Studio, snapshot: Snapshot, known: list[Version]) -> None:
    """Draw this part of the page."""
    others = [version for version in reversed(known) if version.snapshot.snapshot_id != snapshot.snapshot_id]
    if not others:
        st.info(t("versions.only_one"), icon=":material/account_tree:")
        return
    own = next(version for version in known if version.snapshot.snapshot_id == snapshot.snapshot_id)
    others.sort(key=lambda version: version.snapshot.snapshot_id != own.parent_id)
    names = {version.snapshot.snapshot_id: _name(version) for version in [*others, own]}
    base = frame.url_select(st, t("versions.base"), [version.snapshot.snapshot_id for version in others], "base",
                            format_func=names.__getitem__, width=520)  # fmt: skip
    older = next(version for version in others if version.snapshot.snapshot_id == base)
    before, after = (older, own) if older.number < own.number else (own, older)
    ids = (before.snapshot.snapshot_id, after.snapshot.snapshot_id)
    state = (*(pool_state(opened.store, one)[1] for one in ids), str(opened.workspace.root))
    with st.spinner(t("versions.comparing")):
        found = _diff(opened, *ids, state)
    st.caption(t("versions.from_to", before=plain(_name(before), 100), after=plain(_name(after), 100)))
    _numbers(found)
    if not any(found.facts[kind] for kind in KINDS):
        st.success(t("versions.same"), icon=":material/check:")
        return
    _groups(found)
    places = st.columns(3)
    _reasons(places[0], found)
    _label_changes(places[1], found)
    _moves(places[2], found)
    _rows(opened, found)


def _name(version: Version) -> str:
    number = t("versions.number", n=version.number)
    return f"{number} · {version.snapshot.name} · {method_name(version.method)} · {version.snapshot.n_examples:,}"


def _numbers(found: Diff) -> None:
    facts = found.facts
    listed = [kind for kind in KINDS if kind != "fields" or facts["fields"]]
    row = st.container(horizontal=True)
    for kind in listed:
        total = facts["after"] if kind == "added" else facts["before"]
        share = t("split.share", share=facts[kind] / total) if total else ""
        row.metric(t(f"versions.kind.{kind}"), f"{facts[kind]:,}", share, delta_color="off", delta_arrow="off",
                   help=t(f"versions.kind_help.{kind}"), width=148)  # fmt: skip


def _column(name: str) -> str:
    return t(f"versions.card.column.{name}") if name == "label" else (
        t("split.column_source") if name == "source" else name.removeprefix("group_"))  # fmt: skip


def _groups(found: Diff) -> None:
    if not found.groups:
        return
    st.subheader(t("versions.groups"), anchor=False)
    alarms = found.alarms
    if alarms:
        lines = [_alarm(column, shift) for column, shift in alarms[:_MOST_ALARMS]]
        if len(alarms) > _MOST_ALARMS:
            lines.append(t("versions.shift_rest", n=len(alarms) - _MOST_ALARMS))
        st.warning("  \n".join(lines), icon=":material/balance:")
    elif found.facts["dropped"]:
        st.success(t("versions.shift_none"), icon=":material/balance:")
    first = list(dict.fromkeys([column for column, _ in alarms] + list(found.groups)))
    names = {name: plain(_column(name), 60) for name in first}
    chosen = frame.url_select(st, t("versions.by"), list(names), "by", format_func=names.__getitem__, width=320)
    shifts = found.groups[chosen]
    table = pd.DataFrame(
        {
            plain(_column(chosen), 60): [shift.value or t("versions.no_value") for shift in shifts],
            t("versions.rows_before"): [shift.before for shift in shifts],
            t("versions.rows_after"): [shift.after for shift in shifts],
            t("versions.share_before"): [f"{shift.share_before:.1%}" for shift in shifts],
            t("versions.share_after"): [f"{shift.share_after:.1%}" for shift in shifts],
            t("versions.gone"): [_gone(shift) for shift in shifts],
            t("versions.gone_band"): [
                f"{shift.effect.low:.1%} – {shift.effect.high:.1%}" if shift.effect else "" for shift in shifts
            ],
        }
    )
    small = [shift.before < SMALL_GROUP and shift.after < SMALL_GROUP for shift in shifts]
    styled = table.style.apply(lambda row: ["opacity: 0.45" if small[row.name] else ""] * len(row), axis=1)
    whole = st.column_config.NumberColumn(format="localized")
    config = {t("versions.rows_before"): whole, t("versions.rows_after"): whole}
    height = min(420, 38 + 35 * len(table))
    st.dataframe(styled, hide_index=True, width="stretch", height=height, column_config=config)
    st.caption(t("versions.groups_about", most=SMALL_GROUP))


def _gone(shift: GroupShift) -> str:
    return f"{shift.effect.n_touched:,} ({shift.effect.share:.1%})" if shift.effect else ""


def _alarm(column: str, shift: GroupShift) -> str:
    effect = shift.effect
    return t("versions.squeezed", column=plain(_column(column), 40), value=_value(shift.value), k=effect.n_touched,
             n=effect.n, share=effect.share, low=effect.low, high=effect.high, others=effect.others)  # fmt: skip


def _value(value: str) -> str:
    return plain(value, 60) if value else t("versions.no_value")


def _reasons(place: st.delta_generator.DeltaGenerator, found: Diff) -> None:
    place.markdown(f"**{t('versions.reasons')}**")
    if not len(found.reasons):
        place.caption(t("versions.nothing_dropped"))
        return
    place.dataframe(
        {
            t("versions.card.column.reason"): [reason_name(str(reason)) for reason in found.reasons["reason"]],
            t("versions.card.column.examples"): found.reasons["n"].tolist(),
        },
        hide_index=True,
        width="stretch",
    )


def _label_changes(place: st.delta_generator.DeltaGenerator, found: Diff) -> None:
    place.markdown(f"**{t('versions.label_changes')}**")
    if not len(found.labels):
        place.caption(t("versions.no_label_changes"))
        return
    none = t("versions.no_value")
    place.dataframe(
        {
            t("versions.was"): [value or none for value in found.labels["before"]],
            t("versions.is"): [value or none for value in found.labels["after"]],
            t("versions.card.column.examples"): found.labels["n"].tolist(),
        },
        hide_index=True,
        width="stretch",
        height=min(320, 38 + 35 * len(found.labels)),
    )


def _moves(place: st.delta_generator.DeltaGenerator, found: Diff) -> None:
    place.markdown(f"**{t('versions.moves')}**")
    moved = found.moves[found.moves["before"] != found.moves["after"]]
    if not len(moved):
        place.caption(t("versions.no_moves"))
        return
    place.dataframe(
        {
            t("versions.was"): [t(f"split.name_{value}") for value in moved["before"]],
            t("versions.is"): [t(f"split.name_{value}") for value in moved["after"]],
            t("versions.card.column.examples"): moved["n"].tolist(),
        },
        hide_index=True,
        width="stretch",
    )


# --- the rows ---------------------------------------------------------------------------------------------------------
def _rows(opened: Studio, found: Diff) -> None:
    st.subheader(t("versions.rows"), anchor=False)
    listed = [kind for kind in KINDS if found.facts[kind]]
    names = {kind: f"{t(f'versions.kind.{kind}')} · {found.facts[kind]:,}" for kind in listed}
    kind = frame.url_select(st, t("versions.rows"), listed, "rows", format_func=names.__getitem__, widget="pills",
                            required=True, label_visibility="collapsed")  # fmt: skip
    part, n = None, found.facts[kind]
    if kind == "dropped" and len(found.reasons) > 1:
        counts = found.reasons.groupby("reason")["n"].sum()
        options = {"": t("versions.all_reasons")} | {reason: reason_name(str(reason)) for reason in counts.index}
        part = st.selectbox(t("versions.card.column.reason"), list(options), format_func=options.__getitem__,
                            key="versions.reason", width=320) or None  # fmt: skip
        n = int(counts[part]) if part else n
    pages = (n - 1) // PAGE + 1
    number = 1
    if pages > 1:
        number = int(st.number_input(t("versions.page", n=pages), 1, pages, 1, key=f"versions.page.{kind}", width=180))
    table = version_diff.rows(opened, found, kind, part=part, offset=(number - 1) * PAGE)
    _changed(table) if kind == "text" else _table(table)
    place = st.container(horizontal=True)
    for fmt in version_diff.FORMATS:
        make = _file(opened, found, kind, fmt, part)
        place.download_button(t(f"versions.download_{fmt}", n=n), make, f"{kind}.{fmt}", icon=":material/download:",
                              key=f"versions.{fmt}", on_click="ignore")  # fmt: skip


def _file(opened: Studio, found: Diff, kind: str, fmt: str, part: str | None):
    """The file is made when somebody presses the button."""
    return lambda: version_diff.rows_file(opened, found, kind, fmt, part=part)


def _table(table: pd.DataFrame) -> None:
    shown = table.copy()
    for name in [name for name in shown.columns if name.endswith("split")]:
        shown[name] = [t(f"split.name_{value}") if isinstance(value, str) else value for value in shown[name]]
    if "reason" in shown:
        shown["reason"] = [reason_name(str(value)) for value in shown["reason"]]
    titles = {name: t(f"versions.field.{name}") for name in shown.columns}
    wide = [name for name in shown.columns if name.endswith("text")]
    config = {titles[name]: st.column_config.TextColumn(width="large") for name in wide}
    st.dataframe(shown.rename(columns=titles), hide_index=True, width="stretch", column_config=config)


def _changed(table: pd.DataFrame) -> None:
    """Texts side by side; what is gone is red, what is new is green, all of it literal characters."""
    for row in table.itertuples():
        old, new = str(row.before_text or ""), str(row.after_text or "")
        left, right = marked(old[:_CUT_AT], new[:_CUT_AT])
        with st.container(border=True):
            places = st.columns(2)
            places[0].caption(f"#{row.example_id} · {t('versions.was')}")
            places[1].caption(t("versions.is"))
            places[0].markdown("".join([_shown(*part) for part in left]))
            places[1].markdown("".join([_shown(*part) for part in right]))


def _shown(kind: str, text: str) -> str:
    if kind in (GONE, NEW):
        colour = "red" if kind == GONE else "green"
        return f":{colour}-background[{plain(visible(text), 2_000)}]"
    if kind == CUT:
        return " … "
    lead = " " if text[:1].isspace() else ""
    return f"{lead}{plain(text, 2_000)}{' ' if text[-1:].isspace() and text.strip() else ''}"
