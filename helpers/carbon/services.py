"""Carbon intensity from web services: which function asks which service.

Each stands in the file of its provider, beside the reader of that provider's files.
Tokens come from an argument or an environment variable, travel only in the request, and appear
in no message. A service that fails, answers otherwise than documented, or answers about another
zone or model than was asked for, is a `ServiceError`.
"""

from helpers.carbon.electricity_maps import fetch_electricity_maps
from helpers.carbon.entsoe import fetch_entsoe
from helpers.carbon.gb import fetch_gb, intensity_from_gb
from helpers.carbon.watttime import fetch_watttime, fetch_watttime_forecasts
from helpers.carbon.web import ServiceError

__all__ = [
    "ServiceError",
    "fetch_electricity_maps",
    "fetch_entsoe",
    "fetch_gb",
    "fetch_watttime",
    "fetch_watttime_forecasts",
    "intensity_from_gb",
]
