#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# man.sh: the manual pages are well formed, their references lead somewhere,
# and they have the commands and options that the programs have.
set -u
bin=${BIN:-${O:-build}/bin}
found=0

wrong() {
	echo "$1"
	found=1
}

# That the system has no index of our pages is no fault of theirs.
for page in man/*.[158]; do
	faults=$(mandoc -Tlint "$page" 2>&1 |
		grep -E ': (WARNING|ERROR|UNSUPP): ' |
		grep -v 'outdated mandoc.db')
	[ -z "$faults" ] || wrong "$faults"
	title=$(sed -n 's/^\.Dt \([^ ]*\) \(.\)$/\1.\2/p' "$page" |
		tr '[:upper:]' '[:lower:]')
	[ "man/$title" = "$page" ] || wrong "$page: its title is $title"
	sed -n 's/^\.Xr \(holdfast[^ ]*\) \(.\).*/\1.\2/p' "$page" |
		sort -u | while read -r other; do
		[ -f "man/$other" ] || echo "$page: there is no man/$other"
	done | grep . && found=1
done

# Sub-commands, in both directions.
"$bin/holdfast" help | sed -n 's/^  \([a-z]\{1,\}\).*/\1/p' | sort \
	> "${TMPDIR:-/tmp}/man.$$"
sed -n 's/^\.It Cm \([a-z]\{1,\}\).*/\1/p' man/holdfast.1 | sort -u |
	diff "${TMPDIR:-/tmp}/man.$$" - ||
	wrong "man/holdfast.1: other commands than holdfast help has (<)"
rm -f "${TMPDIR:-/tmp}/man.$$"

# Options of sendmail: letters of its getopt().
letters=$(sed -n 's/.*"+\([^"]*\)", *$/\1/p; s/.*"+\([^"]*\)")).*/\1/p' \
	ctl/cmd_sendmail.c | tr -d ':' | sed 's/./& /g')
[ -n "$letters" ] || wrong "ctl/cmd_sendmail.c: no options found"
for letter in $letters; do
	grep -Eq "Fl $letter[a-z]?( |\$)" man/holdfast-sendmail.1 ||
		wrong "man/holdfast-sendmail.1: -$letter is missing"
done
exit $found
