"""The package keeps its shape: arrows point one way, imports stay light, every name is told."""

import ast
import functools
import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import helpers

ROOT = Path(helpers.__file__).parent
# What every room stands on, and so may import.
FLOOR = {"extras", "files", "schema", "stats", "timeline"}
# Which other rooms a room may import, in the order of the book; a room may be named here before it
# is built. What is not listed may not be imported.
MAY_IMPORT = {
    "jobs": {"carbon"},
    "carbon": set(),
    "power": set(),
    "phases": {"power"},
    "work": {"jobs", "carbon", "phases"},
    "predict": {"jobs", "power"},
    "schedule": {"phases", "carbon", "work"},
    "decide": {"carbon", "work"},
    "cluster": {"decide", "work", "schedule", "phases", "carbon", "figures"},
    "bound": {"schedule", "phases", "carbon", "work"},
    "regions": {"carbon", "work", "schedule", "decide"},
    "published": {"carbon", "power", "phases", "schedule"},
    "datasets": {"jobs", "carbon", "power", "phases", "predict"},
    "panel": set(),
    "sweep": set(),
    "figures": {"schedule"},
    "charts": {"figures"},
    "publish": set(),
    "study": {
        *("jobs", "carbon", "phases", "work", "predict", "schedule", "decide", "cluster", "bound"),
        *("regions", "panel", "sweep"),
    },
    "learn": {
        *("carbon", "phases", "work", "predict", "decide", "cluster", "bound", "study"),
        *("panel", "sweep"),
    },
    "operate": {
        *("jobs", "carbon", "power", "phases", "work", "predict", "schedule", "decide", "cluster"),
        "datasets",
    },
}
HEAVY = {
    "cattrs",
    "cloudevents",
    "confluent_kafka",
    "dask",
    "distributed",
    "dtaidistance",
    "faststream",
    "jsonschema",
    "lightgbm",
    "matplotlib",
    "mcp",
    "nats",
    "numba",
    "optuna",
    "plotly",
    "pooch",
    "pulp",
    "pydantic",
    "pynvml",
    "requests",
    "ruptures",
    "scipy.stats",
    "simpy",
    "sklearn",
    "statsmodels",
    "torch",
    "tslearn",
}


@functools.cache  # the package is walked once, not at every import of every module
def modules():
    return tuple(m.name for m in pkgutil.walk_packages([str(ROOT)], "helpers."))


# `python -m helpers` is a door, no room.
ROOMS = sorted({name.split(".")[1] for name in modules()} - {"__main__"})


def home(name: str) -> Path:
    """Return the file of a module of the package."""
    path = ROOT.parent.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@functools.cache  # asked for by several tests: reading all modules takes seconds
def imported(name: str, *, guarded: bool = True) -> set[str]:
    """Return what a module of the package imports, anywhere in it, but for its types alone.

    With `guarded` False, imports whose failure is caught (and said) are left out, too.
    """
    tree = ast.parse(home(name).read_text(encoding="utf-8"))
    left_out = {
        id(inner)
        for node in ast.walk(tree)
        if (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
        or (not guarded and isinstance(node, ast.Try) and "Error" in ast.dump(node))
        for inner in ast.walk(node)
    }
    package = name if home(name).name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            inner = {f"{base}.{alias.name}" for alias in node.names}
            modules_named = inner & {"helpers", *modules()}
            found |= modules_named | ({base} if modules_named != inner else set())
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_above_it(room):
    inside = [n for n in modules() if n.split(".")[1] == room]
    names = set().union(*(imported(name) for name in inside))
    rooms = {n.split(".")[1] for n in names if n.startswith("helpers.")} - {room}

    assert set() == rooms - FLOOR - MAY_IMPORT.get(room, set())


def test_the_arrows_between_rooms_run_in_no_circle():
    rooms = TopologicalSorter(MAY_IMPORT).static_order()

    assert set(ROOMS) - FLOOR <= set(rooms)


def test_the_imports_of_modules_run_in_no_circle():
    graph = {name: {n for n in imported(name) if n in modules()} for name in modules()}

    assert set(graph) == set(TopologicalSorter(graph).static_order())  # or it names the circle


def test_what_decides_knows_no_engine_and_what_computes_knows_no_plot():
    decides = [n for n in modules() if n.startswith("helpers.decide")]
    computes = [n for n in modules() if n.split(".")[1] not in {"figures", "publish"}]
    loads = {name: {n.split(".")[0] for n in imported(name)} for name in modules()}

    assert [] == [name for name in decides if "simpy" in loads[name]]
    assert [] == [name for name in computes if loads[name] & {"matplotlib", "plotly"}]


def test_the_map_names_every_room():
    told = set(re.findall(r"^`helpers\.(\w+)`", helpers.__doc__, re.MULTILINE))

    assert set(ROOMS) == told


def test_the_map_drawn_in_the_readme_is_that_of_the_rooms():
    text = (ROOT.parent / "README.md").read_text(encoding="utf-8")
    drawn = text.partition("```mermaid\n")[2].partition("```")[0]
    arrows = [
        f"    {above} --> {room}\n"
        for room in MAY_IMPORT
        if room in ROOMS
        for above in MAY_IMPORT
        if above in MAY_IMPORT[room] & set(ROOMS)
    ]
    alone = [
        f"    {room}\n"
        for room in [*sorted(FLOOR), *MAY_IMPORT]
        if room in ROOMS and not any(room in line.split() for line in arrows)
    ]

    assert "".join(["flowchart LR\n", *arrows, *alone]) == drawn


# What a module comes with, where its name does not say so.
DISTRIBUTION = {
    "cycler": "matplotlib",
    "pydantic": "faststream",
    "pynvml": "nvidia-ml-py",
    "sklearn": "scikit-learn",
    "urllib3": "requests",
    "yaml": "pyyaml",
}


def test_a_plain_install_brings_what_the_package_imports_or_says_how_to_get_it():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    base = {re.split(r"[<>=!~]", need)[0] for need in project["dependencies"]}
    tops = {n.split(".")[0] for name in modules() for n in imported(name, guarded=False)}
    call = re.compile(r"extra\(\"([\w.]+)\"(?:, of=\"(\w+)\")?\)")
    asked = {
        (match[1].split(".")[0], match[2] or "chapters")
        for name in modules()
        for match in call.finditer(home(name).read_text(encoding="utf-8"))
    }
    optional = {
        (re.split(r"[<>=!~\[]", need)[0], extra)
        for extra, needs in project["optional-dependencies"].items()
        for need in needs
    }
    foreign = tops - set(sys.stdlib_module_names) - {"helpers"}

    assert set() == {DISTRIBUTION.get(top, top) for top in foreign} - base
    assert set() == {(DISTRIBUTION.get(top, top), extra) for top, extra in asked} - optional


def test_importing_every_room_loads_no_heavy_library():
    light = [name for name in modules() if "__main__" not in name]
    code = f"import sys, importlib; [importlib.import_module(n) for n in {light!r}]; "
    code += f"print(*sorted({HEAVY!r} & set(sys.modules)))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert [] == loaded


def loaded_by(code: str) -> set[str]:
    code += "; import sys; print(*(m for m in sys.modules if m.startswith('helpers')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


# A chapter is executed again when a module that its run loaded has changed.
@pytest.mark.parametrize(
    ("call", "needs", "needs_not"),
    [
        ("carbon_intensity('DE', 2020)", "carbon.signal", ["jobs", "power", "phases"]),
        ("job_log('unilu-gaia-2014')", "jobs.swf", ["jobs.sacct", "jobs.cloud", "power"]),
        ("phase_model('roberta')", "phases.files", ["jobs", "carbon", "power.read"]),
    ],
)
def test_data_of_one_kind_load_the_readers_of_no_other(call, needs, needs_not):
    loaded = loaded_by(f"from helpers import datasets; datasets.{call}")

    assert f"helpers.{needs}" in loaded
    assert set() == loaded & {f"helpers.{name}" for name in needs_not}


@pytest.mark.parametrize("name", [n for n in modules() if "__main__" not in n])
def test_every_public_name_has_a_docstring(name):
    module = importlib.import_module(name)
    public = getattr(module, "__all__", [])

    assert module.__doc__
    without = [n for n in public if callable(getattr(module, n)) and not getattr(module, n).__doc__]
    assert [] == without


NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LONGEST = 60
"""Lines of code of a function at most: its docstring, comments and blank lines do not count."""


def lengths(path: Path) -> dict[str, int]:
    """Return how many lines of code each function has, those of inner ones among them."""
    text = path.read_text()
    lines = enumerate(map(str.strip, text.split("\n")), start=1)
    kept = {number for number, line in lines if line and not line.startswith("#")}
    found = {}

    def visit(node: ast.AST, name: str) -> set[int]:
        """Return the lines of docstrings in a node."""
        told = set()
        for child in ast.iter_child_nodes(node):
            inner = f"{name}.{child.name}" if isinstance(child, NAMED) else name
            told |= visit(child, inner)
        if isinstance(node, NAMED) and ast.get_docstring(node) is not None:
            told.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
        if isinstance(node, NAMED) and not isinstance(node, ast.ClassDef):
            found[name] = len(kept & set(range(node.lineno, node.end_lineno + 1)) - told)
        return told

    visit(ast.parse(text), path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."))
    return found


def test_a_function_has_at_most_sixty_lines_of_code():
    every = {k: v for path in ROOT.rglob("*.py") for k, v in lengths(path).items()}
    long = {name: size for name, size in every.items() if size > LONGEST}

    assert {} == long


def test_docstrings_comments_and_blank_lines_are_no_lines_of_code(tmp_path, monkeypatch):
    text = """
def outer(a,
          b):
    '''Say
    more.'''

    # why
    def inner():
        '''One line.'''
        return [
            # none
            a,
        ]  # some
    return inner
"""
    (tmp_path / "module.py").write_text(text.replace("'", '"'))
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)

    assert {"module.outer": 7, "module.outer.inner": 4} == lengths(tmp_path / "module.py")
