# SPDX-License-Identifier: BSD-2-Clause
"""master and its commands: directories, lock, deaths, orders, users."""
import fcntl
import json
import os
import pwd
import signal
import subprocess

from relay import BIN, Skip, alive, await_true, children, kill


def run_once(relay, *args, **kw):
    """A command that ends by itself: (exit status, all that it printed)."""
    p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf,
                        *(args or ("run",))], stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                       timeout=90, **kw)
    return p.returncode, p.stdout.decode(errors="replace")


def restarts(relay, name):
    return {p["name"]: p["restarts"]
            for p in relay.status()["processes"]}.get(name)


def state_of(relay, name):
    return {p["name"]: p["state"]
            for p in relay.status()["processes"]}.get(name)


def test_directories_and_sockets_have_their_modes(t):
    relay = t.relay().start()
    modes = {"": 0o755, "spool": 0o700, "run": 0o755, "log": 0o750,
             "store": 0o700, "spool/incoming": 0o700, "spool/deferred": 0o700,
             "spool/ledger": 0o700, "spool/quarantine": 0o700,
             "run/master": 0o660, "run/qmgr": 0o660, "run/shaper": 0o600,
             "run/submit": 0o666,
             "run/notice": 0o600}
    for name, mode in modes.items():
        found = os.stat(os.path.join(relay.state, name)).st_mode & 0o777
        assert found == mode, (name, oct(found))
    relay.stop()
    assert os.listdir(os.path.join(relay.state, "run")) == []


def test_daemons_run_as_the_owner_of_state_dir(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    nobody = pwd.getpwnam("nobody")
    relay = t.relay()
    os.chmod(t.dir, 0o755)
    os.mkdir(relay.state)
    os.chown(relay.state, nobody.pw_uid, nobody.pw_gid)
    relay.start()
    for name, pid in relay.pids().items():
        owner = os.stat(f"/proc/{pid}").st_uid
        with open(f"/proc/{pid}/status") as f:
            uid = [x for x in f if x.startswith("Uid:")][0].split()[1:]
        if name == "master":
            assert owner == 0
        else:
            assert uid == [str(nobody.pw_uid)] * 4, (name, uid)
    for name in ("spool", "spool/incoming", "run", "run/master", "log"):
        st = os.stat(os.path.join(relay.state, name))
        assert st.st_uid == nobody.pw_uid, name


def test_all_works_as_an_ordinary_user(t):
    if os.geteuid() != 0:
        raise Skip("needs root to become another")
    nobody = pwd.getpwnam("nobody")
    relay = t.relay()
    os.chmod(t.dir, 0o777)

    def become():
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    status, text = run_once(relay, "check", preexec_fn=become)
    if status != 0:
        raise Skip("the tree cannot be read by nobody")
    status, text = run_once(relay, "start", preexec_fn=become)
    assert status == 0, text
    t.at_end(lambda: run_once(relay, "stop"))
    status, text = run_once(relay, "status", preexec_fn=become)
    assert status == 0, text
    status, text = run_once(relay, "stop", preexec_fn=become)
    assert status == 0, text


def test_strangers_may_not_order(t):
    if os.geteuid() != 0:
        raise Skip("needs root to become another")
    relay = t.relay().start()
    os.chmod(t.dir, 0o755)
    os.chmod(os.path.join(relay.state, "run/master"), 0o666)

    def become():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    if run_once(relay, "check", preexec_fn=become)[0] != 0:
        raise Skip("the tree cannot be read by nobody")
    for order in ("stop", "reload"):
        status, text = run_once(relay, order, preexec_fn=become)
        assert status == 100 and "owner" in text, (status, text)
    assert relay.status()["ready"]


def test_a_lock_that_is_held_names_its_holder(t):
    relay = t.relay().start()
    relay.stop()
    lock = os.path.join(relay.state, "spool/lock")
    with open(lock, "w") as f:
        f.write("1073741824\n")  # no process has this number
    holder = subprocess.Popen(["flock", lock, "sleep", "60"])
    t.at_end(holder.kill)
    try:
        await_true("the lock is held", lambda: subprocess.run(
            ["flock", "-n", lock, "true"]).returncode != 0)
        status, text = run_once(relay)
    finally:
        for pid in children(holder.pid):
            kill(pid, signal.SIGKILL)
        holder.kill()
        holder.wait()
    assert status == 111 and "spool/lock" in text, (status, text)
    assert str(holder.pid) in text, (holder.pid, text)


def test_a_start_waits_for_one_who_reads_the_spool(t):
    relay = t.relay().start()
    relay.stop()
    lock = os.path.join(relay.state, "spool/lock")
    with open(lock) as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        # Others may read as well.
        assert run_once(relay, "status", "--json")[0] == 111
        p = subprocess.Popen(
            [os.path.join(BIN, "holdfast"), "-c", relay.conf, "run"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        t.at_end(lambda: (p.kill(), p.wait()))
        await_true("it waits for the lock", lambda: waits_for_lock(p.pid))
        assert p.poll() is None
    await_true("it is ready",
               lambda: run_once(relay, "status")[0] == 0)
    p.send_signal(signal.SIGTERM)
    assert p.wait(timeout=60) == 0


def waits_for_lock(pid):
    with open("/proc/locks") as f:
        return any(" -> FLOCK" in x and f" {pid} " in x for x in f)


def test_a_missing_parent_is_named(t):
    relay = t.relay()
    relay.write_conf(relay.text.replace(relay.state, t.path("no/such/dir")))
    status, text = run_once(relay)
    assert status == 111 and "no/such/dir" in text, (status, text)
    assert "No such file" in text, text


def test_a_read_only_place_is_named(t):
    mount = t.path("fs")
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs",
                       mount], stderr=subprocess.PIPE).returncode != 0:
        raise Skip("no file system can be mounted here")
    t.at_end(lambda: subprocess.run(["umount", "-l", mount]))
    relay = t.relay()
    relay.write_conf(relay.text.replace(relay.state, mount + "/state"))
    subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    status, text = run_once(relay)
    assert status == 111 and "Read-only" in text and mount in text, text


def test_a_full_place_is_named(t):
    mount = t.path("fs")
    os.mkdir(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=4",
                       "tmpfs", mount], stderr=subprocess.PIPE).returncode:
        raise Skip("no file system can be mounted here")
    t.at_end(lambda: subprocess.run(["umount", "-l", mount]))
    relay = t.relay()
    relay.write_conf(relay.text.replace(relay.state, mount + "/state"))
    status, text = run_once(relay)
    assert status == 111 and "No space" in text and mount in text, text


def test_a_version_that_is_none_is_refused(t):
    relay = t.relay().start()
    relay.stop()
    with open(f"{relay.state}/spool/VERSION", "w") as f:
        f.write("one\n")
    status, text = run_once(relay)
    assert status == 100 and "VERSION" in text, (status, text)


def test_start_leaves_nothing_of_the_caller_open(t):
    relay = t.relay()
    with open(t.path("out"), "wb") as out:
        extra = os.dup(out.fileno())
        os.set_inheritable(extra, True)
        p = subprocess.run([os.path.join(BIN, "holdfast"), "-c", relay.conf,
                            "start"], stdout=out, stderr=out,
                           pass_fds=(extra,), timeout=90)
        os.close(extra)
    t.at_end(lambda: run_once(relay, "stop"))
    assert p.returncode == 0
    inode = os.stat(t.path("out")).st_ino
    for name, pid in relay.pids().items():
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                st = os.stat(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            assert st.st_ino != inode, (name, fd)
        assert os.readlink(f"/proc/{pid}/cwd") == "/" or name != "master"


def test_a_failed_start_in_the_background_tells_why(t):
    other = t.relay(name="other").start()
    relay = t.relay()
    relay.write_conf(relay.text.replace(f":{relay.port}\"",
                                        f":{other.port}\""))
    status, text = run_once(relay, "start")
    assert status == 111, (status, text)
    assert f"{t.ip}:{other.port}" in text and "in use" in text, text
    assert run_once(relay, "status")[0] == 111


def test_one_that_dies_again_and_again_is_shown_failing(t):
    relay = t.relay().start()
    count = 0
    while state_of(relay, "shaper") != "failing":
        pid = relay.pids().get("shaper")
        if pid:
            kill(pid, signal.SIGKILL)
            await_true("it is gone", lambda: not alive(pid))
            count += 1
        assert count < 10
    status, text = run_once(relay, "status")
    assert status == 1 and "failing" in text, (status, text)
    assert "process_failing" in relay.log_text()
    # It is started again by itself, and well when it has lived a while.
    await_true("it is back", lambda: state_of(relay, "shaper") == "ok")
    assert run_once(relay, "status")[0] == 0
    assert restarts(relay, "shaper") >= 2


def test_children_stop_when_master_is_killed(t):
    relay = t.relay().start()
    pids = relay.pids()
    kill(pids["master"], signal.SIGKILL)
    relay.process.wait()
    await_true("all have stopped",
               lambda: not any(alive(p) for p in pids.values()))
    assert run_once(relay, "stop")[0] == 0
    relay.start()
    assert relay.status()["ready"]


def test_one_that_does_not_stop_is_killed(t):
    relay = t.relay(conf='stop_grace = "0s"').start()
    pid = relay.pids()["shaper"]
    kill(pid, signal.SIGSTOP)
    relay.stop()
    assert not alive(pid)
    assert "process_killed" in relay.log_text()


def test_stop_waits_for_the_last_process(t):
    relay = t.relay().start()
    pids = relay.pids()
    status, text = run_once(relay, "stop")
    assert status == 0, text
    assert relay.process.wait(timeout=10) == 0
    assert not any(alive(p) for p in pids.values())
    assert run_once(relay, "stop")[0] == 0


def test_the_terminals_signals_stop_it_once(t):
    relay = t.relay().start()
    pids = relay.pids()
    for pid in pids.values():
        kill(pid, signal.SIGINT)
    for pid in pids.values():
        kill(pid, signal.SIGTERM)
    assert relay.process.wait(timeout=60) == 0
    assert "process_died" not in relay.log_text()


def test_hangup_is_a_reload(t):
    relay = t.relay().start()
    relay.write_conf(relay.text + 'log_level = "debug"\n')
    kill(relay.process.pid, signal.SIGHUP)
    await_true("it is loaded",
               lambda: "event=config_loaded" in relay.log_text())
    relay.write_conf(relay.text + "nonsense = 1\n")
    kill(relay.process.pid, signal.SIGHUP)
    await_true("the error is logged",
               lambda: "event=config_error" in relay.log_text())
    relay.write_conf(relay.text)
    assert relay.status()["ready"]


def test_a_reload_says_what_needs_a_restart(t):
    relay = t.relay().start()
    relay.write_conf(relay.text.replace("smtpd = 1", "smtpd = 3"))
    p = relay.command("reload")
    assert "smtpd" in p.stdout and "restart" in p.stdout, p.stdout
    assert "smtpd/3" not in relay.pids()


def test_a_reload_that_cannot_listen_changes_nothing(t):
    other = t.relay(name="other").start()
    relay = t.relay().start()
    relay.write_conf(relay.text + f'''
listener "more" {{ address = {{ "{t.ip}:26998", "{t.ip}:{other.port}" }} }}''')
    status, text = run_once(relay, "reload")
    assert status == 111 and f"{t.ip}:{other.port}" in text, (status, text)
    # The address that could be bound was given back.
    third = t.relay(name="third")
    third.write_conf(third.text.replace(f":{third.port}\"", ":26998\""))
    third.start()
    assert relay.status()["ready"]


def test_orders_to_a_stopped_relay(t):
    relay = t.relay()
    status, text = run_once(relay, "reload")
    assert status == 111 and "not running" in text, (status, text)
    assert run_once(relay, "stop")[0] == 0
    status, text = run_once(relay, "status", "--json")
    assert status == 111, text
    found = json.loads(text)
    assert found["ready"] is False and found["processes"] == [], found


def test_wrong_use_is_exit_100(t):
    relay = t.relay()
    for args in (("status", "--nonsense"), ("status", "x"), ("stop", "now"),
                 ("start", "-b"), ("frobnicate",)):
        status, text = run_once(relay, *args)
        assert status == 100 and args[-1] in text, (args, status, text)
    status, text = run_once(relay, "help")
    assert status == 0 and "reload" in text


def test_a_long_state_dir_works(t):
    relay = t.relay()
    deep = t.path("d" * 120)
    relay.write_conf(relay.text.replace(relay.state, deep))
    relay.state = deep
    relay.start()
    assert relay.status()["ready"]


def test_a_daemon_by_itself_says_who_starts_it(t):
    libexec = os.path.join(BIN, "../libexec")
    for name in ("smtpd", "qmgr", "deliver", "shaper"):
        p = subprocess.run([os.path.join(libexec, name)],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, timeout=30)
        assert p.returncode == 100, (name, p)
        assert b"holdfast start" in p.stdout, (name, p.stdout)


def test_uptime_and_restarts_are_told(t):
    relay = t.relay().start()
    pid = relay.pids()["smtpd/1"]
    kill(pid, signal.SIGKILL)
    await_true("it is back", lambda: relay.pids().get("smtpd/1") not in
               (None, pid))
    await_true("ready", lambda: run_once(relay, "status")[0] == 0)
    status, text = run_once(relay, "status")
    row = [x for x in text.split("\n") if x.startswith("smtpd/1")][0]
    assert " 1 (" in row and "ago)" in row or "just now" in row, row
    assert "accepting     yes" in text, text


def test_a_broken_file_does_not_hide_the_running_relay(t):
    relay = t.relay().start()
    relay.write_conf(relay.text + "nonsense = 1\n")
    status, text = run_once(relay, "status")
    assert status == 0 and "accepting     yes" in text, (status, text)
    status, text = run_once(relay, "reload")
    assert status == 100 and "nonsense" in text, (status, text)
    assert "number 1" in text, text
    status, text = run_once(relay, "start")
    assert status == 0 and "already" in text, (status, text)
    status, text = run_once(relay, "stop")
    assert status == 0, (status, text)
    assert run_once(relay, "start")[0] == 100


def test_it_works_as_process_one(t):
    """As in a container: it takes care of processes that it did not start."""
    relay = t.relay()
    p = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh",
         "-c", "sleep 1 & exec \"$@\"", "sh",
         os.path.join(BIN, "holdfast"), "-c",
         relay.conf, "run"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    t.at_end(p.kill)

    def ready():
        if p.poll() is not None:
            text = p.stdout.read().decode()
            if "unshare" in text:
                raise Skip(text)
            raise AssertionError(text)
        return run_once(relay, "status")[0] == 0
    await_true("it is ready", ready)
    found = relay.pids()
    assert found["master"] == 1, found
    inner = children(p.pid)[0]

    def dead():
        return [c for c in children(inner) if not alive(c)]
    await_true("the stranger's child is reaped", lambda: not dead() and
               len(children(inner)) == len(found) - 1)
    # Another program goes on as process 1.
    assert run_once(relay, "upgrade")[0] == 0
    now = relay.pids()
    assert now["master"] == 1 and now["qmgr"] != found["qmgr"], (found, now)
    kill(inner, signal.SIGTERM)
    assert p.wait(timeout=60) == 0


def test_status_says_why_one_is_failing(t):
    relay = t.relay().start()
    relay.stop()
    relay.launch({"HOLDFAST_FAULT_qmgr": "openat:1+:EACCES"})
    await_true("it fails", lambda: run_once(relay, "status")[0] == 1 and
               state_of(relay, "qmgr") == "failing")
    _, text = run_once(relay, "status")
    assert "ended last by exit status 111: the ledger cannot be read" in text
    # Nothing is said of those that are well.
    assert text.count("ended last") == 1, text
    trouble = {p["name"]: p["trouble"] for p in relay.status()["processes"]}
    assert trouble["qmgr"].startswith("exit status 111: the ledger")
    assert trouble["shaper"] is None


def test_status_says_that_privileges_are_not_separated(t):
    relay = t.relay().start()
    said = relay.status()["privileges_separated"]
    if said is True:
        raise Skip("this system has the users")
    assert "does not exist" in said["reason"] or os.geteuid() != 0, said
    _, text = run_once(relay, "status")
    assert f"all run as one user: {said['reason']}" in text, text
    assert "event=privileges_not_separated" in relay.log_text()
    relay.stop()
    said = relay.status()
    assert said["privileges_separated"] is None, said


def test_the_folder_of_a_stranger_is_refused(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    relay = t.relay().start()
    relay.stop()
    incoming = os.path.join(relay.state, "spool/incoming")
    for place in (incoming, os.path.join(relay.state, "spool")):
        os.chown(place, 12345, 12345)
        for command in ("run", "check"):
            status, text = run_once(relay, command)
            assert status == 100, (status, text)
            assert f"{place}: belongs to user 12345" in text, text
            assert f"chown -hR root:0 {relay.state}" in text, text
        os.chown(place, 0, 0)
    # So is a file that an own folder has of him.
    with open(os.path.join(incoming, "0" * 16), "w") as f:
        os.fchown(f.fileno(), 12345, 12345)
    status, text = run_once(relay)
    assert status == 100 and "0000" in text and "12345" in text, text


def test_what_root_left_is_given_to_the_owner(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    nobody = pwd.getpwnam("nobody")
    relay = t.relay().start()
    qid = relay.submit()
    relay.stop()
    os.chmod(t.dir, 0o755)
    os.chown(relay.state, nobody.pw_uid, nobody.pw_gid)
    link = os.path.join(relay.state, "spool/deferred/link")
    os.symlink(t.path("stranger"), link)
    with open(t.path("stranger"), "w"):
        pass
    assert run_once(relay, "check")[0] == 0
    assert os.stat(os.path.join(relay.state, "spool")).st_uid == 0
    relay.start()
    assert relay.why(qid)["qid"] == qid
    for folder, _, files in os.walk(os.path.join(relay.state, "spool")):
        for name in ["."] + files:
            path = os.path.join(folder, name)
            owner = os.lstat(path).st_uid
            assert (owner == nobody.pw_uid) != (path == link), (path, owner)
    assert os.stat(t.path("stranger")).st_uid == 0


def test_a_file_with_two_names_is_not_given_away(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    nobody = pwd.getpwnam("nobody")
    relay = t.relay().start()
    relay.stop()
    os.chown(relay.state, nobody.pw_uid, nobody.pw_gid)
    other = t.path("other")
    with open(other, "w"):
        pass
    os.link(other, os.path.join(relay.state, "spool/deferred", "1" * 16))
    status, text = run_once(relay)
    assert status == 100 and "1" * 16 in text, (status, text)
    assert os.stat(other).st_uid == 0


def test_one_who_is_not_root_cannot_start_anothers(t):
    if os.geteuid() != 0:
        raise Skip("needs root to become another")
    relay = t.relay().start()
    relay.stop()
    os.chmod(t.dir, 0o755)

    def become():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    status, text = run_once(relay, "run", preexec_fn=become)
    assert status == 100 and "spool: belongs to user root" in text, text


def test_check_looks_and_makes_nothing(t):
    relay = t.relay()
    status, text = run_once(relay, "check")
    assert status == 0 and text.endswith("relay.conf: OK\n"), (status, text)
    assert not os.path.exists(relay.state)
    relay.start()
    # Beside one that runs: the addresses are its own.
    status, text = run_once(relay, "check")
    assert status == 0 and "listens there" not in text, (status, text)
    assert relay.status()["ready"]


def test_check_tells_who_has_an_address(t):
    other = t.relay(name="other").start()
    relay = t.relay()
    path = t.path("no/socket")
    relay.write_conf(relay.text.replace(
        f'"{t.ip}:{relay.port}"',
        f'"{t.ip}:{other.port}", "unix:{path}", "203.0.113.1:25"'))
    status, text = run_once(relay, "check")
    assert status == 111, (status, text)
    pid = other.pids()["master"]
    assert f"{t.ip}:{other.port}: process {pid} (master) listens" in text, text
    # All are told in one run.
    assert f"unix:{path}: cannot listen: No such file" in text, text
    assert "203.0.113.1:25: cannot listen: Cannot assign" in text, text


def test_check_and_run_agree_on_a_spool_of_a_newer_version(t):
    relay = t.relay().start()
    relay.stop()
    with open(os.path.join(relay.state, "spool/VERSION"), "w") as f:
        f.write("99\n")
    for command in ("check", "run"):
        status, text = run_once(relay, command)
        assert status == 100 and "version 99" in text, (command, status, text)
