# SPDX-License-Identifier: BSD-2-Clause
"""power_log: reads what record.c wrote down: what was done to files, in order.

A place in the log is a moment. Everything here is asked "as of" such a moment.
"""
import bisect
import ctypes
import os
import re
import struct

from relay import BENCH
from spool import qid_text

SHIM = os.path.join(BENCH, "record.so")
LOG_BYTES, LOG_BEGIN = 1 << 30, 64
ENTRY = struct.Struct("<IHHQQqqq")
(END, WRITE, TRUNCATE, ALLOCATE, SYNC, CREATE, MKDIR, LINK, RENAME, UNLINK,
 SAID, MARK) = range(12)
NEVER = 1 << 62
KEEP_SIZE, PUNCH_HOLE = 1, 2
PART_DONE = 4


class Recorder:
    """The file that record.c writes to, and this process's own words in it."""

    def __init__(self, path, lie=False):
        with open(path, "wb") as f:
            f.truncate(LOG_BYTES)
        os.environ["HOLDFAST_RECORD"] = path
        self.shim = ctypes.CDLL(SHIM)
        self.env = {"HOLDFAST_RECORD": path, "LD_PRELOAD": SHIM}
        if lie:
            self.env["HOLDFAST_RECORD_LIE"] = "1"

    def mark(self, *words):
        self.shim.record_mark(" ".join(words).encode())


class Op:
    """One call: from begin to end (NEVER: it was cut short)."""
    __slots__ = ("kind", "begin", "end", "at", "size", "mode", "data", "dir",
                 "name", "to_dir", "to", "made", "done")

    def __init__(self, kind, begin):
        self.kind, self.begin, self.end = kind, begin, NEVER
        self.at = self.size = self.mode = 0
        self.data, self.made, self.done = b"", None, ()


class Thing:
    """A file or directory: what was done to it, and when it was synced."""

    def __init__(self, is_dir):
        self.is_dir, self.ops, self.syncs = is_dir, [], []

    def covered(self, moment):
        """Ops that ended before this place are durable at the moment."""
        return max((b for b, e in self.syncs if e < moment), default=-1)


class Log:
    def __init__(self, path, root):
        """root: the directory that was there before all else."""
        st = os.stat(root)
        self.root = Thing(True)
        self.things = {(st.st_dev << 48 ^ st.st_ino) % 2 ** 64: self.root}
        self.names, self.said, self.marks, self.places = [], [], [], []
        self.files = []
        self.kinds = {}
        with open(path, "rb") as f:
            tail = struct.unpack("<Q", f.read(8))[0]
            assert tail + LOG_BEGIN < LOG_BYTES, "the record is full"
            f.seek(0)
            self.bytes = f.read(LOG_BEGIN + tail)
        self._read()
        for thing in self.files:
            for op in thing.ops:
                if op.kind == WRITE and op.at % 512 == 0:
                    op.done = tuple(done_parts(op.data))

    def _read(self):
        at, pending, size = LOG_BEGIN, {}, len(self.bytes)
        while at < size:
            n, ready, kind, *fields = ENTRY.unpack_from(self.bytes, at)
            if n == 0:  # its process was killed before it could write it
                at += 8
                continue
            if ready:
                body = self.bytes[at + ENTRY.size:at + n]
                if kind == END:
                    self._end(at, pending.pop(fields[2], None), fields)
                else:
                    op = self._begin(at, kind, fields, body)
                    if op is not None:
                        pending[at] = op
                        self.places.append(at)
                        self.kinds.setdefault(kind, []).append(at)
            at += n + 7 & ~7
        self.end = size

    def _begin(self, at, kind, fields, body):
        file, to, a, b, c = fields
        op, thing = Op(kind, at), self.things.get(file)
        if kind == SAID:
            self.said += [(at, q.decode()) for q in
                          re.findall(rb"queued as (\w{26})", body)]
            self.kinds.setdefault(SAID, []).append(at)
            return None
        if kind == MARK:
            self.marks.append((at, body[:-1].decode().split(" ")))
            self.kinds.setdefault(MARK, []).append(at)
            return None
        if thing is None or (kind in (WRITE, TRUNCATE, ALLOCATE) and
                             thing.is_dir):
            return None
        op.dir = op.to_dir = thing
        if kind in (WRITE, TRUNCATE, ALLOCATE):
            op.at, op.size, op.mode, op.data = a, b, c, body
            if kind == TRUNCATE:
                op.at, op.size = 0, a
            thing.ops.append(op)
        elif kind == SYNC:
            # What a killed process left without an end was made by now.
            for other in thing.ops:
                other.end = min(other.end, at)
        else:
            names = body.split(b"\0")
            op.name = names[0].decode()
            op.size, op.mode = a, (b, c)
            if kind == RENAME:
                op.to, op.to_dir = names[1].decode(), self.things.get(to)
            if kind == LINK:
                op.made = self.things.get(to)
        return op

    def _end(self, at, op, fields):
        if op is None:
            return
        op.end, made, result = at, fields[0], fields[3]
        thing = op.dir
        if op.kind == SYNC:
            if result == 0:
                thing.syncs.append((op.begin, at))
        elif op.kind == WRITE:
            op.data = op.data[:max(result, 0)]
        elif result != 0:
            if op in thing.ops:
                thing.ops.remove(op)
        elif op.kind == CREATE:
            self._created(op, made)
        elif op.kind == MKDIR:
            op.made = self.things[made] = Thing(True)
            self.names.append(op)
        elif op.kind in (LINK, RENAME, UNLINK):
            self.names.append(op)

    def _created(self, op, made):
        was_there, is_cut = op.mode
        if was_there:
            if is_cut and made in self.things:
                cut = Op(TRUNCATE, op.begin)
                cut.end = op.end
                self.things[made].ops.append(cut)
            return
        op.made = self.things[made] = Thing(False)
        self.files.append(op.made)
        if op.size:  # else it has no name yet
            self.names.append(op)

    # --- as of a moment -----------------------------------------------------

    def accepted(self, moment):
        return {q for at, q in self.said if at < moment}

    def marked(self, moment, word):
        return [w[1:] for at, w in self.marks if at < moment and w[0] == word]

    def done_durably(self, moment):
        """{(qid, part)} whose end stands in what of the ledger is synced."""
        found = set()
        for thing in self.files:
            covered = thing.covered(moment)
            for op in thing.ops:
                if op.end <= covered:
                    found.update(op.done)
        return found

    def moment(self, rng):
        """A place to cut at: any, or close behind one of a random kind."""
        if rng.random() < 0.4:
            return rng.choice(self.places) + 1
        at = rng.choice(self.kinds[rng.choice(sorted(self.kinds))])
        i = bisect.bisect_right(self.places, at) + rng.choice((0, 0, 1, 2, 5))
        return at + 1 if i >= len(self.places) or rng.random() < 0.4 \
            else self.places[i] + 1


# --- the ledger, by docs/design.md 16.2: a second opinion --------------------

def done_parts(data):
    """(qid, part) of each part that batches in these bytes say is done."""
    at = 0
    while data[at:at + 4] == b"HBAT" and at + 44 <= len(data):
        length, count = struct.unpack_from("<II", data, at + 24)
        entry, end = at + 44, at + 44 + length
        while entry < end:
            n, kind = struct.unpack_from("<IB", data, entry)
            if kind == 1:
                yield from done_in(data[entry + 40:entry + n])
            entry += n
        at = end + 511 & ~511


def done_in(p):
    flags, count = struct.unpack_from("<HH", p)
    qid, at, has_keys = qid_text(p[16:32]), 32, flags & 2
    at += 4 if flags & 1 else 0
    if has_keys:
        at += 2 + p[at] + p[at + 1]
    for _ in range(count):
        flags, part, rcpts, state = struct.unpack_from("<HHHB", p, at)
        at += 12
        for bit, n in ((0, 8), (1, 8), (2, 8), (3, 8), (4, 2), (10, 16),
                       (11, 8)):
            at += n if flags >> bit & 1 else 0
        if has_keys:
            at += 1 + p[at]
        if flags >> 5 & 1:
            at += (rcpts + 3) // 4
        if state == PART_DONE:
            yield qid, part
