# ---
# jupyter:
#   book:
#     downloads: [gaia-azure, gaia-mustang, gaia-pai]
# ---

# %% [markdown]
# # Waiting for clean power
#
# **Question.**
# What do the known policies save, which jobs carry the saving, and how much of it survives when lengths and intensity are not known beforehand?
#
# **Answer.**
# With waits of hours that are assumed and the future known, the best starts of a real cluster's jobs save {num}`waiting_for_clean_power.best_start` of their emissions, the best pauses, if free, {num}`waiting_for_clean_power.wait_awhile`.
# A regression as forecast and the mean length of a queue, in 2020, save {num}`waiting_for_clean_power.practical`.
#
# **You need.**
# {doc}`carbon_intensity` for the curves, {doc}`workload_traces` for the jobs, {doc}`when_to_start` for why the best start can be found exactly.
# Capacity is endless here, as in the papers that published the policies: no job waits for a machine.

# %% tags=["parameters"]
watts_per_core = 10.0  # power of a busy core [W]; shares do not depend on it
factors = "ipcc2014"  # or "srren2011", "unece2022"
every = 8  # one job in so many is used, sorted by energy
horizon_h = 50  # how far forecasts reach [h]
training_step_h = 7  # a regression learns from one issue in so many hours
short_job_h = 1.0  # longest job tried with the published forecasts [h]
short_wait_h = 1.75  # its longest wait [h]; with the job, within three hours
block_weeks = 4  # weeks kept together by the bootstrap
seed = 1

# %% tags=["hide-input"]
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.carbon import Forecasts
from helpers.carbon import forecast as forecasting
from helpers.schedule import policies
from helpers.schedule.trace import GAIA_QUEUES, Trace, next_weekday, next_workday, office_jobs
from helpers.study import on_calendar, share_kept, spread_over_energy, weekly, weekly_panel
from helpers.timeline import epoch_seconds

figures.use_style()
COLORS = figures.COLORS
TRACE = "unilu-gaia-2014"
ALL = {"grids": datasets.zones(), "years": datasets.years()}
SCOPE = publish.Scope(**ALL, weeks=104, jobs=TRACE, pauses="none", future="known")
numbers = publish.Numbers("waiting_for_clean_power", SCOPE)
rng = np.random.default_rng(seed)
HOUR, WEEK = 3600.0, 168 * 3600.0
HOURLY = policies.PUBLISHED_STEP_S

# %% [markdown]
# ## The jobs
#
# The log is that of the UniLu Gaia cluster, summer of 2014.
# Its twelve whole weeks are put one after the other on the 104 weeks from 1 January 2019 (a Tuesday, as in the log), again and again, at the same weekday and hour of each grid's own clock.
# So every week has real jobs of one week, and the same jobs run in all grids: comparisons are paired.
# One job in {num}`waiting_for_clean_power.every` is used.
# A few very long jobs hold most of the energy, so a plain random sample would be a lottery; instead the jobs of each week are sorted by energy and taken at equal distances from a random first one on, another one each time a week returns.

# %%
log = datasets.job_log(TRACE)
jobs = log.jobs[log.jobs["run_s"] > 0]
clock = log.submit_time()[jobs.index].dt.tz_localize(None) - pd.Timestamp("2014-05-27")
clock_s = clock.dt.total_seconds().to_numpy()
log_week = np.floor(clock_s / WEEK)
energy = (jobs["run_s"] * jobs["processors"]).to_numpy()
picked = [spread_over_energy(energy, log_week == week % 12, every, rng) for week in range(104)]
place = np.concatenate(picked)
week = np.repeat(np.arange(104), [len(p) for p in picked])
wait_s = jobs["wait_s"].to_numpy()[place]


def placed(tz, first_day, which):
    """Return jobs as a trace, in weeks from `first_day` on by the clock of a zone."""
    offset_s = (week[which] - week[which].min()) * WEEK + clock_s[place[which]] % WEEK
    submit = on_calendar(offset_s, first_day, tz)
    chosen = jobs.iloc[place[which]]
    cores = chosen["processors"].to_numpy()
    return Trace.by_length(
        submit, chosen["run_s"], cores * watts_per_core, processors=cores, job_id=which
    )


# %% [markdown]
# Jobs whose window would leave the curve of any grid, at its very beginning and end, are left out everywhere.

# %%
curves = {z: datasets.carbon_intensity(z, None, factors) for z in datasets.zones()}
everything = np.arange(place.size)
traces = {z: placed(datasets.time_zone(z), "2019-01-01", everything) for z in curves}
common = np.ones(place.size, dtype=bool)
for z, curve in curves.items():
    covered = np.isin(everything, traces[z].drop_uncovered(curve).job_id)
    ends_s = traces[z].submit_s + wait_s + traces[z].length_s  # as it was scheduled
    common &= covered & (ends_s <= curve.edges_s[-1])
dropped_share = 100 * (1 - energy[place[common]].sum() / energy[place].sum())
traces = {z: trace.select(common) for z, trace in traces.items()}
weeks, waited_s = week[common], wait_s[common]
length_h = traces["DE"].length_s / HOUR
job_energy = traces["DE"].energy_kwh
print(f"{place.size:,} jobs drawn, {common.sum():,} covered in all {len(curves)} grids")
print(f"left out: {dropped_share:.2f} % of the energy")
print(f"shorter than 2 h: {100 * (length_h < 2).mean():.0f} % of the jobs, ", end="")
print(f"{100 * job_energy[length_h < 2].sum() / job_energy.sum():.0f} % of the energy")

# %% tags=["hide-cell"]
numbers.record("every", every, "", 0, "one job in so many is used")
numbers.record("short_wait", GAIA_QUEUES[0].longest_wait_s / HOUR, "h", 0, "wait of jobs under 2 h")
numbers.record("long_wait", GAIA_QUEUES[1].longest_wait_s / HOUR, "h", 0, "wait of the other jobs")
numbers.record("jobs", common.sum(), "jobs", 0, "jobs in each grid")
numbers.record("weeks", len(np.unique(weeks)), "weeks", 0, "weeks with jobs")
numbers.record("grids", len(curves), "grids", 0, "grids")
numbers.record("dropped", dropped_share, "%", 2, "energy of the jobs left out at the ends")
_ = numbers.record(
    "short_energy",
    100 * job_energy[length_h < 2].sum() / job_energy.sum(),
    "%",
    1,
    "energy of the jobs under 2 h",
)

# %% [markdown]
# ## The policies
#
# All know the curve, for now.
# With emissions $C(w)$ after a wait $w$, a longest wait $W$ and a length $L$:
#
# * *lowest slot* starts in the cleanest hour within $W$, whatever the length;
# * *lowest window* minimises $C(w)$;
# * *saving per wait* maximises $(C(0) - C(w)) / (w + L)$;
# * *threshold* runs while the intensity is below the 30th percentile of the next day, and at all times once its wait is used up;
# * *wait awhile* runs in the cheapest times that add up to $L$.
#
# The first three and the last are from {cite:t}`hanafy2024` and {cite:t}`wiesner2021`, the threshold follows Ecovisor {cite}`souza2023`, with the numbers of {cite:t}`hanafy2024`.
# A length $L$ is the true one, or, since nobody knows it at submission, the mean of the job's queue.
# As published, starts are compared hour by hour after the submission; the exact best start needs no grid.
# For constant power the exact lowest window *is* the best start in hindsight, and waiting awhile the best set of runs: two oracles, not two policies.

# %%
RULES = {
    "lowest slot": lambda t, c, f=None: policies.lowest_slot(t, c, forecast=f),
    "window, mean length": lambda t, c, f=None: policies.lowest_window(
        t, c, length="mean", step_s=HOURLY, forecast=f
    ),
    "window, true length": lambda t, c, f=None: policies.lowest_window(
        t, c, step_s=HOURLY, forecast=f
    ),
    "saving per wait, mean length": lambda t, c, f=None: policies.saving_per_wait(
        t, c, length="mean", step_s=HOURLY, forecast=f
    ),
    "saving per wait, true length": lambda t, c, f=None: policies.saving_per_wait(
        t, c, step_s=HOURLY, forecast=f
    ),
    "threshold": lambda t, c, f=None: policies.threshold(t, c, forecast=f),
    "best start": lambda t, c: policies.best(t, c),
    "wait awhile": lambda t, c, f=None: policies.wait_awhile(t, c, forecast=f),
}
SHADE = {
    "lowest slot": COLORS["cancelled"],
    "window, mean length": COLORS["partial"],
    "window, true length": COLORS["jobs"],
    "saving per wait, mean length": COLORS["green"],
    "saving per wait, true length": COLORS["green"],
    "threshold": COLORS["timeout"],
    "best start": COLORS["baseline"],
    "wait awhile": COLORS["model"],
}


def run(rules, of_traces):
    """Return emissions [g] and delay [h] of each job, by policy and grid."""
    found = {
        (name, z): rule(t, curves[z]) for z, t in of_traces.items() for name, rule in rules.items()
    }
    return (
        {key: outcome.emissions_g for key, outcome in found.items()},
        {key: outcome.delay_s / HOUR for key, outcome in found.items()},
    )


ASAP, AS_WAS = "as soon as possible", "as it was scheduled"
emitted, delay = run({ASAP: policies.no_wait} | RULES, traces)
for z, trace in traces.items():
    real = policies.start_at(trace, curves[z], trace.submit_s + waited_s)
    emitted[AS_WAS, z], delay[AS_WAS, z] = real.emissions_g, real.delay_s / HOUR
for z, trace in traces.items():
    assert np.allclose(
        emitted["wait awhile", z],
        policies.best(trace, curves[z], interruptible=True).emissions_g,
        rtol=1e-9,
    )


# %% [markdown]
# Weekly sums are compared with starting as soon as possible, paired by week and grid; intervals allow for weeks that resemble their neighbours and for grids being a sample, p-values are Holm's over the family.


# %%
panel = weekly_panel(emitted, weeks)
compared = panel.compare("emissions_g", ASAP, unit="g")
table = compared.table.sort_values("percent", ascending=False)
mean_delay = pd.Series({n: np.mean([delay[n, z].mean() for z in curves]) for n in [*RULES, AS_WAS]})
shown = table[["percent", "percent_low", "percent_high", "p_holm"]].round(4)
print(shown.assign(mean_delay_h=mean_delay.round(2)).to_string())
by_grid = {
    name: {z: 100 * (1 - emitted[name, z].sum() / emitted[ASAP, z].sum()) for z in curves}
    for name in ("lowest slot", "window, mean length", "threshold", "best start", "wait awhile")
}
print("\nsaved in each grid, %")
print(pd.DataFrame(by_grid).T.round(1).to_string())

# %% mystnb={"figure": {"caption": "Emissions saved against starting as soon as possible, with 95 % intervals over weeks and grids. Blue: policies that know the curve; grey: what was really scheduled, and the best start in hindsight; orange: the best pauses in hindsight.", "name": "fig:waiting-policies"}, "image": {"alt": "Dot plot of the saving of each schedule with its interval, from {num}`waiting_for_clean_power.slot` for the lowest slot over {num}`waiting_for_clean_power.threshold` for the threshold to {num}`waiting_for_clean_power.best_start` for the best start and {num}`waiting_for_clean_power.wait_awhile` for waiting awhile."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
own = {AS_WAS: COLORS["baseline"], "best start": COLORS["baseline"], "wait awhile": COLORS["model"]}
for y, (name, row) in enumerate(table.iterrows()):
    color = own.get(name, COLORS["jobs"])
    ax.plot([-row["percent_low"], -row["percent_high"]], [y, y], color=color, linewidth=2.2)
    ax.plot(-row["percent"], y, "o", color=color, markersize=7)
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.set_yticks(range(len(table)), table.index)
ax.grid(axis="y", visible=False)
ax.set(xlabel="emissions saved, %")
plt.show()

# %% tags=["hide-cell"]
SHORT = {
    AS_WAS: "as_scheduled",
    "lowest slot": "slot",
    "window, mean length": "window_mean",
    "window, true length": "window_true",
    "saving per wait, mean length": "per_wait_mean",
    "saving per wait, true length": "per_wait_true",
    "threshold": "threshold",
    "best start": "best_start",
    "wait awhile": "wait_awhile",
}
for name, row in table.iterrows():
    if name == AS_WAS:
        continue
    numbers.record(
        SHORT[name],
        -row["percent"],
        "%",
        1,
        f"saved by: {name}",
        interval=(-row["percent_high"], -row["percent_low"]),
        scope={"pauses": "free"} if name in ("wait awhile", "threshold") else {},
    )
    numbers.record(f"{SHORT[name]}_delay", mean_delay[name], "h", 1, f"mean delay of a job: {name}")
was = table.loc[AS_WAS]
numbers.record(
    "as_scheduled",
    was["percent"],
    "%",
    2,
    "emissions as scheduled, above starting as soon as possible",
    interval=(was["percent_low"], was["percent_high"]),
)
per_kwh = {n: -table.loc[n, "difference"] * compared.pairs for n in table.index}
total_kwh = len(curves) * job_energy.sum()
for name in ("best_start", "wait_awhile", "window_mean"):
    grams = per_kwh[{v: k for k, v in SHORT.items()}[name]] / total_kwh
    numbers.record(f"{name}_grams", grams, "g/kWh", 1, f"the same in grams: {name}")
best_by_grid = pd.Series(by_grid["best start"])
numbers.record(
    "best_start_least", best_by_grid.min(), "%", 1, f"best start, least ({best_by_grid.idxmin()})"
)
numbers.record(
    "best_start_most", best_by_grid.max(), "%", 1, f"best start, most ({best_by_grid.idxmax()})"
)
numbers.record("largest_p", table["p_holm"].drop(AS_WAS).max(), "", 4, "largest p (Holm)")
differs = not was["percent_low"] <= 0 <= was["percent_high"]
_ = numbers.fact("scheduled_differs", differs, "the interval of as_scheduled excludes zero")

# %% [markdown]
# What was really scheduled emits {num}`waiting_for_clean_power.as_scheduled` ({num-interval}`waiting_for_clean_power.as_scheduled`) more than starting at once.
# {if-not}`waiting_for_clean_power.scheduled_differs` That is no difference: the queue of that cluster was short.
# The lowest slot, which looks at one hour however long the job, saves {num}`waiting_for_clean_power.slot`; looking at the whole window saves {num}`waiting_for_clean_power.window_true`.
# Not knowing the length costs most of the difference: with the mean of the queue {num}`waiting_for_clean_power.window_mean` are left.
# Grids differ more than policies do: the best start saves {num}`waiting_for_clean_power.best_start_least` in one and {num}`waiting_for_clean_power.best_start_most` in another.
# The hour grid of the published policies costs almost nothing: the exact best start saves {num}`waiting_for_clean_power.best_start` ({num}`waiting_for_clean_power.best_start_grams`).
# Pauses, if they were free, would raise that to {num}`waiting_for_clean_power.wait_awhile`; what they really cost is the subject of {doc}`pause_and_resume`.

# %% [markdown]
# ### What each piece of knowledge is worth
#
# The same jobs again, each pair of policies compared directly.

# %%
PAIRS = {
    "exact": ("window, true length", "best start", "exact starts instead of hourly ones"),
    "length": ("window, mean length", "window, true length", "the true length instead of the mean"),
    "length_per_wait": (
        "saving per wait, mean length",
        "saving per wait, true length",
        "the same for saving per wait",
    ),
    "pauses": ("best start", "wait awhile", "free pauses instead of the best start"),
}
rows = {}
for key, (before, after, _) in PAIRS.items():
    pair = panel.select(policy=[before, after])
    rows[key] = pair.compare("emissions_g", before, unit="g").table.loc[after]
p_values = dict(zip(rows, stats.holm([row["p"] for row in rows.values()]), strict=True))
for key, row in rows.items():
    interval, meaning = (-row["percent_high"], -row["percent_low"]), PAIRS[key][2]
    free = {"pauses": "free"} if key == "pauses" else {}
    meaning = f"saved by {meaning}"
    numbers.record(f"gain_{key}", -row["percent"], "%", 2, meaning, interval=interval, scope=free)
    print(f"{meaning:40s} {-row['percent']:5.2f} %  ", end="")
    print(f"[{interval[0]:.2f}, {interval[1]:.2f}], p = {p_values[key]:.4f} (Holm)")

# %% [markdown]
# Exact starts save {num}`waiting_for_clean_power.gain_exact` more than hourly ones, the true length {num}`waiting_for_clean_power.gain_length` more than the mean, free pauses {num}`waiting_for_clean_power.gain_pauses` more than the best start.

# %% [markdown]
# ## Savings against waiting
#
# Now the longest waits of both queues are scaled, from a sixth to twice the published ones.
# The delay of a job is its wait and all its pauses; it is counted once a job, never once a piece.

# %%
scales = [1 / 6, 1 / 3, 2 / 3, 1, 2]
early = np.flatnonzero(weeks < 100)[::5]
tradeoff = {name: [] for name in RULES if "saving per wait, true" not in name}
base_g = sum(emitted[ASAP, z][early].sum() for z in curves)
for scale in scales:
    fewer = {z: t.select(early) for z, t in traces.items()}
    fewer = {z: t.with_waits(scale * t.longest_wait_s) for z, t in fewer.items()}
    grams, hours = run({name: RULES[name] for name in tradeoff}, fewer)
    for name, points in tradeoff.items():
        saved = 1 - sum(grams[name, z].sum() for z in curves) / base_g
        points.append((np.mean([hours[name, z].mean() for z in curves]), 100 * saved))

# %% mystnb={"figure": {"caption": "Emissions saved against the mean delay of a job, all grids; along each line the longest waits grow from 1 and 4 h (short and long jobs) to 12 and 48 h. The large dot marks 6 and 24 h. Window and saving per wait reckon with the mean length.", "name": "fig:waiting-tradeoff"}, "image": {"alt": "Rising, flattening curves of saving against mean delay, one for each policy; waiting awhile goes from {num}`waiting_for_clean_power.wait_awhile_third` to {num}`waiting_for_clean_power.wait_awhile_twice`, the best start from {num}`waiting_for_clean_power.best_start_third` to {num}`waiting_for_clean_power.best_start_twice`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.4))
beside = {
    "threshold": {"xytext": (4, 9)},
    "window, mean length": {"xytext": (6, -2)},
    "saving per wait, mean length": {"xytext": (-3, 6), "ha": "right"},
}
for name, points in tradeoff.items():
    if name == "window, true length":
        continue  # on top of the best start
    hours, saved = np.array(points).T
    ax.plot(hours, saved, color=SHADE[name], marker="o", markersize=3)
    ax.plot(hours[3], saved[3], "o", color=SHADE[name], markersize=7)
    label = name.removesuffix(", mean length")
    figures.label_line(ax, hours[-1], saved[-1], label, SHADE[name], **beside.get(name, {}))
ax.set(xlabel="mean delay of a job, h", ylabel="emissions saved, %", ylim=(0, None))
ax.set_xlim(0, 1.15 * ax.get_xlim()[1])
plt.show()

# %% tags=["hide-cell"]
for name in ("best start", "wait awhile", "saving per wait, mean length"):
    for i, label in ((1, "third"), (4, "twice")):
        numbers.record(
            f"{SHORT[name]}_{label}",
            tradeoff[name][i][1],
            "%",
            1,
            f"saved with {label} the waits: {name}",
        )
        numbers.record(
            f"{SHORT[name]}_{label}_delay",
            tradeoff[name][i][0],
            "h",
            1,
            f"mean delay, {label}: {name}",
        )

# %% [markdown]
# A third of the wait keeps more than a third of the saving: the best start saves {num}`waiting_for_clean_power.best_start_third` at a mean delay of {num}`waiting_for_clean_power.best_start_third_delay`, and {num}`waiting_for_clean_power.best_start_twice` at {num}`waiting_for_clean_power.best_start_twice_delay`.
# Saving per wait gives up a little saving for a shorter delay, as it is meant to.

# %% [markdown]
# ## Which jobs carry the saving
#
# Two things work against each other: a long job covers clean and dirty hours alike, but only jobs of two hours and more may wait for a day.

# %%
edges_h = np.array([0, 1, 2, 6, 12, 24, 72, np.inf])
labels = ["< 1 h", "1-2 h", "2-6 h", "6-12 h", "12-24 h", "1-3 d", "> 3 d"]
bins = np.searchsorted(edges_h, length_h, side="right") - 1


def by_length(name):
    """Return emissions summed over the grids, by length of the job [g]."""
    return np.bincount(bins, sum(emitted[name, z] for z in curves), len(labels))


at_once, single, paused = (by_length(name) for name in (ASAP, "best start", "wait awhile"))
carried = pd.DataFrame(
    {
        "jobs": np.bincount(bins, minlength=len(labels)) / bins.size,
        "emissions": at_once / at_once.sum(),
        "saved by best start": (at_once - single) / (at_once - single).sum(),
        "saved by wait awhile": (at_once - paused) / (at_once - paused).sum(),
        "own saving, best start": 1 - single / at_once,
        "own saving, wait awhile": 1 - paused / at_once,
    },
    index=labels,
)
print((100 * carried).round(1).to_string())

# %% mystnb={"figure": {"caption": "Above: the share of their own emissions that jobs of a length save. Below: their share of all emissions and of the whole saving.", "name": "fig:waiting-lengths"}, "image": {"alt": "Two bar charts over classes of job length; above, the own saving by the best start is {num}`waiting_for_clean_power.own_short` for jobs under an hour, {num}`waiting_for_clean_power.own_middle` for those of a few hours and {num}`waiting_for_clean_power.own_long` for those of over three days; below, jobs that run for hours, up to a day, cause {num}`waiting_for_clean_power.day_emissions` of the emissions and carry {num}`waiting_for_clean_power.day_saving` of the saving."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.6), sharex=True)
at = np.arange(len(labels))
for shift, name, color in ((-0.2, "best start", "baseline"), (0.2, "wait awhile", "model")):
    own = 100 * carried[f"own saving, {name}"]
    axes[0].bar(at + shift, own, 0.38, color=COLORS[color], label=name)
columns = {"emissions": "rest", "saved by best start": "baseline", "saved by wait awhile": "model"}
for shift, (name, color) in zip((-0.27, 0, 0.27), columns.items(), strict=True):
    axes[1].bar(at + shift, 100 * carried[name], 0.26, color=COLORS[color], label=name)
axes[0].set(ylabel="own saving, %")
axes[1].set(ylabel="share of the whole, %", xlabel="length of the job")
axes[1].set_xticks(at, labels)
for ax in axes:
    ax.grid(axis="x", visible=False)
    ax.legend()
plt.show()

# %% tags=["hide-cell"]
day = (edges_h[1:] <= 24) & (edges_h[:-1] >= 2)
numbers.record(
    "own_short", 100 * carried.iloc[0, 4], "%", 1, "own saving of jobs under 1 h, best start"
)
numbers.record(
    "own_middle", 100 * carried.iloc[2, 4], "%", 1, "own saving of jobs of 2 to 6 h, best start"
)
numbers.record("own_long", 100 * carried.iloc[-1, 4], "%", 1, "own saving over 3 days, best start")
numbers.record("own_long_paused", 100 * carried.iloc[-1, 5], "%", 1, "the same, wait awhile")
numbers.record(
    "day_emissions", 100 * carried.loc[day, "emissions"].sum(), "%", 0, "emissions, 2-24 h"
)
numbers.record(
    "day_saving",
    100 * carried.loc[day, "saved by best start"].sum(),
    "%",
    0,
    "share of the saving of the best start that jobs of 2 to 24 h carry",
)
_ = numbers.record(
    "short_saving",
    100 * carried["saved by best start"].iloc[:2].sum(),
    "%",
    0,
    "share of the saving of the best start that jobs under 2 h carry",
)

# %% [markdown]
# Jobs under an hour save {num}`waiting_for_clean_power.own_short` of their own emissions within their short wait, jobs of 2 to 6 hours {num}`waiting_for_clean_power.own_middle`, jobs of more than three days {num}`waiting_for_clean_power.own_long`, with pauses {num}`waiting_for_clean_power.own_long_paused`.
# Jobs of 2 to 24 hours cause {num}`waiting_for_clean_power.day_emissions` of the emissions and carry {num}`waiting_for_clean_power.day_saving` of the saving; the many jobs under 2 hours carry {num}`waiting_for_clean_power.short_saving`.

# %% [markdown]
# ## Machines that are paid for
#
# Who has paid for machines does not like to see them stand idle.
# A *work-conserving* start takes a waiting job as soon as a fixed reservation has room for it, and keeps to the plan only for jobs that find none; what does not fit runs elsewhere, at a price.
# Here the plan is that of the window with the mean length, and the reservation is given as a multiple of the mean load of the jobs used.

# %%
ratios = np.array([0, 0.25, 0.5, 1, 1.5, 2, 3])
load = {z: (t.processors * t.length_s).sum() / np.ptp(t.submit_s) for z, t in traces.items()}
plans = {z: RULES["window, mean length"](t, curves[z]).start_s for z, t in traces.items()}
conserving = {}
for ratio in ratios:
    for z, trace in traces.items():
        for label, planned in (("waits", plans[z]), ("at once", trace.submit_s)):
            found = policies.work_conserving(trace, curves[z], planned, ratio * load[z])
            conserving[ratio, z, label] = (
                100 * (1 - found.emissions_g.sum() / emitted[ASAP, z].sum()),
                100 * found.energy_kwh[found.reserved].sum() / found.energy_kwh.sum(),
            )
by_ratio = {
    label: np.array([np.mean([conserving[r, z, label] for z in curves], axis=0) for r in ratios])
    for label in ("waits", "at once")
}

# %% mystnb={"figure": {"caption": "Left: emissions saved when jobs wait for clean power but start as soon as a reservation has room, against its size; mean of the grids. Right: share of the energy that the reservation serves, when jobs wait like that and when they start at once.", "name": "fig:waiting-reserved"}, "image": {"alt": "Left panel, a curve of saving that falls from {num}`waiting_for_clean_power.reserved_none_saved` without a reservation to {num}`waiting_for_clean_power.reserved_load_saved` with one of the mean load, and on towards zero; right panel, two rising curves of the share served by the reservation, the one for waiting jobs above the other."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3))
axes[0].plot(ratios, by_ratio["waits"][:, 0], color=COLORS["jobs"], marker="o", markersize=4)
axes[0].set(ylabel="emissions saved, %", ylim=(0, None))
for label, color in (("waits", "jobs"), ("at once", "baseline")):
    axes[1].plot(
        ratios, by_ratio[label][:, 1], color=COLORS[color], marker="o", markersize=4, label=label
    )
axes[1].set(ylabel="energy on the reservation, %", ylim=(0, 104))
axes[1].legend()
for ax in axes:
    ax.set(xlabel="reservation / mean load")
plt.show()

# %% tags=["hide-cell"]
for ratio, label in ((0, "none"), (0.5, "half"), (1, "load")):
    saved, served = by_ratio["waits"][list(ratios).index(ratio)]
    numbers.record(
        f"reserved_{label}_saved", saved, "%", 1, f"saved with a reservation of {ratio} mean loads"
    )
    numbers.record(
        f"reserved_{label}_served", served, "%", 0, f"energy served by {ratio} mean loads, waiting"
    )
_ = numbers.record(
    "reserved_load_at_once",
    by_ratio["at once"][list(ratios).index(1), 1],
    "%",
    0,
    "energy served by a reservation of the mean load, starting at once",
)

# %% [markdown]
# Without a reservation the plan saves {num}`waiting_for_clean_power.reserved_none_saved`, mean of the grids; with one of half the mean load {num}`waiting_for_clean_power.reserved_half_saved`, with one of the mean load {num}`waiting_for_clean_power.reserved_load_saved`.
# What is bought with that are busy machines: a reservation of the mean load serves {num}`waiting_for_clean_power.reserved_load_served` of the energy, and {num}`waiting_for_clean_power.reserved_load_at_once` if jobs start at once.
# (One job in {num}`waiting_for_clean_power.every` makes a lumpier load than all of them would; a full cluster is the subject of later chapters.)

# %% [markdown]
# ## With forecasts
#
# A policy that does not know the curve decides on a forecast issued in the hour of the submission, and pays what comes true.
# All forecasts are judged in 2020; the regression has learned from 2019.
#
# * *Persistence*: it stays as it is.
# * *Yesterday*: as at this hour yesterday.
# * *Four weeks*: the mean of the last four weeks at this hour of the week.
# * *Regression*: linear in the last week and the calendar, one function for each lead.
# * *Errors as in California*: the truth with errors like those of a published forecast, fitted lead by lead to its three hours, relative to the spread of the curve, and held beyond. These forecasts are generated.

# %%
leads_s = HOUR * np.arange(horizon_h + 1)
new_year = pd.Timestamp("2020-01-01", tz="UTC").timestamp()
caiso, published = datasets.marginal_intensity(), datasets.marginal_forecasts()
on_the_hour = published.issued_s % HOUR == 0
on_the_hour &= published.issued_s + published.lead_edges_s[-1] <= caiso.edges_s[-1]
errors = forecasting.fit_errors(
    forecasting.merge_leads(published, 12), caiso, scale="sd", keep=on_the_hour
)


def forecasts_of(z):
    """Return the forecasts issued each hour of 2020 for a grid, by name."""
    curve, tz = curves[z], datasets.time_zone(z)
    issued = np.arange(new_year, curve.edges_s[-1] - leads_s[-1], HOUR)
    learned = np.arange(
        curve.edges_s[0] + 10 * 24 * HOUR, new_year - leads_s[-1], training_step_h * HOUR
    )
    trained = forecasting.train(curve, learned, leads_s, time_zone=tz)
    return {
        "persistence": forecasting.persistence(curve, issued, leads_s),
        "yesterday": forecasting.profile(curve, issued, leads_s, time_zone=tz),
        "four weeks": forecasting.profile(
            curve, issued, leads_s, period="7D", periods=4, time_zone=tz
        ),
        "regression": trained.forecasts(curve, issued),
        "errors as in California": forecasting.with_errors(
            curve, errors, issued, seed=seed, lead_edges_s=leads_s, hold=True
        ),
        "perfect": None,
    }


# %% [markdown]
# Without knowledge of the length, all jobs take part, with the mean lengths of their queues.
# Policies that need the true length are tried on jobs of up to a day, beyond which forecasts would have to reach too far.

# %%
in_2020 = (weeks >= 53) & (weeks < 102)
groups = {
    "all jobs": (
        in_2020,
        ["window, mean length", "saving per wait, mean length", "lowest slot", "threshold"],
    ),
    "up to a day": (in_2020 & (length_h <= 24), ["window, true length", "wait awhile"]),
}
guessed = {}
for z, curve in curves.items():
    known = forecasts_of(z)
    for mask, names in groups.values():
        part = traces[z].select(mask)
        for name in names:
            for how, seen in known.items():
                guessed[name, how, z] = RULES[name](part, curve, seen).emissions_g


# %%
kept = partial(share_kept, block=block_weeks, seed=seed)
survives = {}
for mask, names in groups.values():
    now_g = sum(weekly(emitted[ASAP, z][mask], weeks[mask]) for z in curves)
    for name in names:
        total = {
            how: sum(weekly(guessed[name, how, z], weeks[mask]) for z in curves) for how in known
        }
        for how in known:
            if how != "perfect":
                survives[name, how] = kept(now_g, total[how], total["perfect"])
        survives[name, "saving"] = 100 * (1 - total["perfect"].sum() / now_g.sum())
        survives[name, "practical"] = 100 * (1 - total["regression"].sum() / now_g.sum())
        oracle_g = sum(emitted["best start", z][mask].sum() for z in curves)
        survives[name, "regret"] = 100 * (total["regression"].sum() / oracle_g - 1)
hows = [how for how in known if how != "perfect"]
FORECAST = {"years": (2020,), "weeks": 0, "future": "forecast"}
summary = pd.DataFrame(
    {
        how: {n: survives[n, how].value for _, names in groups.values() for n in names}
        for how in hows
    }
)
print("share of the saving kept, %")
print(summary.round(0).astype(int).to_string())

# %% mystnb={"figure": {"caption": "Share of the saving with perfect knowledge that is kept when a policy decides on a forecast, with 95 % intervals over the weeks of 2020; all grids together. The last two policies know the true length and are tried on jobs of up to a day.", "name": "fig:waiting-forecasts"}, "image": {"alt": "Dot plot with policies on the vertical axis and the share of the saving kept on the horizontal one; for the window with mean length persistence lies at {num}`waiting_for_clean_power.kept_persistence`, yesterday at {num}`waiting_for_clean_power.kept_yesterday`, four weeks at {num}`waiting_for_clean_power.kept_four_weeks` and the regression at {num}`waiting_for_clean_power.kept_ridge`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 5.0))
marks = dict(
    zip(
        hows,
        [("x", "rest"), ("s", "partial"), ("D", "jobs"), ("o", "model"), ("^", "forecast")],
        strict=True,
    )
)
order = [n for _, names in groups.values() for n in names][::-1]
for y, name in enumerate(order):
    for k, how in enumerate(hows):
        found, (mark, color) = survives[name, how], marks[how]
        height = y + 0.13 * (2 - k)
        ax.plot([found.low, found.high], [height] * 2, color=COLORS[color], linewidth=1.4)
        ax.plot(
            found.value,
            height,
            mark,
            color=COLORS[color],
            markersize=5,
            label=how if y == 0 else None,
        )
ax.set_yticks(range(len(order)), [n.replace(", ", ",\n") for n in order])
ax.axvline(100, color=COLORS["baseline"], linewidth=1)
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.grid(axis="y", visible=False)
ax.set(xlabel="share of the saving kept, %")
fig.legend(loc="outside upper center", ncols=3)
plt.show()

# %% tags=["hide-cell"]
KEPT = {
    "persistence": "persistence",
    "yesterday": "yesterday",
    "four weeks": "four_weeks",
    "regression": "ridge",
    "errors as in California": "errors",
}
for how, label in KEPT.items():
    for name, suffix in (("window, mean length", ""), ("wait awhile", "_paused")):
        found = survives[name, how]
        numbers.record(
            f"kept_{label}{suffix}",
            found.value,
            "%",
            0,
            f"saving kept with {how}: {name}",
            interval=(found.low, found.high),
            scope=FORECAST | ({"pauses": "free"} if suffix else {}),
        )
numbers.word("forecast_year", FORECAST["years"][0], "the year in which forecasts are judged")
numbers.record(
    "practical",
    survives["window, mean length", "practical"],
    "%",
    1,
    "saved in 2020 with a regression and the mean length",
    scope=FORECAST,
)
numbers.record(
    "regret",
    survives["window, mean length", "regret"],
    "%",
    1,
    "emissions in 2020 with a regression and the mean length, above the best start",
    scope=FORECAST,
)
_ = numbers.record(
    "practical_perfect",
    survives["window, mean length", "saving"],
    "%",
    1,
    "saved in 2020 with the curve known and the mean length",
    scope={"years": (2020,), "weeks": 0},
)

# %% [markdown]
# With the mean length, the regression keeps {num}`waiting_for_clean_power.kept_ridge` of the saving, the profile of yesterday {num}`waiting_for_clean_power.kept_yesterday`, that of four weeks {num}`waiting_for_clean_power.kept_four_weeks`; persistence expects no change and gives no reason to wait (the threshold alone can use it: it runs when the intensity is below what it was at submission).
# In 2020 that leaves a saving of {num}`waiting_for_clean_power.practical` where the curve known would save {num}`waiting_for_clean_power.practical_perfect`, and {num}`waiting_for_clean_power.regret` more than the best start in hindsight emits.
# Waiting awhile, which picks single hours, keeps {num}`waiting_for_clean_power.kept_ridge_paused` with the regression.

# %% [markdown]
# ## With forecasts that were really published
#
# For California the forecasts of the marginal rate were published and kept, every quarter of an hour, three hours ahead.
# Jobs of up to {num}`waiting_for_clean_power.real_length` may wait {num}`waiting_for_clean_power.real_wait` within that reach.
# The present, which a forecast of the next five minutes leaves out, is the rate at the time of issue.
# These are marginal rates: grams and shares here must not be compared with those of the averages above.

# %%
keep_2021 = published.issued_s >= pd.Timestamp("2021-01-04", tz="UTC").timestamp()
issued = published.issued_s[keep_2021]
near_s = np.concatenate([[0.0], published.lead_edges_s])
near = Forecasts(
    issued,
    near_s,
    np.column_stack([caiso.at(issued), published.intensity_g_per_kwh[keep_2021]]),
    "marginal",
    caiso.zone,
    published.source,
)
learned = np.arange(caiso.edges_s[0] + 10 * 24 * HOUR, issued[0] - 4 * HOUR, HOUR)
pacific = "America/Los_Angeles"
short_forecasts = {
    "yesterday": forecasting.profile(caiso, issued, near_s, time_zone=pacific),
    "regression": forecasting.train(caiso, learned, near_s, time_zone=pacific).forecasts(
        caiso, issued
    ),
    "as published": near,
    "perfect": None,
}
in_summer = np.flatnonzero(week < 33)
short = placed(pacific, "2021-01-05", in_summer)
brief = short.length_s <= short_job_h * HOUR
brief_weeks = week[in_summer][brief]
short = short.select(brief).with_waits(short_wait_h * HOUR)
now_g = weekly(policies.no_wait(short, caiso).emissions_g, brief_weeks)
real_g = {
    how: policies.lowest_window(short, caiso, forecast=seen).emissions_g
    for how, seen in short_forecasts.items()
}
real = {how: weekly(grams, brief_weeks) for how, grams in real_g.items()}
for how, grams in real.items():
    if how == "perfect":
        print(f"{how:14s} saves {100 * (1 - grams.sum() / now_g.sum()):5.2f} %")
        continue
    found = kept(now_g, grams, real["perfect"])
    print(f"{how:14s} saves {100 * (1 - grams.sum() / now_g.sum()):5.2f} %, ", end="")
    print(f"keeps {found.value:.0f} % [{found.low:.0f}, {found.high:.0f}]")

told = {(how, caiso.zone): real_g[how] for how in ("yesterday", "as published")}
of_told = weekly_panel(told, brief_weeks).compare("emissions_g", "yesterday", unit="g")
direct = of_told.table.iloc[0]
print(f"published against yesterday: {direct['percent']:.2f} % ", end="")
print(f"[{direct['percent_low']:.2f}, {direct['percent_high']:.2f}], p = {direct['p']:.3f}")

# %% [markdown]
# Longer waits need more than three hours.
# There the published forecast is followed by the profile of four weeks, and compared with that profile alone.

# %%
far_s = near_s[-1] + HOUR * np.arange(horizon_h - 2)
all_s = np.concatenate([near_s, far_s[1:]])
alone = forecasting.profile(caiso, issued, all_s, period="7D", periods=4, time_zone=pacific)
stitched = Forecasts(
    issued,
    all_s,
    np.column_stack([near.intensity_g_per_kwh, alone.intensity_g_per_kwh[:, near_s.size - 1 :]]),
    "marginal",
    caiso.zone,
    "published, then four weeks",
)
long = placed(pacific, "2021-01-05", in_summer).drop_uncovered(caiso)
long_weeks = week[long.job_id]
long_now = weekly(policies.no_wait(long, caiso).emissions_g, long_weeks)
choices = {"four weeks": alone, "published, then four weeks": stitched, "perfect": None}
stitch = {
    how: weekly(RULES["window, mean length"](long, caiso, seen).emissions_g, long_weeks)
    for how, seen in choices.items()
}
for how, grams in stitch.items():
    if how == "perfect":
        print(f"{how:27s} saves {100 * (1 - grams.sum() / long_now.sum()):5.2f} %")
        continue
    found = kept(long_now, grams, stitch["perfect"])
    print(f"{how:27s} saves {100 * (1 - grams.sum() / long_now.sum()):5.2f} %, ", end="")
    print(f"keeps {found.value:.0f} % [{found.low:.0f}, {found.high:.0f}]")

# %% mystnb={"figure": {"caption": "Share of the saving kept on the marginal rate of California in 2021. Above: jobs and waits within the three hours of the published forecasts. Below: all jobs with the waits of their queues.", "name": "fig:waiting-published"}, "image": {"alt": "Dot plot of the share of the saving kept with five kinds of forecast, each with an interval; three for short jobs above and two for all jobs below."}} tags=["hide-input"]
rows = [
    (f"{group}: {how}", kept(base, grams, of["perfect"]), color)
    for group, base, of, color in (
        ("all jobs", long_now, stitch, "jobs"),
        ("short jobs", now_g, real, "marginal"),
    )
    for how, grams in of.items()
    if how != "perfect"
]
fig, ax = plt.subplots(figsize=(7.2, 3.0))
for y, (_, found, color) in enumerate(rows):
    ax.plot([found.low, found.high], [y, y], color=COLORS[color], linewidth=2.2)
    ax.plot(found.value, y, "o", color=COLORS[color], markersize=7)
ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.axvline(100, color=COLORS["baseline"], linewidth=1)
ax.grid(axis="y", visible=False)
ax.set(xlabel="share of the saving kept, %")
plt.show()

# %% tags=["hide-cell"]
numbers.record("real_length", short_job_h, "h", 0, "longest job tried with published forecasts")
numbers.record("real_wait", short_wait_h, "h", 2, "longest wait tried with published forecasts")
numbers.record(
    "real_gain",
    -direct["percent"],
    "%",
    1,
    "saved by the published forecast instead of yesterday, paired by week",
    interval=(-direct["percent_high"], -direct["percent_low"]),
)
shown_there = not direct["percent_low"] <= 0 <= direct["percent_high"]
numbers.fact("real_shown", shown_there, "the interval of real_gain excludes zero")
for label, base, of in (("real", now_g, real), ("stitched", long_now, stitch)):
    numbers.record(
        f"{label}_perfect",
        100 * (1 - of["perfect"].sum() / base.sum()),
        "%",
        1,
        f"saved on the marginal rate with perfect knowledge, {label}",
    )
    for how, grams in of.items():
        if how != "perfect":
            found = kept(base, grams, of["perfect"])
            numbers.record(
                f"{label}_{how.replace(', ', ' ').replace(' ', '_')}",
                found.value,
                "%",
                0,
                f"saving kept on the marginal rate: {how}",
                interval=(found.low, found.high),
            )

# %% [markdown]
# For short jobs perfect knowledge saves {num}`waiting_for_clean_power.real_perfect`, of which the published forecast keeps {num}`waiting_for_clean_power.real_as_published`, the regression {num}`waiting_for_clean_power.real_regression` and yesterday's curve {num}`waiting_for_clean_power.real_yesterday`.
# Compared week by week, the published forecast saves {num}`waiting_for_clean_power.real_gain` of what is emitted with yesterday's curve ({num-interval}`waiting_for_clean_power.real_gain`).
# {if-not}`waiting_for_clean_power.real_shown` That interval holds zero: no difference is shown.
# For all jobs, whose waits go far beyond three hours, the published forecast followed by a profile keeps {num}`waiting_for_clean_power.stitched_published_then_four_weeks`, the profile alone {num}`waiting_for_clean_power.stitched_four_weeks`: three good hours are of little use to a choice among a day.

# %% [markdown]
# ## Nightly jobs and a project with deadlines
#
# {cite:t}`wiesner2021` ask two other questions.
# A nightly job of half an hour is due at one o'clock and may be moved by some hours to either side.
# A machine-learning project submits jobs of 4 to 90 hours in office hours, whose results are looked at on the next workday at nine, or on Mondays and Thursdays at nine; a result that would come in office hours may not wait.
# The jobs are generated as in the paper's program; the curves are ours, hourly, without imports.

# %%
nights = pd.date_range("2020-01-02 01:00", "2020-12-30 01:00", freq="D")
flexible_h = np.arange(1, 9)
nightly = {}
for z, curve in curves.items():
    due_s = epoch_seconds(
        nights.tz_localize(
            datasets.time_zone(z),
            nonexistent="shift_forward",
            ambiguous=np.ones(nights.size, dtype=bool),
        )
    )
    due = policies.start_at(Trace(due_s, 0.5 * HOUR, 1000.0, 0.0), curve, due_s).emissions_g
    moved = [
        policies.lowest_slot(
            Trace(due_s - h * HOUR, 0.5 * HOUR, 1000.0, 2 * h * HOUR), curve, step_s=HOUR / 2
        ).emissions_g
        for h in flexible_h
    ]
    nightly[z] = [100 * (1 - grams.sum() / due.sum()) for grams in moved]
nightly = pd.DataFrame(nightly, index=flexible_h)


def as_in_its_program(finish_s, tz):
    """Return next workdays as the paper's program has them: after Friday evening comes Saturday."""
    due_s = next_workday(finish_s, tz)
    local = pd.to_datetime(finish_s, unit="s", utc=True).tz_convert(tz)
    friday = (local.day_of_week == 4) & (due_s > finish_s) & (local.hour >= 9)
    saturday = local.normalize() + pd.Timedelta(days=1)
    saturday = saturday.tz_localize(None).tz_localize(tz) + pd.Timedelta(hours=9)
    return np.where(friday, epoch_seconds(saturday), due_s)


RULES_OF_DUE = {
    "next workday": next_workday,
    "semi-weekly": next_weekday,
    "next day": as_in_its_program,
}
project = {}
for z, curve in curves.items():
    tz = datasets.time_zone(z)
    made = office_jobs(2020, tz, seed=seed)
    for until, rule in RULES_OF_DUE.items():
        due = made.with_deadlines(rule(made.deadline_s, tz)).drop_uncovered(curve)
        first_g = policies.no_wait(due, curve).emissions_g.sum()
        for how, policy in {
            "in one go": policies.lowest_window,
            "with pauses": policies.wait_awhile,
        }.items():
            saved = 1 - policy(due, curve).emissions_g.sum() / first_g
            project.setdefault((until, how), {})[z] = 100 * saved
project = pd.DataFrame(project)
weekend = {
    how: project["next workday", how] - project["next day", how]
    for how in ("in one go", "with pauses")
}
project = project.drop(columns="next day", level=0)
print(nightly.loc[[2, 8]].round(1).rename_axis("moved by [h]").to_string())
print(project.round(1).to_string())

# %% mystnb={"figure": {"caption": "Left: emissions of nightly jobs saved against how far they may be moved to either side of one o'clock; one line a grid. Right: savings of the project's jobs in each grid (dots) and their mean (bar).", "name": "fig:waiting-scenarios"}, "image": {"alt": "Left panel with one rising line of saving for each grid, their mean from {num}`waiting_for_clean_power.nightly_2h` at two hours to {num}`waiting_for_clean_power.nightly_8h` at eight; right panel with columns of dots, next workday and semi-weekly deadlines, each in one go and with pauses, their means from {num}`waiting_for_clean_power.project_next_workday_in_one_go` to {num}`waiting_for_clean_power.project_semi_weekly_with_pauses`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
axes[0].plot(nightly.index, nightly, color=COLORS["rest"], linewidth=1.1)
axes[0].plot(nightly.index, nightly.mean(axis=1), color=COLORS["jobs"], linewidth=2.4)
for z in {nightly.iloc[-1].idxmax(), nightly.iloc[-1].idxmin()}:
    figures.label_line(axes[0], 8, nightly[z].iloc[-1], z, COLORS["baseline"])
axes[0].set(xlabel="moved by at most, h", ylabel="emissions saved, %", ylim=(0, None), xlim=(1, 9))
for x, column in enumerate(project):
    color = COLORS["model"] if column[1] == "with pauses" else COLORS["jobs"]
    axes[1].plot(
        np.full(len(project), x), project[column], "o", color=color, markersize=4, alpha=0.6
    )
    axes[1].plot([x - 0.3, x + 0.3], [project[column].mean()] * 2, color=color, linewidth=2.4)
axes[1].set_xticks(
    range(4),
    [
        f"{a.replace(' ', chr(10)).replace('-', '-' + chr(10))},\n{b.replace('with ', '')}"
        for a, b in project
    ],
)
axes[1].tick_params(axis="x", labelsize=8.5)
axes[1].grid(axis="x", visible=False)
axes[1].set(ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
numbers.record(
    "nightly_2h", nightly.loc[2].mean(), "%", 1, "nightly jobs, moved by 2 h, mean of the grids"
)
numbers.record(
    "nightly_8h", nightly.loc[8].mean(), "%", 1, "nightly jobs, moved by 8 h, mean of the grids"
)
generated = {"years": (2020,), "weeks": 0, "jobs": "generated jobs of a project"}
PROJECT = {"in one go": generated, "with pauses": generated | {"pauses": "free"}}
for (until, how), saved in project.items():
    label = f"project_{until}_{how}".replace(" ", "_").replace("-", "_")
    meaning = f"project jobs, {until}, {how}, mean of the grids"
    numbers.record(label, saved.mean(), "%", 1, meaning, scope=PROJECT[how])
for how, points in weekend.items():
    label = f"weekend_{how}".replace(" ", "_")
    meaning = f"lost if Saturday counts as a workday, as in the paper's program, {how}"
    numbers.record(label, points.mean(), "points", 1, meaning, scope=PROJECT[how])

# %% [markdown]
# Nightly jobs save {num}`waiting_for_clean_power.nightly_2h` when they may move by two hours and {num}`waiting_for_clean_power.nightly_8h` by eight, mean of the grids.
# Deadlines on the next workday let the project save {num}`waiting_for_clean_power.project_next_workday_in_one_go` in one go and {num}`waiting_for_clean_power.project_next_workday_with_pauses` with pauses, those on Mondays and Thursdays {num}`waiting_for_clean_power.project_semi_weekly_in_one_go` and {num}`waiting_for_clean_power.project_semi_weekly_with_pauses`.
# The next workday after a Friday evening is Monday here, as the rule's name says; the paper's program makes it Saturday, which would cost {num}`waiting_for_clean_power.weekend_in_one_go` of the saving in one go and {num}`waiting_for_clean_power.weekend_with_pauses` with pauses.

# %% [markdown] tags=["download"]
# ## Other jobs
#
# The three traces of a year with which GAIA was published (virtual machines of Azure, jobs of the Mustang cluster and of Alibaba's PAI) are downloads.
# Every tenth of their jobs is put on 2020, from 1 January on by the clock of each grid.

# %% tags=["download"]
clouds = {}
for name in ("gaia-azure", "gaia-mustang", "gaia-pai"):
    cloud = datasets.job_log(name).jobs.iloc[::10]
    for z, curve in curves.items():
        first = pd.Timestamp("2020-01-01", tz=datasets.time_zone(z)).timestamp() + HOUR
        watts = cloud["processors"] * watts_per_core
        drawn = Trace.by_length(first + cloud["submit_s"], cloud["run_s"], watts).drop_uncovered(
            curve
        )
        asap_g = policies.no_wait(drawn, curve).emissions_g.sum()
        for policy in (
            "lowest slot",
            "window, mean length",
            "threshold",
            "best start",
            "wait awhile",
        ):
            saved = 1 - RULES[policy](drawn, curve).emissions_g.sum() / asap_g
            clouds.setdefault((name, policy), {})[z] = 100 * saved
clouds = pd.DataFrame(clouds).mean().rename("saved").reset_index()
clouds = clouds.pivot_table("saved", "level_1", "level_0", sort=False)
print("saved, %, mean of the grids")
print(clouds.round(1).to_string())

# %% tags=["hide-cell", "download"]
cloud_numbers = publish.Numbers(
    "waiting_for_clean_power"
)  # shown here, kept where files are missing
for name in clouds:
    for policy in ("window, mean length", "best start", "wait awhile"):
        label = f"{name.replace('gaia-', '')}_{SHORT[policy]}"
        cloud_numbers.record(label, clouds.loc[policy, name], "%", 1, f"{name}: saved by {policy}")
cloud_numbers

# %% [markdown] tags=["download"]
# Their jobs are shorter than those of the cluster, and the best starts save more: {num}`waiting_for_clean_power.azure_best_start` (Azure), {num}`waiting_for_clean_power.mustang_best_start` (Mustang) and {num}`waiting_for_clean_power.pai_best_start` (PAI).
# With the mean length {num}`waiting_for_clean_power.azure_window_mean`, {num}`waiting_for_clean_power.mustang_window_mean` and {num}`waiting_for_clean_power.pai_window_mean` are left.

# %% [markdown]
# (limits-waiting)=
# ## What could be wrong
#
# * **Endless capacity.** Every job finds a machine in its clean hour; on a finite cluster they meet there.
# * **Waits are assumed.** How long users let a job wait is the published policies' assumption, {num}`waiting_for_clean_power.short_wait` and {num}`waiting_for_clean_power.long_wait`, and nobody was asked; {numref}`fig:waiting-tradeoff` shows what shorter ones leave.
# * **Old jobs on other years.** The jobs of 2014 did not know the grids of 2019 and 2020; only weekday and hour are kept. Submissions follow office hours, so another site's habits would give other savings.
# * **A sample, and few weeks of jobs.** One log of twelve weeks is used eight or nine times; intervals are over carbon weeks and grids, not over clusters.
# * **Constant power, free stops.** Phases matter little for hourly curves ({doc}`when_to_start`), start-ups a lot for pauses ({doc}`pause_and_resume`).
# * **Average intensity.** It says what the mix emits, not what one more kilowatt-hour causes; only the Californian part is marginal.
# * **Made-up errors.** The errors like those of California are fitted to three hours of a marginal rate in steps of five minutes, and held constant beyond; real forecasts of averages may be better by day and worse by week.
#
# **What would change our mind.**

# %%
print(compared.sentences[0])
for sentence in compared.sentences:
    if sentence.startswith("What would change"):
        print(sentence)

# %% [markdown]
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=waiting_for_clean_power P="every=4"
# make run CHAPTER=waiting_for_clean_power P="factors=unece2022"
# ```
#
# 1. Take more jobs (`every`): which interval shrinks, and which does not?
# 2. In which grids does the threshold beat the lowest slot?
# 3. Let forecasts reach 30 h only (`horizon_h`): which policies complain, and why?
#
# ## The numbers of this chapter

# %%
numbers
