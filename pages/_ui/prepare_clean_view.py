"""Texts before and after with what changed coloured, and the way of the examples through the list, as plain nodes.

Both components make DOM nodes and set their `textContent`, which the browser never parses: hostile text stays text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui.prepare_clean_words import detail_text, reason_name
from pages._ui.words import t
from studio.corpus.cleaning.difference import pieces, visible

_CSS = """
.box { font-family: var(--st-font); color: var(--st-text-color); display: flex; flex-direction: column; gap: 0.6rem; }
.card { border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius); overflow: hidden; }
.head { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; padding: 0.4rem 0.7rem; font-size: 0.85rem;
    background: var(--st-secondary-background-color); }
.head .why { font-weight: 600; }
.head .dim { color: color-mix(in srgb, var(--st-text-color) 72%, transparent); }
.sides { display: grid; grid-template-columns: 1fr 1fr; }
.sides.one { grid-template-columns: 1fr; }
.side { padding: 0.5rem 0.7rem 0.6rem; min-width: 0; }
.side + .side { border-left: 1px solid var(--st-border-color); }
.name { font-size: 0.75rem; color: color-mix(in srgb, var(--st-text-color) 72%, transparent); margin-bottom: 0.15rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; font-size: 0.9rem; line-height: 1.5;
    max-height: 11rem; overflow: auto; }
.out { background: color-mix(in srgb, #e8590c 26%, transparent); text-decoration: line-through;
    text-decoration-color: color-mix(in srgb, var(--st-text-color) 55%, transparent); border-radius: 2px; }
.in { background: color-mix(in srgb, #12968a 30%, transparent); border-radius: 2px; }
@media (max-width: 640px) {
    .sides { grid-template-columns: 1fr; }
    .side + .side { border-left: none; border-top: 1px solid var(--st-border-color); }
}
"""
_JS = """
const make = (kind, text) => {
    const node = document.createElement(kind === 'same' ? 'span' : 'div');
    node.className = kind;
    if (text !== undefined) { node.textContent = text; }
    return node;
};
export default function (component) {
    const { data, parentElement } = component;
    const box = parentElement.querySelector('.box');
    box.replaceChildren();
    for (const item of data.items) {
        const card = make('card');
        const head = make('head');
        for (const [kind, text] of item.head) { head.append(make(kind, text)); }
        card.append(head);
        const sides = make(item.sides.length > 1 ? 'sides' : 'sides one');
        for (const side of item.sides) {
            const place = make('side');
            if (side.name) { place.append(make('name', side.name)); }
            const text = make('text');
            text.tabIndex = 0;
            text.setAttribute('role', 'group');
            text.setAttribute('aria-label', side.name || item.head.map((one) => one[1]).join(' '));
            for (const [kind, stretch] of side.pieces) {
                const node = document.createElement(kind === 'out' ? 'del' : kind === 'in' ? 'ins' : 'span');
                node.className = kind;
                if (kind === 'in') { node.style.textDecoration = 'none'; }
                node.textContent = stretch;
                text.append(node);
            }
            place.append(text);
            sides.append(place);
        }
        card.append(sides);
        box.append(card);
    }
}
"""
_examples = st.components.v2.component("winnow.cleaned_examples", html='<div class="box"></div>', css=_CSS, js=_JS)


def examples(samples: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Examples a step touched: both texts of an edit with the difference coloured; why one was left out or flagged."""
    _examples(data={"items": [_item(sample) for sample in samples]}, key=key)


def _item(sample: Mapping[str, Any]) -> dict[str, Any]:
    head = [["dim", f"#{sample['example_id']}"], ["dim", sample.get("label") or t("clean.unlabelled")]]
    reason = str(sample.get("reason", ""))
    if reason:
        detail = detail_text(reason, str(sample.get("detail", "")))
        head.insert(0, ["why", f"{reason_name(reason)} · {detail}" if detail else reason_name(reason)])
    before = str(sample["before"])
    lead = t("clean.was_cut") if sample.get("is_cut") else ""
    if "after" in sample:
        old, new = pieces(before, str(sample["after"]))
        return {"head": head, "sides": [_side(t("clean.before"), lead, old), _side(t("clean.after"), lead, new)]}
    if "other" in sample:
        old, new = pieces(str(sample["other"]), before)
        return {"head": head, "sides": [_side(reason_name(reason), lead, new, unseen=False),
                                        _side(t("clean.kept_copy"), "", old, unseen=False)]}  # fmt: skip
    return {"head": head, "sides": [{"name": "", "pieces": [["same", lead + before]]}]}


def _side(name: str, lead: str, parts: Sequence[tuple[str, str]], *, unseen: bool = True) -> dict[str, Any]:
    shown = [[kind, text if kind == "same" or not unseen else visible(text)] for kind, text in parts]
    return {"name": name, "pieces": [["same", lead], *shown] if lead else shown}


# --- the way through the list -----------------------------------------------------------------------------------------
_FUNNEL_CSS = """
.way { font-family: var(--st-font); color: var(--st-text-color); display: grid; gap: 0.3rem 0.8rem; font-size: 0.88rem;
    grid-template-columns: minmax(7rem, max-content) minmax(4rem, 1fr) max-content; align-items: center; }
.name { overflow-wrap: anywhere; }
.bar { height: 0.85rem; border-radius: 3px; overflow: hidden; display: flex;
    background: color-mix(in srgb, var(--st-text-color) 8%, transparent); }
.left { background: #12968a; } .gone { background: #e8590c; }
.count { text-align: right; font-variant-numeric: tabular-nums; }
.dim { color: color-mix(in srgb, var(--st-text-color) 65%, transparent); }
@media (max-width: 640px) {
    .way { grid-template-columns: 1fr max-content; }
    .bar { grid-column: 1 / -1; grid-row: auto; order: 0; height: 0.5rem; }
}
"""
_FUNNEL_JS = """
export default function (component) {
    const { data, parentElement } = component;
    const way = parentElement.querySelector('.way');
    way.replaceChildren();
    const narrow = window.matchMedia('(max-width: 640px)').matches;
    for (const row of data.rows) {
        const cell = (kind, text) => {
            const node = document.createElement('div');
            node.className = kind;
            node.textContent = text;
            return node;
        };
        const bar = cell('bar', '');
        const left = cell('left', '');
        left.style.width = (100 * row.left) + '%';
        const gone = cell('gone', '');
        // a loss of a few examples must be seen too
        gone.style.width = row.gone > 0 ? 'max(3px, ' + (100 * row.gone) + '%)' : '0';
        bar.append(left, gone);
        bar.setAttribute('role', 'img');
        bar.setAttribute('aria-label', row.count);
        const name = cell(row.idle ? 'name dim' : 'name', row.name);
        const count = cell(row.idle ? 'count dim' : 'count', row.count);
        way.append(...(narrow ? [name, count, bar] : [name, bar, count]));
    }
}
"""
_funnel = st.components.v2.component(
    "winnow.cleaning_way", html='<div class="way"></div>', css=_FUNNEL_CSS, js=_FUNNEL_JS
)


def funnel(rows: Sequence[tuple[str, int, int, str, bool]], n: int) -> None:
    """How many examples go on after each step.

    Args:
        rows: (name of the step, examples that go on, examples it leaves out, what it did in words, whether it did
            nothing), in order.
        n: examples at the start.
    """
    total = max(1, n)
    items = [{"name": name, "left": left / total, "gone": gone / total, "count": count, "idle": idle}
             for name, left, gone, count, idle in rows]  # fmt: skip
    _funnel(data={"rows": items}, key="clean_way")
