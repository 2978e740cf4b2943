"""Policies of the finite cluster: who starts, waits, yields, and which nodes sleep.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`fifo`       in strict order: first in first out, shortest first, priorities
`backfill`   EASY and conservative backfilling, by counting or by hosts
`share`      taking turns: round-robin, multi-level feedback
`carbon`     holding and suspending while the grid is dirty
`sleep`      switching idle nodes off, around any other policy
`filler`     best-effort jobs on what nobody else wants
`order`      orders of waiting jobs, and the line that keeps one
===========  ===================================================================
"""

from helpers.cluster.policies.backfill import Conservative, Easy
from helpers.cluster.policies.carbon import (
    Below,
    CarbonEasy,
    CarbonFifo,
    CarbonPolicy,
    ForecastQuantile,
    Gate,
    PastQuantile,
)
from helpers.cluster.policies.fifo import Fifo, InOrder, Priority, ShortestJobFirst
from helpers.cluster.policies.filler import Filler
from helpers.cluster.policies.share import MultiLevelFeedback, RoundRobin
from helpers.cluster.policies.sleep import SleepIdle

__all__ = [
    "Below",
    "CarbonEasy",
    "CarbonFifo",
    "CarbonPolicy",
    "Conservative",
    "Easy",
    "Fifo",
    "Filler",
    "ForecastQuantile",
    "Gate",
    "InOrder",
    "MultiLevelFeedback",
    "PastQuantile",
    "Priority",
    "RoundRobin",
    "ShortestJobFirst",
    "SleepIdle",
]
