#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""power.py: cuts recorded runs of a relay at moments, as a power loss would.

usage: power.py [--replays N] [--seed N] [--jobs N] [--keep DIR]
                [--scene NAME] [--only N]

Records each scene once, then N times builds the spool that a disk could have
after power went at some moment of it, starts the relay on that, and compares
what the clients had been told, what the peer had got and what comes now. With
--keep the records stay, and a later run with the same DIR uses them: the same
seed then cuts the same moments; --only repeats one replay. Exits 1 if anything
was wrong.
"""
import argparse
import collections
import contextlib
import json
import multiprocessing
import os
import pickle
import random
import re
import select
import shutil
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"),
                os.path.join(ROOT, "tests", "crash")]
from power_disk import MODES, Disk  # noqa: E402
from power_log import Log, Recorder  # noqa: E402
from power_scenes import (BOUNCES, CONF, LISTENER, SCENES,  # noqa: E402
                          Stage, Taker)
from relay import Test  # noqa: E402
from spool import BLOCK, qid_text  # noqa: E402

WAIT_S = 60
shared = None  # what the processes of the pool work on


def await_seldom(check):
    """Asks ten times a second at most, for the asking costs more than the
    waiting; False: not within WAIT_S."""
    end = time.monotonic() + WAIT_S
    while not check():
        if time.monotonic() > end:
            return False
        select.select([], [], [], 0.1)
    return True


def moving(status):
    """How many parts are neither done nor held."""
    return sum(status["accounts"][k] for k in ("waiting", "ready", "leased"))


def qids_in(path):
    """Of the records whose headers stand in a file at a block's begin."""
    with open(path, "rb") as f:
        data = f.read()
    return {qid_text(data[at + 48:at + 64])
            for at in range(0, len(data), BLOCK) if data[at:at + 4] == b"HREC"}


class Record:
    """A scene that was recorded: its log, and what the clients sent."""

    def __init__(self, t, scene, seed, lie=False):
        self.name = scene.__name__
        path = t.path("record")
        stage = Stage(t, Recorder(path, lie), seed)
        scene(stage)
        self.log = Log(path, t.dir)
        assert self.log.said, "nothing was accepted"
        os.unlink(path)
        self.messages = stage.messages
        self.last = max(q for _, q in self.log.said)


class Loss:
    """What must be, and what must not, when power goes at a moment."""

    def __init__(self, record, moment):
        log = record.log
        self.accepted = log.accepted(moment)
        self.messages = {q: m for q, m in record.messages.items()
                         if q in self.accepted}
        self.before = collections.Counter()
        self.settled = set()  # came, and that is written: never again
        self.begun = set(map(tuple, log.marked(moment, "B")))
        self.answered = set(map(tuple, log.marked(moment, "A")))
        done = log.done_durably(moment)
        parts = {q: m["parts"] for q, m in record.messages.items()}

        def is_settled(qid):
            return all((qid, i) in done for i in range(parts.get(qid, 1)))

        # Of their failure somebody was told, and that is written.
        self.told = {r for q, m in record.messages.items() if is_settled(q)
                     for r in m["rcpts"]}
        for word in "DN":
            for rcpt, qid in log.marked(moment, word):
                self.before[word, rcpt] += 1
                if is_settled(qid):
                    self.settled.add((word, rcpt, qid))

    def order_on(self, tenant):
        """True: held or suspended for certain; False: not; None: perhaps."""
        ends = [((b, tenant) in self.begun, (a, tenant) in self.answered,
                 (b, tenant) in self.answered)
                for a, b in (("hold", "release"), ("suspend", "resume"))
                if (a, tenant) in self.begun]
        if any(answered and not ending for ending, answered, _ in ends):
            return True
        return False if all(ended for _, _, ended in ends) else None

    def wanted(self, *states):
        """{(D or N, recipient)} that must still come, or have come: of the
        tenants of which order_on() says one of these."""
        return {("N" if r.endswith(BOUNCES) else "D", r)
                for m in self.messages.values()
                if ("cancel", m["tenant"]) not in self.begun and
                self.order_on(m["tenant"]) in states
                for r in m["rcpts"]}

    def unwanted(self):
        return {("D", r) for m in self.messages.values()
                if ("cancel", m["tenant"]) in self.answered
                for r in m["rcpts"]}


class Replay:
    def __init__(self, t, record, moment, mode, rng):
        self.t, self.record = t, record
        self.came = collections.defaultdict(list)
        self.loss = Loss(record, moment)
        self.wrong = []
        Disk(record.log, moment, mode, rng).build(t.dir)
        taker = Taker(t, self.took)
        self.relay = t.relay(conf=CONF, listener=LISTENER,
                             relay_to=taker.address)

    def took(self, word, rcpt, qid):
        self.came[word, rcpt].append(qid)

    def run(self):
        """Returns what is wrong, and facts that are none the less of
        interest."""
        self.relay.start()
        self.expect(self.loss.wanted(False))
        held = {r for _, r in self.loss.wanted(True)}
        for key in self.came:
            if key[1] in held and not self.may_repeat(key):
                self.wrong.append(f"held, and came: {key}")
        for command, tenant in self.loss.begun:
            ends = {"hold": "release", "suspend": "resume"}.get(command)
            if ends is not None:  # there may be nothing left to end
                self.relay.command(ends, "--tenant", tenant, check=False)
        self.expect(self.loss.wanted(True, None))
        self.settle()
        self.check()
        return self.wrong, self.facts()

    def is_known(self, qid):
        """False: a record that was refused, since its sync failed or was cut
        off, and that the disk kept; its sender may have sent it again."""
        return qid in self.loss.accepted or qid > self.record.last

    def may_repeat(self, key):
        return self.loss.before[key] > 0 and not any(
            (*key, q) in self.loss.settled for q in self.came[key])

    def missing(self, wanted):
        return [k for k in wanted if k not in self.came and not self.loss.before[k]]

    def expect(self, wanted):
        """Until all has come; or nothing is queued, the whole spool was
        looked through since, and nothing more comes."""
        pass_end = None

        def is_over():
            nonlocal pass_end
            if not self.missing(wanted):
                return True
            status = self.relay.status()
            if not status.get("ready") or moving(status):
                pass_end = None
                return False
            pass_end = pass_end or status["scan"]["pass"] + 2
            return status["scan"]["pass"] > pass_end
        await_seldom(is_over)
        self.wrong += [f"lost: {k}" for k in self.missing(wanted)]

    def settle(self):
        if not await_seldom(lambda: not moving(self.relay.status())):
            self.wrong.append(f"does not get empty: {self.relay.queue()}")

    def check(self):
        for key, qids in list(self.came.items()):
            self.check_one(key, [q for q in qids if self.is_known(q)])
        status = self.status = self.relay.status()
        if not status["accounts"]["balanced"]:
            self.wrong.append(f"accounts: {status['accounts']}")
        if status["scan"]["missing"]:
            self.wrong.append(f"records missing: {status['scan']}")
        # A record that was torn before it was acknowledged may be set aside,
        # and what is taken for its mail be held; nothing else.
        held = set(re.findall(r"event=part_held qid=(\w{26})",
                              self.relay.log_text()))
        if status["accounts"]["held"] and not held:
            self.wrong.append(f"held: {status['accounts']}")
        folder = os.path.join(self.relay.state, "spool", "quarantine")
        for name in os.listdir(folder):
            held.update(qids_in(os.path.join(folder, name)))
        self.wrong += [f"damaged: {q}" for q in held & self.loss.accepted]

    def check_one(self, key, qids):
        word, rcpt = key
        new = [q for q in qids if q > self.record.last]
        if len(qids) > len(set(qids)) or len(new) > 1:
            self.wrong.append(f"came too often: {key}: {qids}")
        if any((*key, q) in self.loss.settled for q in qids) or \
                new and word == "N" and rcpt in self.loss.told:
            self.wrong.append(f"came again, though settled: {key}: {qids}")
        if key in self.loss.unwanted() and not self.may_repeat(key):
            self.wrong.append(f"cancelled, and came: {key}")

    def facts(self):
        log = self.relay.log_text()
        return dict(
            accepted=len(self.loss.messages),
            again=sum(1 for k in self.came if self.loss.before[k]),
            recovered=self.status["scan"]["recovered"],
            quarantined=self.status["scan"]["quarantined"],
            alarms=sorted({w[6:] for line in log.splitlines()
                           if " ERROR " in line or "level=error" in line
                           for w in line.split()
                           if w.startswith("event=")}))


def replay(record, seed, i):
    """Replay number i: where and how it is cut follows from the seed."""
    rng = random.Random(f"{seed}.{i}.{record.name}")
    moment = record.log.moment(rng)
    mode = sorted(MODES)[rng.randrange(len(MODES))]
    return {"replay": i, **cut(record, moment, mode, rng)}


def cut(record, moment, mode, rng):
    """One replay: {"wrong": ...}; leaves its directory if anything is."""
    t = Test(tempfile.mkdtemp(prefix="hf-power-"))
    out = dict(scene=record.name, mode=mode, moment=moment, folder=t.dir)
    try:
        run = Replay(t, record, moment, mode, rng)
        out["wrong"], facts = run.run()
        out.update(facts)
        run.relay.kill_all()
    except Exception as e:
        out["wrong"] = [f"{type(e).__name__}: {e}"]
    t.passed = not out["wrong"]
    t.close()
    return out


class Tally:
    """What all replays have shown."""

    def __init__(self):
        self.begin = time.monotonic()
        self.sums, self.wrong = collections.Counter(), []
        self.alarms = collections.Counter()

    def add(self, out):
        self.sums["replays"] += 1
        for key in ("accepted", "again", "recovered", "quarantined"):
            self.sums[key] += out.get(key, 0)
        self.alarms.update(out.get("alarms", ()))
        if out["wrong"]:
            self.wrong.append(out)
            print(json.dumps({**out, "wrong": out["wrong"][:20]}), flush=True)

    def lost(self):
        return sum(w.startswith("lost: ") for o in self.wrong
                   for w in o["wrong"])

    def summary(self):
        return dict(**self.sums, wrong=len(self.wrong), lost=self.lost(),
                    alarms=dict(self.alarms),
                    seconds=round(time.monotonic() - self.begin, 1))


def record_one(path, name, seed):
    t = Test(tempfile.mkdtemp(prefix="hf-power-"))
    try:
        record = Record(t, SCENES[name], seed)
        t.passed = True
    finally:
        t.close()
    with open(path + ".new", "wb") as f:
        pickle.dump(record, f)
    os.rename(path + ".new", path)


def record_all(folder, names, seed):
    """Records the scenes that are not in the folder yet."""
    paths = {n: os.path.join(folder, n + ".pickle") for n in names}
    missing = [(p, n, seed) for n, p in paths.items() if not os.path.exists(p)]
    with pool_of(2) as pool:
        pool.starmap(record_one, missing, 1)
    records = []
    for path in paths.values():
        with open(path, "rb") as f:
            records.append(pickle.load(f))
    return records


@contextlib.contextmanager
def pool_of(jobs):
    """Each task in a process of its own, and so with an address of its own.

    At the end they are waited for: one that is told to end while it is being
    forked may swallow that, and stay."""
    pool = multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1)
    try:
        yield pool
        pool.close()
    except BaseException:
        pool.terminate()
        raise
    pool.join()


def run_all(records, seed, numbers, jobs):
    """Replays share the records in turn, each in a process of the pool."""
    global shared
    shared = records, seed
    tally = Tally()
    with pool_of(jobs) as pool:
        for out in pool.imap_unordered(run_one, numbers):
            tally.add(out)
    return tally


def run_one(i):
    records, seed = shared
    return replay(records[i % len(records)], seed, i)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--replays", type=int, default=20)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--keep", help="directory of the records")
    ap.add_argument("--scene", choices=sorted(SCENES))
    ap.add_argument("--only", type=int, help="this replay alone")
    args = ap.parse_args()
    names = [args.scene] if args.scene else sorted(SCENES)
    folder = args.keep or tempfile.mkdtemp(prefix="hf-power-")
    os.makedirs(folder, exist_ok=True)
    numbers = range(args.replays) if args.only is None else [args.only]
    try:
        records = record_all(folder, names, args.seed)
        tally = run_all(records, args.seed, numbers, args.jobs)
    finally:
        if not args.keep:
            shutil.rmtree(folder)
    print(json.dumps(tally.summary()))
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
