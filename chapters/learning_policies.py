# %% [markdown]
# # Learning policies
#
# **Question.**
# Can a policy be learned that saves more than a good rule, and how much is left to be had?
#
# **Answer.**
# {if-not}`learning_policies.beats` Not shown here.
# {if}`learning_policies.beats` Yes, in these weeks.
# With forecasts, at {num}`learning_policies.learned_delay` of mean delay, what was learned saves {num}`learning_policies.learned_saved`; the best rule, laid at the same delay, saves {num}`learning_policies.rule_saved`.
# No schedule without pauses saves more than {num}`learning_policies.bound_saved` at that delay, the future known.
#
# {opening}`fig:learning-frontier`
#
# **You need.**
# {doc}`carbon_aware_cluster` for gates and for what waiting saves on a finite machine, {doc}`predicting_jobs` for lengths that are not known.
# The *delay* of a job is its time in the system less its run time; a *frontier* is what can be saved at each mean delay.

# %% tags=["parameters"]
aim_kwh = 0.001  # price of an hour of a job's delay, of those judged: 0.0003, 0.001, 0.003 kWh
limit_h = 1.0  # limit on the mean delay, of those held: 0.5, 1 and 2 h
example_zone = "DE"  # the grid of costs
load, slots = 0.7, 16  # of the stored tables
core_w, idle_share_w = 8.0, 8.0  # a busy core, and its share of a node that is on [W] (assumed)
weeks_of_year = 52

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from helpers import datasets, figures, publish
from helpers.learn import FEATURES, Net
from helpers.learn.judge import closed, compared, frontiers, matched, named, roof
from helpers.panel import Panel
from helpers.stats import holm

# %% tags=["hide-input"]
figures.use_style()
COLORS = figures.COLORS
judged, bound = named(datasets.learning("judged")), datasets.learning("bound")
ZONES, WEEKS = sorted(judged["zone"].unique()), sorted(judged["week"].unique())
TRACE = "unilu-gaia-2014"
YEAR = pd.Timestamp(WEEKS[0]).year
SCOPE = publish.Scope(ZONES, (YEAR,), len(WEEKS), TRACE, future="forecast")
numbers = publish.Numbers("learning_policies", SCOPE)
_ = numbers.word("year", YEAR, "the year of the weeks of test")

# %% tags=["hide-input"]
LEARNED, RULE, GATE, LARGE = "learned, full", "priced", "gate", "large"
HELD = {policy: f"{policy}, held" for policy in (LEARNED, RULE)}
NAME = {GATE: "gate", LARGE: "gate, large jobs", RULE: "priced waiting", LEARNED: "learned"}
SHADES = ("easy", "conservative", "shortest_first", "carbon")
SHADE = {policy: COLORS[shade] for policy, shade in zip(NAME, SHADES, strict=True)}

# %% [markdown]
# ## The environment
#
# A learner needs a world to try things in.
# Here it is the engine of {doc}`sharing_a_cluster` itself: it yields what a decision may know, waits for orders, and goes on.
# There is no second simulator, and a known rule that gives its orders this way leaves the same schedule as outside, start by start; a test holds that for nine rules on generated weeks.
#
# What is seen is what a policy may know: the intensity of the week before, the forecast as it was issued, what jobs ask for, quantiles of their lengths as predicted, the queue, the machine.
# The {num}`learning_policies.slots` with most work, as predicted, are asked about one by one, all others together.
# Each is told to wait or to run, whenever the intensity steps or a large job comes.
# {cite:t}`lechowicz2025` cap the machine instead; that is the environment's other way to act.

# %%
policies = [Net.parse(text) for text in datasets.learned_policies()]
full = [net for net in policies if net.about["kind"] == "full"]
weights = sum(array.size for array in full[0].weights)

# %%
made = {"trained on everything [.0f]": len(full), "with less [.0f]": len(policies) - len(full)}
publish.table({"features in a row [.0f]": len(FEATURES), "weights of a net [.0f]": weights} | made)

# %% [markdown]
# ### What the reward really rewards
#
# Grams are booked when they are decided, not when they are burnt.
# A job that waits an hour changes what it will emit by the difference between a start now and a start then; that difference is the reward of the hour, and over a job's life the differences add up to what was saved against a start at its submission.
# A test holds the sum to the account of {doc}`counting_carbon`.
# So a learner need not find out weeks later which of its decisions was good.
#
# Waiting is not weighed against grams once and for all.
# It is a cost of its own: an hour of a job's delay has a price, the multiplier of a limit on the mean delay.
# Each week of training has another price, which the net sees, so that one net answers all of them {cite}`abels2019`.
# How long a single job may wait is out of the learner's reach: orders that would break a promise or a longest wait are not carried out.

# %% [markdown]
# ## Training
#
# The learner is PPO with masks {cite}`raffin2021,huang2022`: each of the jobs asked about is a player, all share one small net, and each earns what its own job saved, less what its delay cost.
# It begins as an imitation of a rule, *priced waiting*: wait for the start at which expected emissions and the price of the delay are least together.
# Among what it sees is what that rule compares, so that it begins as good as the rule and has only to find what the rule leaves.
# Weeks of training are of 2019, and their jobs of other weeks of the log than those of test; forecasts are a regression on the months before.
# One net serves all grids and all prices.

# %%
curves = datasets.learning("curves")
each = curves.groupby(["kind", "seed"]).agg({"steps": "max", "played": "size", "cpu_s": "max"})
trained = each.groupby("kind").mean().assign(policies=each.groupby("kind").size())

# %%
columns = {"policies": "policies [.0f]", "steps": "times asked [.0f]"}
columns |= {"played": "weeks played [.0f]", "cpu_s": "CPU time of one [.0f s]"}
publish.table(trained, columns, index="trained with")

# %% tags=["hide-input"]
mine = curves[curves["kind"] == "full"].sort_values(["seed", "played"])
mine["tenth"] = mine.groupby("seed")["played"].transform(lambda n: 10 * n // (n.max() + 1) + 1)
steps = mine.groupby(["tenth", "seed"])[["saved", "net"]].mean()
spread = [steps[of].groupby("tenth").agg(["min", "mean", "max"]) for of in steps]

# %% mystnb={"figure": {"caption": "Learning curves: what was saved in the weeks played (left), and that less the price of the delay (right), by tenth of the training; line: mean of the seeds, area: from the least to the greatest. Weeks and prices are drawn, and the learner still tries things, so that the curves are rough.", "name": "fig:learning-curves"}, "image": {"alt": "Two rough curves over tenths of the training, with bands for the seeds: what is saved, and what is saved less what delay costs."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.2), sharey=True)
for ax, part in zip(axes, spread, strict=True):
    ax.fill_between(part.index, part["min"], part["max"], color=SHADE[LEARNED], alpha=0.25)
    ax.plot(part.index, part["mean"], color=SHADE[LEARNED], marker="o", markersize=4)
    ax.axhline(0.0, color=COLORS["baseline"], linestyle="--", linewidth=1)
    ax.set(xlabel="tenth of the training", xlim=(0.5, 10.5))
axes[0].set_ylabel("against starting at once, %")
axes[0].set_title("saved")
axes[1].set_title("saved, less the price of delay")
plt.show()

# %% [markdown]
# ## Frontiers
#
# A learner compared with one weak rule at another delay proves nothing.
# Here each has its frontier: the gate of {doc}`carbon_aware_cluster` at several shares; the same gate that lets small jobs go; priced waiting, which sees what the learner sees, and the learner itself at the same prices.
# All run on the same jobs in the same {num}`learning_policies.weeks` of {word}`learning_policies.year` in {num}`learning_policies.grids`, at a load of {num}`learning_policies.load`.
#
# Above them is what no schedule without pauses can do at that mean delay.
# With a price on each hour of delay the best start of each job on endless machines is exact, and by weak duality any price gives a bound; the best of {num}`learning_policies.prices` is taken.

# %% tags=["hide-input"]
found = frontiers(judged).reset_index()
span_h = np.linspace(0.05, 1.05 * found["delay_h"].max(), 60)
most = roof(judged, bound, span_h)

# %% mystnb={"figure": {"caption": "Emissions of jobs saved against EASY, by mean delay, all grids and weeks of test; a point a setting. Line without points: no schedule without pauses gets above it.", "name": "fig:learning-frontier"}, "image": {"alt": "Frontiers of saving against mean delay: gates lie lowest, gates for large jobs and priced waiting higher, and the bound highest; what was learned saves {num}`learning_policies.learned_saved` at a mean delay of {num}`learning_policies.learned_delay`."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(7.2, 4.2))
ax.plot(span_h, most, color=COLORS["baseline"], label="bound")
for policy, shade in SHADE.items():
    points = found[found["policy"] == policy].sort_values("delay_h")
    style = {"marker": "o", "markersize": 6, "color": shade, "label": NAME[policy]}
    ax.plot(points["delay_h"], points["saved"], **style)
ax.set(xlabel="mean delay, h", ylabel="saved, %", xlim=(0, span_h[-1]), ylim=(0, None))
ax.legend(loc="lower right")
plt.show()

# %%
columns = {"policy": "policy", "setting": "setting [.4f]", "saved": "saved [.2f %]"}
columns |= {"delay_h": "mean delay [.2f h]", "p95_h": "95th percentile, mean of weeks [.1f h]"}
columns |= {"work_delay_h": "mean delay by core-hour [.1f h]"}
shown = found[found["policy"].isin(list(NAME))]
publish.table(shown.assign(policy=shown["policy"].map(NAME)), columns)

# %% [markdown]
# The settings are: of gates the share of the past week that counts as clean, of the others the price of an hour of one job's delay [kWh at the mean intensity of the week before].
# Seeds are averaged.
# Jobs are few that hold most of the core-hours, so that who holds those alone saves nearly as much at far less mean delay: by core-hour the delays of all are alike.

# %% [markdown]
# ### Does learning beat the rule?
#
# Two settings of a rule, each for a part of the work, make any delay between theirs.
# So the rule is laid, grid by grid, at the mean delay of what was learned, and both are compared week by week.
# Negative: what was learned emits less.

# %%
PRICES = sorted(judged.loc[judged["policy"] == LEARNED, "setting"].unique())
table = compared(judged, LEARNED, PRICES, (GATE, LARGE, RULE))
said = {True: "yes", False: "no"}
shown = table.assign(rule=table["rule"].map(NAME), beside=table["reached"].map(said))

# %%
effect = {"percent": "emissions against it [.2f %]", "percent_low": "from [.2f %]"}
effect |= {"percent_high": "to [.2f %]", "p_holm": "p, Holm [.3f]"}
whom = {"setting": "price [.4f kWh]", "rule": "compared with"}
publish.table(shown, whom | effect | {"beside": "the rule reaches that delay in all grids"})

# %% [markdown]
# The same in each grid, at a price of {num}`learning_policies.aim`, against priced waiting; Holm over the grids.

# %%
by_grid = compared(judged, LEARNED, [aim_kwh], [RULE], each_zone=True)
publish.table(by_grid, {"zone": "grid"} | effect)

# %% tags=["hide-cell"]
base = judged[judged["policy"] == "EASY"].groupby("zone")["jobs"].sum()
laid = {rule: matched(judged, LEARNED, aim_kwh, rule) for rule in (GATE, RULE)}
sums = {rule: pair.loc[pair["policy"] == rule, "jobs"].sum() for rule, pair in laid.items()}
saved = {rule: 100 * (1 - kwh / base.sum()) for rule, kwh in sums.items()}

# %% tags=["hide-cell"]
aimed = found[(found["policy"] == LEARNED) & (found["setting"] == aim_kwh)].iloc[0]
same = found[(found["policy"] == RULE) & (found["setting"] == aim_kwh)].iloc[0]
short = found[found["policy"] == "learned, short"].iloc[0]
beside = table[(table["setting"] == aim_kwh) & (table["rule"] == RULE)].iloc[0]
ends = tuple(beside[["percent", "percent_low", "percent_high"]])
best = roof(judged, bound, [aimed["delay_h"]])[0]

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "aim [.3f kWh]: price of an hour of one job's delay": aim_kwh,
        "learned_saved [.2f %]: saved by what was learned": aimed["saved"],
        "learned_delay [.2f h]: its mean delay": aimed["delay_h"],
        "rule_saved [.2f %]: saved by priced waiting at that delay": saved[RULE],
        "gate_saved [.2f %]: saved by the gate at that delay": saved[GATE],
        "short_saved [.2f %]: saved after a short training, one seed": short["saved"],
        "short_delay [.2f h]: its mean delay": short["delay_h"],
        "rule_delay [.2f h]: mean delay of priced waiting at the same price": same["delay_h"],
        "rule_same [.2f %]: saved by priced waiting at the same price": same["saved"],
    }
)
claim = {"bound_saved [.2f %]: no schedule without pauses saves more at that delay": best}
numbers.record_table(claim, scope={"future": "known", "pauses": "none"})

# %% tags=["hide-cell"]
share = closed(judged, bound, LEARNED, aim_kwh)
ruled = share * saved[RULE] / aimed["saved"]
numbers.record_table(
    {
        "against_rule [.2f %]: emissions of what was learned against priced waiting": ends,
        "learned_closed [.0f %]: of what is possible at its delay, taken by it": share,
        "rule_closed [.0f %]: of the same, taken by priced waiting": ruled,
    }
)

# %% tags=["hide-cell"]
against = {rule: table[table["rule"] == rule] for rule in (GATE, RULE)}
sure = {rule: part[part["p_holm"] < 0.05] for rule, part in against.items()}
less = {r: len(sure[r]) == len(part) and (part["percent"] < 0).all() for r, part in against.items()}

# %% tags=["hide-cell"]
worse = bool((sure[RULE]["percent"] > 0).any())
numbers.fact("beats", bool(less[RULE]), "at every price learning beats priced waiting, Holm 5 %")
numbers.fact("worse", worse, "at some price it emits more than priced waiting, Holm 5 %")
_ = numbers.fact("beats_gate", bool(less[GATE]), "at every price learning beats the gate, Holm 5 %")

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "weeks [.0f weeks]: weeks of test in each grid": len(WEEKS),
        "grids [.0f grids]: grids": len(ZONES),
        "load [.1f]: load of the machine": load,
        "slots [.0f jobs]: jobs asked about one by one, at most": slots,
        "prices [.0f prices]: prices tried for the bound": bound["price_kwh"].nunique(),
        "seeds [.0f policies]: policies trained, one a seed": len(full),
        "steps [.0f steps]: times asked in a training": trained.loc["full", "steps"],
        "short_steps [.0f steps]: times asked in a short training": trained.loc["short", "steps"],
        "played [.0f weeks]: weeks that a policy played in training": trained.loc["full", "played"],
    }
)

# %% [markdown]
# At a price of {num}`learning_policies.aim` the emissions of what was learned are {num}`learning_policies.against_rule` against those of priced waiting ({num-interval}`learning_policies.against_rule`).
# {if}`learning_policies.worse` At some price it is worse, and the interval says so: training did not keep what the rule that it began with knew.
# {if}`learning_policies.beats_gate` The plain gate it beats at every price, but so do rules that leave small jobs in peace.
# {if-not}`learning_policies.beats_gate` That it beats the plain gate at every price is not shown: intervals are of one comparison each, p-values of all of them together.
# At the same price the rule waits {num}`learning_policies.rule_delay` and saves {num}`learning_policies.rule_same`: it holds every job for which that pays, whereas the learner is asked about {num}`learning_policies.slots` one by one, and in imitation the others went.
# A net of one seed that was trained for {num}`learning_policies.short_steps` saves {num}`learning_policies.short_saved` at {num}`learning_policies.short_delay`, nearly as much as after {num}`learning_policies.steps`: most of what was learned is the rule.
# It takes {num}`learning_policies.learned_closed` of what the bound leaves possible at its delay, priced waiting {num}`learning_policies.rule_closed`, and the gate saves {num}`learning_policies.gate_saved` there.

# %% [markdown]
# ### Is the limit held?
#
# A price that made a mean delay in 2019 makes another one in 2020, with other jobs.
# So a limit is held by a price that follows.
# It begins with what made the rule delay by the limit in {num}`learning_policies.weeks_2019` of 2019 that were not trained on.
# From then on it rises while jobs have waited longer than the limit, and falls, but not for ever, while they have not: dual ascent in use, which knows only the waits so far {cite}`neely2010`.
# Rule and learner are treated the same.

# %%
first = datasets.learning("limits")
columns = {"limit_h": "limit [.1f h]"}
publish.table(first, columns | {"price_kwh": "price at which the rule waits so in 2019 [.5f kWh]"})

# %% tags=["hide-input"]
held = frontiers(judged, by=("seed",)).loc[list(HELD.values())].reset_index()
by_grid_h = frontiers(judged, by=("seed", "zone"))["delay_h"].groupby(["policy", "setting", "seed"])
by_grid_h = by_grid_h.max().rename("grid_h").reset_index()
held = held.merge(by_grid_h, on=["policy", "setting", "seed"])

# %% tags=["hide-input"]
held["off"] = 100 * (held["delay_h"] / held["setting"] - 1)
held["grid_off"] = 100 * (held["grid_h"] / held["setting"] - 1)
held["whose"] = held["policy"].str.removesuffix(", held").map(NAME)

# %%
columns = {"whose": "policy", "setting": "limit [.1f h]", "seed": "seed [.0f]"}
columns |= {"saved": "saved [.2f %]", "delay_h": "mean delay in test [.2f h]"}
columns |= {"off": "above the limit [.0f %]", "grid_off": "worst grid above it [.0f %]"}
publish.table(held, columns)

# %% tags=["hide-cell"]
mine = held[held["policy"] == HELD[LEARNED]]
ruled_held = held[held["policy"] == HELD[RULE]]
numbers.record_table(
    {
        "worst_off [.0f %]: furthest above its limit in test, all grids": mine["off"].max(),
        "worst_grid [.0f %]: furthest above its limit in a grid": mine["grid_off"].max(),
        "rule_off [.0f %]: the same of priced waiting, all grids": ruled_held["off"].max(),
        "within [.0f]: seeds and limits at most 5 % above the limit": (mine["off"] <= 5).sum(),
        "of_all [.0f]: seeds and limits": len(mine),
        "weeks_2019 [.0f weeks]: weeks in which a first price was found": 4,
    }
)

# %% tags=["hide-cell"]
pair = held[held["setting"] == limit_h].groupby("policy")[["saved", "delay_h"]].mean()
numbers.record_table(
    {
        "limit [.0f h]: a limit on the mean delay": limit_h,
        "held_saved [.2f %]: saved by what was learned while it is held": pair["saved"][
            HELD[LEARNED]
        ],
        "held_rule [.2f %]: saved by priced waiting while it is held": pair["saved"][HELD[RULE]],
        "held_delay [.2f h]: mean delay of what was learned then": pair["delay_h"][HELD[LEARNED]],
    }
)

# %% [markdown]
# {num}`learning_policies.within` of {num}`learning_policies.of_all` stay within 5 % of their limit or below it; all grids together the furthest lies at {num}`learning_policies.worst_off` against its limit, priced waiting at {num}`learning_policies.rule_off`, and in the worst grid at {num}`learning_policies.worst_grid`.
# A limit costs: told {num}`learning_policies.limit`, what was learned saves {num}`learning_policies.held_saved` at {num}`learning_policies.held_delay` of mean delay, priced waiting {num}`learning_policies.held_rule`.
# Each job's longest wait needs no price: no order can break it.

# %% [markdown]
# ## What is learned, and what for
#
# What the net was told about, and what of it matters: policies trained without the forecast, without lengths (a job is taken to run as long as it asked for), without the imitation, in one grid.
# One more was trained without masks: it is not told what it may not do.
# All hold the limit of {num}`learning_policies.limit`, so that they can be compared.
# One seed each, trained for {num}`learning_policies.short_steps`; so was what is called *everything*: signs, no proof.

# %% tags=["hide-input"]
ablated = named(datasets.learning("ablated"))
here = judged[judged["zone"] == ablated["zone"].iloc[0]].assign(error="")
first_seed = (here["policy"] == HELD[LEARNED]) & (here["seed"] == ablated["seed"].max())
longer = first_seed & (here["setting"] == limit_h)
some = here[(here["policy"] == "EASY") | longer]
parts = frontiers(pd.concat([some, ablated[ablated["error"] == ""]])).drop("EASY").reset_index()
parts["trained"] = parts["policy"].str.removeprefix("learned, ").str.removesuffix(", held")
called = {"short": "everything", "full": "everything, at full length"}
parts["trained"] = parts["trained"].replace(called)

# %%
columns = {"trained": "trained with", "setting": "limit [.1f h]", "saved": "saved [.2f %]"}
publish.table(parts, columns | {"delay_h": "mean delay [.2f h]"})

# %% [markdown]
# And what errors do to a policy in use: forecasts off by so much after half a day and more, lengths by such a factor, as a logarithm.

# %% tags=["hide-input"]
spoilt, easy = ablated[ablated["error"] != ""], here[here["policy"] == "EASY"]
groups = {error: pd.concat([easy, part]) for error, part in spoilt.groupby("error")}
erring = pd.concat({e: frontiers(part).drop("EASY") for e, part in groups.items()}, names=["error"])
erring = erring.reset_index()

# %%
columns = {"error": "error", "policy": "policy", "saved": "saved [.2f %]"}
columns |= {"delay_h": "mean delay [.2f h]"}
whose = erring["policy"].str.removesuffix(", held").map(NAME)
publish.table(erring.assign(policy=whose), columns)

# %% [markdown]
# Why a single job waits can be asked of any decision: {doc}`explaining_decisions`.

# %% [markdown]
# ## What training costs
#
# CPU time was measured; power was not: a busy core is taken to add {num}`learning_policies.core_w`, and as much again for its share of a node that is on.

# %% tags=["hide-cell"]
cpu_h = each["cpu_s"].sum() / 3600
train_kwh = cpu_h * (core_w + idle_share_w) / 1000
mean_g = datasets.carbon_intensity(example_zone, 2020).mean()

# %% tags=["hide-cell"]
at_aim = judged[(judged["policy"] == LEARNED) & (judged["setting"] == aim_kwh)]
one = at_aim[at_aim["zone"] == example_zone].groupby("week")["jobs"].mean().sum()
year_kg = (base[example_zone] - one) / len(WEEKS) * weeks_of_year * mean_g / 1000

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "core_w [.0f W]: power that a busy core adds (assumed)": core_w,
        "train_cpu [.0f min]: CPU time of all trainings": 60 * cpu_h,
        "train_kwh [.4f kWh]: energy of all trainings": train_kwh,
        "train_g [.1f g]: emissions of all trainings at the mean intensity": train_kwh * mean_g,
        "year_kg [.0f kg]: saved in a year by what was learned, one cluster": year_kg,
    }
)
_ = numbers.word("place", datasets.place(example_zone), "the grid of costs")

# %% [markdown]
# All trainings together took {num}`learning_policies.train_cpu`, {num}`learning_policies.train_kwh` and, in {word}`learning_policies.place`, {num}`learning_policies.train_g`.
# What was learned saves {num}`learning_policies.year_kg` in a year there if all weeks are like these.
# Training is no reason not to learn; a rule that is as good is.

# %% [markdown]
# ## Knobs, tuned
#
# A rule need not be learned to be better: it has knobs.
# Carbon-aware EASY of {doc}`carbon_aware_cluster` has five: the shares of the past week above which jobs are held and suspended, for how much of the wait that users accept they may be held, how deep its backfilling looks, and a cycle in which starts are batched.
# A search turns them for each grid on {num}`learning_policies.knob_weeks` of 2019 ({cite:t}`akiba2019`): random draws, a Parzen estimator (TPE), or a Gaussian process (GP).
# Each has {num}`learning_policies.knob_trials`, the first of them set by hand; seeds: {num}`learning_policies.knob_seeds`.
# Grams saved against EASY are to be large, while the mean delay stays within {num}`learning_policies.knob_limit`.
# Then weeks of 2020 judge, with weeks of the log that no search has seen.

# %%
turned, in_test = datasets.knobs("found"), datasets.knobs("weeks")
SEARCH = {"hand-set": "set by hand", "random": "random", "tpe": "TPE", "gp": "GP"}
waiting = in_test[in_test["family"] == "waiting"]
paired = Panel(waiting, also=("seed",))
publish.table({"searches [.0f]": len(turned), "replays [.0f]": 12 * turned["trials"].sum()})

# %%
tried = turned[turned["family"] == "waiting"].groupby("sampler")
publish.table(
    pd.DataFrame(tried[["hold", "suspend", "wait", "upper_h", "saved_percent"]].mean()),
    {
        "hold": "held above [.2f]",
        "suspend": "suspended above [.2f]",
        "wait": "share of the wait [.2f]",
        "upper_h": "upper quantile of the delay, 2019 [.2f h]",
        "saved_percent": "saved, 2019 [.2f %]",
    },
    index="searched by, mean over grids",
)

# %% [markdown]
# ### Does a search beat the hand?

# %%
names = [name for name in SEARCH if name != "hand-set"]
cells = waiting.pivot_table("jobs", ["zone", "seed", "week"], "policy")
apart_by = cells[names].sub(cells["hand-set"], axis=0).abs().groupby("zone").max()
differ = {zone: [name for name in names if row[name] > 1e-9] for zone, row in apart_by.iterrows()}

# %%
by_hand = {
    zone: Panel(waiting[waiting["zone"] == zone], cluster=None, also=("seed",))
    .select(policy=["hand-set", *some])
    .compare("jobs", "hand-set", block=1)
    .table
    for zone, some in differ.items()
    if some
}

# %%
hand = pd.concat(by_hand, names=["zone", "policy"])
hand["p_holm"] = holm(hand["p"].astype(float))
sums = waiting.groupby(["zone", "policy"])[["jobs", "delay_h"]].mean()
plain = sums["jobs"].xs("EASY", level="policy")
sums["saved"] = 100 * (1 - sums["jobs"] / plain.reindex(sums.index, level="zone"))

# %%
ENDS = ["percent", "percent_low", "percent_high", "p_holm"]
beside = sums.drop("EASY", level="policy").join(hand[ENDS]).reset_index()
beside["percent"] = beside["percent"].fillna(0.0)  # the hand's own knobs
beside["policy"] = pd.Categorical(beside["policy"], list(SEARCH)).rename_categories(SEARCH)

# %%
publish.table(
    beside.sort_values(["zone", "policy"]),
    {
        "zone": "grid",
        "policy": "knobs",
        "saved": "saved against EASY [.2f %]",
        "percent": "emissions against by hand [.2f %]",
        "percent_low": "from [.2f %]",
        "percent_high": "to [.2f %]",
        "p_holm": "p, Holm [.3f]",
        "delay_h": "mean delay, 2020 [.1f h]",
    },
)

# %% [markdown]
# Negative: less is emitted; where no interval stands, a search found nothing better than the hand's knobs. Holm is over all grids and searches.
# All grids together, against what was set by hand and against the random search:

# %%
pooled = {
    of: paired.select(policy=some).compare("jobs", of, block=1).table
    for of, some in (("hand-set", list(SEARCH)), ("random", names))
}
pool = pd.concat(pooled, names=["against", "policy"])
pool["p_holm"] = holm(pool["p"].astype(float))

# %%
told = pool.reset_index().replace({"against": SEARCH, "policy": SEARCH})
publish.table(
    told,
    {
        "policy": "knobs",
        "against": "against",
        "percent": "emissions [.2f %]",
        "percent_low": "from [.2f %]",
        "percent_high": "to [.2f %]",
        "p_holm": "p, Holm [.3f]",
    },
)

# %% tags=["hide-cell"]
on = {"pauses": "charged", "future": "unknown", "weeks": waiting["week"].nunique()}
claim = "knob_{0}_{1} [.2f %]: emissions of knobs by {0} against {1}"
against = {
    (name, of.removesuffix("-set")): tuple(row)
    for (of, name), row in pool[["percent", "percent_low", "percent_high"]].iterrows()
}
numbers.record_table(against, claim, scope=on)

# %% tags=["hide-cell"]
all_mean = waiting.groupby("policy")["delay_h"].mean()
claim = "knob_delay_{0} [.1f h]: mean delay in 2020, knobs by {0}"
numbers.record_table(
    {name.removesuffix("-set"): all_mean[name] for name in SEARCH}, claim, scope=on
)

# %% tags=["hide-cell"]
numbers.record_table(
    {
        "knob_weeks [.0f weeks]: weeks of 2019 that a search sees": 12,
        "knob_trials [.0f trials]: trials of a search": turned["trials"].max(),
        "knob_seeds [.0f]: seeds of each search": turned["seed"].nunique(),
        "knob_limit [.0f h]: mean delay allowed": 6.0,
        "knob_grids [.0f]: grids in which a search beats the hand, Holm": hand[
            (hand["percent"] < 0) & (hand["p_holm"] < 0.05)
        ]
        .reset_index()["zone"]
        .nunique(),
    },
    scope=on,
)

# %% tags=["hide-cell"]
sure = pool["p_holm"] < 0.05
for of, word in (("hand-set", "hand"), ("random", "random")):
    for name in pool.loc[of].index:
        less = bool(sure[of, name] and pool["percent"][of, name] < 0)
        numbers.fact(f"{name}_beats_{word}", less, f"knobs by {name} emit less than {of}, Holm")

# %% [markdown]
# {if}`learning_policies.tpe_beats_hand` TPE beats the hand in these weeks.
# {if-not}`learning_policies.tpe_beats_hand` That TPE beats the hand is not shown.
# {if}`learning_policies.gp_beats_hand` The Gaussian process beats the hand.
# {if-not}`learning_policies.gp_beats_hand` That the Gaussian process beats the hand is not shown.
# {if-not}`learning_policies.tpe_beats_random` That TPE beats a random search of the same budget is not shown.
# {if-not}`learning_policies.gp_beats_random` Neither is it of the Gaussian process.
# {if}`learning_policies.gp_beats_random` The Gaussian process beats it.
# {if}`learning_policies.tpe_beats_random` TPE beats a random search of the same budget, too.
# After Holm a search beats the hand in {num}`learning_policies.knob_grids` of the grids.
# The delays are not the same: {num}`learning_policies.knob_delay_tpe` with TPE, {num}`learning_policies.knob_delay_gp` with the Gaussian process, {num}`learning_policies.knob_delay_hand` by hand.

# %% [markdown]
# ### Is the limit held a year later?
#
# The limit was set on an upper quantile of the delay: the mean over as many weeks to come, resampled, was to stay within it in 95 of 100 cases.
# Of the same random trials one may choose by less: by the mean of the twelve weeks, or of two.

# %%
other = datasets.knobs("limits")
other["rule"] = other["rule"].str.partition(",")[0]
other["broken"] = 100.0 * (other["judged_h"] > 6.0)
rules = other.groupby("rule").agg(
    cases=("zone", "size"), promised=("promised_h", "mean"), judged=("judged_h", "mean"),
    worst=("judged_h", "max"), broken=("broken", "mean"), saved=("saved_percent", "mean"),
)  # fmt: skip

# %%
publish.table(
    rules,
    {
        "cases": "choices [.0f]",
        "promised": "promised, 2019 [.1f h]",
        "judged": "mean delay, 2020 [.1f h]",
        "worst": "longest of them [.1f h]",
        "broken": "over 6 h [.0f %]",
        "saved": "saved, 2020 [.2f %]",
    },
    index="chosen by",
)

# %% tags=["hide-cell"]
means = waiting.groupby(["policy", "zone", "seed"])["delay_h"].mean()
broken = means[list(SEARCH)] > 6.0
numbers.record_table(
    {
        "knob_over [.0f]: searches whose knobs break the limit in 2020": broken[names].sum(),
        "knob_searches [.0f]: searches": len(broken[names]),
        "knob_hand_over [.0f]: grids in which the hand's knobs break it": broken["hand-set"]
        .groupby("zone")
        .any()
        .sum(),
        "knob_two_weeks [.0f %]: choices by two weeks that break it": rules.loc[
            "mean of 2 weeks", "broken"
        ],
        "knob_longest [.1f h]: longest mean delay of a search's knobs in 2020": means[names].max(),
    },
    scope=on,
)

# %% [markdown]
# Of {num}`learning_policies.knob_searches` searches {num}`learning_policies.knob_over` found knobs that break the limit in 2020; the longest mean delay is {num}`learning_policies.knob_longest`.
# What was set by hand, its waits cut until it kept to the limit in 2019, breaks it in {num}`learning_policies.knob_hand_over` of the grids.
# Chosen by two weeks, {num}`learning_policies.knob_two_weeks` of the choices do.
# An interval over weeks says nothing of other jobs: the weeks of the log that judge have others, and these are two.
# One seed a search tells nothing of how searches vary.

# %% [markdown]
# ### Waiting, and slowing down besides
#
# A power cap while it is dirty ({doc}`power_caps`) is two knobs more: how deep, and from which share on.
# Tuned under the same limit with the same budget, does it add to waiting?

# %%
with_caps = in_test[in_test["policy"] == "tpe"].assign(policy=lambda rows: rows["family"])
with_caps = with_caps[with_caps["seed"].isin(with_caps.query("family != 'waiting'")["seed"])]
adds = Panel(with_caps, also=("seed",)).compare("jobs", "waiting", block=1).table.iloc[0]
capped = with_caps.groupby("family")["delay_h"].mean()

# %%
left = datasets.knobs("left").set_index("of")["jobs_g"]
saves = 100 * (1 - left / left["EASY"]).drop("EASY")
publish.table(saves.rename("saved").to_frame(), {"saved": "saved, one week [.1f %]"}, index="what")

# %% tags=["hide-cell"]
span = tuple(-adds[["percent", "percent_high", "percent_low"]])
numbers.record_table(
    {
        "caps_add [.1f %]: saved by caps besides waiting, against waiting alone": span,
        "caps_delay [.1f h]: mean delay with waiting and caps": capped["waiting and caps"],
        "wait_delay [.1f h]: mean delay with waiting alone": capped["waiting"],
    },
    scope=on,
)

# %% tags=["hide-cell"]
alone_in = {"grids": ("DE",), "weeks": 1}
numbers.record_table(
    {"caps_week [.1f %]: saved in one week with caps": saves["waiting and caps"]},
    scope=on | alone_in,
)
numbers.record_table(
    {
        "caps_bound [.1f %]: no schedule saves more in it, caps to half": saves["bound, caps"],
        "wait_bound [.1f %]: no schedule without caps saves more": saves["bound"],
    },
    scope={**alone_in, "future": "known", "pauses": "free"},
)
_ = numbers.fact("caps_shown", span[1] > 0, "caps add to waiting")

# %% [markdown]
# {if}`learning_policies.caps_shown` It does: the jobs emit {num}`learning_policies.caps_add` less than with waiting alone ({num-interval}`learning_policies.caps_add`), at a mean delay of {num}`learning_policies.caps_delay` where waiting alone takes {num}`learning_policies.wait_delay`; longer runs are delays here.
# {if-not}`learning_policies.caps_shown` That it does is not shown ({num-interval}`learning_policies.caps_add`).
# A certificate for one week of one grid says what is left: {num}`learning_policies.caps_week` are saved with caps, and no schedule with waits, pauses and caps to half the power saves more than {num}`learning_policies.caps_bound`, none without caps more than {num}`learning_policies.wait_bound`.
# It takes pauses for free, so that what can be had lies between.

# %% [markdown]
# (limits-learning-policies)=
# ## What could be wrong
#
# * **Few are asked about.** The learner decides on {num}`learning_policies.slots` one by one; a rule that holds all others, too, waits longer and saves more.
# * **Little training.** A policy was trained for minutes on one core; published ones train for hours. More may find more, and the command is `python data/learn.py all --steps 1000000`. The bound says how much more there can be.
# * **One cluster.** Two weeks of jobs in test and three in training, all of one log and one summer.
# * **Predicted lengths** were learned from recorded ends, not from those of each policy's own replay.
# * **No pauses.** Jobs are held, never stopped; the bound is about such schedules.
# * **The bound** knows the future and has endless machines: what can be learned lies below it, how far nobody knows.
# * **A mean of delays** counts every job the same. Who counts core-hours would hold other jobs.
#
# ## Knobs to turn
#
# ```shell
# make run CHAPTER=learning_policies P="aim_kwh=0.003"
# ```
#
# 1. At which price is the gap to the bound widest?
# 2. Which grid leaves most to be learned, and why?
#
# ## The numbers of this chapter

# %%
numbers
