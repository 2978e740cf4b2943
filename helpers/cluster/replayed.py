"""A replay that answers for itself: its metrics, power, emissions, jobs, picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from helpers.carbon.signal import Intensity
from helpers.cluster import account
from helpers.cluster import metrics as describe
from helpers.cluster.account import PowerOverTime, Window
from helpers.cluster.metrics import Metrics
from helpers.cluster.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Replay"]


@dataclass(frozen=True, eq=False)
class Replay(Outcome):
    """What happened, and what it comes to; see `Outcome` for its parameters."""

    def metrics(
        self,
        window: Window | None = None,
        *,
        intensity: Intensity | None = None,
        counted: Window | None = None,
    ) -> Metrics:
        """Return waits, utilization, energy, ...: `helpers.cluster.metrics.metrics`."""
        return describe.metrics(self, intensity or self.intensity, window, counted=counted)

    def power(self, window: Window | None = None) -> PowerOverTime:
        """Return power over time by state: `helpers.cluster.account.power_over_time`."""
        return account.power_over_time(self, window)

    def energy_j(self, window: Window | None = None) -> pd.Series:
        """Return the energy by state [J]: `helpers.cluster.account.energy_j`."""
        return account.energy_j(self, window)

    def emissions_g(
        self, intensity: Intensity | None = None, window: Window | None = None
    ) -> pd.Series:
        """Return the emissions by state [g CO2e], by default at the intensity of the replay.

        Raises
        ------
        ValueError
            If there is no intensity, or it does not cover the window.
        """
        return account.emissions_g(self, self._known(intensity), window)

    def by_job(self, intensity: Intensity | None = None) -> pd.DataFrame:
        """Return energy and emissions of each job: `helpers.cluster.account.job_energy`."""
        return account.job_energy(self, intensity or self.intensity)

    def gantt(self, ax: Axes, *, names: bool = False, shades: bool = False, **options: Any) -> None:
        """Draw which job holds which cores when, on a chart of `helpers.figures.gantt`.

        Best-effort jobs have a colour of their own; what a start or a resume takes is a strip at
        the beginning of its run.

        Parameters
        ----------
        ax : Axes
            Where to draw.
        names : bool
            Write the name of a job into its blocks: for a few jobs.
        shades : bool
            Tell neighbours apart by three shades: for many jobs.
        **options
            As for `helpers.figures.gantt`.
        """
        from helpers import figures

        runs, jobs = self.runs, self.workload.jobs
        number = runs["job"].to_numpy()
        kinds = np.where(jobs["best_effort"].to_numpy()[number], "best_effort", "jobs")
        shade = number % 3 if shades else np.zeros_like(number)
        options.setdefault("colors", figures.paler([figures.COLORS[k] for k in kinds], shade))
        labels = jobs["job_id"].to_numpy()[number] if names else None
        figures.gantt(ax, runs, self.blocks, labels=labels, **options)
        if runs["transition_s"].any():
            strips = runs.assign(stop_s=runs["start_s"] + runs["transition_s"])
            look = options | {"colors": figures.COLORS["startup"], "linewidths": 0}
            limits = ax.get_xlim(), ax.get_ylim()
            figures.gantt(ax, strips, self.blocks, **look)
            ax.set(xlim=limits[0], ylim=limits[1])

    def _known(self, intensity: Intensity | None) -> Intensity:
        known = intensity or self.intensity
        if known is None:
            raise ValueError(
                "the replay had no intensity: pass one here, or intensity= to replay()."
            )
        return known
