"""Winnow's router and frame: pages in the order of the work, the corpus picker, notices."""

import logging

import streamlit as st

from pages._ui import annotate_together, frame

logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
st.set_page_config(page_title="Winnow", page_icon=frame.ICON, layout="wide")
st.logo(frame.ICON, size="large")

page = frame.navigation()
opened = frame.studio()
frame.sidebar(opened)
with st.container():  # a fragment is known by its place: what comes and goes above must not move it
    frame.show_notices(opened)
if page.url_path != "annotate":
    annotate_together.leave(opened)
page.run()
