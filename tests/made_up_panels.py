"""Panels of policies that differ from their baseline by chance alone, with memory."""

import math

import numpy as np
import pandas as pd

PANELS = {
    "one": {},
    "own": {"clusters": 4},
    "shared": {"clusters": 4, "shared": 1.0, "own": 0.5},
    "mixed": {"clusters": 12, "shared": 1.0},
    "apart": {"clusters": 12, "shared": 1.0, "apart": 0.5},
}
"""Clusters whose series are their own, shared by all, mixed, or about lasting differences."""


def nulls(
    seed,
    *,
    policies,
    clusters=1,
    weeks=52,
    lag_1=0.0,
    own=1.0,
    shared=0.0,
    apart=0.0,
    noise=0.0,
    skewed=False,
):
    """Return policies that differ from the baseline by chance alone, with memory.

    `own` is the spread of each cluster's own series, `shared` of the one that all clusters share,
    `apart` of the lasting differences of clusters [% of the baseline]. `noise` is added to each
    series, without memory; `skewed` shocks are lognormal.
    """
    rng = np.random.default_rng(seed)

    def series(shape):
        shocks = rng.standard_normal((*shape, weeks))
        if skewed:  # of mean 0 and spread 1
            shocks = (np.exp(shocks) - math.sqrt(math.e)) / math.sqrt(math.e**2 - math.e)
        for week in range(1, weeks):
            shocks[..., week] *= math.sqrt(1 - lag_1**2)
            shocks[..., week] += lag_1 * shocks[..., week - 1]
        return shocks + noise * rng.standard_normal(shocks.shape) if noise else shocks

    size = (policies, clusters)
    effect = own * series(size) + shared * series((policies, 1))
    effect = effect + apart * rng.standard_normal((*size, 1))
    cube = np.concatenate([np.full((1, clusters, weeks), 1000.0), 1000 + 10 * effect])
    policy, zone, week = np.indices(cube.shape)
    names = np.array(["now", *(f"p{i}" for i in range(policies))])
    return pd.DataFrame(
        {
            "policy": names[policy.ravel()],
            "zone": zone.ravel(),
            "week": week.ravel(),
            "g": cube.ravel(),
        }
    )
