"""What the command line writes: results on stdout, progress on stderr when it is a terminal."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
from tqdm import tqdm

from data.errors import BadInput
from monitors.alerts import with_model


def date(text: str) -> datetime:
    """A day or a time for --since; UTC unless it says otherwise."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is not a date: write it like 2026-03-01') from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


@contextmanager
def progress() -> Iterator[Callable[[str, float], None]]:
    """A bar of steps, each with the share done."""
    with tqdm(
        total=100, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False, bar_format="{desc:<40} {bar} {n:3.0f} %"
    ) as bar:

        def tell(step: str, share: float) -> None:
            bar.set_description_str(step, refresh=False)
            bar.n = 100 * share
            bar.refresh()

        yield tell


@contextmanager
def rows_progress() -> Iterator[Callable[[float, int, float | None], None]]:
    """A bar of a load: share, rows so far, time left."""
    with progress() as tell:

        def rows(share: float, count: int, left: float | None) -> None:
            tell(f"{count:,} rows" + (f", {left:,.0f} s left" if left is not None else ""), share)

        yield rows


def write(table: pd.DataFrame, form: str, target: str | None) -> None:
    """A table as CSV, JSON (a list of objects, blanks null) or Parquet; to stdout, or whole into a file.

    Times are ISO 8601 in UTC. Floats have as many digits as tell them apart, so that reading gives the same bits.
    """
    if form == "parquet":
        if target is None:
            raise BadInput("Parquet is not for the screen: name a file with -o.")
        table.to_parquet(target, index=False)
        return
    write_text(text(table, form), target)


def text(table: pd.DataFrame, form: str) -> str:
    """A table as CSV or JSON, as `write` writes it."""
    shown = table.copy()
    for name in shown.columns:
        if isinstance(shown[name].dtype, pd.DatetimeTZDtype):
            shown[name] = shown[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ").where(shown[name].notna(), None)
    return shown.to_csv(index=False, lineterminator="\n") if form == "csv" else _json(shown)


def write_text(written: str, target: str | None) -> None:
    """Into a file, or onto stdout."""
    if not target:
        sys.stdout.write(written)
        return
    try:
        Path(target).write_text(written, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}. Name a file that may be written, with -o.") from error


def pairs(given: Sequence[str], example: str) -> dict[str, str]:
    """`name=value` words as a dictionary; the value may hold further equals signs."""
    for word in given:
        if "=" not in word:
            raise BadInput(f'"{word}": expected name=value, such as {example}.')
    return dict(word.split("=", 1) for word in given)


def read_text(path: str, what: str) -> str:
    """What a file holds; `what` it should be ends the sentence if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadInput(f"{path}: {why}. Name {what}.") from error


def _json(table: pd.DataFrame) -> str:
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return json.dumps(records, ensure_ascii=False, default=list) + "\n"


def check(failing: pd.DataFrame, form: str, level: str, when: str) -> None:
    """The verdict of `check`: sentences, JSON, or JUnit XML that CI systems show as failed tests."""
    lines = with_model(failing)
    if form == "json":
        write(failing, "json", None)
    elif form == "junit":
        suite = ElementTree.Element("testsuite", name="vigia", tests=str(max(len(lines), 1)), failures=str(len(lines)))
        for line, row in zip(lines, failing.to_dict("records"), strict=True):
            name = f"{row['metric']}{' of ' if row['column'] else ''}{row['column'] or ''} ({row['segment']})"
            case = ElementTree.SubElement(
                suite, "testcase", classname=f"{row['model']}.{row['version']}.{row['monitor']}", name=name
            )
            ElementTree.SubElement(case, "failure", message=line, type=str(row["severity"])).text = line
        if not lines:
            ElementTree.SubElement(suite, "testcase", classname="vigia", name="no alerts")
        print(ElementTree.tostring(suite, encoding="unicode", xml_declaration=True))
    else:
        what = ("critical " if level == "critical" else "") + ("alert" if len(lines) == 1 else "alerts")
        print("\n".join([f"{len(lines)} {what} {when}:", *(f"  {line}" for line in lines)]) if lines else f"No {what} {when}.")
