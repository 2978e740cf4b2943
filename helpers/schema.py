"""Files that people write in YAML, read into declared classes.

What a file may say is declared once, by a dataclass: its fields are the keys, their types what may
stand there, and what has a default may be left out. A refusal names the value, the rule, the file,
the line and the path in it.

====================================  ========================================================
type of a field                       what the file says
====================================  ========================================================
``str``, ``bool``                     a text; true or false
``float``, ``int``                    a number; a whole number
``Annotated[float, "> 0"]``           a number with a rule: ``> 0``, ``>= 0``, ``>= 1``, ``finite``,
                                      ``>= 0 or .inf``
``Literal["a", "b"]``                 one of these words
``tuple[T, ...]``                     a list
``Annotated[tuple[T, ...], "jobs"]``  a list of so-called things, at least one
``T | None``                          T, or nothing
a dataclass                           a mapping of its fields
`Place`                               anything, for a reader of its own
====================================  ========================================================

A field named ``at`` is no key: it is the place where the object itself stands, for rules that bind
several of its keys.
"""

from __future__ import annotations

import difflib
import math
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cached_property, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import yaml

from helpers.files import read_text

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Place", "PlaceError", "Schema", "compose"]

_SAID = {
    str: "a text (put it in quotes)",
    float: "a number, such as 1500 or 1.5e+3",
    int: "a whole number",
    bool: "true or false",
}
_RULES: dict[str, Callable[[float], bool]] = {
    "> 0": lambda value: value > 0,
    ">= 0": lambda value: value >= 0,
    ">= 1": lambda value: value >= 1,
    "finite": lambda value: True,
    ">= 0 or .inf": lambda value: value >= 0,
}
_NULL = "tag:yaml.org,2002:null"


class PlaceError(ValueError):
    """A refusal that already names its place."""


class Place:
    """A node, the file it stands in and the path to it, for messages."""

    def __init__(self, node: yaml.Node, file: str, path: str = "") -> None:
        self.node, self.file, self.path = node, file, path

    def error(self, message: object) -> PlaceError:
        """Return an error that names file, line and path."""
        where = f"{self.file}, line {self.node.start_mark.line + 1}"
        return PlaceError(f"{where}, {self.path or 'top level'}: {message}")

    def build(self, make: Callable[[], Any]) -> Any:
        """Return ``make()``, a refusal of which names this place, or a place inside it."""
        try:
            return make()
        except PlaceError:
            raise
        except (ValueError, yaml.YAMLError) as error:
            raise self.error(error) from None

    def mapping(self, keys: Mapping[str, bool]) -> dict[str, Place]:
        """Return the values of a mapping by key; `keys` says which may and must be there."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"must be a mapping with the keys {', '.join(keys)}.")
        found: dict[str, Place] = {}
        for key_node, value in self.node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            place = Place(key_node, self.file, f"{self.path}.{key}".lstrip("."))
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
                known = ", ".join(keys)
                raise place.error(
                    f"unknown key: did you mean {near[0]!r}? Known are {known}."
                    if near
                    else f"unknown key: only {known} are allowed here."
                )
            if key in found:
                raise place.error("key given twice: keep one.")
            found[key] = Place(value, self.file, place.path)
        missing = [key for key, required in keys.items() if required and key not in found]
        if missing:
            raise self.error(f"missing key: add {', '.join(missing)}.")
        return found

    def has(self, key: str) -> bool:
        """Tell whether this is a mapping with a key."""
        is_mapping = isinstance(self.node, yaml.MappingNode)
        return is_mapping and any(name.value == key for name, _ in self.node.value)

    def items(self, of: str = "items", *, least: int = 0) -> list[Place]:
        """Return the places of a list of so-called things.

        Raises
        ------
        ValueError
            If it is no list, or has fewer items than `least`.
        """
        if not isinstance(self.node, yaml.SequenceNode) or len(self.node.value) < least:
            some = f", at least {'one' if least == 1 else least}" if least else ""
            raise self.error(f"must be a list of {of}{some}.")
        return [
            Place(node, self.file, f"{self.path}[{i}]") for i, node in enumerate(self.node.value)
        ]

    def value(self, kind: type, rule: str = "") -> Any:
        """Return a scalar of one type; a whole number will do for a float, ``1:30`` will not."""
        rule = rule or _SAID[kind]
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error(f"must be {rule}.")
        value = self.build(lambda: yaml.SafeLoader("").construct_object(self.node))
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (kind is not str and ":" in self.node.value):
            raise self.error(f"{self.node.value!r} must be {rule}.")
        return value

    def number(self, rule: str, kind: type = float) -> Any:
        """Return a number that keeps a rule: ``> 0``, ``>= 0 or .inf``...; finite if it says no more."""
        value = self.value(kind)
        bounded = math.isfinite(value) or rule.endswith(".inf")
        if not (bounded and _RULES[rule](value)):
            raise self.error(f"{self.node.value} must be {rule}.")
        return value

    def one_of(self, allowed: Sequence[str]) -> str:
        """Return one of some words; of another one, name the nearest."""
        value = self.value(str, f"one of {', '.join(allowed)}")
        if value not in allowed:
            near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise self.error(f"{value!r}: {hint}It must be one of {', '.join(allowed)}.")
        return value


def compose(path: str | os.PathLike, what: str) -> Place:
    """Read a file and return its top place.

    Parameters
    ----------
    path : path
        The YAML file.
    what : str
        What it must hold, for the message of an empty one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no YAML, or empty.
    """
    file = Path(path).name
    try:
        text = "\n".join(read_text(Path(path), latin_1=False).lines)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: not valid YAML: {error}") from None
    if node is None:
        raise ValueError(f"{file}, line 1: the file is empty: it must hold {what}.")
    return Place(node, file)


@dataclass(frozen=True)
class Schema:
    """How places become objects of declared classes.

    Parameters
    ----------
    names : mapping of type to mapping of str to str
        Fields whose key in a file is another word: ``{Repeat: {"times": "repeat"}}``.
    defaults : mapping of type to mapping of str to object
        What a file may leave out though the class asks for it.
    readers : mapping of type to callable
        Types with a reader of their own: it takes the place.
    """

    names: Mapping[type, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[type, Mapping[str, Any]] = field(default_factory=dict)
    readers: Mapping[Any, Callable[[Place], Any]] = field(default_factory=dict)

    def read(self, place: Place, kind: Any) -> Any:
        """Return the object of a declared class that stands at a place.

        Raises
        ------
        ValueError
            If the file does not keep what the class declares.
        """
        return self._converter.structure(place, kind)

    @cached_property
    def _converter(self) -> Converter:
        from cattrs import Converter  # takes as long to import as all of pyyaml: when first used

        converter = Converter(detailed_validation=False)
        converter.register_structure_hook(Place, lambda place, kind: place)
        for scalar in _SAID:
            converter.register_structure_hook(scalar, lambda place, kind: place.value(kind))
        for check, hook in (
            (_is(tuple), self._tuple),
            (_is(Literal), lambda place, kind: place.one_of(get_args(kind))),
            (_is(Annotated), self._ruled),
            (_may_be_none, self._unless_null),
        ):
            converter.register_structure_hook_func(check, hook)
        converter.register_structure_hook_factory(is_dataclass, self._of_class)
        for kind, reader in self.readers.items():
            converter.register_structure_hook_func(partial(operator.eq, kind), _reading(reader))
        return converter

    def _tuple(self, place: Place, kind: Any) -> tuple:
        inner = get_args(kind)[0]
        return tuple(self.read(item, inner) for item in place.items())

    def _ruled(self, place: Place, kind: Any) -> Any:
        inner, rule = get_args(kind)
        if get_origin(inner) is tuple:
            return tuple(self.read(item, get_args(inner)[0]) for item in place.items(rule, least=1))
        return place.number(rule, inner)

    def _unless_null(self, place: Place, kind: Any) -> Any:
        if place.node.tag == _NULL:
            return None
        (inner,) = set(get_args(kind)) - {NoneType}
        return self.read(place, inner)

    def _of_class(self, kind: type) -> Callable[[Place, type], Any]:
        """Make the reader of a dataclass."""
        from cattrs.gen import make_dict_structure_fn, override

        names, defaults = self.names.get(kind, {}), self.defaults.get(kind, {})
        declared = [item for item in fields(kind) if item.init]
        keys = {
            names.get(item.name, item.name): item.default is item.default_factory is MISSING
            and item.name not in defaults
            for item in declared
            if item.name != "at"
        }
        renamed: dict[str, Any] = {name: override(rename=key) for name, key in names.items()}
        make: Callable[[Mapping[str, Any], type], Any] = make_dict_structure_fn(
            kind, self._converter, _cattrs_detailed_validation=False, **renamed
        )

        def read(place: Place, _: type) -> Any:
            given = place.mapping(keys)
            given |= {"at": place}
            left_out = {name: value for name, value in defaults.items() if name not in given}
            return place.build(lambda: make(given | left_out, kind))

        return read


def _reading(reader: Callable[[Place], Any]) -> Callable[[Any, Any], Any]:
    """Return a hook of a reader; a default is there already and not read."""
    return lambda place, kind: reader(place) if isinstance(place, Place) else place


def _is(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _may_be_none(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
