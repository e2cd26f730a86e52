# SPDX-License-Identifier: BSD-2-Clause
"""Spools that are missing, read-only, of another version, damaged; restarts."""
import errno
import glob
import os
import shutil
import smtplib
import subprocess

from relay import BIN, await_true


def run_once(relay):
    """`run` that is expected to end by itself: (exit status, text)."""
    p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf, "run"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       stdin=subprocess.DEVNULL, timeout=60)
    return p.returncode, p.stdout.decode(errors="replace")


def fill(relay, n, to="b@dest.test"):
    return [relay.submit(to=(to,), body=b"Subject: %d\r\n\r\nx\r\n" % i)
            for i in range(n)]


def test_state_survives_a_restart(t):
    """Q11: a restart changes no count and no due time."""
    replies = {"RCPT": "450 4.2.1 later"}
    peer = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=peer.address, retry="1h")
    relay.write_conf(relay.text.replace('retry_max = "1s"',
                                        'retry_max = "2h"'))
    relay.start()
    qids = fill(relay, 5)
    for q in qids:
        await_true("one try each", lambda: relay.why(q)["attempts"] == 1)
    before = {q: relay.why(q) for q in qids}
    for stop in (relay.stop, relay.kill_all):
        stop()
        relay.start()
        for q in qids:
            why = relay.why(q)
            assert why["attempts"] == 1 and why["state"] == "waiting", why
            shift = before[q]["next_ms"] - why["next_ms"]
            assert 0 <= shift < 120000, (before[q], why)
            assert "450" in str(why["history"]), why
    replies.clear()
    relay.command("retry", "--all")
    relay.await_empty()
    assert len(peer.messages) == 5


def test_done_stays_done_after_a_restart(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    qids = fill(relay, 20)
    relay.await_empty()
    for q in qids:
        await_true("its result is in the ledger", lambda: any(
            row["what"] == "delivered" for row in relay.why(q)["history"]))
    relay.kill_all()
    relay.start()
    relay.stop()
    relay.start()
    status = relay.status()
    assert status["queued_messages"] == 0 and status["accounts"]["balanced"]
    assert status["scan"]["recovered"] == 0, status
    assert len(peer.messages) == 20
    assert relay.command("why", "0" * 26, check=False).returncode == 1


def test_status_reads_the_spool_when_stopped(t):
    relay = t.relay().start()
    fill(relay, 7)
    running = relay.status()
    assert running["queued_messages"] == 7, running
    relay.stop()
    p = relay.command("status", "--json", check=False)
    assert p.returncode == 111
    stopped = relay.status()
    assert stopped["ready"] is False and stopped["processes"] == []
    assert stopped["queued_messages"] == 7, stopped
    assert stopped["accounts"]["balanced"]


def account(state_dir):
    """What `status` runs while nobody runs: (exit status, both texts)."""
    qmgr = os.path.join(BIN, "..", "libexec", "qmgr")
    p = subprocess.run([qmgr, "--account", state_dir], timeout=60,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def test_account_says_why_it_cannot_tell(t):
    relay = t.relay().start()
    fill(relay, 3)
    status, out, err = account(relay.state)
    assert status == 111 and out == "" and "running" in err, (status, err)
    relay.stop()
    status, out, err = account(relay.state)
    numbers = out.split()
    assert status == 0 and numbers[0] == "3" and numbers[9] == "3", (out, err)
    for f in glob.glob(f"{relay.state}/spool/ledger/*"):
        os.unlink(f)
    before = sorted(os.listdir(f"{relay.state}/spool/ledger"))
    assert account(relay.state)[1].split()[0] == "3", "by the segments alone"
    assert sorted(os.listdir(f"{relay.state}/spool/ledger")) == before
    with open(f"{relay.state}/spool/VERSION", "w") as f:
        f.write("99\n")
    assert account(relay.state)[0] == 100
    assert account(t.path("nowhere"))[0] == 100


def test_finished_segments_are_removed(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address,
                    conf='spool { segment_age = "1s" }').start()
    fill(relay, 30)
    relay.await_empty()

    def is_left():
        for d in ("incoming", "deferred"):
            for f in glob.glob(f"{relay.state}/spool/{d}/*"):
                try:
                    if b"Subject: 1\r\n" in open(f, "rb").read():
                        return True
                except FileNotFoundError:
                    continue
        return False
    await_true("no record is left", lambda: not is_left())


def test_a_lost_ledger_loses_no_message(t):
    """Without the ledger each message is found again, and tried again."""
    replies = {"RCPT": "450 4.2.1 later"}
    peer = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=peer.address).start()
    qids = fill(relay, 10)
    relay.stop()
    for f in glob.glob(f"{relay.state}/spool/ledger/*"):
        os.unlink(f)
    relay.start()
    await_true("all are found again",
               lambda: relay.status()["queued_messages"] == 10)
    for q in qids:
        assert relay.why(q)["record"]["ok"], q
    replies.clear()
    relay.command("retry", "--all")
    relay.await_empty()
    assert len(peer.messages) == 10


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0xff]))


def test_a_damaged_ledger_is_reported_and_the_rest_goes_on(t):
    relay = t.relay().start()
    fill(relay, 50)
    relay.kill_all()
    for f in glob.glob(f"{relay.state}/spool/ledger/L*"):
        flip(f, 1024 + 100)
    relay.start()
    await_true("all are there",
               lambda: relay.status()["queued_messages"] == 50)
    assert "ledger" in relay.log_text()


def test_a_damaged_record_is_set_aside_and_the_rest_goes_on(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay().start()
    fill(relay, 10)
    relay.stop()
    found = [f for d in ("incoming", "deferred")
             for f in glob.glob(f"{relay.state}/spool/{d}/*")
             if b"Subject: 4\r\n" in open(f, "rb").read()]
    assert len(found) == 1
    with open(found[0], "rb") as f:
        at = f.read().index(b"Subject: 4\r\n")
    flip(found[0], at)
    relay.write_conf(relay.text.replace(relay.relay_to, peer.address))
    relay.start()
    await_true("nine arrive", lambda: len(peer.messages) == 9)
    await_true("the tenth is held as damaged",
               lambda: relay.status()["accounts"]["held"] == 1)
    relay.stop()
    relay.start()
    status = relay.status()
    assert status["accounts"]["held"] == 1, status
    assert len(peer.messages) == 9


def qid_bytes(qid):
    n = 0
    for c in qid:
        n = n * 32 + "0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(c)
    return n.to_bytes(16, "big")


def in_ledger(relay, qid):
    return any(qid_bytes(qid) in open(f, "rb").read()
               for f in glob.glob(f"{relay.state}/spool/ledger/L*"))


def test_a_segment_cut_short_loses_only_what_was_cut(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay().start()
    last = fill(relay, 10)[-1]
    await_true("the ledger knows the last", lambda: in_ledger(relay, last))
    relay.kill_all()
    found = [f for d in ("incoming", "deferred")
             for f in glob.glob(f"{relay.state}/spool/{d}/*")
             if b"Subject: 9\r\n" in open(f, "rb").read()]
    with open(found[0], "rb") as f:
        at = f.read().index(b"Subject: 9\r\n")
    os.truncate(found[0], at)
    relay.write_conf(relay.text.replace(relay.relay_to, peer.address))
    relay.start()
    await_true("nine arrive", lambda: len(peer.messages) == 9)
    status = relay.status()
    assert status["accounts"]["balanced"], status
    # The ledger knows the tenth: it is missed, not forgotten.
    assert status["queued_messages"] == 1, status


def test_a_spool_of_another_version_is_refused(t):
    relay = t.relay().start()
    relay.stop()
    with open(f"{relay.state}/spool/VERSION", "w") as f:
        f.write("99\n")
    status, text = run_once(relay)
    assert status == 100 and "99" in text and "version" in text, (status, text)


def test_a_state_dir_that_cannot_be_made(t):
    relay = t.relay()
    open(t.path("file"), "w").close()
    relay.write_conf(relay.text.replace(relay.state, t.path("file/state")))
    status, text = run_once(relay)
    assert status in (100, 111) and "file/state" in text, (status, text)


def test_a_spool_directory_that_is_a_file(t):
    relay = t.relay().start()
    relay.stop()
    shutil.rmtree(f"{relay.state}/spool/incoming")
    open(f"{relay.state}/spool/incoming", "w").close()
    status, text = run_once(relay)
    assert status in (100, 111) and "incoming" in text, (status, text)


def test_a_full_disk_refuses_mail_and_delivers_what_is_there(t):
    """A file system of its own, filled up; then room is made again."""
    mount = t.path("fs")
    os.mkdir(mount)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs",
                        mount], stderr=subprocess.PIPE)
    if p.returncode != 0:
        from relay import Skip
        raise Skip("no file system can be mounted here")
    t.at_end(lambda: subprocess.run(["umount", "-l", mount]))
    answer = ["450 4.2.1 later"]
    peer = t.peer(lambda s: s.serve({"RCPT": lambda line: answer[0]}))
    relay = t.relay(relay_to=peer.address,
                    conf='spool { segment_size = "8M" }')
    relay.write_conf(relay.text.replace(relay.state, mount + "/state"))
    relay.start()
    fill(relay, 10)
    # Step by step: the relay allocates ahead meanwhile.
    with open(mount + "/filler", "wb") as f:
        try:
            for at in range(0, 400 << 20, 1 << 20):
                os.posix_fallocate(f.fileno(), at, 1 << 20)
        except OSError as e:
            assert e.errno == errno.ENOSPC, e
    await_true("mail is refused",
               lambda: relay.status()["accepting"] is not True)
    reason = relay.status()["accepting"]["reason"]
    assert reason, relay.status()

    def refused():
        try:
            client = relay.client()
        except smtplib.SMTPConnectError as e:
            return e.smtp_code == 421
        with client as c:
            code, text = c.ehlo()
            if code != 250:
                return True
            return c.mail("a@client.test")[0] in (421, 451, 452)
    await_true("the client is told 4xx", refused)
    answer[0] = "250 2.1.5 ok"
    relay.command("retry", "--all")
    await_true("what was there is delivered", lambda: len(peer.messages) == 10)
    os.unlink(mount + "/filler")
    await_true("mail is taken again",
               lambda: relay.status()["accepting"] is True)
    relay.submit()
    await_true("and delivered", lambda: len(peer.messages) == 11)
    relay.stop()
