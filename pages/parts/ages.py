"""Part of the page Versions: how old each version and its reference are, how late labels come, and how long versions last."""

from typing import Any

import pandas as pd
import streamlit as st

from data.store import Store
from monitors import lifetimes, run, run_staleness
from monitors import rules as ruling
from pages.parts import charts, reads, tables, words
from pages.parts.scope import Scope

LABELS = {"model_age_days": "Age of the model", "reference_age_days": "Age of the reference", "label_lag_hours": "Label lag"}


def ages(scope: Scope) -> None:
    """Everything on ages; nothing where nothing was measured."""
    measured = _measured(scope)
    if measured.empty:
        return
    st.subheader("How old, and for how long", anchor=False)
    life, shown = reads.of_scope(_told, scope)
    metric, trends = _trends(scope)
    _table(shown, bool(trends))
    names = {version: words.escaped(version) for version in life["version"]}
    lines = lifetimes.sentences(life, names)
    serving = life.loc[life["is_serving"], "version"]
    lines += [words.escaped(lifetimes.trend_sentence(metric, v, trends[v])) for v in serving if v in trends]
    st.markdown("\n".join(f"- {line}" for line in lines))
    if trends:
        st.caption(
            "A trend is a straight line through the weeks of a version, told by the bad end of its 95 % band and for no longer than it was "
            "watched. It knows of no season and of no step to come: a reason to look, not a date to wait for."
        )
    _over_time(scope, measured)


def _measured(scope: Scope) -> pd.DataFrame:
    found: pd.DataFrame = reads._cached(run.measurements, scope.snapshot, model=scope.model, monitor="staleness", segment="all", window="day")
    return found


def _told(scope: Scope) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How long each version served, and a row for each at the end of its last day."""
    served = reads.versions(scope.model, scope.snapshot)
    life = lifetimes.served(served, served["last"].max())
    lags: dict[str, float] = reads._cached(run_staleness.lags, scope.snapshot, model=scope.model)
    return life, _rows(life, _measured(scope), _trends(scope)[1], lags)


def _trends(scope: Scope) -> tuple[str, dict[str, lifetimes.Trend]]:
    found: tuple[str, dict[str, lifetimes.Trend]] = reads._cached(_read_trends, scope.snapshot, model=scope.model)
    return found


def _read_trends(store: Store, model: str) -> tuple[str, dict[str, lifetimes.Trend]]:
    judging: tuple[ruling.Rule, ...] = run.rules(store)
    return run_staleness.trends(store, model, judging)


def _rows(life: pd.DataFrame, measured: pd.DataFrame, trends: dict[str, lifetimes.Trend], lags: dict[str, float]) -> pd.DataFrame:
    known = measured[measured["value"].notna()]
    last = known.sort_values("window_start").drop_duplicates(["version", "metric"], keep="last")
    values = last.pivot(index="version", columns="metric", values="value")
    rows: list[dict[str, Any]] = []
    for row in life.to_dict("records"):
        version = str(row["version"])
        one = {"version": version, "served": row["days"], "state": "serves" if row["is_serving"] else "replaced"}
        one |= values.loc[version].to_dict() if version in values.index else {}
        one |= {"label_lag_hours": lags[version]} if version in lags else {}
        if (trend := trends.get(version)) is not None:
            one |= {"crosses": trend.crosses.date() if trend.crosses is not None else None, "told": trend.why_not}
        rows.append(one)
    return pd.DataFrame(rows)


def _table(shown: pd.DataFrame, has_trends: bool) -> None:
    """A row a version, at the end of its last day."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    config: dict[str, Any] = {
        "version": text("Version", pinned=True, width=90),
        "state": text("Now", width=80),
        "served": number("Served (days)", format="%.0f", width=95),
        "model_age_days": number("Model (days)", format="%.0f", help="From its first request, or its manifest if that is earlier.", width=95),
        "reference_age_days": number("Reference (days)", format="%.0f", help="From the end of what it learnt from.", width=115),
        "label_lag_hours": number("Labels after (hours)", format="%.3g", help="The median of all its labels that came with a time.", width=135),
    }
    if has_trends:
        told = "If the trend goes on, from this day on."
        config["crosses"] = st.column_config.DateColumn("Quality too low from", format="D MMM YYYY", help=told, width=150)
        config["told"] = text("Why no day", width=190)
    st.dataframe(
        shown.reindex(columns=list(config)), hide_index=True, column_config=config, column_order=list(config),
        row_height=tables.ROW, key="ages", placeholder="–", alt="Each version with its age, that of its reference and how late its labels come",
    )  # fmt: skip


def _over_time(scope: Scope, measured: pd.DataFrame) -> None:
    """One age over time, behind a click: ages rise by a day a day."""
    metrics = [metric for metric in LABELS if measured.loc[measured["metric"] == metric, "value"].notna().any()]
    with st.expander("Over time", on_change="rerun", key="ages_open") as box:
        if not box.open or not metrics:
            return
        metric = st.segmented_control(
            "Metric", metrics, default=metrics[-1], required=True, format_func=lambda m: LABELS[m], key="age", label_visibility="collapsed"
        )
        judged = reads.judged(scope, ["day"], reads.rules(scope), monitor="staleness", metric=metric, segment="all")
        if judged.empty or judged["value"].isna().all():
            st.info("Not measured in this period. Choose a longer one in the sidebar.")
            return
        told = words.metric(str(metric))
        marks = charts.marks_of(scope)
        figure = charts.over_time(judged, marks, y_title=told.title, y_format=told.format, height=320)
        charts.show(figure, "ages_over_time", f"{told.label} by day and version")
