"""Group attributes of a new corpus: columns as they are, and groups made by rule, with counts on the sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame, upload_shape
from pages._ui.words import plain, t
from studio.corpus import lexicons
from studio.corpus.derived import KINDS, PERIODS, Derived, band_names, is_day_first, proposals, quantile_edges
from studio.corpus.derived import number as as_number
from studio.corpus.preview import Preview
from studio.corpus.roles import Roles
from studio.corpus.shapes.sample import Sample
from studio.errors import CorpusError

_MADE = "upload.derived"
_VALUES_SHOWN = 8
_TEXT = ""


def made(key: str, start: Sequence[Derived] = ()) -> list[Derived]:
    """The groups by rule of this file, kept between reruns; begins with those of an applied mapping."""
    kept: dict[str, list[Derived]] = st.session_state.setdefault(_MADE, {})
    return kept.setdefault(key, list(start))


def pick(seen: Preview, guess: Roles, key: str) -> tuple[tuple[str, ...], tuple[Derived, ...]]:
    """Columns that are groups, and groups made by rule."""
    names = list(seen.names)
    rules = made(key, guess.derived)
    columns = st.multiselect(t("upload.groups"), names, default=[name for name in guess.groups if name in names],
                             key=f"groups_{key}", format_func=upload_shape.option, placeholder=t("upload.groups_none"),
                             help=t("upload.groups_help"))  # fmt: skip
    with st.expander(t("shape.groups.more"), icon=":material/category:"):
        st.caption(t("shape.groups.about"))
        _suggested(seen, guess, rules, columns, key)
        _new(seen, rules, key)
    for number, rule in enumerate(list(rules)):
        place = st.container(horizontal=True, vertical_alignment="center")
        place.text(_describe(rule))
        place.button(t("shape.groups.remove"), key=f"derived_{key}_{number}", icon=":material/close:", type="tertiary",
                     on_click=rules.remove, args=(rule,))  # fmt: skip
    return tuple(columns), tuple(rules)


def show_counts(groups: Mapping[str, Mapping[str | None, int]], rules: Sequence[Derived]) -> None:
    """How the sample falls into each group: bands and periods in order, other values the largest first."""
    rows, ordered = [], list(groups)[len(groups) - len(rules) :]
    order = {name: _place(rule) for name, rule in zip(ordered, rules, strict=True)}
    for name, counts in groups.items():
        listed = sorted(((value, n) for value, n in counts.items() if value is not None), key=lambda item: -item[1])
        if name in order:
            listed.sort(key=order[name])
        shown = " · ".join(f"{plain_text(value)} {n:,}" for value, n in listed[:_VALUES_SHOWN])
        if len(listed) > _VALUES_SHOWN:
            shown += " · " + t("shape.groups.others", n=len(listed) - _VALUES_SHOWN)
        rows.append({t("shape.groups.group"): name, t("shape.groups.values"): shown or "–",
                     t("shape.groups.missing"): counts.get(None, 0)})  # fmt: skip
    if rows:
        st.caption(t("shape.groups.on_sample"))
        st.dataframe(rows, hide_index=True)


def _place(rule: Derived) -> Callable[[tuple[str, int]], Any]:
    """How the values of a rule are ordered: bands as they rise, periods in time, others by size."""
    if rule.kind == "bands":
        names = band_names(rule.edges, rule.language)
        return lambda item: names.index(item[0])
    return (lambda item: item[0]) if rule.kind == "period" else (lambda item: -item[1])


def plain_text(value: str) -> str:
    """A group value for a table cell, which shows literal characters."""
    return value if len(value) <= 40 else value[:39] + "…"


def _describe(rule: Derived) -> str:
    what = {
        "bands": ", ".join(f"{edge:g}" for edge in rule.edges),
        "terms": t(f"shape.lexicon.{rule.lexicon}") if rule.lexicon else "",
        "pattern": rule.pattern,
        "period": t(f"shape.period.{rule.period}"),
    }[rule.kind]
    return t("shape.groups.rule", name=rule.name, kind=t(f"shape.kind.{rule.kind}"), what=what,
             column=rule.column or t("shape.groups.text"))  # fmt: skip


def _suggested(seen: Preview, guess: Roles, rules: list[Derived], groups: Sequence[str], key: str) -> None:
    sample = Sample(seen.names, seen.records)
    taken = {*guess.used(), *groups} - {guess.time}
    values = {name: texts for name, texts in sample.values.items() if name not in taken}
    there = {(rule.kind, rule.column) for rule in rules}
    offered = [rule for rule in proposals(values, guess.time, seen.language) if (rule.kind, rule.column) not in there]
    if not offered:
        return
    place = st.container(horizontal=True)
    for number, rule in enumerate(offered[:6]):
        place.button(t("shape.groups.add_named", name=plain(rule.name, 40)), key=f"offer_{key}_{number}",
                     icon=":material/add:", on_click=rules.append, args=(rule,))  # fmt: skip


def _new(seen: Preview, rules: list[Derived], key: str) -> None:
    kinds = {kind: t(f"shape.kind.{kind}") for kind in KINDS}
    kind = st.segmented_control(t("shape.groups.kind"), list(kinds), default="terms", required=True,
                                key=f"kind_{key}", format_func=kinds.__getitem__)  # fmt: skip
    with frame.show_errors():
        rule = {"bands": _bands, "terms": _terms, "pattern": _pattern, "period": _period}[kind or "terms"](seen, key)
        if st.button(t("shape.groups.add"), icon=":material/add:", key=f"add_{key}", disabled=rule is None):
            rule.check(seen.names)
            if any(rule.name == other.name for other in rules):
                raise CorpusError("There is a group of that name already", got=rule.name, fix="Give it another name.")
            rules.append(rule)
            st.rerun()


def _column(seen: Preview, label: str, key: str, *, text: bool) -> str:
    names = [_TEXT, *seen.names] if text else list(seen.names)
    titles = {name: upload_shape.option(name) if name else t("shape.groups.text") for name in names}
    return st.selectbox(label, names, key=key, format_func=titles.__getitem__) or _TEXT


def _name(default: str, key: str) -> str:
    return st.text_input(t("shape.groups.name"), value=default, max_chars=40, key=key)


def _bands(seen: Preview, key: str) -> Derived:
    cells = st.columns(3)
    with cells[0]:
        column = _column(seen, t("shape.groups.column"), f"bands_column_{key}", text=False)
    texts = Sample(seen.names, seen.records).values.get(column, [])
    numbers = [value for text in texts if (value := as_number(text)) is not None]
    start = ", ".join(f"{edge:g}" for edge in quantile_edges(numbers))
    with cells[1]:
        edges = st.text_input(t("shape.groups.edges"), value=start, key=f"edges_{key}_{column}",
                              help=t("shape.groups.edges_help"))  # fmt: skip
    with cells[2]:
        name = _name(t("shape.groups.band_name", column=column)[:40], f"bands_name_{key}_{column}")
    return Derived("bands", name, column, edges=_edges(edges), language=seen.language)


def _edges(text: str) -> tuple[float, ...]:
    parts = [part.strip() for part in text.replace("，", ",").replace(";", ",").split(",") if part.strip()]
    numbers = [as_number(part) for part in parts]
    if any(number is None for number in numbers):
        raise CorpusError("The edges of the bands must be numbers that rise", got=text[:80],
                          fix="Write numbers with commas between them, such as 18, 30, 50.")  # fmt: skip
    return tuple(number for number in numbers if number is not None)


def _terms(seen: Preview, key: str) -> Derived:
    titles = {name: t(f"shape.lexicon.{name}") for name in lexicons.ATTRIBUTES}
    cells = st.columns(3)
    with cells[0]:
        lexicon = st.selectbox(t("shape.groups.lexicon"), list(titles), format_func=titles.__getitem__,
                               key=f"lexicon_{key}", help=t("shape.groups.lexicon_help"))  # fmt: skip
    with cells[1]:
        column = _column(seen, t("shape.groups.in_column"), f"terms_column_{key}", text=True)
    with cells[2]:
        name = _name(t("shape.groups.terms_name", what=titles[lexicon])[:40], f"terms_name_{key}_{lexicon}")
    language = "zh" if seen.language == "zh" else "en"
    listed = lexicons.terms_of(lexicon, language)
    st.caption(t("shape.groups.terms_are"))
    st.text("\n".join(f"{value}: {', '.join(terms)}" for value, terms in listed.items()))
    return Derived("terms", name, column, lexicon=lexicon, language=language)


def _pattern(seen: Preview, key: str) -> Derived | None:
    cells = st.columns(3)
    with cells[0]:
        pattern = st.text_input(t("shape.groups.pattern"), key=f"pattern_{key}", max_chars=500,
                                help=t("shape.groups.pattern_help"), placeholder=r"refund|退款")  # fmt: skip
    with cells[1]:
        column = _column(seen, t("shape.groups.in_column"), f"pattern_column_{key}", text=True)
    with cells[2]:
        name = _name(t("shape.groups.pattern_name"), f"pattern_name_{key}")
    if not pattern:
        return None
    return Derived("pattern", name, column, pattern=pattern, language="zh" if seen.language == "zh" else "en")


def _period(seen: Preview, key: str) -> Derived:
    titles = {period: t(f"shape.period.{period}") for period in PERIODS}
    cells = st.columns(3)
    with cells[0]:
        column = _column(seen, t("shape.groups.column"), f"period_column_{key}", text=False)
    with cells[1]:
        period = st.selectbox(t("shape.groups.period"), list(titles), format_func=titles.__getitem__,
                              key=f"period_{key}")  # fmt: skip
    with cells[2]:
        name = _name(titles[period], f"period_name_{key}_{period}")
    texts = Sample(seen.names, seen.records).values.get(column, [])
    day_first = st.checkbox(t("shape.groups.day_first"), value=is_day_first(texts), key=f"day_first_{key}_{column}")
    return Derived("period", name, column, period=period, day_first=day_first)
