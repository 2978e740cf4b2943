# ---
# jupyter:
#   book:
#     downloads: [opitz-2024-power]
# ---

# %% [markdown]
# # A model with phases
#
# **Question.**
# Which simple model of a job's power is good enough?
#
# **Answer.**
# Second by second a model of phases errs by {num}`phase_model.rmse_phases` and one constant power by {num}`phase_model.rmse_constant`.
# For a job's emissions that matters little, since a grid's intensity is known by the hour.
# It matters where jobs stop and resume: the constant puts the price of starting again at {num}`phase_model.restart_constant` instead of {num}`phase_model.restart`.
#
# {opening}`fig:phases-stop`
#
# **You need.**
# *Power* is energy per time, 1 W = 1 J/s.
# The *root mean square error* (RMSE) of a predicted power weighs large errors more than the *mean absolute error* (MAE); both are in watts.
# *Leave one out* means that every run is predicted by a model fitted to all the others.

# %% tags=["parameters"]
folds = 5  # folds of the second cross-validation
smallest_step_w = 20.0  # step of power that is worth a change point
shortest_s = 2.0  # shortest time between two change points
tolerance_s = 1.0  # how far a change point may lie from an event
cell_s = 0.25  # cells of the curves that are warped
warp_s = 3.0  # farthest that time may be warped
zone = "DE"  # grid of the emissions
year = 2020  # 2019 or 2020
longest_wait_h = 24  # how long a job may be held back
starts_sampled = 300  # start times for jobs of many epochs
seed = 1

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.phases import Phase, Profile, Repeat, generic_ml, validate
from helpers.phases.changes import find_changes, score_runs, segment
from helpers.phases.fit import fit_model
from helpers.power import stack

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("phase_model", publish.Scope(jobs="one training job"))
numbers.word("place", datasets.place(zone), "the grid of the emissions")
_ = numbers.word("year", year, "the year of its curve")

# %% [markdown]
# ## What a phase model is
#
# A job has three parts.
# Its *start-up* phases run whenever it starts and again at every resume: importing libraries, loading data, building the model.
# Its *work* phases run once and in order; some of them end in a *checkpoint*, which is all that a stop keeps.
# Its *end* phases run once all work is done.
# Each phase has a name, a duration and a power, and phases nest: an epoch of three phases repeated so many times is one repeat.
# Many training jobs look alike, so there is a generic profile to begin with ({numref}`fig:phases-generic`).

# %%
generic = generic_ml(epochs=3)
epoch = generic.work[0]
parts = {"start-up": generic.startup, f"work, {epoch.times} times": epoch.phases}
parts |= {"end": generic.end}

# %%
phases = [
    (part, p.name, p.duration_s, p.power_w, "yes" if p.checkpoint else "no")
    for part, phases in parts.items()
    for p in phases
]

# %%
heads = ["duration [.1f s]", "power [.1f W]", "ends in a checkpoint"]
publish.table(phases, ["part", "phase", *heads])

# %% mystnb={"figure": {"caption": "The generic machine-learning profile with three epochs: start-up, work (train, evaluate, save), end. Triangles: checkpoints. Dashed: one constant power with the same energy.", "name": "fig:phases-generic"}, "image": {"alt": "Step curve of power over time: a long low start-up, then three epochs that each rise to a high plateau for training and fall in two steps for evaluation and saving, then a short end; a dashed horizontal line shows the mean."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
profile, begin_s = generic.profile, 0.0
for part, text in (("startup", "start-up"), ("work", "work"), ("end", "end")):
    piece = getattr(generic, f"{part}_profile")
    edges = begin_s + piece.edges_s
    ax.stairs(piece.power_w, edges, fill=True, color=COLORS[part])
    ax.text(edges.mean(), -9, text, color=COLORS["baseline"], ha="center", va="top", fontsize=9.5)
    begin_s = edges[-1]
marks = generic.startup_profile.duration_s + generic.work_profile.checkpoints_s
ax.plot(marks, np.full(marks.size, 10), "^", color="white", markersize=8)
for row in (1, 2, 3):
    middle = profile.edges_s[row : row + 2].mean()
    label = {"color": "white", "rotation": 90, "ha": "center", "va": "top", "fontsize": 9}
    ax.text(middle, profile.power_w[row] - 8, profile.names[row], **label)
ax.axhline(generic.mean_power_w, color=COLORS["baseline"], linestyle="--", linewidth=1.2)
ax.text(0.5, generic.mean_power_w + 5, "constant, equal energy", color=COLORS["baseline"])
ax.set(ylabel="power [W]", xlim=(0, generic.duration_s + 0.5), ylim=(0, 260))
ax.set_xlabel("time [s]", labelpad=2)
ax.tick_params(axis="x", pad=18)
plt.show()

# %% [markdown]
# ## Fitted to repeated runs
#
# The measurements are those of a published thesis {cite}`opitz2024`: a small language model (RoBERTa) is fine-tuned for five epochs on a desktop with one GPU, the power of the whole machine is read at the wall socket some twenty times a second, and the program stamps events into a file.
# A *plan* says which event ends which phase, and what is repeated; below, `{round}` stands for the number of the epoch.
# An event that is not expected is an error, so that a run which went another way is never fitted by mistake.

# %%
plan = datasets.power_plan("roberta_full")
spans = [
    (part, span.name, span.until, loop.times if loop else 1)
    for part, span, loop, number in plan.spans()
    if number == 1
]
publish.table(spans, ["part", "phase", "until the event", "times [.0f]"])

# %%
repeats = datasets.power_runs()["roberta_full"]
runs = [repeats[key] for key in sorted(repeats)]
fit, pooled = fit_model(runs, plan), fit_model(runs, plan, pool=True)
model = fit.model

# %%
samples = sum(run.time_s.size for run in runs)
publish.table({"runs [.0f]": len(runs), "samples [.0f]": samples})

# %%
heads = {"phase": "phase, of any epoch", "n": "occurrences [.0f]"}
for what, unit in (("duration", "s"), ("power", "W"), ("energy", "J")):
    column = f"{what}_{unit.lower()}"
    heads[column] = f"{what} [.2f {unit}]"
    heads[column.replace(what, f"{what}_sd")] = f"its standard deviation [.2f {unit}]"
publish.table(pooled.spread, heads)

# %% mystnb={"figure": {"caption": "Power of the whole runs (grey, means over a quarter of a second) and the model fitted to them (line). Shaded: start-up, work and end.", "name": "fig:phases-runs"}, "image": {"alt": "Grey curves of all runs lie almost on each other: low during start-up, then five epochs of a high plateau and a lower foot; a coloured step line runs through them; the curves spread sideways where epochs begin and end."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
stacked = stack(dict(enumerate(runs)), step_s=0.25, start_s=25, stop_s=120)
middle_s = (stacked.edges_s[:-1] + stacked.edges_s[1:]) / 2 - plan.start
ax.plot(middle_s, stacked.power_w.T, color=COLORS["idle"], linewidth=0.5, alpha=0.6)
levels = {"color": COLORS["model"], "baseline": None, "linewidth": 1.8}
ax.stairs(model.profile.power_w, model.profile.edges_s, **levels)
begin_s = 0.0
for part, text in (("startup", "start-up"), ("work", "work"), ("end", "end")):
    end_s = begin_s + getattr(model, f"{part}_profile").duration_s
    ax.axvspan(begin_s, end_s, color=COLORS[part], alpha=0.13, linewidth=0)
    ax.text((begin_s + end_s) / 2, 272, text, color=COLORS["baseline"], ha="center", fontsize=9.5)
    begin_s = end_s
ax.set(xlabel="time since the program was started [s]", ylabel="power [W]")
ax.set(xlim=(-5, 90), ylim=(0, 290))
plt.show()

# %% tags=["hide-cell"]
published = datasets.phase_model("roberta")
off_s = np.abs(np.diff(model.profile.edges_s) - np.diff(published.profile.edges_s)).max()
off_w = np.abs(model.profile.power_w - published.profile.power_w).max()

# %% tags=["hide-cell"]
total_s = np.diff(fit.borders_s[:, [0, -1]], axis=1).ravel()
loading_s = np.diff(fit.borders_s, axis=1)[:, 1]
loading_share = np.corrcoef(total_s, loading_s)[0, 1] ** 2
startup = model.startup_profile
other_sd = fit.spread["duration_sd_s"].drop(index=1).max()

# %% tags=["hide-cell"]
last_s = fit.borders_s[:, -1]
idle_w = [r.power_w[abs(r.time_s - plan.start + 6) < 5].mean() for r in runs]
after_w = [r.power_w[r.time_s > s + 5].mean() for r, s in zip(runs, last_s, strict=True)]
published_kj, spread_s = published.energy_j / 1e3, loading_s.std(ddof=1)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "runs [.0f runs]: whole runs the model is fitted to": len(runs),
        "energy [.2f kJ]: energy of the fitted model, idle power included": model.energy_j / 1e3,
        "energy_published [.2f kJ]: energy of the published model": published_kj,
        "idle [.1f W]: mean power in ten seconds before the program": np.mean(idle_w),
        "after [.1f W]: mean power from 5 s after the last event on": np.mean(after_w),
        "duration [.1f s]: duration of the fitted model": model.duration_s,
        "mean_power [.1f W]: mean power of the fitted model": model.mean_power_w,
        "off_duration [.0f ms]: largest difference of a duration to the published": 1e3 * off_s,
        "off_power [.1f W]: largest difference of a power to the published": off_w,
        "loading_sd [.2f s]: standard deviation of loading data, run by run": spread_s,
        "other_sd [.2f s]: largest standard deviation of any other phase": other_sd,
    }
)
claim = "loading_share [.0f %]: share of the variance of durations it explains"
numbers.record_table({claim: 100 * loading_share})

# %% [markdown]
# {numref}`fig:phases-runs` shows the runs and the model.
# The model lasts {num}`phase_model.duration` at {num}`phase_model.mean_power` in the mean, of {num}`phase_model.runs`.
# Its energy is by construction the mean energy of the runs, {num}`phase_model.energy`; the published model has {num}`phase_model.energy_published`.
# No duration differs from the published table by more than {num}`phase_model.off_duration`, no power by more than {num}`phase_model.off_power`.

# %% mystnb={"figure": {"caption": "How far each run lies from the mean of all, phase by phase: duration (left) and mean power (right). One dot a run.", "name": "fig:phases-spread"}, "image": {"alt": "Two strip plots with a row for each phase; left, durations: loading data scatters widest, evaluation less, training and saving hardly at all; right, power: evaluation scatters most."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.8), sharey=True)
durations = np.diff(fit.borders_s, axis=1)
rows = np.arange(durations.shape[1])
panels = {"duration [s]": durations, "power [W]": fit.phase_j / durations}
for ax, (unit, values) in zip(axes, panels.items(), strict=True):
    for row, part in zip(rows, fit.spread["part"], strict=True):
        away, color = values[:, row] - values[:, row].mean(), COLORS[part]
        ax.plot(away, np.full(len(runs), row), "o", color=color, markersize=5, alpha=0.5, mew=0)
    ax.axvline(0, color=COLORS["baseline"], linewidth=0.8)
    ax.set(xlabel=f"run \N{MINUS SIGN} mean, {unit}")
    ax.grid(axis="y", visible=False)
axes[0].set_yticks(rows, fit.spread["phase"], fontsize=9)
axes[0].invert_yaxis()
plt.show()

# %% [markdown]
# Phases are steady with two exceptions ({numref}`fig:phases-spread`).
# Loading the data has a standard deviation of {num}`phase_model.loading_sd`, where that of no other phase is above {num}`phase_model.other_sd`; this one phase explains {num}`phase_model.loading_share` of the variance of the run times.
# Evaluations scatter because they are short: the border between high and low power lies inside them, and where exactly decides about their mean.

# %% [markdown]
# ## Without events
#
# Few programs stamp events.
# *Change points* are found from the power alone: the curve is cut wherever two levels describe it so much better than one that the step is worth a cut, for the smallest step and the shortest level one cares for ({numref}`fig:phases-changes`) {cite}`killick2012,truong2020`.

# %%
example = 0
changes_s = find_changes(runs[example], smallest_step_w=smallest_step_w, shortest_s=shortest_s)
levels = segment(runs[example], changes_s)
found = [(i, p.duration_s, p.power_w) for i, p in enumerate(levels.phases)]
heads = ["change points before it [.0f]", "duration [.1f s]", "power [.0f W]"]
publish.table(found, heads, caption=f"Levels of run {example}.")

# %% mystnb={"figure": {"caption": "One run (grey), the levels between the change points found in it (line), and the events it was not told about (ticks below).", "name": "fig:phases-changes"}, "image": {"alt": "Grey power curve of one run with idle before and after; a step line follows start, plateaus and feet of five epochs and the end; event ticks below lie close to the steps, except those between evaluation and saving where power does not change."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
run = runs[example]
ax.plot(run.time_s - plan.start, run.power_w, color=COLORS["rest"], linewidth=0.6)
line = {"color": COLORS["model"], "baseline": None, "linewidth": 1.8}
ax.stairs(levels.power_w, levels.edges_s - plan.start, **line)
borders = fit.borders_s[example] - plan.start
ax.plot(borders, np.full(borders.size, 8), "|", color=COLORS["baseline"], markersize=11, mew=1.4)
ax.text(-29, 8, "events", color=COLORS["baseline"], va="center", fontsize=9.5)
ax.set(xlabel="time since the program was started [s]", ylabel="power [W]", ylim=(0, 290))
ax.set_xlim(-30, run.duration_s - plan.start)
plt.show()

# %%
steps_w = np.array([5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160])
near = {"shortest_s": shortest_s, "tolerance_s": tolerance_s}
scores = [score_runs(runs, fit.borders_s, smallest_step_w=w, **near) for w in steps_w]
clear, every = score_runs(runs, fit.borders_s, smallest_step_w=smallest_step_w, **near)

# %% mystnb={"figure": {"caption": "Change points against events, by the smallest step of power that is worth a cut (logarithmic axis): share of clear borders found, share of all events found, share of the change points that lie near an event. Dotted: the step used above.", "name": "fig:phases-score"}, "image": {"alt": "Three curves over the smallest step; the share of clear borders found stays at one until large steps, the share of change points near an event rises, from {num}`phase_model.changes_true` at the step used; of all events {num}`phase_model.events_found` are found there."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.2))
lines = {
    "clear borders that are found": ("green", [of_clear.recall for of_clear, _ in scores]),
    "change points that are events": ("model", [of_all.precision for _, of_all in scores]),
    "events that are found": ("baseline", [of_all.recall for _, of_all in scores]),
}
for text, (color, values) in lines.items():
    ax.plot(steps_w, values, "o-", color=COLORS[color], markersize=4, label=text)
ax.axvline(smallest_step_w, color=COLORS["baseline"], linestyle=":", linewidth=1)
ax.set(xscale="log", xlabel="smallest step [W]", ylabel="share", ylim=(0, 1.08))
ax.set_xticks(steps_w[::2], steps_w[::2])
ax.minorticks_off()
ax.legend(loc="lower left")
plt.show()

# %% tags=["hide-cell"]
apart_s = clear.mean_error_s
numbers.record_table(
    {
        "clear_borders [.0f borders]: borders between long phases of clearly other power": clear.borders,
        "clear_found [.0f %]: share of them with a change point near": 100 * clear.recall,
        "change_distance [.2f s]: mean distance of a change point to its border": apart_s,
        "events_found [.0f %]: share of all events with a change point near": 100 * every.recall,
        "changes_true [.0f %]: share of the change points near an event": 100 * every.precision,
        "change_step [.0f W]: smallest step that is worth a change point": smallest_step_w,
        "change_tolerance [.0f s]: how far a change point may lie from an event": tolerance_s,
    }
)

# %% [markdown]
# Borders are called clear where both phases last over two seconds and their powers differ by more than twenty watts; a shorter phase between two such may be passed over.
# Of the {num}`phase_model.clear_borders` clear borders in all runs, {num}`phase_model.clear_found` have a change point within {num}`phase_model.change_tolerance`, in the mean {num}`phase_model.change_distance` away ({numref}`fig:phases-score`).
# Of all events only {num}`phase_model.events_found` are found: the phases of the start-up among themselves, and evaluating and saving, draw so similar a power that the curve does not know of the borders between them, and a scheduler need not either.
# The other way round, {num}`phase_model.changes_true` of the change points are events at a smallest step of {num}`phase_model.change_step`; the others lie inside phases, such as the slow rise of the first epoch, and larger steps leave them out.

# %% [markdown]
# ## Runs the model has not seen
#
# Five models of growing simplicity, each fitted without the run that it predicts:
# *phases* (every phase of every epoch by itself), *one epoch* (an epoch pooled and repeated), *barycenter* (a mean curve without phases, explained below), *start-up + constant* (start-up phases, then one power), and *constant* (one power for the whole job).


# %%
warp = {"step_s": 2 * cell_s, "window_s": warp_s}
builders = {
    "phases": validate.phase_profile,
    "one epoch": lambda runs, plan: fit_model(runs, plan, pool=True).model.profile,
    "barycenter": lambda runs, plan: validate.barycenter_profile(runs, plan, **warp),
    "start-up + constant": lambda runs, plan: (
        fit_model(runs, plan).model.constant_twin("work").profile
    ),
    "constant": validate.constant_profile,
}

# %%
left_out = validate.cross_validate(runs, plan, builders=builders)
table = validate.summarise(left_out)
in_folds = validate.summarise(
    validate.cross_validate(runs, plan, folds=folds, seed=seed, builders=builders)
)

# %%
heads = {
    "rmse_w": "RMSE of power [.2f W]",
    "rmse_sd_w": "its standard deviation [.2f W]",
    "mae_w": "mean absolute error [.2f W]",
    "energy_error_j": "error of energy [.2f J]",
    "abs_energy_error_j": "its mean size [.2f J]",
}
publish.table(table, heads, index="model", caption="Leave one out.")

# %%
publish.table(in_folds, heads, index="model", caption=f"{folds} folds.")

# %% mystnb={"figure": {"caption": "Root mean square error of the power of each run, predicted from all the others (dots), and the mean over runs (bars).", "name": "fig:phases-left-out"}, "image": {"alt": "A row of dots for each model, a dot a run; the mean error is {num}`phase_model.rmse_phases` for phases, {num}`phase_model.rmse_epoch` for one epoch, {num}`phase_model.rmse_barycenter` for the barycenter, {num}`phase_model.rmse_startup_constant` for start-up plus constant and {num}`phase_model.rmse_constant` for the constant."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.9))
hues = ["model", "model", "second", "baseline", "baseline"]
for row, (name, hue) in enumerate(zip(builders, hues, strict=True)):
    values = left_out.loc[left_out["model"] == name, "rmse_w"]
    ax.plot(values, np.full(len(values), row), "o", color=COLORS[hue], alpha=0.45, mew=0)
    ax.plot(values.mean(), row, "|", color=COLORS[hue], markersize=22, mew=2.5)
ax.set_yticks(range(len(builders)), list(builders))
ax.set(xlabel="RMSE of a run that was left out [W]", xlim=(0, 90), ylim=(4.6, -0.6))
ax.grid(axis="y", visible=False)
plt.show()


# %%
rmse_w = left_out.pivot_table(index="run", columns="model", values="rmse_w")
names = ("phases", "constant")
two = [rmse_w[name].to_numpy() for name in names]
against = stats.compare(*two, paired=True, seed=seed, names=names, unit="W")
publish.table(against.figures())

# %% tags=["hide-cell"]
keys = {"phases": "phases", "one epoch": "epoch", "barycenter": "barycenter"}
keys |= {"start-up + constant": "startup_constant", "constant": "constant"}
for name, key in keys.items():
    what = f"RMSE of power, leave one out, mean over runs: {name}"
    mean_w = stats.bootstrap(rmse_w[name].to_numpy(), seed=seed)
    numbers.record_table({f"rmse_{key} [.1f W]: {what}": mean_w})

# %% tags=["hide-cell"]
for name in ("phases", "constant"):
    mae_w, size_j = table.loc[name, ["mae_w", "abs_energy_error_j"]]
    what = "error of a run's total energy, mean size, leave one out"
    numbers.record_table(
        {
            f"mae_{name} [.1f W]: MAE of power, leave one out: {name}": mae_w,
            f"rmse_folds_{name} [.1f W]: RMSE, {folds} folds: {name}": in_folds.loc[name, "rmse_w"],
            f"energy_error_{name} [.0f J]: {what}: {name}": size_j,
        }
    )

# %% tags=["hide-cell"]
share = 100 * table.loc["phases", "abs_energy_error_j"] / model.energy_j
lost_w = against.bootstrap
gain_w = (-lost_w.value, -lost_w.high, -lost_w.low)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "rmse_published [.2f W]: RMSE published for the same runs, 10 folds of one": 39.32,
        "folds [.0f folds]: folds of the second cross-validation": folds,
        "energy_error_share [.1f %]: the same over the energy of a run": share,
        "rmse_gain [.1f W]: by how much phases are better than the constant": gain_w,
    }
)

# %% [markdown]
# The model with phases errs by {num}`phase_model.rmse_phases` (RMSE; MAE {num}`phase_model.mae_phases`), the constant by {num}`phase_model.rmse_constant` (MAE {num}`phase_model.mae_constant`): a gain of {num}`phase_model.rmse_gain` ({numref}`fig:phases-left-out`); in {num}`phase_model.folds` instead of one run at a time the two are {num}`phase_model.rmse_folds_phases` and {num}`phase_model.rmse_folds_constant`.
# The thesis that published the runs gives {num}`phase_model.rmse_published`.
# In between, at {num}`phase_model.rmse_startup_constant`, lies the smallest step away from a constant: the start-up apart, one power for the rest.
# Pooling the epochs costs little ({num}`phase_model.rmse_epoch`): one epoch can stand for all.
# The *energy* of a run is predicted equally well by both, with an error of {num}`phase_model.energy_error_phases` by phases and {num}`phase_model.energy_error_constant` by the constant, {num}`phase_model.energy_error_share` of it, because both models have the energy of the runs they were fitted to.
# Who only asks for the energy of a whole job needs no phases.

# %% [markdown]
# ## Where the error comes from
#
# An error of power can be one of *timing* (the right power too early or too late) or of *level* (the wrong power).
# There are two ways to tell them apart.
# *Dynamic time warping* (DTW) bends the time axis of the prediction within a window until it fits best ({numref}`fig:phases-warped`) {cite}`sakoe1978`; what it cannot remove is error of level.
# And with events there is a second: give the model the true borders of the run it predicts, then also the run's own mean powers, and see what is left.

# %%
rows, cells = [], {"step_s": cell_s, "window_s": warp_s}
for run, lengths, own_w in zip(runs, durations, fit.phase_j / durations, strict=True):
    predicted = validate.phase_profile([other for other in runs if other is not run], plan)
    powers = (predicted.power_w, own_w)
    cut = [[Phase("phase", *p) for p in zip(lengths, w, strict=True)] for w in powers]
    known = [validate.align(Profile(tuple(p)), run, plan, **cells).rmse_w for p in cut]
    warped = validate.align(predicted, run, plan, **cells)
    rows.append((warped.rmse_w, *known, warped.level_rmse_w, warped.shift_s))

# %%
names = ["predicted", "borders known", "powers too", "warped", "shift"]
parts = pd.DataFrame(rows, columns=names)
described = parts.describe().loc[["mean", "std", "min", "max"]].T
heads = {"mean": "mean [.2f]", "std": "standard deviation [.2f]", "min": "least [.2f]"}
what = f"RMSE of means over {cell_s} s [W]; mean shift of the warping [s]"
publish.table(described, heads | {"max": "most [.2f]"}, index=what)

# %% tags=["hide-input"]
late_s = left_out.pivot_table(index="run", columns="model", values="duration_error_s")["phases"]
worst = int(np.argmax(np.abs(late_s)))
predicted = validate.phase_profile(runs[:worst] + runs[worst + 1 :], plan)
warped = validate.align(predicted, runs[worst], plan, step_s=cell_s, window_s=warp_s)

# %% mystnb={"figure": {"caption": "The run whose duration was predicted worst (grey) and its prediction (line): as it is timed (top), and after dynamic time warping (bottom).", "name": "fig:phases-warped"}, "image": {"alt": "Top, the predicted steps come later than the grey measured curve in every epoch; bottom, after warping, both curves lie on each other except for ripples on the plateaus."}} tags=["hide-input"]
grid = stack({0: runs[worst]}, step_s=cell_s, start_s=plan.start, stop_s=plan.start + 90)
measured_s = (grid.edges_s[:-1] + grid.edges_s[1:]) / 2 - plan.start
count = warped.path[:, 0].max() + 1
guess_w = predicted.power_at((np.arange(count) + 0.5) * predicted.duration_s / count)
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharex=True, sharey=True)
for ax, text in zip(axes, ("as timed", "after warping"), strict=True):
    ax.plot(measured_s, grid.power_w[0], color=COLORS["idle"], linewidth=1)
    ax.set(ylabel="power [W]", ylim=(0, 290), xlim=(0, 88))
    ax.text(1, 255, text, color=COLORS["model"], weight="bold")
axes[0].stairs(predicted.power_w, predicted.edges_s, color=COLORS["model"], baseline=None, lw=1.7)
axes[1].plot((warped.path[:, 1] + 0.5) * cell_s, guess_w[warped.path[:, 0]], color=COLORS["model"])
axes[1].set_xlabel("time since the program was started [s]")
plt.show()

# %% tags=["hide-input"]
total, timed, own, level = (parts[names[:4]] ** 2).mean()
by_events = {"timing": total - timed, "level": timed - own, "inside phases": own}
by_warping = {"warped away": total - level, "left over": level}
shades = dict(
    zip((*by_events, *by_warping), ["startup", "end", "work", "startup", "work"], strict=True)
)

# %% mystnb={"figure": {"caption": "Mean square error of a prediction, split with the help of the events (top) and by dynamic time warping (bottom).", "name": "fig:phases-split"}, "image": {"alt": "Two stacked horizontal bars of the same length; by events {num}`phase_model.split_timing` is timing of phases, {num}`phase_model.split_level` is level and {num}`phase_model.split_inside` lies inside of phases; by warping {num}`phase_model.split_warped` count as timing."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.2))
white = {"ha": "center", "va": "center", "color": "white", "weight": "bold"}
for row, pieces in enumerate((by_events, by_warping)):
    left = 0.0
    for text, size in pieces.items():
        ax.barh(row, size, left=left, color=COLORS[shades[text]], height=0.62, edgecolor="white")
        if size > 0.05 * total:
            share = f"{text}, {100 * size / total:.0f} %"
            ax.text(left + size / 2, row, share, **white)
        left += size
ax.set_yticks([0, 1], ["by events", "by warping"])
ax.set(xlabel="mean square error [W$^2$]")
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["hide-cell"]
mean, percent = parts.mean(), 100 / total
numbers.record_table(
    {
        "cell [.2f s]: cells over which power is averaged before it is warped": cell_s,
        "rmse_cells [.1f W]: RMSE of the phases on those cells": mean["predicted"],
        "rmse_warped [.1f W]: RMSE that warping of time leaves": mean["warped"],
        "shift [.2f s]: mean distance in time that warping moves": mean["shift"],
        "split_timing [.0f %]: square error gone with known borders": percent * (total - timed),
        "split_level [.1f %]: more of it gone with the run's powers": percent * (timed - own),
        "split_inside [.0f %]: the rest: power that changes inside phases": percent * own,
        "split_warped [.0f %]: square error that warping removes": percent * (total - level),
    }
)

# %% [markdown]
# Averaged over {num}`phase_model.cell`, the error is {num}`phase_model.rmse_cells`; warping moves time by {num}`phase_model.shift` in the mean and leaves {num}`phase_model.rmse_warped` of it, so that one would call {num}`phase_model.split_warped` of the square error timing.
# The events say otherwise ({numref}`fig:phases-split`): with the true borders only {num}`phase_model.split_timing` goes, with the true powers another {num}`phase_model.split_level`, and {num}`phase_model.split_inside` is power that changes *inside* a phase, which no model of constant phases can have.
# Warping bends these ripples and ramps away as well.
# Part of that is a matter of clocks: the next cell moves all events together, and phases describe the runs best when they come {num}`phase_model.lag` later than stamped, which takes the error inside phases from {num}`phase_model.inside_stamped` to {num}`phase_model.inside_moved`.
# So DTW adds one robust statement, that the *levels* are right, and overstates how much a better clock would gain.


# %%
lags_s = (np.arange(-4, 17) * 0.05).round(2)
errors_w = [validate.own_error_w(runs, plan, later_s=lag) for lag in np.arange(-4, 17) * 0.05]
inside_w = pd.DataFrame({"error": errors_w}, index=lags_s)
heads = {"error": "RMSE inside phases [.1f W]"}
publish.table(inside_w.iloc[::4], heads, index="events later by [.1f s]")

# %% tags=["hide-cell"]
inside_w = inside_w["error"]
stamped = "RMSE of runs by their own phases, events as stamped"

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "lag [.2f s]: how much later events describe the power best": inside_w.idxmin(),
        f"inside_stamped [.1f W]: {stamped}": inside_w[0.0],
        "inside_moved [.1f W]: the same, all events later by the lag": inside_w.min(),
    }
)

# %% [markdown]
# ### A mean curve without phases
#
# Averaging runs second by second smears every step over the spread of its time.
# A *DTW barycenter* is the curve with the least square distance to all runs under warping {cite}`petitjean2011`; it needs no events inside the job, keeps the steps sharp, and shows what the phases leave out ({numref}`fig:phases-barycenter`).

# %% mystnb={"figure": {"caption": "Two epochs: mean of the runs second by second, DTW barycenter, and the model with phases.", "name": "fig:phases-barycenter"}, "image": {"alt": "Three curves over two epochs: the plain mean has slanted flanks, the barycenter rises and falls sharply with ripples on the plateau, the phase model is a step through them."}} tags=["hide-input"]
curve = validate.barycenter_profile(runs, plan, step_s=cell_s, window_s=warp_s)
fig, ax = plt.subplots(figsize=(7.2, 3.4))
ax.plot(middle_s, stacked.power_w.mean(axis=0), color=COLORS["idle"], label="mean of the runs")
lines = {"barycenter": (curve, "second"), "phases": (model.profile, "model")}
for text, (profile, shade) in lines.items():
    line = {"color": COLORS[shade], "baseline": None, "linewidth": 1.6, "label": text}
    ax.stairs(profile.power_w, profile.edges_s, **line)
ax.set(xlim=model.profile.edges_s[[5, 12]], ylim=(50, 290))
ax.set(xlabel="time since the program was started [s]", ylabel="power [W]")
ax.legend(loc="upper center", ncols=3)
plt.show()

# %% tags=["hide-cell"]
gain_w = stats.bootstrap((rmse_w["phases"] - rmse_w["barycenter"]).to_numpy(), seed=seed)
more = 100 * (curve.energy_j / model.energy_j - 1)
what = "RMSE of phases less that of the barycenter, mean over runs"
energy = "energy of the barycenter over the mean of the runs, less one"

# %% tags=["hide-cell"]
numbers.record_table(
    {
        f"barycenter_gain [.1f W]: {what}": gain_w,
        "barycenter_gain_low [.1f W]: the lower end of its interval": gain_w.low,
        "barycenter_gain_high [.1f W]: the upper end of its interval": gain_w.high,
        f"barycenter_energy [.2f %]: {energy}": more,
    }
)

# %% [markdown]
# Left out, runs are predicted by the barycenter with {num}`phase_model.rmse_barycenter`, against {num}`phase_model.rmse_phases` for the phases: better by {num}`phase_model.barycenter_gain`, with an interval from {num}`phase_model.barycenter_gain_low` to {num}`phase_model.barycenter_gain_high`.
# It is the alternative where there are no events, but it is a curve and no model: it does not know what a stop loses, it cannot be given more epochs, and its energy is off by {num}`phase_model.barycenter_energy`.

# %% [markdown]
# ### The spectrum
#
# A third look needs neither events nor levels: how strongly the power swings with which period.

# %%
ends_s = fit.borders_s[:, [len(plan.startup), -len(plan.end) - 1]]
epochs_s = np.diff(ends_s, axis=1).ravel() / plan.work[0].times
spectra = [
    validate.spectrum(run, start_s=begin_s, stop_s=end_s)
    for run, (begin_s, end_s) in zip(runs, ends_s, strict=True)
]

# %%
periods_s = np.array([validate.dominant_period_s(s, 5, 20) for s in spectra])
heads = ["run", "highest peak between 5 and 20 s [.1f s]", "epoch by events [.1f s]"]
publish.table(list(zip(range(len(runs)), periods_s, epochs_s, strict=True)), heads)

# %% mystnb={"figure": {"caption": "Power spectrum of the work of each run (grey) and of their mean (line), by period, logarithmic axes. Dashed: the epoch by events, and a half, a third and so on of it.", "name": "fig:phases-spectrum"}, "image": {"alt": "Spectrum by period; the highest peak lies at {num}`phase_model.period`, near the length of an epoch, lower ones at parts of it, and the density falls towards short periods."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
grid_s = np.geomspace(0.25, 30, 1500)
densities = [np.interp(1 / grid_s, s["frequency_hz"], s["density"]) for s in spectra]
ax.plot(grid_s, np.transpose(densities), color=COLORS["idle"], linewidth=0.4, alpha=0.5)
ax.plot(grid_s, np.mean(densities, axis=0), color=COLORS["work"], linewidth=1.4)
for k in range(1, 6):
    ax.axvline(epochs_s.mean() / k, color=COLORS["baseline"], linestyle="--", linewidth=0.8)
ax.text(epochs_s.mean() * 1.04, 4, "epoch", color=COLORS["baseline"])
ax.set(xscale="log", yscale="log", ylim=(1, None), xlim=(0.25, 30))
ax.set_xticks([0.3, 0.6, 1, 2, 3, 6, 12, 24], [0.3, 0.6, 1, 2, 3, 6, 12, 24])
ax.minorticks_off()
ax.set(xlabel="period [s]", ylabel="density [W$^2$/Hz]")
plt.show()

# %% tags=["hide-cell"]
steps = int(next(e.name for e in runs[0].events if "Steps" in e.name).split("Steps:")[1])
step_s = np.median([validate.dominant_period_s(s, 0.5, 0.9) for s in spectra])
train_s = pooled.model.work[0].phases[0].duration_s / steps
apart_s = epochs_s.mean() ** 2 / np.diff(ends_s, axis=1).mean()
peak = "highest peak between half a second and 0.9 s, median over runs"

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "period [.1f s]: period with the highest peak, median over runs": np.median(periods_s),
        f"train_step [.2f s]: {peak}": step_s,
        "train_step_events [.2f s]: training of an epoch over its steps": train_s,
        "epoch [.1f s]: length of an epoch by events, mean over runs": epochs_s.mean(),
        "period_resolution [.1f s]: what the spectrum tells apart": apart_s,
    }
)

# %% [markdown]
# The highest peak lies at {num}`phase_model.period` ({numref}`fig:phases-spectrum`), the events say {num}`phase_model.epoch`; the work of five epochs is too short to tell periods apart that are closer than {num}`phase_model.period_resolution`.
# The peaks to its left are its harmonics; the third is missing, as in any wave that is high for two thirds of its period, which training nearly is.
# Farther left is a group around {num}`phase_model.train_step`, near the length of one step of training ({num}`phase_model.train_step_events` if steps took equal parts of the phase).
# That is enough to find *that* a program runs in epochs, and about how long they are, from a power meter alone.

# %% [markdown]
# ## When a constant is good enough
#
# The errors so far are those of an instant.
# A scheduler looks at means: over the step of the carbon signal, usually an hour.
# Over longer windows highs and lows cancel.

# %%
scales_s, rows = np.geomspace(0.1, 80, 16), []
for run in runs:
    others = [other for other in runs if other is not run]
    for name in ("phases", "start-up + constant", "constant"):
        errors = validate.error_by_scale(builders[name](others, plan), run, plan, scales_s)
        rows.append(errors.assign(model=name))

# %%
by_scale = pd.concat(rows).pivot_table(index="scale_s", columns="model", values="rmse_w")

# %%
epoch_repeat = pooled.model.work[0]
many = Repeat(int(6 * 3600 / epochs_s.mean()), epoch_repeat.phases)
long_job = replace(pooled.model, work=(many,))
energy_j, mean_w = long_job.profile.energy_until_j, long_job.mean_power_w
rng = np.random.default_rng(seed)

# %%
long_scales_s, away_w = np.geomspace(1, 7200, 40), []
for scale_s in long_scales_s:
    from_s = rng.uniform(0, long_job.duration_s - scale_s, 4000)
    off_j = energy_j(from_s + scale_s) - energy_j(from_s) - scale_s * mean_w
    away_w.append(np.sqrt(np.mean(off_j**2)) / scale_s)
at_hour = np.interp(3600, long_scales_s, away_w)

# %%
publish.table(
    {
        "length of the job [.1f h]": long_job.duration_s / 3600,
        "its epochs [.0f]": many.times,
        "constant against phases, mean power over an hour [.2f W]": at_hour,
    }
)

# %% mystnb={"figure": {"caption": "Error of the mean power of windows, by their length, logarithmic axes. Dots: runs that were left out. Thin line: a job of six hours made of the fitted epoch, by its constant twin.", "name": "fig:phases-scale"}, "image": {"alt": "Error over window length: for single runs all three models stay level up to the length of an epoch and then fall, the constant later than the others; for a job of many epochs the constant's error falls steeply, to {num}`phase_model.hourly_error` at an hour."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.5))
hues = {"phases": "model", "start-up + constant": "second", "constant": "baseline"}
for (name, hue), height in zip(hues.items(), (20, 61, 95), strict=True):
    ax.plot(by_scale.index, by_scale[name], "o-", color=COLORS[hue], markersize=4)
    ax.text(0.11, height, name, color=COLORS[hue], fontsize=9.5)
grey = COLORS["baseline"]
ax.plot(long_scales_s, away_w, color=grey, linewidth=1)
ax.text(100, 2.4, "constant,\njob of six hours", color=grey)
for text, scale_s, height in (("epoch", epochs_s.mean(), 0.14), ("hour", 3600, 0.6)):
    ax.axvline(scale_s, color=COLORS["rest"], linestyle=":", linewidth=1.2)
    ax.text(scale_s * 0.94, height, text, color=grey, ha="right")
ax.set(xscale="log", yscale="log", ylim=(0.1, 160))
ax.set(xlabel="length of the window", ylabel="RMSE of mean power [W]")
ax.set_xticks([0.1, 1, 10, 60, 600, 3600], ["0.1 s", "1 s", "10 s", "1 min", "10 min", "1 h"])
ax.minorticks_off()
plt.show()

# %% tags=["hide-cell"]
longest = by_scale.iloc[-1]
hourly, share = "constant, mean power over an hour of a job of many epochs", 100 * at_hour / mean_w

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "scale_run [.0f s]: longest window compared on single runs": scales_s[-1],
        "scale_run_constant [.1f W]: error there: constant": longest["constant"],
        "scale_run_phases [.1f W]: error there: phases": longest["phases"],
        f"hourly_error [.1f W]: {hourly}": at_hour,
        "hourly_share [.1f %]: the same over its mean power": share,
    }
)

# %% [markdown]
# {numref}`fig:phases-scale` shows how the error shrinks.
# On windows of {num}`phase_model.scale_run`, nearly the whole run, the constant errs by {num}`phase_model.scale_run_constant` and the phases by {num}`phase_model.scale_run_phases`.
# A job of the same epochs that goes on for hours is known by its constant to {num}`phase_model.hourly_error` over an hour, {num}`phase_model.hourly_share` of its power.

# %% [markdown]
# ### In emissions
#
# What matters in the end are grams.
# The same job is made longer in three ways: by *more epochs* (phases stay seconds long), by *longer epochs* (still five, start-up as measured), and by *stretching everything*, start-up included, until its low beginning lasts for hours.
# Each job and its constant twin, one power with equal energy, are laid on the carbon curve at many start times.

# %%
signal, HOUR = datasets.carbon_intensity(zone, year), 3600.0
lengths_h = np.array([0.5, 1, 2, 4, 8, 16, 24, 48, 96])
first_s, last_s = signal.edges_s[0], signal.edges_s[-1] - lengths_h.max() * HOUR
starts_s = np.arange(first_s, last_s, HOUR / 4)
few_s = rng.choice(starts_s, starts_sampled, replace=False)

# %%
fixed_s = model.startup_profile.duration_s + model.end_profile.duration_s
one_s = pooled.model.work_profile.duration_s / epoch_repeat.times

# %%
epochs = [Repeat(round((h * HOUR - fixed_s) / one_s), epoch_repeat.phases) for h in lengths_h]
grown = {
    "more epochs": [replace(pooled.model, work=(repeat,)).profile for repeat in epochs],
    "longer epochs": [model.with_work_duration(h * HOUR - fixed_s).profile for h in lengths_h],
    "stretched": [model.profile.stretched(h * HOUR) for h in lengths_h],
}

# %%
charged = {}
for way, jobs in grown.items():
    at_s = few_s if way == "more epochs" else starts_s
    for length_h, job in zip(lengths_h, jobs, strict=True):
        phased = signal.emissions_of_profile_g(at_s, job.edges_s, job.power_w)
        constant = signal.emissions_g(at_s, at_s + job.duration_s, job.mean_power_w)
        charged[way, length_h] = (phased, constant)

# %% [markdown]
# Of the last two every quarter of an hour is a start, so that a planner can choose among those within the wait.

# %%
views, wait, saved = np.lib.stride_tricks.sliding_window_view, int(4 * longest_wait_h) + 1, {}
for (way, length_h), (phased, constant) in charged.items():
    if way != "more epochs":
        choices, chosen = views(phased, wait), views(constant, wait).argmin(axis=1)
        planned = choices[np.arange(len(choices)), chosen].sum()
        now, best = choices[:, 0].sum(), choices.min(axis=1).sum()
        saved[way, length_h] = (100 * (1 - best / now), 100 * (planned - best) / (now - best))

# %%
off = {job: 100 * np.abs(constant / phased - 1) for job, (phased, constant) in charged.items()}
errors = {job: (np.median(each), np.quantile(each, 0.95)) for job, each in off.items()}
grams = pd.DataFrame(errors, index=["middle", "q95"]).T
grams = grams.join(pd.DataFrame(saved, index=["saving", "missed"]).T)
grams.index.names = ["way", "length_h"]

# %%
heads = {"way": "made longer by", "length_h": "length [.1f h]", "middle": "error, median [.3f %]"}
heads |= {"q95": "error, 95th percentile [.3f %]", "saving": "possible saving [.3f %]"}
publish.table(grams.reset_index(), heads | {"missed": "of it missed [.3f %]"})

# %% mystnb={"figure": {"caption": "A constant power instead of phases, by the length of the job. Left: error of the emissions (95th percentile of the start times; dashed: median). Right: share of the possible saving that is missed if the start is chosen with the constant.", "name": "fig:phases-emissions"}, "image": {"alt": "Left, curves of error over job length on logarithmic axes; for a job of a day with longer epochs the median error is {num}`phase_model.error_longer_day`, for one that is stretched {num}`phase_model.error_all_day`. Right, the saving missed: {num}`phase_model.missed_longer_day` and {num}`phase_model.missed_all_day`."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5))
hues = {"more epochs": "green", "longer epochs": "second", "stretched": "model"}
for way, hue in hues.items():
    part = grams.loc[way]
    left.plot(part.index, part["q95"], "o-", color=COLORS[hue], markersize=4, label=way)
    middle = part["middle"].where(part["middle"] > 1e-6)
    left.plot(part.index, middle, color=COLORS[hue], linestyle="--", linewidth=1)
    if way != "more epochs":
        right.plot(part.index, part["missed"], "o-", color=COLORS[hue], markersize=4)
left.set(xscale="log", yscale="log", ylim=(5e-4, 20), ylabel="error of emissions [%]")
left.set_yticks([1e-3, 0.01, 0.1, 1, 10], ["0.001", "0.01", "0.1", "1", "10"])
right.set(xscale="log", ylim=(0, None), ylabel="missed saving [%]")
for ax in (left, right):
    ax.set_xticks([0.5, 1, 2, 4, 8, 24, 96], ["½", 1, 2, 4, 8, 24, 96])
    ax.minorticks_off()
    ax.set_xlabel("length of the job [h]")
fig.legend(loc="outside upper center", ncols=3)
plt.show()

# %% tags=["hide-cell"]
numbers.about(grids=(zone,), years=(year,))
off = "error of emissions, constant"
what = f"{off}, more epochs: 95th percentile over starts, worst length"
numbers.record_table({f"error_epochs_95 [.2f %]: {what}": grams.loc["more epochs", "q95"].max()})

# %% tags=["hide-cell"]
for way, key in (("longer epochs", "longer"), ("stretched", "all")):
    day, missed = grams.loc[(way, 24)], "saving missed by planning with a constant"
    numbers.record_table(
        {
            f"error_{key}_day [.1f %]: {off}, {way}, 24 h: median": day["middle"],
            f"error_{key}_day_95 [.1f %]: the same, {way}: 95th percentile": day["q95"],
            f"missed_{key}_day [.1f %]: {missed}, {way}, 24 h": day["missed"],
        }
    )

# %% tags=["hide-cell"]
missed, saving = grams.loc["longer epochs", "missed"].max(), grams.loc[("stretched", 24), "saving"]
numbers.record_table(
    {
        "missed_longer_worst [.1f %]: the same, longer epochs, worst length": missed,
        "saving_all_day [.1f %]: possible saving of the stretched job of 24 h": saving,
    }
)

# %% tags=["hide-cell"]
numbers.about(grids=(), years=())
numbers.record_table({"longest_wait [.0f h]: how long a job may be held back": longest_wait_h})

# %% [markdown]
# The way a job is long decides ({numref}`fig:phases-emissions`).
# With more epochs, 95 of 100 starts are within {num}`phase_model.error_epochs_95` at every length.
# With epochs of hours it is {num}`phase_model.error_longer_day` in the median of a job of a day ({num}`phase_model.error_longer_day_95` in one start of twenty), and choosing the start by the constant within {num}`phase_model.longest_wait` misses {num}`phase_model.missed_longer_day` of the possible saving ({num}`phase_model.missed_longer_worst` at the worst of all lengths).
# If everything is stretched, so that the job begins with hours of low power, the error is {num}`phase_model.error_all_day` in the median and {num}`phase_model.error_all_day_95` in one start of twenty, and {num}`phase_model.missed_all_day` of the possible saving of {num}`phase_model.saving_all_day` is missed.
# So a constant is good enough as long as phases are short against the hour; what it gets wrong is a job whose power has a *trend*.
# There are two constant twins: one power for the whole job, which is compared here, and one for the work alone, which keeps the start-up as it is.

# %% [markdown]
# ## What a stop keeps and loses
#
# A stop keeps the work up to the last checkpoint.
# It costs the energy of the work since then, which must be done again, and that of another start-up.

# %%
times_s = np.linspace(0, model.duration_s, 1200, endpoint=False)
twins = {
    "phases": model,
    "start-up + constant": model.constant_twin("work"),
    "constant": model.constant_twin("whole"),
}

# %%
stops = {name: [twin.stop_at(t) for t in times_s] for name, twin in twins.items()}
restart = np.array([stop.restart_j / 1e3 for stop in stops["phases"]])
added_kj = {name: [stop.overhead_j / 1e3 for stop in each] for name, each in stops.items()}
overhead = pd.DataFrame(added_kj, times_s)

# %%
heads = {"mean": "mean [.2f kJ]", "min": "least [.2f kJ]", "max": "most [.2f kJ]"}
what = "energy that one stop and resume adds, by"
publish.table(overhead.agg(list(heads)).T, heads, index=what)

# %% mystnb={"figure": {"caption": "Energy that one stop and resume adds, by the time of the stop: another start-up and work done again. Triangles: checkpoints. Dashed: what a constant power for the whole job would say.", "name": "fig:phases-stop"}, "image": {"alt": "Saw-tooth curve over the time of the stop: it rises during start-up to the price of a start, then climbs within each epoch and falls back at each checkpoint; the dashed line of the constant lies far higher throughout."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
ax.fill_between(times_s, restart, color=COLORS["startup"], linewidth=0, alpha=0.9)
ax.fill_between(times_s, restart, overhead["phases"], color=COLORS["work"], linewidth=0, alpha=0.9)
ax.plot(times_s, overhead["constant"], color=COLORS["baseline"], linestyle="--", linewidth=1.4)
marks = model.startup_profile.duration_s + model.work_profile.checkpoints_s
ax.plot(marks, np.full(marks.size, 0.16), "^", color="white", markersize=7)
ax.text(58, 0.62, "another start-up", color="white", weight="bold", ha="center")
ax.text(31.8, 1.6, "work\nagain", color="white", weight="bold", ha="center", fontsize=9)
ax.text(1, 3.75, "constant power", color=COLORS["baseline"])
ax.set(xlabel="time of the stop [s]", ylabel="energy added [kJ]")
ax.set(xlim=(0, model.duration_s), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
fresh_kj, one_kj = (p.energy_j / 1e3 for p in (startup, twins["constant"].startup_profile))
claim = "the same by one constant power for the whole job"

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "restart [.2f kJ]: energy of another start-up, idle power included": fresh_kj,
        f"restart_constant [.2f kJ]: {claim}": one_kj,
    }
)

# %% tags=["hide-cell"]
mean_kj, worst_kj = overhead.mean(), overhead["phases"].max()
mixed_kj = mean_kj["start-up + constant"]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "stop_mean [.2f kJ]: energy that a stop at a random time adds, mean": mean_kj["phases"],
        "stop_mean_constant [.2f kJ]: the same by the constant": mean_kj["constant"],
        "stop_mean_startup_constant [.2f kJ]: the same by start-up and a constant": mixed_kj,
        "stop_worst [.2f kJ]: energy that a stop at the worst time adds": worst_kj,
    }
)

# %% [markdown]
# A stop at a random time adds {num}`phase_model.stop_mean` in the mean, at the worst time {num}`phase_model.stop_worst` ({numref}`fig:phases-stop`); right after a checkpoint it adds the start-up alone, {num}`phase_model.restart`.
# One constant power for the whole job says {num}`phase_model.stop_mean_constant` in the mean: it takes starting up for as dear as training, although the GPU rests meanwhile.
# A scheduler that plans with it would stop too seldom.
# Keeping the start-up phases and one power for the work says {num}`phase_model.stop_mean_startup_constant`: for a single stop that is close enough.
# All of this holds the machine's idle power, which runs on whether or not this job is started again; what a stop costs beyond that is the subject of the measurements.

# %% [markdown]
# (limits-phase-model)=
# ## What could be wrong
#
# - *One program, one machine.* Ten runs of one small training job say how well *its* phases repeat. A job on shared nodes, with a network in it or with data-dependent work, repeats less well.
# - *Repeats are not independent cases.* Each run left out was predicted by models that share most of their runs with each other; the intervals over runs treat them as independent and are a little too narrow.
# - *Events and power have different clocks.* The events are stamped by the program, the power by a meter at the wall, and the power comes {num}`phase_model.lag` after the events, a good part of a short phase. The fitted power of short phases is therefore a mixture with their neighbours': that of evaluating holds the end of training.
# - *The step of the signal.* Carbon intensity is known by the hour here, so a job within one hour cannot be wrong. A marginal rate every five minutes sees more; the epochs are still shorter.
# - *Jobs made longer are made up.* No run of hours was measured: throttling, growing data or a changing learning rate would show as a trend, the one thing that a constant gets wrong.
# - *Idle power is included.* At the wall the machine draws {num}`phase_model.idle` right before the program and {num}`phase_model.after` in the seconds after it, because the GPU does not fall back at once; which of the two is taken off decides about what a phase costs.
#
# ## Knobs to turn
#
# Every parameter at the top can be set from the command line, which writes a page of its own into `runs/`:
#
# - `make run CHAPTER=phase_model P="zone=FR year=2019"`: another grid and year.
# - `make run CHAPTER=phase_model P="zone=GB longest_wait_h=48"`: another grid, and twice the wait.
# - `make run CHAPTER=phase_model P="smallest_step_w=8 tolerance_s=0.5"`: more change points, a stricter judge.
# - `make run CHAPTER=phase_model P="folds=2 seed=7"`: half of the runs to fit, half to judge.
# - `make run CHAPTER=phase_model P="warp_s=6 cell_s=0.5"`: more freedom to warp, coarser cells.
#
# ## The numbers of this chapter

# %%
numbers
