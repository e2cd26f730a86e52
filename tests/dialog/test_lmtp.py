# SPDX-License-Identifier: BSD-2-Clause
"""A delivery worker that speaks LMTP: a reply for each recipient."""
import json
import os
import select
import socket

from relay import Peer, await_true
from worker import STAGES, Worker

PLAIN = "250-peer\r\n250 8BITMIME"
PIPED = "250-peer\r\n250 PIPELINING"
RCPTS = tuple(f"r{n}@dest.test" for n in range(4))
FAST = 'rcpt_timeout = "1s" data_timeout = "1s" dot_timeout = "1s"'


def facts(result):
    return json.loads(result["facts"])


def server(t, dot, lhlo=PLAIN, **replies):
    """An LMTP server that knows no other greeting. dot: its replies."""
    replies = {"EHLO": "500 what", "HELO": "500 what", "LHLO": lhlo,
               "DOT": dot if callable(dot) else "\r\n".join(dot), **replies}
    return t.peer(lambda s: s.serve(replies))


def open_up(t, address, conf=""):
    w = Worker(t, conf)
    w.open_up(address, transport="lmtp")
    return w


def told(result):
    return {x["rcpt"]: x.get("reply", facts(result)["reply"])
            for x in facts(result)["rcpts"]}


# --- a reply for each recipient -----------------------------------------------

def check_each(t, lhlo):
    peer = server(t, ("250 2.1.5 first", "550 5.2.2 full", "450 4.2.1 later",
                      "250 2.1.5 fourth"), lhlo)
    w = open_up(t, peer.address)
    for n in (1, 2):
        lease = w.send(n, rcpts=RCPTS)
        r = w.qmgr.expect_result("tried", lease=lease, is_doubtful=0,
                                 code=550)
        assert r["verdicts"] == [
            (0, "delivered", 250), (1, "bounced", 550),
            (2, "deferred", 450), (3, "delivered", 250)], r
        assert r["notices"] == [0, 1, 0, 0], r
        assert told(r) == dict(zip(RCPTS, (
            "250 2.1.5 first", "550 5.2.2 full", "450 4.2.1 later",
            "250 2.1.5 fourth"))), r
        assert facts(r)["transport"] == "lmtp", r
        assert w.phase(lease) == "answered"
    assert peer.sessions == 1 and len(peer.messages) == 2


def test_each_recipient_has_the_reply_that_is_its_own(t):
    check_each(t, PLAIN)


def test_each_recipient_has_the_reply_that_is_its_own_when_pipelined(t):
    check_each(t, PIPED)


def check_accepted_alone(t, lhlo):
    peer = server(t, ("250 second", "552 fourth"), lhlo, RCPT=lambda line:
                  "550 5.1.1 no" if "r0@" in line else
                  "450 4.2.1 no" if "r2@" in line else "250 ok")
    w = open_up(t, peer.address)
    w.send(rcpts=RCPTS)
    r = w.qmgr.expect_result("tried", code=550)
    assert r["verdicts"] == [
        (0, "bounced", 550), (1, "delivered", 250),
        (2, "deferred", 450), (3, "bounced", 552)], r
    assert w.qmgr.is_silent()


def test_recipients_that_were_not_accepted_have_no_reply_to_the_dot(t):
    check_accepted_alone(t, PLAIN)


def test_recipients_that_were_not_accepted_when_pipelined(t):
    check_accepted_alone(t, PIPED)


def test_replies_may_come_one_by_one_and_in_pieces(t):
    rcpts = tuple(f"r{n}@dest.test" for n in range(256))

    def script(s):
        s.say("220 peer")
        s.hear("LHLO")
        s.say(*PIPED.split("\r\n"))
        s.hear("MAIL")
        for _ in rcpts:
            s.hear("RCPT")
        s.hear("DATA")
        s.say("250 ok", *("250 ok" for _ in rcpts), "354 go")
        s.content()
        for n, _ in enumerate(rcpts):
            s.sock.sendall(b"250-%d\r\n250 " % n)
            s.sock.sendall(b"end\r\n")
        s.hang()
    w = open_up(t, t.peer(script).address)
    w.send(rcpts=rcpts)
    r = w.qmgr.expect_result("tried", code=250, is_doubtful=0)
    assert r["verdicts"] == [(n, "delivered", 250) for n in range(256)], r


def test_success_is_told_by_us_where_the_server_does_not_offer_to(t):
    for conn, (lhlo, want) in enumerate((
            (PLAIN, [1, 0]), ("250-peer\r\n250 DSN", [0, 0])), 1):
        peer = server(t, ("250 ok", "450 no"), lhlo)
        if conn == 1:
            w = Worker(t)
        w.open_up(peer.address, conn=conn, transport="lmtp")
        w.send(conn, conn=conn, rcpts=RCPTS[:2], notify=2)
        r = w.qmgr.expect_result("tried")
        assert r["notices"] == want, r
        assert ("dsn" in facts(r)) == (want == [0, 0]), r


# --- greetings ----------------------------------------------------------------

def test_a_server_is_greeted_with_our_name(t):
    heard = []
    peer = server(t, ("250 ok",), lambda line: heard.append(line) or PLAIN)
    open_up(t, peer.address)
    assert heard == ["LHLO node.test"], heard


def test_an_smtp_server_is_not_spoken_to_in_another_way(t):
    smtp = t.peer(lambda s: s.serve({"LHLO": "500 5.5.1 what"}))
    good = server(t, ("250 ok",))
    w = Worker(t)
    w.open(smtp.address, good.address, transport="lmtp")
    assert w.qmgr.expect("CONN_UP")["host"] == b"host1"
    w.open(smtp.address, conn=2, transport="lmtp")
    down = w.qmgr.expect_down("refused", conn=2, code=500)
    assert STAGES[down["stage"]] == "EHLO", down


class UnixPeer(Peer):
    """The same on a Unix socket."""

    def __init__(self, t, path, script):
        self.path, self.address = path, f"unix:{path}"
        super().__init__(t, script)

    def listen(self):
        server = socket.socket(socket.AF_UNIX)
        here = os.open(os.path.dirname(self.path), os.O_RDONLY)
        server.bind(f"/proc/self/fd/{here}/{os.path.basename(self.path)}")
        os.close(here)
        server.listen(8)
        return server


def test_unix_sockets_are_addresses_like_any(t):
    deep = t.path("d" * 100)
    os.mkdir(deep)
    for conn, path in enumerate((t.path("lmtp"), f"{deep}/lmtp"), 1):
        peer = UnixPeer(t, path, lambda s: s.serve(
            {"LHLO": PIPED, "DOT": "250 first\r\n550 second"}))
        if conn == 1:
            w = Worker(t)
        up = w.open_up("unix:/nowhere/at/all", peer.address, conn=conn,
                       transport="lmtp")
        assert up["address"] == f"unix:{path}".encode(), up
        w.send(conn, conn=conn, rcpts=RCPTS[:2])
        r = w.qmgr.expect_result("tried", code=550)
        assert [v[1] for v in r["verdicts"]] == ["delivered", "bounced"], r
        assert facts(r)["address"] == peer.address, r
    assert 'error="connect: No such file or directory"' in w.log()


# --- one by one ---------------------------------------------------------------

def test_nothing_is_sent_behind_the_dot(t):
    def script(s):
        s.say("220 peer")
        s.hear("LHLO")
        s.say(*PIPED.split("\r\n"))
        for n in (1, 2):
            for verb in ("MAIL", "RCPT", "DATA"):
                s.hear(verb)
            s.say("250 ok", "250 ok", "354 go")
            data = b""
            while b"\r\n.\r\n" not in data:
                data += s.sock.recv(65536)
            await_true("the second is lent", lambda: go)
            if select.select([s.sock], [], [], 0.2)[0]:
                data += s.sock.recv(65536)
            behind.append(data.partition(b"\r\n.\r\n")[2])
            s.say("250 ok")
        s.hang()
    go, behind = [], []
    w = open_up(t, t.peer(script).address)
    w.send(1)
    w.send(2)
    # The leases have been read when this is answered.
    w.open(conn=2)
    w.qmgr.expect_down("refused", conn=2)
    go.append(1)
    for lease in (1, 2):
        w.qmgr.expect_result("tried", lease=lease, code=250)
    assert behind == [b"", b""], behind


# --- too few replies ----------------------------------------------------------

def check_too_few(t, last, text):
    """The replies to the dot end with what last(session) does."""
    def script(s):
        s.say("220 peer")
        s.hear("LHLO")
        s.say("250 peer")
        s.hear("MAIL")
        s.say("250 ok")
        for reply in ("250 ok", "550 5.1.1 no", "250 ok", "250 ok"):
            s.hear("RCPT")
            s.say(reply)
        s.hear("DATA")
        s.say("354 go")
        s.content()
        s.say("250 2.1.5 kept")
        last(s)
    w = open_up(t, t.peer(script).address, FAST)
    lease = w.send(rcpts=RCPTS)
    after = w.send(2)
    r = w.qmgr.expect_result("tried", lease=lease, is_doubtful=1)
    assert r["verdicts"] == [
        (0, "delivered", 250), (1, "bounced", 550),
        (2, "deferred", 0), (3, "deferred", 0)], r
    f = facts(r)
    assert f["doubtful"] and f["stage"] == "dot", f
    by = told(r)
    assert by[RCPTS[0]] == "250 2.1.5 kept", f
    assert by[RCPTS[2]] == by[RCPTS[3]] == text + "; possibly delivered", f
    assert w.phase(lease) == "dot sent"
    w.qmgr.expect_result("returned", lease=after)
    down = w.qmgr.expect_down("lost")
    assert STAGES[down["stage"]] == "dot", down


def test_who_got_no_reply_before_the_end_is_possibly_delivered(t):
    check_too_few(t, lambda s: None, "dot: connection closed")


def test_who_got_no_reply_in_time_is_possibly_delivered(t):
    check_too_few(t, lambda s: s.hang(), "dot: timed out")


def test_who_got_no_reply_before_noise_is_possibly_delivered(t):
    check_too_few(t, lambda s: s.say("what?"), "dot: not an SMTP reply")


def test_a_354_is_no_reply_to_a_dot(t):
    check_too_few(t, lambda s: s.say("354 go"), "354 go")


def test_half_a_reply_is_none(t):
    check_too_few(t, lambda s: s.sock.sendall(b"250 2.1.5 ke"),
                  "dot: connection closed")


# --- too many replies ---------------------------------------------------------

def check_too_many(t, replies, late=False):
    def script(s):
        s.say("220 peer")
        s.hear("LHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok"),
                            ("RCPT", "550 no"), ("DATA", "354 go")):
            s.hear(verb)
            s.say(reply)
        s.content()
        if late:
            s.say(replies[0])
            await_true("the result has come", lambda: go)
            s.say(*replies[1:])
        else:
            await_true("the second is lent", lambda: go)
            s.say(*replies)
        try:
            ends.append(s.file.read())
        except ConnectionResetError:
            ends.append("reset")
    go, ends = [], []
    w = open_up(t, t.peer(script).address)
    w.send(1, rcpts=RCPTS[:2])
    if not late:
        w.send(2)
        w.open(conn=2)
        w.qmgr.expect_down("refused", conn=2)
        go.append(1)
    r = w.qmgr.expect_result("tried", lease=1, is_doubtful=0)
    assert [v[1] for v in r["verdicts"]] == ["delivered", "bounced"], r
    go.append(1)
    if not late:
        w.qmgr.expect_result("returned", lease=2)
    down = w.qmgr.expect_down("closed", conn=1)
    assert down["text"] == b"one reply too many", down
    await_true("the server sees the end", lambda: ends)
    assert ends == ["reset"], ends
    assert 'event=reply_broken' in w.log() and \
        'fault="one reply too many"' in w.log(), w.log()


def test_a_reply_too_many_ends_the_connection(t):
    check_too_many(t, ("250 ok", "250 ok"))


def test_a_reply_too_many_that_comes_later_ends_the_connection(t):
    check_too_many(t, ("250 ok", "250 ok"), late=True)


def test_replies_for_those_who_were_refused_are_too_many(t):
    check_too_many(t, ("250 ok", "250 ok", "250 ok", "250 ok"))


# --- throttles ----------------------------------------------------------------

def test_a_mailbox_that_is_busy_slows_nobody_else(t):
    peer = server(t, ("250 ok", "450 4.2.1 rate limit of this mailbox",
                      "250 ok", "250 ok"))
    w = open_up(t, peer.address)
    w.send(rcpts=RCPTS)
    r = w.qmgr.expect_result("tried", is_doubtful=0, code=450)
    assert r["verdicts"] == [
        (0, "delivered", 250), (1, "deferred", 450),
        (2, "delivered", 250), (3, "delivered", 250)], r
    assert w.qmgr.is_silent()


def test_a_throttle_of_the_only_recipient_is_one_of_the_site(t):
    peer = server(t, ("421 4.3.2 shutting down",))
    w = open_up(t, peer.address)
    w.send()
    w.qmgr.expect_result("throttled", code=421, is_after_mail=1)
    w.qmgr.expect_down("throttled", code=421)


def test_a_server_that_shuts_down_among_its_replies(t):
    peer = server(t, lambda _: "421 4.3.2 shutting down")
    w = open_up(t, peer.address)
    w.send(rcpts=RCPTS[:2])
    r = w.qmgr.expect_result("tried", is_doubtful=1)
    assert r["verdicts"] == [(0, "deferred", 421), (1, "deferred", 0)], r
    w.qmgr.expect_down("lost")


# --- nobody -------------------------------------------------------------------

def test_when_nobody_is_accepted_there_is_no_content(t):
    for conn, lhlo in enumerate((PLAIN, PIPED), 1):
        peer = server(t, ("250 ok",), lhlo, RCPT=lambda line:
                      "550 no" if "r0@" in line else "250 ok",
                      DATA=lambda _: "354 go" if peer_accepts else "503 no")
        peer_accepts = []
        if conn == 1:
            w = Worker(t)
        w.open_up(peer.address, conn=conn, transport="lmtp")
        w.send(2 * conn, conn=conn, rcpts=RCPTS[:1])
        w.qmgr.expect_result("tried", code=550)
        peer_accepts.append(1)
        w.send(2 * conn + 1, conn=conn, rcpts=RCPTS[1:2])
        w.qmgr.expect_result("tried", code=250)
        assert peer.sessions == 1


def test_a_354_without_a_recipient_ends_the_connection(t):
    def script(s):
        s.say("220 peer")
        s.hear("LHLO")
        s.say(*PIPED.split("\r\n"))
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("250 ok", "550 no", "354 go")
        try:
            ends.append(s.file.read())
        except ConnectionResetError:
            ends.append(b"")
    ends = []
    w = open_up(t, t.peer(script).address)
    w.send()
    r = w.qmgr.expect_result("tried", is_doubtful=0)
    assert r["verdicts"] == [(0, "bounced", 550)], r
    w.qmgr.expect_down("lost")
    await_true("the server sees the end", lambda: ends)
    assert ends == [b""], ends
