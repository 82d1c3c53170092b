"""Settings of channels: what a person may write, and the sentence for what they may not; a secret is never repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import BadInput
from monitors import channels
from monitors.channels import Channel, Settings

GOOD = """
url: https://vigia.example.org/
channels:
  - name: team
    kind: slack
    url_env: SLACK_URL
    models: [churn, fraud]
    quiet_hours: 22:00-07:00
    critical_passes: yes
    digest: monday 08:00
    time_zone: Europe/Berlin
  - {name: hook, kind: webhook, url: "https://example.org/${HOOK}/x", headers: {Authorization: "Bearer ${TOKEN}"}, what: [new, worse]}
  - {name: mail, kind: email, smtp: "mail.example.org:587", user: me, password_env: MAIL_PASSWORD, from: v@example.org, to: [a@example.org]}
  - {name: phone, kind: apprise, url: ntfy://topic, min_severity: critical, enabled: false}
"""
REFUSED = {
    "{name: a, kind: slack, url: 'https://hooks.slack.com/services/T/B/GEHEIM'}": "its URL holds a token",
    "{name: a, kind: webhook, url: 'https://hooks.slack.com/services/T/B/GEHEIM'}": "its URL holds a token",
    "{name: a, kind: webhook, url: 'https://me:GEHEIM@example.org/'}": "its URL holds a password",
    "{name: a, kind: webhook, url: 'https://example.org/?token=GEHEIM'}": "its URL holds a key",
    "{name: a, kind: webhook, url: 'https://example.org/GEHEIM12ab12ab12ab12ab12'}": "its URL holds a token",
    "{name: a, kind: apprise, url: 'mailto://me:GEHEIM@example.org'}": "its URL holds a password",
    "{name: a, kind: slack, url_env: 'https://hooks.slack.com/services/GEHEIM'}": "url_env: expected the name of an environment variable",
    "{name: a, kind: webhook, url: 'http://x', headers: {X-Api-Key: GEHEIM}}": "the header X-Api-Key holds a secret",
    "{name: a, kind: email, smtp: 'me:GEHEIM@host:25', from: a@b.co, to: a@b.co}": "expected `smtp: host:port`",
    "{name: a, kind: email, smtp: 'host:25', from: a@b.co, to: a@b.co, user: me}": "`user` and `password_env` go together",
    "{name: a, kind: email}": "e-mail needs `smtp: host:port`",
    "{name: a, kind: slack}": "needs `url_env: NAME`",
    "{name: a, kind: webhook, url: 'ftp://example.org'}": "begins with https:// or http://",
    "{name: a, kind: slck}": "kind: expected 'webhook', 'slack'",
    "{name: a, kind: slack, url_enf: X}": '`url_enf` is not a field. Did you mean "url_env"',
    "{kind: slack}": "`name` is missing",
    "{name: a}": "`kind` is missing",
    "{name: a, kind: webhook, url: 'http://x', quiet_hours: 22}": "quiet_hours: expected hours like 22:00-07:00",
    "{name: a, kind: webhook, url: 'http://x', digest: often}": "digest: expected a time like",
    "{name: a, kind: webhook, url: 'http://x', time_zone: Mars}": 'there is no time zone "Mars"',
    "{name: a, kind: webhook, url: 'http://x', what: [newest]}": "what: expected 'new', 'worse', 'resolved' or 'changes'",
    "{name: a, kind: webhook, url: 'http://x', enabled: perhaps}": "enabled: expected true or false",
    "hello": "expected a list of channels",
}  # fmt: skip


def test_what_is_written_comes_back():
    settings = channels.read(GOOD, "n.yaml")
    assert channels.read(channels.dump(settings), "again") == settings
    assert settings.url == "https://vigia.example.org"
    team, hook, mail, phone = settings.channels
    assert (team.quiet_hours, team.critical_passes, team.variables) == ("22:00-07:00", True, ("SLACK_URL",))
    assert hook.variables == ("HOOK", "TOKEN")
    assert (mail.sender, mail.variables) == ("v@example.org", ("MAIL_PASSWORD",))
    assert (phone.enabled, phone.min_severity) == (False, "critical")


@pytest.mark.parametrize("line", REFUSED)
def test_a_mistake_is_told_with_its_line_and_without_any_secret(line: str):
    with pytest.raises(BadInput) as refused:
        channels.read(f"channels:\n  - {line}", "n.yaml")
    assert REFUSED[line] in str(refused.value)
    assert str(refused.value).startswith("n.yaml, line 2: ")
    assert "GEHEIM" not in str(refused.value)
    assert refused.value.__cause__ is None  # nor does a traceback


@pytest.mark.parametrize("text", ["urll: x", "- x", "url: [}", "url: nowhere", "channels: x", "url: https://u:p@x.org"])
def test_what_are_no_settings(text: str):
    with pytest.raises(BadInput, match=r"n\.yaml"):
        channels.read(text, "n.yaml")


def test_two_of_one_name():
    one = "{name: a, kind: webhook, url: 'http://x'}"
    with pytest.raises(BadInput, match='two channels are called "a"'):
        channels.read(f"channels: [{one}, {one}]", "n.yaml")


@given(st.text(), st.sampled_from(channels.KINDS))
def test_any_url_is_taken_or_refused_in_one_sentence(url: str, kind: str):
    refusal = ""
    try:
        channels.channel({"name": "a", "kind": kind, "url": url})
    except BadInput as refused:
        refusal = str(refused)
    assert "\n" not in refusal


def test_a_channel_takes_the_place_of_its_name():
    one, other = (Channel.model_validate({"name": "a", "kind": "webhook", "url": f"http://{host}"}) for host in "xy")
    assert channels.with_channel(channels.with_channel(Settings(), one), other).channels == (other,)
    assert channels.without_channel(Settings(channels=(one,)), "a").channels == ()
    with pytest.raises(BadInput, match='There is no channel "b"'):
        channels.find(Settings(channels=(one,)), "b")
