# SPDX-License-Identifier: BSD-2-Clause
"""The service manager: what it hears, and the sockets that it keeps or made."""
import array
import os
import signal
import socket
import subprocess
import sys

from relay import BIN, await_true, kill

# Becomes the command with these descriptors from 3 on, as systemd does it.
HAND_OVER = '''
import fcntl, os, sys
n = int(sys.argv[1])
fds = [fcntl.fcntl(int(f), fcntl.F_DUPFD, 100) for f in sys.argv[2:2 + n]]
for i, fd in enumerate(fds):
    os.dup2(fd, 3 + i)
os.closerange(3 + n, 300)
names = sys.argv[2 + n]
os.environ.update(LISTEN_FDS=str(n), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=names)
if "WATCHDOG_USEC" in os.environ:
    os.environ["WATCHDOG_PID"] = str(os.getpid())
os.execv(sys.argv[3 + n], sys.argv[3 + n:])
'''


class Manager:
    """A service manager's end: words in order, and descriptors by name."""

    def __init__(self, t):
        self.path = t.path("notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(0)
        self.words, self.kept = [], {}
        t.at_end(self.end)

    def listen(self):
        """All that was said by now."""
        while True:
            try:
                data, anc, _, _ = self.socket.recvmsg(4096,
                                                      socket.CMSG_SPACE(64))
            except BlockingIOError:
                return self.words
            lines = data.decode().split("\n")
            fds = array.array("i")
            for _, _, raw in anc:
                fds.frombytes(raw)
            name = [x[7:] for x in lines if x.startswith("FDNAME=")]
            if "FDSTORE=1" in lines:
                self.keep(name[0], fds[0])
            elif "FDSTOREREMOVE=1" in lines:
                for fd in self.kept.pop(name[0], []):
                    os.close(fd)
            else:
                self.words += lines

    def keep(self, name, fd):
        """A second copy of one is dropped, as systemd does it."""
        has = self.kept.setdefault(name, [])
        if any(os.fstat(x).st_ino == os.fstat(fd).st_ino for x in has):
            os.close(fd)
        else:
            has.append(fd)

    def await_word(self, word, n=1):
        await_true(f"{word} is said", lambda: sum(
            x.startswith(word) for x in self.listen()) >= n)

    def status(self):
        return [x for x in self.listen() if x.startswith("STATUS=")][-1]

    def end(self):
        self.socket.close()
        for fds in self.kept.values():
            for fd in fds:
                os.close(fd)


def start(t, relay, manager, fds=(), **env):
    """The relay as a service; fds are pairs of name and descriptor."""
    numbers = [str(fd) for _, fd in fds]
    relay.log = open(t.path("relay.log"), "ab")
    relay.process = subprocess.Popen(
        [sys.executable, "-c", HAND_OVER, str(len(fds)), *numbers,
         ":".join(name for name, _ in fds), os.path.join(BIN, "holdfast"),
         "-c", relay.conf, "run"],
        stdin=subprocess.DEVNULL, stdout=relay.log, stderr=relay.log,
        pass_fds=[fd for _, fd in fds],
        env={**os.environ, "NOTIFY_SOCKET": manager.path, **env})
    t.at_end(relay.end)


def test_the_manager_hears_of_start_reload_upgrade_and_stop(t):
    manager, relay = Manager(t), t.relay()
    start(t, relay, manager)
    manager.await_word("READY=1")
    await_true("all is well", lambda: "accepting mail" in manager.status())
    for i, order in enumerate(("reload", "upgrade")):
        relay.command(order)
        manager.await_word("READY=1", 2 + i)
        told = [x.split("=")[0] for x in manager.words
                if x.split("=")[0] in ("READY", "RELOADING", "STOPPING")]
        assert told == ["READY"] + ["RELOADING", "READY"] * (1 + i), told
    relay.command("stop")
    manager.await_word("STOPPING=1")
    assert relay.process.wait(timeout=60) == 0


def test_a_configuration_with_an_error_is_no_reload(t):
    manager, relay = Manager(t), t.relay()
    start(t, relay, manager)
    manager.await_word("READY=1")
    relay.write_conf(relay.text + "nonsense = 1\n")
    assert relay.command("reload", check=False).returncode == 100
    assert not any(x.startswith("RELOADING") for x in manager.listen())


def test_the_manager_hears_which_process_is_failing_and_why(t):
    manager, relay = Manager(t), t.relay()
    relay.start()
    relay.stop()
    start(t, relay, manager, HOLDFAST_FAULT_qmgr="openat:1+:EACCES",
          WATCHDOG_USEC="500000")
    await_true("it is told", lambda: any(
        x.startswith("STATUS=qmgr is failing: exit status 111: the ledger")
        for x in manager.listen()))
    # master starts it again and again: the rest is not to be ended for it.
    heard = manager.listen().count("WATCHDOG=1")
    manager.await_word("WATCHDOG=1", heard + 3)
    assert "READY=1" not in manager.listen()


def test_the_watchdog_is_fed_until_no_process_shows_life(t):
    manager, relay = Manager(t), t.relay()
    start(t, relay, manager, WATCHDOG_USEC="200000")
    manager.await_word("READY=1")
    heard = manager.listen().count("WATCHDOG=1")
    manager.await_word("WATCHDOG=1", heard + 3)
    pids = relay.pids()
    for name, pid in pids.items():
        if name != "master":
            kill(pid, signal.SIGSTOP)
    try:
        await_true("all are known to be silent", lambda: relay.log_text().count(
            "event=process_stuck") == len(pids) - 1)
        heard = manager.listen().count("WATCHDOG=1")
        # A look at the others' state is a turn of master's loop.
        for _ in range(3):
            relay.command("status", check=False)
        assert manager.listen().count("WATCHDOG=1") == heard
    finally:
        for name, pid in pids.items():
            kill(pid, signal.SIGCONT)
    manager.await_word("WATCHDOG=1", heard + 1)


def test_the_managers_words_are_for_master_alone(t):
    manager, relay = Manager(t), t.relay()
    start(t, relay, manager, WATCHDOG_USEC="5000000")
    manager.await_word("READY=1")
    for name, pid in relay.pids().items():
        with open(f"/proc/{pid}/environ") as f:
            found = [x for x in f.read().split("\0")
                     if x.startswith(("NOTIFY", "WATCHDOG", "LISTEN"))]
        assert (found != []) == (name == "master"), (name, found)


def test_sockets_that_are_kept_outlive_a_restart(t):
    manager, relay = Manager(t), t.relay()
    path = t.path("in.sock")
    relay.write_conf(relay.text.replace(
        f'"{t.ip}:{relay.port}"', f'"{t.ip}:{relay.port}", "unix:{path}"'))
    start(t, relay, manager)
    manager.await_word("READY=1")
    await_true("both are kept",
               lambda: manager.listen() and len(manager.kept) == 2)
    kept = {name: fds[0] for name, fds in manager.kept.items()}
    relay.stop()
    # Nobody serves, and nobody is refused.
    waiting = [socket.create_connection((t.ip, relay.port)),
               socket.socket(socket.AF_UNIX)]
    waiting[1].connect(path)
    manager.words.clear()
    start(t, relay, manager, list(kept.items()))
    manager.await_word("READY=1")
    for client in waiting:
        client.settimeout(60)
        assert client.recv(4) == b"220 "
        client.close()
    assert "event=socket_unused" not in relay.log_text()
    # One that a reload takes away is kept no longer.
    relay.write_conf(relay.text)
    relay.command("reload")
    await_true("one is kept", lambda: manager.listen() and
               list(manager.kept) == [f"{t.ip},{relay.port}"])
    assert not os.path.exists(path)


def test_sockets_of_the_manager_are_known_by_their_address(t):
    manager, relay = Manager(t), t.relay()
    ours = socket.create_server((t.ip, relay.port))
    other = socket.create_server((t.ip, t.port()))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    start(t, relay, manager, [("smtp.socket", ours.fileno()),
                              ("other", other.fileno()),
                              ("datagram", datagram.fileno())])
    manager.await_word("READY=1")
    relay.submit()
    unused = [x for x in relay.log_text().splitlines()
              if "event=socket_unused" in x]
    assert len(unused) == 2, unused
    # It is the manager's socket: without the relay it listens still.
    relay.stop()
    socket.create_connection((t.ip, relay.port)).close()


def test_descriptors_for_another_process_are_left_alone(t):
    relay = t.relay()
    env = {"LISTEN_FDS": "1", "LISTEN_PID": "1", "LISTEN_FDNAMES": "lock"}
    relay.start(env=env)
    assert "event=socket_unused" not in relay.log_text()
