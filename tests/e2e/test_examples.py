# SPDX-License-Identifier: BSD-2-Clause
"""What README.md, docs/operations.md and the manual print works as printed."""
import glob
import os
import re
import signal
import subprocess

import private
from relay import BIN, ROOT, await_true, need

QID = re.compile(r"\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b")
CONF = "/etc/holdfast/holdfast.conf"


def blocks(path, kind=""):
    """The code blocks of a Markdown file that are marked as of this kind."""
    with open(os.path.join(ROOT, path)) as f:
        return re.findall(rf"^```{kind}\n(.*?)^```$", f.read(), re.M | re.S)


def commands(block):
    """Its commands, each with the lines that it goes on in."""
    return re.sub(r"([|\\])\n\s*", r"\1 ", block).strip().splitlines()


class Shell:
    """Runs commands as a reader would type them."""

    def __init__(self, **env):
        self.env = {**os.environ, **env}
        self.qids = {}

    def run(self, line, status=(0,), **kw):
        p = subprocess.run(line, shell=True, cwd=ROOT, env=self.env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=120, **kw)
        out = p.stdout.decode()
        assert p.returncode in status, \
            f"exit {p.returncode} of: {line}\n{out}"
        return out

    def ready(self, conf=None):
        where = f"-c {conf} " if conf else ""
        return subprocess.run(f"holdfast {where}status", shell=True, cwd=ROOT,
                              env=self.env, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def path():
    return f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin"


def write_conf(text):
    os.makedirs(os.path.dirname(CONF), exist_ok=True)
    with open(CONF, "w") as f:
        f.write(text)


# --- README.md -----------------------------------------------------------------

def start_script(t, line):
    """Runs tools/start.sh as printed, in the background."""
    p = subprocess.Popen(line, shell=True, cwd=ROOT, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                         start_new_session=True,
                         env={**os.environ, "STATE": t.path("state")})

    def end():
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGTERM)
            p.wait(timeout=60)
    t.at_end(end)
    sh = Shell(PATH=path())
    await_true("the relay is up", lambda: sh.ready("build/start.conf"), 120)
    return end


def test_first_five_minutes_of_the_readme_work(t):
    need("swaks")
    private.enter(t)
    start, look, swaks, again = blocks("README.md")[1:5]
    sh = Shell(PATH=path())
    end = start_script(t, start.strip())
    qid = None
    for line in commands(look):
        out = sh.run(line.replace("QID", qid) if qid else line)
        qid = qid or QID.search(out).group()
    assert "delivered" in out, out
    sh.run(swaks)
    end()
    end = start_script(t, again.strip())
    out = sh.run(commands(look)[0])
    qid = QID.search(out).group()
    why = f"build/bin/holdfast -c build/start.conf why {qid}"
    await_true("why names the refusal",
               lambda: "refused" in sh.run(why).lower())
    end()


def test_configurations_in_the_documents_are_good(t):
    private.enter(t, "/etc", "/var")
    found = blocks("README.md", "conf") + blocks("docs/operations.md", "conf")
    assert len(found) >= 2
    os.makedirs("/var/lib/holdfast", exist_ok=True)
    for text in found:
        write_conf(text)
        Shell(PATH=path()).run("holdfast check")


def test_operations_lead_from_nothing_to_a_delivered_message(t):
    private.enter(t, "/etc", "/usr", "/var", "/run")
    conf, = blocks("docs/operations.md", "conf")
    install, first, orders = blocks("docs/operations.md", "sh")[:3]
    sh = Shell()
    sh.env.pop("HOLDFAST_BIN", None)
    for line in commands(install):
        if "install-deps" not in line and "systemctl" not in line:
            sh.run(line)
    # The names of a network that is not there are answered by a relay that is.
    sink = t.sink()
    write_conf(conf.replace('route "*"     { }', f'route "*" {{ relay = '
                            f'{{ "{sink.address}" }} }}'))
    assert sink.address in open(CONF).read()
    qid = None
    for line in commands(first):
        line = line.replace("systemctl enable --now holdfast", "holdfast start")
        out = sh.run(line.replace("QID", qid) if qid else line)
        found = QID.search(out)
        qid = qid or (found and found.group())
    await_true("why says delivered",
               lambda: "delivered" in sh.run(f"holdfast why {qid}"))
    for line in commands(orders):
        sh.run(line)
    # In the installed place the daemons have users of their own.
    assert "not separated" not in sh.run("holdfast status")
    users = sh.run("ps -eo user:20,comm")
    for user, program in (("holdfast", "qmgr"), ("holdfast-smtpd", "smtpd"),
                          ("holdfast-deliver", "deliver")):
        assert re.search(rf"^{user} +{program}$", users, re.M), program
    unit = "/usr/local/lib/systemd/system/holdfast.service"
    sh.run(f"systemd-analyze verify --man=no {unit}")
    score = sh.run(f"systemd-analyze security --offline=true {unit}")
    score = float(re.search(r"exposure level for .*: ([0-9.]+)", score).group(1))
    assert score <= 2.5, score
    sh.run("holdfast upgrade")
    assert "delivered" in sh.run(f"holdfast why {qid}")
    sh.run("holdfast stop")
    sh.run("make uninstall")
    assert os.path.exists(CONF) and os.path.isdir("/var/lib/holdfast/spool")
    left = sh.run("find /usr/local -name '*holdfast*' -newer README.md; true")
    assert not left.strip(), left


# --- the manual ------------------------------------------------------------------

def examples(page):
    """The lines of a page's EXAMPLES, as they are read."""
    text = subprocess.run(["mandoc", "-Tascii", "-Owidth=250", page],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    text = re.sub(".\b", "", text)
    found = re.search(r"^EXAMPLES\n(.*?)(?=^\S)", text, re.M | re.S)
    return [x.strip() for x in found.group(1).splitlines()] if found else []


def queue_one(sh):
    """A message that stays in the queue."""
    out = sh.run("printf 'Subject: hello\\n\\nhi\\n' | "
                 "sendmail -v -f news@acme.test kim@example.org")
    return QID.search(out).group()


def run_page(sh, page):
    """Runs what stands behind "$ ". A queue id that an output line shows is the
    one that the command before really printed; one that comes from nowhere is
    that of a message that waits."""
    n, out = 0, ""
    for line in examples(page):
        for qid in QID.findall(line):
            if qid in sh.qids:
                continue
            seen = QID.search(out)
            sh.qids[qid] = seen.group() if seen and not line.startswith("$") \
                else queue_one(sh)
        if not line.startswith("$ "):
            continue
        line = QID.sub(lambda m: sh.qids[m.group()], line[2:])
        out, n = sh.run(line), n + 1
        if not sh.ready():
            sh.run("holdfast start")
    return n


def test_examples_of_the_manual_work(t):
    private.enter(t, "/etc", "/var")
    write_conf(f'''
node = "mx1.example.org"
state_dir = "/var/lib/holdfast"
listener "in" {{ address = {{ "127.0.0.1:25" }}  relay_from = {{ "127.0.0.0/8" }} }}
route "*" {{ relay = {{ "127.0.0.1:9" }} }}
''')
    os.makedirs("/var/lib/holdfast", exist_ok=True)
    sh = Shell(PATH=path())
    sh.run("holdfast start")
    t.at_end(lambda: sh.run("holdfast stop"))
    ran = 0
    for page in sorted(glob.glob(os.path.join(ROOT, "man", "*.[18]"))):
        ran += run_page(sh, page)
    assert ran >= 3
