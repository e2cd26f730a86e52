#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""queued.py: what a large queue costs.

usage: queued.py [--messages N] [--small N] [--size BYTES]

Fills the queue while the host behind the relay refuses connections, then
measures: memory of qmgr, a clean stop, the start up to the first delivery (cold
and warm page cache), CPU per delivered message with many and with few queued,
a scan pass, and the throughput beside it. Prints one JSON object.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from relay import BENCH, Test, await_true, children  # noqa: E402

HERTZ = os.sysconf("SC_CLK_TCK")


def anonymous_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1]) / 1024


def cpu_s(relay):
    """User and system seconds of all processes that live."""
    total = 0
    for pid in [relay.process.pid, *children(relay.process.pid)]:
        with open(f"/proc/{pid}/stat") as f:
            w = f.read().rpartition(")")[2].split()
        total += int(w[11]) + int(w[12])
    return total / HERTZ


def fill(t, relay, n, size, run):
    began = time.monotonic()
    out = subprocess.run(
        [os.path.join(BENCH, "smtpload"), "--host", t.ip, "--port",
         str(relay.port), "-n", str(n), "-c", "50", "-s", str(size), "-d",
         "1000", "-m", "1000", "--run", run, "--log", t.path("load.log")],
        stdout=subprocess.PIPE, check=True)
    assert json.loads(out.stdout)["accepted"] == n, out.stdout
    return n / (time.monotonic() - began)


def rate(sink, relay, n, begin=lambda: None):
    """Deliveries a second and CPU in ms for each, over n of them."""
    first = sink.stats()["msgs"]
    began, cpu = time.monotonic(), cpu_s(relay)
    begin()
    await_true("they arrive", lambda: sink.stats()["msgs"] >= first + n, 900)
    got = sink.stats()["msgs"] - first
    took = time.monotonic() - began
    return got / took, (cpu_s(relay) - cpu) * 1000 / got


def first_delivery(sink, relay):
    """Seconds from the start command to the first delivery; then the host
    refuses again."""
    before = sink.stats()["msgs"]
    sink.tell("well")
    began = time.monotonic()
    relay.start()
    await_true("the first arrives", lambda: sink.stats()["msgs"] > before, 120)
    took = time.monotonic() - began
    sink.tell("sick refuse")
    return took


def open_again(sink, relay):
    sink.tell("well")
    relay.command("retry", "--all")


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")


def small(t, n, size):
    """CPU for each delivered message when few are queued, over five rounds."""
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2, name="small",
                    conf="site \"*\" { connections = 50 }")
    costs = []
    for i in range(5):
        sink.tell("sick refuse")
        relay.start()  # no connection is left from the round before
        fill(t, relay, n, size, f"s{i}")
        costs.append(rate(sink, relay, n, lambda: open_again(sink, relay))[1])
        relay.await_empty(120)
        relay.stop()
    return sorted(costs)[2]


def large(t, n, size):
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2, name="large",
                    conf="site \"*\" { connections = 50 }").start()
    r = {"base_mb": anonymous_mb(relay.pids()["qmgr"])}
    sink.tell("sick refuse")
    r["fill_per_s"] = fill(t, relay, n, size, "l")
    r["queued"] = relay.status()["queued_messages"]
    r["qmgr_mb"] = anonymous_mb(relay.pids()["qmgr"])
    began = time.monotonic()
    relay.stop()
    r["stop_s"] = time.monotonic() - began
    drop_caches()
    r["first_cold_s"] = first_delivery(sink, relay)
    relay.stop()
    r["first_warm_s"] = first_delivery(sink, relay)
    r["qmgr_again_mb"] = anonymous_mb(relay.pids()["qmgr"])
    share = n // 8
    r["rate_per_s"], r["cpu_ms"] = rate(sink, relay, share,
                                        lambda: open_again(sink, relay))
    scan = subprocess.Popen([os.path.join(ROOT, "build/bin/holdfast"), "-c",
                             relay.conf, "rescan", "--json"],
                            stdout=subprocess.PIPE)
    began = time.monotonic()
    r["rate_beside_scan_per_s"], _ = rate(sink, relay, share)
    scan.wait(timeout=300)
    r["scan_within_s"] = time.monotonic() - began
    r["rate_after_per_s"], r["cpu_after_ms"] = rate(sink, relay, share)
    relay.await_empty(900)
    relay.stop()
    return r


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--messages", type=int, default=1000000)
    p.add_argument("--small", type=int, default=10000)
    p.add_argument("--size", type=int, default=1024)
    o = p.parse_args()
    t = Test(tempfile.mkdtemp(prefix="hf-queued-"))
    try:
        r = large(t, o.messages, o.size)
        r["small_cpu_ms"] = small(t, o.small, o.size)
        t.passed = True
        print(json.dumps({k: round(v, 3) for k, v in r.items()}))
    finally:
        t.close()


if __name__ == "__main__":
    main()
