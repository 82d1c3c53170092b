"""The dashboard's server: `streamlit run pages/parts/server.py`. Runs dashboard.py, and reads what its first screen shows while the browser loads."""

import logging
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _beginning(_app: st.App) -> AsyncIterator[None]:
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").addFilter(_is_of_a_script)
    threading.Thread(target=_read_first, name="first", daemon=True).start()
    yield


def _is_of_a_script(record: logging.LogRecord) -> bool:
    return not str(record.threadName).startswith("first")  # what is read there has no page to show a spinner on, and Streamlit warns of that


def _read_first() -> None:
    from pages.parts import sidebar  # a second of imports, for which the port need not wait

    sidebar.read_first()


PagesManager.uses_pages_directory = False  # as pages/parts has it too, which here is imported beside a first request and not within it
sys.path.insert(0, str(ROOT))
app = st.App(ROOT / "dashboard.py", lifespan=_beginning)
