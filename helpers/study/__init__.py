"""One study: the same work on the same machines, under several policies, in several grids and weeks.

===========  ===================================================================
module       what it holds
===========  ===================================================================
`stretch`    the work: a part of a log with the jobs around it, and its weeks
`measures`   what is measured of a replay
`paired`     the study: every combination, replayed in one window, as a panel
`effects`    what the results say together
`best`       how far policies are from what no schedule gets below
`endless`    studies on endless machines, by weeks of submission
===========  ===================================================================

A `Stretch` is a part of a log: the jobs that count, those before them that fill the machine, those
after them that keep up the competition. A `Study` lays stretches on weeks of carbon intensity,
replays every combination and gives a `helpers.panel.Panel`, paired and ready to compare.

All policies are measured in one window. What a job adds is counted in the week of its submission,
whenever it runs, so that nothing is won by pushing work out of the week; what the nodes draw by
themselves is counted within the week, the same for all policies. A replay's own window, which ends
with its own last job, would compare different stretches of time.
"""

from helpers.study.best import Gap, gap_to_best, planned_cores
from helpers.study.effects import effects_by_load, whole_saved
from helpers.study.endless import (
    WeeksOfJobs,
    on_calendar,
    share_kept,
    spread_over_energy,
    weekly,
    weekly_panel,
)
from helpers.study.measures import MEASURES, delay_s, is_late, patience_s
from helpers.study.paired import Study
from helpers.study.stretch import Sized, Stretch, in_turn, spread_weeks

__all__ = [
    "MEASURES",
    "Gap",
    "Sized",
    "Stretch",
    "Study",
    "WeeksOfJobs",
    "delay_s",
    "effects_by_load",
    "gap_to_best",
    "in_turn",
    "is_late",
    "on_calendar",
    "patience_s",
    "planned_cores",
    "share_kept",
    "spread_over_energy",
    "spread_weeks",
    "weekly",
    "weekly_panel",
    "whole_saved",
]
