# SPDX-License-Identifier: BSD-2-Clause
"""Mail from the clients people use, to the servers they use."""
import os
import smtplib
import subprocess

from relay import BIN, await_true, need


def run(*args, status=0, **kw):
    p = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       timeout=120, **kw)
    assert p.returncode == status, (args, p.returncode, p.stdout[-2000:])
    return p.stdout.decode(errors="replace")


def test_swaks_sends(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    out = run(need("swaks"), "--server", f"{t.ip}:{relay.port}", "--from",
              "sender@client.test", "--to", "one@dest.test,two@dest.test",
              "--header", "Subject: from swaks", "--body", ".leading dot")
    assert "250 2.0.0 Ok: queued as " in out, out
    await_true("the message arrives", lambda: peer.messages)
    sender, rcpts, content = peer.messages[0]
    assert "sender@client.test" in sender
    assert rcpts == ["one@dest.test", "two@dest.test"], rcpts
    assert b"\r\nSubject: from swaks\r\n" in content
    assert b"\r\n.leading dot\r\n" in content
    relay.await_empty()


def test_smtp_source_sends_to_smtp_sink(t):
    folder = t.path("sink")
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    os.chmod(t.dir, 0o755)
    port = t.port()
    sink = subprocess.Popen(
        [need("smtp-sink"), "-u", "nobody", "-R", folder, "-d", "m.",
         f"{t.ip}:{port}", "100"])
    t.at_end(lambda: (sink.terminate(), sink.wait()))
    relay = t.relay(relay_to=f"{t.ip}:{port}").start()
    run(need("smtp-source"), "-m", "500", "-s", "20", "-l", "3000", "-f",
        "src@client.test", "-t", "dst@dest.test", f"{t.ip}:{relay.port}")
    relay.await_empty()
    await_true("500 messages lie in the sink's folder",
               lambda: len(os.listdir(folder)) == 500)
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as f:
            content = f.read()
        assert b"dst@dest.test" in content and len(content) > 3000, name


def test_postal_sends(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    users = t.path("users")
    with open(users, "w") as f:
        f.write("".join(f"user{i}@dest.test\n" for i in range(20)))
    # postal sends until it is ended.
    postal = subprocess.Popen(
        [need("postal"), "-t", "4", "-c", "3", "-r", "6000", "-m", "20",
         "-s", "0", "-f", users, f"[{t.ip}]{relay.port}", users],
        cwd=t.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    t.at_end(lambda: (postal.kill(), postal.wait()))
    await_true("100 messages arrive", lambda: len(peer.messages) >= 100)
    postal.kill()
    postal.wait()
    relay.await_empty()
    for sender, rcpts, content in peer.messages:
        assert rcpts and all(r.endswith("@dest.test") for r in rcpts)
        # postal puts a checksum of the body into its header
        assert b"\r\nX-Postal: " in content, content[:1000]


def test_smtplib_sends_utf8_addresses(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    relay.submit("jörg@client.test", ("καλημέρα@dest.test",),
                 "Subject: ü\r\n\r\ngrüße\r\n".encode(),
                 ["SMTPUTF8", "BODY=8BITMIME"])
    await_true("the message arrives", lambda: peer.messages)
    sender, rcpts, content = peer.messages[0]
    sender = sender.encode("utf-8", "surrogateescape").decode()
    assert "<jörg@client.test>" in sender and "SMTPUTF8" in sender, sender
    assert rcpts[0].encode("utf-8", "surrogateescape").decode() == \
        "καλημέρα@dest.test"
    assert content.endswith("\r\n\r\ngrüße\r\n".encode()), content


def test_a_server_without_smtputf8_is_not_given_such_mail(t):
    peer = t.peer(lambda s: s.serve(
        {"EHLO": "250-peer\r\n250 PIPELINING"}))
    relay = t.relay(relay_to=peer.address).start()
    qid = relay.submit("jörg@client.test", ("b@dest.test",),
                       b"Subject: x\r\n\r\nx\r\n", ["SMTPUTF8"])
    # RFC 6531 3.5: 5.6.7 for want of the extension
    why = await_true("the failure is told", lambda: (
        lambda w: w if w["attempts"] == 1 else None)(relay.why(qid)))
    assert not peer.messages
    assert "SMTPUTF8" in str(why["history"]), why


def sendmail(relay, *args, data, status=0):
    return run(os.path.join(BIN, "sendmail"), "-C", relay.conf, *args,
               input=data, status=status)


def test_sendmail_takes_recipients_from_arguments_and_headers(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    sendmail(relay, "-f", "me@client.test", "a@dest.test", "b@dest.test",
             data=b"Subject: one\n\n.dot\nline\n")
    await_true("the first arrives", lambda: len(peer.messages) == 1)
    sender, rcpts, content = peer.messages[0]
    assert "<me@client.test>" in sender and rcpts == ["a@dest.test",
                                                      "b@dest.test"]
    assert content.endswith(b"\r\n\r\n.dot\r\nline\r\n"), content

    sendmail(relay, "-t", "-i", "-f", "me@client.test", data=(
        b"To: Ann <ann@dest.test>, \"B, ob\" <bob@dest.test>\n"
        b"Cc: group: c1@dest.test, c2@dest.test;\n"
        b"Bcc: hidden@dest.test\nSubject: two\n\nx\n.\ny\n"))
    await_true("the second arrives", lambda: len(peer.messages) == 2)
    _, rcpts, content = peer.messages[1]
    assert sorted(rcpts) == sorted(
        f"{n}@dest.test" for n in ("ann", "bob", "c1", "c2", "hidden")), rcpts
    assert b"hidden" not in content
    assert content.endswith(b"\r\n\r\nx\r\n.\r\ny\r\n"), content


def test_sendmail_ends_at_a_dot_without_i(t):
    peer = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=peer.address).start()
    sendmail(relay, "a@dest.test", data=b"Subject: s\n\nx\n.\nnot this\n")
    await_true("it arrives", lambda: peer.messages)
    assert peer.messages[0][2].endswith(b"\r\n\r\nx\r\n")


def test_sendmail_bs_speaks_smtp_and_bp_is_mailq(t):
    relay = t.relay().start()
    out = sendmail(relay, "-bs", data=(
        b"EHLO me.test\r\nMAIL FROM:<a@client.test>\r\n"
        b"RCPT TO:<b@dest.test>\r\nDATA\r\nSubject: bs\r\n\r\nx\r\n.\r\n"
        b"QUIT\r\n"))
    assert "250 2.0.0 Ok: queued as " in out, out
    qid = out.split("queued as ")[1].split()[0]
    listing = sendmail(relay, "-bp", data=b"")
    assert qid in listing, listing
    mailq = run(os.path.join(BIN, "mailq"), "-C", relay.conf)
    assert qid in mailq, mailq


def test_sendmail_without_recipients_is_wrong_use(t):
    relay = t.relay().start()
    sendmail(relay, "-t", data=b"Subject: nobody\n\nx\n", status=64)


def test_sendmail_says_so_when_the_relay_is_down(t):
    relay = t.relay()
    out = sendmail(relay, "a@dest.test", data=b"Subject: x\n\nx\n", status=75)
    assert "submit" in out, out


def test_tenant_and_campaign_headers_name_the_queue_and_are_removed(t):
    relay = t.relay(listener='tenant_header = "X-Tenant" '
                    'campaign_header = "X-Campaign"').start()
    relay.submit(body=b"X-Tenant: acme\r\nSubject: q\r\nX-Campaign: spring\r\n"
                 b"\r\nbody\r\n")
    rows = await_true("the queue is there", relay.queue)
    assert rows[0]["queue"] == "spring:acme@dest.test", rows
    assert (rows[0]["tenant"], rows[0]["campaign"], rows[0]["domain"]) == \
        ("acme", "spring", "dest.test")


def test_a_message_for_many_domains_goes_to_each_once(t):
    sink = t.peer(lambda s: s.serve())
    relay = t.relay(relay_to=sink.address).start()
    rcpts = [f"u{i}@d{i % 37}.test" for i in range(500)]
    relay.submit(to=rcpts)
    relay.await_empty()
    got = sorted(r for _, rs, _ in sink.messages for r in rs)
    assert got == sorted(rcpts)
    assert len(sink.messages) == 37, len(sink.messages)


def test_relay_is_denied_to_strangers(t):
    relay = t.relay(conf=f'''
listener "mx" {{ address = {{ "{t.ip}:25250" }} relay_to = {{ "dest.test" }} }}
''').start()
    with smtplib.SMTP(t.ip, 25250, timeout=60) as c:
        c.ehlo()
        assert c.mail("a@b.test")[0] == 250
        assert c.rcpt("x@dest.test")[0] == 250
        assert c.rcpt("x@other.test")[0] == 554
        assert c.rcpt("postmaster")[0] == 250
    assert relay.status()["queued_messages"] == 0
