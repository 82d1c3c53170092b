"""Quality: is the model still right?"""

from dataclasses import replace

import pandas as pd
import streamlit as st

from data.errors import BadInput
from monitors import explain, root_cause, summaries, thresholds
from monitors import outcome_views as views
from pages.parts import charts, estimates, quality_charts, quality_tables, reads, reads_quality, sidebar, words
from pages.parts.heading import heading
from pages.parts.scope import Scope

WHOLE = "all classes"
FIRST = ("log_loss", "roc_auc", "accuracy", "mae")  # in this order, of those that a model has
MOST_LINES = 6  # versions drawn over each other


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Quality", "quality")
    window = st.segmented_control("Window", ["day", "week", "month"], default="week", required=True, key="window", bind="query-params")
    judged, _ = reads_quality.judged(scope, window)
    measured = judged[judged["value"].notna() & (judged["metric"] != "label_coverage")]
    task = reads_quality.task(scope)
    if measured.empty:  # where nothing has a label, that is all that is known
        unmeasured(scope, judged, str(task.get("reason") or ""))
        estimates.show(scope, window)  # needed most where no label is there at all
        return
    there = set(judged["version"])
    names = [version for version in map(str, reads.versions(scope.model, scope.snapshot)["version"]) if version in there]
    version = scope.version or str(measured.loc[measured["window_start"] == measured["window_start"].max(), "version"].iat[-1])
    metric = now(scope, window, version)
    over_time(scope, metric, window)
    estimates.show(scope, window, metric)
    in_detail(scope, names, version, str(task["kind"]))
    where_worst(scope, version, metric)
    moves_together(scope, version, metric)


def unmeasured(scope: Scope, judged: pd.DataFrame, reason: str) -> None:
    """Why there is nothing to show, and what to do."""
    if judged.empty and not reason:
        sidebar.nothing_measured(scope, "quality")
        return
    why = reason or ", ".join(sorted(set(judged["reason"].dropna().astype(str))))
    st.info(
        f"Quality cannot be measured here: {words.escaped(why)}. Labels are loaded with `python -m monitors load FILE --model "
        f"{scope.model} --as labels`, whenever they come; the next run measures the windows that they belong to.",
        icon=":material/info:",
    )


def now(scope: Scope, window: str, version: str) -> str:
    """How the latest window stands that has labels enough, metric by metric; gives the metric that is chosen."""
    told, names, shown = reads.of_scope(_now, scope, window=window, version=version)
    st.markdown(told)

    def take() -> None:
        if rows := st.session_state["metrics"].selection.rows:
            st.session_state["metric"] = names[rows[0]]

    quality_tables.metrics(shown, "metrics", take)
    return str(st.selectbox("Metric", names, key="metric", bind="query-params", width=260))


def _now(scope: Scope, window: str, version: str) -> tuple[str, list[str], pd.DataFrame]:
    """The window in words, the names of its metrics and a row for each."""
    judged, _ = reads_quality.judged(scope, window)
    own = judged[(judged["version"] == version) & (judged["column"] == "")]
    least = thresholds.resolve(reads.rules(scope), monitor="quality").min_coverage
    enough = own[own["value"].notna() & (own["coverage"] >= least) & (own["metric"] != "label_coverage")]
    chosen = enough if len(enough) else own[own["value"].notna()]
    start, end = chosen["window_start"].max(), chosen.loc[chosen["window_start"].idxmax(), "window_end"]
    upto = own[own["window_start"] <= start]
    coverage = upto[(upto["metric"] == "label_coverage") & (upto["window_start"] == start)]["value"]
    late = "" if start == own["window_start"].max() else ", the latest window of which enough labels are there"
    told = f"**{words.escaped(version)}, {words.span(start, end)}**{late}: {coverage.max():.0%} of the rows have a label."
    states = reads_quality.states(replace(scope, since=start.to_pydatetime(), until=end.to_pydatetime()), version)
    order = [*FIRST, *(m for m in states["metric"].unique() if m not in FIRST)]
    states = states.sort_values("metric", key=lambda names: names.map(order.index), kind="stable")
    return told, *quality_tables.listed(upto, states)


def over_time(scope: Scope, metric: str, window: str) -> None:
    """One metric over time, with its thresholds, floors and label coverage."""
    told = words.metric(metric)
    st.subheader(f"{told.label} over time", anchor=False)
    st.caption(told.reading)
    judged, rules = reads_quality.judged(scope, window)
    _, alerting = summaries.as_if_alerting(reads.rules(scope), window, scope.segment, monitor="quality", metric=metric)
    if not alerting:
        st.caption(f":material/notifications_off: {words.not_alerting(metric, window, scope.segment)}")
    own = judged[judged["metric"] == metric]
    classes = sorted(set(own["column"]) - {""})
    column = ""
    if classes:
        named = st.selectbox("Class", [WHOLE, *classes], key="class", bind="query-params", width=260)
        column = "" if named == WHOLE else named
    shown = own[own["column"] == column]
    if shown["value"].isna().all():
        st.info(f"{told.label} could not be measured: {words.escaped(', '.join(sorted(set(shown['reason'].dropna()))))}.", icon=":material/info:")
        return
    least = thresholds.resolve(rules, monitor="quality", metric=metric).min_coverage
    figure = charts.drawn(_over_time, scope, metric=metric, column=column, window=window, least=least)
    charts.show(figure, "over_time", f"{told.label} by {window} and version, with thresholds, floors and the share of rows that have a label")
    if (shown["coverage"] < least).any():
        st.caption(f"Hollow points: fewer than {least:.0%} of the window’s rows have a label yet, so it raises no alert and ends none.")


def _over_time(scope: Scope, metric: str, column: str, window: str, least: float) -> charts.Figure:
    told, (judged, _), marks = words.metric(metric), reads_quality.judged(scope, window), charts.marks_of(scope)
    shown = judged[(judged["metric"] == metric) & (judged["column"] == column)]
    shown = shown.assign(hollow=shown["coverage"] < least)
    figure = charts.over_time(shown, marks, y_title=told.title, y_format=told.format, focus="label", height=460)
    coverage = judged[judged["metric"] == "label_coverage"]
    return quality_charts.with_coverage(figure, coverage, [str(v) for v in marks.versions["version"]], least)


# Title → how it is counted, how it is drawn, its key, what it shows.
DETAILS = {
    "Score against truth": (views.reliability, quality_charts.reliability, "reliability", "Mean score against the share of positives"),
    "ROC curve": (views.roc, quality_charts.roc, "roc", "Recall against the false positive rate"),
    "Errors by score": (views.deciles, quality_charts.deciles, "deciles", "Share of wrong predictions in each tenth by score"),
}


def in_detail(scope: Scope, names: list[str], version: str, kind: str) -> None:
    """Scores, classes and errors of the period."""
    st.subheader("In detail, over the period", anchor=False)
    if kind == "regression":
        charts.show(charts.drawn(_errors, scope, version=version), "errors", f"How the errors of {version} are spread")
        return
    lines = tuple(names[-MOST_LINES:]) if kind == "binary" else (version,)
    with st.grid(columns=2, min_column_width=420):
        cells = [st.container() for _ in range(4)]
    for place, (title, (_, _, key, alt)) in zip(cells, DETAILS.items(), strict=False):
        figure = charts.drawn(_detail, scope, title=title, names=tuple(names), lines=lines, kind=kind)
        with place:
            st.markdown(f"**{title}**")
            if figure is None:
                st.caption("Needs a score and labels of more than one class.")
            else:
                charts.show(figure, key, alt)
    with cells[3]:
        st.markdown(f"**Predicted and true class, {words.escaped(version)}**")
        charts.show(charts.drawn(_confusion, scope, version=version), "confusion", f"Rows of {version} by label and prediction")


def _detail(scope: Scope, title: str, names: tuple[str, ...], lines: tuple[str, ...], kind: str) -> charts.Figure | None:
    """One of the details; None where nothing can be counted."""
    view, chart, _, _ = DETAILS[title]
    seen = {name: view(reads_quality.merged(scope, name)) for name in lines}
    found = pd.concat([one.assign(line=lambda t, n=name: n if kind == "binary" else t["class"]) for name, one in seen.items()])
    return None if found.empty else chart(found, list(names if kind == "binary" else dict.fromkeys(found["line"])))


def _errors(scope: Scope, version: str) -> charts.Figure:
    return quality_charts.errors(views.errors(reads_quality.merged(scope, version)), "label")


def _confusion(scope: Scope, version: str) -> charts.Figure:
    return quality_charts.confusion(views.confusion(reads_quality.merged(scope, version)))


def where_worst(scope: Scope, version: str, metric: str) -> None:
    """The segments that are worse than the rest beyond noise."""
    st.subheader(f"Where {words.metric(metric).label} is worst", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against = st.segmented_control(
            "Compared with", [explain.REFERENCE, explain.BEFORE], default=explain.REFERENCE, required=True, key="against", bind="query-params"
        )
        everything = st.toggle("Show all segments", key="all_segments", bind="query-params")
    found = reads_quality.worst(scope, version, metric, against)
    if found.table.empty:
        st.caption("There is no segment column: name some in the role `segments`.")
        return
    worse = int(found.table["is_worse"].sum())
    change = "" if pd.isna(found.before) else f" against {words.number(found.before)} in {against}"
    small = f", {found.too_small:,} have fewer than 100 labelled rows" if found.too_small else ""
    many = f"{worse or 'None'} of {found.tested:,} segments and pairs {'are' if worse > 1 else 'is'} worse than all others beyond noise"
    st.markdown(f"{words.escaped(version)}, all rows: **{words.number(found.now)}**{change}. {many}{small}.")
    if worse or everything:
        quality_tables.worst(found, everything)


def moves_together(scope: Scope, version: str, metric: str) -> None:
    """Inputs whose drift goes with the metric."""
    st.subheader("Moves together with", anchor=False)
    st.caption("Inputs whose weekly drift goes with the metric. It says where to look, and is no proof of a cause.")
    with st.popover("Importance of the inputs", icon=":material/upload_file:", width="content"):
        st.markdown(
            "A CSV of `column,importance`: how much the model looks at each input. It ranks what moves by it. "
            "Without one, the columns `importance_…` of the log tell it, if there are any."
        )
        file = st.file_uploader("CSV", type="csv", key="importance", label_visibility="collapsed")
    importance = None
    if file is not None:
        try:
            importance = root_cause.read_importance(file.getvalue().decode("utf-8", "replace"), file.name, reads_quality.inputs(scope))
        except BadInput as mistake:
            st.error(words.escaped(str(mistake)), icon=":material/error:")
    found = reads_quality.together(scope, version, metric, importance)
    told = found[found["weight"] > 0]
    if told.empty:
        st.caption(f"No input of {words.escaped(version)} moves together with {words.metric(metric).label} in this period.")
        return
    quality_tables.together(told)


main()
