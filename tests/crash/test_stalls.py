# SPDX-License-Identifier: BSD-2-Clause
"""Peers that stall: each attempt ends by its own time limit, and meanwhile
whoever asks sees where the message is and why."""
import re
import socket
import threading

from relay import Peer, await_true

LIMITS = '''
log_level = "debug"
site "*" { connect_timeout = "1s" greeting_timeout = "1s" ehlo_timeout = "1s"
	mail_timeout = "1s" rcpt_timeout = "1s" data_timeout = "1s"
	body_timeout = "1s" dot_timeout = "1s" idle_reuse = "1s"
	probe_max = "1s" }
'''
# More than the buffers of two sockets hold.
LONG = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 120000
# STARTTLS and what follows it are not spoken to hosts, so they have no stage.
# stage: (what the peer does, what the log tells when the attempt has ended)
STAGES = {
    "connect": (None, r"conn_failed .*stage=connect .*timed out"),
    "greeting": ({"HELLO": "stall"}, r"conn_failed .*stage=greeting .*timed"),
    "ehlo": ({"EHLO": "stall"}, r"conn_failed .*stage=EHLO .*timed out"),
    "mail": ({"MAIL": "stall"}, r'deferred .*stage=MAIL .*"MAIL: timed out'),
    "rcpt": ({"RCPT": "stall"}, r'deferred .*stage=RCPT .*"RCPT: timed out'),
    "data": ({"DATA": "stall"}, r'deferred .*stage=DATA .*"DATA: timed out'),
    "body": ({"BODY": "stall"}, r'deferred .*stage=body .*"body: timed out'),
    "dot": ({"DOT": "stall"}, r'deferred .*stage=dot .*"dot: timed out; poss'),
    "rset": ({"RCPT": "450 4.2.1 not now", "RSET": "stall"},
             r'conn_closed .*reason="RSET: timed out'),
    "quit": ({"QUIT": "stall"}, r'conn_closed .*reason="QUIT: timed out'),
}


class Hole(Peer):
    """Nobody takes its connections, and its backlog is full."""

    def listen(self):
        self.healed = threading.Event()
        self.port = self.t.port()
        self.address = f"{self.t.ip}:{self.port}"
        server = socket.create_server((self.t.ip, self.port), backlog=0)
        self.filling = [socket.socket() for _ in range(4)]
        for s in self.filling:
            s.setblocking(False)
            s.connect_ex((self.t.ip, self.port))
        return server

    def _accept(self):
        self.healed.wait()
        super()._accept()

    def end(self):
        self.healed.set()
        for s in self.filling:
            s.close()
        super().end()


class Stage:
    """A domain of its own, whose host stalls at one stage."""

    def __init__(self, t, name):
        self.name, self.domain = name, f"{name}.test"
        replies, self.ended = STAGES[name]
        self.replies = dict(replies or {})
        self.taken = 0  # contents that arrived whole, whatever was answered
        if replies is None:
            self.peer = Hole(t, lambda s: s.serve(self.replies))
        else:
            self.peer = t.peer(lambda s: s.serve(self.replies))
        if name == "dot":
            self.replies["DOT"] = self._dot

    def _dot(self, _):
        self.taken += 1
        return "stall"

    def send(self, relay):
        self.qid = relay.submit(to=(f"x@{self.domain}",), body=LONG if
                                self.name == "body" else b"Subject: x\r\n\r\n")

    def has_ended(self, log):
        return re.search(rf"event={self.ended}", "\n".join(
            x for x in log.splitlines() if self.peer.address in x))

    def heal(self):
        self.replies.clear()
        if isinstance(self.peer, Hole):
            self.peer.healed.set()


def look(relay, stage):
    """It is somewhere, and if it does not move, something is named."""
    why = relay.why(stage.qid)
    assert why["state"] in ("ready", "leased", "waiting", "done"), why
    if why["state"] == "ready":
        assert why["limit"] and why["limit"]["name"], why
    if why["state"] == "waiting":
        assert why["limit"]["cause"] and why["next_ms"] is not None, why
    if why["state"] == "leased":
        assert stage.peer.address in why["site"], why


def test_r2_a_peer_that_stalls_at_any_stage_costs_one_attempt_at_a_time(t):
    stages = [Stage(t, name) for name in STAGES]
    routes = "".join(f'route "{s.domain}" {{ relay = {{ "{s.peer.address}" }} '
                     '}\n' for s in stages)
    relay = t.relay(conf=LIMITS + routes).start()
    for s in stages:
        s.send(relay)

    def all_ended():
        for s in stages:
            look(relay, s)
        log = relay.log_text()
        return all(s.has_ended(log) for s in stages)
    await_true("each attempt ends", all_ended, 60)
    for s in stages:
        s.heal()
    relay.await_empty()
    for s in stages:
        assert len(s.peer.messages) == 1, (s.name, len(s.peer.messages))
    # What came twice is what had come whole when its attempt ended.
    dot = next(s for s in stages if s.name == "dot")
    marks = re.findall(r"event=possibly_delivered qid=(\w+)",
                       relay.log_text())
    assert dot.taken >= 1 and set(marks) == {dot.qid}, marks
    assert len(marks) == dot.taken, (marks, dot.taken)
    relay.stop()
