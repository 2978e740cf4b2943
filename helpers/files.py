"""Read a file whole, whatever compresses it; write a file whole, or not at all."""

import bz2
import gzip
import lzma
import os
import zlib
from pathlib import Path
from typing import IO

__all__ = ["decode", "read_bytes", "write_whole"]

Source = str | os.PathLike | IO[bytes] | IO[str]
"""What a reader takes: a path, or an open file (bytes or text)."""

# The first bytes of a compressed file, and what opens it.
_DECOMPRESS = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\x00": lzma.decompress,
}
_COMPRESS = {
    ".gz": lambda data: gzip.compress(data, mtime=0),  # no time inside: same data, same bytes
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


def read_bytes(path_or_buffer: Source) -> tuple[bytes, str]:
    """Return all bytes of a plain, gzip, bzip2 or xz file, and its name.

    Compression is recognised by the first bytes, not by the name.

    Parameters
    ----------
    path_or_buffer : path or open file
        What to read.  Text files are encoded as UTF-8.

    Returns
    -------
    data : bytes
        The decompressed content.
    name : str
        The file's name without its folder, for messages and for `JobLog.source`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a compressed file is damaged or cut short.
    """
    if hasattr(path_or_buffer, "read"):
        data = path_or_buffer.read()
        name = Path(str(getattr(path_or_buffer, "name", "<buffer>"))).name
        if isinstance(data, str):
            data = data.encode("utf-8")
    else:
        path = Path(path_or_buffer)
        data, name = path.read_bytes(), path.name
    for magic, decompress in _DECOMPRESS.items():
        if data.startswith(magic):
            try:
                return decompress(data), name
            except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
                raise ValueError(
                    f"{name}: the compressed file is damaged or cut short ({error}): "
                    "fetch it again."
                ) from error
    return data, name


def decode(data: bytes) -> str:
    """Return `data` as text: UTF-8 (a byte-order mark is dropped), or else Latin-1.

    Old logs hold names in Latin-1, in which every byte is a character.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def write_whole(path: str | os.PathLike, text: str) -> None:
    """Put `text` at `path` in one step, when all of it is written.

    It is written under a temporary name in the same folder and then takes the place of `path`; if
    anything fails, what was at `path` before stays as it was.
    A name that ends in ``.gz``, ``.bz2`` or ``.xz`` is compressed.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder: make it before writing {path.name}.")
    data = _COMPRESS.get(path.suffix, bytes)(text.encode("utf-8"))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
