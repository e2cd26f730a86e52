# SPDX-License-Identifier: BSD-2-Clause
"""What a person orders: hold, release, cancel, retry, move, suspend ..."""
import json
import os
import signal
import threading

from relay import Skip, await_true, kill


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


def holds(r):
    return json.loads(r.command("hold", "--list", "--json").stdout)


def suspensions(r):
    return json.loads(r.command("suspend", "--json").stdout)


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
    assert [h["held"] for h in holds(r)] == [2]
    why = r.why(held[0])
    assert why["state"] == "held"
    assert why["limit"]["name"] == "held"
    assert why["limit"]["cause"] == "asked by support"
    assert why["limit"]["value"].startswith("by "), why["limit"]
    assert "order 1 of uid " in why["limit"]["from"]
    text = r.command("why", held[0]).stdout
    assert "asked by support" in text and "held until a person" in text
    assert "hold by " in text, text
    assert r.queue()[0]["next_ms"] is None or r.queue()[1]["next_ms"] is None
    assert "(held: asked by support)" in r.command("mailq").stdout
    replies.clear()
    assert r.command("release", "--tenant", "acme").stdout.startswith(
        "2 released (order 2)")
    await_true("both are out", lambda: len(peer.messages) == 2)
    assert state(r, other) == "waiting"
    assert r.command("retry", other).stdout.strip().endswith("1 made due now")
    r.await_empty()


def test_what_is_cancelled_is_gone_and_its_history_says_who(t):
    replies, peer = refusing(t)
    r = tenant_relay(t, relay_to=peer.address, conf=LATE).start()
    gone, stays = mail(r, campaign="spring"), mail(r, campaign="summer")
    held = mail(r, campaign="spring", to="c@other.test")
    for q in (gone, stays, held):
        await_true("it was tried", lambda: r.why(q)["attempts"] == 1)
    r.command("hold", held)
    said = r.command("cancel", "--campaign", "spring", "--why", "wrong prices")
    assert said.stdout.startswith("2 cancelled"), said.stdout
    for q in (gone, held):
        why = r.why(q)
        assert why["state"] == "done"
        assert "wrong prices" in why["history"][-1]["detail"], why
    assert holds(r) == []
    assert r.status()["queued_messages"] == 1
    r.stop()
    replies.clear()
    r.start()
    r.command("retry", stays)
    r.await_empty()
    assert len(peer.messages) == 1


def test_what_is_moved_goes_another_way_and_its_history_says_who(t):
    replies, old = refusing(t)
    new = t.sink()
    r = tenant_relay(t, relay_to=old.address, conf=LATE + f"""
route "relay.test" {{ relay = {{ "{new.address}" }} }}""").start()
    stays = mail(r, "beta")
    qids = [mail(r, "acme", campaign="spring"), mail(r, "acme")]
    for q in [*qids, stays]:
        await_true("it was tried", lambda: r.why(q)["attempts"] == 1)
    r.command("hold", qids[1], "--why", "kept")
    said = r.command("move", "--tenant", "acme", "--to-tenant", "gold",
                     "--to-domain", "Relay.TEST", "--why", "it is late")
    assert said.stdout.startswith("2 moved (order 2)"), said.stdout
    names = ["spring:gold@relay.test", "gold@relay.test"]
    assert [r.why(q)["queue"] for q in qids] == names
    assert [state(r, q) for q in qids] == ["waiting", "held"]
    assert r.why(stays)["queue"] == "beta@dest.test"
    step = r.why(qids[0])["history"][-1]["detail"]
    assert step.startswith("move from spring:acme@dest.test to " + names[0] +
                           " by "), step
    assert step.endswith(": it is late"), step
    assert 'match="tenant acme to *:gold@relay.test"' in r.log_text()
    r.stop()
    r.start()
    why = r.why(qids[1])
    assert why["queue"] == names[1] and why["limit"]["cause"] == "kept", why
    assert r.why(qids[0])["attempts"] == 1
    # Once more is nothing new.
    said = r.command("move", "--tenant", "gold", "--to", "*:*@relay.test")
    assert said.stdout.startswith("0 moved"), said.stdout
    r.command("release", qids[1])
    r.command("retry", qids[0])
    await_true("both are out", lambda: {state(r, q) for q in qids} == {"done"})
    for q in qids:
        assert new.address.split(":")[0] in r.why(q)["history"][-1]["detail"]
    assert state(r, stays) == "waiting" and not old.messages
    assert json.loads(r.command("move", "--list", "--json").stdout) == []


def test_nothing_of_a_suspended_queue_goes_until_it_is_over(t):
    sink = t.sink()
    r = tenant_relay(t, relay_to=sink.address).start()
    said = r.command("suspend", "--tenant", "acme", "--for", "1h", "--why",
                     "too many complaints")
    assert said.stdout.startswith("suspended by order 1 until "), said.stdout
    qid, other = mail(r, "acme"), mail(r, "beta")
    await_true("others go", lambda: r.status()["queued_messages"] == 1)
    r.stop()
    r.start()
    rows = suspensions(r)
    assert [(x["order"], x["tenant"], x["why"]) for x in rows] == [
        (1, "acme", "too many complaints")]
    assert rows[0]["until"] is not None and rows[0]["uid"] == os.getuid()
    assert "tenant acme: too many complaints" in r.command("suspend").stdout
    why = r.why(qid)
    assert why["state"] == "ready" and why["limit"]["name"] == "suspended"
    assert " until 2" in why["limit"]["value"]
    row = [x for x in r.queue() if x["tenant"] == "acme"][0]
    assert row["limit"]["cause"] == "too many complaints"
    assert 0 < row["next_ms"] <= 3600000
    assert "suspended by " in r.command("queue").stdout
    assert "(suspended: too many" in r.command("mailq").stdout
    assert accounts(r)["ready"] == 1
    # A new one for the old one, which ends by itself.
    r.command("suspend", "--tenant", "acme", "--for", "1s")
    r.await_empty()
    assert suspensions(r) == []
    assert r.command("suspend", "--list").stdout == "nothing is suspended\n"
    assert "command=resume order=2" in r.log_text()


def test_a_suspension_is_resumed_by_number_condition_or_all(t):
    sink = t.sink()
    r = tenant_relay(t, relay_to=sink.address).start()
    for domain in "a.test", "b.test", "c.test":
        r.command("suspend", "--domain", domain.upper())
        mail(r, to=f"x@{domain}")
    assert r.command("resume", "--domain", "d.test",
                     check=False).returncode == 1
    assert r.command("resume", "9", check=False).returncode == 1
    r.command("resume", "1")
    await_true("one is out", lambda: r.status()["queued_messages"] == 2)
    r.command("resume", "--domain", "b.test", "--why", "it is well again")
    await_true("two are out", lambda: r.status()["queued_messages"] == 1)
    r.command("resume", "--all")
    r.await_empty()
    assert r.command("resume", "1", check=False).returncode == 1


def test_an_order_that_was_answered_is_in_force_whoever_dies(t):
    replies, peer = refusing(t)
    r = tenant_relay(t, relay_to=peer.address, conf=LATE).start()
    held, gone = mail(r, "acme"), mail(r, "beta")
    for q in (held, gone):
        await_true("it was tried", lambda: r.why(q)["attempts"] == 1)
    replies.clear()

    def kill_after(*args):
        pid = r.pids()["qmgr"]
        r.command(*args)
        kill(pid, signal.SIGKILL)
        await_true("another one is there", lambda: (
            lambda s: s.get("ready") and any(
                p["name"] == "qmgr" and p["pid"] not in (0, pid)
                for p in s["processes"]))(r.status()))

    kill_after("hold", held, "--why", "kept")
    assert r.why(held)["limit"]["cause"] == "kept"
    kill_after("suspend", "--tenant", "gamma")
    assert len(suspensions(r)) == 1
    late = mail(r, "gamma")
    kill_after("cancel", gone)
    assert state(r, gone) == "done"
    kill_after("release", "--queue", "*")
    await_true("it is out", lambda: state(r, held) == "done")
    assert state(r, late) == "ready"
    kill_after("resume", "--all")
    r.await_empty()
    assert len(peer.messages) == 2


def test_what_is_being_delivered_is_held_when_that_fails(t):
    asked, answer = threading.Event(), threading.Event()

    def rcpt(_):
        asked.set()
        assert answer.wait(60)
        return "451 4.2.1 not now"

    peer = t.peer(lambda s: s.serve({"RCPT": rcpt}))
    r = tenant_relay(t, relay_to=peer.address).start()
    qid = mail(r, "acme")
    assert asked.wait(60)
    said = r.command("hold", "--tenant", "acme").stdout
    assert said.startswith("0 held") and "up to 1 more" in said, said
    # The order outlives who took it.
    kill(r.pids()["qmgr"], signal.SIGKILL)
    answer.set()
    await_true("it is held", lambda: r.why(qid)["state"] == "held")
    assert holds(r)[0]["held"] == 1


def test_orders_are_for_root_and_the_relays_user_alone(t):
    if os.getuid() != 0:
        raise Skip("only root can become somebody else")
    sink = t.sink()
    r = tenant_relay(t, relay_to=sink.address).start()
    for path in t.dir, r.state, os.path.join(r.state, "run"):
        os.chmod(path, 0o755)

    def as_nobody(*args):
        return r.command(*args, check=False, user=65534, group=65534,
                         extra_groups=[])

    p = as_nobody("suspend", "--domain", "dest.test")
    assert p.returncode == 100 and "not permitted" in p.stderr, p
    # In the group of the socket one may look, and no more.
    os.chmod(os.path.join(r.state, "run", "qmgr"), 0o666)
    assert as_nobody("queue").returncode == 0
    assert as_nobody("suspend", "--list").returncode == 0
    for args in (("hold", "--tenant", "a"), ("release", "--queue", "*"),
                 ("cancel", "--queue", "*"), ("retry", "--all"),
                 ("move", "--queue", "*", "--to", "a.test"),
                 ("suspend", "--queue", "*"), ("resume", "7")):
        p = as_nobody(*args)
        assert p.returncode == 100, (args, p)
        assert "only root and the relay's own user" in p.stderr, p.stderr
    assert suspensions(r) == []
    mail(r)
    r.await_empty()


def test_wrong_use_is_told(t):
    r = t.relay()
    qid = "01KAWQ5Z9B000G7M3S0T5VC8XK"
    for args, word in (
            (("hold",), "say which mail"),
            (("hold", qid, "--tenant", "a"), "say which mail"),
            (("cancel", "--all"), "unknown option"),
            (("cancel", "nonsense"), "no queue id"),
            (("release", "--queue", ""), "give its value"),
            (("retry", "--all", "--tenant", "a"), "say which mail"),
            (("suspend", "--why", "x"), "say which queues"),
            (("suspend", "--domain", "d", "--for", "soon"), "give a time"),
            (("suspend", "--domain", "d", "--for", "0s"), "give a time"),
            (("suspend", qid), "one argument too many"),
            (("move", qid), "say where to"),
            (("move", "--to", "a.test"), "say which mail"),
            (("move", qid, "--to", "a.test", "--to-tenant", "b"),
             "say where to"),
            (("move", qid, "--to", "*:*@*"), "no queue's name"),
            (("move", qid, "--to-campaign", "a b"), "no queue's name"),
            (("move", qid, "--to-domain", ""), "no queue's name"),
            (("resume",), "say which suspension"),
            (("resume", "x"), "no order's number"),
            (("hold", "--tenant", "a" * 256), "at most 255")):
        p = r.command(*args, check=False)
        assert p.returncode == 100 and word in p.stderr, (args, p)
    p = r.command("hold", qid, check=False)
    assert p.returncode == 111 and "not running" in p.stderr
    r.start()
    p = r.command("hold", qid, check=False)
    assert p.returncode == 1 and "no such message" in p.stderr, p
    p = r.command("hold", qid, "--json", check=False)
    assert json.loads(p.stdout)[0]["status"] == 1, p


def queue_many(r, n):
    """Queues n parts, which stay."""
    r.command("suspend", "--queue", "*.dest.test")
    with r.client() as c:
        c.ehlo()
        for i in range(n // 100):
            c.mail("a@client.test")
            for k in range(100):
                c.rcpt(f"u{k}@d{i}-{k}.dest.test")
            code, text = c.data(b"Subject: x\r\n\r\nhello\r\n")
            assert code == 250, text
    await_true("all are queued", lambda: accounts(r)["ready"] == n, 120)


def test_twenty_thousand_parts_are_held_and_released_while_status_answers(t):
    n = 20000
    r = tenant_relay(t).start()
    queue_many(r, n)

    def watched(*args):
        """The answer, and how often status answered meanwhile."""
        said = []
        thread = threading.Thread(
            target=lambda: said.append(r.command(*args).stdout))
        thread.start()
        seen = 0
        while thread.is_alive():
            a = accounts(r)
            assert a["balanced"], a
            seen += 1
        return said[0], seen

    said, seen = watched("hold", "--queue", "*.dest.test", "--why", "all")
    assert said.startswith(f"{n} held"), said
    assert seen > 0
    assert accounts(r)["held"] == n
    said, _ = watched("release", "--queue", "*.dest.test")
    assert said.startswith(f"{n} released"), said
    assert accounts(r)["held"] == 0
    said, _ = watched("cancel", "--queue", "*.dest.test")
    assert said.startswith(f"{n} cancelled"), said
    assert r.status()["queued_messages"] == 0


def test_an_order_waits_for_a_ledger_that_cannot_be_written(t):
    replies, peer = refusing(t)
    r = tenant_relay(t, relay_to=peer.address, conf=LATE)
    # The 6th to 9th syncs of qmgr fail: whatever the order falls on, it is
    # answered when it is durable, and in force then.
    r.start(env={"HOLDFAST_FAULT_qmgr": ",".join(
        f"fdatasync:{n}:EIO" for n in range(6, 10))})
    qids = [mail(r, "acme", to=f"u{i}@dest.test") for i in range(8)]
    for q in qids:
        await_true("it was tried", lambda: r.why(q)["attempts"] == 1)
    said = r.command("hold", "--tenant", "acme", "--why", "all")
    assert said.stdout.startswith("8 held"), said
    assert "event=ledger_failed" in r.log_text()
    r.kill_all()
    r.start()
    assert [state(r, q) for q in qids] == ["held"] * len(qids)


def test_an_order_goes_on_when_qmgr_dies_in_the_middle(t):
    n = 20000
    r = tenant_relay(t).start()
    queue_many(r, n)
    pid = r.pids()["qmgr"]
    thread = threading.Thread(target=lambda: r.command(
        "hold", "--queue", "*.dest.test", "--why", "all", check=False))
    thread.start()
    await_true("some are held", lambda: accounts(r)["held"] > 0)
    kill(pid, signal.SIGKILL)
    thread.join()
    await_true("another one is there", lambda: r.status().get("ready") and
               r.pids().get("qmgr") not in (None, pid))
    await_true("nothing is in hand",
               lambda: not any(x["in_hand"] for x in holds(r)))
    # If it had not been written yet, nobody was told that it had.
    a, rows = accounts(r), [(x["held"], x["why"]) for x in holds(r)]
    assert (a["held"], rows) in ((n, [(n, "all")]), (0, [])), (a, rows)
    assert a["balanced"] and a["ready"] + a["held"] == n, a
