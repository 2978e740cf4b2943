"""What can be learned: an environment over the engine's views, rules in it, trained policies.

=============  ===================================================================
module         what it holds
=============  ===================================================================
`commands`     EASY under orders: which jobs wait, run, run capped
`observation`  what a learner sees: the jobs worth asking about as rows of numbers
`case`         a week to play, and what waiting was really worth in it
`price`        what an hour of delay is worth: a limit held by a price that follows
`rules`        known rules as orders; rules that use what a learner sees
`frontier`     what no schedule gets above, at each mean delay: certified
`judge`        policies beside each other: frontiers, a rule at the same delay
`policy`       a trained policy in the engine, with numpy alone
`knobs`        a policy's parameters by search, under a limit that must hold later
`ppo`          training by PPO, from a rule, under a limit (needs the extra ``learn``)
`environment`  the Gymnasium environment (needs the extra ``learn``)
=============  ===================================================================
"""

from helpers.learn.case import Case
from helpers.learn.commands import CAPPED, RUN, WAIT, Commanded, Orders
from helpers.learn.observation import FEATURES, LEVELS, Observer
from helpers.learn.policy import Advised, Learned, Net
from helpers.learn.price import Price
from helpers.learn.rules import Gated, Priced, Rule, as_rule

__all__ = [
    "CAPPED",
    "FEATURES",
    "LEVELS",
    "RUN",
    "WAIT",
    "Advised",
    "Case",
    "Commanded",
    "Gated",
    "Learned",
    "Net",
    "Observer",
    "Orders",
    "Price",
    "Priced",
    "Rule",
    "as_rule",
]
