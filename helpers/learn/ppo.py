"""Training by proximal policy optimisation (PPO) with masks, from a rule, at every price of delay.

Each slot of the environment is a player of its own, all with the same small net: what a decision
earned, its own job earned, so that a learner need not find out which of twenty jobs did well.

* **Warm start.** The net first imitates a rule, where it is told one, and learns what that is worth.
* **Limit.** An hour of delay has a price, the multiplier of Lagrange [2]_. Each week played has
  another, which the net sees: one net holds the best answer to all of them. Which price holds a
  limit is found when training is over, on weeks that were not trained on (`helpers.learn.price`).

Stable-Baselines3 [1]_ and torch train, and nothing else needs them: what comes out is a
`helpers.learn.Net`.

References
----------
.. [1] A. Raffin, A. Hill, A. Gleave, A. Kanervisto, M. Ernestus, N. Dormann, "Stable-Baselines3:
   reliable reinforcement learning implementations", JMLR 22, 2021.
.. [2] A. Ray, J. Achiam, D. Amodei, "Benchmarking safe exploration in deep reinforcement learning",
   2019: PPO with a multiplier; S. Huang, S. Ontanon, "A closer look at invalid action masking in
   policy gradient algorithms", FLAIRS 2022: masks; A. Abels, D. M. Roijers, T. Lenaerts, A. Nowe,
   D. Steckelmacher, "Dynamic weights in multi-objective deep reinforcement learning", ICML 2019:
   one net for all weights.
"""

from __future__ import annotations

import importlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.learn.environment import PerJob
from helpers.learn.policy import Net
from helpers.learn.rules import Rule

__all__ = ["Training", "imitated", "train"]

REWARD_SCALE = 10.0  # of a percent saved: brings what a job earns near to 1
_HORIZON = 0.99  # discount of an hour, as of PPO below


@dataclass
class Training:
    """How to train.

    Parameters
    ----------
    steps : int
        Steps of the environment: times at which something was asked.
    seed : int
        Of the net, of the weeks drawn, of the actions.
    hidden : tuple of int
        Width of the hidden layers.
    teacher : callable, optional
        From an environment to the rule that is imitated first at the environment's price; none
        without.
    weeks : int
        Weeks in which the teacher is watched, at as many prices.
    imitation : int
        Steps of imitation.
    masked : bool
        Whether the learner is told what it may not do; otherwise it is plain PPO.
    workers : int
        Processes that play weeks side by side; with 1 this process plays. Their CPU time is not
        in ``cpu_s``, and they take seconds to begin.
    options : mapping
        Passed on to PPO.
    """

    steps: int
    seed: int
    hidden: tuple[int, ...] = (32, 32)
    teacher: Callable[[PerJob], Rule] | None = None
    weeks: int = 6
    imitation: int = 600
    masked: bool = True
    workers: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("steps", "workers", "weeks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}(={getattr(self, name)}) must be at least 1.")


def train(env: PerJob, plan: Training) -> Net:
    """Train a net on an environment.

    Parameters
    ----------
    env : PerJob
        What is played, at the prices it draws.
    plan : Training
        How.

    Returns
    -------
    Net
        What was trained; ``about`` has seed, steps, versions, CPU time, and the learning curve.

    Raises
    ------
    ModuleNotFoundError
        If torch, Stable-Baselines3 or sb3-contrib is not installed.
    """
    torch, baselines = _library("torch"), _library("stable_baselines3")
    algorithm = _library("sb3_contrib").MaskablePPO if plan.masked else baselines.PPO
    torch.set_num_threads(1)  # a net this small is slower with more
    torch.distributions.Distribution.set_default_validate_args(False)  # they cost time
    begun_s = time.process_time()
    env.reset(seed=plan.seed)
    players = _players(env, plan)
    options = {
        **{"n_steps": max(1, 256 // plan.workers), "batch_size": 1024, "n_epochs": 4},
        **{"gamma": _HORIZON, "gae_lambda": 0.95, "learning_rate": lambda left: 5e-4 * left},
        **{"ent_coef": 0.003, "target_kl": 0.02, "clip_range": 0.2},
        **plan.options,
    }
    width = list(plan.hidden)
    model = algorithm(
        "MlpPolicy", players, seed=plan.seed, device="cpu",
        policy_kwargs={"net_arch": {"pi": width, "vf": width}}, **options,
    )  # fmt: skip
    if plan.teacher is not None:
        imitated(model, env, plan)
    model.learn(plan.steps * players.num_envs // plan.workers)
    players.close()
    versions = {n: _library(n).__version__ for n in ("torch", "stable_baselines3", "sb3_contrib")}
    about = {
        "seed": plan.seed, "steps": plan.steps, "imitated": plan.teacher is not None,
        "masked": plan.masked, "workers": plan.workers, "prices_kwh": list(env.prices_kwh),
        "versions": versions | {"python": platform.python_version(), "numpy": np.__version__},
        "cpu_s": round(time.process_time() - begun_s, 1),
        "curve": players.curve,
    }  # fmt: skip
    return Net(_weights(model), about)


def imitated(model: Any, env: PerJob, plan: Training) -> float:
    """Let a model imitate the teacher, and learn what its ways are worth; return the last loss."""
    torch = _library("torch")
    seen, told, may, worth = (
        np.concatenate(part) for part in zip(*_watched(env, plan), strict=True)
    )
    free = np.flatnonzero(may.sum(axis=1) > 1)  # whoever has no choice teaches nothing
    rng, policy = np.random.default_rng(plan.seed), model.policy
    optimiser = torch.optim.Adam(policy.parameters(), 3e-3)
    for _ in range(plan.imitation):
        some, any_ = rng.choice(free, 512), rng.integers(len(seen), size=512)
        masks = {"action_masks": may[some]} if plan.masked else {}
        told_now = policy.get_distribution(torch.as_tensor(seen[some]), **masks)
        loss = -told_now.log_prob(torch.as_tensor(told[some])).mean()
        values = policy.predict_values(torch.as_tensor(seen[any_]))[:, 0]
        off = ((values - torch.as_tensor(worth[any_])) ** 2).mean()
        optimiser.zero_grad()
        (loss + off).backward()
        optimiser.step()
    return float(loss.detach())


def _watched(env: PerJob, plan: Training) -> Iterator[tuple[NDArray, ...]]:
    """Yield week by week what was seen, told, allowed, and what came of it for each player."""
    assert plan.teacher is not None
    for price_kwh in np.geomspace(*env.prices_kwh, plan.weeks):
        env.reset(options={"price_kwh": price_kwh})
        rule, over = plan.teacher(env), False
        rule.begin(env.view)
        kept: list[list[NDArray]] = [[] for _ in range(5)]
        while not over:
            asked, action = env.asked, env.action(rule.orders(env.view))
            *_, over, _, info = env.step(action)
            parts = (asked.rows, action, asked.masks, _earned(info), info["done"])
            for row, part in zip(kept, parts, strict=True):
                row.append(part[:-1])
        rows, wanted, masks = map(np.concatenate, kept[:3])
        worth, done = np.array(kept[3]), kept[4]
        for at in range(len(worth) - 2, -1, -1):
            worth[at] += _HORIZON * np.where(done[at], 0.0, worth[at + 1])
        yield rows, wanted, masks, worth.astype(np.float32).ravel()


def _earned(info: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return what each row earned: what it saved less what its delay is worth."""
    earned: NDArray[np.float64] = info["rewards"] - info["percent_an_hour"] * info["costs"]
    return REWARD_SCALE * earned


def _weights(model: Any) -> tuple[NDArray[np.float64], ...]:
    """Return the weights of the net that acts, as numpy knows them."""
    layers = [layer for layer in model.policy.mlp_extractor.policy_net if hasattr(layer, "weight")]
    arrays = []
    for layer in (*layers, model.policy.action_net):
        arrays += [layer.weight.detach().numpy().T, layer.bias.detach().numpy()]
    return tuple(np.array(array, dtype=np.float64) for array in arrays)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error.name} is not installed: it belongs to the extra `learn`, which "
            "pip install '.[learn]' in a clone of the repository brings.",
            name=error.name,
        ) from None


def _players(env: PerJob, plan: Training) -> Any:
    """Return the slots of environments as environments of their own, those of one share a week."""
    vec = _library("stable_baselines3.common.vec_env")
    spaces = _library("gymnasium").spaces
    slots, width = env.observation_space.shape  # type: ignore[misc]
    count = slots - 1  # who runs, runs on: its row is no player

    class Players(vec.VecEnvWrapper):  # type: ignore[name-defined]
        def __init__(self, weeks: Any) -> None:
            row = spaces.Box(-5.0, 5.0, (width,), np.float32)
            super().__init__(weeks, row, spaces.Discrete(3))
            self.num_envs = count * weeks.num_envs
            self.curve: list[list[Any]] = []
            self._runs = np.ones((weeks.num_envs, 1), dtype=np.int64)

        def reset(self) -> NDArray[np.float32]:
            seen = self.venv.reset()
            self._masks = [info["masks"] for info in self.venv.reset_infos]
            return seen[:, :-1].reshape(-1, width)

        def step_async(self, actions: NDArray) -> None:
            own = actions.reshape(-1, count)
            self.venv.step_async(np.concatenate([own, self._runs], axis=1))

        def step_wait(self) -> tuple[NDArray, NDArray, NDArray, list[dict]]:
            seen, _, over, told = self.venv.step_wait()
            rows = seen[:, :-1].reshape(-1, width)
            earned = np.concatenate([_earned(info)[:-1] for info in told]).astype(np.float32)
            done = np.concatenate([info["done"][:-1] for info in told]) | np.repeat(over, count)
            for place in np.flatnonzero(over):
                self._note(told[place])
            begun = self.venv.reset_infos
            self._masks = [
                (begun[place] if over[place] else info)["masks"] for place, info in enumerate(told)
            ]
            infos: list[dict] = [{} for _ in range(self.num_envs)]
            for place in np.flatnonzero(done):
                infos[place]["terminal_observation"] = rows[place]
            return rows, earned, done, infos

        def _note(self, info: dict) -> None:
            """Keep what a week came to."""
            net = info["saved"] - info["percent_an_hour"] * info["delay_h"]
            numbers = (info["saved"], info["delay_h"], net)
            price_kwh = float(f"{info['price_kwh']:.3g}")
            self.curve.append([info["case"], price_kwh, *(round(float(n), 4) for n in numbers)])

        def env_method(self, name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
            return [mask for masks in self._masks for mask in masks[:-1]]

        def has_attr(self, name: str) -> bool:
            return name == "action_masks"

        def get_attr(self, name: str, indices: Any = None) -> list[Any]:
            return [None] * self.num_envs

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

    if plan.workers > 1:  # each with an environment and a seed of its own
        weeks = vec.SubprocVecEnv([env.anew] * plan.workers)
    else:
        weeks = vec.DummyVecEnv([lambda: env])
    weeks.seed(plan.seed)
    return Players(weeks)
