# %% [markdown]
# # Where to run
#
# **Question.**
# Work may wait and may run at another site, but sites are finite and data must be moved: how much does it save to choose the place, the time, or both, and how much of that needs no future?
#
# **Answer.**
# Over the grids of this book in {word}`where_to_run.year`, the curves known, sites twice as large as their work and data moved at a price, the place alone saves {num}`where_to_run.space_2_50`, place and a day's wait {num}`where_to_run.both_2_50`.
# With sites a fifth larger than their work, {num}`where_to_run.both_12_50` are left.
# A rolling plan, the future unknown, keeps {num}`where_to_run.kept_rolling_2` of the larger figure.
#
# {opening}`fig:where-optimum`
#
# **You need.**
# {doc}`when_to_start` for waiting, {doc}`carbon_aware_cluster` for what a bound proves, {doc}`carbon_intensity` for what an average says.
# The *capacity* of a site is the most work of an hour over the mean work released at one; a *transfer* is the energy that moving the data of a MWh of work takes.

# %% tags=["parameters"]
example_start, example_capacity, example_transfer = "2020-06-10", 2.0, 50  # kWh per MWh
table_transfer = 50  # for the rules that do not know the future
log_days, log_start = (28, 42), "2020-03-02"  # whole jobs: days of the log, and when they are
capacities = [1.2, 2.0, 4.0]  # of sites with whole jobs; endless ones are added
core_w = 8.0  # power of a busy core [W]
sites_zones = ["DE", "FR", "GB", "PL"]  # several sites in one replay
first_saturday, carbon_weeks = "2020-02-01", 4
load = 0.5  # of all sites together
transfer_share, delay_s = 0.05, 600.0  # energy of moving a job over that of its work, and time
least_saving = 0.05  # a job waits for a forecast that promises more than this
seed = 1

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers import study as studies
from helpers.carbon.expected import last_period
from helpers.cluster import ClusterSite, Transfer, replay_sites
from helpers.decide import AtHome, CleanestForecast, CleanestNow, Easy, FollowSun
from helpers.panel import Panel
from helpers.regions import PlannedPlacement, Site, SiteJobs, Slots, place_jobs, place_work
from helpers.work import Cluster, NodePower, Workload

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
ZONES = list(datasets.zones())
table = datasets.placements()
starts, year = table["start"].nunique(), table["start"].iloc[0][:4]
SCOPE = publish.Scope(ZONES, (year,), starts, "divisible work", future="known")

# %% tags=["hide-input"]
numbers = publish.Numbers("where_to_run", SCOPE)
HOUR, DAY = 3600.0, 86400.0

# %% [markdown]
# ## The problem, and why it can be solved
#
# Twelve sites, one in each grid, release work hour by hour, most in the afternoon.
# Work may be divided at will here; whole jobs follow below.
# It may be done at its home or elsewhere, at once or up to a day later, and no site does more in an hour than its capacity.
#
# Said of each kilowatt-hour by when it was released, where and when it is done, that is a linear program with hundreds of thousands of unknowns.
# Work of one patience is best done in the order of its release, so it is enough to know how much of each home's work is done where, and how much of it waits: {num}`where_to_run.variables` for three days, solved in a second, with the same optimum (`helpers.regions.divisible`).
# The solver is not trusted: from its prices of capacity a bound is computed anew that no placement gets below, whatever the prices.

# %%
grids = [Site(z, datasets.carbon_intensity(z, 2020), example_capacity) for z in ZONES]
slots = Slots(grids, pd.Timestamp(example_start, tz="UTC"), 96)
day = 1 + 0.5 * np.sin(2 * np.pi * (np.arange(72) - 8) / 24)
share = example_transfer / 1000
best = place_work(slots, np.tile(day, (len(ZONES), 1)), slack=24, transfer_kwh_per_kwh=share)

# %%
publish.table(
    {
        "saved against all work at home, at once [.2f %]": 100 * best.saving,
        "certified gap": f"{best.gap:.1e}",
        "work not done at home [.0f %]": 100 * best.moved,
    }
)

# %% mystnb={"figure": {"caption": "The best placement of the example: how full each site is in each hour (dark: full), sites in order of their mean intensity, the cleanest on top.", "name": "fig:where-plan"}, "image": {"alt": "A heat map of twelve sites by hours. The cleanest sites on top are full nearly always, the dirtiest at the bottom are empty but for some hours; those between are used when they are clean."}} tags=["hide-input"]
order = np.argsort(slots.intensity().mean(axis=1))
full = best.done_kwh.sum(axis=0)[order] / example_capacity
fig, ax = plt.subplots(figsize=(7.2, 3.6))
shown = ax.imshow(100 * full, aspect="auto", cmap="Blues", vmin=0, vmax=100, interpolation="none")
fig.colorbar(shown, ax=ax, label="used [%]")
names = [datasets.place(ZONES[i]) for i in order]
ax.grid(visible=False)
ax.set(yticks=range(len(names)), yticklabels=names, xlabel="hours since the start, UTC")
plt.show()

# %% [markdown]
# ## Time, space, both
#
# The same at {num}`where_to_run.starts` through {word}`where_to_run.year`, 26 days apart, so that all days of the week take their turn.
# That takes minutes; the table of results is stored, with its script and its sheet ({doc}`data_sheets`), and a test computes some of it again.
# Everything is compared with all work at home in the hour of its release, which no capacity hinders.

# %%
RULES = ["time", "space", "both"]
home = table.assign(how="at home", emissions_g=table["at_home_g"], gap=np.nan)
home = home.drop_duplicates(["start", "capacity", "transfer"])
whole = pd.concat([home, table])

# %%
cases = {
    (capacity, transfer): Panel(part, policy="how", time="start", cluster=None)
    for (capacity, transfer), part in whole.groupby(["capacity", "transfer"])
}

# %%
effects = {
    case: panel.compare("emissions_g", "at home", block=1, unit="g").table
    for case, panel in cases.items()
}
effects = pd.concat(effects, names=["capacity", "transfer", "how"])
saved = -effects[["percent", "percent_high", "percent_low"]]

# %%
saved = saved.set_axis(["saved", "low", "high"], axis=1)

# %% [markdown]
# The last column is proven: by so much, at most, a better placement of its kind could lie below, in the worst of the starts.
# *Space* is missing at the smallest capacity, which cannot hold the afternoon's peak at once.
# What is moved for nothing (transfer 0) is one of many equally good choices, so it is not shown.

# %%
keys = ["capacity", "transfer", "how"]
about = table.groupby(keys).agg({"gap": "max", "moved": "mean"})
about["moved"] = 100 * about["moved"].where(about.index.get_level_values("transfer") > 0)
optimal = saved.join(about).reset_index()
optimal = optimal[optimal["how"].isin(RULES)].assign(gap=lambda t: t["gap"].map("{:.0e}".format))

# %%
publish.table(
    optimal,
    {
        "capacity": "capacity",
        "transfer": "transfer [.0f kWh/MWh]",
        "how": "free to choose",
        "saved": "saved [.1f %]",
        "low": "from [.1f %]",
        "high": "to [.1f %]",
        "moved": "moved [.0f %]",
        "gap": "certified gap",
    },
)

# %% mystnb={"figure": {"caption": "Emissions saved by choosing the time, the place, or both, the future known, with 95 % intervals over the starts. Left to right: endless sites, twice and 1.2 times their work.", "name": "fig:where-optimum"}, "image": {"alt": "Three groups of bars. Both save {num}`where_to_run.both_inf_50` with endless sites, {num}`where_to_run.both_2_50` with the larger finite ones, {num}`where_to_run.both_12_50` with the smaller; time alone saves {num}`where_to_run.time_inf_0`, {num}`where_to_run.time_2_0` and {num}`where_to_run.time_12_0`."}} tags=["hide-input"]
SHADE = {"time": COLORS["timeout"], "space": COLORS["partial"], "both": COLORS["green"]}
fig, ax = plt.subplots(figsize=(7.2, 3.4))
for place, capacity in enumerate([np.inf, 2.0, 1.2]):
    for shift, how in enumerate(RULES):
        case = (capacity, 0 if how == "time" else table_transfer, how)
        if case in saved.index:
            value, low, high = saved.loc[case]
            at = place + 0.27 * (shift - 1)
            ax.bar(at, value, 0.24, color=SHADE[how], label=how if place == 0 else None)
            ax.vlines(at, low, high, color="#222222", linewidth=1.5)
ax.set(xticks=range(3), xticklabels=["endless", "2", "1.2"], xlabel="capacity of each site")
ax.set(ylabel="emissions saved [%]", ylim=(0, 100))
ax.legend(loc="upper right")
plt.show()

# %% tags=["hide-cell"]
NAMES = {1.2: "12", 2.0: "2", np.inf: "inf"}
claim = "{0}_{1}_{2} [.1f %]: saved, free to choose {0}, capacity {3:g}, transfer {2} kWh/MWh"
rows = [(how, NAMES[c], t, c) for c, t, how in saved.index if how in RULES]
numbers.record_table({row: tuple(saved.loc[row[3], row[2], row[0]]) for row in rows}, claim)
numbers.word("year", year, "the year of the curves")
worst = about["gap"][about.index.get_level_values("how").isin(RULES)].max()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "grids [.0f grids]: grids": len(ZONES),
        "starts [.0f starts]: starts": starts,
        "transfer [.0f kWh/MWh]: transfer in the table of rules": table_transfer,
        "variables [.0f unknowns]: unknowns of the program": len(ZONES) * 96 * (len(ZONES) + 1),
        "worst_gap [.12f %]: largest certified gap of an optimum": 100 * worst,
    }
)

# %% [markdown]
# For work of your grid alone: {doc}`your_grid`.
#
# The place is worth more than the time: {num}`where_to_run.space_2_0` against {num}`where_to_run.time_2_0` at capacity 2 if moving is free, and {num}`where_to_run.both_2_0` together.
# Capacity decides how much: {num}`where_to_run.both_inf_50` if the cleanest site holds everybody's work, {num}`where_to_run.both_2_50` at twice and {num}`where_to_run.both_12_50` at 1.2 times one's own.
# Figures for endless sites say little about a fleet in which every clean site is wanted by all others.
# At 500 kWh per MWh the same fall to {num}`where_to_run.both_inf_500`, {num}`where_to_run.both_2_500` and {num}`where_to_run.both_12_500`.
# All optima are proven to a gap of {num}`where_to_run.worst_gap` or less.

# %% [markdown]
# ### How large is a transfer?
#
# {cite:t}`aslan2018` find {num}`where_to_run.kwh_per_gb_2015` for fixed networks in 2015, halved about every two years before.
# If that went on, it was {num}`where_to_run.kwh_per_gb` in {word}`where_to_run.year`, and 50 kWh per MWh are {num}`where_to_run.tb_per_mwh` for each MWh of computing, 500 kWh ten times that.
# So most work is moved for less than the smaller figure, and work on huge data sets for more.

# %% tags=["hide-cell"]
kwh_per_gb = 0.06 * 0.5 ** ((int(year) - 2015) / 2)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "kwh_per_gb_2015 [.2f kWh/GB]: electricity of a transfer, fixed networks, 2015": 0.06,
        "kwh_per_gb [.3f kWh/GB]: the same, halved every two years since": kwh_per_gb,
        "tb_per_mwh [.1f TB]: data that 50 kWh move": 50 / kwh_per_gb / 1000,
    },
    scope={"grids": (), "weeks": 0, "pauses": "", "future": ""},
)

# %% [markdown]
# ## Without the future
#
# Four rules that know the intensities up to now, all with transfers of {num}`where_to_run.transfer`:
#
# * *cleanest now* does work at once at the cleanest site with room;
# * *bookings by forecast*: each work is booked where and when it is cleanest if each day is like the day before;
# * *rolling plan* solves the linear program anew each hour with the same guess (it knows the work to come, which is regular);
# * *follow the sun* does work at once where the sun stands highest.
#
# What each *keeps* is its share of what is possible, place and time free and known.

# %%
WITHOUT = {
    "now": "cleanest now",
    "forecast": "bookings by forecast",
    "rolling": "rolling plan",
    "sun": "follow the sun",
}

# %%
one = table[table["transfer"] == table_transfer]
grams = one.pivot_table("emissions_g", ["capacity", "start"], "how")
home_g = one.groupby(["capacity", "start"])["at_home_g"].first()

# %%
kept = {
    (capacity, how): studies.share_kept(
        home_g[capacity], part[how], part["both"], block=1, seed=seed
    )
    for capacity, part in grams.groupby("capacity")
    for how in WITHOUT
}

# %%
ruled = saved.xs(table_transfer, level="transfer").reset_index()
ruled = ruled[ruled["how"].isin(list(WITHOUT))]
ends = [kept[capacity, how] for capacity, how in zip(ruled["capacity"], ruled["how"], strict=True)]
ruled = ruled.assign(
    kept=[k.value for k in ends], kept_low=[k.low for k in ends], kept_high=[k.high for k in ends]
)

# %%
gaps = one.groupby(["capacity", "how"])["gap"].max()
ruled = ruled.join(100 * gaps, on=["capacity", "how"]).replace({"how": WITHOUT})

# %%
publish.table(
    ruled,
    {
        "capacity": "capacity",
        "how": "rule",
        "saved": "saved [.1f %]",
        "low": "from [.1f %]",
        "high": "to [.1f %]",
        "kept": "kept of the possible [.0f %]",
        "kept_low": "from [.0f %]",
        "kept_high": "to [.0f %]",
        "gap": "above the bound, at most [.0f %]",
    },
)

# %% tags=["hide-cell"]
claim = "kept_{0}_{1} [.0f %]: share of the possible saving kept by {2}, capacity {3:g}"
numbers.record_table(
    {(how, NAMES[c], WITHOUT[how], c): share for (c, how), share in kept.items()},
    claim,
    scope={"future": "unknown"},
)

# %% tags=["hide-cell"]
claim = "saved_{0}_{1} [.1f %]: saved by {2}, capacity {3:g}, transfer 50 kWh/MWh"
by_rule = {
    (how, NAMES[c], WITHOUT[how], c): tuple(saved.loc[c, table_transfer, how]) for c, how in kept
}
numbers.record_table(by_rule, claim, scope={"future": "unknown"})

# %% tags=["hide-cell"]
sun_loses = all(saved.loc[c, table_transfer, "sun"]["saved"] < 0 for c in (1.2, 2.0))
_ = numbers.fact("sun_loses", sun_loses, "following the sun emits more than staying at home")

# %% [markdown]
# With endless sites a rule that looks at the present alone keeps {num}`where_to_run.kept_now_inf`: clean grids stay clean.
# The tighter the sites, the more planning is worth: at capacity 1.2 *cleanest now* keeps {num}`where_to_run.kept_now_12`, the forecast {num}`where_to_run.kept_forecast_12`, the rolling plan {num}`where_to_run.kept_rolling_12`.
# There the question is not which site is clean, which everybody knows, but whose work gets its few hours.
# {if}`where_to_run.sun_loses` Following the sun emits more than staying at home ({num}`where_to_run.saved_sun_2` saved at capacity 2): the sun says little about a grid with nuclear power, wind or coal.

# %% [markdown]
# ## Whole jobs
#
# A job cannot be divided, and holds its power at one site until it ends.
# The jobs are those of two weeks of the UniLu Gaia log ({cite:t}`feitelson2014`), dealt in turn to twelve homes; each may wait a day.
# They are placed by prices of capacity and then moved while that helps; the same prices give a bound on every plan (`helpers.regions.whole`).
# Jobs wider than a site, or over five days long, are left out.

# %%
log = datasets.job_log("unilu-gaia-2014")
asked = {"power_w": core_w, "longest_wait_s": DAY, "errors": "skip"}
work = Workload.from_log(log, days=log_days, start=log_start, **asked)
work = work.with_jobs(work.jobs[work.jobs["run_s"] <= 5 * DAY].reset_index(drop=True))
span_h = 24 * (log_days[1] - log_days[0])
mean_kw = float(work.work_power_w @ work.jobs["run_s"]) / 1000 / HOUR / span_h / len(ZONES)

# %%
release_s = work.origin_s() + work.jobs["submit_s"].min()
first = pd.Timestamp(release_s, unit="s", tz="UTC").floor("h")
dealt = np.arange(len(work)) % len(ZONES)
placed = {}

# %%
for capacity in [*capacities, np.inf]:
    fits = core_w * work.jobs["processors"] / 1000 <= capacity * mean_kw
    parts = [work.jobs[fits & (dealt == i)].reset_index(drop=True) for i in range(len(ZONES))]
    grids = [Site(z, datasets.carbon_intensity(z, 2020), capacity * mean_kw) for z in ZONES]
    fortnight = Slots(grids, first, span_h + 6 * 24 + 2)
    jobs = SiteJobs.from_workloads(fortnight, [work.with_jobs(part) for part in parts])
    jobs = replace(jobs, transfer_kwh=transfer_share * jobs.work_kwh)
    placed[capacity] = place_jobs(fortnight, jobs, seed=seed)

# %%
publish.table(
    [
        (f"{capacity:g}", len(one.jobs), 100 * one.saving, 100 * one.moved, 100 * one.gap)
        for capacity, one in placed.items()
    ],
    ["capacity", "jobs [.0f]", "saved [.1f %]", "moved [.0f %]", "certified gap [.2f %]"],
)

# %% tags=["hide-cell"]
JOBS = {"weeks": 0, "jobs": "unilu-gaia-2014", "pauses": "none"}
tags = {**NAMES, 4.0: "4"}
claim = "jobs_{0}_{1} [.1f %]: {0} of whole jobs, capacity {2:g}"

# %% tags=["hide-cell"]
shares = {
    (what, tags[c], c): 100 * getattr(one, what)
    for c, one in placed.items()
    for what in ("saving", "gap")
}
numbers.record_table(shares, claim, scope=JOBS)

# %% [markdown]
# Whole jobs save {num}`where_to_run.jobs_saving_2` at capacity 2, and no plan for them saves so much more that emissions would fall by over {num}`where_to_run.jobs_gap_2`.
# The gap is that of few wide jobs on small sites: at capacity 2 a site has room for a few of them at a time, and the bound may cut them up.
# With endless sites it is {num}`where_to_run.jobs_gap_inf`.

# %% [markdown]
# ## Several sites in one replay
#
# So far the work to come was known, or nearly so.
# In the simulator it is not: jobs arrive, ask for more time than they take, and queue at the site they were sent to.
# Four sites, EASY at each, a week of the log dealt in turn, {num}`where_to_run.carbon_weeks` of {word}`where_to_run.year`; a *placer* decides where each job goes and may let it wait, no longer than its user accepts; moving takes {num}`where_to_run.delay` and {num}`where_to_run.transfer_share` of the job's energy.
# With one site this is the simulator of {doc}`carbon_aware_cluster`, to the bit.

# %%
queues = [(2 * HOUR, 6 * HOUR), (np.inf, 24 * HOUR)]
around = {"warm_days": 1, "late_days": 1, "queues": queues, "power_w": core_w, "errors": "skip"}
stretch = studies.Stretch.from_log(log, 30, **around)
nodes = int(np.ceil(stretch.cluster(load, 12, NodePower()).nodes / len(sites_zones)))
machine = Cluster(nodes, 12, NodePower(idle_w=100.0))
narrow = stretch.work.jobs["processors"] <= machine.cores

# %%
arriving = stretch.work.with_jobs(stretch.work.jobs[narrow].reset_index(drop=True))
counts = stretch.counted[narrow]

# %%
PLACERS = {
    "at home": AtHome(),
    "cleanest now": CleanestNow(),
    "by forecast": CleanestForecast(least_saving=least_saving),
    "rolling plan": PlannedPlacement(core_w),
    "follow the sun": FollowSun([datasets.coordinates(z) for z in sites_zones]),
}

# %%
WEEKS = studies.spread_weeks(first_saturday, carbon_weeks)
moving, live_home = Transfer(transfer_share, delay_s), np.arange(len(arriving)) % len(sites_zones)

# %%
rows = []

# %%
for week in WEEKS:
    origin = stretch.origin(week, "UTC")
    curves = {z: datasets.carbon_intensity(z, None) for z in sites_zones}
    until = origin + pd.Timedelta(days=80)
    there = [ClusterSite(z, machine, c, last_period(c, until)) for z, c in curves.items()]
    how = {"transfer": moving, "origin": origin}
    for name, placer in PLACERS.items():
        done = replay_sites(arriving, live_home, there, placer, Easy, **how)
        own = done.by_job()[counts]
        grams = own["emissions_g"].sum() + own["transfer_g"].sum()
        rows.append((name, week, grams, own["wait_s"].mean() / HOUR, 100 * done.moved))

# %%
live = pd.DataFrame(rows, columns=["policy", "week", "jobs_g", "wait_h", "moved"])
replayed = Panel(live, cluster=None).compare("jobs_g", "at home", block=1, unit="g")
ends = -replayed.table[["percent", "percent_high", "percent_low"]]
ends = ends.set_axis(["saved", "low", "high"], axis=1).join(replayed.table["p_holm"])
means = live.groupby("policy")[["wait_h", "moved"]].mean()

# %%
publish.table(
    means.join(ends).sort_values("saved", ascending=False).reset_index(),
    {
        "policy": "placer",
        "saved": "emissions of the jobs saved [.1f %]",
        "low": "from [.1f %]",
        "high": "to [.1f %]",
        "p_holm": "p (Holm) [.3f]",
        "wait_h": "mean wait [.1f h]",
        "moved": "moved [.0f %]",
    },
)

# %% tags=["hide-cell"]
LIVE = {"grids": sites_zones, "weeks": carbon_weeks, "jobs": "unilu-gaia-2014", "pauses": "none"}
LIVE |= {"load_percent": 100 * load, "future": "unknown"}
SHORT = {"cleanest now": "now", "by forecast": "forecast", "rolling plan": "plan"}
SHORT |= {"follow the sun": "sun", "at home": "home"}
claim = "live_{0} [.1f %]: saved, jobs placed by the rule: {1}; several sites in one replay"
of_placer = {(SHORT[p], p): tuple(row) for p, row in ends.iloc[:, :3].iterrows()}

# %% tags=["hide-cell"]
numbers.record_table(of_placer, claim, scope=LIVE)
claim = "live_wait_{0} [.1f h]: mean wait of a job, {1}"
numbers.record_table({(SHORT[p], p): h for p, h in means["wait_h"].items()}, claim, scope=LIVE)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "carbon_weeks [.0f weeks]: carbon weeks of the replays": carbon_weeks,
        "delay [.0f s]: time of moving a job": delay_s,
        "transfer_share [.0f %]: energy of moving a job over that of its work": 100
        * transfer_share,
    },
    scope=LIVE,
)

# %% [markdown]
# *Cleanest now* saves {num}`where_to_run.live_now` ({num-interval}`where_to_run.live_now`) and lets jobs wait {num}`where_to_run.live_wait_now` on average, where at home they wait {num}`where_to_run.live_wait_home`; *by forecast* saves {num}`where_to_run.live_forecast` with waits of {num}`where_to_run.live_wait_forecast`.
# The plan, made for work that can be divided and ends when it says, saves {num}`where_to_run.live_plan` with whole jobs that ask for far more time than they take.
# Following the sun saves {num}`where_to_run.live_sun`.

# %% [markdown]
# ## Compared with others
#
# {cite:t}`sukprasert2024` study 123 regions: what shifting can save in practice is limited and far from ideal, simple policies get most of it, and it shrinks as grids get greener.
# The second is seen here where sites are endless; where they are not, planning is what keeps the saving.
# The first is seen in the fall from endless sites to real ones.
# Numbers are not compared: their regions, jobs and capacities are others.

# %% [markdown]
# ## What could be wrong
#
# ### An average says nothing about one more megawatt
#
# Work that moves to a clean grid is answered there by a plant that has something left, and that is often a gas plant, as at home.
# If at both ends it is ({num}`where_to_run.gas`, {doc}`carbon_intensity` has the factors), moving saves nothing and a transfer of 50 kWh per MWh adds {num}`where_to_run.gas_added` for each kWh, where the averages of the example claim {num}`where_to_run.claimed` saved for each.
# For one grid and year of the book, the plants that answered emitted {num}`carbon_intensity.de_2020_marginal` where the average was {num}`carbon_intensity.de_2020_average`.
# Marginal intensities of the other grids are not embedded, so what placement avoids at the margin cannot be computed here.

# %% tags=["hide-cell"]
gas = datasets.emission_factors()["Fossil Gas"]
claimed = (best.at_home_g - best.emissions_g) / best.work_kwh.sum()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "gas [.0f g/kWh]: emission factor of a gas plant": gas,
        "gas_added [.1f g/kWh]: added by a transfer if gas answers at both ends": 0.05 * gas,
        "claimed [.0f g/kWh]: saved by averages, for each kWh of the example": claimed,
    },
    scope={"weeks": 1},
)

# %% [markdown]
# ### A grid that exports
#
# The intensities are those of what a country generates.
# What it uses comes from its neighbours, too, and who fills a clean exporter's hours takes them from them.
# If a tenth of what {word}`where_to_run.clean_place` uses came from {word}`where_to_run.near_place` at its mean, the intensity there would be {num}`where_to_run.mixed` and not {num}`where_to_run.clean_mean`, {num}`where_to_run.mixed_more` more.
# Hourly trade is not embedded, so consumption-based intensities cannot be computed here.

# %% tags=["hide-cell"]
clean, near = (datasets.carbon_intensity(z, 2020).mean() for z in ("FR", "DE"))
mixed = 0.9 * clean + 0.1 * near
numbers.word("clean_place", datasets.place("FR"), "a clean exporter")
_ = numbers.word("near_place", datasets.place("DE"), "its neighbour")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "clean_mean [.0f g/kWh]: mean intensity of its generation": clean,
        "mixed [.0f g/kWh]: the same with a tenth from the neighbour": mixed,
        "mixed_more [.0f %]: by how much that is more": 100 * (mixed / clean - 1),
    },
    scope={"weeks": 52, "grids": ("FR", "DE")},
)

# %% [markdown]
# ### Market-based accounts
#
# Who buys certificates for all its electricity reports 0 g wherever it runs {cite}`ghgscope2`: on those books placement saves nothing, while it saves {num}`where_to_run.both_2_50` by the grids.
# Mixed with the grids' intensities they mislead: {cite:t}`maji2024` find savings overstated by up to 55.1 %.
# Contracts and residual mixes are not embedded, so market-based figures cannot be computed here.
#
# ### And
#
# * **The optimum knows the curves**; the rules without the future are the honest figure.
# * **PUE is 1 everywhere** in the table; a site with a worse one is worth less by just that factor.
# * **Laws, latency and licences** may keep work at home: `allowed` says so to every program here.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=where_to_run P="example_capacity=1.2"
# make run CHAPTER=where_to_run P="load=0.9"
# ```
#
# 1. At which transfer does the example's plan stop moving work?
# 2. Which placer suffers most when `load` rises, and why?
#
# ## The numbers of this chapter

# %%
numbers
