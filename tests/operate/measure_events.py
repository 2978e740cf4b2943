"""Measures what events on a broker promise: round trips, notices a second, kills without loss.

    python tests/operate/measure_events.py --out data/slurm/events.json

A NATS server of its own is started on this machine. First one link tells another and waits for it,
again and again; then one tells as fast as it can; then the server is killed (SIGKILL) at random
moments while notices are told, and started again. Wall-clock times belong to the machine and to
what else it did, which is written beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import brokers
import numpy as np
from brokers import said, until, wire

from helpers.operate.events.notice import Notice
from helpers.operate.events.server import Server


def round_trips(url: str, count: int) -> dict[str, float]:
    """Times from telling to hearing, one after the other [ms]."""
    heard: list[float] = []
    ear = wire(url, "watch", hear=lambda _: heard.append(time.perf_counter()))
    mouth = wire(url)
    until(lambda: ear.counts["connected"] and mouth.counts["connected"], "connections")
    took_s = []
    try:
        for number in range(count):
            begun_s = time.perf_counter()
            mouth.tell(said(number, restarts=1))
            until(lambda: len(heard) > number, "a round trip", 0.0002)  # noqa: B023 (called at once)
            took_s.append(heard[-1] - begun_s)
    finally:
        mouth.close()
        ear.close()
    p50, p95 = 1000.0 * np.quantile(took_s, [0.5, 0.95])
    return {"count": count, "median_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2)}


def throughput(url: str, count: int) -> dict[str, float]:
    """Acknowledged notices a second, one connection that waits for each."""
    mouth = wire(url, most=count + 1)
    until(lambda: mouth.counts["connected"], "a connection")
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    for number in range(count):
        mouth.tell(said(number, restarts=2))
    until(lambda: mouth.counts["told"] == count, "all told")
    wall_s, cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
    mouth.close()
    return {
        "count": count,
        "acknowledged_per_s": round(count / wall_s),
        "acknowledged_per_cpu_s": round(count / cpu_s),
    }


def kills(server: Server, count: int, seed: int) -> dict[str, int]:
    """Kill the server again and again while notices are told, and count what was heard of them."""
    heard: list[int] = []

    def hear(notice: Notice) -> None:
        if notice.data["restarts"] == 3:  # not what was told before and comes only now
            heard.append(notice.data["number"])

    ear = wire(server.url, "watch", hear=hear)
    mouth = wire(server.url, most=10**7)
    until(lambda: ear.counts["connected"] and mouth.counts["connected"], "connections")
    dice, number = random.Random(seed), 0
    try:
        for _ in range(count):
            until_s = time.monotonic() + dice.uniform(0.2, 1.0)
            while time.monotonic() < until_s:
                mouth.tell(said(number, restarts=3))
                number += 1
                time.sleep(0.01)
            server.kill()
            time.sleep(dice.uniform(0.0, 0.3))
            server.start(60)
        until(lambda: mouth.counts["told"] == number, "all told")
        until(lambda: len(set(heard)) == number, "all heard")
    finally:
        mouth.close()
        ear.close()
    return {
        "kills": count,
        "acknowledged": mouth.counts["told"],
        "missing": number - len(set(heard)),
        "heard_twice": len(heard) - len(set(heard)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trips", type=int, default=300)
    parser.add_argument("--burst", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="write the figures there (JSON)")
    options = parser.parse_args()
    brokers.PATIENCE_S = 600.0
    server = Server(Path(tempfile.mkdtemp(prefix="nats")), port=0)
    begun_s = time.perf_counter()
    server.start(60)
    found: dict[str, object] = {"start_s": round(time.perf_counter() - begun_s, 2)}
    try:
        found["round_trip"] = round_trips(server.url, options.trips)
        found["burst"] = throughput(server.url, options.burst)
        found["killed"] = kills(server, options.kills, options.seed)
    finally:
        server.kill()
    found["load"] = round(os.getloadavg()[0] / (os.cpu_count() or 1), 1)
    text = json.dumps(found, indent=1) + "\n"
    print(text, end="")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    killed = found["killed"]
    assert isinstance(killed, dict)
    return int(bool(killed["missing"] or killed["heard_twice"]))


if __name__ == "__main__":
    sys.exit(main())
