#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""soak.py: many random kill -9 of a relay at work; nothing may be lost.

usage: soak.py [N] [--seed S] [--jobs J] [--kills K] [--until HH:MM]
       soak.py --round S [--kills K]

A round is the life of one relay under a load: seed S decides who is killed and
when (what the machine does meanwhile is not replayed). Then each recipient that
was accepted must have arrived, have been bounced with a notice, or have been
cancelled; and what came more than once must be marked as possibly delivered,
message by message. In rounds of odd seeds master is killed as well: with the
last process the slots are gone, so what came since the last moment at which all
were up may come again unmarked; in those of even seeds nothing may. Rounds go on, J at a time, until N processes were
ended by SIGKILL; the first violation ends all and leaves spool and logs.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
import oracle  # noqa: E402
from relay import BENCH, Test, alive, await_true, children, kill  # noqa: E402

KILLS = 100
PROCESSES = 6        # children of master
PAUSE_S = 4.0        # longest time between two kills
DRAIN_S = 150
UNWRITTEN_S = 2.0    # results younger than this may not be in the ledger
SETTLED_S = 0.5      # so long after the last worker's hello all is told
CONF = '''
stop_grace = "3s"
spool { segment_age = "3s" segment_size = "1M" scan_cycle = "5s" }
route "d5.test" { relay = { "%(ill)s" } }
route "d6.test" { relay = { "%(ill)s" } }
route "sender.test" { relay = { "%(home)s" } }
route "gone.test" { relay = { "%(dead)s" } }
site "*" { connect_timeout = "2s" greeting_timeout = "2s" ehlo_timeout = "2s"
	idle_reuse = "1s" messages_per_connection = 50 probe_max = "1s" }
'''
# Never written, whoever is killed.
BAD_EVENTS = ("audit_mismatch", "record_missing", "quarantined", "fatal",
              "segment_damaged", "segment_missing", "ledger_damaged",
              "checkpoint_passed_over", "record_bad", "peer_broken")
# How often which kind of kill comes; slots outlive those of the first row.
SPARING = {"one": 50, "several": 20, "children": 7, "qmgr+deliver": 8}
CUTTING = {**SPARING, "master": 5, "all": 5, "stop": 5}
QID = rb"[0-9A-HJKMNP-TV-Z]{26}"


def pause(seconds):
    """Random moments are the point here: nothing is awaited."""
    select.select([], [], [], seconds)


def qid_ms(qid):
    """When the message of a queue id arrived."""
    n = 0
    for c in qid[:10].decode():
        n = n * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)
    return n


class Stamped(list):
    """Messages, each with the moment at which it came."""

    def append(self, message):
        super().append((*message, time.time()))


class Orders(threading.Thread):
    """What a person does meanwhile; a command that fails is given up."""

    def __init__(self, life, seed):
        super().__init__(daemon=True)
        self.life, self.relay = life, life.relay
        self.rng, self.over = random.Random(seed), False
        self.done, self.gone, self.cancelled = collections.Counter(), [], 0

    def order(self, *args):
        p = self.relay.command(*args, check=False)
        self.done[args[0]] += p.returncode == 0
        return p

    def submit(self):
        try:
            self.gone.append(self.relay.submit(to=("x@gone.test",)))
        except (OSError, AssertionError, EOFError):
            return  # nobody answers, or nobody said that it is taken
        except Exception as e:
            if type(e).__module__ != "smtplib":
                raise

    def cancel(self):
        """All that was accepted before is over with it."""
        before = list(self.gone)
        if self.order("cancel", "--domain", "gone.test").returncode == 0:
            self.cancelled = max(self.cancelled, len(before))

    def ill(self):
        self.life.ill.tell("sick " + self.rng.choice(
            ("421", "451", "refuse", "hang")) + " 2")

    def run(self):
        rng = self.rng
        acts = [
            lambda: self.order("hold", "--domain", "d1.test", "--why", "x"),
            lambda: self.order("release", "--domain", "d1.test"),
            lambda: self.order("suspend", "--domain", "d2.test", "--why", "x"),
            lambda: self.order("resume", "--domain", "d2.test"),
            lambda: self.order("retry", "--queue", "*"),
            lambda: self.order("reload"),
            self.submit, self.submit, self.cancel, self.ill]
        while not self.over:
            rng.choice(acts)()
            pause(rng.uniform(0, 1))

    def finish(self):
        """Whatever is held goes; what is to be cancelled is."""
        self.over = True
        self.join()
        for args in (("release", "--queue", "*"), ("resume", "--all"),
                     ("cancel", "--domain", "gone.test"),
                     ("retry", "--queue", "*")):
            await_true(" ".join(args), lambda a=args: self.order(
                *a).returncode == 0, 60)
        self.cancelled = len(self.gone)


class Life:
    """One relay, its load, its hosts, and who is killed when."""

    def __init__(self, t, seed, rate):
        self.t, self.rng = t, random.Random(seed)
        self.well = t.sink("--p4xx", ".03", "--p5xx", ".02", "--pdrop",
                           ".003", "--latency", "5")
        self.ill = t.sink("--p4xx", ".2", "--pdrop", ".01")
        self.home = t.peer(lambda s: s.serve({"DOT": "250 2.0.0 taken"}))
        self.home.messages = Stamped()
        self.relay = t.relay(
            relay_to=self.well.address, workers=2,
            conf=CONF % {"ill": self.ill.address, "home": self.home.address,
                         "dead": f"{t.ip}:9"}).start()
        # cuts: from when to when a result may have been lost with the slots.
        self.cuts, self.hurt = [], None
        self.met, self.read_to, self.up = set(), 0, (set(), 0)
        self.kills = collections.Counter()
        self.killed = collections.Counter()
        self.log = t.path("load.log")
        self.load = subprocess.Popen(
            [os.path.join(BENCH, "smtpload"), "--host", t.ip, "--port",
             str(self.relay.port), "-n", "200000", "-c", "10", "-R", "2",
             "-s", "2000:160,20000:40,1200000:1", "-d", "8", "-m", "20",
             "-r", str(rate), "--log", self.log],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.at_end(lambda: (self.load.kill(), self.load.wait()))

    # --- who is killed --------------------------------------------------------

    def living(self, *names):
        """(pid, name) of master's children of these names, or of all."""
        found = []
        for pid in children(self.relay.process.pid):
            try:
                with open(f"/proc/{pid}/comm") as f:
                    name = f.read().strip()
            except OSError:
                continue
            if alive(pid) and (not names or name in names):
                found.append((pid, name))
        return sorted(found)

    def end(self, kind, victims):
        is_settled = self.is_settled()
        if is_settled:
            self.hurt = None
        # Who is at work when master alone goes finishes what it has.
        if self.hurt is None and not (is_settled and kind == "master"):
            self.hurt = time.time()
        for pid, name in victims:
            if alive(pid):
                kill(pid, signal.SIGKILL)
                self.kills[kind] += 1
                self.killed[name] += 1

    def read_log(self):
        """Which workers each qmgr has met."""
        with open(self.t.path("relay.log"), "rb") as f:
            f.seek(self.read_to)
            text = f.read()
        self.read_to += text.rfind(b"\n") + 1
        for qmgr, pid in re.findall(
                rb"qmgr-1\[(\d+)\]: event=worker_up worker=\d+ pid=(\d+)\n",
                text):
            self.met.add((int(qmgr), int(pid)))

    def watch(self):
        """Since when qmgr has known all workers: what the slots of those who
        died say is told by then."""
        self.read_log()
        living = self.living("qmgr", "deliver")
        qmgr = [p for p, name in living if name == "qmgr"]
        up = {p for p, _ in living}
        if len(up) == 3 and up != self.up[0] and qmgr and all(
                (qmgr[0], p) in self.met for p in up - {qmgr[0]}):
            self.up = up, time.time()

    def is_settled(self):
        self.watch()
        return self.up[0] == {p for p, _ in self.living("qmgr", "deliver")} \
            and time.time() - self.up[1] > SETTLED_S

    def one(self):
        self.end("one", self.rng.sample(self.living(), 1)
                 if self.living() else [])

    def several(self):
        living = self.living()
        n = self.rng.randint(2, 4)
        self.end("several", self.rng.sample(living, min(n, len(living))))

    def all_children(self):
        self.end("children", self.living())

    def qmgr_and_deliver(self):
        self.end("qmgr+deliver", self.living("qmgr", "deliver"))

    def master(self):
        """Its children finish and stop by themselves."""
        left = self.living()
        self.end("master", [(self.relay.process.pid, "master")])
        self.relay.process.wait()
        await_true("the children stop", lambda: not any(
            alive(p) for p, _ in left), 60)
        self.lose_slots()
        self.relay.launch()

    def lose_slots(self):
        """The last who had them are gone."""
        if self.hurt is not None:
            self.cuts.append((self.hurt - UNWRITTEN_S, time.time() + 0.5))
        self.hurt = None

    def cut(self, kind):
        """All at once, whatever they are doing."""
        master = self.relay.process
        kill(master.pid, signal.SIGSTOP)  # it starts nobody meanwhile
        victims = [(master.pid, "master"), *self.living()]
        self.end(kind, victims)
        self.lose_slots()
        master.wait()
        await_true("all are gone", lambda: not any(
            alive(p) for p, _ in victims), 30)

    def everything(self):
        self.cut("all")
        self.relay.launch()

    def stop_and_kill(self):
        """As init does it with those that do not end in time."""
        self.relay.process.send_signal(signal.SIGTERM)
        pause(self.rng.choice((0.01, 0.1, 1, 4)) * self.rng.random())
        if self.relay.process.poll() is None:
            self.cut("stop")
        else:
            self.lose_slots()
        # -SIGTERM: it had not begun yet.
        status = self.relay.process.returncode
        assert status in (0, -signal.SIGTERM, -signal.SIGKILL), status
        self.relay.launch()

    def kill_until(self, n, kinds):
        acts = {"one": self.one, "several": self.several,
                "children": self.all_children,
                "qmgr+deliver": self.qmgr_and_deliver,
                "master": self.master, "all": self.everything,
                "stop": self.stop_and_kill}
        while sum(self.kills.values()) < n:
            length = PAUSE_S * self.rng.random() ** 2
            pause(length / 2)
            self.watch()
            if len(self.living()) < PROCESSES:  # a reload ends the back-off
                self.relay.command("reload", check=False)
            pause(length / 2)
            assert self.relay.process.poll() is None, "master ended by itself"
            acts[self.rng.choices(list(kinds), list(kinds.values()))[0]]()

    # --- the end --------------------------------------------------------------

    def drain(self, orders):
        self.load.terminate()
        self.load.wait()
        for sink in (self.well, self.ill):
            for word in ("well", "p4xx 0", "p5xx 0", "pdrop 0"):
                sink.tell(word)
        orders.finish()

        def is_over():
            # Records of a lost writer may still be found when it is empty.
            # What nobody was told of may be for gone.test as well.
            orders.order("cancel", "--domain", "gone.test")
            status = self.relay.status()
            return status.get("ready") and status["queued_messages"] == 0 \
                and not Judge(self).lost
        try:
            await_true("all arrive", is_over, DRAIN_S)
        except AssertionError:
            print(json.dumps({"lost": [str(k) for k in Judge(self).lost],
                              "status": self.relay.status()}))
            print(self.relay.command("queue", check=False).stdout)
            raise


class Judge:
    """Compares what the clients were told with what came."""

    def __init__(self, life):
        self.life = life
        stats = [s.stats() for s in (life.well, life.ill)]  # flushes the logs
        self.wrong = sum(s["len_bad"] + s["id_bad"] for s in stats)
        self.accepted, _, _, self.refused = oracle.read_logs([life.log], [])
        self.doubt = collections.Counter()
        with open(life.log, "rb") as f:
            for w in map(bytes.split, f):
                if len(w) >= 4 and w[0] == b"U":
                    self.doubt[w[1], w[2]] += 1
        # Who came: key -> [(queue id, time)]
        self.came = collections.defaultdict(list)
        for sink in (life.well, life.ill):
            with open(sink.log, "rb") as f:
                for w in map(bytes.split, f):
                    if len(w) == 5 and w[0] == b"D":
                        self.came[w[1], w[2]].append((w[4], int(w[3]) / 1e6))
        self.bounced, self.notices = 0, collections.defaultdict(set)
        self.last = {}  # notice -> when it came last
        for _, _, content, at in list(life.home.messages):
            self._notice(content, at)
        self.lost = [k for k in self.accepted if k not in self.came]

    def _notice(self, content, at):
        """A notice is another way in which a message comes to its end. It was
        made twice when it was handed in, or came twice after it had come."""
        ids = re.findall(rb"\sid (" + QID + rb")\b", content)
        assert len(ids) >= 2, content
        self.notices[ids[1]].add(ids[0])
        since = self.last.get(ids[0], qid_ms(ids[0]) / 1e3)
        self.last[ids[0]] = at
        for n, r in re.findall(rb"Final-Recipient: rfc822; ?b-(\d+)\.(\d+)@",
                               content):
            self.bounced += 1
            self.came[n, r].append((ids[1], since))

    def doubles(self):
        """queue id -> times at which something came though it had come; ids
        too many of one message are told as None."""
        found = collections.defaultdict(list)
        for key, came in self.came.items():
            ids = {q for q, _ in came}
            if len(ids) > 1 + self.doubt[key]:
                found[None].append((key, sorted(ids)))
            for q in ids:
                times = sorted(at for i, at in came if i == q)
                if len(times) > 1:
                    found[q].append(times)
        return found

    def marks(self):
        found = collections.Counter(re.findall(
            r"event=possibly_delivered qid=(\w+)", self.life.relay.log_text()))
        return collections.Counter(
            {q.encode(): n for q, n in found.items()})

    def is_cut(self, times):
        """How many copies came just before a kill of everything."""
        return sum(any(begin < at < end for begin, end in self.life.cuts)
                   for at in times)

    def unmarked(self):
        """Doubles that nothing explains; and the figures of those that are."""
        marks, bad = self.marks(), []
        n = collections.Counter()
        for q, lists in self.doubles().items():
            if q is None:
                bad += [("two queue ids", x) for x in lists]
                continue
            extra = sum(len(times) - 1 for times in lists)
            marked = marks[q] + sum(marks[i] for i in self.notices[q])
            cut = sum(self.is_cut(times) for times in lists)
            n["doubled"] += extra
            n["marked"] += min(extra, marked)
            n["unwritten"] += min(max(extra - marked, 0), cut)
            if extra > marked + cut:
                bad.append((q.decode(), lists, marked, cut))
        return bad, n


def check_log(text):
    # A kill can end the ledger in the middle of a batch: a torn tail.
    bad = [x for x in text.splitlines() if "a torn tail" not in x and
           re.search(r"event=(%s) " % "|".join(BAD_EVENTS), x) or
           re.search(r"event=process_(died|failing) .*signal=(?!9\b|15\b|0\b)",
                     x)]
    assert not bad, "\n".join(bad[:20])


def one_round(t, seed, kills=KILLS, kinds=None, rate=40):
    """One relay's life; its figures. AssertionError is a violation."""
    began = time.monotonic()
    kinds = kinds or (CUTTING if seed % 2 == 1 else SPARING)
    life = Life(t, seed, rate)
    orders = Orders(life, seed)
    orders.start()
    life.kill_until(kills, kinds)
    killed_s = time.monotonic() - began
    life.drain(orders)
    judge = Judge(life)
    bad, n = judge.unmarked()
    accounts = life.relay.status()["accounts"]
    figures = {
        "seed": seed, "kills": sum(life.kills.values()), "by": life.kills,
        "processes": life.killed, "orders": orders.done,
        "accepted": len(judge.accepted), "in_doubt": len(judge.doubt),
        "bounced": judge.bounced, "cancelled": orders.cancelled,
        "lost": len(judge.lost), **n, "unmarked": len(bad),
        "kill_s": round(killed_s, 1),
        "seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(figures), flush=True)
    assert not bad, bad
    assert judge.wrong == 0 and judge.refused == 0, (judge.wrong,
                                                     judge.refused)
    assert accounts["balanced"], accounts
    for qid in orders.gone:
        # Old history goes with old ledger files.
        why = json.loads(life.relay.command("why", qid, "--json",
                                            check=False).stdout)
        assert why["state"] in ("done", "unknown"), why
    check_log(life.relay.log_text())
    life.relay.stop()
    return figures


def round_here(seed, kills):
    """The process of one round."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    t = Test(tempfile.mkdtemp(prefix="soak-"))
    try:
        one_round(t, seed, kills)
        t.passed = True
    except BaseException:
        traceback.print_exc()
        raise SystemExit(1)
    finally:
        sys.stderr.flush()
        t.close()


class Soak:
    """Rounds, several at a time, until there were enough kills."""

    def __init__(self, args):
        self.args, self.seed = args, args.seed
        self.total = collections.Counter()
        self.lock, self.failed = threading.Lock(), False

    def is_over(self):
        return self.failed or self.total["kills"] >= self.args.n or \
            (self.args.until and time.strftime("%H:%M") >= self.args.until)

    def lane(self):
        while True:
            with self.lock:
                if self.is_over():
                    return
                seed, self.seed = self.seed, self.seed + 1
            p = subprocess.run(
                [sys.executable, os.path.abspath(__file__), "--round",
                 str(seed), "--kills", str(self.args.kills)],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            with self.lock:
                self.take(seed, p.returncode, p.stdout.decode(
                    errors="replace"))

    def take(self, seed, status, text):
        first = text.partition("\n")[0]
        if status < 0:
            print(f"the round of seed {seed} was ended by signal {-status}: "
                  "it does not count", flush=True)
            return
        if status != 0:
            self.failed = True
            print(f"VIOLATION in the round of seed {seed}:\n{text[-30000:]}",
                  flush=True)
            return
        for name, value in json.loads(first).items():
            if isinstance(value, dict):
                for k, v in value.items():
                    self.total[f"{name} {k}"] += v
            elif name != "seed":
                self.total[name] += value
        self.total["rounds"] += 1
        print(f"{first}\ntotal {self.total['kills']} kills, "
              f"{self.total['accepted']} accepted, {self.total['lost']} lost",
              flush=True)

    def run(self):
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            for lane in [pool.submit(self.lane)
                         for _ in range(self.args.jobs)]:
                lane.result()
        self.total["took_s"] = round(time.monotonic() - began)
        print(json.dumps(self.total))
        return 1 if self.failed else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("n", nargs="?", type=int, default=1000,
                    help="processes to kill in all")
    ap.add_argument("--seed", type=int, default=1, help="of the first round")
    ap.add_argument("--jobs", type=int, default=4, help="relays at a time")
    ap.add_argument("--kills", type=int, default=KILLS, help="in each round")
    ap.add_argument("--until", help="HH:MM: no round begins after it")
    ap.add_argument("--round", type=int, help="only the round of this seed")
    args = ap.parse_args()
    if args.round is not None:
        return round_here(args.round, args.kills)
    return Soak(args).run()


if __name__ == "__main__":
    sys.exit(main())
