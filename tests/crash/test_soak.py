# SPDX-License-Identifier: BSD-2-Clause
"""A short round of soak.py; `make soak N=` runs long."""
import soak


def test_r13_random_kills_and_stops_cut_short_lose_nothing(t):
    figures = soak.one_round(t, seed=9, kills=30)
    assert figures["kills"] >= 30 and figures["accepted"] > 100, figures
