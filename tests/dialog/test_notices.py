# SPDX-License-Identifier: BSD-2-Clause
"""What senders are told: by a delivery worker, to a server that the test
plays, read by a parser that is not ours."""
import email
import email.policy
import json
import os
import socket
import threading

from relay import Peer
from worker import Worker

NEVER, SUCCESS, FAILURE, DELAY = 1, 2, 4, 8
FULL, HEADERS = 1, 2
FINAL_NOTICE, DELAY_NOTICE = 1, 2
OPEN, DELIVERED, OWED, TOLD = range(4)
UTF8 = 8  # flag of a record
QID = "01HF0000000000000000000000"
TAKEN = f"250 2.0.0 Ok: queued as {QID}"
OUR_SMTPD = "250-node\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n" \
    "250-DSN\r\n250 SIZE"
ARRIVAL_MS = 880106106000
ARRIVAL = "Fri, 21 Nov 1997 09:55:06 +0000"
MESSAGE = b"Message-ID: <1@client.test>\r\nSubject: x\r\n\r\nhello\r\n"


def pack(*standings):
    """Standings as in a lease."""
    out = bytearray((len(standings) + 3) // 4)
    for i, s in enumerate(standings):
        out[i // 4] |= s << i % 4 * 2
    return bytes(out)


def said(verdict="bounced", code=550, reply="550 5.1.1 no such user", n=1,
         **more):
    """Facts of an attempt at n recipients."""
    status = reply.split(" ")[1] if code else ""
    return json.dumps({
        "site": "default->mx", "host": "mx.dest.test",
        "address": "192.0.2.1:25", "stage": "RCPT", "outcome": "tried",
        "reply": reply, "rcpts": [
            {"rcpt": "", "n": i, "verdict": verdict, "code": code,
             "enhanced": status} for i in range(n)], **more})


class Notices:
    """A worker with a connection to a server for notices."""

    def __init__(self, t, replies=None, conf=""):
        self.replies = {"EHLO": OUR_SMTPD, "DOT": TAKEN, **(replies or {})}
        self.peer = t.peer(lambda s: s.serve(self.replies))
        self.worker = Worker(t, conf)
        self.worker.open_up(self.peer.address, transport="notice")

    def lease(self, n=1, kind=FINAL_NOTICE, facts=None, reason="",
              standing=None, facts_ms=0, **record):
        record = {"content": MESSAGE, "arrival": ARRIVAL_MS, **record}
        rcpts = len(record.get("rcpts", "b"))
        want = OWED if kind == FINAL_NOTICE else OPEN
        return self.worker.lease(
            n, self.worker.segment.add(n, **record), notice=kind,
            facts=said(n=rcpts) if facts is None else facts,
            facts_ms=facts_ms, reason=reason,
            standing=standing or pack(*[want] * rcpts))

    def told(self, **lease):
        """The notice that comes of a lease."""
        lease = self.lease(**lease)
        r = self.worker.qmgr.expect_result("told", lease=lease)
        assert r["rcpts"] == b"", r
        return Notice(*self.peer.messages[-1])

    def nothing(self, **lease):
        """That nobody is told because of a lease."""
        before = len(self.peer.messages)
        lease = self.lease(**lease)
        r = self.worker.qmgr.expect_result("told", lease=lease)
        assert len(self.peer.messages) == before
        assert "qid" not in json.loads(r["facts"]), r


class Notice:
    """A notice as it arrived, read by Python's parser."""

    def __init__(self, mail, rcpts, content):
        self.mail, self.rcpts, self.content = mail, rcpts, content
        for line in content.split(b"\r\n"):
            assert len(line) <= 998 and b"\n" not in line, line[:80]
        self.message = email.message_from_bytes(
            content, policy=email.policy.default)
        assert not self.message.defects, self.message.defects
        assert self.message.get_content_type() == "multipart/report"
        assert self.message.get_param("report-type") == "delivery-status"
        self.text, self.status, self.original = self.message.get_payload()
        for part in (self.text, self.status, self.original):
            assert not part.defects, (part.get_content_type(), part.defects)
        self.type = self.original.get_content_type()

    def body(self):
        return self.text.get_payload(decode=True).decode("utf-8")

    def groups(self):
        """Fields of the message, and of each recipient."""
        return [dict(b.items()) for b in self.status.get_payload()]


# --- fields -------------------------------------------------------------------

def test_a_refused_recipient_is_told_with_all_that_is_known(t):
    n = Notices(t)
    got = n.told(envid="QQ+2B1", orcpt="rfc822;B+2Bx@dest.test",
                 facts_ms=ARRIVAL_MS + 60000)
    assert got.mail.startswith("MAIL FROM:<> SIZE="), got.mail
    assert "BODY" not in got.mail and "SMTPUTF8" not in got.mail, got.mail
    assert n.peer.rcpt_lines == ["RCPT TO:<a@client.test> NOTIFY=NEVER"], \
        n.peer.rcpt_lines
    m = got.message
    assert m["From"] == "Mail relay <MAILER-DAEMON@node.test>", m["From"]
    assert m["To"] == "a@client.test", m["To"]
    assert m["Subject"] == "Undelivered mail returned to sender"
    assert m["Auto-Submitted"] == "auto-replied"
    assert m["In-Reply-To"] == m["References"] == "<1@client.test>"
    assert m["Message-ID"].endswith("@node.test>") and m["Date"].datetime
    about, rcpt = got.groups()
    assert about["Reporting-MTA"] == "dns; node.test"
    assert about["Original-Envelope-Id"] == "QQ+1"
    assert about["Arrival-Date"] == ARRIVAL
    assert rcpt == {
        "Original-Recipient": "rfc822;B+x@dest.test",
        "Final-Recipient": "rfc822;b@dest.test",
        "Action": "failed", "Status": "5.1.1",
        "Remote-MTA": "dns; mx.dest.test",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Fri, 21 Nov 1997 09:56:06 +0000"}, rcpt
    assert "<b@dest.test>" in got.body()
    assert "mx.dest.test (192.0.2.1:25) said: 550 5.1.1 no such user" in \
        got.body()
    assert got.type == "message/rfc822"
    assert got.original.get_payload(0)["Subject"] == "x"
    assert got.original.get_payload(0).get_payload() == "hello\r\n"


def test_the_result_says_who_was_told_and_by_what(t):
    n = Notices(t)
    lease = n.lease()
    r = n.worker.qmgr.expect_result("told", lease=lease, code=250)
    f = json.loads(r["facts"])
    assert f["outcome"] == "told" and f["notice"] == "final", f
    assert (f["to"], f["qid"]) == ("a@client.test", QID), f
    assert f["transport"] == "notice" and f["reply"] == TAKEN, f
    assert n.worker.phase(lease) == "answered"
    assert "took_ms" in f and "event=notice_sent" in n.worker.log()
    lease = n.lease(2, kind=DELAY_NOTICE, notify=DELAY)
    r = n.worker.qmgr.expect_result("told", lease=lease)
    assert json.loads(r["facts"])["notice"] == "delay"


def test_what_expired_was_too_late_and_says_what_was_last_said(t):
    n = Notices(t)
    got = n.told(facts=said("deferred", 451, "451 4.3.0 not now"),
                 reason="it could not be delivered in time")
    rcpt = got.groups()[1]
    assert (rcpt["Action"], rcpt["Status"]) == ("failed", "5.4.7"), rcpt
    assert rcpt["Diagnostic-Code"] == "smtp; 451 4.3.0 not now", rcpt
    assert "it could not be delivered in time" in got.body()


def test_a_delay_says_until_when_it_is_tried(t):
    n = Notices(t)
    got = n.told(kind=DELAY_NOTICE, notify=DELAY | FAILURE, ret=FULL,
                 facts=said("deferred", 451, "451 4.3.0 not now"),
                 reason="deferred")
    rcpt = got.groups()[1]
    assert (rcpt["Action"], rcpt["Status"]) == ("delayed", "4.3.0"), rcpt
    # Five days.
    assert rcpt["Will-Retry-Until"] == "Wed, 26 Nov 1997 09:55:06 +0000", rcpt
    assert "need not send it again" in got.body()
    assert got.type == "text/rfc822-headers", got.type
    assert "hello" not in got.content.decode()


def test_relayed_and_failed_share_one_notice(t):
    n = Notices(t)
    facts = json.loads(said("bounced"))
    facts["rcpts"].append({"rcpt": "c@dest.test", "n": 1, "code": 250,
                           "verdict": "delivered", "enhanced": "2.1.5",
                           "reply": "250 2.1.5 ok"})
    got = n.told(rcpts=("b@dest.test", "c@dest.test", "d@dest.test"),
                 notify=[FAILURE, SUCCESS | FAILURE, FAILURE],
                 standing=pack(OWED, OWED, OPEN), facts=json.dumps(facts))
    actions = [(g["Final-Recipient"], g["Action"], g["Status"])
               for g in got.groups()[1:]]
    assert actions == [("rfc822;b@dest.test", "failed", "5.1.1"),
                       ("rfc822;c@dest.test", "relayed", "2.1.5")], actions
    assert "handed on for:" in got.body()


def test_lmtp_delivers_for_good(t):
    n = Notices(t)
    got = n.told(notify=SUCCESS, ret=FULL, facts=said(
        "delivered", 250, "250 2.1.5 saved", transport="lmtp"))
    assert got.groups()[1]["Action"] == "delivered"
    assert got.message["Subject"] == "Successful mail delivery report"
    assert got.type == "text/rfc822-headers", got.type


# --- who is told --------------------------------------------------------------

def test_only_those_that_are_owed_and_want_it_are_named(t):
    n = Notices(t)
    rcpts = [f"r{i}@dest.test" for i in range(6)]
    got = n.told(rcpts=rcpts, notify=[0, FAILURE, NEVER, SUCCESS, 0, DELAY],
                 standing=pack(OWED, OWED, OWED, OWED, TOLD, OWED),
                 facts=said(n=6))
    named = [g["Final-Recipient"] for g in got.groups()[1:]]
    assert named == ["rfc822;r0@dest.test", "rfc822;r1@dest.test"], named


def test_a_delay_is_told_of_the_open_ones_that_want_it(t):
    n = Notices(t)
    got = n.told(kind=DELAY_NOTICE, rcpts=[f"r{i}@d.test" for i in range(4)],
                 notify=[0, DELAY, DELAY, NEVER],
                 standing=pack(OPEN, OPEN, DELIVERED, OPEN), facts="")
    named = [g["Final-Recipient"] for g in got.groups()[1:]]
    assert named == ["rfc822;r1@d.test"], named


def test_where_nobody_wants_to_hear_it_is_told_at_once(t):
    n = Notices(t)
    n.nothing(n=1, notify=NEVER)
    n.nothing(n=2, notify=SUCCESS)
    n.nothing(n=3, kind=DELAY_NOTICE)
    n.nothing(n=4, standing=pack(TOLD))
    n.nothing(n=5, sender="")
    n.nothing(n=6, notify=FAILURE, facts=said("delivered", 250, "250 2.0.0 x"))
    assert n.peer.rcpt_lines == []


# --- what is returned ---------------------------------------------------------

def test_ret_and_size_decide_how_much_is_returned(t):
    n = Notices(t)
    long = MESSAGE + b"0123456789abcde\r\n" * 3900
    assert 65536 < len(long) < 67000
    fits = long[:65534] + b"\r\n"
    assert n.told(n=1, ret=HEADERS).type == "text/rfc822-headers"
    assert n.told(n=2, ret=FULL).type == "message/rfc822"
    assert n.told(n=3, content=fits).type == "message/rfc822"
    assert n.told(n=4, content=fits + b"x\r\n", ret=FULL).type == \
        "text/rfc822-headers"
    got = n.told(n=5, content=long)
    assert got.type == "text/rfc822-headers"
    assert got.original.get_payload().startswith("Message-ID: <1@client.test>")
    assert len(got.content) < 4000, len(got.content)


def test_a_large_notice_arrives_whole(t):
    n = Notices(t, conf='} notice { max_content = "16M"')
    content = MESSAGE + (b"." + b"z" * 70 + b"\r\n") * 20000
    got = n.told(content=content)
    assert got.type == "message/rfc822"
    assert content in got.content


def test_huge_header_sections_are_cut_and_none_is_none(t):
    n = Notices(t)
    header = b"".join(b"X-%d: %s\r\n" % (i, b"y" * 60) for i in range(3000))
    got = n.told(n=1, content=header + b"\r\nbody\r\n")
    assert got.type == "text/rfc822-headers"
    assert 60000 < len(got.content) < 70000, len(got.content)
    assert "body" not in got.original.get_payload()
    got = n.told(n=2, content=b"no field here\r\n", ret=HEADERS)
    assert got.original.get_payload().strip() == ""
    got = n.told(n=3, content=b"no field here\r\n")
    assert got.type == "message/rfc822"
    got = n.told(n=4, content=b"")
    assert got.type == "message/rfc822"
    assert "In-Reply-To" not in got.message
    got = n.told(n=5, content=b"Subject: " + b"x" * 2000 + b"\r\n\r\nbody\r\n")
    assert got.type == "text/rfc822-headers"


def test_8bit_is_marked_where_it_stands(t):
    n = Notices(t)
    got = n.told(n=1, content=b"Subject: x\r\n\r\n\xe9\r\n", notify=FAILURE)
    assert "BODY=8BITMIME" in got.mail, got.mail
    assert got.original["Content-Transfer-Encoding"] == "8bit"
    assert got.text["Content-Transfer-Encoding"] == "7bit"
    assert got.message["Content-Transfer-Encoding"] == "8bit"
    # A reply in another language is for people, not for programs.
    got = n.told(n=2, facts=said(reply="550 5.1.1 utilisateur inconnu: é 😀"))
    assert "BODY=8BITMIME" in got.mail, got.mail
    assert "é 😀" in got.body()
    assert got.groups()[1]["Diagnostic-Code"].endswith("inconnu: ? ?")
    assert got.status["Content-Transfer-Encoding"] == "7bit"


def test_utf8_mail_is_told_in_utf8(t):
    n = Notices(t)
    got = n.told(sender="чел@client.test", rcpts=("😀@dest.test",),
                 flags=UTF8, orcpt="utf-8;\\x{1F600}@dest.test",
                 content="Subject: é\r\n\r\nhello\r\n".encode())
    assert "SMTPUTF8" in got.mail, got.mail
    assert got.rcpts == ["чел@client.test"]
    assert got.status.get_content_type() == "message/global-delivery-status"
    assert got.type == "message/global"
    text = got.content.decode("utf-8")
    assert "Final-Recipient: utf-8;😀@dest.test\r\n" in text
    assert "Original-Recipient: utf-8;😀@dest.test\r\n" in text
    assert "To: <чел@client.test>\r\n" in text
    assert "<😀@dest.test>" in got.body()
    got = n.told(n=2, sender="чел@client.test", flags=UTF8, ret=HEADERS)
    assert got.type == "message/global-headers"


def test_a_server_without_smtputf8_is_not_given_such_a_notice(t):
    n = Notices(t, {"EHLO": "250-node\r\n250 8BITMIME"})
    lease = n.lease(sender="чел@client.test", flags=UTF8)
    r = n.worker.qmgr.expect_result("tried", lease=lease)
    assert "SMTPUTF8" in json.loads(r["facts"])["reply"]
    assert n.told(n=2).rcpts == ["a@client.test"]
    assert n.peer.rcpt_lines[-1] == "RCPT TO:<a@client.test>"


def test_what_the_server_would_find_too_large_is_left_out(t):
    n = Notices(t, {"EHLO": "250-node\r\n250 SIZE 4000"})
    got = n.told(n=1, content=MESSAGE + b"x" * 70 + b"\r\n")
    assert got.type == "message/rfc822"
    got = n.told(n=2, content=MESSAGE + (b"x" * 70 + b"\r\n") * 40)
    assert got.type == "text/rfc822-headers" and len(got.content) <= 4000
    assert "Subject: x" in got.original.get_payload()
    got = n.told(n=3, content=(b"X-Y: " + b"x" * 70 + b"\r\n") * 40)
    assert len(got.content) <= 4000 and "X-Y" not in got.content.decode()


# --- odd and evil -------------------------------------------------------------

def test_bad_facts_give_a_notice_without_details(t):
    n = Notices(t)
    for i, facts in enumerate((
            b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"rcpts":7}',
            b'{"reply":"\xff"}', b'{"rcpts":[{"n":99999,"verdict":"x"}]}',
            b"[" * 16000, b'{"host":"' + b"x" * 16000 + b'"}')):
        got = n.told(n=i + 1, facts=facts)
        rcpt = got.groups()[1]
        assert (rcpt["Action"], rcpt["Status"]) == ("failed", "5.0.0"), rcpt
        assert "Diagnostic-Code" not in rcpt, rcpt


def test_nothing_a_peer_says_breaks_out_of_its_line(t):
    n = Notices(t)
    evil = "550 5.1.1 no\r\n\r\n--x\r\nBcc: evil@x.test\r\n\u2028\u0085\0\x1b[2J"
    got = n.told(facts=said(reply=evil.replace("\0", ""), host="h\r\nBcc: x"),
                 reason="late\r\nBcc: evil@x.test",
                 envid="a+0D+0ABcc:", orcpt="rfc822;a+0D+0ABcc:",
                 content=b"Message-ID: <a@b>\r\n\tBcc:x\r\n\r\nhello\r\n")
    assert b"\nBcc" not in got.content
    assert "Bcc" not in got.message
    assert "In-Reply-To" not in got.message
    body = got.body()
    assert not any(c in body for c in "\u2028\u0085\x1b"), body
    assert len(got.groups()) == 2


def test_long_replies_are_folded(t):
    n = Notices(t)
    reply = "550 5.1.1 " + "word " * 90 + "x" * 400
    got = n.told(facts=said(reply=reply))
    code = got.groups()[1]["Diagnostic-Code"]
    assert code.startswith("smtp; 550 5.1.1 word word"), code
    assert max(map(len, got.content.split(b"\r\n"))) < 500


def test_250_recipients_stand_in_one_notice(t):
    n = Notices(t)
    rcpts = [f"user.number.{i}@dest.test" for i in range(250)]
    got = n.told(rcpts=rcpts, facts=said(n=150, omitted=100))
    named = [g["Final-Recipient"] for g in got.groups()[1:]]
    assert named == [f"rfc822;{r}" for r in rcpts]
    assert all(f"<{r}>" in got.body() for r in rcpts)
    assert len(got.content) < 131072, len(got.content)


def test_a_quoted_sender_is_told(t):
    n = Notices(t)
    sender = '"a, \\" <b>"@client.test'
    n.told(sender=sender)
    assert n.peer.rcpt_lines == [f"RCPT TO:<{sender}> NOTIFY=NEVER"]
    assert f"To: <{sender}>\r\n".encode() in n.peer.messages[0][2]


# --- how it is taken ----------------------------------------------------------

def test_a_refusal_is_a_try_and_says_what_was_said(t):
    n = Notices(t)
    for i, (verb, reply) in enumerate((
            ("MAIL", "451 4.3.0 disk full"), ("RCPT", "550 5.1.2 bad domain"),
            ("DATA", "451 4.3.0 not now"), ("DOT", "552 5.3.4 too much"))):
        n.replies = {"EHLO": OUR_SMTPD, "DOT": TAKEN, verb: reply}
        n.worker.open_up(n.peer.address, conn=i + 2, transport="notice")
        block = n.worker.segment.add(i + 1, content=MESSAGE)
        lease = n.worker.lease(i + 1, block, conn=i + 2, notice=FINAL_NOTICE,
                               facts=said(), standing=pack(OWED))
        r = n.worker.qmgr.expect_result("tried", lease=lease, is_doubtful=0,
                                        code=int(reply[:3]))
        f = json.loads(r["facts"])
        assert (f["reply"], f["notice"], f["to"]) == \
            (reply, "final", "a@client.test"), f
        assert "qid" not in f
    assert n.worker.log().count("event=notice_refused") == 4


def test_a_notice_lost_after_its_dot_is_doubtful(t):
    n = Notices(t, {"DOT": "drop"})
    lease = n.lease()
    r = n.worker.qmgr.expect_result("tried", lease=lease, is_doubtful=1)
    f = json.loads(r["facts"])
    assert f["doubtful"] and "possibly delivered" in f["reply"], f
    assert n.worker.phase(lease) == "dot sent"
    n.worker.qmgr.expect_down("lost")


def test_throttled_notices_are_not_counted(t):
    n = Notices(t, {"MAIL": "421 4.3.2 too many connections"})
    lease = n.lease()
    n.worker.qmgr.expect_result("throttled", lease=lease)
    n.worker.qmgr.expect_down("throttled")


def test_notices_and_their_next_follow_each_other(t):
    n = Notices(t)
    leases = [n.lease(n=i) for i in range(1, 9)]
    for lease in leases:
        n.worker.qmgr.expect_result("told", lease=lease)
    assert len(n.peer.messages) == 8 and n.peer.sessions == 1
    ids = {Notice(*m).message["Message-ID"] for m in n.peer.messages}
    assert len(ids) == 8


def test_a_damaged_record_is_not_told_of(t):
    n = Notices(t)
    lease = n.lease(bad_crc=True)
    n.worker.qmgr.expect_result("damaged", lease=lease)
    assert n.peer.messages == []


def test_notices_go_over_a_socket_of_the_file_system(t):
    path = t.path("notice")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)
    peer = t.peer(lambda s: s.serve({"EHLO": OUR_SMTPD, "DOT": TAKEN}))
    peer.server.close()
    ours = Peer.__new__(Peer)
    ours.__dict__.update(peer.__dict__)
    ours.server, ours.closing = server, False
    t.at_end(ours.end)
    threading.Thread(target=ours._accept, daemon=True).start()
    w = Worker(t)
    w.open_up(f"unix:{path}", transport="notice")
    lease = w.lease(1, w.segment.add(1, content=MESSAGE), notice=FINAL_NOTICE,
                    facts=said(), standing=pack(OWED))
    w.qmgr.expect_result("told", lease=lease)
    assert Notice(*ours.messages[0]).rcpts == ["a@client.test"]
    assert os.path.exists(path)
