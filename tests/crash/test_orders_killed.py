# SPDX-License-Identifier: BSD-2-Clause
"""qmgr dies in the middle of orders for many: each part is in one queue."""
import signal
import threading

from relay import await_true, kill

PARTS = 6000


def queue_many(r):
    r.command("suspend", "--queue", "*.dest.test")
    with r.client() as c:
        c.ehlo()
        for i in range(PARTS // 100):
            c.mail("a@client.test")
            for k in range(100):
                c.rcpt(f"u{k}@d{i}-{k}.dest.test")
            code, text = c.data(b"Subject: x\r\n\r\nhello\r\n")
            assert code == 250, text
    await_true("all are queued",
               lambda: r.status()["accounts"]["ready"] == PARTS, 120)


def kill_in(r, *args):
    """Gives an order, and kills qmgr as soon as it was heard of."""
    pid = r.pids()["qmgr"]
    thread = threading.Thread(target=lambda: r.command(*args, check=False))
    thread.start()
    kill(pid, signal.SIGKILL)
    thread.join()
    await_true("another one is there", lambda: r.status().get("ready") and
               r.pids().get("qmgr") not in (None, pid))


def test_a_move_is_finished_by_whoever_comes_after(t):
    r = t.relay().start()
    queue_many(r)
    for tenant in ("one", "two", "three"):
        kill_in(r, "move", "--queue", "*.dest.test", "--to-tenant", tenant)
        a = r.status()["accounts"]
        assert a["balanced"] and a["ready"] == PARTS, a
    said = r.command("move", "--queue", "*.dest.test", "--to",
                     "late:gold@all.dest.test", "--why", "at last")
    assert said.stdout.startswith(f"{PARTS} moved"), said.stdout
    kill(r.pids()["qmgr"], signal.SIGKILL)
    await_true("all are in one queue", lambda: r.status().get("ready") and [
        (q["queue"], q["ready"]) for q in r.queue() if q["ready"]] ==
        [("late:gold@all.dest.test", PARTS)])
    r.kill_all()
    r.start()
    rows = [(q["queue"], q["ready"]) for q in r.queue() if q["ready"]]
    assert rows == [("late:gold@all.dest.test", PARTS)], rows
    said = r.command("cancel", "--tenant", "gold")
    assert said.stdout.startswith(f"{PARTS} cancelled"), said.stdout
    assert r.status()["queued_messages"] == 0
