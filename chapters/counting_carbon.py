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
# {opening}`fig:account-kinds`
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
from helpers.carbon import accounting as books
from helpers.carbon.accounting import SECONDS_PER_YEAR, Device, account, combine, embodied, saved_g
from helpers.carbon.uncertainty import Choice, Normal, Triangular, Uniform, monte_carlo, tornado
from helpers.carbon.uncertainty import model as uncertain
from helpers.phases import Phase, PhaseModel
from helpers.schedule import best_starts
from helpers.study import weekly

# %% tags=["hide-input"]
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
start = pd.Timestamp(f"{year}-{started}", tz=clock)

# %%
profile = job.profile
edges = start + pd.to_timedelta(profile.edges_s, unit="s")
of_phases = {"item": profile.names, "start": edges[:-1], "stop": edges[1:]}
phases = pd.DataFrame({"job": "run 1", **of_phases, "power_w": profile.power_w})
run = account(phases, curve)

# %%
publish.table(
    run.audit().head(6),
    {
        "item": "phase",
        "duration_s": "time [.1f s]",
        "power_w": "power [.1f W]",
        "energy_kwh": "energy [.6f kWh]",
        "intensity_g_per_kwh": "intensity [.1f g/kWh]",
        "emissions_g": "emissions [.6f g]",
    },
    caption=f"the first of {len(run.rows)} rows",
)

# %%
publish.table({"sum of energy [.6f kWh]": run.energy_kwh, "of emissions [.4f g]": run.emissions_g})

# %% [markdown]
# Every total is the exactly rounded sum of its rows, and every row is the product of its own columns; `audit` checks both to the last bit.
# What it writes can be checked by anyone who has no part of this book's code; {doc}`api_carbon` has all columns.

# %%
with tempfile.TemporaryDirectory() as folder:
    run.write_csv(Path(folder) / "audit.csv")
    with open(Path(folder) / "audit.csv", newline="", encoding="utf-8") as file:
        again_g = math.fsum(float(row["emissions_g"]) for row in csv.DictReader(file))
publish.table({"summed from the file": "the same" if again_g == run.emissions_g else again_g})

# %% [markdown]
# Three steps lead from the socket to the score.
# *PUE* adds the building: cooling, conversion, light.
# The *embodied* emissions of the machine are written off over its life, and the run bears its share of the time: $M = TE \cdot TS \cdot RS$, total embodied times time share times resource share.
# The *Software Carbon Intensity* {cite}`sci2024` divides by a functional unit, here one training run: $\mathrm{SCI} = (E \cdot I + M)/R$.

# %%
lifetime_s = lifetime_years * SECONDS_PER_YEAR
machine = Device("desktop with GPU", 1000 * device_kg, lifetime_s, source="assumed")
bought = account(phases, curve, pue=pue)
made = embodied(phases, machine)
whole = combine(bought, made)
score = whole.sci(1, "training run")

# %%
publish.table(
    {
        "E, energy [.5f kWh]": score.energy_kwh,
        "I, intensity [.1f g/kWh]": score.intensity_g_per_kwh,
        "M, making of the machine [.3f g]": score.embodied_g,
        "R, functional unit": f"{score.units} {score.unit}",
        f"SCI, each {score.unit} [.3f g]": score.score_g,
    }
)

# %% tags=["hide-cell"]
of_run = run.emissions_g / run.energy_kwh
numbers.record_table(
    {
        "run_energy [.2f kJ]: energy of one run at the wall socket": job.energy_j / 1000,
        "run_kwh [.2f Wh]: the same in watt-hours": 1000 * run.energy_kwh,
        f"run_intensity [.0f g/kWh]: intensity of the run, {zone} {year}": of_run,
        "run_grams [.2f g]: emissions of one run at the wall socket": run.emissions_g,
        "pue [.1f]: assumed PUE": pue,
        "pue_grams [.2f g]: emissions added by the PUE": bought.emissions_g - run.emissions_g,
        "embodied_grams [.2f g]: embodied emissions of one run": made.emissions_g,
        "sci [.2f g]: Software Carbon Intensity of one training run": score.score_g,
    }
)

# %%
idle = account(phases.assign(power_w=idle_w), curve)
parts = {
    "power above idle": (saved_g(run, idle), COLORS["work"]),
    "idle power": (idle.emissions_g, COLORS["idle"]),
    "building (PUE)": (saved_g(bought, run), COLORS["startup"]),
    "making of the machine": (made.emissions_g, COLORS["model"]),
}

# %% mystnb={"figure": {"caption": "From the socket to the score of one training run. Idle power is what the machine would have drawn in that time without the job.", "name": "fig:account-steps"}, "image": {"alt": "Four horizontal bars on a common gram axis, each starting where the one before ended: power above idle, idle power, PUE, and the making of the machine; their end is the score."}} tags=["hide-input"]
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
    time_s = recording.time_s
    inside = (time_s >= 30.0) & (time_s <= recording.at("Exit"))
    at_s, power_w = recording.start_epoch_s + time_s[inside], recording.power_w[inside]
    samples = books.Power.samples(at_s, power_w)
    accounts[repeat] = account(samples, that_summer, job=f"run {repeat}")

# %% tags=["download"]
each = pd.DataFrame(
    {
        "energy of the recordings [.3f kJ]": [3600 * a.energy_kwh for a in accounts.values()],
        "their emissions [.3f g]": [a.emissions_g for a in accounts.values()],
    }
)
spread = each.agg(["mean", "std"]).rename({"std": "standard deviation"})
publish.table(spread, {name: name for name in each}, index="")

# %% tags=["download"]
publish.table({"energy of the phase model [.3f kJ]": job.energy_j / 1000})

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
node = books.Node("node", 200.0, midnight, midnight + pd.DateOffset(days=1), cores=8)
plan = pd.DataFrame(
    [("long", 8, 18, 2), ("wide", 10, 13, 5), ("short", 20, 21, 1)],
    columns=["job", "from_h", "to_h", "cores"],
)

# %%
begin, end = (midnight + pd.to_timedelta(plan[of], unit="h") for of in ("from_h", "to_h"))
above_w = 35.0 * plan["cores"]  # above idle
day = pd.DataFrame({"job": plan["job"], "start": begin, "stop": end, "power_w": above_w})
day["cores"] = plan["cores"]

# %%
rules = {
    "marginal": ("marginal", "node"),
    "reserved cores": ("reserved", "node"),
    "time": ("time", "node"),
    "cores": ("core", "node"),
    "time,\nempty too": ("time", "jobs"),
    "cores,\nempty too": ("core", "jobs"),
}
shared = {
    name: account(books.share_idle(day, node, by=by, rest=rest), curve, pue=pue)
    for name, (by, rest) in rules.items()
}

# %%
bills = pd.DataFrame({name: a.by("job")["emissions_g"] for name, a in shared.items()})
bills = bills.reindex([*plan["job"], "node"]).fillna(0.0)
shown = bills.T.assign(whole=bills.sum()).rename(lambda name: name.replace("\n", " "))
publish.table(shown, "{} [.0f g]", index="idle power shared by")

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
left_over = 100 * bills.loc["node", "time"] / bills["time"].sum()
claim = "share of the day that is charged to no job if idle power is shared by time"
numbers.record_table(
    {
        "short_least [.0f g]: bill of the short job, least of the rules": cheapest,
        "short_most [.0f g]: bill of the short job, most of the rules": dearest,
        "short_ratio [.0f]: most over least bill of the short job": dearest / cheapest,
        "day_total [.0f g]: emissions of the node's day": bills.sum().mean(),
        f"node_left [.0f %]: {claim}": left_over,
    }
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

# %%
lookups = {
    "at its end": curve.at(stops_s),
    "at its start": curve.at(starts_s),
    "mean of its day": day_means.reindex(local_days).to_numpy(),
    "mean of the year": np.full(starts_s.size, curve.mean()),
}
errors = pd.DataFrame({k: 100 * (v * length_h / true_g - 1) for k, v in lookups.items()}).dropna()

# %%
quantiles = errors.quantile([0.05, 0.25, 0.5, 0.75, 0.95])
words = {q: f"{100 * q:.0f} % quantile of the error [.0f %]" for q in quantiles.index}
publish.table(quantiles.T, words, index="intensity looked up")

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

# %%
ends_s = (arrivals_s + length_h * HOUR, found.start_s + length_h * HOUR)
charged_at_end = [curve.at(time_s).sum() for time_s in ends_s]
end_saving = 100 * (1 - charged_at_end[1] / charged_at_end[0])
publish.table(
    {
        "saved by the best start within a day [.1f %]": saving,
        "by looking up the end [.1f %]": end_saving,
    }
)

# %% tags=["hide-cell"]
low, high = quantiles["at its end"][[0.05, 0.95]]
numbers.record_table(
    {
        "length [.0f h]: length of the longer job": length_h,
        "end_low [.0f %]: error by the intensity at the end, 5 % quantile": low,
        "end_high [.0f %]: error by the intensity at the end, 95 % quantile": high,
        "true_saving [.1f %]: saved by the best start within a day": saving,
        "end_saving [.1f %]: the same if each job is charged at its end": end_saving,
    }
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

# %%
days = pd.date_range(f"{year}-06-01", f"{year}-08-30", tz=clock)
four_h = PhaseModel("four hours", (), (Phase("work", 4 * HOUR, 1000.0),))
best = best_starts(four_h, summer, days, days + pd.DateOffset(days=1))
dawn_s = days.as_unit("s").asi8
off_s = days[0].utcoffset().total_seconds()
shifted_s = np.clip(best.start_s - off_s, dawn_s, dawn_s + 20 * HOUR)  # by the wrong reading

# %%
shifted_g = summer.emissions_g(shifted_s, shifted_s + 4 * HOUR, 1000.0)
now_g = summer.emissions_g(dawn_s, dawn_s + 4 * HOUR, 1000.0)
misread, in_truth = (100 * (1 - g.sum() / now_g.sum()) for g in (shifted_g, best.emissions_g))
against = "saved against a start at midnight"
publish.table({f"{against}, misread [.1f %]": misread, f"{against}, in truth [.1f %]": in_truth})

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
numbers.record_table(
    {
        "shift_true [.1f %]: saved by the best start of the day, summer": in_truth,
        "shift_wrong [.1f %]: saved if it is planned by the wrong clock": misread,
        "shift_hours [.0f h]: summer time of the clock, off UTC": abs(off_s) / HOUR,
    }
)

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
publish.table({f"{factors} [.3f g]": run.emissions_g, f"{other} [.3f g]": by_other.emissions_g})

# %%
try:
    saved_g(run, by_other)
except ValueError as refusal:
    print(refusal)

# %% tags=["hide-cell"]
claim = f"factor_artefact [.0f %]: the same run by {other} instead of {factors}"
numbers.record_table({claim: artefact})

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
berlin = datasets.time_zone(mix_zone)
generated = datasets.generation(mix_zone, mix_year)
mix = describe.answering_generation(generated, datasets.emission_factors(factors))

# %%
more = mix.diff().dropna()
hour_of_day = more.index.tz_convert(berlin).hour
at_hours = [more[hour_of_day == h].cumsum() for h in range(24)]  # the slope is over differences
slopes = pd.DataFrame(
    [describe.marginal_slope(at["answering_mwh"], at["answering_t"]) for at in at_hours],
    columns=["marginal", "error"],
).rename_axis("hour")

# %%
german = datasets.carbon_intensity(mix_zone, mix_year, factors)
hourly = german.to_series(berlin)
slopes["average"] = hourly.groupby(hourly.index.hour).mean()
source = f"a mean day, from generation, factors {factors}"
at_margin, mean_day = (
    Intensity(german.edges_s, slopes[kind].to_numpy()[hourly.index.hour], kind, mix_zone, source)
    for kind in ("marginal", "average")
)

# %%
words = {"average": "average [.0f g/kWh]", "marginal": "marginal [.0f g/kWh]"}
words |= {"error": "standard error of the marginal [.0f g/kWh]"}
publish.table(slopes, words, index="hour of the day [.0f]")

# %% mystnb={"figure": {"caption": "The mean day of {word}`counting_carbon.mix_place` in {word}`counting_carbon.mix_year` in two kinds of gram, each relative to its own mean. Band: 95 % interval of the estimate.", "name": "fig:account-kinds"}, "image": {"alt": "Two curves over the hours of the day around one; the average has a deep valley at noon and a peak in the evening, the marginal one is nearly flat, highest at night; their orders of the start hours have a rank correlation of {num}`counting_carbon.rank_correlation`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
hours = np.arange(24) + 0.5
level = slopes["marginal"].mean()
spread = 1.96 * slopes["error"] / level
middle = slopes["marginal"] / level
band = {"color": COLORS["marginal"], "alpha": 0.25, "linewidth": 0}
ax.fill_between(hours, middle - spread, middle + spread, **band)
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
come = pd.to_datetime(come_s, unit="s", utc=True).tz_convert(berlin)
waits_h = {
    f"{when}, {hour:02d}:00": ((hour - come.hour) % 24).to_numpy()
    for when, hour in {"at night": 2, "at noon": 11, "in the evening": 17}.items()
}

# %%
deadline_s = come_s + 28 * HOUR
by_curve = {
    "least average": german,
    "least average, mean day": mean_day,
    "least marginal": at_margin,
}
policies = {"at once": come_s} | {name: come_s + h * HOUR for name, h in waits_h.items()}
for name, known in by_curve.items():
    policies[name] = best_starts(four_h, known, come_s, deadline_s).start_s

# %%
both = {}
for name, begin_s in policies.items():
    uses = pd.DataFrame({"start": begin_s, "stop": begin_s + 4 * HOUR, "power_w": 1000.0})
    both[name] = [account(uses, c).emissions_g / len(uses) for c in (german, at_margin, mean_day)]
kinds = ["average", "marginal", "mean day"]
ranking = pd.DataFrame(both, index=kinds).T
change = 100 * (ranking / ranking.loc["at once"] - 1)

# %%
parts = [ranking, change.add_suffix(" %"), ranking.rank().add_suffix(" rank")]
words = {kind: f"{kind} [.0f g]" for kind in kinds}
words |= {f"{kind} %": f"change, {kind} [.1f %]" for kind in kinds}
words |= {f"{kind} rank": f"rank by {kind} [.0f]" for kind in kinds}
publish.table(pd.concat(parts, axis=1), words, index="policy")

# %% [markdown]
# The slopes are estimates.
# Drawing them from their standard errors, hour by hour, tells how sure the marginal column is.

# %%
rng = np.random.default_rng(seed)
drawn = rng.normal(slopes["marginal"], slopes["error"], (2000, 24))
used = {}  # how often each hour of the local day is run in
for name, begin_s in policies.items():
    run_s = (begin_s[:, None] + HOUR * np.arange(4)).ravel()
    local = pd.to_datetime(run_s, unit="s", utc=True).tz_convert(berlin)
    used[name] = np.bincount(local.hour, minlength=24)

# %%
changes = {name: 100 * (drawn @ of / (drawn @ used["at once"]) - 1) for name, of in used.items()}
ends = {name: np.quantile(each, [0.025, 0.975]) for name, each in changes.items()}
ends = pd.DataFrame(ends, index=["low", "high"]).T
words = {"low": "change of marginal emissions, from [.1f %]", "high": "to [.1f %]"}
publish.table(ends, words, index="policy, 95 % interval")

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
ax.set(xlabel="change in average emissions, %", ylabel="change in marginal emissions, %")
ax.set(xlim=(reach["min"] - 3, reach["max"] + 13))
ax.set(ylim=(ends["low"].min() - 2, ends["high"].max() + 2))
plt.show()

# %%
window = {
    kind: np.array([np.roll(slopes[kind], -h)[:4].mean() for h in range(24)])
    for kind in ("average", "marginal")
}
correlation = pd.Series(window["average"]).corr(pd.Series(window["marginal"]), "spearman")

# %%
sums = np.stack([np.roll(drawn, -h, axis=1)[:, :4].sum(axis=1) for h in range(24)], axis=1)
drawn_ranks = pd.DataFrame(sums.T).corrwith(pd.Series(window["average"]), method="spearman")
low, high = np.quantile(drawn_ranks, [0.025, 0.975])
at_average, at_marginal = (int(window[kind].argmin()) for kind in ("average", "marginal"))
agree = np.mean(np.abs((sums.argmin(axis=1) - at_average + 12) % 24 - 12) <= 1)

# %%
publish.table(
    {
        "best start hour by the average [.0f]": at_average,
        "by the margin [.0f]": at_marginal,
        "rank correlation of the 24 start hours [.2f]": correlation,
    }
)

# %% tags=["hide-cell"]
THE_MIX = {"grids": (mix_zone,), "years": (mix_year,)}
PLANNED = THE_MIX | {"jobs": "one job", "pauses": "none", "future": "known"}
by_rank = (correlation, min(low, correlation), max(high, correlation))
claim = "rank correlation of 24 start hours, average against marginal, DE 2020"
numbers.record_table({f"rank_correlation [.2f]: {claim}": by_rank}, scope=THE_MIX)

# %% tags=["hide-cell"]
changed = change["marginal"].to_frame("value").join(ends)
saved = -changed.loc["least average, mean day", ["value", "high", "low"]]
claim = "saved by a plan on the average's mean day, in average grams of that day"
numbers.record_table(
    {
        f"average_day_saving [.1f %]: {claim}": -change.loc["least average, mean day", "mean day"],
        "average_day_saving_at_margin [.1f %]: the same plan, in marginal grams": tuple(saved),
    },
    scope=PLANNED,
)

# %% tags=["hide-cell"]
evening = "in the evening, 17:00"
claim = "draws of the estimate in which both best start hours lie within an hour of each other"
in_marginal = tuple(changed.loc[evening])
numbers.record_table(
    {
        "best_average_hour [.0f]: cleanest start hour by the average": at_average,
        "best_marginal_hour [.0f]: cleanest start hour by the margin": at_marginal,
        "evening_average [.1f %]: what evening starts change in average grams": change.loc[
            evening, "average"
        ],
        "evening_marginal [.1f %]: what evening starts change in marginal grams": in_marginal,
        f"hours_agree [.0f %]: {claim}": 100 * agree,
    }
)

# %%
week = ((come_s - come_s[0]) // (168 * HOUR)).astype(int)
begins = (policies["at once"], policies["least average"])
first_g, least_g = (weekly(german.emissions_g(s, s + 4 * HOUR, 1000.0), week) for s in begins)
resampling = {"block": 4, "seed": seed, "resamples": 1999}
sure = stats.ratio_of_sums(first_g - least_g, first_g, **resampling).scaled(100)

# %% tags=["hide-cell"]
average, in_average = (change.loc[f"least {kind}", "average"] for kind in ("average", "marginal"))
at_least = -changed.loc["least marginal", ["value", "high", "low"]]
numbers.record_table(
    {
        "average_saving [.1f %]: saved by 'least average' in average grams": (
            -average,
            sure.low,
            sure.high,
        ),
        "average_saving_at_margin [.1f %]: what 'least average' changes in marginal grams": tuple(
            changed.loc["least average"]
        ),
        "marginal_saving [.1f %]: saved by 'least marginal' in marginal grams": tuple(at_least),
        "marginal_saving_in_average [.1f %]: what 'least marginal' changes in average grams": (
            in_average
        ),
    },
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

# %%
compared = year if year in datasets.years() else datasets.years()[-1]  # of the other grids
low, middle, high = "FR", "DE", "PL"  # grids of little, middling and much carbon
levels = {z: datasets.carbon_intensity(z, compared, factors).mean() for z in (low, middle, high)}
for key, z in (("low", low), ("middle", middle), ("high", high)):
    numbers.word(f"{key}_place", datasets.place(z), f"grid of the servers: {key} intensity")

# %%
payback = {}
for kind, kg in server_kg.items():
    for z, i in levels.items():
        lasts_s = [books.payback_s(1000 * kg, w, i, pue=pue) for w in saved_w]
        payback[kind, z] = np.array(lasts_s) / SECONDS_PER_YEAR

# %%
needed = pd.DataFrame({z: dict.fromkeys(server_kg, "never") for z in levels})
for (kind, z), years in payback.items():
    enough = loads[years <= lifetime_years]
    needed.loc[kind, z] = f"{100 * enough.min():.0f} %" if enough.size else "never"
caption = f"least load at which a new server pays back within {lifetime_years:g} years"
publish.table(needed, index="server", caption=caption)

# %% tags=["hide-input"]
tints = {"FR": COLORS["green"], "DE": COLORS["average"], "PL": COLORS["marginal"]}

# %% mystnb={"figure": {"caption": "Years until a server twice as fast has saved what making it emitted, against the load of the old one (logarithmic years). Solid: 1 t, without disks; dashed: 4.3 t, with eight large disks. Shaded: service lives of three to six years.", "name": "fig:account-payback"}, "image": {"alt": "Falling curves, a pair for each grid, on a logarithmic axis of years; at half load a server without disks pays back within {num}`counting_carbon.payback_pl` in {word}`counting_carbon.high_place`, {num}`counting_carbon.payback_de` in {word}`counting_carbon.middle_place` and {num}`counting_carbon.payback_fr` in {word}`counting_carbon.low_place`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
ax.axhspan(3, 6, color=COLORS["rest"], alpha=0.35, linewidth=0)
for (kind, z), years in payback.items():
    dashed = kind == "with eight disks"
    ax.plot(100 * loads, years, "--" if dashed else "-", color=tints[z])
    text = f"{z}, {server_kg[kind] / 1000:g} t"
    figures.label_line(ax, 100, years[-1], text, tints[z], va="top" if dashed else "bottom")
ax.set_yscale("log")
ax.set_yticks([1, 3, 6, 10, 30, 100], ["1", "3", "6", "10", "30", "100"])
ax.minorticks_off()
ax.set(xlabel="load of the old server, %", ylabel="years to pay back")
ax.set(xlim=(0, 100), ylim=(0.7, 200))
plt.show()

# %% tags=["hide-cell"]
at_half = {key: float(np.interp(0.5, loads, years)) for key, years in payback.items()}
seldom = Device(machine.name, machine.embodied_g, lifetime_s, utilization=used_share)
bears = embodied(phases, seldom).emissions_g
emptier = float(np.interp(0.1, loads, payback["without disks", "DE"]))

# %% tags=["hide-cell"]
claim = "payback_{0} [.1f years]: until a server of 1 t pays back at half load, {1}"
numbers.record_table({(z.lower(), z): at_half["without disks", z] for z in levels}, claim)
numbers.record_table(
    {
        "payback_disks [.1f years]: the same for one of 4.3 t, DE": at_half[
            "with eight disks", "DE"
        ],
        "used_share [.0f %]: assumed share of its life in use": 100 * used_share,
    }
)
claim = "embodied emissions of one run if it bears the unused time of the machine too"
numbers.record_table({f"embodied_used [.2f g]: {claim}": bears})
claim = "until a server of 1 t pays back at a tenth of the load, DE"
numbers.record_table({f"payback_low_load [.0f years]: {claim}": emptier})

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
others = [s for s in datasets.factor_sets() if s != factors]
of_set = {s: datasets.carbon_intensity(zone, year, s) for s in [factors, *others]}
sets = {s: combine(account(phases, one, pue=pue), made) for s, one in of_set.items()}
of_run = uncertain(sets)

# %%
inputs = {
    "factors": Choice(tuple(sets)),
    "power": Normal(1.0, 0.02),
    "pue": Uniform(1.1, 1.6),
    "device_g": Triangular(200e3, max(200e3, min(1000 * device_kg, 1000e3)), 1000e3),
    "lifetime_s": Uniform(3 * SECONDS_PER_YEAR, 6 * SECONDS_PER_YEAR),
}
outcome = monte_carlo(of_run, inputs, draws=20_000, seed=seed)
low_g, high_g = outcome.interval_g()

# %%
swings = tornado(of_run, inputs, level=0.9)
words = {"low_g": "low end [.3f g]", "base_g": "base [.3f g]", "high_g": "high end [.3f g]"}
publish.table(swings, words | {"swing_g": "swing [.3f g]"}, index="input")

# %%
publish.table(
    {
        "mean of the draws [.2f g]": outcome.mean_g,
        "95 % of them, from [.2f g]": low_g,
        "to [.2f g]": high_g,
    }
)

# %% tags=["hide-input"]
ranges = pd.concat([swings["low"], swings["high"]], axis=1)
kg, span = ranges.loc["device_g"] / 1e3, ranges.loc["lifetime_s"] / SECONDS_PER_YEAR
texts = {
    "factors": "factor set",
    "power": "meter,\n{:.0%} to {:.0%}".format(*ranges.loc["power"]),
    "pue": "PUE,\n{:.2f} to {:.2f}".format(*ranges.loc["pue"]),
    "device_g": "making,\n{:.0f} to {:.0f} kg".format(*kg),
    "lifetime_s": "life time,\n{:.1f} to {:.1f} years".format(*span),
}

# %% mystnb={"figure": {"caption": "Left: how far one run's score swings when one input moves over nine tenths of its range, the others at their medians. Right: the score when all are drawn at once; 95 % of the draws lie between the lines.", "name": "fig:account-tornado"}, "image": {"alt": "Left, horizontal bars around the base value, sorted by width, that of the PUE {num}`counting_carbon.pue_swing` and that of the meter {num}`counting_carbon.meter_swing` wide; right, a histogram of one broad hill with two lines at {num}`counting_carbon.total_low` and {num}`counting_carbon.total_high`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.5), width_ratios=(1.15, 1))
base_g = swings["base_g"].iloc[0]
for row, (_, swing) in enumerate(swings.iterrows()):
    for end, color in (("high_g", "marginal"), ("low_g", "average")):
        axes[0].barh(row, swing[end] - base_g, left=base_g, color=COLORS[color], height=0.6)
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
made_later = embodied(later, machine)
moved = {s: combine(account(later, one, pue=pue), made_later) for s, one in of_set.items()}
moved = uncertain(moved)

# %%
after_g = monte_carlo(moved, inputs, draws=20_000, seed=seed).emissions_g
saved_share = 100 * (1 - after_g / outcome.emissions_g)
share_low, share_high = np.quantile(saved_share, [0.025, 0.975])
pairs = zip(moved.facility_g, of_run.facility_g, strict=True)
of_sets = [100 * (1 - new / old) for new, old in pairs]

# %%
publish.table(
    [
        ("of the whole score, 95 % of the draws", share_low, share_high),
        ("of its electricity, all factor sets", min(of_sets), max(of_sets)),
    ],
    ["saved", "from [.0f %]", "to [.0f %]"],
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "device [.0f kg]: assumed making of the machine, most likely value": device_kg,
        "total_low [.2f g]: score, 2.5 % quantile of the draws": low_g,
        "total_high [.2f g]: score, 97.5 % quantile of the draws": high_g,
    }
)
moves = {
    "pue": ("pue", "PUE"),
    "device_g": ("making", "making of the machine"),
    "factors": ("factor", "factor set"),
    "power": ("meter", "meter"),
}
by_input = {code: swings["swing_g"][name] for name, code in moves.items()}
numbers.record_table(by_input, "{}_swing [.2f g]: swing of the score by the {}")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "saving_low [.0f %]: saved of the whole score, 2.5 % quantile": share_low,
        "saving_high [.0f %]: saved of the whole score, 97.5 % quantile": share_high,
        "electric_low [.0f %]: saved of its electricity, least set": min(of_sets),
        "electric_high [.0f %]: saved of its electricity, most of the sets": max(of_sets),
    }
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
publish.table(1000 * scopes, {"emissions_g": "CO2e of a run [.0f mg]"}, index="scope")

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
