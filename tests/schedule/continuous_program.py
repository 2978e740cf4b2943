"""A judge in continuous time: a mixed-integer program over all cells, with no grid, no event point.

For a given number of runs, and a given phase of work in which each stops, the emissions are a
sum of +- p C(a linear function of begins and stops), with C piecewise linear. Each such term
gets one binary a step of the intensity and a copy of its time in it, so HiGHS finds the true
optimum of tiny problems, for any durations. It shares no code with what it judges.
"""

import itertools
import math

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

HOUR_S = 3600.0


def least_g(job, intensity, release_s, deadline_s, suspension, most_resumes):
    """Least emissions [g CO2e] over all schedules with up to so many resumes."""
    borders = job.work_profile.edges_s
    best = math.inf
    for stops in range(most_resumes + 1):
        if suspension.keep == "checkpoints":
            ends = job.end_profile.duration_s > 0
            marks = [x for x in job.work_profile.checkpoints_s if x < borders[-1] - 1e-9 or ends]
            chosen = itertools.combinations(marks, stops)
        else:
            chosen = itertools.combinations_with_replacement(range(borders.size - 1), stops)
        for places in chosen:
            program = _Program(job, intensity, release_s, deadline_s, suspension, places)
            best = min(best, program.solve())
    return best


class _Program:
    def __init__(self, job, intensity, release_s, deadline_s, suspension, places):
        self.runs = len(places) + 1
        self.fixed = suspension.keep == "checkpoints"
        self.places, self.job, self.rules = places, job, suspension
        self.window_s = deadline_s - release_s
        inside = (intensity.edges_s > release_s) & (intensity.edges_s < deadline_s)
        first = np.searchsorted(intensity.edges_s, release_s, "right") - 1
        last = np.searchsorted(intensity.edges_s, deadline_s, "left")
        edges_s = [0.0, *(intensity.edges_s[inside] - release_s), self.window_s]
        self.edges_h = np.array(edges_s) / HOUR_S
        self.value = intensity.intensity_g_per_kwh[first:last]
        self.cumulative = np.concatenate([[0.0], np.cumsum(self.value * np.diff(self.edges_h))])
        self.terms = []  # (power [W], coefficients of variables, constant [s])

    def _position(self, i):
        """Work done before run i: coefficients and constant."""
        if i == 0:
            return {}, 0.0
        if i == self.runs:
            return {}, self.job.work_profile.duration_s
        return {("work", i): 1.0}, 0.0

    def _add(self, power_w, i, position, offset_s):
        if power_w:
            self.terms.append((power_w, {("begin", i): 1.0, **position[0]}, position[1] + offset_s))

    def _charge(self, i):
        work, borders = self.job.work_profile, self.job.work_profile.edges_s
        low, high = self._position(i), self._position(i + 1)
        offset_s = -self.job.startup_profile.duration_s
        for phase in self.job.startup_profile.phases:
            self._add(-phase.power_w, i, low, offset_s)
            offset_s += phase.duration_s
            self._add(phase.power_w, i, low, offset_s if abs(offset_s) > 1e-9 else 0.0)
        if self.fixed:
            after = [
                0,
                *(int(np.searchsorted(borders, x + 1e-9, "right")) - 1 for x in self.places),
            ]
            before = [int(np.searchsorted(borders, x - 1e-9, "right")) - 1 for x in self.places]
            only_ends = 0 < i == self.runs - 1 and self.places[-1] >= borders[-1] - 1e-9
        else:
            after, before, only_ends = [0, *self.places], list(self.places), False
        before.append(borders.size - 2)
        if not only_ends:
            a, b = after[i], before[i]
            self._add(-work.power_w[a], i, low, 0.0)
            self._add(work.power_w[b], i, high, 0.0)
            for k in range(a + 1, b + 1):
                rise_w = work.power_w[k] - work.power_w[k - 1]
                self._add(-rise_w, i, ({}, borders[k]), 0.0)
        offset_s = 0.0
        last = i == self.runs - 1
        for phase in (self.job.end_profile if last else self.rules.save_profile).phases:
            self._add(-phase.power_w, i, high, offset_s)
            offset_s += phase.duration_s
            self._add(phase.power_w, i, high, offset_s)
        if not last:
            self._add(-self.rules.suspended_power_w, i, high, self.rules.save_profile.duration_s)
            self._add(
                self.rules.suspended_power_w, i + 1, high, -self.job.startup_profile.duration_s
            )

    def solve(self):
        for i in range(self.runs):
            self._charge(i)
        names = [("begin", i) for i in range(self.runs)]
        names += [("work", i) for i in range(1, self.runs)]
        place = {name: k for k, name in enumerate(names)}
        steps = self.value.size
        count = len(names) + len(self.terms) * 2 * steps
        cost, integral = np.zeros(count), np.zeros(count)
        low, high = np.full(count, -np.inf), np.full(count, np.inf)
        rows = []
        for j, (power_w, coefficients, constant_s) in enumerate(self.terms):
            chosen = len(names) + j * 2 * steps
            copies = chosen + steps
            integral[chosen:copies] = 1
            low[chosen:copies], high[chosen:copies] = 0, 1
            low[copies : copies + steps], high[copies : copies + steps] = 0, self.edges_h[1:]
            cost[chosen:copies] = power_w * (self.cumulative[:-1] - self.value * self.edges_h[:-1])
            cost[copies : copies + steps] = power_w * self.value
            rows.append(({chosen + k: 1.0 for k in range(steps)}, 1, 1))
            time = {copies + k: 1.0 for k in range(steps)}
            time.update({place[name]: -x for name, x in coefficients.items()})
            rows.append((time, constant_s / HOUR_S, constant_s / HOUR_S))
            for k in range(steps):
                rows.append(({copies + k: 1.0, chosen + k: -self.edges_h[k]}, 0, np.inf))
                rows.append(({copies + k: 1.0, chosen + k: -self.edges_h[k + 1]}, -np.inf, 0))
        self._rules(rows, low, high, place)
        if (low > high + 1e-12).any():
            return math.inf
        matrix = lil_matrix((len(rows), count))
        for number, (entries, _, _) in enumerate(rows):
            for k, x in entries.items():
                matrix[number, k] = x
        _, least, most = zip(*rows, strict=True)
        found = milp(
            cost,
            constraints=LinearConstraint(matrix.tocsc(), least, most),
            integrality=integral,
            bounds=Bounds(low, high),
            options={"mip_rel_gap": 1e-10, "time_limit": 60},
        )
        if found.status == 2:
            return math.inf
        assert found.status == 0, found.message
        return found.fun / 1000  # W h x g/kWh

    def _rules(self, rows, low, high, place):
        startup_s = self.job.startup_profile.duration_s
        work_s, end_s = self.job.work_profile.duration_s, self.job.end_profile.duration_s
        pause_s = startup_s + self.rules.save_profile.duration_s
        borders = self.job.work_profile.edges_s
        for i in range(self.runs):
            low[i] = startup_s / HOUR_S
            high[i] = (self.window_s - end_s - work_s) / HOUR_S
        for i in range(1, self.runs):
            k, where = place["work", i], self.places[i - 1]
            bounds = (where, where) if self.fixed else (borders[where], borders[where + 1])
            low[k], high[k] = bounds[0] / HOUR_S, bounds[1] / HOUR_S
            rows.append(({i: 1.0, i - 1: -1.0}, pause_s / HOUR_S, np.inf))
            before = {place["work", i - 1]: -1.0} if i > 1 else {}
            rows.append(({k: 1.0, **before}, 0.0, np.inf))
