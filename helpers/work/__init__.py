"""What is asked: jobs with their sizes, times, phases and patience, and machines to run them.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`workload`   the one table of what is asked: from a log, from YAML, generated
`files`      workloads in YAML
`nodes`      equal nodes, and what a node draws in which state
===========  ===================================================================
"""

from helpers.work.nodes import NODE_STATES, Cluster, NodePower
from helpers.work.workload import Workload, workload_table

__all__ = ["NODE_STATES", "Cluster", "NodePower", "Workload", "workload_table"]
