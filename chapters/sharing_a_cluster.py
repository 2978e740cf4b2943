# %% [markdown]
# # Sharing a finite cluster
#
# **Question.**
# Who waits when machines are finite, and how much of that is the policy's doing?
#
# **Answer.**
# On a real log's own machine {num}`sharing_a_cluster.own_fifo_waited` of its jobs wait under first in, first out, and nodes that stand idle draw {num}`sharing_a_cluster.own_idle_share` of the energy.
# On a machine so small that the jobs nearly fill it the mean wait is {num}`sharing_a_cluster.small_fifo_wait`, with EASY backfilling {num}`sharing_a_cluster.small_easy_wait`.
#
# {opening}`fig:share-waits`
#
# **You need.**
# {doc}`workload_traces` for the log, {doc}`carbon_intensity` for the curve.
# The *wait* of a job lasts from its submission to its first start.
# Its *bounded slowdown* is its time in the system over its run time, where shorter runs count as ten seconds {cite}`feitelson1997`.
# *Backfilling* lets a later job overtake where it delays no reservation; a *preemption* takes the machine away from a job that has begun.

# %% tags=["parameters"]
from_day, to_day = 28, 52  # slice of the log: jobs submitted in these days, before its break
nodes, small_nodes = 167, 116  # the log's own machine, and a smaller one
cores_per_node = 12
zone = "DE"  # grid whose carbon curve is laid over the log
year = 2020
idle_w, off_w, core_w = 100.0, 10.0, 8.0  # node on, node off, a core that works, on top [W]
boot_s, boot_w = 150.0, 125.0  # of a node
shutdown_s = 10.0
quantum_h = 1.0  # turn of a job in round-robin
transition_s = 60.0  # what a resume costs
save_s = 60.0  # what a suspension costs
least_run_s = 1800.0  # before that, nobody is suspended
longest_wait_h = 24.0  # how long at most a job is held for clean hours
clean_share = 0.5  # share of the past week's hours that counts as clean
best_effort_queue = "2"
block_weeks = 2  # weeks kept together by the bootstrap
seed = 1

# %% tags=["hide-input"]
from pathlib import Path

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from helpers import datasets, figures, publish, stats
from helpers import decide as rules
from helpers.carbon.signal import Intensity
from helpers.cluster import replay
from helpers.cluster.account import STATES, node_states
from helpers.cluster.ask import Inquiry
from helpers.cluster.metrics import check, compare, lengths
from helpers.decide.backfill import reserve
from helpers.jobs import header_fields
from helpers.phases import Phase, Suspension
from helpers.study import delay_s, weekly, weekly_panel
from helpers.timeline import same_weekday
from helpers.work import Cluster, NodePower, Workload, workload_table

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
HOUR, DAY = 3600.0, 86400.0
TRACE = "unilu-gaia-2014"
numbers = publish.Numbers("sharing_a_cluster", publish.Scope(jobs=TRACE))
numbers.word("place", datasets.place(zone), "the grid whose curve is laid over the log")
_ = numbers.word("year", year, "the year of its curve")

# %% [markdown]
# ## The policies, on eight jobs
#
# The eight jobs of this section are made up, on a made-up machine of four nodes; they are chosen to show in one picture what each policy does.
# All times are in hours.
# What a user *asks for* is an upper limit of the run time; only that is known to a policy.

# %%
asked = pd.DataFrame(
    {
        "job_id": list("ABCDEFGH"),
        "submit_s": [0, 0, 0.5, 1, 1.5, 2, 3, 18],
        "run_s": [4, 6, 2, 2, 9, 4, 2, 3],
        "requested_s": [5, 7, 3, 2, 9, 5, 3, 4],
        "processors": [1, 2, 3, 4, 1, 1, 1, 2],
        "best_effort": [False, False, False, False, False, True, False, False],
    }
)
# %%
publish.table(
    asked,
    {
        "job_id": "job",
        "submit_s": "submitted at [.1f h]",
        "run_s": "runs for [.0f h]",
        "requested_s": "asks for [.0f h]",
        "processors": "nodes [.0f]",
        "best_effort": "best effort",
    },
)

# %%
hours = ["submit_s", "run_s", "requested_s"]
more = {"power_w": 100.0, "longest_wait_s": 12 * HOUR}
eight = workload_table({**asked, **(asked[hours] * HOUR), **more})
eight = Workload(eight, source="eight jobs, made up")
four = Cluster(4, 1, NodePower(idle_w=50.0, off_w=5.0, boot_s=0.25 * HOUR))

# %%
levels = np.array([200, 200, 450, 450, 450, 450, 450, 450, 200, 200, 200, 200], dtype=float)
made_up = {"kind": "average", "zone": "made up", "source": "made up"}
day = Intensity(np.arange(25) * HOUR, np.tile(levels, 2), **made_up)

# %% [markdown]
# C comes after half an hour and does not fit; from then on it is the head of the line, for which EASY reserves.

# %%
by_order = {"FIFO": rules.Fifo(), "EASY": rules.Easy(), "conservative": rules.Conservative()}
shown = {name: replay(eight, four, policy) for name, policy in by_order.items()}
came_s = 0.5 * HOUR  # when C is submitted
then = Inquiry(eight, four, rules.Easy()).moments([came_s])[came_s].scene().view
promised_h = reserve(then, processors=3).time_s / HOUR

# %%
in_hours = {"xlim": (0, 24), "ylim": (0, 4), "xticks": range(0, 25, 4), "ylabel": "node"}
four_nodes = {"yticks": np.arange(4) + 0.5, "yticklabels": range(1, 5)}
waited = "{}: mean wait {:.1f} h"

# %% mystnb={"figure": {"caption": "Eight made-up jobs in strict order (above), with EASY backfilling (middle) and with conservative backfilling (below). Dashed: the time EASY reserves for C when C cannot start; E backfills beside that reservation, and D has to wait for it.", "name": "fig:share-order"}, "image": {"alt": "Three Gantt charts of eight lettered jobs on four nodes; in the first large gaps stay empty before the wide jobs C and D, in the second and third small jobs fill them; a dashed line marks the reservation of C after {num}`sharing_a_cluster.example_promise`."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.0), sharex=True)
for ax, (name, found) in zip(axes, shown.items(), strict=True):
    found.gantt(ax, names=True)
    ax.set(**in_hours, **four_nodes, title=waited.format(name, found.jobs["wait_s"].mean() / HOUR))
axes[1].axvline(promised_h, color=COLORS["model"], linestyle="--")
axes[1].annotate(
    "C is promised this time",
    (promised_h, 3.6),
    xytext=(13, 3.6),
    color=COLORS["model"],
    va="center",
    arrowprops={"arrowstyle": "->", "color": COLORS["model"]},
)
axes[2].set_xlabel("hours")
plt.show()

# %% tags=["hide-cell"]
claim = "example_promise [.0f h]: when EASY promises job C its nodes"
numbers.record_table({claim: promised_h})
for name, found in shown.items():
    start_h = found.jobs.set_index("job_id")["start_s"] / HOUR
    starts = {(name.lower(), job.lower(), job, name): start_h[job] for job in "CDEF"}
    numbers.record_table(starts, "example_{}_{} [.1f h]: start of made-up job {} under {}")

# %% [markdown]
# **First in, first out** (FIFO) starts jobs in the order of submission, each as soon as it fits.
# C needs three nodes, so it waits for A and B, and everyone behind C waits as well, nodes free or not.
#
# **EASY backfilling** {cite}`lifka1995` reserves for the *head of the line* alone: by requested times C can start after {num}`sharing_a_cluster.example_promise`.
# A later job may start now if it will have ended by then, or if it runs on a node that C will not need.
# E is such a job: it starts after {num}`sharing_a_cluster.example_easy_e`.
# C starts after {num}`sharing_a_cluster.example_easy_c`, before the time it was promised, because B ends sooner than it asked for.
# But D, next in the line, had no reservation, and has to wait for E until {num}`sharing_a_cluster.example_easy_d`.
#
# **Conservative backfilling** {cite}`mualem2001` reserves for every job.
# Now E would delay D and must wait until {num}`sharing_a_cluster.example_conservative_e`; D starts after {num}`sharing_a_cluster.example_conservative_d` ({numref}`fig:share-order`).

# %%
by_turns = {
    "round-robin": rules.RoundRobin(2 * HOUR, 0.25 * HOUR),
    "multi-level feedback": rules.MultiLevelFeedback((HOUR, 3 * HOUR), np.inf, 0.25 * HOUR),
    "EASY with best effort": rules.Filler(),
}
turns = {name: replay(eight, four, policy) for name, policy in by_turns.items()}

# %% mystnb={"figure": {"caption": "The same jobs taking turns: round-robin (above) and a multi-level feedback queue (middle); the strip at the start of a run is what a resume costs, here a quarter of an hour. Below: EASY with the best-effort job F as filler, which leaves when others need its node.", "name": "fig:share-turns"}, "image": {"alt": "Three Gantt charts; in the first two jobs are cut into pieces with a small strip at the beginning of each later piece; in the third the best-effort job F, in another colour, runs in a gap, is stopped, and starts again later."}} tags=["hide-input"]
fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.0), sharex=True)
for ax, (name, found) in zip(axes, turns.items(), strict=True):
    found.gantt(ax, names=True)
    ax.set(**in_hours, **four_nodes, title=waited.format(name, found.jobs["wait_s"].mean() / HOUR))
axes[2].set_xlabel("hours")
plt.show()

# %% [markdown]
# **Round-robin** gives each job a turn, then the next in the ring; nobody waits long for a first turn, but every turn after the first pays for the switch.
# A **multi-level feedback queue** {cite}`corbato1962` lowers who has worked much: short jobs finish first without anyone saying how short they are.
# **Best effort** is a bargain between user and machine: F starts wherever a node is free, and is stopped, its work lost, when another job needs the node ({numref}`fig:share-turns`).

# %%
under_day = {"intensity": day, "origin": pd.Timestamp(0, tz="UTC")}
clean = rules.Below(300.0)
gated = replay(eight, four, rules.CarbonFifo(clean), **under_day)
aware_policy = rules.CarbonEasy(clean)
aware = replay(eight, four, aware_policy, **under_day)
number, _, promise_s = aware_policy.promises[0]

# %%
slept = replay(eight, four, rules.SleepIdle(rules.Easy(), 0.5 * HOUR))
table = node_states(slept)
spans = pd.DataFrame({"run": table.index, "first": table["node"], "cores": 1})
states = [COLORS[state] for state in table["state"]]
named = [(Patch(color=COLORS[name]), name) for name in ("busy", "idle", "off", "booting")]

# %% mystnb={"figure": {"caption": "Eight made-up jobs and a made-up carbon curve (top; shaded: dirty). Carbon-gated FIFO starts nothing while the grid is dirty; carbon-aware EASY keeps the promise to C (dashed) and starts it all the same. Bottom: what the nodes do under EASY when idle ones sleep.", "name": "fig:share-carbon"}, "image": {"alt": "Four panels over a day: a stepped carbon curve with two dirty stretches shaded; a Gantt chart with nothing starting in the first dirty stretch; a Gantt chart in which C starts in it at a dashed line; and a chart of node states: busy, idle, off and booting."}} tags=["hide-input"]
tall = {"figsize": (7.2, 7.4), "sharex": True, "height_ratios": [1, 2, 2, 2]}
fig, axes = plt.subplots(4, 1, **tall)
steps = day.intensity_g_per_kwh, day.edges_s / HOUR
axes[0].stairs(*steps, baseline=None, color=COLORS["average"])
axes[0].set(ylabel="g/kWh", ylim=(0, 520))
both = {"carbon-gated FIFO": gated, "carbon-aware EASY": aware}
for ax, (name, found) in zip(axes[1:3], both.items(), strict=True):
    found.gantt(ax, names=True)
    ax.set(**in_hours, **four_nodes, title=waited.format(name, found.jobs["wait_s"].mean() / HOUR))
axes[2].axvline(promise_s / HOUR, color=COLORS["model"], linestyle="--")
for ax in axes[:3]:
    for start_h in (2, 14):
        ax.axvspan(start_h, start_h + 6, color=COLORS["rest"], alpha=0.3, linewidth=0, zorder=0)
figures.gantt(axes[3], table, spans, colors=states)
axes[3].set(**in_hours, **four_nodes, xlabel="hours", title="nodes that sleep, under EASY")
beside = {"loc": "center", "bbox_to_anchor": (0.71, 0.72), "ncols": 2, "frameon": True}
axes[3].legend(*zip(*named, strict=True), **beside)
plt.show()

# %% tags=["hide-cell"]
for found in (*shown.values(), *turns.values(), gated, aware, slept):
    check(found)
kept_s = aware.jobs["start_s"].to_numpy()[number]
assert kept_s <= promise_s

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "example_promised [.0f h]: promise of carbon-aware EASY to C": promise_s / HOUR,
        "example_kept [.0f h]: when it starts C": kept_s / HOUR,
    }
)

# %% [markdown]
# **Carbon-gated FIFO** holds jobs while the grid is dirty, for no longer than their users accept; then it is FIFO.
# Held jobs pile up and want the machine all at once when the grid is clean again.
# **Carbon-aware EASY** holds jobs too, but a job that was given a reservation keeps it: C was promised {num}`sharing_a_cluster.example_promised` and starts after {num}`sharing_a_cluster.example_kept`, dirty or not, whatever is held, suspended or resumed meanwhile.
# **Nodes that sleep** are switched off after some idle time and booted when jobs wait: that saves energy and costs the boot ({numref}`fig:share-carbon`).

# %% [markdown]
# ## The real log
#
# The log is that of UniLu-Gaia ({doc}`workload_traces`), provided by Joseph Emeras.
# Its header gives {num}`sharing_a_cluster.header_nodes` of different sizes with {num}`sharing_a_cluster.header_cores`; the simulator has equal nodes, so the *own machine* here is {num}`sharing_a_cluster.own_nodes` of {num}`sharing_a_cluster.cores_per_node`, as many cores.
# Any free core serves any job: memory, accelerators and the shape of an allocation are not modelled.
# The *small machine* has {num}`sharing_a_cluster.small_nodes` of them.
# The *slice* is days {num}`sharing_a_cluster.from_day` to {num}`sharing_a_cluster.to_day`, clear of the break in the recording.
#
# The log is of 2014 and the carbon curve that of {word}`sharing_a_cluster.place` in {word}`sharing_a_cluster.year`: the log is moved by whole weeks, to the date nearest to its own, so that weekday and local hour agree.
# A node draws power when it is on, a core that works draws more on top; these figures are *assumed*, of the order published for servers of that size {cite}`rais2018`, and can be turned.

# %%
log = datasets.job_log(TRACE)
suspension = Suspension(save=(Phase("save", save_s, core_w),), least_run_s=least_run_s)
asked_for = {"power_w": core_w, "longest_wait_s": longest_wait_h * HOUR, "suspension": suspension}
asked_for |= {"best_effort_queues": (best_effort_queue,), "errors": "skip"}
whole = Workload.from_log(log, **asked_for)
part = whole.window(from_day * DAY, to_day * DAY)

# %%
booting = {"boot_w": boot_w, "boot_s": boot_s, "shutdown_s": shutdown_s}
power = NodePower(idle_w=idle_w, off_w=off_w, **booting)
sizes = {"own": nodes, "small": small_nodes}
machines = {name: Cluster(count, cores_per_node, power) for name, count in sizes.items()}

# %%
grid = datasets.carbon_intensity(zone, year)
origin = same_weekday(log.epoch, year, datasets.time_zone(zone))
publish.table(
    {
        "jobs that can be replayed [.0f]": len(whole),
        "jobs that cannot: no run time [.0f]": len(whole.skipped),
        "of them in the slice [.0f]": len(part),
        "of these best-effort [.0f]": part.jobs["best_effort"].sum(),
        "second 0 of the log": log.epoch,
        "counts as": origin,
        "a node off and on again pays after [.0f s]": power.break_even_s,
    }
)

# %%
gate = rules.PastQuantile(clean_share)
dirty = rules.PastQuantile((1 + clean_share) / 2)
turn = (quantum_h * HOUR, transition_s)
levels = tuple(quantum_h * HOUR * 4**k for k in range(3))

# %%
policies = {
    "FIFO": rules.Fifo(),
    "shortest first": rules.ShortestJobFirst(),
    "EASY": rules.Easy(),
    "conservative": rules.Conservative(),
    "round-robin": rules.RoundRobin(*turn),
    "feedback queue": rules.MultiLevelFeedback(levels, transition_s=transition_s),
    "EASY, filler": rules.Filler(),
    "carbon FIFO": rules.CarbonFifo(gate),
    "carbon EASY": rules.CarbonEasy(gate),
    "carbon EASY, suspends": rules.CarbonEasy(gate, dirty),
    "EASY, nodes sleep": rules.SleepIdle(rules.Easy()),
}

# %%
under = {"intensity": grid, "origin": origin}
ran = {
    machine: {name: replay(part, cluster, policy, **under) for name, policy in policies.items()}
    for machine, cluster in machines.items()
}

# %% [markdown]
# All policies of a machine are measured over the same time: utilization over the days of the slice, energy until the last job of the slowest policy has ended.

# %%
slice_s, told = (from_day * DAY, to_day * DAY), {}
for machine, replays in ran.items():
    until_s = max(found.stop_s for found in replays.values())
    rows = compare(list(replays.values()), grid, (slice_s[0], until_s))
    within = compare(list(replays.values()), None, slice_s)
    rows["utilization"] = within["utilization"]
    told[machine] = rows.set_axis(list(replays))

# %%
WORDS = {
    "mean": "mean wait [.0f min]",
    "p50": "median [.0f min]",
    "p95": "95th percentile [.0f min]",
    "p99": "99th percentile [.0f min]",
    "slowdown_mean": "mean bounded slowdown [.1f]",
    "utilization": "utilization [.0f %]",
    "preemptions": "preemptions [.0f]",
    "boots": "boots [.0f]",
    "energy_kwh": "energy [.1f MWh]",
    "emissions_kg": "emissions [.2f t CO2e]",
}
UNITS = {"utilization": 0.01, "energy_kwh": 1000.0, "emissions_kg": 1000.0}
waits = {what: f"wait_{what}_s" for what in ("mean", "p50", "p95", "p99")}

# %%
tables = []
for machine, rows in told.items():
    in_min = {what: rows[column] / 60 for what, column in waits.items()}
    others = {what: rows[what] / UNITS.get(what, 1) for what in WORDS if what not in waits}
    caption = f"{machine} machine, {machines[machine].cores:,} cores"
    wide = pd.DataFrame(in_min | others)
    tables.append(publish.table(wide, WORDS, index="policy", caption=caption))
tables[0]

# %%
tables[1]

# %% [markdown]
# What the real scheduler did is a baseline as well, though not on equal terms: it knew of memory, of reservations, of nodes that were down, of limits a user, and of jobs that are not in the log.

# %%
logged = log.jobs[log.jobs["job_id"].isin(part.jobs["job_id"])]
logged_wait_s = logged["wait_s"].dropna()
shares = {f"{100 * q:.0f}th percentile [.0f min]": q for q in (0.5, 0.95, 0.99)}
publish.table(
    {"really waited, mean [.0f min]": logged_wait_s.mean() / 60}
    | {what: logged_wait_s.quantile(q) / 60 for what, q in shares.items()}
)

# %% tags=["hide-input"]
lines = {
    "FIFO": ("fifo", "-"),
    "shortest first": ("shortest_first", "-"),
    "EASY": ("easy", "-"),
    "conservative": ("conservative", "--"),
    "round-robin": ("round_robin", "-"),
    "feedback queue": ("feedback", "-"),
    "carbon FIFO": ("carbon", "--"),
    "carbon EASY": ("carbon", "-"),
}

# %% mystnb={"figure": {"caption": "Share of the jobs that waited at most so long, on the log's own machine (above) and on the small one (below). Black: what was really scheduled.", "name": "fig:share-waits"}, "image": {"alt": "Two panels of cumulative curves of waits on a logarithmic axis from a second to a week; on the own machine {num}`sharing_a_cluster.own_fifo_waited` of the jobs wait under FIFO and {num}`sharing_a_cluster.own_carbon_easy_waited` under carbon-aware EASY; on the small machine the lines spread, from {num}`sharing_a_cluster.small_feedback_waited` under the feedback queue to {num}`sharing_a_cluster.small_carbon_fifo_waited` under carbon-gated FIFO."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 7.0), sharex=True)
for ax, (machine, cluster) in zip(axes, machines.items(), strict=True):
    for name, (color, style) in lines.items():
        wait_s = ran[machine][name].jobs["wait_s"].clip(lower=1)
        figures.ecdf(ax, wait_s, color=COLORS[color], linestyle=style, label=name)
    figures.duration_axis(ax)
    ax.set(xlim=(1, 7 * DAY), ylabel="share of the jobs")
    ax.set_title(f"{machine} machine, {cluster.cores:,} cores")
figures.ecdf(axes[0], logged_wait_s.clip(lower=1), color=COLORS["as_logged"], label="as logged")
axes[0].set_ylim(0.4, 1.01)
axes[1].set_xlabel("wait")
axes[1].legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="lower left")
plt.show()

# %% tags=["hide-cell"]
codes = {
    "fifo": "FIFO",
    "shortest": "shortest first",
    "easy": "EASY",
    "conservative": "conservative",
    "round_robin": "round-robin",
    "feedback": "feedback queue",
    "filler": "EASY, filler",
    "carbon_fifo": "carbon FIFO",
    "carbon_easy": "carbon EASY",
    "carbon_suspends": "carbon EASY, suspends",
    "sleep": "EASY, nodes sleep",
}
where = {machine: f"{machine} machine" for machine in machines}

# %% tags=["hide-cell"]
for machine, rows in told.items():
    at_all = {n: 100 * (found.jobs["wait_s"] > 0).mean() for n, found in ran[machine].items()}
    measured = pd.DataFrame(
        {
            "wait [.2f h]: mean wait": rows["wait_mean_s"] / HOUR,
            "p99 [.1f h]: 99th percentile of the waits": rows["wait_p99_s"] / HOUR,
            "slowdown [.1f]: mean bounded slowdown": rows["slowdown_mean"],
            "preemptions [.0f preemptions]: preemptions": rows["preemptions"],
            "waited [.1f %]: jobs that waited at all": pd.Series(at_all),
        }
    )
    measured = measured.loc[list(codes.values())].set_axis(list(codes.items()))
    numbers.record_table(measured, f"{machine}_{{0[0]}}_{{1}}, {{0[1]}}, {where[machine]}")
    used = f"utilization_{machine} [.0f %]: utilization in the days of the slice under FIFO, "
    count = f"{machine}_nodes [.0f nodes]: {where[machine]}"
    in_slice = 100 * rows["utilization"]["FIFO"]
    numbers.record_table({used + where[machine]: in_slice, count: sizes[machine]})

# %% tags=["hide-cell"]
header = header_fields(log.header)
numbers.record_table(
    {
        "header_nodes [.0f nodes]: nodes by the log's header": int(header["MaxNodes"][0]),
        "header_cores [.0f cores]: cores by the log's header": int(header["MaxProcs"][0]),
        "cores_per_node [.0f cores]: cores of a simulated node": cores_per_node,
        "from_day [.0f]: first day of the slice": from_day,
        "to_day [.0f]: day before which the slice ends": to_day,
        "slice_jobs [.0f jobs]: jobs in the slice": len(part),
        "logged_wait [.2f h]: mean wait in the log, slice": logged_wait_s.mean() / HOUR,
        "logged_p99 [.1f h]: its 99th percentile": logged_wait_s.quantile(0.99) / HOUR,
    }
)

# %% [markdown]
# On its own machine FIFO makes {num}`sharing_a_cluster.own_fifo_waited` of the jobs wait, {num}`sharing_a_cluster.own_fifo_wait` in the mean, and EASY {num}`sharing_a_cluster.own_easy_wait`.
# In the log they waited {num}`sharing_a_cluster.logged_wait`: a machine half full has other reasons to let jobs wait than a lack of cores.
# The policies that hold jobs on purpose make them wait for long: {num}`sharing_a_cluster.own_carbon_easy_wait`.
#
# On the small machine the order matters ({numref}`fig:share-waits`).
# FIFO: {num}`sharing_a_cluster.small_fifo_wait`; EASY: {num}`sharing_a_cluster.small_easy_wait`; conservative backfilling: {num}`sharing_a_cluster.small_conservative_wait`; shortest first, without backfilling: {num}`sharing_a_cluster.small_shortest_wait`, with a 99th percentile of {num}`sharing_a_cluster.small_shortest_p99`, because who asks for much waits without end.
# Taking turns shortens the wait for a first start, {num}`sharing_a_cluster.small_round_robin_wait` with {num}`sharing_a_cluster.small_round_robin_preemptions` and {num}`sharing_a_cluster.small_feedback_wait` with {num}`sharing_a_cluster.small_feedback_preemptions`; but a first start is not an end, and the mean bounded slowdown, which counts the time suspended too, is {num}`sharing_a_cluster.small_round_robin_slowdown` and {num}`sharing_a_cluster.small_feedback_slowdown` against {num}`sharing_a_cluster.small_easy_slowdown` for EASY.
# Few clusters can suspend any job at will: both need a checkpoint that always works.

# %% [markdown]
# ## Who waits?

# %%
jobs = part.jobs
wide = jobs["processors"] > cores_per_node
long = jobs["run_s"] > HOUR
kinds = {
    "narrow, short": ~wide & ~long,
    "narrow, long": ~wide & long,
    "wide, short": wide & ~long,
    "wide, long": wide & long,
}

# %%
waits_h = pd.DataFrame({name: found.jobs["wait_s"] / HOUR for name, found in ran["small"].items()})
slow = pd.DataFrame({kind: waits_h[chosen].mean() for kind, chosen in kinds.items()})
publish.table({f"{kind} jobs [.0f]": chosen.sum() for kind, chosen in kinds.items()})

# %% mystnb={"figure": {"caption": "Mean wait in hours on the small machine, by kind of job: wide jobs need more than one node, long ones run for more than an hour.", "name": "fig:share-kinds"}, "image": {"alt": "A heat map with a row for each policy and four columns for narrow or wide and short or long jobs, with the mean wait written in each cell; under EASY narrow short jobs wait {num}`sharing_a_cluster.easy_narrow_short` and wide long ones {num}`sharing_a_cluster.easy_wide_long`, under FIFO {num}`sharing_a_cluster.fifo_narrow_short` and {num}`sharing_a_cluster.fifo_wide_long`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.9))
image = figures.heatmap(
    ax, np.log10(slow.clip(lower=0.01)), label="mean wait, h", cmap="cividis", vmin=-2, vmax=2
)
image.colorbar.set_ticks([-2, -1, 0, 1, 2], labels=["0.01", "0.1", "1", "10", "100"])
ax.set_yticks(range(len(slow)), slow.index)
ax.set_xticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
middle = {"ha": "center", "va": "center"}
for (row, column), waited_h in np.ndenumerate(slow.to_numpy()):
    text = f"{waited_h:.{1 if waited_h >= 0.1 else 2}f}"
    ax.text(column, row, text, color="white" if waited_h < 1 else "black", **middle)
plt.show()

# %% tags=["hide-cell"]
ordered = {"fifo": "FIFO", "easy": "EASY", "conservative": "conservative"}
of_kind = slow.loc[list(ordered.values()), ["narrow, short", "wide, long"]]
of_kind = of_kind.set_axis(list(ordered.items()))
of_kind.columns = [(kind.replace(", ", "_"), kind) for kind in of_kind]
numbers.record_table(of_kind, "{0[0]}_{1[0]} [.1f h]: mean wait of {1[1]} jobs, {0[1]}")

# %% [markdown]
# {numref}`fig:share-kinds` answers who waits.
# Under FIFO everyone does: narrow short jobs {num}`sharing_a_cluster.fifo_narrow_short`, wide long ones {num}`sharing_a_cluster.fifo_wide_long`.
# EASY lets the narrow ones through, {num}`sharing_a_cluster.easy_narrow_short`, and leaves the wide ones with {num}`sharing_a_cluster.easy_wide_long`; conservative backfilling with {num}`sharing_a_cluster.conservative_narrow_short` and {num}`sharing_a_cluster.conservative_wide_long`.
# No policy makes work disappear: what one job gains in a full machine, another has to give.

# %%
small, curve = machines["small"], grid.to_series()
past_week = curve.rolling(7 * 24).quantile(clean_share, interpolation="lower").shift(1)
is_dirty = curve > past_week
at_day = (is_dirty.index - origin) / pd.Timedelta(days=1)

# %% mystnb={"figure": {"caption": "Cores in use on the small machine under EASY (above) and carbon-aware EASY (below), each rectangle a job on neighbouring cores. Shades tell neighbours apart; pink: best-effort jobs. Grey: the grid is dirty, so that carbon-aware EASY holds jobs.", "name": "fig:share-gantt"}, "image": {"alt": "Two dense Gantt charts of {num}`sharing_a_cluster.slice_jobs`; {if}`in-book` in the upper one the machine is mostly full with irregular gaps, in the lower one gaps follow the grey stripes of dirty hours."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 6.6), sharex=True)
grey = {"color": COLORS["rest"], "alpha": 0.5, "lw": 0, "zorder": 0, "step": "post"}
dense = {"unit_s": DAY, "linewidths": 0, "rasterized": True}
for ax, name in zip(axes, ("EASY", "carbon EASY"), strict=True):
    ran["small"][name].gantt(ax, shades=True, **dense)
    ax.fill_between(at_day, 0, small.cores, is_dirty, **grey)
    ax.set(xlim=(from_day, to_day), ylim=(0, small.cores), ylabel="core", title=name)
axes[1].set_xlabel("day of the log")
plt.show()

# %% mystnb={"figure": {"caption": "Jobs that wait on the small machine, hourly means.", "name": "fig:share-queue"}, "image": {"alt": "Lines of the number of waiting jobs over the days of the slice for FIFO, EASY, round-robin and carbon-aware EASY. {if}`in-book` The queue of FIFO towers above the others for days, that of carbon-aware EASY has daily teeth, that of round-robin stays near zero."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.6))
hour_edges = np.arange(from_day * 24, to_day * 24 + 1) * HOUR
for name in ("FIFO", "carbon EASY", "EASY", "round-robin"):
    length = lengths(ran["small"][name])
    waiting = (length["queued"] + length["suspended"]).to_numpy()[:-1]
    edges_s = np.maximum.accumulate(np.append(slice_s[0], length.index[1:]))
    mean = figures.step_means(edges_s, waiting, hour_edges)
    look = {"color": COLORS[lines[name][0]], "linestyle": lines[name][1], "label": name}
    ax.stairs(mean, hour_edges / DAY, baseline=None, **look)
ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.16))
ax.set(xlabel="day of the log", ylabel="waiting jobs", xlim=(from_day, to_day), ylim=(0, None))
plt.show()

# %% [markdown]
# {numref}`fig:share-gantt` shows the machine, {numref}`fig:share-queue` the line in front of it.
# With round-robin, suspended jobs count as waiting here.
#
# ## Power, under the carbon curve

# %%
week_s = np.arange((to_day - 7) * 24, to_day * 24 + 1) * HOUR
at = origin + pd.to_timedelta(week_s, unit="s")
of_week = grid.window(at[0], at[-1])
of_grid = pd.to_datetime(of_week.edges_s, unit="s", utc=True).tz_convert(at.tz)
clock, grid_clock = (mdates.date2num(times.tz_localize(None)) for times in (at, of_grid))

# %%
layers = ("off", "shutting_down", "booting", "idle", "busy", "jobs")
mean_kw = {}
for name in ("EASY", "carbon EASY, suspends", "EASY, nodes sleep"):
    drawn = ran["own"][name].power((week_s[0], week_s[-1]))
    by_hour = figures.step_means(drawn.edges_s, drawn.power_w, week_s) / 1000
    mean_kw[name] = {state: by_hour[:, STATES.index(state)] for state in layers}

# %% mystnb={"figure": {"caption": "One week on the log's own machine, hourly means. Top: carbon intensity. Below: power under EASY, carbon-aware EASY, and EASY with nodes that sleep. Idle and busy nodes draw the same; what jobs draw comes on top.", "name": "fig:share-power"}, "image": {"alt": "Four panels over one week: the carbon curve; three stacked power charts with layers for sleeping, idle and busy nodes and for jobs. {if}`in-book` Under carbon-aware EASY the jobs' layer rises when the curve falls. With sleeping nodes the idle layer is gone."}} tags=["hide-input"]
tall = {"figsize": (7.2, 8.2), "sharex": True, "height_ratios": [1.2, 2, 2, 2]}
fig, axes = plt.subplots(4, 1, **tall)
curve = (grid_clock, of_week.intensity_g_per_kwh)
most_kw = (nodes * idle_w + core_w * nodes * cores_per_node) / 1000
for ax, (name, by_state) in zip(axes[1:], mean_kw.items(), strict=True):
    figures.power_under_carbon((axes[0], ax), clock, by_state, *curve)
    ax.set(title=name, ylim=(0, most_kw))
fig.legend(*axes[3].get_legend_handles_labels(), ncols=6, loc="outside upper center")
axes[3].xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes[3].xaxis.get_major_locator()))
plt.show()

# %% [markdown]
# The dates are those of the carbon curve ({numref}`fig:share-power`).
# How much carbon this saves, for whom and at which utilization, is the question of a chapter of its own; here it matters who waits for it.

# %%
bars = ("FIFO", "EASY", "round-robin", "carbon EASY", "carbon EASY, suspends", "EASY, nodes sleep")

# %% mystnb={"figure": {"caption": "Energy of the slice by what draws it, on both machines, until the last job of the slowest policy has ended.", "name": "fig:share-energy"}, "image": {"alt": "Stacked horizontal bars of energy for six policies on each of two machines; the part of idle nodes is {num}`sharing_a_cluster.own_idle_share` on the own machine and {num}`sharing_a_cluster.small_idle_share` on the small one under EASY; the bar with sleeping nodes is shorter by {num}`sharing_a_cluster.own_sleep_saving` and {num}`sharing_a_cluster.small_sleep_saving`."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True)
for ax, machine in zip(axes, machines, strict=True):
    left = np.zeros(len(bars))
    for state in reversed(layers):
        mwh = told[machine].loc[list(bars), f"energy_{state}_kwh"].to_numpy() / 1000
        if mwh.max() > 0.05:
            look = {"color": COLORS[state], "label": state.replace("_", " ")}
            ax.barh(bars, mwh, left=left, height=0.7, **look)
        left += mwh
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_title(f"{machine} machine")
axes[0].legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.06), columnspacing=1.0)
axes[1].set_xlabel("energy, MWh")
most_mwh = max(rows["energy_kwh"].max() for rows in told.values()) / 1000
axes[1].set_xlim(0, 1.08 * most_mwh)
plt.show()

# %% tags=["hide-cell"]
for machine, rows in told.items():
    easy, sleep = rows.loc["EASY"], rows.loc["EASY, nodes sleep"]
    drawn_kwh, text = easy["energy_kwh"], where[machine]
    saved = 100 * (1 - sleep["energy_kwh"] / drawn_kwh)
    later_min = (sleep["wait_mean_s"] - easy["wait_mean_s"]) / 60
    of_nodes = {
        "idle_share [.0f %]: energy of idle nodes, EASY": 100 * easy["energy_idle_kwh"] / drawn_kwh,
        "sleep_saving [.0f %]: saved by sleeping nodes": saved,
        "boots [.0f boots]: boots": sleep["boots"],
        "sleep_later [.1f min]: mean wait added by sleep": later_min,
        "energy [.1f MWh]: energy of the slice under EASY": drawn_kwh / 1000,
    }
    numbers.record_table(of_nodes, f"{machine}_{{}}, {text}")

# %% [markdown]
# Jobs take the same energy under every policy but for what suspending adds ({numref}`fig:share-energy`).
# What differs is what nodes draw beside them.
# On the own machine idle nodes take {num}`sharing_a_cluster.own_idle_share` of {num}`sharing_a_cluster.own_energy`; letting them sleep saves {num}`sharing_a_cluster.own_sleep_saving` with {num}`sharing_a_cluster.own_boots` and changes the mean wait by {num}`sharing_a_cluster.own_sleep_later`.
# On the small one it is {num}`sharing_a_cluster.small_idle_share`, and saves {num}`sharing_a_cluster.small_sleep_saving`; the mean wait changes by {num}`sharing_a_cluster.small_sleep_later`.
# Where the queue is never empty a small shift reorders all that follows, so that such a change is chance rather than boots.

# %% [markdown]
# ## The whole log, week by week
#
# One slice is one sample.
# The whole log has {num}`sharing_a_cluster.weeks` of submissions; each week's jobs are delayed under every policy, so that policies are compared in pairs.
# The *delay* of a job is its time in the system beyond its run time: the wait, and for policies that suspend also what comes after the first start.

# %%
chosen = ("FIFO", "EASY", "shortest first", "round-robin", "carbon EASY")
all_of = {
    machine: {name: replay(whole, cluster, policies[name], **under) for name in chosen}
    for machine, cluster in machines.items()
}

# %%
week = (whole.jobs["submit_s"] // (7 * DAY)).astype(int).to_numpy()
delay_h = {
    machine: {name: delay_s(found) / HOUR for name, found in replays.items()}
    for machine, replays in all_of.items()
}
compared = {}
for machine, by_policy in delay_h.items():
    ordering = {name: by_policy[name] for name in chosen if name != "carbon EASY"}
    panel = weekly_panel(ordering, week, "delay_h")
    compared[machine] = panel.compare("delay_h", "FIFO", unit="h")

# %%
own, of_small = compared["own"], compared["small"]
publish.table(own.table, own.words(), index="policy", caption="own machine, against FIFO")

# %%
of_small_words = of_small.words()
publish.table(of_small.table, of_small_words, index="policy", caption="small machine, against FIFO")

# %%
publish.table([(sentence,) for sentence in own.doubts], ["what would change our mind, own machine"])

# %% [markdown]
# What holding jobs costs is no share of a delay that is next to nothing in a good week; it is counted in hours a job, against EASY.

# %%
added, more = {}, {"block": block_weeks, "seed": seed}
for machine, by_policy in delay_h.items():
    more_h = weekly(by_policy["carbon EASY"] - by_policy["EASY"], week)
    submitted = weekly(np.ones(len(whole)), week)
    added[machine] = stats.ratio_of_sums(more_h, submitted, **more)

# %%
publish.table(
    [(where[machine], one.value, one.low, one.high) for machine, one in added.items()],
    ["", "carbon EASY adds, a job [.1f h]", "95 % interval from [.1f h]", "to [.1f h]"],
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "whole_jobs [.0f jobs]: jobs of the whole log that are replayed": len(whole),
        "weeks [.0f weeks]: weeks with submissions in the whole log": np.unique(week).size,
    }
)

# %% tags=["hide-cell"]
code_of = {name: code for code, name in codes.items()}
for machine, replays in all_of.items():
    for name, found in replays.items():
        code, text = f"whole_{machine}_{code_of[name]}", f"{name}, whole log, {where[machine]}"
        mean_h = found.jobs["wait_s"].mean() / HOUR
        numbers.record_table({f"{code}_wait [.2f h]: mean wait, {text}": mean_h})
        if name in compared[machine].table.index:
            change = compared[machine].interval(name)
            claim = f"{code} [.0f %]: change of all delays against FIFO, {text}"
            numbers.record_table({claim: change})
            both_ends = {"low": change.low, "high": change.high}
            numbers.record_table(both_ends, f"{code}_{{0}} [.0f %]: {{0}} end of its interval")

# %% tags=["hide-cell"]
claim = "{0}_added [.1f h]: delay that carbon EASY adds to EASY, a job, whole log, {1}"
for machine, one in added.items():
    numbers.record_table({(machine, where[machine]): one}, claim)
    both_ends = {"low": one.low, "high": one.high}
    numbers.record_table(both_ends, f"{machine}_added_{{0}} [.1f h]: {{0}} end of its interval")

# %% tags=["hide-cell"]
turns = compared["own"].interval("round-robin")
differs = not turns.low <= 0 <= turns.high
numbers.fact("turns_differ", differs, "the interval of whole_own_round_robin excludes zero")
logged_h = log.jobs["wait_s"].mean() / HOUR
numbers.record_table(
    {
        "slice_days [.0f days]: days of the slice": to_day - from_day,
        "whole_logged_wait [.2f h]: mean wait in the log, all jobs": logged_h,
    }
)

# %% [markdown]
# On the small machine EASY changes the sum of all delays by {num}`sharing_a_cluster.whole_small_easy` (95 % interval {num}`sharing_a_cluster.whole_small_easy_low` to {num}`sharing_a_cluster.whole_small_easy_high`) against FIFO, shortest first by {num}`sharing_a_cluster.whole_small_shortest` (95 % interval {num}`sharing_a_cluster.whole_small_shortest_low` to {num}`sharing_a_cluster.whole_small_shortest_high`), and round-robin, which hardly lets anyone wait for a first start, by {num}`sharing_a_cluster.whole_small_round_robin` (95 % interval {num}`sharing_a_cluster.whole_small_round_robin_low` to {num}`sharing_a_cluster.whole_small_round_robin_high`): part of the wait it saves comes back as suspension.
# On the own machine EASY changes them by {num}`sharing_a_cluster.whole_own_easy` (95 % interval {num}`sharing_a_cluster.whole_own_easy_low` to {num}`sharing_a_cluster.whole_own_easy_high`) and shortest first by {num}`sharing_a_cluster.whole_own_shortest` (95 % interval {num}`sharing_a_cluster.whole_own_shortest_low` to {num}`sharing_a_cluster.whole_own_shortest_high`), of a mean wait of {num}`sharing_a_cluster.whole_own_fifo_wait` under FIFO; by {num}`sharing_a_cluster.whole_own_round_robin` with round-robin (95 % interval {num}`sharing_a_cluster.whole_own_round_robin_low` to {num}`sharing_a_cluster.whole_own_round_robin_high`).
# {if-not}`sharing_a_cluster.turns_differ` That interval of round-robin holds zero: no difference is shown.
# In the log the mean wait was {num}`sharing_a_cluster.whole_logged_wait`.
# A few weeks of one log hold most of the waiting, so that these intervals are rough.
#
# Holding jobs for clean hours adds {num}`sharing_a_cluster.own_added` a job on the own machine ({num}`sharing_a_cluster.own_added_low` to {num}`sharing_a_cluster.own_added_high`) and {num}`sharing_a_cluster.small_added` on the small one ({num}`sharing_a_cluster.small_added_low` to {num}`sharing_a_cluster.small_added_high`).
#
# All {num}`sharing_a_cluster.whole_jobs` under EASY can be looked at one by one: zoom by drawing a rectangle, double-click to zoom out, point at a line for the job's number.

# %%
found = all_of["own"]["EASY"]
who = found.runs["job"].to_numpy()
best_effort = whole.jobs["best_effort"].to_numpy()[who]
names = whole.jobs["job_id"].to_numpy()[who].tolist()
groups = {"jobs": ~best_effort, "best_effort": best_effort}

# %% tags=["hide-input", "nbval-ignore-output"]
lined = {"names": names, "groups": groups, "cores_per_line": cores_per_node}
chart = figures.interactive_gantt(found.runs, found.blocks, **lined)
alt = "Gantt chart of all jobs of the log under EASY on the log's own machine"
figures.OfflineChart(chart, f"{len(whole):,} jobs under EASY", alt)

# %% [markdown]
# ## Judges
#
# *Another simulator.*
# Batsim {cite}`dutot2016` published what its EASY and conservative backfilling did with a generated workload; the host-aware policies here must start every job at the same time on the same hosts.

# %%
judge = Path("..", "tests", "fixtures", "batsim", "medium_late.csv")
given = pd.read_csv(judge).sort_values("submit_s", kind="stable", ignore_index=True)
named = ["job_id", "submit_s", "run_s", "requested_s", "processors"]
theirs = Workload(workload_table({**given[named], "power_w": 0.0}))

# %%
same = {}
for name, policy in (("easy", rules.Easy), ("conservative", rules.Conservative)):
    start_s = replay(theirs, Cluster(32), policy(hosts=True)).jobs["start_s"]
    same[name] = int((np.abs(start_s - given[f"{name}_start_s"]) <= 1e-6).sum())
publish.table(
    {f"{name}: starts as in Batsim, of {len(given)} [.0f]": n for name, n in same.items()}
)

# %% [markdown]
# *Little's law.*
# Over a time that begins and ends with an empty system, the mean number of waiting jobs is the arrival rate times the mean wait, whatever the policy {cite}`little1961`.

# %%
little = {}
for name, found in all_of["small"].items():
    length = lengths(found)
    lasts_s = np.diff(length.index)
    mean_queue = (length["queued"].to_numpy()[:-1] @ lasts_s) / lasts_s.sum()
    little[name] = mean_queue, len(whole) / lasts_s.sum() * found.jobs["wait_s"].mean()

# %%
both = ["mean queue [.6f jobs]", "arrival rate x mean wait [.6f jobs]"]
publish.table(pd.DataFrame(little).T, both, index="policy")

# %% [markdown]
# *A formula.*
# With exponential gaps and run times and one node a job, FIFO is the queue M/M/c, whose mean wait Erlang knew.

# %%
servers, load, count = 8, 0.7, 30_000
offered = servers * load  # mean run time is 1 s
terms = np.cumprod(np.append(1.0, offered / np.arange(1, servers + 1)))
queueing = terms[-1] / (1 - load)
erlang_s = queueing / (terms[:-1].sum() + queueing) / (servers - offered)

# %%
rng = np.random.default_rng(seed)
run_s = rng.exponential(size=count)
submit_s = np.cumsum(rng.exponential(1 / offered, count))
drawn = {"job_id": np.arange(count), "submit_s": submit_s, "run_s": run_s, "requested_s": run_s}
drawn = Workload(workload_table(drawn | {"processors": 1, "power_w": 0.0}))
wait_s = replay(drawn, Cluster(servers), rules.Fifo()).jobs["wait_s"]
seen = stats.bootstrap(wait_s.to_numpy().reshape(20, -1).mean(axis=1), seed=seed, resamples=1999)

# %%
publish.table(
    {
        f"mean wait of M/M/{servers} at load {load:.0%}, Erlang's formula [.4f s]": erlang_s,
        "replayed [.4f s]": seen.value,
        "95 % interval, from [.4f s]": seen.low,
        "to [.4f s]": seen.high,
    }
)

# %% tags=["hide-cell"]
judged = "batsim_conservative [.0f]: of them started as by Batsim's conservative backfilling"
numbers.record_table(
    {
        "batsim_jobs [.0f jobs]: jobs of Batsim's published run": len(given),
        "batsim_easy [.0f]: of them started as by Batsim's EASY": same["easy"],
        judged: same["conservative"],
        "little_queue [.4f jobs]: mean queue, FIFO, small machine": little["FIFO"][0],
        "little_rate [.4f jobs]: arrival rate x mean wait, the same": little["FIFO"][1],
        "erlang [.3f s]: mean wait by Erlang's formula": erlang_s,
        "erlang_seen [.3f s]: mean wait replayed, batch means": seen,
    }
)

# %% [markdown]
# Batsim: {num}`sharing_a_cluster.batsim_easy` and {num}`sharing_a_cluster.batsim_conservative` of {num}`sharing_a_cluster.batsim_jobs`; the hosts agree as well (`tests/cluster/test_batsim.py`).
# Little: {num}`sharing_a_cluster.little_queue` and {num}`sharing_a_cluster.little_rate`.
# Erlang: {num}`sharing_a_cluster.erlang`, replayed {num}`sharing_a_cluster.erlang_seen`.
# Every replay of the examples above was checked too: no core holds two jobs, nothing starts before its submission, all work is done once, and the energy is the integral of the power.

# %% [markdown]
# (limits-sharing-a-cluster)=
# ## What could be wrong
#
# * **Equal nodes.**
#   The real machine had nodes of several kinds; a job here takes any free cores.
#   Waits are those of a machine easier to fill than the real one.
# * **A log is not demand.**
#   Users who see a queue submit less, or at other times {cite}`feitelson2014`; the small machine is given jobs that its users might never have submitted.
# * **Best-effort jobs as logged.**
#   Those that were killed when the log was made appear as jobs of the length they reached, perhaps several times.
# * **Assumed power.**
#   Watts of nodes and cores are parameters, not measurements of that machine.
# * **Suspension always works** here, at a fixed cost, for any job after {num}`sharing_a_cluster.least_run`.
# * **First start.**
#   The wait ends at the first start; for policies that suspend, read the slowdown too.
# * **Another year's weather.**
#   Jobs and carbon curve never met; only the clock, the weekday and the season are shared.

# %% tags=["hide-cell"]
claim = "least_run [.0f min]: run before a job may be suspended"
numbers.record_table({claim: least_run_s / 60})

# %% [markdown]
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=sharing_a_cluster P="small_nodes=100"     # where do waits explode?
# make run CHAPTER=sharing_a_cluster P="quantum_h=4"         # fewer turns
# make run CHAPTER=sharing_a_cluster P="idle_w=30 boot_s=600" # when is sleep not worth it?
# make run CHAPTER=sharing_a_cluster P="longest_wait_h=6"
# ```
#
# 1. At which size of the machine does FIFO's mean wait pass a day, and EASY's?
# 2. Which job of the eight loses most from EASY, and would conservative backfilling help it?
# 3. Set `transition_s` to an hour: what does round-robin do to the jobs' energy?
#
# ## The numbers of this chapter

# %%
numbers
