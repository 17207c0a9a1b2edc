"""An example as a chat template renders it: special tokens visible, what the model learns marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages._ui import frame
from pages._ui.words import t
from studio.corpus.writing import ExportPlan
from studio.workflows import export_chat
from studio.workflows.corpora_export import Chosen
from studio.workflows.studio import Studio

_HTML = '<div class="chat" tabindex="0" role="article"></div>'
_CSS = """
.chat {
    box-sizing: border-box; width: 100%; max-height: 22rem; overflow: auto; padding: 0.8rem 1rem;
    border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
    background: var(--st-secondary-background-color); color: var(--st-text-color);
    font-family: var(--st-code-font); font-size: 0.85rem; line-height: 1.65;
    white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext;
}
.chat:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.chat .learnt {
    background: color-mix(in srgb, var(--st-primary-color) 20%, transparent);
    border-bottom: 2px solid var(--st-primary-color);
}
.chat .special { color: color-mix(in srgb, var(--st-text-color) 55%, transparent); font-weight: 600; }
"""
# textContent is never parsed, so whatever a text says stays text.
_JS = """
export default function (component) {
    const { data, parentElement } = component;
    const box = parentElement.querySelector('.chat');
    box.replaceChildren(...data.parts.map((part) => {
        const piece = document.createElement('span');
        piece.textContent = part.text;
        if (part.learnt) { piece.classList.add('learnt'); }
        if (part.special) { piece.classList.add('special'); }
        return piece;
    }));
    box.setAttribute('aria-label', data.label);
}
"""
_pane = st.components.v2.component("winnow.chat_pane", html=_HTML, css=_CSS, js=_JS)


def pane(parts: Sequence[Mapping[str, Any]], label: str, key: str) -> None:
    """Text parts as literal characters; `learnt` ones are marked, `special` ones are dimmed."""
    _pane(data={"parts": [dict(part) for part in parts], "label": label}, key=key)


def is_open(box: Any) -> bool:
    """True while the expander is open: a closed one renders nothing."""
    return bool(box.open)


def show(opened: Studio, chosen: Chosen, plan: ExportPlan) -> None:
    """The expander with the rendered conversation; nothing where the task cannot be shown as one."""
    if not export_chat.can_talk(chosen.snapshot.task):
        return
    box = st.expander(t("export.chat"), icon=":material/forum:", key="export.chat", on_change="rerun")
    if not is_open(box):
        return
    with box, frame.show_errors():
        st.caption(t("export.chat_help"))
        talks = export_chat.conversations(opened, chosen, plan)
        if not talks:
            st.info(t("export.chat_none"), icon=":material/info:")
            return
        names = export_chat.templates(opened)
        places = st.columns([2, 1])
        template = frame.url_select(places[0], t("export.chat_template"), list(names), "chat",
                                    format_func=names.__getitem__)  # fmt: skip
        number = places[1].number_input(t("export.chat_example"), 1, len(talks), key="export.chat_example")
        shown = export_chat.show(opened, template=template, messages=talks[int(number) - 1])
        pane(shown.parts, t("export.chat"), "export.chat_pane")
        if shown.n_learnt is None:
            st.caption(f"{t('export.chat_no_mask')}")
        else:
            st.caption(t("export.chat_counts", n=shown.n_characters, learnt=shown.n_learnt))
        if shown.n_tokens is not None:
            st.caption(t("export.chat_tokens", n=shown.n_tokens, learnt=shown.n_learnt_tokens or 0))
