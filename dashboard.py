"""What every run of the script draws around a page, for `make dashboard`: registers the pages, opens the store, draws the sidebar."""

from pathlib import Path

import streamlit as st

from data.errors import BadInput
from pages.parts import reads, sidebar, words

HERE = Path(__file__).parent
# A page is in the menu once its file is there; the first is where one lands.
PAGES = {
    "overview": ("Overview", ":material/space_dashboard:"),
    "drift": ("Drift", ":material/ssid_chart:"),
    "schema": ("Schema", ":material/rule:"),
    "skew": ("Skew", ":material/compare_arrows:"),
    "stability": ("Stability", ":material/monitor_heart:"),
    "latency": ("Latency", ":material/speed:"),
    "quality": ("Quality", ":material/verified:"),
    "fairness": ("Fairness", ":material/balance:"),
    "versions": ("Versions", ":material/history:"),
    "thresholds": ("Thresholds", ":material/tune:"),
    "review": ("Review", ":material/fact_check:"),
    "sources": ("Sources", ":material/database:"),
}


def main() -> None:
    """One run of the script: the shell, then the page."""
    st.set_page_config("Vigia", str(HERE / "pages/parts/favicon.png"), layout="wide")
    st.logo(str(HERE / "pages/parts/logo.svg"), size="large", icon_image=str(HERE / "pages/parts/mark.svg"))
    there = {name: shown for name, shown in PAGES.items() if (HERE / "pages" / f"{name}.py").exists()}
    page = st.navigation([st.Page(f"pages/{name}.py", title=title, icon=icon) for name, (title, icon) in there.items()])
    try:
        reads.store()
        sidebar.draw()
        sidebar.follow()
        page.run()
    except BadInput as mistake:  # a person's mistake is told in its one sentence; any other error is ours and keeps its traceback
        st.error(words.escaped(str(mistake)), icon=":material/error:")


main()
