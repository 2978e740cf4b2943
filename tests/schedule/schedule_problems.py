"""Small problems for the tests of schedules, and a slow judge that shares no code with them."""

import itertools

import numpy as np
from hypothesis import strategies as st

from helpers.carbon import Intensity
from helpers.phases import Phase, PhaseModel, Suspension
from helpers.schedule.intervals import Schedule, charge, check

EPOCH_S = 1_577_836_800.0  # 2020-01-01T00:00Z


def curve(values, step_s=60.0, start_s=EPOCH_S, kind="average"):
    """An intensity of equal steps."""
    edges_s = start_s + step_s * np.arange(len(values) + 1)
    return Intensity(edges_s, values, kind, "XX", "generated")


def model(startup, work, end=(), checkpoints=()):
    """A job of (duration, power) pairs; `checkpoints` are places of work phases."""
    return PhaseModel(
        "job",
        [Phase(f"start {i}", d, p) for i, (d, p) in enumerate(startup)],
        [Phase(f"work {i}", d, p, i in checkpoints) for i, (d, p) in enumerate(work)],
        [Phase(f"end {i}", d, p) for i, (d, p) in enumerate(end)],
    )


def compositions(total):
    """All ways to write a whole number as an ordered sum of positive ones."""
    if total == 0:
        yield ()
    for first in range(1, total + 1):
        for rest in compositions(total - first):
            yield (first, *rest)


def every_schedule(job, release_s, deadline_s, suspension, slot_s):
    """All schedules of a job with starts and stops on a grid of slots."""
    slots = round((deadline_s - release_s) / slot_s)
    work = round(job.work_profile.duration_s / slot_s)
    lasting = {True: job.end_profile.duration_s, False: suspension.save_profile.duration_s}
    extra = [(0,)] if job.end_profile.duration_s else []
    for pieces in compositions(work):
        for tail in [(), *extra]:  # a last run that only ends the job
            parts = (*pieces, *tail)
            lengths = [
                round(
                    (job.startup_profile.duration_s + lasting[i == len(parts) - 1]) / slot_s + piece
                )
                for i, piece in enumerate(parts)
            ]
            free = slots - sum(lengths)
            if free < 0:
                continue
            for gaps in itertools.combinations_with_replacement(range(free + 1), len(parts)):
                begins = np.array(gaps) + np.concatenate([[0], np.cumsum(lengths)[:-1]])
                yield Schedule.from_work(
                    job, release_s + slot_s * begins, slot_s * np.array(parts), suspension
                )


def brute_force_g(job, intensity, release_s, deadline_s, suspension, slot_s):
    """Least emissions [g] over all schedules that pass the checker."""
    least = np.inf
    for schedule in every_schedule(job, release_s, deadline_s, suspension, slot_s):
        try:
            check(schedule, job, release=release_s, deadline=deadline_s, suspension=suspension)
        except ValueError:
            continue
        least = min(least, charge(schedule, job, intensity, suspension).emissions_g)
    return least


@st.composite
def problems(draw, *, most_slots=9, longest=2, marginal=True):
    """A job, an intensity, a window and rules, all multiples of a slot of 60 s.

    A phase of work lasts up to `longest` slots, the window up to `most_slots` or the job.
    """
    slot_s = 60.0
    powers = st.sampled_from([0.0, 50.0, 100.0, 200.0, 300.0])

    def phases(least, most, longest=2):
        return [
            (slot_s * draw(st.integers(1, longest)), draw(powers))
            for _ in range(draw(st.integers(least, most)))
        ]

    startup, work, end = phases(0, 2), phases(1, 3, longest), phases(0, 1)
    marks = draw(st.sets(st.integers(0, len(work) - 1)))
    job = model(startup, work, end, marks)
    needed = round(job.duration_s / slot_s)
    slots = draw(st.integers(needed, max(needed, most_slots)))
    kind = draw(st.sampled_from(["average", "marginal"])) if marginal else "average"
    lowest = -100 if kind == "marginal" else 0
    values = draw(
        st.lists(st.integers(lowest, 500).map(float), min_size=slots + 2, max_size=slots + 2)
    )
    suspension = Suspension(
        save=[Phase("save", slot_s, draw(powers))] if draw(st.booleans()) else (),
        suspended_power_w=draw(st.sampled_from([0.0, 0.0, 5.0, 40.0])),
        keep=draw(st.sampled_from(["anywhere", "checkpoints"])),
        most_resumes=draw(st.sampled_from([None, None, 0, 1, 2])),
        least_run_s=slot_s * draw(st.sampled_from([0, 0, 2, 3, 5])),
    )
    release_s = EPOCH_S + slot_s * draw(st.integers(0, 2))
    deadline_s = release_s + slot_s * slots
    return job, curve(values, slot_s, EPOCH_S, kind), release_s, deadline_s, suspension
