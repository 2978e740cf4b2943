"""Read a file whole, whatever compresses it; write a file whole, or not at all.

What every reader of text needs is said here once: what a compressed file may unfold to, which
encodings are known, where a line ends, and what a number looks like.
"""

import bz2
import codecs
import gzip
import lzma
import math
import os
import re
import stat
import zlib
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LARGEST_BYTES",
    "Damaged",
    "NotUtf8",
    "Text",
    "decode",
    "first_bytes",
    "line_blocks",
    "number",
    "numbers",
    "plain_lines",
    "read_bytes",
    "read_text",
    "read_utf8",
    "text_lines",
    "write_whole",
]

Source = str | os.PathLike | IO[bytes] | IO[str]
"""What a reader takes: a path, or an open file (bytes or text)."""

LARGEST_BYTES = 2 * 2**30
"""What a compressed file may unfold to [bytes], unless a reader is told otherwise.

Ten million rows of a job log are about as much; but a file of 4 MB can be made to unfold to 4 GB.
"""

# How much is unfolded at once: large enough to cost no time, small against any limit.
_PIECE = 2**20
# How much of a zstd file is handed over at once: each 4 bytes of it may unfold to 128 KiB.
_ZSTD_PIECE = 2**12


class Damaged(ValueError):
    """A compressed file does not unfold to its end: it was cut short, or changed.

    ``before`` are the bytes before the damage, of the file of this ``name``.
    """

    def __init__(self, name: str, why: object, before: bytes = b"") -> None:
        super().__init__(
            f"{name}: the compressed file is damaged or cut short ({why}): fetch it again."
        )
        self.name, self.before = name, before


class NotUtf8(ValueError):
    """A text is in another encoding than UTF-8: only the whole of it tells in which."""


def _read1(stream: Any) -> Iterator[bytes]:
    """Yield what one of Python's own readers unfolds.

    `read` would lose, when a file was cut, what it had unfolded before the cut; `read1` does not.
    """
    while piece := stream.read1(_PIECE):
        yield piece


def _unzstd(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield what a file of zstd frames unfolds to."""
    import zstandard  # only such files need it

    rest, frame = b"", None
    try:
        while data := rest or stream.read(_ZSTD_PIECE):
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            yield frame.decompress(data)
            rest, frame = (frame.unused_data, None) if frame.eof else (b"", frame)
    except zstandard.ZstdError as error:
        raise OSError(error) from error
    if frame is not None:
        raise EOFError("its last frame does not end")


# The first bytes of a compressed file, and what unfolds it.
_UNFOLD: dict[bytes, Callable[[IO[bytes]], Iterator[bytes]]] = {
    b"\x1f\x8b": lambda stream: _read1(gzip.GzipFile(fileobj=stream)),
    b"BZh": lambda stream: _read1(bz2.BZ2File(stream)),
    b"\xfd7zXZ\x00": lambda stream: _read1(lzma.LZMAFile(stream)),  # noqa: SIM115 (closed by who reads)
    b"\x28\xb5\x2f\xfd": _unzstd,
}
# Those that hold files with names of their own, or tables that are no text.
_REFUSED = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save the sheet as CSV",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"\x04\x22\x4d\x18": "compressed with lz4: unpack it first",
    b"PAR1": "a Parquet table: read it with a reader of Parquet",
}


def _zstd(data: bytes) -> bytes:
    import zstandard

    return zstandard.compress(data)


_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),  # no time inside: same data, same bytes
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": _zstd,
}


def _pieces(stream: IO[bytes], name: str, largest_bytes: int) -> Generator[bytes, None, None]:
    """Yield the content of an open file in pieces of a bounded size, unfolded.

    Raises `Damaged` after the last piece that could be unfolded.
    """
    if largest_bytes <= 0:
        raise ValueError(f"largest_bytes is {largest_bytes}: it must be above 0.")
    first = stream.read(max(map(len, (*_UNFOLD, *_REFUSED))))
    for magic, what in _REFUSED.items():
        if first.startswith(magic):
            raise ValueError(f"{name} is {what}.")
    stream = _Pushed(first, stream)  # type: ignore[assignment]
    unfold = next((unfold for magic, unfold in _UNFOLD.items() if first.startswith(magic)), None)
    if unfold is None:
        while piece := stream.read(_PIECE):
            yield piece
        return
    size = 0
    try:
        for piece in unfold(stream):
            size += len(piece)
            if size > largest_bytes:
                raise ValueError(
                    f"{name} unfolds to more than {largest_bytes:,} bytes: if it is meant to, unpack "
                    "it first or pass largest_bytes=; else fetch it again."
                )
            yield piece
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise Damaged(name, error) from error


class _Pushed:
    """An open file with some of its bytes put back in front."""

    def __init__(self, first: bytes, stream: IO[bytes]) -> None:
        self._first, self._stream = first, stream

    def read(self, size: int = -1) -> bytes:
        if not self._first:
            return self._stream.read(size)
        if 0 <= size <= len(self._first):
            data, self._first = self._first[:size], self._first[size:]
            return data
        data, self._first = self._first, b""
        return data + self._stream.read(size if size < 0 else size - len(data))

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _open(source: Source) -> tuple[Any, str]:
    """Return a context that gives the bytes of a file, and its name without its folder."""
    if not hasattr(source, "read"):
        path = Path(source)
        if path.is_dir():
            raise IsADirectoryError(f"{path.name} is a folder: name a file in it.")
        return path.open("rb"), path.name
    name = Path(str(getattr(source, "name", "<buffer>"))).name
    if isinstance(source.read(0), str):
        return BytesIO(str(source.read()).encode("utf-8", "replace")), name
    return nullcontext(source), name


def read_bytes(source: Source, *, largest_bytes: int = LARGEST_BYTES) -> tuple[bytes, str]:
    """Return all bytes of a plain, gzip, bzip2, xz or zstd file, and its name.

    Compression is recognised by the first bytes, not by the name.

    Parameters
    ----------
    source : path or open file
        What to read.  Text files are encoded as UTF-8.
    largest_bytes : int
        What a compressed file may unfold to [bytes].

    Returns
    -------
    data : bytes
        The decompressed content.
    name : str
        The file's name without its folder, for messages and for `JobLog.source`.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ValueError
        If a compressed file is damaged or cut short (`Damaged`) or unfolds to more than
        `largest_bytes`, or is an archive.
    """
    context, name = _open(source)
    pieces: list[bytes] = []
    with context as stream:
        try:
            pieces.extend(_pieces(stream, name, largest_bytes))
        except Damaged as error:
            error.before = b"".join(pieces)
            raise
    return b"".join(pieces), name


def first_bytes(source: Source, size: int) -> tuple[bytes, str]:
    """Return the first bytes of a file, decompressed as by `read_bytes`, and its name.

    No more of the file is read than that takes; fewer come back where it holds fewer.
    """
    context, name = _open(source)
    data = b""
    with context as stream, closing(_pieces(stream, name, LARGEST_BYTES)) as pieces:
        for piece in pieces:
            data += piece
            if len(data) >= size:
                break
    return data[:size], name


def read_utf8(source: Source, *, largest_bytes: int = LARGEST_BYTES) -> tuple[bytes, str]:
    r"""Return the content of a text file as UTF-8 with ``\n`` at the end of lines, and its name.

    As `read_bytes`, with encodings as in `decode` and ends of lines as in `text_lines`.
    """
    data, name = read_bytes(source, largest_bytes=largest_bytes)
    return plain_lines(data, name), name


def plain_lines(data: bytes, name: str = "the file", *, cut: bool = False) -> bytes:
    r"""Return text as UTF-8 with ``\n`` at the end of lines; parameters as in `decode`."""
    if not data.isascii() or b"\0" in data:
        data = decode(data, name, cut=cut).encode("utf-8")
    return plain_ends(data)


def plain_ends(data: bytes) -> bytes:
    r"""Return lines with ``\n`` at their ends, whatever they had."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data


def line_blocks(
    path: str | os.PathLike,
    *,
    size: int,
    largest_bytes: int = LARGEST_BYTES,
    cut: list[tuple[int, str, str, str]] | None = None,
) -> Iterator[tuple[bytes, int]]:
    r"""Yield the lines of a text file in blocks, so that memory does not grow with the file.

    Parameters
    ----------
    path : path
        A plain, gzip, bzip2, xz or zstd file that can be read twice.
    size : int
        About how many bytes a block has; a line is never cut.
    largest_bytes : int
        What a compressed file may unfold to [bytes].
    cut : list, optional
        Where to note the last line of a compressed file that was cut short: its number, ``row``,
        its text and what it must be.  Without it such a file raises.

    Yields
    ------
    block : bytes
        Whole lines as UTF-8, with ``\n`` at their ends, but for the last of the file.
    place : int
        How many bytes of the file as it lies on disk were read.

    Raises
    ------
    NotUtf8
        If the text is in another encoding: read the whole file (`read_utf8`) then.
    ValueError
        As `read_bytes`.
    """
    rest, begun, lines = b"", False, 0
    with open(path, "rb") as stream:
        try:
            for piece, start in _gathered(_pieces(stream, Path(path).name, largest_bytes), size):
                whole, rest = _whole_lines(rest + piece, start=start)
                begun = begun or bool(whole)
                if cut is not None:  # counting takes longer than reading
                    lines += whole.count(b"\n")
                if whole:
                    yield whole, stream.tell()
        except Damaged as damaged:
            if cut is None:
                raise
            reason = "must be whole: the compressed file is damaged or cut short here"
            whole, rest = _whole_lines(rest + damaged.before, start=not begun)
            lines += whole.count(b"\n")
            if whole:
                yield whole, stream.tell()
            cut.append((lines + 1, "row", rest.decode("utf-8", "replace"), reason))
            return
        if rest:
            yield _as_utf8(plain_ends(rest), start=not begun), stream.tell()


def _gathered(pieces: Iterator[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces joined to about `size` bytes, and whether each is the first.

    Raises `Damaged` with what was read since the last of them.
    """
    held: list[bytes] = []
    length, first = 0, True
    try:
        for piece in pieces:
            held.append(piece)
            length += len(piece)
            if length >= size:
                yield b"".join(held), first
                held, length, first = [], 0, False
    except Damaged as damaged:
        damaged.before = b"".join(held)
        raise
    if held:
        yield b"".join(held), first


def _whole_lines(data: bytes, *, start: bool) -> tuple[bytes, bytes]:
    r"""Return the whole lines of `data` as UTF-8 that end in ``\n``, and the rest as it was."""
    # Whether a line break follows a last carriage return is not known yet.
    last = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
    return _as_utf8(plain_ends(data[:last]), start=start), data[last:]


def _as_utf8(data: bytes, *, start: bool) -> bytes:
    """Return lines as they are, without a mark of UTF-8, or raise `NotUtf8`."""
    if start:
        data = data.removeprefix(codecs.BOM_UTF8)
        if any(map(data.startswith, _MARKS)) or _order_of_utf16(data):
            raise NotUtf8("another encoding")
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise NotUtf8(str(error)) from error
    return data


@dataclass(frozen=True)
class Text:
    """A text file in lines.

    Parameters
    ----------
    name : str
        The file's name without its folder.
    lines : tuple of str
        Its lines, without their ends.
    cut : bool
        Whether the last line has no end: the file may be cut short there.
    damage : str
        What is wrong with a compressed file of which `lines` are the beginning; else empty.
    """

    name: str
    lines: tuple[str, ...]
    cut: bool = False
    damage: str = ""


def read_text(
    source: Source,
    *,
    largest_bytes: int = LARGEST_BYTES,
    keep_cut: bool = False,
    latin_1: bool = True,
) -> Text:
    """Read a text file in lines, whatever compresses it, its encoding and its ends of lines.

    Parameters
    ----------
    source : path or open file
        What to read; see `read_bytes`.
    largest_bytes : int
        What a compressed file may unfold to [bytes].
    keep_cut : bool
        Whether of a compressed file that was cut short the lines before the cut are read, and
        `Text.damage` says what is wrong.
    latin_1 : bool
        Whether bytes that are not UTF-8 are Latin-1; else they are refused.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If there is no such file.
    ValueError
        As `read_bytes` and `decode`.
    """
    damage = ""
    try:
        data, name = read_bytes(source, largest_bytes=largest_bytes)
    except Damaged as error:
        if not keep_cut:
            raise
        data, name, damage = error.before, error.name, str(error)
    text = decode(data, name, latin_1=latin_1, cut=bool(damage))
    return Text(name, tuple(text_lines(text)), bool(text) and text[-1] not in "\r\n", damage)


_MARKS = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"} | {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}


def decode(data: bytes, name: str = "the file", *, latin_1: bool = True, cut: bool = False) -> str:
    """Return `data` as text, by its byte-order mark, or else as UTF-8, or else as Latin-1.

    Old logs hold names in Latin-1, in which every byte is a character.  PowerShell writes UTF-16.

    Parameters
    ----------
    data : bytes
        What to decode.
    name : str
        The file's name, for messages.
    latin_1 : bool
        Whether bytes that are not UTF-8 are Latin-1; else they are refused.
    cut : bool
        Whether the last character may be incomplete; it is then left out.

    Raises
    ------
    ValueError
        If `data` is not what its byte-order mark says, or is not UTF-8 and `latin_1` is False.
    """
    encoding = next((code for mark, code in _MARKS.items() if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and (order := _order_of_utf16(data)):
        encoding = order
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=not cut)
    except UnicodeDecodeError as error:
        if encoding.startswith("utf-8") and latin_1:
            return data.decode("latin-1")
        known = encoding.removesuffix("-sig").removesuffix("-le").removesuffix("-be").upper()
        raise ValueError(
            f"{name} is no {known} text (byte {error.start}: {error.reason}): save it as UTF-8."
        ) from error


def _order_of_utf16(data: bytes) -> str:
    """Return the encoding of UTF-16 without a mark: every second byte of plain text is 0."""
    first, second = data[:64:2], data[1:64:2]
    if len(data) < 4 or len(data) % 2:
        return ""
    if not any(second) and all(first):
        return "utf-16-le"
    return "utf-16-be" if not any(first) and all(second) else ""


def text_lines(text: str) -> list[str]:
    r"""Return the lines of a text without their ends: ``\n``, ``\r\n``, ``\r``, also mixed.

    Unlike `str.splitlines`, which also ends a line at a form feed or a Unicode separator, so that
    a name with one would become two lines.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def number(text: str) -> float:
    """Return a plain decimal number, spaces around it aside.

    Python's own `float` also takes ``1_00``, digits of every script, ``nan`` and ``infinity``,
    none of which a file of numbers means.

    Raises
    ------
    ValueError
        If `text` is no such number, or too large for one.

    Examples
    --------
    >>> number(" 12.5"), number("1e3")
    (12.5, 1000.0)
    """
    word = text.strip(" \t")
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{text!r} is no plain number such as 12.5 or 1e3.")
    value = float(word)
    if math.isinf(value):
        raise ValueError(f"{text!r} is too large for a number.")
    return value


def numbers(
    cells: Iterable[str], missing: Collection[str] = ("",)
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the plain numbers of many cells, and which cells are none.

    Parameters
    ----------
    cells : iterable of str
        Each a `number` or one of `missing`.
    missing : collection of str
        What stands for a number that is not known.

    Returns
    -------
    values : ndarray of float, shape (n,)
        NaN where missing or bad.
    bad : ndarray of bool, shape (n,)
        Where a cell is neither a number nor missing.
    """

    def value(cell: str) -> tuple[float, bool]:
        """Return the number of a cell, NaN if it has none, and whether it is bad."""
        if cell in missing:
            return math.nan, False
        try:
            return number(cell), False
        except ValueError:
            return math.nan, True

    both = np.array([value(cell) for cell in cells], dtype=np.float64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1] == 1


def write_whole(path: str | os.PathLike, text: str | bytes) -> None:
    """Put text (as UTF-8) or bytes at `path` in one step, when all of it is written.

    It is written under a temporary name in the same folder and then takes the place of `path`; if
    anything fails, what was at `path` before stays as it was.
    A name that ends in ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` is compressed.
    Through a link, the file that it leads to is written.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written, or `path` is there and is no plain file.
    """
    path = Path(path)
    plain = text.encode("utf-8") if isinstance(text, str) else text
    data = _COMPRESS.get(path.suffix, bytes)(plain)
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it before writing {path.name}.")
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise OSError(f"{path} is no plain file: it is not replaced; give another name.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
