# SPDX-License-Identifier: BSD-2-Clause
"""What sendmail says to the relay, and what it tells its caller.

The relay is played by a script, on a socket where its own would be.
"""
import os
import re
import socket
import subprocess
import threading

from relay import BIN, Peer, await_true

EHLO = "250-node.test\r\n250-8BITMIME\r\n250 SMTPUTF8"


class Submit(Peer):
    """A scripted relay on run/submit, and a configuration that names it."""

    def __init__(self, t, script):
        self.t, self.script = t, script
        self.messages, self.rcpt_lines = [], []
        self.sessions, self.closing = 0, False
        os.makedirs(t.path("relay/run"), exist_ok=True)
        self.conf = t.path("relay.conf")
        with open(self.conf, "w") as f:
            f.write(f'state_dir = "{t.path("relay")}"\n')
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(t.path("relay/run/submit"))
        self.server.listen()
        t.at_end(self.end)
        threading.Thread(target=self._accept, daemon=True).start()

    def sendmail(self, *args, data=b"Subject: x\n\nx\n", status=0, **kw):
        """Output of one sendmail."""
        p = subprocess.run(
            [os.path.join(BIN, "sendmail"), "-C", self.conf, *args],
            input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60, **kw)
        out = p.stdout.decode(errors="replace")
        assert p.returncode == status, (args, p.returncode, out)
        return out


def submit(t, **replies):
    return Submit(t, lambda s: s.serve({"EHLO": EHLO, **replies}))


def test_mail_is_sent_as_it_came(t):
    peer = submit(t)
    out = peer.sendmail("-i", "-f", "me@a.test", "b@b.test", data=(
        b"From: me\nDate: d\nMessage-ID: i\nBcc: x@y\n\n.\n..\nlast"))
    assert out == ""
    sender, rcpts, content = peer.messages[0]
    assert sender == "MAIL FROM:<me@a.test>", sender
    assert rcpts == ["b@b.test"]
    assert content == (b"From: me\r\nDate: d\r\nMessage-ID: i\r\n\r\n"
                       b".\r\n..\r\nlast\r\n"), content


def test_fields_that_are_missing_are_added(t):
    peer = submit(t)
    peer.sendmail("-F", "J. Doe", "-f", "me", "root", data=b"hello\n")
    sender, rcpts, content = peer.messages[0]
    assert sender == "MAIL FROM:<me@node.test>", sender
    assert rcpts == ["root@node.test"]
    assert re.fullmatch(
        rb'From: "J. Doe" <me@node.test>\r\n'
        rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\n"
        rb"Message-ID: <[0-9a-f]+\.[0-9a-f]{16}@node.test>\r\n"
        rb"\r\nhello\r\n", content), content


def test_the_user_sends_when_nobody_else_is_named(t):
    import pwd
    user = pwd.getpwuid(os.getuid()).pw_name
    peer = submit(t)
    peer.sendmail("b@b.test", env={**os.environ, "NAME": "Ann & Co"})
    sender, _, content = peer.messages[0]
    assert sender == f"MAIL FROM:<{user}@node.test>", sender
    assert f"From: Ann & Co <{user}@node.test>\r\n".encode() in content


def test_null_sender_is_taken(t):
    peer = submit(t)
    peer.sendmail("-f", "<>", "b@b.test")
    peer.sendmail("-f", "", "b@b.test")
    for sender, _, content in peer.messages:
        assert sender == "MAIL FROM:<>", sender
        assert b"From: MAILER-DAEMON@node.test\r\n" in content


def test_eight_bits_and_utf8_are_announced(t):
    peer = submit(t)
    for data, args, want in (
            (b"Subject: x\n\nx\n", ("b@b.test",), ""),
            (b"Subject: x\n\nx\n", ("-B", "8BITMIME", "b@b.test"),
             " BODY=8BITMIME"),
            (b"Subject: x\n\n\xfc\n", ("b@b.test",), " BODY=8BITMIME"),
            (b"Subject: \xfc\n\nx\n", ("b@b.test",), " BODY=8BITMIME"),
            ("Subject: ü\n\nx\n".encode(), ("b@b.test",),
             " BODY=8BITMIME SMTPUTF8"),
            (b"Subject: x\n\nx\n", ("ü@b.test".encode(),),
             " BODY=8BITMIME SMTPUTF8")):
        peer.messages.clear()
        peer.sendmail("-f", "me@a.test", *args, data=data)
        sender = peer.messages[0][0]
        assert sender == "MAIL FROM:<me@a.test>" + want, (data, sender)


def test_options_of_other_systems_are_taken(t):
    peer = submit(t)
    peer.sendmail("-Am", "-BBODY", "-G", "-L", "tag", "-X", "/dev/null", "-U", "-em", "-h",
                  "7", "-m", "-n", "-odb", "-oem", "-O", "x=y", "-oi", "-pa",
                  "-rme@a.test", "-bm", "--", "b@b.test")
    assert peer.messages[0][0] == "MAIL FROM:<me@a.test>"
    for args in (["-q"], ["-q15m"], ["-bi"], ["-I"]):
        assert peer.sendmail(*args, data=b"") == ""
    assert peer.sessions == 1
    for args in (["-bd"], ["-bv"], ["-Q"], []):
        assert "sendmail: " in peer.sendmail(*args, status=64)


def test_notices_are_asked_for_in_the_envelope(t):
    peer = submit(t)
    for args, mail, rcpt in (
            ([], "", ""),
            (["-N", "never"], "", " NOTIFY=NEVER"),
            (["-Ndelay,SUCCESS", "-R", "hdrs", "-V", "a b+c="],
             " RET=HDRS ENVID=a+20b+2Bc+3D", " NOTIFY=SUCCESS,DELAY"),
            (["-R", "FULL", "-V", "+" * 100],
             " RET=FULL ENVID=" + "+2B" * 100, "")):
        peer.messages.clear()
        peer.rcpt_lines.clear()
        peer.sendmail(*args, "-f", "me@a.test", "b@b.test", "c@c.test")
        assert peer.messages[0][0] == "MAIL FROM:<me@a.test>" + mail
        assert peer.rcpt_lines == ["RCPT TO:<b@b.test>" + rcpt,
                                   "RCPT TO:<c@c.test>" + rcpt]
    for args in (["-N", "always"], ["-N", "never,delay"], ["-N", ""],
                 ["-R", "both"], ["-V", ""], ["-V", "a\nb"],
                 ["-V", "\u00fc"], ["-V", "x" * 101], ["-V", "+" * 101]):
        out = peer.sendmail(*args, "b@b.test", status=64)
        assert out.startswith("sendmail: " + args[0]), out


def test_bv_tells_whom_the_relay_takes(t):
    peer = submit(t)
    out = peer.sendmail("-bv", "-N", "never", "b@b.test", "root", data=b"")
    assert out == "b@b.test... accepted\nroot@node.test... accepted\n", out
    assert peer.messages == []


def test_bv_tells_whom_the_relay_does_not_take(t):
    peer = submit(t, RCPT="550 5.1.1 unknown")
    out = peer.sendmail("-bv", "b@b.test", data=b"", status=67)
    assert "550 5.1.1 unknown" in out, out


def test_a_wrong_configuration_has_a_status_of_its_own(t):
    conf = t.path("x.conf")
    with open(conf, "w") as f:
        f.write('nod = "x"\n')
    for name in ("sendmail", "mailq"):
        p = subprocess.run([os.path.join(BIN, name), "-C", conf, "b@b.test"],
                           input=b"", stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=60)
        assert p.returncode == 78, (name, p.returncode, p.stdout)
        assert b"x.conf:1" in p.stdout, p.stdout


def test_v_prints_the_final_reply(t):
    peer = submit(t, DOT="250 2.0.0 Ok: queued as 01")
    assert peer.sendmail("-v", "b@b.test") == "250 2.0.0 Ok: queued as 01\n"


def test_refusals_have_the_usual_statuses(t):
    for verb, reply, status in (
            ("HELLO", "421 4.3.2 later", 75),
            ("MAIL", "452 4.3.1 full", 75),
            ("MAIL", "550 5.7.1 not you", 77),
            ("RCPT", "550 5.1.1 unknown", 67),
            ("RCPT", "550 5.1.2 no such host", 68),
            ("RCPT", "553 5.1.3 malformed", 65),
            ("RCPT", "450 4.2.0 later", 75),
            ("RCPT", "550 no", 69),
            ("DATA", "554 5.5.1 no", 69),
            ("DOT", "451 4.3.0 later", 75),
            ("DOT", "552 5.3.4 too big", 65),
            ("DOT", "554 5.6.0 no mail", 65),
            ("DOT", "354 what", 75)):
        replies = {verb: reply}

        def script(s, replies=replies):
            s.serve({"EHLO": EHLO, **replies})
        if os.path.exists(t.path("relay/run/submit")):
            os.unlink(t.path("relay/run/submit"))
        peer = Submit(t, script)
        out = peer.sendmail("b@b.test", status=status)
        assert reply in out, (verb, out)
        assert not peer.messages or verb == "DOT", verb
        peer.end()


def test_one_refused_recipient_stops_all(t):
    peer = submit(t, RCPT=lambda line: "550 5.1.1 unknown"
                  if "bad" in line else "250 ok")
    out = peer.sendmail("a@b.test", "bad@b.test", "c@b.test", status=67)
    assert "RCPT TO:<bad@b.test>" in out, out
    assert not peer.messages


def test_a_relay_that_breaks_off_is_told(t):
    for verb in ("HELLO", "EHLO", "MAIL", "RCPT", "DATA", "DOT"):
        if os.path.exists(t.path("relay/run/submit")):
            os.unlink(t.path("relay/run/submit"))
        peer = submit(t, **{verb: "close"})
        out = peer.sendmail("b@b.test", status=75)
        assert "sendmail: " in out, out
        assert ("may have been taken" in out) == (verb == "DOT"), out
        assert not peer.messages or verb == "DOT"
        peer.end()


def test_wrong_addresses_are_wrong_data(t):
    peer = submit(t)
    assert '"a b@c"' in peer.sendmail("a b@c", status=65)
    assert '"x y"' in peer.sendmail("-f", "x y", "b@b.test", status=65)
    assert "(a@b" in peer.sendmail(
        "-t", data=b"To: (a@b\nSubject: x\n\nx\n", status=65)
    assert "no recipients" in peer.sendmail("-t", status=64)
    assert not peer.messages


def test_header_sections_are_bounded(t):
    peer = submit(t)
    line = b"X: " + b"y" * 996 + b"\n"
    out = peer.sendmail("b@b.test", data=line * 1048 + b"\n", status=65)
    assert "header section" in out, out
    peer.sendmail("b@b.test", data=line * 1040 + b"\nx\n")
    assert len(peer.messages) == 1


def test_large_messages_are_streamed_whole(t):
    peer = submit(t)
    body = b"".join(b".%d\n" % n for n in range(500000))
    peer.sendmail("-i", "b@b.test", data=b"Subject: x\n\n" + body)
    content = peer.messages[0][2]
    assert content.endswith(b"\r\n\r\n" + body.replace(b"\n", b"\r\n"))


def test_a_slow_program_keeps_no_relay_waiting(t):
    peer = submit(t)
    p = subprocess.Popen(
        [os.path.join(BIN, "sendmail"), "-C", peer.conf, "b@b.test"],
        stdin=subprocess.PIPE)
    t.at_end(p.kill)
    p.stdin.write(b"Subject: x\n\nbeginning\n")
    p.stdin.flush()
    # It has read what there is, and sleeps in read() on its input.
    await_true("it waits for its input", lambda: in_pipe_read(p.pid))
    assert peer.sessions == 0
    p.communicate(b"end\n", timeout=60)
    assert p.returncode == 0
    assert peer.messages[0][2].endswith(b"beginning\r\nend\r\n")


def in_pipe_read(pid):
    with open(f"/proc/{pid}/syscall") as f:
        return f.read().split()[:2] == ["0", "0x0"]


def test_a_relay_that_gives_up_while_a_program_is_slow_is_told(t):
    def script(s):
        s.say("220 hi")
        for reply in (EHLO, "250 ok", "250 ok", "354 go"):
            s.line()
            s.say(*reply.split("\r\n"))
        s.file.readline()
        s.say("421 4.4.2 timeout")
    peer = Submit(t, script)
    p = subprocess.Popen(
        [os.path.join(BIN, "sendmail"), "-C", peer.conf, "b@b.test"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    t.at_end(p.kill)
    try:
        p.stdin.write(b"Subject: x\n\n" + (b"y" * 70 + b"\n") * 20000)
        p.stdin.flush()
    except BrokenPipeError:  # it has heard the relay already
        pass
    # The pipe stays open, and nothing more comes.
    assert p.wait(timeout=60) == 75
    assert b"421 4.4.2 timeout" in p.stderr.read()


def test_bs_carries_both_ways(t):
    peer = submit(t)
    out = peer.sendmail("-bs", data=(
        b"EHLO c\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\nx\r\n.\r\n"
        b"QUIT\r\n"))
    assert [x[:3] for x in out.splitlines()] == [
        "220", "250", "250", "250", "250", "250", "354", "250", "221"], out
    assert peer.messages == [("MAIL FROM:<a@a>", ["b@b"], b"x\r\n")]


def test_bs_ends_when_its_input_ends(t):
    peer = submit(t)
    out = peer.sendmail("-bs", data=b"NOOP\r\n")
    assert out.startswith("220 "), out


def test_a_relay_that_is_not_there_is_told(t):
    conf = t.path("x.conf")
    with open(conf, "w") as f:
        f.write(f'state_dir = "{t.path("none")}"\n')
    for args, status in ((["b@b.test"], 75), (["-bs"], 75), (["-bp"], 69)):
        p = subprocess.run(
            [os.path.join(BIN, "sendmail"), "-C", conf, *args], input=b"x\n",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert p.returncode == status, (args, p.stdout)
        assert b"is not running" in p.stdout, p.stdout
