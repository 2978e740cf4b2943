"""How well a phase model predicts runs it has not seen, and where its error comes from.

- `cross_validate`: fit on some runs, predict the others, beside the constant-power model.
- `error_by_scale`: the error of mean power over ever longer windows.
- `align`: dynamic time warping, to tell error of level from error of timing.
- `barycenter_profile`: the DTW barycenter of runs, a model without phases.
- `spectrum`: the period of the epochs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.extras import extra
from helpers.phases.fit import RunLike, as_run, fit_model, match_borders
from helpers.phases.model import Phase, Profile
from helpers.phases.plan import Plan
from helpers.power.runs import Run, energy_j

__all__ = [
    "Alignment",
    "align",
    "barycenter_profile",
    "constant_profile",
    "cross_validate",
    "dominant_period_s",
    "error_by_scale",
    "own_error_w",
    "phase_profile",
    "score_profile",
    "spectrum",
    "summarise",
]

Builder = Callable[[Sequence[Run], Plan], Profile]
"""Makes a predicted profile out of training runs; second 0 is the plan's start."""


def phase_profile(runs: Sequence[RunLike], plan: Plan) -> Profile:
    """Return the phase model fitted to runs, as a profile [s, W]."""
    return fit_model(runs, plan).model.profile


def constant_profile(runs: Sequence[RunLike], plan: Plan) -> Profile:
    """Return the baseline: the runs' mean power over their mean duration [s, W]."""
    return fit_model(runs, plan).model.constant_twin("whole").profile


def _window(run: Run, plan: Plan) -> tuple[float, float]:
    borders_s = match_borders(run, plan, label=f"run {run.name!r}")
    return float(borders_s[0]), float(borders_s[-1])


def score_profile(profile: Profile, run: RunLike, plan: Plan) -> dict[str, float]:
    """Score a predicted profile against one run.

    Parameters
    ----------
    profile : Profile
        Prediction; second 0 is the plan's start.
    run : RunLike
        What was measured.
    plan : Plan
        Says where in the run the job begins and ends.

    Returns
    -------
    dict
        ``rmse_w`` and ``mae_w`` over the run's samples while both run and prediction last
        [W]; ``energy_error_j`` and ``duration_error_s``, prediction minus run, over the whole
        job [J, s]; ``energy_j`` of the run [J].

    Raises
    ------
    ValueError
        If the run does not fit the plan.
    """
    run = as_run(run)
    start_s, stop_s = _window(run, plan)
    since_s = run.time_s - start_s
    both = (since_s >= 0) & (since_s <= min(stop_s - start_s, profile.duration_s))
    error_w = profile.power_at(since_s[both]) - run.power_w[both]
    measured_j = energy_j(run, start_s, stop_s)
    return {
        "rmse_w": float(np.sqrt(np.mean(error_w**2))),
        "mae_w": float(np.mean(np.abs(error_w))),
        "energy_error_j": profile.energy_j - measured_j,
        "duration_error_s": profile.duration_s - (stop_s - start_s),
        "energy_j": measured_j,
    }


def cross_validate(
    runs: Sequence[RunLike],
    plan: Plan,
    *,
    folds: int | None = None,
    seed: int | None = None,
    builders: Mapping[str, Builder] | None = None,
) -> pd.DataFrame:
    """Predict every run from others, by folds.

    Parameters
    ----------
    runs : sequence of RunLike
        Repeated runs of one job, 2 or more.
    plan : Plan
        Phases and the events that end them.
    folds : int, optional
        Number of folds, from 2 to the number of runs; leave one out when not given.
    seed : int, optional
        Seed that deals runs to folds; needed unless each fold holds one run.
    builders : mapping of str to callable, optional
        Models to compare, by name; `phase_profile` as "phases" and `constant_profile` as
        "constant" when not given.

    Returns
    -------
    DataFrame
        One row a run and model: ``run`` (place in `runs`), ``fold``, ``model``, and what
        `score_profile` returns.

    Raises
    ------
    ValueError
        If `folds` is out of range, `seed` is missing, or a run does not fit the plan.
    """
    recorded = [as_run(run) for run in runs]
    count = len(recorded)
    folds = count if folds is None else folds
    if not 2 <= folds <= count:
        raise ValueError(f"folds(={folds}) must lie between 2 and the number of runs(={count}).")
    if folds < count and seed is None:
        raise ValueError("seed(=None) must be given: it decides which runs share a fold.")
    places = np.arange(count) if folds == count else np.random.default_rng(seed).permutation(count)
    builders = builders or {"phases": phase_profile, "constant": constant_profile}
    rows = []
    for fold, held_out in enumerate(np.array_split(places, folds)):
        training = [recorded[i] for i in range(count) if i not in held_out]
        for name, build in builders.items():
            profile = build(training, plan)
            rows += [
                {"run": int(i), "fold": fold, "model": name}
                | score_profile(profile, recorded[i], plan)
                for i in held_out
            ]
    return pd.DataFrame(rows)


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of `cross_validate` over runs.

    Parameters
    ----------
    scores : DataFrame
        From `cross_validate`.

    Returns
    -------
    DataFrame
        One row a model, in order of appearance: means over runs of ``rmse_w``, ``mae_w`` [W],
        ``energy_error_j``, ``abs_energy_error_j`` [J], ``abs_duration_error_s`` [s], and
        ``rmse_sd_w``, the standard deviation of the RMSE between runs [W].
    """
    grouped = scores.assign(
        abs_energy_error_j=scores["energy_error_j"].abs(),
        abs_duration_error_s=scores["duration_error_s"].abs(),
        rmse_sd_w=scores["rmse_w"],
    ).groupby("model", sort=False)
    means = ["rmse_w", "mae_w", "energy_error_j", "abs_energy_error_j", "abs_duration_error_s"]
    return grouped[means].mean().join(grouped["rmse_sd_w"].std())


def error_by_scale(profile: Profile, run: RunLike, plan: Plan, scales_s: ArrayLike) -> pd.DataFrame:
    """Score the mean power of windows, from short windows to long ones.

    Parameters
    ----------
    profile : Profile
        Prediction; second 0 is the plan's start.
    run : RunLike
        What was measured.
    plan : Plan
        Says where in the run the job begins and ends.
    scales_s : array_like of float
        Lengths of the windows [s], each at most the time for which both run and prediction
        last.

    Returns
    -------
    DataFrame
        One row a scale: ``scale_s`` [s], ``windows`` (whole ones from the start on),
        ``rmse_w`` of their mean power [W].

    Raises
    ------
    ValueError
        If a scale is not above 0 or longer than the job.
    """
    run = as_run(run)
    start_s, stop_s = _window(run, plan)
    both_s = min(stop_s - start_s, profile.duration_s)
    rows = []
    for scale_s in np.asarray(scales_s, dtype=float).ravel():
        if not 0 < scale_s <= both_s:
            raise ValueError(f"scales_s(={scale_s}) must lie in (0, {both_s}] s.")
        edges_s = np.arange(int(both_s / scale_s) + 1) * scale_s
        predicted_w = np.diff(profile.energy_until_j(np.minimum(edges_s, both_s))) / scale_s
        at_s = np.minimum(start_s + edges_s, stop_s)
        measured_w = energy_j(run, at_s[:-1], at_s[1:]) / scale_s
        rmse_w = float(np.sqrt(np.mean((predicted_w - measured_w) ** 2)))
        rows.append({"scale_s": scale_s, "windows": measured_w.size, "rmse_w": rmse_w})
    return pd.DataFrame(rows)


def _cells(run: Run, start_s: float, stop_s: float, step_s: float) -> NDArray[np.float64]:
    """Mean power of about `step_s` long cells that fill a window exactly [W]."""
    if not 0 < step_s <= (stop_s - start_s) / 2:
        raise ValueError(f"step_s(={step_s}) must lie in (0, {(stop_s - start_s) / 2}] s.")
    edges_s = np.linspace(start_s, stop_s, round((stop_s - start_s) / step_s) + 1)
    return energy_j(run, edges_s[:-1], edges_s[1:]) / np.diff(edges_s)


def own_error_w(runs: Sequence[Run], plan: Plan, *, later_s: float = 0.0) -> float:
    """Return the error of each run by its own phases, mean over the runs [W].

    What is left is power that changes inside phases, and events that are not where power changes.

    Parameters
    ----------
    runs : sequence of Run
        Runs of one job.
    plan : Plan
        Its phases.
    later_s : float
        By how much all events are moved before phases are cut [s].

    Raises
    ------
    ValueError
        If a run does not fit the plan, or moved events leave it.
    """
    # A start that is an event moves with the events.
    start = plan.start if isinstance(plan.start, str) else plan.start + later_s
    moved_plan = replace(plan, start=start)
    errors_w = []
    for run in runs:
        events = tuple(replace(event, time_s=event.time_s + later_s) for event in run.events)
        moved = replace(run, events=events)
        own = phase_profile([moved], moved_plan)
        errors_w.append(score_profile(own, moved, moved_plan)["rmse_w"])
    return float(np.mean(errors_w))


@dataclass(frozen=True, slots=True)
class Alignment:
    """A prediction aligned to a run by dynamic time warping.

    Attributes
    ----------
    rmse_w : float
        Error cell by cell, as timed [W].
    level_rmse_w : float
        Error that warping of time cannot remove: error of the level [W].
    shift_s : float
        Mean distance in time between the cells that are paired: error of the timing [s].
    path : ndarray of int, shape (k, 2)
        Pairs of cells (prediction, run).
    """

    rmse_w: float
    level_rmse_w: float
    shift_s: float
    path: NDArray[np.int64]


def align(
    profile: Profile, run: RunLike, plan: Plan, *, step_s: float = 0.25, window_s: float = 3.0
) -> Alignment:
    """Align a predicted profile to a run by dynamic time warping.

    Parameters
    ----------
    profile : Profile
        Prediction; second 0 is the plan's start.
    run : RunLike
        What was measured.
    plan : Plan
        Says where in the run the job begins and ends.
    step_s : float
        Cells over which power is averaged before [s].
    window_s : float
        Farthest that time may be warped [s] (Sakoe-Chiba band), at least the difference of
        the two durations.

    Returns
    -------
    Alignment
        Error before and after the alignment, and how far time was warped.

    Raises
    ------
    ValueError
        If `step_s` or `window_s` is out of range.

    Notes
    -----
    Warping also removes some error of the level where noise happens to fit, so
    ``level_rmse_w`` is a lower bound of it.

    References
    ----------
    H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word
    recognition", IEEE Transactions on Acoustics, Speech, and Signal Processing 26(1), 1978.
    """
    run = as_run(run)
    start_s, stop_s = _window(run, plan)
    lead_s = abs(profile.duration_s - (stop_s - start_s))
    if not window_s >= lead_s:
        raise ValueError(
            f"window_s(={window_s}) must be >= {lead_s:.3f} s, the difference of the durations."
        )
    measured_w = _cells(run, start_s, stop_s, step_s)
    edges_s = np.linspace(0, profile.duration_s, max(1, round(profile.duration_s / step_s)) + 1)
    predicted_w = np.diff(profile.energy_until_j(edges_s)) / np.diff(edges_s)
    path = _warping_path(predicted_w, measured_w, max(1, round(window_s / step_s)))
    both = min(predicted_w.size, measured_w.size)
    paired_w = predicted_w[path[:, 0]] - measured_w[path[:, 1]]
    return Alignment(
        rmse_w=float(np.sqrt(np.mean((predicted_w[:both] - measured_w[:both]) ** 2))),
        level_rmse_w=float(np.sqrt(np.mean(paired_w**2))),
        shift_s=float(np.mean(np.abs(path[:, 0] - path[:, 1])) * step_s),
        path=path,
    )


def _warping_path(
    first: NDArray[np.float64], second: NDArray[np.float64], radius: int
) -> NDArray[np.int64]:
    """Pair the cells of two curves at the least sum of squares, warped by a radius at most.

    The compiled library is up to ten times as fast as tslearn, and needs no compiler at its first
    call. Where the band is wide against the curves it may leave it by a cell; a path within the
    band is the best of all in it, any other is not taken, and tslearn finds the right one.
    """
    dtw = extra("dtaidistance.dtw")
    if dtw.try_import_c():  # there is not a compiled build for every machine
        path = np.array(dtw.warping_path_fast(first, second, window=radius + 1))
        lead = path[:, 0] - path[:, 1]
        longer = first.size - second.size
        if lead.max() <= max(longer, 0) + radius and -lead.min() <= max(-longer, 0) + radius:
            return path
    pairs, _ = extra("tslearn.metrics").dtw_path(
        first, second, global_constraint="sakoe_chiba", sakoe_chiba_radius=radius
    )
    return np.array(pairs)


def barycenter_profile(
    runs: Sequence[RunLike], plan: Plan, *, step_s: float = 0.25, window_s: float = 3.0
) -> Profile:
    """Return the DTW barycenter of runs: a mean curve whose features are not smeared.

    Parameters
    ----------
    runs : sequence of RunLike
        Repeated runs of one job.
    plan : Plan
        Says where in each run the job begins and ends.
    step_s : float
        Length of the cells of the curve [s].
    window_s : float
        Farthest that time may be warped [s].

    Returns
    -------
    Profile
        One phase a cell, over the runs' mean duration. Unlike a phase model it does not keep
        the runs' mean energy.

    Raises
    ------
    ValueError
        If there is no run, a run does not fit the plan, or `step_s` is out of range.

    Notes
    -----
    DTW barycenter averaging [1]_, started from the mean of the runs stretched to their mean
    duration, so the result does not depend on chance.

    References
    ----------
    .. [1] F. Petitjean, A. Ketterlin, P. Gancarski, "A global averaging method for dynamic
       time warping", Pattern Recognition 44(3), 2011.
    """
    if not runs:
        raise ValueError("runs(=[]) must hold at least one run.")
    recorded = [as_run(run) for run in runs]
    windows = [_window(run, plan) for run in recorded]
    curves = [_cells(r, *window, step_s) for r, window in zip(recorded, windows, strict=True)]
    duration_s = float(np.mean([stop_s - start_s for start_s, stop_s in windows]))
    size = round(duration_s / step_s)
    grid = (np.arange(size) + 0.5) / size
    start = np.mean(
        [np.interp(grid, (np.arange(c.size) + 0.5) / c.size, c) for c in curves], axis=0
    )
    dtw_barycenter_averaging = extra("tslearn.barycenters").dtw_barycenter_averaging

    radius = max(1, round(window_s / step_s))
    curve = dtw_barycenter_averaging(
        [c[:, None] for c in curves],
        barycenter_size=size,
        init_barycenter=start[:, None],
        metric_params={"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius},
    )
    cell_s = duration_s / size
    return Profile(
        tuple(Phase(f"cell {i}", cell_s, power) for i, power in enumerate(curve.ravel(), start=1))
    )


def spectrum(
    run: RunLike, *, start_s: float | None = None, stop_s: float | None = None, step_s: float = 0.1
) -> pd.DataFrame:
    """Return the power spectrum of a run's power.

    Parameters
    ----------
    run : RunLike
        Samples; events are not looked at.
    start_s, stop_s : float, optional
        Window on the run's clock [s], such as the work without the start-up; the whole run
        when not given.
    step_s : float
        Cells over which power is averaged first [s].

    Returns
    -------
    DataFrame
        ``frequency_hz`` [Hz], ``period_s`` [s], ``density`` [W^2/Hz], by increasing
        frequency, without frequency 0.

    Raises
    ------
    ValueError
        If the window leaves the run, is empty, or `step_s` is out of range.

    Notes
    -----
    Periodogram with a Hann window after taking off the mean, padded with zeros to eight
    times its length so that peaks are read off finely; two periods closer to each other than
    ``period^2 / window`` are still not told apart.
    """
    from scipy.signal import periodogram

    run = as_run(run)
    begin_s = float(run.time_s[0]) if start_s is None else start_s
    end_s = float(run.time_s[-1]) if stop_s is None else stop_s
    power_w = _cells(run, begin_s, end_s, step_s)
    rate_hz = power_w.size / (end_s - begin_s)
    frequency_hz, density = periodogram(power_w, rate_hz, window="hann", nfft=8 * power_w.size)
    return pd.DataFrame(
        {
            "frequency_hz": frequency_hz[1:],
            "period_s": 1 / frequency_hz[1:],
            "density": density[1:],
        }
    )


def dominant_period_s(table: pd.DataFrame, shortest_s: float, longest_s: float) -> float:
    """Return the period with the highest peak of a spectrum.

    Parameters
    ----------
    table : DataFrame
        From `spectrum`.
    shortest_s, longest_s : float
        Range in which to look [s]; the longest should fit into the window several times.

    Returns
    -------
    float
        The period [s].

    Raises
    ------
    ValueError
        If there is no peak within the range.
    """
    density = table["density"].to_numpy()
    peak = np.r_[False, (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:]), False]
    peaks = table[peak & table["period_s"].between(shortest_s, longest_s).to_numpy()]
    if peaks.empty:
        raise ValueError(f"no peak of the spectrum lies between {shortest_s} and {longest_s} s.")
    return float(peaks.loc[peaks["density"].idxmax(), "period_s"])
