"""The head of a page: its title, and how to read it."""

from pathlib import Path

import streamlit as st

HELP = Path(__file__).parent / "help"


def heading(title: str, subject: str) -> None:
    """The title, and beside it help/<subject>.md behind a button."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"):
        st.title(title, anchor=False, width="content")
        with st.popover("How to read this", icon=":material/help:", width="content"):
            st.markdown((HELP / f"{subject}.md").read_text(encoding="utf-8"))
