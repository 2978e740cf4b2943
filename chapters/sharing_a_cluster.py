# %% [markdown]
# # Sharing a finite cluster
#
# **Question.**
# Who waits when machines are finite, and how much of that is the policy's doing?
#
# **Answer.**
# In {num}`sharing_a_cluster.slice_days` of a real log replayed on its own machine, of which they use {num}`sharing_a_cluster.utilization_own`, {num}`sharing_a_cluster.own_fifo_waited` of the jobs wait under first in, first out; on one so small that they use {num}`sharing_a_cluster.utilization_small` the mean wait is {num}`sharing_a_cluster.small_fifo_wait`, and {num}`sharing_a_cluster.small_easy_wait` with EASY backfilling.
# Nodes that stand idle draw {num}`sharing_a_cluster.own_idle_share` of the energy on the log's own machine.
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
from matplotlib.colors import to_rgba_array
from matplotlib.patches import Patch

from helpers import datasets, figures, publish, stats
from helpers import decide as rules
from helpers.carbon.signal import Intensity
from helpers.cluster import replay
from helpers.cluster.account import STATES, node_states, power_over_time
from helpers.cluster.metrics import check, lengths, metrics
from helpers.decide.backfill import reserve
from helpers.jobs import header_fields
from helpers.panel import compare_panel
from helpers.phases import Suspension
from helpers.phases.model import Phase
from helpers.timeline import same_weekday
from helpers.work import Cluster, NodePower, Workload, workload_table

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
print(asked.to_string(index=False))
hours = ["submit_s", "run_s", "requested_s"]
eight = Workload(
    workload_table(
        {**asked, **(asked[hours] * HOUR), "power_w": 100.0, "longest_wait_s": 12 * HOUR}
    ),
    source="eight jobs, made up",
)
four = Cluster(4, 1, NodePower(idle_w=50.0, off_w=5.0, boot_s=0.25 * HOUR))
day_g_per_kwh = np.array([200, 200, 450, 450, 450, 450, 450, 450, 200, 200, 200, 200])
day = Intensity(
    np.arange(25) * HOUR, np.tile(day_g_per_kwh, 2).astype(float), "average", "made up", "made up"
)


# %%
class WatchedEasy(rules.Easy):
    """EASY backfilling that notes what it reserves, and for whom."""

    def begin(self, view):
        super().begin(view)
        self.reserved = {}

    def backfill(self, view, line):
        head = line.jobs[0]
        self.reserved.setdefault(head.job_id, reserve(view, head.processors).time_s)
        super().backfill(view, line)


def show(policy, **more):
    """Replay the eight jobs under a policy."""
    return replay(eight, four, policy, **more)


def draw(ax, found, title):
    """Draw a Gantt chart of the eight jobs; resuming shows as a strip."""
    runs, blocks = found.runs, found.blocks
    letters = found.workload.jobs["job_id"].to_numpy()[runs["job"]]
    best_effort = found.workload.jobs["best_effort"].to_numpy()[runs["job"]]
    colors = np.where(best_effort, COLORS["best_effort"], COLORS["jobs"])
    figures.gantt(ax, runs, blocks, colors=colors, labels=letters)
    resumed = runs.assign(stop_s=runs["start_s"] + runs["transition_s"])
    if runs["transition_s"].any():
        figures.gantt(ax, resumed, blocks, colors=COLORS["startup"], linewidths=0)
    ax.set(xlim=(0, 24), ylim=(0, 4), yticks=np.arange(4) + 0.5, xticks=range(0, 25, 4))
    ax.set_yticklabels(range(1, 5))
    mean_h = found.jobs["wait_s"].mean() / HOUR
    ax.set_title(f"{title}: mean wait {mean_h:.1f} h")
    ax.set_ylabel("node")


# %% mystnb={"figure": {"caption": "Eight made-up jobs in strict order (above), with EASY backfilling (middle) and with conservative backfilling (below). Dashed: the time EASY reserves for C when C cannot start; E backfills beside that reservation, and D has to wait for it.", "name": "fig:share-order"}, "image": {"alt": "Three Gantt charts of eight lettered jobs on four nodes; in the first large gaps stay empty before the wide jobs C and D, in the second and third small jobs fill them; a dashed line marks the reservation of C after {num}`sharing_a_cluster.example_promise`."}} tags=["hide-input"]
easy = WatchedEasy()
by_order = {"FIFO": rules.Fifo(), "EASY": easy, "conservative": rules.Conservative()}
shown = {name: show(policy) for name, policy in by_order.items()}
fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.0), sharex=True)
for ax, (name, found) in zip(axes, shown.items(), strict=True):
    draw(ax, found, name)
promised_h = easy.reserved["C"] / HOUR
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
numbers.record("example_promise", promised_h, "h", 0, "when EASY promises job C its nodes")
for name, found in shown.items():
    start_h = found.jobs.set_index("job_id")["start_s"] / HOUR
    for job in "CDEF":
        meaning = f"start of made-up job {job} under {name}"
        numbers.record(f"example_{name.lower()}_{job.lower()}", start_h[job], "h", 1, meaning)

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

# %% mystnb={"figure": {"caption": "The same jobs taking turns: round-robin (above) and a multi-level feedback queue (middle); the strip at the start of a run is what a resume costs, here a quarter of an hour. Below: EASY with the best-effort job F as filler, which leaves when others need its node.", "name": "fig:share-turns"}, "image": {"alt": "Three Gantt charts; in the first two jobs are cut into pieces with a small strip at the beginning of each later piece; in the third the best-effort job F, in another colour, runs in a gap, is stopped, and starts again later."}} tags=["hide-input"]
turns = {
    "round-robin": rules.RoundRobin(2 * HOUR, 0.25 * HOUR),
    "multi-level feedback": rules.MultiLevelFeedback((HOUR, 3 * HOUR), np.inf, 0.25 * HOUR),
    "EASY with best effort": rules.Filler(),
}
fig, axes = plt.subplots(3, 1, figsize=(7.2, 6.0), sharex=True)
for ax, (name, policy) in zip(axes, turns.items(), strict=True):
    turns[name] = show(policy)
    draw(ax, turns[name], name)
axes[2].set_xlabel("hours")
plt.show()

# %% [markdown]
# **Round-robin** gives each job a turn, then the next in the ring; nobody waits long for a first turn, but every turn after the first pays for the switch.
# A **multi-level feedback queue** {cite}`corbato1962` lowers who has worked much: short jobs finish first without anyone saying how short they are.
# **Best effort** is a bargain between user and machine: F starts wherever a node is free, and is stopped, its work lost, when another job needs the node ({numref}`fig:share-turns`).

# %% mystnb={"figure": {"caption": "Eight made-up jobs and a made-up carbon curve (top; shaded: dirty). Carbon-gated FIFO starts nothing while the grid is dirty; carbon-aware EASY keeps the promise to C (dashed) and starts it all the same. Bottom: what the nodes do under EASY when idle ones sleep.", "name": "fig:share-carbon"}, "image": {"alt": "Four panels over a day: a stepped carbon curve with two dirty stretches shaded; a Gantt chart with nothing starting in the first dirty stretch; a Gantt chart in which C starts in it at a dashed line; and a chart of node states: busy, idle, off and booting."}} tags=["hide-input"]
clean = rules.Below(300.0)
gated = show(rules.CarbonFifo(clean), intensity=day, origin=pd.Timestamp(0, tz="UTC"))
aware_policy = rules.CarbonEasy(clean)
aware = show(aware_policy, intensity=day, origin=pd.Timestamp(0, tz="UTC"))
slept = show(rules.SleepIdle(rules.Easy(), 0.5 * HOUR))
fig, axes = plt.subplots(
    4, 1, figsize=(7.2, 7.4), sharex=True, gridspec_kw={"height_ratios": [1, 2, 2, 2]}
)
axes[0].stairs(day.intensity_g_per_kwh, day.edges_s / HOUR, baseline=None, color=COLORS["average"])
axes[0].set(ylabel="g/kWh", ylim=(0, 520))
draw(axes[1], gated, "carbon-gated FIFO")
draw(axes[2], aware, "carbon-aware EASY")
number, _, promise_s = aware_policy.promises[0]
axes[2].axvline(promise_s / HOUR, color=COLORS["model"], linestyle="--")
for ax in axes[:3]:
    for start_h in (2, 14):
        ax.axvspan(start_h, start_h + 6, color=COLORS["rest"], alpha=0.3, linewidth=0, zorder=0)
table = node_states(slept)
spans = pd.DataFrame({"run": table.index, "first": table["node"], "cores": 1})
figures.gantt(axes[3], table, spans, colors=[COLORS[state] for state in table["state"]])
axes[3].set(xlim=(0, 24), xlabel="hours", ylabel="node", title="nodes that sleep, under EASY")
axes[3].set(yticks=np.arange(4) + 0.5)
axes[3].set_yticklabels(range(1, 5))
names = ("busy", "idle", "off", "booting")
axes[3].legend(
    [Patch(color=COLORS[name]) for name in names],
    names,
    loc="center",
    bbox_to_anchor=(0.71, 0.72),
    ncols=2,
    frameon=True,
)
plt.show()

# %% tags=["hide-cell"]
for found in (*shown.values(), *turns.values(), gated, aware, slept):
    check(found)
kept = aware.jobs["start_s"].to_numpy()[number]
assert kept <= promise_s
promised_jobs = [(job, at) for job, _, at in aware_policy.promises]
numbers.record("example_promised", promise_s / HOUR, "h", 0, "promise of carbon-aware EASY to C")
_ = numbers.record("example_kept", kept / HOUR, "h", 0, "when it starts C")

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
power = NodePower(idle_w=idle_w, off_w=off_w, boot_w=boot_w, boot_s=boot_s, shutdown_s=shutdown_s)
whole = Workload.from_log(
    log,
    power_w=core_w,
    longest_wait_s=longest_wait_h * HOUR,
    best_effort_queues=(best_effort_queue,),
    suspension=Suspension(save=(Phase("save", save_s, core_w),), least_run_s=least_run_s),
    errors="skip",
)
part = whole.window(from_day * DAY, to_day * DAY)
machines = {
    "own": Cluster(nodes, cores_per_node, power),
    "small": Cluster(small_nodes, cores_per_node, power),
}
grid = datasets.carbon_intensity(zone, year)
origin = same_weekday(log.epoch, year, datasets.time_zone(zone))
print(f"{len(whole):,} jobs can be replayed, {len(whole.skipped)} cannot (no run time)")
print(f"{len(part):,} of them in the slice, {part.jobs['best_effort'].sum()} best-effort")
print(f"second 0 of the log, {log.epoch}, counts as {origin}")
print(f"a node off and on again pays after {power.break_even_s:.0f} s")

# %%
gate = rules.PastQuantile(clean_share)
dirty = rules.PastQuantile((1 + clean_share) / 2)
turn = (quantum_h * HOUR, transition_s)
levels = tuple(quantum_h * HOUR * 4**k for k in range(3))
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
ran = {
    machine: {
        name: replay(part, cluster, policy, intensity=grid, origin=origin)
        for name, policy in policies.items()
    }
    for machine, cluster in machines.items()
}

# %% [markdown]
# All policies of a machine are measured over the same time: utilization over the days of the slice, energy until the last job of the slowest policy has ended.

# %%
slice_s = (from_day * DAY, to_day * DAY)
told, until_s = {}, {}
for machine, replays in ran.items():
    until_s[machine] = max(found.stop_s for found in replays.values())
    for name, found in replays.items():
        told[machine, name] = dict(metrics(found, grid, (slice_s[0], until_s[machine])))
        told[machine, name]["utilization"] = metrics(found, None, slice_s)["utilization"]
told = pd.DataFrame(told).T
columns = {
    "wait_mean_s": "mean",
    "wait_p50_s": "p50",
    "wait_p95_s": "p95",
    "wait_p99_s": "p99",
    "slowdown_mean": "slowdown",
    "utilization": "util. [%]",
    "preemptions": "preempt.",
    "boots": "boots",
    "energy_kwh": "MWh",
    "emissions_kg": "t CO2e",
}
scale = dict.fromkeys(("wait_mean_s", "wait_p50_s", "wait_p95_s", "wait_p99_s"), 60.0)
scale |= {"utilization": 0.01, "energy_kwh": 1000.0, "emissions_kg": 1000.0}
digits = {"slowdown_mean": 1, "energy_kwh": 1, "emissions_kg": 2}
print("waits in minutes")
for machine in machines:
    rows = told.loc[machine, list(columns)]
    rows = pd.DataFrame({c: (rows[c] / scale.get(c, 1)).round(digits.get(c, 0)) for c in columns})
    print(f"\n{machine} machine, {machines[machine].cores:,} cores")
    print(rows.rename(columns=columns).to_string(float_format="{:.10g}".format))

# %% [markdown]
# What the real scheduler did is a baseline as well, though not on equal terms: it knew of memory, of reservations, of nodes that were down, of limits a user, and of jobs that are not in the log.

# %%
logged = log.jobs[log.jobs["job_id"].isin(part.jobs["job_id"])]
logged_wait_s = logged["wait_s"].dropna()
shares = logged_wait_s.quantile([0.5, 0.95, 0.99]) / 60
print(f"really waited [min]: mean {logged_wait_s.mean() / 60:.0f},", end=" ")
print(", ".join(f"p{100 * q:.0f} {v:.0f}" for q, v in shares.items()))

# %% mystnb={"figure": {"caption": "Share of the jobs that waited at most so long, on the log's own machine (above) and on the small one (below). Black: what was really scheduled.", "name": "fig:share-waits"}, "image": {"alt": "Two panels of cumulative curves of waits on a logarithmic axis from a second to a week; on the own machine {num}`sharing_a_cluster.own_fifo_waited` of the jobs wait under FIFO and {num}`sharing_a_cluster.own_carbon_easy_waited` under carbon-aware EASY; on the small machine the lines spread, from {num}`sharing_a_cluster.small_feedback_waited` under the feedback queue to {num}`sharing_a_cluster.small_carbon_fifo_waited` under carbon-gated FIFO."}} tags=["hide-input"]
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
where = {"own": "own machine", "small": "small machine"}
for machine in machines:
    for code, name in codes.items():
        row = told.loc[(machine, name)]
        waited = 100 * (ran[machine][name].jobs["wait_s"] > 0).mean()
        for what, value, unit, places, meaning in (
            ("wait", row["wait_mean_s"] / HOUR, "h", 2, "mean wait"),
            ("p99", row["wait_p99_s"] / HOUR, "h", 1, "99th percentile of the waits"),
            ("slowdown", row["slowdown_mean"], "", 1, "mean bounded slowdown"),
            ("preemptions", row["preemptions"], "preemptions", 0, "preemptions"),
            ("waited", waited, "%", 1, "jobs that waited at all"),
        ):
            meaning = f"{meaning}, {name}, {where[machine]}"
            numbers.record(f"{machine}_{code}_{what}", value, unit, places, meaning)
    utilization = 100 * told.loc[(machine, "FIFO"), "utilization"]
    meaning = f"utilization in the days of the slice under FIFO, {where[machine]}"
    numbers.record(f"utilization_{machine}", utilization, "%", 0, meaning)
    numbers.record(f"{machine}_nodes", machines[machine].nodes, "nodes", 0, where[machine])
header = header_fields(log.header)
numbers.record("header_nodes", int(header["MaxNodes"][0]), "nodes", 0, "nodes by the log's header")
numbers.record("header_cores", int(header["MaxProcs"][0]), "cores", 0, "cores by the log's header")
numbers.record("cores_per_node", cores_per_node, "cores", 0, "cores of a simulated node")
numbers.record("from_day", from_day, "", 0, "first day of the slice")
numbers.record("to_day", to_day, "", 0, "day before which the slice ends")
numbers.record("slice_jobs", len(part), "jobs", 0, "jobs in the slice")
numbers.record("logged_wait", logged_wait_s.mean() / HOUR, "h", 2, "mean wait in the log, slice")
_ = numbers.record("logged_p99", logged_wait_s.quantile(0.99) / HOUR, "h", 1, "its 99th percentile")

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
slow = pd.DataFrame(
    {
        kind: {n: ran["small"][n].jobs.loc[chosen, "wait_s"].mean() / HOUR for n in policies}
        for kind, chosen in kinds.items()
    }
)
print("jobs:", ", ".join(f"{kind}: {chosen.sum():,}" for kind, chosen in kinds.items()))

# %% mystnb={"figure": {"caption": "Mean wait in hours on the small machine, by kind of job: wide jobs need more than one node, long ones run for more than an hour.", "name": "fig:share-kinds"}, "image": {"alt": "A heat map with a row for each policy and four columns for narrow or wide and short or long jobs, with the mean wait written in each cell; under EASY narrow short jobs wait {num}`sharing_a_cluster.easy_narrow_short` and wide long ones {num}`sharing_a_cluster.easy_wide_long`, under FIFO {num}`sharing_a_cluster.fifo_narrow_short` and {num}`sharing_a_cluster.fifo_wide_long`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.9))
image = figures.heatmap(
    ax, np.log10(slow.clip(lower=0.01)), label="mean wait, h", cmap="cividis", vmin=-2, vmax=2
)
image.colorbar.set_ticks([-2, -1, 0, 1, 2], labels=["0.01", "0.1", "1", "10", "100"])
ax.set_yticks(range(len(slow)), slow.index)
ax.set_xticks(range(len(kinds)), [kind.replace(", ", ",\n") for kind in kinds])
for (row, column), hours_waited in np.ndenumerate(slow.to_numpy()):
    shade = "white" if hours_waited < 1 else "black"
    ax.text(
        column,
        row,
        f"{hours_waited:.{1 if hours_waited >= 0.1 else 2}f}",
        ha="center",
        va="center",
        color=shade,
    )
plt.show()

# %% tags=["hide-cell"]
for code, name in (("fifo", "FIFO"), ("easy", "EASY"), ("conservative", "conservative")):
    for kind in ("narrow, short", "wide, long"):
        label = f"{code}_{kind.replace(', ', '_')}"
        numbers.record(label, slow.loc[name, kind], "h", 1, f"mean wait of {kind} jobs, {name}")

# %% [markdown]
# {numref}`fig:share-kinds` answers who waits.
# Under FIFO everyone does: narrow short jobs {num}`sharing_a_cluster.fifo_narrow_short`, wide long ones {num}`sharing_a_cluster.fifo_wide_long`.
# EASY lets the narrow ones through, {num}`sharing_a_cluster.easy_narrow_short`, and leaves the wide ones with {num}`sharing_a_cluster.easy_wide_long`; conservative backfilling with {num}`sharing_a_cluster.conservative_narrow_short` and {num}`sharing_a_cluster.conservative_wide_long`.
# No policy makes work disappear: what one job gains in a full machine, another has to give.

# %% mystnb={"figure": {"caption": "Cores in use on the small machine under EASY (above) and carbon-aware EASY (below), each rectangle a job on neighbouring cores. Shades tell neighbours apart; pink: best-effort jobs. Grey: the grid is dirty, so that carbon-aware EASY holds jobs.", "name": "fig:share-gantt"}, "image": {"alt": "Two dense Gantt charts of {num}`sharing_a_cluster.slice_jobs`; {if}`in-book` in the upper one the machine is mostly full with irregular gaps, in the lower one gaps follow the grey stripes of dirty hours."}} tags=["hide-input"]
small = machines["small"]
fig, axes = plt.subplots(2, 1, figsize=(7.2, 6.6), sharex=True)
curve = grid.to_series()
past_week = curve.rolling(7 * 24).quantile(clean_share, interpolation="lower").shift(1)
is_dirty = curve > past_week
at_day = (is_dirty.index - origin) / pd.Timedelta(days=1)
for ax, name in zip(axes, ("EASY", "carbon EASY"), strict=True):
    found = ran["small"][name]
    best_effort = jobs["best_effort"].to_numpy()[found.runs["job"]]
    shades = to_rgba_array(np.where(best_effort, COLORS["best_effort"], COLORS["jobs"]))
    strength = np.array([[1.0], [0.75], [0.5]])[found.runs["job"] % 3]
    shades[:, :3] = 1 - strength * (1 - shades[:, :3])
    figures.gantt(
        ax, found.runs, found.blocks, colors=shades, unit_s=DAY, linewidths=0, rasterized=True
    )
    ax.fill_between(
        at_day,
        0,
        small.cores,
        is_dirty,
        step="post",
        color=COLORS["rest"],
        alpha=0.5,
        lw=0,
        zorder=0,
    )
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
    color, style = lines[name]
    ax.stairs(
        mean, hour_edges / DAY, baseline=None, color=COLORS[color], linestyle=style, label=name
    )
ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.16))
ax.set(xlabel="day of the log", ylabel="waiting jobs", xlim=(from_day, to_day), ylim=(0, None))
plt.show()

# %% [markdown]
# {numref}`fig:share-gantt` shows the machine, {numref}`fig:share-queue` the line in front of it.
# With round-robin, suspended jobs count as waiting here.
#
# ## Power, under the carbon curve

# %% mystnb={"figure": {"caption": "One week on the log's own machine, hourly means. Top: carbon intensity. Below: power under EASY, carbon-aware EASY, and EASY with nodes that sleep. Idle and busy nodes draw the same; what jobs draw comes on top.", "name": "fig:share-power"}, "image": {"alt": "Four panels over one week: the carbon curve; three stacked power charts with layers for sleeping, idle and busy nodes and for jobs. {if}`in-book` Under carbon-aware EASY the jobs' layer rises when the curve falls. With sleeping nodes the idle layer is gone."}} tags=["hide-input"]
week_s = np.arange((to_day - 7) * 24, to_day * 24 + 1) * HOUR
at = origin + pd.to_timedelta(week_s, unit="s")
clock = mdates.date2num(at.tz_localize(None))
of_week = grid.window(at[0], at[-1])
grid_clock = mdates.date2num(
    pd.to_datetime(of_week.edges_s, unit="s", utc=True).tz_convert(at.tz).tz_localize(None)
)
names = ("EASY", "carbon EASY, suspends", "EASY, nodes sleep")
fig, axes = plt.subplots(
    4, 1, figsize=(7.2, 8.2), sharex=True, gridspec_kw={"height_ratios": [1.2, 2, 2, 2]}
)
layers = ("off", "shutting_down", "booting", "idle", "busy", "jobs")
for ax, name in zip(axes[1:], names, strict=True):
    drawn = power_over_time(ran["own"][name], (week_s[0], week_s[-1]))
    mean_kw = figures.step_means(drawn.edges_s, drawn.power_w, week_s) / 1000
    by_state = {state: mean_kw[:, STATES.index(state)] for state in layers}
    figures.power_under_carbon(
        (axes[0], ax), clock, by_state, grid_clock, of_week.intensity_g_per_kwh
    )
    ax.set(title=name, ylim=(0, (nodes * idle_w + core_w * nodes * cores_per_node) / 1000))
fig.legend(*axes[3].get_legend_handles_labels(), ncols=6, loc="outside upper center")
axes[3].xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes[3].xaxis.get_major_locator()))
plt.show()

# %% [markdown]
# The dates are those of the carbon curve ({numref}`fig:share-power`).
# How much carbon this saves, for whom and at which utilization, is the question of a chapter of its own; here it matters who waits for it.

# %% mystnb={"figure": {"caption": "Energy of the slice by what draws it, on both machines, until the last job of the slowest policy has ended.", "name": "fig:share-energy"}, "image": {"alt": "Stacked horizontal bars of energy for six policies on each of two machines; the part of idle nodes is {num}`sharing_a_cluster.own_idle_share` on the own machine and {num}`sharing_a_cluster.small_idle_share` on the small one under EASY; the bar with sleeping nodes is shorter by {num}`sharing_a_cluster.own_sleep_saving` and {num}`sharing_a_cluster.small_sleep_saving`."}} tags=["hide-input"]
bars = ("FIFO", "EASY", "round-robin", "carbon EASY", "carbon EASY, suspends", "EASY, nodes sleep")
fig, axes = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True)
for ax, machine in zip(axes, machines, strict=True):
    left = np.zeros(len(bars))
    for state in reversed(layers):
        mwh = told.loc[machine].loc[list(bars), f"energy_{state}_kwh"].to_numpy() / 1000
        if mwh.max() > 0.05:
            label = state.replace("_", " ")
            ax.barh(bars, mwh, left=left, color=COLORS[state], height=0.7, label=label)
        left += mwh
    ax.invert_yaxis()
    ax.grid(False, axis="y")
    ax.set_title(f"{machine} machine")
axes[0].legend(ncols=4, loc="lower center", bbox_to_anchor=(0.4, 1.06), columnspacing=1.0)
axes[1].set_xlabel("energy, MWh")
axes[1].set_xlim(0, 1.08 * told["energy_kwh"].max() / 1000)
plt.show()

# %% tags=["hide-cell"]
for machine in machines:
    easy_row, sleep_row = (told.loc[(machine, n)] for n in ("EASY", "EASY, nodes sleep"))
    text = where[machine]
    idle = 100 * easy_row["energy_idle_kwh"] / easy_row["energy_kwh"]
    saved = 100 * (1 - sleep_row["energy_kwh"] / easy_row["energy_kwh"])
    numbers.record(f"{machine}_idle_share", idle, "%", 0, f"energy of idle nodes, EASY, {text}")
    numbers.record(f"{machine}_sleep_saving", saved, "%", 0, f"saved by sleeping nodes, {text}")
    numbers.record(f"{machine}_boots", sleep_row["boots"], "boots", 0, f"boots, {text}")
    later = (sleep_row["wait_mean_s"] - easy_row["wait_mean_s"]) / 60
    numbers.record(f"{machine}_sleep_later", later, "min", 1, f"mean wait added by sleep, {text}")
    mwh = easy_row["energy_kwh"] / 1000
    numbers.record(f"{machine}_energy", mwh, "MWh", 1, f"energy of the slice under EASY, {text}")

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
    machine: {
        name: replay(whole, cluster, policies[name], intensity=grid, origin=origin)
        for name in chosen
    }
    for machine, cluster in machines.items()
}
week = (whole.jobs["submit_s"] // (7 * DAY)).astype(int)
delays, compared = {}, {}
for machine, replays in all_of.items():
    for name, found in replays.items():
        delay_h = (found.jobs["turnaround_s"] - whole.jobs["run_s"]) / HOUR
        delays[machine, name] = delay_h.groupby(week).sum()
    rows = [
        pd.DataFrame({"policy": name, "week": delay.index, "delay_h": delay.to_numpy()})
        for (of, name), delay in delays.items()
        if of == machine and name != "carbon EASY"
    ]
    compared[machine] = compare_panel(
        pd.concat(rows),
        value="delay_h",
        baseline="FIFO",
        cluster=None,
        unit="h",
    )
    print(f"{machine} machine")
    print(compared[machine], end="\n\n")

# %% [markdown]
# What holding jobs costs is no share of a delay that is next to nothing in a good week; it is counted in hours a job, against EASY.

# %%
submitted = week.value_counts().sort_index().to_numpy()
added = {}
for machine in machines:
    more_h = (delays[machine, "carbon EASY"] - delays[machine, "EASY"]).to_numpy()

    def a_job(weeks, axis, more_h=more_h):
        """Return the hours added over the jobs of the weeks drawn."""
        drawn = weeks.astype(int)
        return more_h[drawn].sum(axis=axis) / submitted[drawn].sum(axis=axis)

    added[machine] = stats.block_bootstrap(
        np.arange(submitted.size), block=block_weeks, seed=seed, statistic=a_job
    )
    told_h = "{0.value:.1f} h a job (95 % interval {0.low:.1f} to {0.high:.1f} h)"
    print(f"{machine} machine: carbon EASY adds {told_h.format(added[machine])}")
    print(f"  more in {(more_h > 0).sum()} of {more_h.size} weeks")

# %% tags=["hide-cell"]
short = {name: code for code, name in codes.items()}
numbers.record("whole_jobs", len(whole), "jobs", 0, "jobs of the whole log that are replayed")
numbers.record("weeks", week.nunique(), "weeks", 0, "weeks with submissions in the whole log")
for machine, found in compared.items():
    for name in chosen:
        code = f"whole_{machine}_{short[name]}"
        mean_h = all_of[machine][name].jobs["wait_s"].mean() / HOUR
        text = f"{name}, whole log, {where[machine]}"
        numbers.record(f"{code}_wait", mean_h, "h", 2, f"mean wait, {text}")
        if name in ("FIFO", "carbon EASY"):
            continue
        change = found.interval(name)
        ends = (change.low, change.high)
        meaning = f"change of all delays against FIFO, {text}"
        numbers.record(code, change.value, "%", 0, meaning, interval=ends)
        for end, value in zip(("low", "high"), ends, strict=True):
            numbers.record(f"{code}_{end}", value, "%", 0, f"{end} end of its interval")
for machine, found in added.items():
    meaning = f"delay that carbon EASY adds to EASY, a job, whole log, {where[machine]}"
    ends = (found.low, found.high)
    numbers.record(f"{machine}_added", found.value, "h", 1, meaning, interval=ends)
    for end, value in zip(("low", "high"), ends, strict=True):
        numbers.record(f"{machine}_added_{end}", value, "h", 1, f"{end} end of its interval")
turns = compared["own"].interval("round-robin")
differs = not turns.low <= 0 <= turns.high
numbers.fact("turns_differ", differs, "the interval of whole_own_round_robin excludes zero")
numbers.record("slice_days", to_day - from_day, "days", 0, "days of the slice")
logged_h = log.jobs["wait_s"].mean() / HOUR
_ = numbers.record("whole_logged_wait", logged_h, "h", 2, "mean wait in the log, all jobs")

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

# %% tags=["hide-input", "nbval-ignore-output"]
found = all_of["own"]["EASY"]
best_effort = whole.jobs["best_effort"].to_numpy()[found.runs["job"]]
figures.OfflineChart(
    figures.interactive_gantt(
        found.runs,
        found.blocks,
        names=whole.jobs["job_id"].to_numpy()[found.runs["job"]].tolist(),
        groups={"jobs": ~best_effort, "best_effort": best_effort},
        cores_per_line=cores_per_node,
    ),
    f"{len(whole):,} jobs under EASY",
    "Gantt chart of all jobs of the log under EASY on the log's own machine",
)

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
same = {}
for name, policy in (("easy", rules.Easy), ("conservative", rules.Conservative)):
    start_s = replay(theirs, Cluster(32), policy(hosts=True)).jobs["start_s"]
    same[name] = int((np.abs(start_s - given[f"{name}_start_s"]) <= 1e-6).sum())
    print(f"{name}: {same[name]} of {len(given)} starts as in Batsim")

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
    print(f"{name:>14}: mean queue {little[name][0]:.6f}, rate x mean wait {little[name][1]:.6f}")

# %% [markdown]
# *A formula.*
# With exponential gaps and run times and one node a job, FIFO is the queue M/M/c, whose mean wait Erlang knew.

# %%
rng = np.random.default_rng(seed)
servers, load, count = 8, 0.7, 30_000
offered = servers * load  # mean run time is 1 s
terms = np.cumprod(np.append(1.0, offered / np.arange(1, servers + 1)))
queueing = terms[-1] / (1 - load)
erlang_s = queueing / (terms[:-1].sum() + queueing) / (servers - offered)
run_s = rng.exponential(size=count)
drawn = {
    "job_id": np.arange(count),
    "submit_s": np.cumsum(rng.exponential(1 / offered, count)),
    "run_s": run_s,
    "requested_s": run_s,
    "processors": 1,
    "power_w": 0.0,
}
wait_s = replay(Workload(workload_table(drawn)), Cluster(servers), rules.Fifo()).jobs["wait_s"]
batches = wait_s.to_numpy().reshape(20, -1).mean(axis=1)
seen = stats.bootstrap(batches, seed=seed, resamples=1999)
print(f"M/M/{servers} at load {load:.0%}: mean wait {erlang_s:.4f} s by Erlang's formula")
print(f"replayed: {seen.value:.4f} s (95 % interval {seen.low:.4f} to {seen.high:.4f} s)")

# %% tags=["hide-cell"]
numbers.record("batsim_jobs", len(given), "jobs", 0, "jobs of Batsim's published run")
numbers.record("batsim_easy", same["easy"], "", 0, "of them started as by Batsim's EASY")
meaning = "of them started as by Batsim's conservative backfilling"
numbers.record("batsim_conservative", same["conservative"], "", 0, meaning)
numbers.record("little_queue", little["FIFO"][0], "jobs", 4, "mean queue, FIFO, small machine")
numbers.record("little_rate", little["FIFO"][1], "jobs", 4, "arrival rate x mean wait, the same")
numbers.record("erlang", erlang_s, "s", 3, "mean wait by Erlang's formula")
meaning = "mean wait replayed, batch means"
_ = numbers.record("erlang_seen", seen.value, "s", 3, meaning, interval=(seen.low, seen.high))

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
_ = numbers.record("least_run", least_run_s / 60, "min", 0, "run before a job may be suspended")

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
