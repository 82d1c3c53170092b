"""Sources: what is loaded, from where, when and by whom; adding files, the roles of columns, taking a load back."""

import streamlit as st

from data.errors import BadInput
from data.sample.bundle import load_sample
from pages.parts import jobs, loaded, reads, role_table, uploads, words

LOADED, ADD, ROLES = "Loaded", "Add files", "Roles"


def main() -> None:
    """The page."""
    st.title("Sources", anchor=False)
    jobs.show_told()
    at = reads.snapshot()
    loads, models = reads.loads(at), reads.all_models(at)
    if loads.empty:
        welcome()
        uploads.draw(models)
        return
    here, add, roles = st.tabs([LOADED, ADD, ROLES], key="sources_tab")
    with here:
        loaded.draw(loads)
    with add:
        uploads.draw(models)
    with roles:
        change_roles(models)


def welcome() -> None:
    """What one sees in an empty store: the place to start."""
    with st.container(border=True):
        st.subheader(words.NO_DATA, anchor=False)
        st.markdown(
            "Choose a log below: what each column is for is guessed and shown with the reason before anything is loaded. "
            "Or look around first with a year of real flights, scored by three versions of a model."
        )
        if st.button("Load the sample", icon=":material/flight_takeoff:"):
            jobs.sample(load_sample)
            st.rerun()
        st.markdown("On the command line: `python -m monitors sample`, or `python -m monitors load log.parquet --model my-model`")


def change_roles(models: list[str]) -> None:
    """The roles of a model as they are remembered, to be changed with a reason."""
    if not models:
        st.info("No model has rows now.", icon=":material/info:")
        return
    model = st.selectbox("Roles of", models, key="roles_of", width=240)
    at = reads.snapshot()
    shown = reads.remembered_roles(model, at)
    try:
        wanted = role_table.editor(shown, f"remembered {model} {at}", reasons=False)
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("Why", key=f"why_roles {model} {at}", placeholder="Kept with the change", max_chars=300, width=420)
        save = st.button("Save roles", type="primary", disabled=wanted == shown.roles)
    role_table.entries(reads.role_entries(model, at))
    if not save:
        return
    if not reason.strip():
        st.error("Write why first: it is kept for those who ask later.", icon=":material/error:")
        return
    try:
        jobs.change_roles(model, wanted, reason.strip())
    except BadInput as mistake:
        st.error(words.escaped(str(mistake)), icon=":material/error:")
        return
    st.rerun()


main()
