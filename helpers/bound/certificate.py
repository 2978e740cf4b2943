r"""How far from the best: a certified lower bound for jobs that share a finite cluster.

**Problem.** Job j may run between its release and its deadline, takes n_j nodes while it runs,
and is either not interrupted or suspended and resumed by the rules of its `Suspension`. At no
instant may more than C(t) nodes be taken. Wanted are schedules with the least emissions
together. The problem is NP-hard, so nobody knows the best plan for a month of a real cluster.
What can be known is a number that no plan gets below.

**Bound.** Give a node-second at time t a price lambda(t) >= 0 and let every job choose its
schedule alone, at emissions plus price of the nodes it takes:

    q(lambda) = sum over j of min over schedules x of [ f_j(x) + n_j integral of lambda over x ]
                - integral of C lambda

In any plan that keeps to the capacity the prices paid are at most the integral of C lambda, so
q(lambda) is a lower bound on the emissions of *every* plan, whatever the prices [1]_. The single
minima are exact, in continuous time: of jobs that are not interrupted because emissions plus
price are piecewise linear in the start, with corners where a phase border meets a step (see
`helpers.schedule.start`); of jobs that are suspended by the dynamic program
(`helpers.schedule.suspend`). What rounding of floating-point numbers may add is bounded and
taken off, so that the reported number is a bound at every iterate, however early one stops.

**Prices.** q is concave but has corners. Every minimum is smoothed to
-T log sum exp(-cost / T) over the finitely many starts that can be best, with temperature T in
proportion to the node-seconds of the job, and the smooth function is climbed by L-BFGS-B while T
falls [2]_. Of jobs that are suspended, the schedules met so far stand in for all (columns);
the dynamic program adds new ones, and a trust region holds the prices where the columns are
known to be good. Each evaluation also gives the bound itself, without smoothing.

**Plan.** `helpers.bound.repair` builds plans that keep to the capacity, each job at its
best start in what is free. The gap between the plan and the bound is certified: the plan is at
most so far from the best one.

**Idle power.** What all nodes draw however they are used is the same for every plan and is left
out. It belongs in the denominator when savings are stated in percent. Where nodes are switched
off when idle, pass `on_power_w`: the power of a node that is on. The bound then holds for every
policy of switching, since no fewer nodes are on than are taken.

References
----------
.. [1] A. M. Geoffrion, "Lagrangean relaxation for integer programming", Mathematical
   Programming Study 2, 1974.
.. [2] Y. Nesterov, "Smooth minimization of non-smooth functions", Mathematical Programming 103,
   2005.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.bound.problem import CapacityJob, Instance, instant, jobs_of_workload
from helpers.bound.repair import repaired
from helpers.carbon.signal import Intensity
from helpers.extras import compiled
from helpers.phases.model import Phase, flatten
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule, charge, check
from helpers.timeline import StepFunction
from helpers.work.workload import Workload

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["Bound", "check_capacity", "least_emissions"]

_UNIT = 2.0**-53  # relative error of one rounding
_COLDEST, _HOTTEST = 3e-4, 3e-2  # temperatures, as shares of the mean emissions of a node-second
_COOLINGS = 5
_ROUND = 5  # a round of new columns counts as so many iterations
_SETTLED = 1e-7  # share of the bound that new columns must be able to add
_ASCENT = 40  # most evaluations between two rounds of new columns


@dataclass(frozen=True, eq=False)
class Bound:
    """What is known about the least emissions of jobs on a finite cluster.

    Parameters
    ----------
    lower_g : float
        No plan that keeps to the capacity emits less [g CO2e]; rounding is taken off.
    upper_g : float
        Emissions of `schedules` [g CO2e]; inf where no plan was found.
    endless_g : float
        Emissions of all jobs on endless capacity, each at its best [g CO2e].
    prices : StepFunction
        Worth of a node-second that proves the bound [g CO2e per node-second].
    schedules : tuple of Schedule or None
        A plan that keeps to the capacity, in the order of the jobs; None where none was found.
    why : str
        Why there is no plan; empty where there is one.
    history : ndarray of float
        Best bound after each evaluation [g CO2e]; never falls.
    rounding_g : float
        What was taken off the bound for rounding [g CO2e].
    grid_s : float or None
        None: the bound holds for all schedules in continuous time. Otherwise only for those
        in which jobs that are suspended start and stop on multiples of this [s].
    """

    lower_g: float
    upper_g: float
    endless_g: float
    prices: StepFunction
    schedules: tuple[Schedule, ...] | None = field(repr=False)
    why: str
    history: NDArray[np.float64] = field(repr=False)
    rounding_g: float
    grid_s: float | None = None

    @property
    def gap(self) -> float:
        """Share of the plan's emissions by which a better plan could be below it, at most.

        inf where there is no plan.
        """
        open_g = max(0.0, self.upper_g - self.lower_g)
        if self.schedules is None or self.upper_g == 0:
            return math.inf if open_g > 0 else 0.0
        return open_g / abs(self.upper_g)


def least_emissions(
    jobs: Workload | Sequence[CapacityJob],
    capacity: float | StepFunction,
    intensity: Intensity,
    *,
    iterations: int = 300,
    slot_s: float | None = None,
    on_power_w: float = 0.0,
    resolution_s: float | None = None,
    tries: int = 5000,
    seed: int = 0,
) -> Bound:
    """Bound the least emissions of jobs on a finite cluster, from both sides.

    Parameters
    ----------
    jobs : Workload or sequence of CapacityJob
        At least one. Of a workload none is interrupted; see `jobs_of_workload`.
    capacity : float or StepFunction
        Nodes (or cores, as jobs count them) there are, >= 0, rounded down to whole ones.
    intensity : Intensity
        Carbon intensity over all windows.
    iterations : int
        Most evaluations of the bound, >= 1; where jobs may be suspended, a round of new columns
        counts as five.
    slot_s : float, optional
        Longest step of the prices [s]; by default they change where intensity or capacity do.
        Shorter steps see peaks within a step and can prove more.
    on_power_w : float
        Power that a node draws only while it is on, apart from the job [W]; nodes that no job
        takes are off (see the module's notes on idle power).
    resolution_s : float, optional
        Grid of the jobs that are suspended, as in `best_schedule`. With one that is not exact
        the bound holds for schedules on this grid only, see `Bound.grid_s`.
    tries : int
        Rounds of local search for the plan, >= 0: about 0.2 ms each, but a millisecond and more
        where jobs may be suspended.
    seed : int
        Of the local search.

    Returns
    -------
    Bound
        The certified bound, a plan and their gap.

    Raises
    ------
    ValueError
        If an argument is out of range, a job does not fit into its window or the cluster, or
        no plan can exist: nodes that must be taken, or node-seconds, exceed the capacity, or
        the bound exceeds the emissions of the worst plan.
    """
    # Nine parameters: three say what is asked, the others, by name alone, how long to search.
    if isinstance(jobs, Workload):
        jobs = jobs_of_workload(jobs)
    _check_arguments(jobs, iterations, tries, on_power_w)
    raised = [_with_node_power(job, on_power_w) for job in jobs] if on_power_w else list(jobs)
    instance = Instance.of(raised, capacity, intensity, slot_s, resolution_s)
    dual = _Dual(instance)
    dual.climb(iterations)
    runs, why = repaired(instance, dual.best_price, tries=tries, seed=seed)
    schedules, upper_g = None, math.inf
    if runs is not None:
        schedules, upper_g = _schedules(instance, runs, intensity)
    return Bound(
        lower_g=dual.best_g,
        upper_g=upper_g,
        endless_g=dual.endless_g,
        prices=StepFunction(instance.edges_s + instance.origin_s, dual.best_price),
        schedules=schedules,
        why=why,
        history=np.array(dual.history),
        rounding_g=dual.best_rounding_g,
        grid_s=None if all(e.problem.exact for e in instance.elastic) else resolution_s,
    )


def _check_arguments(
    jobs: Sequence[CapacityJob], iterations: int, tries: int, on_power_w: float
) -> None:
    if not jobs:
        raise ValueError("jobs is empty: give at least one CapacityJob.")
    for name, value, least in (("iterations", iterations, 1), ("tries", tries, 0)):
        if value < least:
            raise ValueError(f"{name}(={value}) must be >= {least}.")
    if not (np.isfinite(on_power_w) and on_power_w >= 0):
        raise ValueError(f"on_power_w(={on_power_w}) must be finite and >= 0 W.")


def check_capacity(
    jobs: Sequence[CapacityJob], schedules: Sequence[Schedule], capacity: float | StepFunction
) -> None:
    """Check that a plan keeps to the capacity at every instant.

    Parameters
    ----------
    jobs : sequence of CapacityJob
        The jobs.
    schedules : sequence of Schedule
        The schedule of each.
    capacity : float or StepFunction
        Nodes there are.

    Raises
    ------
    ValueError
        Naming the first instant at which too many nodes are taken. Times are compared with
        the tolerance of `helpers.schedule.check`.
    """
    half_s = TIME_TOLERANCE_S / 2
    nodes = np.repeat([job.nodes for job in jobs], [s.start_s.size for s in schedules])
    start_s = np.concatenate([s.start_s for s in schedules]) + half_s
    stop_s = np.maximum(np.concatenate([s.stop_s for s in schedules]) - half_s, start_s)
    steps = capacity if isinstance(capacity, StepFunction) else None
    change_s = np.empty(0) if steps is None else steps.edges_s[1:-1]
    times_s = np.unique(np.concatenate([start_s, change_s]))
    order = np.argsort(start_s), np.argsort(stop_s)
    begun, ended = (
        np.concatenate([[0], np.cumsum(nodes[o])])[np.searchsorted(t[o], times_s, side="right")]
        for o, t in zip(order, (start_s, stop_s), strict=True)
    )
    taken = begun - ended
    if steps is None:
        limit = np.full(times_s.shape, capacity)
    else:  # nothing is known to be there before and after
        limit = np.asarray(replace(steps, outside=0.0).at(times_s))
    over = np.flatnonzero(taken > limit)
    if over.size:
        i = int(over[0])
        raise ValueError(
            f"at {instant(times_s[i])} the plan takes {taken[i]} nodes of {limit[i]:g} "
            f"({over.size} such instants): start a job later, or give more nodes."
        )


def _schedules(
    instance: Instance, runs: list[NDArray], intensity: Intensity
) -> tuple[tuple[Schedule, ...], float]:
    """Check a repaired plan and charge it."""
    schedules, emissions_g = [], []
    for job, times_s in zip(instance.jobs, runs, strict=True):
        start_s = instance.origin_s + times_s[:, 0]
        if job.suspension is None:
            schedule = Schedule.from_work(job.model, start_s, job.model.work_profile.duration_s)
        else:
            stop_s = instance.origin_s + times_s[:, 1]
            schedule = Schedule.from_intervals(job.model, start_s, stop_s, job.suspension)
        window = {"release": job.release_s, "deadline": job.deadline_s}
        check(schedule, job.model, **window, suspension=job.suspension)
        emissions_g.append(charge(schedule, job.model, intensity, job.suspension).emissions_g)
        schedules.append(schedule)
    check_capacity(instance.jobs, schedules, instance.capacity)
    return tuple(schedules), math.fsum(emissions_g)


def _with_node_power(job: CapacityJob, power_w: float) -> CapacityJob:
    """Return the job with the power of its nodes added wherever it runs."""

    def raised(phases: Sequence) -> tuple[Phase, ...]:
        """Return phases with the power of the nodes on top."""
        extra_w = job.nodes * power_w
        return tuple(replace(p, power_w=p.power_w + extra_w) for p in flatten(phases))

    model = job.model
    model = replace(
        model, startup=raised(model.startup), work=raised(model.work), end=raised(model.end)
    )
    suspension = job.suspension
    if suspension is not None:
        suspension = replace(suspension, save=raised(suspension.save))
    return replace(job, model=model, suspension=suspension)


class _Choices(NamedTuple):
    """What the jobs that are not interrupted choose among: arrays of `Starts`, for the kernel."""

    starts: NDArray[np.float64]  # start_s
    emissions: NDArray[np.float64]
    first: NDArray[np.int64]
    length: NDArray[np.float64]
    nodes: NDArray[np.float64]
    first_job: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def _respond(edges: Any, paid: Any, of: Any, heat: Any) -> Any:
    """Let every job choose its start at given prices.

    Parameters
    ----------
    edges, paid
        Edges of the prices [s], and price of a node up to each [g].
    of : _Choices
        What they choose among.
    heat
        Temperature of a node-second [g]; 0 for no smoothing.

    Returns
    -------
    tuple
        Least cost of each job; sum of the smoothed minima; what that changes with the price up
        to each edge.
    """
    starts, emissions, first, length = of.starts, of.emissions, of.first, of.length
    nodes, first_job, low, high = of.nodes, of.first_job, of.low, of.high
    steps = edges.size - 1
    value = np.empty(low.size)
    smooth, gradient = 0.0, np.zeros(edges.size)
    largest = 0
    for g in range(nodes.size):
        largest = max(largest, first[g + 1] - first[g])
    cost, weight = np.empty(largest), np.zeros(largest)
    at, share = np.empty((2, largest), np.int64), np.empty((2, largest))
    for g in range(nodes.size):
        base, count = first[g], first[g + 1] - first[g]
        weight[:count] = 0.0
        for side in range(2):
            i = 0
            if count > 0:
                time = starts[base] + side * length[g]
                i = min(max(np.searchsorted(edges, time, side="right") - 1, 0), steps - 1)
            for k in range(count):
                time = min(starts[base + k] + side * length[g], edges[-1])
                while i + 1 < steps and edges[i + 1] <= time:
                    i += 1
                at[side, k] = i
                share[side, k] = (time - edges[i]) / (edges[i + 1] - edges[i])
        for k in range(count):
            i, j = at[0, k], at[1, k]
            begin = paid[i] + share[0, k] * (paid[i + 1] - paid[i])
            end = paid[j] + share[1, k] * (paid[j + 1] - paid[j])
            cost[k] = emissions[base + k] + nodes[g] * (end - begin)
        warmth = heat * nodes[g] * length[g]
        for j in range(first_job[g], first_job[g + 1]):
            best, where = np.inf, 0
            for k in range(low[j] - base, high[j] - base + 1):
                if cost[k] < best:
                    best, where = cost[k], k
            value[j] = best
            if warmth == 0.0:
                weight[where] += nodes[g]
                smooth += best
                continue
            # Beyond 35 temperatures a start weighs under exp(-35), below the rounding of the sum.
            total, worst = 0.0, best + 35.0 * warmth
            for k in range(low[j] - base, high[j] - base + 1):
                if cost[k] < worst:
                    total += np.exp((best - cost[k]) / warmth)
            smooth += best - warmth * np.log(total)
            for k in range(low[j] - base, high[j] - base + 1):
                if cost[k] < worst:
                    weight[k] += nodes[g] * np.exp((best - cost[k]) / warmth) / total
        for k in range(count):
            if weight[k] > 0.0:
                for side in range(2):
                    i, sign = at[side, k], 2 * side - 1
                    gradient[i] += sign * weight[k] * (1.0 - share[side, k])
                    gradient[i + 1] += sign * weight[k] * share[side, k]
    return value, smooth, gradient


class _Columns:
    """Schedules met so far of jobs that are suspended; each job has one or more."""

    def __init__(self, instance: Instance) -> None:
        self._edges_s, self._jobs = instance.edges_s, instance.elastic
        self._known: list[dict[bytes, tuple[float, NDArray]]] = [{} for _ in self._jobs]
        self._emissions_g = self._heat = np.empty(0)
        self._first = np.empty(0, dtype=np.int64)
        self._prices: csr_array | None = None

    def add(self, place: int, emissions_g: float, runs_s: NDArray) -> None:
        """Add a schedule: its emissions, start and stop of each run."""
        self._known[place][runs_s.tobytes()] = (emissions_g, runs_s)
        self._prices = None

    def smooth(self, paid: NDArray, heat: float) -> tuple[float, NDArray[np.float64]]:
        """Return the sum of smoothed minima, and what it changes with the price up to each edge."""
        if not self._jobs:
            return 0.0, np.zeros(self._edges_s.size)
        if self._prices is None:
            self._pack()
        assert self._prices is not None  # packed
        cost_g = self._emissions_g + self._prices @ paid
        least_g = np.minimum.reduceat(cost_g, self._first)
        counts = np.diff(np.append(self._first, cost_g.size))
        warmth = np.repeat(heat * self._heat, counts)
        weight = np.exp((np.repeat(least_g, counts) - cost_g) / warmth)
        total = np.add.reduceat(weight, self._first)
        weight /= np.repeat(total, counts)
        value = float((least_g - heat * self._heat * np.log(total)).sum())
        return value, self._prices.T @ weight

    def _pack(self) -> None:
        from scipy.sparse import csr_array

        columns = [column for known in self._known for column in known.values()]
        self._first = np.concatenate([[0], np.cumsum([len(k) for k in self._known])])[:-1]
        self._emissions_g = np.array([emissions_g for emissions_g, _ in columns])
        nodes = np.repeat([e.nodes for e in self._jobs], [len(k) for k in self._known])
        runs = [runs_s.shape[0] for _, runs_s in columns]
        times_s = np.concatenate([runs_s for _, runs_s in columns])
        held_s = np.add.reduceat(
            np.diff(times_s, axis=1)[:, 0], np.concatenate([[0], np.cumsum(runs)])[:-1]
        )
        self._heat = (nodes * held_s)[self._first]
        steps = self._edges_s.size - 1
        at = np.clip(np.searchsorted(self._edges_s, times_s, side="right") - 1, 0, steps - 1)
        share = (times_s - self._edges_s[at]) / np.diff(self._edges_s)[at]
        sign = np.repeat(nodes, runs)[:, None] * [-1.0, 1.0]
        row = np.repeat(np.arange(len(columns)), runs)[:, None] + np.zeros_like(at)
        self._prices = csr_array(
            (
                np.concatenate([(sign * (1 - share)).ravel(), (sign * share).ravel()]),
                (np.tile(row.ravel(), 2), np.concatenate([at.ravel(), at.ravel() + 1])),
            ),
            shape=(len(columns), steps + 1),
        )


class _Dual:
    """The bound as a function of the prices, and the climb to its top."""

    def __init__(self, instance: Instance) -> None:
        self._instance, self._columns = instance, _Columns(instance)
        table, group = instance.table, instance.table.group
        self._available = instance.nodes * instance.length_s  # node-seconds
        worst_g = [
            table.emissions_g[a : b + 1].max() for a, b in zip(table.low, table.high, strict=True)
        ]
        self._worst_g = math.fsum(worst_g) + sum(e.worst_g for e in instance.elastic)
        self.history: list[float] = []
        self.best_g, self.best_rounding_g = -math.inf, 0.0
        self.best_price = np.zeros(self._available.size)
        self._respond = compiled(_respond)
        self._choices = _Choices(
            table.start_s,
            table.emissions_g,
            table.first,
            table.length_s,
            table.nodes,
            table.first_job,
            table.low,
            table.high,
        )
        self.endless_g = self.evaluate(self.best_price)
        held = float((table.nodes * table.length_s)[group].sum())
        held += sum(e.nodes * instance.jobs[e.number].model.duration_s for e in instance.elastic)
        self._scale = abs(self.endless_g) / held or instance.steepest_g or 1.0
        self._price, self._radius = self.best_price, 1.0

    def _table_response(self, price: NDArray, heat: float) -> tuple:
        paid = np.concatenate([[0.0], np.cumsum(price * self._instance.length_s)])
        return paid, *self._respond(self._instance.edges_s, paid, self._choices, heat)

    def evaluate(self, price: NDArray, value_g: NDArray | None = None) -> float:
        """Note the bound at some prices, and new columns; returns it before rounding [g CO2e].

        Costs of jobs that are not interrupted are `value_g` where they are known already.
        """
        instance = self._instance
        paid = np.concatenate([[0.0], np.cumsum(price * instance.length_s)])
        if value_g is None:
            value_g = self._table_response(price, 0.0)[1]
        costs, rounding = list(value_g), [self._rounding_g(price, paid)]
        edges_s = instance.edges_s + instance.origin_s
        for place, elastic in enumerate(instance.elastic):
            cost_g, schedule = elastic.problem.best(edges_s, elastic.nodes * paid)
            runs_s = np.stack([schedule.start_s, schedule.stop_s], axis=1) - instance.origin_s
            held_g = elastic.nodes * float(np.diff(np.interp(runs_s, instance.edges_s, paid)).sum())
            self._columns.add(place, cost_g - held_g, runs_s)
            paid_g = elastic.nodes * paid
            coarsened = elastic.problem.coarsened
            costs.append(elastic.problem.lower_g(edges_s, paid_g) if coarsened else cost_g)
            rounding.append(
                elastic.problem.rounding_g(
                    elastic.nodes * float(price.max()), elastic.nodes * float(paid[-1]), paid.size
                )
            )
        products = price * self._available
        total_g, rounding_g = math.fsum([*costs, *-products]), math.fsum(rounding)
        rounding_g += 4 * _UNIT * (math.fsum(map(abs, costs)) + 2 * math.fsum(products))
        bound_g = total_g - rounding_g
        if bound_g > self.best_g:
            self.best_g, self.best_price, self.best_rounding_g = bound_g, price.copy(), rounding_g
        self.history.append(self.best_g)
        if bound_g > self._worst_g + 1e-9 * abs(self._worst_g) and price.any():
            raise ValueError(
                f"no plan exists: it would emit at least {bound_g:g} g, but even the worst starts "
                f"emit only {self._worst_g:g} g: let jobs wait longer, or give more nodes."
            )
        return total_g

    def _rounding_g(self, price: NDArray, paid: NDArray) -> float:
        """Bound the rounding in the costs of all jobs that are not interrupted [g CO2e].

        With k steps, every cumulative emission or price is a sum of at most k products, exact
        to (k + 8) units of rounding of the sum of absolute values. A job takes two of them a
        phase, and two of the price. Starts and borders are exact to (m + 4) units of the whole
        time, and cost changes no faster with them than twice all powers at the highest rate.
        """
        instance, table = self._instance, self._instance.table
        if not table.numbers.size:
            return 0.0
        steps, time_s = price.size, instance.edges_s[-1]
        largest_g = instance.steepest_g * time_s  # emissions of 1 W in all the time, at most
        roundings = steps + 2 * table.phases + 16
        cost_g = 2 * roundings * (table.powers_w * largest_g + table.nodes * paid[-1])
        late_s = (table.phases + 8) * time_s
        moved_g = 2 * late_s * (table.powers_w * instance.steepest_g + table.nodes * price.max())
        return 2 * _UNIT * float(((cost_g + moved_g) * np.diff(table.first_job)).sum())

    def climb(self, iterations: int) -> None:
        """Raise the bound, at ever lower temperatures."""
        left = iterations
        for i, heat in enumerate(np.geomspace(_HOTTEST, _COLDEST, _COOLINGS)):
            share = max(1, left // (_COOLINGS - i))
            if left <= 0:
                return
            if self._instance.elastic:
                left -= self._columns_at(heat * self._scale, share)
            else:
                left -= self._smooth_at(heat * self._scale, share)

    def _smoothed(
        self, price: NDArray, heat: float
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return the smoothed bound, its slope, and the least cost of jobs of the table."""
        paid, value_g, smooth_g, gradient = self._table_response(price, heat)
        more_g, more = self._columns.smooth(paid, heat)
        later = np.cumsum((gradient + more)[::-1])[::-1][1:]
        slope = later * self._instance.length_s - self._available
        return smooth_g + more_g - float(price @ self._available), slope, value_g

    def _ascent(
        self, heat: float, price: NDArray, evaluations: int, radius: float | None = None
    ) -> tuple[NDArray[np.float64], float, int]:
        """Climb the smoothed bound; returns prices, its value there, and evaluations used."""
        from scipy.optimize import minimize

        instance, scale = self._instance, self._scale
        unit_g = abs(self.endless_g) or 1.0

        def falling(x: NDArray) -> tuple[float, NDArray[np.float64]]:
            """Return what is minimised, the bound upside down, and its slope."""
            total_g, slope, value_g = self._smoothed(x * scale, heat)
            if not instance.elastic:
                self.evaluate(x * scale, value_g)
            return -total_g / unit_g, -slope * (scale / unit_g)

        centre = price / scale
        limits = [(0.0, None)] * centre.size
        if radius is not None:
            limits = [(max(0.0, c - radius), c + radius) for c in centre]
        found = minimize(
            falling,
            centre,
            jac=True,
            method="L-BFGS-B",
            bounds=limits,
            options={"maxfun": evaluations, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-9},
        )
        return np.maximum(found.x, 0.0) * scale, -found.fun * unit_g, found.nfev

    def _smooth_at(self, heat: float, evaluations: int) -> int:
        """Climb where all schedules that can be best are known; returns evaluations used."""
        self._price, _, used = self._ascent(heat, self._price, evaluations)
        return used

    def _columns_at(self, heat: float, evaluations: int) -> int:
        """Climb within a trust region, adding columns; returns evaluations used."""
        used = 0
        while used < evaluations:
            price, promised_g, _ = self._ascent(heat, self._price, _ASCENT, self._radius)
            self.evaluate(price)
            used += _ROUND
            here_g, there_g = (self._smoothed(p, heat)[0] for p in (self._price, price))
            if promised_g - there_g < 0.5 * (promised_g - here_g):
                self._radius *= 2.0
            if there_g > here_g:
                self._price = price
            else:
                self._radius /= 2.0
            if promised_g - max(here_g, there_g) <= _SETTLED * abs(promised_g):
                break
        return used
