"""The form of a channel: what it is, where it goes, who hears what and when. Gives a `Channel`, or the sentence why there is none."""

from typing import Any
from zoneinfo import available_timezones

import streamlit as st

from monitors import channels
from monitors.channels import KINDS, WHAT, Channel
from monitors.hours import DAYS
from pages.parts import words

KIND_NAMES = {
    "webhook": "Webhook (JSON)",
    "slack": "Slack",
    "teams": "Microsoft Teams",
    "email": "E-mail",
    "apprise": "Other, by Apprise",
}
WHAT_NAMES = {"new": "new", "worse": "worse", "resolved": "resolved", "changes": "changes"}
NEVER = "no digest"
VARIABLE = "The name of an environment variable of the process that sends: this dashboard, or the scheduler that calls `run`."
URL_HELP = {
    "webhook": "Gets a POST of JSON. Write `${NAME}` where a secret stands: it is taken from that environment variable.",
    "apprise": "Such as `ntfy://topic` or `tgram://${BOT}/${CHAT}`: Apprise knows more than 100 services. Write `${NAME}` for what is secret.",
}
Fields = dict[str, Any]


def draw(base: Channel | None, models: list[str], version: str) -> Fields:
    """The fields as a person left them; `version` makes the widgets new once something is saved."""
    given = channels.written(base) if base is not None else {}

    def key(field: str) -> str:
        return f"channel {base.name if base else ''} {version} {field}"

    with st.grid(columns=3, min_column_width=200):
        fields: Fields = {"name": st.text_input("Name", given.get("name", ""), 60, key("name"), placeholder="team")}
        if base is not None and fields["name"].strip() != base.name:
            st.caption("Under another name it is another channel, beside this one.")
        kind = st.selectbox("Kind", KINDS, KINDS.index(given.get("kind", "webhook")), KIND_NAMES.__getitem__, key("kind"))
        fields["kind"] = kind
        fields["enabled"] = st.toggle("Sends", given.get("enabled", True), key("enabled"))
    fields |= _mail(given, key) if kind == "email" else _address(kind, given, key)
    with st.grid(columns=2, min_column_width=200):
        fields["models"] = st.multiselect("Models", sorted({*models, *given.get("models", ())}), given.get("models", []), key=key("models"),
                                          placeholder="every model")  # fmt: skip
        severities = ["warning", "critical"]
        fields["min_severity"] = st.selectbox("From severity", severities, severities.index(given.get("min_severity", "warning")),
                                              key=key("min_severity"))  # fmt: skip
    fields["what"] = st.pills("Tells", WHAT, selection_mode="multi", default=given.get("what", WHAT), key=key("what"),
                              format_func=WHAT_NAMES.__getitem__)  # fmt: skip
    with st.grid(columns=4, min_column_width=160):
        fields |= _times(given, key)
    return {name: value for name, value in fields.items() if value not in ("", [], {}) or name == "what"}


def _address(kind: str, given: Fields, key: Any) -> Fields:
    with st.grid(columns=2, min_column_width=300):
        if kind in ("slack", "teams"):
            name = f"{kind.upper()}_URL"
            help_ = f"The address of an incoming webhook is its password, so it is never written here. {VARIABLE}"
            return {"url_env": st.text_input("Variable that holds the URL", given.get("url_env", ""), 100, key(f"url_env {kind}"),
                                             placeholder=name, help=help_)}  # fmt: skip
        fields = {
            "url": st.text_input("URL", given.get("url", ""), 500, key(f"url {kind}"), help=URL_HELP[kind],
                                 placeholder="https://example.org/${TOKEN}" if kind == "webhook" else "ntfy://topic"),
            "url_env": st.text_input("or the variable that holds it", given.get("url_env", ""), 100, key(f"url_env {kind}"), help=VARIABLE,
                                     placeholder="WEBHOOK_URL"),
        }  # fmt: skip
    if kind == "webhook":
        lines = "\n".join(f"{name}: {value}" for name, value in given.get("headers", {}).items())
        text = st.text_area("Headers, one a line", lines, 68, 1000, key("headers"), placeholder="Authorization: Bearer ${TOKEN}")
        pairs = [line.partition(":") for line in text.splitlines() if line.strip()]
        fields["headers"] = {name.strip(): value.strip() for name, _, value in pairs}
    return fields


def _mail(given: Fields, key: Any) -> Fields:
    modes = ["starttls", "ssl", "none"]
    with st.grid(columns=3, min_column_width=200):
        return {
            "smtp": st.text_input("Mail server", given.get("smtp", ""), 200, key("smtp"), placeholder="mail.example.org:587"),
            "security": st.selectbox("Encryption", modes, modes.index(given.get("security", "starttls")), key=key("security")),
            "from": st.text_input("From", given.get("from", ""), 200, key("from"), placeholder="vigia@example.org"),
            "to": st.text_input("To", ", ".join(given.get("to", ())), 1000, key("to"), placeholder="a@example.org, b@example.org"),
            "user": st.text_input("User", given.get("user", ""), 200, key("user"), placeholder="none"),
            "password_env": st.text_input("Variable that holds the password", given.get("password_env", ""), 100, key("password_env"),
                                          placeholder="MAIL_PASSWORD", help=VARIABLE),
        }  # fmt: skip


def _times(given: Fields, key: Any) -> Fields:
    day, _, at = given.get("digest", "").partition(" ")
    often = [NEVER, "daily", *DAYS]
    quiet = st.text_input("Quiet hours", given.get("quiet_hours", ""), 20, key("quiet"), placeholder="22:00-07:00",
                          help="What comes up in these hours is held back until they end.")  # fmt: skip
    day = st.selectbox("Digest", often, often.index(day.lower() or NEVER), key=key("digest"),
                       help="What is open, and what happened since the last one.")  # fmt: skip
    at = st.text_input("Digest at", at or "08:00", 5, key("digest_at"), disabled=day == NEVER)
    zones = sorted(available_timezones())
    zone = st.selectbox("Time zone of both", zones, zones.index(given.get("time_zone", "UTC")), key=key("zone"))
    passes = st.checkbox("Critical passes the quiet hours", given.get("critical_passes", False), key("passes"))
    return {
        "quiet_hours": quiet.strip(), "critical_passes": passes, "digest": "" if day == NEVER else f"{day} {at.strip()}", "time_zone": zone,
    }  # fmt: skip


def about(channel: Channel) -> str:
    """What it needs in the environment, in words."""
    names = ", ".join(f"`{name}`" for name in channel.variables)
    return f"Needs {names} in the environment." if names else words.escaped("Needs no variable of the environment.")
