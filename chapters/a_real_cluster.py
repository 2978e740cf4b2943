# %% [markdown]
# # A real cluster
#
# **Question.**
# Does a real Slurm carry plans out in a user's own rights, and what is lost when its parts are killed?
#
# **Answer.**
# Through {num}`a_real_cluster.kills` of agent, controller, node daemons and broker of events, {num}`a_real_cluster.killed_jobs` that only sleep were carried out.
# {if}`a_real_cluster.all_ended` None was lost.
# {if}`a_real_cluster.none_twice` None ran twice at once.
# {if-not}`a_real_cluster.any_late` None was late.
# With nothing disturbed, most first starts came within {num}`a_real_cluster.start_most`, and the grams of receipts differ from those planned by {num}`a_real_cluster.grams_off`.
#
# {opening}`fig:real-late`
#
# **You need.**
# {doc}`pause_and_resume` for plans with pauses, and {doc}`/howto/submit_to_slurm` for the command that carries them out.
# A *kill* is the signal that no program can catch (SIGKILL).

# %% tags=["parameters"]
quantile = 0.95  # of lags
usual_kills = 10  # a round with more is one of a harsher trial

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

from helpers import datasets, figures, publish

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
numbers = publish.Numbers("a_real_cluster", publish.Scope(jobs="sleeping jobs"))

# %% [markdown]
# ## How a plan is carried out
#
# A plan says when a job runs and where it pauses.
# Whoever carries it out here has no rights but those of the job's user, and Slurm is not changed.
#
# * The job is handed over with a begin time, and is *never held*: if nobody ever acts again, it starts by itself in time to meet its deadline.
# * A small program, the *agent*, looks at the queue and at what the job says of itself.
#   It starts the job earlier (`scontrol update StartTime`), pauses it after a checkpoint (`scontrol requeue`) and resumes it.
# * All that the agent knows is rebuilt from Slurm, from the job's events and from its own journal, so that it may die at any moment.
# * It tells what happens on a broker of events, and looks sooner when others tell it something ({doc}`/howto/react_to_events`). Without a broker it polls.
# * A job that Slurm has lost, or holds after a launch that failed, is handed over again under another number and goes on from its last checkpoint.
#
# Two runs of one job can never work at once: a run that finds its folder locked waits, and a job that has finished ends at once.

# %% [markdown]
# ## What was measured
#
# Slurm ran on one machine, as four nodes of eight cores ({doc}`data_sheets`).
# Its daemons are real, and so are its delays; its jobs sleep and write down what they did.
# In a *round* eight jobs of 8 to 14 hours, with a checkpoint every half hour, were planned on the German grid of June 2020, each with 30 hours of time.
# An hour of that grid passed in {num}`a_real_cluster.short_hour`, and in one round in {num}`a_real_cluster.long_hour`.

# %%
trials = datasets.slurm_trials()
rounds, jobs, runs = (trials[name].copy() for name in ("rounds", "jobs", "runs"))
rounds["kills"] = rounds.filter(like="_kills").sum(axis=1)

# %% [markdown]
# A round is *calm* if nothing was killed in it, and *killed often* in a harsher trial.

# %%
rounds["kind"] = np.select(
    [rounds["kills"] == 0, rounds["kills"] > usual_kills], ["calm", "killed often"], "killed"
)

# %%
made_of = rounds.groupby(["hour_s", "kind"]).agg(
    rounds=("round", "size"),
    agent=("agent_kills", "sum"),
    controller=("controller_kills", "sum"),
    node=("node_kills", "sum"),
    broker=("broker_kills", "sum"),
    loop_s=("loop_s", "max"),
    load=("load_mean", "mean"),
)

# %%
publish.table(
    made_of.reset_index(),
    {
        "hour_s": "an hour lasts [.1f s]",
        "kind": "kind",
        "rounds": "rounds [.0f]",
        "agent": "agent killed [.0f]",
        "controller": "controller killed [.0f]",
        "node": "node daemon killed [.0f]",
        "broker": "broker killed [.0f]",
        "loop_s": "longest round [.0f s]",
        "load": "load of the machine [.1f]",
    },
)

# %% [markdown]
# What is known of a round is put beside each of its jobs and runs.

# %%
about = rounds[["round", "hour_s", "kills", "kind", "margin_s", "checkpoint_s"]]
jobs, runs = jobs.merge(about, on="round"), runs.merge(about, on="round")
short_s, long_s = rounds["hour_s"].min(), rounds["hour_s"].max()

# %% tags=["hide-cell"]
short_calm = rounds[(rounds["kind"] == "calm") & (rounds["hour_s"] == short_s)]
longest_s = short_calm["loop_s"].max()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "short_hour [.1f s]: what an hour of the grid was compressed to": short_s,
        "long_hour [.0f s]: the same in the round for grams": long_s,
        "margin [.0f s]: time that plans keep free before deadlines": rounds["margin_s"].max(),
        "calm_rounds [.0f rounds]: rounds in which nothing was killed": (
            rounds["kind"] == "calm"
        ).sum(),
        "loop [.0f s]: longest calm round, from the first plan to the last receipt": longest_s,
        "calm_load [.0f]: mean load of the machine in calm rounds": rounds.loc[
            rounds["kills"] == 0, "load_mean"
        ].mean(),
    }
)

# %% [markdown]
# ## Lags with nothing disturbed
#
# A *lag* is how much later than planned a run begins.
# The agent tells Slurm a second early that a run may start, so that a lag can be negative: then Slurm was quicker than that.

# %%
calm = runs[(runs["kills"] == 0) & runs["planned_start_s"].notna()]
lag_s, first = calm["start_s"] - calm["planned_start_s"], calm["run"] == 1
LAGS = {"first start": lag_s[first], "resume": lag_s[~first]}

# %%
publish.table(
    [
        (name, len(lags_s), lags_s.median(), lags_s.quantile(quantile), lags_s.max())
        for name, lags_s in LAGS.items()
    ],
    ["run", "counted [.0f]", "median lag [.2f s]", "most within [.2f s]", "longest [.2f s]"],
)

# %% tags=["hide-cell"]
start_s, resume_s = LAGS["first start"], LAGS["resume"]
most_start_s, most_resume_s = start_s.quantile(quantile), resume_s.quantile(quantile)
after_s = calm["after_checkpoint_s"][calm.duplicated(["round", "job"], keep="last")]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "most [.0f %]: what most means for lags": 100 * quantile,
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "starts [.0f starts]: first starts with nothing disturbed": len(start_s),
        "resumes [.0f resumes]: resumes with nothing disturbed": len(resume_s),
        "start_most [.1f s]: lag that most first starts stay below": most_start_s,
        "resume_most [.1f s]: lag that most resumes stay below": most_resume_s,
        "start_median [.1f s]: median lag of first starts": start_s.median(),
        "pause_longest [.2f s]: longest that a paused run went on after its checkpoint": after_s.max(),
    }
)

# %% mystnb={"figure": {"caption": "Lags of runs with nothing disturbed: how much later than planned they began.", "name": "fig:real-lags"}, "image": {"alt": "Two rising step curves, the share of first starts and of resumes at or below a lag; {num}`a_real_cluster.most` of first starts lie below {num}`a_real_cluster.start_most`, as many resumes below {num}`a_real_cluster.resume_most`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=figures.WIDE)
for (name, lags_s), color in zip(LAGS.items(), ("startup", "work"), strict=True):
    figures.ecdf(ax, lags_s, color=COLORS[color], label=name)
ax.axhline(quantile, color=COLORS["baseline"], lw=0.8, ls="--")
ax.legend(loc="lower right")
ax.set(xlabel="lag [s]", ylabel="share of runs")
plt.show()

# %% [markdown]
# Of {num}`a_real_cluster.starts`, half had a lag of at most {num}`a_real_cluster.start_median`, and {num}`a_real_cluster.most` one below {num}`a_real_cluster.start_most`; of {num}`a_real_cluster.resumes`, as many stayed below {num}`a_real_cluster.resume_most` ({numref}`fig:real-lags`).
# A pause follows the checkpoint *event*: no paused run went on for more than {num}`a_real_cluster.pause_longest` after it, so that hardly any work is done twice.
# A whole round of eight jobs took {num}`a_real_cluster.loop` at most.

# %% [markdown]
# ## Killed at random moments
#
# In the killed rounds the victim was drawn anew each time: the agent, Slurm's controller, the daemon of a node, or the broker of events.
# A round, in which a whole plan is carried out, has {num}`a_real_cluster.kills_usual`; in a harsher trial it has {num}`a_real_cluster.kills_often`.
# A killed controller has forgotten what it did in its last seconds: a submission, a start, a requeue.
# Three things then happen that no user asked for:
#
# * the job is gone, and nobody says so;
# * the controller starts a job again that runs already, its node refuses the number that it knows, and Slurm *holds* the job for ever ("launch failed requeued held");
# * a job counts as running that has long ended.
#
# Each is seen from the job's events and mended by the agent.

# %%
killed = jobs[jobs["kills"] > 0]
stops = int((killed["runs"] - 1).sum())
past = killed["late_s"].clip(lower=0)
good = (killed["outcome"] == "completed") & (killed["ticks_missing"] == 0)
whole = killed.assign(good=good, twice=killed["overlaps"] > 0, late=killed["late_s"] > 0)

# %%
by_kind = whole.groupby("kind").agg(
    jobs=("job", "size"),
    good=("good", "sum"),
    twice=("twice", "sum"),
    late=("late", "sum"),
    latest_s=("late_s", "max"),
)

# %%
publish.table(
    by_kind,
    {
        "jobs": "jobs [.0f]",
        "good": "with all their work done [.0f]",
        "twice": "with two runs at once [.0f]",
        "late": "ended after their deadline [.0f]",
        "latest_s": "end after the deadline, latest; negative is before [.1f s]",
    },
    index="rounds",
)

# %% [markdown]
# What befell the jobs, all rounds of kills together:

# %%
publish.table(
    {
        "kills [.0f]": rounds["kills"].sum(),
        "jobs [.0f]": len(killed),
        "jobs whose receipt says completed [.0f]": (killed["outcome"] == "completed").sum(),
        "jobs with work that was never done [.0f]": (killed["ticks_missing"] > 0).sum(),
        "jobs with two runs at once [.0f]": (killed["overlaps"] > 0).sum(),
        "jobs killed between their end and its mark [.0f]": (killed["ends"] > 1).sum(),
        "jobs that ended after their deadline [.0f]": (killed["late_s"] > 0).sum(),
        "the same, by more than the margin [.0f]": (killed["late_s"] > killed["margin_s"]).sum(),
        "stops of runs, planned and not [.0f]": stops,
        "jobs handed over more than once [.0f]": (killed["submissions"] > 1).sum(),
    }
)

# %% tags=["hide-cell"]
hit = rounds[rounds["kills"] > 0]
numbers.record_table(
    {
        "kills [.0f kills]: of agent, controller, node daemons and broker": rounds["kills"].sum(),
        "killed_jobs [.0f jobs]: jobs of killed rounds": len(killed),
        "ended [.0f jobs]: jobs of killed rounds with all their work done": good.sum(),
        "kills_usual [.0f kills]: kills in a round": hit["kills"].min(),
        "kills_often [.0f kills]: the same in the harsher trial": hit["kills"].max(),
        "load [.0f]: mean load of the machine in killed rounds": hit["load_mean"].mean(),
        "late [.0f jobs]: jobs of killed rounds that ended after their deadline": (past > 0).sum(),
        "latest [.1f s]: by how much the latest of them was late": past.max(),
        "again [.0f jobs]: jobs handed over more than once": (killed["submissions"] > 1).sum(),
    }
)

# %% tags=["hide-cell"]
beyond = bool((killed["late_s"] > killed["margin_s"]).any())
numbers.fact("all_ended", bool(good.all()), "every job of the killed rounds ended with all work")
numbers.fact("none_twice", not (killed["overlaps"] > 0).any(), "no job ran twice at once")
numbers.fact("any_late", bool((past > 0).any()), "a job ended after its deadline")
_ = numbers.fact("within_margin", not beyond, "no job was later than its margin")

# %% mystnb={"figure": {"caption": "When the jobs of the killed rounds ended, against their deadlines. Dashed: a deadline and the margin that plans keep free, added to it.", "name": "fig:real-late"}, "image": {"alt": "A column of dots for each round of kills, most of them seconds before the deadline; after it end {num}`a_real_cluster.late`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=figures.WIDE)
for place, (_, group) in enumerate(killed.groupby("round"), start=1):
    figures.repeats(ax, group["late_s"], place, COLORS["jobs"])
for limit_s in (0.0, rounds["margin_s"].max()):
    ax.axhline(limit_s, color=COLORS["baseline"], lw=0.8, ls="--")
ax.set(xlabel="round of kills", ylabel="end after the deadline [s]")
plt.show()

# %% [markdown]
# {if}`a_real_cluster.all_ended` No job was lost.
# {if-not}`a_real_cluster.any_late` None of {num}`a_real_cluster.killed_jobs` ended after its deadline ({numref}`fig:real-late`).
# {if}`a_real_cluster.any_late` Of {num}`a_real_cluster.killed_jobs`, {num}`a_real_cluster.late` ended after their deadline, the latest by {num}`a_real_cluster.latest` ({numref}`fig:real-late`).
# Plans keep {num}`a_real_cluster.margin` free for what the scheduler takes, which is {num}`a_real_cluster.margin_hours` of this compressed grid.
# {num}`a_real_cluster.again` had to be handed over more than once.

# %% [markdown]
# ## Work done twice
#
# What a run did after its last checkpoint is lost when it is ended, and done again.
# It is counted by its work, in eighths of an hour: on a busy machine an interval lasts longer than planned, and what is lost is no more than an interval all the same.

# %%
lost = runs[(runs["kills"] > 0) & runs.duplicated(["round", "job"], keep="last")]
twice = killed["work_twice_s"] / killed["checkpoint_s"]
share = lost["unsaved_work_s"] / lost["checkpoint_s"]

# %%
publish.table(
    {
        "runs that were ended before their job was [.0f]": len(lost),
        "of these, with work lost [.0f]": (share > 0).sum(),
        "most work lost by one, in checkpoint intervals [.2f]": share.max(),
        "work done twice by a job on average, in intervals [.2f]": twice.mean(),
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "ended_runs [.0f runs]: runs of killed rounds that ended before their job": len(lost),
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "lossy_runs [.0f runs]: of these, runs that lost work": (share > 0).sum(),
        "most_lost [.2f]: most work lost by a run, in checkpoint intervals": share.max(),
        "margin_hours [.0f h]: the margin, in hours of the compressed grid": rounds[
            "margin_s"
        ].max()
        / short_s,
    }
)

# %% mystnb={"figure": {"caption": "Work lost by runs that were ended in the killed rounds, in checkpoint intervals. Dashed: one interval, what a stop should cost at most.", "name": "fig:real-twice"}, "image": {"alt": "A step curve of the share of ended runs that lost at most so much work; it rises in even steps and ends at {num}`a_real_cluster.most_lost` of an interval."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 3.0))
figures.ecdf(ax, share, color=COLORS["work"])
ax.axvline(1.0, color=COLORS["baseline"], lw=0.8, ls="--")
ax.set(xlabel="work lost [checkpoint intervals]", ylabel="share of ended runs")
plt.show()

# %% [markdown]
# Of {num}`a_real_cluster.ended_runs` that were ended, by a plan or by a kill, {num}`a_real_cluster.lossy_runs` lost work, never more than {num}`a_real_cluster.most_lost` of a checkpoint interval ({numref}`fig:real-twice`).

# %% [markdown]
# ## Events in between
#
# In all rounds but the one for grams somebody else listened to the broker, as another program of a user would.
# Each checkpoint that a job says is told by the agent, and told again by the agent that takes its place, under the same id.

# %%
listened = rounds.dropna(subset="said")
told = listened.groupby(["hour_s", "kind"]).agg(
    broker=("broker_kills", "sum"),
    said=("said", "sum"),
    unheard=("unheard", "sum"),
    median_s=("heard_median_s", "median"),
    most_s=("heard_p95_s", "median"),
)

# %%
publish.table(
    told.reset_index(),
    {
        "hour_s": "an hour lasts [.1f s]",
        "kind": "kind",
        "broker": "broker killed [.0f]",
        "said": "checkpoints said [.0f]",
        "unheard": "of these, not heard [.0f]",
        "median_s": "heard after, median [.2f s]",
        "most_s": "most within, median of rounds [.2f s]",
    },
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "broker_kills [.0f kills]: of the broker in rounds": rounds["broker_kills"].sum(),
        "said [.0f checkpoints]: checkpoints that jobs said in all rounds": rounds["said"].sum(),
        "unheard [.0f checkpoints]: of these, not heard by who listened": rounds["unheard"].sum(),
    }
)

# %% tags=["hide-cell"]
heard_s = listened.groupby(listened["kills"] > 0)["heard_median_s"].median()
_ = numbers.fact("all_heard", rounds["unheard"].sum() == 0, "every checkpoint said was heard")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "heard_calm [.2f s]: from a checkpoint to its hearing, median of calm rounds": heard_s[
            False
        ],
        "heard_killed [.2f s]: the same of killed rounds": heard_s[True],
    }
)

# %% mystnb={"figure": {"caption": "From a job's word of a checkpoint to its hearing by another program, a mark a round: the median, and what most stay below.", "name": "fig:real-heard"}, "image": {"alt": "Two rows of marks on a logarithmic axis of seconds, calm rounds to the left of killed ones; medians lie near {num}`a_real_cluster.heard_calm` and {num}`a_real_cluster.heard_killed`, what most stay below lies higher."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=figures.WIDE)
marks = listened.sort_values("kills", kind="stable")
places = np.arange(1, len(marks) + 1)
ax.plot(places, marks["heard_median_s"], "o", color=COLORS["work"], label="median")
ax.plot(places, marks["heard_p95_s"], "^", color=COLORS["startup"], label=f"{quantile:.0%} below")
ax.axvline((marks["kills"] == 0).sum() + 0.5, color=COLORS["baseline"], lw=0.8, ls="--")
ax.set(yscale="log", xlabel="round, calm ones first", ylabel="heard after [s]", xticks=places)
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# {if}`a_real_cluster.all_heard` Through {num}`a_real_cluster.broker_kills` of the broker, all of {num}`a_real_cluster.said` were heard ({numref}`fig:real-heard`).
# {if-not}`a_real_cluster.all_heard` Through {num}`a_real_cluster.broker_kills` of the broker, {num}`a_real_cluster.unheard` of {num}`a_real_cluster.said` were not heard ({numref}`fig:real-heard`): an agent that is killed forgets what it had not told yet, and whoever takes its place tells nothing of jobs that are over.
# A job loses nothing by it, since an event is a hint and the agent acts by what it sees.
#
# The broker was tried alone, too: one program tells, another hears, and the server is killed again and again.

# %%
events = datasets.slurm_events()
trips, burst, blows = events["round_trip"], events["burst"], events["killed"]

# %%
publish.table(
    {
        "start of the server [.2f s]": events["start_s"],
        "from telling to hearing, median [.1f ms]": trips["median_ms"],
        "the same, most within [.1f ms]": trips["p95_ms"],
        "acknowledged, one connection that waits for each [.0f 1/s]": burst["acknowledged_per_s"],
        "kills of the server [.0f]": blows["kills"],
        "events acknowledged meanwhile [.0f]": blows["acknowledged"],
        "of these, never heard [.0f]": blows["missing"],
        "of these, heard twice [.0f]": blows["heard_twice"],
        "processes that wanted each core [.1f]": events["load"],
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "event_kills [.0f kills]: of the broker tried alone": blows["kills"],
        "event_acknowledged [.0f events]: acknowledged meanwhile": blows["acknowledged"],
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "event_missing [.0f events]: of these, never heard": blows["missing"],
        "event_twice [.0f events]: of these, heard twice": blows["heard_twice"],
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "event_trip [.1f ms]: from telling to hearing, median": trips["median_ms"],
        "event_start [.2f s]: start of the server": events["start_s"],
    }
)

# %% [markdown]
# It starts in {num}`a_real_cluster.event_start`, and half of its events are heard within {num}`a_real_cluster.event_trip`.
# Of {num}`a_real_cluster.event_acknowledged` that it acknowledged between {num}`a_real_cluster.event_kills`, {num}`a_real_cluster.event_missing` are missing and {num}`a_real_cluster.event_twice` came twice.

# %% [markdown]
# ## Receipts
#
# When a job is over, the agent writes a *receipt*: planned against real.
# Its grams are those of the plan's phases, laid over the real runs as Slurm accounts for them.
# With an hour in {num}`a_real_cluster.short_hour`, a lag of a second is most of an hour, and grams mean little; they are compared in the round in which an hour lasts {num}`a_real_cluster.long_hour`.

# %%
receipts = jobs[jobs["hour_s"] == long_s]
grams = receipts[["planned_g", "real_g", "at_once_g"]].sum()
off = 100 * (grams["real_g"] / grams["planned_g"] - 1)
each = 100 * (receipts["real_g"] / receipts["planned_g"] - 1)

# %%
publish.table(
    {
        "planned [.2f g]": grams["planned_g"],
        "by the receipts [.2f g]": grams["real_g"],
        "had all run at once [.2f g]": grams["at_once_g"],
        "receipts over plans [.2f %]": off,
        "largest difference of a job [.2f %]": each[each.abs().idxmax()],
    }
)

# %% tags=["hide-cell"]
saved = 100 * (1 - grams["real_g"] / grams["at_once_g"])

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "grams_off [.2f %]: grams of all receipts over those planned": abs(off),
        "grams_off_most [.2f %]: the same for the job that differs most": each.abs().max(),
        "grams_saved [.1f %]: grams of all receipts below those of running at once": saved,
    }
)

# %% mystnb={"figure": {"caption": "Grams of each job's receipt against those of its plan, with an hour of the grid in a minute. Line: equal.", "name": "fig:real-grams"}, "image": {"alt": "Eight dots on or next to the diagonal; the job that differs most does so by {num}`a_real_cluster.grams_off_most`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.2, 4.0))
most_g = 1.05 * receipts[["planned_g", "real_g"]].to_numpy().max()
ax.plot([0, most_g], [0, most_g], color=COLORS["baseline"], lw=0.8)
ax.plot(receipts["planned_g"], receipts["real_g"], "o", color=COLORS["jobs"])
ax.set(xlabel="planned [g CO2e]", ylabel="by the receipt [g CO2e]")
ax.set(xlim=(0, most_g), ylim=(0, most_g), aspect="equal")
plt.show()

# %% [markdown]
# All receipts together differ from the plans by {num}`a_real_cluster.grams_off`, a single one by {num}`a_real_cluster.grams_off_most` at most ({numref}`fig:real-grams`); they lie {num}`a_real_cluster.grams_saved` below running at once.

# %% [markdown]
# ## What could be wrong
#
# * Four nodes on one machine share its clock and its disk; a network that fails and a slow shared file system are not here.
# * A requeued job rested for three seconds before it was started again. On a cluster the agent lets it rest two minutes, as long as Slurm itself does, and plans must allow for that.
# * Nobody else was on the nodes, so a job that might start did. On a full cluster the queue has the last word: {doc}`from_estimate_to_submission` is about that wait.
# * The machine, of two cores, was busy with other work: its mean load was {num}`a_real_cluster.calm_load` in calm rounds and {num}`a_real_cluster.load` in killed ones. Delays of seconds are part of what the plans survived, and say nothing of a cluster that is not.
# * The round for grams ran just before the last changes to the agent, which concern what it tells and not what it does; nobody listened in it.
# * The jobs sleep: grams are those of their phases, not of a meter.
# * A controller that stays down longer than the margin makes jobs late, whoever plans them.

# %% [markdown]
# ## To try
#
# The measurements are made by one script, as root on a machine with Debian's Slurm (`make packages`):
#
# ```sh
# python tests/operate/measure.py --kills 100 --out data/slurm
# python tests/operate/measure.py --kills 20 --victims controller --out other   # nobody else is killed
# make run CHAPTER=a_real_cluster P="quantile=0.5"
# ```
#
# * Which of the victims costs most work?
# * How long must a controller be away for a job to miss its deadline?

# %%
numbers
