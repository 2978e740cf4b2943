r"""Work that can be divided at will: where and when it causes the least emissions, exactly.

**Problem.** In each slot each home releases work, which may be done at any site it is allowed to,
at once or up to `slack` slots later. No site does more than its capacity in a slot.

**Backlog form.** Saying of each kWh when it was released and when it is done takes
homes x sites x slots x (slack + 1) variables. But work of one slack is best done in the order of
its release, and that order meets all deadlines exactly if, at the end of each slot, no more work
waits than was released in the last `slack` slots. So it is enough to know how much of a home's
work is done at which site in which slot, f[h, r, t], and how much of it waits, b[h, t]:

    b[h, t] = b[h, t - 1] + released[h, t] - sum over r of f[h, r, t]
    0 <= b[h, t] <= released in the last `slack` slots
    sum over h of f[h, r, t] <= capacity of r

with the emissions of all f to be made least: a linear program with one optimum in both forms.

**Certificate.** The solver is not trusted. From the prices it gives for the capacity a lower bound
is computed anew: with any prices >= 0, each kWh alone at its cheapest place and time, prices
included, less what the capacities are worth, is a bound on every plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.regions.sites import Slots, unit_g

__all__ = ["Placement", "place_work", "priced_bound_g", "released_work"]

_UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class Placement:
    """Divisible work, placed.

    Parameters
    ----------
    slots : Slots
        The sites and the time.
    work_kwh : ndarray of float, shape (sites, slots)
        Work released at each home in each slot [kWh].
    done_kwh : ndarray of float, shape (homes, sites, slots)
        Work of each home done at each site in each slot [kWh].
    emissions_g : float
        What that emits, transfers included [g CO2e].
    lower_g : float
        No placement emits less [g CO2e]; -inf where none was asked for.
    at_home_g : float
        Emissions of all work at home in the slot of its release, capacity or not [g CO2e].
    """

    slots: Slots = field(repr=False)
    work_kwh: NDArray[np.float64] = field(repr=False)
    done_kwh: NDArray[np.float64] = field(repr=False)
    emissions_g: float
    lower_g: float
    at_home_g: float

    @property
    def saving(self) -> float:
        """Share of the emissions at home, at once, that is saved."""
        return 1.0 - self.emissions_g / self.at_home_g

    @property
    def gap(self) -> float:
        """Share of the emissions by which a better placement could be below it, at most."""
        return max(0.0, self.emissions_g - self.lower_g) / abs(self.emissions_g)

    @property
    def moved(self) -> float:
        """Share of the work that is not done at home."""
        at_home = np.einsum("hht->", self.done_kwh)
        return float(1.0 - at_home / self.done_kwh.sum())

    def by_site(self) -> pd.DataFrame:
        """Return one row a site: work released and done there [kWh], and its share of all work."""
        done = self.done_kwh.sum(axis=(0, 2))
        return pd.DataFrame(
            {
                "released_kwh": self.work_kwh.sum(axis=1),
                "done_kwh": done,
                "share": done / done.sum(),
            },
            index=pd.Index(self.slots.names, name="site"),
        )


def place_work(
    slots: Slots,
    work_kwh: ArrayLike,
    *,
    slack: int,
    transfer_kwh_per_kwh: float = 0.0,
    allowed: ArrayLike | None = None,
) -> Placement:
    """Place divisible work with the least emissions.

    Parameters
    ----------
    slots : Slots
        The sites; their slots must reach `slack` slots beyond the last release.
    work_kwh : array_like, shape (sites, n)
        Work released at each home in each of the first slots [kWh of computing].
    slack : int
        How many slots work may wait, >= 0.
    transfer_kwh_per_kwh : float
        Energy of moving the data of a kWh of work to another site [kWh/kWh].
    allowed : array_like of bool, shape (sites, sites), optional
        Which home's work (row) may run where (column); by default anywhere. The identity moves
        work in time only, a slack of 0 in space only.

    Returns
    -------
    Placement
        Optimal to its certified gap.

    Raises
    ------
    ValueError
        If an argument is out of range, or no placement keeps to capacities and slack.
    RuntimeError
        If the solver gives up.
    """
    work = released_work(slots, work_kwh, slack)
    may = slots.where(allowed)
    intensity, pue = slots.intensity(), slots.pue()
    unit = unit_g(intensity, pue, transfer_kwh_per_kwh)
    limit = slots.capacity_kwh()
    program = backlog_program(work, unit, may, limit, slack)
    found = solved(program, "more capacity, or more slack")
    flows = program["flows"]
    done = np.zeros(unit.shape)
    done[flows] = np.maximum(found.x[: len(flows[0])], 0.0)
    price = np.zeros((len(limit), slots.count))
    price[np.isfinite(limit)] = -np.minimum(found.ineqlin.marginals, 0.0).reshape(-1, slots.count)
    return Placement(
        slots,
        work,
        done,
        float((unit * done).sum()),
        priced_bound_g(work, unit, may, limit, slack, price),
        float((intensity * pue[:, None] * work).sum()),
    )


def released_work(slots: Slots, work_kwh: ArrayLike, slack: int) -> NDArray[np.float64]:
    """Return work released in every slot [kWh], shape (sites, slots), checked."""
    given = np.asarray(work_kwh, dtype=np.float64)
    if isinstance(slack, bool) or slack != int(slack) or slack < 0:
        raise ValueError(f"slack(={slack!r}) must be a whole number of slots >= 0.")
    if given.ndim != 2 or len(given) != len(slots.sites):
        raise ValueError(
            f"work_kwh has shape {given.shape}: it must have a row for each of "
            f"{len(slots.sites)} sites and a column a slot."
        )
    if not (np.isfinite(given) & (given >= 0)).all() or not given.any():
        raise ValueError("work_kwh must be finite and >= 0, and not all 0.")
    if given.shape[1] + slack > slots.count:
        raise ValueError(
            f"work is released in {given.shape[1]} slots and may wait {slack}: that needs "
            f"{given.shape[1] + slack} slots, not {slots.count}; give more."
        )
    return np.pad(given, ((0, 0), (0, slots.count - given.shape[1])))


def backlog_program(
    work: NDArray, unit: NDArray, may: NDArray, limit: NDArray, slack: int
) -> dict[str, Any]:
    """Return the linear program in backlog form, as `scipy.optimize.linprog` takes it."""
    from scipy.sparse import csr_array

    sites, count = work.shape
    home, site, time = np.nonzero(np.broadcast_to(may[:, :, None], unit.shape))
    n, waits = home.size, np.arange(sites * count)
    inner = waits[waits % count > 0]
    # A row a home and slot: what is done + what waits - what waited = what was released.
    rows = np.concatenate([home * count + time, waits, inner])
    columns = np.concatenate([np.arange(n), n + waits, n + inner - 1])
    values = np.concatenate([np.ones(n), np.ones(waits.size), -np.ones(inner.size)])
    shape = (sites * count, n + waits.size)
    balance = csr_array((values, (rows, columns)), shape=shape)
    finite = np.flatnonzero(np.isfinite(limit))
    row = np.full(sites, -1)
    row[finite] = np.arange(finite.size)
    capped = np.flatnonzero(row[site] >= 0)
    used = csr_array(
        (np.ones(capped.size), (row[site[capped]] * count + time[capped], capped)),
        shape=(finite.size * count, shape[1]),
    )
    most = most_waiting(work, slack).ravel()
    return {
        "c": np.concatenate([unit[home, site, time], np.zeros(waits.size)]),
        "A_eq": balance,
        "b_eq": work.ravel(),
        "A_ub": used,
        "b_ub": np.repeat(limit[finite], count),
        "bounds": np.column_stack([np.zeros(shape[1]), np.concatenate([np.full(n, np.inf), most])]),
        "flows": (home, site, time),
    }


def most_waiting(work: NDArray[np.float64], slack: int) -> NDArray[np.float64]:
    """Return the most work that may wait at the end of each slot, shape of `work`."""
    total = np.pad(np.cumsum(work, axis=1), ((0, 0), (1, 0)))
    time = np.arange(work.shape[1])
    most = total[:, 1:] - total[:, np.maximum(time - slack + 1, 0)] if slack else 0.0 * work
    most = np.maximum(most, 0.0)
    most[:, -1] = 0.0  # nothing is left over
    return most


def solved(program: dict[str, Any], remedy: str) -> Any:
    """Return what HiGHS finds for a linear program.

    Raises
    ------
    ValueError
        If nothing satisfies it; the message names the remedy.
    RuntimeError
        If the solver gives up.
    """
    from scipy.optimize import linprog

    parts = {name: program[name] for name in ("c", "A_eq", "b_eq", "A_ub", "b_ub", "bounds")}
    # Interior points: many times faster here than the simplex, whose bases are very degenerate.
    found = linprog(**parts, method="highs-ipm")
    if found.status == 2:
        raise ValueError(f"no placement does all work in time: give {remedy}.")
    if not found.success:
        raise RuntimeError(f"HiGHS gave up: {found.message}")
    return found


def priced_bound_g(
    work: NDArray[np.float64],
    unit: NDArray[np.float64],
    may: NDArray[np.bool_],
    limit: NDArray[np.float64],
    slack: int,
    price: NDArray[np.float64],
) -> float:
    """Return a lower bound on the emissions of every placement [g CO2e], whatever the prices.

    Parameters
    ----------
    work : ndarray, shape (sites, slots)
        Work released [kWh].
    unit : ndarray, shape (homes, sites, slots)
        What a kWh emits [g CO2e/kWh].
    may : ndarray of bool, shape (sites, sites)
        Which home's work may run where.
    limit : ndarray, shape (sites,)
        Most work of a slot [kWh]; inf for endless, where the price must be 0.
    slack : int
        Slots that work may wait.
    price : ndarray, shape (sites, slots)
        Worth of a kWh of capacity [g CO2e/kWh], >= 0.
    """
    dear = np.where(may[:, :, None], unit + price[None], np.inf).min(axis=1)
    ahead = np.pad(dear, ((0, 0), (0, slack)), constant_values=np.inf)
    least = np.lib.stride_tricks.sliding_window_view(ahead, slack + 1, axis=1).min(axis=2)
    finite = np.isfinite(limit)
    paid, worth = work * least, price[finite] * limit[finite, None]
    # Each sum of n terms is off by at most n roundings of the sum of their sizes.
    size = np.abs(paid).sum() + worth.sum()
    rounding = 4 * _UNIT * (paid.size + worth.size) * size
    return float(paid.sum() - worth.sum() - rounding)
