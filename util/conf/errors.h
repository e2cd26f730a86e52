/* SPDX-License-Identifier: BSD-2-Clause */
/* errors: what is wrong in a configuration, all of it in one run. */
#ifndef UTIL_CONF_ERRORS_H
#define UTIL_CONF_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/fatal.h"
#include "util/text/str.h"

/* Further ones are only counted. */
#define CONF_ERRORS_MAX 100
/* Longest text of one, cut beyond. */
#define CONF_ERROR_MAX_BYTES 1024

struct conf_error {
	uint32_t file;                   /* index; sorts before the line */
	uint32_t line;                   /* from 1; 0: the file as a whole */
	uint32_t order;                  /* in which it was found */
	char text[CONF_ERROR_MAX_BYTES]; /* "FILE:LINE: ..."; lines of help
					  * follow, indented by 2 */
};

/* Others read n and n_more, and items[0 .. n - 1].text. */
struct conf_errors {
	struct conf_error *items;
	uint32_t n;
	uint32_t n_more; /* found, and not kept */
};

void conf_errors_init(struct conf_errors *errors);
void conf_errors_fini(struct conf_errors *errors);

/* By file, then line, then in the order they were found. */
void conf_errors_sort(struct conf_errors *errors);

/* Where an error is. */
struct conf_spot {
	const char *file_name;
	uint32_t file;
	uint32_t line;
};

/* Adds "FILE:LINE: " and the text. fmt has no newline at its end. Memory that
 * cannot be had ends the process: this is start-up. */
void conf_errors_add(struct conf_errors *errors, struct conf_spot spot,
    const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Appends all of them, a line each with its help, and how many were left out;
 * cut where out has no room. */
void conf_errors_put(const struct conf_errors *errors, struct outbuf *out);

#endif /* UTIL_CONF_ERRORS_H */
