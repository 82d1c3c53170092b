"""The one exception that is a person's mistake, and the words that help to mend it."""

from collections.abc import Iterable
from difflib import get_close_matches


class BadInput(Exception):
    """A mistake in a call or in the data, told in one sentence: where, what was expected, what was found, how to mend it.

    The command line prints it and exits 2; a page shows it in `st.error`.
    """


def near(name: str, options: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the names most like it, else all that there are."""
    known = list(options)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return "Did you mean " + " or ".join(f'"{c}"' for c in close) + "?"
    return "There is " + ", ".join(f'"{k}"' for k in known[:12]) + (" …" if len(known) > 12 else "") + "." if known else ""
