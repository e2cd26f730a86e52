# SPDX-License-Identifier: BSD-2-Clause
"""What may have been delivered, and what kills its workers: marked, counted,
and never sent again before that is in the ledger."""
import re

from relay import await_true


def marks(relay):
    return len(re.findall(r"event=possibly_delivered", relay.log_text()))


def lost_once():
    """A DOT reply: the first message is taken, and the line breaks."""
    seen = []

    def dot(_):
        seen.append(1)
        return "drop" if len(seen) == 1 else "250 2.0.0 taken"
    return seen, dot


def lose(t, **kw):
    """A relay, and the id of a message whose first delivery is doubtful."""
    seen, dot = lost_once()
    peer = t.peer(lambda s: s.serve({"DOT": dot}))
    relay = t.relay(relay_to=peer.address, **kw).start()
    qid = relay.submit()
    await_true("it is sent", lambda: seen)
    return relay, peer, qid


def test_a_reply_lost_behind_the_dot_is_marked_and_sent_again(t):
    relay, peer, _ = lose(t)
    relay.await_empty()
    assert len(peer.messages) == 1, peer.messages
    assert marks(relay) == 1, relay.log_text()
