"""A training run while it goes: curves from its metric lines, the ways to end it, and how it ended."""

from __future__ import annotations

import streamlit as st

from pages._ui import frame
from pages._ui.train_setup import span
from pages._ui.words import plain, t
from studio import words
from studio.access.roles import may
from studio.errors import StudioError
from studio.figures import training as figures
from studio.workflows import runs, train_live
from studio.workflows.runs import RunView
from studio.workflows.studio import Studio

_POLL_S = 2
_SEEN = "train.seen"
LEAST_GROUP = train_live.LEAST_GROUP


@st.fragment(run_every=_POLL_S)
def follow(opened: Studio, run_id: str) -> None:
    """Progress, curves and the two ways to stop, every two seconds until the run has ended."""
    view = runs.view(opened, run_id)
    if not view.is_live:
        st.rerun(scope="app")
    with st.container(border=True):
        st.progress(view.share, text=_progress_text(view))
        if view.is_stalled:
            st.warning(t("train.live.stalled"), icon=":material/hourglass_top:")
        _buttons(opened, view)
        curves(opened, run_id)


def _progress_text(view: RunView) -> str:
    status = view.status
    if status.state == "queued":
        return t("train.live.queued", n=view.position) if view.position > 1 else t("train.live.queued_now")
    if status.state == "stopping":
        return t("train.live.stopping")
    if status.state == "done":
        return t("train.live.storing")
    if status.message == "baseline":
        return t("train.live.baseline")
    if status.message not in ("training", "warm_up", "scoring") or not status.total:
        return t("train.live.starting")
    text = t(f"train.live.{status.message}", step=f"{status.step:,}", total=f"{status.total:,}")
    return f"{text} · {t('train.live.left', time=span(status.eta_s))}" if status.eta_s else text


def _buttons(opened: Studio, view: RunView) -> None:
    if view.status.is_final or not may(frame.current_user().role, "analyst"):
        return
    places = st.container(horizontal=True)
    is_stopping = view.status.state == "stopping"
    if places.button(t("train.live.stop"), key="stop_run", icon=":material/stop_circle:", disabled=is_stopping,
                     help=t("train.live.stop_help")):  # fmt: skip
        with frame.show_errors():
            runs.stop(opened, frame.current_user(), run_id=view.run_id)
    if places.button(t("train.live.cancel"), key="cancel_run", icon=":material/delete:",
                     help=t("train.live.cancel_help")):  # fmt: skip
        with frame.show_errors():
            runs.cancel(opened, frame.current_user(), run_id=view.run_id)


def curves(opened: Studio, run_id: str) -> None:
    """Loss, validation and groups over steps; the session keeps how far the file was read."""
    seen = st.session_state.get(_SEEN)
    known = seen[1] if seen and seen[0] == run_id else None
    series = train_live.follow(opened, run_id, known)
    st.session_state[_SEEN] = (run_id, series)
    rows = [row for row in series.rows if row.get("step", 0) >= 0]
    if not rows:
        warm = series.warm_up
        if warm:
            _draw(figures.loss_curve([{"step": row["step"], "loss": row["warm_up_loss"]} for row in warm],
                                     words=_words("loss")), "warm")  # fmt: skip
        else:
            st.caption(t("train.live.waiting"))
        return
    best = series.best
    left, right = st.columns(2)
    with left:
        st.markdown(f"**{t('train.live.loss')}**")
        _draw(figures.loss_curve(rows, words=_words("loss")), "loss")
    with right:
        st.markdown(f"**{t('train.live.validation')}**")
        if any("val_accuracy" in row for row in rows):
            figure = figures.validation_curve(rows, best_step=best["step"] if best else None, words=_words("percent"))
            _draw(figure, "validation")
        else:
            st.caption(t("train.live.no_validation"))
    if best:
        st.caption(t("train.live.best_is", value=f"{best['val_macro_f1']:.3f}", step=f"{best['step']:,}"))
    if any(row.get("val_groups") for row in rows):
        st.markdown(f"**{t('train.live.groups')}**")
        figure, n_left = figures.group_curve(rows, least=train_live.LEAST_GROUP, words=_words("accuracy"))
        if figure.data:
            _draw(figure, "groups")
        if n_left:
            st.caption(t("train.live.groups_few", n=n_left, least=LEAST_GROUP, most=figures.MOST_GROUPS))


def _words(y: str) -> dict[str, str]:
    return {
        "x": t("train.live.step"), "y": t(f"train.live.{y}"), "train": t("train.live.train_loss"),
        "validation": t("train.live.val_loss"), "accuracy": t("train.live.accuracy"), "band": t("train.live.band"),
        "macro_f1": t("train.live.macro_f1"), "best": t("train.live.best"), "missing": t("train.live.no_group"),
    }  # fmt: skip


def _draw(figure: object, name: str) -> None:
    st.plotly_chart(figure, key=f"curve_{name}", config={"displayModeBar": False})


def ended(opened: Studio, view: RunView) -> None:
    """A run that did not become a round: what was kept, why it failed, and the way on."""
    state = view.status.state
    if state == "cancelled":
        st.info(t("train.live.cancelled"), icon=":material/delete:")
    elif state == "stopped":
        kept = view.status.checkpoint if view.has_checkpoint else ""
        text = t("train.live.kept", checkpoint=plain(kept)) if kept else t("train.live.kept_nothing")
        st.info(text, icon=":material/pause_circle:")
    else:
        _why(opened, view)
    places = st.container(horizontal=True)
    if view.can_resume and may(frame.current_user().role, "analyst"):
        if places.button(t("train.live.resume"), key="resume_run", type="primary", icon=":material/play_arrow:"):
            with frame.show_errors():
                runs.resume(opened, frame.current_user(), run_id=view.run_id)
                st.rerun()
    if places.button(t("train.live.open_run"), key="to_runs", icon=":material/pending_actions:"):
        frame.go("runs", run=view.run_id)
    curves(opened, view.run_id)


def _why(opened: Studio, view: RunView) -> None:
    detail = runs.detail(opened, view.run_id)
    trouble = view.trouble or detail.failure
    if trouble.get("what"):
        frame.show_error(StudioError(str(trouble["what"]), got=trouble.get("got"), fix=str(trouble.get("fix", ""))))
    else:
        st.error(t("train.live.crashed") if view.status.state == "crashed" else t("train.live.failed"),
                 icon=":material/error:")  # fmt: skip
    if view.status.advice:
        st.text(t(view.status.advice if words.has(view.status.advice) else "runs.advice.unknown"))
    if detail.log:
        with st.expander(t("train.live.log")):
            st.code(detail.log[-4000:], language=None)


def find(opened: Studio, run_id: str) -> RunView | None:
    """The run of a link, or None when this workspace has none of that id."""
    try:
        return runs.view(opened, run_id)
    except StudioError:
        return None
