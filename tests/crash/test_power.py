# SPDX-License-Identifier: BSD-2-Clause
"""Power loss: a relay starts on what a disk may then have, and nothing that was
acknowledged is missing. Many more: tests/crash/power.py."""
import os
import random
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import power  # noqa: E402
import power_scenes  # noqa: E402

REPLAYS = 7


def power_test(t, scene):
    record = power.Record(t, scene, 1)
    tally = power.run_all([record], 1, range(REPLAYS), 2)
    print(tally.summary())
    assert tally.sums["replays"] == REPLAYS
    assert not tally.wrong, tally.wrong


def test_power_lost_while_mail_comes_and_goes(t):
    power_test(t, power_scenes.flow)


def test_power_lost_while_a_person_gives_orders(t):
    power_test(t, power_scenes.orders)


def test_power_lost_after_failed_syncs_and_kills(t):
    power_test(t, power_scenes.failures)


def few(stage):
    stage.start()
    power_scenes.join(stage.send_many(12))
    stage.quiet()
    stage.relay.stop()


def test_a_relay_that_does_not_sync_is_caught(t):
    record = power.Record(t, few, 1, lie=True)
    at, qid = [s for s in record.log.said if s[1] in record.messages][-1]
    with power.pool_of(1) as pool:
        out = pool.apply(power.cut, (record, at + 1, "nothing kept",
                                     random.Random(1)))
    shutil.rmtree(out["folder"])
    lost = {w for w in out["wrong"] if w.startswith("lost: ")}
    assert any(r in w for r in record.messages[qid]["rcpts"]
               for w in lost), out
