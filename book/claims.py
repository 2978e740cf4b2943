"""What a summary may say: no more than was recorded of the numbers it quotes.

A number is recorded with its `helpers.publish.Scope`. A *claim* is a paragraph, an item or a cell
of a summary that quotes numbers; `too_wide` says what it leaves out or says wrongly:

* a load, a single week, a single grid and year, whether pauses are allowed and what is known of
  the future must be said in the claim itself;
* how many grids and weeks it names must be those of one of its numbers;
* "proven" needs, in its own sentence, the week and what is known, and a number of one week;
* it links to the chapter, or the section, that qualifies it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import said

#: What may stand between two words of one sentence; a decimal point ends none.
GAP = r"(?:[^.]|\.(?=\d))*"
#: How a text says what a scope holds. A start without more is a run in one go.
SAYS = {
    "pauses": {
        "none": r"\bwithout pauses\b|\bstarts?\b|\bstarted\b|\bin one go\b|\bhold\w*|\bnodes? sleep"
        r"|\bsleep\b|\bbest hour\b|\bcleanest hour\b",
        "free": rf"\bpaus{GAP}\bfree\b|\bfree\b{GAP}\bpaus",
        "charged": r"\bpaus|\bsuspen|\bresum",
    },
    "future": {
        "known": r"\bknown?\b|\bknows\b|\bhindsight\b|\bperfect\b",
        "forecast": r"\bforecast|\bregression\b",
        "unknown": r"\bunknown\b|\bdo(?:es)? not know\b|\bnot knowing\b|\bnothing of the future\b",
    },
}
ONE_WEEK = re.compile(r"\b(?:one|that|a single|this) week\b|\bof one week\b", re.IGNORECASE)
PROOF = re.compile(r"\bproven\b|\bproof\b|\bcertified\b|\bcertain\b", re.IGNORECASE)
COUNTED = re.compile(r"\b(\d[\d,]*)\s(grids|weeks)\b")
README_CLAIM = re.compile(r"<!--(num|word) ([\w.]+)-->.*?<!--/\1-->")
OPTIMUM = re.compile(r"\bproven optimum\b", re.IGNORECASE)


@dataclass(frozen=True)
class Claim:
    """A piece of a page that quotes numbers: its source, and its text with numbers written out."""

    source: str
    text: str
    numbers: tuple[str, ...]

    @property
    def chapters(self) -> set[str]:
        """The chapters whose numbers it quotes."""
        return {name.partition(".")[0] for name in self.numbers}


def as_roles(readme: str) -> str:
    """Return the text of the README with its claims written as on a page."""
    return README_CLAIM.sub(r"{\1}`\2`", readme)


def pieces(page: str) -> Iterator[str]:
    """Yield the paragraphs, list items and table cells of a page, code left out."""
    page = re.sub(r"```(?:shell|python|mermaid|sh)\n.*?```", "", page, flags=re.DOTALL)
    piece: list[str] = []
    for line in page.split("\n"):
        starts = re.match(r"\s*(?:[*-]|\d+\.)\s|:::|```|#", line)
        if (starts or not line.strip()) and piece:
            yield "\n".join(piece)
            piece = []
        if line.strip():
            piece.append(line)
    if piece:
        yield "\n".join(piece)


def claims(page: str, record: said.Record) -> list[Claim]:
    """Return the claims of a page: what it says of recorded numbers."""
    found = []
    for piece in pieces(said.prose(page, record)):
        names = [m[2] for m in said.VALUE.finditer(piece) if m[1] != "word"]
        if names:
            text = re.sub(r"\{(?:doc|ref|numref)\}`[^`]*`|\]\([^)]*\)|→", " ", piece)
            text = said.plain(text, record).replace("\N{NO-BREAK SPACE}", " ")
            found.append(Claim(piece, " ".join(text.split()), tuple(dict.fromkeys(names))))
    return found


def too_wide(claim: Claim, record: said.Record, place: Mapping[str, str]) -> list[str]:
    """Return what a claim leaves out or says wrongly of its numbers' scope, a sentence each.

    `place` gives the word for each grid (``{"DE": "Germany"}``).
    """
    scopes = {name: record.numbers[name].get("scope", {}) for name in claim.numbers}
    problems = []
    for name, scope in scopes.items():
        if record.numbers[name]["unit"] in {"grids", "weeks", "years", "h", "min"}:
            continue  # a parameter of the comparison, not its result
        problems += [f"{name}: {what}" for what in _unsaid(claim.text, scope, place)]
    return [*problems, *_said_wrongly(claim.text, list(scopes.values()))]


def _unsaid(text: str, scope: Mapping, place: Mapping[str, str]) -> Iterator[str]:
    load = scope.get("load_percent")
    if load and not re.search(rf"\bload of\s{GAP}\b{load:.0f} %|\b{load:.0f} % load", text):
        yield f"its load, {load:.0f} %, is not said"
    for dimension, words in SAYS.items():
        recorded = scope.get(dimension)
        if recorded and not re.search(words[recorded], text, re.IGNORECASE):
            yield f"{dimension} = {recorded} is not said"
    if scope.get("weeks") == 1 and not ONE_WEEK.search(text):
        yield "that it is about one week is not said"
    grids, years = scope.get("grids", []), scope.get("years", [])
    if len(grids) == 1 and place[grids[0]] not in text:
        yield f"its place, {place[grids[0]]}, is not said"
    if len(grids) == 1 and len(years) == 1 and str(years[0]) not in text:
        yield f"its year, {years[0]}, is not said"


def _said_wrongly(text: str, scopes: list[Mapping]) -> Iterator[str]:
    for sentence in said.SENTENCE.split(text):
        for count, of in COUNTED.findall(sentence):
            known = {
                len(s.get("grids", [])) if of == "grids" else s.get("weeks", 0) for s in scopes
            }
            if int(count.replace(",", "")) not in known:
                yield f"'{count} {of}' is the scope of none of its numbers: {sentence!r}"
        if PROOF.search(OPTIMUM.sub("", sentence)):
            if not ONE_WEEK.search(sentence) or not any(s.get("weeks") == 1 for s in scopes):
                yield f"what is proven is proven for one week, which is not said: {sentence!r}"
            if not re.search(rf"\bwithout pauses\b|\bwith\b{GAP}\bpauses\b", sentence):
                yield f"whether pauses are in what is proven is not said: {sentence!r}"
