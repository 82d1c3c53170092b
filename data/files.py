"""Files as they come: found by name or glob, recognised by content, hashed, and turned to UTF-8 where they are something else."""

import codecs
import glob
import hashlib
import io
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from data.errors import BadInput, near
from data.formats import sagemaker

CHUNK = 4 << 20
HEAD = 1 << 20  # what is looked at to recognise a file
UTF16 = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
NOT_TABLES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
)
JSON_START = re.compile(r'\s*(\{\s*["}]|\[\s*[{\[\]"\d])')
UNPACK = "Vigia reads CSV, JSON, JSON Lines and Parquet, the texts also as .gz and .zst."


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells that a file is still the same one."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file to load: `name` is what the person calls it, `kind` csv, json, parquet, None if empty; `text` lies in UTF-8.

    `outputs` are the columns that the model made, where the format tells them apart.
    """

    path: Path
    name: str
    kind: str | None
    compression: str
    encoding: str
    stamp: Stamp
    sha256: str
    text: Path
    head: str
    notes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The name without folders, for sentences."""
        return Path(self.name).name


def expand(files: Sequence[str | Path]) -> list[Path]:
    """Every file named, globs in sorted order; each file once."""
    found: dict[Path, None] = {}
    for file in files:
        path = Path(file)
        if path.exists():
            matches = [path]
        elif glob.has_magic(str(file)):
            matches = [Path(m) for m in sorted(glob.glob(str(file), recursive=True)) if Path(m).is_file()]
            if not matches:
                raise BadInput(f'No file matches "{file}". Check the folder and the pattern (and quote it for the shell).')
        else:
            raise BadInput(_missing(path))
        found |= dict.fromkeys(matches)
    if not found:
        raise BadInput("No file was named. Name one, several, or a pattern such as logs/*.parquet.")
    return list(found)


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f'There is no file "{path}": the folder "{folder}" does not exist.'
    return f'There is no file "{path}". {near(path.name, sorted(p.name for p in folder.iterdir() if p.is_file()))}'.rstrip()


@contextmanager
def opened(path: Path, name: str) -> Iterator[Source]:
    """Recognise and hash a file; within, `text` is readable by DuckDB (a temporary copy, if it was not UTF-8)."""
    try:
        source, copy = _recognise(path, name)
    except OSError as error:
        raise BadInput(f"{Path(name).name} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    try:
        yield source
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


def check_unchanged(source: Source) -> None:
    """Refuse a file that is no longer the one that was recognised: by size, time and inode, then by its bytes."""
    try:
        same = stamp(source.path) == source.stamp and digest(source.path) == source.sha256
    except OSError:
        same = False
    if not same:
        raise BadInput(f"{source.short} changed while it was read; nothing was loaded. Load it again when it is complete.")


def stamp(path: Path) -> Stamp:
    """Size, time and inode of a file."""
    stat = path.stat()
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ino)


def digest(path: Path) -> str:
    """SHA-256 of the bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


def _recognise(path: Path, name: str) -> tuple[Source, Path | None]:
    short = Path(name).name
    if path.is_dir():
        raise BadInput(f'"{name}" is a folder. Name its files, for example "{Path(name) / "*.parquet"}".')
    if not path.exists():
        raise BadInput(_missing(path))
    if not path.is_file():
        raise BadInput(f'"{name}" is not a regular file, so it cannot be read twice and compared. Save it to a file first.')
    before, sha256 = stamp(path), digest(path)
    with path.open("rb") as file:
        start = file.read(16)
    if before.size == 0:
        return Source(path, name, None, "none", "utf-8", before, sha256, path, "", (f"{short} is empty: 0 bytes.",)), None
    if start.startswith(b"PAR1"):
        return Source(path, name, "parquet", "none", "", before, sha256, path, ""), None
    for magic, what in NOT_TABLES:
        if start.startswith(magic):
            raise BadInput(f"{short} is {what}. {UNPACK}")
    if name.lower().endswith((".parquet", ".pq")):
        raise BadInput(
            f"{short} is named like a Parquet file but does not begin like one. Was it written to its end, or is it text?"
        )
    compression = _compression(start, short)
    head = _head(path, compression, short)
    encoding = _encoding_of_head(head, short)
    copy, encoding, notes = _in_utf8(path, compression, encoding, short)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    is_capture = sagemaker.is_capture(text)
    kind = "json" if is_capture or JSON_START.match(text) else "csv" if text.strip() else None
    if kind is None:
        notes = (*notes, f"{short} is empty: it holds only blanks.")
    source = Source(path, name, kind, "none" if copy else compression, encoding, before, sha256, copy or path, text, notes)
    return _unpacked(source, copy) if is_capture else (source, copy)


def _unpacked(source: Source, copy: Path | None) -> tuple[Source, Path]:
    """A log that holds whole requests as texts, as plain rows in a copy."""
    met, rows = sagemaker.Unpacked(), 0
    handle, name = tempfile.mkstemp(prefix="vigia-", suffix=".jsonl")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out, _stream(source.text, source.compression) as stream:
            for row in sagemaker.unpack(io.TextIOWrapper(stream, "utf-8-sig"), met):
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                rows += 1
        notes = (*source.notes, *sagemaker.notes(source.short, met))
        if not rows:
            raise BadInput(f"{notes[-1]} None is left, so nothing was loaded.")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)
    head = _head(Path(name), "none", source.short).decode(errors="replace")
    text = Path(name)
    return replace(source, compression="none", text=text, head=head, notes=notes, outputs=tuple(met.outputs)), text


def _compression(start: bytes, short: str) -> str:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if start.startswith((b"BZh", b"\xfd7zXZ", b"\x04\x22\x4d\x18")):
        raise BadInput(f"{short} is compressed in a way that is not read here. {UNPACK}")
    return "none"


def _stream(path: Path, compression: str) -> IO[bytes]:
    return cast(IO[bytes], pa.input_stream(str(path), compression=cast(Any, None if compression == "none" else compression)))


def _chunks(path: Path, compression: str, short: str) -> Iterator[bytes]:
    try:
        with _stream(path, compression) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except (pa.ArrowException, EOFError, OSError) as error:
        if compression == "none":
            raise
        raise BadInput(
            f"{short} is damaged or cut off: its {compression} stream does not end as it should. Copy the file again."
        ) from error


def _head(path: Path, compression: str, short: str) -> bytes:
    head = b""
    for chunk in _chunks(path, compression, short):
        head += chunk
        if len(head) >= HEAD:
            break
    return head[: HEAD - HEAD % 4]


def _encoding_of_head(head: bytes, short: str) -> str:
    for mark, encoding in UTF16:
        if head.startswith(mark):
            return encoding
    start = head[:1000]
    even, odd = (start[half::2].count(0) / max(len(start) // 2, 1) for half in (0, 1))
    if even < 0.2 and odd > 0.8:
        return "utf-16-le"
    if odd < 0.2 and even > 0.8:
        return "utf-16-be"
    if b"\0" in start:
        raise BadInput(f"{short} is neither text nor Parquet. {UNPACK}")
    return "utf-8"


def _in_utf8(path: Path, compression: str, encoding: str, short: str) -> tuple[Path | None, str, tuple[str, ...]]:
    """A copy in plain UTF-8 with one kind of line end, where the file is not so already; the encoding found; notes."""
    if encoding == "utf-8":
        wrong, mixed = _look(path, compression, short)
        if wrong is None:
            return (_copy(path, compression, "utf-8", short) if mixed else None), "utf-8", ()
        encoding = "cp1252"
    try:
        copy = _copy(path, compression, encoding, short)
    except UnicodeDecodeError as error:
        if encoding != "cp1252":
            raise BadInput(f"{short} begins like {encoding.upper()} but is not it throughout. Save it as UTF-8.") from error
        encoding = "latin-1"  # reads any bytes; cp1252 leaves five of them undefined
        copy = _copy(path, compression, encoding, short)
    called = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}.get(encoding, "UTF-16")
    return copy, encoding, (f"{short} is not UTF-8; read as {called}.",)


def _look(path: Path, compression: str, short: str) -> tuple[int | None, bool]:
    """The line of the first byte that is not UTF-8, and whether line ends are mixed.

    A file with good multi-byte characters before a bad byte is broken UTF-8 and refused; one without is some other encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    crlf = lf = 0
    foreign, last = False, b""
    for chunk in _chunks(path, compression, short):
        try:
            text = decoder.decode(chunk)
            foreign = foreign or not (chunk.isascii() or text.strip("\ufeff").isascii())
        except UnicodeDecodeError as error:
            line = lf + chunk[: max(error.start, 0)].count(b"\n") + 1
            good = chunk[: max(error.start - 4, 0)].decode("utf-8", "ignore")
            if foreign or not good.isascii():
                raise BadInput(f"{short}, line {line:,}: not UTF-8, though the lines before it are. Mend that line.") from error
            return line, False
        # b"\r\n" may be cut in two by the end of a chunk
        crlf += chunk.count(b"\r\n") + (last.endswith(b"\r") and chunk.startswith(b"\n"))
        lf += chunk.count(b"\n")
        last = chunk
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        if foreign:
            raise BadInput(f"{short} ends in the middle of a character: it was cut off. Copy the file again.") from error
        return lf + 1, False
    return None, 0 < crlf < lf


def _copy(path: Path, compression: str, encoding: str, short: str) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)()
    handle, name = tempfile.mkstemp(prefix="vigia-", suffix=".txt")
    copy, kept = Path(name), ""
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in _chunks(path, compression, short):
                text = kept + decoder.decode(chunk)
                kept = "\r" if text.endswith("\r") else ""
                out.write(text[: len(text) - len(kept)].replace("\r\n", "\n").encode())
            out.write((kept + decoder.decode(b"", final=True)).encode())
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    return copy
