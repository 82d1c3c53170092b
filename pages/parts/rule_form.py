"""The form of a rule: its limits on sliders and as exact numbers, and its other fields. What is moved goes to the draft."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from monitors import backtest
from monitors.edits import text
from monitors.rules import Rule
from pages.parts import drafts, words

Scope = Mapping[str, str]
ON = "Raises alerts"
LABELLED = ("quality", "fairness", "staleness")  # the monitors whose values wait for labels
EVERY = {"column": "every column", "version": "every version", "segment": "all and every segment", "model": "every model"}
HOW = """
**A rule** says from which value on a metric is a *warning* and from which it is *critical*. The defaults come with Vigia, each with its
reason. What you save here is an *override*: it changes the fields that you moved and inherits all others.

**The most specific rule wins**, field by field: one for a column over one for every column, an override over any default.

**A value alerts** when it is beyond the limit *and* beyond both floors: what chance alone gives (noise) and what the reference's own
windows give (usual). Windows in a row make one alert.

**Nothing is measured again** when you move a limit: the alerts on this page are judged anew over the whole history of the model,
whatever version, segment and period the sidebar shows. Until you save, nothing changes for anyone else.
"""
KINDS = {
    "constant": "values of the metric", "reference_quantile": "quantiles of the reference’s windows",
    "reference_std": "standard deviations of the reference’s windows", "fdr": "false discovery rates",
}  # fmt: skip
HELP = {
    "kind": """What the limits are:
- **values of the metric**, the same for every column;
- **quantiles of the reference’s windows**: 0.99 alerts beyond what 99 of 100 windows of the reference gave, column by column;
- **standard deviations of the reference’s windows**, counted from their mean;
- **false discovery rates** (Benjamini and Hochberg), for metrics with a p-value (KS, Cramér’s V): at 0.05, of the columns that alert in a window
  one in twenty does so by chance. All columns of a window are judged together, so it is for rules of every column.""",
    "window": "How long the windows are whose values are judged.",
    "min_rows": "A window with fewer rows is not judged: it neither raises an alert nor ends one.",
    "min_coverage": "A window of which a smaller share has its labels yet is not judged: it neither raises an alert nor ends one.",
    "above_noise": "The value must also be beyond what chance alone gives with so many rows.",
    "above_usual": "The value must also be beyond what 95 of 100 windows of the reference itself give.",
    "k": "So many of the last windows must be beyond a limit before there is an alert.",
    "recover": "An open alert ends only when the value is back inside this. Empty: as soon as it is inside the warning limit.",
}


def take(about: Scope, fields: Mapping[str, Any]) -> None:
    """Take fields into the draft as if a person had typed them; what a suggestion says, for one."""
    drafts.put(about, drafts.base(about), fields)


def draw(about: Scope, base: Rule, measured: pd.DataFrame) -> None:
    """The fields; what a person changes goes to the draft. `measured`: value and p_value of what the rule is about."""
    _toggle(about, base, "enabled", ON)
    moved = base.model_copy(update=drafts.draft(about))
    now = {name: getattr(moved, name) for name in ("warning", "critical")}
    if moved.direction == "outside" and moved.kind != "fdr":
        for name in now:
            _pair(about, base, name)
    else:
        given = set(now.values()) | ({getattr(base, name) for name in now} | drafts.typed(about) if moved.kind == base.kind else set())
        values = measured["value"].to_numpy(float)
        stops = backtest.stops(values, moved, [value for value in given if isinstance(value, float)])
        for name in now:
            _limit(about, moved, name, stops)
    more = st.expander("Kind, window, rows, floors", icon=":material/tune:", key=_key(about, "more"), on_change="rerun")
    if more.open:  # a dozen elements, which the browser would draw again with every move
        with more:
            _kind(about, base, measured["p_value"].notna().any())
            _others(about, base)


def _kind(about: Scope, base: Rule, has_p_values: bool) -> None:
    now = _now(about, base, "kind")
    key = _showing(about, "kind", now)
    kinds = [kind for kind in KINDS if kind != "fdr" or has_p_values or now == "fdr"]
    st.selectbox("Limits are", kinds, key=key, format_func=KINDS.__getitem__, help=HELP["kind"], on_change=_take_kind, args=(about, base, key))


def _now(about: Scope, base: Rule, field: str) -> Any:
    return drafts.draft(about).get(field, getattr(base, field))


def _key(about: Scope, field: str) -> str:
    return f"{field} {' '.join(f'{name}={value}' for name, value in about.items())}"


def _showing(about: Scope, field: str, now: Any) -> str:
    """The key of an element that shows `now`: the same while a hand moves it, one of a new element once something else moved the field.

    A value that is set in an element that exists overtakes a fast hand in the browser, and comes back from there as if a person had typed it.
    """
    name, shown = _key(about, field), st.session_state.setdefault("form_shows", {})
    key = shown.setdefault(name, f"{name} 0")
    if st.session_state.get(key, now) != now:
        key = shown[name] = f"{name} {int(key.rsplit(maxsplit=1)[1]) + 1}"
    if key not in st.session_state:
        st.session_state[key] = now
    return key


def _by_hand(*keys: str) -> bool:
    """Whether these elements are shown: the browser tells of one that was replaced until it hears so."""
    return set(keys) <= set(st.session_state["form_shows"].values())


def _take(about: Scope, base: Rule, field: str, key: str) -> None:
    if _by_hand(key):
        drafts.put(about, base, {field: st.session_state[key]})


def _take_kind(about: Scope, base: Rule, key: str) -> None:
    if _by_hand(key):
        drafts.put(about, base, backtest.of_kind(base, st.session_state[key]))


def _limit(about: Scope, moved: Rule, field: str, stops: list[float]) -> None:
    """A slider, and beside it the number to the last digit; an empty number is a level that does not exist."""
    now, base = getattr(moved, field), drafts.base(about)
    slider, number = _showing(about, f"slider {field}", stops[0] if now is None else now), _showing(about, field, now)
    slide, exact = st.columns([3, 1], vertical_alignment="bottom", gap="medium")
    slide.select_slider(
        _label(field, moved), stops, key=slider, format_func=_stop, disabled=now is None, on_change=_take,
        args=(about, base, field, slider),
    )  # fmt: skip
    exact.number_input(
        f"{field.capitalize()}, exact", value=None, step=_step(stops), format="%.6g", key=number, label_visibility="collapsed",
        placeholder="none", on_change=_take, args=(about, base, field, number),
    )  # fmt: skip


def _stop(value: float) -> str:
    """Each stop by a text of its own: the browser tells the text, so of two alike the wrong one may come back."""
    return f"{value:.6g}"


def _label(field: str, rule: Rule) -> str:
    unit = {"constant": words.metric(str(rule.metric)).unit, "reference_quantile": "quantile", "reference_std": "the mean, std"}
    mark = words.ICONS[2 if field == "critical" else 1]
    told = [rule.direction, unit[rule.kind]] if rule.kind != "fdr" else ["at a false discovery rate"]
    return f"{mark} {field.capitalize()} {' '.join(part for part in told if part)}"


def _step(stops: list[float]) -> float:
    return float(10.0 ** (math.floor(math.log10(max(abs(stop) for stop in stops) or 1)) - 2))


def _pair(about: Scope, base: Rule, field: str) -> None:
    """Both ends of a limit that has two."""
    now = _now(about, base, field) or drafts.half(about, field)
    keys = [_showing(about, f"{field} {end}", value) for end, value in zip(("low", "high"), now, strict=True)]
    for key, column, end in zip(keys, st.columns(2), ("below", "above"), strict=True):
        column.number_input(f"{field.capitalize()} {end}", value=None, format="%.6g", key=key, on_change=_take_pair,
                            args=(about, base, field, keys))  # fmt: skip
    if (now[0] is None) != (now[1] is None):
        st.caption(f"One end alone is no limit: type the other, too, or nothing is a {field} and both are empty.")


def _take_pair(about: Scope, base: Rule, field: str, keys: list[str]) -> None:
    if _by_hand(*keys):
        low, high = (st.session_state[key] for key in keys)
        drafts.put_ends(about, base, field, (low, high))


def _others(about: Scope, base: Rule) -> None:
    key = _showing(about, "window", _now(about, base, "window"))
    st.segmented_control(
        "Window", ["day", "week", "month"], required=True, key=key, help=HELP["window"], on_change=_take, args=(about, base, "window", key)
    )
    left, right = st.columns(2)
    with left:
        _toggle(about, base, "above_noise", "Above the noise")
        _toggle(about, base, "above_usual", "Above the usual")
    with right:
        key = _showing(about, "min_rows", _now(about, base, "min_rows"))
        st.number_input(
            "Rows at least", 0, key=key, step=50, help=HELP["min_rows"], on_change=_take, args=(about, base, "min_rows", key)
        )
        if base.monitor in LABELLED:
            key = _showing(about, "min_coverage", _now(about, base, "min_coverage"))
            st.number_input("Share of labels at least", 0.0, 1.0, key=key, step=0.05, format="%.2f", help=HELP["min_coverage"],
                            on_change=_take, args=(about, base, "min_coverage", key))  # fmt: skip
        _runs(about, base)
        key = _showing(about, "recover", _now(about, base, "recover"))
        st.number_input("Ends at", value=None, key=key, format="%.6g", placeholder="none", help=HELP["recover"], on_change=_take,
                        args=(about, base, "recover", key), disabled=base.direction == "outside")  # fmt: skip


def _toggle(about: Scope, base: Rule, field: str, label: str) -> None:
    key = _showing(about, field, _now(about, base, field))
    st.toggle(label, key=key, help=HELP.get(field), on_change=_take, args=(about, base, field, key))


def _runs(about: Scope, base: Rule) -> None:
    k, n = _now(about, base, "for_windows")
    keys = [_showing(about, "for_windows k", k), _showing(about, "for_windows n", n)]
    first, second = st.columns(2)
    args = (about, base, keys)
    first.number_input("Windows", 1, 366, key=keys[0], help=HELP["k"], on_change=_take_runs, args=args)
    second.number_input("of the last", 1, 366, key=keys[1], on_change=_take_runs, args=args)


def _take_runs(about: Scope, base: Rule, keys: list[str]) -> None:
    if _by_hand(*keys):
        k, n = (st.session_state[key] for key in keys)
        drafts.put(about, base, {"for_windows": (k, max(k, n))})


def moves(about: Scope, base: Rule) -> str:
    """What is moved, in a line: `warning 0.1 → 0.2, window week → day`."""
    told = [f"{field} {text(field, getattr(base, field))} → {text(field, value)}" for field, value in drafts.draft(about).items()]
    return ", ".join(told).replace("_", " ")
