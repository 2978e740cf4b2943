"""What a page says: sentences are chosen by what the chapters recorded.

A prose source has one sentence a line. A line may carry conditions, wherever they stand in it:

* ``{if}`chapter.fact``` says the line only where the recorded fact holds,
* ``{if-not}`chapter.fact``` only where it does not,
* ``{if}`in-book``` only on the book's own page, for a sentence that somebody wrote after looking
  at the book's own figures: a chapter run with other parameters does not say it.

``{word}`chapter.name``` is a recorded word, ``{num}`chapter.name``` a recorded number. In a chapter
run again a line whose number, word, fact or figure is not known is left out, too. An item of a
list that is left out takes its further lines along. Captions and alternative texts are one line;
there each sentence (or part before a semicolon) is chosen by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

IN_BOOK = "in-book"
CONDITION = re.compile(r"\{if(-not)?\}`([\w.-]+)`[ ]?")
VALUE = re.compile(r"\{(num|num-interval|word)\}`([\w.]+)`")
FIGURE = re.compile(r"\{(?:numref|opening)\}`([^`<>]*<)?(fig:[\w-]+)>?`")
FENCE = re.compile(r"^\s*(```|~~~)(?!\{)")
ITEM = re.compile(r"^(\s*)(?:[*+-]|\d+\.)\s")
BOLD_ALONE = re.compile(r"\s*[*+-]\s+\*\*[^*]+\*\*\s*")
SENTENCE = re.compile(r"(?<=[.;?!])\s+(?=\S)")


class UnknownFactError(KeyError):
    """A condition names a fact that no chapter records."""


@dataclass(frozen=True)
class Record:
    """What the chapters recorded, by ``chapter.name``.

    Attributes
    ----------
    numbers, words : mapping of str to dict
        Entries as stored in ``book/results/*.json``.
    facts : mapping of str to bool
        Whether each recorded fact holds.
    in_book : bool
        Whether this is the book's own page.
    """

    numbers: Mapping[str, dict] = field(default_factory=dict)
    words: Mapping[str, dict] = field(default_factory=dict)
    facts: Mapping[str, bool] = field(default_factory=dict)
    in_book: bool = True

    @classmethod
    def of(cls, chapters: Iterable[Mapping], *, in_book: bool = True) -> Record:
        """Return the record of chapters as they are stored."""
        numbers, words, facts = {}, {}, {}
        for chapter in chapters:
            name = chapter["chapter"]
            numbers |= {f"{name}.{n['name']}": n for n in chapter["numbers"]}
            words |= {f"{name}.{w['name']}": w for w in chapter.get("words", ())}
            facts |= {f"{name}.{f['name']}": f["holds"] for f in chapter.get("facts", ())}
        return cls(numbers, words, facts, in_book)

    @classmethod
    def read(cls, folder: Path, *, in_book: bool = True) -> Record:
        """Return the record of the files in a folder of results."""
        paths = sorted(folder.glob("*.json"))
        return cls.of((json.loads(p.read_text(encoding="utf-8")) for p in paths), in_book=in_book)

    def text(self, kind: str, name: str) -> str | None:
        """Return what a role writes, or None where nothing of that name is recorded."""
        if kind == "word":
            return self.words[name]["text"] if name in self.words else None
        if name not in self.numbers:
            return None
        return self.numbers[name]["interval_text" if kind == "num-interval" else "text"] or None

    def holds(self, name: str) -> bool:
        """Tell whether a condition holds.

        Raises
        ------
        UnknownFactError
            If no chapter records a fact of that name.
        """
        if name == IN_BOOK:
            return self.in_book
        if name not in self.facts:
            raise UnknownFactError(f"no fact named {name!r} is recorded by any chapter.")
        return self.facts[name]


def chosen(line: str, record: Record, figures: set[str] | None = None) -> str | None:
    """Return a line without its conditions, or None where it is not said.

    With `figures`, those of a chapter run again, a line that needs what is not known is not said.
    """
    for negated, name in CONDITION.findall(line):
        try:
            holds = record.holds(name)
        except UnknownFactError:
            if figures is None:
                raise
            return None
        if holds == bool(negated):
            return None
    line = CONDITION.sub("", line)
    if figures is not None:
        if any(record.text(kind, name) is None for kind, name in VALUE.findall(line)):
            return None
        if any(name not in figures for _, name in FIGURE.findall(line)):
            return None
    return line


def _with_their_text(lines: list[str], record: Record, figures: set[str] | None) -> list[str]:
    """Leave out items that are a heading in bold alone, if none of their further lines is said."""
    kept, i = [], 0
    while i < len(lines):
        item = ITEM.match(lines[i])
        further = i + 1
        if item and BOLD_ALONE.fullmatch(lines[i]):
            while further < len(lines) and re.match(rf"{item[1]}\s+\S", lines[further]):
                further += 1
            body = lines[i + 1 : further]
            if body and all(chosen(line, record, figures) is None for line in body):
                i = further
                continue
        kept.append(lines[i])
        i += 1
    return kept


def prose(text: str, record: Record, figures: set[str] | None = None) -> str:
    """Return a markdown text with the lines that are said; code stays as it is."""
    lines, fenced, dropped_at = [], None, None
    for line in _with_their_text(text.split("\n"), record, figures):
        indent = len(line) - len(line.lstrip())
        if fenced:
            fenced = None if line.strip() == fenced else fenced
        elif fence := FENCE.match(line):
            fenced, dropped_at = fence[1], None
        elif dropped_at is not None and line.strip() and indent > dropped_at:
            continue
        else:
            dropped_at = None
            said = chosen(line, record, figures)
            if said is None:
                item = ITEM.match(CONDITION.sub("", line))
                dropped_at = len(item[1]) if item else None
                continue
            line = said
        lines.append(line)
    return "\n".join(lines)


def one_line(text: str, record: Record, figures: set[str] | None = None) -> str:
    """Return a caption with those of its sentences that are said."""
    parts = (chosen(part, record, figures) for part in SENTENCE.split(text))
    said = " ".join(part for part in parts if part)
    return re.sub(r"[;,]$", ".", said)


def plain(text: str, record: Record) -> str:
    """Return a text with recorded numbers and words written out; what is unknown stays."""
    return VALUE.sub(lambda m: record.text(m[1], m[2]) or m[0], text)


def notebook(cells: Iterable[dict], record: Record, figures: set[str] | None = None) -> None:
    """Choose, in place, what the cells of a notebook say: prose, captions, alternative texts."""
    for cell in cells:
        if cell["cell_type"] == "markdown":
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            cell["source"] = prose(text, record, figures)
            continue
        settings = cell["metadata"].get("mystnb", {})
        if "caption" in settings.get("figure", {}):
            figure = settings["figure"]
            figure["caption"] = one_line(figure["caption"], record, figures)
        if "alt" in settings.get("image", {}):
            image = settings["image"]
            alt = one_line(image["alt"], record, figures)
            image["alt"] = plain(alt or settings["figure"]["caption"], record)
