"""How much the model looked at each input, where the log itself says so: columns `importance_<input>`, a number for each row."""

from data.guess import importance_of
from data.sql import quote
from data.store import Store, columns, table


def logged(store: Store, model: str, version: str | None, version_column: str | None) -> dict[str, float]:
    """Input → mean of the absolute values in its column, of the rows of one version (of all without one); empty where the log has none.

    Attributions (SHAP values for one) have a sign, and amounts do not: how far a row's score was moved counts, not in which direction.
    """
    cursor = store.cursor()
    found = {name: importance_of(name) for name in columns(cursor, "log", model)}
    named = {column: own for column, own in found.items() if own is not None}
    if not named:
        return {}
    amounts = [f"try_cast({quote(column)} AS DOUBLE)" for column in named]
    means = ", ".join(f"avg(abs({x})) FILTER (isfinite({x}))" for x in amounts)
    condition, values = ("true", []) if version is None or version_column is None else (f"{quote(version_column)} = ?", [version])
    row = cursor.execute(f"SELECT {means} FROM {table('log', model)} WHERE {condition}", values).fetchone() or ()
    # Twelve figures: the last ones depend on how two threads added up.
    return {own: float(f"{mean:.12g}") for own, mean in zip(named.values(), row, strict=True) if mean is not None}
