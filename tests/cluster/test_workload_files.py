"""Workloads in YAML: what is drawn, what comes back, and how a mistake is told."""

import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.jobs.generate import (
    Arrivals,
    Bounded,
    Constant,
    Estimate,
    Exponential,
    Kind,
    Lognormal,
    Uniform,
    Values,
    Weibull,
)
from helpers.phases import Phase, PhaseModel, Repeat, Suspension
from helpers.work import files
from helpers.work.files import JobKind, Recipe, read_recipe, read_workload, write_recipe

EXAMPLE = Path(__file__).parents[1] / "fixtures" / "cluster" / "workload.yaml"


@pytest.fixture(scope="module")
def example():
    return read_workload(EXAMPLE)


# --- what is drawn ------------------------------------------------------------------------


def test_the_same_file_gives_the_same_jobs_and_another_seed_others(example):
    again, other = read_workload(EXAMPLE), read_workload(EXAMPLE, seed=2)

    pd.testing.assert_frame_equal(example.jobs, again.jobs)
    assert "generated: a made-up department (seed 1)" == example.source == again.source
    assert "generated: a made-up department (seed 2)" == other.source
    assert example.jobs["submit_s"].tolist() != other.jobs["submit_s"].tolist()


def test_each_kind_has_what_the_file_says_of_it(example):
    kinds = dict(iter(example.jobs.groupby("queue", observed=True)))
    training, analysis, nightly = (kinds[name] for name in ("training", "analysis", "nightly"))

    assert 3 == len(kinds)
    assert ["training", "nightly"] == [model.name for model in example.models]
    assert ({0}, {-1}, {1}) == tuple(set(jobs["model"]) for jobs in (training, analysis, nightly))
    assert set(training["processors"]) <= {1, 2, 4, 8}
    assert training["run_s"].between(60, 172_800).all()
    assert {9.0} == set(analysis["power_w"])
    assert training["power_w"].isna().all()
    assert {1800.0} == set(nightly["run_s"])
    assert [(86_400.0, 0.0, False), (np.inf, 0.0, False), (43_200.0, -1.0, True)] == [
        tuple(jobs[["longest_wait_s", "priority", "best_effort"]].iloc[0])
        for jobs in (training, analysis, nightly)
    ]
    assert Suspension((Phase("save", 20, 10),), 0, "checkpoints", 3) == example.suspension
    assert pd.Timestamp("2024-07-01", tz="Europe/Berlin") == example.epoch


def test_arrivals_are_those_of_the_file():
    arrivals = read_recipe(EXAMPLE).arrivals
    rate = np.asarray(arrivals.rate_per_h)

    assert (Values([1, 5, 20], [90, 8, 2]), Exponential(4)) == (arrivals.batch, arrivals.spacing_s)
    assert arrivals.mean_rate_per_h == pytest.approx(20.0)
    np.testing.assert_allclose(6.0, rate[:, 9] / rate[:, 0])
    np.testing.assert_allclose(2.5, rate[0] / rate[6])


def test_users_ask_for_the_whole_run_and_more_only_where_the_file_says_so(example):
    jobs = example.jobs
    whole = example.startup_s + jobs["run_s"] + example.end_s
    training = jobs["queue"] == "training"

    assert set(jobs["requested_s"][training]) <= {3600.0, 14_400.0, 86_400.0, 172_800.0, 259_200.0}
    assert (jobs["requested_s"] >= whole)[training].all()
    assert jobs["requested_s"][~training].tolist() == whole[~training].tolist()


@pytest.mark.parametrize(("asks", "requested"), [(None, 150.0), (Estimate(Constant(2)), 300.0)])
def test_a_request_covers_start_up_work_and_end(asks, requested):
    model = PhaseModel("m", [Phase("s", 100, 1)], [Phase("w", 50, 1)], [Phase("e", 10, 1)])
    kind = JobKind(Kind("k", Constant(40), requested=asks), model)
    start = pd.Timestamp("2024-07-01", tz="UTC")

    jobs = Recipe("r", start, 1, Arrivals(1.0), [kind], count=3).workload().jobs

    assert [requested] * 3 == jobs["requested_s"].tolist()
    assert [40.0] * 3 == jobs["run_s"].tolist()


def test_the_example_in_the_documentation_is_valid(tmp_path):
    text = files.__doc__.split("::\n\n", 1)[1].split("\n\n=====", 1)[0]
    path = tmp_path / "workload.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")

    workload = read_workload(path)

    assert {"training", "analysis"} == set(workload.jobs["queue"])


def test_a_model_may_be_named(tmp_path):
    path = written(tmp_path, "power_w: 9", "model: {dataset: roberta}")
    model = PhaseModel("roberta", (), (Phase("work", 77, 1),))

    recipe = read_recipe(path, phase_model={"roberta": model}.__getitem__)

    assert model == recipe.kinds[0].model


# --- round trip ---------------------------------------------------------------------------


def test_a_recipe_that_was_written_is_read_back_the_same(tmp_path):
    recipe = replace(read_recipe(EXAMPLE), suspension=Suspension((), 3.0, "anywhere", 2, 60.5))
    write_recipe(recipe, tmp_path / "again.yaml")
    again = read_recipe(tmp_path / "again.yaml")

    assert recipe == again
    pd.testing.assert_frame_equal(recipe.workload().jobs, again.workload().jobs)


POSITIVE = st.floats(1e-3, 1e6)
PLAIN = (
    st.builds(Constant, POSITIVE)
    | st.builds(Exponential, POSITIVE)
    | st.builds(Lognormal, POSITIVE, st.floats(0.1, 3))
    | st.builds(Weibull, st.floats(0.3, 3), POSITIVE)
    | st.builds(lambda low, more: Uniform(low, low + more), POSITIVE, st.floats(1, 10))
    | st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1, max_size=4, unique_by=lambda p: p[0]).map(
        lambda pairs: Values(*zip(*pairs, strict=True))
    )
)
LENGTHS = PLAIN | PLAIN.map(lambda d: Bounded(d, float(d.ppf(0.0)) / 2, float(d.ppf(0.9)) * 2))
SIZES = st.builds(Constant, st.integers(1, 99)) | st.builds(
    Values, st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True)
)
ESTIMATES = st.builds(Estimate, PLAIN, st.sampled_from([(), (60, 3600.5)]), POSITIVE)
MODEL = PhaseModel("m", (), (Repeat(2, (Phase("a", 1.5, 2), Phase("b", 3, 4, True))),))
KINDS = st.builds(
    JobKind,
    st.builds(Kind, st.just("a job"), LENGTHS, SIZES, st.none() | ESTIMATES, POSITIVE),
    st.none(),
    POSITIVE,
    POSITIVE | st.just(np.inf),
    st.floats(-9, 9),
    st.booleans(),
) | st.builds(JobKind, st.builds(Kind, st.just("b"), LENGTHS), st.just(MODEL))


@settings(max_examples=60)
@given(
    kind=KINDS,
    rates=st.lists(POSITIVE, min_size=168, max_size=168).map(lambda x: np.reshape(x, (7, 24))),
    gaps=PLAIN,
    batch=SIZES,
    size=st.sampled_from([{"count": 3}, {"duration_s": 0.1}]),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "+05:30"]),
)
def test_any_recipe_comes_back_as_it_was(tmp_path_factory, kind, rates, gaps, batch, size, zone):
    path = tmp_path_factory.mktemp("recipes") / "recipe.yaml"
    start = pd.Timestamp("2024-10-27 02:30:00.123", tz="UTC").tz_convert(files.to_epoch(0, zone).tz)
    arrivals = Arrivals(rates, gaps, batch, gaps)
    recipe = Recipe("any: recipe", start, 7, arrivals, [kind], **size)

    write_recipe(recipe, path)
    again = read_recipe(path)

    assert recipe == again
    assert str(recipe.start) == str(again.start)


@pytest.mark.parametrize(
    ("length", "size", "message"),
    [
        (object(), Constant(1), r"has no name in a file: use one of constant, exponential"),
        (Constant(1), Constant(1.5), r"Constant\(value=1.5\) must be of whole numbers"),
    ],
)
def test_what_a_file_cannot_say_is_refused_and_nothing_written(tmp_path, length, size, message):
    kind = JobKind(Kind("k", length, size), power_w=1)
    start = pd.Timestamp("2024-07-01", tz="UTC")

    with pytest.raises(ValueError, match=message):
        write_recipe(Recipe("r", start, 1, Arrivals(1.0), [kind], count=1), tmp_path / "r.yaml")

    assert [] == list(tmp_path.iterdir())


# --- mistakes -----------------------------------------------------------------------------

SMALL = """\
name: small
start: 2024-07-01
time_zone: Europe/Berlin
count: 3
seed: 1
arrivals:
  rate_per_h: 12
kinds:
  - name: job
    length: {distribution: lognormal, median_s: 60, sigma: 1}
    processors: 2
    power_w: 9
"""


def written(folder, old="", new=""):
    """Write the small recipe with one place changed."""
    assert old in SMALL
    path = folder / "workload.yaml"
    path.write_text(SMALL.replace(old, new, 1) if old else new, encoding="utf-8")
    return path


def test_the_small_recipe_is_valid(tmp_path):
    assert 3 == len(read_workload(written(tmp_path, "", SMALL)))


LENGTH = "length: {distribution: lognormal, median_s: 60, sigma: 1}"
MISTAKES = [
    ("", "", r"workload.yaml, line 1: the file is empty: it must hold a workload"),
    ("", "kinds: [", r"workload.yaml: not valid YAML"),
    ("", "- 1", r"line 1, top level: must be a mapping with the keys name, start"),
    ("seed: 1\n", "", r"line 1, top level: missing key: add seed"),
    ("seed: 1", "sede: 1", r"line 5, sede: unknown key: did you mean 'seed'\? Known are name"),
    ("seed: 1", "zebra: 1", r"line 5, zebra: unknown key: only name, start"),
    ("seed: 1", "seed: 1\nseed: 1", r"line 6, seed: key given twice"),
    ("seed: 1", "seed: -1", r"line 5, seed: -1 must be >= 0"),
    ("seed: 1", "seed: 1.5", r"line 5, seed: '1.5' must be a whole number"),
    ("count: 3", "count: 0", r"line 4, count: 0 must be >= 1"),
    ("count: 3", "count: 3\nduration_s: 9", r"line 1, top level: give one of duration_s and count"),
    ("2024-07-01", "soon", r"line 2, start: .*soon"),
    ("2024-07-01", "2024-03-31 02:30", r"line 2, start: .* skips or shows twice: add"),
    ("2024-07-01", "2024-10-27 02:30", r"line 2, start: .* skips or shows twice: add an offset"),
    ("2024-07-01", "NaT", r"line 2, start: NaT: no instant"),
    ("time_zone: Europe/Berlin\n", "", r"line 2, start: .* no time zone: add time_zone, such as"),
    ("Europe/Berlin", "Berlin", r"line 3, time_zone: time_zone is 'Berlin'"),
    ("seed: 1", "seed: 1\npower_per: core", r"power_per: 'core': It must be one of processor, job"),
    ("seed: 1", "seed: 1\npower_per: jobs", r"'jobs': did you mean 'job'\? It must be one of"),
    ("rate_per_h: 12", "rate_per_h: 0", r"line 7, arrivals.rate_per_h: 0 must be > 0"),
    ("rate_per_h: 12", "rates_per_h: [1]", r"line 7, arrivals.rates_per_h\[0\]: must be a list of"),
    ("rate_per_h: 12", "gaps: 1", r"line 7, arrivals: give one of rate_per_h and rates_per_h"),
    ("12", "12\n  day: [1, 2]", r"line 8, arrivals.day: 2 numbers given, 24 wanted"),
    ("12", "12\n  week: [1, 1, 1, 1, 1, 1, -1]", r"line 8, arrivals.week\[6\]: -1 must be >= 0"),
    ("12", "12\n  week: [0, 0, 0, 0, 0, 0, 0]", r"line 7, arrivals: .* not all may be 0"),
    ("12", "12\n  batch: 1.5", r"arrivals.batch: '1.5' must be a whole number"),
    ("12", "12\n  spacing: 5", r"arrivals.spacing: must be a mapping with the key distribution"),
    (
        "kinds:",
        "suspension: {keep: all}\nkinds:",
        r"suspension.keep: 'all': It must be one of checkpoints, any",
    ),
    ("kinds:", "suspension: {least_run: 1}\nkinds:", r"did you mean 'least_run_s'\?"),
    (
        "kinds:",
        "suspension: {save: [{name: a}]}\nkinds:",
        r"suspension.save\[0\]: missing key: add",
    ),
    ("median_s: 60", "median_s: -5", r"line 10, kinds\[0\].length.median_s: -5 must be > 0"),
    ("median_s: 60", "median_s: .inf", r"kinds\[0\].length.median_s: .inf must be > 0"),
    (
        "median_s: 60",
        "median: 60",
        r"kinds\[0\].length.median: unknown key: did you mean 'median_s'",
    ),
    ("median_s: 60", "median_s: 1:30", r"kinds\[0\].length.median_s: '1:30' must be a number"),
    ("sigma: 1", "sigma: one", r"kinds\[0\].length.sigma: 'one' must be a number"),
    (", sigma: 1", "", r"line 10, kinds\[0\].length: missing key: add sigma"),
    ("lognormal", "log-normal", r"length.distribution: 'log-normal': did you mean 'lognormal'\?"),
    ("distribution: lognormal, ", "", r"kinds\[0\].length: missing key: add distribution, one of"),
    (
        "sigma: 1",
        "sigma: 1, least_s: 9, most_s: 8",
        r"kinds\[0\].length: bounded: low\(=9.0\) must",
    ),
    (LENGTH, "length: 60", r"kinds\[0\].length: must be a mapping with the key distribution"),
    (LENGTH, "priority: 0", r"kinds\[0\]: missing key: add length; only a model has one"),
    ("processors: 2", "processors: 0", r"line 11, kinds\[0\].processors: 0 must be >= 1"),
    (
        "processors: 2",
        "processors: {distribution: values, values: [1, 2.5]}",
        r"kinds\[0\].processors.values\[1\]: '2.5' must be a whole number",
    ),
    (
        "processors: 2",
        "processors: {distribution: values, values: [1, 2], weights: [1]}",
        r"kinds\[0\].processors: values: 2 values and 1 weights must be equally many",
    ),
    ("power_w: 9", "power_w: -9", r"line 12, kinds\[0\].power_w: -9 must be >= 0"),
    ("    power_w: 9\n", "", r"line 9, kinds\[0\]: give one of model and power_w"),
    ("power_w: 9", "model: {name: m, work: []}", r"kinds\[0\].model: model 'm': work"),
    (
        "power_w: 9",
        "model: {name: m, work: [{name: a, duration_s: 0, power_w: 1}]}",
        r"line 12, kinds\[0\].model.work\[0\]: phase 'a': duration_s\(=0.0\) must be",
    ),
    ("power_w: 9", "model: {dataset: roberta}", r"pass phase_model=datasets.phase_model"),
    ("power_w: 9", "power_w: 9\n    share: 0", r"kinds\[0\].share: 0 must be > 0"),
    ("power_w: 9", "power_w: 9\n    best_effort: 1", r"best_effort: '1' must be true or false"),
    ("power_w: 9", "power_w: 9\n    priority: .nan", r"priority: .nan must be finite"),
    ("power_w: 9", "power_w: 9\n    requested: {usual_s: [1]}", r"requested: missing key: add fac"),
    (
        "power_w: 9",
        "power_w: 9\n    requested: {factor: 2, usual_s: [9, 3]}",
        r"kinds\[0\].requested: estimate: usual_s\(=\(9.0, 3.0\)\) must ascend",
    ),
    (
        "power_w: 9\n",
        f"power_w: 9\n  - {{name: job, power_w: 1, {LENGTH}}}\n",
        r"line 13, kinds\[1\]: name 'job' is given twice",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[m[2][:40] for m in MISTAKES])
def test_a_mistake_is_told_by_line_and_path(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        read_workload(written(tmp_path, old, new))


@pytest.mark.parametrize("name", ["none.yaml", "."])
def test_a_model_file_that_cannot_be_read_is_told_by_line_and_path(tmp_path, name):
    path = written(tmp_path, "power_w: 9", f"model: {{file: {name}}}")

    with pytest.raises(ValueError, match=rf"line \d+, .*model.file: '{name}' cannot be read \("):
        read_workload(path)


@pytest.mark.parametrize("start", ["July", "3000-01-01"])
def test_a_start_that_no_clock_can_show_is_refused_by_line(tmp_path, start):
    path = tmp_path / "recipe.yaml"
    text = EXAMPLE.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("start:"))
    path.write_text(text.replace(line, f"start: {start}"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"recipe\.yaml, line \d+, start: "):
        read_recipe(path)
