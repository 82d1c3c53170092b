"""Channels: who is told what, and how. Settings as people write them, in YAML; a secret is only ever the name of a variable."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from data.errors import BadInput, near
from monitors import hours

KINDS = ("webhook", "slack", "teams", "email", "apprise")
What = Literal["new", "worse", "resolved", "changes"]
WHAT: tuple[What, ...] = ("new", "worse", "resolved", "changes")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TELLING = re.compile(r"token|secret|passw|pwd|key|sig|auth|code|credential|cookie", re.IGNORECASE)
# Hosts whose whole address is the secret: who has it may post.
ADDRESS_IS_SECRET = (
    "hooks.slack.com",
    "webhook.office.com",
    "logic.azure.com",
    "powerplatform.com",
    "discord.com",
    "chat.googleapis.com",
)
MEND = "put it into an environment variable and write ${NAME} in its place, or `url_env: NAME` for the whole"


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return tuple(value) if isinstance(value, list) else value


def _variable(name: str) -> str:
    if name and not NAME.fullmatch(name):
        # Not quoted: what stands there by mistake may be the secret itself.
        raise ValueError("expected the name of an environment variable, such as SLACK_URL, not its value")
    return name


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f'there is no time zone "{name}"; write one such as UTC or Europe/Berlin') from error
    return name


def _quiet(text: str) -> str:
    if text:
        hours.span(text)
    return text


def _weekly(text: str) -> str:
    if text:
        hours.weekly(text)
    return text


def _name(name: str) -> str:
    if not name.strip():
        raise ValueError('expected a name, such as "team"')
    return name.strip()


def _link(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query):
        raise ValueError("expected the address of the pages, such as https://vigia.example.org")
    return url.rstrip("/")


Listed = BeforeValidator(_listed)
Variable = Annotated[str, AfterValidator(_variable)]


class Channel(BaseModel):
    """One way to tell people, what goes there and when."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True)

    name: Annotated[str, AfterValidator(_name)]
    kind: Literal["webhook", "slack", "teams", "email", "apprise"]
    enabled: bool = True
    url: str = ""  # ${NAME} stands for what is secret
    url_env: Variable = ""  # the variable that holds all of it
    headers: dict[str, str] = {}  # of a webhook
    smtp: str = ""  # of e-mail: host:port
    security: Literal["starttls", "ssl", "none"] = "starttls"
    user: str = ""
    password_env: Variable = ""
    sender: str = Field("", alias="from")
    to: Annotated[tuple[str, ...], Listed] = ()
    models: Annotated[tuple[str, ...], Listed] = ()  # none named: every one
    min_severity: Literal["warning", "critical"] = "warning"
    what: Annotated[tuple[What, ...], Listed] = WHAT
    quiet_hours: Annotated[str, AfterValidator(_quiet)] = ""  # 22:00-07:00
    critical_passes: bool = False  # through the quiet hours
    digest: Annotated[str, AfterValidator(_weekly)] = ""  # daily 08:00, monday 08:00
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"

    @model_validator(mode="after")
    def _whole(self) -> "Channel":
        if problem := _problem(self):
            raise ValueError(problem)
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it needs, by their names."""
        texts = (self.url, self.user, *self.headers.values())
        named = [self.url_env, self.password_env, *(name for text in texts for name in VARIABLE.findall(text))]
        return tuple(dict.fromkeys(filter(None, named)))


class Settings(BaseModel):
    """The channels, and the address of the pages that links in messages begin with."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(_link)] = ""
    channels: tuple[Channel, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> "Settings":
        names = [channel.name for channel in self.channels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two channels are called "{name}"; give each a name of its own')
        return self


def _problem(channel: Channel) -> str | None:
    """What makes no sense together, in one sentence."""
    if channel.kind == "email":
        if not (channel.smtp and channel.sender and channel.to):
            return "e-mail needs `smtp: host:port`, `from:` and `to:`"
        if not re.fullmatch(r"[\w.\-]+(:\d{1,5})?", channel.smtp):
            return "expected `smtp: host:port`, with user and password apart as `user:` and `password_env:`"
        return None if bool(channel.user) == bool(channel.password_env) else "`user` and `password_env` go together"
    if bool(channel.url) == bool(channel.url_env):
        return "needs `url_env: NAME`, the environment variable that holds its URL" + (
            "" if channel.kind in ("slack", "teams") else ", or `url:`"
        )
    if channel.kind == "webhook" and channel.url and not re.match(r"https?://|\$\{", channel.url):
        return "the `url` of a webhook begins with https:// or http://"
    for name, value in channel.headers.items():
        if TELLING.search(name) and not VARIABLE.search(value):
            return f"the header {name} holds a secret: {MEND}"
    found = secret_in(channel.url, channel.kind)
    return f"its URL holds {found}: {MEND}" if found else None


def secret_in(url: str, kind: str) -> str | None:
    """What in a URL looks like a secret written out, in words that do not repeat it; None for nothing."""
    bare = VARIABLE.sub("", url)
    if not bare.strip(":/@?&="):
        return None
    if kind in ("slack", "teams"):
        return "a token (who has the address may post)"
    parts = urlsplit(bare)
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    if password or (user and kind == "webhook"):
        return "a password" if password else "a user's name or token"
    if any(value and (TELLING.search(name) or _is_random(value)) for name, value in parse_qsl(parts.query)):
        return "a key"
    host = (parts.hostname or "").lower()
    if any(host == known or host.endswith(f".{known}") for known in ADDRESS_IS_SECRET) or any(
        map(_is_random, parts.path.split("/"))
    ):
        return "a token"
    return None


def _is_random(text: str) -> bool:
    """Whether it looks drawn by chance: 20 characters or more in one piece, letters and figures mixed."""
    return any(re.search(r"\d", part) and re.search(r"[A-Za-z]", part) for part in re.findall(r"[A-Za-z0-9_]{20,}", text))


def read(text: str, origin: str) -> Settings:
    """The settings in a YAML text.

    Raises
    ------
    BadInput : not YAML, an unknown field, a value that makes no sense, a secret written out. Names the origin and the line; never the value.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        fields = yaml.load(text, Loader=yaml.BaseLoader)  # every value a text: 22:00 is no number, `on` no truth
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadInput(f"{origin}{f', line {mark.line + 1}' if mark else ''}: this is not YAML: {error.problem}.") from None
    except yaml.YAMLError:
        raise BadInput(f"{origin}: this is not YAML.") from None
    if fields is None:
        return Settings()
    if not isinstance(fields, dict):
        raise BadInput(f"{origin}: expected `url:` and `channels:`, a list with a dash before each channel.")
    try:
        return Settings.model_validate(_filled(fields))
    except ValidationError as error:
        raise BadInput(f"{origin}{_line(root, error.errors()[0]['loc'])}: {_told(error, fields)}") from None


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", "null", "~")}


def channel(fields: Mapping[str, Any]) -> Channel:
    """One channel from its fields, for a form.

    Raises
    ------
    BadInput : as `read`, without a line.
    """
    try:
        return Channel.model_validate(fields)
    except ValidationError as error:
        raise BadInput(_told(error, fields)) from None


def _told(error: ValidationError, fields: Mapping[str, Any]) -> str:
    """The first mistake in one sentence; only values from a short list of words are repeated, since any other may be a secret."""
    wrong = error.errors(include_url=False)[0]
    place, names = wrong["loc"], [str(part) for part in wrong["loc"] if isinstance(part, str) and part != "channels"]
    about: Any = fields["channels"][place[1]] if place[:1] == ("channels",) and len(place) > 1 else {}
    who = f'channel "{about["name"]}": ' if isinstance(about, Mapping) and about.get("name") else ""
    field = names[0] if names else ""
    if wrong["type"] == "extra_forbidden":
        known = [
            f.alias or name for name, f in (Channel if len(place) > 1 or "kind" in fields else Settings).model_fields.items()
        ]
        return f"{who}`{field}` is not a field. {near(field, known)}"
    if wrong["type"] == "model_type" or wrong["type"] == "tuple_type":
        return "expected a list of channels, each with fields like `name: team`."
    if wrong["type"] == "bool_parsing":
        return f"{who}{field}: expected true or false."
    if wrong["type"] == "missing":
        return f"{who}`{field}` is missing."
    if wrong["type"] == "literal_error":
        return f"{who}{field}: expected {wrong['ctx']['expected']}."
    cause = str(wrong.get("ctx", {}).get("error") or wrong["msg"][0].lower() + wrong["msg"][1:])
    return f"{who}{f'{field}: ' if field else ''}{cause}."


def _line(node: yaml.Node | None, place: tuple[int | str, ...]) -> str:
    """`, line 4`: where the node at this place begins, or the last on the way that is there."""
    line = node.start_mark.line if node is not None else 0
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return f", line {line + 1}"


def dump(settings: Settings) -> str:
    """The settings as YAML, with what is not as by default; `read` gives the same back."""
    fields: dict[str, Any] = {"url": settings.url} if settings.url else {}
    fields["channels"] = [written(one) for one in settings.channels]
    return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=120)


def written(one: Channel) -> dict[str, Any]:
    """A channel's fields as YAML has them, those that are as by default left out."""
    kept = one.model_dump(by_alias=True, exclude_defaults=True)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}


def with_channel(settings: Settings, new: Channel) -> Settings:
    """The settings with this channel, in the place of the one of its name."""
    names = [one.name for one in settings.channels]
    kept: Sequence[Channel] = [new if one.name == new.name else one for one in settings.channels]
    return settings.model_copy(update={"channels": (*kept, *(() if new.name in names else (new,)))})


def without_channel(settings: Settings, name: str) -> Settings:
    """The settings less the channel of this name."""
    return settings.model_copy(update={"channels": tuple(one for one in settings.channels if one.name != name)})


def find(settings: Settings, name: str) -> Channel:
    """The channel of this name.

    Raises
    ------
    BadInput : there is none; names those like it.
    """
    for one in settings.channels:
        if one.name == name:
            return one
    names = [one.name for one in settings.channels]
    raise BadInput(
        f'There is no channel "{name}". {near(name, names) or "Add one: python -m monitors notifications apply FILE."}'
    )
