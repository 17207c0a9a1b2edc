"""What a new round will be: base, method, settings, the data gate, the cost, and the button that starts it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.errors import StudioError
from studio.records import Snapshot
from studio.store import examples, labels, rounds
from studio.workflows import runs, train
from studio.workflows.studio import Studio

ROUND_KEY = "round"
_LAUNCH_ID = "train.launch_id"
MOST_ROWS = 50
# Settings a person may change, by method: (name, kind, smallest, largest, step); the words say what each one does.
_COMMON: tuple[tuple[str, type, float, float, float], ...] = (
    ("epochs", int, 1, 200, 1), ("lr", float, 1e-7, 1.0, 1e-4), ("batch_size", int, 1, 1024, 1),
    ("max_length", int, 8, 512, 8), ("patience", int, 0, 100, 1), ("warmup_share", float, 0.0, 0.9, 0.05),
    ("weight_decay", float, 0.0, 1.0, 0.01), ("dropout", float, 0.0, 0.9, 0.05),
    ("max_grad_norm", float, 0.001, 100.0, 0.1), ("accumulation", int, 1, 256, 1),
)  # fmt: skip
_LORA = (("lora_rank", int, 1, 256, 1), ("lora_alpha", int, 1, 1024, 1))
_FROZEN = (("frozen_layers", int, 1, 96, 1),)
_SCRATCH = (("warmup_epochs", int, 0, 200, 1),)
_PROBE = (("probe_c", float, 1e-4, 1e4, 0.1), ("max_length", int, 8, 512, 8))


def name_of_base(base: str) -> str:
    """A base in the reader's words; an allowed path by its last part."""
    return t(f"train.base_name.{base}") if base in train.BASES else plain(base.rstrip("/").rsplit("/", 1)[-1])


def show(opened: Studio, snapshot: Snapshot) -> None:
    """The whole form; a launch puts the round into the URL."""
    st.subheader(t("train.setup"), anchor=False)
    plan = _plan(opened, snapshot)
    if plan is None:
        return
    arm = _arm(opened, snapshot)
    with st.container(border=True):
        st.markdown(f"**{t('train.check')}**")
        prepared = None
        with frame.show_errors():
            prepared = prepared_now(opened, snapshot.snapshot_id, plan, arm)
        if prepared is None:
            return
        _facts(prepared)
        _gate(opened, snapshot, prepared)
        _cost(prepared)
        _launch(opened, snapshot, prepared, arm)


def prepared_now(opened: Studio, snapshot_id: str, plan: train.TrainPlan, arm: str) -> train.Prepared:
    """The gate and the estimate for the labels in force; computed again only when a label or a setting changed."""
    counted = labels.counts(opened.store, snapshot_id)
    state = counted.to_json() + str(len(rounds.of_snapshot(opened.store, snapshot_id)))
    return _prepared(opened, snapshot_id, str(sorted(plan.to_json().items())), arm, state, plan)


@st.cache_resource(max_entries=8, show_spinner=False)
def _prepared(_opened: Studio, snapshot_id: str, plan_key: str, arm: str, state: str, _plan: Any) -> train.Prepared:
    return train.prepare(_opened, snapshot_id=snapshot_id, plan=_plan, arm=arm)


# --- the plan ---------------------------------------------------------------------------------------------------------
def _plan(opened: Studio, snapshot: Snapshot) -> train.TrainPlan | None:
    offered = train.bases(opened, snapshot)
    left, middle, right = st.columns([3, 2, 1])
    base = left.selectbox(t("train.base"), offered, index=_asked("base", offered), key="train_base",
                          format_func=name_of_base, help=t("train.base_help"))  # fmt: skip
    _remember("base", base, offered[0])
    methods = train.methods(base)
    first = methods.index("lora") if "lora" in methods else 0
    method = middle.selectbox(t("train.method"), methods, index=first, key=f"method_{base}",
                              format_func=lambda name: t(f"train.method_name.{name}"))  # fmt: skip
    seed = right.number_input(t("train.seed"), 0, 2**31 - 1, 0, key="seed", bind="query-params",
                              help=t("train.seed_help"))  # fmt: skip
    about = t(f"train.base_about.{base}") if base in train.BASES else t("train.base_about.path")
    st.caption(f"{about} {t(f'train.method_about.{method}')}" if base != "ngrams" else about)
    if base == "minilm" and snapshot.language != "en":
        st.warning(t("train.reads_english"), icon=":material/translate:")
    with frame.show_errors():
        return train.default_plan(base, method, int(seed), **settings(base, method))
    return None


def settings(base: str, method: str, now: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The fields of a method in an expander, filled from a plan (`now`, JSON) or the method's own defaults."""
    if base == "ngrams":
        return {}
    fields = _PROBE if method == "linear_probe" else _COMMON
    fields += {"lora": _LORA, "frozen": _FROZEN}.get(method, ())
    fields += _SCRATCH if base == "characters" else ()
    start = train.default_plan(base, method).to_json() | dict(now or {})
    changed: dict[str, Any] = {}
    with st.expander(t("train.settings"), icon=":material/tune:"):
        st.caption(t("train.settings_caption"))
        columns = st.columns(4)
        for place, (name, kind, low, high, step) in enumerate(fields):
            tiny = kind is float and float(start[name]) < 0.01
            value = columns[place % 4].number_input(
                t(f"train.setting.{name}"), kind(low), kind(high), kind(start[name]), kind(step),
                format="%.6g" if tiny else "%.4g" if kind is float else "%d", key=f"set_{base}_{method}_{name}",
                help=t(f"train.setting_help.{name}"),
            )  # fmt: skip
            changed[name] = kind(value)
    return changed


def _arm(opened: Studio, snapshot: Snapshot) -> str:
    if not train.has_random_arm(opened, snapshot.snapshot_id):
        return "selection"
    counted = labels.counts(opened.store, snapshot.snapshot_id)
    n = int(counted.loc[counted["split"] == "train", "n"].sum())
    names = {"selection": t("train.arm_selection", n=f"{n:,}"), "random": t("train.arm_random")}
    arm = st.radio(t("train.arm"), list(names), index=_asked("arm", list(names)), key="train_arm", horizontal=True,
                   format_func=names.__getitem__, help=t("train.arm_help"))  # fmt: skip
    _remember("arm", arm, "selection")
    return arm


def _asked(name: str, options: Sequence[str]) -> int:
    """Place of the option the URL names. A bound widget would write its translated label there, not the option."""
    asked = st.query_params.get(name)
    return options.index(asked) if asked in options else 0


def _remember(name: str, value: str, default: str) -> None:
    if value != default:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


# --- before the launch ------------------------------------------------------------------------------------------------
def _facts(prepared: train.Prepared) -> None:
    st.text(t("train.counts", train=f"{prepared.n_train:,}", annotated=f"{prepared.n_annotated:,}",
              validation=f"{prepared.n_validation:,}", pool=f"{prepared.n_pool:,}"))  # fmt: skip
    if prepared.n_simulated:
        st.caption(t("train.simulated", n=f"{prepared.n_simulated:,}"))
    if prepared.n_stale:
        st.caption(t("train.stale", n=f"{prepared.n_stale:,}"))


def _gate(opened: Studio, snapshot: Snapshot, prepared: train.Prepared) -> None:
    findings = prepared.gate.findings
    if not findings:
        st.success(t("train.gate_open"), icon=":material/check_circle:")
        return
    if not prepared.gate.is_open:
        st.error(t("train.gate_closed"), icon=":material/block:")
    with st.expander(t("train.gate_warnings", n=len(findings)) if prepared.gate.is_open else t("train.gate_closed"),
                     icon=":material/rule:", expanded=not prepared.gate.is_open):  # fmt: skip
        for number, finding in enumerate(findings):
            text = train.gate_text(finding.key, finding.values)
            st.text(t("train.gate_line", level=t(f"train.level.{finding.level}"), text=text))
            if finding.ids and st.toggle(t("train.gate_rows", n=f"{len(finding.ids):,}"), key=f"gate_{number}"):
                if len(finding.ids) > MOST_ROWS:
                    st.caption(t("train.gate_rows_first", n=MOST_ROWS))
                columns = ["example_id", "split_now", "label_now", "text"]
                shown = list(finding.ids)[:MOST_ROWS]
                st.dataframe(examples.by_ids(opened.store, snapshot.snapshot_id, shown, columns), hide_index=True)


def span(seconds: float) -> str:
    """A time a person can plan with."""
    if seconds < 90:
        return t("train.seconds", n=max(1, round(seconds)))
    if seconds < 5400:
        return t("train.minutes", n=max(1, round(seconds / 60)))
    return t("train.hours", n=f"{seconds / 3600:.1f}")


def _cost(prepared: train.Prepared) -> None:
    cost = prepared.estimate
    columns = st.container(horizontal=True)
    columns.text(t("train.device", device=prepared.device.upper()), width="content")
    columns.text(
        t("train.time", low=span(cost.low_s), high=span(cost.high_s)),
        width="content",
        help=f"{t('train.time_help')} {t('train.time_measured' if cost.measured else 'train.time_reference')}",
    )
    columns.text(t("train.memory", gib=f"{cost.memory_bytes / 2**30:.1f}"), width="content")
    if train.hardware().wasted_gpu:
        st.warning(t("train.gpu_wasted"), icon=":material/memory:")


def _launch(opened: Studio, snapshot: Snapshot, prepared: train.Prepared, arm: str) -> None:
    if not may(frame.current_user().role, "analyst"):
        st.info(t("train.no_right"), icon=":material/visibility:")
        return
    if runs.live(opened, kind="train", snapshot_id=snapshot.snapshot_id) is not None:
        st.caption(t("train.busy"))
    is_open = prepared.gate.is_open
    if st.button(t("train.launch") if is_open else t("train.launch_closed"), type="primary", disabled=not is_open,
                 icon=":material/rocket_launch:", key="launch"):  # fmt: skip
        start(opened, snapshot, prepared.plan, arm)


def start(opened: Studio, snapshot: Snapshot, plan: train.TrainPlan, arm: str) -> None:
    """Launch and go to the round; the id is made once, so a double click launches once."""
    run_id = st.session_state.setdefault(_LAUNCH_ID, str(uuid.uuid4()))
    try:
        train.launch(opened, frame.current_user(), snapshot_id=snapshot.snapshot_id, plan=plan, arm=arm, run_id=run_id)
    except StudioError as error:
        frame.show_error(error)
        return
    st.session_state.pop(_LAUNCH_ID, None)
    st.query_params[ROUND_KEY] = run_id
    st.rerun()
