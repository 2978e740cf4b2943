"""An export of a centre as sacct prints it, for tests and benchmarks."""

import numpy as np

from helpers.jobs.sacct import EXPORT

FIRST_S = 1_704_067_200


def export(jobs, seed=1, first=0):
    """Return an export as sacct prints it: a job and three steps, four rows a job.

    Jobs are numbered from `first` on; the line of names stands above them.
    """
    rng = np.random.default_rng(seed)
    submit = FIRST_S + np.cumsum(rng.integers(0, 6, jobs))
    start = submit + rng.integers(0, 3600, jobs)
    run = rng.integers(10, 80_000, jobs)
    cores = rng.choice([1, 4, 16, 64, 128], jobs)
    memory = rng.integers(1000, 9_000_000, (jobs, 3))
    lines = [EXPORT]
    for i in range(jobs):
        number = first + i
        span = f"{run[i] // 3600:02}:{run[i] // 60 % 60:02}:{run[i] % 60:02}"
        tres = f"billing={cores[i]},cpu={cores[i]},mem={cores[i] * 2}G,node=1"
        when = f"{start[i]}|{start[i]}|{start[i]}|{start[i] + run[i]}"
        lines.append(
            f"{number}|{number}|u{i % 200}|proj{i % 40}|cpu|normal|{submit[i]}|{submit[i]}|{start[i]}|"
            f"{start[i] + run[i]}|{span}|00:00:00|1-00:00:00|COMPLETED|n{i % 500}|1|{cores[i]}|"
            f"{cores[i]}||{tres}|{cores[i] * 2}G|||{run[i] * 150}|{span}"
        )
        lines += [
            f"{number}.{step}|{number}.{step}||proj{i % 40}|||{when}|{span}|00:00:00||COMPLETED|n{i % 500}|1|"
            f"{cores[i]}|{cores[i]}|1|{tres}||{kb}K|{kb}K|{run[i] * 150}|{span}"
            for step, kb in zip(("batch", "extern", "0"), memory[i], strict=True)
        ]
    return ("\n".join(lines) + "\n").replace(EXPORT, EXPORT.replace(",", "|")).encode()
