"""Read and write phase models: YAML for people, CSV for tables.

A model in YAML (times in seconds, power in watts)::

    name: generic machine learning
    startup:
      - {name: start, duration_s: 23.5, power_w: 57.5}
    work:
      - repeat: 5
        phases:
          - {name: train, duration_s: 7.6, power_w: 234}
          - {name: evaluate, duration_s: 1.5, power_w: 141}
          - {name: save, duration_s: 2.7, power_w: 110.5, checkpoint: true}
    end:
      - {name: end, duration_s: 1.6, power_w: 123}

``startup``, ``end`` and ``checkpoint`` may be left out. YAML keeps a model exactly, nested
repeats and every digit. A CSV file has one row a phase, in the columns
``part,name,duration_s,power_w,checkpoint`` (``yes`` or nothing), repeats written out.
"""

import csv
import io
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from helpers.files import number, read_text, write_whole
from helpers.phases.model import PARTS, Phase, PhaseModel, Phases, Repeat

__all__ = [
    "Place",
    "Unshared",
    "model_from_node",
    "read_csv",
    "read_phases",
    "read_yaml",
    "tree_of",
    "write_csv",
    "write_yaml",
]

COLUMNS = ("part", "name", "duration_s", "power_w", "checkpoint")
"""Columns of a model in CSV."""

_MODEL = {"name": True, "startup": False, "work": True, "end": False}  # key -> required
_PHASE = {"name": True, "duration_s": True, "power_w": True, "checkpoint": False}
_REPEAT = {"repeat": True, "phases": True}
_DEEPEST = 20


class Place:
    """A node, the file it stands in and the path to it, for messages."""

    def __init__(self, node: yaml.Node, file: str, path: str) -> None:
        self.node, self.file, self.path = node, file, path

    def error(self, message: object) -> ValueError:
        """Return an error that names file, line and path."""
        where = f"{self.file}, line {self.node.start_mark.line + 1}"
        return ValueError(f"{where}, {self.path or 'top level'}: {message}")

    def build(self, make: Callable[[], Any]) -> Any:
        """Return ``make()``, a refusal of which names this place."""
        try:
            return make()
        except (ValueError, yaml.YAMLError) as error:
            raise self.error(error) from None

    def mapping(self, keys: Mapping[str, bool]) -> dict[str, "Place"]:
        """Return the values of a mapping by key; `keys` says which may and must be there."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"must be a mapping with the keys {', '.join(keys)}.")
        found: dict[str, Place] = {}
        for key_node, value in self.node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            place = Place(key_node, self.file, f"{self.path}.{key}".lstrip("."))
            if key not in keys:
                raise place.error(f"unknown key: only {', '.join(keys)} are allowed here.")
            if key in found:
                raise place.error("key given twice: keep one.")
            found[key] = Place(value, self.file, place.path)
        missing = [key for key, required in keys.items() if required and key not in found]
        if missing:
            raise self.error(f"missing key: add {', '.join(missing)}.")
        return found

    def items(self) -> list["Place"]:
        """Return the places of a list.

        Raises
        ------
        ValueError
            If it is none.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("must be a list of phases and repeats.")
        return [
            Place(node, self.file, f"{self.path}[{i}]") for i, node in enumerate(self.node.value)
        ]

    def value(self, kind: type, rule: str) -> Any:
        """Return a scalar of one type; a whole number will do for a float, ``1:30`` will not."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(f"must be {rule}.")
        value = self.build(lambda: yaml.SafeLoader("").construct_object(self.node))
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (kind is not str and ":" in self.node.value):
            raise self.error(f"{self.node.value!r} must be {rule}.")
        return value


def read_phases(place: Place, depth: int = 0) -> Phases:
    """Return the phases and repeats of a list in a file.

    Raises
    ------
    ValueError
        If it is no such list; the message names file, line and path.
    """
    if depth > _DEEPEST:
        raise place.error(f"repeats are nested more than {_DEEPEST} deep: flatten them.")
    phases: list[Phase | Repeat] = []
    for item in place.items():
        is_repeat = isinstance(item.node, yaml.MappingNode) and any(
            key.value == "repeat" for key, _ in item.node.value
        )
        if is_repeat:
            fields = item.mapping(_REPEAT)
            times = fields["repeat"].value(int, "a whole number")
            inner = read_phases(fields["phases"], depth + 1)
            phases.append(item.build(partial(Repeat, times, inner)))
        else:
            phases.append(_phase(item))
    return tuple(phases)


def _phase(place: Place) -> Phase:
    fields = place.mapping(_PHASE)
    number = "a number, such as 1500 or 1.5e+3"
    values = {
        "name": fields["name"].value(str, "a text (put it in quotes)"),
        "duration_s": fields["duration_s"].value(float, number),
        "power_w": fields["power_w"].value(float, number),
    }
    if "checkpoint" in fields:
        values["checkpoint"] = fields["checkpoint"].value(bool, "true or false")
    return place.build(lambda: Phase(**values))


def model_from_node(node: yaml.Node, *, file: str, path: str = "") -> PhaseModel:
    """Build a model from a composed YAML node, for files that hold models among other things.

    Parameters
    ----------
    node : yaml.Node
        From ``yaml.compose(text, Loader=yaml.SafeLoader)``.
    file : str
        Name of the file, for messages.
    path : str
        Path to the node inside the file, such as ``"jobs[3].model"``, for messages.

    Returns
    -------
    PhaseModel
        The model.

    Raises
    ------
    ValueError
        If the node is no valid model; names the file, the line and the path.
    """
    place = Place(node, file, path)
    fields = place.mapping(_MODEL)
    name = fields["name"].value(str, "a text (put it in quotes)")
    parts = {part: read_phases(fields[part]) if part in fields else () for part in PARTS}
    return place.build(lambda: PhaseModel(name, **parts))


def read_yaml(path: str | os.PathLike) -> PhaseModel:
    """Read a model from a YAML file.

    Parameters
    ----------
    path : path
        The file; its layout is in the module's docstring.

    Returns
    -------
    PhaseModel
        The model, nested as in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no YAML or no valid model; names the file, the line and the path.
    """
    path = Path(path)
    try:
        text = "\n".join(read_text(path, latin_1=False).lines)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: not valid YAML: {error}") from None
    if node is None:
        raise ValueError(f"{path.name}, line 1: the file is empty: it must hold a model.")
    return model_from_node(node, file=path.name)


def tree_of(phases: Phases) -> list[dict[str, Any]]:
    """Return phases and repeats as plain lists and mappings, as YAML writes them."""
    tree: list[dict[str, Any]] = []
    for item in phases:
        if isinstance(item, Repeat):
            tree.append({"repeat": item.times, "phases": tree_of(item.phases)})
        else:
            row = {"name": item.name, "duration_s": item.duration_s, "power_w": item.power_w}
            tree.append(row | ({"checkpoint": True} if item.checkpoint else {}))
    return tree


class Unshared(yaml.SafeDumper):
    """Writes equal phases out instead of pointing from one to the other."""

    def ignore_aliases(self, data: object) -> bool:
        """Ignore them all."""
        return True


def write_yaml(model: PhaseModel, path: str | os.PathLike) -> None:
    """Write a model as YAML, whole or not at all.

    Parameters
    ----------
    model : PhaseModel
        What to write.
    path : path
        Where to; an older file there is replaced.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written.
    """
    tree = {"name": model.name} | {part: tree_of(getattr(model, part)) for part in PARTS}
    write_whole(
        path, yaml.dump(tree, Dumper=Unshared, sort_keys=False, allow_unicode=True, width=100)
    )


def read_csv(path: str | os.PathLike, *, name: str | None = None) -> PhaseModel:
    """Read a model from a CSV file with one row a phase.

    Parameters
    ----------
    path : path
        The file; its columns are in the module's docstring.
    name : str, optional
        Name of the model; the file's name without its ending when not given.

    Returns
    -------
    PhaseModel
        The model, without repeats.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column, a value or the order of parts is wrong; names the file and the line.
    """
    path = Path(path)
    parts: dict[str, list[Phase]] = {part: [] for part in PARTS}
    rows = csv.reader(f"{line}\n" for line in read_text(path, latin_1=False).lines)
    try:
        header = next(rows, [])
        if tuple(header) != COLUMNS:
            raise ValueError(f"columns(={','.join(header)[:200]}) must be {','.join(COLUMNS)}.")
        order = 0
        for row in rows:
            part, phase = _row(row)
            if PARTS.index(part) < order:
                raise ValueError(f"part(={part!r}) must not stand after {PARTS[order]!r}.")
            order = PARTS.index(part)
            parts[part].append(phase)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path.name}, line {max(rows.line_num, 1)}: {error}") from None
    try:
        phases = (tuple(parts[part]) for part in PARTS)
        return PhaseModel(name if name is not None else path.stem, *phases)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from None


def _row(row: list[str]) -> tuple[str, Phase]:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} fields found, {len(COLUMNS)} wanted.")
    values = dict(zip(COLUMNS, row, strict=True))
    if values["part"] not in PARTS:
        raise ValueError(f"part(={values['part']!r}) must be one of {', '.join(PARTS)}.")
    if values["checkpoint"] not in ("", "yes"):
        raise ValueError(f"checkpoint(={values['checkpoint']!r}) must be 'yes' or empty.")
    numbers = {}
    for key in ("duration_s", "power_w"):
        try:
            numbers[key] = number(values[key])
        except ValueError:
            raise ValueError(f"{key}(={values[key]!r}) must be a number.") from None
    return values["part"], Phase(
        values["name"], **numbers, checkpoint=values["checkpoint"] == "yes"
    )


def write_csv(model: PhaseModel, path: str | os.PathLike) -> None:
    """Write a model as CSV, one row a phase, repeats written out, whole or not at all.

    Parameters
    ----------
    model : PhaseModel
        What to write; `read_csv` gives back ``model.flattened()``.
    path : path
        Where to; an older file there is replaced.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    flat = model.flattened()
    for part in PARTS:
        writer.writerows(_csv_rows(part, getattr(flat, part)))
    write_whole(path, text.getvalue())


def _csv_rows(part: str, phases: Iterable[Phase]) -> Iterable[list[str]]:
    for p in phases:
        mark = "yes" if p.checkpoint else ""
        yield [part, p.name, repr(p.duration_s), repr(p.power_w), mark]
