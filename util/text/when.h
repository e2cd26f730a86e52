/* SPDX-License-Identifier: BSD-2-Clause */
/* when: times as protocols, programs and people write them; always UTC. */
#ifndef UTIL_TEXT_WHEN_H
#define UTIL_TEXT_WHEN_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Room that is enough for any one of these texts. */
#define WHEN_MAX_BYTES 40

/* Last time that has a text: the end of the year 9999. */
#define WHEN_WALL_MAX_MS INT64_C(253402300799999)

/*
 * All of these append to b.
 *
 * ERR_FULL	no room (WHEN_MAX_BYTES are always enough); b is as it was
 * ERR_RANGE	wall_ms is negative or above WHEN_WALL_MAX_MS
 */

/* The date of header fields (RFC 5322 3.3): "Fri, 21 Nov 1997 09:55:06 +0000".
 */
MUST_USE enum err when_rfc5322(struct outbuf *b, int64_t wall_ms);

/* ISO 8601 with milliseconds: "1997-11-21T09:55:06.123Z". */
MUST_USE enum err when_iso8601(struct outbuf *b, int64_t wall_ms);

/* A span in its two largest units: "3d4h", "2m10s", "25m", "1.8s" (below ten
 * seconds), "0s". Cut off, not rounded; a negative span counts as none. */
MUST_USE enum err when_span(struct outbuf *b, int64_t span_ms);

/* How long ago that is, in the largest unit: "4h ago", "just now" below one
 * second. */
MUST_USE enum err when_ago(struct outbuf *b, int64_t span_ms);

/* How long until then: "in 2m10s", "now" when nothing is left. */
MUST_USE enum err when_in(struct outbuf *b, int64_t span_ms);

#endif /* UTIL_TEXT_WHEN_H */
