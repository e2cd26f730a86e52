# SPDX-License-Identifier: BSD-2-Clause
"""relay: a relay of its own for each test, its peers, and how to await them.

Every test has an address of its own in 127.0.0.0/8, made of the runner's
process number, so fixed port numbers meet nobody and tests run side by side.
"""
import json
import os
import select
import shutil
import signal
import smtplib
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BIN = os.environ.get("HOLDFAST_BIN", os.path.join(ROOT, "build", "bin"))
BENCH = os.path.join(ROOT, "build", "bench")


class Skip(Exception):
    """The test cannot run here; says why."""


def need(program):
    """Path of a program that the test cannot do without."""
    path = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        raise Skip(f"{program} is not installed")
    return path


def await_true(what, check, seconds=60):
    """Asks check() until it answers, at most for so long."""
    end = time.monotonic() + seconds
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        select.select([], [], [], 0.02)


class Test:
    """What one test has: a directory, an address, and things to end."""

    def __init__(self, folder):
        self.dir = folder
        pid = os.getpid()
        self.ip = f"127.{1 + pid // 62500 % 250}.{pid // 250 % 250}.{1 + pid % 250}"
        self.passed = False
        self._ends = []
        self._ports = 2600

    def port(self):
        """A port that nobody else uses on this test's address."""
        self._ports += 1
        return self._ports

    def at_end(self, fn):
        self._ends.append(fn)

    def path(self, name):
        return os.path.join(self.dir, name)

    def close(self):
        for fn in reversed(self._ends):
            try:
                fn()
            except Exception as e:  # the next end must run all the same
                print("at the end of the test:", repr(e))
        if self.passed:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("left for a look:", self.dir)

    def relay(self, **kw):
        return Relay(self, **kw)

    def sink(self, *options, **where):
        return Sink(self, *options, **where)

    def peer(self, script):
        return Peer(self, script)


class Relay:
    """A Holdfast instance. conf: further lines of the configuration."""

    def __init__(self, t, conf="", listener="", relay_to=None, workers=1,
                 name="relay", retry="200ms"):
        self.t, self.port = t, t.port()
        self.state = t.path(name)
        self.conf = t.path(name + ".conf")
        self.relay_to = relay_to or f"{t.ip}:9"
        self.text = f'''
node = "{name}.test"
state_dir = "{self.state}"
listener "in" {{
	address = {{ "{t.ip}:{self.port}" }}
	relay_from = {{ "127.0.0.0/8" }}
	{listener}
}}
route "*" {{ relay = {{ "{self.relay_to}" }} }}
workers {{ smtpd = {workers} deliver = {workers} }}
queue "*" {{ retry_first = "{retry}" retry_max = "1s" }}
{conf}
'''
        self.write_conf(self.text)
        self.started = False

    def write_conf(self, text):
        with open(self.conf, "w") as f:
            f.write(text)

    def command(self, *args, check=True, **kw):
        p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", self.conf,
                            *args], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=120, **kw)
        p.stdout, p.stderr = p.stdout.decode(), p.stderr.decode()
        if check and p.returncode != 0:
            raise AssertionError(f"holdfast {' '.join(args)}: exit "
                                 f"{p.returncode}\n{p.stdout}{p.stderr}")
        return p

    def launch(self, env=None):
        """Starts in the foreground of a child."""
        self.log = open(self.t.path("relay.log"), "ab")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "holdfast"), "-c", self.conf, "run"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})})
        if not self.started:
            self.t.at_end(self.end)
        self.started = True

    def start(self, env=None):
        """Launches it and awaits readiness."""
        self.launch(env)

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"run ended with "
                                     f"{self.process.returncode}:\n{self.log_text()}")
            return self.command("status", check=False).returncode == 0
        await_true("the relay is ready", ready)
        return self

    def log_text(self):
        with open(self.t.path("relay.log"), errors="replace") as f:
            return f.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=120)
        assert status == 0, f"stop: exit {status}\n{self.log_text()[-4000:]}"

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill_all()
        if not self.t.passed:
            print("--- the relay's log:")
            print(self.log_text()[-6000:])

    def pids(self):
        """{name: pid} of the living processes, master included."""
        return {p["name"]: p["pid"] for p in self.status()["processes"]
                if p["pid"]}

    def kill_all(self):
        """kill -9 of every process of the instance at once."""
        # A master that stands still starts nobody while we count.
        kill(self.process.pid, signal.SIGSTOP)
        pids = {self.process.pid, *children(self.process.pid)}
        for pid in pids:
            kill(pid, signal.SIGKILL)
        self.process.wait()
        await_true("all are gone",
                   lambda: not any(alive(p) for p in pids), 30)

    def status(self):
        return json.loads(self.command("status", "--json", check=False).stdout)

    def queue(self):
        return json.loads(self.command("queue", "--json").stdout)

    def why(self, qid, check=True):
        return json.loads(self.command("why", qid, "--json",
                                       check=check).stdout)

    def await_empty(self, seconds=60):
        await_true("the queue is empty", lambda: (
            lambda s: s.get("ready") and s["queued_messages"] == 0)(
                self.status()), seconds)

    def client(self):
        return smtplib.SMTP(self.t.ip, self.port, timeout=60)

    def submit(self, sender="a@client.test", to=("b@dest.test",),
               body=b"Subject: x\r\n\r\nhello\r\n", options=()):
        """Sends one message; returns its queue id."""
        with self.client() as c:
            c.ehlo()
            code, text = c.mail(sender, options)
            assert code == 250, (code, text)
            for rcpt in to:
                code, text = c.rcpt(rcpt)
                assert code == 250, (code, text)
            code, text = c.data(body)
            assert code == 250, (code, text)
            assert text.startswith(b"2.0.0 Ok: queued as "), text
            return text.split()[-1].decode()


def kill(pid, signo):
    try:
        os.kill(pid, signo)
    except ProcessLookupError:
        pass


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children(pid):
    """All descendants of a process."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for c in map(int, f.read().split()):
                    found += [c, *children(c)]
    except OSError:
        pass
    return found


class Sink:
    """The counting sink of tests/bench."""

    def __init__(self, t, *options, ip=None, port=None):
        self.t, self.port, self.ip = t, port or t.port(), ip or t.ip
        name = t.path(f"sink{self.ip}.{self.port}")
        self.log, self.ctl = name + ".log", name + ".ctl"
        self.address = f"{self.ip}:{self.port}"
        self.process = subprocess.Popen(
            [os.path.join(BENCH, "smtpsink"), "--host", self.ip, "--port",
             str(self.port), "--log", self.log, "--ctl", self.ctl, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.at_end(self.end)
        await_true("the sink listens", lambda: os.path.exists(self.ctl))

    def tell(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.ctl)
            s.sendall(command.encode() + b"\n")
            return s.recv(65536).decode()

    def stats(self):
        return json.loads(self.tell("stats"))

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


class Peer:
    """A scripted SMTP server: script(session) runs for each connection, in
    turn, until the test ends. What it collects is in self.messages."""

    def __init__(self, t, script):
        import threading
        self.t, self.script, self.closing = t, script, False
        self.messages, self.rcpt_lines, self.sessions = [], [], 0
        self.server = self.listen()
        t.at_end(self.end)
        threading.Thread(target=self._accept, daemon=True).start()

    def listen(self):
        self.port = self.t.port()
        self.address = f"{self.t.ip}:{self.port}"
        return socket.create_server((self.t.ip, self.port), backlog=128)

    def _accept(self):
        import threading
        while not self.closing:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            # What was said before a reset arrives.
            if sock.family != socket.AF_UNIX:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sessions += 1
            threading.Thread(target=self._serve, args=(sock,),
                             daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                self.script(PeerSession(self, sock))
            except (OSError, EOFError):
                pass

    def end(self):
        self.closing = True
        self.server.close()


class PeerSession:
    """The server's end of one connection."""

    def __init__(self, peer, sock):
        self.peer, self.sock = peer, sock
        self.file = sock.makefile("rb")

    def say(self, *lines):
        self.sock.sendall("".join(f"{x}\r\n" for x in lines).encode())

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def hear(self, word):
        line = self.line()
        assert line.upper().startswith(word), line
        return line

    def content(self):
        """Everything up to the final dot, dots undone."""
        got = []
        while (line := self.file.readline()) != b".\r\n":
            if not line:
                raise EOFError
            got.append(line[1:] if line.startswith(b".") else line)
        return b"".join(got)

    def hang(self):
        """Reads and says nothing until the client goes."""
        while self.sock.recv(65536):
            pass

    def serve(self, replies=None):
        """A well-behaved server but for replies: {"MAIL": "451 no", ...},
        which may change meanwhile."""
        r = {} if replies is None else replies
        if not self._reply(r.get("HELLO", "220 peer ESMTP")):
            return
        sender, rcpts = None, []
        while True:
            line = self.line()
            verb = line.upper().split(" ")[0].split(":")[0]
            if verb == "QUIT":
                reply = r.get("QUIT", "221 2.0.0 bye")
                self._reply(reply(line) if callable(reply) else reply)
                return
            if verb == "EHLO":
                reply = r.get("EHLO", "250-peer\r\n250-PIPELINING\r\n"
                              "250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE")
            elif verb == "RCPT" and sender is None:
                reply = "503 5.5.1 MAIL first"
            elif verb == "DATA":
                reply = r.get("DATA", "354 go" if rcpts else "554 no recipients")
            else:
                reply = r.get(verb, "250 2.0.0 ok")
            if callable(reply):
                reply = reply(line)
            if not self._reply(reply):
                return
            if verb == "MAIL":
                sender, rcpts = line if reply.startswith("2") else None, []
            elif verb == "RCPT" and reply.startswith("2"):
                self.peer.rcpt_lines.append(line)
                rcpts.append(line.split("<", 1)[1].rsplit(">", 1)[0])
            elif verb == "RSET":
                sender, rcpts = None, []
            elif verb == "DATA" and reply.startswith("354"):
                if r.get("BODY") == "drop":
                    self.file.readline()
                    self._abort()
                    return
                if r.get("BODY") == "stall":
                    self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                         4096)
                    wait_gone(self.peer)
                    return
                content = self.content()
                dot = r.get("DOT", "250 2.0.0 taken")
                dot = dot(line) if callable(dot) else dot
                if dot.startswith("2"):
                    self.peer.messages.append((sender, list(rcpts), content))
                if not self._reply(dot):
                    return
                sender, rcpts = None, []

    def _abort(self):
        import struct
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))

    def _reply(self, reply):
        """False when the session is over."""
        if reply == "drop":
            self._abort()
            return False
        if reply == "close":
            return False
        if reply == "stall":
            self.hang()
            return False
        self.say(*reply.split("\r\n"))
        return not reply.startswith(("421", "221"))


def wait_gone(peer):
    while not peer.closing:
        select.select([], [], [], 0.1)
