"""Skew: are the features served those that training would have computed?"""

import pandas as pd
import streamlit as st

from monitors import causes, summaries
from monitors.paired import Explained
from pages.parts import charts, reads, reads_skew, sidebar, skew_charts, tables, words
from pages.parts.heading import heading
from pages.parts.scope import Scope
from pages.parts.skew_words import ADVICE, HOW_TO_LOAD


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Skew", "skew")
    lengths = ["day", "week", "month"]
    reason = reads_skew.why_not_joined(scope)
    if reason is not None and "features are loaded" in reason:
        st.info(f"No training features are loaded for {words.escaped(scope.model)}.", icon=":material/info:")
        st.markdown(HOW_TO_LOAD.format(model=scope.model))
        return
    window = st.segmented_control("Window", lengths, default="week", required=True, key="window", bind="query-params")
    if reason is not None:
        without_key(scope, window, reason)
        return
    found = reads_skew.explained(scope)
    if not found:
        sidebar.nothing_measured(scope, "skew")
        return
    counted(scope, found)
    row_by_row(scope, window, found)
    lost_rows(scope, window)


def counted(scope: Scope, found: list[Explained]) -> None:
    """How many rows met, and how many features differ."""
    rows = reads_skew.joined_rows(scope)
    differing = sum(one.mismatched > 0 for one in found)
    differ, compared, lost = st.columns(3)
    differ.metric("Features that differ", f"{differing} of {len(found)}", border=True)
    compared.metric(
        "Rows compared", f"{rows['joined']:,}", border=True,
        help=f"Log rows that have a training row, of {rows['log_rows']:,} in this scope. Training features of a sample are enough.",
    )  # fmt: skip
    lost.metric(
        "Not in the log", f"{rows['unmatched']:,}", border=True,
        help="Training rows that no log row has: requests that the log lost, or keys that are written in two ways.",
    )  # fmt: skip
    if rows["undated"]:
        st.caption(f"Besides, {rows['undated']:,} training rows that no log row has carry no time, so they stand in no window.")


def row_by_row(scope: Scope, window: str, found: list[Explained]) -> None:
    """Every feature, the most different first; then all on one of them."""
    _, alerting = reads.shown(scope, window, monitor="skew", metric="mismatch_rate")
    if not alerting:
        st.caption(f":material/notifications_off: {words.not_alerting('mismatch_rate', window, scope.segment)}")
    ranked(reads.of_scope(_ranked, scope, window=window))
    names = [one.column for one in found]
    column = st.selectbox("Column", names, key="column", bind="query-params", width=320)
    one_column(scope, next(one for one in found if one.column == column), window)


def _ranked(scope: Scope, window: str) -> pd.DataFrame:
    """A row for each feature, its history beside it."""
    found, (judged, _) = reads_skew.explained(scope), reads.shown(scope, window, monitor="skew", metric="mismatch_rate")
    worst = judged.groupby("column")["level"].max() if len(judged) else pd.Series(dtype=float)
    ordered = judged.sort_values("window_start")
    history = ordered.groupby("column")["value"].agg(lambda values: [round(v, 5) for v in values.dropna()])
    return pd.DataFrame({
        "column": [one.column for one in found],
        "state": tables.states(pd.Series([worst.get(one.column, -1) for one in found])),
        "rate": [one.rate for one in found],
        "cause": [one.headline for one in found],
        "history": [history.get(one.column, []) for one in found],
        "mismatched": [one.mismatched for one in found],
        "joined": [one.joined for one in found],
    })  # fmt: skip


def ranked(shown: pd.DataFrame) -> None:
    """A row for each feature; a click chooses it."""
    number = st.column_config.NumberColumn
    config = {
        "column": st.column_config.TextColumn("Column", pinned=True, width=135),
        "state": st.column_config.TextColumn("Worst state", help="Of all windows of the period.", width=95),
        "rate": number("Mismatch rate", format="percent", help="Of all rows compared in the period.", width=100),
        "history": st.column_config.LineChartColumn("Over the period", y_min=0, width=130),
        "mismatched": number("Mismatches", format="localized", width=85),
        "cause": st.column_config.TextColumn("Cause", help="With the share of the mismatches that it explains.", width=400),
        "joined": number("Rows compared", format="localized", width=100),
    }
    names = list(shown["column"])
    st.dataframe(
        shown, hide_index=True, height=tables.ROW * min(len(shown) + 1, tables.MOST_ROWS) + 3, column_config=config, key="ranked",
        row_height=tables.ROW, on_select=lambda: tables.take(names), selection_mode="single-row",
        alt="Features by their mismatch rate, with the cause",
    )  # fmt: skip


def one_column(scope: Scope, one: Explained, window: str) -> None:
    """Everything on one feature: when it differs, why, and how."""
    st.subheader(f"{words.escaped(one.column)} over time", anchor=False)
    over_time(scope, "mismatch_rate", one.column, window)
    nulls = [f"{n:,} null in {side} only" for n, side in ((one.log_nulls, "serving"), (one.training_nulls, "training")) if n]
    told = f"{one.mismatched:,} of {one.joined:,} rows differ{': ' if nulls else ''}{', '.join(nulls)}."
    st.caption(f"{told} {one.tolerance}")
    if not one.mismatched:
        st.success("Serving and training agree in every row compared.", icon=":material/check_circle:")
        return
    st.subheader("Why", anchor=False)
    pairs = reads_skew.examples(scope, one.column)
    if one.drawn < one.mismatched:
        st.caption(f"Found from {one.drawn:,} of the {one.mismatched:,} mismatched pairs, drawn by their keys from every window.")
    for i, cause in enumerate(one.causes):
        with st.container(border=True):
            st.markdown(f"**{causes.percent(cause.share)}** · {words.escaped(cause.told)}")
            st.caption(ADVICE.get(cause.name, ""))
            example_pairs(pairs.iloc[list(cause.examples)], f"examples_{i}", cause.told)
    picture(scope, one)


def over_time(scope: Scope, metric: str, column: str, window: str) -> None:
    judged = _own(scope, metric, column, window)
    if judged.empty or judged["value"].isna().all():
        st.info("Nothing could be measured in these windows." if judged.empty else str(judged["reason"].iloc[0]).capitalize() + ".")
        return
    figure = charts.drawn(_over_time, scope, metric=metric, column=column, window=window)
    charts.show(figure, f"over_time_{metric}", f"{words.metric(metric).label} of {column or 'training rows'} by {window}, with its thresholds")


def _own(scope: Scope, metric: str, column: str, window: str) -> pd.DataFrame:
    judged, _ = reads.shown(scope, window, monitor="skew", metric=metric)
    return judged[judged["column"] == column]


def _over_time(scope: Scope, metric: str, column: str, window: str) -> charts.Figure:
    told, own = words.metric(metric), _own(scope, metric, column, window)
    return charts.over_time(own, charts.marks_of(scope), y_title=told.title, y_format=told.format, focus=column, height=340)


def example_pairs(pairs: pd.DataFrame, key: str, told: str) -> None:
    """Some pairs of a cause, as they are."""
    shown = pd.DataFrame({
        "key": pairs["key"].astype(str),
        "time": pairs["time"].dt.strftime("%Y-%m-%d %H:%M:%S"),
        "training": [_value(v) for v in pairs["trained"]],
        "served": [_value(v) for v in pairs["served"]],
        "version": pairs["version"],
        "segments": [", ".join(str(s) for s in listed if isinstance(s, str)) for listed in pairs["segments"]],
    })  # fmt: skip
    shown = shown if shown["segments"].any() else shown.drop(columns="segments")
    names = {"key": "Key", "time": "Time, UTC", "version": "Version", "segments": "Segments", "training": "Training", "served": "Served"}
    config = {name: st.column_config.TextColumn(label) for name, label in names.items()}
    st.dataframe(shown, hide_index=True, column_config=config, key=key, alt=f"Example pairs: {told}")


def _value(text: object) -> str:
    """A value as text; null is said, and a float32 is shown as it was meant."""
    if not isinstance(text, str):
        return "(null)"
    try:
        return f"{float(text):.7g}"
    except ValueError:
        return text


def picture(scope: Scope, one: Explained) -> None:
    """Training against serving: points for numbers, counts for texts."""
    if one.kind == "number":
        if reads.of_scope(_can_be_drawn, scope, column=one.column):
            st.subheader("Training against serving", anchor=False)
            figure = charts.drawn(_scatter, scope, column=one.column)
            charts.show(figure, "scatter", f"Served against training values of {one.column}, mismatched pairs only")
        return
    st.subheader("Training (rows) against serving (columns)", anchor=False)
    st.caption("Mismatched pairs only, the most frequent values first.")
    st.dataframe(reads.of_scope(_confusion, scope, column=one.column), key="confusion", alt=f"Counts of training and served values of {one.column}")


def _can_be_drawn(scope: Scope, column: str) -> bool:
    numbers = reads_skew.examples(scope, column)[["served", "trained"]].apply(pd.to_numeric, errors="coerce")
    return bool((numbers.notna().all(axis=1) & ~numbers.isin([float("inf"), float("-inf")]).any(axis=1)).any())


def _scatter(scope: Scope, column: str) -> charts.Figure:
    pairs, one = reads_skew.examples(scope, column), next(one for one in reads_skew.explained(scope) if one.column == column)
    return skew_charts.scatter(pairs, cause_of_each(pairs, one))


def _confusion(scope: Scope, column: str) -> pd.DataFrame:
    return skew_charts.confusion(reads_skew.examples(scope, column))


def cause_of_each(pairs: pd.DataFrame, one: Explained) -> pd.Series:
    """In words, the cause that explains each pair."""
    found = pd.Series("", index=pairs.index, dtype=object)
    for cause in one.causes:
        found.iloc[list(cause.places)] = cause.told
    return found


def lost_rows(scope: Scope, window: str) -> None:
    """Training rows that no log row has, over time."""
    if not (_own(scope, "unmatched_rate", "", window)["value"] > 0).any():
        return
    st.subheader("Training rows that are not in the log", anchor=False)
    st.caption(words.metric("unmatched_rate").reading + " Where a row has no version, it is counted to the one that served most rows then.")
    over_time(scope, "unmatched_rate", "", window)


def without_key(scope: Scope, window: str, reason: str) -> None:
    """By distribution, where rows cannot be joined."""
    why = words.escaped(reason.replace("`", ""))  # which are for a terminal
    st.warning(f"Rows cannot be compared one by one: {why}. Their distributions are compared instead.", icon=":material/key_off:")
    judged, alerting = reads.shown(scope, window, monitor="skew", metric="js")
    if judged.empty:
        sidebar.nothing_measured(scope, "skew")
        return
    ranking = reads.of_scope(_by_distribution, scope, window=window)
    column = tables.ranked_column(ranking, "js", "" if alerting else words.not_alerting("js", window, scope.segment))
    st.subheader(f"{words.escaped(column)} over time", anchor=False)
    over_time(scope, "js", column, window)


def _by_distribution(scope: Scope, window: str) -> pd.DataFrame:
    return summaries.ranking(reads.shown(scope, window, monitor="skew", metric="js")[0])


main()
