"""The command that says how long a program will run that never ran here.

The program is a function in a file that the user names; that file is run, because there is no other
way to know what the function computes, and for no other reason is anything run. The function itself
is traced and compiled, not run. A program that was described elsewhere comes as JSON, and nothing is
run at all.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import inspect
import json
import math
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.predict.programs.predictor import ProgramPredictor
    from helpers.predict.programs.table import Programs

__all__ = ["program", "read_program", "write_program"]

Result = dict[str, Any]

FORMAT = "clean-hours-program/1"
"""What a described program says it is."""

_SIZES = ("argument_bytes", "output_bytes", "temporary_bytes")


def program(options: argparse.Namespace) -> Result:
    """Return run time, memory and doubts of one program."""
    from helpers.files import write_whole

    for option, value in (("--times", options.times), ("--power", options.power)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError(f"{option}(={value}) must be finite and > 0.")
    if options.described:
        described, name = read_program(options.described), Path(options.described).name
    else:
        function, arguments, name = _named(options.program, options.arguments)
        described = _described(function, arguments, name)
    if options.save:
        write_whole(options.save, write_program(described))
    return _answer(described, name, options)


@cache
def _predictor(path: str | None) -> ProgramPredictor:
    """Return a predictor of run times, by default the stored one, read once."""
    from helpers import datasets
    from helpers.predict.programs.predictor import ProgramPredictor

    return ProgramPredictor.load(path) if path else datasets.program_predictor()


def _answer(described: Programs, name: str, options: argparse.Namespace) -> Result:
    """Return what is said of a program, and print it."""
    predictor = _predictor(options.model)
    said = predictor.predict(described).iloc[0]
    run_s = {"expected": said["value"], "low": said["low"], "high": said["high"]}
    run_s = {key: _plain(float(options.times * value)) for key, value in run_s.items()}
    memory = _plain(float(described.memory_bytes[0]))
    doubts = [said["why"]] if said["flagged"] else []
    result: Result = {
        "program": name,
        "times": options.times,
        "run_s": run_s,
        "level": predictor.level,
        "memory_bytes": None if memory is None else int(memory),
        "energy_j": None,
        "trusted": not doubts,
        "doubts": doubts,
        "remedy": _REMEDY if doubts else "",
        "saved": options.save,
    }
    if options.power is not None:
        result["energy_j"] = {
            key: None if value is None else value * options.power for key, value in run_s.items()
        }
    return result | {"text": _text(result)}


_REMEDY = (
    "Measure it: run a few calls where it will run, and plan with --length and a --stretch of 2."
)


def _text(result: Result) -> str:
    run_s, many = result["run_s"], result["times"]
    calls = "one call" if many == 1 else f"{many:,.15g} calls"
    lines = [f"{result['program']}, {calls}: about {_shown(run_s['expected'])}."]
    share = f"{100 * result['level']:g} %"
    if run_s["high"] is None:
        lines.append("No upper end can be told.")
    else:
        ends = f"{_shown(run_s['low'])} to {_shown(run_s['high'])}"
        kind = "such programs" if result["trusted"] else "programs of other kinds than those known"
        lines.append(f"In {share} of {kind} it is {ends}.")
    if result["memory_bytes"] is not None:
        lines.append(f"Peak memory: {result['memory_bytes'] / 2**20:,.1f} MiB, from the compiler.")
    if result["energy_j"] is not None:
        lines.append(f"Energy: about {result['energy_j']['expected'] / 3600:,.3g} Wh.")
    if result["trusted"]:
        lines.append("On one core of the kind that was measured; other machines differ.")
    else:
        lines.append(f"DO NOT TRUST THIS: {'; '.join(result['doubts'])}.")
        lines.append(result["remedy"])
    return "\n".join(lines)


def _shown(seconds: float) -> str:
    """Return a duration [s] of any size for people."""
    from helpers.operate.words import lasting

    if seconds >= 600:
        return lasting(seconds)
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


# --- a function in a file --------------------------------------------------------------------------


def _named(target: str, arguments: str) -> tuple[Callable[..., Any], tuple[Any, ...], str]:
    """Return the function that ``FILE.py:FUNCTION`` names, and what it is called with."""
    file, colon, name = target.rpartition(":")
    if not (colon and file and name.isidentifier()):
        raise ValueError(f"--program {target!r} must be FILE.py:FUNCTION, such as train.py:step.")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"{file}: there is no such file: give the path of a Python file.")
    module = _run(path)
    function = _of(module, name, path)
    if not callable(function):
        raise ValueError(f"{path.name}: {name} is no function: it is a {type(function).__name__}.")
    return function, _given(module, function, name, arguments, path), f"{path.name}:{name}"


def _run(path: Path) -> ModuleType:
    """Run a file as a module; what it prints goes to standard error."""
    # Not under its own name: a file called json.py must not become everybody's json.
    spec = importlib.util.spec_from_file_location("_clean_hours_program", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path}: is no Python file: its name must end in .py.")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.modules[spec.name] = module  # dataclasses of the file look themselves up there
    sys.path.insert(0, folder)  # it may import what lies beside it, as when Python runs it
    try:
        with redirect_stdout(sys.stderr):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ValueError(_why(error, path, "running it")) from None
    finally:
        sys.path.remove(folder)
        sys.modules.pop(spec.name, None)
    return module


def _of(module: ModuleType, name: str, path: Path) -> Any:
    if not hasattr(module, name):
        own = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        near = difflib.get_close_matches(name, own, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(own[:5]) or 'none'}."
        raise ValueError(f"{path.name}: has no function {name!r}: {hint}")
    return getattr(module, name)


def _given(
    module: ModuleType, function: Callable[..., Any], name: str, arguments: str, path: Path
) -> tuple[Any, ...]:
    """Return what a function is called with: what `arguments` of its file gives, or nothing."""
    if not hasattr(module, arguments):
        try:
            needed = [
                one.name
                for one in inspect.signature(function).parameters.values()
                if one.default is one.empty
                and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
            ]
        except (TypeError, ValueError):  # compiled functions need not tell
            needed = []
        if needed:
            raise ValueError(
                f"{path.name}: {name} takes {', '.join(needed)}, and nothing says what: define "
                f"{arguments}() that returns them as a tuple, or name one with --arguments."
            )
        return ()
    given = getattr(module, arguments)
    if callable(given):
        try:
            with redirect_stdout(sys.stderr):
                given = given()
        except (Exception, SystemExit) as error:
            raise ValueError(_why(error, path, f"{arguments}()")) from None
    return tuple(given) if isinstance(given, tuple | list) else (given,)


def _described(function: Callable[..., Any], arguments: tuple[Any, ...], name: str) -> Programs:
    from helpers.predict.programs.describe import describe

    path = Path(name.rpartition(":")[0])
    _one_thread()
    try:
        with redirect_stdout(sys.stderr):
            return describe(function, *arguments)
    except (Exception, SystemExit) as error:
        raise ValueError(_why(error, path, f"tracing {name}")) from None


def _one_thread() -> None:
    """Ask JAX for one thread, as what was measured had, unless the user asks for something."""
    from helpers.predict.programs.describe import ONE_THREAD

    os.environ.setdefault("XLA_FLAGS", ONE_THREAD)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")


def _why(error: BaseException, path: Path, doing: str) -> str:
    """Return in one line what went wrong in a file of the user's, and where."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        missing = error.name.split(".")[0]
        if missing in ("jax", "jaxlib"):
            return (
                "JAX reads the program and is not installed: pip install 'jax[cpu]', or describe "
                "the program where it is (--save FILE) and predict it here (--described FILE)."
            )
        return f"{path.name}: {doing} needs the module {missing!r}: install it."
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == path.name
    ]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f"{path.name}:{lines[-1]}" if lines else path.name
    said = _printable(" ".join(str(error).split())[:300])
    kind = type(error).__name__
    return (
        f"{where}: {doing} failed: {kind}: {said}" if said else f"{where}: {doing} failed: {kind}"
    )


def _printable(text: str) -> str:
    """Return a text of unknown origin without what would steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


# --- a described program ---------------------------------------------------------------------------


def write_program(described: Programs) -> str:
    """Return one described program as JSON, for `read_program`; nothing that was measured of it."""
    from helpers.predict.programs.table import HYPER

    facts = described.facts.iloc[0]
    facts = facts[[name for name in (*HYPER, *_SIZES) if name in facts]]
    body = {
        "format": FORMAT,
        "facts": {name: _plain(value) for name, value in facts.items()},
        "operators": _rows(described.operators.drop(columns="program")),
        "edges": _rows(described.edges.drop(columns="program")),
    }
    return json.dumps(body, indent=1, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rows(table: Any) -> list[dict[str, Any]]:
    return [{str(k): _plain(v) for k, v in row.items()} for row in table.to_dict("records")]


def read_program(path: str | os.PathLike) -> Programs:
    """Read one described program; nothing in the file is run.

    Raises
    ------
    ValueError
        If the file is no described program.
    OSError
        If it cannot be read.
    """
    import pandas as pd

    from helpers.files import read_bytes
    from helpers.predict.programs.graph import COLUMNS
    from helpers.predict.programs.table import HYPER, Programs

    data, name = read_bytes(path)
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: no JSON: {error}; write it with --save.") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError(f"{name}: its format is not {FORMAT!r}: write it with predict --save.")
    facts, operators, edges = (told.get(key) for key in ("facts", "operators", "edges"))
    if not isinstance(facts, dict) or not operators:
        raise ValueError(f"{name}: has no facts or no operators: write it with predict --save.")
    _check_rows(operators, set(COLUMNS), "kind", f"{name}: operators")
    _check_rows(edges or [], {"source", "target", "count"}, None, f"{name}: edges")
    sizes = dict.fromkeys(_SIZES, math.nan)
    texts = ("family", "optimiser", "activation", "cell")
    blank = {key: "" if key in texts else 0 for key in HYPER} | sizes
    known = {k: math.nan if v is None else v for k, v in facts.items() if k in blank}
    for key, value in known.items():
        kind = str if key in texts else int | float
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"{name}: facts: {key} is {value!r}: write it with predict --save.")
    index = pd.Index([0], name="program")
    return Programs(
        pd.DataFrame([blank | known], index=index),
        pd.DataFrame(operators)[list(COLUMNS)].assign(program=0),
        pd.DataFrame(edges or [], columns=["source", "target", "count"]).assign(program=0),
    )


def _check_rows(rows: Any, needed: set[str], text: str | None, where: str) -> None:
    """Raise if rows are not mappings of numbers >= 0, and a text where one is."""
    if not isinstance(rows, list):
        raise ValueError(f"{where} must be a list: write it with predict --save.")
    for place, row in enumerate(rows):
        if not isinstance(row, dict) or needed - set(row):
            raise ValueError(f"{where}[{place}] must have {', '.join(sorted(needed))}.")
        for key in needed:
            value = row[key]
            fine = _is_name(value) if key == text else _is_count(value)
            if not fine:
                raise ValueError(
                    f"{where}[{place}]: {key} is {value!r}: "
                    + ("it must be a short text." if key == text else "it must be a number >= 0.")
                )


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= 200


def _is_count(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and value >= 0
