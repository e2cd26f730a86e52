/* SPDX-License-Identifier: BSD-2-Clause */
/* jsonread: the one user of jansson. */
#include "util/text/jsonread.h"

#include <jansson.h>

enum err
jsonread_new(struct json_t **text, struct str s)
{
	json_error_t error;
	json_t *value;

	if (s.len > JSONREAD_MAX_BYTES)
		return ERR_RANGE;
	value =
	    json_loadb(s.len > 0 ? s.ptr : "", s.len, JSON_DECODE_ANY, &error);
	if (value != NULL) {
		*text = value;
		return ERR_OK;
	}
	switch (json_error_code(&error)) {
	case json_error_out_of_memory:
		return ERR_FULL;
	case json_error_numeric_overflow:
		return ERR_RANGE;
	default:
		return ERR_SYNTAX;
	}
}

void
jsonread_free(struct json_t **text)
{
	json_decref(*text);
	*text = NULL;
}

const struct json_t *
jsonread_get(const struct json_t *v, const char *key)
{
	return json_object_get(v, key);
}

size_t
jsonread_n(const struct json_t *v)
{
	return json_array_size(v);
}

const struct json_t *
jsonread_item(const struct json_t *v, size_t i)
{
	return json_array_get(v, i);
}

struct str
jsonread_str(const struct json_t *v)
{
	return (struct str){ json_string_value(v), json_string_length(v) };
}

int64_t
jsonread_num(const struct json_t *v)
{
	return json_integer_value(v);
}
