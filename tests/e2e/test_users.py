# SPDX-License-Identifier: BSD-2-Clause
"""Programs with users of their own: who may what, and what an earlier run as
other users left behind. The accounts are those of this test alone."""
import os
import shlex
import socket
import subprocess

import private
from relay import await_true, need

GID = 61000
UIDS = {"holdfast": 61001, "holdfast-smtpd": 61002, "holdfast-deliver": 61003}
USER_OF = {"master": 0, "qmgr": 61001, "shaper": 61001, "smtpd": 61002,
           "deliver": 61003}


def set_users(t, *names):
    """The system's accounts are as they were, and these; none of them that
    this machine may have itself."""
    for file, lines in (
            ("passwd", [f"{n}:x:{UIDS[n]}:{GID}::/:/bin/false" for n in names]),
            ("group", [f"holdfast:x:{GID}:"] if names else [])):
        subprocess.run([need("umount"), "-l", "/etc/" + file],
                       stderr=subprocess.DEVNULL)
        with open("/etc/" + file) as f:
            kept = [x for x in f.read().splitlines()
                    if not x.startswith("holdfast")]
        with open(t.path(file), "w") as f:
            f.write("\n".join(kept + lines) + "\n")
        subprocess.run([need("mount"), "--bind", t.path(file), "/etc/" + file],
                       check=True)


def begin(t, *names):
    private.enter(t)
    os.chmod(t.dir, 0o755)
    set_users(t, *names)


def owner(relay, place):
    st = os.lstat(os.path.join(relay.state, place))
    return st.st_uid, st.st_gid, st.st_mode & 0o777


def as_user(uid, check):
    """What check() says in a process of this user: its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 99
        try:
            os.setgroups([])
            os.setresgid(GID, GID, GID)
            os.setresuid(uid, uid, uid)
            status = int(check())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def can(function, *args):
    try:
        function(*args)
    except PermissionError:
        return False
    return True


def can_connect(relay, name):
    with socket.socket(socket.AF_UNIX) as s:
        return can(s.connect, os.path.join(relay.state, "run", name))


def test_each_program_has_its_user_and_no_more_than_it_needs(t):
    begin(t, *UIDS)
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    assert relay.status()["privileges_separated"] is True
    assert "\nprivileges    separated\n" in relay.command("status").stdout
    assert "privileges_not_separated" not in relay.log_text()
    for name, pid in relay.pids().items():
        with open(f"/proc/{pid}/status") as f:
            status = dict(x.rstrip("\n").split(":\t", 1) for x in f if ":\t" in x)
        uid = USER_OF[name.split("/")[0]]
        assert status["Uid"].split() == [str(uid)] * 4, (name, status["Uid"])
        if name != "master":
            assert status["Gid"].split() == [str(GID)] * 4, name
        assert status["Groups"].strip() == "", (name, status["Groups"])
    queue, smtpd, deliver = UIDS.values()
    for place, uid, mode in (
            ("", queue, 0o755), ("spool", queue, 0o700),
            ("spool/incoming", smtpd, 0o770),
            ("spool/deferred", queue, 0o700), ("spool/ledger", queue, 0o700),
            ("spool/quarantine", queue, 0o700), ("spool/lock", queue, 0o600),
            ("run/master", queue, 0o660), ("run/qmgr", queue, 0o660),
            ("run/shaper", queue, 0o600), ("run/submit", smtpd, 0o666),
            ("run/notice", deliver, 0o600)):
        assert owner(relay, place) == (uid, GID, mode), (place,
                                                         owner(relay, place))
    qid = relay.submit()
    relay.await_empty()
    assert len(peer.messages) == 1
    made = os.listdir(os.path.join(relay.state, "spool/incoming"))
    assert made
    for name in made:
        assert owner(relay, "spool/incoming/" + name) == (smtpd, GID, 0o660)
    for uid in (smtpd, deliver):
        for place in ("spool", "spool/incoming", "spool/ledger"):
            assert not as_user(uid, lambda p=place: can(
                os.listdir, os.path.join(relay.state, p))), (uid, place)
        assert as_user(uid, lambda: can_connect(relay, "qmgr"))
        assert not as_user(uid, lambda: can_connect(relay, "shaper"))
        assert as_user(uid, lambda: can_connect(relay, "notice")) == \
            (uid == deliver)
    # A member of the group may look, and may not order.
    assert as_user(smtpd, lambda: relay.command(
        "status", check=False).returncode) == 0
    assert as_user(smtpd, lambda: relay.command(
        "stop", check=False).returncode) == 100
    assert as_user(queue, lambda: relay.command(
        "reload", check=False).returncode) == 0
    assert relay.why(qid, check=False)
    relay.stop()


def test_mail_from_before_there_were_users_goes_out_by_them(t):
    begin(t)
    replies = {"RCPT": "451 4.2.1 later"}
    peer = t.peer(lambda s: s.serve(replies))
    relay = t.relay(relay_to=peer.address).start()
    assert "does not exist" in relay.status()["privileges_separated"]["reason"]
    relay.submit()
    relay.stop()
    assert owner(relay, "spool/deferred")[0] == 0
    set_users(t, *UIDS)
    # A look changes nothing.
    relay.command("check")
    assert owner(relay, "spool/deferred")[0] == 0
    relay.start()
    assert relay.status()["privileges_separated"] is True
    for folder, _, files in os.walk(os.path.join(relay.state, "spool")):
        for name in files:
            uid = os.lstat(os.path.join(folder, name)).st_uid
            assert uid in UIDS.values(), (folder, name, uid)
    replies.clear()
    relay.command("retry", "--all")
    relay.await_empty()
    assert len(peer.messages) == 1
    relay.stop()


def test_where_a_user_is_gone_the_command_that_is_named_helps(t):
    begin(t, *UIDS)
    relay = t.relay().start()
    relay.submit()
    relay.stop()
    set_users(t, "holdfast", "holdfast-deliver")
    for command in ("check", "run"):
        p = relay.command(command, check=False)
        assert p.returncode == 100, (p.returncode, p.stderr)
        assert "spool/incoming: belongs to user 61002" in p.stderr, p.stderr
    order = p.stderr.split("run: ")[1].strip()
    subprocess.run(shlex.split(order), check=True)
    relay.start()
    assert "holdfast-smtpd does not exist" in \
        relay.status()["privileges_separated"]["reason"]
    assert {os.stat(f"/proc/{pid}").st_uid for name, pid in relay.pids().items()
            if name != "master"} == {UIDS["holdfast"]}
    relay.submit()
    relay.stop()


def test_a_place_that_a_user_cannot_get_to_is_refused(t):
    begin(t, *UIDS)
    os.chmod(t.dir, 0o711)
    relay = t.relay().start()
    relay.stop()
    os.chmod(t.dir, 0o700)
    for command in ("check", "run"):
        p = relay.command(command, check=False)
        assert p.returncode == 100, (p.returncode, p.stderr)
        assert f"user holdfast cannot get to it: {t.dir}: " in p.stderr, \
            p.stderr


def test_what_a_root_process_makes_in_the_spool_is_found_at_the_next_start(t):
    begin(t, *UIDS)
    relay = t.relay().start()
    qid = relay.submit()
    relay.stop()
    # As a restore from a backup does it.
    for folder, _, files in os.walk(relay.state):
        for name in [".", *files]:
            os.lchown(os.path.join(folder, name), 0, 0)
    relay.start()
    assert relay.why(qid)["qid"] == qid
    await_true("it is scanned", lambda: relay.status()["scan"]["pass"] > 0)
    assert relay.status()["scan"]["missing"] == 0
    relay.stop()
