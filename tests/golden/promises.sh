#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# promises.sh: each test that docs/promises.md names is there.
set -u
fail=0 n=0
for name in $(grep -Eo '`[a-z0-9]+/test_[a-z0-9_]+: [a-z0-9_]+`' docs/promises.md |
    tr -d '\140' | sed 's/: /:/'); do
	file=tests/${name%%:*} test=${name#*:}
	n=$((n + 1))
	if ! grep -Eqs "^(START_TEST\(|def )$test[()]" "$file.c" "$file.py"; then
		echo "docs/promises.md: $file has no test $test"
		fail=1
	fi
done
if [ "$n" -lt 50 ]; then
	echo "docs/promises.md: only $n tests are named: has its form changed?"
	fail=1
fi
exit $fail
