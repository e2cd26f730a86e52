# SPDX-License-Identifier: BSD-2-Clause
"""What senders are told by a whole relay, whoever dies meanwhile."""
import email
import email.policy
import re
import signal

from relay import await_true, kill

BODY = b"Subject: %s\r\nMessage-ID: <%s@client.test>\r\n\r\nhello\r\n"


def scene(t, conf="", rcpt="550 5.1.1 no such user", **kw):
    """A relay in front of a host that takes notices, for which the domain
    client.test stands, and refuses all else."""
    replies = {"RCPT": lambda line: "250 2.1.5 ok" if "client.test" in line
               else rcpt}
    peer = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=peer.address, conf=conf, **kw).start()
    return peer, relay


def send(relay, name, to="bad@dest.test", sender="me@client.test", rcpt=(),
         mail=()):
    body = BODY % (name.encode(), name.encode())
    with relay.client() as c:
        c.ehlo()
        assert c.mail(sender, mail)[0] == 250
        code, text = c.rcpt(to, rcpt)
        assert code == 250, text
        code, text = c.data(body)
        assert code == 250, text
        return text.split()[-1].decode()


def notices(peer, name):
    """Those that came about the message of this name."""
    return [content for sender, _, content in list(peer.messages)
            if b"<%s@client.test>" % name.encode() in content]


def await_notice(peer, name):
    await_true(f"a notice of {name}", lambda: notices(peer, name))
    return email.message_from_bytes(notices(peer, name)[0],
                                    policy=email.policy.default)


def status(message):
    _, report, _ = message.iter_parts()
    return report.get_payload()[1]


def test_a_refused_recipient_is_told_once(t):
    peer, relay = scene(t)
    qid = send(relay, "one")
    m = await_notice(peer, "one")
    relay.await_empty()
    assert len(notices(peer, "one")) == 1
    one = status(m)
    assert one["Action"] == "failed" and one["Status"] == "5.1.1", one
    assert one["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user", one
    assert one["Last-Attempt-Date"], one
    assert m["In-Reply-To"] == "<one@client.test>", m["In-Reply-To"]
    why = relay.why(qid, check=False)
    assert "the sender was told: notice 0" in str(why["history"][-1]), why


def test_the_null_sender_is_told_nothing(t):
    peer, relay = scene(t)
    send(relay, "null", sender="")
    relay.await_empty()
    assert not peer.messages


def test_never_is_never(t):
    peer, relay = scene(t)
    send(relay, "never", rcpt=["NOTIFY=NEVER"])
    relay.await_empty()
    assert not peer.messages


def test_a_delay_is_told_to_those_who_ask(t):
    peer, relay = scene(t, rcpt="450 4.2.0 later", conf="""
queue "dest.test" { delay_notice = "1s"  expire = "30s" }""")
    send(relay, "told", rcpt=["NOTIFY=DELAY"])
    send(relay, "silent")
    m = await_notice(peer, "told")
    assert status(m)["Action"] == "delayed", status(m)
    assert status(m)["Will-Retry-Until"], status(m)
    assert not notices(peer, "silent")


def test_what_expires_is_told(t):
    peer, relay = scene(t, rcpt="450 4.2.0 later", conf="""
queue "dest.test" { expire = "1s" }""")
    send(relay, "late")
    assert status(await_notice(peer, "late"))["Status"] == "5.4.7"
    relay.await_empty()


def doubts(relay):
    return len(re.findall("event=possibly_delivered", relay.log_text()))


def killed(t, program, n=60):
    """Bounces while a program is killed again and again: each sender is told,
    and twice only where it is marked, or the killed one had no time to write
    that it was told."""
    peer, relay = scene(t, workers=1)
    for i in range(n):
        send(relay, f"n{i}")
        if i % 10 == 5:
            for name, pid in relay.pids().items():
                if name.startswith(program):
                    kill(pid, signal.SIGKILL)
            await_true("the relay is up", lambda: relay.status()["ready"])
    # A queue may be empty while records that nobody announced are still found.
    await_true("all are told", lambda: all(
        notices(peer, f"n{k}") for k in range(n)), 120)
    relay.await_empty(120)
    told = [len(notices(peer, f"n{i}")) for i in range(n)]
    assert min(told) == 1, told
    assert sum(told) - n <= doubts(relay), (told, doubts(relay))


def test_no_notice_is_lost_when_deliver_dies(t):
    killed(t, "deliver")


def test_no_notice_is_lost_when_qmgr_dies(t):
    killed(t, "qmgr")


def test_no_notice_is_lost_when_all_die(t):
    peer, relay = scene(t)
    for i in range(60):
        send(relay, f"n{i}")
        if i % 20 == 10:
            relay.kill_all()
            relay.start()
    await_true("all are told", lambda: all(
        notices(peer, f"n{i}") for i in range(60)), 120)
    relay.await_empty(120)


def test_an_owed_notice_outlives_a_restart(t):
    """Its facts come from the ledger, and from a checkpoint."""
    peer, relay = scene(t)
    relay.stop()
    relay.start(env={"HOLDFAST_FAULT_smtpd": "accept4:2+:EMFILE"})
    qid = send(relay, "kept")
    await_true("the notice is owed", lambda: "notice" in str(
        relay.why(qid)["site"]) or relay.why(qid)["limit"]["name"] == "notice")
    assert not notices(peer, "kept")
    text = relay.command("why", qid).stdout
    assert "WHERE   the sender is owed a notice: " in text, text
    relay.stop()
    relay.start()
    one = status(await_notice(peer, "kept"))
    assert one["Status"] == "5.1.1" and "no such user" in \
        one["Diagnostic-Code"], one
    relay.await_empty()


def test_success_is_told_to_those_who_ask(t):
    peer, relay = scene(t, rcpt="250 2.1.5 ok")
    send(relay, "asked", rcpt=["NOTIFY=SUCCESS", "ORCPT=rfc822;b+2Bx@d.test"],
         mail=["ENVID=QQ+2B1", "RET=FULL"])
    send(relay, "silent")
    await_true("a notice", lambda: any(
        s.startswith("MAIL FROM:<>") for s, _, _ in list(peer.messages)))
    relay.await_empty()
    m, = (email.message_from_bytes(c, policy=email.policy.default)
          for s, _, c in peer.messages if s.startswith("MAIL FROM:<>"))
    _, report, original = m.iter_parts()
    about, one = report.get_payload()
    assert about["Original-Envelope-Id"] == "QQ+1", about
    assert one["Action"] == "relayed" and one["Status"][0] == "2", one
    assert one["Original-Recipient"] == "rfc822;b+x@d.test", one
    assert original.get_content_type() == "text/rfc822-headers"


def test_failures_are_told_by_what_was_asked(t):
    peer, relay = scene(t)
    send(relay, "success", rcpt=["NOTIFY=SUCCESS"])
    send(relay, "delay", rcpt=["NOTIFY=DELAY"])
    send(relay, "failure", rcpt=["NOTIFY=FAILURE"], mail=["RET=HDRS"])
    m = await_notice(peer, "failure")
    relay.await_empty()
    assert len(peer.messages) == 1, peer.messages
    assert b"hello" not in peer.messages[0][2]
    assert list(m.iter_parts())[2].get_content_type() == "text/rfc822-headers"


def killed_at_work(t, program):
    """What takes notices dies while many are owed."""
    peer, relay = scene(t)
    for i in range(40):
        send(relay, f"n{i}")
    for _ in range(3):
        for name, pid in relay.pids().items():
            if name.startswith(program):
                kill(pid, signal.SIGKILL)
        await_true("the relay is up", lambda: relay.status()["ready"])
    await_true("all are told", lambda: all(
        notices(peer, f"n{i}") for i in range(40)), 120)
    relay.await_empty(120)
    told = [len(notices(peer, f"n{i}")) for i in range(40)]
    assert sum(told) - 40 <= doubts(relay), (told, doubts(relay))


def test_no_notice_is_lost_when_smtpd_dies(t):
    killed_at_work(t, "smtpd")
