"""Random problems in which pausing pays: most plain ones do not pause, and judge nothing."""

import numpy as np
from schedule_problems import EPOCH_S, model

from helpers.carbon import Intensity
from helpers.phases import Phase, Suspension
from helpers.schedule.suspend import Progress, _Question


def whole_seconds(rng, *, least_run=False):
    """A problem in whole seconds, so that a grid is small enough, without common divisors."""
    while True:
        step, count = rng.choice([17, 20, 30, 37]), int(rng.integers(6, 20))
        values = [
            float(rng.choice([20, 50, 300, 500, rng.integers(10, 600)])) for _ in range(count)
        ]
        low = rng.random() < 0.5  # start-ups that cost next to nothing

        def phases(number, longest, highest, shortest=1):
            return [
                (float(rng.integers(shortest, longest + 1)), float(rng.integers(1, highest + 1)))
                for _ in range(number)
            ]

        startup = phases(rng.choice([0, 1, 1, 2]), rng.choice([3, step // 2]), 20 if low else 200)
        pieces = int(rng.choice([1, 1, 2, 3, 5]))
        work = phases(pieces, max(4, 5 * step // pieces), 300, 2)
        end = phases(rng.choice([0, 0, 1]), step // 2, 200)
        save = phases(rng.choice([0, 0, 1]), max(2, step // 4), 20 if low else 200)
        marks = {i for i in range(pieces) if rng.random() < 0.6}
        job = model(startup, work, end, marks)
        spare_s = step * (count - 2) - job.duration_s
        if spare_s < step:
            continue
        overhead_w = [power for _, power in (*startup, *save)]
        rules = Suspension(
            save=[Phase(f"save {i}", *phase) for i, phase in enumerate(save)],
            suspended_power_w=min([float(rng.choice([0, 0, 2, 10])), *overhead_w]),
            keep=str(rng.choice(["anywhere", "anywhere", "checkpoints"])),
            most_resumes=[None, None, 1, 2][rng.integers(4)],
            least_run_s=float(rng.integers(1, 2 * step)) if least_run else 0.0,
        )
        offset = int(rng.integers(0, step))
        edges_s = EPOCH_S - offset + step * np.arange(count + 1)
        window_s = job.duration_s + float(rng.integers(0, int(spare_s) + 1))
        signal = Intensity(edges_s, values, "average", "XX", "generated")
        return job, signal, EPOCH_S, EPOCH_S + window_s, rules


def measured(rng):
    """A tiny problem with durations of any length, on few and sometimes irregular steps."""
    while True:
        step_s, count = float(rng.choice([3600, 1800])), int(rng.integers(3, 6))
        offset_s = round(float(rng.uniform(0, step_s)), 3)
        edges_s = -offset_s + step_s * np.arange(count + 3)
        if rng.random() < 0.3:
            inner = np.sort(rng.uniform(0.1, count + 2, count + 1))
            edges_s = np.concatenate(
                [
                    [-offset_s],
                    np.round(-offset_s + step_s * inner, 3),
                    [-offset_s + step_s * (count + 2)],
                ]
            )
        if (np.diff(edges_s) < 1).any():
            continue

        def phases(number, low, high, highest, step_s=step_s):
            return [
                (round(float(rng.uniform(low, high)) * step_s, 4), float(rng.integers(1, highest)))
                for _ in range(number)
            ]

        startup = phases(rng.choice([0, 1, 1, 2]), 0.02, 0.3, int(rng.choice([20, 200])))
        pieces = int(rng.choice([1, 1, 2]))
        work = phases(pieces, 0.1, 2.2 / pieces, 300)
        end, save = (
            phases(rng.choice([0, 0, 1]), 0.05, 0.3, 200),
            phases(rng.choice([0, 0, 1]), 0.02, 0.2, 50),
        )
        job = model(startup, work, end, {i for i in range(pieces) if rng.random() < 0.7})
        window_s = round(job.duration_s + float(rng.uniform(0.5, count)) * step_s, 3)
        if window_s > edges_s[-1]:
            continue
        most = int(rng.choice([1, 2]))
        rules = Suspension(
            save=[Phase(f"save {i}", *phase) for i, phase in enumerate(save)],
            suspended_power_w=min([float(rng.choice([0, 0, 5])), *(p for _, p in startup + save)]),
            keep=str(rng.choice(["anywhere", "anywhere", "checkpoints"])),
            most_resumes=most,
        )
        values = [float(rng.choice([20, 50, 300, 500, rng.integers(10, 600)])) for _ in edges_s[1:]]
        signal = Intensity(EPOCH_S + edges_s, values, "average", "XX", "generated")
        return job, signal, EPOCH_S, EPOCH_S + window_s, rules


def question(problem, progress=None, resolution_s=None):
    """The problem as the solvers take it."""
    job, intensity, release_s, deadline_s, rules = problem
    return _Question(
        job, intensity, release_s, deadline_s, progress or Progress(), rules, resolution_s
    )
