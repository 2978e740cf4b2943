"""What can be known of a job before it runs: its run time, its memory, and how sure one can be.

=================  ===============================================================
module             what it holds
=================  ===============================================================
`features`         what is known of each job at its submission, in one pass over a log
`estimators`       simple predictors, and boosted quantiles learned from the past alone
`boosting`         boosted trees, kept as text that holds no code
`mixing`           predictors mixed by how each did on the user's jobs
`online`           a predictor that learns while a replay goes on, from its ends
`model`            tried on the past, trained for jobs to come, saved, described by a card
`energy`           energy of jobs as labels: measured, or a surrogate that says so
`drift`            how predictions do from week to week, and when to be alarmed
`attribution`      what moved a prediction, by the boosting library's TreeSHAP
`conformal`        quantiles that become true in the long run, whatever the model
`scores`           how good predictions are
`leakage`          the same log with another future, which no feature may notice
`programs`         run time and memory of a program from its graph of operators
`machines`         time, power and energy on GPUs: physics and what it leaves
`machine_trials`   how well that does on GPUs and networks left out
=================  ===============================================================
"""

from helpers.predict.estimators import Predictions, learn, simple
from helpers.predict.features import FEATURES, features
from helpers.predict.leakage import another_future
from helpers.predict.scores import scores

__all__ = ["FEATURES", "Predictions", "another_future", "features", "learn", "scores", "simple"]
