#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check.sh: runs the fast tests, each kind in turn, and counts them.
# usage: check.sh UNIT... -- SIM... -- FUZZ...   (called by make check)
# Ends with the line "N passed, N failed, N skipped".
set -u
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A heap that is exhausted gives NULL, as it does without ASan.
export ASAN_OPTIONS="allocator_may_return_null=1:${ASAN_OPTIONS:-}"

# run NAME COMMAND...: one test; its output is shown when it fails.
run() {
	name=$1
	shift
	if "$@" > "$log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
		cat "$log"
	fi
}

kind=unit
for t in "$@"; do
	case $kind:$t in
	unit:--) kind=sim ;;
	sim:--) kind=fuzz ;;
	unit:*) CK_VERBOSITY=normal CK_DEFAULT_TIMEOUT=60 run "$t" "$t" ;;
	sim:*) run "$t" "$t" ;;
	fuzz:*) run "$t" "$B/tests/replay-$t" tests/fuzz/corpus/"${t#fuzz_}"/* ;;
	esac
done
if [ -z "${SAN:-}" ]; then
	run check-style tools/check-style
	run check-layers tools/check-layers
	run clang-format make -s format-check
	for g in tests/golden/*.sh; do
		[ ! -f "$g" ] || run "$g" sh "$g"
	done
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
