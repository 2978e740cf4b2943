"""A chapter that nbval ran again, and found the same, has been executed: what it drew is kept.

nbval runs every cell of every chapter in ``make test`` and compares. Building the book needs the
same run once more for figures as SVG, PDF and CSV, and for the list of what the run followed from.
This plugin takes both from nbval's run, so that ``make book`` after ``make test`` executes nothing
twice. A chapter with a cell that failed, was skipped, or drew a picture other than the stored one
keeps nothing, and is executed when the book is built.
"""

from __future__ import annotations

import functools
import sys
import tempfile
import time
from pathlib import Path

import pytest
from nbval.plugin import IPyNbFile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "book"))

import pipeline


class Rerun:
    """One chapter under nbval: what its kernel wrote down, what its cells drew."""

    def __init__(self, file: IPyNbFile) -> None:
        self.name = Path(file.path).stem
        self.logs = tempfile.TemporaryDirectory()
        self.started = time.monotonic()
        self.figures: dict[str, bytes] = {}
        self.left = {cell.id for cell in file.nb.cells if cell.cell_type == "code"}

    def same(self, compare, cell, test: list, ref: list, skip_compare=None) -> bool:
        """Compare a cell's outputs as nbval does, its figures' other forms taken out before."""
        figures = pipeline.take_forms(cell, test)
        alike = compare(test, ref, skip_compare)
        if alike and _pictures(test) == _pictures(ref):
            self.figures |= figures
            self.left.discard(cell.id)
        return alike

    def ran(self, cell, outputs: list) -> None:
        """Take the figures of a cell whose outputs nbval was told not to compare."""
        self.figures |= pipeline.take_forms(cell, outputs)
        self.left.discard(cell.id)

    def end(self) -> None:
        """Keep what the run gave if every cell ran and gave what is stored."""
        logs = Path(self.logs.name)
        if not self.left and (logs / "used").exists():
            seconds = time.monotonic() - self.started
            pipeline.keep(self.name, pipeline.what_it_used(logs), [], self.figures, seconds)
        self.logs.cleanup()


def _pictures(outputs: list) -> list[str]:
    pictures = (output.get("data", {}).get("image/png") for output in outputs)
    return [picture.replace("\n", "") for picture in pictures if picture]


class Reruns:
    """The plugin: a `Rerun` for each chapter, from its first cell to its last."""

    def __init__(self) -> None:
        self.run: Rerun | None = None

    def _is_chapter(self, item: pytest.Item | None) -> bool:
        return item is not None and isinstance(item.parent, IPyNbFile)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_setup(self, item):
        """Start the kernel of a chapter as the pipeline does, and look on at each comparison."""
        first = self._is_chapter(item) and self.run is None
        if first:
            self.run = Rerun(item.parent)
            with pipeline.recorded(Path(self.run.logs.name)):
                yield
            kernel = getattr(item.parent, "kernel", None)
            if kernel is not None:
                told = kernel.execute_cell_input(pipeline.ALL_FORMATS, allow_stdin=False)
                kernel.await_reply(told, timeout=60)
                kernel.await_idle(told, 60)
        else:
            yield
        if self._is_chapter(item) and self.run:
            item.compare_outputs = functools.partial(self.run.same, item.compare_outputs, item.cell)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        """Count a cell that ran without a fault where nothing was to be compared."""
        outcome = yield
        if (
            self._is_chapter(item)
            and self.run
            and not outcome.excinfo
            and not item.options["check"]
        ):
            self.run.ran(item.cell, item.test_outputs)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_teardown(self, item, nextitem):
        """End a chapter after its last cell."""
        yield
        last = nextitem is None or nextitem.parent is not item.parent
        if self._is_chapter(item) and self.run and last:
            run, self.run = self.run, None
            run.end()
