"""Limits of a choice: caps and quotas by column, the similarity filter; and why limits leave too few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.select_several import several
from pages._ui.select_words import column_name, key_name
from pages._ui.words import plain, t
from studio.records import Snapshot
from studio.selection.recipe import OWN_FILTER, WEIGHTED
from studio.selection.tightness import Tightness
from studio.workflows import select_limits
from studio.workflows.select import Choice
from studio.workflows.select_scores import ScoreState

TAU, CAP, EVEN = 0.9, 20, 0.5
CLUSTER, SHOWN_GAPS = "cluster", 3


def show(snapshot: Snapshot, state: ScoreState, columns: Iterable[str], budget: int, strategy: str) -> dict[str, Any]:
    """The expander; what it says as fields of a recipe: caps, quotas, targets, tau, missing.

    The similarity filter and what to do about missing scores stand only where the strategy does not have its own.
    """
    names = {name: column_name(name) for name in columns}
    has_own, looks = strategy in OWN_FILTER, strategy in WEIGHTED
    apart = st.query_params.get("apart") == "true" and not has_own
    on = len(_capped(names)) + len(st.query_params.get_all("share")) + apart
    title = t("choose.limits.on", n=on) if on else t("select.limits.title")
    with st.expander(title, icon=":material/block:", key="limits_box"):
        found: dict[str, Any] = {} if has_own else {"tau": similarity(state)}
        caps = _caps(names, budget)
        quotas, targets = _quotas(snapshot, {name: own for name, own in names.items() if name != CLUSTER})
        half = looks and st.checkbox(t("select.limits.missing"), key="half", bind="query-params")
    return found | {"caps": caps, "quotas": quotas, "targets": targets, "missing": "half" if half else "leave_out"}


def similarity(state: ScoreState) -> float | None:
    """The switch and the slider of the similarity filter; None while it is off."""
    if state.around.k is None:
        return None
    if not st.checkbox(t("select.limits.near"), key="apart", bind="query-params",
                       help=t("select.limits.near_help", k=state.around.k)):  # fmt: skip
        return None
    return tau_slider()


def tau_slider() -> float:
    """Above which cosine similarity two examples count as near-duplicates."""
    return st.slider(t("select.limits.tau"), 0.5, 0.99, TAU, 0.01, key="tau", bind="query-params")


def _capped(names: Mapping[str, str]) -> list[str]:
    """Columns with a cap by the URL; links made before several could be named are read as well."""
    old = [column for column, key in ((CLUSTER, "cap_cluster"), (st.query_params.get("cap_column", ""), "cap_group"))
           if key in st.query_params]  # fmt: skip
    return [name for name in dict.fromkeys([*st.query_params.get_all("cap"), *old]) if name in names]


def _caps(names: Mapping[str, str], budget: int) -> dict[str, int]:
    if "cap" not in st.query_params and (old := _capped(names)):
        st.query_params["cap"] = old
    chosen = several(t("choose.limits.caps"), "cap", names, placeholder=t("select.limits.none"),
                     help_text=t("choose.limits.caps_help"))  # fmt: skip
    caps = {}
    for name in chosen:
        # a link of before carries the group's share under the name cap_group
        key = "cap_group" if st.query_params.get("cap_column") == name else f"cap_{name}"
        label = t("choose.limits.cap", column=plain(names[name]))
        share = st.slider(label, 1, 100, CAP, 1, key=key, bind="query-params")
        caps[name] = max(1, budget * share // 100)
    return caps


def _quotas(snapshot: Snapshot, names: Mapping[str, str]) -> tuple[dict[str, float], dict[str, Mapping[str, float]]]:
    quotas: dict[str, float] = {}
    targets: dict[str, Mapping[str, float]] = {}
    if not names:
        return quotas, targets
    chosen = several(t("choose.limits.quotas"), "share", names, placeholder=t("choose.limits.no_quotas"),
                     help_text=t("choose.limits.quotas_help"))  # fmt: skip
    references = select_limits.reference_shares(frame.studio(), snapshot.snapshot_id) if chosen else {}
    for name in chosen:
        column = plain(names[name])
        if name in references and st.checkbox(t("choose.limits.reference", column=column), True, key=f"ref_{name}",
                                              bind="query-params"):  # fmt: skip
            targets[name] = references[name]
            continue
        even = st.slider(t("choose.limits.even", column=column), 0.0, 1.0, EVEN, 0.1, key=f"even_{name}",
                         bind="query-params", help=t("choose.limits.even_help"))  # fmt: skip
        quotas[name] = 1.0 - even
    return quotas, targets


def spread(state: ScoreState, *, is_on: bool) -> dict[str, float]:
    """Quotas for clusters. For the ranking on until a person turns them off: the best scores come from few clusters.

    Off for the other strategies until asked for (0126, 0206): their names differ in links, so neither moves the other.
    """
    if state.around.map_id is None:
        return {}
    key, words = ("even", "select.limits.even_help") if is_on else ("spread", "choose.limits.spread_help")
    if not st.checkbox(t("select.limits.even"), is_on, key=key, bind="query-params", help=t(words)):
        return {}
    even = st.slider(
        t("select.limits.evenness"), 0.0, 1.0, 0.5, 0.1, key="evenness", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    return {"alpha": 1.0 - even}


# --- what the limits come to ------------------------------------------------------------------------------------------
def notes(choice: Choice) -> None:
    """Sentences for a choice that its limits leave too few for, and for targets the pool cannot meet."""
    tight = select_limits.tight(choice)
    if tight is not None:
        st.warning(f"{_least(tight)} {_way_out(tight)}", icon=":material/production_quantity_limits:")
    gaps = select_limits.gaps(choice)
    lines = [t("choose.short.gap", column=plain(column_name(gap.column)), key=plain(key_name(gap.column, gap.key), 60),
               wanted=gap.wanted, has=gap.has) for gap in gaps[:SHOWN_GAPS]]  # fmt: skip
    if len(gaps) > SHOWN_GAPS:
        lines.append(t("choose.short.more_gaps", n=len(gaps) - SHOWN_GAPS))
    if lines:
        st.info("  \n".join(lines), icon=":material/scale:")
    if choice.n_barred:
        st.info(t("choose.short.barred", n=choice.n_barred, pool=choice.n_pool), icon=":material/filter_alt:")


def _least(tight: Tightness) -> str:
    """How many the limits give, and which of them it is."""
    which = t("choose.short.and").join(_limit(name) for name in tight.binding)
    numbers = {"found": tight.found, "budget": tight.budget, "most": tight.most, "which": which}
    if tight.most == tight.found:
        return t("choose.short.at_most", **numbers)
    return t("choose.short.passing_over" if tight.is_exact else "choose.short.perhaps", **numbers)


def _way_out(tight: Tightness) -> str:
    ways = [t("choose.short.raise", limit=_limit(name), n=n) for name, n in sorted(tight.raise_to.items())]
    if tight.raise_all:
        both = (t("choose.short.raise", limit=_limit(name), n=n) for name, n in sorted(tight.raise_all.items()))
        ways.append(t("choose.short.and").join(both))
    wanted = min(tight.budget, tight.usable)
    ways += [t("choose.short.without", limit=_limit(name)) for name, n in tight.without.items()
             if n >= wanted and name not in tight.raise_to]  # fmt: skip
    ways.append(t("choose.short.lower", n=tight.found))
    return t("choose.short.ways", ways=t("choose.short.or").join(ways[:3]))


def _limit(name: str) -> str:
    kind, _, column = name.partition(":")
    return t(f"choose.short.{kind}", column=plain(column_name(column))) if column else t("choose.short.near")
