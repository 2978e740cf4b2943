"""Compilation of hot loops, only when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

__all__: list[str] = []


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by numba, from its cache on disk where there is one.

    numba takes half a second to import and a second or more to compile, so neither happens
    before a loop is needed. Machine code is kept beside the source, or in the user's cache
    folder when that is read-only; where neither can be written (a read-only installation
    without a home), every process compiles anew. The lock of the interpreter is released
    while the loop runs, so that threads can run it side by side.
    """
    from numba import njit

    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        return njit(nogil=True)(function)
