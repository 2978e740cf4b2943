"""Readers and web services: what a file says is kept, what it does not say is an error."""

import json
import os
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import files
from helpers.carbon import Intensity, gb, services, sources
from helpers.carbon.services import ServiceError

FIXTURES = Path(__file__).parent.parent / "fixtures" / "carbon"
FACTORS = {"Fossil Gas": 490.0, "Solar": 48.0}


def utc(text):
    return pd.Timestamp(text, tz="UTC")


def changed(tmp_path, fixture, old, new, name="changed.csv"):
    """A copy of a fixture with one text replaced once: the mistake under test."""
    text = (FIXTURES / fixture).read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


# Gaps


def quarter_hours(missing=()):
    index = pd.date_range("2020-07-01", periods=8, freq="15min", tz="UTC")
    return pd.Series(np.arange(8.0), index).drop(index[list(missing)])


def test_gaps_are_told_and_filled_with_the_value_before():
    filled, gaps = sources.fill_gaps(quarter_hours(missing=[2, 3, 6]), longest="30min")

    assert filled.tolist() == [0, 1, 1, 1, 4, 5, 5, 7]
    assert gaps.to_dict("list") == {
        "start": [utc("2020-07-01 00:30"), utc("2020-07-01 01:30")],
        "stop": [utc("2020-07-01 01:00"), utc("2020-07-01 01:45")],
        "steps": [2, 1],
    }


def test_a_missing_value_is_a_gap_like_a_missing_row():
    series = quarter_hours()
    series.iloc[3] = np.nan

    assert sources.fill_gaps(series, longest="15min")[0].iloc[3] == 2.0


def test_a_step_missing_in_one_column_is_taken_whole_from_the_step_before():
    table = pd.DataFrame({"gas": quarter_hours(), "sun": quarter_hours()})
    table.iloc[3, 0] = np.nan

    filled, _ = sources.fill_gaps(table, longest="15min")

    assert filled.iloc[3].tolist() == [2.0, 2.0]


def test_a_gap_longer_than_allowed_is_refused_with_its_bounds_and_the_remedy():
    with pytest.raises(
        ValueError, match=r"1 gaps, 2 steps of 900 s missing: 2020-07-01T00:30.*1800 s"
    ):
        sources.fill_gaps(quarter_hours(missing=[2, 3]), longest="15min")


def test_a_gap_at_the_very_start_has_nothing_before_it():
    series = quarter_hours()
    series.iloc[0] = np.nan

    with pytest.raises(ValueError, match="nothing comes before the gap"):
        sources.fill_gaps(series, longest="1h")


def test_rows_in_any_order_are_sorted():
    series = quarter_hours()

    assert sources.fill_gaps(series.iloc[::-1])[0].tolist() == series.tolist()


def test_a_time_that_occurs_twice_is_refused():
    series = quarter_hours()

    with pytest.raises(ValueError, match=r"2020-07-01T00:00:00\+00:00 occurs twice"):
        sources.fill_gaps(pd.concat([series, series.iloc[:1]]))


def test_a_time_off_the_grid_is_refused():
    series = quarter_hours()
    extra = pd.Series([9.0], [utc("2020-07-01 00:50")])

    with pytest.raises(ValueError, match="not a whole number of 900 s steps"):
        sources.fill_gaps(pd.concat([series, extra]), step="15min")


# The generation mix


def mix(**columns):
    index = pd.date_range("2020-07-01", periods=2, freq="h", tz="Europe/Berlin")
    return pd.DataFrame(columns, index, dtype=float)


def test_the_intensity_of_a_mix_is_the_mean_factor_weighted_with_generation():
    table = mix(**{"Fossil Gas": [100, 50], "Solar": [0, 150]})

    signal = sources.intensity_from_mix(table, FACTORS, zone="DE")

    assert signal.intensity_g_per_kwh.tolist() == [490.0, (50 * 490 + 150 * 48) / 200]
    assert signal.start == utc("2020-06-30 22:00")
    assert signal.stop == utc("2020-07-01 00:00")
    assert signal.kind == "average"


def test_storage_is_left_out_and_negative_generation_is_set_to_0_and_counted():
    table = mix(
        **{"Fossil Gas": [100, 100], "Hydro Pumped Storage": [900, 900], "Solar": [-3, 100]}
    )

    signal = sources.intensity_from_mix(table, FACTORS, zone="DE", source="ENTSO-E")

    assert signal.intensity_g_per_kwh.tolist() == [490.0, 269.0]
    assert signal.source == "ENTSO-E; 1 negative values set to 0"


@given(st.lists(st.tuples(st.floats(0.1, 1e5), st.floats(0, 1e5)), min_size=2, max_size=5))
def test_the_intensity_of_a_mix_lies_between_its_factors(rows):
    index = pd.date_range("2020-07-01", periods=len(rows), freq="h", tz="UTC")
    table = pd.DataFrame(rows, index, ["Fossil Gas", "Solar"])

    values = sources.intensity_from_mix(table, FACTORS, zone="DE").intensity_g_per_kwh

    assert values.min() >= 48 * (1 - 1e-12)
    assert values.max() <= 490 * (1 + 1e-12)


def test_a_type_without_a_factor_is_named():
    with pytest.raises(ValueError, match="no emission factor for Nuclear; the set has Fossil Gas"):
        sources.intensity_from_mix(mix(Nuclear=[1, 1], Solar=[1, 1]), FACTORS, zone="DE")


def test_a_step_in_which_nothing_is_generated_has_no_intensity():
    with pytest.raises(ValueError, match=r"nothing was generated in DE at 2020-07-01T01:00"):
        sources.intensity_from_mix(mix(Solar=[1, 0]), FACTORS, zone="DE")


def test_a_missing_type_makes_a_gap_unless_there_is_no_such_plant():
    table = mix(**{"Fossil Gas": [100, 100], "Solar": [np.nan, 100]})

    with pytest.raises(ValueError, match=r"1 steps of 3600 s missing.*Values missing: Solar 1"):
        sources.intensity_from_mix(table, FACTORS, zone="DE")

    signal = sources.intensity_from_mix(table, FACTORS, zone="DE", absent=["Solar"])

    assert signal.intensity_g_per_kwh.tolist() == [490.0, 269.0]


def test_a_filled_step_is_counted_in_the_source():
    table = mix(**{"Fossil Gas": [100, np.nan], "Solar": [100, 100]})

    signal = sources.intensity_from_mix(table, FACTORS, zone="DE", fill_previous="1h")

    assert signal.intensity_g_per_kwh.tolist() == [269.0, 269.0]
    assert signal.source == "generation mix; 1 missing steps filled with the value before"


def test_factors_are_read_by_the_name_of_their_set():
    assert sources.read_factors(FIXTURES / "factors.csv", "one") == FACTORS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Solar,48", "Fossil Gas,48", r"changed.csv, line 3, column 'production_type'.*twice"),
        ("48", "", r"line 3, column 'intensity_g_per_kwh': '' is no factor"),
        ("48", "-48", r"line 3, column 'intensity_g_per_kwh': '-48' must be >= 0"),
        ("48", "4 8", r"line 3, column 'intensity_g_per_kwh': '4 8' is not a number"),
        ("48", "48000", r"48000 g/kWh, beyond 3000"),
    ],
)
def test_a_wrong_factor_is_named_with_its_line(tmp_path, old, new, message):
    path = changed(tmp_path, "factors.csv", old, new)

    with pytest.raises(ValueError, match=message):
        sources.read_factors(path, "one")


def test_an_unknown_factor_set_is_answered_with_those_there_are():
    with pytest.raises(ValueError, match="no factor set 'ipcc', only one, other"):
        sources.read_factors(FIXTURES / "factors.csv", "ipcc")


# ENTSO-E's files


def test_the_long_export_becomes_a_table_by_type():
    table = sources.read_entsoe_csv(FIXTURES / "entsoe_long.csv", day_first=True)

    expected = pd.DataFrame(
        {"Fossil Gas": [100.0, 300.0], "Solar": [0.0, np.nan]},
        pd.DatetimeIndex([utc("2025-02-01 00:00"), utc("2025-02-01 01:00")]),
    )
    pd.testing.assert_frame_equal(table, expected, check_index_type=False, check_column_type=False)


def test_a_date_with_slashes_is_never_guessed():
    with pytest.raises(ValueError, match=r"line 2, column 'MTU \(UTC\)'.*give day_first"):
        sources.read_entsoe_csv(FIXTURES / "entsoe_long.csv")

    month_first = sources.read_entsoe_csv(FIXTURES / "entsoe_long.csv", day_first=False)

    assert month_first.index[0] == utc("2025-01-02")


def test_the_wide_export_tells_the_hour_that_comes_twice_by_its_order():
    table = sources.read_entsoe_csv(FIXTURES / "entsoe_wide.csv")

    assert table["Fossil Gas"].tolist() == [100, 200, 300, 400]
    assert table.index[0] == utc("2020-10-24 23:00")
    assert (table.index.to_series().diff().dropna() == pd.Timedelta("1h")).all()
    assert list(table.columns) == ["Fossil Gas", "Hydro Pumped Storage"]


def test_marks_of_summer_and_winter_time_are_believed(tmp_path):
    text = (FIXTURES / "entsoe_wide.csv").read_text()
    rows = text.splitlines()
    rows[2] = rows[2].replace("02:00 -", "02:00 (CEST) -")
    rows[3] = rows[3].replace("02:00 -", "02:00 (CET) -")
    path = tmp_path / "marked.csv"
    path.write_text("\n".join([rows[0], rows[3], rows[2], rows[1], rows[4]]))

    assert sources.read_entsoe_csv(path)["Fossil Gas"].tolist() == [100, 200, 300, 400]


def test_an_hour_that_comes_twice_but_stands_there_once_is_refused(tmp_path):
    rows = (FIXTURES / "entsoe_wide.csv").read_text().splitlines()
    path = tmp_path / "once.csv"
    path.write_text("\n".join(rows[:3] + rows[4:]))

    with pytest.raises(ValueError, match=r"once.csv, line 3.*happens twice, but the file has it"):
        sources.read_entsoe_csv(path)


def test_the_hour_that_the_clock_skips_must_be_empty(tmp_path):
    spring = (FIXTURES / "entsoe_wide.csv").read_text().replace("25.10.2020", "29.03.2020")
    rows = spring.splitlines()
    empty = rows[2].replace('"200","0","5"', '"-","-","-"')
    path = tmp_path / "spring.csv"
    path.write_text("\n".join([rows[0], rows[1], empty, rows[4]]))

    table = sources.read_entsoe_csv(path)

    assert table["Fossil Gas"].tolist() == [100, 400]
    assert table.index[1] - table.index[0] == pd.Timedelta("1h")
    path.write_text("\n".join([rows[0], rows[1], rows[2], rows[4]]))
    with pytest.raises(ValueError, match="an hour that the clock skips"):
        sources.read_entsoe_csv(path)


@pytest.mark.parametrize(
    ("fixture", "old", "new", "message"),
    [
        ("entsoe_long.csv", "BZN|XX", "BZN|YY", r"holds BZN\|XX, BZN\|YY, not None; choose"),
        (
            "entsoe_long.csv",
            "MTU (UTC)",
            "MTU",
            "does not tell the zone of its times; give `time_zone`",
        ),
        ("entsoe_long.csv", "MTU (UTC)", "Time", "has no column 'MTU'"),
        ("entsoe_long.csv", "01:00:00 - 01/02", "00:00:00 - 01/02", "line 3.*occurs twice in its"),
        ("entsoe_long.csv", '"300"', '"3OO"', "line 3, column 'Generation .MW.': '3OO' is not"),
        ("entsoe_long.csv", '"300"', '"inf"', "'inf' is not finite"),
        ("entsoe_long.csv", "01/02/2025 00", "01/13/2025 00", "line 2.*give the other day_first"),
        ("entsoe_long.csv", "01/02/2025 00:00:00 -", "2025-02-01 -", "line 2.*is not a period"),
        ("entsoe_long.csv", "Generation (MW)", "Load (MW)", "no column 'Generation .MW.'"),
        ("entsoe_wide.csv", "03:00 - ", "01:00 - ", "line 5.*a period that occurs twice"),
        ("entsoe_wide.csv", ',"100"', "", "line 2 has 5 cells, the header 6"),
    ],
)
def test_a_mistake_in_an_export_is_named_with_its_line(tmp_path, fixture, old, new, message):
    path = changed(tmp_path, fixture, old, new)

    with pytest.raises(ValueError, match=message):
        sources.read_entsoe_csv(path, day_first=True)


def test_a_zone_of_times_can_be_given_when_the_header_has_none(tmp_path):
    path = changed(tmp_path, "entsoe_long.csv", "MTU (UTC)", "MTU")

    table = sources.read_entsoe_csv(path, day_first=True, time_zone="Europe/Athens")

    assert table.index[0] == utc("2025-01-31 22:00")


def test_the_xml_document_becomes_a_table_with_what_its_curves_leave_out():
    table = sources.parse_entsoe_xml((FIXTURES / "entsoe_a75.xml").read_bytes())

    assert table.to_dict("list") == {
        "Fossil Gas": [100.0, 120.0, 130.0, 140.0],
        "Nuclear": [50.0, 50.0, 60.0, 60.0],
    }
    assert table.index[0] == utc("2020-06-30 22:00")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("B04", "B99", "production type .psrType. 'B99' is unknown"),
        ("PT60M", "P1Y", "cannot read resolution 'P1Y'"),
        ("<curveType>A01", "<curveType>A05", "curve type 'A05'"),
        ("2020-07-01T00:00Z</start>", "2020-06-30T23:00Z</start>", "both 120 and 130 MW"),
        ("<quantity>100<", "<quantity>ten<", "wrong time, position or quantity"),
        ("2020-06-30T22:00Z</start>", "2020-06-30T22:00</start>", "wrong time, position"),
        ("</GL_MarketDocument>", "", "is no XML document"),
    ],
)
def test_a_mistake_in_an_xml_document_is_named(old, new, message):
    text = (FIXTURES / "entsoe_a75.xml").read_text().replace(old, new, 1)

    with pytest.raises(ValueError, match=message):
        sources.parse_entsoe_xml(text)


def test_an_xml_answer_without_data_tells_its_reason():
    with pytest.raises(ValueError, match=r"is Acknowledgement_MarketDocument.*No matching data"):
        sources.parse_entsoe_xml((FIXTURES / "entsoe_no_data.xml").read_text())


# Electricity Maps' files


def test_todays_portal_file_is_read_with_the_factors_asked_for():
    path = FIXTURES / "electricity_maps_portal.csv"

    lifecycle = sources.read_electricity_maps_csv(path)
    direct = sources.read_electricity_maps_csv(path, factor_type="direct")

    assert lifecycle.intensity_g_per_kwh.tolist() == [250.25, 260.0, 270.0]
    assert direct.intensity_g_per_kwh.tolist() == [200.5, 210.0, 220.0]
    assert (lifecycle.zone, lifecycle.start) == ("DE", utc("2024-01-01"))
    assert lifecycle.source.endswith("1 of 3 steps estimated")


def test_an_older_file_with_a_gap_is_refused_filled_or_cut_as_asked():
    path = FIXTURES / "electricity_maps_older.csv"

    with pytest.raises(ValueError, match="2 steps of 3600 s missing: 2024-07-01T02:00:00"):
        sources.read_electricity_maps_csv(path)

    filled = sources.read_electricity_maps_csv(path, fill_previous="2h")
    cut = sources.read_electricity_maps_csv(path, start=utc("2024-07-01 04:00"))

    assert filled.intensity_g_per_kwh.tolist() == [414, 427, 427, 427, 430, 440]
    assert filled.source.endswith("2 missing steps filled with the value before")
    assert cut.intensity_g_per_kwh.tolist() == [430, 440]


@pytest.mark.parametrize(
    ("fixture", "old", "new", "message"),
    [
        ("electricity_maps_older.csv", "DE,427", "FR,427", "holds DE, FR, not None; choose one"),
        ("electricity_maps_older.csv", "427.0", "n/a", "line 3, column 'carbon_intensity_avg'"),
        ("electricity_maps_older.csv", "427.0", "-427", "'-427' must be >= 0"),
        ("electricity_maps_older.csv", "427.0", "427000", "beyond 3000, which no grid"),
        ("electricity_maps_older.csv", "00.000Z,2024", "00.000,2024", "line 2.*has no time zone"),
        ("electricity_maps_older.csv", "T01:00:00.000Z,", "T00:00:00.000Z,", "line 3:.*again"),
        ("electricity_maps_older.csv", "T01:00:00.000Z,", "T1h,", "line 3.*is not a time"),
        ("electricity_maps_older.csv", "lifecycle", "direct", "line 2.*is not 'lifecycle'"),
        (
            "electricity_maps_portal.csv",
            "(Life cycle)",
            "(LCA2)",
            "no carbon intensity by lifecycle",
        ),
        (
            "electricity_maps_portal.csv",
            "gCO₂eq/kWh (Life",
            "kgCO₂eq/kWh (Life",
            "no carbon intensity by life",
        ),
        ("electricity_maps_portal.csv", "Zone id", "Zone name", "'Zone name' occurs twice"),
    ],
)
def test_a_mistake_in_an_electricity_maps_file_is_named(tmp_path, fixture, old, new, message):
    path = changed(tmp_path, fixture, old, new)

    with pytest.raises(ValueError, match=message):
        sources.read_electricity_maps_csv(path)


def test_one_of_several_zones_can_be_chosen(tmp_path):
    path = changed(tmp_path, "electricity_maps_portal.csv", "Germany,DE,210", "France,FR,210")

    signal = sources.read_electricity_maps_csv(path, zone="DE", fill_previous="1h")

    assert signal.zone == "DE"
    with pytest.raises(ValueError, match="not 'PL'"):
        sources.read_electricity_maps_csv(path, zone="PL")


def test_an_empty_period_is_refused():
    with pytest.raises(ValueError, match="no steps between"):
        sources.read_electricity_maps_csv(
            FIXTURES / "electricity_maps_older.csv", stop=utc("2020-01-01")
        )


def test_the_published_german_curve_has_one_gap_of_four_days():
    cache = os.environ.get("HELPERS_DATA_CACHE")
    path = Path(cache or "") / "opitz-2024-carbs" / "DE-hourly-start-july.csv"
    if not (cache and path.is_file()):
        pytest.skip("HELPERS_DATA_CACHE holds no opitz-2024-carbs/DE-hourly-start-july.csv")

    with pytest.raises(ValueError, match="1 gaps, 96 steps of 3600 s missing: 2024-09-19T16:00:00"):
        sources.read_electricity_maps_csv(path)

    signal = sources.read_electricity_maps_csv(path, stop=utc("2024-09-19 16:00"))

    assert signal.at(utc("2024-07-01 01:30")) == 427.0


# WattTime's files


def watttime(*names, **options):
    options = {"unit": "kg/kWh", "zone": "X", "source": "generated"} | options
    return sources.read_watttime_csv(*(FIXTURES / name for name in names), **options)


def test_files_that_overlap_become_one_signal_with_forecasts():
    signal, forecasts = watttime("watttime_part_1.csv", "watttime_part_2.csv")

    assert signal.intensity_g_per_kwh == pytest.approx([400, 500, 600, 700])
    assert signal.kind == forecasts.kind == "marginal"
    assert signal.stop == utc("2020-07-01 00:20")
    forecast = forecasts.issued_at(utc("2020-07-01 00:07"))
    assert forecast.start == utc("2020-07-01 00:05")
    assert forecast.intensity_g_per_kwh == pytest.approx([500, 510, 520, 530])


def test_the_unit_is_what_the_caller_says():
    signal, _ = watttime("watttime_part_1.csv", unit="lb/MWh")

    assert signal.intensity_g_per_kwh[0] == pytest.approx(0.4 * 0.45359237)
    with pytest.raises(ValueError, match="unit 'kg' must be one of g/kWh, kg/kWh, lb/MWh"):
        watttime("watttime_part_1.csv", unit="kg")


def test_a_file_without_forecasts_gives_none(tmp_path):
    path = tmp_path / "moer.csv"
    path.write_text("time,moer\n2020-07-01T00:00:00Z,0.4\n2020-07-01T00:05:00Z,-0.1\n")

    signal, forecasts = watttime(path)

    assert forecasts is None
    assert signal.intensity_g_per_kwh == pytest.approx([400, -100])


def test_a_row_without_any_forecast_keeps_its_rate(tmp_path):
    path = changed(tmp_path, "watttime_part_1.csv", "0.51,0.52,0.53", ",,")

    signal, forecasts = watttime(path)

    assert signal.intensity_g_per_kwh == pytest.approx([400, 500, 600])
    assert forecasts.issued_s.size == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.52", "", "line 3, column 'f2': '' is missing in a forecast"),
        ("0.5,", ",", "line 3, column 'moer': '' is missing in a forecast"),
        ("0.52", "520", "520000 g/kWh, beyond 3000"),
        ("f3", "f4", "has no column 'f3'"),
        ("00:05:00+00:00", "00:05:00", "line 3.*has no time zone"),
        ("00:05:00", "00:06:00", "not a whole number of 300 s steps"),
    ],
)
def test_a_mistake_in_a_watttime_file_is_named(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        watttime(changed(tmp_path, "watttime_part_1.csv", old, new))


def test_files_that_disagree_are_refused(tmp_path):
    path = changed(tmp_path, "watttime_part_1.csv", "0.52", "0.99")

    with pytest.raises(ValueError, match=r"disagree about 2020-07-01T00:05:00\+00:00"):
        watttime(path, "watttime_part_2.csv")


def test_files_of_different_layout_are_refused(tmp_path):
    path = tmp_path / "moer.csv"
    path.write_text("time,moer\n2020-07-01T00:20:00Z,0.4\n")

    with pytest.raises(ValueError, match=r"moer.csv has 0 leads, watttime_part_1.csv 3"):
        watttime("watttime_part_1.csv", path)


# The project's own file


@given(
    kind=st.sampled_from(["average", "marginal"]),
    zone=st.text(),
    source=st.text(),
    values=st.lists(st.floats(0, 2999), min_size=1, max_size=5),
    start_s=st.floats(0, 4e9),
    lengths=st.lists(st.floats(1e-3, 1e6), min_size=5, max_size=5),
    suffix=st.sampled_from([".csv", ".csv.gz"]),
)
@settings(deadline=None)
def test_writing_and_reading_loses_nothing(
    tmp_path_factory, kind, zone, source, values, start_s, lengths, suffix
):
    # Kept to the nanosecond, which tells float seconds apart from the year 1971 on.
    edges_s = 4e7 + start_s + np.concatenate([[0], np.cumsum(lengths[: len(values)])])
    signal = Intensity(edges_s, values, kind, zone, source)
    path = tmp_path_factory.mktemp("own") / f"signal{suffix}"

    sources.write_csv(signal, path)

    assert sources.read_csv(path) == signal


def own_file(tmp_path):
    signal = Intensity([0.0, 900.0, 3600.0], [300.0, 250.5], "average", "DE", "ours")
    path = tmp_path / "own.csv"
    sources.write_csv(signal, path)
    return path


def test_the_own_file_can_be_read_by_people(tmp_path):
    assert own_file(tmp_path).read_text().splitlines() == [
        '# kind: "average"',
        '# zone: "DE"',
        '# source: "ours"',
        '# unit: "g/kWh"',
        "start_utc,intensity_g_per_kwh",
        "1970-01-01T00:00:00Z,300.0",
        "1970-01-01T00:15:00Z,250.5",
        "1970-01-01T01:00:00Z,",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('# kind: "average"', '# kind: "mean"', "own.csv: kind 'mean' must be one of"),
        ('# kind: "average"\n', "", "the header tells no kind"),
        ('# zone: "DE"', "# zone: DE", "line 2: '# zone: DE' is not like"),
        ('"g/kWh"', '"kg/kWh"', "unit 'kg/kWh' must be 'g/kWh'"),
        ("250.5", "-250.5", "line 7, column 'intensity_g_per_kwh': '-250.5' must be >= 0"),
        ("250.5", "", "line 7.*is missing"),
        ("T01:00:00Z,", "T01:00:00Z,9", "line 8.*the last row"),
        ("00:15:00Z", "00:15:00", "line 7.*has no time zone"),
        ("00:15:00Z", "02:15:00Z", r"own.csv: edges_s of .* must increase"),
    ],
)
def test_a_mistake_in_an_own_file_is_named(tmp_path, old, new, message):
    path = own_file(tmp_path)
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(ValueError, match=message):
        sources.read_csv(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "has 0 lines"),
        (b"time,moer\n", "has 1 lines"),
        (b"\x1f\x8b\x08cut short", "damaged or cut short"),
        (b"\xff\xfe\x00", "is no UTF-16 text"),
    ],
)
def test_an_empty_or_damaged_file_is_refused(tmp_path, data, message):
    path = tmp_path / "damaged.csv"
    path.write_bytes(data)

    with pytest.raises(ValueError, match=rf"damaged.csv.*{message}"):
        watttime(path)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = own_file(tmp_path)
    before = path.read_text()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_whole(path, "new")

    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


# Web services: answers written from their documentation, served by this machine


@contextmanager
def service(answer):
    """Serve ``answer(path, query, headers) -> (status, body)`` and keep the requests."""
    requests = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            requests.append((url.path, query))
            status, body = answer(url.path, query, self.headers)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def gb_half_hour(time, forecast=200, actual=210):
    stop = time + pd.Timedelta("30min")
    return {
        "from": time.strftime("%Y-%m-%dT%H:%MZ"),
        "to": stop.strftime("%Y-%m-%dT%H:%MZ"),
        "intensity": {"forecast": forecast, "actual": actual, "index": "moderate"},
    }


def gb_answer(leave_out=(), twice=None):
    """A service that, like the real one, also tells the half hour that ends at the start."""

    def answer(path, query, headers):
        start, stop = (pd.Timestamp(text) for text in path.split("/")[-2:])
        times = pd.date_range(start - pd.Timedelta("30min"), stop, freq="30min", inclusive="left")
        data = [gb_half_hour(time) for time in times if time not in leave_out]
        if twice is not None and start <= twice < stop:
            data.append(gb_half_hour(twice, actual=99))
        return 200, {"data": data}

    return answer


def test_gb_is_fetched_in_pages_of_14_days_that_end_with_the_year():
    with service(gb_answer()) as (url, requests):
        table = services.fetch_gb(utc("2019-12-10"), utc("2020-01-05"), base_url=url)

    assert [path for path, _ in requests] == [
        "/intensity/2019-12-10T00:00Z/2019-12-24T00:00Z",
        "/intensity/2019-12-24T00:00Z/2020-01-01T00:00Z",
        "/intensity/2020-01-01T00:00Z/2020-01-05T00:00Z",
    ]
    assert len(table) == 26 * 48
    assert table.index[0] == utc("2019-12-10")
    assert set(table["forecast_g_per_kwh"]) == {200.0}
    signal = services.intensity_from_gb(table)
    assert (signal.mean(), signal.kind, signal.zone) == (210.0, "average", "GB")


def test_gb_half_hours_without_a_value_are_nan_and_not_filled():
    missing = utc("2020-01-01 12:00")
    with service(gb_answer(leave_out=[missing])) as (url, _):
        table = services.fetch_gb(utc("2020-01-01"), utc("2020-01-02"), base_url=url)

    assert table.index[table["actual_g_per_kwh"].isna()].tolist() == [missing]
    with pytest.raises(ValueError, match=r"Carbon Intensity API \(NESO\), actual: 1 gaps"):
        services.intensity_from_gb(table)
    assert services.intensity_from_gb(table, fill_previous="30min").at(missing) == 210.0


def test_a_half_hour_told_twice_is_an_error_unless_one_is_chosen():
    twice = utc("2021-04-19 19:00")
    period = utc("2021-04-19"), utc("2021-04-20")
    with service(gb_answer(twice=twice)) as (url, _):
        with pytest.raises(ServiceError, match=r"gave both .* for 2021-04-19T19:00:00\+00:00"):
            services.fetch_gb(*period, base_url=url)
        first = services.fetch_gb(*period, conflict="first", base_url=url)
        last = services.fetch_gb(*period, conflict="last", base_url=url)

    assert first.loc[twice, "actual_g_per_kwh"] == 210.0
    assert last.loc[twice, "actual_g_per_kwh"] == 99.0


def test_what_gb_tells_beyond_the_period_is_left_out():
    start = utc("2020-01-01")
    before = start - pd.Timedelta("30min")
    data = [gb_half_hour(before), gb_half_hour(before, actual=99), gb_half_hour(start)]
    with service(lambda *_: (200, {"data": data})) as (url, _):
        table = services.fetch_gb(start, start + pd.Timedelta("30min"), base_url=url)

    assert table["actual_g_per_kwh"].to_dict() == {start: 210.0}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((400, {"error": {"code": "400 Bad Request", "message": "no"}}), "HTTP 400.*Bad Request"),
        ((200, b"<html>"), "HTTP 200: '<html>'"),
        ((200, {"data": None}), "no list 'data'"),
        ((200, {"data": [{"from": "2020-01-01T00:00Z", "to": None}]}), "the time None"),
        ((200, {"data": [gb_half_hour(utc("2020-01-01"), forecast="200")]}), "'200', which is no"),
        ((200, {"data": [gb_half_hour(utc("2020-01-01 00:10"))]}), "which is no half hour"),
    ],
)
def test_an_answer_other_than_documented_is_a_service_error(answer, message):
    with (
        service(lambda *_: answer) as (url, _),
        pytest.raises(ServiceError, match=message),
    ):
        services.fetch_gb(utc("2020-01-01"), utc("2020-01-02"), base_url=url)


def test_a_service_that_is_busy_for_a_moment_is_asked_again():
    answers = iter([(503, b"busy"), (503, b"busy")])
    good = gb_answer()
    with service(lambda *request: next(answers, None) or good(*request)) as (url, requests):
        table = services.fetch_gb(utc("2020-01-01"), utc("2020-01-02"), base_url=url)

    assert len(table) == 48
    assert len(requests) == 3


def test_a_period_without_a_half_hour_is_refused():
    with pytest.raises(ValueError, match="no half hour starts"):
        services.fetch_gb(utc("2020-01-02"), utc("2020-01-01"))


def test_the_command_writes_every_half_hour_and_reports_gaps(tmp_path, capsys):
    out = tmp_path / "gb.csv"
    with service(gb_answer(leave_out=[utc("2020-01-01 12:00")])) as (url, _):
        code = gb.main(
            ["--from", "2020-01-01", "--to", "2020-01-02", "--out", str(out), "--base-url", url]
        )

    said = capsys.readouterr()
    assert code == 0
    assert "48 half hours written" in said.out
    assert (
        "actual_g_per_kwh: 1 of 48 half hours have no value, the first 2020-01-01T12:00" in said.err
    )
    lines = out.read_text().splitlines()
    assert lines[:2] == [
        "start_utc,forecast_g_per_kwh,actual_g_per_kwh",
        "2020-01-01T00:00:00Z,200.0,210.0",
    ]
    assert lines[25] == "2020-01-01T12:00:00Z,,"
    table = pd.read_csv(out, index_col=0, parse_dates=True)
    assert services.intensity_from_gb(table, fill_previous="30min").mean() == 210.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--from 2020-01-02 --to 2020-01-01 --out gb.csv", "no half hour starts"),
        ("--from 2020-01-01 --to 2020-01-02 --out no/gb.csv", "no folder 'no'"),
        (
            "--from 2020-01-01 --to 2020-01-02 --out gb.csv --base-url http://127.0.0.1:9",
            "cannot be reached",
        ),
    ],
)
def test_the_command_ends_with_one_sentence_and_code_2(
    tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)

    assert gb.main(arguments.split()) == 2

    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_refuses_what_is_no_date(capsys):
    with pytest.raises(SystemExit) as ended:
        gb.main(["--from", "yesterday-ish", "--to", "2020-01-01", "--out", "gb.csv"])

    assert ended.value.code == 2
    assert "'yesterday-ish' is no date" in capsys.readouterr().err


def electricity_maps_answer(**changes):
    def answer(path, query, headers):
        if headers["auth-token"] != "secret-token":
            return 401, {"error": "Invalid auth-token"}
        key = "history" if path.endswith("history") else "data"
        start = query.get("start", "2024-01-01T00:00:00+00:00")
        times = pd.date_range(
            start, query.get("end", utc("2024-01-02")), freq="h", inclusive="left"
        )
        entries = [
            {
                "zone": query["zone"],
                "carbonIntensity": 300 + time.hour,
                "datetime": time.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "emissionFactorType": query["emissionFactorType"],
                "isEstimated": time.hour == 3,
                "estimationMethod": None,
            }
            | changes
            for time in times
        ]
        return 200, {"zone": query["zone"], key: entries}

    return answer


def test_electricity_maps_is_fetched_ten_days_at_a_time():
    with service(electricity_maps_answer()) as (url, requests):
        signal = services.fetch_electricity_maps(
            "DE", utc("2024-03-01"), utc("2024-03-21"), token="secret-token", base_url=url
        )

    assert [query["start"][:10] for _, query in requests] == ["2024-03-01", "2024-03-11"]
    assert {path for path, _ in requests} == {"/v3/carbon-intensity/past-range"}
    assert (signal.start, signal.stop) == (utc("2024-03-01"), utc("2024-03-21"))
    assert signal.at(utc("2024-03-05 07:30")) == 307.0
    assert signal.source == "Electricity Maps, lifecycle; 20 of 480 steps estimated"


def test_electricity_maps_gives_the_last_day_with_a_token_from_the_environment(monkeypatch):
    monkeypatch.setenv("ELECTRICITY_MAPS_TOKEN", "secret-token")
    with service(electricity_maps_answer()) as (url, requests):
        signal = services.fetch_electricity_maps("DE", factor_type="direct", base_url=url)

    assert requests[0][0] == "/v3/carbon-intensity/history"
    assert requests[0][1]["emissionFactorType"] == "direct"
    assert signal.edges_s.size == 25


def test_electricity_maps_answering_with_other_factors_is_an_error():
    with (
        service(electricity_maps_answer(emissionFactorType="direct")) as (url, _),
        pytest.raises(ServiceError, match="about emissionFactorType 'direct', not 'lifecycle'"),
    ):
        services.fetch_electricity_maps("DE", token="secret-token", base_url=url)


def test_a_wrong_or_missing_token_is_told_without_showing_it(monkeypatch):
    monkeypatch.delenv("ELECTRICITY_MAPS_TOKEN", raising=False)
    with pytest.raises(ServiceError, match="set the environment variable ELECTRICITY_MAPS_TOKEN"):
        services.fetch_electricity_maps("DE")
    with (
        service(electricity_maps_answer()) as (url, _),
        pytest.raises(ServiceError, match=r"refused .HTTP 401.; check the token") as refusal,
    ):
        services.fetch_electricity_maps("DE", token="wrong-token", base_url=url)

    assert "wrong-token" not in str(refusal.value)


def test_half_a_period_is_refused():
    with pytest.raises(ValueError, match="give both start and stop"):
        services.fetch_electricity_maps("DE", utc("2024-01-01"), token="secret-token")


def test_entsoe_is_fetched_year_by_year_and_cut_to_the_period():
    body = (FIXTURES / "entsoe_a75.xml").read_bytes()
    with service(lambda *_: (200, body)) as (url, requests):
        table = services.fetch_entsoe(
            "10YXX----------X",
            utc("2020-06-30 23:00"),
            utc("2020-07-01 01:00"),
            token="secret-token",
            base_url=f"{url}/api",
        )

    assert requests == [
        (
            "/api",
            {
                "securityToken": "secret-token",
                "documentType": "A75",
                "processType": "A16",
                "in_Domain": "10YXX----------X",
                "periodStart": "202006302300",
                "periodEnd": "202007010100",
            },
        )
    ]
    assert table["Fossil Gas"].tolist() == [120.0, 130.0]


def test_entsoe_without_data_tells_the_reason_and_not_the_token():
    body = (FIXTURES / "entsoe_no_data.xml").read_bytes()
    with (
        service(lambda *_: (400, body)) as (url, _),
        pytest.raises(ServiceError, match=r"No matching data found.*HTTP 400") as error,
    ):
        services.fetch_entsoe(
            "X", utc("2020-01-01"), utc("2020-01-02"), token="secret-token", base_url=url
        )

    assert "secret-token" not in str(error.value)


def test_a_service_that_cannot_be_reached_is_told_without_the_token():
    with pytest.raises(ServiceError, match=r"127.0.0.1:9/api cannot be reached") as error:
        services.fetch_entsoe(
            "X",
            utc("2020-01-01"),
            utc("2020-01-02"),
            token="secret-token",
            base_url="http://127.0.0.1:9/api",
        )

    assert "secret-token" not in "".join(map(str, (error.value, error.value.__cause__)))


def watttime_answer(units="lbs_co2_per_mwh", leads=3, **told):
    def answer(path, query, headers):
        if path == "/login":
            known = headers["Authorization"] == "Basic bWU6cGFzcw=="  # me:pass
            return (200, {"token": "session-token"}) if known else (403, {})
        if headers["Authorization"] != "Bearer session-token":
            return 401, {}
        meta = {
            "region": query["region"],
            "signal_type": query["signal_type"],
            "units": units,
        } | told
        times = pd.date_range(query["start"], query["end"], freq="5min", inclusive="left")
        points = [{"point_time": t.isoformat(), "value": 1000 + t.minute} for t in times]
        if path == "/v3/historical":
            return 200, {"data": points, "meta": meta}
        data = [
            {
                "generated_at": time.isoformat(),
                "forecast": [
                    {"point_time": (time + k * pd.Timedelta("5min")).isoformat(), "value": 100 * k}
                    for k in range(leads - (time.hour == 23))
                ],
            }
            for time in times[::12]
        ]
        return 200, {"data": data, "meta": meta}

    return answer


ACCOUNT = {"username": "me", "password": "pass"}


def test_watttime_is_fetched_after_a_login_and_converted_from_pounds():
    with service(watttime_answer()) as (url, requests):
        signal = services.fetch_watttime(
            "CAISO_NORTH", utc("2024-01-01"), utc("2024-02-05"), base_url=url, **ACCOUNT
        )

    assert [path for path, _ in requests] == ["/login", "/v3/historical", "/v3/historical"]
    assert signal.kind == "marginal"
    assert signal.at(utc("2024-01-01 00:05")) == pytest.approx(1005 * 0.45359237)
    assert signal.stop == utc("2024-02-05")


def test_watttime_forecasts_keep_when_they_were_issued():
    with service(watttime_answer()) as (url, _):
        forecasts = services.fetch_watttime_forecasts(
            "CAISO_NORTH", utc("2024-01-01"), utc("2024-01-01 03:00"), base_url=url, **ACCOUNT
        )

    assert forecasts.issued_s.size == 3
    assert forecasts.lead_edges_s.tolist() == [0, 300, 600, 900]
    assert forecasts.issued_at(utc("2024-01-01 01:10")).at(
        utc("2024-01-01 01:06")
    ) == pytest.approx(100 * 0.45359237)


def test_watttime_forecasts_of_different_length_are_refused():
    with (
        service(watttime_answer()) as (url, _),
        pytest.raises(ServiceError, match=r"2024-01-01T23:00:00.* has other leads"),
    ):
        services.fetch_watttime_forecasts(
            "CAISO_NORTH", utc("2024-01-01"), utc("2024-01-02"), base_url=url, **ACCOUNT
        )


def test_a_unit_watttime_does_not_document_is_refused():
    with (
        service(watttime_answer(units="kg_co2_per_mwh")) as (url, _),
        pytest.raises(ServiceError, match="gave the unit 'kg_co2_per_mwh', not lbs_co2_per_mwh"),
    ):
        services.fetch_watttime(
            "CAISO_NORTH", utc("2024-01-01"), utc("2024-01-02"), base_url=url, **ACCOUNT
        )


def test_an_unknown_signal_is_refused_before_any_request():
    with pytest.raises(ValueError, match="signal 'health_damage' must be one of"):
        services.fetch_watttime("X", utc("2024-01-01"), utc("2024-01-02"), signal="health_damage")


# Answers about something else


def two_models(path, query, headers):
    """The service after a change of its model: the first year's values are of the older one."""
    status, content = watttime_answer()(path, query, headers)
    if path == "/login":
        return status, content
    older = query.get("start", "") < "2024-02-01" and "model" not in query
    model = query.get("model", "2022-10-01" if older else "2023-03-01")
    return status, content | {
        "meta": content["meta"]
        | {"model": {"date": model}, "warnings": [{"type": "MULTIPLE_MODELS"}]}
    }


def test_values_of_two_models_are_never_mixed_and_one_can_be_chosen():
    period = utc("2024-01-01"), utc("2024-03-01")
    with service(two_models) as (url, requests):
        with pytest.raises(ServiceError, match=r"more than one model .*model=\"2023-03-01\""):
            services.fetch_watttime("CAISO_NORTH", *period, base_url=url, **ACCOUNT)
        signal = services.fetch_watttime(
            "CAISO_NORTH", *period, model="2023-03-01", base_url=url, **ACCOUNT
        )

    assert signal.source == "WattTime v3, co2_moer, model 2023-03-01"
    assert requests[-1][1]["model"] == "2023-03-01"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"region": "PJM_DC"}, "answered about region 'PJM_DC', not 'CAISO_NORTH'"),
        ({"signal_type": "co2_aoer"}, "answered about signal_type 'co2_aoer', not 'co2_moer'"),
        ({"model": {"date": "2022-10-01"}}, "more than one model"),
    ],
)
@pytest.mark.parametrize("fetch", [services.fetch_watttime, services.fetch_watttime_forecasts])
def test_an_answer_about_another_region_signal_or_model_is_refused(fetch, told, message):
    with (
        service(watttime_answer(**told)) as (url, _),
        pytest.raises(ServiceError, match=message),
    ):
        fetch(
            "CAISO_NORTH",
            utc("2024-01-01"),
            utc("2024-01-01 03:00"),
            model="2023-03-01",
            base_url=url,
            **ACCOUNT,
        )


def test_an_answer_about_another_zone_is_refused():
    with (
        service(electricity_maps_answer(zone="FR")) as (url, _),
        pytest.raises(ServiceError, match="answered about zone 'FR', not 'DE'"),
    ):
        services.fetch_electricity_maps("DE", token="secret-token", base_url=url)


@pytest.mark.parametrize(
    ("fetch", "answer", "key", "options"),
    [
        (
            services.fetch_electricity_maps,
            electricity_maps_answer(),
            "data",
            {"token": "secret-token"},
        ),
        (services.fetch_watttime, watttime_answer(), "data", ACCOUNT),
    ],
)
def test_two_values_for_one_time_are_refused(fetch, answer, key, options):
    def twice(path, query, headers):
        status, content = answer(path, query, headers)
        if key in content:
            first = content[key][0]
            changed = {name: 7 for name in ("carbonIntensity", "value") if name in first}
            content[key].append(first | changed)
        return status, content

    with (
        service(twice) as (url, _),
        pytest.raises(ServiceError, match=r"gave both .* for 2024-01-01T00:00:00\+00:00"),
    ):
        fetch("X", utc("2024-01-01"), utc("2024-01-02"), base_url=url, **options)


def test_an_answer_of_entsoe_about_another_area_or_period_is_refused():
    body = (FIXTURES / "entsoe_a75.xml").read_bytes()
    options = {"token": "secret-token"}
    with service(lambda *_: (200, body)) as (url, _):
        with pytest.raises(ServiceError, match="is about 10YXX----------X and 10YYY----------Y"):
            services.fetch_entsoe(
                "10YYY----------Y",
                utc("2020-06-30 23:00"),
                utc("2020-07-01"),
                base_url=url,
                **options,
            )
        with pytest.raises(ServiceError, match="nothing of the period asked for"):
            services.fetch_entsoe(
                "10YXX----------X", utc("2021-06-30"), utc("2021-07-01"), base_url=url, **options
            )
