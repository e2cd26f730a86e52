#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# alarms.sh: docs/operations.md says what to do about each error and warning
# that can be logged, and about nothing else.
set -u
work=${TMPDIR:-/tmp}/alarms.$$
trap 'rm -f "$work".*' EXIT

sed -n 's/^EVENT(\([A-Z_]*\), \(ERROR\|WARNING\),.*/\1/p' util/log/events.def |
	tr '[:upper:]' '[:lower:]' | sort > "$work.logged"
sed -n '/^## Every alarm/,$s/^| `\([a-z_]*\)` |.*/\1/p' docs/operations.md |
	sort > "$work.told"
if [ ! -s "$work.logged" ]; then
	echo "util/log/events.def: no alarm found"
	exit 1
fi
if ! diff "$work.logged" "$work.told"; then
	echo "docs/operations.md: an alarm is missing (<), or is none (>)"
	exit 1
fi
