/* SPDX-License-Identifier: BSD-2-Clause */
/* segments: the descriptors of segments that qmgr has passed on. */
#ifndef DELIVER_SEGMENTS_H
#define DELIVER_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/segfmt.h"

/* qmgr decides what stands in which place. */
#define SEGMENTS_MAX 1024

/* An open segment. It lives as long as it has a place, or a lease uses it: a
 * new qmgr knows nothing of the places that its predecessor gave out. */
struct segment {
	uint64_t number;
	struct segment_head head; /* once has_head */
	int fd;
	uint32_t holds; /* leases, and its place */
	bool has_head;
};

struct segments {
	struct segment *places[SEGMENTS_MAX];
};

/* Puts fd, which it owns from here on, into place (< SEGMENTS_MAX); what was
 * there goes. */
void segments_put(struct segments *s, uint16_t place, uint64_t number, int fd);

/* The segment of that number in place, held until segment_drop. NULL: another
 * one or none is there. */
struct segment *segments_hold(
    struct segments *s, uint16_t place, uint64_t number);

/* Ends a hold; segment becomes NULL. NULL is fine. */
void segment_drop(struct segment **segment);

/* Empties all places. */
void segments_fini(struct segments *s);

/*
 * Reads the file's header, once.
 *
 * ERR_IO	not readable now
 * ERR_SYNTAX	malformed, or of another segment
 * ERR_RANGE	of a newer format version
 */
MUST_USE enum err segment_read_head(struct segment *segment);

#endif /* DELIVER_SEGMENTS_H */
