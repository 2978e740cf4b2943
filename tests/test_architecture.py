"""The package keeps its shape: arrows point one way, imports stay light, every name is told."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import helpers

ROOT = Path(helpers.__file__).parent
# Which rooms a room may import. What is not listed may not be imported.
MAY_IMPORT = {
    "timeline": set(),
    "files": set(),
    "jobs": {"files", "timeline"},
    "carbon": {"files", "timeline"},
    "power": {"files", "timeline"},
    "phases": {"files", "power", "timeline"},
    "work": {"files", "jobs", "carbon", "phases", "timeline"},
    "schedule": {"phases", "carbon", "timeline"},
    "decide": {"carbon", "work", "timeline"},
    "cluster": {"decide", "work", "schedule", "phases", "carbon", "timeline"},
    "bound": {"schedule", "phases", "carbon", "timeline"},
    "published": {"phases", "schedule", "timeline"},
    "datasets": {"jobs", "carbon", "power", "phases", "timeline"},
    "operate": {
        "files",
        "timeline",
        "jobs",
        "carbon",
        "power",
        "phases",
        "work",
        "schedule",
        "decide",
        "cluster",
        "datasets",
    },
    "sweep": {"files"},
    "stats": set(),
    "figures": set(),
    "publish": set(),
}
HEAVY = {
    "dask",
    "distributed",
    "matplotlib",
    "numba",
    "plotly",
    "pooch",
    "pulp",
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


def modules():
    return [m.name for m in pkgutil.walk_packages([str(ROOT)], "helpers.")]


def rooms_imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "helpers":
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helpers."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = (alias.name for alias in node.names)
            found.update(n.split(".")[1] for n in names if n.startswith("helpers."))
    return found


@pytest.mark.parametrize(
    "room", sorted({name.split(".")[1] for name in modules()} - {"__main__"})
)
def test_a_room_imports_only_the_rooms_above_it(room):
    folder = ROOT / room
    files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]

    imported = set().union(*(rooms_imported(path) for path in files)) - {room}

    assert imported <= MAY_IMPORT[room]


def test_the_map_drawn_in_the_readme_is_that_of_the_rooms():
    text = (ROOT.parent / "README.md").read_text(encoding="utf-8")
    drawn = text.partition("```mermaid")[2].partition("```")[0]
    arrows = set(re.findall(r"(\w+) --> (\w+)", drawn))

    assert arrows == {(lower, room) for room, may in MAY_IMPORT.items() for lower in may}
    assert set(re.findall(r"^\s+(\w+)$", drawn, re.MULTILINE)) | set(sum(arrows, ())) == set(
        MAY_IMPORT
    )


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
