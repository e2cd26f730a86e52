# SPDX-License-Identifier: BSD-2-Clause
"""Frames that no worker of ours would send, from beside the honest ones: the
queue manager lives, says why it ends a connection, and loses nothing."""
import os
import random
import socket
import struct
import sys

from relay import ROOT, await_true
from worker import TABLE, TYPES, VERSION, encode

sys.path.insert(0, os.path.join(ROOT, "tests", "crash"))
from test_kill import Load, oracle  # noqa: E402

SEED = int(os.environ.get("HOLDFAST_SEED", "0"))
ROUNDS = int(os.environ.get("HOLDFAST_ROUNDS", "300"))
MESSAGES = 2000
PEER_DELIVER = 1


def frame(kind, body, length=None, version=VERSION):
    if length is None:
        length = 8 + len(body)
    return struct.pack("<IHBB", length, kind, version, 0) + body


def noise(rng):
    """One frame: of random bytes, of a wrong length, or out of order."""
    body = rng.randbytes(rng.randrange(200))
    kind = rng.randrange(len(TABLE) + 3)
    what = rng.randrange(4)
    if what == 0:
        return frame(kind, body, length=rng.getrandbits(32))
    if what == 1:
        return frame(kind, body, version=rng.randrange(256))
    if what == 2:
        return frame(TYPES["RESULT"], encode(
            "RESULT", slot=rng.randrange(1024), lease=rng.randrange(5000),
            part=rng.randrange(3), qid=rng.randbytes(16)))
    return frame(kind, body)


def attack(path, rng):
    """A false worker under a number that may be taken, or may not exist."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        try:
            if rng.randrange(4) > 0:
                s.sendall(frame(TYPES["HELLO"], encode(
                    "HELLO", role=rng.choice((PEER_DELIVER, rng.randrange(9))),
                    index=rng.choice((1, 2, 3, 255, 2**32 - 1)),
                    pid=rng.getrandbits(32))))
            for _ in range(rng.randrange(1, 6)):
                s.sendall(noise(rng))
        except (BrokenPipeError, ConnectionResetError):
            pass


def test_false_workers_harm_nobody(t):
    rng = random.Random(SEED)
    sink = t.sink()
    relay = t.relay(relay_to=sink.address, workers=2).start()
    before = relay.pids()
    load = Load(t, relay, n=MESSAGES)
    await_true("some are delivered", lambda: sink.stats()["unique"] > 50)
    path = os.path.join(relay.state, "run", "qmgr")
    for _ in range(ROUNDS):
        attack(path, rng)
    assert load.process.wait(timeout=60) == 0
    await_true("all arrive", lambda: sink.stats()["unique"] >= MESSAGES)
    relay.await_empty()
    assert relay.pids() == before, "one of ours had to go"
    sink.end()
    result = oracle.compare([load.log], [sink.log])
    assert result["accepted"] == MESSAGES and result["lost"] == 0, result
    assert result["dup"] == 0, result
    assert "event=peer_broken" in relay.log_text()
