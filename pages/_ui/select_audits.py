"""The audits' counts of a choice beside random draws, and what it costs to label."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui import asking, frame
from pages._ui.select_words import column_name
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.selection.draw_test import Tested
from studio.workflows import select_audits, select_cost
from studio.workflows.select import Choice
from studio.workflows.select_audits import Audited

_SHARES = ("largest", "missing", "short", "long", "copies")  # read in percent
SENTENCES = 3


def show(snapshot: Snapshot, choice: Choice) -> None:
    """The section; drawn again every second until the draws are counted."""
    st.subheader(t("effects.audits.title"), anchor=False)
    is_over = select_audits.of_choice_soon(frame.studio(), snapshot.snapshot_id, choice).is_over
    asking.until(lambda: _body(snapshot, choice), is_over=is_over)


def _body(snapshot: Snapshot, choice: Choice) -> bool:
    pending = select_audits.of_choice_soon(frame.studio(), snapshot.snapshot_id, choice)
    if not pending.is_over:
        st.progress(min(pending.done / pending.total, 1.0),
                    text=t("effects.audits.working", done=pending.done, all=pending.total))  # fmt: skip
        return False
    found = pending.result
    if found is None or not found.tested:
        st.caption(t("effects.audits.none"))
        return True
    _sentences(found)
    _table(found)
    st.caption(t("effects.audits.about", draws=found.draws, n=found.n, seed=found.seed))
    if not found.has_copies:
        st.caption(t("effects.audits.no_copies"))
    return True


def name(one: Tested) -> str:
    """What was counted, in words; not escaped."""
    values: Mapping[str, object] = {
        key: column_name(str(value)) if key in ("column", "other") else value for key, value in one.values.items()
    }
    return t(f"effects.audits.name.{one.name}", **values)


def number(one: Tested, value: float) -> str:
    """A value as it is read: shares in percent, lengths whole, the rest to two digits."""
    if one.name in _SHARES:
        return f"{value:.1%}"
    return f"{value:,.0f}" if one.name == "length" else f"{value:.2f}"


def _sentences(found: Audited) -> None:
    if not found.alarms and found.undecided:
        st.warning(t("effects.audits.too_few", n=len(found.undecided), all=len(found.tested), draws=found.draws),
                   icon=":material/balance:")  # fmt: skip
        return
    if not found.alarms:
        st.success(t("effects.audits.fine", n=len(found.tested)), icon=":material/balance:")
        return
    lines = [t("effects.audits.summary", n=len(found.alarms), all=len(found.tested))]
    lines += [
        t(f"effects.audits.{one.verdict}", name=plain(name(one), 120), value=number(one, one.value),
          mean=number(one, one.mean), low=number(one, one.low), high=number(one, one.high))
        for one in found.alarms[:SENTENCES]
    ]  # fmt: skip
    st.warning("  \n".join(lines), icon=":material/balance:")


def _table(found: Audited) -> None:
    with st.expander(t("effects.audits.table", n=len(found.tested)), icon=":material/table_rows:", key="effects_table"):
        st.dataframe(
            {
                t("effects.audits.what"): [name(one) for one in found.tested],
                t("select.groups.verdict"): [t(f"effects.audits.verdict_{one.verdict}") for one in found.tested],
                t("effects.audits.value"): [number(one, one.value) for one in found.tested],
                t("effects.audits.mean"): [number(one, one.mean) for one in found.tested],
                t("select.groups.band"): [f"{number(one, one.low)} – {number(one, one.high)}" for one in found.tested],
                "q": [one.q for one in found.tested],
            },
            hide_index=True, width="stretch", alt=t("effects.audits.title"),
            column_config={
                t("effects.audits.what"): st.column_config.TextColumn(width=330),
                "q": st.column_config.NumberColumn(format="%.3f", help=t("select.groups.q_help")),
            },
        )  # fmt: skip


def cost(snapshot: Snapshot, choice: Choice) -> None:
    """How much there is to read, and how long it takes at the pace measured in this corpus."""
    st.subheader(t("effects.cost.title"), anchor=False)
    found = select_cost.of_choice(frame.studio(), snapshot, choice)
    pace = found["pace"]
    places = st.columns(3)
    places[0].metric(t("effects.cost.words"), f"{found['words']:,}", help=t("effects.cost.words_help"))
    places[1].metric(t("effects.cost.characters"), f"{found['characters']:,}")
    places[2].metric(t("effects.cost.minutes"), f"{pace['minutes']:,.0f}" if pace else "–")
    if pace is None:
        st.caption(t("effects.cost.unknown", n=found["n_durations"]))
        return
    st.caption(t("effects.cost.how", **{name: value for name, value in pace.items() if name != "minutes"}))
