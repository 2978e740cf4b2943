# %% [markdown]
# # Carbon intensity
#
# **Question.**
# When is electricity clean, and how well is that known beforehand?
#
# **Answer.**
# In {word}`carbon_intensity.place` in {word}`carbon_intensity.year` a kilowatt-hour caused {num}`carbon_intensity.mean` of CO2e on average, but less than {num}`carbon_intensity.low_decile` in the cleanest tenth of the hours and more than {num}`carbon_intensity.high_decile` in the dirtiest.
# An hour's work that waited, the future known, for the cleanest hour of the day ahead would have caused {num}`carbon_intensity.saving_24h` less.
# How well the future is known is told by real forecasts for another grid alone: those of {word}`carbon_intensity.forecast_place`'s marginal rate err by {num}`carbon_intensity.forecast_mae_3h` three hours ahead.
#
# **You need.**
# Nothing but school physics: power is energy per time, a kilowatt-hour (kWh) is an amount of energy.
# *Carbon intensity* is the mass of greenhouse gases, weighed as CO2 equivalents (CO2e), that one kilowatt-hour causes, in g/kWh.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones()
year = 2020  # 2019 or 2020
factors = "ipcc2014"  # or "srren2011", "unece2022"
clean_share = 0.3  # hours below this quantile of the year count as clean
seed = 1

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from helpers import datasets, figures, publish
from helpers.carbon import describe

figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("carbon_intensity", publish.Scope(grids=(zone,), years=(year,)))

# %% [markdown]
# ## The curve
#
# The European transmission operators report what each kind of power plant generates, hour by hour, on a platform whose strengths and gaps have been reviewed {cite}`hirth2018`.
# Weighing each kind with its emission factor, over the whole life of plant and fuel, gives the *average* carbon intensity of what is generated:
#
# $$
# I(t) = \frac{\sum_k G_k(t)\, f_k}{\sum_k G_k(t)},
# $$ (eq-intensity)
#
# with the generation $G_k$ in MW and the factor $f_k$ in g/kWh.
# {if-not}`carbon_intensity.own_grid` What is imported is not in it, and neither are losses on the way; {doc}`data_sheets` has the sources, the licences and the gaps.
# {if}`carbon_intensity.own_grid` The curve of {word}`carbon_intensity.place` comes from a file of its own, whose header says what is in it; the others, which it stands beside, hold neither imports nor losses on the way.

# %% tags=["hide-cell"]
numbers.word("place", datasets.place(zone), "the grid of this chapter")
numbers.word("year", year, "the year of its curve")
_ = numbers.fact("own_grid", datasets.is_own_grid(zone), "the grid is not one of the book's")

# %%
intensity = datasets.carbon_intensity(zone, year, factors)
clock = datasets.time_zone(zone)
zones = list(dict.fromkeys([*datasets.zones(), zone]))  # an own grid stands beside the embedded
compared = year if year in datasets.years() else datasets.years()[-1]


def curve_of(grid, factors=factors):
    """Return a grid's intensity: the chosen year of the chosen grid, else a year embedded."""
    return datasets.carbon_intensity(grid, year if grid == zone else compared, factors)


curve = intensity.to_series(clock)
low, high = curve.quantile([0.1, 0.9])
print(f"{zone} {year}: {curve.size:,} h, mean {curve.mean():.1f} g/kWh")
print(f"cleanest tenth of the hours below {low:.1f} g/kWh, dirtiest above {high:.1f} g/kWh")

# %% tags=["hide-cell"]
numbers.record("hours", curve.size, "hours", 0, "hours of the curve")
numbers.record("mean", curve.mean(), "g/kWh", 0, f"mean intensity, {zone} {year}")
numbers.record("low_decile", low, "g/kWh", 0, "a tenth of the hours is cleaner")
numbers.record("high_decile", high, "g/kWh", 0, "a tenth of the hours is dirtier")
_ = numbers.record(
    "minimum_to_maximum",
    curve.max() / curve.min(),
    "",
    1,
    "dirtiest hour over cleanest hour of the year",
)

# %% mystnb={"figure": {"caption": "One winter week and one summer week of the same grid, local time. Shaded: the hours that belong to the cleanest of the year.", "name": "fig:carbon-weeks"}, "image": {"alt": "Two line charts of carbon intensity over a week, one in winter and one in summer, with the clean hours shaded. {if}`in-book` The summer week dips every day around noon."}} tags=["hide-input"]
threshold = curve.quantile(clean_share)
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharey=True)
for ax, first in zip(axes, (f"{year}-01-13", f"{year}-06-15"), strict=True):
    monday = pd.Timestamp(first, tz=clock)
    monday -= pd.Timedelta(days=monday.weekday())
    week = curve[monday : monday + pd.Timedelta(days=7)]
    hours = (week.index - week.index[0]) / pd.Timedelta(days=1)
    ax.fill_between(
        hours,
        0,
        1,
        week < threshold,
        step="post",
        color=COLORS["green"],
        alpha=0.18,
        transform=ax.get_xaxis_transform(),
        linewidth=0,
    )
    ax.step(hours, week, where="post", color=COLORS["average"])
    ax.set(xlim=(0, 7), ylabel="g/kWh", title=f"{zone}, week of {monday:%d %B %Y}")
    ax.set_xticks(np.arange(7) + 0.5, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    ax.tick_params(axis="x", length=0)
axes[0].set_ylim(0)
plt.show()

# %% [markdown]
# {numref}`fig:carbon-weeks` shows what all the rest of this book lives on: the same kilowatt-hour differs by a factor of {num}`carbon_intensity.minimum_to_maximum` over the year, and part of that is a daily rhythm.
# {if-not}`carbon_intensity.own_grid` (The curve has {num}`carbon_intensity.hours`: the source is cut at midnight in Central Europe, so that a year in UTC may lack its last.)

# %% [markdown]
# ## The day and the seasons
#
# Two clocks can drive the curve: the sun, and people's working day.
# {if}`carbon_intensity.noon_clean` In {word}`carbon_intensity.place` noon is clean: from eleven to two the intensity differs from the mean of the year by {num}`carbon_intensity.noon`.
# {if}`carbon_intensity.noon_dirty` In {word}`carbon_intensity.place` noon is dirty: from eleven to two the intensity differs from the mean of the year by {num}`carbon_intensity.noon`.
# {if}`carbon_intensity.evening_dirty` The evening, from six to nine, is dirty ({num}`carbon_intensity.evening`).
# {if}`carbon_intensity.evening_clean` The evening, from six to nine, is clean ({num}`carbon_intensity.evening`).
# The cleanest hour of the mean day begins at {num}`carbon_intensity.cleanest_hour` o'clock, the dirtiest at {num}`carbon_intensity.dirtiest_hour`.

# %% mystnb={"figure": {"caption": "Mean carbon intensity by month and hour of the local day.", "name": "fig:carbon-seasons"}, "image": {"alt": "Heat map with a row for each month and a column for each hour of the day; the shade of a cell is the mean intensity then."}} tags=["hide-input"]
table = describe.month_by_hour(intensity, clock)
fig, ax = plt.subplots(figsize=(7.2, 3.7))
figures.heatmap(ax, table, label="g/kWh", extent=(0, 24, 12.5, 0.5))
ax.set_yticks(range(1, 13), list("JFMAMJJASOND"))
ax.set_xticks(range(0, 25, 3))
ax.set(xlabel=f"hour of the day, {clock}", title=f"{zone} {year}")
plt.show()

# %% tags=["hide-cell"]
mean_day = 100 * (curve.groupby(curve.index.hour).mean() / curve.mean() - 1)
noon, evening = mean_day.loc[11:13].mean(), mean_day.loc[18:20].mean()
numbers.record("noon", noon, "%", 0, "mean intensity from 11 to 14 h, against the year's")
numbers.record("evening", evening, "%", 0, "mean intensity from 18 to 21 h, against the year's")
numbers.record("cleanest_hour", mean_day.idxmin(), "", 0, "cleanest hour of the mean day begins")
numbers.record("dirtiest_hour", mean_day.idxmax(), "", 0, "dirtiest hour of the mean day begins")
numbers.fact("noon_clean", noon <= -2, "noon at least 2 % below the year's mean")
numbers.fact("noon_dirty", noon >= 2, "noon at least 2 % above the year's mean")
numbers.fact("evening_clean", evening <= -2, "evening at least 2 % below the year's mean")
_ = numbers.fact("evening_dirty", evening >= 2, "evening at least 2 % above the year's mean")

# %%
days = describe.daily_swing(intensity, clock)
swing = days["swing"].median()
swing_interval = stats.bootstrap(
    (days["swing"].to_numpy(),), np.median, rng=seed
).confidence_interval
share_between_days = days["mean"].var() / curve.var()
print(f"dirtiest minus cleanest hour of a day: {100 * swing:.0f} % of the day's mean (median day)")
print(f"{100 * share_between_days:.0f} % of the variance lies between days, the rest within them")

# %% tags=["hide-cell"]
numbers.record(
    "daily_swing",
    100 * swing,
    "%",
    0,
    "median over days of (dirtiest - cleanest hour) / mean",
    interval=tuple(100 * np.array(swing_interval)),
)
numbers.record(
    "variance_between_days",
    100 * share_between_days,
    "%",
    0,
    "share of the variance of hours that lies between days",
)
_ = numbers.fact("days_differ", share_between_days > 0.5, "most of the variance is between days")

# %% [markdown]
# On a median day the dirtiest hour lies {num}`carbon_intensity.daily_swing` of the day's mean above the cleanest.
# {if}`carbon_intensity.days_differ` Yet {num}`carbon_intensity.variance_between_days` of the variance lies *between* days, where weather fronts and seasons work.
# {if-not}`carbon_intensity.days_differ` Of the variance {num}`carbon_intensity.variance_between_days` lie *between* days, less than within them.
# A job that can wait a night meets the first kind, a job that can wait days the second.

# %% [markdown]
# ## Grid beside grid
#
# Not every grid swings.
# The next figure puts {word}`carbon_intensity.place` beside all others that the book carries.

# %%
curves = {z: curve_of(z).to_series(datasets.time_zone(z)) for z in zones}
grids = pd.DataFrame(
    {
        "mean": {z: c.mean() for z, c in curves.items()},
        "p5": {z: c.quantile(0.05) for z, c in curves.items()},
        "p95": {z: c.quantile(0.95) for z, c in curves.items()},
    }
).sort_values("mean")
print(grids.round(0).astype(int).rename(columns=lambda c: f"{c} [g/kWh]").T.to_string())

# %% mystnb={"figure": {"caption": "{num}`carbon_intensity.grids`: mean carbon intensity (dot) and the range that holds nine tenths of the hours (line); the chosen grid in colour.", "name": "fig:carbon-grids"}, "image": {"alt": "Dot plot of {num}`carbon_intensity.grids` sorted by mean carbon intensity, from {num}`carbon_intensity.cleanest_mean` to {num}`carbon_intensity.dirtiest_mean`, each with a line that holds nine tenths of its hours."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.9))
for row, (name, grid) in enumerate(grids.iterrows()):
    color = COLORS["average"] if name == zone else COLORS["baseline"]
    ax.plot(
        [grid["p5"], grid["p95"]],
        [row, row],
        color=color,
        alpha=0.45,
        linewidth=5,
        solid_capstyle="butt",
    )
    ax.plot(grid["mean"], row, "o", color=color, markersize=7)
ax.set_yticks(range(len(grids)), grids.index)
ax.set(xlabel=f"carbon intensity in {year}, g/kWh", xlim=(0, None))
ax.grid(axis="y", visible=False)
plt.show()

# %% mystnb={"figure": {"caption": "The mean day of {num}`carbon_intensity.grids`, each relative to its own mean; the chosen grid in colour. Flat days leave nothing to shift within a day.", "name": "fig:carbon-days"}, "image": {"alt": "Line chart of the mean daily curve of {num}`carbon_intensity.grids` relative to their mean. {if}`in-book` Some dip at noon, some at night, Poland is nearly flat."}} tags=["hide-input"]
shapes = pd.DataFrame({z: c.groupby(c.index.hour).mean() / c.mean() for z, c in curves.items()})
others = sorted({shapes.sub(1).abs().max().idxmax(), shapes.sub(1).abs().max().idxmin()} - {zone})
fig, ax = plt.subplots(figsize=(7.2, 4.0))
for name, shape in shapes.items():
    color = COLORS["average"] if name == zone else COLORS["rest"]
    color = COLORS["baseline"] if name in others else color
    day = np.append(shape, shape.iloc[0])
    ax.plot(
        range(25),
        day,
        color=color,
        linewidth=2.4 if name == zone else 1.2,
        zorder=3 if name == zone else 2,
    )
    if name == zone or name in others:
        figures.label_line(ax, 24, day[-1], name, color)
ax.set(
    xlim=(0, 24), xticks=range(0, 25, 3), xlabel="hour of the local day", ylabel="intensity / mean"
)
plt.show()

# %%
grid_swing = pd.Series(
    {z: describe.daily_swing(curve_of(z), datasets.time_zone(z))["swing"].median() for z in curves}
).sort_values()
print("median daily swing [% of the day's mean]")
print((100 * grid_swing).round(0).astype(int).to_frame("").T.to_string(index=False))

# %% tags=["hide-cell"]
flattest, widest, dirtiest = grid_swing.index[0], grid_swing.index[-1], grids.index[-1]
all_grids = {"grids": zones}
numbers.record("grids", len(zones), "grids", 0, "grids shown", scope=all_grids)
numbers.record(
    "flattest_swing", 100 * grid_swing[flattest], "%", 0, f"daily swing of the flattest, {flattest}"
)
numbers.record(
    "widest_swing", 100 * grid_swing[widest], "%", 0, f"daily swing of the widest grid, {widest}"
)
numbers.record("dirtiest_mean", grids["mean"].iloc[-1], "g/kWh", 0, f"mean of {dirtiest}")
numbers.record("cleanest_mean", grids["mean"].iloc[0], "g/kWh", 0, f"mean of {grids.index[0]}")
numbers.record("dirtiest_swing", 100 * grid_swing[dirtiest], "%", 0, f"daily swing of {dirtiest}")
numbers.word("flattest", datasets.place(flattest), "the grid with the least daily swing")
numbers.word("widest", datasets.place(widest), "the grid with the widest daily swing")
numbers.word("dirtiest", datasets.place(dirtiest), "the grid with the highest mean")
narrow = grid_swing[dirtiest] < grid_swing.median()
_ = numbers.fact("dirtiest_is_flat", narrow, "the dirtiest grid swings less than the median one")

# %% [markdown]
# The daily swing runs from {num}`carbon_intensity.flattest_swing` ({word}`carbon_intensity.flattest`) to {num}`carbon_intensity.widest_swing` ({word}`carbon_intensity.widest`).
# {if}`carbon_intensity.dirtiest_is_flat` A high level is not a wide swing: {word}`carbon_intensity.dirtiest` is the dirtiest ({numref}`fig:carbon-grids`), and its swing is only {num}`carbon_intensity.dirtiest_swing` ({numref}`fig:carbon-days`).

# %% [markdown]
# ## Ramps: how fast does it change?
#
# A schedule made of whole hours loses little if the curve hardly moves within an hour.

# %%
ramps = curve.diff().dropna().abs()
print(
    f"from one hour to the next: median {ramps.median():.1f} g/kWh, 99 % below {ramps.quantile(0.99):.0f} g/kWh"
)

# %% tags=["hide-cell"]
numbers.record("ramp_median", ramps.median(), "g/kWh", 1, "median change from one hour to the next")
_ = numbers.record(
    "ramp_p99",
    ramps.quantile(0.99),
    "g/kWh",
    0,
    "change from one hour to the next that one hour in a hundred exceeds",
)

# %% [markdown]
# ## How long do clean spells last?
#
# Call an hour clean when it lies in the cleanest {num}`carbon_intensity.clean_share` of the year.
# A job that needs longer than a clean spell lasts must either run on into dirty hours or pause.

# %%
spells = describe.spells(intensity, threshold)
spells = spells[spells["whole"]]
clean, dirty = spells[spells["clean"]]["hours"], spells[~spells["clean"]]["hours"]
print(f"{len(clean)} clean spells: median {clean.median():.0f} h, longest {clean.max():.0f} h")
print(f"between them: median {dirty.median():.0f} h, longest {dirty.max():.0f} h")

# %% tags=["hide-cell"]
numbers.record("clean_share", 100 * clean_share, "%", 0, "share of the hours that counts as clean")
numbers.record("clean_spells", len(clean), "spells", 0, "clean spells in the year")
numbers.record("clean_spell_median", clean.median(), "h", 0, "median length of a clean spell")
numbers.record("dirty_spell_median", dirty.median(), "h", 0, "median time between clean spells")
_ = numbers.record(
    "dirty_spell_p90",
    dirty.quantile(0.9),
    "h",
    0,
    "time between clean spells that one in ten exceeds",
)

# %% mystnb={"figure": {"caption": "How long clean spells last, and how long one waits between them: share of spells at most so long (logarithmic axis).", "name": "fig:carbon-spells"}, "image": {"alt": "Two cumulative distribution curves on a logarithmic time axis; clean spells last {num}`carbon_intensity.clean_spell_median` in the median, the dirty spells between them {num}`carbon_intensity.dirty_spell_median`, and one in ten of those over {num}`carbon_intensity.dirty_spell_p90`."}} tags=["hide-input"]
fig, ax = plt.subplots()
figures.ecdf(ax, clean, color=COLORS["green"])
figures.ecdf(ax, dirty, color=COLORS["baseline"])
ax.set_xscale("log")
ax.set_xticks([1, 3, 6, 12, 24, 48, 96, 168], ["1 h", "3", "6", "12", "24", "48", "96", "1 week"])
ax.minorticks_off()
ax.set(xlabel="length of the spell", ylabel="share of spells")
ax.text(0.03, 0.9, "clean spells", color=COLORS["green"], transform=ax.transAxes)
ax.text(
    0.97,
    0.12,
    "dirty spells between them",
    color=COLORS["baseline"],
    transform=ax.transAxes,
    ha="right",
)
plt.show()

# %% [markdown]
# A clean spell lasts {num}`carbon_intensity.clean_spell_median` in the median, and {num}`carbon_intensity.dirty_spell_median` pass between two of them; but one wait in ten is longer than {num}`carbon_intensity.dirty_spell_p90`.
# That tail decides how much a deadline costs.

# %% [markdown]
# ## What could waiting gain?
#
# Take an hour's work that arrives at any hour of the year with equal chance, and let it start in the cleanest hour within its longest wait.
# No schedule of whole hours can do better, so this is the ceiling for short jobs; long jobs and restarts, the subject of later chapters, stay below it.

# %%
waits_h = [0, 1, 2, 3, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120, 144, 168]
gains = pd.DataFrame({z: describe.lowest_within(curve_of(z), waits_h)["saving"] for z in curves})
shown = gains.loc[[1, 3, 6, 12, 24, 48, 96, 168]]
print((100 * shown).round(0).astype(int).rename_axis("wait [h]").to_string())

# %% mystnb={"figure": {"caption": "Emissions saved by an hour's work that starts in the cleanest hour within its longest wait, with perfect knowledge; the chosen grid in colour.", "name": "fig:carbon-waiting"}, "image": {"alt": "Curves of saving against longest wait for {num}`carbon_intensity.grids`. {if}`carbon_intensity.diminishing` That of the chosen grid rises ever more slowly, to {num}`carbon_intensity.saving_24h` within a day and {num}`carbon_intensity.saving_96h` within four."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
ends = gains.iloc[-1].sort_values()
named = {zone, ends.index[0], ends.index[-1]}
for name, gain in gains.items():
    color = COLORS["average"] if name == zone else COLORS["baseline" if name in named else "rest"]
    ax.plot(gain.index, 100 * gain, color=color, linewidth=2.6 if name == zone else 1.3)
    if name in named:
        figures.label_line(ax, gain.index[-1], 100 * gain.iloc[-1], name, color)
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()


# %% tags=["hide-cell"]
def saving_by_week(wait_h):
    """Return emissions now and in the best hour ahead, week by week of arrival."""
    ahead = curve[::-1].rolling(wait_h + 1, min_periods=1).min()[::-1]
    return pd.DataFrame({"now": curve, "best": ahead})[: -wait_h or None].resample("W").mean()


def saving(now, best, axis=-1):
    """Return the share saved."""
    return 1 - best.mean(axis) / now.mean(axis)


ceiling = {"jobs": "an hour's work", "pauses": "none", "future": "known"}
for wait_h in (6, 24, 96):
    weeks = saving_by_week(wait_h)
    interval = stats.bootstrap(
        (weeks["now"], weeks["best"]), saving, paired=True, vectorized=True, rng=seed
    ).confidence_interval
    numbers.record(
        f"saving_{wait_h}h",
        100 * gains.loc[wait_h, zone],
        unit="%",
        digits=0,
        interval=tuple(100 * np.array(interval)),
        meaning=f"saved by an hour's work in the cleanest hour within {wait_h} h",
        scope=ceiling,
    )
numbers.record(
    "saving_24h_lowest",
    100 * gains.loc[24].min(),
    "%",
    0,
    f"the same within 24 h, least of the grids ({gains.loc[24].idxmin()})",
    scope=ceiling | all_grids,
)
numbers.record(
    "saving_24h_highest",
    100 * gains.loc[24].max(),
    "%",
    0,
    f"the same within 24 h, most of the grids ({gains.loc[24].idxmax()})",
    scope=ceiling | all_grids,
)
an_hour = [gains.loc[b, zone] - gains.loc[a, zone] for a, b in ((0, 6), (6, 24), (24, 96))]
less = an_hour[0] / 6 > an_hour[1] / 18 > an_hour[2] / 72
_ = numbers.fact("diminishing", less, "an hour of waiting saves less the more one has waited")

# %% [markdown]
# The future known, six hours of patience save {num}`carbon_intensity.saving_6h`, a day {num}`carbon_intensity.saving_24h`, four days {num}`carbon_intensity.saving_96h`.
# {if}`carbon_intensity.diminishing` More waiting always helps, each hour less than those before.
# Over {num}`carbon_intensity.grids` a day's wait saves between {num}`carbon_intensity.saving_24h_lowest` and {num}`carbon_intensity.saving_24h_highest`.

# %% [markdown]
# ## Average or marginal?
#
# The average says what the mix emits.
# It does not say what *one more* kilowatt-hour causes: that comes from the plant that would answer, and the sun never answers.
# The two are different quantities, and this book's code refuses to add or compare them by accident.
#
# For {word}`carbon_intensity.mix_place` in {word}`carbon_intensity.mix_year` the book also carries the generation mix, so that a rough marginal intensity can be estimated from history: by how much emissions change when generation does {cite}`hawkes2010`.
# Sun and wind change too, but not because anyone switched something on; the plants that answer to load are the others, and the slope is taken over those {cite}`silerevans2012`.

# %%
mix_zone, mix_year = "DE", 2020  # the one mix that the book carries
mix = describe.answering_generation(
    datasets.generation(mix_zone, mix_year), datasets.emission_factors(factors)
)
average = 1000 * mix["emissions_t"].sum() / mix["generation_mwh"].sum()
slope, error = describe.marginal_slope(mix["answering_mwh"], mix["answering_t"])
naive_slope, _ = describe.marginal_slope(mix["generation_mwh"], mix["emissions_t"])
print(f"{mix_zone} {mix_year}: average {average:.0f} g/kWh, marginal {slope:.0f} g/kWh")
print(f"standard error of the slope: {error:.0f} g/kWh")

# %% [markdown]
# That error is the error of *one* slope.
# Resampled weeks give its interval, and the slopes of single months show how far it is from being one.

# %%
change = mix[["answering_mwh", "answering_t"]].diff().dropna()
change = change.assign(xy=1000 * change.prod(axis=1), xx=change["answering_mwh"] ** 2)
by_week = change.groupby(np.arange(len(change)) // 168)[["xy", "xx"]].sum()
drawn = np.random.default_rng(seed).integers(len(by_week), size=(1999, len(by_week)))
sums = by_week.to_numpy()[drawn].sum(axis=1)
slope_low, slope_high = np.quantile(sums[:, 0] / sums[:, 1], [0.025, 0.975])
by_month = change.groupby(change.index.tz_convert(None).to_period("M"))[["xy", "xx"]].sum()
monthly = by_month["xy"] / by_month["xx"]
print(f"95 % interval from resampled weeks: {slope_low:.0f} to {slope_high:.0f} g/kWh")
print(f"slopes of single months: {monthly.min():.0f} to {monthly.max():.0f} g/kWh")

# %% tags=["hide-cell"]
the_mix = {"grids": (mix_zone,), "years": (mix_year,)}
numbers.word("mix_place", datasets.place(mix_zone), "the grid whose generation mix is carried")
numbers.word("mix_year", mix_year, "the year of that mix")
numbers.record(
    "de_2020_average",
    average,
    "g/kWh",
    0,
    "average intensity weighted by generation, DE 2020",
    scope=the_mix,
)
hours_alike = datasets.carbon_intensity(mix_zone, mix_year, factors).mean()
numbers.record(
    "de_2020_hours", hours_alike, "g/kWh", 0, "the same, each hour counting alike", scope=the_mix
)
numbers.record(
    "de_2020_marginal",
    slope,
    "g/kWh",
    0,
    "emissions over generation, both of plants that answer to load, by regression of changes, DE 2020",
    interval=(min(slope_low, slope), max(slope_high, slope)),
    scope=the_mix,
)
for end, value in (("least", monthly.min()), ("most", monthly.max())):
    numbers.record(
        f"de_2020_month_{end}", value, "g/kWh", 0, f"the {end} of single months", scope=the_mix
    )
_ = numbers.record(
    "de_2020_naive_slope",
    naive_slope,
    "g/kWh",
    0,
    "the same with sun and wind among the plants, DE 2020",
    scope=the_mix,
)

# %% [markdown]
# In {word}`carbon_intensity.mix_place` in {word}`carbon_intensity.mix_year` the average, weighted by what was generated, was {num}`carbon_intensity.de_2020_average` ({num}`carbon_intensity.de_2020_hours` if each hour counts alike); the plants that answered to load emitted {num}`carbon_intensity.de_2020_marginal` ({num-interval}`carbon_intensity.de_2020_marginal`) for one kilowatt-hour more.
# That interval is the error of a slope and nothing else: the slopes of single months lie from {num}`carbon_intensity.de_2020_month_least` to {num}`carbon_intensity.de_2020_month_most`, and which plants are taken to answer is a choice.
# The choice matters: with sun and wind among the plants the slope is {num}`carbon_intensity.de_2020_naive_slope`, because at noon generation rises while nothing is burnt.
# It remains a mean over a year, without imports, and not a signal to schedule by.
#
# {word}`carbon_intensity.forecast_place` publishes a marginal rate made for deciding, every five minutes, together with the forecasts that were really issued {cite}`sgip2021,sustaingym2023`.
# It looks like no average.

# %%
region = "CAISO_PGE"
abroad = {"grids": (region,), "years": ()}
marginal = datasets.marginal_intensity(region)
rate = marginal.to_series("America/Los_Angeles")
at_zero, at_cap = (rate < 1).mean(), (rate > 0.99 * rate.max()).mean()
print(
    f"{region}, {marginal.start:%Y-%m-%d} to {marginal.stop:%Y-%m-%d}: mean {rate.mean():.0f} g/kWh"
)
print(
    f"zero {100 * at_zero:.1f} % of the time, at its cap of {rate.max():.0f} g/kWh {100 * at_cap:.1f} %"
)

# %% tags=["hide-cell"]
numbers.word("forecast_place", datasets.place(region), "whose marginal rate and forecasts are kept")
meaning = f"mean marginal rate, {region}"
numbers.record("marginal_mean", rate.mean(), "g/kWh", 0, meaning, scope=abroad)
meaning = "share of time with a marginal rate of zero"
numbers.record("marginal_zero", 100 * at_zero, "%", 1, meaning, scope=abroad)
meaning = "share of time with the marginal rate at its cap"
numbers.record("marginal_cap", 100 * at_cap, "%", 1, meaning, scope=abroad)
_ = numbers.record("marginal_cap_rate", rate.max(), "g/kWh", 0, "that cap", scope=abroad)

# %% mystnb={"figure": {"caption": "How often which intensity occurs: an average (left) and a marginal rate (right). The marginal rate piles up where one kind of plant answers, and drops to zero when green power would otherwise be thrown away.", "name": "fig:carbon-kinds"}, "image": {"alt": "Two histograms; on the left the average intensity of the chosen grid; on the right the marginal rate with a spike at zero, where it is {num}`carbon_intensity.marginal_zero` of the time, a broad peak, and a spike at its cap of {num}`carbon_intensity.marginal_cap_rate`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
for ax, series, kind, name in (
    (axes[0], curve, "average", f"average, {zone} {year}"),
    (axes[1], rate, "marginal", f"marginal, {region}"),
):
    weights = np.full(len(series), 100 / len(series))
    ax.hist(
        series,
        bins=np.arange(0, max(rate.max(), curve.max()) + 20, 20),
        weights=weights,
        color=COLORS[kind],
    )
    ax.set(xlabel="g/kWh", title=name)
axes[0].set_ylabel("share of time, %")
plt.show()

# %% [markdown]
# The rate is zero for {num}`carbon_intensity.marginal_zero` of the time, when green power would be curtailed, and at its cap for {num}`carbon_intensity.marginal_cap`.
# A policy tuned on averages can thus be wrong on the margin; {doc}`data_sheets` says what each series may be used for.

# %% [markdown]
# ## How well is it known beforehand?
#
# Every quarter of an hour a forecast for the next three hours was issued.
# The honest opponent is persistence: 'it stays as it is now'.
# Issue times within the three hours around a run of repeated values (a gap that the source filled) are left out.

# %%
forecasts = datasets.marginal_forecasts(region)
runs = datasets.marginal_runs(region)
runs = runs[runs["level"] == "between"]  # runs at zero or at the cap can be true
issued = pd.to_datetime(forecasts.issued_s, unit="s", utc=True)
margin = pd.Timedelta(hours=3, minutes=5)
near = np.zeros(len(issued), dtype=bool)
for run in runs.itertuples():
    near |= (issued >= run.start - margin) & (issued <= run.stop)
covered = (issued >= marginal.start) & (issued + margin <= marginal.stop)
errors = describe.forecast_errors(forecasts, marginal, keep=~near & covered)
print(f"{errors['n'].iloc[0]:,} forecasts judged, {near.sum():,} left out")
shown = errors[["mae", "persistence_mae", "bias"]].loc[[300, 1800, 3600, 7200, 10800]]
print(shown.round(1).rename_axis("lead [s]").to_string())

# %% mystnb={"figure": {"caption": "Mean absolute error of the forecasts against their lead, beside persistence.", "name": "fig:carbon-forecast"}, "image": {"alt": "Two rising curves of error against lead time up to three hours; persistence starts lower than the forecast and is above it from {num}`carbon_intensity.forecast_crossing` on."}} tags=["hide-input"]
fig, ax = plt.subplots()
lead_min = errors.index / 60
ax.plot(lead_min, errors["mae"], color=COLORS["forecast"])
ax.plot(lead_min, errors["persistence_mae"], color=COLORS["baseline"])
figures.label_line(ax, lead_min[-1], errors["mae"].iloc[-1], "forecast", COLORS["forecast"])
figures.label_line(
    ax, lead_min[-1], errors["persistence_mae"].iloc[-1], "persistence", COLORS["baseline"]
)
ax.set(xlabel="lead, min", ylabel="mean absolute error, g/kWh", xlim=(0, 182), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
crossing = (errors.index[errors["skill"] <= 0].max() + 300) / 60
mae_g, skill = errors["mae"], 100 * errors.loc[10800, "skill"]
for key, value, unit, meaning in (
    ("forecast_mae_1h", mae_g[3600], "g/kWh", "error of the forecast one hour ahead"),
    ("forecast_mae_3h", mae_g[10800], "g/kWh", "error of the forecast three hours ahead"),
    ("forecast_skill_3h", skill, "%", "error three hours ahead below that of persistence"),
    ("forecast_crossing", crossing, "min", "lead from which the forecast beats persistence"),
):
    numbers.record(key, value, unit, 0, meaning, scope=abroad)

# %% [markdown]
# One hour ahead the forecast errs by {num}`carbon_intensity.forecast_mae_1h`, three hours ahead by {num}`carbon_intensity.forecast_mae_3h`, which is {num}`carbon_intensity.forecast_skill_3h` less than the guess that nothing changes.
# Only from a lead of {num}`carbon_intensity.forecast_crossing` on does it beat persistence at every lead.
# {numref}`fig:carbon-forecast` shows why: its error does not begin at zero, since the forecast does not start from the present value, and it rises in steps, as if one product ended and another began.
#
# For averages a day ahead no forecasts are carried here, but anyone can make two: 'as at this hour yesterday' and 'as at this hour a week ago'.

# %%
hourly = intensity.to_series()
naive = pd.Series(
    {
        name: (hourly - hourly.shift(lag)).abs().mean()
        for name, lag in {
            "1 hour ago": 1,
            "6 hours ago": 6,
            "yesterday": 24,
            "a week ago": 168,
        }.items()
    }
)
constant = (hourly - hourly.mean()).abs().mean()
print(naive.round(1).rename("mean absolute error [g/kWh]").to_string())
print(f"the year's mean: {constant:.1f} g/kWh")

# %% tags=["hide-cell"]
numbers.record("naive_day", naive["yesterday"], "g/kWh", 0, "error of 'as at this hour yesterday'")
numbers.record("naive_mean", constant, "g/kWh", 0, "error of 'always the mean of the year'")
weather = naive["yesterday"] > 0.5 * constant
_ = numbers.fact("weather", weather, "yesterday errs by over half of what the year's mean errs by")

# %% [markdown]
# Saying 'as yesterday' errs by {num}`carbon_intensity.naive_day`, against {num}`carbon_intensity.naive_mean` for always saying the mean of the year, which nobody knows beforehand.
# {if}`carbon_intensity.weather` Yesterday says little, so weather, more than habit, makes this curve.

# %% [markdown]
# ## Which factors?
#
# Emission factors are an input, and respectable sources differ {cite}`ipcc2014annex3,srren2011annex2,unece2022`.
# Does it matter which one is taken?

# %%
sets = datasets.factor_sets()
judged = [z for z in zones if not datasets.is_own_grid(z)]  # an own grid has factors of its own
levels = pd.DataFrame({s: {z: curve_of(z, s).mean() for z in judged} for s in sets})
chosen = pd.DataFrame({s: datasets.carbon_intensity(zone, year, s).to_series() for s in sets})
order = chosen.corr("spearman").to_numpy()
is_clean = chosen < chosen.quantile(clean_share)
agree = is_clean.all(axis=1).sum() / is_clean.any(axis=1).sum()
spread = chosen.mean().max() / chosen.mean().min() - 1
print(levels.sort_values(factors).round(0).astype(int).T.to_string())
if zone in judged:
    print(f"{zone}: rank correlation of the hours between sets at least {order.min():.3f}")

# %% mystnb={"figure": {"caption": "The same generation, three sets of emission factors: mean intensity of each grid.", "name": "fig:carbon-factors"}, "image": {"alt": "Dot plot with a mark for each grid and factor set; the order of the grids differs little between the sets (rank correlation at least {num}`carbon_intensity.factor_zone_order`)."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.9))
sorted_levels = levels.sort_values(factors)
for (name, column), marker, color in zip(
    sorted_levels.items(),
    "osD",
    (COLORS["average"], COLORS["cancelled"], COLORS["green"]),
    strict=True,
):
    ax.plot(column, range(len(column)), marker, color=color, markersize=6, linestyle="", label=name)
ax.set_yticks(range(len(sorted_levels)), sorted_levels.index)
ax.set(xlabel=f"mean carbon intensity in {year}, g/kWh", xlim=(0, None))
ax.legend(loc="lower right")
plt.show()

# %% tags=["hide-cell"]
if zone in judged:
    meaning = f"highest over lowest mean of the three factor sets, minus one, {zone} {year}"
    numbers.record("factor_spread", 100 * spread, "%", 0, meaning)
    meaning = "least rank correlation of the hours between two factor sets"
    numbers.record("factor_rank_correlation", order.min(), "", 3, meaning)
    meaning = "hours that all three sets call clean, of those that any does"
    numbers.record("factor_clean_agreement", 100 * agree, "%", 0, meaning)
    numbers.fact("order_kept", order.min() > 0.95, "rank correlation of the hours above 0.95")
meaning = "least rank correlation of the grids between two factor sets"
between = levels.corr("spearman").to_numpy().min()
_ = numbers.record("factor_zone_order", between, "", 2, meaning, scope={"grids": judged})

# %% [markdown]
# {if}`carbon_intensity.own_grid` The curve of {word}`carbon_intensity.place` was made with one set of its own; what follows here is about the other grids.
# In {word}`carbon_intensity.place` the level moves by {num}`carbon_intensity.factor_spread` with the set; the order of the hours has a rank correlation of at least {num}`carbon_intensity.factor_rank_correlation` between any two, and {num}`carbon_intensity.factor_clean_agreement` of the hours that any set calls clean are called so by all.
# The grids themselves keep their order with a rank correlation of at least {num}`carbon_intensity.factor_zone_order`.
# {if}`carbon_intensity.order_kept` So a *schedule* made with one set is nearly right for another, while a *sum of grams* is not.
# Never compare totals made with different sets.

# %% [markdown]
# (limits-carbon-intensity)=
# ## What could be wrong
#
# * {if-not}`carbon_intensity.own_grid` **Production, not consumption.** Imports and exports are ignored; where they are large next to the own generation, the true mix differs.
# * {if-not}`carbon_intensity.own_grid` **Reports.** Hours that the operators did not report whole were interpolated or averaged from what there was; `datasets.carbon_gaps()` lists each one.
# * {if-not}`carbon_intensity.own_grid` **Two years, one of them odd.** In 2020 the pandemic lowered demand in spring; run the chapter for 2019 and compare.
# * {if}`carbon_intensity.own_grid` **A curve of your own.** What is in it, and how well it was reported, only its source can say.
# * **Perfect knowledge.** The savings of {numref}`fig:carbon-waiting` are ceilings; forecasts, job lengths, restarts and finite machines each take their part.
# * **The margin.** All savings here are in average intensity: what the books show, not what the atmosphere gains.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=carbon_intensity P="zone=GB"
# make run CHAPTER=carbon_intensity P="zone=PL year=2019 factors=unece2022"
# ```
#
# 1. In which of the grids is the night cleaner than noon, and why?
# 2. Lower `clean_share` to 0.1: do clean spells get shorter, or rarer?
# 3. Which grid gains most from the step from 6 to 24 hours of patience?
#
# ## The numbers of this chapter

# %%
numbers
