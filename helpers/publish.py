"""What a chapter claims: registered once by name, read from there by prose and tables.

A chapter makes one `Numbers` object, records each number it claims and shows the object in
its last cell. What the cell shows is the only store: the build reads it from the executed
notebook and writes ``book/results/<chapter>.json``, so a number in the book cannot differ from
the output that proves it, and a chapter run again for another grid changes nothing in the book.
A chapter records a table of numbers in one call, and shows one as a reader wants it with `table`;
both write how a number is shown behind what it is, in brackets: ``power [.1f W]``.
With each number goes its `Scope`, so that a summary can be held to it; a place, a year or the
name of a log is a recorded word, and what chooses between two sentences a recorded fact.
`to_latex` writes the same numbers as macros, for a LaTeX text that never types one either.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "MIME_TYPE",
    "Number",
    "Numbers",
    "Scope",
    "Table",
    "format_number",
    "siunitx_unit",
    "table",
    "to_latex",
]

MIME_TYPE = "application/vnd.clean-hours.numbers+json"

_NAME = re.compile(r"[a-z][a-z0-9_]*")

# How a number is shown, behind what it is: "power [.1f W]"; a claim goes on with its meaning.
_HEAD = re.compile(r"(?P<words>.+?) \[\.(?P<digits>\d+)f(?: (?P<unit>[^]]+))?\]")
_CLAIM = re.compile(_HEAD.pattern + r": (?P<meaning>.+)", re.DOTALL)


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


#: What a schedule may do about pauses, and what it knows of the curve ahead: the words of a scope.
PAUSES = ("none", "free", "charged")
FUTURE = ("known", "forecast", "unknown")


@dataclass(frozen=True)
class Scope:
    """What a number is about: a sentence that quotes it must not say more.

    What is left out does not bear on the number.

    Attributes
    ----------
    grids : tuple of str
        Grids it was computed on (``("DE",)``).
    years : tuple of int
        Years of their curves.
    weeks : int
        Weeks it was computed on; 1 for an example.
    jobs : str
        What is scheduled: the name of a log, or what was made up.
    load_percent : float
        Load of the finite machine [%].
    pauses : {"", "none", "free", "charged"}
        Whether a schedule may pause jobs, and whether a pause costs anything.
    future : {"", "known", "forecast", "unknown"}
        What who decides knows of the carbon curve ahead.

    Raises
    ------
    ValueError
        If `pauses` or `future` is none of its words, or a grid is not a name.
    """

    grids: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    weeks: int = 0
    jobs: str = ""
    load_percent: float = 0.0
    pauses: str = ""
    future: str = ""

    def __post_init__(self) -> None:
        for name, allowed in (("pauses", PAUSES), ("future", FUTURE)):
            value = getattr(self, name)
            if value and value not in allowed:
                raise ValueError(f"{name}={value!r} must be one of {', '.join(allowed)}.")
        if isinstance(self.grids, str):
            raise ValueError(f"grids={self.grids!r} must be several names: ({self.grids!r},).")
        object.__setattr__(self, "grids", tuple(str(grid) for grid in self.grids))
        object.__setattr__(self, "years", tuple(int(year) for year in self.years))

    def as_dict(self) -> dict:
        """Return what is set, as plain types for JSON."""
        set_here = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in set_here.items()
            if value
        }


@dataclass(frozen=True)
class Word:
    """A recorded word (``text``) or a recorded fact (``holds``), with what it means."""

    name: str
    meaning: str
    text: str = ""
    holds: bool | None = None

    def as_dict(self) -> dict:
        """Return it as plain types for JSON."""
        own = {"text": self.text} if self.holds is None else {"holds": self.holds}
        return {"name": self.name, **own, "meaning": self.meaning}


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
    scope : Scope
        What it is about.
    """

    name: str
    value: float
    unit: str
    digits: int
    meaning: str
    interval: tuple[float, float] | None = None
    level: float = 0.95
    scope: Scope = Scope()

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
            "scope": self.scope.as_dict(),
        }


class Numbers:
    """The numbers, words and facts one chapter claims.

    Parameters
    ----------
    chapter : str
        Name of the chapter, as its file is named (``carbon_intensity``).
    scope : Scope, optional
        What its numbers are about, where a number does not say otherwise.

    Examples
    --------
    >>> numbers = Numbers("example")
    >>> numbers.record("mean", 303.81, unit="g/kWh", digits=1, meaning="mean intensity")
    303.81
    >>> print(numbers["mean"].text.replace(chr(160), " "))
    303.8 g/kWh
    """

    def __init__(self, chapter: str, scope: Scope | None = None) -> None:
        if not _NAME.fullmatch(chapter):
            raise ValueError(
                f"chapter={chapter!r} must be lower-case letters, digits and underscores, "
                "as the chapter's file is named."
            )
        self.chapter = chapter
        self.scope = scope or Scope()
        self._numbers: dict[str, Number] = {}
        self._words: dict[str, Word] = {}
        self._unknown: dict[str, str] = {}

    def _refuse_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"name={name!r} must be lower-case letters, digits and underscores, "
                "starting with a letter."
            )
        if name in self._numbers or name in self._words:
            raise ValueError(
                f"name={name!r} is already recorded in chapter {self.chapter!r}: "
                "give each claim its own name."
            )

    def about(self, **changes: Any) -> None:
        """Change the scope of what is recorded from here on (attributes of `Scope`)."""
        self.scope = replace(self.scope, **changes)

    def word(self, name: str, text: str, meaning: str) -> str:
        """Register a word that prose takes from here (a place, a year, the name of a log).

        Prose writes ``{word}`chapter.name```.

        Raises
        ------
        ValueError
            If the name is taken or malformed, or the text is empty.
        """
        self._refuse_name(name)
        if not str(text).strip():
            raise ValueError(f"{name} must not be empty: prose would have a hole there.")
        self._words[name] = Word(name, meaning, text=str(text))
        return str(text)

    def fact(self, name: str, holds: bool, meaning: str) -> bool:
        """Register what chooses between two sentences.

        A line that begins with ``{if}`chapter.name``` is said only where the fact holds, one
        that begins with ``{if-not}`chapter.name``` only where it does not.

        Raises
        ------
        ValueError
            If the name is taken or malformed.
        TypeError
            If `holds` is neither true nor false (a missing value chooses no sentence).
        """
        self._refuse_name(name)
        if holds not in (True, False):
            raise TypeError(f"{name}={holds!r} must be True or False.")
        self._words[name] = Word(name, meaning, holds=bool(holds))
        return bool(holds)

    # Eight parameters: the fields of a `Number`; a table of them is recorded by `record_table`.
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
        scope: Mapping | None = None,
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
        scope : mapping, optional
            In what the number's scope differs from that of the chapter (`Scope`'s attributes).

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
        self._refuse_name(name)
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
            name,
            round(float(value), digits),
            unit,
            digits,
            meaning,
            ends,
            level,
            replace(self.scope, **(scope or {})),
        )
        return value

    def record_table(
        self,
        table: Mapping[Any, Any] | pd.Series | pd.DataFrame,
        claim: str = "{}",
        *,
        ends: bool = False,
        unknown: bool = False,
        scope: Mapping | None = None,
    ) -> None:
        """Register a table of numbers: what each is on the left, its value on the right.

        Parameters
        ----------
        table : mapping, Series or DataFrame
            Values by key. A value is a number, ``(value, low, high)``, or what has these three as
            attributes (`helpers.stats.Interval`). A frame's keys are its rows and columns.
        claim : str
            ``name [.1f unit]: meaning``, one for all, with ``{}`` where the key stands (``{0}``
            and ``{1}``: row and column); blanks in a name become underscores. By default each key
            is a claim of its own.
        ends : bool
            Record the ends of the intervals as numbers of their own, too: ``name_low``,
            ``name_high``.
        unknown : bool
            Leave out what is not finite, because the data do not tell it; the object shows it as
            not known.
        scope : mapping, optional
            In what their scope differs from that of the chapter (`Scope`'s attributes).

        Raises
        ------
        ValueError
            If a claim is not written so, or breaks a rule of `record`.

        Examples
        --------
        >>> numbers = Numbers("example")
        >>> numbers.record_table({"idle [.1f W]: power of the idle machine": (49.83, 49.1, 50.6)})
        >>> numbers.record_table({"first run": 3.18, "rest": 3.02}, "{} [.1f kJ]: energy, {}")
        >>> print([number.name for number in numbers], numbers["idle"].interval_text)
        ['idle', 'first_run', 'rest'] 49.1 to 50.6
        """
        for key, value in _items(table):
            text = _filled(claim, key)
            match = _CLAIM.fullmatch(text)
            if match is None:
                raise ValueError(f"claim={text!r} must be written 'name [.1f unit]: meaning'.")
            name, meaning = match["words"].replace(" ", "_"), match["meaning"]
            middle, interval, level = _estimate(value)
            if unknown and not math.isfinite(middle):
                self._refuse_name(name)
                self._unknown[name] = meaning
                continue
            unit, digits = match["unit"] or "", int(match["digits"])
            self.record(
                name, middle, unit, digits, meaning, interval=interval, level=level, scope=scope
            )
            for end, limit in zip(("lower", "upper"), interval or () if ends else (), strict=False):
                what = f"{end} end of the interval of {name}"
                suffix = {"lower": "low", "upper": "high"}[end]
                self.record(f"{name}_{suffix}", limit, unit, digits, what, scope=scope)

    def __getitem__(self, name: str) -> Number:
        return self._numbers[name]

    def __iter__(self) -> Iterator[Number]:
        return iter(self._numbers.values())

    def __len__(self) -> int:
        return len(self._numbers)

    def as_dict(self) -> dict:
        """Return chapter, numbers, words and facts as plain types for JSON."""
        words = self._words.values()
        return {
            "chapter": self.chapter,
            "numbers": [number.as_dict() for number in self],
            "words": [word.as_dict() for word in words if word.holds is None],
            "facts": [word.as_dict() for word in words if word.holds is not None],
        }

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [(n.name, n.text, n.interval_text, n.meaning) for n in self]
        for word in self._words.values():
            text = word.text if word.holds is None else ("yes" if word.holds else "no")
            rows.append((word.name, text, "", word.meaning))
        rows += [(name, "not known", "", meaning) for name, meaning in self._unknown.items()]
        return rows

    def __repr__(self) -> str:
        rows = [("name", "value", "interval", "meaning"), *self._rows()]
        return _aligned(rows, ("left",) * 4)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict:
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


def _items(table: Mapping[Any, Any] | pd.Series | pd.DataFrame) -> Iterable[tuple[Any, Any]]:
    """Return keys and values; those of a frame row by row, keys in pairs."""
    if hasattr(table, "iterrows"):
        return [((i, c), v) for i, row in table.iterrows() for c, v in row.items()]
    return table.items()


def _filled(pattern: str, key: object) -> str:
    """Return a pattern with the key, or its parts, in the place of its braces."""
    if pattern == "{}":
        return str(key)
    parts = key if isinstance(key, tuple) else (key,) * pattern.count("{}") or (key,)
    return pattern.format(*parts)


def _estimate(value: Any) -> tuple[float, tuple[float, float] | None, float]:
    """Return a value, its interval or None, and the coverage of that."""
    if hasattr(value, "low"):
        return value.value, (value.low, value.high), value.confidence
    if isinstance(value, tuple):
        middle, low, high = value
        return middle, (low, high), 0.95
    return value, None, 0.95


# --- tables for readers ---------------------------------------------------------------------


def _aligned(rows: Iterable[tuple[str, ...]], sides: tuple[str, ...]) -> str:
    """Write rows as columns of text; the same rows give the same text."""
    rows = [tuple(cell.replace("\N{NO-BREAK SPACE}", " ") for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if side == "right" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


@dataclass(frozen=True)
class Table:
    """A table of results as a reader sees it: words and units above, no names of variables.

    Attributes
    ----------
    head : tuple of str
        What stands above each column.
    rows : tuple of tuple of str
        The cells, written out.
    sides : tuple of {"left", "right"}
        To which side each column is set; numbers to the right.
    caption : str
        What the table shows.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sides: tuple[str, ...]
    caption: str = ""

    def __repr__(self) -> str:
        text = _aligned([self.head, *self.rows], self.sides)
        return f"{self.caption}\n\n{text}" if self.caption else text

    def _repr_html_(self) -> str:
        def line(kind: str, row: tuple[str, ...]) -> str:
            cells = zip(row, self.sides, strict=True)
            inner = (f'<{kind} style="text-align: {s}">{escape(c)}</{kind}>' for c, s in cells)
            return f"<tr>{''.join(inner)}</tr>"

        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        body = "".join(line("td", row) for row in self.rows)
        head = line("th", self.head)
        return f'<table class="results">{caption}<thead>{head}</thead><tbody>{body}</tbody></table>'


def table(
    data: pd.DataFrame | Mapping[str, Any] | Sequence[tuple],
    columns: Mapping[Any, str] | Sequence[str] | str | None = None,
    *,
    index: str | None = None,
    caption: str = "",
) -> Table:
    """Lay results out for a reader, in words and units.

    Parameters
    ----------
    data : DataFrame, sequence of tuple, or mapping
        A frame with a row a case, or the rows; or values by what they are: two columns,
        ``what [.1f unit]`` and the value with its unit. What is no number is written as it is.
    columns : mapping, sequence or str, optional
        What stands above each column that is shown, in this order: ``words`` or
        ``words [.1f unit]``. A string holds for all columns, with ``{}`` for their names. By
        default the columns' own names.
    index : str, optional
        What stands above the frame's index; the index is left out without it.
    caption : str
        What the table shows.

    Returns
    -------
    Table
        As HTML and as plain text. What is missing is a dash.

    Raises
    ------
    KeyError
        If `columns` names one that the frame has not.

    Examples
    --------
    >>> table({"time between samples [.1f ms]": 50.17, "meter": "wall socket"})
    what                        value
    time between samples      50.2 ms
    meter                 wall socket
    """
    if isinstance(data, Mapping):
        pairs = []
        for text, value in data.items():
            words, digits, unit = _head(text)
            pairs.append((words, _cell(value, digits, unit)))
        return Table(("what", "value"), tuple(pairs), ("left", "right"), caption)
    if isinstance(data, Sequence):
        import pandas as pd

        data = pd.DataFrame(data)
    if columns is None or isinstance(columns, str):
        columns = {name: _filled(columns or "{}", name) for name in data.columns}
    elif not isinstance(columns, Mapping):
        columns = dict(zip(data.columns, columns, strict=True))
    head, cells, sides = [], [], []
    if index is not None:
        words, digits, unit = _head(index)
        head.append(f"{words} [{unit}]" if unit else words)
        cells.append([_cell(value, digits) for value in data.index])
        sides.append("left")
    for name, text in columns.items():
        words, digits, unit = _head(text)
        head.append(f"{words} [{unit}]" if unit else words)
        cells.append([_cell(value, digits) for value in data[name]])
        sides.append("left" if digits is None else "right")
    return Table(tuple(head), tuple(zip(*cells, strict=True)), tuple(sides), caption)


def _head(text: str) -> tuple[str, int | None, str]:
    """Part ``words [.1f unit]`` into words, digits and unit; without brackets, words alone."""
    match = _HEAD.fullmatch(str(text))
    if match is None:
        return str(text), None, ""
    return match["words"], int(match["digits"]), match["unit"] or ""


def _cell(value: Any, digits: int | None, unit: str = "") -> str:
    """Write one cell; what is missing is a dash."""
    if value is None or value != value:
        return "\N{EN DASH}"
    if digits is None or isinstance(value, str):
        return str(value)
    return format_number(value, digits, unit)


# --- the same numbers for LaTeX -------------------------------------------------------------

#: Unit symbols and what the LaTeX package siunitx calls them; a new symbol is added here.
SIUNITX_UNITS: Mapping[str, str] = MappingProxyType(
    {
        "%": r"\percent",
        "GB": r"\giga\byte",
        "GW": r"\giga\watt",
        "GWh": r"\gigawatthour",
        "GiB": r"\gibi\byte",
        "J": r"\joule",
        "MB": r"\mega\byte",
        "MHz": r"\mega\hertz",
        "MJ": r"\mega\joule",
        "MW": r"\mega\watt",
        "MWh": r"\megawatthour",
        "TB": r"\tera\byte",
        "W": r"\watt",
        "Wh": r"\watthour",
        "d": r"\day",
        "g": r"\gram",
        "h": r"\hour",
        "kJ": r"\kilo\joule",
        "kW": r"\kilo\watt",
        "kWh": r"\kilowatthour",
        "kg": r"\kilogram",
        "mg": r"\milli\gram",
        "min": r"\minute",
        "ms": r"\milli\second",
        "s": r"\second",
        "t": r"\tonne",
        "µs": r"\micro\second",
    }
)

_COUNTED = re.compile(r"[a-z]{2,}(?:[ -][a-z]{2,})*s")

_LATEX_HEAD = r"""% Every number that the book claims, for LaTeX. Written by book/pipeline.py: do not edit.
% \usepackage{siunitx} (version 3) comes first; then \input{numbers}.
%   \cleanhours{chapter.name}          value with unit      \cleanhoursunit      unit alone
%   \cleanhoursfull{chapter.name}      value (interval)     \cleanhourslevel     coverage
%   \cleanhoursvalue{chapter.name}     value alone          \cleanhoursmeaning   what it is
%   \cleanhoursinterval{chapter.name}  from ... to ...      \cleanhoursraw       bare digits
\makeatletter
\@ifundefined{qty}{%
  \PackageError{cleanhours}{numbers.tex needs siunitx 3}%
    {Write \protect\usepackage{siunitx} before the line that inputs numbers.tex.}}{}
\DeclareSIUnit\watthour{Wh}
\DeclareSIUnit\kilowatthour{kWh}
\DeclareSIUnit\megawatthour{MWh}
\DeclareSIUnit\gigawatthour{GWh}
\def\cleanhours@chapters{}
\newcommand*\cleanhours@chapter[2]{% name, names of its numbers
  \edef\cleanhours@chapters{\cleanhours@chapters\space\detokenize{#1}}%
  \expandafter\def\csname cleanhours@in@\detokenize{#1}\endcsname{#2}}
\newcommand*\cleanhours@number[8]{% key, value, unit, counted, low, high, level, meaning
  \expandafter\def\csname cleanhours@is@\detokenize{#1}\endcsname{{#2}{#3}{#4}{#5}{#6}{#7}{#8}}}
\newcommand*\cleanhours@with[2]{% what to do with the seven fields, key
  \ifcsname cleanhours@is@\detokenize{#2}\endcsname
    \expandafter\expandafter\expandafter#1\csname cleanhours@is@\detokenize{#2}\endcsname
  \else
    \expandafter\cleanhours@unknown\detokenize{#2}..\@nil
  \fi}
\def\cleanhours@unknown#1.#2.#3\@nil{%
  \ifcsname cleanhours@in@#1\endcsname
    \PackageError{cleanhours}{Chapter '#1' claims no number '#2'.\MessageBreak
      It claims: \csname cleanhours@in@#1\endcsname}{Choose one of these names.}%
  \else
    \PackageError{cleanhours}{No chapter '#1' (in '#1.#2') claims numbers.\MessageBreak
      These do:\cleanhours@chapters}{Write chapter.name.}%
  \fi
  \textbf{??}}
\newcommand*\cleanhours@quantity[3]{% value, unit, counted
  \if\relax\detokenize{#2}\relax\num{#1}\else\qty{#1}{#2}\fi
  \if\relax\detokenize{#3}\relax\else~#3\fi}
\newcommand*\cleanhours@range[4]{% low, high, unit, counted
  \if\relax\detokenize{#1}\relax
    \PackageError{cleanhours}{A number without an interval was asked for one}%
      {Use \protect\cleanhours\space or \protect\cleanhoursfull.}%
  \else
    \if\relax\detokenize{#3}\relax\numrange{#1}{#2}\else\qtyrange{#1}{#2}{#3}\fi
    \if\relax\detokenize{#4}\relax\else~#4\fi
  \fi}
\newcommand*\cleanhours@value[7]{\num{#1}}
\newcommand*\cleanhours@unit[7]{\if\relax\detokenize{#2}\relax#3\else\unit{#2}\fi}
\newcommand*\cleanhours@main[7]{\cleanhours@quantity{#1}{#2}{#3}}
\newcommand*\cleanhours@interval[7]{\cleanhours@range{#4}{#5}{#2}{#3}}
\newcommand*\cleanhours@full[7]{\cleanhours@quantity{#1}{#2}{#3}%
  \if\relax\detokenize{#4}\relax\else\space(\cleanhours@range{#4}{#5}{#2}{#3})\fi}
\newcommand*\cleanhours@level[7]{\qty{#6}{\percent}}
\newcommand*\cleanhours@meaning[7]{#7}
\newcommand*\cleanhours@raw[7]{#1}
\DeclareRobustCommand*\cleanhours[1]{\cleanhours@with\cleanhours@main{#1}}
\DeclareRobustCommand*\cleanhoursfull[1]{\cleanhours@with\cleanhours@full{#1}}
\DeclareRobustCommand*\cleanhoursvalue[1]{\cleanhours@with\cleanhours@value{#1}}
\DeclareRobustCommand*\cleanhoursunit[1]{\cleanhours@with\cleanhours@unit{#1}}
\DeclareRobustCommand*\cleanhoursinterval[1]{\cleanhours@with\cleanhours@interval{#1}}
\DeclareRobustCommand*\cleanhourslevel[1]{\cleanhours@with\cleanhours@level{#1}}
\DeclareRobustCommand*\cleanhoursmeaning[1]{\cleanhours@with\cleanhours@meaning{#1}}
\newcommand*\cleanhoursraw[1]{\cleanhours@with\cleanhours@raw{#1}}
"""

_LATEX_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "#": r"\#",
        "$": r"\$",
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "\N{MINUS SIGN}": r"\ensuremath{-}",
        "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
        "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\leq}",
        "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\geq}",
    }
)


def siunitx_unit(unit: str) -> str:
    r"""Write a unit as the LaTeX package siunitx wants it.

    Parameters
    ----------
    unit : str
        Symbols, ``/`` between them where one is divided by the next (``g/kWh``).

    Returns
    -------
    str
        The unit in macros, for example ``\gram\per\kilowatthour``; the four kinds of
        watt-hours are declared in the file `to_latex` writes.

    Raises
    ------
    ValueError
        If a symbol is not known: the message says where to add it.

    References
    ----------
    Wright, 'siunitx: A comprehensive (SI) units package', section on unit macros.
    """
    symbols = unit.split("/")
    for symbol in symbols:
        if symbol not in SIUNITX_UNITS:
            raise ValueError(
                f"unit {unit!r}: {symbol!r} has no LaTeX form. Add it to SIUNITX_UNITS in "
                "helpers/publish.py; what is counted is a lower-case word in the plural ('jobs')."
            )
    return r"\per".join(SIUNITX_UNITS[symbol] for symbol in symbols)


def _digits(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _latex_line(chapter: str, number: Mapping) -> str:
    unit = number["unit"]
    counted = unit if unit not in SIUNITX_UNITS and _COUNTED.fullmatch(unit) else ""
    try:
        symbols = "" if counted or not unit else siunitx_unit(unit)
    except ValueError as error:
        raise ValueError(f"{chapter}.{number['name']}: {error}") from None
    low, high = number["interval"] or (0.0, 0.0)  # not shown where there is none
    fields = (
        f"{chapter}.{number['name']}",
        _digits(number["value"], number["digits"]),
        symbols,
        counted,
        _digits(low, number["digits"]) if number["interval"] else "",
        _digits(high, number["digits"]) if number["interval"] else "",
        f"{number['level'] * 100:.4g}" if number["interval"] else "",
        number["meaning"].translate(_LATEX_SPECIAL),
    )
    return r"\cleanhours@number" + "".join(f"{{{field}}}" for field in fields)


def to_latex(chapters: Iterable[Mapping]) -> str:
    r"""Write claimed numbers as a LaTeX file of macros, units through siunitx.

    Parameters
    ----------
    chapters : iterable of mapping
        What `Numbers.as_dict` gives, one a chapter: ``{"chapter": ..., "numbers": [...]}``,
        as stored in ``book/results/*.json``.

    Returns
    -------
    str
        The file's text. After ``\input{numbers}`` a text writes
        ``\cleanhours{chapter.name}``; a name that no chapter claims is a LaTeX error that says
        which names there are. The same numbers give the same text.

    Raises
    ------
    ValueError
        If a unit has no LaTeX form.

    Examples
    --------
    >>> numbers = Numbers("example")
    >>> numbers.record("mean", 303.81, unit="g/kWh", digits=1, meaning="mean intensity")
    303.81
    >>> print(to_latex([numbers.as_dict()]).splitlines()[-2])
    \cleanhours@number{example.mean}{303.8}{\gram\per\kilowatthour}{}{}{}{}{mean intensity}
    """
    lines = [_LATEX_HEAD.rstrip("\n")]
    for chapter in sorted(chapters, key=lambda chapter: chapter["chapter"]):
        name = chapter["chapter"]
        names = ", ".join(number["name"] for number in chapter["numbers"])
        lines.append(rf"\cleanhours@chapter{{{name}}}{{\detokenize{{{names}}}}}")
        lines += [_latex_line(name, number) for number in chapter["numbers"]]
    return "\n".join([*lines, r"\makeatother", ""])
