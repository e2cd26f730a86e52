# SPDX-License-Identifier: BSD-2-Clause
"""neighbours: the mail servers and the name server around a relay, each a real
one from the distribution with a directory, addresses and ports of the test."""
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess

from relay import Skip, alive, await_true, need


def need_root():
    """Other people's servers change their user when they start."""
    if os.geteuid() != 0:
        raise Skip("only root can start these servers")


def address(t, n):
    """Another address of this test: its own has a second byte of at most
    250."""
    a, _, c, d = t.ip.split(".")
    return f"{a}.{250 + n}.{c}.{d}"


def listens(ip, port):
    with socket.socket() as s:
        return s.connect_ex((ip, port)) == 0


def end_pid(pid):
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    await_true(f"process {pid} has ended", lambda: not alive(pid), 30)


class Dnsmasq:
    """A name server for what options say, and for nothing else."""

    def __init__(self, t, *options):
        self.port = t.port()
        self.address = f"{t.ip}:{self.port}"
        self.process = subprocess.Popen(
            [need("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null",
             "--no-resolv", "--no-hosts", "--no-daemon", "--bind-interfaces",
             f"--listen-address={t.ip}", f"--port={self.port}", "--user=root",
             "--pid-file=", "--local=/test/", "--local-ttl=60", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.at_end(self.end)
        await_true("the name server listens",
                   lambda: listens(t.ip, self.port))

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


class Maildirs:
    """Mailboxes for user@domain beneath a directory, read by the test."""

    def __init__(self, t, name, uid):
        self.dir = t.path(name)
        os.mkdir(self.dir)
        os.chown(self.dir, uid, uid)
        os.chmod(t.dir, 0o755)

    def mail(self, user):
        """The messages of a mailbox, as bytes."""
        found = []
        for path in sorted(glob.glob(f"{self.dir}/{user}/new/*")):
            with open(path, "rb") as f:
                found.append(f.read())
        return found


POSTFIX_MAIN = '''
compatibility_level = 3.6
queue_directory = {dir}/spool
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
mail_owner = postfix
setgid_group = postdrop
myhostname = {name}
mydestination =
mynetworks = 127.0.0.0/8
smtp_bind_address = {ip}
inet_interfaces = all
inet_protocols = ipv4
local_recipient_maps =
alias_maps =
alias_database =
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{dir}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{uid}
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
in_flow_delay = 0
{more}
'''
POSTFIX_MASTER = '''
{ip}:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
virtual unix - n n - - virtual
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''


class Postfix:
    """A Postfix at ip:port. users ("kim@dest.test") have mailboxes in
    self.mail; other users of their domains are refused; all else goes as
    the lines of main.cf in more say."""

    def __init__(self, t, ip, port, name, users, more=""):
        need_root()
        postfix = need("postfix")
        uid = pwd.getpwnam("nobody").pw_uid
        self.dir, self.ip, self.port = t.path(name), ip, port
        self.maildirs = Maildirs(t, f"{name}.mail", uid)
        os.makedirs(f"{self.dir}/spool")
        os.mkdir(f"{self.dir}/data")
        shutil.chown(f"{self.dir}/data", "postfix")
        domains = " ".join(sorted({u.split("@")[1] for u in users}))
        with open(f"{self.dir}/mailboxes", "w") as f:
            f.writelines(f"{u} {u}/\n" for u in users)
        with open(f"{self.dir}/main.cf", "w") as f:
            f.write(POSTFIX_MAIN.format(
                dir=self.dir, name=name, ip=ip, domains=domains, uid=uid,
                mail=self.maildirs.dir, more=more))
        with open(f"{self.dir}/master.cf", "w") as f:
            f.write(POSTFIX_MASTER.format(ip=ip, port=port))
        self.command = [postfix, "-c", self.dir]
        t.at_end(self.end)
        subprocess.run([*self.command, "start"], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_true(f"{name} listens", lambda: listens(ip, port))

    def mail(self, user):
        return self.maildirs.mail(user)

    def log(self):
        with open(f"{self.dir}/log", errors="replace") as f:
            return f.read()

    def end(self):
        subprocess.run([*self.command, "stop"], timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


DOVECOT = '''
protocols = lmtp
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
ssl = no
auth_mechanisms = plain
mail_location = maildir:{mail}/%u
first_valid_uid = 1
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
hostname = {name}
postmaster_address = postmaster@{name}
passdb {{
  driver = passwd-file
  args = {dir}/users
}}
userdb {{
  driver = passwd-file
  args = {dir}/users
}}
service lmtp {{
  unix_listener {dir}/lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = {ip}
    port = {port}
  }}
}}
service stats {{
  unix_listener stats-reader {{
    mode = 0600
  }}
  unix_listener stats-writer {{
    mode = 0600
  }}
}}
'''


class Dovecot:
    """A Dovecot that takes LMTP at self.address and self.socket for users."""

    def __init__(self, t, name, users):
        need_root()
        dovecot = need("dovecot")
        nobody = pwd.getpwnam("nobody")
        self.dir, self.port = t.path(name), t.port()
        self.address = f"{t.ip}:{self.port}"
        self.socket = f"unix:{self.dir}/lmtp"
        self.maildirs = Maildirs(t, f"{name}.mail", nobody.pw_uid)
        os.mkdir(self.dir)
        with open(f"{self.dir}/users", "w") as f:
            f.writelines(f"{u}::{nobody.pw_uid}:{nobody.pw_gid}::"
                         f"{self.maildirs.dir}/{u}::\n" for u in users)
        with open(f"{self.dir}/conf", "w") as f:
            f.write(DOVECOT.format(dir=self.dir, mail=self.maildirs.dir,
                                   name=name, ip=t.ip, port=self.port))
        self.process = subprocess.Popen(
            [dovecot, "-F", "-c", f"{self.dir}/conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        t.at_end(self.end)
        await_true("Dovecot listens", lambda: listens(t.ip, self.port))

    def mail(self, user):
        return self.maildirs.mail(user)

    def end(self):
        if self.process.poll() is None:
            end_pid(self.process.pid)
            self.process.wait(timeout=30)
