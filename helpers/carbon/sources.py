"""Carbon intensity from files: which function reads which format.

One file a format holds its reader, and what its web service gives; `helpers.carbon.services` lists
those. Every reader checks times, numbers and units, and names file, line, column and value when one
is wrong. Missing steps are errors unless a longest gap to fill is given.

==============================  ====================================================
function                        what it reads
==============================  ====================================================
`read_electricity_maps_csv`     files of Electricity Maps' portal
`read_entsoe_csv`               exports of ENTSO-E's Transparency Platform
`parse_entsoe_xml`              documents of its web service
`read_watttime_csv`             marginal rates with their forecasts (WattTime, SGIP)
`read_day_ahead_csv`            forecasts of a day or more, issued once a day
`read_csv`, `write_csv`         an own grid, which people can read
`read_factors`                  emission factors by production type
==============================  ====================================================
"""

from helpers.carbon.day_ahead import read_day_ahead_csv
from helpers.carbon.electricity_maps import read_electricity_maps_csv
from helpers.carbon.entsoe import parse_entsoe_xml, read_entsoe_csv
from helpers.carbon.mix import (
    PRODUCTION_TYPES,
    STORAGE,
    generation_at,
    intensity_from_mix,
    rated_generation,
    read_factors,
)
from helpers.carbon.own import read_csv, write_csv
from helpers.carbon.tables import G_PER_KWH, fill_gaps, intensity_from_steps
from helpers.carbon.watttime import read_watttime_csv

__all__ = [
    "G_PER_KWH",
    "PRODUCTION_TYPES",
    "STORAGE",
    "fill_gaps",
    "generation_at",
    "intensity_from_mix",
    "intensity_from_steps",
    "parse_entsoe_xml",
    "rated_generation",
    "read_csv",
    "read_day_ahead_csv",
    "read_electricity_maps_csv",
    "read_entsoe_csv",
    "read_factors",
    "read_watttime_csv",
    "write_csv",
]
