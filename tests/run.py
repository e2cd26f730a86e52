#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py: runs the tests that need whole processes, several at a time.

usage: run.py [-j N] [-k WORD] [-v] [FILE...]

A test is a function test_*(t) in tests/{dialog,e2e,crash,install}/test_*.py. Each
runs in a process of its own with a directory of its own and a deadline; what it
leaves running is ended with it. A test that raises Skip is skipped. Ends with
"N passed, N failed, N skipped".
"""
import argparse
import concurrent.futures
import glob
import importlib.util
import os
import signal
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
DEADLINE_S = 300
SKIPPED = 77


def load(path):
    name = os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def names(path):
    """The tests of a file, in its order."""
    return [n for n in vars(load(path)) if n.startswith("test_")]


def run_here(path, name):
    """One test in this process: the child's side."""
    from relay import Skip, Test
    t = Test(tempfile.mkdtemp(prefix="hf-"))
    try:
        getattr(load(path), name)(t)
    except Skip as e:
        print("skipped:", e)
        t.passed = True
        return SKIPPED
    except BaseException:
        traceback.print_exc()
        return 1
    else:
        t.passed = True
        return 0
    finally:
        t.close()


def run_child(path, name):
    """(name, exit status, output) of one test in a process group of its own."""
    p = subprocess.Popen([sys.executable, __file__, "--one", path, name],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         start_new_session=True)
    try:
        out, _ = p.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        p.send_signal(signal.SIGTERM)
        try:
            out, _ = p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            out = b""
        out += b"\nthe test did not end within its deadline\n"
    finally:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return f"{os.path.relpath(path, ROOT)}::{name}", p.wait(), out


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("-j", type=int, default=2, help="how many at a time")
    ap.add_argument("-k", default="", help="only tests with this in the name")
    ap.add_argument("-v", action="store_true", help="name each test")
    ap.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    ap.add_argument("files", nargs="*")
    args = ap.parse_args()
    if args.one:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return run_here(*args.one)
    files = args.files or sorted(
        f for d in ("dialog", "e2e", "crash", "install")
        for f in glob.glob(os.path.join(ROOT, "tests", d, "test_*.py")))
    jobs = [(f, n) for f in files for n in names(f)
            if args.k in f"{os.path.basename(f)}::{n}"]
    count = {"passed": 0, "failed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        for name, status, out in pool.map(lambda j: run_child(*j), jobs):
            what = {0: "passed", SKIPPED: "skipped"}.get(status, "failed")
            count[what] += 1
            if args.v or what != "passed":
                print(f"{what}: {name}", flush=True)
            if what == "failed":
                sys.stdout.write(out.decode(errors="replace")[-8000:])
    print(f"{count['passed']} passed, {count['failed']} failed, "
          f"{count['skipped']} skipped")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
