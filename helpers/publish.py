"""The numbers a chapter claims: registered once by name, read from there by prose and tables.

A chapter makes one `Numbers` object, records each number it claims and shows the object in
its last cell. What the cell shows is the only store: the build reads it from the executed
notebook and writes ``book/results/<chapter>.json``, so a number in the book cannot differ from
the output that proves it, and a chapter run again for another grid changes nothing in the book.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html import escape

__all__ = ["MIME_TYPE", "Number", "Numbers", "format_number"]

MIME_TYPE = "application/vnd.clean-hours.numbers+json"

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def format_number(value: float, digits: int, unit: str = "") -> str:
    """Write a number for a reader: digits after the point, thousands apart, unit behind.

    Parameters
    ----------
    value : float
        The number, in `unit`.
    digits : int
        Digits after the decimal point (0 or more).
    unit : str
        Unit shown behind the number, with a no-break space between.

    Returns
    -------
    str
        For example ``'51,987 jobs'``; the space is a no-break space, U+00A0.
    """
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    text = text.replace("-", "\N{MINUS SIGN}")
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


@dataclass(frozen=True)
class Number:
    """One claimed number.

    Attributes
    ----------
    name : str
        Lower-case name, unique in its chapter (``de_mean``).
    value : float
        The number, rounded to `digits`.
    unit : str
        Its unit (``g/kWh``, ``%``, ``jobs``; empty for a ratio).
    digits : int
        Digits after the decimal point that are claimed.
    meaning : str
        What the number is, in one phrase.
    interval : tuple of float or None
        Lower and upper end of its interval, in `unit`.
    level : float
        Coverage of the interval (0.95).
    """

    name: str
    value: float
    unit: str
    digits: int
    meaning: str
    interval: tuple[float, float] | None = None
    level: float = 0.95

    @property
    def text(self) -> str:
        """The number as a reader sees it, with its unit."""
        return format_number(self.value, self.digits, self.unit)

    @property
    def interval_text(self) -> str:
        """The interval as a reader sees it; empty where there is none."""
        if self.interval is None:
            return ""
        low, high = (format_number(end, self.digits) for end in self.interval)
        return f"{low} to {high}"

    def as_dict(self) -> dict:
        """Return the number as plain types for JSON, texts included."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "digits": self.digits,
            "text": self.text,
            "interval": None if self.interval is None else list(self.interval),
            "level": None if self.interval is None else self.level,
            "interval_text": self.interval_text,
            "meaning": self.meaning,
        }


class Numbers:
    """The numbers one chapter claims.

    Parameters
    ----------
    chapter : str
        Name of the chapter, as its file is named (``carbon_intensity``).

    Examples
    --------
    >>> numbers = Numbers("example")
    >>> numbers.record("mean", 303.81, unit="g/kWh", digits=1, meaning="mean intensity")
    303.81
    >>> print(numbers["mean"].text.replace(chr(160), " "))
    303.8 g/kWh
    """

    def __init__(self, chapter: str) -> None:
        if not _NAME.fullmatch(chapter):
            raise ValueError(
                f"chapter={chapter!r} must be lower-case letters, digits and underscores, "
                "as the chapter's file is named."
            )
        self.chapter = chapter
        self._numbers: dict[str, Number] = {}

    def record(
        self,
        name: str,
        value: float,
        unit: str,
        digits: int,
        meaning: str,
        *,
        interval: tuple[float, float] | None = None,
        level: float = 0.95,
    ) -> float:
        """Register one number and hand its full value back.

        Parameters
        ----------
        name : str
            Lower-case name, new in this chapter.
        value : float
            The number, in `unit`; stored rounded to `digits`.
        unit : str
            Its unit; empty for a ratio.
        digits : int
            Digits after the decimal point that are claimed.
        meaning : str
            What the number is, in one phrase.
        interval : tuple of float, optional
            Lower and upper end, in `unit`; must hold the value.
        level : float
            Coverage of the interval.

        Returns
        -------
        float
            `value` as given, for use in the next line.

        Raises
        ------
        ValueError
            If the name is taken or malformed, the value is not finite or lies outside its
            interval, or the meaning is empty.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"name={name!r} must be lower-case letters, digits and underscores, "
                "starting with a letter."
            )
        if name in self._numbers:
            raise ValueError(
                f"name={name!r} is already recorded in chapter {self.chapter!r}: "
                "give each claimed number its own name."
            )
        if not math.isfinite(value):
            raise ValueError(f"{name}={value!r} must be finite to be claimed.")
        if not meaning.strip():
            raise ValueError(f"{name} needs a meaning: what the number is, in one phrase.")
        ends = None
        if interval is not None:
            low, high = float(interval[0]), float(interval[1])
            if not low <= value <= high:
                raise ValueError(f"{name}={value!r} must lie in its interval [{low!r}, {high!r}].")
            ends = (round(low, digits), round(high, digits))
        self._numbers[name] = Number(
            name, round(float(value), digits), unit, digits, meaning, ends, level
        )
        return value

    def __getitem__(self, name: str) -> Number:
        return self._numbers[name]

    def __iter__(self):
        return iter(self._numbers.values())

    def __len__(self) -> int:
        return len(self._numbers)

    def as_dict(self) -> dict:
        """Return chapter and numbers as plain types for JSON."""
        return {"chapter": self.chapter, "numbers": [number.as_dict() for number in self]}

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [(n.name, n.text, n.interval_text, n.meaning) for n in self]

    def __repr__(self) -> str:
        rows = [("name", "value", "interval", "meaning"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
            for row in rows
        ]
        return "\n".join(line.replace("\N{NO-BREAK SPACE}", " ") for line in lines)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        head = "".join(f"<th>{h}</th>" for h in ("name", "value", "interval", "meaning"))
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        return {
            "text/plain": repr(self),
            "text/html": f'<table class="numbers"><tr>{head}</tr>{body}</table>',
            MIME_TYPE: json.dumps(self.as_dict(), ensure_ascii=False),
        }
