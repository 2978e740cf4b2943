"""Columns of numbers that grow piece by piece, in as few bytes as their values need.

A centre's year has millions of jobs, and most of what is known of each is a small whole number: how
many nodes it had, how long it waited, how much later than the one before it was submitted.  Each
piece of a column is kept as differences to its smallest value, or from one value to the next, in one,
two or four bytes each; a piece whose values are all the same takes none.  What does not fit is kept as
it is.  A column that repeats a pattern is squeezed as well.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_NARROW = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.uint32))
# Whole numbers below it are exact in 64-bit floating point, and so are their differences.
_EXACT = 2**53


class _Grown:
    """Bytes that grow: in one piece of memory, as many small ones would leave holes in it."""

    def __init__(self) -> None:
        self._held, self.size = np.empty(0, dtype=np.uint8), 0

    def extend(self, new: bytes) -> None:
        """Append bytes."""
        size = self.size + len(new)
        if size > len(self._held):  # by a tenth: numpy fills all of it with zeros
            self._held.resize(size + size // 10 + 2**14, refcheck=False)
        self._held[self.size : size] = np.frombuffer(new, dtype=np.uint8)
        self.size = size

    def read(self, first: int, stop: int) -> bytes:
        """Return the bytes between two places."""
        return self._held[first:stop].tobytes()


class _Piece(NamedTuple):
    """Where a piece of a column lies, and how it is to be read."""

    size: int
    first: int
    stop: int
    base: Any
    """Its smallest value, or its first one; None where it is kept as it is."""
    narrow: np.dtype | None
    """What differences are kept as; None where all values are `base`."""
    steps: bool
    """Whether they lead from one value to the next."""


class Packed:
    """A column of numbers of a type, of which NaN may be one; the sign of a zero is not kept.

    `pattern` says that it repeats one, so that squeezing it takes little time and saves much.
    """

    def __init__(self, dtype: Any, *, pattern: bool = False) -> None:
        self.dtype, self._pattern = np.dtype(dtype), pattern
        self._held = _Grown()
        self._pieces: list[_Piece] = []

    def __len__(self) -> int:
        return sum(piece.size for piece in self._pieces)

    @property
    def nbytes(self) -> int:
        """How many bytes the values take."""
        return self._held.size

    @property
    def sizes(self) -> list[int]:
        """How many values each piece has."""
        return [piece.size for piece in self._pieces]

    def append(self, values: NDArray) -> None:
        """Append a piece."""
        first = self._held.size
        base, narrow, kept, steps = _narrowed(np.asarray(values, dtype=self.dtype))
        data = kept.tobytes()
        self._held.extend(zlib.compress(data, 1) if self._pattern and data else data)
        self._pieces.append(_Piece(len(values), first, self._held.size, base, narrow, steps))

    def piece(self, number: int) -> NDArray:
        """Return the values of a piece."""
        size, first, stop, base, narrow, steps = self._pieces[number]
        if narrow is None:
            return np.full(size, base, dtype=self.dtype)
        data = self._held.read(first, stop)
        kept = np.frombuffer(zlib.decompress(data) if self._pattern else data, dtype=narrow)
        if base is None:
            return kept.copy()
        if steps:
            return np.append(base, base + np.cumsum(kept, dtype=np.int64)).astype(self.dtype)
        if self.dtype.kind != "f":
            return (kept.astype(np.int64) + base).astype(self.dtype)
        values = kept.astype(self.dtype) + base
        values[kept == _most(narrow)] = np.nan
        return values

    @property
    def values(self) -> NDArray:
        """All values."""
        values = np.empty(len(self), dtype=self.dtype)
        first = 0
        for number, size in enumerate(self.sizes):
            values[first : first + size] = self.piece(number)
            first += size
        return values

    def increases(self) -> bool:
        """Tell whether each value is above the one before."""
        last = None
        for number, size in enumerate(self.sizes):
            values = self.piece(number)
            after = values[:1] if last is None else values[:1][values[:1] > last]
            if not (values[1:] > values[:-1]).all() or len(after) < len(values[:1]):
                return False
            last = values[-1] if size else last
        return True

    def at(self, places: NDArray[np.int64]) -> NDArray:
        """Return the values at some places, in any order."""
        values = np.empty(len(places), dtype=self.dtype)
        ends = np.cumsum(self.sizes)
        which = np.searchsorted(ends, places, side="right")
        for number in np.unique(which).tolist():
            here = which == number
            first = ends[number] - self._pieces[number].size
            values[here] = self.piece(number)[places[here] - first]
        return values

    def put(self, values: NDArray) -> None:
        """Put other values, as many, in the place of all."""
        pieces = np.split(values, np.cumsum(self.sizes)[:-1])
        self._held, self._pieces = _Grown(), []
        for piece in pieces:
            self.append(piece)


def _narrowed(values: NDArray) -> tuple[Any, np.dtype | None, NDArray, bool]:
    """Return the base of values, the type of their differences, these, and if they are steps."""
    as_it_is = None, values.dtype, values, False
    real = values.dtype.kind == "f"
    is_known = ~np.isnan(values) if real else np.ones(len(values), dtype=bool)
    known = values[is_known]
    if not known.size:
        return (np.nan if real else 0), None, values[:0], False
    low, high = known.min().item(), known.max().item()
    if low == high and is_known.all():
        return low, None, values[:0], False
    if real and not (low > -_EXACT and high < _EXACT and (known == np.floor(known)).all()):
        return as_it_is
    span = int(high) - int(low)
    if 2**8 <= span < 2**62 and is_known.all():
        steps = np.diff(values.astype(np.int64))
        if steps.min() >= 0 and steps.max() < 2**8:
            return int(values[0]), _NARROW[0], steps.astype(np.uint8), True
    fits = next((kind for kind in _NARROW if span < _most(kind)), None)
    if fits is None or fits.itemsize >= values.dtype.itemsize:
        return as_it_is
    differences = np.full(len(values), _most(fits), dtype=fits)
    differences[is_known] = known - known.dtype.type(low)
    return int(low), fits, differences, False


def _most(kind: np.dtype) -> int:
    """Return the largest number of an unsigned type: it stands for NaN."""
    return 2 ** (8 * kind.itemsize) - 1
