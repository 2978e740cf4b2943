"""Plans that keep to the capacity, built from the prices of the bound.

**One job at its best.** Nodes that are free form a step function of time. The starts at which
a job of n nodes and length L fits are intervals between steps with fewer than n free nodes, and
its emissions are piecewise linear in the start, so its best start is a corner of them or an end
of an interval: exact, in continuous time. A job that may be suspended is solved by its dynamic
program with a prohibitive price on times without free nodes.

**A plan.** Jobs are placed one after the other, in several orders, at emissions plus the price
that the bound puts on nodes, which keeps clean hours free for those who need them. Jobs that
find no place are moved to the front and all is tried again; if that fails, others are thrown out, first those that were never hard to place, and placed
again [1]_. The best plan is improved: each
job in turn is taken out and put back at its best; then jobs that are far from their best, and
those that stand in their way, are taken out together and put back in another order, which is
kept if it emits no more, or at first only a little more (simulated annealing). One of the orders
is found by repetition: jobs go first that lost most in the rounds before [2]_.

Times are whole microseconds after the origin, so that runs that touch do not overlap.

References
----------
.. [1] Y. Nagata and O. Braysy, "A powerful route minimization heuristic for the vehicle routing
   problem with time windows", Operations Research Letters 37, 2009: the ejection pool.
.. [2] D. E. Joslin and D. P. Clements, "Squeaky wheel optimization", Journal of Artificial
   Intelligence Research 10, 1999.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from helpers.bound.problem import Instance
from helpers.extras import compiled
from helpers.schedule.intervals import charge

__all__ = ["repaired"]

_TICKS = 1e6  # a second
_NEVER = 2**61
_VARIANTS = (
    ("largest", 1.0),
    ("largest", 1.3),
    ("largest", 2.0),
    ("earliest", 1.0),
    ("earliest", 1.3),
)
"""Orders in which jobs are placed, and the weight of prices; above 1 they keep more apart."""
_FRONT_ROUNDS = 15  # how often jobs without a place are moved to the front
_BLAMED_ROUNDS = 40  # how often jobs are placed in the order of what they lost before
_MEMORY = 0.7  # share of the blame that is kept from round to round
_HOPEFUL = 2  # plans that are searched on; or, with jobs missing, in which room is made
_FORCED = 200  # how often
_GUESSES = 4  # starts tried for a job without a place
_PASSES = 20  # of taking each job out and putting it back
_AWAY = 6  # jobs taken out together with one, at most, less one
_HEAT = 0.01  # first loss that is often accepted, as a share of the mean emissions of a job
_ENOUGH = 1e-7  # share of emissions that a pass must save to be followed by another
_FORBID = 10.0  # price of a slot without free nodes, as a multiple of the worst schedule's


def repaired(
    instance: Instance, price: NDArray[np.float64], *, tries: int, seed: int
) -> tuple[list[NDArray[np.float64]] | None, str]:
    """Build a plan that keeps to the capacity.

    Parameters
    ----------
    instance : Instance
        Jobs, capacity and intensity.
    price : ndarray
        Price of a node-second on each step [g CO2e].
    tries : int
        Rounds of local search.
    seed : int
        Of the local search.

    Returns
    -------
    tuple
        Start and stop [s after the origin] of each run of each job, shape (runs, 2), or None;
        and why there is none.
    """
    setting, random = _Setting(instance, price), np.random.default_rng(seed)
    orders = _orders(instance)
    listed = [_listed(setting, orders[which], weight) for which, weight in _VARIANTS]
    listed.append(_blamed(setting, orders["largest"]))
    whole = [plan for plan, missing in listed if not missing]
    for plan, missing in sorted(listed, key=lambda pair: len(pair[1]))[:_HOPEFUL]:
        if not whole and not plan.make_room(missing, random):
            whole = [plan]
    if not whole:
        missing = min((missing for _, missing in listed), key=len)
        job = instance.jobs[missing[0]]
        return None, (
            f"no plan was found: of {len(instance.jobs)} jobs {len(missing)} or more found no "
            f"place, among them job {missing[0]} ({job.model.name!r}, {job.nodes} nodes), in "
            f"{len(_VARIANTS)} orders and after making room for it. One may still exist: give "
            "more nodes, or longer windows."
        )
    for plan in whole:
        plan.improve()
    whole = sorted(whole, key=lambda plan: plan.emissions_g.sum())[:_HOPEFUL]
    for plan in whole:
        plan.search(tries // len(whole), random)
    best = min(whole, key=lambda plan: plan.emissions_g.sum())
    return [np.array(runs) / _TICKS for runs in best.runs], ""


def _orders(instance: Instance) -> dict[str, list[int]]:
    """Orders in which jobs are placed."""
    nodes = np.array([job.nodes for job in instance.jobs])
    release_s = np.array([job.release_s for job in instance.jobs])
    held_s = np.array([job.model.duration_s for job in instance.jobs])
    number = np.arange(nodes.size)
    return {
        "largest": np.lexsort((number, release_s, -nodes * held_s)).tolist(),
        "earliest": np.lexsort((number, -nodes, release_s)).tolist(),
    }


def _listed(setting: _Setting, order: list[int], weight: float) -> tuple[_Plan, list[int]]:
    """Place jobs in an order; returns also those that found no place.

    While there are some, they are moved to the front and all is done again.
    """
    fewest: tuple[_Plan, list[int]] | None = None
    for _ in range(_FRONT_ROUNDS):
        plan = _Plan(setting, weight)
        missing = [number for number in order if not plan.place(number, weight)]
        if fewest is None or len(missing) < len(fewest[1]):
            fewest = plan, missing
        if not missing:
            break
        front = set(missing)
        order = missing + [number for number in order if number not in front]
    assert fewest is not None  # there is a first round
    return fewest


def _blamed(setting: _Setting, order: list[int]) -> tuple[_Plan, list[int]]:
    """Place jobs again and again, those first that lost most a node-second in the rounds before.

    Returns the plan with the fewest jobs without a place, of these the one with the least
    emissions; and those jobs.
    """
    rank, blame, best = np.argsort(order), np.zeros(len(order)), None
    for _ in range(_BLAMED_ROUNDS // (4 if setting.elastic else 1)):  # those take long
        plan = _Plan(setting, 1.0)
        missing = [number for number in order if not plan.place(number, 1.0)]
        merit = len(missing), plan.emissions_g.sum()
        if best is None or merit < best[0]:
            best = merit, plan, missing
        lost = plan.lost_g() / setting.taken
        lost[missing] = 2.0 * lost.max() or 1.0
        blame = _MEMORY * blame + lost
        order = np.lexsort((rank, -blame)).tolist()
    assert best is not None  # there is a first round
    return best[1], best[2]


class _Free:
    """Nodes that are free over time."""

    def __init__(self, edges_s: NDArray, nodes: NDArray, room: int) -> None:
        count = edges_s.size + 1
        self.times = np.empty(count + room, dtype=np.int64)
        self.nodes = np.empty(count + room, dtype=np.int64)
        self.times[0], self.times[count - 1] = -_NEVER, _NEVER
        self.times[1 : count - 1] = np.rint(edges_s[:-1] * _TICKS)
        self.nodes[:count] = -1
        self.nodes[1 : count - 1] = nodes
        self.count = count
        self._take = compiled(_take)

    def take(self, start: int, stop: int, nodes: int) -> None:
        """Take nodes (give them back, if negative) from start to stop."""
        if self.count + 4 > self.times.size:
            self.times = np.concatenate([self.times, np.empty_like(self.times)])
            self.nodes = np.concatenate([self.nodes, np.empty_like(self.nodes)])
        self.count = self._take(self.times, self.nodes, self.count, start, stop, nodes)


class _Setting:
    """What all plans of an instance share: the jobs in whole ticks, and their starts."""

    def __init__(self, instance: Instance, price: NDArray[np.float64]) -> None:
        table = instance.table
        group = table.group
        self.instance = instance
        self.paid = np.concatenate([[0.0], np.cumsum(price * instance.length_s)])
        self.elastic = {elastic.number: elastic for elastic in instance.elastic}
        self.taken = np.array([job.nodes * job.model.duration_s for job in instance.jobs])
        self.size = np.array([job.nodes for job in instance.jobs])
        self.row = np.full(len(instance.jobs), -1)
        self.row[table.numbers] = np.arange(table.numbers.size)
        release = np.ceil(table.release_s * _TICKS - 1e-3).astype(np.int64)
        last = np.floor(table.last_s * _TICKS + 1e-3).astype(np.int64)
        self.length = np.ceil(table.length_s * _TICKS - 1e-3).astype(np.int64)[group]
        self.starts = np.rint(table.start_s * _TICKS).astype(np.int64)
        nodes = table.nodes.astype(np.int64)[group]
        last = np.maximum(last, release)
        # One row a job: earliest and latest start, length [ticks], nodes, first and last corner.
        # A job's row in one array reaches the kernel faster than six numbers do.
        asked = [release, last, self.length, nodes, table.low, table.high]
        self.asked = np.column_stack(asked).astype(np.int64)
        of = np.repeat(np.arange(table.nodes.size), np.diff(table.first))
        held_g = np.interp(table.start_s + table.length_s[of], instance.edges_s, self.paid)
        held_g -= np.interp(table.start_s, instance.edges_s, self.paid)
        weights = {0.0, *(weight for _, weight in _VARIANTS)}
        cost_g = {w: table.emissions_g + w * table.nodes[of] * held_g for w in weights}
        self.corners = {w: _Corners(self.starts, cost, cost_g[0.0]) for w, cost in cost_g.items()}
        self.best_start = compiled(_best_start)
        self.least_g = np.zeros(len(instance.jobs))  # emissions plus price, on endless capacity
        for number, low, high in zip(table.numbers, table.low, table.high, strict=True):
            self.least_g[number] = cost_g[1.0][low : high + 1].min()
        edges_s = instance.edges_s + instance.origin_s
        for number, elastic in self.elastic.items():
            self.least_g[number] = elastic.problem.best(edges_s, elastic.nodes * self.paid)[0]


class _Plan:
    """Runs of all jobs so far, and the nodes that are free."""

    def __init__(self, setting: _Setting, weight: float) -> None:
        instance = setting.instance
        self._setting, self._instance, self._weight = setting, instance, weight
        self.free = _Free(instance.edges_s, instance.nodes.astype(np.int64), 2 * len(instance.jobs))
        self.runs: list[list[tuple[int, int]]] = [[] for _ in instance.jobs]
        self.emissions_g = np.zeros(len(instance.jobs))
        self._span = np.zeros((2, len(instance.jobs)), dtype=np.int64)  # first start, last stop

    def place(self, number: int, weight: float = 0.0) -> bool:
        """Put a job where emissions plus weighted price are least; tell whether there is a place."""
        setting, free = self._setting, self.free
        i = setting.row[number]
        if i < 0:
            return self._place_elastic(number, weight)
        steps = (free.times, free.nodes, free.count)
        start, emissions_g = setting.best_start(*steps, setting.asked, i, setting.corners[weight])
        if start == _NEVER:
            return False
        self.put(number, [(start, start + int(setting.length[i]))], emissions_g)
        return True

    def _place_elastic(self, number: int, weight: float) -> bool:
        elastic, instance = self._setting.elastic[number], self._instance
        job, slot_s = instance.jobs[number], elastic.problem.slot_s
        times = self.free.times[1 : self.free.count]
        times_s = np.append(times[:-1] / _TICKS, instance.edges_s[-1])
        blocked = self.free.nodes[1 : self.free.count - 1] < elastic.nodes
        taken_s = np.concatenate([[0.0], np.cumsum(np.diff(times_s) * blocked)])
        window_s = np.array([job.release_s, job.deadline_s]) - instance.origin_s
        slots_s = np.append(np.arange(window_s[0], window_s[1], slot_s), window_s[1])
        closed = np.diff(np.interp(slots_s, times_s, taken_s)) > 0.5 / _TICKS  # even in part
        closed_s = np.concatenate([[0.0], np.cumsum(np.diff(slots_s) * closed)])
        cost_g = elastic.worst_g + weight * elastic.nodes * float(self._setting.paid[-1]) + 1.0
        edges_s = np.union1d(slots_s, instance.edges_s)
        paid = (_FORBID * cost_g / slot_s) * np.interp(edges_s, slots_s, closed_s)
        if weight:
            paid += (
                weight * elastic.nodes * np.interp(edges_s, instance.edges_s, self._setting.paid)
            )
        _, schedule = elastic.problem.best(edges_s + instance.origin_s, paid)
        runs_s = np.stack([schedule.start_s, schedule.stop_s], axis=1) - instance.origin_s
        if float(np.diff(np.interp(runs_s, slots_s, closed_s)).sum()) > 1.0 / _TICKS:
            return False
        runs = [(int(a), int(b)) for a, b in np.rint(runs_s * _TICKS)]
        cost = charge(schedule, job.model, instance.intensity, job.suspension)
        self.put(number, runs, cost.emissions_g)
        return True

    def lost_g(self) -> NDArray[np.float64]:
        """Emissions plus price of each job, beyond the least it could have on endless capacity."""
        setting, instance = self._setting, self._instance
        held_g = [
            float(np.diff(np.interp(np.array(runs) / _TICKS, instance.edges_s, setting.paid)).sum())
            if runs
            else 0.0
            for runs in self.runs
        ]
        return np.maximum(self.emissions_g + setting.size * np.array(held_g) - setting.least_g, 0.0)

    def put(self, number: int, runs: list[tuple[int, int]], emissions_g: float) -> None:
        """Put a job at given runs."""
        for start, stop in runs:
            self.free.take(start, stop, self._instance.jobs[number].nodes)
        self.runs[number], self.emissions_g[number] = runs, emissions_g
        self._span[:, number] = runs[0][0], runs[-1][1]

    def out(self, number: int) -> tuple[list[tuple[int, int]], float]:
        """Take a job out; returns its runs and emissions, for `put`."""
        state = self.runs[number], float(self.emissions_g[number])
        for start, stop in state[0]:
            self.free.take(start, stop, -self._instance.jobs[number].nodes)
        self.runs[number], self.emissions_g[number], self._span[:, number] = [], 0.0, 0
        return state

    def make_room(self, missing: list[int], random: np.random.Generator) -> list[int]:
        """Throw jobs out for those without a place; returns those that have none in the end."""
        pool, blame = list(missing), np.ones(self.emissions_g.size)
        for _ in range(_FORCED):
            while pool and self.place(pool[-1], self._weight):
                pool.pop()
            if not pool:
                return []
            number = pool.pop(random.integers(len(pool)))
            blame[number] += 1.0
            job, instance = self._instance.jobs[number], self._instance
            length = int(np.ceil(job.model.duration_s * _TICKS))
            low = int((job.release_s - instance.origin_s) * _TICKS)
            high = max(low, int((job.deadline_s - instance.origin_s) * _TICKS) - length)
            starts = [low, high, *random.integers(low, high, _GUESSES, endpoint=True).tolist()]
            ways = [self._in_the_way(at, at + length, job.nodes, blame) for at in starts]
            ejected = min(ways, key=lambda way: (blame * self._setting.taken)[way].sum())
            for other in ejected:
                self.out(other)
            pool.extend(ejected)
            if not self.place(number, self._weight):
                pool.append(number)
        return pool

    def _in_the_way(self, start: int, stop: int, nodes: int, blame: NDArray) -> list[int]:
        """Jobs, of little blame, without which some nodes are free from `start` to `stop`."""
        near = np.flatnonzero((self._span[0] < stop) & (self._span[1] > start))
        times = self.free.times[: self.free.count]
        inner = times[np.searchsorted(times, start) : np.searchsorted(times, stop)]
        begins = np.unique(np.concatenate([[start], inner, self._span[:, near].ravel()]))
        begins = begins[(begins >= start) & (begins < stop)]
        length = np.diff(np.append(begins, stop))
        lacking = nodes - self.free.nodes[np.searchsorted(times, begins, side="right") - 1]
        inside = (begins >= self._span[0, near, None]) & (begins < self._span[1, near, None])
        for row, number in enumerate(near.tolist()):
            if len(self.runs[number]) > 1:
                runs = np.array(self.runs[number])[:, :, None]
                inside[row] = ((begins >= runs[:, 0]) & (begins < runs[:, 1])).any(axis=0)
        size = self._setting.size[near]
        useful = (np.clip(lacking, 0, size[:, None]) * length * inside).sum(axis=1)
        with np.errstate(divide="ignore"):
            waste = blame[near] * self._setting.taken[near] / useful
        ejected = []
        for row in np.argsort(waste, kind="stable").tolist():
            if lacking.max() <= 0:
                break
            if (lacking[inside[row]] > 0).any():
                lacking[inside[row]] -= size[row]
                ejected.append(row)
        kept = [row for row in ejected if self._spared(lacking, inside[row], size[row])]
        return [int(near[row]) for row in ejected if row not in kept]

    @staticmethod
    def _spared(lacking: NDArray, inside: NDArray, size: int) -> bool:
        """Put a job back into `lacking` if there is room for it after all."""
        if (lacking[inside] + size > 0).any():
            return False
        lacking[inside] += size
        return True

    def improve(self) -> None:
        """Take each job out and put it back at its best, until nothing moves."""
        for _ in range(_PASSES):
            before_g = self.emissions_g.sum()
            for number in np.argsort(-self.emissions_g, kind="stable").tolist():
                self.again([number])
            if before_g - self.emissions_g.sum() <= _ENOUGH * abs(before_g):
                return

    def again(self, numbers: list[int], loss_g: float = 0.0) -> None:
        """Take jobs out and put them back in this order; undone if that loses more."""
        states = [self.out(number) for number in numbers]
        placed = []
        for number in numbers:
            if not self.place(number):
                break
            placed.append(number)
        saved_g = sum(emissions_g for _, emissions_g in states) - self.emissions_g[numbers].sum()
        if len(placed) == len(numbers) and saved_g >= -loss_g:
            return
        for number in placed:
            self.out(number)
        for number, state in zip(numbers, states, strict=True):
            self.put(number, *state)

    def search(self, tries: int, random: np.random.Generator) -> None:
        """Take jobs that are far from their best out, with those in their way, and try again.

        Small losses are accepted, ever smaller ones; in the end the best plan met is restored.
        """
        least_g, ideal = self._endless()
        heat_g = _HEAT * float(np.abs(self.emissions_g).mean())
        best_g, best = self.emissions_g.sum(), (list(self.runs), self.emissions_g.copy())
        for n in range(tries):
            regret_g = np.maximum(self.emissions_g - least_g, 0.0)
            total_g = regret_g.sum()
            if total_g <= _ENOUGH * abs(best_g):
                break
            number = int(np.searchsorted(np.cumsum(regret_g), random.random() * total_g))
            begin, end = ideal[:, number]
            near = np.flatnonzero((self._span[0] < end) & (self._span[1] > begin))
            near = near[near != number]
            some = random.permutation(near)[: random.integers(1, _AWAY)]
            if random.random() < 0.5:
                some = some[np.argsort(-self._setting.size[some], kind="stable")]
            loss_g = heat_g * (1.0 - n / tries) * random.exponential()
            self.again([number, *some.tolist()], loss_g)
            if self.emissions_g.sum() < best_g - 1e-12 * abs(best_g):
                best_g, best = self.emissions_g.sum(), (list(self.runs), self.emissions_g.copy())
        for number in range(len(self.runs)):
            self.out(number)
        for number, (runs, emissions_g) in enumerate(zip(*best, strict=True)):
            self.put(number, runs, float(emissions_g))

    def _endless(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Least emissions of each job on endless capacity, and when it then runs."""
        table, count = self._instance.table, len(self._instance.jobs)
        least_g, ideal = np.zeros(count), np.zeros((2, count), dtype=np.int64)
        for i, number in enumerate(table.numbers.tolist()):
            k = table.low[i] + int(np.argmin(table.emissions_g[table.low[i] : table.high[i] + 1]))
            least_g[number] = table.emissions_g[k]
            start = self._setting.starts[k]
            ideal[:, number] = start, start + self._setting.length[i]
        edges_s = self._instance.edges_s[[0, -1]] + self._instance.origin_s
        for number, elastic in self._setting.elastic.items():
            least_g[number], schedule = elastic.problem.best(edges_s, np.zeros(2))
            begin_s, end_s = schedule.start_s[0], schedule.stop_s[-1]
            ideal[:, number] = np.rint(
                (np.array([begin_s, end_s]) - self._instance.origin_s) * _TICKS
            )
        return least_g, ideal


def _take(
    times: Any,
    free: Any,
    count: Any,
    start: Any,
    stop: Any,
    nodes: Any,
) -> Any:
    """Take nodes from `start` to `stop`; returns the number of steps' edges then."""
    for at in (start, stop):
        i = np.searchsorted(times[:count], at, side="right") - 1
        if times[i] != at:
            for k in range(count, i + 1, -1):
                times[k], free[k] = times[k - 1], free[k - 1]
            times[i + 1], free[i + 1] = at, free[i]
            count += 1
    low, high = np.searchsorted(times[:count], start), np.searchsorted(times[:count], stop)
    for k in range(low, high):
        free[k] -= nodes
    for at in (high, low):
        if 0 < at < count - 1 and free[at] == free[at - 1]:
            for k in range(at, count - 1):
                times[k], free[k] = times[k + 1], free[k + 1]
            count -= 1
    return count


class _Corners(NamedTuple):
    """Starts [ticks] at which cost and emissions [g] of jobs may have corners."""

    starts: NDArray[np.int64]
    cost: NDArray[np.float64]
    emissions: NDArray[np.float64]


def _best_start(times: Any, free: Any, count: Any, asked: Any, i: Any, corners: Any) -> Any:
    """Best start of a job where nodes are free.

    Parameters
    ----------
    times, free, count
        Edges [ticks] of the steps of free nodes, nodes on the step after each, number of edges.
    asked, i
        The jobs as in `_Setting`, and which of them.
    corners : _Corners
        Starts that may be best.

    Returns
    -------
    tuple
        The earliest of the best starts [ticks] and its emissions; 2**61 if there is none.
    """
    release, last, length = asked[i, 0], asked[i, 1], asked[i, 2]
    nodes, low, high = asked[i, 3], asked[i, 4], asked[i, 5]
    starts, cost, emissions = corners
    best, where, emitted = np.inf, 2**61, 0.0
    end = last + length
    i = np.searchsorted(times[:count], release, side="right") - 1
    begin, k = release, low
    while begin <= last:
        if free[i] < nodes:
            i += 1
            begin = times[i]
            continue
        while free[i] >= nodes and times[i + 1] < end:
            i += 1
        stop = end if free[i] >= nodes else times[i]
        latest = min(stop - length, last)
        if latest >= begin:
            while k < high and starts[k + 1] <= begin:
                k += 1
            inner = k + 1
            while inner <= high and starts[inner] < latest:
                if cost[inner] < best and starts[inner] > begin:
                    best, where, emitted = cost[inner], starts[inner], emissions[inner]
                inner += 1
            for start in (begin, latest):
                n = k if start == begin else inner - 1
                step = starts[n + 1] - starts[n] if n < high else 0
                share = min(max((start - starts[n]) / step, 0.0), 1.0) if step > 0 else 0.0
                after = min(n + 1, high)
                here = cost[n] + share * (cost[after] - cost[n])
                if here < best or (here == best and start < where):
                    best, where = here, start
                    emitted = emissions[n] + share * (emissions[after] - emissions[n])
        if stop == end:
            break
        begin = times[i]
    return where, emitted
