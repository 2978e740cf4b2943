"""Training by proximal policy optimisation (PPO) with masks, from a rule, under a limit on waiting.

Each slot of the environment is a player of its own, all with the same small net: what a decision
earned, its own job earned, so that a learner need not find out which of twenty jobs did well.

* **Warm start.** The net first imitates a rule, where it is told one.
* **Limit.** An hour of mean delay has a price, one for each limit that is trained. Whenever a week is
  over its price rises if jobs waited longer than the limit and falls if they did not: the multiplier
  of Lagrange, by dual ascent [2]_. The limit is among what the net sees, so that one net holds all.

Stable-Baselines3 [1]_ and torch train, and nothing else needs them: what comes out is a
`helpers.learn.Net`.

References
----------
.. [1] A. Raffin, A. Hill, A. Gleave, A. Kanervisto, M. Ernestus, N. Dormann, "Stable-Baselines3:
   reliable reinforcement learning implementations", JMLR 22, 2021.
.. [2] A. Ray, J. Achiam, D. Amodei, "Benchmarking safe exploration in deep reinforcement learning",
   2019: PPO with a multiplier; S. Huang, S. Ontanon, "A closer look at invalid action masking in
   policy gradient algorithms", FLAIRS 2022: masks.
"""

from __future__ import annotations

import importlib
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helpers.learn.environment import PerJob
from helpers.learn.policy import Net
from helpers.learn.rules import Rule

__all__ = ["Training", "imitated", "train"]

REWARD_SCALE = 10.0  # of a percent saved: brings what a job earns near to 1
_FASTEST = 0.15  # how far a week far beyond its limit moves the logarithm of the price


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
    prices : mapping of float to float
        First price of an hour of mean delay by limit [% saved / h].
    teacher : callable, optional
        From an environment and a limit to the rule that is imitated first; none without.
    imitation : int
        Steps of imitation.
    options : mapping
        Passed on to MaskablePPO.
    """

    steps: int
    seed: int
    hidden: tuple[int, ...] = (32, 32)
    prices: Mapping[float, float] = field(default_factory=lambda: {2.0: 0.5})
    teacher: Callable[[PerJob, float], Rule] | None = None
    imitation: int = 400
    options: Mapping[str, Any] = field(default_factory=dict)


def train(env: PerJob, plan: Training) -> Net:
    """Train a net on an environment.

    Parameters
    ----------
    env : PerJob
        What is played; its limits are those of `plan.prices`.
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
    ValueError
        If the limits of environment and plan differ.
    """
    if set(env.limits_h) != set(plan.prices):
        raise ValueError(
            f"limits_h(={env.limits_h}) of the environment and prices(={dict(plan.prices)}) must "
            "name the same limits: each needs a first price."
        )
    torch, contrib = _library("torch"), _library("sb3_contrib")
    torch.set_num_threads(1)  # a net this small is slower with more
    begun_s = time.process_time()
    env.reset(seed=plan.seed)
    players = _players(env, dict(plan.prices))
    options = {
        **{"n_steps": 256, "batch_size": 1024, "n_epochs": 4, "gamma": 0.99, "gae_lambda": 0.95},
        **{"learning_rate": 5e-4, "ent_coef": 0.002, "target_kl": 0.02, "clip_range": 0.2},
        **plan.options,
    }
    width = list(plan.hidden)
    model = contrib.MaskablePPO(
        "MlpPolicy", players, seed=plan.seed, device="cpu",
        policy_kwargs={"net_arch": {"pi": width, "vf": width}}, **options,
    )  # fmt: skip
    if plan.teacher is not None:
        imitated(model, env, plan)
    model.learn(plan.steps * players.num_envs)
    versions = {n: _library(n).__version__ for n in ("torch", "stable_baselines3", "sb3_contrib")}
    about = {
        "seed": plan.seed, "steps": plan.steps, "imitated": plan.teacher is not None,
        "versions": versions | {"python": platform.python_version(), "numpy": np.__version__},
        "cpu_s": round(time.process_time() - begun_s, 1),
        "prices": {str(limit): round(price, 4) for limit, price in players.prices.items()},
        "curve": players.curve,
    }  # fmt: skip
    return Net(_weights(model), about)


def imitated(model: Any, env: PerJob, plan: Training) -> float:
    """Let a model imitate the teacher on one week for each limit; return the last loss."""
    torch = _library("torch")
    rows, wanted, masks = [], [], []
    assert plan.teacher is not None
    for limit_h in env.limits_h:
        env.reset(options={"limit_h": limit_h})
        rule, over = plan.teacher(env, limit_h), False
        rule.begin(env.view)
        while not over:
            asked, action = env.asked, env.action(rule.orders(env.view))
            free = asked.masks[:-1].sum(axis=1) > 1  # whoever has no choice teaches nothing
            rows.append(asked.rows[:-1][free])
            wanted.append(action[:-1][free])
            masks.append(asked.masks[:-1][free])
            *_, over, _, _ = env.step(action)
    seen, told, may = (np.concatenate(parts) for parts in (rows, wanted, masks))
    rng, policy = np.random.default_rng(plan.seed), model.policy
    optimiser = torch.optim.Adam(policy.parameters(), 3e-3)
    for _ in range(plan.imitation):
        some = rng.integers(len(seen), size=512)
        told_now = policy.get_distribution(torch.as_tensor(seen[some]), action_masks=may[some])
        loss = -told_now.log_prob(torch.as_tensor(told[some])).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(loss.detach())


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


def _players(env: PerJob, prices: dict[float, float]) -> Any:
    """Return the slots of an environment as environments of their own, that share a week."""
    vec = _library("stable_baselines3.common.vec_env")
    spaces = _library("gymnasium").spaces

    class Players(vec.VecEnv):  # type: ignore[name-defined]
        def __init__(self) -> None:
            slots, width = env.observation_space.shape  # type: ignore[misc]
            self.prices, self.curve = prices, []  # type: ignore[var-annotated]
            row = spaces.Box(-5.0, 5.0, (width,), np.float32)
            super().__init__(slots - 1, row, spaces.Discrete(3))

        def reset(self) -> NDArray[np.float32]:
            return env.reset()[0][:-1]

        def step_async(self, actions: NDArray) -> None:
            self._wanted = np.append(actions, 1)  # who runs, runs on

        def step_wait(self) -> tuple[NDArray, NDArray, NDArray, list[dict]]:
            seen, _, over, _, info = env.step(self._wanted)
            price = self.prices[info.get("limit_h", env.limit_h)]
            earned = REWARD_SCALE * (info["rewards"] - price * info["costs"])[:-1]
            done = info["done"][:-1].copy()
            infos: list[dict] = [{} for _ in range(self.num_envs)]
            if over:
                done[:] = True
                self._settle(info)
                seen = env.reset()[0]
            for place in np.flatnonzero(done):
                infos[place]["terminal_observation"] = seen[place]
            return seen[:-1], earned.astype(np.float32), done, infos

        def _settle(self, info: dict) -> None:
            """Let the price of a limit follow how the week went."""
            limit_h, delay_h = info["limit_h"], info["delay_h"]
            off = np.clip((delay_h - limit_h) / limit_h, -1.0, 1.0)
            self.prices[limit_h] *= float(np.exp(_FASTEST * off))
            told = (env.case.name, limit_h, info["saved"], delay_h, self.prices[limit_h])
            self.curve.append([told[0], *(round(float(number), 4) for number in told[1:])])

        def env_method(self, name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
            return list(env.action_masks().reshape(-1, 3)[:-1])

        def has_attr(self, name: str) -> bool:
            return name == "action_masks"

        def get_attr(self, name: str, indices: Any = None) -> list[Any]:
            return [getattr(env, name, None)] * self.num_envs

        def set_attr(self, name: str, value: Any, indices: Any = None) -> None:
            raise NotImplementedError("players share one environment: set it there.")

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            return [False] * self.num_envs

        def close(self) -> None:
            pass

    return Players()
