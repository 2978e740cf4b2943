# %% [markdown]
# # Explaining decisions
#
# **Question.**
# My job waits: why, what does that gain, and what would have to be otherwise for it to run?
#
# **Answer.**
# On {word}`explaining_decisions.day` in {word}`explaining_decisions.place`, with pauses and the future unknown, {num}`explaining_decisions.answers` can be had, each with the smallest changes that turn the decision.
# Of {num}`explaining_decisions.changes` tried on the engine itself {num}`explaining_decisions.turned` turned it.
# The median answer has {num}`explaining_decisions.words`.
#
# {opening}`fig:explained-day`
#
# **You need.**
# {doc}`carbon_aware_cluster` for what the policy does, and nothing of how it does it: an explanation reads no code of a policy.
# A *decision* is taken whenever something happens; about each job that is there it says that it starts, waits, is paused, stays paused, resumes or runs on.

# %% tags=["parameters"]
zone, date = "DE", "2020-09-07"  # one of datasets.zones(); the day that is told
log_day = 32  # day of the log on which that day begins
nodes, cores_per_node = 92, 12
hold_share, suspend_share = 0.6, 0.7  # holds above the one, suspends above the other
short_wait_h, long_wait_h = 6.0, 24.0  # longest wait of jobs that ask for up to 2 h, and of others
core_w = 8.0  # power that a busy core adds to its node [W]
save_s = 60.0  # a stop and a resume cost a job so much time at full power
asked_again = 100  # answers that are asked again with another intensity
seed = 1

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish, stats
from helpers.cluster.ask import Inquiry, grams_by_decision
from helpers.cluster.day import Day
from helpers.decide import CarbonEasy, PastQuantile
from helpers.decide.explain import explain
from helpers.decide.moment import intensity_g_per_kwh
from helpers.decide.quality import compare, reading_grade, words
from helpers.phases import Suspension
from helpers.phases.model import Phase
from helpers.study import Stretch
from helpers.work import Cluster

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
TRACE, HOUR = "unilu-gaia-2014", 3600.0
about = {"jobs": TRACE, "pauses": "charged", "future": "unknown"}
numbers = publish.Numbers("explaining_decisions", publish.Scope((zone,), (date[:4],), **about))

# %% [markdown]
# ## A day of a cluster
#
# The jobs are those of the UniLu Gaia cluster ({cite:t}`feitelson2014`) around day {num}`explaining_decisions.log_day` of its log, on a machine of {num}`explaining_decisions.cores` that leaves little room.
# The policy is carbon-aware EASY of {doc}`carbon_aware_cluster`: it holds jobs while it is dirtier than in a share of the week before, pauses running ones when it is dirtier still, never keeps a job from running for longer than its user accepts, and keeps the promises that backfilling gives.
# The day is {word}`explaining_decisions.day` in {word}`explaining_decisions.place`; the jobs of the three days before fill the machine.

# %%
queues = [(2 * HOUR, short_wait_h * HOUR), (np.inf, long_wait_h * HOUR)]
stop = Suspension(save=(Phase("save", save_s, core_w),))
around = {"days": 1, "warm_days": 3, "late_days": 2, "queues": queues}
run_with = {"power_w": core_w, "suspension": stop, "errors": "skip"}
stretch = Stretch.from_log(datasets.job_log(TRACE), log_day, **around, **run_with)

# %%
clock, machine = datasets.time_zone(zone), Cluster(nodes, cores_per_node)
policy = CarbonEasy(PastQuantile(hold_share), PastQuantile(suspend_share))
when = {"origin": stretch.origin(date, clock), "time_zone": clock}
curve = datasets.carbon_intensity(zone, None)
inquiry = Inquiry(stretch.work, machine, policy, intensity=curve, **when)

# %% [markdown]
# A replay is the same each time, so that any of its decisions can be had back.
# `Day` asks about every job at every decision of the day.

# %%
day = Day.of(inquiry, date)
publish.table(
    day.decisions.rename_axis("did").reset_index(),
    {"did": "what became of a job", "count": "answers [.0f]"},
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "answers [.0f answers]: answers of the day, one a decision and job": len(day.told),
        "jobs [.0f jobs]: jobs that were there that day": len(day.jobs),
        "decisions [.0f decisions]: decisions of the day": day.answers["time_s"].nunique(),
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "cores [.0f cores]: cores of the machine": machine.cores,
        "log_day [.0f]: day of the log on which the day begins": log_day,
    }
)

# %% tags=["hide-cell"]
numbers.word("place", datasets.place(zone), "the grid of the day")
numbers.word("clock", clock, "the clock of the day")
_ = numbers.word("day", f"{pd.Timestamp(date):%-d %B %Y}", "the day that is told")

# %% tags=["hide-input"]
hours = (day.answers["time_s"] - day.start_s) / HOUR
counts = day.answers.assign(hour=hours).pivot_table(
    index="hour", columns="did", values="job", aggfunc="size", fill_value=0
)
kept = counts.reindex(columns=["waits", "stays paused"], fill_value=0)
turns = day.answers.assign(hour=hours)[day.answers["did"].isin(list(kept))]
turns = turns.groupby("hour")["turns_g_per_kwh"].max()
steps = curve.window(
    when["origin"].timestamp() + day.start_s, when["origin"].timestamp() + day.stop_s
)

# %% mystnb={"figure": {"caption": "The day. Above: carbon intensity (line), and at each decision the highest intensity at which a job that was kept from running would have run (dots). Below: jobs that waited and jobs that stayed paused. Time by the clock of {word}`explaining_decisions.clock`.", "name": "fig:explained-day"}, "image": {"alt": "Above, a step curve of carbon intensity over a day with dots below it where jobs are kept from running; below, two step curves of the number of jobs that wait and that stay paused, at most {num}`explaining_decisions.most_waiting` and {num}`explaining_decisions.most_paused`."}} tags=["hide-input"]
fig, (upper, lower) = plt.subplots(2, 1, figsize=(7.2, 4.6), sharex=True)
edges = (steps.edges_s - steps.edges_s[0]) / HOUR
upper.stairs(steps.intensity_g_per_kwh, edges, baseline=None, color=COLORS["average"])
upper.plot(turns.index, turns, ".", color=COLORS["carbon"], label="would have run up to here")
upper.set(ylabel="intensity, g/kWh", ylim=(0, None))
upper.legend(loc="lower left")
for name, color in zip(kept, (COLORS["queued"], COLORS["suspended"]), strict=True):
    lower.step(kept.index, kept[name], where="post", color=color, label=name)
lower.set(ylabel="jobs", xlabel="hour of the day", xlim=(0, edges[-1]), ylim=(0, None))
lower.legend(loc=(0.56, 0.4))
plt.show()

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "most_waiting [.0f jobs]: most jobs that waited at one decision": kept["waits"].max(),
        "most_paused [.0f jobs]: most jobs that stayed paused": kept["stays paused"].max(),
    }
)

# %% [markdown]
# ## The day, decision by decision
#
# **A job is held for clean power.**
# The first sentence says what became of it and what that came to, counted after the fact; the second what would have turned the decision, one fact at a time.

# %%
print(day.tell("waits", "intensity"))

# %% [markdown]
# **A job waits for cores.**
# No intensity helps it: others hold what it needs.
# The jobs named are those that are planned to end first; how many must go is counted, not guessed.

# %%
print(day.tell("waits", "ended", but="intensity"))

# %% [markdown]
# **A job waits behind another.**
# Had it come before, it would run: backfilling keeps the promise that the first in line was given.

# %%
print(day.tell("waits", "submitted"))

# %% [markdown]
# **A job starts, clean or not.**
# What its user accepts is a fact like the others: who accepts less starts sooner, whatever the grid does.

# %%
print(day.tell("starts", "longest wait"))

# %% [markdown]
# **A running job is paused.**
# The comparison is with running on; saving, start-up and what is done twice are counted.

# %%
print(day.tell("is paused", "intensity"))

# %% [markdown]
# **It stays paused, and resumes.**

# %%
print(day.tell("stays paused"))
print()
print(day.tell("resumes"))

# %% [markdown]
# **Not every decision was a good one.**
# The policy does not know the future.
# In hindsight a part of the pauses cost more than running on would have: the grid was no cleaner when the jobs went on.

# %%
pauses = day.grams[day.grams["did"] == "is paused"].assign(
    saved_g=lambda table: table["now_g"] - table["got_g"]
)

# %%
publish.table(
    pauses.sort_values("saved_g").head(3),
    {
        "job_id": "job",
        "now_g": "had it run on [.0f g]",
        "got_g": "as it went [.0f g]",
        "later_h": "paused for [.1f h]",
    },
)

# %% tags=["hide-cell"]
bad, saved_kg = (pauses["saved_g"] < 0).mean(), pauses["saved_g"].sum() / 1000
numbers.record_table(
    {
        "pauses [.0f]: pauses of the day": len(pauses),
        "bad_pauses [.0f %]: pauses that cost more than running on": 100 * bad,
        "pauses_saved [.2f kg]: saved by the pauses of the day, each by itself": saved_kg,
    }
)

# %% [markdown]
# Of the {num}`explaining_decisions.pauses` pauses of the day {num}`explaining_decisions.bad_pauses` cost more than running on; all together they saved {num}`explaining_decisions.pauses_saved`, each taken by itself.
#
# **What waiting cost others.**
# For each job that was kept from running the whole replay is done again with that one job never held.
# Others then end at other times: the difference is what its waiting did to them.

# %%
others = day.others.set_index("job").join(day.jobs.set_index("job")[["job_id", "processors"]])

# %%
publish.table(
    others.sort_values("longer_h", ascending=False).head(5),
    {
        "job_id": "job that was held",
        "processors": "its cores [.0f]",
        "longer_h": "others ended later by [.1f h]",
        "shorter_h": "others ended earlier by [.1f h]",
    },
)

# %% tags=["hide-cell"]
longer_h, shorter_h = others[["longer_h", "shorter_h"]].sum()
untouched = (others[["longer_h", "shorter_h"]].sum(axis=1) == 0).mean()
numbers.record_table(
    {
        "held [.0f jobs]: jobs that were kept from running that day": len(others),
        "untouched [.0f %]: of them, those whose waiting changed nothing for others": 100
        * untouched,
    }
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "longer [.1f h]: by how much others ended later, all of them and all others": longer_h,
        "shorter [.1f h]: by how much others ended earlier": shorter_h,
    }
)

# %% [markdown]
# Waiting is not only a cost to others: a job that is held leaves its cores to them.
# Of the {num}`explaining_decisions.held` that were kept from running, some for want of cores alone, {num}`explaining_decisions.untouched` changed nothing for anybody else; over all of them others ended {num}`explaining_decisions.longer` later and {num}`explaining_decisions.shorter` earlier.
#
# ## Ask it yourself
#
# Choose a job, move to a decision, read why.
# All answers of the day stand in this page, as the chapter's run has found them; nothing is sent or fetched.

# %%
day

# %% [markdown]
# ## Are the explanations true?
#
# An explanation is contrastive: it names what would have to be otherwise {cite}`miller2019`.
# So it can be checked: make the change, take the decision again.
# That is how it was found; it is checked on something else, the engine of the simulator, which is run from the start up to that decision, changed, and asked ({doc}`data_sheets`).

# %%
counted = datasets.explanations("decisions")
sums = counted.sum(numeric_only=True)
again = 100 * sums["between_turned"] / sums["between"]

# %%
publish.table(
    counted,
    {
        "policy": "policy",
        "decisions": "decisions [.0f]",
        "changes": "changes named [.0f]",
        "turned": "that turn it [.0f]",
        "short": "one step less tried [.0f]",
        "short_held": "that do not [.0f]",
        "mean_ms": "time of an answer [.1f ms]",
    },
)

# %% tags=["hide-cell"]
generated = {"pauses": "", "future": "", "grids": (), "years": (), "jobs": "generated"}
numbers.record_table(
    {
        "policies [.0f policies]: policies that were counted": len(counted),
        "counted [.0f decisions]: decisions about a job that were explained": sums["decisions"],
    },
    scope=generated,
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "changes [.0f changes]: changes that the explanations name": sums["changes"],
        "turned [.0f]: of them, those that turn the decision on the engine": sums["turned"],
        "short [.0f changes]: one step less, tried on the engine": sums["short"],
        "short_held [.0f]: of them, those that do not turn it": sums["short_held"],
    },
    scope=generated,
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "between [.0f changes]: smaller changes tried besides": sums["between"],
        "between_turned [.2f %]: of them, those that turn it, too": again,
        "answer_ms [.1f ms]: longest time of an answer, small clusters": counted["most_ms"].max(),
    },
    scope=generated,
)

# %% [markdown]
# Over {num}`explaining_decisions.policies` and {num}`explaining_decisions.counted`, on small clusters drawn at random, {num}`explaining_decisions.turned` of {num}`explaining_decisions.changes` turn the decision, and {num}`explaining_decisions.short_held` of {num}`explaining_decisions.short`, one step less, do not.
# Thresholds are found by bisection.
# Where a policy turns more than once between the present and its extreme, a smaller change may do; of {num}`explaining_decisions.between` smaller ones {num}`explaining_decisions.between_turned` did.
# No answer took longer than {num}`explaining_decisions.answer_ms` there.
#
# What the decisions of the day's replay caused adds up to what its jobs caused.

# %%
by_decision = grams_by_decision(inquiry.replay)["grams"].sum()
whole = inquiry.replay.emissions_g()["jobs"]

# %%
publish.table(
    {
        "sum over decisions [.3f kg]": by_decision / 1000,
        "emissions of all jobs [.3f kg]": whole / 1000,
        "they agree to one part in a billion": "yes"
        if abs(by_decision / whole - 1) < 1e-9
        else "no",
    }
)

# %% [markdown]
# ## Are they good?
#
# *Short and plain.*
# The reading grade is the automated readability index {cite}`senter1967`: 4.71 times characters a word, plus half the words a sentence, less 21.43, in grades of a school in the United States.
# Numbers and units are short words, so the index flatters answers that are full of them: it says that sentences are short, not that they are easy.

# %%
texts = (day.answers["what"] + " " + day.answers["why"]).drop_duplicates()
measured = pd.DataFrame({"words": texts.map(words), "grade": texts.map(reading_grade)})

# %%
publish.table(
    measured.quantile([0.05, 0.5, 0.95]).rename(index="{:.0%}".format),
    {"words": "words [.0f]", "grade": "reading grade [.1f]"},
    index="share of answers at or below",
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "words [.0f words]: median length of an answer": measured["words"].median(),
        "words_most [.0f words]: longest answer": measured["words"].max(),
        "grade [.1f]: median reading grade of an answer": measured["grade"].median(),
    }
)

# %% [markdown]
# *Steady.*
# An explanation that changes with every breath of the grid helps nobody.
# Answers about jobs that are kept from running are asked again with the present intensity one percent higher or lower.

# %%
rng = np.random.default_rng(seed)
held = np.flatnonzero(day.answers["did"].isin(["waits", "stays paused"]))
drawn = np.sort(rng.choice(held, min(asked_again, held.size), replace=False))
moments = inquiry.moments(day.answers["time_s"].iloc[drawn])
factors = 1 + 0.01 * rng.choice([-1, 1], drawn.size)

# %%
outcomes = []
for place, factor in zip(drawn, factors, strict=True):
    before, row = day.told[place], int(day.rows[place])
    moment = moments[before.now_s]
    other = moment.scene().view.intensity_g_per_kwh * factor
    after = explain(moment.changed(intensity_g_per_kwh(other)), row, clock=before.clock)
    outcomes.append(compare(before, after))
steady = pd.Series(outcomes).value_counts(normalize=True).mul(100)

# %%
publish.table(
    steady.rename_axis("then").reset_index(name="share"),
    {"then": "with another intensity the answer is", "share": "share [.1f %]"},
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "steady [.0f %]: answers that are the same with an intensity 1 % off": steady.get(
            "the same", 0
        ),
        "other_decision [.0f %]: answers whose decision is another one then": steady.get(
            "another decision", 0
        ),
    }
)

# %% [markdown]
# {num}`explaining_decisions.steady` of them stay the same: same outcome, same facts, thresholds within five percent.
# In {num}`explaining_decisions.other_decision` the decision itself is another one.
#
# ## A playbook for operators
#
# A small tree imitates a policy: it sees what an operator could see of a job that fits, and says start or hold.
# The teacher here is EASY that holds jobs above a share of the past week and stops none, on a roomy machine, since a playbook cannot stop jobs either.
# It is fitted to a week of one year and judged on a week of the same season a year later.

# %%
rules = datasets.explanations("rules").query("zone == @zone")
season = rules["season"].iloc[0]

# %%
publish.table(
    rules[rules["season"] == season],
    {
        "if": "if",
        "then": "then",
        "true of": "true of [.1f %]",
        "decisions": "of so many decisions [.0f]",
    },
    caption=f"{datasets.place(zone)}, {season}",
)

# %%
judged = datasets.explanations("playbooks")
own = judged[judged["fitted"] == judged["judged"]]
thresholds = datasets.explanations("rules").groupby(["zone", "season"])["cleaner_percent"].first()

# %%
publish.table(
    own.join(thresholds, on=["zone", "fitted"]),
    {
        "zone": "grid",
        "fitted": "season",
        "cleaner_percent": "start up to this share of cleaner hours [.0f %]",
        "g_per_kwh": "that week's intensity there [.0f g/kWh]",
        "agreed": "agreement [.1f %]",
        "starts": "its starts [.1f %]",
        "holds": "its holds [.1f %]",
        "teacher_saved": "teacher saves [.1f %]",
        "playbook_saved": "playbook saves [.1f %]",
    },
)

# %% tags=["hide-cell"]
kept_share = own["playbook_saved"].sum() / own["teacher_saved"].sum()
roomy = {"grids": tuple(own["zone"].unique()), "weeks": len(own), "pauses": "none"}

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "books [.0f playbooks]: playbooks, one a grid and season": len(own),
        "agreed [.1f %]: mean agreement with the teacher in the season's next year": own[
            "agreed"
        ].mean(),
        "agreed_least [.1f %]: least of these agreements": own["agreed"].min(),
        "commoner [.1f %]: agreement of always giving the commoner answer": own["commoner"].mean(),
    },
    scope=roomy,
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "starts [.1f %]: the teacher's starts that playbooks share": own["starts"].mean(),
        "holds [.1f %]: the teacher's holds that playbooks share": own["holds"].mean(),
        "kept [.0f %]: what playbooks save over what the teacher saves": 100 * kept_share,
        "rules_most [.0f rules]: rules of the longest playbook": rules.groupby("season")
        .size()
        .max(),
    },
    scope=roomy,
)

# %% tags=["hide-cell"]
worst = own.loc[own["starts"].idxmin()]
worst_of = f"{datasets.place(worst['zone'])} in {worst['fitted']}"
_ = numbers.word("worst", worst_of, "where a playbook shares fewest starts of its teacher")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "worst_starts [.1f %]: starts that the worst playbook shares": worst["starts"],
        "worst_saved [.1f %]: saved by the worst playbook": worst["playbook_saved"],
        "worst_teacher [.1f %]: saved by its teacher": worst["teacher_saved"],
    },
    scope={"grids": (), "years": (), "weeks": 0, "pauses": "none"},
)

# %% [markdown]
# Over {num}`explaining_decisions.books` they agree with their teacher in {num}`explaining_decisions.agreed` of its decisions, at least in {num}`explaining_decisions.agreed_least`.
# All of them find the teacher's gate again, more or less; what it comes to in grams differs from grid to grid and season to season.
# The agreement is less than it seems: most decisions are to hold, again and again, and always holding agrees in {num}`explaining_decisions.commoner`.
# Of the teacher's starts they share {num}`explaining_decisions.starts`, of its holds {num}`explaining_decisions.holds`.
# Run as a policy a year later they save {num}`explaining_decisions.kept` of what the teacher saves.
# The worst, of {word}`explaining_decisions.worst`, shares {num}`explaining_decisions.worst_starts` of the starts and saves {num}`explaining_decisions.worst_saved` where the teacher saves {num}`explaining_decisions.worst_teacher`.
#
# **When is a playbook no longer valid?**
# A playbook says how many decisions lie outside of what it was fitted to.
# Each was judged in every season: the diagonal is its own.

# %%
seasons = list(judged["fitted"].unique())
table = judged.pivot_table("starts", "fitted", "judged", aggfunc="mean").loc[seasons, seasons]
publish.table(table, "starts shared in {} [.1f %]", index="fitted in")

# %%
outside = judged.pivot_table("outside", "fitted", "judged", aggfunc="mean").loc[seasons, seasons]
publish.table(outside, "outside in {} [.1f %]", index="fitted in")

# %% [markdown]
# ## A study with people, ready to run
#
# Nothing here says that people understand these answers, act on them or like them.
# {doc}`user_study` has the protocol of a study that would.
# Its sample sizes are computed here, with the effects that it is to detect.

# %%
level = 0.05 / 3  # three hypotheses, Bonferroni: the plan must hold for the smallest
right = stats.runs_to_detect(15.0, 25.0, alpha=level)  # percentage points of questions right
shift = 2 * (np.arcsin(np.sqrt(0.65)) - np.arcsin(np.sqrt(0.40)))  # Cohen's h
act = stats.runs_to_detect(shift, 1.0, alpha=level)
slow = stats.runs_to_detect(np.log(1.25), 0.5, alpha=2 * level)  # one-sided: no slower than by 25 %

# %% tags=["hide-cell"]
group = max(right, act, slow)
nobody = {"pauses": "", "future": "", "grids": (), "years": (), "jobs": ""}

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "study_right [.0f participants]: people a group to detect 15 points more questions right": right,
        "study_act [.0f participants]: people a group to detect 65 % instead of 40 % who act well": act,
        "study_slow [.0f participants]: people a group to show answers no slower than by 25 %": slow,
    },
    scope=nobody,
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "study_group [.0f participants]: people a group, the largest of the three": group,
        "study_asked [.0f participants]: people to be asked, both groups, 15 % lost": np.ceil(
            2 * group / 0.85
        ),
    },
    scope=nobody,
)

# %% [markdown]
# The largest of the three asks for {num}`explaining_decisions.study_group` a group, {num}`explaining_decisions.study_asked` with those who will not finish.
#
# (limits-explaining-decisions)=
# ## What could be wrong, and what would change our mind
#
# * **One fact at a time.** The smallest change of one fact is told; two small ones together may be easier to make. Where no single fact will do, the fewest together are told.
# * **This decision, not history.** A change is made at the decision: what was decided before stands. A job that had asked for less from the beginning might have started long ago.
# * **Grams are hindsight.** What a wait came to is counted with true run times and the true curve; who decided knew neither. They are the emissions of the job alone, at average intensity.
# * **Others are what they were.** In a replay with one job never held nobody reacts.
# * **The policy is ours.** A real scheduler has priorities, partitions and limits that this policy does not have; what it would say is not claimed.
# * **Playbooks see what operators see.** Their features were chosen by us; one log, one week of jobs.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=explaining_decisions P="zone=FR"
# make run CHAPTER=explaining_decisions P="nodes=75"
# make run CHAPTER=explaining_decisions P="hold_share=0.3 suspend_share=0.5"
# ```
#
# 1. With `nodes=75`, which answers change from intensity to cores?
# 2. At which `save_s` do most pauses cost more than running on?
# 3. Find the job whose waiting cost others most: what would have turned its decision?
#
# ## The numbers of this chapter

# %%
numbers
