"""What the screens share. Every page imports it, and with it the guard below."""

import streamlit as st
from streamlit import runtime
from streamlit.runtime.pages_manager import PagesManager

# A folder called `pages` beside the entry script makes Streamlit run a deep link's page alone, without dashboard.py, when that is
# the first request after a start; no setting prevents it. The name is internal, but streamlit is pinned and tests/e2e watch it.
if PagesManager.uses_pages_directory and runtime.exists():
    PagesManager.uses_pages_directory = False
    st.rerun()
