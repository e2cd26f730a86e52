# SPDX-License-Identifier: BSD-2-Clause
"""What a sender wants to be told, handed on to hosts that offer it (RFC 3461),
and who is owed a notice by us."""
import json

from worker import Worker

DSN = "250-peer\r\n250-PIPELINING\r\n250 DSN"
PLAIN = "250-peer\r\n250 PIPELINING"
NEVER, SUCCESS, FAILURE, DELAY = 1, 2, 4, 8
FULL, HEADERS = 1, 2


def open_up(t, ehlo, **replies):
    peer = t.peer(lambda s: s.serve({"EHLO": ehlo, **replies}))
    w = Worker(t)
    w.open_up(peer.address)
    return peer, w


# --- what is said -------------------------------------------------------------

def test_a_host_that_offers_dsn_is_told_what_the_sender_wants(t):
    peer, w = open_up(t, DSN)
    orcpt = "rfc822;Old+2BName@dest.test"
    for n, (message, mail, rcpt) in enumerate((
            ({}, "", ""),
            ({"ret": FULL}, " RET=FULL", ""),
            ({"ret": HEADERS, "envid": "QQ+3D1"}, " RET=HDRS ENVID=QQ+3D1", ""),
            ({"notify": NEVER}, "", " NOTIFY=NEVER"),
            ({"notify": SUCCESS}, "", " NOTIFY=SUCCESS"),
            ({"notify": FAILURE | DELAY}, "", " NOTIFY=FAILURE,DELAY"),
            ({"notify": SUCCESS | FAILURE | DELAY, "orcpt": orcpt}, "",
             f" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT={orcpt}"),
            ({"orcpt": orcpt}, "", f" ORCPT={orcpt}"))):
        w.send(n + 1, **message)
        r = w.qmgr.expect_result("tried", code=250)
        assert json.loads(r["facts"])["dsn"] == "passed", r
        assert peer.messages[-1][0] == "MAIL FROM:<a@client.test>" + mail
        assert peer.rcpt_lines[-1] == "RCPT TO:<b@dest.test>" + rcpt
    assert peer.sessions == 1


def test_a_host_that_does_not_is_told_nothing(t):
    peer, w = open_up(t, PLAIN)
    w.send(ret=FULL, envid="x", notify=SUCCESS, orcpt="rfc822;x@dest.test")
    r = w.qmgr.expect_result("tried", code=250)
    assert "dsn" not in json.loads(r["facts"]), r
    assert peer.messages[0][0] == "MAIL FROM:<a@client.test>"
    assert peer.rcpt_lines == ["RCPT TO:<b@dest.test>"]


def test_offers_are_those_of_the_host_at_hand(t):
    first = t.peer(lambda s: s.serve({"EHLO": DSN, "MAIL": "close"}))
    second = t.peer(lambda s: s.serve({"EHLO": "500 what", "HELO": "250 hi"}))
    w = Worker(t)
    w.open_up(first.address, second.address)
    w.send(notify=SUCCESS)
    w.qmgr.expect("CONN_UP")
    r = w.qmgr.expect_result("tried", code=250)
    assert r["notices"] == [1] and "dsn" not in json.loads(r["facts"]), r
    assert second.rcpt_lines == ["RCPT TO:<b@dest.test>"]


def test_the_longest_texts_go_through(t):
    peer, w = open_up(t, DSN)
    rcpts = tuple(f"{n}@{'d' * 1000}.test" for n in range(256))
    orcpt = "rfc822;" + "o" * 1017
    w.send(rcpts=rcpts, orcpt=orcpt, notify=SUCCESS | FAILURE | DELAY,
           envid="e" * 512, ret=HEADERS, sender="s" * 1020 + "@x.y")
    w.qmgr.expect_result("tried", code=250)
    assert peer.messages[0][1] == list(rcpts)
    assert all(x.endswith(f" ORCPT={orcpt}") for x in peer.rcpt_lines)


# --- who is owed a notice -----------------------------------------------------

def check_owed(t, ehlo, replies, wants):
    _, w = open_up(t, ehlo, **replies)
    for n, (sender, notify, want) in enumerate(wants):
        w.send(n + 1, sender=sender, notify=notify)
        r = w.qmgr.expect_result("tried")
        assert r["notices"] == [want], (sender, notify, r)


def test_success_is_told_by_us_where_the_host_will_not(t):
    me = "a@client.test"
    check_owed(t, PLAIN, {}, (
        (me, 0, 0), (me, NEVER, 0), (me, SUCCESS, 1), (me, FAILURE, 0),
        (me, DELAY, 0), (me, SUCCESS | FAILURE, 1), ("", SUCCESS, 0)))


def test_success_is_told_by_a_host_that_offers_to(t):
    check_owed(t, DSN, {}, (("a@client.test", SUCCESS, 0),
                            ("a@client.test", SUCCESS | FAILURE, 0)))


def test_a_refusal_is_told_by_us_whatever_the_host_offers(t):
    me = "a@client.test"
    check_owed(t, DSN, {"RCPT": "550 5.1.1 no"}, (
        (me, 0, 1), (me, NEVER, 0), (me, SUCCESS, 0), (me, FAILURE, 1),
        (me, SUCCESS | FAILURE, 1), ("", FAILURE, 0)))


def test_what_waits_is_owed_nothing(t):
    check_owed(t, PLAIN, {"DOT": "450 4.2.0 later"}, (
        ("a@client.test", SUCCESS | FAILURE | DELAY, 0),))
