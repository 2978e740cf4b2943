# ---
# jupyter:
#   book:
#     downloads: [scorelab]
# ---

# %% [markdown]
# # Workload traces
#
# **Question.**
# What do jobs on a real cluster look like, and does their load already follow the clean hours of the grid?
#
# **Answer.**
# Half of the jobs of the log {word}`workload_traces.log` run for less than {num}`workload_traces.median_run`, but the {num}`workload_traces.long_jobs` that run for more than {num}`workload_traces.long_job` hold {num}`workload_traces.share_work_over_6h` of the core-hours.
# {if}`workload_traces.long_hold_most` Whoever wants clean hours has to move long jobs.
# {if}`workload_traces.no_following` The load does not follow the carbon intensity of {word}`workload_traces.place` in {word}`workload_traces.year`.
#
# {opening}`fig:workload-lengths`
#
# **You need.**
# A *job* is a program that waits in a queue until the processors it asked for are free.
# The *empirical distribution function* (ECDF) at $x$ is the share of values at or below $x$; it shows all of a heavy-tailed quantity without bins.

# %% tags=["parameters"]
trace = "unilu-gaia-2014"  # or "scorelab", "gaia-azure", "gaia-mustang", "gaia-pai" (downloads)
epoch = ""  # instant of second 0 where the log gives none: "2023-05-01T00:00+02:00"
cores = 0  # processors of the machine; 0: what the log's header says
zone = "DE"  # grid whose carbon curve is laid over the log
year = 2020  # 2019 or 2020
long_job_h = 6  # a run time above this makes a job long
batch_gap_s = 120  # jobs of one user at most so far apart are one batch
silence_h = 12  # so long without any end of a job: nothing was recorded
edge_days = 5  # longest run time that the edges of the log are cleared of
samples = 999  # shuffles of a null hypothesis, resamples of an interval
fit_samples = 99  # refitted samples behind the p-value of a distribution
seed = 1

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import stats

from helpers import datasets, figures, publish
from helpers.jobs import describe, end_s, header_fields, to_epoch
from helpers.timeline import same_weekday

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS | {"processors": figures.COLORS["jobs"]}
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
numbers = publish.Numbers("workload_traces", publish.Scope(jobs=trace))
rng = np.random.default_rng(seed)

# %% tags=["hide-cell"]
numbers.word("log", trace, "the log of this chapter")
numbers.word("place", datasets.place(zone), "the grid that is laid over the log")
_ = numbers.word("year", year, "the year of its curve")

# %% [markdown]
# ## The log
#
# {if}`workload_traces.is_gaia` The first log is that of the Gaia cluster of the University of Luxembourg, from the Parallel Workloads Archive {cite}`feitelson2014`.
# {if}`workload_traces.is_gaia` *The workload log from the UniLu Gaia cluster was graciously provided by Joseph Emeras (SnT, University of Luxembourg).*
# {if}`workload_traces.is_gaia` It is the archive's uncleaned version; {doc}`data_sheets` says where the file comes from and how it was derived.
# {if-not}`workload_traces.is_gaia` The log is {word}`workload_traces.log`.

# %%
log = datasets.job_log(trace)
if epoch:
    log = replace(log, epoch=to_epoch(epoch))
jobs = log.jobs

# %%
publish.table(
    {
        f"jobs in {trace} [.0f]": len(log),
        "users [.0f]": jobs["user"].nunique(),
        "rows skipped [.0f]": len(log.skipped),
        "second 0": log.epoch or "not known",
        "submitted over [.1f days]": np.ptp(jobs["submit_s"]) / 86400,
        "jobs whose run time is not recorded [.0f]": jobs["run_s"].isna().sum(),
        "jobs that ran for 0 s [.0f]": (jobs["run_s"] == 0).sum(),
        "columns without any value": ", ".join(jobs.columns[jobs.isna().all()]) or "none",
    }
)

# %% [markdown]
# A log seldom tells everything.
# What this one does not tell is said here, and where it matters again below; nothing is filled in silently.
# {if-not}`workload_traces.has_waits` It tells no waits: each job is taken to start when it is submitted.
# {if-not}`workload_traces.has_users` It tells no users: a batch is what anyone submitted in one go.
# {if-not}`workload_traces.is_dated` It tells no instant of second 0: hours and weekdays are unknown; the parameter `epoch` sets it.

# %%
waits = jobs["wait_s"].dropna()
if waits.empty:
    jobs = jobs.assign(wait_s=0.0)
usage = describe.processors_in_use(jobs)
header_cores = header_fields(log.header).get("MaxProcs", ("0",))[0]
machine = cores or int(header_cores) or usage.processors.max()
known = "given" if cores else "from the header" if int(header_cores) else "the most ever in use"

# %%
publish.table(
    {
        f"processors of the machine, {known} [.0f]": machine,
        "jobs of unknown run time, in no curve of processors in use [.0f]": usage.left_out,
    }
)

# %% tags=["hide-cell"]
numbers.fact("is_gaia", trace == "unilu-gaia-2014", "the log is that of the book")
numbers.fact("second_is_scorelab", trace != "scorelab", "the second log is scorelab")
numbers.fact("has_users", jobs["user"].notna().any(), "the log tells users")
numbers.fact("has_limits", jobs["requested_s"].notna().any(), "the log tells time limits")
numbers.fact("has_waits", len(waits) > 0, "the log tells waits")
_ = numbers.fact("is_dated", log.epoch is not None, "the log tells when it was")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        f"jobs [.0f jobs]: jobs in the log {trace}": len(log),
        "users [.0f users]: distinct users": jobs["user"].nunique() or np.nan,
        "long_job [.0f h]: run time above which a job is called long": long_job_h,
        "batch_gap [.0f s]: longest gap between two jobs of one batch": batch_gap_s,
    },
    unknown=True,
)

# %% [markdown]
# ### What was recorded, and what was not
#
# A log made from accounting holds a job only if its *end* was recorded.
# So the first thing to look for are times in which no job ends.

# %%
spans = describe.recorded_spans(jobs, silence_h * 3600)
complete = describe.complete_spans(spans, edge_days * 86400) or spans
last_end = end_s(jobs).max()
work = describe.work_s(jobs)
beyond = work[jobs["run_s"] > (edge_days + 0.05) * 86400].sum() / work.sum()

# %%
publish.table(
    [(start / 86400, stop / 86400) for start, stop in spans],
    ["ends of jobs are recorded from day [.2f]", "to day [.2f]"],
    caption=f"Share of the work in jobs of over {edge_days} days: {100 * beyond:.1f} %",
)

# %% tags=["hide-cell"]
pause = (spans[1][0] - spans[0][1]) / 86400 if len(spans) > 1 else np.nan

# %% tags=["hide-cell"]
text = "processors in use over those there are, from second 0 on"
inner = "utilization_complete [.0f %]: the same, where the log holds all running jobs"
numbers.record_table(
    {
        "recording_break [.1f days]: time within the log in which no job ends": pause,
        f"utilization [.0f %]: {text}": 100 * usage.share([(0, last_end)], machine),
        inner: 100 * usage.share(complete, machine),
    },
    unknown=True,
)

# %% mystnb={"figure": {"caption": "Processors in use: exact (light) and daily means (line). Hatched: no job ended, so nothing was recorded. Grey: jobs that ran on into such a time, or past the end of the log, would be missing.", "name": "fig:workload-usage"}, "image": {"alt": "Area chart of processors in use over the days of the log against the size of the machine. {if}`in-book` Usage rises over the first days, breaks off in the middle where recording stopped, and falls off at the end."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.7))
days = np.arange(0, np.floor(last_end / 86400) + 1)
mean = usage.mean(days[:-1] * 86400, days[1:] * 86400)
ax.stairs(usage.processors, usage.edges_s / 86400, fill=True, color=COLORS["jobs"], alpha=0.3)
ax.stairs(mean, days, color=COLORS["jobs"], linewidth=1.7, baseline=None)
ax.axhline(machine, color=COLORS["baseline"], linewidth=1)
ax.text(8, machine * 1.02, f"{machine:,.0f} processors ({known})", color=COLORS["baseline"])
bounds = np.array([(0, 0), *spans, (last_end, last_end)]) / 86400
for before, after in zip(bounds[:-1, 1], bounds[1:, 0], strict=True):
    ax.axvspan(before, after, fc="none", ec=COLORS["idle"], hatch="///", lw=0)
for start, stop in bounds[1:-1]:
    ax.axvspan(max(start, stop - edge_days), stop, color=COLORS["rest"], alpha=0.45, linewidth=0)
ax.set(xlabel="days since second 0", ylabel="processors in use")
ax.set(xlim=(0, days[-1] + 1), ylim=(0, machine * 1.12))
plt.show()

# %% [markdown]
# {if}`in-book` {numref}`fig:workload-usage` shows the three edges of this log.
# {if}`in-book` No job ends in the first days: what is there are the long jobs that were still running when recording began.
# {if}`in-book` In July no job ends for {num}`workload_traces.recording_break`, though some start and run on: recording must have broken off, or most of the machine; the log does not say which.
# {if}`in-book` If it was recording, jobs that ended then are missing, before and in the break.
# {if}`in-book` And the log stops with the last recorded end, so that jobs which ran on are missing there too.
# Dividing all recorded work by the whole time gives a utilization of {num}`workload_traces.utilization`, the figure usually quoted; where the log is complete it is {num}`workload_traces.utilization_complete`.

# %% [markdown]
# ## Who submits, and when
#
# Many submissions are not many decisions: a script can submit thousands of jobs in a minute.
# {if-not}`workload_traces.has_users` This log tells no users, so jobs of anybody that follow each other within {num}`workload_traces.batch_gap` count as one batch, and {num}`workload_traces.jobs` become {num}`workload_traces.batches`.
# {if}`workload_traces.has_users` Jobs of the same user that follow each other within {num}`workload_traces.batch_gap` therefore count as one *batch* {cite}`iosup2007`, and {num}`workload_traces.jobs` become {num}`workload_traces.batches`.

# %%
batch = describe.batch_numbers(jobs, batch_gap_s)
batches = jobs.groupby(batch).agg(submit_s=("submit_s", "min"), run_s=("run_s", "first"))
arrivals = {"jobs": jobs["submit_s"], "batches": batches["submit_s"]}
sizes = batch.value_counts()
large = 100 * sizes[sizes >= 100].sum() / len(jobs)

# %%
publish.table(
    {
        "batches [.0f]": len(batches),
        "batches of one job, of all batches [.0f %]": 100 * (sizes == 1).mean(),
        "batches of 100 jobs and more [.0f]": (sizes >= 100).sum(),
        "share of the jobs in those [.0f %]": large,
        "jobs in the largest batch [.0f]": sizes.max(),
    }
)

# %% mystnb={"figure": {"caption": "Submissions by hour of the local week: jobs per hour (left) and batches per hour (right), while recording ran.", "name": "fig:workload-week"}, "image": {"alt": "Two heat maps with a row for each weekday and a column for each hour, jobs on the left, batches on the right; {num}`workload_traces.office_hours_share` of the jobs and {num}`workload_traces.office_hours_share_batches` of the batches fall into office hours."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
for ax, (what, seconds) in zip(axes, arrivals.items(), strict=True):
    ax.set_title(what)
    if log.epoch is None:
        figures.say(ax, "time of day not known")
        continue
    instants = log.epoch + pd.to_timedelta(seconds, unit="s")
    recorded = [[log.epoch + pd.Timedelta(seconds=s) for s in span] for span in spans]
    figures.heatmap(ax, describe.weekly_rate(instants, recorded), label=f"{what} per hour", vmin=0)
    ax.set_yticks(range(7), WEEKDAYS)
    ax.set_xticks(np.arange(0, 24, 6) - 0.5, range(0, 24, 6))
    ax.set(xlabel="hour of the local day")
plt.show()

# %% tags=["hide-cell"]
office = {"jobs": np.nan, "batches": np.nan}
if log.epoch is not None:
    for what, seconds in arrivals.items():
        instants = log.epoch + pd.to_timedelta(seconds[describe.within(seconds, spans)], unit="s")
        office[what] = 100 * describe.office_hours(instants).mean()

# %% tags=["hide-cell"]
week_share = "office_hours_time [.0f %]: share of the week that is Mon-Fri, 9 to 17 h"
of_batches = "office_hours_share_batches [.0f %]: share of batches submitted Mon-Fri, 9 to 17 h"
numbers.record_table(
    {
        "batches [.0f batches]: submissions of one user in one go": len(batches),
        "large_batch_share [.0f %]: share of the jobs in batches of 100 jobs and more": large,
        week_share: 100 * 40 / 168,
        "office_hours_share [.0f %]: share of jobs submitted Mon-Fri, 9 to 17 h": office["jobs"],
        of_batches: office["batches"],
    },
    unknown=True,
)

# %% [markdown]
# {if}`in-book` The two halves of {numref}`fig:workload-week` tell different stories.
# Into Monday to Friday, nine to five, which is {num}`workload_traces.office_hours_time` of the week, fall {num}`workload_traces.office_hours_share_batches` of the batches and {num}`workload_traces.office_hours_share` of the jobs.
# {if}`in-book` People keep office hours: {num}`workload_traces.office_hours_share_batches` of the batches fall into Monday to Friday, nine to five, which is {num}`workload_traces.office_hours_time` of the week.
# {if}`in-book` Jobs do so less, {num}`workload_traces.office_hours_share`, because scripts submit day and night and a single batch of thousands lights up whatever hour it falls into.
# {if}`workload_traces.is_dated` Hours are those of the local clock; what daylight-saving time skips or repeats is counted as it happened.

# %%
by_user = describe.totals(jobs, jobs["user"])
largest = pd.Series({what: held.nlargest(3).sum() for what, held in by_user.items()})
top = 100 * largest / by_user.sum()
text = f"held by the three largest of {len(by_user)} users [.0f %]"
publish.table({f"jobs {text}": top["jobs"], f"core-hours {text}": top["core_hours"]})

# %% mystnb={"figure": {"caption": "Concentration. Left: share of the jobs and of the core-hours held by the least active users. Right: share of the jobs that lie in batches of at least so many jobs.", "name": "fig:workload-concentration"}, "image": {"alt": "Left, two Lorenz curves below the diagonal; the Gini coefficient of core-hours over users is {num}`workload_traces.gini_work`; right, a falling curve of the share of jobs against batch size on a logarithmic axis, {num}`workload_traces.large_batch_share` in large ones."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.3))
left.plot([0, 1], [0, 1], color=COLORS["rest"], linewidth=1)
left.text(0.24, 0.62, "all users alike", color=COLORS["baseline"], ha="center")
for what, place in (("jobs", (0.83, 0.02)), ("core_hours", (0.50, 0.15))):
    if len(by_user):
        left.plot(*describe.lorenz(by_user[what]), color=COLORS[what])
        left.text(*place, what.replace("_", "-"), color=COLORS[what])
left.set(xlabel="share of the users", ylabel="share held", xlim=(0, 1), ylim=(0, 1))
if not len(by_user):
    figures.say(left, "users not known")
at_least = np.sort(sizes)[::-1]
right.step(at_least, at_least.cumsum() / at_least.sum(), where="post", color=COLORS["jobs"])
right.set(xscale="log", xlabel="jobs in the batch, at least", ylabel="share of the jobs")
right.set_ylim(0, 1.01)
plt.show()

# %% tags=["hide-cell"]
gini = describe.gini(by_user["core_hours"]) if len(by_user) else np.nan
first_users = jobs["user"].groupby(batch).first().value_counts(normalize=True)
of_jobs = by_user["jobs"].max() / len(jobs)

# %% tags=["hide-cell"]
of_one = "top_user_{0} [.0f %]: share of the {0} that one user submitted"
numbers.record_table(
    {
        "gini_work [.2f]: Gini coefficient of core-hours over users": gini,
        of_one.format("jobs"): 100 * of_jobs,
        of_one.format("batches"): 100 * first_users.max(),
    },
    unknown=True,
)

# %% [markdown]
# The Gini coefficient of core-hours over the {num}`workload_traces.users` is {num}`workload_traces.gini_work`.
# One user submitted {num}`workload_traces.top_user_jobs` of all jobs, and batches of a hundred and more hold {num}`workload_traces.large_batch_share`.
# {if}`in-book` Any average over jobs is therefore mostly an average over a handful of scripts; below, what matters is given for jobs *and* for batches or core-hours.

# %% [markdown]
# ## How long jobs run

# %%
ran = jobs["run_s"].notna()
run_s, run_work = jobs["run_s"][ran], work[ran].fillna(0)
bounds_s = {"1 min": 60, "10 min": 600, "1 h": 3600, "6 h": 21600, "1 d": 86400, "3 d": 259200}

# %%
rows = [
    (text, 100 * (run_s > bound).mean(), 100 * run_work[run_s > bound].sum() / run_work.sum())
    for text, bound in bounds_s.items()
]
publish.table(rows, ["longer than", "share of the jobs [.1f %]", "of the core-hours [.1f %]"])

# %% tags=["hide-cell"]
long = run_s > long_job_h * 3600
long_work = 100 * run_work[long].sum() / run_work.sum()
half_h = float(describe.weighted_quantile(run_s, 0.5, run_work)) / 3600

# %% tags=["hide-cell"]
half = "median_work_run [.0f h]: run time above which half of the core-hours lie"
held = f"share_work_over_6h [.0f %]: share of core-hours in jobs over {long_job_h} h"
numbers.record_table(
    {
        "median_run [.1f min]: median run time": run_s.median() / 60,
        f"long_jobs [.1f %]: share of jobs that run over {long_job_h} h": 100 * long.mean(),
        held: long_work,
        half: half_h,
    },
    unknown=True,
)
if np.isfinite(long_work):
    numbers.fact("long_hold_most", long_work > 50, "long jobs hold over half of the core-hours")

# %% mystnb={"figure": {"caption": "Share of the jobs, and share of the core-hours, in jobs that run at most so long (logarithmic axis). Dashed: above, a job is called long.", "name": "fig:workload-lengths"}, "image": {"alt": "Two cumulative curves over run time on a logarithmic axis; half of the jobs run for less than {num}`workload_traces.median_run`, half of the core-hours lie in jobs that run for more than {num}`workload_traces.median_work_run`."}} tags=["hide-input"]
fig, ax = plt.subplots()
shown = run_s.clip(lower=1)
for what, weights, share, side in (
    ("jobs", None, 0.55, {"ha": "right", "xytext": (-8, 0)}),
    ("core_hours", run_work, 0.45, {"xytext": (8, 0)}),
):
    figures.ecdf(ax, shown, weights=weights, color=COLORS[what])
    x = float(describe.weighted_quantile(shown, share, weights))
    text = what.replace("_", "-")
    figures.label_line(ax, x, share, text, COLORS[what], fontsize=11, **side)
ax.axvline(long_job_h * 3600, color=COLORS["baseline"], linewidth=1, linestyle="--")
figures.duration_axis(ax)
ax.set(xlabel="run time", ylabel="share at most so long")
plt.show()

# %% [markdown]
# {numref}`fig:workload-lengths` is the most important figure of this chapter.
# The median job runs for {num}`workload_traces.median_run`; {num}`workload_traces.long_jobs` run for over {num}`workload_traces.long_job`, and those hold {num}`workload_traces.share_work_over_6h` of the core-hours, and half of the core-hours lie in jobs that run for more than {num}`workload_traces.median_work_run`.
# {if}`workload_traces.long_hold_most` Whoever wants to move work into clean hours has to move long jobs, and a job that runs for days can be moved into them only if it can pause.

# %% [markdown]
# ## How long jobs wait

# %%
queues = jobs["queue"].astype(object).fillna("no queue")[waits.index]
lines = [line.split() for line in header_fields(log.header).get("Queue", ())]
queue_names = {words[0]: words[1] for words in lines if len(words) == 3}

# %%
over_an_hour = 100 * (waits > 3600).mean()
publish.table(
    {"jobs of known wait [.0f]": len(waits), "of those wait over an hour [.1f %]": over_an_hour}
)

# %% mystnb={"figure": {"caption": "Share of the jobs that wait at most so long, by queue (logarithmic axis; waits below a second are drawn at one).", "name": "fig:workload-waits"}, "image": {"alt": "Cumulative curves of the wait time by queue; {num}`workload_traces.wait_below_minute` of all jobs wait at most a minute, with a tail up to days."}} tags=["hide-input"]
fig, ax = plt.subplots()
colors = ("completed", "jobs", "cancelled", "timeout", "partial", "baseline")
for (queue, chosen), color in zip(waits.groupby(queues), colors, strict=False):
    label = f"{queue_names.get(queue, queue)}, {len(chosen):,} jobs"
    figures.ecdf(ax, chosen.clip(lower=1), color=COLORS[color], label=label)
figures.duration_axis(ax)
ax.set(xlabel="wait time", ylabel="share at most so long")
if len(waits):
    ax.legend(loc="lower right")
else:
    figures.say(ax, "waits not known")
plt.show()

# %% tags=["hide-cell"]
short = 100 * (waits <= 60).mean() if len(waits) else np.nan

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "wait_below_minute [.0f %]: share of jobs that wait at most a minute": short,
        "mean_wait [.0f min]: mean wait time": waits.mean() / 60,
    },
    unknown=True,
)

# %% [markdown]
# On this machine {num}`workload_traces.wait_below_minute` of the jobs start within a minute, although the mean wait is {num}`workload_traces.mean_wait`.
# {if}`in-book` Hardly anybody waits but the preemptible *besteffort* jobs and a few that ask for much at once.
# {if}`in-book` That is good news for a study of shifting: the queue itself hardly moves work in time, so a scheduler that holds jobs back for clean hours does so openly, and the price in waiting can be measured.

# %% [markdown]
# ## How large jobs are

# %% tags=["hide-input"]
top = int(np.ceil(np.log2(jobs["processors"].max())))
edges = np.concatenate([[0], 2.0 ** np.arange(top + 1)])
size_class = pd.cut(jobs["processors"], edges, labels=False)
share = describe.totals(jobs, size_class).reindex(range(top + 1), fill_value=0)
share *= 100 / share.sum()

# %% mystnb={"figure": {"caption": "Jobs and core-hours by processors of the job.", "name": "fig:workload-sizes"}, "image": {"alt": "Paired bars of the share of jobs and of core-hours in classes of job size that double; {num}`workload_traces.wide_jobs` of the jobs and {num}`workload_traces.wide_work` of the core-hours are those of jobs of more than {num}`workload_traces.wide_job`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.2))
for what, offset in (("jobs", -0.2), ("core_hours", 0.2)):
    text = what.replace("_", "-")
    ax.bar(share.index + offset, share[what], 0.4, color=COLORS[what], label=text)
dash = "\n\N{EN DASH}"
labels = [f"{high // 2 + 1:.0f}{dash}{high:.0f}" for high in edges[3:]]
ax.set_xticks(range(top + 1), ["1", "2", *labels][: top + 1])
ax.set(xlabel="processors", ylabel="share [%]")
ax.legend()
ax.grid(axis="x", visible=False)
plt.show()

# %% tags=["hide-cell"]
node = 16
wide = jobs["processors"] > node
wide_work = 100 * work[wide].sum() / work.sum()

# %% tags=["hide-cell"]
held = f"wide_work [.0f %]: share of core-hours in jobs of over {node} processors"
numbers.record_table(
    {
        "wide_job [.0f processors]: size above which a job is called wide": node,
        f"wide_jobs [.0f %]: share of jobs of over {node} processors": 100 * wide.mean(),
        held: wide_work,
    },
    unknown=True,
)

# %% [markdown]
# {if}`in-book` Sizes cluster at one processor and at what fills a node ({numref}`fig:workload-sizes`).
# Wide jobs, those of more than {num}`workload_traces.wide_job`, are {num}`workload_traces.wide_jobs` of the jobs and hold {num}`workload_traces.wide_work` of the core-hours.

# %% [markdown]
# ## What became of them

# %% tags=["hide-input"]
states = describe.totals(jobs, jobs["state"].astype(str)).sort_values("jobs", ascending=False)
states *= 100 / states.sum()

# %% mystnb={"figure": {"caption": "Jobs and core-hours by what became of the job, as the log's status says.", "name": "fig:workload-states"}, "image": {"alt": "Horizontal bars of the share of jobs and of core-hours by state; {num}`workload_traces.failed_jobs` of the jobs failed, with {num}`workload_traces.failed_work` of the core-hours."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 0.9 + 0.45 * len(states)), sharey=True)
colors = [COLORS.get(state, COLORS["baseline"]) for state in states.index]
for ax, what in zip(axes, states, strict=True):
    bars = ax.barh(states.index, states[what], color=colors)
    ax.bar_label(bars, fmt="%.1f %%", padding=3)
    ax.set(xlim=(0, 118), xlabel=f"share of the {what.replace('_', '-')} [%]")
    ax.grid(axis="y", visible=False)
axes[0].invert_yaxis()
plt.show()

# %% tags=["hide-cell"]
failed = states.reindex(["failed"]).fillna(0).iloc[0]
if list(states.index) == ["unknown"]:
    failed = failed * np.nan

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "failed_jobs [.0f %]: share of jobs with the state failed": failed["jobs"],
        "failed_work [.0f %]: share of core-hours in failed jobs": failed["core_hours"],
    },
    unknown=True,
)

# %% [markdown]
# Failed are {num}`workload_traces.failed_jobs` of the jobs, and {num}`workload_traces.failed_work` of the core-hours lie in them ({numref}`fig:workload-states`).
# {if}`in-book` That is not all waste: the status does not tell a crash from a job that the scheduler ended at its time limit, and the next section shows how many were.
# {if}`in-book` *Partial* is status 2 of the format, a part of a job to be continued; this log has no rows for other parts, so each counts as a job.
# {if}`in-book` Being cancelled or preempted has no status of its own here.

# %% [markdown]
# ## How far users over-estimate
#
# {if-not}`workload_traces.has_limits` This log tells no time limits.
# {if}`workload_traces.has_limits` Each user asked for a time limit.
# {if}`workload_traces.has_limits` Backfilling schedulers plan with it, and so would a scheduler that looks for clean hours.

# %%
ratio = (jobs["run_s"] / jobs["requested_s"]).where(jobs["requested_s"] > 0).dropna()
used = {  # what the limit is used to, and what each value weighs
    "jobs": (ratio, None),
    "batches": (ratio.groupby(batch[ratio.index]).first(), None),
    "core_hours": (ratio, work[ratio.index]),
}

# %%
over_s = (jobs["run_s"] - jobs["requested_s"])[ratio.index][ratio > 1]
failed_over = 100 * (jobs["state"][over_s.index] == "failed").mean()
at_limit = 100 * work[ratio.index][ratio > 0.995].sum() / work.sum()

# %%
publish.table(
    {
        "jobs of known limit and run time [.0f]": len(ratio),
        "of those ran beyond their limit [.0f]": len(over_s),
        "by so long, in the median [.0f s]": over_s.median(),
        "by over a minute [.0f jobs]": (over_s > 60).sum(),
        "of those beyond the limit have the state failed [.0f %]": failed_over,
    }
)

# %% mystnb={"figure": {"caption": "Run time over requested time, by jobs, by batches (their first job) and by core-hours (logarithmic axis). Dashed: the limit.", "name": "fig:workload-limits"}, "image": {"alt": "Three cumulative curves of run time over requested time. The medians are {num}`workload_traces.requested_ratio_median` for jobs, {num}`workload_traces.requested_ratio_batches` for batches and {num}`workload_traces.requested_ratio_work` for core-hours."}} tags=["hide-input"]
fig, ax = plt.subplots()
label_at = {"jobs": 0.35, "batches": 0.33, "core_hours": 0.18}
for what, (values, weights) in used.items() if len(ratio) else ():
    figures.ecdf(ax, values.clip(lower=1e-4), weights=weights, color=COLORS[what])
    x = float(describe.weighted_quantile(values, label_at[what], weights))
    side = {"ha": "right", "xytext": (-8, 2), "fontsize": 11}
    figures.label_line(ax, x, label_at[what], what.replace("_", "-"), COLORS[what], **side)
ax.axvline(1, color=COLORS["baseline"], linewidth=1, linestyle="--")
ax.set(xscale="log", xlim=(1e-4, 4), xlabel="run time / requested time")
ax.set_ylabel("share at most so much")
ax.set_xticks([1e-4, 1e-3, 1e-2, 0.1, 1], ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"])
if not len(ratio):
    figures.say(ax, "no time limits in this log")
plt.show()

# %% tags=["hide-cell"]
medians = dict.fromkeys(used, np.nan)
for what, (values, weights) in used.items() if len(ratio) else ():
    medians[what] = 100 * float(describe.weighted_quantile(values, 0.5, weights))

# %% tags=["hide-cell"]
text = "share of the limit used, median of"
ran_to = "work_at_limit [.0f %]: share of core-hours in jobs that ran to their limit"
numbers.record_table(
    {
        f"requested_ratio_median [.1f %]: {text} jobs": medians["jobs"],
        f"requested_ratio_batches [.0f %]: {text} batches": medians["batches"],
        f"requested_ratio_work [.0f %]: {text} core_hours": medians["core_hours"],
        "past_limit [.0f jobs]: jobs that ran past their limit": len(over_s)
        if len(ratio)
        else np.nan,
        ran_to: at_limit if len(ratio) else np.nan,
    },
    unknown=True,
)

# %% [markdown]
# The median job uses {num}`workload_traces.requested_ratio_median` of the time it asked for; the median batch uses {num}`workload_traces.requested_ratio_batches`.
# Weighted by core-hours the median is {num}`workload_traces.requested_ratio_work`, and {num}`workload_traces.work_at_limit` of the core-hours lie in jobs that ran into their limit.
# {if}`in-book` Those who compute most estimate best, or are cut off.
# {num}`workload_traces.past_limit` ran past their limit.
# {if}`workload_traces.has_limits` A time limit is an upper bound, not a forecast.

# %% [markdown]
# ## How bursty, and with which rhythm?
#
# If submissions were independent of each other (a Poisson process), the number in a time window would have a variance equal to its mean, at any length of the window.
# The *index of dispersion* is variance over mean, and so 1 for Poisson; the burstiness $B$ of {cite:t}`goh2008` compares standard deviation and mean of the intervals, and is 0 for Poisson and 1 at the extreme.

# %%
bursty = {name: describe.burstiness(times, spans) for name, times in arrivals.items()}
columns = ["submissions", "variation of the intervals [.1f]", "burstiness B [.2f]"]
publish.table([(name, *found) for name, found in bursty.items()], columns)

# %%
windows_s = np.array([10, 60, 600, 3600, 6 * 3600, 86400, 3 * 86400])
scatter = {name: describe.dispersion(times, windows_s, spans) for name, times in arrivals.items()}
indexes = pd.DataFrame({name: found["index"] for name, found in scatter.items()})
publish.table(indexes, "variance / mean, {} [.1f]", index="length of the window, s")

# %% mystnb={"figure": {"caption": "Index of dispersion of submissions over windows of growing length. Grey: where a Poisson process would lie (95 % of the time).", "name": "fig:workload-dispersion"}, "image": {"alt": "Two rising lines on logarithmic axes, jobs and batches, against a grey band at one; in windows of a day that of jobs stands at {num}`workload_traces.dispersion_day_jobs`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.3))
freedom = (scatter["jobs"]["windows"] - 1).clip(lower=1)
poisson = [stats.chi2.ppf(q, freedom) / freedom for q in (0.025, 0.975)]
ax.fill_between(windows_s, *poisson, color=COLORS["rest"])
ax.text(windows_s[1], 0.9, "Poisson", va="top", color=COLORS["baseline"])
for name in arrivals:
    index = scatter[name]["index"]
    ax.plot(windows_s, index, "o-", color=COLORS[name])
    side = {"fontsize": 11, "xytext": (8, 0)}
    figures.label_line(ax, windows_s[-1], index.iloc[-1], name, COLORS[name], **side)
figures.duration_axis(ax)
ax.set(yscale="log", xlim=(8, 1.2e6), xlabel="length of the window", ylabel="variance / mean")
plt.show()

# %% [markdown]
# The burstiness of jobs is $B$ = {num}`workload_traces.burstiness_jobs`, that of batches {num}`workload_traces.burstiness_batches`: in windows of a day the variance is {num}`workload_traces.dispersion_day_jobs` times that of a Poisson process ({numref}`fig:workload-dispersion`).
# {if}`in-book` Batches are nearly Poisson over a minute, but not over hours, because people sleep, and not over days, because projects come and go.
#
# Is there a clock behind it?
# The spectrum in {numref}`fig:workload-spectrum` gives, for each period, the share of the variance of the hourly numbers that a wave of this period explains.
# It is compared with shuffled logs: each day is turned by a random number of hours, so that it keeps its bursts but loses the time of day; or the days are put into a random order, which loses the week.

# %%
periods_h = np.unique(np.append(1 / np.linspace(1 / 336, 1 / 6, 400), [12, 24, 168]))
spectra, chance, p_value = {}, {}, {}
for name, times in arrivals.items():
    day, counts = describe.day_blocks(times, spans)
    spectra[name] = describe.clock_spectrum(day, counts, periods_h)
    shuffled = describe.shuffled_days(counts, samples, rng, order=True, phase=True)
    chance[name] = np.quantile(describe.clock_spectrum(day, shuffled, periods_h), 0.95, axis=0)
    p_value[name, 24] = describe.wave_p(day, counts, 24, samples, rng, phase=True)
    p_value[name, 168] = describe.wave_p(day, counts, 168, samples, rng, order=True)

# %%
waves = [
    (name, hours, 100 * spectra[name][np.searchsorted(periods_h, hours)], p)
    for (name, hours), p in p_value.items()
]
publish.table(waves, ["of", "period [.0f h]", "share of the variance [.1f %]", "p [.3f]"])

# %% mystnb={"figure": {"caption": "Spectrum of hourly submissions: jobs (left) and batches (right). Grey: up to here reach 95 of 100 shuffled logs.", "name": "fig:workload-spectrum"}, "image": {"alt": "Two spectra over periods from six hours to two weeks; at one day jobs reach {num}`workload_traces.daily_jobs` of the variance and batches {num}`workload_traces.daily_batches`, at one week batches {num}`workload_traces.weekly_batches`."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2))
for ax, name in zip(axes, arrivals, strict=True):
    ax.fill_between(periods_h, 0, 100 * chance[name], color=COLORS["rest"], linewidth=0)
    ax.plot(periods_h, 100 * spectra[name], color=COLORS[name], linewidth=1.3)
    ax.set_xscale("log")
    ax.set_xticks([6, 12, 24, 48, 168, 336], ["6 h", "12 h", "1 d", "2 d", "1 w", "2 w"])
    ax.minorticks_off()
    ax.set(title=name, xlabel="period", ylim=0)
axes[0].set_ylabel("share of the variance [%]")
plt.show()

# %% tags=["hide-cell"]
burstiness = "burstiness_{0} [.2f]: burstiness B of submissions of {0}"
day_index = indexes.loc[86400, "jobs"]
numbers.record_table(
    {
        burstiness.format("jobs"): bursty["jobs"][1],
        "dispersion_day_jobs [.0f]: index of dispersion of jobs in windows of a day": day_index,
        burstiness.format("batches"): bursty["batches"][1],
    },
    unknown=True,
)

# %% tags=["hide-cell"]
for name, hours, share, p in waves:
    wave = {24: "daily", 168: "weekly"}[hours]
    text = f"share of the variance of hourly {name} in the {wave} wave"
    numbers.record_table({f"{wave}_{name} [.1f %]: {text}": share}, unknown=True)
    text = f"p-value of the {wave} wave of {name} against shuffled logs"
    numbers.record_table({f"{wave}_{name}_p [.3f]: {text}": p})

# %% [markdown]
# Of the variance of batches the day explains {num}`workload_traces.daily_batches` (p = {num}`workload_traces.daily_batches_p`) and the week {num}`workload_traces.weekly_batches` (p = {num}`workload_traces.weekly_batches_p`).
# Of that of jobs the day explains {num}`workload_traces.daily_jobs` (p = {num}`workload_traces.daily_jobs_p`) and the week {num}`workload_traces.weekly_jobs` (p = {num}`workload_traces.weekly_jobs_p`).
# {if}`in-book` A forecast of *when people will submit* is possible; one of *how many jobs* mostly is not.

# %% [markdown]
# ## Does a simple distribution fit?
#
# Simulations often draw run times from a fitted distribution.
# Five candidates are fitted by maximum likelihood, the hyper-gamma being the mixture of two gammas of {cite:t}`lublin2003`.
# The test asks for independent values, which jobs of one script are not: so beside all jobs, one job of each batch is taken, and the p-value, from samples of the fitted distribution that are fitted again, is given for those.

# %%
positive = {
    "all": jobs["run_s"][jobs["run_s"] > 0],
    "batches": batches["run_s"][batches["run_s"] > 0],
}

# %%
fits = {
    who: {family: describe.fit_lengths(values, family, 1.0) for family in describe.FAMILIES}
    for who, values in positive.items()
}

# %%
fitted = pd.DataFrame(index=list(describe.FAMILIES))
for who, found in fits.items():
    fitted[f"AIC, {who}"] = {family: fit.aic for family, fit in found.items()}
fitted -= fitted.min()
for who, found in fits.items():
    fitted[f"distance, {who}"] = {family: fit.distance for family, fit in found.items()}

# %%
for family, fit in fits["batches"].items():
    size = len(positive["batches"])
    null = describe.bootstrap_distances(fit, size, fit_samples, rng, resolution=1.0)
    fitted.loc[family, "p, batches"] = (1 + (null >= fit.distance).sum()) / (1 + fit_samples)
    fitted.loc[family, "by chance"] = np.quantile(null, 0.95)

# %%
publish.table(
    fitted,
    {
        "AIC, all": "AIC above the best, jobs [.0f]",
        "distance, all": "distance, jobs [.3f]",
        "AIC, batches": "AIC above the best, batches [.0f]",
        "distance, batches": "distance, batches [.3f]",
        "by chance": "distance by chance [.3f]",
        "p, batches": "p, batches [.3f]",
    },
    index="distribution",
    caption=f"Of {len(positive['all']):,} jobs and {len(positive['batches']):,} batches",
)

# %% tags=["hide-input"]
q = (np.arange(500) + 0.5) / 500
observed = describe.weighted_quantile(positive["batches"], q)

# %% mystnb={"figure": {"caption": "Quantiles of run times in the log (one job a batch) against those of each fitted distribution, logarithmic axes. A good fit would lie on the grey diagonal.", "name": "fig:workload-fits"}, "image": {"alt": "Quantile-quantile plots, one for each fitted distribution, against the diagonal; the smallest distance of a fit is {num}`workload_traces.fit_distance`, where chance would allow {num}`workload_traces.fit_chance`."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 3, figsize=(7.2, 5.0), sharex=True, sharey=True)
for ax, (family, fit) in zip(axes.flat, fits["batches"].items(), strict=False):
    ax.plot([0.5, 4e6], [0.5, 4e6], color=COLORS["rest"], linewidth=4)
    ax.plot(fit.distribution.ppf(q), observed, color=COLORS["model"])
    for axis in "xy":
        figures.duration_axis(ax, axis)
        getattr(ax, f"set_{axis}ticks")([1, 60, 3600, 86400], ["1 s", "1 min", "1 h", "1 d"])
    ax.set(title=family, xlim=(0.5, 4e6), ylim=(0.5, 4e6))
axes.flat[-1].axis("off")
axes[0, 2].tick_params(labelbottom=True)
fig.supxlabel("run time by the fitted distribution", fontsize="medium")
fig.supylabel("run time in the log", fontsize="medium")
plt.show()

# %% tags=["hide-cell"]
best = fitted["distance, batches"].idxmin()
least, by_chance = fitted.loc[best, ["distance, batches", "by chance"]]
text = f"smallest distance of a fitted distribution, one job a batch ({best})"
numbers.fact("none_fits", least > by_chance, "the best distance is larger than chance allows")
rarest = np.isclose(fitted["p, batches"].max(), 1 / (1 + fit_samples))
_ = numbers.fact("fit_p_is_least", rarest, "no sample came as far as the log, for any fit")

# %% tags=["hide-cell"]
drawn = "fit_samples [.0f samples]: fitted again for each p-value of a distribution"
largest = "fit_p [.2f]: largest p-value of the fitted distributions"
numbers.record_table(
    {
        f"fit_distance [.3f]: {text}": least,
        "fit_chance [.3f]: distance that 5 % of samples of that distribution exceed": by_chance,
        largest: fitted["p, batches"].max(),
        drawn: fit_samples,
    }
)

# %% [markdown]
# {if}`workload_traces.none_fits` None fits.
# The best of the five is off by {num}`workload_traces.fit_distance` in probability where chance would allow {num}`workload_traces.fit_chance`; the largest p-value is {num}`workload_traces.fit_p`.
# {if}`workload_traces.fit_p_is_least` That is as small as {num}`workload_traces.fit_samples` can show.
# {if}`in-book` {numref}`fig:workload-fits` shows why: the script of one user that ends itself just before its limit makes a step that no smooth distribution has.
# {if}`in-book` The best by distance is not the best by AIC, and with all jobs it is another again: what a fit describes is mostly whose script was running.
# Later chapters therefore draw jobs from the log itself, and use fitted distributions only where they say so.

# %% [markdown]
# ## The log beside the grid
#
# {if-not}`workload_traces.is_dated` The log {word}`workload_traces.log` does not tell when it was: there is no clock by which it could be laid beside a grid, and the figures of this section stay empty.
# {if}`workload_traces.is_dated` The carbon curve is that of {word}`workload_traces.place` in {word}`workload_traces.year`; the log {word}`workload_traces.log` is of another time.
# {if}`workload_traces.is_dated` The mapping is this: the log is moved by whole weeks, to the date of the chosen year nearest to its own, so that weekdays and local hours agree (Monday ten o'clock by the log's clock is Monday ten o'clock in the grid's zone).
# {if}`workload_traces.is_dated` Durations are not touched.
# {if}`workload_traces.is_dated` What the weather did in that week has then nothing to do with the log: only what repeats by the clock, by the weekday and by the season can be compared, and how much the rest matters is shown by moving the log to all other weeks.

# %%
grid_clock = datasets.time_zone(zone)
grid = datasets.carbon_intensity(zone, None).to_series(grid_clock)

beside = (usage, arrivals, complete)

# %%
hours = pd.DataFrame()
if log.epoch is not None:
    start = same_weekday(log.epoch, year, grid_clock)
    hours = describe.beside_hours(grid, start, *beside)

# %%
if len(hours):
    first, last = hours.index[[0, -1]].strftime("%a %Y-%m-%d %H:%M")
    laid = {"complete hours laid beside the curve [.0f]": len(hours), "from": first, "to": last}
    laid["mean intensity then [.1f g/kWh]"] = hours["intensity"].mean()
else:
    laid = {"complete hours laid beside the curve": "none"}
publish.table(laid)

# %%
names = ("jobs", "batches", "processors")

# %%
follow = dict.fromkeys(names, (np.nan,) * 3)  # change of the intensity by weights, its interval
for name in names if len(hours) else ():
    columns = (hours[name], hours["intensity"], hours["week"])
    value, resampled = describe.weighted_ratio(*columns, samples, rng)
    ends = np.quantile(resampled, [0.025, 0.975])
    follow[name] = tuple(100 * (np.array([value, *ends]) - 1))

# %%
publish.table(
    [(name, *found) for name, found in follow.items()],
    ["intensity weighted by", "over its mean, less one [.1f %]", "from [.1f %]", "to [.1f %]"],
    caption="With 95 % intervals from resampled weeks",
)

# %% mystnb={"figure": {"caption": "The mean day, each curve over its own mean: what people submit (batches), what the machine does (processors in use) and how dirty the grid is.", "name": "fig:workload-day"}, "image": {"alt": "Three curves over the hours of the day relative to their mean: batches submitted, processors in use, and carbon intensity. Processors in use swing by {num}`workload_traces.usage_swing`. {if}`in-book` Batches double in office hours, processors in use peak in the early evening, the intensity dips around noon."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.8))
if len(hours):
    shape = hours.groupby(hours.index.hour).mean() / hours.mean()
    shape = pd.concat([shape, shape.iloc[:1]]).set_axis(range(25))
    grid_name = f"carbon intensity, {zone} {year}"
    ax.plot(shape["batches"], color=COLORS["batches"], label="batches submitted")
    ax.plot(shape["processors"], color=COLORS["processors"], label="processors in use")
    ax.plot(shape["intensity"], color=COLORS["baseline"], label=grid_name)
    ax.legend(loc="upper left")
    ax.set(xlim=(0, 24), ylim=0, xticks=range(0, 25, 3))
    ax.set(xlabel="hour of the local day", ylabel="over its own mean")
else:
    figures.say(ax, "time of day not known")
plt.show()

# %%
moved = {}  # by weeks and weight: how the weighted intensity differs from its mean [%]
for weeks in range(-60, 61) if len(hours) else ():
    other_start = same_weekday(log.epoch, year, grid_clock, weeks)
    other = describe.beside_hours(grid, other_start, *beside)
    if len(other) == len(hours):
        intensity = other["intensity"]
        means = {name: np.average(intensity, weights=other[name]) for name in names}
        moved[weeks] = {n: 100 * (m / intensity.mean() - 1) for n, m in means.items()}
moved = pd.DataFrame(moved).T.reindex(columns=names)

# %%
publish.table(
    moved.quantile([0.025, 0.5, 0.975]).T,
    {0.025: "2.5 % are below [.1f %]", 0.5: "half [.1f %]", 0.975: "97.5 % [.1f %]"},
    index="intensity weighted by",
    caption=f"{len(moved)} ways to lay the log on the calendar",
)

# %% mystnb={"figure": {"caption": "Intensity weighted by batches and by processors in use, against its plain mean, for each week in which the log could begin. Dot: the mapping used here.", "name": "fig:workload-alignment"}, "image": {"alt": "Two lines over the start week through two years; that of batches goes from {num}`workload_traces.moved_batches_low` to {num}`workload_traces.moved_batches_high`, that of processors in use from {num}`workload_traces.moved_low` to {num}`workload_traces.moved_high`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
if len(moved):
    start = start.tz_localize(None)
    when = start + pd.to_timedelta(moved.index * 7, unit="D")
    ax.axhline(0, color=COLORS["baseline"], linewidth=1)
    for name, text in (("batches", "batches"), ("processors", "processors in use")):
        ax.plot(when, moved[name], color=COLORS[name], label=text)
        ax.plot(start, moved[name][0], "o", color=COLORS[name], markersize=7)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.legend()
    ax.set(xlabel="first day of the log on the grid's calendar", ylabel="against the mean [%]")
else:
    figures.say(ax, "nothing to lay over the calendar")
plt.show()

# %% tags=["hide-cell"]
text = "intensity weighted by {1} over its mean, less one; " + f"{zone} {year}"
of = {"processors": "follow_carbon", "batches": "follow_carbon_batches"}
found = {(name, what): follow[what] for what, name in of.items()}
scope = {"grids": (zone,), "years": (year,)}
numbers.record_table(found, "{0} [.1f %]: " + text, unknown=True, scope=scope)

# %% tags=["hide-cell"]
value, low, high = follow["processors"]
claim = "follow_carbon_{0} [.1f %]: {0} end of the 95 % interval of follow_carbon"
numbers.record_table({"low": low, "high": high}, claim, unknown=True)
if np.isfinite(value):
    numbers.fact("no_following", low <= 0 <= high, "the interval of follow_carbon holds zero")

# %% tags=["hide-cell"]
for what, name in (("processors", "moved"), ("batches", "moved_batches")):
    for q, end in ((0.025, "low"), (0.975, "high")):
        text = f"the same weighted by {what}: {100 * q:.1f} % of the start weeks lie below"
        claim = f"{name}_{end} [.1f %]: {text}"
        numbers.record_table({claim: moved[what].quantile(q)}, unknown=True)

# %% tags=["hide-cell"]
above = 100 * (moved["processors"] > 0).mean()
swing = np.nan
if len(hours):
    of_day = hours.groupby(hours.index.hour)["processors"].mean()
    swing = 100 * np.ptp(of_day) / of_day.mean()

# %% tags=["hide-cell"]
text = "swing of processors in use over the mean day, of their mean"
lie_above = "moved_above [.0f %]: share of the start weeks in which usage lies above the mean"
numbers.record_table({lie_above: above, f"usage_swing [.0f %]: {text}": swing}, unknown=True)

# %% [markdown]
# Weighted by batches, the intensity differs from its mean by {num}`workload_traces.follow_carbon_batches`.
# But what draws power is not the submission, it is the machine at work, and long jobs smear office hours over the night: in the mean day the processors in use swing by {num}`workload_traces.usage_swing` ({numref}`fig:workload-day`).
# Weighted by processors in use the intensity differs from its mean by {num}`workload_traces.follow_carbon`; resampled weeks give an interval from {num}`workload_traces.follow_carbon_low` to {num}`workload_traces.follow_carbon_high`.
#
# {if}`workload_traces.is_dated` {numref}`fig:workload-alignment` shows how much of this is the choice of the week.
# Laid on other weeks of the two years, usage lands between {num}`workload_traces.moved_low` and {num}`workload_traces.moved_high`, and above zero in {num}`workload_traces.moved_above` of them.
# {if}`workload_traces.no_following` A cluster that nobody steers does not follow the grid.
# Batches land between {num}`workload_traces.moved_batches_low` and {num}`workload_traces.moved_batches_high`.
# {if}`in-book` They have a season: office hours are clean hours in summer and dirty ones in autumn and winter.
# {if}`workload_traces.no_following` So users who work by day have not already done what a carbon-aware scheduler would do.

# %% [markdown] tags=["download"]
# ## A second log
#
# :::{note}
# This section needs a download: `scorelab.csv`, the log of a Slurm cluster, which is not redistributed with this book ({doc}`data_sheets`).
# Without it the outputs stored with the book are shown; nothing else depends on them.
# :::
#
# {if}`workload_traces.second_is_scorelab` It tells submission, run time, processors and state, but no waits, users, limits and no date.

# %% tags=["download"]
second_trace = "scorelab" if trace != "scorelab" else "unilu-gaia-2014"
second = datasets.job_log(second_trace).jobs
if second["wait_s"].isna().all():
    second = second.assign(wait_s=0.0)  # each job is taken to start when it is submitted
second_work = describe.work_s(second)
second_spans = describe.recorded_spans(second, silence_h * 3600)

# %% tags=["download"]
publish.table(
    {
        f"jobs in {second_trace} [.0f]": len(second),
        "submitted over [.0f days]": np.ptp(second["submit_s"]) / 86400,
        f"breaks of over {silence_h} h without any end [.0f]": len(second_spans) - 1,
    }
)

# %% tags=["download"]
both = {trace: (jobs, work, spans), second_trace: (second, second_work, second_spans)}
same = {"long_s": long_job_h * 3600, "gap_s": batch_gap_s}
told = {name: describe.summary(log_, found, **same) for name, (log_, _, found) in both.items()}
publish.table(pd.DataFrame(told).map("{:.3g}".format), index="what")

# %% mystnb={"figure": {"caption": "Two clusters. Left: share of the jobs (full) and of the core-hours (dashed) in jobs that run at most so long. Right: index of dispersion of submitted jobs.", "name": "fig:workload-second"}, "image": {"alt": "Left, cumulative curves of run time by jobs and by core-hours for two logs, core-hours to the right of the jobs; right, two rising lines of variance over mean against window length."}} tags=["hide-input", "download"]
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.4))
for (name, (log_, work_, spans_)), color in zip(both.items(), ("jobs", "second"), strict=True):
    run = log_["run_s"].dropna().clip(lower=1)
    figures.ecdf(left, run, color=COLORS[color])
    figures.ecdf(left, run, weights=work_[run.index].fillna(0), color=COLORS[color], linestyle="--")
    index = describe.dispersion(log_["submit_s"], windows_s, spans_)["index"]
    right.plot(windows_s, index, "o-", color=COLORS[color], label=name)
for ax in (left, right):
    figures.duration_axis(ax)
left.set_xticks([1, 60, 3600, 86400], ["1 s", "1 min", "1 h", "1 d"])
right.set_xticks([60, 3600, 86400], ["1 min", "1 h", "1 d"])
left.set(xlabel="run time", ylabel="share at most so long")
right.set(yscale="log", xlabel="length of the window", ylabel="variance / mean")
right.legend()
plt.show()

# %% [markdown] tags=["download"]
# {if}`in-book` What generalises is what the rest of this book stands on.
# {if}`in-book` In both logs nearly all jobs are short and nearly all work is in long ones; in both a large part of the jobs comes in large batches, far burstier than Poisson, and the day explains next to nothing of the number of jobs, but a good part of the number of batches.
# {if}`in-book` What does not generalise are the numbers themselves: the median run time differs by an order of magnitude ({numref}`fig:workload-second`), so a result for one log is a result for one log.

# %% [markdown]
# (limits-workload-traces)=
# ## What could be wrong
#
# * **The log's edges.**
#   Jobs are in it if their end was recorded; the days before a break and before the end lack the longest jobs.
#   Clearing the edges of a few days removes that for all but the very longest.
# * **One period, one cluster.**
#   {if}`in-book` The weeks after the break hold most of the jobs, many of them one user's; anything counted by jobs would be different a month earlier.
# * **Another year's weather.**
#   {if}`in-book` The log and the carbon curve never met; {numref}`fig:workload-alignment` shows how much the choice of the week matters.
# * **Processors are not power.**
#   A processor in use draws more or less depending on what it does, and an idle one is not off.
#   The next chapters measure that.
# * **Few weeks.**
#   An interval from so few resampled weeks is rough, and tends to be too narrow.
# * **The p-values of rhythm** assume that days can be exchanged.
#   {if}`in-book` The log's busy last weeks stretch that.
# * **Batches are not always people.**
#   A script that pauses for longer than {num}`workload_traces.batch_gap` counts as many batches; one user alone has {num}`workload_traces.top_user_batches` of them, at all hours, so people's own rhythm is stronger than shown.

# %% [markdown]
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=workload_traces P="zone=FR year=2019"        # another grid: who follows whom?
# make run CHAPTER=workload_traces P="batch_gap_s=1800"         # what is one decision?
# make run CHAPTER=workload_traces P="long_job_h=24"
# make run CHAPTER=workload_traces P="trace=gaia-pai"           # a sample of jobs: no users, waits, states
# make run CHAPTER=workload_traces P="trace=scorelab epoch=2023-05-01T00:00+02:00"
# ```
#
# The figures, the numbers and the sentences follow; what was said after looking at this book's own figures is left out.
#
# * Does the daily wave of jobs grow when the busiest user is left out?
# * How would the mean day of processors in use look if nobody could submit after four o'clock?
# * Which share of the core-hours could wait for noon if no job might end later than its limit allows?
#
# **What the next chapters take from here.**
# {if}`workload_traces.long_hold_most` Jobs to schedule are the long ones, {num}`workload_traces.long_jobs` of the jobs with {num}`workload_traces.share_work_over_6h` of the work; they are drawn from the log, not from a distribution.
# {doc}`carbon_intensity` asks what there is to gain for them.

# %%
numbers
