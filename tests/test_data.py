"""The embedded data are what the registry and the data sheets say."""

import bz2
import hashlib
import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import datasets

DATA = datasets.data_folder()
SHEETS = sorted(DATA.glob("*/README.md"))


def load_derive():
    spec = importlib.util.spec_from_file_location("derive", DATA / "derive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


derive = load_derive()


def registry(name):
    lines = (DATA / name).read_text(encoding="ascii").splitlines()
    return {line.split(" ")[0]: line.split(" ")[1:] for line in lines}


def sheet_table(sheet, first_column):
    """Return the table of a data sheet whose header starts with `first_column`."""
    lines = (DATA / sheet).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_column} |"))
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return pd.DataFrame(rows[2:], columns=rows[0])


def facts(sheet):
    return dict(sheet_table(sheet, "fact").itertuples(index=False))


def swf_rows():
    text = bz2.decompress((DATA / "jobs/UniLu-Gaia-2014-2.swf.bz2").read_bytes()).decode("ascii")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(";")]
    return text, np.loadtxt(lines)


def test_every_embedded_file_has_the_recorded_hash_and_size():
    for name, (sha256, size) in registry("registry.txt").items():
        content = (DATA / name).read_bytes()

        assert (sha256, int(size)) == (hashlib.sha256(content).hexdigest(), len(content)), name


def test_the_registry_lists_exactly_the_data_files_in_order():
    beside = ("README.md", "__pycache__")
    inside = [p for p in DATA.glob("*/*") if p.name not in beside and p.parent.name not in beside]

    assert sorted(path.relative_to(DATA).as_posix() for path in inside) == list(
        registry("registry.txt")
    )


def test_the_data_stay_small():
    sizes = [int(size) for _, size in registry("registry.txt").values()]

    assert max(sizes) < 3_000_000
    assert sum(sizes) < 10_000_000


def test_downloads_are_pinned_by_hash_size_and_a_commit():
    downloads = registry("downloads.txt")

    assert len(downloads) == 141
    for sha256, size, url in downloads.values():
        assert len(bytes.fromhex(sha256)) == 32
        assert int(size) > 0
        assert url.startswith("https://raw.githubusercontent.com/")
        assert len(url.split("/")[5]) == 40


def test_every_folder_of_data_has_a_sheet_with_one_heading_of_the_first_level():
    folders = {name.split("/")[0] for name in registry("registry.txt")}

    assert folders == {sheet.parent.name for sheet in SHEETS}
    for sheet in [*SHEETS, DATA / "README.md"]:
        text = sheet.read_text(encoding="utf-8")
        assert [line for line in text.splitlines() if line.startswith("# ")] == [
            text.splitlines()[0]
        ]
        assert "](" not in text  # relative links break where a sheet is included


def test_the_overview_names_every_file_archive_and_download_with_its_size():
    files = sheet_table("README.md", "file").set_index("file")["bytes"].to_dict()
    archives = sheet_table("README.md", "archive").set_index("archive")["sha256"].to_dict()
    downloads = sheet_table("README.md", "name").set_index("name")[["files", "bytes"]].astype(int)

    assert {name: size for name, (_, size) in registry("registry.txt").items()} == files
    assert {archive.file: archive.sha256 for archive in derive.ARCHIVES} == archives
    described = datasets.describe().query("not embedded")
    assert described["files"].to_dict() == downloads["files"].to_dict()
    assert described["size_bytes"].to_dict() == downloads["bytes"].to_dict()


@pytest.mark.parametrize("factors", datasets.factor_sets())
@pytest.mark.parametrize("year", [2019, 2020])
def test_yearly_means_are_those_of_the_sheet(factors, year):
    sheet = sheet_table("carbon_intensity/README.md", "zone").set_index("zone")

    means = {z: f"{datasets.carbon_intensity(z, year, factors).mean():.1f}" for z in sheet.index}

    assert sheet[f"{factors} {year}"].to_dict() == means


# Means computed before, from the same archive and factors, apart from this project's code [g/kWh].
ELSEWHERE = {
    "DE": (327.5, 303.8),
    "FR": (53.6, 53.6),
    "GB": (257.9, 233.2),
    "ES": (211.6, 169.2),
    "IT": (348.6, 332.7),
    "PL": (694.3, 672.9),
    "DK": (218.6, 219.8),
    "AT": (136.9, 116.7),
    "BE": (184.5, 196.9),
    "FI": (184.3, 147.3),
    "PT": (289.2, 238.2),
    "GR": (440.4, 376.1),
}
# There, hours in which a main type was not reported counted as if it made nothing.
INCOMPLETE = {("GB", 2019): 0.7, ("GB", 2020): 0.4, ("IT", 2019): 0.45, ("GR", 2019): 0.3}


@pytest.mark.parametrize("zone", ELSEWHERE)
@pytest.mark.parametrize("year", [2019, 2020])
def test_yearly_means_agree_with_an_independent_computation(zone, year):
    expected = ELSEWHERE[zone][year - 2019]

    mean = datasets.carbon_intensity(zone, year, "ipcc2014").mean()

    assert expected == pytest.approx(mean, abs=INCOMPLETE.get((zone, year), 0.11))


def test_gaps_are_those_of_the_sheet_and_empty_where_they_say_so():
    sheet = sheet_table("carbon_intensity/README.md", "zone").set_index("zone")
    counts = datasets.carbon_gaps().groupby(["zone", "treatment"]).size()

    for treatment in ("interpolated", "part of the hour", "empty"):
        for zone in sheet.index:
            assert int(sheet.loc[zone, treatment]) == counts.get((zone, treatment), 0)
    for zone in datasets.zones():
        covered = len(datasets.carbon_intensity(zone, None).intensity_g_per_kwh)
        assert covered == 17544 - counts.get((zone, "empty"), 0)


def test_no_interpolated_stretch_is_longer_than_the_sheet_says():
    gaps = datasets.carbon_gaps().query("treatment == 'interpolated'")
    new = (gaps["time"].diff() != pd.Timedelta("1h")) | (gaps["zone"] != gaps["zone"].shift())

    assert new.cumsum().value_counts().max() == 9


def test_interpolated_hours_lie_on_the_line_between_their_neighbours():
    series = datasets.carbon_intensity("FR", None).to_series()
    for time in datasets.carbon_gaps("FR").query("treatment == 'interpolated'")["time"]:
        before, after = series[time - pd.Timedelta("1h")], series[time + pd.Timedelta("1h")]

        assert series[time] == pytest.approx((before + after) / 2, abs=0.11)


def test_every_factor_set_has_a_number_and_a_reason_for_every_type_but_storage():
    from helpers.carbon.sources import PRODUCTION_TYPES, STORAGE

    table = datasets.factor_table()

    assert set(table["factor_set"]) == set(datasets.factor_sets())
    for _, rows in table.groupby("factor_set"):
        assert set(rows["production_type"]) == set(PRODUCTION_TYPES.values()) - set(STORAGE)
        assert rows["production_type"].is_unique
    assert table["intensity_g_per_kwh"].between(4, 1001).all()
    assert set(table["basis"]) == {"source", "substitute"}
    assert table["technology"].str.len().min() >= len("oil")


def test_embedded_generation_and_factors_give_the_embedded_intensity():
    from helpers.carbon.sources import intensity_from_mix

    for factors in datasets.factor_sets():
        mix = intensity_from_mix(
            datasets.generation("DE", 2020), datasets.emission_factors(factors), zone="DE"
        )
        embedded = datasets.carbon_intensity("DE", 2020, factors)

        np.testing.assert_array_equal(embedded.edges_s, mix.edges_s)
        np.testing.assert_allclose(
            embedded.intensity_g_per_kwh, mix.intensity_g_per_kwh, rtol=0, atol=0.1
        )


def mean_of_germany(**changed):
    table = datasets.generation("DE", 2020).drop(columns=derive.STORAGE).clip(lower=0)
    factors = pd.Series(datasets.emission_factors("ipcc2014") | changed)[table.columns]
    return (table.mul(factors).sum(axis=1) / table.sum(axis=1)).mean()


def test_the_sensitivities_of_the_sheet_follow_from_the_embedded_generation():
    rows = sheet_table("carbon_intensity/README.md", "production type")
    factors = datasets.emission_factors("ipcc2014")
    for name, used, other, change in rows.itertuples(index=False):
        assert float(used) == factors[name]
        assert change == f"{mean_of_germany(**{name: float(other)}) - mean_of_germany():.1f}"


def test_the_share_of_substitutes_is_that_of_the_sheet():
    table = datasets.generation("DE", 2020).drop(columns=derive.STORAGE).clip(lower=0).sum()
    rows = datasets.factor_table().query("factor_set == 'ipcc2014'").set_index("production_type")
    rows = rows.loc[table.index]
    substitute = rows["basis"] == "substitute"
    emitted = table * rows["intensity_g_per_kwh"]

    generation = f"{100 * table[substitute].sum() / table.sum():.1f} % of the generation"
    emissions = f"{100 * emitted[substitute].sum() / emitted.sum():.1f} % of the emissions"
    text = (DATA / "carbon_intensity/README.md").read_text(encoding="utf-8")

    assert generation in text
    assert emissions in text


def test_the_generation_is_as_its_sheet_says():
    table = datasets.generation("DE", 2020)

    assert facts("generation/README.md") == {
        "hours": str(len(table)),
        "production types": str(table.shape[1]),
        "missing values": str(int(table.isna().sum().sum())),
    }


def test_the_marginal_rate_and_forecasts_are_as_their_sheet_says():
    rate = datasets.marginal_intensity()
    values = rate.intensity_g_per_kwh
    forecasts = datasets.marginal_forecasts()
    changes = np.abs(np.diff(forecasts.intensity_g_per_kwh, axis=0)).sum(axis=1)

    assert facts("marginal/README.md") == {
        "first step": f"{rate.start:%Y-%m-%dT%H:%MZ}",
        "end of the last step": f"{rate.stop:%Y-%m-%dT%H:%MZ}",
        "steps of 5 minutes": str(len(values)),
        "missing steps": str(int((np.diff(rate.edges_s) != 300).sum())),
        "mean rate [g/kWh]": f"{values.mean():.1f}",
        "highest rate [g/kWh]": f"{values.max():.1f}",
        "steps at 0 g/kWh": str(int((values == 0).sum())),
        "steps at the highest rate": str(int((values == values.max()).sum())),
        "issue times": str(len(forecasts.issued_s)),
        "leads": str(len(forecasts.lead_edges_s) - 1),
        "issues that repeat the one before": str(int((changes == 0).sum())),
    }


def test_constant_runs_are_those_of_the_sheet_and_constant():
    runs = datasets.marginal_runs()
    rate = datasets.marginal_intensity()
    summary = runs.groupby("level")["steps"].agg(["size", "max", "sum"])

    sheet = sheet_table("marginal/README.md", "level").set_index("level").astype(int)
    assert sheet.sort_index().to_numpy().tolist() == summary.sort_index().to_numpy().tolist()
    for run in runs.itertuples():
        inside = rate.window(run.start, run.stop).intensity_g_per_kwh
        assert set(inside) == {run.intensity_g_per_kwh}
        assert len(inside) == run.steps > 12


def test_the_skill_of_the_forecasts_is_that_of_the_sheet():
    rate, forecasts = datasets.marginal_intensity(), datasets.marginal_forecasts()
    values = rate.intensity_g_per_kwh
    issued = ((forecasts.issued_s - rate.edges_s[0]) / 300).astype(int)
    for lead, forecast, persistence in sheet_table("marginal/README.md", "lead [min]").itertuples(
        index=False
    ):
        steps = int(lead) // 5
        known = issued + steps < len(values)
        came = values[issued[known] + steps]

        error = np.abs(forecasts.intensity_g_per_kwh[known, steps - 1] - came).mean()
        assert forecast == f"{error:.1f}"
        assert persistence == f"{np.abs(values[issued[known]] - came).mean():.1f}"
    assert f"{np.abs(np.diff(values)).mean():.1f}" == "17.2"


def test_the_job_log_is_as_its_sheet_says():
    text, rows = swf_rows()
    submit, run, requested, status = rows[:, 1], rows[:, 3], rows[:, 8], rows[:, 10]
    slice_ = (submit >= 28 * 86400) & (submit < 56 * 86400) & (run > 0)

    assert facts("jobs/README.md") == {
        "jobs": str(len(rows)),
        "nodes": text.split("; MaxNodes: ")[1].split()[0],
        "cores": text.split("; MaxProcs: ")[1].split()[0],
        "users": str(len(np.unique(rows[:, 11]))),
        "jobs with status 1 (completed)": str(int((status == 1).sum())),
        "jobs with status 0 (failed)": str(int((status == 0).sum())),
        "jobs with status 2 (partial)": str(int((status == 2).sum())),
        "jobs with run time -1 (unknown)": str(int((run == -1).sum())),
        "jobs with run time 0": str(int((run == 0).sum())),
        "jobs that ran longer than requested": str(int((run > requested).sum())),
        "jobs in queue 2 (besteffort)": str(int((rows[:, 14] == 2).sum())),
        "median requested time [h]": f"{np.median(requested) / 3600:.0f}",
        "jobs with run > 0 submitted on days 28 to 56": str(int(slice_.sum())),
        "bytes of the uncompressed log": str(len(text)),
    }
    assert (requested > 0).all()


@pytest.mark.parametrize(("weeks", "day"), [(313, "2020-05-21"), (261, "2019-05-23")])
def test_the_calendar_shifts_of_the_sheet_keep_weekday_and_clock(weeks, day):
    first = pd.Timestamp(1400749079, unit="s", tz="UTC").tz_convert("Europe/Luxembourg")

    shifted = first + pd.DateOffset(weeks=weeks)

    assert pd.Timestamp(f"{day} 10:57:59", tz="Europe/Luxembourg") == shifted
    assert first.weekday() == shifted.weekday()


def test_an_incomplete_report_is_one_without_a_main_type():
    hours = pd.date_range("2020-01-01", periods=200, freq="h", tz="UTC")
    table = pd.DataFrame({"Nuclear": 50.0, "Wind Onshore": 40.0, "Waste": 1.0}, index=hours)
    table.iloc[3, 0] = 0.0  # nuclear power does not stop for an hour
    table.iloc[4, 1] = np.nan
    table.iloc[5, 1] = 0.0  # wind may
    table.iloc[6, 2] = np.nan  # a small type

    complete = derive.complete_reports(table)

    assert [3, 4] == list(np.flatnonzero(~complete))


def test_an_archive_with_another_hash_is_refused(tmp_path):
    archive = derive.ARCHIVES[0]
    (tmp_path / archive.file).write_bytes(b"something else")

    with pytest.raises(ValueError, match=f"{archive.file} has sha256 .* expected {archive.sha256}"):
        derive.obtain(archive, tmp_path)


def test_derived_files_are_written_with_unix_line_ends_and_stable_numbers():
    times = pd.DatetimeIndex(["2020-01-01 00:00", "2020-01-01 01:00"], tz="UTC")

    text = derive.csv_text(times, ["DE"], np.array([[-0.0], [np.nan]]), 1)

    assert text == "time,DE\n2020-01-01T00:00Z,0.0\n2020-01-01T01:00Z,\n"


@pytest.mark.skipif(
    "HELPERS_ARCHIVES" not in os.environ,
    reason="HELPERS_ARCHIVES names no folder with the archives (see data/derive.py)",
)
def test_deriving_the_data_again_gives_the_same_bytes(capsys):
    status = derive.main(["--check", "--archives", os.environ["HELPERS_ARCHIVES"]])

    assert status == 0, capsys.readouterr().out


def test_a_derived_file_that_differs_is_named(tmp_path):
    for folder in ("one", "other"):
        (tmp_path / folder / "jobs").mkdir(parents=True)
        (tmp_path / folder / "jobs/log.csv").write_text(folder)
        (tmp_path / folder / "registry.txt").write_text("")
    (tmp_path / "other/jobs/extra.csv").write_text("")

    assert derive.differences(Path(tmp_path / "one"), Path(tmp_path / "other")) == [
        "jobs/extra.csv: only here",
        "jobs/log.csv: differs",
    ]
