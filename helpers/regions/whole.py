r"""Whole jobs at one of several sites: a plan, and a certified bound on any plan.

**Problem.** Each job runs without a pause at one site, begins on the border of a slot between its
release and its last start, and draws its power while it runs. At no time do the jobs at a site draw
more than its capacity. A job that runs away from home moves its data first: that takes energy, half
at the origin's and half at the target's intensity, and time, in which the job cannot begin.

**Bound.** With prices on capacity, each job chooses its site and start alone, and what they choose
at emissions plus price, less what the capacities are worth, is below every plan, as in
`helpers.bound.certificate`. For this problem the best prices give the bound of its linear program.
They are found by L-BFGS-B on the smoothed minima, the temperature falling; every evaluation gives a
bound, the best counts, and what rounding may add is taken off.

**Plan.** Jobs are placed one by one where emissions plus price are least and there is room, then
taken out and placed anew at plain emissions while that helps; of several orders the best is kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.extras import compiled
from helpers.regions.sites import Slots
from helpers.work.workload import Workload

__all__ = ["JobPlacement", "SiteJobs", "place_jobs"]

_UNIT = 2.0**-53
_TEMPERATURES = (1e-2, 2e-3, 4e-4)  # as shares of the mean emissions of a job
_PASSES = 30


@dataclass(frozen=True, eq=False)
class SiteJobs:
    """Jobs that may run at one of several sites.

    Parameters
    ----------
    home : array_like of int, shape (n,)
        Number of the site at which each job is submitted.
    release, last_start : array_like of int, shape (n,)
        First and last slot in which each may begin.
    length_s : array_like of float, shape (n,)
        Run time of each [s], > 0. A last slot that is used in part is held whole.
    power_kw : array_like of float, shape (n,)
        Power of computing of each while it runs [kW], > 0.
    transfer_kwh : array_like of float
        Energy of moving each to another site [kWh].
    transfer_s : array_like of float
        Time of that [s].

    Raises
    ------
    ValueError
        If shapes do not fit or a value is out of range.
    """

    home: NDArray[np.int64]
    release: NDArray[np.int64]
    last_start: NDArray[np.int64]
    length_s: NDArray[np.float64]
    power_kw: NDArray[np.float64]
    transfer_kwh: NDArray[np.float64] = field(default_factory=lambda: np.zeros(()))
    transfer_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(()))

    def __post_init__(self) -> None:
        n = np.size(self.home)
        for name in ("home", "release", "last_start"):
            values = np.asarray(getattr(self, name))
            if values.dtype.kind not in "iu":
                raise ValueError(f"{name} has type {values.dtype}: it must hold whole numbers.")
            object.__setattr__(self, name, np.broadcast_to(values.astype(np.int64), (n,)))
        for name, least in (
            ("length_s", "> 0"),
            ("power_kw", "> 0"),
            ("transfer_kwh", ">= 0"),
            ("transfer_s", ">= 0"),
        ):
            values = np.broadcast_to(np.asarray(getattr(self, name), dtype=np.float64), (n,))
            good = np.isfinite(values) & (values > 0 if least == "> 0" else values >= 0)
            if not good.all():
                row = int(np.argmin(good))
                raise ValueError(f"{name}[{row}] = {values[row]} must be finite and {least}.")
            object.__setattr__(self, name, values)
        bad = (self.release < 0) | (self.last_start < self.release)
        if not n or bad.any():
            row = int(np.argmax(bad)) if n else 0
            raise ValueError(
                f"job {row} may begin from slot {self.release[row]} to {self.last_start[row]}: "
                "the first must be >= 0 and not above the last."
                if n
                else "there are no jobs: give one at least."
            )

    def __len__(self) -> int:
        return self.home.size

    @property
    def work_kwh(self) -> NDArray[np.float64]:
        """Work of each job [kWh], shape (n,)."""
        return self.power_kw * self.length_s / 3600.0

    @classmethod
    def from_workloads(
        cls,
        slots: Slots,
        workloads: Sequence[Workload],
        *,
        transfer_kwh: float = 0.0,
        transfer_s: float = 0.0,
    ) -> Self:
        """Make jobs of one workload a site, whose jobs have a constant power.

        A job may begin on the first border of a slot at or after its submission, and last on the
        last one within its longest wait.

        Raises
        ------
        ValueError
            If there is not one workload a site, a job has phases, may wait for ever, or its wait
            holds no border of a slot.
        """
        if len(workloads) != len(slots.sites):
            raise ValueError(
                f"{len(workloads)} workloads for {len(slots.sites)} sites: give one each."
            )
        parts: dict[str, list[NDArray]] = {}
        for number, work in enumerate(workloads):
            jobs, start_s = work.jobs, slots.edges_s[0]
            submit_s = work.origin_s() + jobs["submit_s"].to_numpy() - start_s
            wait_s = jobs["longest_wait_s"].to_numpy()
            power_w = work.work_power_w
            first = np.ceil(submit_s / slots.step_s - 1e-9)
            last = np.floor((submit_s + wait_s) / slots.step_s + 1e-9)
            for bad, why in (
                (jobs["model"].to_numpy() >= 0, "has phases: give it a constant power"),
                (~np.isfinite(wait_s), "may wait for ever: give it a longest_wait_s"),
                (submit_s < 0, "is submitted before the first slot: begin earlier"),
                (
                    last < first,
                    "may begin at no border of a slot: wait longer, or cut shorter slots",
                ),
            ):
                if bad.any():
                    raise ValueError(f"job {work.label(int(np.argmax(bad)))} {why}.")
            columns = {
                "home": np.full(len(jobs), number),
                "release": first.astype(np.int64),
                "last_start": last.astype(np.int64),
                "length_s": jobs["run_s"].to_numpy(),
                "power_kw": power_w / 1000.0,
            }
            for name, values in columns.items():
                parts.setdefault(name, []).append(values)
        whole = {name: np.concatenate(values) for name, values in parts.items()}
        return cls(**whole, transfer_kwh=np.array(transfer_kwh), transfer_s=np.array(transfer_s))


@dataclass(frozen=True, eq=False)
class JobPlacement:
    """Whole jobs, placed.

    Parameters
    ----------
    slots : Slots
        The sites and the time.
    jobs : SiteJobs
        The jobs.
    site, start : ndarray of int, shape (n,)
        Where each runs, and in which slot it begins.
    emissions_of_g : ndarray of float, shape (n,)
        What each emits, its transfer included [g CO2e].
    lower_g : float
        No plan with the same jobs, slots and capacities emits less [g CO2e].
    at_home_g : float
        Emissions of all jobs at home, at once, capacity or not [g CO2e].
    """

    slots: Slots = field(repr=False)
    jobs: SiteJobs = field(repr=False)
    site: NDArray[np.int64] = field(repr=False)
    start: NDArray[np.int64] = field(repr=False)
    emissions_of_g: NDArray[np.float64] = field(repr=False)
    lower_g: float
    at_home_g: float

    @property
    def emissions_g(self) -> float:
        """Emissions of all jobs together [g CO2e]."""
        return math.fsum(self.emissions_of_g)

    @property
    def saving(self) -> float:
        """Share of the emissions at home, at once, that is saved."""
        return 1.0 - self.emissions_g / self.at_home_g

    @property
    def gap(self) -> float:
        """Share of the emissions by which a better plan could be below it, at most."""
        return max(0.0, self.emissions_g - self.lower_g) / abs(self.emissions_g)

    @property
    def moved(self) -> float:
        """Share of the work that is not done at home."""
        away = self.site != self.jobs.home
        return float(self.jobs.work_kwh[away].sum() / self.jobs.work_kwh.sum())

    def by_site(self) -> pd.DataFrame:
        """Return one row a site: work released and done there [kWh], and its share of all work."""
        count, work = len(self.slots.sites), self.jobs.work_kwh
        done = np.bincount(self.site, work, minlength=count)
        return pd.DataFrame(
            {
                "released_kwh": np.bincount(self.jobs.home, work, minlength=count),
                "done_kwh": done,
                "share": done / done.sum(),
            },
            index=pd.Index(self.slots.names, name="site"),
        )

    def used_kw(self) -> NDArray[np.float64]:
        """Return the power held at each site in each slot [kW], shape (sites, slots)."""
        used = np.zeros((len(self.slots.sites), self.slots.count))
        whole, part = _held(self.jobs, self.slots)
        stop = self.start + whole + (part > 0)
        for job in range(len(self.jobs)):
            used[self.site[job], self.start[job] : stop[job]] += self.jobs.power_kw[job]
        return used


def place_jobs(
    slots: Slots,
    jobs: SiteJobs,
    *,
    allowed: ArrayLike | None = None,
    evaluations: int = 30,
    seed: int = 0,
) -> JobPlacement:
    """Place whole jobs with little emissions, and bound what any plan could save more.

    Parameters
    ----------
    slots : Slots
        The sites; their slots must hold every job at its last start.
    jobs : SiteJobs
        The jobs.
    allowed : array_like of bool, shape (sites, sites), optional
        Which home's jobs (row) may run where (column); by default anywhere.
    evaluations : int
        Most evaluations of the bound at each of three temperatures, >= 1.
    seed : int
        Of one of the orders in which jobs are tried.

    Returns
    -------
    JobPlacement
        With its certified gap.

    Raises
    ------
    ValueError
        If a job has no place in the slots, or no plan was found: one may still exist.
    """
    case = _Case(slots, jobs, slots.where(allowed))
    price, lower_g = case.climb(evaluations)
    site, start = case.plan(price, seed)
    emissions_g = case.emissions_g(site, start)
    home_g = case.work_g(jobs.home, jobs.release).sum()
    return JobPlacement(slots, jobs, site, start, emissions_g, lower_g, float(home_g))


def _held(jobs: SiteJobs, slots: Slots) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return how many slots each job fills, and which part of one more."""
    length = jobs.length_s / slots.step_s
    near = np.rint(length)
    length = np.where(np.abs(length - near) < 1e-9, near, length)
    whole = np.floor(length)
    return whole.astype(np.int64), length - whole


def _unit(power_kw: NDArray[np.float64]) -> float:
    """Return the largest power of which all are multiples [kW], 0 if there is none to speak of."""
    unit = 0.0
    for power in np.unique(power_kw):
        while power > 1e-9 * power_kw.max():  # Euclid's algorithm
            unit, power = power, math.remainder(unit, power) if unit else 0.0
            power = abs(power)
    return unit if unit > 1e-4 * power_kw.max() else 0.0


class _Sizes(NamedTuple):
    """What compiled loops read of jobs: first slot, slots held, power [kW]."""

    release: NDArray[np.int64]
    held: NDArray[np.int64]
    power: NDArray[np.float64]


class _Case:
    """What the bound and the plan share: jobs as arrays, and weights of the slots."""

    def __init__(self, slots: Slots, jobs: SiteJobs, may: NDArray[np.bool_]) -> None:
        self.slots, self.jobs, self.may = slots, jobs, may
        if jobs.home.max() >= len(slots.sites) or jobs.home.min() < 0:
            raise ValueError(f"home must be the number of one of {len(slots.sites)} sites.")
        self.whole, self.part = _held(jobs, slots)
        self.held = self.whole + (self.part > 0)
        late = jobs.last_start + self.held > slots.count
        if late.any():
            row = int(np.argmax(late))
            raise ValueError(
                f"job {row} may end in slot {jobs.last_start[row] + self.held[row]}, and there are "
                f"{slots.count}: give more slots, or an earlier last start."
            )
        # Of jobs whose powers are multiples of a unit, what a capacity holds beyond is of no use.
        unit = _unit(jobs.power_kw)
        self.limit = np.array([site.capacity_kw for site in slots.sites])
        if unit:
            self.limit = np.floor(self.limit / unit * (1 + 1e-12)) * unit
        large = jobs.power_kw > np.where(may, self.limit, -np.inf).max(axis=1)[jobs.home]
        if large.any():
            row = int(np.argmax(large))
            raise ValueError(
                f"job {row} draws {jobs.power_kw[row]:g} kW, more than the capacity of any site it "
                f"may run at ({int(large.sum())} such jobs): leave it out, or give more capacity."
            )
        self.intensity = slots.intensity()
        drawn = slots.pue()[:, None] * self.intensity * (slots.step_s / 3600.0)
        self.drawn = drawn  # g of 1 kW over each slot
        self.paid = np.pad(np.cumsum(drawn, axis=1), ((0, 0), (1, 0)))
        self.scale_g = float(self.work_g(jobs.home, jobs.release).mean())
        self.sizes = _Sizes(jobs.release, self.held, jobs.power_kw)
        self.cost = self._costs()

    def _costs(self) -> NDArray[np.float64]:
        """Return what each job emits at each site from each slot after its release on [g CO2e].

        Shape (jobs, sites, starts); inf where it may not run.
        """
        jobs, sites = self.jobs, np.arange(len(self.slots.sites))
        away = jobs.home[:, None] != sites
        wait = away * np.ceil(jobs.transfer_s / self.slots.step_s - 1e-9)[:, None]
        latest = np.where(self.may[jobs.home], jobs.last_start[:, None] - jobs.release[:, None], -1)
        cost = np.full((len(jobs), sites.size, int(latest.max()) + 1), np.inf)
        for k in range(cost.shape[2]):
            job, site = np.nonzero((wait <= k) & (k <= latest))
            cost[job, site, k] = self.emissions_g(site, jobs.release[job] + k, job)
        if not np.isfinite(cost).any(axis=(1, 2)).all():
            row = int(np.argmin(np.isfinite(cost).any(axis=(1, 2))))
            raise ValueError(
                f"job {row} may run nowhere: it may not stay at home, and moving it takes longer "
                "than it may wait; allow its home, or a later last start."
            )
        return cost

    def work_g(self, site: NDArray, start: NDArray, job: Any = slice(None)) -> NDArray[np.float64]:
        """Return what the computing of jobs emits at a site from a slot on [g CO2e]."""
        stop = start + self.whole[job]
        grams = self.paid[site, stop] - self.paid[site, start]
        tail = np.minimum(stop, self.slots.count - 1)  # where no part is left, nothing is added
        return self.jobs.power_kw[job] * (grams + self.part[job] * self.drawn[site, tail])

    def emissions_g(
        self, site: NDArray, start: NDArray, job: Any = slice(None)
    ) -> NDArray[np.float64]:
        """Return what jobs emit, their transfers included [g CO2e]."""
        home, intensity = self.jobs.home[job], self.intensity
        mean = 0.5 * (intensity[home, start] + intensity[site, start])
        path = np.where(site == home, 0.0, mean * self.jobs.transfer_kwh[job])
        return self.work_g(site, start, job) + path

    def climb(self, evaluations: int) -> tuple[NDArray[np.float64], float]:
        """Return prices [g CO2e per kW and slot] and the best bound found [g CO2e]."""
        from scipy.optimize import minimize

        shape = self.intensity.shape
        finite = np.isfinite(self.limit)
        best: dict[str, Any] = {"lower": -math.inf, "price": np.zeros(shape)}

        def negated(price: NDArray, warmth: float) -> tuple[float, NDArray]:
            table = np.zeros(shape)
            table[finite] = price.reshape(-1, shape[1]) * self.scale
            smooth, slope, lower = self.evaluated(table, warmth)
            if lower > best["lower"]:
                best.update(lower=lower, price=table)
            return -smooth / self.scale_g, -slope[finite].ravel() * self.scale / self.scale_g

        self.scale = self.scale_g / float((self.jobs.power_kw * self.held).mean())
        price = np.zeros(int(finite.sum()) * shape[1])
        best.update(lower=self.evaluated(best["price"], 0.0)[2])
        if not price.size:
            return best["price"], best["lower"]
        for warmth in _TEMPERATURES:
            found = minimize(
                negated,
                price,
                args=(warmth * self.scale_g,),
                jac=True,
                method="L-BFGS-B",
                bounds=[(0.0, None)] * price.size,
                options={"maxfun": evaluations, "maxcor": 20},
            )
            price = found.x
        return best["price"], best["lower"]

    def evaluated(self, price: NDArray, warmth: float) -> tuple[float, NDArray, float]:
        """Return the smoothed bound, its slope, and the bound itself, rounding taken off."""
        dear = np.pad(np.cumsum(price, axis=1), ((0, 0), (1, 0)))
        # Temperatures go with the size of a job, as costs do.
        warm = warmth * self.jobs.power_kw * self.held / (self.jobs.power_kw * self.held).mean()
        smooth, slope, least, size = compiled(_choices)(self.cost, self.sizes, dear, warm)
        finite = np.isfinite(self.limit)
        worth = float((price[finite] * self.limit[finite, None]).sum())
        slope[finite] -= self.limit[finite, None]
        terms = 4 * (price.size + len(self.jobs))
        drawn_kw = self.jobs.power_kw.sum()  # costs are differences of sums over all slots
        sums = drawn_kw * (self.paid[:, -1].max() + dear[:, -1].max())
        rounding = terms * _UNIT * (size + worth + sums)
        return smooth - worth, slope, least - worth - rounding

    def plan(self, price: NDArray, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return site and start of each job in a plan that keeps to the capacities."""
        dear = np.pad(np.cumsum(price, axis=1), ((0, 0), (1, 0)))
        random, size = np.random.default_rng(seed), self.jobs.power_kw * self.held
        jitter = random.uniform(0.7, 1.3, size.size)
        orders = [
            np.argsort(-size, kind="stable"),
            np.argsort(-size * jitter, kind="stable"),
            np.lexsort((-size, self.jobs.last_start)),
            np.lexsort((-size, self.jobs.last_start - self.jobs.release)),
        ]
        best: tuple[NDArray, ...] | None = None
        lost = n = len(self.jobs)
        for order in orders:
            free = np.repeat(self.limit[:, None], self.slots.count, axis=1)
            plan = compiled(_placed)(self.cost, self.sizes, dear, order, free, _PASSES)
            missing = int((plan[0] < 0).sum())
            lost = min(lost, missing)
            if missing == 0 and (best is None or plan[2].sum() < best[2].sum()):
                best = plan
        if best is None:
            raise ValueError(
                f"no plan was found: of {n} jobs {lost} or more found no place in {len(orders)} "
                "orders. One may still exist: give more capacity, or later last starts."
            )
        return best[0], best[1]


def _choices(  # compiled
    cost: NDArray, sizes: _Sizes, dear: NDArray, warm: NDArray
) -> tuple[float, NDArray, float, float]:
    """Every job at its best, priced: smoothed sum, power held, plain sum, size of what is added."""
    jobs, sites, starts = cost.shape
    count = dear.shape[1] - 1
    change = np.zeros((sites, count + 1))
    smooth, least, size = 0.0, 0.0, 0.0
    priced = np.empty((sites, starts))
    for job in range(jobs):
        first, held, power, low = sizes.release[job], sizes.held[job], sizes.power[job], np.inf
        for r in range(sites):
            for k in range(starts):
                if cost[job, r, k] < np.inf:
                    s = first + k
                    priced[r, k] = cost[job, r, k] + power * (dear[r, s + held] - dear[r, s])
                    low = min(low, priced[r, k])
        least += low
        size += abs(low)
        if warm[job] <= 0:
            smooth += low
            continue
        total = 0.0
        for r in range(sites):
            for k in range(starts):
                away = np.inf
                if cost[job, r, k] < np.inf:
                    away = (priced[r, k] - low) / warm[job]
                priced[r, k] = np.exp(-away) if away < 30.0 else 0.0
                total += priced[r, k]
        smooth += low - warm[job] * np.log(total)
        for r in range(sites):
            for k in range(starts):
                if priced[r, k] > 0:
                    share = priced[r, k] / total * power
                    change[r, first + k] += share
                    change[r, first + k + held] -= share
    used = np.zeros((sites, count))
    for r in range(sites):
        used[r] = np.cumsum(change[r, :count])
    return smooth, used, least, size


def _placed(  # compiled
    cost: NDArray, sizes: _Sizes, dear: NDArray, order: NDArray, free: NDArray, passes: int
) -> tuple[NDArray, NDArray, NDArray]:
    """Place jobs in an order, priced; then each anew at plain emissions while that helps.

    Returns site and slot of each, -1 where there is none, and what each emits.
    """
    jobs, sites, starts = cost.shape
    site, start, now = np.full(jobs, -1), np.full(jobs, -1), np.full(jobs, np.inf)
    for again in range(passes + 1):
        moved = False
        for job in order:
            first, held, power = sizes.release[job], sizes.held[job], sizes.power[job]
            r0, s0 = site[job], start[job]
            if r0 >= 0:
                free[r0, s0 : s0 + held] += power
            low = now[job] - 1e-12 * abs(now[job]) if r0 >= 0 else np.inf
            for r in range(sites):
                for k in range(starts):
                    s, grams = first + k, cost[job, r, k]
                    if again == 0 and grams < np.inf:
                        grams += power * (dear[r, s + held] - dear[r, s])
                    if grams >= low:
                        continue
                    if free[r, s : s + held].min() >= power * (1 - 1e-12):
                        low, site[job], start[job], moved = grams, r, s, True
            if site[job] >= 0:
                r, s = site[job], start[job]
                free[r, s : s + held] -= power
                now[job] = cost[job, r, s - first]
        if again > 0 and not moved:
            break
    return site, start, now
