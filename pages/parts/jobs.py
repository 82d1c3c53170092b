"""Loads, runs and undos from a page, with their progress; what came of them is told on the next run of the script."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from data import load as loading
from data.load import Loaded
from data.roles import Roles, saved
from monitors import deliver, invariants, run
from monitors.schemas import Edits, Schema
from pages.parts import reads, sidebar, words

KEY = "told_sources"


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, in a sentence; notes on it, and the model that it is about."""

    sentence: str
    notes: tuple[str, ...]
    model: str


def show_told() -> None:
    """What the last job did, once."""
    told: Told | None = st.session_state.get(KEY)
    if told is None:
        return
    with st.container(border=True):
        st.success(words.escaped(told.sentence), icon=":material/check_circle:")
        for note in told.notes:
            st.markdown(f":material/info: {words.escaped(note)}")
        with st.container(horizontal=True):
            st.button(
                "Show on Overview", icon=":material/arrow_forward:", on_click=_to_overview, args=(told.model,), type="primary"
            )
            st.button("Close", type="tertiary", on_click=st.session_state.pop, args=(KEY, None))


def _to_overview(model: str) -> None:
    st.session_state.pop(KEY, None)
    sidebar.go_to("pages/overview.py", {"model": model})


def written(uploads: Sequence[Any], folder: str) -> list[Path]:
    """The uploaded files in a folder, under their own names where no other has it."""
    paths = []
    for place, upload in enumerate(uploads):
        path = Path(folder) / f"{place}" / Path(upload.name).name
        path.parent.mkdir()
        path.write_bytes(upload.getbuffer())
        paths.append(path)
    return paths


def load(uploads: Sequence[Any], model: str, dataset: str, version: str | None, roles: Roles | None) -> None:
    """Load uploaded files and measure what is new. The bytes lie in a temporary folder while that lasts."""
    bar = st.progress(0.0, "Reading …")
    st.caption("Leaving this page stops it; nothing is half-loaded then.")

    def tell(share: float, rows: int, seconds: float | None) -> None:
        bar.progress(min(share, 1.0), f"Loading: {rows:,} rows" + (f", {_time_left(seconds)} left" if seconds else ""))

    with tempfile.TemporaryDirectory(prefix="vigia-upload-") as folder:
        paths = written(uploads, folder)
        names = [upload.name for upload in uploads]
        loaded = loading.load(reads.store(), paths, model, dataset, version, roles, tell, names)
    ran = _run(model, bar)
    st.session_state[KEY] = Told(
        f"{_loaded_text(loaded, model, dataset)} {ran}", tuple(n for one in loaded for n in one.notes), model
    )


def undo(number: int, model: str, reason: str) -> None:
    """Take a load back and mend what came of it."""
    bar = st.progress(0.0, "Taking it back …")
    sentence = loading.undo(reads.store(), number, reason)
    st.session_state[KEY] = Told(f"{sentence} {_run(model, bar)}", (), model)


def change_roles(model: str, roles: Roles, reason: str) -> None:
    """Remember other roles, re-type what is loaded, and measure anew."""
    bar = st.progress(0.0, "Reading the rows again …")
    sentence = loading.remember(reads.store(), model, roles, reason)
    st.session_state[KEY] = Told(f"{sentence} {_run(model, bar)}", (), model)


def change_schema(model: str, schema: Schema, edits: Edits, reason: str, measure: bool) -> None:
    """Keep edits of a schema; and count anew by them, if asked to."""
    number = invariants.save(reads.store(), model, schema, edits, reason)
    ran = _run(model, st.progress(0.0, "Counting anew …")) if measure else "The next run counts by it."
    st.session_state[KEY] = Told(f"Schema saved as edit {number}. {ran}", (), model)


def sample(load_sample: Callable[..., list[Loaded]]) -> None:
    """Load the bundled sample and measure it."""
    bar = st.progress(0.0, "Loading the sample …")
    loaded = load_sample(reads.store(), lambda step, share: bar.progress(min(share, 1.0), f"{step.capitalize()} …"))
    model = "flight-delay"
    st.session_state[KEY] = Told(f"{_loaded_text(loaded, model, 'sample')} {_run(model, bar)}", (), model)


def _run(model: str, bar: Any) -> str:
    ran = run.run(reads.store(), model, lambda step, share: bar.progress(min(max(share, 0.0), 1.0), f"Measuring: {step} …"))
    bar.progress(1.0, "Telling the channels …")
    notes = deliver.summary(deliver.after_run(reads.store()))
    bar.progress(1.0, "Done")
    told = "Nothing new to measure."
    if ran and ran[0].windows:
        windows = f"{ran[0].windows:,} window{'' if ran[0].windows == 1 else 's'}"
        told = f"{windows} profiled, {ran[0].measurements:,} measurements in {ran[0].seconds:.1f} s."
    return " ".join(filter(None, (told, _missing(model), *(f"{note}." for note in notes))))


def _missing(model: str) -> str:
    """What has to be loaded yet before drift can be measured."""
    loads = loading.loads(reads.store(), model)
    there = set(loads[loads["undone_at"].isna()]["dataset"])
    known = saved(reads.store(), model)
    if "log" in there and "reference" not in there and not (known and known.reference):
        return "Load a reference too: what the log is compared with."
    return "Load a log next: what is watched." if there and "log" not in there else ""


def _loaded_text(loaded: Sequence[Loaded], model: str, dataset: str) -> str:
    new = [one for one in loaded if not one.already]
    if not new:
        return "These bytes are loaded already; nothing was done."
    rows, misfits = sum(one.rows for one in new), sum(one.misfits for one in new)
    files = Path(new[0].file).name if len(new) == 1 else f"{len(new)} files"
    what = "value that does" if misfits == 1 else "values that do"
    odd = f", {misfits:,} {what} not fit the column’s type (kept as text)" if misfits else ""
    return f"Loaded {rows:,} row{'' if rows == 1 else 's'} of {files} into {model} as {dataset}{odd}."


def _time_left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
