"""The list of clusters beside the map, reachable by keyboard: size, share, labels; rename, merge, take back."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages._ui import explore_data as data
from pages._ui import explore_filters as filters
from pages._ui import frame
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.records import Snapshot
from studio.store import clusters as store_clusters
from studio.store.maps import MapRecord
from studio.workflows import clusters
from studio.workflows.studio import Studio

MOST = 60
LIST_PX = 460
MIX = 2  # labels said of each cluster


def show(opened: Studio, snapshot: Snapshot, chart: MapRecord) -> None:
    """A button per cluster: pressing it shows that cluster alone, pressing it again shows all."""
    table = data.cluster_table(opened, chart.map_id)
    titles = data.cluster_titles(opened, chart.map_id)
    mixes = data.label_mix(opened, snapshot, chart.map_id, filters.seed_of_url())
    chosen = st.query_params.get_all("f_cluster")
    st.caption(t("map.clusters_help"))
    ordered = table.sort_values(["size", "cluster"], ascending=[False, True])
    with st.container(height=LIST_PX, border=True, key="cluster_list", gap="xxsmall"):
        for row in ordered.head(MOST).itertuples():
            number = str(int(row.cluster))
            st.button(
                plain(titles[int(row.cluster)], 60),
                key=f"cluster_{number}",
                on_click=filters.toggle,
                args=("f_cluster", number),
                type="primary" if number in chosen else "tertiary",
                icon=":material/check:" if number in chosen else None,
            )
            st.caption(_line(int(row.size), snapshot.n_examples, mixes.get(int(row.cluster), [])))
    if len(table) > MOST:
        st.caption(t("map.more_clusters", n=len(table) - MOST))
    if may(frame.current_user().role, "analyst"):
        _decide(opened, chart, table, titles)


def _line(size: int, total: int, mix: Sequence[tuple[str, int]]) -> str:
    """Size, share and the most frequent labels of a cluster."""
    share = f"{100 * size / max(total, 1):.1f} %"
    said = t("map.cluster_line", n=f"{size:,}", share=share)
    known = sum(n for _, n in mix)
    if not known:
        return said
    parts = [f"{plain(name, 30)} {100 * n / known:.0f} %" for name, n in mix[:MIX]]
    return f"{said} · {t('map.cluster_mix', labels=', '.join(parts), n=f'{known:,}')}"


def _decide(opened: Studio, chart: MapRecord, table: pd.DataFrame, titles: dict[int, str]) -> None:
    """Rename one, merge several, take the newest decision back."""
    standing = store_clusters.in_force(opened.store, chart.map_id)
    with st.expander(t("map.decide"), icon=":material/edit:"):
        with st.form("decide_clusters", border=False, clear_on_submit=True, enter_to_submit=False):
            numbers = [int(number) for number in table["cluster"] if number >= 0]
            chosen = st.multiselect(t("map.decide_which"), numbers, format_func=titles.__getitem__,
                                    placeholder=t("map.decide_hint"), key="decide_which")  # fmt: skip
            name = st.text_input(t("map.decide_name"), max_chars=clusters.MAX_NAME, key="decide_name")
            places = st.container(horizontal=True)
            renamed = places.form_submit_button(t("map.rename"), icon=":material/edit:")
            merged = places.form_submit_button(t("map.merge"), icon=":material/merge:")
            st.caption(t("map.decide_help"))
        if renamed or merged:
            with frame.show_errors():
                actor = frame.current_user()
                if merged:
                    clusters.merge(opened, actor, map_id=chart.map_id, chosen=chosen, name=name)
                else:
                    one = chosen[0] if len(chosen) == 1 else -1
                    clusters.rename(opened, actor, map_id=chart.map_id, cluster=one, name=name)
                st.query_params.pop("f_cluster", None)
                st.rerun()
        if standing:
            last = standing[-1]
            said = t(f"map.decided_{last.kind}", name=plain(last.name or titles.get(last.target, ""), 40),
                     n=len(last.clusters), who=plain(last.created_by, 30))  # fmt: skip
            st.caption(said)
            st.button(t("map.undo"), icon=":material/undo:", key="undo_cluster", on_click=_undo,
                      args=(opened, chart.map_id))  # fmt: skip


def _undo(opened: Studio, map_id: str) -> None:
    with frame.show_errors():
        clusters.undo(opened, frame.current_user(), map_id=map_id)
