/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_int: what the files of this folder share of a configuration. */
#ifndef UTIL_CONF_CONF_INT_H
#define UTIL_CONF_CONF_INT_H

#include "util/base/arena.h"
#include "util/conf/conf.h"
#include "util/conf/tree.h"

/* A title, or a part of it, as it is searched for. */
struct conf_key {
	struct str text;
	uint32_t section; /* index in the array of its kind */
};

/* A title cut in parts, by how specific it is. */
struct conf_title {
	struct str parts[3]; /* globs; the number depends on the kind */
	uint32_t exact;      /* parts without wildcards */
	uint32_t literals;   /* bytes that are no wildcards */
	uint32_t section;
};

struct conf_titles {
	struct conf_title *items; /* most specific first */
	uint32_t n;
};

struct conf_section;

struct conf_index {
	struct arena arena; /* holds this struct's memory, and conf's */
	const char **files; /* names, by index */
	uint32_t n_files;
	struct conf_key *routes;         /* sorted; ".suffix" for "*.suffix" */
	struct conf_titles queues;       /* campaign, tenant, domain */
	struct conf_titles sites;        /* source, provider */
	struct conf_titles tenants;      /* name */
	struct conf_titles hosts;        /* each mx pattern of each provider */
	struct conf_queue queue_default; /* what no section says */
	struct conf_site site_default;
	struct conf_tenant tenant_default;
};

/* lookup.c: makes the search tables; conf is otherwise complete. */
void conf_index_build(struct conf *conf);

/* cross.c: adds what is wrong between parameters and sections. is_partial: a
 * file could not be read, so that nothing can be said to be missing. */
void conf_check(
    const struct conf *conf, bool is_partial, struct conf_errors *errors);

/* conf.c: a section as if its file had it empty. */
void conf_section_init(
    void *section, const struct conf_section *kind, struct arena *arena);

/* conf.c: the spot of a place. */
struct conf_spot conf_spot_of(const struct conf *conf, struct conf_place place);

#endif /* UTIL_CONF_CONF_INT_H */
