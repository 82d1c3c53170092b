"""Judging again, row by row in plain Python: slow, easy to check against DESIGN.md §7, and the oracle of the fast one."""

import math

import pandas as pd

from monitors.rules import PRECEDENCE, SCOPE

DAYS = {1: "day", 7: "week", 28: "month", 29: "month", 30: "month", 31: "month"}
UNSET = {"kind": "constant", "direction": "above", "window": "day", "min_rows": 0, "min_coverage": 0.0, "for_windows": (1, 1), "enabled": True}


def in_force(rules, defaults, row):
    """Field by field, the strongest rule that names it: an override, the most scope fields, the best of these, the last written."""
    found = dict(UNSET)
    strengths = {}
    split = len(defaults) if tuple(rules[: len(defaults)]) == tuple(defaults) else 0
    for at, rule in enumerate(rules):
        named = [f for f in SCOPE if getattr(rule, f) is not None]
        if any(getattr(rule, f) != row[f] for f in named):
            continue
        strength = (at >= split, len(named), [f in named for f in PRECEDENCE], at)
        for field in rule.model_fields_set - set(SCOPE):
            if field not in strengths or strength > strengths[field]:
                strengths[field], found[field] = strength, getattr(rule, field)
    return found


def limits_of(rule, reference):
    """(low, high) of warning, critical and recover in the metric's units; None where there is none. For fdr the rates."""
    result = {}
    for field in ("warning", "critical", "recover"):
        limit = rule.get(field)
        pair = [None, None] if limit is None else list(limit) if isinstance(limit, tuple) else [limit, limit]
        pair = [None if x is None else in_units(x, rule["kind"], reference) for x in pair]
        if rule["kind"] != "fdr" and rule["direction"] == "above":
            pair[0] = None
        if rule["kind"] != "fdr" and rule["direction"] == "below":
            pair[1] = None
        result[field] = pair
    return result


def in_units(limit, kind, reference):
    values = sorted(reference)
    if kind == "reference_quantile":
        if not values:
            return None
        place = limit * (len(values) - 1)
        at = min(max(math.floor(place), 0), len(values) - 1)
        a, b, share = values[at], values[min(at + 1, len(values) - 1)], place - at
        return a + (b - a) * share if share < 0.5 else b - (b - a) * (1 - share)
    if kind == "reference_std":
        if len(values) < 2:
            return None
        mean = sum(values) / len(values)
        return mean + limit * math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))
    return limit


def adjusted(p, family):
    """Benjamini and Hochberg: the least of p · m / rank over the equal and higher ranks."""
    ps = sorted(family)
    return min(q * (len(ps) / (rank + 1)) for rank, q in enumerate(ps) if q >= p)


def judge(rows, rules, defaults):
    """Rows (dicts) of log and reference → {(names, start): (level, warning, critical, side)} of those of the log."""
    series = {}
    for row in rows:
        days = (row["window_end"] - row["window_start"]).days
        series.setdefault((*(row[f] for f in SCOPE), DAYS.get(days)), []).append(row)
    force, judged, families = {}, {}, {}
    for key, members in series.items():
        rule = force[key] = in_force(rules, defaults, members[0])
        rule["by_since"] = {since: limits_of(rule, own) for since, own in references_of(key, series, rule).items()}
        rule["limits"] = rule["by_since"][None]
        known = [rule["limits"]] if not rule["kind"].startswith("reference") else rule["by_since"].values()
        has_limit = any(x is not None for limits in known for f in ("warning", "critical") for x in limits[f])
        rule["active"] = rule["enabled"] and rule["window"] == key[-1] and has_limit
        judged[key] = [
            x for x in sorted(members, key=lambda x: x["window_start"])
            if x["dataset"] == "log" and rule["active"] and x["value"] == x["value"] and enough(x, rule)
            and (rule["kind"] != "fdr" or x["p_value"] == x["p_value"])
            and any(limit is not None for f in ("warning", "critical") for limit in at(rule, x)["limits"][f])
        ]  # fmt: skip
        if rule["kind"] == "fdr":
            for x in judged[key]:
                families.setdefault(family_of(x), []).append(x["p_value"])

    result = {}
    for key, members in series.items():
        rule = force[key]
        levels = levels_of(judged[key], rule, families)
        for x in members:
            if x["dataset"] == "log":
                level = levels.get(x["window_start"], -1)
                result[(key, x["window_start"])] = (level, *shown(x["value"], at(rule, x)))
    return result


def references_of(key, series, rule):
    """Values of the reference's own windows that the limits are told by, by the day since when: None for the reference itself."""
    members = series[key]
    shared = [x for other, rows in series.items() if other[1] == "" and (other[0], *other[2:]) == (key[0], *key[2:]) for x in rows]
    has_own = any(x["dataset"] == "reference" for other, rows in series.items() if other[:2] == key[:2] for x in rows)
    found = {None: [x for x in (members if has_own else shared) if x["dataset"] == "reference" and x["value"] == x["value"]]}
    for x in members:
        if x["dataset"].startswith("normal ") and x["value"] == x["value"]:
            found.setdefault(pd.Timestamp(x["dataset"].removeprefix("normal ")), []).append(x)
    return {since: [x["value"] for x in rows if enough(x, rule)] for since, rows in found.items()}


def at(rule, row):
    """The rule with the limits of the latest normal that had begun by then."""
    begun = [since for since in rule["by_since"] if since is not None and since <= row["window_start"]]
    return {**rule, "limits": rule["by_since"][max(begun)]} if begun and rule["kind"].startswith("reference") else rule


def enough(row, rule):
    return row["rows"] >= rule["min_rows"] and not row["coverage"] < rule["min_coverage"]


def family_of(row):
    return *(row[f] for f in SCOPE if f != "column"), row["window_start"], row["window_end"]


def beyond(row, rule, field, families, floors):
    low, high = rule["limits"][field]
    value = row["value"]
    asked = [row[f] for f in ("noise", "usual") if floors and rule.get(f"above_{f}")]
    risen, fallen = all(not value <= floor for floor in asked), all(not value >= floor for floor in asked)
    if rule["kind"] == "fdr":
        return high is not None and risen and adjusted(row["p_value"], families[family_of(row)]) <= high
    return (high is not None and value > high and risen) or (low is not None and value < low and fallen)


def levels_of(rows, rule, families):
    k, n = rule["for_windows"]
    levels, hits, is_open = {}, [], False
    lowest = 2 if rule["limits"]["warning"] == [None, None] else 1
    for row in rows:
        rule = at(rule, row)
        critical = beyond(row, rule, "critical", families, floors=True)
        hits.append((critical or beyond(row, rule, "warning", families, floors=True), critical))
        some, bad = (hits[-1][i] and sum(h[i] for h in hits[-n:]) >= k for i in (0, 1))
        level = 2 if bad else 1 if some else 0
        if level == 0 and is_open and beyond(row, rule, "recover", families, floors=False):
            level = lowest
        is_open = level > 0
        levels[row["window_start"]] = level
    return levels


def shown(value, rule):
    """What the columns warning, critical and side show: the limits of the side that the value is nearer to."""
    pairs = [rule["limits"][f] for f in ("warning", "critical")]
    side = "below" if rule["direction"] == "below" and rule["kind"] != "fdr" else "above"
    if rule["kind"] == "fdr" or not rule["active"]:
        pairs = [[None, None]] * 2
    elif rule["direction"] == "outside":
        low, high = pairs[0] if pairs[0][1] is not None else pairs[1]
        side = "below" if low is not None and value < (low + high) / 2 else "above"  # the reference may not know of any yet
    return *(pair[side == "above"] for pair in pairs), side
