"""README's sum by hand gives what it says, and what Vigia measures."""

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_sum_by_hand_gives_what_is_said(monkeypatch):
    monkeypatch.chdir(README.parent)
    text = README.read_text(encoding="utf-8")
    code, said = re.search(r"```python\n(.*?)```", text, re.DOTALL), re.search(r"as (\d\.\d+)\. From the raw rows", text)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code[1], {})
    assert f"{float(printed.getvalue()):.4f}" == said[1]


def test_every_dependency_has_its_line():
    table = README.read_text(encoding="utf-8")
    for line in (README.parent / "requirements.txt").read_text().splitlines():
        name = line.split("==")[0]
        assert name in table or name.removeprefix("duckdb-extension") in table
