"""What all tests share: one BLAS thread, laws without a clock or chance, real parts, downloads.

A test marked ``@pytest.mark.real("program", ...)`` needs programs that no Python package brings:
a browser, Slurm, SimGrid. It runs under ``make real`` (``--real``), where a missing program fails.
"""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from browser import page, site  # noqa: F401 (fixtures)
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No example fails for being slow on a busy machine. The same examples are tried each time, so that
# a change is judged by what it changed; new ones are searched for weekly (NEW_EXAMPLES=1).
settings.register_profile(
    "house",
    deadline=None,
    derandomize=not os.environ.get("NEW_EXAMPLES"),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent


def _is_here(program: str) -> bool:
    """Tell whether a program, or a module of the system's own Python, is installed."""
    paths = ("/usr/sbin", "/usr/lib/python3/dist-packages")  # where only root or Python looks
    found = [file for path in paths for file in Path(path).glob(f"{program}*")]
    return bool(shutil.which(program) or found)


@functools.cache
def _waiting(path: Path) -> tuple[str, frozenset[str]]:
    """Return why cells of a notebook cannot be run here, and the ids of those cells."""
    notebook = nbformat.read(path, as_version=4)
    wanted = notebook.metadata.get("book", {}).get("downloads", [])
    if not wanted:
        return "", frozenset()
    from helpers import datasets

    missing = [name for name in wanted if not datasets.available(name, download=True)]
    if not missing:
        return "", frozenset()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tagged = [cell for cell in code if "download" in cell.metadata.get("tags", [])]
    reason = f"{path.stem} needs {', '.join(missing)}, neither cached nor reachable"
    return reason, frozenset(cell.id for cell in tagged or code)


def pytest_addoption(parser):
    """Offer the real parts."""
    parser.addoption("--real", action="store_true", help="run what needs a browser, Slurm, SimGrid")


def pytest_configure(config):
    """Name the marker of the real parts; keep what nbval's runs give."""
    config.addinivalue_line("markers", "real(*programs): needs these programs; make real runs it")
    if config.getoption("nbval", default=False):
        from rerun import Reruns

        config.pluginmanager.register(Reruns())


def pytest_collection_modifyitems(config, items):
    """Skip the real parts unless asked for, and, by name, cells whose download is missing."""
    for item in items:
        marker = item.get_closest_marker("real")
        item.extra_keyword_matches.update(marker.args if marker else ())  # for -k chromium
        if marker and not config.getoption("--real"):
            reason = "real parts: make real runs them, with the packages that make packages names"
            item.add_marker(pytest.mark.skip(reason=reason))
        cell = getattr(item, "cell", None)
        if cell is None:
            continue
        reason, cells = _waiting(Path(item.path))
        if cell.get("id") in cells:
            item.waits_for = reason
            if not os.environ.get("HELPERS_REQUIRE_DOWNLOADS"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item):
    """Fail where a real part's program or a required download is missing."""
    marker = item.get_closest_marker("real")
    absent = [program for program in marker.args if not _is_here(program)] if marker else []
    if absent:
        pytest.fail(f"needs {', '.join(absent)}: apt-get install $(make packages)", pytrace=False)
    if getattr(item, "waits_for", None):
        pytest.fail(f"{item.waits_for}, but HELPERS_REQUIRE_DOWNLOADS is set.", pytrace=False)
