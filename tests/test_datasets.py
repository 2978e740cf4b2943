"""Data by name: found, checked, downloaded once, and refused when they are not the recorded ones."""

import bz2
import contextlib
import functools
import hashlib
import http.server
import shutil
import socket
import threading

import numpy as np
import pandas as pd
import pytest

from helpers import datasets
from helpers.carbon.signal import Intensity
from helpers.carbon.sources import write_csv
from helpers.datasets import DatasetChangedError, DatasetMissingError
from helpers.jobs.swf import write_swf
from helpers.phases.fit import fit_model

CONTENT = b"arrival_time,length,cpus\n0.0,1.5,4\n0.5,0.25,1\n"
FILE = "gaia/azure-100k.csv"


@contextlib.contextmanager
def served(folder):
    """Serve a folder over HTTP on this machine; yield its address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def closed_address():
    """An address of this machine at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("HELPERS_DATA_CACHE", str(folder))
    return folder


@pytest.fixture
def registered(tmp_path, monkeypatch):
    """Register `FILE` with the hash of `CONTENT` at an address, in a data folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "registry.txt").write_text("")
    monkeypatch.setattr(datasets, "data_folder", lambda: folder)

    def register(address):
        sha256 = hashlib.sha256(CONTENT).hexdigest()
        line = f"{FILE} {sha256} {len(CONTENT)} {address}/azure.csv\n"
        (folder / "downloads.txt").write_text(line)

    return register


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the embedded data that a test may damage."""
    folder = shutil.copytree(datasets.data_folder(), tmp_path / "data")
    monkeypatch.setattr(datasets, "data_folder", lambda: folder)
    return folder


def needs(name):
    if not datasets.available(name, download=True):
        pytest.skip(f"{name} is neither cached nor reachable")


def test_every_data_set_is_described_and_has_files():
    table = datasets.describe()

    assert datasets.names() == list(table.index)
    assert (table["files"] >= 1).all()
    assert (table["size_bytes"] > 0).all()
    assert (table[["licence", "about"]] != "").all(axis=None)


def test_every_registered_file_belongs_to_one_data_set():
    described = datasets.describe().groupby("embedded")["files"].sum()
    folder = datasets.data_folder()

    for embedded, name in ((True, "registry.txt"), (False, "downloads.txt")):
        assert described[embedded] == len((folder / name).read_text().splitlines())


def test_the_default_is_the_average_of_germany_in_2020():
    intensity = datasets.carbon_intensity()

    assert (intensity.kind, intensity.zone) == ("average", "DE")
    assert pd.Timestamp("2020-01-01", tz="UTC") == intensity.start
    assert pd.Timestamp("2020-12-31 23:00", tz="UTC") == intensity.stop
    assert "ENTSO-E Transparency Platform" in intensity.source
    assert "ipcc2014" in intensity.source


@pytest.mark.parametrize("zone", datasets.zones())
def test_each_zone_covers_both_years_without_a_hole(zone):
    both = datasets.carbon_intensity(zone, None)
    first, second = (datasets.carbon_intensity(zone, year) for year in (2019, 2020))

    assert (np.diff(both.edges_s) == 3600).all()
    assert both.start <= pd.Timestamp("2019-01-01 23:00", tz="UTC")
    assert both.stop >= pd.Timestamp("2020-12-31 22:00", tz="UTC")
    assert first.stop == second.start
    assert len(both.intensity_g_per_kwh) == sum(len(x.intensity_g_per_kwh) for x in (first, second))
    assert ((both.intensity_g_per_kwh > 4) & (both.intensity_g_per_kwh < 1001)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: datasets.carbon_intensity("NL"), "zone is 'NL'; known are DE, FR, GB"),
        (lambda: datasets.carbon_intensity("DE", 2021), "year is 2021; known are 2019, 2020"),
        (lambda: datasets.carbon_intensity(factors="ar6"), "factors is 'ar6'; known are ipcc2014"),
        (lambda: datasets.emission_factors("ar6"), "factors is 'ar6'; known are ipcc2014"),
        (lambda: datasets.carbon_gaps("NL"), "zone is 'NL'"),
        (lambda: datasets.generation("FR"), "is 'FR-2020'; known are DE-2020"),
        (lambda: datasets.marginal_intensity("DE"), "zone is 'DE'; known are CAISO_PGE"),
        (lambda: datasets.marginal_forecasts("DE"), "zone is 'DE'; known are CAISO_PGE"),
        (lambda: datasets.marginal_runs("DE"), "zone is 'DE'; known are CAISO_PGE"),
        (lambda: datasets.job_log("gaia"), "name is 'gaia'; known are unilu-gaia-2014"),
        (lambda: datasets.electricity_maps("FR"), "name is 'FR'; known are DE-2024-07"),
        (lambda: datasets.fetch("nothing"), "there is no data set 'nothing'"),
        (lambda: datasets.available("nothing"), "there is no data set 'nothing'"),
        (lambda: datasets.power_plan("sleep"), "experiment is 'sleep'; known are roberta_c"),
        (lambda: datasets.fetch("opitz-2024-power"), "has 128 files: use fetch_all"),
        (lambda: datasets.fetch_all("nothing/"), "starts with 'nothing/'"),
    ],
)
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_each_factor_set_keeps_its_own_curve():
    means = {f: datasets.carbon_intensity("PL", 2020, f).mean() for f in datasets.factor_sets()}

    assert means["ipcc2014"] < means["unece2022"] < means["srren2011"]


def test_generation_is_net_of_pumping_and_hourly():
    table = datasets.generation("DE", 2020)

    assert table["Hydro Pumped Storage"].min() < 0
    assert table.index[0] == pd.Timestamp("2020-01-01", tz="UTC")
    assert (table.index.to_series().diff().dropna() == pd.Timedelta("1h")).all()


def test_a_forecast_of_the_marginal_rate_starts_five_minutes_after_its_issue():
    forecasts = datasets.marginal_forecasts()
    issued = pd.Timestamp("2020-07-01 12:15", tz="UTC")

    forecast = forecasts.issued_at(issued)

    assert (forecast.kind, forecast.zone) == ("marginal", "CAISO_PGE")
    assert issued + pd.Timedelta("5min") == forecast.start
    assert issued + pd.Timedelta("185min") == forecast.stop


def test_every_forecast_can_be_held_against_the_rate_that_came():
    forecasts, rate = datasets.marginal_forecasts(), datasets.marginal_intensity()

    assert rate.start == forecasts.start
    assert rate.kind == forecasts.kind == "marginal"
    assert rate.stop - forecasts.stop == pd.Timedelta("15min")


def test_the_embedded_log_starts_in_may_2014_in_luxembourg():
    log = datasets.job_log("unilu-gaia-2014")

    assert len(log.jobs) == 51_987
    assert log.epoch == pd.Timestamp("2014-05-22 10:57:59", tz="Europe/Luxembourg")
    assert log.source == "unilu-gaia-2014"
    assert log.skipped.empty


def test_a_changed_digit_is_an_error_that_names_the_file(copied):
    path = copied / "carbon_intensity/average_ipcc2014.csv"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)

    with pytest.raises(DatasetChangedError, match=r"average_ipcc2014\.csv is not the recorded"):
        datasets.carbon_intensity("DE", 2020)
    assert datasets.carbon_intensity("DE", 2020, "srren2011").mean() > 0


def test_a_missing_embedded_file_is_an_error_with_its_remedy(copied):
    (copied / "marginal/caiso_pge_runs.csv").unlink()

    assert not datasets.available("marginal-runs-CAISO_PGE")
    with pytest.raises(DatasetMissingError, match=r"caiso_pge_runs\.csv is missing: .*derive\.py"):
        datasets.marginal_runs()


def test_a_file_is_downloaded_once_and_then_read_from_the_cache(cache, registered, tmp_path):
    (tmp_path / "azure.csv").write_bytes(CONTENT)
    with served(tmp_path) as address:
        registered(address)
        assert not datasets.available("gaia-azure")
        assert datasets.fetch("gaia-azure") == cache / FILE

    assert datasets.fetch(FILE) == cache / FILE  # nobody serves it any more
    assert (cache / FILE).read_bytes() == CONTENT
    assert datasets.available("gaia-azure")
    assert datasets.fetch_all("gaia/") == [cache / FILE]


def test_a_cache_that_cannot_be_written_serves_what_it_holds(cache, registered):
    registered(closed_address())
    (cache / FILE).parent.mkdir(parents=True)
    (cache / FILE).write_bytes(CONTENT)
    for folder in (cache / "gaia", cache):
        folder.chmod(0o555)

    try:
        assert datasets.fetch("gaia-azure").read_bytes() == CONTENT
        assert [cache / "gaia"] == list(cache.iterdir())
    finally:
        for folder in (cache, cache / "gaia"):
            folder.chmod(0o755)


def test_offline_the_error_says_which_file_how_large_from_where_and_what_to_do(cache, registered):
    address = closed_address()
    registered(address)

    assert not datasets.available("gaia-azure", download=True)
    with pytest.raises(DatasetMissingError) as raised:
        datasets.fetch("gaia-azure")

    message = str(raised.value)
    assert f"{FILE} (0.0 MB) is not in the cache folder {cache}" in message
    assert f"could not be downloaded from {address}/azure.csv" in message
    assert f"place it at {cache / FILE}" in message
    assert "HELPERS_DATA_CACHE" in message


def test_a_page_that_is_not_there_is_a_missing_file(cache, registered, tmp_path):
    with served(tmp_path) as address:
        registered(address)
        with pytest.raises(DatasetMissingError, match="404"):
            datasets.fetch("gaia-azure")


def test_a_download_with_another_hash_is_refused_and_not_kept(cache, registered, tmp_path):
    (tmp_path / "azure.csv").write_bytes(CONTENT.replace(b"1.5", b"1.6"))
    got = hashlib.sha256((tmp_path / "azure.csv").read_bytes()).hexdigest()
    with served(tmp_path) as address:
        registered(address)
        with pytest.raises(DatasetChangedError) as raised:
            datasets.fetch("gaia-azure")

    message = str(raised.value)
    assert FILE in message
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert got in message
    assert [] == [path for path in cache.rglob("*") if path.is_file()]


def test_a_cached_file_with_another_hash_is_an_error_naming_file_expected_and_got(
    cache, registered
):
    registered(closed_address())
    (cache / FILE).parent.mkdir(parents=True)
    (cache / FILE).write_bytes(b"something else")

    with pytest.raises(DatasetChangedError) as raised:
        datasets.available("gaia-azure")

    message = str(raised.value)
    assert str(cache / FILE) in message
    assert hashlib.sha256(CONTENT).hexdigest() in message
    assert hashlib.sha256(b"something else").hexdigest() in message
    assert "remove it to download it again" in message


def test_without_a_chosen_cache_the_systems_own_is_used(monkeypatch):
    monkeypatch.delenv("HELPERS_DATA_CACHE", raising=False)

    assert datasets.cache_folder().name == "clean-hours"


def test_what_is_read_is_logged_by_name(tmp_path, monkeypatch):
    log = tmp_path / "read.txt"
    monkeypatch.setenv("HELPERS_READ_LOG", str(log))

    datasets.carbon_intensity("FR", 2019, "srren2011")
    datasets.carbon_gaps()
    datasets.fetch("jobs/UniLu-Gaia-2014-2.swf.bz2")
    datasets.describe()
    datasets.available("marginal-CAISO_PGE")

    assert log.read_text().splitlines() == [
        "carbon_intensity/average_srren2011.csv",
        "carbon_intensity/gaps.csv",
        "jobs/UniLu-Gaia-2014-2.swf.bz2",
    ]


@pytest.mark.parametrize(
    ("name", "jobs", "first_run_s"),
    [
        ("scorelab", 45_735, 402_166.0),
        ("gaia-azure", 99_988, 0.75 * 3600),
        ("gaia-mustang", 100_000, 4.1625 * 3600),
        ("gaia-pai", 99_998, 25.408055555555556 * 3600),
    ],
)
def test_downloaded_logs_are_read_in_their_own_unit_of_time(name, jobs, first_run_s):
    needs(name)

    log = datasets.job_log(name)

    assert len(log.jobs) == jobs
    assert log.jobs["run_s"].iloc[0] == pytest.approx(first_run_s)
    assert log.source == name
    assert log.epoch is None


def test_the_downloaded_curve_is_germany_from_july_2024():
    needs("electricity-maps-DE-2024-07")

    curve = datasets.electricity_maps()

    assert (curve.kind, curve.zone) == ("average", "DE")
    assert pd.Timestamp("2024-07-01", tz="UTC") == curve.start
    assert curve.intensity_g_per_kwh[:2].tolist() == [414.0, 427.0]


def test_the_downloaded_curve_ends_at_its_gap_unless_that_may_be_filled():
    needs("electricity-maps-DE-2024-07")
    gap = pd.date_range("2024-09-19 16:00", "2024-09-23 15:00", freq="h", tz="UTC")

    assert datasets.electricity_maps().stop == gap[0]
    filled = datasets.electricity_maps(fill_previous="4D")
    assert pd.Timestamp("2024-10-03 16:00", tz="UTC") == filled.stop
    assert len(set(filled.at(gap - pd.Timedelta("1h")))) == 1
    with pytest.raises(ValueError, match="96 steps"):
        datasets.electricity_maps(fill_previous="1D")


def test_power_runs_are_grouped_by_experiment():
    needs("opitz-2024-power")

    runs = datasets.power_runs()

    assert {name: len(folders) for name, folders in runs.items()} == {
        "imports_only": 10,
        "roberta_continue_after_not_saving_2": 10,
        "roberta_continue_after_saving_2": 10,
        "roberta_full": 10,
        "roberta_stop_after_saving_epoch_2": 10,
        "roberta_stop_without_saving_epoch_2": 9,
        "sleep": 10,
    }
    assert all(run.power_w.min() > 0 for repeats in runs.values() for run in repeats.values())


def plan_phases(experiment):
    """Names of the phases of a plan, as a model fitted by it has them."""
    spans = datasets.power_plan(experiment).spans()
    return [f"{loop.name} {n} {span.name}" if loop else span.name for _, span, loop, n in spans]


STARTED = ["import libraries", "load data", "tokenise and build model"]


@pytest.mark.parametrize(
    ("experiment", "saved", "rest"),
    [
        ("roberta_full", range(1, 6), ["final evaluation and exit"]),
        ("roberta_stop_after_saving_epoch_2", range(1, 3), []),
        ("roberta_continue_after_saving_2", range(3, 6), ["final evaluation and exit"]),
        ("roberta_stop_without_saving_epoch_2", range(1, 2), ["epoch 2 train"]),
        ("roberta_continue_after_not_saving_2", range(2, 6), ["final evaluation and exit"]),
    ],
)
def test_a_power_plan_goes_through_the_epochs_of_its_experiment(experiment, saved, rest):
    epochs = [f"epoch {n} {name}" for n in saved for name in ("train", "evaluate", "save")]

    assert plan_phases(experiment) == [*STARTED, *epochs, *rest]


def test_every_power_run_with_epochs_went_through_its_plan():
    needs("opitz-2024-power")

    for experiment, repeats in datasets.power_runs().items():
        if experiment.startswith("roberta"):
            fit = fit_model(list(repeats.values()), datasets.power_plan(experiment))
            assert fit.spread["phase"].to_list() == plan_phases(experiment)
            assert fit.borders_s[:, 0].tolist() == [30.0] * len(repeats)


def test_a_run_that_resumes_at_another_epoch_does_not_fit_its_plan():
    needs("opitz-2024-power")
    resumed = datasets.power_runs()["roberta_continue_after_not_saving_2"][0]
    plan = datasets.power_plan("roberta_continue_after_saving_2")

    with pytest.raises(ValueError, match=r"'Epoch 2.0 ended.* expects 'Epoch 3.0 ended"):
        fit_model([resumed], plan)


def test_the_whole_power_plan_names_its_phases_as_the_published_model_does():
    assert plan_phases("roberta_full") == list(datasets.phase_model("roberta").profile.names)


def test_the_idle_time_before_the_program_may_be_chosen():
    assert datasets.power_plan(idle_s=12.5).start == 12.5


def test_the_published_phase_model_has_its_nineteen_phases_and_five_checkpoints():
    model = datasets.phase_model("roberta")

    assert (len(model.profile.power_w), len(model.work_profile.checkpoints_s)) == (19, 5)


def test_a_download_says_where_it_comes_from_and_an_embedded_file_has_no_address():
    scorelab = datasets.origin("scorelab").iloc[0]

    assert (scorelab["file"], scorelab["size_bytes"]) == (
        "opitz-2024-carbs/scorelab.csv",
        1_216_442,
    )
    assert scorelab["url"].startswith("https://")
    assert datasets.origin("unilu-gaia-2014")["url"].isna().all()


def test_every_zone_has_a_clock():
    assert all(datasets.time_zone(zone) for zone in (*datasets.zones(), "CAISO_PGE"))
    with pytest.raises(ValueError, match="Atlantis"):
        datasets.time_zone("Atlantis")


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("HELPERS_OWN_DATA", str(tmp_path))
    (tmp_path / "grids").mkdir()
    (tmp_path / "logs").mkdir()
    return tmp_path


def own_grid(folder, zone="NO1", name="NO1"):
    times = pd.date_range("2022-12-31", periods=72, freq="h", tz="UTC")
    series = pd.Series(np.arange(72.0), times)
    grid = Intensity.from_series(series, kind="average", zone=zone, source="made up")
    path = folder / "grids" / f"{name}.csv"
    write_csv(grid, path, time_zone="Europe/Oslo")
    return path


def test_an_own_grid_answers_to_its_name(own):
    own_grid(own)

    assert datasets.carbon_intensity("NO1", None).intensity_g_per_kwh.size == 72
    assert datasets.carbon_intensity("NO1", 2023).start == pd.Timestamp("2023-01-01", tz="UTC")
    assert datasets.time_zone("NO1") == "Europe/Oslo"


def test_an_own_grid_says_which_years_it_has(own):
    own_grid(own)

    with pytest.raises(ValueError, match="year is 2020; known are 2022, 2023"):
        datasets.carbon_intensity("NO1", 2020)


def test_an_own_grid_is_named_after_its_zone(own):
    own_grid(own, zone="NO1", name="NO2")

    with pytest.raises(ValueError, match=r"NO2.csv: its header says zone 'NO1'"):
        datasets.carbon_intensity("NO2")


def test_an_own_grid_without_a_clock_says_how_to_give_one(own):
    path = own_grid(own)
    path.write_text(path.read_text().replace('# time_zone: "Europe/Oslo"\n', ""))

    with pytest.raises(ValueError, match="add a line like # time_zone"):
        datasets.time_zone("NO1")


def test_a_clock_that_does_not_exist_is_refused(tmp_path):
    grid = datasets.carbon_intensity("DE").window(
        *pd.to_datetime([0, 3600], unit="s", utc=True) + pd.Timedelta("18500D")
    )

    with pytest.raises(ValueError, match=r"'Middle/Earth'\) is no IANA name"):
        write_csv(grid, tmp_path / "x.csv", time_zone="Middle/Earth")


def test_an_own_log_answers_to_its_name(own):
    write_swf(datasets.job_log("unilu-gaia-2014").window(0, 86400), own / "logs" / "mine.swf")

    assert datasets.job_log("mine").source == "mine"


def test_an_unknown_name_lists_the_own_ones_too(own):
    own_grid(own)

    with pytest.raises(ValueError, match="NO1"):
        datasets.carbon_intensity("XX")


def test_plans_on_a_real_slurm_are_told_by_round_job_and_run():
    trials = datasets.slurm_trials()
    rounds, jobs, runs = trials["rounds"], trials["jobs"], trials["runs"]
    killed = rounds.loc[rounds.filter(like="_kills").sum(axis=1) > 0, "round"]

    assert set(rounds["round"]) == set(jobs["round"]) == set(runs["round"])
    assert 200 == rounds.filter(like="_kills").to_numpy().sum()
    assert (8 == jobs.groupby("round").size()).all()
    assert (rounds["unheard"].dropna() >= 0).all()
    assert set(zip(jobs["round"], jobs["job"], strict=True)) == set(
        zip(runs["round"], runs["job"], strict=True)
    )
    assert {"completed"} == set(jobs.loc[jobs["round"].isin(killed), "outcome"])


def test_events_on_a_broker_that_was_killed_say_what_was_lost():
    events = datasets.slurm_events()

    assert {"start_s", "round_trip", "burst", "killed", "load"} == set(events)
    assert events["killed"]["acknowledged"] > events["killed"]["kills"] > 0
    assert 0 < events["round_trip"]["median_ms"] <= events["round_trip"]["p95_ms"]


def test_candidates_in_a_real_queue_are_among_the_jobs_it_ran():
    jobs, candidates = datasets.slurm_waits()
    own = jobs.set_index("job_id").loc[candidates["job_id"]]
    lines = bz2.decompress(datasets.fetch("slurm/queues.jsonl.bz2").read_bytes()).splitlines()

    assert {"candidate"} == set(own["comment"].dropna())  # Slurm accounts for it from the start on
    assert (own["processors"].to_numpy() == candidates["cores"].to_numpy())[
        candidates["start_s"].notna()
    ].all()
    assert len(lines) == candidates["look"].nunique()
    assert (candidates["start_s"].dropna() >= candidates["asked_s"].dropna().min() - 1).all()
