# SPDX-License-Identifier: BSD-2-Clause
"""What a person orders: hold, release, cancel, retry, suspend, resume."""
import json
import os
import signal
import subprocess

from relay import BIN, await_true, kill


LATE = 'queue "*.test" { retry_first = "1h" retry_max = "2h" }'


def tenant_relay(t, **kw):
    return t.relay(listener='tenant_header = "X-Tenant" '
                            'campaign_header = "X-Campaign"', **kw)


def mail(r, tenant="", to="b@dest.test", campaign="", **kw):
    head = b""
    if tenant:
        head += b"X-Tenant: " + tenant.encode() + b"\r\n"
    if campaign:
        head += b"X-Campaign: " + campaign.encode() + b"\r\n"
    return r.submit(to=(to,), body=head + b"Subject: x\r\n\r\nhello\r\n", **kw)


def accounts(r):
    return r.status()["accounts"]


def state(r, qid):
    return r.why(qid)["state"]


def refusing(t):
    """A server whose replies a test changes as it likes."""
    replies = {"RCPT": "451 4.2.1 not now"}
    return replies, t.peer(lambda s: s.serve(replies))


def test_what_a_tenant_has_is_held_over_a_restart_and_released(t):
    replies, peer = refusing(t)
    r = tenant_relay(t, relay_to=peer.address, conf=LATE).start()
    held = [mail(r, "acme"), mail(r, "acme", to="c@other.test")]
    other = mail(r, "beta")
    for q in [*held, other]:
        await_true("it was tried", lambda: r.why(q)["attempts"] == 1)
    said = r.command("hold", "--tenant", "acme", "--why", "asked by support")
    assert said.stdout.startswith("2 held (order 1)"), said.stdout
    assert [state(r, q) for q in held] == ["held", "held"]
    assert state(r, other) == "waiting"
    r.stop()
    r.start()
    why = r.why(held[0])
    assert why["state"] == "held"
    assert why["limit"]["name"] == "held"
    assert why["limit"]["cause"] == "asked by support"
    assert why["limit"]["value"].startswith("by "), why["limit"]
    assert "order 1 of uid " in why["limit"]["from"]
    text = r.command("why", held[0]).stdout
    assert "asked by support" in text and "held until a person" in text
    replies.clear()
    assert r.command("release", "--tenant", "acme").stdout.startswith(
        "2 released (order 2)")
    await_true("both are out", lambda: len(peer.messages) == 2)
    assert state(r, other) == "waiting"
    assert r.command("retry", other).stdout.strip().endswith("1 made due now")
    r.await_empty()
