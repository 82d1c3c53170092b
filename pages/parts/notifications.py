"""Notifications: who is told what, and how; what would go next, and what became of what went."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from data.errors import BadInput
from data.store import author
from monitors import channels, deliver
from monitors.channels import Channel, Settings
from pages.parts import channel_form, reads, reads_notify, tables, words
from pages.parts.scope import Scope

text_column = st.column_config.TextColumn
TIME = st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm", width=150)
FILE = "vigia-notifications.yaml"
HOW = """
**After every run**, what is new goes out: alerts that began, got worse or ended, and changes of model, data, code or dependencies. One
message for each model, with links to the screens. Each thing is told once; what is acknowledged on the page *Review* is not told again, and what is
muted there not at all.

**A channel** says where a message goes, and which models, severities and kinds of news it is for. In *quiet hours* messages wait; a
*digest* tells once a day or a week what is open.

**Secrets** never stand here, in the store or in a message: a channel holds the *name* of an environment variable. The variable has to be
set for the process that sends: this dashboard, and the scheduler that calls `python -m monitors run`.

**What cannot be sent** stays in the outbox and is tried again after 1, 2, 4 … minutes, at most 6 hours apart, by the next `run` or
`python -m monitors notify`; after three days it is given up. A crash loses nothing. One in the very moment between sending and noting it
makes a message go twice, with the same key (*Reference* at its end), which webhooks can tell apart by the header `Idempotency-Key`.
"""


def draw(scope: Scope) -> None:
    """The tab."""
    settings = reads_notify.settings(scope.snapshot)
    st.subheader("Channels", anchor=False)
    chosen = _table(settings)
    _form(scope, settings, chosen)
    names = ["Next messages", "Outbox", "Links", "Export and apply", "History"]
    coming, out, links, exchange, past = st.tabs(names, key="notifications_tab", on_change="rerun")
    if coming.open:
        with coming:
            _next(settings)
    with out:
        _outbox(reads_notify.entries(scope.snapshot))
    with links:
        _links(settings)
    with exchange:
        _exchange(settings)
    with past:
        _history(reads_notify.edits(scope.snapshot))


def _table(settings: Settings) -> Channel | None:
    """The channels; gives the one that is clicked."""
    if not settings.channels:
        st.info("Nobody is told yet: alerts are only shown. Add the first channel below.", icon=":material/notifications_off:")
        return None
    rows = [
        {
            "name": one.name, "kind": channel_form.KIND_NAMES[one.kind], "state": _state(one), "models": ", ".join(one.models) or "every model",
            "what": _what(one), "severity": one.min_severity,
            "quiet": one.quiet_hours or "–", "digest": one.digest or "–", "zone": one.time_zone if one.quiet_hours or one.digest else "–",
        }
        for one in settings.channels
    ]  # fmt: skip
    config = {
        "name": text_column("Channel", pinned=True, width=100), "kind": text_column("Kind", width=115), "state": text_column("State", width=165),
        "models": text_column("Models", width=105), "what": text_column("Tells", width=105), "severity": text_column("From", width=65),
        "quiet": text_column("Quiet hours", width=95), "digest": text_column("Digest", width=110), "zone": text_column("Time zone", width=105),
    }  # fmt: skip
    picked = st.dataframe(
        pd.DataFrame(rows), hide_index=True, column_config=config, height=tables.ROW * min(len(rows) + 1, tables.MOST_ROWS) + 3,
        row_height=tables.ROW, key=f"channels {len(rows)}", on_select="rerun", selection_mode="single-row", alt="The channels",
    ).selection.rows  # fmt: skip
    st.caption("Click a row to change the channel, send a test or remove it; click it again to add another.")
    return settings.channels[picked[0]] if picked and picked[0] < len(settings.channels) else None


def _what(channel: Channel) -> str:
    names = [channel_form.WHAT_NAMES[what] for what in channel.what]
    return "everything" if len(names) == len(channel_form.WHAT_NAMES) else ", ".join(names) or "digest only"


def _state(channel: Channel) -> str:
    if not channel.enabled:
        return "– off"
    missing = deliver.unset(channel)
    return f"▲ {missing[0]} is not set" if missing else "● on"


@st.fragment
def _form(scope: Scope, settings: Settings, base: Channel | None) -> None:
    """Add or change one channel."""
    title = f"Change {words.escaped(base.name)}" if base else "Add a channel"
    with st.expander(
        title, expanded=base is not None or not settings.channels, icon=":material/edit:" if base else ":material/add:"
    ):
        fields = channel_form.draw(base, reads.all_models(scope.snapshot), str(st.session_state.get("channel_edits", 0)))
        try:
            channel = channels.channel(fields) if fields.get("name") else None
        except BadInput as mistake:
            channel = None
            st.error(words.escaped(_sentence(mistake)), icon=":material/error:")
        if channel is not None:
            missing = deliver.unset(channel)
            told = f" ▲ {words.escaped(missing[0])} is not set where this dashboard runs." if missing else ""
            st.caption(channel_form.about(channel) + told)
        _acting(settings, base, channel)


def _acting(settings: Settings, base: Channel | None, channel: Channel | None) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("Why", key=f"why channel {st.session_state.get('channel_edits', 0)}", max_chars=300, width=380,
                               placeholder="Kept in the history, with your name")  # fmt: skip
        save = st.button("Save channel", type="primary", disabled=channel is None or channel == base)
        test = st.button(
            "Send a test", disabled=channel is None, icon=":material/send:", help="With what stands here, saved or not."
        )
        remove = base is not None and st.button("Remove", type="tertiary", icon=":material/delete:")
        st.caption(f"as {words.escaped(author())}")
    if test and channel is not None:
        with st.spinner("Sending …"):
            error = deliver.test(channel)
        if error is None:
            st.success(f"Sent a test to {words.escaped(channel.name)}.", icon=":material/check_circle:")
        else:
            st.error(f"The test did not go through. {words.escaped(error)}", icon=":material/error:")
    if save and channel is not None:
        _keep(channels.with_channel(settings, channel), reason, f"The channel {channel.name} is saved.")
    if remove and base is not None:
        _keep(channels.without_channel(settings, base.name), reason, f"The channel {base.name} is removed.")


def _keep(wanted: Settings, reason: str, told: str) -> None:
    """Save the settings and show the page anew."""
    if not reason.strip():
        st.error("Write why first: the history keeps it for those who ask later.", icon=":material/error:")
        return
    try:
        deliver.save(reads.store(), wanted, reason.strip())
    except BadInput as mistake:
        st.error(words.escaped(_sentence(mistake)), icon=":material/error:")
        return
    st.session_state["channel_edits"] = st.session_state.get("channel_edits", 0) + 1
    st.session_state["told"] = words.escaped(told)
    st.rerun()


def _sentence(mistake: BadInput) -> str:
    text = str(mistake)
    return text[:1].upper() + text[1:]


def _next(settings: Settings) -> None:
    """What would go if a run ended now; nothing is sent or kept."""
    if not any(channel.enabled for channel in settings.channels):
        st.info("No channel is on, so nothing would go.", icon=":material/info:")
        return
    found = deliver.planned(reads.store(), settings)
    if not found:
        st.success("Nothing is new: every channel knows how things are.", icon=":material/check_circle:")
        return
    st.caption("What would go if a run ended now. `python -m monitors notify` sends it.")
    for one in found:
        held = f" · held back until {one.not_before:%-d %b, %H:%M} UTC" if one.not_before > datetime.now(UTC) else ""
        with st.container(border=True):
            st.markdown(f"**To {words.escaped(one.message.channel)}**{held}: {words.escaped(one.message.subject)}")
            st.code(deliver.text(one.message), language=None, wrap_lines=True)


def _outbox(entries: pd.DataFrame) -> None:
    """What became of the last messages."""
    if entries.empty:
        st.info("No message was ever queued.", icon=":material/info:")
        return
    shown = pd.DataFrame({
        "created_at": entries["created_at"], "channel": entries["channel"],
        "state": [_became(row) for row in entries.to_dict("records")], "subject": entries["subject"], "attempts": entries["attempts"],
        "last_error": entries["last_error"].fillna(""), "key": entries["key"].str[:8],
    })  # fmt: skip
    config = {
        "created_at": TIME, "channel": text_column("Channel", width=100), "state": text_column("State", width=210),
        "subject": text_column("Message", width=300),
        "attempts": st.column_config.NumberColumn("Passes", width=62, help="Each tries up to three times."),
        "last_error": text_column("Last error", width=330), "key": text_column("Reference", width=85),
    }  # fmt: skip
    st.dataframe(shown, hide_index=True, column_config=config, row_height=tables.ROW, alt="The last messages, the newest first",
                 height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3)  # fmt: skip
    waiting = entries["sent_at"].isna() & entries["given_up_at"].isna()
    if waiting.any():
        st.caption("What waits goes with the next run, or with `python -m monitors notify`, once its time has come.")
    if (waiting & entries["last_error"].notna()).any() and st.button("Try what failed again now", icon=":material/refresh:"):
        with st.spinner("Sending …"):
            done = deliver.try_again(reads.store())
        st.session_state["told"] = words.escaped(" ".join(f"{line}." for line in deliver.summary(done)).replace("..", "."))
        st.rerun()


def _became(entry: dict[str, object]) -> str:
    """`● sent 3 Mar, 08:00`, `▲ waits until 3 Mar, 08:05`, `■ given up 6 Mar, 08:00`."""
    sent, given_up, due = (pd.Timestamp(str(entry[name])) for name in ("sent_at", "given_up_at", "not_before"))
    if not pd.isna(sent):
        return f"● sent {sent:%-d %b, %H:%M}"
    if not pd.isna(given_up):
        return f"■ given up {given_up:%-d %b, %H:%M}"
    if entry["attempts"] and not isinstance(entry["last_error"], str):
        return f"▲ being sent; if cut off, again {due:%H:%M}"
    return f"▲ waits until {due:%-d %b, %H:%M}" if due > pd.Timestamp.now("UTC") else "▲ due now"


def _links(settings: Settings) -> None:
    """Where the pages are, for links in messages."""
    url = st.text_input("Address of these pages", settings.url, 300, f"pages_url {settings.url}", placeholder="https://vigia.example.org",
                        help="Links in messages begin with it. Without it messages have no links.")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("Why this address", key=f"why_url {settings.url}", placeholder="Kept in the history, with your name",
                               max_chars=300, width=380)  # fmt: skip
        save = st.button("Save address", disabled=url.strip().rstrip("/") == settings.url)
    if save:
        try:
            wanted = channels.read(channels.dump(settings.model_copy(update={"url": url.strip()})), "address")
        except BadInput:
            st.error("Expected the address of the pages, such as https://vigia.example.org.", icon=":material/error:")
            return
        _keep(wanted, reason, "The address is saved.")


def _exchange(settings: Settings) -> None:
    """The settings as a file to review, and a file made the settings."""
    st.download_button("Download the settings as YAML", channels.dump(settings), FILE, "application/yaml", on_click="ignore",
                       icon=":material/download:")  # fmt: skip
    text = st.text_area("Apply YAML: it replaces every channel", key="notifications_text", height=160,
                        placeholder="url: https://vigia.example.org\nchannels:\n  - {name: team, kind: slack, url_env: SLACK_URL}")  # fmt: skip
    if not text.strip():
        return
    try:
        wanted = channels.read(text, "pasted settings")
    except BadInput as mistake:
        st.error(words.escaped(_sentence(mistake)), icon=":material/error:")
        return
    if wanted == settings:
        st.info("These are the settings in force already.", icon=":material/info:")
        return
    st.caption(f"It {words.escaped(_difference(settings.channels, wanted.channels))}.")
    reason = st.text_input(
        "Why apply it", key="why_notifications", placeholder="Kept in the history, with your name", max_chars=300
    )
    if st.button("Apply settings", type="primary"):
        _keep(wanted, reason, f"{len(wanted.channels)} channel{'' if len(wanted.channels) == 1 else 's'} applied.")


def _difference(before: Sequence[Channel], after: Sequence[Channel]) -> str:
    """`adds a, changes b, removes c`, by name."""
    old, new = ({one.name: one for one in side} for side in (before, after))
    parts = {
        "adds": [name for name in new if name not in old],
        "changes": [name for name in new if name in old and new[name] != old[name]],
        "removes": [name for name in old if name not in new],
    }
    told = [f"{verb} {', '.join(names)}" for verb, names in parts.items() if names]
    return "; ".join(told) or "changes the address of the pages"


def _history(edits: pd.DataFrame) -> None:
    if edits.empty:
        st.info("Nobody has changed the notifications yet.", icon=":material/info:")
        return
    texts = [channels.read(str(text), "edit").channels for text in edits["settings"]]
    did = [_difference(before, after) for after, before in zip(texts, [*texts[1:], ()], strict=True)]
    shown = edits[["edited_at", "author", "reason"]].assign(did=did)[["edited_at", "author", "did", "reason"]]
    config = {
        "edited_at": TIME, "author": text_column("Who", width=110), "did": text_column("What", width=320), "reason": text_column("Why", width=320),
    }  # fmt: skip
    st.dataframe(
        shown, hide_index=True, column_config=config, row_height=tables.ROW, alt="Edits of the notifications, the last first"
    )
