# ---
# jupyter:
#   book:
#     downloads: [zeus-power-caps]
# ---

# %% [markdown]
# # Slower or later?
#
# **Question.**
# A job that may take longer can run at a lower power limit, or wait for cleaner power: which saves more, and is it worth doing both?
#
# **Answer.**
# For one measured training job in {word}`power_caps.year`, the curve known, slowing down saves {num}`power_caps.slower_24`, whatever the grid does.
# Pauses save {num}`power_caps.pauses_4` with four hours to spare and {num}`power_caps.pauses_24` with a day.
# Both together save {num}`power_caps.both_24`.
#
# {opening}`fig:caps-slack`
#
# **You need.**
# {doc}`pause_and_resume` for pauses that cost, {doc}`carbon_aware_cluster` for policies on a finite machine.
# A *power limit*, or cap, is the most a GPU may draw; its driver slows it down to keep to it.

# %% tags=["parameters"]
zones = ["DE", "FR", "GB", "PL"]  # some of datasets.zones()
year = 2020
gpu, task, batch = "v100", "imagenet, resnet50", 128  # the job that is scheduled
rest_w = 100.0  # power of the rest of the machine while it runs [W]
work_h = 12  # its length without a limit [h]
startup_s, startup_w = 300.0, 300.0  # at the first start and after each pause, whole machine
slacks_h = [2, 4, 12, 24, 48]  # hours to spare
first_monday, starts, apart_weeks, hour = "2020-01-06", 13, 4, 18  # when it is submitted
example_zone, example_start, example_slack_h = "DE", "2020-06-15 18:00", 24
log_day, load, cluster_weeks = 30, 0.7, 4  # the cluster: days of the log, load, carbon weeks
first_saturday = "2020-01-18"
cap_share = 0.6  # of a job's power, on the cluster
clean_share = 0.4  # share of the past week that counts as clean

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers import study as studies
from helpers.decide import CapWhenDirty, CarbonEasy, Easy, PastQuantile
from helpers.panel import Panel
from helpers.phases import Throttle
from helpers.power.caps import best_limits, cap_curves, fit_exponent, left_out_errors
from helpers.schedule.capped import CapJob, Level, best_caps, slower_or_later
from helpers.work import NodePower

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
SCOPE = publish.Scope(zones, (year,), starts, "one training job", pauses="charged", future="known")
numbers = publish.Numbers("power_caps", SCOPE)

# %% tags=["hide-input"]
SHADE = {
    "slower": COLORS["partial"],
    "later": COLORS["timeout"],
    "pauses": COLORS["cancelled"],
    "both": COLORS["green"],
}

# %% [markdown]
# ## What a limit does
#
# {cite:t}`you2023` measured how long an epoch of training takes, and what the GPU draws, under several limits: four GPUs, six tasks, many batch sizes.
# {doc}`data_sheets` has the origin of the tables.
# Only the GPU was measured.
# What the rest of a machine draws is an assumption here: {num}`power_caps.rest`.

# %%
measured = datasets.power_caps()
curves = cap_curves(measured)
shown = {
    name: next(c for c in curves if c.name.startswith(f"{name}, {task}, {batch},"))
    for name in sorted(measured["gpu"].unique())
}

# %%
curve = shown[gpu]

# %%
publish.table(
    {
        "GPUs [.0f]": measured["gpu"].nunique(),
        "jobs with two limits or more [.0f]": len(curves),
        "rows [.0f]": len(measured),
    }
)

# %% mystnb={"figure": {"caption": "One task, training an image classifier, on four GPUs under power limits: speed against the largest limit (left), and energy for the same work, of the GPU alone and with the rest of the machine (right).", "name": "fig:caps-curves"}, "image": {"alt": "Left, four curves of speed that rise with the limit and flatten. Right, energy of the chosen GPU falls from the largest limit to a minimum of {num}`power_caps.best_cap_rest`, rest included, and rises again below it."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for (name, one), style in zip(shown.items(), ("-", "--", ":", "-."), strict=True):
    left.plot(one.cap_w, one.speed, style, color="#222222", marker="o", markersize=4, label=name)
for watts, style in ((0.0, "--"), (rest_w, "-")):
    text = "GPU alone" if watts == 0 else f"with {watts:.0f} W of the rest"
    right.plot(curve.cap_w, 100 * curve.energy(watts), style, color="#222222", label=text)
left.set(xlabel="power limit [W]", ylabel="speed", ylim=(0, 1.08))
right.set(xlabel="power limit [W]", ylabel=f"energy of the same work, {gpu} [%]")
left.legend(loc="lower right")
right.legend(loc="upper right")
plt.show()

# %% [markdown]
# The limit of least energy, job by job:

# %%
limits = {watts: best_limits(measured, watts) for watts in (0.0, rest_w, 2 * rest_w)}
by_rest = pd.concat(limits, names=["rest_w"]).reset_index()

# %%
publish.table(
    by_rest,
    {
        "rest_w": "rest of the machine [.0f W]",
        "gpu": "GPU",
        "curves": "jobs [.0f]",
        "cap_w": "median best limit [.0f W]",
        "saved_percent": "energy saved, mean [.1f %]",
        "longer_percent": "time added, mean [.1f %]",
    },
)

# %% tags=["hide-cell"]
alone, whole = limits[0.0].loc[gpu], limits[rest_w].loc[gpu]
best = curve.best(rest_w)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "rest [.0f W]: rest of the machine (assumed)": rest_w,
        "alone_saved [.1f %]: energy of the GPU saved by the best limit": alone["saved_percent"],
        "alone_longer [.1f %]: time that adds": alone["longer_percent"],
        "rest_saved [.1f %]: energy saved with the rest of the machine": whole["saved_percent"],
        "rest_longer [.1f %]: time that adds, rest included": whole["longer_percent"],
        "best_cap_rest [.0f W]: best limit of the job, rest included": curve.cap_w[best],
        "job_saved [.1f %]: energy it saves": 100 * (1 - curve.energy(rest_w)[best]),
        "job_longer [.1f %]: time it adds": 100 * (1 / curve.speed[best] - 1),
    },
    scope={"weeks": 0, "pauses": "", "future": "", "grids": (), "years": ()},
)

# %% [markdown]
# On this GPU the best limit saves {num}`power_caps.alone_saved` of its energy on average and adds {num}`power_caps.alone_longer` of time.
# With the rest of the machine counted, {num}`power_caps.rest_saved` for {num}`power_caps.rest_longer` are left: what draws power as long as the job runs makes slowing down dearer.
#
# As long as nothing presses, the best limit does not depend on the carbon intensity: what takes least energy emits least in a clean hour and in a dirty one.
# Only a deadline, or a queue, makes an hour worth something, and then a clean hour is worth more speed than a dirty one.

# %% [markdown]
# ### A model of speed
#
# The simulator needs the speed of jobs that nobody measured.
# `helpers.phases.Throttle` says speed = (limit / power)^exponent, with one exponent for all.
# How wrong that is, is told by GPUs and networks that were left out of the fit.

# %%
exponent = fit_exponent(curves)
missed = {by: left_out_errors(measured, by) for by in ("gpu", "network")}
errors = pd.concat(missed, names=["left out", "which"]).reset_index()

# %%
publish.table(
    errors,
    {
        "left out": "left out",
        "which": "which",
        "exponent": "exponent of the others [.2f]",
        "error_percent": "mean error of its times [.1f %]",
        "error_below_percent": "where the limit bites [.1f %]",
    },
)

# %% tags=["hide-cell"]
worst = missed["gpu"]["error_below_percent"]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "exponent [.2f]: exponent of speed over limit": exponent,
        "gpu_error [.1f %]: mean error of a GPU left out": missed["gpu"]["error_percent"].mean(),
        "gpu_worst [.0f %]: the worst of them, where the limit bites": worst.max(),
        "net_error [.1f %]: mean error, network left out": missed["network"][
            "error_percent"
        ].mean(),
    },
    scope={"weeks": 0, "pauses": "", "future": "", "grids": (), "years": ()},
)

# %% tags=["hide-cell"]
_ = numbers.word("worst_gpu", str(worst.idxmax()), "the GPU that is missed most")

# %% [markdown]
# The exponent is {num}`power_caps.exponent`; times of a GPU left out are missed by {num}`power_caps.gpu_error` on average, of a network by {num}`power_caps.net_error`.
# For the {word}`power_caps.worst_gpu` it is {num}`power_caps.gpu_worst` where the limit bites: GPUs differ, and a centre should measure its own.
# What follows for one job uses its measured curve; only the cluster uses the model.

# %% [markdown]
# ## One job: caps and pauses together
#
# The job works for {num}`power_caps.work` without a limit, and starting up takes {num}`power_caps.startup` each time.
# In each hour it pauses or runs under one of the measured limits.
# The plan with the least emissions is found exactly by one dynamic program over work done and grams emitted (`helpers.schedule.capped`), which agrees with trying everything on small cases.

# %%
levels = [Level(*row) for row in zip(curve.cap_w, curve.speed, curve.power_w + rest_w, strict=True)]
job = CapJob(levels, 3600.0 * work_h, (startup_s, startup_w))
CURVES = {zone: datasets.carbon_intensity(zone, year) for zone in {*zones, example_zone}}
room_h = work_h + 1  # the job and its start-up, in whole hours

# %%
release = pd.Timestamp(example_start, tz=datasets.time_zone(example_zone))
plan = best_caps(job, CURVES[example_zone], release, room_h + example_slack_h)

# %% mystnb={"figure": {"caption": "The best plan of the example, with a day to spare. Above: carbon intensity. Below: the limit in each hour; no bar where the job pauses or is done.", "name": "fig:caps-plan"}, "image": {"alt": "Above a curve of intensity that falls and rises; below bars of the power limit, absent in the dirtiest hours; the job runs under limits between {num}`power_caps.plan_low` and {num}`power_caps.plan_high`."}} tags=["hide-input"]
hours = np.arange(plan.level.size)
fig, (above, below) = plt.subplots(2, 1, figsize=(7.2, 4.2), sharex=True)
mean_g = CURVES[example_zone].mean(plan.edges_s[:-1], plan.edges_s[1:])
above.stairs(mean_g, np.arange(plan.level.size + 1), color=COLORS["average"], baseline=None)
above.set(ylabel="carbon intensity [g/kWh]", ylim=(0, None))
runs = plan.level >= 0
caps_w = np.array([level.cap_w for level in levels])[plan.level]
below.bar(hours[runs], caps_w[runs], 1.0, align="edge", color=COLORS["work"])
below.set(ylabel="power limit [W]", xlabel="hours since submission", xlim=(0, hours.size))
plt.show()

# %% tags=["hide-cell"]
fast = plan.level == plan.level.max()
one = {"grids": (example_zone,), "weeks": 1}

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "work [.0f h]: work of the job without a limit": work_h,
        "startup [.0f s]: its start-up": startup_s,
        "plan_low [.0f W]: lowest limit of the example's plan": caps_w[runs].min(),
        "plan_high [.0f W]: highest limit of the example's plan": caps_w[runs].max(),
        "plan_hours [.0f h]: hours in which it runs": runs.sum(),
    },
    scope=one,
)

# %% [markdown]
# ## Slower, later, or both
#
# Five ways to run the same job: at once without a limit; *slower*, at once but under the best limit for each hour; *later*, at full power from the best hour on; with *pauses* at full power; and *both*, the best limits and pauses.
# Each is the least there is of its kind.
# The job is submitted on a Monday at {num}`power_caps.hour`, local time, in {num}`power_caps.starts` spread over {word}`power_caps.year`.

# %%
days = pd.date_range(first_monday, periods=starts, freq=f"{7 * apart_weeks}D")
cases = [(zone, day, slack) for zone in zones for day in days for slack in slacks_h]
rows = []

# %%
for zone, day, slack in cases:
    at = (day + pd.Timedelta(hours=hour)).tz_localize(datasets.time_zone(zone))
    for how, grams in slower_or_later(job, CURVES[zone], at, room_h + slack).items():
        share = grams / CURVES[zone].mean()  # so that each grid counts alike
        rows.append((how, zone, str(day.date()), slack, share))

# %%
table = pd.DataFrame(rows, columns=["policy", "zone", "week", "slack", "kwh"])
panel = Panel(table)
compared = {
    slack: panel.select(slack=slack).compare("kwh", "at once", block=1, unit="kWh at mean")
    for slack in slacks_h
}

# %% [markdown]
# Percentages are ratios of sums; intervals take the weeks as independent and the grids as a sample.

# %%
effects = pd.concat({slack: one.table for slack, one in compared.items()}, names=["slack"])
saved = -effects[["percent", "percent_high", "percent_low"]]
saved = saved.set_axis(["saved", "low", "high"], axis=1).join(effects["p_holm"])

# %%
publish.table(
    saved.reset_index(),
    {
        "slack": "hours to spare [.0f]",
        "policy": "how",
        "saved": "emissions saved [.1f %]",
        "low": "from [.1f %]",
        "high": "to [.1f %]",
        "p_holm": "p (Holm) [.3f]",
    },
)

# %%
sums = table.pivot_table("kwh", ["zone", "slack"], "policy", aggfunc="sum")
by_grid = 100 * (1 - sums.div(sums["at once"], axis=0))

# %% mystnb={"figure": {"caption": "Emissions saved against running at once without a limit, by the hours there are to spare, in each grid.", "name": "fig:caps-slack"}, "image": {"alt": "Four panels, one a grid. Slowing down is a flat line near {num}`power_caps.slower_24` everywhere; pauses start near zero and grow with slack, most in the grids that vary; both lie above, near their sum."}} tags=["hide-input"]
fig, axes = plt.subplots(1, len(zones), figsize=(7.2, 3.4), sharey=True)
for ax, zone in zip(axes, zones, strict=True):
    for how in ("both", "slower", "pauses", "later"):
        line = by_grid.loc[zone, how]
        ax.plot(line.index, line, color=SHADE[how], marker="o", markersize=4, label=how)
    ax.set(title=zone, xlabel="hours to spare", xticks=[0, 24, 48])
axes[0].set(ylabel="emissions saved [%]", ylim=(0, None))
axes[0].legend(loc="upper left", handlelength=1.2)
plt.show()

# %% tags=["hide-cell"]
claim = "{0}_{1} [.1f %]: saved by {0} with {1} h to spare"
of_way = {(how, slack): tuple(row) for (slack, how), row in saved.iloc[:, :3].iterrows()}
numbers.record_table(of_way, claim)
_ = numbers.word("year", str(year), "the year of the curves")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "starts [.0f weeks]: weeks in which the job is submitted": starts,
        "hour [.0f h]: hour of the day at which it is submitted": hour,
    }
)

# %% tags=["hide-cell"]
day = by_grid.xs(24, level="slack")
claim = "{0}_in_{1} [.1f %]: saved by {0} in {1} with a day to spare"
in_grid = {(how, zone.lower()): day.loc[zone, how] for zone in zones for how in SHADE}
numbers.record_table(in_grid, claim)
better = by_grid["pauses"] > by_grid["slower"]
first = [min(better[zone][better[zone]].index, default=np.nan) for zone in zones]

# %% tags=["hide-cell"]
later_wins = sum(np.isfinite(first))

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "later_wins [.0f grids]: grids in which pauses save more at some slack": later_wins,
        "grids [.0f grids]: grids": len(zones),
        "pays_from [.0f h]: least slack from which pauses save more in a grid": np.nanmin(first),
    }
)

# %% tags=["hide-cell"]
of_day = saved.xs(24, level="slack")["saved"]
sum_of = of_day["slower"] + of_day["pauses"]
_ = numbers.record_table({"kept_of_sum [.0f %]: both, over the sum": 100 * of_day["both"] / sum_of})

# %% [markdown]
# Slowing down needs little slack and no forecast: {num}`power_caps.slower_2` with two hours to spare, {num}`power_caps.slower_48` with two days.
# Pauses need hours to choose from: {num}`power_caps.pauses_2` with two, {num}`power_caps.pauses_24` with a day ({num-interval}`power_caps.pauses_24`).
# They save more than slowing down in {num}`power_caps.later_wins` of {num}`power_caps.grids`, at the earliest with {num}`power_caps.pays_from` to spare.
# With a day, both together save {num}`power_caps.both_24`, which is {num}`power_caps.kept_of_sum` of the sum of the two: they hardly compete, since one lowers the energy and the other chooses its hours.
#
# So a rule for people: with less than {num}`power_caps.pays_from` to spare, or on a grid that hardly varies, slow down; with more, do both.
# Just waiting, without pauses or limits, is never the best of them.

# %% [markdown]
# ## On a cluster
#
# On a finite machine a slower job holds its cores for longer, and others wait.
# The jobs are those of a week of the UniLu Gaia log ({cite:t}`feitelson2014`), as in {doc}`carbon_aware_cluster`, at a load of {num}`power_caps.load`, in {num}`power_caps.cluster_weeks` of {word}`power_caps.year` in each grid.
# They run on processors, not on GPUs; that they slow down as the model above says is an assumption.
# A cap is an action of a policy: it is set while the jobs run, the work stretches, and their ends are told anew.

# %%
log = datasets.job_log("unilu-gaia-2014")
queues = [(2 * 3600.0, 6 * 3600.0), (np.inf, 24 * 3600.0)]
around = {"warm_days": 1, "late_days": 1, "queues": queues}
stretch = studies.Stretch.from_log(log, log_day, **around, power_w=8.0, errors="skip")
stretch = replace(stretch, work=replace(stretch.work, throttle=Throttle(exponent)))

# %%
past = PastQuantile(clean_share)

# %%
POLICIES = {
    "EASY": Easy(),
    "always slower": CapWhenDirty(Easy(), None, cap_share),
    "slower when dirty": CapWhenDirty(Easy(), past, cap_share),
    "later": CarbonEasy(past),
    "both": CapWhenDirty(CarbonEasy(PastQuantile(clean_share)), past, cap_share),
}

# %%
WEEKS = studies.spread_weeks(first_saturday, cluster_weeks)
switching = {"boot_w": 125.0, "boot_s": 150.0, "shutdown_w": 100.0, "shutdown_s": 10.0}
node = NodePower(idle_w=100.0, off_w=10.0, **switching)
LONG = {zone: datasets.carbon_intensity(zone, None) for zone in zones}

# %%
study = studies.Study(
    {log_day: stretch},
    studies.Sized(12, node),
    POLICIES,
    LONG,
    {zone: datasets.time_zone(zone) for zone in zones},
    dict.fromkeys(WEEKS, log_day),
    blind=("EASY", "always slower"),
)

# %%
done = study.run(loads=[load])
means = done.table.groupby("policy")[["delay_h", "p95_h", "late"]].mean()
of_jobs, of_all = (done.compare(of, "EASY", block=1) for of in ("jobs", "whole"))

# %%
both = {"jobs": of_jobs.table, "whole": of_all.table}
cut = {of: -one[["percent", "percent_high", "percent_low"]] for of, one in both.items()}
shares = pd.concat({of: one.set_axis(["saved", "low", "high"], axis=1) for of, one in cut.items()})
shares.index.names = ["of", "policy"]
holm = pd.concat({of: one["p_holm"] for of, one in both.items()}, names=["of"])

# %%
publish.table(
    shares.join(holm).join(means, on="policy").reset_index(),
    {
        "of": "emissions of the",
        "policy": "policy",
        "saved": "saved [.1f %]",
        "low": "from [.1f %]",
        "high": "to [.1f %]",
        "p_holm": "p (Holm) [.3f]",
        "delay_h": "mean delay [.1f h]",
        "late": "kept waiting too long [.1f %]",
    },
)

# %% tags=["hide-cell"]
SHORT = {"always slower": "always", "slower when dirty": "dirty", "later": "later", "both": "both"}

# %% tags=["hide-cell"]
on = {
    "weeks": cluster_weeks,
    "jobs": "unilu-gaia-2014",
    "load_percent": 100 * load,
    "future": "unknown",
    "pauses": "none",
}

# %% tags=["hide-cell"]
claim = "cluster_{0}_{1} [.1f %]: saved by {2} on the cluster, {1}"
of_case = {(SHORT[p], of, p): tuple(row) for (of, p), row in shares.iterrows()}
numbers.record_table(of_case, claim, scope=on)
claim = "cluster_delay_{0} [.1f h]: mean delay of a job, {1}"
delays = {(SHORT.get(p, "easy"), p): h for p, h in means["delay_h"].items()}
numbers.record_table(delays, claim, scope=on)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "load [.0f %]: load of the cluster": 100 * load,
        "cluster_weeks [.0f weeks]: carbon weeks of the cluster": cluster_weeks,
        "cap_share [.0f %]: the cap, of a job's power": 100 * cap_share,
    },
    scope=on,
)

# %% tags=["hide-cell"]
_ = numbers.fact(
    "cap_wins",
    shares["saved"]["jobs", "always slower"] > shares["saved"]["jobs", "later"],
    "always slower saves more of the jobs' emissions than holding",
)

# %% [markdown]
# A cap of {num}`power_caps.cap_share` saves {num}`power_caps.cluster_always_jobs` of the jobs' emissions if it always holds, {num}`power_caps.cluster_dirty_jobs` if it holds while the grid is dirty, where holding jobs back saves {num}`power_caps.cluster_later_jobs`; both together save {num}`power_caps.cluster_both_jobs`.
# {if}`power_caps.cap_wins` Slowing down saves more here than holding, with a mean delay of {num}`power_caps.cluster_delay_dirty` where holding takes {num}`power_caps.cluster_delay_later` and EASY {num}`power_caps.cluster_delay_easy`.
# Of the whole machine's emissions, nodes that are on included, {num}`power_caps.cluster_always_whole`, {num}`power_caps.cluster_dirty_whole`, {num}`power_caps.cluster_later_whole` and {num}`power_caps.cluster_both_whole` are left.

# %% [markdown]
# ## What could be wrong
#
# * **The rest of the machine.** {num}`power_caps.rest` is assumed; with more of it, slowing down saves less, as the table of limits shows.
# * **One job, one GPU.** The grids and weeks are a sample, the job is not.
# * **The curve is known** for the single job. Slowing down does not need it, pauses do: {doc}`waiting_for_clean_power` says what is left.
# * **Average intensity.** What a kilowatt-hour less avoids is a marginal question ({doc}`counting_carbon`); a lower limit avoids energy, whichever way it is counted.
# * **Time has its price, too.** A slower job holds a machine whose making has emitted already, and people wait.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=power_caps P="rest_w=300"
# make run CHAPTER=power_caps P="gpu=a40"
# ```
#
# 1. At which `rest_w` does slowing down save less than pausing with a day to spare?
# 2. Which GPU gains most, and does its curve say why?
#
# ## The numbers of this chapter

# %%
numbers
