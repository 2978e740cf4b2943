# %% [markdown]
# # When to start
#
# **Question.**
# A job that must run in one go may wait: when should it start, how much does waiting save, and does it matter that its power changes while it runs?
#
# **Answer.**
# In the mean over all grids and years, with the curve known beforehand, the best start within a day saves {num}`when_to_start.all_saving_24h` of the emissions of a job of {num}`when_to_start.length`, within four days {num}`when_to_start.all_saving_96h`.
# {if}`when_to_start.diminishing` Each further hour of waiting saves less than those before.
# Who plans with one constant power although the power changes loses {num}`when_to_start.loss_longest` when phases are long.
#
# {opening}`fig:start-waiting`
#
# **You need.**
# {doc}`carbon_intensity` for the curves and {doc}`phase_model` for jobs with phases.
# The curve is taken as known beforehand, so that all savings here are upper bounds.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones()
year = 2020  # of the example; the rest uses all years
factors = "ipcc2014"  # or "srren2011", "unece2022"
length_h = 4  # length of the job [h]
high_w = 300.0  # power of the one kind of phase [W]
low_w = 60.0  # power of the other
phased_h = 12  # length of the job whose phases are varied [h]
block_weeks = 4  # weeks kept together by the bootstrap
seed = 1

# %% tags=["hide-input"]
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.phases import Phase, PhaseModel, fill
from helpers.schedule import best_start, best_starts, starts_of_twin

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
ALL = {"grids": datasets.zones(), "years": datasets.years()}
SCOPE = publish.Scope(**ALL, jobs="one job", pauses="none", future="known")
numbers = publish.Numbers("when_to_start", SCOPE)
rng = np.random.default_rng(seed)
HOUR = 3600.0

# %% [markdown]
# ## Why few starts suffice
#
# A job draws the power $p_l$ between its phase borders $e_{l-1}$ and $e_l$.
# Started at $s$, it emits
#
# $$
# f(s) = \sum_{l=1}^{m} p_l \int_{s+e_{l-1}}^{s+e_l} I(t)\,\mathrm{d}t .
# $$ (eq-start)
#
# Start a little later, and each border gives up intensity on one side and takes it on the other:
#
# $$
# f'(s) = \sum_{l=0}^{m} (p_l - p_{l+1})\, I(s + e_l), \qquad e_0 = p_0 = p_{m+1} = 0 .
# $$ (eq-start-slope)
#
# The intensity $I$ is a step function, so this slope stays the same until some border meets some step.
# Between such meetings $f$ is a straight line, and a straight line is lowest at one of its ends.
# So the best start lies where a phase border meets an intensity step, or at an end of the window: a finite list, and nothing need be sampled.

# %%
hours_and_watts = {"prepare": (1.5, low_w), "train": (2.25, high_w), "evaluate": (1.0, low_w)}
phases = [Phase(name, h * HOUR, watts) for name, (h, watts) in hours_and_watts.items()]
example = PhaseModel("example", [], phases)
curve = datasets.carbon_intensity(zone, year, factors)
release = pd.Timestamp(f"{year}-06-17 00:20", tz="UTC")

# %%
plan = best_start(example, curve, release, end_within="24h")
release_s, best_s = release.timestamp(), plan.start_s[0]
best_h = (best_s - release_s) / HOUR

# %% [markdown]
# A dense scan must find nothing better, and does not.

# %%
profile = (example.profile.edges_s, example.profile.power_w)
scan_h = np.linspace(0, 24 - example.duration_s / HOUR, 4001)
scan_g = curve.emissions_of_profile_g(release_s + scan_h * HOUR, *profile)
best_g = plan.emissions_g
assert best_g <= scan_g.min() * (1 + 1e-9)

# %%
publish.table(
    {
        "best start, after the release [.4f h]": best_h,
        "emissions then [.2f g]": best_g,
        f"least of {scan_g.size:,} starts that were scanned [.2f g]": scan_g.min(),
    }
)

# %% tags=["hide-input"]
meets_h = (curve.edges_s - example.profile.edges_s[:, None] - release_s).ravel() / HOUR
meets_h = np.unique(meets_h[(meets_h >= 0) & (meets_h <= scan_h[-1])])
meets_g = curve.emissions_of_profile_g(release_s + meets_h * HOUR, *profile)
shown = curve.window(release, release + pd.Timedelta(hours=24))

# %% mystnb={"figure": {"caption": "Above: the intensity and the power of the job at its best start. Below: emissions against the start. They are straight between dots; at a dot a phase border meets an intensity step.", "name": "fig:start-kinks"}, "image": {"alt": "Two panels over one day; above, a stepped intensity curve with the stepped power of the job placed in its valley; below, a curve of straight pieces with a dot at each kink and the lowest dot marked."}} tags=["hide-input"]
fig, (above, below) = plt.subplots(2, 1, figsize=(7.2, 5.0), sharex=True)
edges_h = (shown.edges_s - release_s) / HOUR
above.stairs(shown.intensity_g_per_kwh, edges_h, baseline=None, color=COLORS["average"])
top = 1.1 * shown.intensity_g_per_kwh.max()
above.set(ylabel="intensity, g/kWh", ylim=(0, top), xlim=(0, 24))
power_ax = above.twinx()
runs_h = best_h + example.profile.edges_s / HOUR
power_ax.stairs(profile[1], runs_h, color=COLORS["startup"], fill=True, alpha=0.35)
power_ax.set(ylabel="power of the job, W", ylim=(0, 2.5 * high_w))
power_ax.grid(False)
below.plot(scan_h, scan_g, color=COLORS["baseline"])
below.plot(meets_h, meets_g, ".", color=COLORS["average"], markersize=5)
below.plot(best_h, best_g, "o", color=COLORS["model"], markersize=8)
below.set(xlabel="start after the release, h", ylabel="emissions, g")
figures.label_line(below, best_h, best_g, "best start", COLORS["model"], xytext=(10, 9))
plt.show()

# %% tags=["hide-cell"]
here = {"grids": (zone,), "years": (year,), "weeks": 1}
numbers.record_table(
    {
        "example_now [.0f g]: emissions of the example job, started at once": scan_g[0],
        "example_best [.0f g]: emissions of the example job at its best start": best_g,
        "example_candidates [.0f starts]: border meets step, example": len(meets_h),
    },
    scope=here,
)
numbers.word("place", datasets.place(zone), "the grid of the example")
_ = numbers.word("year", year, "the year of the example")

# %% [markdown]
# The example of {numref}`fig:start-kinks`, a day of June in {word}`when_to_start.place` in {word}`when_to_start.year`, has {num}`when_to_start.example_candidates` to compare; started at once it emits {num}`when_to_start.example_now`, at its best {num}`when_to_start.example_best`.

# %% [markdown]
# ## Longer waits
#
# Now many jobs: one arrives every seven hours, so that every hour of the day has its turn, through both years and in all grids.
# Each draws a constant kilowatt.
# The baseline is to start as soon as possible; a second one is to start at random within the same wait.

# %%
curves = {z: datasets.carbon_intensity(z, None, factors) for z in datasets.zones()}
grids = list(curves)
waits_h = np.array([0, 1, 3, 6, 12, 24, 48, 96, 168])
lengths_h = sorted({1, 4, 12, 24, length_h})

# %%
first_s = max(c.edges_s[0] for c in curves.values())
last_s = min(c.edges_s[-1] for c in curves.values()) - (waits_h.max() + max(lengths_h)) * HOUR
arrivals_s = np.arange(first_s, last_s, 7 * HOUR)
week = ((arrivals_s - first_s) // (168 * HOUR)).astype(int)
publish.table({"jobs in each grid [.0f]": arrivals_s.size, "weeks [.0f]": week.max() + 1})

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "grids [.0f grids]: grids compared": len(curves),
        "years [.0f years]: years of their curves": len(datasets.years()),
    }
)

# %% [markdown]
# Each job is placed exactly; what counts is the mean of each week's jobs, started at once and at their best.

# %%
jobs = {n: PhaseModel("constant", [], [Phase("work", n * HOUR, 1000.0)]) for n in lengths_h}
per_week, now, best = np.bincount(week), {}, {}  # mean emissions of each week [g]
for case in product(grids, lengths_h, waits_h):
    name, length, wait = case
    ends_s = arrivals_s + (wait + length) * HOUR
    found = best_starts(jobs[length], curves[name], arrivals_s, ends_s)
    best[case] = np.bincount(week, found.emissions_g) / per_week
    now[case] = np.bincount(week, found.at_release_g) / per_week

# %%
case_of = ["grid", "length", "wait"]
tables = (pd.DataFrame(x).rename_axis(columns=case_of).sort_index(axis=1) for x in (now, best))
now, best = tables
saved_g = now - best
shares = 100 * saved_g.sum() / now.sum()  # of each grid, length and wait [%]
by_grid = pd.DataFrame({z: shares[z, length_h] for z in grids})

# %% [markdown]
# Weeks resemble their neighbours, so weeks that follow each other are kept together when they are resampled, the same ones in all grids.

# %%
overall, resampled = {}, {"block": block_weeks, "seed": seed, "resamples": 1999}
for case in [*product([length_h], waits_h[1:]), *product(lengths_h, [24])]:
    at = {"key": case, "axis": 1, "level": ["length", "wait"]}
    saved, was = 100 * saved_g.xs(**at).T, now.xs(**at).T
    overall[case] = stats.ratio_of_sums(saved, was, **resampled)

# %%
publish.table(by_grid.T, {w: f"within {w} h [.1f %]" for w in waits_h[1:]}, index="grid")

# %% mystnb={"figure": {"caption": "Emissions saved by the best start against the longest wait; one line a grid. The thick line is the mean over the grids, the band its 95 % interval.", "name": "fig:start-waiting"}, "image": {"alt": "Curves of saving against longest wait up to a week, one for each grid and a thick mean with its band; the mean rises to {num}`when_to_start.all_saving_24h` within a day, {num}`when_to_start.all_saving_96h` within four and {num}`when_to_start.all_saving_168h` within a week."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
last, mean, blue = by_grid.iloc[-1], by_grid.mean(axis=1), COLORS["average"]
ax.plot(waits_h, by_grid, color=COLORS["rest"], linewidth=1.1)
for name in {last.idxmax(), last.idxmin()}:
    figures.label_line(ax, waits_h[-1], last[name], name, COLORS["baseline"])
band = [overall[length_h, wait] for wait in waits_h[1:]]
low, high = [found.low for found in band], [found.high for found in band]
ax.fill_between(waits_h[1:], low, high, color=blue, alpha=0.25)
ax.plot(waits_h, mean, color=blue, linewidth=2.6, marker="o", markersize=4)
figures.label_line(ax, waits_h[-1], mean.iloc[-1], "mean", blue)
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
grams = saved_g.xs(length_h, axis=1, level="length").mean().groupby("wait").mean() / length_h
claims = {"length [.0f h]: length of the job": length_h}
for wait in (6, 24, 96, 168):
    text = f"saved by the best start within {wait} h, mean over the grids"
    claims[f"all_saving_{wait}h [.1f %]: {text}"] = overall[length_h, wait]
    text = f"the same in grams for each kilowatt-hour, within {wait} h"
    claims[f"all_grams_{wait}h [.0f g/kWh]: {text}"] = grams[wait]
numbers.record_table(claims)

# %% tags=["hide-cell"]
day = by_grid.loc[24]
numbers.record_table(
    {
        f"lowest_24h [.1f %]: least of the grids ({day.idxmin()}), within 24 h": day.min(),
        f"highest_24h [.1f %]: most of the grids ({day.idxmax()}), within 24 h": day.max(),
    }
)

# %%
random_s = arrivals_s + rng.uniform(0, 24 * HOUR, arrivals_s.size)
random_saving = {}
for name, signal in curves.items():
    random_g = signal.emissions_g(random_s, random_s + length_h * HOUR, 1000.0)
    week_g = np.bincount(week, random_g) / per_week
    random_saving[name] = 100 * (1 - week_g.sum() / now[name, length_h, 24].sum())
random_24h = np.mean(list(random_saving.values()))
publish.table({"saved by a random start within a day, mean over the grids [.2f %]": random_24h})

# %% tags=["hide-cell"]
claim = "random_24h [.1f %]: saved by a random start within 24 h, mean over the grids"
numbers.record_table({claim: random_24h}, scope={"future": "unknown"})
an_hour = mean.diff().iloc[1:].to_numpy() / np.diff(waits_h)
meaning = "an hour of waiting saves less the more one has waited, mean over the grids"
numbers.fact("diminishing", (np.diff(an_hour[1:]) < 0).all(), meaning)
meaning = "a random start changes emissions by under a twentieth of what the best start saves"
_ = numbers.fact("random_is_nothing", abs(random_24h) < day.mean() / 20, meaning)

# %% [markdown]
# The same for each grid by itself, by length of the job: {doc}`your_grid`.
#
# The curve known, six hours save {num}`when_to_start.all_saving_6h` ({num}`when_to_start.all_grams_6h`), a day {num}`when_to_start.all_saving_24h` ({num}`when_to_start.all_grams_24h`), four days {num}`when_to_start.all_saving_96h` and a week {num}`when_to_start.all_saving_168h` ({num}`when_to_start.all_grams_168h`).
# Within a day the grids range from {num}`when_to_start.lowest_24h` to {num}`when_to_start.highest_24h`.
# A random start saves {num}`when_to_start.random_24h`.
# {if}`when_to_start.random_is_nothing` Waiting without looking at the curve does next to nothing.

# %% [markdown]
# ## Longer jobs
#
# A long job covers clean and dirty hours alike.

# %% mystnb={"figure": {"caption": "Mean saving over the grids against the longest wait, by length of the job.", "name": "fig:start-lengths"}, "image": {"alt": "Curves of mean saving against longest wait, one for each job length; {if}`when_to_start.short_save_more` shorter jobs lie above longer ones throughout."}} tags=["hide-input"]
of_length = {n: shares.xs(n, level="length").groupby("wait").mean() for n in lengths_h}
by_length = pd.DataFrame(of_length)
fig, ax = plt.subplots()
for n, shade in zip(lengths_h, np.linspace(1, 0.35, len(lengths_h)), strict=True):
    ax.plot(waits_h, by_length[n], color=COLORS["jobs"], alpha=shade, marker="o", markersize=3)
    figures.label_line(ax, waits_h[-1], by_length[n].iloc[-1], f"{n} h", COLORS["jobs"])
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
ends_h = {"shortest": lengths_h[0], "longest": lengths_h[-1]}
claim = "{0}_24h [.1f %]: saved within 24 h by a job of {1} h, mean over the grids"
numbers.record_table({(end, n): overall[n, 24] for end, n in ends_h.items()}, claim)
numbers.record_table(ends_h, "{0}_length [.0f h]: {0} job")
falls = (by_length.loc[waits_h[1:], lengths_h].diff(axis=1).iloc[:, 1:] < 0).all(axis=None)
_ = numbers.fact("short_save_more", falls, "a shorter job saves more, at every longest wait")

# %% [markdown]
# Within a day a job of {num}`when_to_start.shortest_length` saves {num}`when_to_start.shortest_24h`, one of {num}`when_to_start.longest_length` {num}`when_to_start.longest_24h`.
# {if}`when_to_start.short_save_more` Longer jobs save less, whatever the longest wait.

# %% [markdown]
# ## Do phases matter?
#
# Give a planner the *constant twin*: the same length and energy, one power.
# Its start is charged with the real phases, and the loss is what that costs above the best start for the real job.
# The job is made up: two powers in turn, each phase equally long, from minutes to half the job.

# %%
phases_min = np.array([5, 15, 30, 60, 120, 180, 360]) * phased_h / 12
alternating = {}
for m in phases_min:
    pair = [Phase("work", 60 * m, watts) for watts in (high_w, low_w)]
    alternating[m] = PhaseModel("alternating", [], fill(pair, phased_h * HOUR))

# %% [markdown]
# Beside the grids' hourly averages stands a marginal rate that changes every five minutes: that of {word}`when_to_start.region`, the one that {doc}`carbon_intensity` has.

# %%
region = "CAISO_PGE"
signals = curves | {region: datasets.marginal_intensity(region)}
first_s, stop_s = signals[region].edges_s[[0, -1]]
releases = dict.fromkeys(curves, arrivals_s[::5])
releases[region] = np.arange(first_s, stop_s - (phased_h + 24) * HOUR, 35 * HOUR)

# %%
known_g, blind_g = {}, {}  # emissions of each job [g], planned with its phases and without
for name, m in product(signals, phases_min):
    job = alternating[m]
    window = (releases[name], releases[name] + job.duration_s + 24 * HOUR)
    known_g[name, m] = best_starts(job, signals[name], *window).emissions_g
    blind_g[name, m] = starts_of_twin(job, signals[name], *window).emissions_g

# %%
loss = pd.DataFrame(index=phases_min, columns=list(signals), dtype=float)
for name, m in product(signals, phases_min):
    loss.loc[m, name] = 100 * (blind_g[name, m].mean() / known_g[name, m].mean() - 1)
publish.table(loss.T, {m: f"phases of {m:g} min [.3f %]" for m in phases_min}, index="lost in")

# %% mystnb={"figure": {"caption": "Emissions above the optimum when a job with phases is planned as if its power were constant, against the length of a phase. Grey: hourly averages of the grids. Thick: their mean. Second colour: a marginal rate in five-minute steps.", "name": "fig:start-phases"}, "image": {"alt": "Curves of loss against phase length on a logarithmic axis; their mean is {num}`when_to_start.loss_shortest` for phases of {num}`when_to_start.shortest_phase` and {num}`when_to_start.loss_longest` for phases of {num}`when_to_start.longest_phase`; {if}`when_to_start.marginal_loses_more` the marginal rate, in another colour, lies higher."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
mean_loss = loss[grids].mean(axis=1)
ax.plot(loss.index, loss[grids], color=COLORS["rest"], linewidth=1.1)
ax.plot(loss.index, mean_loss, color=COLORS["average"], linewidth=2.6, marker="o", markersize=4)
ax.plot(loss.index, loss[region], color=COLORS["marginal"], marker="o", markersize=4)
figures.label_line(ax, loss.index[-1], mean_loss.iloc[-1], "grids, mean", COLORS["average"])
figures.label_line(ax, loss.index[-1], loss[region].iloc[-1], "marginal", COLORS["marginal"])
ax.set_xscale("log")
ax.set_xticks(loss.index, [f"{m:g} min" if m < 60 else f"{m / 60:g} h" for m in loss.index])
ax.minorticks_off()
ax.set(xlabel="length of a phase", ylabel="emissions above the optimum, %", ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
ends = {"shortest": phases_min[0], "hour": phases_min[3], "longest": phases_min[-1]}
lost_g = {m: np.stack([blind_g[z, m] - known_g[z, m] for z in grids]) for m in ends.values()}
mean_g = {m: np.array([known_g[z, m].mean() for z in grids]) for m in ends.values()}

# %% tags=["hide-cell"]
for end, m in ends.items():
    of_best = 100 * (lost_g[m] / mean_g[m][:, None]).mean(axis=0)
    share = stats.block_bootstrap(of_best, block=20, seed=seed, resamples=1999)
    text = f"lost by planning with the twin, phases of {m:g} min, mean over the grids"
    numbers.record_table({f"loss_{end} [.2f %]: {text}": share})
    text = f"the same, grams a job, phases of {m:g} min"
    numbers.record_table({f"loss_{end}_grams [.2f g]: {text}": lost_g[m].mean()})
    text = f"marginal_loss_{end} [.2f %]: the same on the marginal rate, phases of {m:g} min"
    abroad = {"grids": (region,), "years": ()}
    numbers.record_table({text: loss.loc[m, region]}, scope=abroad)

# %% tags=["hide-cell"]
worst = loss[grids].max()
numbers.record_table(
    {
        "shortest_phase [.0f min]: shortest phase tried": phases_min[0],
        "longest_phase [.0f h]: longest phase tried": phases_min[-1] / 60,
        "phased_length [.0f h]: length of the job whose phases are varied": phased_h,
        f"worst_loss [.2f %]: largest mean loss of a grid ({worst.idxmax()})": worst.max(),
    }
)

# %% tags=["hide-cell"]
numbers.word("region", datasets.place(region), "whose marginal rate stands beside the grids")
higher = (loss[region] > loss[grids].mean(axis=1)).all()
numbers.fact("marginal_loses_more", higher, "more is lost on the marginal rate, whatever the phase")
mean_loss = loss[grids].mean(axis=1)
more = mean_loss.diff().iloc[1:].gt(-1e-9).all() and mean_loss.iloc[-1] > 0.01
_ = numbers.fact("long_phases_lose_more", more, "no shorter phases lose more, mean over the grids")

# %% [markdown]
# For a job of {num}`when_to_start.phased_length`, phases of {num}`when_to_start.shortest_phase` on hourly curves cost the blind planner {num}`when_to_start.loss_shortest` ({num}`when_to_start.loss_shortest_grams` a job): a phase much shorter than an intensity step is averaged away within it.
# Phases of {num}`when_to_start.longest_phase` cost {num}`when_to_start.loss_longest` ({num}`when_to_start.loss_longest_grams`), in the worst grid {num}`when_to_start.worst_loss`.
# {if}`when_to_start.long_phases_lose_more` The longer the phases, the more it matters which part of the job meets the valley.
# On the marginal rate, which changes every few minutes, the losses are {num}`when_to_start.marginal_loss_shortest` and {num}`when_to_start.marginal_loss_longest`.
#
# The measured training job has phases of seconds.

# %%
measured = datasets.phase_model("roberta")
near = zone if zone in signals else grids[0]  # an own grid is in the example only
measured_loss = {}
for name in (near, region):
    window = (releases[name], releases[name] + measured.duration_s + 24 * HOUR)
    best_of = best_starts(measured, signals[name], *window).emissions_g
    blind_of = starts_of_twin(measured, signals[name], *window).emissions_g
    measured_loss[name] = 100 * (blind_of.mean() / best_of.mean() - 1)
publish.table({f"lost on {name} [.4f %]": lost for name, lost in measured_loss.items()})

# %% tags=["hide-cell"]
named = {"measured_loss": near, "measured_loss_marginal": region}
claim = "{0} [.3f %]: lost by planning the measured job with its twin, {1}"
numbers.record_table({item: measured_loss[item[1]] for item in named.items()}, claim)

# %% [markdown]
# It loses {num}`when_to_start.measured_loss` on the hourly curve and {num}`when_to_start.measured_loss_marginal` on the marginal rate.

# %% [markdown]
# (limits-when-to-start)=
# ## What could be wrong
#
# * **Perfect knowledge.** The planner knows the curve; with forecasts all savings shrink, most of all those of long waits.
# * **Room for every job.** No job waits for a machine here, and none is in the way of another.
# * **Made-up phases.** The phase lengths are swept with two powers in turn, high first; other shapes lose other amounts.
# * **Averages and margins.** Savings on average intensity are what the books show; the losses on the two kinds of intensity must not be compared as grams.
# * **Start times only.** A job that may pause can do better.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=when_to_start P="zone=FR"
# make run CHAPTER=when_to_start P="low_w=0 high_w=400"
# ```
#
# 1. In which grid is a wait of three hours worth most, and why?
# 2. Raise `low_w` to `high_w`: what must the loss be, and is it?
# 3. Set `length_h` to a whole day: what is left to gain within a day?
#
# ## The numbers of this chapter

# %%
numbers
