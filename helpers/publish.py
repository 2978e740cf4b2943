"""What a chapter claims: registered once by name, read from there by prose and tables.

A chapter makes one `Numbers` object, records each number it claims and shows the object in
its last cell. What the cell shows is the only store: the build reads it from the executed
notebook and writes ``book/results/<chapter>.json``, so a number in the book cannot differ from
the output that proves it, and a chapter run again for another grid changes nothing in the book.
With each number goes its `Scope`, so that a summary can be held to it; a place, a year or the
name of a log is a recorded word, and what chooses between two sentences a recorded fact.
`to_latex` writes the same numbers as macros, for a LaTeX text that never types one either.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from html import escape
from types import MappingProxyType
from typing import Any

__all__ = [
    "MIME_TYPE",
    "Number",
    "Numbers",
    "Scope",
    "format_number",
    "siunitx_unit",
    "to_latex",
]

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
        return rows

    def __repr__(self) -> str:
        rows = [("name", "value", "interval", "meaning"), *self._rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3]])
            for row in rows
        ]
        return "\n".join(line.replace("\N{NO-BREAK SPACE}", " ") for line in lines)

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
