"""What happens on a finite cluster: the engine, its outcome, and what that comes to.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`engine`     replay of a workload under a policy, event by event
`sites`      the same for several sites, jobs sent from one to another
`outcome`    what happened: runs, cores, switched nodes
`replayed`   the same, answering for itself
`tables`     the words and columns in which that is written down
`twin`       the compiled twin of the engine, for policies that only order jobs
`account`    power over time by state, energy, emissions
`metrics`    waits, slowdown, utilization, ...; the judge of any replay
`ask`        any decision of a replay had back, and what each one caused
`people`     what waiting did for each user and month, as a page
`day`        a day, every decision about every job asked and answered, as a page
===========  ===================================================================

What is replayed is in `helpers.work`, what decides in `helpers.decide`, how far from the best
possible the outcome is in `helpers.bound`.
"""

from helpers.cluster.engine import Stepwise, replay
from helpers.cluster.replayed import Replay
from helpers.cluster.sites import ClusterSite, SitesReplay, Transfer, replay_sites
from helpers.cluster.tables import OUTCOMES

__all__ = [
    "OUTCOMES",
    "ClusterSite",
    "Replay",
    "SitesReplay",
    "Stepwise",
    "Transfer",
    "replay",
    "replay_sites",
]
