"""What all tests share: one BLAS thread, laws without a clock, and chapters' cells that wait for a download."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No example fails for being slow on a busy machine; in CI the same examples are tried each time.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parent.parent


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


def pytest_collection_modifyitems(items):
    """Skip, by name, the notebook cells whose download is missing."""
    for item in items:
        cell = getattr(item, "cell", None)
        if cell is None:
            continue
        reason, cells = _waiting(Path(item.path))
        if cell.get("id") in cells:
            item.waits_for = reason
            if not os.environ.get("HELPERS_REQUIRE_DOWNLOADS"):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item):
    """Fail where downloads are required and one is missing."""
    if getattr(item, "waits_for", None):
        pytest.fail(f"{item.waits_for}, but HELPERS_REQUIRE_DOWNLOADS is set.", pytrace=False)
