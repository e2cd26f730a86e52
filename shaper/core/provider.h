/* SPDX-License-Identifier: BSD-2-Clause */
/* provider: the name of a set of hosts that has no section of its own. */
#ifndef SHAPER_CORE_PROVIDER_H
#define SHAPER_CORE_PROVIDER_H

#include <stdint.h>

#include "util/text/str.h"

/* Longest name of a provider. */
#define PROVIDER_MAX_BYTES 255

/* Appends the names, with commas, behind prefix; names that are there already
 * once. out has PROVIDER_MAX_BYTES of room. What is too long to be a name is
 * cut, and told apart by its sum. */
void provider_put_name(
    struct outbuf *out, struct str prefix, const struct str *names, uint32_t n);

#endif /* SHAPER_CORE_PROVIDER_H */
