"""Is a search better than chance? Shares among the hits beside shares among all, and a random draw to read."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.workflows import find, find_freeze
from studio.workflows.find import Found
from studio.workflows.studio import Studio

_RANDOM_ROWS = 50


def show(opened: Studio, found: Found, kept: list[str]) -> None:
    """Draw the comparison for the hits that are taken."""
    st.subheader(t("find.chance"), anchor=False)
    with frame.show_errors():
        table = find_freeze.compare(opened, found, kept)
        if not table.empty:
            _sentence(table)
            _table(table)
            st.caption(t("find.chance_help"))
        with st.expander(t("find.random")):
            some = find.random_beside(opened, found)[:_RANDOM_ROWS]
            config = {"text": st.column_config.TextColumn(t("find.column.text"), width="large")}
            st.dataframe(some[["text"]], hide_index=True, column_config=config, height=300, key="find.random")


def _sentence(table: pd.DataFrame) -> None:
    found = table[(table["verdict"] == "more") & (table["attribute"] != "corpus")]
    found = found if len(found) else table[table["verdict"] == "more"]
    if found.empty:
        st.info(t("find.chance_no"), icon=":material/balance:")
        return
    best = found.assign(gap=found["share"] - found["base_share"]).sort_values("gap", ascending=False).iloc[0]
    st.success(t("find.chance_yes", value=plain(best["value"]), attribute=plain(_attribute(best["attribute"])),
                 share=best["share"], base=best["base_share"], low=best["low_share"], high=best["high_share"]),
               icon=":material/check:")  # fmt: skip


def _attribute(name: str) -> str:
    return t(f"find.compared.{name}") if name in ("corpus", "label") else name


def _table(table: pd.DataFrame) -> None:
    rows = pd.DataFrame(
        {
            "attribute": [_attribute(name) for name in table["attribute"]],
            "value": table["value"],
            "n_hits": table["n_hits"],
            "share": table["share"] * 100,
            "base_share": table["base_share"] * 100,
            "band": [
                f"{low:.1%} – {high:.1%}" for low, high in zip(table["low_share"], table["high_share"], strict=True)
            ],
            "verdict": [t(f"find.verdict.{verdict}") for verdict in table["verdict"]],
        }
    )
    config = {name: st.column_config.Column(t(f"find.compared.{name}")) for name in rows.columns}
    for name in ("share", "base_share"):
        config[name] = st.column_config.ProgressColumn(t(f"find.compared.{name}"), format="%.1f %%", min_value=0,
                                                       max_value=100)  # fmt: skip
    st.dataframe(rows, hide_index=True, column_config=config, key="find.compared", height=min(360, 38 + 35 * len(rows)))
