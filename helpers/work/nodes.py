"""A cluster of equal nodes: how many cores, and what a node draws in which state.

A *core* is what one processor of a job runs on. Cores are numbered through the cluster: core
``c`` belongs to node ``c // cores_per_node``. A cluster of whole machines that are never shared
has one core a node.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

import numpy as np

__all__ = ["NODE_STATES", "Cluster", "NodePower"]

NODE_STATES = ("off", "booting", "idle", "busy", "shutting_down")
"""What a node may be doing; it is busy while at least one of its cores holds a job."""


@dataclass(frozen=True, slots=True)
class NodePower:
    """What a node draws by itself, without what its jobs add.

    Parameters
    ----------
    idle_w : float
        Power of a node that is on [W], whether idle or busy: what jobs draw comes on top, so
        that a job's power is what it adds to an idle node.
    off_w : float
        Power of a node that is off [W]: its management controller, its power supply.
    boot_w, shutdown_w : float, optional
        Power while booting and shutting down [W]; by default `idle_w`.
    boot_s, shutdown_s : float
        Duration of booting and of shutting down [s].

    Raises
    ------
    ValueError
        If a number is negative or not finite.
    """

    idle_w: float = 0.0
    off_w: float = 0.0
    boot_w: float | None = None
    boot_s: float = 0.0
    shutdown_w: float | None = None
    shutdown_s: float = 0.0

    def __post_init__(self) -> None:
        for name in ("boot_w", "shutdown_w"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.idle_w)
        for item in fields(self):
            value = getattr(self, item.name)
            number = isinstance(value, int | float | np.integer | np.floating)
            if not number or isinstance(value, bool) or not (math.isfinite(value) and value >= 0):
                raise ValueError(f"node power: {item.name}(={value!r}) must be finite and >= 0.")
            object.__setattr__(self, item.name, float(value))

    def of(self, state: str) -> float:
        """Return the power [W] of a node in one of `NODE_STATES`."""
        powers_w = {
            "off": self.off_w,
            "booting": self.boot_w,
            "idle": self.idle_w,
            "busy": self.idle_w,
            "shutting_down": self.shutdown_w,
        }
        return float(powers_w[state] or 0.0)  # none is None once the object is made

    @property
    def break_even_s(self) -> float:
        """Shortest idle time that switching off and on again pays for [s]; inf if none does.

        Notes
        -----
        The energy of shutting down and booting, above that of a node that is off meanwhile,
        over the power saved: the classical break-even time of power management [1]_, and never
        less than the time that the two transitions take.

        References
        ----------
        .. [1] L. Benini, A. Bogliolo, G. De Micheli, "A survey of design techniques for
           system-level dynamic power management", IEEE Trans. VLSI Systems 8(3), 2000.
        """
        spent_j = (self.of("booting") - self.off_w) * self.boot_s
        spent_j += (self.of("shutting_down") - self.off_w) * self.shutdown_s
        saved_w = self.idle_w - self.off_w
        if saved_w <= 0:
            return math.inf
        return max(spent_j / saved_w, self.boot_s + self.shutdown_s)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Equal nodes of equal cores.

    Parameters
    ----------
    nodes : int
        How many nodes, 1 or more.
    cores_per_node : int
        Cores of each, 1 or more.
    power : NodePower
        What a node draws by itself; by default nothing.

    Raises
    ------
    ValueError
        If a count is no whole number above 0.
    """

    nodes: int
    cores_per_node: int = 1
    power: NodePower = field(default_factory=NodePower)

    def __post_init__(self) -> None:
        for name in ("nodes", "cores_per_node"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"cluster: {name}(={value!r}) must be a whole number >= 1.")
            object.__setattr__(self, name, int(value))
        if not isinstance(self.power, NodePower):
            raise ValueError(f"cluster: power(={self.power!r}) must be a NodePower.")

    @property
    def cores(self) -> int:
        """Cores of all nodes together."""
        return self.nodes * self.cores_per_node
