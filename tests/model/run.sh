#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh: checks lease.pml with spin, then that each planted fault is found.
# usage: run.sh   (by hand, or as make model; needs spin and gcc)
set -eu
model=$(cd "$(dirname "$0")" && pwd)/lease.pml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# search [-DFAULT...]: prints what pan found.
search() {
	rm -f pan* ./*.trail
	spin -a "$@" "$model" > spin.log
	gcc -O2 -w -DSAFETY -DCOLLAPSE -o pan pan.c
	./pan -E -m100000
}

search > found
grep -E 'errors:|states, stored|elapsed' found
grep -q 'errors: 0' found
! grep -q 'too small' found
for fault in EARLY_CLEAR LEND_UNWRITTEN FORGET_SLOTS; do
	search "-DFAULT_$fault" > found
	grep -q 'errors: 1' found || {
		echo "the fault $fault is not found"
		exit 1
	}
	echo "$fault is found: $(grep -m 1 'assertion violated' found)"
done
