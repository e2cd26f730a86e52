# SPDX-License-Identifier: BSD-2-Clause
"""A delivery worker and Dovecot's LMTP server."""
import json

from neighbours import Dovecot
from worker import Worker

KIM, LEE, NOBODY = "kim@store.test", "lee@store.test", "nobody@store.test"


def check(t, address_of):
    store = Dovecot(t, "store.test", [KIM, LEE])
    w = Worker(t)
    address = address_of(store)
    w.open_up(address, transport="lmtp")
    content = b"Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n"
    for n in (1, 2):
        w.send(n, content=content, rcpts=(KIM, NOBODY, LEE))
        r = w.qmgr.expect_result("tried", lease=n, code=550)
        assert r["verdicts"] == [(0, "delivered", 250), (1, "bounced", 550),
                                 (2, "delivered", 250)], r
        replies = {x["rcpt"]: x.get("reply") for x in
                   json.loads(r["facts"])["rcpts"]}
        # Dovecot names the recipient in its reply to the dot.
        for rcpt in (KIM, LEE):
            assert f"<{rcpt}>" in replies[rcpt], replies
    for rcpt in (KIM, LEE):
        mail = store.mail(rcpt)
        assert len(mail) == 2, mail
        assert all(m.replace(b"\r\n", b"\n").endswith(
            content.replace(b"\r\n", b"\n")) for m in mail), mail
    # A message for nobody leaves the connection fit for the next one.
    w.send(3, rcpts=(NOBODY,))
    w.qmgr.expect_result("tried", lease=3, code=550)
    w.send(4, content=b"Subject: long\r\n\r\n" + b"y" * 70 * 30000 + b"\r\n",
           rcpts=(LEE,))
    w.qmgr.expect_result("tried", lease=4, code=250)
    assert len(store.mail(LEE)) == 3
    w.qmgr.send("CONN_CLOSE", conn=1)
    w.qmgr.expect_down("closed")
    assert w.log().count("event=conn_failed") == 0, w.log()


def test_dovecot_takes_mail_by_lmtp_over_tcp(t):
    check(t, lambda store: store.address)


def test_dovecot_takes_mail_by_lmtp_over_a_unix_socket(t):
    check(t, lambda store: store.socket)
