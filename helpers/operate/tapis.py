"""Tapis [1]_, a web service in front of a centre's schedulers, behind the same verbs.

**Never tried against a tenant**: its client is held to a service of the tests that speaks as the
published description of the jobs API says, and runs what it is asked to on this machine.

Tapis has no begin time and no requeue. A begin time is handed to the scheduler behind it as an
option (``--begin``, which Slurm has); `begin` and `requeue` submit anew and cancel the old one. All
that is known is read from the service: name of a job are its key, our number, its run and its begin
time, so that whoever comes after a kill knows as much.

The job is one of an *app* of the centre that runs the script named by its first argument. Its path
must be one of the system where it runs. Tapis makes a command line of arguments, so only plain words
are let through.

References
----------
.. [1] J. Stubbs et al., "Tapis: An API Platform for Reproducible, Distributed Computational
   Research", Future of Information and Communication Conference, 2021.
"""

from __future__ import annotations

import json
import math
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from helpers.operate.backend import (
    Backend,
    Run,
    SchedulerError,
    State,
    Status,
    Submission,
    check_key,
)
from helpers.operate.rules import Resources, Rules, check_name

__all__ = ["Tapis", "TapisApp"]

_NAME = re.compile(r"clean-hours\.([0-9a-f-]+)\.([0-9]{1,16})\.([0-9]{1,4})\.([0-9]{1,12})")
_WORD = re.compile(r"[A-Za-z0-9_./=:,@+-]+")
_UUID = re.compile(r"[A-Za-z0-9-]{1,64}")
_REQUEUE_S = 120.0
_MOST_JOBS = 1000

_STATES: Mapping[str, State] = {
    "PENDING": "waiting",
    "PROCESSING_INPUTS": "waiting",
    "STAGING_INPUTS": "waiting",
    "STAGING_JOB": "waiting",
    "SUBMITTING_JOB": "waiting",
    "QUEUED": "waiting",
    "BLOCKED": "waiting",
    "PAUSED": "waiting",
    "RUNNING": "running",
    "ARCHIVING": "running",
    "FINISHED": "completed",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
}


@dataclass(frozen=True, slots=True)
class TapisApp:
    """The app that runs a script, and where.

    Parameters
    ----------
    name, version : str
        Of the app.
    system : str
        System that it runs on.
    """

    name: str
    version: str
    system: str

    def __post_init__(self) -> None:
        for owner in ("name", "version", "system"):
            check_name(owner, getattr(self, owner))


@dataclass(frozen=True, slots=True)
class _Job:
    """One job of the service, as its name and its entry in the list say."""

    key: str
    number: str
    run: int
    begin_s: float
    uuid: str
    state: State
    word: str
    started_s: float
    ended_s: float


class Tapis(Backend):
    """A scheduler behind Tapis.

    Parameters
    ----------
    url : str
        Of the tenant, such as ``https://tacc.tapis.io``; plain ``http`` for this machine alone.
    token : Path
        File with the access token, that nobody but its owner may read.
    app : TapisApp
        The app that runs the script.
    rules : Rules
        What the centre allows; Tapis does not tell.
    timeout_s : float
        How long an answer may take [s], more than 0.

    Raises
    ------
    ValueError
        If the token's file may be read by others, or the address would carry it in the clear.
    OSError
        If there is no such file.
    """

    name = "tapis"

    def __init__(
        self, url: str, token: Path, app: TapisApp, rules: Rules, *, timeout_s: float = 20.0
    ) -> None:
        parts = urlsplit(url)
        loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise ValueError(f"url(={url!r}) must be https: it carries a token.")
        if token.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ValueError(f"{token} may be read by others: chmod 600 {token}.")
        if not timeout_s > 0:
            raise ValueError(f"timeout_s(={timeout_s}) must be > 0.")
        self._url, self._token, self._app, self._rules = url.rstrip("/"), token, app, rules
        self._timeout_s = timeout_s

    def _ask(self, how: Literal["GET", "POST"], path: str, body: Any = None) -> Any:
        """Ask the service and return the result of its answer."""
        import requests

        try:
            answer = requests.request(
                how,
                f"{self._url}/v3/jobs/{path}",
                json=body,
                headers={"X-Tapis-Token": self._token.read_text(encoding="utf-8").strip()},
                timeout=self._timeout_s,
                allow_redirects=False,  # a token is carried nowhere else
            )
        except requests.RequestException as error:
            raise SchedulerError(f"Tapis gave no answer: {type(error).__name__}.") from None
        try:
            told = json.loads(answer.content)
        except ValueError:
            told = None
        if answer.status_code >= 300 or not isinstance(told, dict) or "result" not in told:
            message = told.get("message") if isinstance(told, dict) else None
            raise SchedulerError(
                f"Tapis: {answer.status_code} {str(message or '')[:300]}",
                sure=400 <= answer.status_code < 500,
            )
        return told["result"]

    def _all(self) -> list[_Job]:
        """All jobs of the user whose names are ours; a name of somebody else's making is none."""
        found, skip = [], 0
        while True:
            page = self._ask("GET", f"list?limit={_MOST_JOBS}&skip={skip}&listType=MY_JOBS")
            if not isinstance(page, list):
                raise SchedulerError("Tapis listed no jobs.")
            found += [job for job in map(_job, page) if job is not None]
            skip += len(page)
            if len(page) < _MOST_JOBS:
                return found

    def _runs(self, job_id: str) -> list[_Job]:
        """All submissions under a number of ours, the present one last."""
        if not re.fullmatch(r"[0-9]{1,16}", job_id):
            raise ValueError(f"job_id(={job_id!r}) must be a whole number.")
        mine = sorted((j for j in self._all() if j.number == job_id), key=lambda j: j.run)
        if not mine:
            raise SchedulerError(f"Tapis has no job {job_id}.", sure=True)
        return mine

    def submit(self, submission: Submission) -> str:
        """Submit a job of the app with the path of the script as its first argument."""
        if broken := self._rules.broken(submission.resources):
            raise SchedulerError("; ".join(broken), sure=True)
        words = [str(submission.script), *submission.arguments]
        for word in [*words, str(submission.folder)]:
            if not _WORD.fullmatch(word):
                raise ValueError(
                    f"{word!r} must be letters, digits and _./=:,@+- only: Tapis makes a command "
                    "line of it. Write it into the script."
                )
        asked = submission.resources
        options = [f"--chdir={submission.folder}"]
        options += [f"--qos={asked.qos}"] if asked.qos else []
        options += [f"--account={asked.account}"] if asked.account else []
        options += [f"--gres=gpu:{asked.gpus}"] if asked.gpus else []
        request: dict[str, Any] = {
            "appId": self._app.name,
            "appVersion": self._app.version,
            "execSystemId": self._app.system,
            "nodeCount": asked.nodes,
            "coresPerNode": asked.cores_per_node,
            "maxMinutes": max(1, math.ceil(asked.wall_s / 60)),
            "parameterSet": {
                "appArgs": [{"name": f"word{i}", "arg": word} for i, word in enumerate(words)],
                "schedulerOptions": [
                    {"name": f"option{i}", "arg": option} for i, option in enumerate(options)
                ],
            },
            "tags": ["clean-hours"],
        }
        if asked.memory_mb:
            request["memoryMB"] = asked.memory_mb
        if asked.partition:
            request["execSystemLogicalQueue"] = asked.partition
        number = str(time.time_ns() // 1000)
        self._start(request, submission.key, number, 0, submission.begin_s)
        return number

    def _start(
        self, request: dict[str, Any], key: str, number: str, run: int, begin_s: float
    ) -> None:
        delay_s = max(0, math.ceil(begin_s) - math.floor(time.time()))
        given = request["parameterSet"]
        options = [o for o in given["schedulerOptions"] if not o["arg"].startswith("--begin=")]
        options.append({"name": "begin", "arg": f"--begin=now+{delay_s}"})
        named = request | {
            "name": f"clean-hours.{key}.{number}.{run}.{math.ceil(begin_s)}",
            "parameterSet": given | {"schedulerOptions": options},
        }
        self._ask("POST", "submit", named)

    def _anew(self, job_id: str, begin_s: float, *states: State) -> None:
        """Submit a job anew with another begin time, and cancel the one before."""
        old = self._runs(job_id)[-1]
        if old.state not in states:
            raise SchedulerError(
                f"job {job_id} is {old.state}, not {' or '.join(states)}.", sure=True
            )
        request = self._ask("GET", f"{_checked(old.uuid)}/resubmit_request")
        self._start(dict(request), old.key, old.number, old.run + 1, begin_s)
        self._ask("POST", f"{_checked(old.uuid)}/cancel", {})

    def begin(self, job_id: str, at_s: float | None = None) -> None:
        """Let a waiting job start at another time: it is submitted anew, under the same number."""
        self._anew(job_id, time.time() if at_s is None else at_s, "waiting")

    def requeue(self, job_id: str) -> None:
        """End a run; by itself the job starts again 120 s later."""
        self._anew(job_id, time.time() + _REQUEUE_S, "running")

    def cancel(self, job_id: str) -> None:
        """Forget a job, and all its submissions that are not over."""
        for job in reversed(self._runs(job_id)):
            if job.state in {"waiting", "running"}:
                self._ask("POST", f"{_checked(job.uuid)}/cancel", {})

    def jobs(self) -> dict[str, list[Status]]:
        """Return the user's jobs by key; of a job submitted anew the present one alone."""
        latest: dict[str, _Job] = {}
        began: dict[str, int] = {}
        for job in sorted(self._all(), key=lambda j: (int(j.number), j.run)):
            before = latest.get(job.number)
            if before is not None:
                began[job.number] = began.get(job.number, 0) + math.isfinite(before.started_s)
                if before.state in {"waiting", "running"}:  # whoever submitted it anew was killed
                    self._ask("POST", f"{_checked(before.uuid)}/cancel", {})
            latest[job.number] = job
        found: dict[str, list[Status]] = {}
        for number, job in latest.items():
            started_s = job.started_s if job.state == "running" else None
            found.setdefault(job.key, []).append(
                Status(
                    number,
                    job.key,
                    job.state,
                    job.begin_s,
                    started_s,
                    began.get(number, 0),
                    job.word,
                )
            )
        return found

    def runs(self, job_id: str) -> list[Run]:
        """Return when its submissions really ran; Tapis measures no energy."""
        words = {"completed": "COMPLETED", "cancelled": "CANCELLED", "running": "RUNNING"}
        mine = self._runs(job_id)
        found = []
        for job in mine:
            if not math.isfinite(job.started_s):
                continue
            again = job.run != mine[-1].run
            word = "REQUEUED" if again else words.get(job.state, job.word)
            found.append(Run(job.started_s, job.ended_s, word, math.nan))
        return found

    def trial(self, resources: Resources) -> float:
        """Return now for a request that the rules allow: Tapis shows no queue."""
        if broken := self._rules.broken(resources):
            raise SchedulerError("; ".join(broken), sure=True)
        return time.time()

    def rules(self) -> Rules:
        """Return the rules that were given."""
        return self._rules


def _job(entry: Any) -> _Job | None:
    """One entry of the list, if its name is ours."""
    name = _NAME.fullmatch(str(entry.get("name") or "")) if isinstance(entry, dict) else None
    if name is None:
        return None
    key, number, run, begin = name.groups()
    try:
        check_key(key)
    except ValueError:
        return None
    word = str(entry.get("status") or "")
    condition = str(entry.get("condition") or "")
    return _Job(
        key,
        number,
        int(run),
        float(begin),
        str(entry.get("uuid") or ""),
        _STATES.get(word, "unknown"),
        "TIMEOUT" if condition == "SCHEDULER_TIMEOUT" else condition or word,
        _instant(entry.get("remoteStarted")),
        _instant(entry.get("ended")),
    )


def _instant(text: Any) -> float:
    """An instant as Tapis writes it [s]; NaN for none."""
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return math.nan
    return when.timestamp() if when.tzinfo else math.nan


def _checked(uuid: str) -> str:
    """A number of the service that becomes part of an address."""
    if not _UUID.fullmatch(uuid):
        raise SchedulerError(f"Tapis named a job {uuid[:80]!r}, which is none.")
    return uuid
