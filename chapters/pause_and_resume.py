# %% [markdown]
# # Pause and resume
#
# **Question.**
# When does pausing pay?
#
# **Answer.**
# When the fall of the intensity, relative to the intensity at the resume, exceeds the energy of one start-up over the energy of the work that the pause moves ({eq}`eq-swing`): {num}`pause_and_resume.break_even_1h` for one hour moved by this chapter's job.
# {if}`pause_and_resume.formula_holds` No pause of an optimal schedule falls short of it.
# Where the best start has been found already, pausing, with the curve of {word}`pause_and_resume.place` in {word}`pause_and_resume.year` known, saves another {num}`pause_and_resume.extra_base` in the mean of the weeks, {num}`pause_and_resume.extra_free` if starting were free and {num}`pause_and_resume.extra_startup_60` if it took an hour.
#
# **You need.**
# {doc}`carbon_intensity` for the curve and {doc}`cost_of_stopping` for what a real stop costs.
# *Start-up* is what a job repeats whenever it begins or resumes; a *checkpoint* is a place where the work done so far is saved.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones()
year = 2020  # 2019 or 2020
factors = "ipcc2014"  # or "srren2011", "unece2022"
work_h = 8  # hours of work
startup_min = 15  # minutes of each start-up
longest_wait_h = 48  # deadline: this long after the earliest possible finish
power_w = 200.0  # while working
startup_power_w = 200.0  # while starting
resamples = 2000  # of the weeks, for the intervals
seed = 1

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers.carbon import Intensity
from helpers.carbon.expected import last_period, newest_forecast
from helpers.phases import Phase, PhaseModel, Repeat, Suspension, fill
from helpers.published.charge import charge_as_published, published_intervals
from helpers.schedule import (
    best_schedule,
    best_start,
    charge,
    check,
    heuristics,
    least_emissions_g,
    milp,
    online,
)
from helpers.schedule.suspend import break_even_ratio

figures.use_style()
COLORS = figures.COLORS
SCOPE = publish.Scope((zone,), (year,), jobs="one job", pauses="charged", future="known")
numbers = publish.Numbers("pause_and_resume", SCOPE)
numbers.word("place", datasets.place(zone), "the grid of this chapter")
numbers.word("year", year, "the year of its curve")
ALL_GRIDS = {"grids": datasets.zones()}
intensity = datasets.carbon_intensity(zone, year, factors)


# %% [markdown]
# ## The problem
#
# A job starts (power up, libraries, data), works, and may stop at any time; when it resumes it must start up again.
# The job of this chapter works for {num}`pause_and_resume.work_hours`, starts up in {num}`pause_and_resume.startup_minutes`, and may finish up to {num}`pause_and_resume.wait_hours` later than it could.
# One such job arrives in every week of the year, at an hour drawn by lot; the weeks are what all intervals of this chapter are resampled from.


# %%
def make_job(work_h, startup_min, spacing_min=None):
    """Return a job of constant power; with `spacing_min` it has checkpoints."""
    start = (Phase("start", 60 * startup_min, startup_power_w),) if startup_min else ()
    work = (Phase("work", 3600 * work_h, power_w),)
    if spacing_min:
        pieces = round(60 * work_h / spacing_min)
        work = (Repeat(pieces, (Phase("work", 60 * spacing_min, power_w, checkpoint=True),)),)
    return PhaseModel("batch", start, work)


def arrivals(intensity, every=1):
    """Return one random hour of each week (or every n-th) that leaves ten days on both sides."""
    rng = np.random.default_rng(seed)
    first = intensity.start.ceil("D") + pd.Timedelta(days=10)
    weeks = pd.date_range(first, intensity.stop - pd.Timedelta(days=17), freq="7D")
    return (weeks + pd.to_timedelta(rng.integers(0, 168, weeks.size), "h"))[::every]


def deadline(job, release, wait_h=longest_wait_h):
    return release + pd.Timedelta(seconds=job.duration_s + 3600 * wait_h)


# %%
job = make_job(work_h, startup_min)
releases = arrivals(intensity)
print(f"{len(releases)} arrivals in {zone} {year}")


def emitted_g(schedule, job, intensity=intensity, rules=None):
    return charge(schedule, job, intensity, rules).emissions_g


# %% tags=["hide-cell"]
numbers.record("work_hours", work_h, "h", 0, "work of the job")
numbers.record("startup_minutes", startup_min, "min", 0, "start-up of the job")
numbers.record("wait_hours", longest_wait_h, "h", 0, "longest wait of the job")
_ = numbers.record("arrivals", len(releases), "jobs", 0, "arrivals, one a week")


# %% tags=["hide-cell"]
def outcomes(job, wait_h=longest_wait_h, intensity=intensity, releases=releases, rules=None):
    """Return emissions of the best start and of the optimum, and its resumes, by arrival."""
    rows = []
    for release in releases:
        end = deadline(job, release, wait_h)
        start = best_start(job, intensity, release, end)
        best = best_schedule(job, intensity, release, end, suspension=rules)
        emissions = [emitted_g(s, job, intensity, rules) for s in (start, best)]
        rows.append((release, *emissions, best.resumes, best))
    table = pd.DataFrame(rows, columns=["release", "start_g", "best_g", "resumes", "schedule"])
    table["extra"] = 100 * (1 - table["best_g"] / table["start_g"]).clip(lower=0)
    return table


def interval(top, bottom=None):
    """Return sum(top) / sum(bottom) (mean of top) and its interval over resampled weeks."""
    top = np.asarray(top, dtype=float)
    bottom = np.ones_like(top) if bottom is None else np.asarray(bottom, dtype=float)
    drawn = np.random.default_rng(seed).integers(0, top.size, (resamples, top.size))
    ratios = top[drawn].sum(1) / bottom[drawn].sum(1)
    value = top.sum() / bottom.sum()
    low, high = np.quantile(ratios, [0.025, 0.975])
    return value, (min(low, value), max(high, value))


base = outcomes(job)

# %% [markdown]
# ## Step 1: the curve
#
# Pictures first, for the week in which pausing gains most.
# The grid offers a price for each moment; the job buys time.

# %% mystnb={"figure": {"caption": "Step 1: the carbon intensity in the window of one job, and the best run without a pause.", "name": "fig:pause-curve"}, "image": {"alt": "Step curve of carbon intensity over the hours of the window, with one shaded run placed in the cleanest stretch that is long enough."}} tags=["hide-input"]
shown = base.loc[base["extra"].idxmax()]
release, stop = shown["release"], deadline(job, shown["release"])
window = intensity.window(release, stop)
hours = (window.edges_s - window.edges_s[0]) / 3600


def draw_runs(ax, schedule):
    """Shade start-ups and work of a schedule under the curve."""
    for start_s, stop_s in zip(schedule.start_s, schedule.stop_s, strict=True):
        start, end = (np.array([start_s, stop_s]) - window.edges_s[0]) / 3600
        ready = start + startup_min / 60
        ax.axvspan(start, ready, color=COLORS["startup"], alpha=0.8, linewidth=0)
        ax.axvspan(ready, end, color=COLORS["work"], alpha=0.25, linewidth=0)


def draw_curve(ax, schedule):
    draw_runs(ax, schedule)
    ax.stairs(window.intensity_g_per_kwh, hours, color=COLORS["baseline"], linewidth=1.7)
    ax.set(xlim=(0, hours[-1]), ylabel="g/kWh", xticks=range(0, int(hours[-1]) + 1, 6))


fig, ax = plt.subplots()
draw_curve(ax, best_start(job, intensity, release, stop))
ax.set(xlabel="hours since the job arrived", title="best start, no pause")
plt.show()

# %% [markdown]
# ## Step 2: the mixed-integer program
#
# The published way cuts the window into slots and gives each slot a variable that is 0 or 1: does the job start up here, does it work here?
# Linear rules tie them together: all work is done, and work follows work or a start-up.
# A *big-M* rule ('if this variable is 1, then that one is bounded, else by a large M') states phases easily, but a solver that relaxes 0-or-1 to anything between learns next to nothing from it.
# Our own program says the same in tighter rules.
# On instances small enough for both, programs and dynamic program must agree.


# %%
def small_problem(slots, work, release):
    """Return a job of half-hour slots with two work phases, and its window."""
    startup = (Phase("start", 1800, 150.0),)
    phases = (Phase("train", 1800 * work, 300.0), Phase("test", 1800 * work, 150.0))
    return (
        PhaseModel("small", startup, phases),
        intensity,
        release,
        release + pd.Timedelta(minutes=30 * slots),
    )


programs = [("tight", 24, 3), ("tight", 36, 4), ("tight", 48, 6), ("big-M", 16, 2)]
make = {"tight": milp.tight_program, "big-M": milp.big_m_program}
rows = []
for number, (kind, slots, work) in enumerate(programs):
    for release_small in releases[3 * number :: 17]:
        problem = small_problem(slots, work, release_small)
        program = make[kind](*problem)
        solved = milp.solve(program, solver="highs" if kind == "tight" else "cbc")
        exact = least_emissions_g(*problem)
        size = program.problem.numVariables(), program.problem.numConstraints()
        rows.append((kind, slots, *size, solved.status, abs(solved.objective_g / exact - 1)))
judged = pd.DataFrame(
    rows, columns=["program", "slots", "variables", "rules", "status", "difference"]
)
print(judged.drop(columns="difference").drop_duplicates().to_string(index=False))
agree = (judged["status"] == "optimal") & (judged["difference"] < 1e-9)
print(f"{agree.sum()} of {len(judged)} instances: proved optimal, same objective to 1e-9")

# %% tags=["hide-cell"]
numbers.record("instances", len(judged), "instances", 0, "instances solved by program and DP")
_ = numbers.record(
    "instances_agree",
    agree.sum(),
    "instances",
    0,
    "of them with the same objective to 1e-9, relative",
)

# %% [markdown]
# On {num}`pause_and_resume.instances_agree` of {num}`pause_and_resume.instances` the objectives are equal to nine digits.
# The programs grow hard quickly, the dynamic program does not; `make bench` measures both side by side on your machine.

# %% [markdown]
# ## Step 3: states
#
# What the future costs depends on two things only: *which slot it is*, and *how much work is done*; and on whether the job runs.
# Let $\mathrm{on}(t, w)$ and $\mathrm{off}(t, w)$ be the least emissions from slot $t$ on, with $w$ slots of work done.
# With $c_t$ the emissions of a slot and $s$ slots of start-up,
#
# $$
# \mathrm{off}(t, w) &= \min\{\mathrm{off}(t+1, w),\; c_t + \dots + c_{t+s-1} + \mathrm{on}(t+s, w)\}, \\
# \mathrm{on}(t, w) &= \min\{\mathrm{off}(t, w),\; c_t + \mathrm{on}(t+1, w+1)\}.
# $$ (eq-dynamic)
#
# Each state is looked at once: the cost is slots times work slots, not two to the power of the slots.
# A slot must divide all durations and the steps of the curve; nothing is lost by that, for some optimal schedule starts and stops at multiples of their greatest common divisor only.


# %%
def least_from_here(work_g, startup_g, work, startup):
    """Return off(t, w) by eq. (dynamic): emissions of each slot, slots of work and start-up."""
    slots = work_g.size
    on, off = np.full((2, slots + 1, work + 1), np.inf)
    on[slots, work] = off[slots, work] = 0.0
    for t in reversed(range(slots)):
        run = np.append(work_g[t] + on[t + 1, 1:], np.inf)
        off[t] = off[t + 1]
        if t + startup <= slots:
            ready = on[t + startup] if startup else run
            off[t] = np.minimum(off[t], startup_g[t : t + startup].sum() + ready)
        on[t] = np.minimum(off[t], run)
    return off


slot_min = math.gcd(startup_min, 60)  # divides the start-up, the work and the steps of the curve
slot_s = 60 * slot_min
count = round((stop - release).total_seconds() / slot_s)
begins = release.timestamp() + slot_s * np.arange(count)
kwh = slot_s / 3.6e6
slot_g = intensity.mean(begins, begins + slot_s) * kwh
work_slots = round(3600 * work_h / slot_s)
startup_slots = startup_min // slot_min
states = least_from_here(slot_g * power_w, slot_g * startup_power_w, work_slots, startup_slots)
same = abs(states[0, 0] / shown["best_g"] - 1)
print(f"{count} slots x {work_slots} work slots: {states[0, 0]:.1f} g")
print("same as best_schedule to 1e-9:", same < 1e-9)

# %% mystnb={"figure": {"caption": "Step 3: all states of one job, coloured by the least emissions from there on (blank: too late to finish), and the optimal path through them: level while paused, rising while it works.", "name": "fig:pause-states"}, "image": {"alt": "Heat map of hours against work done, brighter where more emissions are to come, crossed by a staircase path that rises during runs and stays level during pauses."}} tags=["hide-input"]
best = shown["schedule"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
finite = np.where(np.isfinite(states), states, np.nan).T
extent = (0, hours[-1], 0, work_h)
figures.heatmap(ax, finite, label="least emissions from here on, g", extent=extent, origin="lower")
path_h, path_work = [0.0], [0.0]
for start_s, end_s, low_s, high_s in zip(
    best.start_s, best.stop_s, best.work_from_s, best.work_to_s, strict=True
):
    ready_h = (start_s - window.edges_s[0]) / 3600 + startup_min / 60
    path_h += [ready_h, (end_s - window.edges_s[0]) / 3600]
    path_work += [low_s / 3600, high_s / 3600]
ax.plot([*path_h, hours[-1]], [*path_work, work_h], color="white", linewidth=4)
ax.plot([*path_h, hours[-1]], [*path_work, work_h], color=COLORS["model"], linewidth=2)
ax.set(
    xlabel="hours since the job arrived",
    ylabel="work done, h",
    xticks=range(0, int(hours[-1]) + 1, 6),
)
plt.show()

# %% [markdown]
# {numref}`fig:pause-states` is the whole problem in one picture: any schedule is a path from the lower left to the upper edge, and the recursion finds the cheapest.
#
# ## Step 4: the schedule

# %% mystnb={"figure": {"caption": "Step 4: the path laid back on the curve: the optimal schedule. Blue: work, orange: start-ups.", "name": "fig:pause-schedule"}, "image": {"alt": "The same intensity curve with shaded runs in its valleys, each begun by a narrow start-up, and a pause across the peaks."}} tags=["hide-input"]
fig, ax = plt.subplots()
draw_curve(ax, best)
check(best, job, release=release, deadline=stop)
ax.set(xlabel="hours since the job arrived", title="optimal schedule")
plt.show()

# %% tags=["hide-cell"]
numbers.record("shown_extra", shown["extra"], "%", 1, "saved beyond the best start, week shown")
_ = numbers.record(
    "shown_runs", shown["resumes"] + 1, "runs", 0, "of the optimal schedule in the week shown"
)

# %% [markdown]
# In this week, chosen for its gain, {num}`pause_and_resume.shown_runs` instead of one save {num}`pause_and_resume.shown_extra` of what the best start emits.
# Most weeks are not like it.
#
# ## What pausing adds to a good start
#
# A pause is worth what it saves *beyond* the best start, not beyond starting at once.

# %%
startups_min = [0, 5, 10, 15, 30, 45, 60]
waits_h = [6, 12, 24, 48, 96]
lengths_h = [1, 2, 4, 8, 16]
sweeps = {
    "start-up, min": {m: outcomes(make_job(work_h, m)) for m in startups_min},
    "longest wait, h": {w: outcomes(job, w) for w in waits_h},
    "work, h": {h: outcomes(make_job(h, startup_min)) for h in lengths_h},
}

# %% mystnb={"figure": {"caption": "Emissions saved by pausing beyond the best start, against start-up time, longest wait and length of the job; mean over the weeks and its 95 % interval.", "name": "fig:pause-gains"}, "image": {"alt": "Three panels: the extra saving against start-up time, from {num}`pause_and_resume.extra_free` to {num}`pause_and_resume.extra_startup_60`, against the longest wait, and against the length of the job, from {num}`pause_and_resume.extra_work_1` to {num}`pause_and_resume.extra_work_16`; shaded intervals."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.2), sharey=True)
for ax, (label, tables) in zip(axes, sweeps.items(), strict=True):
    points = [interval(table["extra"]) for table in tables.values()]
    low, high = np.transpose([ends for _, ends in points])
    places = list(tables)
    ax.fill_between(places, low, high, color=COLORS["work"], alpha=0.2, linewidth=0)
    ax.plot(places, [value for value, _ in points], "o-", color=COLORS["work"], markersize=4)
    if label != "start-up, min":
        ax.set_xscale("log", base=2)
        ax.set_xticks(places, places)
    ax.set_xlabel(label)
axes[0].set_ylim(0)
axes[0].set_xticks(range(0, 61, 15))
axes[0].set_ylabel("saved beyond the best start, %")
plt.show()

# %% tags=["hide-cell"]
for name, table, meaning in (
    ("extra_base", base, "the chapter's job"),
    ("extra_free", sweeps["start-up, min"][0], "no start-up"),
    ("extra_startup_5", sweeps["start-up, min"][5], "start-up of 5 min"),
    ("extra_startup_60", sweeps["start-up, min"][60], "start-up of an hour"),
    ("extra_wait_6", sweeps["longest wait, h"][6], "longest wait 6 h"),
    ("extra_wait_96", sweeps["longest wait, h"][96], "longest wait 96 h"),
    ("extra_work_1", sweeps["work, h"][1], "an hour of work"),
    ("extra_work_16", sweeps["work, h"][16], "16 hours of work"),
):
    value, ends = interval(table["extra"])
    free = {"pauses": "free"} if name == "extra_free" else {}
    meaning = f"saved beyond the best start: {meaning}"
    numbers.record(name, value, "%", 2, meaning, interval=ends, scope=free)
more = sweeps["work, h"][16]["extra"].mean() > sweeps["work, h"][1]["extra"].mean()
numbers.fact("long_gains_more", more, "sixteen hours of work gain more than one from pausing")
value, ends = interval(100 * (base["resumes"] > 0))
_ = numbers.record(
    "weeks_paused", value, "%", 0, "weeks in which the optimum pauses", interval=ends
)

# %% [markdown]
# The chapter's job gains {num}`pause_and_resume.extra_base` from pausing, and pauses in {num}`pause_and_resume.weeks_paused` of the weeks.
# Free start-ups would give {num}`pause_and_resume.extra_free`, an hour's start-up leaves {num}`pause_and_resume.extra_startup_60`.
# A job of one hour gains {num}`pause_and_resume.extra_work_1`, one of sixteen {num}`pause_and_resume.extra_work_16`.
# {if}`pause_and_resume.long_gains_more` Short work fits into one valley, long work must cross peaks.
# With the shortest wait the gain is {num}`pause_and_resume.extra_wait_6`, with the longest {num}`pause_and_resume.extra_wait_96`: a longer wait finds more valleys for the pieces, but also a better one for the single run.
#
# ## The swing that pays for one resume
#
# Move $x$ hours of work, at power $P$, from the moments right after a stop, with mean intensity $I_\mathrm{now}$, to the end of the next run, with $I_\mathrm{later}$.
# That saves $P x (I_\mathrm{now} - I_\mathrm{later})$ and costs one start-up of energy $E$ at intensity $I_\mathrm{resume}$.
# So this move pays if and only if
#
# $$
# \frac{I_\mathrm{now} - I_\mathrm{later}}{I_\mathrm{resume}} \;>\; \frac{E}{P\,x}.
# $$ (eq-swing)
#
# The right-hand side knows no grid: energy of a start-up over energy of the work that is moved.
# An optimal schedule must obey it at each of its pauses, or else leaving the pause out would be better; here $x$ is the smaller of the pause and the work of the run after it.


# %%
def swings(schedule, job, intensity):
    """Return needed and actual relative swing at each pause of a schedule."""
    rows = []
    startup_s = job.startup_profile.duration_s
    for i in range(schedule.resumes):
        off_s, begin_s = schedule.stop_s[i], schedule.start_s[i + 1]
        end_s = schedule.stop_s[i + 1]
        done_s = schedule.work_to_s[i + 1] - schedule.work_from_s[i + 1]
        moved_s = min(done_s, begin_s + startup_s - off_s)
        dirty = intensity.mean(off_s, off_s + moved_s)
        clean = intensity.mean(end_s - moved_s, end_s)
        resume = intensity.mean(begin_s, begin_s + startup_s)
        needed = job.startup_profile.energy_j / (power_w * moved_s)
        rows.append((moved_s / 3600, needed, (dirty - clean) / resume))
    return rows


# %% [markdown]
# A second rule asks before any schedule is known: let $\Delta$ be what the best start emits beyond one start-up in the cleanest hour and the job's work in the cleanest hours, as if these were contiguous.
# No schedule gains more than that, and each resume takes at least $E$ times the least intensity $I_{\min}$ of the window away, so with $R = \Delta / (E\,I_{\min})$ a pause can only pay if $R > 1$, and $n$ resumes only if $R > n$.


# %% tags=["hide-cell"]
def room(start_g, job, intensity, release, end):
    """Return R: what pausing could gain at most, in start-ups at the least intensity."""
    part = intensity.window(release, end)
    order = np.argsort(part.intensity_g_per_kwh, kind="stable")
    length_s = np.diff(part.edges_s)[order]
    used_s = np.diff(np.minimum(np.cumsum(length_s), job.work_profile.duration_s), prepend=0)
    clean_g = power_w * (used_s * part.intensity_g_per_kwh[order]).sum() / 3.6e6
    startup_g = job.startup_profile.energy_j * part.intensity_g_per_kwh.min() / 3.6e6
    return (start_g - startup_g - clean_g) / startup_g


# %%
compared = year if year in datasets.years() else datasets.years()[-1]  # of the other grids
pauses, windows = [], []
for name in datasets.zones():
    curve = datasets.carbon_intensity(name, compared, factors)
    for minutes in (5, 15, 30, 60):
        for length in (2, 8):
            tried = make_job(length, minutes)
            found = outcomes(tried, intensity=curve, releases=arrivals(curve, every=4))
            for row in found.itertuples():
                end = deadline(tried, row.release)
                ratio = room(row.start_g, tried, curve, row.release, end)
                windows.append((name, minutes, length, ratio, row.resumes, row.extra))
                pauses += [(name, minutes, *p) for p in swings(row.schedule, tried, curve)]
pauses = pd.DataFrame(pauses, columns=["zone", "startup_min", "moved_h", "needed", "swing"])
windows = pd.DataFrame(
    windows, columns=["zone", "startup_min", "work_h", "room", "resumes", "extra"]
)
kept = pauses["swing"] >= pauses["needed"] * (1 - 1e-9) - 1e-9
forbidden = windows["room"] < 1
print(f"{kept.sum():,} of {len(pauses):,} optimal pauses obey the formula")
print(f"R < 1 in {forbidden.sum():,} of {len(windows):,} windows, pauses there:", end=" ")
print((windows["resumes"][forbidden] > 0).sum())

# %% mystnb={"figure": {"caption": "Every pause of every optimal schedule over {num}`pause_and_resume.grids`: swing across it against the swing that the formula asks for. {if}`pause_and_resume.formula_holds` None lies below the line.", "name": "fig:pause-break-even"}, "image": {"alt": "Scatter on logarithmic axes of actual against needed relative swing, coloured by start-up time; {num}`pause_and_resume.pauses_kept` lie on or above the diagonal."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
shades = ("partial", "average", "startup", "marginal")
for (minutes, group), color in zip(pauses.groupby("startup_min"), shades, strict=False):
    ax.plot(
        100 * group["needed"],
        100 * group["swing"],
        "o",
        color=COLORS[color],
        markersize=4,
        alpha=0.6,
        markeredgewidth=0,
        label=f"start-up {minutes} min",
    )
ends = np.array([100 * pauses["needed"].min() / 1.2, 100 * pauses["needed"].max() * 1.2])
ax.plot(ends, ends, color=COLORS["baseline"])
ax.set(xscale="log", yscale="log", xlabel="swing needed, %", ylabel="swing at the pause, %")
ax.legend(loc="lower right")
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter("{x:g}")
plt.show()

# %%
often = windows.assign(paused=100 * (windows["resumes"] > 0)).pivot_table(
    "paused", "startup_min", "work_h"
)
print("windows in which the optimum pauses [%], start-up [min] against work [h], all grids")
print(often.round(1).to_string())

# %% mystnb={"figure": {"caption": "Share of windows in which the optimum pauses, against the room R for a pause; below 1 a pause is impossible.", "name": "fig:pause-room"}, "image": {"alt": "Rising curve of the share of windows with a pause against the ratio R on a logarithmic axis; below one, {num}`pause_and_resume.windows_wrong` have a pause."}} tags=["hide-input"]
edges = np.array([0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64])
paused = (windows["resumes"] > 0).groupby(pd.cut(windows["room"], edges), observed=True)
share = paused.mean()[paused.size() >= 5]
middle = [np.sqrt(i.left * i.right) for i in share.index]
fig, ax = plt.subplots()
ax.plot(middle, 100 * share, "o-", color=COLORS["work"])
ax.axvline(1, color=COLORS["baseline"], linestyle="--")
ax.text(0.95, 60, "no pause can pay", ha="right", color=COLORS["baseline"])
ax.set_xscale("log")
ax.set_xticks([0.5, 1, 2, 4, 8, 16, 32], ["0.5", "1", "2", "4", "8", "16", "32"])
ax.minorticks_off()
ax.set(xlabel="room R, in start-ups", ylabel="windows with a pause, %", ylim=(-2, 102))
plt.show()

# %% tags=["hide-cell"]
open_ones = windows[~forbidden]
cuts = np.unique(open_ones["room"])
right = [((open_ones["room"] > cut) == (open_ones["resumes"] > 0)).mean() for cut in cuts]
count = len(datasets.zones())
numbers.record("grids", count, "grids", 0, "grids of the pauses checked", scope=ALL_GRIDS)
meaning = "pauses of optimal schedules checked"
numbers.record("pauses_checked", len(pauses), "pauses", 0, meaning, scope=ALL_GRIDS)
meaning = "of them at which the formula holds"
numbers.record("pauses_kept", kept.sum(), "pauses", 0, meaning, scope=ALL_GRIDS)
numbers.fact("formula_holds", kept.all(), "the formula holds at every pause checked")
for minutes in (5, 60):
    numbers.record(
        f"paused_8h_{minutes}min",
        often.loc[minutes, 8],
        "%",
        0,
        f"windows over all grids that pause: 8 h of work, start-up {minutes} min",
        scope=ALL_GRIDS,
    )
numbers.record(
    "paused_2h_5min",
    often.loc[5, 2],
    "%",
    0,
    "windows over all grids that pause: 2 h of work, start-up 5 min",
    scope=ALL_GRIDS,
)
numbers.record("windows_checked", len(windows), "windows", 0, "windows over all grids")
numbers.record("windows_decided", 100 * forbidden.mean(), "%", 0, "windows with R below 1")
wrong = (windows["resumes"][forbidden] > 0).sum()
numbers.record("windows_wrong", wrong, "windows", 0, "optima that pause though R is below 1")
numbers.record("room_cut", cuts[np.argmax(right)], "start-ups", 1, "R that best tells who pauses")
numbers.record(
    "room_accuracy", 100 * max(right), "%", 0, "windows with R above 1 told right by that R"
)
hour_share = job.startup_profile.energy_j / (power_w * 3600)
numbers.record("break_even_1h", 100 * hour_share, "%", 0, "swing that pays for moving one hour")
_ = numbers.record(
    "break_even_4h", 100 * hour_share / 4, "%", 1, "swing that pays for moving four hours"
)

# %% [markdown]
# The formula holds at {num}`pause_and_resume.pauses_kept` of {num}`pause_and_resume.pauses_checked`.
# Moving one hour needs a swing of {num}`pause_and_resume.break_even_1h`, moving four hours only {num}`pause_and_resume.break_even_4h`: long work makes start-ups cheap.
# Over {num}`pause_and_resume.grids` the eight-hour job pauses in {num}`pause_and_resume.paused_8h_5min` of the windows if a start-up takes five minutes and in {num}`pause_and_resume.paused_8h_60min` if it takes an hour; two hours of work, even with the shorter start-up, in {num}`pause_and_resume.paused_2h_5min`.
# Of {num}`pause_and_resume.windows_checked`, {num}`pause_and_resume.windows_decided` have $R < 1$ and so need no search; the optimum pauses in {num}`pause_and_resume.windows_wrong` of these.
# Above it the answer depends on how many valleys share the clean hours: the cut that separates best lies at {num}`pause_and_resume.room_cut` and tells {num}`pause_and_resume.room_accuracy` of these open windows right, judged on the same windows it was chosen from.
#
# ## Only at checkpoints
#
# If only checkpoints are kept, a stop may come only right after one.
# How much of the gain is left depends on how far apart they are.

# %%
spacings_min = [15, 30, 60, 120, 240]
marks = Suspension(keep="checkpoints")
spaced = {
    m: outcomes(make_job(work_h, startup_min, m), rules=marks)
    for m in spacings_min
    if 60 * work_h % m == 0
}
gain_g = base["start_g"] - base["best_g"]
left = {m: interval(100 * (t["start_g"] - t["best_g"]), gain_g) for m, t in spaced.items()}

# %% mystnb={"figure": {"caption": "Share of the gain from pausing that is left when the job may stop only at checkpoints, against their spacing; 95 % interval over the weeks.", "name": "fig:pause-checkpoints"}, "image": {"alt": "Falling curve of the share of the gain left against the spacing of checkpoints, {num}`pause_and_resume.left_60min` at an hour and {num}`pause_and_resume.left_240min` at four."}} tags=["hide-input"]
fig, ax = plt.subplots()
low, high = np.transpose([ends for _, ends in left.values()])
ax.fill_between(list(left), low, high, color=COLORS["work"], alpha=0.2, linewidth=0)
ax.plot(list(left), [v for v, _ in left.values()], "o-", color=COLORS["work"])
ax.set_xscale("log", base=2)
ax.set_xticks(list(left), list(left))
ax.set(xlabel="checkpoint every ... min", ylabel="gain from pausing left, %", ylim=(0, 105))
plt.show()

# %% tags=["hide-cell"]
for minutes, (value, ends) in left.items():
    numbers.record(
        f"left_{minutes}min",
        value,
        "%",
        0,
        f"gain from pausing left with a checkpoint every {minutes} min",
        interval=ends,
    )

# %% [markdown]
# A checkpoint every hour leaves {num}`pause_and_resume.left_60min` of the gain, one every four hours {num}`pause_and_resume.left_240min`.
# The curve changes by the hour, so denser checkpoints than that buy little; the interval widens with the spacing, because few weeks carry the gain.
# For {eq}`eq-swing` the spacing is a least $x$: a job whose checkpoints are far apart can move only large pieces.

# %% [markdown]
# ## Phases, saves and pauses that cost
#
# So far work had one power, saving was free and a suspended job drew nothing.
# Let saving cost $F$ and the suspended job draw $q$, through a pause of length $d$ from the high intensity $H$ to the low one $L$; let the work that is moved draw $P$, which with phases is its own power and not the mean.
# Moving it saves $P x (H - L)$ and costs $E L + (F + q d) H$, so it pays if
#
# $$
# \frac{H}{L} \;>\; \frac{P x + E}{P x - F - q d},
# $$ (eq-ratio)
#
# and never if saving and waiting eat what is moved; with $F = q = 0$ this is {eq}`eq-swing` again.
# `break_even_ratio` computes it.
# On a curve of two values whose window leaves the job just this one choice, the optimum must begin to pause at that ratio.


# %%
def pauses_at(ratio, job, rules, moved_h, pause_h):
    """Tell whether the optimum pauses where the intensity is `ratio` times as high for a while."""
    startup_s, save_s = job.startup_profile.duration_s, rules.save_profile.duration_s
    before_s = startup_s + job.work_profile.duration_s - 3600 * moved_h
    after_s = startup_s + 3600 * moved_h
    lasts_s = np.cumsum([0, before_s, save_s + 3600 * pause_h, after_s])
    two = Intensity(lasts_s, [100, 100 * ratio, 100], "average", "two values", "made up")
    return best_schedule(job, two, lasts_s[0], lasts_s[-1], suspension=rules).resumes > 0


def found_ratio(*case):
    """Return the least ratio at which the optimum pauses, by bisection."""
    low, high = 1.0, 32.0
    for _ in range(24):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if pauses_at(middle, *case) else (middle, high)
    return high


save = (Phase("save", 120, power_w),)
cases = [
    (suspended_w, saves, moved_h)
    for suspended_w in (0.0, 10.0, 25.0)
    for saves in ((), save)
    for moved_h in (2, 4)
]
rows = []
for suspended_w, saves, moved_h in cases:
    rules = Suspension(save=saves, suspended_power_w=suspended_w)
    asked = break_even_ratio(job, 3600 * moved_h, pause_s=3600 * 10, suspension=rules)
    found = found_ratio(job, rules, moved_h, 10)
    rows.append((suspended_w, bool(saves), moved_h, asked, found))
ratios = pd.DataFrame(rows, columns=["suspended_w", "saves", "moved_h", "formula", "optimum"])
print("least ratio of high to low intensity, pause of 10 h")
print(ratios.round(4).to_string(index=False))

# %% [markdown]
# Now on the curve of the year: the same job, and one that takes turns between a high power for an hour and a half and a low one for half an hour, with the same energy.

# %%
turn = (Phase("train", 5400, 1.2 * power_w), Phase("test", 1800, 0.4 * power_w))
start = (Phase("start", 60 * startup_min, startup_power_w),) if startup_min else ()
phased = PhaseModel("phased", start, fill(turn, 3600 * work_h))
suspended = [0.0, 1.0, 2.0, 5.0, 10.0]
kinds = {"constant, free saves": (job, ()), "constant, saves of 2 min": (job, save)}
kinds["phases, saves of 2 min"] = (phased, save)
costed = {
    (name, watts): outcomes(made, rules=Suspension(save=saves, suspended_power_w=watts))
    for name, (made, saves) in kinds.items()
    for watts in suspended
}

# %% mystnb={"figure": {"caption": "Emissions saved by pausing beyond the best start, against the power of the suspended job; mean over the weeks, with the 95 % interval of the job that saves.", "name": "fig:pause-costed"}, "image": {"alt": "Falling curves of the extra saving against suspended power for three jobs; that of the job that saves falls from {num}`pause_and_resume.costed_save` to {num}`pause_and_resume.costed_10w` at ten watts."}} tags=["hide-input"]
fig, ax = plt.subplots()
styles = {"constant, free saves": ("work", "--"), "constant, saves of 2 min": ("work", "-")}
styles["phases, saves of 2 min"] = ("model", "-")
for name, (color, line) in styles.items():
    points = [interval(costed[name, watts]["extra"]) for watts in suspended]
    ax.plot(
        suspended,
        [value for value, _ in points],
        line,
        marker="o",
        markersize=4,
        color=COLORS[color],
        label=name,
    )
    if name == "constant, saves of 2 min":
        low, high = np.transpose([ends for _, ends in points])
        ax.fill_between(suspended, low, high, color=COLORS[color], alpha=0.2, linewidth=0)
ax.set(
    xlabel="power of the suspended job, W", ylabel="saved beyond the best start, %", ylim=(0, None)
)
ax.legend()
plt.show()

# %% tags=["hide-cell"]
kept_there = (ratios["optimum"] / ratios["formula"] - 1).abs() < 1e-5
numbers.record("ratio_cases", len(ratios), "cases", 0, "break-even ratios checked on two values")
numbers.record("ratio_kept", kept_there.sum(), "cases", 0, "of them with the optimum's, to 1e-5")
numbers.record("ratio_free", ratios["formula"].iloc[0], "", 2, "ratio, 2 h moved, all free")
dearest = ratios[ratios["saves"] & (ratios["moved_h"] == 2)]["formula"].iloc[-1]
numbers.record("ratio_dear", dearest, "", 2, "ratio, 2 h moved, saving, 25 W suspended for 10 h")
for name, key in (
    ("costed_free", ("constant, free saves", 0.0)),
    ("costed_save", ("constant, saves of 2 min", 0.0)),
    ("costed_5w", ("constant, saves of 2 min", 5.0)),
    ("costed_10w", ("constant, saves of 2 min", 10.0)),
    ("costed_phases", ("phases, saves of 2 min", 0.0)),
):
    value, ends = interval(costed[key]["extra"])
    meaning = f"saved beyond the best start: {key[0]}, {key[1]:g} W suspended"
    numbers.record(name, value, "%", 2, meaning, interval=ends)
differs = (
    costed["phases, saves of 2 min", 0.0]["extra"]
    - costed["constant, saves of 2 min", 0.0]["extra"]
)
value, ends = interval(differs)
numbers.record(
    "costed_phases_more", value, "points", 2, "phases over constant power, paired", interval=ends
)
clear = not ends[0] <= 0 <= ends[1]
_ = numbers.fact("phases_clear", clear, "the interval of costed_phases_more excludes zero")

# %% [markdown]
# In {num}`pause_and_resume.ratio_kept` of {num}`pause_and_resume.ratio_cases` the optimum begins to pause just where the formula says: moving two hours needs a ratio of {num}`pause_and_resume.ratio_free` if stopping is free, and of {num}`pause_and_resume.ratio_dear` if a stop must save and the suspended job draws 25 W for ten hours.
# Over the weeks, saves of two minutes leave {num}`pause_and_resume.costed_save` of the {num}`pause_and_resume.costed_free` that pausing adds, five watts while suspended {num}`pause_and_resume.costed_5w`, and ten {num}`pause_and_resume.costed_10w`: what a job draws while it waits, it draws for hours, in the dirtiest of them ({numref}`fig:pause-costed`).
# Phases of the same energy change the gain by {num}`pause_and_resume.costed_phases_more` ({num-interval}`pause_and_resume.costed_phases_more`).
# {if-not}`pause_and_resume.phases_clear` That is not clear of zero: turns of two hours are short beside the valleys they are placed in.

# %% [markdown]
# ## Simpler rules
#
# What does one get without solving anything, or without knowing the future?
# Every rule below is charged for all its start-ups; the measure is the share of what the optimum saves against starting at once.
#
# * *Best start*: one run, in hindsight.
# * *Cheapest slots*: wants the cleanest hours of the window, knows no overhead; it is the published suspend-resume policy {cite}`wiesner2021,hanafy2024` carried out and charged.
# * *Fixed threshold*: runs below the lowest third of the week before.
# * *Certified thresholds*: online pause and resume with a proven ratio, bounds from the week before.
# * *Re-planning*: the exact plan at each hour, on 'as yesterday'.


# %%
def rules_of(job, release, end):
    """Return the schedule of each rule for one arrival."""
    args = (job, intensity, release, end)
    past = intensity.window(release - pd.Timedelta(days=7), release).intensity_g_per_kwh
    hourly = {"step_s": 3600.0}
    bounds = online.job_thresholds(job, past.min(), past.max(), **hourly)
    level = float(np.quantile(past, 1 / 3))
    guess = last_period(intensity, end)
    return {
        "best start": best_start(*args),
        "cheapest slots": heuristics.cheapest_slots(*args, **hourly),
        "fixed threshold": heuristics.below_threshold(*args, threshold_g_per_kwh=level, **hourly),
        "certified thresholds": online.follow_thresholds(*args, bounds, **hourly),
        "re-planning": online.receding_horizon(job, guess, release, end, **hourly),
    }


rows, claims, blind = [], [], []
for row in base.itertuples():
    end = deadline(job, row.release)
    schedules = rules_of(job, row.release, end)
    for schedule in schedules.values():
        check(schedule, job, release=row.release, deadline=end)
    now_g = emitted_g(heuristics.as_soon_as_possible(job, row.release, end), job)
    emissions = {name: emitted_g(s, job) for name, s in schedules.items()}
    rows.append({"at once": now_g, "optimum": row.best_g, **emissions})
    blind += swings(schedules["cheapest slots"], job, intensity)
    wish = published_intervals(job, intensity, row.release, end)
    claims.append(charge_as_published(wish, job, intensity).emissions_g)
compared = pd.DataFrame(rows)
possible_g = compared["at once"] - compared["optimum"]
shares = {
    name: interval(100 * (compared["at once"] - compared[name]), possible_g)
    for name in compared.columns.drop(["at once", "optimum"])
}
short = np.array([swing < needed for _, needed, swing in blind])
claimed = interval(100 * (compared["at once"] - np.array(claims)), possible_g)

# %% mystnb={"figure": {"caption": "Share of the optimum's saving against starting at once that each rule reaches, with 95 % intervals over the weeks. Blue knows the future, pink does not; the open mark is what the published charge claims for cheapest slots.", "name": "fig:pause-rules"}, "image": {"alt": "Dot plot with intervals of the share of the optimum's saving that each rule reaches: the best start {num}`pause_and_resume.share_best_start` and cheapest slots {num}`pause_and_resume.share_cheapest_slots`, which know the future; re-planning {num}`pause_and_resume.share_re_planning` and certified thresholds {num}`pause_and_resume.share_certified_thresholds`, which do not; an open mark shows the claim."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.3))
order = sorted(shares, key=lambda name: shares[name][0])
knowing = {"best start", "cheapest slots"}
for place, name in enumerate(order):
    value, ends = shares[name]
    color = COLORS["average"] if name in knowing else COLORS["forecast"]
    ax.plot(ends, [place, place], color=color, alpha=0.4, linewidth=5, solid_capstyle="butt")
    ax.plot(value, place, "o", color=color, markersize=7)
place = order.index("cheapest slots")
ax.plot(claimed[0], place, "o", color=COLORS["average"], markerfacecolor="white", markersize=7)
ax.axvline(100, color=COLORS["baseline"])
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.set_yticks(range(len(order)), order)
ax.set(xlabel="share of the optimum's saving, %")
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["hide-cell"]
for name, (value, ends) in shares.items():
    numbers.record(
        "share_" + name.replace(" ", "_").replace("-", "_"),
        value,
        "%",
        0,
        f"share of the optimum's saving: {name}",
        interval=ends,
        scope={"future": "known" if name in knowing else "unknown"},
    )
numbers.record(
    "share_claimed", claimed[0], "%", 0, "what the published charge claims", interval=claimed[1]
)
numbers.record("blind_pauses", len(blind), "pauses", 0, "pauses of cheapest slots")
numbers.record("blind_short", 100 * short.mean(), "%", 0, "of them that fall short of the formula")
value, ends = interval(100 * possible_g, compared["at once"])
_ = numbers.record(
    "saving_optimum", value, "%", 1, "saved by the optimum against at once", interval=ends
)

# %% [markdown]
# The optimum saves {num}`pause_and_resume.saving_optimum` against starting at once.
# The best start reaches {num}`pause_and_resume.share_best_start` of that, cheapest slots {num}`pause_and_resume.share_cheapest_slots` once its start-ups are charged, though the published charge, which reads power at the total time run so far, claims {num}`pause_and_resume.share_claimed`.
# Of the {num}`pause_and_resume.blind_pauses` that it makes, not knowing what they cost, {num}`pause_and_resume.blind_short` fall short of {eq}`eq-swing`; leaving one of those out would save.
# Without the future, re-planning on 'as yesterday' reaches {num}`pause_and_resume.share_re_planning`, a fixed threshold {num}`pause_and_resume.share_fixed_threshold` and certified thresholds {num}`pause_and_resume.share_certified_thresholds`: a proven ratio guards against the worst case and is not made for the mean one.
# {if}`in-book` The intervals of the three overlap widely.

# %% [markdown]
# (refuted-ratio)=
# ### A stated guarantee that does not hold
#
# Online pause and resume {cite}`lechowicz2023` buys units of work at prices that are revealed one by one, and states for its thresholds a competitive ratio: the most that it pays, at worst, over the least cost in hindsight.
# Here is its own rule, carried out as published, for two units, prices between 1 and 100 and no cost of switching.
# The prices begin at the lowest, which is bought; then they stay just above what the second unit may cost, until the last step must be bought at any price.

# %%
stated = online.thresholds(2, 1.0, 100.0, rule="published")
just_above = round(float(stated.low[1]) + 0.01, 2)
prices = [1.0, just_above, just_above, 100.0, 100.0]
_, paid = online.purchases(prices, stated)
least = online.best_purchases(prices, 2)
certified = online.thresholds(2, 1.0, 100.0)
print("prices:", ", ".join(f"{price:g}" for price in prices))
print(f"the published rule pays {paid:.2f}, hindsight {least:.2f}: {paid / least:.1f} times")
print(f"ratio stated for it {stated.stated_ratio:.2f}, ratio it does keep {stated.ratio:.1f}")
print(f"the certified thresholds of this book keep {certified.ratio:.1f}")

# %% tags=["hide-cell"]
anywhere = {"grids": (), "years": (), "jobs": "two units", "future": "unknown"}
for key, value, digits, meaning in (
    ("ratio_stated", stated.stated_ratio, 2, "competitive ratio stated for the published rule"),
    ("ratio_paid", paid / least, 1, "what it pays over the least cost, five prices"),
    ("ratio_safe", certified.ratio, 1, "ratio that the certified thresholds keep"),
):
    numbers.record(key, value, "", digits, meaning, scope=anywhere)
numbers.word("ratio_prices", ", ".join(f"{price:g}" for price in prices), "the five prices")
_ = numbers.fact("ratio_refuted", paid / least > stated.stated_ratio, "it pays more than stated")

# %% [markdown]
# {if}`pause_and_resume.ratio_refuted` At the prices {word}`pause_and_resume.ratio_prices` the published rule pays {num}`pause_and_resume.ratio_paid` times the least cost, where {num}`pause_and_resume.ratio_stated` is stated: one sequence of prices that is worse than the worst is enough to refute the statement.
# A unit bought early far below its threshold helps the optimum more than the player, which the published proof leaves out; `helpers.schedule.online` has a bound that does not, and thresholds that keep the ratio they state ({num}`pause_and_resume.ratio_safe` here).
# It says nothing against the rule in the mean: above, thresholds of both kinds are rules of thumb.

# %% [markdown]
# ## With forecasts that were issued
#
# 'As yesterday' is a poor man's forecast.
# For California's marginal rate the forecasts that were really issued are at hand, every quarter of an hour for the next three hours ({doc}`carbon_intensity`).
# The plan is made anew at every quarter of an hour with what was known then: the forecast, and beyond it yesterday; or yesterday alone.
# The measure is again the share of what hindsight saves against starting at once, for two hours of work and a start-up of a quarter of an hour.

# %%
region = "CAISO_PGE"
abroad = {"grids": (region,), "years": (), "future": "forecast"}
rate = datasets.marginal_intensity(region)
issued = datasets.marginal_forecasts(region)
errand = PhaseModel("errand", (Phase("start", 900, power_w),), (Phase("work", 7200, power_w),))
rows = []
for number, released in enumerate(arrivals(rate)):
    for wait in (3, 6, 12, 24):
        end = deadline(errand, released, wait)
        guesses = {
            "yesterday": last_period(rate, end),
            "forecast": newest_forecast(issued, rate, end),
        }
        for name, guess in guesses.items():
            done = online.receding_horizon(errand, guess, released, end, step_s=900.0)
            beside = online.compare(done, errand, rate, released, end, resolution_s=900.0)
            gained_g = beside.at_once_g - beside.emissions_g
            rows.append((number, wait, name, gained_g, beside.at_once_g - beside.best_g))
told = pd.DataFrame(rows, columns=["job", "wait_h", "guess", "gained_g", "possible_g"])

# %% mystnb={"figure": {"caption": "Share of the saving of hindsight that re-planning reaches with yesterday's curve and with the forecasts issued for three hours, against the longest wait; 95 % intervals over the weeks.", "name": "fig:pause-forecasts"}, "image": {"alt": "Two lines with bands against the longest wait: with forecasts from {num}`pause_and_resume.told_forecast_3` at three hours to {num}`pause_and_resume.told_forecast_24` at a day, with yesterday's curve from {num}`pause_and_resume.told_yesterday_3` to {num}`pause_and_resume.told_yesterday_24`."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name, color in (("yesterday", "baseline"), ("forecast", "forecast")):
    points = {
        wait: interval(100 * group["gained_g"], group["possible_g"])
        for wait, group in told[told["guess"] == name].groupby("wait_h")
    }
    low, high = np.transpose([ends for _, ends in points.values()])
    places = list(points)
    values = [value for value, _ in points.values()]
    ax.fill_between(places, low, high, color=COLORS[color], alpha=0.2, linewidth=0)
    ax.plot(places, values, "o-", color=COLORS[color])
    shift = (5, 7 if name == "forecast" else -7)
    figures.label_line(ax, places[-1], values[-1], name, COLORS[color], xytext=shift)
    for wait in (3, 24):
        numbers.record(
            f"told_{name}_{wait}",
            points[wait][0],
            "%",
            0,
            f"share of hindsight's saving with {name}, longest wait {wait} h",
            interval=points[wait][1],
            scope=abroad,
        )
ax.set(
    xlabel="longest wait, h", ylabel="share of hindsight's saving, %", ylim=(0, 100), xticks=places
)
plt.show()

# %% tags=["hide-cell"]
wide = told.pivot_table("gained_g", "job", ["wait_h", "guess"])
possible_g = told.pivot_table("possible_g", "job", "wait_h")
for wait in (3, 24):
    more = 100 * (wide[wait, "forecast"] - wide[wait, "yesterday"])
    value, ends = interval(more, possible_g[wait])
    meaning = f"forecast over yesterday, share of hindsight's saving, longest wait {wait} h, paired"
    numbers.record(f"told_more_{wait}", value, "points", 0, meaning, interval=ends, scope=abroad)
shown_there = not ends[0] <= 0 <= ends[1]
numbers.fact("told_a_day", shown_there, "the interval of told_more_24 excludes zero")
_ = numbers.record("told_arrivals", len(wide), "jobs", 0, "jobs planned with issued forecasts")

# %% [markdown]
# Where a job may wait for three hours, as far as forecasts reach, they change the share from {num}`pause_and_resume.told_yesterday_3` to {num}`pause_and_resume.told_forecast_3`, by {num}`pause_and_resume.told_more_3` ({num-interval}`pause_and_resume.told_more_3`) paired by job; where it may wait a day, from {num}`pause_and_resume.told_yesterday_24` to {num}`pause_and_resume.told_forecast_24`, by {num}`pause_and_resume.told_more_24` ({num-interval}`pause_and_resume.told_more_24`; {numref}`fig:pause-forecasts`).
# {if-not}`pause_and_resume.told_a_day` A forecast of three hours says when to begin, not whether tomorrow is better than today; beyond its reach, {num}`pause_and_resume.told_arrivals` cannot tell it from yesterday's curve.

# %% [markdown]
# ## With measured phases
#
# The jobs so far have durations that divide an hour.
# Measured ones divide nothing: the model that {doc}`phase_model` fits starts up in {num}`pause_and_resume.measured_startup`, in three phases, and no grid that holds all its phases is small enough.
# The best runs still begin and stop at few instants: where sums of phases and start-ups meet a step of the curve.
# `best_schedule` searches those and states a *certificate*: that the schedule is the best, or how far from it at most.
# Here the measured phases of work are stretched to the hours of this chapter's job; the start-up stays as it was measured.

# %%
measured = datasets.phase_model("roberta").with_work_duration(3600 * work_h)
windows = [(intensity, arrival, deadline(measured, arrival)) for arrival in releases[::2]]
exact = [best_schedule(measured, *window) for window in windows]
print(exact[0])

# %% [markdown]
# What would rounding have cost?
# The same job is planned with all phases rounded up to whole minutes, or to whole quarters of an hour, and then run by that plan as it is.

# %%
least_g = np.array([plan.emissions_g for plan in exact])
lost = {}
for step_min in (1, 5, 15):
    plans = [heuristics.on_rounded_durations(measured, *w, step_s=60 * step_min) for w in windows]
    lost[step_min] = interval(100 * (np.array([p.emissions_g for p in plans]) - least_g), least_g)
pd.DataFrame(lost, index=["lost, %", "95 % interval"]).rename_axis("rounded to, min", axis=1)

# %% tags=["hide-cell"]
startup_s = measured.startup_profile.duration_s
numbers.record("measured_startup", startup_s, "s", 1, "measured start-up of the fitted model")
proven = sum(plan.certificate.exact for plan in exact)
numbers.record("measured_jobs", len(exact), "jobs", 0, "jobs with measured phases, planned")
numbers.record(
    "measured_proven", proven, "jobs", 0, "measured jobs with a schedule proven the best"
)
gap = max(plan.certificate.gap for plan in exact)
numbers.record("measured_gap", 100 * gap, "%", 2, "largest certified gap of a measured job")
paused = sum(plan.resumes > 0 for plan in exact)
numbers.record("measured_paused", paused, "jobs", 0, "of them that pause")
for step_min, (value, ends) in lost.items():
    meaning = f"emitted more when phases are rounded up to {step_min} min"
    _ = numbers.record(f"rounded_{step_min}", value, "%", 2, meaning, interval=ends)

# %% [markdown]
# Of {num}`pause_and_resume.measured_jobs`, one every other week, {num}`pause_and_resume.measured_proven` have a schedule that is proven the best (the others are at most {num}`pause_and_resume.measured_gap` above it), and {num}`pause_and_resume.measured_paused` pause: a measured start-up is short.
# Rounded up to a minute, the plan emits {num}`pause_and_resume.rounded_1` more than the best one; rounded up to five minutes {num}`pause_and_resume.rounded_5`, and to a quarter of an hour {num}`pause_and_resume.rounded_15`: a start-up that is planned much longer than it is makes pauses look dear.

# %% [markdown]
# (limits-pause-and-resume)=
# ## What could be wrong
#
# * **Constant power and a free pause.** Most of the chapter has them; the section on phases and costs is about one job, whose saves and suspended power are made up, and {doc}`cost_of_stopping` and {doc}`phase_model` measure real ones.
# * **An idle machine.** The job is alone: a pause on a finite cluster lets another job in, or lets a machine stand idle.
# * **Hourly averages.** A curve of five-minute steps swings more within the hour, and the rules act once an hour here.
# * **One arrival a week.** Windows of neighbouring weeks are nearly, not wholly, independent; intervals are those of one year in one grid.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=pause_and_resume P="zone=FR year=2019"
# make run CHAPTER=pause_and_resume P="work_h=16 startup_min=5"
# ```
#
# 1. From which start-up time on does the optimum no longer pause in half of the weeks?
# 2. Give the start-up half the power of the work: where does the break-even move?
# 3. Which rule gains most from a longer wait, and which loses?
#
# ## The numbers of this chapter

# %%
numbers
