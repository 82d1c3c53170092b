"""The colours of states, versions and lines, light and dark; the rest of the theme is in .streamlit/config.toml.

States reach 4.5:1 against the page in both. Versions stay apart in protanopia and deuteranopia too, mostly by their lightness.
"""

from dataclasses import dataclass

import streamlit as st

LEVELS = (-1, 0, 1, 2)  # not judged, ok, warning, critical


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme's colours. `states` are for text, lines and marks, `cells` for areas, both in the order of LEVELS."""

    background: str
    text: str
    muted: str
    grid: str
    primary: str
    states: tuple[str, str, str, str]
    cells: tuple[str, str, str, str]
    series: tuple[str, ...]
    planted: str
    real: str

    def state(self, level: int) -> str:
        """The colour of a level for text, lines and marks."""
        return self.states[LEVELS.index(level)]


LIGHT = Palette(
    background="#FFFFFF",
    text="#0B131B",
    muted="#52606D",
    grid="#E4EAEF",
    primary="#0B6B78",
    states=("#52606D", "#1B7A4B", "#8F5A00", "#B3261E"),
    cells=("#E6EBEF", "#CDE6D8", "#F0B94D", "#B3261E"),
    series=("#2A6FBB", "#7F9A22", "#4A2377", "#3F959B", "#0E4A33", "#A0708F"),
    planted="#B0478F",
    real="#52606D",
)
DARK = Palette(
    background="#0F161D",
    text="#E6EDF3",
    muted="#A3B1BF",
    grid="#24303B",
    primary="#4FC3D0",
    states=("#A3B1BF", "#5CC48D", "#E8AE45", "#FF7A70"),
    cells=("#26323D", "#1E4A39", "#C98F22", "#DB5850"),
    series=("#6AA9F0", "#C3DB6B", "#9A7BFF", "#7FE3D6", "#6E8F4E", "#E7A6C8"),
    planted="#F08CCB",
    real="#A3B1BF",
)


def palette() -> Palette:
    """Of the theme that the browser shows."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def faint(colour: str, opacity: float) -> str:
    """The colour as if seen through."""
    return f"rgba{(*_rgb(colour), opacity)}"


def over(colour: str, opacity: float, background: str) -> str:
    """What `faint` looks like on a background."""
    mixed = [round(opacity * a + (1 - opacity) * b) for a, b in zip(_rgb(colour), _rgb(background), strict=True)]
    return f"#{mixed[0]:02X}{mixed[1]:02X}{mixed[2]:02X}"


def readable(colour: str) -> str:
    """Black or white, whichever is easier to read on the colour."""
    red, green, blue = ((part / 255) ** 2.2 for part in _rgb(colour))
    return "#10171E" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.19 else "#FFFFFF"  # where both have one contrast, after WCAG
