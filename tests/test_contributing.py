"""The recipes of CONTRIBUTING.md, followed to the letter on a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FIXTURES = ROOT / "tests" / "fixtures"
BLOCK = re.compile(r"```(python|sh)(?: (run|file=(\S+)))?\n(.*?)```", re.DOTALL)


def recipe(title):
    """Return the blocks under a heading: (language, what to do, file, text)."""
    body = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    assert body, f"CONTRIBUTING.md has no recipe {title!r}"
    return BLOCK.findall(body)


@pytest.fixture
def clone(tmp_path):
    """A copy of what git has, with this environment."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # All of it is this environment's, but it is ready as it is: make must not install the copy.
    (tmp_path / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":
            (tmp_path / ".venv" / part.name).symlink_to(part)
    (tmp_path / ".venv" / ".ready").touch()
    return tmp_path


def follow(clone, title):
    environment = {**os.environ, "PYTHONPATH": str(clone)}
    for language, what, name, text in recipe(title):
        if name:
            (clone / name).write_text(text, encoding="utf-8")
            continue
        command = [sys.executable, "-c", text] if language == "python" else ["bash", "-ec", text]
        done = subprocess.run(
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{what or text}\n{done.stdout}{done.stderr}"


def test_the_recipe_for_a_chapter_makes_a_chapter(clone):
    follow(clone, "A chapter")

    assert (clone / "book" / "monday_mornings.ipynb").exists()
    assert "monday" in (clone / "book" / "results" / "monday_mornings.json").read_text()


def test_the_recipe_for_a_grid_makes_a_grid(clone):
    shutil.copy(FIXTURES / "carbon" / "electricity_maps_portal.csv", clone / "my_download.csv")

    follow(clone, "A grid")

    assert [p.name for p in (clone / "data" / "own" / "grids").iterdir()] == ["DE.csv"]


def test_the_recipe_for_a_log_makes_a_log(clone):
    shutil.copy(FIXTURES / "slurm" / "sacct.txt", clone / "my_sacct.txt")

    follow(clone, "A log of jobs")

    assert (clone / "data" / "own" / "logs" / "mine.swf").stat().st_size > 0


def test_the_recipe_for_a_format_of_logs_makes_a_reader_that_passes_its_test(clone):
    follow(clone, "A format of logs")


def test_the_recipe_for_a_policy_makes_a_policy_that_passes_its_test(clone):
    follow(clone, "A policy")


def test_the_recipe_for_a_measurement_makes_a_recording(clone):
    follow(clone, "A measurement")

    assert (clone / "my_run.csv").exists()
