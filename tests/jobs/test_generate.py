"""Made-up jobs: distributions against scipy, rates against Poisson intervals, laws of the seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from helpers.jobs import JobLog, jobs_table, read_csv, write_csv
from helpers.jobs.describe import fit_lengths, weekly_rate
from helpers.jobs.generate import (
    Arrivals,
    Bounded,
    Constant,
    Demand,
    Estimate,
    Exponential,
    Kind,
    Lognormal,
    Rows,
    Uniform,
    Values,
    Weibull,
)

HOUR, DAY, WEEK = 3600.0, 86_400.0, 604_800.0
MONDAY = pd.Timestamp("2024-01-01", tz="Europe/Berlin")
OFFICE = [1.0] * 8 + [4.0] * 10 + [1.0] * 6
WORKDAYS = [3.0] * 5 + [1.0, 0.5]
ONE_HOUR_LONG = Kind("job", Constant(HOUR))

# --- distributions ------------------------------------------------------------------------

JUDGED = [
    (Exponential(600.0), stats.expon(scale=600.0)),
    (Weibull(0.6, 300.0), stats.weibull_min(0.6, scale=300.0)),
    (Lognormal(900.0, 1.4), stats.lognorm(1.4, scale=900.0)),
    (Uniform(2.0, 10.0), stats.uniform(2.0, 8.0)),
]


@pytest.mark.parametrize(("own", "scipy"), JUDGED)
def test_a_distribution_agrees_with_scipy(own, scipy):
    q = np.linspace(0, 0.9999, 401)
    x = scipy.ppf(q) * 1.01

    np.testing.assert_allclose(scipy.ppf(q), own.ppf(q), rtol=1e-9)
    np.testing.assert_allclose(scipy.cdf(x), own.cdf(x), rtol=1e-9)
    assert own.mean() == pytest.approx(scipy.mean(), rel=1e-12)
    assert own.cdf([-1.0]).tolist() == [0.0]


@pytest.mark.parametrize(("own", "scipy"), JUDGED)
def test_a_bounded_distribution_is_the_conditional_one(own, scipy):
    low, high = scipy.ppf([0.2, 0.9])
    bounded = Bounded(own, low, high)
    x = np.linspace(low, high, 50)

    np.testing.assert_allclose((scipy.cdf(x) - 0.2) / 0.7, bounded.cdf(x), atol=1e-12)
    np.testing.assert_allclose(
        scipy.ppf(0.2 + 0.7 * np.linspace(0, 1, 20)), bounded.ppf(np.linspace(0, 1, 20)), rtol=1e-9
    )
    expected = scipy.expect(lb=low, ub=high, conditional=True)
    assert expected == pytest.approx(bounded.mean(), rel=1e-6)


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=20),
    st.floats(0, 1, exclude_max=True),
)
def test_the_quantile_of_a_share_has_more_than_it_at_or_below_and_not_more_below(sample, q):
    x = Values.of(sample).ppf(q)

    assert np.mean(np.asarray(sample) <= x) > q - 1e-12
    assert np.mean(np.asarray(sample) < x) <= q + 1e-12


def test_values_come_as_often_as_their_weights_say():
    sizes = Values([8, 1, 2], [1, 6, 3])

    assert Values([1, 2, 8], [6, 3, 1]) == sizes
    assert 2.0 == Values([1, 2]).ppf(0.5)
    assert [1.0, 1.0, 2.0, 2.0, 8.0] == sizes.ppf([0.0, 0.59, 0.61, 0.89, 0.91]).tolist()
    assert [0.0, 0.6, 0.9, 1.0] == sizes.cdf([0, 1, 7, 8]).round(12).tolist()
    assert 6 * 0.1 + 3 * 0.2 + 0.8 == pytest.approx(sizes.mean())


def test_bounds_of_values_are_among_them():
    few = Bounded(Values([1, 2, 4, 8]), 2, 4)

    assert [2.0, 2.0, 4.0, 4.0] == few.ppf([0.0, 0.49, 0.51, 0.99]).tolist()
    assert 3.0 == few.mean()


def test_moments_of_drawn_lengths_are_those_of_the_distribution():
    kind = Kind("job", Lognormal(600.0, 0.8), Values([1, 2, 4], [2, 1, 1]))
    jobs = Demand(Arrivals(60.0), [kind]).generate(MONDAY, seed=5, count=20_000).jobs
    logs = np.log(jobs["run_s"])

    mean, error = np.log(600.0), 0.8 / np.sqrt(len(jobs))
    assert logs.mean() == pytest.approx(mean, abs=4 * error)
    assert logs.std() == pytest.approx(0.8, abs=4 * error / np.sqrt(2))
    shares = jobs["processors"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose([0.5, 0.25, 0.25], shares, atol=4 * np.sqrt(0.25 / len(jobs)))
    assert abs(np.corrcoef(logs, jobs["processors"])[0, 1]) < 4 / np.sqrt(len(jobs))


def test_a_fitted_scipy_distribution_serves_as_length():
    lengths = fit_lengths(np.exp(np.random.default_rng(1).normal(6, 1, 500)), "lognormal")
    kind = Kind("job", lengths.distribution)
    jobs = Demand(Arrivals(60.0), [kind]).generate(MONDAY, seed=1, count=2000).jobs

    assert stats.kstest(jobs["run_s"], lengths.distribution.cdf).pvalue > 1e-3


# --- arrivals -----------------------------------------------------------------------------


def test_counts_in_each_hour_of_the_week_lie_in_their_poisson_intervals():
    arrivals = Arrivals.rhythm(20.0, day=OFFICE, week=WORKDAYS)
    log = Demand(arrivals, [ONE_HOUR_LONG]).generate(MONDAY, seed=11, duration_s=10 * WEEK)

    local = log.submit_time().dt
    counts = np.zeros((7, 24))
    np.add.at(counts, (local.day_of_week, local.hour), 1)
    expected = 10 * np.asarray(arrivals.rate_per_h)
    low, high = stats.poisson.interval(1 - 0.001 / 168, expected)
    assert (low <= counts).all()
    assert (counts <= high).all()


def test_gaps_in_expected_arrivals_are_exponential():
    arrivals = Arrivals.rhythm(20.0, day=OFFICE, week=WORKDAYS)
    jobs = Demand(arrivals, [ONE_HOUR_LONG]).generate(MONDAY, seed=2, count=5000).jobs

    hours = np.arange(0, jobs["submit_s"].max() + HOUR, HOUR)
    rate = np.asarray(arrivals.rate_per_h).ravel()[(hours[:-1] / HOUR).astype(int) % 168]
    expected = np.append(0.0, np.cumsum(rate))
    gaps = np.diff(np.interp(jobs["submit_s"], hours, expected), prepend=0.0)
    assert stats.kstest(gaps, stats.expon.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(gaps[1:], gaps[:-1])[0, 1]) < 4 / np.sqrt(gaps.size)


def test_the_mean_over_the_week_is_the_rate_asked_for():
    arrivals = Arrivals.rhythm(12.0, day=OFFICE, week=WORKDAYS)

    assert arrivals.mean_rate_per_h == pytest.approx(12.0)
    assert arrivals.scaled(0.5).mean_rate_per_h == pytest.approx(6.0)
    assert arrivals.rate_per_h[0][9] == pytest.approx(6 * arrivals.rate_per_h[6][0] * 4)


@pytest.mark.parametrize(("sunday", "expected"), [("2024-03-31", 0), ("2024-10-27", 8)])
def test_an_hour_that_the_clock_skips_or_repeats_comes_as_often_as_it_is_shown(sunday, expected):
    rate = np.zeros((7, 24))
    rate[6, 2] = 4.0
    arrivals = Arrivals(rate, gaps=Constant(1.0))
    start = pd.Timestamp(sunday, tz="Europe/Berlin") - pd.Timedelta(minutes=7)
    log = Demand(arrivals, [ONE_HOUR_LONG]).generate(start, seed=1, duration_s=DAY + 30)

    # A gap of exactly one arrival: the last of n would come at the very end of the hour.
    assert max(expected - 1, 0) == len(log)
    assert {2} >= set(log.submit_time().dt.hour)


def test_constant_gaps_put_jobs_where_the_rate_says():
    rate = np.zeros((7, 24))
    rate[0, 10:12] = [2.0, 1.5]
    demand = Demand(Arrivals(rate, gaps=Constant(7.0)), [ONE_HOUR_LONG])

    hours = demand.generate(MONDAY, seed=1, count=4).jobs["submit_s"] / HOUR

    np.testing.assert_allclose([10.5, 11.0, 11 + 2 / 3, 168 + 10.25], hours)


def test_a_start_between_quarters_of_an_hour_shifts_nothing():
    rate = np.zeros((7, 24))
    rate[0, 10:12] = [3.0, 6.0]
    demand = Demand(Arrivals(rate, gaps=Constant(1.0)), [ONE_HOUR_LONG])

    log = demand.generate(MONDAY + pd.Timedelta(hours=10, minutes=7), seed=1, count=3)

    # Up to 11:00 there are 53/60 h x 3/h = 2.65 arrivals, from then on one in 10 minutes.
    np.testing.assert_allclose([1200.0, 2400.0, 53 * 60 + 0.35 * 600], log.jobs["submit_s"])


def test_a_log_may_start_in_an_hour_that_the_clock_shows_twice():
    start = pd.Timestamp("2024-10-27 02:40+02:00").tz_convert("Europe/Berlin")
    rate = np.zeros((7, 24))
    rate[6, 2] = 3.0
    demand = Demand(Arrivals(rate, gaps=Constant(1.0)), [ONE_HOUR_LONG])

    log = demand.generate(start, seed=1, duration_s=2 * WEEK)

    np.testing.assert_allclose([1200.0, 2400.0], log.jobs["submit_s"][:2])
    assert [[6, 2]] == np.argwhere(Arrivals.fit(log).rate_per_h).tolist()


def test_no_job_is_submitted_at_or_after_the_end():
    arrivals = Arrivals(30.0, batch=Constant(5.0), spacing_s=Constant(600.0))
    submit = (
        Demand(arrivals, [ONE_HOUR_LONG]).generate(MONDAY, seed=4, duration_s=DAY).jobs["submit_s"]
    )

    assert submit.is_monotonic_increasing
    assert 0 <= submit.min() <= submit.max() < DAY
    assert len(submit) > 2000


def test_jobs_of_a_batch_are_of_one_kind_and_spaced():
    arrivals = Arrivals(1e-3, batch=Constant(3.0), spacing_s=Constant(10.0))
    kinds = [Kind("a", Constant(1.0)), Kind("b", Constant(2.0))]
    jobs = Demand(arrivals, kinds).generate(MONDAY, seed=1, count=29).jobs

    groups = jobs.groupby(np.arange(29) // 3)
    assert (groups["category"].transform("first") == jobs["category"]).all()
    np.testing.assert_allclose(10.0, groups["submit_s"].diff().dropna())
    assert {"a", "b"} == set(jobs["category"])


def test_shares_of_kinds_are_those_asked_for():
    kinds = [Kind("a", Constant(1.0), share=3), Kind("b", Constant(2.0), share=1)]
    log = Demand(Arrivals(100.0), kinds).generate(MONDAY, seed=3, count=4000)

    shares = log.jobs["category"].value_counts(normalize=True)
    assert shares["a"] == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 4000))
    assert {"a": {1.0}, "b": {2.0}} == {
        name: set(part["run_s"]) for name, part in log.jobs.groupby("category", observed=True)
    }


# --- what users ask for -------------------------------------------------------------------


def test_requested_times_are_rounded_up_to_usual_values():
    ask = Estimate(Constant(2.0), usual_s=[900, 3600], most_s=9000)
    run = np.array([100.0, 450.0, 451.0, 1800.0, 1801.0, 4000.0])

    assert [900, 900, 3600, 3600, 7200, 9000] == ask.requested_s(run, np.zeros(6)).tolist()
    more = Estimate(Constant(2.0), more_s=30)
    assert [260.0, 960.0] == more.requested_s(run, np.zeros(6))[:2].tolist()


@given(st.floats(1, 1e5), st.floats(0, 1, exclude_max=True))
def test_nobody_asks_for_less_than_factor_times_length_unless_the_site_forbids(run, u):
    ask = Estimate(Uniform(1.0, 20.0), usual_s=[60, 900, 3600, 86_400])

    asked = ask.requested_s(np.array([run]), np.array([u]))[0]

    assert asked >= run * (1 + 19 * u) * (1 - 1e-12)


# --- seeds --------------------------------------------------------------------------------


LENGTH = Lognormal(600.0, 1.0)


def mixed(length=LENGTH):
    arrivals = Arrivals.rhythm(40.0, day=OFFICE, batch=Values([1, 2, 9], [8, 1, 1]))
    ask = Estimate(Uniform(1, 5), usual_s=[3600, 7200])
    return Demand(arrivals, [Kind("a", length, requested=ask), Kind("b", Weibull(0.5, 60.0))])


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_csv(mixed().generate(MONDAY, seed=7, count=500), tmp_path / name)
    write_csv(mixed().generate(MONDAY, seed=8, count=500), tmp_path / "other")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


@settings(max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 1000))
def test_a_longer_log_begins_with_the_shorter_one(count, more, seed):
    short = mixed().generate(MONDAY, seed=seed, count=count).jobs
    long = mixed().generate(MONDAY, seed=seed, count=count + more).jobs

    pd.testing.assert_frame_equal(short, long.iloc[:count], check_categorical=False)


def test_a_log_of_a_duration_is_the_beginning_of_a_log_of_a_count():
    by_time = mixed().generate(MONDAY, seed=7, duration_s=DAY).jobs
    by_count = mixed().generate(MONDAY, seed=7, count=len(by_time)).jobs

    pd.testing.assert_frame_equal(by_count, by_time)


def test_another_length_leaves_every_other_draw_as_it_was():
    one = mixed().generate(MONDAY, seed=7, count=300).jobs
    other = mixed(Constant(5.0)).generate(MONDAY, seed=7, count=300).jobs

    kept = ["submit_s", "category", "processors"]
    pd.testing.assert_frame_equal(one[kept], other[kept])
    is_b = one["category"] == "b"
    assert one["run_s"][is_b].tolist() == other["run_s"][is_b].tolist()


def test_another_share_leaves_a_job_that_keeps_its_kind_as_it_was():
    logs = []
    for share in (1.0, 1.5):
        kinds = [Kind("a", Lognormal(60, 1), share=share), Kind("b", Weibull(0.5, 60.0))]
        logs.append(Demand(Arrivals(9.0), kinds).generate(MONDAY, seed=1, count=300).jobs)

    same = logs[0]["category"] == logs[1]["category"]
    assert 200 < same.sum() < 300
    pd.testing.assert_frame_equal(logs[0][same], logs[1][same])


def test_generated_data_say_so_and_survive_a_file(tmp_path):
    log = mixed().generate(MONDAY, seed=7, count=5)
    write_csv(log, tmp_path / "log.csv")
    again = read_csv(tmp_path / "log.csv")

    assert "generated: a, b (seed 7)" == log.source == again.source
    assert "generated" in log.header[0]
    assert MONDAY == log.epoch
    pd.testing.assert_frame_equal(log.jobs, again.jobs, check_categorical=False)


def test_a_span_without_any_arrival_gives_an_empty_log():
    assert 0 == len(Demand(Arrivals(1e-9), [ONE_HOUR_LONG]).generate(MONDAY, seed=1, duration_s=1))


# --- fits ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logged():
    """Four weeks in which batches of three arrive, lengths and sizes tied to each other."""
    arrivals = Arrivals.rhythm(8.0, day=OFFICE, batch=Constant(3), spacing_s=Constant(5))
    log = Demand(arrivals, [Kind("job", Uniform(10, 99))]).generate(
        MONDAY, seed=1, duration_s=4 * WEEK
    )
    size = np.floor(log.jobs["run_s"] / 10)
    jobs = log.jobs.assign(processors=size, requested_s=log.jobs["run_s"] * 2)
    return JobLog(jobs, log.epoch, "made up")


def test_a_fit_takes_rates_by_hour_of_the_week(logged):
    fitted = Arrivals.fit(logged, spans=[(0, 4 * WEEK)])

    span = (MONDAY, MONDAY + pd.Timedelta(weeks=4))
    rate = weekly_rate(logged.submit_time(), [span]).to_numpy()
    np.testing.assert_allclose(rate, fitted.rate_per_h)
    assert len(logged) == pytest.approx(fitted.mean_rate_per_h * 4 * 168)


def test_a_fit_finds_batches_and_the_gaps_inside(logged):
    far_apart = logged.with_jobs(
        jobs_table(
            {
                "job_id": range(2 * 168 * 2),
                "submit_s": np.repeat(np.arange(2 * 168) * HOUR, 2) + [0, 30] * (2 * 168),
                "run_s": np.ones(672),
                "processors": np.ones(672),
            }
        )
    )
    fitted = Arrivals.fit(far_apart, spans=[(0, 2 * WEEK)], gap_s=60, poisson=False)

    assert (Values([2], [336]), Values([30], [336])) == (fitted.batch, fitted.spacing_s)
    np.testing.assert_allclose(1.0, fitted.rate_per_h)
    assert fitted.gaps.mean() == pytest.approx(1.0)
    again = Demand(fitted, [ONE_HOUR_LONG]).generate(MONDAY, seed=1, duration_s=2 * WEEK)
    assert (np.diff(again.jobs["submit_s"])[::2].round(3) == 30.0).all()


def test_drawn_rows_keep_the_ties_of_the_log(logged):
    demand = Demand.fit(logged)
    jobs = demand.generate(MONDAY, seed=2, count=3000).jobs

    assert (jobs["processors"] == np.floor(jobs["run_s"] / 10)).all()
    assert (jobs["requested_s"] == 2 * jobs["run_s"]).all()
    assert stats.ks_2samp(jobs["run_s"], logged.jobs["run_s"]).pvalue > 1e-3


def test_a_fit_uses_only_jobs_of_its_spans(logged):
    late = logged.with_jobs(logged.jobs.assign(run_s=logged.jobs["submit_s"]))
    demand = Demand.fit(late, spans=[(0, WEEK), (3 * WEEK, 4 * WEEK)])

    run = demand.kinds[0].table["run_s"]
    assert not run.between(WEEK, 3 * WEEK, inclusive="left").any()
    assert len(run) == (~late.jobs["submit_s"].between(WEEK, 3 * WEEK, inclusive="left")).sum()


def test_names_drawn_from_a_log_stay_names(logged):
    users = logged.jobs.assign(user=pd.Categorical(["u1", "u2", "u3"] * len(logged))[: len(logged)])
    rows = Rows.fit(users, columns=["run_s", "processors", "user"], share=1)
    demand = Demand(Arrivals(10.0), [rows, Kind("made up", Constant(1.0))])
    jobs = demand.generate(MONDAY, seed=2, count=400).jobs

    assert (jobs["user"].isna() == (jobs["category"] == "made up")).all()
    assert {"u1", "u2", "u3"} == set(jobs["user"].dropna())


# --- bad input ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lognormal(-5, 1), r"lognormal: median\(=-5\) must be finite and > 0"),
        (lambda: Lognormal(5, "1"), r"lognormal: sigma\(='1'\) must be a number"),
        (lambda: Exponential(0), r"Exponential: scale\(=0\) must be finite and > 0"),
        (lambda: Weibull(np.nan, 1), r"Weibull: shape\(=nan\) must be finite"),
        (lambda: Constant(-1), r"constant: value\(=-1\) must be finite and >= 0"),
        (lambda: Uniform(2, 2), r"uniform: low\(=2.0\) must be < high\(=2.0\)"),
        (lambda: Values([]), r"at least one"),
        (lambda: Values([1, 2], [1]), r"2 values and 1 weights must be equally many"),
        (lambda: Values([1, 1]), r"1.0 is given twice: add up its weights"),
        (lambda: Values([1, -1]), r"values\[1\]\(=-1.0\) must be finite and >= 0"),
        (lambda: Values([1, 2], [1, 0]), r"weights\[1\]\(=0.0\) must be finite and > 0"),
        (lambda: Bounded(Exponential(1), 5, 5), r"low\(=5\) must be >= 0 and < high\(=5\)"),
        (lambda: Bounded(Exponential(1), 50, 60), r"of Exponential\(scale=1.0\) lies in \[50.0"),
        (lambda: Arrivals(0.0), r"rate_per_h\(=0\) must be > 0 in some hour"),
        (lambda: Arrivals([1.0, 2.0]), r"has shape \(2,\): it must be one number, or 7 weekdays"),
        (lambda: Arrivals(-1.0), r"rate_per_h\[0\]\[0\]\(=-1.0\) must be finite and >= 0"),
        (lambda: Arrivals(1.0, gaps=Constant(0)), r"mean of gaps\(=0.0\) must be finite and > 0"),
        (lambda: Arrivals.rhythm(1.0, day=[1, 2]), r"day has 2 weights, not 24"),
        (lambda: Arrivals.rhythm(1.0, week=[1] * 6 + [-1]), r"week\[6\]\(=-1.0\) must be finite"),
        (lambda: Arrivals.rhythm(0.0), r"rate_per_h\(=0.0\) must be finite and > 0"),
        (lambda: Estimate(Constant(1), usual_s=[2, 1]), r"usual_s\(=\(2.0, 1.0\)\) must ascend"),
        (lambda: Estimate(Constant(1), most_s=0), r"most_s\(=0\) must be > 0"),
        (lambda: Kind("a", Constant(1), share=0), r"kind 'a': share\(=0\) must be finite and > 0"),
        (lambda: Demand(Arrivals(1.0), []), r"kinds\(=\[\]\) must be at least one"),
        (lambda: Demand(Arrivals(1.0), [ONE_HOUR_LONG] * 2), r"with different names"),
        (lambda: Rows("a", pd.DataFrame({"run_s": [1.0]})), r"column 'processors' is missing"),
        (
            lambda: Rows("a", pd.DataFrame({"run_s": [1.0, None], "processors": 1.0})),
            r"run_s is unknown in 1 of 2 rows: select rows",
        ),
    ],
)
def test_a_bad_parameter_is_named_with_its_rule(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": -1, "count": 1}, r"seed\(=-1\) must be a whole number >= 0"),
        ({"seed": 1.0, "count": 1}, r"seed\(=1.0\) must be a whole number"),
        ({"seed": 1, "count": 0}, r"count\(=0\) must be a whole number >= 1"),
        ({"seed": 1}, r"give one of the two"),
        ({"seed": 1, "count": 1, "duration_s": 1}, r"give one of the two"),
        ({"seed": 1, "duration_s": 0}, r"duration_s\(=0\) must be finite and > 0"),
        ({"seed": 1, "duration_s": 1e11}, r"must be at most 3.16e\+09 s \(100 years\)"),
        ({"seed": 1, "count": 1, "start": "2024-01-01"}, r"without a time zone"),
    ],
)
def test_a_bad_request_is_named_with_its_rule(wrong, message):
    with pytest.raises(ValueError, match=message):
        Demand(Arrivals(1.0), [ONE_HOUR_LONG]).generate(**({"start": MONDAY} | wrong))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epoch": None}, r"instant of second 0 is not known"),
        ({"spans": [(0, DAY)]}, r"never meet 144 of the 168 hours of the week"),
        ({"spans": [(-WEEK, 0)]}, r"no submission lies in the spans"),
    ],
)
def test_a_log_that_cannot_be_fitted_says_why(logged, change, message):
    log = JobLog(logged.jobs, change.get("epoch", logged.epoch), "made up")

    with pytest.raises(ValueError, match=message):
        Arrivals.fit(log, spans=change.get("spans"))


def test_a_number_where_a_distribution_belongs_is_refused():
    with pytest.raises(ValueError, match=r"kind 'job': length_s\(=3600\) .* Constant\(3600\)"):
        Kind("job", 3600)
