"""Small problems of placement, and the plain programs that judge their solutions."""

import numpy as np
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from helpers.carbon import Intensity
from helpers.regions import Site, SiteJobs, Slots

EPOCH_S = 1_577_836_800.0


def sites(intensity, capacity, pue=None, step_s=3600.0):
    """Sites with these rows of intensities [g/kWh] and capacities [kW]."""
    edges_s = EPOCH_S + step_s * np.arange(len(intensity[0]) + 1)
    return [
        Site(
            f"site {i}",
            Intensity(edges_s, np.array(row, float), "average", f"Z{i}", "generated"),
            capacity[i],
            1.0 if pue is None else pue[i],
        )
        for i, row in enumerate(intensity)
    ]


@st.composite
def divisible(draw):
    """Slots, work released [kWh], slack, transfer, and which home may go where."""
    n, released, slack = (draw(st.integers(*ends)) for ends in ((1, 3), (1, 5), (0, 4)))
    count = released + slack
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    intensity = rng.integers(0, 500, (n, count)).astype(float)
    work = rng.integers(0, 5, (n, released)).astype(float)
    work[0, 0] += 1.0
    capacity = np.where(rng.random(n) < 0.2, np.inf, rng.uniform(1.0, 8.0, n))
    may = (rng.random((n, n)) < 0.7) | np.eye(n, dtype=bool)
    transfer = draw(st.sampled_from([0.0, 0.05, 0.5, 2.0]))
    pue = 1.0 + rng.random(n)
    return Slots(sites(intensity, capacity, pue), EPOCH_S, count), work, slack, transfer, may


def naive_g(slots, work, slack, transfer, may):
    """Least emissions by saying of each kWh when it was released, where and when it is done."""
    names = range(len(slots.sites))
    intensity = [site.intensity.intensity_g_per_kwh for site in slots.sites]
    items = [
        (h, u, r, t)
        for h in names
        for u in range(work.shape[1])
        for r in names
        for t in range(u, u + slack + 1)
        if may[h, r]
    ]
    cost = [
        slots.sites[r].pue * intensity[r][t]
        + (h != r) * transfer * (intensity[h][t] + intensity[r][t]) / 2
        for h, _, r, t in items
    ]
    done = np.zeros((work.size, len(items)))
    used = np.zeros((len(intensity) * slots.count, len(items)))
    for i, (h, u, r, t) in enumerate(items):
        done[h * work.shape[1] + u, i] = used[r * slots.count + t, i] = 1.0
    most = np.repeat([site.capacity_kw for site in slots.sites], slots.count)
    finite = np.isfinite(most)
    found = linprog(cost, used[finite], most[finite], done, work.ravel(), method="highs-ds")
    return found.fun if found.success else None


@st.composite
def whole(draw):
    """Slots, jobs, and which home may go where."""
    n, count, jobs = (draw(st.integers(*ends)) for ends in ((1, 3), (5, 8), (1, 6)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    length = rng.choice([0.5, 1.0, 1.5, 2.0, 3.0], jobs)
    release = rng.integers(0, 3, jobs)
    last = np.minimum(release + rng.integers(0, 4, jobs), count - np.ceil(length).astype(int))
    asked = SiteJobs(
        rng.integers(0, n, jobs),
        release,
        np.maximum(release, last),
        3600.0 * length,
        rng.choice([1.0, 2.0, 2.5], jobs),
        rng.choice([0.0, 0.2, 2.0], jobs),
        rng.choice([0.0, 1800.0, 3600.0], jobs),
    )
    intensity = rng.integers(0, 500, (n, count)).astype(float)
    may = (rng.random((n, n)) < 0.7) | np.eye(n, dtype=bool)
    capacity = rng.uniform(3.0, 8.0, n)
    return Slots(sites(intensity, capacity, 1.0 + rng.random(n)), EPOCH_S, count), asked, may


def best_whole_g(slots, jobs, may):
    """Least emissions of whole jobs, by a mixed-integer program over all sites and starts."""
    intensity = [site.intensity.intensity_g_per_kwh for site in slots.sites]
    items, cost, held = [], [], []
    for j in range(len(jobs)):
        h, hours = jobs.home[j], jobs.length_s[j] / 3600.0
        for r in np.flatnonzero(may[h]):
            path = int(np.ceil(jobs.transfer_s[j] / 3600.0)) if r != h else 0
            for s in range(jobs.release[j] + path, jobs.last_start[j] + 1):
                parts = np.clip(s + hours - np.arange(slots.count), 0, 1)
                parts[:s] = 0.0
                grams = slots.sites[r].pue * jobs.power_kw[j] * (parts @ intensity[r])
                mean = (intensity[h][s] + intensity[r][s]) / 2
                items.append((j, r))
                cost.append(grams + (r != h) * jobs.transfer_kwh[j] * mean)
                held.append(parts > 0)
    one = np.array([[j == k for j, _ in items] for k in range(len(jobs))], float)
    used = np.array(
        [
            [jobs.power_kw[j] * (where == r) * held[i][t] for i, (j, where) in enumerate(items)]
            for r in range(len(intensity))
            for t in range(slots.count)
        ]
    )
    most = np.repeat([site.capacity_kw for site in slots.sites], slots.count)
    rules = [LinearConstraint(one, 1, 1), LinearConstraint(used, -np.inf, most)]
    options = {"mip_rel_gap": 0.0}
    found = milp(cost, constraints=rules, integrality=1, bounds=Bounds(0, 1), options=options)
    return found.fun if found.success else None
