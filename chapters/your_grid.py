# %% [markdown]
# # Your grid
#
# **Question.**
# What do waiting, pausing, sleeping and moving save on *my* grid?
#
# **Answer.**
# Grids differ more than methods do.
# With the curve known, the best start of a four-hour job within a day saves {num}`your_grid.start_lowest` in {word}`your_grid.start_lowest_place` and {num}`your_grid.start_highest` in {word}`your_grid.start_highest_place`.
# In {word}`your_grid.year_placed`, work that may also go to another grid, moving charged, saves {num}`your_grid.both_highest` in {word}`your_grid.both_highest_place` and {num}`your_grid.both_lowest` in {word}`your_grid.both_lowest_place`.
#
# {opening}`fig:grid-starts`
#
# **You need.**
# Nothing: choose a grid, and every figure of this page is drawn for it.
# Where scripts do not run, and in print, the figures show {word}`your_grid.place`.
# Each section names the chapter that explains its figure.

# %% tags=["parameters"]
zone = "DE"  # one of datasets.zones(): the grid of the printed figures
year = 2020  # 2019 or 2020, of the weeks
clean_share = 0.3  # hours below this quantile of the year count as clean
seed = 1

# %% tags=["hide-input"]
from functools import partial
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.charts import Axis, ByGrid, Chart, Line, Picture, stretches
from helpers.phases import Phase, PhaseModel
from helpers.schedule import best_starts, policies
from helpers.study import WeeksOfJobs

# %% tags=["hide-input"]
figures.use_style()
ZONES, HOUR = list(datasets.zones()), 3600.0
PLACES = {z: datasets.place(z) for z in ZONES}
SCOPE = publish.Scope(ZONES, datasets.years(), jobs="one job", pauses="none", future="known")
numbers = publish.Numbers("your_grid", SCOPE)
_ = numbers.word("place", PLACES[zone], "the grid of the printed figures")

# %% [markdown]
# ## The weeks of the grid
#
# Work that can wait belongs in the shaded hours, the cleanest {num}`your_grid.clean_share` of the year.
# {doc}`carbon_intensity` says where the curves are from.

# %% tags=["hide-cell"]
numbers.record_table({"clean_share [.0f %]: share of hours that count as clean": 100 * clean_share})
clocks = {z: datasets.time_zone(z) for z in ZONES}
hourly = {z: datasets.carbon_intensity(z, year).to_series(clocks[z]) for z in ZONES}
clean_g = {z: curve.quantile(clean_share) for z, curve in hourly.items()}

# %% tags=["hide-cell"]
days = {
    24 * n + 12: name for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))
}
shown = {z: [] for z in ZONES}
for z, first in product(ZONES, (f"{year}-01-13", f"{year}-06-15")):
    monday = pd.Timestamp(first, tz=clocks[z])
    monday -= pd.Timedelta(days=monday.weekday())
    week = hourly[z][monday : monday + pd.Timedelta(days=7)]
    y = Axis.over("carbon intensity, g/kWh", week)
    line = Line("carbon intensity", np.arange(len(week)), week, "average", steps=True)
    clean = {"shaded": stretches(week < clean_g[z]), "shaded_as": "clean hours"}
    chart = Chart(
        f"Week of {monday:%-d %B %Y}", Axis("local time", 0, 168, days), y, [line], **clean
    )
    shown[z].append(chart)

# %% tags=["hide-cell"]
hours = Axis("hour of the local day", 0, 24, {h: str(h) for h in range(0, 25, 3)})
seasons = {"year": (range(1, 13), ""), "December to February": ((12, 1, 2), "dashed")}
seasons["June to August"] = ((6, 7, 8), "dotted")
mean_day = {z: curve.groupby(curve.index.hour).mean() for z, curve in hourly.items()}
for z, curve in hourly.items():
    lines = []
    for name, (months, dash) in seasons.items():
        part = curve[curve.index.month.isin(months)]
        day = part.groupby(part.index.hour).mean()
        day = np.append(day, day.iloc[0])
        lines.append(Line(name, np.arange(25), day, "average", dash=dash, steps=True))
    y = Axis.over("carbon intensity, g/kWh", *(line.y for line in lines))
    shown[z].append(Chart("The mean day", hours, y, lines))

# %% tags=["hide-cell"]
weeks = {}
for z, day in mean_day.items():
    said = (
        f"In {year} a kilowatt-hour caused {hourly[z].mean():.0f} g on average; "
        f"{clean_share:.0%} of the hours were below {clean_g[z]:.0f} g. "
        f"The mean day is cleanest from {day.idxmin()} o'clock and dirtiest from {day.idxmax()}."
    )
    weeks[z] = Picture("fig:grid-weeks", shown[z], said)

# %% mystnb={"figure": {"caption": "A week of January, a week of June and the mean day of the grid. Shaded: the hours that belong to the cleanest of the year.", "name": "fig:grid-weeks"}, "image": {"alt": "Step curves of carbon intensity: a week of January and one of June with the clean hours shaded, and below them the mean day of the year, of winter and of summer."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 7.2))
for ax, chart in zip(axes, weeks[zone].charts, strict=True):
    chart.draw(ax)
axes[2].legend(ncols=3)
plt.show()

# %% [markdown]
# ## What a wait is worth
#
# A job of one, four or 24 hours arrives every seven hours of two years and starts at its best within its longest wait, the curve known.
# The bands are 95 % intervals over the weeks, neighbouring ones kept together.
# {doc}`when_to_start` shows why the best start can be found exactly, and {doc}`waiting_for_clean_power` what forecasts leave of it.

# %%
signals = {z: datasets.carbon_intensity(z, None) for z in ZONES}
waits_h, lengths_h = [1, 3, 6, 12, 24, 48, 96, 168], [1, 4, 24]
first_s = max(signal.edges_s[0] for signal in signals.values())
last_s = min(signal.edges_s[-1] for signal in signals.values()) - 192 * HOUR
arrivals_s = np.arange(first_s, last_s, 7 * HOUR)
week = ((arrivals_s - first_s) // (168 * HOUR)).astype(int)

# %%
jobs = {n: PhaseModel("constant", [], [Phase("work", n * HOUR, 1000.0)]) for n in lengths_h}
resampled, saved = {"block": 4, "seed": seed, "resamples": 1999}, {}
for z, length, wait in product(ZONES, lengths_h, waits_h):
    ends_s = arrivals_s + (wait + length) * HOUR
    found = best_starts(jobs[length], signals[z], arrivals_s, ends_s)
    now_g, best_g = (np.bincount(week, g) for g in (found.at_release_g, found.emissions_g))
    saved[z, length, wait] = stats.ratio_of_sums(100 * (now_g - best_g), now_g, **resampled)

# %% tags=["hide-cell"]
wait_axis = Axis("longest wait, hours", 0.9, 190, {w: str(w) for w in waits_h}, log=True)
y = Axis.over("emissions saved against starting at once, %", [e.high for e in saved.values()])
starts = {}
for z in ZONES:
    lines = []
    for length, dash in zip(lengths_h, ("dotted", "", "dashed"), strict=True):
        ends = [saved[z, length, wait] for wait in waits_h]
        bounds = {"low": [e.low for e in ends], "high": [e.high for e in ends], "dash": dash}
        lines.append(Line(f"job of {length} h", waits_h, [e.value for e in ends], "jobs", **bounds))
    day, days_4 = saved[z, 4, 24], saved[z, 4, 96]
    said = (
        f"A job of four hours saves {day.value:.1f} % within a day ({day.low:.1f} to "
        f"{day.high:.1f} %) and {days_4.value:.1f} % within four, the curve known."
    )
    chart = Chart("Best start, one job", wait_axis, y, lines)
    starts[z] = Picture("fig:grid-starts", [chart], said)

# %% mystnb={"figure": {"caption": "Emissions saved by the best start against the longest wait (logarithmic axis), by length of the job, the future known; 95 % intervals over the weeks of two years.", "name": "fig:grid-starts"}, "image": {"alt": "Three rising curves of saving against longest wait, for a short, a middle and a long job, each with its band."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.8))
starts[zone].charts[0].draw(ax)
ax.legend(loc="upper left")
plt.show()

# %% tags=["hide-cell"]
by_day = pd.Series({z: saved[z, 4, 24].value for z in ZONES}).sort_values()
for end, z in (("lowest", by_day.index[0]), ("highest", by_day.index[-1])):
    claim = f"start_{end} [.1f %]: saved by a job of four hours within a day, {end} of the grids"
    numbers.record_table({claim: saved[z, 4, 24]}, scope={"grids": (z,)})
    numbers.word(f"start_{end}_place", PLACES[z], f"the grid where a day's wait saves {end}")

# %% [markdown]
# ## Where pausing no longer pays
#
# What a pause saves must pay for starting up once more.
# Here start-up takes the power of work, the deadline is two days after the earliest possible finish, and one job arrives a week, as in {doc}`pause_and_resume`.
# A pause pays in few weeks where the second panel is low.
# The table is stored, with its script and its sheet ({doc}`data_sheets`).

# %% tags=["hide-cell"]
table = datasets.by_grid("pauses")
startup = Axis("start-up, minutes", 0, 250, {m: str(m) for m in (0, 30, 60, 120, 180, 240)})
gain = Axis.over("saved beyond the best start, %", table["high"])
share = Axis("weeks in which a pause pays, %", 0, 105)
dashes = dict(zip(sorted(table["work_h"].unique()), ("dotted", "", "dashed"), strict=True))

# %% tags=["hide-cell"]
pauses = {}
for z, own in table.groupby("zone"):
    more, often = [], []
    for work, part in own.groupby("work_h"):
        x, look = part["startup_min"], {"color": "work", "dash": dashes[work]}
        ends = {"low": part["low"], "high": part["high"]}
        more.append(Line(f"{work} h of work", x, part["extra"], **look, **ends))
        often.append(Line(f"{work} h of work", x, part["paused"], **look))
    long = own[(own["work_h"] == max(dashes)) & (own["paused"] > 50)]["startup_min"]
    upto = f"up to a start-up of {long.max()} min" if len(long) else "at no start-up tried"
    said = f"With {max(dashes)} h of work a pause pays in most weeks {upto}."
    panels = [Chart("What pauses add", startup, gain, more)]
    panels.append(Chart("How often they pay", startup, share, often, level=50))
    pauses[z] = Picture("fig:grid-pauses", panels, said)

# %% mystnb={"figure": {"caption": "Left: emissions saved by pausing beyond the best start, against the length of a start-up, by hours of work, the future known; 95 % intervals over weeks. Right: weeks in which the best schedule pauses; the line marks half of them.", "name": "fig:grid-pauses"}, "image": {"alt": "Two panels of falling curves against the length of a start-up, for little, middling and much work: what pauses add, and in how many weeks they pay."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8))
for ax, chart in zip(axes, pauses[zone].charts, strict=True):
    chart.draw(ax)
axes[0].legend()
plt.show()

# %% tags=["hide-cell"]
pauses_of = table.query("work_h == 8 and startup_min == 15").set_index("zone")["extra"]
usual = pauses_of.sort_values()
charged = {"years": (2020,), "pauses": "charged"}
claim = "pauses_{0} [.2f %]: saved beyond the best start, 8 h of work, start-up 15 min, {0}"
ends = {"lowest": usual.iloc[0], "highest": usual.iloc[-1]}
numbers.record_table(ends, claim, scope=charged)

# %% [markdown]
# Eight hours of work whose start-up takes a quarter of an hour gain between {num}`your_grid.pauses_lowest` and {num}`your_grid.pauses_highest`, depending on the grid.

# %% [markdown]
# ## Rules on a real log
#
# The jobs are those of the UniLu Gaia log ({cite:t}`feitelson2014`) on endless machines, one in forty of them, laid over two years.
# Along each line the longest waits grow from 1 and 4 hours (short and long jobs) to 12 and 48; windows and saving per wait reckon with the mean length of a queue.
# {doc}`waiting_for_clean_power` tells what each rule does, with more jobs and with intervals.

# %%
log = datasets.job_log("unilu-gaia-2014")
drawn = WeeksOfJobs.drawn(log, "2014-05-27", whole_weeks=12, weeks=104, every=8, seed=seed)
early = (drawn.week < 100) & (np.arange(len(drawn)) % 5 == 0)
fewer = drawn.select(early)
hourly_steps = {"step_s": policies.PUBLISHED_STEP_S, "length": "mean"}

# %%
RULES = {  # each with its colour
    "lowest slot": (policies.lowest_slot, "cancelled"),
    "lowest window": (partial(policies.lowest_window, **hourly_steps), "partial"),
    "saving per wait": (partial(policies.saving_per_wait, **hourly_steps), "green"),
    "threshold": (policies.threshold, "timeout"),
    "best start": (policies.best, "baseline"),
    "best pauses, if free": (policies.wait_awhile, "model"),
}

# %%
points = []
for z, signal in signals.items():
    trace = fewer.trace("2019-01-01", clocks[z], 10.0)
    ends_s = trace.submit_s + 2 * trace.longest_wait_s + trace.length_s
    inside = (trace.submit_s >= signal.edges_s[0]) & (ends_s + 48 * HOUR <= signal.edges_s[-1])
    trace = trace.select(np.flatnonzero(inside))
    asap_g = policies.no_wait(trace, signal).emissions_g.sum()
    for name, scale in product(RULES, (1 / 6, 1 / 3, 2 / 3, 1, 2)):
        tried = RULES[name][0](trace.with_waits(scale * trace.longest_wait_s), signal)
        less = 100 * (1 - tried.emissions_g.sum() / asap_g)
        points.append((z, name, scale, (tried.delay_s / HOUR).mean(), less))
points = pd.DataFrame(points, columns=["zone", "rule", "scale", "delay_h", "saved"])

# %% tags=["hide-cell"]
delay = Axis.over("mean delay of a job, hours", points["delay_h"])
less = Axis.over("emissions saved, %", points["saved"])
rules = {}
for z, own in points.groupby("zone"):
    lines = [
        Line(name, part["delay_h"], part["saved"], RULES[name][1])
        for name, part in own.groupby("rule", sort=False)
    ]
    usual = own[own["scale"] == 1].set_index("rule")
    best, free = usual.loc["best start"], usual.loc["best pauses, if free"]
    said = (
        f"With waits of 6 and 24 h the best starts save {best['saved']:.1f} % at a mean delay of "
        f"{best['delay_h']:.1f} h, free pauses {free['saved']:.1f} %."
    )
    rules[z] = Picture(
        "fig:grid-rules", [Chart("Rules, endless machines", delay, less, lines)], said
    )

# %% mystnb={"figure": {"caption": "Emissions of a real log's jobs saved against their mean delay, by rule, endless machines; along each line the longest waits grow. All rules know the curve.", "name": "fig:grid-rules"}, "image": {"alt": "Rising curves of saving against mean delay, one a rule; free pauses save most, the lowest slot least."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.0))
rules[zone].charts[0].draw(ax)
ax.legend(loc="upper left", ncols=2)
plt.show()

# %% [markdown]
# ## Load and bound
#
# On a finite machine jobs must share.
# The week is that of {doc}`carbon_aware_cluster`, from 23 May 2020, the jobs are a week of the same log, the load is set by the size of the machine.
# *Gated EASY* holds jobs while it is dirtier than in four tenths of the week before, *carbon-aware EASY* also suspends them; neither knows the future.
# No schedule without pauses gets beyond the dashed line: that is proven ({ref}`how-far-from-the-best`).
# The second panel counts the nodes' own power, too, and lets idle nodes sleep.

# %% tags=["hide-cell"]
table = datasets.by_grid("loads")
of_jobs, of_all = (
    part.pivot_table("emissions_g", ["zone", "load"], "what")
    for part in (table[table["of"] == "jobs"], table[table["of"] == "machine"])
)
of_jobs = 100 * (1 - of_jobs.div(of_jobs["EASY"], axis=0))
of_all = 100 * (1 - of_all.div(of_all["EASY"], axis=0))

# %% tags=["hide-cell"]
OF_JOBS = {
    "gated EASY": ("gated EASY", "second", ""),
    "carbon-aware EASY": ("carbon-aware EASY, which pauses", "carbon", ""),
    "plan": ("a plan that knows everything", "model", ""),
    "bound": ("bound without pauses", "as_logged", "dashed"),
    "bound, pauses": ("bound with free pauses", "as_logged", "dotted"),
}
OF_ALL = {
    "carbon-aware EASY": ("carbon-aware EASY", "carbon", ""),
    "EASY, nodes sleep": ("nodes sleep", "easy", "dashed"),
    "carbon-aware EASY, nodes sleep": ("both", "carbon", "dashed"),
}

# %% tags=["hide-cell"]
loads = sorted(table["load"].unique())
load_axis = Axis("load", loads[0] - 0.03, loads[-1] + 0.03, {x: f"{x:g}" for x in loads})
own_axis = Axis.over("saved against EASY, %", of_jobs[list(OF_JOBS)])
all_axis = Axis.over("saved against EASY, %", of_all[list(OF_ALL)])
finite = {}
for z in ZONES:
    jobs_of, all_of = of_jobs.loc[z], of_all.loc[z]
    own = [Line(n, loads, jobs_of[k], c, dash=d) for k, (n, c, d) in OF_JOBS.items()]
    whole = [Line(n, loads, all_of[k], c, dash=d) for k, (n, c, d) in OF_ALL.items()]
    aware, most = jobs_of.loc[0.7, ["carbon-aware EASY", "bound"]]
    said = (
        f"At a load of 0.7 carbon-aware EASY, which pauses, saves {aware:.1f} % of the jobs' "
        f"emissions; no schedule without pauses saves more than {most:.1f} %. Of the machine's, sleep "
        f"saves {all_of.loc[0.7, 'EASY, nodes sleep']:.1f} %."
    )
    panels = [Chart("Of the jobs' emissions", load_axis, own_axis, own)]
    panels.append(Chart("Of the whole machine's", load_axis, all_axis, whole))
    finite[z] = Picture("fig:grid-loads", panels, said)

# %% mystnb={"figure": {"caption": "Emissions saved against EASY by the load of the machine, one week. Left: of the jobs, with what is proven out of reach; right: of the whole machine, idle nodes included.", "name": "fig:grid-loads"}, "image": {"alt": "Two panels of saving against load. Left: gated and carbon-aware EASY, a plan and two bounds; right: carbon-aware EASY, nodes that sleep, and both."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.6))
for ax, chart in zip(axes, finite[zone].charts, strict=True):
    chart.draw(ax)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), fontsize=8.5)
plt.show()

# %% tags=["hide-cell"]
week_of = {"years": (2020,), "weeks": 1, "jobs": "unilu-gaia-2014", "load_percent": 70}
possible = of_jobs["bound"].xs(0.7, level="load").sort_values()
slept = of_all["EASY, nodes sleep"].xs(0.7, level="load").sort_values()
claims = {
    "possible_{0} [.1f %]: most that a schedule without pauses could save, {0} of the grids": possible,
    "sleep_{0} [.1f %]: saved by sleep, whole machine, {0} of the grids": slept,
}
for claim, found in claims.items():
    ends = {"lowest": found.iloc[0], "highest": found.iloc[-1]}
    numbers.record_table(ends, claim, scope=week_of)

# %% [markdown]
# At a load of 0.7, the future known, the most that a schedule without pauses could save in that week lies between {num}`your_grid.possible_lowest` and {num}`your_grid.possible_highest`.
# What sleep saves depends on the machine more than on the grid: from {num}`your_grid.sleep_lowest` to {num}`your_grid.sleep_highest`.

# %% [markdown]
# ## Where and when
#
# Work that is released on this grid for three days may wait a day, may go to the other grids, or both, the curves known; here it can be divided.
# The home has room for twice its work.
# *Room* is what each of the other grids takes, in multiples of the home's work; moving takes energy, half of it at either end.
# {doc}`where_to_run` has twelve homes that compete, whole jobs, and rules that do not know the future.

# %% tags=["hide-cell"]
table = datasets.by_grid("places")
steps = {0: 0, 50: 1, 200: 2, 500: 3, 1000: 4}
moving = Axis("moving, kWh a MWh", -0.2, 4.2, {n: str(kwh) for kwh, n in steps.items()})

# %% tags=["hide-cell"]
rooms = sorted(table["room"].unique())
names = ["endless" if np.isinf(room) else f"{room:g}" for room in rooms]
room_axis = Axis("room elsewhere", -0.2, len(rooms) - 0.8, dict(enumerate(names)))
less = Axis.over("emissions saved, %", table["low"], table["high"])
LOOK = {"time": ("time", "timeout"), "place": ("place", "partial"), "both": ("both", "green")}

# %% tags=["hide-cell"]
where = table.assign(at=table["transfer"].map(steps), room_at=table["room"].map(rooms.index))
time_only = where["how"] == "time"
shown = {z: [] for z in ZONES}
varied = {
    "at": (moving, "Endless room", where[np.isinf(where["room"])]),
    "room_at": (room_axis, "50 kWh a MWh", where[(where["transfer"] == 50) | time_only]),
}
for (at, (axis, title, part)), z in product(varied.items(), ZONES):
    lines = []
    for how, (name, color) in LOOK.items():
        own = part[(part["zone"] == z) & (part["how"] == how)].sort_values(at)
        own = own.loc[own.index.repeat(5)] if how == "time" else own  # level: nothing is moved
        x = range(5) if how == "time" else own[at]
        lines.append(Line(name, x, own["saved"], color, low=own["low"], high=own["high"]))
    shown[z].append(Chart(title, axis, less, lines))

# %% tags=["hide-cell"]
places, usual = {}, where[np.isinf(where["room"]) & ((where["transfer"] == 50) | time_only)]
for z, own in usual.groupby("zone"):
    of = own.set_index("how")["saved"]
    said = (
        f"The time alone saves {of['time']:.1f} %, the place {of['place']:.1f} % and both "
        f"{of['both']:.1f} %, if moving takes 50 kWh a MWh and room is endless."
    )
    places[z] = Picture("fig:grid-places", shown[z], said)

# %% mystnb={"figure": {"caption": "Emissions of work released on the grid saved by choosing the time, the place, or both, the future known; 95 % intervals over the starts. Left: by what moving takes; right: by the room at each other grid.", "name": "fig:grid-places"}, "image": {"alt": "Two panels. Left: saving by time alone is level; by place and by both it falls the more energy moving takes. Right: it rises with the room at other grids."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.8), sharey=True)
for ax, chart in zip(axes, places[zone].charts, strict=True):
    chart.draw(ax)
axes[0].legend()
plt.show()

# %% tags=["hide-cell"]
found = table[(table["transfer"] == 50) & np.isinf(table["room"]) & (table["how"] == "both")]
found = found.sort_values("saved").set_index("zone")
ends = found[["saved", "low", "high"]]
numbers.word("year_placed", 2020, "the year of the starts placed")
for end, z in (("lowest", ends.index[0]), ("highest", ends.index[-1])):
    claim = f"both_{end} [.1f %]: saved by time and place, moving charged, {end} of the grids"
    divisible = {"grids": (z,), "years": (2020,), "jobs": "divisible work"}
    numbers.record_table({claim: tuple(ends.loc[z])}, scope=divisible)
    numbers.word(f"both_{end}_place", PLACES[z], f"the grid where time and place save {end}")

# %% [markdown]
# ## All grids, side by side
#
# The same in one table: what a job of four hours saves within a day, what pauses add for eight hours of work whose start-up takes 15 minutes, what the best starts save of a real log, the bound and sleep at a load of 0.7, and time and place with moving charged and endless room.

# %% tags=["hide-input"]
by_rule = points[points["scale"] == 1].pivot_table("saved", "zone", "rule")
beside = {"a day": by_day, "pauses": pauses_of, "log": by_rule["best start"], "bound": possible}
beside |= {"sleep": slept, "both": found["saved"]}
beside = pd.DataFrame(beside).sort_values("a day").rename(index=PLACES)

# %%
publish.table(
    beside,
    {
        "a day": "best start within a day [.1f %]",
        "pauses": "pauses add [.2f %]",
        "log": "best starts of a log [.1f %]",
        "bound": "bound, load 0.7 [.1f %]",
        "sleep": "sleep, load 0.7 [.1f %]",
        "both": "time and place [.1f %]",
    },
    index="grid",
)

# %% [markdown]
# (limits-your-grid)=
# ## What could be wrong
#
# * **The future is known** in all figures but the one of the cluster's policies; {doc}`waiting_for_clean_power` says what is left without it.
# * **Averages of what is generated.** Imports are not in the curves, and what one more kilowatt-hour causes is another question ({doc}`counting_carbon`).
# * **One week, one log.** The cluster's figure is of one week of weather and jobs: it shows how a machine behaves, not how a grid does in a year.
# * **A common scale hides.** Savings are drawn on one scale for all grids, so that choosing another shows the difference; small ones are in the tables below the figures.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=your_grid P="zone=FR"
# python data/grids.py --zones FR --tables places
# ```
#
# 1. On which grid is a wait of three hours worth most, and is it the one where a week is?
# 2. Where does the place stop being worth more than the time as moving grows dear?
#
# ## The values of all grids
#
# Everything that the selector draws stands in this page.

# %% tags=["hide-input"]
kinds = (weeks, starts, pauses, rules, finite, places)
said = {z: f"{PLACES[z]}: {starts[z].said}" for z in ZONES}
ByGrid({z: [kind[z] for kind in kinds] for z in ZONES}, PLACES, zone, said)

# %% [markdown]
# ## The numbers of this chapter

# %%
numbers
