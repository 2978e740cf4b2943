"""Knobs of a policy turned by search, on weeks of one year, judged on weeks of another.

A policy has knobs: from which share of the past week on jobs are held, how long, how deep the
backfilling looks. `Tuning.search` lets Optuna [1]_ turn them: the grams saved over the weeks given
are to be large, while what users feel stays within a `Limit`. `Tuning.judge` then says what became
of it in weeks that the search has not seen.

**Limit.** A mean delay over a few weeks that lies just within the limit breaks it in the next ones
as often as not, and the best of many trials is one whose weeks were lucky. So what must lie within
is an *upper quantile* of the mean over as many weeks as are to come (`Limit.upper`), and fewer than
`FEWEST_WEEKS` weeks are refused.

**Samplers.** ``"random"``: independent draws, the judge of all others. ``"tpe"``: a tree-structured
Parzen estimator [2]_. ``"gp"``: a Gaussian process with expected improvement under the constraint;
it needs torch. All of them begin with the values set by hand and have the same number of trials.

A search asks one trial after the other. Many searches (grids, samplers, seeds) run side by side,
in processes or on a Dask cluster, by `Tuning.search_all`.

References
----------
.. [1] T. Akiba, S. Sano, T. Yanase, T. Ohta, M. Koyama, "Optuna: a next-generation hyperparameter
   optimization framework", KDD 2019, doi:10.1145/3292500.3330701.
.. [2] J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, "Algorithms for hyper-parameter optimization",
   NeurIPS 2011.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import platform
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from helpers.decide import CapWhenDirty, CarbonEasy, InCycles, PastQuantile, Policy
from helpers.extras import extra
from helpers.panel import Panel
from helpers.stats import Interval, ratio_of_sums
from helpers.study import Study
from helpers.sweep import sweep

if TYPE_CHECKING:
    from distributed import Client

__all__ = [
    "CARBON_EASY",
    "FEWEST_WEEKS",
    "HAND_SET",
    "SAMPLERS",
    "Knob",
    "Limit",
    "Tuned",
    "Tuning",
    "carbon_easy",
]

FEWEST_WEEKS = 12
"""Knobs are not tuned on fewer weeks."""

SAMPLERS = ("random", "tpe", "gp")
"""What proposes the next trial."""

_NEVER = 0.99  # a share from which on "while it is dirtier than that" is never
_STARTUP = 8  # random trials before a sampler trusts what it has seen
_MEASURES = ("delay_h", "p95_h", "slowdown", "late", "stops")


@dataclass(frozen=True)
class Knob:
    """A number that a policy is made with, and where it may lie.

    Parameters
    ----------
    low, high : float
        Ends of the range, both included.
    whole : bool
        Whether it is a whole number.
    log : bool
        Whether factors count, not differences: then `low` must be > 0.

    Raises
    ------
    ValueError
        If there is no such range.
    """

    low: float
    high: float
    whole: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low < self.high < math.inf:
            raise ValueError(f"low(={self.low}) must be < high(={self.high}), both finite.")
        if self.log and not self.low > 0:
            raise ValueError(f"low(={self.low}) must be > 0 where factors count (log=True).")
        if self.whole and (self.low != int(self.low) or self.high != int(self.high)):
            raise ValueError(f"low(={self.low}) and high(={self.high}) must be whole numbers.")

    def distribution(self, optuna: Any) -> Any:
        """Return it as Optuna says it."""
        of = optuna.distributions
        if self.whole:
            return of.IntDistribution(int(self.low), int(self.high), log=self.log)
        return of.FloatDistribution(self.low, self.high, log=self.log)


CARBON_EASY: dict[str, Knob] = {
    "hold": Knob(0.05, 0.95),
    "suspend": Knob(0.1, 1.0),
    "wait": Knob(0.1, 1.0),
    "depth": Knob(1, 1000, whole=True, log=True),
    "cycle_s": Knob(0, 1800, whole=True),
}
"""Knobs of `carbon_easy` where they may lie, but for the power cap: add ``"cap": Knob(0.5, 1)`` and
``"cap_above": Knob(0.05, 0.95)`` where the workload says how a cap slows it down."""

HAND_SET: dict[str, float] = {
    "hold": 0.6,
    "suspend": 0.7,
    "wait": 1.0,
    "depth": 1000,
    "cycle_s": 0,
}
"""What was set by hand: carbon-aware EASY, as the chapter on finite clusters chose it."""


def carbon_easy(
    *,
    hold: float,
    suspend: float = 1.0,
    wait: float = 1.0,
    depth: float | None = None,
    cycle_s: float = 0.0,
    cap: float = 1.0,
    cap_above: float = 0.5,
) -> Policy:
    """Return carbon-aware EASY with its knobs turned so.

    Parameters
    ----------
    hold : float
        Jobs are held while it is dirtier than this share of the past week, in (0, 1).
    suspend : float
        Running jobs are suspended while it is dirtier than this share, at least `hold`; never from
        0.99 on.
    wait : float
        Share of the delay that its user accepts for which a job may be held, in [0, 1].
    depth : int, optional
        How many jobs are tried for backfilling; by default all.
    cycle_s : float
        Decisions are taken every so often [s]; 0: whenever something happens.
    cap : float
        Power cap as a share of a job's power; none from 0.99 on.
    cap_above : float
        The cap holds while it is dirtier than this share of the past week.

    Raises
    ------
    ValueError
        If a share is out of range.
    """
    pause = PastQuantile(max(hold, suspend)) if suspend < _NEVER else None
    tries = None if depth is None else int(depth)
    policy: Policy = CarbonEasy(PastQuantile(hold), pause, wait_share=wait, depth=tries)
    if cap < _NEVER:
        policy = CapWhenDirty(policy, PastQuantile(cap_above), cap)
    return InCycles(policy, cycle_s) if cycle_s > 0 else policy


@dataclass(frozen=True)
class Limit:
    """What users accept: an upper quantile of a mean over weeks to come stays within it.

    Parameters
    ----------
    most : float
        The limit, in the unit of the measure.
    of : str
        What is limited: ``delay_h``, ``p95_h``, ``slowdown``, ``late`` or ``stops`` of
        `helpers.study.MEASURES`.
    quantile : float
        How sure, in (0.5, 1).
    ahead : int, optional
        Over how many weeks to come the mean is taken; as many as were seen by default.
    resamples : int
        How many times weeks are drawn.
    seed : int
        Of the draws: the same for all trials, so that luck is not what tells them apart.

    Raises
    ------
    ValueError
        If a number is out of range or the measure is not known.
    """

    most: float
    of: str = "delay_h"
    quantile: float = 0.95
    ahead: int | None = None
    resamples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.of not in _MEASURES:
            raise ValueError(f"of(={self.of!r}) must be one of {', '.join(_MEASURES)}.")
        if not 0 <= self.most < math.inf:
            raise ValueError(f"most(={self.most}) must be >= 0 and finite.")
        if not 0.5 < self.quantile < 1:
            raise ValueError(
                f"quantile(={self.quantile}) must lie between 0.5 and 1: at 0.5 the limit is broken "
                "as often as not."
            )
        if self.resamples < 100 or (self.ahead is not None and self.ahead < 1):
            raise ValueError(
                f"resamples(={self.resamples}) must be >= 100 and ahead(={self.ahead}) >= 1."
            )

    def upper(self, weeks: ArrayLike) -> float:
        """Return the upper quantile of the mean over weeks to come.

        Parameters
        ----------
        weeks : array_like of float, shape (n,)
            The measure in each week seen.

        Notes
        -----
        Weeks are drawn twice: once from those seen, since others might have been seen, and once
        from those drawn, since others will come. The mean over m weeks to come so has the variance
        s^2 (1/n + 1/m), not s^2 / n, which would be that of a mean that nobody meets.
        """
        seen = np.asarray(weeks, dtype=np.float64)
        rng, n = np.random.default_rng(self.seed), seen.size
        might = seen[rng.integers(n, size=(self.resamples, n))]
        drawn = rng.integers(n, size=(self.resamples, self.ahead or n))
        means = np.take_along_axis(might, drawn, axis=1).mean(axis=1)
        return float(np.quantile(means, self.quantile))


@dataclass(frozen=True, eq=False)
class Tuned:
    """What a search found.

    Parameters
    ----------
    zone : str
        The grid.
    sampler : str
        What proposed the trials, one of `SAMPLERS`.
    seed : int
        Its seed.
    knobs : tuple of str
        Names of the knobs.
    limit : Limit
        What had to be kept to.
    weekly : DataFrame
        A row a trial and week: ``trial``, the knobs, ``week``, ``base_g`` (emissions of the
        baseline), ``saved_g`` [g CO2e], and the measure that is limited.
    versions : mapping of str to str
        Of Python, Optuna, numpy and of torch where it was used.
    """

    zone: str
    sampler: str
    seed: int
    knobs: tuple[str, ...]
    limit: Limit
    weekly: pd.DataFrame
    versions: Mapping[str, str]

    @cached_property
    def trials(self) -> pd.DataFrame:
        """What each trial did.

        A row a trial: the knobs, ``saved_g``, ``saved_percent``, the mean of what is limited, its
        ``upper`` quantile, and whether that is ``allowed``.
        """
        by_trial = self.weekly.groupby("trial")
        table = by_trial[list(self.knobs)].first()
        sums = by_trial[["saved_g", "base_g"]].sum()
        table["saved_g"] = sums["saved_g"]
        table["saved_percent"] = 100 * sums["saved_g"] / sums["base_g"]
        table[self.limit.of] = by_trial[self.limit.of].mean()
        table["upper"] = by_trial[self.limit.of].agg(self.limit.upper)
        table["allowed"] = table["upper"] <= self.limit.most
        return table

    @property
    def allowed(self) -> bool:
        """Whether any trial kept to the limit; if none did, the nearest was chosen."""
        return bool(self.trials["allowed"].any())

    @property
    def best(self) -> int:
        """The trial chosen: of those that keep to the limit the one that saves most."""
        kept = self.trials[self.trials["allowed"]]
        best: Any = self.trials["upper"].idxmin() if kept.empty else kept["saved_g"].idxmax()
        return int(best)

    @property
    def chosen(self) -> dict[str, float]:
        """The knobs chosen."""
        return {name: self.trials[name].to_numpy()[self.best].item() for name in self.knobs}

    @property
    def saved_g(self) -> Interval:
        """Saved in the weeks tuned on, with a bootstrap interval over weeks [g CO2e].

        It is what the best of the trials did where it was chosen, and so promises too much:
        `Tuning.judge` says what it does elsewhere.
        """
        weeks = self._weeks
        mean = ratio_of_sums(weeks["saved_g"], seed=self.limit.seed)
        return mean.scaled(len(weeks))

    @property
    def saved_percent(self) -> Interval:
        """The same as a share of what the baseline emits [%]."""
        weeks = self._weeks
        share = ratio_of_sums(weeks["saved_g"], weeks["base_g"], seed=self.limit.seed)
        return share.scaled(100)

    @property
    def upper(self) -> float:
        """Upper quantile of what is limited, of the trial chosen."""
        return float(self.trials["upper"][self.best])

    @property
    def _weeks(self) -> pd.DataFrame:
        return self.weekly[self.weekly["trial"] == self.best]

    def __str__(self) -> str:
        knobs = ", ".join(f"{name} {value:.3g}" for name, value in self.chosen.items())
        saved = self.saved_percent
        kept = "" if self.allowed else "; NO TRIAL KEPT TO THE LIMIT, this one comes nearest"
        return (
            f"{self.zone}, {self.sampler}, {len(self.trials)} trials, seed {self.seed}: {knobs}; "
            f"saves {saved.value:.2f} % [{saved.low:.2f}, {saved.high:.2f}] in the weeks tuned on; "
            f"{self.limit.of} in weeks to come up to {self.upper:.3g} of {self.limit.most:g}{kept}."
        )


@dataclass(frozen=True, eq=False)
class Tuning:
    """A policy's knobs, the weeks they are tuned on, and the limit.

    Parameters
    ----------
    study : Study
        Work, machines, grids and weeks; those of the search and those of the judge. Its first load
        is taken.
    make : callable
        Called by the names of the knobs; returns the policy.
    knobs : mapping of str to Knob
        What is turned.
    hand_set : mapping of str to float
        Values set by hand, the first trial of every search.
    limit : Limit
        What must be kept to.
    weeks : sequence of str
        Weeks of the study that a search sees, at least `FEWEST_WEEKS`.
    baseline : str
        Policy of the study against which is saved.

    Raises
    ------
    ValueError
        If there are too few weeks, one is not in the study, the values set by hand are not the
        knobs or out of their range, or the study has no load.
    """

    study: Study
    make: Callable[..., Policy]
    knobs: Mapping[str, Knob]
    hand_set: Mapping[str, float]
    limit: Limit
    weeks: Sequence[str]
    baseline: str = "EASY"
    _bases: dict[tuple, pd.DataFrame] = field(default_factory=dict, init=False, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was replayed of the baseline: a worker makes its own."""
        return vars(self) | {"_bases": {}}

    def __post_init__(self) -> None:
        _check_weeks(self.study, self.weeks)
        if len(set(self.weeks)) < FEWEST_WEEKS:
            raise ValueError(
                f"weeks(={len(set(self.weeks))} of them) must be at least {FEWEST_WEEKS}: tuned on "
                "fewer, a limit is broken in the weeks to come."
            )
        if self.baseline not in self.study.policies:
            known = ", ".join(map(repr, self.study.policies))
            raise ValueError(
                f"baseline(={self.baseline!r}) is not in the study, which has {known}."
            )
        if not len(self.study.loads):
            raise ValueError("study(loads=()) has no load: give it one, e.g. loads=[0.7].")
        if set(self.hand_set) != set(self.knobs):
            raise ValueError(
                f"hand_set has {sorted(self.hand_set)}, but the knobs are {sorted(self.knobs)}."
            )
        for name, knob in self.knobs.items():
            if not knob.low <= self.hand_set[name] <= knob.high:
                raise ValueError(
                    f"hand_set[{name!r}] = {self.hand_set[name]} must lie in "
                    f"[{knob.low:g}, {knob.high:g}], where its knob may."
                )

    def measured(
        self, zone: str, weeks: Sequence[str], values: Mapping[str, float]
    ) -> pd.DataFrame:
        """Return what knobs turned so do in some weeks of a grid.

        Returns
        -------
        DataFrame
            A row a week: ``week``, ``base_g``, ``saved_g`` [g CO2e] against the baseline, and what
            `Study.case` measures.
        """
        rows = self._cases("turned", self.make(**values), zone, weeks)
        base_g = self._base(zone, weeks)["jobs_g"]
        rows.insert(1, "base_g", base_g)
        rows.insert(2, "saved_g", base_g - rows["jobs_g"])
        return rows

    def search(self, zone: str, sampler: str = "tpe", *, trials: int = 30, seed: int = 0) -> Tuned:
        """Turn the knobs for one grid.

        Parameters
        ----------
        zone : str
            A grid of the study.
        sampler : str
            One of `SAMPLERS`.
        trials : int
            How many settings are tried, the one set by hand included.
        seed : int
            Of the sampler.

        Returns
        -------
        Tuned
            What was tried, and what was chosen.

        Raises
        ------
        ValueError
            If the grid or the sampler is not known, or there is no trial.
        ModuleNotFoundError
            If Optuna is not installed, or torch for ``"gp"``.
        """
        weekly = self._weekly(zone, sampler, seed, trials)
        return self._tuned(zone, sampler, seed, weekly)

    def search_all(
        self,
        zones: Sequence[str],
        samplers: Sequence[str],
        seeds: Sequence[int],
        *,
        trials: int = 30,
        out: Path | str | None = None,
        scheduler: str | Client | None = None,
        workers: int | None = None,
    ) -> list[Tuned]:
        """Turn the knobs for grids, samplers and seeds, side by side.

        Parameters
        ----------
        zones, samplers, seeds
            Of each combination, one search.
        trials : int
            As for `search`.
        out, scheduler, workers
            Where results are kept, and where searches run: see `helpers.sweep.sweep`;
            `helpers.sweep.dask_cluster` gives a scheduler, of Slurm too.

        Returns
        -------
        list of Tuned
            In the order of grids, samplers, seeds.
        """
        axes = {"zone": zones, "sampler": samplers, "seed": seeds, "trials": [trials]}
        with tempfile.TemporaryDirectory() as folder:
            table = sweep(
                self._weekly,
                axes,
                out=folder if out is None else out,
                version="1",
                scheduler=scheduler,
                workers=workers,
                progress=False,
            )
        parts = itertools.product(zones, samplers, seeds)
        found = []
        for zone, sampler, seed in parts:
            own = (table["zone"] == zone) & (table["sampler"] == sampler) & (table["seed"] == seed)
            weekly = table[own].drop(columns=list(axes)).reset_index(drop=True)
            found.append(self._tuned(zone, sampler, seed, weekly))
        return found

    def judge(self, tuned: Sequence[Tuned], weeks: Sequence[str]) -> Panel:
        """Replay what was chosen, what was set by hand and the baseline in weeks not seen before.

        Parameters
        ----------
        tuned : sequence of Tuned
            What searches of this tuning found.
        weeks : sequence of str
            Weeks of the study, none of which begins within a fortnight of one tuned on.

        Returns
        -------
        Panel
            A row a policy (the sampler, ``"hand-set"``, the baseline), grid, seed and week, with
            `MEASURES` of the jobs: ``jobs`` is emissions over the grid's mean intensity, so that
            each grid counts the same.

        Raises
        ------
        ValueError
            If a week is not in the study, or was seen while tuning.
        """
        _check_weeks(self.study, weeks)
        for week in weeks:
            near = [w for w in self.weeks if abs((pd.Timestamp(w) - pd.Timestamp(week)).days) < 14]
            if near:
                raise ValueError(
                    f"week {week!r} cannot judge: knobs were tuned on {near[0]!r}, and what is judged "
                    "must not have been seen; choose weeks of another year."
                )
        rows = []
        for zone, seed in dict.fromkeys((one.zone, one.seed) for one in tuned):
            base = self._base(zone, weeks).assign(policy=self.baseline, zone=zone, seed=seed)
            by_hand = self.measured(zone, weeks, self.hand_set)
            rows += [base, by_hand.assign(policy="hand-set", zone=zone, seed=seed)]
        for one in tuned:
            done = self.measured(one.zone, weeks, one.chosen)
            rows.append(done.assign(policy=one.sampler, zone=one.zone, seed=one.seed))
        table = pd.concat(rows, ignore_index=True).drop(columns=["base_g", "saved_g"])
        mean = table["zone"].map(
            {zone: self.study.grids[zone].mean() for zone in set(table["zone"])}
        )
        return Panel(table.assign(jobs=table["jobs_g"] / mean), also=("seed",))

    # -- inside ----------------------------------------------------------------------------

    def _cases(self, name: str, policy: Any, zone: str, weeks: Sequence[str]) -> pd.DataFrame:
        """Return what `Study.case` measures of a policy, a row a week."""
        study = replace(self.study, policies={name: policy})
        cases = [study.case(name, study.loads[0], zone, week) for week in weeks]
        return pd.DataFrame(cases, index=pd.RangeIndex(len(weeks))).assign(week=list(weeks))

    def _base(self, zone: str, weeks: Sequence[str]) -> pd.DataFrame:
        """Return the same of the baseline, which no trial changes."""
        key = (zone, *weeks)
        if key not in self._bases:
            policy = self.study.policies[self.baseline]
            self._bases[key] = self._cases(self.baseline, policy, zone, weeks)
        return self._bases[key]

    def _weekly(self, zone: str, sampler: str, seed: int, trials: int) -> pd.DataFrame:
        """Return the rows of a search, a trial and week each."""
        if zone not in self.study.grids:
            known = ", ".join(map(repr, self.study.grids))
            raise ValueError(f"zone(={zone!r}) is not in the study, which has {known}.")
        if trials < 1:
            raise ValueError(f"trials(={trials}) must be >= 1.")
        rows = []
        for number, (values, tell) in enumerate(_asked(self, sampler, seed, trials)):
            weeks = self.measured(zone, self.weeks, values)
            tell(weeks["saved_g"].sum(), self.limit.upper(weeks[self.limit.of]) - self.limit.most)
            kept = weeks[["week", "base_g", "saved_g", self.limit.of]]
            rows.append(pd.DataFrame({"trial": number, **values}, index=kept.index).join(kept))
        # With the rows, since what computes them may run elsewhere.
        return pd.concat(rows, ignore_index=True).assign(versions=_versions(sampler))

    def _tuned(self, zone: str, sampler: str, seed: int, weekly: pd.DataFrame) -> Tuned:
        versions = dict(one.split(" ") for one in weekly["versions"].iloc[0].split(", "))
        weekly = weekly.drop(columns="versions")
        return Tuned(zone, sampler, seed, tuple(self.knobs), self.limit, weekly, versions)


def _versions(sampler: str) -> str:
    names = ("optuna", "numpy", *(["torch"] if sampler == "gp" else []))
    told = [f"{name} {importlib.metadata.version(name)}" for name in names]
    return ", ".join([f"python {platform.python_version()}", *told])


def _check_weeks(study: Study, weeks: Sequence[str]) -> None:
    strange = [week for week in weeks if week not in study.weeks]
    if strange:
        raise ValueError(f"week {strange[0]!r} is not among the {len(study.weeks)} of the study.")


def _asked(
    tuning: Tuning, sampler: str, seed: int, trials: int
) -> Iterator[tuple[dict[str, Any], Callable[[float, float], None]]]:
    """Yield settings to try, each with what tells how they did.

    That is given what they save [g CO2e], and by how much they are over the limit.
    """
    optuna = extra("optuna", "learn")
    with _quiet(optuna):
        # In memory: nothing is left behind, and no search goes on from another one's trials.
        search = optuna.create_study(
            direction="maximize", sampler=_sampler(optuna, sampler, seed, trials)
        )
        search.enqueue_trial(dict(tuning.hand_set))
        space = {name: knob.distribution(optuna) for name, knob in tuning.knobs.items()}
        for _ in range(trials):
            trial = search.ask(space)

            def tell(saved: float, over: float, trial: Any = trial) -> None:
                """Tell the search how a trial did."""
                trial.set_constraint("limit", over)
                search.tell(trial, saved)

            yield dict(trial.params), tell


def _sampler(optuna: Any, sampler: str, seed: int, trials: int) -> Any:
    startup = min(_STARTUP, max(1, trials // 3))
    if sampler == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    if sampler == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
    if sampler == "gp":
        extra("torch", "learn")
        with warnings.catch_warnings():
            # Without it noise is looked for that a replay does not have; Optuna may yet rename it.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return optuna.samplers.GPSampler(
                seed=seed, n_startup_trials=startup, deterministic_objective=True
            )
    raise ValueError(f"sampler(={sampler!r}) must be one of {', '.join(SAMPLERS)}.")


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Keep Optuna from telling every trial on stderr, and put its loudness back."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
