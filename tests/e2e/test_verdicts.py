# SPDX-License-Identifier: BSD-2-Clause
"""What a sick destination says or does, and what becomes of the message.

Each case: the destination's replies, and the outcome that RFC 5321 and the
design ask for: the part's state, the attempts that count, a word of the
reason. Then the destination gets well, and the message arrives: or, when it
was refused for good, does not.
"""
from relay import await_true

FAST = '''
site "*" {
	connect_timeout = "1s" greeting_timeout = "1s" ehlo_timeout = "1s"
	mail_timeout = "1s" rcpt_timeout = "1s" data_timeout = "1s"
	body_timeout = "1s" dot_timeout = "1s" probe_max = "1s"
}
'''
SLOW_RETRY = "1h"  # the message's own schedule: it stays where it is

# name: (replies, state, attempts, word in the reason, or in the history)
CASES = {
    "greeting_421": ({"HELLO": "421 4.3.2 later"}, "ready", 0, "421"),
    "greeting_554": ({"HELLO": "554 5.3.2 no service"}, "ready", 0, "554"),
    "greeting_drop": ({"HELLO": "drop"}, "ready", 0, "greeting"),
    "greeting_close": ({"HELLO": "close"}, "ready", 0, "greeting"),
    "greeting_stall": ({"HELLO": "stall"}, "ready", 0, "greeting"),
    "greeting_garbage": ({"HELLO": "hello there"}, "ready", 0, "greeting"),
    "ehlo_421": ({"EHLO": "421 4.3.2 later"}, "ready", 0, "421"),
    "ehlo_drop": ({"EHLO": "drop"}, "ready", 0, "EHLO"),
    "ehlo_stall": ({"EHLO": "stall"}, "ready", 0, "EHLO"),
    "ehlo_and_helo_550": ({"EHLO": "550 no", "HELO": "550 no"},
                          "ready", 0, "550"),
    "mail_451": ({"MAIL": "451 4.3.0 not now"}, "waiting", 1, "451"),
    "mail_421": ({"MAIL": "421 4.7.0 too many connections"},
                 "ready", 0, "421"),
    "mail_550": ({"MAIL": "550 5.7.1 no"}, "told", 1, "550"),
    "mail_drop": ({"MAIL": "drop"}, "waiting", 1, "MAIL"),
    "mail_stall": ({"MAIL": "stall"}, "waiting", 1, "MAIL"),
    "rcpt_450": ({"RCPT": "450 4.2.0 greylisted"}, "waiting", 1, "450"),
    "rcpt_421": ({"RCPT": "421 4.7.0 rate"}, "ready", 0, "421"),
    "rcpt_550": ({"RCPT": "550 5.1.1 unknown"}, "told", 1, "550"),
    "rcpt_drop": ({"RCPT": "drop"}, "waiting", 1, "RCPT"),
    "rcpt_stall": ({"RCPT": "stall"}, "waiting", 1, "RCPT"),
    "data_451": ({"DATA": "451 4.3.0 no"}, "waiting", 1, "451"),
    "data_421": ({"DATA": "421 4.3.0 no"}, "ready", 0, "421"),
    "data_554": ({"DATA": "554 5.7.1 no"}, "told", 1, "554"),
    "data_drop": ({"DATA": "drop"}, "waiting", 1, "DATA"),
    "data_stall": ({"DATA": "stall"}, "waiting", 1, "DATA"),
    "body_drop": ({"BODY": "drop"}, "waiting", 1, "body"),
    "body_stall": ({"BODY": "stall"}, "waiting", 1, "body"),
    "dot_451": ({"DOT": "451 4.3.0 no room"}, "waiting", 1, "451"),
    "dot_421": ({"DOT": "421 4.7.0 rate"}, "ready", 0, "421"),
    "dot_550": ({"DOT": "550 5.7.1 spam"}, "told", 1, "550"),
    "dot_drop": ({"DOT": "drop"}, "waiting", 1, "possibly delivered"),
    "dot_stall": ({"DOT": "stall"}, "waiting", 1, "possibly delivered"),
    "dot_garbage": ({"DOT": "what"}, "waiting", 1, "possibly delivered"),
}


def check_told(relay, peer, qid, word):
    """It failed for good: the sender was told, and both are gone, for the
    server refuses the notice as well."""
    await_true("the notice is sent", lambda: (
        f"event=notice_sent qid={qid}" in relay.log_text()), 20)
    relay.await_empty()
    assert word in str(relay.why(qid)["history"]), relay.why(qid)
    assert relay.status()["accounts"]["balanced"]
    assert not peer.messages


def run_case(t, name):
    replies, state, attempts, word = CASES[name]
    sick = dict(replies)
    peer = t.peer(lambda s: s.serve(sick))
    relay = t.relay(relay_to=peer.address, conf=FAST, retry=SLOW_RETRY)
    relay.write_conf(relay.text.replace('retry_max = "1s"',
                                        'retry_max = "2h"'))
    relay.start()
    # Larger than the socket buffers, so that a stalled body is noticed.
    body = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 100000
    qid = relay.submit(body=body if name.startswith("body") else b"S: x\r\n")

    if state == "told":
        check_told(relay, peer, qid, word)
        return

    def settled():
        why = relay.why(qid)
        told = str(why["limit"]) + str(why["history"])
        ok = word in told and why["attempts"] == attempts
        return why if ok and why["state"] == state else None
    try:
        await_true(f"{name}: {state}, {attempts} attempts, {word}",
                         settled, 20)
    except AssertionError:
        print("why:", relay.why(qid, check=False))
        raise
    assert relay.status()["accounts"]["balanced"]
    rows = relay.queue()
    assert len(rows) == 1 and rows[0]["queue"] == "dest.test", rows
    assert rows[0]["limit"]["name"], rows
    text = relay.command("why", qid).stdout
    assert qid in text and word in text, text

    before = len(peer.messages)
    sick.clear()
    relay.command("retry", "--all")
    relay.await_empty()
    assert len(peer.messages) == before + 1, (name, peer.messages)


def _make(name):
    def test(t):
        run_case(t, name)
    return test


for _name in CASES:
    globals()[f"test_{_name}"] = _make(_name)
del _name


def test_destination_that_is_not_there(t):
    port = t.port()
    relay = t.relay(relay_to=f"{t.ip}:{port}", conf=FAST).start()
    qid = relay.submit()
    why = await_true("the reason is told", lambda: (
        lambda w: w if "refused" in str(w["limit"]) else None)(relay.why(qid)))
    assert (why["state"], why["attempts"]) == ("ready", 0), why
    assert why["site"] == f"default->{t.ip}:{port}", why


def test_each_recipient_has_its_own_verdict(t):
    def rcpt(line):
        for word, reply in (("no@", "550 5.1.1 unknown"),
                            ("later@", "450 4.2.1 later")):
            if word in line:
                return reply
        return "250 ok"
    replies = {"RCPT": rcpt}
    peer = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=peer.address, retry="1h")
    relay.write_conf(relay.text.replace('retry_max = "1s"',
                                        'retry_max = "2h"'))
    relay.start()
    qid = relay.submit(to=["yes@d.test", "no@d.test", "later@d.test"])
    await_true("one waits", lambda: (
        lambda w: w["attempts"] == 1 and w["state"] == "waiting")(
            relay.why(qid)))
    await_true("one is delivered, and one told of", lambda: (
        sorted(m[1] for m in peer.messages) ==
        [["a@client.test"], ["yes@d.test"]]))
    replies.clear()
    relay.command("retry", qid)
    await_true("the second try", lambda: len(peer.messages) == 3)
    assert peer.messages[2][1] == ["later@d.test"]


def test_a_throttle_stops_no_other_queue_and_counts_nothing(t):
    """Forty connections are let in; all is delivered all the same (Q9)."""
    sink = t.sink("--max-conns", "5")
    relay = t.relay(relay_to=sink.address, workers=2).start()
    with relay.client() as c:
        c.ehlo()
        for n in range(300):
            c.sendmail("a@client.test", [f"b-{n}.0@d{n % 30}.test"],
                       f"X-Bench-Id: b-{n}\r\n\r\nx\r\n")
    relay.await_empty(60)
    assert sink.stats()["unique"] == 300, sink.stats()
    assert sink.stats()["dup"] == 0


def test_connections_limit_is_kept(t):
    sink = t.sink("--latency", "20")
    relay = t.relay(relay_to=sink.address, workers=2,
                    conf='site "*" { connections = 3 }').start()
    with relay.client() as c:
        c.ehlo()
        for n in range(200):
            c.sendmail("a@client.test", [f"b-{n}.0@d{n % 30}.test"],
                       f"X-Bench-Id: b-{n}\r\n\r\nx\r\n")
    relay.await_empty(60)
    stats = sink.stats()
    assert stats["unique"] == 200 and stats["max_concurrent"] <= 3, stats


def test_a_host_that_takes_few_recipients_at_once_gets_all_without_a_wait(t):
    def rcpt(line):
        counts[-1] += 1
        return "250 ok" if counts[-1] <= 2 else "452 4.5.3 too many recipients"

    def mail(_):
        counts.append(0)
        return "250 ok"
    counts = []
    peer = t.peer(lambda s: s.serve({"MAIL": mail, "RCPT": rcpt}))
    relay = t.relay(relay_to=peer.address, conf=
                    'queue "dest.test" { retry_first = "5m" retry_max = "5m" }'
                    ).start()
    rcpts = [f"r{n}@dest.test" for n in range(7)]
    relay.submit(to=rcpts)
    relay.await_empty(30)
    assert sorted(sum((m[1] for m in peer.messages), [])) == rcpts
    assert [len(m[1]) for m in peer.messages] == [2, 2, 2, 1]
