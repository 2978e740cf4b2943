"""What can be known of a job before it runs: its run time, its memory, and how sure one can be.

=============  ============================================================
"""

from helpers.predict.estimators import Predictions, learn, simple
from helpers.predict.features import FEATURES, features
from helpers.predict.leakage import another_future
from helpers.predict.scores import scores

__all__ = ["FEATURES", "Predictions", "another_future", "features", "learn", "scores", "simple"]
