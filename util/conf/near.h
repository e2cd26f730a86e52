/* SPDX-License-Identifier: BSD-2-Clause */
/* near: guesses the name that was meant. */
#ifndef UTIL_CONF_NEAR_H
#define UTIL_CONF_NEAR_H

#include "util/conf/params.h"
#include "util/text/str.h"

/* Longest names that are compared; longer ones are near to nothing. */
#define NEAR_MAX_BYTES 64

/* How many letters must be changed, added, left out or swapped with their
 * neighbour to make a of b, whatever their case; NEAR_MAX_BYTES for names that
 * are too long. */
unsigned near_distance(struct str a, struct str b);

/* The parameter of section, or the section, whose name is nearest to name, or
 * NULL: none is near, that is within a third of its length. */
const char *near_param(const struct conf_section *section, struct str name);
const char *near_any(struct str name); /* parameter of any section */
const char *near_section(struct str name);

#endif /* UTIL_CONF_NEAR_H */
