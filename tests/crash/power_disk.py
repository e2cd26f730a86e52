# SPDX-License-Identifier: BSD-2-Clause
"""power_disk: the files as a disk may have them when power goes at a moment.

What a completed sync covers is there. All later writes, sizes and names are
kept, lost or torn by choice, within what file systems permit: a sector holds
what some prefix of the writes to it left; of a file's cuts and punched holes
none is there without those before it, and no later write without them; a
rename is whole; a name is durable once its directory is synced, and not by
any other sync. Stricter than ext4 or xfs, which commit names in order and
with the file's own sync.
"""
import os

from power_log import (ALLOCATE, CREATE, KEEP_SIZE, LINK, MKDIR, PUNCH_HOLE,
                       RENAME, TRUNCATE, UNLINK, WRITE, Thing)

SECTOR = 512

# What becomes of unsynced things: the chance that each is kept. grain: bytes
# that live or die together; 0: all of a write.
MODES = {
    "nothing kept": dict(data=0, sizes=0, names=0),
    "all kept": dict(data=1, sizes=1, names=1),
    "names alone": dict(data=0, sizes=0, names=1),
    "names and sizes": dict(data=0, sizes=1, names=1),
    "data alone": dict(data=1, sizes=1, names=0),
    "data cut by sizes": dict(data=1, sizes=0.3, names=1),
    "names by chance": dict(data=1, sizes=1, names=0.5),
    "a prefix of names": dict(data=0.5, sizes=0.5, names=None),
    "writes": dict(data=0.5, sizes=0.8, names=0.5, grain=0),
    "torn pages": dict(data=0.5, sizes=0.8, names=0.5, grain=4096),
    "torn sectors": dict(data=0.5, sizes=0.8, names=0.5, grain=512),
    "mostly lost": dict(data=0.1, sizes=0.5, names=0.1, grain=4096),
    "mostly kept": dict(data=0.95, sizes=1, names=0.95, grain=512),
}


class Disk:
    def __init__(self, log, moment, mode, rng):
        self.log, self.moment, self.rng = log, moment, rng
        self.mode = {"grain": 4096, **MODES[mode]}
        self.built = {}

    def build(self, root):
        """Makes what the log's root directory has, below root."""
        tree = self._tree()
        self._make(self.log.root, root, tree)

    # --- names --------------------------------------------------------------

    def _tree(self):
        """{directory: {name: thing}}"""
        tree = {}
        ops = [op for op in self.log.names if op.begin < self.moment]
        ops.sort(key=lambda op: op.begin)
        loose = [op for op in ops if not self._is_durable_name(op)]
        for op in sorted(set(ops) - self._lost(loose), key=lambda o: o.begin):
            entries = tree.setdefault(op.dir, {})
            if op.kind in (CREATE, MKDIR, LINK):
                entries[op.name] = op.made
            elif op.kind == UNLINK:
                entries.pop(op.name, None)
            elif op.name in entries:
                thing = entries.pop(op.name)
                tree.setdefault(op.to_dir, {})[op.to] = thing
        return tree

    def _is_durable_name(self, op):
        where = op.to_dir if op.kind == RENAME else op.dir
        return op.end <= where.covered(self.moment)

    def _lost(self, loose):
        chance = self.mode["names"]
        if chance is None:
            return set(loose[self.rng.randint(0, len(loose)):])
        return {op for op in loose if self.rng.random() >= chance}

    def _make(self, thing, path, tree):
        for name, made in sorted(tree.get(thing, {}).items()):
            at = os.path.join(path, name)
            if made in self.built:  # a second name
                os.link(self.built[made], at)
            elif isinstance(made, Thing) and made.is_dir:
                os.mkdir(at, 0o700)
                self._make(made, at, tree)
            elif made is not None:
                self.built[made] = at
                self._make_file(made, at)

    # --- bytes --------------------------------------------------------------

    def _make_file(self, thing, path):
        covered = thing.covered(self.moment)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660)
        lost, size, grows, alive = set(), 0, True, True
        for op in thing.ops:
            if op.begin >= self.moment:
                break
            is_durable = op.end <= covered
            if is_durable:
                # A sync of one thread may cover what is behind a write of
                # another that it does not.
                grows = alive = True
            elif not alive:
                continue
            if op.kind == WRITE:
                self._write(fd, op, lost, is_durable)
                end = op.at + len(op.data)
            elif op.kind == ALLOCATE and not op.mode & PUNCH_HOLE:
                end = 0 if op.mode & KEEP_SIZE else op.at + op.size
            else:
                alive = is_durable or self._chance("sizes")
                if alive:
                    size = self._cut(fd, op, size)
                continue
            if end > size:
                grows = is_durable or (grows and self._chance("sizes"))
                size = end if grows else size
        os.ftruncate(fd, size)
        os.close(fd)

    def _chance(self, what):
        return self.rng.random() < self.mode[what]

    def _cut(self, fd, op, size):
        """A truncation or a punched hole; returns the new size."""
        if op.kind == TRUNCATE:
            os.ftruncate(fd, op.size)
            return op.size
        zero(fd, op.at, min(op.size, max(size - op.at, 0)))
        return size

    def _write(self, fd, op, lost, is_durable):
        """lost: the sectors that stay as an earlier write left them."""
        data, end = memoryview(op.data), op.at + len(op.data)
        first, last = op.at // SECTOR, (end + SECTOR - 1) // SECTOR
        if is_durable:
            lost.difference_update(range(first, last))
        else:
            self._lose(first, last, lost)
        sector = first
        while sector < last:
            if sector in lost:
                sector += 1
                continue
            run = sector + 1
            while run < last and run not in lost:
                run += 1
            begin, stop = max(sector * SECTOR, op.at), min(run * SECTOR, end)
            os.pwrite(fd, data[begin - op.at:stop - op.at], begin)
            sector = run

    def _lose(self, first, last, lost):
        grain = self.mode["grain"] // SECTOR or last - first
        at = first
        while at < last:
            stop = min(last, (at // grain + 1) * grain
                       if self.mode["grain"] else last)
            if not self._chance("data"):
                lost.update(range(at, stop))
            at = stop


def zero(fd, at, n):
    while n > 0:
        some = min(n, 1 << 20)
        os.pwrite(fd, bytes(some), at)
        at, n = at + some, n - some
