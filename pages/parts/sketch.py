"""A figure while it is being drawn: plain dictionaries that Plotly checks once at the end. Each `add_scatter` of its own figure checks
all anew and takes 2 ms, which a chart that follows a slider has not."""

from types import SimpleNamespace
from typing import Any

import plotly.graph_objects as go


class Kept(go.Figure):
    """A figure of which what is sent is made once, at the first time that it is shown: nothing may change it from then on."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self._sent: dict[str, Any] = {}

    def to_dict(self) -> dict[str, Any]:
        """As Plotly's own, which copies the whole figure and packs its arrays: 10 ms of a page that follows a hand."""
        if not self._sent:
            self._sent = super().to_dict()
        return self._sent


class Sketch:
    """Takes the calls of `go.Figure` that our charts make; `figure` gives one."""

    def __init__(self) -> None:
        self.traces: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []
        self.axes: dict[str, dict[str, Any]] = {"xaxis": {}, "yaxis": {}}
        self.others: dict[str, Any] = {}
        self.layout = SimpleNamespace(shapes=())

    def add_scatter(self, **trace: Any) -> None:
        """A trace of lines, marks or both."""
        self.traces.append({"type": "scatter", **trace})

    def add_heatmap(self, **trace: Any) -> None:
        """Cells of colours."""
        self.traces.append({"type": "heatmap", **trace})

    def add_bar(self, **trace: Any) -> None:
        """A trace of bars."""
        self.traces.append({"type": "bar", **trace})

    def add_annotation(self, **note: Any) -> None:
        """A text on the plot."""
        self.notes.append(note)

    def update_xaxes(self, **axis: Any) -> None:
        """The x axis; there is one."""
        self.axes["xaxis"] |= axis

    def update_yaxes(self, **axis: Any) -> None:
        """Every y axis that there is so far."""
        for name in self.axes:
            self.axes[name] |= axis if name.startswith("yaxis") else {}

    def update_layout(self, **layout: Any) -> None:
        """What is not of an axis; a whole axis as a dictionary is added."""
        for name, value in layout.items():
            if name[1:].startswith("axis") and isinstance(value, dict):
                self.axes[name] = self.axes.get(name, {}) | value
            else:
                self.others[name] = value

    def figure(self) -> go.Figure:
        """As Plotly has it, checked."""
        layout = {**self.axes, **self.others, "annotations": self.notes, "shapes": self.layout.shapes}
        return Kept(data=self.traces, layout=layout)
