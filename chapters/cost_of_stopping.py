# ---
# jupyter:
#   book:
#     downloads: [opitz-2024-power]
# ---

# %% [markdown]
# # What a stop costs
#
# **Question.**
# What does it cost to stop a training job and resume it later, and is that cost what one would expect: an extra start, and the work that was lost?
#
# **Answer.**
# For the one job measured, a stop right after a checkpoint cost {num}`cost_of_stopping.overhead_save`, one just before {num}`cost_of_stopping.overhead_no_save`.
# An extra start and lost work explain more; the rest is the machine's doing, for the runs differ before they are stopped.
# With the machine's state allowed for, a stop after a checkpoint changed the energy above idle by {num}`cost_of_stopping.above_save_adjusted`.
#
# {opening}`fig:stop-totals`
#
# **You need.**
# {doc}`measuring_power`, which says how energies are measured and over which window.
# A *p-value* is the chance of a difference at least as large as the one found, if there were none.
# A *95 % interval* is made by a rule that catches the true value in 95 of 100 repetitions of the experiment.

# %% tags=["parameters"]
source = "published"  # the measurements that are evaluated
margin_share = 0.01  # differences below this share of a whole run count as none; set beforehand
alpha = 0.05  # level of the tests, and of their family together
idle_s = 30.0  # idle time before the program is started
resamples = 9999  # of the bootstrap and the permutation tests
seed = 1

# %% tags=["hide-input"]
import itertools
import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats as distributions

from helpers import datasets, figures, publish, stats
from helpers.phases.fit import fit_model
from helpers.power import baseline, energies, energy_j, measure_energy, paired_sum
from helpers.published.stopping import EXPERIMENTS, LOST, START, same_phases, totals

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("cost_of_stopping", publish.Scope(jobs="one training job"))
rng = np.random.default_rng(seed)

# %% [markdown]
# ## The experiments
#
# A small language model is trained for five epochs; each epoch ends by evaluating the model and saving a checkpoint.
# *Whole*: all five epochs in one go.
# *Save*: stopped right after the checkpoint of the second epoch; resumed from it later.
# *No save*: stopped when the second epoch has been trained but not saved; resumed from the checkpoint of the first, so that the second is trained again.
#
# The measurements are published ones {cite}`opitz2024`.
# This project has no campaign of its own yet: `measurements/` holds its runner, and the parameter `source` is where its recordings will take the place of the published ones.

# %%
if source != "published":
    raise ValueError(f"source={source!r}: only 'published' measurements are there so far.")
runs = datasets.power_runs()
idle = baseline((run, "Start", "End") for run in runs["sleep"].values())

# %%
MEASURED = [part for parts in EXPERIMENTS.values() for part in parts]
KINDS = {"whole": "baseline", "save": "completed", "no save": "failed"}

# %%
recordings = [(n, part, len(runs[part])) for n, parts in EXPERIMENTS.items() for part in parts]
publish.table(recordings, ["experiment", "recording", "runs [.0f]"])

# %% [markdown]
# A stopped run and the run that resumes it belong together by the number of their repeat.
# One stop without save was not usable, so the run that resumed it has no partner and is left out.
# Power is integrated from the start of the program to its last event, `Exit`.

# %%
energy = totals(runs, lambda run: measure_energy(run, idle_s, "Exit").energy_j)
duration = totals(runs, lambda run: measure_energy(run, idle_s, "Exit").duration_s)
whole_j = energy["whole"].mean()
margin_j = margin_share * whole_j

# %%
used = [(n, e.size, e.mean() / 1e3, e.std() / 1e3, duration[n].mean()) for n, e in energy.items()]
heads = ["energy [.3f kJ]", "standard deviation [.3f kJ]", "duration [.1f s]"]
publish.table(used, ["experiment", "repeats [.0f]", *heads])

# %% tags=["hide-cell"]
for name, each_j in energy.items():
    mean_kj = stats.paired_t(each_j / 1e3).estimate
    numbers.record_table({name: mean_kj}, "{} [.2f kJ]: mean energy, {}")
    numbers.record_table({name: each_j.size}, "{}_n [.0f runs]: repeats, {}")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "margin_share [.0f %]: margin of equivalence, share of a whole run": 100 * margin_share,
        "margin [.0f J]: margin of equivalence": margin_j,
    }
)

# %% [markdown]
# ## Is there a cost at all?
#
# Each comparison is made in several ways at once, because each way assumes something else.
# *Welch's t-test* takes means as normal, but variances may differ.
# The *permutation test* asks how often shuffled labels give a t as large, and takes nothing as normal.
# The *bootstrap* draws runs again with replacement for an interval of the difference.
# *Hedges' g* is the difference in units of the spread between runs.

# %%
settings = {"seed": seed, "resamples": resamples, "confidence": 1 - alpha, "unit": "J"}
family = {
    f"{a} against {b}": stats.compare(energy[a], energy[b], names=(a, b), **settings)
    for a, b in (("save", "whole"), ("no save", "whole"), ("no save", "save"))
}
publish.table(family["save against whole"].figures())

# %% tags=["hide-cell"]
for name in ("save", "no save"):
    more_j = family[f"{name} against whole"].test.estimate
    claim = "overhead_{} [.2f kJ]: {} less whole"
    numbers.record_table({name: more_j.scaled(1e-3)}, claim, ends=True)
    share = {name: 100 * more_j.value / whole_j}
    numbers.record_table(share, "overhead_{}_share [.1f %]: the same, share of a whole run")
    longer_s = {name: stats.welch_t(duration[name], duration["whole"]).estimate}
    numbers.record_table(longer_s, "longer_{} [.1f s]: {} less whole, duration", ends=True)

# %% tags=["hide-cell"]
g = family["save against whole"].effect.g
numbers.record_table({"g_save [.1f]: Hedges' g, save against whole": g})

# %% mystnb={"figure": {"caption": "Energy of each repeat (dots), mean and its 95 % interval (bars), and what is more than the mean of the whole runs.", "name": "fig:stop-totals"}, "image": {"alt": "Three groups of dots one above the other, narrow in themselves and far apart: whole lowest, save next, no save highest; arrows mark the distances to the whole runs."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.9))
means_kj = {name: stats.paired_t(each_j / 1e3).estimate for name, each_j in energy.items()}
for row, (name, kind) in enumerate(KINDS.items()):
    color, mean = COLORS[kind], means_kj[name].value
    figures.repeats(ax, energy[name] / 1e3, row, color, seed=seed, sideways=True)
    figures.estimate(
        ax, means_kj[name], row - 0.3, color=color, marker="|", dot="#222222", sideways=True, lw=3
    )
    if row:
        whole_kj = means_kj["whole"].value
        arrow = {"arrowstyle": "->", "color": "#222222"}
        ax.annotate("", (mean, row + 0.32), (whole_kj, row + 0.32), arrowprops=arrow)
        text = f"+{publish.format_number(mean - whole_kj, 2, 'kJ')}"
        ax.text((mean + whole_kj) / 2, row + 0.36, text, ha="center", va="bottom")
ax.axvline(whole_j / 1e3, color=COLORS["baseline"], lw=0.8)
ax.set_yticks(range(3), list(KINDS))
ax.set(xlabel="energy from program start to Exit [kJ]", ylim=(-0.5, 2.75))
ax.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# There is no need of a test to see it ({numref}`fig:stop-totals`): the groups do not touch, and the save runs lie {num}`cost_of_stopping.g_save` spreads above the whole ones.
# A stop after a checkpoint cost {num}`cost_of_stopping.overhead_save` or {num}`cost_of_stopping.overhead_save_share` of the job, a stop before one {num}`cost_of_stopping.overhead_no_save` or {num}`cost_of_stopping.overhead_no_save_share`.
# The stopped job computes {num}`cost_of_stopping.longer_save` longer, or {num}`cost_of_stopping.longer_no_save` with lost work.

# %% tags=["hide-input"]
both = np.concatenate([energy["save"], energy["whole"]])
shuffled = np.array([rng.permutation(both) for _ in range(2000)])
halves = np.split(shuffled, [energy["save"].size], axis=1)
error = np.sqrt(sum(half.var(axis=1, ddof=1) / half.shape[1] for half in halves))
shuffled_t = (halves[0].mean(axis=1) - halves[1].mean(axis=1)) / error

# %% mystnb={"figure": {"caption": "How the permutation test sees save against whole: t of shuffled labels (grey) and of the labels as they were (line).", "name": "fig:stop-permutation"}, "image": {"alt": "Histogram of t statistics of shuffled labels, a bell around zero, and a line far to its right where the observed t lies."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.6))
ax.hist(shuffled_t, bins=60, color=COLORS["rest"])
observed, green = family["save against whole"].test.t, COLORS["completed"]
ax.axvline(observed, color=green, lw=2)
top, text = ax.get_ylim()[1] * 0.9, "save against whole,\nas measured"
ax.text(observed - 0.4, top, text, ha="right", va="top", color=green)
ax.set(xlabel="t", ylabel="shuffles")
plt.show()

# %% [markdown]
# ## What explains it
#
# Two things are expected: whoever resumes starts up a second time, and whoever did not save does some work again.
# Saving itself costs nothing extra here, because every epoch saves anyway; a checkpoint made only for the stop would add {num}`cost_of_stopping.save_phase`.
#
# Events cut each run into phases, and the phases add up to the window, so nothing is lost between them.

# %%
fits = {
    part: fit_model(list(runs[part].values()), datasets.power_plan(part, idle_s))
    for part in MEASURED
}

# %%
tables = {part: fit.tables(runs[part]) for part, fit in fits.items()}
phase_j, phase_s = ({part: table[i] for part, table in tables.items()} for i in (0, 1))

# %%
START, END = list(START), "final evaluation and exit"
start_j = {part: each_j[START].sum(axis=1) for part, each_j in phase_j.items()}
lost_j = phase_j["roberta_stop_without_saving_epoch_2"][LOST]

# %% [markdown]
# The explanation is taken from the same runs that it explains: the start-up of each resumed run, and the training that each stop without save threw away.
# Repeat by repeat it is taken off, and what is left is compared with the whole runs.

# %%
parts = {name: EXPERIMENTS[name] for name in ("save", "no save")}
explained = {
    "save": start_j[parts["save"][1]],
    "no save": paired_sum(start_j[parts["no save"][1]], lost_j, unpaired="leave_out"),
}
remaining = {name: (energy[name] - explained[name]).dropna() for name in explained}

# %%
settings |= {"margin": margin_j}
for name, rest_j in remaining.items():
    names = (f"{name} less its explanation", "whole")
    found = stats.compare(rest_j, energy["whole"], names=names, **settings)
    family[f"{name}: overhead against explanation"] = found
publish.table(found.figures())

# %% tags=["hide-cell"]
for name, (_, resumed) in parts.items():
    rest_j = family[f"{name}: overhead against explanation"].test.estimate
    claim = "rest_{} [.2f kJ]: {}: overhead that is not explained"
    numbers.record_table({name: rest_j.scaled(1e-3)}, claim, ends=True)
    share = {name: 100 * rest_j.value / whole_j}
    numbers.record_table(share, "rest_{}_share [.1f %]: the same, share of a whole run")
    start_kj = {name: stats.paired_t(start_j[resumed]).estimate.scaled(1e-3)}
    numbers.record_table(start_kj, "start_{} [.2f kJ]: start-up at resume, {}", ends=True)

# %% tags=["hide-cell"]
saves_j = phase_j["roberta_full"][[f"epoch {n} save" for n in range(1, 6)]].mean(axis=1)
each_j = {"fresh": start_j["roberta_full"], "lost": lost_j, "saves": saves_j}
mean_j = {name: stats.paired_t(values).estimate for name, values in each_j.items()}
fresh_kj, lost_kj = mean_j["fresh"].scaled(1e-3), mean_j["lost"].scaled(1e-3)
numbers.record_table(
    {
        "start_fresh [.2f kJ]: start-up of a whole run": fresh_kj,
        "lost_work [.2f kJ]: training of the epoch that was not saved": lost_kj,
        "save_phase [.0f J]: saving one checkpoint, whole runs": mean_j["saves"],
    },
    ends=True,
)

# %% tags=["hide-input"]
starts_kj = [start_j[parts[name][1]].mean() / 1e3 for name in explained]
labels = [
    (-0.3, 1.1, "overhead"),
    (0, 1.15, "start-up\nat resume"),
    (0.3, 0.1, "rest"),
    (1, 2.95, "start-up and\nlost work"),
    (0.7, 2.85, "overhead"),
    (1.3, 0.1, "rest"),
]

# %% mystnb={"figure": {"caption": "Overhead and its explanation. Bars: means. Lines: 95 % intervals of the overhead (left of each pair) and of the unexplained rest (right).", "name": "fig:stop-explained"}, "image": {"alt": "Two pairs of bars; for save the start-up at resume alone is higher than the overhead, for no save start-up plus lost work are higher than the overhead; the rest is a small negative bar in both."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
ax.bar([0, 1], starts_kj, 0.26, color=COLORS["startup"])
ax.bar(1, lost_j.mean() / 1e3, 0.26, bottom=starts_kj[1], color=COLORS["work"])
for place, name in enumerate(explained):
    more = family[f"{name} against whole"].test.estimate.scaled(1e-3)
    rest = family[f"{name}: overhead against explanation"].test.estimate.scaled(1e-3)
    for at, found, color in ((place - 0.3, more, KINDS[name]), (place + 0.3, rest, "rest")):
        ax.bar(at, found.value, 0.26, color=COLORS[color])
        figures.estimate(ax, found, at, color="#222222", marker="", lw=1.6)
ax.axhline(0, color=COLORS["baseline"], lw=0.8)
for at, y, text in labels:
    ax.text(at, y, text, ha="center", va="bottom")
ax.set_xticks([0, 1], ["save", "no save"])
ax.set(ylabel="energy [kJ]", ylim=(-0.4, 3.5))
ax.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# A resumed run starts up for {num}`cost_of_stopping.start_save`, more than the whole overhead; the rest is {num}`cost_of_stopping.rest_save` (from {num}`cost_of_stopping.rest_save_low` to {num}`cost_of_stopping.rest_save_high`).
# With {num}`cost_of_stopping.lost_work` of lost work the other explanation is too large as well, by a rest of {num}`cost_of_stopping.rest_no_save` (from {num}`cost_of_stopping.rest_no_save_low` to {num}`cost_of_stopping.rest_no_save_high`).
# A cost smaller than its causes needs an explanation of its own.
#
# ## Where the rest comes from
#
# Because phases add up, the rest can be traced: it is the sum of what the *same* phases drew in stopped and resumed runs and in whole runs.

# %%
kinds = ("train", "evaluate", "save")
epochs = {kind: [f"epoch {n} {kind}" for n in range(1, 6)] for kind in kinds}
GROUPS = {"first start-up": START, **epochs, "end": [END]}
whole_phase_j, whole_phase_s = phase_j["roberta_full"], phase_s["roberta_full"]

# %%
traced = {}
for name, (group, columns) in itertools.product(parts, GROUPS.items()):
    stopped_j = same_phases(phase_j, name)[columns].sum(axis=1)
    found = stats.welch_t(stopped_j, whole_phase_j[columns].sum(axis=1))
    traced[name, group] = found.estimate

# %%
rest_j = {n: family[f"{n}: overhead against explanation"].test.estimate.value for n in parts}
sums_j = {name: sum(traced[name, group].value for group in GROUPS) for name in parts}
heads = ["experiment", "unexplained rest [.0f J]", "sum of its phases [.0f J]"]
publish.table([(name, rest_j[name], sums_j[name]) for name in parts], heads)

# %% tags=["hide-cell"]
claim = "save less whole, same phases"
train_s = same_phases(phase_s, "save")[epochs["train"]].sum(axis=1).mean()
train_s = train_s - whole_phase_s[epochs["train"]].sum(axis=1).mean()
first = traced["save", "first start-up"]
numbers.record_table(
    {
        f"traced_train [.0f J]: {claim}: train": traced["save", "train"],
        f"traced_first_start_up [.0f J]: {claim}: first start-up": first,
        "traced_train_s [.2f s]: save less whole, duration of training the same epochs": train_s,
    },
    ends=True,
)

# %% mystnb={"figure": {"caption": "The unexplained rest, traced to the phases that stopped and whole runs have in common: difference to the whole runs with 95 % interval.", "name": "fig:stop-traced"}, "image": {"alt": "Dots with intervals for five groups of phases, for save and no save; training lies clearly below zero in both, saving as well but less far, the end a little above zero, the others across it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.1))
for (name, group), found in traced.items():
    row = -list(GROUPS).index(group) + (0.13 if name == "save" else -0.13)
    label = name if group == "train" else None
    figures.estimate(ax, found, row, color=COLORS[KINDS[name]], sideways=True, label=label)
ax.axvline(0, color=COLORS["baseline"], lw=0.8)
ax.set_yticks(-np.arange(len(GROUPS)), list(GROUPS))
ax.set(xlabel="energy less that of whole runs [J]")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# Most of the rest sits in training: for the same five epochs, save less whole is {num}`cost_of_stopping.traced_train` ({numref}`fig:stop-traced`), though they took {num}`cost_of_stopping.traced_train_s` *longer*, because the first epoch after any start is slower.
# The rest of it is in saving; a slower first epoch hides some more.
# So the same work was done in no less time, at less power.
#
# Is that something the stop did?
# The phases before the stop answer it: up to there a run that will be stopped does just what a whole run does, so any difference is the machine's.

# %%
settings.pop("margin")
before = {}
for name, (stopped, _) in parts.items():
    shared_j = whole_phase_j[phase_j[stopped].columns]
    before[name] = (phase_j[stopped].sum(axis=1), shared_j.sum(axis=1))
    found = stats.compare(*before[name], names=("will be stopped", "whole"), **settings)
    family[f"{name}: before the stop"] = found

# %%
before_share = {n: 100 * (a.mean() / b.mean() - 1) for n, (a, b) in before.items()}
publish.table({f"{n} less whole, before the stop [.2f %]": v for n, v in before_share.items()})

# %% tags=["hide-cell"]
for name, share in before_share.items():
    less_j = {name: family[f"{name}: before the stop"].test.estimate}
    claim = "before_{} [.0f J]: {} less whole, phases before the stop"
    numbers.record_table(less_j, claim, ends=True)
    numbers.record_table({name: share}, "before_{}_share [.1f %]: the same, relative")

# %% tags=["hide-cell"]
carried = whole_j * before_share["save"] / 100
claim = "carried [.0f J]: the same difference carried over to a whole job"
numbers.record_table({claim: carried})

# %% [markdown]
# Before the stop, runs that were going to be stopped drew less than whole runs: save less whole is {num}`cost_of_stopping.before_save` (from {num}`cost_of_stopping.before_save_low` to {num}`cost_of_stopping.before_save_high`), no save less whole {num}`cost_of_stopping.before_no_save`.
# A stop cannot act backwards, so the machine was in another state.
# The same relative difference, {num}`cost_of_stopping.before_save_share`, over a whole job would be {num}`cost_of_stopping.carried`: as large as the rest or larger.
# {numref}`fig:stop-clock` shows when the machine was in which state.

# %%
rows = []
for part, repeat in ((name, r) for name, table in phase_j.items() for r in table.index):
    run = runs[part][repeat]
    first = next(name for name in phase_j[part] if name.endswith("train"))
    awake = energy_j(run, 0.0, 3.0) / 3.0 > idle.power_w + 10
    power_w = phase_j[part].loc[repeat, first] / phase_s[part].loc[repeat, first]
    rows.append((part, run.start, first, power_w, "awake" if awake else "asleep"))

# %%
clock = pd.DataFrame(rows, columns=["recording", "start", "phase", "power_w", "machine"])
by_state = clock[clock["phase"] == "epoch 1 train"].groupby("machine")["power_w"]
heads = {"count": "runs [.0f]", "mean": "power [.2f W]", "std": "standard deviation [.2f W]"}
publish.table(by_state.agg(list(heads)), heads, index="machine when recording began")

# %% tags=["hide-cell"]
warm, cold = by_state.get_group("awake"), by_state.get_group("asleep")
more_w = stats.welch_t(warm, cold).estimate
what = "power of the first epoch, recordings that began awake less those that did not"
numbers.record_table({f"awake_effect [.1f W]: {what}": more_w}, ends=True)

# %% tags=["hide-cell"]
share = 100 * more_w.value / cold.mean()
numbers.record_table({"awake_share [.1f %]: the same, share of the power": share})

# %% tags=["hide-input"]
texts = ("whole", "save: stop", "save: resume", "no save: stop", "no save: resume")
shades = ("baseline", "completed", "completed", "failed", "failed")
hours = (clock["start"] - clock["start"].min()).dt.total_seconds() / 3600

# %% mystnb={"figure": {"caption": "Power while the first epoch of a program is trained, by the time at which its recording began. Filled: the machine was still awake from the program before; open: it was asleep.", "name": "fig:stop-clock"}, "image": {"alt": "Dots over the hours of a night: whole runs come first, all in a row and high, nearly all filled; all later ones are open and lower, except one filled dot of the first stopped run, which is as high as the whole runs."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
for part, text, shade, mark in zip(MEASURED, texts, shades, "osDsD", strict=True):
    color = COLORS[shade]
    for state, face in (("asleep", "none"), ("awake", color)):
        pick = (clock["recording"] == part) & (clock["machine"] == state)
        ax.plot(hours[pick], clock["power_w"][pick], mark, mfc=face, mec=color, ms=6)
    ax.plot([], [], mark, mfc="none", mec=color, label=text)
ax.set(xlabel="hours since the first whole run", ylabel="power, first epoch trained [W]")
fig.legend(loc="outside upper center", ncol=3)
plt.show()

# %% [markdown]
# Experiments were not interleaved.
# All whole runs came first, close together, and nearly all began with a machine that was still awake from the run before; the others came later with longer pauses.
# A recording that began awake drew {num}`cost_of_stopping.awake_effect` more in its first epoch (from {num}`cost_of_stopping.awake_effect_low` to {num}`cost_of_stopping.awake_effect_high`), or {num}`cost_of_stopping.awake_share`.
# The one stopped run that followed closely on a whole one drew as much as whole runs do; the one whole run on a rested machine lies between the two groups.
# This is a hypothesis that the data suggest, not one that they test: the comparison was made after looking, and awake and whole are nearly the same thing here.
# The cure is the order drawn at random that the campaign in `measurements/` uses.

# %% [markdown]
# ## Is a resumed start a start like any other?
#
# The explanation above takes the start-up of the resumed runs.
# It is not that of a fresh run, which takes {num}`cost_of_stopping.start_fresh`.
# Stop and resume of the same repeat pair, so this comparison is a paired one.

# %%
stop, resume = (start_j[part] for part in parts["save"])
names = ("start at resume", "fresh start")
found = stats.compare(resume[stop.index], stop, paired=True, names=names, **settings)
family["start: resumed against fresh"] = found
publish.table(found.figures())

# %%
heads = {"s": "duration, {} [.1f s]", "J": "energy, {} [.1f J]"}
steps = {
    heads[unit].format(name): each[part][START].mean()
    for unit, each in (("s", phase_s), ("J", phase_j))
    for name, part in zip(("fresh", "resumed"), parts["save"], strict=True)
}
publish.table(pd.DataFrame(steps), index="phase of the start")

# %% tags=["hide-cell"]
less_j = family["start: resumed against fresh"].test.estimate
fresh_s, resumed_s = (phase_s[part]["load data"] for part in parts["save"])
only = runs["imports_only"].values()
imports_j = [energy_j(run, idle_s, run.duration_s - idle_s) for run in only]
loading_s, only_j = (stats.paired_t(x).estimate for x in (resumed_s - fresh_s, imports_j))

# %% tags=["hide-cell"]
phase_mean_j = whole_phase_j["import libraries"].mean()
start = "start-up at resume less start-up of the same repeat's stopped run"
what = "importing the libraries in a whole run, up to the first event"
numbers.record_table(
    {
        f"resumed_start [.0f J]: {start}": less_j,
        "resumed_loading [.1f s]: the same, duration of loading data": loading_s,
        "imports_only [.0f J]: program that only imports the libraries": only_j,
        f"imports_phase [.0f J]: {what}": phase_mean_j,
    },
    ends=True,
)

# %% mystnb={"figure": {"caption": "Start-up of the stopped run and of the run that resumes it, each line one repeat of save. Left: all of it. Right: its phases.", "name": "fig:stop-start"}, "image": {"alt": "Ten lines that all fall from the fresh start to the resumed one; on the right the fall is all in loading data, while building the model takes slightly more and importing is the same."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(7.2, 3.1), width_ratios=[1.5, 1, 1, 1])
for ax, columns in zip(axes, (START, *([s] for s in START)), strict=True):
    pair = [phase_j[part][columns].sum(axis=1) for part in parts["save"]]
    ax.plot([0, 1], np.array(pair), "-", color=COLORS["startup"], lw=1, alpha=0.8)
    for place, values in enumerate(pair):
        figures.estimate(ax, stats.paired_t(values).estimate, place, color="#222222")
    ax.set_xticks([0, 1], ["fresh", "resumed"])
    ax.set(title="all" if len(columns) > 1 else textwrap.fill(columns[0], 13), xlim=(-0.35, 1.35))
    ax.set_ylim((0, 1500) if len(columns) > 1 else (0, 800))
axes[0].set(ylabel="energy [J]")
plt.show()

# %% [markdown]
# A resumed start draws {num}`cost_of_stopping.resumed_start` less than the fresh start of the same repeat (the sign is that of resumed less fresh), because loading data is {num}`cost_of_stopping.resumed_loading` shorter ({numref}`fig:stop-start`).
# Building the model takes a little longer, as a checkpoint is read too.
# Why loading is shorter the files do not say: the data may still have been in the file cache, though fresh runs made minutes after one another did not profit from it; or a resumed program may skip a step, such as downloading or checking what the checkpoint already has.
# Had a fresh start been taken as the explanation, the rest would be larger still.
# The experiment that only imports the libraries uses {num}`cost_of_stopping.imports_only` to the end of its program, against {num}`cost_of_stopping.imports_phase` up to the first event of a whole run: importing is the smallest part of a start.

# %% [markdown]
# ## Above idle, a stop is nearly free
#
# A machine in a cluster is on anyway.
# Then what counts is the energy above idle, and the time.

# %%
above = totals(runs, lambda run: measure_energy(run, idle_s, "Exit", idle=idle).above_idle_j)
settings |= {"margin": margin_j}
for name in ("save", "no save"):
    names = (f"{name}, above idle", "whole")
    found = stats.compare(above[name], above["whole"], names=names, **settings)
    family[f"{name} against whole, above idle"] = found
publish.table(family["save against whole, above idle"].figures())

# %% tags=["hide-cell"]
for name in ("save", "no save"):
    test = family[f"{name} against whole, above idle"].test
    common_j = idle.standard_error_w * (duration[name].mean() - duration["whole"].mean())
    half_j = distributions.t.ppf(1 - alpha / 2, test.df) * np.hypot(test.standard_error, common_j)
    middle_j = test.estimate.value
    claim = "above_{} [.0f J]: {} less whole above idle, error of the baseline included"
    more_j = (middle_j, middle_j - half_j, middle_j + half_j)
    numbers.record_table({name: more_j}, claim, ends=True)

# %% tags=["hide-cell"]
found, state = family["save against whole, above idle"], family["save: before the stop"].test
scale = whole_j / before["save"][1].mean()  # from the phases before the stop to a whole job
half_j = 1.96 * np.hypot(found.test.standard_error, scale * state.standard_error)
middle_j = found.test.estimate.value - carried

# %% tags=["hide-cell"]
what = "save less whole above idle, state of the machine allowed for"
adjusted_j = {
    f"above_save_adjusted [.0f J]: {what}": (middle_j, middle_j - half_j, middle_j + half_j)
}
numbers.record_table(adjusted_j, ends=True)

# %% tags=["hide-cell"]
part_j = idle.power_w * numbers["longer_save"].value
p = found.equivalence.p
numbers.record_table(
    {
        "above_save_p [.4f]: equivalence test of save and whole above idle: p": p,
        "idle [.1f W]: power of the idle machine": idle.power_w,
        "idle_part [.0f J]: idle power over the time a save run is longer": part_j,
    }
)

# %% tags=["hide-input"]
shown = {
    "save,\nabove idle": "save against whole, above idle",
    "save,\nrest": "save: overhead against explanation",
    "no save,\nrest": "no save: overhead against explanation",
}

# %% mystnb={"figure": {"caption": "Energy above idle. Left: repeats, means, 95 % intervals. Right: the equivalence test, save less whole with its 90 % interval and the margin stated beforehand (grey); below, the unexplained rests in the same test.", "name": "fig:stop-above"}, "image": {"alt": "Left, dots of whole and save overlap fully while no save lies far higher; right, three intervals against a grey band around zero: that of save above idle lies inside the band, those of the two rests do not."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=[1, 1.15])
for place, (name, kind) in enumerate(KINDS.items()):
    values = above[name] / 1e3
    figures.repeats(left, values, place, COLORS[kind], seed=seed)
    mean = stats.paired_t(values).estimate
    figures.estimate(left, mean, place + 0.28, color=COLORS[kind], marker="", lw=3)
left.set_xticks(range(3), list(KINDS))
left.set(ylabel="above idle [kJ]")
right.axvspan(-margin_j, margin_j, color=COLORS["rest"], alpha=0.45, lw=0)
for row, name in enumerate(shown.values()):
    color = COLORS["failed" if name.startswith("no") else "completed"]
    found = family[name].equivalence.interval
    figures.estimate(right, found, -row, color=color, sideways=True, lw=2.5)
right.axvline(0, color=COLORS["baseline"], lw=0.8)
right.set_yticks([0, -1, -2], list(shown))
right.set(xlabel="less whole [J]", ylim=(-2.6, 0.6))
plt.show()

# %% [markdown]
# Over the {num}`cost_of_stopping.longer_save` that a save run is longer, the idle machine alone would have drawn {num}`cost_of_stopping.idle_part`: as much as the stop cost.
# Above idle, save and whole differ by {num}`cost_of_stopping.above_save` (from {num}`cost_of_stopping.above_save_low` to {num}`cost_of_stopping.above_save_high`, with the error of the baseline).
# That no difference is found would not show that there is none.
# The equivalence test does: the difference lies within {num}`cost_of_stopping.margin_share` of a whole run, the margin set in the parameters (p = {num}`cost_of_stopping.above_save_p`).
# The caveat is the state of the machine, which favours the stopped runs.
# If it is allowed for by the difference before the stop, carried over to a whole job, the cost above idle becomes {num}`cost_of_stopping.above_save_adjusted` (from {num}`cost_of_stopping.above_save_adjusted_low` to {num}`cost_of_stopping.above_save_adjusted_high`), and that is not within the margin.
# The same correction brings the whole overhead to about what the start-up at resume uses, {num}`cost_of_stopping.start_save`, which is therefore the better figure to plan with.
# Lost work is work: without save the cost above idle is {num}`cost_of_stopping.above_no_save`.
#
# For neither of the rests is equivalence to nothing shown: neither interval lies within the margin.

# %% [markdown]
# ### What these figures leave out
#
# After a stop the machine stays awake ({doc}`measuring_power`).

# %%
tail = energies(runs[parts["save"][0]], "Exit", idle=idle)
tail_j = stats.paired_t(tail["above_idle_j"]).estimate
publish.table(
    {
        "least time recorded after a stop [.1f s]": tail["duration_s"].min(),
        "energy above idle in it [.0f J]": tail_j.value,
        "from [.0f J]": tail_j.low,
        "to, with 95 % confidence [.0f J]": tail_j.high,
    }
)

# %% tags=["hide-cell"]
claim = "tail [.2f kJ]: energy above idle after a stop, as far as recorded"
numbers.record_table({claim: tail_j.scaled(1e-3)}, ends=True)
numbers.record_table({"tail_s [.0f s]: time recorded after a stop": tail["duration_s"].mean()})

# %% [markdown]
# In the {num}`cost_of_stopping.tail_s` recorded after a stop it drew {num}`cost_of_stopping.tail` above idle, more than the stop itself cost, and it was still awake when recording ended.
# If another job starts at once, that energy would have been drawn anyway; if the machine is left empty, which is what waiting for clean electricity means, the stop adds it once.

# %% [markdown]
# ## All comparisons together
#
# Many tests find something by chance sooner or later.
# Holm's correction keeps the chance of even one false finding in the family at the level of a single test.

# %%
adjusted = stats.holm([c.test.p for c in family.values()])
ends = [(c.test.estimate, c.bootstrap, c.effect.g) for c in family.values()]

# %%
summary = pd.DataFrame(
    {
        "difference [.0f J]": [d.value for d, _, _ in ends],
        "by t, 95 % [J]": [f"{d.low:.0f} to {d.high:.0f}" for d, _, _ in ends],
        "by bootstrap [J]": [f"{b.low:.0f} to {b.high:.0f}" for _, b, _ in ends],
        "Hedges' g, 95 %": [f"{g.value:.1f} ({g.low:.1f} to {g.high:.1f})" for *_, g in ends],
    },
    index=list(family),
)
publish.table(summary, index="comparison")

# %%
chances = pd.DataFrame(
    {
        "t-test": [f"{c.test.p:.1g}" for c in family.values()],
        "t-test, after Holm": [f"{p:.1g}" for p in adjusted],
        "permutations": [f"{c.permutation_p:.1g}" for c in family.values()],
    },
    index=list(family),
)
publish.table(chances, "p, {}", index="comparison")

# %%
looks = pd.DataFrame(
    {
        "p, first normal [.2f]": [c.normality_p[0] for c in family.values()],
        "p, second normal [.2f]": [c.normality_p[-1] for c in family.values()],
        "p, equal variance [.2f]": [c.variance_p for c in family.values()],
        "detectable difference [.1f J]": [c.detectable for c in family.values()],
    },
    index=list(family),
    dtype=float,
)
publish.table(looks, index="comparison")

# %% tags=["hide-cell"]
normal_p, variance_p = np.nanmin(looks.iloc[:, :2]), looks["p, equal variance [.2f]"].min()
differ = int((adjusted < alpha).sum())
numbers.record_table(
    {
        "family [.0f]: comparisons in the family": len(family),
        "family_found [.0f]: comparisons with a difference after Holm's correction": differ,
        "normality_p [.2f]: smallest p of the Shapiro-Wilk tests": normal_p,
        "variance_p [.3f]: smallest p of the Brown-Forsythe tests": variance_p,
    }
)

# %% tags=["hide-cell"]
spread_j = np.sqrt((energy["save"].var() + energy["whole"].var()) / 2)
needed = stats.runs_to_detect(margin_j, spread_j, alpha=alpha)
detectable = 100 * family["save against whole"].detectable / whole_j

# %% tags=["hide-cell"]
pair = "save against whole"
numbers.record_table(
    {
        f"runs_needed [.0f]: runs of each kind that detect the margin, {pair}": needed,
        f"detectable [.2f %]: difference that this design detects with 80 % power, {pair}": detectable,
    }
)

# %% mystnb={"figure": {"caption": "All comparisons: difference with 95 % intervals by Welch's or the paired t (thick) and by the bootstrap (thin).", "name": "fig:stop-forest"}, "image": {"alt": "Forest plot of the comparisons; both kinds of interval agree in every row; overheads lie far right of zero, the rests left of it, save above idle across it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
for row, (name, c) in enumerate(family.items()):
    kind = "startup" if c.paired else "failed" if name.startswith("no save") else "completed"
    ends = {"lw": 4, "solid_capstyle": "butt"}
    figures.estimate(ax, c.test.estimate, -row + 0.1, color=COLORS[kind], sideways=True, **ends)
    ax.plot([c.bootstrap.low, c.bootstrap.high], [-row - 0.15] * 2, color="#222222", lw=1.3)
ax.axvline(0, color=COLORS["baseline"], lw=0.8)
ax.axvspan(-margin_j, margin_j, color=COLORS["rest"], alpha=0.35, lw=0)
ax.set_yticks(-np.arange(len(family)), list(family))
ax.set(xlabel="difference [J]; grey: margin")
plt.show()

# %% mystnb={"figure": {"caption": "Are the runs normal? Energy of each repeat against the normal distribution with the same mean and spread (line).", "name": "fig:stop-normal"}, "image": {"alt": "Three quantile plots, whole, save and no save, in each of which the dots follow the straight line closely."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.7))
for ax, (name, color) in zip(axes, KINDS.items(), strict=True):
    values = np.sort(energy[name] - energy[name].mean())
    at = distributions.norm.ppf((np.arange(values.size) + 0.5) / values.size)
    ax.plot([-2, 2], [-2 * values.std(ddof=1), 2 * values.std(ddof=1)], color=COLORS["rest"])
    ax.plot(at, values, "o", color=COLORS[color])
    ax.set(title=name, xlabel="normal quantile")
axes[0].set(ylabel="less the mean [J]")
plt.show()

# %% [markdown]
# Of {num}`cost_of_stopping.family` comparisons {num}`cost_of_stopping.family_found` show a difference after the correction.
# Normality is not contradicted (smallest p {num}`cost_of_stopping.normality_p`; {numref}`fig:stop-normal`), though so few runs would hardly contradict it; variances are not taken as equal anywhere (smallest p {num}`cost_of_stopping.variance_p`), and neither bootstrap nor permutations change a verdict.
# The design detects {num}`cost_of_stopping.detectable` of a whole run with 80 % power; the margin of {num}`cost_of_stopping.margin_share` would take {num}`cost_of_stopping.runs_needed` runs of each kind.

# %% [markdown]
# ## The published tests, from their summary figures
#
# In the first published version 'overhead equals its explanation' was tested by t-tests, of which only summary figures are printed.
# A t-test needs no more than those; but they are rounded, so what can be repeated is a range.

# %%
published = pd.DataFrame(
    {
        "stopped_kj": [13.31, 15.18],
        "stopped_sd": [0.1, 0.3],
        "explained_kj": [0.79, 3.06],
        "t": [-3.44, -5.42],
        "p": [0.0074, 0.0004],
    },
    index=["save", "no save"],
)
whole_published = (10, 13.0, 0.46)  # n, mean [kJ], standard deviation [kJ]
rounding = {"mean": 0.05, "whole_sd": 0.005, "sd": 0.05}  # half a unit of the last digit

# %%
repeated = {}
n, whole_kj, whole_sd_kj = whole_published
for name, row in published.iterrows():
    ts = []
    for a, b, c in itertools.product((-1, 0, 1), repeat=3):
        sds_kj = (whole_sd_kj + b * rounding["whole_sd"], row["stopped_sd"] + c * rounding["sd"])
        whole = stats.Sample(n, whole_kj + a * rounding["mean"], sds_kj[0])
        stopped = stats.Sample(n, row["stopped_kj"], sds_kj[1])
        ts.append(stats.welch_t(stopped, whole, expected=row["explained_kj"]).t)
    repeated[name] = (ts[len(ts) // 2], min(ts), max(ts))

# %%
nine = [stats.Sample(10, t / np.sqrt(10), 1.0) for t in published["t"]]
again = pd.DataFrame.from_dict(repeated, orient="index", columns=["t", "low", "high"])

# %%
again = again.assign(
    was=published["t"], p=[stats.paired_t(s).p for s in nine], p_was=published["p"]
)
heads = {"was": "t, published [.2f]", "t": "t, repeated [.2f]", "low": "rounding allows [.2f]"}
heads |= {"high": "to [.2f]", "p_was": "p, published [.4f]"}
publish.table(again, heads | {"p": "p with nine degrees of freedom [.4f]"}, index="experiment")

# %% tags=["hide-cell"]
for name, ts in repeated.items():
    numbers.record_table({name: published["t"][name]}, "published_t_{} [.2f]: published t, {}")
    claim = "repeated_t_{} [.2f]: t from the printed figures, {}; range that rounding allows"
    numbers.record_table({name: ts}, claim)

# %% tags=["hide-cell"]
first = published["stopped_kj"] - whole_published[1] - published["explained_kj"]
claim = "published_rest_save [.2f kJ]: rest in the first published figures, save"
numbers.record_table({claim: first["save"]})

# %% mystnb={"figure": {"caption": "Published t (crosses) against what the printed figures give (dots) and what their rounding allows (lines); circles: the same test on the recordings, by the final figures.", "name": "fig:stop-published"}, "image": {"alt": "Two rows; in each the cross lies on the line of values that rounding allows; the circles of the test on the recordings lie left of zero as well."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.3))
for row, (name, (middle, low, high)) in enumerate(repeated.items()):
    ax.plot([low, high], [-row, -row], color=COLORS[KINDS[name]], lw=3, alpha=0.6)
    ax.plot(middle, -row, "o", color=COLORS[KINDS[name]])
    ax.plot(published.loc[name, "t"], -row, "x", color="#222222", ms=9, mew=2)
    again = family[f"{name}: overhead against explanation"].test.t
    ax.plot(again, -row, "o", mfc="none", mec="#222222", ms=9)
ax.axvline(0, color=COLORS["baseline"], lw=0.8)
ax.set_yticks([0, -1], list(repeated))
ax.set(xlabel="t of the unexplained rest", ylim=(-1.5, 0.5))
plt.show()

# %% [markdown]
# Both published values lie within what rounding allows ({num}`cost_of_stopping.published_t_save` against {num}`cost_of_stopping.repeated_t_save`, {num}`cost_of_stopping.published_t_no_save` against {num}`cost_of_stopping.repeated_t_no_save`), and the rest was negative then too, {num}`cost_of_stopping.published_rest_save`.
# The published p-values belong to nine degrees of freedom, those of ten pairs or of one sample; Welch's test has others.

# %% [markdown]
# ## What it means for scheduling
#
# A stop costs a fixed amount, so it is dear for a short job and cheap for a long one.
# Let a job need $E$ more joules when it is asked to stop at intensity $I_1$, and resume at $I_2$ with $\Delta E$ more.
# Stopping saves emissions if $E I_1 > (E + \Delta E) I_2$, so the intensity has to fall by more than
#
# $$
# 1 - \frac{I_2}{I_1} > \frac{\Delta E}{E + \Delta E}.
# $$ (eq-break-even)

# %%
work = [name for name in whole_phase_j if name not in (*START, END)]
work_w = whole_phase_j[work].sum(axis=1).mean() / whole_phase_s[work].sum(axis=1).mean()
overheads = {name: energy[name].mean() - whole_j for name in ("save", "no save")}
overheads["save, machine left awake"] = overheads["save"] + tail_j.value
publish.table({"mean power at work [.0f W]": work_w})

# %%
remaining_s = np.geomspace(10, 86_400, 200)
drop = {name: 100 * extra / (work_w * remaining_s + extra) for name, extra in overheads.items()}

# %% tags=["hide-cell"]
what = "mean power from the first epoch to the last, whole runs"
numbers.record_table({f"work_power [.0f W]: {what}": work_w})

# %% tags=["hide-cell"]
for (name, extra), (text, s) in itertools.product(
    overheads.items(), (("minute", 60), ("hour", 3600))
):
    label, digits = f"break_even_{text}_{name.replace(',', '')}", 2 if text == "hour" else 0
    what = f"drop of intensity that pays for a stop with one {text} of work ahead, {name}"
    numbers.record_table({f"{label} [.{digits}f %]: {what}": 100 * extra / (work_w * s + extra)})

# %% tags=["hide-cell"]
what = "work that has the energy of one stop after a checkpoint"
numbers.record_table({f"stop_seconds [.1f s]: {what}": overheads["save"] / work_w})

# %% mystnb={"figure": {"caption": "How far the carbon intensity has to fall before a stop saves emissions, by the work that is still ahead.", "name": "fig:stop-break-even"}, "image": {"alt": "Three falling lines on logarithmic axes. With a minute of work ahead the fall needed is {num}`cost_of_stopping.break_even_minute_save` after a save and {num}`cost_of_stopping.break_even_minute_no_save` without one; with an hour {num}`cost_of_stopping.break_even_hour_save` and {num}`cost_of_stopping.break_even_hour_no_save`; save with a machine left awake lies close to no save."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.5))
shades = {"save": "completed", "no save": "failed", "save, machine left awake": "completed"}
for name, shade in shades.items():
    dash = "--" if "awake" in name else "-"
    ax.plot(remaining_s, drop[name], dash, color=COLORS[shade], label=name)
figures.duration_axis(ax)
ax.set_yscale("log")
ax.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
ax.set(xlabel="work still ahead", ylabel="drop of intensity to break even [%]")
ax.set(xlim=(10, 86_400), ylim=(0.005, 110))
ax.legend()
plt.show()

# %% [markdown]
# One stop after a checkpoint has the energy of {num}`cost_of_stopping.stop_seconds` of work.
# With a minute of work ahead the intensity must fall by {num}`cost_of_stopping.break_even_minute_save` to pay for it; with an hour {num}`cost_of_stopping.break_even_hour_save` are enough, {num}`cost_of_stopping.break_even_hour_no_save` if an epoch is lost, {num}`cost_of_stopping.break_even_hour_save_machine_left_awake` if the machine is left awake as long as it was recorded.
# Carbon intensity moves by more than that from one hour to the next ({doc}`carbon_intensity`).
# So for jobs of hours the energy of a stop is no argument against it; for jobs of minutes it is the whole argument.
# A job with a larger model starts up for longer, and its start-up is what has to be measured.

# %% [markdown]
# (limits-cost-of-stopping)=
# ## What could be wrong
#
# * **Order.**
#   The experiments were not interleaved; {numref}`fig:stop-clock` shows that this matters by as much as the rest.
#   The overheads are probably too low by about that amount.
# * **The margin** is a convention, the difference that such a design is meant to detect.
#   It was set before these tests were run, but the recordings had been published by then, so nobody can prove it.
# * **Pairs that are not.**
#   Stop and resume share a repeat's number, but nothing random; pairing takes away little.
# * **The window** ends at `Exit`; with the end of the program, or with the time the machine stays awake, a stop costs more.
# * **One stop, one job, one machine.**
#   The job runs for little more than a minute and stops at one place; start-up need not grow with the job.
# * **Idle** was measured before everything else; had it been a watt higher, the cost above idle would be lower by a watt times the extra time.

# %% [markdown]
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=cost_of_stopping P="margin_share=0.005"   # a stricter 'no difference'
# make run CHAPTER=cost_of_stopping P="alpha=0.01"
# make run CHAPTER=cost_of_stopping P="idle_s=31"            # a second less of every start
# make run CHAPTER=cost_of_stopping P="seed=2"               # other resamples and shuffles
# ```
#
# * At which margin is 'no rest' shown?
# * How does the verdict on the rest change if only the first whole run, on a rested machine, is believed?
# * How long may the start-up become before an hourly stop costs one percent?

# %%
numbers
