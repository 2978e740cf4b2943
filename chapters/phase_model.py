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
# Second by second a model of phases errs by {num}`phase_model.rmse_phases` and one constant power by {num}`phase_model.rmse_constant`, but a grid's carbon intensity is known by the hour: on the curve of {word}`phase_model.place` in {word}`phase_model.year` the constant tells the emissions of a job of many short epochs to within {num}`phase_model.error_epochs_95` in 95 of 100 starts.
# Phases are needed where power has a trend over hours, and wherever jobs stop and resume: the constant puts the price of starting again at {num}`phase_model.restart_constant` instead of {num}`phase_model.restart`.
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
from helpers.phases import Phase, Profile, Repeat, generic_ml
from helpers.phases.changes import find_changes, notable_borders, score_changes, segment
from helpers.phases.fit import fit_model
from helpers.phases.validate import (
    align,
    barycenter_profile,
    constant_profile,
    cross_validate,
    dominant_period_s,
    error_by_scale,
    phase_profile,
    score_profile,
    spectrum,
    summarise,
)
from helpers.power import stack

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("phase_model", publish.Scope(jobs="one training job"))
numbers.word("place", datasets.place(zone), "the grid of the emissions")
_ = numbers.word("year", year, "the year of its curve")


def claim(*number, **more):
    """Record a number without showing it."""
    numbers.record(*number, **more)


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
for part, phases in (("start-up", generic.startup), ("end", generic.end)):
    print(f"{part}:", *(f"{p.name}, {p.duration_s} s at {p.power_w} W" for p in phases))
for repeat in generic.work:
    print(f"work, {repeat.times} times:")
    for p in repeat.phases:
        mark = ", checkpoint" if p.checkpoint else ""
        print(f"  {p.name}, {p.duration_s} s at {p.power_w} W{mark}")

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
for part, span, loop, number in plan.spans():
    if number == 1:
        times = f", {loop.times} times" if loop else ""
        print(f"{part:8}{span.name:26} until {span.until!r}{times}")

# %%
repeats = datasets.power_runs()["roberta_full"]
runs = [repeats[key] for key in sorted(repeats)]
fit, pooled = fit_model(runs, plan), fit_model(runs, plan, pool=True)
model = fit.model
columns = ["duration_s", "duration_sd_s", "power_w", "power_sd_w", "energy_j", "energy_sd_j"]
print(
    f"{len(runs)} runs, {sum(r.time_s.size for r in runs):,} samples; phases of one epoch pooled:"
)
print(pooled.spread.set_index("phase")[["n", *columns]].round(2).to_string())

# %% mystnb={"figure": {"caption": "Power of the whole runs (grey, means over a quarter of a second) and the model fitted to them (line). Shaded: start-up, work and end.", "name": "fig:phases-runs"}, "image": {"alt": "Grey curves of all runs lie almost on each other: low during start-up, then five epochs of a high plateau and a lower foot; a coloured step line runs through them; the curves spread sideways where epochs begin and end."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
stacked = stack(dict(enumerate(runs)), step_s=0.25, start_s=25, stop_s=120)
middle_s = (stacked.edges_s[:-1] + stacked.edges_s[1:]) / 2 - plan.start
ax.plot(middle_s, stacked.power_w.T, color=COLORS["idle"], linewidth=0.5, alpha=0.6)
ax.stairs(
    model.profile.power_w,
    model.profile.edges_s,
    color=COLORS["model"],
    baseline=None,
    linewidth=1.8,
)
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
total_s = np.diff(fit.borders_s[:, [0, -1]], axis=1).ravel()
loading_s = np.diff(fit.borders_s, axis=1)[:, 1]
loading_share = np.corrcoef(total_s, loading_s)[0, 1] ** 2
startup = model.startup_profile
claim("runs", len(runs), "runs", 0, "whole runs the model is fitted to")
claim("energy", model.energy_j / 1e3, "kJ", 2, "energy of the fitted model, idle power included")
claim("energy_published", published.energy_j / 1e3, "kJ", 2, "energy of the published model")
idle_w = [r.power_w[abs(r.time_s - plan.start + 6) < 5].mean() for r in runs]
after_w = [
    r.power_w[r.time_s > ends[-1] + 5].mean() for r, ends in zip(runs, fit.borders_s, strict=True)
]
claim("idle", np.mean(idle_w), "W", 1, "mean power in ten seconds before the program")
claim("after", np.mean(after_w), "W", 1, "mean power from 5 s after the last event on")
claim("duration", model.duration_s, "s", 1, "duration of the fitted model")
claim("mean_power", model.mean_power_w, "W", 1, "mean power of the fitted model")
claim("off_duration", 1e3 * off_s, "ms", 0, "largest difference of a duration to the published")
claim("off_power", off_w, "W", 1, "largest difference of a power to the published")
claim("loading_sd", loading_s.std(ddof=1), "s", 2, "standard deviation of loading data, run by run")
other_sd = fit.spread["duration_sd_s"].drop(index=1).max()
claim("other_sd", other_sd, "s", 2, "largest standard deviation of any other phase")
claim(
    "loading_share", 100 * loading_share, "%", 0, "share of the variance of durations it explains"
)

# %% [markdown]
# {numref}`fig:phases-runs` shows the runs and the model.
# The model lasts {num}`phase_model.duration` at {num}`phase_model.mean_power` in the mean, of {num}`phase_model.runs`.
# Its energy is by construction the mean energy of the runs, {num}`phase_model.energy`; the published model has {num}`phase_model.energy_published`.
# No duration differs from the published table by more than {num}`phase_model.off_duration`, no power by more than {num}`phase_model.off_power`.

# %% mystnb={"figure": {"caption": "How far each run lies from the mean of all, phase by phase: duration (left) and mean power (right). One dot a run.", "name": "fig:phases-spread"}, "image": {"alt": "Two strip plots with a row for each phase; left, durations: loading data scatters widest, evaluation less, training and saving hardly at all; right, power: evaluation scatters most."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.8), sharey=True)
durations = np.diff(fit.borders_s, axis=1)
rows = np.arange(durations.shape[1])
parts = [COLORS[part] for part in fit.spread["part"]]
for ax, values, unit in zip(
    axes, (durations, fit.phase_j / durations), ("duration [s]", "power [W]"), strict=True
):
    for row, color in zip(rows, parts, strict=True):
        away = values[:, row] - values[:, row].mean()
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
print(f"{changes_s.size} change points in run {example}, {len(levels.phases)} levels:")
print(", ".join(f"{p.duration_s:.1f} s at {p.power_w:.0f} W" for p in levels.phases))

# %% mystnb={"figure": {"caption": "One run (grey), the levels between the change points found in it (line), and the events it was not told about (ticks below).", "name": "fig:phases-changes"}, "image": {"alt": "Grey power curve of one run with idle before and after; a step line follows start, plateaus and feet of five epochs and the end; event ticks below lie close to the steps, except those between evaluation and saving where power does not change."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
run = runs[example]
ax.plot(run.time_s - plan.start, run.power_w, color=COLORS["rest"], linewidth=0.6)
ax.stairs(
    levels.power_w, levels.edges_s - plan.start, color=COLORS["model"], baseline=None, linewidth=1.8
)
borders = fit.borders_s[example] - plan.start
ax.plot(borders, np.full(borders.size, 8), "|", color=COLORS["baseline"], markersize=11, mew=1.4)
ax.text(-29, 8, "events", color=COLORS["baseline"], va="center", fontsize=9.5)
ax.set(xlabel="time since the program was started [s]", ylabel="power [W]", ylim=(0, 290))
ax.set_xlim(-30, run.duration_s - plan.start)
plt.show()


# %%
def scored(step_w):
    """Score all runs' change points: clear borders, all events, change points near an event."""
    counts = np.zeros(6)
    for run, borders_s in zip(runs, fit.borders_s, strict=True):
        told = segment(run, borders_s)
        found_s = find_changes(run, smallest_step_w=step_w, shortest_s=shortest_s)
        clear = score_changes(
            found_s, notable_borders(told.edges_s, told.power_w), tolerance_s=tolerance_s
        )
        every = score_changes(found_s, borders_s, tolerance_s=tolerance_s)
        apart_s = clear.matched * clear.mean_error_s if clear.matched else 0.0
        counts += [clear.matched, clear.borders, every.matched, every.borders, every.found, apart_s]
    return counts


steps_w = np.array([5, 7, 10, 14, 20, 28, 40, 57, 80, 113, 160])
scores = pd.DataFrame([scored(w) for w in steps_w], steps_w)

# %% mystnb={"figure": {"caption": "Change points against events, by the smallest step of power that is worth a cut (logarithmic axis): share of clear borders found, share of all events found, share of the change points that lie near an event. Dotted: the step used above.", "name": "fig:phases-score"}, "image": {"alt": "Three curves over the smallest step; the share of clear borders found stays at one until large steps, the share of change points near an event rises, from {num}`phase_model.changes_true` at the step used; of all events {num}`phase_model.events_found` are found there."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.2))
lines = (
    (scores[0] / scores[1], "green", "clear borders that are found"),
    (scores[2] / scores[4], "model", "change points that are events"),
    (scores[2] / scores[3], "baseline", "events that are found"),
)
for values, color, text in lines:
    ax.plot(steps_w, values, "o-", color=COLORS[color], markersize=4, label=text)
ax.axvline(smallest_step_w, color=COLORS["baseline"], linestyle=":", linewidth=1)
ax.set(xscale="log", xlabel="smallest step [W]", ylabel="share", ylim=(0, 1.08))
ax.set_xticks(steps_w[::2], steps_w[::2])
ax.minorticks_off()
ax.legend(loc="lower left")
plt.show()

# %% tags=["hide-cell"]
matched, clear, events, possible, found, apart_s = scored(smallest_step_w)
claim("clear_borders", clear, "borders", 0, "borders between long phases of clearly other power")
claim("clear_found", 100 * matched / clear, "%", 0, "share of them with a change point near")
claim("change_distance", apart_s / matched, "s", 2, "mean distance of a change point to its border")
claim(
    "events_found", 100 * events / possible, "%", 0, "share of all events with a change point near"
)
claim("changes_true", 100 * events / found, "%", 0, "share of the change points near an event")
claim("change_step", smallest_step_w, "W", 0, "smallest step that is worth a change point")
claim("change_tolerance", tolerance_s, "s", 0, "how far a change point may lie from an event")

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
def pooled_profile(runs, plan):
    """One epoch, repeated."""
    return fit_model(runs, plan, pool=True).model.profile


def startup_and_constant(runs, plan):
    """Start-up phases as they are, one power for the work."""
    return fit_model(runs, plan).model.constant_twin("work").profile


def barycenter(runs, plan):
    """A mean curve under warping of time."""
    return barycenter_profile(runs, plan, step_s=2 * cell_s, window_s=warp_s)


builders = {
    "phases": phase_profile,
    "one epoch": pooled_profile,
    "barycenter": barycenter,
    "start-up + constant": startup_and_constant,
    "constant": constant_profile,
}

# %%
left_out = cross_validate(runs, plan, builders=builders)
table = summarise(left_out)
show = ["rmse_w", "rmse_sd_w", "mae_w", "energy_error_j", "abs_energy_error_j"]
print("leave one out:")
print(table[show].round(2).to_string())
in_folds = summarise(cross_validate(runs, plan, folds=folds, seed=seed, builders=builders))
print(f"\n{folds} folds:")
print(in_folds[show].round(2).to_string())

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
def of_model(name, column="rmse_w"):
    """One value a run, in order of runs."""
    return left_out[left_out["model"] == name].sort_values("run")[column].to_numpy()


against = stats.compare(
    of_model("phases"),
    of_model("constant"),
    paired=True,
    seed=seed,
    names=("phases", "constant"),
    unit="W",
)
print(against)

# %% tags=["hide-cell"]
for name, key in (("phases", "phases"), ("one epoch", "epoch"), ("barycenter", "barycenter")):
    ends = stats.bootstrap(of_model(name), seed=seed)
    meaning = f"RMSE of power, leave one out, mean over runs: {name}"
    claim(f"rmse_{key}", ends.value, "W", 1, meaning, interval=(ends.low, ends.high))
for name, key in (("start-up + constant", "startup_constant"), ("constant", "constant")):
    ends = stats.bootstrap(of_model(name), seed=seed)
    meaning = f"RMSE of power, leave one out, mean over runs: {name}"
    claim(f"rmse_{key}", ends.value, "W", 1, meaning, interval=(ends.low, ends.high))
for name, key in (("phases", "phases"), ("constant", "constant")):
    claim(f"mae_{key}", table.loc[name, "mae_w"], "W", 1, f"MAE of power, leave one out: {name}")
    claim(f"rmse_folds_{key}", in_folds.loc[name, "rmse_w"], "W", 1, f"RMSE, {folds} folds: {name}")
    claim(
        f"energy_error_{key}",
        table.loc[name, "abs_energy_error_j"],
        "J",
        0,
        f"error of a run's total energy, mean size, leave one out: {name}",
    )
claim("rmse_published", 39.32, "W", 2, "RMSE published for the same runs, 10 folds of one")
claim("folds", folds, "folds", 0, "folds of the second cross-validation")
share = 100 * table.loc["phases", "abs_energy_error_j"] / model.energy_j
claim("energy_error_share", share, "%", 1, "the same over the energy of a run")
claim(
    "rmse_gain",
    -against.bootstrap.value,
    "W",
    1,
    "by how much phases are better than the constant",
    interval=(-against.bootstrap.high, -against.bootstrap.low),
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
rows = []
for i, run in enumerate(runs):
    predicted = phase_profile(runs[:i] + runs[i + 1 :], plan)
    lengths, own_w = durations[i], fit.phase_j[i] / durations[i]
    timed, own = (
        Profile(tuple(Phase("phase", d, w) for d, w in zip(lengths, power_w, strict=True)))
        for power_w in (predicted.power_w, own_w)
    )
    warped = align(predicted, run, plan, step_s=cell_s, window_s=warp_s)
    known = [align(p, run, plan, step_s=cell_s, window_s=warp_s).rmse_w for p in (timed, own)]
    rows.append((warped.rmse_w, *known, warped.level_rmse_w, warped.shift_s))
parts = pd.DataFrame(
    rows, columns=["predicted", "borders known", "powers too", "warped", "shift_s"]
)
print("RMSE [W] of means over", cell_s, "s, and mean shift of the warping [s]:")
print(parts.describe().loc[["mean", "std", "min", "max"]].round(2).to_string())

# %% mystnb={"figure": {"caption": "The run whose duration was predicted worst (grey) and its prediction (line): as it is timed (top), and after dynamic time warping (bottom).", "name": "fig:phases-warped"}, "image": {"alt": "Top, the predicted steps come later than the grey measured curve in every epoch; bottom, after warping, both curves lie on each other except for ripples on the plateaus."}} tags=["hide-input"]
worst = int(np.argmax(np.abs(of_model("phases", "duration_error_s"))))
predicted = phase_profile(runs[:worst] + runs[worst + 1 :], plan)
warped = align(predicted, runs[worst], plan, step_s=cell_s, window_s=warp_s)
grid = stack({0: runs[worst]}, step_s=cell_s, start_s=plan.start, stop_s=plan.start + 90)
measured_s = (grid.edges_s[:-1] + grid.edges_s[1:]) / 2 - plan.start
cells = warped.path[:, 0].max() + 1
guess_w = predicted.power_at((np.arange(cells) + 0.5) * predicted.duration_s / cells)
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharex=True, sharey=True)
for ax in axes:
    ax.plot(measured_s, grid.power_w[0], color=COLORS["idle"], linewidth=1)
    ax.set(ylabel="power [W]", ylim=(0, 290), xlim=(0, 88))
axes[0].stairs(predicted.power_w, predicted.edges_s, color=COLORS["model"], baseline=None, lw=1.7)
axes[1].plot((warped.path[:, 1] + 0.5) * cell_s, guess_w[warped.path[:, 0]], color=COLORS["model"])
for ax, text in zip(axes, ("as timed", "after warping"), strict=True):
    ax.text(1, 255, text, color=COLORS["model"], weight="bold")
axes[1].set_xlabel("time since the program was started [s]")
plt.show()

# %% mystnb={"figure": {"caption": "Mean square error of a prediction, split with the help of the events (top) and by dynamic time warping (bottom).", "name": "fig:phases-split"}, "image": {"alt": "Two stacked horizontal bars of the same length; by events {num}`phase_model.split_timing` is timing of phases, {num}`phase_model.split_level` is level and {num}`phase_model.split_inside` lies inside of phases; by warping {num}`phase_model.split_warped` count as timing."}} tags=["hide-input"]
square = (parts[["predicted", "borders known", "powers too", "warped"]] ** 2).mean()
total, timed, own, level = square
split = {
    "by events": [
        ("timing", total - timed, "startup"),
        ("level", timed - own, "end"),
        ("inside phases", own, "work"),
    ],
    "by warping": [("warped away", total - level, "startup"), ("left over", level, "work")],
}
fig, ax = plt.subplots(figsize=(7.2, 2.2))
for row, pieces in enumerate(split.values()):
    left = 0.0
    for text, size, color in pieces:
        ax.barh(row, size, left=left, color=COLORS[color], height=0.62, edgecolor="white")
        if size > 0.05 * total:
            share = f"{text}, {100 * size / total:.0f} %"
            ax.text(
                left + size / 2, row, share, ha="center", va="center", color="white", weight="bold"
            )
        left += size
ax.set_yticks(range(len(split)), list(split))
ax.set(xlabel="mean square error [W$^2$]")
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["hide-cell"]
claim("cell", cell_s, "s", 2, "cells over which power is averaged before it is warped")
claim("rmse_cells", parts["predicted"].mean(), "W", 1, "RMSE of the phases on those cells")
claim("rmse_warped", parts["warped"].mean(), "W", 1, "RMSE that warping of time leaves")
claim("shift", parts["shift_s"].mean(), "s", 2, "mean distance in time that warping moves")
claim("split_timing", 100 * (total - timed) / total, "%", 0, "square error gone with known borders")
claim("split_level", 100 * (timed - own) / total, "%", 1, "more of it gone with the run's powers")
claim("split_inside", 100 * own / total, "%", 0, "the rest: power that changes inside phases")
claim("split_warped", 100 * (total - level) / total, "%", 0, "square error that warping removes")

# %% [markdown]
# Averaged over {num}`phase_model.cell`, the error is {num}`phase_model.rmse_cells`; warping moves time by {num}`phase_model.shift` in the mean and leaves {num}`phase_model.rmse_warped` of it, so that one would call {num}`phase_model.split_warped` of the square error timing.
# The events say otherwise ({numref}`fig:phases-split`): with the true borders only {num}`phase_model.split_timing` goes, with the true powers another {num}`phase_model.split_level`, and {num}`phase_model.split_inside` is power that changes *inside* a phase, which no model of constant phases can have.
# Warping bends these ripples and ramps away as well.
# Part of that is a matter of clocks: the next cell moves all events together, and phases describe the runs best when they come {num}`phase_model.lag` later than stamped, which takes the error inside phases from {num}`phase_model.inside_stamped` to {num}`phase_model.inside_moved`.
# So DTW adds one robust statement, that the *levels* are right, and overstates how much a better clock would gain.


# %%
def inside_phases_w(later_s):
    """RMSE of the runs by their own phases, all events moved."""
    errors_w = []
    for run in runs:
        events = tuple(replace(e, time_s=e.time_s + later_s) for e in run.events)
        moved, moved_plan = replace(run, events=events), replace(plan, start=plan.start + later_s)
        own = phase_profile([moved], moved_plan)
        errors_w.append(score_profile(own, moved, moved_plan)["rmse_w"])
    return np.mean(errors_w)


lags_s = np.arange(-4, 17) * 0.05
inside_w = pd.Series([inside_phases_w(lag) for lag in lags_s], lags_s.round(2))
print("events later by [s], RMSE inside phases [W]:")
print(inside_w.iloc[::4].round(1).to_string())

# %% tags=["hide-cell"]
claim("lag", inside_w.idxmin(), "s", 2, "how much later events describe the power best")
claim(
    "inside_stamped", inside_w[0.0], "W", 1, "RMSE of runs by their own phases, events as stamped"
)
claim("inside_moved", inside_w.min(), "W", 1, "the same, all events later by the lag")

# %% [markdown]
# ### A mean curve without phases
#
# Averaging runs second by second smears every step over the spread of its time.
# A *DTW barycenter* is the curve with the least square distance to all runs under warping {cite}`petitjean2011`; it needs no events inside the job, keeps the steps sharp, and shows what the phases leave out ({numref}`fig:phases-barycenter`).

# %% mystnb={"figure": {"caption": "Two epochs: mean of the runs second by second, DTW barycenter, and the model with phases.", "name": "fig:phases-barycenter"}, "image": {"alt": "Three curves over two epochs: the plain mean has slanted flanks, the barycenter rises and falls sharply with ripples on the plateau, the phase model is a step through them."}} tags=["hide-input"]
curve = barycenter_profile(runs, plan, step_s=cell_s, window_s=warp_s)
fig, ax = plt.subplots(figsize=(7.2, 3.4))
ax.plot(middle_s, stacked.power_w.mean(axis=0), color=COLORS["idle"], label="mean of the runs")
ax.stairs(
    curve.power_w,
    curve.edges_s,
    color=COLORS["second"],
    baseline=None,
    linewidth=1.6,
    label="barycenter",
)
ax.stairs(
    model.profile.power_w,
    model.profile.edges_s,
    color=COLORS["model"],
    baseline=None,
    linewidth=1.6,
    label="phases",
)
shown = model.profile.edges_s[[5, 12]]
ax.set(
    xlim=shown, ylim=(50, 290), xlabel="time since the program was started [s]", ylabel="power [W]"
)
ax.legend(loc="upper center", ncols=3)
plt.show()

# %% tags=["hide-cell"]
gain = stats.bootstrap(of_model("phases") - of_model("barycenter"), seed=seed)
meaning = "RMSE of phases less that of the barycenter, mean over runs"
claim("barycenter_gain", gain.value, "W", 1, meaning, interval=(gain.low, gain.high))
claim("barycenter_gain_low", gain.low, "W", 1, "the lower end of its interval")
claim("barycenter_gain_high", gain.high, "W", 1, "the upper end of its interval")
claim(
    "barycenter_energy",
    100 * (curve.energy_j / model.energy_j - 1),
    "%",
    2,
    "energy of the barycenter over the mean of the runs, less one",
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
spectra = [spectrum(run, start_s=a, stop_s=b) for run, (a, b) in zip(runs, ends_s, strict=True)]
periods_s = np.array([dominant_period_s(s, 5, 20) for s in spectra])
epochs_s = np.diff(ends_s, axis=1).ravel() / plan.work[0].times
steps = int(next(e.name for e in runs[0].events if "Steps" in e.name).split("Steps:")[1])
step_s = np.median([dominant_period_s(s, 0.5, 0.9) for s in spectra])
print("highest peak between 5 and 20 s [s]:", *periods_s.round(1))
print("epoch by events [s]:                ", *epochs_s.round(1))

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
claim("period", np.median(periods_s), "s", 1, "period with the highest peak, median over runs")
claim(
    "train_step", step_s, "s", 2, "highest peak between half a second and 0.9 s, median over runs"
)
train_s = pooled.model.work[0].phases[0].duration_s
claim("train_step_events", train_s / steps, "s", 2, "training of an epoch over its steps")
claim("epoch", epochs_s.mean(), "s", 1, "length of an epoch by events, mean over runs")
window_s = np.diff(ends_s, axis=1).mean()
claim("period_resolution", epochs_s.mean() ** 2 / window_s, "s", 1, "what the spectrum tells apart")

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
scales_s = np.geomspace(0.1, 80, 16)
rows = []
for i, run in enumerate(runs):
    others = runs[:i] + runs[i + 1 :]
    for name in ("phases", "start-up + constant", "constant"):
        rows.append(
            error_by_scale(builders[name](others, plan), run, plan, scales_s).assign(model=name)
        )
by_scale = pd.concat(rows).pivot_table(index="scale_s", columns="model", values="rmse_w")

# %%
epoch_repeat = pooled.model.work[0]
long_job = replace(
    pooled.model, work=(Repeat(int(6 * 3600 / epochs_s.mean()), epoch_repeat.phases),)
)
rng = np.random.default_rng(seed)
long_scales_s = np.geomspace(1, 7200, 40)
away_w = []
for scale_s in long_scales_s:
    from_s = rng.uniform(0, long_job.duration_s - scale_s, 4000)
    twin_j = scale_s * long_job.mean_power_w
    energy = long_job.profile.energy_until_j
    away_w.append(
        np.sqrt(np.mean((energy(from_s + scale_s) - energy(from_s) - twin_j) ** 2)) / scale_s
    )
away_w = np.array(away_w)
at_hour = np.interp(3600, long_scales_s, away_w)
print(f"job of {long_job.duration_s / 3600:.1f} h, {long_job.work[0].times} epochs")
print(f"constant against phases, mean power over an hour: {at_hour:.2f} W")

# %% mystnb={"figure": {"caption": "Error of the mean power of windows, by their length, logarithmic axes. Dots: runs that were left out. Thin line: a job of six hours made of the fitted epoch, by its constant twin.", "name": "fig:phases-scale"}, "image": {"alt": "Error over window length: for single runs all three models stay level up to the length of an epoch and then fall, the constant later than the others; for a job of many epochs the constant's error falls steeply, to {num}`phase_model.hourly_error` at an hour."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.5))
hues = {"phases": "model", "start-up + constant": "second", "constant": "baseline"}
places = {"phases": (0.11, 20), "start-up + constant": (0.11, 61), "constant": (0.11, 95)}
for name, hue in hues.items():
    ax.plot(by_scale.index, by_scale[name], "o-", color=COLORS[hue], markersize=4)
    ax.text(*places[name], name, color=COLORS[hue], fontsize=9.5)
ax.plot(long_scales_s, away_w, color=COLORS["baseline"], linewidth=1)
ax.text(100, 2.4, "constant,\njob of six hours", color=COLORS["baseline"])
ax.axvline(epochs_s.mean(), color=COLORS["rest"], linestyle=":", linewidth=1.2)
ax.text(epochs_s.mean() * 0.94, 0.14, "epoch", color=COLORS["baseline"], ha="right")
ax.axvline(3600, color=COLORS["rest"], linestyle=":", linewidth=1.2)
ax.text(3600 * 0.94, 0.6, "hour", color=COLORS["baseline"], ha="right")
ax.set(
    xscale="log",
    yscale="log",
    ylim=(0.1, 160),
    xlabel="length of the window",
    ylabel="RMSE of mean power [W]",
)
ax.set_xticks([0.1, 1, 10, 60, 600, 3600], ["0.1 s", "1 s", "10 s", "1 min", "10 min", "1 h"])
ax.minorticks_off()
plt.show()

# %% tags=["hide-cell"]
longest = by_scale.iloc[-1]
claim("scale_run", scales_s[-1], "s", 0, "longest window compared on single runs")
claim("scale_run_constant", longest["constant"], "W", 1, "error there: constant")
claim("scale_run_phases", longest["phases"], "W", 1, "error there: phases")
claim("hourly_error", at_hour, "W", 1, "constant, mean power over an hour of a job of many epochs")
claim("hourly_share", 100 * at_hour / long_job.mean_power_w, "%", 1, "the same over its mean power")

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
signal = datasets.carbon_intensity(zone, year)
HOUR = 3600.0
lengths_h = np.array([0.5, 1, 2, 4, 8, 16, 24, 48, 96])
first_s, last_s = signal.edges_s[0], signal.edges_s[-1] - lengths_h.max() * HOUR
starts_s = np.arange(first_s, last_s, HOUR / 4)
few_s = rng.choice(starts_s, starts_sampled, replace=False)


def grown(way, duration_s):
    """The profile of a job made longer in one of three ways."""
    if way == "stretched":
        factor = duration_s / model.duration_s
        phases = model.profile.phases
        return Profile(tuple(replace(p, duration_s=factor * p.duration_s) for p in phases))
    fixed_s = model.startup_profile.duration_s + model.end_profile.duration_s
    if way == "longer epochs":
        return model.with_work_duration(duration_s - fixed_s).profile
    one_s = pooled.model.work_profile.duration_s / epoch_repeat.times
    times = round((duration_s - fixed_s) / one_s)
    return replace(pooled.model, work=(Repeat(times, epoch_repeat.phases),)).profile


# %%
rows, wait = [], int(4 * longest_wait_h) + 1
for way in ("more epochs", "longer epochs", "stretched"):
    for length_h in lengths_h:
        job, at_s = grown(way, length_h * HOUR), few_s if way == "more epochs" else starts_s
        phased = signal.emissions_of_profile_g(at_s, job.edges_s, job.power_w)
        constant = signal.emissions_g(at_s, at_s + job.duration_s, job.mean_power_w)
        off = 100 * np.abs(constant / phased - 1)
        row = {
            "way": way,
            "length_h": length_h,
            "middle": np.median(off),
            "q95": np.quantile(off, 0.95),
        }
        if at_s is starts_s:  # every start in a row: choose among those within the wait
            views = np.lib.stride_tricks.sliding_window_view
            choices, chosen = views(phased, wait), views(constant, wait).argmin(axis=1)
            planned, now, best = (
                choices[np.arange(len(choices)), chosen].sum(),
                choices[:, 0].sum(),
                choices.min(axis=1).sum(),
            )
            row |= {
                "saving": 100 * (1 - best / now),
                "missed": 100 * (planned - best) / (now - best),
            }
        rows.append(row)
grams = pd.DataFrame(rows).set_index(["way", "length_h"])
print(grams.round(3).to_string())

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
claim(
    "error_epochs_95",
    grams.loc["more epochs", "q95"].max(),
    "%",
    2,
    "error of emissions, constant, more epochs: 95th percentile over starts, worst length",
)
for way, key in (("longer epochs", "longer"), ("stretched", "all")):
    day = grams.loc[(way, 24)]
    claim(
        f"error_{key}_day",
        day["middle"],
        "%",
        1,
        f"error of emissions, constant, {way}, 24 h: median",
    )
    claim(f"error_{key}_day_95", day["q95"], "%", 1, f"the same, {way}: 95th percentile")
    claim(
        f"missed_{key}_day",
        day["missed"],
        "%",
        1,
        f"saving missed by planning with a constant, {way}, 24 h",
    )
claim(
    "missed_longer_worst",
    grams.loc["longer epochs", "missed"].max(),
    "%",
    1,
    "the same, longer epochs, worst length",
)
claim(
    "saving_all_day",
    grams.loc[("stretched", 24), "saving"],
    "%",
    1,
    "possible saving of the stretched job of 24 h",
)
numbers.about(grids=(), years=())
claim("longest_wait", longest_wait_h, "h", 0, "how long a job may be held back")

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
stops = {name: [twin.stop_at(t) for t in times_s] for name, twin in twins.items()}
overhead = pd.DataFrame(
    {n: [s.overhead_j / 1e3 for s in found] for n, found in stops.items()}, times_s
)
restart = pd.Series([s.restart_j / 1e3 for s in stops["phases"]], times_s)
print("energy added by one stop and resume [kJ], over all stop times:")
print(overhead.describe().loc[["mean", "min", "max"]].round(2).to_string())

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
ax.set(
    xlabel="time of the stop [s]",
    ylabel="energy added [kJ]",
    xlim=(0, model.duration_s),
    ylim=(0, None),
)
plt.show()

# %% tags=["hide-cell"]
claim("restart", startup.energy_j / 1e3, "kJ", 2, "energy of another start-up, idle power included")
claim(
    "restart_constant",
    twins["constant"].startup_profile.energy_j / 1e3,
    "kJ",
    2,
    "the same by one constant power for the whole job",
)
claim(
    "stop_mean",
    overhead["phases"].mean(),
    "kJ",
    2,
    "energy that a stop at a random time adds, mean",
)
claim("stop_mean_constant", overhead["constant"].mean(), "kJ", 2, "the same by the constant")
claim(
    "stop_mean_startup_constant",
    overhead["start-up + constant"].mean(),
    "kJ",
    2,
    "the same by start-up and a constant",
)
claim("stop_worst", overhead["phases"].max(), "kJ", 2, "energy that a stop at the worst time adds")

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
