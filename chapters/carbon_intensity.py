# %% [markdown]
# # Carbon intensity
#
# **Question.**
# When is electricity clean, and how well is that known beforehand?
#
# **Answer.**
# In {word}`carbon_intensity.place` in {word}`carbon_intensity.year` a kilowatt-hour caused {num}`carbon_intensity.mean` of CO2e on average, less than {num}`carbon_intensity.low_decile` in the cleanest tenth of the hours and more than {num}`carbon_intensity.high_decile` in the dirtiest.
# An hour's work that waited, the future known, for the cleanest hour of the day ahead would have caused {num}`carbon_intensity.saving_24h` less.
#
# {opening}`fig:carbon-weeks`
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

from helpers import datasets, figures, publish, stats
from helpers.carbon import describe

# %% tags=["hide-input"]
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
curve = intensity.to_series(clock)
low, high = curve.quantile([0.1, 0.9])

# %%
publish.table(
    {
        f"hours of the curve, {zone} {year} [.0f]": curve.size,
        "mean [.1f g/kWh]": curve.mean(),
        "cleanest tenth of the hours, below [.1f g/kWh]": low,
        "dirtiest tenth of the hours, above [.1f g/kWh]": high,
    }
)

# %% tags=["hide-cell"]
ratio = curve.max() / curve.min()
numbers.record_table(
    {
        "hours [.0f hours]: hours of the curve": curve.size,
        f"mean [.0f g/kWh]: mean intensity, {zone} {year}": curve.mean(),
        "low_decile [.0f g/kWh]: a tenth of the hours is cleaner": low,
        "high_decile [.0f g/kWh]: a tenth of the hours is dirtier": high,
        "minimum_to_maximum [.1f]: dirtiest hour over cleanest hour of the year": ratio,
    }
)

# %% tags=["hide-input"]
threshold = curve.quantile(clean_share)

# %% mystnb={"figure": {"caption": "A week of January and a week of June of the same grid, local time. Shaded: the hours that belong to the cleanest of the year.", "name": "fig:carbon-weeks"}, "image": {"alt": "Two line charts of carbon intensity over a week, one in January and one in June, with the clean hours shaded. {if}`in-book` The week of June dips every day around noon."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 4.6), sharey=True)
for ax, first in zip(axes, (f"{year}-01-13", f"{year}-06-15"), strict=True):
    monday = pd.Timestamp(first, tz=clock)
    monday -= pd.Timedelta(days=monday.weekday())
    week = curve[monday : monday + pd.Timedelta(days=7)]
    hours = (week.index - week.index[0]) / pd.Timedelta(days=1)
    band = {"color": COLORS["green"], "alpha": 0.18, "linewidth": 0, "step": "post"}
    ax.fill_between(hours, 0, 1, week < threshold, transform=ax.get_xaxis_transform(), **band)
    ax.step(hours, week, where="post", color=COLORS["average"])
    ax.set(xlim=(0, 7), ylabel="g/kWh", title=f"{zone}, week of {monday:%d %B %Y}")
    ax.set_xticks(np.arange(7) + 0.5, ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    ax.tick_params(axis="x", length=0)
axes[0].set_ylim(0)
plt.show()

# %% [markdown]
# The same weeks of your grid: {doc}`your_grid`.
#
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
cells = describe.month_by_hour(intensity, clock)
fig, ax = plt.subplots(figsize=(7.2, 3.7))
figures.heatmap(ax, cells, label="g/kWh", extent=(0, 24, 12.5, 0.5))
ax.set_yticks(range(1, 13), list("JFMAMJJASOND"))
ax.set_xticks(range(0, 25, 3))
ax.set(xlabel=f"hour of the day, {clock}", title=f"{zone} {year}")
plt.show()

# %% tags=["hide-cell"]
mean_day = 100 * (curve.groupby(curve.index.hour).mean() / curve.mean() - 1)
noon, evening = mean_day.loc[11:13].mean(), mean_day.loc[18:20].mean()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "noon [.0f %]: mean intensity from 11 to 14 h, against the year's": noon,
        "evening [.0f %]: mean intensity from 18 to 21 h, against the year's": evening,
        "cleanest_hour [.0f]: cleanest hour of the mean day begins": mean_day.idxmin(),
        "dirtiest_hour [.0f]: dirtiest hour of the mean day begins": mean_day.idxmax(),
    }
)

# %% tags=["hide-cell"]
numbers.fact("noon_clean", noon <= -2, "noon at least 2 % below the year's mean")
numbers.fact("noon_dirty", noon >= 2, "noon at least 2 % above the year's mean")
numbers.fact("evening_clean", evening <= -2, "evening at least 2 % below the year's mean")
_ = numbers.fact("evening_dirty", evening >= 2, "evening at least 2 % above the year's mean")

# %%
days = describe.daily_swing(intensity, clock)
swing = stats.bootstrap(100 * days["swing"], seed=seed, statistic=np.median)
between_days = days["mean"].var() / curve.var()

# %%
publish.table(
    {
        "dirtiest minus cleanest hour of a median day [.0f % of the day's mean]": swing.value,
        "share of the variance between days, not within them [.0f %]": 100 * between_days,
    }
)

# %% tags=["hide-cell"]
text = "share of the variance of hours that lies between days"
numbers.record_table(
    {
        "daily_swing [.0f %]: median over days of (dirtiest - cleanest hour) / mean": swing,
        f"variance_between_days [.0f %]: {text}": 100 * between_days,
    }
)
_ = numbers.fact("days_differ", between_days > 0.5, "most of the variance is between days")

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
# {if}`carbon_intensity.other_year` Their curves are of {word}`carbon_intensity.compared_year`, the last year of theirs that the book has.

# %%
compared = year if year in datasets.years() else datasets.years()[-1]
curves = {z: datasets.carbon_intensity(z, compared, factors) for z in datasets.zones()}
curves[zone] = intensity  # an own grid stands beside those embedded
zones = list(curves)
hourly = {z: signal.to_series(datasets.time_zone(z)) for z, signal in curves.items()}

# %% tags=["hide-cell"]
numbers.word("compared_year", compared, "the year of the other grids' curves")
_ = numbers.fact("other_year", compared != year, "the other grids' curves are of another year")
of_years = f"{compared}" if compared == year else f"{compared} ({zone}: {year})"

# %%
grids = pd.DataFrame(hourly).quantile([0.05, 0.95]).T.set_axis(["p5", "p95"], axis=1)
grids["mean"] = {z: c.mean() for z, c in hourly.items()}
grids = grids.sort_values("mean")

# %%
swings = {z: describe.daily_swing(c, datasets.time_zone(z))["swing"] for z, c in curves.items()}
grids["swing"] = {z: 100 * swing.median() for z, swing in swings.items()}

# %%
publish.table(
    grids,
    {
        "mean": "mean [.0f g/kWh]",
        "p5": "a twentieth of the hours is below [.0f g/kWh]",
        "p95": "and as many above [.0f g/kWh]",
        "swing": "median daily swing, of the day's mean [.0f %]",
    },
    index="grid",
)

# %% mystnb={"figure": {"caption": "{num}`carbon_intensity.grids`: mean carbon intensity (dot) and the range that holds nine tenths of the hours (line); the chosen grid in colour.", "name": "fig:carbon-grids"}, "image": {"alt": "Dot plot of {num}`carbon_intensity.grids` sorted by mean carbon intensity, from {num}`carbon_intensity.cleanest_mean` to {num}`carbon_intensity.dirtiest_mean`, each with a line that holds nine tenths of its hours."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.9))
for row, (name, grid) in enumerate(grids.iterrows()):
    color = COLORS["average"] if name == zone else COLORS["baseline"]
    wide = {"alpha": 0.45, "linewidth": 5, "solid_capstyle": "butt"}
    ax.plot([grid["p5"], grid["p95"]], [row, row], color=color, **wide)
    ax.plot(grid["mean"], row, "o", color=color, markersize=7)
ax.set_yticks(range(len(grids)), grids.index)
ax.set(xlabel=f"carbon intensity in {of_years}, g/kWh", xlim=(0, None))
ax.grid(axis="y", visible=False)
plt.show()

# %% tags=["hide-input"]
shapes = pd.DataFrame({z: c.groupby(c.index.hour).mean() / c.mean() for z, c in hourly.items()})
spread = shapes.sub(1).abs().max()
shade = dict.fromkeys(zones, "rest") | dict.fromkeys([spread.idxmax(), spread.idxmin()], "baseline")
shade[zone] = "average"

# %% mystnb={"figure": {"caption": "The mean day of {num}`carbon_intensity.grids`, each relative to its own mean; the chosen grid in colour. Flat days leave nothing to shift within a day.", "name": "fig:carbon-days"}, "image": {"alt": "Line chart of the mean daily curve of {num}`carbon_intensity.grids` relative to their mean. {if}`in-book` Some dip at noon, some at night, Poland is nearly flat."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
for name, shape in shapes.items():
    color, day = COLORS[shade[name]], np.append(shape, shape.iloc[0])
    thick = {"linewidth": 2.4, "zorder": 3} if name == zone else {"linewidth": 1.2, "zorder": 2}
    ax.plot(range(25), day, color=color, **thick)
    if shade[name] != "rest":
        figures.label_line(ax, 24, day[-1], name, color)
ax.set(xlim=(0, 24), xticks=range(0, 25, 3))
ax.set(xlabel="hour of the local day", ylabel="intensity / mean")
plt.show()

# %% tags=["hide-cell"]
by_swing = grids["swing"].sort_values()
flattest, widest, dirtiest = by_swing.index[0], by_swing.index[-1], grids.index[-1]

# %% tags=["hide-cell"]
all_grids = {"grids": zones, "years": sorted({year, compared})}

# %% tags=["hide-cell"]
numbers.record_table({"grids [.0f grids]: grids shown": len(zones)}, scope=all_grids)
numbers.record_table(
    {
        f"flattest_swing [.0f %]: daily swing of the flattest, {flattest}": by_swing.iloc[0],
        f"widest_swing [.0f %]: daily swing of the widest grid, {widest}": by_swing.iloc[-1],
        f"dirtiest_mean [.0f g/kWh]: mean of {dirtiest}": grids["mean"].iloc[-1],
        f"cleanest_mean [.0f g/kWh]: mean of {grids.index[0]}": grids["mean"].iloc[0],
        f"dirtiest_swing [.0f %]: daily swing of {dirtiest}": by_swing[dirtiest],
    }
)

# %% tags=["hide-cell"]
numbers.word("flattest", datasets.place(flattest), "the grid with the least daily swing")
numbers.word("widest", datasets.place(widest), "the grid with the widest daily swing")
numbers.word("dirtiest", datasets.place(dirtiest), "the grid with the highest mean")
narrow = by_swing[dirtiest] < by_swing.median()
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
steep = ramps.quantile(0.99)

# %%
publish.table(
    {
        "median change from one hour to the next [.1f g/kWh]": ramps.median(),
        "change that one hour in a hundred exceeds [.0f g/kWh]": steep,
    }
)

# %% tags=["hide-cell"]
text = "change from one hour to the next that one hour in a hundred exceeds"
numbers.record_table(
    {
        "ramp_median [.1f g/kWh]: median change from one hour to the next": ramps.median(),
        f"ramp_p99 [.0f g/kWh]: {text}": steep,
    }
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

# %%
lasting = {"clean spells": clean, "dirty spells between them": dirty}
publish.table(
    [(what, len(hours), hours.median(), hours.max()) for what, hours in lasting.items()],
    ["what", "how many [.0f]", "median [.0f h]", "longest [.0f h]"],
)

# %% tags=["hide-cell"]
tenth = dirty.quantile(0.9)
numbers.record_table(
    {
        "clean_share [.0f %]: share of the hours that counts as clean": 100 * clean_share,
        "clean_spells [.0f spells]: clean spells in the year": len(clean),
        "clean_spell_median [.0f h]: median length of a clean spell": clean.median(),
        "dirty_spell_median [.0f h]: median time between clean spells": dirty.median(),
        "dirty_spell_p90 [.0f h]: time between clean spells that one in ten exceeds": tenth,
    }
)

# %% mystnb={"figure": {"caption": "How long clean spells last, and how long one waits between them: share of spells at most so long (logarithmic axis).", "name": "fig:carbon-spells"}, "image": {"alt": "Two cumulative distribution curves on a logarithmic time axis; clean spells last {num}`carbon_intensity.clean_spell_median` in the median, the dirty spells between them {num}`carbon_intensity.dirty_spell_median`, and one in ten of those over {num}`carbon_intensity.dirty_spell_p90`."}} tags=["hide-input"]
fig, ax = plt.subplots()
figures.ecdf(ax, clean, color=COLORS["green"])
figures.ecdf(ax, dirty, color=COLORS["baseline"])
ax.set_xscale("log")
ax.set_xticks([1, 3, 6, 12, 24, 48, 96, 168], ["1 h", "3", "6", "12", "24", "48", "96", "1 week"])
ax.minorticks_off()
ax.set(xlabel="length of the spell", ylabel="share of spells")
on_axes = {"transform": ax.transAxes}
ax.text(0.03, 0.9, "clean spells", color=COLORS["green"], **on_axes)
between_them = "dirty spells between them"
ax.text(0.97, 0.12, between_them, color=COLORS["baseline"], ha="right", **on_axes)
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
gains = {z: 100 * describe.lowest_within(c, waits_h)["saving"] for z, c in curves.items()}
gains = pd.DataFrame(gains)
shown = {wait: f"within {wait} h [.0f %]" for wait in (1, 3, 6, 12, 24, 48, 96, 168)}
publish.table(gains.T, shown, index="grid")

# %% mystnb={"figure": {"caption": "Emissions saved by an hour's work that starts in the cleanest hour within its longest wait, with perfect knowledge; the chosen grid in colour.", "name": "fig:carbon-waiting"}, "image": {"alt": "Curves of saving against longest wait for {num}`carbon_intensity.grids`. {if}`carbon_intensity.diminishing` That of the chosen grid rises ever more slowly, to {num}`carbon_intensity.saving_24h` within a day and {num}`carbon_intensity.saving_96h` within four."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
ends = gains.iloc[-1].sort_values()
named = {zone, ends.index[0], ends.index[-1]}
for name, gain in gains.items():
    color = COLORS["average"] if name == zone else COLORS["baseline" if name in named else "rest"]
    ax.plot(gain.index, gain, color=color, linewidth=2.6 if name == zone else 1.3)
    if name in named:
        figures.label_line(ax, gain.index[-1], gain.iloc[-1], name, color)
ax.set_xticks(range(0, 169, 24))
ax.set(xlabel="longest wait, h", ylabel="emissions saved, %", xlim=(0, 168), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
ceiling = {"jobs": "an hour's work", "pauses": "none", "future": "known"}
claim = "saving_{0}h [.0f %]: saved by an hour's work in the cleanest hour within {0} h"
for wait in (6, 24, 96):
    arrivals = describe.lowest_ahead(intensity, wait).tz_convert(clock)
    weeks = arrivals.resample("W").mean()
    share = stats.ratio_of_sums(weeks["now"] - weeks["best"], weeks["now"], seed=seed).scaled(100)
    numbers.record_table(
        {wait: (gains.loc[wait, zone], share.low, share.high)}, claim, scope=ceiling
    )

# %% tags=["hide-cell"]
day = gains.loc[24]
least, most = day.idxmin(), day.idxmax()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        f"saving_24h_lowest [.0f %]: the same within 24 h, least of the grids ({least})": day[
            least
        ],
        f"saving_24h_highest [.0f %]: the same within 24 h, most of the grids ({most})": day[most],
    },
    scope=ceiling | all_grids,
)

# %% tags=["hide-cell"]
steps = gains.loc[[0, 6, 24, 96], zone].diff().iloc[1:] / [6, 18, 72]
less = steps.is_monotonic_decreasing and steps.is_unique
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

# %%
publish.table(
    {
        f"average, {mix_zone} {mix_year} [.0f g/kWh]": average,
        "marginal, plants that answer to load [.0f g/kWh]": slope,
        "its standard error [.0f g/kWh]": error,
    }
)

# %% [markdown]
# That error is the error of *one* slope.
# Resampled weeks give its interval, and the slopes of single months show how far it is from being one.

# %%
change = mix[["answering_mwh", "answering_t"]].diff().dropna()
change["xy"] = 1000 * change["answering_mwh"] * change["answering_t"]
change["xx"] = change["answering_mwh"] ** 2
by_week = change.groupby(np.arange(len(change)) // 168).sum()
by_month = change.groupby(change.index.tz_convert(None).to_period("M")).sum()

# %%
slopes = stats.ratio_of_sums(by_week["xy"], by_week["xx"], seed=seed, resamples=1999)
monthly = by_month["xy"] / by_month["xx"]
publish.table(
    [("resampled weeks, 95 %", slopes.low, slopes.high), ("months", monthly.min(), monthly.max())],
    ["slopes of", "least [.0f g/kWh]", "most [.0f g/kWh]"],
)

# %% tags=["hide-cell"]
the_mix = {"grids": (mix_zone,), "years": (mix_year,)}
numbers.word("mix_place", datasets.place(mix_zone), "the grid whose generation mix is carried")
numbers.word("mix_year", mix_year, "the year of that mix")
hours_alike = datasets.carbon_intensity(mix_zone, mix_year, factors).mean()
text = "emissions over generation, both of plants that answer to load, by regression of changes"

# %% tags=["hide-cell"]
mixed = f"{mix_zone} {mix_year}"
numbers.record_table(
    {
        f"de_2020_average [.0f g/kWh]: average intensity weighted by generation, {mixed}": average,
        "de_2020_hours [.0f g/kWh]: the same, each hour counting alike": hours_alike,
        f"de_2020_marginal [.0f g/kWh]: {text}, {mixed}": slopes,
        "de_2020_month_least [.0f g/kWh]: the least of single months": monthly.min(),
        "de_2020_month_most [.0f g/kWh]: the most of single months": monthly.max(),
        f"de_2020_naive_slope [.0f g/kWh]: the same with sun and wind among the plants, {mixed}": naive_slope,
    },
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

# %%
publish.table(
    {
        f"{region}, from": f"{marginal.start:%Y-%m-%d} to {marginal.stop:%Y-%m-%d}",
        "mean [.0f g/kWh]": rate.mean(),
        "share of time at zero [.1f %]": 100 * at_zero,
        f"share of time at its cap of {rate.max():.0f} g/kWh [.1f %]": 100 * at_cap,
    }
)

# %% tags=["hide-cell"]
numbers.word("forecast_place", datasets.place(region), "whose marginal rate and forecasts are kept")
numbers.record_table(
    {
        f"marginal_mean [.0f g/kWh]: mean marginal rate, {region}": rate.mean(),
        "marginal_zero [.1f %]: share of time with a marginal rate of zero": 100 * at_zero,
        "marginal_cap [.1f %]: share of time with the marginal rate at its cap": 100 * at_cap,
        "marginal_cap_rate [.0f g/kWh]: that cap": rate.max(),
    },
    scope=abroad,
)

# %% mystnb={"figure": {"caption": "How often which intensity occurs: an average (left) and a marginal rate (right). The marginal rate piles up where one kind of plant answers, and drops to zero when green power would otherwise be thrown away.", "name": "fig:carbon-kinds"}, "image": {"alt": "Two histograms; on the left the average intensity of the chosen grid; on the right the marginal rate with a spike at zero, where it is {num}`carbon_intensity.marginal_zero` of the time, a broad peak, and a spike at its cap of {num}`carbon_intensity.marginal_cap_rate`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
panels = {f"average, {zone} {year}": curve, f"marginal, {region}": rate}
bins = np.arange(0, max(rate.max(), curve.max()) + 20, 20)
for ax, (name, series), kind in zip(axes, panels.items(), ("average", "marginal"), strict=True):
    weights = np.full(len(series), 100 / len(series))
    ax.hist(series, bins=bins, weights=weights, color=COLORS[kind])
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

# %%
margin = pd.Timedelta(hours=3, minutes=5)
near = np.zeros(len(issued), dtype=bool)
for run in runs.itertuples():
    near |= (issued >= run.start - margin) & (issued <= run.stop)

# %%
covered = (issued >= marginal.start) & (issued + margin <= marginal.stop)
errors = describe.forecast_errors(forecasts, marginal, keep=~near & covered)
shown = errors.loc[[300, 1800, 3600, 7200, 10800]].reset_index()
shown["lead_min"] = shown["lead_s"] / 60

# %%
publish.table(
    shown,
    {
        "lead_min": "lead [.0f min]",
        "mae": "mean absolute error [.1f g/kWh]",
        "persistence_mae": "that of persistence [.1f g/kWh]",
        "bias": "bias [.1f g/kWh]",
        "n": "forecasts judged [.0f]",
    },
    caption=f"Left out around repeated values: {near.sum():,} forecasts",
)

# %% mystnb={"figure": {"caption": "Mean absolute error of the forecasts against their lead, beside persistence.", "name": "fig:carbon-forecast"}, "image": {"alt": "Two rising curves of error against lead time up to three hours; persistence starts lower than the forecast and is above it from {num}`carbon_intensity.forecast_crossing` on."}} tags=["hide-input"]
fig, ax = plt.subplots()
lead_min = errors.index / 60
for column, name, color in (
    ("mae", "forecast", "forecast"),
    ("persistence_mae", "persistence", "baseline"),
):
    last = errors[column].iloc[-1]
    ax.plot(lead_min, errors[column], color=COLORS[color])
    figures.label_line(ax, lead_min[-1], last, name, COLORS[color])
ax.set(xlabel="lead, min", ylabel="mean absolute error, g/kWh", xlim=(0, 182), ylim=(0, None))
plt.show()

# %% tags=["hide-cell"]
crossing = (errors.index[errors["skill"] <= 0].max() + 300) / 60
mae_g, skill = errors["mae"], 100 * errors.loc[10800, "skill"]
text = "error three hours ahead below that of persistence"
numbers.record_table(
    {
        "forecast_mae_1h [.0f g/kWh]: error of the forecast one hour ahead": mae_g[3600],
        "forecast_mae_3h [.0f g/kWh]: error of the forecast three hours ahead": mae_g[10800],
        f"forecast_skill_3h [.0f %]: {text}": skill,
        "forecast_crossing [.0f min]: lead from which the forecast beats persistence": crossing,
    },
    scope=abroad,
)

# %% [markdown]
# One hour ahead the forecast errs by {num}`carbon_intensity.forecast_mae_1h`, three hours ahead by {num}`carbon_intensity.forecast_mae_3h`, which is {num}`carbon_intensity.forecast_skill_3h` less than the guess that nothing changes.
# Only from a lead of {num}`carbon_intensity.forecast_crossing` on does it beat persistence at every lead.
# {numref}`fig:carbon-forecast` shows why: its error does not begin at zero, since the forecast does not start from the present value, and it rises in steps, as if one product ended and another began.
#
# For averages a day ahead no forecasts are carried here, but anyone can make two: 'as at this hour yesterday' and 'as at this hour a week ago'.

# %%
lags_h = {"an hour ago": 1, "six hours ago": 6, "yesterday": 24, "a week ago": 168}
naive = {name: (curve - curve.shift(lag)).abs().mean() for name, lag in lags_h.items()}
naive["the mean of the year"] = (curve - curve.mean()).abs().mean()
publish.table({f"mean absolute error, {name} [.1f g/kWh]": e for name, e in naive.items()})

# %% tags=["hide-cell"]
day_g, mean_g = naive["yesterday"], naive["the mean of the year"]
numbers.record_table(
    {
        "naive_day [.0f g/kWh]: error of 'as at this hour yesterday'": day_g,
        "naive_mean [.0f g/kWh]: error of 'always the mean of the year'": mean_g,
    }
)

# %% tags=["hide-cell"]
weather = day_g > 0.5 * mean_g
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
made = {(z, s): datasets.carbon_intensity(z, compared, s) for z in judged for s in sets}
levels = pd.DataFrame({s: {z: made[z, s].mean() for z in judged} for s in sets})
levels = levels.sort_values(factors)
publish.table(levels, "{} [.0f g/kWh]", index="grid")

# %% tags=["hide-cell"]
chosen = pd.DataFrame({s: datasets.carbon_intensity(zone, year, s).to_series() for s in sets})
order = chosen.corr("spearman").to_numpy().min()
is_clean = chosen < chosen.quantile(clean_share)
agree = is_clean.all(axis=1).sum() / is_clean.any(axis=1).sum()
spread = chosen.mean().max() / chosen.mean().min() - 1

# %% mystnb={"figure": {"caption": "The same generation, three sets of emission factors: mean intensity of each grid.", "name": "fig:carbon-factors"}, "image": {"alt": "Dot plot with a mark for each grid and factor set; the order of the grids differs little between the sets (rank correlation at least {num}`carbon_intensity.factor_zone_order`)."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.9))
shades = ("average", "cancelled", "green")
for (name, column), marker, shade in zip(levels.items(), "osD", shades, strict=True):
    places = range(len(column))
    ax.plot(column, places, marker, color=COLORS[shade], markersize=6, linestyle="", label=name)
ax.set_yticks(range(len(levels)), levels.index)
ax.set(xlabel=f"mean carbon intensity in {compared}, g/kWh", xlim=(0, None))
ax.legend(loc="lower right")
plt.show()

# %% tags=["hide-cell"]
text = f"highest over lowest mean of the three factor sets, minus one, {zone} {year}"
correlation = "least rank correlation of the hours between two factor sets"
clean_to_all = "hours that all three sets call clean, of those that any does"
if zone in judged:
    numbers.record_table(
        {
            f"factor_spread [.0f %]: {text}": 100 * spread,
            f"factor_rank_correlation [.3f]: {correlation}": order,
            f"factor_clean_agreement [.0f %]: {clean_to_all}": 100 * agree,
        }
    )
    numbers.fact("order_kept", order > 0.95, "rank correlation of the hours above 0.95")

# %% tags=["hide-cell"]
claim = "factor_zone_order [.2f]: least rank correlation of the grids between two factor sets"
between = levels.corr("spearman").to_numpy().min()
numbers.record_table({claim: between}, scope={"grids": judged, "years": (compared,)})

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
# * {if-not}`carbon_intensity.own_grid` **Two years, one of them odd.** In 2020 the pandemic lowered demand in spring; {word}`carbon_intensity.year` is one year of them.
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
