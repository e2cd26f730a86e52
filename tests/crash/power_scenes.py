# SPDX-License-Identifier: BSD-2-Clause
"""power_scenes: what a relay goes through while its files are recorded."""
import os
import random
import re
import signal
import smtplib
import threading

from relay import await_true, kill

QID = re.compile(rb"\bid ([0-9A-HJKMNP-TV-Z]{26})")
FAILED = re.compile(rb"Final-Recipient: rfc822; *(\S+)", re.I)
BOUNCES = "bounce.test"  # its recipients are refused for good
LATER = "later.test"     # refused once
# Small, so that segments are sealed, moved and removed all the time.
CONF = """
spool { segment_age = "1s" segment_size = "1M" segment_message_max = "64K"
	scan_cycle = "1s" }
"""
LISTENER = 'tenant_header = "X-Tenant"'


class Taker:
    """A peer that tells of each delivery before it says so to the relay."""

    def __init__(self, t, tell):
        self.tell, self.shut, self.tried = tell, False, set()
        self.peer = t.peer(self.serve)
        self.address = self.peer.address

    def reply_to(self, rcpt):
        domain = rcpt.rpartition("@")[2]
        if self.shut:
            return "451 4.2.1 not now"
        if domain == BOUNCES:
            return "550 5.1.1 nobody of that name"
        if domain == LATER and rcpt not in self.tried:
            self.tried.add(rcpt)
            return "451 4.2.1 try again"
        return "250 2.1.5 ok"

    def serve(self, session):
        session.say("220 peer ESMTP")
        while True:
            line = session.line()
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb == "MAIL":
                rcpts, is_notice = [], "<>" in line
            if verb == "RCPT":
                rcpt = line.split("<", 1)[1].split(">")[0]
                reply = self.reply_to(rcpt)
                rcpts += [rcpt] if reply.startswith("2") else []
                session.say(reply)
            elif verb == "DATA" and not rcpts:
                session.say("554 5.5.1 no recipients")
            elif verb == "DATA":
                session.say("354 go")
                self.taken(session.content(), rcpts, is_notice)
                session.say("250 2.0.0 taken")
            elif verb == "EHLO":
                session.say("250-peer", "250-PIPELINING", "250 8BITMIME")
            elif verb == "QUIT":
                session.say("221 2.0.0 bye")
                return
            else:
                session.say("250 2.0.0 ok")

    def taken(self, content, rcpts, is_notice):
        qid = QID.search(content).group(1).decode()
        if is_notice:
            # N: somebody was told that this recipient failed.
            for rcpt in set(FAILED.findall(content)):
                self.tell("N", rcpt.decode(), qid)
        for rcpt in rcpts:
            self.tell("D", rcpt, qid)


class Stage:
    """One recording: a relay, its peer, its clients and what they sent."""

    def __init__(self, t, recorder, seed):
        self.t, self.recorder = t, recorder
        self.rng = random.Random(seed)
        self.messages, self.n, self.faults = {}, 0, {}
        self.lock = threading.Lock()
        self.taker = Taker(t, recorder.mark)
        self.relay = t.relay(conf=CONF, listener=LISTENER,
                             relay_to=self.taker.address)

    def start(self, **faults):
        self.relay.start(env={**self.recorder.env, **faults})

    def send(self, tenant=None, domains=("dest.test",), rcpts=1, size=600):
        """Sends one message; what was acknowledged is noted with its fate."""
        with self.lock:
            self.n += 1
            n = self.n
        to = [f"r{n}.{i}@{d}" for d in domains for i in range(rcpts)]
        body = f"X-Tenant: {tenant}\r\n" if tenant else ""
        body += f"Subject: {n}\r\n\r\n" + f"{n:070d}\r\n" * (size // 72)
        try:
            qid = self.relay.submit(f"s{n}@sender.test", to, body.encode())
        except (OSError, smtplib.SMTPException, AssertionError):
            return  # refused, or its process was killed: sent by nobody else
        with self.lock:
            self.messages[qid] = dict(rcpts=to, tenant=tenant,
                                      parts=len(domains))

    def send_many(self, n, clients=4, **kw):
        sizes = [300, 600, 3000, 9000, 30000, 90000, 200000]
        chances = [30, 30, 10, 10, 10, 5, 5]
        kinds = [("dest.test",), ("dest.test",), ("other.test",), (BOUNCES,),
                 (LATER,), ("dest.test", "other.test")]
        plans = [{"size": self.rng.choices(sizes, chances)[0],
                  "domains": self.rng.choice(kinds),
                  "rcpts": self.rng.choice((1, 1, 1, 5)), **kw}
                 for _ in range(n)]

        def run(mine):
            for plan in mine:
                self.send(**plan)
        threads = [threading.Thread(target=run, args=(plans[i::clients],))
                   for i in range(clients)]
        for thread in threads:
            thread.start()
        return threads

    def order(self, command, tenant):
        """Marks when it begins and when it has been answered."""
        self.recorder.mark("B", command, tenant)
        self.relay.command(command, "--tenant", tenant)
        self.recorder.mark("A", command, tenant)

    def quiet(self):
        self.relay.await_empty(60)
        await_true("all segments are reclaimed", lambda: not os.listdir(
            os.path.join(self.relay.state, "spool", "deferred")), 30)

    def kill(self, name):
        for n, pid in self.relay.pids().items():
            if n.split("/")[0] == name:
                kill(pid, signal.SIGKILL)


def join(threads):
    for thread in threads:
        thread.join()


def flow(s):
    """A first start; mail comes and goes, bounces are told, segments end; a
    clean stop; a start on its checkpoint, and more mail."""
    s.start()
    join(s.send_many(60))
    s.quiet()
    s.taker.shut = True
    join(s.send_many(20))
    s.relay.stop()
    s.start()
    threads = s.send_many(20)
    s.taker.shut = False
    join(threads)
    s.quiet()
    s.relay.stop()


def orders(s):
    """Mail that waits is held, cancelled, suspended, released, resumed; a
    restart comes between."""
    s.taker.shut = True
    s.start()
    for tenant in ("ann", "bob", "cid", "dan"):
        join(s.send_many(12, tenant=tenant))
    s.order("hold", "ann")
    s.order("cancel", "bob")
    s.order("suspend", "cid")
    s.taker.shut = False
    join(s.send_many(10, tenant="dan"))
    s.relay.stop()
    s.start()
    s.order("release", "ann")
    s.order("hold", "cid")
    s.order("resume", "cid")
    join(s.send_many(10, tenant="ann"))
    s.order("release", "cid")
    s.quiet()
    s.relay.stop()


def failures(s):
    """Syncs of segments and of the ledger fail, processes are killed."""
    s.start(HOLDFAST_FAULT_smtpd="fdatasync:9:EIO",
            HOLDFAST_FAULT_qmgr="fdatasync:8:EIO")
    threads = s.send_many(40)
    await_true("some came in", lambda: len(s.messages) > 10)
    s.kill("smtpd")
    join(threads)
    threads = s.send_many(30)
    s.kill("qmgr")
    join(threads)
    threads = s.send_many(30)
    s.relay.kill_all()
    join(threads)
    s.start()
    join(s.send_many(20))
    s.quiet()
    s.relay.stop()


SCENES = {"flow": flow, "orders": orders, "failures": failures}
