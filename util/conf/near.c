/* SPDX-License-Identifier: BSD-2-Clause */
/* near: distance of names. */
#include "util/conf/near.h"

#include <string.h>

#include "util/text/ascii.h"

/* Letters of a name for each that may be wrong. */
#define LETTERS_PER_FAULT 3

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The rows i, i - 1 and i - 2 of the table of distances of all beginnings. */
struct rows {
	unsigned now[NEAR_MAX_BYTES + 1];
	unsigned last[NEAR_MAX_BYTES + 1];
	unsigned before[NEAR_MAX_BYTES + 1];
};

static unsigned
cell(const struct rows *rows, struct str a, struct str b, size_t i, size_t j)
{
	unsigned differs =
	    ascii_lower(a.ptr[i - 1]) != ascii_lower(b.ptr[j - 1]);
	unsigned n = least(rows->last[j], rows->now[j - 1]) + 1;

	n = least(n, rows->last[j - 1] + differs);
	if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
	    a.ptr[i - 2] == b.ptr[j - 1])
		n = least(n, rows->before[j - 2] + 1);
	return n;
}

unsigned
near_distance(struct str a, struct str b)
{
	struct rows rows = { .now = { 0 } };

	if (a.len > NEAR_MAX_BYTES || b.len > NEAR_MAX_BYTES)
		return NEAR_MAX_BYTES;
	for (size_t j = 0; j <= b.len; j++)
		rows.now[j] = (unsigned)j;
	for (size_t i = 1; i <= a.len; i++) {
		memcpy(rows.before, rows.last, sizeof(rows.last));
		memcpy(rows.last, rows.now, sizeof(rows.now));
		rows.now[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++)
			rows.now[j] = cell(&rows, a, b, i, j);
	}
	return rows.now[b.len];
}

/* The best guess so far. */
struct guess {
	const char *name;
	unsigned distance;
};

static void
consider(struct guess *guess, const char *candidate, struct str name)
{
	struct str c = str_from_c(candidate);
	unsigned distance = near_distance(c, name);

	if (distance > (c.len + LETTERS_PER_FAULT - 1) / LETTERS_PER_FAULT)
		return;
	if (guess->name != NULL && guess->distance <= distance)
		return;
	*guess = (struct guess){ candidate, distance };
}

static void
consider_section(
    struct guess *guess, const struct conf_section *section, struct str name)
{
	for (size_t i = 0; i < section->n; i++)
		consider(guess, section->params[i].name, name);
}

const char *
near_param(const struct conf_section *section, struct str name)
{
	struct guess guess = { .name = NULL };

	consider_section(&guess, section, name);
	return guess.name;
}

const char *
near_any(struct str name)
{
	struct guess guess = { .name = NULL };
	const struct conf_section *sections;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 0; i < n; i++)
		consider_section(&guess, &sections[i], name);
	return guess.name;
}

const char *
near_section(struct str name)
{
	struct guess guess = { .name = NULL };
	const struct conf_section *sections;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 1; i < n; i++) /* main cannot be written */
		consider(&guess, sections[i].name, name);
	return guess.name;
}
