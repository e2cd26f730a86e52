# SPDX-License-Identifier: BSD-2-Clause
"""worker: a delivery worker alone; the test is its master and its qmgr."""
import fcntl
import mmap
import os
import re
import select
import signal
import socket
import struct

import spool
from relay import ROOT, await_true, alive

DELIVER = os.path.join(os.path.dirname(os.environ.get(
    "HOLDFAST_BIN", os.path.join(ROOT, "build", "bin"))), "libexec", "deliver")
STATUS_FD = 3
SLOTS = 16
DEADLINE_S = 60
PHASES = ("free", "leased", "transaction", "dot sent", "answered")
OUTCOMES = ("tried", "throttled", "returned", "damaged", "unreadable", "told")
TRANSPORTS = ("smtp", "lmtp", "discard", "notice")
VERDICTS = ("delivered", "deferred", "throttled", "bounced")
WHYS = ("closed", "throttled", "refused", "lost")
STAGES = ("connect", "greeting", "EHLO", "MAIL", "RCPT", "DATA", "body",
          "dot", "RSET", "QUIT", "idle")
ENVID, RET = 11, 12  # fields of an envelope
HAND_CONF, HAND_PAGE, HAND_SLOTS = 0, 2, 6
NUMBER = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i64": "<q"}


# --- frames, by the table of the program --------------------------------------

def _table():
    with open(os.path.join(ROOT, "util", "proto", "messages.def")) as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    table = []
    for name, nfds, body in re.findall(
            r"MESSAGE\((\w+),[^)]*,\s*(\d)\)(.*?)MESSAGE_END", text, re.S):
        table.append((name, int(nfds), re.findall(
            r"FIELD\((\w+),\s*(\w+)", body)))
    return table


def _version():
    with open(os.path.join(ROOT, "util", "proto", "messages.h")) as f:
        return int(re.search(r"define PROTO_VERSION (\d+)", f.read())[1])


TABLE, VERSION = _table(), _version()
TYPES = {name: n + 1 for n, (name, _, _) in enumerate(TABLE)}


def encode(name, /, **values):
    out = b""
    for kind, field in TABLE[TYPES[name] - 1][2]:
        value = values.pop(field, b"" if kind == "str" else
                           bytes(16) if kind == "qid" else 0)
        if kind == "str":
            value = value.encode() if isinstance(value, str) else value
            out += struct.pack("<H", len(value)) + value
        elif kind == "qid":
            out += value
        else:
            out += struct.pack(NUMBER[kind], value)
    assert not values, f"{name} has no {list(values)}"
    return out


def decode(name, body):
    values, at = {}, 0
    for kind, field in TABLE[TYPES[name] - 1][2]:
        if kind == "str":
            length, = struct.unpack_from("<H", body, at)
            values[field] = body[at + 2:at + 2 + length]
            at += 2 + length
        elif kind == "qid":
            values[field] = body[at:at + 16]
            at += 16
        else:
            values[field], = struct.unpack_from(NUMBER[kind], body, at)
            at += struct.calcsize(NUMBER[kind])
    assert at == len(body), (name, body)
    return values


def items(name, data):
    """The elements of a list of name."""
    found, at = [], 0
    while at < len(data):
        length, = struct.unpack_from("<H", data, at)
        found.append(decode(name, data[at + 2:at + 2 + length]))
        at += 2 + length
    return found


def item(name, /, **values):
    body = encode(name, **values)
    return struct.pack("<H", len(body)) + body


class Link:
    """The other end of one of the worker's connections."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""
        sock.settimeout(DEADLINE_S)

    def send(self, name, fds=(), /, **values):
        body = encode(name, **values)
        frame = struct.pack("<IHBB", 8 + len(body), TYPES[name],
                            VERSION, len(fds)) + body
        if fds:
            socket.send_fds(self.sock, [frame], list(fds))
        else:
            self.sock.sendall(frame)

    def receive(self):
        """(name, fields) of the next frame; EOFError at the end."""
        while True:
            if len(self.data) >= 8:
                length, kind, _, _ = struct.unpack_from("<IHBB", self.data)
                if len(self.data) >= length:
                    body, self.data = self.data[8:length], self.data[length:]
                    name = TABLE[kind - 1][0]
                    return name, decode(name, body)
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.data += more

    def expect(self, name, /, **values):
        got, fields = self.receive()
        assert got == name, f"expected {name}, got {got} {fields}"
        for key, value in values.items():
            assert fields[key] == value, (name, key, fields)
        return fields

    def expect_result(self, outcome, **values):
        r = self.expect("RESULT", **values)
        assert OUTCOMES[r["outcome"]] == outcome, (outcome, r)
        r["verdicts"] = [(x["rcpt"], VERDICTS[x["verdict"]], x["code"])
                         for x in items("RCPT_RESULT", r["rcpts"])]
        r["notices"] = [x["needs_notice"]
                        for x in items("RCPT_RESULT", r["rcpts"])]
        return r

    def expect_down(self, why, **values):
        r = self.expect("CONN_DOWN", **values)
        assert WHYS[r["why"]] == why, (why, r)
        return r

    def expect_end(self):
        try:
            got = self.receive()
        except (EOFError, ConnectionResetError):
            return
        raise AssertionError(f"expected the end, got {got}")

    def is_silent(self, seconds=0.2):
        """Whether nothing has come, nor comes in this time."""
        return not self.data and \
            not select.select([self.sock], [], [], seconds)[0]

    def close(self):
        self.sock.close()


# --- segments -----------------------------------------------------------------

def qid_of(n):
    return struct.pack(">Q", n).rjust(16, b"\0")


def _field(kind, value):
    return struct.pack("<BI", kind, len(value)) + value


class Segment:
    """A segment file, made record by record."""

    def __init__(self, t, number=1, salt=0x1122334455667788, flags=0):
        self.number, self.salt = number, struct.pack("<Q", salt)
        head = struct.pack("<8sIIQQqI", b"HFSEG\r\n\x1a", 1, 1, number, salt,
                           0, flags)
        head += struct.pack("<I", spool.crc32c(head))
        self.file = open(t.path(f"segment-{number}"), "w+b")
        self.file.write(head.ljust(spool.BLOCK, b"\0"))
        self.block = 1
        t.at_end(self.file.close)

    def fd(self):
        self.file.flush()
        return self.file.fileno()

    def add(self, n, content=b"Subject: x\r\n\r\nhello\r\n", flags=0,
            sender="a@client.test", rcpts=("b@dest.test",), notify=0,
            orcpt="", envid="", ret=0, arrival=0, bad_crc=False, crc=None):
        """Appends message number n; returns its block. notify: of all, or a
        list."""
        if isinstance(notify, int):
            notify = [notify] * len(rcpts)
        env = _field(spool.PART, struct.pack("<HH", 0, len(rcpts)) +
                     b"dest.test")
        env += _field(spool.SENDER, sender.encode())
        if envid:
            env += _field(ENVID, envid.encode())
        if ret:
            env += _field(RET, bytes([ret]))
        for r, wants in zip(rcpts, notify):
            env += _field(spool.RCPT, struct.pack(
                "<HBBH", 0, wants, 0, len(r.encode())) + r.encode() +
                          orcpt.encode())
        if crc is None:
            crc = spool.crc32c(self.salt + content)
        follows = b"" if flags & spool.OWN else content
        head = struct.pack("<4sHH", b"HREC", 1, flags) + self.salt
        head += struct.pack("<QQIIQ16sqI", self.number,
                            128 + len(env) + len(follows), len(env), 0,
                            len(content), qid_of(n), arrival,
                            crc ^ 1 if bad_crc else crc)
        head = head.ljust(124, b"\0")
        head += struct.pack("<I", spool.crc32c(self.salt + head + env))
        block, data = self.block, head + env + follows
        self.block += -(-len(data) // spool.BLOCK)
        self.file.seek(block * spool.BLOCK)
        self.file.write(data.ljust((self.block - block) * spool.BLOCK, b"\0"))
        return block

    def add_quickly(self, n, content):
        """A message so long that its CRC would take a while: it is left
        wrong, which shows with the last of its bytes."""
        return self.add(n, content, crc=0)

    def add_own(self, n, content):
        """The only record of the file, its content before it."""
        self.file.seek(spool.BLOCK)
        self.file.write(content)
        self.block = 1 + -(-len(content) // spool.BLOCK)
        return self.add(n, content, flags=spool.OWN)

    def damage(self, offset):
        self.file.seek(offset)
        byte = self.file.read(1)
        self.file.seek(offset)
        self.file.write(bytes([byte[0] ^ 1]))


# --- the worker ---------------------------------------------------------------

def _memfd(data):
    fd = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    return fd


def _page(magic, n, size):
    fd = _memfd(struct.pack("<8sII", magic, 1, n).ljust(size, b"\0"))
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL |
                fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
    return fd


class Worker:
    """Started, connected, nothing held. Leases go into slots 0, 1 ..."""

    def __init__(self, t, conf=""):
        self.t = t
        self.state = t.path("worker")
        self.run_dir = os.path.join(self.state, "run")
        os.makedirs(self.run_dir)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.run_dir, "qmgr"))
        self.listener.listen(4)
        self.listener.settimeout(DEADLINE_S)
        self.slots_fd = _page(b"HFSLOT\r\n", SLOTS, 4096)
        self.slots = mmap.mmap(self.slots_fd, 4096)
        self.conf = f'''node = "node.test" state_dir = "{self.state}"
listener "in" {{ address = {{ "127.0.0.1:2525" }} }}
route "*" {{ relay = {{ "127.0.0.1:9" }} }}
site "*" {{ {conf} }}
'''
        self.leases = 0
        self.segment = Segment(t)
        self._spawn()
        t.at_end(self.end)
        self.connect()

    def _spawn(self):
        ours, theirs = socket.socketpair()
        log = os.open(self.t.path("worker.log"),
                      os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.pid = os.posix_spawn(
            DELIVER, [DELIVER], os.environ, file_actions=[
                (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2),
                (os.POSIX_SPAWN_DUP2, theirs.fileno(), STATUS_FD)])
        os.close(log)
        theirs.close()
        self.master = Link(ours)
        text, name = self.conf.encode(), b"worker.conf"
        blob = b"HFCONF1\n" + struct.pack("<IIB", len(name), len(text), 0) + \
            name + text
        for kind, index, fd in (
                (HAND_CONF, 0, _memfd(blob)),
                (HAND_PAGE, 0, _page(b"HFPAGE\r\n", 0, 8192)),
                (HAND_SLOTS, 1, self.slots_fd)):
            self.master.send("HAND", [fd], kind=kind, index=index)
        self.master.send("START", name="deliver", index=1, generation=1,
                         spawn=1, is_foreground=1, run_dir=self.run_dir,
                         uid=os.geteuid(), gid=os.getegid())
        self.master.expect("READY")

    def connect(self):
        """Takes the worker's connection, and what it says it holds: lease
        numbers and connections."""
        sock, _ = self.listener.accept()
        self.qmgr = Link(sock)
        self.qmgr.expect("HELLO", index=1)
        leases, conns = [], []
        while True:
            name, fields = self.qmgr.receive()
            if name == "HOLD_END":
                break
            if name == "HOLD_LEASE":
                leases.append(fields["lease"])
            else:
                assert name == "HOLD_CONN", name
                conns.append(fields["conn"])
        self.qmgr.send("SEGMENT_FD", [self.segment.fd()], place=0,
                       segment=self.segment.number)
        return leases, conns

    def open(self, *addresses, conn=1, transport="smtp"):
        self.qmgr.send("CONN_OPEN", conn=conn, source="default",
                       transport=TRANSPORTS.index(transport),
                       provider=(*addresses, "none")[0], hosts=b"".join(
                           item("HOST", name=f"host{n}", address=a,
                                preference=n)
                           for n, a in enumerate(addresses)))

    def open_up(self, *addresses, conn=1, transport="smtp"):
        self.open(*addresses, conn=conn, transport=transport)
        return self.qmgr.expect("CONN_UP", conn=conn)

    def lease(self, n, block, conn=1, standing=b"", rcpts=1, segment=None,
              place=0, **more):
        """Lends message number n; returns the lease's number, which is its
        slot + 1. more: further fields of the frame."""
        slot = self.leases
        self.leases += 1
        number = segment or self.segment.number
        struct.pack_into("<QQ16sIHB", self.slots, 16 + 40 * slot, slot + 1,
                         number, qid_of(n), block, 0, 1)
        self.segment.fd()
        self.qmgr.send("LEASE", conn=conn, slot=slot, lease=slot + 1,
                       qid=qid_of(n), place=place, segment=number,
                       block=block,
                       standing=standing or bytes((rcpts + 3) // 4), **more)
        return slot + 1

    def send(self, n=1, conn=1, **kw):
        """Makes a message and lends it."""
        block = self.segment.add(n, **kw)
        return self.lease(n, block, conn, rcpts=len(kw.get("rcpts", "b")))

    def clear(self, lease):
        """The slot of a lease becomes free, as qmgr does it."""
        struct.pack_into("<Q", self.slots, 16 + 40 * (lease - 1), 0)
        struct.pack_into("<B", self.slots, 16 + 40 * (lease - 1) + 38, 0)

    def phase(self, lease):
        return PHASES[self.slots[16 + 40 * (lease - 1) + 38]]

    def stop(self):
        self.master.close()

    def await_exit(self, want=0):
        def gone():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (status,) if pid else None
        status, = await_true("the worker ends", gone, 60)
        self.pid = None
        assert os.waitstatus_to_exitcode(status) == want, status

    def log(self):
        with open(self.t.path("worker.log"), errors="replace") as f:
            return f.read()

    def end(self):
        if self.pid is not None and alive(self.pid):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if not self.t.passed:
            print("--- the worker's log:")
            print(self.log()[-6000:])
