"""Several sites in one replay: equal to one cluster where there is one, and lawful where not."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from cluster_problems import EPOCH, Chaos, curve, problems, workload
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from helpers.carbon.expected import hindsight
from helpers.carbon.sun import sun_elevation
from helpers.cluster import ClusterSite, SitesReplay, Transfer, replay, replay_sites
from helpers.cluster.metrics import check
from helpers.decide import (
    AtHome,
    CleanestForecast,
    CleanestNow,
    Easy,
    Fifo,
    FollowSun,
    Placer,
    SitesView,
)
from helpers.regions import PlannedPlacement
from helpers.work import Cluster, NodePower

HOUR = 3600.0
CLEAN, DIRTY = curve([100.0] * 240), curve([400.0] * 240)
POWER = NodePower(idle_w=100.0)


def two(left=CLEAN, right=DIRTY, nodes=2, **options):
    """Two sites of one-core nodes."""
    cluster = Cluster(nodes, 1, POWER)
    ahead = (hindsight(left), hindsight(right))
    return [
        ClusterSite("left", cluster, left, ahead[0], **options),
        ClusterSite("right", cluster, right, ahead[1], **options),
    ]


PLACERS = [
    AtHome,
    CleanestNow,
    CleanestForecast,
    lambda: FollowSun([(50.0, -30.0), (50.0, 30.0)]),
    lambda: PlannedPlacement(10.0, slack=4),
]


@settings(max_examples=30, deadline=None)
@given(problem=problems(), seed=st.integers(0, 1000), kill=st.booleans())
def test_one_site_is_the_replay_of_one_cluster(problem, seed, kill):
    cluster, work = problem
    alone = replay(work, cluster, Chaos(seed), intensity=CLEAN, kill_at_request=kill, record=True)
    sites = [ClusterSite("one", cluster, CLEAN)]
    home = np.zeros(len(work), int)
    many = replay_sites(work, home, sites, AtHome(), lambda: Chaos(seed), kill_at_request=kill)
    found = many.replays[0]

    assert_frame_equal(alone.runs, found.runs)
    assert_frame_equal(alone.switches, found.switches)
    assert_frame_equal(alone.jobs, found.jobs)
    assert alone.cores.tolist() == found.cores.tolist()
    assert (alone.decisions, alone.stop_s) == (found.decisions, found.stop_s)


@pytest.mark.parametrize("placer", PLACERS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), delay_s=st.sampled_from([0.0, 600.0]))
def test_every_job_runs_once_at_one_site_and_energy_is_counted_once(placer, seed, delay_s):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    work = workload(
        np.sort(rng.uniform(0, 10 * HOUR, n)),
        rng.uniform(60, 3 * HOUR, n),
        rng.integers(1, 3, n),
        longest_wait_s=rng.choice([0.0, 4 * HOUR], n),
    )
    curves = (curve(rng.integers(50, 500, 240)), curve(rng.integers(50, 500, 240)))
    home = rng.integers(0, 2, n)
    moving = Transfer(0.1, delay_s)
    found = replay_sites(work, home, two(*curves), placer(), Easy, transfer=moving)
    energy_j = sum(done.by_job()["energy_j"].sum() for done in found.replays if len(done.runs))
    for done in found.replays:
        if len(done.runs):
            check(done)

    assert sorted(np.concatenate(found.jobs)) == list(range(n))
    assert pytest.approx(float((work.jobs["run_s"] * work.work_power_w).sum())) == energy_j
    least_s = np.where(found.site == found.home, 0.0, delay_s) - 1e-6  # of rounding
    assert (found.by_job()["wait_s"] >= least_s).all()
    assert (found.moved_kwh > 0).tolist() == (found.site != found.home).tolist()
    sums = found.by_job()[["emissions_g", "transfer_g"]].sum()
    by_site = found.by_site()[["jobs_g", "transfer_g"]].sum()
    assert sums.tolist() == pytest.approx(by_site.tolist())


def test_who_goes_where_it_is_cleanest_emits_what_that_grid_emits():
    work = workload([0.0, 0.0], 2 * HOUR, longest_wait_s=HOUR)
    sites = two(pue=1.5)
    stay, go = (replay_sites(work, [1, 1], sites, p, Fifo) for p in (AtHome(), CleanestNow()))

    assert isinstance(go, SitesReplay)
    assert 0.0 == stay.moved
    assert 1.0 == go.moved
    assert [1.5 * 400 * 0.02] * 2 == pytest.approx(stay.by_job()["emissions_g"])
    assert [1.5 * 100 * 0.02] * 2 == pytest.approx(go.by_job()["emissions_g"])
    # Nodes of a site where nothing runs idle as long as the others work.
    assert 1.5 * 2 * 100.0 * 2 * HOUR == pytest.approx(go.by_site()["energy_j"]["right"])
    assert 2 == go.metrics("left")["jobs"]
    with pytest.raises(ValueError, match="no job ran at 'right'"):
        go.metrics("right")
    with pytest.raises(ValueError, match="must be one of 'left', 'right'"):
        go.metrics("middle")


def test_moving_is_charged_half_at_each_end_and_may_not_pay():
    work = workload([0.0], 2 * HOUR, longest_wait_s=HOUR)
    gone = replay_sites(
        work, [1], two(), CleanestNow(), Fifo, transfer=Transfer(0.5, 600.0)
    ).by_job()
    stayed = replay_sites(work, [1], two(), CleanestNow(), Fifo, transfer=Transfer(2.0))

    assert 0.5 * 0.02 * 250 == pytest.approx(gone["transfer_g"].item())
    assert 600.0 == gone["wait_s"].item()
    assert 0.0 == stayed.moved


def test_a_forecast_lets_a_job_wait_for_a_clean_hour_and_no_longer_than_its_user():
    left = curve([300.0] * 3 + [50.0] * 237)
    work = workload([0.0, 0.0], HOUR, longest_wait_s=np.array([HOUR, 5 * HOUR]))
    found = replay_sites(work, [0, 0], two(left=left), CleanestForecast(), Fifo).by_job()

    assert [0.0, 3 * HOUR] == found["wait_s"].tolist()


def test_the_sun_is_highest_in_the_south_at_noon_and_below_the_horizon_at_midnight():
    noon_s, midnight_s = (pd.Timestamp(f"2020-06-21T{h}:00Z").timestamp() for h in ("12", "00"))

    assert pytest.approx(90 - 50 + 23.45, abs=0.5) == sun_elevation(50.0, 0.0, noon_s)
    assert pytest.approx(23.45 - 40, abs=0.5) == sun_elevation(50.0, 0.0, midnight_s)
    assert sun_elevation(50.0, 90.0, noon_s) < sun_elevation(50.0, 0.0, noon_s)


def test_the_sun_sends_jobs_west_in_the_evening():
    evening_s = 18 * HOUR  # the workload begins at midnight UTC
    work = workload([evening_s], HOUR)
    placer = FollowSun([(50.0, -30.0), (50.0, 30.0)])

    assert 0 == EPOCH.hour
    assert [0] == replay_sites(work, [1], two(), placer, Fifo).site.tolist()


def test_the_plan_keeps_a_clean_site_for_whom_the_way_is_short():
    work = workload([0.0, 0.0], HOUR, longest_wait_s=HOUR)
    found = replay_sites(work, [0, 1], two(nodes=1), PlannedPlacement(10.0, slack=2), Fifo)

    assert found.by_job()["emissions_g"].sum() <= (0.01 * 100 + 0.01 * 400) * (1 + 1e-9)


class Never(Placer):
    def place(self, sites):
        assert isinstance(sites, SitesView)


class Twice(Placer):
    def place(self, sites):
        job = next(iter(sites.waiting.values()))
        sites.send(job, 0)
        sites.send(job, 0)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"sites": []}, ValueError, "give at least one"),
        ({"sites": [two()[0]] * 2}, ValueError, "comes twice"),
        ({"home": [0, 0]}, ValueError, "a whole number for each of 1 jobs"),
        ({"home": [2]}, ValueError, "one of 2 sites by its number"),
        ({"placer": Never()}, RuntimeError, "left 1 jobs waiting for ever"),
        ({"placer": Twice()}, ValueError, "only a job that waits can"),
        ({"placer": Placer()}, NotImplementedError, "has no method place"),
        ({"sites": two(nodes=1)}, ValueError, "needs 2 cores"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(change, error, message):
    asked = {"home": [0], "sites": two(), "placer": AtHome()} | change
    work = workload([0.0], HOUR, 2)

    with pytest.raises(error, match=message):
        replay_sites(work, asked["home"], asked["sites"], asked["placer"], Fifo)


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match="pue"):
        ClusterSite("x", Cluster(1, 1), CLEAN, pue=0.5)
    with pytest.raises(ValueError, match="delay_s"):
        Transfer(0.0, -1.0)
    with pytest.raises(ValueError, match="core_w"):
        PlannedPlacement(0.0)
    with pytest.raises(ValueError, match="slack"):
        PlannedPlacement(1.0, slack=-1)


def test_a_job_is_not_sent_where_it_does_not_fit():
    small = ClusterSite("small", Cluster(1, 1, POWER), CLEAN)
    large = ClusterSite("large", Cluster(2, 1, POWER), DIRTY)
    work = workload([0.0], HOUR, 2)

    assert [1] == replay_sites(work, [1], [small, large], CleanestNow(), Fifo).site.tolist()
    with pytest.raises(ValueError, match="ask fits"):
        replay_sites(work, [0], [small, large], AtHome(), Fifo)


def test_what_a_placer_sees_can_be_made_by_hand():
    sender = SimpleNamespace(home=lambda job: 1, delay_s=lambda job, site: 2.0)
    sites = SitesView(sender, (), ())

    assert (1, 2.0) == (sites.home(None), sites.delay_s(None, 0))
