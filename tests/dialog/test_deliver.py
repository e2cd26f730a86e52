# SPDX-License-Identifier: BSD-2-Clause
"""A delivery worker between a qmgr that the test plays, and its servers."""
import contextlib
import json
import os
import select
import socket
import struct

import spool
from relay import await_true
from worker import STAGES, Segment, Worker

PLAIN = "250-peer\r\n250 8BITMIME"
PIPED = "250-peer\r\n250 PIPELINING"
FAST = '''connect_timeout = "1s" greeting_timeout = "1s" ehlo_timeout = "1s"
	mail_timeout = "1s" rcpt_timeout = "1s" data_timeout = "1s"
	body_timeout = "1s" dot_timeout = "1s"'''
# More than the buffers of two sockets hold.
LONG = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 150000


def facts(result):
    return json.loads(result["facts"])


def nobody(t):
    """An address that refuses connections."""
    return f"{t.ip}:{t.port()}"


def alone(session):
    """The next command, behind which nothing waits."""
    line = session.sock.recv(65536)
    assert line.endswith(b"\r\n") and line.count(b"\n") == 1, line
    assert not select.select([session.sock], [], [], 0.1)[0]
    return line[:-2].decode()


@contextlib.contextmanager
def armed(fault):
    """A worker that is started within fails a system call."""
    os.environ["HOLDFAST_FAULT_deliver"] = fault
    try:
        yield
    finally:
        del os.environ["HOLDFAST_FAULT_deliver"]


# --- what goes well -----------------------------------------------------------

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
    assert (f["sender"], f["size"]) == ("a@client.test", 21), f


def test_phases_are_raised_before_what_they_announce(t):
    seen = []

    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        s.hear("MAIL")
        seen.append(w.phase(1))
        s.say("250 ok")
        s.hear("RCPT")
        s.say("250 ok")
        s.hear("DATA")
        seen.append(w.phase(1))
        s.say("354 go")
        s.content()
        seen.append(w.phase(1))
        s.say("250 ok")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    w.qmgr.expect_result("tried")
    assert seen == ["transaction", "transaction", "dot sent"], seen


def test_commands_go_one_by_one_where_pipelining_is_not_offered(t):
    heard = []

    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250-8BITMIME", "250 HELP")
        while True:
            heard.append(alone(s))
            if heard[-1] == "DATA":
                s.say("354 go")
                while not s.sock.recv(65536).endswith(b"\r\n.\r\n"):
                    pass
            s.say("250 ok")
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    for n in (1, 2):
        w.send(n, rcpts=("b@dest.test", "c@dest.test"))
    w.qmgr.expect_result("tried", lease=1)
    w.qmgr.expect_result("tried", lease=2)
    assert heard == 2 * [
        "MAIL FROM:<a@client.test>", "RCPT TO:<b@dest.test>",
        "RCPT TO:<c@dest.test>", "DATA"], heard


def test_commands_go_at_once_where_pipelining_is_offered(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250 PIPELINING")
        s.hear("MAIL")
        s.hear("RCPT")
        s.hear("RCPT")
        s.hear("DATA")
        s.say("250 ok", "250 ok", "250 ok", "354 go")
        s.content()
        s.say("250 ok")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(rcpts=("b@dest.test", "c@dest.test"))
    r = w.qmgr.expect_result("tried")
    assert r["verdicts"] == [(0, "delivered", 250), (1, "delivered", 250)]


def test_the_next_message_goes_behind_the_dot(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250 PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("250 ok", "250 ok", "354 go")
        for n in range(3):
            s.content()
            if n < 2:
                for verb in ("MAIL", "RCPT", "DATA"):
                    s.hear(verb)
            s.say(f"250 taken {n}")
            if n < 2:
                s.say("250 ok", "250 ok", "354 go")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    for n in (1, 2, 3):
        w.send(n)
    for n in range(3):
        r = w.qmgr.expect_result("tried", lease=n + 1)
        assert facts(r)["reply"] == f"250 taken {n}", r


def test_a_lease_that_comes_behind_the_dot_goes_behind_the_dot(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250 PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("250 ok", "250 ok", "354 go")
        s.content()
        w.send(2)
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("250 ok", "250 ok", "250 ok", "354 go")
        s.content()
        s.say("250 ok")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.qmgr.expect_result("tried", lease=1)
    w.qmgr.expect_result("tried", lease=2)


def test_a_server_that_knows_helo_alone_is_spoken_to(t):
    heard = []

    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("502 what")
        heard.append(s.hear("HELO"))
        s.say("250 peer")
        heard.append(s.hear("MAIL"))
        s.say("250 ok")
        s.hear("RCPT")
        s.say("250 ok")
        s.hear("DATA")
        s.say("354 go")
        s.content()
        s.say("250 ok")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(flags=spool.EIGHTBIT)
    w.qmgr.expect_result("tried")
    assert heard == ["HELO node.test", "MAIL FROM:<a@client.test>"], heard


def test_replies_of_many_lines_and_in_pieces(t):
    def script(s):
        s.say("220-peer", "220-has much to say", "220 ESMTP")
        s.hear("EHLO")
        for byte in b"250-peer\r\n250-PIPELINING\r\n250 SIZE\r\n":
            s.sock.sendall(bytes([byte]))
        s.hear("MAIL")
        s.say("250-2.1.0 yes", "250 2.1.0 yes", "250-2.1.5 yes")
        s.sock.sendall(b"25")
        s.sock.sendall(b"0 2.1.5 yes\r\n354-go\r\n354 on\r\n")
        s.hear("RCPT")
        s.hear("DATA")
        s.content()
        s.say("250-2.0.0 taken", "250-2.0.0 and", "250 2.0.0 kept")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    r = w.qmgr.expect_result("tried", code=250)
    assert facts(r)["reply"] == "250 2.0.0 taken and kept", r


def test_parameters_are_those_that_the_server_offers(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    w.send(flags=spool.EIGHTBIT | spool.SMTPUTF8, sender="jörg@client.test",
           rcpts=("α@dest.test",))
    w.qmgr.expect_result("tried")
    sender, rcpts, _ = peer.messages[0]
    assert sender.encode("utf-8", "surrogateescape").decode() == \
        "MAIL FROM:<jörg@client.test> SIZE=21 BODY=8BITMIME SMTPUTF8", sender
    assert rcpts[0].encode("utf-8", "surrogateescape").decode() == \
        "α@dest.test"


def contents():
    line = b"x" * 60 + b"\r\n"
    yield b""
    yield b"\r\n"
    yield b"no end"
    yield b".\r\n"
    yield b"..\r\n.x\r\n\r\n.\r\n"
    for size in (7900, 8192, 65535, 65536, 65537, 200000):
        yield (line * (size // 60))[:size - 2] + b"\r\n"
        yield (b".dot\r\n..\r\n" * (size // 9))[:size]


def test_content_arrives_as_it_lies_in_the_spool(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    sent = []
    for content in contents():
        has_dot = content.startswith(b".") or b"\n." in content
        for flags in (0,) if has_dot else (0, spool.NO_DOT):
            w.segment = Segment(t, number=len(sent) + 10)
            w.qmgr.send("SEGMENT_FD", [w.segment.fd()], place=0,
                        segment=w.segment.number)
            w.leases = 0
            w.send(len(sent) + 1, content=content, flags=flags)
            w.qmgr.expect_result("tried", code=250)
            w.qmgr.send("RESULT_ACK", slot=0, lease=1)
            sent.append(content if content == b"" or
                        content.endswith(b"\r\n") else content + b"\r\n")
    assert [m[2] for m in peer.messages] == sent


def test_a_record_in_a_file_of_its_own_is_read_from_its_beginning(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    content = b"Subject: own\r\n\r\n" + b"z" * 70 + b"\r\n"
    own = Segment(t, number=2, flags=1)
    block = own.add_own(1, content)
    w.qmgr.send("SEGMENT_FD", [own.fd()], place=1, segment=2)
    w.lease(1, block, rcpts=1, segment=2, place=1)
    w.qmgr.expect_result("tried", code=250)
    assert peer.messages[0][2] == content


# --- recipients ---------------------------------------------------------------

RCPTS = tuple(f"r{n}@dest.test" for n in range(6))


def pick_rcpt(line):
    for word, reply in (("r1@", "550 5.1.1 unknown"), ("r3@", "450 4.2.1 no")):
        if word in line:
            return reply
    return "250 ok"


def check_recipients(t, ehlo):
    peer = t.peer(lambda s: s.serve({"RCPT": pick_rcpt, "EHLO": ehlo}))
    w = Worker(t)
    w.open_up(peer.address)
    w.lease(1, w.segment.add(1, rcpts=RCPTS), standing=bytes((0b00000001, 4)))
    r = w.qmgr.expect_result("tried")
    # 0 and 5 were not open any more.
    assert r["verdicts"] == [(1, "bounced", 550), (2, "delivered", 250),
                             (3, "deferred", 450), (4, "delivered", 250)], r
    assert r["notices"] == [1, 0, 0, 0], r
    assert peer.messages[0][1] == [RCPTS[2], RCPTS[4]]
    # The first failure is what the result as a whole names.
    assert (r["code"], facts(r)["reply"]) == (550, "550 5.1.1 unknown"), r
    told = {x["rcpt"]: x for x in facts(r)["rcpts"]}
    assert told[RCPTS[1]]["enhanced"] == "5.1.1", told
    assert told[RCPTS[3]]["reply"] == "450 4.2.1 no", told


def test_recipients_have_their_own_verdicts(t):
    check_recipients(t, PLAIN)


def test_recipients_have_their_own_verdicts_when_pipelined(t):
    check_recipients(t, PIPED)


def check_too_many(t, ehlo, reply, word):
    """A host takes two recipients at once."""
    counts = []

    def rcpt(_):
        counts.append(1)
        return "250 ok" if len(counts) % 4 in (1, 2) else reply
    peer = t.peer(lambda s: s.serve({"RCPT": rcpt, "EHLO": ehlo}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1, rcpts=RCPTS[:4])
    r = w.qmgr.expect_result("tried", code=452)
    assert r["verdicts"] == [(0, "delivered", 250), (1, "delivered", 250),
                             (2, word, 452), (3, word, 452)], r


def test_recipients_too_many_may_follow_at_once(t):
    check_too_many(t, PLAIN, "452 4.5.3 too many recipients", "throttled")


def test_recipients_too_many_may_follow_when_pipelined(t):
    check_too_many(t, PIPED, "452 Too many recipients", "throttled")


def test_full_mailboxes_are_not_too_many(t):
    check_too_many(t, PLAIN, "452 4.2.2 mailbox full", "deferred")


def test_one_recipient_is_not_too_many(t):
    peer = t.peer(lambda s: s.serve(
        {"RCPT": "452 4.5.3 too many recipients", "EHLO": PLAIN}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    r = w.qmgr.expect_result("tried", code=452)
    assert r["verdicts"] == [(0, "deferred", 452)], r


def check_all_refused(t, replies, ehlo, n_resets):
    """The connection is fit for the next message afterwards."""
    is_well, resets = [], []

    def reply(line):
        if is_well:
            return "354 go" if line == "DATA" else "250 ok"
        return replies[line[:4]]
    peer = t.peer(lambda s: s.serve(
        {"EHLO": ehlo, "RSET": lambda _: resets.append(1) or "250 ok",
         **{verb: reply for verb in replies}}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1, rcpts=RCPTS[:2])
    r = w.qmgr.expect_result("tried")
    assert [x[1] for x in r["verdicts"]] == ["bounced", "bounced"], r
    is_well.append(1)
    w.send(2)
    r = w.qmgr.expect_result("tried", code=250)
    assert len(peer.messages) == 1 and peer.sessions == 1
    assert len(resets) == n_resets


def test_all_recipients_refused(t):
    check_all_refused(t, {"RCPT": "550 no"}, PLAIN, 1)


def test_all_recipients_refused_when_pipelined(t):
    check_all_refused(t, {"RCPT": "550 no"}, PIPED, 1)


def test_sender_refused(t):
    check_all_refused(t, {"MAIL": "550 no"}, PLAIN, 0)


def test_sender_refused_when_pipelined(t):
    check_all_refused(
        t, {"MAIL": "550 no", "RCPT": "503 no", "DATA": "503 no"}, PIPED,
        0)


def test_data_refused(t):
    check_all_refused(t, {"DATA": "554 no"}, PLAIN, 1)


def test_a_354_that_nobody_is_there_for_gets_a_lone_dot(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250 PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("250 ok", "550 5.1.1 no", "354 go")
        assert s.content() == b""
        s.say("554 5.5.1 no recipients")
        s.hear("MAIL")
        s.hear("RCPT")
        s.hear("DATA")
        s.say("250 ok", "250 ok", "354 go")
        s.content()
        s.say("250 ok")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.send(2)
    r = w.qmgr.expect_result("tried", lease=1)
    assert r["verdicts"] == [(0, "bounced", 550)], r
    assert w.phase(1) != "dot sent"
    w.qmgr.expect_result("tried", lease=2, code=250)


def test_a_refused_sender_whose_recipients_are_taken_gets_not_even_a_dot(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250-peer", "250 PIPELINING")
        for verb in ("MAIL", "RCPT", "DATA"):
            s.hear(verb)
        s.say("550 no", "250 ok", "354 go")
        try:
            ends.append(s.file.read())
        except ConnectionResetError:
            ends.append(b"")
    ends = []
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    r = w.qmgr.expect_result("tried", is_doubtful=0)
    assert r["verdicts"] == [(0, "bounced", 550)], r
    w.qmgr.expect_down("lost")
    await_true("the server sees the end", lambda: ends)
    assert ends == [b""], ends


def test_a_notice_is_owed_to_those_who_want_it(t):
    peer = t.peer(lambda s: s.serve({"RCPT": "550 5.1.1 no"}))
    w = Worker(t)
    w.open_up(peer.address)
    for n, (sender, notify, want) in enumerate((
            ("a@client.test", 0, 1), ("a@client.test", 1, 0),
            ("a@client.test", 2, 0), ("a@client.test", 4, 1),
            ("a@client.test", 8, 0), ("a@client.test", 14, 1),
            ("", 0, 0), ("", 4, 0))):
        w.send(n + 1, sender=sender, notify=notify)
        r = w.qmgr.expect_result("tried", code=550)
        assert r["notices"] == [want], (sender, notify)


# --- what is refused here -----------------------------------------------------

def check_refused_here(t, ehlo, word, enhanced, **message):
    peer = t.peer(lambda s: s.serve({"EHLO": ehlo}))
    w = Worker(t)
    w.open_up(peer.address)
    lease = w.send(1, **message)
    r = w.qmgr.expect_result("tried")
    assert r["verdicts"] == [(0, "bounced", 0)], r
    f = facts(r)
    assert word in f["reply"] and f["rcpts"][0]["enhanced"] == enhanced, f
    assert w.phase(lease) == "leased"
    w.send(2)
    w.qmgr.expect_result("tried", code=250)
    assert len(peer.messages) == 1


def test_smtputf8_that_is_not_offered(t):
    check_refused_here(t, "250-peer\r\n250 8BITMIME", "SMTPUTF8", "5.6.7",
                       flags=spool.SMTPUTF8)


def test_a_message_larger_than_size(t):
    check_refused_here(t, "250-peer\r\n250 SIZE 21", "SIZE", "5.3.4",
                       content=b"x" * 20 + b"\r\n")


# --- hosts --------------------------------------------------------------------

def test_hosts_are_tried_in_order(t):
    garbage = t.peer(lambda s: s.serve({"HELLO": "hello there"}))
    refusing = t.peer(lambda s: s.serve({"HELLO": "554 no"}))
    silent = t.peer(lambda s: s.serve({"HELLO": "stall"}))
    closing = t.peer(lambda s: s.serve({"EHLO": "close"}))
    good = t.peer(lambda s: s.serve())
    unused = t.peer(lambda s: s.serve())
    w = Worker(t, FAST)
    up = w.open_up(nobody(t), garbage.address, refusing.address, "nonsense",
                   silent.address, closing.address, good.address,
                   unused.address)
    assert up["host"] == b"host6", up
    w.send()
    w.qmgr.expect_result("tried", code=250)
    assert good.messages and not unused.sessions
    for peer in (garbage, refusing, silent, closing):
        assert peer.sessions == 1


def check_refused_for(w, host, text, *addresses):
    w.open(*addresses)
    down = w.qmgr.expect_down("refused", host=f"host{host}".encode())
    assert down["text"].decode() == text, down
    return down


def test_the_host_that_tells_most_says_why_all_are_refused(t):
    refusing = t.peer(lambda s: s.serve({"HELLO": "554 5.3.2 no service"}))
    closing = t.peer(lambda s: s.serve({"EHLO": "close"}))
    w = Worker(t)
    for host, *addresses in (
            (2, nobody(t), closing.address, refusing.address),
            (0, refusing.address, closing.address, nobody(t)),
            (1, nobody(t), refusing.address, nobody(t))):
        down = check_refused_for(w, host, "554 5.3.2 no service", *addresses)
        assert down["code"] == 554 and STAGES[down["stage"]] == "greeting"


def test_without_a_reply_the_host_that_let_us_furthest_tells_most(t):
    closing = t.peer(lambda s: s.serve({"EHLO": "close"}))
    down = check_refused_for(Worker(t), 0, "EHLO: connection closed",
                             closing.address, nobody(t))
    assert down["code"] == 0 and STAGES[down["stage"]] == "EHLO"


def test_of_equals_the_first_host_tells_most(t):
    first = t.peer(lambda s: s.serve({"HELLO": "554 first"}))
    second = t.peer(lambda s: s.serve({"HELLO": "554 second"}))
    check_refused_for(Worker(t), 0, "554 first", first.address,
                      second.address)


def test_all_hosts_together_have_the_time_of_one_attempt(t):
    silent = [t.peer(lambda s: s.serve({"HELLO": "stall"})) for _ in "1234"]
    w = Worker(t, 'attempt_timeout = "1s"')
    w.open(*(s.address for s in silent))
    down = w.qmgr.expect_down("refused", host=b"host0")
    assert down["text"] == b"greeting: timed out", down
    assert [s.sessions for s in silent] == [1, 0, 0, 0]


def black_hole(t):
    """An address whose host answers nothing: its queue is full."""
    sock = socket.create_server((t.ip, t.port()), backlog=0)
    t.at_end(sock.close)
    filling = []
    for _ in range(8):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(sock.getsockname())
        filling.append(s)
    t.at_end(lambda: [s.close() for s in filling])
    return "%s:%d" % sock.getsockname()


def test_a_host_that_is_a_black_hole_is_passed_by(t):
    good = t.peer(lambda s: s.serve())
    w = Worker(t, FAST)
    hole = black_hole(t)
    w.open_up(hole, good.address)
    assert f"address={hole} stage=connect" in w.log(), w.log()
    w.open(hole, conn=2)
    down = w.qmgr.expect_down("refused", conn=2)
    assert down["text"] == b"connect: timed out", down


def test_an_unreachable_network_is_passed_by_at_once(t):
    good = t.peer(lambda s: s.serve())
    # The first connection is that with qmgr.
    with armed("connect:2:ENETUNREACH"):
        w = Worker(t)
    up = w.open_up("[::1]:25", good.address)
    assert up["host"] == b"host1", up
    assert "Network is unreachable" in w.log()


def test_a_host_that_is_lost_in_writing_costs_no_other_host(t):
    bad = t.peer(lambda s: s.say("220 peer"))
    good = t.peer(lambda s: s.serve())
    with armed("write:1:EPIPE"):
        w = Worker(t)
    up = w.open_up(bad.address, good.address)
    assert up["host"] == b"host1", up


# --- hosts that are lost before they have taken notice of a message -----------

def leaves(*lines):
    """Takes us in, says lines instead of replying to MAIL, and goes."""
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        s.hear("MAIL")
        s.say(*lines)
    return script


def test_a_host_lost_at_the_first_mail_is_passed_by(t):
    for n, script in enumerate((leaves(), leaves("what"), leaves("354 go"),
                                lambda s: s.serve({"MAIL": "stall"}),
                                lambda s: s.serve({"MAIL": "drop"}))):
        bad = t.peer(script)
        good = t.peer(lambda s: s.serve())
        conn = n + 1
        if n == 0:
            w = Worker(t, FAST)
        up = w.open_up(bad.address, good.address, conn=conn)
        assert up["host"] == b"host0", up
        first = w.send(2 * n + 1, conn=conn)
        second = w.send(2 * n + 2, conn=conn)
        up = w.qmgr.expect("CONN_UP", conn=conn)
        assert up["host"] == b"host1", up
        for lease in (first, second):
            r = w.qmgr.expect_result("tried", lease=lease, code=250)
            assert facts(r)["host"] == "host1", r
        assert len(good.messages) == 2 and bad.sessions == 1


def test_a_host_that_closes_before_mail_is_passed_by(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
    bad = t.peer(script)
    good = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(bad.address, good.address)
    assert w.qmgr.expect("CONN_UP", conn=1)["host"] == b"host1"
    w.send()
    w.qmgr.expect_result("tried", code=250)


def test_after_the_last_host_the_leases_are_returned(t):
    bad = t.peer(leaves())
    w = Worker(t, FAST)
    w.open_up(bad.address, nobody(t))
    lease = w.send(1)
    w.qmgr.expect_result("returned", lease=lease)
    down = w.qmgr.expect_down("refused", host=b"host0")
    assert STAGES[down["stage"]] == "MAIL", down


def test_a_host_lost_once_it_carried_a_message_is_not_passed_by(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok"),
                            ("DATA", "354 go")):
            s.hear(verb)
            s.say(reply)
        s.content()
        s.say("250 ok")
        s.hear("MAIL")
    bad = t.peer(script)
    good = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(bad.address, good.address)
    w.send(1)
    w.qmgr.expect_result("tried", code=250)
    w.send(2)
    w.qmgr.expect_result("returned", lease=2)
    w.qmgr.expect_down("closed")
    assert not good.sessions


def test_moving_on_does_not_begin_the_time_of_an_attempt_anew(t):
    stalling = [t.peer(lambda s: s.serve({"MAIL": "stall"})) for _ in "123"]
    w = Worker(t, 'attempt_timeout = "2s" mail_timeout = "1s"')
    w.open_up(*(s.address for s in stalling))
    w.send()
    w.qmgr.expect("CONN_UP")
    # The second host has what the first one left.
    r = w.qmgr.expect_result("tried")
    assert facts(r)["host"] == "host1", r
    w.qmgr.expect_down("lost")
    assert not stalling[2].sessions


def test_a_reply_too_many_is_not_taken_for_that_of_the_next_message(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok")):
            s.hear(verb)
            s.say(reply)
        s.hear("DATA")
        s.say("354 go")
        s.content()
        await_true("the second is lent", lambda: go)
        s.say("250 ok", "250 ok")
        s.hang()
    go = []
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.send(2)
    # The leases have been read when this is answered.
    w.open(conn=2)
    w.qmgr.expect_down("refused", conn=2)
    go.append(1)
    w.qmgr.expect_result("tried", lease=1, code=250)
    w.qmgr.expect_result("returned", lease=2)
    down = w.qmgr.expect_down("closed")
    assert down["text"] == b"one reply too many", down
    assert "event=reply_broken" in w.log()


def test_a_421_is_not_tried_at_the_next_host(t):
    busy = t.peer(lambda s: s.serve(
        {"HELLO": "421 4.3.2 Try again in 5 minutes"}))
    good = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open(busy.address, good.address)
    down = w.qmgr.expect_down("throttled", code=421, wait_ms=300000)
    assert b"Try again" in down["text"], down
    assert not good.sessions


# --- what goes wrong ----------------------------------------------------------

# name: (replies, outcome, verdict, code, word, why, stage)
CASES = {
    "mail_451": ({"MAIL": "451 4.3.0 no"}, "tried", "deferred", 451, "451",
                 None, None),
    "mail_drop": ({"MAIL": "drop"}, "tried", "deferred", 0, "MAIL: ",
                  "lost", "MAIL"),
    "mail_close": ({"MAIL": "close"}, "tried", "deferred", 0, "MAIL: ",
                   "lost", "MAIL"),
    "mail_stall": ({"MAIL": "stall"}, "tried", "deferred", 0, "MAIL: ",
                   "lost", "MAIL"),
    "mail_noise": ({"MAIL": "what"}, "tried", "deferred", 0, "MAIL: ",
                   "lost", "MAIL"),
    "mail_354": ({"MAIL": "354 go"}, "tried", "deferred", 0, "354 go",
                 "lost", "MAIL"),
    "mail_421": ({"MAIL": "421 4.7.0 no"}, "throttled", None, 421, "421",
                 "throttled", "MAIL"),
    "mail_rate": ({"MAIL": "450 4.7.0 rate limit"}, "throttled", None, 450,
                  "rate", "throttled", "MAIL"),
    "rcpt_drop": ({"RCPT": "drop"}, "tried", "deferred", 0, "RCPT: ",
                  "lost", "RCPT"),
    "rcpt_421": ({"RCPT": "421 4.7.0 no"}, "throttled", None, 421, "421",
                 "throttled", "RCPT"),
    "data_drop": ({"DATA": "drop"}, "tried", "deferred", 0, "DATA: ",
                  "lost", "DATA"),
    "data_250": ({"DATA": "250 ok"}, "tried", "deferred", 0, "250 ok",
                 "lost", "DATA"),
    "data_421": ({"DATA": "421 4.7.0 no"}, "throttled", None, 421, "421",
                 "throttled", "DATA"),
    "body_drop": ({"BODY": "drop"}, "tried", "deferred", 0, "body: ",
                  "lost", "body"),
    "body_stall": ({"BODY": "stall"}, "tried", "deferred", 0,
                   "body: timed out", "lost", "body"),
    "dot_451": ({"DOT": "451 4.3.0 no"}, "tried", "deferred", 451, "451",
                None, None),
    "dot_550": ({"DOT": "550 5.7.1 no"}, "tried", "bounced", 550, "550",
                None, None),
    "dot_421": ({"DOT": "421 4.7.0 no"}, "throttled", None, 421, "421",
                "throttled", "dot"),
    "dot_drop": ({"DOT": "drop"}, "doubtful", "deferred", 0, "dot: ",
                 "lost", "dot"),
    "dot_close": ({"DOT": "close"}, "doubtful", "deferred", 0,
                  "dot: connection closed; possibly delivered", "lost", "dot"),
    "dot_stall": ({"DOT": "stall"}, "doubtful", "deferred", 0,
                  "dot: timed out; possibly delivered", "lost", "dot"),
    "dot_noise": ({"DOT": "what"}, "doubtful", "deferred", 0,
                  "possibly delivered", "lost", "dot"),
    "dot_354": ({"DOT": "354 go"}, "doubtful", "deferred", 0,
                "possibly delivered", "lost", "dot"),
    "dot_endless": ({"DOT": "250-x\r\n" * 2000 + "250 x"}, "doubtful",
                    "deferred", 0, "possibly delivered", "lost", "dot"),
}


def run_case(t, name, ehlo):
    replies, outcome, verdict, code, word, why, stage = CASES[name]
    peer = t.peer(lambda s: s.serve(dict(replies, EHLO=ehlo)))
    w = Worker(t, FAST)
    w.open_up(peer.address)
    if name.startswith("body"):
        w.segment.add_quickly(1, LONG)
        w.lease(1, 1, rcpts=1)
    else:
        w.send()
    r = w.qmgr.expect_result("tried" if outcome == "doubtful" else outcome,
                             is_doubtful=int(outcome == "doubtful"),
                             is_after_mail=int(outcome == "throttled"))
    assert r["code"] == code, r
    assert r["verdicts"] == ([(0, verdict, code)] if verdict else []), r
    f = facts(r)
    assert word in f["reply"], f
    if verdict == "deferred" and code == 0:
        assert f["rcpts"][0]["enhanced"] == "4.4.2", f
    if why:
        down = w.qmgr.expect_down(why)
        assert STAGES[down["stage"]] == stage, down
        assert f["stage"] == stage, f
    else:
        assert w.qmgr.is_silent()


def _make(name, ehlo):
    def test(t):
        run_case(t, name, ehlo)
    return test


for _name in CASES:
    globals()[f"test_{_name}"] = _make(_name, PLAIN)
    globals()[f"test_{_name}_pipelined"] = _make(_name, PIPED)
del _name


def test_a_reply_before_the_end_of_the_content_counts(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok"),
                            ("DATA", "354 go")):
            s.hear(verb)
            s.say(reply)
        s.say("552 5.3.4 too big")
        s.hang()
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.segment.add_quickly(1, LONG)
    w.lease(1, 1, rcpts=1)
    r = w.qmgr.expect_result("tried", code=552)
    assert r["verdicts"] == [(0, "bounced", 552)], r
    w.qmgr.expect_down("lost")


def test_a_server_that_reads_slowly_is_waited_for(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok"),
                            ("DATA", "354 go")):
            s.hear(verb)
            s.say(reply)
        # Each piece is progress; all of them take longer than the limit.
        while s.sock.recv(1 << 20):
            select.select([], [], [], 0.1)
    peer = t.peer(script)
    w = Worker(t, 'body_timeout = "1s"')
    w.open_up(peer.address)
    w.segment.add_quickly(1, LONG + LONG)
    w.lease(1, 1, rcpts=1)
    # All was sent, and then its CRC was found to be wrong.
    w.qmgr.expect_result("damaged")
    w.qmgr.expect_down("closed")


def closes_after_each(s, ehlo, is_leased):
    s.say("220 peer")
    s.hear("EHLO")
    s.say(*ehlo.split("\r\n"))
    for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok"),
                        ("DATA", "354 go")):
        s.hear(verb)
        s.say(reply)
    s.content()
    await_true("the second is lent", is_leased)
    s.say("250 ok")


def check_closes_after_each(t, ehlo):
    peer = t.peer(lambda s: closes_after_each(
        s, ehlo, lambda: len(seen) == peer.sessions))
    seen = []
    w = Worker(t)
    for n in (1, 2, 3):
        w.open_up(peer.address, conn=n)
        first = w.send(2 * n, conn=n)
        second = w.send(2 * n + 1, conn=n)
        # The lease has been read when this is answered.
        w.open(conn=n + 10)
        w.qmgr.expect_down("refused", conn=n + 10)
        seen.append(n)
        w.qmgr.expect_result("tried", lease=first, code=250)
        w.qmgr.expect_result("returned", lease=second)
        w.qmgr.expect_down("closed", conn=n)


def test_a_server_that_closes_after_each_message_costs_no_attempt(t):
    check_closes_after_each(t, PLAIN)


def test_a_server_that_closes_after_each_message_when_pipelined(t):
    check_closes_after_each(t, PIPED)


def test_what_is_behind_a_dot_without_reply_is_returned(t):
    peer = t.peer(lambda s: s.serve({"DOT": "stall"}))
    w = Worker(t, FAST)
    w.open_up(peer.address)
    w.send(1)
    w.send(2)
    w.send(3)
    w.qmgr.expect_result("tried", lease=1, is_doubtful=1)
    w.qmgr.expect_result("returned", lease=2)
    w.qmgr.expect_result("returned", lease=3)
    w.qmgr.expect_down("lost")


def test_a_throttled_dot_returns_what_is_behind_it(t):
    peer = t.peer(lambda s: s.serve({"DOT": "421 4.7.0 slow down"}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.send(2)
    w.qmgr.expect_result("throttled", lease=1)
    w.qmgr.expect_result("returned", lease=2)
    w.qmgr.expect_down("throttled", code=421)


def test_a_connection_that_has_carried_enough_is_no_throttle(t):
    enough = "421 4.7.0 Too many messages in this connection"
    counts = []

    def mail(_):
        counts.append(1)
        return "250 ok" if len(counts) == 1 else enough
    peer = t.peer(lambda s: s.serve({"MAIL": mail}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.qmgr.expect_result("tried", code=250)
    w.send(2)
    w.qmgr.expect_result("returned", lease=2)
    w.qmgr.expect_down("closed", code=421)
    # To a first message it is one.
    w.open_up(peer.address, conn=2)
    w.send(3, conn=2)
    w.qmgr.expect_result("throttled", lease=3, code=421)
    w.qmgr.expect_down("throttled", conn=2)


def test_a_peer_that_closes_an_idle_connection_is_no_fault(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer", "421 4.4.2 idle too long")
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    down = w.qmgr.expect_down("closed", code=421)
    assert STAGES[down["stage"]] == "idle", down


def test_an_attempt_has_a_time_limit_in_total(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        s.hear("MAIL")
        while True:  # each line is progress, but no end comes
            s.say("250-")
            select.select([s.sock], [], [], 0.1)
    peer = t.peer(script)
    w = Worker(t, 'attempt_timeout = "1s"')
    w.open_up(peer.address)
    w.send()
    r = w.qmgr.expect_result("tried")
    assert facts(r)["reply"] == "MAIL: timed out", r


# --- records ------------------------------------------------------------------

def test_a_damaged_small_record_is_never_begun(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1, bad_crc=True)
    w.qmgr.expect_result("damaged", lease=1)
    assert w.phase(1) == "leased"
    w.send(2)
    w.qmgr.expect_result("tried", lease=2, code=250)
    assert peer.sessions == 1


def test_a_damaged_head_is_damage(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    block = w.segment.add(1)
    w.segment.damage(block * spool.BLOCK + 130)
    w.lease(1, block, rcpts=1)
    w.qmgr.expect_result("damaged", lease=1)


def test_a_damaged_long_record_gets_no_dot(t):
    got = []

    def script(s):
        try:
            s.serve()
        except ConnectionResetError:
            got.append("reset")
            raise
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1, content=b"z" * 300000 + b"\r\n", bad_crc=True)
    w.qmgr.expect_result("damaged", lease=1)
    assert w.phase(1) == "transaction"
    w.qmgr.expect_down("closed")
    await_true("the server sees a reset", lambda: got)
    assert not peer.messages


def test_what_cannot_be_read_is_unreadable(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    # Another message, another segment, an empty place.
    block = w.segment.add(1)
    w.lease(2, block, rcpts=1)
    w.qmgr.expect_result("unreadable", lease=1)
    w.lease(1, block, rcpts=1, segment=99)
    w.qmgr.expect_result("unreadable", lease=2)
    w.lease(1, block, rcpts=1, place=1023)
    w.qmgr.expect_result("unreadable", lease=3)
    w.lease(1, block, rcpts=1)
    w.qmgr.expect_result("tried", lease=4, code=250)


def test_what_the_disk_does_not_give_now_is_tried_again(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    block = w.segment.add(1)
    w.segment.fd()
    # Not open for reading: any error of the call is one of the moment.
    with open(w.segment.file.name, "ab") as f:
        w.qmgr.send("SEGMENT_FD", [f.fileno()], place=0, segment=1)
    w.lease(1, block, rcpts=1)
    w.qmgr.expect_result("unreadable", lease=1)
    w.qmgr.send("SEGMENT_FD", [w.segment.fd()], place=0, segment=1)
    w.lease(1, block, rcpts=1)
    w.qmgr.expect_result("tried", lease=2, code=250)


# --- leases and qmgr ----------------------------------------------------------

def test_a_lease_taken_back_before_mail_is_not_sent(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    block = w.segment.add(1)
    w.leases = 1
    w.clear(1)
    w.segment.fd()
    w.qmgr.send("LEASE", conn=1, slot=0, lease=1, qid=struct.pack(
        ">QQ", 0, 1), place=0, segment=w.segment.number, block=block,
        standing=b"\0")
    w.qmgr.expect_result("returned", lease=1)
    w.send(2)
    w.qmgr.expect_result("tried", lease=2, code=250)
    assert len(peer.messages) == 1


def test_a_lease_taken_back_before_the_dot_gets_none(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok")):
            s.hear(verb)
            s.say(reply)
        s.hear("DATA")
        w.clear(1)
        s.say("354 go")
        try:
            ends.append(s.file.read())
        except ConnectionResetError:
            ends.append(b"")
    ends = []
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    w.qmgr.expect_result("returned", lease=1)
    w.qmgr.expect_down("closed")
    await_true("the server sees the end", lambda: ends)
    assert not ends[0].endswith(b".\r\n"), ends


def test_a_lease_for_a_connection_that_is_gone_is_returned(t):
    w = Worker(t)
    w.send(1, conn=77)
    w.qmgr.expect_result("returned", lease=1, conn=77)


def test_a_connection_is_closed_when_nothing_is_in_hand(t):
    def dot(_):
        w.qmgr.send("CONN_CLOSE", conn=1)
        return "250 ok"
    quits = []
    peer = t.peer(lambda s: s.serve(
        {"DOT": dot, "QUIT": lambda _: quits.append(1) or "221 bye"}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send()
    w.qmgr.expect_result("tried", code=250)
    w.qmgr.expect_down("closed")
    assert quits
    w.qmgr.send("CONN_CLOSE", conn=1)
    w.open_up(peer.address, conn=2)
    w.qmgr.send("CONN_CLOSE", conn=2)
    w.qmgr.expect_down("closed", conn=2)
    assert w.qmgr.is_silent()


def test_an_opening_connection_is_closed_at_once(t):
    peer = t.peer(lambda s: s.serve({"HELLO": "stall"}))
    w = Worker(t)
    w.open(peer.address)
    await_true("it is connected", lambda: peer.sessions)
    w.qmgr.send("CONN_CLOSE", conn=1)
    w.qmgr.expect_down("closed")


def test_a_result_is_kept_until_it_is_acknowledged(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    for n in (1, 2):
        w.send(n)
        w.qmgr.expect_result("tried", lease=n)
    w.qmgr.send("RESULT_ACK", slot=0, lease=1)
    w.send(3)  # so that the acknowledgement has been read
    w.qmgr.expect_result("tried", lease=3)
    w.qmgr.close()
    leases, conns = w.connect()
    assert (leases, conns) == ([2, 3], [1]), (leases, conns)
    first = w.qmgr.expect_result("tried", lease=2)
    assert first["verdicts"] == [(0, "delivered", 250)], first
    assert facts(first)["reply"] == "250 2.0.0 taken"
    w.qmgr.expect_result("tried", lease=3)
    for n in (2, 3):
        w.qmgr.send("RESULT_ACK", slot=n - 1, lease=n)
    w.send(4)
    w.qmgr.expect_result("tried", lease=4)
    w.qmgr.send("RESULT_ACK", slot=3, lease=4)
    w.qmgr.send("CONN_CLOSE", conn=1)
    w.qmgr.expect_down("closed")
    w.qmgr.close()
    assert w.connect() == ([], [])


def test_work_goes_on_while_qmgr_is_away(t):
    go = []

    def dot(_):
        await_true("qmgr is gone", lambda: go)
        return "250 ok"
    peer = t.peer(lambda s: s.serve({"DOT": dot}))
    stalled = t.peer(lambda s: s.serve({"HELLO": "stall"}))
    w = Worker(t)
    w.open(stalled.address, conn=2)
    w.open_up(peer.address)
    for n in (1, 2, 3):
        w.send(n)
    await_true("the first is at its dot", lambda: w.phase(1) == "dot sent")
    w.qmgr.close()
    leases, conns = w.connect()
    assert leases == [1, 2, 3] and conns == [1], (leases, conns)
    go.append(1)
    for n in (1, 2, 3):
        w.qmgr.expect_result("tried", lease=n, code=250)
    w.send(4)
    w.qmgr.expect_result("tried", lease=4, code=250)
    assert len(peer.messages) == 4


def test_a_slot_that_is_filled_anew_drops_what_it_held(t):
    peer = t.peer(lambda s: s.serve({"DOT": "stall"}))
    good = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    w.open_up(good.address, conn=2)
    w.send(1)
    await_true("it is at its dot", lambda: w.phase(1) == "dot sent")
    w.leases = 0
    w.clear(1)
    block = w.segment.add(2)
    struct.pack_into("<QQ16sIHB", w.slots, 16, 9, w.segment.number,
                     struct.pack(">QQ", 0, 2), block, 0, 1)
    w.segment.fd()
    w.qmgr.send("LEASE", conn=2, slot=0, lease=9,
                qid=struct.pack(">QQ", 0, 2), segment=w.segment.number,
                block=block, standing=b"\0")
    w.qmgr.expect_down("closed", conn=1)
    w.qmgr.expect_result("tried", lease=9, code=250)


def test_a_segment_is_kept_while_a_lease_uses_it(t):
    def script(s):
        s.say("220 peer")
        s.hear("EHLO")
        s.say("250 peer")
        for verb, reply in (("MAIL", "250 ok"), ("RCPT", "250 ok")):
            s.hear(verb)
            s.say(reply)
        s.hear("DATA")
        # A new qmgr gives the place to another segment.
        w.qmgr.send("SEGMENT_FD", [other.fd()], place=0, segment=2)
        w.qmgr.send("CONN_OPEN", conn=2, source="s", provider="p")
        w.qmgr.expect_down("refused", conn=2)
        s.say("354 go")
        got.append(s.content())
        s.say("250 ok")
    got = []
    other = Segment(t, number=2)
    peer = t.peer(script)
    w = Worker(t)
    w.open_up(peer.address)
    content = b"z" * 20000 + b"\r\n"
    w.send(content=content)
    await_true("all is sent", lambda: got)
    w.qmgr.expect_result("tried", code=250)
    assert got[0] == content


# --- the end ------------------------------------------------------------------

def test_a_stop_ends_idle_connections_in_order(t):
    quits = []
    peer = t.peer(lambda s: s.serve(
        {"QUIT": lambda _: quits.append(1) or "221 bye"}))
    w = Worker(t)
    w.open_up(peer.address)
    w.open_up(peer.address, conn=2)
    w.stop()
    assert {w.qmgr.expect_down("closed")["conn"] for _ in "12"} == {1, 2}
    w.qmgr.expect_end()
    w.await_exit()
    assert len(quits) == 2


def test_a_stop_lets_transactions_finish_and_returns_the_rest(t):
    go = []

    def dot(_):
        await_true("the stop has begun", lambda: go)
        return "250 ok"
    peer = t.peer(lambda s: s.serve({"DOT": dot, "EHLO": PLAIN}))
    w = Worker(t)
    w.open_up(peer.address)
    w.send(1)
    w.send(2)
    await_true("the first is at its dot", lambda: w.phase(1) == "dot sent")
    w.stop()
    w.qmgr.expect_result("returned", lease=2)
    w.send(3)
    w.qmgr.expect_result("returned", lease=3)
    w.open(peer.address, conn=2)
    w.qmgr.expect_down("closed", conn=2)
    go.append(1)
    w.qmgr.expect_result("tried", lease=1, code=250)
    w.qmgr.expect_down("closed", conn=1)
    w.qmgr.expect_end()
    w.await_exit()


def test_a_stop_without_anything(t):
    w = Worker(t)
    w.stop()
    w.qmgr.expect_end()
    w.await_exit()


def test_a_stop_without_qmgr(t):
    w = Worker(t)
    w.listener.close()
    w.qmgr.close()
    await_true("it is noticed", lambda: "peer_lost" in w.log())
    w.stop()
    w.await_exit()


def test_a_frame_that_makes_no_sense_ends_the_process(t):
    w = Worker(t)
    w.qmgr.send("HELLO", index=1)
    w.qmgr.expect_end()
    w.await_exit(111)
    assert "HELLO" in w.log()


def test_a_connection_number_is_used_once(t):
    peer = t.peer(lambda s: s.serve())
    w = Worker(t)
    w.open_up(peer.address)
    w.open(peer.address)
    w.qmgr.expect_end()
    w.await_exit(111)
