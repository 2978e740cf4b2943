"""Text tables: whatever wrote them, a number is read as it was meant, or refused with its line."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.carbon import sources
from helpers.carbon.tables import read_table, table_of

HOURS = pd.date_range("2020-07-01", periods=3, freq="h", tz="UTC")
HEADER = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO₂eq/kWh (direct),"
HEADER += "Carbon Intensity gCO₂eq/kWh (LCA),Data Estimated"
ROWS = [f"2022-01-01 0{h}:00:00,Utopia,Utopia,XX,10{h}.5,13{h}.25,false" for h in range(4)]
VALUES = [130.25, 131.25, 132.25, 133.25]


def written(tmp_path, data, name="grid.csv"):
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


# Layouts and encodings


def test_the_layout_of_2021_to_2023_calls_life_cycle_factors_lca(tmp_path):
    path = written(tmp_path, "\n".join([HEADER, *ROWS]))

    life_cycle = sources.read_electricity_maps_csv(path)
    direct = sources.read_electricity_maps_csv(path, factor_type="direct")

    assert life_cycle.intensity_g_per_kwh.tolist() == VALUES
    assert direct.intensity_g_per_kwh.tolist() == [100.5, 101.5, 102.5, 103.5]
    assert life_cycle.source == "Electricity Maps, lifecycle (grid.csv); 0 of 4 steps estimated"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_ends_of_lines_and_marks_of_encodings_change_nothing(tmp_path, end, encoding):
    path = written(tmp_path, end.join([HEADER, *ROWS, ""]).encode(encoding))

    assert sources.read_electricity_maps_csv(path).intensity_g_per_kwh.tolist() == VALUES


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_or_tabs_and_decimal_commas_are_recognised(tmp_path, mark):
    text = "\n".join(row.replace(",", mark).replace(".", ",") for row in [HEADER, *ROWS])

    path = written(tmp_path, text)

    assert sources.read_electricity_maps_csv(path).intensity_g_per_kwh.tolist() == VALUES


def test_a_quoted_decimal_comma_is_read_where_commas_part_the_cells(tmp_path):
    path = written(tmp_path, 'time,moer\n2020-07-01T00:00Z,"100,5"\n2020-07-01T00:05Z,"100,25"\n')

    signal, _ = sources.read_watttime_csv(path, unit="g/kWh", zone="X", source="x")

    assert signal.intensity_g_per_kwh.tolist() == [100.5, 100.25]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (("1,234", "2,345"), r"grid.csv, line 2, column 'moer': '1,234' may be thousands"),
        (("1.5", "1,5"), r"line 2, column 'moer': '1.5' has a point, line 3 a comma"),
        (("1.234,5", "1"), "line 2, column 'moer': '1.234,5' is not a number"),
        (("1_00", "1"), "'1_00' is not a number"),
        (("٣", "1"), "'٣' is not a number"),
        (("1e999", "1"), "'1e999' is not a number"),
        (("NaN", "1"), "'NaN' is not finite; leave missing values empty"),
    ],
)
def test_a_number_that_may_be_read_two_ways_or_none_is_refused(tmp_path, cells, message):
    rows = [f'2020-07-01T00:0{5 * i}Z,"{cell}"\n' for i, cell in enumerate(cells)]
    path = written(tmp_path, "time,moer\n" + "".join(rows))

    with pytest.raises(ValueError, match=message):
        sources.read_watttime_csv(path, unit="g/kWh", zone="X", source="x")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.sampled_from([",", ";"]))
def test_numbers_of_any_size_are_read_as_python_reads_them(values, mark):
    table = table_of(f"a{mark}b\n" + "".join(f"{value!r}{mark}x\n" for value in values), "t")

    np.testing.assert_array_equal(values, table.numbers("a"))


@pytest.mark.parametrize("time", ["2300-01-01T00:00Z", "1593561600000", "0001-01-01T00:00Z"])
def test_an_instant_that_cannot_be_is_refused_with_its_line(tmp_path, time):
    path = written(tmp_path, f"time,moer\n2020-07-01T00:00Z,1\n{time},1\n")

    with pytest.raises(ValueError, match=r"grid.csv, line 3, column 'time': .* is not a time"):
        sources.read_watttime_csv(path, unit="g/kWh", zone="X", source="x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("time,moer\n2020-07-01T00:00Z,1\n".encode("utf-16")[:-1], "no UTF-16 text"),
        ("time,moer\n2020-07-01T00:00Z,1°\n".encode("latin-1"), "no UTF-8 text"),
        ('time,moer\n2020-07-01T00:00Z,"1\n', "line 2: a quoted cell does not end well"),
        (f'time,moer\n2020-07-01T00:00Z,"{"1" * 200_000}"\n', "line 2: a quoted cell"),
        (gzip.compress(b"time,moer\n" * 1000, mtime=0)[:-9], "damaged or cut short"),
    ],
    # Names of tests are said in the same words by every worker: no bytes, no hour of packing.
    ids=["half a letter", "another encoding", "an open quote", "a long cell", "cut short"],
)
def test_a_file_in_no_known_form_is_told_in_one_sentence(tmp_path, data, message):
    path = written(tmp_path, data)

    with pytest.raises(ValueError, match=message):
        sources.read_watttime_csv(path, unit="g/kWh", zone="X", source="x")


def test_a_file_that_unfolds_to_more_than_allowed_is_refused(tmp_path):
    path = written(tmp_path, gzip.compress(b"time,moer\n" * 100_000))

    with pytest.raises(ValueError, match="unfolds to more than 1,000 bytes"):
        read_table(path, largest_bytes=1000)


# Steps


def test_steps_much_shorter_than_the_span_are_refused_and_not_made():
    texts = ["2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z", "2021-01-01T00:00:00Z"]
    times = pd.to_datetime(texts, format="ISO8601")

    with pytest.raises(ValueError, match=r"3 rows .* would be 31,622,401 steps of 1 s"):
        sources.fill_gaps(pd.Series([1.0, 2.0, 3.0], times))


def test_filling_is_advised_only_for_gaps_that_hide_little():
    hours = pd.date_range("2020-07-01", periods=48, freq="h", tz="UTC")
    series = pd.Series(1.0, hours)

    with pytest.raises(ValueError, match=r"gaps of 7200 s to be filled .*fill_previous"):
        sources.fill_gaps(series.drop(hours[5:7]))
    with pytest.raises(ValueError, match="1 gaps, 20 steps") as refused:
        sources.fill_gaps(series.drop(hours[5:25]))

    assert "fill_previous" not in str(refused.value)


# A type reported hourly in a quarter-hourly table


def mixed_steps():
    quarters = pd.date_range("2020-07-01", periods=8, freq="15min", tz="UTC")
    solar = np.array([0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0])
    gas = np.where(np.arange(8) % 4 == 0, 100.0, np.nan)
    return pd.DataFrame({"Fossil Gas": gas, "Solar": solar}, quarters)


def test_a_type_reported_hourly_is_not_recommended_to_be_left_out():
    factors = {"Fossil Gas": 490.0, "Solar": 48.0}
    for options in ({}, {"absent": ["Fossil Gas"]}, {"fill_previous": "1h"}):
        with pytest.raises(
            ValueError, match=r"^Fossil Gas in DE .* 3600 s, in a table of 900"
        ) as told:
            sources.intensity_from_mix(mixed_steps(), factors, zone="DE", **options)

        assert "generation_at" in str(told.value)
        assert not any(word in str(told.value) for word in ("absent", "fill_previous"))


def test_the_recommended_average_weighs_every_type_over_the_whole_hour():
    hourly = sources.generation_at(mixed_steps(), "1h")

    signal = sources.intensity_from_mix(hourly, {"Fossil Gas": 490.0, "Solar": 48.0}, zone="DE")

    assert hourly["Solar"].tolist() == [150.0, 550.0]
    assert signal.intensity_g_per_kwh == pytest.approx(
        [(100 * 490 + 150 * 48) / 250, (100 * 490 + 550 * 48) / 650]
    )


def test_an_hour_of_which_a_quarter_is_missing_has_no_mean():
    table = mixed_steps()
    table.loc[table.index[5], "Solar"] = np.nan

    assert sources.generation_at(table, "1h")["Solar"].isna().tolist() == [False, True]
    with pytest.raises(ValueError, match=r"multiple of the 3600 s in which Fossil Gas is reported"):
        sources.generation_at(table, "30min")


# Clocks and curves


def test_an_unknown_clock_is_told_in_the_same_words_everywhere(tmp_path):
    text = "MTU,Area,Production Type,Generation (MW)\n"
    text += "01.07.2020 00:00 - 01.07.2020 01:00,X,Solar,5\n"
    path = written(tmp_path, text)

    for name in ("Europe/Berln", "Europe", "../UTC"):
        with pytest.raises(ValueError, match=r"time_zone\(='.*'\) is no IANA name"):
            sources.read_entsoe_csv(path, time_zone=name)


def entsoe_document(points, curve="A03", stop="04:00", area="X", resolution="PT60M"):
    told = "".join(
        f"<Point><position>{p}</position><quantity>{q}</quantity></Point>" for p, q in points
    )
    return (
        f"<GL_MarketDocument><TimeSeries><inBiddingZone_Domain.mRID>{area}"
        f"</inBiddingZone_Domain.mRID><curveType>{curve}</curveType><MktPSRType><psrType>B16"
        "</psrType></MktPSRType><Period><timeInterval><start>2025-01-01T00:00Z</start>"
        f"<end>2025-01-01T{stop}Z</end></timeInterval><resolution>{resolution}</resolution>{told}"
        "</Period></TimeSeries></GL_MarketDocument>"
    )


def test_a_curve_repeats_its_values_until_the_next_position():
    table = sources.parse_entsoe_xml(entsoe_document([(1, 4), (3, 6)]), area="X")

    assert table["Solar"].tolist() == [4, 4, 6, 6]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (entsoe_document([(2, 5), (4, 6)]), "has no position 1, whose value an A03 curve repeats"),
        (entsoe_document([(1, 5), (9, 6)]), "does not hold its points"),
        (entsoe_document([(1, 5), (1, 6)]), "has a position twice"),
        (entsoe_document([(1, 5)], stop="00:30"), "does not hold its points"),
        (entsoe_document([]), "does not hold its points"),
        (entsoe_document([("1_0", 5)]), "'1_0' is no position"),
        (entsoe_document([(1, 5)]).replace("2025-01-01T04", "9025-01-01T04"), "hold its points"),
        (entsoe_document([(1, 5)]).replace("2025-01-01T04:00Z", "NaT"), "no time at its end"),
        (b'<?xml version="1.0" encoding="UPF-8"?><a/>', "is no XML document"),
        (entsoe_document([(1, "nan")]), "wrong time, position or quantity"),
        (entsoe_document([(1, 5)], resolution="PT0M"), "cannot read resolution 'PT0M'"),
        (entsoe_document([(1, 5)], area="Y"), "is about X and Y: ask for one area"),
    ],
)
def test_a_curve_that_does_not_say_what_held_is_refused(document, message):
    with pytest.raises(ValueError, match=message):
        sources.parse_entsoe_xml(document, area="X")
