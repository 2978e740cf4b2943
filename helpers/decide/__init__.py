"""Decisions on a finite machine: who starts, waits, yields, and which nodes sleep.

What a decision sees and may do is in `view`; no policy knows who asks it.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`view`       what a policy sees of jobs and machine, and how it acts
`fifo`       in strict order: first in first out, shortest first, priorities
`backfill`   EASY and conservative backfilling, by counting or by hosts
`share`      taking turns: round-robin, multi-level feedback
`carbon`     holding and suspending while the grid is dirty
`cap`        running slower while the grid is dirty, around any other policy
`cycle`      deciding only so often, as real schedulers do, around any other policy
`place`      where: what is seen of several sites, and who sends jobs to which
`sleep`      switching idle nodes off, around any other policy
`filler`     best-effort jobs on what nobody else wants
`predicted`  planning with predicted run times, around any other policy
`order`      orders of waiting jobs, and the line that keeps one
`moment`     a decision that can be taken again, with facts changed
`explain`    why a job waits: the smallest change that turns the decision
`playbook`   a policy as a few rules for people, and how often they agree with it
`quality`    how long, how hard to read and how steady an explanation is
===========  ===================================================================
"""

from helpers.decide.backfill import Conservative, Easy
from helpers.decide.cap import CapWhenDirty
from helpers.decide.carbon import (
    Below,
    CarbonEasy,
    CarbonFifo,
    CarbonPolicy,
    ForecastQuantile,
    Gate,
    PastQuantile,
)
from helpers.decide.cycle import InCycles
from helpers.decide.fifo import Fifo, InOrder, Priority, ShortestJobFirst
from helpers.decide.filler import Filler
from helpers.decide.place import (
    AtHome,
    CleanestForecast,
    CleanestNow,
    FollowSun,
    Placer,
    SitesView,
)
from helpers.decide.predicted import Given, LastSimilar, LastTwo, Predicted, TrueTime
from helpers.decide.share import MultiLevelFeedback, RoundRobin
from helpers.decide.sleep import SleepIdle
from helpers.decide.view import Job, Machine, Policy, View

__all__ = [
    "AtHome",
    "Below",
    "CapWhenDirty",
    "CarbonEasy",
    "CarbonFifo",
    "CarbonPolicy",
    "CleanestForecast",
    "CleanestNow",
    "Conservative",
    "Easy",
    "Fifo",
    "Filler",
    "FollowSun",
    "ForecastQuantile",
    "Gate",
    "Given",
    "InCycles",
    "InOrder",
    "Job",
    "LastSimilar",
    "LastTwo",
    "Machine",
    "MultiLevelFeedback",
    "PastQuantile",
    "Placer",
    "Policy",
    "Predicted",
    "Priority",
    "RoundRobin",
    "ShortestJobFirst",
    "SitesView",
    "SleepIdle",
    "TrueTime",
    "View",
]
