"""A decision that can be taken again: the policy and what it saw, kept as they were just before.

A decision depends on nothing but the policy's state and its view. Both are kept as bytes; each
`Moment.decide` makes a fresh copy of them, changes what the question changes, and lets the policy
decide on a machine at which time stands still and that only writes down what is done::

    moment = Moment.of(policy, view)
    moment.decide()                              # what was decided
    moment.decide(intensity_g_per_kwh(120.0))    # what would have been

A change is a function of the copy; those that `helpers.decide.explain` asks about are here.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.carbon.signal import Intensity
from helpers.decide.view import Job, Policy, View
from helpers.work.nodes import NODE_STATES, Cluster

__all__ = [
    "Act",
    "Moment",
    "Scene",
    "ended",
    "intensity_g_per_kwh",
    "longest_wait_s",
    "processors",
    "requested_s",
    "submitted_s",
]

_OFF, _BOOTING, _IDLE, _BUSY, _SHUTTING_DOWN = range(len(NODE_STATES))
# What is shared between copies: it never changes, or it cannot be written down.
_SHARED = (Intensity, Cluster, FunctionType, type)


class Act(NamedTuple):
    """One thing that a decision did.

    Attributes
    ----------
    action : str
        "start", "resume", "suspend", "stop", "cap", "plan", "switch_on" or "switch_off".
    job : int
        Number of the job; -1 for a node.
    value : float
        Cores taken, work kept [s], cap [W], planned run time [s], or the number of the node.
    """

    action: str
    job: int
    value: float


class Scene(NamedTuple):
    """A fresh copy of a decision: what a change may change."""

    policy: Policy
    view: View
    machine: _Still


Change = Callable[[Scene], None]
"""Changes a fact before the policy decides."""


class _Changed:
    """The carbon intensity as it was, but for the present step."""

    def __init__(self, carbon: Any, intensity_g_per_kwh: float) -> None:
        self._carbon, self._present = carbon, float(intensity_g_per_kwh)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._carbon, name)

    def now(self, now_s: float) -> float:
        """Return the present intensity as it was changed [g CO2e/kWh]."""
        return self._present

    def observed(self, now_s: float, start_s: float, stop_s: float) -> Intensity:
        """Return what was observed, the present step as it was changed."""
        seen = self._carbon.observed(now_s, start_s, stop_s)
        if stop_s <= self._carbon.step_start_s(now_s):
            return seen
        values = np.append(seen.intensity_g_per_kwh[:-1], self._present)
        return Intensity(seen.edges_s, values, seen.kind, seen.zone, seen.source)


class _Still:
    """A machine at which time stands still: actions change what is seen, and are written down."""

    view: View

    def __init__(self, kept: _Kept) -> None:
        self.saving_s, self.carbon = kept.saving_s, kept.carbon
        self.cluster = kept.cluster
        self._free, self._codes = kept.free.copy(), kept.codes.copy()
        self._booting = list(kept.booting)
        self._suspendable_s, self._kept_s = dict(kept.suspendable_s), kept.kept_s
        self.acts: list[Act] = []

    # -- what is known ---------------------------------------------------------------------

    def free_mask(self) -> NDArray[np.bool_]:
        """Return for each core whether it is free."""
        return self._free.copy()

    def node_codes(self) -> NDArray[np.int64]:
        """Return the state of each node, as a code."""
        taken = ~self._free.reshape(self.cluster.nodes, -1).all(axis=1)
        on = (self._codes == _IDLE) | (self._codes == _BUSY)
        return np.where(on, np.where(taken, _BUSY, _IDLE), self._codes)

    def booting(self) -> list[tuple[int, float]]:
        """Return the nodes that boot, each with the time when it is on [s]."""
        return list(self._booting)

    def suspendable_s(self, job: Job) -> float:
        """Return from when on a job may be suspended [s]."""
        # What the decision itself starts has not run yet: it cannot be suspended at once.
        return self._suspendable_s.get(job.number, np.inf) if job.state == "running" else np.inf

    def kept_s(self, job: Job, save: bool) -> float:
        """Return the work that a job keeps when it is stopped now [s]."""
        return self._kept_s[job.number][0 if save else 1]

    # -- what is done ----------------------------------------------------------------------

    def start(self, job: Job, cores: ArrayLike | None, transition_s: float) -> None:
        """Start or resume a job on the still machine."""
        view = self.view
        if cores is None and job.processors > view.free_cores:
            raise ValueError(f"{job!r} cannot start: only {view.free_cores} cores are free.")
        if cores is None:
            taken = np.flatnonzero(self._free)[: job.processors]
        else:
            taken = np.sort(np.asarray(cores, np.int64))
        taken.setflags(write=False)
        known = taken.size == job.processors and taken[0] >= 0 and taken[-1] < self._free.size
        if not (known and self._free[taken].all()):
            raise ValueError(f"{job!r} cannot start on cores {taken.tolist()}: they are not free.")
        queued = job.state == "queued"
        del (view.queue if queued else view.suspended)[job.number]
        job.start_s = view.now_s if queued else job.start_s
        job.resumes += not queued
        job.cores, job.state, job.run_start_s = taken, "running", view.now_s
        self._free[taken] = False
        view.free_cores -= job.processors
        view.running[job.number] = job
        self.view.expect_end(job, view.now_s + (transition_s + job.left_s))
        self._suspendable_s.pop(job.number, None)
        self._note("start" if queued else "resume", job, job.processors)

    def suspend(self, job: Job, save: bool) -> None:
        """Suspend or stop a job on the still machine."""
        if not self.view.now_s >= self.suspendable_s(job):
            raise ValueError(f"{job!r} cannot be suspended now; ask may_suspend() first.")
        kept_s = self.kept_s(job, save)
        self._note("suspend" if save else "stop", job, kept_s)
        if save and self.saving_s > 0:
            job.state = "saving"
            self.view.expect_end(job, self.view.now_s + self.saving_s)
            return
        self.close(job, "suspended", kept_s)
        self.view.suspended[job.number] = job

    def close(self, job: Job, state: str, kept_s: float) -> None:
        """Let a job leave its cores."""
        view = self.view
        self._free[job.cores] = True
        view.free_cores += job.processors
        del view.running[job.number]
        self.view.expect_end(job, np.inf)
        job.ran_s += view.now_s - job.run_start_s
        job.kept_s, job.cores, job.cap_w, job.state = kept_s, None, np.inf, state

    def cap(self, job: Job, power_w: float) -> None:
        """Limit the power of a running job."""
        if job.state != "running":
            raise ValueError(f"{job!r} cannot be capped: only a running job can.")
        job.cap_w = float(power_w)
        self._note("cap", job, power_w)

    def plan(self, job: Job, planned_s: float) -> None:
        """Plan with another run time of a job."""
        left_s, job.planned_s = job.left_s, float(planned_s)
        if job.state == "running":
            self.view.expect_end(job, job.expected_end_s + (job.left_s - left_s))
        self._note("plan", job, planned_s)

    def switch(self, nodes: ArrayLike, *, on: bool) -> None:
        """Switch nodes on or off."""
        nodes = np.unique(np.asarray(nodes, dtype=np.int64))
        if (self.node_codes()[nodes] != (_OFF if on else _IDLE)).any():
            raise ValueError(f"nodes {nodes.tolist()} cannot be switched: see node_states().")
        power = self.cluster.power
        lasts_s = power.boot_s if on else power.shutdown_s
        if on and lasts_s > 0:
            self._booting += [(int(node), self.view.now_s + lasts_s) for node in nodes]
            self._booting.sort()
        done, under_way = (_IDLE, _BOOTING) if on else (_OFF, _SHUTTING_DOWN)
        self._codes[nodes] = under_way if lasts_s > 0 else done
        if lasts_s == 0 or not on:
            self._free.reshape(self.cluster.nodes, -1)[nodes] = on
            count = nodes.size * self.cluster.cores_per_node
            self.view.free_cores += count if on else -count
        for node in nodes.tolist():
            self._note("switch_on" if on else "switch_off", None, node)

    def wake_at(self, time_s: float) -> None:
        """Check the time to wake at; a still machine wakes nobody."""
        if not time_s > self.view.now_s:
            raise ValueError(f"wake_at(time_s={time_s}) must be later than {self.view.now_s} s.")

    def _note(self, action: str, job: Job | None, value: float) -> None:
        self.acts.append(Act(action, -1 if job is None else job.number, float(value)))


class _Pickler(pickle.Pickler):
    """Writes down a policy with its view; what is shared is named by its place in a list."""

    def __init__(self, file: io.BytesIO, machine: Any) -> None:
        super().__init__(file, protocol=5)
        self._machine = machine
        self.shared: list[Any] = []

    def persistent_id(self, thing: Any) -> int | None:
        """Keep the machine and what is shared out of the copy."""
        if thing is self._machine:
            return -1
        if isinstance(thing, _SHARED) or (
            isinstance(thing, np.ndarray) and not thing.flags.writeable
        ):
            self.shared.append(thing)
            return len(self.shared) - 1
        return None


class _Unpickler(pickle.Unpickler):
    """Reads what `_Pickler` has written in this very process, never a file."""

    def __init__(self, data: bytes, shared: list[Any], machine: _Still) -> None:
        super().__init__(io.BytesIO(data))
        self._shared, self._machine = shared, machine

    def persistent_load(self, place: int) -> Any:
        """Put the still machine, or what is shared, back in."""
        return self._machine if place < 0 else self._shared[place]


@dataclass(frozen=True)
class _Kept:
    """What a machine said at an instant."""

    saving_s: float
    carbon: Any
    cluster: Cluster
    free: NDArray[np.bool_]
    codes: NDArray[np.int64]
    booting: tuple[tuple[int, float], ...]
    suspendable_s: dict[int, float]
    kept_s: dict[int, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Moment:
    """A decision just before it is taken.

    Attributes
    ----------
    now_s : float
        The instant [s since second 0].
    policy : str
        Name of the policy.
    """

    now_s: float
    policy: str
    _data: bytes = field(repr=False)
    _shared: list[Any] = field(repr=False)
    _kept: _Kept = field(repr=False)

    @classmethod
    def of(cls, policy: Policy, view: View) -> Moment:
        """Keep a decision that is about to be taken.

        Parameters
        ----------
        policy : Policy
            What will decide; it has been begun.
        view : View
            What it will see, before it has decided.

        Raises
        ------
        TypeError
            If the policy holds what cannot be copied, such as an open file.
        """
        machine, file = view._machine, io.BytesIO()
        pickler = _Pickler(file, machine)
        try:
            pickler.dump((policy, view))
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            name = policy.name or type(policy).__name__
            raise TypeError(
                f"policy {name!r} cannot be kept for questions: {error}; let it hold plain data."
            ) from error
        running = [job for job in view.running.values() if job.state == "running"]
        kept = _Kept(
            saving_s=machine.saving_s,
            carbon=machine.carbon,
            cluster=view.cluster,
            free=machine.free_mask(),
            codes=machine.node_codes(),
            booting=tuple(machine.booting()),
            suspendable_s={job.number: machine.suspendable_s(job) for job in running},
            kept_s={
                job.number: (machine.kept_s(job, True), machine.kept_s(job, False))
                for job in running
            },
        )
        name = policy.name or type(policy).__name__
        return cls(view.now_s, name, file.getvalue(), pickler.shared, kept)

    def scene(self) -> Scene:
        """Return a fresh copy of the policy, its view and its machine."""
        machine = _Still(self._kept)
        policy, machine.view = _Unpickler(self._data, self._shared, machine).load()
        return Scene(policy, machine.view, machine)

    def decide(self, *changes: Change) -> list[Act]:
        """Take the decision, with facts changed; return what is done, in order."""
        scene = self.scene()
        for change in changes:
            change(scene)
        scene.policy.decide(scene.view)
        return scene.machine.acts

    def changed(self, change: Change) -> Moment:
        """Return the same decision with a fact changed, to ask the same questions of it."""
        scene = self.scene()
        change(scene)
        return Moment.of(scene.policy, scene.view)


# --- facts that can be changed -------------------------------------------------------------


def intensity_g_per_kwh(value: float) -> Change:
    """Let the present step of the carbon intensity be so high [g CO2e/kWh]."""

    def change(scene: Scene) -> None:
        """Let the present step be so."""
        scene.machine.carbon = _Changed(scene.machine.carbon, value)
        scene.policy.reconsider()

    return change


def _of_job(number: int, **values: float) -> Change:
    def change(scene: Scene) -> None:
        """Change the job, in its place in the line, too."""
        view = scene.view
        job = view.queue.get(number) or view.suspended.get(number) or view.running[number]

        def set_values() -> None:
            """Give the job the changed values."""
            for name, value in values.items():
                setattr(job, name, value)

        if job.state in ("queued", "suspended") and job not in view.arrived:
            scene.policy.amend(job, set_values)
        else:
            set_values()

    return change


def requested_s(job: Job, value_s: float) -> Change:
    """Let a waiting job have asked for so long [s]; nobody plans with more than that."""
    planned_s = value_s if job.planned_s == job.requested_s else min(job.planned_s, value_s)
    return _of_job(job.number, requested_s=value_s, planned_s=planned_s)


def processors(job: Job, value: int) -> Change:
    """Let a waiting job need so many cores."""
    return _of_job(job.number, processors=int(value))


def longest_wait_s(job: Job, value_s: float) -> Change:
    """Let the user of a job accept so long a wait [s]."""
    return _of_job(job.number, longest_wait_s=value_s)


def submitted_s(job: Job, value_s: float) -> Change:
    """Let a waiting job have come at another time [s], and be as urgent as it is."""
    wait_s = job.longest_wait_s + (job.submit_s - value_s)
    return _of_job(job.number, submit_s=value_s, longest_wait_s=wait_s)


def ended(numbers: Iterable[int]) -> Change:
    """Let jobs that hold cores have ended by now."""
    numbers = tuple(numbers)

    def change(scene: Scene) -> None:
        """Take these jobs off the machine."""
        view = scene.view
        for number in numbers:
            job = view.running[number]
            scene.machine.close(job, "ended", job.kept_s)
            view.ended.append(job)
            if job in view.late:
                view.late.remove(job)

    return change
