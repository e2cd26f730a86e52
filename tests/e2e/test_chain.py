# SPDX-License-Identifier: BSD-2-Clause
"""Mail through a chain of real servers: Postfix hands it to the relay, which
finds the next host by its mail exchangers, one of which is dead, and behind
that stand a second Postfix and Dovecot. What cannot be delivered comes back
the same way, and is read by a parser that is not ours."""
import email
import email.policy
import smtplib

from neighbours import Dnsmasq, Dovecot, Postfix, address
from relay import await_true


class Chain:
    """origin (Postfix) -> relay -> dest (Postfix) and store (Dovecot)."""

    def __init__(self, t):
        self.t, port = t, t.port()
        origin_ip, dest_ip, dead_ip = (address(t, n) for n in (1, 2, 3))
        self.dns = Dnsmasq(
            t, "--mx-host=dest.test,mx1.dest.test,10",
            "--mx-host=dest.test,mx2.dest.test,20",
            f"--host-record=mx1.dest.test,{dead_ip}",
            f"--host-record=mx2.dest.test,{dest_ip}",
            "--mx-host=origin.test,mx.origin.test,10",
            f"--host-record=mx.origin.test,{origin_ip}",
            "--mx-host=null.test,.,0")
        # A host that refuses everything for now.
        self.busy = t.peer(lambda s: s.serve({"RCPT": "450 4.2.0 greylisted"}))
        self.store = Dovecot(t, "store.test", ["kim@lmtp.test"])
        self.relay = t.relay(
            relay_to=self.store.address, conf=f'''
route "*.test"    {{ port = {port} }}
route "lmtp.test" {{ transport = "lmtp"  relay = {{ "{self.store.socket}" }} }}
route "gone.test" {{ transport = "discard" }}
route "busy.test" {{ relay = {{ "{self.busy.address}" }} }}
dns {{ server = {{ "{self.dns.address}" }}  dnssec = "off" }}
queue "busy.test" {{ expire = "2s" }}
''').start()
        relay = f"[{t.ip}]:{self.relay.port}"
        self.origin = Postfix(t, origin_ip, port, "origin.test",
                              ["me@origin.test"], f"relayhost = {relay}")
        self.dest = Postfix(t, dest_ip, port, "dest.test",
                            ["kim@dest.test", "lee@dest.test"],
                            f"relayhost = {relay}")
        self.port, self.origin_ip = port, origin_ip

    def send(self, to, mail=(), rcpt=(), body="text"):
        with smtplib.SMTP(self.origin_ip, self.port, timeout=60) as c:
            c.ehlo("client.test")
            assert c.mail("me@origin.test", mail)[0] == 250
            for one in to:
                code, text = c.rcpt(one, rcpt)
                assert code == 250, text
            code, text = c.data(f"From: me@origin.test\r\nSubject: {body}\r\n"
                                f"Message-ID: <{body}@origin.test>\r\n\r\n"
                                f"{body}\r\n".encode())
            assert code == 250, text

    def notice(self, of):
        """The one notice that has come back about the message named of."""
        def come():
            return [m for m in self.origin.mail("me@origin.test")
                    if f"{of}@origin.test".encode() in m]
        found = await_true(f"a notice of {of}", come)
        assert len(found) == 1, found
        return Notice(found[0])


class Notice:
    """A delivery status notification as python's email package reads it."""

    def __init__(self, raw):
        m = email.message_from_bytes(raw, policy=email.policy.default)
        assert m.get_content_type() == "multipart/report", raw
        assert m.get_param("report-type") == "delivery-status", raw
        assert not m.defects, m.defects
        text, status, returned = m.iter_parts()
        self.message, self.text = m, text.get_content()
        self.returned = returned
        self.head, *self.rcpts = status.get_payload()
        assert m["Auto-Submitted"] == "auto-replied"
        assert m["Return-Path"] == "<>", m["Return-Path"]

    def check(self, action, rcpt, status):
        """It tells of this one recipient; returns the fields about it."""
        one, = self.rcpts
        assert one["Action"] == action, one
        assert one["Final-Recipient"].replace(" ", "") == f"rfc822;{rcpt}", one
        assert one["Status"].startswith(status), one
        return one


def test_mail_passes_a_chain_of_real_servers(t):
    c = Chain(t)
    for i in range(20):
        c.send(["kim@dest.test", "kim@lmtp.test"], body=f"n{i}")
    await_true("Postfix has all", lambda: len(c.dest.mail("kim@dest.test")) == 20)
    await_true("Dovecot has all", lambda: len(c.store.mail("kim@lmtp.test")) == 20)
    for m in c.dest.mail("kim@dest.test") + c.store.mail("kim@lmtp.test"):
        assert m.count(b"by relay.test") == 1, m
    c.relay.await_empty()
    # The dead exchanger is the better one, so it was tried, and passed by.
    rows = c.relay.command("status").stdout
    assert "(balanced)" in rows, rows


def test_refusal_comes_back_as_a_notice(t):
    c = Chain(t)
    c.send(["nobody@dest.test"], mail=["RET=HDRS", "ENVID=QQ314159"],
           rcpt=["NOTIFY=FAILURE", "ORCPT=rfc822;Old+2BName@dest.test"],
           body="refused")
    n = c.notice("refused")
    one = n.check("failed", "nobody@dest.test", "5.1.1")
    assert one["Original-Recipient"].replace(" ", "") == \
        "rfc822;Old+Name@dest.test", one
    assert n.head["Original-Envelope-Id"] == "QQ314159", n.head
    assert n.head["Reporting-MTA"].replace(" ", "") == "dns;relay.test", n.head
    assert "mx2.dest.test" in one["Remote-MTA"], one
    assert "550" in one["Diagnostic-Code"], one
    assert n.returned.get_content_type() == "text/rfc822-headers"
    assert "nobody@dest.test" in n.text
    c.relay.await_empty()


def test_a_mixed_lmtp_reply_delivers_one_and_returns_the_other(t):
    c = Chain(t)
    c.send(["kim@lmtp.test", "lost@lmtp.test"], body="mixed")
    n = c.notice("mixed")
    n.check("failed", "lost@lmtp.test", "5.1.1")
    assert n.returned.get_content_type() == "message/rfc822"
    assert b"mixed" in n.returned.as_bytes()
    await_true("Dovecot has the other's",
               lambda: len(c.store.mail("kim@lmtp.test")) == 1)
    c.relay.await_empty()


def test_domains_that_take_no_mail_come_back(t):
    c = Chain(t)
    c.send(["a@null.test"], body="null")
    c.send(["a@nowhere.test"], body="nowhere")
    c.notice("null").check("failed", "a@null.test", "5.1.10")
    c.notice("nowhere").check("failed", "a@nowhere.test", "5.1.2")
    c.relay.await_empty()


def test_mail_that_is_refused_for_now_expires_with_a_notice(t):
    c = Chain(t)
    c.send(["a@busy.test"], body="busy")
    one = c.notice("busy").check("failed", "a@busy.test", "5.4.7")
    assert "greylisted" in one["Diagnostic-Code"], one
    c.relay.await_empty()


def test_success_is_told_by_whoever_is_last(t):
    c = Chain(t)
    # Dovecot's LMTP has no DSN: the relay in front of it tells.
    c.send(["kim@lmtp.test"], rcpt=["NOTIFY=SUCCESS"], body="stored")
    # The second Postfix has: the duty is passed on to it.
    c.send(["kim@dest.test"], rcpt=["NOTIFY=SUCCESS"], body="passed")
    n = c.notice("stored")
    one, = n.rcpts
    assert one["Action"] in ("delivered", "relayed"), one
    assert "relay.test" in n.head["Reporting-MTA"], n.head
    n = c.notice("passed")
    n.check("delivered", "kim@dest.test", "2.")
    assert "dest.test" in n.head["Reporting-MTA"], n.head
    c.relay.await_empty()


def test_nobody_is_told_who_said_never(t):
    c = Chain(t)
    c.send(["nobody@dest.test"], rcpt=["NOTIFY=NEVER"], body="never")
    c.send(["nobody@dest.test"], body="later")
    c.notice("later")
    assert not [m for m in c.origin.mail("me@origin.test") if b"never@" in m]
    c.relay.await_empty()


def test_discarded_mail_is_gone(t):
    c = Chain(t)
    c.send(["a@gone.test"], body="gone")
    c.send(["kim@dest.test"], body="kept")
    await_true("the kept one is there",
               lambda: len(c.dest.mail("kim@dest.test")) == 1)
    c.relay.await_empty()
