"""What the choice does to each group, and how varied it is, beside random draws of the same size."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages._ui import asking, frame
from pages._ui.select_words import column_name, key_name
from pages._ui.words import plain, t
from studio.figures.selection import MOST_KEYS, group_shares
from studio.selection.bands import AgainstRandom
from studio.workflows import select_effect
from studio.workflows.select import Choice
from studio.workflows.select_effect import GroupBand, GroupEffect
from studio.workflows.select_soon import Pending

SENTENCES = 2  # alarms said in full; more become one sentence and a table


def show(choice: Choice) -> None:
    """Sentences first, then the picture of one column, then the numbers."""
    st.subheader(t("select.groups.title"), anchor=False)
    if not choice.pool.matrix.columns or not len(choice.ids):
        st.caption(t("select.groups.none"))
        return
    found = select_effect.group_effect(choice)
    _sentences(found, len(choice.ids))
    columns = [name for name in found.groups if found.groups[name]]
    alarming = {g.column for g in found.alarms}
    columns.sort(key=lambda name: (name == "cluster", name not in alarming))
    shown = {name: plain(column_name(name)) for name in columns}
    column = frame.url_select(
        st, t("select.groups.pick"), columns, "by", format_func=shown.__getitem__, label_visibility="collapsed"
    )
    _picture(found, column)
    exact = "exact_limits" if found.is_limited else "exact"
    band = t("select.groups.simulated", draws=found.draws) if found.draws else t(f"select.groups.{exact}")
    st.caption(f"{band} {t('select.groups.small')} {t('select.groups.subset')}")
    with st.expander(t("select.groups.table"), icon=":material/table_rows:"):
        _table(sorted(found.groups[column], key=lambda g: -g.band.pool))


def _sentences(found: GroupEffect, size: int) -> None:
    alarms = found.alarms
    if not alarms:
        n = sum(not g.band.is_small for groups in found.groups.values() for g in groups)
        if found.undecided:
            st.warning(t("select.groups.too_few", n=len(found.undecided), all=n, draws=found.draws),
                       icon=":material/balance:")  # fmt: skip
        elif n:
            st.success(t("select.groups.fine", n=n), icon=":material/balance:")
        else:
            st.info(t("select.groups.none_large"), icon=":material/balance:")
        return
    if len(alarms) > SENTENCES:
        _many(found)
        return
    lines = [
        t(
            f"select.groups.{g.band.verdict}",
            gap=abs(round(g.band.picked - g.band.expected)),
            expected=round(g.band.expected),
            key=plain(key_name(g.column, g.key), 60),
            column=plain(column_name(g.column)),
            picked=g.band.picked,
            size=size,
            low=g.band.low,
            high=g.band.high,
        )  # fmt: skip
        for g in alarms
    ]
    st.warning("  \n".join(lines), icon=":material/balance:")


def _many(found: GroupEffect) -> None:
    """Many alarms: how many, the farthest one, and all of them in a table."""
    far = found.alarms[0]  # the one the sentence at the top names
    st.warning(
        t(
            "select.groups.summary",
            n=len(found.alarms),
            all=sum(not g.band.is_small for groups in found.groups.values() for g in groups),
            key=plain(key_name(far.column, far.key), 60),
            column=plain(column_name(far.column)),
            picked=far.band.picked,
            expected=round(far.band.expected),
        ),
        icon=":material/balance:",
    )
    with st.expander(t("select.groups.which", n=len(found.alarms)), icon=":material/list:", key="groups_which"):
        _table(found.alarms, with_column=True)


def _picture(found: GroupEffect, column: str) -> None:
    groups = sorted(found.groups[column], key=lambda g: -g.band.pool)
    rows = [
        {
            "name": key_name(column, g.key),
            "pool": g.band.pool,
            "picked": g.band.picked,
            "pool_share": g.band.pool_share,
            "share": g.band.share,
            "low_share": g.band.low_share,
            "high_share": g.band.high_share,
            "verdict": g.band.verdict,
            "is_small": g.band.is_small,
        }
        for g in groups
    ]
    words = {
        "pool_share": t("select.groups.pool_share"),
        "chosen_share": t("select.groups.chosen_share"),
        "band_name": t("select.groups.band_name"),
        "share_axis": t("select.groups.share_axis"),
    }
    st.plotly_chart(group_shares(rows, words), width="stretch", config={"displayModeBar": False}, key="groups_figure")
    if len(rows) > MOST_KEYS:
        st.caption(t("select.groups.most_keys", n=MOST_KEYS, all=len(rows)))


def _table(groups: Sequence[GroupBand], *, with_column: bool = False) -> None:
    column = st.column_config
    shown = {
        t("select.groups.key"): [key_name(g.column, g.key) for g in groups],
        t("select.groups.attribute"): [column_name(g.column) for g in groups],
        t("select.groups.verdict"): [t(f"select.groups.verdict_{g.band.verdict}") for g in groups],
        t("select.groups.picked"): [g.band.picked for g in groups],
        t("select.groups.expected"): [round(g.band.expected, 1) for g in groups],
        t("select.groups.band"): [f"{g.band.low:,} – {g.band.high:,}" for g in groups],
        t("select.groups.pool"): [g.band.pool for g in groups],
        "q": [g.band.q for g in groups],
    }
    if not with_column:
        shown.pop(t("select.groups.attribute"))
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        column_config={
            t("select.groups.key"): column.TextColumn(width=170),
            t("select.groups.expected"): column.NumberColumn(format="%.1f"),
            "q": column.NumberColumn(format="%.3f", help=t("select.groups.q_help")),
        },
        alt=t("select.groups.table"),
    )


def variety(choice: Choice) -> None:
    """Diversity beside random draws, worked out in the background and asked for until it is there."""
    st.subheader(t("select.variety.title"), anchor=False)
    asking.until(lambda: _variety(choice), is_over=_compared(choice).is_over)


def _compared(choice: Choice) -> Pending:
    return select_effect.variety_soon(frame.studio(), choice, owner=frame.session_id())


def _variety(choice: Choice) -> bool:
    found = _compared(choice)
    if not found.is_over:
        st.progress(found.done / found.total, text=t("select.variety.working", done=found.done, all=found.total))
        return False
    if found.result is None:
        st.caption(t("select.variety.none"))
        return True
    places = st.columns(2)
    _metric(places[0], "distance", found.result.distance, 3)
    _metric(places[1], "vendi", found.result.vendi, 1)
    return True


def _metric(place: st.delta_generator.DeltaGenerator, name: str, found: AgainstRandom, digits: int) -> None:
    place.metric(t(f"select.variety.{name}"), f"{found.value:.{digits}f}", help=t(f"select.variety.{name}_help"))
    place.caption(
        t(
            "select.variety.band",
            verdict=t(f"select.variety.{found.verdict}"),
            draws=found.draws,
            low=f"{found.low:.{digits}f}",
            high=f"{found.high:.{digits}f}",
            p=found.p,
        )  # fmt: skip
    )
