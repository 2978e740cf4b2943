# ---
# jupyter:
#   book:
#     downloads: [electricity-maps-DE-2024-07]
# ---

# %% [markdown]
# # The published evaluation, solved
#
# **Question.**
# A published study asked what suspending and resuming saves when every resume repeats a start-up, solved {num}`published_evaluation.problems` with a mixed-integer program, and left {num}`published_evaluation.left_open` of them open: what did it miss?
#
# **Answer.**
# In {word}`published_evaluation.place` in {word}`published_evaluation.years`, every problem at its proven optimum and the curve known, the best single start saves {num}`published_evaluation.saved_start`, and suspension {num}`published_evaluation.gained` of what is left.
# One week alone, as published, may say anything from {num}`published_evaluation.week_low` to {num}`published_evaluation.week_high`.
# {if}`published_evaluation.effects_found` The effects that the study could not find are there once each problem is compared with itself.
#
# {opening}`fig:published-weeks`
#
# **You need.**
# {doc}`pause_and_resume` for the problem and how it is solved.
# A *paired* comparison takes the difference within each problem before anything is averaged; *points* are differences of percentages.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones()
factors = "ipcc2014"  # or "srren2011", "unece2022"
every_weeks = 3  # a start in every third week of two years
block = 4  # neighbouring starts kept together by the bootstrap
seed = 1

# %% tags=["hide-input"]
from dataclasses import asdict, replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers.published import analysis
from helpers.published.evaluation import (
    LENGTHS_H,
    LONGEST_WAITS_H,
    STARTUP_POWERS_W,
    STARTUPS_MIN,
    PublishedProblem,
)
from helpers.schedule import milp
from helpers.schedule.suspend import grid

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
made_up = {"jobs": "the published problems", "pauses": "charged", "future": "known"}
SCOPE = publish.Scope((zone,), datasets.years(), **made_up)
numbers = publish.Numbers("published_evaluation", SCOPE)

# %% tags=["hide-cell"]
numbers.word("place", datasets.place(zone), "the grid of the weeks")
_ = numbers.word("years", " and ".join(map(str, datasets.years())), "the years of the weeks")

# %% [markdown]
# ## What was published
#
# A job takes turns between 200 W and 100 W, or draws its average all the time; it begins with a start-up, which it must repeat at every resume.
# It arrives at the first instant of an hourly curve (Germany, from Monday 1 July 2024) and may wait {cite}`opitz2024`.
# All combinations of the values below make the problems; each was solved twice, with and without suspension.

# %%
evaluation = analysis.Evaluation()
table = evaluation.table
parameters = ("power", "phases", "startup_min", "startup_power_w", "length_h", "longest_wait_h")
words = (
    "power",
    "phases [min]",
    "start-up [min]",
    "power of the start-up [W]",
    "length [h]",
    "longest wait [h]",
)
levels = {
    word: ", ".join(map(str, table[name].unique()))
    for word, name in zip(words, parameters, strict=True)
}
publish.table(pd.Series(levels).to_frame("levels"), index="parameter")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "left_open [.0f]: problems that reached the time limit, as published": 209,
        "limit_min [.0f min]: time limit of a problem, as published": 20,
        "hours [.0f h]: processing time of all runs on two machines, as published": 88,
    }
)

# %% tags=["hide-cell"]
shown = {name: analysis.PUBLISHED_P[name] for name in ("scheduler", "power", "startup_min")}
numbers.record_table(shown, "p_{} [.2f]: p-value of {}, as published")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "problems [.0f problems]: problems of the published evaluation": len(table),
        "different [.0f problems]: of them different": evaluation.different.size,
    }
)

# %% [markdown]
# Only {num}`published_evaluation.different` are different: a start-up of no length has no power, and an hour's job never reaches its second phase.
# That alone makes any test that counts all of them as evidence too sure of itself.
#
# The study ran for {num}`published_evaluation.hours` on two machines with a commercial solver, {num}`published_evaluation.limit_min` a problem, and reported an analysis of variance with one p-value for each parameter.
# It found no effect of the scheduler ($p$ = {num}`published_evaluation.p_scheduler`), of phases ({num}`published_evaluation.p_power`) or of the start-up's length ({num}`published_evaluation.p_startup_min`), and in some cases suspension came out *worse* than no suspension, which an optimum cannot.
#
# ## Why so many stayed open
#
# A solver works between a schedule it has and a bound it can prove, and the first bound comes from letting every 0-or-1 take any value between.
# For the published program (*big-M*, {doc}`pause_and_resume`) that bound is worth nothing.
# A handful of small problems shows it, and lets outside judges confirm the optimum.

# %%
curve = datasets.carbon_intensity(zone, None, factors)
first_monday = curve.start.ceil("D") + pd.Timedelta(days=-curve.start.weekday() % 7)
release_s = first_monday.timestamp()

# %%
small = [
    PublishedProblem(power, *phases, startup, 200, 2, 6)
    for power in ("phases", "constant")
    for phases in ((60, 30), (30, 60))
    for startup in (0, 30)
]

# %%
tasks = [("tight", "highs", problem) for problem in small]
tasks += [("big-M", "cbc", problem) for problem in small[:2]]
judges = pd.DataFrame([analysis.judged(*task, curve, release_s) for task in tasks])

# %%
agree = (judges["status"] == "optimal") & (judges["off"].abs() < 1e-9)
bounds = judges.groupby("program")["first_bound"].agg(["size", "min", "max"])
publish.table(
    bounds.assign(agree=agree.groupby(judges["program"]).sum()),
    {
        "size": "problems [.0f]",
        "min": "least first bound [.2f %]",
        "max": "highest first bound [.2f %]",
        "agree": "proved optimal, same objective to 1e-9 [.0f]",
    },
    index="program",
)

# %%
hard = PublishedProblem("phases", 60, 60, 5, 200, 16, 96)
arguments = hard.job, curve, release_s, release_s + hard.window_s
program = milp.big_m_program(*arguments).problem
states = grid(*arguments)
variables, rules = program.numVariables(), program.numConstraints()
publish.table(
    {
        "published program [.0f variables]": variables,
        "its rules [.0f]": rules,
        "dynamic program, each looked at once [.0f states]": states.cells,
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "judged [.0f problems]: small problems put to outside judges": len(judges),
        "judged_agree [.0f problems]: of them with the same proved optimum": agree.sum(),
        "hard_variables [.0f variables]: published program, large": variables,
        "hard_states [.0f states]: dynamic program, same problem": states.cells,
    }
)

# %% tags=["hide-cell"]
least = {(kind.lower().replace("-", "_"), kind): least for kind, least in bounds["min"].items()}
numbers.record_table(least, "bound_{0} [.2f %]: least first bound over the optimum, {1}")

# %% [markdown]
# The first bound of the published program is {num}`published_evaluation.bound_big_m` of the optimum, that of a tight one at least {num}`published_evaluation.bound_tight`; where a job has phases, the solver must then search its way up from nothing.
# The study saw just that: it reports gaps of up to 100 %, and that problems of constant power were solved and those with phases were not.
# One of the large problems has {num}`published_evaluation.hard_variables` there, but only {num}`published_evaluation.hard_states` in the recursion of {doc}`pause_and_resume`, whatever the curve.
# Of {num}`published_evaluation.judged` small enough for the solvers, {num}`published_evaluation.judged_agree` give the same optimum.
#
# ## All of them, in many weeks
#
# Now every problem is solved, with and without suspension, for an arrival at midnight between Sunday and Monday in every so many weeks of {word}`published_evaluation.years` in {word}`published_evaluation.place`, {num}`published_evaluation.weeks` in all.
# The windows of two starts do not overlap.

# %%
last = curve.stop - pd.Timedelta(seconds=evaluation.longest_window_s)
releases = pd.date_range(first_monday, last, freq=f"{7 * every_weeks}D")
numbers.about(weeks=len(releases))
solved = [evaluation.solve(curve, release.timestamp()) for release in releases]
runs = {name: np.stack([week[name] for week in solved]) for name in solved[0].columns}

# %%
worse = (runs["best_g"] > runs["start_g"] * (1 + 1e-12)).sum()
publish.table(
    {
        "starts [.0f]": len(releases),
        "runs, all optimal [.0f]": 2 * runs["best_g"].size,
        "with suspension worse than without [.0f]": worse,
    }
)

# %%
saved = 100 * (1 - runs["start_g"] / runs["now_g"])  # by the best start
gained = 100 * (1 - runs["best_g"] / runs["start_g"])  # by suspension, of what is left
total = 100 * (1 - runs["best_g"] / runs["now_g"])
resumed = 100 * (runs["resumes"] > 0)

# %%
resampled = {"block": block, "seed": seed}
sums = {"start": saved, "gain": gained, "both": total, "resumed": resumed}
sums = {name: analysis.over_weeks(x.mean(axis=1), **resampled) for name, x in sums.items()}

# %%
named = {"start": "best start", "gain": "suspension, of what is left", "both": "both"}
rows = {words: asdict(sums[name]) for name, words in named.items()}
heads = {"value": "saved [.1f %]", "low": "from [.1f %]", "high": "to [.1f %]"}
publish.table(pd.DataFrame(rows).T, heads, index="by")

# %% mystnb={"figure": {"caption": "Mean saving over all problems by the week of the start: by the best single start (light), and with suspension (dark). Each bar is as much as a study of one week would have to go on.", "name": "fig:published-weeks"}, "image": {"alt": "Bars over the starts of two years, from {num}`published_evaluation.week_low` to {num}`published_evaluation.week_high`, most of each bar light and a thin dark part on top."}} tags=["hide-input"]
fig, ax = plt.subplots()
days = 7 * every_weeks * 0.8
ax.bar(releases, saved.mean(axis=1), width=days, color=COLORS["partial"])
beyond = total.mean(axis=1) - saved.mean(axis=1)
ax.bar(releases, beyond, bottom=saved.mean(axis=1), width=days, color=COLORS["work"])
top = 1.22 * total.mean(axis=1).max()
ax.set(ylabel="emissions saved, %", xlabel="start of the week", ylim=(0, top))
ax.grid(axis="x", visible=False)
ax.text(0.01, 0.93, "added by suspension", color=COLORS["work"], transform=ax.transAxes)
ax.text(0.01, 0.85, "best single start", color=COLORS["partial"], transform=ax.transAxes)
plt.show()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        f"weeks [.0f weeks]: starts, {every_weeks} weeks apart": len(releases),
        "runs [.0f runs]: runs solved, all to the optimum": 2 * runs["best_g"].size,
        "worse [.0f runs]: runs in which suspension is worse than none": worse,
        "week_low [.1f %]: least mean saving of a week": total.mean(axis=1).min(),
        "week_high [.1f %]: largest mean saving of a week": total.mean(axis=1).max(),
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "saved_start [.1f %]: saved by the best start against starting at once": sums["start"],
        "gained [.1f %]: saved by suspension against the best start": sums["gain"],
        "saved_both [.1f %]: saved with suspension against starting at once": sums["both"],
        "resumed [.0f %]: problems whose optimum resumes": sums["resumed"],
    }
)

# %% [markdown]
# All {num}`published_evaluation.runs` are proven optima, and suspension is worse than none in {num}`published_evaluation.worse`.
# Both together save {num}`published_evaluation.saved_both` against starting at once, most of it by a good start: suspension adds {num}`published_evaluation.gained` of what the best start emits.
# The mean of a single week lies anywhere between {num}`published_evaluation.week_low` and {num}`published_evaluation.week_high` ({numref}`fig:published-weeks`): a study of one week cannot see what the weather of that week does.
#
# ## Why the analysis of variance saw nothing
#
# An analysis of variance takes the runs as independent draws whose parameters add up; these runs share one curve, come in pairs that differ in the scheduler alone, and their parameters multiply, since a job of sixteen hours emits sixteen times as much and only long jobs have much to gain from suspension.
# What one parameter at a time leaves unexplained is then not noise but the other parameters, above all the length, and a small effect drowns in it.

# %%
tested = [analysis.p_values(table, week["start_g"], week["best_g"]) for week in solved[::3]]
medians = pd.concat(tested).groupby(level=0).median().loc[tested[0].index]
medians = medians.map("{:.1g}".format)
publish.table(medians, "p, {}", index=f"parameter (median of {len(tested)} weeks)")

# %% tags=["hide-cell"]
blind = pd.DataFrame([test.loc["scheduler"] for test in tested]) >= 0.05
missed = {("alone", "alone"): blind["alone"].sum()}
missed["beside", "with the others"] = blind["with the others"].sum()
claim = "anova_missed_{0} [.0f weeks]: weeks with p >= 0.05 for suspension, {1}"
numbers.record_table(missed, claim)

# %% tags=["hide-cell"]
claim = "anova_weeks [.0f weeks]: weeks analysed by analysis of variance"
numbers.record_table({claim: len(tested)})

# %% [markdown]
# At the proven optimum, too, the one-way analysis misses suspension in {num}`published_evaluation.anova_missed_alone` of {num}`published_evaluation.anova_weeks`, and with all parameters beside it still in {num}`published_evaluation.anova_missed_beside`: the time limit was not what hid it.
#
# ## Each problem against itself
#
# Now the same runs in pairs: two problems that differ in one parameter and nothing else, with the same weather.
# The difference is taken within each pair, averaged over all pairs of a week, and the weeks are resampled in blocks.

# %%
contrasts = analysis.contrasts(table)
sure = 1 - 0.05 / (2 * len(contrasts))  # all intervals together hold with 95 %

# %%
effects = {
    name: [
        analysis.over_weeks(evaluation.paired(values, f, x), confidence=sure, **resampled)
        for f, x, _ in contrasts
    ]
    for name, values in {"start": saved, "suspension": gained}.items()
}

# %% mystnb={"figure": {"caption": "What one parameter changes, paired by problem: in the saving of the best start (left) and in the gain of suspension beyond it (right), in points. Intervals hold together with 95 %.", "name": "fig:published-paired"}, "image": {"alt": "Two panels of dots with intervals, one row a contrast; on the right, the gain of suspension, half an hour of start-up stands at {num}`published_evaluation.gain_startup_30`, the longest wait at {num}`published_evaluation.gain_wait_96`, a length of sixteen hours at {num}`published_evaluation.gain_length_16`, phases at {num}`published_evaluation.gain_power_phases`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 5.4), sharey=True)
titles = {"start": "best start", "suspension": "gain of suspension"}
for ax, (name, found) in zip(axes, effects.items(), strict=True):
    color = COLORS["partial" if name == "start" else "work"]
    for place, interval in enumerate(found):
        ax.plot([interval.low, interval.high], [place, place], color=color, linewidth=4, alpha=0.5)
        ax.plot(interval.value, place, "o", color=COLORS["work"], markersize=5)
    ax.axvline(0, color=COLORS["baseline"], linewidth=1)
    ax.set(title=titles[name], xlabel="difference, points")
    ax.grid(axis="y", visible=False)
axes[0].set_yticks(range(len(contrasts)), [text for *_, text in contrasts])
axes[0].invert_yaxis()
plt.show()

# %% tags=["hide-cell"]
short = {"longest_wait_h": "wait", "length_h": "length", "startup_min": "startup"}
labels = [f"{short.get(f, f)}_{x}".lower().replace("/", "_") for f, x, _ in contrasts]
texts = [text for *_, text in contrasts]

# %% tags=["hide-cell"]
for kind, name, what in (
    ("start", "start", "saving of the best start"),
    ("gain", "suspension", "gain of suspension"),
):
    found = [replace(one, confidence=round(sure, 4)) for one in effects[name]]
    found = dict(zip(zip(labels, texts, strict=True), found, strict=True))
    numbers.record_table(found, f"{kind}_{{0}} [.2f points]: {what}: {{1}}")

# %% tags=["hide-cell"]
clear = sum(interval.low > 0 or interval.high < 0 for interval in effects["suspension"])
found_them = clear > len(contrasts) / 2
numbers.fact("effects_found", found_them, "over half of the paired contrasts leave zero out")
less = -evaluation.paired(gained, "startup_min", 30).mean()
text = "less gain of suspension with a start-up of 30 min instead of none"
numbers.record_table(
    {
        "contrasts [.0f contrasts]: paired contrasts of each outcome": len(contrasts),
        "contrasts_clear [.0f contrasts]: whose interval for the gain leaves 0 out": clear,
        f"lost_startup_30 [.1f points]: {text}": less,
    }
)

# %% tags=["hide-cell"]
starts = {minutes: evaluation.where(startup_min=minutes) for minutes in STARTUPS_MIN}
found = {
    minutes: analysis.over_weeks(gained[:, starts[minutes]].mean(axis=1), **resampled)
    for minutes in (0, 30)
}
numbers.record_table(found, "gained_{} [.2f %]: gain of suspension, start-up {} min")

# %% tags=["hide-cell"]
of_power = (evaluation.where(power=power) for power in ("phases", "constant"))
with_phases, average = (runs["best_g"][:, chosen] for chosen in of_power)
ratio = with_phases / average - 1
weekly = 100 * np.abs(ratio).mean(axis=1)
claim = "phases_absolute [.1f %]: between a job with phases and its average, either way"
numbers.record_table({claim: analysis.over_weeks(weekly, **resampled)})

# %% tags=["hide-cell"]
differs = {"more": ratio > 1e-9, "less": ratio < -1e-9}
found = {n: analysis.over_weeks(100 * x.mean(axis=1), **resampled) for n, x in differs.items()}
claim = "phases_{} [.0f %]: pairs in which phases emit {} than their average"
numbers.record_table(found, claim)

# %% [markdown]
# Of {num}`published_evaluation.contrasts` of the gain of suspension, {num}`published_evaluation.contrasts_clear` are clear of zero.
# A start-up of half an hour takes {num}`published_evaluation.lost_startup_30` off the gain of {num}`published_evaluation.gained_0` without one; a longest wait of 96 h adds {num}`published_evaluation.gain_wait_96`, a length of 16 h {num}`published_evaluation.gain_length_16`.
# {if}`in-book` The power of the start-up is small beside its length ({num}`published_evaluation.gain_startup_power_w_200`): a restart costs time in the clean hours as well as energy.
# Phases instead of their average change the gain by {num}`published_evaluation.gain_power_phases`: a job with phases and its average differ by {num}`published_evaluation.phases_absolute` in what the optimum emits, but with phases it is more in {num}`published_evaluation.phases_more` of the pairs and less in {num}`published_evaluation.phases_less`, for phases of an hour on a curve of hours are too short to be placed ({doc}`when_to_start`).
#
# ## Parameters act together
#
# A main effect is an average over all the others, and here it describes no problem at all.


# %%
cells = {m: evaluation.by_length_and_wait(gained, startup_min=m) for m in STARTUPS_MIN}
publish.table(cells[0], "longest wait {} h [.1f %]", index="length of the job, no start-up [.0f h]")

# %% mystnb={"figure": {"caption": "Gain of suspension beyond the best start, per cent, by length of the job and longest wait, for four lengths of the start-up; mean over the weeks.", "name": "fig:published-cells"}, "image": {"alt": "Four tables of coloured cells; for the longest job and the longest wait the gain is {num}`published_evaluation.cell_free_16_96` without a start-up and {num}`published_evaluation.cell_slow_16_96` with the longest; for a job of four hours {num}`published_evaluation.cell_free_4_96` and {num}`published_evaluation.cell_slow_4_96`."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.8), sharex=True, sharey=True)
top = cells[0].to_numpy().max()
for ax, (minutes, part) in zip(axes.flat, cells.items(), strict=True):
    ax.imshow(part, cmap="cividis", vmin=0, vmax=top, aspect="auto", origin="lower")
    for (row, column), value in np.ndenumerate(part.to_numpy()):
        shade = "black" if value > 0.6 * top else "white"
        ax.text(column, row, f"{max(value, 0):.1f}", ha="center", va="center", color=shade)
    ax.set(title=f"start-up {minutes} min" if minutes else "no start-up")
    ax.set_xticks(range(len(LONGEST_WAITS_H)), LONGEST_WAITS_H)
    ax.set_yticks(range(len(LENGTHS_H)), LENGTHS_H)
    ax.grid(False)
for ax in axes[1]:
    ax.set_xlabel("longest wait, h")
for ax in axes[:, 0]:
    ax.set_ylabel("length, h")
plt.show()

# %% tags=["hide-cell"]
claim = "cell_{0}_{1}_{2} [.1f %]: gain of a job of {1} h, longest wait {2} h, start-up {3} min"
corners = [(16, 96), (16, 6), (4, 96), (4, 6)]
for minutes, name in ((0, "free"), (30, "slow")):
    found = {(name, *corner, minutes): cells[minutes].loc[corner] for corner in corners}
    numbers.record_table(found, claim)

# %% [markdown]
# A longer wait changes the gain of a job of sixteen hours without start-up from {num}`published_evaluation.cell_free_16_6` to {num}`published_evaluation.cell_free_16_96`, and that of a job of four hours from {num}`published_evaluation.cell_free_4_6` to {num}`published_evaluation.cell_free_4_96` ({numref}`fig:published-cells`).
# {if}`in-book` The long job finds more valleys to be split over, the short one a valley that is deep and wide enough for all of it.
# The mean effect of the wait, {num}`published_evaluation.gain_wait_96`, is that of neither.
# With start-ups of half an hour the longest jobs gain {num}`published_evaluation.cell_slow_16_96` at best.
#
# ## When suspension pays

# %%
resumes = {m: runs["resumes"][:, chosen].ravel() for m, chosen in starts.items()}
counts = pd.DataFrame({m: np.bincount(found, minlength=6) for m, found in resumes.items()})
shares = 100 * counts / counts.sum()
publish.table(shares, "start-up {} min [.2f %]", index="resumes of the optimum [.0f]")

# %%
bound_by = runs["resumes"] + 1 > milp.PUBLISHED_STARTS
publish.table({f"optima with more than {milp.PUBLISHED_STARTS} starts [.0f]": bound_by.sum()})

# %% tags=["hide-cell"]
kinds = {"16 h": evaluation.where(length_h=16), "all lengths": np.full(len(table), True)}

# %% tags=["hide-cell"]
shown = {
    (name, power, m): resumed[:, kind & evaluation.where(startup_power_w=power, startup_min=m)]
    for name, kind in kinds.items()
    for power in STARTUP_POWERS_W
    for m in STARTUPS_MIN
}
shown = {case: analysis.over_weeks(x.mean(axis=1), **resampled) for case, x in shown.items()}

# %% mystnb={"figure": {"caption": "Problems whose optimum resumes at least once, by length of the start-up, for jobs of 16 h (upper) and of all lengths (lower) and both powers of the start-up; 95 % intervals over the weeks.", "name": "fig:published-resumes"}, "image": {"alt": "Lines of the share of problems with a resume against the length of the start-up: jobs of sixteen hours from {num}`published_evaluation.resumed_0_16h` to {num}`published_evaluation.resumed_30_16h`, all lengths from {num}`published_evaluation.resumed_0` to {num}`published_evaluation.resumed_30`."}} tags=["hide-input"]
fig, ax = plt.subplots()
for name, color in (("16 h", COLORS["work"]), ("all lengths", COLORS["baseline"])):
    for power, line, up in zip(STARTUP_POWERS_W, ("-", "--"), (3, -4), strict=True):
        found = [shown[name, power, m] for m in STARTUPS_MIN]
        low, value, high = zip(*((i.low, i.value, i.high) for i in found), strict=True)
        ax.fill_between(STARTUPS_MIN, low, high, color=color, alpha=0.15, linewidth=0)
        ax.plot(STARTUPS_MIN, value, line, marker="o", markersize=4, color=color)
        end, text = (STARTUPS_MIN[-1], value[-1]), f"{name}, {power} W"
        figures.label_line(ax, *end, text, color, xytext=(4, up))
ax.set(xlabel="start-up, min", ylabel="problems that resume, %", ylim=(0, 100), xticks=STARTUPS_MIN)
plt.show()

# %% tags=["hide-cell"]
weekly = {m: resumed[:, starts[m]].mean(axis=1) for m in (0, 30)}
found = {m: analysis.over_weeks(x, **resampled) for m, x in weekly.items()}
numbers.record_table(found, "resumed_{} [.0f %]: problems that resume, start-up {} min")
weekly = {m: resumed[:, starts[m] & kinds["16 h"]].mean(axis=1) for m in (0, 30)}
found = {m: analysis.over_weeks(x, **resampled) for m, x in weekly.items()}
numbers.record_table(found, "resumed_{}_16h [.0f %]: the same, 16 h, start-up {} min")

# %% tags=["hide-cell"]
first_alike = evaluation.alike == np.arange(len(table))
lost, limit = [0.0], {"most_resumes": milp.PUBLISHED_STARTS - 1}
for week, release in enumerate(releases):
    places = np.flatnonzero(bound_by[week] & first_alike)
    capped_g = evaluation.under_rules_g(curve, release.timestamp(), places, **limit)
    lost += list(100 * (np.array(capped_g) / runs["best_g"][week, places] - 1))

# %% tags=["hide-cell"]
most, bind = runs["resumes"].max(), bound_by.mean() * 100
numbers.record_table(
    {
        "most_resumes [.0f resumes]: most resumes of an optimum": most,
        "starts_allowed [.0f starts]: most starts of the published program": milp.PUBLISHED_STARTS,
        "starts_bind [.2f %]: problems whose optimum needs more starts": bind,
        "starts_lost [.2f %]: most that the limit costs one of them": max(lost),
    }
)

# %% [markdown]
# Without a start-up {num}`published_evaluation.resumed_0` of the problems resume, with half an hour {num}`published_evaluation.resumed_30`; of the jobs of sixteen hours {num}`published_evaluation.resumed_0_16h` and {num}`published_evaluation.resumed_30_16h`.
# The published program allows {num}`published_evaluation.starts_allowed` at most, to make its search smaller.
# No optimum has more than {num}`published_evaluation.most_resumes`; {num}`published_evaluation.starts_bind` of the problems, all without a start-up, have more starts than allowed, and the limit costs these at most {num}`published_evaluation.starts_lost`: it binds, and does not matter.
#
# ## A start on the hour
#
# The published baseline without suspension tried starts on whole hours only, while the program with suspension could start in any slot.
# Some of what looks like suspension is then just a finer start.

# %%
coarse = 100 * (1 - runs["start_g"] / runs["hour_g"])
never = runs["resumes"] == 0
off_hour = coarse > 1e-9
only_finer = never & off_hour
publish.table(
    {
        "problems whose best start is off the hour [.0f %]": 100 * off_hour.mean(),
        "saved by it, mean [.3f %]": coarse.mean(),
        "saved by it, at most [.1f %]": coarse.max(),
        "problems with 'gain of suspension' without any resume [.0f %]": 100 * only_finer.mean(),
    }
)

# %% tags=["hide-cell"]
finer = "problems with a gain over whole hours, but without a resume"
weekly = {
    "off_hour [.0f %]: problems whose best start is off the hour": 100 * off_hour,
    "coarse [.3f %]: saved by starting off the hour": coarse,
    f"only_finer [.0f %]: {finer}": 100 * only_finer,
}

# %% tags=["hide-cell"]
found = {n: analysis.over_weeks(x.mean(axis=1), **resampled) for n, x in weekly.items()}
numbers.record_table(found)
numbers.record_table({"coarse_most [.1f %]: most that it saves in a problem": coarse.max()})

# %% [markdown]
# In {num}`published_evaluation.off_hour` of the problems the best start lies off the hour, and in {num}`published_evaluation.only_finer` the published comparison would find a gain of suspension although nothing is suspended.
# On a curve of hours it hardly matters: {num}`published_evaluation.coarse` in the mean and {num}`published_evaluation.coarse_most` at most.
#
# ## The charging mistake
#
# The published simulator split a suspended job into one task a run and read the power of each second at the job's *total time run so far*.
# So the start-up of a resume is charged as work, and when the profile is used up, what still runs is charged with 0 W.
# The energy of a job comes out the same however often it resumes: a restart costs time, but no energy.

# %%
wrong = 100 * (1 - runs["published_g"] / runs["best_g"])  # understated
claimed = 100 * (1 - runs["published_g"] / runs["start_g"])  # gain as published
again = runs["resumes"] > 0
counted = again & ~starts[0]
inside = wrong[counted]

# %%
publish.table(
    {
        "resumed with a start-up: understated, mean [.2f %]": inside.mean(),
        "at most [.1f %]": inside.max(),
        "at least [.2f %]": inside.min(),
    }
)

# %% tags=["hide-cell"]
means = {
    (power, name): [
        values[:, evaluation.where(length_h=16, startup_power_w=power, startup_min=m)].mean()
        for m in STARTUPS_MIN
    ]
    for power in STARTUP_POWERS_W
    for name, values in (("right", gained), ("as published", claimed))
}

# %% mystnb={"figure": {"caption": "Gain of suspension for jobs of 16 h against the length of the start-up: charged right (full) and as published (dashed), for two powers of the start-up; mean over the weeks.", "name": "fig:published-charge"}, "image": {"alt": "Lines of gain against start-up length; those charged right fall steeply, those charged as published fall much less, so the gap opens with the length of the start-up."}} tags=["hide-input"]
fig, ax = plt.subplots()
shades = dict(zip(STARTUP_POWERS_W, (COLORS["work"], COLORS["model"]), strict=True))
for (power, name), line in means.items():
    look, text = "o-" if name == "right" else "o--", f"{name}, {power} W"
    ax.plot(STARTUPS_MIN, line, look, color=shades[power], markersize=4)
    figures.label_line(ax, STARTUPS_MIN[-1], line[-1], text, shades[power])
ax.set(xlabel="start-up, min", ylabel="gain of suspension, %", ylim=(0, None), xticks=STARTUPS_MIN)
plt.show()

# %%
swapped = {  # name, words, parameter, its levels
    ("power", "phases or constant"): ("power", ("phases", "constant")),
    ("startup_power", "start-up 100 or 200 W"): ("startup_power_w", (100, 200)),
    ("startup_5_10", "start-up 5 or 10 min"): ("startup_min", (5, 10)),
    ("startup_10_30", "start-up 10 or 30 min"): ("startup_min", (10, 30)),
}

# %%
charges = runs["best_g"], runs["published_g"], runs["resumes"]
swaps = {case: evaluation.flipped(*charges, *pair) for case, pair in swapped.items()}

# %%
shown = {words: share for (_, words), share in swaps.items()}
shown = pd.Series(shown).to_frame("change order [.1f %]")
publish.table(shown, index="pairs with a resume and a start-up")

# %% tags=["hide-cell"]
numbers.record_table(swaps, "flipped_{0} [.0f %]: pairs that change order: {1}")
per = counted.sum(axis=1)
understated = analysis.over_weeks((wrong * counted).sum(axis=1), per=per, **resampled)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "understated [.1f %]: understated where a job with a start-up resumes": understated,
        "understated_most [.1f %]: most that one of them is understated": inside.max(),
        "understated_least [.2f %]: least that one of them is understated": inside.min(),
    }
)

# %% tags=["hide-cell"]
long = starts[30] & kinds["16 h"]
weekly = {
    "claimed [.1f %]: gain of suspension charged as published": claimed,
    "claimed_30 [.2f %]: gain, start-up 30 min, as published": claimed[:, starts[30]],
    "true_16_30 [.1f %]: gain, 16 h, start-up 30 min, charged right": gained[:, long],
    "claimed_16_30 [.1f %]: the same, as published": claimed[:, long],
}

# %% tags=["hide-cell"]
found = {n: analysis.over_weeks(x.mean(axis=1), **resampled) for n, x in weekly.items()}
numbers.record_table(found)

# %% [markdown]
# Where a job with a start-up resumes, the published charge understates its emissions by {num}`published_evaluation.understated`, between {num}`published_evaluation.understated_least` and {num}`published_evaluation.understated_most`, and never overstates them.
# That looks small, but it is to be held against what suspension gains: for jobs of sixteen hours with start-ups of half an hour it is {num}`published_evaluation.true_16_30` charged right and {num}`published_evaluation.claimed_16_30` as published ({numref}`fig:published-charge`).
# The study's conclusion that savings hold under different start-up costs rests on a charge in which a restart has no cost in energy.
# Against *no* suspension the order stays, since the right charge never puts the optimum above the best start; but of the pairs that involve a resume {num}`published_evaluation.flipped_power` change order between phases and their average, {num}`published_evaluation.flipped_startup_power` between the two powers of a start-up, and {num}`published_evaluation.flipped_startup_10_30` between ten and thirty minutes of it.

# %% [markdown] tags=["download"]
# ## On the published curve
#
# :::{note}
# This section needs a download, the curve of Electricity Maps that the study used ({doc}`data_sheets`).
# Without it the outputs stored with the book are shown; nothing else depends on them.
# :::
#
# The same on the curve and the one start of the study.

# %% tags=["download"]
july = datasets.electricity_maps("DE-2024-07")
there = evaluation.solve(july, july.start.timestamp())
jumped = there[there["resumes"] > 0]
short_by = 100 * (1 - jumped["published_g"] / jumped["best_g"])

# %% tags=["download"]
publish.table(
    {
        "saved, best start [.1f %]": 100 * (1 - there["start_g"] / there["now_g"]).mean(),
        "saved, with suspension [.1f %]": 100 * (1 - there["best_g"] / there["now_g"]).mean(),
        "gain of suspension [.1f %]": 100 * (1 - there["best_g"] / there["start_g"]).mean(),
        "gain as published [.1f %]": 100 * (1 - there["published_g"] / there["start_g"]).mean(),
        "resumed jobs understated, mean [.1f %]": short_by.mean(),
        "resumed jobs understated, at most [.1f %]": short_by.max(),
    }
)

# %% tags=["download"]
by_resumes = there["resumes"].value_counts().sort_index().to_frame("problems [.0f]")
publish.table(by_resumes, index="resumes of the optimum")

# %% tags=["download"]
summer_end = july.stop - pd.Timedelta(seconds=evaluation.longest_window_s)
summer = pd.date_range(july.start, summer_end, freq="14D")
shown = [there, *(evaluation.solve(july, release.timestamp()) for release in summer[1:])]
by_week = [100 * (1 - week["best_g"] / week["now_g"]).mean() for week in shown]

# %% mystnb={"figure": {"caption": "Mean saving over all problems, with suspension: the weeks of this chapter (grey) and of the published curve (blue), the week of the study marked.", "name": "fig:published-july"}, "image": {"alt": "Two rows of dots on an axis of mean saving, above the weeks of the published curve with the study's week marked, below the weeks of this chapter, from {num}`published_evaluation.week_low` to {num}`published_evaluation.week_high`."}} tags=["hide-input", "download"]
fig, ax = plt.subplots(figsize=(7.2, 2.4))
ax.plot(total.mean(axis=1), np.zeros(len(releases)), "o", color=COLORS["baseline"], alpha=0.4)
ax.plot(by_week, np.ones(len(by_week)), "o", color=COLORS["work"], alpha=0.5)
ax.plot(by_week[0], 1, "o", color=COLORS["model"], markersize=9)
figures.label_line(ax, by_week[0], 1, "the study's", COLORS["model"], xytext=(0, 12), ha="center")
own_years = ", ".join(map(str, datasets.years()))
ax.set_yticks([0, 1], [f"{zone} {own_years}", "July to September 2024"])
ax.set(xlabel="emissions saved, mean over the problems, %", ylim=(-0.5, 1.6))
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["download"]
july_p = analysis.p_values(table, there["start_g"], there["published_g"])["alone"]
one_way = pd.DataFrame({"published": dict(analysis.PUBLISHED_P), "all optimal": july_p})
shown = one_way.loc[list(analysis.PUBLISHED_P)].map("{:.2g}".format)
publish.table(shown, "one-way p, {}", index="parameter")

# %% [markdown] tags=["download"]
# {if}`in-book` Within its own summer the study's week is not unusual; against the weeks of {word}`published_evaluation.years` it is at the upper end ({numref}`fig:published-july`).
# {if}`in-book` The two differ in year, in season and in who computed them, and what a wait saves differs with them far more than between any two schedulers.
# {if}`in-book` The one-way p-values of the optima, charged as published, resemble the published ones; so these were one-way analyses, and it is not the missing optima that made them say little.
#
# Some of the study's own schedules are stored with its code.
# Each is checked, charged both ways and held against the optimum.

# %% tags=["download"]
judge = evaluation.stored_runs(july, there)
assert (judge["again"] - judge["stored"]).abs().max() < 1e-6

# %% tags=["download"]
publish.table(
    judge,
    {
        "power": "power",
        "startup_min": "start-up [.0f min]",
        "length_h": "length [.0f h]",
        "longest_wait_h": "longest wait [.0f h]",
        "resumes": "resumes [.0f]",
        "stored": "as stored [.1f g]",
        "right": "charged right [.1f g]",
        "optimum": "optimum [.1f g]",
        "single": "best single start [.1f g]",
    },
)

# %% [markdown] tags=["download"]
# Charged as its simulator did, each of these schedules gives back the stored number to the last digit, so the problems solved here are those of the study.
# {if}`in-book` With constant power, and with phases and start-ups of half an hour (which make for few slots), the published schedule is the optimum.
# {if}`in-book` The others of eight and sixteen hours are not; some are worse than the best single start, and one starts up for a few minutes of work, days before the rest.

# %% [markdown]
# (limits-published-evaluation)=
# ## What could be wrong
#
# * **Perfect knowledge.** Every saving here is that of a planner who knows the curve; with forecasts there is less of it.
# * **Always midnight, always Monday.** As in the study, all jobs arrive together; another hour has another first valley, and starting at once is then a better or worse choice.
# * **Averages over a grid of parameters.** A mean over the problems is a mean over the study's choice of values, no mean over real jobs.
# * **Two years of one zone.** {num}`published_evaluation.weeks` are resampled in blocks; intervals speak of the weather of {word}`published_evaluation.years` in {word}`published_evaluation.place`, not of other grids.
# * **A curve with a hole.** The published curve lacks four days in September; the weeks used here end before it.
# * **Free pauses.** A suspended job draws nothing and saving costs nothing, as in the study.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=published_evaluation P="zone=FR"
# make run CHAPTER=published_evaluation P="zone=GB every_weeks=4"
# ```
#
# 1. In which grid does suspension gain most, and is it the one in which a good start saves most?
# 2. Starting from {numref}`fig:published-paired`, which three parameters would you keep in a new study, and which would you replace?
# 3. Where would phases matter? Make them longer than the steps of the curve.
#
# ## The numbers of this chapter

# %%
numbers
