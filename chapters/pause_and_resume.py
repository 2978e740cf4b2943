# %% [markdown]
# # Pause and resume
#
# **Question.**
# When does pausing pay?
#
# **Answer.**
# When the intensity falls by a larger share than one start-up is of the energy that the pause moves ({eq}`eq-swing`): by {num}`pause_and_resume.break_even_1h` for an hour moved by this chapter's job.
# After the best start, with the curve of {word}`pause_and_resume.place` in {word}`pause_and_resume.year` known, pausing saves another {num}`pause_and_resume.extra_base` in the mean, {num}`pause_and_resume.extra_free` if starting were free.
#
# {opening}`fig:pause-break-even`
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
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers.carbon.expected import last_period, newest_forecast
from helpers.phases import Phase, PhaseModel, Suspension, fill, steady_job
from helpers.published.charge import charge_as_published, published_intervals
from helpers.schedule import best_schedule, best_start, check, heuristics, milp, online, pausing
from helpers.schedule.suspend import break_even_ratio
from helpers.stats import ratio_of_sums
from helpers.timeline import weekly_at_random

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
SCOPE = publish.Scope((zone,), (year,), jobs="one job", pauses="charged", future="known")
numbers = publish.Numbers("pause_and_resume", SCOPE)
ALL_GRIDS = {"grids": datasets.zones()}
over_weeks = {"seed": seed, "resamples": resamples}

# %% tags=["hide-cell"]
numbers.word("place", datasets.place(zone), "the grid of this chapter")
_ = numbers.word("year", year, "the year of its curve")

# %% [markdown]
# ## The problem
#
# A job starts (power up, libraries, data), works, and may stop at any time; when it resumes it must start up again.
# The job of this chapter works for {num}`pause_and_resume.work_hours`, starts up in {num}`pause_and_resume.startup_minutes`, and may finish up to {num}`pause_and_resume.wait_hours` later than it could.
# One such job arrives in every week of the year, at an hour drawn by lot; the weeks are what all intervals of this chapter are resampled from.

# %%
intensity = datasets.carbon_intensity(zone, year, factors)
weekly = {"seed": seed, "head": "10D", "tail": "17D"}
releases = weekly_at_random(intensity.start, intensity.stop, **weekly)

# %%
wait = f"{longest_wait_h}h"
powers = {"power_w": power_w, "startup_power_w": startup_power_w}
job = steady_job(3600 * work_h, startup_s=60 * startup_min, **powers)
base = pausing.gains(job, intensity, releases, wait)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "work_hours [.0f h]: work of the job": work_h,
        "startup_minutes [.0f min]: start-up of the job": startup_min,
        "wait_hours [.0f h]: longest wait of the job": longest_wait_h,
        "arrivals [.0f jobs]: arrivals, one a week": len(releases),
    }
)

# %% [markdown]
# ## Step 1: the curve
#
# Pictures first, for the week in which pausing gains most.
# The grid offers a price for each moment; the job buys time.

# %% mystnb={"figure": {"caption": "Step 1: the carbon intensity in the window of one job, and the best run without a pause.", "name": "fig:pause-curve"}, "image": {"alt": "Step curve of carbon intensity over the hours of the window, with one shaded run placed in the cleanest stretch that is long enough."}} tags=["hide-input"]
shown = base.loc[base["extra"].idxmax()]
fig, ax = plt.subplots()
figures.schedule(ax, shown["start"])
ax.set(title="best start, no pause")
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
half_hour = pd.Timedelta(minutes=30)
programs = [("tight", 24, 3), ("tight", 36, 4), ("tight", 48, 6), ("big-M", 16, 2)]

# %%
problems = []  # program, slots, and a job of half-hour slots with two work phases in its window
for number, (kind, slots, work) in enumerate(programs):
    phases = [Phase("train", 1800 * work, 300.0), Phase("test", 1800 * work, 150.0)]
    small = PhaseModel("small", [Phase("start", 1800, 150.0)], phases)
    for release in releases[3 * number :: 17]:
        problems.append((kind, slots, (small, intensity, release, release + slots * half_hour)))

# %%
make = {"tight": milp.tight_program, "big-M": milp.big_m_program}
solver = {"tight": "highs", "big-M": "cbc"}

# %%
rows = []
for kind, slots, problem in problems:
    program = make[kind](*problem)
    solved = milp.solve(program, solver=solver[kind])
    differs = abs(solved.objective_g / best_schedule(*problem).emissions_g - 1)
    size = program.problem.numVariables(), program.problem.numConstraints()
    rows.append((kind, slots, *size, solved.status == "optimal" and differs < 1e-9))

# %%
judged = pd.DataFrame(rows, columns=["program", "slots", "variables", "rules", "same"])

# %%
by_size = judged.groupby(["program", "slots"], sort=False)
sizes = by_size.agg({"variables": "first", "rules": "first", "same": ["size", "sum"]})
publish.table(
    [(*key, *row) for key, row in zip(sizes.index, sizes.to_numpy(), strict=True)],
    ["program", "slots [.0f]", "variables [.0f]", "rules [.0f]", "instances [.0f]", "equal [.0f]"],
)

# %% tags=["hide-cell"]
agree = "instances_agree [.0f instances]: of them with the same objective to 1e-9, relative"
numbers.record_table(
    {
        "instances [.0f instances]: instances solved by program and DP": len(judged),
        agree: judged["same"].sum(),
    }
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
slot_min = math.gcd(startup_min, 60)  # divides the start-up, the work and the steps of the curve
slot_s = 60 * slot_min
best, release_s = shown["best"], shown["best"].release_s
count = round((best.deadline_s - release_s) / slot_s)
begins = release_s + slot_s * np.arange(count)
slot_g = intensity.mean(begins, begins + slot_s) * slot_s / 3.6e6  # of one watt in each slot

# %%
work_slots, startup_slots = round(3600 * work_h / slot_s), startup_min // slot_min
of_watts = (slot_g * power_w, slot_g * startup_power_w)
states = pausing.least_from_here(*of_watts, work_slots, startup_slots)

# %%
publish.table(
    {
        "slots of the window [.0f]": count,
        "slots of work [.0f]": work_slots,
        "least emissions by the recursion [.1f g]": states[0, 0],
        "by best_schedule [.1f g]": shown["best_g"],
        "the same to nine digits": "yes"
        if abs(states[0, 0] / shown["best_g"] - 1) < 1e-9
        else "no",
    }
)

# %% mystnb={"figure": {"caption": "Step 3: all states of one job, coloured by the least emissions from there on (blank: too late to finish), and the optimal path through them: level while paused, rising while it works.", "name": "fig:pause-states"}, "image": {"alt": "Heat map of hours against work done, brighter where more emissions are to come, crossed by a staircase path that rises during runs and stays level during pauses."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
last_h = (best.deadline_s - release_s) / 3600
finite, extent = np.where(np.isfinite(states), states, np.nan).T, (0, last_h, 0, work_h)
figures.heatmap(ax, finite, label="least emissions from here on, g", extent=extent, origin="lower")
begin_h = (best.start_s - release_s) / 3600 + startup_min / 60
stop_h = (best.stop_s - release_s) / 3600
path_h = [0.0, *np.ravel([begin_h, stop_h], order="F"), last_h]
path_work = np.ravel([best.work_from_s, best.work_to_s], order="F") / 3600
for color, width in (("white", 4), (COLORS["model"], 2)):
    ax.plot(path_h, [0.0, *path_work, work_h], color=color, linewidth=width)
ax.set(xlabel="hours since the release", ylabel="work done, h")
ax.set_xticks(range(0, int(last_h) + 1, 6))
plt.show()

# %% [markdown]
# {numref}`fig:pause-states` is the whole problem in one picture: any schedule is a path from the lower left to the upper edge, and the recursion finds the cheapest.
#
# ## Step 4: the schedule

# %% mystnb={"figure": {"caption": "Step 4: the path laid back on the curve: the optimal schedule. Blue: work, orange: start-ups.", "name": "fig:pause-schedule"}, "image": {"alt": "The same intensity curve with shaded runs, each begun by a start-up; {if}`pause_and_resume.some_pause` between them, pauses across peaks."}} tags=["hide-input"]
fig, ax = plt.subplots()
figures.schedule(ax, best)
check(best, job, release=release_s, deadline=best.deadline_s)
ax.set(title="optimal schedule")
plt.show()

# %% tags=["hide-cell"]
runs = "shown_runs [.0f runs]: of the optimal schedule in the week shown"
numbers.record_table(
    {
        "shown_extra [.1f %]: saved beyond the best start, week shown": 100 * shown["extra"],
        runs: shown["resumes"] + 1,
    }
)
_ = numbers.fact("some_pause", shown["resumes"] > 0, "a pause pays in some week")

# %% [markdown]
# {if}`pause_and_resume.some_pause` In this week, chosen for its gain, {num}`pause_and_resume.shown_runs` instead of one save {num}`pause_and_resume.shown_extra` of what the best start emits.
# {if}`pause_and_resume.few_pause` Most weeks are not like it.
# {if-not}`pause_and_resume.some_pause` In no week does a pause pay for this job; with shorter start-ups it may.
#
# ## What pausing adds to a good start
#
# A pause is worth what it saves *beyond* the best start, not beyond starting at once.

# %%
startups_min = [0, 5, 10, 15, 30, 45, 60]
waits_h = [6, 12, 24, 48, 96]
lengths_h = [1, 2, 4, 8, 16]
of_job = {"startup_s": 60 * startup_min, **powers}

# %%
sweeps = {"start-up, min": {}, "longest wait, h": {}, "work, h": {}}
for m in startups_min:
    tried = steady_job(3600 * work_h, startup_s=60 * m, **powers)
    sweeps["start-up, min"][m] = pausing.gains(tried, intensity, releases, wait)

# %%
for hours in waits_h:
    sweeps["longest wait, h"][hours] = pausing.gains(job, intensity, releases, f"{hours}h")

# %%
for hours in lengths_h:
    tried = steady_job(3600 * hours, **of_job)
    sweeps["work, h"][hours] = pausing.gains(tried, intensity, releases, wait)

# %%
extras = {
    kind: {x: ratio_of_sums(100 * table["extra"], **over_weeks) for x, table in tables.items()}
    for kind, tables in sweeps.items()
}
base_extra = ratio_of_sums(100 * base["extra"], **over_weeks)

# %% mystnb={"figure": {"caption": "Emissions saved by pausing beyond the best start, against start-up time, longest wait and length of the job; mean over the weeks and its 95 % interval.", "name": "fig:pause-gains"}, "image": {"alt": "Three panels: the extra saving against start-up time, from {num}`pause_and_resume.extra_free` to {num}`pause_and_resume.extra_startup_60`, against the longest wait, and against the length of the job, from {num}`pause_and_resume.extra_work_1` to {num}`pause_and_resume.extra_work_16`; shaded intervals."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.2), sharey=True)
for ax, (label, found) in zip(axes, extras.items(), strict=True):
    places, points = list(found), list(found.values())
    low, high = [x.low for x in points], [x.high for x in points]
    ax.fill_between(places, low, high, color=COLORS["work"], alpha=0.2, linewidth=0)
    ax.plot(places, [x.value for x in points], "o-", color=COLORS["work"], markersize=4)
    if label != "start-up, min":
        ax.set_xscale("log", base=2)
        ax.set_xticks(places, places)
    ax.set_xlabel(label)
axes[0].set_ylim(0)
axes[0].set_xticks(range(0, 61, 15))
axes[0].set_ylabel("saved beyond the best start, %")
plt.show()

# %% tags=["hide-cell"]
by_startup, by_wait, by_work = extras.values()
saved = "[.2f %]: saved beyond the best start:"

# %% tags=["hide-cell"]
numbers.record_table({f"extra_base {saved} the chapter's job": base_extra})
numbers.record_table({f"extra_free {saved} no start-up": by_startup[0]}, scope={"pauses": "free"})
numbers.record_table(
    {
        f"extra_startup_5 {saved} start-up of 5 min": by_startup[5],
        f"extra_startup_60 {saved} start-up of an hour": by_startup[60],
        f"extra_wait_6 {saved} longest wait 6 h": by_wait[6],
        f"extra_wait_96 {saved} longest wait 96 h": by_wait[96],
        f"extra_work_1 {saved} an hour of work": by_work[1],
        f"extra_work_16 {saved} 16 hours of work": by_work[16],
    }
)

# %% tags=["hide-cell"]
more = by_work[16].value > by_work[1].value
numbers.fact("long_gains_more", more, "sixteen hours of work gain more than one from pausing")
weeks_paused = ratio_of_sums(100 * (base["resumes"] > 0), **over_weeks)
numbers.record_table({"weeks_paused [.0f %]: weeks in which the optimum pauses": weeks_paused})
_ = numbers.fact("few_pause", weeks_paused.value < 50, "the optimum pauses in under half the weeks")

# %% [markdown]
# The same for your grid: {doc}`your_grid`.
#
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

# %% [markdown]
# A second rule asks before any schedule is known: let $\Delta$ be what the best start emits beyond one start-up in the cleanest hour and the job's work in the cleanest hours, as if these were contiguous.
# No schedule gains more than that, and each resume takes at least $E$ times the least intensity $I_{\min}$ of the window away, so with $R = \Delta / (E\,I_{\min})$ a pause can only pay if $R > 1$, and $n$ resumes only if $R > n$.

# %%
compared = year if year in datasets.years() else datasets.years()[-1]  # of the other grids
curves = {z: datasets.carbon_intensity(z, compared, factors) for z in datasets.zones()}
monthly = {z: weekly_at_random(c.start, c.stop, **weekly)[::4] for z, c in curves.items()}

# %%
pauses, windows = [], []
for name, minutes, hours in product(curves, (5, 15, 30, 60), (2, 8)):
    tried = steady_job(3600 * hours, startup_s=60 * minutes, **powers)
    found = pausing.gains(tried, curves[name], monthly[name], wait)
    rooms = [pausing.room(start) for start in found["start"]]
    case = {"zone": name, "startup_min": minutes, "work_h": hours, "room": rooms}
    windows.append(found[["resumes", "extra"]].assign(**case))
    pauses += [(name, minutes, *p) for best in found["best"] for p in pausing.swings(best)]

# %%
pauses = pd.DataFrame(pauses, columns=["zone", "startup_min", "moved_h", "needed", "swing"])
windows = pd.concat(windows, ignore_index=True)
kept = pauses["swing"] >= pauses["needed"] * (1 - 1e-9) - 1e-9
forbidden = windows["room"] < 1
wrong = (windows["resumes"][forbidden] > 0).sum()

# %%
publish.table(
    {
        "pauses of optimal schedules [.0f]": len(pauses),
        "of those obey the formula [.0f]": kept.sum(),
        "windows [.0f]": len(windows),
        "of those have R below 1 [.0f]": forbidden.sum(),
        "pauses there [.0f]": wrong,
    }
)

# %% mystnb={"figure": {"caption": "Every pause of every optimal schedule over {num}`pause_and_resume.grids`: swing across it against the swing that the formula asks for. {if}`pause_and_resume.formula_holds` None lies below the line.", "name": "fig:pause-break-even"}, "image": {"alt": "Scatter on logarithmic axes of actual against needed relative swing, coloured by start-up time; {num}`pause_and_resume.pauses_kept` lie on or above the diagonal."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
shades = ("partial", "average", "startup", "marginal")
for (minutes, group), color in zip(pauses.groupby("startup_min"), shades, strict=False):
    style = {"color": COLORS[color], "markersize": 4, "alpha": 0.6, "markeredgewidth": 0}
    label = f"start-up {minutes} min"
    ax.plot(100 * group["needed"], 100 * group["swing"], "o", label=label, **style)
ends = np.array([100 * pauses["needed"].min() / 1.2, 100 * pauses["needed"].max() * 1.2])
ax.plot(ends, ends, color=COLORS["baseline"])
ax.set(xscale="log", yscale="log", xlabel="swing needed, %", ylabel="swing at the pause, %")
ax.legend(loc="lower right")
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter("{x:g}")
plt.show()

# %%
windows["paused"] = 100.0 * (windows["resumes"] > 0)
often = windows.pivot_table("paused", "startup_min", "work_h")
of_work = {hours: f"{hours} h of work [.1f %]" for hours in often}
publish.table(often, of_work, index="windows in which the optimum pauses, start-up, min")

# %% tags=["hide-input"]
edges = np.array([0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64])
classes = windows["paused"].groupby(pd.cut(windows["room"], edges), observed=True)
share = classes.mean()[classes.size() >= 5]
middle = [np.sqrt(i.left * i.right) for i in share.index]

# %% mystnb={"figure": {"caption": "Share of windows in which the optimum pauses, against the room R for a pause; below 1 a pause is impossible.", "name": "fig:pause-room"}, "image": {"alt": "Rising curve of the share of windows with a pause against the ratio R on a logarithmic axis; below one, {num}`pause_and_resume.windows_wrong` have a pause."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.plot(middle, share, "o-", color=COLORS["work"])
ax.axvline(1, color=COLORS["baseline"], linestyle="--")
ax.text(0.95, 60, "no pause can pay", ha="right", color=COLORS["baseline"])
ax.set_xscale("log")
ax.set_xticks([0.5, 1, 2, 4, 8, 16, 32], ["0.5", "1", "2", "4", "8", "16", "32"])
ax.minorticks_off()
ax.set(xlabel="room R, in start-ups", ylabel="windows with a pause, %", ylim=(-2, 102))
plt.show()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "grids [.0f grids]: grids of the pauses checked": len(curves),
        "pauses_checked [.0f pauses]: pauses of optimal schedules checked": len(pauses),
        "pauses_kept [.0f pauses]: of them at which the formula holds": kept.sum(),
    },
    scope=ALL_GRIDS,
)
_ = numbers.fact("formula_holds", kept.all(), "the formula holds at every pause checked")

# %% tags=["hide-cell"]
claim = "paused_{1}h_{0}min [.0f %]: windows over all grids that pause: {1} h of work, "
cases = {(m, hours): often.loc[m, hours] for m, hours in ((5, 8), (60, 8), (5, 2))}
numbers.record_table(cases, claim + "start-up {0} min", scope=ALL_GRIDS)

# %% tags=["hide-cell"]
open_ones = windows[~forbidden]
cuts = np.unique(open_ones["room"])
right = [((open_ones["room"] > cut) == (open_ones["resumes"] > 0)).mean() for cut in cuts]

# %% tags=["hide-cell"]
best_cut, accuracy = cuts[np.argmax(right)], 100 * max(right)
numbers.record_table(
    {
        "windows_checked [.0f windows]: windows over all grids": len(windows),
        "windows_decided [.0f %]: windows with R below 1": 100 * forbidden.mean(),
        "windows_wrong [.0f windows]: optima that pause though R is below 1": wrong,
        "room_cut [.1f start-ups]: R that best tells who pauses": best_cut,
        "room_accuracy [.0f %]: windows with R above 1 told right by that R": accuracy,
    },
    scope=ALL_GRIDS,
)

# %% tags=["hide-cell"]
hour_share = 100 * job.startup_profile.energy_j / (power_w * 3600)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "break_even_1h [.0f %]: swing that pays for moving one hour": hour_share,
        "break_even_4h [.1f %]: swing that pays for moving four hours": hour_share / 4,
    }
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
marks = Suspension(keep="checkpoints")
spacings_min = [m for m in (15, 30, 60, 120, 240) if 60 * work_h % m == 0]

# %%
gain_g, left = base["start_g"] - base["best_g"], {}
for m in spacings_min:
    marked = steady_job(3600 * work_h, checkpoint_every_s=60 * m, **of_job)
    spaced = pausing.gains(marked, intensity, releases, wait, suspension=marks)
    left[m] = ratio_of_sums(100 * (spaced["start_g"] - spaced["best_g"]), gain_g, **over_weeks)

# %% mystnb={"figure": {"caption": "Share of the gain from pausing that is left when the job may stop only at checkpoints, against their spacing; 95 % interval over the weeks.", "name": "fig:pause-checkpoints"}, "image": {"alt": "Falling curve of the share of the gain left against the spacing of checkpoints, {num}`pause_and_resume.left_60min` at an hour and {num}`pause_and_resume.left_240min` at four."}} tags=["hide-input"]
fig, ax = plt.subplots()
low, high = [x.low for x in left.values()], [x.high for x in left.values()]
ax.fill_between(list(left), low, high, color=COLORS["work"], alpha=0.2, linewidth=0)
ax.plot(list(left), [x.value for x in left.values()], "o-", color=COLORS["work"])
ax.set_xscale("log", base=2)
ax.set_xticks(list(left), list(left))
ax.set(xlabel="checkpoint every ... min", ylabel="gain from pausing left, %", ylim=(0, 105))
plt.show()

# %% tags=["hide-cell"]
claim = "left_{0}min [.0f %]: gain from pausing left with a checkpoint every {0} min"
numbers.record_table(left, claim, unknown=True)

# %% [markdown]
# A checkpoint every hour leaves {num}`pause_and_resume.left_60min` of the gain, one every four hours {num}`pause_and_resume.left_240min`.
# {if}`in-book` The curve changes by the hour, so denser checkpoints than that buy little; the interval widens with the spacing, because few weeks carry the gain.
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
save = (Phase("save", 120, power_w),)

# %%
pause_s, rows = 10 * 3600, []
for suspended_w, saves, moved_h in product((0.0, 10.0, 25.0), ((), save), (2, 4)):
    rules = {"suspension": Suspension(save=saves, suspended_power_w=suspended_w)}
    formula = break_even_ratio(job, 3600 * moved_h, pause_s=pause_s, **rules)
    optimum = pausing.optimum_ratio(job, 3600 * moved_h, pause_s=pause_s, **rules)
    rows.append((suspended_w, "2 min" if saves else "none", moved_h, formula, optimum))

# %%
ratios = pd.DataFrame(rows, columns=["suspended_w", "saves", "moved_h", "formula", "optimum"])
publish.table(
    ratios,
    {
        "suspended_w": "suspended power [.0f W]",
        "saves": "saving",
        "moved_h": "work moved [.0f h]",
        "formula": "ratio by the formula [.4f]",
        "optimum": "from which the optimum pauses [.4f]",
    },
    caption="Least ratio of high to low intensity that pays for a pause of ten hours",
)

# %% [markdown]
# Now on the curve of the year: the same job, and one that takes turns between a high power for an hour and a half and a low one for half an hour, with the same energy.

# %%
turn = (Phase("train", 5400, 1.2 * power_w), Phase("test", 1800, 0.4 * power_w))
phased = PhaseModel("phased", job.startup, fill(turn, 3600 * work_h))
kinds = {"constant, free saves": (job, ()), "constant, saves of 2 min": (job, save)}
kinds["phases, saves of 2 min"] = (phased, save)

# %%
suspended, extra = [0.0, 1.0, 2.0, 5.0, 10.0], {}  # by kind and suspended power [%], each week
for (name, (made, saves)), watts in product(kinds.items(), suspended):
    rules = Suspension(save=saves, suspended_power_w=watts)
    found = pausing.gains(made, intensity, releases, wait, suspension=rules)
    extra[name, watts] = 100 * found["extra"]
costed = {case: ratio_of_sums(weeks, **over_weeks) for case, weeks in extra.items()}

# %% mystnb={"figure": {"caption": "Emissions saved by pausing beyond the best start, against the power of the suspended job; mean over the weeks, with the 95 % interval of the job that saves.", "name": "fig:pause-costed"}, "image": {"alt": "{if}`pause_and_resume.some_pause` Falling curves of the extra saving against suspended power for three jobs; that of the job that saves falls from {num}`pause_and_resume.costed_save` to {num}`pause_and_resume.costed_10w` at ten watts."}} tags=["hide-input"]
fig, ax = plt.subplots()
styles = {"constant, free saves": ("work", "--"), "constant, saves of 2 min": ("work", "-")}
styles["phases, saves of 2 min"] = ("model", "-")
for name, (color, line) in styles.items():
    points, color = [costed[name, watts] for watts in suspended], COLORS[color]
    values = [x.value for x in points]
    ax.plot(suspended, values, line, marker="o", markersize=4, color=color, label=name)
    if name == "constant, saves of 2 min":
        low, high = [x.low for x in points], [x.high for x in points]
        ax.fill_between(suspended, low, high, color=color, alpha=0.2, linewidth=0)
ax.set(xlabel="power of the suspended job, W", ylabel="saved beyond the best start, %")
ax.set_ylim(0)
ax.legend()
plt.show()

# %% tags=["hide-cell"]
# where neither pauses at any ratio, both are infinite
alike = np.isclose(ratios["optimum"], ratios["formula"], rtol=1e-5)
two_hours = ratios[ratios["moved_h"] == 2]["formula"]

# %% tags=["hide-cell"]
dearest = "ratio_dear [.2f]: ratio, 2 h moved, saving, 25 W suspended for 10 h"
numbers.record_table(
    {
        "ratio_cases [.0f cases]: break-even ratios checked on two values": len(ratios),
        "ratio_kept [.0f cases]: of them with the optimum's, to 1e-5": alike.sum(),
        "ratio_free [.2f]: ratio, 2 h moved, all free": two_hours.iloc[0],
        dearest: two_hours.iloc[-1],
    },
    unknown=True,
)

# %% tags=["hide-cell"]
named = {
    "free": ("constant, free saves", 0.0),
    "save": ("constant, saves of 2 min", 0.0),
    "5w": ("constant, saves of 2 min", 5.0),
    "10w": ("constant, saves of 2 min", 10.0),
    "phases": ("phases, saves of 2 min", 0.0),
}
claim = "costed_{0} [.2f %]: saved beyond the best start: {1}, {2:g} W suspended"
numbers.record_table({(name, *case): costed[case] for name, case in named.items()}, claim)

# %% tags=["hide-cell"]
apart = extra["phases, saves of 2 min", 0.0] - extra["constant, saves of 2 min", 0.0]
more = ratio_of_sums(apart, **over_weeks)
claim = "costed_phases_more [.2f points]: phases over constant power, paired"
numbers.record_table({claim: more})
clear = not more.low <= 0 <= more.high
_ = numbers.fact("phases_clear", clear, "the interval of costed_phases_more excludes zero")

# %% [markdown]
# In {num}`pause_and_resume.ratio_kept` of {num}`pause_and_resume.ratio_cases` the optimum begins to pause just where the formula says: moving two hours needs a ratio of {num}`pause_and_resume.ratio_free` if stopping is free, and of {num}`pause_and_resume.ratio_dear` if a stop must save and the suspended job draws 25 W for ten hours.
# Over the weeks, saves of two minutes leave {num}`pause_and_resume.costed_save` of the {num}`pause_and_resume.costed_free` that pausing adds, five watts while suspended {num}`pause_and_resume.costed_5w`, and ten {num}`pause_and_resume.costed_10w`: what a job draws while it waits, it draws for hours, in the dirtiest of them ({numref}`fig:pause-costed`).
# Phases of the same energy change the gain by {num}`pause_and_resume.costed_phases_more` ({num-interval}`pause_and_resume.costed_phases_more`).
# {if-not}`pause_and_resume.phases_clear` That is not clear of zero.
# {if}`in-book` Turns of two hours are short beside the valleys they are placed in.

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
hourly = {"step_s": 3600.0}
schedules = []
for release, best in zip(base["release"], base["best"], strict=True):
    at = (job, intensity, release, best.deadline_s)
    past = intensity.window(release - pd.Timedelta(days=7), release).intensity_g_per_kwh
    level = float(np.quantile(past, 1 / 3))
    bounds = online.job_thresholds(job, past.min(), past.max(), **hourly)
    as_yesterday = last_period(intensity, best.deadline_s)
    rules = {
        "best start": best_start(*at),
        "cheapest slots": heuristics.cheapest_slots(*at, **hourly),
        "fixed threshold": heuristics.below_threshold(*at, threshold_g_per_kwh=level, **hourly),
        "certified thresholds": online.follow_thresholds(*at, bounds, **hourly),
        "re-planning": online.receding_horizon(job, as_yesterday, *at[2:], **hourly),
    }
    schedules.append(rules)

# %%
for rules, best in zip(schedules, base["best"], strict=True):
    for schedule in rules.values():
        check(schedule, job, release=best.release_s, deadline=best.deadline_s)

# %%
table = [{name: s.on(intensity).emissions_g for name, s in rules.items()} for rules in schedules]
emitted = pd.DataFrame(table)
now_g = pd.Series([best.at_once_g for best in base["best"]])
possible_g = now_g - base["best_g"]
saving = ratio_of_sums(100 * possible_g, now_g, **over_weeks)

# %%
shares = {}
for name, grams in emitted.items():
    shares[name] = ratio_of_sums(100 * (now_g - grams), possible_g, **over_weeks)
blind = [pause for rules in schedules for pause in pausing.swings(rules["cheapest slots"])]
short = np.mean([pause.actual < pause.needed for pause in blind])

# %% [markdown]
# What the published charge claims for cheapest slots stands beside them.

# %%
claims_g = []
for best in base["best"]:
    wish = published_intervals(job, intensity, best.release_s, best.deadline_s)
    claims_g.append(charge_as_published(wish, job, intensity).emissions_g)
claimed = ratio_of_sums(100 * (now_g - np.array(claims_g)), possible_g, **over_weeks)

# %% mystnb={"figure": {"caption": "Share of the optimum's saving against starting at once that each rule reaches, with 95 % intervals over the weeks. Blue knows the future, pink does not; the open mark is what the published charge claims for cheapest slots.", "name": "fig:pause-rules"}, "image": {"alt": "Dot plot with intervals of the share of the optimum's saving that each rule reaches: the best start {num}`pause_and_resume.share_best_start` and cheapest slots {num}`pause_and_resume.share_cheapest_slots`, which know the future; re-planning {num}`pause_and_resume.share_re_planning` and certified thresholds {num}`pause_and_resume.share_certified_thresholds`, which do not; an open mark shows the claim."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.3))
order = sorted(shares, key=lambda name: shares[name].value)
knowing = ["best start", "cheapest slots"]
bar = {"alpha": 0.4, "linewidth": 5, "solid_capstyle": "butt"}
for place, name in enumerate(order):
    found, color = shares[name], COLORS["average" if name in knowing else "forecast"]
    ax.plot([found.low, found.high], [place, place], color=color, **bar)
    ax.plot(found.value, place, "o", color=color, markersize=7)
blue, place = COLORS["average"], order.index("cheapest slots")
ax.plot(claimed.value, place, "o", color=blue, markerfacecolor="white", markersize=7)
ax.axvline(100, color=COLORS["baseline"])
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.set_yticks(range(len(order)), order)
ax.set(xlabel="share of the optimum's saving, %")
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["hide-cell"]
claim = "share_{0} [.0f %]: share of the optimum's saving: {1}"
named = {(name.replace("-", " "), name): found for name, found in shares.items()}
with_future = {key: found for key, found in named.items() if key[1] in knowing}
without = {key: found for key, found in named.items() if key[1] not in knowing}
numbers.record_table(with_future, claim)
numbers.record_table(without, claim, scope={"future": "unknown"})

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "share_claimed [.0f %]: what the published charge claims": claimed,
        "blind_pauses [.0f pauses]: pauses of cheapest slots": len(blind),
        "blind_short [.0f %]: of them that fall short of the formula": 100 * short,
        "saving_optimum [.1f %]: saved by the optimum against at once": saving,
    },
    unknown=True,
)

# %% [markdown]
# The optimum saves {num}`pause_and_resume.saving_optimum` against starting at once.
# The best start reaches {num}`pause_and_resume.share_best_start` of that, cheapest slots {num}`pause_and_resume.share_cheapest_slots` once its start-ups are charged, though the published charge, which reads power at the total time run so far, claims {num}`pause_and_resume.share_claimed`.
# Of the {num}`pause_and_resume.blind_pauses` that it makes, not knowing what they cost, {num}`pause_and_resume.blind_short` fall short of {eq}`eq-swing`; leaving one of those out would save.
# Without the future, re-planning on 'as yesterday' reaches {num}`pause_and_resume.share_re_planning`, a fixed threshold {num}`pause_and_resume.share_fixed_threshold` and certified thresholds {num}`pause_and_resume.share_certified_thresholds`.
# A proven ratio guards against the worst case; for the mean one it promises nothing.
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
said = ", ".join(f"{price:g}" for price in prices)

# %%
publish.table(
    {
        "prices": said,
        "the published rule pays [.2f]": paid,
        "least cost in hindsight [.2f]": least,
        "so it pays so many times the least [.1f]": paid / least,
        "ratio stated for it [.2f]": stated.stated_ratio,
        "ratio that it does keep [.1f]": stated.ratio,
        "ratio that the certified thresholds keep [.1f]": certified.ratio,
    }
)

# %% tags=["hide-cell"]
anywhere = {"grids": (), "years": (), "jobs": "two units", "future": "unknown"}
published = "ratio_stated [.2f]: competitive ratio stated for the published rule"
numbers.record_table(
    {
        published: stated.stated_ratio,
        "ratio_paid [.1f]: what it pays over the least cost, five prices": paid / least,
        "ratio_safe [.1f]: ratio that the certified thresholds keep": certified.ratio,
    },
    scope=anywhere,
)
numbers.word("ratio_prices", said, "the five prices")
_ = numbers.fact("ratio_refuted", paid / least > stated.stated_ratio, "it pays more than stated")

# %% [markdown]
# {if}`pause_and_resume.ratio_refuted` At the prices {word}`pause_and_resume.ratio_prices` the published rule pays {num}`pause_and_resume.ratio_paid` times the least cost, where {num}`pause_and_resume.ratio_stated` is stated: one sequence of prices that is worse than the worst is enough to refute the statement.
# A unit bought early far below its threshold helps the optimum more than the player, which the published proof leaves out; `helpers.schedule.online` has a bound that does not, and thresholds that keep the ratio they state ({num}`pause_and_resume.ratio_safe` here).
# It says nothing against the rule in the mean: above, thresholds of both kinds are rules of thumb.

# %% [markdown]
# ## With forecasts that were issued
#
# 'As yesterday' is a poor man's forecast.
# For the marginal rate of {word}`pause_and_resume.region` the forecasts that were really issued are at hand, every quarter of an hour for the next three hours ({doc}`carbon_intensity`).
# The plan is made anew at every quarter of an hour with what was known then: the forecast, and beyond it yesterday; or yesterday alone.
# The measure is again the share of what hindsight saves against starting at once, for two hours of work and a start-up of a quarter of an hour.

# %%
region = "CAISO_PGE"
abroad = {"grids": (region,), "years": (), "future": "forecast"}
rate = datasets.marginal_intensity(region)
issued = datasets.marginal_forecasts(region)
errand = steady_job(7200, power_w, startup_s=900)
released = weekly_at_random(rate.start, rate.stop, **weekly)

# %%
rows = []
for (number, release), hours in product(enumerate(released), (3, 6, 12, 24)):
    end = release + pd.Timedelta(seconds=errand.duration_s + 3600 * hours)
    guesses = {"yesterday": last_period(rate, end), "forecast": newest_forecast(issued, rate, end)}
    for name, guess in guesses.items():
        done = online.receding_horizon(errand, guess, release, end, step_s=900.0)
        beside = online.compare(done, errand, rate, release, end, resolution_s=900.0)
        gained_g, possible = beside.at_once_g - beside.emissions_g, beside.at_once_g - beside.best_g
        rows.append((number, hours, name, gained_g, possible))

# %%
told = pd.DataFrame(rows, columns=["job", "wait_h", "guess", "gained_g", "possible_g"])
reached = {"yesterday": {}, "forecast": {}}  # share of hindsight's saving, by longest wait
for (hours, name), group in told.groupby(["wait_h", "guess"]):
    found = ratio_of_sums(100 * group["gained_g"], group["possible_g"], **over_weeks)
    reached[name][hours] = found

# %% mystnb={"figure": {"caption": "Share of the saving of hindsight that re-planning reaches with yesterday's curve and with the forecasts issued for three hours, against the longest wait; 95 % intervals over the weeks.", "name": "fig:pause-forecasts"}, "image": {"alt": "Two lines with bands against the longest wait: with forecasts from {num}`pause_and_resume.told_forecast_3` at three hours to {num}`pause_and_resume.told_forecast_24` at a day, with yesterday's curve from {num}`pause_and_resume.told_yesterday_3` to {num}`pause_and_resume.told_yesterday_24`."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name, points in reached.items():
    color = COLORS["baseline" if name == "yesterday" else "forecast"]
    places, found = list(points), list(points.values())
    low, high = [x.low for x in found], [x.high for x in found]
    ax.fill_between(places, low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(places, [x.value for x in found], "o-", color=color)
    shift = (5, 7 if name == "forecast" else -7)
    figures.label_line(ax, places[-1], found[-1].value, name, color, xytext=shift)
ax.set(xlabel="longest wait, h", ylabel="share of hindsight's saving, %")
ax.set(ylim=(0, 100), xticks=places)
plt.show()

# %% tags=["hide-cell"]
claim = "told_{0}_{1} [.0f %]: share of hindsight's saving with {0}, longest wait {1} h"
ends = {(name, hours): points[hours] for name, points in reached.items() for hours in (3, 24)}
numbers.record_table(ends, claim, scope=abroad)

# %% tags=["hide-cell"]
numbers.word("region", datasets.place(region), "whose issued forecasts are taken")
wide = told.pivot_table("gained_g", "job", ["wait_h", "guess"])
possible_g = told.pivot_table("possible_g", "job", "wait_h")
more = {}
for hours in (3, 24):
    gained_g = 100 * (wide[hours, "forecast"] - wide[hours, "yesterday"])
    more[hours] = ratio_of_sums(gained_g, possible_g[hours], **over_weeks)

# %% tags=["hide-cell"]
text = "forecast over yesterday, share of hindsight's saving, longest wait {0} h, paired"
numbers.record_table(more, "told_more_{0} [.0f points]: " + text, scope=abroad)
shown_there = not more[24].low <= 0 <= more[24].high
numbers.fact("told_a_day", shown_there, "the interval of told_more_24 excludes zero")
count = {"told_arrivals [.0f jobs]: jobs planned with issued forecasts": len(wide)}
numbers.record_table(count, scope=abroad)

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
exact = [
    best_schedule(measured, intensity, release, start_within=wait) for release in releases[::2]
]
publish.table(
    {"the first schedule": exact[0].certificate, "it runs [.0f times]": exact[0].resumes + 1}
)

# %% [markdown]
# What would rounding have cost?
# The same job is planned with all phases rounded up to whole minutes, or to whole quarters of an hour, and then run by that plan as it is.

# %%
least_g = np.array([best.emissions_g for best in exact])
lost = {}

# %%
for step_min in (1, 5, 15):
    rounded = [
        heuristics.on_rounded_durations(
            measured, intensity, best.release_s, best.deadline_s, step_s=60 * step_min
        )
        for best in exact
    ]
    more_g = np.array([schedule.emissions_g for schedule in rounded]) - least_g
    lost[step_min] = ratio_of_sums(100 * more_g, least_g, **over_weeks)

# %%
publish.table(
    [(step_min, found.value, found.low, found.high) for step_min, found in lost.items()],
    ["rounded to [.0f min]", "emitted more [.2f %]", "from [.2f %]", "to [.2f %]"],
    caption="With 95 % intervals over the weeks",
)

# %% tags=["hide-cell"]
startup_s = measured.startup_profile.duration_s
proven = sum(best.certificate.exact for best in exact)
gap = 100 * max(best.certificate.gap for best in exact)
paused = sum(best.resumes > 0 for best in exact)

# %% tags=["hide-cell"]
proofs = "measured_proven [.0f jobs]: measured jobs with a schedule proven the best"

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "measured_startup [.1f s]: measured start-up of the fitted model": startup_s,
        "measured_jobs [.0f jobs]: jobs with measured phases, planned": len(exact),
        proofs: proven,
        "measured_gap [.2f %]: largest certified gap of a measured job": gap,
        "measured_paused [.0f jobs]: of them that pause": paused,
    }
)

# %% tags=["hide-cell"]
claim = "rounded_{0} [.2f %]: emitted more when phases are rounded up to {0} min"
numbers.record_table(lost, claim)
often = paused > len(exact) / 2
numbers.fact("measured_often", often, "most jobs with measured phases pause")
dearer = lost[15].value > 1
_ = numbers.fact("rounding_costs", dearer, "rounding to a quarter of an hour costs over 1 %")

# %% [markdown]
# Of {num}`pause_and_resume.measured_jobs`, one every other week, {num}`pause_and_resume.measured_proven` have a schedule that is proven the best (the others are at most {num}`pause_and_resume.measured_gap` above it), and {num}`pause_and_resume.measured_paused` pause.
# {if}`pause_and_resume.measured_often` Pauses pay often, since a measured start-up is short.
# Rounded up to a minute, the plan emits {num}`pause_and_resume.rounded_1` more than the best one; rounded up to five minutes {num}`pause_and_resume.rounded_5`, and to a quarter of an hour {num}`pause_and_resume.rounded_15`.
# {if}`pause_and_resume.rounding_costs` A start-up that is planned much longer than it is makes pauses look dear.

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
