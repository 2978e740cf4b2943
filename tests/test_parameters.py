"""A function of many parameters says why it has them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "helpers"
MOST = 7
# Rooms that are held to it: this set only grows.
HELD = (
    *("carbon", "jobs", "phases", "power", "work", "regions", "schedule"),
    *("datasets", "files", "figures", "panel", "publish", "schema", "stats", "sweep", "timeline"),
)


def unexplained(source):
    """Return the functions with too many parameters and no comment above or in their head."""
    lines, found = source.splitlines(), []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef):
            continue
        given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        many = sum(arg.arg not in ("self", "cls") for arg in given) > MOST
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        head = lines[max(first - 2, 0) : node.body[0].lineno - 1]
        if many and not any(line.lstrip().startswith("#") or "  # " in line for line in head):
            found.append(node.name)
    return found


@pytest.mark.parametrize("room", HELD)
def test_a_function_of_many_parameters_says_why_it_has_them(room):
    paths = sorted((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]
    found = {path.stem: unexplained(path.read_text(encoding="utf-8")) for path in paths}

    assert {} == {name: functions for name, functions in found.items() if functions}


MANY = "def f(a, b, c, d, e, f, g, h):\n    pass\n"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (MANY, ["f"]),
        ("\n# Eight parameters: a kernel takes its columns.\n" + MANY, []),
        ("def f(\n    a,  # why\n    b, c, d, e, f, g, h,\n):\n    pass\n", []),
        ("def f(self, a, b, c, d, e, f, g):\n    pass\n", []),
    ],
)
def test_the_check_itself_finds_what_it_should(source, names):
    assert names == unexplained(source)
