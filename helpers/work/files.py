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

import difflib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from helpers.files import read_text, write_whole
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
from helpers.phases.files import Place, Unshared, model_from_node, read_phases, read_yaml, tree_of
from helpers.phases.model import PARTS, PhaseModel
from helpers.phases.suspension import Suspension
from helpers.work.workload import PowerPer, Workload, workload_table

__all__ = ["JobKind", "Recipe", "read_recipe", "read_workload", "write_recipe"]

ModelByName = Callable[[str], PhaseModel]

_RECIPE = {
    "name": True,
    "start": True,
    "time_zone": False,
    "duration_s": False,
    "count": False,
    "seed": True,
    "power_per": False,
    "arrivals": True,
    "suspension": False,
    "kinds": True,
}  # key -> required
_ARRIVALS = dict.fromkeys(
    ("rate_per_h", "rates_per_h", "day", "week", "gaps", "batch", "spacing"), False
)
_SUSPENSION = dict.fromkeys(
    ("save", "suspended_power_w", "keep", "most_resumes", "least_run_s"), False
)
_KIND = {"name": True} | dict.fromkeys(
    (
        *("share", "length", "processors", "requested", "longest_wait_s", "priority"),
        *("best_effort", "power_w", "model"),
    ),
    False,
)
_REQUESTED = {"factor": True, "usual_s": False, "most_s": False}
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
_NUMBER = "a number, such as 1500 or 1.5e+3"


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
    try:
        text = "\n".join(read_text(path, latin_1=False).lines)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: not valid YAML: {error}") from None
    if node is None:
        raise ValueError(f"{path.name}, line 1: the file is empty: it must hold a workload.")
    top = Place(node, path.name, "")
    keys = _fields(top, _RECIPE)
    if ("count" in keys) == ("duration_s" in keys):
        raise top.error("give one of duration_s and count.")
    more: dict[str, Any] = {}
    if "count" in keys:
        more["count"] = _whole(keys["count"], least=1)
    else:
        more["duration_s"] = _number(keys["duration_s"])
    if "power_per" in keys:
        more["power_per"] = _one_of(keys["power_per"], ("processor", "job"))
    if "suspension" in keys:
        more["suspension"] = _suspension(keys["suspension"])
    return Recipe(
        name=_text(keys["name"]),
        start=_start(keys),
        seed=_whole(keys["seed"], least=0),
        arrivals=_arrivals(keys["arrivals"]),
        kinds=_kinds(keys["kinds"], path.parent, phase_model),
        **more,
    )


def _fields(place: Place, keys: Mapping[str, bool]) -> dict[str, Place]:
    """Return the values of a mapping by key; of an unknown key, name the nearest known one."""
    if isinstance(place.node, yaml.MappingNode):
        for node, _ in place.node.value:
            near = difflib.get_close_matches(str(node.value), keys, n=1, cutoff=0.5)
            if str(node.value) not in keys and near:
                wrong = Place(node, place.file, f"{place.path}.{node.value}".lstrip("."))
                known = ", ".join(keys)
                raise wrong.error(f"unknown key: did you mean {near[0]!r}? Known are {known}.")
    return place.mapping(keys)


def _list(place: Place, of: str) -> list[Place]:
    if not isinstance(place.node, yaml.SequenceNode) or not place.node.value:
        raise place.error(f"must be a list of {of}, at least one.")
    return place.items()


def _text(place: Place) -> str:
    return place.value(str, "a text (put it in quotes)")


def _number(place: Place, rule: str = "> 0") -> float:
    """Return a finite number; `rule` is '> 0', '>= 0' or 'finite'."""
    value = place.value(float, _NUMBER)
    wrong = (rule == "> 0" and value <= 0) or (rule == ">= 0" and value < 0)
    if wrong or not math.isfinite(value):
        raise place.error(f"{place.node.value} must be {rule}.")
    return value


def _whole(place: Place, *, least: int) -> int:
    value = place.value(int, "a whole number")
    if value < least:
        raise place.error(f"{value} must be >= {least}.")
    return value


def _one_of(place: Place, allowed: Sequence[str]) -> str:
    value = place.value(str, f"one of {', '.join(allowed)}")
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise place.error(f"{value!r}: {hint}It must be one of {', '.join(allowed)}.")
    return value


def _start(keys: Mapping[str, Place]) -> pd.Timestamp:
    place = keys["start"]
    if not isinstance(place.node, yaml.ScalarNode):
        raise place.error("must be an instant, such as 2024-07-01 00:00.")
    zone = None
    if "time_zone" in keys:
        name = _text(keys["time_zone"])
        zone = keys["time_zone"].build(lambda: to_time_zone(name))
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
        return Constant(_whole(place, least=1) if whole else _number(place, ">= 0"))
    if not isinstance(place.node, yaml.MappingNode):
        raise place.error("must be a mapping with the key distribution.")
    named = [Place(v, place.file, "") for k, v in place.node.value if k.value == "distribution"]
    if not named:
        raise place.error(f"missing key: add distribution, one of {', '.join(_FAMILIES)}.")
    named[0].path = f"{place.path}.distribution"
    make, own = _FAMILIES[_one_of(named[0], tuple(_FAMILIES))]
    spec = {key + unit * known[1]: (key, *known) for key, known in (own | _BOUNDS).items()}
    required = {key: kind[0] in own and kind[0] != "weights" for key, kind in spec.items()}
    fields = _fields(place, {"distribution": True} | required)
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
    if name in _LISTS:
        items = _list(place, "numbers")
        return [_whole(item, least=1) if whole else _number(item, rule) for item in items]
    return _whole(place, least=1) if whole else _number(place, rule)


def _arrivals(place: Place) -> Arrivals:
    keys = _fields(place, _ARRIVALS)
    more: dict[str, Any] = {n: _distribution(keys[n]) for n in ("gaps",) if n in keys}
    if "batch" in keys:
        more["batch"] = _distribution(keys["batch"], whole=True)
    if "spacing" in keys:
        more["spacing_s"] = _distribution(keys["spacing"], "_s")
    if ("rate_per_h" in keys) == ("rates_per_h" in keys):
        raise place.error("give one of rate_per_h and rates_per_h.")
    if "rate_per_h" in keys:
        rhythm: dict[str, Any] = {
            name: _numbers(keys[name], length)
            for name, length in (("day", 24), ("week", 7))
            if name in keys
        }
        mean = _number(keys["rate_per_h"])
        return place.build(lambda: Arrivals.rhythm(mean, **rhythm, **more))
    for name in ("day", "week"):
        if name in keys:
            raise keys[name].error("rates_per_h says it all: leave this out.")
    days = _list(keys["rates_per_h"], "7 lists of 24 rates")
    rates = [_numbers(day, 24) for day in days]
    return keys["rates_per_h"].build(lambda: Arrivals(rates, **more))


def _numbers(place: Place, length: int) -> list[float]:
    items = _list(place, f"{length} numbers")
    if len(items) != length:
        raise place.error(f"{len(items)} numbers given, {length} wanted.")
    return [_number(item, ">= 0") for item in items]


def _suspension(place: Place) -> Suspension:
    keys = _fields(place, _SUSPENSION)
    given: dict[str, Any] = {
        name: _number(keys[name], ">= 0")
        for name in ("suspended_power_w", "least_run_s")
        if name in keys
    }
    if "keep" in keys:
        given["keep"] = _one_of(keys["keep"], ("anywhere", "checkpoints"))
    if "most_resumes" in keys:
        given["most_resumes"] = _whole(keys["most_resumes"], least=0)
    if "save" in keys:
        given["save"] = read_phases(keys["save"])
    return place.build(lambda: Suspension(**given))


def _kinds(place: Place, folder: Path, phase_model: ModelByName | None) -> tuple[JobKind, ...]:
    kinds: dict[str, JobKind] = {}
    for item in _list(place, "kinds of jobs"):
        kind = _kind(item, folder, phase_model)
        if kind.draws.name in kinds:
            raise item.error(f"name {kind.draws.name!r} is given twice: choose another.")
        kinds[kind.draws.name] = kind
    return tuple(kinds.values())


def _kind(place: Place, folder: Path, phase_model: ModelByName | None) -> JobKind:
    keys = _fields(place, _KIND)
    if ("model" in keys) == ("power_w" in keys):
        raise place.error("give one of model and power_w.")
    given: dict[str, Any] = {}
    if "model" in keys:
        given["model"] = _model(keys["model"], folder, phase_model)
    else:
        given["power_w"] = _number(keys["power_w"], ">= 0")
    if "longest_wait_s" in keys:
        given["longest_wait_s"] = _number(keys["longest_wait_s"], ">= 0")
    if "priority" in keys:
        given["priority"] = _number(keys["priority"], "finite")
    if "best_effort" in keys:
        given["best_effort"] = keys["best_effort"].value(bool, "true or false")
    draws: dict[str, Any] = {}
    if "length" in keys:
        draws["length_s"] = _distribution(keys["length"], "_s")
    elif "model" in keys:
        draws["length_s"] = Constant(given["model"].work_profile.duration_s)
    else:
        raise place.error("missing key: add length; only a model has one of its own.")
    if "processors" in keys:
        draws["processors"] = _distribution(keys["processors"], whole=True)
    if "requested" in keys:
        draws["requested"] = _estimate(keys["requested"])
    if "share" in keys:
        draws["share"] = _number(keys["share"])
    return JobKind(Kind(_text(keys["name"]), **draws), **given)


def _estimate(place: Place) -> Estimate:
    keys = _fields(place, _REQUESTED)
    given: dict[str, Any] = {"factor": _distribution(keys["factor"])}
    if "usual_s" in keys:
        given["usual_s"] = [_number(item) for item in _list(keys["usual_s"], "numbers")]
    if "most_s" in keys:
        given["most_s"] = _number(keys["most_s"])
    return place.build(lambda: Estimate(**given))


def _model(place: Place, folder: Path, phase_model: ModelByName | None) -> PhaseModel:
    """Return a model that stands here, in a file beside this one, or among the data sets."""
    node = place.node
    first = node.value[0][0].value if isinstance(node, yaml.MappingNode) and node.value else None
    if first == "file":
        named = _fields(place, {"file": True})["file"]
        name = _text(named)
        try:
            return place.build(lambda: read_yaml(folder / name))
        except OSError as error:
            why = error.strerror or error
            raise named.error(
                f"{name!r} cannot be read ({why}): name a file beside this."
            ) from None
    if first == "dataset":
        name = _text(_fields(place, {"dataset": True})["dataset"])
        if phase_model is None:
            raise place.error(
                f"data set {name!r}: pass phase_model=datasets.phase_model to the reader."
            )
        return place.build(lambda: phase_model(name))
    return model_from_node(node, file=place.file, path=place.path)


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
