/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonread: reads JSON texts that another process wrote. */
#ifndef UTIL_TEXT_JSONREAD_H
#define UTIL_TEXT_JSONREAD_H

#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest text that is read. Values may be 2048 deep: the library's bound. */
#define JSONREAD_MAX_BYTES (1024 * 1024)

/* A value of a text: the text itself, a member, an element. Borrowed: it lives
 * as long as the text. The library's struct, which only jsonread.c knows. */
struct json_t;

/*
 * Parses one JSON text (RFC 8259). Of a key that stands twice the last counts.
 *
 * ERR_SYNTAX	it is none, or holds a NUL escape or bytes that are no UTF-8
 * ERR_RANGE	it is longer than JSONREAD_MAX_BYTES, or a number is too large
 * ERR_FULL	no memory
 */
MUST_USE enum err jsonread_new(struct json_t **text, struct str s);
void jsonread_free(struct json_t **text);

/*
 * All of these take any value, also NULL, which is no value, so that calls can
 * stand in one another: a member that is not there, or is of another type, is
 * NULL, empty or 0.
 */

/* Member of an object; key is a C string. */
const struct json_t *jsonread_get(const struct json_t *v, const char *key);

/* Elements of an array, and one of them. */
size_t jsonread_n(const struct json_t *v);
const struct json_t *jsonread_item(const struct json_t *v, size_t i);

/* A string, which is UTF-8; a whole number. */
struct str jsonread_str(const struct json_t *v);
int64_t jsonread_num(const struct json_t *v);

#endif /* UTIL_TEXT_JSONREAD_H */
