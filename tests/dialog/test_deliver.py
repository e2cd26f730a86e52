# SPDX-License-Identifier: BSD-2-Clause
"""A delivery worker between a qmgr that the test plays, and its servers."""
import json

import spool
from relay import await_true
from worker import STAGES, Segment, Worker

PLAIN = "250-peer\r\n250-8BITMIME\r\n250 SIZE"


def facts(result):
    return json.loads(result["facts"])


def test_a_message_arrives_and_its_slot_says_how_far_it_is(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    up = w.open_up(peer.address)
    assert (up["host"], up["address"]) == (b"host0", peer.address.encode())
    lease = w.send()
    r = w.qmgr.expect_result("tried", lease=lease, conn=1, code=250,
                             is_doubtful=0)
    assert r["verdicts"] == [(0, "delivered", 250)], r
    assert w.phase(lease) == "answered"
    sender, rcpts, content = peer.messages[0]
    assert sender == "MAIL FROM:<a@client.test> SIZE=21", sender
    assert rcpts == ["b@dest.test"]
    assert content == b"Subject: x\r\n\r\nhello\r\n"
    f = facts(r)
    assert f["site"] == f"default->{peer.address}", f
    assert f["reply"] == "250 2.0.0 taken" and f["stage"] == "dot", f
    assert f["rcpts"][0]["rcpt"] == "b@dest.test", f
