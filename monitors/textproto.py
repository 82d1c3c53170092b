"""textproto: the text form of protocol buffers, read without their definition, so that every field can be named, known or not."""

import re
from typing import Any

from data.errors import BadInput

Message = dict[str, list[Any]]  # field → its values in order: a Message, a text (of quotes), a bool, an int, a float, or a Word
TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<sign>[{}<>:;,\[\]])
    |(?P<word>[-+]?[\w.][\w./+-]*)""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92, "'": 39, '"': 34, "?": 63}
CLOSING = {"{": "}", "<": ">"}


class Word(str):
    """An enum value or another bare word."""


def read(text: str, origin: str) -> Message:
    """The message in a text.

    Raises
    ------
    BadInput : it is no protobuf text; names the line.
    """
    tokens, at = [], 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise _refused(origin, text, at, f"`{text[at]}` does not belong into a protobuf text")
        if found.lastgroup != "skip":
            tokens.append((str(found.lastgroup), found.group(), at))
        at = found.end()
    reader = _Reader(tokens, text, origin)
    return reader.message(None)


def _refused(origin: str, text: str, at: int, why: str) -> BadInput:
    return BadInput(f"{origin}, line {text.count(chr(10), 0, at) + 1}: {why}.")


class _Reader:
    """A place in a list of tokens; each method takes what it reads."""

    def __init__(self, tokens: list[tuple[str, str, int]], text: str, origin: str) -> None:
        self.tokens, self.text, self.origin, self.at = [*tokens, ("end", "", len(text))], text, origin, 0

    def refused(self, wanted: str) -> BadInput:
        kind, token, at = self.tokens[self.at]
        return _refused(self.origin, self.text, at, f"expected {wanted}, found {'the end' if kind == 'end' else f'`{token}`'}")

    def took(self, *signs: str) -> str | None:
        kind, token, _ = self.tokens[self.at]
        if kind != "sign" or token not in signs:
            return None
        self.at += 1
        return token

    def message(self, end: str | None) -> Message:
        found: Message = {}
        while not (self.took(end) if end is not None else self.tokens[self.at][0] == "end"):
            name = self.name()
            colon = self.took(":")
            if opening := self.took("{", "<"):
                found.setdefault(name, []).append(self.message(CLOSING[opening]))
            elif colon and self.took("["):
                found.setdefault(name, []).extend(self.listed())
            elif colon:
                found.setdefault(name, []).append(self.value())
            else:
                raise self.refused("`:` or `{`")
            self.took(",", ";")
        return found

    def name(self) -> str:
        if self.took("["):  # of an extension
            name = self.word()
            if not self.took("]"):
                raise self.refused("`]`")
            return f"[{name}]"
        return self.word()

    def word(self) -> str:
        kind, token, _ = self.tokens[self.at]
        if kind != "word":
            raise self.refused("the name of a field")
        self.at += 1
        return token

    def listed(self) -> list[Any]:
        values: list[Any] = []
        while not self.took("]"):
            opening = self.took("{", "<")
            values.append(self.message(CLOSING[opening]) if opening else self.value())
            self.took(",")
        return values

    def value(self) -> Any:
        kind, token, _ = self.tokens[self.at]
        if kind == "text":
            parts = []
            while self.tokens[self.at][0] == "text":  # texts in a row are one
                parts.append(_bytes(self.tokens[self.at][1][1:-1]))
                self.at += 1
            return b"".join(parts).decode("utf-8", "replace")
        if kind != "word":
            raise self.refused("a value")
        self.at += 1
        return _scalar(token)


def _scalar(token: str) -> Any:
    if token in ("true", "True", "t", "false", "False", "f"):
        return token[0] in "tT"
    for read_as in (
        lambda t: int(t, 0),
        lambda t: float(t.rstrip("fF") if t[-1:] in "fF" and t.lower() not in ("inf", "-inf") else t),
    ):
        try:
            return read_as(token)
        except ValueError:
            pass
    return Word(token)


def _bytes(text: str) -> bytes:
    """A text with its escapes undone: \\n, \\", \\x41, \\101."""
    out, at = bytearray(), 0
    for found in re.finditer(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", text, re.DOTALL):
        out += text[at : found.start()].encode()
        code = found.group(1)
        if code[0] == "x" and len(code) > 1:
            out.append(int(code[1:], 16))
        elif code[0] in "01234567":
            out.append(int(code, 8) & 255)
        else:
            out += bytes([ESCAPES[code]]) if code in ESCAPES else code.encode()
        at = found.end()
    return bytes(out + text[at:].encode())


def write(message: Message, indent: int = 0) -> str:
    """A message as text, a field a line."""
    lines = []
    pad = "  " * indent
    for name, values in message.items():
        for value in values:
            if isinstance(value, dict):
                lines.append(f"{pad}{name} {{\n{write(value, indent + 1)}{pad}}}\n")
            else:
                lines.append(f"{pad}{name}: {_written(value)}\n")
    return "".join(lines)


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word) or not isinstance(value, str):
        return str(value) if isinstance(value, Word) else repr(value)
    signs = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    shown = "".join(signs.get(c, c if ord(c) >= 32 else f"\\{ord(c):03o}") for c in value)
    return f'"{shown}"'
