"""Sending to real servers on this machine: what arrives, what is said when it does not, and that no secret is ever said."""

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from receivers import internet, mail, web

from data import sending
from data.sending import NotSent, send
from monitors.channels import Channel

BODY = {
    "key": "k1", "subject": "churn: 1 new alert", "text": "New\n- psi of a_b <!channel>\n  http://v/drift?a=1&b=2", "severity": "critical",
    "markdown": "**New**\n\n- psi of a\\_b &lt;i&gt; ([show](http://v/drift?a=1&b=2))",
}  # fmt: skip


def channel(kind: str, **fields: object) -> Channel:
    return Channel.model_validate({"name": "c", "kind": kind, **fields})


def test_a_webhook_gets_our_json_with_its_key_in_body_and_header_and_secrets_filled_in():
    hook = channel("webhook", url_env="HOOK", headers={"Authorization": "Bearer ${TOKEN}"})
    with web() as server:
        send(hook, BODY, {"HOOK": server.url, "TOKEN": "geheim"})
    assert server.bodies == [BODY]
    assert server.headers[0]["Idempotency-Key"] == "k1"
    assert server.headers[0]["Authorization"] == "Bearer geheim"


@pytest.mark.parametrize(("status", "soon"), [(500, True), (503, True), (429, True), (404, False), (401, False), (302, False)])
def test_any_answer_but_2xx_is_a_failure(status: int, soon: bool):
    with web(status) as server, pytest.raises(NotSent, match=f"The server answered {status}") as failed:
        send(channel("webhook", url=server.url), BODY, {})
    assert failed.value.soon == soon
    assert len(server.bodies) == 1  # a redirect is not followed: it would become a GET without a body


def test_a_server_that_hangs_is_left_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "TIMEOUT", 0.3)
    with web(0) as server:
        began = time.monotonic()
        with pytest.raises(NotSent, match="No answer within") as failed:
            send(channel("webhook", url=server.url), BODY, {})
        assert time.monotonic() - began < 5
    assert not failed.value.soon


def test_a_server_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch):
    """A byte now and then keeps every socket's timeout from striking; the deadline of the whole does not mind."""
    import socket
    import threading

    monkeypatch.setattr(sending, "DEADLINE", 0.6)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                for byte in b"HTTP/1.1 200 OK\r\n" + b"x" * 50:
                    if over.wait(0.1):
                        return
                    connection.send(bytes([byte]))

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        with pytest.raises(NotSent, match="No answer within"):
            send(channel("webhook", url=f"http://127.0.0.1:{server.getsockname()[1]}/"), BODY, {})
        assert time.monotonic() - began < 5
        over.set()


def test_a_variable_that_is_not_set_is_named():
    with pytest.raises(NotSent, match="The environment variable HOOK is not set where Vigia runs"):
        send(channel("webhook", url_env="HOOK"), BODY, {})


def test_a_fault_in_the_middle_is_told_without_its_words():
    with pytest.raises(NotSent, match=r"KeyError in sending\.py, line \d+\.$"):
        send(channel("webhook", url="http://127.0.0.1:1/"), {"no": "key"}, {})


def test_nothing_listens():
    with pytest.raises(NotSent, match="cannot be reached: Connection refused") as failed:
        send(channel("webhook", url="http://127.0.0.1:1/"), BODY, {})
    assert failed.value.soon


@pytest.mark.parametrize("url", ["not a url geheim", "http://[geheim", "http://127.0.0.1:geheim/", "http://127.0.0.1/ge heim\x00"])
def test_what_is_no_url_is_refused_without_repeating_it(url: str):
    with pytest.raises(NotSent) as failed:
        send(channel("webhook", url_env="HOOK"), BODY, {"HOOK": url})
    assert "heim" not in str(failed.value)


def test_mail_arrives_as_html_and_text_with_the_key_as_its_message_id():
    with mail() as (box, port):
        settings = {"smtp": f"127.0.0.1:{port}", "security": "none", "from": "vigia@example.org", "to": ["a@example.org", "b@example.org"]}
        send(channel("email", **settings), BODY, {})
    assert [one["To"].addresses[0].addr_spec for one in box.mails] == ["a@example.org", "b@example.org"]
    first = box.mails[0]
    assert first["Subject"] == BODY["subject"]
    assert (first["Message-ID"], first["Idempotency-Key"]) == ("<k1@vigia>", "k1")
    html = first.get_body(("html",)).get_content()
    assert '<a href="http://v/drift?a=1&amp;b=2">show</a>' in html
    assert "a_b &lt;i&gt;" in html  # a name is a name, not markup


def test_a_login_that_the_mail_server_refuses_is_told_without_the_password():
    with mail() as (box, port):
        settings = {"smtp": f"127.0.0.1:{port}", "security": "none", "from": "vigia@example.org", "to": "a@example.org"}
        with pytest.raises(NotSent, match="Apprise could not send it") as failed:
            send(channel("email", **settings, user="me", password_env="PASSWORD"), BODY, {"PASSWORD": "geheim-geheim"})
    assert "geheim" not in str(failed.value)
    assert box.mails == []


def test_slack_and_teams_take_any_server_that_speaks_their_json():
    with web() as server:
        send(channel("slack", url_env="HOOK"), BODY, {"HOOK": server.url})
        send(channel("teams", url_env="HOOK"), BODY, {"HOOK": server.url})
    slack, teams = server.bodies
    assert slack == {"text": "churn: 1 new alert\n\nNew\n- psi of a_b &lt;!channel&gt;\n  http://v/drift?a=1&amp;b=2"}
    assert teams["type"] == "message"
    assert teams["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert BODY["markdown"] in str(teams["attachments"][0]["content"]["body"][1]["text"])


SERVICES = {
    "slack": ("hooks.slack.com", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"),
    "teams": (
        "prod-1.westus.logic.azure.com",
        "https://prod-1.westus.logic.azure.com:443/workflows/643e69f83c8944438d68119179a10a64/triggers/manual/paths/invoke"
        "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu-6Rj8aUKz7108W3wrNJZxFE5A",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", SERVICES)
def test_slack_and_teams_at_their_own_addresses_get_it_from_apprise(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    host, url = SERVICES[kind]
    with internet(tmp_path, host) as (server, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        send(channel(kind, url_env="HOOK"), BODY, {"HOOK": url})
        server.answers[:] = [403]
        with pytest.raises(NotSent, match="Apprise could not send it") as failed:
            send(channel(kind, url_env="HOOK"), BODY, {"HOOK": url})
    secret = url.rstrip("/").rsplit("=" if kind == "teams" else "/", 1)[1]
    assert secret in server.paths[0]
    assert secret not in str(failed.value)
    told = json.dumps(server.bodies[0], ensure_ascii=False)
    assert "churn: 1 new alert" in told
    assert ("psi of a_b &lt;!channel&gt;" in told) if kind == "slack" else ("http://v/drift?a=1&b=2" in told)


def test_any_other_service_goes_by_apprise():
    with web(500) as server:
        url = server.url.replace("http://", "json://user:${PASSWORD}@")
        with pytest.raises(NotSent, match="Apprise could not send it"):
            send(channel("apprise", url=url), BODY, {"PASSWORD": "geheim"})
        send(channel("apprise", url=url), BODY, {"PASSWORD": "geheim"})
    assert [body["title"] for body in server.bodies] == [BODY["subject"]] * 2
    assert server.headers[1]["Authorization"].startswith("Basic ")


def test_a_url_of_no_service_is_refused():
    with pytest.raises(NotSent, match="Apprise knows no service by this URL"):
        send(channel("apprise", url_env="HOOK"), BODY, {"HOOK": "nonsense://geheim"})


@pytest.mark.parametrize("url", [
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "tgram://123456789:abcdefg_hijklmnop/12315544/", "mailto://u:p@example.org",
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
])  # fmt: skip
def test_apprise_knows_where_a_service_has_its_secret(url: str):
    assert sending.holds_secret(url)


def test_a_topic_is_no_secret():
    assert not sending.holds_secret("ntfy://topic")
    assert not sending.holds_secret("json://127.0.0.1/x")
    assert not sending.holds_secret("tgram://${TOKEN}/12315544/")


secret = st.text("abcdefghXYZ0189-_%", min_size=6, max_size=30)


@given(secret, secret, secret)
def test_no_part_of_a_url_survives_in_an_error(user: str, path: str, key: str):
    url = f"https://{user}:{key}@example.org/{path}/end?token={key}"
    text = f"POST {url} failed: /{path}/end, user {user}, token={key}"
    shown = sending.redacted(text, {"HOOK": url})
    for part in (user, path, key):
        assert part not in re.sub("failed|example|POST|token|user", "", shown)
