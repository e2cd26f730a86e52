# SPDX-License-Identifier: BSD-2-Clause
"""Conversations with smtpd: each verb, its order, its limits, its end."""
import os
import pwd
import random
import select
import signal
import socket
import struct

import spool
from dialog import Dialog, run
from relay import await_true, kill

# Nobody listens there: what is accepted stays queued.
DOWN = "127.0.0.1:9"


def start(t, listener="", conf=""):
    return t.relay(relay_to=DOWN, listener=listener, conf=conf).start()


def at(relay):
    return (relay.t.ip, relay.port)


def queued(relay):
    return relay.status()["queued_messages"]


def await_queued(relay, n):
    await_true(f"{n} are queued", lambda: queued(relay) == n)


def stored(relay, reply):
    """What lies in the spool of a message that was just accepted: its content
    without our own field, and the record."""
    qid = reply.split()[-1]
    record = spool.find(relay, qid)
    lines = record.content.splitlines(keepends=True)
    assert lines[0].startswith(b"Received: from c"), lines[0]
    assert b" id " + qid.encode() in lines[1], lines[1]
    at_ = 2
    while lines[at_:at_ + 1] and lines[at_][:1] in b" \t":
        at_ += 1
    return b"".join(lines[at_:]), record


def smtpd_pid(relay):
    return next(pid for name, pid in relay.pids().items()
                if name.startswith("smtpd"))


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


# --- verbs and their order ---------------------------------------------------

def test_a_whole_session(t):
    relay = start(t)
    last = run(at(relay), r"""
        S 220 relay.test ESMTP
        C EHLO client.test
        S 250 ENHANCEDSTATUSCODES
        L 250-relay.test
        L 250-PIPELINING
        L 250-SIZE 52428800
        L 250-8BITMIME
        L 250-SMTPUTF8
        L 250-DSN
        C MAIL FROM:<a@client.test> SIZE=100 BODY=8BITMIME
        S 250 2.1.0
        C RCPT TO:<b@dest.test>
        S 250 2.1.5
        C RCPT TO:<C@DEST.test>
        S 250 2.1.5
        C DATA
        S 354
        C Subject: x
        C
        C ..a dot
        C .
        S 250 2.0.0 Ok: queued as
        C mail from:<>
        S 250 2.1.0
        C rcpt to:<b@dest.test>
        S 250 2.1.5
        C data
        S 354
        C .
        S 250 2.0.0 Ok: queued as
        C QUIT
        S 221 2.0.0
        X
    """)
    assert last.startswith("221")
    await_queued(relay, 2)


def test_verbs_without_a_transaction(t):
    relay = start(t)
    run(at(relay), r"""
        S 220
        C NOOP
        S 250 2.0.0
        C NOOP anything at all
        S 250 2.0.0
        C RSET
        S 250 2.0.0
        C HELP
        S 214 2.0.0
        C VRFY postmaster
        S 252 2.5.0
        C EXPN list
        S 502 5.5.1
        C STARTTLS
        S 502 5.5.1
        C AUTH PLAIN AAAA
        S 502 5.5.1
        C BDAT 10 LAST
        S 502 5.5.1
        C HELO client.test
        S 250 relay.test
        C quit
        S 221 2.0.0
        X
    """)


def test_order_of_verbs(t):
    relay = start(t)
    run(at(relay), r"""
        S 220
        C MAIL FROM:<a@client.test>
        S 503 5.5.1
        C RCPT TO:<b@dest.test>
        S 503 5.5.1
        C DATA
        S 503 5.5.1
        C EHLO client.test
        S 250
        C RCPT TO:<b@dest.test>
        S 503 5.5.1
        C DATA
        S 503 5.5.1
        C MAIL FROM:<a@client.test>
        S 250
        C MAIL FROM:<a2@client.test>
        S 503 5.5.1
        C DATA
        S 503 5.5.1
        C RCPT TO:<b@dest.test>
        S 250
        C MAIL FROM:<a2@client.test>
        S 503 5.5.1
        # EHLO, HELO and RSET end a transaction.
        C EHLO client.test
        S 250
        C RCPT TO:<b@dest.test>
        S 503 5.5.1
        C MAIL FROM:<a@client.test>
        S 250
        C RSET
        S 250
        C DATA
        S 503 5.5.1
        C QUIT
        S 221
        X
    """)
    assert queued(relay) == 0


def test_malformed_commands(t):
    relay = start(t, "max_errors = 100")
    run(at(relay), r"""
        S 220
        C WHAT
        S 500 5.5.2
        C
        S 500 5.5.2
        C EHLO
        S 501 5.5.4
        C EHLO -bad host-
        S 501 5.5.4
        C EHLO [127.0.0.1]
        S 250
        C MAIL a@client.test
        S 501 5.5.4
        C MAIL FROM:a@@client.test
        S 501 5.1.7
        C MAIL FROM:<a@client.test> SIZE=x
        S 501 5.5.4
        C MAIL FROM:<a@client.test> COLOUR=red
        S 555 5.5.4
        C MAIL FROM:<\xc3\xa4@client.test>
        S 550 5.6.7
        C MAIL FROM:<\xc3\xa4@client.test> SMTPUTF8
        S 250
        C RCPT TO:<b>
        S 501 5.1.3
        C RCPT TO:<>
        S 501 5.1.3
        C RCPT TO:<b@dest.test> COLOUR=red
        S 555 5.5.4
        C RCPT TO:<@route.test:b@dest.test>
        S 250
        C RCPT TO:<\xc3\xa4@dest.test>
        S 250
        C RSET now
        S 501 5.5.4
        C DATA now
        S 501 5.5.4
        C QUIT
        S 221
        X
    """)
    assert queued(relay) == 0


def test_too_many_errors_end_the_session(t):
    relay = start(t, "max_errors = 3")
    run(at(relay), r"""
        S 220
        C A
        S 500
        C B
        S 500
        C C
        S 500
        C D
        S 500
        S 421 4.7.0 Too many errors (max_errors = 3)
        X
    """)
    # An accepted message wipes the slate.
    run(at(relay), r"""
        S 220
        C A
        S 500
        C EHLO c.test
        S 250
        C B
        S 500
        C MAIL FROM:<a@client.test>
        S 250
        C RCPT TO:<b@dest.test>
        S 250
        C DATA
        S 354
        C .
        S 250 2.0.0
        C A
        S 500
        C B
        S 500
        C C
        S 500
        C NOOP
        S 250
        C QUIT
        S 221
        X
    """)


# --- limits ------------------------------------------------------------------

HELLO = r"""
    S 220
    C EHLO client.test
    S 250
"""
ENVELOPE = r"""
    C MAIL FROM:<a@client.test>
    S 250
    C RCPT TO:<b@dest.test>
    S 250
    C DATA
    S 354
"""
BYE = r"""
    C QUIT
    S 221
    X
"""


def test_size(t):
    relay = start(t, 'max_message_size = "1K"')
    line = "x" * 62
    fits = "\n".join(["C " + line] * 16)
    run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test> SIZE=1025
        S 552 5.3.4 Message is too big (max_message_size = 1024)
        C MAIL FROM:<a@client.test> SIZE=99999999999999999999
        S 552 5.3.4
        C MAIL FROM:<a@client.test> SIZE=1024
        S 250
        C RSET
        S 250
    """ + ENVELOPE + fits + r"""
        C .
        S 250 2.0.0
    """ + ENVELOPE + fits + r"""
        C
        C .
        S 552 5.3.4 Message is too big (max_message_size = 1024)
    """ + ENVELOPE + r"""
        C after it the session goes on
        C .
        S 250 2.0.0
    """ + BYE)
    await_queued(relay, 2)


def test_recipients(t):
    relay = start(t, "max_recipients = 2")
    run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test>
        S 250
        C RCPT TO:<b1@dest.test>
        S 250
        C RCPT TO:<b2@dest.test>
        S 250
        C RCPT TO:<b3@dest.test>
        S 452 4.5.3 Too many recipients (max_recipients = 2)
        C DATA
        S 354
        C .
        S 250 2.0.0
    """ + BYE)


def test_lines_and_headers(t):
    relay = start(t, 'max_line = "1000" max_header_size = "1K" max_received = 10')
    ok, long = "x" * 998, "x" * 999
    received = "C Received: from x by y; today\n"
    run(at(relay), HELLO + ENVELOPE + f"""
        C
        C {ok}
        C .
        S 250 2.0.0
    """ + ENVELOPE + f"""
        C
        C {long}
        S 554 5.6.0 Line too long (max_line = 1000)
        X
    """)
    run(at(relay), HELLO + ENVELOPE + received * 10 + r"""
        C
        C .
        S 250 2.0.0
    """ + ENVELOPE + received * 11 + r"""
        C
        C a body behind it
        C .
        S 554 5.4.6
    """ + ENVELOPE + "C X-Long: y\n" * 200 + r"""
        C
        C .
        S 552 5.3.4 Header is too big (max_header_size)
    """ + BYE)
    await_queued(relay, 2)


def test_command_lines(t):
    relay = start(t)
    ok = "C NOOP " + "x" * (2048 - 7) + "\n"
    long = "C NOOP " + "x" * (2048 - 6) + "\n"
    run(at(relay), "S 220\n" + ok + "S 250\n" + long + """
        S 500 5.5.2 Command line
        X
    """)
    for what in (r"NOOP\n", r"NOOP\rNOOP\r\n", r"NO\0OP\r\n"):
        run(at(relay), f"S 220\nR {what}\nS 500 5.5.2 Command line\nX")


def test_sessions(t):
    relay = start(t, "max_sessions = 3 max_sessions_per_client = 2")
    with Dialog(at(relay)) as a, Dialog(at(relay)) as b:
        a.expect("220")
        b.expect("220")
        run(at(relay), """
            S 421 4.7.0 Too many sessions (max_sessions_per_client = 2)
            X
        """)
        a.ask("QUIT", "221")
        a.expect_end()

        def room():
            with Dialog(at(relay)) as d:
                return d.read_reply()[0].startswith("220")
        await_true("there is room again", room)


def test_command_timeout(t):
    relay = start(t, 'command_timeout = "1s" data_timeout = "1s"')
    run(at(relay), "S 220\nS 421 4.4.2 No command came (command_timeout)\nX")
    run(at(relay), HELLO + ENVELOPE + r"""
        C Subject: x
        S 421 4.4.2 Too slow
        X
    """)
    assert queued(relay) == 0


# --- line ends, and what hides behind them -----------------------------------

def test_bare_line_ends_and_nul(t):
    relay = start(t)
    for what in (r"a\nb\r\n", r"a\rb\r\n", r"a\0b\r\n", r"\n", r"\0"):
        run(at(relay), HELLO + ENVELOPE + f"R {what}\n" + """
            S 550 5.5.2 Content has a
            X
        """)
    assert queued(relay) == 0


def test_normalised_line_ends(t):
    relay = start(t, 'bare_line_ends = "normalise"')
    reply = run(at(relay), HELLO + ENVELOPE + r"""
        R a\nb\rc\n.\nd\r\n.\r\n
        S 250 2.0.0
    """)
    content, record = stored(relay, reply)
    assert content == b"a\r\nb\r\nc\r\n.\r\nd\r\n"
    assert not record.flags & spool.NO_DOT


# What some server or other takes for an end of data.
ENDS = (r"\n.\n", r"\r.\r", r"\n.\r\n", r"\r\n.\n", r"\r.\r\n", r"\r\n.\r",
        r"\r\n.\r\r\n", r"\r\n\0.\r\n", r"\r\n.\0\r\n", r"\n\n.\r\n",
        r"\r\r\n.\r\n", r"\n.\r", r"\r.\n")


def test_smuggled_messages_are_not_accepted(t):
    relay = start(t)
    second = (r"MAIL FROM:<evil@client.test>\r\nRCPT TO:<victim@dest.test>"
              r"\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n")
    for end in ENDS:
        run(at(relay), HELLO + ENVELOPE +
            f"R Subject: first\\r\\n\\r\\nx{end}{second}\n" + """
            S 550 5.5.2 Content has a
            X
        """)
    assert queued(relay) == 0


# --- pipelining and cuts -----------------------------------------------------

TALK = (b"EHLO client.test\r\nMAIL FROM:<a@client.test>\r\n"
        b"RCPT TO:<b@dest.test>\r\nRCPT TO:<bad>\r\nDATA\r\n"
        b"Subject: 1\r\n\r\n..dot\r\nbody\r\n.\r\n"
        b"NOOP\r\nMAIL FROM:<a@client.test>\r\nRCPT TO:<bad>\r\nDATA\r\nRSET\r\n"
        b"MAIL FROM:<>\r\nRCPT TO:<b@dest.test>\r\nDATA\r\n.\r\n"
        b"WHAT\r\nQUIT\r\n")
CODES = ["220", "250", "250", "250", "501", "354", "250", "250", "250", "501",
         "503", "250", "250", "250", "354", "250", "500", "221"]


def talk(relay, pieces):
    with Dialog(at(relay)) as d:
        for piece in pieces:
            d.send(piece)
        got = [d.read_reply()[-1][:3] for _ in CODES]
        d.expect_end()
    assert got == CODES, (pieces, got)


def test_pipelining_in_all_cuts(t):
    """RFC 2920: whole, byte by byte and random cuts give the same replies."""
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    rng = random.Random(seed)
    relay = start(t)
    talk(relay, [TALK])
    talk(relay, [TALK[i:i + 1] for i in range(len(TALK))])
    for _ in range(30):
        cuts = sorted(rng.sample(range(1, len(TALK)), rng.randrange(1, 9)))
        talk(relay, [TALK[a:b] for a, b in zip([0, *cuts], [*cuts, None])])
    await_queued(relay, 64)


def test_a_client_that_does_not_read_is_no_burden(t):
    """Replies that nobody takes are bounded: the server stops to read."""
    relay = start(t)
    with Dialog(at(relay)) as d:
        d.sock.settimeout(2)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += d.sock.send(b"HELP\r\n" * 1000)
        except TimeoutError:
            pass
        assert sent < 64 << 20
        # Others are served all the while.
        run(at(relay), HELLO + BYE)


def test_output_that_waited_goes_out(t):
    """A client that reads late gets every reply, in order."""
    relay = start(t)
    n = 20000
    with Dialog(at(relay)) as d:
        d.sock.setblocking(False)
        left, got = b"NOOP\r\n" * n, b""
        want = b"220 relay.test ESMTP Holdfast\r\n" + b"250 2.0.0 Ok\r\n" * n
        while len(got) < len(want):
            # Reads only when it can no longer write: so both ways fill up.
            _, w, _ = select.select([], [d.sock] if left else [], [], 0)
            if w:
                left = left[d.sock.send(left):]
                continue
            r, _, _ = select.select([d.sock], [], [], 60)
            assert r, "the server fell silent"
            got += d.sock.recv(65536)
        assert got == want


# --- clients that vanish -----------------------------------------------------

def test_clients_that_vanish_leave_nothing(t):
    relay = start(t)
    pid = smtpd_pid(relay)
    run(at(relay), HELLO + BYE)
    before = open_files(pid)
    end = TALK.index(b"body\r\n.\r\n") + len(b"body\r\n.\r\n") - 1
    for cut in range(0, end, 5):
        with socket.create_connection(at(relay)) as s:
            s.sendall(TALK[:cut])
            if cut % 2:  # reset, not closed
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
            else:  # the server hangs up as well
                s.settimeout(60)
                s.shutdown(socket.SHUT_WR)
                while s.recv(65536):
                    pass
    await_true("all sessions are over", lambda: open_files(pid) <= before)
    assert queued(relay) == 0
    assert smtpd_pid(relay) == pid


def test_a_client_that_only_closes_its_half_gets_its_replies(t):
    relay = start(t)
    with Dialog(at(relay)) as d:
        d.send(TALK)
        d.sock.shutdown(socket.SHUT_WR)
        assert [d.read_reply()[-1][:3] for _ in CODES] == CODES
        d.expect_end()


# --- who may send where ------------------------------------------------------

def test_relaying(t):
    port = t.port()
    relay = start(t, conf=f'''
        listener "mx" {{
            address = {{ "{t.ip}:{port}" }}
            relay_to = {{ "example.org", "*.example.net" }}
        }}''')
    run((t.ip, port), HELLO + r"""
        C MAIL FROM:<a@client.test>
        S 250
        C RCPT TO:<b@example.org>
        S 250
        C RCPT TO:<b@EXAMPLE.ORG>
        S 250
        C RCPT TO:<b@sub.example.net>
        S 250
        C RCPT TO:<b@sub.example.org>
        S 554 5.7.1 Relay access denied (relay_from, relay_to)
        C RCPT TO:<b@dest.test>
        S 554 5.7.1
        C RCPT TO:<b%dest.test@other.test>
        S 554 5.7.1
        C RCPT TO:<@example.org:b@dest.test>
        S 554 5.7.1
        C RCPT TO:<postmaster>
        S 250
        C RCPT TO:<Postmaster@relay.test>
        S 250
        C RCPT TO:<postmaster@dest.test>
        S 554 5.7.1
        C DATA
        S 354
        C .
        S 250 2.0.0
    """ + BYE)
    run(at(relay), HELLO + ENVELOPE + "C .\nS 250 2.0.0\n" + BYE)


# --- notices that a sender asks for ------------------------------------------

NOTIFY_DELAY_FLAG = 32


def rcpts(record):
    """[(notify, address, orcpt)] of a record."""
    found = []
    for kind, value in record.fields:
        if kind == spool.RCPT:
            _, notify, _, n = struct.unpack("<HBBH", value[:6])
            found.append((notify, value[6:6 + n], value[6 + n:]))
    return found


def test_what_a_sender_wants_to_be_told_is_kept_as_he_wrote_it(t):
    relay = start(t)
    reply = run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test> SIZE=10 RET=HDRS ENVID=QQ+2B314
        S 250
        C RCPT TO:<b@dest.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B+2Bx@D.test
        S 250
        C RCPT TO:<c@dest.test> NOTIFY=never
        S 250
        C RCPT TO:<d@dest.test>
        S 250
        C DATA
        S 354
        C .
        S 250 2.0.0
    """)
    _, record = stored(relay, reply)
    assert (spool.ENVID, b"QQ+2B314") in record.fields
    assert (spool.RET, b"\2") in record.fields
    assert rcpts(record) == [
        (2 | 8, b"b@dest.test", b"rfc822;B+2Bx@D.test"),
        (1, b"c@dest.test", b""), (0, b"d@dest.test", b"")], rcpts(record)
    assert record.flags & NOTIFY_DELAY_FLAG
    out = relay.command("cat", "--envelope", reply.split()[-1]).stdout
    assert ("recipient: b@dest.test notify=SUCCESS,DELAY "
            "orcpt=rfc822;B+2Bx@D.test\n"
            "recipient: c@dest.test notify=NEVER\n"
            "recipient: d@dest.test\n") in out, out
    assert "envid: QQ+2B314\nret: HDRS\n" in out, out
    reply = run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test> RET=FULL
        S 250
        C RCPT TO:<b@dest.test> NOTIFY=FAILURE
        S 250
        C DATA
        S 354
        C .
        S 250 2.0.0
    """)
    _, record = stored(relay, reply)
    assert (spool.RET, b"\1") in record.fields
    assert spool.ENVID not in [kind for kind, _ in record.fields]
    assert not record.flags & NOTIFY_DELAY_FLAG


def test_an_original_recipient_may_be_utf8_where_the_transaction_is(t):
    relay = start(t)
    reply = run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test>
        S 250
        C RCPT TO:<b@dest.test> ORCPT=utf-8;\xc3\xb6@dest.test
        S 501 5.5.4 ORCPT
        C RSET
        S 250
        C MAIL FROM:<a@client.test> SMTPUTF8
        S 250
        C RCPT TO:<b@dest.test> ORCPT=utf-8;\xc3\xb6@dest.test
        S 250
        C DATA
        S 354
        C .
        S 250 2.0.0
    """)
    _, record = stored(relay, reply)
    assert rcpts(record)[0][2] == b"utf-8;\xc3\xb6@dest.test"


def test_notice_parameters_that_are_wrong_are_named(t):
    relay = start(t, "max_errors = 100")
    with Dialog(at(relay)) as d:
        d.expect("220")
        d.ask("EHLO c.test", "250")
        for text, name in (
                ("RET=ALL", "RET"), ("RET", "RET"), ("RET=FULL RET=HDRS", "RET"),
                ("ENVID=", "ENVID"), ("ENVID=a=b", "ENVID"),
                ("ENVID=a+2b", "ENVID"), ("ENVID=+", "ENVID"),
                ("ENVID=+0D+0AX", "ENVID"), ("ENVID=" + "x" * 101, "ENVID"),
                ("ENVID=a ENVID=b", "ENVID")):
            d.ask("MAIL FROM:<a@c.test> " + text, "501 5.5.4 " + name)
        d.ask("MAIL FROM:<a@c.test> ENVID=" + "x" * 100, "250")
        for text, name in (
                ("NOTIFY=", "NOTIFY"), ("NOTIFY=NEVER,FAILURE", "NOTIFY"),
                ("NOTIFY=SUCCESS,SUCCESS", "NOTIFY"), ("NOTIFY=ON", "NOTIFY"),
                ("NOTIFY=DELAY NOTIFY=DELAY", "NOTIFY"),
                ("ORCPT=b@dest.test", "ORCPT"), ("ORCPT=rfc822;", "ORCPT"),
                ("ORCPT=rfc822;b+0A", "ORCPT"), ("ORCPT=rfc822;b=c", "ORCPT"),
                ("ORCPT=rfc822;" + "x" * 494, "ORCPT")):
            d.ask("RCPT TO:<b@dest.test> " + text, "501 5.5.4 " + name)
        # None of them was taken; a good one of full length is.
        d.ask("DATA", "503 5.5.1")
        d.ask("RCPT TO:<b@dest.test> NOTIFY=SUCCESS,FAILURE,DELAY "
              "ORCPT=rfc822;" + "x" * 493, "250")
        d.ask("RCPT TO:<b@dest.test> RET=FULL", "555 5.5.4")
        d.ask("QUIT", "221")


def test_notice_parameters_need_ehlo(t):
    relay = start(t)
    run(at(relay), r"""
        S 220
        C MAIL FROM:<a@client.test> RET=FULL
        S 503 5.5.1
        C HELO client.test
        S 250
        C MAIL FROM:<a@client.test> ENVID=1
        S 555 5.5.4
        C MAIL FROM:<a@client.test>
        S 250
        C RCPT TO:<b@dest.test> NOTIFY=NEVER
        S 555 5.5.4
        C RCPT TO:<b@dest.test>
        S 250
    """ + BYE)


def test_a_size_that_is_too_big_is_told_whatever_else_is_asked(t):
    relay = start(t, 'max_message_size = "1K"')
    run(at(relay), HELLO + r"""
        C MAIL FROM:<a@client.test> RET=FULL SIZE=1025 ENVID=a
        S 552 5.3.4
        C MAIL FROM:<a@client.test> SIZE=1025 RET=NO
        S 501 5.5.4 RET
        C MAIL FROM:<a@client.test> ENVID=a SIZE=1024 RET=FULL
        S 250
    """ + BYE)


# --- the sockets of this machine ---------------------------------------------

def of_run(relay, name):
    return os.path.join(relay.state, "run", name)


def test_run_submit_needs_no_configuration_and_names_the_user(t):
    relay = start(t)
    reply = run(of_run(relay, "submit"),
                HELLO + ENVELOPE + "C .\nS 250 2.0.0\n")
    record = spool.find(relay, reply.split()[-1])
    uid, name = os.getuid(), pwd.getpwuid(os.getuid()).pw_name
    assert record.content.startswith(
        b"Received: by relay.test (Holdfast, from userid %d)\r\n"
        b"\tid %s\r\n\tfor <b@dest.test>;\r\n\t"
        % (uid, reply.split()[-1].encode())), record.content
    assert (spool.CLIENT, b"uid %d" % uid) in record.fields, record.fields
    assert (spool.AUTH, name.encode()) in record.fields, record.fields
    await_queued(relay, 1)


def test_section_submit_holds_for_run_submit_alone(t):
    relay = start(t, 'max_recipients = 3', conf=(
        'submit { tenant_header = "X-Tenant" max_message_size = "1K" '
        'max_recipients = 2 max_sessions_per_user = 2 socket_mode = "0660" }'))
    path = of_run(relay, "submit")
    assert os.stat(path).st_mode & 0o777 == 0o660
    reply = run(path, HELLO + r"""
        C MAIL FROM:<a@client.test> SIZE=1025
        S 552 5.3.4 Message is too big (max_message_size = 1024)
        C MAIL FROM:<a@client.test> SIZE=1024
        S 250
        C RCPT TO:<b@dest.test>
        S 250
        C RCPT TO:<c@dest.test>
        S 250
        C RCPT TO:<d@dest.test>
        S 452 4.5.3 Too many recipients (max_recipients = 2)
        C DATA
        S 354
        C X-Tenant: acme
        C
        C .
        S 250 2.0.0
    """)
    record = spool.find(relay, reply.split()[-1])
    assert (spool.TENANT, b"acme") in record.fields
    with Dialog(path) as one, Dialog(path) as two:
        one.expect("220")
        two.expect("220")
        run(path, "S 421 4.7.0 Too many sessions (max_sessions_per_user = 2)"
                  "\nX")
        run(at(relay), "S 220\n" + BYE)
    # A reload sets the mode of a socket that stays.
    relay.write_conf(relay.text.replace("0660", "0600"))
    relay.command("reload")
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_run_notice_takes_notices_alone(t):
    relay = start(t, "max_recipients = 1")
    reply = run(of_run(relay, "notice"), HELLO + r"""
        C MAIL FROM:<a@client.test>
        S 550 5.7.1
        C MAIL FROM:<> SIZE=30000000
        S 250
        C RCPT TO:<b@elsewhere.test>
        S 250
        C DATA
        S 354
        C .
        S 250 2.0.0
    """)
    qid = reply.split()[-1].encode()
    record = spool.find(relay, qid.decode())
    assert record.content.startswith(
        b"Received: from relay.test (notice, MAILER-DAEMON)\r\n"
        b"\tby relay.test (Holdfast) with ESMTP id " + qid +
        b"\r\n\tfor <b@elsewhere.test>;\r\n\t"), record.content
    assert (spool.CLIENT, b"notice") in record.fields
    # Others may not open it.
    assert os.stat(of_run(relay, "notice")).st_mode & 0o777 == 0o600


# --- tags --------------------------------------------------------------------

TAGS = 'tenant_header = "X-Tenant" campaign_header = "X-Campaign"'


def test_tenant_and_campaign_are_read_and_removed(t):
    relay = start(t, TAGS)
    reply = run(at(relay), HELLO + ENVELOPE + r"""
        C Subject: x
        C x-tenant: acme
        C X-Campaign:
        C \t spring sale@2026
        C To: b@dest.test
        C
        C X-Tenant: of the body
        C .
        S 250 2.0.0
    """)
    content, record = stored(relay, reply)
    assert content == (b"Subject: x\r\nTo: b@dest.test\r\n\r\n"
                       b"X-Tenant: of the body\r\n")
    assert (spool.TENANT, b"acme") in record.fields
    assert (spool.CAMPAIGN, b"spring_sale_2026") in record.fields
    assert "tenant=acme campaign=spring_sale_2026" in relay.log_text()


def begin_data(relay, rcpt="b@dest.test"):
    d = Dialog(at(relay))
    d.expect("220")
    d.ask("EHLO client.test", "250")
    d.ask("MAIL FROM:<a@client.test>", "250")
    d.ask(f"RCPT TO:<{rcpt}>", "250")
    d.ask("DATA", "354")
    return d


def test_a_tag_of_many_buffers(t):
    """The cut spans buffers, and begins and ends around where they do."""
    relay = start(t, TAGS + ' max_header_size = "1M"')
    small = 8192 - 16
    for pad in (0, small - 20, small - 10, small - 1, small, small + 1, 64000):
        filler = b"X:" + b"y" * (pad - 4) + b"\r\n" if pad else b""
        with begin_data(relay) as d:
            d.send(filler + b"X-Tenant: t" + b"\r\n z" * 30000 +
                   b"\r\nSubject: x\r\n\r\nbody\r\n.\r\n")
            content, _ = stored(relay, d.expect("250 2.0.0"))
        assert content == filler + b"Subject: x\r\n\r\nbody\r\n", pad


def without_tags(header):
    """The header less its tenant and campaign fields: an oracle by lines."""
    kept, cut = [], False
    for line in header.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            cut = line.lower().startswith((b"x-tenant:", b"x-campaign:"))
        if not cut:
            kept.append(line)
    return b"".join(kept)


def random_header(rng):
    names = (b"Subject", b"X-Tenant", b"x-CAMPAIGN", b"X-Tenants", b"X",
             b"X-Tenan", b"To", b"Received-By")
    out, tags = b"", 0
    for _ in range(rng.randrange(30)):
        name = rng.choice(names)
        tags += name.lower() in (b"x-tenant", b"x-campaign")
        if tags > 16:  # more are refused
            break
        out += name + b":"
        for _ in range(rng.choice((1, 1, 1, 3, 200))):
            out += b" " + rng.randbytes(rng.randrange(40)).hex().encode() + \
                b"\r\n"
    return out


def test_random_headers_lose_their_tags_alone(t):
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    rng = random.Random(seed)
    relay = start(t, TAGS)
    for _ in range(40):
        header = random_header(rng)
        body = b"\r\nX-Tenant: no field\r\n" * rng.randrange(3)
        data = header + body
        cuts = sorted(rng.randrange(len(data) + 1) for _ in range(5))
        with begin_data(relay) as d:
            for a, b in zip([0, *cuts], [*cuts, len(data)]):
                d.send(data[a:b])
            d.send(b".\r\n")
            content, _ = stored(relay, d.expect("250 2.0.0"))
        assert content == without_tags(header) + body, data


def test_the_record_is_what_the_client_said(t):
    relay = start(t)
    reply = run(at(relay), HELLO + r"""
        C MAIL FROM:<\xc3\xa4@client.test> BODY=8BITMIME SMTPUTF8
        S 250
        C RCPT TO:<b2@zdest.test>
        S 250
        C RCPT TO:<b1@DEST.test>
        S 250
        C RCPT TO:<postmaster>
        S 250
        C DATA
        S 354
        C \x20folded
        C ..dot
        C .
        S 250 2.0.0
    """)
    content, record = stored(relay, reply)
    # The blank line keeps the first line from being a part of our field.
    assert content == b"\r\n folded\r\n.dot\r\n"
    assert record.flags == spool.EIGHTBIT | spool.SMTPUTF8
    f = record.fields
    assert [v for k, v in f if k == spool.PART] == [
        b"\0\0\1\0dest.test", b"\1\0\1\0relay.test", b"\2\0\1\0zdest.test"]
    assert [v[6:] for k, v in f if k == spool.RCPT] == [
        b"b1@DEST.test", b"postmaster@relay.test", b"b2@zdest.test"]
    assert (spool.SENDER, "ä@client.test".encode()) in f
    assert (spool.HELO, b"client.test") in f
    assert (spool.PROTOCOL, b"UTF8SMTP") in f


# --- parts -------------------------------------------------------------------

def test_parts_have_one_domain_and_at_most_256_recipients(t):
    relay = start(t)
    for rcpts, parts in (
            ([f"b{i}@dest.test" for i in range(256)], 1),
            ([f"b{i}@dest.test" for i in range(257)], 2),
            ([f"b{i}@d{i % 3}.test" for i in range(300)], 3),
            ([f"b{i}@{'dest.test' if i % 2 else 'DEST.Test'}"
              for i in range(10)], 1)):
        qid = relay.submit(to=rcpts)
        assert f"rcpts={len(rcpts)} parts={parts} " in next(
            line for line in relay.log_text().splitlines()
            if "message_accepted" in line and qid in line)
    await_queued(relay, 4)


# --- files of their own ------------------------------------------------------

def big(n, size):
    return (b"Subject: %d\r\n\r\n" % n +
            b"".join(b"%d line %d of a big message\r\n" % (n, i)
                     for i in range(size // 32)))


def test_more_content_than_buffers(t):
    """With 16 buffers, 30 messages of 500 KiB come in at once."""
    relay = start(t, conf='memory { receive_memory = "1M" }')
    contents = [big(n, 500000) for n in range(30)]
    dialogs = [begin_data(relay) for _ in contents]
    step = 30000
    for at_ in range(0, max(map(len, contents)), step):
        for d, c in zip(dialogs, contents):
            d.send(c[at_:at_ + step])
    for d in dialogs:
        d.send(b".\r\n")
    replies = [d.expect("250 2.0.0") for d in dialogs]
    own = 0
    for reply, want, d in zip(replies, contents, dialogs):
        content, record = stored(relay, reply)
        assert content == want
        own += record.flags & spool.OWN
        d.close()
    assert 0 < own


def test_an_own_file_that_was_given_up_is_used_again(t):
    """S5: smtpd removes no file; the client was never told."""
    relay = start(t, conf='spool { segment_message_max = "64K" }')
    incoming = os.path.join(relay.state, "spool", "incoming")
    content = big(0, 1 << 20)
    with begin_data(relay) as d:
        d.send(content)
    pid = smtpd_pid(relay)
    # One file for the lost message, two shared segments.
    await_true("its file is empty", lambda: len(os.listdir(incoming)) == 3 and
               sum(os.stat(os.path.join(incoming, f)).st_size <= 4096
                   for f in os.listdir(incoming)) >= 1)
    with begin_data(relay) as d:
        d.send(content + b".\r\n")
        d.expect("250 2.0.0")
    spool = os.path.join(relay.state, "spool")
    assert sum(len(os.listdir(os.path.join(spool, d)))
               for d in ("incoming", "deferred")) == 3
    await_queued(relay, 1)
    assert smtpd_pid(relay) == pid


# --- disks that fail ---------------------------------------------------------

def start_with_fault(t, fault, conf=""):
    """Faults count from the start: two files are opened, then the rest."""
    relay = t.relay(relay_to=DOWN, conf=conf)
    relay.start(env={"HOLDFAST_FAULT_smtpd": fault})
    if "linkat" not in fault:
        await_true("both segments are open", lambda: len(os.listdir(
            os.path.join(relay.state, "spool", "incoming"))) == 2)
    return relay


def refuse_one(t, fault, reply):
    relay = start_with_fault(t, fault)
    run(at(relay), HELLO + ENVELOPE + f"""
        C .
        S {reply}
    """ + ENVELOPE + """
        C .
        S 250 2.0.0
    """ + BYE)
    await_queued(relay, 1)
    assert "event=segment_failed" in relay.log_text()
    return relay


def test_a_failed_sync_is_never_acknowledged(t):
    """S2: 451; its file is left alone, the next message has another."""
    relay = refuse_one(t, "fdatasync:1:EIO", "451 4.3.0")
    relay.kill_all()
    relay.start()
    await_queued(relay, 1)


def test_a_failed_write_is_never_acknowledged(t):
    refuse_one(t, "pwritev:3:EIO", "451 4.3.0")


def test_a_full_disk_is_not_the_clients_fault(t):
    refuse_one(t, "pwritev:3:ENOSPC", "452 4.3.1")


def test_a_short_write_goes_on(t):
    relay = start_with_fault(t, "pwritev:3:short")
    run(at(relay), HELLO + ENVELOPE + "C .\nS 250 2.0.0\n" + BYE)
    await_queued(relay, 1)


def test_a_disk_that_takes_no_file(t):
    """No segment can be made: MAIL is refused, and taken once it can."""
    relay = start_with_fault(t, "linkat:1:ENOSPC,linkat:2:ENOSPC")

    def taken():
        with Dialog(at(relay)) as d:
            d.expect("220")
            d.ask("EHLO c.test", "250")
            d.send(b"MAIL FROM:<a@client.test>\r\n")
            reply = d.read_reply()[-1]
            assert reply.startswith(("250", "452 4.3.1")), reply
            return reply.startswith("250")
    await_true("mail is taken", taken)
    run(at(relay), HELLO + ENVELOPE + "C .\nS 250 2.0.0\n" + BYE)


def test_an_own_file_that_fails(t):
    relay = start_with_fault(t, "pwritev:4+:EIO",
                             'spool { segment_message_max = "64K" }')
    with begin_data(relay) as d:
        d.send(big(0, 1 << 20) + b".\r\n")
        assert d.read_reply()[-1][:3] in ("451", "452")
        d.ask("NOOP", "250")
    assert queued(relay) == 0


def test_without_a_queue_manager_only_blind_max_is_taken(t):
    relay = start(t, conf='spool { blind_max = "1K" }')
    qmgr = next(p for n, p in relay.pids().items() if n.startswith("qmgr"))
    kill(qmgr, signal.SIGSTOP)
    one = HELLO + ENVELOPE + "C " + "x" * 900 + "\nC .\nS 250 2.0.0\n" + BYE

    def refused():
        with Dialog(at(relay)) as d:
            return d.read_reply()[-1].startswith(
                "421 4.3.1 Not accepting mail: blind_max")

    def try_one():
        if refused():
            return True
        run(at(relay), one)
        return False
    try:
        await_true("mail is refused", try_one)
        run(of_run(relay, "submit"), "S 421 4.3.1\nX")
        # Our own notices make room: nothing stands against them.
        run(of_run(relay, "notice"), HELLO + ENVELOPE.replace(
            "a@client.test", "") + "C .\nS 250 2.0.0\n" + BYE)
    finally:
        kill(qmgr, signal.SIGCONT)
    await_true("mail is taken", lambda: not refused())


# --- reload and stop ---------------------------------------------------------

def test_a_reload_is_for_new_sessions(t):
    relay = start(t, 'max_message_size = "1K"')
    with Dialog(at(relay)) as old:
        old.expect("220")
        relay.write_conf(relay.text.replace('"1K"', '"2K"'))
        relay.command("reload")
        run(at(relay), """
            S 220
            C EHLO c.test
            S 250
            L 250-SIZE 2048
        """ + BYE)
        old.ask("EHLO c.test", "250")
        assert "250-SIZE 1024" in old.reply


def test_a_stop_finishes_what_is_in_hand(t):
    relay = start(t)
    idle = Dialog(at(relay))
    idle.expect("220")
    busy = begin_data(relay)
    busy.send(b"Subject: x\r\n\r\n")
    relay.process.send_signal(signal.SIGTERM)
    idle.expect("421 4.3.2")
    idle.expect_end()
    busy.send(b"the rest\r\n.\r\n")
    busy.expect("250 2.0.0")
    busy.expect("421 4.3.2")
    busy.expect_end()
    assert relay.process.wait(timeout=60) == 0
    relay.start()
    assert queued(relay) == 1


# --- memory ------------------------------------------------------------------

def anonymous_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return next(int(line.split()[1]) for line in f
                    if line.startswith("Anonymous:"))


def test_an_idle_session_takes_at_most_16_kib(t):
    n = 400
    relay = start(t)
    pid = smtpd_pid(relay)
    run(at(relay), HELLO + ENVELOPE + "C .\nS 250\n" + BYE)
    before = anonymous_kib(pid)
    sessions = []
    for _ in range(n):
        d = Dialog(at(relay))
        d.expect("220")
        d.ask("EHLO c.test", "250")
        d.ask("MAIL FROM:<a@client.test>", "250")
        d.ask("RSET", "250")
        sessions.append(d)
    grown = anonymous_kib(pid) - before
    assert grown <= 16 * n, f"{grown} KiB for {n} sessions"
    for d in sessions:
        d.close()


def test_a_killed_smtpd_loses_nothing_it_said_yes_to(t):
    relay = start(t)
    for n in range(20):
        relay.submit()
    kill(smtpd_pid(relay), 9)
    await_true("it is back", lambda: relay.status()["ready"])
    await_queued(relay, 20)
