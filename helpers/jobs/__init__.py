"""Job logs: one jobs table, readers and writers of the formats that job logs come in.

`table` holds the table itself (columns, units, checks); `swf`, `sacct` and `cloud` read the
formats; `describe` counts and `generate` makes up jobs that are like those counted.
"""

from .cloud import (
    GOOGLE_QUERY,
    read_alibaba_2018,
    read_alibaba_pai,
    read_azure,
    read_gaia_csv,
    read_google_2019,
    write_gaia_csv,
)
from .sacct import read_sacct
from .swf import header_fields, read_swf, write_swf
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
    start_s,
    states,
    to_epoch,
    to_zone,
    write_csv,
)

__all__ = [
    "COLUMNS",
    "EXTRAS",
    "GOOGLE_QUERY",
    "STATES",
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
    "read_sacct",
    "read_swf",
    "start_s",
    "states",
    "to_epoch",
    "to_zone",
    "write_csv",
    "write_gaia_csv",
    "write_swf",
]
