"""A finite cluster: workloads, nodes, a simulator, policies, and what came of it.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`nodes`      equal nodes, and what a node draws in which state
`workload`   jobs with their sizes, times, phases and patience
`simulator`  replay of a workload under a policy; what a policy sees and does
`policies`   the policies
`account`    power over time by state, energy, emissions
`metrics`    waits, slowdown, utilization, ...; the judge of any replay
`files`      workloads in YAML
`bound`      how far from the best possible a replay can be at most
===========  ===================================================================

The names of `nodes`, `workload` and `simulator` are here; the others are imported by module.
"""

from helpers.cluster.nodes import NODE_STATES, Cluster, NodePower
from helpers.cluster.simulator import OUTCOMES, Job, Policy, Replay, View, replay
from helpers.cluster.workload import Workload, workload_table

__all__ = [
    "NODE_STATES",
    "OUTCOMES",
    "Cluster",
    "Job",
    "NodePower",
    "Policy",
    "Replay",
    "View",
    "Workload",
    "replay",
    "workload_table",
]
