# %% [markdown]
# # From estimate to submission
#
# **Question.**
# Which of all the requests that a centre allows should a job make, and how long will it then wait?
#
# **Answer.**
# On a real Slurm, a replay of the queue with predicted run times missed the wait of a request by {num}`from_estimate_to_submission.error_predicted` in the middle, `sbatch --test-only` by {num}`from_estimate_to_submission.error_test_only`.
# For choosing the request that starts first among five, the first was right in {num}`from_estimate_to_submission.hits_predicted` of cases and the other in {num}`from_estimate_to_submission.hits_test_only`.
#
# {opening}`fig:wait-errors`
#
# **You need.**
# {doc}`sharing_a_cluster` for EASY backfilling, {doc}`pause_and_resume` for plans.
# A *request* is what a job asks its centre for: cores, partition, quality of service (QoS), time limit.

# %% tags=["parameters"]
cores_tried = [4, 8, 16, 32]  # of the example job
parallel = 0.95  # share of its work that runs in parallel
length_h, power_w = 10.0, 400.0  # on 8 cores
price = 0.02  # of a core-hour (assumed)
zone, start, within_h = "DE", "2020-06-01T18:00Z", 48.0
stretch = 1.2  # upper quantile of the run time over the expected one
near_s = 1.0  # a choice within this of the best start is right [s]

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import binomtest

from helpers import datasets, figures, publish
from helpers.decide.predicted import Given, LastSimilar
from helpers.operate.queue import read_queues
from helpers.operate.rules import Resources, read_rules
from helpers.operate.whatif import configurations, what_if
from helpers.phases.model import Phase, PhaseModel
from helpers.timeline import epoch_seconds

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
SCOPE = publish.Scope(jobs="jobs of a log, made faster and smaller")
numbers = publish.Numbers("from_estimate_to_submission", SCOPE)
HOUR = 3600.0

# %% [markdown]
# ## What a centre allows
#
# A centre has *partitions* with limits on time and nodes, and *qualities of service* that are cheaper, more urgent, or bounded for each user.
# They are read from the running Slurm by `clean-hours rules`, which writes a file that people complete with what Slurm does not know, such as a price.
# Here they are those of a real Slurm of four nodes ({doc}`data_sheets`); the price of {num}`from_estimate_to_submission.price` a core-hour is assumed.

# %%
rules = read_rules(datasets.fetch("slurm/rules.yaml"))

# %%
priced = [replace(place, price_per_core_h=price) for place in rules.partitions]
rules = replace(rules, partitions=tuple(priced))

# %%
allowed = rules.to_frame()
publish.table(
    allowed[allowed["qos"].isin(rules.accounts[rules.default_account])],
    {
        "partition": "partition",
        "qos": "QoS",
        "nodes": "nodes [.0f]",
        "cores_per_node": "cores a node [.0f]",
        "longest_s": "longest [.0f s]",
        "most_cores": "most cores [.0f]",
        "price_per_core_h": "price [.3f]",
    },
)

# %% [markdown]
# Slurm refuses a request that breaks these rules only if it is told to (`EnforcePartLimits=ALL`); otherwise it accepts what can never start, and lets it wait for ever.
# So each request is checked here first.

# %% [markdown]
# ## What if
#
# The example is a job of {num}`from_estimate_to_submission.length` on 8 cores, of which {num}`from_estimate_to_submission.parallel` run in parallel.
# On more cores it is shorter, by Amdahl's law, and draws more ({cite:t}`amdahl1967`).
# All requests that might be made are listed, those that break a rule left out, and the others planned.

# %%
job = PhaseModel("example", (), (Phase("work", length_h * HOUR, power_w),))
asked = Resources(1.0, cores=8)
tries = {"cores": cores_tried, "parallel": parallel, "stretch": stretch}
tried = configurations(job, asked, rules, **tries)

# %%
begin_s = pd.Timestamp(start).timestamp()
intensity = datasets.carbon_intensity(zone, int(start[:4]))
deadline_s = begin_s + (within_h + length_h) * HOUR
found = what_if(tried, rules, intensity, begin_s, deadline_s, stretch=stretch, margin_s=60.0)
plans = found.to_frame()
plans["finish_h"] = (epoch_seconds(plans["finish"]) - begin_s) / HOUR

# %%
best = {name: plan.id for name, plan in found.best().items()}
plans["best at"] = [", ".join(n for n, i in best.items() if i == one) for one in plans["plan"]]

# %%
publish.table(
    plans[plans["frontier"]].sort_values("finish_h"),
    {
        "partition": "partition",
        "qos": "QoS",
        "cores": "cores [.0f]",
        "finish_h": "finished after [.1f h]",
        "emissions_g": "emissions [.0f g]",
        "cost": "price [.2f]",
        "best at": "best at",
    },
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "price [.2f]: price of a core-hour (assumed)": price,
        "length [.0f h]: length of the example on 8 cores": length_h,
        "parallel [.0f %]: share of its work that runs in parallel": 100 * parallel,
        "tried [.0f requests]: requests that might be made": len(tried),
        "valid [.0f requests]: of these, requests that break no rule": len(found.plans),
        "frontier [.0f requests]: of these, requests that no other beats": plans["frontier"].sum(),
    }
)

# %% mystnb={"figure": {"caption": "Plans of one job in every request that breaks no rule: when they finish and what they emit. Filled: no other plan is at least as early, as cheap and as clean. The number of cores stands beside them.", "name": "fig:what-if"}, "image": {"alt": "A dot for each number of cores, plans of several partitions on top of each other; of these plans {num}`from_estimate_to_submission.frontier` are filled."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=figures.WIDE)
for filled, group in plans.groupby("frontier"):
    face = COLORS["jobs"] if filled else "none"
    ax.scatter(group["finish_h"], group["emissions_g"], 60, face, edgecolors=COLORS["jobs"])
for cores, group in plans.groupby("cores"):
    at = (group["finish_h"].min(), group["emissions_g"].max())
    ax.annotate(f"{cores} cores", at, (6, 6), textcoords="offset points")
ax.set(xlabel="finished after [h]", ylabel="emissions [g CO2e]")
ax.margins(x=0.12, y=0.12)
plt.show()

# %% [markdown]
# Of {num}`from_estimate_to_submission.tried`, {num}`from_estimate_to_submission.valid` break no rule, and {num}`from_estimate_to_submission.frontier` are not beaten in time, price and grams at once ({numref}`fig:what-if`).
# Which of these is right is for its user to say.
# `clean-hours what-if` prints the same table on a user's own cluster and asks `sbatch --test-only` whether it would take each request.

# %% [markdown]
# ## How long a request waits
#
# A plan says when a job may start; the queue says when it does.
# What waits and runs now is known from `squeue`, and a *replay* of it says when a request of ours would start.
# It plans as Slurm does, with the time limits that jobs asked for.
# What differs is how long they are taken to run:
#
# * *limits*: as long as they asked for; this is what `sbatch --test-only` goes by, too;
# * *predicted*: as long as the last similar job of the same user, with the same limit and cores;
# * *true*: as long as they really ran, which nobody knows beforehand. What is wrong then is not the lengths.
#
# On the real Slurm jobs of a real log were run for a quarter of an hour, 360 times as fast.
# Every 15 s five requests were asked about, and then submitted: {num}`from_estimate_to_submission.candidates` in all, so that every expectation can be held against what came.

# %%
log, candidates = datasets.slurm_waits()
queues = read_queues(datasets.fetch("slurm/queues.jsonl.bz2"))
candidates["number"] = candidates.groupby("look").cumcount()
ended = log.dropna(subset=["end_s"]).sort_values("end_s")
TRUE = Given(dict(zip(ended["job_id"].astype(str), ended["end_s"] - ended["start_s"], strict=True)))

# %%
expected = {"limits": [], "predicted": [], "true": []}
for queue, (_, asked_of) in zip(queues, candidates.groupby("look"), strict=True):
    past = LastSimilar()
    for done in ended[ended["end_s"] <= queue.now_s].itertuples():
        past.learn(done, done.end_s - done.start_s)
    for one in asked_of.itertuples():
        request = Resources(one.limit_s, one.nodes, one.cores, partition=one.partition)
        expected["limits"].append(queue.start_s(request))
        expected["predicted"].append(queue.start_s(request, predictor=past))
        expected["true"].append(queue.start_s(request, predictor=TRUE))

# %%
METHODS = {"test_only": "sbatch --test-only"} | {name: name for name in expected}
candidates["test_only"] = candidates["test_only_s"]

# %%
candidates = candidates.assign(**expected)
whole = candidates.groupby("look")["start_s"].transform(lambda s: s.notna().all())
whole &= candidates.groupby("look")["test_only"].transform(lambda s: s.notna().all())
counted = candidates[whole].copy()
counted["wait_s"] = counted["start_s"] - counted["asked_s"]

# %%
errors_s = {name: counted[name] - counted["start_s"] for name in METHODS}

# %%
publish.table(
    [
        (METHODS[name], e.abs().median(), e.abs().quantile(0.9), e.median(), (e > 0).mean() * 100)
        for name, e in errors_s.items()
    ],
    [
        "expected by",
        "median error [.1f s]",
        "90 % within [.1f s]",
        "median, too late is positive [.1f s]",
        "expected too late [.0f %]",
    ],
)

# %% tags=["hide-cell"]
looks = counted["look"].nunique()
waits = counted["wait_s"]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "candidates [.0f requests]: requests asked about and submitted": len(candidates),
        "counted [.0f requests]: of these, with all answers of their look": len(counted),
        "looks [.0f looks]: looks at the queue that count, with all answers": looks,
        "wait_median [.0f s]: median wait of a request": waits.median(),
        "wait_longest [.0f s]: longest wait of a request": waits.max(),
    }
)

# %% tags=["hide-cell"]
medians_s = {name: error.abs().median() for name, error in errors_s.items()}
numbers.record_table(medians_s, "error_{} [.1f s]: median error of the wait, by {}")
far_s = {name: error.abs().quantile(0.9) for name, error in errors_s.items()}
numbers.record_table(far_s, "far_{} [.0f s]: error that nine of ten waits stay below, by {}")

# %% mystnb={"figure": {"caption": "Error of the wait that was expected of a request, by what it was expected from.", "name": "fig:wait-errors"}, "image": {"alt": "Four step curves of the share of requests whose wait was expected with at most so many seconds of error; the medians are {num}`from_estimate_to_submission.error_test_only` by sbatch, {num}`from_estimate_to_submission.error_limits` by limits, {num}`from_estimate_to_submission.error_predicted` by predicted and {num}`from_estimate_to_submission.error_true` by true lengths."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=figures.WIDE)
for (name, e), color in zip(
    errors_s.items(), ("baseline", "easy", "carbon", "failed"), strict=True
):
    figures.ecdf(ax, e.abs(), color=COLORS[color], label=METHODS[name])
ax.legend(loc="lower right")
ax.set_xscale("symlog", linthresh=1.0)
ax.set(xlabel="error of the expected wait [s]", ylabel="share of requests", xlim=(0, None))
plt.show()

# %% [markdown]
# The requests waited {num}`from_estimate_to_submission.wait_median` in the middle and {num}`from_estimate_to_submission.wait_longest` at most.
# `sbatch --test-only` was off by {num}`from_estimate_to_submission.error_test_only` in the middle, the replay by {num}`from_estimate_to_submission.error_limits` with limits and {num}`from_estimate_to_submission.error_predicted` with predicted lengths ({numref}`fig:wait-errors`).
# What is far off differs more: one in ten waits was missed by over {num}`from_estimate_to_submission.far_test_only` by sbatch and {num}`from_estimate_to_submission.far_limits` with limits, but by over {num}`from_estimate_to_submission.far_predicted` with predicted lengths.
# {if}`in-book` Users ask for far more time than their jobs take, and a queue that is planned by what they ask for looks far longer than it is.
# With the true lengths {num}`from_estimate_to_submission.error_true` is left: what came later, and how cores lie on nodes, which the replay only counts.

# %% [markdown]
# ## The choice
#
# An expectation is there to choose by.
# At each look the request with the earliest expected start is taken; the choice is *right* if none of the others really started more than {num}`from_estimate_to_submission.near` earlier.
# The yardsticks are the fixed choices: always the same request.

# %%
wide = counted.pivot_table(index="look", columns="number", aggfunc="first")
real_s = wide["start_s"].to_numpy()
waits_s = real_s - wide["asked_s"].to_numpy()[:, :1]
chosen = {METHODS[name]: wide[name].to_numpy().argmin(axis=1) for name in METHODS}

# %%
kinds = candidates.drop_duplicates("number")
for one in kinds.itertuples():
    fixed = np.full(len(wide), one.number)
    chosen[f"always {one.cores} cores of {one.partition}"] = fixed

# %%
rows = []
for name, number in chosen.items():
    waited_s = waits_s[np.arange(len(wide)), number]
    hit = waited_s <= waits_s.min(axis=1) + near_s
    ends = binomtest(int(hit.sum()), len(hit)).proportion_ci(method="wilson")
    rows.append((name, 100 * hit.mean(), 100 * ends.low, 100 * ends.high, waited_s.mean()))
choice = pd.DataFrame(rows, columns=["by", "hits", "low", "high", "wait_s"]).set_index("by")

# %%
publish.table(
    choice,
    {
        "hits": "right [.0f %]",
        "low": "from [.0f %]",
        "high": "to [.0f %]",
        "wait_s": "mean wait of the choice [.1f s]",
    },
    index="chosen by",
)

# %% tags=["hide-cell"]
hits = {name: choice.loc[METHODS[name], ["hits", "low", "high"]] for name in METHODS}

# %% tags=["hide-cell"]
numbers.record_table(
    {name: tuple(map(float, values)) for name, values in hits.items()},
    "hits_{} [.0f %]: looks at which the choice by {} was right",
)

# %% tags=["hide-cell"]
fixed = choice[choice.index.str.startswith("always")]
mean_s = choice["wait_s"]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "near [.0f s]: how much later than the best start is still right": near_s,
        "hits_fixed [.0f %]: the same for the best fixed request": fixed["hits"].max(),
        "wait_predicted [.1f s]: mean wait by predicted lengths": mean_s["predicted"],
        "wait_fixed [.1f s]: mean wait of the best fixed request": fixed["wait_s"].min(),
    }
)

# %% mystnb={"figure": {"caption": "How often a choice among five requests was right, with 95 % intervals.", "name": "fig:wait-hits"}, "image": {"alt": "A row for each way to choose, with a dot and its interval; by predicted lengths {num}`from_estimate_to_submission.hits_predicted` of choices are right, by sbatch {num}`from_estimate_to_submission.hits_test_only`, by the best fixed request {num}`from_estimate_to_submission.hits_fixed`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.4))
rank = np.arange(len(choice))[::-1]
spread = np.abs(choice[["low", "high"]].to_numpy().T - choice["hits"].to_numpy())
ax.errorbar(choice["hits"], rank, xerr=spread, fmt="o", color=COLORS["jobs"], capsize=3)
ax.set_yticks(rank, choice.index)
ax.set(xlabel="looks at which the choice was right [%]", xlim=(0, 100))
plt.show()

# %% [markdown]
# By predicted lengths the choice was right at {num}`from_estimate_to_submission.hits_predicted` of {num}`from_estimate_to_submission.looks` that count, by limits at {num}`from_estimate_to_submission.hits_limits`, by `sbatch --test-only` at {num}`from_estimate_to_submission.hits_test_only`, and with the best fixed request at {num}`from_estimate_to_submission.hits_fixed` ({numref}`fig:wait-hits`).
# {if}`in-book` The intervals overlap: for the choice alone it does not matter much how the wait is expected, as long as it is.
# The mean wait of the choice by predicted lengths was {num}`from_estimate_to_submission.wait_predicted`, that of the best fixed request {num}`from_estimate_to_submission.wait_fixed`.

# %% [markdown]
# ## To the scheduler
#
# A plan with its request is handed over by `clean-hours submit`.
# {doc}`/howto/submit_to_slurm` shows how, and {doc}`a_real_cluster` whether it then does what was planned.
# The wait belongs into the margin: a plan holds the expected wait with an interval, from predicted lengths to time limits.

# %% [markdown]
# ## What could be wrong
#
# * One quarter of an hour on four nodes, with jobs of one log: other queues have other waits, and intervals of looks that follow each other are too narrow.
# * The requests asked about were submitted, too, one after the other, and wait in each other's way.
# * Partitions overlap: the replay looks at the nodes of one partition and counts jobs of others by their share in them.
# * Times are 360 times as fast as in the log, but Slurm's own delays, a second or two, are not.
# * Priorities here are by age; a centre with fair shares knows what `squeue` tells of them, and no more.

# %% [markdown]
# ## To try
#
# ```sh
# python tests/operate/record_queue.py --minutes 15 --out data/slurm   # as root, with Debian's Slurm
# make run CHAPTER=from_estimate_to_submission P="parallel=0.7"
# make run CHAPTER=from_estimate_to_submission P="near_s=10"
# ```
#
# * At which parallel share do four cores become the fastest request?
# * Does the choice get better or worse when the queue is long?

# %%
numbers
