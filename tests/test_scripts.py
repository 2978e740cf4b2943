"""Every script says what it does when asked for help, and does nothing else."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("book", "data", "helpers", "measurements", "tests")


def is_script(path):
    """Tell whether a module does something when it is run."""
    if path.suffix == ".sh":
        return os.access(path, os.X_OK)
    body = ast.parse(path.read_text(encoding="utf-8")).body
    guarded = [n for n in body if isinstance(n, ast.If) and "__main__" in ast.dump(n.test)]
    return bool(guarded) or path.name == "__main__.py"


SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for kind in ("*.py", "*.sh")
    for path in (ROOT / folder).rglob(kind)
    if is_script(path)
)


def command(script):
    """Return what runs a script: a module of a package by its name, as its users do."""
    path = ROOT / script
    if path.suffix == ".sh":
        return ["sh", str(path)]
    if (path.parent / "__init__.py").exists():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        return [sys.executable, "-m", name.removesuffix(".__main__")]
    return [sys.executable, str(path)]


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_printed_and_nothing_else_is_done(script, tmp_path):
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    before = sorted((ROOT / script).parent.iterdir())

    ran = subprocess.run(
        [*command(script), "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert ("", 0) == (ran.stderr, ran.returncode)
    assert (ROOT / script).stem in ran.stdout or "usage" in ran.stdout
    assert [] == list(tmp_path.iterdir())
    assert before == sorted((ROOT / script).parent.iterdir())


def test_no_two_test_files_have_one_name():
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert [] == sorted({name for name in names if names.count(name) > 1})
