"""Winnow's router and frame: pages in the order of the work, the corpus picker, notices."""

import logging

import streamlit as st

from pages._ui import frame
from pages._ui.words import t

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
st.set_page_config(page_title="Winnow", page_icon=":material/filter_alt:", layout="wide")

SECTIONS = {
    "": (("home", ":material/home:"),),
    "data": (("upload", ":material/upload_file:"), ("explore", ":material/scatter_plot:")),
    "choose": (("select", ":material/tune:"), ("annotate", ":material/edit_note:")),
    "learn": (("train", ":material/model_training:"), ("loop", ":material/autorenew:")),
    "work": (("runs", ":material/pending_actions:"),),
}

page = st.navigation(
    {
        t(f"frame.nav.{section}") if section else "": [
            st.Page(f"pages/{name}.py", title=t(f"frame.nav.{name}"), icon=icon, url_path=name, default=name == "home")
            for name, icon in entries
        ]
        for section, entries in SECTIONS.items()
    }
)
opened = frame.studio()
frame.sidebar(opened)
frame.show_notices(opened)
page.run()
