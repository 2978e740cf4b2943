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
# With every problem at its proven optimum, over {num}`published_evaluation.weeks` of {word}`published_evaluation.years` in {word}`published_evaluation.place` and the curve known, the best single start saves {num}`published_evaluation.saved_start` against starting at once, and suspension {num}`published_evaluation.gained` of what is left; one week alone, as published, may say anything from {num}`published_evaluation.week_low` to {num}`published_evaluation.week_high`.
# {if}`published_evaluation.effects_found` The effects that the study could not find are there once each problem is compared with itself.
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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pulp
from scipy.stats import f_oneway
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from helpers import datasets, figures, publish, stats
from helpers.phases import Suspension
from helpers.published.charge import charge_as_published
from helpers.published.evaluation import (
    LENGTHS_H,
    LONGEST_WAITS_H,
    STARTUP_POWERS_W,
    STARTUPS_MIN,
    STORED_RUNS,
    PublishedProblem,
    first_alike,
    published_problems,
    to_frame,
)
from helpers.schedule import (
    Schedule,
    best_schedule,
    best_starts,
    charge,
    check,
    milp,
)
from helpers.schedule.suspend import grid

figures.use_style()
COLORS = figures.COLORS
SCOPE = publish.Scope(
    (zone,), datasets.years(), jobs="the published problems", pauses="charged", future="known"
)
numbers = publish.Numbers("published_evaluation", SCOPE)
numbers.word("place", datasets.place(zone), "the grid of the weeks")
_ = numbers.word("years", " and ".join(map(str, datasets.years())), "the years of the weeks")

# %% [markdown]
# ## What was published
#
# A job takes turns between 200 W and 100 W, or draws its average all the time; it begins with a start-up, which it must repeat at every resume.
# It arrives at the first instant of an hourly curve (Germany, from Monday 1 July 2024) and may wait {cite}`opitz2024`.
# All combinations of the values below make the problems; each was solved twice, with and without suspension.

# %%
problems = published_problems()
table = to_frame(problems)
table["phases"] = table["high_min"].astype(str) + "/" + table["low_min"].astype(str)
alike = first_alike(problems)
for name in ("power", "phases", "startup_min", "startup_power_w", "length_h", "longest_wait_h"):
    print(f"{name:<16}", *table[name].unique())
print(f"{len(problems):,} problems, {np.unique(alike).size} of them different")

# %% tags=["hide-cell"]
published = {
    "left_open": (209, "", "problems that reached the time limit, as published"),
    "limit_min": (20, "min", "time limit of a problem, as published"),
    "hours": (88, "h", "processing time of all runs on two machines, as published"),
}
for name, (value, unit, meaning) in published.items():
    numbers.record(name, value, unit, 0, meaning)
published_p = {
    "length_h": 0.0,
    "longest_wait_h": 1.01e-23,
    "phases": 1.91e-4,
    "scheduler": 0.183,
    "startup_power_w": 0.664,
    "power": 0.744,
    "startup_min": 0.989,
}
for name in ("scheduler", "power", "startup_min"):
    numbers.record(f"p_{name}", published_p[name], "", 2, f"p-value of {name}, as published")
numbers.record("problems", len(problems), "problems", 0, "problems of the published evaluation")
_ = numbers.record("different", np.unique(alike).size, "problems", 0, "of them different")

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
make = {"tight": milp.tight_program, "big-M": milp.big_m_program}


def relaxed_g(kind, problem):
    """Return the bound [g] of a program whose 0-or-1 variables may take any value between."""
    program = make[kind](problem.job, curve, release_s, release_s + problem.window_s).problem
    program.solve(pulp.HiGHS(msg=False, mip=False))
    return pulp.value(program.objective)


def judged(kind, solver, problem):
    """Return bound and objective of a program over the emissions of the exact schedule."""
    arguments = problem.job, curve, release_s, release_s + problem.window_s
    exact_g = charge(best_schedule(*arguments), *arguments[:2]).emissions_g
    solved = milp.solve(make[kind](*arguments), solver=solver)
    ratio = solved.objective_g / exact_g
    return kind, solver, 100 * relaxed_g(kind, problem) / exact_g, solved.status, ratio - 1


# %%
small = [
    PublishedProblem(power, *phases, startup, 200, 2, 6)
    for power in ("phases", "constant")
    for phases in ((60, 30), (30, 60))
    for startup in (0, 30)
]
rows = [judged("tight", "highs", problem) for problem in small]
rows += [judged("big-M", "cbc", problem) for problem in small[:2]]
judges = pd.DataFrame(rows, columns=["program", "solver", "first_bound", "status", "off"])
agree = (judges["status"] == "optimal") & (judges["off"].abs() < 1e-9)
print(judges.groupby(["program", "solver"])["first_bound"].agg(["size", "min", "max"]).round(2))
print(f"{agree.sum()} of {len(judges)}: proved optimal, same objective to 1e-9")

# %%
hard = PublishedProblem("phases", 60, 60, 5, 200, 16, 96)
arguments = hard.job, curve, release_s, release_s + hard.window_s
program = milp.big_m_program(*arguments).problem
states = grid(*arguments)
print(
    f"published program: {program.numVariables():,} variables, {program.numConstraints():,} rules"
)
print(f"dynamic program:   {states.cells:,} states, each looked at once")

# %% tags=["hide-cell"]
numbers.record("judged", len(judges), "problems", 0, "small problems put to outside judges")
numbers.record("judged_agree", agree.sum(), "problems", 0, "of them with the same proved optimum")
for kind, bounds in judges.groupby("program")["first_bound"]:
    name = "bound_" + kind.lower().replace("-", "_")
    numbers.record(name, bounds.min(), "%", 2, f"least first bound over the optimum, {kind}")
numbers.record("hard_variables", program.numVariables(), "variables", 0, "published program, large")
_ = numbers.record("hard_states", states.cells, "states", 0, "dynamic program, same problem")

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
places = np.unique(alike)  # each different problem once
back = np.searchsorted(places, alike)  # and from there to all of them
jobs = [problems[i].job for i in places]
window_s = np.array([problems[i].window_s for i in places])
waits_h = table["longest_wait_h"].to_numpy()[places]


def on_the_hour_g(job, curve, release_s, wait_h):
    """Return the least emissions [g] of a start on a whole hour."""
    starts_s = release_s + 3600.0 * np.arange(wait_h + 1)
    profile = job.profile
    return curve.emissions_of_profile_g(starts_s, profile.edges_s, profile.power_w).min()


def solve_all(curve, release_s):
    """Return one row a problem: emissions [g] by schedule and charge, and resumes."""
    single = best_starts(jobs, curve, release_s, release_s + window_s)
    best = [
        best_schedule(j, curve, release_s, release_s + w)
        for j, w in zip(jobs, window_s, strict=True)
    ]
    pairs = list(zip(best, jobs, strict=True))
    solved = pd.DataFrame(
        {
            "now_g": single.at_release_g,
            "hour_g": [
                on_the_hour_g(j, curve, release_s, w) for j, w in zip(jobs, waits_h, strict=True)
            ],
            "start_g": single.emissions_g,
            "best_g": [charge(s, j, curve).emissions_g for s, j in pairs],
            "resumes": [s.resumes for s in best],
        }
    )
    read = [
        charge_as_published(s, j, curve).emissions_g if s.resumes else g
        for (s, j), g in zip(pairs, solved["best_g"], strict=True)
    ]
    return solved.assign(published_g=read).iloc[back].reset_index(drop=True)


# %%
last = curve.stop - pd.Timedelta(seconds=window_s.max())
releases = pd.date_range(first_monday, last, freq=f"{7 * every_weeks}D")
numbers.about(weeks=len(releases))
solved = [solve_all(curve, release.timestamp()) for release in releases]
runs = {name: np.stack([week[name] for week in solved]) for name in solved[0].columns}
worse = (runs["best_g"] > runs["start_g"] * (1 + 1e-12)).sum()
print(f"{len(releases)} starts, {2 * runs['best_g'].size:,} runs, all optimal")
print(f"with suspension worse than without: {worse}")


# %%
def over_weeks(weekly, per=None, confidence=0.95):
    """Return the mean over the starts (the sum over the sum of `per`) and its interval."""
    parts = np.stack([weekly, np.ones(len(weekly)) if per is None else per])

    def ratio(drawn, axis):
        return np.divide(*parts[:, drawn.astype(int)].sum(axis=axis + 1))

    return stats.block_bootstrap(
        np.arange(len(weekly)),
        block=block,
        seed=seed,
        statistic=ratio,
        resamples=4999,
        confidence=confidence,
    )


saved = 100 * (1 - runs["start_g"] / runs["now_g"])  # by the best start
gained = 100 * (1 - runs["best_g"] / runs["start_g"])  # by suspension, of what is left
total = 100 * (1 - runs["best_g"] / runs["now_g"])
for name, values in {"best start": saved, "suspension": gained, "both": total}.items():
    found = over_weeks(values.mean(axis=1))
    print(f"{name:<11}{found.value:5.1f} %  [{found.low:.1f}, {found.high:.1f}]")

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


def claim(name, weekly, unit, digits, meaning, **options):
    """Record the mean over the starts with its interval; return it."""
    found = over_weeks(weekly, **options)
    numbers.record(name, found.value, unit, digits, meaning, interval=(found.low, found.high))
    return found


numbers.record("weeks", len(releases), "weeks", 0, f"starts, {every_weeks} weeks apart")
numbers.record("runs", 2 * runs["best_g"].size, "runs", 0, "runs solved, all to the optimum")
numbers.record("worse", worse, "runs", 0, "runs in which suspension is worse than none")
claim("saved_start", saved.mean(axis=1), "%", 1, "saved by the best start against starting at once")
claim("gained", gained.mean(axis=1), "%", 1, "saved by suspension against the best start")
claim("saved_both", total.mean(axis=1), "%", 1, "saved with suspension against starting at once")
numbers.record("week_low", total.mean(axis=1).min(), "%", 1, "least mean saving of a week")
numbers.record("week_high", total.mean(axis=1).max(), "%", 1, "largest mean saving of a week")
resumed = 100 * (runs["resumes"] > 0)
_ = claim("resumed", resumed.mean(axis=1), "%", 0, "problems whose optimum resumes")

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
FACTORS = ["length_h", "longest_wait_h", "phases", "startup_power_w", "power", "startup_min"]


def analyse(start_g, best_g):
    """Return p-values of each parameter: alone, and with all the others beside it."""
    both = pd.concat(
        [table.assign(scheduler=name, g=g) for name, g in (("start", start_g), ("best", best_g))]
    )
    names = [*FACTORS, "scheduler"]
    alone = {n: f_oneway(*(group["g"] for _, group in both.groupby(n))).pvalue for n in names}
    fitted = ols("g ~ " + " + ".join(f"C({n})" for n in names), both).fit()
    beside = anova_lm(fitted)["PR(>F)"].drop("Residual").to_numpy()
    return pd.DataFrame({"alone": alone, "with the others": beside}, index=names)


tested = [analyse(week["start_g"], week["best_g"]) for week in solved[::3]]
print(f"p-values, median of {len(tested)} weeks, each week analysed as the published one was")
print(
    pd.concat(tested)
    .groupby(level=0)
    .median()
    .loc[tested[0].index]
    .map("{:.1g}".format)
    .to_string()
)

# %% tags=["hide-cell"]
blind = [t.loc["scheduler"] for t in tested]
numbers.record("anova_weeks", len(tested), "weeks", 0, "weeks analysed by analysis of variance")
for name, column in (("alone", "alone"), ("beside", "with the others")):
    missed = np.sum([row[column] >= 0.05 for row in blind])
    numbers.record(
        f"anova_missed_{name}", missed, "weeks", 0, f"weeks with p >= 0.05 for suspension, {column}"
    )

# %% [markdown]
# At the proven optimum, too, the one-way analysis misses suspension in {num}`published_evaluation.anova_missed_alone` of {num}`published_evaluation.anova_weeks`, and with all parameters beside it still in {num}`published_evaluation.anova_missed_beside`: the time limit was not what hid it.
#
# ## Each problem against itself
#
# Now the same runs in pairs: two problems that differ in one parameter and nothing else, with the same weather.
# The difference is taken within each pair, averaged over all pairs of a week, and the weeks are resampled in blocks.

# %%
baseline = {
    "power": "constant",
    "phases": "60/60",
    "startup_min": 0,
    "startup_power_w": 100,
    "longest_wait_h": 6,
    "length_h": 1,
}
wording = {
    "power": "phases, not their average",
    "phases": "phases {} min, not 60/60",
    "startup_min": "start-up {} min, not 0",
    "startup_power_w": "start-up {} W, not 100",
    "longest_wait_h": "longest wait {} h, not 6",
    "length_h": "length {} h, not 1",
}


def paired(values, factor, level):
    """Return the mean difference of each week between problems that differ in one parameter."""
    counted = table["startup_min"] > 0 if factor == "startup_power_w" else table["length_h"] > 0
    of_level, of_base = (
        np.flatnonzero(counted & (table[factor] == x)) for x in (level, baseline[factor])
    )
    return (values[:, of_level] - values[:, of_base]).mean(axis=1)


contrasts = [
    (factor, level, wording[factor].format(level))
    for factor, base in baseline.items()
    for level in table[factor].unique()
    if level != base
]
sure = 1 - 0.05 / (2 * len(contrasts))  # all intervals together hold with 95 %
effects = {
    name: [over_weeks(paired(values, f, x), confidence=sure) for f, x, _ in contrasts]
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
for (factor, level, text), start, gain in zip(contrasts, *effects.values(), strict=True):
    label = f"{short.get(factor, factor)}_{level}".lower().replace("/", "_")
    for kind, interval in (("start", start), ("gain", gain)):
        numbers.record(
            f"{kind}_{label}",
            interval.value,
            "points",
            2,
            f"{'saving of the best start' if kind == 'start' else 'gain of suspension'}: {text}",
            interval=(interval.low, interval.high),
            level=round(sure, 4),
        )
clear = sum(interval.low > 0 or interval.high < 0 for interval in effects["suspension"])
found_them = clear > len(contrasts) / 2
numbers.fact("effects_found", found_them, "over half of the paired contrasts leave zero out")
numbers.record("contrasts", len(contrasts), "contrasts", 0, "paired contrasts of each outcome")
numbers.record("contrasts_clear", clear, "contrasts", 0, "whose interval for the gain leaves 0 out")
for minutes in (0, 30):
    chosen = table["startup_min"] == minutes
    meaning = f"gain of suspension, start-up {minutes} min"
    claim(f"gained_{minutes}", gained[:, chosen].mean(axis=1), "%", 2, meaning)
lost = paired(gained, "startup_min", 30)
_ = numbers.record(
    "lost_startup_30",
    -lost.mean(),
    "points",
    1,
    "less gain of suspension with a start-up of 30 min instead of none",
)
with_phases, average = (runs["best_g"][:, table["power"] == x] for x in ("phases", "constant"))
ratio = with_phases / average - 1
meaning = "between a job with phases and its average, either way"
claim("phases_absolute", 100 * np.abs(ratio).mean(axis=1), "%", 1, meaning)
for name, differs in (("more", ratio > 1e-9), ("less", ratio < -1e-9)):
    meaning = f"pairs in which phases emit {name} than their average"
    claim(f"phases_{name}", 100 * differs.mean(axis=1), "%", 0, meaning)

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
def cells(values, **fixed):
    """Return the mean by length (rows) and longest wait (columns) of the problems chosen."""
    chosen = np.all([table[name] == value for name, value in fixed.items()], axis=0)
    part = table[chosen].assign(value=values.mean(axis=0)[chosen])
    return part.pivot_table("value", "length_h", "longest_wait_h")


# %% mystnb={"figure": {"caption": "Gain of suspension beyond the best start, per cent, by length of the job and longest wait, for four lengths of the start-up; mean over the weeks.", "name": "fig:published-cells"}, "image": {"alt": "Four tables of coloured cells; for the longest job and the longest wait the gain is {num}`published_evaluation.cell_free_16_96` without a start-up and {num}`published_evaluation.cell_slow_16_96` with the longest; for a job of four hours {num}`published_evaluation.cell_free_4_96` and {num}`published_evaluation.cell_slow_4_96`."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.8), sharex=True, sharey=True)
top = cells(gained, startup_min=0).to_numpy().max()
for ax, minutes in zip(axes.flat, STARTUPS_MIN, strict=True):
    part = cells(gained, startup_min=minutes)
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
for minutes, name in ((0, "free"), (30, "slow")):
    part = cells(gained, startup_min=minutes)
    for length, wait in ((16, 96), (16, 6), (4, 96), (4, 6)):
        value, meaning = (
            part.loc[length, wait],
            f"gain of a job of {length} h, longest wait {wait} h",
        )
        numbers.record(
            f"cell_{name}_{length}_{wait}", value, "%", 1, f"{meaning}, start-up {minutes} min"
        )

# %% [markdown]
# A longer wait changes the gain of a job of sixteen hours without start-up from {num}`published_evaluation.cell_free_16_6` to {num}`published_evaluation.cell_free_16_96`, and that of a job of four hours from {num}`published_evaluation.cell_free_4_6` to {num}`published_evaluation.cell_free_4_96` ({numref}`fig:published-cells`).
# {if}`in-book` The long job finds more valleys to be split over, the short one a valley that is deep and wide enough for all of it.
# The mean effect of the wait, {num}`published_evaluation.gain_wait_96`, is that of neither.
# With start-ups of half an hour the longest jobs gain {num}`published_evaluation.cell_slow_16_96` at best.
#
# ## When suspension pays

# %%
counts = pd.DataFrame(
    {
        m: np.bincount(runs["resumes"][:, table["startup_min"] == m].ravel(), minlength=6)
        for m in STARTUPS_MIN
    }
)
shares = (100 * counts / counts.sum()).rename_axis("resumes").rename_axis("start-up, min", axis=1)
print("problems [%] by resumes of their optimum")
print(shares.round(2).to_string())
bound_by = runs["resumes"] + 1 > milp.PUBLISHED_STARTS
print(f"optima with more than {milp.PUBLISHED_STARTS} starts: {bound_by.sum()}")

# %% mystnb={"figure": {"caption": "Problems whose optimum resumes at least once, by length of the start-up, for jobs of 16 h (upper) and of all lengths (lower) and both powers of the start-up; 95 % intervals over the weeks.", "name": "fig:published-resumes"}, "image": {"alt": "Lines of the share of problems with a resume against the length of the start-up: jobs of sixteen hours from {num}`published_evaluation.resumed_0_16h` to {num}`published_evaluation.resumed_30_16h`, all lengths from {num}`published_evaluation.resumed_0` to {num}`published_evaluation.resumed_30`."}} tags=["hide-input"]
fig, ax = plt.subplots()
for chosen, name in ((table["length_h"] == 16, "16 h"), (table["length_h"] > 0, "all lengths")):
    for power, line in zip(STARTUP_POWERS_W, ("-", "--"), strict=True):
        mask = chosen & (table["startup_power_w"] == power)
        found = [
            over_weeks(resumed[:, mask & (table["startup_min"] == m)].mean(axis=1))
            for m in STARTUPS_MIN
        ]
        color = COLORS["work" if name == "16 h" else "baseline"]
        ax.fill_between(
            STARTUPS_MIN,
            [i.low for i in found],
            [i.high for i in found],
            color=color,
            alpha=0.15,
            linewidth=0,
        )
        ax.plot(STARTUPS_MIN, [i.value for i in found], line, marker="o", markersize=4, color=color)
        shift = (4, 3 if power == STARTUP_POWERS_W[0] else -4)
        figures.label_line(
            ax, STARTUPS_MIN[-1], found[-1].value, f"{name}, {power} W", color, xytext=shift
        )
ax.set(xlabel="start-up, min", ylabel="problems that resume, %", ylim=(0, 100), xticks=STARTUPS_MIN)
plt.show()

# %% tags=["hide-cell"]
for minutes in (0, 30):
    chosen = table["startup_min"] == minutes
    claim(
        f"resumed_{minutes}",
        resumed[:, chosen].mean(axis=1),
        "%",
        0,
        f"problems that resume, start-up {minutes} min",
    )
    long = chosen & (table["length_h"] == 16)
    claim(
        f"resumed_{minutes}_16h",
        resumed[:, long].mean(axis=1),
        "%",
        0,
        f"the same, 16 h, start-up {minutes} min",
    )
numbers.record("most_resumes", runs["resumes"].max(), "resumes", 0, "most resumes of an optimum")
numbers.record(
    "starts_allowed", milp.PUBLISHED_STARTS, "starts", 0, "most starts of the published program"
)
rules = Suspension(most_resumes=milp.PUBLISHED_STARTS - 1)
lost = [0.0]
for week, i in np.argwhere(bound_by & (alike == np.arange(alike.size))):
    at = releases[week].timestamp()
    arguments = problems[i].job, curve, at, at + problems[i].window_s
    capped = charge(best_schedule(*arguments, suspension=rules), *arguments[:2])
    lost.append(100 * (capped.emissions_g / runs["best_g"][week, i] - 1))
numbers.record(
    "starts_bind", bound_by.mean() * 100, "%", 2, "problems whose optimum needs more starts"
)
_ = numbers.record("starts_lost", max(lost), "%", 2, "most that the limit costs one of them")

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
only_finer = never & (coarse > 1e-9)
print(f"best start off the hour: {100 * (coarse > 1e-9).mean():.0f} % of the problems")
print(f"saved by it: {coarse.mean():.3f} % in the mean, at most {coarse.max():.1f} %")
print(f"'gain of suspension' without any resume: {100 * only_finer.mean():.0f} % of the problems")

# %% tags=["hide-cell"]
claim(
    "off_hour",
    100 * (coarse > 1e-9).mean(axis=1),
    "%",
    0,
    "problems whose best start is off the hour",
)
claim("coarse", coarse.mean(axis=1), "%", 3, "saved by starting off the hour")
numbers.record("coarse_most", coarse.max(), "%", 1, "most that it saves in a problem")
_ = claim(
    "only_finer",
    100 * only_finer.mean(axis=1),
    "%",
    0,
    "problems with a gain over whole hours, but without a resume",
)

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
inside = wrong[again & (table["startup_min"] > 0).to_numpy()]
print(f"resumed with a start-up: understated by {inside.mean():.2f} % in the mean,")
print(f"at most {inside.max():.1f} %, least {inside.min():.2f} %")

# %% mystnb={"figure": {"caption": "Gain of suspension for jobs of 16 h against the length of the start-up: charged right (full) and as published (dashed), for two powers of the start-up; mean over the weeks.", "name": "fig:published-charge"}, "image": {"alt": "Lines of gain against start-up length; those charged right fall steeply, those charged as published fall much less, so the gap opens with the length of the start-up."}} tags=["hide-input"]
fig, ax = plt.subplots()
for power, color in zip(STARTUP_POWERS_W, ("work", "model"), strict=True):
    mask = (table["length_h"] == 16) & (table["startup_power_w"] == power)
    lines = {
        name: [values[:, mask & (table["startup_min"] == m)].mean() for m in STARTUPS_MIN]
        for name, values in (("right", gained), ("as published", claimed))
    }
    ax.plot(STARTUPS_MIN, lines["right"], "o-", color=COLORS[color], markersize=4)
    ax.plot(STARTUPS_MIN, lines["as published"], "o--", color=COLORS[color], markersize=4)
    for name, line in lines.items():
        figures.label_line(ax, STARTUPS_MIN[-1], line[-1], f"{name}, {power} W", COLORS[color])
ax.set(xlabel="start-up, min", ylabel="gain of suspension, %", ylim=(0, None), xticks=STARTUPS_MIN)
plt.show()


# %%
def flipped(factor, one, other):
    """Return the share [%] of pairs that the published charge puts into the other order."""
    counted = table["startup_min"] > 0
    first, second = (np.flatnonzero(counted & (table[factor] == x)) for x in (one, other))
    right, read = (runs[n][:, first] - runs[n][:, second] for n in ("best_g", "published_g"))
    touched = (again[:, first] | again[:, second]) & (np.abs(right) > 1e-9)
    return 100 * (np.sign(right) != np.sign(read))[touched].mean()


swaps = {
    "phases or constant": flipped("power", "phases", "constant"),
    "start-up 100 or 200 W": flipped("startup_power_w", 100, 200),
    "start-up 5 or 10 min": flipped("startup_min", 5, 10),
    "start-up 10 or 30 min": flipped("startup_min", 10, 30),
}
print("pairs with a resume and a start-up that change order [%]")
for name, share in swaps.items():
    print(f"  {name:<24}{share:5.1f}")

# %% tags=["hide-cell"]
counted = again & (table["startup_min"] > 0).to_numpy()
claim(
    "understated",
    (wrong * counted).sum(axis=1),
    "%",
    1,
    "understated where a job with a start-up resumes",
    per=counted.sum(axis=1),
)
numbers.record("understated_most", inside.max(), "%", 1, "most that one of them is understated")
numbers.record("understated_least", inside.min(), "%", 2, "least that one of them is understated")
claim("claimed", claimed.mean(axis=1), "%", 1, "gain of suspension charged as published")
slow = table["startup_min"] == 30
claim("claimed_30", claimed[:, slow].mean(axis=1), "%", 2, "gain, start-up 30 min, as published")
mask = (table["length_h"] == 16) & slow
claim(
    "true_16_30", gained[:, mask].mean(axis=1), "%", 1, "gain, 16 h, start-up 30 min, charged right"
)
claim("claimed_16_30", claimed[:, mask].mean(axis=1), "%", 1, "the same, as published")
labels = ("power", "startup_power", "startup_5_10", "startup_10_30")
for label, (name, share) in zip(labels, swaps.items(), strict=True):
    numbers.record(f"flipped_{label}", share, "%", 0, f"pairs that change order: {name}")

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
there = solve_all(july, july.start.timestamp())
means = {
    "saved, best start": 100 * (1 - there["start_g"] / there["now_g"]).mean(),
    "saved, with suspension": 100 * (1 - there["best_g"] / there["now_g"]).mean(),
    "gain of suspension": 100 * (1 - there["best_g"] / there["start_g"]).mean(),
    "gain as published": 100 * (1 - there["published_g"] / there["start_g"]).mean(),
}
jumped = there[there["resumes"] > 0]
short_by = 100 * (1 - jumped["published_g"] / jumped["best_g"])
print("problems by resumes:", *there["resumes"].value_counts().sort_index().to_dict().items())
for name, value in means.items():
    print(f"{name:<24}{value:5.1f} %")
print(f"resumed jobs understated by {short_by.mean():.1f} %, at most {short_by.max():.1f} %")

# %% mystnb={"figure": {"caption": "Mean saving over all problems, with suspension: the weeks of this chapter (grey) and of the published curve (blue), the week of the study marked.", "name": "fig:published-july"}, "image": {"alt": "Two rows of dots on an axis of mean saving, above the weeks of the published curve with the study's week marked, below the weeks of this chapter, from {num}`published_evaluation.week_low` to {num}`published_evaluation.week_high`."}} tags=["hide-input", "download"]
summer = pd.date_range(july.start, july.stop - pd.Timedelta(seconds=window_s.max()), freq="14D")
shown = [there, *(solve_all(july, release.timestamp()) for release in summer[1:])]
by_week = [100 * (1 - week["best_g"] / week["now_g"]).mean() for week in shown]
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
again_p = analyse(there["start_g"], there["published_g"])["alone"]
print("one-way p-values      published  all optimal, charged as published")
for name, value in published_p.items():
    print(f"{name:<20}{value:>11.2g}{again_p[name]:>11.2g}")

# %% [markdown] tags=["download"]
# {if}`in-book` Within its own summer the study's week is not unusual; against the weeks of {word}`published_evaluation.years` it is at the upper end ({numref}`fig:published-july`).
# {if}`in-book` The two differ in year, in season and in who computed them, and what a wait saves differs with them far more than between any two schedulers.
# {if}`in-book` The one-way p-values of the optima, charged as published, resemble the published ones; so these were one-way analyses, and it is not the missing optima that made them say little.
#
# Some of the study's own schedules are stored with its code.
# Each is checked, charged both ways and held against the optimum.

# %% tags=["download"]
rows = []
for stored in STORED_RUNS:
    job, at = stored.problem.job, july.start.timestamp()
    schedule = Schedule.from_intervals(
        job, at + np.array(stored.start_s), at + np.array(stored.stop_s)
    )
    check(schedule, job, release=at, deadline=at + stored.problem.window_s)
    place = problems.index(stored.problem)
    rows.append(
        (
            *(
                getattr(stored.problem, n)
                for n in ("power", "startup_min", "length_h", "longest_wait_h")
            ),
            schedule.resumes,
            stored.charged_g,
            charge_as_published(schedule, job, july).emissions_g - stored.charged_g,
            charge(schedule, job, july).emissions_g,
            there["best_g"][place],
            there["start_g"][place],
        )
    )
columns = ["power", "startup", "length", "wait", "resumes"]
columns += ["stored", "again", "right", "optimum", "single"]
judge = pd.DataFrame(rows, columns=columns)
assert judge["again"].abs().max() < 1e-6
print("emissions [g]: as stored, charged right, of the optimum, of the best single start")
print(judge.drop(columns="again").round(1).to_string(index=False))

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
