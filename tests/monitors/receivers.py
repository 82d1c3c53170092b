"""Servers that receive messages: one that answers as it is told to, and one that takes mail."""

import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Received:
    """What came to a web server. `answers`: what it answers, one each; then 200. 0 is to hang until the test is over."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def web(*answers: int, tls: ssl.SSLContext | None = None) -> Iterator[Received]:
    """A web server on a free port of this machine."""
    received = Received(answers=list(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.paths.append(self.path)
            received.bodies.append(json.loads(body))
            received.headers.append(dict(self.headers))
            answer = received.answers.pop(0) if received.answers else 200
            if answer == 0:
                received.over.wait(60)
                return
            self.send_response(answer)
            if 300 <= answer < 400:
                self.send_header("Location", received.url + "elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")  # as Slack says it

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    received.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        received.over.set()
        server.shutdown()
        server.server_close()


@contextmanager
def internet(folder: Path, *hosts: str) -> Iterator[tuple[Received, dict[str, str]]]:
    """These hosts, played by a server of this machine: a proxy leads every tunnel to it, and its certificate is one that we trust.

    Gives what came, and the environment in which `requests` goes through the proxy.
    """
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ",".join(f"DNS:{host}" for host in hosts)
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={names}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with web(tls=context) as received:
        target = ("127.0.0.1", int(received.url.rsplit(":", 1)[1].strip("/")))

        class Proxy(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass  # CONNECT host:443, and headers
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                with socket.create_connection(target) as there:
                    ways = ((self.connection, there), (there, self.connection))
                    pumps = [threading.Thread(target=_pump, args=way, daemon=True) for way in ways]
                    for pump in pumps:
                        pump.start()
                    for pump in pumps:
                        pump.join(30)

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as proxy:
            proxy.daemon_threads = True
            threading.Thread(target=proxy.serve_forever, daemon=True).start()
            there = f"http://127.0.0.1:{proxy.server_address[1]}"
            yield received, {"HTTPS_PROXY": there, "https_proxy": there, "NO_PROXY": "", "no_proxy": "", "REQUESTS_CA_BUNDLE": str(certificate)}
            proxy.shutdown()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


class Mailbox:
    """What came to a mail server; `login` is what was said to log in."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def mail() -> Iterator[tuple[Mailbox, int]]:
    """A mail server on a free port of this machine, and what comes to it."""
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
