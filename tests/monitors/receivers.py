"""Servers that receive messages: one that answers as it is told to, and one that takes mail."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Received:
    """What came to a web server. `answers`: what it answers, one each; then 200. 0 is to hang until the test is over."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def web(*answers: int) -> Iterator[Received]:
    """A web server on a free port of this machine."""
    received = Received(answers=list(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.bodies.append(json.loads(body))
            received.headers.append(dict(self.headers))
            answer = received.answers.pop(0) if received.answers else 200
            if answer == 0:
                received.over.wait(60)
                return
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", received.url + "elsewhere")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        received.over.set()
        server.shutdown()
        server.server_close()


class Mailbox:
    """What came to a mail server; `login` is what was said to log in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 OK"


@contextmanager
def mail() -> Iterator[tuple[Mailbox, int]]:
    """A mail server on a free port of this machine, and what comes to it."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()
