"""Where: work that may run at one of several sites, each with its grid, its size and its clock.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`sites`      a site: a grid, a capacity, a PUE; several of them on one row of slots
`divisible`  work that can be divided at will: the least emissions, exact
`online`     the same work placed hour by hour, the future unknown
`planned`    jobs of a simulated cluster sent as the program plans
`whole`      whole jobs: a plan, and a certified bound on any plan
===========  ===================================================================
"""

from helpers.regions.divisible import Placement, place_work
from helpers.regions.online import cleanest_forecast, cleanest_now, follow_the_sun, rolling
from helpers.regions.planned import PlannedPlacement
from helpers.regions.sites import Site, Slots
from helpers.regions.whole import JobPlacement, SiteJobs, place_jobs

__all__ = [
    "JobPlacement",
    "Placement",
    "PlannedPlacement",
    "Site",
    "SiteJobs",
    "Slots",
    "cleanest_forecast",
    "cleanest_now",
    "follow_the_sun",
    "place_jobs",
    "place_work",
    "rolling",
]
