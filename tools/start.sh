#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# start.sh: from a fresh checkout to a running relay on 127.0.0.1:2525.
#
#   sh tools/start.sh                      mail ends in a catch-all sink
#   RELAY=192.0.2.1:25 sh tools/start.sh   mail goes on to that server
#
# STATE=DIR keeps the spool there (default: build/state). Stop with Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
sh tools/install-deps build
make -s -j"$(nproc)"

state=${STATE:-$PWD/build/state}
conf=$PWD/build/start.conf
mkdir -p "$state"
sink=
if [ -z "${RELAY:-}" ]; then
	RELAY=127.0.0.1:2526
	build/bench/smtpsink --host 127.0.0.1 --port 2526 \
		--log build/sink.log --ctl build/sink.ctl &
	sink=$!
	trap 'kill "$sink" 2>/dev/null || true' EXIT
fi
cat > "$conf" <<EOT
node      = "try.localhost"
state_dir = "$state"
listener "in" { address = { "127.0.0.1:2525" } relay_from = { "127.0.0.0/8" } }
route "*" { relay = { "$RELAY" } }
EOT
cat <<EOT

Holdfast listens on 127.0.0.1:2525 and delivers to $RELAY.

Send a first message, from another terminal in $PWD:

  printf 'Subject: hello\n\nfirst message\n' | build/bin/sendmail -C $conf -v you@example.test

and look at it:

  build/bin/holdfast -c $conf status
  build/bin/holdfast -c $conf queue
  build/bin/holdfast -c $conf why QID         (the id that sendmail -v prints)
${sink:+  tail build/sink.log                           what the sink took
}
Ctrl-C stops it.

EOT
trap : INT TERM
build/bin/holdfast -c "$conf" run
