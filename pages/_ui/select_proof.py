"""Does it help: this recipe against random draws on examples that have labels already."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages._ui import frame, runs_watch, select_controls, select_proof_test
from pages._ui.words import plain, t
from studio.access.roles import may
from studio.figures.proof import size_chart
from studio.measures import by_name
from studio.records import Snapshot
from studio.selection import proof, proxy
from studio.selection.recipe import Recipe
from studio.workflows import select_proof
from studio.workflows.proposals_proof import gap, number
from studio.workflows.select_proof import Prospect, Study
from studio.workflows.select_scores import ScoreState, Targets

HEAD, LM = "head", "lm"


@st.fragment
def show(snapshot: Snapshot, state: ScoreState, targets: Targets | None) -> None:
    """The recipe's controls beside what is known of it; moving one only says that the last check is older."""
    controls, results = st.columns([3, 8], gap="large")
    with controls, frame.show_errors():
        recipe = select_controls.show(snapshot, state)
        with results:
            found = select_proof.prospect(frame.studio(), snapshot, recipe, state)
            _body(snapshot, state, recipe, found)


def _body(snapshot: Snapshot, state: ScoreState, recipe: Recipe, found: Prospect) -> None:
    st.subheader(t("proof.title"), anchor=False)
    st.caption(t(select_proof.worded("proof.intro", found.part.kind if found.part is not None else HEAD)))
    study = select_proof.kept(frame.studio(), snapshot, found)
    live = select_proof.live(frame.studio(), snapshot_id=snapshot.snapshot_id)
    if found.key is None:
        lacking(found)
    if study is not None:
        _sentence(study)
    if live is not None:
        runs_watch.watch(live.run_id, "proof.waiting")
    elif found.key is not None:
        _offer(snapshot, state, recipe, study)
    if study is not None:
        _notes(study)
        _chart(study)
        if live is None:
            select_proof_test.show(snapshot, state, recipe, found, study)
        _table(study)
        _settings(study)


def lacking(found: Prospect) -> None:
    """Why nothing can be checked yet, and the two ways on."""
    st.info(t(found.lacking, **(found.values or {})), icon=":material/info:")
    places = st.container(horizontal=True)
    if places.button(t("proof.to_choose"), type="primary", icon=":material/ac_unit:", key="proof_to_choose"):
        frame.go("select", view="choose")
    if found.part is not None and places.button(
        t("proof.to_annotate" if found.part.kind == HEAD else "proof.to_prepare"), key="proof_to_labels"
    ):
        frame.go("annotate" if found.part.kind == HEAD else "prepare")


def _offer(snapshot: Snapshot, state: ScoreState, recipe: Recipe, study: Study | None) -> None:
    if study is not None and not study.stale:
        return
    if not may(frame.current_user().role, "analyst"):
        st.caption(t("proof.read_only"))
        return
    ended(snapshot, select_proof.KIND)
    label = t("proof.again" if study is not None else "proof.button")
    if st.button(label, type="primary", icon=":material/balance:", key="proof_start"):
        with frame.show_errors():
            select_proof.start(frame.studio(), frame.current_user(), snapshot_id=snapshot.snapshot_id, recipe=recipe,
                               state=state)  # fmt: skip
            st.rerun(scope="app")


def ended(snapshot: Snapshot, kind: str) -> None:
    """Say that the last run of a kind did not end well, with the way to its log."""
    if select_proof.last_ended(frame.studio(), snapshot_id=snapshot.snapshot_id, kind=kind) is None:
        return
    st.warning(t("proof.failed"), icon=":material/report:")
    if st.button(t("proof.to_runs"), key="proof_runs"):
        frame.go("runs")


# --- in words ---------------------------------------------------------------------------------------------------------
def against(kind: str, row: Mapping[str, Any], prefix: str = "") -> str:
    """A difference with its interval."""
    value, low, high = (gap(kind, row[f"{prefix}{part}"]) for part in ("difference", "low", "high"))
    return t("proof.table.with_interval", value=value, low=low, high=high)


def _key(study: Study, base: str, rest: str = "") -> str:
    return select_proof.worded(f"proof.{base}", study.facts["kind"], rest)


def sentence(study: Study) -> str:
    """The one sentence that stands first."""
    kind, own = study.facts["kind"], study.selection
    return t(
        _key(study, "verdict", f".{own['verdict']}"), value=number(kind, own["value"]),
        mean=number(kind, own["draws_mean"]), size=f"{int(own['size']):,}", k=int(own["n_lower"]),
        n=int(own["n_draws"]),
    )  # fmt: skip


def _sentence(study: Study) -> None:
    for changed in study.stale:
        st.warning(t(f"proof.stale.{changed}"), icon=":material/history:")
    box, icon = {"better": (st.success, ":material/trending_up:"), "same": (st.info, ":material/drag_handle:"),
                 "worse": (st.warning, ":material/trending_down:")}[study.selection["verdict"]]  # fmt: skip
    box(sentence(study), icon=icon)


def _notes(study: Study) -> None:
    facts, own = study.facts, study.selection
    kind = facts["kind"]
    st.markdown(t(_key(study, "note.interval"), difference=gap(kind, own["difference"]), low=gap(kind, own["low"]),
                  high=gap(kind, own["high"]), n=f"{facts['n_judged']:,}",
                  half=gap(kind, study.half_width, signed=False)))  # fmt: skip
    if study.is_small:
        error = 100 * math.sqrt(0.8 * 0.2 / max(facts["n_judged"], 1))
        st.warning(t(_key(study, "note.small"), n=facts["n_judged"], error=f"{error:.0f}", least=proxy.SMALL_HELD),
                   icon=":material/warning:")  # fmt: skip
    if facts["winner"]:
        won = facts["winner"]
        low, high = sorted((won["low"], won["high"]), key=lambda value: -value if kind == LM else value)
        st.markdown(t(_key(study, "note.size"), best=f"{facts['best']:,}", within=f"{facts['within']:,}",
                      n_choice=f"{facts['n_choice']:,}", n_report=f"{facts['n_report']:,}",
                      value=number(kind, won["value"]), low=number(kind, low), high=number(kind, high),
                      n=f"{facts['n_rows']:,}", full=number(kind, won["full"])))  # fmt: skip


def _chart(study: Study) -> None:
    facts, kind = study.facts, study.facts["kind"]
    names = {name: t(f"proof.chart.{name}") for name in ("x", "selection", "mean", "own", "best", "within")}
    names |= {"y": t(_key(study, "chart.y")), "band": t("proof.chart.band", n=proof.OTHER_DRAWS)}
    points = [_point(row, kind) for row in study.curve.to_dict("records")]
    figure = size_chart(points, own=int(study.selection["size"]), best=int(facts["best"]),
                        within=int(facts["within"]), unit=" %" if kind == HEAD else "", words=names)  # fmt: skip
    st.plotly_chart(figure, width="stretch", config={"displayModeBar": False}, key="proof_chart")
    st.caption(t("proof.chart.about", n=proof.OTHER_DRAWS))


def _point(row: Mapping[str, Any], kind: str) -> dict[str, Any]:
    factor = {LM: -1 / math.log(2), HEAD: 100}.get(kind, 1)
    point: dict[str, Any] = {name: factor * float(row[name]) for name in ("value", "low", "high", "draws_mean",
                                                                          "draws_low", "draws_high")}  # fmt: skip
    if kind == LM:  # turned round, so the ends change places
        point |= {"low": point["high"], "high": point["low"], "draws_low": point["draws_high"],
                  "draws_high": point["draws_low"]}  # fmt: skip
    low, high = ("high", "low") if kind == LM else ("low", "high")
    point["hover"] = t("proof.chart.hover", size=f"{int(row['size']):,}", value=number(kind, row["value"]),
                       low=number(kind, row[low]), high=number(kind, row[high]), mean=number(kind, row["draws_mean"]),
                       n=int(row["n_draws"]), least=number(kind, row[f"draws_{low}"]),
                       most=number(kind, row[f"draws_{high}"]))  # fmt: skip
    return point | {"size": int(row["size"])}


def _table(study: Study) -> None:
    kind, rows = study.facts["kind"], study.arms.to_dict("records")
    is_random = [row["arm"] == "random" for row in rows]
    by_label, wide = {}, st.column_config.Column
    if kind not in (HEAD, LM):
        by_label = {t(_key(study, "table.macro")): [number(kind, row["macro"]) for row in rows]}
    st.dataframe(
        {
            t("proof.table.arm"): [_arm(row) for row in rows],
            t("proof.table.size"): [int(row["size"]) for row in rows],
            t(_key(study, "table.value")): [number(kind, row["value"]) for row in rows],
            **by_label,
            t(_key(study, "table.difference")): ["–" if is_it else against(kind, row)
                                          for row, is_it in zip(rows, is_random, strict=True)],
            t("proof.table.lower"): ["–" if row["n_runs"] > 1 else f"{int(row['n_lower'])} / {int(row['n_draws'])}"
                                     for row in rows],
            t("proof.table.characters"): [round(row["characters"]) for row in rows],
        },
        hide_index=True, width="stretch",
        column_config={t("proof.table.arm"): wide(width=205), t("proof.table.size"): wide(width=70),
                       t("proof.table.lower"): wide(width=85)} | dict.fromkeys(by_label, wide(width=92)),
    )  # fmt: skip


def _arm(row: Mapping[str, Any]) -> str:
    """What an arm is; of what is random also how often it was drawn."""
    name = t(f"proof.arm.{row['arm']}")
    return t("proof.table.drawn", arm=name, n=int(row["n_runs"])) if int(row["n_runs"]) > 1 else name


def _settings(study: Study) -> None:
    facts = study.facts
    with st.expander(t("proof.settings.title"), icon=":material/tune:"):
        st.markdown(t(_key(study, "settings.facts"), n=f"{facts['n_rows']:,}", held=f"{facts['n_held']:,}",
                      judged=f"{facts['n_judged']:,}", classes=facts["n_classes"], draws=proof.DRAWS,
                      other=proof.OTHER_DRAWS, fits=f"{facts['n_fits']:,}", seconds=facts["seconds"],
                      seed=facts["seed"], encoder=plain(facts.get("encoder") or "–"),
                      time=f"{study.computed_at:%Y-%m-%d %H:%M}"))  # fmt: skip
        weights = t("measure.context.and").join(f"{t(f'select.view.{view}')} {weight} %"
                                                for view, weight in facts["weights"].items() if weight)  # fmt: skip
        st.markdown(t("proof.settings.weights", weights=weights))
        own = {"n": f"{facts['n_rows']:,}", "own": f"{facts['own']:,}"}
        st.markdown(t("proof.note.share", **own, budget=f"{facts['budget']:,}") if facts["is_share"]
                    else t("proof.note.own", **own, budget=f"{facts['budget']:,}"))  # fmt: skip
        for key, values in _remarks(facts):
            st.markdown(t(key, **values))
        st.caption(f"{t(_key(study, 'note.limits'))} {t('proof.note.test')}")


def _remarks(facts: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Words keys with their values: what else a reader must know of the rows and scores."""
    lines: list[tuple[str, dict[str, Any]]] = []
    if facts["kind"] not in (HEAD, LM):
        lines.append((f"proof.note.training_{facts['kind']}", {"n": f"{facts['n_labels']:,}"}))
    if facts["n_labels"] > facts["n_rows"]:
        lines.append(("proof.note.sampled", {"n": f"{facts['n_rows']:,}", "all": f"{facts['n_labels']:,}"}))
    if facts.get("n_leaks"):
        lines.append(("proof.note.leaks", {"n": facts["n_leaks"]}))
    if facts["judged"] != "held":
        lines.append(("proof.note.learned", {"n": facts["n_judged"]}))
    if facts["n_allowed"] < facts["n_rows"]:
        out = facts["n_rows"] - facts["n_allowed"]
        lines.append(("proof.note.allowed", {"n": f"{facts['n_rows']:,}", "allowed": f"{facts['n_allowed']:,}",
                                             "out": f"{out:,}"}))  # fmt: skip
    if facts["has_limits"]:
        lines.append(("proof.note.bound", {}))
    if facts["is_predicted"]:
        lines.append(("proof.note.predicted", {}))
    if facts["n_names"] > facts["n_classes"]:
        lines.append(("proof.note.names", {"n": facts["n_classes"], "all": f"{facts['n_names']:,}"}))
    if facts["again"]:
        lines.append(("proof.note.again", {"views": ", ".join(t(f"select.view.{view}") for view in facts["again"])}))
    for reason in ("round", "pool", "label"):
        names = [t(by_name(name).title) for name, why in facts["left_out"].items() if why == reason]
        if names:
            lines.append((f"proof.note.left_out_{reason}", {"names": ", ".join(names)}))
    return lines
