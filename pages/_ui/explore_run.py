"""Before and beside the map: which encoder and why, the button, the run as it goes, and how it ended."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame, runs_words
from pages._ui.words import t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.workflows import explore, runs
from studio.workflows.explore import ExploreState
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 1.0
_FINENESS = {"coarse": 0.4, "medium": 1.0, "fine": 4.0}


def guard(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """The page of a corpus without a map: a running run, why the last one failed, or the button."""
    if state.run is not None:
        with st.container(border=True):
            st.subheader(t("explore.no_map"), anchor=False)
            _progress(opened, snapshot.snapshot_id)
        return
    with st.container(border=True):
        st.subheader(t("explore.no_map"), anchor=False)
        if state.ended is not None:
            _ended(opened, state.ended)
        name = state.vectors.encoder if state.vectors else state.encoder
        st.write(t("explore.chosen_encoder", encoder=t(f"explore.encoder.{name}")))
        if name == state.encoder:
            st.caption(t(state.reason))
        _estimate(state)
        if not may(frame.current_user().role, "analyst"):
            return
        label = t("explore.again") if state.ended else t("explore.make")
        if st.button(label, type="primary", icon=":material/scatter_plot:", key="make", help=t("explore.make_help")):
            _start(opened, snapshot)
        _other_encoder(opened, snapshot, state)


def notices(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Above a map: a run that makes another one, a failed attempt, an encoder that cannot read the corpus."""
    if state.run is not None:
        with st.container(border=True):
            _progress(opened, snapshot.snapshot_id)
    elif state.ended is not None and state.ended.status.state not in ("cancelled", "stopped"):
        _ended(opened, state.ended)
    if state.is_hard_to_read and state.vectors is not None:
        share = f"{100 * (state.vectors.unknown_share or 0):.0f} %"
        st.warning(t("explore.unknown", share=share), icon=":material/translate:")
        if may(frame.current_user().role, "analyst") and st.button(t("explore.use_lexical"), key="use_lexical"):
            _start(opened, snapshot, "lexical")


def another(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    """Another map of the same corpus: another encoder, finer clusters, another seed."""
    if not may(frame.current_user().role, "analyst"):
        return
    with (
        st.expander(t("explore.made_anew"), icon=":material/replay:"),
        st.form("another_map", border=False, enter_to_submit=False),
    ):
        st.caption(t("explore.made_anew_help"))
        places = st.columns(3)
        current = state.map.encoder_key.partition("@")[0] if state.map else state.encoder
        names = list(explore.ENCODER_NAMES)
        encoder = places[0].selectbox(
            t("explore.other_encoder"),
            names,
            index=names.index(current) if current in names else 0,
            format_func=lambda name: _encoder_title(name, state),
        )
        fineness = places[1].selectbox(
            t("explore.fineness"), list(_FINENESS), index=1, format_func=lambda name: t(f"explore.{name}")
        )
        seed = places[2].number_input(t("explore.seed"), 0, 2**31 - 1, 0, help=t("explore.seed_help"))
        if st.form_submit_button(t("explore.make"), icon=":material/scatter_plot:"):
            _start(opened, snapshot, encoder, seed=int(seed), resolution=_FINENESS[fineness])


def _start(opened: Studio, snapshot: Snapshot, encoder: str | None = None, **values: float) -> None:
    with frame.show_errors():
        explore.start(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, encoder=encoder, **values)
        st.rerun()


def _encoder_title(name: str, state: ExploreState) -> str:
    mark = f" · {t('explore.default')}" if name == state.encoder else ""
    return t(f"explore.encoder.{name}") + mark


def _other_encoder(opened: Studio, snapshot: Snapshot, state: ExploreState) -> None:
    with st.expander(t("explore.other_encoder")):
        for name in explore.ENCODER_NAMES:
            if st.button(_encoder_title(name, state), key=f"with_{name}"):
                _start(opened, snapshot, name)


def _estimate(state: ExploreState) -> None:
    seconds = state.estimate_s
    if seconds < 90:
        st.caption(t("explore.estimate_seconds", n=max(10, 10 * round(seconds / 10))))
    else:
        st.caption(t("explore.estimate_minutes", n=max(2, round(seconds / 60))))


@st.fragment(run_every=_POLL_S)
def _progress(opened: Studio, snapshot_id: str) -> None:
    """The live run of this snapshot: embedding, then the map; the page starts over when there is none left."""
    listed = runs.overview(opened, limit=0, kinds=("embed", "map"), snapshot_id=snapshot_id)
    view = next((item for item in listed if item.is_live), None)
    if view is None:
        st.rerun(scope="app")
    st.progress(view.share, text=runs_words.progress(view))
    st.caption(t("explore.busy"))
    if may(frame.current_user().role, "analyst"):
        places = st.container(horizontal=True)
        if places.button(t("explore.cancel"), icon=":material/cancel:", key="cancel_map"):
            with frame.show_errors():
                runs.cancel(opened, frame.current_user(), run_id=view.run_id)
        if places.button(t("explore.to_runs"), icon=":material/pending_actions:", key="map_runs"):
            frame.go("runs")


def _ended(opened: Studio, view: RunView) -> None:
    if view.status.state in ("cancelled", "stopped"):
        st.info(t("explore.cancelled"), icon=":material/info:")
        return
    detail = runs.detail(opened, view.run_id)
    trouble = view.trouble or detail.failure
    st.error(t("explore.failed"), icon=":material/error:")
    if trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    reason = runs_words.reason(view.status)
    if reason:
        st.caption(reason)
    if st.button(t("explore.to_runs"), icon=":material/pending_actions:", key="failed_runs"):
        frame.go("runs")
