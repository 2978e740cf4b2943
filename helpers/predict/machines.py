r"""Time, power and energy of training on a GPU, in settings never measured: physics, then the rest.

A *setting* is a GPU, a task (data set and network), a batch size and a power limit; its time is that
of an epoch. What physics says of it is small and can be read:

* **Time without a limit.** Each sample needs arithmetic, memory traffic and, once a batch, a fixed
  effort that no GPU shortens: :math:`t_0 = w_1/F + w_2/B + w_3/b`, with peak arithmetic F and
  memory bandwidth B of the GPU's data sheet and batch size b. It is a roofline [1]_ whose parts are
  added instead of overlapped. The three amounts of work of each task are >= 0 and fitted.
* **Power without a limit.** :math:`p_0 = P (i + e\,u)`: of the highest limit P a share i always,
  and e while the GPU computes, a share u of the time.
* **Under a limit c**: :math:`t = t_0 \max(1, p_0/c)^a` and :math:`p = \min(p_0, c)`, as in
  `helpers.phases.Throttle`, the exponent a as in `helpers.power.caps`.

**The rest.** How much of its peak a GPU reaches differs by GPU and task. What physics leaves, as a
logarithm, is a sum of smooth functions of batch size and limit, one of the GPU, one of the task, one
of the pair: a Gaussian process [2]_. Its variances are round numbers, set once and not tuned.

**How sure.** Settings are left out, from near to far: alone, with their curve, with all of their GPU
and task, with all of their GPU. An interval is as wide as nine tenths of the errors were where the
process was *as unsure as of the setting that is asked about* [3]_: so it holds next to what was
measured and far from it. Of a task that was never measured nothing is said, and a GPU that was never
measured is flagged: four GPUs calibrate no interval for a fifth.

References
----------
.. [1] S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model
   for multicore architectures", Communications of the ACM 52(4), 2009.
.. [2] C. E. Rasmussen, C. K. I. Williams, *Gaussian Processes for Machine Learning*, 2006, chapter 2.
.. [3] A. N. Angelopoulos, S. Bates, "Conformal prediction: a gentle introduction", Foundations and
   Trends in Machine Learning 16(4), 2023, section 2.3 (normalised scores), among neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.power.caps import cap_curves, fit_exponent

__all__ = [
    "GPUS",
    "KNOWN",
    "OUTCOMES",
    "Gpu",
    "Machines",
    "WhiteBox",
    "data_sheets",
    "known_by",
    "left_out",
    "limits_between",
    "settings",
]


class Gpu(NamedTuple):
    """What a data sheet says of a GPU.

    Its peak in single precision [TFLOP/s], memory bandwidth [GB/s], highest power limit [W] and
    memory [GB].
    """

    peak_tflops: float
    bandwidth_gb_per_s: float
    most_w: float
    memory_gb: float


GPUS: Mapping[str, Gpu] = MappingProxyType(
    {
        "a40": Gpu(37.4, 696.0, 300.0, 48.0),
        "p100": Gpu(9.3, 732.0, 250.0, 16.0),
        "rtx6000": Gpu(16.3, 672.0, 260.0, 24.0),
        "v100": Gpu(14.0, 900.0, 250.0, 32.0),
    }
)
"""Data sheets of the measured GPUs, PCI Express versions: NVIDIA A40 (2021), Tesla P100 (2016),
Quadro RTX 6000 (2018), V100 (2020); `book/references.bib` has their addresses."""

OUTCOMES = ("time_s", "power_w", "energy_j")
"""What is predicted of an epoch; the last is the product of the others."""

KNOWN = ("limit", "batch", "pair", "gpu", "task")
"""What is new in a setting, from near to far: the limit alone, the batch size of a GPU and a task
measured together, that pair, the GPU, the task."""

_PLACE = ["gpu", "task", "batch_size", "cap_w"]
_FOLDS = 5
# What is left out to calibrate intervals, and within what there must be others.
_LEFT_OUT: tuple[tuple[list[str], list[str]], ...] = (
    (_PLACE, _PLACE[:3]),
    (_PLACE[:3], _PLACE[:2]),
    (_PLACE[:2], ["gpu"]),
    (["gpu"], []),
)
_NEIGHBOURS = 200  # settings left out of which the process was as unsure: twenty of them may miss
_FEWEST = 20  # settings, before which three amounts of work a task and an exponent mean nothing


def settings(table: pd.DataFrame) -> pd.DataFrame:
    """Return measured settings: one row a GPU, task, batch size and power limit.

    Parameters
    ----------
    table : DataFrame
        As `helpers.datasets.power_caps` gives it. Several optimizers of one setting are averaged:
        where there are two, on one GPU, they differ by some 6 % in time.

    Returns
    -------
    DataFrame
        ``gpu, task, network, batch_size, cap_w`` [W] and ``time_s, power_w, energy_j`` of an epoch
        [s, W, J]; sorted, and numbered from 0.
    """
    renamed = table.rename(
        columns={"power_limit": "cap_w", "time_per_epoch": "time_s", "average_power": "power_w"}
    )
    renamed = renamed.assign(task=renamed["dataset"] + ", " + renamed["network"])
    keys = ["gpu", "task", "network", "batch_size", "cap_w"]
    mean = renamed.groupby(keys, as_index=False)[["time_s", "power_w"]].mean()
    return mean.assign(
        cap_w=mean["cap_w"].astype(np.float64), energy_j=mean["time_s"] * mean["power_w"]
    )


def limits_between(measured: pd.DataFrame, step_w: float = 10.0) -> pd.DataFrame:
    """Return settings under every limit between the lowest and the highest of each curve.

    Parameters
    ----------
    measured : DataFrame
        Settings; no batch size is tried on a GPU that was not measured on it, since memory ends.
    step_w : float
        Between two limits [W], > 0.

    Returns
    -------
    DataFrame
        ``gpu, task, batch_size, cap_w``, to be asked about.

    Raises
    ------
    ValueError
        If the step is not > 0.
    """
    if not step_w > 0:
        raise ValueError(f"step_w(={step_w}) must be > 0.")
    ends = measured.groupby(_PLACE[:3])["cap_w"].agg(["min", "max"]).reset_index()
    limits = [np.arange(r["min"], r["max"] + 1e-9, step_w) for _, r in ends.iterrows()]
    rows = ends[_PLACE[:3]].loc[ends.index.repeat([len(own) for own in limits])]
    return rows.assign(cap_w=np.concatenate(limits)).reset_index(drop=True)


def known_by(asked: pd.DataFrame, measured: pd.DataFrame) -> NDArray[np.str_]:
    """Return what is new in each setting asked about, as `KNOWN` names it, shape (n,)."""
    found = np.full(len(asked), "limit", dtype="<U5")
    for name, keys in (
        ("batch", ["gpu", "task", "batch_size"]),
        ("pair", ["gpu", "task"]),
        ("gpu", ["gpu"]),
        ("task", ["task"]),
    ):
        there = pd.MultiIndex.from_frame(measured[keys]).unique()
        found[~pd.MultiIndex.from_frame(asked[keys]).isin(there)] = name
    return found


def left_out(measured: pd.DataFrame, new: str, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """Return parts of a table, each as new to the others as a name of `KNOWN` says.

    Parameters
    ----------
    measured : DataFrame
        Settings.
    new : str
        ``"limit"``: fifths of the settings. ``"batch"``: fifths of the curves, which are all
        limits of a GPU, task and batch size. ``"pair"``: of each GPU another task. ``"gpu"``,
        ``"task"``: one by one.
    seed : int
        Seed of the draw of fifths.

    Raises
    ------
    ValueError
        If the name is not in `KNOWN`.
    """
    rng = np.random.default_rng(seed)
    gpu, task = (pd.factorize(measured[name], sort=True)[0] for name in ("gpu", "task"))
    if new in ("limit", "batch"):
        keys = _PLACE if new == "limit" else _PLACE[:3]
        number = measured.groupby(keys, sort=True).ngroup().to_numpy()
        part = rng.permutation(number.max() + 1)[number] % _FOLDS
    elif new == "pair":  # a Latin square: no part takes a task from more than one GPU
        part = (gpu + task) % max(gpu.max() + 1, task.max() + 1)
    elif new in ("gpu", "task"):
        part = gpu if new == "gpu" else task
    else:
        raise ValueError(f"new(={new!r}) must be one of {', '.join(KNOWN)}.")
    for one in np.unique(part):
        yield part == one


def data_sheets(asked: pd.DataFrame, gpus: Mapping[str, Gpu] = GPUS) -> NDArray[np.float64]:
    """Return the data sheet of the GPU of each setting, as in `Gpu`, shape (n, 4).

    Raises
    ------
    ValueError
        If a GPU has none.
    """
    without = sorted(set(asked["gpu"]) - set(gpus))
    if without:
        raise ValueError(
            f"no data sheet of GPU {without[0]!r}: give one, gpus={{..., {without[0]!r}: Gpu(...)}}."
        )
    return np.array([gpus[name] for name in asked["gpu"]], dtype=np.float64).reshape(-1, 4)


@dataclass(frozen=True, eq=False)
class WhiteBox:
    """Physics of training on a GPU.

    Parameters
    ----------
    gpus : mapping of str to Gpu
        Data sheets.
    work : mapping of str to (float, float, float)
        Of an epoch of each task: arithmetic [TFLOP], memory traffic [GB], and effort of batches
        [s], each >= 0; the first two at full use of the GPU, so that they hold what is not used.
    idle, busy : float and mapping of str to float
        Share of the highest limit that is always drawn, and what each task adds while computing.
    exponent : float
        Of a limit.
    """

    gpus: Mapping[str, Gpu]
    work: Mapping[str, tuple[float, float, float]]
    idle: float
    busy: Mapping[str, float]
    exponent: float

    @classmethod
    def fit(cls, measured: pd.DataFrame, gpus: Mapping[str, Gpu] = GPUS) -> Self:
        """Learn from measured settings; small errors in percent, not in seconds, are wanted.

        Raises
        ------
        ValueError
            If a GPU has no data sheet, or no limit slows any job down.
        """
        from scipy.optimize import nnls

        names = {"cap_w": "power_limit", "time_s": "time_per_epoch", "power_w": "average_power"}
        table = measured.rename(columns=names).assign(dataset=measured["task"], optimizer="")
        exponent = fit_exponent(cap_curves(table.assign(network="")))
        # Free of a limit is what was measured at the highest one of each GPU, task and batch size.
        free = measured.loc[measured.groupby(_PLACE[:3])["cap_w"].idxmax()]
        parts, time_s = _parts(free, gpus), free["time_s"].to_numpy()
        tasks = sorted(free["task"].unique())
        which = free["task"].to_numpy()
        work = {
            task: nnls(parts[own] / time_s[own, None], np.ones(own.sum()))[0]
            for task in tasks
            for own in [which == task]
        }
        used = _used(parts, np.array([work[task] for task in which]))
        number = np.searchsorted(tasks, which)
        columns = np.column_stack([np.ones(len(free)), np.eye(len(tasks))[number] * used[:, None]])
        share = free["power_w"].to_numpy() / data_sheets(free, gpus)[:, 2]
        idle, *busy = nnls(columns / share[:, None], np.ones(len(free)))[0].tolist()
        told = {task: (float(w[0]), float(w[1]), float(w[2])) for task, w in work.items()}
        return cls(gpus, told, idle, dict(zip(tasks, busy, strict=True)), exponent)

    def predict(self, asked: pd.DataFrame) -> pd.DataFrame:
        """Return `OUTCOMES` of each setting [s, W, J]; NaN of a task that was never measured.

        Raises
        ------
        ValueError
            If a GPU has no data sheet.
        """
        parts = _parts(asked, self.gpus)
        nothing = (np.nan,) * 3
        work = np.array([self.work.get(task, nothing) for task in asked["task"]]).reshape(-1, 3)
        busy = np.array([self.busy.get(task, np.nan) for task in asked["task"]])
        free_w = data_sheets(asked, self.gpus)[:, 2] * (self.idle + busy * _used(parts, work))
        cap_w = asked["cap_w"].to_numpy(np.float64)
        time_s = (parts * work).sum(axis=1) * np.maximum(1.0, free_w / cap_w) ** self.exponent
        power_w = np.minimum(free_w, cap_w)
        return pd.DataFrame(
            {"time_s": time_s, "power_w": power_w, "energy_j": time_s * power_w}, asked.index
        )


def _parts(asked: pd.DataFrame, gpus: Mapping[str, Gpu]) -> NDArray[np.float64]:
    """Return what the amounts of work of each setting are multiplied with, shape (n, 3)."""
    sheet = data_sheets(asked, gpus)
    batch = asked["batch_size"].to_numpy(np.float64)
    return np.column_stack([1.0 / sheet[:, 0], 1.0 / sheet[:, 1], 1.0 / batch])


def _used(parts: NDArray[np.float64], work: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the time in which the GPU computes; 0 where there is no work."""
    lasts = parts * work
    whole = lasts.sum(axis=1)
    return np.divide(lasts[:, :2].sum(axis=1), whole, out=np.zeros_like(whole), where=whole != 0)


# Variances of what physics leaves, as natural logarithms: how far GPUs, tasks and pairs lie from it
# (0.3 is a factor of 1.7), and how far these lie apart over batch sizes and limits. Round numbers.
_OFFSETS = {"task": 0.1, "gpu": 0.3, "pair": 0.3}
_OVER_BATCH = {"task": 0.1, "gpu": 0.1}
_OVER_BATCH_FAST = {"pair": 0.15}
_OVER_LIMIT = {"gpu": 0.05, "all": 0.03}
_OVER_BOTH = {"task": 0.05, "pair": 0.03}
_SLOW, _FAST, _LIMIT = 2.5, 1.2, 0.5  # how far a function reaches, of batch and limit as logarithms
_NOISE = 0.02  # repeats differ by about 2 %


def _alike(one: pd.DataFrame, other: pd.DataFrame, gpus: Mapping[str, Gpu]) -> NDArray[np.float64]:
    """Return the covariance of what physics leaves in two tables, shape (n, m)."""
    codes = [pd.factorize(pd.concat([one[name], other[name]]))[0] for name in ("gpu", "task")]
    gpu, task = (own[: len(one), None] == own[len(one) :] for own in codes)
    same = {"gpu": gpu, "task": task, "pair": gpu & task, "all": np.True_}

    def of(variances: Mapping[str, float]) -> NDArray[np.float64]:
        return sum((size * same[name] for name, size in variances.items()), np.zeros(gpu.shape))

    batch = [np.log(table["batch_size"].to_numpy(np.float64)) for table in (one, other)]
    limit = [
        np.log(table["cap_w"].to_numpy() / data_sheets(table, gpus)[:, 2]) for table in (one, other)
    ]
    fast = _over(batch, _FAST)
    whole = of(_OFFSETS) + of(_OVER_BATCH) * _over(batch, _SLOW) + of(_OVER_BATCH_FAST) * fast
    whole += (of(_OVER_LIMIT) + of(_OVER_BOTH) * fast) * _over(limit, _LIMIT)
    return whole


def _over(values: list[NDArray[np.float64]], reach: float) -> NDArray[np.float64]:
    """Return how alike values are that lie so far apart, shape (n, m); few are different."""
    (rows, row), (columns, column) = (np.unique(own, return_inverse=True) for own in values)
    return np.exp(-0.5 * ((rows[:, None] - columns) / reach) ** 2)[np.ix_(row, column)]


@dataclass(frozen=True, eq=False)
class Machines:
    """Physics and what it leaves, learned from measured settings, with intervals.

    Parameters
    ----------
    measured : DataFrame
        Settings.
    gpus : mapping of str to Gpu
        Data sheets, also of GPUs that were never measured.
    covered : float
        Share of settings that are to lie in their interval [1].

    Raises
    ------
    ValueError
        If a GPU has no data sheet, fewer than 20 settings were measured, or `covered` is out of
        range.
    """

    measured: pd.DataFrame
    gpus: Mapping[str, Gpu] = field(default_factory=lambda: GPUS)
    covered: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.covered < 1:
            raise ValueError(f"covered(={self.covered}) must lie between 0 and 1.")
        if len(self.measured) < _FEWEST:
            raise ValueError(
                f"{len(self.measured)} settings were measured; {_FEWEST} or more are needed."
            )

    @cached_property
    def physics(self) -> WhiteBox:
        """The white box, which can be read."""
        return WhiteBox.fit(self.measured, self.gpus)

    @cached_property
    def _solved(self) -> tuple[tuple[NDArray, bool], NDArray]:
        """The factor of the covariance, and the weights of what physics leaves, shape (n, 3)."""
        from scipy.linalg import cho_factor, cho_solve

        said = self.physics.predict(self.measured)[list(OUTCOMES)].to_numpy()
        rest = np.log(self.measured[list(OUTCOMES)].to_numpy() / said)
        whole = _alike(self.measured, self.measured, self.gpus)
        whole[np.diag_indices_from(whole)] += _NOISE**2
        factor = cho_factor(whole, lower=True)
        return factor, cho_solve(factor, rest)

    def _normal(self, asked: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return logarithms of `OUTCOMES`, shape (n, 3), and their standard deviation, (n, 1)."""
        from scipy.linalg import solve_triangular

        (factor, _), weights = self._solved
        across = _alike(asked, self.measured, self.gpus)
        middle = np.log(self.physics.predict(asked)[list(OUTCOMES)].to_numpy()) + across @ weights
        seen = solve_triangular(factor, across.T, lower=True)
        alone = sum(
            sum(each.values())
            for each in (_OFFSETS, _OVER_BATCH, _OVER_BATCH_FAST, _OVER_LIMIT, _OVER_BOTH)
        )
        spread = np.sqrt(np.maximum(alone + _NOISE**2 - (seen**2).sum(axis=0), _NOISE**2))
        return middle, spread[:, None]

    def expected(self, asked: pd.DataFrame) -> pd.DataFrame:
        """Return `OUTCOMES` without intervals [s, W, J]."""
        return pd.DataFrame(np.exp(self._normal(asked)[0]), asked.index, list(OUTCOMES))

    @cached_property
    def _left(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Standard deviations of settings left out, rising, shape (m,), and errors over them, (m, 3).

        In closed form ([2]_, section 5.4.2), physics kept as it is.
        """
        from scipy.linalg import cho_solve

        factor, weights = self._solved
        inverse = cho_solve(factor, np.eye(len(weights)))
        spreads, scores = [], []
        for apart, inside in _LEFT_OUT:
            number = self.measured.groupby(apart).ngroup().to_numpy()
            among = self.measured.groupby(inside).ngroup().to_numpy() if inside else 0 * number
            for one in np.unique(number):
                own = np.flatnonzero(number == one)
                if (among == among[own[0]]).sum() == own.size:
                    continue  # more than this would be new
                covariance = np.linalg.inv(inverse[np.ix_(own, own)])
                spread = np.sqrt(np.diag(covariance))
                spreads.append(spread)
                scores.append(np.abs(covariance @ weights[own]) / spread[:, None])
        order = np.argsort(np.concatenate(spreads), kind="stable")
        return np.concatenate(spreads)[order], np.concatenate(scores)[order]

    def _reach(self, spread: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how far intervals reach to either side, as logarithms, shape (n, 3)."""
        spreads, scores = self._left
        many = min(_NEIGHBOURS, len(spreads))
        place = int(np.ceil((many + 1) * self.covered)) - 1
        if place >= many:
            return np.full((len(spread), len(OUTCOMES)), np.inf)
        first = np.searchsorted(spreads, spread) - many // 2
        rows = np.clip(first, 0, len(spreads) - many)[:, None] + np.arange(many)
        return np.partition(scores[rows], place, axis=1)[:, place] * spread[:, None]

    def predict(self, asked: pd.DataFrame) -> pd.DataFrame:
        """Return what is expected of an epoch in each setting.

        Parameters
        ----------
        asked : DataFrame
            ``gpu, task, batch_size, cap_w``.

        Returns
        -------
        DataFrame
            `OUTCOMES`, each with ``_low`` and ``_high``; ``new``, of `KNOWN`; ``doubt``: why the
            interval is not to be trusted, empty if it is. All NaN for a task never measured.

        Raises
        ------
        ValueError
            If a column is missing, a GPU has no data sheet, or a value is not > 0.
        """
        _check(asked)
        new, told = known_by(asked, self.measured), {}
        middle, spread = self._normal(asked)
        middle[new == "task"] = np.nan
        reach = self._reach(spread[:, 0])
        for i, outcome in enumerate(OUTCOMES):
            told[outcome] = np.exp(middle[:, i])
            for end, side in (("low", -1), ("high", 1)):
                told[f"{outcome}_{end}"] = np.exp(middle[:, i] + side * reach[:, i])
        return pd.DataFrame(told, asked.index).assign(new=new, doubt=self._doubts(asked, new))

    def _doubts(self, asked: pd.DataFrame, new: NDArray[np.str_]) -> list[str]:
        """Return why each prediction is not to be trusted, or nothing."""
        ranges = {
            task: (own["batch_size"].min(), own["batch_size"].max())
            for task, own in self.measured.groupby("task")
        }
        lowest = (self.measured["cap_w"] / data_sheets(self.measured, self.gpus)[:, 2]).min()
        share = asked["cap_w"].to_numpy() / data_sheets(asked, self.gpus)[:, 2]
        said = []
        rows = zip(asked["gpu"], asked["task"], asked["batch_size"], new, share, strict=True)
        for gpu, task, batch, what, part in rows:
            if what == "task":
                said.append(f"{task!r} was never measured: measure some of its settings")
            elif what == "gpu":
                said.append(f"{gpu!r} was never measured: measure a fifth of its settings")
            elif not ranges[task][0] <= batch <= ranges[task][1]:
                low, high = ranges[task]
                said.append(f"batch size {batch:g} is outside those measured, {low:g} to {high:g}")
            elif not lowest * (1 - 1e-9) <= part <= 1 + 1e-9:
                said.append(f"limit at {part:.0%} of the highest: measured {lowest:.0%} to 100%")
            else:
                said.append("")
        return said


def _check(asked: pd.DataFrame) -> None:
    missing = [name for name in _PLACE if name not in asked]
    if missing:
        raise ValueError(f"column {missing[0]!r} is missing: settings have {', '.join(_PLACE)}.")
    for name in ("batch_size", "cap_w"):
        values = asked[name].to_numpy(np.float64)
        if not (np.isfinite(values) & (values > 0)).all():
            raise ValueError(f"{name} must be finite and > 0.")
