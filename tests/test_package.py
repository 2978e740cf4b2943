"""A plain ``pip install .`` gives a package that does what the README shows."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from helpers import datasets
from helpers.extras import extra

ROOT = Path(__file__).resolve().parent.parent
PARTS = ["pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "helpers", "data"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder of an installed package, built from a copy of the repository."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "clone").mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / "clone" / part)
    (folder / "clone" / "data" / "own" / "grids").mkdir(parents=True, exist_ok=True)
    (folder / "clone" / "data" / "own" / "grids" / "XX.csv").write_text("a reader's own\n")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, folder / "clone"], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_an_installed_package_does_what_the_readme_shows(installed, tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", readme, re.DOTALL))
    where = "import helpers; assert helpers.__file__.startswith(SITE)\n"
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    environment.pop("HELPERS_DATA_CACHE", None)

    ran = subprocess.run(
        [sys.executable, "-c", f"SITE = {str(installed)!r}\n{where}{code}"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ("", 0) == (ran.stderr, ran.returncode)


def test_it_brings_the_registered_data_their_sheets_and_nothing_of_the_readers_own(installed):
    brought = {
        path.relative_to(installed / "helpers" / "_data").as_posix()
        for path in (installed / "helpers" / "_data").rglob("*")
        if path.is_file()
    }
    registered = (ROOT / "data" / "registry.txt").read_text(encoding="utf-8").splitlines()
    sheets = {p.relative_to(ROOT / "data").as_posix() for p in (ROOT / "data").rglob("README.md")}
    expected = {line.split()[0] for line in registered if line} | sheets

    assert expected | {"registry.txt", "downloads.txt"} == brought


def test_its_types_can_be_read(installed):
    assert (installed / "helpers" / "py.typed").is_file()


def test_without_data_the_remedy_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "__file__", str(tmp_path / "helpers" / "datasets.py"))

    with pytest.raises(datasets.DatasetMissingError, match=r"pip install \., which brings them"):
        datasets.data_folder()


def test_a_library_that_is_not_installed_is_named_with_the_way_to_get_it():
    with pytest.raises(ModuleNotFoundError, match=r"no_such is .* pip install '\.\[chapters\]'"):
        extra("no_such.part")


def test_a_library_that_lacks_one_of_its_own_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "half_there.py").write_text("import no_such\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such'$"):
        extra("half_there")
