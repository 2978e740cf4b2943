"""What can be known of a job before it runs: its run time, its memory, and how sure one can be.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`features`   what is known of each job at its submission, in one pass over a log
`leakage`    the same log with another future, which no feature may notice
===========  ===================================================================
"""

from helpers.predict.features import FEATURES, features
from helpers.predict.leakage import another_future

__all__ = ["FEATURES", "another_future", "features"]
