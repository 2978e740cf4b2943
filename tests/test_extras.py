"""Loops that are compiled when first needed, and who is told so."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers import extras


class Terminal(io.StringIO):
    def isatty(self):
        return True


def doubled(values):
    return values * 2


def quadrupled(values):
    return doubled(doubled(values))


def test_a_compiled_function_gives_what_the_plain_one_does_for_any_types():
    fast = extras.compiled(doubled)

    for values in (np.arange(3), np.arange(3.0), np.float32(2)):
        assert np.all(doubled(values) == fast(values))


@extras.lean
def filled(values, value):
    for i in range(values.size):
        values[i] = value


def test_a_loop_that_counts_no_references_leaves_as_many_as_there_were():
    fast, values = extras.compiled(filled), np.zeros(3)
    before = sys.getrefcount(values)

    for value in range(100):
        fast(values, float(value))

    assert [99.0] * 3 == values.tolist()
    assert before == sys.getrefcount(values)


BOTH_WAYS = """
import numpy as np
import test_extras
from helpers.extras import compiled

values = np.arange(3.0)
for order in {order}:
    fast = compiled(*order)
    assert np.all(order[0](values) == fast(values)), order
"""


@pytest.mark.parametrize("inner_first", [True, False])
def test_a_loop_that_is_called_by_python_and_by_another_loop_is_kept_on_disk_for_both(
    tmp_path, inner_first
):
    orders = ["(test_extras.quadrupled, test_extras.doubled)", "(test_extras.doubled,)"]
    code = BOTH_WAYS.format(order=f"[{', '.join(orders if inner_first else orders[::-1])}]")
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for _ in ("compiled", "from disk"):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=env | {"PYTHONPATH": path}, capture_output=True)
        assert 0 == done.returncode, done.stderr.decode()

    assert 3 == len(list(tmp_path.rglob("*.nbi")))


@pytest.mark.parametrize(("stream", "told"), [(Terminal, True), (io.StringIO, False)])
def test_who_waits_at_a_terminal_is_told_what_is_compiled_and_a_log_is_not(
    stream, told, monkeypatch
):
    monkeypatch.setattr(sys, "stderr", stream())
    monkeypatch.setattr(extras, "PATIENCE_S", 0.01)
    with extras._told_when_slow(doubled):
        time.sleep(0.2)

    assert told == ("Compiling test_extras.doubled: once on this" in sys.stderr.getvalue())


def test_nobody_is_told_of_what_took_no_time(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with extras._told_when_slow(doubled):
        pass

    assert "" == sys.stderr.getvalue()
