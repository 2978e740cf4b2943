# ---
# jupyter:
#   book:
#     downloads: [opitz-2024-power, electricity-maps-DE-2024-07]
# ---

# %% [markdown]
# # Counting carbon
#
# **Question.**
# From joule to gram to score: how much did one job emit, and which gram is meant?
#
# **Answer.**
# One measured training run would emit {num}`counting_carbon.run_grams` of CO2e by the average of {word}`counting_carbon.place` in {word}`counting_carbon.year`.
# Average and marginal grams need not agree: on the mean day of {word}`counting_carbon.mix_place` in {word}`counting_carbon.mix_year`, the one mix at hand, the start that, the curve known, saves {num}`counting_carbon.average_day_saving` by the one saves {num}`counting_carbon.average_day_saving_at_margin` by the other.
#
# **You need.**
# {doc}`carbon_intensity` for what an intensity is, and {doc}`measuring_power` for where the watts come from.
# One kilowatt-hour is 3.6 million joules.
# *PUE*, power usage effectiveness, is the energy of a whole data centre over that of its computers, at least 1.
# *Embodied* emissions are those of making, transporting and disposing of a machine.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones()
year = 2020  # 2019 or 2020; the margin is estimated for DE 2020 alone
factors = "ipcc2014"  # or "srren2011", "unece2022"
started = "07-14 00:40"  # month, day and local time of the run, as recorded
idle_w = 49.8  # published idle power of the measured machine [W]
pue = 1.3  # assumed
device_kg = 350.0  # assumed: making of a desktop machine with one GPU [kg CO2e]
lifetime_years = 4.0  # assumed
used_share = 0.2  # share of its life in which the machine is used, where that is charged
length_h = 8  # length of the longer job of the later sections [h]
seed = 1

# %% tags=["hide-input"]
import csv
import math
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.carbon import Intensity, describe
from helpers.carbon.accounting import (
    SECONDS_PER_YEAR,
    Device,
    Node,
    Power,
    account,
    combine,
    embodied,
    payback_s,
    saved_g,
    share_idle,
)
from helpers.carbon.uncertainty import Choice, Normal, Triangular, Uniform, monte_carlo, tornado
from helpers.carbon.uncertainty import model as uncertain
from helpers.phases.model import Phase, PhaseModel
from helpers.schedule import best_starts

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("counting_carbon", publish.Scope(grids=(zone,), years=(year,)))
numbers.word("place", datasets.place(zone), "the grid of the account")
_ = numbers.word("year", year, "the year of its curve")
HOUR = 3600.0

# %% [markdown]
# ## From joule to gram, row by row
#
# The job is the small language model of {doc}`measuring_power`: start-up, five epochs, end.
# Its phases, fitted to ten recordings at the wall socket, are embedded in the book; the recordings themselves are a download.
# The run began shortly after midnight in July 2024; it is charged here at that hour of a year whose curve the book carries.
#
# An account is a table: for each phase the time, the power, the intensity then, and the grams that follow,
#
# $$
# g = \frac{P \, \Delta t}{3.6\cdot 10^{6}\,\mathrm{J/kWh}} \cdot \mathrm{PUE} \cdot I .
# $$ (eq-account)
#
# A phase that straddles two steps of the intensity becomes two rows.

# %%
clock = datasets.time_zone(zone)
curve = datasets.carbon_intensity(zone, year, factors)
job = datasets.phase_model("roberta")
profile = job.profile
start = pd.Timestamp(f"{year}-{started}", tz=clock)
edges = start + pd.to_timedelta(profile.edges_s, unit="s")
phases = pd.DataFrame(
    {
        "job": "run 1",
        "item": profile.names,
        "start": edges[:-1],
        "stop": edges[1:],
        "power_w": profile.power_w,
    }
)
run = account(phases, curve)
shown = ["item", "duration_s", "power_w", "energy_kwh", "intensity_g_per_kwh", "emissions_g"]
print(run.audit()[shown].head(6).round(6).to_string(index=False))
print(f"... {len(run.rows)} rows: {run.energy_kwh:.6f} kWh, {run.emissions_g:.4f} g")

# %% [markdown]
# Every total is the exactly rounded sum of its rows, and every row is the product of its own columns; `audit` checks both to the last bit.
# What it writes can be checked by anyone who has no part of this book's code; {doc}`api_carbon` has all columns.

# %%
with tempfile.TemporaryDirectory() as folder:
    run.write_csv(Path(folder) / "audit.csv")
    with open(Path(folder) / "audit.csv", newline="", encoding="utf-8") as file:
        again_g = math.fsum(float(row["emissions_g"]) for row in csv.DictReader(file))
print("summed from the file:", again_g == run.emissions_g)

# %% [markdown]
# Three steps lead from the socket to the score.
# *PUE* adds the building: cooling, conversion, light.
# The *embodied* emissions of the machine are written off over its life, and the run bears its share of the time: $M = TE \cdot TS \cdot RS$, total embodied times time share times resource share.
# The *Software Carbon Intensity* {cite}`sci2024` divides by a functional unit, here one training run: $\mathrm{SCI} = (E \cdot I + M)/R$.

# %%
machine = Device(
    "desktop with GPU", 1000 * device_kg, lifetime_years * SECONDS_PER_YEAR, source="assumed"
)
bought = account(phases, curve, pue=pue)
made = embodied(phases, machine)
whole = combine(bought, made)
score = whole.sci(1, "training run")
print(f"E = {score.energy_kwh:.5f} kWh, I = {score.intensity_g_per_kwh:.1f} g/kWh")
print(f"M = {score.embodied_g:.3f} g, R = {score.units} {score.unit}")
print(f"SCI = {score.score_g:.3f} g per {score.unit}")

# %% tags=["hide-cell"]
numbers.record("run_energy", job.energy_j / 1000, "kJ", 2, "energy of one run at the wall socket")
numbers.record("run_kwh", 1000 * run.energy_kwh, "Wh", 2, "the same in watt-hours")
numbers.record(
    "run_intensity",
    run.emissions_g / run.energy_kwh,
    "g/kWh",
    0,
    f"intensity of the run, {zone} {year}",
)
numbers.record("run_grams", run.emissions_g, "g", 2, "emissions of one run at the wall socket")
numbers.record("pue", pue, "", 1, "assumed PUE")
numbers.record(
    "pue_grams", bought.emissions_g - run.emissions_g, "g", 2, "emissions added by the PUE"
)
numbers.record("embodied_grams", made.emissions_g, "g", 2, "embodied emissions of one run")
_ = numbers.record("sci", score.score_g, "g", 2, "Software Carbon Intensity of one training run")

# %% mystnb={"figure": {"caption": "From the socket to the score of one training run. Idle power is what the machine would have drawn in that time without the job.", "name": "fig:account-steps"}, "image": {"alt": "Four horizontal bars on a common gram axis, each starting where the one before ended: power above idle, idle power, PUE, and the making of the machine; their end is the score."}} tags=["hide-input"]
idle = account(phases.assign(power_w=idle_w), curve)
parts = {
    "power above idle": (saved_g(run, idle), COLORS["work"]),
    "idle power": (idle.emissions_g, COLORS["idle"]),
    "building (PUE)": (saved_g(bought, run), COLORS["startup"]),
    "making of the machine": (made.emissions_g, COLORS["model"]),
}
fig, ax = plt.subplots(figsize=(7.2, 2.9))
left = 0.0
for row, (grams, color) in enumerate(parts.values()):
    ax.barh(row, grams, left=left, color=color, height=0.62)
    ax.text(left + grams + 0.02, row, f"{grams:.2f} g", va="center", color="#333333")
    left += grams
    if row < len(parts) - 1:
        ax.plot([left, left], [row, row + 1], color=COLORS["baseline"], linewidth=0.8)
ax.set_yticks(range(len(parts)), parts)
ax.set(xlabel=f"emissions of one run, g of CO2e ({zone} {year})", xlim=(0, 1.12 * left))
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# The run's {num}`counting_carbon.run_kwh` at {num}`counting_carbon.run_intensity` make {num}`counting_carbon.run_grams`; a PUE of {num}`counting_carbon.pue` adds {num}`counting_carbon.pue_grams`, and the machine's making {num}`counting_carbon.embodied_grams` ({numref}`fig:account-steps`).
# Nothing here is turned into kilometres or trees: such equivalents add errors of their own and no knowledge.

# %% [markdown] tags=["download"]
# ### The recordings themselves
#
# :::{note}
# This section needs two downloads, the recordings and a curve of Electricity Maps, which are not redistributed with this book ({doc}`data_sheets`).
# Without them the outputs stored with the book are shown; nothing else depends on them.
# :::
#
# The samples are integrated without a model, straight lines from one to the next, and each run is charged at the hour in which it really ran.

# %% tags=["download"]
recorded = datasets.power_runs()["roberta_full"]
that_summer = datasets.electricity_maps("DE-2024-07")
accounts = {}
for repeat, recording in recorded.items():
    begin_s, stop_s = 30.0, recording.at("Exit")
    inside = (recording.time_s >= begin_s) & (recording.time_s <= stop_s)
    samples = Power.samples(
        recording.start_epoch_s + recording.time_s[inside], recording.power_w[inside]
    )
    accounts[repeat] = account(samples, that_summer, job=f"run {repeat}")
table = pd.DataFrame(
    {
        "energy_kj": {k: 3600 * a.energy_kwh for k, a in accounts.items()},
        "emissions_g": {k: a.emissions_g for k, a in accounts.items()},
    }
)
print(table.agg(["mean", "std"]).round(3).to_string())
print(f"phase model: {job.energy_j / 1000:.3f} kJ")

# %% [markdown] tags=["download"]
# The phase model has the energy of the recordings to within their spread.
# Their grams are others, because the night in 2024 was another one than that of the year charged above: the same joules, another gram.

# %% [markdown]
# ## Who pays for the idle machine?
#
# A node that is switched on draws power whether jobs run or not.
# Some rule must share that out, and the rule is a choice, not a measurement.
# Take a made-up day: a node of eight cores, and three jobs that come and go.

# %%
midnight = pd.Timestamp(f"{year}-07-14", tz=clock)
node = Node("node", 200.0, midnight, midnight + pd.DateOffset(days=1), cores=8)
plan = {"long": (8, 18, 2), "wide": (10, 13, 5), "short": (20, 21, 1)}  # hours and cores
day = pd.DataFrame(
    [
        {
            "job": name,
            "start": midnight + pd.Timedelta(hours=begin),
            "stop": midnight + pd.Timedelta(hours=end),
            "power_w": 35.0 * cores,  # above idle
            "cores": cores,
        }
        for name, (begin, end, cores) in plan.items()
    ]
)
rules = {
    "marginal": ("marginal", "node"),
    "reserved cores": ("reserved", "node"),
    "time": ("time", "node"),
    "cores": ("core", "node"),
    "time,\nempty too": ("time", "jobs"),
    "cores,\nempty too": ("core", "jobs"),
}
shared = {
    name: account(share_idle(day, node, by=by, rest=rest), curve, pue=pue)
    for name, (by, rest) in rules.items()
}
bills = pd.DataFrame({name: a.by("job")["emissions_g"] for name, a in shared.items()})
bills = bills.reindex([*plan, "node"]).fillna(0.0)
print(
    bills.T.round(0)
    .astype(int)
    .rename_axis("shared by [g]")
    .rename(lambda n: n.replace("\n", " "))
    .to_string()
)
print("sum of each row, largest difference:", f"{np.ptp(bills.sum()):.0e} g")

# %% mystnb={"figure": {"caption": "One day of one node under six rules for its idle power. The bars are equally long: each rule shares out the same total. Grey: charged to no job.", "name": "fig:account-idle"}, "image": {"alt": "Six stacked horizontal bars of equal length; the parts of three jobs grow from the marginal rule, under which the node keeps most, to the rules under which the jobs also bear the empty hours and the node keeps nothing."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
left = np.zeros(len(rules))
tints = [COLORS["jobs"], COLORS["batches"], COLORS["second"], COLORS["rest"]]
for (name, grams), color in zip(bills.iterrows(), tints, strict=True):
    ax.barh(range(len(rules)), grams, left=left, color=color, height=0.7, label=name)
    left += grams.to_numpy()
ax.set_yticks(range(len(rules)), rules)
ax.set(xlabel="emissions of the day, g of CO2e", ylabel="idle power by")
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
fig.legend(loc="outside upper center", ncol=4)
plt.show()

# %% tags=["hide-cell"]
dearest, cheapest = bills.loc["short"].max(), bills.loc["short"].min()
numbers.record("short_least", cheapest, "g", 0, "bill of the short job, least of the rules")
numbers.record("short_most", dearest, "g", 0, "bill of the short job, most of the rules")
numbers.record("short_ratio", dearest / cheapest, "", 0, "most over least bill of the short job")
numbers.record("day_total", bills.sum().mean(), "g", 0, "emissions of the node's day")
_ = numbers.record(
    "node_left",
    100 * bills.loc["node", "time"] / bills["time"].sum(),
    "%",
    0,
    "share of the day that is charged to no job if idle power is shared by time",
)

# %% [markdown]
# The short job's bill runs from {num}`counting_carbon.short_least` to {num}`counting_carbon.short_most`, a factor of {num}`counting_carbon.short_ratio`, for the same work ({numref}`fig:account-idle`).
# Shared by time, {num}`counting_carbon.node_left` of the day is charged to no job at all, because for most of it none ran.
# *Marginal* answers what the job added to a node that is on anyway; *reserved cores* is the resource share of the SCI; *empty too* lets the jobs bear also the hours in which nobody ran.
# None is wrong, and all six sum to the node's {num}`counting_carbon.day_total`.
# Wrong is only a bill that does not say which rule made it, so the rule stands in every row.

# %% [markdown]
# ## Three ways to be wrong
#
# ### The intensity at the end of a job is not the intensity of the job
#
# Tools that look up the grid once, when the job ends, charge all of it at that moment.
# Take a job of {num}`counting_carbon.length` and a constant kilowatt, started at every hour of the year.

# %%
starts_s = curve.edges_s[24 : -length_h - 25]
stops_s = starts_s + length_h * HOUR
true_g = curve.emissions_g(starts_s, stops_s, 1000.0)
midnights = pd.date_range(f"{year}-01-02", f"{year}-12-31", tz=clock)
day_means = pd.Series(curve.mean(midnights[:-1], midnights[1:]), midnights[:-1])
local_days = pd.to_datetime(starts_s, unit="s", utc=True).tz_convert(clock).normalize()
lookups = {
    "at its end": curve.at(stops_s),
    "at its start": curve.at(starts_s),
    "mean of its day": day_means.reindex(local_days).to_numpy(),
    "mean of the year": np.full(starts_s.size, curve.mean()),
}
errors = pd.DataFrame({k: 100 * (v * length_h / true_g - 1) for k, v in lookups.items()}).dropna()
quantiles = errors.quantile([0.05, 0.25, 0.5, 0.75, 0.95])
print(quantiles.round(0).astype(int).T.to_string())

# %% mystnb={"figure": {"caption": "Error of a job's emissions when its intensity is looked up once. Thin line: nine tenths of all starts in the year; thick line: half of them; dot: median.", "name": "fig:account-lookup"}, "image": {"alt": "Four horizontal ranges around zero; looking up the end of the job errs from {num}`counting_carbon.end_low` to {num}`counting_carbon.end_high` in nine of ten starts. {if}`in-book` The mean of the day errs less, the mean of the year most."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 2.9))
for row, (_, q) in enumerate(quantiles.items()):
    ax.plot(q[[0.05, 0.95]], [row, row], color=COLORS["average"], linewidth=2)
    ax.plot(q[[0.25, 0.75]], [row, row], color=COLORS["average"], linewidth=8, alpha=0.55)
    ax.plot(q[0.5], row, "o", color=COLORS["model"], markersize=6)
ax.axvline(0, color=COLORS["baseline"], linewidth=1)
ax.set_yticks(range(len(lookups)), lookups)
ax.set(xlabel="error of the emissions, %", ylabel="intensity")
ax.invert_yaxis()
ax.grid(axis="y", visible=False)
plt.show()

# %% [markdown]
# Worse than the error of one job is the error of a *saving*, because planning picks its moments.

# %%
constant = PhaseModel("constant", (), (Phase("work", length_h * HOUR, 1000.0),))
arrivals_s = starts_s[:-48:7]
found = best_starts(constant, curve, arrivals_s, arrivals_s + (24 + length_h) * HOUR)
saving = 100 * (1 - found.emissions_g.sum() / found.at_release_g.sum())
at_end = (
    curve.at(found.start_s + length_h * HOUR).sum() / curve.at(arrivals_s + length_h * HOUR).sum()
)
print(
    f"saved by the best start within a day: {saving:.1f} %; by looking up the end: {100 * (1 - at_end):.1f} %"
)

# %% tags=["hide-cell"]
numbers.record("length", length_h, "h", 0, "length of the longer job")
low, high = quantiles["at its end"][[0.05, 0.95]]
numbers.record("end_low", low, "%", 0, "error by the intensity at the end, 5 % quantile")
numbers.record("end_high", high, "%", 0, "error by the intensity at the end, 95 % quantile")
numbers.record("true_saving", saving, "%", 1, "saved by the best start within a day")
_ = numbers.record(
    "end_saving", 100 * (1 - at_end), "%", 1, "the same if each job is charged at its end"
)

# %% [markdown]
# By the intensity at the end, nine jobs in ten are charged between {num}`counting_carbon.end_low` and {num}`counting_carbon.end_high` off, and one in ten by more ({numref}`fig:account-lookup`); the best start within a day seems to save {num}`counting_carbon.end_saving` instead of {num}`counting_carbon.true_saving`.

# %% [markdown]
# ### The wrong clock
#
# A curve in UTC read as local time is off by {num}`counting_carbon.shift_hours` in a summer of {word}`counting_carbon.place`.
# Nothing looks wrong: the shape is right, the numbers are right, only the hour is not; a plot was once spoiled this way.

# %%
summer = curve.window(*[pd.Timestamp(f"{year}-{m}-01", tz=clock) for m in ("06", "09")])
utc = summer.to_series()
right = utc.groupby(utc.index.tz_convert(clock).hour).mean()
wrong = utc.groupby(utc.index.hour).mean()  # the hour of UTC, taken for that of the wall clock
days = pd.date_range(f"{year}-06-01", f"{year}-08-30", tz=clock)
four_h = PhaseModel("four hours", (), (Phase("work", 4 * HOUR, 1000.0),))
best = best_starts(four_h, summer, days, days + pd.DateOffset(days=1))
dawn_s = days.as_unit("s").asi8
off_s = days[0].utcoffset().total_seconds()
shifted_s = np.clip(best.start_s - off_s, dawn_s, dawn_s + 20 * HOUR)  # by the wrong reading
shifted_g = summer.emissions_g(shifted_s, shifted_s + 4 * HOUR, 1000.0)
now_g = summer.emissions_g(dawn_s, dawn_s + 4 * HOUR, 1000.0)
kept = 100 * (1 - shifted_g.sum() / now_g.sum()), 100 * (1 - best.emissions_g.sum() / now_g.sum())
print(f"saved against a start at midnight: {kept[0]:.1f} % misread, {kept[1]:.1f} % in truth")

# %% mystnb={"figure": {"caption": "The mean summer day, right and read by the wrong clock.", "name": "fig:account-shift"}, "image": {"alt": "Two equal curves over the hours of the day; the wrong one lies {num}`counting_carbon.shift_hours` beside the right one."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.2))
for series, color, text in (
    (right, COLORS["average"], "right: local time"),
    (wrong, COLORS["failed"], "wrong: UTC taken for local time"),
):
    ax.stairs(series, np.arange(25), baseline=None, color=color, linewidth=2, label=text)
    ax.axvline(series.idxmin() + 0.5, color=color, linestyle=":", linewidth=1.4)
ax.set(xlabel="hour of the day", ylabel="g/kWh", xlim=(0, 24), xticks=range(0, 25, 3))
ax.set_ylim(0.9 * right.min(), 1.04 * right.max())
fig.legend(loc="outside upper center", ncol=2)
plt.show()

# %% tags=["hide-cell"]
numbers.record("shift_true", kept[1], "%", 1, "saved by the best start of the day, summer")
numbers.record("shift_wrong", kept[0], "%", 1, "saved if it is planned by the wrong clock")
_ = numbers.record("shift_hours", abs(off_s) / HOUR, "h", 0, "summer time of the clock, off UTC")

# %% [markdown]
# Planned by the wrong clock, the best start of a four-hour job saves {num}`counting_carbon.shift_wrong` against a start at midnight, instead of {num}`counting_carbon.shift_true`.
# The remedy is to let no time without a zone in.

# %%
naive = phases.assign(start=phases["start"].dt.tz_localize(None))
try:
    account(naive, curve)
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# ### Two sets of factors
#
# Charge the same run by one set of emission factors before a change and by another after it, and the books show a change although nothing was done.

# %%
other = next(s for s in reversed(datasets.factor_sets()) if s != factors)
by_other = account(phases, datasets.carbon_intensity(zone, year, other))
artefact = 100 * (by_other.emissions_g / run.emissions_g - 1)
print(f"{factors}: {run.emissions_g:.3f} g, {other}: {by_other.emissions_g:.3f} g")
try:
    saved_g(run, by_other)
except ValueError as refusal:
    print(refusal)

# %% tags=["hide-cell"]
_ = numbers.record(
    "factor_artefact", artefact, "%", 0, f"the same run by {other} instead of {factors}"
)

# %% [markdown]
# The same run differs by {num}`counting_carbon.factor_artefact`.

# %% [markdown]
# ## Which gram: average or marginal?
#
# An *average* intensity shares what the grid emitted out over all who used it: it is for inventories, scope 2 of the Greenhouse Gas Protocol {cite}`ghgscope2`, and sums to what the grid emitted.
# A *marginal* intensity says what one more kilowatt-hour changed: it is for decisions, and sums to nothing.
# The SCI allows either, as long as one says which.
# Adding or comparing the two is refused.

# %%
marginal_rate = Intensity(curve.edges_s[[0, -1]], [688.0], "marginal", zone, "an example")
try:
    saved_g(account(phases, curve), account(phases, marginal_rate))
except TypeError as refusal:
    print(refusal)

# %% [markdown]
# Does the choice change what one should *do*?
# For one grid and year, {word}`counting_carbon.mix_place` in {word}`counting_carbon.mix_year`, the book carries the generation by type, from which {doc}`carbon_intensity` estimates a mean marginal intensity: by how much emissions moved when the plants that answer to load moved {cite}`hawkes2010,silerevans2012`.
# The same slope taken hour by hour of the local day gives a marginal day.
# The marginal rate of California is not used here: its average is not at hand, and two kinds from two grids compare nothing.

# %%
mix_zone, mix_year = "DE", 2020  # the one mix that the book carries
numbers.word("mix_place", datasets.place(mix_zone), "the grid whose generation mix is carried")
numbers.word("mix_year", mix_year, "the year of that mix")
mix = describe.answering_generation(
    datasets.generation(mix_zone, mix_year), datasets.emission_factors(factors)
)
more = mix.diff().dropna()
berlin = more.index.tz_convert("Europe/Berlin").hour
slopes = pd.DataFrame(
    [  # summed up again, because the slope is taken over differences
        describe.marginal_slope(at_h["answering_mwh"], at_h["answering_t"])
        for at_h in (more[berlin == h].cumsum() for h in range(24))
    ],
    columns=["marginal", "error"],
).rename_axis("hour")
german = datasets.carbon_intensity(mix_zone, mix_year, factors)
hourly = german.to_series("Europe/Berlin")
slopes["average"] = hourly.groupby(hourly.index.hour).mean()

at_margin, mean_day = (
    Intensity(
        german.edges_s,
        slopes[kind].to_numpy()[hourly.index.hour],
        kind,
        mix_zone,
        f"a mean day, from generation, factors {factors}",
    )
    for kind in ("marginal", "average")
)
print(slopes.round(0).astype(int).T.to_string())

# %% mystnb={"figure": {"caption": "The mean day of {word}`counting_carbon.mix_place` in {word}`counting_carbon.mix_year` in two kinds of gram, each relative to its own mean. Band: 95 % interval of the estimate.", "name": "fig:account-kinds"}, "image": {"alt": "Two curves over the hours of the day around one; the average has a deep valley at noon and a peak in the evening, the marginal one is nearly flat, highest at night; their orders of the start hours have a rank correlation of {num}`counting_carbon.rank_correlation`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
hours = np.arange(24) + 0.5
level = slopes["marginal"].mean()
spread = 1.96 * slopes["error"] / level
middle = slopes["marginal"] / level
ax.fill_between(
    hours, middle - spread, middle + spread, color=COLORS["marginal"], alpha=0.25, linewidth=0
)
ax.axhline(1, color=COLORS["baseline"], linewidth=0.8)
for kind in ("average", "marginal"):
    text = f"{kind}, mean {slopes[kind].mean():.0f} g/kWh"
    line = slopes[kind] / slopes[kind].mean()
    ax.plot(hours, line, color=COLORS[kind], marker="o", markersize=3.5, label=text)
ax.set(xlabel="hour of the day, Europe/Berlin", ylabel="intensity / its mean", xlim=(0, 24))
ax.set_xticks(range(0, 25, 3))
fig.legend(loc="outside upper center", ncol=2)
plt.show()

# %% [markdown]
# Now the policies: a job of four hours and one kilowatt arrives every seven hours and may wait a day.
# The margin is known as a mean day alone, 24 values; the average is known for every hour of the year.
# So two plans use the average: one its curve, one its mean day, which knows as little as the margin does.

# %%
first_s, last_s = german.edges_s[24], german.edges_s[-1] - 30 * HOUR
come_s = np.arange(first_s, last_s, 7 * HOUR)
come = pd.to_datetime(come_s, unit="s", utc=True).tz_convert("Europe/Berlin")


def at_hour(hour):
    """Return the first instant after each arrival at which clocks in Berlin show an hour [s]."""
    wait_h = (hour - come.hour) % 24
    return come_s + wait_h * HOUR


deadline_s = come_s + 28 * HOUR
policies = {
    "at once": come_s,
    "at night, 02:00": at_hour(2),
    "at noon, 11:00": at_hour(11),
    "in the evening, 17:00": at_hour(17),
    "least average": best_starts(four_h, german, come_s, deadline_s).start_s,
    "least average, mean day": best_starts(four_h, mean_day, come_s, deadline_s).start_s,
    "least marginal": best_starts(four_h, at_margin, come_s, deadline_s).start_s,
}
both = {}
for name, begin_s in policies.items():
    uses = pd.DataFrame({"start": begin_s, "stop": begin_s + 4 * HOUR, "power_w": 1000.0})
    both[name] = [account(uses, c).emissions_g / len(uses) for c in (german, at_margin, mean_day)]
ranking = pd.DataFrame(both, index=["average", "marginal", "mean day"]).T
change = 100 * (ranking / ranking.loc["at once"] - 1)
print(
    ranking.round(0)
    .astype(int)
    .join(change.round(1).add_suffix(" [%]"))
    .join(ranking.rank().astype(int).add_suffix(" rank"))
    .to_string()
)

# %% [markdown]
# The slopes are estimates.
# Drawing them from their standard errors, hour by hour, tells how sure the marginal column is.

# %%
rng = np.random.default_rng(seed)
drawn = rng.normal(slopes["marginal"], slopes["error"], (2000, 24))


def hours_used(begin_s):
    """Return how often each local hour of the day is run in, over all jobs of four hours."""
    run_s = (np.asarray(begin_s)[:, None] + HOUR * np.arange(4)).ravel()
    local = pd.to_datetime(run_s, unit="s", utc=True).tz_convert("Europe/Berlin").hour
    return np.bincount(local, minlength=24)


now = drawn @ hours_used(come_s)
ends = pd.DataFrame(
    {
        name: np.quantile(100 * (drawn @ hours_used(begin_s) / now - 1), [0.025, 0.975])
        for name, begin_s in policies.items()
    },
    index=["low", "high"],
).T
print(ends.round(1).to_string())

# %% mystnb={"figure": {"caption": "Change of emissions against starting at once, in the two books. A policy on the dashed line would change both alike. Lines: 95 % intervals from the error of the estimated margin.", "name": "fig:account-policies"}, "image": {"alt": "Scatter of policies with the change in average emissions on the horizontal and in marginal emissions on the vertical axis; least average lies {num}`counting_carbon.average_saving` to the left and changes the marginal grams by {num}`counting_carbon.average_saving_at_margin`, far from the diagonal."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.9))
ax.plot([-30, 30], [-30, 30], "--", color=COLORS["rest"], linewidth=1.2)
ax.axhline(0, color=COLORS["baseline"], linewidth=0.8)
ax.axvline(0, color=COLORS["baseline"], linewidth=0.8)
for name, point in change.iterrows():
    ax.plot([point["average"]] * 2, ends.loc[name], color=COLORS["marginal"], linewidth=2)
    ax.plot(point["average"], point["marginal"], "o", color=COLORS["marginal"], markersize=6)
    left = name.startswith("at noon")  # its right is taken
    place = {"xytext": (-6 if left else 7, 3), "ha": "right" if left else "left", "va": "bottom"}
    figures.label_line(ax, point["average"], point["marginal"], name, "#333333", **place)
reach = change["average"].agg(["min", "max"])
ax.set(
    xlabel="change in average emissions, %",
    ylabel="change in marginal emissions, %",
    xlim=(reach["min"] - 3, reach["max"] + 13),
    ylim=(ends["low"].min() - 2, ends["high"].max() + 2),
)
plt.show()

# %%
window = {
    kind: np.array([np.roll(slopes[kind], -h)[:4].mean() for h in range(24)])
    for kind in ("average", "marginal")
}
correlation = pd.Series(window["average"]).corr(pd.Series(window["marginal"]), "spearman")
sums = np.stack([np.roll(drawn, -h, axis=1)[:, :4].sum(axis=1) for h in range(24)], axis=1)
drawn_ranks = pd.DataFrame(sums.T).corrwith(pd.Series(window["average"]), method="spearman")
interval = tuple(np.quantile(drawn_ranks, [0.025, 0.975]))
cleanest = int(window["average"].argmin())
agree = np.mean(np.abs((sums.argmin(axis=1) - cleanest + 12) % 24 - 12) <= 1)
print(f"best start by the average {cleanest}:00, by the margin {window['marginal'].argmin()}:00")
print(f"rank correlation of the 24 start hours: {correlation:.2f}")

# %% tags=["hide-cell"]
THE_MIX = {"grids": (mix_zone,), "years": (mix_year,)}
PLANNED = THE_MIX | {"jobs": "one job", "pauses": "none", "future": "known"}
numbers.record(
    "rank_correlation",
    correlation,
    "",
    2,
    "rank correlation of 24 start hours, average against marginal, DE 2020",
    interval=(min(interval[0], correlation), max(interval[1], correlation)),
    scope=THE_MIX,
)
by_day = "least average, mean day"
meaning = "saved by a plan on the average's mean day, in average grams of that day"
saved_day = -change.loc[by_day, "mean day"]
numbers.record("average_day_saving", saved_day, "%", 1, meaning, scope=PLANNED)
numbers.record(
    "average_day_saving_at_margin",
    -change.loc[by_day, "marginal"],
    "%",
    1,
    "the same plan, in marginal grams",
    interval=tuple(-ends.loc[by_day][::-1]),
    scope=PLANNED,
)
numbers.record("best_average_hour", cleanest, "", 0, "cleanest start hour by the average")
numbers.record(
    "best_marginal_hour",
    int(window["marginal"].argmin()),
    "",
    0,
    "cleanest start hour by the margin",
)
numbers.record(
    "evening_average",
    change.loc["in the evening, 17:00", "average"],
    "%",
    1,
    "what evening starts change in average grams",
)
numbers.record(
    "evening_marginal",
    change.loc["in the evening, 17:00", "marginal"],
    "%",
    1,
    "what evening starts change in marginal grams",
    interval=tuple(ends.loc["in the evening, 17:00"]),
)
numbers.record(
    "hours_agree",
    100 * agree,
    "%",
    0,
    "draws of the estimate in which both best start hours lie within an hour of each other",
)
weekly = pd.DataFrame(
    {
        name: german.emissions_g(policies[name], policies[name] + 4 * HOUR, 1000.0)
        for name in ("at once", "least average")
    }
).groupby(((come_s - come_s[0]) // (168 * HOUR)).astype(int))
weeks = weekly.sum().to_numpy()


def saved_in(rows, axis):
    """Return the share saved in some weeks [%]."""
    at_once, best_of = np.moveaxis(weeks[rows.astype(int)].sum(axis=axis), -1, 0)
    return 100 * (1 - best_of / at_once)


found = stats.block_bootstrap(
    np.arange(len(weeks)), block=4, seed=seed, statistic=saved_in, resamples=1999
)
numbers.record(
    "average_saving",
    -change.loc["least average", "average"],
    "%",
    1,
    "saved by 'least average' in average grams",
    interval=(found.low, found.high),
    scope=PLANNED,
)
numbers.record(
    "average_saving_at_margin",
    change.loc["least average", "marginal"],
    "%",
    1,
    "what 'least average' changes in marginal grams",
    interval=tuple(ends.loc["least average"]),
    scope=PLANNED,
)
numbers.record(
    "marginal_saving",
    -change.loc["least marginal", "marginal"],
    "%",
    1,
    "saved by 'least marginal' in marginal grams",
    interval=tuple(-ends.loc["least marginal"][::-1]),
    scope=PLANNED,
)
_ = numbers.record(
    "marginal_saving_in_average",
    change.loc["least marginal", "average"],
    "%",
    1,
    "what 'least marginal' changes in average grams",
    scope=PLANNED,
)

# %% [markdown]
# (resolution)=
# ### What is the gram's doing, and what that of resolution
#
# The ranking changes ({numref}`fig:account-policies`).
# Who starts where the hourly average is least saves {num}`counting_carbon.average_saving` of average grams and changes the marginal ones by {num}`counting_carbon.average_saving_at_margin`; who starts where the margin is least saves {num}`counting_carbon.marginal_saving` of marginal grams (its hours were chosen by the same estimate, so rather less) and changes the average ones by {num}`counting_carbon.marginal_saving_in_average`.
# Part of that gap is one of resolution, since an hourly curve offers more to choose from than a mean day.
# At equal resolution, planned on the mean day of the average, {num}`counting_carbon.average_day_saving` of its grams are saved and {num}`counting_carbon.average_day_saving_at_margin` of the marginal ones, of {num}`counting_carbon.marginal_saving` that a plan on the margin's own mean day saves.
# The intervals of the marginal grams come from the error of the slopes alone: that the margin is a mean day, without imports and curtailment, is not in them.
# Evening starts, the worst of all by the average ({num}`counting_carbon.evening_average`), change the marginal grams by {num}`counting_carbon.evening_marginal`.
# The two books order the 24 start hours with a rank correlation of {num}`counting_carbon.rank_correlation`, the average names {num}`counting_carbon.best_average_hour` o'clock the best and the margin {num}`counting_carbon.best_marginal_hour`, and they come within an hour of each other in {num}`counting_carbon.hours_agree` of draws from the estimate's error.
# The reason is in {numref}`fig:account-kinds`: in {word}`counting_carbon.mix_place` at noon the mix is clean because the sun shines, but whoever switches on one machine more is served by coal or gas at noon as well.
# This estimate is a mean day of one year, it knows neither imports nor hours in which wind and sun are switched off, and it is no signal to schedule by; but it is enough to show that a saving in average grams is a statement about books.

# %% [markdown]
# ## When is a newer machine worse?
#
# Making a machine emits before it computes.
# How much is known poorly: the life-cycle assessment of one rack server with two processors gives about 4.3 t, of which eight large solid-state disks are 3.4 t {cite}`dellr740`; a methodology used for clouds starts from 1 t for a server without disks and adds 0.15 t for each GPU {cite}`ccf2022`; reports by makers show the embodied part growing against the electricity {cite}`gupta2021`.
# For a large language model trained in France, counting idle power and the machines doubled the total, from 24.7 t to 50.5 t {cite}`luccioni2023`.
# The numbers below are assumptions within that range, and knobs.
#
# Replace a server by one that does the same work in half the time at the same power, idle and busy, which is taken from that assessment.
# The old one exists already, so its making counts on neither side.
# Then the new one saves power in proportion to the load, and nothing when idle.

# %%
idle_server_w, busy_server_w, speed_up = 201.0, 510.0, 2.0  # [W], [W], assumed
server_kg = {"without disks": 1000.0, "with eight disks": 4300.0}
loads = np.linspace(0.02, 1, 99)
saved_w = (busy_server_w - idle_server_w) * loads * (1 - 1 / speed_up)
compared = year if year in datasets.years() else datasets.years()[-1]  # of the other grids
low, middle, high = "FR", "DE", "PL"  # grids of little, middling and much carbon
levels = {z: datasets.carbon_intensity(z, compared, factors).mean() for z in (low, middle, high)}
for key, z in (("low", low), ("middle", middle), ("high", high)):
    numbers.word(f"{key}_place", datasets.place(z), f"grid of the servers: {key} intensity")
payback = {
    (kind, z): np.array([payback_s(1000 * kg, w, i, pue=pue) for w in saved_w]) / SECONDS_PER_YEAR
    for kind, kg in server_kg.items()
    for z, i in levels.items()
}
needed = pd.DataFrame(
    {
        z: {
            kind: 100 * loads[payback[kind, z] <= lifetime_years].min(initial=np.inf)
            for kind in server_kg
        }
        for z in levels
    }
)
print(f"least load [%] at which a new server pays back within {lifetime_years:g} years")
print(needed.round(0).replace(np.inf, "never").to_string())

# %% mystnb={"figure": {"caption": "Years until a server twice as fast has saved what making it emitted, against the load of the old one (logarithmic years). Solid: 1 t, without disks; dashed: 4.3 t, with eight large disks. Shaded: service lives of three to six years.", "name": "fig:account-payback"}, "image": {"alt": "Falling curves, a pair for each grid, on a logarithmic axis of years; at half load a server without disks pays back within {num}`counting_carbon.payback_pl` in {word}`counting_carbon.high_place`, {num}`counting_carbon.payback_de` in {word}`counting_carbon.middle_place` and {num}`counting_carbon.payback_fr` in {word}`counting_carbon.low_place`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
tints = {"FR": COLORS["green"], "DE": COLORS["average"], "PL": COLORS["marginal"]}
ax.axhspan(3, 6, color=COLORS["rest"], alpha=0.35, linewidth=0)
for (kind, z), years in payback.items():
    dashed = kind == "with eight disks"
    ax.plot(100 * loads, years, "--" if dashed else "-", color=tints[z])
    text = f"{z}, {server_kg[kind] / 1000:g} t"
    figures.label_line(ax, 100, years[-1], text, tints[z], va="top" if dashed else "bottom")
ax.set_yscale("log")
ax.set_yticks([1, 3, 6, 10, 30, 100], ["1", "3", "6", "10", "30", "100"])
ax.minorticks_off()
ax.set(
    xlabel="load of the old server, %", ylabel="years to pay back", xlim=(0, 100), ylim=(0.7, 200)
)
plt.show()

# %% tags=["hide-cell"]
at_half = {key: float(np.interp(0.5, loads, years)) for key, years in payback.items()}
for z in levels:
    numbers.record(
        f"payback_{z.lower()}",
        at_half["without disks", z],
        "years",
        1,
        f"until a server of 1 t pays back at half load, {z}",
    )
numbers.record(
    "payback_disks",
    at_half["with eight disks", "DE"],
    "years",
    1,
    "the same for one of 4.3 t, DE",
)
seldom = Device(machine.name, machine.embodied_g, machine.lifetime_s, utilization=used_share)
numbers.record("used_share", 100 * used_share, "%", 0, "assumed share of its life in use")
numbers.record(
    "embodied_used",
    embodied(phases, seldom).emissions_g,
    "g",
    2,
    "embodied emissions of one run if it bears the unused time of the machine too",
)
_ = numbers.record(
    "payback_low_load",
    float(np.interp(0.1, loads, payback["without disks", "DE"])),
    "years",
    0,
    "until a server of 1 t pays back at a tenth of the load, DE",
)

# %% [markdown]
# At half load a server of 1 t pays back after {num}`counting_carbon.payback_de` in {word}`counting_carbon.middle_place`, {num}`counting_carbon.payback_pl` in {word}`counting_carbon.high_place` and {num}`counting_carbon.payback_fr` in {word}`counting_carbon.low_place`; one with large disks after {num}`counting_carbon.payback_disks` in {word}`counting_carbon.middle_place` ({numref}`fig:account-payback`).
# At a tenth of the load the first needs {num}`counting_carbon.payback_low_load`, and an idle one never pays: the cleaner the grid and the emptier the machine, the longer the old one should stay.
# The same holds for the account of a single run: whoever lets it bear also the time in which nobody uses the machine, at a use of {num}`counting_carbon.used_share` of its life, charges it with {num}`counting_carbon.embodied_used` instead of {num}`counting_carbon.embodied_grams` for the machine.
# Where one new machine takes the place of several old ones, their idle power is saved too and the sum is another; `payback_s` takes whatever power is saved.

# %% [markdown]
# ## How sure?
#
# Each input of the score is uncertain, some more than others: the set of emission factors, the meter, the PUE (the industry's mean was 1.58 in 2023 {cite}`uptime2023`, large sites are mostly better), the making of the machine (most likely {num}`counting_carbon.device`), and its life time.
# All but the factor sets are assumptions; the cell below has their ranges.
# A Monte Carlo run draws all of them at once; a tornado moves one at a time.

# %%
sets = {
    s: combine(account(phases, datasets.carbon_intensity(zone, year, s), pue=pue), made)
    for s in [factors, *(s for s in datasets.factor_sets() if s != factors)]
}
of_run = uncertain(sets)
inputs = {
    "factors": Choice(tuple(sets)),
    "power": Normal(1.0, 0.02),
    "pue": Uniform(1.1, 1.6),
    "device_g": Triangular(200e3, max(200e3, min(1000 * device_kg, 1000e3)), 1000e3),
    "lifetime_s": Uniform(3 * SECONDS_PER_YEAR, 6 * SECONDS_PER_YEAR),
}
outcome = monte_carlo(of_run, inputs, draws=20_000, seed=seed)
swings = tornado(of_run, inputs, level=0.9)
low_g, high_g = outcome.interval_g()
print(swings[["low_g", "base_g", "high_g", "swing_g"]].round(3).to_string())
print(f"mean {outcome.mean_g:.2f} g, 95 % of the draws within {low_g:.2f} to {high_g:.2f} g")

# %% mystnb={"figure": {"caption": "Left: how far one run's score swings when one input moves over nine tenths of its range, the others at their medians. Right: the score when all are drawn at once; 95 % of the draws lie between the lines.", "name": "fig:account-tornado"}, "image": {"alt": "Left, horizontal bars around the base value, sorted by width, that of the PUE {num}`counting_carbon.pue_swing` and that of the meter {num}`counting_carbon.meter_swing` wide; right, a histogram of one broad hill with two lines at {num}`counting_carbon.total_low` and {num}`counting_carbon.total_high`."}} tags=["hide-input"]
low_end, high_end = swings["low"], swings["high"]
texts = {
    "factors": "factor set",
    "power": "meter,\n" + "{:.0%} to {:.0%}".format(low_end["power"], high_end["power"]),
    "pue": "PUE,\n" + "{:.2f} to {:.2f}".format(low_end["pue"], high_end["pue"]),
    "device_g": "making,\n"
    + "{:.0f} to {:.0f} kg".format(low_end["device_g"] / 1e3, high_end["device_g"] / 1e3),
    "lifetime_s": "life time,\n"
    + "{:.1f} to {:.1f} years".format(
        low_end["lifetime_s"] / SECONDS_PER_YEAR, high_end["lifetime_s"] / SECONDS_PER_YEAR
    ),
}
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.5), width_ratios=(1.15, 1))
base_g = swings["base_g"].iloc[0]
for row, (_, swing) in enumerate(swings.iterrows()):
    axes[0].barh(row, swing["high_g"] - base_g, left=base_g, color=COLORS["marginal"], height=0.6)
    axes[0].barh(row, swing["low_g"] - base_g, left=base_g, color=COLORS["average"], height=0.6)
axes[0].axvline(base_g, color=COLORS["baseline"], linewidth=1)
axes[0].set_yticks(range(len(swings)), [texts[name] for name in swings.index])
axes[0].invert_yaxis()
axes[0].grid(axis="y", visible=False)
axes[0].set(xlabel="g a run", title="one at a time")
axes[1].hist(outcome.emissions_g, bins=60, color=COLORS["rest"])
for end_g in (low_g, high_g):
    axes[1].axvline(end_g, color=COLORS["average"], linewidth=1.6)
axes[1].set(xlabel="g a run", title="all at once", yticks=[])
plt.show()

# %% [markdown]
# A *saving* can be surer than the two totals it is the difference of, if both share their unknowns.
# Draw the same unknowns for the run at its hour and for the run started at the cleanest time of its day.

# %%
best_day = best_starts(job, curve, midnight, midnight + pd.DateOffset(days=1))
shift = pd.Timestamp(best_day.start_s[0], unit="s", tz="UTC") - start
later = phases.assign(start=phases["start"] + shift, stop=phases["stop"] + shift)
moved = uncertain(
    {
        s: combine(
            account(later, datasets.carbon_intensity(zone, year, s), pue=pue),
            embodied(later, machine),
        )
        for s in sets
    }
)
after_g = monte_carlo(moved, inputs, draws=20_000, seed=seed).emissions_g
saved_share = 100 * (1 - after_g / outcome.emissions_g)
electricity_only = [
    100 * (1 - new / old) for new, old in zip(moved.facility_g, of_run.facility_g, strict=True)
]
share_low, share_high = np.quantile(saved_share, [0.025, 0.975])
print(f"saved of the whole score: {share_low:.0f} to {share_high:.0f} %")
print(f"saved of its electricity: {min(electricity_only):.0f} to {max(electricity_only):.0f} %")

# %% tags=["hide-cell"]
numbers.record("device", device_kg, "kg", 0, "assumed making of the machine, most likely value")
numbers.record("total_low", low_g, "g", 2, "score, 2.5 % quantile of the draws")
numbers.record("total_high", high_g, "g", 2, "score, 97.5 % quantile of the draws")
numbers.record("pue_swing", swings.loc["pue", "swing_g"], "g", 2, "swing of the score by the PUE")
numbers.record(
    "making_swing",
    swings.loc["device_g", "swing_g"],
    "g",
    2,
    "swing of the score by the making of the machine",
)
numbers.record(
    "factor_swing", swings.loc["factors", "swing_g"], "g", 2, "swing of the score by the factor set"
)
numbers.record(
    "meter_swing", swings.loc["power", "swing_g"], "g", 2, "swing of the score by the meter"
)
numbers.record("saving_low", share_low, "%", 0, "saved of the whole score, 2.5 % quantile")
numbers.record("saving_high", share_high, "%", 0, "saved of the whole score, 97.5 % quantile")
numbers.record("electric_low", min(electricity_only), "%", 0, "saved of its electricity, least set")
_ = numbers.record(
    "electric_high", max(electricity_only), "%", 0, "saved of its electricity, most of the sets"
)

# %% [markdown]
# The score lies between {num}`counting_carbon.total_low` and {num}`counting_carbon.total_high` in 95 of 100 draws ({numref}`fig:account-tornado`).
# The PUE swings it by {num}`counting_carbon.pue_swing`, the making of the machine by {num}`counting_carbon.making_swing`, the factor set by {num}`counting_carbon.factor_swing`; the meter, on which the most care is spent, by {num}`counting_carbon.meter_swing`.
# Moved to the cleanest time of its day, the run saves {num}`counting_carbon.electric_low` to {num}`counting_carbon.electric_high` of its electricity's grams whichever factor set is taken, because the meter and the PUE cancel; of the whole score it saves {num}`counting_carbon.saving_low` to {num}`counting_carbon.saving_high`, because a machine is made whenever it runs.

# %% [markdown]
# ## Scopes
#
# The Greenhouse Gas Protocol sorts emissions by who causes them.
# For whoever owns the machine and buys its electricity:

# %%
scopes = whole.scopes()
print((1000 * scopes["emissions_g"]).round(0).astype(int).rename("mg of CO2e a run").to_string())

# %% [markdown]
# For a customer of a cloud all of it is scope 3.
# Scope 2 here is *location-based*: certificates of origin change who may claim clean electricity, not what the grid burnt, and the SCI excludes them.
# Strictly, scope 2 holds only what is emitted when electricity is generated; the factors of this book count the whole life of plant and fuel, so that a part of the row belongs to scope 3 (fuel and energy related).
# Marginal emissions stand in no scope: they are no inventory.

# %% [markdown]
# (limits-counting-carbon)=
# ## What could be wrong
#
# * **Assumptions.** PUE, the machine's making and its life time are assumed, within ranges that are cited; no life-cycle assessment of the measured machine is known.
# * **A desktop in a data centre.** The measured machine is a desktop; in an office a PUE of 1 would be right, and the PUE is there to show the step.
# * **Independent draws.** The Monte Carlo run takes its inputs as independent; a machine kept longer may also be one that was made more cheaply.
# * **Production, not consumption.** The average ignores imports, and so does the estimate of the margin.
# * **A mean marginal day.** The margin is estimated as a mean by hour of one year; real margins change from hour to hour, fall to zero when green power is switched off, and in the long run load also changes which plants are built.
# * **Write-off in a straight line.** Every second of life bears the same; an owner may well write off most in the first years, which favours old machines.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=counting_carbon P="zone=FR"
# make run CHAPTER=counting_carbon P="pue=1.0 device_kg=1000 lifetime_years=6"
# ```
#
# 1. In which grid is the machine's making the larger half of the score?
# 2. With `length_h=1`, how wrong is the intensity at the end? And with 24?
# 3. What would the short job pay if the node were switched off whenever it is empty?
#
# ## The numbers of this chapter

# %%
numbers
