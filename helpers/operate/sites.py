"""Which scheduler a command speaks to: by its name, and where needed by a file that describes it.

==========  ====================================================================================
name        is
==========  ====================================================================================
``slurm``   Slurm by its commands; the default where ``sbatch`` is
``local``   this machine; the default elsewhere
``psij``    PSI/J's executor that the file names; without a file its executor for this machine
``tapis``   the tenant of Tapis that the file names
==========  ====================================================================================

The file is YAML. Paths in it are counted from where it lies::

    psij:
      executor: slurm
      rules: rules.yaml    # what the centre allows: PSI/J does not tell
    tapis:
      url: https://tacc.tapis.io
      token: tapis-token   # a file that only you may read
      app: clean-hours
      version: "0.1"
      system: frontera
      rules: rules.yaml
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from helpers.operate.backend import Backend
from helpers.schema import Place, Schema, compose

__all__ = ["NAMES", "backend_named", "default_name"]

NAMES = ("slurm", "local", "psij", "tapis")
"""Schedulers that a command can speak to."""


@dataclass(frozen=True)
class _Psij:
    at: Place
    executor: str = "local"
    rules: str | None = None
    polling_s: Annotated[float, "> 0"] = 30.0


@dataclass(frozen=True)
class _Tapis:
    at: Place
    url: str
    token: str
    app: str
    version: str
    system: str
    rules: str


@dataclass(frozen=True)
class _Site:
    """What a file says of schedulers."""

    psij: _Psij | None = None
    tapis: _Tapis | None = None


def default_name() -> str:
    """Return the name of the scheduler that is used here when none is asked for."""
    return "slurm" if shutil.which("sbatch") else "local"


def backend_named(
    name: str | None = None, site: Path | None = None, *, rest_s: float | None = None
) -> Backend:
    """Return a scheduler.

    Parameters
    ----------
    name : str, optional
        One of `NAMES`; by default that of `default_name`.
    site : Path, optional
        File that describes schedulers which must be described.
    rest_s : float, optional
        How long a job that Slurm requeued rests [s]; by default as `Slurm` does.

    Raises
    ------
    ValueError
        If there is no such scheduler, what it needs is not installed, the file does not describe
        it as it must, or it is told what it does not do.
    OSError
        If there is no such file, or none that it names.
    """
    name = name or default_name()
    if name not in NAMES:
        raise ValueError(f"on(={name!r}) must be one of {', '.join(NAMES)}.")
    if rest_s is not None and name != "slurm":
        raise ValueError(f"--rest is of jobs that Slurm requeues; {name} requeues none.")
    if name in {"slurm", "local"}:
        if site is not None:
            raise ValueError(f"--site describes psij or tapis; {name} needs no description.")
        return _own(name, rest_s)
    said = _Site() if site is None else Schema().read(compose(site, "schedulers"), _Site)
    if name == "psij":
        return _psij(said.psij, site)
    if said.tapis is None:
        raise ValueError(
            f"tapis must be described: {site or '--site FILE'} has no key `tapis` with url, token, "
            "app, version, system and rules."
        )
    return _tapis(said.tapis, site or Path())


def _own(name: str, rest_s: float | None) -> Backend:
    from helpers.operate.local import Local
    from helpers.operate.slurm import Slurm

    if name == "local":
        return Local()
    return Slurm() if rest_s is None else Slurm(rest_s=rest_s)


def _psij(said: _Psij | None, site: Path | None) -> Backend:
    from helpers.operate.psij import Psij
    from helpers.operate.rules import read_rules

    try:
        if said is None or site is None:
            return Psij()
        rules = None if said.rules is None else read_rules(site.parent / said.rules)
        make = Psij
        return said.at.build(lambda: make(said.executor, rules=rules, polling_s=said.polling_s))
    except ImportError as error:
        raise ValueError(str(error)) from None


def _tapis(said: _Tapis, site: Path) -> Backend:
    from helpers.operate.rules import read_rules
    from helpers.operate.tapis import Tapis, TapisApp

    rules, token = read_rules(site.parent / said.rules), site.parent / said.token
    return said.at.build(
        lambda: Tapis(said.url, token, TapisApp(said.app, said.version, said.system), rules)
    )
