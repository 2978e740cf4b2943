"""Replay a schedule in SimGrid and say when its last job ends and how many joules were drawn.

Run by the system's own Python, which has the binding: ``python3 judge_by_simgrid.py``. On stdin
JSON: ``nodes``; ``states``, each with the ``speed`` and the ``idle_w`` and ``busy_w`` of a node in
it; ``events``, in order of time: ``[time_s, "state", node, state]`` and
``[time_s, "run", nodes, work_s]``; ``stop_s``. The binding has no call for energy, and none to
switch hosts: a node that is off is in a state of its own, and joules are read from the library.
"""

import ctypes
import json
import sys
import tempfile

from simgrid import Actor, Engine, Host, this_actor

SPEED = 1e9  # operations a second of a node at full speed
LIBRARY = "libsimgrid.so.3.32"


def platform(asked):
    """Write the machine as SimGrid reads it, with one more host that drives the others."""
    speeds = ",".join(f"{state['speed'] * SPEED!r}f" for state in asked["states"])
    watts = ",".join(f"{s['idle_w']!r}:{s['busy_w']!r}:{s['busy_w']!r}" for s in asked["states"])
    hosts = "".join(
        f'<host id="n{node}" speed="{speeds}" pstate="0" core="1">'
        f'<prop id="wattage_per_state" value="{watts}"/></host>'
        for node in range(asked["nodes"])
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE platform SYSTEM "https://simgrid.org/simgrid.dtd">'
        f'<platform version="4.1"><zone id="z" routing="None">{hosts}<host id="driver" speed="1f">'
        '<prop id="wattage_per_state" value="0:0:0"/></host></zone></platform>'
    )


def main():
    """Judge what stands on stdin."""
    asked, found = json.load(sys.stdin), {"makespan_s": 0.0}
    engine = Engine(
        ["judge", "--cfg=plugin:host_energy", "--cfg=contexts/factory:thread",
         "--cfg=surf/precision:1e-9", "--log=root.thres:error"]
    )  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(platform(asked))
        file.flush()
        engine.load_platform(file.name)
    library = ctypes.CDLL(LIBRARY)
    library.sg_host_by_name.restype = ctypes.c_void_p
    library.sg_host_get_consumed_energy.restype = ctypes.c_double
    library.sg_host_get_consumed_energy.argtypes = [ctypes.c_void_p]

    def job(work_s):
        this_actor.execute(work_s * SPEED)
        found["makespan_s"] = max(found["makespan_s"], Engine.clock)

    def drive():
        for time_s, kind, where, value in asked["events"]:
            if time_s > Engine.clock:
                this_actor.sleep_until(time_s)
            if kind == "state":
                Host.by_name(f"n{where}").pstate = value
            else:
                for node in where:
                    Actor.create("job", Host.by_name(f"n{node}"), job, value)
        this_actor.sleep_until(asked["stop_s"])
        names = [f"n{node}".encode() for node in range(asked["nodes"])]
        found["joules"] = sum(
            library.sg_host_get_consumed_energy(library.sg_host_by_name(name)) for name in names
        )

    Actor.create("driver", Host.by_name("driver"), drive)
    engine.run()
    print(json.dumps(found))


main()
