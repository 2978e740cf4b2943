"""Libraries that only some features need: loaded where they are used, or asked for in one sentence."""

import importlib
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from threading import Timer
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["compiled", "extra", "lean"]

PATIENCE_S = 1.0
"""How long somebody waits before being told why [s]."""


def extra(module: str, of: str = "chapters") -> Any:
    """Return a module of the optional dependencies.

    Parameters
    ----------
    module : str
        Its name, as in ``import``.
    of : str
        The extra that brings it.

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
            f"{error.name} is not installed: it belongs to the extra `{of}`, which "
            f"pip install '.[{of}]' in a clone of the repository brings.",
            name=error.name,
        ) from None


def lean(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a loop that makes no array and returns none, so that nobody counts who holds one.

    Counting costs more than the work itself where small functions call each other in a loop.
    """
    function.lean = True  # type: ignore[attr-defined]
    return function


@cache
def compiled(function: Callable[..., Any], *helpers: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function` compiled by numba, from its cache on disk where there is one.

    numba takes half a second to import and a second or more to compile, so neither happens
    before a loop is needed; who waits at a terminal is told so after a second. Machine code is
    kept beside the source, or in the user's cache folder when that is read-only (numba's
    ``NUMBA_CACHE_DIR`` names another); where neither can be written (a read-only installation
    without a home), every process compiles anew. The lock of the interpreter is released
    while the loop runs, so that threads can run it side by side.

    `helpers` are the functions of its own names that it calls, each after those it calls itself:
    they are compiled too, and put in the place of the plain ones, which stay what they are for
    whoever reads or tests them.
    """
    loop = _machine_code(function, *helpers)
    done: list[bool] = []

    @wraps(function)
    def call(*arguments: Any) -> Any:
        """Run the loop, which the first call compiles."""
        if done:
            return loop(*arguments)
        with _told_when_slow(function):
            loop.compile(tuple(map(loop.typeof_pyval, arguments)))
        done.append(True)
        return loop(*arguments)

    return call


def for_reading(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array in one piece that its reader cannot change, without a copy where it can.

    numba compiles a loop anew for each mixture of arrays that can be changed and that cannot.
    """
    view = np.ascontiguousarray(values).view()
    view.setflags(write=False)
    return view


@contextmanager
def _told_when_slow(function: Callable[..., Any]) -> Iterator[None]:
    """Say at a terminal, after a second, that a function is being compiled."""

    def tell() -> None:
        """Say what is waited for."""
        print(
            f"Compiling {function.__module__}.{function.__name__.lstrip('_')}: once on this "
            "machine, some seconds, half a minute at most.",
            file=sys.stderr,
        )

    timer = Timer(PATIENCE_S, tell)
    timer.daemon = True
    if sys.stderr is not None and sys.stderr.isatty():  # in a log or a notebook it would be noise
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _version(function: Callable[..., Any], *helpers: Callable[..., Any]) -> str:
    """Return what tells apart the machine code of a function by what it calls in other files.

    numba compiles a function anew when its own file has changed, and looks at no other.
    """
    files = {helper.__code__.co_filename for helper in helpers} - {function.__code__.co_filename}
    if not files:
        return ""
    return f"_{zlib.crc32(b''.join(Path(name).read_bytes() for name in sorted(files))):08x}"


@cache
def _machine_code(
    function: Callable[..., Any], *helpers: Callable[..., Any], called_from: str = "Python"
) -> Any:
    """Return what numba makes of a function.

    One that only compiled loops call gets no door for Python: a quarter of the time to compile.
    """
    import numba

    njit: Any = numba.njit  # its type hints lack some of its options
    inner = called_from == "a loop"
    plain, scope = function, function.__globals__
    if helpers:
        scope = scope | {
            helper.__name__: _machine_code(helper, *helpers[:i], called_from="a loop")
            for i, helper in enumerate(helpers)
        }
    if helpers or inner:
        function = FunctionType(plain.__code__, scope, plain.__name__)
        function.__module__ = plain.__module__
        # The file on disk is told by this name: with a door and without are two.
        function.__qualname__ = plain.__qualname__ + _version(plain, *helpers) + "_inner" * inner
    options = {"nogil": True, "no_cpython_wrapper": inner, "no_cfunc_wrapper": True}
    if getattr(plain, "lean", False):
        options["_nrt"] = False
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # "cannot cache function: no locator available"
        return njit(**options)(function)
