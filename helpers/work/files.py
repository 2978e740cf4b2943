"""Workloads in YAML, for people.

A recipe says what a workload is drawn from (times in seconds, power in watts)::

    name: a small research group
    start: 2024-07-01 00:00
    time_zone: Europe/Berlin
    duration_s: 604800             # or count: 500
    seed: 1
    arrivals:
      rate_per_h: 12               # mean over the week
      day: [1, 1, 1, 1, 1, 1, 1, 2, 4, 6, 6, 6, 5, 6, 6, 6, 5, 4, 3, 2, 2, 1, 1, 1]
      week: [5, 5, 5, 5, 4, 2, 2]  # Monday first
    kinds:
      - name: training
        share: 1
        length: {distribution: lognormal, median_s: 5400, sigma: 1.0, least_s: 60, most_s: 172800}
        processors: {distribution: values, values: [1, 2, 4, 8], weights: [4, 3, 2, 1]}
        requested:
          factor: {distribution: uniform, low: 1, high: 6}
          usual_s: [3600, 14400, 86400]
        longest_wait_s: 86400
        model:
          name: training
          startup:
            - {name: load, duration_s: 60, power_w: 12}
          work:
            - repeat: 5
              phases:
                - {name: train, duration_s: 500, power_w: 40}
                - {name: save, duration_s: 20, power_w: 15, checkpoint: true}
      - name: analysis
        share: 3
        length: {distribution: exponential, mean_s: 900}
        processors: 1
        power_w: 9

======================  ===========================================================================
key                     what it says
======================  ===========================================================================
``start``               instant of second 0, in ``time_zone`` if it has no offset of its own
``duration_s, count``   one of the two: how long jobs are submitted, or how many
``seed``                source of chance, a whole number >= 0
``power_per``           ``processor`` (default) or ``job``: what powers count for
``arrivals``            ``rate_per_h`` with weights ``day`` (24) and ``week`` (7), or
                        ``rates_per_h``, 7 lists of 24; ``gaps``, ``batch``, ``spacing``:
                        distributions, see `helpers.jobs.generate.Arrivals`
``suspension``          ``save`` (phases), ``suspended_power_w``, ``keep``, ``most_resumes``,
                        ``least_run_s``: see `helpers.schedule.Suspension`
``kinds[i].share``      weight among all arrivals (1)
``.length``             work of a job without start-up and end phases; the model's own by default
``.processors``         a whole number or a distribution, rounded (1)
``.requested``          ``factor`` (of the whole run), ``usual_s``, ``most_s``; without it, users
                        ask for exactly what their job takes
``.longest_wait_s``     before the job starts; no limit by default
``.priority``           larger is more urgent (0)
``.best_effort``        true or false (false)
``.power_w``            constant power, or instead of it:
``.model``              phases as in `helpers.phases.files`, or ``{file: model.yaml}``, looked for
                        beside the recipe, or ``{dataset: name}``
======================  ===========================================================================

Distributions are ``constant`` (value), ``exponential`` (mean), ``lognormal`` (median, sigma),
``weibull`` (shape, scale), ``uniform`` (low, high) and ``values`` (values, weights); ``least`` and
``most`` bound any of them.  Where they are lengths, what is a time ends in ``_s``.
"""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import yaml

from helpers.files import write_whole
from helpers.jobs import to_epoch, to_time_zone
from helpers.jobs.generate import (
    Arrivals,
    Bounded,
    Constant,
    Demand,
    Distribution,
    Estimate,
    Exponential,
    Kind,
    Lognormal,
    Uniform,
    Values,
    Weibull,
)
from helpers.jobs.table import time_zone_name
from helpers.phases.files import SCHEMA as PHASES
from helpers.phases.files import Unshared, model_at, read_yaml, tree_of
from helpers.phases.model import PARTS, PhaseModel
from helpers.phases.suspension import Suspension
from helpers.schema import Place, compose
from helpers.work.workload import PowerPer, Workload, workload_table

__all__ = ["JobKind", "Recipe", "read_recipe", "read_workload", "write_recipe"]

ModelByName = Callable[[str], PhaseModel]

# distribution -> class, and for each key: the parameter, whether it has the unit, its rule
_FAMILIES: dict[str, tuple[type, dict[str, tuple[str, bool, str]]]] = {
    "constant": (Constant, {"value": ("value", True, ">= 0")}),
    "exponential": (Exponential, {"mean": ("scale", True, "> 0")}),
    "lognormal": (Lognormal, {"median": ("median", True, "> 0"), "sigma": ("sigma", False, "> 0")}),
    "weibull": (Weibull, {"shape": ("shape", False, "> 0"), "scale": ("scale", True, "> 0")}),
    "uniform": (Uniform, {"low": ("low", True, ">= 0"), "high": ("high", True, "> 0")}),
    "values": (Values, {"values": ("values", True, ">= 0"), "weights": ("weights", False, "> 0")}),
}
_BOUNDS = {"least": ("low", True, ">= 0"), "most": ("high", True, "> 0")}
_LISTS = ("values", "weights")


# --- what a recipe is ---------------------------------------------------------------------


@dataclass(frozen=True)
class JobKind:
    """A kind of jobs: what they are drawn from, what they draw, how patient their users are.

    Parameters
    ----------
    draws : Kind
        Name, share, length, processors and requested time.  The length is the work, without
        start-up and end phases; the requested time counts from the whole run.
    model : PhaseModel, optional
        Phases of a job, its work stretched to the length drawn.
    power_w : float, optional
        Constant power [W], for a kind without phases.
    longest_wait_s : float
        Longest wait accepted before the start [s].
    priority : float
        Larger is more urgent.
    best_effort : bool
        Whether any other job may take its place.

    Raises
    ------
    ValueError
        If not exactly one of `model` and `power_w` is given.
    """

    draws: Kind
    model: PhaseModel | None = None
    power_w: float | None = None
    longest_wait_s: float = math.inf
    priority: float = 0.0
    best_effort: bool = False

    def __post_init__(self) -> None:
        if (self.model is None) == (self.power_w is None):
            raise ValueError(f"kind {self.draws.name!r}: give one of model and power_w, not both.")

    @property
    def beside_s(self) -> float:
        """Start-up and end phases together [s]."""
        if self.model is None:
            return 0.0
        return self.model.startup_profile.duration_s + self.model.end_profile.duration_s


@dataclass(frozen=True)
class Recipe:
    """What a workload is drawn from.

    Parameters
    ----------
    name : str
        Goes into the workload's source.
    start : Timestamp
        Instant of second 0, tz-aware; its clock sets hours and weekdays.
    seed : int
        Source of chance.
    arrivals : Arrivals
        When jobs are submitted.
    kinds : sequence of JobKind
        What is submitted; names all different.
    count : int, optional
        How many jobs.  Either this or `duration_s`.
    duration_s : float, optional
        How long jobs are submitted [s].
    power_per : {"processor", "job"}
        What powers count for.
    suspension : Suspension
        What suspending a job costs.
    """

    name: str
    start: pd.Timestamp
    seed: int
    arrivals: Arrivals
    kinds: Sequence[JobKind]
    count: int | None = None
    duration_s: float | None = None
    power_per: PowerPer = "processor"
    suspension: Suspension = field(default_factory=Suspension)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))

    def workload(self, *, seed: int | None = None) -> Workload:
        """Draw the jobs.

        Parameters
        ----------
        seed : int, optional
            Another seed than the recipe's.

        Returns
        -------
        Workload
            The same for the same seed.  Its ``queue`` names each job's kind.

        Raises
        ------
        ValueError
            If a value is out of range (see `helpers.jobs.generate.Demand.generate`).
        """
        demand = Demand(self.arrivals, [_with_phases(kind) for kind in self.kinds])
        log = demand.generate(
            self.start,
            seed=self.seed if seed is None else seed,
            count=self.count,
            duration_s=self.duration_s,
        )
        number = {kind.draws.name: i for i, kind in enumerate(self.kinds)}
        of = log.jobs["category"].astype(object).map(number).to_numpy(dtype=np.intp)
        models = [kind.model for kind in self.kinds if kind.model is not None]
        place = iter(range(len(models)))
        model = np.array([-1 if kind.model is None else next(place) for kind in self.kinds])

        def each(name: str, unknown: float = math.nan) -> np.ndarray:
            values = [getattr(kind, name) for kind in self.kinds]
            return np.array([unknown if value is None else value for value in values])[of]

        whole_s = log.jobs["run_s"] + each("beside_s")
        table: dict[str, Any] = {
            name: log.jobs[name] for name in ("job_id", "submit_s", "run_s", "processors")
        }
        table |= {name: each(name) for name in ("power_w", "priority", "best_effort")}
        table |= {
            "requested_s": log.jobs["requested_s"].fillna(whole_s),
            "model": model[of],
            "queue": log.jobs["category"],
            "longest_wait_s": each("longest_wait_s"),
        }
        return Workload(
            jobs=workload_table(table),
            models=tuple(models),
            power_per=self.power_per,
            suspension=self.suspension,
            epoch=log.epoch,
            source=f"generated: {self.name} (seed {self.seed if seed is None else seed})",
        )


def _with_phases(kind: JobKind) -> Kind:
    """Return what a kind is drawn from, the requested time counting from the whole run."""
    if kind.draws.requested is None:
        return kind.draws
    return replace(kind.draws, requested=replace(kind.draws.requested, more_s=kind.beside_s))


# --- reading ------------------------------------------------------------------------------


def read_workload(
    path: str | os.PathLike, *, seed: int | None = None, phase_model: ModelByName | None = None
) -> Workload:
    """Read a recipe and draw its jobs.

    Parameters
    ----------
    path : path
        The YAML file; its layout is in the module's docstring.
    seed : int, optional
        Another seed than the file's.
    phase_model : callable, optional
        What gives a model by name where the file says ``model: {dataset: name}``:
        `helpers.datasets.phase_model`.

    Returns
    -------
    Workload
        The same for the same seed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no valid recipe or names a model's file that cannot be read; tells the
        file, the line, the path in it and the rule.
    """
    return read_recipe(path, phase_model=phase_model).workload(seed=seed)


def read_recipe(path: str | os.PathLike, *, phase_model: ModelByName | None = None) -> Recipe:
    """Read a recipe from YAML without drawing jobs.

    Parameters and errors are those of `read_workload`.

    Returns
    -------
    Recipe
        What the file says.
    """
    path = Path(path)
    file = SCHEMA.read(compose(path, "a workload"), _RecipeFile)
    if (file.count is None) == (file.duration_s is None):
        raise file.at.error("give one of duration_s and count.")
    start = _start(file.start, file.time_zone)
    kinds: dict[str, JobKind] = {}
    for item in file.kinds:
        if item.name in kinds:
            raise item.at.error(f"name {item.name!r} is given twice: choose another.")
        kinds[item.name] = _kind(item, path.parent, phase_model)
    return Recipe(
        name=file.name,
        start=start,
        seed=file.seed,
        arrivals=_arrivals(file.arrivals),
        kinds=tuple(kinds.values()),
        count=file.count,
        duration_s=file.duration_s,
        power_per=file.power_per,
        suspension=file.suspension,
    )


# --- what a file says ---------------------------------------------------------------------

Above0 = Annotated[float, "> 0"]
From0 = Annotated[float, ">= 0"]
Distribution0 = Annotated[Distribution, "plain"]
Lengths = Annotated[Distribution, "keys that are times end in _s"]
Counts = Annotated[Distribution, "whole numbers"]
Hours = Annotated[tuple[float, ...], 24]
Days = Annotated[tuple[float, ...], 7]


@dataclass(frozen=True)
class _ArrivalsFile:
    at: Place
    rate_per_h: Above0 | None = None
    rates_per_h: Place | None = None
    day: Hours | None = None
    week: Days | None = None
    gaps: Distribution0 | None = None
    batch: Counts | None = None
    spacing: Lengths | None = None


@dataclass(frozen=True)
class _RequestedFile:
    at: Place
    factor: Distribution0
    usual_s: Annotated[tuple[Above0, ...], "numbers"] = ()
    most_s: Above0 = math.inf


@dataclass(frozen=True)
class _KindFile:
    at: Place
    name: str
    share: Above0 = 1.0
    length: Lengths | None = None
    processors: Counts | None = None
    requested: _RequestedFile | None = None
    longest_wait_s: From0 = math.inf
    priority: Annotated[float, "finite"] = 0.0
    best_effort: bool = False
    power_w: From0 | None = None
    model: Place | None = None


@dataclass(frozen=True)
class _RecipeFile:
    at: Place
    name: str
    start: Place
    seed: Annotated[int, ">= 0"]
    arrivals: _ArrivalsFile
    kinds: Annotated[tuple[_KindFile, ...], "kinds of jobs"]
    time_zone: Place | None = None
    duration_s: Above0 | None = None
    count: Annotated[int, ">= 1"] | None = None
    power_per: PowerPer = "processor"
    suspension: Suspension = field(default_factory=Suspension)


def _start(place: Place, time_zone: Place | None) -> pd.Timestamp:
    if not isinstance(place.node, yaml.ScalarNode):
        raise place.error("must be an instant, such as 2024-07-01 00:00.")
    zone = None
    if time_zone is not None:
        name = time_zone.value(str)
        zone = time_zone.build(lambda: to_time_zone(name))
    wall = place.build(lambda: pd.Timestamp(place.node.value))
    if wall is not pd.NaT and wall.tzinfo is None:
        if zone is None:
            raise place.error(f"{wall} has no time zone: add time_zone, such as Europe/Berlin.")
        wall = place.build(
            lambda: wall.as_unit("ns").tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
        )
    if wall is pd.NaT:
        raise place.error(
            f"{place.node.value}: no instant, or one that the clock of {zone} skips or shows "
            "twice: add an offset, such as +02:00."
        )
    return to_epoch(wall, zone)


def _distribution(place: Place, unit: str = "", *, whole: bool = False) -> Distribution:
    """Return a distribution; a plain number is a constant one where there is no unit."""
    if isinstance(place.node, yaml.ScalarNode) and not unit:
        return Constant(place.number(">= 1", int) if whole else place.number(">= 0"))
    if not isinstance(place.node, yaml.MappingNode):
        raise place.error("must be a mapping with the key distribution.")
    named = [Place(v, place.file, "") for k, v in place.node.value if k.value == "distribution"]
    if not named:
        raise place.error(f"missing key: add distribution, one of {', '.join(_FAMILIES)}.")
    named[0].path = f"{place.path}.distribution"
    make, own = _FAMILIES[named[0].one_of(tuple(_FAMILIES))]
    spec = {key + unit * known[1]: (key, *known) for key, known in (own | _BOUNDS).items()}
    required = {key: kind[0] in own and kind[0] != "weights" for key, kind in spec.items()}
    fields = place.mapping({"distribution": True} | required)
    given: dict[str, dict[str, Any]] = {"own": {}, "bounds": {}}
    for key, (name, parameter, _, rule) in spec.items():
        if key in fields:
            part = given["own" if name in own else "bounds"]
            part[parameter] = _parameter(fields[key], name, rule, whole and name != "weights")
    inner = place.build(lambda: make(**given["own"]))
    return place.build(lambda: Bounded(inner, **given["bounds"])) if given["bounds"] else inner


def _parameter(place: Place, name: str, rule: str, whole: bool) -> float | list[float]:
    """Return one parameter; `whole`: one that counts something must be a whole number >= 1."""
    whole = whole and name in ("value", "values", "least", "most")
    kind, rule = (int, ">= 1") if whole else (float, rule)
    if name in _LISTS:
        return [item.number(rule, kind) for item in place.items("numbers", least=1)]
    return place.number(rule, kind)


def _numbers(place: Place, count: int) -> tuple[float, ...]:
    items = place.items(f"{count} numbers", least=1)
    if len(items) != count:
        raise place.error(f"{len(items)} numbers given, {count} wanted.")
    return tuple(item.number(">= 0") for item in items)


SCHEMA = replace(
    PHASES,
    readers={
        **PHASES.readers,
        Distribution0: _distribution,
        Lengths: lambda place: _distribution(place, "_s"),
        Counts: lambda place: _distribution(place, whole=True),
        Hours: lambda place: _numbers(place, 24),
        Days: lambda place: _numbers(place, 7),
    },
)
"""What a recipe says, beside what `helpers.phases.files` says of phases and models."""


def _arrivals(file: _ArrivalsFile) -> Arrivals:
    given = {"gaps": file.gaps, "batch": file.batch, "spacing_s": file.spacing}
    more: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    rhythm: dict[str, Any] = {"day": file.day, "week": file.week}
    rhythm = {name: value for name, value in rhythm.items() if value is not None}
    mean, rates = file.rate_per_h, file.rates_per_h
    if (mean is None) == (rates is None):
        raise file.at.error("give one of rate_per_h and rates_per_h.")
    if mean is not None:
        return file.at.build(lambda: Arrivals.rhythm(mean, **rhythm, **more))
    assert rates is not None  # for the type checker: one of the two is given
    if rhythm:
        raise file.at.error(f"rates_per_h says it all: leave {' and '.join(rhythm)} out.")
    days = rates.items("7 lists of 24 rates", least=1)
    return rates.build(lambda: Arrivals([_numbers(day, 24) for day in days], **more))


def _kind(file: _KindFile, folder: Path, phase_model: ModelByName | None) -> JobKind:
    if (file.model is None) == (file.power_w is None):
        raise file.at.error("give one of model and power_w.")
    model = None if file.model is None else _model(file.model, folder, phase_model)
    draws: dict[str, Any] = {"share": file.share}
    if file.length is not None:
        draws["length_s"] = file.length
    elif model is not None:
        draws["length_s"] = Constant(model.work_profile.duration_s)
    else:
        raise file.at.error("missing key: add length; only a model has one of its own.")
    if file.processors is not None:
        draws["processors"] = file.processors
    if file.requested is not None:
        asked = file.requested
        draws["requested"] = asked.at.build(
            lambda: Estimate(asked.factor, asked.usual_s, asked.most_s)
        )
    kind = file.at.build(lambda: Kind(file.name, **draws))
    return JobKind(kind, model, file.power_w, file.longest_wait_s, file.priority, file.best_effort)


def _model(place: Place, folder: Path, phase_model: ModelByName | None) -> PhaseModel:
    """Return a model that stands here, in a file beside this one, or among the data sets."""
    if place.has("file"):
        named = place.mapping({"file": True})["file"]
        name = named.value(str)
        try:
            return read_yaml(folder / name)
        except ValueError as error:
            raise place.error(error) from None
        except OSError as error:
            why = error.strerror or error
            raise named.error(
                f"{name!r} cannot be read ({why}): name a file beside this."
            ) from None
    if place.has("dataset"):
        name = place.mapping({"dataset": True})["dataset"].value(str)
        if phase_model is None:
            raise place.error(
                f"data set {name!r}: pass phase_model=datasets.phase_model to the reader."
            )
        return place.build(lambda: phase_model(name))
    return model_at(place)


# --- writing ------------------------------------------------------------------------------


def write_recipe(recipe: Recipe, path: str | os.PathLike) -> None:
    """Write a recipe as YAML that `read_recipe` reads back as the same recipe.

    Models are written out in the file, rates as 7 x 24 numbers.

    Parameters
    ----------
    recipe : Recipe
        What to write.
    path : path
        Where to; an older file there is replaced.

    Raises
    ------
    ValueError
        If a distribution is none that a file can name.
    OSError
        If the folder is missing or cannot be written.
    """
    tree: dict[str, Any] = {
        "name": recipe.name,
        "start": recipe.start.isoformat(),
        "time_zone": time_zone_name(recipe.start),
        "seed": recipe.seed,
        "power_per": recipe.power_per,
        "arrivals": {
            "rates_per_h": [list(day) for day in recipe.arrivals.rate_per_h],
            "gaps": _written(recipe.arrivals.gaps),
            "batch": _written(recipe.arrivals.batch, whole=True),
            "spacing": _written(recipe.arrivals.spacing_s, "_s"),
        },
        "suspension": _known(
            recipe.suspension, "suspended_power_w", "keep", "most_resumes", "least_run_s"
        )
        | {"save": tree_of(recipe.suspension.save)},
        "kinds": [dict(_written_kind(kind)) for kind in recipe.kinds],
    } | _known(recipe, "duration_s", "count")
    if not recipe.suspension.save:
        del tree["suspension"]["save"]
    write_whole(
        path, yaml.dump(tree, Dumper=Unshared, sort_keys=False, allow_unicode=True, width=100)
    )


def _known(owner: Any, *names: str) -> dict[str, Any]:
    """Return attributes that are neither None nor infinite."""
    values = {name: getattr(owner, name) for name in names}
    return {name: value for name, value in values.items() if value not in (None, math.inf)}


def _written_kind(kind: JobKind) -> Iterator[tuple[str, Any]]:
    yield "name", kind.draws.name
    yield "share", kind.draws.share
    yield "length", _written(kind.draws.length_s, "_s")
    yield "processors", _written(kind.draws.processors, whole=True)
    if kind.draws.requested is not None:
        estimate = kind.draws.requested
        usual = {"usual_s": list(estimate.usual_s)} if estimate.usual_s else {}
        yield (
            "requested",
            {"factor": _written(estimate.factor), **usual} | _known(estimate, "most_s"),
        )
    yield from _known(kind, "longest_wait_s", "priority", "best_effort", "power_w").items()
    if kind.model is not None:
        parts = {part: tree_of(getattr(kind.model, part)) for part in PARTS}
        yield "model", {"name": kind.model.name} | parts


def _written(distribution: Distribution, unit: str = "", *, whole: bool = False) -> dict[str, Any]:
    """Return the keys of a distribution."""
    bounds: dict[str, Any] = {}
    if isinstance(distribution, Bounded):
        bounds = {"least": distribution.low, "most": distribution.high}
        distribution = distribution.inner
    known = [n for n, (make, _) in _FAMILIES.items() if type(distribution) is make]
    if not known:
        raise ValueError(
            f"{distribution!r} has no name in a file: use one of {', '.join(_FAMILIES)}."
        )
    tree: dict[str, Any] = {"distribution": known[0]}
    own = _FAMILIES[known[0]][1]
    values = {key: getattr(distribution, parameter) for key, (parameter, _, _) in own.items()}
    for key, value in (values | bounds).items():
        if value == math.inf or (key == "least" and value == 0):
            continue
        numbers = list(value) if key in _LISTS else [value]
        if whole and key in ("value", "values", "least", "most"):
            if any(number % 1 for number in numbers):
                raise ValueError(f"{distribution!r} must be of whole numbers: it counts something.")
            numbers = [int(number) for number in numbers]
        name = key + unit * (own | _BOUNDS)[key][1]
        tree[name] = numbers if key in _LISTS else numbers[0]
    return tree
