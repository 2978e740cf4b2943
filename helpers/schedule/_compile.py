"""Compilation of hot loops, only when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

__all__: list[str] = []


@cache
def compiled(function: Callable[..., Any], *helpers: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by numba, from its cache on disk where there is one.

    numba takes half a second to import and a second or more to compile, so neither happens
    before a loop is needed. Machine code is kept beside the source, or in the user's cache
    folder when that is read-only; where neither can be written (a read-only installation
    without a home), every process compiles anew. The lock of the interpreter is released
    while the loop runs, so that threads can run it side by side.

    `helpers` are the functions of its module that it calls, each after those it calls itself:
    they are compiled too, and put in the place of the plain ones, which stay what they are for
    whoever reads or tests them.
    """
    from numba import njit

    if helpers:
        known = {
            helper.__name__: compiled(helper, *helpers[:i]) for i, helper in enumerate(helpers)
        }
        scope = {**function.__globals__, **known}
        plain, function = function, FunctionType(function.__code__, scope, function.__name__)
        function.__module__ = plain.__module__
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        return njit(nogil=True)(function)
