#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# test.sh: installs what is missing, builds, runs every test that fits in
# twenty minutes. Ends with "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 111
sh tools/install-deps build test || exit 111

total=$(mktemp)
trap 'rm -f "$total"' EXIT

# suite NAME COMMAND...: runs it, shows its output, adds up its last line.
suite() {
	name=$1
	shift
	echo "== $name"
	out=$(mktemp)
	"$@" > "$out" 2>&1
	status=$?
	if tail -n 1 "$out" | grep -Eq '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'; then
		tail -n 1 "$out" >> "$total"
		[ "$status" -eq 0 ] && tail -n 1 "$out" || cat "$out"
	else
		cat "$out"
		echo "FAILED: $name ended with status $status and no count"
		echo "0 passed, 1 failed, 0 skipped" >> "$total"
	fi
	rm -f "$out"
}

jobs=$(nproc)
make -s -j"$jobs" DEV=1 all tests || exit 1
suite "units, corpora, golden files, style" make -s DEV=1 check
make -s -j"$jobs" DEV=1 SAN=1 all tests || exit 1
suite "the same under ASan and UBSan" make -s DEV=1 SAN=1 check
suite "self-test of the style checks" sh tests/selftest.sh
suite "fuzz targets, a few seconds each" sh tests/fuzz.sh 2
# They wait more than they work.
suite "whole processes" python3 tests/run.py -j "$((jobs * 2))"
awk '{ p += $1; f += $3; s += $5 }
	END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }' "$total"
