"""What is possible: a certified bound for jobs that share a finite cluster, and plans near it.

=============  =================================================================
module         what it holds
=============  =================================================================
`problem`      jobs that take nodes, and all starts that can be best
`certificate`  how far from the best possible any plan can be at most
`throttled`    the same where jobs may pause and run under power caps
`repair`       plans that keep to the capacity, each job at its best start in what is free
=============  =================================================================
"""

from helpers.bound.certificate import Bound, least_emissions
from helpers.bound.problem import CapacityJob, jobs_of_table, jobs_of_workload
from helpers.bound.throttled import Throttled, least_throttled

__all__ = [
    "Bound",
    "CapacityJob",
    "Throttled",
    "jobs_of_table",
    "jobs_of_workload",
    "least_emissions",
    "least_throttled",
]
