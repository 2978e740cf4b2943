"""The operators of a program: HLO, the compiler's text of its graph, read into a table.

A program's graph has one node an operator: a matrix product, an exponential of every element. Equal
operators of one program (same kind, same shapes) are one row with a count, since they cost the
same; the body of a loop counts as often as the loop runs, which stands in its condition as a
constant. What moves nothing (parameters, constants, tuples, reshapes) is left out, and edges are
drawn past it.

Read is the graph *before* optimisation, which depends on the program alone: what the compiler then
fuses is for the models to learn.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

import pandas as pd

__all__ = ["COLUMNS", "Operator", "UnknownLoop", "operators"]

_BYTES = {
    **{"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "f16": 2, "bf16": 2},
    **{"s32": 4, "u32": 4, "f32": 4, "s64": 8, "u64": 8, "f64": 8, "c64": 8, "c128": 16},
}
_LINE = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$")
_SHAPE = re.compile(r"(\w+)\[([\d,]*)\](?:\{([\d,]*)[^}]*\})?")
_HEAD = re.compile(r"^(ENTRY )?%?([\w.\-]+)(?: \(.*)? \{$")
_NAME = re.compile(r"%?([A-Za-z_][\w.\-]*)")
# What moves nothing and computes nothing: edges are drawn past it.
_FREE = {"parameter", "constant", "tuple", "get-tuple-element", "reshape", "bitcast", "after-all"}
_FREE |= {"optimization-barrier", "iota"}
_PARTS = {"dynamic-slice", "slice", "gather"}


class UnknownLoop(ValueError):
    """How often a loop runs does not stand in the program: it depends on its data."""


class Operator(NamedTuple):
    """One kind of operator at one size; `COLUMNS` says what each number is."""

    kind: str
    bytes_in: int = 0
    bytes_out: int = 0
    work: int = 0
    batch: int = 0
    rows: int = 0
    columns: int = 0
    depth: int = 0
    window: int = 0


COLUMNS: Mapping[str, str] = {
    "kind": "what is computed, in the words of HLO",
    "bytes_in": "what is read [bytes]",
    "bytes_out": "what is written [bytes]",
    "work": "floating-point operations of products; elements read by a reduction; elements else [1]",
    "batch": "of a product: how many of equal shape [1]",
    "rows": "of a product: rows of the result (of a convolution: examples x positions) [1]",
    "columns": "of a product: columns of the result (of a convolution: channels) [1]",
    "depth": "of a product: length of each sum; of a reduction: elements of each sum [1]",
    "window": "of a convolution: positions of its window [1]",
    "calls": "how often the program runs it [1]",
}
"""The columns of a table of operators, with units in brackets."""


@dataclass
class _Line:
    """One instruction of HLO."""

    name: str
    kind: str
    shape: str
    operands: tuple[str, ...]
    rest: str

    def sizes(self) -> list[tuple[list[int], int, list[int]]]:
        """Return (dimensions, bytes, order from the fastest dimension) of each array of the result."""
        found = []
        for kind, dims, order in _SHAPE.findall(self.shape):
            size = [int(d) for d in dims.split(",") if d]
            layout = [int(d) for d in order.split(",") if d] or list(range(len(size)))[::-1]
            found.append((size, prod(size) * _BYTES.get(kind, 4), layout))
        return found or [([], 0, [])]

    @property
    def dims(self) -> list[int]:
        return self.sizes()[0][0]

    @property
    def bytes(self) -> int:
        return sum(size for _, size, _ in self.sizes())

    def said(self, name: str) -> list[int]:
        """Return the numbers of an attribute such as ``dimensions={0,1}``."""
        found = re.search(rf"\b{name}=\{{([\d,]*)\}}", self.rest)
        return [int(n) for n in found.group(1).split(",") if n] if found else []

    def called(self, *names: str) -> str | None:
        """Return the computation that an attribute such as ``to_apply=name`` names."""
        found = re.search(rf"\b(?:{'|'.join(names)})=%?([\w.\-]+)", self.rest)
        return found.group(1) if found else None


@dataclass
class _Graph:
    """Computations by name, the one that is entered, and the rows found so far."""

    computations: dict[str, dict[str, _Line]]
    entry: str
    rows: Counter[Operator] = field(default_factory=Counter)
    edges: Counter[tuple[Operator, Operator]] = field(default_factory=Counter)


def operators(hlo: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the operators of a program and the edges between them.

    Parameters
    ----------
    hlo : str
        Text of HLO, before optimisation.

    Returns
    -------
    tuple of pandas.DataFrame
        One row an operator, columns `COLUMNS`; and one row an edge, columns ``source`` and
        ``target`` (row numbers of the first table) and ``count``.

    Raises
    ------
    UnknownLoop
        If a loop does not say how often it runs.
    ValueError
        If the text is not HLO.
    """
    graph = _read(hlo)
    _ends(graph)
    _walk(graph, graph.entry, {}, 1)
    rows = list(graph.rows)
    place = {row: i for i, row in enumerate(rows)}
    table = pd.DataFrame(rows, columns=list(Operator._fields))
    table["calls"] = [graph.rows[row] for row in rows]
    edges = [(place[a], place[b], n) for (a, b), n in graph.edges.items()]
    return table, pd.DataFrame(edges, columns=["source", "target", "count"])


def _read(hlo: str) -> _Graph:
    """Return the computations of a text."""
    computations: dict[str, dict[str, _Line]] = {}
    entry, here = "", None
    for text in hlo.splitlines():
        if head := _HEAD.match(text):
            here = computations.setdefault(head.group(2), {})
            entry = head.group(2) if head.group(1) else entry
        elif here is not None and (line := _LINE.match(text)):
            name, shape, kind, tail = line.groups()
            inside, rest = _split(tail)
            operands = () if kind in ("parameter", "constant") else tuple(_NAME.findall(inside))
            here[name] = _Line(name, kind, shape, operands, inside + ")" + rest)
    if not entry:
        raise ValueError("the text has no ENTRY: it must be HLO, as the compiler of JAX prints it.")
    return _Graph(computations, entry)


def _ends(graph: _Graph) -> None:
    """Count what a call is given and what it gives: each costs a little, whatever its size."""
    lines = list(graph.computations[graph.entry].values())
    given = [line for line in lines if line.kind == "parameter"]
    size = sum(line.bytes for line in given)
    graph.rows[Operator("argument", bytes_in=size // max(len(given), 1))] += len(given)
    last = lines[-1]
    results = len(last.operands) if last.kind == "tuple" else 1
    graph.rows[Operator("result", bytes_out=last.bytes // max(results, 1))] += results


def _split(tail: str) -> tuple[str, str]:
    """Return what stands within the parenthesis of an instruction, and what after it."""
    depth = 1
    for i, letter in enumerate(tail):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return re.sub(r"/\*.*?\*/", "", tail[:i]), tail[i + 1 :]
    return tail, ""


Sources = frozenset[Operator]
Value = "Sources | tuple[Value, ...]"


def _walk(graph: _Graph, name: str, given: Mapping[int, object], times: int) -> object:
    """Count the operators of a computation; return what its result comes from.

    `given` says what each parameter comes from, `times` how often it all runs.
    """
    from_where: dict[str, object] = {}
    lines = graph.computations[name]
    last: object = frozenset()
    for line in lines.values():
        last = _step(graph, lines, line, given, from_where, times)
        from_where[line.name] = last
    return last


def _step(
    graph: _Graph,
    lines: Mapping[str, _Line],
    line: _Line,
    given: Mapping[int, object],
    from_where: Mapping[str, object],
    times: int,
) -> object:
    """Count one instruction; return what its result comes from."""
    values = [from_where.get(name, frozenset()) for name in line.operands]
    if line.kind == "parameter":
        return given.get(int(re.match(r"\d+", line.rest).group()), frozenset())  # type: ignore[union-attr]
    if line.kind == "tuple":
        return tuple(values)
    if line.kind == "get-tuple-element":
        index = int(re.search(r"index=(\d+)", line.rest).group(1))  # type: ignore[union-attr]
        return values[0][index] if isinstance(values[0], tuple) else values[0]
    if line.kind in _FREE:
        return _flat(values)
    if line.kind == "call":
        return _walk(graph, line.called("to_apply") or "", dict(enumerate(values)), times)
    if line.kind == "while":
        turns = _turns(graph, line)
        graph.rows[Operator("loop")] += turns * times
        return _walk(graph, line.called("body") or "", {0: values[0]}, turns * times)
    row = _operator(lines, line)
    graph.rows[row] += times
    for source in _flat(values):
        graph.edges[source, row] += times
    return frozenset([row])


def _flat(values: Iterable[object]) -> Sources:
    """Return all that values come from."""
    found: set[Operator] = set()
    for value in values:
        found |= _flat(value) if isinstance(value, tuple) else value  # type: ignore[arg-type]
    return frozenset(found)


def _turns(graph: _Graph, line: _Line) -> int:
    """Return how often a loop runs."""
    if known := re.search(r'"known_trip_count":\{"n":"(\d+)"', line.rest):
        return int(known.group(1))
    lines = graph.computations[line.called("condition") or ""]
    compares = [one for one in lines.values() if one.kind == "compare"]
    if len(compares) == 1 and "direction=LT" in compares[0].rest:
        limits = [lines[n] for n in compares[0].operands if lines[n].kind == "constant"]
        first = _first(graph, line)
        if len(limits) == 1 and first is not None:
            return int(limits[0].rest.partition(")")[0]) - first
    raise UnknownLoop(
        f"{line.name}: how often the loop runs depends on data; measure the program once instead."
    )


def _first(graph: _Graph, line: _Line) -> int | None:
    """Return where the counter of a loop starts: the first whole number that it is given."""
    for lines in graph.computations.values():
        if lines.get(line.name) is line:
            given = lines[line.operands[0]]
            for name in given.operands if given.kind == "tuple" else ():
                while lines[name].kind in ("copy", "bitcast", "convert", "broadcast"):
                    name = lines[name].operands[0]
                if lines[name].kind == "constant" and re.match(r"[su]\d+\[\]", lines[name].shape):
                    return int(lines[name].rest.partition(")")[0])
    return None


def _operator(lines: Mapping[str, _Line], line: _Line) -> Operator:
    """Return the row of an instruction."""
    operands = [lines[name] for name in line.operands if name in lines]
    elements, read, written = prod(line.dims), sum(one.bytes for one in operands), line.bytes
    own = {"bytes_in": read, "bytes_out": written, "work": elements}
    if line.kind == "dot":
        return Operator(**_dot(line, operands, own))
    if line.kind == "convolution":
        return Operator(**_convolution(line, operands, own))
    if line.kind in ("reduce", "reduce-window"):
        return Operator(**_reduction(line, operands, own))
    if line.kind in _PARTS:  # reads what it takes, not all
        return Operator(line.kind, **own | {"bytes_in": written})
    if line.kind in ("dynamic-update-slice", "scatter"):  # writes in place
        new = operands[1 if line.kind == "dynamic-update-slice" else -1]
        own = {"bytes_in": new.bytes, "bytes_out": new.bytes, "work": prod(new.dims)}
        return Operator(line.kind, **own)
    if line.kind == "custom-call":
        target = re.search(r'custom_call_target="([^"]*)"', line.rest)
        return Operator(f"call of {target.group(1) if target else 'unknown'}", **own)
    return Operator(line.kind, **own)


def _dot(line: _Line, operands: Sequence[_Line], own: dict) -> dict:
    """Return the numbers of a matrix product."""
    left, right = operands[0].dims, operands[1].dims
    summed, together = line.said("lhs_contracting_dims"), line.said("lhs_batch_dims")
    depth, batch = prod(left[i] for i in summed), prod(left[i] for i in together)
    rows = prod(left) // max(depth * batch, 1)
    columns = prod(right) // max(depth * batch, 1)
    # Where the sum does not run along the rows of the left operand, another library computes it;
    # with one row or column, none does.
    kind = "dot"
    if 1 in (rows, columns):
        kind = "dot, vector"
    elif summed != [len(left) - 1]:
        kind = "dot, left transposed"
    elif line.said("rhs_contracting_dims") != [len(right) - 2]:
        kind = "dot, right transposed"
    shape = {"batch": batch, "rows": rows, "columns": columns, "depth": depth}
    return own | shape | {"kind": kind, "work": 2 * own["work"] * depth}


def _convolution(line: _Line, operands: Sequence[_Line], own: dict) -> dict:
    """Return the numbers of a convolution, its result seen as a matrix of positions x channels."""
    labels = re.search(r"dim_labels=(\w+)_(\w+)->(\w+)", line.rest)
    assert labels is not None  # HLO always says so
    kernel = dict(zip(labels.group(2), operands[1].dims, strict=True))
    result = dict(zip(labels.group(3), line.dims, strict=True))
    window = prod(n for label, n in kernel.items() if label not in "io")
    columns = result["f"]
    kind = {"lhs_dilate": ", spread input", "rhs_dilate": ", spread kernel"}
    dilated = [w for w in kind if w in line.rest]
    image = prod(
        n for label, n in zip(labels.group(1), operands[0].dims, strict=True) if label not in "bf"
    )
    spread = "".join(kind[w] for w in dilated)
    if window > image and "lhs_dilate" not in dilated:  # then image and kernel are swapped
        spread = ", small image"
    elif "lhs_dilate" not in dilated:
        spread += _library(kernel["i"], columns)
    depth = window * kernel["i"]
    return own | {
        "kind": "convolution" + spread,
        "work": 2 * own["work"] * depth,
        "batch": 1,
        "rows": own["work"] // columns,
        "columns": columns,
        "depth": depth,
        "window": window,
    }


def _library(inputs: int, outputs: int) -> str:
    """Return which way a convolution of so many channels is computed, as its kind says it.

    XLA leaves it to its library of vector kernels if one side has more than 16 channels; that one
    has a kernel of its own for few inputs, at worst with up to 24 outputs, and reads an odd number
    of inputs unaligned. So it was found in what was compiled, and by timing one size after another.
    """
    if max(inputs, outputs) <= 16:
        return ", few channels"
    if inputs < 4:
        return ", thin and narrow" if outputs <= 24 else ", thin"
    return ", odd channels" if inputs % 2 else ""


def _reduction(line: _Line, operands: Sequence[_Line], own: dict) -> dict:
    """Return the numbers of a reduction."""
    dims, _, order = operands[0].sizes()[0]
    along = bool(order) and order[0] in line.said("dimensions")
    kind = line.kind if along or line.kind != "reduce" else "reduce, across"
    depth = prod(dims) // max(own["work"], 1)
    return own | {"kind": kind, "work": prod(dims), "depth": depth}
