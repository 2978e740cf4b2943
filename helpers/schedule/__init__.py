"""When a job starts, pauses and resumes: exact schedules, judges, heuristics, online rules.

============  ===================================================================
module        what it holds
============  ===================================================================
`intervals`   the schedule, its checker, its charge; what a suspension costs
`start`       the best start of a job that is not interrupted, many at once
`uncertain`   the same for a job that nobody knows the length of
`revised`     the same if it may pause: a plan that is its own revision
`suspend`     the best schedule of a job that may be suspended: dynamic program
`pausing`     does pausing pay: gains, swings, room, the plain recursion
`capped`      a power cap for each hour, and pauses: dynamic program
`milp`        the same as a mixed-integer program, ours and the published one
`heuristics`  as soon as possible, cheapest slots, below a threshold
`trace`       many jobs as arrays, their queues and deadlines, what became of them
`policies`    the known policies on endless capacity, over a whole trace
`online`      without knowing the future: receding horizon, thresholds
============  ===================================================================

The names used most are here; the others are imported by module. numba
is loaded when a hot loop is first called, PuLP when a program is written, not before.
"""

from helpers.schedule.intervals import Certificate, Charge, Schedule, charge, check
from helpers.schedule.start import best_start, best_starts, starts_of_twin
from helpers.schedule.suspend import best_schedule, best_schedules, least_emissions_g

__all__ = [
    "Certificate",
    "Charge",
    "Schedule",
    "best_schedule",
    "best_schedules",
    "best_start",
    "best_starts",
    "charge",
    "check",
    "least_emissions_g",
    "starts_of_twin",
]
