# SPDX-License-Identifier: BSD-2-Clause
"""Configurations: errors told all at once, reload, several instances."""
import os
import signal
import smtplib
import subprocess

from relay import BIN, await_true, kill

BROKEN = '''node = ""
state_dir = "%(state)s"
listener "in" {
	address = { "127.0.0.1:99999" }
	relay_from = { "127.0.0.0/33" }
}
route "*" { relay = { "%(ip)s:25" } }
queue "*" { retry_firts = "5m" }
site "*" { connections = "many" }
site "*" { connections = 0 }
nonsense = 1
workers { smtpd = 1 smtpd = 2 }
'''


def test_all_errors_are_told_in_one_run(t):
    relay = t.relay()
    relay.write_conf(BROKEN % {"state": relay.state, "ip": t.ip})
    p = relay.command("check", check=False)
    assert p.returncode == 100, p
    text = p.stdout + p.stderr
    for line, word in ((1, "node"), (4, "99999"), (5, "/33"),
                       (8, "retry_first"), (9, "many"), (10, "connections"),
                       (11, "nonsense"), (12, "smtpd")):
        assert any(f"relay.conf:{line}:" in x and word in x
                   for x in text.split("\n")), (line, word, text)
    q = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf,
                        "run"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    assert q.returncode == 100 and b"retry_first" in q.stdout, q
    assert not os.path.exists(relay.state)


def test_a_missing_file_is_named(t):
    p = subprocess.run([os.path.join(BIN, "holdfast"), "-c",
                        t.path("none.conf"), "check"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 100 and b"none.conf" in p.stdout, p


def test_reload_takes_a_new_configuration(t):
    first = t.peer(lambda s: s.serve())
    second = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=first.address).start()
    relay.submit()
    await_true("the first gets it", lambda: first.messages)
    relay.write_conf(relay.text.replace(first.address, second.address))
    relay.command("reload")
    relay.submit()
    await_true("the second gets it", lambda: second.messages)
    assert len(first.messages) == 1


def test_reload_with_an_error_changes_nothing(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    pids = relay.pids()
    relay.write_conf(relay.text + "\nnonsense = 1\n")
    p = relay.command("reload", check=False)
    assert p.returncode == 100, p
    assert "nonsense" in p.stdout + p.stderr
    assert relay.pids() == pids
    relay.submit()
    await_true("mail goes on", lambda: peer.messages)


def test_reload_opens_and_closes_listeners(t):
    relay = t.relay().start()
    extra = f'listener "more" {{ address = {{ "{t.ip}:26999" }} }}'
    relay.write_conf(relay.text + extra)
    relay.command("reload")
    with smtplib.SMTP(t.ip, 26999, timeout=30) as c:
        assert c.noop()[0] == 250
    relay.write_conf(relay.text)
    relay.command("reload")

    def closed():
        try:
            smtplib.SMTP(t.ip, 26999, timeout=30).close()
        except (ConnectionRefusedError, smtplib.SMTPServerDisconnected):
            return True
        return False
    await_true("the port is closed", closed)


def test_start_and_stop_in_the_background(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address)
    relay.command("start")
    t.at_end(lambda: relay.command("stop", check=False))
    status = relay.status()
    assert status["ready"] and status["accepting"] is True
    relay.command("start")  # when running: 0
    relay.submit()
    await_true("mail goes", lambda: peer.messages)
    relay.command("stop")
    assert relay.command("status", check=False).returncode == 111
    relay.command("stop")  # when stopped: 0


def test_a_second_instance_of_the_same_state_is_refused(t):
    relay = t.relay().start()
    p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf,
                        "run"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    assert p.returncode == 111, p
    assert str(relay.process.pid).encode() in p.stdout, p.stdout
    assert relay.status()["ready"]


def test_a_port_in_use_is_named(t):
    other = t.relay(name="other").start()
    relay = t.relay()
    relay.write_conf(relay.text.replace(f"{t.ip}:{relay.port}",
                                        f"{t.ip}:{other.port}"))
    p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf,
                        "run"], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60)
    assert p.returncode == 111, p
    assert f"{t.ip}:{other.port}".encode() in p.stdout, p.stdout


def test_instances_run_side_by_side(t):
    peer = t.peer(lambda s: s.serve())
    one = t.relay(relay_to=peer.address, name="one").start()
    two = t.relay(relay_to=peer.address, name="two").start()
    one.submit("one@client.test")
    two.submit("two@client.test")
    await_true("both go", lambda: len(peer.messages) == 2)
    one.stop()
    two.submit("three@client.test")
    await_true("the other goes on", lambda: len(peer.messages) == 3)


def test_a_child_that_dies_is_started_again_and_shown(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    for name in ("smtpd/1", "qmgr", "deliver/1", "shaper"):
        old = relay.pids()[name]
        kill(old, signal.SIGKILL)
        await_true(f"{name} is back", lambda: (
            lambda p: p and p not in (0, old))(relay.pids().get(name)))
        await_true("ready", lambda: relay.command(
            "status", check=False).returncode == 0)
    restarts = {p["name"]: p["restarts"] for p in relay.status()["processes"]}
    assert all(restarts[n] >= 1 for n in ("smtpd/1", "qmgr", "deliver/1",
                                          "shaper")), restarts
    relay.submit()
    await_true("mail goes", lambda: peer.messages)


def test_unknown_words_are_wrong_use(t):
    p = subprocess.run([os.path.join(BIN, "holdfast"), "frobnicate"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 100 and b"frobnicate" in p.stdout, p
    v = subprocess.run([os.path.join(BIN, "holdfast"), "--version"],
                       stdout=subprocess.PIPE)
    assert v.returncode == 0 and v.stdout.count(b"\n") == 1
