"""The command's questions as tools of an assistant (Model Context Protocol).

=============  =================================================================
tool           does the same as
=============  =================================================================
``estimate``   ``clean-hours start``
``plan``       ``clean-hours plan``
``what_if``    ``clean-hours what-if``
``explain``    ``clean-hours explain`` of a job handed over
``kept``       list what may be submitted
``submit``     ``clean-hours submit --plan ID`` of a plan that was kept
=============  =================================================================

All but the last only read. What runs is never chosen here: ``submit`` takes the id of a plan that
its user has kept together with a script (``clean-hours plan ... --keep job.sh``), and hands it over
if the centre's rules still allow it. No tool takes a path. What a tool is told becomes words of the
command's own parser, never of a shell.

Over standard input and output, or over HTTP on loopback. On a login node loopback is shared by
all its users: over HTTP, ``submit`` is served to those alone who send the token of ``--token FILE``
(``Authorization: Bearer``), and then nothing is served to others. A page of another site is refused
by its ``Host`` and ``Origin``. Needs the extra `mcp`.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import io
import json
import re
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.extras import extra

__all__ = ["answer", "make_server", "serve"]

_JOB = re.compile(r"[0-9]{1,18}|[0-9a-f]{16}(-[0-9]{1,6})?")
_ONE_AT_A_TIME = threading.Lock()


def answer(
    parser: argparse.ArgumentParser, command: str, *words: str, **options: Any
) -> dict[str, Any]:
    """Return what a command answers with ``--json``.

    Parameters
    ----------
    parser : ArgumentParser
        The command line's own (`helpers.operate.cli.parser`).
    command : str
        Its name.
    words : str
        What stands behind it.
    options : object
        Its options; None and False are left out.

    Raises
    ------
    ValueError
        If it refuses, with its sentence.
    """
    from helpers.operate.backend import SchedulerError
    from helpers.operate.words import Answer

    given = [
        f"--{name.replace('_', '-')}" if value is True else f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
        if value is not None and value is not False
    ]
    said = io.StringIO()
    with _ONE_AT_A_TIME, contextlib.redirect_stderr(said):
        try:
            parsed = parser.parse_args([command, *given, "--json", *words])
            result: dict[str, Any] = parsed.run(parsed)
        except SystemExit:
            raise ValueError(said.getvalue().strip().split("\n")[-1]) from None
        except (Answer, SchedulerError, OSError) as error:
            raise ValueError(str(error)) from None
    result.pop("exit_code", None)
    plain: dict[str, Any] = json.loads(json.dumps(result, allow_nan=False))
    return plain


@dataclass(frozen=True)
class _Tools:
    """What the server can be asked; the sentence of each is what an assistant reads of it."""

    parser: argparse.ArgumentParser
    where: dict[str, str | None]
    failed: type[Exception]

    def _ask(self, command: str, *words: str, **options: Any) -> dict[str, Any]:
        try:
            return answer(self.parser, command, *words, **options)
        except ValueError as error:
            raise self.failed(str(error)) from None

    def estimate(
        self, length: str, zone: str = "DE", within: str = "24h", power_w: float | None = None
    ) -> dict[str, Any]:
        """Best start of a job that runs through, its grams of CO2e, and what that saves."""
        return self._ask("start", length=length, zone=zone, within=within, power=power_w)

    def plan(
        self,
        length: str,
        zone: str = "DE",
        within: str = "24h",
        power_w: float | None = None,
        startup: str | None = None,
        checkpoint: str | None = None,
        cores: int = 1,
    ) -> dict[str, Any]:
        """Best runs of a job that may pause after its checkpoints; keeps and submits nothing."""
        given = {"startup": startup, "checkpoint": checkpoint, "cores": cores}
        return self._ask("plan", length=length, zone=zone, within=within, power=power_w, **given)

    def what_if(
        self,
        length: str,
        try_cores: str,
        parallel: float = 1.0,
        zone: str = "DE",
        within: str = "24h",
        power_w: float | None = None,
    ) -> dict[str, Any]:
        """One job in every configuration that the centre allows: fastest, cheapest, cleanest."""
        cores = try_cores.split(",")[0]
        given = {"try_cores": try_cores, "parallel": parallel, "cores": cores, **self.where}
        return self._ask("what-if", length=length, zone=zone, within=within, power=power_w, **given)

    def explain(self, job: str) -> dict[str, Any]:
        """Why a job that was handed over waits; by its key or its scheduler's number."""
        if not _JOB.fullmatch(job):  # what the command would take for the path of a file
            raise self.failed(f"job(={job!r}) must be a key or a number; no file is read here.")
        return self._ask("explain", job, **self.where)

    def kept(self) -> dict[str, Any]:
        """List plans that the user has kept, which may be submitted by their ids."""
        from helpers.operate.plans import iso
        from helpers.operate.store import kept as found

        plans = [(folder.key, folder.plan) for folder in found()]
        return {
            "plans": [
                {"id": key, "name": made.job.name, "last_moment": iso(made.last_moment_s())}
                for key, made in plans
            ]
        }

    def submit(self, plan_id: str) -> dict[str, Any]:
        """Hand over a plan that the user has kept, by its id; it starts by itself."""
        if not _JOB.fullmatch(plan_id):
            raise self.failed(f"plan_id(={plan_id!r}) must be the id of a plan that was kept.")
        return self._ask("submit", plan=plan_id, **self.where)


def make_server(
    parser: argparse.ArgumentParser,
    on: str | None = None,
    site: str | None = None,
    *,
    acts: bool = True,
) -> Any:
    """Return the server with its tools.

    Parameters
    ----------
    parser : ArgumentParser
        The command line's own, which every tool asks.
    on : str, optional
        Scheduler; by default Slurm where its commands are.
    site : str, optional
        File that describes it, where it must be described.
    acts : bool
        Whether it has the tool that submits; else all of them only read.

    Raises
    ------
    ModuleNotFoundError
        If the extra `mcp` is not installed.
    """
    import helpers

    library = extra("mcp.server", of="mcp")
    types = extra("mcp.types", of="mcp")
    failed = extra("mcp.server.mcpserver.exceptions", of="mcp").ToolError
    server = library.MCPServer(
        "clean-hours",
        version=helpers.__version__,
        instructions="When should a batch job run so that its electricity causes the least CO2e? "
        "Durations have units (4h, 90min, 2d). Only plans that the user has kept can be submitted.",
        log_level="WARNING",
    )

    tools = _Tools(parser, {"on": on, "site": site}, failed)
    for tool in (tools.estimate, tools.plan, tools.what_if, tools.explain, tools.kept):
        reads = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
        server.tool(annotations=reads)(tool)
    once = types.ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True)
    if acts:
        server.tool(annotations=once)(tools.submit)
    return server


_App = Callable[[Any, Any, Any], Awaitable[None]]


def _asking(app: _App, token: str) -> _App:
    """Return an application that answers only those who send a token."""
    wanted = f"Bearer {token}".encode()

    async def ask(scope: Any, receive: Any, send: Any) -> None:
        kind = scope["type"]
        sent = dict(scope["headers"]).get(b"authorization", b"") if kind == "http" else b""
        if kind == "lifespan" or (kind == "http" and hmac.compare_digest(sent, wanted)):
            await app(scope, receive, send)
            return
        if kind != "http":  # a socket that carries no such header is closed before it is open
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        told = b"send the token of --token: Authorization: Bearer ..."
        await send({"type": "http.response.body", "body": told})

    return ask


def serve(options: argparse.Namespace) -> dict[str, Any]:
    """Serve until the assistant hangs up."""
    from helpers.operate.events.broker import read_token

    if options.token and not options.http:
        raise ValueError("--token is for --http: over standard input and output nobody else asks.")
    token = read_token(Path(options.token)) if options.token else None
    acts = token is not None or not options.http
    try:
        server = make_server(options.parser, options.on, options.site, acts=acts)
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from None
    if not options.http:
        server.run("stdio")
        return {}
    _serve_http(server, options.http, token)
    return {}


def _serve_http(server: Any, port: int, token: str | None) -> None:
    """Serve on loopback until interrupted; a port that is taken is said before anything else."""
    import socket

    app = server.streamable_http_app(host="127.0.0.1")
    web = extra("uvicorn", of="mcp")
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueError(f"--http {port}: {error.strerror}: choose another port.") from None
        chosen = web.Config(_asking(app, token) if token else app, log_level="warning")
        web.Server(chosen).run(sockets=[listener])
