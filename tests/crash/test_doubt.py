# SPDX-License-Identifier: BSD-2-Clause
"""What may have been delivered, and what kills its workers: marked, counted,
and never sent again before that is in the ledger."""
import os
import re
import signal
import threading

from relay import await_true, kill


def marks(relay):
    return len(re.findall(r"event=possibly_delivered", relay.log_text()))


def lose(t, conf="", options=()):
    """A relay whose first message is taken by the peer, and not answered."""
    seen = []

    def dot(_):
        seen.append(1)
        return "drop" if len(seen) == 1 else "250 2.0.0 taken"
    peer = t.peer(lambda s: s.serve({"DOT": dot}))
    relay = t.relay(relay_to=peer.address, conf=conf).start()
    qid = relay.submit(options=options)
    await_true("it is sent", lambda: seen)
    return relay, peer, seen, qid


def deliver_pid(relay):
    return await_true("a worker", lambda: relay.pids().get("deliver/1"))


def die_past_the_dot(t, conf=""):
    """The same, but it is the worker that is lost."""
    sent, go_on = threading.Event(), threading.Event()
    t.at_end(go_on.set)

    def dot(_):
        if sent.is_set():
            return "250 2.0.0 taken"
        sent.set()
        go_on.wait(60)
        return "drop"
    peer = t.peer(lambda s: s.serve({"DOT": dot}))
    relay = t.relay(relay_to=peer.address, conf=conf).start()
    pid = deliver_pid(relay)
    qid = relay.submit()
    await_true("it is sent", sent.is_set)
    kill(pid, signal.SIGKILL)
    go_on.set()
    return relay, peer, qid


def await_held(relay, qid):
    """It is held as what may have been delivered, and says so."""
    why = await_true("it is held", lambda: (
        lambda w: w["limit"]["name"] == "held" and w)(relay.why(qid)))
    assert "possibly delivered" in why["limit"]["cause"], why
    assert "possibly delivered" in relay.command("why", qid).stdout
    assert "event=part_held" in relay.log_text()
    assert marks(relay) == 1, relay.log_text()


HOLD = 'queue "dest.test" { on_doubt = "hold" }'
BOUNCE = 'queue "dest.test" { on_doubt = "bounce" }'


def test_a_reply_lost_behind_the_dot_is_marked_and_sent_again(t):
    relay, _, seen, _ = lose(t)
    relay.await_empty()
    assert len(seen) == 2, seen
    assert marks(relay) == 1, relay.log_text()


def test_doubt_is_held_until_a_person_releases_it(t):
    relay, _, seen, qid = lose(t, HOLD)
    await_held(relay, qid)
    relay.process.send_signal(signal.SIGTERM)
    relay.process.wait()
    relay.start()
    await_held(relay, qid)
    assert len(seen) == 1, seen
    relay.command("release", qid)
    relay.await_empty()
    assert len(seen) == 2, seen


def test_doubt_of_a_dead_worker_is_held(t):
    relay, peer, qid = die_past_the_dot(t, HOLD)
    await_held(relay, qid)
    assert not peer.messages


def await_bounce(relay, peer):
    """The sender is told that it may have been delivered; no second try."""
    relay.await_empty()
    notices = [m for m in peer.messages if m[0].startswith("MAIL FROM:<>")]
    assert len(peer.messages) == len(notices) == 1, [
        m[0] for m in peer.messages]
    text = notices[0][2].replace(b"\r\n", b"\n")
    assert b"may or may not have been delivered" in text, text
    assert b"\nStatus: 5.4.2\n" in text, text
    assert b"\nAction: failed\n" in text, text
    assert marks(relay) == 1, relay.log_text()


def test_doubt_bounces_and_the_notice_says_so(t):
    relay, peer, _, _ = lose(t, BOUNCE)
    await_bounce(relay, peer)


def test_doubt_of_a_dead_worker_bounces(t):
    relay, peer, _ = die_past_the_dot(t, BOUNCE)
    await_bounce(relay, peer)


def test_results_are_kept_while_the_queue_manager_is_away(t):
    n, waiting, go_on = 20, [], threading.Event()
    t.at_end(go_on.set)

    def dot(_):
        waiting.append(1)
        go_on.wait(60)
        return "250 2.0.0 taken"
    peer = t.peer(lambda s: s.serve({"DOT": dot}))
    relay = t.relay(relay_to=peer.address).start()
    for i in range(n):
        relay.submit(f"a{i}@client.test")
    await_true("all that go at once are sent", lambda: len(waiting) >= 8)
    kill(relay.pids()["qmgr"], signal.SIGKILL)
    go_on.set()
    relay.await_empty()
    senders = [m[0] for m in peer.messages]
    assert len(senders) == n and len(set(senders)) == n, senders
    assert marks(relay) == 0, relay.log_text()


def owner(sock, pids):
    """Which of these processes has the other end of a connection."""
    port = f":{sock.getpeername()[1]:04X}"
    with open("/proc/net/tcp") as f:
        inodes = {row.split()[9] for row in f if port in row.split()[1]}
    for pid in pids:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            if link[8:-1] in inodes:
                return pid
    raise AssertionError("nobody has it")


class Poison:
    """A peer at which a certain sender is the end of the worker."""

    def __init__(self, t):
        self.relay, self.deaths, self.is_over = None, 0, False
        self.peer = t.peer(lambda s: s.serve(
            {"MAIL": lambda line: self.mail(s, line)}))

    def mail(self, session, line):
        if "poison" not in line or self.is_over:
            return "250 2.1.0 ok"
        pids = self.relay.pids()
        kill(owner(session.sock, [p for n, p in pids.items()
                                  if n.startswith("deliver")]),
             signal.SIGKILL)
        self.deaths += 1
        return "close"


def test_what_kills_five_workers_is_held_and_takes_no_others_along(t):
    poison = Poison(t)
    relay = t.relay(relay_to=poison.peer.address, retry="100ms", workers=2)
    poison.relay = relay
    relay.start()
    qid = relay.submit("poison@client.test")
    sent = 0

    def is_held():
        nonlocal sent
        relay.submit(f"a{sent}@client.test")
        sent += 1
        return "event=part_held" in relay.log_text()
    await_true("it is held", is_held)
    downs = re.findall(r"event=worker_down .*leases=(\d+)", relay.log_text())
    assert len(downs) == poison.deaths == 5, (downs, poison.deaths)
    assert downs[2:] == ["1"] * 3, downs
    why = relay.why(qid)
    assert "too many deaths" in why["limit"]["cause"], why
    poison.is_over = True
    relay.command("release", qid)
    relay.await_empty()
    senders = [m[0] for m in poison.peer.messages]
    assert len(set(senders)) == sent + 1, senders
    assert len(senders) - len(set(senders)) <= marks(relay), senders
