# %% [markdown]
# # Carbon-aware on a finite cluster
#
# **Question.**
# What is left of the savings when machines are finite and idle nodes draw power, and how far from the best possible schedule are we?
#
# **Answer.**
# At a load of {num}`carbon_aware_cluster.load_30`, the future unknown, holding jobs saves {num}`carbon_aware_cluster.gated_jobs_30` of their emissions, suspending them too {num}`carbon_aware_cluster.aware_jobs_30`.
# {if-not}`carbon_aware_cluster.aware_shown_30` So few weeks do not show it beyond doubt.
# In one week of {word}`carbon_aware_cluster.year`, in {word}`carbon_aware_cluster.example_place`, it is proven that no schedule of its jobs without pauses saves more than {num}`carbon_aware_cluster.possible_30`, the future known.
#
# {opening}`fig:aware-savings`
#
# **You need.**
# {doc}`when_to_start` for why waiting saves at all, {doc}`sharing_a_cluster` for EASY backfilling and who waits, {doc}`waiting_for_clean_power` for the same jobs on endless machines.
# The *load* of a machine is what its jobs need, in core-hours, over what it has; the *delay* of a job is its time in the system less its run time, pauses and saving included.

# %% tags=["parameters"]
job_weeks = [30, 37]  # days of the log on which the weeks of jobs that count begin
warm_days, late_days = 3, 1  # days of jobs replayed before and after such a week
loads = [0.3, 0.7, 0.95]  # core-hours needed over core-hours there are
zones = ["DE", "FR", "GB", "PL"]  # some of datasets.zones()
first_saturday, carbon_weeks = "2020-01-18", 8  # first carbon week, and how many
tuning_saturday, tuning_weeks = "2019-01-19", 4  # the same for choosing the gates
year_days = 336  # carbon weeks are spread evenly over so many days, in whole weeks
factors = "ipcc2014"  # or "srren2011", "unece2022"
short_wait_h, long_wait_h = 6.0, 24.0  # longest wait of jobs that ask for up to 2 h, and of others
core_w = 8.0  # power that a busy core adds to its node [W]
idle_w, off_w = 100.0, 10.0  # a node that is on, one that is off [W]
boot_s, boot_w, shutdown_s = 150.0, 125.0, 10.0  # of a node
cores_per_node = 12
hold_share = 0.4  # share of the past week that is clean for gated FIFO and EASY
aware_shares = [0.6, 0.7]  # carbon-aware EASY holds above the one, suspends above the other
save_s = 60.0  # a stop and a resume cost a job so much time at full power
example_zone, example_start = "DE", "2020-05-23"  # of the certified gap
workers = 1  # processes for the sweep
seed = 1

# %% tags=["hide-input"]
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers import study as studies
from helpers.carbon.expected import hindsight, last_period
from helpers.cluster.metrics import check, lengths
from helpers.decide import CarbonEasy, CarbonFifo, Easy, Fifo, ForecastQuantile, PastQuantile
from helpers.panel import Panel
from helpers.phases import Suspension
from helpers.phases.model import Phase
from helpers.study import Stretch, Study, is_late, patience_s
from helpers.work import NodePower

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
TRACE, YEAR, TUNING_YEAR = "unilu-gaia-2014", first_saturday[:4], tuning_saturday[:4]
SCOPE = publish.Scope(zones, (YEAR,), carbon_weeks, TRACE, future="unknown")
numbers = publish.Numbers("carbon_aware_cluster", SCOPE)
HOUR, DAY, KG = 3600.0, 86400.0, 1000.0

# %% [markdown]
# ## Jobs, machines, grids
#
# The jobs are those of the UniLu Gaia cluster ({cite:t}`feitelson2014`), of two weeks of its log, from day 30 and from day 37 on; later the recording has a burst of short jobs (day 46) and gaps (from day 52).
# Each week is replayed with the jobs of the three days before, which fill the machine, and of one day after, as long as the longest wait, which keeps up the competition at its end.
# Only jobs submitted in the week itself are counted.
# A job that failed or was killed is replayed as long as it ran: it used the machine.
# Best-effort jobs are jobs like all others here, and no job is killed when its requested time is over.
# Left out for want of a run time: {num}`carbon_aware_cluster.left_out`.
#
# Jobs that ask for up to two hours wait at most {num}`carbon_aware_cluster.short_wait`, others {num}`carbon_aware_cluster.long_wait`, as with {cite:t}`hanafy2024`, but by what they *ask for*, since nobody knows how long they run.
# A busy core adds {num}`carbon_aware_cluster.core_w` to its node, which draws {num}`carbon_aware_cluster.idle_w` when it is on: an assumption, by the rule that an idle server draws about half of its full power {cite}`barroso2007`; its weight is examined at the end.

# %%
log = datasets.job_log(TRACE)
queues = [(2 * HOUR, short_wait_h * HOUR), (np.inf, long_wait_h * HOUR)]
suspension = Suspension(save=(Phase("save", save_s, core_w),))
around = {"warm_days": warm_days, "late_days": late_days, "queues": queues}

# %%
run_with = {"power_w": core_w, "suspension": suspension, "errors": "skip"}
WORK = {day: Stretch.from_log(log, day, **around, **run_with) for day in job_weeks}

# %%
made_of = {day: stretch.made_of(longer_than_s=6 * HOUR) for day, stretch in WORK.items()}
publish.table(
    pd.DataFrame(made_of).T,
    {
        "jobs": "jobs replayed [.0f]",
        "counted": "in the week itself [.0f]",
        "long": "share of core-hours in jobs over 6 h [.0f %]",
    },
    index="week from day",
)

# %% [markdown]
# The load is set by the size of the machine: the same jobs, fewer nodes.
# Cores of different nodes are as good as each other, and a job may be spread over them.

# %%
switching = {"boot_w": boot_w, "boot_s": boot_s, "shutdown_w": idle_w, "shutdown_s": shutdown_s}
node = NodePower(idle_w=idle_w, off_w=off_w, **switching)
machine = studies.Sized(cores_per_node, node)
sizes = {day: {load: machine(load, week).cores for load in loads} for day, week in WORK.items()}
publish.table(pd.DataFrame(sizes).T, {x: f"cores at load {x:g} [.0f]" for x in loads}, index="day")

# %% mystnb={"figure": {"caption": "Cores that the jobs would hold if each started at once, around two weeks of the log, and the machines of the loads examined. White: the week whose jobs are counted.", "name": "fig:aware-demand"}, "image": {"alt": "A panel for each week of jobs, with a ragged curve of cores and horizontal lines for the sizes of the machines. {if}`in-book` The smallest machine is exceeded for days, the largest never."}} tags=["hide-input"]
fig, axes = plt.subplots(1, len(WORK), figsize=(7.2, 3.6), sharey=True, squeeze=False)
for ax, (day, stretch) in zip(axes[0], WORK.items(), strict=True):
    held = stretch.demand()
    ax.step(held.index, held, where="post", color=COLORS["jobs"], linewidth=1.2)
    for load, cores in sizes[day].items():
        grey = COLORS["baseline"]
        ax.axhline(cores, color=grey, linewidth=1, linestyle="--")
        figures.label_line(ax, day + 10.9, cores, f"load {load:g}", grey, va="bottom", ha="right")
    for left, right in ((day - warm_days, day), (day + 7, day + 11)):
        ax.axvspan(left, right, color="#EEEEEE", zorder=0)
    ax.set(xlabel="day of the log", xlim=(day - warm_days, day + 11))
axes[0, 0].set(ylabel="cores", ylim=(0, 1.1 * max(cores[loads[0]] for cores in sizes.values())))
plt.show()

# %% [markdown]
# The log is of 2014 and the curves are of {word}`carbon_aware_cluster.tuning_year` and {word}`carbon_aware_cluster.year`, so dates must be mapped: the weeks of the log begin on a Saturday, and so do the carbon weeks, at the same hour of each grid's own clock.
# There are {num}`carbon_aware_cluster.carbon_weeks` of them, spread evenly over {word}`carbon_aware_cluster.year`; they get the weeks of jobs in turn.
# All policies see the same jobs in the same weeks.
# The {num}`carbon_aware_cluster.grids` ({word}`carbon_aware_cluster.places`) differ: mean intensities from {num}`carbon_aware_cluster.least_mean` to {num}`carbon_aware_cluster.most_mean`.
# {if}`in-book` Some have days that vary much (wind and sun), some days that hardly do (coal).


# %%
CURVES = {z: datasets.carbon_intensity(z, None, factors) for z in {*zones, example_zone}}
MEAN = {z: signal.mean() for z, signal in CURVES.items()}  # g/kWh
ZONES = {z: datasets.time_zone(z) for z in CURVES}
publish.table({f"mean intensity, {z} [.0f g/kWh]": MEAN[z] for z in zones})

# %%
STARTS = studies.spread_weeks(first_saturday, carbon_weeks, over_days=year_days)
TUNING = studies.spread_weeks(tuning_saturday, tuning_weeks, over_days=year_days)
dates, turn = [*STARTS, *TUNING, example_start], year_days // carbon_weeks
GIVEN = studies.in_turn(dates, job_weeks, since=first_saturday, every_days=turn)
publish.table({"carbon weeks begin on": ", ".join(STARTS)})

# %% tags=["hide-cell"]
total = sum(len(stretch.work) for stretch in WORK.values())
skipped = sum(len(stretch.work.skipped) for stretch in WORK.values())
numbers.record_table(
    {
        "jobs [.0f jobs]: jobs replayed, both weeks": total,
        "left_out [.0f jobs]: jobs that cannot be replayed": skipped,
        "short_wait [.0f h]: longest wait of jobs that ask for up to 2 h": short_wait_h,
        "long_wait [.0f h]: longest wait of all others": long_wait_h,
        "core_w [.0f W]: power that a busy core adds (assumed)": core_w,
        "idle_w [.0f W]: power of a node that is on (assumed)": idle_w,
        "save [.0f s]: what a stop and its resume cost at full power (assumed)": save_s,
        "carbon_weeks [.0f weeks]: carbon weeks in each grid": carbon_weeks,
        "grids [.0f grids]: grids": len(zones),
    }
)

# %% tags=["hide-cell"]
numbers.word("places", ", ".join(map(datasets.place, zones)), "the grids")
numbers.word("year", YEAR, "the year of the carbon weeks")
numbers.word("tuning_year", TUNING_YEAR, "the year on which the gates were chosen")
numbers.word("example_place", datasets.place(example_zone), "the grid of the example")
example_day = f"{pd.Timestamp(example_start):%-d %B %Y}"
_ = numbers.word("example_week", example_day, "the example's week begins")

# %% tags=["hide-cell"]
means = [MEAN[zone] for zone in zones]
least, most = min(means), max(means)
numbers.record_table(
    {
        "least_mean [.0f g/kWh]: mean intensity, cleanest of the grids": least,
        "most_mean [.0f g/kWh]: mean intensity, dirtiest of the grids": most,
    }
)

# %% tags=["hide-cell"]
gap_loads = sorted(loads)
percents = {(100 * load, load): 100 * load for load in gap_loads}
numbers.record_table(percents, "load_{0:.0f} [.0f %]: load {1:g}")

# %% [markdown]
# ## The policies
#
# * *EASY*: backfilling behind the reservation of the first job in line ({cite:t}`lifka1995`), the baseline; it knows no carbon.
# * *gated FIFO* and *gated EASY* hold a job while the intensity is above a share of the past week's hours, never past its longest wait.
# * *carbon-aware EASY* also suspends running jobs above a second, laxer threshold, and yet keeps every reservation EASY has given; a stop with its resume costs a job {num}`carbon_aware_cluster.save` at full power, three times what {doc}`cost_of_stopping` measured.
#
# None of them needs a forecast: the thresholds are quantiles of the week before.
# Which quantiles is decided on weeks of {word}`carbon_aware_cluster.tuning_year`, never on those that are reported.

# %%
GATES = {  # share of the past week that is clean; share above which jobs are suspended
    **{f"gated EASY {share:g}": (share,) for share in (0.2, 0.4, 0.6)},
    **{f"carbon-aware EASY {a:g}/{b:g}": (a, b) for a, b in ((0.4, 0.7), (0.6, 0.7), (0.5, 0.8))},
}
tried = {name: CarbonEasy(*map(PastQuantile, gates)) for name, gates in GATES.items()}

# %%
POLICIES = {
    "FIFO": Fifo(),
    "EASY": Easy(),
    "gated FIFO": CarbonFifo(PastQuantile(hold_share)),
    "gated EASY": CarbonEasy(PastQuantile(hold_share)),
    "carbon-aware EASY": CarbonEasy(*map(PastQuantile, aware_shares)),
}

# %%
BLIND = ("FIFO", "EASY")  # what they do does not depend on the grid
study = Study(WORK, machine, POLICIES | tried, CURVES, ZONES, GIVEN, blind=BLIND)

# %% tags=["hide-cell"]
shades = ("fifo", "easy", "timeout", "second", "carbon")
SHADE = {name: COLORS[shade] for name, shade in zip(POLICIES, shades, strict=True)}

# %% [markdown]
# Emissions have two parts.
# What a job adds is counted in the week of its submission, whenever it runs, so that nothing is won by pushing work out of the week.
# What the nodes draw by themselves is counted within the week, the same for all policies.
# The cluster stands in one grid, so that each grid counts the same: before emissions of several grids are added up, they are divided by the grid's mean intensity.

# %% [markdown]
# Each replay can be judged by a checker that knows nothing of policies: no core holds two jobs, all work is done once, energy is the integral of power.

# %%
for name in SHADE:
    check(study.replay(name, loads[-1], zones[0], STARTS[0]))
publish.table({"replays checked, nothing wrong [.0f]": len(SHADE)})

# %% [markdown]
# ### The price of a saving
#
# First the choice of the gates, on the weeks of {word}`carbon_aware_cluster.tuning_year` and a machine of medium load.

# %%
tuning_load = loads[len(loads) // 2]
tuned = study.run(["EASY", *tried], [tuning_load], TUNING, zones[::2], workers=workers).table
sums = tuned.groupby("policy").agg({"jobs": "sum", "delay_h": "mean", "stops": "mean"})
sums["saved"] = 100 * (1 - sums["jobs"] / sums.loc["EASY", "jobs"])

# %%
publish.table(
    sums,
    {
        "saved": "saved [.2f %]",
        "delay_h": "mean delay [.2f h]",
        "stops": "suspensions in a week [.1f]",
    },
    index="policy and its shares",
)

# %% mystnb={"figure": {"caption": "Emissions of jobs saved against the mean delay of a job, weeks of {word}`carbon_aware_cluster.tuning_year`, medium load. Beside each point: the share of the past week's hours that counts as clean, and for carbon-aware EASY the share above which running jobs are suspended.", "name": "fig:aware-tradeoff"}, "image": {"alt": "Scatter of saving against mean delay: amber points of gated EASY, the middle one at {num}`carbon_aware_cluster.tuned_middle` and {num}`carbon_aware_cluster.tuned_middle_delay`; green points of carbon-aware EASY, the chosen one at {num}`carbon_aware_cluster.tuned_aware` and {num}`carbon_aware_cluster.tuned_aware_delay`; EASY is at the origin."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.8))
for kind in ("gated EASY", "carbon-aware EASY"):
    points = sums[sums.index.str.startswith(kind)].sort_values("delay_h")
    ax.plot(points["delay_h"], points["saved"], color=SHADE[kind], marker="o", markersize=7)
    for i, (name, row) in enumerate(points.iterrows()):
        text, beside = name.removeprefix(kind).strip(), (0, -12 if i == 1 else 11)
        figures.label_line(
            ax, row["delay_h"], row["saved"], text, SHADE[kind], xytext=beside, ha="center"
        )
    last = points.iloc[-1]
    figures.label_line(ax, last["delay_h"], last["saved"], kind, SHADE[kind], xytext=(12, 0))
ax.plot(sums.loc["EASY", "delay_h"], 0, "o", color=SHADE["EASY"], markersize=7, clip_on=False)
figures.label_line(ax, sums.loc["EASY", "delay_h"], 0, "EASY", SHADE["EASY"], xytext=(8, 8))
ax.set(xlabel="mean delay of a job, h", ylabel="emissions of jobs saved, %")
ax.set_xlim(0, 1.35 * sums["delay_h"].max())
ax.set_ylim(0, 1.2 * sums["saved"].max())
plt.show()

# %% [markdown]
# A job that runs for days cannot dodge the dirty hours by starting in a clean one; one that may be suspended can.
# {if}`carbon_aware_cluster.tuned_pauses_win` It saves more at a similar delay.
# From here on, gated FIFO and EASY count {num}`carbon_aware_cluster.hold` of the hours as clean: half as many change the saving from {num}`carbon_aware_cluster.tuned_middle` to {num}`carbon_aware_cluster.tuned_strict` and the delay from {num}`carbon_aware_cluster.tuned_middle_delay` to {num}`carbon_aware_cluster.tuned_strict_delay`.
# Carbon-aware EASY holds above {num}`carbon_aware_cluster.aware_hold` and suspends above {num}`carbon_aware_cluster.aware_suspend` of the hours, which saves {num}`carbon_aware_cluster.tuned_aware`.

# %% tags=["hide-cell"]
named = {
    "gated EASY 0.4": "middle",
    "gated EASY 0.2": "strict",
    "carbon-aware EASY 0.6/0.7": "aware",
}
on = {"grids": zones[::2], "years": (TUNING_YEAR,), "weeks": tuning_weeks}

# %% tags=["hide-cell"]
claim = f"tuned_{{0}} [.1f %]: saved in the weeks of {TUNING_YEAR}: {{1}}"
numbers.record_table({(k, n): sums["saved"][n] for n, k in named.items()}, claim, scope=on)
claim = "tuned_{0}_delay [.1f h]: its mean delay: {1}"
numbers.record_table({(k, n): sums["delay_h"][n] for n, k in named.items()}, claim, scope=on)

# %% tags=["hide-cell"]
wins = sums["saved"]["carbon-aware EASY 0.6/0.7"] > sums["saved"]["gated EASY 0.4"]
numbers.fact("tuned_pauses_win", wins, "the chosen carbon-aware gates save more than gated EASY's")
numbers.record_table(
    {
        "hold [.0f %]: hours that are clean for gated FIFO and EASY": 100 * hold_share,
        "aware_hold [.0f %]: hours that are clean for carbon-aware EASY": 100 * aware_shares[0],
        "aware_suspend [.0f %]: hours in which it suspends no job": 100 * aware_shares[1],
    }
)

# %% [markdown]
# ## What is saved, and what it costs
#
# Now {word}`carbon_aware_cluster.year`: all policies, loads, grids and weeks.

# %%
GREEN = ("gated FIFO", "gated EASY", "carbon-aware EASY")
panel = study.run(["EASY", *GREEN], loads, STARTS, zones, workers=workers)
found = panel.table
publish.table({"policies": 1 + len(GREEN), "loads": len(loads), "rows [.0f]": len(found)})

# %% [markdown]
# Each policy is compared with EASY, paired by week and grid.
# Percentages are ratios of sums; intervals take weeks, six weeks apart, as independent, and grids as a sample; p-values are Holm's over all policies and loads.

# %%
independent = {"block": 1, "unit": "kWh at mean intensity"}  # weeks lie far apart
compared, effects = studies.effects_by_load(panel, ["jobs", "whole"], "EASY", **independent)
saved = -effects[["percent", "percent_high", "percent_low"]]  # what is saved, low end, high end
saved = saved.set_axis(["saved", "low", "high"], axis=1)
shown = saved.join(effects["p_holm"]).reset_index()

# %%
publish.table(
    shown,
    {
        "load": "load [.2f]",
        "of": "emissions of the",
        "policy": "policy",
        "saved": "saved [.2f %]",
        "low": "from [.2f %]",
        "high": "to [.2f %]",
        "p_holm": "p (Holm) [.3f]",
    },
)

# %%
grams = found.pivot_table(["jobs", "whole"], ["policy", "zone"], "load", aggfunc="sum")
by_grid = 100 * (1 - grams.loc["carbon-aware EASY"] / grams.loc["EASY"])

# %% mystnb={"figure": {"caption": "Emissions saved against EASY by the load of the machine, with 95 % intervals over weeks and grids. Left: of the jobs' own emissions; right: of those of the whole machine, nodes always on. Thin lines: carbon-aware EASY in each grid.", "name": "fig:aware-savings"}, "image": {"alt": "Two panels of saving against load. On the left, of the jobs' emissions, carbon-aware EASY saves {num}`carbon_aware_cluster.aware_jobs_30` at the lowest load and {num}`carbon_aware_cluster.aware_jobs_95` at the highest, gated EASY {num}`carbon_aware_cluster.gated_jobs_30` and {num}`carbon_aware_cluster.gated_jobs_95`. On the right, of the whole machine's, carbon-aware EASY saves {num}`carbon_aware_cluster.aware_whole_30` and {num}`carbon_aware_cluster.aware_whole_95`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.0), sharey=True)
beside = {"xytext": (-4, 0), "ha": "right", "fontsize": 8.5}
titles = {"jobs": "of the jobs", "whole": "of the whole machine"}
for ax, (of, title) in zip(axes, titles.items(), strict=True):
    green = SHADE["carbon-aware EASY"]
    ax.plot(loads, by_grid[of].T, color=green, alpha=0.35, linewidth=1)
    for zone, line in by_grid["jobs"].iterrows() if of == "jobs" else ():
        figures.label_line(ax, loads[0], line.iloc[0], zone, green, **beside)
    for i, name in enumerate(GREEN):
        rows = saved.xs((of, name), level=("of", "policy"))
        at = np.array(loads) + 0.012 * (i - 1)
        ax.vlines(at, rows["low"], rows["high"], color=SHADE[name], linewidth=2)
        ax.plot(at, rows["saved"], color=SHADE[name], marker="o", markersize=6, label=name)
    ax.axhline(0, color=COLORS["baseline"], linewidth=1)
    ax.set(title=title, xlabel="load", xlim=(loads[0] - 0.09, loads[-1] + 0.05), xticks=loads)
axes[0].set_ylabel("emissions saved, %")
axes[1].legend(loc="upper right")
plt.show()

# %%
paid = ["delay_h", "p95_h", "slowdown", "late", "stops"]
cost = found.pivot_table(paid, "policy", "load").swaplevel(axis=1).sort_index(axis=1)

# %%
publish.table(
    found.groupby(["policy", "load"])[paid].mean().reset_index(),
    {
        "policy": "policy",
        "load": "load [.2f]",
        "delay_h": "mean delay [.1f h]",
        "p95_h": "95th percentile [.1f h]",
        "slowdown": "mean bounded slowdown [.1f]",
        "late": "kept waiting too long [.1f %]",
        "stops": "suspensions in a week [.1f]",
    },
)

# %%
plain = study.run(["FIFO"], loads, STARTS[: len(job_weeks)], zones[:1]).table
plain = plain.groupby("load")[["delay_h", "p95_h"]].mean()

# %% mystnb={"figure": {"caption": "Delay of a job by load: mean (left) and 95th percentile of each week (right), mean over weeks and grids. FIFO, which knows no carbon either, shows what part of gated FIFO's delay is its strict order.", "name": "fig:aware-delays"}, "image": {"alt": "Two panels of delay against load. On the left the mean: EASY goes from {num}`carbon_aware_cluster.easy_delay_30` to {num}`carbon_aware_cluster.easy_delay_95`, to which carbon-aware EASY adds {num}`carbon_aware_cluster.aware_added_30` and {num}`carbon_aware_cluster.aware_added_95`, gated FIFO {num}`carbon_aware_cluster.fifo_added_30` and {num}`carbon_aware_cluster.fifo_added_95`. On the right the 95th percentile: {num}`carbon_aware_cluster.aware_p95_30` to {num}`carbon_aware_cluster.aware_p95_95` under carbon-aware EASY."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
for ax, what, title in zip(axes, ("delay_h", "p95_h"), ("mean", "95th percentile"), strict=True):
    for name in ("EASY", *GREEN):
        line = [cost.loc[name, (load, what)] for load in loads]
        ax.plot(loads, line, color=SHADE[name], marker="o", markersize=5, label=name)
    ax.plot(loads, plain[what], color=SHADE["FIFO"], linestyle="--", label="FIFO")
    ax.set_title(title)
    ax.set(xlabel="load", xticks=loads, ylim=(0, None))
axes[0].set_ylabel("delay, h")
axes[0].legend(loc="upper left")
plt.show()

# %% tags=["hide-cell"]
SHORT = {"gated FIFO": "fifo", "gated EASY": "gated", "carbon-aware EASY": "aware"}
PAUSES = {"gated FIFO": "none", "gated EASY": "none", "carbon-aware EASY": "charged"}
CASES = [(load, name) for load in loads for name in GREEN]
SCOPES = {(x, name): {"load_percent": 100 * x, "pauses": PAUSES[name]} for x, name in CASES}

# %% tags=["hide-cell"]
claim = "{0}_{1}_{2:.0f} [.2f %]: saved by {3} at load {4:g}: {1}"
for load, name in CASES:
    of_case = {
        (SHORT[name], of, 100 * load, name, load): tuple(saved.loc[load, of, name])
        for of in ("jobs", "whole")
    }
    numbers.record_table(of_case, claim, scope=SCOPES[load, name])

# %% tags=["hide-cell"]
of_jobs = effects.xs("jobs", level="of")
p_values = {(SHORT[name], 100 * x, name, x): p for (x, name), p in of_jobs["p_holm"].items()}
numbers.record_table(p_values, "p_{0}_{1:.0f} [.3f]: p (Holm), {2} at load {3:g}")

# %% tags=["hide-cell"]
for (load, name), row in of_jobs.iterrows():
    apart, sure = row["percent_low"] * row["percent_high"] > 0, row["p_holm"] < 0.05
    key, at = f"{SHORT[name]}_{{}}_{100 * load:.0f}", f"{name} at load {load:g}"
    numbers.fact(key.format("shown"), sure, f"p (Holm) below 0.05, {at}")
    meaning = f"the interval excludes zero though p (Holm) is not below 0.05, {at}"
    numbers.fact(key.format("apart"), apart and not sure, meaning)

# %% tags=["hide-cell"]
of_easy = {100 * load: cost.loc["EASY", load] for load in loads}
for measure, claim in {
    "delay_h": "easy_delay_{:.0f} [.1f h]: EASY: delay",
    "late": "easy_late_{:.0f} [.1f %]: EASY: past wait",
    "slowdown": "easy_slowdown_{:.0f} [.0f]: EASY: slowdown",
}.items():
    numbers.record_table({at: paid[measure] for at, paid in of_easy.items()}, claim)

# %% tags=["hide-cell"]
of_green = {(SHORT[name], 100 * load, name): cost.loc[name, load] for load, name in CASES}
for measure, claim in {
    "p95_h": "{0}_p95_{1:.0f} [.0f h]: {2}: 95th percentile",
    "late": "{0}_late_{1:.0f} [.1f %]: {2}: jobs past their wait",
    "slowdown": "{0}_slowdown_{1:.0f} [.0f]: {2}: mean slowdown",
}.items():
    numbers.record_table({case: paid[measure] for case, paid in of_green.items()}, claim)

# %% tags=["hide-cell"]
by_delay = panel.select(load=loads[-1]).compare("delay_h", "EASY", block=1, unit="h")
ends = {(loads[-1], name): by_delay.interval(name, "difference") for name in GREEN}
claim = "{0}_added_{1:.0f} [.1f h]: mean delay added to EASY's by {2}, load {3:g}"
for load, name in CASES:
    more_h = cost.loc[name, (load, "delay_h")] - cost.loc["EASY", (load, "delay_h")]
    sure = ends.get((load, name))
    added = more_h if sure is None else (more_h, sure.low, sure.high)
    case = (SHORT[name], 100 * load, name, load)
    numbers.record_table({case: added}, claim, scope=SCOPES[load, name])

# %% tags=["hide-cell"]
claim = "nodes_share_{0:.0f} [.0f %]: emissions that are the nodes' own, EASY, load {1:g}"
under_easy = found[found["policy"] == "EASY"].groupby("load")[["nodes", "whole"]].sum()
shares = 100 * under_easy["nodes"] / under_easy["whole"]
for load, share in shares.items():
    numbers.record_table({(100 * load, load): share}, claim, scope={"load_percent": 100 * load})

# %% tags=["hide-cell"]
worst = of_jobs["p_holm"].groupby("policy", sort=False).max()
numbers.record_table(
    {(SHORT[name], name): worst[name] for name in GREEN},
    "p_{0} [.3f]: largest p (Holm) over the loads, {1}",
)

# %% tags=["hide-cell"]
in_grams = panel.select(load=loads[0]).compare("jobs_g", "EASY", block=1, unit="g")
ends = {(SHORT[name], name): in_grams.interval(name) for name in GREEN[1:]}
numbers.record_table(
    {case: (-one.value, -one.high, -one.low) for case, one in ends.items()},
    "{0}_grams [.2f %]: saved by {1} at the lowest load, grams of all grids added up",
)

# %% tags=["hide-cell"]
in_zone = by_grid["jobs"][loads[0]]
least, most = in_zone.idxmin(), in_zone.idxmax()
numbers.record_table(
    {("least", least): in_zone[least], ("most", most): in_zone[most]},
    "aware_{0}_grid [.1f %]: saved by carbon-aware EASY in {1}",
)

# %% tags=["hide-cell"]
in_turn = STARTS[: len(job_weeks)]
used = [study.metrics("EASY", loads[-1], zones[0], week)["utilization"] for week in in_turn]
claim = "used_{:.0f} [.0f %]: cores used in the week, highest load, EASY"
numbers.record_table({100 * loads[-1]: 100 * np.mean(used)}, claim)

# %% tags=["hide-cell"]
same = of_jobs.loc[loads[0], "carbon-aware EASY"]
numbers.record_table(
    {
        "p_aware_low [.3f]: p (Holm), carbon-aware EASY at the lowest load": same["p_holm"],
        "aware_weeks_same [.0f weeks]: weeks in which it saves": same["times_same"],
        "aware_grids_same [.0f grids]: grids in which it saves": same["clusters_same"],
    }
)

# %% tags=["hide-cell"]
none_shown = (effects["p_holm"] >= 0.05).all()
numbers.fact("none_shown", none_shown, "no p (Holm) over loads and policies is below 0.05")
some_apart = none_shown and (effects["percent_low"] * effects["percent_high"] > 0).any()
_ = numbers.fact("some_apart", some_apart, "and yet an interval excludes zero")

# %% tags=["hide-cell"]
everywhere = same["times_same"] == carbon_weeks and same["clusters_same"] == len(zones)
numbers.fact("aware_everywhere", everywhere, "it saves in every week and every grid, lowest load")
less = of_jobs["percent"][loads[-1], "carbon-aware EASY"] > same["percent"]
_ = numbers.fact("less_when_full", less, "carbon-aware EASY saves less at the highest load")

# %% [markdown]
# At {num}`carbon_aware_cluster.load_30`, holding saves {num}`carbon_aware_cluster.gated_jobs_30` of the jobs' emissions and suspending {num}`carbon_aware_cluster.aware_jobs_30`; carbon-aware EASY saves in {num}`carbon_aware_cluster.aware_weeks_same` of {num}`carbon_aware_cluster.carbon_weeks` and in {num}`carbon_aware_cluster.aware_grids_same` of {num}`carbon_aware_cluster.grids`, by amounts from {num}`carbon_aware_cluster.aware_least_grid` in the grid where it saves least to {num}`carbon_aware_cluster.aware_most_grid` where it saves most.
# After Holm's correction over all loads and policies, p is {num}`carbon_aware_cluster.p_aware_low` for carbon-aware EASY at {num}`carbon_aware_cluster.load_30` and up to {num}`carbon_aware_cluster.p_aware` at other loads.
# {if}`carbon_aware_cluster.none_shown` Below 0.05 would count as shown: so few weeks and grids, as different as they are, leave the size of the saving open.
# {if}`carbon_aware_cluster.some_apart` Some intervals exclude zero all the same: an interval is about one comparison, where Holm's p pays for having looked at all policies and loads.
#
# Savings vanish in three ways.
#
# * *On a full machine*: at {num}`carbon_aware_cluster.load_95` cores are used to {num}`carbon_aware_cluster.used_95`, in clean hours and in dirty ones, and {num}`carbon_aware_cluster.gated_jobs_95` and {num}`carbon_aware_cluster.aware_jobs_95` are left.
# * *On an empty machine*, whose nodes emit {num}`carbon_aware_cluster.nodes_share_30` of everything at {num}`carbon_aware_cluster.load_30` by standing there: of the whole, carbon-aware EASY saves {num}`carbon_aware_cluster.aware_whole_30`, and {num}`carbon_aware_cluster.aware_whole_70` at {num}`carbon_aware_cluster.load_70`.
# * *In a grid that hardly varies*.
#
# The price is the same everywhere: a mean delay of {num}`carbon_aware_cluster.aware_added_30` more at {num}`carbon_aware_cluster.load_30` and {num}`carbon_aware_cluster.aware_added_95` more at {num}`carbon_aware_cluster.load_95`, a 95th percentile of {num}`carbon_aware_cluster.aware_p95_30` or more, since some spells of dirty hours outlast everybody's patience.
# Short jobs suffer most: the mean bounded slowdown rises from {num}`carbon_aware_cluster.easy_slowdown_70` to {num}`carbon_aware_cluster.aware_slowdown_70` at {num}`carbon_aware_cluster.load_70`.
# At {num}`carbon_aware_cluster.load_95`, {num}`carbon_aware_cluster.aware_late_95` of the jobs are kept waiting for longer than their users accept, {num}`carbon_aware_cluster.easy_late_95` under EASY.
# Gated FIFO saves no more than gated EASY and delays jobs by {num}`carbon_aware_cluster.fifo_added_95` instead of {num}`carbon_aware_cluster.gated_added_95` more than EASY: who gates should backfill.

# %% [markdown]
# (how-far-from-the-best)=
# ## How far from the best?
#
# Is that little because there is little to be had, or because the policies are poor?
# The best schedule of {num}`carbon_aware_cluster.example_jobs` on a finite machine cannot be computed, but a number that *no* schedule gets below can.
#
# Imagine an auction: every core-hour has a price, which may differ from hour to hour, and each job, alone, picks the start at which its emissions plus the price of its cores are least.
# Add up what all jobs pay in this sense, and take off what the whole machine is worth at those prices.
# In any schedule that fits the machine, the jobs together hold no more cores than there are, so they cannot owe more than that worth: the result is at most the emissions of *any* schedule, whatever the prices.
# High prices in clean hours make the bound sharp, and the best prices are searched for; each job's own choice is exact, in continuous time (`helpers.bound.certificate` has the formulas and the proof).
# From the same prices a schedule is built that fits the machine: the best one lies between the two.
#
# Bound and policies must answer the same question: the same jobs on the same cores, the jobs' own emissions, no pauses, and the same deadlines.
# A policy may keep a job waiting for longer than its user accepts when the machine is full, which would be unfair to the bound.
# So a job that any of the policies compared has finished later gets that later deadline in the bound: it then holds for all of them.


# %%
signal, example = CURVES[example_zone], (example_zone, example_start)
told = {
    "yesterday": lambda now_s: last_period(signal, now_s + 2 * DAY)(now_s),
    "perfect": hindsight(signal),
}

# %%
done = {
    load: {name: study.replay(name, load, *example) for name in ("EASY", "gated EASY")}
    for load in gap_loads
}

# %%
informed = CarbonEasy(ForecastQuantile(hold_share))
for load in gap_loads:
    for name, forecaster in told.items():
        replayed = study.replay_under(informed, load, *example, forecaster=forecaster)
        done[load][f"gated EASY, {name}"] = replayed

# %%
pausing = ["carbon-aware EASY"]
gap = studies.gap_to_best(study, *example, done, pausing, power_w=core_w, seed=seed)
in_kg = (gap.emissions_g / KG).T

# %%
publish.table(in_kg, {x: f"load {x:g} [.1f kg]" for x in gap_loads}, index="emissions of the jobs")

# %% tags=["hide-cell"]
past, held = SHADE["gated EASY"], "gated EASY"
hatched = {"facecolor": "#F4F4F4", "edgecolor": "#D5D5D5", "hatch": "//"}
LOOKS = {
    "EASY": ("EASY", SHADE["EASY"], "-"),
    "gated EASY, perfect": (f"{held}, perfect forecast", past, ":"),
    "gated EASY, yesterday": (f"{held}, yesterday's curve", past, "--"),
    "gated EASY": (f"{held}, past week", past, "-"),
    "carbon-aware EASY": ("carbon-aware EASY (pauses)", SHADE["carbon-aware EASY"], "-"),
    "plan": ("plan that knows everything", COLORS["model"], "-"),
    "bound": ("bound: no schedule without pauses", "black", "--"),
    "bound, pauses": ("bound with pauses", "black", ":"),
}

# %% mystnb={"figure": {"caption": "Emissions of the jobs against those of EASY, on the example, by load. The hatched area is proven out of reach of any schedule without pauses; only carbon-aware EASY, which pauses jobs, may enter it. Nothing gets below the dotted line even with free pauses and endless machines.", "name": "fig:aware-gap"}, "image": {"alt": "Lines of relative emissions against load, EASY at zero. At the highest load gated EASY lies {num}`carbon_aware_cluster.example_gated_95` below it, the plan {num}`carbon_aware_cluster.planned_95`, the bound without pauses {num}`carbon_aware_cluster.possible_95`, carbon-aware EASY, which pauses, {num}`carbon_aware_cluster.example_aware_95`, and the bound with pauses {num}`carbon_aware_cluster.possible_pauses_95`."}} tags=["hide-input"]
relative = gap.above("EASY")
fig, ax = plt.subplots(figsize=(7.2, 4.6))
lowest = 1.15 * relative.min().min()
ax.fill_between(gap_loads, relative["bound"], lowest, **hatched)
for column, (label, color, style) in LOOKS.items():
    ax.plot(gap_loads, relative[column], color=color, linestyle=style, label=label)
ax.set(xlabel="load", ylabel="emissions against EASY, %", xticks=gap_loads)
ax.set(xlim=(gap_loads[0], gap_loads[-1]), ylim=(lowest, 0.5))
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
plt.show()

# %% tags=["hide-cell"]
WEEK_OF = {"grids": (example_zone,), "years": (example_start[:4],), "weeks": 1}
MEANINGS = {
    "possible": "most that any schedule without pauses could save",
    "planned": "saved by the plan that knows everything",
    "example_gated": "saved by gated EASY",
    "example_yesterday": "saved with yesterday's curve as forecast",
    "example_perfect": "saved with a perfect forecast",
    "example_aware": "saved by carbon-aware EASY",
    "possible_pauses": "most that any schedule with pauses could save",
}

# %% tags=["hide-cell"]
SAVED_BY = {  # column, pauses, future
    "possible": ("bound", "none", "known"),
    "planned": ("plan", "none", "known"),
    "example_gated": ("gated EASY", "none", "unknown"),
    "example_yesterday": ("gated EASY, yesterday", "none", "forecast"),
    "example_perfect": ("gated EASY, perfect", "none", "known"),
    "example_aware": ("carbon-aware EASY", "charged", "unknown"),
    "possible_pauses": ("bound, pauses", "free", "known"),
}

# %% tags=["hide-cell"]
for name, (of, pauses, future) in SAVED_BY.items():
    claim = f"{name}_{{0:.0f}} [.2f %]: {MEANINGS[name]}, example, load {{1:g}}"
    for load, share in gap.saved("EASY")[of].items():
        about = {"load_percent": 100 * load, "pauses": pauses, "future": future}
        numbers.record_table({(100 * load, load): share}, claim, scope=WEEK_OF | about)

# %% tags=["hide-cell"]
above = {"easy": "EASY", "gated": "gated EASY", "perfect": "gated EASY, perfect"}
for name, of in above.items():
    claim = f"above_{name}_{{0:.0f}} [.2f %]: {of} above the bound, load {{1:g}}"
    of_loads = gap.above("bound")[of].items()
    numbers.record_table({(100 * load, load): share for load, share in of_loads}, claim)

# %% tags=["hide-cell"]
of_pauses = gap.above("bound, pauses")["carbon-aware EASY"]
claim = "above_aware_{:.0f} [.1f %]: carbon-aware EASY above its own bound"
numbers.record_table(of_pauses.set_axis(100 * of_pauses.index), claim)

# %% tags=["hide-cell"]
for load, bound in gap.bounds.items():
    crowding = max(0.0, 100 * (bound.lower_g / bound.endless_g - 1))  # rounding is taken off
    at, proven = f"{100 * load:.0f}", {"pauses": "none", "future": "known"}
    numbers.record_table(
        {
            f"gap_{at} [.3f %]: gap of plan and bound, load {load:g}": 100 * bound.gap,
            f"least_{at} [.1f kg]: no schedule without pauses emits less": bound.lower_g / KG,
            f"crowding_{at} [.2f %]: at least added by the machine being finite": crowding,
        },
        scope=WEEK_OF | {"load_percent": 100 * load} | proven,
    )

# %% tags=["hide-cell"]
work = study.stretch(example_start).work
for load, replays in done.items():
    late = is_late(replays["gated EASY"])
    later = patience_s(work, replays.values()) > work.jobs["longest_wait_s"] + 1.0
    at = f"{100 * load:.0f}"
    numbers.record_table(
        {
            f"late_gated_{at} [.1f %]: jobs of gated EASY that end too late": 100 * late.mean(),
            f"later_{at} [.1f %]: jobs with a later deadline in the bound": 100 * later.mean(),
        }
    )

# %% tags=["hide-cell"]
waits_s = (patience_s(work), patience_s(work, done[gap_loads[-1]].values()))
least_g = [study.endless_g(*example, s, power_w=core_w, pauses=False).sum() for s in waits_s]
loosened = 100 * (1 - least_g[1] / least_g[0])
claim = "loosened [.1f %]: what the later deadlines lower the bound"
numbers.record_table({claim: loosened})

# %% tags=["hide-cell"]
claim = "example_jobs [.0f jobs]: jobs of the example"
numbers.record_table({claim: len(work)}, scope=WEEK_OF)

# %% tags=["hide-cell"]
middle = gap.emissions_g.loc[gap_loads[len(gap_loads) // 2]]
helps = middle["gated EASY, perfect"] < middle["gated EASY"]
meaning = "a perfect forecast of a day saves more, example, medium load"
_ = numbers.fact("forecast_helps", helps, meaning)

# %% tags=["hide-cell"]
matches = middle["carbon-aware EASY"] <= 1.01 * middle["plan"]
meaning = "carbon-aware EASY is within 1 % of the plan, the same"
_ = numbers.fact("stopping_matches", matches, meaning)

# %% [markdown]
# The same week on your grid: {doc}`your_grid`.
#
# All jobs that are replayed count in the example, also those around the week.
# At {num}`carbon_aware_cluster.load_95`, in this one week ({word}`carbon_aware_cluster.example_place`, from {word}`carbon_aware_cluster.example_week`) and for these jobs, no schedule without pauses could emit less than {num}`carbon_aware_cluster.least_95`, {num}`carbon_aware_cluster.possible_95` below EASY; the plan built saves {num}`carbon_aware_cluster.planned_95`, so that what is best is known to {num}`carbon_aware_cluster.gap_95` there, and to {num}`carbon_aware_cluster.gap_70` at {num}`carbon_aware_cluster.load_70`.
# Gated EASY is at most {num}`carbon_aware_cluster.above_gated_30` above the best at {num}`carbon_aware_cluster.load_30` and {num}`carbon_aware_cluster.above_gated_95` at {num}`carbon_aware_cluster.load_95`, and EASY {num}`carbon_aware_cluster.above_easy_30` and {num}`carbon_aware_cluster.above_easy_95`.
# {if-not}`carbon_aware_cluster.forecast_helps` A forecast of the next day is no help to such a gate.
# At {num}`carbon_aware_cluster.load_70`, comparing the present with the next day saves {num}`carbon_aware_cluster.example_perfect_70` if that day is known perfectly and {num}`carbon_aware_cluster.example_yesterday_70` if yesterday stands for it; comparing it with the past week saves {num}`carbon_aware_cluster.example_gated_70`.
# {if-not}`carbon_aware_cluster.forecast_helps` These jobs run for days, so what matters is whether the whole next days are clean, and not which of their hours.
# What else is missing is knowledge of the jobs: the plan knows every run time and every later job, and saves {num}`carbon_aware_cluster.planned_70`.
#
# The finite machine itself takes little: crowding adds at least {num}`carbon_aware_cluster.crowding_70` at {num}`carbon_aware_cluster.load_70` and {num}`carbon_aware_cluster.crowding_95` at {num}`carbon_aware_cluster.load_95` to the least emissions on endless machines.
# Deadlines are later than users accept for {num}`carbon_aware_cluster.later_95` of the jobs at {num}`carbon_aware_cluster.load_95`; that alone lowers the least emissions on endless machines by {num}`carbon_aware_cluster.loosened`.
#
# With pauses more is possible: the bound for them, which takes machines to be endless and pauses to be free, is {num}`carbon_aware_cluster.possible_pauses_70` below EASY.
# Carbon-aware EASY, which knows neither run times nor the future, saves {num}`carbon_aware_cluster.example_aware_70` at {num}`carbon_aware_cluster.load_70`, where the best schedule without pauses saves {num}`carbon_aware_cluster.planned_70`.
# {if}`carbon_aware_cluster.stopping_matches` In this week being able to stop is worth as much as knowing everything beforehand.

# %% [markdown]
# ### The same in all grids and weeks
#
# No schedule on a finite machine beats each job at its own best on endless ones, which is quickly computed, exactly, for all grids and weeks.
# On a machine with room this simpler bound is sharp: in the example crowding adds {num}`carbon_aware_cluster.crowding_30`.
# At most {num}`carbon_aware_cluster.late_roomy` of a week's jobs wait too long there under gated EASY, so that policy and bound keep the same deadlines.
# Saving counts as delay but not as waiting, and so the best pauses are granted an hour more.

# %%
roomy = found[found["load"] == loads[0]]
late_jobs = roomy.groupby("policy")["late"].max().to_frame("late")
publish.table(late_jobs, {"late": "most late jobs in a week [.2f %]"}, index="policy")

# %%
kinds = {"best start": {"pauses": False}, "best pauses": {"pauses": True, "more_s": HOUR}}
best = pd.concat(
    study.endless_panel(name, STARTS, zones, power_w=core_w, **kind) for name, kind in kinds.items()
)

# %%
JUDGED = {"EASY": "best start", "gated EASY": "best start", "carbon-aware EASY": "best pauses"}
pairs = {
    name: Panel(pd.concat([roomy[roomy["policy"] == name], best[best["policy"] == of]]))
    for name, of in JUDGED.items()
}
above = {n: p.compare("jobs", JUDGED[n], **independent).interval(n) for n, p in pairs.items()}

# %%
publish.table(
    pd.DataFrame([(n, JUDGED[n], e.value, e.low, e.high) for n, e in above.items()]),
    {
        0: "policy",
        1: "compared with",
        2: "emissions above it [.2f %]",
        3: "from [.2f %]",
        4: "to [.2f %]",
    },
)

# %% tags=["hide-cell"]
claim = "late_roomy [.2f %]: most late jobs in a week, gated EASY"
numbers.record_table({claim: late_jobs["late"]["gated EASY"]})

# %% tags=["hide-cell"]
sum_of = pd.concat([roomy, best]).groupby("policy")["jobs"].sum()
claim = "taken_{0} [.0f %]: of the {1}' saving, taken by {2}"
for name, whose in (("gated EASY", "best starts"), ("carbon-aware EASY", "best pauses")):
    taken = (sum_of["EASY"] - sum_of[name]) / (sum_of["EASY"] - sum_of[JUDGED[name]])
    case = (SHORT[name], whose, name)
    numbers.record_table({case: 100 * taken}, claim, scope=SCOPES[loads[0], name])

# %% tags=["hide-cell"]
claim = "above_best_{0} [.1f %]: emissions of {1} above those of the {2}, lowest load"
for name, ends in above.items():
    case = ({"EASY": "easy"} | SHORT)[name], name, JUDGED[name]
    about = SCOPES[loads[0], "gated EASY" if name == "EASY" else name]
    numbers.record_table({case: ends}, claim, scope=about)

# %% [markdown]
# Over all grids and weeks EASY is {num}`carbon_aware_cluster.above_best_easy` above the best schedule without pauses, gated EASY {num}`carbon_aware_cluster.above_best_gated`.
# Carbon-aware EASY is {num}`carbon_aware_cluster.above_best_aware` above the best with pauses.
# Of what could be had, gated EASY takes {num}`carbon_aware_cluster.taken_gated` and carbon-aware EASY {num}`carbon_aware_cluster.taken_aware`; the rest is left for a better policy.

# %% [markdown]
# ### What a core-hour is worth
#
# The prices that prove the bound have a meaning of their own: what one more core in that hour would save, as far as the bound can tell.

# %%
tight, core_h = gap_loads[-1], work.core_seconds / HOUR
bound, stretch = gap.bounds[tight], study.stretch(example_start)
cores = study.cluster(tight, example_start).cores
usual_g = gap.emissions_g.loc[tight, "bound"] / core_h
price_g = bound.prices.values * HOUR

# %%
plan_s, plan_cores = studies.planned_cores(bound, work.jobs["processors"])
under_easy = done[tight]["EASY"]
easy_cores = lengths(under_easy)["cores"]
easy_s = under_easy.origin_s + easy_cores.index.to_numpy()
shown_s = study.origin(*example).timestamp() + np.array(stretch.window) + np.array([-DAY, DAY])

# %% mystnb={"figure": {"caption": "The example on its smallest machine. Above: carbon intensity. Middle: price of a core-hour, the emissions that one more core would save; dashed: what a core-hour of a job emits on average. Below: cores held under EASY (line) and in the plan (area), and the cores there are (dashed).", "name": "fig:aware-prices"}, "image": {"alt": "Three panels over the days around the example's week: the intensity; the price of a core-hour, above zero {num}`carbon_aware_cluster.priced_time` of the time and at most {num}`carbon_aware_cluster.dearest_hour`; and the cores held under EASY and in the plan, which fills the clean valleys up to the capacity."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.2), sharex=True, height_ratios=[1, 1, 1.3])
look, line = {"shown_s": tuple(shown_s)}, {"baseline": None, "color": "#222222", "linewidth": 1}
blue, dashed = COLORS["average"], {"color": COLORS["baseline"], "linestyle": "--", "linewidth": 1}
levels = signal.intensity_g_per_kwh
figures.dated_steps(axes[0], signal.edges_s, levels, **look, color=blue, baseline=None)
area = {"color": COLORS["model"], "fill": True}
figures.dated_steps(axes[1], bound.prices.edges_s, price_g, **look, **area)
axes[1].axhline(usual_g, **dashed)
area = {"color": COLORS["partial"], "fill": True, "alpha": 0.8}
figures.dated_steps(axes[2], plan_s, plan_cores, **look, **area)
figures.dated_steps(axes[2], easy_s, easy_cores.to_numpy()[:-1], **look, **line)
axes[2].axhline(cores, **dashed)
tops = (None, None, 1.1 * cores)
for ax, label, top in zip(axes, ("g/kWh", "g per core-hour", "cores"), tops, strict=True):
    ax.set(ylabel=label, ylim=(0, top))
plt.show()

# %% tags=["hide-cell"]
lasts_s = np.diff(bound.prices.edges_s)
priced = 100 * lasts_s[price_g > 0.01 * usual_g].sum() / lasts_s.sum()
numbers.record_table(
    {
        "usual_hour [.2f g]: emissions of a core-hour at the bound, smallest machine": usual_g,
        "dearest_hour [.2f g]: highest price of a core-hour": price_g.max(),
        "priced_time [.0f %]: time in which a core-hour has a price": priced,
    }
)

# %% [markdown]
# A core-hour of a job emits {num}`carbon_aware_cluster.usual_hour` on average, and the dearest core-hour would save {num}`carbon_aware_cluster.dearest_hour`; in {num}`carbon_aware_cluster.priced_time` of the time a further core would save something, and in the rest nothing at all.

# %% [markdown]
# (idle-power-and-sleep)=
# ## Idle power and sleep
#
# On a machine whose nodes stay on, what the nodes draw by themselves is {num}`carbon_aware_cluster.nodes_share_30` of all emissions at {num}`carbon_aware_cluster.load_30` and {num}`carbon_aware_cluster.nodes_share_95` at {num}`carbon_aware_cluster.load_95`, and no order of jobs changes it.
# Nodes that sleep do: here a node is switched off when it has been idle for as long as switching costs, and on again when jobs wait for it.
# Jobs held for clean hours do not wake nodes.

# %%
roomier, half = loads[:2], STARTS[::2]
sleepers = ("EASY", "carbon-aware EASY")
asleep = study.run(sleepers, roomier, half, zones, sleep=[True], workers=workers)

# %%
some = found["policy"].isin(sleepers) & found["week"].isin(half) & found["load"].isin(roomier)
both = pd.concat([found[some], asleep.table], ignore_index=True)
both["named"] = both["policy"] + np.where(both["sleep"], ", nodes sleep", "")
at_load = {load: both[both["load"] == load] for load in roomier}

# %%
scales = np.linspace(0, 2.5, 26)  # times the idle power assumed
curves = {x: studies.whole_saved(t, scales, "named", "EASY") for x, t in at_load.items()}
whole = {x: studies.whole_saved(t, [1.0], "named", "EASY").loc[1.0] for x, t in at_load.items()}
publish.table(
    pd.DataFrame(whole), {x: f"saved at load {x:g} [.2f %]" for x in roomier}, index="policy"
)

# %% mystnb={"figure": {"caption": "Emissions of the whole machine saved against EASY with nodes always on, by the idle power of a node; left at low, right at medium load. Full lines: nodes always on; dashed: nodes sleep. The vertical line marks the idle power assumed elsewhere.", "name": "fig:aware-idle"}, "image": {"alt": "Two panels of saving against idle power; full lines, nodes always on, fall towards zero; dashed lines, nodes sleep, rise; at the idle power assumed elsewhere sleep saves {num}`carbon_aware_cluster.sleep_30` on the left and {num}`carbon_aware_cluster.sleep_70` on the right, with carbon-aware EASY {num}`carbon_aware_cluster.both_30` and {num}`carbon_aware_cluster.both_70`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.0), sharey=True)
for ax, (load, curve) in zip(axes, curves.items(), strict=True):
    for name in sleepers:
        look, watts = {"color": SHADE[name], "label": name}, scales * idle_w
        ax.plot(watts, curve[name], **look)
        ax.plot(watts, curve[f"{name}, nodes sleep"], **look, linestyle="--")
    ax.axvline(idle_w, color=COLORS["rest"], linewidth=1)
    ax.set(title=f"load {load:g}", xlabel="idle power of a node, W", xlim=(0, watts[-1]))
axes[0].set_ylabel("emissions saved, %")
axes[1].legend(handles=axes[1].get_lines()[:4:2], loc="upper left")
plt.show()

# %%
on_top = {x: asleep.select(load=x).compare("whole", "EASY", **independent) for x in roomier}
tables = pd.concat({load: found.table for load, found in on_top.items()}, names=["load"])
words = {"load": "load [.2f]", "policy": "policy"} | on_top[roomier[0]].words()
publish.table(tables.reset_index(), words)

# %% tags=["hide-cell"]
numbers.about(weeks=len(half))
CLAIMED = {
    "sleep_{0:.0f} [.1f %]: saved by sleep, EASY, load {1:g}": "EASY, nodes sleep",
    "awake_{0:.0f} [.2f %]: saved by carbon-aware EASY, nodes always on, load {1:g}": GREEN[-1],
    "both_{0:.0f} [.1f %]: saved by both, load {1:g}": "carbon-aware EASY, nodes sleep",
}

# %% tags=["hide-cell"]
for load in roomier:
    for claim, name in CLAIMED.items():
        pauses = "charged" if name.startswith("carbon-aware") else "none"
        about = {"load_percent": 100 * load, "pauses": pauses}
        numbers.record_table({(100 * load, load): whole[load][name]}, claim, scope=about)

# %% tags=["hide-cell"]
text = "saved by carbon-aware EASY when nodes sleep, whole machine, load {1:g}"
ends = {load: on_top[load].interval("carbon-aware EASY") for load in roomier}
for load, one in ends.items():
    top = {(100 * load, load): (-one.value, -one.high, -one.low)}
    about = {"load_percent": 100 * load, "pauses": "charged"}
    numbers.record_table(top, "top_{0:.0f} [.2f %]: " + text, scope=about)
numbers.about(weeks=carbon_weeks)

# %% tags=["hide-cell"]
by_nodes = asleep.table.pivot_table("nodes", "load", "policy", aggfunc="sum")
more = 100 * (by_nodes["carbon-aware EASY"] / by_nodes["EASY"] - 1)
text = "emissions of nodes, carbon-aware against plain EASY, nodes sleep, load {1:g}"
more = {(100 * load, load): share for load, share in more.items()}
numbers.record_table(more, "nodes_more_{0:.0f} [.1f %]: " + text)

# %% tags=["hide-cell"]
many = whole[roomier[1]]
times = many["EASY, nodes sleep"] / many["carbon-aware EASY"]
numbers.record_table(
    {
        "sleep_weeks [.0f weeks]: weeks in which sleep was replayed": len(half),
        "sleep_times [.0f]: sleep's saving over carbon-aware EASY's, medium load": times,
    }
)

# %% tags=["hide-cell"]
apart = not ends[roomier[1]].low <= 0 <= ends[roomier[1]].high
_ = numbers.fact("top_apart", apart, "the interval of what it saves on top of sleep excludes zero")

# %% [markdown]
# Sleep saves {num}`carbon_aware_cluster.sleep_30` of all emissions at {num}`carbon_aware_cluster.load_30` and {num}`carbon_aware_cluster.sleep_70` at {num}`carbon_aware_cluster.load_70`, in {num}`carbon_aware_cluster.sleep_weeks` of the weeks, where carbon-aware EASY with nodes always on saves {num}`carbon_aware_cluster.awake_30` and {num}`carbon_aware_cluster.awake_70`.
# Where nodes sleep, moving a job moves its nodes' power too, and what carbon-aware EASY saves of the whole machine's emissions is a share of what is left: {num}`carbon_aware_cluster.top_30` ({num-interval}`carbon_aware_cluster.top_30`) and {num}`carbon_aware_cluster.top_70` ({num-interval}`carbon_aware_cluster.top_70`).
# {if-not}`carbon_aware_cluster.top_apart` These are half of the weeks, too few to show by themselves that it saves on top of sleep.

# %% [markdown]
# (limits-carbon-aware-cluster)=
# ## What could be wrong, and what would change our mind
#
# The comparison at medium load says in words how much it would take; its p-values count its three policies alone.

# %%
words = compared[loads[len(loads) // 2], "jobs"].sentences
for name in ("gated EASY", "carbon-aware EASY"):
    heads = (f"{name}:", f"What would change our mind on {name}:")
    said = [fill(line, 96) for line in words if line.startswith(heads)]
    print("\n".join(said), end="\n\n")

# %% [markdown]
# * **Choices made with results in view.** Gates were chosen on another year, but not the design: that each grid counts the same, which grids, how many weeks and which loads were settled after first results for {word}`carbon_aware_cluster.year` had been seen, with other grids and weeks tried on the way. With grams of all grids added up as they are, so that the dirtiest grid weighs most, savings at {num}`carbon_aware_cluster.load_30` are {num}`carbon_aware_cluster.gated_grams` for gated and {num}`carbon_aware_cluster.aware_grams` for carbon-aware EASY. The intervals and p-values do not allow for such choices.
# * **One cluster, two weeks of jobs.** Both are weeks of one summer. The intervals are about grids and weeks of weather, not about other clusters; jobs here are long, which is bad for starts and good for pauses.
# * **Assumed power.** All jobs draw the same per core, and no job's power changes while it runs; percentages of the jobs do not depend on how much, those of the whole machine do ({numref}`fig:aware-idle`).
# * **Users do not react.** Whoever is kept waiting for a day would ask for less, or for more, or leave; the log cannot say.
# * **Any job can pause.** Saving at any time for {num}`carbon_aware_cluster.save` needs checkpoints that many programs do not have.
# * **The bound knows the future.** It is what a schedule could reach that knows every job and every hour; whether any policy without that knowledge can come near is open.
# * **Average intensity.** What moving load really avoids is a marginal question, see {doc}`counting_carbon`.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=carbon_aware_cluster P="zones=[FR,PL] loads=[0.3,0.5,0.95]"
# make run CHAPTER=carbon_aware_cluster P="long_wait_h=72"
# make run CHAPTER=carbon_aware_cluster P="save_s=1800"
# ```
#
# 1. With `long_wait_h=72`, does the bound fall faster than the policies?
# 2. At which `save_s` does suspending no longer pay?
# 3. A bigger sweep, all grids and a start every month, takes minutes: pass all of `datasets.zones()` and set `workers`; which interval shrinks most?
#
# ## The numbers of this chapter

# %%
numbers
