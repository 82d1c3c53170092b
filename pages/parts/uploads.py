"""Adding files: what they are, what their columns are for, and the load."""

import tempfile
from typing import Any

import streamlit as st

from data import preview as previews
from data import roles as roles_of
from data.errors import BadInput
from data.roles import Roles
from data.store import DATASETS
from pages.parts import jobs, reads, role_table, words

MEANING = {
    "log": "Served inferences: one row, one prediction, with its time.",
    "reference": "What a version is compared with: its training set, or rows known to be healthy.",
    "training": "The features as training computes them, to find where serving computes others.",
    "labels": "What turned out to be true, joined to the log by its inference id.",
}
FORMATS = "CSV, JSON, JSON Lines or Parquet; the texts also as .gz or .zst"


def draw(models: list[str]) -> None:
    """The form; a mistake is told where it was made, and nothing is loaded then."""
    turn = st.session_state.setdefault("upload_turn", 0)
    uploads = st.file_uploader(f"Files: {FORMATS}", accept_multiple_files=True, key=f"files {turn}")
    with st.grid(columns=3, min_column_width=230):
        model = st.selectbox(
            "Into model", models, index=None, key=f"upload_model {turn}", accept_new_options=True,
            placeholder="Choose one or name a new one" if models else "Name a new one",
        )  # fmt: skip
        dataset = st.selectbox("What they are", DATASETS, key=f"upload_dataset {turn}")
        version = None
        if dataset in ("reference", "training"):
            version = st.text_input("For version", key=f"upload_version {turn}", placeholder="every version").strip() or None
    st.caption(MEANING[dataset])
    if not uploads:
        return
    if not (model or "").strip():
        st.info("Name the model that these files belong to.", icon=":material/info:")
        return
    try:
        _one_load(list(uploads), model.strip(), dataset, version, turn)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")


def _one_load(uploads: list[Any], model: str, dataset: str, version: str | None, turn: int) -> None:
    before = roles_of.saved(reads.store(), model)
    base = before or Roles()
    about = f"{turn} {model} {dataset} {reads.snapshot()}"
    settings = role_table.settings(base, f"reading {about}")
    shown = _previewed(uploads, model, dataset, settings, about)
    st.markdown("##### What each column is for")
    asked = [settings, dataset, [upload.file_id for upload in uploads]]
    wanted = role_table.editor(shown, f"roles {about} {asked}")
    how = {"window", "time_zone", "time_format", "decimal"}
    as_found = wanted == shown.roles and all(getattr(settings, name) == getattr(base, name) for name in how)
    count = f"{len(uploads)} files" if len(uploads) > 1 else uploads[0].name
    if st.button(f"Load {words.escaped(count)}", type="primary", icon=":material/upload:"):
        # What was not changed is left to the load, which then remembers the reasons for its guess.
        jobs.load(uploads, model, dataset, version, None if as_found else wanted)
        st.session_state["upload_turn"] = turn + 1
        st.rerun()


def _previewed(uploads: list[Any], model: str, dataset: str, settings: Roles, about: str) -> previews.Preview:
    """The preview of these files, made once for as long as nothing about them changes."""
    key = (about, settings, tuple(upload.file_id for upload in uploads))
    kept = st.session_state.get("preview")
    if kept is not None and kept[0] == key:
        found: previews.Preview = kept[1]
        return found
    with st.spinner("Looking at the files …"), tempfile.TemporaryDirectory(prefix="vigia-upload-") as folder:
        paths = jobs.written(uploads, folder)
        found = previews.preview(reads.store(), paths, [upload.name for upload in uploads], model, dataset, settings)
    st.session_state["preview"] = (key, found)
    return found
