# SPDX-License-Identifier: BSD-2-Clause
"""Ways in which a relay lost track of messages: end of life, put-back, stops
cut short."""
import os
import re
import signal
import subprocess

from relay import BENCH, Skip, await_true

MORTAL = '''
queue "*.test" { retry_first = "1h" retry_max = "2h" expire = "3s" }
site "*" { mail_timeout = "5s" connections = 1 probe_max = "1s" }
'''
LAST_TRY_S = 300  # so long what is ready may wait for its last try


def mortal(t, **hosts):
    """A relay whose mail lives for 3 s, with a route for each domain."""
    return t.relay(conf=MORTAL + "".join(
        f'route "{name}.test" {{ relay = {{ "{address}" }} }}\n'
        for name, address in hosts.items())).start()


def send(relay, domain):
    return relay.submit(sender="", to=(f"x@{domain}.test",))


def await_end(relay, qid, how, seconds=60):
    """Its history says how it ended."""
    why = await_true(f"{how}: {qid}", lambda: (
        lambda w: w if w["state"] == "done" else None)(relay.why(qid)),
        seconds)
    assert how in str(why["history"][-1]), why
    if how == "expired":
        assert re.search(rf"event=part_expired qid={qid}", relay.log_text())


def test_r3_end_of_life_comes_to_what_waits_and_what_is_lent_not_to_the_held(t):
    later = {"RCPT": "451 4.2.1 not now"}
    host = t.peer(lambda s: s.serve(later))
    stuck = t.peer(lambda s: s.serve({"MAIL": "stall"}))
    relay = mortal(t, waiting=host.address, held=host.address,
                   leased=stuck.address)
    held, waiting = send(relay, "held"), send(relay, "waiting")
    await_true("it was tried", lambda: relay.why(held)["attempts"] == 1)
    relay.command("hold", held)
    leased = send(relay, "leased")
    await_true("it is lent", lambda: relay.why(leased)["state"] == "leased")
    await_end(relay, waiting, "expired")
    # What is lent is looked at when its lease ends.
    await_end(relay, leased, "expired")
    why = relay.why(held)
    assert (why["state"], why["attempts"]) == ("held", 1), why
    later.clear()
    relay.command("release", held)
    await_end(relay, held, "delivered")
    relay.stop()


def test_r3_what_is_ready_without_progress_expires(t):
    """Before a site that is down, behind the only connection of another, and
    in a suspended queue."""
    if "HOLDFAST_LONG" not in os.environ:
        raise Skip("HOLDFAST_LONG is not set: takes 5 minutes "
                   "(short: test_fate, test_suspend)")
    stuck = t.peer(lambda s: s.serve({"MAIL": "stall"}))
    relay = mortal(t, down=f"{t.ip}:9", behind=stuck.address,
                   suspended=stuck.address)
    relay.write_conf(relay.text.replace('mail_timeout = "5s"',
                                        'mail_timeout = "20m"'))
    relay.command("reload")
    relay.command("suspend", "--domain", "suspended.test", "--why", "x")
    lent = send(relay, "behind")
    await_true("it is lent", lambda: relay.why(lent)["state"] == "leased")
    for _ in range(2):  # a connection gets as many ahead
        send(relay, "behind")
    qids = [send(relay, name) for name in ("down", "behind", "suspended")]
    for qid in qids:
        await_true("it is ready", lambda q=qid: relay.why(
            q)["state"] == "ready")
    for qid in qids:
        await_end(relay, qid, "expired", LAST_TRY_S + 60)
    relay.stop()


def test_r4_what_is_put_back_stays_while_shaper_and_ledger_fail(t):
    replies = {"RCPT": "451 4.2.1 not now"}
    host = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=host.address)
    # After a while no ledger can be written any more.
    relay.start(env={"HOLDFAST_FAULT_qmgr": "fdatasync:25+:EIO"})
    load = subprocess.Popen(
        [os.path.join(BENCH, "smtpload"), "--host", t.ip, "--port",
         str(relay.port), "-n", "1000", "-c", "10", "-s", "1000", "-d", "10",
         "--log", t.path("load.log"), "--max-time", "120"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.at_end(lambda: (load.kill(), load.wait()))
    await_true("the ledger fails",
               lambda: "event=ledger_failed" in relay.log_text())
    os.kill(relay.pids()["shaper"], signal.SIGSTOP)
    for _ in range(10):
        a = relay.status()["accounts"]
        assert a["balanced"] and a["done"] == 0, a
    load.terminate()
    load.wait()
    with open(t.path("load.log")) as f:
        accepted = {x.split()[1] for x in f if x.startswith("A")}
    assert accepted
    await_true("all are there", lambda: (
        lambda a: a["admitted"] + a["unadmitted"] >= len(accepted))(
            relay.status()["accounts"]))
    assert relay.status()["accounts"]["done"] == 0
    relay.kill_all()
    replies.clear()
    relay.start()

    def arrived():
        return {to.split("-")[1].split(".")[0]
                for _, rcpts, _ in list(host.messages) for to in rcpts}
    await_true("all arrive", lambda: arrived() >= accepted, 120)
    relay.await_empty()
    assert len(host.messages) == len(arrived())
