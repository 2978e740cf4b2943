"""Libraries that only some features need: loaded where they are used, or asked for in one sentence."""

import importlib
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

__all__ = ["compiled", "extra"]


def extra(module: str) -> Any:
    """Return a module of the optional dependencies.

    Parameters
    ----------
    module : str
        Its name, as in ``import``.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # One that is there but lacks something of its own is not helped by our advice.
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise ModuleNotFoundError(
            f"{error.name} is not installed: it belongs to the extra `chapters`, which "
            "pip install '.[chapters]' in a clone of the repository brings.",
            name=error.name,
        ) from None


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
