# SPDX-License-Identifier: BSD-2-Clause
"""dnsstub: a name server that is told what to get wrong."""
import socket
import struct
import threading

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "MX": 15, "AAAA": 28}
NAMES = {n: t for t, n in TYPES.items()}


def wire_name(name):
    out = b""
    for label in name.strip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def rdata(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        preference, host = value
        return struct.pack("!H", preference) + wire_name(host)
    return wire_name(value)


def record(name, kind, value, ttl=60):
    data = rdata(kind, value)
    return wire_name(name) + struct.pack("!HHIH", TYPES[kind], 1, ttl,
                                         len(data)) + data


def question(packet):
    """(name, type, bytes of the question) of a query."""
    labels, at = [], 12
    while packet[at]:
        n = packet[at]
        labels.append(packet[at + 1:at + 1 + n].decode("latin-1").lower())
        at += 1 + n
    kind, = struct.unpack("!H", packet[at + 1:at + 3])
    return ".".join(labels), NAMES.get(kind, str(kind)), packet[12:at + 5]


def reply(query, answers=(), rcode=0, flags=0x8580):
    """A whole reply to a query; answers are made by record()."""
    return query[:2] + struct.pack(
        "!HHHHH", flags | rcode, 1, len(answers), 0, 0) + \
        question(query)[2] + b"".join(answers)


class DnsStub:
    """answer(name, type, query) gives the bytes to send, or None for none."""

    def __init__(self, t, answer):
        self.answer, self.asked = answer, []
        self.port = t.port()
        self.address = f"{t.ip}:{self.port}"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((t.ip, self.port))
        t.at_end(self.end)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            try:
                name, kind, _ = question(query)
            except (IndexError, struct.error):
                continue
            self.asked.append((name, kind))
            out = self.answer(name, kind, query)
            if out is not None:
                try:
                    self.socket.sendto(out, peer)
                except OSError:
                    return

    def end(self):
        self.socket.close()
