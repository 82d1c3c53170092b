"""Sending one message through one channel: our own JSON to a webhook, all else by Apprise. Secrets come from the environment, and stay there."""

import http.client
import json
import logging
import os
import re
import ssl
import threading
import traceback
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote

TIMEOUT = 10.0  # seconds, of each step: to connect, to read
DEADLINE = 15.0  # seconds, of the whole: a server that sends a byte now and then must not hold up a run
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
HIDDEN = "•••"


class Channel(Protocol):
    """What has to be known of a channel; `monitors.channels.Channel` has it."""

    @property
    def kind(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def url_env(self) -> str: ...
    @property
    def headers(self) -> dict[str, str]: ...
    @property
    def smtp(self) -> str: ...
    @property
    def security(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def password_env(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def to(self) -> tuple[str, ...]: ...
    @property
    def variables(self) -> tuple[str, ...]: ...


class NotSent(Exception):
    """Why a message did not go, in one sentence that may be shown. `soon`: whether it is worth another try within seconds."""

    def __init__(self, sentence: str, *, soon: bool = False) -> None:
        super().__init__(sentence)
        self.soon = soon


def send(channel: Channel, body: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
    """Send a message, within `DEADLINE`.

    Parameters
    ----------
    body : the JSON of a `Message`: key, subject, text, markdown, severity and all else.
    environment : where the secrets are; that of the process unless given.

    Raises
    ------
    NotSent : in one sentence, without any secret.
    """
    known = os.environ if environment is None else environment
    if missing := unset(channel, known):
        raise NotSent(f"The environment variable {missing[0]} is not set where Vigia runs.")
    secrets = {name: known[name] for name in channel.variables}
    url = secrets[channel.url_env] if channel.url_env else _filled_url(channel.url, secrets)
    caught: list[BaseException] = []

    def act() -> None:
        try:
            _send(channel, url, body, secrets)
        except BaseException as error:
            caught.append(error)

    worker = threading.Thread(target=act, daemon=True, name="vigia-send")
    worker.start()
    worker.join(DEADLINE)
    if worker.is_alive():
        raise NotSent(f"No answer within {DEADLINE:.0f} seconds.")
    if caught and isinstance(caught[0], NotSent):
        raise NotSent(redacted(str(caught[0]), secrets), soon=caught[0].soon) from None
    if caught:  # a fault of ours, or of a service's module: where it is, but not its words, which may hold a secret
        last = traceback.extract_tb(caught[0].__traceback__)[-1]
        raise NotSent(f"{type(caught[0]).__name__} in {Path(last.filename).name}, line {last.lineno}.") from None


def unset(channel: Channel, environment: Mapping[str, str] | None = None) -> list[str]:
    """The environment variables that it needs and that are not set, or empty."""
    known = os.environ if environment is None else environment
    return [name for name in channel.variables if not known.get(name)]


def _filled(text: str, secrets: Mapping[str, str]) -> str:
    return VARIABLE.sub(lambda found: secrets[found[1]], text)


def _filled_url(url: str, secrets: Mapping[str, str]) -> str:
    """User and password are written so that a URL can hold them, whatever is in them; all else is taken as it is."""
    scheme, divider, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    quoted = {name: quote(value, safe="") for name, value in secrets.items()}
    return _filled(scheme + divider, secrets) + _filled(login, quoted) + at + _filled(place, secrets)


def _send(channel: Channel, url: str, body: Mapping[str, Any], secrets: Mapping[str, str]) -> None:
    if channel.kind == "webhook":
        headers = {name: _filled(value, secrets) for name, value in channel.headers.items()}
        _post(url, body, headers | {"Idempotency-Key": str(body["key"])})
        return
    service = _email(channel, body, secrets) if channel.kind == "email" else _service(url)
    if service is not None:
        _notify(service, body, marked=channel.kind in ("teams", "email"))
    elif channel.kind == "slack" and url.startswith(
        ("https://", "http://")
    ):  # Mattermost, Rocket.Chat and others that take Slack's JSON
        text = f"{body['subject']}\n\n{body['text']}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        _post(url, {"text": text}, {"Idempotency-Key": str(body["key"])})  # escaped: a column may be called <!channel>
    elif channel.kind == "teams" and url.startswith(("https://", "http://")):
        _post(url, _card(body), {"Idempotency-Key": str(body["key"])})
    else:
        raise NotSent("Apprise knows no service by this URL; see its documentation for how the service's URL begins.")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is redirected becomes a GET without a body, whose answer looks like success."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        return None


def _post(url: str, payload: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """POST as JSON; anything but 2xx is a failure."""
    data = json.dumps(payload, ensure_ascii=False).encode()
    own = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Vigia"}
    try:
        request = urllib.request.Request(url, data, {**own, **headers}, method="POST")
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=TIMEOUT):
            return
    except urllib.error.HTTPError as error:
        error.close()
        where = " Write the address that it leads to." if 300 <= error.code < 400 else ""
        raise NotSent(
            f"The server answered {error.code} {error.reason}.{where}", soon=error.code >= 500 or error.code in (408, 425, 429)
        ) from None
    except TimeoutError:
        raise NotSent(f"No answer within {TIMEOUT:.0f} seconds.") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise NotSent(f"No answer within {TIMEOUT:.0f} seconds.") from None
        raise NotSent(f"The server cannot be reached: {_cause(error.reason)}.", soon=True) from None
    except (http.client.InvalidURL, ValueError):  # its text repeats the URL
        raise NotSent("The URL is not one: expected https://host/path.") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotSent(f"The connection broke: {_cause(error)}.", soon=True) from None


def _cause(error: object) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid ({error.verify_message})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if isinstance(error, Exception) else str(error)


def _card(body: Mapping[str, Any]) -> dict[str, Any]:
    """An Adaptive Card, as the workflows of Teams take it."""
    title = {"type": "TextBlock", "text": body["subject"], "weight": "Bolder", "size": "Medium", "wrap": True}
    text = {"type": "TextBlock", "text": body["markdown"], "wrap": True}
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, text],
    }
    return {"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": content}]}


def _apprise() -> Any:
    """Apprise, whose log is ours alone: it could name what is secret. Imported late: it takes half a second."""
    import apprise

    logging.getLogger("apprise").propagate = False
    return apprise


def _service(url: str) -> Any:
    apprise = _apprise()
    memory = apprise.PersistentStoreMode.MEMORY  # nothing of a service is kept in files
    asset = apprise.AppriseAsset(
        app_id="Vigia", app_desc="Vigia", app_url="", async_mode=False, secure_logging=True, storage_mode=memory
    )
    with apprise.LogCapture(level=logging.ERROR):
        return apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)


def _email(channel: Channel, body: Mapping[str, Any], secrets: Mapping[str, str]) -> Any:
    """A mail whose Message-ID is made of the key, so that most mailboxes show one that came twice once."""
    host, _, port = channel.smtp.partition(":")
    schema = "mailto" if channel.security == "none" else "mailtos"
    default = {"none": "25", "starttls": "587", "ssl": "465"}[channel.security]
    login = (
        f"{quote(_filled(channel.user, secrets), safe='')}:{quote(secrets[channel.password_env], safe='')}@"
        if channel.user
        else ""
    )
    mode = {"none": "insecure"}.get(channel.security, channel.security)
    wanted = {"smtp": host, "from": channel.sender, "to": ",".join(channel.to), "mode": mode, "format": "html"}
    wanted |= {"+Message-ID": f"<{body['key']}@vigia>", "+Idempotency-Key": str(body["key"])}
    query = "&".join(f"{quote(name, safe='+')}={quote(value, safe='')}" for name, value in wanted.items())
    service = _service(f"{schema}://{login}{host}:{port or default}/?{query}")
    if service is None:
        raise NotSent("The e-mail settings make no sense: expected addresses like vigia@example.org in `from` and `to`.")
    return service


def _notify(service: Any, body: Mapping[str, Any], *, marked: bool) -> None:
    apprise = _apprise()
    service.socket_connect_timeout = service.socket_read_timeout = TIMEOUT
    kinds = {"critical": apprise.NotifyType.FAILURE, "warning": apprise.NotifyType.WARNING}
    form = apprise.NotifyFormat.MARKDOWN if marked else apprise.NotifyFormat.TEXT
    sender = apprise.Apprise()
    sender.add(service)
    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as log:
        sent = sender.notify(
            body["markdown"] if marked else body["text"],
            title=body["subject"],
            body_format=form,
            notify_type=kinds.get(str(body.get("severity")), apprise.NotifyType.INFO),
        )
        lines = [line.strip() for line in log.getvalue().splitlines() if line.strip()]
    if not sent:
        raise NotSent(f"Apprise could not send it: {lines[-1].rstrip('.') if lines else 'it gave no reason'}.", soon=True)


def holds_secret(url: str) -> bool:
    """Whether Apprise itself would hide a part of this URL: every service has its secrets elsewhere, and it knows where."""
    if not url or VARIABLE.search(url):
        return False
    service = _service(url)
    return service is not None and service.url(privacy=True) != service.url(privacy=False)


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """The text without any of these values, nor any part of one that may be secret by itself."""
    parts = {piece for value in secrets.values() for piece in _pieces(value)}
    for piece in sorted(parts, key=len, reverse=True):
        text = text.replace(piece, HIDDEN)
    return text


def _pieces(value: str) -> list[str]:
    """A value, and if it is a URL its user, password, path and each part of path and query; as written and decoded."""
    pieces = [value]
    if "://" in value:  # taken apart by hand: what is no URL after all has secrets too
        host, slash, path = value.partition("://")[2].partition("/")
        login, at, name = host.rpartition("@")
        pieces += [login, slash + path, *path.split("?")]
        pieces += [part for part in re.split(r"[/?&=:@]", login + at + path) if len(part) >= 6]
        pieces += [name] if "." not in name and len(name) >= 6 else []  # of Apprise, where a token may stand in the host's place
    return [form for piece in pieces if len(piece) >= 3 for form in {piece, unquote(piece), quote(piece, safe="")}]
