#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# log_keys.sh: every LOG() of the tree has keys of events.def, in its order,
# msg last. (log_event() holds this at run time too, but only in tests, and
# many lines are for what tests do not reach.)
exec python3 - <<'PY'
import re
import subprocess
import sys

rows = dict(re.findall(r'^EVENT\((\w+),\s*\w+,\s*"([^"]*)"',
                       open("util/log/events.def").read(), re.M))
files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard",
                        "*.c", "*.h"], capture_output=True, text=True,
                       check=True).stdout.split()
found, used = 0, 0


def call(text, start):
    """The arguments of the call whose '(' is at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return text[start:i]
    return text[start:]


for path in files:
    if path.startswith(("tests/", "util/log/")):
        continue
    text = open(path).read()
    for m in re.finditer(r"\bLOG\(", text):
        body = call(text, m.end() - 1)
        name = re.match(r"\(\s*EV_(\w+)", body)
        if name is None:
            continue
        used += 1
        keys = re.findall(r'\bKV_\w+\(\s*"(\w+)"', body)
        allowed = rows.get(name.group(1), "").split() + ["msg"]
        order = [allowed.index(k) if k in allowed else -1 for k in keys]
        if -1 in order or order != sorted(set(order)):
            line = text.count("\n", 0, m.start()) + 1
            print(f"{path}:{line}: {name.group(1)} has the keys "
                  f"\"{' '.join(allowed)}\", in this order; here are "
                  f"\"{' '.join(keys)}\"")
            found += 1
print(f"{used} lines looked at, {found} wrong")
sys.exit(1 if found else 0)
PY
