# SPDX-License-Identifier: BSD-2-Clause
"""chroot: a system to install into: a copy of this one as it was before, which
this test alone sees, with a network of its own."""
import json
import os
import subprocess

import private
from relay import ROOT, Skip, await_true, need

# Hidden by the mount, in this test's mount namespace only.
AT = "/mnt"
SENDMAIL = ("usr/sbin/sendmail", "usr/lib/sendmail", "usr/bin/mailq",
            "usr/bin/newaliases")
CONF = "/etc/holdfast/holdfast.conf"


def run(args, status=0, **kw):
    """Runs a command; all that it printed."""
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=240, **kw)
    out = p.stdout.decode(errors="replace")
    assert status is None or p.returncode == status, \
        f"exit {p.returncode} of {args}:\n{out}"
    return out


def make(target, tree=ROOT, **variables):
    return run(["make", "-s", "-C", tree, target,
                *(f"{k}={v}" for k, v in variables.items())])


class Chroot:
    """What changes in it lies in self.upper."""

    def __init__(self, t):
        private.enter(t)
        self.t = t
        layer = t.path("layers") + "/root"
        self.upper = layer + "/upper"
        os.makedirs(self.upper)
        os.makedirs(layer + "/work")
        mount = need("mount")
        p = subprocess.run(
            [mount, "-t", "overlay", "overlay", "-o", "lowerdir=/,"
             f"upperdir={self.upper},workdir={layer}/work", AT],
            stderr=subprocess.PIPE)
        if p.returncode != 0:
            raise Skip(f"no overlay: {p.stderr.decode().strip()}")
        for folder in ("proc", "dev", "sys"):
            run([mount, "--rbind", "/" + folder, f"{AT}/{folder}"])
        for folder in ("run", "tmp"):
            run([mount, "-t", "tmpfs", "tmpfs", f"{AT}/{folder}"])
        self.run("rm -rf /etc/holdfast /var/lib/holdfast /usr/local/*/holdfast")
        t.at_end(self.end)

    def run(self, line, status=0, user="root", groups=None, **kw):
        """Runs a line of shell in it."""
        as_user = [f"--userspec={user}"]
        if groups is not None:
            as_user.append(f"--groups={groups}")
        return run([need("chroot"), *as_user, AT, "sh", "-c", line],
                   status, **kw)

    def remove_other_mta(self):
        """As apt-get purge would."""
        for name in SENDMAIL:
            if os.path.lexists(f"{AT}/{name}"):
                os.unlink(f"{AT}/{name}")

    def install(self, tree=ROOT):
        make("install", tree, DESTDIR=AT, prefix="/usr")

    def prepare(self):
        """What a package does when its files are in place."""
        self.run("systemd-sysusers")
        self.run("systemd-tmpfiles --create holdfast.conf")

    def set_up(self):
        self.install()
        self.prepare()
        self.remove_other_mta()
        self.run("/usr/libexec/holdfast/alternatives install")

    def change_conf(self, *changes):
        """Changes the installed configuration as a person would."""
        with open(AT + CONF) as f:
            text = f.read()
        for old, new in changes:
            assert text.count(old) == 1, (text.count(old), old)
            text = text.replace(old, new)
        with open(AT + CONF, "w") as f:
            f.write(text)

    def status(self):
        return json.loads(self.run("holdfast status --json", status=None))

    def await_ready(self):
        await_true("the relay is ready", lambda: self.status()["ready"])

    def end(self):
        if os.path.exists(AT + "/usr/sbin/holdfast"):
            if not self.t.passed:
                print(self.run("holdfast status; mailq; holdfast queue", None))
            self.run("holdfast stop", status=None)

    def changes(self):
        """Files, other than folders, that are not as they were."""
        found = set()
        for folder, _, files in os.walk(self.upper):
            found |= {os.path.relpath(os.path.join(folder, f), self.upper)
                      for f in files}
        return found
