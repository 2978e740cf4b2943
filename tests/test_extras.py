"""Loops that are compiled when first needed, and who is told so."""

import io
import sys
import time

import numpy as np
import pytest

from helpers import extras


class Terminal(io.StringIO):
    def isatty(self):
        return True


def doubled(values):
    return values * 2


def test_a_compiled_function_gives_what_the_plain_one_does_for_any_types():
    fast = extras.compiled(doubled)

    for values in (np.arange(3), np.arange(3.0), np.float32(2)):
        assert np.all(doubled(values) == fast(values))


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
