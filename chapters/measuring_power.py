# ---
# jupyter:
#   book:
#     downloads: [opitz-2024-power]
# ---

# %% [markdown]
# # Measuring power
#
# **Question.**
# How well does a meter at the wall socket tell what a training job uses, and which choices of the person who evaluates it matter?
#
# **Answer.**
# Ten repeats of the same job used {num}`measuring_power.whole` on average with a standard deviation of {num}`measuring_power.whole_sd`, so that {num}`measuring_power.runs_one_percent` runs of each kind would show a difference of one percent.
# What is counted matters more than how precisely: ending the window with the recording's program instead of the job's last event adds {num}`measuring_power.window_program`.
#
# {opening}`fig:power-window`
#
# **You need.**
# *Power* is energy per time: one watt (W) is one joule (J) a second.
# A *sample* is one reading of the meter; a *run* is one execution of a program, recorded from some time before to some time after.

# %% tags=["parameters"]
source = "published"  # the measurements that are evaluated
shown = 0  # repeat drawn by itself
idle_s = 30.0  # idle time that the recordings begin and end with
blocks = 10  # pieces an idle window is cut into for its standard error
difference = 0.01  # relative difference that a comparison should detect
seed = 1

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import integrate

from helpers import datasets, figures, publish, stats
from helpers.phases.fit import fit_model
from helpers.power import baseline, energies, energy_j, lag_s, stack, thin
from helpers.published.stopping import totals

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("measuring_power", publish.Scope(jobs="one training job"))

# %% [markdown]
# ## The recordings
#
# The measurements are those of a published thesis {cite}`opitz2024`; {doc}`data_sheets` has their origin.
# A small language model (RoBERTa) is trained for a few epochs, on one machine with one GPU.
# A meter between the wall socket and the machine measured everything that the machine drew: processor, memory, GPU, fans, losses of the power supply.
#
# There is no campaign of this project's own yet.
# Its runner is in `measurements/`, interleaves the experiments in random order, and reads NVIDIA's and Intel's counters; once its recordings are there, the parameter `source` can name them.

# %%
if source != "published":
    raise ValueError(f"source={source!r}: only 'published' measurements are there so far.")
runs = datasets.power_runs()
whole = runs["roberta_full"]

# %%
firsts = {name: repeats[min(repeats)] for name, repeats in runs.items()}
recordings = [(n, len(runs[n]), r.duration_s, f"{r.start:%H:%M}") for n, r in firsts.items()]
publish.table(
    recordings,
    ["recording", "runs [.0f]", "length of the first [.1f s]", "it began, UTC"],
)

# %% [markdown]
# A recording is a text file with one integer a line, in milliwatts.
# Its last two lines are the instants of start and end; samples carry no time of their own and are spread evenly between the two.
# A second file has the job's events, `epoch seconds, name`, by the clock of the same machine.
# The program is started {num}`measuring_power.lead` after the first sample; recording goes on as long after the program has ended.

# %%
intervals_s = pd.Series({k: run.duration_s / (run.time_s.size - 1) for k, run in whole.items()})
levels_w = np.unique(np.concatenate([run.power_w for run in whole.values()]))
problems = sum(len(run.problems) for repeats in runs.values() for run in repeats.values())

# %%
publish.table(
    {
        "time between two samples [.2f ms]": 1000 * intervals_s.mean(),
        "most by which it differs between runs [.0f µs]": 1e6 * np.ptp(intervals_s),
        "smallest step between two readings [.0f mW]": 1000 * np.diff(levels_w).min(),
        "fewest samples of a run [.0f]": min(run.time_s.size for run in whole.values()),
        "problems found in reading [.0f]": problems,
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "lead [.0f s]: idle time before the program is started, and after it has ended": idle_s,
        "interval [.1f ms]: time between two samples": 1000 * intervals_s.mean(),
    }
)

# %% [markdown]
# ## One run
#
# Events say where a phase ends.
# A plan names the phases of the job by the event each one ends with; the first begins when the program is started, before it can write any event.

# %%
plan = datasets.power_plan("roberta_full", idle_s)
fit = fit_model(list(whole.values()), plan)
borders_s = dict(zip(whole, fit.borders_s, strict=True))
PHASES = {"train": "work", "evaluate": "end", "save": "completed", "exit": "end"}

# %% tags=["hide-input"]
names = [span.name.split()[-1] for _, span, _, _ in plan.spans()]
kinds = [PHASES.get(name, "startup") for name in names]
shades = {
    "idle": "idle, after the job",
    "startup": "start-up",
    "work": "train",
    "end": "evaluate",
    "completed": "save",
}

# %% mystnb={"figure": {"caption": "One whole run. Spans: phases between events. Grey: the machine is idle before the program starts, and not idle after it has ended.", "name": "fig:power-run"}, "image": {"alt": "Power over time in one run: a flat low line, a small rise during start-up, five high plateaus of training separated by dips for evaluating and saving, then a flat line at a middle level that does not fall back to the first one."}} tags=["hide-input"]
run = whole[shown]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
borders = [0, *borders_s[shown], run.duration_s]
figures.spans(ax, borders, ["idle", *kinds, "idle"], shades)
ax.plot(run.time_s, run.power_w, color="#222222", lw=0.6)
fig.legend(loc="outside upper center", ncol=5, columnspacing=1.2, handlelength=1.2)
ax.set(xlabel="time since the recording began [s]", ylabel="power [W]")
ax.set(xlim=(0, run.duration_s), ylim=(0, 300))
plt.show()

# %%
publish.table(
    fit.spread,
    {
        "phase": "phase",
        "duration_s": "duration [.2f s]",
        "duration_sd_s": "its standard deviation [.2f s]",
        "power_w": "power [.2f W]",
        "power_sd_w": "its standard deviation [.2f W]",
    },
)

# %% [markdown]
# ## Ten runs on top of each other
#
# Laid over each other by the start of the recording, ten runs differ most at the edges of the phases: some start-ups take longer, so that one run trains while another still loads ({numref}`fig:power-stack`).
# Aligned on the event at which training starts, the same runs agree.

# %%
edges_s = np.mean([run.at("Start training") for run in whole.values()])
length_s = np.mean([run.at("Exit") for run in whole.values()]) - edges_s
by_start = stack(whole, step_s=0.25, start_s=edges_s, stop_s=edges_s + length_s)
by_event = stack(whole, on="Start training", step_s=0.25, start_s=0, stop_s=length_s)

# %%
sd_w = {"recording": by_start.sd_w.mean(), "event": by_event.sd_w.mean()}
publish.table({f"spread, aligned on the {name} [.1f W]": value for name, value in sd_w.items()})

# %% tags=["hide-cell"]
claim = "sd_by_{} [.0f W]: spread of power between runs, aligned on the {}"
numbers.record_table(sd_w, claim)

# %% mystnb={"figure": {"caption": "Ten whole runs (thin), their mean (thick) and one standard deviation to either side (band), during training. Above: by the start of the recording. Below: by the event at which training starts.", "name": "fig:power-stack"}, "image": {"alt": "Two panels of ten overlaid power curves; in the upper one the edges of the plateaus are smeared and runs spread by {num}`measuring_power.sd_by_recording`, in the lower one the edges of the first epochs coincide and they spread by {num}`measuring_power.sd_by_event`."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.0), sharex=True, sharey=True)
panels = {"by the start of the recording": by_start, "by the start of training": by_event}
for ax, (title, stacked) in zip(axes, panels.items(), strict=True):
    at_s = stacked.time_s - (edges_s if stacked is by_start else 0)
    ax.plot(at_s, stacked.power_w.T, color=COLORS["work"], lw=0.4, alpha=0.5)
    low_w, high_w = stacked.mean_w - stacked.sd_w, stacked.mean_w + stacked.sd_w
    ax.fill_between(at_s, low_w, high_w, color=COLORS["startup"], alpha=0.45, lw=0)
    ax.plot(at_s, stacked.mean_w, color="#222222", lw=1.3)
    ax.set(title=title, ylabel="power [W]", ylim=(0, 290), xlim=(0, length_s))
axes[1].set(xlabel="time since training started (above: on average) [s]")
plt.show()

# %% [markdown]
# Averaged over training, power in quarters of a second spreads by {num}`measuring_power.sd_by_recording` between runs when they are aligned on the recording, and by {num}`measuring_power.sd_by_event` when they are aligned on the event.
# What remains grows with time, because evaluating takes a little longer in one run than in another.

# %% [markdown]
# ## What the machine draws when idle
#
# In ten recordings the program only slept for a minute.
# Neighbouring samples resemble each other, so the standard error is not taken from single samples: each window is cut into {num}`measuring_power.blocks` blocks, whose means are nearly independent, and the larger of their standard error and that of the ten windows is used.

# %%
sleeps = list(runs["sleep"].values())
idle = baseline(((run, "Start", "End") for run in sleeps), blocks=blocks)
inside = [(r.time_s >= r.at("Start")) & (r.time_s <= r.at("End")) for r in sleeps]
naive_w = idle.sd_w / np.sqrt(sum(within.sum() for within in inside))

# %%
publish.table(
    {
        "power of the idle machine [.2f W]": idle.power_w,
        "its standard error [.2f W]": idle.standard_error_w,
        "standard deviation of single samples [.2f W]": idle.sd_w,
        "standard error, were they independent [.3f W]": naive_w,
    }
)

# %% [markdown]
# A recording whose first seconds draw far more than the idle machine began while the machine was still awake.

# %%
before = pd.DataFrame(
    [
        (name, run.start, energy_j(run, 0.0, 3.0) / 3.0, energy_j(run, 5.0, idle_s - 1))
        for name, repeats in runs.items()
        for run in repeats.values()
    ],
    columns=["recording", "start", "first_w", "settled_j"],
)
before["mean_w"] = before["settled_j"] / (idle_s - 6)

# %%
awake_starts = before[before["first_w"] > idle.power_w + 10]
counts = awake_starts.groupby("recording").size().to_frame("began awake [.0f runs]")
publish.table(counts, index="recording")

# %% tags=["hide-cell"]
half_w = 2.262 * idle.standard_error_w  # t quantile for ten windows
idle_w = (idle.power_w, idle.power_w - half_w, idle.power_w + half_w)
awake = len(awake_starts)
numbers.record_table(
    {
        "idle_power [.1f W]: power of the idle machine": idle_w,
        "idle_error [.2f W]: standard error of the idle power": idle.standard_error_w,
        "idle_error_naive [.2f W]: the same, were all samples independent": naive_w,
        "idle_sd [.1f W]: standard deviation of single idle samples": idle.sd_w,
        "blocks [.0f]: blocks of an idle window": blocks,
        "awake_starts [.0f runs]: recordings that began with the machine still awake": awake,
    }
)

# %% mystnb={"figure": {"caption": "Power of the idle machine through the night. Left: ten runs in which the program sleeps; band: mean with its 95 % interval. Right: the last seconds of the idle part before every other run, in the order they were made.", "name": "fig:power-idle"}, "image": {"alt": "Left, ten dots, the first far above the others; right, many dots over some hours, those of whole runs clearly above the band and those of all other runs in it or near it."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
order = np.arange(1, len(idle.window_w) + 1)
for ax in (left, right):
    ax.axhspan(*idle_w[1:], color=COLORS["idle"], alpha=0.35, lw=0)
left.plot(order, idle.window_w, "o", color=COLORS["baseline"])
left.set(xlabel="idle run", ylabel="power [W]", xticks=order[1::2])
kinds = {"whole": "full", "stopped": "stop", "resumed": "cont", "imports": "imports"}
shades = ("baseline", "failed", "work", "startup")
hours = (before["start"] - before["start"].min()).dt.total_seconds() / 3600
for (text, part), color in zip(kinds.items(), shades, strict=True):
    rows = before["recording"].str.contains(part)
    right.plot(hours[rows], before["mean_w"][rows], "o", color=COLORS[color], ms=5, label=text)
right.set(xlabel="hours since the first recording", ylim=(48, 56))
right.legend(loc="upper right", ncol=2, handletextpad=0.1, columnspacing=0.6)
plt.show()

# %% [markdown]
# The idle machine draws {num}`measuring_power.idle_power`, with a standard error of {num}`measuring_power.idle_error`; taken from single samples it would have been {num}`measuring_power.idle_error_naive`, which is an illusion.
# The first idle run draws more than the others ({numref}`fig:power-idle`): the machine had not settled, and a warm-up before the first recording would have kept that out.

# %% [markdown]
# ## The machine stays awake
#
# After a program the power does not return to idle.

# %%
after = {
    "whole": runs["roberta_full"],
    "stopped": runs["roberta_stop_after_saving_epoch_2"],
    "resumed": runs["roberta_continue_after_saving_2"],
}

# %%
tails = {n: stack(r, on="Exit", step_s=0.5, start_s=-6, stop_s=30) for n, r in after.items()}
awake_w = {n: t.mean_w[(t.time_s > 3) & (t.time_s < 15)].mean() for n, t in tails.items()}
publish.table({f"power after a run, {name} [.1f W]": value for name, value in awake_w.items()})

# %%
starts_s = np.array([run.start_epoch_s for run in whole.values()])
gaps_s = np.diff(starts_s) - [run.duration_s for run in whole.values()][:-1]
publish.table({"shortest pause [.1f s]": gaps_s.min(), "longest pause [.1f s]": gaps_s.max()})

# %% tags=["hide-cell"]
stopped = energies(after["stopped"], "Exit", idle=idle)
tail_s, tail_kj = stopped["duration_s"].min(), stopped["above_idle_j"].mean() / 1e3
numbers.record_table(
    {
        "awake_power [.0f W]: power in the seconds after a whole run": awake_w["whole"],
        "awake_seconds [.0f s]: the machine stays awake after a stop at least so long": tail_s,
        "awake_energy [.2f kJ]: energy above idle after a stop, as far as recorded": tail_kj,
        "pause [.0f s]: pause between the recordings of two whole runs": gaps_s.mean(),
    }
)

# %% mystnb={"figure": {"caption": "What follows the job's last event (second 0): mean of ten runs of each kind. Dashed: idle.", "name": "fig:power-awake"}, "image": {"alt": "Three curves from before to after the end of the job; all fall to the same level, {num}`measuring_power.awake_power` where the idle machine draws {num}`measuring_power.idle_power`, and stay there; only that of the resumed runs steps down to idle within the figure."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.3))
for (text, tail), color in zip(tails.items(), ("baseline", "failed", "work"), strict=True):
    ax.plot(tail.time_s, tail.mean_w, color=COLORS[color], label=text)
ax.axhline(idle.power_w, color=COLORS["idle"], ls="--", lw=1.2)
ax.text(-5.7, idle.power_w + 4, "idle", color=COLORS["baseline"])
ax.axvline(0, color=COLORS["baseline"], lw=0.8)
ax.legend(ncol=3, loc="upper right")
ax.set(
    xlabel="time since the job's last event [s]", ylabel="power [W]", xlim=(-6, 30), ylim=(0, 230)
)
plt.show()

# %% [markdown]
# The GPU's process is gone, yet the machine draws {num}`measuring_power.awake_power`, where idle it draws {num}`measuring_power.idle_power`, as long as the recordings of the whole and the stopped runs last; after resumed runs it falls asleep within the recording, in steps ({numref}`fig:power-awake`).
# Between whole runs the pause was {num}`measuring_power.pause`, too short: {num}`measuring_power.awake_starts` begin with a machine that is still awake, and though most of that is over in seconds, it draws more than idle until the program starts (right of {numref}`fig:power-idle`).
# Why it falls asleep sooner in one case than in another cannot be told from these files.
#
# Two things follow.
# The idle part *after* a program is not a baseline; only idle runs and the settled part before a program are.
# And whoever stops a job leaves a machine that goes on drawing power: over the {num}`measuring_power.awake_seconds` recorded after a stop, {num}`measuring_power.awake_energy` more than idle, which no window below counts.
# {doc}`cost_of_stopping` comes back to that.

# %% [markdown]
# ## Which window
#
# The published means are stated without the window they were integrated over.
# It can be found: power integrated from {num}`measuring_power.lead` after the first sample, when the program is started, to the job's last event, `Exit`, gives them.


# %%
WINDOW = (idle_s, "Exit")
found = totals(runs, lambda run: energy_j(run, *WINDOW))
energy_kj = [(name, j.mean() / 1e3, j.std() / 1e3, j.size) for name, j in found.items()]
heads = ["job", "energy [.3f kJ]", "standard deviation [.3f kJ]", "repeats [.0f]"]
publish.table(energy_kj, heads)

# %% tags=["hide-cell"]
for name, used_j in found.items():
    mean_kj = {name: stats.paired_t(used_j / 1e3).estimate}
    numbers.record_table(mean_kj, "{} [.2f kJ]: mean energy, {}, from program start to Exit")
    numbers.record_table({name: used_j.std() / 1e3}, "{}_sd [.2f kJ]: its standard deviation, {}")

# %%
windows = {
    "program start to Exit": lambda run: WINDOW,
    "first event to Exit": lambda run: (run.events[0].time_s, "Exit"),
    "training starts to Exit": lambda run: ("Start training", "Exit"),
    "program start to program end": lambda run: (idle_s, run.duration_s - idle_s),
    "program start to 20 s after Exit": lambda run: (idle_s, run.at("Exit") + 20),
    "all of the recording": lambda run: (0.0, run.duration_s),
}

# %%
by_window = pd.DataFrame()
for text, window in windows.items():
    used = totals(runs, lambda run, window=window: energy_j(run, *window(run)))
    by_window[text] = {name: used_j.mean() for name, used_j in used.items()}
by_window = by_window.T
publish.table(by_window / 1e3, "{} [.2f kJ]", index="window")

# %% tags=["hide-cell"]
reference = by_window.loc["program start to Exit"]
relative = 100 * (by_window / reference - 1)
overhead = by_window.sub(by_window["whole"], axis=0)[["save", "no save"]]
short = {"window_program": "program start to program end", "window_event": "first event to Exit"}

# %% tags=["hide-cell"]
for name, text in short.items():
    claim = f"{name} [.1f %]: whole run, {text}, against the published window"
    numbers.record_table({claim: relative.loc[text, "whole"]})
for name, text in short.items():
    claim = f"overhead_{name} [.2f kJ]: save and resume less whole, {text}"
    numbers.record_table({claim: overhead.loc[text, "save"] / 1e3})

# %% tags=["hide-cell"]
here = overhead.loc["program start to Exit", "save"] / 1e3
claim = "overhead [.2f kJ]: save and resume less whole, published window"
numbers.record_table({claim: here})

# %% mystnb={"figure": {"caption": "The same recordings in six windows. Left: energy. Right: what stopping and resuming adds.", "name": "fig:power-window"}, "image": {"alt": "Dot plot with one row a window; energies of whole, save and no-save runs grow with the window, and so do their differences."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), sharey=True)
rows = np.arange(len(by_window))[::-1]
for name, color in (("whole", "baseline"), ("save", "completed"), ("no save", "failed")):
    left.plot(by_window[name] / 1e3, rows, "o", color=COLORS[color], label=name, ms=7)
    if name != "whole":
        right.plot(overhead[name] / 1e3, rows, "o", color=COLORS[color], ms=7)
left.set_yticks(rows, by_window.index)
left.set(xlabel="energy [kJ]", xlim=(10, 25), ylim=(-0.6, len(rows) - 0.4))
right.axvline(0, color=COLORS["baseline"], lw=0.8)
right.set(xlabel="more than the whole run [kJ]", xlim=(-0.6, None))
fig.legend(loc="outside upper right", ncol=3)
plt.show()

# %% [markdown]
# The window decides what the question is ({numref}`fig:power-window`).
# Waiting for the program to end adds {num}`measuring_power.window_program` to a whole run, and the cost of a stop goes from {num}`measuring_power.overhead` to {num}`measuring_power.overhead_window_program`.
# Beginning at the job's first event loses the time in which it imports its libraries, which a resumed job spends again: the cost of a stop falls to {num}`measuring_power.overhead_window_event`.
# Counting the time after the program, the dearest choice of all, is fair only if nothing else would have run on the machine.
# This book uses the window of the published figures, and says where the answer hangs on it.

# %% [markdown]
# ## How the integral is taken
#
# The trapezoid rule joins samples by straight lines.
# Other rules, on the same samples of the same window:

# %%
inside = {k: (r.time_s >= idle_s) & (r.time_s <= r.at("Exit")) for k, r in whole.items()}
samples = {k: (r.time_s[inside[k]], r.power_w[inside[k]]) for k, r in whole.items()}
rules = {
    "trapezoid": lambda t, p: integrate.trapezoid(p, t),
    "left": lambda t, p: p[:-1] @ np.diff(t),
    "right": lambda t, p: p[1:] @ np.diff(t),
    "mean x duration": lambda t, p: p.mean() * np.ptp(t),
    "Simpson": lambda t, p: integrate.simpson(p, x=t),
}

# %%
by_rule = pd.DataFrame({n: [rule(*s) for s in samples.values()] for n, rule in rules.items()})
trapezoid = by_rule.pop("trapezoid")
errors = 100 * (by_rule.div(trapezoid, axis=0) - 1)
heads = {"mean": "more than by trapezoids, mean [.4f %]", "std": "standard deviation [.4f %]"}
publish.table(errors.agg(["mean", "std"]).T, heads, index="rule")

# %% tags=["hide-cell"]
claim = "rules [.2f %]: largest difference between integration rules, any run"
numbers.record_table({claim: errors.abs().max().max()})

# %% [markdown]
# With samples so close the rule does not matter: no other one differs by more than {num}`measuring_power.rules` in any run.

# %% [markdown]
# ## How often to sample
#
# What if the meter were slower?
# Two slow meters are imitated by thinning the samples: one that reads the power of the instant now and then, and one that reports the mean over the time since its last report.


# %%
exact_j = {repeat: energy_j(run, *WINDOW) for repeat, run in whole.items()}
meters = {"instant": False, "mean": True}
slower = [
    (every, repeat, kind, thin(run, every, first=first, averaging=averaging))
    for every in (2, 4, 10, 20, 40, 100, 200)
    for first in sorted({every * k // 10 for k in range(10)})
    for repeat, run in whole.items()
    for kind, averaging in meters.items()
]

# %%
thinned = pd.DataFrame(
    [
        (n * intervals_s.mean(), kind, 100 * (energy_j(run, *WINDOW) / exact_j[repeat] - 1))
        for n, repeat, kind, run in slower
    ],
    columns=["interval_s", "meter", "error"],
)
squares = thinned.assign(error=thinned["error"] ** 2)
rms = np.sqrt(squares.pivot_table("error", "interval_s", "meter"))

# %%
heads = {"instant": "reads the instant [.3f %]", "mean": "reports the mean [.3f %]"}
publish.table(rms, heads, index="a sample each [.1f s]")

# %% tags=["hide-cell"]
for name, wanted_s in (("tenth", 0.1), ("second", 1)):
    at = rms.index[np.argmin(np.abs(rms.index - wanted_s))]
    for kind, digits in (("instant", 1), ("mean", 3)):
        what = f"error of a run's energy with a sample each {at:.1f} s, meter of the {kind}"
        numbers.record_table({f"thin_{kind}_{name} [.{digits}f %]: {what}": rms.loc[at, kind]})

# %% mystnb={"figure": {"caption": "Error of a run's energy (root mean square over runs and over where sampling begins) against the sampling interval, for a meter that reads the instant and one that reports means.", "name": "fig:power-interval"}, "image": {"alt": "Two rising lines on logarithmic axes; at one sample a second the meter of instants errs by {num}`measuring_power.thin_instant_second`, the meter of means by {num}`measuring_power.thin_mean_second`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
ax.loglog(rms["instant"], "o-", color=COLORS["failed"], label="reads the instant")
ax.loglog(rms["mean"], "o-", color=COLORS["work"], label="reports the mean")
spread = 100 * found["whole"].std() / found["whole"].mean()
ax.axhline(spread, color=COLORS["baseline"], lw=1, ls="--")
ax.text(1.5, spread * 0.9, "spread between runs", color=COLORS["baseline"], va="top")
ax.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10], ["0.1", "0.2", "0.5", "1", "2", "5", "10"])
ax.xaxis.minorticks_off()
ax.set_yticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
ax.set(xlabel="sampling interval [s]", ylabel="error of the energy [%]")
ax.legend()
plt.show()

# %% [markdown]
# Training draws power in strokes, one a batch, and a slow meter of instants samples them by chance: at one sample a second it errs by {num}`measuring_power.thin_instant_second` in a single run, against {num}`measuring_power.thin_mean_second` for a meter that reports means.
# At a tenth of a second even the meter of instants errs by no more than {num}`measuring_power.thin_instant_tenth`.
# A meter that counts energy makes the interval a matter of taste; that is why the recorder of `measurements/` reads the GPU's energy counter beside its power.

# %% [markdown]
# ## When an event is
#
# Events and samples are stamped on the same machine, but an event says when a line of the program was reached, not when the power changed.


# %%
epochs = range(1, 5)
events = {
    "training ends": [f"Epoch {n}.0 ended. Steps: {12 * n}" for n in epochs],
    "checkpoint saved": [f"Epoch {n}.0. Saved. Steps: {12 * n}" for n in epochs],
}

# %%
lags = pd.DataFrame(
    {name: [lag_s(r, e) for r in whole.values() for e in those] for name, those in events.items()}
)
described = lags.describe().drop(["25%", "50%", "75%"]).T
heads = {"count": "events [.0f]", "mean": "mean [.2f s]", "std": "standard deviation [.2f s]"}
heads |= {"min": "shortest [.2f s]", "max": "longest [.2f s]"}
publish.table(described, heads, index="event")

# %% tags=["hide-cell"]
for name, text in (("end", "training ends"), ("saved", "checkpoint saved")):
    low, median, high = np.quantile(lags[text], [0.025, 0.5, 0.975])
    what = f"power changes so long after the event: {text} (95 % of the events)"
    numbers.record_table({f"lag_{name} [.2f s]: {what}": (median, low, high)})

# %% mystnb={"figure": {"caption": "Power around two events (second 0): thin, epochs 1 to 4 of the ten runs; thick, their mean; dashed, the median instant at which power is past half-way.", "name": "fig:power-lag"}, "image": {"alt": "Left, power falls steeply, {num}`measuring_power.lag_end` after the event; right, power rises steeply, within {num}`measuring_power.lag_saved` of the event."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
for ax, (text, those) in zip(axes, events.items(), strict=True):
    around = [stack(whole, on=event, start_s=-1.0, stop_s=1.5) for event in those]
    at_s, each_w = around[0].time_s, np.vstack([s.power_w for s in around])
    ax.plot(at_s, each_w.T, color=COLORS["work"], lw=0.4, alpha=0.4)
    ax.plot(at_s, np.mean([s.mean_w for s in around], axis=0), color="#222222")
    ax.axvline(0, color=COLORS["baseline"], lw=1)
    ax.axvline(np.median(lags[text]), color=COLORS["failed"], ls="--", lw=1.4)
    ax.set(title=text, xlabel="time since the event [s]", ylim=(0, None), xlim=(-1, 1.5))
axes[0].set(ylabel="power [W]")
plt.show()

# %% [markdown]
# After a checkpoint power rises within {num}`measuring_power.lag_saved` of the event, which bounds how far the two clocks and the meter can be apart.
# At the end of an epoch's training it falls only {num}`measuring_power.lag_end` after the event ({numref}`fig:power-lag`), long after what clocks explain: the event is written before the GPU has ended its work, or the evaluation that follows begins with work of its own.
# So some of the energy of training is booked under evaluating; a sum over both is not touched.

# %% [markdown]
# ## Energy above idle
#
# What a job adds to a machine that is on anyway is its energy less idle power times its duration.
# The error of the baseline is common to all runs and grows with the window; it does not shrink with repeats.

# %%
each = energies(whole, *WINDOW, idle=idle)
above = stats.paired_t(each["above_idle_j"] / 1e3).estimate
common_kj = each["above_idle_standard_error_j"].mean() / 1e3
share = 100 * (1 - above.value / (found["whole"].mean() / 1e3))

# %%
publish.table(
    {
        "energy above idle [.3f kJ]": above.value,
        "from [.3f kJ]": above.low,
        "to, with 95 % confidence [.3f kJ]": above.high,
        "standard error from the baseline [.3f kJ]": common_kj,
    }
)

# %% tags=["hide-cell"]
spread_kj = (above.high - above.low) / (2 * 2.262)
half_kj = 2.262 * np.hypot(spread_kj, common_kj)
mean_kj = (above.value, above.value - half_kj, above.value + half_kj)
numbers.record_table(
    {
        "above_idle [.2f kJ]: energy of a whole run above idle, error of the baseline included": mean_kj,
        "above_idle_common [.0f J]: standard error of it from the baseline alone": 1e3 * common_kj,
        "idle_share [.0f %]: share of a whole run's energy that an idle machine would have used": share,
    }
)

# %% [markdown]
# {num}`measuring_power.idle_share` of a whole run's energy would have been used by the idle machine too; {num}`measuring_power.above_idle` are the job's own.
# The baseline alone is uncertain by {num}`measuring_power.above_idle_common` a run.
# In a difference between two kinds of run it nearly cancels, as far as they take equally long, which a stopped job does not.

# %% [markdown]
# ## How many runs
#
# The smaller the spread between repeats, the fewer are needed.
# The number follows from the spread, the wanted difference and the wanted chance of 80 % to find it at the 5 % level.

# %%
sizes, whole_j = np.arange(3, 31), found["whole"].mean()
sds_j = {name: used_j.std() for name, used_j in found.items()}
needed = {n: stats.runs_to_detect(difference * whole_j, sd_j) for n, sd_j in sds_j.items()}
claim = f"{{}}: runs of each kind to detect {100 * difference:g} % of a whole run"
publish.table({claim.format(name): count for name, count in needed.items()})

# %%
detect = {
    name: np.array([stats.smallest_detectable(int(n), sd_j) for n in sizes]) / whole_j
    for name, sd_j in sds_j.items()
}

# %% tags=["hide-cell"]
runs_of_each = f"runs of each kind that detect {100 * difference:g} %"
ten = 100 * detect["whole"][7]
numbers.record_table(
    {
        f"runs_one_percent [.0f]: {runs_of_each}, spread as of whole runs": needed["whole"],
        f"runs_one_percent_save [.0f]: {runs_of_each}, spread as of save and resume": needed[
            "save"
        ],
        "detectable_ten [.2f %]: difference that ten runs of each kind detect, spread as of whole runs": ten,
    }
)

# %% mystnb={"figure": {"caption": "Left: energy of each repeat, against its mean. Right: smallest difference that a t-test finds with 80 % power, by the number of runs of each kind.", "name": "fig:power-design"}, "image": {"alt": "Left, dots of single runs scatter around their means, most widely for save and resume; right, three falling curves, lowest for whole runs and highest for save and resume, and a line at the wanted difference."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
shades = {"whole": "baseline", "save": "completed", "no save": "failed"}
for place, (name, shade) in enumerate(shades.items()):
    relative = 100 * (found[name] / found[name].mean() - 1)
    figures.repeats(left, relative, place, COLORS[shade], seed=seed)
    right.plot(sizes, 100 * detect[name], color=COLORS[shade], label=name)
left.axhline(0, color=COLORS["baseline"], lw=0.8)
left.set_xticks(range(3), list(shades))
left.set(ylabel="against the mean [%]")
right.axhline(100 * difference, color=COLORS["rest"], lw=1.2)
right.set(xlabel="runs of each kind", ylabel="detectable difference [%]", ylim=(0, None))
right.legend()
plt.show()

# %% [markdown]
# With ten runs of each kind a difference of {num}`measuring_power.detectable_ten` is found; {num}`measuring_power.runs_one_percent` runs suffice for one percent if runs spread like whole ones, {num}`measuring_power.runs_one_percent_save` if they spread like stopped and resumed ones.
# This holds for random spread only: a difference that comes from the order of the experiments is not found by more runs.

# %% [markdown]
# (limits-measuring-power)=
# ## What could be wrong
#
# * **The experiments were not interleaved.**
#   Whole runs came first, all in a row, with a pause of {num}`measuring_power.pause`; stopped and resumed ones followed.
#   Whatever changed that night, or depends on the pause, looks like an effect of stopping.
# * **Awake and idle.**
#   {num}`measuring_power.awake_starts` began with the machine awake, nearly all of them whole runs; a machine that has just worked is warmer, and may draw more for the same work.
# * **One machine, one job, one meter**, whose calibration is not documented: an error of scale would be in every figure here and cancels only in ratios.
# * **Samples have no times.**
#   They are spread evenly; a meter that stuttered would smear phases, though hardly a run's energy.
# * **The window was found by trying**, since it is not stated; that three means and their spreads agree with the published ones leaves little room for another.

# %% [markdown]
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=measuring_power P="idle_s=32"          # forget the first two seconds of the program
# make run CHAPTER=measuring_power P="shown=3"            # another run
# make run CHAPTER=measuring_power P="difference=0.002"   # two in a thousand
# make run CHAPTER=measuring_power P="blocks=60"          # blocks of one second
# ```
#
# * How does the standard error of the idle power change with ever shorter blocks, and when is it wrong?
# * Which alignment makes ten runs agree best at the *end* of training?
# * How slow may the meter be before the cost of a stop is no longer seen?

# %%
numbers
