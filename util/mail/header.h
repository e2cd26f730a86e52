/* SPDX-License-Identifier: BSD-2-Clause */
/* header: what a server must know of a message's header while it arrives. */
#ifndef UTIL_MAIL_HEADER_H
#define UTIL_MAIL_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

#define HEADER_NAMES_MAX 4
#define HEADER_VALUE_MAX_BYTES 256
/* Captured fields, repeated ones counted, of one message. */
#define HEADER_CUTS_MAX 16

/* What to look for; shared by many scanners, must outlive them. */
struct header_conf {
	struct str names[HEADER_NAMES_MAX]; /* of fields to capture, any case */
	uint32_t n_names;
	uint32_t max_bytes; /* of the section, up to and with its empty line */
};

/* Bytes of the content: whole fields, with their last CR LF. */
struct header_range {
	uint32_t start;
	uint32_t len;
};

/* The value of a captured field: its first occurrence, unfolded, trimmed. */
struct header_value {
	uint16_t len;
	bool is_found;
	bool is_truncated; /* it has more than HEADER_VALUE_MAX_BYTES */
	char bytes[HEADER_VALUE_MAX_BYTES];
};

/* Scanner for one message; no memory of its own, so there is no _fini. Others
 * read the first group of fields, once the section has ended. */
struct header {
	struct header_value values[HEADER_NAMES_MAX]; /* as conf->names */
	struct header_range cuts[HEADER_CUTS_MAX];    /* in order, apart */
	uint32_t n_cuts;
	uint32_t n_received;
	uint32_t end_at; /* offset of the line behind the last field */
	bool has_blank;  /* that line is empty; else it belongs to the body */

	const struct header_conf *conf;
	uint32_t taken_bytes;
	uint32_t line_at;  /* offset of the line in hand */
	uint32_t field_at; /* offset of the field in hand */
	uint32_t name_len; /* of the field in hand so far */
	uint32_t alive;    /* bit i: its name may still become names[i] */
	int32_t captured;  /* index of the name it has, or -1 */
	bool keeps_value;  /* it is the first of its name */
	enum err err;      /* ERR_AGAIN until the end or a fault */
	uint8_t state;
};

/* Begins a message. conf is borrowed. */
void header_init(struct header *h, const struct header_conf *conf);

/*
 * Scans the next piece of the decoded content (all line ends CR LF), from its
 * first byte on; nothing is kept of the piece but the values.
 *
 * ERR_OK	the section has ended; the rest of the content is of no interest
 * ERR_AGAIN	it has not
 * ERR_RANGE	more than max_bytes and no end
 * ERR_FULL	more than HEADER_CUTS_MAX captured fields
 *
 * All but ERR_AGAIN are for good. A line that is no field, no continuation and
 * not empty ends the section, also if it is the first: it begins the body.
 */
MUST_USE enum err header_scan(struct header *h, struct str piece);

/* The content is complete: what is a field so far is one. ERR_OK, or the fault
 * as from header_scan. */
MUST_USE enum err header_end(struct header *h);

/* View of the value of conf->names[i]; empty if it is not there, or empty. */
struct str header_get_value(const struct header *h, uint32_t i);

#endif /* UTIL_MAIL_HEADER_H */
