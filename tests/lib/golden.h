/* SPDX-License-Identifier: BSD-2-Clause */
/* golden: compares what people read with the file in the tree. */
#ifndef TESTS_LIB_GOLDEN_H
#define TESTS_LIB_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/base/fatal.h"
#include "util/text/str.h"

/* Largest file, with a NUL behind it. Paths begin at the root of the tree,
 * where make check runs the tests. */
#define GOLDEN_MAX_BYTES 131072

/* Reads a whole file into text, a buffer of GOLDEN_MAX_BYTES. */
static inline void
golden_read(const char *path, char *text)
{
	FILE *fp = fopen(path, "r");
	size_t n;

	if (fp == NULL)
		fatal("cannot open %s", path);
	n = fread(text, 1, GOLDEN_MAX_BYTES, fp);
	if (ferror(fp) != 0 || n == GOLDEN_MAX_BYTES)
		fatal("cannot read %s", path);
	text[n] = '\0';
	(void)fclose(fp);
}

static inline void
golden_write(const char *path, struct str text)
{
	FILE *fp = fopen(path, "w");

	if (fp == NULL || fwrite(text.ptr, 1, text.len, fp) != text.len ||
	    fclose(fp) != 0)
		fatal("cannot write %s", path);
}

/* Ends the test with a message unless the file holds text, from its beginning
 * to its end. With GOLDEN=write in the environment it is written instead. */
static inline void
golden_check(const char *path, struct str text)
{
	static char want[GOLDEN_MAX_BYTES];

	if (getenv("GOLDEN") != NULL)
		golden_write(path, text);
	golden_read(path, want);
	if (!str_eq(str_from_c(want), text))
		fatal("%s is not what is made now; look at the difference "
		      "after: GOLDEN=write make check",
		    path);
}

#endif /* TESTS_LIB_GOLDEN_H */
