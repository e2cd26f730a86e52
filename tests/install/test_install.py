# SPDX-License-Identifier: BSD-2-Clause
"""Installed, started, used, upgraded, removed: in a system of its own."""
import os
import pwd
import re
import shutil
import smtplib
import stat

from chroot import AT, CONF, SENDMAIL, Chroot, make, run
from relay import ROOT, Skip, await_true, need

UNIT = "/usr/lib/systemd/system/holdfast.service"
EXPOSURE_MAX = 2.5


def route_to(address):
    """The shipped configuration, but for where mail goes."""
    return ('\t#relay = { "192.0.2.25:25" }', f'\trelay = {{ "{address}" }}')


def unit_setting(name):
    with open(AT + UNIT) as f:
        return re.findall(rf"^{name}=(.*)$", f.read(), re.M)


def start(system):
    """As the unit does: with no more rights than it has."""
    caps = unit_setting("CapabilityBoundingSet")[0].split()
    allowed = ",".join("+" + c.removeprefix("CAP_").lower() for c in caps)
    system.run(f"setpriv --no-new-privs --bounding-set=-all,{allowed} "
               "sh -c 'holdfast check && holdfast start'")
    system.await_ready()


def proc_status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def send_smtp(n, name="smtp"):
    for i in range(n):
        with smtplib.SMTP("127.0.0.1", 25, timeout=60) as c:
            c.sendmail("a@client.test", [f"b@{name}{i}.test"],
                       "Subject: x\r\n\r\nhello\r\n")


def test_an_empty_root_gets_users_and_directories(t):
    if os.geteuid() != 0:
        raise Skip("only root can give files away")
    root = t.path("root")
    make("install", DESTDIR=root, prefix="/usr/local")
    run([need("systemd-sysusers"), f"--root={root}"])
    run([need("systemd-tmpfiles"), f"--root={root}", "--create",
         "holdfast.conf"])
    with open(root + "/etc/passwd") as f:
        users = {x[0]: x[2:4] for x in (y.split(":") for y in f)}
    with open(root + "/etc/group") as f:
        groups = {x[0]: x[2] for x in (y.split(":") for y in f)}
    assert {x[1] for x in users.values()} >= {groups["holdfast"]}
    for name in ("holdfast", "holdfast-smtpd", "holdfast-deliver"):
        assert users[name][1] == groups["holdfast"], users
    st = os.stat(root + "/var/lib/holdfast")
    assert [str(st.st_uid), str(st.st_gid)] == users["holdfast"]
    assert stat.S_IMODE(st.st_mode) == 0o755
    # Each path that the unit executes is where it was put.
    with open(root + "/usr/local/lib/systemd/system/holdfast.service") as f:
        paths = re.findall(r"^Exec\w+=(\S+)", f.read(), re.M)
    assert set(paths) == {"/usr/local/sbin/holdfast"}
    assert os.access(root + paths[0], os.X_OK)


def test_an_install_is_taken_away_whole(t):
    root = t.path("root")
    os.makedirs(root + "/usr/share/man")
    make("install", DESTDIR=root, prefix="/usr")
    with open(root + CONF, "a") as f:
        f.write("# mine\n")
    # A file of an older version that the new one has no more.
    with open(root + "/usr/share/holdfast/manifest", "a") as f:
        f.write("f /usr/libexec/holdfast/gone\n")
    with open(root + "/usr/libexec/holdfast/gone", "w"):
        pass
    make("install", DESTDIR=root, prefix="/usr")
    assert not os.path.exists(root + "/usr/libexec/holdfast/gone")
    with open(root + CONF) as f:
        assert f.read().endswith("# mine\n")
    with open(root + CONF + ".new", "rb") as f, \
            open(os.path.join(ROOT, "etc/holdfast.conf"), "rb") as sample:
        assert f.read() == sample.read()
    make("uninstall", DESTDIR=root, prefix="/usr")
    left = {os.path.relpath(os.path.join(d, x), root)
            for d, folders, files in os.walk(root) for x in folders + files}
    assert left == {"etc", "etc/holdfast", "etc/holdfast/holdfast.conf",
                    "usr", "usr/share", "usr/share/man"}, left


def test_the_unit_is_right_and_exposes_little(t):
    system = Chroot(t)
    system.install()
    out = system.run(f"systemd-analyze verify --recursive-errors=no {UNIT}",
                     status=0)
    assert "holdfast" not in out, out
    out = system.run("systemd-analyze security --offline=true --no-pager "
                     f"--threshold={EXPOSURE_MAX * 10:.0f} {UNIT}")
    print(out.splitlines()[-1])
    assert float(re.search(r"holdfast.service: ([\d.]+)", out).group(1)) \
        <= EXPOSURE_MAX


def test_sendmail_of_another_system_is_left_alone(t):
    system = Chroot(t)
    system.install()
    system.remove_other_mta()
    for name in SENDMAIL:
        path = f"{AT}/{name}"
        with open(path, "w") as f:
            f.write("other\n")
        out = system.run("/usr/libexec/holdfast/alternatives install",
                         status=1)
        assert f"/{name}: is another mail system's" in out, out
        assert not os.path.islink(path)
        os.unlink(path)


def test_mail_goes_by_what_was_installed(t):
    system = Chroot(t)
    system.set_up()
    sink = t.sink()
    system.change_conf(route_to(sink.address))
    start(system)
    status = system.status()
    assert status["privileges_separated"] is True, status
    users = {"master": "root", "smtpd": "holdfast-smtpd",
             "deliver": "holdfast-deliver", "qmgr": "holdfast",
             "shaper": "holdfast"}
    for process in status["processes"]:
        kind = process["name"].split("/")[0]
        got = proc_status(process["pid"])
        uid = system.run(f"id -u {users[kind]}").strip()
        assert got["Uid"].split() == [uid] * 4, (process, got["Uid"])
        assert got["NoNewPrivs"] == "1", process
        if kind != "master":
            assert got["Seccomp"] == "2", (process, got["Seccomp"])
            assert int(got["CapEff"], 16) == 0, process
    send_smtp(3)
    nobody = pwd.getpwnam("nobody").pw_uid
    system.run("printf 'Subject: x\\n\\nhi\\n' | /usr/sbin/sendmail "
               "kim@example.test", user=nobody, groups="")
    await_true("all has arrived", lambda: sink.stats()["msgs"] == 4)
    system.run("newaliases", user=nobody, groups="")
    # Members of the group may look; others are told why they may not.
    system.run("holdfast status", user=nobody, groups="holdfast")
    system.run("mailq", user=nobody, groups="holdfast")
    out = system.run("holdfast status", status=None, user=nobody, groups="")
    assert "not permitted" in out, out


def newer(t):
    """A tree of the next version, built."""
    tree = t.path("newer")
    build = os.path.join(ROOT, "build")
    keep = ("obj-san", "san", "fuzz", "bench", "tests", "state")
    # What a test beside this one has in there comes and goes.
    shutil.copytree(ROOT, tree, ignore=lambda folder, names: [
        n for n in names if n == ".git" or (folder.startswith(build) and (
            n in keep or n.startswith("sink.")))])
    path = os.path.join(tree, "util/svc/version.h")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(re.sub(r'VERSION "[^"]*"', 'VERSION "9.9.9-test"', text))
    make("install", tree, DESTDIR=t.path("trial"), prefix="/usr")
    return tree


def test_an_upgrade_loses_no_message_and_a_removal_no_spool(t):
    system = Chroot(t)
    system.set_up()
    sink = t.sink()
    system.change_conf(route_to(f"{t.ip}:9"))
    start(system)
    send_smtp(20, "before")
    old = {p["name"]: p["pid"] for p in system.status()["processes"]}
    system.install(newer(t))
    system.run("holdfast upgrade")
    system.await_ready()
    assert "9.9.9-test" in system.run("holdfast --version")
    new = {p["name"]: p["pid"] for p in system.status()["processes"]}
    assert new["master"] == old["master"]
    assert not set(new.values()) & set(old.values()) - {old["master"]}
    send_smtp(5, "after")
    assert system.status()["queued_messages"] == 25
    # The sample is put beside what a person has changed.
    assert os.path.exists(AT + CONF + ".new")
    system.change_conf((f"{t.ip}:9", sink.address))
    system.run("holdfast reload && holdfast retry --all")
    await_true("all has arrived", lambda: sink.stats()["msgs"] >= 25)
    assert sink.stats()["msgs"] == 25
    send_smtp(1, "stays")
    system.run("holdfast stop")

    system.run("/usr/libexec/holdfast/alternatives remove")
    make("uninstall", DESTDIR=AT, prefix="/usr")
    left = {name for name in system.changes()
            if not name.startswith("var/lib/holdfast/")}
    expected = {CONF[1:], "etc/passwd", "etc/group", "etc/shadow",
                "etc/gshadow", "etc/.pwd.lock",
                "var/log/alternatives.log"} | {
                    name for name in SENDMAIL
                    if os.path.lexists("/" + name)}
    assert left - {x + "-" for x in expected} <= expected, left - expected
    assert os.listdir(AT + "/var/lib/holdfast/spool/ledger")
