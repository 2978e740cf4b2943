"""A service that speaks as the published description of Tapis' jobs API says (release 25.4).

It is no Tapis: it knows five of its calls and runs the jobs on this machine.
"""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from helpers.operate.backend import SchedulerError, Submission
from helpers.operate.local import Local
from helpers.operate.rules import Resources

REQUIRED = {"name", "appId", "appVersion"}
MAY_HAVE = REQUIRED | {
    *("execSystemId", "execSystemLogicalQueue", "nodeCount", "coresPerNode", "memoryMB"),
    *("maxMinutes", "parameterSet", "tags", "description", "notes"),
}
WORDS = {"waiting": "QUEUED", "running": "RUNNING", "completed": "FINISHED"}
WORDS |= {"failed": "FAILED", "cancelled": "CANCELLED"}


def iso(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class FakeTapis:
    """The service, on loopback."""

    def __init__(self, folder: Path) -> None:
        self.local = Local(folder / "local", cores=2)
        self.token = "secret"
        self.requests: dict[str, dict] = {}
        self.silent = 0
        self.lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def _answer(self, code, result=None, message=""):
                body = json.dumps({"status": "success", "message": message, "result": result})
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body.encode())

            def _do(self, how):
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length) or "null")
                if self.headers.get("X-Tapis-Token") != outer.token:
                    return self._answer(401, message="TAPIS_SECURITY_MISSING_JWT")
                if outer.silent:
                    outer.silent -= 1
                    return self.send_error(502)
                with outer.lock:
                    return self._answer(*outer.handle(how, self.path, body))

            def do_GET(self):
                self._do("GET")

            def do_POST(self):
                self._do("POST")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def handle(self, how, path, body):
        path = path.removeprefix("/v3/jobs/").split("?")[0]
        if (how, path) == ("POST", "submit"):
            return self.submit(body)
        if (how, path) == ("GET", "list"):
            return 200, [self.entry(uuid) for uuid in self.requests]
        uuid, _, verb = path.partition("/")
        if uuid not in self.requests:
            return 404, None, "JOBS_JOB_NOT_FOUND"
        if (how, verb) == ("GET", "resubmit_request"):
            return 200, self.requests[uuid]
        if (how, verb) == ("POST", "cancel"):
            self.local.cancel(uuid.removesuffix("-007"))
            return 200, {"message": "cancelled"}
        return 404, None, "no such call"

    def submit(self, body):
        if not (REQUIRED <= set(body) <= MAY_HAVE):
            return 400, None, f"unknown or missing: {set(body) ^ REQUIRED}"
        given = body["parameterSet"]
        assert {"appArgs", "schedulerOptions"} == set(given)
        words = [arg["arg"] for arg in given["appArgs"]]
        options = dict(o["arg"].lstrip("-").split("=", 1) for o in given["schedulerOptions"])
        assert not any(re.search(r"[&;|<>$`\\\n\"']", w) for w in [*words, *options.values()])
        begin = options.get("begin", "now")
        submission = Submission(
            "0" * 16,
            Path(words[0]),
            time.time() + float(begin.removeprefix("now").removeprefix("+") or 0),
            Resources(60.0 * body["maxMinutes"], cores=body["coresPerNode"]),
            Path(options["chdir"]),
            tuple(words[1:]),
        )
        try:
            uuid = self.local.submit(submission) + "-007"
        except SchedulerError as error:
            return 400, None, str(error)
        self.requests[uuid] = body
        return 201, self.entry(uuid)

    def entry(self, uuid):
        number = uuid.removesuffix("-007")
        status = next(s for s in self.local.jobs()["0" * 16] if s.job_id == number)
        runs = self.local.runs(number)
        found = {
            "uuid": uuid,
            "name": self.requests[uuid]["name"],
            "status": WORDS[status.state],
            "owner": "me",
            "condition": None,
        }
        if runs:
            found["remoteStarted"] = iso(runs[-1].start_s)
            if runs[-1].stop_s == runs[-1].stop_s:
                found["ended"] = iso(runs[-1].stop_s)
            if runs[-1].state == "TIMEOUT":
                found["condition"] = "SCHEDULER_TIMEOUT"
        return found
