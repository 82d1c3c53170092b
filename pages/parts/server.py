"""The dashboard's server: `streamlit run pages/parts/server.py`. Runs dashboard.py, and reads what its first screen shows while the browser loads."""

import gc
import logging
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def _beginning(_app: st.App) -> AsyncIterator[None]:
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").addFilter(_is_of_a_script)
    threading.Thread(target=_read_first, name="first", daemon=True).start()
    yield


def _is_of_a_script(record: logging.LogRecord) -> bool:
    return record.threadName != "first"  # what is read there has no page to show a spinner on, and Streamlit warns of that


def _read_first() -> None:
    try:
        from pages.parts import sidebar  # a second of imports, for which the port need not wait

        sidebar.read_first()
    finally:
        gc.enable()


class _Preload:
    """Has the browser fetch Plotly, 5 MB of script, as it gets the page: by itself it asks for it when the first chart comes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        chunk = next((Path(st.__file__).parent / "static/static/js").glob("PlotlyChart.*.js"), None)
        self.link = f"<static/js/{chunk.name}>; rel=modulepreload".encode() if chunk else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start" and self.link:
                headers = [*message.get("headers", ())]
                is_page = any(name == b"content-type" and kind.startswith(b"text/html") for name, kind in headers)
                message = message | {"headers": [*headers, (b"link", self.link)]} if is_page else message
            await send(message)

        await self.app(scope, receive, told)


gc.disable()  # until the first screen is read: imports leave no garbage, and to look for it takes a tenth of them
PagesManager.uses_pages_directory = False  # as pages/parts has it too, which here is imported beside a first request and not within it
sys.path.insert(0, str(ROOT))
app = st.App(ROOT / "dashboard.py", lifespan=_beginning, middleware=[Middleware(_Preload)])
