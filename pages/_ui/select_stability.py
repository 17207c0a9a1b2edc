"""How much a choice hangs on its weights: single moves, a cloud of settings, a map over two weights, who is shaky."""

from __future__ import annotations

import streamlit as st

from pages._ui import asking, frame
from pages._ui.words import t
from studio.figures.effects import stability_map
from studio.records import Snapshot
from studio.selection.sensitivity import CLOUD, MAP_STEP, STEPS, Sensitivity
from studio.store import examples
from studio.workflows import select_sensitivity
from studio.workflows.select import Choice


def show(snapshot: Snapshot, choice: Choice) -> None:
    """The section; drawn again every second until the rankings are done."""
    st.subheader(t("effects.stability.title"), anchor=False)
    if choice.ranking is None:
        st.caption(t("effects.stability.only_weighted"))
        return
    pairs = {f"{a}-{b}": (a, b) for a, b in select_sensitivity.pairs(choice.state.available)}
    axes = None
    if len(pairs) > 1:
        heavy = sorted(pairs, key=lambda name: -sum(choice.weights[view] for view in pairs[name]))
        named = {name: " × ".join(t(f"select.view.{view}") for view in pair) for name, pair in pairs.items()}
        axes = pairs[frame.url_select(st, t("effects.stability.axes"), heavy, "axes", format_func=named.__getitem__)]
    pending = select_sensitivity.of_choice_soon(frame.studio(), snapshot.snapshot_id, choice, axes)
    is_over = pending is None or pending.is_over
    asking.until(lambda: _body(snapshot, choice, axes), is_over=is_over)


def _body(snapshot: Snapshot, choice: Choice, axes: tuple[str, str] | None) -> bool:
    pending = select_sensitivity.of_choice_soon(frame.studio(), snapshot.snapshot_id, choice, axes)
    if pending is None:
        return True
    if not pending.is_over:
        st.progress(min(pending.done / pending.total, 1.0),
                    text=t("effects.stability.working", done=pending.done, all=pending.total))  # fmt: skip
        return False
    found = pending.result
    if found is None:
        st.caption(t("effects.stability.failed"))
        return True
    _numbers(choice, found)
    left, right = st.columns(2, gap="large")
    with left:
        _map(choice, found)
    with right:
        _moves(choice, found)
    _shaky(snapshot, choice, found)
    return True


def _numbers(choice: Choice, found: Sensitivity) -> None:
    n = len(choice.ids)
    overlap = sorted(found.cloud.tolist())
    st.markdown(t("effects.stability.sentence", n=n, stay=n - found.n_shaky, cloud=CLOUD,
                  middle=f"{overlap[len(overlap) // 2]:.0%}", low=f"{overlap[0]:.0%}"))  # fmt: skip
    st.caption(t("effects.stability.about", cloud=CLOUD, seed=choice.recipe.seed))


def _map(choice: Choice, found: Sensitivity) -> None:
    a, b = found.axes
    words = {"x": t(f"select.view.{b}"), "y": t(f"select.view.{a}"), "overlap": t("effects.stability.overlap"),
             "now": t("effects.stability.now"),
             "hover": t("effects.stability.hover", x=t(f"select.view.{b}"), y=t(f"select.view.{a}"))}  # fmt: skip
    figure = stability_map(found.grid.tolist(), MAP_STEP, (choice.weights[a], choice.weights[b]), words)
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key="stability_figure")
    st.caption(t("effects.stability.map_about"))


def _moves(choice: Choice, found: Sensitivity) -> None:
    views = list(dict.fromkeys(one.view for one in found.moved))
    if not views:
        st.caption(t("effects.stability.one_view"))
        return
    by = {(one.view, one.step): one for one in found.moved}
    shown: dict[str, list[str]] = {t("effects.stability.view"): [t(f"select.view.{view}") for view in views]}
    for step in STEPS:
        shown[f"{step:+d}"] = [f"{by[view, step].jaccard:.0%}" if (view, step) in by else "–" for view in views]
    st.markdown(f"**{t('effects.stability.moves')}**")
    st.dataframe(shown, hide_index=True, width="stretch", alt=t("effects.stability.moves"))
    st.caption(t("effects.stability.moves_about", n=len(choice.ids)))


def _shaky(snapshot: Snapshot, choice: Choice, found: Sensitivity) -> None:
    listed = select_sensitivity.shaky(choice, found)
    if not listed:
        return
    with st.expander(
        t("effects.stability.shaky", n=found.n_shaky), icon=":material/vital_signs:", key="stability_shaky"
    ):
        texts = examples.by_ids(frame.studio().store, snapshot.snapshot_id, [i for i, _ in listed],
                                ["example_id", "text"])  # fmt: skip
        share = dict(listed)
        texts["stays"] = [100 * share[int(i)] for i in texts["example_id"]]
        column = st.column_config
        st.dataframe(
            texts[["stays", "example_id", "text"]], hide_index=True, height=280, width="stretch",
            column_config={
                "stays": column.ProgressColumn(t("effects.stability.stays"), min_value=0, max_value=100,
                                               format="%.0f %%", width="small"),
                "example_id": column.NumberColumn(t("select.column.example_id"), width="small", format="%d"),
                "text": column.TextColumn(t("select.column.text")),
            },
        )  # fmt: skip
        if found.n_shaky > len(listed):
            st.caption(t("why.versus.shown", n=len(listed), all=found.n_shaky))
