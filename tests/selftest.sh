#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# selftest.sh: do the style checks still find what they are for?
if tools/check-selftest; then
	echo "1 passed, 0 failed, 0 skipped"
else
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi
