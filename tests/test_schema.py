"""What a file may say is what a class declares; what it may not is refused at its line."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.schema import Place, PlaceError, Schema, compose


@dataclass(frozen=True)
class Part:
    name: str
    size: Annotated[float, "> 0"]

    def __post_init__(self):
        if self.name == "none":
            raise ValueError("name(='none') must name something.")


@dataclass(frozen=True)
class Whole:
    at: Place
    parts: Annotated[tuple[Part, ...], "parts"]
    kind: Literal["small", "large"] = "small"
    count: Annotated[int, ">= 1"] | None = None
    tags: tuple[str, ...] = ()
    done: bool = False
    rest: Place | None = None
    share: Annotated[float, "finite"] = 0.0


SCHEMA = Schema(names={Part: {"size": "size_cm"}})
GOOD = """\
parts:
  - {name: a, size_cm: 1}
kind: large
count: 2
tags: [x, y]
done: true
rest: {any: thing}
"""


def read(folder, text, kind=Whole):
    path = folder / "whole.yaml"
    path.write_text(text, encoding="utf-8")
    return SCHEMA.read(compose(path, "a whole"), kind)


def test_a_file_becomes_the_class_that_declares_it(tmp_path):
    whole = read(tmp_path, GOOD)

    assert (Part("a", 1.0),) == whole.parts
    assert ("large", 2, ("x", "y"), True) == (whole.kind, whole.count, whole.tags, whole.done)
    assert "rest" == whole.rest.path
    assert "" == whole.at.path


def test_what_has_a_default_may_be_left_out_or_be_nothing(tmp_path):
    whole = read(tmp_path, "parts: [{name: a, size_cm: 1}]\ncount: null\n")

    assert ("small", None, (), None) == (whole.kind, whole.count, whole.tags, whole.rest)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (GOOD, "", "whole.yaml, line 1: the file is empty: it must hold a whole"),
        (GOOD, "parts: [", "whole.yaml: not valid YAML"),
        (GOOD, "3", "line 1, top level: must be a mapping with the keys parts, kind"),
        ("kind", "kindd", r"line 3, kindd: unknown key: did you mean 'kind'\? Known are parts"),
        ("kind", "zebra", "line 3, zebra: unknown key: only parts, kind"),
        ("kind: large", "done: false", "line 6, done: key given twice"),
        ("{name: a, size_cm: 1}", "{name: a}", r"line 2, parts\[0\]: missing key: add size_cm"),
        ("size_cm: 1", "size_cm: 0", r"line 2, parts\[0\].size_cm: 0 must be > 0"),
        ("size_cm: 1", "size_cm: .inf", r"parts\[0\].size_cm: .inf must be > 0"),
        ("size_cm: 1", "size_cm: 1e3", "'1e3' must be a number, such as 1500 or 1.5e"),
        ("size_cm: 1", "size_cm: 1:30", "'1:30' must be a number"),
        ("size_cm: 1", "size_cm: [1]", r"size_cm: must be a number"),
        ("name: a", "name: 1", r"parts\[0\].name: '1' must be a text"),
        ("name: a", "name: none", r"line 2, parts\[0\]: name\(='none'\) must name something"),
        ("large", "larg", r"line 3, kind: 'larg': did you mean 'large'\? It must be one of small"),
        ("count: 2", "count: 2.5", "line 4, count: '2.5' must be a whole number"),
        ("count: 2", "count: 0", "line 4, count: 0 must be >= 1"),
        ("[x, y]", "x", "line 5, tags: must be a list of items"),
        ("true", "1", "line 6, done: '1' must be true or false"),
        ("\n  - {name: a, size_cm: 1}", " []", "line 1, parts: must be a list of parts, at least"),
        ("[x, y]", "[x, 1]", r"line 5, tags\[1\]: '1' must be a text"),
    ],
)
def test_what_a_class_does_not_declare_is_refused_by_line_and_path(tmp_path, old, new, message):
    assert old in GOOD

    with pytest.raises(ValueError, match=message):
        read(tmp_path, GOOD.replace(old, new, 1))


def test_a_refusal_inside_names_its_own_place_alone(tmp_path):
    with pytest.raises(PlaceError) as refused:
        read(tmp_path, GOOD.replace("size_cm: 1", "size_cm: -1"))

    assert 1 == str(refused.value).count("line")


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_any_number_comes_back_as_it_was(tmp_path_factory, size):
    import yaml

    folder = tmp_path_factory.mktemp("numbers")
    part = read(folder, yaml.safe_dump({"name": "a", "size_cm": size}), Part)

    assert size == part.size
    assert math.isfinite(part.size)


def test_a_type_may_have_a_reader_of_its_own(tmp_path):
    schema = Schema(names=SCHEMA.names, readers={Part: lambda place: place.items("words")[0].path})
    path = tmp_path / "own.yaml"
    path.write_text("parts: [[a, b]]", encoding="utf-8")

    assert ("parts[0][0]",) == schema.read(compose(path, "parts"), Whole).parts
