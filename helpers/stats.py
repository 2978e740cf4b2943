"""Comparisons of measurements: tests, intervals, effect sizes, corrections, equivalence.

`compare` does all that one comparison of two samples needs and says it in words; `helpers.panel`
does so for policies that ran on the same jobs, weeks and zones. What goes into a test may be
measurements or, for the tests that need no more, their summary figures (`Sample`), so that
published t-tests can be repeated. Differences are always first minus second.

Nothing here claims "no difference" from a large p-value: that takes `equivalence`, with a
margin stated beforehand.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Comparison",
    "Effect",
    "Equivalence",
    "Interval",
    "Sample",
    "TTest",
    "block_bootstrap",
    "block_weights",
    "bootstrap",
    "compare",
    "contrast",
    "equivalence",
    "frontier",
    "hedges_g",
    "holm",
    "p_in_words",
    "paired_t",
    "permutation_p",
    "ratio_of_sums",
    "runs_to_detect",
    "sample",
    "smallest_detectable",
    "welch_t",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """Summary figures of measurements.

    Parameters
    ----------
    n : int
        How many, 2 or more.
    mean : float
        Their mean.
    sd : float
        Their standard deviation (with n - 1), 0 or more.

    Raises
    ------
    ValueError
        If a figure is out of range.
    """

    n: int
    mean: float
    sd: float

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"n(={self.n}) must be >= 2: one value has no spread.")
        if not math.isfinite(self.mean):
            raise ValueError(f"mean(={self.mean}) must be finite.")
        if not (math.isfinite(self.sd) and self.sd >= 0):
            raise ValueError(f"sd(={self.sd}) must be finite and >= 0.")

    @property
    def standard_error(self) -> float:
        """Standard error of the mean."""
        return self.sd / math.sqrt(self.n)


_MOST_RUNS = 10**9

Data = Sample | ArrayLike
"""Measurements, or their summary figures."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval."""

    value: float
    low: float
    high: float
    confidence: float

    def __str__(self) -> str:
        share = f"{100 * self.confidence:g} %"
        return f"{_figure(self.value)} [{_figure(self.low)}, {_figure(self.high)}] ({share})"

    def scaled(self, factor: float) -> "Interval":
        """Return it in another unit, `factor` (> 0) times the numbers."""
        return Interval(self.value * factor, self.low * factor, self.high * factor, self.confidence)


@dataclass(frozen=True, slots=True)
class TTest:
    """A t-test of an estimate against an expected value.

    Attributes
    ----------
    estimate : Interval
        The estimated difference with its confidence interval.
    expected : float
        The value tested against.
    standard_error, t, df, p : float
        Standard error, t statistic, degrees of freedom, two-sided p-value.
    """

    estimate: Interval
    expected: float
    standard_error: float
    t: float
    df: float
    p: float


@dataclass(frozen=True, slots=True)
class Effect:
    """Hedges' g with its interval; `kind` says by which spread the difference is divided."""

    g: Interval
    kind: str


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests of a difference against a margin.

    Attributes
    ----------
    margin : float
        Differences between minus and plus this count as none; stated beforehand.
    p : float
        The larger of the two one-sided p-values.
    interval : Interval
        Difference with the interval that matches the test: confidence 1 - 2 alpha.
    alpha : float
        Level of the test.
    """

    margin: float
    p: float
    interval: Interval
    alpha: float

    @property
    def shown(self) -> bool:
        """True when the difference is shown to lie within the margin."""
        return self.p < self.alpha


def _values(data: ArrayLike, name: str) -> NDArray[np.float64]:
    values = np.asarray(data, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"{name}: shape(={values.shape}) must be (n,) with n >= 2.")
    if not np.isfinite(values).all():
        bad = int(np.argmin(np.isfinite(values)))
        raise ValueError(
            f"{name}[{bad}](={values[bad]}) must be finite: drop missing values first."
        )
    return values


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name}(={value}) must lie between 0 and 1.")


def sample(data: Data, name: str = "data") -> Sample:
    """Return the summary figures of measurements; a `Sample` stays what it is.

    Parameters
    ----------
    data : Sample or array_like of float, shape (n,)
        Measurements, 2 or more.
    name : str
        How messages call them.

    Returns
    -------
    Sample
        Number, mean and standard deviation.

    Raises
    ------
    ValueError
        If there are fewer than 2 values, or one is not finite.
    """
    if isinstance(data, Sample):
        return data
    values = _values(data, name)
    return Sample(values.size, float(values.mean()), float(values.std(ddof=1)))


def contrast(
    samples: Sequence[Data],
    weights: Sequence[float],
    *,
    expected: float = 0.0,
    confidence: float = 0.95,
) -> TTest:
    """Test a weighted sum of the means of independent samples.

    What stays of an overhead once an extra start is taken off, for example, is the contrast
    of (stopped and resumed, whole, start-up only) with weights (1, -1, -1).

    Parameters
    ----------
    samples : sequence of Sample or array_like
        Independent samples.
    weights : sequence of float
        One weight a sample, not all of them 0.
    expected : float
        Value of the weighted sum to test against.
    confidence : float
        Level of the interval.

    Returns
    -------
    TTest
        Weighted sum of means with interval and test.

    Raises
    ------
    ValueError
        If the numbers of samples and weights differ, or nothing spreads.

    Notes
    -----
    Variances are not taken as equal; degrees of freedom after Welch [1]_ and
    Satterthwaite [2]_. For two samples with weights (1, -1) this is Welch's t-test.

    References
    ----------
    .. [1] B. L. Welch, "The generalization of 'Student's' problem when several different
       population variances are involved", Biometrika 34, 1947.
    .. [2] F. E. Satterthwaite, "An approximate distribution of estimates of variance
       components", Biometrics Bulletin 2(6), 1946.
    """
    if len(samples) != len(weights) or not any(weights):
        raise ValueError(
            f"weights(={list(weights)}) must be one for each of {len(samples)} samples, not all 0."
        )
    figures = [sample(data, f"sample {i}") for i, data in enumerate(samples)]
    value = math.fsum(w * s.mean for w, s in zip(weights, figures, strict=True))
    parts = [(w * s.standard_error) ** 2 for w, s in zip(weights, figures, strict=True)]
    error = math.sqrt(math.fsum(parts))
    if error == 0:
        raise ValueError("samples: every sd is 0, so that nothing can be tested.")
    shares = [part / error**2 for part in parts]  # squares of tiny parts would underflow
    df = 1 / math.fsum(q**2 / (s.n - 1) for q, s in zip(shares, figures, strict=True))
    return _t_test(value, error, df, expected, confidence)


def _t_test(value: float, error: float, df: float, expected: float, confidence: float) -> TTest:
    from scipy import stats

    _share("confidence", confidence)
    t = (value - expected) / error
    half = float(stats.t.ppf((1 + confidence) / 2, df)) * error
    interval = Interval(value, value - half, value + half, confidence)
    return TTest(interval, expected, error, t, df, float(2 * stats.t.sf(abs(t), df)))


def welch_t(a: Data, b: Data, *, expected: float = 0.0, confidence: float = 0.95) -> TTest:
    """Welch's t-test of the difference of two independent means, a - b.

    Parameters
    ----------
    a, b : Sample or array_like
        The two samples.
    expected : float
        Difference to test against.
    confidence : float
        Level of the interval.

    Returns
    -------
    TTest
        Difference with interval and test.

    Raises
    ------
    ValueError
        If a sample is too small or neither spreads.
    """
    return contrast([a, b], [1, -1], expected=expected, confidence=confidence)


def paired_t(differences: Data, *, expected: float = 0.0, confidence: float = 0.95) -> TTest:
    """Paired t-test: the mean of the differences of pairs against an expected value.

    Parameters
    ----------
    differences : Sample or array_like
        One difference a pair.
    expected : float
        Mean difference to test against.
    confidence : float
        Level of the interval.

    Returns
    -------
    TTest
        Mean difference with interval and test.

    Raises
    ------
    ValueError
        If there are fewer than 2 pairs or all differences are the same.
    """
    return contrast([differences], [1], expected=expected, confidence=confidence)


def hedges_g(
    a: Data, b: Data | None = None, *, expected: float = 0.0, confidence: float = 0.95
) -> Effect:
    """Hedges' g: a difference in units of the spread, corrected for small samples.

    Parameters
    ----------
    a : Sample or array_like
        First sample, or the differences of pairs when `b` is not given.
    b : Sample or array_like, optional
        Second, independent sample.
    expected : float
        Difference that counts as none.
    confidence : float
        Level of the interval.

    Returns
    -------
    Effect
        Two samples: divided by the pooled standard deviation. Pairs: by the standard
        deviation of the differences.

    Raises
    ------
    ValueError
        If a sample is too small or nothing spreads.

    Notes
    -----
    Correction ``J = gamma(df/2) / (sqrt(df/2) gamma((df-1)/2))`` [1]_; the interval comes from
    the noncentral t distribution [2]_, exact for normal samples (of equal variance).

    References
    ----------
    .. [1] L. V. Hedges, "Distribution theory for Glass's estimator of effect size and related
       estimators", Journal of Educational Statistics 6(2), 1981.
    .. [2] G. Cumming, S. Finch, "A primer on the understanding, use, and calculation of
       confidence intervals that are based on central and noncentral distributions",
       Educational and Psychological Measurement 61(4), 2001.
    """
    first = sample(a, "a")
    if b is None:
        df, spread, scale = first.n - 1, first.sd, 1 / math.sqrt(first.n)
        difference, kind = first.mean, "sd of the differences"
    else:
        second = sample(b, "b")
        df = first.n + second.n - 2
        squares = (first.n - 1) * first.sd**2 + (second.n - 1) * second.sd**2
        spread, scale = math.sqrt(squares / df), math.sqrt(1 / first.n + 1 / second.n)
        difference, kind = first.mean - second.mean, "pooled sd"
    if df < 2:
        raise ValueError(f"hedges_g: n(={first.n}) of pairs must be >= 3.")
    if spread == 0:
        raise ValueError("hedges_g: every sd is 0, so that a difference has no unit.")
    _share("confidence", confidence)
    d = (difference - expected) / spread
    low, high = _noncentrality(abs(d) / scale, df, confidence)
    correct = math.exp(math.lgamma(df / 2) - math.lgamma((df - 1) / 2)) / math.sqrt(df / 2)
    least, most = sorted(math.copysign(1, d) * end * scale * correct for end in (low, high))
    return Effect(Interval(d * correct, least, most, confidence), kind)


def _noncentrality(t: float, df: float, confidence: float) -> tuple[float, float]:
    """Interval of the noncentrality for which `t` >= 0 is neither too small nor too large."""
    from scipy.optimize import brentq
    from scipy.stats import nct

    def above(nc: float, share: float) -> float:
        # The series behind `nct` gives up, or answers with its rounding, where t is large.
        below_t = nct.cdf(t, df, nc) if t < _SERIES_HOLDS else math.nan
        if math.isnan(below_t):
            below_t = _noncentral_t_below(t, df, nc)
        return float(below_t) - share

    def end(share: float) -> float:
        high = 3 * t + 20.0
        while above(high, share) > 0:  # few degrees of freedom at a high confidence
            high *= 2
        return float(brentq(above, -10.0, high, args=(share,), xtol=1e-10))

    return end((1 + confidence) / 2), end((1 - confidence) / 2)


_SERIES_HOLDS = 1000.0


def _noncentral_t_below(t: float, df: float, nc: float) -> float:
    """Chance that a noncentral t stays below a large `t`, from the chi distribution below it.

    (Z + nc) / sqrt(V / df) < t means V > df ((Z + nc) / t)^2; over the normal Z that is smooth
    when t is large, so that Gauss's rule integrates it.
    """
    from scipy.special import roots_hermitenorm
    from scipy.stats import chi2

    nodes, weights = roots_hermitenorm(64)
    bound = np.maximum((nodes + nc) / t, 0.0)
    return float(weights @ chi2.sf(df * bound**2, df) / math.sqrt(2 * math.pi))


def bootstrap(
    a: ArrayLike,
    b: ArrayLike | None = None,
    *,
    seed: int,
    statistic: Callable[..., NDArray] = np.mean,
    method: str = "BCa",
    resamples: int = 9999,
    confidence: float = 0.95,
) -> Interval:
    """Bootstrap interval of a statistic, or of its difference between two samples.

    Parameters
    ----------
    a : array_like of float, shape (n,)
        First sample, or the only one.
    b : array_like of float, shape (m,), optional
        Second, independent sample.
    seed : int
        Seed of the resampling.
    statistic : callable
        Takes an array and ``axis``; the mean by default.
    method : {"BCa", "percentile"}
        Bias-corrected and accelerated, or percentile.
    resamples : int
        How many.
    confidence : float
        Level of the interval.

    Returns
    -------
    Interval
        Statistic of `a` (minus that of `b`) and its interval.

    Raises
    ------
    ValueError
        If a sample is too small, nothing spreads, or the method is unknown.

    References
    ----------
    B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 13-14.
    """
    from scipy import stats

    if method not in ("BCa", "percentile"):
        raise ValueError(f"method(={method!r}) must be 'BCa' or 'percentile'.")
    _share("confidence", confidence)
    data = [_values(a, "a")] + ([] if b is None else [_values(b, "b")])
    if all(np.ptp(values) == 0 for values in data):
        raise ValueError("bootstrap: all values are the same, so that nothing can be resampled.")

    def difference(*samples: NDArray, axis: int = -1) -> NDArray:
        first = statistic(samples[0], axis=axis)
        return first - statistic(samples[1], axis=axis) if len(samples) == 2 else first

    result = stats.bootstrap(
        data,
        difference,
        n_resamples=resamples,
        vectorized=True,
        confidence_level=confidence,
        method=method,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(difference(*data)), float(result.low), float(result.high), confidence)


def block_bootstrap(
    series: ArrayLike,
    *,
    block: int,
    seed: int,
    statistic: Callable[..., NDArray] = np.mean,
    resamples: int = 9999,
    confidence: float = 0.95,
) -> Interval:
    """Bootstrap interval of a statistic of a series whose neighbours resemble each other.

    Parameters
    ----------
    series : array_like of float, shape (n,)
        Values in order of time, evenly spaced.
    block : int
        Length of the blocks that are kept together [values], from 1 to n; longer than the
        reach of the autocorrelation.
    seed : int
        Seed of the resampling.
    statistic : callable
        Takes an array and ``axis``; the mean by default.
    resamples : int
        How many.
    confidence : float
        Level of the interval.

    Returns
    -------
    Interval
        Statistic of the series and its percentile interval.

    Raises
    ------
    ValueError
        If the series is too short or `block` out of range.

    Notes
    -----
    Circular block bootstrap: blocks start anywhere with equal chance and run on from the
    series' end to its beginning, so that every value is drawn equally often.

    References
    ----------
    D. N. Politis, J. P. Romano, "A circular block-resampling procedure for stationary data",
    in *Exploring the Limits of Bootstrap*, 1992.
    """
    values = _values(series, "series")
    if not 1 <= block <= values.size:
        raise ValueError(f"block(={block}) must lie between 1 and the series' {values.size}.")
    _share("confidence", confidence)
    rng = np.random.default_rng(seed)
    drawn = np.empty(resamples)
    batch = max(1, 4_000_000 // values.size)  # resamples at a time, to bound memory
    for first in range(0, resamples, batch):
        count = min(batch, resamples - first)
        places = _block_places(values.size, block, count, rng)
        drawn[first : first + count] = statistic(values[places], axis=1)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(statistic(values, axis=0)), float(low), float(high), confidence)


def ratio_of_sums(
    over: ArrayLike,
    under: ArrayLike | None = None,
    *,
    seed: int,
    block: int = 1,
    resamples: int = 9999,
    confidence: float = 0.95,
) -> Interval:
    """Return the sum of one series over that of another, with its bootstrap interval over time.

    A share saved is such a ratio: long and dirty weeks weigh as much as they emit.

    Parameters
    ----------
    over : array_like of float, shape (n,) or (k, n)
        Values in order of time; of k ratios, one a row, the mean is taken.
    under : array_like of float, in the shape of `over`, optional
        What they are divided by, drawn together; ones by default, which gives the mean of `over`.
    seed : int
        Seed of the resampling.
    block : int
        Length of the circular blocks that are kept together [values]; 1 where neighbours do not
        resemble each other.
    resamples : int
        How many.
    confidence : float
        Level of the interval.

    Returns
    -------
    Interval
        Ratio and percentile interval, whose ends hold the ratio. All NaN where `under` adds
        up to 0, in the series or in a resample: then the data do not tell it.

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than 2 values, one is not finite, or `block` is out of
        range.
    """
    above = np.atleast_2d(np.asarray(over, dtype=np.float64))
    below = np.ones_like(above) if under is None else np.atleast_2d(np.asarray(under, np.float64))
    if above.shape != below.shape or above.ndim != 2:
        raise ValueError(
            f"over {above.shape} and under {below.shape} must have one shape: (n,), or (k, n) for "
            "the mean of k ratios."
        )
    if not (np.isfinite(above).all() and np.isfinite(below).all()):
        raise ValueError("over and under must be finite: leave out what is missing in either.")

    def mean_ratio(places: NDArray, axis: int) -> NDArray:
        drawn = places.astype(np.int64)
        tops, bottoms = (x[:, drawn].sum(axis=axis + 1) for x in (above, below))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bottoms == 0, np.nan, tops / bottoms).mean(axis=0)

    found = block_bootstrap(
        np.arange(above.shape[1]),
        block=block,
        seed=seed,
        statistic=mean_ratio,
        resamples=resamples,
        confidence=confidence,
    )
    if not np.isfinite([found.value, found.low, found.high]).all():
        return Interval(math.nan, math.nan, math.nan, confidence)
    value = found.value
    return Interval(value, min(found.low, value), max(found.high, value), confidence)


def _block_places(
    n: int, block: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Which of n values in order are drawn, shape (resamples, n), in circular blocks."""
    starts = rng.integers(n, size=(resamples, math.ceil(n / block), 1))
    return (starts + np.arange(block)).reshape(resamples, -1)[:, :n] % n


def block_weights(
    n: int, block: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return how often each of n values is drawn in circular blocks, shape (resamples, n).

    What is resampled by sums needs no more than these numbers: the sums of a resample are
    ``weights @ values``. Blocks of 1 are the plain bootstrap.
    """
    places = _block_places(n, block, resamples, rng) + n * np.arange(resamples)[:, None]
    counts = np.bincount(places.ravel(), minlength=n * resamples)
    return counts.reshape(resamples, n).astype(np.float64)


def permutation_p(
    a: ArrayLike, b: ArrayLike | None = None, *, seed: int, resamples: int = 9999
) -> float:
    """Two-sided permutation test of equal means.

    Parameters
    ----------
    a : array_like of float, shape (n,)
        First sample, or the differences of pairs when `b` is not given.
    b : array_like of float, shape (m,), optional
        Second, independent sample.
    seed : int
        Seed of the permutations; without effect when all of them can be tried.
    resamples : int
        How many permutations to try when there are more.

    Returns
    -------
    float
        The p-value; exact when there are no more than `resamples` permutations.

    Raises
    ------
    ValueError
        If a sample is too small or nothing spreads.

    Notes
    -----
    Two samples: Welch's t is permuted, not the bare difference; when variances and sizes
    differ this comes near the level for large samples [1]_, the bare difference for none.
    Pairs: signs of the differences are permuted.

    References
    ----------
    .. [1] A. Janssen, "Studentized permutation tests for non-i.i.d. hypotheses and the
       generalized Behrens-Fisher problem", Statistics & Probability Letters 36, 1997.
    """
    from scipy import stats

    rng = np.random.default_rng(seed)
    first = _values(a, "a")
    if b is None:
        if np.ptp(first) == 0:
            raise ValueError("permutation_p: all differences are the same: nothing to permute.")
        result = stats.permutation_test(
            (first,),
            lambda x, axis: np.mean(x, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=resamples,
            rng=rng,
        )
        return float(result.pvalue)
    second = _values(b, "b")
    if np.ptp(np.concatenate([first, second])) == 0:
        raise ValueError("permutation_p: all values are the same: nothing to permute.")

    def welch(x: NDArray, y: NDArray, axis: int) -> NDArray:
        variance = (
            x.var(axis=axis, ddof=1) / x.shape[axis] + y.var(axis=axis, ddof=1) / y.shape[axis]
        )
        difference = x.mean(axis=axis) - y.mean(axis=axis)
        # Samples that separate into two constants are as extreme as can be.
        return difference / np.sqrt(np.maximum(variance, np.finfo(float).tiny))

    result = stats.permutation_test(
        (first, second), welch, vectorized=True, n_resamples=resamples, rng=rng
    )
    return float(result.pvalue)


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's correction of a family of p-values.

    Parameters
    ----------
    p_values : array_like of float, shape (k,)
        One a test of the family.

    Returns
    -------
    ndarray of float, shape (k,)
        Adjusted p-values, in the same order: below alpha with family-wise error below alpha.

    Raises
    ------
    ValueError
        If a value is not between 0 and 1.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal
    of Statistics 6, 1979.
    """
    values = np.asarray(p_values, dtype=np.float64).ravel()
    if not np.all((values >= 0) & (values <= 1)):
        raise ValueError(f"p_values(={values.tolist()}) must lie in [0, 1].")
    if not values.size:
        return values
    from statsmodels.stats.multitest import multipletests

    return multipletests(values, method="holm")[1]


def frontier(values: ArrayLike) -> NDArray[np.bool_]:
    """Return which rows no other row dominates: the Pareto frontier, smaller being better.

    Parameters
    ----------
    values : array_like of float, shape (n, k)
        What each of n choices costs, in k ways. One row dominates another if it is nowhere
        larger and somewhere smaller; of equal rows all stay.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    ValueError
        If the shape is another, or a value is NaN.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or np.isnan(rows).any():
        raise ValueError(f"values must be one row a choice without NaN, not of shape {rows.shape}.")
    # From small to large, so that each one that is kept drops many. Only an earlier row, or one
    # that is equal, can be nowhere larger.
    order = np.lexsort(rows.T[::-1]) if rows.shape[1] else np.arange(len(rows))
    left, place = rows[order], 0
    while place < len(order):
        best = left[place]
        stays = (left < best).any(axis=1) | (left == best).all(axis=1)
        place = int(stays[: place + 1].sum())
        left, order = left[stays], order[stays]
    found = np.zeros(len(rows), dtype=np.bool_)
    found[order] = True
    return found


def equivalence(
    a: Data, b: Data | None = None, *, margin: float, expected: float = 0.0, alpha: float = 0.05
) -> Equivalence:
    """Test whether a difference lies within a margin: two one-sided t-tests (TOST).

    Parameters
    ----------
    a : Sample or array_like
        First sample, or the differences of pairs when `b` is not given.
    b : Sample or array_like, optional
        Second, independent sample (variances not taken as equal).
    margin : float
        Largest difference that does not matter, more than 0; stated before looking.
    expected : float
        Difference around which the margin lies.
    alpha : float
        Level of the test.

    Returns
    -------
    Equivalence
        p-value, and the interval at confidence 1 - 2 alpha that lies within
        ``expected +- margin`` exactly when equivalence is shown.

    Raises
    ------
    ValueError
        If the margin is not above 0, or the data spread too little or not at all.

    References
    ----------
    D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach
    for assessing the equivalence of average bioavailability", Journal of Pharmacokinetics and
    Biopharmaceutics 15(6), 1987.
    """
    from scipy import stats

    if not margin > 0:
        raise ValueError(f"margin(={margin}) must be > 0.")
    _share("alpha", 2 * alpha)
    samples, weights = ([a], [1]) if b is None else ([a, b], [1, -1])
    test = contrast(samples, weights, expected=expected, confidence=1 - 2 * alpha)
    off = test.estimate.value - expected
    p = float(stats.t.sf((margin - abs(off)) / test.standard_error, test.df))
    return Equivalence(margin, p, test.estimate, alpha)


def runs_to_detect(
    difference: float, sd: float, *, paired: bool = False, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Return how many runs (of each kind, or pairs) a t-test needs to detect a difference.

    Parameters
    ----------
    difference : float
        True difference of the means, not 0.
    sd : float
        Standard deviation of one kind of run, or of the differences of pairs; more than 0.
    paired : bool
        Whether runs are paired.
    power : float
        Chance to detect it.
    alpha : float
        Two-sided level of the test.

    Returns
    -------
    int
        Runs of each kind, or pairs; 2 or more.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    if not (math.isfinite(difference) and difference != 0):
        raise ValueError(f"difference(={difference}) must be finite and not 0.")
    _share("power", power)
    runs = 2
    while _power(abs(difference), sd, runs, paired, alpha) < power:
        runs *= 2
        if runs > _MOST_RUNS:
            raise ValueError(f"difference(={difference}) takes more than {_MOST_RUNS} runs.")
    low = runs // 2
    while runs - low > 1:  # power grows with runs
        middle = (low + runs) // 2
        if middle >= 2 and _power(abs(difference), sd, middle, paired, alpha) >= power:
            runs = middle
        else:
            low = middle
    return runs


def smallest_detectable(
    n: int, sd: float, *, paired: bool = False, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return the smallest true difference that a t-test with `n` runs detects.

    Parameters
    ----------
    n : int
        Runs of each kind, or pairs; 2 or more.
    sd : float
        Standard deviation of one kind of run, or of the differences of pairs; more than 0.
    paired : bool
        Whether runs are paired.
    power : float
        Chance to detect it.
    alpha : float
        Two-sided level of the test.

    Returns
    -------
    float
        The difference, in the unit of `sd`.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    from scipy.optimize import brentq

    _share("power", power)
    if power <= alpha:
        raise ValueError(f"power(={power}) must be above alpha(={alpha}).")
    high = sd
    while _power(high, sd, n, paired, alpha) < power:
        high *= 2
    return float(brentq(lambda d: _power(d, sd, n, paired, alpha) - power, 0.0, high))


def _power(difference: float, sd: float, n: int, paired: bool, alpha: float) -> float:
    from statsmodels.stats.power import TTestIndPower, TTestPower

    if n < 2:
        raise ValueError(f"n(={n}) must be >= 2.")
    if not (math.isfinite(sd) and sd > 0):
        raise ValueError(f"sd(={sd}) must be finite and > 0.")
    _share("alpha", alpha)
    test = TTestPower() if paired else TTestIndPower()
    return float(test.power(difference / sd, n, alpha))


@dataclass(frozen=True)
class Comparison:
    """All that is said about one comparison; `str` gives it in words.

    Attributes
    ----------
    names : tuple of str
        Names of the two samples.
    unit : str
        Unit of the measurements.
    samples : tuple of Sample
        Their summary figures.
    paired : bool
        Whether runs are paired.
    test : TTest
        Welch's t-test, or the paired one.
    effect : Effect
        Hedges' g.
    bootstrap : Interval or None
        BCa interval of the difference; None from summary figures.
    permutation_p : float or None
        Permutation test; None from summary figures.
    normality_p : tuple of float or None
        Shapiro-Wilk: both samples, or the differences; None from summary figures.
    variance_p : float or None
        Brown-Forsythe; None for pairs and from summary figures.
    detectable : float
        Difference that this design detects with 80 % power.
    equivalence : Equivalence or None
        When a margin was given.
    """

    names: tuple[str, str]
    unit: str
    samples: tuple[Sample, Sample]
    paired: bool
    test: TTest
    effect: Effect
    bootstrap: Interval | None
    permutation_p: float | None
    normality_p: tuple[float, ...] | None
    variance_p: float | None
    detectable: float
    equivalence: Equivalence | None

    def figures(self) -> dict[str, str]:
        """Return all figures in words and units, by what they are: rows of a table for readers."""
        return _rows(self)

    def __str__(self) -> str:
        return "\n".join(_sentences(self))


# Ten parameters: the two samples, the design that was stated beforehand, and the words of the result.
def compare(
    a: Data,
    b: Data,
    *,
    paired: bool = False,
    seed: int | None = None,
    expected: float = 0.0,
    margin: float | None = None,
    confidence: float = 0.95,
    resamples: int = 9999,
    names: tuple[str, str] = ("a", "b"),
    unit: str = "",
) -> Comparison:
    """Compare two samples by everything a comparison needs.

    Parameters
    ----------
    a, b : Sample or array_like
        The two samples; summary figures for the t-test, effect and equivalence alone.
    paired : bool
        Whether ``a[i]`` and ``b[i]`` belong together; needs measurements.
    seed : int, optional
        Seed of bootstrap and permutations; needed with measurements.
    expected : float
        Difference a - b to test against.
    margin : float, optional
        Margin of the equivalence test, stated beforehand.
    confidence : float
        Level of the intervals; 1 - confidence is the level of the tests.
    resamples : int
        Resamples of bootstrap and permutations.
    names : tuple of str
        Names of the samples.
    unit : str
        Unit of the measurements.

    Returns
    -------
    Comparison
        Tests, intervals, effect size, looks at the assumptions, power of the design.

    Raises
    ------
    ValueError
        If measurements and summary figures are mixed, pairs do not match, `seed` is missing,
        or the data do not spread.
    """
    data = _data(a, b, paired, seed, names)
    alpha = round(1 - confidence, 12)  # 0.05, not 0.050000000000000044
    sd, n = _design(data)
    tested = {"expected": expected, "confidence": confidence}
    return Comparison(
        names=names,
        unit=unit,
        samples=(sample(a, names[0]), sample(b, names[1])),
        paired=paired,
        test=contrast(data, [1, -1][: len(data)], **tested),
        effect=hedges_g(*data, **tested),
        **_looks(data, expected, seed, resamples, confidence),
        detectable=smallest_detectable(n, sd, paired=paired, alpha=alpha),
        equivalence=None
        if margin is None
        else equivalence(*data, margin=margin, expected=expected, alpha=alpha),
    )


def _data(
    a: Data, b: Data, paired: bool, seed: int | None, names: tuple[str, str]
) -> list[Sample] | list[NDArray[np.float64]]:
    """Return the two samples, or the differences of pairs, once they fit each other."""
    if isinstance(a, Sample) and isinstance(b, Sample):
        if paired:
            raise ValueError("paired(=True) needs measurements: use paired_t on the differences.")
        return [a, b]
    if isinstance(a, Sample) or isinstance(b, Sample):
        raise ValueError("a and b must both be measurements or both be summary figures.")
    if seed is None:
        raise ValueError("seed(=None) must be given: bootstrap and permutations need it.")
    if paired:
        return [_differences(a, b, names)]
    return [_values(a, names[0]), _values(b, names[1])]


def _differences(a: ArrayLike, b: ArrayLike, names: tuple[str, str]) -> NDArray[np.float64]:
    first, second = _values(a, names[0]), _values(b, names[1])
    if first.size != second.size:
        raise ValueError(
            f"{names[0]}({first.size}) and {names[1]}({second.size}) must have as many values to pair."
        )
    return first - second


def _design(data: Sequence[Data]) -> tuple[float, int]:
    """Spread and size of a design: of unequal samples the mean variance and smaller size."""
    figures = [sample(d) for d in data]
    return math.sqrt(np.mean([s.sd**2 for s in figures])), min(s.n for s in figures)


def _looks(
    data: Sequence[Sample] | Sequence[NDArray[np.float64]],
    expected: float,
    seed: int | None,
    resamples: int,
    confidence: float,
) -> dict:
    """What only measurements tell, beside the t-test; None of each from summary figures."""
    values = [d for d in data if not isinstance(d, Sample)]
    if not values or seed is None:
        return dict.fromkeys(("bootstrap", "permutation_p", "normality_p", "variance_p"))
    from scipy import stats

    first, second = values[0], values[1] if len(values) == 2 else None
    testable = [d.size > 2 and np.ptp(d) > 0 for d in values]
    return {
        "bootstrap": bootstrap(
            first, second, seed=seed, resamples=resamples, confidence=confidence
        ),
        "permutation_p": permutation_p(first - expected, second, seed=seed, resamples=resamples),
        "normality_p": tuple(
            float(stats.shapiro(d).pvalue) if can else math.nan
            for d, can in zip(values, testable, strict=True)
        ),
        "variance_p": None
        if second is None
        else float(stats.levene(first, second, center="median").pvalue),
    }


def _figure(value: float) -> str:
    return f"{value:.4g}"


def p_in_words(value: float) -> str:
    """Return a p-value as it stands in a sentence."""
    if math.isnan(value):
        return "not testable"
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.2g}"


def _rows(c: Comparison) -> dict[str, str]:
    unit = f" {c.unit}" if c.unit else ""
    rows = {
        f"{name}: mean (sd; runs)": f"{_figure(s.mean)}{unit} ({_figure(s.sd)}; {s.n})"
        for name, s in zip(c.names, c.samples, strict=True)
    }
    shares = f"{100 * c.test.estimate.confidence:g} %"
    kind = "paired" if c.paired else "Welch"
    against = f" against {_figure(c.test.expected)}{unit}" if c.test.expected else ""
    rows[f"{c.names[0]} less {c.names[1]} ({shares} interval)"] = _between(c.test.estimate, unit)
    rows[f"t-test, {kind}{against}"] = (
        f"t({c.test.df:.1f}) = {c.test.t:.2f}, {p_in_words(c.test.p)}"
    )
    rows[f"Hedges' g, {c.effect.kind} ({shares} interval)"] = _between(c.effect.g)
    if c.bootstrap is not None:
        rows[f"bootstrap, BCa ({shares} interval)"] = _between(c.bootstrap, unit)
    if c.permutation_p is not None:
        rows["permutation test"] = p_in_words(c.permutation_p)
    if c.normality_p is not None:
        rows["normality, Shapiro-Wilk"] = ", ".join(map(p_in_words, c.normality_p))
    if c.variance_p is not None:
        rows["equal variance, Brown-Forsythe"] = p_in_words(c.variance_p)
    rows["difference detected with 80 % power"] = f"{_figure(c.detectable)}{unit}"
    if c.equivalence is not None:
        shown = "shown" if c.equivalence.shown else "not shown"
        within = f"equivalence within {_figure(c.equivalence.margin)}{unit}"
        rows[within] = f"{shown}, {p_in_words(c.equivalence.p)}"
    return rows


def _between(one: Interval, unit: str = "") -> str:
    return f"{_figure(one.value)}{unit} ({_figure(one.low)} to {_figure(one.high)})"


def _sentences(c: Comparison) -> list[str]:
    unit = f" {c.unit}" if c.unit else ""
    first, second = c.samples
    alpha = 1 - c.test.estimate.confidence
    lines = [
        f"{c.names[0]}: {_figure(first.mean)}{unit} (sd {_figure(first.sd)}, n = {first.n}); "
        f"{c.names[1]}: {_figure(second.mean)}{unit} (sd {_figure(second.sd)}, n = {second.n}).",
        f"Difference{unit and f' in{unit}'}: {c.test.estimate}; "
        f"{'paired' if c.paired else 'Welch'} t({c.test.df:.1f}) = {c.test.t:.2f}"
        f"{f' against {_figure(c.test.expected)}' if c.test.expected else ''}, {p_in_words(c.test.p)}; "
        f"Hedges' g ({c.effect.kind}): {c.effect.g}.",
    ]
    if c.bootstrap is not None and c.permutation_p is not None and c.normality_p is not None:
        normal = ", ".join(p_in_words(p) for p in c.normality_p)
        variance = (
            ""
            if c.variance_p is None
            else f"; equal variance (Brown-Forsythe): {p_in_words(c.variance_p)}"
        )
        lines += [
            f"Bootstrap (BCa): {c.bootstrap}; permutation test: {p_in_words(c.permutation_p)}.",
            f"Normality (Shapiro-Wilk): {normal}{variance}.",
        ]
    share = (
        f" ({100 * c.detectable / abs(second.mean):.2g} % of {c.names[1]})" if second.mean else ""
    )
    lines.append(f"With 80 % power this design detects {_figure(c.detectable)}{unit}{share}.")
    if c.equivalence is not None:
        shown = "shown" if c.equivalence.shown else "not shown"
        around = f" of {_figure(c.test.expected)}{unit}" if c.test.expected else ""
        lines.append(
            f"Equivalence within {_figure(c.equivalence.margin)}{unit}{around}: {shown} "
            f"({p_in_words(c.equivalence.p)}; {c.equivalence.interval})."
        )
    elif c.test.p >= alpha:
        lines.append("A difference is not shown; neither is its absence (no margin was given).")
    return lines
