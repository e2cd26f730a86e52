# SPDX-License-Identifier: BSD-2-Clause
"""SIGSTOP under load, for longer than any heartbeat: what is frozen is not
dead, and when it goes on nothing is lost, and nothing was sent twice."""
import os
import select
import signal
import sys

from relay import ROOT, await_true, kill

sys.path.insert(0, os.path.join(ROOT, "tests", "crash"))
from test_kill import Load, oracle  # noqa: E402

MESSAGES = 3000
FROZEN_S = 11  # a heartbeat is old after 10


def freeze_test(t, names, has_peer=False):
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2).start()
    load = Load(t, relay, n=MESSAGES)
    await_true("some are delivered", lambda: sink.stats()["unique"] > 200)
    pids = {p for n, p in relay.pids().items() if n.split("/")[0] in names}
    before = relay.pids()
    if has_peer:
        pids.add(sink.process.pid)
    t.at_end(lambda: [kill(p, signal.SIGCONT) for p in pids])
    for pid in pids:
        kill(pid, signal.SIGSTOP)
    select.select([], [], [], FROZEN_S)
    for pid in pids:
        kill(pid, signal.SIGCONT)
    assert sink.stats()["unique"] < MESSAGES, "nothing was held up"
    assert load.process.wait(timeout=120) == 0
    await_true("all arrive", lambda: sink.stats()["unique"] >= MESSAGES, 60)
    relay.await_empty()
    assert relay.pids() == before, "one was taken for dead"
    sink.end()
    result = oracle.compare([load.log], [sink.log])
    assert result["accepted"] == MESSAGES and result["lost"] == 0, result
    assert result["dup"] == result["dup_uncertain"] == 0, result
    assert "event=possibly_delivered" not in relay.log_text()


def test_frozen_workers_are_not_dead(t):
    freeze_test(t, {"deliver"})


def test_a_frozen_queue_manager_takes_nothing_back(t):
    freeze_test(t, {"qmgr"})


def test_a_frozen_peer_is_waited_for(t):
    freeze_test(t, set(), has_peer=True)


def test_all_of_them_may_be_frozen_together(t):
    freeze_test(t, {"deliver", "qmgr"}, has_peer=True)
