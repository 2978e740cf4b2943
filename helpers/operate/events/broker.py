"""Which broker, by its address alone: the same handler on NATS JetStream and on Kafka.

==================  ==========================================================================
address             is
==================  ==========================================================================
``nats://HOST``     NATS with JetStream; a token on its connection
``tls://HOST``      the same over TLS
``kafka://HOST``    Kafka, or what speaks its protocol; ``user:password`` by SASL/PLAIN
``kafkas://HOST``   the same over TLS
==================  ==========================================================================

Notices are kept for a week. NATS drops a notice whose id it has had within an hour; Kafka does not
know ids, so whoever reads drops what was read before, on both. What cannot be read is refused once
and never delivered again.
"""

from __future__ import annotations

import os
import re
import stat
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from helpers.extras import extra
from helpers.operate.events.notice import LARGEST_B, SCHEMA, Notice, read_notice, warm_up

__all__ = ["CHANNEL", "Address", "Connection", "Reader", "asyncapi", "connection", "read_token"]

CHANNEL = "clean_hours"
"""Name of the subject, stream or topic."""

_KEPT_S = 7 * 86400.0
_KNOWN_S = 3600.0
_ACK_S = 10.0
_LONGEST_TOKEN_B = 4096
_SEEN = 100_000
_HEADERS_B = 1024
_SCHEMES = {"nats": 4222, "tls": 4222, "kafka": 9092, "kafkas": 9092}
_URL = re.compile(r"([a-z]+)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::([0-9]{1,5}))?")
_LOOPBACK = re.compile(r"localhost|127(\.[0-9]{1,3}){3}|\[::1\]")


def read_token(path: Path) -> str:
    """Return the token that stands in a file, which only its owner may read.

    Raises
    ------
    ValueError
        If others may read or write it, somebody else owns it, or it holds no token.
    OSError
        If there is none.
    """
    with path.open("rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise ValueError(f"{path} must be a plain file with a token.")
        if about.st_uid not in {os.getuid(), 0}:
            raise ValueError(f"{path} belongs to somebody else: use a file of your own.")
        if about.st_mode & 0o077:
            raise ValueError(f"{path} may be read by others: chmod 600 {path}")
        text = file.read(_LONGEST_TOKEN_B + 1)
    token = text.decode("utf-8", "replace").strip()
    if not token or len(text) > _LONGEST_TOKEN_B or not token.isprintable() or " " in token:
        raise ValueError(f"{path} must hold one token: one line of at most {_LONGEST_TOKEN_B} B.")
    return token


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker is, and how it is to know us.

    Parameters
    ----------
    url : str
        Such as ``"nats://127.0.0.1:4222"``; without a user, a password or a path.
    token : Path, optional
        File with the token, or for Kafka with ``user:password``.
    channel : str
        Subject and stream, or topic.

    Raises
    ------
    ValueError
        If it is none, or would send the token to another machine in the clear.
    """

    url: str
    token: Path | None = None
    channel: str = CHANNEL

    def __post_init__(self) -> None:
        found = _URL.fullmatch(self.url)
        if "@" in self.url:  # it would stand in every list of processes
            raise ValueError("the address of a broker holds no password: name a file with --token.")
        if not found or found[1] not in _SCHEMES or int(found[3] or 1) not in range(1, 65536):
            raise ValueError(
                f"events(={self.url!r}) must be nats://, tls://, kafka:// or kafkas:// with a host "
                "and perhaps a port, such as nats://127.0.0.1:4222."
            )
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", self.channel):
            raise ValueError(f"channel(={self.channel!r}) must be of letters, digits, _ and -.")
        if self.token and not (self.loopback or self.scheme in {"tls", "kafkas"}):
            safe = {"nats": "tls", "kafka": "kafkas"}[self.scheme]
            raise ValueError(
                f"{self.url} would send the token over the network in the clear: use {safe}://."
            )

    @property
    def scheme(self) -> str:
        """Protocol."""
        return self.url.split(":")[0]

    @property
    def host(self) -> str:
        """Host and port."""
        found = _URL.fullmatch(self.url)
        assert found is not None
        return f"{found[2]}:{found[3] or _SCHEMES[found[1]]}"

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine."""
        return bool(_LOOPBACK.fullmatch(self.host.rpartition(":")[0]))


class Reader:
    """What is done with each message, on any broker: read, drop what was read before, hand on.

    Parameters
    ----------
    hear : callable
        Told each notice once.
    refuse : callable
        Told why a message was refused.
    """

    def __init__(self, hear: Callable[[Notice], None], refuse: Callable[[str], None]) -> None:
        self._hear, self._refuse = hear, refuse
        self._seen: OrderedDict[str, None] = OrderedDict()

    def read(self, data: bytes) -> Notice | None:
        """Return what a message says; None, after telling why, if it is no notice."""
        try:
            return read_notice(data)
        except ValueError as error:
            self._refuse(str(error))
            return None

    def take(self, notice: Notice) -> None:
        """Hand a notice on, unless it was handed on before."""
        if notice.id in self._seen:
            self._seen.move_to_end(notice.id)
            return
        self._seen[notice.id] = None
        if len(self._seen) > _SEEN:
            self._seen.popitem(last=False)
        self._hear(notice)


@dataclass(frozen=True, slots=True)
class Connection:
    """A broker that is not started yet, and how a notice is told to it.

    Parameters
    ----------
    broker : object
        FastStream's.
    publish : callable
        Tells a notice; returns once the broker has acknowledged it.
    declare : callable
        Makes sure that there is a place for notices, where a broker does not make it by itself.
    patience_s : float
        How long it may take to acknowledge one [s].
    """

    broker: Any
    publish: Callable[[Notice], Awaitable[object]]
    declare: Callable[[], Awaitable[object]]
    patience_s: float


def connection(
    address: Address, reader: Reader | None = None, *, durable: str | None = None
) -> Connection:
    """Return a connection to a broker, not started yet.

    Parameters
    ----------
    address : Address
        Where it is.
    reader : Reader, optional
        Who reads; by default nobody.
    durable : str, optional
        Name under which the broker remembers what was read; by default only what is new is read.

    Raises
    ------
    ValueError
        If the token is none, or others may read it.
    ModuleNotFoundError
        If the extra `events` is not installed.
    """
    make = _nats if address.scheme in {"nats", "tls"} else _kafka
    secret = read_token(address.token) if address.token else None
    warm_up()
    found, options = make(address, secret, durable)
    if reader is not None:
        _attach(found.broker, reader, options)
    return found


def _attach(broker: Any, reader: Reader, options: dict[str, Any]) -> None:
    """Let a reader read what a broker delivers: the same for all of them."""
    stream = extra("faststream", of="events")
    reject = extra("faststream.exceptions", of="events").RejectMessage
    as_schema = extra("pydantic.json_schema", of="events").WithJsonSchema

    async def decode(message: Any) -> Notice:
        notice = reader.read(bytes(message.body))
        if notice is None:
            raise reject
        return notice

    async def handle(notice: Any) -> None:
        reader.take(notice)

    handle.__annotations__ = {"notice": Annotated[Any, as_schema(SCHEMA)], "return": None}
    broker.subscriber(
        options.pop("channel"),
        decoder=decode,
        ack_policy=stream.AckPolicy[options.pop("acknowledge")],
        title="notices",
        description="What has happened to a job or a grid zone: hints, never orders.",
        **options,
    )(handle)


def _nats(
    address: Address, secret: str | None, durable: str | None
) -> tuple[Connection, dict[str, Any]]:
    library = extra("faststream.nats", of="events")
    use_ssl = address.scheme == "tls"
    broker = library.NatsBroker(
        f"{address.scheme}://{address.host}",
        security=library.NatsToken(secret, use_ssl=use_ssl) if secret else None,
        logger=None,
        connect_timeout=2,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
        graceful_timeout=2.0,
    )
    stream = library.JStream(
        address.channel,
        subjects=[address.channel],
        max_msg_size=LARGEST_B + _HEADERS_B,
        max_age=_KEPT_S,
        duplicate_window=_KNOWN_S,
        storage=library.StorageType.FILE,
    )

    async def publish(notice: Notice) -> object:
        return await broker.publish(
            notice.to_bytes(),
            subject=address.channel,
            stream=address.channel,
            headers={"Nats-Msg-Id": notice.id, "content-type": "application/cloudevents+json"},
            timeout=2.0,
        )

    async def declare() -> object:
        # FastStream declares a stream for whoever reads; who only tells needs it, too.
        return await broker.connection.jetstream().add_stream(
            stream.config, subjects=[address.channel]
        )

    options = {
        "channel": address.channel,
        # acknowledged once it was handed on; what is refused is never delivered again
        "acknowledge": "REJECT_ON_ERROR",
        "stream": stream,
        "durable": durable,
        # one at a time: a larger batch is waited for until it is full or its time is over
        "pull_sub": library.PullSub(batch_size=1, timeout=5.0),
        "config": library.ConsumerConfig(
            ack_policy=library.AckPolicy.EXPLICIT,
            ack_wait=_ACK_S,
            deliver_policy=library.DeliverPolicy.NEW,
        ),
    }
    return Connection(broker, publish, declare, 3.0), options


def _kafka(
    address: Address, secret: str | None, durable: str | None
) -> tuple[Connection, dict[str, Any]]:
    library = extra("faststream.confluent", of="events")
    security = extra("faststream.security", of="events")
    use_ssl = address.scheme == "kafkas"
    known = None
    if secret:
        user, _, password = secret.partition(":")
        if not (user and password):
            raise ValueError(f"{address.token} must hold user:password for Kafka.")
        known = security.SASLPlaintext(user, password, use_ssl=use_ssl)
    elif use_ssl:
        known = security.BaseSecurity(use_ssl=True)
    broker = library.KafkaBroker(
        address.host,
        security=known,
        logger=None,
        acks="all",
        enable_idempotence=True,
        max_request_size=LARGEST_B + _HEADERS_B,
        graceful_timeout=2.0,
        config={
            "message.timeout.ms": 5000,
            "topic.metadata.refresh.interval.ms": 5000,  # a topic may come after its reader
            "log_level": 0,
        },
    )

    async def publish(notice: Notice) -> object:
        return await broker.publish(
            notice.to_bytes(),
            topic=address.channel,
            key=notice.subject.encode("utf-8"),  # what is about one job stays in order
            headers={"content-type": "application/cloudevents+json"},
        )

    async def declare() -> object:
        return None  # a topic is made when it is first used

    options = {
        # a topic is made by its centre, or by its broker when it is first used
        "channel": library.Topic(address.channel, declare=False),
        "acknowledge": "ACK",  # a topic goes on behind what was refused, too
        "group_id": durable or f"watch-{os.getpid()}-{os.urandom(4).hex()}",
        "auto_offset_reset": "latest",
    }
    return Connection(broker, publish, declare, 10.0), options


def asyncapi(address: Address) -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of what is told and heard on a broker; asks none.

    Raises
    ------
    ModuleNotFoundError
        If the extra `events` is not installed.
    """
    import helpers

    def nobody(_: object) -> None: ...

    found = connection(Address(address.url, None, address.channel), Reader(nobody, nobody))
    document = extra("faststream", of="events").AsyncAPI(
        found.broker,
        title="clean-hours",
        version=helpers.__version__,
        description="Hints that make an agent look sooner. Nothing here is an order.",
    )
    tree: dict[str, Any] = document.to_specification().to_jsonable()
    return tree
