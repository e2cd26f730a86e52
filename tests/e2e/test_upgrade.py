# SPDX-License-Identifier: BSD-2-Clause
"""Listening sockets outlive reloads, upgrades and restarts: no client is
refused, and no message is lost, whatever happens meanwhile."""
import os
import shutil
import smtplib
import subprocess
import threading

from relay import BIN, Skip, await_true
import relay as relay_lib


class Clients:
    """Threads that submit, one connection a message, until they are told to
    end. A client that is told to come again comes again; one that cannot
    connect was refused."""

    def __init__(self, t, relay, n=3):
        self.relay, self.lock = relay, threading.Lock()
        self.accepted, self.refused, self.closing = [], [], False
        self.threads = [threading.Thread(target=self.run, args=(i,))
                        for i in range(n)]
        for thread in self.threads:
            thread.start()
        t.at_end(self.end)

    def run(self, number):
        count = 0
        while not self.closing:
            count += 1
            self.one(f"{number}-{count}")

    def one(self, name):
        try:
            client = self.relay.client()
        except ConnectionRefusedError as e:
            with self.lock:
                self.refused.append(repr(e))
            return
        except (OSError, smtplib.SMTPException):
            return  # it was connected, and told to come again
        try:
            with client:
                client.sendmail("a@client.test", ["b@dest.test"],
                                f"Subject: x\r\nX-Name: {name}\r\n\r\nhi\r\n")
        except (OSError, smtplib.SMTPException):
            return
        with self.lock:
            self.accepted.append(name)

    def await_more(self, n=20):
        """Until n more messages have been accepted."""
        goal = len(self.accepted) + n
        await_true("messages go on", lambda: len(self.accepted) >= goal)

    def end(self):
        self.closing = True
        for thread in self.threads:
            thread.join()


def names(peer):
    found = []
    for _, _, content in list(peer.messages):
        found += [line.split(b": ")[1].decode()
                  for line in content.splitlines()
                  if line.startswith(b"X-Name: ")]
    return found


def check_all(relay, peer, clients):
    """None refused, none lost."""
    clients.end()
    assert clients.refused == [], clients.refused[:3]
    relay.await_empty()
    lost = set(clients.accepted) - set(names(peer))
    assert not lost, (len(lost), sorted(lost)[:5])


def master_of(relay):
    return relay.pids()["master"]


def test_reloads_refuse_no_client_and_lose_no_message(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address, workers=2).start()
    clients = Clients(t, relay)
    for i in range(5):
        clients.await_more()
        # Another listener comes and goes.
        relay.write_conf(relay.text + (f'''
listener "more" {{ address = {{ "{t.ip}:26990" }} }}''' if i % 2 else ""))
        relay.command("reload")
    clients.await_more()
    check_all(relay, peer, clients)


def test_upgrades_refuse_no_client_and_lose_no_message(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address, workers=2).start()
    clients = Clients(t, relay)
    before = relay.pids()
    for _ in range(2):
        clients.await_more()
        p = relay.command("upgrade")
        assert "the new program is up" in p.stdout, p.stdout
    clients.await_more()
    after = relay.pids()
    assert after["master"] == before["master"]
    for name in before:
        if name != "master":
            assert after[name] != before[name], name
    check_all(relay, peer, clients)
    assert relay.log_text().count("event=upgrade_executed") == 2
    assert "event=process_died" not in relay.log_text()
    relay.stop()


# --- what can go wrong in an upgrade -----------------------------------------

def copy_of_tree(t):
    """Programs that a test may replace: the folder for HOLDFAST_BIN."""
    top = os.path.dirname(BIN)
    for folder in ("bin", "libexec"):
        shutil.copytree(os.path.join(top, folder), t.path(f"own/{folder}"),
                        symlinks=True)
    return t.path("own/bin")


def replace(path, text):
    """As an install does: the old file lives on where it runs."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)


def test_an_upgrade_that_cannot_be_leaves_the_old_one_at_work(t):
    relay_lib.BIN = copy_of_tree(t)
    master = t.path("own/libexec/master")
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    clients = Clients(t, relay, 1)
    before = relay.pids()
    # One that refuses the configuration: no process ends for it.
    replace(master, "#!/bin/sh\necho this is not mine >&2\nexit 100\n")
    p = relay.command("upgrade", check=False)
    assert p.returncode == 100 and "not mine" in p.stderr, (p.returncode,
                                                            p.stderr)
    assert relay.pids() == before
    # One that is killed.
    replace(master, "#!/bin/sh\nkill -9 $$\n")
    p = relay.command("upgrade", check=False)
    assert p.returncode == 111 and "signal 9" in p.stderr, p.stderr
    assert relay.pids() == before
    # One that is there for the look alone.
    replace(master, '#!/bin/sh\nrm -f "$0"\nexit 0\n')
    p = relay.command("upgrade", check=False)
    assert p.returncode == 111, (p.returncode, p.stderr)
    assert "cannot be executed" in p.stderr and "goes on" in p.stderr, p.stderr
    await_true("it is ready", lambda: relay.command(
        "status", check=False).returncode == 0)
    after = relay.pids()
    assert after["master"] == before["master"]
    assert after["smtpd/1"] != before["smtpd/1"], (before, after)
    assert relay.log_text().count("event=upgrade_failed") == 3
    clients.await_more()
    check_all(relay, peer, clients)
    # What stood where the sockets were to stand is as it was: it stops well.
    relay.stop()


def test_a_relay_in_the_background_is_upgraded_and_keeps_its_lock(t):
    relay = t.relay()
    relay.log = open(t.path("relay.log"), "ab")
    relay.command("start")
    t.at_end(lambda: relay.command("stop"))
    before = relay.pids()
    # One that waits for the end of the instance, and must not see it.
    waiter = subprocess.Popen(
        ["flock", "-s", os.path.join(relay.state, "spool/lock"), "true"])
    t.at_end(lambda: (waiter.kill(), waiter.wait()))
    relay.command("upgrade")
    after = relay.pids()
    assert after["master"] == before["master"]
    assert after["qmgr"] != before["qmgr"]
    assert waiter.poll() is None, "the lock was free in between"
    p = relay.command("run", check=False)
    assert p.returncode == 111 and str(after["master"]) in p.stderr, p.stderr
    for name, pid in after.items():
        with open(f"/proc/{pid}/environ") as f:
            assert "LISTEN_" not in f.read() or name == "master", name


def test_strangers_may_not_upgrade(t):
    if os.geteuid() != 0:
        raise Skip("needs root to become another")
    relay = t.relay().start()
    os.chmod(t.dir, 0o755)
    os.chmod(os.path.join(relay.state, "run/master"), 0o666)

    def become():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    try:
        p = relay.command("upgrade", check=False, preexec_fn=become)
    except PermissionError:
        raise Skip("the tree cannot be read by nobody") from None
    assert p.returncode == 100 and "owner" in p.stderr, (p.returncode, p.stderr)
    assert relay.status()["ready"]
