"""The command ``clean-hours events``: watch, say, serve, describe; and the agent's link."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from helpers.operate.backend import Backend
    from helpers.operate.events.broker import Address
    from helpers.operate.events.notice import Notice
    from helpers.operate.events.wire import Wire

__all__ = ["events", "wired"]

Result = dict[str, Any]

_PATIENCE_S = 10.0


def wired(options: argparse.Namespace, backend: Backend, report: Callable[[str], None]) -> Wire:
    """Return an agent's link over the broker that was asked for, not started yet."""
    from helpers.operate.events.senses import Senses
    from helpers.operate.events.wire import Wire, cluster_name, source_of
    from helpers.operate.store import state_folder

    source = source_of(state_folder())
    return Wire(
        _address(options),
        Senses(options.cluster or cluster_name(backend.name), source),
        report=report,
        durable=source.strip("/").replace("/", "-"),
    )


def _address(options: argparse.Namespace) -> Address:
    """The broker that was asked for; a token that others may read is refused here already."""
    from helpers.operate.events.broker import Address, connection

    found = Address(options.events, Path(options.token) if options.token else None, options.channel)
    try:
        connection(found)
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from None
    return found


def events(options: argparse.Namespace) -> Result:
    """Watch what is told on a broker, say something, run a broker, or describe it all."""
    return {"watch": _watch, "say": _say, "serve": _serve, "asyncapi": _asyncapi}[options.what](
        options
    )


def _asyncapi(options: argparse.Namespace) -> Result:
    from helpers.operate.events.broker import asyncapi

    document = asyncapi(_address(options))
    return {**document, "text": json.dumps(document, indent=2)}


def _watch(options: argparse.Namespace) -> Result:
    """Print each notice as it comes."""
    from helpers.operate.events.senses import Senses
    from helpers.operate.events.wire import Wire
    from helpers.operate.words import Answer

    heard: list[Notice] = []

    def hear(notice: Notice) -> None:
        heard.append(notice)
        if not options.json:
            print(_line(notice), flush=True)

    trouble: list[str] = []
    senses = Senses("nobody", f"/clean-hours/watch/{os.getpid()}")
    wire = Wire(_address(options), senses, report=trouble.append, hear=hear)
    begun_s = time.monotonic()
    until_s = begun_s + options.lasts if options.lasts else float("inf")
    wire.start()
    try:
        while time.monotonic() < until_s and len(heard) < (options.count or float("inf")):
            if not wire.counts["connected"] and time.monotonic() > begun_s + _PATIENCE_S:
                raise Answer(4, trouble[-1] if trouble else f"no broker at {options.events}.")
            time.sleep(0.02)
    except KeyboardInterrupt:
        pass
    finally:
        wire.close()
    told = [{"id": n.id, "kind": n.kind, "subject": n.subject, **n.data} for n in heard]
    refused = wire.counts["refused"]
    warning = f"{refused} messages were no notices and were refused." if refused else ""
    return {"notices": told, "refused": refused, "warning": warning}


def _line(notice: Notice) -> str:
    said = " ".join(f"{name}={value}" for name, value in notice.data.items() if value is not None)
    clock = time.strftime("%H:%M:%S", time.localtime(notice.time_s))
    return f"{clock} {notice.kind} {notice.subject} {said}"


def _say(options: argparse.Namespace) -> Result:
    """Tell one notice, and wait until the broker has it."""
    from helpers.operate.events.broker import connection
    from helpers.operate.words import Answer

    address, notice = _address(options), _said(options)
    notice.to_bytes()  # what it may not say is refused before anybody is asked

    async def tell() -> None:
        found = connection(address)
        try:
            await found.broker.start()
            await found.declare()
            await found.publish(notice)
        finally:
            await found.broker.stop()

    try:
        asyncio.run(asyncio.wait_for(tell(), _PATIENCE_S))
    except Exception as error:  # of any kind: brokers' libraries have their own
        told = f"{type(error).__name__} {error}".strip()
        raise Answer(4, f"{options.events} did not take it: {told}") from None
    return {"id": notice.id, "text": f"Told: {_line(notice)}"}


def _said(options: argparse.Namespace) -> Notice:
    """The notice that a command line describes; in a job, what it says of itself."""
    from helpers.operate import job
    from helpers.operate.events.notice import Notice
    from helpers.operate.events.wire import cluster_name
    from helpers.operate.sites import default_name

    now_s, source = time.time(), f"/clean-hours/say/{os.getuid()}"
    if options.forecast:
        digest = hashlib.sha256(repr(now_s).encode()).hexdigest()[:16]
        hours = {"from_s": float(int(now_s)), "to_s": float(int(now_s) + 172_800)}
        data = hours | {"change": None, "digest": digest}
        return Notice("forecast", options.forecast, data, source, now_s)
    where = job.folder()
    key = options.job or (where.name if where else "")
    if not key:
        raise ValueError("say which job it is about (--job KEY), or which zone (--forecast DE).")
    about: dict[str, Any] = {
        "cluster": options.cluster or cluster_name(options.on or default_name()),
        "restarts": options.restarts,
        "state": options.state,
    }
    if options.job_id:
        return Notice("job", key, about | {"job_id": options.job_id}, source, now_s)
    number = job.checkpoints() if options.number is None else options.number
    return Notice("checkpoint", key, about | {"number": number, "left_s": None}, source, now_s)


def _serve(options: argparse.Namespace) -> Result:
    """Become a NATS server that keeps its notices in the state folder."""
    from helpers.operate.events.broker import Address
    from helpers.operate.events.server import Server
    from helpers.operate.store import state_folder

    address = Address(options.events, None, options.channel)
    if address.scheme != "nats":
        raise ValueError(f"events serve runs a NATS server: nats://, not {address.scheme}://.")
    host, _, port = address.host.rpartition(":")
    folder = Path(options.store) if options.store else state_folder() / "nats"
    token = Path(options.token) if options.token else None
    try:
        command = Server(folder, host=host, port=int(port), token=token).command()
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from None
    os.execv(command[0], command)  # from here on it is the server, with the server's signals
