"""The known policies as plain loops over one job, slow and simple, sharing no code with helpers.

A curve is a list of (start, stop, intensity), a job a list of (duration, power) and a
submission. Times are whole seconds where a tick is counted.
"""

import math

CLOSE = 1e-12  # share of the largest emissions below which two starts are equal; the earlier wins


def emissions_g(curve, start_s, phases):
    """Walk phase by phase and step by step."""
    total, now = 0.0, start_s
    for duration_s, power_w in phases:
        until = now + duration_s
        for begin, end, intensity in curve:
            shared = min(end, until) - max(begin, now)
            if shared > 0:
                total += power_w * intensity * shared
        now = until
    return total / 3.6e6


def length_s(phases):
    return sum(duration for duration, _ in phases)


def intensity_at(curve, now_s):
    for begin, end, intensity in curve:
        if begin <= now_s < end:
            return intensity
    raise AssertionError(f"{now_s} is not covered")


def starts_by_the_hour(submit_s, longest_wait_s, step_s):
    starts, k = [], 0
    while k * step_s <= longest_wait_s:
        starts.append(submit_s + k * step_s)
        k += 1
    return starts


def starts_at_kinks(curve, submit_s, longest_wait_s, phases):
    """All starts at which some border of phases meets a step, and both ends of the window."""
    starts, border = {submit_s, submit_s + longest_wait_s}, 0.0
    for duration_s in [0.0, *(duration for duration, _ in phases)]:
        border += duration_s
        for begin, _, _ in curve:
            if submit_s < begin - border < submit_s + longest_wait_s:
                starts.add(begin - border)
    return sorted(starts)


def lowest_slot(curve, submit_s, longest_wait_s, step_s=None):
    if step_s is None:
        starts = [submit_s]
        starts += [b for b, _, _ in curve if submit_s < b <= submit_s + longest_wait_s]
    else:
        starts = starts_by_the_hour(submit_s, longest_wait_s, step_s)
    chosen = starts[0]
    for start in starts:
        if intensity_at(curve, start) < intensity_at(curve, chosen):
            chosen = start
    return chosen


def best_of(curve, submit_s, starts, phases, per_wait):
    """The start with the most saving, or saving per time to completion; equals: the earliest."""
    at_once = emissions_g(curve, submit_s, phases)
    length = length_s(phases)
    scale = sum(d * p for d, p in phases) * max(abs(i) for _, _, i in curve) / 3.6e6
    chosen, most = submit_s, 0.0
    for start in starts:
        gain = at_once - emissions_g(curve, start, phases)
        if per_wait:
            gain = gain / (start - submit_s + length) * length
        if gain > most + CLOSE * scale:
            chosen, most = start, gain
    return chosen


def window(curve, submit_s, longest_wait_s, phases, *, step_s=None, per_wait=False):
    if step_s is None:
        starts = starts_at_kinks(curve, submit_s, longest_wait_s, phases)
    else:
        starts = starts_by_the_hour(submit_s, longest_wait_s, step_s)
    return best_of(curve, submit_s, starts, phases, per_wait)


def runs_of(ticks, tick_s):
    """Runs (start, stop) of sorted ticks."""
    runs = []
    for tick in ticks:
        if runs and runs[-1][1] == tick:
            runs[-1][1] = tick + tick_s
        else:
            runs.append([tick, tick + tick_s])
    return [tuple(run) for run in runs]


def wait_awhile(curve, submit_s, longest_wait_s, length, tick_s=1):
    """The cheapest ticks, the earliest of equal ones."""
    ticks = range(submit_s, submit_s + longest_wait_s + length, tick_s)
    cheapest = sorted(ticks, key=lambda tick: (intensity_at(curve, tick), tick))
    return runs_of(sorted(cheapest[: length // tick_s]), tick_s)


def threshold(curve, submit_s, longest_wait_s, length, *, share=0.3, ahead_s=86_400, tick_s=1):
    """Tick by tick: run below the level, or when no wait is left."""
    coming = sorted(intensity_at(curve, t) for t in range(submit_s, submit_s + ahead_s, tick_s))
    level = coming[math.ceil(len(coming) * share - 1e-9) - 1]
    ticks, now, left, wait = [], submit_s, length, longest_wait_s
    while left > 0:
        if intensity_at(curve, now) < level or wait <= 0:
            ticks.append(now)
            left -= tick_s
        else:
            wait -= tick_s
        now += tick_s
    return runs_of(ticks, tick_s)


def runs_emit_g(curve, runs, power_w):
    return sum(emissions_g(curve, start, [(stop - start, power_w)]) for start, stop in runs)


def reserved_first(jobs, reserved):
    """Second by second; jobs are (submit, planned start, length, processors), in any order.

    Returns start and whether it ran on the reservation, for each job.
    """
    order = sorted(range(len(jobs)), key=lambda i: jobs[i][0])
    done, busy, now = {}, [], min((job[0] for job in jobs), default=0)
    while len(done) < len(jobs):
        free = reserved - sum(amount for until, amount in busy if until > now)
        for i in order:
            submit, planned, length, need = jobs[i]
            if i in done or submit > now:
                continue
            if need <= free:
                done[i] = (now, True)
                busy.append((now + length, need))
                free -= need
            elif planned <= now:
                done[i] = (now, False)
        now += 1
    return [done[i] for i in range(len(jobs))]
