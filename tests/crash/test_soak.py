# SPDX-License-Identifier: BSD-2-Clause
"""Short rounds of soak.py; `make soak N=` runs long."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import soak  # noqa: E402


def test_random_kills_lose_nothing_and_double_only_what_is_marked(t):
    soak.one_round(t, seed=8, kills=12)


def test_r13_stops_that_are_cut_short_lose_nothing(t):
    figures = soak.one_round(t, seed=9, kills=12, kinds={"stop": 1})
    assert figures["by"] == {"stop": figures["kills"]}, figures
