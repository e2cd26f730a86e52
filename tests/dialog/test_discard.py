# SPDX-License-Identifier: BSD-2-Clause
"""A delivery worker that delivers to nobody, on purpose."""
import json
import struct

from relay import await_true
from worker import SLOTS, STAGES, Worker

RCPTS = ("b@dest.test", "c@dest.test")


def open_up(t):
    w = Worker(t)
    up = w.open_up(transport="discard")
    assert (up["host"], up["address"]) == (b"", b""), up
    return w


def test_what_is_discarded_is_delivered(t):
    w = open_up(t)
    lease = w.send(rcpts=RCPTS, notify=6)
    r = w.qmgr.expect_result("tried", lease=lease, code=250, is_doubtful=0)
    assert r["verdicts"] == [(0, "delivered", 250), (1, "delivered", 250)], r
    # Nobody has it: there is no success to be told of.
    assert r["notices"] == [0, 0], r
    f = json.loads(r["facts"])
    assert f["reply"] == "250 2.0.0 discarded", f
    assert (f["site"], f["transport"]) == ("default->none", "discard"), f
    assert "address" not in f and "host" not in f, f
    assert w.phase(lease) == "answered"
    assert "event=delivered" in w.log()


def test_who_is_not_open_is_left_alone(t):
    w = open_up(t)
    w.lease(1, w.segment.add(1, rcpts=RCPTS), standing=bytes((1,)))
    r = w.qmgr.expect_result("tried")
    assert r["verdicts"] == [(1, "delivered", 250)], r


def test_all_slots_at_once(t):
    w = open_up(t)
    for n in range(SLOTS):
        w.send(n + 1)
    for n in range(SLOTS):
        w.qmgr.expect_result("tried", lease=n + 1, code=250)


def test_a_result_is_kept_until_it_is_acknowledged(t):
    w = open_up(t)
    w.send(1)
    w.send(2)
    for lease in (1, 2):
        w.qmgr.expect_result("tried", lease=lease)
    w.qmgr.send("RESULT_ACK", slot=0, lease=1)
    w.send(3)  # so that the acknowledgement has been read
    w.qmgr.expect_result("tried", lease=3)
    w.qmgr.close()
    assert w.connect() == ([2, 3], [1])
    w.qmgr.expect_result("tried", lease=2)
    w.qmgr.expect_result("tried", lease=3)


def test_a_lease_that_was_taken_back_is_returned(t):
    w = open_up(t)
    block = w.segment.add(1)
    w.segment.fd()
    w.qmgr.send("LEASE", conn=1, slot=0, lease=1, qid=struct.pack(
        ">QQ", 0, 1), place=0, segment=w.segment.number, block=block,
        standing=b"\0")
    w.qmgr.expect_result("returned", lease=1)


def test_a_record_that_is_bad_is_not_delivered(t):
    w = open_up(t)
    w.send(1, bad_crc=True)
    w.qmgr.expect_result("damaged", lease=1)
    assert w.phase(1) == "leased"
    w.send(2)
    w.qmgr.expect_result("tried", lease=2)


def test_it_is_closed_at_once(t):
    w = open_up(t)
    w.send()
    w.qmgr.expect_result("tried")
    w.qmgr.send("CONN_CLOSE", conn=1)
    down = w.qmgr.expect_down("closed", conn=1)
    assert STAGES[down["stage"]] == "idle", down
    w.send(2)
    w.qmgr.expect_result("returned", lease=2)


def test_a_stop_ends_it(t):
    w = open_up(t)
    w.stop()
    w.qmgr.expect_down("closed", conn=1)
    w.qmgr.expect_end()
    w.await_exit()


def test_qmgr_may_go_and_come_back(t):
    w = open_up(t)
    w.qmgr.close()
    assert w.connect() == ([], [1])
    w.send(1)
    w.qmgr.expect_result("tried", lease=1)
    await_true("it is logged", lambda: "event=delivered" in w.log())
