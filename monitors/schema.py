"""schema: do training and serving inputs keep the invariants that were learnt from the reference?

Of each column the share of rows that break its type, its nulls, its range, its domain, and that came without the column; of the table the
rows that stand again, the rows of a day against the same weekday before, and the hours since the last row (`arrivals`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitors import arrivals, periods
from monitors.arrivals import Facts
from monitors.measurements import no_reference, typed
from monitors.periods import PERIODS
from monitors.schemas import Column, Schema, beyond_range, predicted, unusual
from monitors.usual import ENOUGH_ROWS, ENOUGH_WINDOWS

ROLES = ("feature", "score", "prediction", "label", "requests")
COLUMN_METRICS = ("null_rate", "type_rate", "range_rate", "domain_rate")
METRICS = ("missing_column", "new_column", "type_rate", "null_rate", "range_rate", "domain_rate", *arrivals.METRICS)
Floats = NDArray[np.float64]
Windows = Mapping[str, NDArray[Any]]  # the windows of one key, column by column: a table for each of thousands is slow
SEEN = ("version", "column", "kind", "rows", "nulls", "misfits", "fractions", "min", "max", "counts")  # of a profile

EMPTY = "no values in this window"
NO_ROWS = "no row of this window came with the column: see missing_column"
SOME_ROWS = "some rows of this window came without the column: see missing_column, and the segment all"
OPEN = "the domain is open: the reference has too many categories, or too many that it has once"
KINDS = "the log holds numbers where the reference holds categories, or the other way round"
NOT_SERVED = "not required in serving"
UNKNOWN_BOUND = "the profiles do not know this bound yet: `python -m monitors run` counts them anew"


@dataclass(frozen=True, slots=True)
class Shares:
    """One metric of some windows of one key: broken of rows, with both floors; NaN values where `reason` says why."""

    metric: str
    rows: Floats
    value: Floats
    noise: Floats
    reason: NDArray[Any]


def measure(profiles: pd.DataFrame, bins: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Every schema metric of one model, by day, week and month.

    Parameters
    ----------
    profiles : windows of log and reference, and the whole reference; of the columns of ROLES. Columns do not depend on each other, but
        all rows of role "requests" have to be there at once: what is missing of a column is measured with them.
    bins : the categories and edges, by version and column.
    facts : schemas in force, columns of files and what arrived with which load.

    Returns
    -------
    table of measurements with `dataset`; what cannot be measured is a row with its reason. For each version and segment:

    null_rate : nulls of the rows that came with the column. usual: of the reference's own windows (`schemas.unusual`), or an edited `null_share`.
    type_rate : misfits, fractions among whole numbers, and texts that are no whole number where all categories are, of the same rows.
    range_rate : values below the least or above the greatest expected one, of the finite ones. Of a score only where a person set a
        range: what no probability can be is stability's score_range_rate.
    domain_rate : values that are no expected category, of those that are there and have the right type.
    `noise` is what chance gives at so many rows: `schemas.predicted`, and `beyond_range` for learnt ranges.

    Without a reference the first two are measured still, without floors.
    """
    requests = (profiles["role"] == "requests").to_numpy()
    parts = [arrivals.measure(profiles[requests], facts)] if requests.any() else []
    parts += [of_columns(profiles[~requests], bins, facts)] if not requests.all() else []
    return typed(pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()).assign(monitor="schema")


def of_columns(profiles: pd.DataFrame, bins: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """The measurements of columns: all versions, segments and lengths of window."""
    timed = profiles["window_start"].notna().to_numpy()
    merged, period, _ = periods.merge_parts(profiles, [(np.flatnonzero(timed), period) for period in PERIODS])
    columns = {name: merged[name].to_numpy() for name in SEEN}
    wholes = {(row["version"], row["column"], row["segment"]): row for row in profiles[~timed].to_dict("records")}
    own_bins = {(row["version"], row["column"]): row for row in bins[bins["role"].isin(ROLES)].to_dict("records")}
    lost = lost_rows(merged, period, facts)
    groups: dict[Any, Any] = merged.groupby(["dataset", "version", "column", "segment"]).indices
    keys = sorted(((*key, at) for key, at in groups.items()), key=lambda key: (key[0] != "reference", *key[:4]))
    usual: dict[tuple[str, str, str, str], Floats] = {}
    parts = []
    for dataset, version, name, segment, at in keys:
        source = facts.source(version) if dataset == "log" else version
        schema = facts.schemas.get(source)
        expected = schema.columns.get(name) if schema is not None else None
        seen = {field: values[at] for field, values in columns.items()} | {"period": period[at]}
        whole = wholes.get((source, name, segment))
        for found in shares(seen, lost[at], expected, own_bins.get((source, name)), whole, dataset, segment):
            if dataset == "reference":
                usual[version, name, segment, found.metric] = usual_of(found, seen["period"])
            normal = usual.get((source, name, segment, found.metric), np.full(len(PERIODS), np.nan))
            floor = normal[seen["period"]] if dataset == "log" else np.full(len(at), np.nan)
            if found.metric == "null_rate" and expected is not None and "null_share" in expected.edited and dataset == "log":
                floor = np.full(len(at), expected.null_share)
            parts.append((at, found, floor))
    return table(merged, parts)


def lost_rows(windows: pd.DataFrame, period: NDArray[np.intp], facts: Facts) -> Floats:
    """Of each window the rows that came with loads whose files lacked its column; of a segment known only where it is none or all (NaN else)."""
    lost, rows = np.zeros(len(windows)), windows["rows"].to_numpy(float)
    # A label may come apart, in a file of its own.
    for name in windows.loc[windows["role"] != "label", "column"].unique() if facts.files else ():
        gone = facts.without(name)
        for i in range(len(PERIODS)) if len(gone) else ():
            here = (windows["column"] == name).to_numpy() & (period == i) & (windows["dataset"] == "log").to_numpy()
            by_window, total = (
                one.groupby([one["version"].to_numpy(), periods.starts(one["window_start"], PERIODS[i])])["rows"].sum()
                for one in (gone, facts.arrived)
            )
            keys = pd.MultiIndex.from_arrays([windows["version"][here], periods.starts(windows["window_start"][here], PERIODS[i])])
            count, all_ = (table.reindex(keys, fill_value=0).to_numpy(float) for table in (by_window, total))
            part = np.where(count == 0, 0.0, np.where(count == all_, rows[here], np.nan))
            lost[here] = np.where((windows["segment"][here] == "all").to_numpy(), count, part)
    return lost


def shares(
    windows: Windows,
    lost: Floats,
    expected: Column | None,
    bins: Mapping[Any, Any] | None,
    whole: Mapping[Any, Any] | None,
    dataset: str,
    segment: str,
) -> list[Shares]:
    """Every metric of some windows of one key. What a column can never have is told in the segment `all` alone."""
    rows = windows["rows"] - lost
    came = np.where(np.isnan(lost), SOME_ROWS, np.where(rows <= 0, NO_ROWS, "")).astype(object)
    found = [_nulls(windows, rows, came, expected, whole), _types(windows, rows, came, expected, whole)]
    if bins is None or expected is None:
        name = str(windows["column"][0])
        why = no_reference(windows["version"][0]) if expected is None else f"the reference holds no values of {name}"
        own = "range_rate" if windows["kind"][0] == "number" else "domain_rate"
        return [*found, _blank(windows, own, why)] if segment == "all" else found
    if expected.kind != windows["kind"][0]:
        return [*found, _blank(windows, "domain_rate", KINDS)] if segment == "all" else found
    if expected.kind == "number":
        if expected.role != "score" or (expected.min, expected.max) != (0, 1) or set(expected.edited) & {"min", "max"}:
            found.append(_range(windows, expected, bins, whole, dataset))
        found += (
            [_blank(windows, "domain_rate", "domain_rate needs categories; the column holds numbers")] if segment == "all" else []
        )
    else:
        found += [_domain(windows, expected, bins, whole, dataset)]
        found += (
            [_blank(windows, "range_rate", "range_rate needs numbers; the column holds categories")] if segment == "all" else []
        )
    return found


def _nulls(
    windows: Windows, rows: Floats, came: NDArray[Any], expected: Column | None, whole: Mapping[Any, Any] | None
) -> Shares:
    if expected is not None and "serving" not in expected.required_in:
        return _blank(windows, "null_rate", NOT_SERVED)
    lost = windows["rows"] - rows
    share = whole["nulls"] / whole["rows"] if whole is not None else None
    if expected is not None and "null_share" in expected.edited:
        share = expected.null_share
    noise = _noise(rows, share * whole["rows"], whole["rows"]) if share is not None and whole is not None else _none(rows)
    return _share("null_rate", windows["nulls"] - lost, rows, noise, came)


def _types(
    windows: Windows, rows: Floats, came: NDArray[Any], expected: Column | None, whole: Mapping[Any, Any] | None
) -> Shares:
    broken = windows["misfits"]
    hits = float(whole["misfits"]) if whole is not None else 0.0
    if expected is not None and expected.type == "integer":
        broken = broken + _filled(windows["fractions"])
        hits += float(np.nan_to_num(float(whole["fractions"]))) if whole is not None and not pd.isna(whole["fractions"]) else 0.0
    noise = _noise(rows, hits, whole["rows"]) if whole is not None else _none(rows)
    return _share("type_rate", broken, rows, noise, came)


def _range(
    windows: Windows, expected: Column, bins: Mapping[Any, Any], whole: Mapping[Any, Any] | None, dataset: str
) -> Shares:
    counts, edges = _counts(windows), np.asarray(bins["edges"], float)
    total = counts.sum(axis=1).astype(float)
    is_edited = bool(set(expected.edited) & {"min", "max"})
    if dataset == "reference" and not is_edited:
        return _share("range_rate", _outside_the_rest(windows, counts, edges), total, _none(total), _empty(total))
    below, above = _outside(counts, edges, expected.min, expected.max)
    if below is None or above is None:
        return _blank(windows, "range_rate", UNKNOWN_BOUND)
    of = float(np.sum(whole["counts"])) if whole is not None else 0.0
    noise = beyond_range(total, of) if of else _none(total)
    if is_edited and whole is not None and of:
        ends = _outside(np.asarray(whole["counts"])[None, :], edges, expected.min, expected.max)
        noise = predicted(total, float(sum(end[0] for end in ends if end is not None)), of)
    return _share("range_rate", below + above, total, noise, _empty(total))


def _outside(counts: NDArray[Any], edges: Floats, low: float | None, high: float | None) -> tuple[Floats | None, Floats | None]:
    """How many values of each window are below and above; exact, or None where the bound is no edge."""
    none = np.zeros(len(counts))
    ends: list[Floats | None] = [none, none]
    for i, bound in enumerate((None if low is None else np.nextafter(low, -np.inf), high)):
        if bound is not None:
            at = int(np.searchsorted(edges, bound))
            known = at < len(edges) and edges[at] == bound
            ends[i] = (counts[:, : at + 1] if i == 0 else counts[:, at + 1 :]).sum(axis=1).astype(float) if known else None
    return ends[0], ends[1]


def _outside_the_rest(windows: Windows, counts: NDArray[Any], edges: Floats) -> Floats:
    """Of the reference's own windows, the values outside of the range of all others of their length: at least the one that makes it wider."""
    outside = np.zeros(len(windows["rows"]))
    for period in np.unique(windows["period"]):
        at = np.flatnonzero(windows["period"] == period)
        low, high = (windows[name][at] for name in ("min", "max"))
        for values, ends, sign in ((low, np.fmin, 1), (high, np.fmax, -1)):
            for i in np.flatnonzero(values == ends.reduce(values)) if len(at) > 1 else ():
                rest = ends.reduce(np.delete(values, i))
                if sign * values[i] < sign * rest:
                    cut = int(np.searchsorted(edges, rest))
                    sure = counts[at[i], :cut].sum() if sign > 0 else counts[at[i], cut + 1 :].sum()
                    outside[at[i]] += max(float(sure), 1.0)
    return outside


def _domain(
    windows: Windows, expected: Column, bins: Mapping[Any, Any], whole: Mapping[Any, Any] | None, dataset: str
) -> Shares:
    counts = _counts(windows)
    odd = _filled(windows["fractions"]) if expected.type == "integer" else np.zeros(len(windows["rows"]))
    total = counts.sum(axis=1) - odd
    if expected.domain is None:
        return _blank(windows, "domain_rate", OPEN)
    if "domain" not in expected.edited and dataset == "reference":
        # Categories that no other window of the reference has.
        of_all = np.asarray(whole["counts"]) if whole is not None else counts.sum(axis=0)
        alone = np.where(counts == of_all, counts, 0)[:, :-1].sum(axis=1)
        return _share("domain_rate", alone.astype(float), total, _none(total), _empty(total))
    allowed = np.isin(np.asarray(bins["categories"], object), list(expected.domain))
    broken = counts[:, : len(allowed)][:, ~allowed].sum(axis=1) + counts[:, -2] + counts[:, -1] - odd
    noise = _none(total)
    if whole is not None:
        reference = np.asarray(whole["counts"])
        named = reference[: len(allowed)]
        unexpected = float(named[~allowed].sum() + reference[-2])
        noise = predicted(
            total, unexpected + (float((named == 1).sum()) if "domain" not in expected.edited else 0.0), float(reference.sum())
        )
    return _share("domain_rate", broken.astype(float), total, noise, _empty(total))


def _share(metric: str, broken: Floats, rows: Floats, noise: Floats, why: NDArray[Any]) -> Shares:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(rows > 0, broken / rows, np.nan)
    reason = why.copy()
    reason[~np.isnan(value)] = None
    return Shares(metric, np.nan_to_num(rows).clip(0), value, noise, reason)


def _blank(windows: Windows, metric: str, reason: str) -> Shares:
    nothing = _none(windows["rows"])
    return Shares(metric, windows["rows"], nothing, nothing, np.full(len(windows["rows"]), reason, object))


def _none(like: Any) -> Floats:
    return np.full(len(like), np.nan)


def _empty(total: Floats) -> NDArray[Any]:
    return np.full(len(total), EMPTY, object)


def _noise(rows: Floats, hits: float, of: float) -> Floats:
    return predicted(np.nan_to_num(rows), float(hits), float(of))


def _counts(windows: Windows) -> NDArray[Any]:
    """The counts of windows of one key, shape (windows, bins)."""
    counts: NDArray[Any] = np.concatenate(windows["counts"].tolist()).reshape(len(windows["counts"]), -1)
    return counts


def _filled(values: NDArray[Any]) -> Floats:
    filled: Floats = np.nan_to_num(values.astype(np.float64))
    return filled


def usual_of(found: Shares, period: NDArray[Any]) -> Floats:
    """What is usual of the reference's own windows of each length (`schemas.unusual`); NaN unless three of them have 30 rows."""
    usual = np.full(len(PERIODS), np.nan)
    for i in range(len(usual)):
        chosen = found.value[(period == i) & (found.rows >= ENOUGH_ROWS) & ~np.isnan(found.value)]
        if len(chosen) >= ENOUGH_WINDOWS:
            usual[i] = unusual(chosen)
    return usual


def table(windows: pd.DataFrame, parts: list[tuple[NDArray[np.intp], Shares, Floats]]) -> pd.DataFrame:
    """Measurements of a column from the positions of windows, a metric of them, and what is usual. One table: thousands of small ones are slow."""
    if not parts:
        return pd.DataFrame()
    at = np.concatenate([at for at, _, _ in parts])
    kept = windows[["model", "version", "column", "segment", "window_start", "window_end", "dataset"]]
    return (
        kept.iloc[at]
        .reset_index(drop=True)
        .assign(
            metric=np.concatenate([np.full(len(own), found.metric, object) for own, found, _ in parts]),
            rows=np.concatenate([found.rows for _, found, _ in parts]).astype(np.int64),
            value=np.concatenate([found.value for _, found, _ in parts]),
            noise=np.concatenate([found.noise for _, found, _ in parts]),
            usual=np.concatenate([usual for _, _, usual in parts]),
            reason=np.concatenate([found.reason for _, found, _ in parts]),
        )
    )


__all__ = ["METRICS", "ROLES", "Facts", "Schema", "measure"]
