# SPDX-License-Identifier: BSD-2-Clause
"""dialog: scripted conversations with an SMTP server.

A script is lines of text:

	C text		sends the text and CR LF; backslash escapes are undone
	R bytes		sends the bytes alone
	S prefix	expects a reply, and that its last line begins so
	L prefix	expects a reply with a line that begins so (same reply)
	X		expects the end of the connection
	#		a remark
"""
import socket

DEADLINE_S = 60


class Dialog:
    """One connection. address is (host, port), or the path of a socket."""

    def __init__(self, address):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(DEADLINE_S)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout=DEADLINE_S)
        self.file = self.sock.makefile("rb")
        self.reply = []

    def send(self, data):
        self.sock.sendall(data)

    def read_reply(self):
        """All lines of the next reply."""
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise EOFError(f"the connection ended after {lines}")
            lines.append(line[:-2].decode("utf-8", "surrogateescape"))
            if lines[-1][3:4] != "-":
                self.reply = lines
                return lines

    def expect(self, prefix):
        got = self.read_reply()[-1]
        assert got.startswith(prefix), f"expected {prefix!r}, got {got!r}"
        return got

    def ask(self, line, prefix):
        self.send(line.encode() + b"\r\n")
        return self.expect(prefix)

    def expect_end(self):
        try:
            rest = self.file.read()
        except ConnectionResetError:
            rest = b""
        assert rest == b"", f"expected the end, got {rest!r}"

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def unescape(text):
    return text.encode().decode("unicode_escape").encode("latin-1")


def run(address, script):
    """Plays a script; returns the last reply's last line."""
    with Dialog(address) as d:
        for n, line in enumerate(script.strip("\n").split("\n"), 1):
            line = line.strip()
            what, _, text = line.partition(" ")
            try:
                if what == "C":
                    d.send(unescape(text) + b"\r\n")
                elif what == "R":
                    d.send(unescape(text))
                elif what == "S":
                    d.expect(text)
                elif what == "L":
                    assert any(x.startswith(text) for x in d.reply), \
                        f"no line {text!r} in {d.reply}"
                elif what == "X":
                    d.expect_end()
                else:
                    assert what in ("", "#"), f"not a script line: {line}"
            except (AssertionError, EOFError, OSError) as e:
                raise AssertionError(f"line {n}: {line}: {e!r}") from e
        return d.reply[-1] if d.reply else ""
