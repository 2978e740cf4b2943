"""Each how-to page runs as it is written, with files such as its reader would have."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {"my_sacct.txt": "tests/fixtures/slurm/sacct.txt"}
PAGES = [
    "footprint_of_my_log",
    "easy_on_my_log",
    "best_start_of_my_job",
    "compare_two_policies",
    "how_long_my_jobs_run",
    "why_did_my_job_wait",
]


def code_of(page):
    text = (ROOT / "book" / "howto" / f"{page}.md").read_text(encoding="utf-8")
    return re.search(r"```python run\n(.*?)```", text, re.DOTALL)[1]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_written_and_is_short(page, tmp_path):
    for name, source in FILES.items():
        (tmp_path / name).write_bytes((ROOT / source).read_bytes())
    code = code_of(page)

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert done.stdout.strip()
    assert len([line for line in code.splitlines() if line.strip()]) <= 20
