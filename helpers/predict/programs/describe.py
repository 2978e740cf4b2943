"""A function of one's own, described without running it, or measured: needs JAX.

`describe` traces a function, lowers it, compiles it and keeps what the compiler says: the graph of
operators before its optimisations, and the sizes of its buffers, which are exact.
`measure` runs it. JAX is imported when it is asked for; nothing else in the package needs it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from helpers.extras import extra
from helpers.predict.programs.graph import operators
from helpers.predict.programs.table import HYPER, Programs

__all__ = [
    "ONE_THREAD",
    "Compiled",
    "Measured",
    "compile_program",
    "describe",
    "jax_numpy",
    "measure",
]

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
"""``XLA_FLAGS`` of one thread, to be set before JAX is imported: what the tables hold."""

MIB = 2**20


def jax_numpy() -> tuple[Any, Any]:
    """Return the modules `jax` and `jax.numpy`.

    Raises
    ------
    ModuleNotFoundError
        If JAX is not installed; the message says how to get it.
    """
    return extra("jax", of="programs"), extra("jax.numpy", of="programs")


@dataclass(frozen=True)
class Compiled:
    """A program as the compiler left it.

    Parameters
    ----------
    lowered : str
        The graph of operators before optimisation (HLO, as text).
    argument_bytes, output_bytes, temporary_bytes : int
        Sizes of its buffers [bytes].
    flops : float
        Floating-point operations as the compiler counts them; the body of a loop once.
    lower_s, compile_s : float
        What tracing and compiling took [s of wall time].
    call : callable
        The program, ready to run.
    """

    lowered: str
    argument_bytes: int
    output_bytes: int
    temporary_bytes: int
    flops: float
    lower_s: float
    compile_s: float
    call: Callable[..., Any]


@dataclass(frozen=True)
class Measured:
    """How long one call takes, over repeats.

    Parameters
    ----------
    run_s : float
        CPU time of the fastest call [s]: what disturbs only adds.
    median_s : float
        The median of all calls [s of CPU time].
    wall_s : float
        Wall time of the fastest call [s].
    repeats : int
        Calls that were timed.
    """

    run_s: float
    median_s: float
    wall_s: float
    repeats: int


def describe(
    function: Callable[..., Any], *arguments: Any, compiled: bool = True, **said: Any
) -> Programs:
    """Return one's own function as a table of one program, without running it.

    Parameters
    ----------
    function : callable
        What JAX can trace.
    *arguments
        What it is called with: arrays, trees of them, or `jax.ShapeDtypeStruct`; shapes matter,
        values do not.
    compiled : bool
        Whether to compile it, too, which takes a second or so and gives its memory exactly.
    **said
        What the author says of it, by the names of `HYPER`; nothing that is learned from graphs
        needs that.

    Returns
    -------
    Programs
        One row, number 0.

    Raises
    ------
    ModuleNotFoundError
        If JAX is not installed.
    UnknownLoop
        If a loop runs as often as its data say.
    ValueError
        If `said` has another name.
    """
    if strange := set(said) - set(HYPER):
        raise ValueError(f"{min(strange)} is none of {', '.join(HYPER)}: leave it out.")
    jax, _ = jax_numpy()
    lowered = jax.jit(function).lower(*arguments)
    texts = dict.fromkeys(("family", "optimiser", "activation", "cell"), "")
    facts: dict[str, Any] = dict.fromkeys(HYPER, 0) | texts | said
    if compiled:
        sizes = lowered.compile().memory_analysis()
        facts["argument_bytes"] = int(sizes.argument_size_in_bytes)
        facts["output_bytes"] = int(sizes.output_size_in_bytes)
        facts["temporary_bytes"] = int(sizes.temp_size_in_bytes)
    rows, edges = operators(lowered.compiler_ir("hlo").as_hlo_text())
    table = pd.DataFrame([facts], index=pd.Index([0], name="program"))
    return Programs(table, rows.assign(program=0), edges.assign(program=0))


def compile_program(function: Callable[..., Any], *arguments: Any) -> Compiled:
    """Return what the compiler says of a function, which is not run.

    Parameters
    ----------
    function : callable
        What JAX can trace.
    *arguments
        What it is called with: arrays, or trees of them; their shapes matter, not their values.

    Returns
    -------
    Compiled
        Graphs, sizes and the program ready to run.
    """
    jax, _ = jax_numpy()
    begin = time.perf_counter()
    lowered = jax.jit(function).lower(*arguments)
    middle = time.perf_counter()
    compiled = lowered.compile()
    end = time.perf_counter()
    sizes, counted = compiled.memory_analysis(), lowered.cost_analysis() or {}
    return Compiled(
        lowered.compiler_ir("hlo").as_hlo_text(),
        int(sizes.argument_size_in_bytes),
        int(sizes.output_size_in_bytes),
        int(sizes.temp_size_in_bytes),
        float(counted.get("flops", 0)),
        middle - begin,
        end - middle,
        compiled,
    )


def measure(
    call: Callable[..., Any],
    *arguments: Any,
    budget_s: float = 0.08,
    least: int = 5,
    most: int = 300,
) -> Measured:
    """Time calls of a compiled program until they have taken `budget_s` of CPU time.

    Parameters
    ----------
    call : callable
        A compiled program.
    *arguments
        What it is called with.
    budget_s : float
        CPU time to spend [s].
    least, most : int
        Calls that are timed in any case, and at most.

    Returns
    -------
    Measured
        CPU time of the process: other processes on the machine do not count.
    """
    jax, _ = jax_numpy()
    arguments = jax.device_put(arguments)
    for _ in range(2):  # the first call touches what later ones reuse
        jax.block_until_ready(call(*arguments))
    cpu: list[int] = []
    wall: list[int] = []
    collecting = gc.isenabled()
    gc.disable()  # or a call pays for the garbage of those before
    try:
        while len(cpu) < least or (sum(cpu) < budget_s * 1e9 and len(cpu) < most):
            begin, start = time.perf_counter_ns(), time.process_time_ns()
            jax.block_until_ready(call(*arguments))
            cpu.append(time.process_time_ns() - start)
            wall.append(time.perf_counter_ns() - begin)
    finally:
        if collecting:
            gc.enable()
    return Measured(min(cpu) / 1e9, float(np.median(cpu)) / 1e9, min(wall) / 1e9, len(cpu))
