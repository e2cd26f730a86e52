# SPDX-License-Identifier: BSD-2-Clause
"""The scan that never ends: whatever is put into the spool, taken out of it,
renamed or changed behind the relay's back is noticed within one pass, and what
is undamaged arrives."""
import glob
import json
import os
import shutil

from relay import await_true

LATER = "450 4.2.1 later"


def spool(relay, *names):
    return os.path.join(relay.state, "spool", *names)


def segments(relay):
    found = glob.glob(spool(relay, "*", "[0-9a-f]" * 16))
    return sorted(f for f in found
                  if os.path.isfile(f) and not os.path.islink(f))


def with_text(relay, text):
    """The segment that has these bytes, and where."""
    for path in segments(relay):
        try:
            with open(path, "rb") as f:
                at = f.read().find(text)
        except FileNotFoundError:
            continue  # moved to deferred/ meanwhile
        if at >= 0:
            return path, at
    raise AssertionError(f"{text} is in no segment")


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 0x10]))


def rescan(relay, *options):
    """A pass: (exit status, findings)."""
    p = relay.command("rescan", "--json", *options, check=False)
    assert p.returncode in (0, 1), (p.returncode, p.stdout, p.stderr)
    found = json.loads(p.stdout)
    assert found["clean"] is (p.returncode == 0), found
    return found


def missing(relay):
    return {row["qid"] for row in json.loads(
        relay.command("queue", "--missing", "--json").stdout)}


class Scene:
    """A relay whose peer takes nothing for now: n messages, all in sealed
    segments of deferred/, two or more of those."""

    def __init__(self, t, n=6):
        self.replies = {"RCPT": LATER}
        self.peer = t.peer(lambda s: s.serve(self.replies))
        self.relay = t.relay(relay_to=self.peer.address,
                             conf='spool { segment_age = "1s" }')
        self.relay.write_conf(self.relay.text.replace(
            'retry_max = "1s"', 'retry_max = "1h"').replace(
            'retry_first = "200ms"', 'retry_first = "1h"'))
        self.relay.start()
        self.qids = []
        for half in range(2):
            for i in range(n // 2):
                self.qids.append(self.relay.submit(
                    body=b"Subject: number %d\r\n\r\nx\r\n" %
                    (half * (n // 2) + i)))
            await_true("they are in sealed segments", lambda: len(
                glob.glob(spool(self.relay, "deferred", "*"))) > half)
        for qid in self.qids:
            await_true("each was tried",
                       lambda: self.relay.why(qid)["attempts"] == 1)

    def deliver(self, but=()):
        """Takes all; but those with these numbers arrives."""
        self.replies.clear()
        self.relay.command("retry", "--all")
        want = {b"number %d" % i for i in range(len(self.qids))
                if i not in but}
        await_true("the undamaged ones arrive",
                   lambda: len(self.peer.messages) >= len(want))
        got = [m for m in map(str, self.peer.messages)]
        for text in want:
            assert sum(text.decode() + "\\r" in m for m in got) == 1, text
        assert len(got) == len(want), "one arrived twice, or damaged"
        status = self.relay.status()
        assert status["accounts"]["balanced"], status


def test_a_clean_spool_is_said_to_be_clean(t):
    s = Scene(t, 4)
    found = rescan(s.relay, "--bytes")
    assert found["clean"] and found["records"] == 4, found
    assert found["bytes"]["records"] == 4 and found["bytes"]["bytes"] > 0
    assert found["segments"] >= 2 and found["whole"]
    text = s.relay.command("rescan").stdout
    assert "All is as it should be" in text, text
    scan = s.relay.status()["scan"]
    assert scan["pass"] >= 2 and scan["byte_pass"] >= 1, scan
    assert scan["index"]["records"] == 4 and scan["index"]["ended_ms"] > 0
    assert scan["bytes"]["records"] == 4, scan
    assert "bytes     pass" in s.relay.command("status").stdout
    assert "no record is missing" in s.relay.command(
        "queue", "--missing").stdout
    s.deliver()


def test_a_segment_that_is_gone_is_missed_and_goes_on_when_it_is_back(t):
    s = Scene(t)
    path, _ = with_text(s.relay, b"number 1\r")
    lost = {q for i, q in enumerate(s.qids)
            if with_text(s.relay, b"number %d\r" % i)[0] == path}
    shutil.move(path, t.path("away"))
    found = rescan(s.relay)
    assert found["missing"] == len(lost) and not found["clean"], found
    assert missing(s.relay) == lost
    why = s.relay.why(s.qids[1])
    assert why["state"] == "held" and why["record"]["missing"], why
    assert why["record"]["missing_since_ms"] > 0, why
    text = s.relay.command("why", s.qids[1]).stdout
    assert "RECORD IS MISSING since" in text and "rescan" in text, text
    assert sum(q["held"] for q in s.relay.queue()) == len(lost)
    assert "segment_missing" in s.relay.log_text()
    # It is known over a restart, and told once.
    s.relay.stop()
    s.relay.start()
    assert rescan(s.relay)["missing"] == len(lost)
    assert s.relay.log_text().count("event=record_missing") == len(lost)
    assert missing(s.relay) == lost
    # Put back, under incoming/ for once: it ends where it belongs.
    shutil.move(t.path("away"), spool(s.relay, "incoming",
                                      os.path.basename(path)))
    assert rescan(s.relay)["missing"] == 0
    assert not missing(s.relay)
    await_true("it is in deferred/ again", lambda: os.path.exists(
        spool(s.relay, "deferred", os.path.basename(path))))
    s.deliver()


def test_a_missing_message_can_be_given_up(t):
    s = Scene(t, 4)
    path, _ = with_text(s.relay, b"number 0\r")
    lost = [i for i in range(4)
            if with_text(s.relay, b"number %d\r" % i)[0] == path]
    os.unlink(path)
    rescan(s.relay)
    for i in lost:
        s.relay.command("cancel", s.qids[i])
    await_true("nothing is missing", lambda: not missing(s.relay))
    s.deliver(but=lost)
    s.relay.await_empty()
    assert rescan(s.relay)["missing"] == 0


def test_a_flipped_bit_is_found_by_one_byte_pass(t):
    s = Scene(t)
    path, at = with_text(s.relay, b"number 4\r")
    flip(path, at + len(b"number 4\r\n\r\n"))
    assert rescan(s.relay)["clean"], "an index pass reads no content"
    found = rescan(s.relay, "--bytes")
    assert found["bytes"]["damaged"] == found["quarantined"] == 1, found
    # Another one, in a header.
    path, at = with_text(s.relay, b"number 2\r")
    flip(path, at // 4096 * 4096 + 60)
    found = rescan(s.relay, "--bytes")
    assert found["bytes"]["damaged"] == 2, found
    assert found["quarantined"] == 1, "the first was set aside before"
    for i in (4, 2):
        why = s.relay.why(s.qids[i])
        assert why["state"] == "held" and not why["record"]["ok"], why
    copies = os.listdir(spool(s.relay, "quarantine"))
    assert len(copies) == 4, copies
    assert sum(c.endswith(".why") for c in copies) == 2, copies
    s.deliver(but=[4, 2])


def test_a_damaged_footer_is_made_anew_a_damaged_file_header_holds_all(t):
    s = Scene(t)
    path, _ = with_text(s.relay, b"number 1\r")
    flip(path, os.path.getsize(path) - 20)
    found = rescan(s.relay)
    assert found["missing"] == found["quarantined"] == 0, found
    assert "segment_orphaned" in s.relay.log_text()
    assert rescan(s.relay)["clean"]
    path, _ = with_text(s.relay, b"number 5\r")
    lost = [i for i in range(6)
            if with_text(s.relay, b"number %d\r" % i)[0] == path]
    flip(path, 20)
    assert rescan(s.relay)["missing"] == 0, "it stands there twice"
    flip(path, 2048 + 20)
    found = rescan(s.relay)
    assert found["foreign"] == 1, found
    for i in lost:
        assert s.relay.why(s.qids[i])["state"] == "held"
    assert "malformed file header" in s.relay.log_text()
    assert os.path.exists(path)
    s.deliver(but=lost)


def test_a_segment_that_is_cut_holds_what_was_cut(t):
    s = Scene(t)
    path, at = with_text(s.relay, b"number 5\r")
    os.truncate(path, at)
    found = rescan(s.relay)
    assert not found["clean"], found
    assert s.relay.why(s.qids[5])["state"] == "held"
    s.deliver(but=[5])
    assert s.relay.status()["queued_messages"] == 1


def test_names_that_are_not_ours_are_told_and_left_alone(t):
    s = Scene(t, 4)
    path, _ = with_text(s.relay, b"number 0\r")
    other, _ = with_text(s.relay, b"number 3\r")
    wrong = spool(s.relay, "deferred", "0123456789abcdef")
    twin = spool(s.relay, "incoming", os.path.basename(other))
    strangers = [spool(s.relay, "incoming", "core"),
                 spool(s.relay, "deferred", "note.txt"),
                 spool(s.relay, "ledger", "L1")]
    os.mkfifo(spool(s.relay, "deferred", "00000000000000f1"))
    os.symlink("/dev/zero", spool(s.relay, "deferred", "00000000000000f2"))
    for name in strangers:
        open(name, "w").close()
    shutil.copy(path, wrong)
    shutil.copy(other, twin)
    found = rescan(s.relay)
    assert found["foreign"] == len(strangers) + 4, found
    assert found["missing"] == found["recovered"] == 0, found
    log = s.relay.log_text()
    for text in ("file=incoming/core ", "file=deferred/note.txt ",
                 "file=ledger/L1 ", "event=segment_twice segment=" +
                 os.path.basename(other), "event=segment_misnamed "
                 "segment=0123456789abcdef file=" + os.path.basename(path)):
        assert text in log, text
    assert all(map(os.path.lexists, strangers + [wrong, twin])), \
        "nothing of it is touched"
    # One that was renamed is missed under its own name.
    lost = [i for i in range(4)
            if with_text(s.relay, b"number %d\r" % i)[0] in (path, wrong)]
    os.rename(path, wrong)
    found = rescan(s.relay)
    assert found["missing"] == len(lost), found
    os.rename(wrong, path)
    assert rescan(s.relay)["missing"] == 0
    s.deliver()
    assert os.path.exists(twin), "what is done is kept as long as it is twice"


def test_a_segment_put_there_is_found_and_its_mail_goes(t):
    """One relay's deferred segment, brought to another by hand."""
    s = Scene(t, 4)
    names = [os.path.basename(p) for p in segments(s.relay)]
    s.relay.stop()
    peer = t.peer(lambda x: x.serve())
    relay = t.relay(relay_to=peer.address, name="second").start()
    assert rescan(relay)["clean"]
    for name in names:
        for folder in ("incoming", "deferred"):
            path = spool(s.relay, folder, name)
            if os.path.exists(path):
                shutil.copy(path, spool(relay, "deferred", "." + name))
                os.rename(spool(relay, "deferred", "." + name),
                          spool(relay, "deferred", name))
    found = rescan(relay)
    assert found["recovered"] == 4 and not found["clean"], found
    await_true("they arrive", lambda: len(peer.messages) == 4)
    relay.await_empty()
    log = relay.log_text()
    assert log.count("event=recovered ") == 4 and "lay_ms=" in log
    assert any(b"it lay there unannounced for " in open(f, "rb").read()
               for f in glob.glob(spool(relay, "ledger", "L*")))
