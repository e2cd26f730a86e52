# SPDX-License-Identifier: BSD-2-Clause
"""spool: reads segment files by docs/design.md 16.1: a second opinion."""
import os
import struct

BLOCK = 4096
OWN, NO_DOT, EIGHTBIT, SMTPUTF8 = 1, 2, 4, 8
PART, TENANT, CAMPAIGN, SENDER, RCPT, CLIENT, HELO = range(1, 8)
AUTH, PROTOCOL, ENVID, RET = 8, 10, 11, 12
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def qid_text(raw):
    n = int.from_bytes(raw, "big")
    return "".join(ALPHABET[n >> 5 * i & 31] for i in range(25, -1, -1))


def fields(envelope):
    """[(type, value)] in order."""
    found, at = [], 0
    while at < len(envelope):
        kind, length = struct.unpack_from("<BI", envelope, at)
        found.append((kind, envelope[at + 5:at + 5 + length]))
        at += 5 + length
    assert at == len(envelope), "the envelope ends within a field"
    return found


class Record:
    def __init__(self, data, block, file_salt, file_number):
        at = block * BLOCK
        head = data[at:at + 128]
        (magic, version, self.flags, salt, number, total, env_len, zero,
         content_len, qid, self.arrival_ms, content_crc) = struct.unpack(
             "<4sHHQQQIIQ16sqI", head[:76])
        assert (magic, version, zero) == (b"HREC", 1, 0)
        assert (salt, number) == (file_salt, file_number)
        assert head[76:124] == bytes(48)
        salted = struct.pack("<Q", salt)
        self.qid, self.block = qid_text(qid), block
        env_at = at + 128
        envelope = data[env_at:env_at + env_len]
        crc, = struct.unpack("<I", head[124:])
        assert crc == crc32c(salted + head[:124] + envelope), "header crc"
        self.fields = fields(envelope)
        content_at = BLOCK if self.flags & OWN else env_at + env_len
        self.content = data[content_at:content_at + content_len]
        assert len(self.content) == content_len
        assert content_crc == crc32c(salted + self.content), "content crc"
        assert total == 128 + env_len + \
            (0 if self.flags & OWN else content_len)
        self.blocks = -(-total // BLOCK)


def read_segment(path):
    """The records of a file, up to the first block that begins none."""
    with open(path, "rb") as f:
        data = f.read()
    magic, version, _, number, salt = struct.unpack_from("<8sIIQQ", data)
    assert (magic, version) == (b"HFSEG\r\n\x1a", 1), path
    assert f"{number:016x}" == os.path.basename(path)
    flags, = struct.unpack_from("<I", data, 40)
    assert struct.unpack_from("<I", data, 44)[0] == crc32c(data[:44])
    block, found = 1, []
    if flags & OWN:  # the header is behind the content
        while block * BLOCK < len(data) and \
                data[block * BLOCK:block * BLOCK + 4] != b"HREC":
            block += 1
    while data[block * BLOCK:block * BLOCK + 4] == b"HREC":
        found.append(Record(data, block, salt, number))
        block += found[-1].blocks
    return found


def find(relay, qid):
    """The record of a message that is still in the spool of relay."""
    for folder in ("incoming", "deferred"):
        path = os.path.join(relay.state, "spool", folder)
        for name in sorted(os.listdir(path)):
            if name.startswith("."):
                continue
            try:
                records = read_segment(os.path.join(path, name))
            except FileNotFoundError:
                continue  # sealed and moved to deferred meanwhile, or done
            for record in records:
                if record.qid == qid:
                    return record
    raise AssertionError(f"{qid} is in no segment")
