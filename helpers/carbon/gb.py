"""Command: fetch the half-hourly carbon intensity of Great Britain into a CSV file.

``python -m helpers.carbon.gb --from 2020-01-01 --to 2020-01-08 --out gb.csv``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from helpers.carbon.services import ServiceError, fetch_gb
from helpers.files import write_whole

__all__ = ["main"]


def _utc_time(text: str) -> pd.Timestamp:
    try:
        time = pd.Timestamp(text)
    except ValueError:
        time = pd.NaT
    if time is pd.NaT:
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time like 2020-01-01T12:00Z")
    return time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helpers.carbon.gb",
        description="Fetch the half-hourly carbon intensity of Great Britain into a CSV file.",
        epilog="Data: Carbon Intensity API, National Energy System Operator, CC BY 4.0.",
    )
    parser.add_argument(
        "--from", dest="start", type=_utc_time, required=True, help="first instant (UTC)"
    )
    parser.add_argument(
        "--to", dest="stop", type=_utc_time, required=True, help="end, not included (UTC)"
    )
    parser.add_argument("--out", required=True, help="CSV file to write")
    parser.add_argument(
        "--conflict",
        choices=("raise", "first", "last"),
        default="raise",
        help="what to take when the service tells two values for a half hour",
    )
    parser.add_argument(
        "--base-url", default="https://api.carbonintensity.org.uk", help="the service"
    )
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait (30)")
    return parser


def _report_gaps(table: pd.DataFrame) -> None:
    for column in table:
        missing = table.index[table[column].isna()]
        if len(missing):
            print(
                f"{column}: {len(missing)} of {len(table)} half hours have no value, "
                f"the first {missing[0]}, the last {missing[-1]}; "
                "their cells are empty.",
                file=sys.stderr,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, or 2 after a one-sentence error.

    Half hours without a value are written with empty cells and reported, never filled.
    """
    options = _parser().parse_args(arguments)
    folder = Path(options.out).absolute().parent
    try:
        if not folder.is_dir():  # told before anything is fetched
            raise ValueError(
                f"there is no folder {folder.name!r} for {options.out}; make it first."
            )
        table = fetch_gb(
            options.start,
            options.stop,
            conflict=options.conflict,
            base_url=options.base_url,
            timeout=options.timeout,
        )
        table.index = pd.Index(table.index.strftime("%Y-%m-%dT%H:%M:%SZ"), name="start_utc")
        write_whole(options.out, table.to_csv(lineterminator="\n"))
    except (OSError, ServiceError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _report_gaps(table)
    print(f"{len(table)} half hours written to {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
