"""Words and columns in which a replay is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

__all__ = [
    "ACTIONS",
    "OUTCOMES",
    "PACE_COLUMNS",
    "RECORD_COLUMNS",
    "coded",
    "pace_table",
    "record_table",
]

OUTCOMES = ("completed", "timeout", "suspended", "stopped")
"""How a run can end: all done; killed at its requested time; suspended, its state saved;
stopped at once, which keeps work up to the last checkpoint only."""

ACTIONS = ("start", "resume", "suspend", "stop", "cap", "plan", "switch_on", "switch_off")
"""What a decision may do."""

PACE_COLUMNS = ("run", "time_s", "done_s", "cap_w")
"""Columns of `Replay.paces`."""

RECORD_COLUMNS = (
    "time_s",
    "action",
    "job",
    "value",
    "intensity_g_per_kwh",
    "free_cores",
    "queued",
    "suspended",
    "running",
)
"""Columns of `Replay.record`."""


def coded(codes: ArrayLike, words: Sequence[str]) -> Any:
    """Return words by their places, as a column."""
    return pd.Categorical.from_codes(np.asarray(codes, dtype=np.int8), categories=pd.Index(words))


def pace_table(rows: list[tuple[int, float, float, float]]) -> pd.DataFrame:
    """Return how capped runs got on as a table."""
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(PACE_COLUMNS)).T
    table = pd.DataFrame(dict(zip(PACE_COLUMNS, columns, strict=True)))
    return table.astype({"run": np.int64})


def record_table(rows: list[tuple] | None) -> pd.DataFrame | None:
    """Return the record of a replay as a table; None where nothing was to be recorded."""
    if rows is None:
        return None
    table = pd.DataFrame(rows, columns=list(RECORD_COLUMNS))
    return table.assign(action=pd.Categorical(table["action"], categories=list(ACTIONS)))
