"""Policies that ran on the same jobs, weeks and grids, compared in pairs.

A `Panel` is a table with one row a policy and pair, and knows which columns say so; a study
(`helpers.study`) gives one. `Panel.compare` compares each policy with a baseline and says it in
words; `compare_panel` does so for a plain table. Effects are policy minus baseline, so that a
saving is negative.

Nothing here claims "no difference" from a large p-value: that takes a margin stated beforehand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from helpers.stats import Interval, holm, p_in_words

__all__ = ["Panel", "PanelComparison", "compare_panel"]

_FEWEST_TIMES = 8  # below, the memory of a series cannot be told from chance: refused
_FEW_TIMES = 26  # below, the level is kept only if neighbours hardly resemble each other: said
_FEWEST_BLOCKS = 4  # that a caller may take as independent
_STRONG = 0.6  # correlation of neighbours above which intervals are somewhat too narrow
_SURE_TIMES = 104  # unless there are so many times
_LEAST_SHARE = 0.75  # of the variance over time; see `_variance`
_NOTHING = 1e-12  # what is left of a sum by rounding


@dataclass(frozen=True, eq=False)
class Panel:
    """Results of several policies on the same pairs.

    Parameters
    ----------
    table : DataFrame
        One row a policy and pair; every policy has each combination of cluster, time and what is
        in `also` exactly once.
    policy, time : str
        Columns with the policy, and with the time (sorted; neighbours may resemble each other).
    cluster : str, optional
        Column with what shares a grid, a site or a season; None if there is one alone.
    also : sequence of str
        Further columns that tell pairs apart, e.g. the job set. They are summed over: the
        interval is about these job sets, not about job sets in general.
    """

    table: pd.DataFrame
    policy: str = "policy"
    time: str = "week"
    cluster: str | None = "zone"
    also: Sequence[str] = ()

    def select(self, **values: object) -> "Panel":
        """Return the rows in which columns have such values (one, or a list of them).

        Raises
        ------
        ValueError
            If a column is missing or no row is left.
        """
        kept = np.ones(len(self.table), dtype=bool)
        for name, value in values.items():
            _check_columns(self.table, [name])
            among = value if isinstance(value, list | tuple | set) else [value]
            kept &= self.table[name].isin(list(among)).to_numpy()
        if not kept.any():
            raise ValueError(f"no row has {', '.join(f'{k} {v!r}' for k, v in values.items())}.")
        return replace(self, table=self.table[kept])

    def compare(
        self,
        value: str,
        baseline: str,
        *,
        cluster_effect: Literal["random", "fixed"] = "random",
        block: int | None = None,
        margin: float | None = None,
        confidence: float = 0.95,
        unit: str = "",
    ) -> "PanelComparison":
        """Compare each policy with a baseline, paired by time, cluster and job set.

        Parameters
        ----------
        value : str
            Column compared, e.g. ``emissions_g``; a quantity that adds up.
        baseline : str
            Policy compared with, at its best.
        cluster_effect : {"random", "fixed"}
            "random": the clusters are a sample, and the interval is about grids like these.
            "fixed": it is about these grids, and only times are a sample.
        block : int, optional
            By default how much neighbouring times resemble each other is measured. 1: times are
            independent, as weeks far apart are. More: so many times are kept together, because
            the reach of their memory is known.
        margin : float, optional
            Effects within +- margin [%] count as none; stated before looking.
        confidence : float
            Level of the intervals; 1 - confidence is that of the tests.
        unit : str
            Unit of the values.

        Returns
        -------
        PanelComparison
            Table and sentences.

        Raises
        ------
        ValueError
            If a column is missing, a value is missing or not finite, a pair is there twice or not
            at all, there is nothing to compare, a policy or the baseline does not add up to more
            than 0, an effect does not vary at all, there are fewer than 8 times (with `block`,
            4 blocks), or a number is out of range.

        Notes
        -----
        *Ratio of sums.* Percentages of single pairs are not averaged: a week in which little is
        emitted would count as much as one in which much is, the mean would depend on which policy
        is below the line, and it is not what the atmosphere sees. Its interval is computed for its
        logarithm [1]_: it never goes below -100 %, and the test is the same when policy and
        baseline change places.

        *Times.* The variance that a week-to-week series gives its sum is the mean of its squared
        projections on the first B slow cosines, which are nearly independent, so that Student's t
        with B degrees of freedom holds also with few times [2]_. First the series is whitened: each
        square is divided by the spectrum, relative to frequency 0, of the autoregression of order 1
        that has its lag-1 correlation [3]_, corrected for its bias (1 + 3 r) / n and not below 0.
        What is left is flatter, so that B = 0.82 n^(2/3), twice the number of [2]_, may be taken.
        With a `block` it is the variance of the circular block bootstrap, in closed form,
        corrected for its number of blocks.

        *Clusters.* The variance V of the whole is that over times plus that over clusters less
        that of the pairs themselves, which is in both [4]_, and not less than three quarters of
        that over times; degrees of freedom after Satterthwaite. Shocks that all clusters share,
        clusters that differ, and series that each cluster has for itself are so allowed for.

        *What was measured.* 30 kinds of made-up panels (1, 4 or 12 clusters; own, shared and mixed
        shocks; clusters that differ or not; 52 and 104 times; lag-1 correlations 0, 0.3 and 0.5),
        4,000 of each (``tests/benchmarks/test_bench_panel.py``): in 29 kinds a true null is
        rejected at 5 % in 4.4 to 6.5 %. The block bootstrap does not get there with any block: with
        that of Politis and White [5]_ it rejects 9 to 13 % at correlations of 0.3 and 0.5.

        *What is outside.* With 10 to 25 times and such correlations 7 to 10 % are rejected, which
        the sentences say; lognormal shocks: 7.6 to 9.3 %; one series whose memory lag 1 hides, an
        autoregression of 0.8 under as much noise: 14 to 15 %.

        *Family.* p-values are Holm's over all policies of the panel; intervals are for one policy.

        References
        ----------
        .. [1] L. V. Hedges, J. Gurevitch, P. S. Curtis, "The meta-analysis of response ratios in
           experimental ecology", Ecology 80(4), 1999.
        .. [2] E. Lazarus, D. J. Lewis, J. H. Stock, M. W. Watson, "HAR inference: recommendations
           for practice", Journal of Business & Economic Statistics 36(4), 2018.
        .. [3] D. W. K. Andrews, J. C. Monahan, "An improved heteroskedasticity and autocorrelation
           consistent covariance matrix estimator", Econometrica 60(4), 1992.
        .. [4] A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust inference with multiway
           clustering", Journal of Business & Economic Statistics 29(2), 2011; with memory: H. D.
           Chiang, B. E. Hansen, Y. Sasaki, "Standard errors for two-way clustering with serially
           correlated time effects", Review of Economics and Statistics, 2024.
        .. [5] D. N. Politis, H. White, "Automatic block-length selection for the dependent
           bootstrap", Econometric Reviews 23(1), 2004, corrected with A. Patton, 28(4), 2009.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence(={confidence}) must lie between 0 and 1.")
        if cluster_effect not in ("random", "fixed"):
            raise ValueError(f"cluster_effect(={cluster_effect!r}) must be 'random' or 'fixed'.")
        if margin is not None and not margin > 0:
            raise ValueError(f"margin(={margin}) must be > 0 %.")
        names, cells, sums = self._sums(value, baseline)
        clusters, times = sums.shape[1:]
        _check_times(times, block, self.time)
        random = cluster_effect == "random" and clusters > 1
        rows = [
            _row(str(name), value, s, sums[0], cells, _Design(block, random, confidence))
            for name, s in zip(names, sums[1:], strict=True)
        ]
        table = pd.DataFrame(rows, index=pd.Index(names, name=self.policy))
        table.insert(list(table).index("p") + 1, "p_holm", holm(table["p"]))
        table["detectable"] = _detectable(table, (1 - confidence) / len(names))
        return PanelComparison(
            table=table,
            value=value,
            baseline=str(baseline),
            unit=unit,
            time=self.time,
            cluster=self.cluster or "",
            times=times,
            clusters=clusters,
            pairs=cells,
            cluster_effect=cluster_effect,
            block=block,
            confidence=confidence,
            margin=margin,
            equivalent_p=None if margin is None else _equivalence(table, margin),
        )

    def _sums(self, value: str, baseline: str) -> tuple[list, int, NDArray[np.float64]]:
        """Names of policies, number of pairs, sums by policy (baseline first), cluster, time."""
        frame, policy = self.table, self.policy
        keys = [self.time, *([self.cluster] if self.cluster else []), *self.also]
        _check_rows(frame, value, policy, baseline, keys)
        names = [name for name in frame[policy].unique() if name != baseline]
        placed, levels = zip(*(pd.factorize(frame[key], sort=True) for key in keys), strict=True)
        codes = [pd.Index([baseline, *names]).get_indexer(pd.Index(frame[policy])), *placed]
        shape = (1 + len(names), *map(len, levels))
        place = np.ravel_multi_index(codes, shape)
        counts = np.bincount(place, minlength=math.prod(shape))
        if (counts != 1).any():
            wrong = np.unravel_index(int(np.argmax(counts != 1)), shape)
            where = ", ".join(
                f"{k} {lv[i]}" for k, lv, i in zip(keys, levels, wrong[1:], strict=True)
            )
            raise ValueError(
                f"{policy} {[baseline, *names][wrong[0]]!r} is there "
                f"{counts[np.ravel_multi_index(wrong, shape)]} times for {where}; each policy needs "
                "each pair once: leave the pair out for all, or add it."
            )
        cube = np.zeros(math.prod(shape))
        cube[place] = frame[value].to_numpy(np.float64)
        cube = cube.reshape(*shape[: 3 if self.cluster else 2], -1).sum(axis=-1)
        sums = np.swapaxes(cube, 1, 2) if self.cluster else cube[:, None, :]
        if not sums[0].sum() > 0:
            raise ValueError(f"{value} of baseline {baseline!r} must add up to more than 0.")
        return names, math.prod(shape[1:]), sums


# Fourteen parameters: those of `Panel` and of `Panel.compare`, in one call for a plain table.
def compare_panel(
    frame: pd.DataFrame,
    *,
    value: str,
    baseline: str,
    policy: str = "policy",
    time: str = "week",
    cluster: str | None = "zone",
    also: Sequence[str] = (),
    cluster_effect: Literal["random", "fixed"] = "random",
    block: int | None = None,
    margin: float | None = None,
    confidence: float = 0.95,
    unit: str = "",
    seed: int | None = None,
    resamples: int | None = None,
) -> "PanelComparison":
    """Compare policies of a plain table with a baseline: `Panel` and its `compare` in one call.

    Parameters
    ----------
    frame : DataFrame
        As `Panel.table`.
    value, baseline
        See `Panel.compare`.
    policy, time, cluster, also
        See `Panel`.
    cluster_effect, block, margin, confidence, unit
        See `Panel.compare`.
    seed, resamples : int, optional
        Without effect, since nothing is drawn any more; taken so that calls written for version
        0.2 go on working.

    Returns
    -------
    PanelComparison
        Table and sentences.

    Raises
    ------
    ValueError
        See `Panel.compare`.
    """
    # So many parameters because those of a table and those of a comparison meet here; who has a
    # panel needs none of the first.
    return Panel(frame, policy, time, cluster, also).compare(
        value,
        baseline,
        cluster_effect=cluster_effect,
        block=block,
        margin=margin,
        confidence=confidence,
        unit=unit,
    )


@dataclass(frozen=True, eq=False)
class PanelComparison:
    """Policies against a baseline on one panel of pairs; `str` gives it in words.

    Attributes
    ----------
    table : DataFrame
        One row a policy, in the order of the data. Effects are policy minus baseline, so a
        saving is negative. ``difference`` is the mean over the pairs [unit], ``percent`` the
        ratio of sums [% of the baseline], both with ``_low`` and ``_high``; ``error`` is the
        standard error of ``percent`` [%], ``t``, ``df``, ``p`` and ``p_holm`` test the logarithm
        of the ratio against 0. ``detectable`` is the smallest effect [%] that the design sees with
        80 % power at the level of Holm's first step. ``erased_by`` is how much larger the policy's
        values would have to be to take the effect away [% of the policy's], ``erased_by_near`` the
        same for the end of the interval next to 0 (NaN where the interval holds 0).
        ``without_least`` and ``without_most`` are the ends of ``percent`` when one cluster is left
        out (NaN with one cluster); ``clusters_same`` and ``times_same`` count those whose own
        effect has the sign of the whole. ``autocorrelation`` is that of the effect from one time
        to the next, corrected for its bias, ``reach`` the last lag up to which it stands out, in
        times; ``times_worth`` is how many independent times tell as much.
    value, baseline, unit : str
        What was compared, with what, in which unit.
    time, cluster : str
        Names of the columns; `cluster` is "" without one.
    times, clusters, pairs : int
        How many of each.
    cluster_effect : {"random", "fixed"}
        Whether clusters count as a sample.
    block : int or None
        Times kept together; None where their memory was measured.
    confidence : float
        Level of the intervals; 1 - confidence is that of the tests.
    margin : float or None
        Effects within +- margin [%] count as none.
    equivalent_p : Series or None
        p-value of equivalence within the margin, one a policy, Holm-corrected.
    """

    table: pd.DataFrame
    value: str
    baseline: str
    unit: str
    time: str
    cluster: str
    times: int
    clusters: int
    pairs: int
    cluster_effect: str
    block: int | None
    confidence: float
    margin: float | None
    equivalent_p: pd.Series | None

    def interval(self, policy: Any, of: str = "percent") -> Interval:
        """Return ``percent`` or ``difference`` of a policy with its interval.

        Raises
        ------
        ValueError
            If there is no such policy or figure.
        """
        if policy not in self.table.index or of not in ("percent", "difference"):
            raise ValueError(
                f"{of} of {policy!r}: there are percent and difference of "
                f"{', '.join(map(repr, self.table.index))}."
            )
        value, low, high = (
            float(self.table[f"{of}{end}"][policy]) for end in ("", "_low", "_high")
        )
        return Interval(value, low, high, self.confidence)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was compared, for each policy the effect and what would change our mind, cautions."""
        lines = [_opening(self)]
        for name, row in self.table.iterrows():
            lines += [_effect(self, name, row), _doubt(self, name, row)]
        return (*lines, *_cautions(self))

    @property
    def doubts(self) -> tuple[str, ...]:
        """What would change our mind on each policy, and cautions: sentences."""
        lines = [_doubt(self, name, row) for name, row in self.table.iterrows()]
        return (*lines, *_cautions(self))

    def words(self) -> dict[str, str]:
        """Return what stands above the columns of `table` for a reader, words and units.

        For ``helpers.publish.table(found.table, found.words(), index="policy")``.
        """
        confidence = f"{100 * self.confidence:g} % interval"
        return {
            "percent": "effect [.1f %]",
            "percent_low": f"{confidence} from [.1f %]",
            "percent_high": "to [.1f %]",
            "p_holm": "p (Holm) [.4f]",
            "times_same": f"{self.time}s the same way, of {self.times} [.0f]",
            "detectable": "smallest effect likely seen [.1f %]",
        }

    def __str__(self) -> str:
        return "\n".join(self.sentences)


# --- what is refused ----------------------------------------------------------------------


def _check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ValueError(
            f"column {missing[0]!r} is missing; there are {', '.join(map(str, frame.columns))}."
        )


def _check_rows(
    frame: pd.DataFrame, value: str, policy: str, baseline: str, keys: Sequence[str]
) -> None:
    _check_columns(frame, [value, policy, *keys])
    for name in (policy, *keys):
        if frame[name].isna().any():
            row = frame.index[int(np.argmax(frame[name].isna()))]
            raise ValueError(f"{name} is missing in row {row}; tell each row's pair and policy.")
    names = list(frame[policy].unique())
    if baseline not in names or len(names) < 2:
        raise ValueError(
            f"baseline(={baseline!r}) and another policy must be in column {policy!r}, "
            f"which holds {', '.join(map(repr, names))}."
        )
    finite = np.isfinite(frame[value].to_numpy(np.float64))
    if not finite.all():
        row = frame.index[int(np.argmin(finite))]
        raise ValueError(
            f"{value} in row {row} is not finite; leave its pair out for all policies."
        )


def _check_times(times: int, block: int | None, name: str) -> None:
    if block is None and times < _FEWEST_TIMES:
        raise ValueError(
            f"{times} values of {name!r} are too few to measure how neighbours resemble each other: "
            f"{_FEWEST_TIMES} are needed, or block=1 if they lie so far apart that they do not."
        )
    if block is not None and not 1 <= block <= times // _FEWEST_BLOCKS:
        raise ValueError(
            f"block(={block}) must lie between 1 and a quarter of the {times} values of {name!r}, "
            f"so that there are {_FEWEST_BLOCKS} blocks."
        )


# --- how sure a sum is --------------------------------------------------------------------


@dataclass(frozen=True)
class _Design:
    """How times and clusters count."""

    block: int | None
    random: bool
    confidence: float


def _lag_1(series: NDArray) -> float:
    """Correlation of neighbours of some series about 0, shape (k, times), bias corrected.

    About the mean of a series it comes out too low by (1 + 3 r) / n (M. G. Kendall, "Note on
    bias in the estimation of autocorrelation", Biometrika 41, 1954).
    """
    seen = (series[:, 1:] * series[:, :-1]).sum() / (series * series).sum()
    return float(np.clip(seen + (1 + 3 * seen) / series.shape[1], -0.95, 0.95))


def _over_time(series: NDArray, block: int | None) -> tuple[float, float]:
    """Variance that k series about 0, shape (k, times), give their sum, and degrees of freedom.

    The series are taken as independent and of one memory.
    """
    k, n = series.shape
    if block is not None:
        draws = n / block
        places = (np.arange(n)[:, None] + np.arange(block)) % n
        within = series[:, places].sum(axis=2)
        # The bootstrap draws n / block of the n circular blocks.
        return float((within**2).mean(axis=1).sum() * draws * draws / (draws - 1)), draws - 1
    slow = np.arange(1, round(0.82 * n ** (2 / 3)) + 1)
    angles = np.pi * slow / n
    memory = max(0.0, _lag_1(series))  # a see-saw is not trusted to make a sum surer
    spectrum = (1 - memory) ** 2 / (1 + memory**2 - 2 * memory * np.cos(angles))
    waves = math.sqrt(2 / n) * np.cos(np.outer(np.arange(n) + 0.5, angles))
    return float(n * ((series @ waves) ** 2 / spectrum).mean(axis=1).sum()), k * float(slow.size)


def _variance(apart: NDArray, design: _Design) -> tuple[float, float, float]:
    """Variance of a sum over (clusters, times) about 0, its degrees of freedom, that over times."""
    times, df = _over_time(apart.sum(axis=0, keepdims=True), design.block)
    if not design.random:
        return times, df, times
    count = apart.shape[0]
    own = count / (count - 1) * (apart.sum(axis=1) ** 2).sum()
    rest = apart - apart.mean(axis=0) - apart.mean(axis=1, keepdims=True)
    pairs = 0.0
    if (rest**2).sum() > _NOTHING * (apart**2).sum():
        pairs = count / (count - 1) * _over_time(rest, design.block)[0]
    # Less would trust a difference of two uncertain variances too much: with 4 clusters and no
    # floor, single panels have next to no variance; with a floor of 1, 3 % are rejected, not 5.
    whole = max(times + own - pairs, _LEAST_SHARE * times)
    unsure = min(whole, times) ** 2 / df + (own**2 / (count - 1) if own > pairs else 0.0)
    return whole, whole**2 / unsure, times


def _row(
    name: str, value: str, policy: NDArray, base: NDArray, cells: int, design: _Design
) -> dict[str, float]:
    """All figures of one policy but those of the family; arrays are (clusters, times)."""
    from scipy import special  # an order of magnitude faster than scipy.stats for one number

    total = float(base.sum())
    ratio = float(policy.sum() / total)
    if not ratio > 0:
        raise ValueError(
            f"{value} of {name!r} must add up to more than 0: a change of {100 * (ratio - 1):.4g} % "
            "has no interval; leave the policy out."
        )
    effect = policy - base
    apart = {"difference": effect - effect.mean(), "percent": policy - ratio * base}
    scale = (policy**2).sum() + (base**2).sum()
    if any((u**2).sum() <= _NOTHING**2 * scale for u in apart.values()):
        raise ValueError(
            f"{name!r} differs from the baseline by the same amount or share everywhere, so that "
            "nothing can be tested; is it the baseline under another name?"
        )
    of = {key: _variance(u, design) for key, u in apart.items()}
    error_mean, df = math.sqrt(of["difference"][0]) / cells, of["difference"][1]
    half = special.stdtrit(df, (1 + design.confidence) / 2) * error_mean
    mean = float(effect.mean() * effect.size / cells)
    row = {"difference": mean, "difference_low": mean - half, "difference_high": mean + half}
    whole, df, times = of["percent"]
    error, log_ratio = math.sqrt(whole) / total, math.log(ratio)
    half = special.stdtrit(df, (1 + design.confidence) / 2) * error / ratio
    low, high = (100 * math.expm1(min(log_ratio + end, 700.0)) for end in (-half, half))
    t = log_ratio * ratio / error
    percent = 100 * (ratio - 1)
    near = high if ratio < 1 else low
    sign, series = np.sign(ratio - 1), apart["percent"].sum(axis=0)
    return row | {
        "percent": percent,
        "percent_low": low,
        "percent_high": high,
        "error": 100 * error,
        "t": t,
        "df": df,
        "p": 2 * float(special.stdtr(df, -abs(t))),
        "erased_by": 100 * (1 / ratio - 1),
        "erased_by_near": 100 * (1 / (1 + near / 100) - 1) if near * percent > 0 else math.nan,
        **_left_out(effect.sum(axis=1), base.sum(axis=1)),
        "clusters_same": int((np.sign(effect.sum(axis=1)) == sign).sum()),
        "times_same": int((np.sign(effect.sum(axis=0)) == sign).sum()),
        "autocorrelation": _lag_1(series[None]),
        "reach": _reach(series),
        "times_worth": min(series.size, series.size**2 * float(series.var()) / times),
    }


def _left_out(effect: NDArray, base: NDArray) -> dict[str, float]:
    """Ends of the percentage when one cluster is left out."""
    if effect.size == 1:
        return {"without_least": math.nan, "without_most": math.nan}
    without = 100 * (effect.sum() - effect) / (base.sum() - base)
    least, most = sorted((float(without.min()), float(without.max())), key=abs)
    return {"without_least": least, "without_most": most}


def _reach(series: NDArray) -> int:
    """Lag up to which the autocorrelation stands out."""
    lags = np.array([series[lag:] @ series[:-lag] for lag in range(1, max(2, series.size // 2))])
    quiet = np.flatnonzero(np.abs(lags / (series @ series)) < 2 / math.sqrt(series.size))
    return int(quiet[0]) if quiet.size else lags.size


def _detectable(table: pd.DataFrame, alpha: float, power: float = 0.8) -> NDArray[np.float64]:
    """Smallest effect [%] seen with this power at a two-sided level, in normal approximation."""
    from scipy import stats

    df = table["df"].to_numpy()
    return (stats.t.isf(alpha / 2, df) + stats.t.ppf(power, df)) * table["error"].to_numpy()


def _equivalence(table: pd.DataFrame, margin: float) -> pd.Series:
    """Two one-sided tests of the ratio within the margin, Holm-corrected."""
    from scipy import stats

    ratio = 1 + table["percent"] / 100
    error = table["error"] / 100 / ratio
    above = np.log(ratio) - (math.log1p(-margin / 100) if margin < 100 else -math.inf)
    off = np.minimum(math.log1p(margin / 100) - np.log(ratio), above) / error
    return pd.Series(holm(stats.t.sf(off, table["df"])), table.index)


# --- in words -----------------------------------------------------------------------------


def _opening(c: PanelComparison) -> str:
    across = f" and {c.clusters} {c.cluster}s ({c.cluster_effect})" if c.cluster else ""
    family = f"{len(c.table)} {'policy' if len(c.table) == 1 else 'policies'}"
    if c.block is None:
        memory = f"memory from {c.time} to {c.time} measured"
    else:
        memory = f"{c.time}s independent" if c.block == 1 else f"blocks of {c.block}"
    return (
        f"{c.value} of {family} against {c.baseline}, {c.pairs} pairs over {c.times} "
        f"{c.time}s{across}; {memory}; ratios of sums; p after Holm."
    )


def _percent(value: float) -> str:
    return f"{abs(value):.2g} % {'less' if value < 0 else 'more'}"


def _effect(c: PanelComparison, name: Any, row: pd.Series) -> str:
    unit = f" {c.unit}" if c.unit else ""
    ends, mean = c.interval(name), c.interval(name, "difference")
    same = f"{row['times_same']:.0f} of {c.times} {c.time}s"
    if c.cluster:
        same += f" and {row['clusters_same']:.0f} of {c.clusters} {c.cluster}s"
    return (
        f"{name}: {_percent(row['percent'])} than {c.baseline}; effect in %: {ends}; in{unit} a "
        f"pair: {mean}; t({row['df']:.1f}) = {row['t']:.2f}, {p_in_words(row['p_holm'])}; the same "
        f"way in {same}."
    )


def _doubt(c: PanelComparison, name: Any, row: pd.Series) -> str:
    """The line that tells what would change our mind, by the figures of the comparison."""
    parts = []
    if row["p_holm"] < 1 - c.confidence:
        word = "higher" if row["percent"] < 0 else "lower"
        near = row["erased_by_near"]
        cautious = (
            "" if math.isnan(near) else f" ({abs(near):.2g} % at the near end of the interval)"
        )
        parts.append(
            f"values of {name} {abs(row['erased_by']):.2g} % {word} than counted would erase "
            f"the effect{cautious}"
        )
    else:
        parts.append(
            "a difference is not shown; neither is its absence"
            if c.margin is None
            else "a difference is not shown"
        )
    if c.equivalent_p is not None:
        shown = "shown" if c.equivalent_p[name] < 1 - c.confidence else "not shown"
        p = p_in_words(float(c.equivalent_p[name]))
        parts.append(f"equivalence within {c.margin:g} %: {shown} ({p})")
    if not math.isnan(row["without_least"]):
        turned = row["without_least"] * row["without_most"] < 0
        parts.append(
            f"without any one {c.cluster} it lies between {row['without_least']:.2g} and "
            f"{row['without_most']:.2g} %{', so that one of them decides' if turned else ''}"
        )
    parts.append(f"an effect below {row['detectable']:.2g} % would likely have been missed")
    if c.block is not None and row["reach"] >= c.block:
        parts.append(
            f"neighbouring {c.time}s resemble each other up to lag {row['reach']:.0f}, so blocks "
            f"of {c.block} are too short"
        )
    elif c.block is None and row["times_worth"] < 0.9 * c.times:
        parts.append(
            f"neighbouring {c.time}s resemble each other ({row['autocorrelation']:.2f}), so that "
            f"{c.times} tell as much as {row['times_worth']:.0f} independent ones"
        )
    return f"What would change our mind on {name}: {'; '.join(parts)}."


def _cautions(c: PanelComparison) -> list[str]:
    """Where the level is not quite kept."""
    if c.block is not None:
        return []
    if c.times < _FEW_TIMES:
        return [
            f"{c.times} {c.time}s are few: where neighbours resemble each other by 0.3 to 0.5, "
            "which so few hardly show, an effect that is none is taken for one in 7 to 10 % of "
            f"such comparisons, not in {100 * (1 - c.confidence):.2g} %."
        ]
    strong = c.table.index[(c.table["autocorrelation"] > _STRONG) & (c.times < _SURE_TIMES)]
    return [
        f"Neighbouring {c.time}s resemble each other so much ({c.table['autocorrelation'][n]:.2f}) "
        f"that {c.times} are few: the interval of {n} is somewhat too narrow."
        for n in strong
    ]
