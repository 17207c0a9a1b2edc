"""What a step, or the whole list, does to the groups: sentences where one is squeezed, then the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui.prepare_clean_words import attribute_name, percent, squeeze_sentence
from pages._ui.words import t
from studio.corpus.cleaning.effects import REST, Effect
from studio.statistics import SMALL_GROUP

_SENTENCES = 2  # said in full; more become one sentence and the table
_ROW_PX, _MOST_PX = 35, 390


def groups(effects: Sequence[Effect], step: str, *, key: str, leaves: bool) -> None:
    """Draw the effect on groups.

    Args:
        effects: one per group value.
        step: name of the step, empty for the whole list.
        key: of the table.
        leaves: True when the touched examples leave, so that shares move.
    """
    st.subheader(t("clean.groups_title"), anchor=False)
    shown = [one for one in effects if one.value != REST]
    if not shown:
        st.caption(t("clean.groups_none"))
        return
    squeezed = sorted((one for one in shown if one.is_squeezed), key=lambda one: one.others - one.share)
    for one in squeezed[:_SENTENCES]:
        st.warning(squeeze_sentence(one, step), icon=":material/groups:")
    if len(squeezed) > _SENTENCES:
        st.caption(t("clean.more_squeezed", n=len(squeezed) - _SENTENCES))
    if leaves and not squeezed:
        st.caption(t("clean.groups_even"))
    if not leaves:
        st.caption(t("clean.groups_touch"))
    _table(shown, key=key, leaves=leaves)


def _table(effects: Sequence[Effect], *, key: str, leaves: bool) -> None:
    order = sorted(effects, key=lambda one: (not one.is_squeezed, one.is_small, -abs(one.share - one.others)))
    rows = pd.DataFrame(
        {
            "group": [attribute_name(one.attribute) for one in order],
            "value": [("▲ " if one.is_squeezed else "") + one.value for one in order],
            "touched": [f"{one.n_touched:,} / {one.n:,}" for one in order],
            "share": [f"{percent(one.share)} ({100 * one.low:.1f}–{100 * one.high:.1f})" for one in order],
            "others": [percent(one.others) for one in order],
            "moved": [f"{100 * one.share_before:.1f} → {100 * one.share_after:.1f} %" for one in order],
        }
    )
    names = ["group", "value", "touched", "share", "others", *(("moved",) if leaves else ())]
    notes = {"moved": t("clean.col.moved_help")}
    config = {name: st.column_config.TextColumn(t(f"clean.col.{name}"), help=notes.get(name),
                                                alignment="left" if name in ("group", "value") else "right")
              for name in names}  # fmt: skip
    pale = [one.is_small for one in order]

    def shade(column: pd.Series) -> list[str]:
        return ["color: #8f979d" if small else "" for small in pale]

    st.dataframe(rows[names].style.apply(shade), hide_index=True, column_config=config, key=key,
                 height=min(_MOST_PX, _ROW_PX * (len(rows) + 1) + 3))  # fmt: skip
    st.caption(t("clean.only_squeezed", n=SMALL_GROUP))
