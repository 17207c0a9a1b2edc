"""The stylesheet of every page: what the theme file cannot say about space, sizes, contrast and small screens."""

from __future__ import annotations

import streamlit as st

# Contrast: captions at 0.6 of the text colour reach 4.2 on the light page, at 0.7 they reach 5.8 (4.5 are needed).
# White on the dark page's primary colour reaches 1.9, the dark ink below 8.7; `light-dark` follows `color-scheme`,
# which Streamlit sets with the theme a person chose, not with the operating system's.
_CSS = """
.st-key-look { display: none; }
.stApp .stMainBlockContainer { padding: 2rem 3rem 5rem; }
.stApp:has([data-testid="stSidebar"][aria-expanded="false"]) .stMainBlockContainer { padding-top: 4rem; }
.stApp .stHeading h1, .stApp .stMain .stHeading h2 { font-size: 1.8rem; padding: 0.15rem 0 0.4rem; }
.stApp .stMain .stHeading h3 { font-size: 1.25rem; padding: 0.35rem 0 0.4rem; }
.stApp [data-testid="stMetricValue"] { font-size: 1.75rem; }
.stApp [data-testid="stMetricLabel"] p { white-space: normal; }
.stApp [data-testid="stCaptionContainer"] { opacity: 1; color: color-mix(in srgb, currentColor 70%, transparent); }
.stApp [data-testid="stCaptionContainer"] p { color: inherit; }
.stApp :is([data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primaryFormSubmit"]):not(:disabled) {
    color: light-dark(#ffffff, #06251f);
}
.stApp .stMultiSelect:not(:has(input:disabled)) [data-tag] :is(span, button, svg),
.stApp .stMultiSelect:not(:has(input:disabled)) [data-tag] { color: light-dark(#ffffff, #06251f); }
.stApp :is(button, a, summary):focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
[data-testid="stSidebarHeader"] > :first-child { display: flex; align-items: center; }
[data-testid="stSidebarHeader"] > :first-child::after {
    content: "Winnow"; margin-left: 0.6rem; font-size: 1.15rem; font-weight: 650; color: inherit; text-decoration: none;
}
[data-testid="stSidebarUserContent"] [data-testid="stCaptionContainer"] { font-size: 0.8rem; }
[data-testid="stSidebarUserContent"] .stVerticalBlock { gap: 0.35rem; }
[data-testid="stSidebarUserContent"] hr { margin: 0.6rem 0; }
[data-testid="stSidebarUserContent"] .st-key-s-box { margin-bottom: 0.6rem; }
@media (max-width: 640px) {
    .stApp .stMainBlockContainer,
    .stApp:has([data-testid="stSidebar"][aria-expanded="false"]) .stMainBlockContainer { padding: 3.9rem 1rem 4rem; }
    .stApp .stHeading h1, .stApp .stMain .stHeading h2 { font-size: 1.5rem; }
    [data-testid="stSidebarUserContent"] a { min-height: 2.6rem; }
    .stApp .stMain .stHeading h3 { font-size: 1.15rem; }
    [class*="st-key-pairs"] .stHorizontalBlock > .stColumn { min-width: calc(50% - 1rem); flex: 1 1 calc(50% - 1rem); }
    [class*="st-key-pairs"] .stHorizontalBlock { gap: 0.6rem; }
}
"""
_sheet = st.components.v2.component("winnow.look", html="<i></i>", css=_CSS, isolate_styles=False)


def apply() -> None:
    """Put the stylesheet on the page; it takes no room of its own."""
    with st.container(key="look"):
        _sheet(key="look_sheet")
