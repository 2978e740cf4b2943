"""Pause and resume without knowing the future: receding horizon, and thresholds with a proof.

**Receding horizon.** At every step the rest of the job is planned exactly (`suspend.plan`) on
the newest forecast, and only the first decision of the plan is carried out. A forecast is a
function of the present (`helpers.carbon.expected`); they are built from values of the past alone,
so that a look into the future is impossible, not merely avoided.

**Thresholds.** In *online pause and resume* [1]_ a player buys k units, at most one a step, at
prices c_t in [L, U] that are revealed one by one, must have k units after the last step, and
pays a switching cost s for each run of purchases (in [1]_, s = 2 beta: beta to start and beta
to stop). With i - 1 units bought, a price is accepted if it is at most l_i while pausing, and
at most l_i + s while running, where l_1 >= ... >= l_k; the last steps are forced when as many
are left as units. The *ratio* is the largest possible (cost online) / (least cost in
hindsight).

*A bound for any such thresholds.* Let the player have bought j units by choice, n = k - j forced,
and let z = l_{j+1} (L for j = k). A price rejected by choice is above z, and above z + s if it
ended a run; one rejected before a unit of choice is above l_j. Let the optimum buy at a of the j
steps of choice too; assume first that it buys at no forced step.

- Online, a unit of choice costs at most d_1 = l_1 + s, and for m > 1 at most d_m = min(l_m + s, U):
  l_m and the start of a run, which takes a stop and so a price above l_m + s; or l_m + s inside a
  run. A forced unit costs at most U, after one start. Units are forced only if a price can be
  rejected: z < U for j = 0, z + s < U for j > 0.
- At the shared steps both pay the same prices, at other steps the optimum pays more than z.
  Between two runs of the player that it shares, it either stops as well, or buys the step that
  ended the first, above z + s: so it pays s for each shared run, like the player.
- With a > 0 and n > 0, its other k - a units come after the last shared run, beyond a step above
  z + s, which costs s in one way or the other; or before it, and cost more than l_j.

Equal terms on both sides raise a ratio above 1 most when they are least. So shared prices are L,
and the shared units are those with the lowest thresholds. The two costs are bounded by

    A = d_1 + ... + d_{j-a} + a L + s [r] + n U + s [n > 0]
    B = a L + s + (k - a) z                                        for a = 0 or n = 0
    B = a L + s + min((k - a) z + s, (k - a) l_j)                  else

where r says that shared units may begin a run of their own: a = j > 0, or a > 0 and l_j + s < U.
The ratio is at most the largest A / B over j and a, which is what `guaranteed_ratio` computes. If
the optimum buys at f > 0 of the forced steps, both costs are linear in f, so f = n is the worst
but for f = 0; then the player pays no more than A of j = k with the same a (n L instead of n
thresholds), and the optimum no less than B of j = k, a further run costing both s.

*Rules.* ``"certified"`` takes for a given ratio the lowest thresholds that keep this bound,
one after the other, and bisects for the least ratio; its guarantee is never worse than that of
the published thresholds, nor than that of buying at once. ``"published"`` are the thresholds of
[1]_ (algorithm DTPR-min): they make A / B with a = 0 the same for all j < k, and l_{k+1} = L. The
ratio stated for them, that common value, is not safe: a unit bought early far below its
threshold helps the optimum more than the player. With k = 2, L = 1, U = 100, s = 0 the stated
ratio is 8.82, but
the prices 1, 6.32, 6.32, 100, 100 cost the player 101 and the optimum 7.32.

**What carries over to jobs.** A guarantee needs what the model has: constant power of work, no
time lost by starting or saving. For other jobs `thresholds` are a rule of thumb: while a job
starts up, the price that made it start can be gone.

References
----------
.. [1] A. Lechowicz, N. Christianson, J. Zuo, N. Bashir, M. Hajiesmaili, A. Wierman, P. Shenoy,
   "The Online Pause and Resume Problem: Optimal Algorithms and An Application to Carbon-Aware
   Load Shifting", Proc. ACM Meas. Anal. Comput. Syst. 7(3), 2023 (SIGMETRICS 2024);
   https://arxiv.org/abs/2303.17551. For s = 0 the rule is that of J. Lorenz, K. Panagiotou,
   A. Steger, "Optimal Algorithms for k-Search with Application in Option Pricing",
   Algorithmica 55, 2009.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.expected import Forecaster
from helpers.carbon.signal import Intensity
from helpers.phases.model import PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schedule.heuristics import Moment, as_soon_as_possible, follow
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule, charge, check_window
from helpers.schedule.suspend import Plan, PlannedRun, Progress, best_schedule, plan
from helpers.timeline import Times

__all__ = [
    "Comparison",
    "Thresholds",
    "best_purchases",
    "compare",
    "follow_thresholds",
    "guaranteed_ratio",
    "job_thresholds",
    "purchases",
    "receding_horizon",
    "thresholds",
]


def receding_horizon(
    job: PhaseModel,
    forecast: Forecaster,
    release: Times,
    deadline: Times,
    *,
    step_s: float,
    suspension: Suspension | None = None,
) -> Schedule:
    """Plan the rest of the job at every step on the newest forecast, and do the first of it.

    Parameters
    ----------
    job : PhaseModel
        The job.
    forecast : Forecaster
        What is expected at each instant.
    release, deadline : instant
        Earliest start and latest finish.
    step_s : float
        Length of a step [s]: how often it is decided, and the grid of the plans.
    suspension : Suspension, optional
        What a stop costs and when it is allowed.

    Returns
    -------
    Schedule
        What was done in the end; it passes `check`.

    Raises
    ------
    ValueError
        If the job does not fit, `step_s` is not > 0, or a forecast ends before the deadline.

    Notes
    -----
    A job that runs and is planned to stop and start again in the same instant runs on. That can
    be worth it only where more energy means fewer grams, at a negative marginal intensity.
    """
    release_s, deadline_s = check_window(job, None, release, deadline)
    expected: Intensity | None = None
    runs: Sequence[PlannedRun] | Plan = []

    def wants(moment: Moment) -> bool:
        """Return whether to run now by the newest forecast."""
        nonlocal expected, runs
        newest = forecast(moment.now_s)
        coming = _coming(runs, moment)
        if newest is not expected or coming is None:
            expected = newest
            runs = plan(
                job,
                newest,
                moment.now_s,
                deadline_s,
                progress=Progress(
                    moment.work_s, moment.starts, moment.run_start_s, may_stop=moment.running
                ),
                suspension=suspension,
                resolution_s=step_s,
            )
            coming = _coming(runs, moment) or runs[-1]  # only the end phases may be left
        if moment.running:
            return coming.continued or coming.work_from_s < moment.work_s - TIME_TOLERANCE_S
        return coming.start_s <= moment.now_s + TIME_TOLERANCE_S

    return follow(
        job,
        release_s,
        deadline_s,
        wants,
        step_s=step_s,
        least_pause_s=0.0,
        suspension=suspension,
    )


def _coming(runs: Sequence[PlannedRun] | Plan, moment: Moment) -> PlannedRun | None:
    """The planned run that does the next work; None if there is none, or it was missed."""
    for run in runs:
        if run.work_to_s > moment.work_s + TIME_TOLERANCE_S:
            missed = not moment.running and run.start_s < moment.now_s - TIME_TOLERANCE_S
            return None if missed else run
    return None


@dataclass(frozen=True, eq=False)
class Thresholds:
    """Thresholds of online pause and resume; see the module's docstring.

    Parameters
    ----------
    low : ndarray of float, shape (k,)
        Highest price at which unit i is bought while pausing, not increasing.
    switching : float
        Cost of each run of purchases, >= 0, in units of a price: while running, unit i is
        bought up to `low[i] + switching`.
    ratio : float
        Guaranteed ratio of the cost to the least cost in hindsight.
    stated_ratio : float
        The ratio that the source of the rule states; that of ``"published"`` is not safe.
    """

    low: NDArray[np.float64]
    switching: float
    ratio: float
    stated_ratio: float

    def accepts(self, price: float, bought: int, *, running: bool) -> bool:
        """Return whether the next unit is bought at `price`."""
        return price <= self.low[bought] + (self.switching if running else 0.0)


def thresholds(
    units: int,
    lowest: float,
    highest: float,
    switching: float = 0.0,
    *,
    rule: Literal["certified", "published"] = "certified",
) -> Thresholds:
    """Return thresholds for buying `units` at prices in [lowest, highest].

    Parameters
    ----------
    units : int
        How many units must be bought, >= 1.
    lowest, highest : float
        Bounds of the price, ``0 < lowest <= highest``.
    switching : float
        Cost of each run of purchases, >= 0.
    rule : {"certified", "published"}
        Which thresholds; see the module's docstring.

    Returns
    -------
    Thresholds
        With the ratio they guarantee and the one stated for them.

    Raises
    ------
    ValueError
        If a value is out of range, or the published rule is asked for a switching cost of
        `highest - lowest` or more, for which it is not defined.
    """
    if units < 1 or not (0 < lowest <= highest < np.inf and 0 <= switching < np.inf):
        raise ValueError(
            f"units(={units}) must be >= 1, 0 < lowest(={lowest}) <= highest(={highest}) and "
            f"switching(={switching}) >= 0."
        )
    stated: float | None
    if rule == "published":
        low, stated = _published(units, lowest, highest, switching)
    elif rule == "certified":
        low, stated = _certified(units, lowest, highest, switching)
    else:
        raise ValueError(f"rule(={rule!r}) must be 'certified' or 'published'.")
    ratio = guaranteed_ratio(low, lowest, highest, switching)
    low.flags.writeable = False
    return Thresholds(low, float(switching), ratio, ratio if stated is None else stated)


def _published(
    units: int, lowest: float, highest: float, switching: float
) -> tuple[NDArray[np.float64], float]:
    """DTPR-min: with growth g = 1 + 1 / (alpha k), l_i = (highest - s) - c(alpha) g^(i-1)."""
    if lowest == highest:
        return np.full(units, float(highest), dtype=np.float64), 1.0
    if switching >= highest - lowest:
        raise ValueError(
            f"switching(={switching}) must be < highest - lowest = {highest - lowest} for the "
            "published rule: with more, a pause never pays; use rule='certified'."
        )

    def gap(ratio: float) -> float:  # how far l_1 lies below highest - switching
        """Return how far l_1 lies below highest - switching."""
        return highest * (1 - 1 / ratio) - switching * (1 - 1 / units + 1 / (units * ratio))

    low, high = 1.0, highest / lowest
    for _ in range(200):  # bisection for l_{k+1} = lowest
        ratio = (low + high) / 2
        reached = highest - switching - gap(ratio) * (1 + 1 / (ratio * units)) ** units
        low, high = (ratio, high) if reached > lowest else (low, ratio)
    growth = (1 + 1 / (high * units)) ** np.arange(units, dtype=np.float64)
    return highest - switching - gap(high) * growth, high


def _certified(
    units: int, lowest: float, highest: float, switching: float
) -> tuple[NDArray[np.float64], None]:
    """Lowest thresholds that keep the bound, for the least ratio that can be kept."""
    best = np.full(units, float(highest))  # buys at once, whatever the price
    if switching < highest - lowest:
        published, _ = _published(units, lowest, highest, switching)
        best = min(
            best, published, key=lambda low: guaranteed_ratio(low, lowest, highest, switching)
        )
    low, high = 1.0, guaranteed_ratio(best, lowest, highest, switching)
    while high - low > 1e-12 * high:
        ratio = (low + high) / 2
        found = _lowest_thresholds(ratio, units, lowest, highest, switching)
        if found is None:
            low = ratio
        else:
            best, high = found, ratio
    return best, None


def _lowest_thresholds(
    ratio: float, units: int, lowest: float, highest: float, switching: float
) -> NDArray[np.float64] | None:
    """Lowest thresholds that keep `ratio`, or None if it cannot be kept."""
    low = np.empty(units)
    for j in range(units):
        cost, fixed, free = _costs(low[:j], units, lowest, highest, switching)
        fixed[1:] += switching
        least = max(lowest, float(((cost / ratio - fixed) / free).max()))
        if j + 1 < units and switching < highest - lowest:
            # this threshold also bounds what is rejected before its unit
            bought = np.append(low[:j], lowest)
            cost, fixed, free = _costs(bought, units, lowest, highest, switching)
            least = max(least, float(((cost / ratio - fixed) / free)[1:].max()))
        low[j] = min(least, _never_forced(j, lowest, highest, switching))
        if j > 0 and low[j] > low[j - 1] * (1 + 1e-13):
            return None
    kept = guaranteed_ratio(low, lowest, highest, switching) <= ratio * (1 + 1e-12)
    return low if kept else None


def guaranteed_ratio(
    low: ArrayLike, lowest: float, highest: float, switching: float = 0.0
) -> float:
    """Return the ratio that thresholds guarantee; see the module's docstring for the proof.

    Parameters
    ----------
    low : array_like, shape (k,)
        Thresholds while pausing, not increasing; `switching` is added while running.
    lowest, highest : float
        Bounds of the price.
    switching : float
        Cost of each run of purchases.

    Returns
    -------
    float
        No sequence of prices makes the cost a larger multiple of the least cost.

    Raises
    ------
    ValueError
        If thresholds increase.
    """
    low = np.asarray(low, dtype=np.float64)
    rising = np.flatnonzero(np.diff(low) > 1e-12 * np.abs(low[:-1]))
    if rising.size:
        i = int(rising[0])
        raise ValueError(f"low[{i + 1}] = {low[i + 1]} must be <= low[{i}] = {low[i]}.")
    worst, units = 1.0, low.size
    for j in range(units + 1):
        if j < units and low[j] >= _never_forced(j, lowest, highest, switching):
            continue
        cost, fixed, free = _costs(low[:j], units, lowest, highest, switching)
        following = max(lowest, low[j]) if j < units else lowest
        least = fixed + free * following
        if 0 < j < units:
            least[1:] = fixed[1:] + np.minimum(
                free[1:] * following + switching, free[1:] * low[j - 1]
            )
        worst = max(worst, float((cost / least).max()))
    return worst


def _never_forced(j: int, lowest: float, highest: float, switching: float) -> float:
    """Threshold from which on unit j + 1 is never forced, any price being accepted."""
    return highest if j == 0 else max(lowest, highest - switching)


def _costs(
    low: NDArray, units: int, lowest: float, highest: float, switching: float
) -> tuple[NDArray, NDArray, NDArray]:
    """Bounds of the costs when j = `low.size` units are bought by choice, by shared steps a.

    That of the player (A of the module's docstring), and of the optimum what is fixed (a L + s)
    and how many units it buys elsewhere (k - a).
    """
    j, n = low.size, units - low.size
    shared = np.arange(j + 1)
    own = np.minimum(low + switching, highest)
    own[:1] = low[:1] + switching
    own = np.concatenate([[0.0], np.cumsum(own)])[::-1]
    stops = j > 0 and low[-1] + switching < highest  # or there is one run only
    began = (shared > 0) & (stops | (shared == j))
    cost = own + shared * lowest + switching * began + switching * (n > 0) + n * highest
    return cost, shared * lowest + switching, (units - shared).astype(np.float64)


def purchases(prices: ArrayLike, rule: Thresholds) -> tuple[NDArray[np.bool_], float]:
    """Play online pause and resume by thresholds.

    Parameters
    ----------
    prices : array_like, shape (n,)
        Prices as they are revealed, n >= units.
    rule : Thresholds
        The rule.

    Returns
    -------
    bought : ndarray of bool, shape (n,)
        At which steps a unit is bought.
    cost : float
        What they cost, one `switching` a run of purchases included.

    Raises
    ------
    ValueError
        If there are fewer prices than units.
    """
    prices, units = np.asarray(prices, dtype=np.float64), rule.low.size
    if prices.size < units:
        raise ValueError(f"{units} units need as many prices or more, not {prices.size}.")
    bought, count = np.zeros(prices.size, dtype=bool), 0
    for t, price in enumerate(prices):
        if count == units:
            break
        forced = prices.size - t == units - count
        running = t > 0 and bool(bought[t - 1])
        bought[t] = forced or rule.accepts(price, count, running=running)
        count += bought[t]
    runs = int(bought[0]) + int((bought[1:] & ~bought[:-1]).sum())
    return bought, float(prices[bought].sum() + rule.switching * runs)


def best_purchases(prices: ArrayLike, units: int, switching: float = 0.0) -> float:
    """Return the least cost in hindsight of buying `units`, by dynamic programming.

    Raises
    ------
    ValueError
        If there are fewer prices than units.
    """
    prices = np.asarray(prices, dtype=np.float64)
    if not 1 <= units <= prices.size:
        raise ValueError(f"units(={units}) must be >= 1 and <= {prices.size} prices.")
    on, off = np.full(units + 1, np.inf), np.full(units + 1, np.inf)
    off[0] = 0.0
    for price in prices:
        bought = np.minimum(on[:-1], off[:-1] + switching) + price
        off = np.minimum(on, off)
        on = np.append(np.inf, bought)
    return float(min(on[-1], off[-1]))


def job_thresholds(
    job: PhaseModel,
    lowest_g_per_kwh: float,
    highest_g_per_kwh: float,
    *,
    step_s: float,
    suspension: Suspension | None = None,
    rule: Literal["certified", "published"] = "certified",
) -> Thresholds:
    """Return thresholds [g CO2e/kWh] for a job: a unit is a step of work at mean power.

    Parameters
    ----------
    job : PhaseModel
        The job. The switching cost is the energy of start-up and saving, in steps of work at
        mean power, at the geometric mean of the bounds.
    lowest_g_per_kwh, highest_g_per_kwh : float
        Between which the intensity is expected to stay; take them from the past.
    step_s : float
        Length of a step [s].
    suspension : Suspension, optional
        What a stop costs.
    rule : {"certified", "published"}
        Which thresholds.

    Returns
    -------
    Thresholds
        Their guaranteed ratio holds for the job only if its power while working is constant,
        neither start-up nor saving nor end takes time, its work is whole steps, and the
        intensity keeps to the bounds and to the steps.

    Raises
    ------
    ValueError
        As `thresholds`, or if the work draws no power.
    """
    saving = (suspension or Suspension()).save_profile
    step_j = job.work_profile.mean_power_w * step_s
    if not step_j > 0:
        raise ValueError(f"the work of job {job.name!r} draws no power, so a price means nothing.")
    overhead = (job.startup_profile.energy_j + saving.energy_j) / step_j
    units = math.ceil((job.work_profile.duration_s - TIME_TOLERANCE_S) / step_s)
    at_g_per_kwh = math.sqrt(lowest_g_per_kwh * highest_g_per_kwh)
    return thresholds(
        units, lowest_g_per_kwh, highest_g_per_kwh, overhead * at_g_per_kwh, rule=rule
    )


def follow_thresholds(
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    rule: Thresholds,
    *,
    step_s: float,
    suspension: Suspension | None = None,
) -> Schedule:
    """Run a job by thresholds on the intensity of the present; see `heuristics.follow`.

    Parameters
    ----------
    job, intensity, release, deadline, step_s, suspension
        As in `heuristics.below_threshold`.
    rule : Thresholds
        One threshold a step of work, as `job_thresholds` gives them.

    Returns
    -------
    Schedule
        It passes `check`.

    Raises
    ------
    ValueError
        If the job does not fit into the window, the intensity does not cover it, or `step_s`
        is not > 0.
    """
    release_s, deadline_s = check_window(job, intensity, release, deadline)

    def wants(moment: Moment) -> bool:
        """Return whether the thresholds buy at this price."""
        bought = min(round(moment.work_s / step_s), rule.low.size - 1)
        return rule.accepts(float(intensity.at(moment.now_s)), bought, running=moment.running)

    done = follow(job, release_s, deadline_s, wants, step_s=step_s, suspension=suspension)
    return done.on(intensity)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A schedule beside the best one in hindsight and the one that starts at once.

    Parameters
    ----------
    emissions_g, best_g, at_once_g : float
        Emissions of the three [g CO2e].
    """

    emissions_g: float
    best_g: float
    at_once_g: float

    @property
    def ratio(self) -> float:
        """Emissions over the least possible ones, >= 1."""
        return self.emissions_g / self.best_g

    @property
    def share_of_saving(self) -> float:
        """Saving over the largest possible one: 1 is the best, 0 is starting at once.

        Negative where starting at once was better; NaN where nothing can be saved.
        """
        possible_g = self.at_once_g - self.best_g
        return (self.at_once_g - self.emissions_g) / possible_g if possible_g > 0 else math.nan


def compare(
    schedule: Schedule,
    job: PhaseModel,
    intensity: Intensity,
    release: Times,
    deadline: Times,
    *,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> Comparison:
    """Compare a schedule with the best in hindsight, `best_schedule`, and with starting at once.

    Parameters
    ----------
    schedule : Schedule
        A schedule of the job in this window.
    job, intensity, release, deadline, suspension, resolution_s
        As in `best_schedule`; the intensity is the one that came true.

    Returns
    -------
    Comparison
        Emissions of the three.

    Raises
    ------
    ValueError
        As `best_schedule`.
    """
    best = best_schedule(
        job, intensity, release, deadline, suspension=suspension, resolution_s=resolution_s
    )
    at_once = as_soon_as_possible(job, release, deadline)
    return Comparison(
        *(charge(s, job, intensity, suspension).emissions_g for s in (schedule, best, at_once))
    )
