#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fuzz.sh: a short run of each libFuzzer target from its corpus.
# usage: fuzz.sh SECONDS
set -u
passed=0 failed=0
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
make -s -j"$(nproc)" fuzz-build || exit 1
for f in tests/fuzz/fuzz_*.c; do
	name=$(basename "$f" .c)
	mkdir -p "$corpus/$name"
	if build/obj/fuzz/"$name" -max_total_time="$1" -timeout=10 -verbosity=0 \
	    -artifact_prefix="$corpus/" "$corpus/$name" \
	    "tests/fuzz/corpus/${name#fuzz_}" > "$corpus/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $name"
		tail -n 40 "$corpus/log"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
