# SPDX-License-Identifier: BSD-2-Clause
"""Content arrives byte for byte, whatever its size and its bytes."""
import random
import socket

from relay import await_true

COUNT = 200


def body(rng, size):
    """size bytes of CR LF lines; many begin with dots, many bytes are 8-bit."""
    out = bytearray()
    while len(out) < size:
        start = rng.choice((b"", b".", b"..", b". ", b"\xc3\xa4", b"From "))
        text = rng.randbytes(rng.choice((0, 1, 10, 70, 900)))
        text = bytes(c for c in text if c not in b"\r\n\0")
        out += start + text + b"\r\n"
    return bytes(out)


def sizes():
    yield from (0, 1, 2, 3)
    k = 1
    while k < 4 << 20:
        yield from (k - 1, k, k + 1)
        k *= 2
    yield from (65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 3 << 20, 50 << 20)


class Client:
    """A client that sends exactly the bytes it is told to."""

    def __init__(self, relay):
        self.sock = socket.create_connection((relay.t.ip, relay.port),
                                             timeout=120)
        self.file = self.sock.makefile("rb")
        self.reply()
        self.ask(b"EHLO client.test")

    def reply(self):
        while (line := self.file.readline())[3:4] == b"-":
            pass
        return line

    def ask(self, line, want=b"2"):
        self.sock.sendall(line + b"\r\n")
        got = self.reply()
        assert got.startswith(want), (line, got)
        return got

    def send(self, n, content):
        self.ask(b"MAIL FROM:<a%d@client.test> BODY=8BITMIME" % n)
        self.ask(b"RCPT TO:<n%d@dest.test>" % n)
        self.ask(b"DATA", b"354")
        stuffed = content.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self.sock.sendall(stuffed + b".\r\n")
        got = self.reply()
        assert got.startswith(b"250 2.0.0 Ok: queued as "), got


def without_received(content):
    """content less the one field that the relay puts before it."""
    assert content.startswith(b"Received: "), content[:200]
    at = content.index(b"\r\n") + 2
    while content[at:at + 1] in (b" ", b"\t"):
        at = content.index(b"\r\n", at) + 2
    return content[at:]


def test_200_messages_of_all_sizes(t):
    rng = random.Random(20261125)
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address, workers=2,
                    listener='max_message_size = "60M"').start()
    wanted = list(sizes())
    while len(wanted) < COUNT:
        wanted.append(rng.randrange(20000))
    contents = {}
    client = Client(relay)
    for n, size in enumerate(wanted[:COUNT]):
        content = body(rng, size)
        if size >= 4:  # else no header at all, or nothing at all
            content = b"Subject: %d\r\n\r\n" % n + content
        contents[f"n{n}@dest.test"] = content
        client.send(n, content)
    await_true("all arrive", lambda: len(peer.messages) >= COUNT, 240)
    relay.await_empty()
    assert len(peer.messages) == COUNT
    for sender, rcpts, content in peer.messages:
        want = contents.pop(rcpts[0])
        got = without_received(content)
        assert got == want, (rcpts, len(got), len(want))
    assert not contents


def test_content_that_ends_without_a_line_end_cannot_be_sent(t):
    """DATA ends at CR LF . CR LF: a dot behind other bytes is text."""
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    client = Client(relay)
    client.send(1, b"Subject: x\r\n\r\nnot the end.\r\n")
    await_true("it arrives", lambda: peer.messages)
    assert peer.messages[0][2].endswith(b"\r\nnot the end.\r\n")
