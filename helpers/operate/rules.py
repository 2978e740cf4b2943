"""What a centre allows: partitions, qualities of service and accounts, in one typed table.

The rules come from a running Slurm (`parse_partitions`, `parse_qos`, `parse_accounts` read what
``scontrol -o show`` and ``sacctmgr -P show`` print) or from a YAML file, which people also write
to add what Slurm does not know, the price of a core hour::

    partitions:
      - {name: batch, nodes: 4, cores_per_node: 8, memory_mb: 4000, longest_s: 172800,
         price_per_core_h: 0.02, default: true}
      - {name: short, nodes: 2, cores_per_node: 8, memory_mb: 4000, longest_s: 1800, most_nodes: 1}
    qos:
      - {name: normal}
      - {name: green, longest_s: 3600, most_cores_per_user: 8, usage_factor: 0.5}

`Rules.broken` says every rule that a request breaks. Slurm refuses such a request only with
``EnforcePartLimits=ALL``; without it the job is accepted and pends for ever, which is why it is
checked here before anything is submitted.
"""

import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any

import pandas as pd
import yaml

from helpers.files import write_whole
from helpers.jobs.sacct import parse_elapsed, parse_memory, parse_tres
from helpers.schema import Place, Schema, compose

__all__ = [
    "Partition",
    "Qos",
    "Resources",
    "Rules",
    "check_name",
    "memory_mb",
    "pairs_of",
    "parse_accounts",
    "parse_partitions",
    "parse_qos",
    "read_rules",
    "rules_text",
    "write_rules",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]*")
"""What a partition, a QoS or an account may be called: it becomes a word of a command."""


# Not `from __future__ import annotations`: what a class declares is read from its types, with rules.
Amount = Annotated[float, ">= 0 or .inf"]
Count = Annotated[int, ">= 0"]


def check_name(owner: str, value: str) -> None:
    """Refuse a name that is no plain word.

    Raises
    ------
    ValueError
        If it holds anything but letters, digits and ``_.@+-``, or starts with one of the latter.
    """
    if not (isinstance(value, str) and _NAME.fullmatch(value)):
        raise ValueError(
            f"{owner}(={value!r}) must be letters, digits and _.@+- and start with a letter or "
            "digit: it is passed on to the scheduler."
        )


@dataclass(frozen=True, slots=True)
class Resources:
    """What a job asks its centre for.

    Parameters
    ----------
    wall_s : float
        Time limit [s], more than 0. The scheduler kills the job when it is over.
    nodes, cores : int
        Nodes, and cores on all of them together, 1 or more.
    memory_mb : int, optional
        Memory on each node [MiB]; the centre's default when left out.
    gpus : int
        GPUs on each node.
    partition, qos, account : str, optional
        Where and as whom; the centre's default when left out.

    Raises
    ------
    ValueError
        If a number is out of range or a name is no plain name.
    """

    wall_s: float
    nodes: int = 1
    cores: int = 1
    memory_mb: int | None = None
    gpus: int = 0
    partition: str | None = None
    qos: str | None = None
    account: str | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.wall_s) and self.wall_s > 0):
            raise ValueError(f"wall_s(={self.wall_s}) must be finite and > 0.")
        least = {"nodes": 1, "cores": 1, "memory_mb": 1, "gpus": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is None and name == "memory_mb":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name}(={value!r}) must be a whole number >= {low}.")
        if self.cores < self.nodes:
            raise ValueError(
                f"cores(={self.cores}) must be >= nodes(={self.nodes}): a node runs one at least."
            )
        for name in ("partition", "qos", "account"):
            if getattr(self, name) is not None:
                check_name(name, getattr(self, name))

    @property
    def cores_per_node(self) -> int:
        """Cores on the fullest node."""
        return math.ceil(self.cores / self.nodes)

    @property
    def core_hours(self) -> float:
        """Core hours if the job runs up to its time limit [h]."""
        return self.cores * self.wall_s / 3600.0


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition: where jobs run.

    Parameters
    ----------
    name : str
        Its name.
    nodes, cores_per_node : int
        How many nodes, and cores of the largest.
    memory_mb : float
        Memory of the largest node [MiB]; inf when not known.
    gpus_per_node : int
        GPUs of the node with most.
    longest_s : float
        Longest time limit [s]; inf without one.
    least_nodes, most_nodes : float
        Nodes a job may have.
    most_cores_per_node : float
        Cores a job may have on one node.
    accounts, qos : tuple of str or None
        Who may use it, and with which quality of service; None for all.
    not_accounts, not_qos : tuple of str
        Who may not.
    default, up : bool
        Whether jobs go here by default, and whether they start here at all.
    price_per_core_h : float
        Price of a core hour, in the centre's currency; NaN when not known.
    """

    name: str
    nodes: Count
    cores_per_node: Count
    memory_mb: Amount = math.inf
    gpus_per_node: Count = 0
    longest_s: Amount = math.inf
    least_nodes: Amount = 0
    most_nodes: Amount = math.inf
    most_cores_per_node: Amount = math.inf
    accounts: tuple[str, ...] | None = None
    qos: tuple[str, ...] | None = None
    not_accounts: tuple[str, ...] = ()
    not_qos: tuple[str, ...] = ()
    default: bool = False
    up: bool = True
    price_per_core_h: Amount = math.nan

    def __post_init__(self) -> None:
        check_name("partition", self.name)


@dataclass(frozen=True, slots=True)
class Qos:
    """One quality of service: what a job of it may have.

    Parameters
    ----------
    name : str
        Its name.
    longest_s : float
        Longest time limit [s].
    most_cores, most_nodes, most_gpus : float
        What one job may have.
    most_cores_per_user, most_nodes_per_user, most_gpus_per_user : float
        What all jobs of a user may have together; a single job above it never starts.
    usage_factor : float
        What a core hour counts for.
    """

    name: str
    longest_s: Amount = math.inf
    most_cores: Amount = math.inf
    most_nodes: Amount = math.inf
    most_gpus: Amount = math.inf
    most_cores_per_user: Amount = math.inf
    most_nodes_per_user: Amount = math.inf
    most_gpus_per_user: Amount = math.inf
    usage_factor: Amount = 1.0

    def __post_init__(self) -> None:
        check_name("qos", self.name)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a centre allows one of its users.

    Parameters
    ----------
    partitions, qos : tuple
        The partitions and qualities of service.
    accounts : mapping of str to tuple of str, optional
        Accounts of the user, and the qualities of service each may use; None when the centre
        keeps no accounts.
    default_qos : mapping of str to str
        Quality of service of an account's jobs that name none.
    default_account : str, optional
        Account of jobs that name none.

    Raises
    ------
    ValueError
        If there is no partition, or a name is there twice.
    """

    partitions: tuple[Partition, ...]
    qos: tuple[Qos, ...] = ()
    accounts: Mapping[str, tuple[str, ...]] | None = None
    default_qos: Mapping[str, str] | None = None
    default_account: str | None = None

    def __post_init__(self) -> None:
        if not self.partitions:
            raise ValueError("rules without a partition allow nothing: name one at least.")
        for kind in (self.partitions, self.qos):
            names = [item.name for item in kind]
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{sorted(twice)[0]!r} is there twice: keep one.")

    def partition(self, name: str | None) -> Partition | None:
        """Return a partition by name, the default one for None, or None if there is none."""
        if name is None:
            return next((p for p in self.partitions if p.default), None)
        return next((p for p in self.partitions if p.name == name), None)

    def qos_of(self, request: Resources) -> str | None:
        """Return the quality of service that a request ends up with."""
        account = request.account or self.default_account
        return request.qos or (self.default_qos or {}).get(account or "")

    def broken(self, request: Resources) -> list[str]:
        """Return every rule that a request breaks, in words; none when it is valid."""
        place = self.partition(request.partition)
        if place is None:
            known = ", ".join(p.name for p in self.partitions)
            if request.partition is None:
                return [f"no partition is the default: name one of {known}"]
            return [f"partition {request.partition!r} does not exist: choose one of {known}"]
        return [
            *_broken_partition(place, request),
            *_broken_access(self, place, request),
            *_broken_qos(self, request),
        ]

    def cost(self, request: Resources) -> float:
        """Return what a request costs when it runs up to its limit; NaN if no price is known."""
        place = self.partition(request.partition)
        if place is None:
            return math.nan
        name = self.qos_of(request)
        factor = next((q.usage_factor for q in self.qos if q.name == name), 1.0)
        return place.price_per_core_h * factor * request.core_hours

    def with_price(self, per_core_h: float) -> "Rules":
        """Return rules in which a core hour costs this where no price was known.

        Raises
        ------
        ValueError
            If the price is no finite number >= 0.
        """
        if not (math.isfinite(per_core_h) and per_core_h >= 0):
            raise ValueError(f"the price of a core hour (={per_core_h}) must be finite and >= 0.")
        return replace(
            self,
            partitions=tuple(
                replace(p, price_per_core_h=per_core_h) if math.isnan(p.price_per_core_h) else p
                for p in self.partitions
            ),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pair of partition and quality of service that go together.

        Returns
        -------
        DataFrame
            ``partition, qos, nodes, cores_per_node, memory_mb, gpus_per_node, longest_s,
            most_nodes, most_cores, price_per_core_h``: times in [s], memory in [MiB].
        """
        rows = []
        for place in self.partitions:
            for qos in self.qos or (Qos("none"),):
                if place.qos is not None and qos.name not in place.qos:
                    continue
                if qos.name in place.not_qos:
                    continue
                rows.append(
                    {
                        "partition": place.name,
                        "qos": qos.name,
                        "nodes": place.nodes,
                        "cores_per_node": place.cores_per_node,
                        "memory_mb": place.memory_mb,
                        "gpus_per_node": place.gpus_per_node,
                        "longest_s": min(place.longest_s, qos.longest_s),
                        "most_nodes": min(place.most_nodes, qos.most_nodes, place.nodes),
                        "most_cores": min(
                            qos.most_cores,
                            qos.most_cores_per_user,
                            place.nodes * place.cores_per_node,
                        ),
                        "price_per_core_h": place.price_per_core_h * qos.usage_factor,
                    }
                )
        return pd.DataFrame(rows)


def _broken_partition(place: Partition, request: Resources) -> Iterator[str]:
    where = f"partition {place.name!r}"
    if not place.up:
        yield f"{where} is not up: its jobs do not start"
    if request.wall_s > place.longest_s:
        yield f"wall_s(={request.wall_s:g}) must be <= {place.longest_s:g} s in {where}"
    most_nodes = min(place.most_nodes, place.nodes)
    if request.nodes > most_nodes:
        yield f"nodes(={request.nodes}) must be <= {most_nodes:g} in {where}"
    if request.nodes < place.least_nodes:
        yield f"nodes(={request.nodes}) must be >= {place.least_nodes:g} in {where}"
    most_cores = min(place.cores_per_node, place.most_cores_per_node)
    if request.cores_per_node > most_cores:
        yield (
            f"cores(={request.cores}) on nodes(={request.nodes}) need {request.cores_per_node} "
            f"cores on one node, but it must be <= {most_cores:g} in {where}"
        )
    if request.memory_mb is not None and request.memory_mb > place.memory_mb:
        yield f"memory_mb(={request.memory_mb}) must be <= {place.memory_mb:g} in {where}"
    if request.gpus > place.gpus_per_node:
        yield f"gpus(={request.gpus}) must be <= {place.gpus_per_node} a node in {where}"


def _broken_access(rules: Rules, place: Partition, request: Resources) -> Iterator[str]:
    account = request.account or rules.default_account
    where = f"partition {place.name!r}"
    if rules.accounts is not None and account not in rules.accounts:
        known = ", ".join(sorted(rules.accounts)) or "none"
        yield f"account {account!r} is not one of the user's: choose one of {known}"
    if place.accounts is not None and account not in place.accounts:
        yield f"{where} is for the accounts {', '.join(place.accounts)}, not for {account!r}"
    if account in place.not_accounts:
        yield f"{where} is not for the account {account!r}"
    qos = rules.qos_of(request)
    if place.qos is not None and qos is not None and qos not in place.qos:
        yield f"{where} takes the QoS {', '.join(place.qos)}, not {qos!r}"
    if qos in place.not_qos:
        yield f"{where} does not take the QoS {qos!r}"


def _broken_qos(rules: Rules, request: Resources) -> Iterator[str]:
    name = rules.qos_of(request)
    account = request.account or rules.default_account or ""
    allowed = (rules.accounts or {}).get(account)
    if name is None:
        return
    qos = next((q for q in rules.qos if q.name == name), None)
    if qos is None and rules.qos:
        yield f"QoS {name!r} does not exist: choose one of {', '.join(q.name for q in rules.qos)}"
        return
    if allowed is not None and name not in allowed:
        yield f"QoS {name!r} is not open to account {account!r}: choose one of {', '.join(allowed)}"
    if qos is None:
        return
    if request.wall_s > qos.longest_s:
        yield f"wall_s(={request.wall_s:g}) must be <= {qos.longest_s:g} s with QoS {name!r}"
    asked = {"cores": request.cores, "nodes": request.nodes, "gpus": request.gpus * request.nodes}
    for what, count in asked.items():
        most = min(getattr(qos, f"most_{what}"), getattr(qos, f"most_{what}_per_user"))
        if count > most:
            yield f"{what}(={count} in all) must be <= {most:g} with QoS {name!r}"


# --- what Slurm prints ------------------------------------------------------------------------


def pairs_of(line: str) -> dict[str, str]:
    """One line of ``scontrol -o show``: words of the form Key=Value."""
    return dict(re.findall(r"(\S+?)=(\S*)", line))


def _seconds(text: str) -> float:
    """A time limit; inf where there is none."""
    return math.inf if text in {"", "UNLIMITED", "NONE", "INFINITE"} else parse_elapsed(text)


def _most(text: str | None) -> float:
    return math.inf if text in {None, "", "UNLIMITED", "NONE"} else float(text)


def _names(text: str | None) -> tuple[str, ...] | None:
    if text in {None, "", "ALL", "(null)", "NONE", "N/A"}:
        return None
    return tuple(sorted(text.split(",")))


def _gpus(gres: str) -> int:
    """Number of GPUs of ``gpu:a100:4(S:0-1),gpu:2,license:1``."""
    return sum(int(n) for n in re.findall(r"(?:^|,)gpu(?::[A-Za-z][^:,(]*)?:(\d+)", gres))


def parse_partitions(partitions: str, nodes: str) -> tuple[Partition, ...]:
    """Return the partitions that Slurm tells of.

    Parameters
    ----------
    partitions, nodes : str
        What ``scontrol -o show partition`` and ``scontrol -o show node`` print.

    Raises
    ------
    ValueError
        If a line is none of theirs.
    """
    machines = [pairs_of(line) for line in nodes.splitlines() if line.strip()]
    found = []
    for line in filter(str.strip, partitions.splitlines()):
        pairs = pairs_of(line)
        if "PartitionName" not in pairs:
            raise ValueError(
                f"{line[:80]!r} is no line of `scontrol -o show partition`: it lacks PartitionName."
            )
        name = pairs["PartitionName"]
        own = [m for m in machines if name in m.get("Partitions", "").split(",")]
        most_memory = max((float(m.get("RealMemory", "inf")) for m in own), default=math.inf)
        found.append(
            Partition(
                name=name,
                nodes=int(pairs.get("TotalNodes", len(own))),
                cores_per_node=max(
                    (int(m.get("CPUEfctv", m.get("CPUTot", "1"))) for m in own), default=0
                ),
                memory_mb=min(most_memory, _most(pairs.get("MaxMemPerNode"))),
                gpus_per_node=max((_gpus(m.get("Gres", "")) for m in own), default=0),
                longest_s=_seconds(pairs.get("MaxTime", "")),
                least_nodes=float(pairs.get("MinNodes", "0")),
                most_nodes=_most(pairs.get("MaxNodes")),
                most_cores_per_node=_most(pairs.get("MaxCPUsPerNode")),
                accounts=_names(pairs.get("AllowAccounts")),
                qos=_names(pairs.get("AllowQos")),
                not_accounts=_names(pairs.get("DenyAccounts")) or (),
                not_qos=_names(pairs.get("DenyQos")) or (),
                default=pairs.get("Default") == "YES",
                up=pairs.get("State") == "UP" and pairs.get("RootOnly", "NO") == "NO",
            )
        )
    return tuple(found)


def _rows(text: str, *needed: str) -> list[dict[str, str]]:
    """Rows of what ``sacctmgr -P show`` prints."""
    lines = [line for line in text.splitlines() if line.strip()]
    header = lines[0].split("|") if lines else []
    missing = [name for name in needed if name not in header]
    if missing:
        raise ValueError(
            f"the header {'|'.join(header)!r} lacks {', '.join(missing)}: "
            "print it with sacctmgr -P show ... format=..."
        )
    return [dict(zip(header, line.split("|"), strict=False)) for line in lines[1:]]


def _limits(tres: str) -> dict[str, float]:
    counts = parse_tres(tres) if tres else {}
    return {
        "cores": counts.get("cpu", math.inf),
        "nodes": counts.get("node", math.inf),
        "gpus": counts.get("gres/gpu", math.inf),
    }


def parse_qos(text: str) -> tuple[Qos, ...]:
    """Return the qualities of service that ``sacctmgr -P show qos`` prints.

    Raises
    ------
    ValueError
        If the columns Name, MaxWall, MaxTRES, MaxTRESPU and UsageFactor are not all there.
    """
    found = []
    for row in _rows(text, "Name", "MaxWall", "MaxTRES", "MaxTRESPU", "UsageFactor"):
        job, user = _limits(row["MaxTRES"]), _limits(row["MaxTRESPU"])
        found.append(
            Qos(
                row["Name"],
                longest_s=_seconds(row["MaxWall"]),
                usage_factor=float(row["UsageFactor"] or 1.0),
                **{f"most_{what}": count for what, count in job.items()},
                **{f"most_{what}_per_user": count for what, count in user.items()},
            )
        )
    return tuple(found)


def parse_accounts(text: str) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the qualities of service of each of a user's accounts, and each one's default.

    Parameters
    ----------
    text : str
        What ``sacctmgr -P show assoc user=NAME format=Account,QOS,DefaultQOS`` prints.
    """
    accounts: dict[str, tuple[str, ...]] = {}
    default: dict[str, str] = {}
    for row in _rows(text, "Account", "QOS"):
        accounts[row["Account"]] = tuple(filter(None, row["QOS"].split(",")))
        chosen = row.get("Def QOS") or row.get("DefaultQOS") or ""
        if chosen or len(accounts[row["Account"]]) == 1:
            default[row["Account"]] = chosen or accounts[row["Account"]][0]
    return accounts, default


# --- YAML ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Account:
    name: str
    qos: tuple[str, ...]
    default_qos: str | None = None


@dataclass(frozen=True)
class _File:
    """What a file of rules says."""

    at: Place
    partitions: Annotated[tuple[Partition, ...], "partitions"]
    qos: tuple[Qos, ...] = ()
    accounts: tuple[_Account, ...] | None = None
    default_account: str | None = None

    def rules(self) -> Rules:
        """Return the rules, checked."""
        accounts = default = None
        if self.accounts is not None:
            accounts = {account.name: account.qos for account in self.accounts}
            default = {a.name: a.default_qos for a in self.accounts if a.default_qos is not None}
        return Rules(self.partitions, self.qos, accounts, default, self.default_account)


def read_rules(path: str | os.PathLike) -> Rules:
    """Read rules from a YAML file (see the module's documentation).

    Raises
    ------
    ValueError
        With file, line and path, if a key is unknown or missing or a value is out of range.
    FileNotFoundError
        If there is no such file.
    """
    said = Schema().read(compose(path, "partitions"), _File)
    return said.at.build(said.rules)


def write_rules(rules: Rules, path: str | os.PathLike) -> None:
    """Write rules as YAML, which `read_rules` reads and people complete.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written.
    """
    write_whole(path, rules_text(rules))


def rules_text(rules: Rules) -> str:
    """Return rules as YAML text."""
    tree: dict[str, Any] = {"partitions": [_plain(item) for item in rules.partitions]}
    if rules.qos:
        tree["qos"] = [_plain(item) for item in rules.qos]
    if rules.accounts is not None:
        default = rules.default_qos or {}
        tree["accounts"] = [
            {"name": name, "qos": list(qos)}
            | ({"default_qos": default[name]} if name in default else {})
            for name, qos in rules.accounts.items()
        ]
    if rules.default_account is not None:
        tree["default_account"] = rules.default_account
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=None, width=100)


def _plain(item: Partition | Qos) -> dict[str, Any]:
    """Return what differs from the defaults, in types that YAML knows."""
    defaults = {f.name: f.default for f in fields(item)}
    plain = {}
    for name, value in asdict(item).items():
        same = value == defaults[name] or (value != value and defaults[name] != defaults[name])
        if not same:
            plain[name] = list(value) if isinstance(value, tuple) else value
    return plain


def memory_mb(text: str) -> int:
    """Return an amount of memory such as ``4G`` in MiB; a plain number is MiB, as for sbatch.

    Raises
    ------
    ValueError
        If it is no amount of memory.
    """
    kb = parse_memory(text, unit="M").kb
    if not kb > 0:
        raise ValueError(f"memory is {text!r}: it must be more than 0, such as 4000 or 4G.")
    return math.ceil(kb / 1024)
