# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 under load: the client's log, the sink's and the queue agree."""
import json
import os
import random
import re
import signal
import subprocess
import sys

from relay import BENCH, ROOT, await_true, children, kill

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import oracle  # noqa: E402

MESSAGES = 20000


class Load:
    """smtpload: numbered messages, each told accepted or not in its log."""

    def __init__(self, t, relay, n=MESSAGES, size="4096", domains=20):
        self.log = t.path("load.log")
        self.process = subprocess.Popen(
            [os.path.join(BENCH, "smtpload"), "--host", t.ip, "--port",
             str(relay.port), "-n", str(n), "-c", "50", "-s", size,
             "-d", str(domains), "-m", "20", "--log", self.log],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.at_end(lambda: (self.process.kill(), self.process.wait()))

    def accepted(self):
        try:
            with open(self.log, "rb") as f:
                return sum(line.startswith(b"A") for line in f)
        except FileNotFoundError:
            return 0

    def running(self):
        return self.process.poll() is None


def compare(t, load, sink, relay, unwritten=0):
    """Waits for the end; nothing lost, doubles only where doubt is marked, or
    where results were unwritten."""
    assert load.process.wait(timeout=200) == 0
    # A queue may be empty while records of a lost writer are still found.
    await_true("all arrive", lambda: sink.stats()["unique"] >= MESSAGES, 120)
    relay.await_empty(120)
    sink.end()
    result = oracle.compare([load.log], [sink.log])
    print(json.dumps(result))
    doubtful = len(re.findall(r"event=possibly_delivered", relay.log_text()))
    assert result["accepted"] == MESSAGES, result
    assert result["lost"] == 0, result
    assert result["dup"] <= doubtful + unwritten, (result, doubtful)
    return result, doubtful


def killer(relay, load, names, rng):
    """Kills one of names (prefixes) now and then until the load ends."""
    kills = 0
    while load.running():
        before = load.accepted()
        step = rng.randrange(800, 2500)
        await_true("the load goes on", lambda: not load.running() or
                   load.accepted() > before + step, 120)
        if not load.running():
            break
        pids = relay.pids()
        victims = [p for n, p in pids.items()
                   if n.split("/")[0] in names]
        if victims:
            kill(rng.choice(victims), signal.SIGKILL)
            kills += 1
    return kills


def kill_test(t, names, seed):
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2).start()
    load = Load(t, relay)
    kills = killer(relay, load, names, random.Random(seed))
    assert kills > 2, kills
    return compare(t, load, sink, relay)


def test_smtpd_killed(t):
    result, doubtful = kill_test(t, {"smtpd"}, 1)
    assert result["dup"] == 0 and doubtful == 0, (result, doubtful)


def test_qmgr_killed(t):
    result, doubtful = kill_test(t, {"qmgr"}, 2)
    assert result["dup"] == 0 and doubtful == 0, (result, doubtful)


def test_deliver_killed(t):
    kill_test(t, {"deliver"}, 3)


def test_shaper_killed(t):
    result, doubtful = kill_test(t, {"shaper"}, 4)
    assert result["dup"] == 0 and doubtful == 0, (result, doubtful)


def test_any_killed(t):
    kill_test(t, {"smtpd", "qmgr", "deliver", "shaper"}, 5)


def test_all_killed_at_once(t):
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2).start()
    load = Load(t, relay)
    for part in (0.25, 0.5, 0.75):
        await_true("the load goes on",
                   lambda: load.accepted() > part * MESSAGES, 120)
        relay.kill_all()
        relay.start()
    # With master the slots are gone as well: what had no result in the ledger
    # yet goes again, and each of these held a slot of a worker.
    compare(t, load, sink, relay, unwritten=3 * 2 * 1024)


def test_master_killed(t):
    """Its children finish what is in hand and stop by themselves."""
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2).start()
    load = Load(t, relay)
    await_true("the load goes on",
               lambda: load.accepted() > MESSAGES / 3, 120)
    left = children(relay.process.pid)
    assert len(left) >= 6, left
    relay.process.kill()
    relay.process.wait()
    await_true("the children stop", lambda: not any(
        os.path.exists(f"/proc/{p}") for p in left), 60)
    relay.start()
    result, doubtful = compare(t, load, sink, relay)
    assert result["dup"] == 0 and doubtful == 0, (result, doubtful)
