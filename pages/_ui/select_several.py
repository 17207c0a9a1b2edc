"""Several values of one thing to choose, kept in the URL; shared by the parts of the Select page's controls."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st


def several(label: str, key: str, shown: Mapping[str, str], *, placeholder: str = "", help_text: str = "") -> list[str]:
    """A box of values whose choice (not its shown names) is a URL parameter given once per value.

    Args:
        label: already in the page's language.
        key: name of the URL parameter.
        shown: value -> how it is shown.
        placeholder: what stands there when nothing is chosen.
        help_text: behind the question mark.
    """
    chosen = [value for value in st.query_params.get_all(key) if value in shown]
    st.session_state[f"{key}.box"] = chosen
    st.multiselect(label, list(shown), format_func=lambda value: shown.get(value, value), key=f"{key}.box",
                   on_change=_chosen, args=(key,), placeholder=placeholder, help=help_text or None)  # fmt: skip
    return chosen


def _chosen(key: str) -> None:
    values = st.session_state[f"{key}.box"]
    if values:
        st.query_params[key] = list(values)
    else:
        st.query_params.pop(key, None)
