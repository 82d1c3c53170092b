"""The table of columns and their roles, which a person may change, and how times and numbers are read."""

from typing import Any

import pandas as pd
import streamlit as st

from data.preview import ROLES, TYPES, Preview, from_table
from data.roles import CHOICES, Roles
from pages.parts import tables, words

MOST_ROWS = 14  # a longer table scrolls
SAID = {"day": "one day", "hour": "one hour", "auto": "as each file shows", ".": "point: 1.5", ",": "comma: 1,5"}


def editor(shown: Preview, key: str, *, reasons: bool = True) -> Roles:
    """The table; gives the roles that it says now.

    Raises
    ------
    BadInput : the table makes no sense as it stands.
    """
    text, select = st.column_config.TextColumn, st.column_config.SelectboxColumn
    config: dict[str, Any] = {
        "column": text("Column", width=150, disabled=True),
        "role": select("Role", options=ROLES, required=True, width=150, help="What the column is for."),
        "type": select(
            "Type", options=TYPES, width=90, help="Of features, prediction and label. Empty: the role or the values decide."
        ),
        "reason": text("Why", width=330, disabled=True),
        "values": text("Values", width=290, disabled=True),
    }
    order = ["column", "role", "type", "values", *(["reason"] if reasons else [])]
    height = tables.ROW * (min(len(shown.table), MOST_ROWS) + 1) + 3
    given: pd.DataFrame = st.data_editor(
        shown.table, column_config=config, column_order=order, hide_index=True, key=key, height=height, row_height=tables.ROW,
        placeholder="",
        alt="What each column is for; role and type can be changed",
    )  # fmt: skip
    return from_table(given, shown.roles)


def entries(table: pd.DataFrame) -> None:
    """Who set the roles before, when and why; a guess tells why for each column."""
    with st.expander("Who set these roles, and why", icon=":material/history:"):
        for entry in table.itertuples():
            st.markdown(f"**{words.day(entry.edited_at)}, {words.escaped(entry.author)}**")
            reasons = str(entry.reason or "no reason given").split("; ")
            st.markdown("\n".join(f"- {words.escaped(reason)}" for reason in reasons))


def settings(base: Roles, key: str) -> Roles:
    """How times and numbers are read, and how long a stored window is."""
    with st.expander("How times and numbers are read", icon=":material/schedule:"), st.grid(columns=4, min_column_width=150):
        window = _choice("Stored window", "window", base.window, key, "Hours suit logs of some days; days anything longer.")
        zone = st.text_input(
            "Time zone", base.time_zone, key=f"{key} time_zone", help="Of times that carry none: UTC, Europe/Berlin …"
        )
        form = st.text_input("Time format", base.time_format or "", key=f"{key} time_format", placeholder="found from the values",
                             help="`time_format` in roles.yaml: %d/%m/%Y %H:%M, epoch_ms … Empty: from the values.")  # fmt: skip
        decimal = _choice("Decimal sign", "decimal", base.decimal, key, "`decimal` in roles.yaml.")
    return Roles(window=window, time_zone=zone.strip() or "UTC", time_format=form.strip() or None, decimal=decimal)


def _choice(label: str, name: str, value: str, key: str, told: str) -> str:
    options = CHOICES[name]
    found: str = st.selectbox(label, options, options.index(value), key=f"{key} {name}", format_func=SAID.__getitem__, help=told)
    return found
