"""Forecasts of carbon intensity: simple ones, learned ones, their errors, and errors made up.

=============  =================================================================
module         what it holds
=============  =================================================================
`forecasters`  persistence, profiles, regressions: what looks at the past alone
`scores`       how good they were, lead by lead
`errors`       a model of their errors, to be put on any curve
`leads`        leads merged and cut; what all of these share
=============  =================================================================
"""

from helpers.carbon.forecast.errors import ErrorModel, fit_errors, with_errors
from helpers.carbon.forecast.forecasters import Regression, persistence, profile, train
from helpers.carbon.forecast.leads import leads_between, merge_leads
from helpers.carbon.forecast.scores import scores

__all__ = [
    "ErrorModel",
    "Regression",
    "fit_errors",
    "leads_between",
    "merge_leads",
    "persistence",
    "profile",
    "scores",
    "train",
    "with_errors",
]
