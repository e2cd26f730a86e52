# SPDX-License-Identifier: BSD-2-Clause
"""Listening sockets outlive reloads, upgrades and restarts: no client is
refused, and no message is lost, whatever happens meanwhile."""
import os
import shutil
import smtplib
import subprocess
import threading

from relay import BIN, Skip, alive, await_true, kill, need
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
