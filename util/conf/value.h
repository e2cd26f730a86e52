/* SPDX-License-Identifier: BSD-2-Clause */
/* value: reads values by the type of their parameter. */
#ifndef UTIL_CONF_VALUE_H
#define UTIL_CONF_VALUE_H

#include <stdbool.h>

#include "util/base/arena.h"
#include "util/base/err.h"
#include "util/conf/params.h"
#include "util/conf/tree.h"
#include "util/text/str.h"

/* Why a value was refused. */
struct conf_fault {
	struct str text;  /* the value, or the one in the list, a view */
	const char *what; /* "is not a number"; in static storage */
};

/*
 * Sets the field of param's type to value; its memory is of arena.
 *
 * ERR_SYNTAX	not of that type; see *fault
 * ERR_RANGE	outside its bounds; see *fault
 */
MUST_USE enum err conf_value_set(void *field, const struct conf_param *param,
    const struct conf_value *value, struct arena *arena,
    struct conf_fault *fault);

/* Sets the field to the default of param, which is not REQUIRED. */
void conf_value_set_default(
    void *field, const struct conf_param *param, struct arena *arena);

/* Whether s is a domain, "*.suffix" of one, or "*". */
bool conf_is_domain_pattern(struct str s);

#endif /* UTIL_CONF_VALUE_H */
