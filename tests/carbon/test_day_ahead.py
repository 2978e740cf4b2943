"""Day-ahead forecast files: one row an hour, one issue a day, what came beside what was forecast."""

import numpy as np
import pandas as pd
import pytest

from helpers.carbon import sources

DAY_S = 86_400.0


def rows(days, leads=24, step="h"):
    """Issues of `leads` hours, one a day: time, what came, what was forecast."""
    first = pd.Timestamp("2022-07-01", tz="UTC")
    table = [
        (first + pd.Timedelta(days=day, hours=hour), 24.0 * day + hour, 100.0 * day + hour)
        for day in range(days)
        for hour in range(leads)
    ]
    return pd.DataFrame(table, columns=["time", "actual", "forecast"])


def written(
    tmp_path, table, header="datetime,carbon_intensity_actual,avg_carbon_intensity_forecast"
):
    table = table.assign(time=table["time"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    path = tmp_path / "ahead.csv"
    path.write_text(header + "\n" + table.to_csv(index=False, header=False))
    return path


def read(path, **options):
    return sources.read_day_ahead_csv(
        path, zone="US-CAL-CISO", source="made up", **{"time_zone": "UTC", **options}
    )


def test_a_file_of_days_becomes_a_forecast_a_day_and_what_came(tmp_path):
    came, forecasts = read(written(tmp_path, rows(3)))

    assert (np.diff(forecasts.issued_s) == DAY_S).all()
    assert forecasts.lead_edges_s.tolist() == (3600.0 * np.arange(25)).tolist()
    assert forecasts.intensity_g_per_kwh[2, 5] == 205.0
    assert came.at(pd.Timestamp("2022-07-02 03:30", tz="UTC")) == 27.0
    assert (came.edges_s[-1] - came.edges_s[0]) == 3 * DAY_S


def test_issues_of_four_days_overlap_and_keep_when_they_were_issued(tmp_path):
    table = rows(3, leads=96)
    header = ",UTC time,actual_carbon_intensity_direct,forecasted_carbon_intensity_direct"
    table.insert(0, "number", range(len(table)))
    path = written(tmp_path, table, header)

    came, forecasts = read(path, leads=96, time_zone=None)

    assert forecasts.intensity_g_per_kwh.shape == (3, 96)
    assert forecasts.issued_at(forecasts.start + pd.Timedelta("30h")).start == pd.Timestamp(
        "2022-07-02", tz="UTC"
    )
    assert came.intensity_g_per_kwh.tolist() == (np.arange(6 * 24.0)).tolist()


def test_an_issue_is_known_as_long_before_its_first_row_as_is_said(tmp_path):
    _, forecasts = read(written(tmp_path, rows(2)), issued_before="12h")

    assert forecasts.start == pd.Timestamp("2022-06-30 12:00", tz="UTC")
    assert forecasts.lead_edges_s[[0, -1]].tolist() == [12 * 3600.0, 36 * 3600.0]
    assert forecasts.issued_at(forecasts.start).start == pd.Timestamp("2022-07-01", tz="UTC")


def test_a_file_without_what_came_gives_forecasts_alone(tmp_path):
    table = rows(1).drop(columns="actual")

    came, forecasts = read(written(tmp_path, table, "timestamp,predicted"), time_zone="Asia/Tokyo")

    assert came is None
    assert forecasts.start == pd.Timestamp("2022-06-30 15:00", tz="UTC")


def drop(place):
    return lambda table: table.drop(index=place)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (drop(7), {}, r"ahead.csv, line 9, column 'datetime': .*does not follow the row before"),
        (drop(71), {}, "ends within an issue: 71 rows"),
        (lambda t: t, {"leads": 48}, "ends within an issue: 72 rows are not whole issues of 48"),
        (lambda t: t, {"leads": 1}, "must be 2 or more"),
        (lambda t: t, {"time_zone": None}, "line 2, column 'datetime': .*has no time zone"),
        (lambda t: t, {"time_zone": "Mars/Base"}, "is no IANA name"),
        (lambda t: t.assign(forecast=t["forecast"].where(t.index != 3)), {}, "line 5.*is missing"),
        (lambda t: t.iloc[[*range(24, 48), *range(24)]], {}, "not after the issue before"),
        (lambda t: t.assign(forecast=5000.0), {}, "beyond 3000"),
    ],
)
def test_an_issue_that_is_incomplete_or_out_of_order_is_refused(tmp_path, change, options, message):
    path = written(tmp_path, change(rows(3)))

    with pytest.raises(ValueError, match=message):
        read(path, **options)


def test_overlapping_issues_read_as_single_days_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"line 98, .*begins an issue, but not after"):
        read(written(tmp_path, rows(3, leads=96)))


def test_two_values_of_what_came_in_one_hour_are_refused(tmp_path):
    table = rows(2, leads=48)
    table.loc[50, "actual"] = 1.0

    with pytest.raises(ValueError, match=r"line 52, .*differs from line 28, which is of the same"):
        read(written(tmp_path, table), leads=48)


def test_a_file_without_a_column_of_forecasts_is_refused(tmp_path):
    path = written(tmp_path, rows(1), "datetime,actual,value")

    with pytest.raises(ValueError, match="no columns of forecasts, only datetime, actual, value"):
        read(path)


def test_an_hour_that_the_clock_shows_twice_is_refused(tmp_path):
    table = rows(1).assign(time=pd.date_range("2022-10-29 12:00", periods=24, freq="h", tz="UTC"))

    with pytest.raises(ValueError, match=r"line 16, .*'2022-10-30 02:00:00' comes twice or never"):
        read(written(tmp_path, table), time_zone="Europe/Berlin")
