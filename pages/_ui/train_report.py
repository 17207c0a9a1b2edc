"""A finished round: figures with intervals, labels, groups, confusion matrix, comparisons, the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages._ui import frame, train_errors, train_live, train_setup, train_test
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.figures import training as figures
from studio.records import Snapshot
from studio.store import rounds
from studio.store.rounds import Round
from studio.workflows import train, train_rounds
from studio.workflows.studio import Studio

SMALL = 200
LEAST_GROUP = train_live.LEAST_GROUP


def headline(found: Round) -> None:
    """What the round is, what it reached, and what to know before believing it."""
    report = found.report
    named = t("round.title", number=found.number, name=plain(found.name)) if found.name else ""
    st.subheader(named or t("round.title_plain", number=found.number), anchor=False)
    st.caption(t("round.facts", base=train_setup.name_of_base(str(found.plan["base"])),
                 method=t(f"train.method_name.{found.plan['method']}"), n_train=f"{found.n_train:,}",
                 seconds=train_setup.span(report["fit"]["seconds"]), device=str(report["device"]).upper()))  # fmt: skip
    _figures(report)
    _remarks(report)


def details(opened: Studio, snapshot: Snapshot, found: Round) -> None:
    """Comparisons, labels, groups, curves, and the closed test split."""
    report = found.report
    compare(opened, snapshot, found)
    result = report["validation"]
    names = ["round.classes", "round.confusion", "round.groups", "model_errors.title"]
    names += ["round.curves"] if report["fit"].get("steps") else []  # a closed-form head has no curve
    tabs = st.tabs([t(name) for name in names])
    with tabs[0]:
        _classes(result)
    with tabs[1]:
        hover = {name: t(f"round.{name}") for name in ("true", "predicted", "share")}
        hover["hover"] = t_raw("round.hover")
        st.plotly_chart(figures.confusion_matrix(result["labels"], result["confusion"], words=hover), key="confusion",
                        config={"displayModeBar": False})  # fmt: skip
    with tabs[2]:
        _groups(result)
    with tabs[3]:
        train_errors.render(opened, found)
    for tab in tabs[4:]:
        with tab:
            train_live.curves(opened, found.run_id)
    train_test.show(opened, found)


def t_raw(key: str) -> str:
    """A string of the catalogue with its fields left in, for a figure that fills them per cell."""
    names = ("true", "predicted", "n", "share")
    return t(key, **{name: "{" + name + "}" for name in names})


def percent(value: float) -> str:
    """A share as per cent with one decimal."""
    return f"{100 * value:.1f} %"


def _name(found: Round) -> str:
    """What a round is called: its name, else what it is."""
    base, method = train_setup.name_of_base(str(found.plan["base"])), t(f"train.method_name.{found.plan['method']}")
    return plain(found.name, 40) if found.name else t("round.name_plain", base=base, method=method)


def _figures(report: Mapping[str, Any]) -> None:
    result, fitted = report["validation"], report["fit"]
    accuracy, macro = result["accuracy"], result["macro_f1"]
    with st.container(key="pairs_result"):
        places = st.columns(3 if fitted.get("planned_steps") else 2)
    with places[0].container(border=True, height="stretch", gap="xxsmall"):
        st.metric(t("round.accuracy"), percent(accuracy["value"]), help=t("round.interval_help"))
        st.caption(t("round.interval_of", low=percent(accuracy["low"]), high=percent(accuracy["high"]),
                     n=f"{result['n']:,}"))  # fmt: skip
    with places[1].container(border=True, height="stretch", gap="xxsmall"):
        st.metric(t("round.macro_f1"), f"{macro['value']:.3f}", help=t("round.macro_help"))
        st.caption(t("round.interval_of", low=f"{macro['low']:.3f}", high=f"{macro['high']:.3f}",
                     n=f"{result['n']:,}"))  # fmt: skip
    if fitted.get("planned_steps"):
        with places[2].container(border=True, height="stretch", gap="xxsmall"):
            best = f"{fitted.get('best_step') or fitted['steps']:,}"
            st.metric(t("round.best_step"), t("round.best_step_value", step=best), help=t("round.best_step_help"))
            text = t("round.best_step_of", step=f"{fitted['steps']:,}", total=f"{fitted['planned_steps']:,}")
            st.caption(f"{text}, {t('round.stopped_early')}" if fitted.get("stopped_early") else text)


def _remarks(report: Mapping[str, Any]) -> None:
    if report["validation"]["n"] < SMALL:
        st.caption(t("round.small", n=report["validation"]["n"]))
    if report.get("n_simulated"):
        st.caption(t("round.simulated", n=f"{report['n_simulated']:,}", total=f"{report['n_train']:,}"))
    base = report.get("baseline")
    if base:
        versus = base["paired"]
        kind = "better" if versus["low"] > 0 else "worse" if versus["high"] < 0 else "same"
        text = t(f"round.baseline_{kind}", **_points(versus))
        (st.success if kind == "better" else st.warning if kind == "worse" else st.info)(
            text, icon=":material/straighten:"
        )
    if report.get("gate"):
        with st.expander(t("round.gate"), icon=":material/rule:"):
            for finding in report["gate"]:
                st.text(train.gate_text(finding["key"], finding["values"]))


def _points(versus: Mapping[str, Any]) -> dict[str, str]:
    return {"points": f"{100 * versus['difference']:+.1f}", "low": f"{100 * versus['low']:+.1f}",
            "high": f"{100 * versus['high']:+.1f}"}  # fmt: skip


# --- comparisons ------------------------------------------------------------------------------------------------------
def compare(opened: Studio, snapshot: Snapshot, found: Round) -> None:
    """Against the round before it and against the random draw, on the same validation examples."""
    listed = rounds.of_snapshot(opened.store, snapshot.snapshot_id)
    last = next((r for r in listed if r.number < found.number and r.arm == found.arm), None)
    other_arm = "selection" if found.arm == "random" else "random"
    # The fairest one: trained the same way, on the nearest number of examples.
    others = [r for r in listed if r.arm == other_arm]
    random = min(others, key=lambda r: (_way(r) != _way(found), abs(r.n_train - found.n_train)), default=None)
    st.markdown(f"**{t('round.compare')}**")
    places = st.columns(2)
    with places[0].container(border=True, height="stretch"):
        if last is None:
            st.caption(t("round.compare_first"))
        else:
            _versus(opened, found, last, t("round.compare_last", number=last.number, name=_name(last)))
    with places[1].container(border=True, height="stretch"):
        if random is not None:
            _versus(
                opened,
                found,
                random,
                t("round.compare_random", number=random.number)
                if other_arm == "random"
                else t("round.compare_last", number=random.number, name=_name(random)),
            )
        else:
            _offer_random(opened, snapshot, found)


def _way(found: Round) -> tuple[object, object]:
    return found.plan.get("base"), found.plan.get("method")


def _versus(opened: Studio, found: Round, other: Round, title: str) -> None:
    with frame.show_errors():
        result = train_rounds.compare(opened, other.round_id, found.round_id)
        st.metric(title, t("round.compare_line", **_points(result)), help=t("round.interval_help"))
        clear = "up" if result["low"] > 0 else "down" if result["high"] < 0 else ""
        st.caption(t(f"round.compare_clear_{clear}") if clear else t("round.compare_open"))
        p = f"= {result['p']:.3f}" if result["p"] >= 0.001 else "< 0.001"
        st.caption(t("round.compare_n", n=f"{result['n']:,}", better=result["only_b"], worse=result["only_a"], p=p))
        if other.n_train != found.n_train:
            st.caption(t("round.compare_size", n=f"{other.n_train:,}", own=f"{found.n_train:,}"))


def _offer_random(opened: Studio, snapshot: Snapshot, found: Round) -> None:
    if not train.has_random_arm(opened, snapshot.snapshot_id):
        st.caption(t("round.random_cannot"))
        return
    st.caption(t("round.random_offer"))
    if may(frame.current_user().role, "analyst") and st.button(t("round.random_launch"), key="random_round",
                                                               icon=":material/shuffle:"):  # fmt: skip
        with frame.show_errors():
            plan = train.default_plan(**found.plan)
            train_setup.start(opened, snapshot, plan, "random")


# --- tables -----------------------------------------------------------------------------------------------------------
def _classes(result: Mapping[str, Any]) -> None:
    table = pd.DataFrame(result["classes"])
    table["note"] = ["" if seen else t("round.unseen") for seen in table["seen"]]
    share = {name: st.column_config.ProgressColumn(t(f"round.{name}"), min_value=0.0, max_value=1.0, format="%.2f")
             for name in ("precision", "recall", "f1")}  # fmt: skip
    st.dataframe(table[["label", "precision", "recall", "f1", "support", "note"]], hide_index=True,
        height="content" if len(table) <= 20 else "auto", column_config={
        "label": st.column_config.TextColumn(t("round.label"), width="medium"), **share,
        "support": st.column_config.NumberColumn(t("round.support")),
        "note": st.column_config.TextColumn(t("round.note")) if table["note"].any() else None,
    })  # fmt: skip


def _groups(result: Mapping[str, Any]) -> None:
    if not result["groups"]:
        st.caption(t("round.no_groups"))
        return
    table = pd.DataFrame(result["groups"])
    table["group"] = table["group"].replace("", t("train.live.no_group"))
    for name in ("accuracy", "low", "high"):
        table[name] = 100 * table[name]
    shown = table[["attribute", "group", "n", "accuracy", "low", "high", "readable"]]
    # The stylesheet of a frame is ours; the cells stay text.
    styled = shown.style.apply(lambda row: ["" if row["readable"] else "color: #8a938e"] * len(row), axis=1).format(
        {"accuracy": "{:.1f}", "low": "{:.1f}", "high": "{:.1f}"}
    )
    st.dataframe(styled, hide_index=True, column_config={
        "attribute": t("round.attribute"), "group": t("round.group"), "n": st.column_config.NumberColumn("n"),
        "accuracy": st.column_config.NumberColumn(f"{t('round.accuracy')} (%)"),
        "low": st.column_config.NumberColumn(f"{t('round.low')} (%)"),
        "high": st.column_config.NumberColumn(f"{t('round.high')} (%)"), "readable": None,
    })  # fmt: skip
    st.caption(t("round.groups_note", least=LEAST_GROUP))
