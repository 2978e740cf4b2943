"""How uncertain is a carbon account? Monte Carlo over its inputs, and a tornado table.

Inputs are small distributions; a model turns draws of them into grams.
The model of an account knows what is usually uncertain: the set of emission factors, the meter,
the PUE, and the making and life time of the device.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.accounting import Account, one_kind

__all__ = [
    "Choice",
    "Distribution",
    "Model",
    "Normal",
    "Outcomes",
    "Triangular",
    "Uniform",
    "model",
    "monte_carlo",
    "tornado",
]


@dataclass(frozen=True)
class Uniform:
    """Anything from `low` to `high`, equally likely.

    Parameters
    ----------
    low, high : float
        Ends of the range, in the unit of the input.

    Raises
    ------
    ValueError
        If an end is not finite, or they are out of order.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        _ordered("Uniform", self.low, self.high)

    def sample(self, rng: np.random.Generator, count: int) -> NDArray:
        """Draw `count` values."""
        return rng.uniform(self.low, self.high, count)

    def quantile(self, p: float) -> float:
        """Return the value that a share `p` of the draws lies below."""
        return self.low + p * (self.high - self.low)


@dataclass(frozen=True)
class Triangular:
    """From `low` to `high`, most likely `mode`.

    Parameters
    ----------
    low, mode, high : float
        Least, most likely and greatest value, in the unit of the input.

    Raises
    ------
    ValueError
        If one is not finite, they are out of order, or all are the same.
    """

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        _ordered("Triangular", self.low, self.mode, self.high)
        if self.low == self.high:
            raise ValueError(f"{self}: low must be < high; give the number itself if it is known.")

    def sample(self, rng: np.random.Generator, count: int) -> NDArray:
        """Draw `count` values."""
        return rng.triangular(self.low, self.mode, self.high, count)

    def quantile(self, p: float) -> float:
        """Return the value that a share `p` of the draws lies below."""
        width, rise = self.high - self.low, self.mode - self.low
        if p * width <= rise:
            return self.low + math.sqrt(p * width * rise)
        return self.high - math.sqrt((1 - p) * width * (self.high - self.mode))


@dataclass(frozen=True)
class Normal:
    """Bell-shaped, with a mean and a standard deviation.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation, in the unit of the input.

    Raises
    ------
    ValueError
        If one is not finite, or `sd` is not above 0.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd > 0):
            raise ValueError(f"{self}: mean must be finite, sd finite and > 0.")

    def sample(self, rng: np.random.Generator, count: int) -> NDArray:
        """Draw `count` values."""
        return rng.normal(self.mean, self.sd, count)

    def quantile(self, p: float) -> float:
        """Return the value that a share `p` of the draws lies below."""
        return NormalDist(self.mean, self.sd).inv_cdf(p)


@dataclass(frozen=True)
class Choice:
    """One of some values, equally likely; the first is the base case.

    Parameters
    ----------
    options : tuple of str or float
        The values, different ones, at least one.

    Raises
    ------
    ValueError
        If there is none, or one occurs twice.
    """

    options: tuple[str | float, ...]

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) < len(self.options):
            raise ValueError(f"{self}: options must be one or more different ones.")

    def sample(self, rng: np.random.Generator, count: int) -> NDArray:
        """Draw `count` values."""
        return np.array(self.options)[rng.integers(len(self.options), size=count)]


Distribution = Uniform | Triangular | Normal | Choice


def _ordered(name: str, *values: float) -> None:
    if not all(map(math.isfinite, values)) or list(values) != sorted(values):
        raise ValueError(f"{name}{values} must be finite and in increasing order.")


@dataclass(frozen=True, eq=False)
class Model:
    """Emissions of one account as a function of what is uncertain; made by `model`.

    Attributes
    ----------
    factors : tuple of str
        Names of the sets of emission factors.
    computers_g : ndarray of float, shape (sets,)
        Emissions of the computers' electricity by set, before PUE [g CO2e].
    facility_g : ndarray of float, shape (sets,)
        The same after the account's own PUE [g CO2e].
    reserved_s : float
        Time x share for which the device is reserved [s]; 0 without a device.
    device_g, lifetime_s : float
        Embodied emissions of the device [g CO2e] and the time that bears them [s].
    """

    factors: tuple[str, ...]
    computers_g: NDArray[np.float64]
    facility_g: NDArray[np.float64]
    reserved_s: float
    device_g: float
    lifetime_s: float

    def __call__(self, **inputs: ArrayLike) -> NDArray[np.float64]:
        """Return emissions [g CO2e], one for each draw.

        Parameters
        ----------
        **inputs : array_like
            Any of ``factors`` (name of the set), ``power`` (true over measured power [1]),
            ``pue`` [1], ``device_g`` [g] and ``lifetime_s`` [s]; what is not given is as in the
            account.

        Raises
        ------
        TypeError
            If an input is none of these.
        ValueError
            If a PUE is below 1, a power or an embodied emission is negative, or a life time not
            above 0.
        """
        lowest = {"power": 0.0, "pue": 1.0, "device_g": 0.0, "lifetime_s": np.nextafter(0, 1)}
        unknown = set(inputs) - {"factors", *lowest}
        if unknown:
            raise TypeError(
                f"{min(unknown)!r} is no input; known are factors, {', '.join(lowest)}."
            )
        if {"device_g", "lifetime_s"} & set(inputs) and not self.reserved_s:
            raise ValueError("device_g and lifetime_s need an account with one device.")
        for name, least in lowest.items():
            values = np.asarray(inputs.get(name, least), dtype=np.float64)
            if not (np.isfinite(values) & (values >= least)).all():
                worst = values[~(np.isfinite(values) & (values >= least))].flat[0]
                rule = "> 0" if name == "lifetime_s" else f">= {least:g}"
                raise ValueError(f"input {name!r}: {worst} must be finite and {rule}.")
        chosen = self._chosen(inputs.get("factors", self.factors[0]))
        bought_g = (
            self.computers_g[chosen] * np.asarray(inputs["pue"])
            if "pue" in inputs
            else self.facility_g[chosen]
        )
        life_s = np.asarray(inputs.get("lifetime_s", self.lifetime_s), dtype=np.float64)
        made_g = np.asarray(inputs.get("device_g", self.device_g)) * (self.reserved_s / life_s)
        return bought_g * np.asarray(inputs.get("power", 1.0)) + made_g

    def _chosen(self, names: ArrayLike) -> NDArray[np.int64]:
        names = np.ravel(names)
        unknown = sorted(set(names.tolist()) - set(self.factors))
        if unknown:
            known = ", ".join(self.factors)
            raise ValueError(
                f"input 'factors': {unknown[0]!r} is no set of the model, only {known}."
            )
        return np.array([self.factors.index(name) for name in names])


def model(accounts: Account | Mapping[str, Account]) -> Model:
    """Make a function of uncertain inputs from an account, or from one for each factor set.

    Parameters
    ----------
    accounts : Account or mapping of str to Account
        The same uses, once for each set of emission factors; the first is the base case.

    Returns
    -------
    Model
        To be called by `monte_carlo` and `tornado`.

    Raises
    ------
    TypeError
        If average and marginal would be mixed.
    ValueError
        If the accounts differ in more than their intensity, or hold more than one device.
    """
    sets = accounts if isinstance(accounts, Mapping) else {"": accounts}
    one_kind("a model", [one.kind for one in sets.values()])
    base = next(iter(sets.values())).rows
    same = ["job", "item", "duration_s", "power_w", "share", "pue", "device_g", "written_off_s"]
    for name, other in sets.items():
        alike = len(other.rows) == len(base) and all(
            base[c].astype(object).equals(other.rows[c].astype(object)) for c in same
        )
        if not alike:
            raise ValueError(
                f"the account of factor set {name!r} has other uses than that of the first: make "
                "them from the same uses, PUE and device."
            )
    devices = base[["device_g", "written_off_s"]].dropna()
    if len(devices.drop_duplicates()) > 1:
        raise ValueError("the account holds several devices; make a model of each.")
    grams = {name: one.rows["emissions_g"][base["device_g"].isna()] for name, one in sets.items()}
    pue = base["pue"][base["device_g"].isna()]
    made = base.loc[devices.index]
    return Model(
        factors=tuple(sets),
        computers_g=np.array([math.fsum(g / pue) for g in grams.values()]),
        facility_g=np.array([math.fsum(g) for g in grams.values()]),
        reserved_s=math.fsum(made["duration_s"] * made["share"]),
        device_g=float(devices["device_g"].iloc[0]) if len(devices) else 0.0,
        lifetime_s=float(devices["written_off_s"].iloc[0]) if len(devices) else 1.0,
    )


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What a Monte Carlo run gave.

    Attributes
    ----------
    inputs : DataFrame
        One row a draw, one column an input.
    emissions_g : ndarray of float
        Emissions of each draw [g CO2e].
    seed : int
        The seed that gives the same draws again.
    """

    inputs: pd.DataFrame = field(repr=False)
    emissions_g: NDArray[np.float64] = field(repr=False)
    seed: int

    @property
    def mean_g(self) -> float:
        """Mean of the draws [g CO2e]."""
        return float(self.emissions_g.mean())

    def interval_g(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central interval that holds a share `level` of the draws [g CO2e]."""
        low, high = np.quantile(self.emissions_g, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def monte_carlo(
    of: Callable[..., ArrayLike], inputs: Mapping[str, Distribution], *, draws: int, seed: int
) -> Outcomes:
    """Draw all inputs at once, many times, and see what emissions come out.

    Parameters
    ----------
    of : callable
        A `Model`, or any function of arrays, one for each input, that returns grams.
    inputs : mapping of str to Uniform, Triangular, Normal or Choice
        What is uncertain; taken as independent.
    draws : int
        How many.
    seed : int
        Each input draws from a stream of its own, of this seed and its name, so that one input
        more or less leaves the others' draws as they are.

    Returns
    -------
    Outcomes
        Draws and results.

    Raises
    ------
    ValueError
        If `draws` is not above 0, or a draw is out of the function's range.
    """
    if draws < 1:
        raise ValueError(f"draws={draws} must be >= 1.")
    drawn = {
        name: spread.sample(np.random.default_rng([seed, zlib.crc32(name.encode())]), draws)
        for name, spread in inputs.items()
    }
    grams = np.broadcast_to(np.asarray(of(**drawn), dtype=np.float64), (draws,))
    return Outcomes(pd.DataFrame(drawn), grams, seed)


def tornado(
    of: Callable[..., ArrayLike], inputs: Mapping[str, Distribution], *, level: float = 0.9
) -> pd.DataFrame:
    """Move one input at a time and see how far the result swings.

    Parameters
    ----------
    of, inputs
        As for `monte_carlo`.
    level : float
        Each input runs between the ends of its central interval of this level, a `Choice` over
        all its values; the others stay at their median, or first value.

    Returns
    -------
    DataFrame
        Indexed by ``input``, widest swing first: ``low`` and ``high`` (the values of the input
        that give them), ``low_g``, ``base_g``, ``high_g`` and ``swing_g`` [g CO2e].

    Raises
    ------
    ValueError
        If `level` lies outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must lie in (0, 1).")
    base = {
        n: s.options[0] if isinstance(s, Choice) else s.quantile(0.5) for n, s in inputs.items()
    }
    base_g = _one_g(of, base)
    rows = []
    for name, spread in inputs.items():
        ends = (
            spread.options
            if isinstance(spread, Choice)
            else tuple(spread.quantile(p) for p in ((1 - level) / 2, (1 + level) / 2))
        )
        grams = [_one_g(of, base | {name: end}) for end in ends]
        least, most = int(np.argmin(grams)), int(np.argmax(grams))
        rows.append((name, ends[least], ends[most], grams[least], base_g, grams[most]))
    table = pd.DataFrame(rows, columns=["input", "low", "high", "low_g", "base_g", "high_g"])
    table["swing_g"] = table["high_g"] - table["low_g"]
    return table.set_index("input").sort_values("swing_g", ascending=False, kind="stable")


def _one_g(of: Callable[..., ArrayLike], inputs: Mapping[str, object]) -> float:
    return float(np.ravel(of(**{name: np.array([value]) for name, value in inputs.items()}))[0])
