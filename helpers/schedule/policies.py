"""The known policies on endless capacity, for a whole trace at once.

Every job of a workload is decided on its own, as if there were always a free machine: the
setting in which the policies were published, so that results compare.

===================  ==========================================================================
policy               what it does
===================  ==========================================================================
`no_wait`            start at submission [1]_
`lowest_slot`        start when the intensity is least, within the longest wait [1]_
`lowest_window`      start where the integral over the length is least [1]_
`saving_per_wait`    start where the saving per time to completion is most [1]_
`wait_awhile`        run in the cheapest times that add up to the length [2]_
`threshold`          run while the intensity is low, or the wait is used up [3]_
`work_conserving`    start as planned, or as soon as a fixed reservation has room [1]_
`start_at`           start at given times: what was really scheduled
`best`               the least emissions possible, in hindsight
===================  ==========================================================================

**Knowledge.** A policy decides on the intensity that came true, or on a `forecast`: one
`Intensity` for all jobs, or `Forecasts`, of which each job sees the newest one issued at its
submission. It is always charged with the truth. `lowest_window` and `saving_per_wait` know the
*true* length of a job, or only the *mean* length of its queue, or a length given for each job.

**Time.** A start may lie anywhere (exact: the best start lies where the start or the end meets
an intensity step, or at an end of the window, see `start`), or at multiples of `step_s` after
the submission; the published policies look once an hour (`PUBLISHED_STEP_S`) [1]_.

**Phases.** Jobs with phases are decided and charged with their power over time; where only the
mean length is known, power is taken as constant. `wait_awhile` and `threshold` know nothing of
start-ups; where a job has any, or a stop costs something, a controller pays for them
(`heuristics.follow`), in steps and one job after the other.

**End of the trace.** A job whose window leaves the intensity or the forecast is an error that
names it; `Trace.drop_uncovered` leaves such jobs out.

**Speed.** The loops over jobs are compiled when first called.

References
----------
.. [1] W. A. Hanafy, Q. Liang, N. Bashir, A. Souza, D. Irwin, P. Shenoy, "Going Green for Less
   Green: Optimizing the Cost of Reducing Cloud Carbon Emissions", ASPLOS 2024. What the text
   leaves open is as in its program, https://github.com/umassos/GAIA,
   ``src/scheduling/carbon_waiting_policy.py`` and ``scheduling_policy.py``.
.. [2] P. Wiesner, I. Behnke, D. Scheinert, K. Gontarska, L. Thamsen, "Let's Wait Awhile: How
   Temporal Workload Shifting Can Reduce Carbon Emissions in the Cloud", Middleware 2021.
.. [3] A. Souza et al., "Ecovisor: A Virtual Energy System for Carbon-Efficient Applications",
   ASPLOS 2023; with the numbers of [1]_, ``src/scheduling/suspend_scheduling_policy.py``.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import JOULES_PER_KWH, Forecasts, Intensity, check_intensity, same_kind
from helpers.extras import compiled, for_reading
from helpers.phases.suspension import Suspension
from helpers.schedule.heuristics import cheapest_slots, follow
from helpers.schedule.intervals import TIME_TOLERANCE_S, Schedule, charge
from helpers.schedule.suspend import best_schedules
from helpers.schedule.trace import Trace, TraceOutcome, reach
from helpers.timeline import Times, duration_seconds, epoch_seconds, utc_times
from helpers.work.workload import Workload

__all__ = [
    "PUBLISHED_STEP_S",
    "best",
    "lowest_slot",
    "lowest_window",
    "no_wait",
    "saving_per_wait",
    "start_at",
    "threshold",
    "wait_awhile",
    "work_conserving",
]

PUBLISHED_STEP_S = 3600.0
"""Distance of the starts that the published policies compare [s]."""

Length = Literal["true", "mean"] | ArrayLike
"""Length a policy reckons with: that of the job, the mean of its queue, or one a job [s]."""

Decision = Intensity | Forecasts | None
"""What a policy decides on; None for the truth."""

_TIE = 1e-12  # gains that differ by less than this share of the largest possible are equal


def start_at(
    work: Workload | Trace, intensity: Intensity, start: Times, *, policy: str = "given starts"
) -> TraceOutcome:
    """Start each job at a given time and let it run: what was really scheduled, for example.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that is charged.
    start : instants, shape (n,)
        When each job starts; neither the submission nor the longest wait is asked.
    policy : str
        Name of the outcome.

    Returns
    -------
    TraceOutcome
        One run a job.

    Raises
    ------
    ValueError
        If there is not one start a job, or a run leaves the coverage of the intensity.
    """
    trace = Trace.of(work)
    start_s = np.atleast_1d(epoch_seconds(start))
    if start_s.shape != (len(trace),):
        raise ValueError(f"{start_s.size} starts for {len(trace)} jobs: give one a job.")
    return _charged(trace, intensity, policy, start_s, start_s + trace.length_s)


def no_wait(work: Workload | Trace, intensity: Intensity) -> TraceOutcome:
    """Start each job at its submission: as soon as possible.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that is charged.

    Raises
    ------
    ValueError
        If a job leaves the coverage of the intensity.
    """
    trace = Trace.of(work)
    return start_at(trace, intensity, trace.submit_s, policy="no wait")


def lowest_slot(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    step_s: float | None = None,
    forecast: Decision = None,
) -> TraceOutcome:
    """Start each job when the intensity is least within its longest wait; the earliest if equal.

    How long the job runs is not asked.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that comes true and is charged.
    step_s : float, optional
        Compare the intensity at multiples of this [s] after the submission; by default at the
        submission and at every intensity step that begins within the longest wait, as
        published.
    forecast : Intensity or Forecasts, optional
        What the policy decides on, instead of the truth.

    Returns
    -------
    TraceOutcome
        One run a job.

    Raises
    ------
    ValueError
        If the kinds of intensity differ, `step_s` is not > 0, or the window of a job leaves
        the coverage; the message names the job.
    """
    trace = Trace.of(work)
    seen = _curves(trace, intensity, forecast, trace.longest_wait_s)
    shift_s = compiled(_lowest_slots)(seen, trace.submit_s, trace.longest_wait_s, _step(step_s))
    return start_at(trace, intensity, trace.submit_s + shift_s, policy="lowest slot")


def lowest_window(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    length: Length = "true",
    step_s: float | None = None,
    forecast: Decision = None,
) -> TraceOutcome:
    """Start each job where it emits least within its longest wait; the earliest if equal.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that comes true and is charged.
    length : {"true", "mean"} or array_like, shape (n,)
        Length the policy reckons with [s].
    step_s : float, optional
        Compare starts at multiples of this [s] after the submission; by default all.
    forecast : Intensity or Forecasts, optional
        What the policy decides on, instead of the truth.

    Returns
    -------
    TraceOutcome
        One run a job.

    Raises
    ------
    ValueError
        As `lowest_slot`, or if `length` is neither known nor a length a job.
    """
    trace = Trace.of(work)
    start_s = _best_windows(trace, intensity, length, step_s, forecast, per_wait=False)
    return start_at(trace, intensity, start_s, policy=f"lowest window{_known(length)}")


def saving_per_wait(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    length: Length = "true",
    step_s: float | None = None,
    forecast: Decision = None,
) -> TraceOutcome:
    """Start each job where it saves most per time to completion; the earliest if equal.

    Parameters
    ----------
    trace, intensity, length, step_s, forecast
        As in `lowest_window`.

    Returns
    -------
    TraceOutcome
        One run a job.

    Raises
    ------
    ValueError
        As `lowest_window`.

    Notes
    -----
    With emissions C(w) after a wait w and the length L, the policy maximises

        (C(0) - C(w)) / (w + L).

    C is piecewise linear in w, so the quotient is monotone between the kinks of C, and the
    exact optimum lies at a kink or at an end of the window, like that of `lowest_window`.
    """
    trace = Trace.of(work)
    start_s = _best_windows(trace, intensity, length, step_s, forecast, per_wait=True)
    return start_at(trace, intensity, start_s, policy=f"saving per wait{_known(length)}")


def wait_awhile(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    forecast: Decision = None,
    suspension: Suspension | None = None,
    step_s: float = PUBLISHED_STEP_S,
) -> TraceOutcome:
    """Run each job in the cheapest times of its window that add up to its length.

    Equal times are used from the earliest on, and of the dearest step that is needed the
    first part. With constant power and free stops nothing emits less.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that comes true and is charged.
    forecast : Intensity or Forecasts, optional
        What the policy decides on, instead of the truth.
    suspension : Suspension, optional
        What a stop costs, for jobs that must pay for it.
    step_s : float
        Step of the controller [s], used only where a stop or a start costs something.

    Returns
    -------
    TraceOutcome
        One or more runs a job.

    Raises
    ------
    ValueError
        As `lowest_slot`.
    """
    trace = Trace.of(work)
    step_s = duration_seconds(step_s)
    if _stops_cost(trace, suspension):
        _curves(trace, intensity, forecast, trace.longest_wait_s + trace.length_s)

        def one(i: int) -> Schedule:
            """Return the schedule of job i."""
            return cheapest_slots(
                trace.model(i),
                intensity if forecast is None else _seen_by(forecast, trace.submit_s[i]),
                trace.submit_s[i],
                trace.deadline_s[i],
                step_s=step_s,
                suspension=suspension,
            )

        return _one_by_one(trace, intensity, "wait awhile", one, suspension)
    seen = _curves(trace, intensity, forecast, trace.longest_wait_s + trace.length_s)
    runs = compiled(_cheapest_times)(seen, trace.submit_s, trace.length_s, trace.longest_wait_s)
    return _charged(trace, intensity, "wait awhile", *runs)


def threshold(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    quantile: float = 0.3,
    ahead_s: float = 86_400.0,
    forecast: Decision = None,
    suspension: Suspension | None = None,
    step_s: float = PUBLISHED_STEP_S,
) -> TraceOutcome:
    """Run each job while the intensity is low, and without a pause once its wait is used up.

    Low is below a quantile of the time that follows the submission. The level comes from the
    forecast if there is one; the intensity of the present, with which it is compared, is known
    and true.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that comes true and is charged.
    quantile : float
        Which one, by time, in (0, 1): the least level that the intensity does not exceed for
        at least this share of the time.
    ahead_s : float
        How far the quantile looks ahead [s], > 0.
    forecast : Intensity or Forecasts, optional
        What the level is taken from, instead of the truth.
    suspension : Suspension, optional
        What a stop costs, for jobs that must pay for it.
    step_s : float
        Step of the controller [s], used only where a stop or a start costs something.

    Returns
    -------
    TraceOutcome
        One or more runs a job.

    Raises
    ------
    ValueError
        As `lowest_slot`, or if `quantile` or `ahead_s` is out of range.
    """
    trace = Trace.of(work)
    if not 0 < quantile < 1:
        raise ValueError(f"quantile(={quantile}) must lie between 0 and 1.")
    ahead_s, step_s = duration_seconds(ahead_s), duration_seconds(step_s)
    truth = _curves(trace, intensity, None, trace.longest_wait_s + trace.length_s)
    seen = _curves(trace, intensity, forecast, np.full(len(trace), ahead_s))
    level = compiled(_quantiles)(seen, trace.submit_s, ahead_s, quantile)
    if _stops_cost(trace, suspension):

        def one(i: int) -> Schedule:
            """Return the schedule of job i."""
            return follow(
                trace.model(i),
                trace.submit_s[i],
                trace.deadline_s[i],
                lambda moment: bool(intensity.at(moment.now_s) < level[i]),
                step_s=step_s,
                suspension=suspension,
            )

        return _one_by_one(trace, intensity, "threshold", one, suspension)
    runs = compiled(_times_below)(
        truth, trace.submit_s, trace.length_s, trace.longest_wait_s, level
    )
    return _charged(trace, intensity, "threshold", *runs)


def work_conserving(
    work: Workload | Trace, intensity: Intensity, planned: TraceOutcome | Times, reserved: float
) -> TraceOutcome:
    """Start each job when planned, or earlier, as soon as a fixed reservation has room for it.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that is charged.
    planned : TraceOutcome or instants, shape (n,)
        Start of each job by another policy that does not stop jobs. With
        ``trace.submit_s + trace.longest_wait_s`` all jobs wait as long as they may.
    reserved : float
        Processors of the reservation, >= 0. Beyond it capacity is endless, at a price.

    Returns
    -------
    TraceOutcome
        One run a job; `TraceOutcome.reserved` says which jobs the reservation ran.

    Raises
    ------
    ValueError
        If a start is planned before the submission, jobs were stopped in the plan, or a run
        leaves the coverage of the intensity.

    Notes
    -----
    The policy "Reserved First" of GAIA: at any time the waiting jobs are asked in the
    order of their submission; those that fit into what is free start on the reservation, and
    those whose planned start has come start elsewhere. Here time is continuous, and what is
    released at an instant is free at that instant.
    """
    trace = Trace.of(work)
    if not (np.isfinite(reserved) and reserved >= 0):
        raise ValueError(f"reserved(={reserved}) must be finite and >= 0 processors.")
    if isinstance(planned, TraceOutcome):
        if planned.resumes.any():
            raise ValueError(
                f"the plan of {planned.policy!r} stops jobs, but a reservation needs jobs that run "
                "through; plan with a policy that does not stop them."
            )
        planned = planned.start_s
    planned_s = np.atleast_1d(epoch_seconds(planned))
    if planned_s.shape != (len(trace),):
        raise ValueError(f"{planned_s.size} planned starts for {len(trace)} jobs: give one a job.")
    early = np.flatnonzero(planned_s < trace.submit_s)
    if early.size:
        i = int(early[0])
        raise ValueError(
            f"job {trace.job_id[i]} is planned at {_at(planned_s[i])}, before its submission at "
            f"{_at(trace.submit_s[i])}."
        )
    order = np.argsort(trace.submit_s, kind="stable")
    start_s, on_it = compiled(_first_reserved)(
        order, trace.submit_s, planned_s, trace.length_s, trace.processors, float(reserved)
    )
    return _charged(
        trace, intensity, "work conserving", start_s, start_s + trace.length_s, reserved=on_it
    )


def best(
    work: Workload | Trace,
    intensity: Intensity,
    *,
    interruptible: bool = False,
    suspension: Suspension | None = None,
    resolution_s: float | None = None,
) -> TraceOutcome:
    """Return the least emissions possible in hindsight: a bound, not a policy.

    Parameters
    ----------
    work : Workload
        The jobs.
    intensity : Intensity
        Carbon intensity that comes true.
    interruptible : bool
        Whether jobs may be suspended.
    suspension : Suspension, optional
        What a stop costs; by default it is free, apart from the start-up at the resume.
    resolution_s : float, optional
        As in `suspend.best_schedule`; used only where the dynamic program is needed, that is
        where jobs have phases or a stop costs something.

    Returns
    -------
    TraceOutcome
        The exact best start, or the exact best set of runs.

    Raises
    ------
    ValueError
        If a window leaves the coverage; the message names the job.
    """
    trace = Trace.of(work)
    if not interruptible:
        start_s = _best_windows(trace, intensity, "true", None, None, per_wait=False)
        return start_at(trace, intensity, start_s, policy="best start")
    seen = _curves(trace, intensity, None, trace.longest_wait_s + trace.length_s)
    if trace.models is None and suspension is None:
        runs = compiled(_cheapest_times)(seen, trace.submit_s, trace.length_s, trace.longest_wait_s)
        return _charged(trace, intensity, "best runs", *runs)
    schedules = best_schedules(
        [trace.model(i) for i in range(len(trace))],
        intensity,
        trace.submit_s,
        np.minimum(trace.deadline_s, intensity.edges_s[-1]),
        suspension=suspension,
        resolution_s=resolution_s,
        workers=1,
    )
    return _one_by_one(trace, intensity, "best runs", schedules.__getitem__, suspension)


def _known(length: Length) -> str:
    return f", {length} length" if isinstance(length, str) else ", given length"


def _step(step_s: float | None) -> float:
    """Step as the loops want it: 0 for all starts."""
    return 0.0 if step_s is None else duration_seconds(step_s)


def _best_windows(
    trace: Trace,
    intensity: Intensity,
    length: Length,
    step_s: float | None,
    forecast: Decision,
    *,
    per_wait: bool,
) -> NDArray[np.float64]:
    """Start of each job [s] with the most saving, or the most saving per time to completion."""
    if isinstance(length, str) and length not in ("true", "mean"):
        raise ValueError(f"length(={length!r}) must be 'true', 'mean' or a length a job [s].")
    if isinstance(length, str):
        length_s = trace.length_s if length == "true" else trace.mean_length_s
    else:
        length_s = np.asarray(length, dtype=np.float64)
        if length_s.shape != (len(trace),) or not (length_s > 0).all():
            raise ValueError(
                f"length must hold one length > 0 s a job, not shape {length_s.shape}."
            )
    true = isinstance(length, str) and length == "true"
    profiles = trace.profiles if true else _constant(length_s)
    curves = _curves(trace, intensity, forecast, trace.longest_wait_s + length_s)
    tie = _TIE * np.abs(curves.value).max(axis=1)
    first, border_s, power_w = profiles
    times_s = (trace.submit_s, trace.longest_wait_s, length_s)
    jobs = _Jobs(*map(for_reading, (first, border_s, power_w, *times_s)))
    if step_s is None:
        shift_s = compiled(_kinks_of_start)(curves, jobs, per_wait, tie)
    else:
        shift_s = compiled(_steps_of_start)(curves, jobs, per_wait, tie, _step(step_s))
    return trace.submit_s + shift_s


def _constant(length_s: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Phase borders and powers of jobs that draw 1 W, as `Trace.profiles` has them."""
    count, zero = length_s.size, np.zeros(length_s.size)
    first = 2 * np.arange(count + 1)
    return first, np.stack([zero, length_s], 1).ravel(), np.tile([1.0, 0.0], count)


def _stops_cost(trace: Trace, suspension: Suspension | None) -> bool:
    """Whether a start or a stop costs something, or is not allowed everywhere."""
    models = {id(model): model for model in trace.models or ()}.values()
    return suspension is not None or any(model.startup or model.end for model in models)


def _curves(trace: Trace, intensity: Intensity, forecast: Decision, needed_s: NDArray) -> _Curves:
    """Curves to decide on, which cover `needed_s` [s] from each submission, for the loops.

    The truth must cover the window of each job, whatever is decided.
    There is one row, or one a forecast.
    """
    check_intensity(intensity)
    seen = intensity if forecast is None else forecast
    same_kind(seen, intensity)
    _check_reach(trace, intensity, trace.longest_wait_s + trace.length_s)
    _check_reach(trace, seen, needed_s)
    if isinstance(seen, Intensity):
        offset_s, edges_s = np.zeros(1), seen.edges_s
        value, row = seen.intensity_g_per_kwh[None, :], np.zeros(len(trace), dtype=np.int64)
    else:
        offset_s, edges_s, value = seen.issued_s, seen.lead_edges_s, seen.intensity_g_per_kwh
        row = np.searchsorted(offset_s, trace.submit_s, side="right") - 1
    total = np.zeros((value.shape[0], value.shape[1] + 1))
    np.cumsum(value * np.diff(edges_s), axis=1, out=total[:, 1:])
    return _Curves(*map(for_reading, (edges_s, offset_s, value, total, row)))


def _check_reach(trace: Trace, seen: Intensity | Forecasts, needed_s: NDArray) -> None:
    """Raise for the first job whose decision would need more than is covered."""
    begin_s, end_s = reach(seen, trace.submit_s)
    stop_s = trace.submit_s + needed_s
    bad = (trace.submit_s < begin_s) | (stop_s > end_s + TIME_TOLERANCE_S)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        what = "intensity" if isinstance(seen, Intensity) else "newest forecast"
        known = np.isfinite(end_s[i])
        covers = f"[{_at(begin_s[i])}, {_at(end_s[i])})" if known else "nothing: none was issued"
        raise ValueError(
            f"job {trace.job_id[i]}, submitted {_at(trace.submit_s[i])}, needs the {what} of "
            f"{seen.zone} up to {_at(stop_s[i])}, but that covers {covers} ({int(bad.sum())} such "
            "jobs); nothing is extrapolated: load a longer period, or leave such jobs out with "
            "trace.drop_uncovered()."
        )


def _seen_by(forecast: Intensity | Forecasts, now_s: float) -> Intensity:
    return forecast if isinstance(forecast, Intensity) else forecast.issued_at(now_s)


def _charged(
    trace: Trace,
    intensity: Intensity,
    policy: str,
    run_start_s: NDArray,
    run_stop_s: NDArray,
    first_run: NDArray | None = None,
    reserved: NDArray | None = None,
) -> TraceOutcome:
    """Charge runs that do the work of each job in order, without any overhead."""
    check_intensity(intensity)
    if first_run is None:
        first_run = np.arange(len(trace) + 1)
    first_s, last_s = intensity.edges_s[[0, -1]]
    begin_s, end_s = run_start_s[first_run[:-1]], run_stop_s[first_run[1:] - 1]
    bad = np.flatnonzero((begin_s < first_s) | (end_s > last_s + TIME_TOLERANCE_S))
    if bad.size:
        i = int(bad[0])
        raise ValueError(
            f"job {trace.job_id[i]} would run from {_at(begin_s[i])} to {_at(end_s[i])}, but the "
            f"intensity of {intensity.zone} covers [{_at(first_s)}, {_at(last_s)}) ({bad.size} such "
            "jobs); nothing is extrapolated: load a longer period, or leave such jobs out with "
            "trace.drop_uncovered()."
        )
    steps = (intensity.edges_s, intensity.intensity_g_per_kwh)
    runs = (first_run, run_start_s, run_stop_s)
    emissions_g = compiled(_charges)(_Charged(*map(for_reading, (*steps, *runs, *trace.profiles))))
    return TraceOutcome(
        trace,
        policy,
        run_start_s,
        run_stop_s,
        first_run,
        emissions_g / JOULES_PER_KWH,
        trace.energy_kwh,
        reserved=reserved,
    )


def _one_by_one(
    trace: Trace,
    intensity: Intensity,
    policy: str,
    schedule: Callable[[int], Schedule],
    suspension: Suspension | None,
) -> TraceOutcome:
    """Collect the schedule of each job and charge it, start-ups, saving and pauses included."""
    schedules = [schedule(i) for i in range(len(trace))]
    charges = [
        charge(found, trace.model(i), intensity, suspension) for i, found in enumerate(schedules)
    ]
    empty = [np.empty(0)]
    return TraceOutcome(
        trace,
        policy,
        np.concatenate([found.start_s for found in schedules] or empty),
        np.concatenate([found.stop_s for found in schedules] or empty),
        np.cumsum([0, *(found.start_s.size for found in schedules)]),
        np.array([cost.emissions_g for cost in charges]),
        np.array([cost.energy_j for cost in charges]) / JOULES_PER_KWH,
        suspension,
    )


def _at(seconds: float) -> str:
    return utc_times(seconds)[0].isoformat().replace("+00:00", "Z")


class _Curves(NamedTuple):
    """Curves of intensity to decide on, one a row."""

    edges: NDArray[np.float64]  # [s], of all rows
    offset: NDArray[np.float64]  # where second 0 of the edges lies [s]
    value: NDArray[np.float64]  # [g/kWh]
    total: NDArray[np.float64]  # integral up to each edge
    row: NDArray[np.int64]  # of each job


class _Jobs(NamedTuple):
    """Phases, submission, longest wait and length [s] of jobs."""

    first: NDArray[np.int64]
    border: NDArray[np.float64]
    power: NDArray[np.float64]
    submit: NDArray[np.float64]
    wait: NDArray[np.float64]
    length: NDArray[np.float64]


class _Charged(NamedTuple):
    """Steps of the intensity, runs of jobs, and their phases."""

    edges: NDArray[np.float64]
    value: NDArray[np.float64]
    first_run: NDArray[np.int64]
    run_start: NDArray[np.float64]
    run_stop: NDArray[np.float64]
    first: NDArray[np.int64]
    border: NDArray[np.float64]
    power: NDArray[np.float64]


# What follows is compiled. Curves come as `_curves` gives them, phases as `Trace.profiles` has
# them: borders [s] and powers [W] of job n from `first[n]` to before `first[n + 1]`, the last
# power being 0.


def _lowest_slots(seen: _Curves, submit: NDArray, wait: NDArray, step: float) -> NDArray:
    """Wait [s] of each job until the intensity is least."""
    edges, offset, value, _, row = seen
    shift, steps = np.zeros(submit.size), value.shape[1]
    for n in range(submit.size):
        r, now = row[n], submit[n] - offset[row[n]]
        i = min(np.searchsorted(edges, now, side="right"), steps) - 1
        least = value[r, i]
        if step > 0:
            for k in range(1, int(wait[n] / step + 1e-9) + 1):
                i = np.searchsorted(edges, now + k * step, side="right") - 1
                if i < steps and value[r, i] < least:
                    least, shift[n] = value[r, i], k * step
        else:
            while i + 1 < steps and edges[i + 1] - now <= wait[n]:
                i += 1
                if value[r, i] < least:
                    least, shift[n] = value[r, i], edges[i] - now
    return shift


def _steps_of_start(
    seen: _Curves, jobs: _Jobs, per_wait: bool, tie: NDArray, step: float
) -> NDArray:
    """Wait [s] of each job with the most gain, among multiples of a step."""
    edges, offset, value, total, row = seen
    first, border, power, submit, wait, length = jobs
    shift, last = np.zeros(submit.size), value.shape[1] - 1
    for n in range(submit.size):
        r, now = row[n], submit[n] - offset[row[n]]
        base = total[r, max(np.searchsorted(edges, now, side="right") - 1, 0)]
        energy = 0.0
        for b in range(first[n], first[n + 1] - 1):
            energy += power[b] * (border[b + 1] - border[b])
        at_once, best = 0.0, 0.0
        for k in range(int(wait[n] / step + 1e-9) + 1):
            emitted = 0.0
            for b in range(first[n], first[n + 1]):
                t = now + k * step + border[b]
                i = min(np.searchsorted(edges, t, side="right") - 1, last)
                before = power[b - 1] if b > first[n] else 0.0
                emitted += (before - power[b]) * (
                    (total[r, i] - base) + value[r, i] * (t - edges[i])
                )
            if k == 0:
                at_once = emitted
            gain = at_once - emitted
            if per_wait:
                gain *= length[n] / (k * step + length[n])
            if gain > best + tie[r] * energy:
                best, shift[n] = gain, k * step
    return shift


def _kinks_of_start(seen: _Curves, jobs: _Jobs, per_wait: bool, tie: NDArray) -> NDArray:
    """Wait [s] of each job with the most gain, among all; see `start` for the sweep.

    A heap knows which border of phases meets its next intensity step first; emissions beyond
    those of a start at once are carried along from kink to kink.
    """
    edges, offset, value, _, row = seen
    first, border, power, submit, wait, length = jobs
    shift, steps = np.zeros(submit.size), value.shape[1]
    heap = [(0.0, 0, 0)]
    for n in range(submit.size):
        r, now = row[n], submit[n] - offset[row[n]]
        heap.clear()
        slope, energy, before = 0.0, 0.0, 0.0
        for b in range(first[n], first[n + 1]):
            at = now + border[b]
            i = np.searchsorted(edges, at, side="right")
            slope += (before - power[b]) * value[r, min(i, steps) - 1]
            if i < steps:
                heap.append((edges[i] - at, b, i))
            if b > first[n]:
                energy += before * (border[b] - border[b - 1])
            before = power[b]
        heapq.heapify(heap)
        emitted, reached, best, ended = 0.0, 0.0, 0.0, False
        while not ended:
            ended = len(heap) == 0 or heap[0][0] >= wait[n]
            meets = wait[n] if ended else heap[0][0]
            emitted += slope * (meets - reached)
            reached = meets
            gain = -emitted * (length[n] / (meets + length[n]) if per_wait else 1.0)
            if gain > best + tie[r] * energy:
                best, shift[n] = gain, meets
            if not ended:
                _, b, i = heap[0]
                before = power[b - 1] if b > first[n] else 0.0
                slope += (before - power[b]) * (value[r, i] - value[r, i - 1])
                if i + 1 < steps:
                    heapq.heapreplace(heap, (edges[i + 1] - now - border[b], b, i + 1))
                else:
                    heapq.heappop(heap)
    return shift


def _cheapest_times(
    seen: _Curves, submit: NDArray, length: NDArray, wait: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Runs of each job in the cheapest times of its window: starts, stops [s], first run."""
    edges, offset, value, _, row = seen
    starts, stops = np.empty(2 * submit.size + 1), np.empty(2 * submit.size + 1)
    first, size = np.zeros(submit.size + 1, dtype=np.int64), 0
    for n in range(submit.size):
        zero, r = offset[row[n]], row[n]
        begin = submit[n] - zero
        end = begin + wait[n] + length[n]
        low = np.searchsorted(edges, begin, side="right") - 1
        high = min(max(np.searchsorted(edges, end, side="left"), low + 1), value.shape[1])
        order = np.argsort(value[r, low:high], kind="mergesort")
        taken, left = np.zeros(high - low), length[n]
        for k in order:
            lasts = min(edges[low + k + 1], end) - max(edges[low + k], begin)
            if low + k == value.shape[1] - 1:
                lasts = end - max(edges[low + k], begin)  # the end may lie beyond by rounding
            taken[k] = min(lasts, left)
            left -= taken[k]
            if left <= 0:
                break
        if size + taken.size > starts.size:
            more = np.empty(starts.size + taken.size)
            starts, stops = np.concatenate((starts, more)), np.concatenate((stops, more))
        whole = False  # whether the piece before is run to its end
        for k in range(taken.size):
            if taken[k] > 0:
                if not whole:
                    starts[size] = zero + edges[low + k] if edges[low + k] > begin else submit[n]
                    size += 1
                stops[size - 1] = max(zero + edges[low + k], submit[n]) + taken[k]
                whole = taken[k] >= min(edges[low + k + 1], end) - max(edges[low + k], begin)
            else:
                whole = False
        first[n + 1] = size
    return starts[:size].copy(), stops[:size].copy(), first


def _quantiles(seen: _Curves, submit: NDArray, ahead: float, quantile: float) -> NDArray:
    """Quantile [g/kWh] by time of what follows each submission."""
    edges, offset, value, _, row = seen
    level = np.empty(submit.size)
    for n in range(submit.size):
        r, begin = row[n], submit[n] - offset[row[n]]
        end = begin + ahead
        low = np.searchsorted(edges, begin, side="right") - 1
        high = min(max(np.searchsorted(edges, end, side="left"), low + 1), value.shape[1])
        lasted = 0.0
        for k in np.argsort(value[r, low:high], kind="mergesort"):
            lasted += min(edges[low + k + 1], end) - max(edges[low + k], begin)
            level[n] = value[r, low + k]
            if lasted >= quantile * ahead * (1 - 1e-12):
                break
    return level


def _times_below(
    seen: _Curves, submit: NDArray, length: NDArray, wait: NDArray, level: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """Runs of each job below its level or with its wait used up: starts, stops [s], first run."""
    edges, value = seen.edges, seen.value
    starts, stops = np.empty(2 * submit.size + 1), np.empty(2 * submit.size + 1)
    first, size = np.zeros(submit.size + 1, dtype=np.int64), 0
    for n in range(submit.size):
        now, left, budget, running = submit[n], length[n], wait[n], False
        i = min(np.searchsorted(edges, now, side="right"), value.shape[1]) - 1
        while left > 0:
            last = i + 1 >= value.shape[1]
            lasts = left + budget if last else edges[i + 1] - now
            if not (value[0, i] < level[n]):
                pause = min(lasts, budget)
                now, budget, lasts = now + pause, budget - pause, lasts - pause
                running = running and pause == 0
            if lasts > 0:
                if not running:
                    if size == starts.size:
                        starts = np.concatenate((starts, np.empty(size)))
                        stops = np.concatenate((stops, np.empty(size)))
                    starts[size], running = now, True
                    size += 1
                runs = min(lasts, left)
                left -= runs
                now += runs
                stops[size - 1] = now
            if not last:
                i += 1
                now = now if left <= 0 else edges[i]
        first[n + 1] = size
    return starts[:size].copy(), stops[:size].copy(), first


def _first_reserved(
    order: NDArray, submit: NDArray, planned: NDArray, length: NDArray, need: NDArray, total: float
) -> tuple[NDArray, NDArray]:
    """Start [s] of each job, and whether on the reservation; `order` is that of submission."""
    count = submit.size
    start, on_it = planned.copy(), np.zeros(count, dtype=np.bool_)
    waiting, started = np.empty(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    size, come, free = 0, 0, total
    busy, plans = [(0.0, 0.0)], [(0.0, 0)]
    busy.clear()
    plans.clear()
    while come < count or len(plans) > 0:
        now = plans[0][0] if len(plans) > 0 else np.inf
        if come < count:
            now = min(now, submit[order[come]])
        if len(busy) > 0 and size > 0:
            now = min(now, busy[0][0])
        asked = size  # who waited before need only be asked again when something is released
        while len(busy) > 0 and busy[0][0] <= now:
            free += heapq.heappop(busy)[1]
            asked = 0
        while come < count and submit[order[come]] <= now:
            waiting[size] = order[come]
            heapq.heappush(plans, (planned[order[come]], order[come]))
            size, come = size + 1, come + 1
        kept = asked
        for k in range(asked, size):
            n = waiting[k]
            if started[n]:
                continue
            if need[n] <= free:
                start[n], on_it[n], started[n] = now, True, True
                free -= need[n]
                heapq.heappush(busy, (now + length[n], need[n]))
            else:
                waiting[kept] = n
                kept += 1
        size = kept
        while len(plans) > 0 and (started[plans[0][1]] or plans[0][0] <= now):
            started[heapq.heappop(plans)[1]] = True  # elsewhere, if it did not start just now
    return start, on_it


def _charges(t: _Charged) -> NDArray:
    """Emissions [g/kWh x W x s] of each job, its phases run in order over its runs."""
    edges, value, first_run, run_start, run_stop, first, border, power = t
    emitted, last = np.zeros(first_run.size - 1), value.size - 1
    for n in range(emitted.size):
        b, end = first[n], first[n + 1] - 2  # phase under way, and the last one
        left = border[b + 1] - border[b]
        for k in range(first_run[n], first_run[n + 1]):
            now = run_start[k]
            i = min(np.searchsorted(edges, now, side="right") - 1, last)
            while now < run_stop[k]:
                until = run_stop[k]
                if i < last:
                    until = min(until, edges[i + 1])
                if b < end:
                    until = min(until, now + left)
                emitted[n] += power[b] * value[i] * (until - now)
                left -= until - now
                now = until
                if i < last and now >= edges[i + 1]:
                    i += 1
                if b < end and left <= 1e-9 * border[end + 1]:
                    b += 1
                    left = border[b + 1] - border[b]
    return emitted
