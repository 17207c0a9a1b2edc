"""The reading pane: one text in large type, as literal characters, and the keyboard manners of the desk.

Streamlit's own text element has no size, line length or script of its own. The component sets `textContent`, which
the browser never parses, so hostile text stays text. Its script also shows a text only when the keys that belong to it
work, lets a held key label once, and moves the focus between the desk and its text fields.
"""

from __future__ import annotations

import streamlit as st

_HTML = '<div class="text" tabindex="0" role="article"></div>'
_CSS = """
.text {
    box-sizing: border-box; width: 100%; height: var(--pane); overflow: auto; padding: 1.1rem 1.4rem;
    border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
    background: var(--st-secondary-background-color); color: var(--st-text-color); font-family: var(--st-font);
    white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; line-height: 1.6; --pane: 19rem;
}
.text:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
.text:lang(zh) { line-height: 1.85; line-break: strict; }
.text.waiting { color: color-mix(in srgb, var(--st-text-color) 35%, transparent); }
.text.early { animation: early 0.5s ease-out; }
@keyframes early { from { border-color: var(--st-primary-color); box-shadow: 0 0 0 3px var(--st-primary-color); } }
@media (max-width: 640px) { .text { --pane: 13.5rem; padding: 0.8rem 1rem; } }
"""
_JS = """
const KEY = Symbol.for('winnow.desk');

export default function (component) {
    const { data, parentElement } = component;
    const box = parentElement.querySelector('.text');
    window[KEY]?.stop();
    const state = { ready: false, stopped: false };

    const isField = (el) => el && (el.isContentEditable || el.tagName === 'TEXTAREA' || el.tagName === 'SELECT' ||
        (el.tagName === 'INPUT' && !['checkbox', 'radio', 'range', 'button'].includes(el.type)));
    const focusIn = (place) => {
        const field = document.querySelector('.st-key-' + place + ' input, .st-key-' + place + ' textarea');
        if (field) { field.focus(); }
        return Boolean(field);
    };

    // The text shows once the buttons that belong to it are in place, so a key never labels an unseen text.
    const isLive = () => document.querySelector('[class*="' + data.token + '"] :is(button, input)');
    const reveal = () => {
        if (state.stopped) { return; }
        const wide = /[\\u2e80-\\u9fff\\uac00-\\ud7af\\uf900-\\ufaff]/.test(data.text) ? 2 : 1;
        const length = data.text.length * wide;
        const base = length <= 90 ? 1.7 : length <= 500 ? 1.35 : 1.15;
        if (box.dataset.token !== data.token) {
            box.textContent = data.text;
            box.scrollTop = 0;
        }
        box.style.fontSize = (base * data.scale) + 'rem';
        box.lang = data.lang;
        box.setAttribute('aria-label', data.label);
        box.dataset.token = data.token;
        box.classList.remove('waiting');
        state.ready = true;
        if (data.focus) { focusIn(data.focus); }
    };
    const began = performance.now();
    const look = () => {
        if (state.stopped) { return; }
        if (isLive() || performance.now() - began > 3000) { setTimeout(reveal, 20); } else { setTimeout(look, 10); }
    };
    if (box.dataset.token === data.token) {
        reveal();
    } else {
        box.classList.add('waiting');
        look();
    }

    // Keys press the button themselves: Streamlit binds its own shortcuts a moment after a button is drawn, and a key
    // in that moment would be lost. A button of another showing than the one being read is never pressed.
    const STEADY = '.st-key-desk_undo button, .st-key-desk_redo button';
    const isOurs = (button) => button.matches(STEADY) || button.closest('[class*="' + data.token + '"]') !== null;
    const buttonOf = (key) => [...document.querySelectorAll('.st-key-desk_labels button, .st-key-desk_acts button')]
        .find((b) => !b.disabled && isOurs(b) && b.querySelector('[aria-label="Shortcut ' + key.toUpperCase() + '"]'));
    const tooEarly = () => {
        box.classList.remove('early');
        void box.offsetWidth;
        box.classList.add('early');
    };

    const swallow = (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
    };
    const onKey = (event) => {
        const field = event.composedPath()[0];
        if (isField(field)) {
            const inNote = field.closest && field.closest('.st-key-desk_note');
            if (inNote && (event.key === 'Enter' || event.key === 'Escape') && !event.isComposing) {
                setTimeout(() => field.blur(), 0);
            }
            return;
        }
        if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) { return; }
        const place = { n: 'desk_note', f: 'desk_pick' }[event.key.toLowerCase()];
        if (event.repeat || (place && focusIn(place))) {
            swallow(event);
            return;
        }
        if (!/^[a-z0-9]$/i.test(event.key)) { return; }
        const button = state.ready ? buttonOf(event.key) : null;
        swallow(event);
        if (button) { button.click(); } else { tooEarly(); }
    };
    const onClick = (event) => {
        const button = event.target.closest && event.target.closest('.st-key-desk_labels button');
        if (button && !(state.ready && isOurs(button))) {
            swallow(event);
            tooEarly();
        }
    };
    window.addEventListener('keydown', onKey, true);
    window.addEventListener('click', onClick, true);
    state.stop = () => {
        state.stopped = true;
        window.removeEventListener('keydown', onKey, true);
        window.removeEventListener('click', onClick, true);
    };
    window[KEY] = state;
    return state.stop;
}
"""
_reading_pane = st.components.v2.component("winnow.reading_pane", html=_HTML, css=_CSS, js=_JS)


def show(text: str, *, token: str, language: str, label: str, scale: float = 1.0, focus: str = "") -> None:
    """One text as literal characters.

    Args:
        text: corpus text, never parsed.
        token: what the keys of this showing's buttons contain; the text waits until one of them is on the page.
        language: en, zh or empty; chooses line breaking and line height.
        label: what a screen reader calls the pane.
        scale: type size, 1 = normal.
        focus: key of a field that should take the focus after this text appears; empty for none.
    """
    data = {"text": text, "token": token, "lang": language, "label": label, "scale": scale, "focus": focus}
    _reading_pane(data=data, key="desk_text")
