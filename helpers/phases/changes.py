"""Find phases without events: change points of the power, and their score against events."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.phases.fit import RunLike, as_run
from helpers.phases.model import Phase, Profile
from helpers.power.runs import energy_j

__all__ = [
    "ChangeScore",
    "find_changes",
    "notable_borders",
    "score_changes",
    "score_runs",
    "segment",
]


def find_changes(
    run: RunLike,
    *,
    smallest_step_w: float = 20.0,
    shortest_s: float = 2.0,
    step_s: float = 0.1,
) -> NDArray[np.float64]:
    """Find the times at which the level of the power changes.

    Parameters
    ----------
    run : RunLike
        Samples; events are not looked at.
    smallest_step_w : float
        Step between two levels that is worth a change point when each level lasts
        `shortest_s` [W]. Larger steps are found between shorter levels, smaller ones between
        longer.
    shortest_s : float
        Shortest time between two change points [s].
    step_s : float
        Width of the cells over which power is averaged first [s].

    Returns
    -------
    ndarray of float, shape (k,)
        Times of the changes on the run's clock [s], increasing.

    Raises
    ------
    ValueError
        If a parameter is not above 0, `shortest_s` is below `step_s`, or the run is shorter
        than twice `shortest_s`.

    Notes
    -----
    Least squares with a penalty for each change point, solved exactly (PELT [1]_, by the
    package ``ruptures`` [2]_). Splitting two levels that differ by ``d`` and last ``n`` cells
    each takes ``n d^2 / 2`` off the sum of squares; the penalty is this gain for the smallest
    step and the shortest level. So both are in the units of the question asked, and no noise
    level need be known.

    References
    ----------
    .. [1] R. Killick, P. Fearnhead, I. A. Eckley, "Optimal detection of changepoints with a
       linear computational cost", Journal of the American Statistical Association 107, 2012.
    .. [2] C. Truong, L. Oudre, N. Vayatis, "Selective review of offline change point detection
       methods", Signal Processing 167, 2020.
    """
    named = {"smallest_step_w": smallest_step_w, "shortest_s": shortest_s, "step_s": step_s}
    for name, value in named.items():
        if not value > 0:
            raise ValueError(f"{name}(={value}) must be > 0.")
    if shortest_s < step_s:
        raise ValueError(f"shortest_s(={shortest_s}) must be >= step_s(={step_s}).")
    run = as_run(run)
    if run.duration_s < 2 * shortest_s:
        raise ValueError(
            f"shortest_s(={shortest_s}) must be at most half of the run's {run.duration_s:.3f} s."
        )
    import ruptures

    cells = int(run.duration_s / step_s)
    edges_s = run.time_s[0] + np.linspace(0, run.duration_s, cells + 1)
    mean_w = energy_j(run, edges_s[:-1], edges_s[1:]) / np.diff(edges_s)
    level = max(1, round(shortest_s / step_s))
    search = ruptures.KernelCPD(kernel="linear", min_size=level).fit(mean_w[:, None])
    places = search.predict(pen=level * smallest_step_w**2 / 2)
    return edges_s[places[:-1]]


def segment(run: RunLike, changes_s: ArrayLike) -> Profile:
    """Make phases out of a run cut at given times.

    Parameters
    ----------
    run : RunLike
        Samples; events are not looked at.
    changes_s : array_like of float, shape (k,)
        Where to cut, on the run's clock, inside the run [s].

    Returns
    -------
    Profile
        ``k + 1`` phases "segment 1", "segment 2", ... with the run's mean power; they keep its
        energy.

    Raises
    ------
    ValueError
        If the times do not increase strictly inside the run.
    """
    run = as_run(run)
    edges_s = np.concatenate([run.time_s[:1], np.asarray(changes_s, dtype=float), run.time_s[-1:]])
    durations_s = np.diff(edges_s)
    if not np.all(durations_s > 0):
        raise ValueError(
            f"changes_s(={np.asarray(changes_s).tolist()}) must increase strictly between "
            f"{edges_s[0]} and {edges_s[-1]} s."
        )
    power_w = energy_j(run, edges_s[:-1], edges_s[1:]) / durations_s
    return Profile(
        tuple(
            Phase(f"segment {i}", duration, power)
            for i, (duration, power) in enumerate(zip(durations_s, power_w, strict=True), start=1)
        )
    )


def notable_borders(
    edges_s: ArrayLike,
    power_w: ArrayLike,
    *,
    smallest_step_w: float = 20.0,
    shortest_s: float = 2.0,
) -> NDArray[np.float64]:
    """Select the borders between long phases of clearly different power.

    Parameters
    ----------
    edges_s : array_like of float, shape (n + 1,)
        Borders of the phases [s].
    power_w : array_like of float, shape (n,)
        Mean power of the phases [W].
    smallest_step_w : float
        By how much more than this the powers must differ [W].
    shortest_s : float
        How much longer than this both phases must last [s].

    Returns
    -------
    ndarray of float, shape (k, 2)
        Begin and end of each border [s]: equal when the two phases touch; a shorter phase
        between them may be passed over and makes the border as wide as itself.

    Raises
    ------
    ValueError
        If shapes do not fit.
    """
    edges, power = np.asarray(edges_s, dtype=float), np.asarray(power_w, dtype=float)
    if edges.shape != (power.size + 1,):
        raise ValueError(
            f"edges_s{edges.shape} must hold one value more than power_w{power.shape}."
        )
    long = np.flatnonzero(np.diff(edges) > shortest_s)
    before, after = long[:-1], long[1:]
    differ = np.abs(power[before] - power[after]) > smallest_step_w
    return np.column_stack([edges[before + 1], edges[after]])[differ]


@dataclass(frozen=True, slots=True)
class ChangeScore:
    """How change points agree with borders.

    Attributes
    ----------
    found, borders, matched : int
        Change points found, borders there are, and pairs of the two.
    mean_error_s : float
        Mean distance within pairs [s]; NaN when there is none.
    """

    found: int
    borders: int
    matched: int
    mean_error_s: float

    @property
    def precision(self) -> float:
        """Share of change points that belong to a border; NaN when none was found."""
        return self.matched / self.found if self.found else float("nan")

    @property
    def recall(self) -> float:
        """Share of borders that were found; NaN when there is none."""
        return self.matched / self.borders if self.borders else float("nan")


def score_changes(
    found_s: ArrayLike, borders_s: ArrayLike, *, tolerance_s: float = 1.0
) -> ChangeScore:
    """Score change points against borders.

    Parameters
    ----------
    found_s : array_like of float, shape (m,)
        Change points [s].
    borders_s : array_like of float, shape (n,) or (n, 2)
        Borders [s], or begin and end of each as from `notable_borders`.
    tolerance_s : float
        How far from a border a change point may lie [s].

    Returns
    -------
    ChangeScore
        Each change point counts for one border at most and the other way round; no pairing
        within the tolerance has more pairs.

    Raises
    ------
    ValueError
        If `tolerance_s` is negative.
    """
    if not tolerance_s >= 0:
        raise ValueError(f"tolerance_s(={tolerance_s}) must be >= 0.")
    found = np.sort(np.asarray(found_s, dtype=float).ravel())
    borders = np.asarray(borders_s, dtype=float)
    zones = np.column_stack([borders, borders]) if borders.ndim == 1 else borders
    errors_s: list[float] = []
    free = list(found)
    for begin, end in zones[np.argsort(zones[:, 1], kind="stable")]:
        near = [at for at in free if begin - tolerance_s <= at <= end + tolerance_s]
        if near:
            free.remove(near[0])  # the earliest: later ones may serve later borders
            errors_s.append(max(begin - near[0], near[0] - end, 0.0))
    return ChangeScore(
        found=found.size,
        borders=len(zones),
        matched=len(errors_s),
        mean_error_s=float(np.mean(errors_s)) if errors_s else float("nan"),
    )


def score_runs(
    runs: Sequence[RunLike],
    borders_s: ArrayLike,
    *,
    smallest_step_w: float = 20.0,
    shortest_s: float = 2.0,
    tolerance_s: float = 1.0,
) -> tuple[ChangeScore, ChangeScore]:
    """Find the changes of many runs and score them all together.

    Parameters
    ----------
    runs : sequence of RunLike
        Runs of one job.
    borders_s : array_like of float, shape (runs, phases + 1)
        Where the phases of each begin and end [s] (`Fit.borders_s`).
    smallest_step_w, shortest_s : float
        As for `find_changes`.
    tolerance_s : float
        As for `score_changes`.

    Returns
    -------
    tuple of ChangeScore
        Against the borders between long phases of clearly other power (`notable_borders`), and
        against all borders.

    Raises
    ------
    ValueError
        As `find_changes` and `score_changes` do.
    """
    clear, every = [], []
    for run, own_s in zip(runs, np.asarray(borders_s, float), strict=True):
        told = segment(run, own_s)
        found_s = find_changes(run, smallest_step_w=smallest_step_w, shortest_s=shortest_s)
        notable_s = notable_borders(told.edges_s, told.power_w)
        clear.append(score_changes(found_s, notable_s, tolerance_s=tolerance_s))
        every.append(score_changes(found_s, own_s, tolerance_s=tolerance_s))
    return _together(clear), _together(every)


def _together(scores: Sequence[ChangeScore]) -> ChangeScore:
    """Add scores up; the mean distance is that of all pairs."""
    matched = sum(score.matched for score in scores)
    apart_s = sum(score.matched * score.mean_error_s for score in scores if score.matched)
    return ChangeScore(
        found=sum(score.found for score in scores),
        borders=sum(score.borders for score in scores),
        matched=matched,
        mean_error_s=apart_s / matched if matched else float("nan"),
    )
