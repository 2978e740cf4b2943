"""Job logs: one jobs table, readers and writers of the formats that job logs come in.

`table` holds the table itself (columns, units, checks); `swf`, `sacct` and `cloud` read the
formats; `describe` counts and `generate` makes up jobs that are like those counted; `footprint`
charges them with the electricity that they used.

A reader is loaded when it is first used: who reads one format does not depend on the others.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .table import (
    COLUMNS,
    EXTRAS,
    STATES,
    JobLog,
    check,
    describe_columns,
    end_s,
    jobs_table,
    names,
    read_csv,
    read_parquet,
    start_s,
    states,
    to_epoch,
    to_time_zone,
    write_csv,
    write_parquet,
)

if TYPE_CHECKING:
    from .cloud import (
        GOOGLE_QUERY,
        read_alibaba_2018,
        read_alibaba_pai,
        read_azure,
        read_gaia_csv,
        read_google_2019,
        write_gaia_csv,
    )
    from .footprint import AssumedPower, Footprint
    from .sacct import read_sacct, sacct_footprint
    from .swf import header_fields, read_swf, write_swf

__all__ = [
    "COLUMNS",
    "EXTRAS",
    "GOOGLE_QUERY",
    "STATES",
    "AssumedPower",
    "Footprint",
    "JobLog",
    "check",
    "describe_columns",
    "end_s",
    "header_fields",
    "jobs_table",
    "names",
    "read_alibaba_2018",
    "read_alibaba_pai",
    "read_azure",
    "read_csv",
    "read_gaia_csv",
    "read_google_2019",
    "read_parquet",
    "read_sacct",
    "read_swf",
    "sacct_footprint",
    "start_s",
    "states",
    "to_epoch",
    "to_time_zone",
    "write_csv",
    "write_gaia_csv",
    "write_parquet",
    "write_swf",
]

_HOME = {
    "AssumedPower": "footprint",
    "Footprint": "footprint",
    "GOOGLE_QUERY": "cloud",
    "header_fields": "swf",
    "read_alibaba_2018": "cloud",
    "read_alibaba_pai": "cloud",
    "read_azure": "cloud",
    "read_gaia_csv": "cloud",
    "read_google_2019": "cloud",
    "read_sacct": "sacct",
    "read_swf": "swf",
    "sacct_footprint": "sacct",
    "write_gaia_csv": "cloud",
    "write_swf": "swf",
}


def __getattr__(name: str) -> Any:
    """Load a reader or writer from its module on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
