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
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from helpers.files import number, read_text, write_whole
from helpers.phases.model import PARTS, Phase, PhaseModel, Phases, Repeat
from helpers.schema import Place, Schema, compose

__all__ = [
    "SCHEMA",
    "Unshared",
    "model_at",
    "read_csv",
    "read_phases",
    "read_yaml",
    "tree_of",
    "write_csv",
    "write_yaml",
]

COLUMNS = ("part", "name", "duration_s", "power_w", "checkpoint")
"""Columns of a model in CSV."""

_DEEPEST = 20


def _phase_or_repeat(place: Place) -> Phase | Repeat:
    if place.path.count("phases[") > _DEEPEST:
        raise place.error(f"repeats are nested more than {_DEEPEST} deep: flatten them.")
    return SCHEMA.read(place, Repeat if place.has("repeat") else Phase)


def read_phases(place: Place) -> Phases:
    """Return the phases and repeats of a list in a file.

    Raises
    ------
    ValueError
        If it is no such list; the message names file, line and path.
    """
    return tuple(_phase_or_repeat(item) for item in place.items("phases and repeats"))


#: What a file says of phases and models: the classes of `helpers.phases.model` declare it.
SCHEMA = Schema(
    names={Repeat: {"times": "repeat"}},
    defaults={PhaseModel: {"startup": ()}},
    readers={Phases: read_phases},
)


def model_at(place: Place) -> PhaseModel:
    """Return the model that stands at a place, for files that hold models among other things.

    Raises
    ------
    ValueError
        If it is no valid model; names the file, the line and the path.
    """
    return SCHEMA.read(place, PhaseModel)


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
    return model_at(compose(path, "a model"))


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
