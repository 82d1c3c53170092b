"""How names and constants go into SQL. Values are bound; only what cannot be bound is written out here."""


def quote(name: str) -> str:
    """An identifier, whatever it holds: `in"come; --` becomes `"in""come; --"`."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text constant, where SQL takes no parameter (ATTACH, LOAD, COPY)."""
    return "'" + text.replace("'", "''") + "'"
