/* SPDX-License-Identifier: BSD-2-Clause */
/* body: content on its way from a segment to a connection. */
#ifndef DELIVER_BODY_H
#define DELIVER_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/io/buf.h"
#include "util/mail/dotsend.h"
#include "util/spool/segread.h"
#include "util/text/str.h"

/* Content that is read and coded in one step. */
#define BODY_STEP_BYTES 65536

/* Room in the output that a step and the end need: in the worst case each
 * second byte is a dot to be doubled. */
#define BODY_ROOM_BYTES (2 * BODY_STEP_BYTES + DOTSEND_ROOM_BYTES)

/* Embedded in its transaction; no memory of its own. */
struct body {
	struct str whole; /* what is left of what is read and checked */
	uint64_t offset;  /* in the file, of what is left to be read */
	uint64_t left;    /* 0: nothing, all was in whole */
	uint32_t crc, want_crc;
	int fd;
	bool is_raw; /* no line starts with a dot */
	struct dotsend ds;
	char last[2]; /* bytes of content sent last, when raw */
};

/*
 * Begins with the record that was loaded; front holds what was read of it. If
 * that is all, its CRC is checked at once, and front must live as long as the
 * body.
 *
 * ERR_SYNTAX	the CRC is wrong
 */
MUST_USE enum err body_init(struct body *b, int fd,
    const struct segread_record *record, struct str front);

/* Begins with content that lies in memory, as long as the body. */
void body_init_whole(struct body *b, struct str content);

/*
 * Appends the next step's content to out.
 *
 * ERR_OK	all is there, and is as it was written: the dot may follow
 * ERR_AGAIN	call again when out is written
 * ERR_SYNTAX	the CRC is wrong, or the file ends before: send no dot
 * ERR_IO	not readable now
 * ERR_FULL	no memory
 */
MUST_USE enum err body_put(struct body *b, struct buf *out);

/* Appends the final dot. ERR_FULL: no memory. */
MUST_USE enum err body_put_end(struct body *b, struct buf *out);

#endif /* DELIVER_BODY_H */
