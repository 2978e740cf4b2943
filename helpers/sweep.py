"""Many runs of one function: policies x zones x weeks x seeds, on one machine or many.

`sweep` calls a function once for each case, puts each result into a Parquet file of its own as soon
as it is there, and returns one table in the order of the cases.  A second call computes only what
is missing, so whatever was killed in between (a worker, the machine, the sweep itself) costs no
more than the cases that were running.

Cases run in this process (``workers=1``), in processes of this machine (by default, one a core), or
on a Dask cluster, when its scheduler is given.  Only the calling process writes; workers need no
common file system, but the same packages.

A folder of results holds::

    sweep.json                 function, version and axes
    cases/0a/0a1b....parquet   result of one case, its axes in the first columns, with checksums
    failed/0a1b....json        a case that raised: its axes, error and traceback

Notes
-----
On a cluster under Slurm, dask-jobqueue starts the workers as batch jobs; `dask_cluster` opens one,
or a cluster of this machine, by the same words::

    if __name__ == "__main__":
        with dask_cluster("slurm", 100, queue="batch", cores=1, memory="4GB") as client:
            table = sweep(replay, cases, out="runs/replay", version="1", scheduler=client)

A worker whose batch job ends is replaced, and its case runs again elsewhere. Dask's own
configuration (``~/.config/dask/jobqueue.yaml``) holds what is not given, so that a site says once
how its jobs are submitted::

    jobqueue:
      slurm:
        queue: batch
        cores: 1
        memory: 4GB
        walltime: "02:00:00"

References
----------
M. Rocklin, "Dask: Parallel Computation with Blocked algorithms and Task Scheduling", Proc. 14th
Python in Science Conference, 2015, doi:10.25080/Majora-7b98e3ed-013.
"""

import dis
import functools
import hashlib
import importlib
import inspect
import io
import itertools
import json
import math
import os
import pickle
import threading
import traceback
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from helpers.extras import extra
from helpers.files import write_whole

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["CLUSTERS", "dask_cluster", "results", "sweep"]

CLUSTERS = {
    "local": ("distributed", "LocalCluster"),
    "slurm": ("dask_jobqueue", "SLURMCluster"),
    "pbs": ("dask_jobqueue", "PBSCluster"),
    "sge": ("dask_jobqueue", "SGECluster"),
    "lsf": ("dask_jobqueue", "LSFCluster"),
}
"""What `dask_cluster` opens, by kind: module and class; all take Dask's configuration."""

Case = dict[str, Any]
Outcomes = Generator[tuple["_Open", "_Outcome"], None, None]

_FORMAT = "sweep 2"  # 1 had no checksums, and other names for 1.0 and for bound arguments
_DEATHS = 3  # a case whose process died this often is given up


class _Open(NamedTuple):
    """A case that is to be run, and the name of its files."""

    key: str
    case: Case


class _Outcome(NamedTuple):
    """What became of a case: the bytes of its Parquet file, or an exception."""

    parquet: bytes | None = None
    error: Exception | None = None
    trace: str = ""


def sweep(
    function: Callable[..., Mapping[str, Any] | pd.DataFrame],
    cases: pd.DataFrame | Mapping[str, Sequence[Any]],
    *,
    out: str | os.PathLike,
    version: str,
    scheduler: "str | Client | None" = None,
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Call a function for every case; keep each result on disk; compute only what is missing.

    Parameters
    ----------
    function : callable
        Called as ``function(**case)`` by the names of the axes.  It returns a flat mapping (one
        row) or a DataFrame (some rows).  It must be deterministic in its case: seeds are an axis.
        Data that all cases need is best loaded inside, behind `functools.cache`, so that each
        worker loads it once.
    cases : DataFrame or mapping of str to sequence
        One case a row, or axes whose product is taken, the last one running fastest.  Values are
        text, numbers, truth values, instants or None; one type an axis.
    out : path
        Folder of the results; made if it is missing.  One sweep at a time may work in it.
    version : str
        What of the function's code and constants the results depend on, in words of the caller.
        Change it when a result would change.
    scheduler : str or distributed.Client, optional
        A Dask scheduler's address, such as ``"tcp://10.0.0.1:8786"``, or a client of it: cases then
        run on its workers.
    workers : int, optional
        Processes on this machine when there is no scheduler; as many as it has cores by default.
        1: in this process.  A script that asks for more must guard its start by
        ``if __name__ == "__main__":``, since workers import it.
    progress : bool
        Whether a bar on stderr counts cases.

    Returns
    -------
    DataFrame
        Axes first, then what `function` returned; in the order of `cases`, whichever came first.

    Raises
    ------
    ValueError
        If `cases` are no table of plain values, name one twice or do not fit the function, or
        `out` holds something else than results of the same function, version and axes.
    ExceptionGroup
        If cases raised: each exception has a note that names its case, and is on disk under
        ``failed``.  All other cases were finished before; the failed ones run again next time.
    RuntimeError
        If worker processes cannot start, or the scheduler is lost.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> def double(x, seed):
    ...     return {"y": 2 * x + seed}
    >>> axes = {"x": [1, 2], "seed": [0, 1]}
    >>> sweep(double, axes, out=mkdtemp(), version="1", workers=1, progress=False)
       x  seed  y
    0  1     0  2
    1  1     1  3
    2  2     0  4
    3  2     1  5
    """
    if scheduler is not None and workers is not None:
        raise ValueError(
            f"workers(={workers}) counts processes of this machine: leave it out where a scheduler "
            "is given, whose cluster says how many there are."
        )
    if workers is not None and (type(workers) is not int or workers < 1):
        raise ValueError(f"workers(={workers!r}) must be a whole number >= 1.")
    rows = _cases(cases)
    _check_arguments(function, rows[0])
    identity = _identity(function)
    jobs = [_Open(_key(row, version, identity), row) for row in rows]
    _refuse_twice(jobs)
    folder = _prepare(Path(out), identity, version, list(rows[0]))
    missing = [job for job in jobs if not _result_file(folder, job.key).exists()]
    if missing and scheduler is not None:
        outcomes = _on_dask(function, missing, scheduler)
    elif missing and (workers or _cores()) > 1:
        outcomes = _in_processes(function, missing, min(workers or _cores(), len(missing)))
    else:
        outcomes = _here(function, missing)
    with closing(outcomes):
        failures = _keep(folder, outcomes, len(jobs), len(missing), progress)
    if failures:
        raise ExceptionGroup(
            f"{len(failures)} of {len(jobs)} cases failed, see {folder / 'failed'}; the others are "
            "kept, and the next call runs only the failed ones",
            [failures[job.key] for job in jobs if job.key in failures],
        )
    return _read([_result_file(folder, job.key) for job in jobs])


def results(out: str | os.PathLike) -> pd.DataFrame:
    """Return what a sweep has kept so far, also while it runs.

    Parameters
    ----------
    out : path
        The sweep's folder.

    Returns
    -------
    DataFrame
        As from `sweep`, sorted by the axes; only cases that are done.

    Raises
    ------
    ValueError
        If there is no sweep in the folder, or a file cannot be read.
    """
    folder = Path(out)
    if not (folder / "sweep.json").exists():
        raise ValueError(f"{folder}: holds no sweep.json: no sweep has worked there.")
    axes = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))["axes"]
    paths = sorted((folder / "cases").glob("*/*.parquet"))
    if not paths:
        return pd.DataFrame(columns=axes)
    table = _read(paths)
    order = [name for name in table.columns if name in axes]
    return table.sort_values(order, kind="stable", ignore_index=True)


@contextmanager
def dask_cluster(kind: str, workers: int, **options: Any) -> Iterator["Client"]:
    """Open a Dask cluster, and close it in the end.

    Parameters
    ----------
    kind : str
        One of `CLUSTERS`: ``"local"`` for processes of this machine, ``"slurm"`` for batch jobs of
        Slurm by dask-jobqueue (``pip install dask-jobqueue``), and so on.
    workers : int
        How many.
    **options
        What that kind takes, such as ``queue``, ``cores``, ``memory``, ``walltime`` of
        ``"slurm"``. What is not given is that of Dask's configuration.

    Yields
    ------
    distributed.Client
        The ``scheduler`` of a `sweep`.

    Raises
    ------
    ValueError
        If the kind is not known or there is no worker.
    ModuleNotFoundError
        If what starts its workers is not installed.
    """
    if kind not in CLUSTERS:
        raise ValueError(f"kind(={kind!r}) must be one of {', '.join(CLUSTERS)}.")
    if type(workers) is not int or workers < 1:
        raise ValueError(f"workers(={workers!r}) must be a whole number >= 1.")
    module, name = CLUSTERS[kind]
    distributed = extra("distributed")
    try:
        opened = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: {kind!r} starts its workers by it, "
            f"pip install {module.replace('_', '-')} brings it.",
            name=error.name,
        ) from None
    # Batch jobs come when the queue lets them: none is waited for, the scheduler gives them work.
    size = {"n_workers": workers, **options}
    with opened(**size) as cluster, distributed.Client(cluster) as client:
        yield client


# --- cases --------------------------------------------------------------------------------


def _cases(cases: pd.DataFrame | Mapping[str, Sequence[Any]]) -> list[Case]:
    """Return each case as a mapping of plain values, checked."""
    if isinstance(cases, pd.DataFrame):
        names = list(cases.columns)
        rows = cases.astype(object).to_numpy().tolist()
    else:
        names = list(cases)
        for name in names:
            if isinstance(cases[name], str | bytes) or not isinstance(cases[name], Iterable):
                raise ValueError(f"axis {name!r} is {cases[name]!r}: it must be a list of values.")
        rows = [list(row) for row in itertools.product(*cases.values())]
    wrong = [name for name in names if not (isinstance(name, str) and name.isidentifier())]
    if wrong or len(set(names)) < len(names) or not names:
        raise ValueError(f"axes(={names}) must be different names of arguments, at least one.")
    if not rows:
        raise ValueError(f"cases over {', '.join(names)} are none: every axis needs a value.")
    plain = [
        {name: _plain(name, value) for name, value in zip(names, row, strict=True)} for row in rows
    ]
    for name in names:
        kinds = {_sort_of(case[name]) for case in plain} - {"none"}
        if len(kinds) > 1:
            raise ValueError(
                f"axis {name!r} mixes {' and '.join(sorted(kinds))}: give values of one type."
            )
    return plain


def _check_arguments(function: Callable, case: Case) -> None:
    """Refuse axes that are not the arguments of the function, before all cases fail of it."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return  # written in C, without a signature
    try:
        signature.bind(**case)
    except TypeError as error:
        raise ValueError(
            f"axes({', '.join(case)}) do not fit the function, which takes {signature}: {error}."
        ) from None


def _plain(name: str, value: Any) -> Any:
    """Return a value of an axis as Python's own type."""
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    good = value is None or isinstance(value, str | bool | int | float | pd.Timestamp)
    if not good or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        raise ValueError(
            f"axis {name!r}: {value!r} must be text, a number, a truth value, a Timestamp or None."
        )
    return value


def _sort_of(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "truth values"
    if isinstance(value, int | float):
        return "numbers"
    return "text" if isinstance(value, str) else "instants"


def _identity(function: Any, seen: frozenset[int] = frozenset()) -> str:
    """Return the function's name and what it carries: bound arguments, a closure, its object.

    Neither changes with how a script is started. What a named function does is told by the version
    of the sweep; a lambda has no name, and so its code counts as well, with the global values that
    it reads.
    """
    if isinstance(function, functools.partial):
        bound = [_told(value, seen) for value in function.args]
        bound += [f"{k}={_told(v, seen)}" for k, v in sorted(function.keywords.items())]
        return f"{_identity(function.func, seen)}({_short(', '.join(bound))})"
    if inspect.ismethod(function):
        return f"{_told(function.__self__, seen)}.{function.__name__}"
    if inspect.isfunction(function):
        return function.__qualname__ + _carried(function, seen)
    if hasattr(function, "__wrapped__"):  # functools.cache
        return _identity(function.__wrapped__, seen)
    return getattr(function, "__qualname__", None) or _told(function, seen)


def _carried(function: Any, seen: frozenset[int]) -> str:
    """Return what a function made inside another one carries with it; "" for any other."""
    code = function.__code__
    if "<" not in code.co_qualname or id(function) in seen:
        return ""
    seen |= {id(function)}
    parts = [_told(value, seen) for value in function.__defaults__ or ()]
    parts += [f"{k}={_told(v, seen)}" for k, v in sorted((function.__kwdefaults__ or {}).items())]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        parts.append(f"{name}={_told(cell.cell_contents, seen)}")
    if code.co_name == "<lambda>":
        parts.append(f"code={_told(code, seen)}")
        for name in sorted(_globals_read(code) & function.__globals__.keys()):
            parts.append(f"{name}={_told(function.__globals__[name], seen)}")
    return f"[{_short(', '.join(parts))}]" if parts else ""


def _globals_read(code: CodeType) -> set[str]:
    """Return the names of the global values that code reads, also inside its comprehensions."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    inner = [_globals_read(one) for one in code.co_consts if isinstance(one, CodeType)]
    return names.union(*inner)


def _told(value: Any, seen: frozenset[int]) -> str:
    """Return text that is the same for equal values, and for no others."""
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))  # 1.0 is 1, as on an axis
    if value is None or isinstance(value, str | bytes | bool | int | float | pd.Timestamp):
        return repr(value)
    if id(value) in seen:
        return "..."
    seen |= {id(value)}
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(_told(one, seen) for one in value)}]"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(_told(one, seen) for one in value))}}}"
    if isinstance(value, Mapping):
        pairs = sorted(f"{_told(k, seen)}: {_told(v, seen)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, np.ndarray | np.generic) and value.dtype != object:
        return f"{value.dtype}{value.shape}{_digest(value.tobytes())}"
    if isinstance(value, CodeType):
        names = [value.co_names, value.co_varnames, value.co_consts]
        return _digest(value.co_code + _told(names, seen).encode())
    if isinstance(value, type) or inspect.ismodule(value):
        return getattr(value, "__qualname__", value.__name__)
    if isinstance(value, functools.partial) or inspect.isroutine(value):
        return _identity(value, seen)
    return f"{type(value).__qualname__}({_short(_state(value, seen))})"


def _state(value: Any, seen: frozenset[int]) -> str:
    """Return the state of an object as text."""
    if not isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        state = value.__getstate__() if hasattr(value, "__getstate__") else vars(value)
        if isinstance(state, dict):  # what was computed and kept is no state of its own
            state = {k: v for k, v in state.items() if not _kept(type(value), k)}
        if state is not None:
            return _told(state, seen)
    try:
        return _digest(pickle.dumps(value, protocol=5))
    except Exception as error:
        raise ValueError(
            f"{value!r}, which the function carries, cannot be told apart from others ({error}): "
            "bind plain values, or make it an axis."
        ) from None


def _kept(kind: type, name: Any) -> bool:
    """Return whether an attribute holds what a property computed once."""
    return isinstance(getattr(kind, str(name), None), functools.cached_property)


def _digest(data: bytes) -> str:
    return "#" + hashlib.sha256(data).hexdigest()[:16]


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:100] + "..." + _digest(text.encode())


def _key(case: Case, version: str, identity: str) -> str:
    """Return the name of a case's files: the same in every process and on every machine."""
    values = {k: {"time": v.isoformat()} if _is_time(v) else _number(v) for k, v in case.items()}
    text = json.dumps([identity, version, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_time(value: Any) -> bool:
    return isinstance(value, pd.Timestamp)


def _number(value: Any) -> Any:
    """Return a number as it is named: 1.0 is 1, however a table of cases holds it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_twice(jobs: Sequence[_Open]) -> None:
    seen = set()
    for job in jobs:
        values = tuple(job.case.values())
        if values in seen:
            raise ValueError(f"case {_words(job.case)} is given twice: keep one.")
        seen.add(values)


def _words(case: Case) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in case.items())


# --- the folder ---------------------------------------------------------------------------


def _prepare(folder: Path, identity: str, version: str, axes: list[str]) -> Path:
    """Make the folder of this sweep, or check that it is this sweep's; return it."""
    if not isinstance(version, str):
        raise ValueError(f"version(={version!r}) must be text.")
    about = {"format": _FORMAT, "function": identity, "version": version, "axes": sorted(axes)}
    manifest = folder / "sweep.json"
    if manifest.exists():
        try:
            there = json.loads(manifest.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{manifest}: no valid JSON ({error}): choose another folder."
            ) from None
        for name, value in about.items():
            if there.get(name) != value:
                raise ValueError(
                    f"{folder}: holds results with {name} {there.get(name)!r}, and this call has "
                    f"{value!r}: choose another folder, or delete that one."
                )
    elif folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder}: holds other files and no sweep.json: choose an empty folder.")
    for name in ("cases", "failed"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_whole(manifest, json.dumps(about, indent=1) + "\n")
    for cut_short in folder.rglob(".*.tmp"):  # of a process that was killed while it wrote
        cut_short.unlink(missing_ok=True)
    return folder


def _result_file(folder: Path, key: str) -> Path:
    return folder / "cases" / key[:2] / f"{key}.parquet"


def _keep(
    folder: Path, outcomes: Outcomes, total: int, missing: int, progress: bool
) -> dict[str, Exception]:
    """Write each outcome as it comes; return the exceptions by their cases' keys."""
    from tqdm import tqdm

    failures = {}
    with tqdm(total=total, initial=total - missing, disable=not progress, unit="case") as bar:
        for job, outcome in outcomes:
            failed = folder / "failed" / f"{job.key}.json"
            if outcome.parquet is not None:
                path = _result_file(folder, job.key)
                path.parent.mkdir(exist_ok=True)
                write_whole(path, outcome.parquet)
                failed.unlink(missing_ok=True)
            elif outcome.error is not None:
                outcome.error.add_note(f"case: {_words(job.case)}\n{outcome.trace}".rstrip())
                record = {"case": job.case, "error": repr(outcome.error), "trace": outcome.trace}
                write_whole(failed, json.dumps(record, indent=1, default=str) + "\n")
                failures[job.key] = outcome.error
            bar.update()
    return failures


def _read(paths: Sequence[Path]) -> pd.DataFrame:
    """Return the results in some files, in their order, as one table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for path in paths:
        try:
            source = pa.BufferReader(_unsealed(path.read_bytes()))
            with pq.ParquetFile(source, page_checksum_verification=True) as file:
                table = file.read()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise ValueError(
                f"{path}: cannot be read ({error}): delete it and call again, its case is then "
                "computed anew."
            ) from error
        empty = pa.table({name: pa.nulls(0) for name in table.column_names})  # fits any type
        tables.append(table if table.num_rows else empty)
    try:
        return pa.concat_tables(tables, promote_options="permissive").to_pandas()
    except pa.ArrowException as error:
        raise ValueError(
            f"results of different cases have different types ({error}): let the function return "
            "one type a column."
        ) from error


# --- one case -----------------------------------------------------------------------------


def _attempt(function: Callable, case: Case) -> _Outcome:
    """Run one case; an exception is part of the outcome."""
    try:
        return _Outcome(parquet=_parquet(case, function(**case)))
    except SystemExit as error:
        # It would end the worker, or the whole sweep, without a word of which case it was.
        ended = RuntimeError(f"the function asked its process to end: sys.exit({error.code!r})")
        return _Outcome(error=ended, trace="".join(traceback.format_exception(error)))
    except Exception as error:  # raised again at the end of the sweep
        trace = "".join(traceback.format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # one that cannot travel between processes
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return _Outcome(error=error, trace=trace)


def _parquet(case: Case, result: Mapping[str, Any] | pd.DataFrame) -> bytes:
    """Return the bytes of a Parquet file: the axes, then the result."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(result, Mapping):
        deep = [name for name, value in result.items() if not pd.api.types.is_scalar(value)]
        if deep:
            raise ValueError(f"result {deep[0]!r} is no single value: return a DataFrame instead.")
        result = pd.DataFrame([dict(result)])
    if not isinstance(result, pd.DataFrame):
        raise ValueError(f"result is of type {type(result).__name__}: return a dict or DataFrame.")
    if not isinstance(result.index, pd.RangeIndex):
        raise ValueError("result has an index of its own: call reset_index() to keep it.")
    columns = [*case, *result.columns]
    if not all(isinstance(name, str) for name in columns) or len(set(columns)) < len(columns):
        raise ValueError(
            f"result columns {list(result.columns)} must be different names, and none an axis."
        )
    axes = pd.DataFrame({name: [value] * len(result) for name, value in case.items()})
    table = pa.Table.from_pandas(
        pd.concat([axes, result.reset_index(drop=True)], axis=1), preserve_index=False
    )
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None), buffer, write_page_checksum=True)
    return _sealed(buffer.getvalue())


_SEAL = b"seal"
_TAIL = 8  # length of the footer and "PAR1", which end a Parquet file


def _seal(data: bytes) -> bytes:
    return _SEAL + hashlib.sha256(data).digest()


def _sealed(parquet: bytes) -> bytes:
    """Return a Parquet file that carries its own checksum.

    Checksums of pages, which every reader knows, cover the values; the footer, which tells names
    and types, has none. So one of the whole file stands before the footer, where a file may hold
    what readers do not look at.
    """
    footer = len(parquet) - _TAIL - int.from_bytes(parquet[-_TAIL:-4], "little")
    return parquet[:footer] + _seal(parquet) + parquet[footer:]


def _unsealed(data: bytes) -> bytes:
    """Return the Parquet file as it was before it was sealed, or raise ValueError."""
    size = len(_seal(b""))
    footer = len(data) - _TAIL - int.from_bytes(data[-_TAIL:-4], "little")
    parquet = data[: max(footer - size, 0)] + data[max(footer, 0) :]
    if footer < size or data[footer - size : footer] != _seal(parquet):
        raise ValueError("its checksum is not that of its content: it was changed or cut short")
    return parquet


# --- where cases run ----------------------------------------------------------------------


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _here(function: Callable, jobs: Sequence[_Open]) -> Outcomes:
    """Run cases one after the other in this process."""
    for job in jobs:
        yield job, _attempt(function, job.case)


@functools.lru_cache(1)
def _load(pickled: bytes) -> Callable:
    return pickle.loads(pickled)


def _run_in_worker(pickled: bytes, case: Case) -> _Outcome:
    return _attempt(_load(pickled), case)


def _start_worker(pickled: bytes) -> None:
    """Load the function, and let this process end when the one that started it does."""
    import multiprocessing
    from multiprocessing.connection import wait

    parent = multiprocessing.parent_process()
    if parent is None:
        raise RuntimeError("a worker is started by another process.")
    sentinel = parent.sentinel

    def follow() -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
    _load(pickled)


@contextmanager
def _pool(pickled: bytes, workers: int) -> Iterator[Any]:
    """Return a pool of processes that have loaded the function."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _start_worker, (pickled,)
    )
    try:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "worker processes cannot start, stderr says why: guard the start of a script by "
                "`if __name__ == '__main__':`, define the function where workers can import it, or "
                "pass workers=1."
            ) from error
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _in_processes(function: Callable, jobs: Sequence[_Open], workers: int) -> Outcomes:
    """Run cases in processes of this machine; one that dies is replaced.

    When a process dies, the pool does not say which case it had: those in flight then run one at a
    time, until the case that kills its process is found or all of them are through.
    """
    import cloudpickle

    pickled = cloudpickle.dumps(function)
    queue, alone = deque(jobs), 0
    deaths: Counter[str] = Counter()
    while queue:
        size, count = (1, alone) if alone else (workers, len(queue))
        with _pool(pickled, size) as pool:
            submit = functools.partial(pool.submit, _run_in_worker, pickled)
            in_flight, left = yield from _drain(submit, queue, count, 1 if alone else 2 * workers)
        alone = len(in_flight) + (left if alone else 0)
        queue.extendleft(reversed(in_flight))
        if len(in_flight) == 1:
            job = in_flight[0]
            deaths[job.key] += 1
            if deaths[job.key] >= _DEATHS:
                alone -= 1
                queue.popleft()
                died = RuntimeError(f"its process died {_DEATHS} times: killed, out of memory?")
                yield job, _Outcome(error=died)


def _drain(
    submit: Callable[[Case], Any], queue: deque[_Open], count: int, lanes: int
) -> Generator[tuple[_Open, _Outcome], None, tuple[list[_Open], int]]:
    """Run the next `count` cases of a queue, at most `lanes` in flight.

    Returns the cases in flight when a process died, and how many of `count` are still queued.
    """
    from concurrent.futures import FIRST_COMPLETED, wait
    from concurrent.futures.process import BrokenProcessPool

    running: dict[Any, _Open] = {}
    try:
        while count or running:
            while count and len(running) < lanes:
                running[submit(queue[0].case)] = queue[0]
                queue.popleft()
                count -= 1
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                yield running.pop(future), outcome
    except BrokenProcessPool:
        pass
    return list(running.values()), count


def _on_dask(function: Callable, jobs: Sequence[_Open], scheduler: "str | Client") -> Outcomes:
    """Run cases on the workers of a Dask cluster, which replaces those that die."""
    distributed = extra("distributed")
    client = (
        scheduler if isinstance(scheduler, distributed.Client) else distributed.Client(scheduler)
    )
    futures = {}
    try:
        run = uuid.uuid4().hex  # a scheduler must not answer with what it has kept of another run
        keys = [f"sweep-{job.key}-{run}" for job in jobs]
        attempts = client.map(
            functools.partial(_attempt, function), [job.case for job in jobs], key=keys, pure=False
        )
        futures = dict(zip(attempts, jobs, strict=True))
        # Fetched as they come: one at a time, each would wait for the way there and back.
        for future, got in distributed.as_completed(
            attempts, with_results=True, raise_errors=False
        ):
            if future.status not in ("finished", "error"):
                raise RuntimeError(
                    f"the scheduler was lost or gave up with {len(futures)} cases open: what was "
                    "done is kept, call again to go on."
                )
            # An error of Dask's own (type, error, trace): a case that ended its workers.
            outcome = got if future.status == "finished" else _Outcome(error=got[1])
            job = futures.pop(future)
            future.release()
            yield job, outcome
    finally:
        client.cancel(list(futures))
        if client is not scheduler:
            client.close()
