# SPDX-License-Identifier: BSD-2-Clause
"""Each fallible call of each daemon fails, or is the last thing it does.

A round arms one fault in each daemon, under load, then goes on without. All
pairs of call and fault come in turn, in an order that HOLDFAST_SEED makes;
HOLDFAST_ROUNDS says how many rounds: 126 try each of them.
"""
import os
import random
import re
import select
import signal
import subprocess
import sys
import time

from relay import ROOT, await_true, children, kill

sys.path.insert(0, os.path.join(ROOT, "tests", "crash"))
from test_kill import Load, oracle  # noqa: E402

ROUNDS = int(os.environ.get("HOLDFAST_ROUNDS", "3"))
SEED = int(os.environ.get("HOLDFAST_SEED", "0"))
MESSAGES = 300
FAULTED_S = 2
WORKERS = 2

# What each makes, of the calls in the table of util/io/sys.h.
CALLS = {
    "master": "read write fsync openat mkdirat unlinkat flock fstat socket "
              "accept4 sendmsg recvmsg",
    "smtpd": "read write pwrite pwritev fdatasync fsync openat linkat "
             "ftruncate fallocate flock fstat accept4 connect socket sendmsg "
             "recvmsg",
    "qmgr": "pread pwrite pwritev fdatasync fsync openat linkat renameat "
            "unlinkat ftruncate fallocate flock fstat accept4 connect socket "
            "sendmsg recvmsg",
    "deliver": "read write pread socket connect sendmsg recvmsg",
    "shaper": "read write openat fstat accept4 sendmsg recvmsg socket "
              "connect",
}
WHATS = ("EIO", "ENOSPC", "EMFILE", "EINTR", "ENOMEM", "short", "kill")


def plan(rng):
    """For each round, the fault of each daemon."""
    decks = {}
    for name, calls in CALLS.items():
        deck = [(c, w) for c in calls.split() for w in WHATS]
        rng.shuffle(deck)
        decks[name] = deck
    for i in range(ROUNDS):
        yield {name: (*deck[i % len(deck)], when(rng))
               for name, deck in decks.items()}


def when(rng):
    """The n-th call: the first ones are those of the start."""
    return f"{rng.choice((1, 3, 6, 12, 30, 100)) + rng.randrange(3)}" + \
        rng.choice(("", "", "+"))


def end(relay):
    """Stops it; whether what its workers knew may be lost with it."""
    master, before = relay.process, children(relay.process.pid)
    is_orphaned = master.poll() is not None
    if not is_orphaned:
        master.send_signal(signal.SIGTERM)
    try:
        master.wait(timeout=15)
    except subprocess.TimeoutExpired:
        relay.kill_all()
        return True
    for pid in before:
        kill(pid, signal.SIGKILL)
    return is_orphaned or master.returncode != 0


def holders(relay):
    """Processes that hold the lock of the spool."""
    path, found = os.path.join(relay.state, "spool", "lock"), []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(f"/proc/{pid}/fd/{fd}") == path
                   for fd in os.listdir(f"/proc/{pid}/fd")):
                found.append(int(pid))
        except OSError:
            continue
    return found


def run_faulted(relay, load, faults):
    """Some seconds of it, or until the load is through."""
    env = {f"HOLDFAST_FAULT_{name}": f"{call}:{n}:{what}"
           for name, (call, what, n) in faults.items()}
    relay.launch(env)
    until = time.monotonic() + FAULTED_S
    while load.running() and time.monotonic() < until and \
            relay.process.poll() is None:
        select.select([], [], [], 0.02)


def relay_log(t):
    with open(t.path("relay.log"), errors="replace") as f:
        return f.read()


def one_round(t, number, faults, messages=MESSAGES):
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=WORKERS,
                    name=f"relay{number}", conf='stop_grace = "3s"')
    at = len(relay.log_text()) if number else 0
    load = Load(t, relay, n=messages)
    run_faulted(relay, load, faults)
    unwritten = WORKERS * 1024 if end(relay) else 0
    for pid in holders(relay):
        kill(pid, signal.SIGKILL)
    await_true("it is over", lambda: not holders(relay), 30)
    relay.start()
    assert load.process.wait(timeout=120) == 0
    await_true("all arrive",
               lambda: sink.stats()["unique"] >= messages, 60)
    relay.await_empty(60)
    relay.stop()
    sink.end()
    log = relay.log_text()[at:]
    result = oracle.compare([load.log], [sink.log])
    marks = len(re.findall("event=possibly_delivered", log))
    assert result["accepted"] == messages, (faults, result)
    assert result["lost"] == 0, (faults, result)
    assert result["dup"] <= marks + unwritten, (faults, result, marks)
    os.unlink(load.log)
    return len(re.findall("fault met: ", log))


def test_each_call_fails_and_nothing_is_lost(t):
    met = 0
    for i, faults in enumerate(plan(random.Random(SEED))):
        began = time.monotonic()
        n = one_round(t, i, faults)
        print(f"round {i}: {n} met, {time.monotonic() - began:.1f} s, {faults}")
        met += n
    # Some fall behind the last call of their kind.
    assert met >= ROUNDS, met


def test_a_worker_that_cannot_read_is_dead_or_says_that_it_doubts(t):
    """What comes from qmgr, and from the peers behind the dot."""
    # So many that a worker reads often, however much comes at once.
    met = one_round(t, 0, {"deliver": ("recvmsg", "ENOMEM", "6")}, 10000)
    assert met > 0
    assert "the connection to qmgr failed" in relay_log(t)
    met = one_round(t, 1, {"deliver": ("read", "ENOMEM", "40+")}, 3000)
    assert met > 0
