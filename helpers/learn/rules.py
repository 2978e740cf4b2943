"""Known rules, asked as a learner is asked, and rules that use what a learner sees.

A rule in the environment must do what it does outside: `as_rule` translates a policy of
`helpers.decide` into orders, and the schedules are the same, start by start.

What a learner must beat is not a gate alone. `Gated` leaves small jobs in peace, since holding them
delays many and saves little, and `Priced` looks ahead for each job: it waits while the forecast says
that waiting saves more than the delay is worth.
"""

from __future__ import annotations

import numpy as np

from helpers.decide import CapWhenDirty, CarbonEasy, CarbonFifo, Easy, Fifo
from helpers.decide.carbon import Gate
from helpers.decide.view import Job, Policy, View
from helpers.learn.commands import CAPPED, RUN, WAIT, Commanded, Orders
from helpers.learn.observation import Observer
from helpers.learn.price import Price, as_price

__all__ = ["Gated", "Priced", "Rule", "as_rule"]


class Rule:
    """What gives orders. Subclass it and write `orders`."""

    def begin(self, view: View) -> None:
        """Forget earlier replays."""

    def orders(self, view: View) -> Orders:
        """Return what is wanted until the next question."""
        raise NotImplementedError(f"{type(self).__name__} has no method orders(self, view).")


class _Translated(Rule):
    """A policy of `helpers.decide` as orders: the same for all jobs."""

    def __init__(self, gate: Gate | None, stop: Gate | None, cap: Gate | None, caps: bool) -> None:
        self.gate, self.stop, self.cap, self.caps = gate, stop, cap, caps

    def begin(self, view: View) -> None:
        """Let the gates forget."""
        self._dirty_from_s = np.inf
        for gate in (self.gate, self.stop, self.cap):
            if gate is not None:
                gate.begin(view)

    def orders(self, view: View) -> Orders:
        """Ask the gates."""
        capped = self.caps and not (self.cap is not None and self.cap.is_clean(view))
        clean = self.gate is None or self.gate.is_clean(view)
        stops = self.stop is not None and not self.stop.is_clean(view)
        self._dirty_from_s = min(self._dirty_from_s, view.now_s) if stops else np.inf
        # A job that started although it was that dirty had a reason to: it runs on.
        stays = [n for n, job in view.running.items() if job.run_start_s >= self._dirty_from_s]
        run = CAPPED if capped else RUN
        return Orders(dict.fromkeys(stays, RUN), run if clean else WAIT, WAIT if stops else run)


def as_rule(policy: Policy) -> tuple[Rule, Commanded]:
    """Return a policy of `helpers.decide` as a rule, and what carries out its orders.

    Parameters
    ----------
    policy : Policy
        `Fifo`, `Easy`, `CarbonFifo`, `CarbonEasy`, or `CapWhenDirty` around one of them that does
        not suspend.

    Raises
    ------
    TypeError
        If it is another one: orders say who is held, stopped, capped, not in which order jobs start.
    """
    inner, cap, share = policy, None, None
    if isinstance(policy, CapWhenDirty):
        inner, cap, share = policy.policy, policy.gate, policy.share
    plain = type(inner) in (Fifo, Easy, CarbonFifo, CarbonEasy)
    gate, stop = (getattr(inner, name, None) for name in ("gate", "suspend_gate"))
    odd = isinstance(inner, Easy) and (
        inner.hosts or inner.depth is not None or inner.backfill_order is not None
    )
    if not plain or odd or (share is not None and stop is not None):
        raise TypeError(
            f"{policy.name or type(policy).__name__!r} cannot be put as orders: take Fifo, Easy, "
            "CarbonFifo or CarbonEasy, plain, or CapWhenDirty around one that does not suspend."
        )
    does = Commanded(
        pauses=stop is not None,
        cap_share=share,
        backfill=isinstance(inner, Easy | CarbonEasy),
        name=policy.name,
    )
    does.least_left_s = getattr(inner, "least_left_s", does.least_left_s)
    return _Translated(gate, stop, cap, share is not None), does


class Gated(Rule):
    """Hold large jobs while a gate says dirty; let small ones go.

    Parameters
    ----------
    gate : Gate
        What says that it is dirty.
    least_core_h : float
        Work from which on a job is held, as predicted [core-h].
    observer : Observer
        What predicts; it should ask at the arrival of such jobs (`Observer.large_core_h`).
    """

    def __init__(self, gate: Gate, least_core_h: float, observer: Observer) -> None:
        self.gate, self.least_core_h, self.observer = gate, least_core_h, observer

    def begin(self, view: View) -> None:
        """Let the gate forget."""
        self.gate.begin(view)

    def orders(self, view: View) -> Orders:
        """Hold those that are large enough."""
        if self.gate.is_clean(view):
            return Orders({})
        waits = (*view.queue.values(), *view.suspended.values())
        work = self.observer.work_core_h
        return Orders({job.number: WAIT for job in waits if work(job) >= self.least_core_h})


class Priced(Rule):
    """Wait while that saves more, as forecast, than the delay is worth.

    For each job the start is sought that makes expected emissions and the price of its delay least
    together, within the longest wait. Expected means: over the quantiles of its length. It is the
    best answer for one job that is alone with its forecast, and asked again whenever that changes.

    Parameters
    ----------
    price : float or Price
        What an hour of one job's delay is worth [kWh at the mean intensity of the week before], or
        a price that follows the delay.
    observer : Observer
        What knows forecast and lengths.
    """

    def __init__(self, price: float | Price, observer: Observer) -> None:
        self.price, self.observer = as_price(price), observer

    def begin(self, view: View) -> None:
        """Let the price forget."""
        self.price.begin(view)

    def orders(self, view: View) -> Orders:
        """Hold the jobs for which a later start is expected to be better."""
        price_kwh = self.price.now_kwh(view, self.observer)
        waits: list[Job] = [*view.queue.values(), *view.suspended.values()]
        if not waits:
            return Orders({})
        saved_kwh = self.observer.saved_kwh(view, waits)
        net = saved_kwh - price_kwh * np.arange(saved_kwh.shape[1])
        later = net.argmax(axis=1) > 0
        return Orders({job.number: WAIT for job, wait in zip(waits, later, strict=True) if wait})
