"""What is possible: a certified bound for jobs that share a finite cluster, and plans near it.

=============  =================================================================
module         what it holds
=============  =================================================================
`certificate`  how far from the best possible any plan can be at most
`repair`       plans that keep to the capacity, each job at its best start in what is free
=============  =================================================================
"""

from helpers.bound.certificate import Bound, CapacityJob, least_emissions

__all__ = ["Bound", "CapacityJob", "least_emissions"]
