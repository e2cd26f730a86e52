/* SPDX-License-Identifier: BSD-2-Clause */
/* json: writes JSON texts (RFC 8259) into a buffer. */
#ifndef UTIL_TEXT_JSON_H
#define UTIL_TEXT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Most objects and arrays open at a time. */
#define JSON_DEPTH_MAX 32

/* A text being written: embedded, no memory of its own. Calls in an order that
 * gives no JSON (a value without key in an object, a close too many) are bugs.
 * A full buffer is not: it is noted, later calls write nothing, and json_end()
 * tells. Others read nothing in here. */
struct json {
	struct outbuf *out;
	uint32_t is_object;  /* bit n: what is open at depth n + 1 is one */
	uint32_t has_member; /* bit n: it has a member, so a comma is due */
	uint8_t depth;
	bool has_key;  /* a value is due */
	bool is_begun; /* the one value of the text */
	bool is_full;
};

/* Begins a text, which is one value. It is appended to out, which is borrowed
 * until json_end(). */
void json_init(struct json *j, struct outbuf *out);

/* Ends the text; all that was opened is closed. ERR_FULL: there was no room,
 * and what out holds of this text is useless: set its len back. */
MUST_USE enum err json_end(const struct json *j);

/* An object or array as the next value; at most JSON_DEPTH_MAX deep. */
void json_open_object(struct json *j);
void json_close_object(struct json *j);
void json_open_array(struct json *j);
void json_close_array(struct json *j);

/* The key of the next member of the open object. */
void json_key(struct json *j, struct str key);

/* A string. Bytes that are no UTF-8 become U+FFFD, one for each. */
void json_str(struct json *j, struct str s);

/* A number. Readers may take it for a double: exact up to 2^53. */
void json_u64(struct json *j, uint64_t n);
void json_i64(struct json *j, int64_t n);

/* true or false; null. */
void json_bool(struct json *j, bool b);
void json_null(struct json *j);

#endif /* UTIL_TEXT_JSON_H */
