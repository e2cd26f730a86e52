/* SPDX-License-Identifier: BSD-2-Clause */
/* params: the rows of params.def as data, for all that goes by the table. */
#ifndef UTIL_CONF_PARAMS_H
#define UTIL_CONF_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/base/err.h"
#include "util/text/str.h"

enum conf_type {
	CONF_IS_host,
	CONF_IS_path,
	CONF_IS_field,
	CONF_IS_number,
	CONF_IS_mode,
	CONF_IS_duration,
	CONF_IS_size,
	CONF_IS_rate,
	CONF_IS_addresses,
	CONF_IS_relays,
	CONF_IS_domains,
	CONF_IS_patterns,
	CONF_IS_networks,
	CONF_IS_choice,
	CONF_TYPE_N
};

struct conf_param {
	const char *name;
	const char *dflt; /* NULL: must be given; "": none */
	const char *min, *max, *example, *doc;
	const char *words; /* of a choice */
	enum conf_type type;
	size_t offset; /* of the field in the section's struct */
};

struct conf_section {
	const char *name, *title, *doc; /* title is an example */
	const struct conf_param *params;
	size_t n;     /* of params, and of place[] */
	size_t bytes; /* of struct conf_NAME */
	size_t place_offset;
	size_t conf_offset;   /* in struct conf: the struct, or the pointer */
	size_t conf_n_offset; /* of the number of structs */
	bool is_many;
};

/* All sections, in the order of the table; the first is main. */
const struct conf_section *conf_sections(size_t *n);

/* NULL: no such section. */
const struct conf_section *conf_section_find(struct str name);

/* NULL: no such parameter in that section. */
const struct conf_param *conf_param_find(
    const struct conf_section *section, struct str name);

/* Bytes of a field of that type. */
size_t conf_type_bytes(enum conf_type type);

/* Whether values of that type are lists, and whether they are bare words. */
bool conf_type_is_list(enum conf_type type);
bool conf_type_is_word(enum conf_type type);

/* The word of a choice that is number i of its enum; empty beyond the last. */
struct str conf_choice_word(const struct conf_param *param, unsigned i);

/* Appends what a value may be, "a whole number from 1 to 100000". */
MUST_USE enum err conf_param_put_range(
    const struct conf_param *param, struct outbuf *out);

/* Appends "name = VALUE" as it is written in a file; value is the default or
 * the example of param. */
MUST_USE enum err conf_param_put_line(
    const struct conf_param *param, const char *value, struct outbuf *out);

#endif /* UTIL_CONF_PARAMS_H */
