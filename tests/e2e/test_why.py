# SPDX-License-Identifier: BSD-2-Clause
"""What the commands that look tell: why, queue, cat, mailq, retry."""
import json
import os
import subprocess

import spool
from relay import BIN, await_true

CONTENT = b"Subject: x\r\nX-Y: z\r\n\r\n.dot\r\n\xff\r\n"


def stuck(t, **kw):
    """A relay whose smarthost is not there: what it takes stays."""
    return t.relay(**kw).start()


def mailq(relay):
    return subprocess.run([os.path.join(BIN, "mailq"), "-C", relay.conf],
                          stdout=subprocess.PIPE, check=True,
                          timeout=60).stdout.decode()


def cat(relay, *args):
    return subprocess.run(
        [os.path.join(BIN, "holdfast"), "-c", relay.conf, "cat", *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)


def await_why(relay, qid, check):
    return await_true("why tells it", lambda: (
        lambda w: w if check(w) else None)(relay.why(qid)))


# --- why ---------------------------------------------------------------------

def test_why_of_a_waiting_message_tells_all_four(t):
    relay = stuck(t)
    qid = relay.submit(body=CONTENT)
    why = await_why(relay, qid, lambda w: "refused" in str(w["limit"]))
    assert set(why) >= {"qid", "state", "queue", "site", "attempts", "limit",
                        "next_ms", "history", "record"}, why
    assert why["qid"] == qid and why["queue"] == "dest.test"
    assert set(why["limit"]) == {"name", "value", "from", "cause"}
    assert "parts" not in why
    first = why["history"][0]
    assert set(first) == {"time", "what", "detail"}, first
    assert first["what"] == "accepted", first
    assert "127." in first["detail"] and "ESMTP" in first["detail"], first
    record = spool.find(relay, qid)
    assert why["record"]["ok"] is True
    path = os.path.join(relay.state, "spool", "incoming",
                        why["record"]["segment"])
    with open(path, "rb") as f:
        f.seek(why["record"]["offset"])
        assert f.read(4) == b"HREC"
    assert record.content.endswith(CONTENT)

    text = relay.command("why", qid).stdout
    lines = text.splitlines()
    assert lines[0].startswith(f"{qid}   from a@client.test to b@dest.test"), \
        text
    labels = [x[:8].strip() for x in lines[2:] if x[:1] not in " "]
    assert labels == ["WHERE", "WHY", "NEXT", "PAST", "DISK"], text
    assert "checksum good" in text, text


def test_why_of_a_done_message_tells_how_it_ended(t):
    peer = t.peer(lambda s: s.serve({"DOT": "250 2.0.0 taken as 42"}))
    relay = t.relay(relay_to=peer.address).start()
    qid = relay.submit()
    why = await_why(relay, qid, lambda w: w["state"] == "done")
    assert (why["queue"], why["attempts"]) == ("dest.test", 1), why
    assert why["site"] == f"default->{peer.address}", why
    assert why["next_ms"] is None and why["record"] is None
    last = why["history"][-1]
    assert last["what"] == "delivered", why
    assert "250 2.0.0 taken as 42" in last["detail"], why
    text = relay.command("why", qid).stdout
    assert "250 2.0.0 taken as 42" in text and "delivered" in text, text
    # The same after a restart: it is in the ledger.
    relay.stop()
    relay.start()
    assert relay.why(qid)["history"] == why["history"]


def test_why_of_several_parts_tells_each(t):
    peer = t.peer(lambda s: s.serve(
        {"RCPT": lambda x: "450 4.2.1 later" if "@w" in x else "250 ok"}))
    relay = t.relay(relay_to=peer.address, retry="1h")
    relay.write_conf(relay.text.replace('retry_max = "1s"',
                                        'retry_max = "2h"'))
    relay.start()
    qid = relay.submit(to=["a@d1.test", "b@w2.test", "c@d3.test",
                           "d@w4.test"])
    why = await_why(relay, qid, lambda w: [
        p["state"] for p in w["parts"]] == ["waiting", "waiting"])
    assert [(p["part"], p["queue"], p["attempts"]) for p in why["parts"]] == [
        (2, "w2.test", 1), (3, "w4.test", 1)], why
    assert (why["state"], why["queue"]) == ("waiting", "w2.test"), why
    done = {h["part"] for h in why["history"] if h["what"] == "delivered"}
    assert done == {0, 1}, why
    text = relay.command("why", qid).stdout
    assert text.count("WHERE") == 2 and "to a@d1.test and 3 more" in text, text


def test_why_of_an_unknown_message_says_where_it_looked(t):
    relay = stuck(t)
    relay.submit()
    qid = "01KAWQ5Z9B000G7M3S0T5VC8XK"
    p = relay.command("why", qid, check=False)
    assert p.returncode == 1, p
    assert "ledger" in p.stdout and "goes back to 20" in p.stdout, p.stdout
    p = relay.command("why", qid, "--json", check=False)
    assert p.returncode == 1, p
    assert json.loads(p.stdout)["state"] == "unknown"


def test_why_sees_a_damaged_record(t):
    relay = stuck(t)
    qid = relay.submit(body=CONTENT)
    why = await_why(relay, qid, lambda w: w["record"]["ok"])
    path = os.path.join(relay.state, "spool", "incoming",
                        why["record"]["segment"])
    with open(path, "r+b") as f:
        data = f.read()
        f.seek(data.index(b".dot\r\n\xff"))
        f.write(b"!")
    assert relay.why(qid)["record"]["ok"] is False
    assert "DAMAGED" in relay.command("why", qid).stdout
    p = cat(relay, "--raw", qid)
    assert p.returncode == 1 and b"checksum" in p.stderr, p


def test_wrong_use_is_told(t):
    relay = stuck(t)
    for args in (["why"], ["why", "x"], ["why", "0" * 26, "y"],
                 ["why", "--what"], ["cat", "x"], ["retry"],
                 ["retry", "--all", "0" * 26], ["queue", "a", "b"],
                 ["cat", "--raw", "--headers", "0" * 26]):
        p = relay.command(*args, check=False)
        assert p.returncode == 100 and "usage: " in p.stderr, (args, p)


def test_a_relay_that_is_down_is_told(t):
    relay = t.relay()
    for args in (["why", "0" * 26], ["queue"], ["cat", "0" * 26],
                 ["retry", "--all"]):
        p = relay.command(*args, check=False)
        assert p.returncode == 111 and "not running" in p.stderr, (args, p)


# --- cat ---------------------------------------------------------------------

def test_cat_shows_what_is_asked_for(t):
    relay = stuck(t)
    qid = relay.submit(to=["b@dest.test", "c@dest.test"], body=CONTENT)

    def good(*args):
        p = cat(relay, *args, qid)
        assert p.returncode == 0, p
        return p.stdout
    raw = good("--raw")
    assert raw == spool.find(relay, qid).content
    assert raw.endswith(CONTENT)
    headers = good("--headers")
    assert headers == raw[:raw.index(b"\r\n\r\n") + 4]
    envelope = good("--envelope").decode()
    assert f"qid: {qid}\nsender: <a@client.test>\nrecipient: b@dest.test\n" \
        "recipient: c@dest.test\n" in envelope, envelope
    assert good() == envelope.encode() + b"\n" + raw
    p = relay.command("cat", "01KAWQ5Z9B000G7M3S0T5VC8XK", check=False)
    assert p.returncode == 1 and "not in the queue" in p.stderr, p


# --- queue -------------------------------------------------------------------

def test_queue_lists_those_that_match(t):
    relay = stuck(t)
    for domain in ("a.test", "b.test", "a.example"):
        relay.submit(to=[f"x@{domain}"])

    def names(*args):
        return sorted(r["queue"] for r in json.loads(
            relay.command("queue", "--json", *args).stdout))
    await_true("all are queued", lambda: len(names()) == 3)
    assert names("*.test") == ["a.test", "b.test"]
    assert names("a.*") == ["a.example", "a.test"]
    assert names("nothing") == []
    text = relay.command("queue").stdout
    assert "total 3 queues" in text, text
    rows = relay.queue()
    assert set(rows[0]) == {
        "queue", "tenant", "campaign", "domain", "site", "ready", "waiting",
        "leased", "held", "oldest_s", "next_ms", "limit"}, rows[0]


def test_queue_lists_more_than_one_page(t):
    relay = stuck(t, listener="max_recipients = 1000")
    relay.submit(to=[f"x@d{n}.test" for n in range(700)])
    await_true("700 queues", lambda: len(relay.queue()) == 700)
    assert len({r["queue"] for r in relay.queue()}) == 700
    assert "-- 1 Kbytes" not in mailq(relay)
    assert "in 700 Requests." in mailq(relay)


# --- mailq -------------------------------------------------------------------

def test_mailq_lists_messages_as_others_do(t):
    relay = stuck(t)
    assert mailq(relay) == "Mail queue is empty\n"
    qid = relay.submit(to=["b@dest.test", "c@dest.test"])
    null = relay.submit(sender="", to=["d@dest.test"])
    await_why(relay, qid, lambda w: "refused" in str(w["limit"]))
    text = mailq(relay)
    lines = text.splitlines()
    assert lines[0].startswith("-Queue ID-"), text
    at = next(i for i, x in enumerate(lines) if x.startswith(qid))
    assert lines[at].endswith("  a@client.test"), text
    assert lines[at + 1].startswith("(") and "refused" in lines[at + 1], text
    assert [x.strip() for x in lines[at + 2:at + 4]] == [
        "b@dest.test", "c@dest.test"], text
    at = next(i for i, x in enumerate(lines) if x.startswith(null))
    assert lines[at].endswith("  MAILER-DAEMON"), text
    assert lines[-1] == "-- 1 Kbytes in 2 Requests.", text


# --- retry -------------------------------------------------------------------

def test_retry_makes_due_what_it_names(t):
    peer = t.peer(lambda s: s.serve({"RCPT": "450 4.2.1 later"}))
    relay = t.relay(relay_to=peer.address, retry="1h")
    relay.write_conf(relay.text.replace('retry_max = "1s"',
                                        'retry_max = "2h"'))
    relay.start()
    one = relay.submit(to=["a@one.test"])
    two = relay.submit(to=["a@two.test"])
    for qid in (one, two):
        await_why(relay, qid, lambda w: w["attempts"] == 1)
    p = relay.command("retry", one)
    assert "1 made due now" in p.stdout, p
    await_why(relay, one, lambda w: w["attempts"] == 2)
    relay.command("retry", "--queue", "two.*")
    await_why(relay, two, lambda w: w["attempts"] == 2)
    assert relay.why(one)["attempts"] == 2
    relay.command("retry", "--all")
    for qid in (one, two):
        await_why(relay, qid, lambda w: w["attempts"] == 3)
    p = relay.command("retry", "01KAWQ5Z9B000G7M3S0T5VC8XK", check=False)
    assert p.returncode == 1 and "no such message" in p.stderr, p
