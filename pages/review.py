"""Review: alerts and incidents as a list to work through, and what people say of them."""

import pandas as pd
import streamlit as st

from monitors import incidents
from pages.parts import (
    reads_changes,
    reads_review,
    review_decide,
    review_decisions,
    review_incident,
    review_list,
    review_rules,
    sidebar,
)
from pages.parts.heading import heading
from pages.parts.scope import Scope

VIEWS = ("Incidents", "Alerts", "Decisions", "Rules")


def main() -> None:
    """The page."""
    scope = sidebar.scope()
    heading("Review", "review")
    found = reads_review.alerts(scope.model, scope.snapshot)
    review_list.counts(found)
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params", label_visibility="collapsed"
    )
    if view == "Decisions":
        review_decisions.draw(scope)
    elif view == "Rules":
        review_rules.draw(scope, found)
    elif found.empty:
        review_list.nothing(scope)
    elif view == "Incidents":
        by_incident(scope, found)
    else:
        by_alert(scope, found)


def by_incident(scope: Scope, found: pd.DataFrame) -> None:
    """The list of incidents, and the chosen one."""
    changes = reads_changes.changes(scope.model, scope.snapshot)
    shown = review_list.in_scope(found, scope)
    listed = incidents.incidents(found[found["incident"].isin(shown["incident"])], changes)
    name = review_list.choose(review_list.filtered(listed, found), found)
    if name is None:
        review_decide.told()
    else:
        review_incident.draw(scope, found[found["incident"] == name].reset_index(drop=True), changes)


def by_alert(scope: Scope, found: pd.DataFrame) -> None:
    """Every alert, whatever belongs together."""
    shown = review_list.in_scope(found, scope)
    review_incident.alerts_alone(scope, review_list.filtered(shown, found))


main()
