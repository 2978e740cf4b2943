# %% [markdown]
# # When to start
#
# **Question.**
# A job that must run in one go may wait: when should it start, how much does waiting save, and does it matter that its power changes while it runs?
#
# **Answer.**
# Over {num}`when_to_start.grids` and {num}`when_to_start.years`, with the curve known beforehand, the best start within a day saves {num}`when_to_start.all_saving_24h` of the emissions of a job of {num}`when_to_start.length`, within four days {num}`when_to_start.all_saving_96h`.
# {if}`when_to_start.diminishing` Each further hour of waiting saves less than those before.
# Who plans with one constant power although the power changes loses {num}`when_to_start.loss_longest` when phases last {num}`when_to_start.longest_phase`.
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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.phases.model import Phase, PhaseModel
from helpers.schedule import best_start, best_starts

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
example = PhaseModel(
    name="example",
    startup=(),
    work=(
        Phase("prepare", 1.5 * HOUR, low_w),
        Phase("train", 2.25 * HOUR, high_w),
        Phase("evaluate", 1.0 * HOUR, low_w),
    ),
)
curve = datasets.carbon_intensity(zone, year, factors)
release = pd.Timestamp(f"{year}-06-17 00:20", tz="UTC")
deadline = release + pd.Timedelta(hours=24)
plan = best_start(example, curve, release, deadline)
profile = example.profile

# %% [markdown]
# A dense scan must find nothing better, and does not.

# %%
scan_h = np.linspace(0, 24 - example.duration_s / HOUR, 4001)
scan_s = release.timestamp() + scan_h * HOUR
scan_g = curve.emissions_of_profile_g(scan_s, profile.edges_s, profile.power_w)
best_s = float(plan.start_s[0])
best_g = float(curve.emissions_of_profile_g(best_s, profile.edges_s, profile.power_w))
best_h = (best_s - release.timestamp()) / HOUR
assert best_g <= scan_g.min() * (1 + 1e-9)
print(f"best start {best_h:.4f} h after the release: {best_g:.2f} g")
print(f"best of {scan_g.size:,} starts that were scanned: {scan_g.min():.2f} g")

# %% mystnb={"figure": {"caption": "Above: the intensity and the power of the job at its best start. Below: emissions against the start. They are straight between dots; at a dot a phase border meets an intensity step.", "name": "fig:start-kinks"}, "image": {"alt": "Two panels over one day; above, a stepped intensity curve with the stepped power of the job placed in its valley; below, a curve of straight pieces with a dot at each kink and the lowest dot marked."}} tags=["hide-input"]
meets_h = (curve.edges_s[None, :] - profile.edges_s[:, None] - release.timestamp()).ravel() / HOUR
meets_h = np.unique(meets_h[(meets_h >= 0) & (meets_h <= scan_h[-1])])
meets_g = curve.emissions_of_profile_g(
    release.timestamp() + meets_h * HOUR, profile.edges_s, profile.power_w
)
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.0), sharex=True)
hours = (curve.edges_s - release.timestamp()) / HOUR
axes[0].stairs(curve.intensity_g_per_kwh, hours, baseline=None, color=COLORS["average"])
shown = curve.window(release, deadline).intensity_g_per_kwh
axes[0].set(ylabel="intensity, g/kWh", ylim=(0, 1.1 * shown.max()), xlim=(0, 24))
power_ax = axes[0].twinx()
power_ax.stairs(
    profile.power_w, best_h + profile.edges_s / HOUR, color=COLORS["startup"], fill=True, alpha=0.35
)
power_ax.set(ylabel="power of the job, W", ylim=(0, 2.5 * high_w))
power_ax.grid(False)
axes[1].plot(scan_h, scan_g, color=COLORS["baseline"])
axes[1].plot(meets_h, meets_g, ".", color=COLORS["average"], markersize=5)
axes[1].plot(best_h, best_g, "o", color=COLORS["model"], markersize=8)
axes[1].set(xlabel="start after the release, h", ylabel="emissions, g")
figures.label_line(axes[1], best_h, best_g, "best start", COLORS["model"], xytext=(10, -2))
plt.show()

# %% tags=["hide-cell"]
here = {"grids": (zone,), "years": (year,), "weeks": 1}
meaning = "emissions of the example job, started at once"
numbers.record("example_now", scan_g[0], "g", 0, meaning, scope=here)
meaning = "emissions of the example job at its best start"
numbers.record("example_best", best_g, "g", 0, meaning, scope=here)
meaning = "border meets step, example"
numbers.record("example_candidates", len(meets_h), "starts", 0, meaning, scope=here)
numbers.word("place", datasets.place(zone), "the grid of the example")
_ = numbers.word("year", year, "the year of the example")

# %% [markdown]
# The example of {numref}`fig:start-kinks`, a day of June in {word}`when_to_start.place` in {word}`when_to_start.year`, has {num}`when_to_start.example_candidates` to compare; started at once it emits {num}`when_to_start.example_now`, at its best {num}`when_to_start.example_best`.

# %% [markdown]
# ## Longer waits, smaller gains
#
# Now many jobs: one arrives every seven hours, so that every hour of the day has its turn, through both years and in all grids.
# Each draws a constant kilowatt.
# The baseline is to start as soon as possible; a second one is to start at random within the same wait.

# %%
curves = {z: datasets.carbon_intensity(z, None, factors) for z in datasets.zones()}
waits_h = np.array([0, 1, 3, 6, 12, 24, 48, 96, 168])
lengths_h = sorted({1, 4, 12, 24, length_h})
first_s = max(c.edges_s[0] for c in curves.values())
last_s = min(c.edges_s[-1] for c in curves.values()) - (waits_h.max() + max(lengths_h)) * HOUR
arrivals_s = np.arange(first_s, last_s, 7 * HOUR)
week = ((arrivals_s - first_s) // (168 * HOUR)).astype(int)
print(f"{arrivals_s.size:,} arrivals in {week.max() + 1} weeks and {len(curves)} grids")

# %% tags=["hide-cell"]
numbers.record("grids", len(curves), "grids", 0, "grids compared")
numbers.record("years", len(datasets.years()), "years", 0, "years of their curves")


# %%
def weekly(values):
    """Return the mean over the arrivals of each week."""
    return np.bincount(week, values) / np.bincount(week)


now, best = {}, {}  # by grid, length, wait: mean emissions of each week [g]
for length in lengths_h:
    job = PhaseModel(name="constant", startup=(), work=(Phase("work", length * HOUR, 1000.0),))
    for name, signal in curves.items():
        for wait in waits_h:
            found = best_starts(job, signal, arrivals_s, arrivals_s + (wait + length) * HOUR)
            best[name, length, wait] = weekly(found.emissions_g)
            now[name, length, wait] = weekly(found.at_release_g)


# %%
def saving(names, length, wait):
    """Return the share saved [%], mean over grids, and its block-bootstrap interval by week."""
    was = np.stack([now[name, length, wait] for name in names])
    became = np.stack([best[name, length, wait] for name in names])

    def statistic(weeks, axis):
        drawn = weeks.astype(int)
        totals = (x[:, drawn].sum(axis=axis + 1) for x in (became, was))
        return 100 * (1 - np.divide(*totals)).mean(axis=0)

    weeks = np.arange(was.shape[1])
    return stats.block_bootstrap(
        weeks, block=block_weeks, seed=seed, statistic=statistic, resamples=1999
    )


grids = list(curves)
by_grid = pd.DataFrame(
    {
        z: [100 * (1 - best[z, length_h, w].sum() / now[z, length_h, w].sum()) for w in waits_h]
        for z in grids
    },
    index=waits_h,
)
overall = [saving(grids, length_h, w) for w in waits_h[1:]]
print(by_grid.round(1).T.rename_axis("grid").to_string())

# %% mystnb={"figure": {"caption": "Emissions saved by the best start against the longest wait; one line a grid. The thick line is the mean over the grids, the band its 95 % interval.", "name": "fig:start-waiting"}, "image": {"alt": "Curves of saving against longest wait up to a week, one for each grid and a thick mean with its band; the mean rises to {num}`when_to_start.all_saving_24h` within a day, {num}`when_to_start.all_saving_96h` within four and {num}`when_to_start.all_saving_168h` within a week."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
for name in grids:
    ax.plot(waits_h, by_grid[name], color=COLORS["rest"], linewidth=1.1)
for name in {by_grid.iloc[-1].idxmax(), by_grid.iloc[-1].idxmin()}:
    figures.label_line(ax, waits_h[-1], by_grid[name].iloc[-1], name, COLORS["baseline"])
ax.fill_between(
    waits_h[1:],
    [i.low for i in overall],
    [i.high for i in overall],
    color=COLORS["average"],
    alpha=0.25,
)
ax.plot(
    waits_h, by_grid.mean(axis=1), color=COLORS["average"], linewidth=2.6, marker="o", markersize=4
)
figures.label_line(ax, waits_h[-1], by_grid.mean(axis=1).iloc[-1], "mean", COLORS["average"])
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
numbers.record("length", length_h, "h", 0, "length of the job")
for wait in (6, 24, 96, 168):
    found = overall[list(waits_h[1:]).index(wait)]
    numbers.record(
        f"all_saving_{wait}h",
        by_grid.loc[wait].mean(),
        "%",
        1,
        f"saved by the best start within {wait} h, mean over the grids",
        interval=(found.low, found.high),
    )
    grams = np.mean([(now[z, length_h, wait] - best[z, length_h, wait]).mean() for z in grids])
    numbers.record(
        f"all_grams_{wait}h",
        grams / length_h,
        "g/kWh",
        0,
        f"the same in grams for each kilowatt-hour, within {wait} h",
    )
numbers.record(
    "lowest_24h",
    by_grid.loc[24].min(),
    "%",
    1,
    f"least of the grids ({by_grid.loc[24].idxmin()}), within 24 h",
)
numbers.record(
    "highest_24h",
    by_grid.loc[24].max(),
    "%",
    1,
    f"most of the grids ({by_grid.loc[24].idxmax()}), within 24 h",
)
random_s = arrivals_s + rng.uniform(0, 24 * HOUR, arrivals_s.size)
random_g = {
    z: c.emissions_g(random_s, random_s + length_h * HOUR, 1000.0) for z, c in curves.items()
}
random_saving = np.mean(
    [100 * (1 - weekly(g).sum() / now[z, length_h, 24].sum()) for z, g in random_g.items()]
)
meaning = "saved by a random start within 24 h, mean over the grids"
numbers.record("random_24h", random_saving, "%", 1, meaning, scope={"future": "unknown"})
mean_saved = by_grid.mean(axis=1)
an_hour = mean_saved.diff().iloc[1:].to_numpy() / np.diff(waits_h)
meaning = "an hour of waiting saves less the more one has waited, mean over the grids"
_ = numbers.fact("diminishing", (np.diff(an_hour[1:]) < 0).all(), meaning)

# %% [markdown]
# The curve known, six hours save {num}`when_to_start.all_saving_6h` ({num}`when_to_start.all_grams_6h`), a day {num}`when_to_start.all_saving_24h` ({num}`when_to_start.all_grams_24h`), four days {num}`when_to_start.all_saving_96h` and a week {num}`when_to_start.all_saving_168h` ({num}`when_to_start.all_grams_168h`).
# Within a day the grids range from {num}`when_to_start.lowest_24h` to {num}`when_to_start.highest_24h`.
# A random start saves {num}`when_to_start.random_24h`: waiting without looking at the curve does next to nothing.

# %% [markdown]
# ## Longer jobs save less
#
# A long job covers clean and dirty hours alike.

# %% mystnb={"figure": {"caption": "Mean saving over the grids against the longest wait, by length of the job.", "name": "fig:start-lengths"}, "image": {"alt": "Curves of mean saving against longest wait, one for each job length; shorter jobs lie above longer ones throughout."}} tags=["hide-input"]
by_length = pd.DataFrame(
    {
        n: [
            np.mean([100 * (1 - best[z, n, w].sum() / now[z, n, w].sum()) for z in grids])
            for w in waits_h
        ]
        for n in lengths_h
    },
    index=waits_h,
)
fig, ax = plt.subplots()
for n, shade in zip(lengths_h, np.linspace(1, 0.35, len(lengths_h)), strict=True):
    ax.plot(waits_h, by_length[n], color=COLORS["jobs"], alpha=shade, marker="o", markersize=3)
    figures.label_line(ax, waits_h[-1], by_length[n].iloc[-1], f"{n} h", COLORS["jobs"])
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
for n in (lengths_h[0], lengths_h[-1]):
    found = saving(grids, n, 24)
    numbers.record(
        "shortest_24h" if n == lengths_h[0] else "longest_24h",
        by_length.loc[24, n],
        "%",
        1,
        f"saved within 24 h by a job of {n} h, mean over the grids",
        interval=(found.low, found.high),
    )
numbers.record("shortest_length", lengths_h[0], "h", 0, "shortest job")
_ = numbers.record("longest_length", lengths_h[-1], "h", 0, "longest job")

# %% [markdown]
# Within a day a job of {num}`when_to_start.shortest_length` saves {num}`when_to_start.shortest_24h`, one of {num}`when_to_start.longest_length` {num}`when_to_start.longest_24h`.

# %% [markdown]
# ## Do phases matter?
#
# Give a planner the *constant twin*: the same length and energy, one power.
# Its start is charged with the real phases, and the loss is what that costs above the best start for the real job.
# The job is made up: two powers in turn, each phase equally long, from minutes to half the job.

# %%
phases_min = np.array([5, 15, 30, 60, 120, 180, 360]) * phased_h / 12


def alternating(phase_min):
    """Return a job of two powers in turn, high first."""
    count = round(phased_h * 60 / phase_min)
    return PhaseModel(
        name="alternating",
        startup=(),
        work=tuple(Phase("work", phase_min * 60, (high_w, low_w)[k % 2]) for k in range(count)),
    )


def compare(job, signal, releases_s):
    """Return mean emissions [g]: now, best, planned with the twin; longest wait 24 h."""
    deadlines_s = releases_s + job.duration_s + 24 * HOUR
    found = best_starts(job, signal, releases_s, deadlines_s)
    blind = best_starts(job.constant_twin("whole"), signal, releases_s, deadlines_s)
    blind_g = signal.emissions_of_profile_g(blind.start_s, job.profile.edges_s, job.profile.power_w)
    return found.at_release_g, found.emissions_g, blind_g


# %%
region = "CAISO_PGE"
signals = curves | {region: datasets.marginal_intensity(region)}
sparse_s = arrivals_s[::5]
marginal = signals[region]
stop_s = marginal.edges_s[-1] - (phased_h + 24) * HOUR
releases = dict.fromkeys(curves, sparse_s)
releases[region] = np.arange(marginal.edges_s[0], stop_s, 35 * HOUR)
rows = {}
for name, signal in signals.items():
    for phase in phases_min:
        rows[name, phase] = compare(alternating(phase), signal, releases[name])
loss = pd.DataFrame(
    {
        z: {m: 100 * (rows[z, m][2].mean() / rows[z, m][1].mean() - 1) for m in phases_min}
        for z in signals
    }
)
print(loss.round(3).rename_axis("phase [min]").T.to_string())

# %% mystnb={"figure": {"caption": "Emissions above the optimum when a job with phases is planned as if its power were constant, against the length of a phase. Grey: hourly averages of the grids. Thick: their mean. Second colour: a marginal rate in five-minute steps.", "name": "fig:start-phases"}, "image": {"alt": "Curves of loss against phase length on a logarithmic axis; their mean is {num}`when_to_start.loss_shortest` for phases of {num}`when_to_start.shortest_phase` and {num}`when_to_start.loss_longest` for phases of {num}`when_to_start.longest_phase`; the marginal rate, in another colour, lies higher."}} tags=["hide-input"]
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
for label, phase in ends.items():
    lost = np.stack([rows[z, phase][2] - rows[z, phase][1] for z in grids])
    share = 100 * (lost / np.stack([rows[z, phase][1].mean() for z in grids])[:, None]).mean(axis=0)
    found = stats.block_bootstrap(share, block=20, seed=seed, resamples=1999)
    numbers.record(
        f"loss_{label}",
        found.value,
        "%",
        2,
        f"lost by planning with the twin, phases of {phase:g} min, mean over the grids",
        interval=(found.low, found.high),
    )
    numbers.record(
        f"loss_{label}_grams",
        lost.mean(),
        "g",
        2,
        f"the same, grams a job, phases of {phase:g} min",
    )
    numbers.record(
        f"marginal_loss_{label}",
        loss.loc[phase, region],
        "%",
        2,
        f"the same on the marginal rate, phases of {phase:g} min",
        scope={"grids": (region,), "years": ()},
    )
numbers.record("shortest_phase", phases_min[0], "min", 0, "shortest phase tried")
numbers.record("longest_phase", phases_min[-1] / 60, "h", 0, "longest phase tried")
numbers.record("phased_length", phased_h, "h", 0, "length of the job whose phases are varied")
_ = numbers.record(
    "worst_loss",
    loss[grids].max().max(),
    "%",
    2,
    f"largest mean loss of a grid ({loss[grids].max().idxmax()})",
)

# %% [markdown]
# For a job of {num}`when_to_start.phased_length`, phases of {num}`when_to_start.shortest_phase` on hourly curves cost the blind planner {num}`when_to_start.loss_shortest` ({num}`when_to_start.loss_shortest_grams` a job): a phase much shorter than an intensity step is averaged away within it.
# Phases of {num}`when_to_start.longest_phase` cost {num}`when_to_start.loss_longest` ({num}`when_to_start.loss_longest_grams`), in the worst grid {num}`when_to_start.worst_loss`: then it matters which part of the job meets the valley.
# On the marginal rate, which changes every few minutes, the losses are {num}`when_to_start.marginal_loss_shortest` and {num}`when_to_start.marginal_loss_longest`.
#
# The measured training job has phases of seconds.

# %%
measured = datasets.phase_model("roberta")
near = zone if zone in signals else next(iter(signals))  # an own grid is in the example only
for name in (near, region):
    _, best_of, blind_of = compare(measured, signals[name], releases[name])
    label = "measured_loss" if name == near else "measured_loss_marginal"
    value = 100 * (blind_of.mean() / best_of.mean() - 1)
    numbers.record(label, value, "%", 3, f"lost by planning the measured job with its twin, {name}")
    print(f"{name}: {value:.4f} % lost, best {1000 * best_of.mean():.1f} mg a job")

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
