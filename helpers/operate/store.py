"""What is kept on disk: one folder a job, with its plan, its script, what it said, what was done.

=================  ===========================================================================
file               who writes it, and what it holds
=================  ===========================================================================
``plan.json``      `prepare`: the plan; never changed
``plan-N.json``    the agent: what is left after N checkpoints, planned anew
``submit.json``    `prepare`: what is handed over; ``kept.json`` while a plan is only kept
``script``         `prepare`: a copy of the user's script, as sbatch keeps one
``run.sh``         `prepare`: what the scheduler runs; it runs ``script``
``job.sh``         `prepare`: what scripts source
``events.jsonl``   the job: started, checkpoints, finished or failed
``finished``       the job: that it must never run again
``journal.jsonl``  the agent: every action, before and after
``receipt.json``   the agent: planned against real, once the job is over
=================  ===========================================================================

The folders lie in ``CLEAN_HOURS_STATE``, by default ``clean-hours`` in the user's state folder
(``XDG_STATE_HOME`` or ``~/.local/state``), which login nodes and compute nodes must share. Only
the user may read them.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helpers.files import write_whole
from helpers.operate.backend import Submission, check_key
from helpers.operate.plans import Plan, read_plan, write_plan
from helpers.operate.revisions import Revision
from helpers.operate.rules import Resources

__all__ = [
    "Entry",
    "Folder",
    "folders",
    "journal",
    "kept",
    "only_agent",
    "prepare",
    "read_journal",
    "state_folder",
]

_REVISED = re.compile(r"plan-[0-9]{6}\.json")

_REFUSED = {
    "--array": "an array is many jobs: plan each one",
    "-a": "an array is many jobs: plan each one",
    "--hold": "a held job never starts by itself",
    "-H": "a held job never starts by itself",
    "hetjob": "a heterogeneous job is many jobs",
    "--no-requeue": "a pause requeues the job",
}
"""Directives of a script that a plan cannot carry out."""

_KEPT = "kept.json"
"""In place of ``submit.json`` where a plan waits for its user's word."""

_RUN = """#!/bin/bash
{directives}
# Written by clean-hours: runs the script beside it, once, whatever happens in between.
CLEAN_HOURS_FOLDER={folder}
export CLEAN_HOURS_FOLDER
. "$CLEAN_HOURS_FOLDER/job.sh"
exec 9> "$CLEAN_HOURS_FOLDER/lock"
flock -w 60 9 || exit 75  # the run before may still be saving
if [ -e "$CLEAN_HOURS_FOLDER/finished" ]; then exit 0; fi
CLEAN_HOURS_ENDS_S=$(($(date +%s) + {wall_s}))
export CLEAN_HOURS_ENDS_S
stopped=
child=
trap 'stopped=1; if [ -n "$child" ]; then kill -TERM "$child" 2> /dev/null; fi' TERM
{carry_on}
_clean_hours_say started
if [ -n "$stopped" ]; then exit 143; fi
"$CLEAN_HOURS_FOLDER/script" "$@" 9>&- &
child=$!
code=0
wait "$child" || code=$?
while kill -0 "$child" 2> /dev/null; do code=0; wait "$child" || code=$?; done
sleep {grace_s}  # a script that ends itself at SIGTERM has not finished: let the signal be seen
if [ -n "$stopped" ] || [ "$code" = 143 ]; then exit 143; fi  # ended by a signal: not by itself
if [ "$code" = 0 ]; then
    _clean_hours_say finished
    : > "$CLEAN_HOURS_FOLDER/finished"
else
    _clean_hours_say failed "exit code $code"
fi
exit "$code"
"""

_CARRY_ON = """# Near its time limit the job goes on in a run of its own, from its last checkpoint.
trap 'stopped=1; scontrol requeue "$SLURM_JOB_ID"' USR1"""


def state_folder() -> Path:
    """Return the folder in which all jobs' folders lie."""
    chosen = os.environ.get("CLEAN_HOURS_STATE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_STATE_HOME")
    return Path(base or Path.home() / ".local" / "state") / "clean-hours"


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of one job.

    Parameters
    ----------
    path : Path
        Where it lies; its name is the job's key.
    """

    path: Path

    @property
    def key(self) -> str:
        """The job's key."""
        return self.path.name

    @property
    def plan(self) -> Plan:
        """The plan, read and checked."""
        return read_plan(self.path / "plan.json")

    def _in_force(self) -> Path:
        made = [p for p in self.path.glob("plan-*.json") if _REVISED.fullmatch(p.name)]
        return max(made, default=self.path / "plan.json")

    @property
    def stamp(self) -> tuple[str, int, int]:
        """File of the plan in force, its number and its time: another one is another plan."""
        path = self._in_force()
        about = path.stat()
        return path.name, about.st_ino, about.st_mtime_ns

    @property
    def revision(self) -> Revision:
        """The plan in force: the first one, or the latest made anew."""
        latest = self._in_force()
        number = latest.stem.removeprefix("plan").removeprefix("-")
        return Revision(read_plan(latest), int(number or 0))

    def revise(self, revision: Revision) -> None:
        """Put a plan made anew in force."""
        write_plan(revision.plan, self.path / f"plan-{revision.checkpoints:06d}.json")

    def release(self) -> None:
        """Let a plan that was kept be handed over."""
        (self.path / _KEPT).rename(self.path / "submit.json")

    def keep(self) -> None:
        """Take a plan back that nobody took."""
        (self.path / "submit.json").rename(self.path / _KEPT)

    @property
    def over(self) -> bool:
        """Whether a receipt was written."""
        return (self.path / "receipt.json").exists()

    def submission(self, begin_s: float, resources: Resources | None = None) -> Submission:
        """Return what is handed to the scheduler, with other resources than at first if given."""
        about = json.loads((self.path / "submit.json").read_text(encoding="utf-8"))
        return Submission(
            key=self.key,
            script=self.path / "run.sh",
            begin_s=begin_s,
            resources=resources or Resources(**about["resources"]),
            folder=Path(about["folder"]),
            arguments=tuple(about["arguments"]),
        )


def folders(state: Path | None = None) -> list[Folder]:
    """Return the folders of all jobs, by name."""
    state = state or state_folder()
    if not (state / "jobs").is_dir():
        return []
    found = []
    for path in sorted((state / "jobs").iterdir()):
        try:
            check_key(path.name)
        except ValueError:
            continue  # what people leave lying about
        if (path / "submit.json").is_file():
            found.append(Folder(path))
    return found


def prepare(
    plan: Plan,
    script: Path,
    arguments: Sequence[str] = (),
    *,
    state: Path | None = None,
    grace_s: float = 1.0,
    kept: bool = False,
) -> Folder:
    """Make the folder of a job; nothing is submitted yet.

    Parameters
    ----------
    plan : Plan
        With resources.
    script : Path
        The user's script. Its ``#SBATCH`` lines stay; what the plan says goes before them.
    arguments : sequence of str
        Its arguments.
    state : Path, optional
        In place of `state_folder`.
    grace_s : float
        How long a run waits for a signal to be seen before it calls itself finished [s].
    kept : bool
        Keep it only: nobody hands it over until it is released (`kept`).

    Returns
    -------
    Folder
        The same for the same plan: a job that is prepared twice is still one job.

    Raises
    ------
    ValueError
        If the plan asks for nothing or pauses where the work is not kept, the script is none, or
        has a directive that a plan cannot carry out.
    OSError
        If the folder cannot be made.
    """
    if plan.resources is None:
        raise ValueError("the plan has no resources: make it with make_plan(..., resources=...).")
    if plan.schedule.resumes and plan.suspension.keep != "checkpoints":
        raise ValueError(
            "the plan pauses anywhere, but a pause keeps what the last checkpoint saved: plan with "
            'Suspension(keep="checkpoints"), or without pauses.'
        )
    directives = _directives(script)
    path = (state or state_folder()) / "jobs" / check_key(plan.id)
    if (path / "submit.json").is_file():
        return Folder(path)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_plan(plan, path / "plan.json")
    _write_executable(path / "script", script.read_bytes())
    _write_executable(path / "run.sh", _run_sh(plan, path, directives, grace_s).encode("utf-8"))
    (path / "job.sh").write_bytes((Path(__file__).parent / "job.sh").read_bytes())
    about = {
        "resources": asdict(plan.resources),
        "folder": str(Path.cwd()),
        "arguments": list(arguments),
        "made_s": time.time(),
    }
    name = _KEPT if kept else "submit.json"
    write_whole(path / name, json.dumps(about, indent=2) + "\n")  # last: now it is whole
    return Folder(path)


def kept(state: Path | None = None) -> list[Folder]:
    """Return the folders of plans that were kept and wait for their user's word."""
    jobs = (state or state_folder()) / "jobs"
    return [Folder(path.parent) for path in sorted(jobs.glob(f"*/{_KEPT}"))]


def _run_sh(plan: Plan, path: Path, directives: Sequence[str], grace_s: float) -> str:
    assert plan.resources is not None
    longest_s = plan.stretch * float((plan.schedule.stop_s - plan.schedule.start_s).max())
    cascade = longest_s > plan.resources.wall_s
    # Slurm's signal may come seconds early, and a short limit has no two minutes to spare.
    lead_s = math.ceil(min(120.0, max(20.0, 0.1 * plan.resources.wall_s)))
    extra = [f"#SBATCH --signal=B:USR1@{lead_s}"] if cascade else []
    return _RUN.format(
        directives="\n".join([*directives, *extra]),
        folder=shlex.quote(str(path.absolute())),
        wall_s=math.floor(plan.resources.wall_s),
        carry_on=_CARRY_ON if cascade else "",
        grace_s=f"{grace_s:g}",
    )


def _write_executable(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o700)


def _directives(script: Path) -> list[str]:
    """The ``#SBATCH`` lines of a script, which sbatch reads up to the first command."""
    if not script.is_file():
        raise ValueError(f"{script} is no file: name the script that sbatch would run.")
    lines = script.read_bytes().split(b"\n")
    if not lines[0].startswith(b"#!"):
        raise ValueError(
            f"{script}, line 1: a script begins with #! and its interpreter, such as #!/bin/bash."
        )
    found = []
    for number, raw in enumerate(lines, start=1):
        line = raw.decode("utf-8", "replace").rstrip("\r")
        if line.strip() and not line.startswith("#"):
            break
        if not line.startswith("#SBATCH"):
            continue
        option = line.split()[1].split("=")[0] if len(line.split()) > 1 else ""
        if option in _REFUSED:
            raise ValueError(f"{script}, line {number}: {line!r}: {_REFUSED[option]}.")
        found.append(line)
    return found


# --- the journal -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    Parameters
    ----------
    time_s : float
        When [s].
    what : str
        Kind of action.
    result : str
        ``"intended"``, ``"done"``, or what went wrong.
    job_id : str
        Number of the job in the scheduler; empty when it has none yet.
    restarts : int
        How often the job had been requeued.
    why : str
        Reason, for people.
    at_s : float or None
        Begin time set [s]; None for now.
    partition : str
        Of ``submit`` and ``move``: into which partition; empty for the centre's default.
    """

    time_s: float
    what: str
    result: str
    job_id: str = ""
    restarts: int = 0
    why: str = ""
    at_s: float | None = None
    partition: str = ""


def journal(folder: Folder, entry: Entry) -> None:
    """Append a line to a job's journal, on the disk before this returns."""
    line = json.dumps(asdict(entry), allow_nan=False) + "\n"
    number = os.open(folder.path / "journal.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(number, line.encode("utf-8"))
        os.fsync(number)
    finally:
        os.close(number)


def read_journal(folder: Folder) -> list[Entry]:
    """Return a job's journal; a last line cut short by a kill is left out."""
    try:
        text = (folder.path / "journal.jsonl").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found: list[Entry] = []
    for line in text.split("\n"):
        try:
            told: dict[str, Any] = json.loads(line)
            found.append(Entry(**told))
        except (ValueError, TypeError):
            continue
    return found


@contextmanager
def only_agent(state: Path) -> Iterator[None]:
    """Hold the right to act for this user; the system gives it back when the agent dies.

    Raises
    ------
    RuntimeError
        If another agent has it.
    """
    import fcntl

    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state / "agent.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(
                f"another agent is at work in {state}: one is enough; it carries out all plans."
            ) from None
        yield
