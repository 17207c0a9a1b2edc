"""The picture and the numbers behind one check, and the expected shares."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages._ui import explore_audits_counts as counts
from pages._ui import explore_audits_words as words
from pages._ui import frame
from pages._ui.words import t
from studio.audits.association import BAND
from studio.audits.context import MISSING
from studio.audits.scores import DELTA
from studio.errors import CorpusError
from studio.figures import audits as figures
from studio.figures import audits_scores as score_figures
from studio.records import AuditResult, Snapshot
from studio.statistics import SMALL_GROUP
from studio.workflows import corpora
from studio.workflows.studio import Studio

TABLE_ROWS = 1_000
_PERCENT = frozenset({"share", "expected", "rest_share", "equal_share", "suggested_share", "own_share", "longer",
                      "high_share", "low_share", "all_share", "difference", "change", "rho",
                      "above", "above_low", "above_high", "rest_above"})  # fmt: skip
_HIDDEN = frozenset(
    {"is_default", "is_small", "p", "q10", "q90", "family", "example_ids", "total", "label_n", "cluster", "neighbours"}
)
_SHARE_INTERVAL = frozenset({"representation", "balance", "topics", "lengths", "trends", "parity", "dependence",
                             "mentions"})  # fmt: skip


def show(name: str, result: AuditResult, snapshot: Snapshot) -> None:
    """Picture, then the table, folded."""
    table = result.table
    if not len(table):
        return
    picture = {"representation": _shares, "association": _forest, "lengths": _lengths, "balance": _labels,
               "topics": _topics, "shortcuts": _ties, "trends": counts.trends,
               "intersections": counts.intersections, "parity": counts.parity, "confounds": counts.confounds,
               "dependence": counts.dependence, "scores": _scores, **words.PICTURES}.get(name)  # fmt: skip
    if picture is not None:
        picture(table)
        if "is_small" in table and table["is_small"].any():
            st.caption(t("audit.small_group", n=SMALL_GROUP))
    with st.expander(t("audit.show_all")):
        columns = [column for column in table.columns if column not in _HIDDEN]
        rows = table[columns].head(TABLE_ROWS)
        named = {column: rows[column].replace(MISSING, t("audit_counts.no_value")) for column in ("value", "place")
                 if column in rows}  # fmt: skip
        if name == "scores":
            named["measure"] = [score_figures.measure_name(measure) for measure in rows["measure"]]
        st.dataframe(rows.assign(**named), hide_index=True, column_config=_columns(name, columns))


def _columns(name: str, columns: list[str]) -> dict:
    config = {}
    for column in columns:
        title = t(f"audit.column.{column}")
        is_share = (column in _PERCENT and not _is_count(name, column)) or (
            column in ("low", "high") and name in _SHARE_INTERVAL
        )
        if is_share:
            config[column] = st.column_config.NumberColumn(title, format="percent")
        elif column in ("q", "z", "ratio", "odds_ratio", "low", "high", "family_low", "family_high", "smallest",
                        "ratio_low", "ratio_high", "residual", "design_effect", "mean", "rest_mean", "delta",
                        "difference", "difference_low", "difference_high", "cut", "bonferroni", "gap", "npmi",
                        "other_npmi", "rate", "rate_low", "rate_high", "d", "log_ratio", "men", "women"):  # fmt: skip
            config[column] = st.column_config.NumberColumn(title, format="%.3g")
        else:
            config[column] = title
    return config


def _is_count(name: str, column: str) -> bool:
    """Expected combinations are counted and scores differ in their own unit; elsewhere these columns are shares."""
    return (name, column) in (("intersections", "expected"), ("scores", "difference"))


def _draw(figure: object, key: str) -> None:
    st.plotly_chart(figure, key=key, config={"displayModeBar": False})


def _pick(table: pd.DataFrame, column: str, key: str) -> str:
    """One value of a column; those with an alarm come first, so that what stands out is what shows."""
    names = list(table[column].unique())
    loud = set(table.loc[table["alarm"].astype(bool), column])
    values = sorted(names, key=lambda name: name not in loud)
    if len(values) < 2:
        return values[0]
    return frame.url_select(st, t(f"audit.column.{column}"), values, key, format_func=_factor)


def _factor(name: str) -> str:
    """A select box shows its options as they are, so nothing is escaped here."""
    return t("audit.column.label") if name == "label" else name


def _shares(table: pd.DataFrame) -> None:
    attribute = _pick(table, "attribute", "ag")
    _draw(figures.shares(table[table["attribute"] == attribute].reset_index(drop=True)), "audit.fig.shares")


def _forest(table: pd.DataFrame) -> None:
    _draw(figures.forest(table, BAND), "audit.fig.forest")
    if len(table) > figures.FOREST_ROWS:
        st.caption(t("audit.chart.forest_rows", shown=figures.FOREST_ROWS, all=len(table)))


def _lengths(table: pd.DataFrame) -> None:
    factor = _pick(table, "factor", "af")
    _draw(figures.lengths(table[table["factor"] == factor]), "audit.fig.lengths")
    st.caption(t("audit.chart.length_boxes"))


def _labels(table: pd.DataFrame) -> None:
    _draw(figures.counts(table.head(40)), "audit.fig.labels")


def _topics(table: pd.DataFrame) -> None:
    _draw(figures.counts(table.head(40), "name"), "audit.fig.topics")


def _ties(table: pd.DataFrame) -> None:
    _draw(figures.ties(table.head(15)), "audit.fig.ties")


def _scores(table: pd.DataFrame) -> None:
    _draw(score_figures.deltas(table, DELTA), "audit.fig.scores")
    if len(table) > figures.FOREST_ROWS:
        st.caption(t("audit.chart.more_rows", shown=figures.FOREST_ROWS, all=len(table)))


# --- expected shares --------------------------------------------------------------------------------------------------
def reference_editor(studio: Studio, snapshot: Snapshot, result: AuditResult) -> None:
    """Type the share each group should have; saved shares are what representation is compared with."""
    with st.expander(t("audit.reference.title"), icon=":material/tune:"):
        st.caption(t("audit.reference.about"))
        table = result.table
        attributes = list(table["attribute"].unique()) if len(table) else []
        if not attributes:
            return
        attribute = st.selectbox(t("audit.reference.attribute"), attributes, key="audit.ref.attribute")
        own = table[(table["attribute"] == attribute) & (table["value"] != MISSING)]
        if own["is_default"].any():
            st.caption(t("audit.reference.equal"))
        given = pd.DataFrame({"value": own["value"].to_list(), "now": (100 * own["share"]).to_list(),
                              "expected": (100 * own["expected"]).round(2).to_list()})  # fmt: skip
        edited = st.data_editor(
            given,
            hide_index=True,
            num_rows="dynamic",
            key=f"audit.ref.{attribute}",
            column_config={
                "value": st.column_config.TextColumn(t("audit.reference.value"), required=True),
                "now": st.column_config.NumberColumn(t("audit.reference.now"), disabled=True, format="%.1f"),
                "expected": st.column_config.NumberColumn(t("audit.reference.expected"), min_value=0.0, format="%.2f"),
            },
        )
        note = st.text_input(t("audit.reference.note"), key="audit.ref.note", max_chars=200)
        if st.button(t("audit.reference.save"), type="primary", key="audit.ref.save"):
            with frame.show_errors():
                shares = _scaled(edited)
                corpora.set_reference(studio, frame.current_user(), snapshot_id=snapshot.snapshot_id,
                                      group=attribute, shares=shares, note=note)  # fmt: skip
                st.toast(t("audit.reference.saved"), icon=":material/check:")
                st.rerun()


def _scaled(edited: pd.DataFrame) -> dict[str, float]:
    """Shares that sum to 1 from what was typed; rows without a name or a number are left out."""
    rows = edited.dropna(subset=["value", "expected"])
    rows = rows[rows["value"].astype(str).str.strip() != ""]
    total = float(rows["expected"].sum())
    if total <= 0 or (rows["expected"] < 0).any():
        raise CorpusError(t("audit.reference.bad_total"), got=total, fix=t("audit.reference.bad_total_fix"))
    return {str(row.value): float(row.expected) / total for row in rows.itertuples()}
