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
# {opening}`fig:waiting-policies`
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
from helpers.published import project as projects
from helpers.schedule import policies
from helpers.schedule.trace import GAIA_QUEUES, Trace
from helpers.study import WeeksOfJobs, on_calendar, share_kept, weekly, weekly_panel
from helpers.timeline import epoch_seconds

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
TRACE = "unilu-gaia-2014"
ALL = {"grids": datasets.zones(), "years": datasets.years()}
SCOPE = publish.Scope(**ALL, weeks=104, jobs=TRACE, pauses="none", future="known")
numbers = publish.Numbers("waiting_for_clean_power", SCOPE)
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
weeks_of = {"whole_weeks": 12, "weeks": 104, "every": every, "seed": seed}
drawn = WeeksOfJobs.drawn(log, "2014-05-27", **weeks_of)

# %%
curves = {z: datasets.carbon_intensity(z, None, factors) for z in datasets.zones()}
clocks = {z: datasets.time_zone(z) for z in curves}
laid = {z: drawn.trace("2019-01-01", clocks[z], watts_per_core) for z in curves}

# %% [markdown]
# Jobs whose window would leave the curve of any grid, at its very beginning and end, are left out everywhere.

# %%
common = np.ones(len(drawn), dtype=bool)
for z, curve in curves.items():
    common &= np.isin(drawn.number, laid[z].drop_uncovered(curve).job_id)
    ends_s = laid[z].submit_s + drawn.jobs["wait_s"].to_numpy() + laid[z].length_s
    common &= ends_s <= curve.edges_s[-1]  # as it was scheduled
traces, used = {z: trace.select(common) for z, trace in laid.items()}, drawn.select(common)

# %%
weeks, waited_s = used.week, used.jobs["wait_s"].to_numpy()
length_h, job_energy = traces["DE"].length_s / HOUR, traces["DE"].energy_kwh

# %%
dropped = 100 * (1 - used.core_seconds.sum() / drawn.core_seconds.sum())
short_energy = 100 * job_energy[length_h < 2].sum() / job_energy.sum()
publish.table(
    {
        "jobs drawn [.0f]": len(drawn),
        f"of them covered in all {len(curves)} grids [.0f]": len(used),
        "energy left out [.2f %]": dropped,
        "jobs shorter than 2 h [.0f %]": 100 * (length_h < 2).mean(),
        "their energy [.0f %]": short_energy,
    }
)

# %% tags=["hide-cell"]
short_h, long_h = (queue.longest_wait_s / HOUR for queue in GAIA_QUEUES)
numbers.record_table(
    {
        "every [.0f]: one job in so many is used": every,
        "short_wait [.0f h]: wait of jobs under 2 h": short_h,
        "long_wait [.0f h]: wait of the other jobs": long_h,
        "jobs [.0f jobs]: jobs in each grid": len(used),
        "weeks [.0f weeks]: weeks with jobs": len(np.unique(weeks)),
        "grids [.0f grids]: grids": len(curves),
        "dropped [.2f %]: energy of the jobs left out at the ends": dropped,
        "short_energy [.1f %]: energy of the jobs under 2 h": short_energy,
    }
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
hourly, mean = {"step_s": HOURLY}, {"step_s": HOURLY, "length": "mean"}
RULES = {
    "lowest slot": policies.lowest_slot,
    "window, mean length": partial(policies.lowest_window, **mean),
    "window, true length": partial(policies.lowest_window, **hourly),
    "saving per wait, mean length": partial(policies.saving_per_wait, **mean),
    "saving per wait, true length": partial(policies.saving_per_wait, **hourly),
    "threshold": policies.threshold,
    "best start": policies.best,
    "wait awhile": policies.wait_awhile,
}

# %% tags=["hide-cell"]
shades = ("cancelled", "partial", "jobs", "green", "green", "timeout", "baseline", "model")
SHADE = {name: COLORS[shade] for name, shade in zip(RULES, shades, strict=True)}

# %%
ASAP, AS_WAS = "as soon as possible", "as it was scheduled"

# %%
every_rule = {ASAP: policies.no_wait} | RULES
found = {(n, z): rule(traces[z], curves[z]) for z in curves for n, rule in every_rule.items()}
for z, trace in traces.items():
    found[AS_WAS, z] = policies.start_at(trace, curves[z], trace.submit_s + waited_s)

# %%
emitted = {key: outcome.emissions_g for key, outcome in found.items()}
delay = {key: outcome.delay_s / HOUR for key, outcome in found.items()}

# %% tags=["hide-cell"]
for z, trace in traces.items():
    exact_g = policies.best(trace, curves[z], interruptible=True).emissions_g
    assert np.allclose(emitted["wait awhile", z], exact_g, rtol=1e-9)

# %% [markdown]
# Weekly sums are compared with starting as soon as possible, paired by week and grid; intervals allow for weeks that resemble their neighbours and for grids being a sample, p-values are Holm's over the family.


# %%
panel = weekly_panel(emitted, weeks)
compared = panel.compare("emissions_g", ASAP, unit="g")
table = compared.table.sort_values("percent", ascending=False)
mean_delay = pd.Series({n: np.mean([delay[n, z].mean() for z in curves]) for n in [*RULES, AS_WAS]})

# %%
words = compared.words() | {"delay_h": "mean delay of a job [.2f h]"}
publish.table(table.assign(delay_h=mean_delay), words, index="policy")

# %%
shown = ("lowest slot", "window, mean length", "threshold", "best start", "wait awhile")
sums = pd.DataFrame({z: {n: emitted[n, z].sum() for n in (ASAP, *shown)} for z in curves})
by_grid = 100 * (1 - sums / sums.loc[ASAP])
publish.table(by_grid.loc[list(shown)], "{} [.1f %]", index="saved in each grid")

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

# %% tags=["hide-cell"]
for name, row in table.drop(AS_WAS).iterrows():
    free = {"pauses": "free"} if name in ("wait awhile", "threshold") else {}
    saved = (-row["percent"], -row["percent_high"], -row["percent_low"])
    code = (SHORT[name], name)
    numbers.record_table({code: saved}, "{} [.1f %]: saved by: {}", scope=free)
    numbers.record_table({code: mean_delay[name]}, "{}_delay [.1f h]: mean delay of a job: {}")

# %% tags=["hide-cell"]
claim = "as_scheduled [.2f %]: emissions as scheduled, above starting as soon as possible"
numbers.record_table({claim: compared.interval(AS_WAS)})
per_kwh = -table["difference"] * compared.pairs / (len(curves) * job_energy.sum())
told = ("best start", "wait awhile", "window, mean length")
of_kwh = {SHORT[name]: per_kwh[name] for name in told}
numbers.record_table(of_kwh, "{0}_grams [.1f g/kWh]: the same in grams: {0}")

# %% tags=["hide-cell"]
best = by_grid.loc["best start"]
ends = {("least", best.idxmin()): best.min(), ("most", best.idxmax()): best.max()}
numbers.record_table(ends, "best_start_{0} [.1f %]: best start, {0} ({1})")
numbers.record_table({"largest_p [.4f]: largest p (Holm)": table["p_holm"].drop(AS_WAS).max()})
was = table.loc[AS_WAS]
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

# %%
rows = {}
for key, (before, after, _) in PAIRS.items():
    pair = panel.select(policy=[before, after]).compare("emissions_g", before, unit="g")
    rows[key] = pair.table.loc[after]
gains = pd.DataFrame(rows).T
gains["p_holm"] = stats.holm(gains["p"])

# %%
saved = -gains[["percent", "percent_high", "percent_low"]]  # what is saved, low end, high end
by_what = gains[["p_holm"]].join(saved).set_axis([what for *_, what in PAIRS.values()])
words = {"percent": "saved [.2f %]", "percent_high": "from [.2f %]", "percent_low": "to [.2f %]"}
publish.table(by_what, words | {"p_holm": "p (Holm) [.4f]"}, index="saved by")

# %% tags=["hide-cell"]
for key, row in saved.iterrows():
    free = {"pauses": "free"} if key == "pauses" else {}
    claim = f"gain_{key} [.2f %]: saved by {PAIRS[key][2]}"
    numbers.record_table({claim: tuple(row)}, scope=free)

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
fewer = {z: trace.select(early) for z, trace in traces.items()}
base_g = sum(emitted[ASAP, z][early].sum() for z in curves)

# %%
tradeoff = {name: [] for name in RULES if "saving per wait, true" not in name}
for scale in scales:
    scaled = {z: t.with_waits(scale * t.longest_wait_s) for z, t in fewer.items()}
    for name, points in tradeoff.items():
        tried = [RULES[name](trace, curves[z]) for z, trace in scaled.items()]
        saved = 100 * (1 - sum(outcome.emissions_g.sum() for outcome in tried) / base_g)
        points.append((np.mean([(one.delay_s / HOUR).mean() for one in tried]), saved))

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
        code = (SHORT[name], label, name)
        waited_h, saved = tradeoff[name][i]
        numbers.record_table({code: saved}, "{0}_{1} [.1f %]: saved with {1} the waits: {2}")
        numbers.record_table({code: waited_h}, "{0}_{1}_delay [.1f h]: mean delay, {1}: {2}")

# %% [markdown]
# The same for each grid by itself: {doc}`your_grid`.
#
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

# %%
whole_g = {n: sum(emitted[n, z] for z in curves) for n in (ASAP, "best start", "wait awhile")}
of_bin = (np.bincount(bins, grams, len(labels)) for grams in whole_g.values())
at_once, single, paused = of_bin

# %%
carried = {
    "jobs": np.bincount(bins, minlength=len(labels)) / bins.size,
    "emissions": at_once / at_once.sum(),
    "saved by best start": (at_once - single) / (at_once - single).sum(),
    "saved by wait awhile": (at_once - paused) / (at_once - paused).sum(),
    "own saving, best start": 1 - single / at_once,
    "own saving, wait awhile": 1 - paused / at_once,
}

# %%
carried = 100 * pd.DataFrame(carried, index=labels)
publish.table(carried, "{} [.1f %]", index="length")

# %% mystnb={"figure": {"caption": "Above: the share of their own emissions that jobs of a length save. Below: their share of all emissions and of the whole saving.", "name": "fig:waiting-lengths"}, "image": {"alt": "Two bar charts over classes of job length; above, the own saving by the best start is {num}`waiting_for_clean_power.own_short` for jobs under an hour, {num}`waiting_for_clean_power.own_middle` for those of a few hours and {num}`waiting_for_clean_power.own_long` for those of over three days; below, jobs that run for hours, up to a day, cause {num}`waiting_for_clean_power.day_emissions` of the emissions and carry {num}`waiting_for_clean_power.day_saving` of the saving."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.6), sharex=True)
at = np.arange(len(labels))
for shift, name, color in ((-0.2, "best start", "baseline"), (0.2, "wait awhile", "model")):
    own = carried[f"own saving, {name}"]
    axes[0].bar(at + shift, own, 0.38, color=COLORS[color], label=name)
columns = {"emissions": "rest", "saved by best start": "baseline", "saved by wait awhile": "model"}
for shift, (name, color) in zip((-0.27, 0, 0.27), columns.items(), strict=True):
    axes[1].bar(at + shift, carried[name], 0.26, color=COLORS[color], label=name)
axes[0].set(ylabel="own saving, %")
axes[1].set(ylabel="share of the whole, %", xlabel="length of the job")
axes[1].set_xticks(at, labels)
for ax in axes:
    ax.grid(axis="x", visible=False)
    ax.legend()
plt.show()

# %% tags=["hide-cell"]
day = (edges_h[1:] <= 24) & (edges_h[:-1] >= 2)
own, saved = carried["own saving, best start"], carried["saved by best start"]
own_paused = carried["own saving, wait awhile"].iloc[-1]
of_saving = "share of the saving of the best start that jobs"
numbers.record_table(
    {
        "own_short [.1f %]: own saving of jobs under 1 h, best start": own.iloc[0],
        "own_middle [.1f %]: own saving of jobs of 2 to 6 h, best start": own.iloc[2],
        "own_long [.1f %]: own saving over 3 days, best start": own.iloc[-1],
        "own_long_paused [.1f %]: the same, wait awhile": own_paused,
        "day_emissions [.0f %]: emissions, 2-24 h": carried["emissions"][day].sum(),
        f"day_saving [.0f %]: {of_saving} of 2 to 24 h carry": saved[day].sum(),
        f"short_saving [.0f %]: {of_saving} under 2 h carry": saved.iloc[:2].sum(),
    }
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
begins = {
    "waits": {z: found["window, mean length", z].start_s for z in curves},
    "at once": {z: trace.submit_s for z, trace in traces.items()},
}

# %%
by_ratio = {label: np.zeros((len(ratios), 2)) for label in begins}  # saved, served
for i, ratio in enumerate(ratios):
    for label, planned_s in begins.items():
        of_grid = []
        for z, trace in traces.items():
            one = policies.work_conserving(trace, curves[z], planned_s[z], ratio * load[z])
            saved = 1 - one.emissions_g.sum() / emitted[ASAP, z].sum()
            of_grid.append((saved, one.energy_kwh[one.reserved].sum() / one.energy_kwh.sum()))
        by_ratio[label][i] = 100 * np.mean(of_grid, axis=0)

# %% mystnb={"figure": {"caption": "Left: emissions saved when jobs wait for clean power but start as soon as a reservation has room, against its size; mean of the grids. Right: share of the energy that the reservation serves, when jobs wait like that and when they start at once.", "name": "fig:waiting-reserved"}, "image": {"alt": "Left panel, a curve of saving that falls from {num}`waiting_for_clean_power.reserved_none_saved` without a reservation to {num}`waiting_for_clean_power.reserved_load_saved` with one of the mean load, and on towards zero; right panel, two rising curves of the share served by the reservation, the one for waiting jobs above the other."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3))
axes[0].plot(ratios, by_ratio["waits"][:, 0], color=COLORS["jobs"], marker="o", markersize=4)
axes[0].set(ylabel="emissions saved, %", ylim=(0, None))
for label, color in (("waits", "jobs"), ("at once", "baseline")):
    look = {"color": COLORS[color], "marker": "o", "markersize": 4, "label": label}
    axes[1].plot(ratios, by_ratio[label][:, 1], **look)
axes[1].set(ylabel="energy on the reservation, %", ylim=(0, 104))
axes[1].legend()
for ax in axes:
    ax.set(xlabel="reservation / mean load")
plt.show()

# %% tags=["hide-cell"]
for ratio, label in ((0, "none"), (0.5, "half"), (1, "load")):
    saved, served = by_ratio["waits"][list(ratios).index(ratio)]
    code, mean_loads = f"reserved_{label}", f"{ratio} mean loads"
    claim = f"{code}_saved [.1f %]: saved with a reservation of {mean_loads}"
    numbers.record_table({claim: saved})
    numbers.record_table({f"{code}_served [.0f %]: energy served by {mean_loads}, waiting": served})
served = by_ratio["at once"][list(ratios).index(1), 1]
claim = "energy served by a reservation of the mean load, starting at once"
numbers.record_table({f"reserved_load_at_once [.0f %]: {claim}": served})

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

# %%
on_the_hour = published.issued_s % HOUR == 0
on_the_hour &= published.issued_s + published.lead_edges_s[-1] <= caiso.edges_s[-1]
merged = forecasting.merge_leads(published, 12)
errors = forecasting.fit_errors(merged, caiso, scale="sd", keep=on_the_hour)

# %%
weekly_mean = {"period": "7D", "periods": 4}
like_published = {"seed": seed, "lead_edges_s": leads_s, "hold": True}
known = {}
for z, curve in curves.items():
    first_s, last_s, at = *curve.edges_s[[0, -1]], {"time_zone": clocks[z]}
    issued = np.arange(new_year, last_s - leads_s[-1], HOUR)
    learned = np.arange(first_s + 240 * HOUR, new_year - leads_s[-1], training_step_h * HOUR)
    trained = forecasting.train(curve, learned, leads_s, **at)
    known[z] = {
        "persistence": forecasting.persistence(curve, issued, leads_s),
        "yesterday": forecasting.profile(curve, issued, leads_s, **at),
        "four weeks": forecasting.profile(curve, issued, leads_s, **weekly_mean, **at),
        "regression": trained.forecasts(curve, issued),
        "errors as in California": forecasting.with_errors(curve, errors, issued, **like_published),
        "perfect": None,
    }
hows = [how for how in known["DE"] if how != "perfect"]

# %% [markdown]
# Without knowledge of the length, all jobs take part, with the mean lengths of their queues.
# Policies that need the true length are tried on jobs of up to a day, beyond which forecasts would have to reach too far.

# %%
in_2020 = (weeks >= 53) & (weeks < 102)
any_length = ["window, mean length", "saving per wait, mean length", "lowest slot", "threshold"]
groups = dict.fromkeys(any_length, in_2020)
groups |= dict.fromkeys(["window, true length", "wait awhile"], in_2020 & (length_h <= 24))

# %%
guessed = {}  # emissions of each week, all grids
for name, mask in groups.items():
    part = {z: trace.select(mask) for z, trace in traces.items()}
    for how in [*hows, "perfect"]:
        seen = {z: RULES[name](part[z], curves[z], forecast=known[z][how]) for z in curves}
        guessed[name, how] = sum(weekly(seen[z].emissions_g, weeks[mask]) for z in curves)

# %%
kept = partial(share_kept, block=block_weeks, seed=seed)
survives = {}
for name, mask in groups.items():
    now_g = sum(weekly(emitted[ASAP, z][mask], weeks[mask]) for z in curves)
    for how in hows:
        survives[name, how] = kept(now_g, guessed[name, how], guessed[name, "perfect"])

# %%
shares = pd.DataFrame({how: {n: survives[n, how].value for n in groups} for how in hows})
publish.table(shares, "{} [.0f %]", index="share of the saving kept")

# %% tags=["hide-input"]
marks = [("x", "rest"), ("s", "partial"), ("D", "jobs"), ("o", "model"), ("^", "forecast")]
marks = dict(zip(hows, marks, strict=True))
order = list(groups)[::-1]
named = [name.replace(", ", ",\n") for name in order]

# %% mystnb={"figure": {"caption": "Share of the saving with perfect knowledge that is kept when a policy decides on a forecast, with 95 % intervals over the weeks of 2020; all grids together. The last two policies know the true length and are tried on jobs of up to a day.", "name": "fig:waiting-forecasts"}, "image": {"alt": "Dot plot with policies on the vertical axis and the share of the saving kept on the horizontal one; for the window with mean length persistence lies at {num}`waiting_for_clean_power.kept_persistence`, yesterday at {num}`waiting_for_clean_power.kept_yesterday`, four weeks at {num}`waiting_for_clean_power.kept_four_weeks` and the regression at {num}`waiting_for_clean_power.kept_ridge`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 5.0))
for y, name in enumerate(order):
    for k, how in enumerate(hows):
        one, (mark, color) = survives[name, how], marks[how]
        height, look = y + 0.13 * (2 - k), {"color": COLORS[color]}
        ax.plot([one.low, one.high], [height] * 2, linewidth=1.4, **look)
        look["label"] = how if y == 0 else None
        ax.plot(one.value, height, mark, markersize=5, **look)
ax.set_yticks(range(len(order)), named)
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
FORECAST = {"years": (2020,), "weeks": 0, "future": "forecast"}

# %% tags=["hide-cell"]
for how, label in KEPT.items():
    for name, suffix in (("window, mean length", ""), ("wait awhile", "_paused")):
        claim = f"kept_{label}{suffix} [.0f %]: saving kept with {how}: {name}"
        about = FORECAST | ({"pauses": "free"} if suffix else {})
        numbers.record_table({claim: survives[name, how]}, scope=about)
_ = numbers.word("forecast_year", FORECAST["years"][0], "the year in which forecasts are judged")

# %% tags=["hide-cell"]
now_g, oracle_g = (sum(emitted[n, z][in_2020].sum() for z in curves) for n in (ASAP, "best start"))
with_mean = {how: guessed["window, mean length", how].sum() for how in ("regression", "perfect")}
practical, at_best = (100 * (1 - grams / now_g) for grams in with_mean.values())
regret = 100 * (with_mean["regression"] / oracle_g - 1)

# %% tags=["hide-cell"]
with_it = "in 2020 with a regression and the mean length"
numbers.record_table({f"practical [.1f %]: saved {with_it}": practical}, scope=FORECAST)
above = f"regret [.1f %]: emissions {with_it}, above the best start"
numbers.record_table({above: regret}, scope=FORECAST)
claim = "practical_perfect [.1f %]: saved in 2020 with the curve known and the mean length"
numbers.record_table({claim: at_best}, scope={"years": (2020,), "weeks": 0})

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
told = np.column_stack([caiso.at(issued), published.intensity_g_per_kwh[keep_2021]])
near = Forecasts(issued, near_s, told, "marginal", caiso.zone, published.source)

# %%
learned = np.arange(caiso.edges_s[0] + 10 * 24 * HOUR, issued[0] - 4 * HOUR, HOUR)
pacific = {"time_zone": "America/Los_Angeles"}
trained = forecasting.train(caiso, learned, near_s, **pacific)
short_forecasts = {
    "yesterday": forecasting.profile(caiso, issued, near_s, **pacific),
    "regression": trained.forecasts(caiso, issued),
    "as published": near,
    "perfect": None,
}

# %%
in_summer = drawn.select(drawn.week < 33)
there = in_summer.trace("2021-01-05", pacific["time_zone"], watts_per_core)
brief = there.length_s <= short_job_h * HOUR
brief_weeks = in_summer.week[brief]
short = there.select(brief).with_waits(short_wait_h * HOUR)

# %%
real_g = {
    how: policies.lowest_window(short, caiso, forecast=seen).emissions_g
    for how, seen in short_forecasts.items()
}

# %%
now_g = weekly(policies.no_wait(short, caiso).emissions_g, brief_weeks)
real = {how: weekly(grams, brief_weeks) for how, grams in real_g.items()}
keeps = {how: kept(now_g, grams, real["perfect"]) for how, grams in real.items()}
REAL = ("saved [.2f %]", "kept of the saving [.0f %]", "from [.0f %]", "to [.0f %]")

# %%
rows = {
    how: (100 * (1 - real[how].sum() / now_g.sum()), one.value, one.low, one.high)
    for how, one in keeps.items()
}
publish.table(pd.DataFrame(rows).T, REAL, index="forecast, short jobs")

# %%
told = {(how, caiso.zone): real_g[how] for how in ("yesterday", "as published")}

# %%
of_told = weekly_panel(told, brief_weeks).compare("emissions_g", "yesterday", unit="g")
direct = of_told.table.iloc[0]
publish.table(of_told.table, of_told.words(), index="against yesterday")

# %% [markdown]
# Longer waits need more than three hours.
# There the published forecast is followed by the profile of four weeks, and compared with that profile alone.

# %%
far_s = near_s[-1] + HOUR * np.arange(horizon_h - 2)
all_s = np.concatenate([near_s, far_s[1:]])
alone = forecasting.profile(caiso, issued, all_s, **weekly_mean, **pacific)
both = [near.intensity_g_per_kwh, alone.intensity_g_per_kwh[:, near_s.size - 1 :]]
then = "published, then four weeks"
stitched = Forecasts(issued, all_s, np.column_stack(both), "marginal", caiso.zone, then)

# %%
long = there.drop_uncovered(caiso)
long_weeks = drawn.week[long.job_id]
long_now = weekly(policies.no_wait(long, caiso).emissions_g, long_weeks)

# %%
choices = {"four weeks": alone, then: stitched, "perfect": None}
rule = RULES["window, mean length"]
long_g = {how: rule(long, caiso, forecast=seen).emissions_g for how, seen in choices.items()}
stitch = {how: weekly(grams, long_weeks) for how, grams in long_g.items()}
holds = {how: kept(long_now, grams, stitch["perfect"]) for how, grams in stitch.items()}

# %%
rows = {
    how: (100 * (1 - stitch[how].sum() / long_now.sum()), one.value, one.low, one.high)
    for how, one in holds.items()
}
publish.table(pd.DataFrame(rows).T, REAL, index="forecast, all jobs")

# %% mystnb={"figure": {"caption": "Share of the saving kept on the marginal rate of California in 2021. Above: jobs and waits within the three hours of the published forecasts. Below: all jobs with the waits of their queues.", "name": "fig:waiting-published"}, "image": {"alt": "Dot plot of the share of the saving kept with five kinds of forecast, each with an interval; three for short jobs above and two for all jobs below."}} tags=["hide-input"]
drawn_of = {"all jobs": (holds, "jobs"), "short jobs": (keeps, "marginal")}
rows = [
    (f"{group}: {how}", one, COLORS[color])
    for group, (of, color) in drawn_of.items()
    for how, one in of.items()
    if how != "perfect"
]
fig, ax = plt.subplots(figsize=(7.2, 3.0))
for y, (_, one, color) in enumerate(rows):
    ax.plot([one.low, one.high], [y, y], color=color, linewidth=2.2)
    ax.plot(one.value, y, "o", color=color, markersize=7)
ax.set_yticks(range(len(rows)), [name for name, *_ in rows])
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.axvline(100, color=COLORS["baseline"], linewidth=1)
ax.grid(axis="y", visible=False)
ax.set(xlabel="share of the saving kept, %")
plt.show()

# %% tags=["hide-cell"]
gain = (-direct["percent"], -direct["percent_high"], -direct["percent_low"])
claim = "saved by the published forecast instead of yesterday, paired by week"
numbers.record_table(
    {
        "real_length [.0f h]: longest job tried with published forecasts": short_job_h,
        "real_wait [.2f h]: longest wait tried with published forecasts": short_wait_h,
        f"real_gain [.1f %]: {claim}": gain,
    }
)
shown_there = not direct["percent_low"] <= 0 <= direct["percent_high"]
_ = numbers.fact("real_shown", shown_there, "the interval of real_gain excludes zero")

# %% tags=["hide-cell"]
claim = "_perfect [.1f %]: saved on the marginal rate with perfect knowledge, "
for label, base, of, shares in (
    ("real", now_g, real, keeps),
    ("stitched", long_now, stitch, holds),
):
    saved = 100 * (1 - of["perfect"].sum() / base.sum())
    numbers.record_table({f"{label}{claim}{label}": saved})
    guesses = {(how.replace(",", ""), how): one for how, one in shares.items() if how != "perfect"}
    numbers.record_table(guesses, f"{label}_{{}} [.0f %]: saving kept on the marginal rate: {{}}")

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
offset_s = (nights - pd.Timestamp("2020-01-01")).total_seconds()

# %%
half_hour = {"length_s": 0.5 * HOUR, "power_w": 1000.0}
flexible_h, nightly = np.arange(1, 9), {}
for z, curve in curves.items():
    due_s = epoch_seconds(on_calendar(offset_s, "2020-01-01", clocks[z]))
    fixed = Trace(due_s, **half_hour, longest_wait_s=0.0)
    due_g, saved = policies.start_at(fixed, curve, due_s).emissions_g.sum(), []
    for h in flexible_h:
        free = Trace(due_s - h * HOUR, **half_hour, longest_wait_s=2 * h * HOUR)
        moved_g = policies.lowest_slot(free, curve, step_s=HOUR / 2).emissions_g.sum()
        saved.append(100 * (1 - moved_g / due_g))
    nightly[z] = saved

# %%
nightly = pd.DataFrame(nightly, index=flexible_h)
publish.table(nightly.loc[[2, 8]], "{} [.1f %]", index="moved by at most [.0f h]")

# %%
RULES_OF_DUE = {
    "next workday": projects.next_workday,
    "semi-weekly": projects.next_weekday,
    "next day": projects.next_day_as_in_its_program,
}
ways = {"in one go": policies.lowest_window, "with pauses": policies.wait_awhile}

# %%
saved = {}
for z, curve in curves.items():
    made = projects.office_jobs(2020, clocks[z], seed=seed)
    for until, rule in RULES_OF_DUE.items():
        due = made.with_deadlines(rule(made.deadline_s, clocks[z])).drop_uncovered(curve)
        first_g = policies.no_wait(due, curve).emissions_g.sum()
        for how, policy in ways.items():
            planned_g = policy(due, curve).emissions_g.sum()
            saved.setdefault((until, how), {})[z] = 100 * (1 - planned_g / first_g)
by_rule = pd.DataFrame(saved)

# %%
asked = [(until, how) for until in ("next workday", "semi-weekly") for how in ways]
weekend = {how: by_rule["next workday", how] - by_rule["next day", how] for how in ways}
project = by_rule[asked]
publish.table(project, {of: f"{of[0]}, {of[1]} [.1f %]" for of in asked}, index="grid")

# %% tags=["hide-input"]
lines = {"next workday": "next\nworkday", "semi-weekly": "semi-\nweekly"}
below = [f"{lines[until]},\n{how.removeprefix('with ')}" for until, how in project]

# %% mystnb={"figure": {"caption": "Left: emissions of nightly jobs saved against how far they may be moved to either side of one o'clock; one line a grid. Right: savings of the project's jobs in each grid (dots) and their mean (bar).", "name": "fig:waiting-scenarios"}, "image": {"alt": "Left panel with one rising line of saving for each grid, their mean from {num}`waiting_for_clean_power.nightly_2h` at two hours to {num}`waiting_for_clean_power.nightly_8h` at eight; right panel with columns of dots, next workday and semi-weekly deadlines, each in one go and with pauses, their means from {num}`waiting_for_clean_power.project_next_workday_in_one_go` to {num}`waiting_for_clean_power.project_semi_weekly_with_pauses`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
axes[0].plot(nightly.index, nightly, color=COLORS["rest"], linewidth=1.1)
axes[0].plot(nightly.index, nightly.mean(axis=1), color=COLORS["jobs"], linewidth=2.4)
for z in {nightly.iloc[-1].idxmax(), nightly.iloc[-1].idxmin()}:
    figures.label_line(axes[0], 8, nightly[z].iloc[-1], z, COLORS["baseline"])
axes[0].set(xlabel="moved by at most, h", ylabel="emissions saved, %", ylim=(0, None), xlim=(1, 9))
for x, column in enumerate(project):
    color = COLORS["model"] if column[1] == "with pauses" else COLORS["jobs"]
    dots = {"color": color, "markersize": 4, "alpha": 0.6}
    axes[1].plot(np.full(len(project), x), project[column], "o", **dots)
    axes[1].plot([x - 0.3, x + 0.3], [project[column].mean()] * 2, color=color, linewidth=2.4)
axes[1].set_xticks(range(4), below, fontsize=8.5)
axes[1].grid(axis="x", visible=False)
axes[1].set(ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
claim = "nightly_{0}h [.1f %]: nightly jobs, moved by {0} h, mean of the grids"
numbers.record_table(nightly.loc[[2, 8]].mean(axis=1), claim)
generated = {"years": (2020,), "weeks": 0, "jobs": "generated jobs of a project"}
PROJECT = {"in one go": generated, "with pauses": generated | {"pauses": "free"}}

# %% tags=["hide-cell"]
for (until, how), saved in project.items():
    claim = f"project_{until.replace('-', ' ')}_{how} [.1f %]: project jobs, {until}, {how}, "
    numbers.record_table({claim + "mean of the grids": saved.mean()}, scope=PROJECT[how])
for how, points in weekend.items():
    claim = f"weekend_{how} [.1f points]: lost if Saturday counts as a workday, "
    meaning = f"as in the paper's program, {how}"
    numbers.record_table({claim + meaning: points.mean()}, scope=PROJECT[how])

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
saved = {}
for name in ("gaia-azure", "gaia-mustang", "gaia-pai"):
    cloud = datasets.job_log(name).jobs.iloc[::10]
    watts = cloud["processors"] * watts_per_core
    for z, curve in curves.items():
        first_s = pd.Timestamp("2020-01-01", tz=clocks[z]).timestamp() + HOUR
        all_of = Trace.by_length(first_s + cloud["submit_s"], cloud["run_s"], watts)
        covered = all_of.drop_uncovered(curve)
        asap_g = policies.no_wait(covered, curve).emissions_g.sum()
        for policy in shown:
            planned_g = RULES[policy](covered, curve).emissions_g.sum()
            saved.setdefault((name, policy), []).append(100 * (1 - planned_g / asap_g))

# %% tags=["download"]
clouds = pd.DataFrame({name: {p: np.mean(saved[name, p]) for p in shown} for name, _ in saved})
publish.table(clouds, "{} [.1f %]", index="saved, mean of the grids")

# %% tags=["hide-cell", "download"]
cloud_numbers = publish.Numbers(
    "waiting_for_clean_power"
)  # shown here, kept where files are missing
for name in clouds:
    told = clouds.loc[["window, mean length", "best start", "wait awhile"], name]
    codes = {(name.removeprefix("gaia-"), SHORT[p], name, p): v for p, v in told.items()}
    cloud_numbers.record_table(codes, "{0}_{1} [.1f %]: {2}: saved by {3}")
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
compared_how, *_ = compared.sentences
publish.table([(doubt,) for doubt in compared.doubts], [compared_how])

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
