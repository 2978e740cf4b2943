# %% [markdown]
# # Carbon-aware on a finite cluster
#
# **Question.**
# What is left of the savings when machines are finite and idle nodes draw power, and how far from the best possible schedule are we?
#
# **Answer.**
# Over {num}`carbon_aware_cluster.grids` and {num}`carbon_aware_cluster.carbon_weeks` of {word}`carbon_aware_cluster.year`, the future unknown, holding jobs at a load of {num}`carbon_aware_cluster.load_30` saves {num}`carbon_aware_cluster.gated_jobs_30` of their emissions, suspending them too {num}`carbon_aware_cluster.aware_jobs_30`.
# {if-not}`carbon_aware_cluster.aware_shown_30` So few weeks do not show it beyond doubt.
# In one week, in {word}`carbon_aware_cluster.example_place`, it is proven that no schedule of its jobs without pauses saves more than {num}`carbon_aware_cluster.possible_30`, the future known.
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

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.carbon.expected import hindsight, last_period
from helpers.cluster import replay
from helpers.cluster.account import job_energy
from helpers.cluster.metrics import check, lengths
from helpers.decide import (
    CarbonEasy,
    CarbonFifo,
    Easy,
    Fifo,
    ForecastQuantile,
    PastQuantile,
)
from helpers.panel import Panel
from helpers.phases import Suspension
from helpers.phases.model import Phase
from helpers.study import Stretch, Study, in_turn, is_late, patience_s, spread_weeks
from helpers.timeline import utc_times
from helpers.work import Cluster, NodePower

figures.use_style()
COLORS = figures.COLORS
TRACE, YEAR, TUNING_YEAR = "unilu-gaia-2014", first_saturday[:4], tuning_saturday[:4]
SCOPE = publish.Scope(zones, (YEAR,), carbon_weeks, TRACE, future="unknown")
numbers = publish.Numbers("carbon_aware_cluster", SCOPE)
HOUR, DAY, WEEK = 3600.0, 86400.0, 604800.0
KG = 1000.0

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
WORK = {
    day: Stretch.from_log(
        log,
        day,
        warm_days=warm_days,
        late_days=late_days,
        queues=queues,
        power_w=core_w,
        suspension=suspension,
        errors="skip",
    )
    for day in job_weeks
}
for day, stretch in WORK.items():
    jobs, own = stretch.work.jobs, stretch.counted
    core_h, long = jobs["run_s"] * jobs["processors"] / HOUR, jobs["run_s"] > 6 * HOUR
    print(f"day {day}: {len(jobs):,} jobs, {own.sum():,} in the week itself; ", end="")
    print(f"jobs over 6 h hold {100 * core_h[long].sum() / core_h.sum():.0f} % of the core-hours")

# %% [markdown]
# The load is set by the size of the machine: the same jobs, fewer nodes.
# Cores of different nodes are as good as each other, and a job may be spread over them.

# %%
NODE = NodePower(
    idle_w=idle_w,
    off_w=off_w,
    boot_w=boot_w,
    boot_s=boot_s,
    shutdown_w=idle_w,
    shutdown_s=shutdown_s,
)


def machine(load, stretch):
    """Return the cluster on which the jobs of a week are such a load."""
    return stretch.cluster(load, cores_per_node, NODE)


# %% mystnb={"figure": {"caption": "Cores that the jobs would hold if each started at once, around two weeks of the log, and the machines of the loads examined. White: the week whose jobs are counted.", "name": "fig:aware-demand"}, "image": {"alt": "A panel for each week of jobs, with a ragged curve of cores and horizontal lines for the sizes of the machines. {if}`in-book` The smallest machine is exceeded for days, the largest never."}} tags=["hide-input"]
fig, axes = plt.subplots(1, len(WORK), figsize=(7.2, 3.6), sharey=True, squeeze=False)
for ax, (day, stretch) in zip(axes[0], WORK.items(), strict=True):
    work = stretch.work
    at_once = replay(work, Cluster(int(work.jobs["processors"].sum())), Fifo())
    held = lengths(at_once)["cores"]
    ax.step(held.index / DAY, held, where="post", color=COLORS["jobs"], linewidth=1.2)
    for load in loads:
        cores = machine(load, stretch).cores
        ax.axhline(cores, color=COLORS["baseline"], linewidth=1, linestyle="--")
        figures.label_line(
            ax, day + 10.9, cores, f"load {load:g}", COLORS["baseline"], va="bottom", ha="right"
        )
    for left, right in ((day - warm_days, day), (day + 7, day + 11)):
        ax.axvspan(left, right, color="#EEEEEE", zorder=0)
    ax.set(xlabel="day of the log", xlim=(day - warm_days, day + 11))
axes[0, 0].set(
    ylabel="cores", ylim=(0, 1.1 * max(machine(loads[0], w).cores for w in WORK.values()))
)
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
STARTS = spread_weeks(first_saturday, carbon_weeks, over_days=year_days)
TUNING = spread_weeks(tuning_saturday, tuning_weeks, over_days=year_days)
GIVEN = in_turn(  # which week of jobs each carbon week gets
    [*STARTS, *TUNING, example_start],
    job_weeks,
    since=first_saturday,
    every_days=year_days // carbon_weeks,
)
print("carbon weeks:", ", ".join(STARTS))

# %% tags=["hide-cell"]
total = sum(len(stretch.work) for stretch in WORK.values())
skipped = sum(len(stretch.work.skipped) for stretch in WORK.values())
numbers.record("jobs", total, "jobs", 0, "jobs replayed, both weeks")
numbers.record("left_out", skipped, "jobs", 0, "jobs that cannot be replayed")
numbers.record("short_wait", short_wait_h, "h", 0, "longest wait of jobs that ask for up to 2 h")
numbers.record("long_wait", long_wait_h, "h", 0, "longest wait of all others")
numbers.record("core_w", core_w, "W", 0, "power that a busy core adds (assumed)")
numbers.record("idle_w", idle_w, "W", 0, "power of a node that is on (assumed)")
numbers.record("save", save_s, "s", 0, "what a stop and its resume cost at full power (assumed)")
numbers.record("carbon_weeks", carbon_weeks, "weeks", 0, "carbon weeks in each grid")
numbers.record("grids", len(zones), "grids", 0, "grids")
numbers.word("places", ", ".join(map(datasets.place, zones)), "the grids")
numbers.word("year", YEAR, "the year of the carbon weeks")
numbers.word("tuning_year", TUNING_YEAR, "the year on which the gates were chosen")
numbers.word("example_place", datasets.place(example_zone), "the grid of the example")
example_day = pd.Timestamp(example_start)
numbers.word("example_week", f"{example_day:%-d %B %Y}", "the example's week begins")
means = [MEAN[zone] for zone in zones]
numbers.record("least_mean", min(means), "g/kWh", 0, "mean intensity, cleanest of the grids")
numbers.record("most_mean", max(means), "g/kWh", 0, "mean intensity, dirtiest of the grids")
gap_loads = sorted(loads)
for load in gap_loads:
    numbers.record(f"load_{100 * load:.0f}", 100 * load, "%", 0, f"load {load:g}")

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
    **{f"gated EASY {share:g}": (share, None) for share in (0.2, 0.4, 0.6)},
    **{f"carbon-aware EASY {a:g}/{b:g}": (a, b) for a, b in ((0.4, 0.7), (0.6, 0.7), (0.5, 0.8))},
}
HOLD, AWARE = (hold_share,), tuple(aware_shares)  # chosen below
POLICIES = {
    "FIFO": Fifo,
    "EASY": Easy,
    "gated FIFO": lambda: CarbonFifo(*map(PastQuantile, HOLD)),
    "gated EASY": lambda: CarbonEasy(*map(PastQuantile, HOLD)),
    "carbon-aware EASY": lambda: CarbonEasy(*map(PastQuantile, AWARE)),
} | {
    name: lambda gates=gates: CarbonEasy(*(PastQuantile(share) for share in gates if share))
    for name, gates in GATES.items()
}
BLIND = ("FIFO", "EASY")  # what they do does not depend on the grid
SHADE = {
    "FIFO": COLORS["fifo"],
    "EASY": COLORS["easy"],
    "gated FIFO": COLORS["timeout"],
    "gated EASY": COLORS["second"],
    "carbon-aware EASY": COLORS["carbon"],
}
ZONES = {zone: datasets.time_zone(zone) for zone in CURVES}
study = Study(WORK, machine, POLICIES, CURVES, ZONES, GIVEN, blind=BLIND)

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
print(f"{len(SHADE)} replays checked: nothing wrong")

# %% [markdown]
# ### The price of a saving
#
# First the choice of the gates, on the weeks of {word}`carbon_aware_cluster.tuning_year` and a machine of medium load.

# %%
tuning_load = loads[len(loads) // 2]
tuned = study.run(["EASY", *GATES], [tuning_load], TUNING, zones[::2], workers=workers).table
sums = tuned.groupby("policy").agg({"jobs": "sum", "delay_h": "mean", "stops": "mean"})
sums["saved"] = 100 * (1 - sums["jobs"] / sums.loc["EASY", "jobs"])
print(sums[["saved", "delay_h", "stops"]].round(2).to_string())

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
for key, name in (
    ("middle", "gated EASY 0.4"),
    ("strict", "gated EASY 0.2"),
    ("aware", "carbon-aware EASY 0.6/0.7"),
):
    row = sums.loc[name]
    on = {"grids": zones[::2], "years": (TUNING_YEAR,), "weeks": tuning_weeks}
    meaning = f"saved in the weeks of {TUNING_YEAR}: {name}"
    numbers.record(f"tuned_{key}", row["saved"], "%", 1, meaning, scope=on)
    meaning = f"its mean delay: {name}"
    numbers.record(f"tuned_{key}_delay", row["delay_h"], "h", 1, meaning, scope=on)
wins = sums.loc["carbon-aware EASY 0.6/0.7", "saved"] > sums.loc["gated EASY 0.4", "saved"]
numbers.fact("tuned_pauses_win", wins, "the chosen carbon-aware gates save more than gated EASY's")
numbers.record("hold", 100 * HOLD[0], "%", 0, "hours that are clean for gated FIFO and EASY")
numbers.record("aware_hold", 100 * AWARE[0], "%", 0, "hours that are clean for carbon-aware EASY")
_ = numbers.record("aware_suspend", 100 * AWARE[1], "%", 0, "hours in which it suspends no job")

# %% [markdown]
# ## What is saved, and what it costs
#
# Now {word}`carbon_aware_cluster.year`: all policies, loads, grids and weeks.

# %%
GREEN = ("gated FIFO", "gated EASY", "carbon-aware EASY")
panel = study.run(["EASY", *GREEN], loads, STARTS, zones, workers=workers)
found = panel.table
print(f"{len(found):,} rows: {found['policy'].nunique()} policies, {len(loads)} loads, ", end="")
print(f"{len(zones)} grids, {found['week'].nunique()} weeks")


# %% [markdown]
# Each policy is compared with EASY, paired by week and grid.
# Percentages are ratios of sums; intervals take weeks, six weeks apart, as independent, and grids as a sample; p-values are Holm's over all policies and loads.

# %%
independent = {"block": 1, "unit": "kWh at mean intensity"}  # weeks lie far apart
compared = {
    (load, value): panel.select(load=load).compare(value, "EASY", **independent)
    for load in loads
    for value in ("jobs", "whole")
}
effects = pd.concat({key: c.table for key, c in compared.items()}, names=["load", "of"])
for of in ("jobs", "whole"):
    one = effects.index.get_level_values("of") == of
    effects.loc[one, "p_holm"] = stats.holm(effects.loc[one, "p"])
columns = ["percent", "percent_low", "percent_high", "p_holm"]
print(effects[columns].round(3).to_string())

# %% mystnb={"figure": {"caption": "Emissions saved against EASY by the load of the machine, with 95 % intervals over weeks and grids. Left: of the jobs' own emissions; right: of those of the whole machine, nodes always on. Thin lines: carbon-aware EASY in each grid.", "name": "fig:aware-savings"}, "image": {"alt": "Two panels of saving against load. On the left, of the jobs' emissions, carbon-aware EASY saves {num}`carbon_aware_cluster.aware_jobs_30` at the lowest load and {num}`carbon_aware_cluster.aware_jobs_95` at the highest, gated EASY {num}`carbon_aware_cluster.gated_jobs_30` and {num}`carbon_aware_cluster.gated_jobs_95`. On the right, of the whole machine's, carbon-aware EASY saves {num}`carbon_aware_cluster.aware_whole_30` and {num}`carbon_aware_cluster.aware_whole_95`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.0), sharey=True)
for ax, value, title in zip(
    axes, ("jobs", "whole"), ("of the jobs", "of the whole machine"), strict=True
):
    by_zone = found.pivot_table(value, ["policy", "zone"], "load", aggfunc="sum")
    own = 100 * (1 - by_zone.loc["carbon-aware EASY"] / by_zone.loc["EASY"])
    for zone, line in own.iterrows():
        ax.plot(loads, line, color=SHADE["carbon-aware EASY"], alpha=0.35, linewidth=1)
        if value == "jobs":
            ax.annotate(
                zone,
                (loads[0], line.iloc[0]),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=8.5,
                color=SHADE["carbon-aware EASY"],
            )
    for i, name in enumerate(GREEN):
        rows = effects.xs(name, level="policy").xs(value, level="of")
        at = np.array(loads) + 0.012 * (i - 1)
        ax.vlines(at, -rows["percent_low"], -rows["percent_high"], color=SHADE[name], linewidth=2)
        ax.plot(at, -rows["percent"], color=SHADE[name], marker="o", markersize=6, label=name)
    ax.axhline(0, color=COLORS["baseline"], linewidth=1)
    ax.set_title(title)
    ax.set(xlabel="load", xlim=(loads[0] - 0.09, loads[-1] + 0.05), xticks=loads)
axes[0].set_ylabel("emissions saved, %")
axes[1].legend(loc="upper right")
plt.show()

# %%
paid = ["delay_h", "p95_h", "slowdown", "late", "stops"]
cost = found.pivot_table(paid, "policy", "load").swaplevel(axis=1).sort_index(axis=1)
plain = study.run(["FIFO"], loads, STARTS[: len(job_weeks)], zones[:1]).table
plain = plain.groupby("load")[["delay_h", "p95_h"]].mean()
print(cost.T.round(1).to_string())

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
PAUSES = {"fifo": "none", "gated": "none", "aware": "charged"}
for (load, of, name), row in effects.iterrows():
    label = f"{100 * load:.0f}"
    numbers.record(
        f"{SHORT[name]}_{of}_{label}",
        -row["percent"],
        "%",
        2,
        f"saved by {name} at load {load:g}: {of}",
        interval=(-row["percent_high"], -row["percent_low"]),
        scope={"load_percent": 100 * load, "pauses": PAUSES[SHORT[name]]},
    )
    if of == "jobs":
        apart, shown = row["percent_low"] * row["percent_high"] > 0, row["p_holm"] < 0.05
        at = f"{name} at load {load:g}"
        numbers.record(f"p_{SHORT[name]}_{label}", row["p_holm"], "", 3, f"p (Holm), {at}")
        numbers.fact(f"{SHORT[name]}_shown_{label}", shown, f"p (Holm) below 0.05, {at}")
        meaning = f"the interval excludes zero though p (Holm) is not below 0.05, {at}"
        numbers.fact(f"{SHORT[name]}_apart_{label}", apart and not shown, meaning)
for load in loads:
    label = f"{100 * load:.0f}"
    at_load = found[found["load"] == load]
    numbers.record(
        f"easy_delay_{label}", cost.loc["EASY", (load, "delay_h")], "h", 1, "EASY: delay"
    )
    node_share = at_load[at_load["policy"] == "EASY"][["nodes", "whole"]].sum()
    numbers.record(
        f"nodes_share_{label}",
        100 * node_share["nodes"] / node_share["whole"],
        "%",
        0,
        f"emissions that are the nodes' own, EASY, load {load:g}",
        scope={"load_percent": 100 * load},
    )
    by_delay = None
    if load == loads[-1]:
        by_delay = panel.select(load=load).compare("delay_h", "EASY", block=1, unit="h")
    for name in GREEN:
        key, of = SHORT[name], cost.loc[name, load]
        interval = None
        if by_delay is not None:
            ends = by_delay.interval(name, "difference")
            interval = (ends.low, ends.high)
        numbers.record(
            f"{key}_added_{label}",
            of["delay_h"] - cost.loc["EASY", (load, "delay_h")],
            "h",
            1,
            f"mean delay added to EASY's by {name}, load {load:g}",
            interval=interval,
            scope={"load_percent": 100 * load, "pauses": PAUSES[key]},
        )
        numbers.record(f"{key}_p95_{label}", of["p95_h"], "h", 0, f"{name}: 95th percentile")
        numbers.record(f"{key}_late_{label}", of["late"], "%", 1, f"{name}: jobs past their wait")
        numbers.record(f"{key}_slowdown_{label}", of["slowdown"], "", 0, f"{name}: mean slowdown")
    numbers.record(
        f"easy_late_{label}", cost.loc["EASY", (load, "late")], "%", 1, "EASY: past wait"
    )
    numbers.record(
        f"easy_slowdown_{label}", cost.loc["EASY", (load, "slowdown")], "", 0, "EASY: slowdown"
    )
first_p = effects["p_holm"].xs("jobs", level="of")
for name in GREEN:
    worst = first_p.xs(name, level="policy").max()
    numbers.record(f"p_{SHORT[name]}", worst, "", 3, f"largest p (Holm) over the loads, {name}")
in_grams = panel.select(load=loads[0]).compare("jobs_g", "EASY", block=1, unit="g")
for name in ("gated EASY", "carbon-aware EASY"):
    ends = in_grams.interval(name)
    numbers.record(
        f"{SHORT[name]}_grams",
        -ends.value,
        "%",
        2,
        f"saved by {name} at the lowest load, grams of all grids added up",
        interval=(-ends.high, -ends.low),
    )
low_p = first_p[loads[0], "carbon-aware EASY"]
numbers.record("p_aware_low", low_p, "", 3, "p (Holm), carbon-aware EASY at the lowest load")
none_shown = (effects["p_holm"] >= 0.05).all()
numbers.fact("none_shown", none_shown, "no p (Holm) over loads and policies is below 0.05")
apart = effects["percent_low"] * effects["percent_high"] > 0
some_apart = none_shown and apart.any()
numbers.fact("some_apart", some_apart, "and yet an interval excludes zero")
by_zone = found[found["load"] == loads[0]].pivot_table(
    index="zone", columns="policy", values="jobs", aggfunc="sum"
)
in_zone = 100 * (1 - by_zone["carbon-aware EASY"] / by_zone["EASY"])
least, most = in_zone.idxmin(), in_zone.idxmax()
numbers.record("aware_least_grid", in_zone[least], "%", 1, f"saved by carbon-aware EASY in {least}")
numbers.record("aware_most_grid", in_zone[most], "%", 1, f"saved by carbon-aware EASY in {most}")
used = [
    study.metrics("EASY", loads[-1], zones[0], w)["utilization"] for w in STARTS[: len(job_weeks)]
]
used_key = f"used_{100 * loads[-1]:.0f}"
numbers.record(used_key, 100 * np.mean(used), "%", 0, "cores used in the week, highest load, EASY")
same = compared[loads[0], "jobs"].table.loc["carbon-aware EASY"]
numbers.record("aware_weeks_same", same["times_same"], "weeks", 0, "weeks in which it saves")
numbers.record("aware_grids_same", same["clusters_same"], "grids", 0, "grids in which it saves")
everywhere = same["times_same"] == carbon_weeks and same["clusters_same"] == len(zones)
numbers.fact("aware_everywhere", everywhere, "it saves in every week and every grid, lowest load")
full = effects.xs("jobs", level="of")["percent"].xs("carbon-aware EASY", level="policy")
less = full[loads[-1]] > full[loads[0]]
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
done = {}
for load in gap_loads:
    done[load] = {name: study.replay(name, load, *example) for name in ("EASY", "gated EASY")}
    for name, forecaster in told.items():
        informed = CarbonEasy(*map(ForecastQuantile, HOLD))
        done[load][f"gated EASY, {name}"] = study.replay_under(
            informed, load, *example, forecaster=forecaster
        )
bounds = {
    load: study.certified(load, *example, done[load].values(), power_w=core_w, seed=seed)
    for load in gap_loads
}

# %%
rows = {}
for load in gap_loads:
    bound = bounds[load]
    grams = {name: job_energy(one, signal)["emissions_g"].sum() for name, one in done[load].items()}
    assert bound.lower_g <= min(bound.upper_g, *grams.values())
    paused = study.replay("carbon-aware EASY", load, *example)
    grams["carbon-aware EASY"] = job_energy(paused, signal)["emissions_g"].sum()
    waits_s = patience_s(paused.workload, [paused])
    free_g = study.endless_g(*example, waits_s, power_w=core_w, pauses=True)
    rows[load] = grams | {
        "plan": bound.upper_g,
        "bound": bound.lower_g,
        "bound, pauses": free_g.sum(),
    }
    assert rows[load]["bound, pauses"] <= grams["carbon-aware EASY"]
gap = pd.DataFrame(rows).T
print((gap / KG).round(1).rename_axis("emissions [kg]").to_string())

# %% mystnb={"figure": {"caption": "Emissions of the jobs against those of EASY, on the example, by load. The hatched area is proven out of reach of any schedule without pauses; only carbon-aware EASY, which pauses jobs, may enter it. Nothing gets below the dotted line even with free pauses and endless machines.", "name": "fig:aware-gap"}, "image": {"alt": "Lines of relative emissions against load, EASY at zero. At the highest load gated EASY lies {num}`carbon_aware_cluster.example_gated_95` below it, the plan {num}`carbon_aware_cluster.planned_95`, the bound without pauses {num}`carbon_aware_cluster.possible_95`, carbon-aware EASY, which pauses, {num}`carbon_aware_cluster.example_aware_95`, and the bound with pauses {num}`carbon_aware_cluster.possible_pauses_95`."}} tags=["hide-input"]
relative = 100 * (gap.div(gap["EASY"], axis=0) - 1)
fig, ax = plt.subplots(figsize=(7.2, 4.6))
lowest = 1.15 * relative.min().min()
ax.fill_between(
    gap_loads, relative["bound"], lowest, facecolor="#F4F4F4", edgecolor="#D5D5D5", hatch="//"
)
looks = {
    "EASY": ("EASY", SHADE["EASY"], "-"),
    "gated EASY, perfect": ("gated EASY, perfect forecast", SHADE["gated EASY"], ":"),
    "gated EASY, yesterday": ("gated EASY, yesterday's curve", SHADE["gated EASY"], "--"),
    "gated EASY": ("gated EASY, past week", SHADE["gated EASY"], "-"),
    "carbon-aware EASY": ("carbon-aware EASY (pauses)", SHADE["carbon-aware EASY"], "-"),
    "plan": ("plan that knows everything", COLORS["model"], "-"),
    "bound": ("bound: no schedule without pauses", "black", "--"),
    "bound, pauses": ("bound with pauses", "black", ":"),
}
for column, (label, color, style) in looks.items():
    ax.plot(gap_loads, relative[column], color=color, linestyle=style, label=label)
ax.set(xlabel="load", ylabel="emissions against EASY, %", xticks=gap_loads)
ax.set(xlim=(gap_loads[0], gap_loads[-1]), ylim=(lowest, 0.5))
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
plt.show()

# %% tags=["hide-cell"]
EXAMPLE = {"grids": (example_zone,), "years": (example_start[:4],), "weeks": 1}
for load in gap_loads:
    label, row, bound = f"{100 * load:.0f}", gap.loc[load], bounds[load]
    one_week = EXAMPLE | {"load_percent": 100 * load}
    for key, of, pauses, future, text in (
        ("possible", "bound", "none", "known", "most that any schedule without pauses could save"),
        ("planned", "plan", "none", "known", "saved by the plan that knows everything"),
        ("example_gated", "gated EASY", "none", "unknown", "saved by gated EASY"),
        (
            "example_yesterday",
            "gated EASY, yesterday",
            "none",
            "forecast",
            "saved with yesterday's curve as forecast",
        ),
        (
            "example_perfect",
            "gated EASY, perfect",
            "none",
            "known",
            "saved with a perfect forecast",
        ),
        (
            "example_aware",
            "carbon-aware EASY",
            "charged",
            "unknown",
            "saved by carbon-aware EASY",
        ),
        (
            "possible_pauses",
            "bound, pauses",
            "free",
            "known",
            "most that any schedule with pauses could save",
        ),
    ):
        saved, about = 100 * (1 - row[of] / row["EASY"]), {"pauses": pauses, "future": future}
        meaning = f"{text}, example, load {load:g}"
        numbers.record(f"{key}_{label}", saved, "%", 2, meaning, scope=one_week | about)
    for key, of in (
        ("above_easy", "EASY"),
        ("above_gated", "gated EASY"),
        ("above_perfect", "gated EASY, perfect"),
    ):
        above = 100 * (row[of] / row["bound"] - 1)
        numbers.record(f"{key}_{label}", above, "%", 2, f"{of} above the bound, load {load:g}")
    above = 100 * (row["carbon-aware EASY"] / row["bound, pauses"] - 1)
    numbers.record(f"above_aware_{label}", above, "%", 1, "carbon-aware EASY above its own bound")
    one_week |= {"pauses": "none", "future": "known"}
    meaning = f"gap of plan and bound, load {load:g}"
    numbers.record(f"gap_{label}", 100 * bound.gap, "%", 3, meaning, scope=one_week)
    meaning = "no schedule without pauses emits less"
    numbers.record(f"least_{label}", bound.lower_g / KG, "kg", 1, meaning, scope=one_week)
    crowd = max(0.0, 100 * (bound.lower_g / bound.endless_g - 1))  # rounding is taken off
    meaning = "at least added by the machine being finite"
    numbers.record(f"crowding_{label}", crowd, "%", 2, meaning, scope=one_week)
    late = 100 * is_late(done[load]["gated EASY"]).mean()
    numbers.record(f"late_gated_{label}", late, "%", 1, "jobs of gated EASY that end too late")
    work = done[load]["EASY"].workload
    jobs = work.jobs
    later = patience_s(work, done[load].values()) > jobs["longest_wait_s"] + 1.0
    later = 100 * later.mean()
    numbers.record(f"later_{label}", later, "%", 1, "jobs with a later deadline in the bound")
strict_g, loose_g = (
    study.endless_g(*example, patience_s(work, those), power_w=core_w, pauses=False).sum()
    for those in ([], done[gap_loads[-1]].values())
)
numbers.record("example_jobs", len(jobs), "jobs", 0, "jobs of the example", scope=EXAMPLE)
middle = gap.loc[gap_loads[len(gap_loads) // 2]]
helps = middle["gated EASY, perfect"] < middle["gated EASY"]
numbers.fact(
    "forecast_helps", helps, "a perfect forecast of a day saves more, example, medium load"
)
matches = middle["carbon-aware EASY"] <= 1.01 * middle["plan"]
numbers.fact("stopping_matches", matches, "carbon-aware EASY is within 1 % of the plan, the same")
_ = numbers.record(
    "loosened", 100 * (1 - loose_g / strict_g), "%", 1, "what the later deadlines lower the bound"
)

# %% [markdown]
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
late_jobs = roomy.groupby("policy")["late"].max()
best = []
for zone in zones:
    for week in STARTS:
        own, waits_s = study.stretch(week).counted, patience_s(study.stretch(week).work)
        for name, more_s, pauses in (("best start", 0.0, False), ("best pauses", HOUR, True)):
            grams = study.endless_g(zone, week, waits_s + more_s, power_w=core_w, pauses=pauses)
            row = {"policy": name, "zone": zone, "week": week, "jobs": grams[own].sum()}
            best.append(row)
best = pd.DataFrame(best)
best["jobs"] /= best["zone"].map(MEAN)
against = {
    name: Panel(
        pd.concat([roomy[roomy["policy"].isin(these)], best[best["policy"] == name]])
    ).compare("jobs", name, **independent)
    for name, these in (
        ("best start", ["EASY", "gated EASY"]),
        ("best pauses", ["carbon-aware EASY"]),
    )
}
above = pd.concat([c.table for c in against.values()])
print(late_jobs.round(2).rename("most late jobs in a week [%]").to_string())
print(above[["percent", "percent_low", "percent_high"]].round(2).to_string())

# %% tags=["hide-cell"]
numbers.record(
    "late_roomy", late_jobs["gated EASY"], "%", 2, "most late jobs in a week, gated EASY"
)
sum_of = pd.concat([roomy, best]).groupby("policy")["jobs"].sum()
lowest = {"load_percent": 100 * loads[0]}
no_pauses, any_pauses = lowest | {"pauses": "none"}, lowest | {"pauses": "charged"}
taken = (sum_of["EASY"] - sum_of["gated EASY"]) / (sum_of["EASY"] - sum_of["best start"])
meaning = "of the best starts' saving, taken by gated EASY"
numbers.record("taken_gated", 100 * taken, "%", 0, meaning, scope=no_pauses)
taken = (sum_of["EASY"] - sum_of["carbon-aware EASY"]) / (sum_of["EASY"] - sum_of["best pauses"])
meaning = "of the best pauses' saving, taken by carbon-aware EASY"
numbers.record("taken_aware", 100 * taken, "%", 0, meaning, scope=any_pauses)
for key, name, of in (
    ("easy", "EASY", "best start"),
    ("gated", "gated EASY", "best start"),
    ("aware", "carbon-aware EASY", "best pauses"),
):
    ends = against[of].interval(name)
    numbers.record(
        f"above_best_{key}",
        ends.value,
        "%",
        1,
        f"emissions of {name} above those of the {of}, lowest load",
        interval=(ends.low, ends.high),
        scope=any_pauses if key == "aware" else no_pauses,
    )

# %% [markdown]
# Over all grids and weeks EASY is {num}`carbon_aware_cluster.above_best_easy` above the best schedule without pauses, gated EASY {num}`carbon_aware_cluster.above_best_gated`.
# Carbon-aware EASY is {num}`carbon_aware_cluster.above_best_aware` above the best with pauses.
# Of what could be had, gated EASY takes {num}`carbon_aware_cluster.taken_gated` and carbon-aware EASY {num}`carbon_aware_cluster.taken_aware`; the rest is left for a better policy.

# %% [markdown]
# ### What a core-hour is worth
#
# The prices that prove the bound have a meaning of their own: what one more core in that hour would save, as far as the bound can tell.

# %% mystnb={"figure": {"caption": "The example on its smallest machine. Above: carbon intensity. Middle: price of a core-hour, the emissions that one more core would save; dashed: what a core-hour of a job emits on average. Below: cores held under EASY (line) and in the plan (area), and the cores there are (dashed).", "name": "fig:aware-prices"}, "image": {"alt": "Three panels over the days around the example's week: the intensity; the price of a core-hour, above zero {num}`carbon_aware_cluster.priced_time` of the time and at most {num}`carbon_aware_cluster.dearest_hour`; and the cores held under EASY and in the plan, which fills the clean valleys up to the capacity."}} tags=["hide-input"]
tight = gap_loads[-1]
bound, signal = bounds[tight], CURVES[example_zone]
stretch, tight_cores = study.stretch(example_start), study.cluster(tight, example_start).cores
jobs = stretch.work.jobs
shown_s = np.array([stretch.first_s - DAY, stretch.last_s + DAY])
shown_s += study.origin(*example).timestamp()


def steps(ax, edges_s, level, **style):
    """Draw a step function of epoch seconds over the hours shown."""
    inside = (edges_s[1:] > shown_s[0]) & (edges_s[:-1] < shown_s[1])
    first, last = np.flatnonzero(inside)[[0, -1]]
    edges = utc_times(edges_s[first : last + 2]).tz_localize(None)
    ax.stairs(level[first : last + 1], mdates.date2num(edges), **style)


begins_s = np.concatenate([plan.start_s for plan in bound.schedules])
stops_s = np.concatenate([plan.stop_s for plan in bound.schedules])
held_cores = np.repeat(jobs["processors"].to_numpy(), [p.start_s.size for p in bound.schedules])
plan_s, at = np.unique(np.concatenate([begins_s, stops_s]), return_inverse=True)
plan_cores = np.cumsum(np.bincount(at, np.concatenate([held_cores, -held_cores])))[:-1]
easy_cores = lengths(done[tight]["EASY"])["cores"]
easy_s = done[tight]["EASY"].origin_s + easy_cores.index.to_numpy()

fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.2), sharex=True, height_ratios=[1, 1, 1.3])
steps(axes[0], signal.edges_s, signal.intensity_g_per_kwh, color=COLORS["average"], baseline=None)
price = bound.prices.values * HOUR
steps(axes[1], bound.prices.edges_s, price, color=COLORS["model"], fill=True)
usual_g = gap.loc[tight, "bound"] / ((jobs["run_s"] * jobs["processors"]).sum() / HOUR)
axes[1].axhline(usual_g, color=COLORS["baseline"], linestyle="--", linewidth=1)
steps(axes[2], plan_s, plan_cores, color=COLORS["partial"], fill=True, alpha=0.8)
steps(axes[2], easy_s, easy_cores.to_numpy()[:-1], color="#222222", baseline=None, linewidth=1)
axes[2].axhline(tight_cores, color=COLORS["baseline"], linestyle="--", linewidth=1)
axes[0].set(ylabel="g/kWh", ylim=(0, None))
axes[1].set(ylabel="g per core-hour", ylim=(0, None))
axes[2].set(ylabel="cores", ylim=(0, 1.1 * tight_cores))
axes[2].set_xlim(*mdates.date2num(utc_times(shown_s).tz_localize(None)))
axes[2].xaxis.set_major_locator(mdates.DayLocator())
axes[2].xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))
plt.show()

# %% tags=["hide-cell"]
lasts_s = np.diff(bound.prices.edges_s)
numbers.record(
    "usual_hour", usual_g, "g", 2, "emissions of a core-hour at the bound, smallest machine"
)
numbers.record("dearest_hour", price.max(), "g", 2, "highest price of a core-hour")
_ = numbers.record(
    "priced_time",
    100 * lasts_s[price > 0.01 * usual_g].sum() / lasts_s.sum(),
    "%",
    0,
    "time in which a core-hour has a price",
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
sleep_policies = ("EASY", "carbon-aware EASY")
some = found["policy"].isin(sleep_policies) & found["week"].isin(STARTS[::2])
awake = found[some & found["load"].isin(loads[:2])]
asleep = study.run(
    sleep_policies, loads[:2], STARTS[::2], zones, sleep=[True], workers=workers
).table
asleep = pd.concat([awake, asleep], ignore_index=True)
asleep["named"] = asleep["policy"] + np.where(asleep["sleep"], ", nodes sleep", "")
NAMED = [f"{name}{tail}" for tail in ("", ", nodes sleep") for name in sleep_policies]


def whole_saving(table, idle_scale, baseline):
    """Return the share of the whole machine's emissions saved by each policy [%].

    All powers of nodes are scaled together, so that the same switching breaks even.
    """
    parts = (table["jobs"] + idle_scale * table["nodes"]).groupby(table["named"]).sum()
    return 100 * (1 - parts / parts[baseline])


scales = np.linspace(0, 2.5, 26)
curves = {
    load: pd.DataFrame(
        {s: whole_saving(asleep[asleep["load"] == load], s, "EASY") for s in scales}
    ).T
    for load in loads[:2]
}

# %% mystnb={"figure": {"caption": "Emissions of the whole machine saved against EASY with nodes always on, by the idle power of a node; left at low, right at medium load. Full lines: nodes always on; dashed: nodes sleep. The vertical line marks the idle power assumed elsewhere.", "name": "fig:aware-idle"}, "image": {"alt": "Two panels of saving against idle power; full lines, nodes always on, fall towards zero; dashed lines, nodes sleep, rise; at the idle power assumed elsewhere sleep saves {num}`carbon_aware_cluster.sleep_30` on the left and {num}`carbon_aware_cluster.sleep_70` on the right, with carbon-aware EASY {num}`carbon_aware_cluster.both_30` and {num}`carbon_aware_cluster.both_70`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.0), sharey=True)
for ax, load in zip(axes, loads[:2], strict=True):
    for name in NAMED:
        kind = name.removesuffix(", nodes sleep")
        style = "--" if name != kind else "-"
        ax.plot(scales * idle_w, curves[load][name], color=SHADE[kind], linestyle=style, label=kind)
    ax.axvline(idle_w, color=COLORS["rest"], linewidth=1)
    ax.set_title(f"load {load:g}")
    ax.set(xlabel="idle power of a node, W", xlim=(0, scales[-1] * idle_w))
axes[0].set_ylabel("emissions saved, %")
handles, labels = axes[0].get_legend_handles_labels()
axes[1].legend(handles[:2], labels[:2], loc="upper left")
plt.show()

# %%
on_top = {}
for load in loads[:2]:
    rows = asleep[(asleep["load"] == load) & asleep["sleep"]]
    on_top[load] = Panel(rows).compare("whole", "EASY", **independent)
    print(fill(str(on_top[load].sentences[1]), 96))
    print(fill(str(on_top[load].sentences[2]), 96))

# %% tags=["hide-cell"]
for load in loads[:2]:
    label = f"{100 * load:.0f}"
    saved = whole_saving(asleep[asleep["load"] == load], 1.0, "EASY")
    half = {"weeks": len(STARTS[::2]), "load_percent": 100 * load}
    for key, name, digits, pauses, text in (
        ("sleep", "EASY, nodes sleep", 1, "none", "saved by sleep, EASY"),
        ("awake", "carbon-aware EASY", 2, "charged", "saved by carbon-aware EASY, nodes always on"),
        ("both", "carbon-aware EASY, nodes sleep", 1, "charged", "saved by both"),
    ):
        text, about = f"{text}, load {load:g}", half | {"pauses": pauses}
        numbers.record(f"{key}_{label}", saved[name], "%", digits, text, scope=about)
    ends = on_top[load].interval("carbon-aware EASY")
    numbers.record(
        f"top_{label}",
        -ends.value,
        "%",
        2,
        f"saved by carbon-aware EASY when nodes sleep, whole machine, load {load:g}",
        interval=(-ends.high, -ends.low),
        scope=half | {"pauses": "charged"},
    )
    rows = asleep[asleep["load"] == load].groupby("named")["nodes"].sum()
    numbers.record(
        f"nodes_more_{label}",
        100 * (rows["carbon-aware EASY, nodes sleep"] / rows["EASY, nodes sleep"] - 1),
        "%",
        1,
        f"emissions of nodes, carbon-aware against plain EASY, nodes sleep, load {load:g}",
    )
numbers.record("sleep_weeks", len(STARTS[::2]), "weeks", 0, "weeks in which sleep was replayed")
ends = on_top[loads[1]].interval("carbon-aware EASY")
shown = not ends.low <= 0 <= ends.high
numbers.fact("top_apart", shown, "the interval of what it saves on top of sleep excludes zero")
many = whole_saving(asleep[asleep["load"] == loads[1]], 1.0, "EASY")
times = many["EASY, nodes sleep"] / many["carbon-aware EASY"]
_ = numbers.record(
    "sleep_times", times, "", 0, "sleep's saving over carbon-aware EASY's, medium load"
)

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
for name in ("gated EASY", "carbon-aware EASY"):
    words = compared[loads[len(loads) // 2], "jobs"].sentences
    lines = [
        line
        for line in words
        if line.startswith((f"{name}:", f"What would change our mind on {name}:"))
    ]
    print("\n".join(fill(line, 96) for line in lines), end="\n\n")

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
