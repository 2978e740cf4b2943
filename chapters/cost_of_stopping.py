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
# For the one job measured, a stop right after a checkpoint cost {num}`cost_of_stopping.overhead_save` ({num-interval}`cost_of_stopping.overhead_save`), a stop just before one {num}`cost_of_stopping.overhead_no_save`.
# An extra start and the lost work explain more than that; the rest, {num}`cost_of_stopping.rest_save`, is the machine's doing, for the same runs differ by {num}`cost_of_stopping.before_save` before they are stopped.
# Above idle a stop after a checkpoint changed the energy by {num}`cost_of_stopping.above_save` as measured, and by {num}`cost_of_stopping.above_save_adjusted` once the machine's state is allowed for.
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
from helpers.power import baseline, energies, energy_j, paired_sum

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
EXPERIMENTS = {
    "whole": ("roberta_full",),
    "save": ("roberta_stop_after_saving_epoch_2", "roberta_continue_after_saving_2"),
    "no save": ("roberta_stop_without_saving_epoch_2", "roberta_continue_after_not_saving_2"),
}
MEASURED = [part for parts in EXPERIMENTS.values() for part in parts]
KINDS = {"whole": "baseline", "save": "completed", "no save": "failed"}
for name, parts in EXPERIMENTS.items():
    print(f"{name:8}", "; ".join(f"{part}: {len(runs[part])} runs" for part in parts))

# %% [markdown]
# A stopped run and the run that resumes it belong together by the number of their repeat.
# One stop without save was not usable, so the run that resumed it has no partner and is left out.
# Power is integrated from the start of the program to its last event, `Exit`.


# %%
def totals(column, idle=None):
    """A column of the energies of each repeat; what was stopped and resumed is added up."""
    sums = {}
    for name, parts in EXPERIMENTS.items():
        used = [energies(runs[part], idle_s, "Exit", idle=idle)[column] for part in parts]
        sums[name] = used[0] if len(used) == 1 else paired_sum(*used, unpaired="leave_out")
    return sums


energy = totals("energy_j")
duration = totals("duration_s")
whole_j = energy["whole"].mean()
margin_j = margin_share * whole_j
for name in EXPERIMENTS:
    e, d = energy[name], duration[name]
    print(
        f"{name:8} n = {e.size:2}: {e.mean() / 1e3:.3f} kJ (sd {e.std() / 1e3:.3f}) in {d.mean():.1f} s"
    )

# %% tags=["hide-cell"]
LABELS = {"whole": "whole", "save": "save", "no save": "no_save"}


def claim(name, interval, unit, digits, meaning, scale=1.0):
    """Record an estimate and the ends of its interval, each under its own name."""
    value, low, high = (end * scale for end in (interval.value, interval.low, interval.high))
    numbers.record(name, value, unit, digits, meaning, interval=(low, high))
    numbers.record(f"{name}_low", low, unit, digits, f"lower end of the interval of {name}")
    numbers.record(f"{name}_high", high, unit, digits, f"upper end of the interval of {name}")


for name, label in LABELS.items():
    mean = stats.paired_t(energy[name] / 1e3).estimate
    numbers.record(
        label, mean.value, "kJ", 2, f"mean energy, {name}", interval=(mean.low, mean.high)
    )
    numbers.record(f"{label}_n", energy[name].size, "runs", 0, f"repeats, {name}")
numbers.record(
    "margin_share", 100 * margin_share, "%", 0, "margin of equivalence, share of a whole run"
)
_ = numbers.record("margin", margin_j, "J", 0, "margin of equivalence")

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
    "save against whole": stats.compare(
        energy["save"], energy["whole"], names=("save", "whole"), **settings
    ),
    "no save against whole": stats.compare(
        energy["no save"], energy["whole"], names=("no save", "whole"), **settings
    ),
    "no save against save": stats.compare(
        energy["no save"], energy["save"], names=("no save", "save"), **settings
    ),
}
print(family["save against whole"])

# %% tags=["hide-cell"]
for name, label in (("save", "save"), ("no save", "no_save")):
    found = family[f"{name} against whole"]
    claim(f"overhead_{label}", found.test.estimate, "kJ", 2, f"{name} less whole", 1e-3)
    numbers.record(
        f"overhead_{label}_share",
        100 * found.test.estimate.value / whole_j,
        "%",
        1,
        "the same, share of a whole run",
    )
    longer = stats.welch_t(duration[name], duration["whole"]).estimate
    claim(f"longer_{label}", longer, "s", 1, f"{name} less whole, duration")
g = family["save against whole"].effect.g
_ = numbers.record(
    "g_save", g.value, "", 1, "Hedges' g, save against whole", interval=(g.low, g.high)
)

# %% mystnb={"figure": {"caption": "Energy of each repeat (dots), mean and its 95 % interval (bars), and what is more than the mean of the whole runs.", "name": "fig:stop-totals"}, "image": {"alt": "Three groups of dots one above the other, narrow in themselves and far apart: whole lowest, save next, no save highest; arrows mark the distances to the whole runs."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.9))
for row, (name, color) in enumerate(KINDS.items()):
    values = energy[name] / 1e3
    estimate = stats.paired_t(values).estimate
    ax.plot(
        values,
        row + rng.uniform(-0.16, 0.16, values.size),
        "o",
        color=COLORS[color],
        alpha=0.65,
        mec="white",
    )
    ax.plot([estimate.low, estimate.high], [row - 0.3] * 2, color=COLORS[color], lw=3)
    ax.plot(estimate.value, row - 0.3, "|", color="#222222", ms=11, mew=2)
    if row:
        ax.annotate(
            "",
            (estimate.value, row + 0.32),
            (whole_j / 1e3, row + 0.32),
            arrowprops={"arrowstyle": "->", "color": "#222222"},
        )
        text = f"+{publish.format_number(estimate.value - whole_j / 1e3, 2, 'kJ')}"
        ax.text((estimate.value + whole_j / 1e3) / 2, row + 0.36, text, ha="center", va="bottom")
ax.axvline(whole_j / 1e3, color=COLORS["baseline"], lw=0.8)
ax.set_yticks(range(3), list(KINDS))
ax.set(xlabel="energy from program start to Exit [kJ]", ylim=(-0.5, 2.75))
ax.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# There is no need of a test to see it ({numref}`fig:stop-totals`): the groups do not touch, and the save runs lie {num}`cost_of_stopping.g_save` spreads above the whole ones.
# A stop after a checkpoint cost {num}`cost_of_stopping.overhead_save` or {num}`cost_of_stopping.overhead_save_share` of the job, a stop before one {num}`cost_of_stopping.overhead_no_save` or {num}`cost_of_stopping.overhead_no_save_share`.
# The stopped job computes {num}`cost_of_stopping.longer_save` longer, or {num}`cost_of_stopping.longer_no_save` with lost work.

# %% mystnb={"figure": {"caption": "How the permutation test sees save against whole: t of shuffled labels (grey) and of the labels as they were (line).", "name": "fig:stop-permutation"}, "image": {"alt": "Histogram of t statistics of shuffled labels, a bell around zero, and a line far to its right where the observed t lies."}} tags=["hide-input"]
both = np.concatenate([energy["save"], energy["whole"]])
shuffled = np.array([rng.permutation(both) for _ in range(2000)])
first, second = np.split(shuffled, [energy["save"].size], axis=1)
error = np.sqrt(
    first.var(axis=1, ddof=1) / first.shape[1] + second.var(axis=1, ddof=1) / second.shape[1]
)
fig, ax = plt.subplots(figsize=(7.2, 2.6))
ax.hist((first.mean(axis=1) - second.mean(axis=1)) / error, bins=60, color=COLORS["rest"])
observed = family["save against whole"].test.t
ax.axvline(observed, color=COLORS["completed"], lw=2)
ax.text(
    observed - 0.4,
    ax.get_ylim()[1] * 0.9,
    "save against whole,\nas measured",
    ha="right",
    va="top",
    color=COLORS["completed"],
)
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
def phase_table(experiment):
    """Energy [J] and duration [s] of each phase: one row a repeat, one column a phase."""
    fit = fit_model(list(runs[experiment].values()), datasets.power_plan(experiment, idle_s))
    names, keys = fit.spread["phase"].to_list(), pd.Index(runs[experiment], name="repeat")
    lengths_s = np.diff(fit.borders_s, axis=1)
    return pd.DataFrame(fit.phase_j, keys, names), pd.DataFrame(lengths_s, keys, names)


phase_j, phase_s = (
    {k: v[i] for k, v in {n: phase_table(n) for n in MEASURED}.items()} for i in (0, 1)
)
START = ["import libraries", "load data", "tokenise and build model"]
END = "final evaluation and exit"
start_j = {name: table[START].sum(axis=1) for name, table in phase_j.items()}
lost_j = phase_j["roberta_stop_without_saving_epoch_2"]["epoch 2 train"]

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
for name in explained:
    names = (f"{name} less its explanation", "whole")
    found = stats.compare(
        remaining[name], energy["whole"], margin=margin_j, names=names, **settings
    )
    family[f"{name}: overhead against explanation"] = found
print(found)

# %% tags=["hide-cell"]
for name, label in (("save", "save"), ("no save", "no_save")):
    found = family[f"{name}: overhead against explanation"]
    claim(
        f"rest_{label}",
        found.test.estimate,
        "kJ",
        2,
        f"{name}: overhead that is not explained",
        1e-3,
    )
    numbers.record(
        f"rest_{label}_share",
        100 * found.test.estimate.value / whole_j,
        "%",
        1,
        "the same, share of a whole run",
    )
    start = stats.paired_t(start_j[parts[name][1]]).estimate
    claim(f"start_{label}", start, "kJ", 2, f"start-up at resume, {name}", 1e-3)
fresh = stats.paired_t(start_j["roberta_full"]).estimate
claim("start_fresh", fresh, "kJ", 2, "start-up of a whole run", 1e-3)
claim(
    "lost_work",
    stats.paired_t(lost_j).estimate,
    "kJ",
    2,
    "training of the epoch that was not saved",
    1e-3,
)
saves = phase_j["roberta_full"][[f"epoch {n} save" for n in range(1, 6)]].mean(axis=1)
claim("save_phase", stats.paired_t(saves).estimate, "J", 0, "saving one checkpoint, whole runs")

# %% mystnb={"figure": {"caption": "Overhead and its explanation. Bars: means. Lines: 95 % intervals of the overhead (left of each pair) and of the unexplained rest (right).", "name": "fig:stop-explained"}, "image": {"alt": "Two pairs of bars; for save the start-up at resume alone is higher than the overhead, for no save start-up plus lost work are higher than the overhead; the rest is a small negative bar in both."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
for place, name in enumerate(explained):
    whole_test = family[f"{name} against whole"].test.estimate
    rest = family[f"{name}: overhead against explanation"].test.estimate
    stacked = {
        "startup": start_j[parts[name][1]].mean(),
        "work": lost_j.mean() if name == "no save" else 0,
    }
    bottom = 0
    for color, height in stacked.items():
        ax.bar(place, height / 1e3, 0.26, bottom=bottom / 1e3, color=COLORS[color])
        bottom += height
    for at, estimate, color in (
        (place - 0.3, whole_test, KINDS[name]),
        (place + 0.3, rest, "rest"),
    ):
        ax.bar(at, estimate.value / 1e3, 0.26, color=COLORS[color])
        ax.plot([at, at], [estimate.low / 1e3, estimate.high / 1e3], color="#222222", lw=1.6)
ax.axhline(0, color=COLORS["baseline"], lw=0.8)
for at, y, text in (
    (-0.3, 1.1, "overhead"),
    (0, 1.15, "start-up\nat resume"),
    (0.3, 0.1, "rest"),
    (1, 2.95, "start-up and\nlost work"),
    (0.7, 2.85, "overhead"),
    (1.3, 0.1, "rest"),
):
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
GROUPS = {
    "first start-up": START,
    "train": [f"epoch {n} train" for n in range(1, 6)],
    "evaluate": [f"epoch {n} evaluate" for n in range(1, 6)],
    "save": [f"epoch {n} save" for n in range(1, 6)],
    "end": [END],
}


def same_phases(tables, name):
    """The phases a whole run has too: of the stopped run, then of the resumed one."""
    stop, resume = (tables[part] for part in EXPERIMENTS[name])
    stop = stop.drop(columns="epoch 2 train") if name == "no save" else stop
    return stop.join(resume.drop(columns=START), how="inner")


traced = {}
for name, (group, columns) in itertools.product(parts, GROUPS.items()):
    here, there = (
        t[columns].sum(axis=1) for t in (same_phases(phase_j, name), phase_j["roberta_full"])
    )
    seconds = (
        same_phases(phase_s, name)[columns].sum(axis=1).mean()
        - phase_s["roberta_full"][columns].sum(axis=1).mean()
    )
    traced[name, group] = (stats.welch_t(here, there).estimate, seconds)
for name in parts:
    total = sum(traced[name, group][0].value for group in GROUPS)
    print(
        f"{name}: {total:.0f} J of the {family[f'{name}: overhead against explanation'].test.estimate.value:.0f} J"
    )

# %% tags=["hide-cell"]
for group in ("train", "first start-up"):
    label = group.replace(" ", "_").replace("-", "_")
    claim(
        f"traced_{label}",
        traced["save", group][0],
        "J",
        0,
        f"save less whole, same phases: {group}",
    )
train_s = traced["save", "train"][1]
_ = numbers.record(
    "traced_train_s", train_s, "s", 2, "save less whole, duration of training the same epochs"
)

# %% mystnb={"figure": {"caption": "The unexplained rest, traced to the phases that stopped and whole runs have in common: difference to the whole runs with 95 % interval.", "name": "fig:stop-traced"}, "image": {"alt": "Dots with intervals for five groups of phases, for save and no save; training lies clearly below zero in both, saving as well but less far, the end a little above zero, the others across it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.1))
for (name, group), (estimate, _) in traced.items():
    row = -list(GROUPS).index(group) + (0.13 if name == "save" else -0.13)
    ax.plot([estimate.low, estimate.high], [row, row], color=COLORS[KINDS[name]], lw=2)
    ax.plot(
        estimate.value,
        row,
        "o",
        color=COLORS[KINDS[name]],
        label=name if group == "train" else None,
    )
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
before = {}
for name in parts:
    common = phase_j[parts[name][0]]
    before[name] = (common.sum(axis=1), phase_j["roberta_full"][common.columns].sum(axis=1))
    found = stats.compare(*before[name], names=("will be stopped", "whole"), **settings)
    family[f"{name}: before the stop"] = found
before_share = {n: 100 * (a.mean() / b.mean() - 1) for n, (a, b) in before.items()}
print({name: f"{value:.2f} %" for name, value in before_share.items()})

# %% tags=["hide-cell"]
for name, label in (("save", "save"), ("no save", "no_save")):
    estimate = family[f"{name}: before the stop"].test.estimate
    claim(f"before_{label}", estimate, "J", 0, f"{name} less whole, phases before the stop")
    numbers.record(f"before_{label}_share", before_share[name], "%", 1, "the same, relative")
carried = whole_j * before_share["save"] / 100
_ = numbers.record("carried", carried, "J", 0, "the same difference carried over to a whole job")

# %% [markdown]
# Before the stop, runs that were going to be stopped drew less than whole runs: save less whole is {num}`cost_of_stopping.before_save` (from {num}`cost_of_stopping.before_save_low` to {num}`cost_of_stopping.before_save_high`), no save less whole {num}`cost_of_stopping.before_no_save`.
# A stop cannot act backwards, so the machine was in another state.
# The same relative difference, {num}`cost_of_stopping.before_save_share`, over a whole job would be {num}`cost_of_stopping.carried`: as large as the rest or larger.
# {numref}`fig:stop-clock` shows when the machine was in which state.

# %%
rows = []
for experiment, table in phase_j.items():
    for key in table.index.intersection(runs[experiment]):
        run = runs[experiment][key]
        first = next(c for c in table if c.endswith("train"))
        awake = energy_j(run, 0.0, 3.0) / 3.0 > idle.power_w + 10
        power_w = table.loc[key, first] / phase_s[experiment].loc[key, first]
        rows.append((experiment, key, run.start, first, power_w, awake))
clock = pd.DataFrame(rows, columns=["experiment", "repeat", "start", "phase", "power_w", "awake"])
first_epoch = clock[clock["phase"] == "epoch 1 train"]
print(first_epoch.groupby("awake")["power_w"].agg(["count", "mean", "std"]).round(2).to_string())

# %% tags=["hide-cell"]
warm, cold = (first_epoch.loc[first_epoch["awake"] == state, "power_w"] for state in (True, False))
awake_test = stats.welch_t(warm, cold)
claim(
    "awake_effect",
    awake_test.estimate,
    "W",
    1,
    "power of the first epoch, recordings that began awake less those that did not",
)
_ = numbers.record(
    "awake_share",
    100 * awake_test.estimate.value / cold.mean(),
    "%",
    1,
    "the same, share of the power",
)

# %% mystnb={"figure": {"caption": "Power while the first epoch of a program is trained, by the time at which its recording began. Filled: the machine was still awake from the program before; open: it was asleep.", "name": "fig:stop-clock"}, "image": {"alt": "Dots over the hours of a night: whole runs come first, all in a row and high, nearly all filled; all later ones are open and lower, except one filled dot of the first stopped run, which is as high as the whole runs."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
SHADES = dict(
    zip(MEASURED, ("baseline", "completed", "completed", "failed", "failed"), strict=True)
)
MARKS = dict(zip(MEASURED, "osDsD", strict=True))
texts = dict(
    zip(
        MEASURED,
        ("whole", "save: stop", "save: resume", "no save: stop", "no save: resume"),
        strict=True,
    )
)
hours = (clock["start"] - clock["start"].min()).dt.total_seconds() / 3600
for experiment, color in SHADES.items():
    for awake in (False, True):
        pick = (clock["experiment"] == experiment) & (clock["awake"] == awake)
        face = COLORS[color] if awake else "none"
        ax.plot(
            hours[pick],
            clock.loc[pick, "power_w"],
            MARKS[experiment],
            mfc=face,
            mec=COLORS[color],
            ms=6,
        )
    ax.plot([], [], MARKS[experiment], mfc="none", mec=COLORS[color], label=texts[experiment])
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
family["start: resumed against fresh"] = stats.compare(
    resume[stop.index], stop, paired=True, names=("start at resume", "fresh start"), **settings
)
print(family["start: resumed against fresh"])
steps = pd.DataFrame(
    {
        (what, n): table[part][START].mean()
        for what, table in (("s", phase_s), ("J", phase_j))
        for n, part in (("fresh", parts["save"][0]), ("resumed", parts["save"][1]))
    }
)
print(steps.round(1).to_string())

# %% tags=["hide-cell"]
found = family["start: resumed against fresh"].test.estimate
claim(
    "resumed_start",
    found,
    "J",
    0,
    "start-up at resume less start-up of the same repeat's stopped run",
)
loading = stats.paired_t(
    phase_s[parts["save"][1]]["load data"] - phase_s[parts["save"][0]]["load data"]
).estimate
claim("resumed_loading", loading, "s", 1, "the same, duration of loading data")
only = runs["imports_only"].values()
imports_j = [energy_j(run, idle_s, run.duration_s - idle_s) for run in only]
claim(
    "imports_only",
    stats.paired_t(imports_j).estimate,
    "J",
    0,
    "program that only imports the libraries",
)
_ = numbers.record(
    "imports_phase",
    phase_j["roberta_full"]["import libraries"].mean(),
    "J",
    0,
    "importing the libraries in a whole run, up to the first event",
)

# %% mystnb={"figure": {"caption": "Start-up of the stopped run and of the run that resumes it, each line one repeat of save. Left: all of it. Right: its phases.", "name": "fig:stop-start"}, "image": {"alt": "Ten lines that all fall from the fresh start to the resumed one; on the right the fall is all in loading data, while building the model takes slightly more and importing is the same."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(7.2, 3.1), width_ratios=[1.5, 1, 1, 1])
for ax, columns in zip(axes, (START, *([s] for s in START)), strict=True):
    pair = [phase_j[part][columns].sum(axis=1) for part in parts["save"]]
    ax.plot([0, 1], np.array(pair), "-", color=COLORS["startup"], lw=1, alpha=0.8)
    for place, values in enumerate(pair):
        estimate = stats.paired_t(values).estimate
        ax.plot([place, place], [estimate.low, estimate.high], color="#222222", lw=2)
        ax.plot(place, estimate.value, "o", color="#222222", ms=4)
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
above = totals("above_idle_j", idle)
for name in ("save", "no save"):
    found = stats.compare(
        above[name],
        above["whole"],
        margin=margin_j,
        names=(f"{name}, above idle", "whole"),
        **settings,
    )
    family[f"{name} against whole, above idle"] = found
print(family["save against whole, above idle"])

# %% tags=["hide-cell"]
for name, label in (("save", "save"), ("no save", "no_save")):
    test = family[f"{name} against whole, above idle"].test
    common = idle.standard_error_w * (duration[name].mean() - duration["whole"].mean())
    half = distributions.t.ppf(1 - alpha / 2, test.df) * np.hypot(test.standard_error, common)
    both = stats.Interval(
        test.estimate.value, test.estimate.value - half, test.estimate.value + half, 1 - alpha
    )
    claim(
        f"above_{label}",
        both,
        "J",
        0,
        f"{name} less whole above idle, error of the baseline included",
    )
tost = family["save against whole, above idle"].equivalence
state = family["save: before the stop"].test
scale = whole_j / before["save"][1].mean()  # from the phases before the stop to a whole job
found = family["save against whole, above idle"].test
half = 1.96 * np.hypot(found.standard_error, scale * state.standard_error)
value = found.estimate.value - carried
adjusted_j = stats.Interval(value, value - half, value + half, 0.95)
claim(
    "above_save_adjusted",
    adjusted_j,
    "J",
    0,
    "save less whole above idle, state of the machine allowed for",
)
numbers.record("above_save_p", tost.p, "", 4, "equivalence test of save and whole above idle: p")
numbers.record("idle", idle.power_w, "W", 1, "power of the idle machine")
_ = numbers.record(
    "idle_part",
    idle.power_w * numbers["longer_save"].value,
    "J",
    0,
    "idle power over the time a save run is longer",
)

# %% mystnb={"figure": {"caption": "Energy above idle. Left: repeats, means, 95 % intervals. Right: the equivalence test, save less whole with its 90 % interval and the margin stated beforehand (grey); below, the unexplained rests in the same test.", "name": "fig:stop-above"}, "image": {"alt": "Left, dots of whole and save overlap fully while no save lies far higher; right, three intervals against a grey band around zero: that of save above idle lies inside the band, those of the two rests do not."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), width_ratios=[1, 1.15])
for place, (name, color) in enumerate(KINDS.items()):
    values = above[name] / 1e3
    estimate = stats.paired_t(values).estimate
    left.plot(
        place + rng.uniform(-0.15, 0.15, values.size),
        values,
        "o",
        color=COLORS[color],
        alpha=0.65,
        mec="white",
    )
    left.plot([place + 0.28] * 2, [estimate.low, estimate.high], color=COLORS[color], lw=3)
left.set_xticks(range(3), list(KINDS))
left.set(ylabel="above idle [kJ]")
right.axvspan(-margin_j, margin_j, color=COLORS["rest"], alpha=0.45, lw=0)
tests = {
    "save,\nabove idle": "save against whole, above idle",
    "save,\nrest": "save: overhead against explanation",
    "no save,\nrest": "no save: overhead against explanation",
}
for row, (text, key) in enumerate(tests.items()):
    interval = family[key].equivalence.interval
    color = COLORS["failed" if text.startswith("no") else "completed"]
    right.plot([interval.low, interval.high], [-row, -row], color=color, lw=2.5)
    right.plot(interval.value, -row, "o", color=color)
right.axvline(0, color=COLORS["baseline"], lw=0.8)
right.set_yticks([0, -1, -2], list(tests))
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
tail_test = stats.paired_t(tail["above_idle_j"])
print(
    f"above idle in the {tail['duration_s'].min():.1f} s recorded after a stop: {tail_test.estimate} J"
)

# %% tags=["hide-cell"]
claim(
    "tail", tail_test.estimate, "kJ", 2, "energy above idle after a stop, as far as recorded", 1e-3
)
_ = numbers.record("tail_s", tail["duration_s"].mean(), "s", 0, "time recorded after a stop")

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
summary = pd.DataFrame(
    {
        "difference [J]": [
            f"{c.test.estimate.value:.0f} [{c.test.estimate.low:.0f}, {c.test.estimate.high:.0f}]"
            for c in family.values()
        ],
        "bootstrap": [f"[{c.bootstrap.low:.0f}, {c.bootstrap.high:.0f}]" for c in family.values()],
        "g": [
            f"{c.effect.g.value:.1f} [{c.effect.g.low:.1f}, {c.effect.g.high:.1f}]"
            for c in family.values()
        ],
        "p (t)": [f"{c.test.p:.1g}" for c in family.values()],
        "p (Holm)": [f"{p:.1g}" for p in adjusted],
        "p (perm.)": [f"{c.permutation_p:.1g}" for c in family.values()],
    },
    index=list(family),
)
print(summary.to_string())

# %%
looks = pd.DataFrame(
    {
        "normal, first": [c.normality_p[0] for c in family.values()],
        "normal, second": [c.normality_p[-1] for c in family.values()],
        "equal variance": [
            np.nan if c.variance_p is None else c.variance_p for c in family.values()
        ],
        "detectable [J]": [c.detectable for c in family.values()],
    },
    index=list(family),
)
print(looks.round(2).to_string(na_rep="-"))

# %% tags=["hide-cell"]
numbers.record("family", len(family), "", 0, "comparisons in the family")
numbers.record(
    "family_found",
    int((adjusted < alpha).sum()),
    "",
    0,
    "comparisons with a difference after Holm's correction",
)
numbers.record(
    "normality_p", np.nanmin(looks.iloc[:, :2]), "", 2, "smallest p of the Shapiro-Wilk tests"
)
numbers.record(
    "variance_p", looks["equal variance"].min(), "", 3, "smallest p of the Brown-Forsythe tests"
)
runs_needed = stats.runs_to_detect(
    margin_j, np.sqrt((energy["save"].var() + energy["whole"].var()) / 2), alpha=alpha
)
numbers.record(
    "runs_needed",
    runs_needed,
    "",
    0,
    "runs of each kind that detect the margin, save against whole",
)
detectable = family["save against whole"].detectable
_ = numbers.record(
    "detectable",
    100 * detectable / whole_j,
    "%",
    2,
    "difference that this design detects with 80 % power, save against whole",
)

# %% mystnb={"figure": {"caption": "All comparisons: difference with 95 % intervals by Welch's or the paired t (thick) and by the bootstrap (thin).", "name": "fig:stop-forest"}, "image": {"alt": "Forest plot of the comparisons; both kinds of interval agree in every row; overheads lie far right of zero, the rests left of it, save above idle across it."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
for row, (name, c) in enumerate(family.items()):
    color = COLORS[
        "startup" if c.paired else "failed" if name.startswith("no save") else "completed"
    ]
    ax.plot(
        [c.test.estimate.low, c.test.estimate.high],
        [-row + 0.1] * 2,
        color=color,
        lw=4,
        solid_capstyle="butt",
    )
    ax.plot([c.bootstrap.low, c.bootstrap.high], [-row - 0.15] * 2, color="#222222", lw=1.3)
    ax.plot(c.test.estimate.value, -row + 0.1, "o", color=color, mec="white", ms=7)
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
for name, row in published.iterrows():
    values = []
    for a, b, c in itertools.product((-1, 0, 1), repeat=3):
        n, mean, sd = whole_published
        whole = stats.Sample(n, mean + a * rounding["mean"], sd + b * rounding["whole_sd"])
        stopped = stats.Sample(n, row["stopped_kj"], row["stopped_sd"] + c * rounding["sd"])
        values.append(stats.welch_t(stopped, whole, expected=row["explained_kj"]))
    ts = [test.t for test in values]
    repeated[name] = (ts[len(ts) // 2], min(ts), max(ts))
    p = stats.paired_t(stats.Sample(10, row["t"] / np.sqrt(10), 1.0)).p
    print(
        f"{name:8} t = {ts[len(ts) // 2]:.2f}, rounding allows {min(ts):.2f} to {max(ts):.2f}; published {row['t']}"
    )
    print(
        f"{'':8} p of the published t with nine degrees of freedom: {p:.4f}; published {row['p']}"
    )

# %% tags=["hide-cell"]
for name, label in (("save", "save"), ("no save", "no_save")):
    middle, low, high = repeated[name]
    numbers.record(f"published_t_{label}", published.loc[name, "t"], "", 2, f"published t, {name}")
    numbers.record(
        f"repeated_t_{label}",
        middle,
        "",
        2,
        f"t from the printed figures, {name}; range that rounding allows",
        interval=(low, high),
    )
first = published["stopped_kj"] - whole_published[1] - published["explained_kj"]
_ = numbers.record(
    "published_rest_save", first["save"], "kJ", 2, "rest in the first published figures, save"
)

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
work_j = phase_j["roberta_full"].drop(columns=[*START, END]).sum(axis=1).mean()
work_s = phase_s["roberta_full"].drop(columns=[*START, END]).sum(axis=1).mean()
work_w = work_j / work_s
overheads = {"save": energy["save"].mean() - whole_j, "no save": energy["no save"].mean() - whole_j}
overheads["save, machine left awake"] = overheads["save"] + tail_test.estimate.value
remaining_s = np.geomspace(10, 86_400, 200)
drop = {name: 100 * extra / (work_w * remaining_s + extra) for name, extra in overheads.items()}
print(f"mean power at work: {work_w:.0f} W")

# %% tags=["hide-cell"]
numbers.record(
    "work_power", work_w, "W", 0, "mean power from the first epoch to the last, whole runs"
)
for name, extra in overheads.items():
    label = name.replace(",", "").replace(" ", "_")
    for text, seconds in (("minute", 60), ("hour", 3600)):
        share = 100 * extra / (work_w * seconds + extra)
        numbers.record(
            f"break_even_{text}_{label}",
            share,
            "%",
            2 if text == "hour" else 0,
            f"drop of intensity that pays for a stop with one {text} of work ahead, {name}",
        )
_ = numbers.record(
    "stop_seconds",
    overheads["save"] / work_w,
    "s",
    1,
    "work that has the energy of one stop after a checkpoint",
)

# %% mystnb={"figure": {"caption": "How far the carbon intensity has to fall before a stop saves emissions, by the work that is still ahead.", "name": "fig:stop-break-even"}, "image": {"alt": "Three falling lines on logarithmic axes. With a minute of work ahead the fall needed is {num}`cost_of_stopping.break_even_minute_save` after a save and {num}`cost_of_stopping.break_even_minute_no_save` without one; with an hour {num}`cost_of_stopping.break_even_hour_save` and {num}`cost_of_stopping.break_even_hour_no_save`; save with a machine left awake lies close to no save."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.5))
lines = {
    "save": ("completed", "-"),
    "no save": ("failed", "-"),
    "save, machine left awake": ("completed", "--"),
}
for name, (color, dash) in lines.items():
    ax.plot(remaining_s, drop[name], dash, color=COLORS[color], label=name)
figures.duration_axis(ax)
ax.set_yscale("log")
ax.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
ax.set(
    xlabel="work still ahead",
    ylabel="drop of intensity to break even [%]",
    xlim=(10, 86_400),
    ylim=(0.005, 110),
)
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
