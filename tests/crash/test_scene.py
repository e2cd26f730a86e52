# SPDX-License-Identifier: BSD-2-Clause
"""The scene for which this relay exists: the host behind it takes 40
connections, then for some minutes answers 421 to each, with 31,000 queues of
large messages before it.

The test command plays a tenth of it; HOLDFAST_SCENE=100 (per cent) plays the
whole, which writes 7 GB.
"""
import json
import os
import subprocess
import sys
import time

from relay import BENCH, ROOT, await_true

sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import oracle  # noqa: E402

PER_CENT = int(os.environ.get("HOLDFAST_SCENE", "10"))
TENANTS = 100
DOMAINS = 310 * PER_CENT // 100
MESSAGES = TENANTS * DOMAINS
SICK_S = 120 * PER_CENT // 100
CONNECTIONS = 40


class Scene:
    """The relay, the host that is to fall ill, and the load."""

    def __init__(self, t):
        self.t = t
        self.sink = t.sink("--max-conns", str(CONNECTIONS))
        self.relay = t.relay(relay_to=self.sink.address, workers=2,
                             listener='tenant_header = "X-Tenant"').start()
        self.log = t.path("load.log")
        self.load = None

    def begin(self):
        self.load = subprocess.Popen(
            [os.path.join(BENCH, "smtpload"), "--host", self.t.ip, "--port",
             str(self.relay.port), "-n", str(MESSAGES), "-c", "20", "-s",
             str(225 * 1024), "-d", str(DOMAINS), "--tenants", str(TENANTS),
             "--log", self.log], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.t.at_end(lambda: (self.load.kill(), self.load.wait()))

    def accepted(self):
        try:
            with open(self.log, "rb") as f:
                return sum(line.startswith(b"A") for line in f)
        except FileNotFoundError:
            return 0

    def tagged(self):
        """A message of our own: its queue id, for why."""
        return self.relay.submit(
            to=["x@d0.test"],
            body=b"X-Tenant: t0\r\nSubject: x\r\n\r\nhello\r\n")


def shown(rows):
    return sum(r["ready"] + r["waiting"] + r["leased"] + r["held"]
               for r in rows)


def look(scene, ours):
    """Each accepted message is in `queue`, or delivered; with a reason."""
    accepted = scene.accepted() + ours
    rows = scene.relay.queue()
    done = scene.relay.status()["accounts"]["done"]
    assert shown(rows) + done >= accepted, (shown(rows), done, accepted)
    for row in rows:
        if row["ready"] > 0 and row["leased"] == 0:
            assert row["limit"]["name"], row
        assert row["waiting"] == 0 and row["held"] == 0, row
    return rows


def is_named(why):
    """The reason of one message names the limit, or the host's word."""
    limit = why["limit"] or {}
    return "421" in str(limit.get("cause")) or \
        limit.get("name") in ("connections", "probe", "down")


def during_the_outage(scene, qids):
    """Looks all the time, until the host is well again."""
    end = time.monotonic() + SICK_S
    looks, rows = 0, []
    while time.monotonic() < end or scene.load.poll() is None:
        rows = look(scene, len(qids))
        for qid in qids:
            why = scene.relay.why(qid)
            assert why["state"] in ("ready", "leased"), why
            assert why["attempts"] == 0, why
            assert why["state"] == "leased" or is_named(why), why
        looks += 1
    assert looks > 3 and shown(rows) > 0, looks
    return rows


def test_a_host_at_its_limit_hides_no_message_and_costs_no_attempt(t):
    scene = Scene(t)
    scene.begin()
    await_true("the host is at work",
               lambda: scene.sink.stats()["unique"] > MESSAGES / 20, 60)
    scene.sink.tell("sick 421")
    qids = [scene.tagged() for _ in range(5)]
    await_true("the relay knows", lambda: is_named(scene.relay.why(qids[0])))
    before = scene.sink.stats()
    began = time.monotonic()
    rows = during_the_outage(scene, qids)
    after = scene.sink.stats()
    tries = after["sick_attempts"] - before["sick_attempts"]
    lasted = time.monotonic() - began
    assert tries <= lasted / 60 * 60 + CONNECTIONS, (tries, lasted)

    scene.sink.tell("well")
    well = time.monotonic()
    await_true("the first arrives",
               lambda: scene.sink.stats()["msgs"] > after["msgs"])
    first = time.monotonic() - well
    await_true("all arrive", lambda: scene.relay.status()
               ["queued_messages"] == 0, 250)
    empty = time.monotonic() - well
    scene.sink.end()
    result = oracle.compare([scene.log], [scene.sink.log])
    for qid in qids:
        why = scene.relay.why(qid)
        assert (why["state"], why["attempts"]) == ("done", 1), why
    print(json.dumps({"queued": shown(rows), "queues": len(rows),
                      "sick_s": round(lasted, 1), "tries": tries,
                      "first_s": round(first, 2), "empty_s": round(empty, 1),
                      **result}))
    assert result["lost"] == 0 and result["dup"] == 0, result
    assert result["accepted"] == MESSAGES, result
