/* SPDX-License-Identifier: BSD-2-Clause */
/* heading: the fields of a header section, one by one. */
#ifndef CTL_CORE_HEADING_H
#define CTL_CORE_HEADING_H

#include <stdbool.h>

#include "util/text/str.h"

/* Views into the content. */
struct heading_field {
	struct str whole; /* with the CR LF of its last line */
	struct str name;
	struct str value; /* what follows the colon, folded as it came */
};

/*
 * Takes the field that *content, whose lines end in CR LF, begins with: a line
 * "name:", and the lines behind it that begin with a blank. Blanks before the
 * colon are taken (RFC 5322 4.5.8), as util/mail/header.h does. False: the
 * section has ended; content begins with the empty line, or with a line that
 * is no field and so begins the body.
 */
bool heading_next(struct str *content, struct heading_field *f);

#endif /* CTL_CORE_HEADING_H */
