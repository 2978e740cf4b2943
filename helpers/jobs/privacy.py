"""Before a log is published: names hashed with a key, groups of at least k, telemetry averaged.

Three steps that do not replace each other.  `hash_identifiers` makes names unreadable to whoever has
not the key; a person can still be found by *what* they ran, which `check_k_anonymity` looks for, and
`coarsen` and `coarsen_size` help against; and power over time tells programs apart, the less so the
longer `aggregate_telemetry` averages.

References
----------
H. Krawczyk, M. Bellare, R. Canetti, "HMAC: Keyed-Hashing for Message Authentication", RFC 2104, 1997,
doi:10.17487/RFC2104 (section 3: keys; section 5: truncated output).

L. Sweeney, "k-anonymity: a model for protecting privacy", Int. J. Uncertainty, Fuzziness and
Knowledge-Based Systems 10(5), 2002, doi:10.1142/S0218488502001648.

A. Machanavajjhala et al., "l-diversity: privacy beyond k-anonymity", ACM TKDD 1(1), 2007,
doi:10.1145/1217299.1217302 (what k-anonymity leaves open).
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from .table import JobLog, names

__all__ = [
    "Anonymity",
    "aggregate_telemetry",
    "check_k_anonymity",
    "coarsen",
    "coarsen_size",
    "collision_probability",
    "hash_identifiers",
    "k_anonymity",
]

_Table = TypeVar("_Table", JobLog, pd.DataFrame)

_IDENTIFIERS = ("user", "group", "executable")
_KEY_BYTES = 32
_DIGITS = range(8, 65)
# A job and the job that it follows must keep the same name.
_SAME_NAMES = {"previous_job_id": "job_id"}
_SHORTEST_S, _LONGEST_S = 1.0, 60.0


def hash_identifiers(
    log: _Table, columns: Sequence[str] = _IDENTIFIERS, *, key: bytes, digits: int = 16
) -> _Table:
    """Replace names by keyed hashes: the same name and key always give the same hash.

    Parameters
    ----------
    log : JobLog or DataFrame
        What holds the names; it is not changed.
    columns : sequence of str
        The columns to hash.  Numbers are hashed as they are written (``42``).
    key : bytes
        At least 32 random bytes (``secrets.token_bytes(32)``).  Whoever has it can find out whose
        hash is whose by trying all names: keep it apart from the data, or destroy it.
    digits : int
        Length of a hash, 8 to 64 hexadecimal digits (4 bits each).

    Returns
    -------
    JobLog or DataFrame
        As `log`, with hashes (str) in `columns`; what is NA stays NA.  In a `JobLog` the values in
        ``skipped``, which may hold names, are blanked; ``header`` is kept, look through it.

    Raises
    ------
    TypeError
        If `key` is not bytes.
    ValueError
        If `key` is too short, a column is missing, `digits` is out of range, or two names of a column
        get the same hash.

    See Also
    --------
    collision_probability : Which `digits` are enough.

    Notes
    -----
    The hash is HMAC-SHA256 (RFC 2104) of column, a zero byte and name, cut to its first `digits`: the
    same name in ``user`` and in ``group`` gives two hashes, ``job_id`` and ``previous_job_id`` one.
    Equal names keep equal hashes, so that one person's jobs stay linked: this is pseudonymisation
    (GDPR, article 4(5)), and not yet anonymity.
    """
    if not isinstance(key, bytes | bytearray):
        raise TypeError(f"key is of type {type(key).__name__}: it must be bytes.")
    if len(key) < _KEY_BYTES:
        raise ValueError(
            f"key has {len(key)} bytes: it must have at least {_KEY_BYTES}, at random: "
            "secrets.token_bytes(32)."
        )
    if digits not in _DIGITS:
        raise ValueError(f"digits is {digits}: it must be a whole number from 8 to 64.")
    table = log.jobs if isinstance(log, JobLog) else log
    _require_columns(table, columns)
    hashed = table.assign(
        **{name: _hashed(table[name], name, bytes(key), digits) for name in columns}
    )
    if isinstance(log, JobLog):
        return replace(log, jobs=hashed, skipped=log.skipped.assign(value=""))
    return hashed


def _require_columns(table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise if a column is missing or none is given."""
    missing = [name for name in columns if name not in table]
    if missing or not columns or isinstance(columns, str):
        what = f"column {missing[0]!r} is missing" if missing else f"columns is {columns!r}"
        raise ValueError(f"{what}: give a list of columns among {', '.join(map(str, table))}.")


def _hashed(values: pd.Series, column: str, key: bytes, digits: int) -> Any:
    """Return the hashes of a column."""
    codes, unique = pd.factorize(values)
    domain = _SAME_NAMES.get(column, column).encode() + b"\0"
    hashes = [
        hmac.new(key, domain + str(name).encode(), hashlib.sha256).hexdigest()[:digits]
        for name in unique
    ]
    if len(set(hashes)) < len(hashes):
        raise ValueError(
            f"two of the {len(hashes)} names in column {column!r} get the same hash of {digits} "
            "digits: pass a larger digits=."
        )
    words = np.array([*hashes, None], dtype=object)[codes]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return pd.Series(names(words), index=values.index)
    return pd.Series(words, index=values.index, dtype="string" if column in _SAME_NAMES else str)


def collision_probability(n: int, digits: int = 16) -> float:
    """Return how likely at least two of `n` different names get the same hash.

    Parameters
    ----------
    n : int
        Number of different names.
    digits : int
        Hexadecimal digits of a hash.

    Returns
    -------
    float
        Probability, 0 to 1.

    Notes
    -----
    The birthday bound 1 - exp(-n (n - 1) / 2^(4 digits + 1)): for 10,000 names 3e-12 with 16 digits,
    1.2 % with 8.
    """
    return float(-np.expm1(-n * (n - 1) / 2.0 ** (4 * digits + 1)))


@dataclass(frozen=True, eq=False)
class Anonymity:
    """How well the rows of a table hide among each other.

    Parameters
    ----------
    k : int
        Size of the smallest group of rows that agree in all quasi-identifiers; 0 for no rows.
    group_size : Series
        For each row the size of its group, with the index of the table.
    """

    k: int
    group_size: pd.Series

    def offending(self, k: int) -> pd.Index:
        """Return the labels of the rows in groups smaller than `k`."""
        return self.group_size.index[self.group_size < k]


def k_anonymity(
    table: pd.DataFrame, quasi_identifiers: Sequence[str], *, person: str | None = None
) -> Anonymity:
    """Return the size of the smallest group of rows that nobody could tell apart.

    Parameters
    ----------
    table : DataFrame
        What is to be published.
    quasi_identifiers : sequence of str
        Columns that somebody might know of a person from elsewhere (when, how large, which queue).
    person : str, optional
        The column that says whose row it is.  With it a group is as large as the number of persons in
        it: somebody with a thousand jobs does not hide among them.  Without it rows are counted.

    Returns
    -------
    Anonymity
        k, and the size of each row's group.  Unknown values are equal to each other.

    Raises
    ------
    ValueError
        If a column is missing, or none is given.

    Notes
    -----
    k-anonymity after Sweeney (2002).
    """
    _require_columns(table, quasi_identifiers)
    group = _groups(table, quasi_identifiers)
    counted = group
    if person is not None:
        _require_columns(table, [person])
        repeated = pd.DataFrame({"group": group, "person": _groups(table, [person])}).duplicated()
        counted = group[~repeated.to_numpy()]
    size = np.bincount(counted)[group]
    return Anonymity(
        k=int(size.min()) if len(size) else 0,
        group_size=pd.Series(size, index=table.index, name="group_size", dtype="int64"),
    )


def _groups(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Return for each row the number of its group: rows that agree in `columns`."""
    codes = [pd.factorize(table[name], use_na_sentinel=False)[0] for name in columns]
    return np.unique(np.column_stack(codes), axis=0, return_inverse=True)[1].ravel()


def check_k_anonymity(
    table: pd.DataFrame, quasi_identifiers: Sequence[str], k: int, *, person: str | None = None
) -> None:
    """Raise unless each row agrees in all quasi-identifiers with at least k - 1 others.

    Parameters
    ----------
    table : DataFrame
        What is to be published.
    quasi_identifiers : sequence of str
        Columns that somebody might know of a person from elsewhere.
    k : int
        Smallest size of a group, at least 2.
    person : str, optional
        The column that says whose row it is, to count persons instead of rows.

    Raises
    ------
    ValueError
        If a group is smaller, with how many rows are in such groups and what to do; if `k` is below
        2 or a column is missing.
    """
    if k < 2:
        raise ValueError(f"k is {k}: it must be at least 2: every row is in a group of 1.")
    found = k_anonymity(table, quasi_identifiers, person=person)
    rows = found.offending(k)
    if len(rows):
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise ValueError(
            f"{len(rows)} of {len(table)} rows are in groups smaller than k = {k} (the smallest has "
            f"{found.k}) by {', '.join(quasi_identifiers)}: rows {shown}. Make columns coarser "
            "(coarsen, coarsen_size), publish fewer columns, or leave out "
            f"k_anonymity(...).offending({k})."
        )


def coarsen(values: Any, step: float) -> Any:
    """Round down to a multiple of `step`, in the unit of `values`.

    Parameters
    ----------
    values : array_like or Series
        For example submissions [s]; NaN stays NaN.
    step : float
        For example 3600 for full hours [s].

    Raises
    ------
    ValueError
        If `step` is not above 0.
    """
    if not step > 0:
        raise ValueError(f"step is {step}: it must be above 0.")
    return np.floor(np.divide(values, step)) * step


def coarsen_size(values: Any, base: float = 2.0) -> Any:
    """Round down to a power of `base`: sizes, lengths, and whatever else spans orders of magnitude.

    Parameters
    ----------
    values : array_like or Series
        At least 0; 0 and NaN stay.
    base : float
        2 keeps 1, 2, 4, 8, ...

    Raises
    ------
    ValueError
        If `base` is not above 1 or a value is below 0.
    """
    if not base > 1:
        raise ValueError(f"base is {base}: it must be above 1.")
    numbers = np.asarray(values, dtype="float64")
    if (numbers < 0).any():
        raise ValueError(f"values hold {np.nanmin(numbers)}: they must be at least 0.")
    known = numbers > 0
    exponent = np.floor(np.log(numbers, where=known, out=np.zeros_like(numbers)) / np.log(base))
    # The logarithm may miss an exact power by one.
    exponent += known & (base ** (exponent + 1) <= numbers)
    exponent -= known & (base**exponent > numbers)
    coarse = np.where(known, base**exponent, numbers)
    return pd.Series(coarse, index=values.index) if isinstance(values, pd.Series) else coarse


def aggregate_telemetry(
    samples: pd.DataFrame, step_s: float, *, max_gap_s: float | None = None, between: str = "linear"
) -> pd.DataFrame:
    """Average telemetry over steps of 1 to 60 seconds; energy stays what it was.

    Parameters
    ----------
    samples : DataFrame
        ``time_s`` [s], strictly increasing, and one or more columns of numbers, for example
        ``power_w`` [W].  At least two rows.
    step_s : float
        Length of a step [s], 1 to 60.  Steps start at multiples of it.
    max_gap_s : float, optional
        Longest time between two samples that is bridged [s]; `step_s` if not given.
    between : {"linear", "hold"}
        What is true between two samples: the straight line, or the earlier sample's value.

    Returns
    -------
    DataFrame
        ``time_s`` (start of a step), ``duration_s`` (`step_s`, less in the first and the last step,
        which end where the samples do), and the time-weighted means.

    Raises
    ------
    ValueError
        If `step_s` is out of range; if there are less than two samples, times do not increase, a
        value is unknown, or a gap is longer than `max_gap_s`.

    Notes
    -----
    The sum of mean times duration is the integral of the samples: the trapezoidal rule's for
    ``linear``.
    """
    if not _SHORTEST_S <= step_s <= _LONGEST_S:
        raise ValueError(
            f"step_s is {step_s}: it must be from {_SHORTEST_S:g} to {_LONGEST_S:g} s: shorter steps "
            "show which program ran, longer ones hide when."
        )
    if between not in ("linear", "hold"):
        raise ValueError(f"between is {between!r}: it must be 'linear' or 'hold'.")
    _check_samples(samples, step_s if max_gap_s is None else max_gap_s)
    time = samples["time_s"].to_numpy("float64")
    inner = np.arange(np.floor(time[0] / step_s) + 1, np.ceil(time[-1] / step_s)) * step_s
    edges = np.concatenate([time[:1], inner[(inner > time[0]) & (inner < time[-1])], time[-1:]])
    duration = np.diff(edges)
    means = {
        name: np.diff(_integral(time, samples[name].to_numpy("float64"), edges, between)) / duration
        for name in samples.columns.drop("time_s")
    }
    return pd.DataFrame({"time_s": edges[:-1], "duration_s": duration} | means)


def _check_samples(samples: pd.DataFrame, max_gap_s: float) -> None:
    """Raise unless samples can be integrated."""
    _require_columns(samples, ["time_s"])
    if len(samples) < 2 or len(samples.columns) < 2:
        raise ValueError(
            f"samples have {len(samples)} rows and columns {', '.join(map(str, samples))}: they must "
            "have at least two rows, and a column beside time_s."
        )
    for name in samples:
        bad = ~np.isfinite(samples[name].to_numpy("float64"))
        if bad.any():
            raise ValueError(
                f"row {bad.argmax()}: {name} is {samples[name].iloc[bad.argmax()]}: it must be a "
                "finite number: leave such samples out."
            )
    gap = np.diff(samples["time_s"].to_numpy("float64"))
    if (gap <= 0).any():
        row = int((gap <= 0).argmax()) + 1
        raise ValueError(
            f"row {row}: time_s is {samples['time_s'].iloc[row]}: it must be after the row before: "
            "sort the samples, drop repeated ones."
        )
    if (gap > max_gap_s).any():
        row = int(gap.argmax())
        raise ValueError(
            f"after row {row}: no sample for {gap[row]:g} s, more than {max_gap_s:g} s: pass a longer step_s, "
            "allow it with max_gap_s, or aggregate the parts on their own."
        )


def _integral(time: np.ndarray, value: np.ndarray, at: np.ndarray, between: str) -> np.ndarray:
    """Return the integral of samples from the first one to each time of `at`."""
    gap = np.diff(time)
    slope = np.diff(value) / gap if between == "linear" else np.zeros(len(gap))
    whole = np.concatenate([[0.0], np.cumsum((value[:-1] + slope * gap / 2) * gap)])
    i = np.clip(np.searchsorted(time, at, side="right") - 1, 0, len(gap) - 1)
    rest = at - time[i]
    return whole[i] + (value[i] + slope[i] * rest / 2) * rest
